//! `scrubjay report`: the past of a host for somebody who was not there.

use super::history::{PATCH_FACTS, boot_lines};
use super::{ack, past, print_as_is, reading};
use crate::bundle::{self, Signer};
use crate::cli::{ReportArgs, ReportForm};
use crate::config::Settings;
use crate::deadlines::{self, ReadPolicy};
use crate::exit::Exit;
use crate::{header, judging, watermark};
use anyhow::Context;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scrubjay_collector::{Collector, HostRoot};
use scrubjay_exporters::report as forms;
use scrubjay_model::{
    COUNTER_READ, Digest, ErrorsKnown, IssuedReport, LedgerRange, LedgerReport, Reading, Report,
    ReportInputs, ReportPeriod, Snapshot, assemble_report, count, page_lives,
};
use scrubjay_storage::{History, HistoryReader, StorageError, hand_over, sha256};
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, args: &ReportArgs) -> anyhow::Result<Exit> {
    let policy = deadlines::named(&args.policy)?;
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    let snapshot = Collector::once(Arc::clone(&host), reading::options(settings)).snapshot();
    let period = period(args, snapshot.at.wall_ms)?;
    let name = args.host_name.clone().or_else(|| name(&host, settings));
    let report = report(settings, &reader, &snapshot, period, &policy, name.as_deref())?;
    let json = forms::json(&report)?;
    let digest = sha256(json.as_bytes());
    match &args.output {
        Some(dir) => write_all(dir, &report, &json, &policy, args, &reader)?,
        None => {
            let document = || forms::document(&report, &digest.to_string());
            match args.format {
                ReportForm::Json => print_as_is(&json)?,
                ReportForm::Markdown => print_as_is(&forms::markdown(&document()))?,
                ReportForm::Html => print_as_is(&forms::html(&document()))?,
                ReportForm::Pdf => print_pdf(&forms::pdf(&document())?)?,
            }
        }
    }
    if !args.draft {
        let issued = issued(args, &snapshot, period, digest, policy.sha256());
        // Whoever may read a history and not write it has his report all the same.
        if let Err(error) = keep(settings, &host, &snapshot, &issued) {
            writeln!(
                anstream::stderr(),
                "the ledger of the host does not tell of this report: {error:#}; --draft does not try"
            )?;
        }
    }
    Ok(Exit::Ok)
}

fn print_pdf(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    anyhow::ensure!(
        !out.is_terminal(),
        "a PDF is no text for a terminal: send it into a file, as in \"> report.pdf\""
    );
    out.write_all(bytes)?;
    Ok(out.flush()?)
}

/// What the host is called, if it is this one.
fn name(host: &HostRoot, settings: &Settings) -> Option<String> {
    match header::read(host, &settings.root).host_name {
        Reading::Value(name) => Some(name),
        Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..) => None,
    }
}

fn period(args: &ReportArgs, now_ms: i64) -> anyhow::Result<ReportPeriod> {
    let from_wall_ms = begin_of(&args.from, "--from", false)?;
    let end = begin_of(&args.to, "--to", true)?;
    anyhow::ensure!(from_wall_ms < end, "--to must not be before --from");
    anyhow::ensure!(from_wall_ms < now_ms, "--from {}: that day is yet to come", args.from);
    let at = match args.at.as_deref() {
        None => end.min(now_ms),
        Some(text) => match text.parse::<Date>() {
            Ok(_) => begin_of(text, "--at", true)?,
            Err(_) => {
                past::moment(Some(text), "--at", now_ms)?.context("--at must name a moment")?
            }
        },
    };
    let at_wall_ms = at.min(now_ms);
    anyhow::ensure!(from_wall_ms < at_wall_ms, "--at must not be before --from");
    // What comes after the moment is not known at it.
    Ok(ReportPeriod { from_wall_ms, to_wall_ms: end.min(at_wall_ms), at_wall_ms })
}

/// Where a day begins, or the next one does.
fn begin_of(text: &str, option: &str, next: bool) -> anyhow::Result<i64> {
    let begin = || {
        let day: Date = text.parse()?;
        let day = if next { day.tomorrow()? } else { day };
        anyhow::Ok(day.to_zoned(TimeZone::UTC)?.timestamp().as_millisecond())
    };
    begin().with_context(|| format!("{option} \"{text}\": give a day such as 2026-11-01"))
}

fn report(
    settings: &Settings,
    reader: &HistoryReader,
    snapshot: &Snapshot,
    period: ReportPeriod,
    policy: &ReadPolicy,
    host_name: Option<&str>,
) -> anyhow::Result<Report> {
    let ReportPeriod { from_wall_ms, to_wall_ms: _, at_wall_ms } = period;
    let (boots, clock_steps) = (reader.boots()?, reader.clock_steps()?);
    let lines = boot_lines(reader, &boots, &clock_steps)?;
    let (requests, reports) = (reader.page_requests()?, reader.page_reports()?);
    let checked = reader.verify_ledger(&[])?;
    let (first, last) = reader.ledger_between(from_wall_ms, at_wall_ms)?;
    // What was altered later is not known then.
    let until = last.map_or(0, |last| last.seq);
    let faults = checked.faults.iter().filter(|fault| fault.seq <= until).cloned().collect();
    let known = LedgerReport { faults, more_faults: 0, ..checked };
    let accumulated = reader.accumulate(snapshot)?;
    // The engine judges the present: of an earlier moment it has nothing to say.
    let is_now = at_wall_ms == snapshot.at.wall_ms;
    let judge = || judging::once(settings, reader, snapshot, &accumulated);
    let judged = is_now.then(judge).transpose()?;
    let errors = ErrorsKnown {
        traces: &reader.stick_changes(from_wall_ms)?,
        sums: &reader.counter_sums(from_wall_ms, period.beyond_wall_ms())?,
        series: &accumulated.totals,
        read: &reader.facts(&[COUNTER_READ])?,
    };
    let inputs = ReportInputs {
        host_name,
        simulated: watermark::made().cloned(),
        tool_version: env!("CARGO_PKG_VERSION"),
        period,
        policy: &policy.deadlines,
        policy_sha256: policy.sha256(),
        lists: Snapshot::found(&snapshot.cve_lists),
        exposures: &reader.exposures()?,
        facts: &reader.facts(&[&PATCH_FACTS[..], &["cpu."]].concat())?,
        boot_lines: &lines,
        boots: &boots,
        coverage: &reader.coverage()?,
        coverage_days: &reader.coverage_days()?,
        clock_steps: &clock_steps,
        errors,
        modules: &reader.modules()?,
        module_turns: &reader.module_turns()?,
        pages: page_lives(reader.bad_pages()?, &requests, &reports),
        alert_turns: reader.alert_turns(i64::MIN, at_wall_ms.saturating_add(1))?,
        judged: judged.as_deref(),
        book: &reader.alert_book()?,
        ended_acks: &reader.ended_acks()?,
        sources: reader.source_states(at_wall_ms)?,
        ledger: LedgerRange { first, last, fault: known.told() },
    };
    Ok(assemble_report(inputs))
}

/// Writes every form into a new directory, and signs it if that is asked for.
fn write_all(
    dir: &Path,
    report: &Report,
    json: &str,
    policy: &ReadPolicy,
    args: &ReportArgs,
    reader: &HistoryReader,
) -> anyhow::Result<()> {
    let mut signer = args.sign.as_deref().map(Signer::named).transpose()?;
    let mut files = bundle::forms(report, json)?;
    files.push((bundle::REPORT, json.as_bytes().to_vec()));
    files.push((bundle::POLICY, policy.text.clone().into_bytes()));
    if signer.is_some() && !args.without_ledger {
        files.push((bundle::LEDGER, ledger_rows(reader, &report.ledger)?));
    }
    let files = bundle::write(dir, &files, signer.as_mut())?;
    let by = signer.map_or_else(String::new, |signer| format!(", signed by {}", signer.key()));
    writeln!(
        anstream::stderr(),
        "wrote {} into {}{by}",
        count(files, "file", "files"),
        dir.display()
    )?;
    Ok(())
}

/// The rows that a report names and those between, as exports have them, so that whoever has them can
/// look at the chain.
fn ledger_rows(reader: &HistoryReader, range: &LedgerRange) -> anyhow::Result<Vec<u8>> {
    let mut rows = Vec::new();
    if let (Some(first), Some(last)) = (range.first, range.last) {
        reader.export_ledger_rows(first.seq..=last.seq, |row| {
            writeln!(rows, "{{\"hash\":\"{}\",\"line\":{}}}", row.hash, row.line)
        })??;
    }
    Ok(rows)
}

fn issued(
    args: &ReportArgs,
    snapshot: &Snapshot,
    period: ReportPeriod,
    digest: Digest,
    policy_sha256: Digest,
) -> IssuedReport {
    let (by, uid) = ack::who(args.by.as_deref());
    let at = &snapshot.at;
    let since_boot = at.since_boot.map_or(0, |time| time.as_micros());
    IssuedReport {
        id: format!("{}-{since_boot}-{}", at.wall_ms, std::process::id()),
        by,
        uid,
        made_wall_ms: at.wall_ms,
        from_wall_ms: period.from_wall_ms,
        to_wall_ms: period.to_wall_ms,
        at_wall_ms: period.at_wall_ms,
        sha256: digest,
        policy_sha256,
    }
}

/// Writes into the ledger that it was made, or has the agent do so that has the history.
fn keep(
    settings: &Settings,
    host: &HostRoot,
    snapshot: &Snapshot,
    issued: &IssuedReport,
) -> anyhow::Result<()> {
    let dirs = reading::history_dirs(settings, host);
    let dir = dirs.iter().find(|dir| scrubjay_storage::has_history(dir));
    let dir = dir.context("there is no history")?;
    match History::open_of(dir, &snapshot.at, host.simulated().as_ref()) {
        Ok(mut history) => Ok(history.keep_report(&snapshot.at, issued)?),
        Err(StorageError::InUse { .. }) => {
            hand_over(dir, issued)?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(from: &str, to: &str, at: Option<&str>) -> ReportArgs {
        ReportArgs {
            from: from.to_owned(),
            to: to.to_owned(),
            at: at.map(str::to_owned),
            policy: "default".to_owned(),
            host_name: None,
            format: ReportForm::Json,
            output: None,
            sign: None,
            without_ledger: false,
            draft: false,
            by: None,
        }
    }

    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn a_period_has_both_its_days_and_ends_where_it_is_looked_at() {
        // 2026-11-01 to 2026-11-03, looked at on 2026-11-10.
        let (first, now) = (1_793_491_200_000, 1_793_491_200_000 + 9 * DAY_MS);
        let read = |at| period(&args("2026-11-01", "2026-11-03", at), now).unwrap();
        let end = first + 3 * DAY_MS;
        let whole = ReportPeriod { from_wall_ms: first, to_wall_ms: end, at_wall_ms: end };
        assert_eq!(read(None), whole);
        assert_eq!(read(Some("2026-11-04")).at_wall_ms, end + DAY_MS);
        let early = read(Some("2026-11-02T06:00Z"));
        assert_eq!(
            (early.to_wall_ms, early.at_wall_ms),
            (first + DAY_MS * 5 / 4, early.to_wall_ms)
        );
        // Nothing is known of what is yet to come.
        assert_eq!(period(&args("2026-11-01", "2026-12-31", None), now).unwrap().to_wall_ms, now);
        for (from, to, at) in [
            ("2026-11-03", "2026-11-02", None),
            ("2026-12-01", "2026-12-02", None),
            ("soon", "2026-11-02", None),
            ("2026-11-01", "2026-11-02", Some("2026-10-31")),
        ] {
            let error = period(&args(from, to, at), now).unwrap_err().to_string();
            assert!(error.starts_with("--"), "{error}");
        }
    }
}
