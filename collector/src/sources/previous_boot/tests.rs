//! Hosts whose earlier boots ended in various ways.

use super::*;
use crate::cper::tests::{FATAL_MEMORY, mce_bytes, memory_block};
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::{Blames, CperSeverity, Outcome, ReadFault};

/// The running boot began at 1_795_429_528.
const CLOCKS: &str = "\
//- .scrubjay/facts
realtime_ms 1795429628000
boottime_ns 100000000000
";

/// 30 s before it.
const BEFORE_S: u64 = 1_795_429_498;

fn hex(path: &str, bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("//- hex {path}\n{}\n", digits.concat())
}

/// A server whose last boot ended in a fatal memory error that everybody wrote down.
pub(crate) fn everything() -> String {
    let parts = [
        CLOCKS.to_owned(),
        "//- dir sys/firmware/acpi/tables/BERT\n".to_owned(),
        hex(REGION, &[memory_block(0, 1), vec![0; 64]].concat()),
        "//- proc/cmdline\nro quiet\n".to_owned(),
        format!("//- sys/fs/pstore/dmesg-efi-{BEFORE_S}01001\n{PANIC}"),
        hex(&format!("{PSTORE}/mce-erst-{}", BEFORE_S << 32), &mce_bytes(FATAL_MEMORY, BEFORE_S)),
        format!("//- {ARCHIVE}/17000000001/001/dmesg-efi-170000000001001\n{OOPS}"),
        format!("//- {ARCHIVE}/17000000001/001/dmesg.txt\ndmesg-efi-170000000001001:\n{OOPS}"),
        format!("//- {ARCHIVE}/dmesg-ramoops-0\n{OOPS}"),
        "//- sys/class/watchdog/watchdog0/identity\niTCO_wdt\n".to_owned(),
        "//- sys/class/watchdog/watchdog0/bootstatus\n32\n".to_owned(),
    ];
    parts.concat()
}

const PANIC: &str = "\
Panic#1 Part1
<0>[ 7032.907200] mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 7: be00000001010091
<0>[ 7032.983663] Kernel panic - not syncing: Fatal machine check
";

const OOPS: &str = "\
Oops#1 Part1
<1>[  812.000000] BUG: kernel NULL pointer dereference, address: 0000000000000008
";

fn records(store: &Reading<CrashStore>) -> Vec<(&str, WrittenIn, Option<Blames>)> {
    let records = &store.value().unwrap().records;
    let name = |record: &CrashRecord| record.path.rsplit('/').next().unwrap().len();
    records.iter().map(|r| (&r.path[r.path.len() - name(r)..], r.written, r.blames())).collect()
}

#[test]
fn everything_a_crash_leaves_is_found() {
    let text = everything();
    let left = found(&text, read);
    let blocks: Vec<_> = left.blocks().collect();
    assert_eq!((blocks.len(), blocks[0].severity), (1, CperSeverity::Fatal));
    assert!(blocks[0].cleared, "the kernel has printed it");
    let (section, _) = blocks[0].memory_errors().next().unwrap();
    assert_eq!(section.memory().unwrap().module_handle, Some(0x1102));
    let mce = format!("mce-erst-{}", BEFORE_S << 32);
    let dmesg = format!("dmesg-efi-{BEFORE_S}01001");
    assert_eq!(
        records(&left.pstore),
        [
            (dmesg.as_str(), WrittenIn::EarlierBoot, Some(Blames::MachineCheck)),
            (mce.as_str(), WrittenIn::EarlierBoot, Some(Blames::Memory)),
        ]
    );
    assert_eq!(
        records(&left.archive),
        [
            ("dmesg-ramoops-0", WrittenIn::Unknown, None),
            ("dmesg-efi-170000000001001", WrittenIn::EarlierBoot, None),
        ]
    );
    let watchdogs = left.watchdogs.value().unwrap();
    assert!(watchdogs[0].boot_status.value().unwrap().reset_by_watchdog());
}

#[test]
fn a_host_that_ended_well_has_the_places_and_nothing_in_them() {
    let quiet = format!(
        "{CLOCKS}//- dir sys/firmware/acpi/tables/BERT\n{}//- dir sys/fs/pstore\n\
         //- sys/class/watchdog/watchdog0/bootstatus\n0\n",
        hex(REGION, &[0; 4096])
    );
    let left = found(&quiet, read);
    assert_eq!(left.blocks().count(), 0);
    assert_eq!(left.crash_records().count(), 0);
    assert!(left.archive.is_absent());
    let watchdogs = left.watchdogs.value().unwrap();
    assert_eq!(watchdogs[0].boot_status, Reading::Value(BootStatus(0)));
    assert!(watchdogs[0].identity.is_absent());
}

#[test]
fn a_host_without_any_of_it_is_absent() {
    assert!(is_absent("//- proc/cmdline\nro\n", read));
    assert!(is_absent("//- dir sys/firmware/acpi/tables\n", read));
}

#[test]
fn records_that_are_disabled_are_not_looked_at() {
    let text = everything().replace("ro quiet", "ro bert_disable");
    let left = found(&text, read);
    assert_eq!((left.bert.region.is_none(), left.blocks().count()), (true, 0));
    assert_eq!(left.bert.disabled, Reading::Value(true));
    // Only that very word switches them off.
    let text = everything().replace("ro quiet", "ro nobert_disable");
    assert_eq!(found(&text, read).blocks().count(), 1);
}

#[test]
fn without_privileges_each_place_says_so() {
    let text = format!(
        "//- dir sys/firmware/acpi/tables/BERT\n//- errno=EACCES {REGION}\n\
         //- errno=EACCES {PSTORE}\n//- errno=EACCES {ARCHIVE}\n\
         //- sys/class/watchdog/watchdog0/bootstatus\n0\n"
    );
    let (left, faults) = partly_found(&text, read);
    let denied = |path: &str| Reading::Unreadable(Origin::new(path), ReadFault::Denied);
    assert_eq!(left.bert.region, Some(denied(REGION).map(|()| unreachable!())));
    assert_eq!(left.pstore, denied(PSTORE).map(|()| unreachable!()));
    assert_eq!(faults.len(), 3);
    assert_eq!(left.watchdogs.value().unwrap().len(), 1);
}

#[test]
fn one_bad_record_leaves_the_others() {
    for (node, outcome) in [
        ("//- errno=EIO sys/fs/pstore/mce-erst-1\n".to_owned(), Outcome::Unreadable),
        (hex("sys/fs/pstore/mce-erst-1", &[7; 40]), Outcome::Malformed),
        ("//- noeol sys/fs/pstore/mce-erst-1\n".to_owned(), Outcome::Malformed),
    ] {
        let text = format!("{node}//- sys/fs/pstore/dmesg-ramoops-0\n{PANIC}");
        let (left, faults) = partly_found(&text, read);
        let records = &left.pstore.value().unwrap().records;
        let outcomes: Vec<Outcome> =
            records.iter().map(|r| r.content.as_ref().unwrap().outcome()).collect();
        assert_eq!((outcomes, faults.len()), (vec![Outcome::Ok, outcome], 1), "{node}");
    }
}

#[test]
fn a_region_that_is_no_region_is_malformed_and_what_stands_before_rubbish_is_kept() {
    let mut broken = memory_block(0x11, 1);
    broken[12] = 0xff;
    let region = |bytes: &[u8]| partly_found(&hex(REGION, bytes), read);
    let (left, faults) = region(&broken);
    assert_eq!(left.bert.region.unwrap().outcome(), Outcome::Malformed);
    assert_eq!(faults.len(), 1);
    let (left, faults) = region(&[memory_block(0x11, 0), broken].concat());
    assert_eq!((left.blocks().count(), faults.len()), (1, 1));
}

#[test]
fn two_records_of_one_crash_and_two_watchdogs_are_all_told() {
    let text = format!(
        "{CLOCKS}{}//- sys/class/watchdog/watchdog1/bootstatus\n0x20\n\
         //- sys/class/watchdog/watchdog0/bootstatus\n0\n//- dir sys/class/watchdog/other\n",
        hex(REGION, &[memory_block(0x11, 1), memory_block(0, 0)].concat())
    );
    let left = found(&text, read);
    let blocks: Vec<_> = left.blocks().map(|block| (block.severity, block.cleared)).collect();
    assert_eq!(blocks, [(CperSeverity::Fatal, false), (CperSeverity::Recoverable, true)]);
    let reset: Vec<bool> = left
        .watchdogs
        .value()
        .unwrap()
        .iter()
        .map(|watchdog| watchdog.boot_status.value().unwrap().reset_by_watchdog())
        .collect();
    assert_eq!(reset, [false, true]);
}

#[test]
fn a_boot_status_is_a_number_in_either_form_and_nothing_else() {
    assert_eq!(boot_status("32"), boot_status("0x20"));
    for odd in ["", "0x", "-1", "+1", "20h", "0x+1", "1 2", "99999999999999999999"] {
        assert_eq!(boot_status(odd), None, "{odd}");
    }
}

#[test]
fn a_record_is_of_the_boot_its_time_tells_and_of_none_in_doubt() {
    let at = |wall_s: i64| {
        let host = check::host(check::tree(CLOCKS));
        let stamp = Stamp::new(scrubjay_model::BootId::unknown(), host.clocks());
        written_in(Some(wall_s), &stamp)
    };
    assert_eq!(at(1_795_429_498), WrittenIn::EarlierBoot);
    assert_eq!(at(1_795_429_526), WrittenIn::Unknown);
    assert_eq!(at(1_795_429_530), WrittenIn::Unknown);
    assert_eq!(at(1_795_429_600), WrittenIn::ThisBoot);
    assert_eq!(at(1_795_500_000), WrittenIn::Unknown, "the clock was wrong, then or now");
    assert_eq!(at(i64::MAX), WrittenIn::Unknown);
}

#[test]
fn many_records_are_bounded_and_the_latest_are_kept() {
    let mut text = CLOCKS.to_owned();
    for n in 0..40 {
        text.push_str(&format!("//- sys/fs/pstore/dmesg-efi-{}01001\n{OOPS}", 1_700_000_000 + n));
    }
    for n in 0..20 {
        text.push_str(&format!("//- {ARCHIVE}/{}/dmesg-ramoops-0\n{OOPS}", 100 + n));
    }
    let left = found(&text, read);
    let pstore = left.pstore.value().unwrap();
    assert_eq!((pstore.records.len(), pstore.left_out), (RECORDS_LIMIT, 8));
    assert_eq!(pstore.records[0].wall_s, Some(1_700_000_039));
    let archive = left.archive.value().unwrap();
    assert_eq!((archive.records.len(), archive.left_out), (DIRECTORIES_LIMIT, 4));
    assert!(
        archive.records.iter().all(|record| record.path.as_str() > "var/lib/systemd/pstore/104")
    );
}

#[test]
fn of_a_long_log_both_ends_are_read() {
    let filler = "<6>[    1.0] nothing to see\n".repeat(10_000);
    let panic = PANIC.strip_prefix("Panic#1 Part1\n").unwrap();
    let text = format!("//- sys/fs/pstore/dmesg-ramoops-0\nPanic#1 Part1\n{filler}{panic}");
    let left = found(&text, read);
    let Some(CrashContent::Log(log)) = left.crash_records().next().unwrap().said() else {
        panic!("a log was read");
    };
    assert_eq!((log.part, log.blames), (Some(1), Some(Blames::MachineCheck)));
}

#[test]
fn the_laws_hold() {
    // Records are not text, and what is found in them is derived; other tests say what.
    check::keeps_the_laws(&everything(), read, |path, finding| match path {
        "proc/cmdline" | REGION => finding.starts_with("/value/bert/"),
        _ if path.starts_with(PSTORE) => finding.starts_with("/value/pstore/"),
        _ if path.starts_with(ARCHIVE) => finding.starts_with("/value/archive/"),
        _ => path.ends_with("/bootstatus") && finding.ends_with("/boot_status/value"),
    });
}
