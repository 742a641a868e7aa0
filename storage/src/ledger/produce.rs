//! Which facts follow from what a pass found. Pure.

use super::fact::{Fact, Kind};
use super::value::{Object, Value};
use crate::boot_imports::BootImport;
use crate::error_imports::ErrorImport;
use crate::plan::longest_gap;
use crate::state::{BootState, RunRow, SettingsDigests};
use scrubjay_model::{FoldedRows, LedgerHead, Stamp};
use std::path::Path;
use std::time::Duration;

fn ms(time: Duration) -> Value {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).into()
}

/// A run of the agent began.
pub(crate) fn agent_started(run: &RunRow, settings: &SettingsDigests) -> Fact {
    let SettingsDigests { configuration, policy } = settings;
    Fact::new(
        &run.started,
        Kind::AgentStarted,
        [
            ("run", run.id.into()),
            ("version", run.version.as_str().into()),
            ("interval_ms", ms(run.interval)),
            ("configuration_sha256", configuration.map(|digest| digest.to_string()).into()),
            ("policy_sha256", policy.map(|digest| digest.to_string()).into()),
        ],
    )
}

/// It was stopped in order.
pub(crate) fn agent_stopped(run: i64, at: &Stamp) -> Fact {
    Fact::new(at, Kind::AgentStopped, [("run", run.into())])
}

/// A boot was first seen.
pub(crate) fn boot_began(boot: &BootState) -> Fact {
    let body = [("booted_wall_ms", boot.booted_wall_ms.into())];
    Fact::new(&boot.last, Kind::BootBegan, body)
}

/// The boot before was found to have ended.
pub(crate) fn boot_ended(boot: &BootState, at: &Stamp) -> Fact {
    Fact::new(
        at,
        Kind::BootEnded,
        [
            ("ended_boot", boot.id().as_str().into()),
            ("ended", boot.ended.as_str().into()),
            ("evidence", boot.evidence.as_str().into()),
            ("last_seen_wall_ms", boot.last.wall_ms.into()),
        ],
    )
}

/// The kernel of a boot was read.
pub(crate) fn kernel_running(boot: &BootState) -> Fact {
    Fact::new(
        &boot.last,
        Kind::KernelRunning,
        [
            ("release", boot.kernel_release.clone().into()),
            ("version", boot.kernel_version.clone().into()),
        ],
    )
}

/// What happened to the history itself: a word, and a sentence or a place.
pub(crate) fn history(at: &Stamp, what: &'static str, detail: &str) -> Fact {
    Fact::new(at, Kind::History, [("what", what.into()), ("detail", detail.into())])
}

/// The history was begun.
pub(crate) fn history_begun(at: &Stamp, schema: u32) -> Fact {
    let body = [("what", "begun".into()), ("schema", u64::from(schema).into())];
    Fact::new(at, Kind::History, body)
}

/// The history was begun in the place of a damaged one, the last row of whose ledger is the one
/// given, where that could still be read.
pub(crate) fn history_replaced(at: &Stamp, moved_to: &Path, head: Option<LedgerHead>) -> Fact {
    let name = moved_to.file_name().unwrap_or(moved_to.as_os_str());
    Fact::new(
        at,
        Kind::History,
        [
            ("what", "file_replaced".into()),
            ("old_file", name.to_string_lossy().as_ref().into()),
            (
                "old_head",
                head.map(|LedgerHead { seq, hash }| {
                    Object::from([("seq", seq.into()), ("hash", hash.to_string().into())])
                })
                .into(),
            ),
        ],
    )
}

/// Boots of another tool were taken in, if any of them was new.
pub(crate) fn boots_imported(at: &Stamp, import: &BootImport) -> Option<Fact> {
    let BootImport { memory, at_wall_ms: _, told, added, completed, not_understood } = import;
    let is_news = added.saturating_add(*completed) > 0;
    is_news.then(|| {
        Fact::new(
            at,
            Kind::BootsImported,
            [
                ("memory", memory.as_str().into()),
                ("told", (*told).into()),
                ("added", (*added).into()),
                ("completed", (*completed).into()),
                ("not_understood", (*not_understood).into()),
            ],
        )
    })
}

/// Errors that another tool recorded were taken in, if any of them was new.
pub(crate) fn errors_imported(at: &Stamp, import: &ErrorImport) -> Option<Fact> {
    let ErrorImport { memory, records_added, errors_added } = import;
    (*records_added > 0).then(|| {
        Fact::new(
            at,
            Kind::ErrorsImported,
            [
                ("memory", memory.as_str().into()),
                ("records_added", (*records_added).into()),
                ("errors_added", (*errors_added).into()),
            ],
        )
    })
}

/// Nobody was looking: from the moment at which somebody looked last.
pub(crate) fn gap(last_wall_ms: i64, last: Option<Duration>, at: &Stamp) -> Fact {
    let lasted = last.and_then(|last| at.since_boot?.checked_sub(last));
    Fact::new(
        at,
        Kind::Gap,
        [
            ("after_wall_ms", last_wall_ms.into()),
            ("lasted_ms", lasted.map(ms).unwrap_or(Value::Null)),
        ],
    )
}

/// The same before a run, if it is longer than passes are apart. What a killed agent saw last is
/// written every ten minutes only, so that the gap may seem longer than it was.
pub(crate) fn gap_before_run(last: &Stamp, at: &Stamp, interval: Duration) -> Option<Fact> {
    let in_boot = last.boot == at.boot;
    let is_short = in_boot && at.since(last).is_some_and(|time| time <= longest_gap(interval));
    (!is_short).then(|| gap(last.wall_ms, last.since_boot.filter(|_| in_boot), at))
}

/// Old rows became sums to keep the history small: how many since it began, by kind, and from which
/// moments on there are single changes and sums of an hour.
pub(crate) fn retention(at: &Stamp, folded: &FoldedRows) -> Fact {
    let FoldedRows { rows, single_changes_from_wall_ms, hours_from_wall_ms } = folded;
    let of_kind = |(kind, rows): (&String, &u64)| {
        Object::from([("kind", kind.as_str().into()), ("rows", (*rows).into())])
    };
    let rows: Vec<Object> = rows.iter().map(of_kind).collect();
    Fact::new(
        at,
        Kind::Retention,
        [
            ("rows", rows.into()),
            ("single_changes_from_wall_ms", (*single_changes_from_wall_ms).into()),
            ("hours_from_wall_ms", (*hours_from_wall_ms).into()),
        ],
    )
}
