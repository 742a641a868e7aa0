//! How an agent that serves begins: on the thread that makes the passes, while the server answers already with what
//! an agent before it has left.

use super::Agent;
use super::passes::Order;
use crate::commands::reading;
use crate::config::Settings;
use crate::shared::Shared;
use crate::{clock, header, sandbox, web};
use scrubjay_collector::{Collector, HostRoot, Outside};
use scrubjay_exporters::http::Board;
use scrubjay_model::{
    AgentStats, AlertBook, Confinement, EventsStatus, HostView, NotifyStats, OfflineStats, Origin,
    Reading, Snapshot, Stamp, StorageStats,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// What an agent that serves begins with.
pub(super) struct Beginning {
    pub(super) settings: Settings,
    pub(super) host: Arc<HostRoot>,
    pub(super) outside: Option<Arc<Outside>>,
    pub(super) confinement: Confinement,
    pub(super) trees: Option<sandbox::Trees>,
    pub(super) web: Option<Arc<web::WebFiles>>,
    pub(super) orders: Sender<Order>,
}

impl Beginning {
    /// Opens the history, begins a run in it, and listens to reports. Where no history was begun before, what is
    /// read is shown first: there is no sum that it could contradict, and to make a history takes longer than all the
    /// rest.
    pub(super) fn agent(self, board: &Board, good_for: Duration) -> anyhow::Result<Agent> {
        let Self { settings, host, outside, confinement, trees, web, orders } = self;
        let wake = orders.clone();
        let mut collector = Collector::new(Arc::clone(&host), reading::options(&settings))
            .reading_from(outside.clone());
        let mut read = None;
        if scrubjay_storage::is_new(&settings.state_dir) {
            let began = clock::monotonic();
            let snapshot = collector.snapshot();
            let took = clock::monotonic().saturating_sub(began);
            let stats = AgentStats {
                web: web.as_ref().map(|files| files.stats()),
                confinement: Some(confinement.clone()),
                ..at_first(&settings, &snapshot.at)
            };
            board.publish(unwritten(&settings, &host, &snapshot, stats), good_for);
            read = Some(Read { snapshot, took });
        }
        let settle = move || {
            let _ = wake.send(Order::Settle);
        };
        let mut agent = Agent::start_with(&settings, &host, outside, collector, read, settle)?;
        // The thread may be gone when the last report comes.
        agent.listen(&host, &settings, move || {
            let _ = orders.send(Order::Hear);
        });
        agent.web = web;
        agent.stats.confinement = Some(confinement);
        agent.trees = trees;
        agent.shared = Shared::start(&settings, &agent.own);
        Ok(agent)
    }
}

/// A reading of the host that is not written yet.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) snapshot: Snapshot,
    pub(super) took: Duration,
}

/// An agent of which nothing can be told yet.
pub(super) fn at_first(settings: &Settings, at: &Stamp) -> AgentStats {
    let not_yet = || Origin::new("proc/self/stat");
    AgentStats {
        started_wall_ms: at.wall_ms,
        interval: settings.interval,
        passes: 0,
        late_passes: 0,
        pass_took: Duration::ZERO,
        sources: BTreeMap::new(),
        events: EventsStatus::counters_only("not listening yet"),
        storage: StorageStats::default(),
        offlining: OfflineStats::NONE,
        notifications: NotifyStats::default(),
        web: None,
        confinement: None,
        node_reboot_required: settings.web.node_reboot_required,
        resident_bytes: Reading::Absent(not_yet()),
        cpu: Reading::Absent(not_yet()),
    }
}

/// What the first reading of all says, before it is written: sums as the history will have them, and of what follows
/// from a past nothing.
fn unwritten(
    settings: &Settings,
    host: &HostRoot,
    snapshot: &Snapshot,
    stats: AgentStats,
) -> HostView {
    let accumulated = scrubjay_storage::accumulate_first(snapshot);
    let assessment = scrubjay_alerts::assess(
        snapshot,
        &accumulated,
        Some(&StorageStats::default()),
        // How reports are heard is yet to be seen.
        None,
        &settings.patches,
    );
    HostView {
        header: header::read(host, &settings.root),
        snapshot: snapshot.clone(),
        accumulated,
        history: Reading::Absent(Origin::new("it is being made")),
        assessment: scrubjay_alerts::with_dimms(assessment, Vec::new()),
        alerts: AlertBook::default(),
        agent: Reading::Value(stats),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Flags, Inputs};
    use scrubjay_collector::Tree;
    use scrubjay_exporters::prometheus;
    use std::collections::BTreeSet;

    const HOST: &str = include_str!("../../tests/fixtures/hosts/busy-server.tree");

    #[test]
    fn what_is_shown_before_it_is_written_is_what_the_first_pass_says() {
        let dir = tempfile::tempdir().unwrap();
        let flags = Flags { state_dir: Some(dir.path().display().to_string()), ..Flags::default() };
        let inputs = Inputs::of_text("none.toml", "", &flags).unwrap();
        let settings = Settings::validate(&inputs).unwrap();
        let host = Arc::new(HostRoot::from_tree(Tree::parse(HOST).unwrap(), clock::live()));
        let mut collector = Collector::new(Arc::clone(&host), reading::options(&settings));
        let snapshot = collector.snapshot();
        let stats = at_first(&settings, &snapshot.at);
        let early = unwritten(&settings, &host, &snapshot, stats);

        let read = Some(Read { snapshot: snapshot.clone(), took: Duration::from_millis(7) });
        let mut agent = Agent::start_with(&settings, &host, None, collector, read, || ()).unwrap();
        let first = agent.pass();
        assert_eq!(first.snapshot, snapshot, "the host is not read twice");
        assert!(agent.read.is_none());
        assert!(agent.stats.pass_took >= Duration::from_millis(7));

        // What follows from a past, and the agent's own figures, are yet to come.
        let page = |view| prometheus::render(view, false).unwrap();
        let (early, first) = (page(&early), page(&first));
        let told: BTreeSet<&str> = first.lines().collect();
        let is_of_the_host = |line: &&str| {
            let others =
                ["#", "process_", "scrubjay_agent_", "scrubjay_events_", "scrubjay_source_"];
            // Sticks are judged by their past, and the history is yet to be made.
            let judged = ["scrubjay_finding", "scrubjay_verdict", "scrubjay_history_"];
            !others.iter().chain(&judged).any(|begin| line.starts_with(begin))
        };
        let lines: Vec<&str> = early.lines().filter(is_of_the_host).collect();
        assert!(
            lines.iter().any(|line| line.starts_with("scrubjay_dimm_correctable_errors_total")),
            "{early}"
        );
        for line in lines {
            assert!(told.contains(line), "{line} is not in\n{first}");
        }
    }
}
