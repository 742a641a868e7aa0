//! Live patches of real hosts: listings, logs, statuses and notices that people published. They are
//! not part of this repository: `SCRUBJAY_CORPUS` names the folder that holds them, and without it
//! nothing is compared.

#![expect(clippy::disallowed_methods, reason = "reads files of a collection, not of a host")]

use scrubjay_collector::{Collector, HostRoot, Node, Options, Record, Tree, log_facts};
use scrubjay_model::{
    CanonicalModule, Clocks, CveId, LivepatchFact, LogFact, PatchSystem, Snapshot, kpatch_module,
};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

fn file(name: &str) -> Option<String> {
    let Some(corpus) = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from) else {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
        return None;
    };
    Some(std::fs::read_to_string(corpus.join("livepatch").join(name)).unwrap())
}

fn read(nodes: Vec<(String, Node)>) -> Snapshot {
    let mut tree = Tree::new();
    for (path, node) in nodes {
        tree.insert(path, node);
    }
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}

fn text(path: &str, text: &str) -> (String, Node) {
    (path.to_owned(), Node::File(text.as_bytes().to_vec()))
}

fn patch(name: &str) -> Vec<(String, Node)> {
    let at = format!("sys/kernel/livepatch/{name}");
    vec![text(&format!("{at}/enabled"), "1\n"), text(&format!("{at}/transition"), "0\n")]
}

#[test]
fn a_production_patch_is_listed_with_every_function() {
    let Some(listing) = file("ls_sys_kernel_livepatch_production.txt") else { return };
    let mut nodes = Vec::new();
    let mut directory = String::new();
    let mut functions = 0;
    for line in listing.lines() {
        if let Some(path) = line.strip_prefix("$ ls /") {
            directory = path.trim().trim_end_matches('/').to_owned();
            continue;
        }
        for name in line.split_whitespace() {
            let path = format!("{directory}/{name}");
            if name == "patched" {
                nodes.push(text(&path, "1\n"));
            } else {
                functions += 1;
                nodes.push((path, Node::Dir));
            }
        }
    }
    nodes.extend(patch("livepatch_61_release12"));
    let snapshot = read(nodes);
    let patches = &Snapshot::found(&snapshot.livepatch).unwrap().patches;
    assert_eq!(patches[0].function_count(), Some(functions));
    println!("{functions} functions in {} objects", patches[0].objects.value().unwrap().len());
    let cover = snapshot.live_patch_cover(&[]);
    assert_eq!(cover.patches[0].system, PatchSystem::Unrecognised);
    assert!(cover.covered().is_empty() && cover.is_lower_bound(), "nobody lists what it fixes");
}

#[test]
fn a_patch_that_was_replaced_leaves_an_inert_module() {
    let Some(listing) = file("kpatch_list_and_lsmod_cumulative_replace.txt") else { return };
    let loaded: Vec<&str> = listing
        .lines()
        .filter_map(|line| line.trim().strip_prefix("livepatch_test_"))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(loaded.contains(&"0") && loaded.contains(&"1"), "{loaded:?}");
    let mut nodes = patch("livepatch_test_1");
    nodes.push(text("proc/sys/kernel/tainted", "32768\n"));
    for name in ["livepatch_test_0", "livepatch_test_1"] {
        nodes.push(text(&format!("sys/module/{name}/taint"), "OK\n"));
    }
    assert_eq!(read(nodes).inert_patch_modules(), ["livepatch_test_0"]);
}

#[test]
fn names_of_modules_are_understood() {
    for name in
        ["insights_kpatch_list_normal_output.txt", "insights_kpatch_list_multiline_output.txt"]
    {
        let Some(listing) = file(name) else { return };
        let modules = listing.lines().filter_map(|line| line.strip_suffix(" [enabled]"));
        for module in modules {
            let (kernel, version, release) = kpatch_module(module).unwrap();
            println!("{module}: {kernel} {version}-{release}");
            assert_eq!((kernel.as_str(), version), ("3_10_0_1062_1_1", 1));
        }
    }
    let symbols = file("kallsyms_lkp_module.txt").unwrap();
    let module = symbols.split(['[', ']']).find(|word| word.starts_with("lkp_")).unwrap();
    let found = CanonicalModule::parse(module).unwrap();
    assert_eq!((found.kernel.as_str(), found.flavour.as_str()), ("5.15.0-1005.7", "aws"));
    assert_eq!(found.number, 94);
}

#[test]
fn saved_statuses_are_read_as_far_as_they_go() {
    let path = "etc/scrubjay/lists/livepatch/canonical-livepatch.json";
    for (name, state, fixes) in [
        ("ubuntu-pro-client_status_0.json", Some("nothing-to-apply"), None),
        ("ubuntu-pro-client_status_1.json", Some("applied"), Some(1)),
        ("ubuntu-pro-client_status_3.json", None, None),
    ] {
        let Some(json) = file(name) else { return };
        let snapshot = read(vec![text(path, &json)]);
        assert_eq!(snapshot.livepatch_systems.as_ref().unwrap().report.faults, []);
        let systems = Snapshot::found(&snapshot.livepatch_systems).unwrap();
        let status = systems.canonical.as_ref().unwrap().status.value().unwrap();
        let kernel = &status.kernels[0];
        assert_eq!(kernel.state.as_deref(), state, "{name}");
        assert_eq!(kernel.fixes.as_ref().map(Vec::len), fixes, "{name}");
        assert!(snapshot.live_patch_cover(&[]).covered().is_empty(), "no row is of this kernel");
    }
}

#[test]
fn a_notice_covers_the_modules_of_its_number_alone() {
    let Some(notice) = file("LSN-0108-1.excerpt.json") else { return };
    let covered = |module: &str| {
        let mut nodes = patch(module);
        nodes.push(text("etc/scrubjay/lists/lsn/LSN-0108-1.json", &notice));
        let snapshot = read(nodes);
        let faults = &snapshot.livepatch_systems.as_ref().unwrap().report.faults;
        assert_eq!(faults, &[]);
        snapshot.live_patch_cover(&[]).covered()
    };
    let fixed = covered("lkp_Ubuntu_4_15_0_214_225_generic_108");
    assert_eq!(fixed.len(), 7);
    assert!(fixed.contains(&CveId::parse("CVE-2024-50264").unwrap()));
    assert_eq!(covered("lkp_Ubuntu_5_4_0_150_167_generic_108"), fixed);
    for other in [
        "lkp_Ubuntu_4_15_0_214_225_generic_107",
        "lkp_Ubuntu_4_15_0_214_225_azure_108",
        "lkp_Ubuntu_6_8_0_1047_50_aws_108",
    ] {
        assert!(covered(other).is_empty(), "{other}");
    }
}

#[test]
fn the_kernels_own_test_begins_and_ends_every_transition_it_logs() {
    let Some(log) = file("selftest_s390.log") else { return };
    let records: Vec<Record> = log.lines().map(Record::from_text).collect();
    let (mut begun, mut ended) = (0, 0);
    for entry in log_facts(&records) {
        match entry.fact {
            LogFact::Livepatch(LivepatchFact::Started { .. }) => begun += 1,
            LogFact::Livepatch(LivepatchFact::Completed { .. }) => ended += 1,
            _ => {}
        }
    }
    println!("{begun} transitions begun, {ended} ended");
    assert!(begun > 10 && begun == ended, "{begun} {ended}");
}

#[test]
fn a_log_of_production_tells_when_a_transition_began() {
    let Some(log) = file("dmesg_production_replace_oops.log") else { return };
    // Mail has broken the line in two.
    let log = log.replace("starting patching\ntransition", "starting patching transition");
    let mut kmsg = String::new();
    for (number, line) in (7..).zip(log.lines()) {
        let Some((time, rest)) = line.strip_prefix('[').and_then(|l| l.split_once("] ")) else {
            continue;
        };
        kmsg += &format!("5,{number},{},-;{rest}\n", time.replace('.', ""));
    }
    let snapshot = read(vec![text("dev/kmsg", &kmsg)]);
    let found = Snapshot::found(&snapshot.kernel_log).unwrap();
    assert_eq!((&found.transition, found.transition_ended), (&None, true));
    let unfinished = kmsg.replace("patching complete", "");
    let snapshot = read(vec![text("dev/kmsg", &unfinished)]);
    let transition = Snapshot::found(&snapshot.kernel_log).unwrap().transition.as_ref().unwrap();
    assert_eq!(transition.patch, "livepatch_61_release12");
    assert_eq!(transition.awake, Duration::from_micros(156_821_061_580));
}
