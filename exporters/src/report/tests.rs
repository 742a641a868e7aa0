//! The forms of a report: what a person reads of periods that are empty, gap-ridden or decades long.

use super::chart::Chart;
use super::*;
use scrubjay_model::{
    AlertBook, BootEnd, BootId, BootLine, BootSource, CountsFromWhen, CoverageRecord, CveClass,
    CveId, DebVersion, ErrorsKnown, ExposureRecord, ExposureTurnKind, ExposureTurnRecord,
    FactRecord, LedgerRange, MemoryTraces, PackageVersion, PatchDeadlines, Report, ReportInputs,
    ReportPeriod, assemble_report,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(super) const DAY_MS: i64 = 86_400_000;
/// 2026-01-01.
pub(super) const BEGIN: i64 = 1_767_225_600_000;

fn policy() -> PatchDeadlines {
    PatchDeadlines {
        name: "ours".to_owned(),
        source: "Policy 7.".to_owned(),
        caveats: vec!["It is *ours* | alone.".to_owned()],
        ranking: "by nobody.".to_owned(),
        counts_from: CountsFromWhen::Release,
        live_patch_counts: true,
        days: [(CveClass::Unranked, 30)].into(),
        exceptions: Vec::new(),
    }
}

pub(super) fn exposure(number: u32, from_day: i64, closed: Option<i64>) -> ExposureRecord {
    let begin = BEGIN + from_day * DAY_MS;
    ExposureRecord {
        cve: CveId::parse(&format!("CVE-2026-{number:04}")).unwrap(),
        fix_version: PackageVersion::Deb(DebVersion::parse("6.1.192-2").unwrap()),
        released_unix_s: Some(begin / 1_000),
        installed_unix_s: Some(begin / 1_000 + 86_400),
        first_wall_ms: begin + DAY_MS,
        turns: closed
            .map(|day| ExposureTurnRecord {
                at_wall_ms: BEGIN + day * DAY_MS,
                what: ExposureTurnKind::Closed,
                by: "6.1.192-2".to_owned(),
            })
            .into_iter()
            .collect(),
        clock_adjusted_ms: None,
    }
}

pub(super) fn stretch(from_day: i64, to_day: i64) -> CoverageRecord {
    CoverageRecord {
        boot: BootId::unknown(),
        from_wall_ms: BEGIN + from_day * DAY_MS,
        to_wall_ms: BEGIN + to_day * DAY_MS,
        length: Duration::from_secs(86_400) * u32::try_from(to_day - from_day).unwrap(),
    }
}

/// A report on so many days from 2026-01-01 on.
pub(super) fn report(
    days: i64,
    exposures: &[ExposureRecord],
    coverage: &[CoverageRecord],
) -> Report {
    let end = BEGIN + days * DAY_MS;
    let boot = BootLine {
        boot: None,
        booted_wall_ms: Some(BEGIN - DAY_MS),
        ended_wall_ms: Some(end),
        ran: u64::try_from(days + 1).ok().map(|days| Duration::from_secs(days * 86_400)),
        ran_by: Some(scrubjay_model::LengthBasis::BootClock),
        slept: None,
        kernel_release: Some("6.1.0-<56>".to_owned()),
        soft_reboots: 0,
        end: BootEnd::Running,
        cause: None,
        evidence: "seen".to_owned(),
        sources: BootSource::Agent.into(),
        clock_steps: 0,
    };
    let traces = MemoryTraces {
        from_wall_ms: BEGIN,
        watches: Vec::new(),
        boots_wall_ms: Vec::new(),
        modules: BTreeMap::new(),
    };
    let lines = if coverage.is_empty() { Vec::new() } else { vec![boot] };
    assemble_report(ReportInputs {
        host_name: Some("db_7"),
        simulated: None,
        tool_version: "1.2.3",
        period: ReportPeriod { from_wall_ms: BEGIN, to_wall_ms: end, at_wall_ms: end },
        policy: &policy(),
        policy_sha256: scrubjay_model::Digest([7; 32]),
        lists: None,
        exposures,
        facts: &[FactRecord {
            at_wall_ms: BEGIN,
            boot: BootId::unknown(),
            name: scrubjay_model::KERNEL_RELATION.to_owned(),
            subject: String::new(),
            value: Some(if coverage.is_empty() { "unknown" } else { "behind" }.to_owned()),
            state: "ok".to_owned(),
        }],
        boot_lines: &lines,
        boots: &[],
        coverage,
        coverage_days: &[],
        clock_steps: &[],
        errors: ErrorsKnown { traces: &traces, sums: &[], series: &BTreeMap::new(), read: &[] },
        modules: &[],
        module_turns: &[],
        pages: Vec::new(),
        alert_turns: Vec::new(),
        judged: None,
        book: &AlertBook::default(),
        ended_acks: &[],
        sources: Vec::new(),
        ledger: LedgerRange { first: None, last: None, fault: None },
    })
}

fn first_page(report: &Report) -> String {
    let text = markdown(&document(report, "00ff"));
    text.split_once("## Patches of the kernel").unwrap().0.to_owned()
}

#[test]
fn a_period_of_which_nobody_knows_anything_says_so() {
    insta::assert_snapshot!(first_page(&report(31, &[], &[])), @r#"
    # Patch and memory report on db\_7

    2026-01-01 to 2026-01-31, both included, as seen at 2026-02-01T00:00:00Z (all times UTC)

    **Nobody watched this server in the period, so that nothing is known of its security fixes. Whether its memory lost data is not known.**

    | | | |
    |---|---|---|
    | Fixes in force in time | **none came due** | 0 in time, 0 late or overdue, 0 excepted, 0 not due yet |
    | Longest wait for a fix | **not known** | it is not known which fixes the running system has |
    | Time the server was up | **not known** | no start in the period is known of |
    | Memory errors | **not known** | errors that the memory corrected could not be counted |

    A fix is in force once the running system has it: after a restart, or by a live patch, which repairs the running system. To install it is not enough.

    ## What is to be done

    - Nothing that is known of; see below what is not.

    ## What is not known

    - For 31 d of the period (100.0 %) nobody watched the server. Errors that happened then may have been noticed afterwards, or not at all.
    - The record of this server begins later than the period: of the time before, little more is known than when it was started.
    - Whether the running system has all fixes that are installed is not known: some may be waiting for a restart that nobody saw.
    - Fixes that were released and never installed on this server are not counted: its files do not tell of them.
    - Memory errors that were corrected could not be counted in the period.
    - Memory errors that were not corrected could not be counted in the period.
    "#);
}

#[test]
fn a_host_that_is_late_is_told_of_in_words_a_manager_knows() {
    let late = [exposure(1, 0, Some(40)), exposure(2, 0, Some(20)), exposure(3, 5, None)];
    insta::assert_snapshot!(first_page(&report(59, &late, &[stretch(-3, 20), stretch(25, 59)])), @r#"
    # Patch and memory report on db\_7

    2026-01-01 to 2026-02-28, both included, as seen at 2026-03-01T00:00:00Z (all times UTC)

    **Security fixes came late on this server: 2 fixes were not in force by the date that the policy "ours" sets, and 1 of them still is not. Whether its memory lost data is not known.**

    | | | |
    |---|---|---|
    | Fixes in force in time | **33.3 %** | 1 in time, 2 late or overdue, 0 excepted, 0 not due yet |
    | Longest wait for a fix | **54 d** | from the release of CVE-2026-0003 (not ranked) and still not in force |
    | Time the server was up | **100.000 %** | not restarted in the period |
    | Memory errors | **not known** | errors that the memory corrected could not be counted |

    Fixes that were installed and not in force, at the end of each month: 2 waiting at most, in 2026-01; 1 in 2026-02

    A fix is in force once the running system has it: after a restart, or by a live patch, which repairs the running system. To install it is not enough.

    ## What is to be done

    - Now: restart the server with the kernel that is installed, or apply a live patch: 1 fix waits for that, beyond the date that the policy sets.

    ## What is not known

    - For 5 d of the period (8.4 %) nobody watched the server. Errors that happened then may have been noticed afterwards, or not at all.
    - No list says how severe 3 of the 3 vulnerabilities are; the policy treats them as unranked.
    - Fixes that were released and never installed on this server are not counted: its files do not tell of them.
    - Memory errors that were corrected could not be counted in the period.
    - Memory errors that were not corrected could not be counted in the period.
    "#);
}

#[test]
fn a_host_that_kept_its_policy_is_said_to_have() {
    let kept = [exposure(1, 0, Some(12)), exposure(2, 0, Some(20))];
    insta::assert_snapshot!(first_page(&report(59, &kept, &[stretch(-3, 59)])), @r#"
    # Patch and memory report on db\_7

    2026-01-01 to 2026-02-28, both included, as seen at 2026-03-01T00:00:00Z (all times UTC)

    **This server kept the policy "ours": all 2 security fixes that came due were in force in time. Whether its memory lost data is not known.**

    | | | |
    |---|---|---|
    | Fixes in force in time | **100.0 %** | 2 in time, 0 late or overdue, 0 excepted, 0 not due yet |
    | Longest wait for a fix | **20 d** | from the release of CVE-2026-0002 (not ranked) until it was in force |
    | Time the server was up | **100.000 %** | not restarted in the period |
    | Memory errors | **not known** | errors that the memory corrected could not be counted |

    Fixes that were installed and not in force, at the end of each month: none

    A fix is in force once the running system has it: after a restart, or by a live patch, which repairs the running system. To install it is not enough.

    ## What is to be done

    - Nothing.

    ## What is not known

    - No list says how severe 2 of the 2 vulnerabilities are; the policy treats them as unranked.
    - Fixes that were released and never installed on this server are not counted: its files do not tell of them.
    - Memory errors that were corrected could not be counted in the period.
    - Memory errors that were not corrected could not be counted in the period.
    "#);
}

#[test]
fn what_the_host_wrote_is_text_in_every_form() {
    let report = report(59, &[exposure(1, 0, None)], &[stretch(0, 59)]);
    let document = document(&report, "00ff");
    let (text, page) = (markdown(&document), html(&document));
    assert!(text.contains(r"6.1.0-\<56\>") && text.contains(r"db\_7"), "{text}");
    assert!(text.contains(r"It is \*ours\* \| alone."), "{text}");
    assert!(page.contains("6.1.0-&lt;56&gt;") && !page.contains("<56>"));
}

#[test]
fn decades_are_told_and_a_table_says_what_it_leaves_out() {
    let owed: Vec<ExposureRecord> = (0..2_000).map(|n| exposure(n, i64::from(n), None)).collect();
    let report = report(20 * 365, &owed, &[stretch(0, 20 * 365)]);
    let text = markdown(&document(&report, "00ff"));
    assert!(text.contains("1940 more rows are in the tables for spreadsheets."), "{text:.3000}");
    let tables = csv_tables(&report).unwrap();
    let (_, exposures) = tables.iter().find(|(name, _)| *name == "exposures.csv").unwrap();
    assert_eq!(exposures.lines().count(), 2_001);
    assert_eq!(report.months.len(), 240);
}

#[test]
fn a_chart_has_a_bar_for_each_month_and_says_what_is_not_known() {
    let bars = vec![("2026-01".to_owned(), Some(3)), ("2026-02".to_owned(), None)];
    let chart = Chart { title: "t".to_owned(), told: String::new(), bars };
    let picture = chart.svg();
    let bars = |colour: &str| picture.matches(&format!("fill=\"{colour}\"")).count();
    assert_eq!((bars("#0B5CAD"), bars("#E3E6EA")), (1, 1), "{picture}");
    assert!(picture.contains("2026-01"));
    assert_eq!(chart.svg(), picture);
}

#[test]
fn where_it_is_not_known_what_is_installed_no_fix_is_said_not_to_wait() {
    let mut blind = report(59, &[], &[stretch(0, 59)]);
    assert_eq!(blind.months[1].owed, Some(0));
    let told = |report: &Report| markdown(&document(report, "00ff"));
    assert!(told(&blind).contains("No vulnerability was seen"));
    blind = report(59, &[], &[]);
    assert!(!told(&blind).contains("No vulnerability was seen"));
    assert!(told(&blind).contains("Whether any installed fix was not in force is not known"));
    assert!(told(&blind).contains("nothing of it speaks for this report"));
}
