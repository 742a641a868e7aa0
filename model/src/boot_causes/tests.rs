//! Evidence of ends, and that none is made up.

use super::*;
use crate::{BootSource, merged_boots};

const START_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;
const PANIC: &str = "Kernel panic - not syncing: Fatal exception";

fn id(n: u32) -> BootId {
    BootId::parse(&format!("{n:08x}-0000-4000-8000-000000000000")).unwrap()
}

/// Boots of an hour, ten seconds apart.
fn boots(ends: &[BootEnd]) -> Vec<BootRecord> {
    let one = |(n, end): (u32, &BootEnd)| {
        let booted_wall_ms = START_MS + i64::from(n) * (HOUR_MS + 10_000);
        BootRecord {
            boot: id(n),
            booted_wall_ms: Some(booted_wall_ms),
            last_seen_wall_ms: Some(booted_wall_ms + HOUR_MS),
            ran: Some(Duration::from_secs(3_600)),
            slept: None,
            kernel_release: None,
            kernel_version: None,
            end: *end,
            evidence: "Seen.".to_owned(),
        }
    };
    (0..).zip(ends).map(one).collect()
}

fn seen(boot: u32, name: &str, subject: &str, value: Option<&str>) -> BootFact {
    BootFact {
        boot: id(boot),
        name: name.to_owned(),
        subject: subject.to_owned(),
        value: value.map(str::to_owned),
    }
}

fn causes(ends: &[BootEnd], changes: &[BootFact]) -> Vec<Option<BootCause>> {
    explained(ends, changes).into_iter().map(|line| line.cause).collect()
}

fn explained(ends: &[BootEnd], changes: &[BootFact]) -> Vec<BootLine> {
    let boots = boots(ends);
    let mut lines = merged_boots(&boots, Vec::new(), &BTreeMap::new());
    assert!(lines.iter().all(|line| line.sources == BootSource::Agent.into()));
    BootWitnesses::of(&boots, changes).explain(&mut lines);
    lines
}

const CUT_OFF: [BootEnd; 3] = [BootEnd::Unclean, BootEnd::Unclean, BootEnd::Running];

#[test]
fn without_evidence_a_cut_off_boot_is_not_said_to_have_lost_power() {
    let lines = explained(&CUT_OFF, &[]);
    assert_eq!(lines[0].cause, Some(BootCause::NotKnown));
    assert!(lines[0].evidence.ends_with("not known which."), "{}", lines[0].evidence);
    assert_eq!(lines[2].cause, None);
}

#[test]
fn a_panic_belongs_to_the_boot_it_was_written_in() {
    let at = |ms: i64| format!("{} {PANIC}", (START_MS + ms) / 1000);
    let changes = |ms| [seen(1, PANIC_RECORD, "sys/fs/pstore/dmesg-efi-1", Some(&at(ms)))];
    let not_known = Some(BootCause::NotKnown);
    let panic = Some(BootCause::Panic);
    assert_eq!(causes(&CUT_OFF, &changes(HOUR_MS - 5_000)), [panic, not_known, None]);
    assert_eq!(causes(&CUT_OFF, &changes(2 * HOUR_MS)), [not_known, panic, None]);
    // Before the history, and after its last boot began.
    assert_eq!(causes(&CUT_OFF, &changes(-5_000)), [not_known, not_known, None]);
    assert_eq!(causes(&CUT_OFF, &changes(900 * HOUR_MS)), [not_known, not_known, None]);
    let line = &explained(&CUT_OFF, &changes(5_000))[0];
    assert!(line.evidence.contains(PANIC), "{}", line.evidence);
    // An orderly end has no panic, whatever a clock says.
    let clean = [BootEnd::Clean, BootEnd::Running];
    assert_eq!(causes(&clean, &changes(5_000)), [None, None]);
}

#[test]
fn of_a_log_in_parts_the_one_with_the_line_is_told_and_nonsense_is_none() {
    let at = (START_MS + 5_000) / 1000;
    let part = |subject: &str, text: &str| seen(1, PANIC_RECORD, subject, Some(text));
    let changes = [
        part("a", &format!("{at} {PANIC}")),
        part("b", &format!("{at} ")),
        part("c", "soon x"),
        part("d", &format!("{} x", i64::MAX)),
    ];
    assert!(explained(&CUT_OFF, &changes)[0].evidence.contains(PANIC));
    assert!(explained(&CUT_OFF, &changes[1..])[0].evidence.contains("a part of the log"));
    assert_eq!(causes(&CUT_OFF, &changes[2..])[0], Some(BootCause::NotKnown));
}

#[test]
fn a_watchdog_speaks_of_the_boot_before() {
    let changes = [
        seen(0, WATCHDOG_STATUS, "watchdog0", Some("0")),
        seen(1, WATCHDOG_STATUS, "watchdog0", Some("32")),
        seen(2, WATCHDOG_STATUS, "watchdog0", Some("33024")),
    ];
    let not_known = Some(BootCause::NotKnown);
    assert_eq!(causes(&CUT_OFF, &changes), [Some(BootCause::Watchdog), not_known, None]);
    // One that did not change says the same of the next boot.
    let watchdog = Some(BootCause::Watchdog);
    assert_eq!(causes(&CUT_OFF, &changes[..2]), [watchdog, watchdog, None]);
    // One that can no longer be read says nothing of it.
    let unread = [changes[1].clone(), seen(1, WATCHDOG_STATUS, "watchdog0", None)];
    assert_eq!(causes(&CUT_OFF, &unread), [watchdog, not_known, None]);
}

#[test]
fn kexec_is_told_where_a_kernel_was_loaded_at_the_last_sight_and_the_next_began_at_once() {
    let clean = [BootEnd::Clean, BootEnd::Clean, BootEnd::Running];
    let loaded = |boot, value| seen(boot, KEXEC_LOADED, "", Some(value));
    let changes = [loaded(0, "false"), loaded(0, "true"), loaded(1, "false")];
    assert_eq!(causes(&clean, &changes), [Some(BootCause::Kexec), None, None]);
    assert_eq!(causes(&CUT_OFF, &changes)[0], Some(BootCause::NotKnown));
    let mut lines = explained(&clean, &[]);
    lines[1].booted_wall_ms = lines[1].booted_wall_ms.map(|begun| begun + 60_000);
    BootWitnesses::of(&boots(&clean), &changes).explain(&mut lines);
    assert_eq!(lines[0].cause, None);
}
