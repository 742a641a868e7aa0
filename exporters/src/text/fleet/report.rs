//! `fleet report`: how many hosts are within the limit, outside of it, and not known.

use super::super::Style;
use super::super::page::{BOLD, Cell, FAINT, Page, WARN, paint_of};
use super::super::words::moment;
use super::{
    coverage_in_words, group_in_words, hosts, last_seen, verdicts_in_words, what_is_missing,
};
use scrubjay_model::{FleetReport, GroupSum, LivePatchOnly, ReportRow, Standing, Verdict};

/// Hosts that are listed unless all are asked for.
const LISTED: usize = 20;
const DAY_S: u64 = 86_400;

/// How a fleet stands.
pub fn fleet_report(report: &FleetReport, style: &Style) -> String {
    let mut page = Page::new(*style);
    page.line(&[(&headline(report), BOLD)]);
    page.blank();
    what_is_missing(&mut page, &report.lacks, &report.notes);
    page.field(0, "as of", &moment(report.at_ms));
    page.field(
        0,
        "limit",
        &format!("a released fix is in force within {} days", report.limit_days),
    );
    for sum in &report.standing {
        let percent = sum.percent.map(|percent| format!(" ({percent:.1}%)")).unwrap_or_default();
        page.field(0, standing(sum.standing), &format!("{}{percent}", hosts(sum.hosts)));
    }
    page.field(0, "verdicts", &verdicts_in_words(&report.verdicts));
    let sums = &report.coverage;
    page.field(
        0,
        "seen",
        &format!("corrected errors: {}", coverage_in_words(sums, |s| s.correctable)),
    );
    page.more(0, &format!("uncorrected errors: {}", coverage_in_words(sums, |s| s.uncorrectable)));
    page.field(0, "to reboot", &hosts(report.to_reboot));
    page.field(0, "to swap", &format!("a stick of memory at {}", hosts(report.to_swap)));
    page.field(
        0,
        "live patches",
        &format!("alone protect {}", hosts(len(&report.live_patch_only))),
    );
    let of = |wanted: Standing| report.rows.iter().filter(move |row| row.standing == wanted);
    rows(&mut page, "without data:", of(Standing::NoData), report, true);
    rows(
        &mut page,
        "outside the limit, the longest first:",
        of(Standing::Outside),
        report,
        style.all,
    );
    live_patches(&mut page, &report.live_patch_only, style.all);
    if report.group_by.is_some() {
        groups(&mut page, report);
    }
    page.into_text()
}

/// The answer in one line.
pub(crate) fn headline(report: &FleetReport) -> String {
    let of = |standing: Standing| {
        let found = report.standing.iter().find(|sum| sum.standing == standing);
        found.map_or(0, |sum| sum.hosts)
    };
    format!(
        "fleet: {} of {} outside the limit, {} within it, {} without data",
        of(Standing::Outside),
        hosts(report.hosts),
        of(Standing::Within),
        of(Standing::NoData)
    )
}

pub(crate) fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Within => "within",
        Standing::Outside => "outside",
        Standing::NoData => "no data",
    }
}

pub(crate) fn exposed(row: &ReportRow) -> String {
    row.exposed_s.map_or_else(|| "not told".to_owned(), |s| format!("{} d", s / DAY_S))
}

/// Until when, and what that rests on.
pub(crate) fn until(host: &LivePatchOnly) -> String {
    let Some(until_ms) = host.until_ms else { return "not told".to_owned() };
    let basis = match host.basis.as_deref() {
        Some("usual") => " at the latest, by the vendor's usual window",
        Some(_) | None => "",
    };
    let over = if host.has_ended { ", which is over" } else { "" };
    format!("{}{basis}{over}", moment(until_ms))
}

fn rows<'r>(
    page: &mut Page,
    heading: &str,
    rows: impl Iterator<Item = &'r ReportRow>,
    report: &FleetReport,
    all: bool,
) {
    let found: Vec<&ReportRow> = rows.collect();
    if found.is_empty() {
        return;
    }
    page.blank();
    page.heading(heading);
    let head = ["host", "group", "exposed", "owed", "last seen", "why"];
    let mut table = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    let shown = if all { found.len() } else { found.len().min(LISTED) };
    for row in found.iter().take(shown) {
        let seen = match row.verdict {
            Some(_) => "reports".to_owned(),
            None => last_seen(row.last_seen_ms, report.at_ms, report.look_back_ms),
        };
        table.push(vec![
            Cell::left(&row.host),
            Cell::left(group_in_words(row.group.as_deref())),
            Cell::left(exposed(row)),
            Cell::left(row.cves_owed.map_or_else(|| "?".to_owned(), |owed| owed.to_string())),
            Cell::left(seen),
            Cell::left(row.because.join(", ")),
        ]);
    }
    page.table(2, &table);
    if shown < found.len() {
        page.sentence(2, &format!("and {} more; --all lists them", found.len() - shown));
    }
}

fn live_patches(page: &mut Page, found: &[LivePatchOnly], all: bool) {
    if found.is_empty() {
        return;
    }
    page.blank();
    page.heading("protected by live patches alone, the first to end at the head:");
    let head = ["host", "group", "fixes", "until"];
    let mut table = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    let shown = if all { found.len() } else { found.len().min(LISTED) };
    for host in found.iter().take(shown) {
        let end = Cell::left(until(host));
        table.push(vec![
            Cell::left(&host.host),
            Cell::left(group_in_words(host.group.as_deref())),
            Cell::left(host.cves.map_or_else(|| "?".to_owned(), |cves| cves.to_string())),
            if host.has_ended { end.painted(paint_of(Verdict::Act)) } else { end },
        ]);
    }
    page.table(2, &table);
    if shown < found.len() {
        page.sentence(2, &format!("and {} more; --all lists them", found.len() - shown));
    }
}

fn groups(page: &mut Page, report: &FleetReport) {
    page.blank();
    page.heading(&format!("by {}:", report.group_by.as_deref().unwrap_or_default()));
    let head = ["group", "hosts", "within", "outside", "no data", "to reboot", "to swap"];
    let mut table = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    for GroupSum { group, hosts, within, outside, no_data, to_reboot, to_swap } in &report.groups {
        let outside_cell = Cell::right(outside.to_string());
        table.push(vec![
            Cell::left(group_in_words(group.as_deref())),
            Cell::right(hosts.to_string()),
            Cell::right(within.to_string()),
            if *outside > 0 { outside_cell.painted(WARN) } else { outside_cell },
            Cell::right(no_data.to_string()),
            Cell::right(to_reboot.to_string()),
            Cell::right(to_swap.to_string()),
        ]);
    }
    page.table(2, &table);
}

fn len<T>(list: &[T]) -> u64 {
    u64::try_from(list.len()).unwrap_or(u64::MAX)
}
