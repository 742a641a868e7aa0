//! What breaks a history, by the means that break real ones: a killer's moments, a disk that fails.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Numbers that look random and can be had again (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// From `SCRUBJAY_FAULT_SEED`, or else drawn from what differs at each run; printed, so that a
    /// failure can be had again.
    pub(crate) fn of_this_run(test: &str) -> Self {
        let given = std::env::var("SCRUBJAY_FAULT_SEED").ok();
        let seed = given.and_then(|text| text.parse().ok()).unwrap_or_else(drawn);
        println!("{test}: to repeat it: SCRUBJAY_FAULT_SEED={seed}");
        Self(seed)
    }

    /// Others, for a second thread.
    pub(crate) fn other(&self, number: u64) -> Self {
        Self(self.0 ^ number.wrapping_mul(0xd134_2543_de82_ef95))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to one less than `below`.
    pub(crate) fn roll(&mut self, below: u64) -> u64 {
        self.next() % below.max(1)
    }
}

/// The kernel gives each process other random bytes in its map of hashes.
fn drawn() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one("seed")
}

/// The library that makes the disk fail (`faults/disk.c`), or why there is none.
pub(crate) fn failing_disk(home: &Path) -> Result<PathBuf, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/end_to_end/faults/disk.c");
    let library = home.join("disk.so");
    let made = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-o"])
        .arg(&library)
        .arg(source)
        .arg("-ldl")
        .output();
    match made {
        Ok(output) if output.status.success() => Ok(library),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => Err(format!("cc cannot be run: {error}")),
    }
}

/// A file system of its own, in memory, which is gone when this is dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// Of a size as mount(8) takes it; or why there is none.
    pub(crate) fn new(at: &Path, size: &str) -> Result<Self, String> {
        std::fs::create_dir_all(at).unwrap();
        let mut command = Command::new("mount");
        let command = command.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at);
        match command.output() {
            Ok(output) if output.status.success() => Ok(Self(at.to_owned())),
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                Err(format!("nothing can be mounted here: {}", why.trim()))
            }
            Err(error) => Err(format!("mount cannot be run: {error}")),
        }
    }

    /// With other options.
    pub(crate) fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        let mut command = Command::new("mount");
        let output = command.args(["-o", &options]).arg(&self.0).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: an agent that is still there after a failed test holds files open.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).output();
    }
}
