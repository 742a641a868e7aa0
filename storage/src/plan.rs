//! What a pass changes. Pure: state and snapshot in, changed state and changes out; nothing here
//! knows a database.

use crate::boot_end;
use crate::changes::{Changes, Entry};
use crate::counters::{self, WINDOW_FLUSH};
use crate::events::{self, Heard, WitnessedState};
use crate::facts;
use crate::ledger::{self, Pace};
use crate::modules;
use crate::pages::{self, PagesSeen};
use crate::state::{BootState, Run, RunEnd, RunRow, SettingsDigests, State, Stretch};
use scrubjay_model::{
    Accumulated, BootEnd, ControllerKey, EventsStatus, FORCED_PATCH, ForcedPatch, SeriesTotal,
    Snapshot, Stamp, Witnessed, clock_step,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often coverage and the time a boot was last seen are written while nothing else changes.
/// After a kill they understate by up to this much, never overstate. Ten minutes cost some 1.2 MB
/// of writing a day; every pass would cost twelve.
pub(crate) const QUIET_FLUSH: Duration = Duration::from_secs(600);

/// Begins a run of the agent.
pub(crate) fn begin(
    state: &mut State,
    at: &Stamp,
    version: &str,
    interval: Duration,
    settings: SettingsDigests,
) -> Changes {
    let mut changes = Changes { urgent: true, ..Changes::default() };
    state.run = None;
    start_run(state, at, version.to_owned(), interval, settings, &mut changes);
    changes
}

/// Ends the run in order. Everything known is written out, so that what is loaded next equals what
/// is in memory now.
pub(crate) fn end(state: &mut State, at: &Stamp) -> Changes {
    let mut changes = Changes { urgent: true, ..Changes::default() };
    let at = state.placed(at);
    enter_boot_in_run(state, &at, &mut changes);
    let Some(mut run) = state.run.take() else { return changes };
    // The stretch is not extended to this moment: nothing was read at it.
    if let Some(stretch) = run.stretch {
        changes.stretches.insert((run.row.id, stretch.from), stretch);
    }
    changes.ledger.extend(ledger::errors_left_out(&run.pace, &state.reports, &at));
    changes.ledger.push(ledger::agent_stopped(run.row.id, &at));
    run.row.stopped = Some(at.clone());
    let ended = RunEnd::stopped(&run.row, &at);
    changes.runs.insert(run.row.id, run.row);
    if let Some(boot) = &mut state.boot {
        boot.last_run = ended;
        // If the wall clock was stepped since the last pass, the next run finds that out by
        // comparing with that pass.
        if clock_step(&boot.last, &at).is_none() {
            boot.last = at;
        }
        changes.boots.insert(boot.id().clone(), boot.clone());
    }
    changes.counters.clone_from(&state.counters);
    changes
}

/// What a pass changed, and how its controllers are called.
#[derive(Debug)]
pub(crate) struct Pass {
    /// To be written.
    pub(crate) changes: Changes,
    /// The key of each controller in the snapshot, by its index.
    pub(crate) keys: BTreeMap<u32, ControllerKey>,
}

/// Takes in one snapshot. `None` if no run was begun.
pub(crate) fn pass(state: &mut State, snapshot: &Snapshot, heard: Heard<'_>) -> Option<Pass> {
    let at = state.placed(&snapshot.at);
    let mut changes = Changes::default();
    let earlier = state.boot.as_ref().map(|boot| boot.last.clone());
    enter_boot_in_run(state, &at, &mut changes);
    state.run.as_ref()?;
    see_boot(state, snapshot, &at, &mut changes);
    let (run_id, extends) = cover(state.run.as_mut()?, &at, &mut changes);
    changes.urgent |= !extends;

    let mut entry = Entry::new(state.next_snapshot, run_id, at.clone());
    entry.clock_step_ms =
        earlier.and_then(|earlier| clock_step(&earlier, &at)).map(|step| step.by_ms);
    let (mut moved, mut restarted) = (BTreeMap::new(), BTreeSet::new());
    let keys = match Snapshot::found(&snapshot.edac) {
        Some(edac) => {
            let followed = counters::follow(state, edac, &at);
            (moved, restarted) = (followed.moved(), followed.restarted());
            entry.points = followed.points;
            changes.urgent |= !(followed.controllers.is_empty() && followed.counters.is_empty());
            let controllers = state.controllers.iter();
            changes.controllers = controllers
                .filter(|c| followed.controllers.contains(&c.key))
                .map(|c| (c.key.clone(), c.clone()))
                .collect();
            changes.counters = followed
                .counters
                .into_iter()
                .filter_map(|key| Some((key.clone(), state.counters.get(&key)?.clone())))
                .collect();
            followed.keys
        }
        None => BTreeMap::new(),
    };
    if let Some(run) = &mut state.run {
        run.keys.clone_from(&keys);
    }
    events::follow(state, heard, &at, &moved, &mut changes);
    pages::follow(state, &PagesSeen::nothing(), &at, &mut changes);
    entry.turns = modules::follow(state, snapshot, &keys, &moved, &restarted, &at, &mut changes);
    let sources = snapshot.sources();
    let mut facts = snapshot.facts();
    facts.extend(heard.how.map(EventsStatus::fact));
    facts.extend(modules::places(state));
    facts.extend(counters::read(state, Snapshot::found(&snapshot.edac), &keys));
    entry.facts = facts::follow(&mut state.facts, &facts, &sources);
    facts::follow_transitions(&mut state.transitions, &entry.facts, &at);
    let run = state.run.as_mut()?;
    entry.sources = facts::follow_sources(&mut run.sources, &sources);
    if !entry.is_empty() {
        state.next_snapshot = state.next_snapshot.saturating_add(1);
        changes.ledger.extend(ledger::of_entry(&entry));
        changes.entries.push(entry);
        changes.urgent = true;
    }

    changes.urgent |= passed(&run.flushed, &at) >= QUIET_FLUSH;
    if passed(&run.windows_flushed, &at) >= WINDOW_FLUSH {
        run.windows_flushed = at;
        changes.counters.clone_from(&state.counters);
    }
    Some(Pass { changes, keys })
}

/// Takes in reports between two passes. Counters were not read, so what they counted meanwhile is
/// held against the reports at the next pass.
pub(crate) fn hear(state: &mut State, at: &Stamp, heard: Heard<'_>) -> Changes {
    let mut changes = Changes::default();
    let at = state.placed(at);
    if state.run.as_ref().is_some_and(|run| run.row.boot() == &at.boot) {
        events::follow(state, heard, &at, &BTreeMap::new(), &mut changes);
    }
    changes
}

/// The sums as they now are, and what is remembered of the boot of `at`.
pub(crate) fn accumulated(
    state: &State,
    keys: BTreeMap<u32, ControllerKey>,
    at: &Stamp,
) -> Accumulated {
    let total = |counter: &crate::state::CounterState| SeriesTotal {
        total: counter.total,
        since_wall_ms: counter.since_wall_ms,
        restarts: counter.restarts,
    };
    let totals = state.counters.iter().map(|(key, counter)| (key.clone(), total(counter)));
    let witnessed = state.witnessed.iter().map(|(key, known)| {
        let WitnessedState { errors, unheard } = *known;
        (key.clone(), Witnessed { errors, unheard })
    });
    // A pass may not know its boot, and the fact was recorded under the id the pass had.
    let boots = [&at.boot, &state.placed(at).boot];
    let forced = state.facts.iter().filter(|((name, _), _)| name == FORCED_PATCH);
    let forced = forced.filter_map(|((_, patch), fact)| {
        let value = fact.known.value()?;
        boots.into_iter().find_map(|boot| ForcedPatch::recalled(patch, value, boot))
    });
    // The reading that a counter is compared with next belongs to the boot it was last read in.
    let boot = &state.placed(at).boot;
    let seen = state
        .counters
        .iter()
        .filter(|(_, counter)| boot.is_known() && counter.base.epoch.boot == *boot);
    let seen_this_boot = seen.map(|(key, _)| key.controller.clone()).collect();
    Accumulated {
        controllers: keys,
        totals: totals.collect(),
        witnessed: witnessed.collect(),
        reports: state.reports.totals.clone(),
        lost_reports: state.reports.lost,
        undecodable_reports: state.reports.undecodable,
        transitions: state
            .transitions
            .iter()
            .filter(|(_, first)| first.boot.is_known() && boots.contains(&&first.boot))
            .filter_map(|(patch, first)| Some((patch.clone(), first.awake?)))
            .collect(),
        forced_patches: ForcedPatch::merged(forced),
        seen_this_boot,
        bad_pages: state.bad_pages.clone(),
        modules: state.modules.clone(),
    }
}

/// Time between two moments: by the boot clock if that tells, else by the wall clock, whichever
/// way it ran. Only good for deciding when to write.
fn passed(earlier: &Stamp, later: &Stamp) -> Duration {
    later
        .since(earlier)
        .unwrap_or_else(|| Duration::from_millis(later.wall_ms.abs_diff(earlier.wall_ms)))
}

fn start_run(
    state: &mut State,
    at: &Stamp,
    version: String,
    interval: Duration,
    settings: SettingsDigests,
    changes: &mut Changes,
) {
    changes.urgent = true;
    let gap = state.boot.as_ref().and_then(|boot| ledger::gap_before_run(&boot.last, at, interval));
    enter_boot(state, at, changes);
    let id = state.next_run;
    state.next_run = id.saturating_add(1);
    let row = RunRow { id, version, interval, started: at.clone(), stopped: None };
    changes.runs.insert(id, row.clone());
    changes.ledger.push(ledger::agent_started(&row, &settings));
    changes.ledger.extend(gap);
    state.run = Some(Run {
        row,
        settings,
        pace: Pace::new(),
        stretch: None,
        keys: BTreeMap::new(),
        listening: false,
        sources: BTreeMap::new(),
        flushed: at.clone(),
        windows_flushed: at.clone(),
    });
    if let Some(boot) = &mut state.boot {
        boot.last_run = RunEnd::Open;
    }
}

/// Begins another run if the present one belongs to another boot. No live host does this, but a
/// root of files may; a run lies within one boot.
fn enter_boot_in_run(state: &mut State, at: &Stamp, changes: &mut Changes) {
    match &state.run {
        Some(run) if run.row.boot() != &at.boot => {
            let (version, interval) = (run.row.version.clone(), run.row.interval);
            let settings = run.settings;
            start_run(state, at, version, interval, settings, changes);
        }
        Some(_) | None => {}
    }
}

/// Makes `at` belong to the present boot: if it is of another one, that other one has begun and
/// the end of the present one is judged.
fn enter_boot(state: &mut State, at: &Stamp, changes: &mut Changes) {
    if let Some(boot) = &mut state.boot {
        if boot.id() == &at.boot {
            return;
        }
        (boot.ended, boot.evidence) = boot_end::judge(boot, at);
        changes.ledger.push(ledger::boot_ended(boot, at));
        changes.boots.insert(boot.id().clone(), boot.clone());
    }
    let boot = BootState {
        booted_wall_ms: at.booted_wall_ms().unwrap_or(at.wall_ms),
        last: at.clone(),
        kernel_release: None,
        kernel_version: None,
        ended: BootEnd::Running,
        evidence: "No later boot has been seen.".to_owned(),
        last_run: RunEnd::NeverRan,
    };
    changes.ledger.push(ledger::boot_began(&boot));
    changes.boots.insert(at.boot.clone(), boot.clone());
    state.boot = Some(boot);
}

/// Notes that the boot still runs, and which kernel it runs. The first kernel read stays: within
/// a boot it cannot change, whatever a live patch makes uname(2) say.
fn see_boot(state: &mut State, snapshot: &Snapshot, at: &Stamp, changes: &mut Changes) {
    let Some(boot) = &mut state.boot else { return };
    boot.last = at.clone();
    if let Some(kernel) = Snapshot::found(&snapshot.kernel) {
        let was_known = boot.kernel_release.is_some();
        for (known, read) in [
            (&mut boot.kernel_release, &kernel.release),
            (&mut boot.kernel_version, &kernel.version),
        ] {
            if known.is_none() && read.value().is_some() {
                *known = read.value().cloned();
                changes.urgent = true;
            }
        }
        if !was_known && boot.kernel_release.is_some() {
            changes.ledger.push(ledger::kernel_running(boot));
        }
    }
    changes.boots.insert(boot.id().clone(), boot.clone());
}

/// Extends the stretch of coverage, or begins a new one after a gap. Returns the run, and whether
/// there was no gap.
///
/// Time is told by the boot clock, which goes on while the host sleeps, so that sleep is a gap
/// too. Where it is not known, or runs backwards, nothing is claimed.
fn cover(run: &mut Run, at: &Stamp, changes: &mut Changes) -> (i64, bool) {
    let id = run.row.id;
    let Some(now) = at.since_boot else { return (id, true) };
    let point = Stretch { from: now, from_wall_ms: at.wall_ms, to: now, to_wall_ms: at.wall_ms };
    let (stretch, extends) = match run.stretch {
        _ if run.row.started.since_boot.is_some_and(|started| now < started) => return (id, true),
        None => (point, false),
        Some(open) => match now.checked_sub(open.to) {
            None => return (id, true),
            Some(gap) if gap <= longest_gap(run.row.interval) => {
                (Stretch { to: now, to_wall_ms: at.wall_ms, ..open }, true)
            }
            Some(_) => {
                changes.ledger.push(ledger::gap(open.to_wall_ms, Some(open.to), at));
                (point, false)
            }
        },
    };
    run.stretch = Some(stretch);
    changes.stretches.insert((id, stretch.from), stretch);
    (id, extends)
}

/// Passes further apart than this have a gap between them. Two and a half intervals: one pass may
/// fail to happen and the next be late before we say that nobody was looking.
pub(crate) fn longest_gap(interval: Duration) -> Duration {
    interval.saturating_mul(5) / 2
}
