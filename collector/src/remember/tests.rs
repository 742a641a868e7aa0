//! What is remembered, for how long, and when it must not be.

use super::*;
use crate::host::ClockFn;
use crate::reader::Reader;
use crate::sources::check;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps};
use scrubjay_model::Clocks;
use std::cell::Cell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A host below a directory, at a moment long after any file in it was made.
struct Bench {
    dir: tempfile::TempDir,
    memory: Memory,
    since_boot: Arc<AtomicU64>,
    later: Arc<AtomicU64>,
    made: Cell<u32>,
}

impl Bench {
    fn new() -> Self {
        let later = Arc::new(AtomicU64::new(3_600));
        let since_boot = Arc::default();
        let dir = tempfile::tempdir().unwrap();
        Self { dir, memory: Memory::default(), since_boot, later, made: Cell::new(0) }
    }

    fn clocks(&self) -> ClockFn {
        let (since_boot, later) = (Arc::clone(&self.since_boot), Arc::clone(&self.later));
        Arc::new(move || {
            let now = std::time::SystemTime::now();
            let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
            let now = now + Duration::from_secs(later.load(Ordering::Relaxed));
            Clocks {
                realtime_ms: i64::try_from(now.as_millis()).unwrap(),
                boottime: Some(Duration::from_secs(since_boot.load(Ordering::Relaxed))),
                monotonic: None,
            }
        })
    }

    fn host(&self) -> HostRoot {
        HostRoot::open(self.dir.path(), self.clocks()).unwrap().of_this_kernel()
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), text).unwrap();
    }

    /// What stands in `file`, through the memory.
    fn ask(&self, what: &Remember<'_>) -> (String, Vec<String>) {
        let host = self.host();
        let reader = Reader::remembering(&host, &self.memory);
        let text = reader.remembered(what, |reader| {
            self.made.set(self.made.get() + 1);
            reader.attr("file").value().cloned().unwrap_or_default()
        });
        let faults = reader.report(Duration::ZERO).faults;
        (text.to_string(), faults.iter().map(ToString::to_string).collect())
    }

    fn text(&self) -> String {
        self.ask(&FILE).0
    }

    fn made(&self) -> u32 {
        self.made.get()
    }
}

const FILE: Remember<'static> = Remember { key: "test/file", files: &["file"], at_most: None };

fn times(path: &Path) -> Timestamps {
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty()).unwrap();
    let at = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
    let nanoseconds = |n| i64::try_from(n).unwrap();
    Timestamps {
        last_access: at(stat.st_atime, nanoseconds(stat.st_atime_nsec)),
        last_modification: at(stat.st_mtime, nanoseconds(stat.st_mtime_nsec)),
    }
}

#[test]
fn what_was_made_of_a_file_is_kept_while_the_file_is_the_same() {
    let bench = Bench::new();
    bench.write("file", "one");
    assert_eq!((bench.text(), bench.text(), bench.made()), ("one".into(), "one".into(), 1));
    bench.write("file", "three");
    assert_eq!((bench.text(), bench.text(), bench.made()), ("three".into(), "three".into(), 2));
}

#[test]
fn a_file_put_in_the_place_of_another_with_its_size_and_time_is_another() {
    let bench = Bench::new();
    bench.write("file", "one");
    assert_eq!(bench.text(), "one");
    let (path, next) = (bench.dir.path().join("file"), bench.dir.path().join("next"));
    bench.write("next", "two");
    rustix::fs::utimensat(CWD, &next, &times(&path), AtFlags::empty()).unwrap();
    std::fs::rename(&next, &path).unwrap();
    assert_eq!(bench.text(), "two");
}

#[test]
fn a_file_written_in_place_whose_time_was_set_back_is_another() {
    let bench = Bench::new();
    bench.write("file", "one");
    assert_eq!(bench.text(), "one");
    let path = bench.dir.path().join("file");
    let before = times(&path);
    let identity = bench.host().stamp("file");
    // The clock of the file system must have moved on.
    while bench.host().stamp("file") == identity {
        bench.write("file", "two");
        rustix::fs::utimensat(CWD, &path, &before, AtFlags::empty()).unwrap();
    }
    assert_eq!(bench.text(), "two");
}

#[test]
fn that_a_file_is_missing_is_remembered_until_it_is_there() {
    let bench = Bench::new();
    assert_eq!((bench.text(), bench.text(), bench.made()), (String::new(), String::new(), 1));
    bench.write("file", "one");
    assert_eq!(bench.text(), "one");
}

#[test]
fn a_name_that_comes_changes_its_directory() {
    let bench = Bench::new();
    let what = Remember { key: "test/dir", files: &["."], at_most: None };
    let what = Remember { files: &["dir"], ..what };
    std::fs::create_dir(bench.dir.path().join("dir")).unwrap();
    bench.ask(&what);
    bench.ask(&what);
    assert_eq!(bench.made(), 1);
    bench.write("dir/new", "");
    bench.ask(&what);
    assert_eq!(bench.made(), 2);
}

#[test]
fn what_rests_on_a_file_of_this_moment_is_not_kept() {
    let bench = Bench::new();
    bench.later.store(0, Ordering::Relaxed);
    bench.write("file", "one");
    assert_eq!((bench.text(), bench.text(), bench.made()), ("one".into(), "one".into(), 2));
}

#[test]
fn what_was_not_understood_is_told_again_with_what_is_kept() {
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("file"), b"\xff").unwrap();
    let first = bench.ask(&FILE);
    assert_eq!(first.1, ["file: expected text in UTF-8, found \"\u{fffd}\""]);
    assert_eq!((bench.ask(&FILE), bench.made()), (first, 1));
}

#[test]
fn what_was_made_without_a_file_that_could_not_be_read_is_not_kept() {
    let bench = Bench::new();
    std::fs::create_dir(bench.dir.path().join("file")).unwrap();
    let first = bench.ask(&FILE);
    assert_eq!(first.1, ["file: not a plain file"]);
    assert_eq!((bench.ask(&FILE), bench.made()), (first, 2));
}

#[test]
fn what_may_grow_old_is_made_anew_in_time() {
    let bench = Bench::new();
    bench.write("file", "one");
    let what = Remember { at_most: Some(Duration::from_secs(100)), ..FILE };
    for (since_boot, made) in [(0, 1), (99, 1), (100, 2), (199, 2), (50, 3)] {
        bench.since_boot.store(since_boot, Ordering::Relaxed);
        bench.ask(&what);
        assert_eq!(bench.made(), made, "{since_boot} s after boot");
    }
}

#[test]
fn what_nobody_asks_for_is_forgotten() {
    let bench = Bench::new();
    bench.write("file", "one");
    bench.text();
    for _ in 0..10 {
        bench.memory.next_pass();
        bench.text();
    }
    assert_eq!(bench.made(), 1);
    for _ in 0..=UNUSED_PASSES {
        bench.memory.next_pass();
    }
    assert!(bench.memory.lock().entries.is_empty());
}

#[test]
fn a_captured_tree_is_always_read_anew() {
    let host = check::host(check::tree("//- file\none\n"));
    let memory = Memory::default();
    let made = Cell::new(0);
    for _ in 0..2 {
        let reader = Reader::remembering(&host, &memory);
        reader.remembered(&FILE, |_| made.set(made.get() + 1));
    }
    assert_eq!(made.get(), 2);
}

#[test]
fn a_key_used_for_something_else_is_not_taken_for_it() {
    let bench = Bench::new();
    bench.write("file", "one");
    bench.text();
    let host = bench.host();
    let reader = Reader::remembering(&host, &bench.memory);
    assert_eq!(*reader.remembered(&FILE, |_| 7_u32), 7);
}

#[test]
fn a_thread_that_never_returns_holds_up_no_other() {
    let bench = Bench::new();
    bench.write("file", "one");
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let (begun, begins) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let (host, memory) = (bench.host(), &bench.memory);
        scope.spawn(move || {
            let reader = Reader::remembering(&host, memory);
            reader.remembered(&FILE, |_| {
                begun.send(()).unwrap();
                let _ = gate.recv();
                "slow".to_owned()
            });
        });
        begins.recv().unwrap();
        assert_eq!((bench.text(), bench.text(), bench.made()), ("one".into(), "one".into(), 1));
        drop(release);
    });
}

#[test]
fn a_panic_while_something_is_made_leaves_the_memory_as_it_was() {
    let bench = Bench::new();
    bench.write("file", "one");
    let host = bench.host();
    let panicked = std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let reader = Reader::remembering(&host, &bench.memory);
            reader.remembered::<u32>(&FILE, |_| panic!("defect under test"));
        });
        thread.join().is_err()
    });
    assert!(panicked);
    assert_eq!((bench.text(), bench.text(), bench.made()), ("one".into(), "one".into(), 1));
}
