//! Reports of errors as they come: what the agent sees of the trace buffer.

use super::aggregate::Aggregator;
use super::instance::{self, Opened, Wanted};
use super::reader::{Reader, Shared};
use super::refusal::FeedRefusal;
use crate::host::HostRoot;
use rustix::event::EventfdFlags;
use scrubjay_model::{EventGroup, EventsStatus};
use std::fmt;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a start waits for what is in the buffers already: emptying a full one takes some tenths
/// of a second.
const FIRST_ROUND: Duration = Duration::from_secs(2);

/// How to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedOptions {
    /// Name of our instance of the trace buffer; begins with `scrubjay`.
    pub instance: String,
    /// Size of each CPU's buffer in KiB; `None` shares 32 MiB among the CPUs, at most 16 MiB and at
    /// least the kernel's own size, some 1400 KiB, for each.
    pub buffer_kb: Option<u64>,
    /// What becomes of the instance.
    pub on_stop: OnStop,
}

/// What becomes of the trace buffer when the agent stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStop {
    /// It stays and goes on recording, so that nothing is missed until the next start.
    Leave,
    /// It is removed, and what comes meanwhile is missed.
    Remove,
}

/// What came since the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The reports, in the order of the first of each group.
    pub groups: Vec<EventGroup>,
    /// How reading fares. Its numbers are sums since the start.
    pub status: EventsStatus,
}

/// Listens to trace events on a thread of its own, until it is stopped or dropped.
pub struct EventFeed {
    shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<Opened>>,
    on_stop: OnStop,
}

impl fmt::Debug for EventFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFeed").field("on_stop", &self.on_stop).finish_non_exhaustive()
    }
}

impl EventFeed {
    /// Begins to listen. What was recorded while nobody listened can be fetched when this returns. `wake` is called, on
    /// the thread of the feed, when there is something to fetch, and not again before it was
    /// fetched; it must not block.
    pub fn start(
        host: &Arc<HostRoot>,
        options: FeedOptions,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, FeedRefusal> {
        Self::listen(host, options, instance::everything(), Box::new(wake))
    }

    fn listen(
        host: &Arc<HostRoot>,
        options: FeedOptions,
        wanted: Vec<Wanted>,
        wake: Box<dyn Fn() + Send>,
    ) -> Result<Self, FeedRefusal> {
        // Without a clock nothing is known to have waited.
        let began = host.clocks().boottime.unwrap_or_default();
        let began_ns = u64::try_from(began.as_nanos()).unwrap_or(u64::MAX);
        let FeedOptions { instance: name, buffer_kb, on_stop } = options;
        let opened = instance::open(host, &name, buffer_kb, wanted)?;
        let failed = |what: &str, source| FeedRefusal::Failed { path: what.to_owned(), source };
        let stop = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(|errno| failed("eventfd", errno.into()))?;
        let stop = Arc::new(stop);
        let page_shift = rustix::param::page_size().trailing_zeros();
        let aggregator = Aggregator::new(u8::try_from(page_shift).unwrap_or(u8::MAX));
        let shared = Arc::new(Shared::new(aggregator));
        let (host, ours) = (Arc::clone(host), Arc::clone(&shared));
        let reader = Reader::new(host, opened, ours, wake, Arc::clone(&stop), began_ns);
        let thread = std::thread::Builder::new()
            .name("trace-events".to_owned())
            .spawn(move || reader.run())
            .map_err(|source| failed("its thread", source))?;
        shared.wait_until_emptied(FIRST_ROUND);
        Ok(Self { shared, stop, thread: Some(thread), on_stop })
    }

    /// Fetches what came since the last time.
    pub fn drain(&self) -> Batch {
        let (groups, status) = self.shared.drain();
        Batch { groups, status }
    }

    /// Events that report errors and that this kernel does not have, or not before a module is
    /// loaded, as `group:event`; `group:*` where it has none of a group.
    pub fn missing(&self) -> Vec<String> {
        self.shared.missing()
    }

    /// Stops listening and fetches the rest.
    pub fn stop(mut self) -> Batch {
        self.end();
        self.drain()
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        // An eventfd takes eight bytes always, unless it was told 2^64 - 1 times.
        let _ = rustix::io::write(&*self.stop, &1_u64.to_ne_bytes());
        if let Ok(opened) = thread.join()
            && self.on_stop == OnStop::Remove
        {
            // What cannot be removed records on, as if it had been left.
            let _ = opened.remove();
        }
    }
}

impl Drop for EventFeed {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests;
