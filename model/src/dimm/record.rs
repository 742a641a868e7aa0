//! A stick as the history keeps it.

use super::{Confidence, Identity, KnownModule, ModuleKey};
use crate::{ControllerKey, ErrorClass, Place};
use serde::{Deserialize, Serialize};

/// A stick of memory with the errors it had, whether it is still there or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleRecord {
    /// Its key, for good.
    pub key: ModuleKey,
    /// The slot it was last seen in.
    pub slot: Option<String>,
    /// The bank of the slot.
    pub bank: Option<String>,
    /// Its serial number; [`ModuleRecord::identity`] says whether it tells.
    pub serial: Option<String>,
    /// Its part number.
    pub part: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Where its errors are counted, in order.
    pub places: Vec<(ControllerKey, Place)>,
    /// Whether SMBIOS listed it.
    pub listed: bool,
    /// What tells it from others.
    pub identity: Identity,
    /// How sure it is that `places` are its own.
    pub confidence: Confidence,
    /// What `confidence` rests on.
    pub evidence: String,
    /// First sight, milliseconds since the Unix epoch. What the kernel had counted by then at its
    /// places is among its errors.
    pub since_wall_ms: i64,
    /// When it was found to be replaced or removed; `None` while its life goes on.
    pub ended_wall_ms: Option<i64>,
    /// Corrected errors counted at its places while it was there.
    pub correctable: u64,
    /// The same for all other errors.
    pub uncorrectable: u64,
    /// How often counters at its places began anew while it was there: each time what they counted
    /// after the last reading is lost, so that its sums are lower bounds.
    pub restarts: u64,
    /// When its errors last increased, milliseconds since the Unix epoch.
    pub last_error_wall_ms: Option<i64>,
}

/// A turn in the life of a stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleTurn {
    /// When it was seen, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Which stick.
    pub key: ModuleKey,
    /// `new`, `identified`, `moved`, `returned`, `swapped_in`, `replaced`, `removed` or
    /// `regrouped`.
    pub what: String,
    /// The slot it moved from, or the key of the stick before or after it; else empty.
    pub detail: String,
}

impl ModuleRecord {
    /// The slot with its bank, as a person would look for it.
    pub fn slot_name(&self) -> Option<String> {
        match (&self.bank, &self.slot) {
            (Some(bank), Some(slot)) => Some(format!("{bank} {slot}")),
            (None, Some(name)) | (Some(name), None) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// The ids of its places.
    pub fn place_names(&self) -> Vec<String> {
        self.places.iter().map(|(controller, place)| controller.place(*place)).collect()
    }

    /// Whether a person means this stick: by its key, its slot, its serial number or a place.
    pub fn is_called(&self, name: &str) -> bool {
        let same = |text: &str| text.eq_ignore_ascii_case(name.trim());
        same(self.key.as_str())
            || self.slot.as_deref().is_some_and(same)
            || self.slot_name().is_some_and(|slot| same(&slot))
            || self.serial.as_deref().is_some_and(same)
            || self.place_names().iter().any(|place| same(place))
    }

    /// Whether errors may be missing from its sums.
    pub fn is_lower_bound(&self) -> bool {
        self.restarts > 0
    }

    /// The errors of one class.
    pub fn errors(&self, class: ErrorClass) -> u64 {
        match class {
            ErrorClass::Correctable => self.correctable,
            ErrorClass::Uncorrectable => self.uncorrectable,
        }
    }
}

impl From<&ModuleRecord> for KnownModule {
    fn from(record: &ModuleRecord) -> Self {
        let telling = record.identity == Identity::Serial;
        Self {
            key: record.key.clone(),
            slot: record.slot.clone(),
            bank: record.bank.clone(),
            serial: record.serial.clone().filter(|_| telling),
            part: record.part.clone(),
            size_bytes: record.size_bytes,
            places: record.places.clone(),
            listed: record.listed,
            retired: record.ended_wall_ms.is_some(),
        }
    }
}
