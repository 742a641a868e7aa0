//! What is said about the ways a boot may have ended.

use crate::testing::crashes::{
    block, mce, memory, panic, pcie, shutdown, store, watchdog, with_block, with_records,
};
use crate::testing::{but, codes, denied, first, lose, of, only};
use scrubjay_model::{
    Action, BertRegion, Blames, CperSection, CperSeverity, CrashRecord, Reading, RebootHelps,
    Verdict, WrittenIn,
};

#[test]
fn a_fatal_memory_error_before_this_boot_calls_for_action_and_names_the_module() {
    let found = only(&with_block(block(CperSeverity::Fatal, vec![memory()])));
    assert_eq!((found.code, found.verdict), ("boot-memory-error", Verdict::Act));
    assert_eq!(found.subject, "DIMM_B2");
    assert_eq!(
        found.because,
        "the firmware recorded 1 memory error before this boot, the worst fatal: multi-bit ECC; \
         physical address 0x3f7a12340; node 0 card 2 module 1 rank 1 row 40948; SMBIOS handle \
         0x1102; the record is marked as read, which the kernel does at boot"
    );
    assert_eq!(found.reboot_helps, RebootHelps::No);
    assert_eq!(found.origin.unwrap().as_str(), "sys/firmware/acpi/tables/data/BERT");
}

#[test]
fn the_severity_decides_and_a_sections_own_goes_before_the_blocks() {
    for (severity, verdict) in [
        (CperSeverity::Recoverable, Verdict::Plan),
        (CperSeverity::Undefined(7), Verdict::Plan),
        (CperSeverity::Corrected, Verdict::Watch),
        (CperSeverity::Informational, Verdict::Watch),
    ] {
        assert_eq!(only(&with_block(block(severity, vec![memory()]))).verdict, verdict);
    }
    let corrected = CperSection { severity: CperSeverity::Corrected, ..memory() };
    let found = only(&with_block(block(CperSeverity::Fatal, vec![corrected])));
    assert_eq!((found.verdict, found.action), (Verdict::Watch, Action::Observe));
}

#[test]
fn a_module_without_a_name_goes_by_its_handle_and_without_either_by_the_host() {
    let nameless = CperSection { fru_text: None, ..memory() };
    let found = only(&with_block(block(CperSeverity::Fatal, vec![nameless])));
    assert_eq!(found.subject, "SMBIOS handle 0x1102");
    let undecoded = CperSection { kind: memory().kind, ..pcie() };
    let found = only(&with_block(block(CperSeverity::Fatal, vec![undecoded])));
    assert_eq!((found.subject.as_str(), found.verdict), ("host", Verdict::Act));
}

#[test]
fn two_errors_of_one_module_are_one_finding_and_two_modules_are_two() {
    let other = CperSection { fru_text: Some("DIMM_A1".to_owned()), ..memory() };
    let snapshot = with_block(block(CperSeverity::Recoverable, vec![memory(), other, memory()]));
    assert_eq!(codes(&snapshot), ["boot-memory-error", "boot-memory-error"]);
    let because = first(&snapshot, "boot-memory-error").because;
    assert!(because.starts_with("the firmware recorded 1 memory error"), "{because}");
}

#[test]
fn errors_of_other_parts_weigh_one_step_less_and_corrected_ones_nothing() {
    let found = only(&with_block(block(CperSeverity::Fatal, vec![pcie(), pcie()])));
    assert_eq!((found.code, found.verdict), ("boot-error-record", Verdict::Plan));
    assert!(found.because.ends_with("not of memory: 2 fatal (pcie)"), "{}", found.because);
    let survived = only(&with_block(block(CperSeverity::Recoverable, vec![pcie()])));
    assert_eq!(survived.verdict, Verdict::Watch);
    assert!(codes(&with_block(block(CperSeverity::Corrected, vec![pcie()]))).is_empty());
    let empty = only(&with_block(block(CperSeverity::Fatal, Vec::new())));
    assert!(empty.because.contains("nothing described"), "{}", empty.because);
}

#[test]
fn a_saved_memory_error_calls_for_action() {
    let found =
        only(&with_records(vec![mce(), panic("Fatal machine check", Some(Blames::MachineCheck))]));
    assert_eq!((found.code, found.verdict), ("crash-by-hardware", Verdict::Act));
    assert_eq!(
        found.because,
        "2 crash records blame the hardware: the worst was written 1 d ago, before this boot: \
         a memory error, not corrected, in bank 7 of CPU 17, socket 1, physical address \
         0x3f7a12340, status 0xbe00000001010091"
    );
}

#[test]
fn a_log_that_blames_the_hardware_calls_for_a_plan() {
    let log = panic("Fatal local machine check", Some(Blames::MachineCheck));
    let found = only(&with_records(vec![log]));
    assert_eq!((found.code, found.verdict), ("crash-by-hardware", Verdict::Plan));
    assert!(found.because.contains("1 crash record blames the hardware"), "{}", found.because);
    assert!(found.because.contains("Fatal local machine check"), "{}", found.because);
}

#[test]
fn other_crashes_are_watched_and_those_of_the_same_crash_are_not_told_twice() {
    let found = only(&with_records(vec![panic("sysrq triggered crash", None)]));
    assert_eq!((found.code, found.verdict), ("crash-record", Verdict::Watch));
    assert!(found.because.ends_with("not syncing: sysrq triggered crash\""), "{}", found.because);
    let both = with_records(vec![mce(), panic("Fatal exception", None)]);
    assert_eq!(codes(&both), ["crash-by-hardware"]);
}

#[test]
fn what_is_no_crash_or_of_this_boot_or_long_past_is_not_told() {
    let old = CrashRecord { wall_s: Some(1_700_000_000), ..mce() };
    let this = CrashRecord { written: WrittenIn::ThisBoot, ..mce() };
    assert!(codes(&with_records(vec![shutdown(), old, this])).is_empty());
}

#[test]
fn a_record_of_unknown_age_weighs_less_where_nothing_is_ever_removed() {
    let ageless = CrashRecord { wall_s: None, written: WrittenIn::Unknown, ..mce() };
    let found = only(&with_records(vec![ageless.clone()]));
    assert_eq!(found.verdict, Verdict::Act);
    assert!(found.because.contains("at a time not told"), "{}", found.because);
    let path = "var/lib/systemd/pstore/mce-erst-1".to_owned();
    let archived = CrashRecord { path, ..ageless };
    let found = only(&but(|s| of(&mut s.previous_boot).archive = store(vec![archived])));
    assert_eq!(found.verdict, Verdict::Watch);
}

#[test]
fn a_watchdog_that_ran_out_is_told_with_its_name() {
    let with = |statuses: &[u64]| {
        but(|s| {
            let watchdogs = (0..).zip(statuses).map(|(n, status)| watchdog(n, *status)).collect();
            of(&mut s.previous_boot).watchdogs = Reading::Value(watchdogs);
        })
    };
    let found = only(&with(&[0, 0x21]));
    assert_eq!((found.code, found.verdict), ("watchdog-reset", Verdict::Watch));
    assert!(
        found.because.ends_with("watchdog1 (iTCO_wdt): overheated, the watchdog ran out"),
        "{}",
        found.because
    );
    assert_eq!(found.origin.unwrap().as_str(), "sys/class/watchdog/watchdog1/bootstatus");
    assert!(codes(&with(&[0x10, 0x8180])).is_empty(), "a cold start, and what it can do");
}

#[test]
fn records_that_could_not_be_read_are_neither_there_nor_not_there() {
    let mut snapshot = but(|_| ());
    lose(
        &mut snapshot.previous_boot,
        |previous| previous.bert.region.as_mut().unwrap(),
        denied::<BertRegion>("sys/firmware/acpi/tables/data/BERT"),
    );
    assert_eq!(codes(&snapshot), ["source-unreadable"]);
}
