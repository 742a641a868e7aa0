//! Lists of vulnerabilities as they are published, read through the whole collector.
//!
//! The lists are in the folder that `SCRUBJAY_CORPUS` names; without it the test finds nothing to
//! run on.

#![expect(clippy::disallowed_methods, reason = "lays published lists into a root of its own")]

use scrubjay_collector::{Collector, HostRoot, Options};
use scrubjay_model::{Clocks, CveId, CveListForm, Severity, Snapshot, SourceState};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn json_files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect()
}

#[test]
fn records_of_the_kernels_cna_and_of_osv_are_read() {
    let Some(corpus) = std::env::var_os("SCRUBJAY_CORPUS") else {
        println!("skipped: SCRUBJAY_CORPUS names no folder with published lists");
        return;
    };
    let folder = Path::new(&corpus).join("kernel-cve");
    let root = tempfile::tempdir().unwrap();
    let lists = root.path().join("etc/scrubjay/lists");
    std::fs::create_dir_all(&lists).unwrap();
    let mut names = BTreeSet::new();
    for path in json_files(&folder).into_iter().chain(json_files(&folder.join("osv"))) {
        let name = path.file_name().unwrap();
        std::fs::copy(&path, lists.join(name)).unwrap();
        names.extend(CveId::all_in(name.to_str().unwrap()));
    }
    assert!(names.len() >= 10, "{names:?}");

    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::open(root.path(), Arc::new(move || clocks)).unwrap();
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    let snapshot = Collector::new(Arc::new(host), options).snapshot();
    let state = snapshot.sources().into_iter().find(|s| s.source.as_str() == "cve_lists").unwrap();
    assert_eq!(state.state, SourceState::Ok, "{:?}", state.reason);
    let found = Snapshot::found(&snapshot.cve_lists).unwrap();
    let ranked: BTreeSet<CveId> = found.ranks.keys().copied().collect();
    println!("{} files, {} vulnerabilities", found.files.len(), ranked.len());
    assert_eq!(ranked, names, "each file is of one vulnerability, and its name says which");
    let forms: BTreeSet<CveListForm> =
        found.files.iter().map(|file| file.content.value().unwrap().form).collect();
    assert_eq!(forms, BTreeSet::from([CveListForm::CveRecord, CveListForm::Osv]));
    // Ubuntu's record has Ubuntu's word; the kernel's CNA ranks nothing, and neither do we for it.
    let rank = |cve: &str| *found.rank(CveId::parse(cve).unwrap()).unwrap();
    assert_eq!(rank("CVE-2025-38094").severity, Some(Severity::Medium));
    assert_eq!(rank("CVE-2024-53104").severity, None);
}
