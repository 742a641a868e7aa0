//! Histories of four sticks on two channels, made up moment by moment, and what is said of them.

use super::{DAY, HOUR};
use scrubjay_alerts::memory::{
    Costs, LONGEST_HORIZON_DAYS, LOOK_BACK_DAYS, MemorySettings, judge_host,
};
use scrubjay_alerts::replay::{Policy, PolicyRule, Then, When, Worth};
use scrubjay_alerts::{PatchPolicy, assess, with_dimms};
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_exporters::text::{self, Style};
use scrubjay_model::{
    Accumulated, AlertBook, BootId, Clocks, CounterChange, DimmVerdict, ErrorClass, EventClass,
    EventGroup, EventPlace, EventRecord, EventWhat, Folded, HostHeader, HostView, MemoryTraces,
    ModuleTrace, Origin, Reading, Snapshot, Watch, Witness,
};
use scrubjay_storage::History;
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::firmware::{BoardSlot, filled, tables};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The slots in the order of the kernel: two channels of two.
const SLOTS: [&str; 4] = ["P1-DIMMA1", "P1-DIMMA2", "P1-DIMMB1", "P1-DIMMB2"];
const SERIALS: [&str; 4] = ["425BB669", "425BB66A", "425BB66B", "425BB66C"];
const MINUTE: Duration = Duration::from_secs(60);

/// A place in the memory of a stick.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) device: i64,
    pub(super) bank: i64,
    pub(super) row: i64,
    pub(super) column: i64,
}

impl Place {
    /// In the third device of its rank.
    pub(super) fn cell(bank: i64, row: i64, column: i64) -> Self {
        Self { device: 3, bank, row, column }
    }
}

/// What is said of a stick.
pub(super) struct Says {
    /// By `explain`.
    pub(super) page: String,
    /// By `status`.
    pub(super) findings: String,
}

/// A history up to now; every moment in it is told by how many seconds ago it was.
pub(super) struct Life {
    /// Stretches that were watched.
    watches: Vec<(i64, i64)>,
    boots: Vec<i64>,
    sticks: [Stick; 4],
    settings: MemorySettings,
    policy: Policy,
    uptime: i64,
}

#[derive(Default)]
struct Stick {
    /// When, whether corrected, how many, whether the counter began anew.
    counted: Vec<(i64, ErrorClass, u64, bool)>,
    reports: Vec<(i64, EventClass, Place, u64)>,
    swapped: Option<i64>,
}

impl Life {
    /// A host that has been up and watched for so long.
    pub(super) fn watched(seconds: i64) -> Self {
        Self {
            watches: vec![(seconds.min(i64::from(LOOK_BACK_DAYS) * DAY), 0)],
            boots: vec![seconds],
            sticks: Default::default(),
            settings: MemorySettings::default(),
            policy: default_policy(),
            uptime: seconds,
        }
    }

    /// What an hour of the service costs, stated by somebody.
    pub(super) fn at_hour(mut self, service_hour: f64) -> Self {
        self.settings.costs = Costs { service_hour, ..Costs::default() };
        self.settings.costs_are_stated = true;
        self
    }

    pub(super) fn window_in(mut self, seconds: u64) -> Self {
        self.settings.window = Some(seconds);
        self
    }

    /// Corrected errors that were reported with their place, and counted by the next pass.
    pub(super) fn erred(&mut self, slot: usize, ago: i64, place: Place, errors: u64) {
        self.sticks[slot].reports.push((ago, EventClass::Corrected, place, errors));
        self.counted(slot, ago - 20, errors);
    }

    /// Corrected errors that were counted and not reported.
    pub(super) fn counted(&mut self, slot: usize, ago: i64, errors: u64) {
        self.sticks[slot].counted.push((ago, ErrorClass::Correctable, errors, false));
    }

    /// The same by a counter that began anew since it was last read.
    pub(super) fn counted_unseen(&mut self, slot: usize, ago: i64, errors: u64) {
        self.sticks[slot].counted.push((ago, ErrorClass::Correctable, errors, true));
    }

    /// An uncorrected error.
    pub(super) fn failed(&mut self, slot: usize, ago: i64) {
        let place = Place::cell(2, 0x1a2, 0x3f8);
        self.sticks[slot].reports.push((ago, EventClass::Uncorrected, place, 1));
        self.sticks[slot].counted.push((ago - 20, ErrorClass::Uncorrectable, 1, false));
    }

    /// Nobody looked between these moments.
    pub(super) fn gap(&mut self, from: i64, until: i64) {
        let (begin, end) = self.watches.pop().unwrap();
        self.watches.extend([(begin, from), (until, end)]);
    }

    pub(super) fn booted(&mut self, ago: i64) {
        self.boots.push(ago);
        self.uptime = ago;
    }

    /// Another stick came into the slot, with a boot.
    pub(super) fn swapped(&mut self, slot: usize, ago: i64) {
        self.gap(ago + HOUR, ago);
        self.booted(ago);
        self.sticks[slot].swapped = Some(ago);
    }

    /// What is said of the stick that is called so.
    pub(super) fn said_of(&self, name: &str) -> Says {
        let mut view = self.view();
        // The tree has neither packages nor much of /proc, and what is said of that is not of memory.
        view.assessment.findings.retain(|finding| finding.subject != "host");
        let called = |dimm: &&DimmVerdict| {
            view.accumulated.modules.get(&dimm.key).is_some_and(|record| record.is_called(name))
        };
        let dimm = view.assessment.dimms.iter().find(called);
        let dimm = dimm.unwrap_or_else(|| panic!("no stick {name}: {:?}", view.assessment.dimms));
        let plain = Style { colour: false, all: true };
        let status = text::status(&view, &plain);
        let (_, findings) = status.split_once("\nfindings:\n").unwrap();
        Says {
            page: text::explain_dimm(&view, dimm, &plain),
            findings: format!("{}\n", findings.split("\n\n").next().unwrap()),
        }
    }

    /// The view of the agent, after its pass.
    fn view(&self) -> HostView {
        let home = tempfile::tempdir().unwrap();
        let (snapshot, accumulated) = self.passes(home.path());
        let traces = self.traces(&snapshot, &accumulated);
        let dimms = judge_host(&traces, &accumulated, &snapshot, &self.settings, &self.policy);
        let policy = PatchPolicy::default();
        let assessment = with_dimms(assess(&snapshot, &accumulated, None, None, &policy), dimms);
        let unknown = || Reading::Absent(Origin::new("host name"));
        let header = HostHeader {
            root: "host.tree".to_owned(),
            version: "1.0.0",
            simulated: None,
            host_name: unknown(),
            os: unknown(),
            cpu: unknown(),
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

    /// The host now, and the sums of a history that saw it once a swap ago and now.
    fn passes(&self, home: &std::path::Path) -> (Snapshot, Accumulated) {
        let swap = self.sticks.iter().find_map(|stick| stick.swapped);
        let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 2)], View::Dimms);
        let mut board: Vec<BoardSlot> =
            SLOTS.into_iter().zip(SERIALS).map(|(slot, serial)| filled(slot, serial)).collect();
        kernel.wait(MINUTE);
        let first = snapshot(&kernel, &board);
        let mut history = History::open(home, &first.at).unwrap();
        history.begin_run(&first.at, "1.0.0", MINUTE).unwrap();
        assert!(history.append(&first).error.is_none());
        let up = |seconds: i64| Duration::from_secs(u64::try_from(seconds).unwrap());
        if let Some(ago) = swap {
            kernel.wait(up(DAY));
            kernel.reboot(MINUTE);
            for (slot, stick) in board.iter_mut().zip(&self.sticks) {
                if stick.swapped.is_some() {
                    *slot = filled(slot.locator.clone(), "425BB70F");
                }
            }
            let second = snapshot(&kernel, &board);
            history.begin_run(&second.at, "1.0.0", MINUTE).unwrap();
            assert!(history.append(&second).error.is_none());
            kernel.wait(up(ago));
        } else {
            kernel.wait(up(self.uptime));
        }
        for (slot, stick) in self.sticks.iter().enumerate() {
            let since_boot = stick.counted.iter().filter(|(ago, ..)| *ago <= self.uptime);
            for (_, class, errors, _) in since_boot.filter(|_| stick.swapped.is_none()) {
                let errors = u16::try_from(*errors).unwrap();
                match class {
                    ErrorClass::Correctable => kernel.corrected(0, slot, errors),
                    ErrorClass::Uncorrectable => kernel.uncorrected(0, slot, errors),
                }
            }
        }
        let now = snapshot(&kernel, &board);
        let appended = history.append(&now);
        assert!(appended.error.is_none());
        let mut accumulated = appended.accumulated;
        for record in accumulated.modules.values_mut().filter(|_| swap.is_none()) {
            record.since_wall_ms = now.at.wall_ms - 365 * DAY * 1_000;
        }
        (now, accumulated)
    }

    /// What the history tells of the sticks that are there.
    fn traces(&self, snapshot: &Snapshot, accumulated: &Accumulated) -> MemoryTraces {
        let now = snapshot.at.wall_ms;
        let at = |ago: i64| now - ago * 1_000;
        let watch = |&(from, until): &(i64, i64)| Watch {
            from_wall_ms: at(from),
            to_wall_ms: at(until),
            watched: Duration::from_secs(u64::try_from(from - until).unwrap()),
        };
        let modules =
            accumulated.modules.iter().filter(|(_, record)| record.ended_wall_ms.is_none());
        let trace = |slot: &Option<String>| {
            let index = SLOTS.iter().position(|name| slot.as_deref() == Some(*name)).unwrap();
            let stick = &self.sticks[index];
            // What the stick before it did is not its own.
            if stick.swapped.is_some() { ModuleTrace::default() } else { stick.trace(now) }
        };
        let from = at(i64::from(LOOK_BACK_DAYS) * DAY);
        MemoryTraces {
            from_wall_ms: from,
            watches: self.watches.iter().map(watch).collect(),
            boots_wall_ms: self.boots.iter().map(|ago| at(*ago)).filter(|at| *at >= from).collect(),
            modules: modules.map(|(key, record)| (key.clone(), trace(&record.slot))).collect(),
        }
    }
}

/// What `memory.policy = "default"` names, over the time that the engine knows.
fn default_policy() -> Policy {
    let rule = |code: &str, when| PolicyRule {
        code: code.to_owned(),
        meaning: String::new(),
        source: String::new(),
        when,
        then: Then::Alarm,
    };
    let worth = When::Worth(Worth { horizon_days: LONGEST_HORIZON_DAYS });
    Policy {
        rules: vec![rule("worth", worth), rule("uncorrected", When::Uncorrected)],
        name: "default".to_owned(),
        ..Policy::never()
    }
}

impl Stick {
    fn trace(&self, now: i64) -> ModuleTrace {
        let mut changes: Vec<CounterChange> = self.counted.iter().map(|c| change(now, c)).collect();
        changes.sort_by_key(|change| change.to_wall_ms);
        let mut reports: Vec<EventRecord> = self.reports.iter().map(|r| report(now, r)).collect();
        reports.sort_by_key(|report| report.first_wall_ms);
        ModuleTrace { changes, reports, folded: Vec::new(), cut: false }
    }
}

fn change(
    now: i64,
    &(ago, class, errors, restarted): &(i64, ErrorClass, u64, bool),
) -> CounterChange {
    let at = now - ago * 1_000;
    CounterChange {
        class,
        from_wall_ms: at,
        to_wall_ms: at,
        errors,
        interval: MINUTE,
        restarted,
        first: false,
    }
}

fn report(now: i64, &(ago, class, place, errors): &(i64, EventClass, Place, u64)) -> EventRecord {
    let Place { device, bank, row, column } = place;
    let address = u64::try_from(((bank << 20 | row) << 14) + column).unwrap();
    EventRecord {
        id: 1,
        boot: BootId::unknown(),
        first_wall_ms: now - ago * 1_000,
        group: EventGroup {
            first: Duration::ZERO,
            last: Duration::ZERO,
            witness: Witness::McEvent,
            class,
            what: EventWhat::Memory,
            place: EventPlace::Address,
            address: Some(address),
            grain_bits: None,
            syndrome: None,
            reports: 1,
            errors,
            message: "memory read error".to_owned(),
            detail: format!("rank:0 bank:{bank} device:{device} row:{row} column:{column}"),
            folded: Folded::Nothing,
        },
        dimm: None,
        same_as: None,
        counted: errors,
    }
}

fn snapshot(kernel: &Kernel, board: &[BoardSlot]) -> Snapshot {
    let tree = Tree::parse(&(kernel.tree() + &tables(board).sections())).unwrap();
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: MINUTE, disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}
