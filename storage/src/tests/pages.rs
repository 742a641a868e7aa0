//! The registry of bad pages over passes, kills and reboots.

use super::support::{Host, append, directory, kill, start};
use crate::{HistoryReader, PagesSeen, StorageError};
use scrubjay_model::{
    BadPage, PageFlags, PageOutcome, PageReason, PageReport, PageState, PagesTold,
};
use std::collections::BTreeMap;
use std::path::Path;

const POISONED: u64 = 1 << 19;

fn report(pfn: u64, reason: PageReason) -> PageReport {
    PageReport { pfn, page_size_bytes: 4096, reason, dimm: Some("imc-0/dimm1".to_owned()) }
}

fn told(flags: &[(u64, u64)]) -> PagesTold {
    let flags = flags.iter().map(|(pfn, bits)| (*pfn, PageFlags(*bits))).collect();
    PagesTold { page_size_bytes: 4096, flags }
}

fn reports() -> Vec<PageReport> {
    let failure = |page_type: &str| PageReason::MemoryFailure {
        page_type: page_type.to_owned(),
        result: PageOutcome::Failed,
    };
    vec![
        report(0x3_0000, PageReason::SoftOffline),
        report(0x4_0000, failure("dirty LRU page")),
        report(7, PageReason::CorrectedThreshold),
    ]
}

fn stored(dir: &Path) -> BTreeMap<u64, BadPage> {
    let pages = HistoryReader::open(dir).unwrap().unwrap().bad_pages().unwrap();
    pages.into_iter().map(|page| (page.physical_address, page)).collect()
}

#[test]
fn pages_are_kept_over_a_reboot_and_a_kill() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let told = told(&[(0x3_0000, POISONED), (0x4_0000, POISONED)]);
    let reports = reports();
    let seen = PagesSeen { reported: &reports, told: Some(&told), map: None };
    assert_eq!(history.see_pages(&seen, &host.at()).unwrap(), 0);
    let accumulated = append(&mut history, &host);
    assert_eq!(accumulated.bad_pages.len(), 3);
    assert_eq!(stored(dir.path()), accumulated.bad_pages);
    assert_eq!(accumulated.bad_pages[&0x3000_0000].state, PageState::OfflineNow);
    assert_eq!(accumulated.bad_pages[&0x7000].state, PageState::Unknown);

    let dir = kill(history, dir.path());
    host.reboot(2);
    let mut history = start(dir.path(), &host.at());
    assert_eq!(*history.bad_pages(), accumulated.bad_pages);
    let after = append(&mut history, &host);
    for (address, page) in &after.bad_pages {
        assert_eq!((page.state, page.boots_survived), (PageState::Unknown, 1), "{address:#x}");
        assert_eq!(page.first_seen_wall_ms, accumulated.bad_pages[address].first_seen_wall_ms);
        assert_eq!(page.reason, accumulated.bad_pages[address].reason);
    }
    assert_eq!(stored(dir.path()), after.bad_pages);
}

#[test]
fn a_pass_that_finds_all_pages_as_they_were_writes_nothing() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    let told = told(&[(0x3_0000, POISONED)]);
    let reports = reports();
    let seen = PagesSeen { reported: &reports, told: Some(&told), map: None };
    history.see_pages(&seen, &host.at()).unwrap();
    append(&mut history, &host);
    let writes = history.stats().writes;
    let again = PagesSeen { reported: &[], ..seen };
    history.see_pages(&again, &host.at()).unwrap();
    append(&mut history, &host);
    assert_eq!(history.stats().writes, writes);
}

#[test]
fn without_a_run_nothing_is_taken_in() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    history.end_run(&host.at()).unwrap();
    let reports = reports();
    let seen = PagesSeen { reported: &reports, told: None, map: None };
    assert!(matches!(history.see_pages(&seen, &host.at()), Err(StorageError::NoRun)));
    assert_eq!(history.bad_pages().len(), 0);
}

#[test]
fn the_table_refuses_what_the_types_do_not_allow() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let insert = |address: u64, pfn: u64, reason: &str, page_type: &str, state: &str| {
        let values = format!("{address}, {pfn}, 4096, {reason}, {page_type}, 1, 1, 0, 1, {state}");
        history.conn.execute_batch(&format!(
            "INSERT INTO bad_page (physical_address, pfn, page_size_bytes, reason, page_type,
               result, first_seen_wall_ms, last_seen_wall_ms, boots_survived, boot, state)
             VALUES ({})",
            values
        ))
    };
    let (failure, none) = ("'dirty', 'failed'", "NULL, NULL");
    assert!(insert(0x7000, 7, "'imported'", none, "'unknown'").is_ok());
    assert!(insert(0x8000, 8, "'memory_failure'", failure, "'unknown'").is_ok());
    for (address, pfn, reason, page_type, state) in [
        (0x9001, 9, "'imported'", none, "'unknown'"),
        (0, 0, "'imported'", none, "'unknown'"),
        (0x9000, 9, "'imported'", failure, "'unknown'"),
        (0x9000, 9, "'memory_failure'", none, "'unknown'"),
        (0x9000, 9, "'memory_failure'", "'dirty', 'odd'", "'unknown'"),
        (0x9000, 9, "'odd'", none, "'unknown'"),
        (0x9000, 9, "'imported'", none, "'odd'"),
    ] {
        let refused = insert(address, pfn, reason, page_type, state);
        assert!(refused.is_err(), "{address:#x} {reason} {page_type} {state}");
    }
    // The rows made by hand are read, as any would be.
    let pages = HistoryReader::open(dir.path()).unwrap().unwrap().bad_pages().unwrap();
    assert_eq!(pages.len(), 2);
}
