//! What the history answers: totals that survive resets, boots, coverage.

use crate::seconds;
use crate::{
    BadPage, BootId, ControllerKey, Counter, Edac, ErrorClass, EventClass, ForcedPatch, ModuleKey,
    ModuleRecord, Place, Transitions, Witness,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Names one counter for good.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct SeriesKey {
    /// The controller, by the key the history gave it.
    pub controller: ControllerKey,
    /// What is counted there.
    pub place: SeriesPlace,
    /// Which class.
    pub class: ErrorClass,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SeriesPlace {
    /// The controller's total (`ce_count`).
    Total,
    /// The part no DIMM holds (`ce_noinfo_count`).
    Unattributed,
    /// One place.
    Dimm(Place),
}

/// The sum of a counter over all its lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SeriesTotal {
    /// Errors counted, over all lives.
    pub total: u64,
    /// When the history first saw the counter, milliseconds since the Unix epoch. Errors the
    /// kernel had counted before are in the total.
    pub since_wall_ms: i64,
    /// How often the counter began a new life. Each time, what it counted between our last
    /// reading and its end is lost, so that the total is a lower bound.
    pub restarts: u64,
}

/// What reports of single errors say of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Witnessed {
    /// Errors reported one by one at the counter's place, in all its lives.
    pub errors: u64,
    /// Errors it counted while nobody listened: before the agent started, or where there are no
    /// trace events.
    pub unheard: u64,
}

/// Reports of one witness and class, over all time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReportTotal {
    /// Reports taken in.
    pub reports: u64,
    /// Errors they told of.
    pub errors: u64,
    /// Of these, errors that no other report had told of before.
    pub counted: u64,
}

/// The history's answer to one snapshot: which controller is which, the sums, and what the kernel
/// no longer tells of this boot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accumulated {
    /// The key of each controller, by its index in the snapshot.
    pub controllers: BTreeMap<u32, ControllerKey>,
    /// The sums of all counters ever seen.
    pub totals: BTreeMap<SeriesKey, SeriesTotal>,
    /// What reports say of the counters of places, as far as there were any.
    pub witnessed: BTreeMap<SeriesKey, Witnessed>,
    /// Reports taken in, over all time.
    pub reports: BTreeMap<(Witness, EventClass), ReportTotal>,
    /// Reports that were overwritten before they could be read, over all time.
    pub lost_reports: u64,
    /// Reports that could not be decoded, over all time.
    pub undecodable_reports: u64,
    /// Transitions of live patches that go on, as this boot's passes saw them begin.
    pub transitions: Transitions,
    /// Live patches forced in this boot, in order.
    pub forced_patches: Vec<ForcedPatch>,
    /// Controllers whose counters were read in the boot of the snapshot, those in it included.
    /// Empty while the boot is not known.
    pub seen_this_boot: BTreeSet<ControllerKey>,
    /// Every bad page ever registered, by physical address.
    pub bad_pages: BTreeMap<u64, BadPage>,
    /// All sticks of memory ever seen, those gone included.
    pub modules: BTreeMap<ModuleKey, ModuleRecord>,
}

/// One boot of the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootRecord {
    /// The kernel's id for it.
    pub boot: BootId,
    /// When it began, by the first wall clock seen in it, milliseconds since the Unix epoch. `None`
    /// of one of which a damaged file told no more than the id, as are the next two.
    pub booted_wall_ms: Option<i64>,
    /// When it was last seen running.
    pub last_seen_wall_ms: Option<i64>,
    /// Time since boot when last seen, sleep included.
    #[serde(rename = "ran_seconds", serialize_with = "seconds::of_option")]
    pub ran: Option<Duration>,
    /// Of that, asleep; `None` if the clocks did not tell.
    #[serde(rename = "slept_seconds", serialize_with = "seconds::of_option")]
    pub slept: Option<Duration>,
    /// `osrelease` of its kernel.
    pub kernel_release: Option<String>,
    /// `version` of its kernel.
    pub kernel_version: Option<String>,
    /// How it ended.
    pub end: BootEnd,
    /// What `end` rests on, as a sentence.
    pub evidence: String,
}

/// How a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootEnd {
    /// It is the boot now running, or the last one known.
    Running,
    /// The agent was stopped in order shortly before the next boot.
    Clean,
    /// The agent was cut off: crash, power loss or kill.
    Unclean,
    /// Not enough was seen.
    Unknown,
}

/// One run of the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunRecord {
    /// The boot it ran in.
    pub boot: BootId,
    /// The agent's version.
    pub version: String,
    /// When it started.
    pub started_wall_ms: i64,
    /// When it was stopped in order; `None` if it runs or was cut off.
    pub stopped_wall_ms: Option<i64>,
}

/// A stretch of time within one boot during which passes followed each other as planned.
/// Everything outside these is a gap: no data, which is not the same as no errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CoverageRecord {
    /// The boot it belongs to.
    pub boot: BootId,
    /// First pass, milliseconds since the Unix epoch.
    pub from_wall_ms: i64,
    /// Last pass known.
    pub to_wall_ms: i64,
    /// Length by the boot clock.
    #[serde(rename = "length_seconds", serialize_with = "seconds::of")]
    pub length: Duration,
}

/// A step of the wall clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClockStepRecord {
    /// The boot it happened in.
    pub boot: BootId,
    /// Wall clock after the step, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// How far it jumped.
    pub by_ms: i64,
}

/// One change of a fact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FactRecord {
    /// When the change was seen, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// The boot it was seen in.
    pub boot: BootId,
    /// The fact.
    pub name: String,
    /// What it is about; empty for the host.
    pub subject: String,
    /// Its value; `None` if it has none any more, or could not be read.
    pub value: Option<String>,
    /// `ok`, `absent`, `unreadable`, `malformed` or `gone`.
    pub state: String,
}

/// Since when a reboot is asked for in this boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebootNeed {
    /// Since when, milliseconds since the Unix epoch: the earliest of the reasons that still hold,
    /// and never before the boot.
    pub since_wall_ms: i64,
    /// The reasons that hold, each with when it was first seen to.
    pub reasons: Vec<(String, i64)>,
}

/// One change of one error counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryRecord {
    /// When the change was seen, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// Which counter.
    pub series: SeriesKey,
    /// Errors added.
    pub by: u64,
    /// The sum after it.
    pub total: u64,
    /// `first`, `advanced`, `reboot`, `zeroed`, `assumed` or `fell`.
    pub step: String,
}

impl fmt::Display for SeriesPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Total => f.write_str("total"),
            Self::Unattributed => f.write_str("noinfo"),
            Self::Dimm(place) => place.fmt(f),
        }
    }
}

impl Serialize for SeriesPlace {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.controller, self.place, self.class.as_str())
    }
}

impl SeriesTotal {
    /// Whether errors may be missing from the total.
    pub fn is_lower_bound(&self) -> bool {
        self.restarts > 0
    }
}

impl BootEnd {
    /// All ends, in the order they are exported.
    pub const ALL: [Self; 4] = [Self::Running, Self::Clean, Self::Unclean, Self::Unknown];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Clean => "clean",
            Self::Unclean => "unclean",
            Self::Unknown => "unknown",
        }
    }
}

impl Accumulated {
    /// Errors that the counter of a place counted while we listened and that were not reported one
    /// by one; negative where more were reported than counted. `None` where nobody listened.
    pub fn unreported(&self, key: &SeriesKey) -> Option<i64> {
        let Witnessed { errors, unheard } = self.witnessed.get(key)?;
        let total = self.totals.get(key)?.total;
        i64::try_from(i128::from(total) - i128::from(*errors) - i128::from(*unheard)).ok()
    }

    /// The id of a place in the controller that now has `index`.
    pub fn dimm_id(&self, index: u32, place: Place) -> Option<String> {
        Some(self.controllers.get(&index)?.place(place))
    }

    /// The sum of the counter at `place` in the controller that now has `index`.
    pub fn total(&self, index: u32, place: SeriesPlace, class: ErrorClass) -> Option<&SeriesTotal> {
        let controller = self.controllers.get(&index)?.clone();
        self.totals.get(&SeriesKey { controller, place, class })
    }
}

impl Edac {
    /// Every counter that has a value, under the key the history knows it by. A controller
    /// without a key in `controllers` is left out.
    pub fn counters(
        &self,
        controllers: &BTreeMap<u32, ControllerKey>,
    ) -> Vec<(SeriesKey, &Counter)> {
        let mut found = Vec::new();
        for controller in &self.controllers {
            let Some(key) = controllers.get(&controller.index) else { continue };
            let places = [
                (SeriesPlace::Total, &controller.errors),
                (SeriesPlace::Unattributed, &controller.unattributed),
            ];
            let dimms = controller.dimms.iter().map(|d| (SeriesPlace::Dimm(d.place), &d.errors));
            for (place, errors) in places.into_iter().chain(dimms) {
                for class in ErrorClass::ALL {
                    if let Some(counter) = errors.get(class).value() {
                        let key = SeriesKey { controller: key.clone(), place, class };
                        found.push((key, counter));
                    }
                }
            }
        }
        found
    }
}
