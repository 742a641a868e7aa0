//! How long judging one host with 2,048 DIMMs takes that has a history of ten years.
//!
//! ```text
//! tests/bench/judged-host
//! ```
//!
//! What is judged is what the agent asks its history for: the last 120 days, in the form in which ten
//! years lie there (changes of the last days one by one, hours and days before). One DIMM in thirty has
//! errors, as in a fleet; a twentieth of those at 2,000 places, the most that are read.

#![expect(clippy::print_stdout, reason = "a measurement prints its figure")]
#![expect(clippy::disallowed_methods, reason = "measures itself")]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failure ends the measurement")]

use scrubjay_alerts::memory::{MemorySettings, judge_host};
use scrubjay_alerts::replay::{Counting, Per, Policy, PolicyRule, Then, When};
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{
    Accumulated, BootId, Clocks, Confidence, CounterChange, ErrorClass, EventClass, EventGroup,
    EventPlace, EventRecord, EventWhat, Folded, Identity, MemoryTraces, ModuleKey, ModuleRecord,
    ModuleTrace, Place, Snapshot, Watch, Witness,
};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONTROLLERS: u32 = 64;
const DIMMS: u32 = 32;
const DAY_MS: i64 = 86_400_000;
const LIMIT: Duration = Duration::from_millis(50);
const ROUNDS: usize = 20;

fn main() {
    let snapshot = snapshot();
    let (traces, accumulated) = history(&snapshot);
    let reports: usize = traces.modules.values().map(|module| module.reports.len()).sum();
    let changes: usize = traces.modules.values().map(|module| module.changes.len()).sum();
    println!(
        "{} DIMMs, {} stretches watched, {changes} changes of counters, {reports} reports",
        traces.modules.len(),
        traces.watches.len()
    );
    let settings = MemorySettings::default();
    let policy = policy();
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            let dimms = judge_host(&traces, &accumulated, &snapshot, &settings, &policy);
            let took = began.elapsed();
            assert_eq!(dimms.len(), traces.modules.len());
            took
        })
        .collect();
    took.sort();
    let (median, worst) = (took[ROUNDS / 2], took[ROUNDS - 1]);
    println!("judged in {median:.1?} (median of {ROUNDS}), {worst:.1?} at most; limit {LIMIT:?}");
    std::process::exit(i32::from(median > LIMIT));
}

/// One that counts, so that its rules are run over the record beside the engine.
fn policy() -> Policy {
    let when = When::Corrected {
        per: Per::Dimm,
        errors: 10,
        counting: Counting::Bucket { within: 86_400 },
        alone: true,
    };
    let rule = PolicyRule {
        code: "dimm-corrected".to_owned(),
        meaning: String::new(),
        source: String::new(),
        when,
        then: Then::Alarm,
    };
    Policy { rules: vec![rule], ..Policy::never() }
}

fn snapshot() -> Snapshot {
    let machine = (0..CONTROLLERS).map(|socket| ControllerSpec::skx(socket, 0, 16, 2)).collect();
    let mut kernel = Kernel::boot(machine, View::Dimms);
    kernel.wait(Duration::from_secs(86_400 * 200));
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(Tree::parse(&kernel.tree()).unwrap(), Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}

/// What the history gives of such a host.
fn history(snapshot: &Snapshot) -> (MemoryTraces, Accumulated) {
    let now = snapshot.at.wall_ms;
    let edac = Snapshot::found(&snapshot.edac).unwrap();
    let seen: Vec<_> = edac.controllers.iter().map(Into::into).collect();
    let keys = scrubjay_model::match_controllers(&[], &seen);
    let mut accumulated = Accumulated::default();
    let mut traces = MemoryTraces {
        from_wall_ms: now - 120 * DAY_MS,
        watches: watches(now),
        boots_wall_ms: vec![now - 90 * DAY_MS],
        modules: std::collections::BTreeMap::new(),
    };
    for (controller, key) in (0..).zip(keys) {
        accumulated.controllers.insert(controller, key.clone());
        for dimm in 0..DIMMS {
            let number = controller * DIMMS + dimm;
            let module = ModuleKey::from_stored(format!("serial-{number:05}"));
            let record = ModuleRecord {
                key: module.clone(),
                slot: Some(format!("P{controller}-D{dimm}")),
                bank: None,
                serial: None,
                part: None,
                manufacturer: None,
                size_bytes: None,
                places: vec![(key.clone(), Place::Dimm(dimm))],
                listed: true,
                identity: Identity::Serial,
                confidence: Confidence::Verified,
                evidence: String::new(),
                since_wall_ms: now - 3_650 * DAY_MS,
                ended_wall_ms: None,
                correctable: 0,
                uncorrectable: 0,
                restarts: 0,
                last_error_wall_ms: None,
            };
            accumulated.modules.insert(module.clone(), record);
            let places = if number.is_multiple_of(600) {
                2_000
            } else if number.is_multiple_of(30) {
                60
            } else {
                0
            };
            traces.modules.insert(module, trace(now, places));
        }
    }
    (traces, accumulated)
}

/// Days, then a stretch for each time that the agent was started.
fn watches(now: i64) -> Vec<Watch> {
    let day = |ago: i64| Watch {
        from_wall_ms: now - ago * DAY_MS,
        to_wall_ms: now - (ago - 1) * DAY_MS,
        watched: Duration::from_secs(86_000),
    };
    (1..=120).rev().map(day).collect()
}

fn trace(now: i64, reports: u32) -> ModuleTrace {
    let step = 100 * DAY_MS / i64::from(reports.max(1));
    let at = |n: u32| now - 100 * DAY_MS + i64::from(n) * step;
    let change = |n: u32| CounterChange {
        class: ErrorClass::Correctable,
        from_wall_ms: at(n),
        to_wall_ms: at(n) + 60_000,
        errors: 3,
        interval: Duration::ZERO,
        restarted: false,
        first: false,
    };
    let report = |n: u32| EventRecord {
        id: i64::from(n),
        boot: BootId::unknown(),
        first_wall_ms: at(n),
        group: EventGroup {
            first: Duration::ZERO,
            last: Duration::ZERO,
            witness: Witness::McEvent,
            class: EventClass::Corrected,
            what: EventWhat::Memory,
            place: EventPlace::Address,
            address: Some(u64::from(n) << 12),
            grain_bits: None,
            syndrome: None,
            reports: 1,
            errors: 3,
            message: "memory read error".to_owned(),
            detail: format!(
                "err_code:0x0101:0x0090 PhysicalRankId:0x0 Row:{:#x} Column:{:#x} Bank:0x1 device:0x3",
                n * 1_237 % 60_000,
                n * 37 % 1_000
            ),
            folded: Folded::Nothing,
        },
        dimm: None,
        same_as: None,
        counted: 3,
    };
    ModuleTrace {
        changes: (0..reports).map(change).collect(),
        reports: (0..reports).map(report).collect(),
        folded: Vec::new(),
        cut: reports >= 2_000,
    }
}
