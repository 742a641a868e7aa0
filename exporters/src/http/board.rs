//! The latest view, shared between the agent's loop and the server.

use super::negotiate::{Form, Format};
use crate::{PageError, json, openmetrics, prometheus};
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use scrubjay_model::HostView;
use std::fmt;
use std::io::Write as _;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Where the agent posts each pass, and the server reads the last one.
///
/// Pages are made on first demand and kept until the next pass: many scrapers cost as much as one,
/// and none cost nothing. Where somebody asked for a form of the last page, that form of the next is made
/// before it is posted: no scrape waits for it.
pub struct Board {
    now: Arc<dyn Fn() -> Duration + Send + Sync>,
    latest: RwLock<Option<Arc<Posted>>>,
    /// Why there is nothing on it, where that is no beginning.
    nothing: RwLock<Option<String>>,
    /// Told of each pass.
    passed: Notify,
}

/// Whether what a view shows of counters is still so; it may take as long as the kernel wants.
pub struct Holds {
    /// Asks the host.
    pub ask: Box<dyn Fn() -> bool + Send + Sync>,
    /// Whether that waits for nobody, and takes less than a millisecond.
    pub is_soon_known: bool,
}

impl fmt::Debug for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holds").field("is_soon_known", &self.is_soon_known).finish_non_exhaustive()
    }
}

/// A page, or why it could not be written.
pub(super) type Page = Result<Bytes, String>;

/// What is posted.
pub struct Post {
    /// What a pass saw.
    pub view: Arc<HostView>,
    /// When it ended, by the clock of the board.
    pub at: Duration,
    /// For how long it speaks for the host.
    pub good_for: Duration,
    /// Whether counters are still what it shows, where that can be told.
    pub holds: Option<Holds>,
    /// Why no other will follow it, if that is known: it does not speak for the host any more.
    pub ended: Option<String>,
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Post")
            .field("at", &self.at)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

fn page(written: Result<String, PageError>) -> Page {
    written.map(Bytes::from).map_err(|error| error.to_string())
}

pub(super) struct Posted {
    view: Arc<HostView>,
    at: Duration,
    good_for: Duration,
    holds: Option<Holds>,
    ended: Option<String>,
    /// A bit for each form of the metrics page that somebody asked for.
    asked: AtomicU8,
    metrics: Forms,
    stale_metrics: Forms,
    snapshot: OnceLock<Page>,
}

impl Posted {
    pub(super) fn view(&self) -> &HostView {
        &self.view
    }
}

/// The metrics page in each form a scraper may ask for.
#[derive(Default)]
struct Forms {
    classic: Packed,
    open: Packed,
}

impl Posted {
    fn asked(&self) -> impl Iterator<Item = Form> {
        let asked = self.asked.load(Ordering::Relaxed);
        Form::ALL.into_iter().filter(move |form| asked & form.bit() != 0)
    }

    fn metrics(&self, form: Form, stale: bool) -> Page {
        let Self { view, .. } = self;
        let forms = if stale { &self.stale_metrics } else { &self.metrics };
        let Form { format, gzip } = form;
        match format {
            Format::Classic => forms.classic.get(gzip, || page(prometheus::render(view, stale))),
            Format::OpenMetrics => {
                forms.open.get(gzip, || Ok(Bytes::from(openmetrics::render(view, stale))))
            }
        }
    }
}

/// A page, and the same compressed.
#[derive(Default)]
struct Packed {
    plain: OnceLock<Page>,
    gzip: OnceLock<Page>,
}

impl Packed {
    fn get(&self, gzip: bool, write: impl Fn() -> Page) -> Page {
        let plain = || self.plain.get_or_init(&write).clone();
        if !gzip {
            return plain();
        }
        self.gzip.get_or_init(|| plain().and_then(|page| compressed(&page))).clone()
    }
}

/// Level 6 would save a twentieth of the bytes for twice the time.
fn compressed(page: &[u8]) -> Page {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), Compression::fast());
    let written = encoder.write_all(page).and_then(|()| encoder.finish());
    written.map(Bytes::from).map_err(|error| format!("the page cannot be compressed: {error}"))
}

/// Whether the last pass speaks for the host now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Freshness {
    /// It does.
    Fresh,
    /// It is too old.
    Stale {
        /// Its age.
        age: Duration,
        /// How old it may be.
        good_for: Duration,
    },
    /// It is the last one.
    Ended(String),
    /// There is none.
    NoPassYet,
    /// There is none, and that is no beginning.
    Nothing(String),
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fresh => f.write_str("healthy"),
            Self::Stale { age, good_for } => write!(
                f,
                "the last pass is {} s old and was good for {} s",
                age.as_secs(),
                good_for.as_secs()
            ),
            Self::Ended(why) | Self::Nothing(why) => f.write_str(why),
            Self::NoPassYet => f.write_str("no pass over the host has completed yet"),
        }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board").field("freshness", &self.freshness()).finish_non_exhaustive()
    }
}

impl Board {
    /// An empty board. `now` is a clock that never runs backwards, from any origin; one that stands
    /// still in sleep would take a view from before it for a fresh one.
    pub fn new(now: Arc<dyn Fn() -> Duration + Send + Sync>) -> Self {
        Self { now, latest: RwLock::new(None), nothing: RwLock::new(None), passed: Notify::new() }
    }

    /// Posts the result of a pass that ended now. It speaks for the host for `good_for`.
    pub fn publish(&self, view: HostView, good_for: Duration) {
        self.publish_watched(Arc::new(view), good_for, None);
    }

    /// The same; `holds` tells whether counters are still what the view shows.
    pub fn publish_watched(&self, view: Arc<HostView>, good_for: Duration, holds: Option<Holds>) {
        let at = (self.now)();
        self.post(Post { view, at, good_for, holds, ended: None });
    }

    /// Takes down what is there, and says why there is nothing.
    pub fn clear(&self, why: String) {
        *self.nothing.write().unwrap_or_else(PoisonError::into_inner) = Some(why);
        let last = self.latest.write().unwrap_or_else(PoisonError::into_inner).take();
        drop(last);
        self.passed.notify_waiters();
    }

    /// Posts what another process saw, or what ended at another moment.
    pub fn post(&self, post: Post) {
        let Post { view, at, good_for, holds, ended } = post;
        let posted = Arc::new(Posted {
            view,
            at,
            good_for,
            holds,
            ended,
            asked: AtomicU8::new(0),
            metrics: Forms::default(),
            stale_metrics: Forms::default(),
            snapshot: OnceLock::new(),
        });
        if let Some(last) = self.latest() {
            for form in last.asked() {
                // Why a page cannot be written is told to whoever asks for it.
                let stale = posted.ended.is_some();
                let _ = posted.metrics(form, stale);
            }
        }
        // A panic cannot leave an `Option<Arc>` half written.
        let last = self.latest.write().unwrap_or_else(PoisonError::into_inner).replace(posted);
        // Of a large host it takes a while, in which nobody has to wait for the lock.
        drop(last);
        self.passed.notify_waiters();
    }

    /// The moment by the clock of the board.
    pub(super) fn now(&self) -> Duration {
        (self.now)()
    }

    /// When the last pass ended.
    pub(super) fn posted_at(&self) -> Option<Duration> {
        self.latest().map(|posted| posted.at)
    }

    /// Completes with the next pass.
    pub(super) fn passed(&self) -> Notified<'_> {
        self.passed.notified()
    }

    /// When the last pass ended, and whether it still holds; `None` if that cannot be told.
    pub(super) fn holds(&self) -> Option<(Duration, bool)> {
        let posted = self.latest()?;
        posted.holds.as_ref().map(|holds| (posted.at, (holds.ask)()))
    }

    /// Whether that can be told at once.
    pub(super) fn is_soon_known(&self) -> bool {
        self.latest()
            .is_some_and(|posted| posted.holds.as_ref().is_some_and(|holds| holds.is_soon_known))
    }

    pub(super) fn latest(&self) -> Option<Arc<Posted>> {
        self.latest.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn freshness_of(&self, posted: Option<&Posted>) -> Freshness {
        let Some(posted) = posted else {
            let nothing = self.nothing.read().unwrap_or_else(PoisonError::into_inner).clone();
            return nothing.map_or(Freshness::NoPassYet, Freshness::Nothing);
        };
        if let Some(why) = &posted.ended {
            return Freshness::Ended(why.clone());
        }
        let age = (self.now)().saturating_sub(posted.at);
        if age <= posted.good_for {
            Freshness::Fresh
        } else {
            Freshness::Stale { age, good_for: posted.good_for }
        }
    }

    /// What the host is called, if that is known.
    pub(super) fn host_name(&self) -> Option<String> {
        self.latest()?.view.header.host_name.value().cloned()
    }

    pub(super) fn freshness(&self) -> Freshness {
        self.freshness_of(self.latest().as_deref())
    }

    /// The metrics page, as stale as the last pass is; `None` before the first.
    pub(super) fn metrics(&self, form: Form) -> Option<Page> {
        let posted = self.latest()?;
        posted.asked.fetch_or(form.bit(), Ordering::Relaxed);
        Some(match self.freshness_of(Some(&posted)) {
            Freshness::Fresh => posted.metrics(form, false),
            Freshness::Stale { .. }
            | Freshness::Ended(_)
            | Freshness::NoPassYet
            | Freshness::Nothing(_) => posted.metrics(form, true),
        })
    }

    /// Whether a form of the page is there already.
    #[cfg(test)]
    pub(super) fn is_made(&self, form: Form) -> bool {
        let posted = self.latest().unwrap();
        let of = |packed: &Packed| {
            let page = if form.gzip { &packed.gzip } else { &packed.plain };
            page.get().is_some()
        };
        match form.format {
            Format::Classic => of(&posted.metrics.classic),
            Format::OpenMetrics => of(&posted.metrics.open),
        }
    }

    /// The snapshot as JSON, or why there is none that speaks for the host.
    pub(super) fn snapshot(&self) -> Result<Page, Freshness> {
        let latest = self.latest();
        match (self.freshness_of(latest.as_deref()), latest) {
            (Freshness::Fresh, Some(posted)) => Ok(posted
                .snapshot
                .get_or_init(|| page(json::public_snapshot(&posted.view)))
                .clone()),
            (freshness, _) => Err(freshness),
        }
    }
}
