//! The agent itself: its sources, its passes and its history.

use super::{Samples, seconds};
use scrubjay_model::{
    AgentStats, BootEnd, Confinement, EventPath, HistorySummary, HostView, LedgerHead, LedgerState,
    MetricDef, Reading, Snapshot, SourceState, SourceStats, SourceStatus, StorageStats, WebStats,
    metrics,
};

pub(super) fn observe_sources(samples: &mut Samples, snapshot: &Snapshot) {
    for SourceStatus { source, state, reason: _, report } in snapshot.sources() {
        samples.push_set(
            &metrics::SOURCE_STATE,
            Some(source.as_str()),
            &SourceState::ALL,
            SourceState::as_str,
            state,
        );
        if let Some(report) = report {
            let took = report.took.as_secs_f64();
            samples.push(&metrics::SOURCE_DURATION, [source.as_str()], took);
        }
    }
}

pub(super) fn observe_history(samples: &mut Samples, history: &Reading<HistorySummary>) {
    let Some(summary) = history.value() else { return };
    let HistorySummary {
        path: _,
        since_wall_ms,
        boots: _,
        clock_steps,
        covered,
        covered_without_gap: _,
        // Told with the reasons for it.
        reboot_needed: _,
        ledger_head,
    } = summary;
    for end in BootEnd::ALL {
        samples.push(&metrics::BOOTS, [end.as_str()], summary.boots_ended(end));
    }
    samples.push_since(&metrics::CLOCK_STEPS, [], *clock_steps, Some(*since_wall_ms));
    samples.push(&metrics::HISTORY_COVERED, [], covered.as_secs_f64());
    if let Some(LedgerHead { seq, hash }) = ledger_head {
        samples.push(&metrics::LEDGER_HEAD, [&seq.to_string(), &hash.to_string()], true);
    }
}

/// What [`observe_agent`] can give.
pub(super) static ABOUT_THE_AGENT: [&MetricDef; 29] = [
    &metrics::SIMULATED,
    &metrics::BUILD_INFO,
    &metrics::SNAPSHOT_TIME,
    &metrics::SOURCE_FAILURES,
    &metrics::SOURCE_DEADLINES,
    &metrics::SOURCE_LAST_OK,
    &metrics::EVENT_PATH,
    &metrics::AGENT_INTERVAL,
    &metrics::AGENT_PASSES,
    &metrics::AGENT_LATE,
    &metrics::AGENT_PASS_DURATION,
    &metrics::LEDGER_ALTERED,
    &metrics::HISTORY_SIZE,
    &metrics::HISTORY_MAX_SIZE,
    &metrics::HISTORY_FOLDED,
    &metrics::HISTORY_WRITES,
    &metrics::HISTORY_FAILURES,
    &metrics::HISTORY_FAILING,
    &metrics::HISTORY_REPLACED,
    &metrics::NOTIFICATIONS_SENT,
    &metrics::NOTIFICATIONS_FAILED,
    &metrics::NOTIFICATIONS_DROPPED,
    &metrics::NOTIFICATIONS_QUEUED,
    &metrics::WEB_CONFIG_FAILING,
    &metrics::WEB_CONFIG_LOADED,
    &metrics::AGENT_CONFINED,
    &metrics::PROCESS_START,
    &metrics::PROCESS_RESIDENT,
    &metrics::PROCESS_CPU,
];

/// Also exported when the view is stale.
pub(super) fn observe_agent(samples: &mut Samples, view: &HostView) {
    // Of a real host nothing is said: a page without the sample is one of a machine.
    if view.header.simulated.is_some() {
        samples.push(&metrics::SIMULATED, [], true);
    }
    samples.push(&metrics::BUILD_INFO, [view.header.version], true);
    samples.push(&metrics::SNAPSHOT_TIME, [], seconds(view.snapshot.at.wall_ms));
    let Some(agent) = view.agent.value() else { return };
    let AgentStats {
        started_wall_ms,
        interval,
        passes,
        late_passes,
        pass_took,
        sources,
        events,
        storage,
        // What a host loses is told by what the kernel has marked, whoever asked for it.
        offlining: _,
        notifications,
        web,
        confinement,
        resident_bytes,
        cpu,
        // Whether a sample of another module is there.
        node_reboot_required: _,
    } = agent;
    let started = Some(*started_wall_ms);
    samples.push_set(&metrics::EVENT_PATH, None, &EventPath::ALL, EventPath::as_str, events.path);
    for (source, stats) in sources {
        let SourceStats { failures, deadlines_missed, last_ok_wall_ms } = stats;
        let source = source.as_str();
        samples.push_since(&metrics::SOURCE_FAILURES, [source], *failures, started);
        samples.push_since(&metrics::SOURCE_DEADLINES, [source], *deadlines_missed, started);
        if let Some(wall_ms) = last_ok_wall_ms {
            samples.push(&metrics::SOURCE_LAST_OK, [source], seconds(*wall_ms));
        }
    }
    if let Some(confinement) = confinement {
        let Confinement { capabilities: _, superfluous, no_new_privileges, landlock } = confinement;
        for (by, is_so) in [
            ("capabilities", superfluous.is_empty()),
            ("no_new_privileges", *no_new_privileges),
            ("landlock", landlock.is_enforced()),
        ] {
            samples.push(&metrics::AGENT_CONFINED, [by], is_so);
        }
    }
    samples.push(&metrics::AGENT_INTERVAL, [], interval.as_secs_f64());
    samples.push_since(&metrics::AGENT_PASSES, [], *passes, started);
    samples.push_since(&metrics::AGENT_LATE, [], *late_passes, started);
    samples.push(&metrics::AGENT_PASS_DURATION, [], pass_took.as_secs_f64());

    let StorageStats {
        size_bytes,
        writes,
        write_failures,
        last_error,
        unreadable: _,
        replaced,
        salvaged: _,
        ledger,
        pages_refused: _,
        max_bytes,
        folded,
    } = storage;
    if let Some(size_bytes) = size_bytes {
        samples.push(&metrics::HISTORY_SIZE, [], *size_bytes);
    }
    if let Some(max_bytes) = max_bytes {
        samples.push(&metrics::HISTORY_MAX_SIZE, [], *max_bytes);
    }
    for (what, rows) in &folded.rows {
        let since = view.history.value().map(|history| history.since_wall_ms);
        samples.push_since(&metrics::HISTORY_FOLDED, [what], *rows, since);
    }
    match ledger {
        LedgerState::Intact => samples.push(&metrics::LEDGER_ALTERED, [], false),
        LedgerState::Altered { because: _ } => samples.push(&metrics::LEDGER_ALTERED, [], true),
        LedgerState::None | LedgerState::NotChecked { because: _ } => {}
    }
    samples.push_since(&metrics::HISTORY_WRITES, [], *writes, started);
    samples.push_since(&metrics::HISTORY_FAILURES, [], *write_failures, started);
    samples.push(&metrics::HISTORY_FAILING, [], last_error.is_some());
    samples.push(&metrics::HISTORY_REPLACED, [], replaced.is_some());

    super::alerts::observe_notifications(samples, notifications, started);
    if let Some(WebStats { failing, loaded_wall_ms }) = web {
        samples.push(&metrics::WEB_CONFIG_FAILING, [], *failing);
        samples.push(&metrics::WEB_CONFIG_LOADED, [], seconds(*loaded_wall_ms));
    }
    samples.push(&metrics::PROCESS_START, [], seconds(*started_wall_ms));
    samples.push_reading(&metrics::PROCESS_RESIDENT, [], resident_bytes);
    if let Some(cpu) = cpu.value() {
        samples.push_since(&metrics::PROCESS_CPU, [], cpu.as_secs_f64(), started);
    }
}
