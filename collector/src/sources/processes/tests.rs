//! Processes of every kind. Where inodes matter, the root is a directory of real files.

use super::*;
use crate::capture::{CaptureOptions, capture};
use crate::collector::Options;
use crate::host::{ClockFn, HostRoot};
use crate::remember::Memory;
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::{Clocks, Outcome};
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::sync::Arc;

const STAT: &str = "(nginx) S 1 100 100 0 -1 4194560 94 0 0 0 3 4 0 0 20 0 1 0 4711 5738496 225 \
                    18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 4 0 0 0 0 0 5 6 7 8 9 10 11 0";

pub(crate) const HEALTHY: &str = "\
//- proc/1/maps
55d0a2c00000-55d0a2d00000 r-xp 00000000 fe:01 12 /usr/lib/systemd/systemd
//- proc/2/task/2/comm
kthreadd
//- proc/100/maps
55d0a2c28000-55d0a2d28000 r-xp 00028000 fe:01 1311 /usr/sbin/nginx
7f0a20000000-7f0a20100000 r-xp 00000000 fe:01 4711 /usr/lib/libssl.so.3 (deleted)
7f0a20100000-7f0a20200000 r--p 00100000 fe:01 4711 /usr/lib/libssl.so.3 (deleted)
//- proc/100/comm
nginx
//- proc/100/stat
100 (nginx) S 1 100 100 0 -1 4194560 94 0 0 0 3 4 0 0 20 0 1 0 4711 5738496 225 18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 4 0 0 0 0 0 5 6 7 8 9 10 11 0
//- proc/100/cgroup
0::/system.slice/nginx.service
//- proc/101/maps
//- dir proc/101/task/101
//- proc/101/task/102/maps
7f0a20000000-7f0a20100000 r-xp 00000000 fe:01 4712 /usr/lib/libz.so.1 (deleted)
//- proc/101/comm
worker
";

/// What is found, as `pid holder unit: file file`.
fn told(found: &Processes) -> Vec<String> {
    let process = |process: &StaleProcess| {
        let files: Vec<String> = process
            .files
            .iter()
            .map(|file| format!("{}{}", file.path, if file.replaced { "*" } else { "" }))
            .collect();
        let unit = process.unit.as_deref().unwrap_or("-");
        format!("{} {} {unit}: {}", process.pid, process.holder.as_str(), files.join(" "))
    };
    found.stale.iter().map(process).collect()
}

#[test]
fn a_tree_tells_what_the_marks_tell() {
    let found = found(HEALTHY, read);
    assert_eq!(
        told(&found),
        [
            "100 service nginx.service: /usr/lib/libssl.so.3",
            // Its first thread has ended, and with it the mappings under its number.
            "101 other -: /usr/lib/libz.so.1",
        ]
    );
    assert_eq!((found.read, found.unread, found.is_whole()), (3, 0, true));
    assert_eq!(found.stale[0].comm.value().unwrap(), "nginx");
    assert_eq!(found.stale[0].started, Reading::Value(4711));
}

#[test]
fn a_root_without_processes_is_absent() {
    assert!(is_absent("//- dir sys\n", read));
    assert!(is_absent("//- proc/uptime\n1.00 1.00\n", read));
}

#[test]
fn where_not_all_processes_are_shown_none_are_said_to_be_well() {
    let (hidden, faults) = partly_found(&HEALTHY.replace("kthreadd", "bash"), read);
    assert_eq!((hidden.complete, hidden.stale.len()), (false, 2));
    assert_eq!(hidden.count(Holder::Service), None);
    assert_eq!(faults, ["proc/2/task/2/comm: permission denied"]);
}

#[test]
fn what_may_not_be_read_is_counted_and_told_once() {
    let closed =
        format!("{HEALTHY}//- errno=EACCES proc/102/maps\n//- errno=EPERM proc/103/maps\n");
    let (found, faults) = partly_found(&closed, read);
    assert_eq!((found.read, found.unread, found.is_whole()), (3, 2, false));
    assert_eq!(faults, ["proc/*/maps: permission denied"]);
}

#[test]
fn mappings_that_are_not_understood_cost_that_process() {
    let odd = format!("{HEALTHY}//- proc/102/maps\nsomething else\n//- errno=EIO proc/103/maps\n");
    let (found, faults) = partly_found(&odd, read);
    assert_eq!((found.stale.len(), found.complete), (2, false));
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("proc/102/maps: expected a mapping"), "{faults:?}");
    assert_eq!(faults[1], "proc/103/maps: input/output failed with errno 5");
}

#[test]
fn a_process_that_has_ended_is_none() {
    let ended = format!("{HEALTHY}//- dir proc/104\n//- errno=3 proc/105/maps\n");
    assert_eq!(found(&ended, read).read, 3);
}

#[test]
fn the_laws_hold() {
    check::keeps_the_laws(HEALTHY, read, |_, _| false);
}

/// A host whose files are real, so that they have inodes.
struct Bench {
    dir: tempfile::TempDir,
    memory: Memory,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap(), memory: Memory::default() };
        bench.put("proc/2/task/2/comm", "kthreadd\n");
        bench.put("proc/uptime", "1000.00 1.00\n");
        bench.put("var/lib/dpkg/status", "");
        bench.process(1, "/", "0::/init.scope", "systemd");
        bench
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path.trim_start_matches('/'))
    }

    fn put(&self, path: &str, text: &str) {
        std::fs::create_dir_all(self.at(path).parent().unwrap()).unwrap();
        std::fs::write(self.at(path), text).unwrap();
    }

    /// A file, and its inode.
    fn file(&self, path: &str) -> u64 {
        self.put(path, "code");
        self.inode(path)
    }

    fn inode(&self, path: &str) -> u64 {
        std::fs::metadata(self.at(path)).unwrap().ino()
    }

    fn process(&self, pid: u32, root: &str, group: &str, comm: &str) {
        self.put(&format!("proc/{pid}/cgroup"), &format!("{group}\n"));
        self.put(&format!("proc/{pid}/comm"), &format!("{comm}\n"));
        self.put(&format!("proc/{pid}/stat"), &format!("{pid} {STAT}\n"));
        symlink(root, self.at(&format!("proc/{pid}/root"))).unwrap();
        self.put(&format!("proc/{pid}/maps"), "");
        std::fs::create_dir_all(self.at(&format!("proc/{pid}/task/{pid}"))).unwrap();
    }

    /// A service that maps these, as its `maps` has them.
    fn service(&self, pid: u32, mapped: &[(u64, &str)]) {
        self.process(pid, "/", "0::/system.slice/x.service", "x");
        self.map(&format!("proc/{pid}/maps"), "r-xp", mapped);
    }

    fn map(&self, path: &str, permissions: &str, mapped: &[(u64, &str)]) {
        let line = |(inode, name): &(u64, &str)| {
            format!("7f0a20000000-7f0a20100000 {permissions} 00000000 fe:01 {inode} {name}\n")
        };
        self.put(path, &mapped.iter().map(line).collect::<String>());
    }

    fn host(&self) -> HostRoot {
        // Long after the files were made.
        let clocks: ClockFn = Arc::new(|| Clocks {
            realtime_ms: i64::MAX / 2,
            boottime: Some(Duration::from_secs(1000)),
            monotonic: None,
        });
        HostRoot::open(self.dir.path(), clocks).unwrap()
    }

    fn found(&self) -> Processes {
        let host = self.host();
        let reader = Reader::remembering(&host, &self.memory);
        let boot = scrubjay_model::BootId::unknown();
        let found = read(&reader, &Stamp::new(boot, host.clocks()));
        let faults = reader.report(Duration::ZERO).faults;
        assert!(faults.is_empty(), "{faults:?}");
        found.into_result().unwrap()
    }

    fn stale(&self) -> Vec<String> {
        told(&self.found())
    }
}

const LIB: &str = "/usr/lib/libx.so.1";
const GONE: &str = "/usr/lib/libx.so.1 (deleted)";

#[test]
fn a_library_that_is_under_its_name_is_current() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    bench.service(100, &[(inode, LIB)]);
    assert_eq!(bench.stale(), [""; 0]);
    assert_eq!(bench.found().read, 1);
}

#[test]
fn a_library_that_was_unlinked_is_stale() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    std::fs::remove_file(bench.at(LIB)).unwrap();
    bench.service(100, &[(inode, GONE)]);
    assert_eq!(bench.stale(), ["100 service x.service: /usr/lib/libx.so.1"]);
}

#[test]
fn a_library_that_another_was_renamed_over_is_stale_marked_or_not() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    bench.file("/usr/lib/new");
    std::fs::rename(bench.at("/usr/lib/new"), bench.at(LIB)).unwrap();
    bench.service(100, &[(inode, GONE)]);
    // Over some network file systems the old name is not marked.
    bench.service(101, &[(inode, LIB)]);
    let told = [
        "100 service x.service: /usr/lib/libx.so.1*",
        "101 service x.service: /usr/lib/libx.so.1*",
    ];
    assert_eq!(bench.stale(), told);
}

#[test]
fn a_library_that_was_removed_and_made_anew_is_stale_although_a_hard_link_keeps_the_old_one() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    std::fs::hard_link(bench.at(LIB), bench.at("/usr/lib/backup")).unwrap();
    std::fs::remove_file(bench.at(LIB)).unwrap();
    bench.file(LIB);
    bench.service(100, &[(inode, GONE)]);
    assert_eq!(bench.stale(), ["100 service x.service: /usr/lib/libx.so.1*"]);
}

#[test]
fn a_name_that_was_given_back_to_the_same_file_is_current() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    bench.service(100, &[(inode, GONE)]);
    assert_eq!(bench.stale(), [""; 0]);
}

#[test]
fn a_file_whose_real_name_ends_in_the_mark_is_current_until_it_is_deleted() {
    let bench = Bench::new();
    let inode = bench.file(GONE);
    bench.service(100, &[(inode, GONE)]);
    assert_eq!(bench.stale(), [""; 0]);
    std::fs::remove_file(bench.at(GONE)).unwrap();
    bench.service_again(100, &[(inode, &format!("{GONE} (deleted)"))]);
    assert_eq!(bench.stale(), ["100 service x.service: /usr/lib/libx.so.1 (deleted)"]);
}

impl Bench {
    /// The same process with other mappings, after a package was installed.
    fn service_again(&self, pid: u32, mapped: &[(u64, &str)]) {
        self.map(&format!("proc/{pid}/maps"), "r-xp", mapped);
        self.put("var/lib/dpkg/new", "");
        std::fs::rename(self.at("var/lib/dpkg/new"), self.at("var/lib/dpkg/status")).unwrap();
    }
}

#[test]
fn a_file_overwritten_in_place_cannot_be_told_from_the_one_it_was() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    bench.put(LIB, "other code");
    bench.service(100, &[(inode, LIB)]);
    assert_eq!(bench.stale(), [""; 0]);
}

#[test]
fn a_process_whose_first_thread_has_ended_is_seen_through_another() {
    let bench = Bench::new();
    let inode = bench.file("/usr/lib/other");
    bench.service(100, &[]);
    std::fs::create_dir_all(bench.at("proc/100/task/101")).unwrap();
    bench.map("proc/100/task/101/maps", "r-xp", &[(inode, GONE)]);
    assert_eq!(bench.stale(), ["100 service x.service: /usr/lib/libx.so.1"]);
}

#[test]
fn what_a_program_made_for_itself_is_not_from_a_package() {
    let bench = Bench::new();
    let names = [
        "/tmp/ffiXyZ12 (deleted)",
        "/var/tmp/ffi1 (deleted)",
        "/run/user/0/orcexec.1 (deleted)",
        "/memfd:jit (deleted)",
        "/dev/zero (deleted)",
        "/dev/shm/jit (deleted)",
        "/SYSV00000000 (deleted)",
        "/i915 (deleted)",
        "/usr/lib/half-written.tmp (deleted)",
    ];
    let mapped: Vec<(u64, &str)> = names.iter().map(|name| (7, *name)).collect();
    bench.service(100, &mapped);
    bench.service(101, &[(0, "[anon:jit]"), (0, "[vdso]"), (0, "")]);
    bench.service(102, &[]);
    bench.map("proc/102/maps", "r-xs", &[(7, "/usr/lib/shared (deleted)")]);
    assert_eq!(bench.stale(), [""; 0]);
}

#[test]
fn data_that_is_only_read_and_a_log_that_is_only_open_are_not_code() {
    let bench = Bench::new();
    bench.service(100, &[]);
    bench.map("proc/100/maps", "r--p", &[(7, "/usr/share/locale/locale-archive (deleted)")]);
    std::fs::create_dir_all(bench.at("proc/100/fd")).unwrap();
    symlink("/var/log/x.log (deleted)", bench.at("proc/100/fd/3")).unwrap();
    assert_eq!(bench.stale(), [""; 0]);
}

#[test]
fn a_line_feed_in_a_name_is_a_part_of_it() {
    let bench = Bench::new();
    let inode = bench.file("/usr/lib/lib\nnew.so");
    let gone = bench.file("/usr/lib/lib\ngone.so");
    std::fs::remove_file(bench.at("/usr/lib/lib\ngone.so")).unwrap();
    let gone_name = "/usr/lib/lib\\012gone.so (deleted)";
    bench.service(100, &[(inode, "/usr/lib/lib\\012new.so"), (gone, gone_name)]);
    assert_eq!(bench.stale(), ["100 service x.service: /usr/lib/lib\ngone.so"]);
}

#[test]
fn a_process_that_sees_other_files_is_judged_by_those() {
    let bench = Bench::new();
    bench.file(LIB);
    let inner = bench.file(&format!("/image{LIB}"));
    let group = "0::/system.slice/docker-5a6b.scope";
    bench.process(100, "/image", group, "app");
    bench.map("proc/100/maps", "r-xp", &[(inner, LIB)]);
    assert_eq!(bench.stale(), [""; 0]);
    // What it has lost is not a service's of this host.
    bench.process(101, "/image", group, "app");
    bench.map("proc/101/maps", "r-xp", &[(7, GONE)]);
    bench.service_again(102, &[]);
    assert_eq!(bench.stale(), ["101 container docker-5a6b.scope: /usr/lib/libx.so.1*"]);
}

#[test]
fn a_name_that_leads_nowhere_and_is_not_marked_is_not_called_deleted() {
    let bench = Bench::new();
    bench.service(100, &[(7, "/mnt/unmounted/libx.so.1")]);
    assert_eq!(bench.stale(), [""; 0]);
}

#[test]
fn processes_belong_to_the_units_that_systemd_put_them_in() {
    let bench = Bench::new();
    for (pid, group) in [
        (100, "0::/system.slice/system-getty.slice/getty@tty1.service"),
        (101, "12:cpu:/\n1:name=systemd:/system.slice/cron.service\n0::/"),
        (102, "0::/user.slice/user-1000.slice/user@1000.service/app.slice/dbus-broker.service"),
        (103, "0::/user.slice/user-1000.slice/session-3.scope"),
        (104, "0::/system.slice/dbus.service"),
        (105, "0::/"),
        (106, "nonsense"),
        (107, "0::/system.slice/deep.service/worker"),
    ] {
        bench.process(pid, "/", group, "x");
        bench.map(&format!("proc/{pid}/maps"), "r-xp", &[(7, GONE)]);
    }
    bench.map("proc/1/maps", "r-xp", &[(7, GONE)]);
    let holders: Vec<String> =
        bench.stale().iter().map(|line| line.split_once(':').unwrap().0.to_owned()).collect();
    assert_eq!(
        holders,
        [
            "1 init init.scope",
            "100 service getty@tty1.service",
            "101 service cron.service",
            "102 session dbus-broker.service",
            "103 session session-3.scope",
            "104 bus dbus.service",
            "105 other -",
            "106 other -",
            "107 service deep.service",
        ]
    );
}

#[test]
fn a_program_that_was_replaced_is_told_from_its_libraries() {
    let bench = Bench::new();
    let program = bench.file("/usr/sbin/old");
    bench.file("/usr/sbin/x");
    bench.service(100, &[(program, "/usr/sbin/x (deleted)")]);
    bench.service(101, &[(7, GONE)]);
    symlink("/usr/sbin/old", bench.at("proc/100/exe")).unwrap();
    symlink("/usr/sbin/old", bench.at("proc/101/exe")).unwrap();
    let programs: Vec<bool> = bench.found().stale.iter().map(|process| process.program).collect();
    assert_eq!(programs, [true, false]);
}

#[test]
fn all_processes_are_looked_at_only_after_packages_have_changed() {
    let bench = Bench::new();
    bench.service(100, &[(7, GONE)]);
    assert_eq!(bench.stale().len(), 1);
    // A process that began since maps what is there, so it is not looked at.
    bench.service(101, &[(7, GONE)]);
    assert_eq!(bench.stale().len(), 1);
    bench.service_again(102, &[]);
    assert_eq!(bench.stale().len(), 2);
}

#[test]
fn a_process_that_was_restarted_or_ran_itself_anew_is_no_longer_stale() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    for pid in 100..104 {
        bench.service(pid, &[(7, GONE)]);
    }
    assert_eq!(bench.stale().len(), 4);
    std::fs::remove_dir_all(bench.at("proc/100")).unwrap();
    bench.put("proc/101/stat", &format!("101 {}\n", STAT.replace(" 4711 ", " 9999 ")));
    bench.map("proc/102/maps", "r-xp", &[(inode, LIB)]);
    assert_eq!(bench.stale(), ["103 service x.service: /usr/lib/libx.so.1*"]);
}

#[test]
fn many_files_of_one_process_are_counted() {
    let bench = Bench::new();
    let names: Vec<String> = (0..40).map(|n| format!("/usr/lib/lib{n}.so (deleted)")).collect();
    let mapped: Vec<(u64, &str)> = names.iter().map(|name| (7, name.as_str())).collect();
    // One library is mapped several times.
    bench.service(100, &[mapped.clone(), mapped].concat());
    let found = bench.found();
    assert_eq!((found.stale[0].files.len(), found.stale[0].more_files), (16, 24));
}

#[test]
fn a_capture_keeps_what_was_stale_and_redacted_nothing_of_processes() {
    let bench = Bench::new();
    let inode = bench.file(LIB);
    bench.service(100, &[(inode, LIB)]);
    bench.service(101, &[(7, "/usr/lib/gone\\012.so (deleted)")]);
    let disabled: BTreeSet<SourceId> =
        SourceId::ALL.into_iter().filter(|id| *id != SourceId::Processes).collect();
    let options = Options { deadline: Duration::from_secs(10), disabled };
    let captured =
        |redact| check::host(capture(&bench.host(), &options, CaptureOptions { redact }));
    let (replayed, report) = check::read_host(&captured(false), read);
    assert_eq!(report.faults, []);
    let again = told(replayed.value().unwrap());
    assert_eq!(again, ["101 service x.service: /usr/lib/gone\n.so"]);
    let (redacted, _) = check::read_host(&captured(true), read);
    assert_eq!(redacted.value().map(|found| found.stale.len()), Some(0));
    assert_eq!(redacted.outcome(), Outcome::Ok);
}
