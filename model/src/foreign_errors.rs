//! Errors that other tools recorded: what the memory of a host did before this agent came.
//!
//! They are kept apart from what the agent counts itself, and enter no sum of it: a tool that ran
//! beside the agent saw the same errors.

use crate::{EventClass, EventPlace, EventWhat, Reading, Witness};
use serde::Serialize;
use std::collections::BTreeMap;

/// A tool that records errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorMemory {
    /// rasdaemon, in a database.
    Rasdaemon,
    /// mcelog, in a log.
    Mcelog,
}

/// One record of another tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignError {
    /// When, milliseconds since the Unix epoch; `None` if the record does not tell, or tells a time
    /// that nobody can have recorded anything at.
    pub at_wall_ms: Option<i64>,
    /// The number of the record in its table or log.
    pub row: i64,
    /// Errors it speaks of, at least one.
    pub errors: u64,
    /// What it says of them.
    pub report: ForeignReport,
}

/// What a record says of an error, but for when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignReport {
    /// The table or log it is in.
    pub origin: &'static str,
    /// Who reported it to the tool.
    pub witness: Witness,
    /// How severe it is.
    pub class: EventClass,
    /// What it is about.
    pub what: EventWhat,
    /// Where it was, in the witness's own terms.
    pub place: EventPlace,
    /// Physical address.
    pub address: Option<u64>,
    /// Two to the power of this many bytes is how finely the address is known.
    pub grain_bits: Option<u8>,
    /// Syndrome, as the memory controller gives it.
    pub syndrome: Option<u64>,
    /// The tool's words.
    pub message: String,
    /// Further detail.
    pub detail: String,
}

/// Records of one hour that agree in origin, witness, class, subject and place. Sums are exact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForeignErrors {
    /// The hour, counted from the Unix epoch; `None` for records without a time.
    pub hour: Option<i64>,
    /// The first record's time, milliseconds since the Unix epoch.
    pub first_wall_ms: Option<i64>,
    /// The last record's time.
    pub last_wall_ms: Option<i64>,
    /// The lowest number of a record.
    pub first_row: i64,
    /// The highest number of a record.
    pub last_row: i64,
    /// Number of records.
    pub records: u64,
    /// Number of errors they speak of.
    pub errors: u64,
    /// What the first of them says.
    pub first: ForeignReport,
}

/// Records that were left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What they are.
    pub what: String,
    /// How many; `None` where they were not counted.
    pub records: Option<u64>,
    /// Why they were left out, as a sentence without a full stop.
    pub because: &'static str,
}

/// What one tool recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorRecords {
    /// Which tool.
    pub memory: ErrorMemory,
    /// Its files, relative to the host root.
    pub paths: Vec<String>,
    /// Its records of memory, in groups.
    pub errors: Vec<ForeignErrors>,
    /// Its other records.
    pub left_out: Vec<LeftOut>,
}

/// What came of taking in what one tool recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorImportLine {
    /// Which tool.
    pub memory: ErrorMemory,
    /// What was taken in, or why nothing was.
    pub taken: Reading<ErrorsTaken>,
}

/// Errors that were taken in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorsTaken {
    /// Files they were in, relative to the host root.
    pub paths: Vec<String>,
    /// Records of memory, and the errors they speak of.
    pub records: u64,
    /// Errors they speak of.
    pub errors: u64,
    /// Of the records, those that were not known before.
    pub records_added: u64,
    /// Of the errors, those that were not known before.
    pub errors_added: u64,
    /// Records without a time that can be.
    pub without_time: u64,
    /// When the first happened, milliseconds since the Unix epoch.
    pub first_wall_ms: Option<i64>,
    /// When the last happened.
    pub last_wall_ms: Option<i64>,
    /// What was left out, and why.
    pub left_out: Vec<LeftOut>,
}

/// A group of records as the history holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedErrors {
    /// Which tool recorded it.
    pub memory: ErrorMemory,
    /// The table or log it was in.
    pub origin: String,
    /// When it was first taken in, milliseconds since the Unix epoch.
    pub taken_in_wall_ms: i64,
    /// The first record's time; `None` if none of them has one.
    pub first_wall_ms: Option<i64>,
    /// The last record's time.
    pub last_wall_ms: Option<i64>,
    /// The lowest and the highest number of a record.
    pub rows: (i64, i64),
    /// Number of records.
    pub records: u64,
    /// Number of errors they speak of.
    pub errors: u64,
    /// Who reported it to the tool.
    pub witness: Witness,
    /// How severe it is.
    pub class: EventClass,
    /// What it is about.
    pub what: EventWhat,
    /// Where it was.
    pub place: EventPlace,
    /// Physical address of the first record.
    pub address: Option<u64>,
    /// How finely that is known.
    pub grain_bits: Option<u8>,
    /// Syndrome of the first record.
    pub syndrome: Option<u64>,
    /// The tool's words for the first record.
    pub message: String,
    /// Further detail of the first record.
    pub detail: String,
}

/// Puts records into groups, one at a time, so that a database of millions of them takes the memory
/// of its groups.
#[derive(Debug, Default)]
pub struct ErrorGroups {
    groups: BTreeMap<Key, ForeignErrors>,
}

/// What records of a group agree in: the hour, and the words for the rest.
type Key = (Option<i64>, &'static str, Witness, EventClass, String, String);

const HOUR_MS: i64 = 3_600_000;

impl ErrorGroups {
    /// Adds a record.
    pub fn add(&mut self, error: ForeignError) {
        let ForeignError { at_wall_ms, row, errors, report } = error;
        let hour = at_wall_ms.map(|at| at.div_euclid(HOUR_MS));
        let words = (format!("{:?}", report.what), format!("{:?}", report.place));
        let key = (hour, report.origin, report.witness, report.class, words.0, words.1);
        let group = self.groups.entry(key).or_insert_with(|| ForeignErrors {
            hour,
            first_wall_ms: at_wall_ms,
            last_wall_ms: at_wall_ms,
            first_row: row,
            last_row: row,
            records: 0,
            errors: 0,
            first: report,
        });
        group.records = group.records.saturating_add(1);
        group.errors = group.errors.saturating_add(errors);
        group.first_row = group.first_row.min(row);
        group.last_row = group.last_row.max(row);
        // All records of a group have a time, or none has.
        group.first_wall_ms = group.first_wall_ms.min(at_wall_ms);
        group.last_wall_ms = group.last_wall_ms.max(at_wall_ms);
    }

    /// The groups, those without a time first, then by hour.
    pub fn finish(self) -> Vec<ForeignErrors> {
        self.groups.into_values().collect()
    }
}

impl ErrorRecords {
    /// Number of records of memory.
    pub fn records(&self) -> u64 {
        self.errors.iter().map(|group| group.records).fold(0, u64::saturating_add)
    }

    /// Number of errors they speak of.
    pub fn errors(&self) -> u64 {
        self.errors.iter().map(|group| group.errors).fold(0, u64::saturating_add)
    }
}

impl ErrorMemory {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Rasdaemon, Self::Mcelog];

    /// The one with this word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|memory| memory.as_str() == word)
    }

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rasdaemon => "rasdaemon",
            Self::Mcelog => "mcelog",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(at_wall_ms: Option<i64>, row: i64, errors: u64, controller: u32) -> ForeignError {
        let place = EventPlace::Edac { controller, layers: [None; 3], label: "DIMM_A1".to_owned() };
        ForeignError {
            at_wall_ms,
            row,
            errors,
            report: ForeignReport {
                origin: "mc_event",
                witness: Witness::McEvent,
                class: EventClass::Corrected,
                what: EventWhat::Memory,
                place,
                address: Some(0x1000),
                grain_bits: None,
                syndrome: None,
                message: "memory read error".to_owned(),
                detail: String::new(),
            },
        }
    }

    #[test]
    fn records_of_an_hour_and_a_place_are_one_group() {
        let mut groups = ErrorGroups::default();
        for record in [
            error(Some(2 * HOUR_MS + 5), 1, 3, 0),
            error(Some(3 * HOUR_MS - 1), 2, 1, 0),
            error(Some(3 * HOUR_MS), 3, 1, 0),
            error(Some(3 * HOUR_MS), 4, 1, 1),
            error(None, 5, 7, 0),
        ] {
            groups.add(record);
        }
        let told: Vec<_> = groups
            .finish()
            .into_iter()
            .map(|group| (group.hour, group.records, group.errors, group.first_row, group.last_row))
            .collect();
        let expected = [
            (None, 1, 7, 5, 5),
            (Some(2), 2, 4, 1, 2),
            (Some(3), 1, 1, 3, 3),
            (Some(3), 1, 1, 4, 4),
        ];
        assert_eq!(told, expected);
    }

    proptest! {
        #[test]
        fn groups_keep_the_sums(
            records in proptest::collection::vec(
                (proptest::option::of(-10 * HOUR_MS..10 * HOUR_MS), 1_u64..1000, 0_u32..3),
                0..200,
            )
        ) {
            let mut groups = ErrorGroups::default();
            for (row, (at, errors, controller)) in (1..).zip(&records) {
                groups.add(error(*at, row, *errors, *controller));
            }
            let records_in = ErrorRecords {
                memory: ErrorMemory::Rasdaemon,
                paths: Vec::new(),
                errors: groups.finish(),
                left_out: Vec::new(),
            };
            prop_assert_eq!(records_in.records(), u64::try_from(records.len()).unwrap());
            prop_assert_eq!(records_in.errors(), records.iter().map(|record| record.1).sum::<u64>());
            for group in &records_in.errors {
                prop_assert_eq!(group.hour, group.first_wall_ms.map(|at| at.div_euclid(HOUR_MS)));
                prop_assert_eq!(group.hour, group.last_wall_ms.map(|at| at.div_euclid(HOUR_MS)));
            }
        }
    }
}
