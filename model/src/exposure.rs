//! How long vulnerabilities were fixed and not in force: two clocks for each.

use crate::{ClockStepRecord, CveId, PackageVersion};
use serde::Serialize;

/// A vulnerability that an installed kernel fixed and the running one had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposureRecord {
    /// The vulnerability.
    pub cve: CveId,
    /// The first package version that fixes it.
    pub fix_version: PackageVersion,
    /// When that was released, seconds since the Unix epoch: the clock of deadlines.
    pub released_unix_s: Option<i64>,
    /// When a kernel with it was first installed, as far as was seen: the clock of whoever could
    /// have rebooted.
    pub installed_unix_s: Option<i64>,
    /// When it was first seen to be owed, milliseconds since the Unix epoch.
    pub first_wall_ms: i64,
    /// What became of it, in order.
    pub turns: Vec<ExposureTurnRecord>,
    /// By how much the wall clock was stepped meanwhile, counting steps of more than a minute and
    /// forwards as positive, in milliseconds; `None` without such a step. Its clocks are wrong by
    /// up to this.
    pub clock_adjusted_ms: Option<i64>,
}

/// A turn in the life of an exposure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposureTurnRecord {
    /// When it was seen; of an end by a boot, when that began. Milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// What happened.
    pub what: ExposureTurnKind,
    /// The live patch, or the package version that the boot brought.
    pub by: String,
}

/// What can become of an exposure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExposureTurnKind {
    /// A live patch took effect.
    Mitigated,
    /// It is no longer in force.
    Unmitigated,
    /// A boot brought the fix.
    Closed,
}

impl ExposureTurnKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mitigated, Self::Unmitigated, Self::Closed];

    /// A stable word for the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mitigated => "mitigated",
            Self::Unmitigated => "unmitigated",
            Self::Closed => "closed",
        }
    }
}

/// The least step of the wall clock that is of account for an exposure.
const ADJUSTED_ABOVE_MS: u64 = 60_000;

impl ExposureRecord {
    /// Takes in what steps of the wall clock there were while it lasted.
    pub fn adjust(&mut self, steps: &[ClockStepRecord]) {
        let end = self.ended_wall_ms();
        let meanwhile = |step: &&ClockStepRecord| {
            let before = step.at_wall_ms.saturating_sub(step.by_ms);
            // A step back leads to a time before it, a step forward from one: either lies within.
            before.max(step.at_wall_ms) >= self.first_wall_ms
                && end.is_none_or(|end| before.min(step.at_wall_ms) <= end)
        };
        self.clock_adjusted_ms = steps
            .iter()
            .filter(|step| step.by_ms.unsigned_abs() > ADJUSTED_ABOVE_MS)
            .filter(meanwhile)
            .map(|step| step.by_ms)
            .reduce(i64::saturating_add);
    }

    /// When its clocks stopped, milliseconds since the Unix epoch; `None` while they run.
    pub fn ended_wall_ms(&self) -> Option<i64> {
        let last = self.turns.last()?;
        match last.what {
            ExposureTurnKind::Mitigated | ExposureTurnKind::Closed => {
                // A boot that only brought what a live patch had in force ended nothing.
                let before = self.turns.iter().rev().nth(1);
                let mitigated = before.filter(|turn| turn.what == ExposureTurnKind::Mitigated);
                Some(mitigated.map_or(last.at_wall_ms, |turn| turn.at_wall_ms))
            }
            ExposureTurnKind::Unmitigated => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DebVersion;

    fn exposure(turns: &[(i64, ExposureTurnKind)]) -> ExposureRecord {
        let turn = |(at_wall_ms, what): &(i64, ExposureTurnKind)| ExposureTurnRecord {
            at_wall_ms: *at_wall_ms,
            what: *what,
            by: "lp_1".to_owned(),
        };
        ExposureRecord {
            cve: CveId::parse("CVE-2026-0001").unwrap(),
            fix_version: PackageVersion::Deb(DebVersion::parse("6.1.192-2").unwrap()),
            released_unix_s: None,
            installed_unix_s: None,
            first_wall_ms: 0,
            turns: turns.iter().map(turn).collect(),
            clock_adjusted_ms: None,
        }
    }

    #[test]
    fn steps_of_more_than_a_minute_while_it_lasted_are_of_account() {
        use ExposureTurnKind::Closed;
        let hour = 3_600_000;
        let step = |at_wall_ms, by_ms| ClockStepRecord {
            boot: crate::BootId::unknown(),
            at_wall_ms,
            by_ms,
        };
        // It was seen at 0 and ended after ten hours.
        for (steps, adjusted) in [
            (vec![], None),
            (vec![step(hour, 60_000)], None),
            (vec![step(hour, 60_001)], Some(60_001)),
            (vec![step(-hour, -2 * hour)], Some(-2 * hour)),
            (vec![step(-hour, 2 * hour)], None),
            (vec![step(11 * hour, 2 * hour)], Some(2 * hour)),
            (vec![step(13 * hour, 2 * hour)], None),
            (vec![step(5 * hour, 3 * hour), step(4 * hour, -3 * hour)], Some(0)),
        ] {
            let mut exposure = exposure(&[(10 * hour, Closed)]);
            exposure.adjust(&steps);
            assert_eq!(exposure.clock_adjusted_ms, adjusted, "{steps:?}");
        }
    }

    #[test]
    fn the_clocks_stop_with_what_took_effect_first_and_go_on_when_it_is_taken_away() {
        use ExposureTurnKind::{Closed, Mitigated, Unmitigated};
        for (turns, ended) in [
            (&[][..], None),
            (&[(5, Closed)], Some(5)),
            (&[(5, Mitigated)], Some(5)),
            (&[(5, Mitigated), (9, Closed)], Some(5)),
            (&[(5, Mitigated), (7, Unmitigated)], None),
            (&[(5, Mitigated), (7, Unmitigated), (9, Closed)], Some(9)),
        ] {
            assert_eq!(exposure(turns).ended_wall_ms(), ended, "{turns:?}");
        }
    }
}
