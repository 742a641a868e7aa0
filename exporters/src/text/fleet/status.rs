//! `fleet status`: the worst first, then what cannot be seen, then who does not report.

use super::super::Style;
use super::super::page::{BOLD, Cell, FAINT, Page, WARN, paint_of, sign_of};
use super::super::words::{count, moment, span};
use super::{
    coverage_in_words, group_in_words, hosts, last_seen, verdicts_in_words, what_is_missing,
};
use scrubjay_model::{CoverageState, FleetStatus, HostLine, RebootAnswer, Rising, Verdict};
use std::time::Duration;

/// Hosts that are listed unless all are asked for.
const LISTED: usize = 20;

/// How a fleet is.
pub fn fleet_status(status: &FleetStatus, style: &Style) -> String {
    let mut page = Page::new(*style);
    head(&mut page, status);
    page.blank();
    what_is_missing(&mut page, &status.lacks, &status.notes);
    let look_back = span(Duration::from_millis(u64::try_from(status.look_back_ms).unwrap_or(0)));
    page.field(
        0,
        "hosts",
        &format!(
            "{} seen within {look_back} before {}, {} of them report",
            status.hosts,
            moment(status.at_ms),
            status.reporting
        ),
    );
    page.field(0, "verdicts", &verdicts_in_words(&status.verdicts));
    if !status.actions.is_empty() {
        let of = |(action, n): &(String, u64)| format!("{action} at {n}");
        page.field(0, "to do", &status.actions.iter().map(of).collect::<Vec<_>>().join(", "));
    }
    let sums = &status.coverage;
    page.field(
        0,
        "seen",
        &format!("corrected errors: {}", coverage_in_words(sums, |s| s.correctable)),
    );
    page.more(0, &format!("uncorrected errors: {}", coverage_in_words(sums, |s| s.uncorrectable)));
    if !status.gaps.is_empty() {
        let of = |(code, n): &(String, u64)| format!("{code} at {n}");
        page.field(0, "hidden by", &status.gaps.iter().map(of).collect::<Vec<_>>().join(", "));
    }
    silent(&mut page, status);
    worst(&mut page, status, style.all);
    rising(&mut page, status.rising.as_ref());
    page.into_text()
}

fn head(page: &mut Page, status: &FleetStatus) {
    let of = |wanted: Verdict| {
        let found = status.verdicts.iter().find(|(verdict, _)| *verdict == wanted);
        found.map_or(0, |(_, hosts)| *hosts)
    };
    let silent = status.hosts.saturating_sub(status.reporting);
    let (act, plan) = (of(Verdict::Act), of(Verdict::Plan));
    let (word, paint) = match (act, plan, status.hosts) {
        (1.., _, _) => ("ACT", paint_of(Verdict::Act)),
        (0, 1.., _) => ("PLAN", paint_of(Verdict::Plan)),
        (0, 0, 0) => ("UNKNOWN", paint_of(Verdict::Unknown)),
        _ if of(Verdict::Watch) > 0 => ("WATCH", paint_of(Verdict::Watch)),
        _ if silent > 0 || of(Verdict::Unknown) > 0 || !status.lacks.is_empty() => {
            ("UNKNOWN", paint_of(Verdict::Unknown))
        }
        _ => ("OK", paint_of(Verdict::Ok)),
    };
    let said = format!(
        " — {} to act on now, {} to plan for, {} without a report",
        hosts(act),
        plan,
        silent
    );
    page.line(&[("fleet: ", BOLD), (word, paint), (&said, BOLD)]);
}

fn silent(page: &mut Page, status: &FleetStatus) {
    if status.silent.is_empty() {
        return;
    }
    page.blank();
    page.heading("do not report:");
    let head = ["last seen", "host", "group", "last verdict", "agent"];
    let mut rows = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    let grouped = status.silent.iter().any(|host| host.group.is_some());
    for host in &status.silent {
        let seen = last_seen(host.last_seen_ms, status.at_ms, status.look_back_ms);
        rows.push(vec![
            Cell::left(seen).painted(WARN),
            Cell::left(&host.host),
            Cell::left(group_in_words(host.group.as_deref())),
            Cell::left(host.last_verdict.map_or("not known", Verdict::as_str)),
            Cell::left(match host.answers {
                Some(true) => "answers, with stale readings or none",
                Some(false) => "does not answer",
                None => "is not scraped",
            }),
        ]);
    }
    page.table(2, &without_groups(rows, grouped));
}

/// Where no host is in a group, there is no column of groups: the third.
fn without_groups(mut rows: Vec<Vec<Cell>>, grouped: bool) -> Vec<Vec<Cell>> {
    if !grouped {
        for row in rows.iter_mut().filter(|row| row.len() > 2) {
            row.remove(2);
        }
    }
    rows
}

fn worst(page: &mut Page, status: &FleetStatus, all: bool) {
    // Of those that are well there is nothing to say.
    let listed = |line: &&HostLine| all || line.verdict > Verdict::Ok || line.namesakes;
    let lines: Vec<&HostLine> = status.worst.iter().filter(listed).collect();
    if lines.is_empty() {
        return;
    }
    page.blank();
    page.heading("worst first:");
    let shown = if all { lines.len() } else { lines.len().min(LISTED) };
    let head = ["verdict", "host", "group", "reboot", "risk", "seen", "why"];
    let mut rows = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    for line in lines.iter().take(shown) {
        let verdict = format!("{:<2} {}", sign_of(line.verdict), line.verdict.as_str());
        rows.push(vec![
            Cell::left(verdict).painted(paint_of(line.verdict)),
            Cell::left(&line.host),
            Cell::left(group_in_words(line.group.as_deref())),
            Cell::left(line.reboot.map_or("not told", RebootAnswer::as_str)),
            Cell::left(line.risk.map(percent).unwrap_or_default()),
            Cell::left(line.coverage.map_or("not told", CoverageState::as_str)),
            Cell::left(why(line)),
        ]);
    }
    let grouped = lines.iter().any(|line| line.group.is_some());
    page.table(2, &without_groups(rows, grouped));
    if shown < lines.len() {
        let more = count(u64::try_from(lines.len() - shown).unwrap_or(u64::MAX), "host", "hosts");
        page.sentence(2, &format!("and {more} more; --all lists them"));
    }
}

fn why(line: &HostLine) -> String {
    if line.namesakes {
        return "several targets bear this name".to_owned();
    }
    let Some(finding) = &line.because else { return String::new() };
    let subject = match finding.subject.as_str() {
        "" | "host" => String::new(),
        subject => format!(" {subject}"),
    };
    let more = if line.more_findings > 0 {
        format!(", and {} more", line.more_findings)
    } else {
        String::new()
    };
    format!("{}{subject}: {}{more}", finding.code, finding.action)
}

fn rising(page: &mut Page, rising: Option<&Rising>) {
    page.blank();
    let Some(Rising { tested, false_share, sticks }) = rising else {
        page.field(0, "rising", "not told: no agent of the fleet exports the trend of its sticks");
        return;
    };
    let of = count(*tested, "stick", "sticks");
    let share = percent(*false_share);
    if sticks.is_empty() {
        page.field(0, "rising", &format!("no stick, given that {of} were tested"));
        return;
    }
    page.heading("errors rise:");
    page.sentence(
        2,
        &format!(
            "{} of {of} tested; up to {share} of those listed may be there by chance",
            sticks.len()
        ),
    );
    let head = ["host", "slot", "p", "adjusted"];
    let mut rows = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    for stick in sticks {
        rows.push(vec![
            Cell::left(&stick.host),
            Cell::left(&stick.slot),
            Cell::left(format!("{:.1e}", stick.p)),
            Cell::left(format!("{:.1e}", stick.adjusted_p)),
        ]);
    }
    page.table(2, &rows);
}

/// A probability; what is less than a tenth of a hundredth is said so.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent > 0.0 && percent < 0.1 { "<0.1%".to_owned() } else { format!("{percent:.1}%") }
}
