//! Boots of other tools, taken in once and never in place of our own.

use super::support::{Host, directory, start};
use crate::{History, HistoryReader};
use scrubjay_model::{BootId, BootMemory, ForeignBoot, ForeignBoots, ForeignEnd};

fn reader(dir: &std::path::Path) -> HistoryReader {
    HistoryReader::open(dir).unwrap().unwrap()
}

const START_MS: i64 = 1_600_000_000_000;

fn boot(n: i64, end: ForeignEnd) -> ForeignBoot {
    let booted = START_MS + n * 86_400_000;
    let begun =
        ForeignBoot { kernel_release: Some("6.1".to_owned()), ..ForeignBoot::begun(booted) };
    match end {
        ForeignEnd::Clean => begun.ended(Some(booted + 60_000), end, "a shutdown is recorded"),
        ForeignEnd::Unclean => begun.ended(None, end, "another boot follows"),
        ForeignEnd::Unknown => begun,
    }
}

fn told(memory: BootMemory, boots: Vec<ForeignBoot>) -> ForeignBoots {
    let paths = vec!["var/log/wtmp.1".to_owned(), "var/log/wtmp".to_owned()];
    ForeignBoots { memory, paths, boots, has_gaps: false, not_understood: 1 }
}

/// Told, added, completed.
fn import(history: &mut History, host: &Host, told: &ForeignBoots) -> (u64, u64, u64) {
    let taken = history.import_boots(std::slice::from_ref(told), &host.at()).unwrap();
    assert_eq!((taken[0].memory, taken[0].not_understood), (told.memory, 1));
    (taken[0].told, taken[0].added, taken[0].completed)
}

#[test]
fn taking_in_twice_adds_nothing_and_every_word_is_kept() {
    let dir = directory();
    let host = Host::new();
    let mut history = History::open(dir.path(), &host.at()).unwrap();
    assert!(!history.has_imported_boots().unwrap());
    let whole = ForeignBoot {
        lasted_s: Some(61),
        slept_s: Some(2),
        boot_id: BootId::parse("00000009-0000-4000-8000-000000000000"),
        soft_reboots: 3,
        ..boot(2, ForeignEnd::Clean)
    };
    let boots = vec![boot(0, ForeignEnd::Clean), boot(1, ForeignEnd::Unclean), whole];
    let wtmp = told(BootMemory::Wtmp, boots.clone());
    assert_eq!(import(&mut history, &host, &wtmp), (3, 3, 0));
    assert_eq!(import(&mut history, &host, &wtmp), (3, 0, 0));
    assert!(history.has_imported_boots().unwrap());
    // Another tool is another witness.
    let tuptime = told(BootMemory::Tuptime, boots[..1].to_vec());
    assert_eq!(import(&mut history, &host, &tuptime), (1, 1, 0));
    let kept = reader(dir.path()).imported_boots().unwrap();
    let of = |memory| -> Vec<ForeignBoot> {
        kept.iter().filter(|b| b.memory == memory).map(|b| b.boot.clone()).collect()
    };
    assert_eq!(of(BootMemory::Wtmp), boots);
    assert_eq!(of(BootMemory::Tuptime), boots[..1]);
    // Sums want no words.
    let mut without = kept.clone();
    without.iter_mut().for_each(|told| told.boot.evidence = "".into());
    assert_eq!(reader(dir.path()).imported_boot_times().unwrap(), without);
    let imports: i64 = history
        .conn
        .query_row("SELECT COUNT(*) FROM boot_import WHERE paths LIKE '%wtmp.1%'", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(imports, 3);
}

#[test]
fn a_boot_that_ran_then_is_completed_and_an_end_that_was_known_is_kept() {
    let dir = directory();
    let host = Host::new();
    let mut history = History::open(dir.path(), &host.at()).unwrap();
    let one = |boot: ForeignBoot| told(BootMemory::Wtmp, vec![boot]);
    assert_eq!(import(&mut history, &host, &one(boot(0, ForeignEnd::Unknown))), (1, 1, 0));
    // The kernel rounds when it began anew.
    let mut ended = boot(0, ForeignEnd::Clean);
    ended.booted_wall_ms += 1_000;
    assert_eq!(import(&mut history, &host, &one(ended)), (1, 0, 1));
    assert_eq!(import(&mut history, &host, &one(boot(0, ForeignEnd::Unknown))), (1, 0, 0));
    let kept = reader(dir.path()).imported_boots().unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].boot.booted_wall_ms, START_MS);
    assert_eq!(
        (kept[0].boot.end, kept[0].boot.ended_wall_ms),
        (ForeignEnd::Clean, Some(START_MS + 60_000))
    );
}

#[test]
fn what_the_agent_saw_is_left_as_it_is() {
    let dir = directory();
    let host = Host::new();
    let mut history = start(dir.path(), &host.at());
    assert!(history.append(&host.snapshot()).error.is_none());
    let before = reader(dir.path()).boots().unwrap();
    let same = ForeignBoot {
        boot_id: Some(host.at().boot),
        kernel_release: Some("2.6".to_owned()),
        ..boot(0, ForeignEnd::Clean)
    };
    assert_eq!(import(&mut history, &host, &told(BootMemory::Tuptime, vec![same])), (1, 1, 0));
    assert_eq!(reader(dir.path()).boots().unwrap(), before);
}

#[test]
fn what_the_table_refuses_leaves_nothing_behind() {
    let dir = directory();
    let host = Host::new();
    let mut history = History::open(dir.path(), &host.at()).unwrap();
    let contradiction = ForeignBoot { ended_wall_ms: Some(0), ..boot(1, ForeignEnd::Clean) };
    let bad = told(BootMemory::Wtmp, vec![boot(0, ForeignEnd::Clean), contradiction]);
    let error = history.import_boots(&[bad], &host.at()).unwrap_err();
    assert!(error.to_string().starts_with("write the history"), "{error}");
    assert!(!history.has_imported_boots().unwrap());
    assert_eq!(reader(dir.path()).imported_boots().unwrap(), []);
}

#[test]
fn facts_that_tell_of_ends_come_with_their_boots() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    assert!(history.append(&host.snapshot()).error.is_none());
    host.reboot(2);
    assert!(history.append(&host.snapshot()).error.is_none());
    history
        .conn
        .execute_batch(
            "INSERT INTO fact (name, subject, snapshot, state, value)
             SELECT 'kexec.loaded', '', MIN(id), 'ok', 'true' FROM snapshot;
             INSERT INTO fact (name, subject, snapshot, state, value)
             SELECT 'kernel.release', 'x', MIN(id), 'ok', 'true' FROM snapshot",
        )
        .unwrap();
    let facts = reader(dir.path()).boot_facts().unwrap();
    let told: Vec<_> = facts.iter().map(|f| (f.name.as_str(), f.value.as_deref())).collect();
    assert_eq!(told, [("kexec.loaded", Some("true"))]);
    assert_eq!(facts[0].boot, super::support::boot(1));
}
