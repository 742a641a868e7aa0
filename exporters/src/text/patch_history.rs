//! `history patches`: what changed about the kernel and its live patches, and how long
//! vulnerabilities were owed.

use super::Style;
use super::page::{Cell, Page};
use super::words::{count, moment, since};
use scrubjay_model::{
    CoverageRecord, ExposureRecord, ExposureTurnKind, FactRecord, KERNEL_RELATION, REBOOT_REASON,
    VERDICT, span,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Exposures of which clocks and end are the same, told as one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Group<'a> {
    fix: &'a str,
    released_unix_s: Option<i64>,
    installed_unix_s: Option<i64>,
    end: Option<(i64, &'static str, &'a str)>,
    clock_adjusted_ms: Option<i64>,
}

/// The page.
pub fn patch_history(
    exposures: &[ExposureRecord],
    changes: &[FactRecord],
    coverage: &[CoverageRecord],
    now_ms: i64,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    let watched = coverage.iter().map(|stretch| stretch.length).sum::<Duration>();
    page.sentence(
        0,
        &format!("watched for {}; what happened outside that is not here", span(watched)),
    );
    page.blank();
    page.heading("vulnerabilities fixed on disk and not in force, by the version that fixes them:");
    if exposures.is_empty() {
        page.sentence(2, "none was seen to be owed");
    }
    let mut groups: BTreeMap<Group<'_>, usize> = BTreeMap::new();
    for exposure in exposures {
        *groups.entry(group(exposure)).or_default() += 1;
    }
    let mut rows = Vec::new();
    for (group, n) in &groups {
        let day = |at_s: Option<i64>| {
            at_s.map_or_else(|| "not known".to_owned(), |s| moment(s.saturating_mul(1000)))
        };
        let end_ms = group.end.map_or(now_ms, |(at_ms, _, _)| at_ms);
        let exposed = |since_s: Option<i64>| {
            since_s.map_or_else(|| "not known".to_owned(), |since_s| since(since_s, end_ms))
        };
        let end = match group.end {
            None => "still owed".to_owned(),
            Some((at_ms, what, by)) => format!("{what} {by}, {}", moment(at_ms)),
        };
        rows.push(vec![
            Cell::left(count(*n, "CVE", "CVEs")),
            Cell::left(format!("in {}", group.fix)),
            Cell::left(format!("released {}", day(group.released_unix_s))),
            Cell::left(format!("exposed {}", exposed(group.released_unix_s))),
            Cell::left(format!("on disk for {} of that", exposed(group.installed_unix_s))),
            Cell::left(end),
        ]);
    }
    page.table(2, &rows);
    let adjusted: BTreeSet<i64> =
        groups.keys().filter_map(|group| group.clock_adjusted_ms).collect();
    for by_ms in adjusted {
        let n: usize = groups
            .iter()
            .filter(|(group, _)| group.clock_adjusted_ms == Some(by_ms))
            .map(|(_, n)| n)
            .sum();
        let by = span(Duration::from_millis(by_ms.unsigned_abs()));
        let direction = if by_ms < 0 { "back" } else { "forward" };
        page.sentence(
            2,
            &format!(
                "the clock was set {direction} by {by} in all while {} owed: the times above are \
                 wrong by up to that",
                count(n, "of them was", "of them were")
            ),
        );
    }
    let (concluded, read): (Vec<&FactRecord>, Vec<&FactRecord>) =
        changes.iter().partition(|change| is_conclusion(&change.name));
    write_changes(&mut page, "what was concluded:", &concluded);
    write_changes(&mut page, "what was read:", &read);
    page.into_text()
}

/// Whether the agent concluded it, rather than reading it.
fn is_conclusion(name: &str) -> bool {
    [KERNEL_RELATION, REBOOT_REASON, VERDICT].contains(&name)
}

fn write_changes(page: &mut Page, heading: &str, changes: &[&FactRecord]) {
    page.blank();
    page.heading(heading);
    if changes.is_empty() {
        page.sentence(2, "no change was seen");
    }
    let row = |change: &&FactRecord| {
        let value = change.value.as_deref().unwrap_or(&change.state);
        let about = match change.subject.as_str() {
            "" => change.name.clone(),
            subject => format!("{} {subject}", change.name),
        };
        vec![Cell::left(moment(change.at_wall_ms)), Cell::left(about), Cell::left(value)]
    };
    page.table(2, &changes.iter().map(row).collect::<Vec<_>>());
}

fn group(exposure: &ExposureRecord) -> Group<'_> {
    let last =
        exposure.turns.iter().rev().find(|turn| Some(turn.at_wall_ms) == exposure.ended_wall_ms());
    let end = last.map(|turn| {
        let what = match turn.what {
            ExposureTurnKind::Mitigated => "live-patched by",
            ExposureTurnKind::Closed => "ended by booting",
            ExposureTurnKind::Unmitigated => "owed again after",
        };
        (turn.at_wall_ms, what, turn.by.as_str())
    });
    Group {
        fix: exposure.fix_version.as_str(),
        released_unix_s: exposure.released_unix_s,
        installed_unix_s: exposure.installed_unix_s,
        end,
        clock_adjusted_ms: exposure.clock_adjusted_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::BootId;

    #[test]
    fn what_was_concluded_comes_before_what_was_read() {
        let fact = |at_wall_ms, name: &str, subject: &str, value: Option<&str>| FactRecord {
            at_wall_ms,
            boot: BootId::unknown(),
            name: name.to_owned(),
            subject: subject.to_owned(),
            value: value.map(str::to_owned),
            state: if value.is_some() { "ok" } else { "gone" }.to_owned(),
        };
        let changes = [
            fact(0, "kernel.release", "", Some("6.1.0-1-amd64")),
            fact(0, KERNEL_RELATION, "", Some("current")),
            fact(60_000, REBOOT_REASON, "kernel-behind host", Some("plan")),
            fact(90_000, REBOOT_REASON, "kernel-behind host", None),
        ];
        let page = patch_history(&[], &changes, &[], 90_000, &Style { colour: false, all: true });
        insta::assert_snapshot!(page, @r"
        watched for 0 s; what happened outside that is not here

        vulnerabilities fixed on disk and not in force, by the version that fixes them:
          none was seen to be owed

        what was concluded:
          1970-01-01T00:00:00Z  kernel.relation                   current
          1970-01-01T00:01:00Z  reboot.reason kernel-behind host  plan
          1970-01-01T00:01:30Z  reboot.reason kernel-behind host  gone

        what was read:
          1970-01-01T00:00:00Z  kernel.release  6.1.0-1-amd64
        ");
    }
}
