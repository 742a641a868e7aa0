//! What fuzz targets begin with: the fixtures, cut to the files that each parser reads, and what lies in
//! `tests/fuzz/seeds`, in text or in hexadecimal digits.
//!
//! ```text
//! cargo run -p scrubjay-tests --example fuzz_corpus -- FOLDER
//! ```
//!
//! Each target has a folder of its own in it. Nothing from outside the project is looked at.

#![expect(clippy::disallowed_methods, reason = "reads fixtures and writes a folder for fuzzers")]

use scrubjay_collector::{Node, Tree};
use scrubjay_tests::trees;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Longest input of a target, bytes: `tests/fuzz/run` says the same to libFuzzer.
const LONGEST: usize = 16 << 10;

/// Which files of a host which target takes, by the beginning of their path.
const FILES: [(&str, &[&str]); 14] = [
    ("sys/firmware/acpi/tables/data/BERT", &["bert", "cper"]),
    ("sys/fs/pstore/mce-", &["machine_check"]),
    ("sys/fs/pstore/dmesg-", &["crash_log"]),
    ("var/lib/systemd/pstore/", &["crash_log"]),
    ("var/lib/dpkg/", &["dpkg"]),
    ("var/log/dpkg.log", &["dpkg"]),
    ("usr/share/doc/", &["debian_changelog"]),
    ("proc/stat", &["proc_text"]),
    ("proc/uptime", &["proc_text"]),
    ("proc/self/mountinfo", &["proc_text"]),
    ("dev/kmsg", &["kernel_log"]),
    ("boot/grub/", &["boot_loader"]),
    ("etc/scrubjay/lists/", &["cve_list"]),
    ("etc/ras/dimm_labels.d/", &["dimm_labels"]),
];

/// Which files of the repository which target takes.
const FOLDERS: [(&str, &str, &[&str]); 12] = [
    ("tests/fixtures/hosts", ".tree", &["tree", "host_tree"]),
    ("tests/fixtures/kmsg", ".kmsg", &["kernel_log", "crash_log"]),
    ("tests/fixtures/fleet", ".json", &["api_answer"]),
    ("tests/fixtures/trace/6.1/formats", ".format", &["trace_format"]),
    ("tests/fixtures/trace/6.12/formats", ".format", &["trace_format"]),
    ("dist/etc/scrubjay", ".toml", &["config"]),
    ("dist/usr/lib/scrubjay/policies", ".toml", &["policy_file"]),
    ("dist/usr/lib/scrubjay/policies/tests", ".toml", &["policy_file"]),
    ("dist/usr/lib/scrubjay/patch-policies", ".toml", &["deadlines"]),
    ("docs/examples", ".toml", &["deadlines"]),
    ("src/bundle/testdata", ".sig", &["signature"]),
    ("src/bundle/testdata", "", &["private_key"]),
];

/// Fixtures that hold pages of the trace buffer.
const KERNELS: [&str; 2] = ["tests/fixtures/trace/6.1", "tests/fixtures/trace/6.12"];
const PAGE: usize = 4096;

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        return Err(io::Error::other("usage: fuzz_corpus FOLDER"));
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut corpus = Corpus { folder, numbers: BTreeMap::new() };
    for (path, ending, targets) in FOLDERS {
        for (name, bytes) in files(&root.join(path))? {
            if name.ends_with(ending) {
                corpus.put(targets, &bytes)?;
            }
        }
    }
    for (_, text) in trees::hosts() {
        let tree = Tree::parse(&text).map_err(io::Error::other)?;
        for (path, node) in tree.nodes() {
            let Node::File(bytes) = node else { continue };
            for (_, targets) in FILES.iter().filter(|(begins, _)| path.starts_with(begins)) {
                corpus.put(targets, bytes)?;
            }
        }
    }
    for kernel in KERNELS {
        for entry in fs::read_dir(root.join(kernel))? {
            for (name, bytes) in files(&entry?.path())? {
                if name.ends_with(".pages") {
                    for page in bytes.chunks(PAGE) {
                        corpus.put(&["trace_page"], page)?;
                    }
                }
            }
        }
    }
    for entry in fs::read_dir(root.join("tests/fuzz/seeds"))? {
        let entry = entry?;
        let target = entry.file_name().to_string_lossy().into_owned();
        for (name, bytes) in files(&entry.path())? {
            let bytes = if name.ends_with(".hex") { from_hex(&bytes)? } else { bytes };
            corpus.put(&[&target], &bytes)?;
        }
    }
    let inputs: u32 = corpus.numbers.values().sum();
    println!("{inputs} inputs for {} targets", corpus.numbers.len());
    Ok(())
}

/// A folder for each target, and how many inputs it has.
struct Corpus {
    folder: PathBuf,
    numbers: BTreeMap<String, u32>,
}

impl Corpus {
    /// Writes an input in pieces that are not too long: a part of a log is a log.
    fn put(&mut self, targets: &[&str], bytes: &[u8]) -> io::Result<()> {
        for target in targets {
            let folder = self.folder.join(target);
            fs::create_dir_all(&folder)?;
            for piece in bytes.chunks(LONGEST) {
                let number = self.numbers.entry((*target).to_owned()).or_insert(0);
                *number += 1;
                fs::write(folder.join(format!("seed-{number:04}")), piece)?;
            }
        }
        Ok(())
    }
}

/// Name and content of the files of a folder, in order; of nothing else that is there.
fn files(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.push((name, fs::read(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

/// Digits in pairs, in lines; what begins with `#` is for people.
fn from_hex(text: &[u8]) -> io::Result<Vec<u8>> {
    let text = String::from_utf8_lossy(text);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<char> = lines.flat_map(str::chars).filter(|c| !c.is_whitespace()).collect();
    let pair = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16);
    digits.chunks(2).map(pair).collect::<Result<_, _>>().map_err(io::Error::other)
}
