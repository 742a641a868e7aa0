//! Microcode as Debian ships it: every file parses, and we read of Intel's what `iucode_tool` reads.
//!
//! `tests/run` unpacks the packages `intel-microcode` and `amd64-microcode` below the build folder
//! and names that folder in `SCRUBJAY_MICROCODE`.

#![expect(
    clippy::disallowed_methods,
    reason = "reads unpacked packages and asks the peer about them, never the host"
)]

use scrubjay_collector::microcode::{amd_updates, intel_updates};
use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{Clocks, NextMicrocode, Snapshot, SourceId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

/// `lib/firmware` of the unpacked packages.
fn firmware() -> Option<PathBuf> {
    let Some(root) = std::env::var_os("SCRUBJAY_MICROCODE") else {
        println!("skipped: SCRUBJAY_MICROCODE names no folder with Debian's microcode packages");
        return None;
    };
    Some(Path::new(&root).join("lib/firmware"))
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

/// One processor of one blob, in the words of `iucode_tool`.
fn line(signature: u32, mask: u32, date: &str, revision: u32) -> String {
    format!("sig 0x{signature:08x}, pf_mask 0x{mask:02x}, {date}, rev 0x{revision:04x}")
}

#[test]
fn every_blob_of_intel_is_read_as_iucode_tool_reads_it() {
    let Some(folder) = firmware().map(|firmware| firmware.join("intel-ucode")) else { return };
    let mut ours = BTreeSet::new();
    let mut blobs = 0;
    let files = files(&folder);
    assert!(files.len() > 100, "{} files", files.len());
    for (path, bytes) in &files {
        let updates = intel_updates(bytes).unwrap_or_else(|why| panic!("{path:?}: {why:?}"));
        let named = path.file_stem().unwrap().to_str().unwrap();
        blobs += updates.len();
        for update in updates {
            let date = update.date.unwrap();
            let (signature, mask) = update.processors[0];
            let own = line(signature, mask, &date, update.revision);
            ours.insert(format!("{named}: {own}, size {}", update.size));
            for (signature, mask) in update.processors.iter().skip(1) {
                ours.insert(format!(
                    "{named}: {}",
                    line(*signature, *mask, &date, update.revision)
                ));
            }
        }
    }
    println!("{} files, {blobs} blobs, {} processors", files.len(), ours.len());

    let Ok(listed) = Command::new("iucode_tool").arg("-L").arg(&folder).output() else {
        println!("skipped: iucode_tool is missing (Debian package iucode-tool)");
        return;
    };
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let mut theirs = BTreeSet::new();
    let mut named = String::new();
    for text in String::from_utf8(listed.stdout).unwrap().lines() {
        if let Some((_, path)) =
            text.split_once("microcode bundle ").and_then(|_| text.split_once(": "))
        {
            named = Path::new(path).file_stem().unwrap().to_str().unwrap().to_owned();
        } else if let Some(at) = text.find("sig 0x") {
            theirs.insert(format!("{named}: {}", &text[at..]));
        }
    }
    let difference: Vec<&String> = ours.symmetric_difference(&theirs).collect();
    assert!(difference.is_empty(), "{difference:#?}");
}

#[test]
fn every_container_of_amd_is_read_to_its_end() {
    let Some(folder) = firmware().map(|firmware| firmware.join("amd-ucode")) else { return };
    let files = files(&folder);
    assert!(files.len() >= 5, "{} files", files.len());
    let mut patches = 0;
    for (path, bytes) in &files {
        let updates = amd_updates(bytes).unwrap_or_else(|why| panic!("{path:?}: {why:?}"));
        assert!(!updates.is_empty(), "{path:?}");
        for update in &updates {
            assert!(!update.processors.is_empty(), "{path:?}: {update:?}");
            // Early ones have no date of the calendar.
            let late = path.to_str().unwrap().contains("_fam");
            assert!(update.date.is_some() || !late, "{path:?}: {update:?}");
        }
        patches += updates.len();
    }
    println!("{} files, {patches} patches", files.len());
}

const CPUINFO: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\n\
                       stepping\t: 8\nflags\t\t: fpu\n\n";

#[test]
fn an_archive_that_iucode_tool_wrote_is_what_a_boot_loads() {
    let Some(folder) = firmware().map(|firmware| firmware.join("intel-ucode")) else { return };
    let root = tempfile::tempdir().unwrap();
    let put = |path: &str, bytes: &[u8]| {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    put("proc/cpuinfo", CPUINFO.as_bytes());
    put("proc/sys/kernel/osrelease", b"6.1.0-56-amd64\n");
    let cpu = "sys/devices/system/cpu/cpu0/microcode";
    put(&format!("{cpu}/version"), b"0x2b000001\n");
    put(&format!("{cpu}/processor_flags"), b"0x80\n");
    let updates = std::fs::read(folder.join("06-8f-08")).unwrap();
    put("lib/firmware/intel-ucode/06-8f-08", &updates);
    let image = root.path().join("boot/initrd.img-6.1.0-56-amd64");
    std::fs::create_dir(root.path().join("boot")).unwrap();
    // All updates there are, as the archive of an installation medium has them.
    let written =
        Command::new("iucode_tool").arg(&folder).arg("--write-earlyfw").arg(&image).output();
    let Ok(written) = written else {
        println!("skipped: iucode_tool is missing (Debian package iucode-tool)");
        return;
    };
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));

    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::open(root.path(), Arc::new(move || clocks)).unwrap();
    let disabled = SourceId::ALL.into_iter().filter(|id| *id != SourceId::Microcode).collect();
    let options = Options { deadline: Duration::from_secs(60), disabled };
    let snapshot = Collector::new(Arc::new(host), options).snapshot();
    let found = Snapshot::found(&snapshot.microcode).unwrap();
    let NextMicrocode::Loads(loaded) = found.at_next_boot() else { panic!("{found:#?}") };
    let in_image = loaded.update.value().unwrap().as_ref().unwrap();
    let on_disk = found.available.value().unwrap().as_ref().unwrap();
    assert_eq!(
        (in_image.revision, found.is_behind()),
        (on_disk.revision, Some(true)),
        "{} and {}",
        in_image.file,
        on_disk.file
    );
}
