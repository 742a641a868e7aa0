//! Reads one host: its `/proc` and `/sys`, live, below another root, or from a captured tree.
//!
//! `host` is the only module that opens kernel files. `reader` turns what it finds into readings,
//! once and in one way. `sources` know the files of one kernel interface each. `collector` runs
//! them with a deadline, and `capture` writes down what they read.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests make and read files of their own")
)]

mod boot_loader;
mod boots;
mod capture;
mod collector;
pub mod cper;
mod cve_list;
mod docs;
mod few;
mod foreign_errors;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod host;
mod kept;
mod kernel_log;
mod lines;
mod machine_check;
pub mod microcode;
mod module_file;
mod outside;
pub mod packages;
mod pages;
mod proc_text;
mod process;
mod reader;
mod remember;
mod rotation;
mod sources;
mod trace;
mod tree;
mod workers;

pub use boots::foreign_boots;
pub use capture::{CaptureOptions, capture};
pub use collector::{Collector, Options};
pub use docs::sources_markdown;
pub use foreign_errors::{foreign_errors, rasdaemon_records};
pub use host::{ClockFn, HostRoot, OfflineOutcome, OfflineRefused, RootError, soft_offline};
pub use kept::Lookout;
pub use kernel_log::{LogFollower, LogNews, Record, RecordOrigin, log_facts, log_reports};
pub use outside::{Outside, start_outside};
pub use pages::{memory_map, page_flags, scan_poisoned};
pub use process::{OwnProcess, own_boot, own_process};
pub use sources::SOURCES;
pub use trace::{Batch, EventFeed, FeedOptions, FeedRefusal, OnStop};
pub use tree::{Node, Tree, TreeError};
