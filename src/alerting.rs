//! Alerts between the rules, the history and those who are told: what a pass found goes into the
//! book, what the book says goes into the history, and what the history holds is delivered.

use crate::config::Settings;
use crate::notify::{Notifier, Place, Receivers, Sending};
use crate::sandbox;
use scrubjay_alerts::book::{self, AlertPolicy, Asked, Evaluated, Looked, Pass};
use scrubjay_collector::Outside;
use scrubjay_exporters::push::Lasting;
use scrubjay_model::{Accumulated, AlertBook, Assessment, NotifyStats, Outgoing, Snapshot, Stamp};
use scrubjay_storage::{AlertNews, GivenUp, History};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long the end of the agent waits for the thread that delivers. What it did not manage is
/// delivered by the next run.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// The agent's part in alerts.
pub(crate) struct Alerting {
    policy: AlertPolicy,
    receivers: Receivers,
    give_up_after: Duration,
    notifier: Option<Notifier>,
    /// Notices that were given up, by receiver.
    dropped: BTreeMap<String, u64>,
}

impl Alerting {
    /// Starts the thread that delivers, which calls `wake` when it has.
    pub(crate) fn start(
        settings: &Settings,
        host_name: Option<&str>,
        outside: Option<Arc<Outside>>,
        wake: impl Fn() + Send + 'static,
    ) -> Self {
        let bounds = outside.is_some().then(|| (settings.clone(), sandbox::of_notices(settings)));
        let bind = move || {
            if let Some((settings, rules)) = bounds {
                sandbox::bind(&settings, &rules);
            }
        };
        let place = Place { outside, bind: Box::new(bind) };
        let notifier = match Notifier::start(Sending::new(settings, host_name), place, wake) {
            Ok(notifier) => Some(notifier),
            // Watching does not depend on it; what there is to tell waits in the outbox.
            Err(error) => {
                tracing::error!("cannot start the thread that tells of alerts: {error}");
                None
            }
        };
        Self {
            policy: settings.alerts.clone(),
            receivers: Receivers::of(&settings.notify),
            give_up_after: settings.notify.give_up_after,
            notifier,
            dropped: BTreeMap::new(),
        }
    }

    /// Takes what a pass found into the book, keeps the book, and hands over what there is to tell.
    pub(crate) fn pass(
        &mut self,
        history: &mut History,
        snapshot: &Snapshot,
        accumulated: &Accumulated,
        assessment: &Assessment,
        asked: Asked,
    ) {
        self.settle(history, &snapshot.at);
        let (requests, rejected) = history.ack_requests();
        for rejected in rejected {
            let path = rejected.path.display();
            tracing::warn!("{path} is no request of scrubjay ack or unack: {}", rejected.why);
        }
        let looked =
            Looked::of(snapshot, accumulated).in_history(&assessment.dimms, accumulated, asked);
        let why_not = |key: &_, alert: &_| looked.why_not(key, alert);
        let pass = Pass::of(assessment, &why_not, &requests);
        let book = history.alert_book().clone();
        let Evaluated { book, turns, notices, given, ended } =
            book::evaluate(book, &pass, &self.policy, &snapshot.at);
        for ack in &given {
            tracing::info!("{} is acknowledged by {}: {}", ack.key, ack.by, ack.reason);
        }
        let outgoing = notices
            .into_iter()
            .flat_map(|notice| {
                let names = self.receivers.of_notice(&notice).map(str::to_owned);
                names.map(|name| (name, notice.clone())).collect::<Vec<_>>()
            })
            .collect();
        let news = AlertNews { book, turns, given, ended, outgoing };
        let kept = history.keep_alerts(&snapshot.at, news);
        self.let_go(&kept.given_up);
        if let Some(error) = kept.error {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
        self.give_up_old(history, &snapshot.at);
        if let Some(notifier) = &mut self.notifier {
            notifier.hand_over(
                history.outbox(),
                lasting(history.alert_book(), &self.policy, &self.receivers),
            );
        }
    }

    /// Notes in the history what was delivered.
    pub(crate) fn settle(&mut self, history: &mut History, at: &Stamp) {
        let Some(notifier) = &mut self.notifier else { return };
        let (delivered, refused) = notifier.done();
        let noted = if delivered.is_empty() { Ok(()) } else { history.delivered(at, &delivered) };
        if let Err(error) = noted {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
        let mut by_why: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        for (id, why) in refused {
            if let Some(row) = history.outbox().find(|row| row.id == id) {
                by_why.entry((row.receiver.clone(), why)).or_default().push(id);
            }
        }
        let given_up =
            by_why.into_iter().map(|((receiver, why), ids)| GivenUp { receiver, ids, why });
        self.give_up(history, at, given_up.collect());
    }

    /// Gives up what waits for too long, and what waits for somebody who is to be told no more.
    fn give_up_old(&mut self, history: &mut History, at: &Stamp) {
        let now_ms = history.alert_book().clock.as_ref().map_or(0, |clock| clock.book_ms);
        let given_up = self.too_old(history.outbox(), now_ms);
        self.give_up(history, at, given_up);
    }

    /// What of the outbox is to be given up. An agent that was down for long tries everything first:
    /// that nobody could be told is not known of what nobody tried to tell.
    fn too_old<'o>(&self, outbox: impl Iterator<Item = &'o Outgoing>, now_ms: u64) -> Vec<GivenUp> {
        let limit_ms = u64::try_from(self.give_up_after.as_millis()).unwrap_or(u64::MAX);
        let was_tried = |id| self.notifier.as_ref().is_some_and(|notifier| notifier.was_tried(id));
        let mut by_why: BTreeMap<(String, &str), Vec<i64>> = BTreeMap::new();
        for Outgoing { id, receiver, made_ms, notice: _ } in outbox {
            let why = if !self.receivers.by_name.contains_key(receiver) {
                "it is not configured any more"
            } else if now_ms.saturating_sub(*made_ms) > limit_ms && was_tried(*id) {
                "it could not be told for as long as notify.give_up_after says"
            } else {
                continue;
            };
            by_why.entry((receiver.clone(), why)).or_default().push(*id);
        }
        let given_up = by_why.into_iter().map(|((receiver, why), ids)| GivenUp {
            receiver,
            ids,
            why: why.to_owned(),
        });
        given_up.collect()
    }

    fn give_up(&mut self, history: &mut History, at: &Stamp, given_up: Vec<GivenUp>) {
        if given_up.is_empty() {
            return;
        }
        self.let_go(&given_up);
        if let Err(error) = history.give_up(at, &given_up) {
            tracing::error!("failed to {:#}", anyhow::Error::from(error));
        }
    }

    /// Counts what is given up, and takes it back from the thread.
    fn let_go(&mut self, given_up: &[GivenUp]) {
        for GivenUp { receiver, ids, why } in given_up {
            if let Some(notifier) = &mut self.notifier {
                notifier.forget(ids);
            }
            tracing::warn!("{receiver} is not told of {} notices: {why}", ids.len());
            let dropped = self.dropped.entry(receiver.clone()).or_default();
            *dropped = dropped.saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
        }
    }

    /// How notices fare.
    pub(crate) fn stats(&self, history: &History) -> NotifyStats {
        let mut stats = self.notifier.as_ref().map(Notifier::stats).unwrap_or_default();
        for receiver in stats.receivers.values_mut() {
            receiver.queued = 0;
        }
        // What waits is in the outbox, whether or not the thread has it.
        for row in history.outbox() {
            let receiver = stats.receivers.entry(row.receiver.clone()).or_default();
            receiver.queued = receiver.queued.saturating_add(1);
        }
        for (receiver, dropped) in &self.dropped {
            stats.receivers.entry(receiver.clone()).or_default().dropped = *dropped;
        }
        stats
    }

    /// Ends the thread; within that time, if one is given, everything is tried once.
    pub(crate) fn stop(&mut self, history: &mut History, at: &Stamp, try_all: Option<Duration>) {
        if let Some(notifier) = &self.notifier {
            notifier.stop(try_all.is_some(), try_all.unwrap_or(STOP_WITHIN));
        }
        self.settle(history, at);
    }
}

/// What fires and was told: what Alertmanager is told again and again.
fn lasting(book: &AlertBook, policy: &AlertPolicy, receivers: &Receivers) -> Vec<Lasting> {
    let fires = book.alerts.iter().filter_map(|(key, alert)| {
        let firing = alert.state.firing()?;
        // Silence that was asked for after it was told is silence too.
        let is_silent = policy.rule(key, firing.level).silence;
        let is_told = firing.told.is_some() && receivers.wants(firing.level) && !is_silent;
        is_told.then(|| Lasting {
            key: key.clone(),
            level: firing.level,
            since_wall_ms: firing.since.wall_ms,
            seen: alert.seen.clone(),
            held: alert.held.clone(),
            ack: book.acks.get(key).cloned(),
        })
    });
    fires.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::Job;
    use scrubjay_alerts::book::AlertOverride;
    use scrubjay_model::{
        Action, Alert, AlertKey, AlertNotice, AlertNoticeKind, AlertState, BootId, Firing, Moment,
        RebootHelps, Sight, Told, Verdict,
    };

    fn notice() -> AlertNotice {
        AlertNotice {
            kind: AlertNoticeKind::Firing,
            key: AlertKey::new("a", "b"),
            verdict: Verdict::Watch,
            before: None,
            at_wall_ms: 0,
            since_wall_ms: 0,
            seen: sight(),
            why: None,
        }
    }

    fn sight() -> Sight {
        Sight {
            verdict: Verdict::Watch,
            because: String::new(),
            action: Action::Observe,
            remedy: String::new(),
            reboot_helps: RebootHelps::No,
            origin: None,
            count: None,
        }
    }

    #[test]
    fn what_there_was_no_room_for_is_taken_back_from_the_thread() {
        let (notifier, jobs) = Notifier::without_thread([1, 2]);
        let mut alerting = Alerting {
            policy: AlertPolicy::default(),
            receivers: Receivers::none(),
            give_up_after: Duration::ZERO,
            notifier: Some(notifier),
            dropped: BTreeMap::new(),
        };
        let why = "more than so many notices wait for it".to_owned();
        alerting.let_go(&[GivenUp { receiver: "hook".to_owned(), ids: vec![1], why }]);
        assert!(matches!(jobs.try_recv(), Ok(Job::Forget(ids)) if ids == [1]));
        assert_eq!(alerting.dropped["hook"], 1);
        assert_eq!(alerting.notifier.unwrap().handed(), [2]);
    }

    #[test]
    fn what_is_old_is_tried_before_it_is_given_up() {
        let (mut notifier, _jobs) = Notifier::without_thread([1, 2]);
        let old = |id, receiver: &str| Outgoing {
            id,
            receiver: receiver.to_owned(),
            made_ms: 0,
            notice: notice(),
        };
        let outbox = [old(1, "journal"), old(2, "journal"), old(3, "gone")];
        let mut alerting = Alerting {
            policy: AlertPolicy::default(),
            receivers: Receivers::journal(),
            give_up_after: Duration::from_secs(60),
            notifier: None,
            dropped: BTreeMap::new(),
        };
        let ids = |alerting: &Alerting, now_ms| -> Vec<i64> {
            let given_up = alerting.too_old(outbox.iter(), now_ms);
            given_up.into_iter().flat_map(|one| one.ids).collect()
        };
        // The agent was down for days: what is of a receiver that is no more goes, and nothing else.
        assert_eq!(ids(&alerting, 1_000_000), [3]);
        notifier.try_in_vain(&[1]);
        alerting.notifier = Some(notifier);
        assert_eq!(ids(&alerting, 1_000_000), [3, 1]);
        assert_eq!(ids(&alerting, 60_000), [3], "not before its time");
    }

    #[test]
    fn what_is_silenced_is_not_told_again_and_again() {
        let now = Moment { book_ms: 1, wall_ms: 1 };
        let told = Told { at: now, level: Verdict::Watch, worst: Verdict::Watch, reminders: 0 };
        let firing = Firing {
            since: now,
            level: Verdict::Watch,
            lower_from_ms: None,
            gone_from_ms: None,
            told: Some(told),
        };
        let alert = Alert {
            state: AlertState::Firing(firing),
            seen: sight(),
            seen_boot: BootId::parse("00000001-0000-0000-0000-000000000000").unwrap(),
            held: None,
        };
        let alerts = [(AlertKey::new("a", "b"), alert)].into();
        let book = AlertBook { alerts, ..AlertBook::default() };
        let silent = |silence| {
            let only = AlertOverride { silence: Some(silence), ..AlertOverride::default() };
            let policy = AlertPolicy { overrides: vec![only], ..AlertPolicy::default() };
            lasting(&book, &policy, &Receivers::none()).len()
        };
        assert_eq!((silent(false), silent(true)), (1, 0));
    }
}
