//! Logs of corrected errors and tickets of failures as CSV: a header names the columns, in any
//! order; docs/replay.md lists the names.

use anyhow::{Context, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use scrubjay_alerts::memory::{Cell, CountsFrom, Hit, Observation, Parity, Seconds};
use scrubjay_alerts::replay::{Dimm, Failure, Node};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What a column is about, with the names it may have, without capitals, `_`, spaces and units.
const NAMES: [(Field, &[&str]); 19] = [
    (Field::Time, &["time", "logtime", "datetime", "timestamp", "at"]),
    (Field::Node, &["node", "host", "server", "idblade"]),
    (Field::Dimm, &["dimm", "serialnumber", "sn", "serial"]),
    (Field::Cpu, &["cpuid", "cpu", "socket"]),
    (Field::Channel, &["channelid", "channel"]),
    (Field::Slot, &["dimmid", "slot"]),
    (Field::Rank, &["rankid", "rank"]),
    (Field::Device, &["deviceid", "device"]),
    (Field::BankGroup, &["bankgroupid", "bankgroup"]),
    (Field::Bank, &["bankid", "bank"]),
    (Field::Row, &["rowid", "row"]),
    (Field::Column, &["columnid", "column"]),
    (Field::Parity, &["retryrderrlogparity", "parity"]),
    (Field::ParityValid, &["retryrderrlog"]),
    (Field::Kind, &["errortype", "errortypefullname", "type"]),
    (Field::Errors, &["errors", "count", "errorcount"]),
    (Field::Page, &["page", "pfn"]),
    (Field::Address, &["address", "physicaladdress"]),
    (Field::FailureTime, &["failuretime", "alarmtime"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Time,
    Node,
    Dimm,
    Cpu,
    Channel,
    Slot,
    Rank,
    Device,
    BankGroup,
    Bank,
    Row,
    Column,
    Parity,
    ParityValid,
    Kind,
    Errors,
    Page,
    Address,
    FailureTime,
}

/// A DIMM, by its node and its name there.
type Key = (String, String);

/// Errors of DIMMs, as a log has them.
#[derive(Debug, Default)]
pub(super) struct Log {
    dimms: BTreeMap<Key, Vec<Observation>>,
    /// Rows read.
    pub(super) rows: u64,
}

struct Table<'p, R> {
    path: &'p Path,
    reader: Reader<R>,
    columns: BTreeMap<Field, usize>,
}

/// Rows after which it is told how far reading has come.
const TELL_EVERY: u64 = 65_536;

#[expect(clippy::disallowed_methods, reason = "a file that the user named is no kernel file")]
fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Reads a log of corrected errors. `told` is called with the number of rows read so far.
pub(super) fn errors(path: &Path, told: &mut dyn FnMut(u64)) -> anyhow::Result<Log> {
    errors_from(path, open(path)?, told)
}

fn errors_from(path: &Path, input: impl Read, told: &mut dyn FnMut(u64)) -> anyhow::Result<Log> {
    let mut table = Table::new(path, input)?;
    table.needs(Field::Time)?;
    if !table.has(Field::Dimm) && !table.has(Field::Slot) {
        bail!(
            "{}:1: no column tells the DIMM: name one dimm or serial_number, or cpuid, channelid and \
             dimmid",
            path.display()
        );
    }
    let mut log = Log::default();
    let mut row = ByteRecord::new();
    while table.next(&mut row)? {
        log.rows += 1;
        if log.rows.is_multiple_of(TELL_EVERY) {
            told(log.rows);
        }
        let key = table.dimm(&row)?;
        let seen = table.observation(&row)?;
        log.dimms.entry(key).or_default().push(seen);
    }
    if log.rows == 0 {
        bail!("{}: there are no rows below the header", path.display());
    }
    Ok(log)
}

/// Reads tickets: which DIMM failed when.
pub(super) fn failures(path: &Path) -> anyhow::Result<Vec<(Key, Seconds)>> {
    failures_from(path, open(path)?)
}

fn failures_from(path: &Path, input: impl Read) -> anyhow::Result<Vec<(Key, Seconds)>> {
    let mut table = Table::new(path, input)?;
    let time = match table.has(Field::FailureTime) {
        true => Field::FailureTime,
        false => Field::Time,
    };
    table.needs(time)?;
    if !table.has(Field::Dimm) && !table.has(Field::Slot) {
        bail!("{}:1: no column tells the DIMM: name one dimm or serial_number", path.display());
    }
    let mut found = Vec::new();
    let mut row = ByteRecord::new();
    while table.next(&mut row)? {
        found.push((table.dimm(&row)?, table.time(&row, time)?));
    }
    Ok(found)
}

/// Any bytes, as a log and as tickets.
#[cfg(feature = "fuzzing")]
pub(crate) fn fuzzed(bytes: &[u8]) {
    let path = Path::new("fuzz.csv");
    let tickets = failures_from(path, bytes).ok();
    if let Ok(log) = errors_from(path, bytes, &mut |_| ()) {
        let sticks = log.dimms.len();
        assert!(sticks <= bytes.len(), "more sticks than bytes");
        let (nodes, _) = log.nodes(tickets);
        assert!(nodes.len() <= sticks, "more nodes than sticks");
    }
}

impl<'p, R: Read> Table<'p, R> {
    fn new(path: &'p Path, input: R) -> anyhow::Result<Self> {
        let mut reader = ReaderBuilder::new().trim(csv::Trim::All).from_reader(input);
        let header = reader.headers().with_context(|| format!("{}:1", path.display()))?;
        let mut columns = BTreeMap::new();
        for (index, name) in header.iter().enumerate() {
            let plain: String = name
                .trim_start_matches('\u{feff}')
                .chars()
                .filter(|c| c.is_alphanumeric())
                .collect::<String>()
                .to_lowercase();
            let known = NAMES.iter().find(|(_, names)| names.contains(&plain.as_str()));
            let Some((column, _)) = known else { continue };
            if columns.insert(*column, index).is_some() {
                bail!("{}:1: column {name} tells what another one tells already", path.display());
            }
        }
        Ok(Self { path, reader, columns })
    }

    fn has(&self, column: Field) -> bool {
        self.columns.contains_key(&column)
    }

    fn needs(&self, column: Field) -> anyhow::Result<()> {
        if self.has(column) {
            return Ok(());
        }
        let names =
            NAMES.iter().find(|(known, _)| *known == column).map(|(_, names)| names.join(", "));
        bail!(
            "{}:1: a column is missing, by one of these names: {}",
            self.path.display(),
            names.unwrap_or_default()
        )
    }

    fn next(&mut self, row: &mut ByteRecord) -> anyhow::Result<bool> {
        self.reader.read_byte_record(row).map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            anyhow::anyhow!("{}:{line}: not a row of the table: {error}", self.path.display())
        })
    }

    fn line(&self, row: &ByteRecord) -> u64 {
        row.position().map_or(0, csv::Position::line)
    }

    fn text<'r>(&self, row: &'r ByteRecord, column: Field) -> anyhow::Result<Option<&'r str>> {
        let Some(bytes) = self.columns.get(&column).and_then(|index| row.get(*index)) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes)
            .with_context(|| format!("{}:{}: not UTF-8", self.path.display(), self.line(row)))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A number; −1 and empty stand for what is not known.
    fn number(&self, row: &ByteRecord, column: Field) -> anyhow::Result<Option<u64>> {
        let Some(text) = self.text(row, column)? else { return Ok(None) };
        // Tables that were made with missing values in them write whole numbers like 3.0.
        let whole = text.strip_suffix(".0").unwrap_or(text);
        if ["-1", "nan", "null", "none"].contains(&whole.to_lowercase().as_str()) {
            return Ok(None);
        }
        let number = match whole.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => whole.parse().ok(),
        };
        number.map(Some).with_context(|| {
            let (path, line) = (self.path.display(), self.line(row));
            format!("{path}:{line}: {text:?} of column {column:?} is not a number")
        })
    }

    fn small<T: TryFrom<u64>>(&self, row: &ByteRecord, column: Field) -> anyhow::Result<Option<T>> {
        let Some(number) = self.number(row, column)? else { return Ok(None) };
        T::try_from(number).map(Some).map_err(|_| {
            let (path, line) = (self.path.display(), self.line(row));
            anyhow::anyhow!("{path}:{line}: {number} of column {column:?} is too large")
        })
    }

    fn time(&self, row: &ByteRecord, column: Field) -> anyhow::Result<Seconds> {
        let text = self.text(row, column)?.unwrap_or_default();
        moment(text).with_context(|| {
            let (path, line) = (self.path.display(), self.line(row));
            format!(
                "{path}:{line}: {text:?} is not a time: give seconds since 1970, 2015-01-15 00:14:00 \
                 (UTC) or 2015-01-15T00:14:00Z"
            )
        })
    }

    fn dimm(&self, row: &ByteRecord) -> anyhow::Result<Key> {
        let node = self.text(row, Field::Node)?.unwrap_or_default().to_owned();
        let mut name = self.text(row, Field::Dimm)?.unwrap_or_default().to_owned();
        if !self.has(Field::Dimm) {
            let parts = [Field::Cpu, Field::Channel, Field::Slot];
            let parts: Vec<&str> = parts
                .into_iter()
                .map(|part| Ok(self.text(row, part)?.unwrap_or("?")))
                .collect::<anyhow::Result<_>>()?;
            name = parts.join("/");
        }
        if name.is_empty() {
            bail!("{}:{}: the row names no DIMM", self.path.display(), self.line(row));
        }
        Ok((node, name))
    }

    fn observation(&self, row: &ByteRecord) -> anyhow::Result<Observation> {
        let at = self.time(row, Field::Time)?;
        let bank: Option<u8> = self.small(row, Field::Bank)?;
        let group: Option<u8> = self.small(row, Field::BankGroup)?;
        let cell = Cell {
            rank: self.small(row, Field::Rank)?,
            device: self.small(row, Field::Device)?,
            bank: bank.map(|bank| u16::from(group.unwrap_or(0)) << 8 | u16::from(bank)),
            row: self.small(row, Field::Row)?,
            column: self.small(row, Field::Column)?,
        };
        let page = match self.number(row, Field::Page)? {
            Some(page) => Some(page),
            None => self.number(row, Field::Address)?.map(|address| address >> 12),
        };
        let kind = self.text(row, Field::Kind)?.unwrap_or_default().to_lowercase();
        if kind == "ue" || kind.contains("uncorrect") {
            return Ok(Observation::Uncorrected { at, cell, page });
        }
        let parity: Option<u32> = self.small(row, Field::Parity)?;
        // Bit 0 of the log says whether the parity is valid.
        let valid = match self.has(Field::ParityValid) {
            true => self.number(row, Field::ParityValid)?.is_some_and(|log| log & 1 == 1),
            false => true,
        };
        let scrub = kind.contains("scrub");
        Ok(Observation::Reported(Hit {
            at,
            errors: self.small(row, Field::Errors)?.unwrap_or(1).max(1),
            cell,
            page,
            parity: parity.filter(|_| valid).map(Parity),
            by_scrub: (!kind.is_empty()).then_some(scrub),
        }))
    }
}

/// Seconds since 1970, with or without their fractions; or a date with a time.
fn moment(text: &str) -> Option<Seconds> {
    let whole = text.split('.').next().unwrap_or(text);
    if let Ok(seconds) = whole.parse::<Seconds>() {
        return Some(seconds);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_second());
    }
    let civil: DateTime = text.parse().ok()?;
    civil.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp().as_second())
}

impl Log {
    /// The nodes of the log. DIMMs whose node is not told are each on one of their own. Failures are
    /// those of the tickets, if there are any, else the uncorrected errors of the log. Also how many
    /// tickets are of DIMMs that the log does not know: these failed without a sign.
    pub(super) fn nodes(self, tickets: Option<Vec<(Key, Seconds)>>) -> (Vec<Node>, usize) {
        let mut dimms: BTreeMap<Key, Dimm> = BTreeMap::new();
        for (key, observations) in self.dimms {
            let mut dimm = Dimm::observed(CountsFrom::Reports, observations);
            if tickets.is_some() {
                dimm.failures.clear();
            }
            dimms.insert(key, dimm);
        }
        let mut unknown = 0;
        for (key, at) in tickets.into_iter().flatten() {
            let known = dimms.contains_key(&key);
            // Tickets seldom name the node.
            let elsewhere =
                dimms.keys().find(|(_, name)| !known && key.0.is_empty() && *name == key.1);
            let key = elsewhere.cloned().unwrap_or(key);
            unknown += usize::from(!dimms.contains_key(&key));
            let dimm =
                dimms.entry(key).or_insert_with(|| Dimm::observed(CountsFrom::Reports, Vec::new()));
            dimm.failures.push(Failure { at, sudden: None });
            dimm.failures.sort_by_key(|failure| failure.at);
        }
        let mut nodes: BTreeMap<String, Node> = BTreeMap::new();
        let mut alone = Vec::new();
        for ((node, _), dimm) in dimms {
            if node.is_empty() {
                alone.push(Node { dimms: vec![dimm] });
            } else {
                nodes.entry(node).or_default().dimms.push(dimm);
            }
        }
        alone.extend(nodes.into_values());
        (alone, unknown)
    }
}

#[cfg(test)]
mod tests;
