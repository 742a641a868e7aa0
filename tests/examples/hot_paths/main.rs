//! Goes a hot path so many times, for `tests/bench/instructions` to count what that takes.
//!
//! ```text
//! hot_paths PATH COUNT
//! ```
//!
//! The host has 64 DIMMs. The paths: `pass`, over files in which nothing changes; `changed`, over such in
//! which every counter rises; `parse`, over a captured tree of which nothing is kept; `history`, which takes
//! in counters that all rose; `judge`, the verdict on the host; `page`, its metrics as OpenMetrics. What
//! comes before is the same for every COUNT, so that the difference is what the path takes.

#![expect(clippy::disallowed_methods, reason = "makes the files that are read")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure ends the measurement")]

use scrubjay_alerts::{PatchPolicy, assess};
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_exporters::openmetrics;
use scrubjay_model::{
    Accumulated, AlertBook, Clocks, Controller, HostHeader, HostView, Origin, Reading, Snapshot,
    SourceId,
};
use scrubjay_storage::History;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const CONTROLLERS: u32 = 16;
const DIMMS: u32 = 4;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, count] = arguments.as_slice() else { panic!("hot_paths PATH COUNT") };
    let count: u32 = count.parse().unwrap();
    match path.as_str() {
        "pass" => passes(count, false),
        "changed" => passes(count, true),
        "parse" => parse(count),
        "history" => history(count),
        "judge" => judge(count),
        "page" => page(count),
        _ => panic!("there is no such path"),
    }
}

fn passes(count: u32, rising: bool) {
    let dir = tempfile::tempdir().unwrap();
    let counters = make(dir.path());
    let mut collector = collector(HostRoot::open(dir.path(), clocks()).unwrap());
    let mut dimms = 0;
    for n in 0..=count {
        if rising {
            counters.iter().for_each(|path| std::fs::write(path, format!("{n}\n")).unwrap());
        }
        let snapshot = collector.snapshot();
        dimms += Snapshot::found(&snapshot.edac).unwrap().controllers.len();
    }
    assert_eq!(dimms, usize::try_from((count + 1) * CONTROLLERS).unwrap());
}

/// What EDAC shows (drivers/edac/edac_mc_sysfs.c); returns the counters of corrected errors.
fn make(root: &Path) -> Vec<PathBuf> {
    let mut counters = Vec::new();
    for mc in 0..CONTROLLERS {
        let base = root.join(format!("sys/devices/system/edac/mc/mc{mc}"));
        let put = |file: &str, text: &str| {
            let path = base.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, format!("{text}\n")).unwrap();
        };
        put("mc_name", &format!("Intel_10nm Socket#0 IMC#{mc}"));
        for file in ["ce_count", "ue_count", "ce_noinfo_count", "ue_noinfo_count"] {
            put(file, "0");
        }
        put("seconds_since_reset", "8640000");
        for dimm in 0..DIMMS {
            for (file, text) in [
                ("dimm_label", "CPU_SrcID#0_MC#0_Chan#0_DIMM#0"),
                ("dimm_location", "channel 0 slot 0 "),
                ("size", "32768"),
                ("dimm_mem_type", "Registered-DDR5"),
                ("dimm_dev_type", "x4"),
                ("dimm_edac_mode", "S4ECD4ED"),
                ("dimm_ue_count", "0"),
                ("dimm_ce_count", "0"),
            ] {
                put(&format!("dimm{dimm}/{file}"), text);
            }
            counters.push(base.join(format!("dimm{dimm}/dimm_ce_count")));
        }
    }
    counters
}

fn clocks() -> Arc<dyn Fn() -> Clocks + Send + Sync> {
    Arc::new(|| Clocks { realtime_ms: 0, boottime: None, monotonic: None })
}

fn collector(host: HostRoot) -> Collector {
    let disabled = SourceId::ALL.into_iter().filter(|id| *id != SourceId::Edac).collect();
    Collector::new(Arc::new(host), Options { deadline: Duration::from_secs(600), disabled })
}

fn parse(count: u32) {
    let mut collector = collector(HostRoot::from_tree(tree(), clocks()));
    for _ in 0..=count {
        assert!(Snapshot::found(&collector.snapshot().edac).is_some());
    }
}

fn tree() -> Tree {
    let machine = (0..CONTROLLERS).map(|socket| ControllerSpec::skx(socket, 0, 2, 2)).collect();
    let mut kernel = Kernel::boot(machine, View::Dimms);
    kernel.wait(Duration::from_secs(86_400));
    Tree::parse(&kernel.tree()).unwrap()
}

fn snapshot() -> Snapshot {
    collector(HostRoot::from_tree(tree(), clocks())).snapshot()
}

/// The same host a day later, which brought every DIMM an error.
fn a_day_later(mut snapshot: Snapshot) -> Snapshot {
    snapshot.at.wall_ms += 86_400_000;
    let edac = &mut snapshot.edac.as_mut().unwrap().reading;
    let Reading::Value(edac) = edac else { panic!("no controllers") };
    for dimm in edac.controllers.iter_mut().flat_map(Controller::dimms_mut) {
        let Reading::Value(counter) = &mut dimm.errors.correctable else { panic!("{dimm:?}") };
        counter.value += 1;
    }
    snapshot
}

fn history(count: u32) {
    let dir = tempfile::tempdir().unwrap();
    let first = snapshot();
    let mut history = History::open(dir.path(), &first.at).unwrap();
    history.write_without_sync().unwrap();
    history.begin_run(&first.at, "1.0.0", Duration::from_secs(600)).unwrap();
    let mut snapshot = first;
    for _ in 0..=count {
        assert!(history.append(&snapshot).error.is_none());
        snapshot = a_day_later(snapshot);
    }
}

fn view() -> HostView {
    let (snapshot, accumulated) = (snapshot(), Accumulated::default());
    let assessment = assess(&snapshot, &accumulated, None, None, &PatchPolicy::default());
    let no = |what: &str| Reading::Absent(Origin::new(what));
    let header = HostHeader {
        root: "/".to_owned(),
        version: "1.0.0",
        simulated: None,
        host_name: no("host name"),
        os: no("system"),
        cpu: no("CPU"),
        memory_bytes: Reading::Absent(Origin::new("memory")),
    };
    let history = Reading::Absent(Origin::new("history"));
    let alerts = AlertBook::default();
    HostView {
        header,
        snapshot,
        accumulated,
        history,
        assessment,
        alerts,
        agent: Reading::Absent(Origin::new("none")),
    }
}

fn judge(count: u32) {
    let view = view();
    for _ in 0..=count {
        let patches = PatchPolicy::default();
        let found = assess(&view.snapshot, &view.accumulated, None, None, &patches);
        assert_eq!(found.findings.len(), view.assessment.findings.len());
    }
}

fn page(count: u32) {
    let view = view();
    for _ in 0..=count {
        assert!(openmetrics::render(&view, false).ends_with("# EOF\n"));
    }
}
