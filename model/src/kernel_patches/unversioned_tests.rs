//! What is owed where changelogs name no versions, as SUSE's do not.

use super::tests::{host, image, installed, rpm, starts};
use super::*;
use crate::{
    Changelog, CveId, Fix, FixState, KernelPackage, PackageManager, Snapshot, UnversionedEntry,
};

const RUNNING: &str = "5.14.21-150500.55.65-default";
const BETWEEN: &str = "5.14.21-150500.55.68-default";
const NEWEST: &str = "5.14.21-150500.55.73-default";

/// Entries of a changelog, newest first, each on a day and with what it names.
type Days<'a> = &'a [(i64, &'a str)];

fn kernel(release: &str, days: Option<Days<'_>>) -> KernelPackage {
    let version = format!("{}.1", release.strip_suffix("-default").unwrap());
    let mut kernel = rpm(&version, release, "kernel-default");
    if let Some(days) = days {
        let entry = |(at, (day, text)): (usize, &(i64, &str))| UnversionedEntry {
            at,
            released_unix_s: Some(day * 86_400),
            cves: CveId::all_in(text),
        };
        let unversioned = (1..).zip(days).map(entry).collect();
        let changelog = Changelog { entries: Vec::new(), unversioned };
        kernel.package.changelog = Reading::Value(changelog.into());
    }
    kernel
}

/// SUSE's releases do not tell the build: the image on disk does.
const BUILD: &str = "#1 SMP PREEMPT_DYNAMIC Fri May 24 06:17:19 UTC 2024 (0a1b2c3)";

fn host_with(kernels: Vec<KernelPackage>) -> Snapshot {
    let mut snapshot = host(RUNNING, BUILD);
    installed(&mut snapshot, PackageManager::Rpm, kernels);
    starts(&mut snapshot, vec![image(RUNNING, Some(BUILD))], 0);
    snapshot
}

fn debt(kernels: Vec<KernelPackage>) -> KernelDebt {
    let snapshot = host_with(kernels);
    snapshot.kernel_debt(&snapshot.kernel_state()).value().unwrap().clone()
}

/// Each fix with the version it is in and the day it was written.
fn owed(debt: &KernelDebt) -> Vec<(String, String, Option<i64>)> {
    let one = |missing: &MissingFix| {
        assert_eq!(missing.state, FixState::Debt);
        let Fix { cve, version, released_unix_s } = &missing.fix;
        (cve.to_string(), version.to_string(), released_unix_s.map(|at| at / 86_400))
    };
    debt.missing.iter().map(one).collect()
}

const OLD: Days<'_> = &[(20, "CVE-2024-0002"), (10, "CVE-2024-0001")];
const MIDDLE: Days<'_> = &[(25, "CVE-2024-0003"), (20, "CVE-2024-0002"), (10, "CVE-2024-0001")];
const NEW: Days<'_> = &[
    (31, "CVE-2024-0004 and once more CVE-2024-0003"),
    (30, "CVE-2024-0004, and later CVE-2024-0001"),
    (25, "CVE-2024-0003"),
    (20, "CVE-2024-0002"),
    (10, "CVE-2024-0001"),
];

#[test]
fn what_the_running_ones_changelog_does_not_name_is_owed() {
    let debt = debt(vec![
        kernel(RUNNING, Some(OLD)),
        kernel(BETWEEN, Some(MIDDLE)),
        kernel(NEWEST, Some(NEW)),
    ]);
    let expected = [
        ("CVE-2024-0003", "5.14.21-150500.55.68.1", Some(25)),
        ("CVE-2024-0004", "5.14.21-150500.55.73.1", Some(30)),
    ];
    let expected = expected.map(|(cve, version, day)| (cve.to_owned(), version.to_owned(), day));
    assert_eq!(owed(&debt), expected);
    assert_eq!((debt.is_lower_bound, debt.partial_because), (false, None));
}

#[test]
fn without_the_running_ones_changelog_nothing_is_made_up() {
    let debt = debt(vec![kernel(RUNNING, None), kernel(NEWEST, Some(NEW))]);
    assert!(debt.missing.is_empty() && debt.is_lower_bound);
    let because = debt.partial_because.unwrap();
    assert!(because.starts_with("5 entries of the changelog"), "{because}");
}

#[test]
fn a_changelog_that_begins_after_the_running_ones_ends_gives_a_lower_bound() {
    let debt = debt(vec![kernel(RUNNING, Some(OLD)), kernel(NEWEST, Some(&NEW[..3]))]);
    assert_eq!(owed(&debt).len(), 2);
    assert!(debt.is_lower_bound);
    assert!(debt.partial_because.unwrap().contains("does not reach back"));
}
