//! Where tracefs is, what is said if there is none, and texts of any kind. What is done in a real
//! instance is tested with the feed.

use super::*;
use crate::tree::{Node, Tree};
use proptest::prelude::*;
use scrubjay_model::Clocks;
use std::path::Path;
use std::sync::Arc;

fn clocks() -> crate::ClockFn {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    Arc::new(move || clocks)
}

/// What is said of a root that is of this kernel and has these files.
fn refused(files: &[(&str, &str)]) -> FeedRefusal {
    let dir = tempfile::tempdir().unwrap();
    let boot_id = "proc/sys/kernel/random/boot_id";
    let ours = std::fs::read_to_string(Path::new("/").join(boot_id)).unwrap();
    for (path, text) in files.iter().chain([&(boot_id, ours.as_str())]) {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let host = HostRoot::open(dir.path(), clocks()).unwrap();
    assert!(host.is_this_host());
    open(&host, "scrubjay", None, everything()).unwrap_err()
}

#[test]
fn a_kernel_without_tracefs_and_one_that_does_not_mount_it_are_told_apart() {
    let filesystems = ("proc/filesystems", "nodev\tsysfs\nnodev\ttracefs\n\text4\n");
    let tracing = ("sys/kernel/tracing/instances/keep", "");
    assert!(matches!(refused(&[filesystems, tracing]), FeedRefusal::NotMounted));
    let filesystems = ("proc/filesystems", "nodev\tnotracefs\n");
    assert!(matches!(refused(&[filesystems, tracing]), FeedRefusal::NoTracefs));
    assert!(matches!(refused(&[]), FeedRefusal::NoTracefs));
}

#[test]
fn a_captured_host_is_not_listened_to() {
    let host = HostRoot::from_tree(Tree::new(), clocks());
    let refusal = open(&host, "scrubjay", None, everything()).unwrap_err();
    assert!(matches!(refusal, FeedRefusal::AnotherHost), "{refusal:?}");
    assert_eq!(refusal.remedy(), "");
}

#[test]
fn what_lockdown_forbids_is_not_called_a_missing_privilege() {
    let refusal = |mode: &str, errno: Errno| {
        let mut tree = Tree::new();
        tree.insert("sys/kernel/security/lockdown", Node::File(mode.as_bytes().to_vec()));
        let host = HostRoot::from_tree(tree, clocks());
        FeedRefusal::at(&host, "sys/kernel/tracing", Failure::Errno(errno.raw_os_error()))
    };
    let confidential = "none integrity [confidentiality]\n";
    assert!(matches!(refusal(confidential, Errno::PERM), FeedRefusal::Lockdown));
    let denied = refusal("none [integrity] confidentiality\n", Errno::PERM);
    assert!(matches!(denied, FeedRefusal::Denied { .. }));
    let text = "tracefs is not open to the agent: sys/kernel/tracing may not be used";
    assert_eq!(denied.to_string(), text);
    assert!(matches!(refusal(confidential, Errno::IO), FeedRefusal::Failed { .. }));
}

#[test]
fn a_tracefs_is_found_wherever_it_is_mounted() {
    let mounts = "tracefs /sys/kernel/tracing tracefs rw,nosuid 0 0\n\
                  none /mnt/trace tracefs rw 0 0\n\
                  none /mnt/my\\040trace tracefs rw 0 0\n\
                  tracefs /mnt/x tmpfs rw 0 0\nodd\n\n";
    assert_eq!(mounted(mounts), ["sys/kernel/tracing", "mnt/trace"]);
}

#[test]
fn cpus_share_what_all_buffers_may_take() {
    assert_eq!(fair_share_kb(1), Some(16_384));
    assert_eq!(fair_share_kb(2), Some(16_384));
    assert_eq!(fair_share_kb(16), Some(2_048));
    // On large hosts the kernel's own size has to do, as it has where the number is not known.
    assert_eq!((fair_share_kb(64), fair_share_kb(0)), (None, None));
}

#[test]
fn a_page_ends_where_its_header_says() {
    let header = crate::trace::writer::HEADER_PAGE;
    assert_eq!(described_bytes(header), Some(4096));
    assert_eq!(described_bytes(&header.replace("size:4080", "size:65520")), Some(65536));
    for odd in ["size:-1", "size:x", "sighs:4080", "size:18446744073709551615"] {
        assert_eq!(described_bytes(&header.replace("size:4080", odd)), None, "{odd}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "\\PC*", cut in any::<prop::sample::Index>()) {
        let _ = (mounted(&text), described_bytes(&text));
        let header = crate::trace::writer::HEADER_PAGE;
        let cut = cut.index(header.len());
        let found = described_bytes(&header[..cut]);
        prop_assert!(found.is_none() || found == Some(4096));
        let texts = Texts {
            header_page: text.clone(),
            header_event: text.clone(),
            formats: vec![(text.clone(), "ras:mc_event".to_owned(), text)],
            missing: Vec::new(),
        };
        let known = Known::new(texts);
        prop_assert!(known.listening.is_empty());
        prop_assert!(known.not_understood.is_some());
    }
}
