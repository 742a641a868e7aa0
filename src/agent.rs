//! `scrubjay agent`: a pass every interval on a thread of its own, and a server that shows the
//! last one.
//!
//! The pass thread owns collector and history; the async loop only serves what was posted, and so
//! can be stalled by neither.

mod beginning;
mod confined;
mod imports;
mod passes;

use crate::alerting::Alerting;
use crate::config::Settings;
use crate::ends::Suspicions;
use crate::exit::Exit;
use crate::judging::Judge;
use crate::listening::Listener;
use crate::pages::{Offlining, Pages};
use crate::serving::{self, Door, ENDED_UNASKED, Shown};
use crate::shared::{self, Shared};
use crate::signals::Signals;
use crate::{clock, commands::reading, header, privileges, sandbox, site_past, web};
use anyhow::Context;
use beginning::{Beginning, Read, at_first};
use passes::{LOOK_AGAIN_AFTER, Order, passes};
use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit, setrlimit};
use scrubjay_alerts::PatchPolicy;
use scrubjay_alerts::book::Asked;
use scrubjay_collector::{Collector, HostRoot, Outside, own_process};
use scrubjay_exporters::http::{Board, Looks, Pace};
use scrubjay_exporters::prometheus;
use scrubjay_model::{
    AgentStats, Edac, HostHeader, HostView, IssuedReport, LedgerHead, LedgerState, NonValue,
    Origin, ReadFault, Reading, Snapshot, SourceState, Stamp,
};
use scrubjay_storage::{History, SettingsDigests, sha256};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// A view speaks for the host until this many intervals have passed without another.
const GOOD_FOR_INTERVALS: u32 = 3;

/// Runs the agent until it is told to stop, or for one pass.
pub(crate) fn run(settings: &Settings, once: bool) -> anyhow::Result<Exit> {
    let host = reading::real_host(settings)?;
    if !host.is_this_host() && !settings.state_dir_is_chosen {
        anyhow::bail!(
            "the root {} is not this host: name a state directory of its own with --state-dir, so \
             that two hosts' histories do not mix",
            settings.root.display()
        );
    }
    if once {
        privileges::give_up(settings);
        let mut agent = Agent::start(settings, &host, None, || ())?;
        let mut view = agent.pass();
        agent.tell(&mut view);
        while agent.fold() {}
        let stopped = agent.stop();
        let mut out = anstream::stdout().lock();
        out.write_all(prometheus::render(&view, false)?.as_bytes())?;
        out.flush()?;
        return stopped.map(|()| Exit::Ok);
    }
    more_files();
    serving::block_on(serve(settings, &host))
}

/// Counters are kept open, two and more for each module of memory; the usual limit of 1,024 files is for
/// programs that use select(2). Where no more is allowed, those beyond are opened anew each time.
fn more_files() {
    const ENOUGH: u64 = 32_768;
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.map_or(ENOUGH, |maximum| maximum.min(ENOUGH));
    if limit.current.is_some_and(|current| current < allowed) {
        limit.current = Some(allowed);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!("no more files may be open than before: {error}");
        }
    }
}

async fn serve(settings: &Settings, host: &Arc<HostRoot>) -> anyhow::Result<Exit> {
    let door = Door::open(&settings.web.listen, &settings.web).await?;
    let mut signals = Signals::watch()?;
    // Ports are open, and there is no other thread yet.
    privileges::give_up(settings);
    let outside = confined::outside(settings);
    let (confinement, trees) = confined::bind(settings, outside.is_some(), &door.paths());
    let board = Arc::new(Board::new(Arc::new(clock::boottime)));
    if let Some(post) = shared::predecessor(settings, host) {
        board.post(post);
    }
    let (orders, ordered) = channel();
    let beginning = Beginning {
        settings: settings.clone(),
        host: Arc::clone(host),
        outside,
        confinement,
        trees,
        web: door.files(),
        orders: orders.clone(),
    };
    let (passes_ended, mut ended) = oneshot::channel();
    let good_for = settings.interval.saturating_mul(GOOD_FOR_INTERVALS);
    let posting = Arc::clone(&board);
    // The history is opened there as well: the disk that it is on may be slow.
    let passes = std::thread::Builder::new().name("passes".to_owned()).spawn(move || {
        let result = beginning
            .agent(&posting, good_for)
            .and_then(|agent| passes(agent, &posting, good_for, &ordered));
        // The receiver is gone only when the program is about to end anyway.
        let _ = passes_ended.send(());
        result
    })?;

    door.announce()?;
    let pace = Pace { as_is: settings.web.look_again_after, pass_again: LOOK_AGAIN_AFTER };
    let wake = orders.clone();
    let looks = Looks::start(&board, pace, move || {
        let _ = wake.send(Order::Look);
    })?;
    let pages = settings.web.pages.then(|| site_past::pages(&settings.state_dir));
    // The rest of this thread answers strangers.
    sandbox::bind(settings, &sandbox::of_server(settings, &door.paths()));
    let shown = Shown { board, looks: Some(looks), feed: None, pages };
    let mut server = match door.serve(shown).await {
        Ok(server) => server,
        Err(why) => {
            end(&orders, Some(ended), passes).await?;
            return Err(why);
        }
    };
    let mut ended_unasked = None;
    let mut is_ended = false;
    tokio::select! {
        signal = signals.next() => tracing::info!("stopping: {signal}"),
        _ = &mut ended => is_ended = true,
        why = server.ends_unasked() => {
            tracing::error!("stopping: {ENDED_UNASKED}");
            ended_unasked = Some(why);
        }
    }
    let server = server.stop();
    let result = end(&orders, (!is_ended).then_some(ended), passes).await;
    server.ended().await?;
    result?;
    if is_ended {
        anyhow::bail!("the pass thread has ended (a defect of scrubjay, please report)");
    }
    ended_unasked.map_or(Ok(Exit::Ok), |why| Err(why.context(ENDED_UNASKED)))
}

/// Has the passes come to an end. The run is closed in the history before the process ends; a read that hangs in
/// the kernel delays that by no more than its deadline.
async fn end(
    orders: &Sender<Order>,
    ended: Option<oneshot::Receiver<()>>,
    passes: JoinHandle<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    // If it cannot be told it has ended.
    let _ = orders.send(Order::Stop);
    // Not on a thread of its own: there may be none.
    if let Some(ended) = ended {
        let _ = ended.await;
    }
    passes.join().unwrap_or_else(|_| {
        anyhow::bail!("the pass thread failed (a defect of scrubjay, please report)")
    })
}

/// Everything a pass needs.
pub(crate) struct Agent {
    collector: Collector,
    history: History,
    header: HostHeader,
    stats: AgentStats,
    /// The running kernel's own root, for what it accounts to this process.
    own: HostRoot,
    listener: Listener,
    pages: Pages,
    offlining: Offlining,
    suspicions: Suspicions,
    judge: Judge,
    alerting: Alerting,
    /// How long a single pass may take to tell of what it found.
    tell_within: Duration,
    policy: PatchPolicy,
    /// The files of the web configuration, if one is named.
    web: Option<Arc<web::WebFiles>>,
    /// What is left for others after each pass.
    shared: Option<Shared>,
    /// What it is kept to, if it is.
    trees: Option<sandbox::Trees>,
    /// The controllers of the last pass, which reports refer to.
    edac: Option<Edac>,
    /// What was read before there was a history to write it to; the next pass takes it in.
    read: Option<Read>,
}

impl Agent {
    /// `settle` is called when notices were delivered.
    pub(crate) fn start(
        settings: &Settings,
        host: &Arc<HostRoot>,
        outside: Option<Arc<Outside>>,
        settle: impl Fn() + Send + 'static,
    ) -> anyhow::Result<Self> {
        let collector = Collector::new(Arc::clone(host), reading::options(settings))
            .reading_from(outside.clone());
        Self::start_with(settings, host, outside, collector, None, settle)
    }

    /// The same with a collector, and what it has read already: that is the first pass then.
    fn start_with(
        settings: &Settings,
        host: &Arc<HostRoot>,
        outside: Option<Arc<Outside>>,
        collector: Collector,
        read: Option<Read>,
        settle: impl Fn() + Send + 'static,
    ) -> anyhow::Result<Self> {
        let at = read.as_ref().map_or_else(|| collector.stamp(), |read| read.snapshot.at.clone());
        let mut history =
            History::open_or_remember_of(&settings.state_dir, &at, host.simulated().as_ref())?;
        history.keep_within(settings.history_max_bytes);
        history.fold_by_clock(clock::monotonic);
        let digests = SettingsDigests {
            configuration: Some(sha256(settings.configuration.as_bytes())),
            policy: Some(sha256(settings.policy_text().as_bytes())),
        };
        let version = env!("CARGO_PKG_VERSION");
        if let Err(error) = history.begin_run_with(&at, version, settings.interval, digests) {
            // A full disk is no reason not to watch: the run has begun, what it sees waits in
            // memory, and a finding says so.
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
        match history.stats().last_error {
            Some(error) if history.is_away() => {
                tracing::error!(
                    "keeping the history in memory, and trying again: failed to {error}"
                );
            }
            Some(_) | None => {
                tracing::info!("keeping the history in {}", settings.state_dir.display());
            }
        }
        if scrubjay_storage::is_open_to_all(&settings.state_dir) {
            let dir = settings.state_dir.display();
            tracing::warn!(
                "{dir} may be written to by everybody on this host, who can alter the history: chmod o-w {dir}"
            );
        }
        if let Some(origin) = &settings.memory.calibrated_from {
            tracing::info!("probabilities of memory errors are corrected by {origin}");
        }
        if settings.import_boots {
            imports::import_once(host, &mut history, &at);
        }
        tell_head("at start", history.ledger_head());
        if let LedgerState::Altered { because } = history.ledger_state() {
            tracing::error!("the ledger is not what was written: {because}");
        }
        if let Some(old) = history.stats().replaced {
            tracing::error!("the history was corrupt and is begun anew; the old file is {old}");
            if let Some(salvaged) = history.stats().salvaged {
                tracing::error!("{salvaged}");
            }
        }
        let stats = AgentStats { storage: history.stats(), ..at_first(settings, &at) };
        let own = HostRoot::open(Path::new("/"), clock::live())?;
        let header = header::read(host, &settings.root);
        let host_name = header.host_name.value().map(String::as_str);
        let alerting = Alerting::start(settings, host_name, outside, settle);
        // A single pass ends before anything could be reported.
        let listener = Listener::none("a single pass listens to nothing");
        Ok(Self {
            collector,
            history,
            header,
            stats,
            own,
            listener,
            pages: Pages::new(host),
            offlining: Offlining::new(settings.offline),
            suspicions: Suspicions::default(),
            judge: Judge::new(settings),
            alerting,
            tell_within: settings.notify.timeout,
            policy: settings.patches.clone(),
            web: None,
            shared: None,
            trees: None,
            edac: None,
            read,
        })
    }

    /// Begins to listen to reports of errors.
    pub(crate) fn listen(
        &mut self,
        host: &Arc<HostRoot>,
        settings: &Settings,
        wake: impl Fn() + Send + 'static,
    ) {
        let taken = self.history.log_reports_until(&self.collector.stamp());
        self.listener = Listener::start(host, settings.events.as_ref(), taken, wake);
    }

    /// Takes in reports between passes.
    fn hear(&mut self) {
        let at = self.collector.stamp();
        let sightings = self.listener.take(self.edac.as_ref());
        self.offlining.hear(&sightings);
        self.pages.hear(&sightings, self.edac.as_ref(), &mut self.history, &at);
        let heard = self.listener.heard(&sightings);
        if let Err(error) = self.history.hear(&at, heard) {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
    }

    /// Folds some of what is old in the history. Returns whether there is more.
    fn fold(&mut self) -> bool {
        self.history.fold(&self.collector.stamp()).unwrap_or_else(|error| {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
            false
        })
    }

    /// Reads the host, records what was read, and judges it.
    pub(crate) fn pass(&mut self) -> HostView {
        let began = clock::monotonic();
        let (snapshot, began) = match self.read.take() {
            Some(Read { snapshot, took }) => (snapshot, began.saturating_sub(took)),
            None => (self.collector.snapshot(), began),
        };
        self.edac = Snapshot::found(&snapshot.edac).cloned();
        let sightings = self.listener.take_at(&snapshot);
        self.offlining.hear(&sightings);
        self.pages.look(&sightings, self.edac.as_ref(), &mut self.history, &snapshot.at);
        let heard = self.listener.heard(&sightings);
        let appended = self.history.append_heard(&snapshot, heard);
        match appended.error {
            Some(error) => tracing::error!("failed to {:#}", anyhow::Error::from(error)),
            None => self.pages.act(&mut self.offlining, &mut self.history, &snapshot),
        }
        self.account(&snapshot, began);
        let assessment = scrubjay_alerts::assess(
            &snapshot,
            &appended.accumulated,
            Some(&self.stats.storage),
            Some(&self.stats.events),
            &self.policy,
        )
        .and(self.suspicions.in_boot(&snapshot.at.boot, &self.history));
        let dimms = self.judge.look(&self.history, &snapshot, &appended.accumulated);
        let assessment = scrubjay_alerts::with_dimms(assessment, dimms);
        if let Err(error) = self.history.note(&snapshot.at, &assessment) {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
        let asked = Asked { sticks: self.judge.unasked(), ends: self.suspicions.unasked() };
        self.alerting.pass(&mut self.history, &snapshot, &appended.accumulated, &assessment, asked);
        self.stats.notifications = self.alerting.stats(&self.history);
        take_reports(&mut self.history, &snapshot.at);
        if let Some(head) = self.history.new_checkpoint() {
            tell_head("at a checkpoint", Some(head));
        }
        let history = match self.history.summary(&snapshot.at) {
            Ok(summary) => Reading::Value(summary),
            Err(error) => reading::broken(Origin::new("history"), error),
        };
        HostView {
            header: self.header.clone(),
            snapshot,
            accumulated: appended.accumulated,
            history,
            assessment,
            alerts: self.history.alert_book().clone(),
            agent: Reading::Value(self.stats.clone()),
        }
    }

    fn account(&mut self, snapshot: &Snapshot, began: Duration) {
        if let Some(trees) = &mut self.trees {
            confined::tell_replaced(trees, snapshot);
        }
        for status in snapshot.sources() {
            let Some(report) = status.report else { continue };
            let stats = self.stats.sources.entry(status.source).or_default();
            let failures = u64::try_from(report.faults.len()).unwrap_or(u64::MAX);
            stats.failures = stats.failures.saturating_add(failures);
            let late = status.reason.as_ref().is_some_and(is_deadline);
            stats.deadlines_missed += u64::from(late);
            if status.state == SourceState::Ok {
                stats.last_ok_wall_ms = Some(snapshot.at.wall_ms);
            }
        }
        let page = u64::try_from(page_size()).unwrap_or(u64::MAX);
        let own = own_process(&self.own, page, clock_ticks_per_second());
        self.stats.resident_bytes = own.resident_bytes;
        self.stats.cpu = own.cpu;
        self.stats.storage = self.history.stats();
        self.stats.offlining = self.offlining.stats();
        self.stats.events = self.listener.status().clone();
        self.stats.web = self.web.as_ref().map(|files| files.stats());
        self.stats.passes += 1;
        self.stats.pass_took = clock::monotonic().saturating_sub(began);
    }

    /// Notes that notices were delivered.
    fn settle(&mut self) {
        let at = self.collector.stamp();
        self.alerting.settle(&mut self.history, &at);
    }

    /// Tells everybody of what a single pass found: nobody tries again before the next one.
    fn tell(&mut self, view: &mut HostView) {
        self.alerting.stop(&mut self.history, &view.snapshot.at, Some(self.tell_within));
        self.stats.notifications = self.alerting.stats(&self.history);
        view.agent = Reading::Value(self.stats.clone());
    }

    pub(crate) fn stop(mut self) -> anyhow::Result<()> {
        let sightings = self.listener.stop(self.edac.as_ref());
        let at = self.collector.stamp();
        self.pages.hear(&sightings, self.edac.as_ref(), &mut self.history, &at);
        let heard = self.listener.heard(&sightings);
        if let Err(error) = self.history.hear(&at, heard) {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
        self.alerting.stop(&mut self.history, &at, None);
        self.history.end_run(&at).context("cannot close the run in the history")?;
        if let Some(shared) = &mut self.shared {
            shared.stop();
        }
        tell_head("at stop", self.history.ledger_head());
        Ok(())
    }
}

/// Puts a copy of the ledger's head where others keep it: the journal, and wherever that is sent.
fn tell_head(when: &str, head: Option<LedgerHead>) {
    if let Some(head) = head {
        tracing::info!("ledger head {when}: {head}");
    }
}

/// Writes into the ledger what commands left word of: reports that they made.
fn take_reports(history: &mut History, at: &Stamp) {
    let (taken, rejected, error) = history.take_reports(at);
    for IssuedReport { by, sha256, .. } in taken {
        tracing::info!("a report was made by {by}: {sha256}");
    }
    for rejected in rejected {
        tracing::warn!("{} is no word of a report: {}", rejected.path.display(), rejected.why);
    }
    if let Some(error) = error {
        tracing::error!("failed to {:#}", anyhow::Error::from(error));
    }
}

fn is_deadline(reason: &NonValue) -> bool {
    match reason {
        NonValue::Unreadable(_, ReadFault::Deadline | ReadFault::StillRunning) => true,
        NonValue::Unreadable(..) | NonValue::Absent(_) | NonValue::Malformed(..) => false,
    }
}
