//! Answers for those who run programs and read their first line: Nagios and Icinga by the
//! monitoring plugins' development guidelines, and node-problem-detector.

use crate::printable;
use crate::text::headline;
use scrubjay_model::{ErrorClass, Finding, Holder, HostView, SeriesPlace, Snapshot, Verdict};
use std::cmp::Reverse;
use std::fmt::Write as _;

/// Nagios reads 4 KiB of what a plugin writes.
const MOST_LINES: usize = 10;
const LONGEST_LINE: usize = 320;

/// What node-problem-detector reads of a message.
const NPD_BYTES: usize = 80;

/// One line with the verdict and performance data, then a line for each finding, worst first.
pub fn nagios(view: &HostView) -> String {
    let assessment = &view.assessment;
    let word = match assessment.verdict {
        Verdict::Ok => "OK",
        Verdict::Unknown => "UNKNOWN",
        Verdict::Watch | Verdict::Plan => "WARNING",
        Verdict::Act => "CRITICAL",
    };
    let mut page = format!(
        "SCRUBJAY {word} - {}{}: {}",
        made(view),
        assessment.verdict.as_str(),
        line(&headline(assessment))
    );
    let data = performance(view);
    if !data.is_empty() {
        page.push_str(" | ");
        page.push_str(&data.join(" "));
    }
    page.push('\n');
    let findings = findings(view);
    for finding in findings.iter().take(MOST_LINES) {
        let Finding { code, verdict, subject, because, remedy, .. } = finding;
        let told = format!("{}: {code} ({subject}): {because}; {remedy}", verdict.as_str());
        // Writing to a `String` does not fail.
        let _ = writeln!(page, "{}", line(&told));
    }
    if let Some(more) = findings.len().checked_sub(MOST_LINES).filter(|more| *more > 0) {
        let _ = writeln!(page, "and {more} more: scrubjay status");
    }
    page
}

/// What [`nagios`] has to say where no verdict was reached.
pub fn nagios_failed(why: &str) -> String {
    format!("SCRUBJAY UNKNOWN - no verdict: {}\n", line(why))
}

/// A message of at most 80 bytes.
pub fn node_problem(view: &HostView) -> String {
    let findings = findings(view);
    let verdict = view.assessment.verdict;
    let told = match findings.first() {
        None => "ok: nothing calls for action".to_owned(),
        Some(Finding { code, subject, .. }) => {
            let more = match findings.len() {
                0 | 1 => String::new(),
                all => format!(" (+{})", all.saturating_sub(1)),
            };
            let first = format!("{}: {code} {subject}", verdict.as_str());
            let room = (NPD_BYTES - 1).saturating_sub(more.len());
            format!("{}{more}", cut(&line(&first), room))
        }
    };
    format!("{}\n", cut(&format!("{}{told}", made(view)), NPD_BYTES - 1))
}

/// What stands before the verdict on a host that was made.
fn made(view: &HostView) -> &'static str {
    if view.header.simulated.is_some() { "SIMULATED " } else { "" }
}

/// What [`node_problem`] has to say where no verdict was reached.
pub fn npd_failed(why: &str) -> String {
    format!("{}\n", cut(&line(&format!("no verdict: {why}")), NPD_BYTES - 1))
}

/// All findings, worst first; those on coverage come after others that are as bad.
fn findings(view: &HostView) -> Vec<&Finding> {
    let assessment = &view.assessment;
    let mut all: Vec<&Finding> =
        assessment.findings.iter().chain(&assessment.coverage.findings).collect();
    all.sort_by_key(|finding| Reverse(finding.verdict));
    all
}

/// Text in one line: no bar, which begins performance data, and nothing that moves a cursor.
fn line(text: &str) -> String {
    let text = text.replace(['\n', '\t'], " ").replace('|', "/");
    cut(&printable(&text), LONGEST_LINE)
}

/// At most so many bytes, cut between characters.
fn cut(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let mark = "...";
    let room = most.saturating_sub(mark.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}{mark}", text.get(..end).unwrap_or_default())
}

/// `label=value[UOM];warn;crit;min;max`. What could not be read is left out: it is no number. Limits
/// are those that make a verdict by themselves; errors of memory are not judged by their number.
fn performance(view: &HostView) -> Vec<String> {
    let mut data = Vec::new();
    for (label, verdict, limits) in [
        ("act", Verdict::Act, ";;0;0"),
        ("plan", Verdict::Plan, ";0;;0"),
        ("watch", Verdict::Watch, ";0;;0"),
        ("unknown", Verdict::Unknown, ";;;0"),
    ] {
        let so = findings(view).iter().filter(|finding| finding.verdict == verdict).count();
        data.push(format!("{label}={so}{limits}"));
    }
    for (label, class) in [
        ("corrected_errors", ErrorClass::Correctable),
        ("uncorrected_errors", ErrorClass::Uncorrectable),
    ] {
        if let Some(errors) = errors(view, class) {
            data.push(format!("{label}={errors}c;;;0"));
        }
    }
    let snapshot = &view.snapshot;
    let pages = Snapshot::found(&snapshot.memory_failure);
    if let Some(bytes) = pages.and_then(|pages| pages.hardware_corrupted_bytes.value()) {
        data.push(format!("corrupted_memory={bytes}B;;;0"));
    }
    let truth = view.assessment.patches.as_ref();
    if let Some(debt) = truth.and_then(|truth| truth.debt.value()) {
        data.push(format!("owed_cves={};;;0", debt.owed().count()));
    }
    if let Some(processes) = Snapshot::found(&snapshot.processes) {
        let counts = Holder::ALL.into_iter().map(|holder| processes.count(holder));
        let all: Option<Vec<u64>> = counts.collect();
        if let Some(all) = all {
            data.push(format!("stale_processes={};;;0", all.iter().sum::<u64>()));
        }
    }
    let uptime = Snapshot::found(&snapshot.uptime);
    if let Some(since_boot) = uptime.and_then(|uptime| uptime.since_boot.value()) {
        data.push(format!("uptime={}s;;;0", since_boot.as_secs()));
    }
    data
}

/// Errors of all controllers since the history began; without one, since the kernel began to count.
/// `None` unless each of them shows its counter.
fn errors(view: &HostView, class: ErrorClass) -> Option<u64> {
    let controllers = &Snapshot::found(&view.snapshot.edac)?.controllers;
    if controllers.is_empty() {
        return None;
    }
    controllers.iter().try_fold(0_u64, |sum, controller| {
        let now = controller.errors.get(class).value()?.value;
        let kept = view.accumulated.total(controller.index, SeriesPlace::Total, class);
        Some(sum.saturating_add(kept.map_or(now, |kept| kept.total)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_host_in_need_is_told_with_numbers_and_reasons() {
        insta::assert_snapshot!(nagios(&testing::server()), @r#"
        SCRUBJAY CRITICAL - act: skylake-socket-0-imc-0/dimm1: 3 uncorrected errors were counted in 36 d of watching; the limit is 0 | act=1;;0;0 plan=1;0;;0 watch=1;0;;0 unknown=1;;;0 corrected_errors=126c;;;0 uncorrected_errors=9c;;;0 corrupted_memory=12288B;;;0 owed_cves=2;;;0 stale_processes=5;;;0 uptime=3124860s;;;0
        act: memory-uncorrected (skylake-socket-0-imc-0/dimm1): 3 uncorrected errors were counted in 36 d of watching; the limit is 0; move the DIMM to another slot at the next window and see whether the errors move with it
        plan: kernel-behind (host): 6.12.0-13 runs, 6.12.0-14 is installed since 9 d; it fixes 2 vulnerabilities that are not fixed now; reboot into 6.12.0-14-amd64 (6.12.0-14) at the next window
        watch: livepatch-stalled (kpatch_2026_11): the transition of kpatch_2026_11 has waited for 2 tasks for 4 h 2 min; let the tasks leave the kernel, or send them a signal they ignore
        unknown: firmware-first (host): the firmware has a HEST table and may handle corrected errors itself; switch firmware-first handling off in the firmware's setup
        "#);
        insta::assert_snapshot!(node_problem(&testing::server()), @"act: memory-uncorrected skylake-socket-0-imc-0/dimm1 (+3)");
    }

    #[test]
    fn a_host_that_shows_nothing_is_unknown_and_has_no_numbers_for_it() {
        insta::assert_snapshot!(nagios(&testing::blind()), @"SCRUBJAY OK - ok: all that was asked was seen, and nothing calls for action | act=0;;0;0 plan=0;0;;0 watch=0;0;;0 unknown=0;;;0");
        insta::assert_snapshot!(node_problem(&testing::guest()), @"unknown: no-edac-in-guest host");
    }

    #[test]
    fn whatever_a_finding_says_stays_in_its_line_and_its_room() {
        let mut view = testing::server();
        let finding = view.assessment.findings.first_mut().unwrap();
        finding.subject = "a|b\n\x1b[2J".to_owned() + &"ü".repeat(500);
        finding.verdict = Verdict::Act;
        view.assessment.verdict = Verdict::Act;
        let page = nagios(&view);
        assert_eq!(page.matches('|').count(), 1, "{page}");
        assert!(page.lines().all(|line| line.len() < 700), "{page}");
        let message = node_problem(&view);
        assert!(message.len() <= NPD_BYTES, "{message}");
        assert_eq!(message.lines().count(), 1);
        assert!(message.chars().all(|c| c == '\n' || !c.is_control()));
        assert!(npd_failed(&"ü".repeat(100)).len() <= NPD_BYTES);
    }

    #[test]
    fn a_host_with_many_findings_is_told_in_what_nagios_reads() {
        let mut view = testing::server();
        let one = view.assessment.findings.first().unwrap().clone();
        view.assessment.findings = vec![one; 500];
        let page = nagios(&view);
        assert!(page.len() < 4_096, "{}", page.len());
        assert!(page.ends_with("more: scrubjay status\n"), "{page}");
    }

    #[test]
    fn performance_data_has_the_form_that_is_asked_for() {
        for view in [testing::server(), testing::guest(), testing::blind(), testing::large()] {
            for datum in performance(&view) {
                let (label, rest) = datum.split_once('=').unwrap();
                assert!(label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{datum}");
                let parts: Vec<&str> = rest.split(';').collect();
                assert!(parts.len() <= 5, "{datum}");
                let number = parts[0].trim_end_matches(['c', 'B', 's']);
                assert!(number.parse::<u64>().is_ok(), "{datum}");
                assert!(parts[1..].iter().all(|p| p.is_empty() || p.parse::<u64>().is_ok()));
            }
        }
    }
}
