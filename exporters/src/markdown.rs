//! Plans and reports about a fleet in Markdown, for tickets and mails.
//!
//! Names come from labels, and so from whoever writes them: what Markdown would take for its own is
//! escaped.

use crate::printable;
use crate::text::fleet::report::{exposed, headline, standing, until};
use crate::text::fleet::{
    block_in_words, coverage_in_words, group_in_words, last_seen, tasks_in_words, verdicts_in_words,
};
use scrubjay_model::{FleetPlan, FleetReport, ReportRow, Standing};
use std::fmt::Write as _;

/// A plan.
pub fn fleet_plan(plan: &FleetPlan) -> String {
    let mut out = String::new();
    let visits = plan.visits().count();
    put(&mut out, &format!("# Visits: {visits} in {} waves", plan.waves.len()));
    let by =
        plan.group_by.as_deref().map_or_else(|| "of all".to_owned(), |by| format!("of each {by}"));
    put(&mut out, "");
    put(&mut out, &format!("At most {} {} at once.", plan.at_once, escaped(&by)));
    for note in &plan.notes {
        put(&mut out, "");
        put(&mut out, &format!("**{}.**", escaped(note)));
    }
    if !plan.blocked.is_empty() {
        heading(&mut out, "Blocked");
        let rows = plan.blocked.iter().map(|blocked| {
            let why: Vec<String> = blocked.because.iter().map(block_in_words).collect();
            let tasks = tasks_in_words(&blocked.tasks);
            [blocked.host.clone(), group(&blocked.group), tasks, why.join("; ")]
        });
        table(&mut out, ["host", "group", "would", "why not"], rows);
    }
    for wave in &plan.waves {
        let when = wave.begins.as_deref().map(|begins| format!(": {begins}")).unwrap_or_default();
        heading(&mut out, &format!("Wave {}{when}", wave.number));
        let rows = wave.visits.iter().map(|visit| {
            [
                format!("[ ] {}", visit.host),
                group(&visit.group),
                visit.verdict.as_str().to_owned(),
                tasks_in_words(&visit.tasks),
            ]
        });
        table(&mut out, ["host", "group", "verdict", "do"], rows);
    }
    if !plan.done.is_empty() {
        heading(&mut out, "Done");
        let rows = plan
            .done
            .iter()
            .map(|done| [format!("[x] {}", done.host), group(&done.group), done.because.clone()]);
        table(&mut out, ["host", "group", "shown by"], rows);
    }
    if !plan.new_since.is_empty() {
        heading(&mut out, "Not part of this plan");
        put(&mut out, &escaped(&plan.new_since.join(", ")));
    }
    out
}

/// A report.
pub fn fleet_report(report: &FleetReport) -> String {
    let mut out = String::new();
    put(&mut out, &format!("# {}", escaped(&headline(report))));
    put(&mut out, "");
    put(
        &mut out,
        &format!(
            "As of {}. Limit: a released fix is in force within {} days.",
            moment(report.at_ms),
            report.limit_days
        ),
    );
    for lack in &report.lacks {
        put(&mut out, "");
        put(&mut out, &format!("**Cannot be told:** {}.", escaped(lack)));
    }
    for note in &report.notes {
        put(&mut out, "");
        put(&mut out, &format!("**To be known:** {}.", escaped(note)));
    }
    put(&mut out, "");
    let rows = report.standing.iter().map(|sum| {
        let percent = sum.percent.map(|percent| format!("{percent:.1}%")).unwrap_or_default();
        [standing(sum.standing).to_owned(), sum.hosts.to_string(), percent]
    });
    table(&mut out, ["limit", "hosts", "share"], rows);
    put(&mut out, "");
    put(&mut out, &format!("- Verdicts: {}", verdicts_in_words(&report.verdicts)));
    let sums = &report.coverage;
    put(
        &mut out,
        &format!("- Corrected errors seen: {}", coverage_in_words(sums, |s| s.correctable)),
    );
    put(
        &mut out,
        &format!("- Uncorrected errors seen: {}", coverage_in_words(sums, |s| s.uncorrectable)),
    );
    put(
        &mut out,
        &format!("- To reboot: {}; with a stick to swap: {}", report.to_reboot, report.to_swap),
    );
    rows_of(&mut out, "Without data", Standing::NoData, report);
    rows_of(&mut out, "Outside the limit", Standing::Outside, report);
    if !report.live_patch_only.is_empty() {
        heading(&mut out, "Protected by live patches alone");
        let rows = report.live_patch_only.iter().map(|host| {
            let cves = host.cves.map_or_else(|| "?".to_owned(), |cves| cves.to_string());
            [host.host.clone(), group(&host.group), cves, until(host)]
        });
        table(&mut out, ["host", "group", "fixes", "until"], rows);
    }
    if let Some(by) = &report.group_by {
        heading(&mut out, &format!("By {by}"));
        let rows = report.groups.iter().map(|sum| {
            let counts =
                [sum.hosts, sum.within, sum.outside, sum.no_data, sum.to_reboot, sum.to_swap];
            let [hosts, within, outside, no_data, reboot, swap] = counts.map(|n| n.to_string());
            [group(&sum.group), hosts, within, outside, no_data, reboot, swap]
        });
        let head = ["group", "hosts", "within", "outside", "no data", "to reboot", "to swap"];
        table(&mut out, head, rows);
    }
    out
}

fn rows_of(out: &mut String, title: &str, wanted: Standing, report: &FleetReport) {
    let found: Vec<&ReportRow> = report.rows.iter().filter(|row| row.standing == wanted).collect();
    if found.is_empty() {
        return;
    }
    heading(out, title);
    let rows = found.iter().map(|row| {
        let seen = match row.verdict {
            Some(_) => "reports".to_owned(),
            None => last_seen(row.last_seen_ms, report.at_ms, report.look_back_ms),
        };
        [row.host.clone(), group(&row.group), exposed(row), seen, row.because.join(", ")]
    });
    table(out, ["host", "group", "exposed", "last seen", "why"], rows);
}

fn group(group: &Option<String>) -> String {
    group_in_words(group.as_deref()).to_owned()
}

fn moment(wall_ms: i64) -> String {
    jiff::Timestamp::from_second(wall_ms.div_euclid(1000))
        .map_or_else(|_| format!("{wall_ms} ms after 1970"), |moment| moment.to_string())
}

fn heading(out: &mut String, title: &str) {
    put(out, "");
    put(out, &format!("## {}", escaped(title)));
    put(out, "");
}

fn table<const N: usize>(
    out: &mut String,
    head: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) {
    put(out, &format!("| {} |", head.join(" | ")));
    put(out, &format!("|{}", "---|".repeat(N)));
    for row in rows {
        let cells = row.map(|cell| match cell.split_once("] ") {
            // A box to tick.
            Some((before, rest)) if before.starts_with('[') && before.len() == 2 => {
                format!("{before}] {}", escaped(rest))
            }
            Some(_) | None => escaped(&cell),
        });
        put(out, &format!("| {} |", cells.join(" | ")));
    }
}

fn put(out: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{line}");
}

/// A text that Markdown takes as it is, on one line.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in printable(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '~') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup_and_boxes_are() {
        let mut out = String::new();
        let rows = [["[ ] a|b".to_owned(), "<i>\n_x_".to_owned()]];
        table(&mut out, ["host", "group"], rows.into_iter());
        assert_eq!(out, "| host | group |\n|---|---|\n| [ ] a\\|b | \\<i\\>\\\\u{a}\\_x\\_ |\n");
    }
}
