//! The thread that empties the trace buffers.
//!
//! It sleeps in poll(2) over the buffers of all CPUs. After a record arrived it empties the buffers,
//! rests for a moment and looks again, so that a storm is read many pages at a time, while a single
//! error is read at once. When nothing more comes it looks at the kernel's sums of lost records and
//! sleeps on. It wakes by itself only to look for CPUs and events that were not there before.

use super::aggregate::Aggregator;
use super::extlog::Extlog;
use super::instance::Opened;
use super::loss::{Losses, Stats};
use crate::host::{Failure, HostRoot, RawPages};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use scrubjay_model::{EventPath, EventsStatus};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it looks for CPUs that came and for events of modules that were loaded. Until then a
/// new CPU's buffer holds some ten thousand records.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(300);

/// The rest between two looks while records arrive: a buffer of the kernel's usual size takes some
/// twenty times as long to fill in the worst storm that was measured, 300 000 records a second.
const REST: Duration = Duration::from_millis(2);

/// Rests are doubled this often if poll(2) says that there is something and there is not.
const FUTILE_LIMIT: u32 = 9;

/// Most pages of a CPU before the others have their turn: about a buffer of the usual size.
const PAGES_AT_ONCE: u32 = 512;

/// Longest `stats` accepted; it has some 150 bytes.
const STATS_LIMIT: usize = 4096;

/// What the thread and the feed share.
pub(super) struct Shared {
    store: Mutex<Store>,
    /// Tells of the first time that all buffers were found empty.
    emptied: Condvar,
}

/// What was read and not yet fetched.
struct Store {
    found: Aggregator,
    status: EventsStatus,
    missing: Vec<String>,
    /// Whether somebody was told that there is something new.
    told: bool,
    /// Whether all buffers were found empty once.
    emptied: bool,
}

/// Reads the buffers.
pub(super) struct Reader {
    host: Arc<HostRoot>,
    opened: Opened,
    cpus: Vec<Cpu>,
    extlog: Extlog,
    page: Vec<u8>,
    shared: Arc<Shared>,
    wake: Box<dyn Fn() + Send>,
    stop: Arc<OwnedFd>,
    /// Records from before this moment waited for us, in nanoseconds since boot.
    began_ns: u64,
    look_again_at: Option<Duration>,
}

struct Cpu {
    number: u32,
    pages: RawPages,
    losses: Losses,
    /// Something may be there to read.
    ready: bool,
    /// Something was read since its sums were last looked at.
    unsettled: bool,
    /// The kernel has no buffer for it now: it was never online.
    aside: bool,
}

/// What came of an attempt to read a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Page,
    Empty,
    /// There is no buffer.
    Gone,
}

enum Woken {
    Stop,
    Records,
    Nothing,
}

impl Shared {
    pub(super) fn new(found: Aggregator) -> Self {
        let status =
            EventsStatus { path: EventPath::Trace, ..EventsStatus::counters_only(String::new()) };
        let store = Store { found, status, missing: Vec::new(), told: false, emptied: false };
        Self { store: Mutex::new(store), emptied: Condvar::new() }
    }

    /// What was read since the last call, and how reading fares.
    pub(super) fn drain(&self) -> (Vec<scrubjay_model::EventGroup>, EventsStatus) {
        let mut store = self.lock();
        store.told = false;
        let (found, status) = (store.found.take(), store.status.clone());
        // In a storm the buffers are full while some thousand groups are sorted, so the thread that
        // reads them does not wait for that.
        drop(store);
        (found.into_groups(), status)
    }

    /// Waits until all buffers were found empty once, so that what had waited in them is there to be
    /// fetched; no longer than `longest`, as in a storm they never are.
    pub(super) fn wait_until_emptied(&self, longest: Duration) {
        let store = self.lock();
        let waited = self.emptied.wait_timeout_while(store, longest, |store| !store.emptied);
        // Whether it was in time or not: the rest comes later.
        drop(waited);
    }

    /// Events that this kernel does not have.
    pub(super) fn missing(&self) -> Vec<String> {
        self.lock().missing.clone()
    }

    /// Notes that a CPU's reports are missing: not all of them come by the best way.
    fn tell_unread(&self, cpu: u32, failure: Failure) {
        let cause = match failure {
            Failure::Errno(errno) => std::io::Error::from_raw_os_error(errno).to_string(),
            Failure::NotAFile | Failure::TooLong => "not as expected".to_owned(),
        };
        self.lock().status.why = format!("the trace buffer of CPU {cpu} cannot be read: {cause}");
    }

    /// Nothing in the store is ever half changed, so a panic elsewhere leaves it usable.
    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// Opens the buffers of all CPUs.
    pub(super) fn new(
        host: Arc<HostRoot>,
        opened: Opened,
        shared: Arc<Shared>,
        wake: Box<dyn Fn() + Send>,
        stop: Arc<OwnedFd>,
        began_ns: u64,
    ) -> Self {
        let page = vec![0; opened.page_bytes];
        let cpus = Vec::new();
        let extlog = Extlog::default();
        let look_again_at = None;
        let mut reader =
            Self { host, opened, cpus, extlog, page, shared, wake, stop, began_ns, look_again_at };
        reader.look_for_cpus();
        reader.tell_what_is_known();
        reader.hold_extlog();
        reader
    }

    /// Reads until it is told to stop, and then once more what is there.
    pub(super) fn run(mut self) -> Opened {
        let mut futile = 0;
        self.schedule();
        loop {
            let read = self.pass();
            let settled = !read && self.settle();
            self.publish(settled);
            // While records come, the next look is after a rest instead of a wake-up for each.
            futile = if read || !self.cpus.iter().any(|cpu| cpu.ready) { 0 } else { futile + 1 };
            let restless = read || !settled || futile > 0;
            if restless && self.stopped_within(REST * 2_u32.pow(futile.min(FUTILE_LIMIT))) {
                break;
            }
            let wait = if restless { Duration::ZERO } else { LOOK_AGAIN_EVERY };
            match self.wait(wait) {
                Woken::Stop => break,
                Woken::Records => {}
                Woken::Nothing if !restless => self.look_again(),
                Woken::Nothing => {}
            }
            if self.is_time_to_look_again() {
                self.look_again();
            }
        }
        self.cpus.iter_mut().for_each(|cpu| cpu.ready = true);
        self.pass();
        self.settle();
        self.publish(true);
        self.opened
    }

    /// Reads what the ready CPUs have. True if there was anything.
    fn pass(&mut self) -> bool {
        let mut any = false;
        for at in 0..self.cpus.len() {
            for _ in 0..PAGES_AT_ONCE {
                let Some(cpu) = self.cpus.get_mut(at).filter(|cpu| cpu.ready && !cpu.aside) else {
                    break;
                };
                let known = &self.opened.known;
                let attempt = cpu.read(&mut self.page, &self.shared, &known.decoder, self.began_ns);
                any |= attempt == Attempt::Page;
                if attempt != Attempt::Page {
                    break;
                }
            }
        }
        any
    }

    /// Looks at the sums of the CPUs that were read, each between two looks that find its buffer
    /// empty. False if one was not: then there is more to read.
    fn settle(&mut self) -> bool {
        let mut settled = true;
        for at in 0..self.cpus.len() {
            if !self.cpus.get(at).is_some_and(|cpu| cpu.unsettled && !cpu.aside) {
                continue;
            }
            let stats = self.stats(at);
            let Some(cpu) = self.cpus.get_mut(at) else { continue };
            let known = &self.opened.known;
            let attempt = cpu.read(&mut self.page, &self.shared, &known.decoder, self.began_ns);
            if let (Attempt::Empty, Some(stats)) = (attempt, stats) {
                cpu.losses.sums_of_empty(stats);
            }
            cpu.unsettled = attempt == Attempt::Page;
            cpu.ready = cpu.unsettled;
            settled &= !cpu.unsettled;
        }
        settled
    }

    fn stats(&self, at: usize) -> Option<Stats> {
        stats(&self.opened, self.cpus.get(at)?.number)
    }

    /// Brings the status up to date, and wakes the one who fetches if there is something new.
    fn publish(&self, settled: bool) {
        let lost = self.cpus.iter().map(|cpu| cpu.losses.lost());
        let lost = lost.fold(0, u64::saturating_add);
        let mut store = self.shared.lock();
        let news = !store.found.is_empty() || store.status.lost != lost;
        store.status.lost = lost;
        if settled && !store.emptied {
            store.emptied = true;
            self.shared.emptied.notify_all();
        }
        if news && !store.told {
            store.told = true;
            drop(store);
            (self.wake)();
        }
    }

    fn look_again(&mut self) {
        self.schedule();
        self.look_for_cpus();
        if self.opened.look_again() {
            self.tell_what_is_known();
        }
        self.hold_extlog();
        // A wake-up that the kernel owed us costs five minutes and not the record.
        self.cpus.iter_mut().for_each(|cpu| cpu.ready = true);
    }

    fn schedule(&mut self) {
        self.look_again_at = self.host.own_monotonic().map(|now| now + LOOK_AGAIN_EVERY);
    }

    fn is_time_to_look_again(&self) -> bool {
        self.host.own_monotonic().zip(self.look_again_at).is_some_and(|(now, at)| now >= at)
    }

    fn look_for_cpus(&mut self) {
        for cpu in &mut self.cpus {
            cpu.aside = false;
        }
        let Ok(numbers) = self.opened.instance.cpus() else { return };
        for number in numbers {
            if self.cpus.iter().any(|cpu| cpu.number == number) {
                continue;
            }
            let pages = match self.opened.instance.raw_pages(number) {
                Ok(pages) => pages,
                Err(failure) => {
                    self.shared.tell_unread(number, failure);
                    continue;
                }
            };
            let losses = Losses::new(stats(&self.opened, number));
            let (ready, unsettled, aside) = (true, true, false);
            self.cpus.push(Cpu { number, pages, losses, ready, unsettled, aside });
        }
    }

    /// Debugfs may be mounted, or the event appear, after the agent has started.
    fn hold_extlog(&mut self) {
        let extlog = self.extlog.hold(&self.host, &self.opened.known.listening);
        self.shared.lock().status.extlog = extlog;
    }

    fn tell_what_is_known(&self) {
        let known = &self.opened.known;
        let mut store = self.shared.lock();
        store.missing.clone_from(&known.missing);
        let status = &mut store.status;
        status.listening.clone_from(&known.listening);
        if known.not_understood.is_some() {
            status.last_undecodable.clone_from(&known.not_understood);
        }
    }

    /// Waits for records, and marks the CPUs that have some.
    fn wait(&mut self, longest: Duration) -> Woken {
        let mut polled = vec![PollFd::new(&*self.stop, PollFlags::IN)];
        let present = || self.cpus.iter().filter(|cpu| !cpu.aside);
        polled.extend(
            present().map(|cpu| PollFd::from_borrowed_fd(cpu.pages.as_fd(), PollFlags::IN)),
        );
        poll(&mut polled, longest);
        let answers: Vec<PollFlags> = polled.iter().map(PollFd::revents).collect();
        let Some((stop, answers)) = answers.split_first() else { return Woken::Stop };
        if !stop.is_empty() {
            return Woken::Stop;
        }
        let mut any = false;
        let present = self.cpus.iter_mut().filter(|cpu| !cpu.aside);
        for (cpu, answer) in present.zip(answers) {
            cpu.ready = answer.contains(PollFlags::IN);
            // A CPU that was never online has no buffer, and poll(2) would not sleep for it.
            cpu.aside = !cpu.ready && !answer.is_empty();
            any |= cpu.ready;
        }
        if any { Woken::Records } else { Woken::Nothing }
    }

    fn stopped_within(&self, longest: Duration) -> bool {
        let mut polled = [PollFd::new(&*self.stop, PollFlags::IN)];
        poll(&mut polled, longest);
        polled.iter().any(|stop| !stop.revents().is_empty())
    }
}

impl Cpu {
    /// Reads one page into the store.
    fn read(
        &mut self,
        page: &mut [u8],
        shared: &Shared,
        decoder: &super::decode::Decoder,
        began_ns: u64,
    ) -> Attempt {
        let page = match self.pages.read(page) {
            Ok(0) => return Attempt::Empty,
            Ok(length) => page.get(..length).unwrap_or_default(),
            Err(Failure::Errno(errno)) if errno == Errno::AGAIN.raw_os_error() => {
                return Attempt::Empty;
            }
            // Whatever it is, it does not end the reading of the others.
            Err(failure) => {
                if failure != Failure::Errno(Errno::NODEV.raw_os_error()) {
                    shared.tell_unread(self.number, failure);
                }
                self.aside = true;
                return Attempt::Gone;
            }
        };
        self.unsettled = true;
        let mut store = shared.lock();
        let Store { found, status, .. } = &mut *store;
        let mut waited = 0;
        let told = decoder.page(page, &mut |report| {
            waited += u64::from(report.since_boot_ns < began_ns);
            found.add(&report);
        });
        status.reports = status.reports.saturating_add(told.reports);
        status.waited = status.waited.saturating_add(waited);
        status.undecodable = status.undecodable.saturating_add(told.undecodable);
        if told.last_undecodable.is_some() {
            status.last_undecodable = told.last_undecodable;
        }
        self.losses.page(told.lost);
        Attempt::Page
    }
}

fn stats(opened: &Opened, cpu: u32) -> Option<Stats> {
    let text = opened.instance.read(&format!("per_cpu/cpu{cpu}/stats"), STATS_LIMIT).ok()?;
    Stats::parse(std::str::from_utf8(&text).ok()?)
}

/// Waits for one of them. A signal, or a failure, counts as nothing: the caller looks again.
fn poll(polled: &mut [PollFd<'_>], longest: Duration) {
    let longest = Timespec::try_from(longest).ok();
    let _ = rustix::event::poll(polled, longest.as_ref());
}
