//! A day of the agent, a pass a minute, on a host of a story whose deeds come again and again.

use super::clock::BEGIN_MS;
use super::story::Deed;
use super::{Places, Telling, Wish};
use crate::cli::DemoScenario;
use crate::commands;
use crate::config::Flags;
use crate::watermark;
use std::process::Command;
use std::time::Duration;

/// Says that this process has nothing else to do, so that its memory is that of the agent.
const ALONE: &str = "SCRUBJAY_SOAK_ALONE";
const THIS: &str = "demo::soak::a_day_of_passes_takes_no_more_memory_than_an_hour";

const MINUTE: Duration = Duration::from_secs(60);
const HOUR_IN_PASSES: u32 = 60;
const DAY_IN_PASSES: u32 = 24 * HOUR_IN_PASSES;
/// What a day may add: events of the day are part of what is judged, and an allocator has its ways.
const MOST_KIB: u64 = 4 << 10;

#[expect(clippy::disallowed_methods, reason = "a process of its own, which is this test")]
#[test]
fn a_day_of_passes_takes_no_more_memory_than_an_hour() {
    if std::env::var_os(ALONE).is_some() {
        return soak();
    }
    let own = std::env::current_exe().unwrap();
    let mut command = Command::new(own);
    let ended = command.args(["--exact", THIS, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "it did not run: {said}");
}

fn soak() {
    let home = tempfile::tempdir().unwrap();
    let wish = Wish { scenario: DemoScenario::DyingDimm, seed: 1, lasts: None };
    let places = Places::named(&home.path().join("demo")).unwrap();
    let mut settings = commands::demo::settings_in(&places, &wish, &Flags::default()).unwrap();
    settings.interval = MINUTE;
    watermark::note(Some(&wish.made()));
    let mut telling = Telling::begin(&wish, &places, &settings).unwrap();
    // Every deed of the story but those that need another boot.
    let deeds: Vec<Deed> =
        telling.deeds().filter(|deed| !matches!(deed, Deed::Reboot(_))).collect();
    let mut deeds = deeds.iter().cycle();
    let mut after_an_hour = 0;
    for minute in 1..=DAY_IN_PASSES {
        let deed = minute.is_multiple_of(5).then(|| deeds.next()).flatten();
        let view = telling.minute(MINUTE * minute, deed).unwrap();
        assert_eq!(
            view.snapshot.at.wall_ms - BEGIN_MS,
            i64::from(minute) * 60_000,
            "the clock of the host"
        );
        if minute == HOUR_IN_PASSES {
            after_an_hour = resident_kib();
        }
    }
    let after_a_day = resident_kib();
    assert!(
        after_a_day <= after_an_hour + MOST_KIB,
        "{after_an_hour} KiB after an hour, {after_a_day} after a day"
    );
    telling.end().unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the memory of this test")]
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
