//! A report on a fleet by the bundles of its hosts.

use super::{Desk, NAMESPACE, WHO, faults, ssh_keygen_is_there};
use crate::harness::{output, scrubjay};
use scrubjay_tests::bundles;
use serde_json::Value;
use std::fs;

/// Of some two kinds there are few: of those that were altered one, of those that are overdue six.
const BUNDLES: u32 = 120;

#[test]
fn a_fleet_is_added_up_from_bundles_and_none_that_is_broken_is_dropped() {
    if !ssh_keygen_is_there() {
        return;
    }
    let desk = Desk::new();
    desk.bundle("template", &["--sign", &desk.text("key")]);
    let dir = desk.path("bundles");
    let made = bundles::make(&dir, BUNDLES, &desk.path("template"), NAMESPACE, &desk.path("key"));
    assert_eq!((made.altered, made.outside), (1, 6));
    // What was made is what the binary would make.
    let (code, page) = desk.verify_by("bundles/rack-000/host-00000", "allowed");
    assert_eq!(code, 0, "{page}");
    let (code, page) = desk.verify_by("bundles/rack-000/host-00050", "allowed");
    assert_eq!((code, faults(&page)), (16, vec!["changed months.csv".to_owned()]));

    fs::create_dir(dir.join("nothing")).unwrap();
    fs::write(dir.join("host-x.tar"), "").unwrap();
    let names: Vec<String> = (0..=BUNDLES).map(bundles::name).collect();
    fs::write(desk.path("hosts"), names.join("\n")).unwrap();
    let ask = |words: &[&str]| {
        let mut command = scrubjay(desk.home.path());
        command.args(["fleet", "report", "--bundles"]).arg(&dir);
        command.arg("--hosts").arg(desk.path("hosts")).args(words);
        output(&mut command)
    };
    let trusted = ["--allowed-signers", &desk.text("allowed"), "--json"];
    let (code, page, stderr) = ask(&trusted);
    assert_eq!(code, 3, "{stderr}");
    let told: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(
        (&told["bundles"], &told["counted"], &told["hosts"]),
        (&121.into(), &119.into(), &121.into())
    );
    let standing: Vec<u64> =
        (0..3).map(|n| told["standing"][n]["hosts"].as_u64().unwrap()).collect();
    assert_eq!(standing, [113, 6, 2]);
    assert_eq!(told["without_bundle"], serde_json::json!(["host-00050", "host-00120"]));
    let invalid = told["invalid"].as_array().unwrap();
    let kinds: Vec<&str> =
        invalid.iter().map(|one| one["faults"][0]["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["bad_manifest", "changed"]);
    assert_eq!(told["rows"][2]["signed_by"], WHO);
    assert_eq!(told["worst"][0]["is_open"], true);
    assert!(told["not_looked_at"][0].as_str().unwrap().ends_with("host-x.tar"));
    // The same for people, in any form.
    for (words, says) in [
        (vec![], "Of 121 hosts, 113 kept the policy and 6 did not; of 2 it is not known."),
        (vec!["--markdown"], "| host-00120 | there is no bundle that holds |"),
        (vec!["--html"], "<td>host-00120</td>"),
        (vec!["--csv"], "host-00120,no_data,there is no bundle that holds"),
    ] {
        let words = [&trusted[..2], &words].concat();
        let (code, page, _) = ask(&words);
        assert_eq!(code, 3);
        assert!(page.replace("\nnot", " not").contains(says), "{words:?}: {page}");
    }
    // Nobody said whom to trust: told once, and no good end.
    let (code, page, _) = ask(&["--json"]);
    let told: Value = serde_json::from_str(&page).unwrap();
    assert_eq!((code, &told["signers_checked"], &told["counted"]), (3, &false.into(), &119.into()));
    let (code, _, stderr) = ask(&["--url", "http://127.0.0.1:9"]);
    assert_eq!(code, 2);
    assert!(stderr.contains("cannot be used with"), "{stderr}");
}
