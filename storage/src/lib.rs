//! The history of one host, in SQLite: counters that survive resets, reboots and kills; boots and
//! how they ended; when anybody was looking; what else changed.
//!
//! What a snapshot changes is planned by pure functions (`plan`, `counters`, `facts`, `boot_end`)
//! on a state in memory (`state`); the outcome (`changes`) is then written in one transaction
//! (`write`). A pass that changes nothing writes nothing. `docs/design/storage.md` holds the
//! schema, the pragmas and the budget.

mod ageing_clock;
mod alerts;
mod away;
mod bite_size;
mod boot_end;
mod boot_imports;
mod buckets;
mod care;
mod changes;
mod conclusions;
mod convert;
mod counters;
mod error;
mod error_imports;
mod event_rows;
mod events;
mod exposure_rows;
mod exposures;
mod facts;
mod files;
mod fold_reports;
mod fold_rows;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod history;
mod issued;
mod ledger;
mod load;
mod module_events;
mod module_rows;
mod modules;
mod open;
mod open_evidence;
mod page_requests;
mod page_rows;
mod pages;
mod plan;
mod query;
mod reader;
mod retention;
mod salvage;
mod schema;
mod simulated;
mod state;
mod sums;
mod tiers;
mod traces;
mod write;

#[cfg(test)]
mod tests;

/// The SHA-256 of bytes, as the ledger has it.
pub fn sha256(bytes: &[u8]) -> scrubjay_model::Digest {
    ledger::digest(bytes)
}

pub use alerts::{AlertNews, GivenUp, KeptAlerts, Rejected, Request, Waiting, hand_over, waiting};
pub use boot_imports::BootImport;
pub use care::{back_up_database, check_database, try_migration, vacuum_database};
pub use error::{DatabaseFault, StorageError};
pub use error_imports::ErrorImport;
pub use events::Heard;
pub use files::{create_directory, has_history, is_new, is_open_to_all};
pub use history::{Appended, History};
pub use ledger::LedgerLine;
pub use pages::PagesSeen;
pub use query::accumulate_first;
pub use reader::HistoryReader;
pub use retention::DEFAULT_MAX_BYTES;
pub use simulated::simulated;
pub use state::SettingsDigests;
