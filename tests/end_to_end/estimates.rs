//! `explain mttf` and `explain uptime`, as they read where all is known, and where it is not.

use crate::harness::{output, pretty_json, scrubjay, stdout};
use scrubjay_tests::{golden, trees};

fn run(tree: &str, args: &[&str]) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, tree).unwrap();
    let mut command = scrubjay(home.path());
    output(command.args(["explain"]).args(args).arg("--root").arg(root))
}

fn page(tree: &str, args: &[&str]) -> String {
    let (code, page, errors) = run(tree, args);
    assert_eq!(code, 0, "{errors}");
    page
}

/// The page without its line breaks.
fn words(page: &str) -> String {
    page.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_memory_of_a_server_is_estimated_as_it_was() {
    let tree = trees::host("healthy-server");
    golden::compare("explained/mttf.txt", &page(&tree, &["mttf"]));
    golden::compare("explained/mttf.json", &pretty_json(&page(&tree, &["mttf", "--json"])));
}

#[test]
fn where_size_or_correction_is_not_known_nothing_is_estimated_until_it_is_said() {
    let tree = trees::host("bare-guest");
    let unknown = page(&tree, &["mttf"]);
    golden::compare("explained/mttf-unknown.txt", &unknown);
    let json: serde_json::Value = serde_json::from_str(&page(&tree, &["mttf", "--json"])).unwrap();
    for (name, figure) in json["figures"].as_object().unwrap() {
        assert!(figure.is_null(), "{name}: {figure}");
    }
    // One of both is not enough.
    let half = page(&tree, &["mttf", "--gigabytes", "64"]);
    assert!(half.starts_with("mttf: cannot be told"), "{half}");
    let said = page(&tree, &["mttf", "--gigabytes", "64", "--ecc", "none"]);
    golden::compare("explained/mttf-64-none.txt", &said);
    assert!(words(&said).contains("corrupted silently once in 13 years (2.1 to 72)"), "{said}");
    for bad in ["0", "-1", "NaN", "inf", "many"] {
        let (code, _, errors) = run(&tree, &["mttf", &format!("--gigabytes={bad}")]);
        assert!(code != 0 && errors.contains("gigabytes"), "{bad}: {errors}");
    }
    let (code, _, errors) = run(&tree, &["reboot", "--ecc", "none"]);
    assert!(code != 0 && errors.contains("explain mttf"), "{errors}");
}

#[test]
fn an_uptime_is_no_reason_by_itself() {
    let tree = trees::host("healthy-server");
    let text = page(&tree, &["uptime"]);
    golden::compare("explained/uptime.txt", &text);
    golden::compare("explained/uptime.json", &pretty_json(&page(&tree, &["uptime", "--json"])));
    assert!(text.starts_with("uptime: NO:") && words(&text).contains("every 249 d"), "{text}");
    assert!(text.contains("not estimable"), "{text}");
    let bare = page(&tree, &["uptime", "--ecc", "none"]);
    assert!(words(&bare).contains("without ECC 1 GB of kernel"), "{bare}");
}

#[test]
fn the_ends_of_own_boots_are_counted_and_four_are_too_few() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    let run = |args: &[&str]| {
        let mut command = scrubjay(home.path());
        let state = home.path().join("state");
        stdout(command.args(args).arg("--root").arg(&root).arg("--state-dir").arg(state))
    };
    for moment in scrubjay_tests::trees::timeline("reboot") {
        std::fs::write(&root, moment).unwrap();
        run(&["agent", "--once"]);
    }
    let text = run(&["explain", "uptime"]);
    let words = words(&text);
    assert!(words.contains("0 unclean of 1 boots whose end is known"), "{text}");
    assert!(words.contains("it takes 5 unclean ends and the history has 0"), "{text}");
}
