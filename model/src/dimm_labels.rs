//! Names that people gave to the slots of a board: label maps of rasdaemon, of edac-utils, and our
//! own.

use serde::Serialize;

/// The entries of all label maps that are meant for this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DimmLabels {
    /// In order of precedence: our own files before those of rasdaemon, those before edac-utils'.
    pub entries: Vec<LabelEntry>,
}

/// One slot of a label map.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelEntry {
    /// The name printed on the board.
    pub label: String,
    /// Where EDAC shows it: one place for a stick, one for each of its ranks where the driver
    /// works by chip-select rows.
    pub places: Vec<LabelPlace>,
    /// The file, relative to the host root.
    pub file: String,
    /// The line in it, counted from one.
    pub line: u32,
}

/// A place as label maps write it: `mc.top.mid.low`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LabelPlace {
    /// `N` of `mcN`. Whoever wrote the map counted controllers as the kernel did then.
    pub controller: u32,
    /// The indexes of `dimm_location`, in its order: one to three.
    pub layers: Vec<u32>,
}
