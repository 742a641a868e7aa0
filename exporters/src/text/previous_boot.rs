//! What earlier boots left behind, in `status`.

use super::page::Page;
use super::words::{self, count, missing, moment_ago, reading};
use scrubjay_model::{
    Bert, CrashRecord, CrashStore, ErrorBlock, PreviousBoot, Reading, Section, Watchdog,
};

const LABEL: &str = "before boot";

/// The firmware's records, the kernel's, and what watchdogs say, one line each.
pub(super) fn previous_boot(page: &mut Page, section: &Option<Section<PreviousBoot>>, now_ms: i64) {
    let previous = match words::findings(section) {
        Ok(previous) => previous,
        Err(why) => return page.field(2, LABEL, &why),
    };
    let PreviousBoot { bert, pstore, archive, watchdogs } = previous;
    page.field(2, LABEL, &firmware(bert));
    page.more(2, &crashes("pstore", pstore, now_ms));
    // Nothing is there until something has crashed.
    if !archive.is_absent() {
        page.more(2, &crashes("moved away", archive, now_ms));
    }
    match watchdogs.as_ref().into_result() {
        Ok(watchdogs) => {
            for watchdog in watchdogs {
                page.more(2, &reset(watchdog));
            }
        }
        Err(_) if watchdogs.is_absent() => {}
        Err(why) => page.more(2, &format!("watchdogs: {}", missing(&why))),
    }
}

fn firmware(bert: &Bert) -> String {
    // That there is no table is why there is no region, and is said there.
    let Bert { table: _, disabled: _, region } = bert;
    let Some(region) = region else {
        return "firmware records are switched off (bert_disable)".to_owned();
    };
    let said = reading(region, |region| {
        let records = count(region.blocks.len(), "record", "records");
        let worst: Vec<String> = region.blocks.iter().take(3).map(block).collect();
        let more = if region.more { ", and more than were looked at" } else { "" };
        match worst.as_slice() {
            [] => "no record".to_owned(),
            shown => format!("{records}: {}{more}", shown.join("; ")),
        }
    });
    format!("firmware: {said}")
}

fn block(block: &ErrorBlock) -> String {
    let ErrorBlock { severity, cleared, more_than_described, sections } = block;
    let kinds: Vec<&str> = sections.iter().take(4).map(|section| section.kind.as_str()).collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    let read = if *cleared { ", marked as read" } else { "" };
    let more = if *more_than_described { ", not all described" } else { "" };
    format!("{}{kinds}{read}{more}", severity.as_str())
}

fn crashes(name: &str, store: &Reading<CrashStore>, now_ms: i64) -> String {
    let said = reading(store, |CrashStore { records, left_out }| {
        let files = count(records.len(), "crash record", "crash records");
        let latest = records.iter().filter_map(|record: &CrashRecord| record.wall_s).max();
        let latest = latest.and_then(|wall_s| wall_s.checked_mul(1000));
        let latest = latest.map(|ms| format!(", the latest of {}", moment_ago(ms, now_ms)));
        let more = match left_out {
            0 => String::new(),
            more => format!(", and {more} not looked at"),
        };
        if records.is_empty() && *left_out == 0 {
            return "no crash record".to_owned();
        }
        format!("{files}{}{more}", latest.unwrap_or_default())
    });
    format!("{name}: {said}")
}

fn reset(watchdog: &Watchdog) -> String {
    let Watchdog { index, identity, boot_status } = watchdog;
    let identity = identity.value().map(|name| format!(" ({name})")).unwrap_or_default();
    let said = reading(boot_status, |status| match status.causes().as_slice() {
        [] => "names no cause of the last reset".to_owned(),
        causes => format!("the last reset: {}", causes.join(", ")),
    });
    format!("watchdog{index}{identity}: {said}")
}
