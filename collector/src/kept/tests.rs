//! Passes over a directory whose files change, come and go between them.

use crate::collector::{Collector, Options};
use crate::host::HostRoot;
use crate::kept::{FIXED_FOR, Lookout};
use scrubjay_model::{Clocks, Edac, Reading, SourceId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// A host in a directory, and who reads it.
struct Host {
    dir: TempDir,
    collector: Collector,
}

impl Host {
    fn new() -> Self {
        Self::below(&std::env::temp_dir())
    }

    fn below(folder: &Path) -> Self {
        let dir = tempfile::tempdir_in(folder).unwrap();
        let monotonic = Some(Duration::from_secs(1_000));
        let clocks = Clocks { realtime_ms: 0, boottime: monotonic, monotonic };
        // Counters have an age only where the clocks are those of the kernel that counts.
        let boot_id = "proc/sys/kernel/random/boot_id";
        let shown = dir.path().join(boot_id);
        std::fs::create_dir_all(shown.parent().unwrap()).unwrap();
        std::fs::write(shown, std::fs::read(Path::new("/").join(boot_id)).unwrap()).unwrap();
        let host = Self::root(&dir, clocks);
        let disabled: BTreeSet<SourceId> =
            SourceId::ALL.into_iter().filter(|id| *id != SourceId::Edac).collect();
        let options = Options { deadline: Duration::from_secs(10), disabled };
        let this = Self { collector: Collector::new(Arc::new(host), options), dir };
        this.controller(0);
        this
    }

    fn root(dir: &TempDir, clocks: Clocks) -> HostRoot {
        HostRoot::open(dir.path(), Arc::new(move || clocks)).unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join("sys/devices/system/edac/mc").join(path)
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A controller with a module, as its driver shows it.
    fn controller(&self, n: u32) {
        for (file, text) in [
            ("mc_name", "test"),
            ("seconds_since_reset", "100"),
            ("ce_count", "7"),
            ("ue_count", "0"),
            ("ce_noinfo_count", "0"),
            ("ue_noinfo_count", "0"),
            ("dimm0/dimm_ce_count", "7"),
            ("dimm0/dimm_ue_count", "0"),
            ("dimm0/dimm_label", "A1"),
        ] {
            self.put(&format!("mc{n}/{file}"), &format!("{text}\n"));
        }
    }

    fn is_soon_read(&self) -> bool {
        let boot = self.collector.stamp().boot;
        crate::sources::edac::is_soon_read(self.collector.counters(), &boot)
    }

    fn pass(&mut self) -> Edac {
        match self.collector.snapshot().edac.unwrap().reading {
            Reading::Value(edac) => edac,
            other @ (Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..)) => {
                panic!("{other:?}")
            }
        }
    }

    /// Corrected errors of the module, and what it is called.
    fn module(&mut self) -> (Option<u64>, Option<String>) {
        let edac = self.pass();
        let dimm = &edac.controllers[0].dimms[0];
        let errors = dimm.errors.correctable.value().map(|counter| counter.value);
        (errors, dimm.label.value().cloned())
    }

    fn lookout(&self) -> Lookout {
        self.collector.lookout()
    }
}

fn named(errors: u64, label: &str) -> (Option<u64>, Option<String>) {
    (Some(errors), Some(label.to_owned()))
}

#[test]
fn counters_and_labels_are_read_again_and_other_words_now_and_then() {
    let mut host = Host::new();
    assert_eq!(host.module(), named(7, "A1"));
    host.put("mc0/dimm0/dimm_ce_count", "8\n");
    host.put("mc0/dimm0/dimm_label", "DIMM_A2 or \"x\"\n");
    host.put("mc0/mc_name", "other\n");
    for _ in 1..FIXED_FOR {
        assert_eq!(host.module(), named(8, "DIMM_A2 or \"x\""));
    }
    let name = |edac: Edac| edac.controllers[0].name.value().cloned();
    assert_eq!(name(host.pass()).as_deref(), Some("other"));
    host.put("mc0/mc_name", "another\n");
    assert_eq!(name(host.pass()).as_deref(), Some("other"));
    // A label that is longer than any that the kernel takes is read all the same.
    let long = "x".repeat(300);
    host.put("mc0/dimm0/dimm_label", &long);
    assert_eq!(host.module(), named(8, &long));
}

#[test]
fn a_driver_that_comes_back_is_read_from_the_beginning() {
    let mut host = Host::new();
    assert_eq!(host.module(), named(7, "A1"));
    std::fs::remove_dir_all(host.path("mc0")).unwrap();
    host.controller(0);
    host.put("mc0/dimm0/dimm_label", "C1\n");
    host.put("mc0/dimm0/dimm_ce_count", "1\n");
    host.put("mc0/dimm1/dimm_ce_count", "2\n");
    assert_eq!(host.module(), named(1, "C1"));
    assert_eq!(host.pass().controllers[0].dimms.len(), 2);
}

#[test]
fn a_module_that_comes_to_a_known_controller_is_seen_at_once() {
    let mut host = Host::new();
    assert_eq!(host.pass().controllers[0].dimms.len(), 1);
    host.put("mc0/dimm1/dimm_ce_count", "2\n");
    // A file system that does not count its directories tells nothing for long.
    let counts =
        std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(host.path("mc0")).unwrap());
    assert_eq!(host.pass().controllers[0].dimms.len(), if counts == 1 { 1 } else { 2 });
}

#[test]
fn what_is_no_number_any_more_is_told_as_what_it_is() {
    let mut host = Host::new();
    assert_eq!(host.module().0, Some(7));
    host.put("mc0/dimm0/dimm_ce_count", "seven\n");
    let edac = host.pass();
    let errors = &edac.controllers[0].dimms[0].errors.correctable;
    assert!(matches!(errors, Reading::Malformed(..)), "{errors:?}");
    host.put("mc0/dimm0/dimm_ce_count", "9\n");
    assert_eq!(host.module().0, Some(9));
}

#[test]
fn words_that_could_not_be_read_are_tried_again_at_once() {
    let mut host = Host::new();
    std::fs::write(host.path("mc0/dimm0/dimm_label"), [0xff, b'\n']).unwrap();
    assert_eq!(host.module(), (Some(7), None));
    host.put("mc0/dimm0/dimm_label", "A1\n");
    assert_eq!(host.module(), named(7, "A1"));
}

#[test]
fn what_says_the_same_is_made_once() {
    let mut host = Host::new();
    let mut dimms = || {
        let snapshot = host.collector.snapshot().edac.unwrap();
        let attributes = snapshot.report.attributes;
        (Arc::clone(&snapshot.reading.value().unwrap().controllers[0].dimms), attributes, &host.dir)
    };
    let (first, read, dir) = dimms();
    let put = |path: &str, text: &str| {
        let dir = dir.path().join("sys/devices/system/edac/mc/mc0");
        std::fs::write(dir.join(path), text).unwrap();
    };
    put("seconds_since_reset", "160\n");
    let (same, again, _) = dimms();
    assert!(Arc::ptr_eq(&first, &same));
    assert_eq!(again, read, "what was looked at counts as read");
    // Others may hold what was, and it is not changed under them.
    for (path, text, label, errors) in [
        ("dimm0/dimm_ce_count", "8\n", "A1", 8),
        ("dimm0/dimm_label", "A2\n", "A2", 8),
        ("dimm0/dimm_ce_count", "7\n", "A2", 7),
        // Zeroed: the same numbers are those of another life.
        ("seconds_since_reset", "0\n", "A2", 7),
    ] {
        let (before, ..) = dimms();
        put(path, text);
        let (after, ..) = dimms();
        assert!(!Arc::ptr_eq(&before, &after), "{path}");
        assert_eq!(after[0].label.value().unwrap(), label);
        assert_eq!(after[0].errors.correctable.value().unwrap().value, errors);
        assert!(Arc::ptr_eq(&after, &dimms().0));
    }
    assert_eq!(first[0].errors.correctable.value().unwrap().value, 7);
}

#[test]
fn counters_that_are_in_memory_are_soon_looked_at() {
    const TMPFS: u64 = 0x0102_1994;
    for folder in [Path::new("/dev/shm"), &std::env::temp_dir()] {
        let Ok(system) = rustix::fs::statfs(folder) else { continue };
        let mut host = Host::below(folder);
        host.pass();
        let in_memory = u64::try_from(system.f_type) == Ok(TMPFS);
        assert_eq!(host.lookout().is_soon_done(), in_memory, "{}", folder.display());
        assert_eq!(host.is_soon_read(), in_memory, "{}", folder.display());
    }
}

#[test]
fn a_lookout_tells_of_errors_resets_and_controllers() {
    let mut host = Host::new();
    host.pass();
    let lookout = host.lookout();
    assert_eq!(lookout.numbers(), 7);
    assert!(lookout.holds() && lookout.holds());
    // Time goes on by itself.
    host.put("mc0/seconds_since_reset", "160\n");
    assert!(lookout.holds());

    host.put("mc0/dimm0/dimm_ce_count", "8\n");
    assert!(!lookout.holds());
    // Whoever looks takes nothing away from the next pass.
    assert!(!lookout.holds());
    host.pass();
    assert!(!lookout.holds() && host.lookout().holds());

    let lookout = host.lookout();
    host.put("mc0/seconds_since_reset", "0\n");
    assert!(!lookout.holds(), "counters were zeroed");
    host.pass();

    let lookout = host.lookout();
    std::fs::remove_file(host.path("mc0/ue_count")).unwrap();
    // At once on sysfs; elsewhere it is asked of each file with every fourth look.
    assert!((0..16).any(|_| !lookout.holds()), "a driver has gone");
    host.put("mc0/ue_count", "0\n");
    host.pass();

    let lookout = host.lookout();
    assert!(lookout.holds());
    host.controller(1);
    // A file system that does not count its directories tells nothing here.
    let counts = std::os::unix::fs::MetadataExt::nlink(&std::fs::metadata(host.path("")).unwrap());
    assert_eq!(lookout.holds(), counts == 1, "a controller has come");
}

#[test]
fn only_numbers_in_memory_are_read_by_the_thread_of_the_pass() {
    let mut host = Host::below(Path::new("/dev/shm"));
    assert!(!host.is_soon_read(), "nothing is known yet");
    let first = host.pass();
    assert!(host.is_soon_read());
    assert_eq!(host.pass(), first);
    host.put("mc0/dimm0/dimm_ce_count", "8\n");
    let dimm = host.pass().controllers[0].dimms[0].clone();
    assert_eq!(dimm.errors.correctable.value().map(|counter| counter.value), Some(8));
    assert!(host.is_soon_read());

    // A controller that came is read like any that is not known.
    host.controller(1);
    host.pass();
    assert!(host.is_soon_read());
    assert_eq!(host.pass().controllers.len(), 2);
    std::fs::remove_dir_all(host.path("mc1")).unwrap();
    host.pass();
    assert_eq!(host.pass().controllers.len(), 1);

    // The driver is asked for the rate of scrubbing, and asks the hardware.
    let mut host = Host::below(Path::new("/dev/shm"));
    host.put("mc0/sdram_scrub_rate", "1000\n");
    host.pass();
    assert!(!host.is_soon_read());
    // Rows are looked through anew each time.
    let mut host = Host::below(Path::new("/dev/shm"));
    std::fs::remove_dir_all(host.path("mc0/dimm0")).unwrap();
    host.put("mc0/csrow0/ce_count", "7\n");
    host.pass();
    assert!(!host.is_soon_read());
}

#[test]
fn files_that_nobody_reads_any_more_are_closed() {
    let mut host = Host::new();
    host.controller(1);
    host.pass();
    assert_eq!(host.lookout().numbers(), 14);
    std::fs::remove_dir_all(host.path("mc1")).unwrap();
    host.pass();
    host.pass();
    assert_eq!(host.lookout().numbers(), 7);
    assert!(format!("{:?}", host.collector).contains("Collector"));
}

#[test]
fn nothing_is_kept_of_a_captured_tree() {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let tree = crate::sources::check::tree(crate::sources::edac::tests::HEALTHY);
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(10), disabled: BTreeSet::new() };
    let mut collector = Collector::new(Arc::new(host), options);
    for _ in 0..3 {
        assert!(collector.snapshot().edac.unwrap().reading.value().is_some());
    }
    assert_eq!(collector.lookout().numbers(), 0);
    assert!(collector.lookout().holds());
}
