//! Until when a vendor makes live patches for a kernel.
//!
//! A file on the host may date it; otherwise there is only the vendor's usual window, counted from
//! the day the kernel was made. The windows are data: `patch_support.csv`.

use crate::civil::{day_of_making, text_of_day};
use crate::{LifecycleRow, PatchSystem, Snapshot};
use serde::Serialize;

/// The table, one row for each vendor and stream of kernels.
const TABLE: &str = include_str!("patch_support.csv");

/// One row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SupportWindow {
    /// The system.
    pub system: PatchSystem,
    /// A word that the release of the kernel holds; empty for any.
    pub stream: String,
    /// Days, if the kernel is among those supported longest.
    pub days_at_most: u32,
    /// Days, if it is among those supported shortest.
    pub days_at_least: u32,
    /// The moment the days are counted from.
    pub from: String,
    /// Where the vendor says so.
    pub source: String,
    /// When that was last looked up.
    pub checked: String,
}

/// The end of support of the running kernel's live patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SupportEnd {
    /// The last day, days since the Unix epoch.
    pub last_day: i64,
    /// The same as text, `2026-11-23`.
    pub date: String,
    /// Whether a file of the vendor on this host gives the day. Otherwise it is the latest by the
    /// vendor's usual window, and known to some days only.
    pub is_dated: bool,
    /// What it rests on.
    pub basis: String,
}

impl SupportWindow {
    /// All rows of the table.
    pub fn all() -> Vec<Self> {
        let rows = TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        rows.filter_map(Self::parse).collect()
    }

    fn parse(row: &str) -> Option<Self> {
        let fields: Vec<&str> = row.split(',').collect();
        let [system, stream, at_most, at_least, from, source, checked] = fields.as_slice() else {
            return None;
        };
        Some(Self {
            system: PatchSystem::parse(system)?,
            stream: (*stream).to_owned(),
            days_at_most: at_most.parse().ok()?,
            days_at_least: at_least.parse().ok()?,
            from: (*from).to_owned(),
            source: (*source).to_owned(),
            checked: (*checked).to_owned(),
        })
    }
}

impl SupportEnd {
    fn new(last_day: i64, is_dated: bool, basis: String) -> Self {
        Self { last_day, date: text_of_day(last_day), is_dated, basis }
    }

    /// Days from a moment, milliseconds since the Unix epoch, to the end of the last day; negative
    /// once it is over.
    pub fn days_left(&self, now_ms: i64) -> i64 {
        self.last_day.saturating_sub(now_ms.div_euclid(DAY_MS))
    }

    /// The moment the last day ends, seconds since the Unix epoch.
    pub fn end_unix_s(&self) -> i64 {
        self.last_day.saturating_add(1).saturating_mul(DAY_MS / 1000)
    }

    /// By the vendor's usual window, from the day the running kernel was made.
    pub(crate) fn usual(system: PatchSystem, snapshot: &Snapshot) -> Option<Self> {
        let kernel = Snapshot::found(&snapshot.kernel)?;
        let (release, version) = (kernel.release.value()?, kernel.version.value()?);
        let window = SupportWindow::all()
            .into_iter()
            .find(|window| window.system == system && release.contains(window.stream.as_str()))?;
        let made = day_of_making(version)?;
        let basis = format!(
            "at most {} days from the {}, made {}, looked up {} ({})",
            window.days_at_most,
            window.from,
            text_of_day(made),
            window.checked,
            window.source
        );
        Some(Self::new(made.checked_add(window.days_at_most.into())?, false, basis))
    }

    /// By the vendor's rows for the running kernel: those for this level, else those for any.
    pub(crate) fn dated(rows: &[LifecycleRow], level: Option<&str>) -> Option<Self> {
        let is_any = |row: &&LifecycleRow| row.version == "*";
        let of_level = |row: &&LifecycleRow| {
            !is_any(row) && level.is_some_and(|level| matches(&row.version, level))
        };
        let row = rows.iter().find(of_level).or_else(|| rows.iter().find(is_any))?;
        let basis = format!("{}: {},{}", row.name, row.package, row.version);
        Some(Self::new(row.last_day, true, basis))
    }
}

const DAY_MS: i64 = 86_400_000;

/// Whether a pattern in which `*` stands for anything is that text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(before) else { return false };
    let mut parts = after.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::civil::day_of_text;
    use proptest::prelude::*;

    #[test]
    fn every_row_of_the_table_is_understood() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        let windows = SupportWindow::all();
        assert_eq!(windows.len(), rows);
        for window in windows {
            assert!(window.days_at_least <= window.days_at_most, "{window:?}");
            assert!(day_of_text(&window.checked).is_some(), "{window:?}");
            assert!(!window.source.is_empty() && !window.from.is_empty(), "{window:?}");
        }
    }

    fn row(version: &str, day: i64) -> LifecycleRow {
        LifecycleRow {
            name: "usr/share/lifecycle/data/lp.lifecycle:2".to_owned(),
            package: "kernel-livepatch-6_4_0-150600_21-default".to_owned(),
            version: version.to_owned(),
            last_day: day,
        }
    }

    #[test]
    fn a_row_for_the_level_goes_before_one_for_any() {
        let rows = [row("*", 20), row("9-*", 10)];
        let day = |level| SupportEnd::dated(&rows, level).map(|end| end.last_day);
        assert_eq!((day(Some("9-1")), day(Some("8-1")), day(None)), (Some(10), Some(20), Some(20)));
        assert_eq!(SupportEnd::dated(&rows[1..], Some("8-1")), None);
    }

    #[test]
    fn the_last_day_counts_whole() {
        let end = SupportEnd::dated(&[row("*", 10)], None).unwrap();
        assert_eq!(end.days_left(10 * DAY_MS), 0);
        assert_eq!(end.days_left(11 * DAY_MS - 1), 0);
        assert_eq!(end.days_left(11 * DAY_MS), -1);
        assert_eq!(end.end_unix_s(), 11 * 86_400);
    }

    #[test]
    fn patterns_are_those_of_a_shell_with_stars() {
        for (pattern, text) in [("*", ""), ("*", "1-2"), ("1-*", "1-2"), ("a*b*c", "axxbyc")] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("", "1"), ("2-*", "1-2"), ("a*b*c", "axxcyb"), ("1", "11")] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_panics(pattern in "[*ab]{0,8}", text in "[ab]{0,8}") {
            prop_assert!(!matches(&pattern, &text) || pattern.contains('*') || pattern == text);
        }
    }
}
