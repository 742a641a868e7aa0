//! `explain reboot`: every rule on patches with what it found, and the numbers behind it.

use super::page::{Page, paint_of, sign_of};
use super::words::{self, moment, moment_ago};
use super::{Style, patches};
use anstyle::Style as Paint;
use scrubjay_model::{
    Action, Finding, HostView, KernelDebt, MissingFix, PatchTruth, Reading, RebootNeed, Verdict,
};
use serde::Serialize;
use std::cmp::Reverse;

/// A rule, and what it found on the host.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedRule<'a> {
    /// Code of its finding.
    pub code: &'static str,
    /// What must hold, in words.
    pub condition: &'static str,
    /// How bad that is.
    pub verdict: Verdict,
    /// What to do then.
    pub action: Action,
    /// Whether a reboot helps: `yes`, `no`, or `if …`.
    pub reboot_helps: String,
    /// The key of the configuration that moves its limit.
    pub policy_key: Option<&'static str>,
    /// What it found; empty where it does not hold, or where nothing could be looked at.
    pub findings: Vec<&'a Finding>,
}

/// Vulnerabilities named before they are only counted.
const NAMED: usize = 10;

/// The page.
pub fn explain_reboot(view: &HostView, rules: &[ExplainedRule<'_>], style: &Style) -> String {
    let mut page = Page::new(*style);
    let now_ms = view.snapshot.at.wall_ms;
    answer(&mut page, view);
    let need = view.history.value().and_then(|history| history.reboot_needed.as_ref());
    if let Some(RebootNeed { since_wall_ms, reasons: _ }) = need {
        page.field(2, "asked for since", &moment_ago(*since_wall_ms, now_ms));
    }
    page.blank();
    page.heading("reasons:");
    let mut reasons = view.assessment.reboot_reasons().peekable();
    if reasons.peek().is_none() {
        page.sentence(2, "none of the findings asks for a reboot");
    }
    for reason in reasons {
        let sign = format!("{:<2} {}", sign_of(reason.verdict), reason.code);
        page.line(&[("  ", Paint::new()), (&sign, paint_of(reason.verdict))]);
        page.field(5, "because", &reason.because);
        page.field(5, "a reboot", words::reboot_helps(reason.reboot_helps));
    }
    page.blank();
    page.heading("what this rests on:");
    let snapshot = &view.snapshot;
    super::facts::kernel(&mut page, &snapshot.kernel);
    patches::packages(&mut page, &snapshot.packages);
    patches::next_boot(&mut page, &snapshot.boot_images);
    patches::truth(&mut page, view.assessment.patches.as_ref(), now_ms);
    page.blank();
    if let Some(PatchTruth { debt: Reading::Value(debt), .. }) = &view.assessment.patches {
        owed(&mut page, debt, now_ms);
    }
    page.heading("every rule on patches, those that found something first:");
    page.sentence(
        2,
        "one finds nothing too where what it rests on could not be read: that stands above, and in \
         scrubjay doctor",
    );
    let (hold, do_not): (Vec<_>, Vec<_>) = rules.iter().partition(|one| !one.findings.is_empty());
    for one in hold.into_iter().chain(do_not) {
        rule(&mut page, one);
    }
    page.into_text()
}

fn rule(page: &mut Page, rule: &ExplainedRule<'_>) {
    let ExplainedRule { code, condition, verdict, action, reboot_helps, policy_key, findings } =
        rule;
    let (word, own) = (verdict.as_str(), (sign_of(*verdict), paint_of(*verdict)));
    let ((sign, paint), tail) = match findings.as_slice() {
        [] => (("-", Paint::new()), format!(": found nothing ({word} if it did)")),
        [_] => (own, format!(": holds ({word})")),
        [_, ..] => (own, format!(": holds {} times ({word})", findings.len())),
    };
    let head = format!("{sign:<2} {code}");
    page.line(&[("  ", Paint::new()), (&head, paint), (&tail, Paint::new())]);
    page.sentence(5, condition);
    let limit = policy_key.map(|key| format!("; limit: {key}")).unwrap_or_default();
    page.sentence(5, &format!("then: {}; a reboot helps: {reboot_helps}{limit}", action.as_str()));
}

fn answer(page: &mut Page, view: &HostView) {
    let (word, verdict, rest) = match view.assessment.reboot_required() {
        Some(true) => ("YES", Verdict::Plan, "a reboot is asked for, and it helps"),
        Some(false) => ("NO", Verdict::Ok, "nothing asks for a reboot that would help"),
        None => ("UNKNOWN", Verdict::Unknown, "it cannot be told whether a reboot is needed"),
    };
    page.line(&[
        ("reboot: ", Paint::new()),
        (word, paint_of(verdict)),
        (" — ", Paint::new()),
        (rest, Paint::new()),
    ]);
}

/// Those owed, the worst first: exploited, then by severity, then by age.
fn owed(page: &mut Page, debt: &KernelDebt, now_ms: i64) {
    let mut owed: Vec<&MissingFix> = debt.owed().collect();
    if owed.is_empty() {
        return;
    }
    owed.sort_by_key(|missing| {
        let rank = missing.rank.unwrap_or_default();
        let released = missing.fix.released_unix_s.unwrap_or(i64::MAX);
        (Reverse(rank.exploited), Reverse(rank.severity), released, missing.fix.cve)
    });
    let ranked = owed.iter().any(|missing| missing.rank.is_some());
    let order = if ranked { "the worst first" } else { "the oldest first: no list ranks them" };
    page.heading(&format!("fixed on disk and not running, {order}:"));
    for missing in owed.iter().take(NAMED) {
        page.field(2, &missing.fix.cve.to_string(), &one(missing, now_ms));
    }
    if owed.len() > NAMED {
        page.sentence(2, &format!("and {} more; --json names them all", owed.len() - NAMED));
    }
    page.blank();
}

fn one(missing: &MissingFix, now_ms: i64) -> String {
    let ago = |at_s: i64| words::since(at_s, now_ms);
    let mut parts = vec![format!("in {}", missing.fix.version)];
    if let Some(at) = missing.fix.released_unix_s {
        parts.push(format!("released {} ago", ago(at)));
    }
    if let Some(at) = missing.installed_unix_s {
        parts.push(format!("installed {} ago", ago(at)));
    }
    if let Some(rank) = missing.rank {
        if rank.exploited {
            parts.push("known to be exploited".to_owned());
        }
        parts.extend(rank.severity.map(|severity| severity.as_str().to_owned()));
        parts.extend(rank.epss_millionths.map(|millionths| {
            format!("EPSS {}.{:02} %", millionths / 10_000, millionths % 10_000 / 100)
        }));
    }
    if missing.state.kind() == "in_flight" {
        parts.push("in a live patch in transition".to_owned());
    }
    parts.join(", ")
}

/// A finding with its page of the runbook: `explain CODE`.
pub fn explain_finding(view: &HostView, code: &str, runbook: &str, style: &Style) -> String {
    let mut page = Page::new(*style);
    let assessment = &view.assessment;
    let found: Vec<Finding> = assessment
        .findings
        .iter()
        .chain(&assessment.coverage.findings)
        .filter(|finding| finding.code == code)
        .cloned()
        .collect();
    page.heading(&format!("{code}, read {}:", moment(view.snapshot.at.wall_ms)));
    if found.is_empty() {
        page.sentence(2, "not found on this host now");
    }
    super::status::grouped(&mut page, &found, &view.alerts);
    page.blank();
    let mut text = page.into_text();
    text.push_str(runbook);
    text
}

/// The answer of `reboot-required`, on one line.
pub fn reboot_required(view: &HostView) -> String {
    let codes: Vec<String> = view
        .assessment
        .reboot_reasons()
        .map(|reason| format!("{} ({})", reason.code, words::reboot_helps(reason.reboot_helps)))
        .collect();
    let reasons = if codes.is_empty() { "no reason".to_owned() } else { codes.join(", ") };
    match view.assessment.reboot_required() {
        Some(true) => format!("reboot required: {reasons}\n"),
        Some(false) => "no reboot required\n".to_owned(),
        None if codes.is_empty() => {
            let why = view.assessment.patches.as_ref().map(|truth| truth.kernel.because.as_str());
            let why = why.unwrap_or("the kernel was not looked at");
            format!("cannot tell whether a reboot is required: {why}\n")
        }
        None => format!("cannot tell whether a reboot would help: {reasons}\n"),
    }
}
