//! Nothing is written but to tracefs, of this kernel, in an instance that bears our name.

use super::*;
use crate::tree::Tree;
use scrubjay_model::Clocks;
use std::path::Path;
use std::sync::Arc;

const ELSEWHERE: Failure = Failure::Errno(18);

fn host(root: &Path) -> HostRoot {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::open(root, Arc::new(move || clocks)).unwrap()
}

/// A root that is of this kernel, with folders where tracefs would be.
fn pretended() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let random = "proc/sys/kernel/random";
    std::fs::create_dir_all(dir.path().join(random)).unwrap();
    let boot_id = std::fs::read(Path::new("/").join(random).join("boot_id")).unwrap();
    std::fs::write(dir.path().join(random).join("boot_id"), boot_id).unwrap();
    std::fs::create_dir_all(dir.path().join("sys/kernel/tracing/instances")).unwrap();
    dir
}

#[test]
fn a_folder_that_is_not_of_tracefs_is_none() {
    let dir = pretended();
    let host = host(dir.path());
    assert!(host.is_this_host());
    assert_eq!(host.tracefs("sys/kernel/tracing").unwrap_err(), ELSEWHERE);
    assert_eq!(host.tracefs("sys/kernel/none").unwrap_err(), Failure::Errno(2));
    assert_eq!(host.tracefs("/sys/kernel/tracing").unwrap_err(), Failure::Errno(22));
}

#[test]
fn another_kernel_has_no_tracefs_for_us() {
    let dir = pretended();
    std::fs::write(dir.path().join("proc/sys/kernel/random/boot_id"), "other\n").unwrap();
    assert_eq!(host(dir.path()).tracefs("sys/kernel/tracing").unwrap_err(), ELSEWHERE);
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let tree = Tree::parse("//! scrubjay host tree 1\n//- dir sys/kernel/tracing/instances\n");
    let tree = HostRoot::from_tree(tree.unwrap(), Arc::new(move || clocks));
    assert_eq!(tree.tracefs("sys/kernel/tracing").unwrap_err(), ELSEWHERE);
}

#[test]
fn an_instance_bears_our_name() {
    let dir = tempfile::tempdir().unwrap();
    let instances = rustix::fs::open(dir.path(), LIST, Mode::empty()).unwrap();
    let tracefs = TraceFs { instances };
    let long = format!("scrubjay{}", "y".repeat(60));
    for name in ["rasdaemon", "", ".", "scrubjay/..", "../scrubjay", "scrubjay\0", &long] {
        assert_eq!(tracefs.instance(name).unwrap_err(), Failure::Errno(22), "{name}");
        assert_eq!(tracefs.remove(name).unwrap_err(), Failure::Errno(22), "{name}");
    }
    assert!(tracefs.instance("scrubjay-2.b_c").unwrap().made);
    let again = tracefs.instance("scrubjay-2.b_c").unwrap();
    assert!(!again.made);
    for path in ["/etc/hostname", "../x", "a//b", ""] {
        assert_eq!(again.read(path, 64), Err(Failure::Errno(22)), "{path}");
        assert_eq!(again.write(path, "1"), Err(Failure::Errno(22)), "{path}");
    }
    // Files of tracefs are there or not; none is made.
    assert_eq!(again.write("enable", "1"), Err(Failure::Errno(2)));
    assert_eq!(tracefs.remove("scrubjay-2.b_c"), Ok(()));
}
