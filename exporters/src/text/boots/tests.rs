//! The page, as an on-call engineer reads it.

use super::*;
use crate::testing::NOW_MS;
use scrubjay_model::{
    BootFact, BootMemory, BootRecord, BootWitnesses, ForeignBoot, ForeignEnd, ImportedBoot,
    PANIC_RECORD, availability, merged_boots,
};

const PLAIN: Style = Style { colour: false, all: false };
const DAY_MS: i64 = 86_400_000;

fn boot_id(n: u32) -> BootId {
    BootId::parse(&format!("{n:08x}-0000-0000-0000-000000000000")).unwrap()
}

fn own(n: u32, from_day: i64, days: u64, end: BootEnd, evidence: &str) -> BootRecord {
    let booted_wall_ms = NOW_MS + from_day * DAY_MS;
    BootRecord {
        boot: boot_id(n),
        booted_wall_ms: Some(booted_wall_ms),
        last_seen_wall_ms: Some(booted_wall_ms + i64::try_from(days).unwrap() * DAY_MS),
        ran: Some(Duration::from_secs(days * 86_400)),
        slept: (n != 2).then_some(Duration::ZERO),
        kernel_release: (n != 2).then(|| format!("6.12.0-{n}-amd64")),
        kernel_version: None,
        end,
        evidence: evidence.to_owned(),
    }
}

fn told(from_day: i64, days: i64, kernel: &str) -> ImportedBoot {
    let begun = ForeignBoot {
        kernel_release: Some(kernel.to_owned()),
        ..ForeignBoot::begun(NOW_MS + from_day * DAY_MS)
    };
    let ended = Some(begun.booted_wall_ms + days * DAY_MS);
    let boot = begun.ended(ended, ForeignEnd::Clean, "a shutdown is recorded");
    ImportedBoot { memory: BootMemory::Wtmp, boot }
}

fn stretch(n: u32, from_day: i64, days: i64) -> CoverageRecord {
    CoverageRecord {
        boot: boot_id(n),
        from_wall_ms: NOW_MS + from_day * DAY_MS,
        to_wall_ms: NOW_MS + (from_day + days) * DAY_MS,
        length: Duration::from_secs(u64::try_from(days).unwrap() * 86_400),
    }
}

fn page(
    own: &[BootRecord],
    imported: &[ImportedBoot],
    facts: &[BootFact],
    coverage: &[CoverageRecord],
    steps: &[ClockStepRecord],
) -> String {
    let counted = steps.iter().map(|step| (step.boot.clone(), 1)).collect();
    let mut lines = merged_boots(own, imported.to_vec(), &counted);
    BootWitnesses::of(own, facts).explain(&mut lines);
    boots(&lines, availability(&lines).as_ref(), coverage, steps, &PLAIN)
}

#[test]
fn boots_are_told_with_who_tells_and_what_is_not_known() {
    let records = [
        own(1, -100, 60, BootEnd::Clean, "The agent was stopped in order."),
        own(2, -38, 20, BootEnd::Unclean, "The agent was cut off; evil\x1b[2J."),
        own(3, -10, 10, BootEnd::Running, "No later boot has been seen."),
    ];
    let coverage = [stretch(1, -100, 58), stretch(3, -10, 4), stretch(3, -5, 5)];
    let imported = [
        told(-200, 50, "6.1.0-9-amd64"),
        told(-149, 48, "6.1.0-9-amd64"),
        told(-100, 60, "6.12.0-1-amd64"),
    ];
    let panic = BootFact {
        boot: boot_id(3),
        name: PANIC_RECORD.to_owned(),
        subject: "sys/fs/pstore/dmesg-efi-1".to_owned(),
        value: Some(format!("{} Kernel panic - not syncing: hung", (NOW_MS - 18 * DAY_MS) / 1000)),
    };
    let step =
        ClockStepRecord { boot: boot_id(3), at_wall_ms: NOW_MS - 9 * DAY_MS, by_ms: -3_600_000 };
    let page = page(&records, &imported, &[panic], &coverage, &[step]);
    insta::assert_snapshot!(page, @r"
    5 boots since 2026-05-08T06:02:00Z, 3 of them seen by the agent itself, which
    watched for 67 d. Of the others only what other tools remember is known.

    booted                   ran     asleep  watched  then down  kernel          end             told by     clock
    2026-05-08T06:02:00Z  ~ 50 d  not known  no data        1 d  6.1.0-9-amd64   clean           wtmp
    2026-06-28T06:02:00Z  ~ 48 d  not known  no data        1 d  6.1.0-9-amd64   clean           wtmp
    2026-08-16T06:02:00Z    60 d        0 s     58 d        2 d  6.12.0-1-amd64  clean           agent wtmp
    2026-10-17T06:02:00Z  ≥ 20 d  not known  no data  not known  not known       unclean, panic  agent
    2026-11-14T06:02:00Z    10 d        0 s      9 d             6.12.0-3-amd64  running         agent       1 step

    availability:
      period       200 d since 2026-05-08T06:02:00Z
      up           at least 94.000 %, at most 98.000 %
                   - 188 d known to have been up, 98 d of it by the wall clock alone
                   - 4 d known to have been down
                   - 8 d not known
      ends         3 clean, 1 unclean, 0 unknown
      longest      - 60 d from 2026-08-16T06:02:00Z (6.12.0-1-amd64)
                   - ~ 50 d from 2026-05-08T06:02:00Z (6.1.0-9-amd64)
                   - ~ 48 d from 2026-06-28T06:02:00Z (6.1.0-9-amd64)
                   - ≥ 20 d from 2026-10-17T06:02:00Z (kernel not known)
                   - 10 d from 2026-11-14T06:02:00Z (6.12.0-3-amd64)

    why these ends:
      2026-05-08T06:02:00Z: wtmp: a shutdown is recorded.
      2026-06-28T06:02:00Z: wtmp: a shutdown is recorded.
      2026-08-16T06:02:00Z: The agent was stopped in order.
      2026-10-17T06:02:00Z: The agent was cut off; evil\u{1b}[2J. The kernel left
      the log of a panic: Kernel panic - not syncing: hung.
      2026-11-14T06:02:00Z: No later boot has been seen.

    steps of the wall clock:
      - to 2026-11-15T06:02:00Z, 1 h back
    ");
}

#[test]
fn no_boot_is_no_data() {
    insta::assert_snapshot!(page(&[], &[], &[], &[], &[]), @"The history knows no boot yet: no data.");
}

#[test]
fn a_boot_without_a_time_is_unknown_everywhere_and_1970_nowhere() {
    let lost = BootRecord {
        booted_wall_ms: None,
        last_seen_wall_ms: None,
        ran: None,
        slept: None,
        kernel_release: None,
        ..own(2, 0, 0, BootEnd::Unknown, "The file that told was damaged.")
    };
    let records = [
        own(1, -100, 60, BootEnd::Clean, "x"),
        lost.clone(),
        own(3, -20, 20, BootEnd::Running, "y"),
    ];
    let lines = merged_boots(&records, Vec::new(), &BTreeMap::new());
    let text = page(&records, &[], &[], &[], &[]);
    let row = text.lines().find(|line| line.trim_start().starts_with("unknown ")).unwrap();
    let words: Vec<&str> = row.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
    let nothing = "not known";
    assert_eq!(
        words,
        ["unknown", nothing, nothing, "no data", nothing, nothing, "unknown", "agent"],
        "{text}"
    );
    assert!(text.contains("unknown: The file that told was damaged."), "{text}");
    assert!(text.contains("1 boot without a known time"), "{text}");
    assert!(text.contains("- 80 d known to have been up"), "{text}");
    let csv = crate::csv::boots(&lines).unwrap();
    assert!(csv.lines().any(|row| row.starts_with(",,,,unknown,,agent,")), "{csv}");
    let json = crate::json::boots(&[lost], &lines, None, &[], &[]).unwrap();
    for field in ["booted_wall_ms", "last_seen_wall_ms", "ran_seconds", "ended_wall_ms"] {
        assert!(json.contains(&format!("\"{field}\":null")), "{field}: {json}");
    }
    assert!(!(text + &csv).contains("1970"));
    // Should it be all there is.
    let alone = page(&records[1..2], &[], &[], &[], &[]);
    assert!(alone.contains("1 boot since unknown") && alone.contains("no boot began"), "{alone}");
}

#[test]
fn a_clock_that_was_set_back_is_no_downtime() {
    let records = [own(1, -100, 60, BootEnd::Clean, "x"), own(2, -90, 20, BootEnd::Running, "y")];
    let page = page(&records, &[], &[], &[], &[]);
    assert!(page.contains("clock set back") && page.contains("1 boot began before"), "{page}");
}

#[test]
fn a_clock_that_was_never_set_has_no_availability() {
    let unset = ImportedBoot { memory: BootMemory::Wtmp, boot: ForeignBoot::begun(5_000) };
    let page = page(&[], &[unset], &[], &[], &[]);
    assert!(page.contains("no boot began by a clock that was set"), "{page}");
}

#[test]
fn per_cents_never_claim_more_than_was_seen() {
    let ppm =
        [(0, "0.000 %"), (999_999, "99.999 %"), (1_000_000, "100.000 %"), (123_456, "12.345 %")];
    for (ppm, text) in ppm {
        assert_eq!(per_cent(ppm), text);
    }
}
