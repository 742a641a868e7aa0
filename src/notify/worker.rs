//! The thread that delivers: each receiver has its own queue and its own patience, so that one that
//! does not answer costs the others no more than its time-out.

use super::backoff::Jitter;
use super::receiver::Receiver;
use super::send::{Failure, Sending};
use super::{Done, Job};
use crate::clock;
use scrubjay_exporters::push::Lasting;
use scrubjay_model::{AlertNotice, Outgoing, ReceiverStats};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver as Jobs, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Notices that one attempt carries.
const AT_ONCE: usize = 64;

/// When nothing is to be done the thread sleeps until it is told something, or for so long.
const IDLE: Duration = Duration::from_secs(3_600);

/// What waits for one receiver.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Outgoing>,
    failures: u32,
    /// Whether one of those that wait was not wanted, so that each goes by itself.
    one_by_one: bool,
    /// Not before this.
    next: Duration,
    /// When it is to be told again of what fires.
    resend: Duration,
    stats: ReceiverStats,
}

pub(super) struct Worker<W> {
    sending: Sending,
    queues: BTreeMap<String, Queue>,
    lasting: Vec<Lasting>,
    jitter: Jitter,
    done: Arc<Mutex<Done>>,
    wake: W,
}

impl<W: Fn()> Worker<W> {
    pub(super) fn new(sending: Sending, done: Arc<Mutex<Done>>, wake: W) -> Self {
        let names = sending.receivers.by_name.keys();
        let queues = names.map(|name| (name.clone(), Queue::default())).collect();
        let jitter = Jitter::new(sending.seed);
        let worker = Self { sending, queues, lasting: Vec::new(), jitter, done, wake };
        worker.publish();
        worker
    }

    pub(super) fn run(mut self, jobs: &Jobs<Job>) {
        loop {
            let now = clock::monotonic();
            let wait = self.due().map_or(IDLE, |due| due.saturating_sub(now));
            match jobs.recv_timeout(wait) {
                Ok(Job::Stop { try_all }) => {
                    if try_all {
                        self.try_all();
                    }
                    return;
                }
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.work();
        }
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Pass { rows, lasting } => {
                self.lasting = lasting;
                for row in rows {
                    // Those of receivers that are no more are given up by whoever sends them.
                    if let Some(queue) = self.queues.get_mut(&row.receiver) {
                        queue.waiting.push_back(row);
                    }
                }
            }
            Job::Forget(ids) => {
                for queue in self.queues.values_mut() {
                    queue.waiting.retain(|row| !ids.contains(&row.id));
                }
            }
            Job::Stop { .. } => {}
        }
        self.publish();
    }

    /// When something is to be done next.
    fn due(&self) -> Option<Duration> {
        let of = |(name, queue): (&String, &Queue)| {
            let deliver = (!queue.waiting.is_empty()).then_some(queue.next);
            let resend = self.resends(name).then_some(queue.resend.max(queue.next));
            deliver.into_iter().chain(resend).min()
        };
        self.queues.iter().filter_map(of).min()
    }

    /// Whether a receiver is to be told again of what fires.
    fn resends(&self, name: &str) -> bool {
        let receiver = self.sending.receivers.by_name.get(name);
        !self.lasting.is_empty() && matches!(receiver, Some(Receiver::Alertmanager(_)))
    }

    /// One attempt for each receiver for which one is due. Those that have more waiting are due again
    /// at once, when the others had their turn. What fires comes first: it ends if it is not told.
    fn work(&mut self) {
        let names: Vec<String> = self.queues.keys().cloned().collect();
        for name in &names {
            self.resend(name);
        }
        for name in &names {
            self.deliver(name);
        }
    }

    /// One attempt for each receiver that has something waiting, however often it failed.
    fn try_all(&mut self) {
        for queue in self.queues.values_mut() {
            queue.next = Duration::ZERO;
        }
        let mut names: Vec<String> = self.queues.keys().cloned().collect();
        while !names.is_empty() {
            names.retain(|name| self.deliver(name));
        }
    }

    /// One attempt, if one is due. Whether there may be another at once.
    fn deliver(&mut self, name: &str) -> bool {
        let now = clock::monotonic();
        let Self { sending, queues, .. } = self;
        let (Some(queue), Some(receiver)) =
            (queues.get_mut(name), sending.receivers.by_name.get(name))
        else {
            return false;
        };
        if queue.waiting.is_empty() || queue.next > now {
            return false;
        }
        // Of a webhook each is a request of its own.
        let is_hook = matches!(receiver, Receiver::Webhook(_));
        let at_once = if queue.one_by_one || is_hook { 1 } else { AT_ONCE };
        let rows: Vec<&Outgoing> = queue.waiting.iter().take(at_once).collect();
        let notices: Vec<&AlertNotice> = rows.iter().map(|row| &row.notice).collect();
        let (taken, failure) = sending.tell(receiver, &notices);
        let many = notices.len() > 1;
        let delivered: Vec<i64> = rows.iter().take(taken).map(|row| row.id).collect();
        queue.waiting.drain(..delivered.len());
        let sent = u64::try_from(delivered.len()).unwrap_or(0);
        queue.stats.sent = queue.stats.sent.saturating_add(sent);
        queue.one_by_one &= !queue.waiting.is_empty();
        let mut refused = None;
        let goes_on = match failure {
            None => {
                self.succeeded(name);
                true
            }
            // Of many in one it is not known which is not wanted.
            Some(Failure::Never(_)) if many && matches!(receiver, Receiver::Alertmanager(_)) => {
                queue.one_by_one = true;
                true
            }
            Some(Failure::Never(why)) => {
                queue.stats.failed = queue.stats.failed.saturating_add(1);
                refused = queue.waiting.pop_front().map(|row| (row.id, why));
                true
            }
            Some(Failure::Later(why)) => {
                self.failed(name, why);
                false
            }
        };
        let is_news = !delivered.is_empty() || refused.is_some();
        {
            let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
            done.delivered.extend(delivered);
            done.refused.extend(refused);
        }
        self.publish();
        if is_news {
            (self.wake)();
        }
        goes_on
    }

    fn resend(&mut self, name: &str) {
        let now = clock::monotonic();
        let resends = self.resends(name);
        let Self { sending, queues, lasting, .. } = self;
        let Some(queue) = queues.get_mut(name).filter(|_| resends) else { return };
        if queue.resend.max(queue.next) > now {
            return;
        }
        let Some(Receiver::Alertmanager(address)) = sending.receivers.by_name.get(name) else {
            return;
        };
        let told = sending.tell_lasting(address, lasting);
        queue.resend = clock::monotonic().saturating_add(sending.resend());
        match told {
            Ok(()) => self.succeeded(name),
            Err(failure) => self.failed(name, failure.why().to_owned()),
        }
        self.publish();
    }

    fn succeeded(&mut self, name: &str) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        if queue.failures > 0 {
            tracing::info!("{name} can be told of alerts again");
        }
        (queue.failures, queue.next, queue.stats.last_error) = (0, Duration::ZERO, None);
    }

    fn failed(&mut self, name: &str, why: String) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        queue.stats.failed = queue.stats.failed.saturating_add(1);
        queue.failures = queue.failures.saturating_add(1);
        queue.next = clock::monotonic().saturating_add(self.jitter.wait(queue.failures));
        // Once for each reason, not for each attempt.
        if queue.stats.last_error.as_ref() != Some(&why) {
            tracing::warn!("{name} cannot be told of alerts: {why}");
        }
        queue.stats.last_error = Some(why);
        // Those behind the first ones waited for it as well.
        let waiting = queue.waiting.iter().map(|row| row.id);
        self.done.lock().unwrap_or_else(PoisonError::into_inner).tried.extend(waiting);
    }

    fn publish(&self) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, queue) in &self.queues {
            let queued = u64::try_from(queue.waiting.len()).unwrap_or(u64::MAX);
            // How many were given up only the one who gives up knows.
            let stats = ReceiverStats { queued, dropped: 0, ..queue.stats.clone() };
            done.stats.receivers.insert(name.clone(), stats);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::receiver::{Receivers, Ways};
    use super::*;
    use scrubjay_exporters::push::Sender;
    use scrubjay_model::{Action, AlertKey, AlertNoticeKind, RebootHelps, Sight, Verdict};

    fn sending() -> Sending {
        let mut receivers = Receivers::none();
        receivers.by_name.insert("journal".to_owned(), Receiver::Journal);
        let ways = Ways {
            timeout: Duration::from_secs(1),
            resend: Duration::from_secs(1),
            ca_file: None,
            alertmanager_authorization: None,
            webhook_authorization: None,
        };
        let sender = Sender { instance: "db1".to_owned(), runbook_url: String::new() };
        Sending { receivers, ways, sender, seed: 1 }
    }

    fn row(id: i64) -> Outgoing {
        let seen = Sight {
            verdict: Verdict::Watch,
            because: String::new(),
            action: Action::Observe,
            remedy: String::new(),
            reboot_helps: RebootHelps::No,
            origin: None,
            count: None,
        };
        let notice = AlertNotice {
            kind: AlertNoticeKind::Firing,
            key: AlertKey::new("a", "b"),
            verdict: Verdict::Watch,
            before: None,
            at_wall_ms: 0,
            since_wall_ms: 0,
            seen,
            why: None,
        };
        Outgoing { id, receiver: "journal".to_owned(), made_ms: 0, notice }
    }

    #[test]
    fn what_waits_while_its_receiver_fails_was_tried() {
        let done: Arc<Mutex<Done>> = Arc::default();
        let mut sending = sending();
        // A file that is not there has no address.
        let hook = Receiver::Webhook(crate::config::Address::InFile("/no/such".into()));
        sending.receivers.by_name.insert("hook".to_owned(), hook);
        let mut worker = Worker::new(sending, Arc::clone(&done), || {});
        let of = |id, name: &str| Outgoing { receiver: name.to_owned(), ..row(id) };
        let rows = vec![of(1, "hook"), of(2, "journal"), of(3, "hook")];
        worker.take(Job::Pass { rows, lasting: Vec::new() });
        worker.work();
        let done = done.lock().unwrap();
        assert_eq!((&done.delivered, &done.tried), (&vec![2], &[1, 3].into()));
    }

    #[test]
    fn nobody_waits_until_another_has_been_told_everything() {
        let done: Arc<Mutex<Done>> = Arc::default();
        let mut worker = Worker::new(sending(), Arc::clone(&done), || {});
        worker.take(Job::Pass { rows: (0..100).map(row).collect(), lasting: Vec::new() });
        let delivered = || done.lock().unwrap().delivered.len();
        worker.work();
        assert_eq!(delivered(), AT_ONCE);
        // The rest is due at once.
        assert_eq!(worker.due(), Some(Duration::ZERO));
        worker.work();
        assert_eq!((delivered(), worker.due()), (100, None));
        assert!(done.lock().unwrap().tried.is_empty(), "nothing was tried in vain");
        // When it ends, all of it goes.
        worker.take(Job::Pass { rows: (0..100).map(row).collect(), lasting: Vec::new() });
        worker.try_all();
        assert_eq!(delivered(), 200);
    }
}
