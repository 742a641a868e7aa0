//! Listening to reports of errors between passes: the feed, and what is made of its reports.

use scrubjay_alerts::Correlator;
use scrubjay_collector::{Batch, EventFeed, FeedOptions, HostRoot};
use scrubjay_model::{Edac, EventPath, EventsStatus, Sightings};
use std::sync::Arc;

/// Receives reports, and remembers what was received before so that each is told once.
pub(crate) struct Listener {
    feed: Option<EventFeed>,
    status: EventsStatus,
    correlator: Correlator,
}

impl Listener {
    /// Begins to listen if that is wished and possible; if not, says why, once. `wake` is called on
    /// another thread when there is something to [take](Self::take), and must not block.
    pub(crate) fn start(
        host: &Arc<HostRoot>,
        options: Option<&FeedOptions>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let (feed, status) = match options {
            None => (None, EventsStatus::counters_only("switched off by configuration")),
            Some(options) => match EventFeed::start(host, options.clone(), wake) {
                Ok(feed) => (Some(feed), EventsStatus::counters_only("nothing was read yet")),
                Err(refusal) => {
                    let remedy = refusal.remedy();
                    let why = format!("{:#}", anyhow::Error::new(refusal));
                    let why = if remedy.is_empty() { why } else { format!("{why}. {remedy}") };
                    (None, EventsStatus::counters_only(why))
                }
            },
        };
        if feed.is_none() {
            tracing::warn!("not listening to trace events: {}", status.why);
        }
        Self { feed, status, correlator: Correlator::new() }
    }

    /// One that never hears anything.
    pub(crate) fn none(why: &str) -> Self {
        let status = EventsStatus::counters_only(why);
        Self { feed: None, status, correlator: Correlator::new() }
    }

    /// What was received since the last time, held against each other and against the controllers.
    pub(crate) fn take(&mut self, edac: Option<&Edac>) -> Sightings {
        match &self.feed {
            Some(feed) => {
                let batch = feed.drain();
                self.judge(batch, edac)
            }
            None => Sightings::default(),
        }
    }

    /// Stops listening, and returns the rest.
    pub(crate) fn stop(&mut self, edac: Option<&Edac>) -> Sightings {
        match self.feed.take() {
            Some(feed) => {
                let batch = feed.stop();
                self.judge(batch, edac)
            }
            None => Sightings::default(),
        }
    }

    /// How listening fares.
    pub(crate) fn status(&self) -> &EventsStatus {
        &self.status
    }

    /// Whether every report reaches us unless it is told as lost.
    pub(crate) fn hears_all(&self) -> bool {
        self.status.path == EventPath::Trace
    }

    fn judge(&mut self, batch: Batch, edac: Option<&Edac>) -> Sightings {
        let Batch { groups, status } = batch;
        let before = std::mem::replace(&mut self.status, status);
        let status = &self.status;
        Sightings {
            sightings: self.correlator.take(groups, edac),
            // Sums since the start, both of them; the first look compares with nothing.
            lost: status.lost.saturating_sub(before.lost),
            undecodable: status.undecodable.saturating_sub(before.undecodable),
        }
    }
}
