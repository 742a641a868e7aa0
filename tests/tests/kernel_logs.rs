//! Real kernel logs, where a collection of them is at hand: everything that looks like a record
//! scrubjay knows is understood. `SCRUBJAY_CORPUS` names the directory of the collection; its logs
//! are in `kernel-logs` there, and what is like them in `mcelog` and `dmidecode`.

#![expect(clippy::disallowed_methods, reason = "reads files of a collection, not of a host")]

use scrubjay_collector::{Record, log_facts, log_reports};
use scrubjay_model::{LogFact, LogFamily};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn kind(fact: &LogFact) -> &'static str {
    match fact {
        LogFact::Livepatch(_) => "livepatch",
        LogFact::Edac(_) => "edac error",
        LogFact::EdacController { .. } => "edac controller",
        LogFact::EccDisabled { .. } => "ecc disabled",
        LogFact::Firmware(_) => "firmware",
        LogFact::MemoryFailure(_) => "memory failure",
        LogFact::MachineCheck(_) => "machine check",
        LogFact::MachineChecksLogged => "machine checks logged",
        LogFact::CmciStorm { .. } => "cmci storm",
        LogFact::CecInitialized | LogFact::CecSoftOffline { .. } => "cec",
        LogFact::Apei { .. } => "apei",
        LogFact::Panic { .. } => "panic",
        LogFact::NotUnderstood { .. } => "not understood",
    }
}

/// Lines quoted in letters, which mail programs have broken in two.
const BROKEN: usize = 8;

/// What became of the lines of some logs.
#[derive(Default)]
struct Understood {
    seen: BTreeMap<&'static str, usize>,
    /// File, family and line.
    unknown: Vec<(String, &'static str, String)>,
}

impl Understood {
    fn read(&mut self, file: &Path) {
        let bytes = std::fs::read(file).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let records: Vec<Record> = text
            .lines()
            .map(|line| {
                Record::from_kmsg(line.as_bytes()).unwrap_or_else(|| Record::from_text(line))
            })
            .collect();
        let entries = log_facts(&records);
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in &entries {
            *counts.entry(kind(&entry.fact)).or_default() += 1;
            *self.seen.entry(kind(&entry.fact)).or_default() += 1;
            if let LogFact::NotUnderstood { family, text } = &entry.fact {
                self.unknown.push((name.clone(), LogFamily::as_str(*family), text.clone()));
            }
        }
        let reports = log_reports(&entries, 4096, Duration::ZERO).len();
        println!("{name}: {counts:?}, {reports} reports");
    }

    fn tell(&self) {
        for (name, family, text) in &self.unknown {
            println!("not understood: {name}: {family}: {text}");
        }
        println!("{:?}", self.seen);
    }
}

/// All files below a folder of the collection, if there is one.
fn files(folder: &str) -> Option<Vec<PathBuf>> {
    fn below(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { below(&path, files) } else { files.push(path) }
        }
    }
    let Some(corpus) = std::env::var_os("SCRUBJAY_CORPUS") else {
        println!("skipped: SCRUBJAY_CORPUS is not set");
        return None;
    };
    let mut files = Vec::new();
    below(&Path::new(&corpus).join(folder), &mut files);
    files.sort();
    assert!(!files.is_empty());
    Some(files)
}

#[test]
fn real_logs_are_understood() {
    let Some(files) = files("kernel-logs") else { return };
    let mut understood = Understood::default();
    files.iter().for_each(|file| understood.read(file));
    understood.tell();
    let unknown = understood.unknown.len();
    assert!(unknown <= BROKEN, "{unknown} lines were not understood");
}

/// Inputs and outputs of mcelog, and texts of dmidecode: no kernel logs, though some quote one.
#[test]
fn what_other_programs_read_and_wrote_is_read_without_harm() {
    for folder in ["mcelog", "dmidecode"] {
        let Some(files) = files(folder) else { return };
        let mut understood = Understood::default();
        files.iter().for_each(|file| understood.read(file));
        understood.tell();
        println!("{folder}: {} files", files.len());
    }
}
