//! An uncorrected error that nobody could write down any more.
//!
//! An uncorrected error that takes the host down is often lost with it: the kernel panics, or the
//! machine resets, before the counter is read again. What is left is a burst of corrected errors of
//! one module and then an end without a stop. Neither proves anything alone; together they are
//! reason enough to look at that module.

use crate::finding::{FindingExt, finding, many};
use scrubjay_model::{
    Action, BootEnd, BootRecord, ErrorClass, Finding, MemoryRecord, SeriesKey, SeriesPlace,
    Verdict, span,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long before the end a burst still counts. The longest time one of our passes, or the
/// kernel's own polling (5 minutes unless told otherwise), can leave unseen with some to spare; of
/// errors hours before an end nothing follows.
pub const BURST_WITHIN: Duration = Duration::from_secs(15 * 60);

/// Least corrected errors of one module in that time. mcelog calls a module bad at 10 in a day; in
/// a quarter of an hour that is a hundred times the rate. Single errors precede any end by chance.
pub const BURST_ERRORS: u64 = 10;

/// How far back ends are looked at, from the beginning of the latest boot. Older ones are history.
pub const ENDED_WITHIN: Duration = Duration::from_secs(30 * 86_400);

/// A boot that was cut off. Of one whose times are not known nothing was before its end.
#[derive(Debug, Clone, Copy)]
struct Ended {
    begun_wall_ms: i64,
    last_wall_ms: i64,
}

/// What one module did in the time before one end.
#[derive(Debug, Clone, Default)]
struct Burst {
    errors: u64,
    /// Also counted then, so that there is nothing to suspect: the history has them.
    uncorrected: u64,
    /// The last increment, milliseconds since the Unix epoch.
    last_wall_ms: i64,
}

/// Modules whose corrected errors came in a burst just before an unclean end.
///
/// `boots` are the history's, in any order; `records` are its changes of counters, of which only
/// those just before an unclean end matter. One finding for each module, about its latest burst.
pub fn suspected_uncorrected_errors(
    boots: &[BootRecord],
    records: &[MemoryRecord],
) -> Vec<Finding> {
    let Some(latest_ms) = boots.iter().filter_map(|boot| boot.booted_wall_ms).max() else {
        return Vec::new();
    };
    let mut unclean: Vec<Ended> = boots
        .iter()
        .filter(|boot| boot.end == BootEnd::Unclean)
        .filter_map(|boot| {
            Some(Ended {
                begun_wall_ms: boot.booted_wall_ms?,
                last_wall_ms: boot.last_seen_wall_ms?,
            })
        })
        .filter(|boot| milliseconds(ENDED_WITHIN) >= latest_ms.saturating_sub(boot.last_wall_ms))
        .collect();
    unclean.sort_by_key(|boot| boot.last_wall_ms);
    let mut found = BTreeMap::new();
    for boot in unclean {
        for (subject, burst) in bursts(boot, records) {
            // The later one replaces the earlier.
            found.insert(subject.clone(), suspicion(subject, boot, &burst));
        }
    }
    found.into_values().collect()
}

/// The bursts before the end of a boot, by what counted them.
fn bursts(boot: Ended, records: &[MemoryRecord]) -> BTreeMap<String, Burst> {
    let until = boot.last_wall_ms;
    let from = until.saturating_sub(milliseconds(BURST_WITHIN));
    let mut counted: BTreeMap<&SeriesKey, Burst> = BTreeMap::new();
    for record in records.iter().filter(|r| (from..=until).contains(&r.at_wall_ms)) {
        // What a counter held when it was first seen may be as old as the boot.
        let since_then = match record.step.as_str() {
            "advanced" | "zeroed" => true,
            "first" | "reboot" | "assumed" => boot.begun_wall_ms >= from,
            _ => false,
        };
        if since_then {
            let burst = counted.entry(&record.series).or_default();
            burst.last_wall_ms = burst.last_wall_ms.max(record.at_wall_ms);
            match record.series.class {
                ErrorClass::Correctable => burst.errors = burst.errors.saturating_add(record.by),
                ErrorClass::Uncorrectable => {
                    burst.uncorrected = burst.uncorrected.saturating_add(record.by);
                }
            }
        }
    }
    let mut by_subject: BTreeMap<String, Burst> = BTreeMap::new();
    for (series, burst) in &counted {
        // The total holds its parts; it speaks only for controllers that have none.
        let has_parts = counted.keys().any(|other| {
            other.controller == series.controller && other.place != SeriesPlace::Total
        });
        if series.place == SeriesPlace::Total && has_parts {
            continue;
        }
        let subject = match series.place {
            SeriesPlace::Dimm(place) => series.controller.place(place),
            SeriesPlace::Total | SeriesPlace::Unattributed => series.controller.to_string(),
        };
        let sum = by_subject.entry(subject).or_default();
        sum.errors = sum.errors.saturating_add(burst.errors);
        sum.uncorrected = sum.uncorrected.saturating_add(burst.uncorrected);
        if burst.errors > 0 {
            sum.last_wall_ms = sum.last_wall_ms.max(burst.last_wall_ms);
        }
    }
    by_subject.retain(|_, burst| burst.errors >= BURST_ERRORS);
    by_subject
}

fn suspicion(subject: String, boot: Ended, burst: &Burst) -> Finding {
    let before = boot.last_wall_ms.saturating_sub(burst.last_wall_ms);
    let before = Duration::from_millis(u64::try_from(before).unwrap_or_default());
    let minutes = BURST_WITHIN.as_secs() / 60;
    let counted = match burst.uncorrected {
        0 => String::new(),
        uncorrected => format!(" and {}", many(uncorrected, "uncorrected error")),
    };
    let because = format!(
        "{}{counted} within the last {minutes} min that the host was seen running, the last {} \
         before the end, which was not in order (limit: {BURST_ERRORS}): an uncorrected error may \
         have ended that boot unseen",
        many(burst.errors, "corrected error"),
        span(before),
    );
    let remedy = "look for the end of that boot in crash records and in the event log of the BMC; \
                  if they name this module, or nothing else explains the end, test or replace it \
                  at the next window";
    let action = Action::InvestigateChannelOrCpu;
    finding("suspected-uncorrected-error", Verdict::Plan, action, because, remedy)
        .on(subject)
        .seen_in("history: boots, memory")
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
pub(crate) mod tests;
