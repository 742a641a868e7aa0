//! What the verdicts on sticks of memory amount to for the host: one finding for each that is to be
//! followed at least, under the code of the reason that decides.

use crate::finding::{FindingExt, finding, many};
use scrubjay_model::{
    Action, Assessment, DimmReason, DimmVerdict, Finding, RebootHelps, Verdict, shell_word,
};

/// Which of several reasons of one weight decides, the first that is there: the shape of a fault
/// outlasts a storm, so that a finding does not change its name from day to day.
const DECIDES: [&str; 10] = [
    "dimm-uncorrected",
    "dimm-wide-storm",
    "dimm-policy",
    "dimm-risk",
    "dimm-channel",
    "dimm-several-signs",
    "dimm-fault",
    "dimm-rising",
    "dimm-storm",
    "dimm-pages",
];

/// Sticks that have a finding of their own.
const LISTED: usize = 32;

/// What a raw count amounts to; a verdict on the stick says more.
const BY_COUNT: &str = "corrected-errors";

/// An assessment with the verdicts on sticks. What was found of their raw counts gives way to what
/// was found of the sticks, also if that is that all is well: whoever looked at the places of errors
/// and at their times has seen more than a number. Where that was not possible the number stands.
pub fn with_dimms(assessment: Assessment, dimms: Vec<DimmVerdict>) -> Assessment {
    let judged = || dimms.iter().filter(|dimm| dimm.verdict != Verdict::Unknown);
    let is_judged = |subject: &String| judged().any(|dimm| dimm.counted_at.contains(subject));
    let mut worst: Vec<&DimmVerdict> =
        judged().filter(|dimm| dimm.verdict >= Verdict::Watch).collect();
    worst.sort_by_key(|dimm| std::cmp::Reverse(dimm.verdict));
    let rest = worst.split_off(worst.len().min(LISTED));
    let mut found: Vec<Finding> = worst.iter().filter_map(|dimm| of_dimm(dimm)).collect();
    found.extend(summed_up(&rest));
    let mut kept = assessment;
    kept.findings.retain(|finding| finding.code != BY_COUNT || !is_judged(&finding.subject));
    let Assessment { coverage, findings, patches, .. } = kept;
    Assessment { patches, dimms, ..Assessment::new(coverage, findings) }.and(found)
}

/// Sticks beyond those that are listed: a host of which so many are ailing has another trouble than
/// each of them.
fn summed_up(rest: &[&DimmVerdict]) -> Option<Finding> {
    let first = of_dimm(rest.first()?)?;
    let because = format!(
        "{} of memory that are {} or less; the first of them: {}",
        many(rest.len(), "more stick"),
        first.verdict.as_str(),
        first.because
    );
    let remedy = "see scrubjay dimms: so many at once are a matter of the host, its firmware or its cooling before they are one of sticks";
    let errors = rest.iter().fold(0_u64, |sum, dimm| sum.saturating_add(dimm.errors));
    let action = Action::InvestigateChannelOrCpu;
    Some(finding(first.code, first.verdict, action, because, remedy).counting(errors))
}

fn of_dimm(dimm: &DimmVerdict) -> Option<Finding> {
    let rank = |reason: &DimmReason| DECIDES.iter().position(|code| *code == reason.code);
    let worst = |reason: &&DimmReason| reason.verdict == dimm.verdict;
    let decides = dimm.reasons.iter().filter(worst).min_by_key(|reason| {
        // One that is not listed comes last.
        rank(reason).unwrap_or(DECIDES.len())
    })?;
    let others = dimm
        .reasons
        .iter()
        .filter(|reason| reason.code != decides.code && reason.verdict >= Verdict::Watch);
    let also: Vec<&str> = others.map(|reason| reason.code).collect();
    let mut because = decides.text.clone();
    if !also.is_empty() {
        because.push_str(&format!("; also {}", also.join(", ")));
    }
    let remedy =
        format!("{} (scrubjay explain {} tells all of it)", dimm.sentence, shell_word(&dimm.name));
    // Whatever helps against one of several reasons does not help against all.
    let helps = if decides.reboot_helps == RebootHelps::Yes && !also.is_empty() {
        RebootHelps::Unknown
    } else {
        decides.reboot_helps
    };
    let found = finding(decides.code, dimm.verdict, dimm.action, because, remedy);
    // That it errs on is a change for whoever said that it is known.
    Some(found.on(dimm.name.clone()).reboot(helps).counting(dimm.errors))
}

#[cfg(test)]
pub(crate) mod tests;
