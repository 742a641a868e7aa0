//! Listening to reports of errors between passes: the feed, and what is made of its reports.

use scrubjay_alerts::Correlator;
use scrubjay_collector::{
    Batch, EventFeed, FeedOptions, FeedRefusal, HostRoot, LogFollower, log_reports,
};
use scrubjay_model::{
    Edac, EventGroup, EventPath, EventWhat, EventsStatus, Reading, Sightings, Snapshot, Witness,
};
use scrubjay_storage::Heard;
use std::sync::Arc;
use std::time::Duration;

/// Receives reports, and remembers what was received before so that each is told once.
pub(crate) struct Listener {
    feed: Option<EventFeed>,
    status: EventsStatus,
    correlator: Correlator,
    log: Option<Log>,
    /// Reports lost and undecodable since the start, as last told.
    told_missing: (u64, u64),
    /// Whether the history is to say how it listens: a single pass says nothing about that.
    is_told: bool,
}

/// The kernel log, as a way to hear of errors: beside trace events for what only firmware tells, and
/// instead of them where nobody may listen.
struct Log {
    host: Arc<HostRoot>,
    follower: LogFollower,
    /// What an earlier run of the agent took from the log of this boot; it holds that still.
    taken_until: Option<Duration>,
}

/// Whether no trace event tells of it.
fn only_the_log_tells(group: &EventGroup) -> bool {
    group.witness == Witness::LogGhes || matches!(group.what, EventWhat::SoftOffline { .. })
}

impl Listener {
    /// Begins to listen if that is wished and possible; if not, says why, once. `wake` is called on
    /// another thread when there is something to [take](Self::take), and must not block.
    pub(crate) fn start(
        host: &Arc<HostRoot>,
        options: Option<&FeedOptions>,
        log_taken_until: Option<Duration>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let Some(options) = options else {
            return Self { is_told: true, ..Self::none("switched off by configuration") };
        };
        let (feed, status) = match EventFeed::start(host, options.clone(), wake) {
            Ok(feed) => (Some(feed), EventsStatus::counters_only("nothing was read yet")),
            Err(refusal) => {
                // Of another host nobody expects to hear anything.
                let refused = !matches!(refusal, FeedRefusal::AnotherHost);
                let remedy = refusal.remedy();
                let why = format!("{:#}", anyhow::Error::new(refusal));
                let why = if remedy.is_empty() { why } else { format!("{why}. {remedy}") };
                (None, EventsStatus { refused, ..EventsStatus::counters_only(why) })
            }
        };
        if feed.is_none() {
            tracing::warn!("not listening to trace events: {}", status.why);
        }
        // Of a host that was made the log goes on too.
        let follows = host.is_this_host() || host.simulated().is_some();
        let log = follows.then(|| Log {
            host: Arc::clone(host),
            follower: LogFollower::new(),
            taken_until: log_taken_until,
        });
        let correlator = Correlator::new();
        Self { feed, status, correlator, log, told_missing: (0, 0), is_told: true }
    }

    /// One that never hears anything.
    pub(crate) fn none(why: &str) -> Self {
        let status = EventsStatus::counters_only(why);
        let correlator = Correlator::new();
        Self { feed: None, status, correlator, log: None, told_missing: (0, 0), is_told: false }
    }

    /// What trace events told since the last time, held against each other and against the
    /// controllers.
    pub(crate) fn take(&mut self, edac: Option<&Edac>) -> Sightings {
        self.take_with(Vec::new(), edac)
    }

    /// The same, with what the kernel log told up to a snapshot.
    pub(crate) fn take_at(&mut self, snapshot: &Snapshot) -> Sightings {
        let told = self.read_log(snapshot);
        self.take_with(told, Snapshot::found(&snapshot.edac))
    }

    fn take_with(&mut self, told: Vec<EventGroup>, edac: Option<&Edac>) -> Sightings {
        let batch = match &self.feed {
            Some(feed) => feed.drain(),
            None => Batch { groups: Vec::new(), status: self.status.clone() },
        };
        self.judge(batch, told, edac)
    }

    /// Where trace events are heard, the log adds only what firmware says of the module and which
    /// pages were to be taken out of use before they fail: no event tells of that. It is not read
    /// before there is such a record in it.
    fn read_log(&mut self, snapshot: &Snapshot) -> Vec<EventGroup> {
        let heard = self.feed.is_some();
        let told = Snapshot::found(&snapshot.kernel_log).map(|log| &log.told);
        let adds = told.is_some_and(|told| told.firmware > 0 || told.soft_offlines > 0);
        let Some(log) = self.log.as_mut().filter(|_| !heard || adds) else {
            return Vec::new();
        };
        let news = match log.follower.read(&log.host) {
            Reading::Value(news) => news,
            // The source kernel_log says so.
            Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..) => {
                return Vec::new();
            }
        };
        if !heard {
            self.status.path = EventPath::KernelLog;
        }
        let page_size = log.host.page_size_bytes().unwrap_or(4096);
        let slept = snapshot.at.slept().unwrap_or_default();
        let mut groups = log_reports(&news.entries, page_size, slept);
        groups.retain(|group| {
            let is_new = log.taken_until.is_none_or(|until| group.first > until);
            is_new && (!heard || only_the_log_tells(group))
        });
        if !heard {
            let reports = groups.iter().map(|group| group.reports);
            let reports = reports.fold(self.status.reports, u64::saturating_add);
            self.status.reports = reports;
            self.status.lost = self.status.lost.saturating_add(news.lost);
        }
        groups
    }

    /// Stops listening, and returns the rest.
    pub(crate) fn stop(&mut self, edac: Option<&Edac>) -> Sightings {
        match self.feed.take() {
            Some(feed) => {
                let batch = feed.stop();
                self.judge(batch, Vec::new(), edac)
            }
            None => Sightings::default(),
        }
    }

    /// How listening fares.
    pub(crate) fn status(&self) -> &EventsStatus {
        &self.status
    }

    /// What was received, for the history.
    pub(crate) fn heard<'a>(&'a self, sightings: &'a Sightings) -> Heard<'a> {
        Heard {
            sightings,
            // Every report reaches us unless it is told as lost.
            listening: self.status.path == EventPath::Trace,
            how: self.is_told.then_some(&self.status),
        }
    }

    fn judge(&mut self, batch: Batch, told: Vec<EventGroup>, edac: Option<&Edac>) -> Sightings {
        let Batch { mut groups, status } = batch;
        groups.extend(told);
        self.status = status;
        let EventsStatus { lost, undecodable, .. } = self.status;
        let (lost_before, undecodable_before) =
            std::mem::replace(&mut self.told_missing, (lost, undecodable));
        Sightings {
            sightings: self.correlator.take(groups, edac),
            lost: lost.saturating_sub(lost_before),
            undecodable: undecodable.saturating_sub(undecodable_before),
        }
    }
}
