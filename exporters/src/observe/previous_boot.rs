//! What earlier boots left behind, in numbers.

use super::Samples;
use scrubjay_model::{
    Bert, CperSeverity, CrashKind, CrashStore, PreviousBoot, Reading, Watchdog, metrics,
};

pub(super) fn observe(samples: &mut Samples, previous: &PreviousBoot) {
    let PreviousBoot { bert, pstore, archive, watchdogs } = previous;
    // What is switched off, or cannot be read, is not a number of records.
    let Bert { table: _, disabled: _, region } = bert;
    if let Some(Reading::Value(_)) = region {
        observe_records(samples, previous);
    }
    for (store, reading) in [("pstore", pstore), ("archive", archive)] {
        let Some(CrashStore { records, left_out: _ }) = reading.value() else { continue };
        for kind in CrashKind::ALL {
            let count = records.iter().filter(|record| record.kind == kind).count();
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            samples.push(&metrics::CRASH_RECORDS, [store, kind.as_str()], count);
        }
    }
    for Watchdog { index, identity: _, boot_status } in watchdogs.value().into_iter().flatten() {
        if let Some(status) = boot_status.value() {
            let name = format!("watchdog{index}");
            samples.push(&metrics::WATCHDOG_RESET, [&name], status.reset_by_watchdog());
        }
    }
}

fn observe_records(samples: &mut Samples, previous: &PreviousBoot) {
    for (about, is_memory) in [("memory", true), ("other", false)] {
        for severity in CperSeverity::ALL {
            let sections = previous.blocks().flat_map(|block| {
                let whole = block.severity;
                block.sections.iter().map(move |section| (section, section.severity_within(whole)))
            });
            let count = sections
                .filter(|(section, found)| {
                    section.is_memory() == is_memory && found.as_str() == severity.as_str()
                })
                .count();
            let count = u64::try_from(count).unwrap_or(u64::MAX);
            samples.push(&metrics::BOOT_ERRORS, [about, severity.as_str()], count);
        }
    }
}
