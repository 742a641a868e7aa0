//! Whether a ledger is what was written. Pure: rows in their order in, what is wrong out.

use super::chain::digest;
use super::checkpoint::Sums;
use super::fact::Kind;
use super::rows::StoredRow;
use scrubjay_model::{Digest, LedgerFault, LedgerFaultKind, LedgerHead, LedgerReport, count};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Faults that are listed. One removed row makes one; a file full of them needs no longer list.
const MOST_FAULTS: usize = 100;

/// What a line says of itself and the row before.
#[derive(Deserialize)]
struct Line {
    kind: String,
    prev: String,
    seq: i64,
    wall_ms: i64,
}

/// A checkpoint, as far as it is held against what the history has now.
#[derive(Deserialize)]
struct CheckpointLine {
    body: CheckpointBody,
}

#[derive(Deserialize)]
struct CheckpointBody {
    counters: Vec<Told>,
    dimms: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    of: String,
    sum: u64,
}

/// Goes from row to row.
#[derive(Debug)]
pub(super) struct Verifier<'a> {
    held: &'a [LedgerHead],
    /// The row before, with the hash that is stored with it: what it is held against was told
    /// already.
    last: Option<LedgerHead>,
    /// The highest sums that checkpoints told, with their rows.
    told: BTreeMap<String, (u64, u64)>,
    report: LedgerReport,
}

impl<'a> Verifier<'a> {
    pub(super) fn new(held: &'a [LedgerHead]) -> Self {
        let report = LedgerReport {
            rows: 0,
            head: None,
            faults: Vec::new(),
            more_faults: 0,
            confirmed: Vec::new(),
            copies: u64::try_from(held.len()).unwrap_or(u64::MAX),
        };
        Self { held, last: None, told: BTreeMap::new(), report }
    }

    /// Looks at the next row.
    pub(super) fn look(&mut self, row: StoredRow<'_>) {
        let seq = row.seq.unsigned_abs();
        let before = self.last;
        let wanted = before.map_or(1, |before| before.seq.saturating_add(1));
        if seq != wanted {
            let missing = seq.saturating_sub(wanted);
            self.fault(wanted, LedgerFaultKind::Removed, || {
                let missing = count(missing, "row is", "rows are");
                format!("{missing} missing before row {seq}")
            });
        }
        let stored = <[u8; 32]>::try_from(row.hash).ok().map(Digest);
        let found = digest(row.line);
        if stored != Some(found) {
            self.fault(seq, LedgerFaultKind::Altered, || {
                let stored = stored.map_or("no hash".to_owned(), |stored| stored.to_string());
                format!("its line has the hash {found}, and with it is stored {stored}")
            });
        }
        self.remember_sums(seq, &row);
        self.look_inside(seq, &row, before.map(|before| (before, seq == wanted)));
        let head = LedgerHead { seq, hash: stored.unwrap_or(found) };
        for held in self.held.iter().filter(|held| held.seq == seq) {
            if held.hash == found && stored == Some(found) {
                self.report.confirmed.push(*held);
            } else {
                self.fault(seq, LedgerFaultKind::Rewritten, || {
                    format!("its hash is {found}; the copy that was given has {}", held.hash)
                });
            }
        }
        self.last = Some(head);
        self.report.head = Some(head);
        self.report.rows = self.report.rows.saturating_add(1);
    }

    /// Holds the line against the columns beside it and the row before.
    fn look_inside(&mut self, seq: u64, row: &StoredRow<'_>, before: Option<(LedgerHead, bool)>) {
        let line = match serde_json::from_slice::<Line>(row.line) {
            Ok(line) => line,
            Err(error) => {
                return self.fault(seq, LedgerFaultKind::Altered, || {
                    format!("its line is none of a ledger: {error}")
                });
            }
        };
        if line.seq != row.seq {
            self.fault(seq, LedgerFaultKind::Reordered, || {
                format!("by its line it is row {}", line.seq)
            });
        }
        if line.kind.as_bytes() != row.kind || line.wall_ms != row.wall_ms {
            self.fault(seq, LedgerFaultKind::Altered, || {
                "its columns say something else than its line".to_owned()
            });
        }
        // Across a gap there is nothing to hold it against.
        let wanted = match before {
            Some((_, false)) => return,
            Some((before, true)) => before.hash,
            None if seq == 1 => Digest::NONE,
            None => return,
        };
        if line.prev != wanted.to_string() {
            let prev = seq.saturating_sub(1);
            self.fault(seq, LedgerFaultKind::Unlinked, || {
                format!(
                    "it was written after a row with the hash {}, and row {prev} has {wanted}",
                    line.prev
                )
            });
        }
    }

    pub(super) fn remember_sums(&mut self, seq: u64, row: &StoredRow<'_>) {
        if row.kind != Kind::Checkpoint.as_str().as_bytes() {
            return;
        }
        // One that cannot be read is at fault already.
        let Ok(CheckpointLine { body }) = serde_json::from_slice(row.line) else { return };
        for Told { of, sum } in body.counters.into_iter().chain(body.dimms) {
            let told = self.told.entry(of).or_insert((sum, seq));
            if sum >= told.0 {
                *told = (sum, seq);
            }
        }
    }

    /// The highest sums that checkpoints told.
    pub(super) fn sums_told(self) -> Vec<(String, u64)> {
        self.told.into_iter().map(|(name, (sum, _))| (name, sum)).collect()
    }

    /// After the last row. `sums` are those that the history has now: they never fall.
    pub(super) fn finish(mut self, sums: &Sums) -> LedgerReport {
        if self.report.rows == 0 {
            self.fault(1, LedgerFaultKind::Removed, || {
                "there is no row, and a ledger begins with one".to_owned()
            });
        }
        let end = self.last.map_or(0, |last| last.seq);
        for held in self.held {
            let is_there = held.seq <= end;
            // One that was removed from the middle is told at its place.
            if !is_there {
                self.fault(held.seq, LedgerFaultKind::Removed, || {
                    format!("the ledger ends with row {end}, and the copy that was given is of a later one")
                });
            }
        }
        for (of, (told, seq)) in std::mem::take(&mut self.told) {
            let now = sums.get(&of).copied().unwrap_or(0);
            if now < told {
                self.fault(seq, LedgerFaultKind::Contradicted, || {
                    format!("it tells of {told} errors of {of}, and the history now has {now}")
                });
            }
        }
        self.report
    }

    fn fault(&mut self, seq: u64, kind: LedgerFaultKind, detail: impl FnOnce() -> String) {
        if self.report.faults.len() < MOST_FAULTS {
            self.report.faults.push(LedgerFault { seq, kind, detail: detail() });
        } else {
            self.report.more_faults = self.report.more_faults.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
