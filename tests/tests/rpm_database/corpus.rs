//! Databases and changelogs of real hosts. They are not part of this repository: `SCRUBJAY_CORPUS`
//! names the folder that holds them, and without it nothing is compared.

use super::{is_kernel, open};
use scrubjay_collector::packages::rpm::rpm_packages;
use scrubjay_collector::packages::sqlite::sqlite_table;
use scrubjay_model::{CveId, Reading};
use std::path::PathBuf;
use std::process::Command;

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from);
    if named.is_none() {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
    }
    named.map(|root| root.join("packages"))
}

fn inflated(path: &std::path::Path) -> Vec<u8> {
    let output = Command::new("gzip").arg("-dc").arg(path).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn the_database_of_a_container_has_no_kernel() {
    let Some(root) = corpus() else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("var/lib/rpm");
    std::fs::create_dir_all(&place).unwrap();
    let bytes = inflated(&root.join("rpmdb/cbl-mariner-2.0_rpmdb.sqlite.gz"));
    std::fs::write(place.join("rpmdb.sqlite"), bytes).unwrap();
    let host = open(folder.path());
    let kernels = rpm_packages(&host, &is_kernel).into_result().unwrap();
    assert_eq!((kernels.total, kernels.packages.len(), kernels.faults.len()), (129, 0, 0));
    let all = rpm_packages(&host, &|_| true).into_result().unwrap();
    assert_eq!((all.packages.len(), all.faults.as_slice()), (129, &[][..]));
    let linux = all.packages.iter().find(|found| found.package.name == "util-linux").unwrap();
    println!("129 packages, among them util-linux {}", linux.package.version);
    assert!(all.packages.iter().all(|found| found.package.installed_unix_s.value().is_some()));
    assert!(all.packages.iter().all(|found| found.images.is_empty()));
}

#[test]
fn histories_of_dnf_are_read() {
    let Some(root) = corpus() else { return };
    let host = open(&root.join("dnf"));
    for (path, table) in [
        ("dnf5_transaction_history.sqlite", "trans"),
        ("rhel_custom-dnf-history.sqlite", "trans_item"),
        ("rhel_custom-dnf-history.sqlite", "rpm"),
    ] {
        let read = sqlite_table(&host, path, table).into_result().unwrap();
        println!("{path}: {} rows of {table}, {:?}", read.rows.len(), read.columns);
        assert!(read.rows.iter().all(|row| row.len() == read.columns.len()));
        assert!(!read.rows.is_empty());
        if let Some(begin) = read.columns.iter().position(|name| name == "dt_begin") {
            assert!(read.rows.iter().all(|row| row[begin].integer().is_some_and(|t| t > 1 << 30)));
        }
    }
    assert!(matches!(sqlite_table(&host, "none", "trans"), Reading::Absent(_)));
}

/// The changelog of a kernel as its maintainers wrote it, built into a package and read back.
#[test]
fn changelogs_of_kernels_are_understood() {
    let Some(root) = corpus() else { return };
    for name in ["gl6.0", "gl6.1"] {
        let path = root.join(format!("rpm-changelog/gooselinux_{name}_kernel-2.6.32.changelog.gz"));
        let text = String::from_utf8_lossy(&inflated(&path)).into_owned();
        let headings = text.lines().filter(|line| line.starts_with("* ")).count();
        let Some(found) = super::built_with(&text) else { return };
        let log = found.packages[0].package.changelog.value().unwrap().clone();
        println!(
            "{name}: {headings} entries, {} understood, {} not, {} CVEs",
            log.entries.len(),
            log.unversioned.len(),
            log.cves().len()
        );
        assert_eq!(log.entries.len() + log.unversioned.len(), headings);
        assert!(log.unversioned.len() * 20 < headings, "{:?}", log.unversioned);
        assert_eq!(log.cves(), CveId::all_in(&text));
        assert!(log.cves().len() > 20);
    }
}
