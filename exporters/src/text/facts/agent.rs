//! The agent's own health, as `status` shows it.

use crate::text::page::Page;
use crate::text::words::{count, moment, moment_ago, reading, size, span};
use scrubjay_model::{
    AgentStats, EventPath, EventsStatus, ExtlogSent, LedgerState, NotifyStats, OfflineStats,
    Reading, ReceiverStats, StorageStats, WebStats,
};

fn listening(page: &mut Page, events: &EventsStatus) {
    let EventsStatus {
        path,
        why,
        refused: _,
        listening,
        reports,
        lost,
        waited,
        undecodable,
        last_undecodable,
        extlog,
    } = events;
    let way = match path {
        EventPath::Trace => {
            format!(
                "reports of errors by {}",
                count(listening.len(), "trace event", "trace events")
            )
        }
        EventPath::KernelLog => format!("reports of errors by the kernel log only: {why}"),
        EventPath::Counters => format!("no reports of errors, only counters: {why}"),
    };
    page.more(2, &way);
    match extlog {
        ExtlogSent::NotListening | ExtlogSent::Held => {}
        ExtlogSent::NotHeld { why } => page.more(
            2,
            &format!("what firmware adds to machine checks (extlog) may go to the console: {why}"),
        ),
    }
    if *reports > 0 {
        let reports = count(*reports, "report", "reports");
        page.more(2, &format!("{reports} since its start, of which {waited} had waited for it"));
    }
    if *lost > 0 {
        let lost = count(*lost, "report was", "reports were");
        page.warning(2, &format!("{lost} overwritten before they could be read"));
    }
    if let Some(last) = last_undecodable {
        let undecodable = count(*undecodable, "report", "reports");
        page.warning(2, &format!("{undecodable} could not be decoded, the last: {last}"));
    }
}

/// Receivers that do not take what they are to be told.
fn receivers(page: &mut Page, notifications: &NotifyStats) {
    for (receiver, stats) in &notifications.receivers {
        let ReceiverStats { sent: _, failed: _, dropped, queued, last_error } = stats;
        if let Some(error) = last_error {
            let wait = count(*queued, "notice waits", "notices wait");
            page.warning(2, &format!("{receiver} cannot be told: {error}; {wait}"));
        }
        if *dropped > 0 {
            let dropped = count(*dropped, "notice was", "notices were");
            page.warning(2, &format!("{dropped} given up for {receiver}; the ledger has why"));
        }
    }
}

pub(in crate::text) fn agent(page: &mut Page, agent: &Reading<AgentStats>, now_ms: i64) {
    let agent = match agent {
        Reading::Value(agent) => agent,
        // It says why in words of its own.
        Reading::Absent(why) => return page.field(2, "agent", why.as_str()),
        Reading::Unreadable(..) | Reading::Malformed(..) => {
            return page.field(2, "agent", &reading(agent, |_| String::new()));
        }
    };
    let AgentStats {
        started_wall_ms,
        interval,
        passes,
        late_passes,
        pass_took,
        // `doctor` has them.
        sources: _,
        events,
        storage,
        offlining,
        notifications,
        web,
        confinement,
        resident_bytes,
        cpu,
        node_reboot_required: _,
    } = agent;
    page.field(2, "agent", &format!("running since {}", moment_ago(*started_wall_ms, now_ms)));
    page.more(
        2,
        &format!(
            "{}, one every {}, {late_passes} late; the last took {}",
            count(*passes, "pass", "passes"),
            span(*interval),
            span(*pass_took)
        ),
    );
    let resident = reading(resident_bytes, |bytes| size(*bytes));
    let cpu = reading(cpu, |cpu| span(*cpu));
    page.more(2, &format!("resident memory {resident}, CPU time {cpu}"));

    if let Some(left) = confinement {
        page.more(2, &super::super::confinement::confinement(left));
    }
    let OfflineStats { done, failed, refused } = offlining;
    if [done, failed, refused].into_iter().any(|pages| *pages > 0) {
        page.more(
            2,
            &format!(
                "pages with too many errors: {done} taken out of use, {failed} not by the kernel, \
                 {refused} not asked for"
            ),
        );
    }

    listening(page, events);
    receivers(page, notifications);
    if let Some(WebStats { failing: true, loaded_wall_ms }) = web {
        let read = moment_ago(*loaded_wall_ms, now_ms);
        page.warning(
            2,
            &format!(
                "the web configuration was changed to something of no use (the log has what); that \
                 of {read} still holds"
            ),
        );
    }

    // A running agent has read its history.
    let StorageStats {
        size_bytes,
        writes,
        write_failures,
        last_error,
        unreadable: _,
        replaced,
        salvaged,
        ledger,
        pages_refused,
        max_bytes,
        folded,
    } = storage;
    let file = size_bytes.map_or_else(|| "size not known".to_owned(), size);
    let most = max_bytes.map(|max| format!(" of {} at most", size(max))).unwrap_or_default();
    page.more(
        2,
        &format!(
            "history file {file}{most}, {}, {write_failures} failed",
            count(*writes, "write", "writes")
        ),
    );
    if let Some(from) = folded.single_changes_from_wall_ms {
        page.more(2, &format!("changes before {} are kept as sums of an hour", moment(from)));
    }
    if let Some(error) = last_error {
        page.warning(2, &format!("the history cannot be written: {error}"));
    }
    if let LedgerState::Altered { because } = ledger {
        page.warning(2, &format!("the ledger is not what was written: {because}"));
    }
    if *pages_refused > 0 {
        let reports = count(*pages_refused, "report", "reports");
        page.warning(2, &format!("the registry of bad pages is full: {reports} not taken in"));
    }
    if let Some(kept) = replaced {
        page.warning(
            2,
            &format!("the history was corrupt and begun anew; the old file is kept as {kept}"),
        );
    }
    if let Some(salvaged) = salvaged {
        page.more(2, salvaged);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Style;
    use scrubjay_model::EventsStatus;

    #[test]
    fn that_the_extended_log_is_not_asked_for_is_told_with_the_reason() {
        let told = |extlog| {
            let mut page = Page::new(Style { colour: false, all: false });
            listening(&mut page, &EventsStatus { extlog, ..EventsStatus::counters_only("off") });
            page.into_text()
        };
        assert!(!told(ExtlogSent::Held).contains("extlog"));
        let refused = told(ExtlogSent::NotHeld { why: "debugfs is closed".to_owned() });
        assert!(refused.contains("(extlog)"), "{refused}");
        assert!(refused.contains("debugfs is closed"), "{refused}");
    }
}
