//! Real kernel logs, where a collection of them is at hand: everything that looks like a record
//! scrubjay knows is understood. `SCRUBJAY_CORPUS` names the directory of the collection; its logs
//! are in `kernel-logs` there.

#![expect(clippy::disallowed_methods, reason = "reads files of a collection, not of a host")]

use scrubjay_collector::{Record, log_facts, log_reports};
use scrubjay_model::{LogFact, LogFamily};
use std::collections::BTreeMap;
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

#[test]
fn real_logs_are_understood() {
    let Some(corpus) = std::env::var_os("SCRUBJAY_CORPUS") else {
        println!("skipped: SCRUBJAY_CORPUS is not set");
        return;
    };
    let directory = std::path::Path::new(&corpus).join("kernel-logs");
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut unknown = Vec::new();
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        let bytes = std::fs::read(&file).unwrap();
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
            *seen.entry(kind(&entry.fact)).or_default() += 1;
            if let LogFact::NotUnderstood { family, text } = &entry.fact {
                unknown.push((name.clone(), *family, text.clone()));
            }
        }
        let reports = log_reports(&entries, 4096, Duration::ZERO).len();
        println!("{name}: {counts:?}, {reports} reports");
    }
    for (name, family, text) in &unknown {
        println!("not understood: {name}: {}: {text}", LogFamily::as_str(*family));
    }
    println!("{seen:?}");
    assert!(unknown.len() <= BROKEN, "{} lines were not understood", unknown.len());
}
