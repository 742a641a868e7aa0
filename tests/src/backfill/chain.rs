//! The agent's pass without the agent: the same steps in the same order, over snapshots.

use scrubjay_alerts::book::{self, AlertPolicy, Asked, Evaluated, Looked, Pass};
use scrubjay_alerts::memory::{LOOK_BACK_DAYS, MemorySettings, judge_host};
use scrubjay_alerts::replay::{Policy, PolicyRule, Then, When, Worth};
use scrubjay_alerts::{
    BURST_WITHIN, ENDED_WITHIN, PatchPolicy, assess, suspected_uncorrected_errors, with_dimms,
};
use scrubjay_model::{
    AgentStats, BootId, EventPath, EventsStatus, ExtlogSent, Finding, HostHeader, HostView,
    NotifyStats, OfflineStats, Origin, Reading, Sightings, Snapshot, SourceState, Stamp,
};
use scrubjay_storage::{AlertNews, Heard, History, StorageError};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Seconds of CPU that an agent is said to take for each second.
pub(super) const CPU_SHARE: f64 = 0.000_5;

const MIB: u64 = 1 << 20;

/// A history with everything that makes views of it.
#[derive(Debug)]
pub(super) struct Chain {
    history: History,
    stats: AgentStats,
    policy: PatchPolicy,
    suspected: (BootId, Vec<Finding>),
    notices: u64,
    /// Sightings of this run, which number them.
    sightings: u64,
}

/// A program that another test starts holds a copy of the lock until it has begun to run.
fn open(dir: &Path, at: &Stamp) -> History {
    for _ in 0..100 {
        match History::open(dir, at) {
            Err(StorageError::InUse { .. }) => std::thread::sleep(Duration::from_millis(20)),
            opened => return opened.expect("a history"),
        }
    }
    panic!("the history in {} stays in use", dir.display());
}

impl Chain {
    /// Passes are so many seconds apart, and leave no gap.
    pub(super) fn start(dir: &Path, first: &Snapshot, step_s: i64) -> Self {
        let every = Duration::from_secs(u64::try_from(step_s).expect("time goes forward"));
        let mut history = open(dir, &first.at);
        history.keep_within(64 * MIB);
        history.begin_run(&first.at, "backfill", every).expect("a run");
        let events = EventsStatus {
            path: EventPath::Trace,
            listening: vec!["ras:mc_event".to_owned()],
            extlog: ExtlogSent::Held,
            ..EventsStatus::counters_only("")
        };
        let not_yet = || Origin::new("proc/self/stat");
        let stats = AgentStats {
            started_wall_ms: first.at.wall_ms,
            interval: Duration::from_secs(60),
            passes: 0,
            late_passes: 0,
            pass_took: Duration::from_millis(20),
            sources: BTreeMap::new(),
            events,
            storage: history.stats(),
            offlining: OfflineStats::NONE,
            notifications: NotifyStats::default(),
            node_reboot_required: false,
            web: None,
            confinement: None,
            resident_bytes: Reading::Absent(not_yet()),
            cpu: Reading::Absent(not_yet()),
        };
        let policy = PatchPolicy::default();
        Self {
            history,
            stats,
            policy,
            suspected: (BootId::unknown(), Vec::new()),
            notices: 0,
            sightings: 0,
        }
    }

    /// The agent was shut down in order, so long after its last pass as makes no difference.
    pub(super) fn stop(mut self, at: &Stamp) {
        self.history.end_run(at).expect("the end is kept");
    }

    /// Records what was read and heard, and judges it.
    pub(super) fn pass(&mut self, snapshot: Snapshot, mut heard: Sightings, salt: u64) -> HostView {
        let at = &snapshot.at;
        if self.suspected.0 != at.boot {
            let (boots, records) =
                self.history.unclean_ends(BURST_WITHIN, ENDED_WITHIN).expect("a history");
            self.suspected = (at.boot.clone(), suspected_uncorrected_errors(&boots, &records));
        }
        for sighting in &mut heard.sightings {
            sighting.number = self.sightings;
            self.sightings += 1;
        }
        let reports = heard.sightings.iter().map(|sighting| sighting.group.reports);
        self.stats.events.reports += reports.sum::<u64>();
        let how = self.stats.events.clone();
        let heard = Heard { sightings: &heard, listening: true, how: Some(&how) };
        let appended = self.history.append_heard(&snapshot, heard);
        assert!(appended.error.is_none(), "{:?}", appended.error);
        self.account(&snapshot, salt);
        let accumulated = appended.accumulated;
        let assessment = assess(
            &snapshot,
            &accumulated,
            Some(&self.stats.storage),
            Some(&self.stats.events),
            &self.policy,
        )
        .and(self.suspected.1.clone());
        let since = at.wall_ms - i64::from(LOOK_BACK_DAYS) * 86_400_000;
        let settings = MemorySettings { horizon_days: HORIZON_DAYS, ..MemorySettings::default() };
        let traces = self.history.memory_traces(since).expect("a history").expect("a file");
        let dimms = judge_host(&traces, &accumulated, &snapshot, &settings, &as_delivered());
        let assessment = with_dimms(assessment, dimms);
        self.history.note(at, &assessment).expect("conclusions are kept");
        let looked = Looked::of(&snapshot, &accumulated).in_history(
            &assessment.dimms,
            &accumulated,
            Asked::default(),
        );
        let why_not = |key: &_, alert: &_| looked.why_not(key, alert);
        let pass = Pass::of(&assessment, &why_not, &[]);
        let before = self.history.alert_book().clone();
        let Evaluated { book, turns, notices, given, ended } =
            book::evaluate(before, &pass, &AlertPolicy::default(), at);
        self.notices += u64::try_from(notices.len()).unwrap_or(0);
        let journal = self.stats.notifications.receivers.entry("journal".to_owned());
        journal.or_default().sent = self.notices;
        let news = AlertNews { book, turns, given, ended, outgoing: Vec::new() };
        let kept = self.history.keep_alerts(at, news);
        assert!(kept.error.is_none(), "{:?}", kept.error);
        let history = Reading::Value(self.history.summary(at).expect("a summary"));
        HostView {
            header: header(),
            history,
            assessment,
            alerts: self.history.alert_book().clone(),
            agent: Reading::Value(self.stats.clone()),
            accumulated,
            snapshot,
        }
    }

    fn account(&mut self, snapshot: &Snapshot, salt: u64) {
        let passed = snapshot.at.wall_ms - self.stats.started_wall_ms;
        let running = Duration::from_millis(u64::try_from(passed).unwrap_or(0));
        for status in snapshot.sources() {
            let stats = self.stats.sources.entry(status.source).or_default();
            let faults = status.report.map_or(0, |report| report.faults.len());
            stats.failures += u64::try_from(faults).unwrap_or(u64::MAX);
            if status.state == SourceState::Ok {
                stats.last_ok_wall_ms = Some(snapshot.at.wall_ms);
            }
        }
        self.stats.storage = self.history.stats();
        // An agent that looks every minute.
        self.stats.passes = running.as_secs() / 60 + 1;
        self.stats.pass_took = Duration::from_millis(15 + salt % 11);
        self.stats.resident_bytes = Reading::Value((24 + salt % 7) * MIB);
        self.stats.cpu = Reading::Value(running.mul_f64(CPU_SHARE));
    }
}

fn header() -> HostHeader {
    HostHeader {
        root: "/".to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        simulated: None,
        host_name: Reading::Absent(Origin::new("host name")),
        os: Reading::Absent(Origin::new("operating system")),
        cpu: Reading::Absent(Origin::new("CPU")),
        memory_bytes: Reading::Absent(Origin::new("memory")),
    }
}

/// How far ahead the policy as delivered looks.
const HORIZON_DAYS: f64 = 45.0;

/// The policy that is in force unless somebody names another, as far as sticks are judged by it.
fn as_delivered() -> Policy {
    let rule = |code: &str, when| PolicyRule {
        code: code.to_owned(),
        meaning: String::new(),
        source: String::new(),
        when,
        then: Then::Alarm,
    };
    let worth = When::Worth(Worth { horizon_days: HORIZON_DAYS });
    let rules = vec![rule("worth", worth), rule("uncorrected", When::Uncorrected)];
    Policy { name: "default".to_owned(), rules, ..Policy::never() }
}
