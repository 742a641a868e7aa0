//! The generated host: a directory of files as the kernel would show them. This is all that a story
//! changes; what comes of it the agent finds out by itself.
//!
//! A file is written beside the tree and put in its place in one step, so that whoever reads meanwhile
//! (`scrubjay status --root`) sees the old one or the new one.

use super::clock::{self, Clock};
use super::draws::Draws;
use super::memory::{Corrected, File, Memory};
use anyhow::Context;
use scrubjay_collector::{Node, Tree};
use scrubjay_model::Simulated;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// The host, but for what changes.
const SERVER: &str = include_str!("server.tree");

/// The kernel of that tree.
pub(super) const KERNEL: Release = Release { version: "6.12.57", made: "2025-11-05" };

/// Records that the kernel's log holds.
const LOG_RECORDS: usize = 512;

const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";

/// A kernel as Debian packages it. All have versions and days of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) version: &'static str,
    /// The day that its banner names.
    pub(super) made: &'static str,
}

impl Release {
    /// As `uname -r` has it.
    pub(super) fn uname(self) -> String {
        format!("{}+deb13-amd64", self.version)
    }

    fn banner(self) -> String {
        format!("#1 SMP PREEMPT_DYNAMIC Debian {}-1 ({})", self.version, self.made)
    }
}

/// The host.
#[derive(Debug)]
pub(super) struct Machine {
    root: PathBuf,
    staging: PathBuf,
    made: Simulated,
    /// Every file, as it is to be.
    files: BTreeMap<String, Vec<u8>>,
    /// Directories that stay when they are empty.
    directories: BTreeSet<PathBuf>,
    /// Those to be written or removed.
    dirty: BTreeSet<String>,
    pub(super) clock: Clock,
    pub(super) memory: Memory,
    /// Whether the kernel has a driver that shows the memory.
    driver: bool,
    running: Release,
    log: VecDeque<String>,
    next_record: u64,
    boot_ids: Draws,
}

impl Machine {
    /// Makes the host in a directory, which is made too. `staging` is on the same file system.
    pub(super) fn new(
        root: &Path,
        staging: &Path,
        made: &Simulated,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let tree = Tree::parse(SERVER).context("the tree of the demo (a defect, please report)")?;
        for dir in [root, staging] {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        let mut machine = Self {
            root: root.to_owned(),
            staging: staging.join("next"),
            made: made.clone(),
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            dirty: BTreeSet::new(),
            clock: Clock::at_begin(),
            memory: Memory::new(seed),
            driver: true,
            running: KERNEL,
            log: VecDeque::new(),
            next_record: 0,
            boot_ids: Draws::new(seed ^ 0xb007),
        };
        for (path, node) in tree.nodes() {
            match node {
                Node::File(bytes) => machine.put(path, bytes.clone()),
                Node::Dir => machine.directory(path)?,
                // None is in the tree, and a directory has no place for it.
                Node::Fails(_) => {}
            }
        }
        let files = [machine.memory.shown(), machine.memory.listed()].concat();
        machine.put_all(files);
        machine.boot();
        Ok(machine)
    }

    /// Makes an empty directory.
    pub(super) fn directory(&mut self, path: &str) -> anyhow::Result<()> {
        let dir = self.root.join(path);
        fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        self.directories.insert(dir);
        Ok(())
    }

    /// Puts a file in its place, with the next flush.
    pub(super) fn put(&mut self, path: &str, content: impl Into<Vec<u8>>) {
        let content = content.into();
        if self.files.get(path) != Some(&content) {
            self.files.insert(path.to_owned(), content);
            self.dirty.insert(path.to_owned());
        }
    }

    /// A line of text.
    pub(super) fn line(&mut self, path: &str, text: &str) {
        self.put(path, format!("{text}\n"));
    }

    fn put_all(&mut self, files: Vec<File>) {
        for (path, content) in files {
            self.put(&path, content);
        }
    }

    /// Takes away a file, or all below a directory.
    pub(super) fn remove(&mut self, path: &str) {
        let below = format!("{path}/");
        let gone = self.files.keys().filter(|file| *file == path || file.starts_with(&below));
        let gone: Vec<String> = gone.cloned().collect();
        for file in gone {
            self.files.remove(&file);
            self.dirty.insert(file);
        }
    }

    /// What is in a file; empty if there is none.
    pub(super) fn text(&self, path: &str) -> String {
        self.files.get(path).map_or_else(String::new, |b| String::from_utf8_lossy(b).into_owned())
    }

    /// The kernel writes into its log.
    pub(super) fn say(&mut self, priority: u8, text: &str) {
        let at = self.clock.since_boot().as_micros();
        self.log.push_back(format!("{priority},{},{at},-;{text}\n", self.next_record));
        self.next_record = self.next_record.saturating_add(1);
        if self.log.len() > LOG_RECORDS {
            self.log.pop_front();
        }
        let log: String = self.log.iter().map(String::as_str).collect();
        self.put("dev/kmsg", log);
    }

    /// The memory controller corrects errors.
    pub(super) fn correct(&mut self, errors: &Corrected) {
        let (files, line) = self.memory.correct(errors);
        self.put_all(files);
        self.say(4, &line);
    }

    /// The kernel has no driver for the memory controllers: nothing counts.
    pub(super) fn without_driver(&mut self) {
        self.driver = false;
        for controller in ["mc0", "mc1"] {
            self.remove(&format!("sys/devices/system/edac/mc/{controller}"));
        }
        let modules = self.text("proc/modules");
        let left = modules.lines().filter(|line| !line.starts_with("skx_edac"));
        let left: String = left.map(|line| format!("{line}\n")).collect();
        self.put("proc/modules", left.replace("skx_edac_common, ", ""));
    }

    /// Boots the kernel that is to be booted next.
    pub(super) fn reboot_into(&mut self, release: Release) {
        self.running = release;
        self.clock.boot();
        self.memory.zero();
        if self.driver {
            self.put_all(self.memory.counters());
        }
        self.boot();
    }

    /// What a boot leaves behind.
    fn boot(&mut self) {
        self.log.clear();
        self.next_record = 0;
        let (high, low) = (self.boot_ids.bits(), self.boot_ids.bits());
        // A UUID of version 4, as the kernel draws them.
        let id = format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            (low >> 48) & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        );
        self.line(BOOT_ID, &id);
        let release = self.running;
        self.line("proc/sys/kernel/osrelease", &release.uname());
        self.line("proc/sys/kernel/version", &release.banner());
        let version = format!(
            "Linux version {} (debian-kernel@example.org) (x86_64-linux-gnu-gcc-14 (Debian 14.2.0-19) \
             14.2.0, GNU ld (GNU Binutils for Debian) 2.44) {}",
            release.uname(),
            release.banner()
        );
        self.line("proc/version", &version);
        let image = format!("/vmlinuz-{} root=/dev/mapper/vg0-root ro quiet", release.uname());
        self.line("proc/cmdline", &format!("BOOT_IMAGE={image} crashkernel=512M"));
        let booted_s = self.clock.booted_ms.div_euclid(1_000);
        self.put(
            "proc/stat",
            format!(
                "cpu  3357 0 4313 1362393 105 0 27 0 0 0\ncpu0 3357 0 4313 1362393 105 0 27 0 0 0\n\
                 intr 114930548 0\nctxt 1990473\nbtime {booted_s}\nprocesses 2915\nprocs_running 1\n\
                 procs_blocked 0\n"
            ),
        );
        self.say(5, &format!("Linux version {} {}", release.uname(), release.banner()));
        if self.driver {
            for controller in 0..2 {
                let told = format!(
                    "EDAC MC{controller}: Giving out device to module skx_edac controller Skylake \
                     Socket#{controller} IMC#0: DEV 0000:{controller:02}:0a.0 (INTERRUPT)"
                );
                self.say(6, &told);
            }
        }
    }

    /// Installs a kernel beside the one that runs: its package, its image, its folder of modules, and
    /// the boot loader's menu, which starts it next.
    pub(super) fn install(&mut self, release: Release, released_ms: i64, cves: &[String]) {
        let at = self.clock.wall_ms;
        let stanza = format!(
            "Package: linux-image-{uname}\nStatus: install ok installed\nArchitecture: amd64\n\
             Source: linux-signed-amd64 ({version}+1)\nVersion: {version}-1\n\n",
            uname = release.uname(),
            version = release.version
        );
        let status = self.text("var/lib/dpkg/status");
        self.put("var/lib/dpkg/status", status + &stanza);
        let entry = format!(
            "{} status installed linux-image-{}:amd64 {}-1\n",
            clock::log(at),
            release.uname(),
            release.version
        );
        let log = self.text("var/log/dpkg.log");
        self.put("var/log/dpkg.log", log + &entry);
        let older = self.newest_changelog();
        let fixes: String = cves.iter().map(|cve| format!("    - a fix ({cve})\n")).collect();
        let changelog = format!(
            "linux-signed-amd64 ({version}+1) trixie-security; urgency=high\n\n  * Sign kernel from \
             linux {version}-1\n\n  * New upstream stable update:\n{fixes}\n -- A Maintainer \
             <a@example.org>  {}\n\n{older}",
            clock::mail(released_ms),
            version = release.version
        );
        self.put(&changelog_of(release), changelog);
        let menu = self.text("boot/grub/grub.cfg");
        let line = menu.lines().find_map(|line| line.split_once("/vmlinuz-"));
        let before = line.and_then(|(_, rest)| rest.split_once(' ')).map(|(uname, _)| uname);
        let menu = before.map(|uname| menu.replace(uname, &release.uname()));
        self.put("boot/grub/grub.cfg", menu.unwrap_or_default());
        let image = self.files.get(&format!("boot/vmlinuz-{}", KERNEL.uname()));
        let image = image.cloned().unwrap_or_default();
        let image = replaced(&image, KERNEL.version, release.version);
        let image = replaced(&image, KERNEL.made, release.made);
        self.put(&format!("boot/vmlinuz-{}", release.uname()), image);
        self.put(&format!("lib/modules/{}/modules.order", release.uname()), Vec::new());
    }

    fn newest_changelog(&self) -> String {
        let logs = self.files.keys().filter(|path| path.ends_with("/changelog.gz"));
        let longest = logs.map(|path| self.text(path)).max_by_key(String::len);
        longest.unwrap_or_default()
    }

    /// Turns the clock and writes what has changed.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        let since_boot = self.clock.since_boot();
        let seconds = since_boot.as_secs_f64();
        self.line("proc/uptime", &format!("{seconds:.2} {:.2}", seconds * 31.4));
        if self.driver {
            // The driver is loaded half a minute after the boot.
            self.put_all(Memory::ages(since_boot.as_secs().saturating_sub(33)));
        }
        let nanoseconds = since_boot.as_nanos();
        let facts = format!(
            "simulated {}\nrealtime_ms {}\nboottime_ns {nanoseconds}\nmonotonic_ns {nanoseconds}\n\
             uname_release {}\nuname_version {}\nuname_machine x86_64\npage_size_bytes 4096\n",
            self.made,
            self.clock.wall_ms,
            self.running.uname(),
            self.running.banner()
        );
        for path in std::mem::take(&mut self.dirty) {
            self.write(&path)?;
        }
        // Last: by then all that belongs to this moment is there.
        self.put(".scrubjay/facts", facts);
        self.dirty.clear();
        self.write(".scrubjay/facts")
    }

    fn write(&self, path: &str) -> anyhow::Result<()> {
        let place = self.root.join(path);
        let write = || match self.files.get(path) {
            Some(content) => {
                if let Some(parent) = place.parent() {
                    fs::create_dir_all(parent)?;
                }
                self.stage(content)?;
                fs::rename(&self.staging, &place)
            }
            None => {
                match fs::remove_file(&place) {
                    // One that was never written is gone already.
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(error);
                    }
                    Ok(()) | Err(_) => {}
                }
                // What was made for it goes with it, up to what holds something else.
                let mut parent = place.parent();
                while let Some(dir) = parent.filter(|dir| *dir != self.root) {
                    if self.directories.contains(dir) || fs::remove_dir(dir).is_err() {
                        break;
                    }
                    parent = dir.parent();
                }
                Ok(())
            }
        };
        write().with_context(|| format!("cannot write {} of the generated host", place.display()))
    }

    #[expect(clippy::disallowed_methods, reason = "the generated host is ours")]
    fn stage(&self, content: &[u8]) -> std::io::Result<()> {
        fs::write(&self.staging, content)
    }
}

fn changelog_of(release: Release) -> String {
    format!("usr/share/doc/linux-image-{}/changelog.gz", release.uname())
}

/// Bytes with a text in them replaced by another one of the same length.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0_usize;
    while let Some(window) = bytes.get_mut(at..at.saturating_add(from.len())) {
        if window == from.as_bytes() && from.len() == to.len() {
            window.copy_from_slice(to.as_bytes());
        }
        at += 1;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_collector::HostRoot;
    use scrubjay_model::Clocks;
    use std::sync::Arc;
    use std::time::Duration;

    fn machine(dir: &Path) -> Machine {
        let made = Simulated::of("cosmic", 1);
        Machine::new(&dir.join("host"), &dir.join("staging"), &made, 1).unwrap()
    }

    #[test]
    fn the_host_has_the_clock_of_the_story_and_says_what_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let mut machine = machine(dir.path());
        machine.clock.turn_to(Duration::from_secs(86_400));
        machine.flush().unwrap();
        let clocks = Clocks { realtime_ms: 1, boottime: None, monotonic: None };
        let host = HostRoot::open(&dir.path().join("host"), Arc::new(move || clocks)).unwrap();
        assert_eq!(host.clocks().realtime_ms, clock::BEGIN_MS + 86_400_000);
        assert_eq!(host.clocks().boottime, Some(Duration::from_secs(41 * 86_400)));
        assert_eq!(host.simulated(), Some(Simulated::of("cosmic", 1)));
    }

    #[test]
    fn what_is_taken_away_is_gone_with_the_folders_that_were_made_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut machine = machine(dir.path());
        machine.line("proc/77/task/77/patch_state", "0");
        machine.flush().unwrap();
        assert!(dir.path().join("host/proc/77/task/77").exists());
        machine.remove("proc/77");
        machine.flush().unwrap();
        assert!(!dir.path().join("host/proc/77").exists());
        assert!(dir.path().join("host/proc/stat").exists());
    }

    #[test]
    fn a_text_is_replaced_by_one_of_its_length_or_not_at_all() {
        assert_eq!(replaced(b"ab 6.12.57 6.12.57", "6.12.57", "6.12.63"), b"ab 6.12.63 6.12.63");
        assert_eq!(replaced(b"6.12.57", "6.12.57", "6.12.100"), b"6.12.57");
    }
}
