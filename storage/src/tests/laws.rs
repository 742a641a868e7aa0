//! What holds for every story, however the agent is stopped and started in it.

use super::support::{Host, INTERVAL, Mc, directory};
use crate::state::{SettingsDigests, State};
use crate::{Heard, History, load, plan, query};
use proptest::prelude::*;
use scrubjay_model::{Accumulated, SeriesKey, Snapshot, Stamp};
use std::collections::BTreeMap;
use std::time::Duration;

/// The range of the kernel's counters.
const U32_RANGE: u64 = 1 << 32;

/// What may happen on a host.
#[derive(Debug, Clone)]
enum Event {
    /// Time passes, then the agent looks.
    Look {
        after_s: u64,
    },
    /// Errors, by DIMM.
    Errors {
        dimm: usize,
        correctable: u64,
        uncorrectable: u64,
    },
    /// The driver is reloaded, or the counters are zeroed.
    Zeroed,
    /// A counter shows less than before, for no reason.
    Fall {
        dimm: usize,
    },
    /// A DIMM's counters cannot be read from now on, or can again.
    Hidden {
        dimm: usize,
    },
    /// The controllers change places.
    Renumbered,
    Reboot,
    Sleep {
        seconds: u64,
    },
    WallStep {
        seconds: i64,
    },
    /// The agent is stopped in order and started again.
    Restart,
    /// The agent is killed and started again.
    Kill,
}

fn event() -> impl Strategy<Value = Event> {
    let errors = prop_oneof![0_u64..5, 0_u64..1_000_000, Just(U32_RANGE - 10), 0_u64..U32_RANGE];
    prop_oneof![
        8 => (1_u64..200).prop_map(|after_s| Event::Look { after_s }),
        1 => (200_u64..1_000_000).prop_map(|after_s| Event::Look { after_s }),
        4 => (0_usize..2, errors, 0_u64..3).prop_map(|(dimm, correctable, uncorrectable)| {
            Event::Errors { dimm, correctable, uncorrectable }
        }),
        1 => Just(Event::Zeroed),
        1 => (0_usize..2).prop_map(|dimm| Event::Fall { dimm }),
        1 => (0_usize..2).prop_map(|dimm| Event::Hidden { dimm }),
        1 => Just(Event::Renumbered),
        1 => Just(Event::Reboot),
        1 => (1_u64..5_000).prop_map(|seconds| Event::Sleep { seconds }),
        1 => (-100_000_i64..100_000).prop_map(|seconds| Event::WallStep { seconds }),
        2 => Just(Event::Restart),
        3 => Just(Event::Kill),
    ]
}

fn story() -> impl Strategy<Value = (bool, Vec<Event>)> {
    (prop::bool::weighted(0.8), prop::collection::vec(event(), 1..40))
}

/// What an event means for the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cue {
    Nothing,
    Look,
    Restart,
    Kill,
}

/// A host in the middle of a story.
struct Stage {
    host: Host,
    /// Counters that cannot be read at present.
    hidden: BTreeMap<usize, (u64, u64)>,
    boots: u32,
}

impl Stage {
    /// `tells` is whether the kernel tells when counters were zeroed.
    fn new(tells: bool) -> Self {
        let mut host = Host::new();
        host.controllers = vec![Mc::new(0, "IMC#0"), Mc::new(1, "IMC#1")];
        if !tells {
            host.controllers.iter_mut().for_each(|mc| mc.zeroed_at = None);
        }
        Self { host, hidden: BTreeMap::new(), boots: 1 }
    }

    /// Lets it happen, and tells what the agent is to do.
    fn play(&mut self, event: &Event) -> Cue {
        // Long enough that a reset does not fall into the second of the one before.
        const APART: Duration = Duration::from_secs(5);
        let awake = |host: &Host| host.since_boot - host.slept;
        match *event {
            Event::Look { after_s } => {
                self.host.pass(Duration::from_secs(after_s));
                return Cue::Look;
            }
            Event::Errors { dimm, correctable, uncorrectable } => {
                let counts = match self.hidden.get_mut(&dimm) {
                    Some(hidden) => hidden,
                    None => self.host.dimm(0, dimm),
                };
                counts.0 = (counts.0 + correctable) % U32_RANGE;
                counts.1 = (counts.1 + uncorrectable) % U32_RANGE;
            }
            Event::Zeroed => {
                self.host.pass(APART);
                let now = awake(&self.host);
                self.host.controllers.iter_mut().for_each(|mc| mc.zero(now));
                self.hidden.values_mut().for_each(|counts| *counts = (0, 0));
                self.host.pass(APART);
            }
            Event::Fall { dimm } => {
                if let Some(counts) = &mut self.host.controllers[0].dimms[dimm] {
                    counts.0 /= 2;
                }
            }
            Event::Hidden { dimm } => {
                let shown = &mut self.host.controllers[0].dimms[dimm];
                match self.hidden.remove(&dimm) {
                    Some(counts) => *shown = Some(counts),
                    None => self.hidden.extend(shown.take().map(|counts| (dimm, counts))),
                }
            }
            Event::Renumbered => {
                for mc in &mut self.host.controllers {
                    mc.index = 1 - mc.index;
                }
            }
            Event::Reboot => {
                self.boots += 1;
                self.host.reboot(self.boots);
                self.hidden.values_mut().for_each(|counts| *counts = (0, 0));
            }
            Event::Sleep { seconds } => {
                self.host.pass(Duration::from_secs(seconds));
                self.host.slept += Duration::from_secs(seconds);
            }
            Event::WallStep { seconds } => self.host.wall_ms += seconds * 1_000,
            Event::Restart => return Cue::Restart,
            Event::Kill => return Cue::Kill,
        }
        Cue::Nothing
    }
}

/// The sums after a story in which the agent is never stopped, without any database.
fn undisturbed(tells: bool, events: &[Event]) -> Accumulated {
    let mut stage = Stage::new(tells);
    let mut state = State::of_nothing();
    let _changes =
        plan::begin(&mut state, &stage.host.at(), "1.0.0", INTERVAL, SettingsDigests::default());
    for event in events {
        if stage.play(event) == Cue::Look {
            plan::pass(&mut state, &stage.host.snapshot(), Heard::NOTHING).unwrap();
        }
    }
    query::accumulate(state, &stage.host.snapshot())
}

fn open(dir: &std::path::Path, at: &Stamp) -> History {
    let mut history = History::open(dir, at).unwrap();
    history.begin_run(at, "1.0.0", INTERVAL).unwrap();
    history
}

/// Totals and restarts; when a series was first seen is compared as well.
fn sums(accumulated: &Accumulated) -> BTreeMap<SeriesKey, (u64, u64, i64)> {
    let totals = accumulated.totals.iter();
    totals.map(|(key, t)| (key.clone(), (t.total, t.restarts, t.since_wall_ms))).collect()
}

/// Coverage as stored, joined with the run it belongs to: from, to, started, stopped, all in
/// nanoseconds since boot.
fn coverage(history: &History) -> Vec<(i64, i64, i64, i64, Option<i64>)> {
    history
        .conn
        .prepare(
            "SELECT agent_run.boot, from_since_boot_ns, to_since_boot_ns, started_since_boot_ns,
                    stopped_since_boot_ns
             FROM coverage JOIN agent_run ON agent_run.id = coverage.run
             ORDER BY agent_run.boot, from_since_boot_ns",
        )
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Between any two passes the agent may be stopped or killed, and the host rebooted, without
    /// any effect on the sums; what is loaded is what was known; coverage claims no moment twice
    /// and none outside its run.
    #[test]
    fn stopping_the_agent_changes_nothing((tells, events) in story()) {
        let mut dir = directory();
        let mut stage = Stage::new(tells);
        let mut history = open(dir.path(), &stage.host.at());
        for event in &events {
            match stage.play(event) {
                Cue::Kill => {
                    // As a kill leaves it, while the agent that was killed still holds its files.
                    dir = super::support::kill(history, dir.path());
                    history = open(dir.path(), &stage.host.at());
                }
                Cue::Restart => {
                    history.end_run(&stage.host.at()).unwrap();
                    prop_assert_eq!(&load::state(&history.conn).unwrap(), &history.state);
                    drop(history);
                    history = open(dir.path(), &stage.host.at());
                }
                Cue::Look => {
                    let appended = history.append(&stage.host.snapshot());
                    prop_assert!(appended.error.is_none(), "{:?}", appended.error);
                }
                Cue::Nothing => {}
            }
        }
        let told = query::accumulate(history.state.clone(), &stage.host.snapshot());
        let undisturbed = undisturbed(tells, &events);
        prop_assert_eq!(sums(&told), sums(&undisturbed));
        prop_assert_eq!(told.modules, undisturbed.modules);

        history.end_run(&stage.host.at()).unwrap();
        prop_assert_eq!(&load::state(&history.conn).unwrap(), &history.state);
        // Its ledger is whole, has each run and boot, and no sum has fallen below a checkpoint.
        let report = crate::ledger::rows::verify(&history.conn, &[]).unwrap();
        prop_assert!(report.is_intact(), "{:?}", report);
        for (kind, table) in [("agent_started", "agent_run"), ("boot_began", "boot")] {
            let differ = format!(
                "SELECT (SELECT COUNT(*) FROM ledger WHERE kind = '{kind}')
                        <> (SELECT COUNT(*) FROM {table})"
            );
            prop_assert!(!history.conn.query_row(&differ, [], |row| row.get::<_, bool>(0)).unwrap());
        }
        let mut last_end = (0, i64::MIN);
        for (boot, from, to, started, stopped) in coverage(&history) {
            prop_assert!((boot, from) > last_end, "overlaps");
            prop_assert!(started <= from && from <= to && stopped.is_none_or(|s| to <= s));
            last_end = (boot, to);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A sum never falls, and never grows by more than the kernel shows.
    #[test]
    fn sums_never_fall((tells, events) in story()) {
        let mut stage = Stage::new(tells);
        let mut state = State::of_nothing();
        let _changes = plan::begin(&mut state, &stage.host.at(), "1.0.0", INTERVAL, SettingsDigests::default());
        let mut before = BTreeMap::new();
        for event in &events {
            if stage.play(event) == Cue::Look {
                plan::pass(&mut state, &stage.host.snapshot(), Heard::NOTHING).unwrap();
                let now: BTreeMap<SeriesKey, u64> =
                    state.counters.iter().map(|(key, c)| (key.clone(), c.total)).collect();
                for (key, total) in &before {
                    prop_assert!(now[key] >= *total, "{key}");
                }
                before = now;
            }
        }
    }

    /// Every point adds up to the sum after it, whatever was folded together on the way.
    #[test]
    fn folded_points_keep_the_sums((tells, events) in story()) {
        let mut stage = Stage::new(tells);
        let mut state = State::of_nothing();
        let mut pending = plan::begin(&mut state, &stage.host.at(), "1.0.0", INTERVAL, SettingsDigests::default());
        for event in &events {
            if stage.play(event) == Cue::Look {
                pending.merge(plan::pass(&mut state, &stage.host.snapshot(), Heard::NOTHING).unwrap().changes);
                pending.fold();
            }
        }
        let mut by: BTreeMap<&SeriesKey, u64> = BTreeMap::new();
        for (key, point) in pending.entries.iter().flat_map(|entry| &entry.points) {
            let sum = by.entry(key).or_default();
            *sum += point.by;
            prop_assert_eq!(*sum, point.total);
        }
        for (key, counter) in &state.counters {
            prop_assert_eq!(by[key], counter.total);
        }
    }
}

/// A story in which time stands still is no reason to fail either.
#[test]
fn two_passes_at_the_same_moment_are_one_stretch() {
    let dir = directory();
    let host = Host::new();
    let mut history = open(dir.path(), &host.at());
    let snapshot: Snapshot = host.snapshot();
    for _ in 0..2 {
        assert!(history.append(&snapshot).error.is_none());
    }
    history.end_run(&host.at()).unwrap();
    assert_eq!(coverage(&history).len(), 1);
}
