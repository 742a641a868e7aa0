//! Real directories: links, sockets, devices, and roots that are not ours.

use super::*;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;
use tempfile::TempDir;

const MISSING: Failure = Failure::Errno(2);

/// A root beside a file that must never be reached.
fn root() -> (TempDir, TempDir) {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret"), "secret").unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("sys/devices/dmi")).unwrap();
    std::fs::create_dir_all(dir.path().join("sys/class")).unwrap();
    std::fs::write(dir.path().join("sys/devices/dmi/vendor"), "x\n").unwrap();
    (dir, outside)
}

fn held(path: &Path) -> Directory {
    let fd = rustix::fs::openat(rustix::fs::CWD, path, LIST, Mode::empty()).unwrap();
    Directory::confined(fd)
}

/// Runs a check with the kernel's resolution, where it has one, and with ours.
fn both(path: &Path, check: impl Fn(&Directory)) {
    check(&held(path));
    check(&held(path).resolved(Resolution::ByHand));
}

#[test]
fn the_kernel_confines_where_it_can() {
    let (dir, _outside) = root();
    let held = held(dir.path());
    let offered =
        rustix::fs::openat2(&held.fd, ".", OFlags::PATH, Mode::empty(), ResolveFlags::IN_ROOT);
    let expected = if offered.is_ok() { Resolution::Confined } else { Resolution::ByHand };
    assert_eq!(held.resolution, expected);
}

fn link(target: &str, dir: &TempDir, name: &str) {
    symlink(target, dir.path().join(name)).unwrap();
}

#[test]
fn links_are_resolved_as_if_the_root_were_the_whole_system() {
    let (dir, _outside) = root();
    link("../devices/dmi", &dir, "sys/class/relative");
    link("/sys/devices/dmi", &dir, "sys/class/absolute");
    link("../../../../../../sys/devices/dmi", &dir, "sys/class/above");
    link("absolute/./", &dir, "sys/class/chained");
    link("/", &dir, "sys/class/root");
    link("..", &dir, "sys/class/up");
    both(dir.path(), |root| {
        for name in ["relative", "absolute", "above", "chained", "root/sys/devices/dmi"] {
            let path = format!("sys/class/{name}/vendor");
            assert_eq!(root.read(&path, 9), Ok(b"x\n".to_vec()), "{path}");
            assert_eq!(root.exists(&path), Ok(()), "{path}");
        }
        let names = |path| root.list(path, &|_| true).map(|entries| entries.len());
        assert_eq!(names("sys/class/up"), Ok(2));
        assert_eq!(names("sys/class/root"), Ok(1));
        assert_eq!(names("sys/class/relative"), Ok(1));
    });
}

#[test]
fn no_link_leads_out_of_the_root() {
    let (dir, outside) = root();
    let secret = outside.path().join("secret");
    let up = format!("../../../../../../../..{}", secret.display());
    link(secret.to_str().unwrap(), &dir, "absolute");
    link(&up, &dir, "up");
    link(outside.path().to_str().unwrap(), &dir, "directory");
    both(dir.path(), |root| {
        for path in ["absolute", "up", "directory/secret", "directory"] {
            assert_eq!(root.read(path, 9), Err(MISSING), "{path}");
            assert_eq!(root.exists(path), Err(MISSING), "{path}");
        }
        for path in ["/etc/hostname", "../etc/hostname", "a//b", "sys/../sys", "", "a\0"] {
            assert_eq!(root.read(path, 9), Err(Failure::Errno(22)), "{path}");
        }
    });
}

#[test]
fn links_in_a_circle_end() {
    let (dir, _outside) = root();
    link("b", &dir, "a");
    link("a", &dir, "b");
    both(dir.path(), |root| assert_eq!(root.read("a", 9), Err(Failure::Errno(40))));
}

#[test]
fn presence_and_kind_are_told_without_opening() {
    let (dir, _outside) = root();
    link("devices/dmi", &dir, "sys/directory");
    link("devices/dmi/vendor", &dir, "sys/file");
    link("nowhere", &dir, "sys/dangling");
    both(dir.path(), |root| {
        assert_eq!(root.exists("sys/devices"), Ok(()));
        assert_eq!(root.exists("sys/devices/dmi/vendor"), Ok(()));
        assert_eq!(root.exists("sys/dangling"), Err(MISSING));
        assert_eq!(root.exists("sys/devices/dmi/vendor/x"), Err(Failure::Errno(20)));
        let directories: Vec<String> = root
            .list("sys", &|name| name != "class")
            .unwrap()
            .into_iter()
            .filter(|entry| entry.is_dir)
            .map(|entry| entry.name)
            .collect();
        assert_eq!(directories, ["devices", "directory"]);
    });
}

#[test]
fn odd_files_are_neither_awaited_nor_believed() {
    let (dir, _outside) = root();
    let mode = Mode::from_raw_mode(0o600);
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, mode, 0).unwrap();
    let _listening = UnixListener::bind(dir.path().join("socket")).unwrap();
    both(dir.path(), |root| {
        for path in ["sys", "fifo", "socket"] {
            assert_eq!(root.read(path, 9), Err(Failure::NotAFile), "{path}");
            assert_eq!(root.head(path, 9), Err(Failure::NotAFile), "{path}");
        }
    });
}

#[test]
fn files_of_all_sizes_are_read_to_their_end_and_no_further_than_the_limit() {
    let (dir, _outside) = root();
    for size in [0, 1, 4_095, 4_096, 4_097, 8_192, 100_000, 1 << 20] {
        let content: Vec<u8> = b"0123456789".iter().copied().cycle().take(size).collect();
        std::fs::write(dir.path().join("file"), &content).unwrap();
        both(dir.path(), |root| {
            assert!(root.read("file", size).as_ref() == Ok(&content), "{size}");
            assert!(root.read("file", size + 1).as_ref() == Ok(&content), "{size}");
            if let Some(less) = size.checked_sub(1) {
                assert_eq!(root.read("file", less), Err(Failure::TooLong), "{size}");
            }
        });
    }
}

#[test]
fn reading_ends_at_the_limit() {
    let (dir, _outside) = root();
    std::fs::write(dir.path().join("long"), vec![b'1'; 10_000]).unwrap();
    both(dir.path(), |root| {
        assert_eq!(root.read("long", 10_000).map(|bytes| bytes.len()), Ok(10_000));
        assert_eq!(root.read("long", 9_999), Err(Failure::TooLong));
        assert_eq!(root.head("long", 9_999).map(|bytes| bytes.len()), Ok(9_999));
    });
}

#[test]
fn pieces_are_read_by_position_as_far_as_the_file_goes() {
    let (dir, _outside) = root();
    let long: Vec<u8> = (0..100_u8).collect();
    std::fs::write(dir.path().join("long"), &long).unwrap();
    let piece = |offset, length| Piece { offset, length };
    let asked = [piece(90, 4), piece(0, 2), piece(96, 9), piece(100, 8), piece(u64::MAX, 8)];
    let expected = [&long[90..94], &long[..2], &long[96..], &[], &[]];
    both(dir.path(), |root| {
        assert_eq!(root.pieces("long", &asked).unwrap(), expected);
        assert_eq!(root.pieces("none", &asked), Err(MISSING));
        assert_eq!(root.pieces("sys", &[]), Err(Failure::NotAFile));
    });
    let mut tree = crate::tree::Tree::new();
    tree.insert("long", crate::tree::Node::File(long.clone()));
    assert_eq!(super::super::captured::pieces(&tree, "long", &asked).unwrap(), expected);
    let missing = super::super::captured::pieces(&tree, "none", &asked);
    assert_eq!(missing, Err(MISSING));
}

#[test]
fn names_that_are_no_text_are_left_out() {
    let (dir, _outside) = root();
    std::fs::write(dir.path().join("sys/devices").join(OsStr::from_bytes(b"\xff")), "").unwrap();
    both(dir.path(), |root| {
        let names = root.list("sys/devices", &|_| true).unwrap();
        assert_eq!(names, [Entry { name: "dmi".to_owned(), is_dir: true }]);
        assert_eq!(root.list("sys/devices/dmi", &|_| false), Ok(Vec::new()));
        assert_eq!(root.list("sys/devices/dmi/vendor", &|_| true), Err(Failure::Errno(20)));
    });
}

#[test]
fn the_ends_of_a_file_are_joined_by_a_line_feed() {
    let (dir, _outside) = root();
    for (content, ends) in [
        ("", ""),
        ("0123456", "0123456"),
        ("01234567", "01234567"),
        ("012345678", "0123\n5678"),
        ("0123456789", "0123\n6789"),
        // What a capture holds of the one before reads the same again.
        ("0123\n6789", "0123\n6789"),
    ] {
        std::fs::write(dir.path().join("long"), content).unwrap();
        let read = |bytes: Result<Vec<u8>, Failure>| String::from_utf8(bytes.unwrap()).unwrap();
        both(dir.path(), |held| assert_eq!(read(held.ends("long", 4)), ends));
        let mut tree = crate::tree::Tree::new();
        tree.insert("long", crate::tree::Node::File(content.as_bytes().to_vec()));
        assert_eq!(read(crate::host::captured::ends(&tree, "long", 4)), ends);
    }
    both(dir.path(), |held| assert_eq!(held.ends("sys", 4), Err(Failure::NotAFile)));
}

#[test]
fn from_a_folder_that_is_open_the_same_is_read_as_from_the_root() {
    let (dir, outside) = root();
    std::fs::create_dir(dir.path().join("sys/devices/dmi/below")).unwrap();
    std::fs::write(dir.path().join("sys/devices/dmi/below/deep"), "deep\n").unwrap();
    let secret = outside.path().join("secret");
    link(secret.to_str().unwrap(), &dir, "sys/devices/dmi/absolute");
    link(&format!("../../../../../..{}", secret.display()), &dir, "sys/devices/dmi/up");
    link("/sys/devices/dmi/vendor", &dir, "sys/devices/dmi/inside");
    link("devices/dmi", &dir, "sys/linked");
    let mode = Mode::from_raw_mode(0o600);
    let fifo = dir.path().join("sys/devices/dmi/fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, mode, 0).unwrap();
    let _listening = UnixListener::bind(dir.path().join("sys/devices/dmi/socket")).unwrap();
    both(dir.path(), |root| {
        for folder in ["sys/devices/dmi", "sys/linked", "sys", "none", "sys/devices/dmi/vendor"] {
            let open = Folder::new(folder, Some(Folder::new("sys/devices", None)));
            for name in [
                "vendor",
                "none",
                "absolute",
                "up",
                "inside",
                "fifo",
                "socket",
                "below",
                "below/deep",
                "..",
                ".",
                "",
                "a\0",
            ] {
                let path = format!("{folder}/{name}");
                let near = root.read_near(&path, Some(&open), 9);
                assert_eq!(near, root.read(&path, 9), "{path}");
            }
        }
        let read = |name: &str| {
            let open = Folder::new("sys/devices/dmi", None);
            root.read_near(&format!("sys/devices/dmi/{name}"), Some(&open), 9)
        };
        assert_eq!(read("inside"), Ok(b"x\n".to_vec()));
        assert_eq!([read("absolute"), read("up")], [Err(MISSING), Err(MISSING)]);
        assert_eq!(
            [read("fifo"), read("socket")],
            [Err(Failure::NotAFile), Err(Failure::NotAFile)]
        );
    });
}

#[test]
fn a_folder_that_was_replaced_while_it_was_open_is_found_again() {
    let (dir, _outside) = root();
    both(dir.path(), |root| {
        let open = Folder::new("sys/devices/dmi", None);
        let read = || root.read_near("sys/devices/dmi/vendor", Some(&open), 9);
        assert_eq!(read(), Ok(b"x\n".to_vec()));
        let at = dir.path().join("sys/devices/dmi");
        std::fs::remove_dir_all(&at).unwrap();
        assert_eq!(read(), Err(MISSING));
        std::fs::create_dir(&at).unwrap();
        std::fs::write(at.join("vendor"), "x\n").unwrap();
        assert_eq!(read(), Ok(b"x\n".to_vec()));
    });
}

#[test]
fn files_are_read_whole_whatever_their_length() {
    let (dir, _outside) = root();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
        let bytes: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
        std::fs::write(dir.path().join("file"), &bytes).unwrap();
        both(dir.path(), |root| assert_eq!(root.read("file", length), Ok(bytes.clone())));
    }
}
