//! Verdicts on sticks of memory, for the agent and for commands.

use crate::config::Settings;
use crate::policies;
use crate::windows::{self, MaintenanceWindow};
use scrubjay_alerts::memory::{LOOK_BACK_DAYS, MemorySettings, Validity, judge_host};
use scrubjay_alerts::replay::Policy;
use scrubjay_model::{
    Accumulated, BootId, CpuSignature, DimmVerdict, MicrocodeVendor, ModuleKey, Snapshot,
};
use scrubjay_storage::{History, HistoryReader, StorageError};
use std::time::Duration;

/// Why there are no answers of the history.
pub(crate) const IN_MEMORY: &str =
    "the history is kept in memory and knows nothing of earlier days";

/// Where nothing happened a verdict changes by time alone, which is slow.
const JUDGE_AGAIN_AFTER: Duration = Duration::from_secs(3600);

/// In a storm there is a pass every few seconds; a verdict does not turn on as little.
const STORM_MS: i64 = 60_000;

const DAY_MS: i64 = 86_400_000;

/// What is asked of memory on this host, at a moment.
#[derive(Debug, Clone)]
pub(crate) struct MemoryPolicy {
    settings: MemorySettings,
    /// By which rules.
    policy: Policy,
    windows: Vec<MaintenanceWindow>,
}

impl MemoryPolicy {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut engine = settings.memory.engine.clone();
        // What stands beside a policy that goes by no cost is what the default one would say.
        let default = || policies::named(policies::DEFAULT).ok()?.horizon_days();
        if let Some(days) = settings.memory.policy.horizon_days().or_else(default) {
            engine.horizon_days = days;
        }
        let policy = settings.memory.policy.clone();
        Self { settings: engine, policy, windows: settings.windows.clone() }
    }

    fn at(&self, snapshot: &Snapshot) -> MemorySettings {
        let now = snapshot.at.wall_ms;
        let until = |window: windows::Occurrence| {
            u64::try_from(window.from_wall_ms.saturating_sub(now) / 1_000).unwrap_or(0)
        };
        let window = windows::next_of(&self.windows, now).map(|(_, next)| until(next));
        let platform = platform(snapshot);
        MemorySettings { window, platform, ..self.settings.clone() }
    }
}

/// How far the weights hold here. They were fitted on Intel's Purley (Skylake and Cascade Lake
/// servers, model 85) with DDR4; Whitley (Ice Lake, model 106) looked alike.
fn platform(snapshot: &Snapshot) -> Validity {
    let Some(microcode) = Snapshot::found(&snapshot.microcode) else {
        return Validity::Transferred;
    };
    let ddr4 = Snapshot::found(&snapshot.edac).is_some_and(|edac| {
        let mut dimms = edac.controllers.iter().flat_map(|controller| controller.dimms.iter());
        dimms.any(|dimm| dimm.memory_type.value().is_some_and(|kind| kind.contains("DDR4")))
    });
    match (microcode.vendor, microcode.signature, ddr4) {
        (MicrocodeVendor::Intel, CpuSignature { family: 6, model: 85, .. }, true) => {
            Validity::Fitted
        }
        (MicrocodeVendor::Intel, CpuSignature { family: 6, model: 106, .. }, true) => {
            Validity::Similar
        }
        _ => Validity::Transferred,
    }
}

/// What a host's memory looked like when it was judged.
#[derive(Debug, PartialEq, Eq)]
struct Looks {
    boot: BootId,
    /// Each stick with its errors and new lives of its counters.
    modules: Vec<(ModuleKey, u64, u64, u64)>,
    /// Reports taken in.
    reports: u64,
    bad_pages: usize,
}

/// What is new about a host's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    /// More corrected errors, of which a storm has some at every pass.
    MoreOfTheSame,
    /// Anything else.
    News,
}

impl Looks {
    fn since(&self, before: &Self) -> Change {
        if self == before {
            return Change::None;
        }
        let Self { boot, modules, reports: _, bad_pages } = self;
        let quiet = |looks: &[(ModuleKey, u64, u64, u64)]| -> Vec<(ModuleKey, u64, u64)> {
            looks.iter().map(|(key, _, other, lives)| (key.clone(), *other, *lives)).collect()
        };
        let is_same = *boot == before.boot
            && *bad_pages == before.bad_pages
            && quiet(modules) == quiet(&before.modules);
        if is_same { Change::MoreOfTheSame } else { Change::News }
    }

    fn of(snapshot: &Snapshot, accumulated: &Accumulated) -> Self {
        let present = accumulated.modules.values().filter(|record| record.ended_wall_ms.is_none());
        Self {
            boot: snapshot.at.boot.clone(),
            modules: present
                .map(|m| (m.key.clone(), m.correctable, m.uncorrectable, m.restarts))
                .collect(),
            reports: accumulated.reports.values().map(|total| total.reports).sum(),
            bad_pages: accumulated.bad_pages.len(),
        }
    }
}

/// The verdicts of the agent, made anew when something changed or an hour has passed.
#[derive(Debug)]
pub(crate) struct Judge {
    policy: MemoryPolicy,
    last: Option<(Looks, i64)>,
    verdicts: Vec<DimmVerdict>,
    /// Why the history could not be asked when that was last wanted.
    unasked: Option<String>,
}

impl Judge {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            policy: MemoryPolicy::new(settings),
            last: None,
            verdicts: Vec::new(),
            unasked: None,
        }
    }

    /// The verdicts after a pass. While the history is kept in memory those before it stand: what
    /// happens meanwhile the rules on counters tell of.
    pub(crate) fn look(
        &mut self,
        history: &History,
        snapshot: &Snapshot,
        accumulated: &Accumulated,
    ) -> Vec<DimmVerdict> {
        let looks = Looks::of(snapshot, accumulated);
        let now = snapshot.at.wall_ms;
        let again = i64::try_from(JUDGE_AGAIN_AFTER.as_millis()).unwrap_or(i64::MAX);
        let is_fresh = self.last.as_ref().is_some_and(|(last, at)| {
            let good_for = match looks.since(last) {
                Change::None => again,
                Change::MoreOfTheSame => STORM_MS,
                Change::News => 0,
            };
            // A clock that was set back makes any verdict old.
            (0..good_for).contains(&now.saturating_sub(*at))
        });
        if !is_fresh {
            match history.memory_traces(look_back(now)) {
                Ok(Some(traces)) => {
                    let settings = self.policy.at(snapshot);
                    let policy = &self.policy.policy;
                    self.verdicts = judge_host(&traces, accumulated, snapshot, &settings, policy);
                    self.last = Some((looks, now));
                    self.unasked = None;
                }
                Ok(None) => self.unasked = Some(IN_MEMORY.to_owned()),
                // Asked again at the next pass.
                Err(error) => {
                    let why = format!("failed to {:#}", anyhow::Error::from(error));
                    tracing::error!("{why}");
                    self.unasked = Some(why);
                }
            }
        }
        self.verdicts.clone()
    }

    /// Why the verdicts may not be those of now.
    pub(crate) fn unasked(&self) -> Option<String> {
        self.unasked.clone()
    }
}

/// The verdicts by the history as it is written.
pub(crate) fn once(
    settings: &Settings,
    reader: &HistoryReader,
    snapshot: &Snapshot,
    accumulated: &Accumulated,
) -> Result<Vec<DimmVerdict>, StorageError> {
    let traces = reader.memory_traces(look_back(snapshot.at.wall_ms))?;
    let policy = MemoryPolicy::new(settings);
    Ok(judge_host(&traces, accumulated, snapshot, &policy.at(snapshot), &policy.policy))
}

fn look_back(now_wall_ms: i64) -> i64 {
    now_wall_ms.saturating_sub(i64::from(LOOK_BACK_DAYS).saturating_mul(DAY_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_is_judged_once_a_minute_and_news_at_once() {
        let key = ModuleKey::from_stored("a");
        let looks = |correctable, uncorrectable, reports| Looks {
            boot: BootId::unknown(),
            modules: vec![(key.clone(), correctable, uncorrectable, 0)],
            reports,
            bad_pages: 0,
        };
        let before = looks(1, 0, 1);
        assert_eq!(looks(1, 0, 1).since(&before), Change::None);
        assert_eq!(looks(9, 0, 5).since(&before), Change::MoreOfTheSame);
        assert_eq!(looks(1, 1, 1).since(&before), Change::News);
        assert_eq!(Looks { bad_pages: 1, ..looks(1, 0, 1) }.since(&before), Change::News);
    }
}
