//! Whole hosts, and files that are read in several forms.

use super::{halves, host, host_of, stamp};
use crate::boot_loader::{bls, grub, image};
use crate::boots::foreign_boots;
use crate::reader::Reader;
use crate::{
    CaptureOptions, Collector, Options, Tree, capture, foreign_errors, proc_text as texts, sources,
};
use scrubjay_model::ErrorMemory;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A text that may be a tree. What is written of one is read as the same, but for directories that are
/// named and are there in any case for what lies in them.
pub fn tree(bytes: &[u8]) {
    if let Ok(tree) = Tree::parse(&String::from_utf8_lossy(bytes)) {
        let again = Tree::parse(&tree.to_text());
        assert!(again.is_ok(), "what is written is no tree");
        let Ok(again) = again else { return };
        for (path, node) in tree.nodes() {
            assert!(again.get(path) == Some(node), "{path} is another one");
        }
        assert!(again.nodes().all(|(path, node)| tree.get(path) == Some(node)), "more than was");
    }
}

/// A captured host, read by every source. What is captured of it is captured of the capture.
pub fn host_tree(bytes: &[u8]) {
    let Ok(tree) = Tree::parse(&String::from_utf8_lossy(bytes)) else { return };
    let options = Options { deadline: Duration::from_secs(10), disabled: BTreeSet::new() };
    let found = Arc::new(host(tree));
    let _ = Collector::new(Arc::clone(&found), options.clone()).snapshot();
    for redact in [false, true] {
        let captured = capture(&found, &options, CaptureOptions { redact });
        let _ = capture(&host(captured), &options, CaptureOptions { redact });
    }
}

/// A file of SQLite, read as each of the databases that are looked into.
pub fn sqlite_file(bytes: &[u8]) {
    const NOW_MS: i64 = 1_795_500_120_000;
    const RASDAEMON: &str = "var/lib/rasdaemon/ras-mc_event.db";
    let host = host_of([
        ("var/lib/wtmpdb/wtmp.db", bytes),
        ("var/lib/tuptime/tuptime.db", bytes),
        (RASDAEMON, bytes),
    ]);
    let _ = foreign_boots(&host);
    let memory = ErrorMemory::Rasdaemon;
    let read = foreign_errors(&host, memory, Some(RASDAEMON), NOW_MS, &mut |_, _| {});
    for group in read.value().into_iter().flat_map(|read| &read.errors) {
        assert!(group.records > 0, "a group of no records");
    }
}

/// The records of uptimed.
pub fn boot_records(bytes: &[u8]) {
    let host = host_of([("var/spool/uptimed/records", bytes)]);
    for (_, boots) in foreign_boots(&host) {
        let Some(found) = boots.value() else { continue };
        let lines = bytes.split(|byte| *byte == b'\n').count();
        assert!(found.boots.len() <= lines, "more boots than lines");
    }
}

/// Menus, entries and images of boot loaders.
pub fn boot_loader(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (environment, menu) = halves(bytes);
    let environment = grub::environment(&String::from_utf8_lossy(environment));
    let menu = grub::menu(&String::from_utf8_lossy(menu));
    let _ = menu.entry(&menu.default_entry(&environment));
    let mut entries: Vec<_> = ["a.conf", "b+0.conf", "c+2-1.conf"]
        .iter()
        .zip(text.split("---\n"))
        .filter_map(|(name, text)| bls::entry(name, text))
        .collect();
    bls::sort_for_grub(&mut entries);
    let _ = bls::chosen_by_grub(&entries, &text);
    bls::sort_for_systemd_boot(&mut entries);
    let _ = bls::chosen_by_pattern(&entries, &text);
    let _ = bls::loader_default(&text);
    let _ = bls::efi_text(bytes);
    let _ = image::banner_at(bytes);
    let banner = image::banner(bytes);
    assert!(banner.is_none_or(|text| !text.chars().any(char::is_control)), "a banner that acts");
}

/// Files of `/proc`, and what is made of processes.
pub fn proc_text(bytes: &[u8]) {
    let _ = texts::uptime(bytes);
    let _ = texts::process_stat(bytes);
    let _ = texts::line(bytes, "btime ").and_then(texts::epoch_seconds);
    let _ = texts::kibibytes(bytes);
    let (stat, maps) = halves(bytes);
    let host = host_of([
        (
            "proc/1/stat",
            b"1 (init) S 0 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 1 1 1\n".as_slice(),
        ),
        ("proc/7/stat", stat),
        ("proc/7/comm", stat),
        ("proc/7/cgroup", stat),
        ("proc/7/maps", maps),
        ("proc/7/mountinfo", maps),
        ("proc/1/maps", maps),
        ("proc/1/mountinfo", maps),
    ]);
    let _ = sources::processes::read(&Reader::new(&host), &stamp(&host));
}
