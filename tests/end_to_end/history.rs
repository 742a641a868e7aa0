//! What is asked of the history: by day, month and boot, of a part of the past, as text, JSON and CSV.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_model::{
    BootId, Controller, Counter, Dimm, Edac, Epoch, ErrorCounts, Layout, Origin, Place, Reading,
    Section, Snapshot, SourceReport, Stamp, ZeroedWindow,
};
use scrubjay_storage::History;
use scrubjay_tests::golden;
use std::path::{Path, PathBuf};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
/// 2026-11-20T00:00:00Z.
const BEGIN_WALL_MS: i64 = 1_795_132_800_000;

fn absent<T>() -> Reading<T> {
    Reading::Absent(Origin::new("sys/absent"))
}

/// A controller with one DIMM.
fn edac(boot: &BootId, correctable: u64) -> Edac {
    let window = ZeroedWindow { earliest: Duration::from_secs(5), latest: Duration::from_secs(6) };
    let epoch = Epoch { boot: boot.clone(), zeroed: Some(window) };
    let counter = |value| Reading::Value(Counter { value, epoch: epoch.clone() });
    let counts = |ce| ErrorCounts { correctable: counter(ce), uncorrectable: counter(0) };
    let dimm = Dimm {
        place: Place::Dimm(0),
        label: absent(),
        location: absent(),
        size_bytes: absent(),
        memory_type: absent(),
        device_type: absent(),
        edac_mode: absent(),
        errors: counts(correctable),
    };
    let controller = Controller {
        index: 0,
        name: Reading::Value("i7core".to_owned()),
        size_bytes: absent(),
        seconds_since_reset: absent(),
        scrub_rate: absent(),
        errors: counts(correctable),
        unattributed: counts(0),
        layout: Layout::Dimm,
        dimms: vec![dimm],
        csrows: Vec::new(),
        steady: true,
    };
    Edac { controllers: vec![controller] }
}

/// An agent that looks every half hour, on a host without anything but memory.
struct Life {
    history: History,
    boot: BootId,
    since_boot: Duration,
    wall_ms: i64,
    correctable: u64,
    nothing: Snapshot,
}

impl Life {
    fn at(&self) -> Stamp {
        let since_boot = Some(self.since_boot);
        Stamp { boot: self.boot.clone(), since_boot, awake: since_boot, wall_ms: self.wall_ms }
    }

    fn pass(&mut self, time: Duration) {
        self.since_boot += time;
        self.wall_ms += i64::try_from(time.as_millis()).unwrap();
    }

    fn look(&mut self) {
        let mut snapshot = Snapshot { at: self.at(), ..self.nothing.clone() };
        let report = SourceReport { took: Duration::ZERO, attributes: 1, faults: Vec::new() };
        let reading = Reading::Value(edac(&self.boot, self.correctable));
        snapshot.edac = Some(Section { reading, report });
        assert!(self.history.append(&snapshot).error.is_none());
    }

    fn watch(&mut self, hours: u32) {
        for _ in 0..2 * hours {
            self.look();
            self.pass(HOUR / 2);
        }
    }
}

/// Five days in two boots: errors on the first, nobody looking on the second, more found on the third.
fn lived(home: &Path) -> PathBuf {
    let state = home.join("state");
    let boot = |n: u32| BootId::parse(&format!("{n:08x}-0000-4000-8000-000000000000")).unwrap();
    let since_boot = Duration::from_secs(60);
    let start = Stamp {
        boot: boot(1),
        since_boot: Some(since_boot),
        awake: Some(since_boot),
        wall_ms: BEGIN_WALL_MS,
    };
    let mut history = History::open(&state, &start).unwrap();
    history.begin_run(&start, "1.0.0", HOUR / 2).unwrap();
    let nothing = Snapshot::of_nothing(start.clone());
    let mut life = Life {
        history,
        boot: boot(1),
        since_boot,
        wall_ms: BEGIN_WALL_MS,
        correctable: 7,
        nothing,
    };
    life.watch(10);
    life.correctable = 10;
    life.watch(14);
    life.pass(24 * HOUR);
    life.correctable = 22;
    life.watch(20);
    life.history.end_run(&life.at()).unwrap();
    life.pass(4 * HOUR);
    (life.boot, life.since_boot, life.correctable) = (boot(2), since_boot, 0);
    life.history.begin_run(&life.at(), "1.0.0", HOUR / 2).unwrap();
    life.watch(5);
    life.correctable = 3;
    life.watch(43);
    life.history.end_run(&life.at()).unwrap();
    state
}

#[test]
fn errors_are_told_by_day_month_and_boot_beside_the_time_watched() {
    let home = tempfile::tempdir().unwrap();
    let state = lived(home.path());
    let run = |args: &[&str]| {
        let mut command = scrubjay(home.path());
        stdout(command.args(["history", "memory"]).args(args).arg("--state-dir").arg(&state))
    };
    let days = ["--by", "day", "--since", "2026-11-20", "--until", "2026-11-25"];
    golden::compare("history.memory-by-day.txt", &run(&days));
    golden::compare("history.memory-by-day.csv", &run(&[&days[..], &["--csv"]].concat()));
    let csv = run(&["--csv", "--until", "2026-11-25"]);
    golden::compare("history.memory.csv", &csv);
    let json = run(&[&days[..], &["--json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let watched: Vec<bool> =
        json["buckets"].as_array().unwrap().iter().map(|b| b["is_watched"] == true).collect();
    assert_eq!(watched, [true, false, true, true, true]);
    let month = run(&["--by", "month", "--until", "2026-11-25"]);
    assert!(month.contains("2026-11") && month.contains("≥ 18"), "{month}");
    // What is not a terminal gets no bars, as nobody knows whether it shows them.
    assert!(!month.contains('▁'), "{month}");
    golden::compare("history.memory-by-boot.txt", &run(&["--by", "boot", "--until", "2026-11-25"]));
    let none =
        run(&["--by", "hour", "--since", "2026-11-20T03:00", "--until", "2026-11-20T05:00Z"]);
    assert!(none.contains("2026-11-20T04:00   0   0      1 h"), "{none}");
}

#[test]
fn boots_and_patches_of_a_part_of_the_past_are_told_and_as_csv() {
    let home = tempfile::tempdir().unwrap();
    let state = lived(home.path());
    let run = |args: &[&str]| {
        let mut command = scrubjay(home.path());
        output(command.arg("history").args(args).arg("--state-dir").arg(&state))
    };
    let (code, csv, _) = run(&["boots", "--csv"]);
    assert_eq!((code, csv.lines().count()), (0, 3), "{csv}");
    let (_, csv, _) = run(&["boots", "--csv", "--until", "2026-11-22"]);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let (_, csv, _) = run(&["patches", "--csv"]);
    assert!(csv.starts_with("record,seen,ended,name,"), "{csv}");
    let (_, csv, _) = run(&["pages", "--csv"]);
    assert!(csv.starts_with("physical_address,"), "{csv}");
    let (code, _, stderr) = run(&["boots", "--since", "2026-11-22", "--until", "2026-11-21"]);
    assert_eq!(code, 1);
    assert!(stderr.contains("--until must be later"), "{stderr}");
    assert_eq!(run(&["boots", "--csv", "--json"]).0, 2);
}
