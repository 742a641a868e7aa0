//! Telling people of alerts: the log, Alertmanager, webhooks.
//!
//! Notices lie in the history's outbox until their receiver has taken them. A thread of its own
//! delivers them, so that no receiver holds up a pass or a scrape; what it delivered it leaves for
//! the thread that makes the passes, which alone writes the history. Whoever is killed in between
//! tells again: a notice comes at least once.

mod backoff;
mod receiver;
mod send;
mod worker;

pub(crate) use receiver::Receivers;
pub(crate) use send::{Sending, certificates, secret, small_file};

use scrubjay_collector::{Outside, start_outside};
use scrubjay_exporters::push::Lasting;
use scrubjay_model::{NotifyStats, Outgoing};
use std::collections::BTreeSet;
use std::sync::mpsc::{
    Receiver as Answers, RecvTimeoutError, SyncSender, TrySendError, sync_channel,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Jobs that may wait for the thread. What does not fit waits in the outbox.
const MOST_JOBS: usize = 64;

/// What the thread is told.
#[derive(Debug)]
pub(crate) enum Job {
    /// What came of a pass. One job: was what is resolved delivered while it is still known to
    /// fire, Alertmanager would be told once more that it does, and believe it until that ran out.
    Pass {
        /// To be delivered, in order.
        rows: Vec<Outgoing>,
        /// What fires now, to be told to Alertmanager again and again.
        lasting: Vec<Lasting>,
    },
    /// These are no longer to be delivered.
    Forget(Vec<i64>),
    /// Come to an end: at once, or when everything was tried once more.
    Stop { try_all: bool },
}

/// What the thread did since it was asked last.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Notices that were taken.
    pub(super) delivered: Vec<i64>,
    /// Notices that their receiver will never take, and why.
    pub(super) refused: Vec<(i64, String)>,
    /// Notices that waited while their receiver was tried in vain.
    pub(super) tried: BTreeSet<i64>,
    pub(super) stats: NotifyStats,
}

/// Where the thread is started.
pub(crate) struct Place {
    /// Outside of what the process is bound to, where it is.
    pub(crate) outside: Option<Arc<Outside>>,
    /// Binds the thread to what is its own.
    pub(crate) bind: Box<dyn FnOnce() + Send>,
}

/// The thread, seen from the one that makes the passes.
#[derive(Debug)]
pub(crate) struct Notifier {
    jobs: SyncSender<Job>,
    done: Arc<Mutex<Done>>,
    ended: Answers<()>,
    handed: BTreeSet<i64>,
    /// Of these, those whose receiver was tried in vain since.
    tried: BTreeSet<i64>,
}

impl Notifier {
    /// Starts the thread. It calls `wake` when it has delivered something.
    pub(crate) fn start(
        sending: Sending,
        place: Place,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, ordered) = sync_channel(MOST_JOBS);
        let (end, ended) = sync_channel(1);
        let done = Arc::new(Mutex::new(Done::default()));
        let shared = Arc::clone(&done);
        let Place { outside, bind } = place;
        start_outside(outside.as_deref(), "notices", move || {
            bind();
            worker::Worker::new(sending, shared, wake).run(&ordered);
            // Whoever waited is gone.
            let _ = end.send(());
        })?;
        Ok(Self { jobs, done, ended, handed: BTreeSet::new(), tried: BTreeSet::new() })
    }

    /// Hands over what waits and was not handed over before, and what fires now. Never blocks.
    pub(crate) fn hand_over<'o>(
        &mut self,
        outbox: impl Iterator<Item = &'o Outgoing>,
        lasting: Vec<Lasting>,
    ) {
        let rows: Vec<Outgoing> =
            outbox.filter(|row| !self.handed.contains(&row.id)).cloned().collect();
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        match self.jobs.try_send(Job::Pass { rows, lasting }) {
            Ok(()) => self.handed.extend(ids),
            // Busy: the next pass tries again, and the outbox keeps it until then.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// Takes back what was handed over.
    pub(crate) fn forget(&mut self, ids: &[i64]) {
        if !ids.is_empty() {
            // If it does not fit, somebody is told what was given up.
            let _ = self.jobs.try_send(Job::Forget(ids.to_vec()));
        }
        for id in ids {
            self.handed.remove(id);
            self.tried.remove(id);
        }
    }

    /// Whether its receiver was tried since this agent handed it over, as far as was asked.
    pub(crate) fn was_tried(&self, id: i64) -> bool {
        self.tried.contains(&id)
    }

    /// What was delivered, and what will never be taken, since this was last asked.
    pub(crate) fn done(&mut self) -> (Vec<i64>, Vec<(i64, String)>) {
        // A thread that died leaves what it had done.
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut done.delivered);
        let refused = std::mem::take(&mut done.refused);
        self.tried.append(&mut done.tried);
        for id in taken.iter().chain(refused.iter().map(|(id, _)| id)) {
            self.handed.remove(id);
            self.tried.remove(id);
        }
        (taken, refused)
    }

    pub(crate) fn stats(&self) -> NotifyStats {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).stats.clone()
    }

    /// Ends the thread, and waits for it no longer than that: what it is about to deliver stays in
    /// the outbox until it has.
    pub(crate) fn stop(&self, try_all: bool, wait: Duration) {
        let _ = self.jobs.try_send(Job::Stop { try_all });
        match self.ended.recv_timeout(wait) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Notifier {
        /// One that hands over to whoever asks, and has handed over these.
        pub(crate) fn without_thread<const N: usize>(handed: [i64; N]) -> (Self, Answers<Job>) {
            let (jobs, ordered) = sync_channel(1);
            let (_, ended) = sync_channel(1);
            let tried = BTreeSet::new();
            (Self { jobs, done: Arc::default(), ended, handed: handed.into(), tried }, ordered)
        }

        /// As if their receiver had been tried in vain.
        pub(crate) fn try_in_vain(&mut self, ids: &[i64]) {
            self.tried.extend(ids);
        }

        pub(crate) fn handed(&self) -> Vec<i64> {
            self.handed.iter().copied().collect()
        }
    }

    #[test]
    fn what_fires_is_said_together_with_what_became_of_it() {
        let (mut notifier, ordered) = Notifier::without_thread([]);
        notifier.hand_over(std::iter::empty(), Vec::new());
        // A second one does not fit, and what does not fit is not handed over in part.
        notifier.hand_over(std::iter::empty(), Vec::new());
        let all: Vec<Job> = ordered.try_iter().collect();
        assert!(matches!(all.as_slice(), [Job::Pass { rows, lasting }]
            if rows.is_empty() && lasting.is_empty()));
    }
}
