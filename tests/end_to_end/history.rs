//! What is asked of the history: by day, month and boot, of a part of the past, as text, JSON and CSV.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_model::{
    BootId, Controller, Counter, DebVersion, Dimm, Edac, Epoch, ErrorCounts, InstalledPackage,
    KernelPackage, Layout, Livepatch, Origin, PackageManager, PackageVersion, Packages, PageAnswer,
    PageReason, PageReport, Patch, Place, Reading, Section, Snapshot, SourceReport, Stamp,
    ZeroedWindow,
};
use scrubjay_storage::{History, PagesSeen};
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
        dimms: [dimm].into(),
        csrows: Vec::new(),
        steady: true,
    };
    Edac { controllers: vec![controller] }
}

fn packages(versions: &[&str]) -> Packages {
    let kernel = |version: &&str| KernelPackage {
        package: InstalledPackage {
            name: format!("linux-image-{version}"),
            version: PackageVersion::Deb(DebVersion::parse(version).unwrap()),
            arch: None,
            installed_unix_s: absent(),
            changelog: absent(),
        },
        release: absent(),
        family: "amd64".to_owned(),
    };
    let kernels = versions.iter().map(kernel).collect();
    Packages { manager: PackageManager::Dpkg, kernels, live_patches: Vec::new() }
}

fn livepatch(in_transition: Option<bool>) -> Livepatch {
    let patch = |in_transition| Patch {
        name: "lp_1".to_owned(),
        enabled: Reading::Value(true),
        transition: Reading::Value(in_transition),
        replace: absent(),
        stack_order: absent(),
        objects: absent(),
        module_taint: absent(),
    };
    Livepatch { patches: in_transition.into_iter().map(patch).collect(), blockers: None }
}

fn section<T>(value: T) -> Option<Section<T>> {
    let report = SourceReport { took: Duration::ZERO, attributes: 1, faults: Vec::new() };
    Some(Section { reading: Reading::Value(value), report })
}

/// An agent that looks every half hour, on a host with memory, kernels and live patches.
struct Life {
    history: History,
    boot: BootId,
    since_boot: Duration,
    wall_ms: i64,
    correctable: u64,
    kernels: Vec<&'static str>,
    in_transition: Option<bool>,
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
        snapshot.edac = section(edac(&self.boot, self.correctable));
        snapshot.packages = section(packages(&self.kernels));
        snapshot.livepatch = section(livepatch(self.in_transition));
        assert!(self.history.append(&snapshot).error.is_none());
    }

    fn bad_pages(&mut self, pfns: &[u64], answer: PageAnswer) {
        let report = |pfn: &u64| PageReport {
            pfn: *pfn,
            page_size_bytes: 4096,
            reason: PageReason::CorrectedThreshold,
            dimm: None,
        };
        let reported: Vec<PageReport> = pfns.iter().map(report).collect();
        let seen = PagesSeen { reported: &reported, told: None, map: None };
        assert_eq!(self.history.see_pages(&seen, &self.at()).unwrap(), 0);
        for pfn in pfns {
            let request = self.history.begin_page_request(&self.at(), pfn * 4096).unwrap();
            self.history.end_page_request(request, answer).unwrap();
        }
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
        kernels: vec!["6.12.1-1"],
        in_transition: None,
        nothing,
    };
    life.watch(10);
    life.correctable = 10;
    life.bad_pages(&[0x3_0000, 0x3_0001], PageAnswer::Done);
    life.watch(14);
    life.pass(24 * HOUR);
    life.correctable = 22;
    (life.kernels, life.in_transition) = (vec!["6.12.1-1", "6.12.2-1"], Some(true));
    life.watch(10);
    life.in_transition = Some(false);
    life.bad_pages(&[0x4_0000], PageAnswer::Failed { errno: 16 });
    life.watch(10);
    life.history.end_run(&life.at()).unwrap();
    life.pass(4 * HOUR);
    (life.boot, life.since_boot, life.correctable) = (boot(2), since_boot, 0);
    life.in_transition = None;
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

/// What buckets hold together, of a figure that they have one of.
fn sum(json: &serde_json::Value, of: &[&str]) -> u64 {
    let figure = |bucket: &serde_json::Value| {
        of.iter().try_fold(bucket, |value, key| value.get(key)).and_then(serde_json::Value::as_u64)
    };
    json["buckets"].as_array().unwrap().iter().filter_map(figure).sum()
}

#[test]
fn boots_patches_and_pages_are_told_by_day_month_and_boot_and_add_up_to_the_whole() {
    let home = tempfile::tempdir().unwrap();
    let state = lived(home.path());
    let run = |args: &[&str]| {
        let mut command = scrubjay(home.path());
        let until = ["--until", "2026-11-25"];
        stdout(command.arg("history").args(args).args(until).arg("--state-dir").arg(&state))
    };
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_str(&run(&[args, &["--json"]].concat())).unwrap()
    };
    for what in ["boots", "patches", "pages"] {
        let by_day = [what, "--by", "day", "--since", "2026-11-20"];
        golden::compare(&format!("history.{what}-by-day.txt"), &run(&by_day));
        let csv = run(&[&by_day[..], &["--csv"]].concat());
        golden::compare(&format!("history.{what}-by-day.csv"), &csv);
        let told = json(&by_day);
        let buckets = told["buckets"].as_array().unwrap();
        // On the second day nobody watched. That the host was up then the boot clock told later; what
        // became of kernels and pages, nobody did.
        let is_told: Vec<bool> =
            buckets.iter().map(|b| b["is_watched"] == true || b["is_told"] == true).collect();
        assert_eq!(is_told, [true, what == "boots", true, true, true], "{what}");
        assert_eq!(buckets[1]["counts"].is_null(), what != "boots", "{what}");
        assert_eq!(buckets[1]["watched_seconds"], 0.0, "{what}");
    }
    // By boot there is no more to say than the list does.
    assert_eq!(run(&["boots", "--by", "boot"]), run(&["boots"]));
    golden::compare("history.patches-by-boot.txt", &run(&["patches", "--by", "boot"]));
    golden::compare("history.pages-by-boot.txt", &run(&["pages", "--by", "boot"]));

    let whole = json(&["boots"]);
    for unit in ["hour", "day", "month"] {
        let since = ["--since", "2026-11-01"];
        let boots = json(&[&["boots", "--by", unit][..], &since].concat());
        let seconds = |of: &str| -> f64 {
            let buckets = boots["buckets"].as_array().unwrap();
            buckets.iter().filter_map(|bucket| bucket[of].as_f64()).sum()
        };
        for of in ["up_seconds", "down_seconds", "unknown_seconds"] {
            let whole = whole["availability"][of].as_f64().unwrap();
            assert!((seconds(of) - whole).abs() < 1e-3, "{unit} {of}: {} {whole}", seconds(of));
        }
        assert_eq!(sum(&boots, &["counts", "begun"]), 2, "{unit}");
        let ends = sum(&boots, &["counts", "unknown_ends"]);
        assert_eq!((ends, whole["availability"]["unknown_ends"].as_u64()), (1, Some(1)), "{unit}");
        let patches = json(&[&["patches", "--by", unit][..], &since].concat());
        assert_eq!(sum(&patches, &["counts", "kernels_installed"]), 1, "{unit}");
        assert_eq!(sum(&patches, &["counts", "transitions_ended"]), 1, "{unit}");
        let pages = json(&[&["pages", "--by", unit][..], &since].concat());
        let registered = json(&["pages"])["pages"].as_array().unwrap().len();
        assert_eq!(sum(&pages, &["counts", "registered"]), u64::try_from(registered).unwrap());
        assert_eq!(sum(&pages, &["counts", "requests_done"]), 2, "{unit}");
    }
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
