//! Vulnerabilities against the deadlines of a policy.

use super::parts::ReportPeriod;
use super::policy::{CountsFromWhen, CveClass, PatchDeadlines};
use crate::{CveId, CveLists, ExposureRecord, ExposureTurnKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 86_400_000;

/// What became of a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// The fix was in force in time.
    Met,
    /// It was in force, and too late.
    Late,
    /// It is not in force, and the deadline is over.
    Overdue,
    /// It is not in force, and there is time left.
    Running,
    /// It was late or is overdue, and an exception allowed that at the deadline or allows it now.
    Excepted,
    /// The policy has no deadline for its class.
    None,
    /// It cannot be told: nobody knows when its time began.
    Unknown,
}

impl Deadline {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::Met,
        Self::Late,
        Self::Overdue,
        Self::Running,
        Self::Excepted,
        Self::None,
        Self::Unknown,
    ];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Late => "late",
            Self::Overdue => "overdue",
            Self::Running => "running",
            Self::Excepted => "excepted",
            Self::None => "none",
            Self::Unknown => "unknown",
        }
    }
}

/// One vulnerability in a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedExposure {
    /// The vulnerability.
    pub cve: String,
    /// How it is ranked.
    pub class: CveClass,
    /// The first package version that fixes it.
    pub fix_version: String,
    /// *Available*: when the fix was released, milliseconds since the Unix epoch.
    pub released_wall_ms: Option<i64>,
    /// *Installed*: when a kernel with it was first on the disk.
    pub installed_wall_ms: Option<i64>,
    /// *Live-patched*: when a live patch brought it into force, where one did.
    pub live_patched_wall_ms: Option<i64>,
    /// *Running*: when a boot brought it.
    pub running_wall_ms: Option<i64>,
    /// When it came into force by whichever of the two the policy counts; `None` while it is not.
    pub in_force_wall_ms: Option<i64>,
    /// From its release until then, or until the moment the report is of.
    pub released_for_ms: Option<u64>,
    /// Likewise from its installation.
    pub installed_for_ms: Option<u64>,
    /// When it is to be in force.
    pub due_wall_ms: Option<i64>,
    /// What became of that.
    pub deadline: Deadline,
    /// The exception that allows it to wait.
    pub exception: Option<String>,
    /// By how much the wall clock was set meanwhile: its times are wrong by up to that.
    pub clock_adjusted_ms: Option<i64>,
    /// Whether a live patch alone keeps it from being owed at the moment the report is of.
    pub live_patch_only: bool,
}

/// Vulnerabilities of a class, by what became of their deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassOfExposures {
    /// The class.
    pub class: CveClass,
    /// Days that the policy gives it.
    pub limit_days: Option<u32>,
    /// How many there were.
    pub vulnerabilities: u64,
    /// Of them, by what became of their deadlines.
    pub deadlines: BTreeMap<Deadline, u64>,
    /// Of those that are in force, half were within this time of their release.
    pub median_released_for_ms: Option<u64>,
    /// The longest that one was released and not in force.
    pub longest_released_for_ms: Option<u64>,
    /// The longest that one was installed and not in force.
    pub longest_installed_for_ms: Option<u64>,
}

/// Those that were owed in a period, as they stood at a moment, by a policy.
pub fn reported_exposures(
    exposures: &[ExposureRecord],
    lists: Option<&CveLists>,
    policy: &PatchDeadlines,
    period: ReportPeriod,
) -> Vec<ReportedExposure> {
    let ReportPeriod { from_wall_ms, to_wall_ms, at_wall_ms } = period;
    let known_then = exposures.iter().filter(|record| record.first_wall_ms < to_wall_ms);
    let mut reported: Vec<ReportedExposure> = known_then
        .map(|record| reported(record, lists, policy, at_wall_ms))
        .filter(|owed| owed.in_force_wall_ms.is_none_or(|end| end >= from_wall_ms))
        .collect();
    reported.sort_by(|a, b| {
        (a.class, a.released_wall_ms, &a.cve).cmp(&(b.class, b.released_wall_ms, &b.cve))
    });
    reported
}

fn reported(
    record: &ExposureRecord,
    lists: Option<&CveLists>,
    policy: &PatchDeadlines,
    at_wall_ms: i64,
) -> ReportedExposure {
    let class = CveClass::of(lists.and_then(|lists| lists.ranks.get(&record.cve)));
    let (mut live, mut running) = (None, None);
    for turn in record.turns.iter().filter(|turn| turn.at_wall_ms <= at_wall_ms) {
        match turn.what {
            ExposureTurnKind::Mitigated => live = Some(turn.at_wall_ms),
            ExposureTurnKind::Unmitigated => live = None,
            ExposureTurnKind::Closed => running = Some(turn.at_wall_ms),
        }
    }
    let wall_ms = |unix_s: Option<i64>| unix_s.map(|s| s.saturating_mul(SECOND_MS));
    let mut reported = ReportedExposure {
        cve: record.cve.to_string(),
        class,
        fix_version: record.fix_version.as_str().to_owned(),
        released_wall_ms: wall_ms(record.released_unix_s),
        installed_wall_ms: wall_ms(record.installed_unix_s),
        live_patched_wall_ms: live,
        running_wall_ms: running,
        in_force_wall_ms: None,
        released_for_ms: None,
        installed_for_ms: None,
        due_wall_ms: None,
        deadline: Deadline::Unknown,
        exception: None,
        clock_adjusted_ms: record.clock_adjusted_ms,
        live_patch_only: false,
    };
    reported.judge(&record.cve, policy, at_wall_ms);
    reported
}

impl ReportedExposure {
    /// From its four times to what is said of them.
    pub(super) fn judge(&mut self, cve: &CveId, policy: &PatchDeadlines, at_wall_ms: i64) {
        let (live, running) = (self.live_patched_wall_ms, self.running_wall_ms);
        let by_live = live.filter(|_| policy.live_patch_counts);
        let in_force = match (by_live, running) {
            (Some(live), Some(running)) => Some(live.min(running)),
            (one, other) => one.or(other),
        };
        let (released, installed) = (self.released_wall_ms, self.installed_wall_ms);
        let end = in_force.unwrap_or(at_wall_ms);
        let lasted = |begin: Option<i64>| {
            begin.map(|begin| u64::try_from(end.saturating_sub(begin)).unwrap_or(0))
        };
        let begin = match policy.counts_from {
            CountsFromWhen::Release => released,
            CountsFromWhen::Installation => installed,
        };
        let days = policy.days.get(&self.class);
        let due = days.zip(begin);
        let due = due.map(|(days, begin)| begin.saturating_add(i64::from(*days) * DAY_MS));
        self.exception = None;
        self.deadline = match (days, due) {
            (None, _) => Deadline::None,
            (Some(_), None) => Deadline::Unknown,
            (Some(_), Some(due)) => {
                let in_time = match in_force {
                    Some(end) if end <= due => Deadline::Met,
                    Some(_) => Deadline::Late,
                    None if at_wall_ms <= due => Deadline::Running,
                    None => Deadline::Overdue,
                };
                let is_over = matches!(in_time, Deadline::Late | Deadline::Overdue);
                let allowed = || allowed(policy, cve, self.class, due, end.max(due));
                self.exception = is_over.then(allowed).flatten();
                if self.exception.is_some() { Deadline::Excepted } else { in_time }
            }
        };
        self.in_force_wall_ms = in_force;
        self.released_for_ms = lasted(released);
        self.installed_for_ms = lasted(installed);
        self.due_wall_ms = due;
        self.live_patch_only = live.is_some() && running.is_none();
    }
}

/// The exceptions that allowed a fix to wait from its deadline until it was in force, one after the other.
fn allowed(
    policy: &PatchDeadlines,
    cve: &CveId,
    class: CveClass,
    due: i64,
    end: i64,
) -> Option<String> {
    let mut ids: Vec<&str> = Vec::new();
    let mut at = due;
    loop {
        let holding = policy.exceptions.iter().filter(|one| one.allows(cve, class, at));
        let longest = holding.max_by_key(|one| one.expires_wall_ms)?;
        ids.push(&longest.id);
        if longest.expires_wall_ms > end {
            return Some(ids.join(", "));
        }
        // Later than `at`, as it held then.
        at = longest.expires_wall_ms;
    }
}

/// The same by class, those without any left out.
pub fn classes_of_exposures(
    exposures: &[ReportedExposure],
    policy: &PatchDeadlines,
) -> Vec<ClassOfExposures> {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let class = |class: CveClass| {
        let of: Vec<&ReportedExposure> = exposures.iter().filter(|e| e.class == class).collect();
        if of.is_empty() {
            return None;
        }
        let mut deadlines: BTreeMap<Deadline, u64> = BTreeMap::new();
        for exposure in &of {
            *deadlines.entry(exposure.deadline).or_default() += 1;
        }
        let over = of.iter().filter(|exposure| exposure.in_force_wall_ms.is_some());
        let mut over: Vec<u64> = over.filter_map(|exposure| exposure.released_for_ms).collect();
        over.sort_unstable();
        let median = over.get(over.len().saturating_sub(1) / 2).copied();
        Some(ClassOfExposures {
            class,
            limit_days: policy.days.get(&class).copied(),
            vulnerabilities: number(of.len()),
            deadlines,
            median_released_for_ms: median,
            longest_released_for_ms: of.iter().filter_map(|e| e.released_for_ms).max(),
            longest_installed_for_ms: of.iter().filter_map(|e| e.installed_for_ms).max(),
        })
    };
    CveClass::ALL.into_iter().filter_map(class).collect()
}

#[cfg(test)]
mod tests;
