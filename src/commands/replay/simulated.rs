//! Fleets as `scrubjay simulate` writes them: a folder with what was observed, and the truth beside it.

use anyhow::{Context, bail};
use csv::{Reader, ReaderBuilder, StringRecord};
use scrubjay_alerts::memory::{Cell, CountsFrom, Hit, Observation, Parity, Seconds, Topology};
use scrubjay_alerts::replay::{Dimm, Failure, Node};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Slots by node and number.
type Slots = BTreeMap<(u32, u16), Dimm>;

/// The nodes of the fleet in a folder, in the order of their numbers.
pub(super) fn nodes(dir: &Path, told: &mut dyn FnMut(u64)) -> anyhow::Result<Vec<Node>> {
    let mut fleet = Fleet { dir, slots: Slots::new(), rows: 0 };
    fleet.truth(told)?;
    fleet.counters(told)?;
    fleet.events(told)?;
    fleet.boots(told)?;
    if fleet.rows == 0 {
        bail!("{}: the files have no rows: nothing happened in that fleet", dir.display());
    }
    let mut nodes: BTreeMap<u32, Node> = BTreeMap::new();
    for ((node, _), mut dimm) in fleet.slots {
        dimm.observations.sort_by_key(Observation::at);
        dimm.failures.sort_by_key(|failure| failure.at);
        nodes.entry(node).or_default().dimms.push(dimm);
    }
    Ok(nodes.into_values().collect())
}

struct Fleet<'p> {
    dir: &'p Path,
    slots: Slots,
    rows: u64,
}

/// One file.
struct Table {
    path: PathBuf,
    reader: Reader<File>,
    header: StringRecord,
}

/// Rows after which it is told how far reading has come.
const TELL_EVERY: u64 = 262_144;

impl Table {
    #[expect(clippy::disallowed_methods, reason = "a file that the user named is no kernel file")]
    fn open(path: PathBuf) -> anyhow::Result<Self> {
        let file = File::open(&path).with_context(|| {
            format!("cannot read {}: is this a folder of scrubjay simulate?", path.display())
        })?;
        // The first line says what made the file.
        let mut reader = ReaderBuilder::new().comment(Some(b'#')).from_reader(file);
        let header = reader.headers().with_context(|| path.display().to_string())?.clone();
        Ok(Self { path, reader, header })
    }

    fn next(&mut self, row: &mut StringRecord) -> anyhow::Result<bool> {
        self.reader.read_record(row).with_context(|| self.path.display().to_string())
    }

    fn text<'r>(&self, row: &'r StringRecord, column: &str) -> anyhow::Result<&'r str> {
        let index = self.header.iter().position(|name| name == column);
        index
            .and_then(|index| row.get(index))
            .with_context(|| format!("{}: there is no column {column}", self.path.display()))
    }

    /// A number; `None` where the cell is empty.
    fn maybe<T: FromStr>(&self, row: &StringRecord, column: &str) -> anyhow::Result<Option<T>> {
        let text = self.text(row, column)?;
        if text.is_empty() {
            return Ok(None);
        }
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => {
                let line = row.position().map_or(0, csv::Position::line);
                bail!(
                    "{}:{line}: {text:?} of column {column} is not its number",
                    self.path.display()
                )
            }
        }
    }

    fn number<T: FromStr>(&self, row: &StringRecord, column: &str) -> anyhow::Result<T> {
        self.maybe(row, column)?.with_context(|| {
            let line = row.position().map_or(0, csv::Position::line);
            format!("{}:{line}: column {column} is empty", self.path.display())
        })
    }
}

impl Fleet<'_> {
    /// Gives each row of a file.
    fn each(
        &mut self,
        name: &str,
        told: &mut dyn FnMut(u64),
        mut take: impl FnMut(&mut Slots, &Table, &StringRecord) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut table = Table::open(self.dir.join(name))?;
        let mut row = StringRecord::new();
        while table.next(&mut row)? {
            self.rows += 1;
            if self.rows.is_multiple_of(TELL_EVERY) {
                told(self.rows);
            }
            take(&mut self.slots, &table, &row)?;
        }
        Ok(())
    }

    /// Where slots are, and which failed.
    fn truth(&mut self, told: &mut dyn FnMut(u64)) -> anyhow::Result<()> {
        self.each("truth.csv", told, |slots, table, row| {
            let record = table.text(row, "record")?;
            if !matches!(record, "fault" | "uncorrected" | "swap") {
                return Ok(());
            }
            let dimm = slot(slots, table, row)?;
            dimm.place = Topology {
                socket: table.maybe(row, "socket")?,
                controller: None,
                channel: table.maybe(row, "channel")?,
            };
            if record == "uncorrected" {
                let sudden = Some(table.text(row, "why")?.starts_with("sudden"));
                dimm.failures.push(Failure { at: table.number(row, "t_ue_s")?, sudden });
            }
            Ok(())
        })
    }

    fn counters(&mut self, told: &mut dyn FnMut(u64)) -> anyhow::Result<()> {
        self.each("counters.csv", told, |slots, table, row| {
            let observation = Observation::Counted {
                from: table.number(row, "from_s")?,
                until: table.number(row, "until_s")?,
                watched: table.number(row, "watched_s")?,
                errors: table.number(row, "errors")?,
                at_least: table.number::<u8>(row, "at_least")? == 1,
            };
            slot(slots, table, row)?.observations.push(observation);
            Ok(())
        })
    }

    fn events(&mut self, told: &mut dyn FnMut(u64)) -> anyhow::Result<()> {
        self.each("events.csv", told, |slots, table, row| {
            let at: Seconds = table.number(row, "at_s")?;
            let cell = Cell {
                rank: table.maybe(row, "rank")?,
                device: table.maybe(row, "device")?,
                bank: table.maybe(row, "bank")?,
                row: table.maybe(row, "row")?,
                column: table.maybe(row, "column")?,
            };
            let page: Option<u64> = table.maybe(row, "page")?;
            let observation = match table.text(row, "kind")? {
                "corrected" => {
                    let bits = table.text(row, "parity")?;
                    let parity = (!bits.is_empty()).then(|| u32::from_str_radix(bits, 16));
                    let parity = parity.transpose().with_context(|| {
                        let line = row.position().map_or(0, csv::Position::line);
                        format!("{}:{line}: parity {bits:?}", table.path.display())
                    })?;
                    Observation::Reported(Hit {
                        at,
                        errors: table.number(row, "errors")?,
                        cell,
                        page,
                        parity: parity.map(Parity),
                        by_scrub: table.maybe::<u8>(row, "by_scrub")?.map(|found| found == 1),
                    })
                }
                "uncorrected" => Observation::Uncorrected { at, cell, page },
                "offlined" => Observation::Offlined { at, page: table.number(row, "page")? },
                "replaced" => Observation::Replaced { at },
                other => {
                    let line = row.position().map_or(0, csv::Position::line);
                    bail!("{}:{line}: kind {other:?} is not known", table.path.display())
                }
            };
            slot(slots, table, row)?.observations.push(observation);
            Ok(())
        })
    }

    /// Boots of a node are those of each of its slots.
    fn boots(&mut self, told: &mut dyn FnMut(u64)) -> anyhow::Result<()> {
        self.each("boots.csv", told, |slots, table, row| {
            let (node, at): (u32, Seconds) =
                (table.number(row, "node")?, table.number(row, "up_s")?);
            let of_node = slots.range_mut((node, 0)..=(node, u16::MAX));
            for (_, dimm) in of_node.filter(|(_, dimm)| !dimm.observations.is_empty()) {
                dimm.observations.push(Observation::Booted { at });
            }
            Ok(())
        })
    }
}

fn slot<'s>(
    slots: &'s mut Slots,
    table: &Table,
    row: &StringRecord,
) -> anyhow::Result<&'s mut Dimm> {
    let key = (table.number(row, "node")?, table.number(row, "slot")?);
    Ok(slots.entry(key).or_insert_with(|| Dimm::observed(CountsFrom::Counters, Vec::new())))
}
