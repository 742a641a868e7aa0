//! kill -9 between any two samples: no increment is lost, none is counted twice.

use crate::harness::{Agent, corrected, ledger_head, scrubjay, stdout, sum};
use scrubjay_tests::directory;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::path::Path;
use std::time::Duration;

/// Lets the kernel count, and shows what it then shows.
fn count(kernel: &mut Kernel, root: &Path, errors: u16) {
    kernel.wait(Duration::from_secs(1));
    kernel.corrected(0, 1, errors);
    directory::show(root, &kernel.tree());
}

#[test]
fn a_killed_agent_loses_nothing_and_counts_nothing_twice() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("root");
    let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::DimmsAndCsrows);
    let mut truth = 0_u64;
    let mut heads = Vec::new();
    count(&mut kernel, &root, 5);
    truth += 5;
    for round in 1..=5_u16 {
        let agent = Agent::start(home.path(), &root);
        // What was counted while no agent ran is found at once.
        assert_eq!(corrected(&agent.metrics_after(1)), truth, "round {round}");
        count(&mut kernel, &root, round);
        truth += u64::from(round);
        if round % 2 == 0 {
            // Killed after a pass has recorded it; the others are killed before any has.
            let page = agent.metrics_after(agent.passes() + 2);
            assert_eq!(corrected(&page), truth, "round {round}");
            heads.push(ledger_head(&page));
        }
        agent.crash();
        count(&mut kernel, &root, 100);
        truth += 100;
    }
    let agent = Agent::start(home.path(), &root);
    let page = agent.metrics_after(1);
    assert_eq!(corrected(&page), truth);
    assert_eq!(sum(&page, "scrubjay_controller_count_restarts_total"), 0);
    assert_eq!(agent.stop(), 0);
    // What a scraper saw of the ledger before a kill is in it afterwards.
    let mut verify = scrubjay(home.path());
    verify.args(["ledger", "verify", "--state-dir"]).arg(home.path().join("state"));
    verify.args(heads.iter().flat_map(|head| ["--expect", head]));
    let page = stdout(&mut verify);
    assert!(page.contains("agrees with 2 copies"), "{page}");
}
