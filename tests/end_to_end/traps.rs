//! Traps of the kernel's counters, on the page that a scraper sees. The others are tested where
//! they are avoided; docs/traps.md lists them all.

use crate::harness::{scrubjay, stdout};
use scrubjay_tests::trees;

/// The metrics page of a host from the fixtures.
fn page(host: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host(host)).unwrap();
    let mut command = scrubjay(home.path());
    command.args(["agent", "--once", "--root"]).arg(root);
    stdout(command.arg("--state-dir").arg(home.path().join("state")))
}

/// The sum of all samples of a metric, whatever their labels.
fn sum(page: &str, metric: &str) -> u64 {
    let samples = page.lines().filter_map(|line| {
        let (name, rest) = line.split_once('{')?;
        let value = rest.rsplit_once(' ')?.1;
        (name == metric).then(|| value.parse::<u64>().unwrap())
    });
    samples.sum()
}

/// `mc0` has counted 151 corrected errors, 3 of them without a place, and 2 uncorrected ones, of
/// which one has none; `mc1` has counted one.
#[test]
fn errors_without_a_place_are_part_of_the_total_and_not_beside_it() {
    let page = page("busy-server");
    for (class, placed, without_place) in [("correctable", 149, 3), ("uncorrectable", 1, 1)] {
        let unattributed = format!("scrubjay_controller_unattributed_{class}_errors_total");
        assert_eq!(sum(&page, &unattributed), without_place, "{class}");
        assert_eq!(sum(&page, &format!("scrubjay_dimm_{class}_errors_total")), placed, "{class}");
    }
    // What the parts lack, or have too much, of the kernel's totals.
    assert_eq!(sum(&page, "scrubjay_controller_unreconciled_errors"), 0);
}

/// `csrow0` of both controllers shows the errors of `dimm0` once more.
#[test]
fn rows_and_dimms_that_show_the_same_errors_are_not_added_up() {
    let page = page("busy-server");
    assert_eq!(sum(&page, "scrubjay_dimm_correctable_errors_total"), 148 + 1);
    assert!(!page.contains("csrow"), "{page}");
}
