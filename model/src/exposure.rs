//! How long vulnerabilities were fixed and not in force: two clocks for each.

use crate::{CveId, PackageVersion};
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

impl ExposureRecord {
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
