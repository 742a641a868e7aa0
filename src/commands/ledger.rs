//! `scrubjay ledger`: whether it is what was written, and a copy of it.

use super::{past, print, reading, style};
use crate::cli::{LedgerCommand, LedgerExportArgs, LedgerVerifyArgs};
use crate::config::Settings;
use crate::exit::Exit;
use scrubjay_exporters::{json, text};
use scrubjay_storage::HistoryReader;
use std::io::Write;

pub(crate) fn run(settings: &Settings, command: &LedgerCommand) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let Some(reader) = past::open(settings, &host)? else { return Ok(Exit::NoData) };
    match command {
        LedgerCommand::Verify(args) => verify(&reader, args),
        LedgerCommand::Export(args) => export(&reader, args, host.clocks().realtime_ms),
    }
}

fn verify(reader: &HistoryReader, args: &LedgerVerifyArgs) -> anyhow::Result<Exit> {
    let report = reader.verify_ledger(&args.expect)?;
    print(&if args.read.json {
        json::ledger(&report)?
    } else {
        text::ledger(&report, &style(true))
    })?;
    Ok(if report.is_intact() { Exit::Ok } else { Exit::Unverified })
}

/// A line has the hash first, at a fixed width, so that stock tools cut out the bytes it is of.
fn export(reader: &HistoryReader, args: &LedgerExportArgs, now_ms: i64) -> anyhow::Result<Exit> {
    let since_wall_ms = past::since(args.since.as_deref(), now_ms)?;
    // Not by a stream that takes out what might act on a terminal: these bytes have a hash. What acts
    // was never taken into the ledger.
    crate::watermark::on_stderr();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    reader.export_ledger(since_wall_ms, |row| {
        writeln!(out, "{{\"hash\":\"{}\",\"line\":{}}}", row.hash, row.line)
    })??;
    out.flush()?;
    Ok(Exit::Ok)
}
