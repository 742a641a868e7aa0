//! Pages for people, read in a terminal.
//!
//! They lead with the verdict, then say what cannot be seen, then the rest. Nothing depends on
//! colour. A reading without a value prints as its state and reason, never as 0 and never as
//! nothing. All text from outside passes through [`crate::printable()`] where a page takes it in.

mod alerts;
mod boots;
mod buckets;
mod bundle;
pub(crate) mod confinement;
mod database;
mod dimm;
mod dimms;
mod doctor;
mod document;
mod edac;
mod estimate;
mod events;
mod explain;
mod explain_dimm;
mod facts;
pub(crate) mod fleet;
mod history;
mod imported_errors;
mod imports;
mod ledger;
mod log;
mod page;
mod page_lives;
mod pages;
mod patch_history;
mod patches;
mod previous_boot;
mod scrub;
mod status;
pub(crate) mod words;

pub use alerts::{ack_request, acks, alert_history};
pub use boots::boots;
pub use buckets::{boot_buckets, memory_buckets, page_buckets, patch_buckets};
pub use bundle::bundle;
pub use database::{database_backup, database_check, database_migration, database_vacuum};
pub use dimm::dimm;
pub use dimms::dimms;
pub use doctor::doctor;
pub use document::document;
pub use estimate::{Estimate, Given, Table, estimate};
pub use events::{Slots, earlier_events, events, more_events, slots};
pub use explain::{ExplainedRule, explain_finding, explain_reboot, reboot_required};
pub use explain_dimm::explain_dimm;
pub(crate) use explain_dimm::percent;
pub use fleet::{fleet_plan, fleet_report, fleet_status};
pub use history::{Kept, memory};
pub use imported_errors::imported_errors;
pub use imports::imports;
pub use ledger::ledger;
pub use page_lives::page_lives;
pub use pages::{boot_arguments, pages};
pub use patch_history::patch_history;
pub(crate) use status::headline;
pub use status::status;
pub use words::moment;

/// How pages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to embed ANSI colours.
    pub colour: bool,
    /// Whether to list everything, however long; otherwise large hosts are summed up.
    pub all: bool,
}
