//! Roots of every kind: live, captured, somebody else's, and none.

use super::*;
use std::error::Error as _;

fn clocks() -> ClockFn {
    let clocks = Clocks {
        realtime_ms: 7_000,
        boottime: Some(Duration::from_secs(50)),
        monotonic: Some(Duration::from_secs(40)),
    };
    Arc::new(move || clocks)
}

fn open(path: &Path) -> Result<HostRoot, RootError> {
    HostRoot::open(path, clocks())
}

#[test]
fn a_relative_root_lies_below_the_working_directory() {
    let host = open(Path::new("src")).unwrap();
    assert_eq!(host.exists("lib.rs"), Ok(()));
    let outside = host.exists("../src/lib.rs");
    assert_eq!(outside, Err(Failure::Errno(22)));
}

#[test]
fn a_root_that_cannot_be_used_says_where_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let error = open(&missing).unwrap_err();
    let remedy = "give a directory or a captured tree with --root";
    let text = format!("cannot open the host root {}: {remedy}", missing.display());
    assert_eq!(error.to_string(), text);
    assert!(error.source().unwrap().to_string().starts_with("No such file"));
    assert!(matches!(open(Path::new("")), Err(RootError::Open { .. })));

    let fifo = dir.path().join("fifo");
    let mode = Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, mode, 0).unwrap();
    let error = open(&fifo).unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "neither a directory nor a file");

    let file = dir.path().join("file");
    std::fs::write(&file, "no tree\n").unwrap();
    let error = open(&file).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot use {} as a host root", file.display()));
    assert!(error.source().unwrap().to_string().starts_with("line 1: a host tree begins with"));
}

#[test]
fn a_tree_in_a_file_is_a_root() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("host.tree");
    std::fs::write(&file, "//! scrubjay host tree 1\n//- proc/uptime\n1.50 0.00\n").unwrap();
    let host = open(&file).unwrap();
    assert_eq!(host.read("proc/uptime", 64), Ok(b"1.50 0.00\n".to_vec()));
    assert!(!host.is_this_host());
}

#[test]
fn system_calls_do_not_speak_for_a_host_of_another_boot() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("proc/sys/kernel/random")).unwrap();
    let boot_id = "00000000-0000-0000-0000-000000000000\n";
    std::fs::write(dir.path().join(BOOT_ID), boot_id).unwrap();
    std::fs::write(dir.path().join("proc/uptime"), "1.50 0.00\n").unwrap();
    let host = open(dir.path()).unwrap();
    assert!(!host.is_this_host());
    assert_eq!(host.uname(), None);
    let shown = Duration::from_millis(1_500);
    let expected = Clocks { realtime_ms: 7_000, boottime: Some(shown), monotonic: None };
    assert_eq!(host.clocks(), expected);
    // What is measured on the agent itself is not the host's.
    assert_eq!(host.own_monotonic(), Some(Duration::from_secs(40)));
}

#[test]
fn a_captured_tree_brings_its_own_clocks_and_uname() {
    let tree = Tree::parse(
        "//! scrubjay host tree 1\n//- .scrubjay/facts\nrealtime_ms -5\nboottime_ns 3\nmonotonic_ns 2\n\
         uname_release 6.1\nuname_version #1 SMP\nuname_machine x86_64\n",
    )
    .unwrap();
    let host = HostRoot::from_tree(tree, clocks());
    let nanoseconds = |n| Some(Duration::from_nanos(n));
    let expected = Clocks { realtime_ms: -5, boottime: nanoseconds(3), monotonic: nanoseconds(2) };
    assert_eq!(host.clocks(), expected);
    let text = |text: &str| text.to_owned();
    let uname = Uname { release: text("6.1"), version: text("#1 SMP"), machine: text("x86_64") };
    assert_eq!(host.uname(), Some(uname));
}

#[test]
fn a_tree_refuses_the_paths_a_directory_refuses() {
    let host =
        HostRoot::from_tree(Tree::parse("//! scrubjay host tree 1\n//- a/b\n").unwrap(), clocks());
    for path in ["/a/b", "a//b", "a/", "", "a/../a/b"] {
        assert_eq!(host.read(path, 9), Err(Failure::Errno(22)), "{path}");
        assert_eq!(host.exists(path), Err(Failure::Errno(22)), "{path}");
        assert_eq!(host.list(path, &|_| true), Err(Failure::Errno(22)), "{path}");
    }
    assert_eq!(host.read("a", 9), Err(Failure::NotAFile));
    assert_eq!(host.list("a/b", &|_| true), Err(Failure::Errno(20)));
}

#[test]
fn the_size_of_a_page_is_the_hosts_and_never_ours() {
    let of = |facts: &str| {
        let tree = format!("//! scrubjay host tree 1\n//- .scrubjay/facts\n{facts}\n");
        HostRoot::from_tree(Tree::parse(&tree).unwrap(), clocks()).page_size_bytes()
    };
    assert_eq!(of("page_size_bytes 65536"), Some(65_536));
    assert_eq!(of("uname_machine x86_64"), Some(4096));
    assert_eq!(of("uname_machine aarch64"), None);
    assert_eq!(of("uname_machine aarch64\npage_size_bytes 5000"), None);
    assert_eq!(of("realtime_ms 0"), None);
}

#[test]
fn the_first_cpu_names_all_of_them() {
    let named = |text: &str| {
        let tree = Tree::parse(&format!("//! scrubjay host tree 1\n{text}")).unwrap();
        HostRoot::from_tree(tree, clocks()).cpu_model()
    };
    let cpu = "processor\t: 0\nmodel\t\t: 143\nmodel name\t: Intel(R) Xeon(R): 6430 \n\n";
    let shown = named(&format!("//- proc/cpuinfo\n{}", cpu.repeat(99)));
    assert_eq!(shown.as_deref(), Some("Intel(R) Xeon(R): 6430"));
    assert_eq!(named("//- proc/cpuinfo\nprocessor\t: 0\nCPU part\t: 0xd0c\n"), None);
    assert_eq!(named(""), None);
}
