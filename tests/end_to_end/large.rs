//! A machine of 64 controllers with 32 DIMMs each: all of it is read, kept and exported.

use crate::harness::{scrubjay, stdout, sum};
use scrubjay_tests::edac_model::{ControllerSpec, Error, ErrorKind, Kernel, UNKNOWN, View};
use std::time::Duration;

const CONTROLLERS: usize = 64;
const DIMMS: usize = 32;

#[test]
fn sixty_four_controllers_of_thirty_two_dimms_are_exported_to_the_last_error() {
    let home = tempfile::tempdir().unwrap();
    let machine = (0..64).map(|socket| ControllerSpec::skx(socket, 0, 16, 2)).collect();
    let mut kernel = Kernel::boot(machine, View::DimmsAndCsrows);
    kernel.wait(Duration::from_secs(60));
    let (mut corrected, mut unattributed) = (0_u64, 0_u64);
    for controller in 0..CONTROLLERS {
        for dimm in 0..DIMMS {
            let count = u16::try_from(controller * DIMMS + dimm).unwrap();
            kernel.corrected(controller, dimm, count);
            // The kernel counts what it is told, and a report of none is a report of none.
            corrected += u64::from(count);
        }
        kernel.report(controller, Error { kind: ErrorKind::Corrected, at: UNKNOWN, count: 7 });
        unattributed += 7;
    }
    let root = home.path().join("host.tree");
    std::fs::write(&root, kernel.tree()).unwrap();
    let run = |args: &[&str]| {
        let mut command = scrubjay(home.path());
        let state = home.path().join("state");
        stdout(command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(state))
    };

    let page = run(&["agent", "--once"]);
    let family = "scrubjay_dimm_correctable_errors_total";
    let series = |line: &&str| line.starts_with(family) && !line.starts_with('#');
    assert_eq!(page.lines().filter(series).count(), CONTROLLERS * DIMMS);
    assert_eq!(sum(&page, family), corrected);
    let rest = "scrubjay_controller_unattributed_correctable_errors_total";
    assert_eq!(sum(&page, rest), unattributed);
    assert_eq!(sum(&page, "scrubjay_controller_unreconciled_errors"), 0);

    let json: serde_json::Value = serde_json::from_str(&run(&["status", "--json"])).unwrap();
    let controllers = json["snapshot"]["edac"]["reading"]["value"]["controllers"].as_array();
    assert_eq!(controllers.map(Vec::len), Some(CONTROLLERS));
    // A person is told what matters, and that there is more.
    let status = run(&["status"]);
    assert!(status.lines().count() < 4_000, "{} lines", status.lines().count());
    assert!(status.starts_with("scrubjay: "), "{status}");
}
