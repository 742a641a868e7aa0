//! Host trees as text: writing them, and finding those in `fixtures/`.
//!
//! A tree is one text file that stands for a host's `/`, so that empty directories survive version
//! control and a review shows a diff. The reader belongs to the collector; what is written here is:
//!
//! ```text
//! //! scrubjay host tree 1
//! //- proc/uptime
//! 350735.47 234388.90
//! //- noeol sys/devices/system/edac/mc/mc0/dimm0/dimm_label
//! //- dir sys/devices/system/edac/mc/power
//! //- errno=ENODEV sys/devices/system/edac/mc/mc0/sdram_scrub_rate
//! //- hex sys/firmware/acpi/tables/BERT
//! 42455254300000000100
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The first line of every tree.
pub const HEADER: &str = "//! scrubjay host tree 1";

/// Where a tree keeps what no file of the host tells.
pub const FACTS: &str = ".scrubjay/facts";

/// What begins the line that names an entry.
const MARK: &str = "//- ";

/// Content bytes on one line of a `hex` entry.
const HEX_LINE_BYTES: usize = 32;

/// A host tree being put together. Entries come out in the order of their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeBuilder {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Entry {
    File(Vec<u8>),
    Directory,
    Errno(String),
}

/// What a reader of the running host learns from system calls rather than files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `CLOCK_REALTIME`, milliseconds since the Unix epoch.
    pub realtime_ms: i64,
    /// `CLOCK_BOOTTIME`.
    pub boottime: Duration,
    /// `CLOCK_MONOTONIC`.
    pub monotonic: Duration,
    /// `uname -r`.
    pub uname_release: String,
    /// `uname -v`.
    pub uname_version: String,
    /// `uname -m`.
    pub uname_machine: String,
}

impl TreeBuilder {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file with exactly this content.
    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.entries.insert(checked(path), Entry::File(content.as_ref().to_vec()));
        self
    }

    /// An existing directory. Only needed for one without entries.
    pub fn dir(mut self, path: &str) -> Self {
        self.entries.insert(checked(path), Entry::Directory);
        self
    }

    /// A file that exists and whose reading fails, for example with `ENODEV`.
    pub fn errno(mut self, path: &str, name: &str) -> Self {
        self.entries.insert(checked(path), Entry::Errno(name.to_owned()));
        self
    }

    /// The facts of the host.
    pub fn facts(self, facts: &Facts) -> Self {
        self.file(FACTS, facts.to_text())
    }

    /// Everything of `other` as well; where both have a path, `other` wins.
    pub fn and(mut self, other: Self) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// The tree without `path` and what is below it.
    pub fn without(mut self, path: &str) -> Self {
        let below = format!("{path}/");
        self.entries.retain(|entry, _| entry != path && !entry.starts_with(&below));
        self
    }

    /// The tree as text.
    pub fn to_text(&self) -> String {
        format!("{HEADER}\n{}", self.sections())
    }

    /// The tree's entries as text without the header, to be appended to another tree's text.
    pub fn sections(&self) -> String {
        let mut out = String::new();
        for (path, entry) in &self.entries {
            match entry {
                Entry::Directory => out.push_str(&format!("{MARK}dir {path}\n")),
                Entry::Errno(name) => out.push_str(&format!("{MARK}errno={name} {path}\n")),
                Entry::File(content) => write_file(&mut out, path, content),
            }
        }
        out
    }
}

impl Facts {
    fn to_text(&self) -> String {
        let Self { realtime_ms, boottime, monotonic, uname_release, uname_version, uname_machine } =
            self;
        format!(
            "realtime_ms {realtime_ms}\nboottime_ns {}\nmonotonic_ns {}\n\
             uname_release {uname_release}\nuname_version {uname_version}\n\
             uname_machine {uname_machine}\n",
            boottime.as_nanos(),
            monotonic.as_nanos(),
        )
    }
}

/// The directory of the host trees.
pub fn hosts_dir() -> PathBuf {
    fixtures().join("hosts")
}

/// The directory of the timelines.
pub fn timelines_dir() -> PathBuf {
    fixtures().join("timelines")
}

/// The host tree `fixtures/hosts/<name>.tree`.
///
/// # Panics
/// When there is none.
pub fn host(name: &str) -> String {
    read(&hosts_dir().join(format!("{name}.tree")))
}

/// All host trees with their names, in alphabetical order.
pub fn hosts() -> Vec<(String, String)> {
    names_in(&hosts_dir())
        .into_iter()
        .filter_map(|file| Some(file.strip_suffix(".tree")?.to_owned()))
        .map(|name| {
            let text = host(&name);
            (name, text)
        })
        .collect()
}

/// The `hostile` host with one more attribute, of one mebibyte, where a controller's name belongs.
/// It is made here because nobody wants to review it as a file.
pub fn hostile_with_a_mebibyte() -> String {
    let flood = vec![b'A'; 1 << 20];
    let more = TreeBuilder::new().file("sys/devices/system/edac/mc/mc9/mc_name", flood);
    host("hostile") + &more.sections()
}

/// The moments of `fixtures/timelines/<name>`, earliest first.
///
/// # Panics
/// When there are none.
pub fn timeline(name: &str) -> Vec<String> {
    let directory = timelines_dir().join(name);
    let moments: Vec<String> = (0..)
        .map(|moment| directory.join(format!("t{moment}.tree")))
        .take_while(|path| path.exists())
        .map(|path| read(&path))
        .collect();
    assert!(!moments.is_empty(), "no timeline in {}", directory.display());
    moments
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn checked(path: &str) -> String {
    let plain = !path.is_empty()
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
        && !path.contains('\n');
    assert!(plain, "a tree's paths are relative and name one place: {path:?}");
    path.to_owned()
}

fn write_file(out: &mut String, path: &str, content: &[u8]) {
    let text = std::str::from_utf8(content).ok().filter(|text| is_plain(text));
    match text {
        Some(text) if text.ends_with('\n') => out.push_str(&format!("{MARK}{path}\n{text}")),
        Some("") => out.push_str(&format!("{MARK}noeol {path}\n")),
        Some(text) => out.push_str(&format!("{MARK}noeol {path}\n{text}\n")),
        None => {
            out.push_str(&format!("{MARK}hex {path}\n"));
            for line in content.chunks(HEX_LINE_BYTES) {
                for byte in line {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "{byte:02x}");
                }
                out.push('\n');
            }
        }
    }
}

/// Whether the text means the same after a journey through an editor and a line-wise reader.
fn is_plain(text: &str) -> bool {
    let printable = |c: char| c == '\n' || c == '\t' || !c.is_control();
    text.chars().all(printable) && !text.lines().any(|line| line.starts_with("//-"))
}

#[expect(clippy::disallowed_methods, reason = "reads our own fixtures, never kernel files")]
pub(crate) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "lists our own fixtures, never kernel files")]
pub(crate) fn names_in(directory: &Path) -> Vec<String> {
    let entries =
        std::fs::read_dir(directory).unwrap_or_else(|e| panic!("{}: {e}", directory.display()));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap_or_else(|e| panic!("{}: {e}", directory.display())))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_says_which_files_lack_a_final_newline() {
        let tree = TreeBuilder::new()
            .file("proc/uptime", "1.00 2.00\n")
            .file("run/reboot-required", "")
            .file("a/blank", "\n")
            .file("a/cut", "no newline")
            .dir("sys/devices/system/edac/mc/power")
            .errno("sys/devices/system/edac/mc/mc0/sdram_scrub_rate", "ENODEV");
        let expect = "//! scrubjay host tree 1\n\
                      //- a/blank\n\n\
                      //- noeol a/cut\nno newline\n\
                      //- proc/uptime\n1.00 2.00\n\
                      //- noeol run/reboot-required\n\
                      //- errno=ENODEV sys/devices/system/edac/mc/mc0/sdram_scrub_rate\n\
                      //- dir sys/devices/system/edac/mc/power\n";
        assert_eq!(tree.to_text(), expect);
    }

    #[test]
    fn content_that_text_would_change_is_written_as_digits() {
        for (content, digits) in [
            (&b"\xff\xfe"[..], "fffe"),
            (b"a\r\n", "610d0a"),
            (b"//- proc/uptime\n", "2f2f2d2070726f632f757074696d650a"),
            (b"\0", "00"),
        ] {
            let text = TreeBuilder::new().file("x", content).sections();
            assert_eq!(text, format!("//- hex x\n{digits}\n"));
        }
    }

    #[test]
    fn a_later_tree_wins_and_a_subtree_can_be_taken_away() {
        let tree = TreeBuilder::new().file("a/b", "1\n").file("a/b2", "1\n").file("c", "1\n");
        let tree = tree.and(TreeBuilder::new().file("c", "2\n")).without("a/b");
        assert_eq!(tree.sections(), "//- a/b2\n1\n//- c\n2\n");
    }

    #[test]
    #[should_panic(expected = "relative")]
    fn a_path_cannot_leave_the_tree() {
        let _ = TreeBuilder::new().dir("../etc");
    }
}
