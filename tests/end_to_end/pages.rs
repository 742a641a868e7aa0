//! The registry of bad pages, as its commands show it.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_tests::golden;
use std::path::{Path, PathBuf};

/// A state directory whose registry holds bad pages of the host in `tree`, and what it is of.
fn with_bad_pages(home: &Path) -> (PathBuf, PathBuf) {
    use scrubjay_model::{BootId, PageReason, PageReport, Stamp};
    let tree = home.join("host.tree");
    let text = "//! scrubjay host tree 1\n//- .scrubjay/facts\nrealtime_ms 1795500120000\n\
                uname_release 6.12\nuname_version #1\nuname_machine x86_64\n\
                //- proc/cmdline\nro quiet memmap=4K$0x50000000\n\
                //- proc/iomem\n00001000-0009ffff : System RAM\n00100000-4fffffff : System RAM\n\
                50000000-50000fff : Reserved\n50001000-5fffffff : System RAM\n\
                60000000-60000fff : Unusable memory\n60001000-7fffffff : System RAM\n";
    std::fs::write(&tree, text).unwrap();
    let state = home.join("state");
    let at = Stamp {
        boot: BootId::unknown(),
        since_boot: None,
        awake: None,
        wall_ms: 1_795_500_000_000,
    };
    let mut history = scrubjay_storage::History::open(&state, &at).unwrap();
    history.begin_run(&at, "1.0.0", std::time::Duration::from_secs(60)).unwrap();
    let reports: Vec<PageReport> = [0x3_0000, 0x3_0001, 0x5_0000, 0x6_0000, 0xf_e000]
        .map(|pfn| PageReport {
            pfn,
            page_size_bytes: 4096,
            reason: PageReason::SoftOffline,
            dimm: None,
        })
        .into();
    let seen = scrubjay_storage::PagesSeen { reported: &reports, told: None, map: None };
    assert_eq!(history.see_pages(&seen, &at).unwrap(), 0);
    let request = history.begin_page_request(&at, 0x3000_0000).unwrap();
    let answer = scrubjay_model::PageAnswer::Failed { errno: 16 };
    history.end_page_request(request, answer).unwrap();
    history.end_run(&at).unwrap();
    (tree, state)
}

#[test]
fn bad_pages_are_listed_and_become_words_for_the_boot_loader() {
    let home = tempfile::tempdir().unwrap();
    let (tree, state) = with_bad_pages(home.path());
    let run = |args: &[&str]| {
        let mut command = scrubjay(home.path());
        stdout(command.args(args).arg("--root").arg(&tree).arg("--state-dir").arg(&state))
    };
    golden::compare("bad-pages.list.txt", &run(&["pages", "list"]));
    golden::compare("bad-pages.history.txt", &run(&["history", "pages"]));
    golden::compare("bad-pages.boot-args.txt", &run(&["pages", "boot-args"]));
    let json: serde_json::Value =
        serde_json::from_str(&run(&["pages", "boot-args", "--json"])).unwrap();
    // What the running kernel was told to keep off is not forgotten, though it is no memory now.
    let words =
        serde_json::json!(["memmap=8K$0x30000000", "memmap=4K$0x50000000", "memmap=4K$0x60000000"]);
    assert_eq!(json["memmap"], words);
    assert_eq!(json["refused"][0]["physical_address"], 0xfe00_0000_u64);
    let json: serde_json::Value =
        serde_json::from_str(&run(&["history", "pages", "--json"])).unwrap();
    assert_eq!(json["pages"][0]["turns"][0]["answer"]["errno"], 16);
    let json: serde_json::Value = serde_json::from_str(&run(&["pages", "list", "--json"])).unwrap();
    assert_eq!(json["untold"]["origin"], "proc/kpageflags");
    assert_eq!(json["registered"]["value"].as_array().unwrap().len(), 5);
}

#[test]
fn without_a_history_there_is_no_registry_to_show() {
    let home = tempfile::tempdir().unwrap();
    let (tree, _state) = with_bad_pages(home.path());
    for command in ["list", "boot-args"] {
        let none = home.path().join("none");
        let mut run = scrubjay(home.path());
        let run = run.args(["pages", command, "--root"]).arg(&tree).arg("--state-dir").arg(none);
        let (code, out, err) = output(run);
        assert_eq!((code, out.as_str()), (3, ""), "{command}");
        assert!(err.contains("no history in "), "{err}");
    }
}
