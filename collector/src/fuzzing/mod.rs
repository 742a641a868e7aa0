//! What the fuzz targets in `tests/fuzz` feed with arbitrary bytes: none may panic, loop, or take more
//! memory than its input warrants, and what a module promises of its answers is asserted here.

mod hosts;
mod logs;
mod memory;
mod modules;
mod packages;
mod tables;
mod trace;

pub use hosts::{boot_loader, boot_records, host_tree, proc_text, sqlite_file, tree};
pub use logs::{crash_log, kernel_log, mcelog};
pub use memory::{bert, cper, machine_check, smbios};
pub use modules::{compressed_file, microcode, module_file, module_signature};
pub use packages::{apk, debian_changelog, dpkg, pacman, rpm_database, rpm_header};
pub use tables::{cve_list, dimm_labels, livepatch_systems, wtmp};
pub use trace::{trace_format, trace_page};

use crate::{HostRoot, Node, Tree};
use scrubjay_model::{BootId, Clocks, Stamp};
use std::sync::Arc;

/// A host that has these files and nothing else.
fn host_of<'f>(files: impl IntoIterator<Item = (&'f str, &'f [u8])>) -> HostRoot {
    let mut tree = Tree::new();
    for (path, bytes) in files {
        tree.insert(path, Node::File(bytes.to_vec()));
    }
    host(tree)
}

fn host(tree: Tree) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

fn stamp(host: &HostRoot) -> Stamp {
    Stamp::new(BootId::unknown(), host.clocks())
}

/// The bytes before and behind the first NUL.
fn halves(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at(end);
    (first, rest.get(1..).unwrap_or_default())
}
