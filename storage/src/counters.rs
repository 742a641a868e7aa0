//! How the sums follow the kernel's counters. Pure: state and readings in, changes out.

use crate::changes::{Point, StepKind};
use crate::state::{ControllerState, CounterState, MAX_STORED, State};
use scrubjay_model::{
    BootId, COUNTER_READ, ControllerKey, Counter, Edac, Epoch, Fact, Reading, SeenController,
    SeriesKey, Stamp, Step, ZeroedWindow, match_controllers, step,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How often the reset windows are written although nothing else changes. It bounds by how much
/// [`drift`] widens them after the agent was killed: 0.1 s for a day.
pub(crate) const WINDOW_FLUSH: Duration = Duration::from_secs(86_400);

/// What one look at the counters changed.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// The key of each controller seen, by its index.
    pub(crate) keys: BTreeMap<u32, ControllerKey>,
    /// Controllers that are new, or moved, or whose name became known.
    pub(crate) controllers: BTreeSet<ControllerKey>,
    /// Counters whose stored state is out of date.
    pub(crate) counters: BTreeSet<SeriesKey>,
    /// What to record.
    pub(crate) points: BTreeMap<SeriesKey, Point>,
}

impl Followed {
    /// By how much each counter that changed went up.
    pub(crate) fn moved(&self) -> BTreeMap<SeriesKey, u64> {
        self.points.iter().map(|(key, point)| (key.clone(), point.by)).collect()
    }

    /// The counters that began a new life.
    pub(crate) fn restarted(&self) -> BTreeSet<SeriesKey> {
        let anew = self.points.iter().filter(|(_, point)| match point.step {
            StepKind::Restarted(_) => true,
            StepKind::First | StepKind::Advanced | StepKind::Fell => false,
        });
        anew.map(|(key, _)| key.clone()).collect()
    }
}

/// Brings the state up to date with the counters of a pass. A counter that has no value in this
/// pass, and one that is not listed, stays as it was.
pub(crate) fn follow(state: &mut State, edac: &Edac, at: &Stamp) -> Followed {
    let mut followed = Followed::default();
    follow_controllers(state, edac, &mut followed);
    for (key, counter) in edac.counters(&followed.keys) {
        let Some(reading) = storable(counter, &at.boot) else { continue };
        let change = match state.counters.get_mut(&key) {
            Some(known) => advance(known, reading, at.awake),
            None => {
                let total = reading.value;
                let first = CounterState {
                    base: reading,
                    read_awake: at.awake,
                    total,
                    restarts: 0,
                    since_wall_ms: at.wall_ms,
                    fell_to: None,
                };
                state.counters.insert(key.clone(), first);
                Change::Recorded(Point { step: StepKind::First, by: total, value: total, total })
            }
        };
        match change {
            Change::None => {}
            Change::Unrecorded => {
                followed.counters.insert(key);
            }
            Change::Recorded(point) => {
                followed.counters.insert(key.clone());
                followed.points.insert(key, point);
            }
        }
    }
    followed
}

/// Which counters were not read in a pass though they had been before, and which are again. A counter that
/// always was has no such fact. If none was, one fact tells it of all, and those of each stay as they
/// are.
pub(crate) fn read(
    state: &State,
    edac: Option<&Edac>,
    keys: &BTreeMap<u32, ControllerKey>,
) -> Vec<Fact> {
    let fact = |subject: String, is_read: bool| Fact {
        source: None,
        name: COUNTER_READ,
        subject,
        reading: Reading::Value(is_read.to_string()),
    };
    let begin = (COUNTER_READ.to_owned(), String::new());
    let of_name = state.facts.range(begin..).take_while(|((name, _), _)| name == COUNTER_READ);
    let told: BTreeSet<&str> = of_name.map(|((_, subject), _)| subject.as_str()).collect();
    let any = edac.is_some();
    let mut facts = Vec::new();
    if !state.counters.is_empty() && (!any || told.contains("")) {
        facts.push(fact(String::new(), any));
    }
    if let Some(edac) = edac {
        let has_value: BTreeSet<SeriesKey> =
            edac.counters(keys).into_iter().map(|(key, _)| key).collect();
        for key in state.counters.keys() {
            let is_read = has_value.contains(key);
            if is_read && told.is_empty() {
                continue;
            }
            let subject = key.to_string();
            if !is_read || told.contains(subject.as_str()) {
                facts.push(fact(subject, is_read));
            }
        }
    }
    facts
}

fn follow_controllers(state: &mut State, edac: &Edac, followed: &mut Followed) {
    let seen: Vec<SeenController> = edac.controllers.iter().map(Into::into).collect();
    let keys = match_controllers(&state.known_controllers(), &seen);
    for (seen, key) in seen.iter().zip(keys) {
        // An index belongs to the controller seen there last, so that one long gone is not taken
        // for its successor when a name cannot be read.
        for other in &mut state.controllers {
            if other.index == Some(seen.index) && other.key != key {
                other.index = None;
                followed.controllers.insert(other.key.clone());
            }
        }
        match state.controllers.iter_mut().find(|known| known.key == key) {
            Some(known) => {
                let name = seen.name.clone().or_else(|| known.name.clone());
                if (known.index, &known.name) != (Some(seen.index), &name) {
                    known.index = Some(seen.index);
                    known.name = name;
                    followed.controllers.insert(key.clone());
                }
            }
            None => {
                let index = Some(seen.index);
                let name = seen.name.clone();
                state.controllers.push(ControllerState { key: key.clone(), index, name });
                followed.controllers.insert(key.clone());
            }
        }
        followed.keys.insert(seen.index, key);
    }
}

/// The reading as it can be stored: of the boot the pass belongs to, with a window that is one.
/// A value beyond SQLite's range is none of EDAC's u32 and is left out like one that could not be
/// read.
fn storable(counter: &Counter, boot: &BootId) -> Option<Counter> {
    if counter.value > MAX_STORED {
        return None;
    }
    let zeroed = counter.epoch.zeroed.map(|window| ZeroedWindow {
        earliest: window.earliest,
        latest: window.latest.max(window.earliest),
    });
    Some(Counter { value: counter.value, epoch: Epoch { boot: boot.clone(), zeroed } })
}

enum Change {
    None,
    Unrecorded,
    Recorded(Point),
}

fn advance(known: &mut CounterState, reading: Counter, awake: Option<Duration>) -> Change {
    let recovered = known.fell_to.is_some();
    let (kind, by) = match step(&comparable(known, &reading, awake), &reading) {
        Step::Fell { from: _, to } => {
            if recovered {
                return Change::None;
            }
            known.fell_to = Some(to);
            let total = known.total;
            return Change::Recorded(Point { step: StepKind::Fell, by: 0, value: to, total });
        }
        Step::Advanced { by } => (StepKind::Advanced, by),
        Step::Restarted { by, why } => (StepKind::Restarted(why), by),
    };
    let value = reading.value;
    known.base = reading;
    known.read_awake = awake;
    known.fell_to = None;
    match kind {
        // The same errors as before. The window moved on in memory, which needs no writing.
        StepKind::Advanced if by == 0 && !recovered => return Change::None,
        StepKind::Advanced if by == 0 => return Change::Unrecorded,
        StepKind::Restarted(_) => known.restarts = known.restarts.saturating_add(1),
        StepKind::Advanced | StepKind::First | StepKind::Fell => {}
    }
    known.total = known.total.saturating_add(by).min(MAX_STORED);
    Change::Recorded(Point { step: kind, by, value, total: known.total })
}

/// The earlier reading in the form in which it can be compared with the later one.
///
/// Where one of the two boots is unknown, it cannot be told whether the host booted in between: we
/// lean towards "no", as [`BootId::unknown`] does, because "yes" would count the same errors again.
fn comparable(known: &CounterState, later: &Counter, awake: Option<Duration>) -> Counter {
    let mut earlier = known.base.clone();
    if !(earlier.epoch.boot.is_known() && later.epoch.boot.is_known()) {
        earlier.epoch.boot = later.epoch.boot.clone();
    }
    if let Some(window) = &mut earlier.epoch.zeroed {
        window.latest = window.latest.saturating_add(drift(known.read_awake, awake));
    }
    earlier
}

/// How far jiffies, by which the kernel tells the age of a counter, may have drifted against
/// `CLOCK_MONOTONIC` between two readings.
///
/// A tick is a whole number of nanoseconds, so with HZ=300 jiffies run 0.1 ppm fast, and with
/// HZ=1024 0.5 ppm slow; the moment of the reset then seems to wander, by 16 s a year. Within a
/// running agent this is never noticed, as each window is compared with that of the pass before.
/// After a restart the last one written may be as old as the agent was away, and taking the drift
/// for a reset would count everything twice. We allow for 1 ppm; a true reset within that margin
/// after the first one is then taken for the same life, which at worst counts too little.
fn drift(earlier: Option<Duration>, later: Option<Duration>) -> Duration {
    const PER_MILLION: u32 = 1_000_000;
    match (earlier, later) {
        (Some(earlier), Some(later)) => later.saturating_sub(earlier) / PER_MILLION,
        (None, _) | (_, None) => Duration::ZERO,
    }
}
