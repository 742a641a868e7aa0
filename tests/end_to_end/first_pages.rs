//! The first page of reports, as somebody reads it who does not know what EDAC is.
//!
//! Each host is played by the steps of a pass over simulated memory and host trees; then the real program
//! reports on it. The golden files are to be read by people: `UPDATE_GOLDEN=1` makes them anew.

use crate::harness::{scrubjay, stdout};
use scrubjay_tests::backfill::{Persona, Plan, record};
use scrubjay_tests::golden;

/// The end of 2026-03-31.
const END_UNIX_S: i64 = 1_775_001_600;

/// The first page of a report on the last month of a host, which is compared.
fn first_page(name: &str, persona: Persona) -> String {
    let home = tempfile::tempdir().unwrap();
    let plan = Plan { hosts: 1, days: 45, step_s: 86_400, ..Plan::small(END_UNIX_S - 3_600) };
    let state = home.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let tree = record(&plan, persona, &state);
    let root = home.path().join("host.tree");
    std::fs::write(&root, tree).unwrap();
    let mut command = scrubjay(home.path());
    command.args(["report", "--from", "2026-02-15", "--to", "2026-03-31", "--draft"]);
    command.args(["--host-name", "db-7", "--root"]).arg(&root).arg("--state-dir").arg(&state);
    let text = stdout(&mut command);
    let (page, _) = text.split_once("## Patches of the kernel").unwrap();
    golden::compare(&format!("reports/{name}.md"), page);
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn says(page: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(page.contains(wanted), "no \"{wanted}\" in:\n{page}");
    }
    // The first page is for people: no names of metrics, sources or kernel files.
    for trade in ["EDAC", "sysfs", "CE ", "UE ", "csrow"] {
        assert!(!page.contains(trade), "{trade} in:\n{page}");
    }
}

#[test]
fn a_healthy_server() {
    let page = first_page("healthy", Persona::Sound);
    says(&page, &["## What is to be done", "## What is not known"]);
}

#[test]
fn a_module_that_lost_data() {
    let page = first_page("dying-dimm", Persona::Failed);
    says(&page, &["Its memory lost data", "memory module in slot NODE 1 CPU0-1", "swap it"]);
}

#[test]
fn a_module_with_a_fault_that_stays() {
    let page = first_page("row-fault", Persona::Erring);
    says(&page, &["no loss of data was seen"]);
}

#[test]
fn a_server_whose_firmware_keeps_errors_to_itself() {
    let page = first_page("firmware-first", Persona::FirmwareFirst);
    says(&page, &["how often could not be counted", "the firmware keeps memory errors to itself"]);
}

#[test]
fn a_server_whose_fixes_wait_for_a_restart() {
    let page = first_page("patch-lag", Persona::Exploited);
    says(
        &page,
        &["Security fixes came late", "restart the server with the kernel that is installed"],
    );
}

#[test]
fn a_live_patch_that_does_not_come_to_its_end() {
    let page = first_page("stalled-live-patch", Persona::Stalled);
    says(&page, &["a live patch, was begun and does not come to its end"]);
}
