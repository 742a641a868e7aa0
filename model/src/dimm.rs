//! Which stick of memory is which: from the places EDAC counts at and the slots SMBIOS lists to
//! physical modules, and from there to lives that outlast reboots, moves and swaps.
//!
//! EDAC knows places, SMBIOS knows sticks, and nothing in either names the other. What joins them
//! is a label, where somebody wrote one, or the order of both lists, where that agrees. Each module
//! says what its place rests on; where nothing fits, the stick and the place are both listed, and
//! neither is guessed to be the other.

mod detail;
mod join;
mod lives;
mod names;
mod overview;
mod pattern;
mod position;
mod record;

pub use detail::{DimmDetail, PlaceSum};
pub use join::join_dimms;
pub use lives::{
    Gone, Inventory, KnownModule, LifeChange, ModuleKey, ModuleLife, ModuleLives, match_modules,
};

pub use overview::{DimmKind, DimmLine, memory_lines};
pub use pattern::{EventPattern, PATTERN_PAGE_BYTES};
pub use record::{ModuleRecord, ModuleTurn};

use crate::Place;
use serde::Serialize;
use std::fmt;

/// A physical stick of memory, or what is known of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmModule {
    /// The slot, as SMBIOS or a label names it. `None` where only the place in EDAC is known.
    pub slot: Option<String>,
    /// The bank SMBIOS names with the slot.
    pub bank: Option<String>,
    /// The serial number; `None` where firmware has none, or only a placeholder.
    pub serial: Option<String>,
    /// The part number, placeholders left out.
    pub part: Option<String>,
    /// Who made it.
    pub manufacturer: Option<String>,
    /// Its size: that of SMBIOS, else the sum of its places.
    pub size_bytes: Option<u64>,
    /// The handle of its structure in SMBIOS.
    pub handle: Option<u16>,
    /// Where EDAC counts its errors: several for a stick with several ranks, none where EDAC does
    /// not show it.
    pub places: Vec<ModulePlace>,
    /// What tells this stick from others.
    pub identity: Identity,
    /// How sure it is that `places` are this stick's.
    pub confidence: Confidence,
    /// What `confidence` rests on, as a sentence without a full stop.
    pub evidence: String,
}

/// A place in a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ModulePlace {
    /// `N` of `mcN`, as the kernel counts now.
    pub controller: u32,
    /// The place in it.
    pub place: Place,
}

/// What tells a stick from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// A serial number that no other stick of the host bears.
    Serial,
    /// It bears a serial number, but so does another stick: the slot has to do.
    SharedSerial,
    /// Its slot, size and part number. A swap for a stick of the same kind cannot be noticed.
    Slot,
    /// Its place in EDAC alone. No swap can be noticed.
    Place,
}

/// How sure it is that a stick is the one at its places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Nothing joins them.
    Unknown,
    /// Both lists have the same order and sizes. A board that is wired in another order would look
    /// the same.
    ByPosition,
    /// A label names the slot.
    ByLabel,
    /// A label names the slot; sizes agree, and every stick and place has found its partner.
    Verified,
}

impl Identity {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Serial, Self::SharedSerial, Self::Slot, Self::Place];

    /// The one of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|identity| identity.as_str() == word)
    }

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serial => "serial",
            Self::SharedSerial => "shared_serial",
            Self::Slot => "slot",
            Self::Place => "place",
        }
    }
}

impl Confidence {
    /// All of them, the least sure first.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::ByPosition, Self::ByLabel, Self::Verified];

    /// The one of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|confidence| confidence.as_str() == word)
    }

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::ByPosition => "by_position",
            Self::ByLabel => "by_label",
            Self::Verified => "verified",
        }
    }
}

impl fmt::Display for ModulePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "mc{}/{}", self.controller, self.place)
    }
}

impl DimmModule {
    /// The slot with its bank, as a person would look for it.
    pub fn slot_name(&self) -> Option<String> {
        match (&self.bank, &self.slot) {
            (Some(bank), Some(slot)) => Some(format!("{bank} {slot}")),
            (None, Some(name)) | (Some(name), None) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// The serial number, if it tells this stick from all others.
    pub fn telling_serial(&self) -> Option<&str> {
        match self.identity {
            Identity::Serial => self.serial.as_deref(),
            Identity::SharedSerial | Identity::Slot | Identity::Place => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
