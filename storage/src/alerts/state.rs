//! What is known of alerts between passes, and what is to be written of a pass. Pure.

use super::changes::{self, AckRow, AlertChanges};
use crate::changes::Changes;
use crate::ledger;
use scrubjay_model::{
    Ack, AckEnd, AlertBook, AlertKey, AlertNotice, AlertNoticeKind, AlertTurn, EndedAck, Moment,
    Outgoing, Stamp,
};
use std::collections::BTreeMap;

/// Notices that may wait for one receiver. Above that the oldest reminders go first, then the oldest
/// of all; it is told that they did.
pub(crate) const MOST_WAITING: usize = 1_024;

/// The state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AlertsState {
    pub(crate) book: AlertBook,
    pub(crate) outbox: BTreeMap<i64, Outgoing>,
    /// The next free row of the outbox.
    pub(crate) next_outgoing: i64,
}

/// What came of a pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertNews {
    /// The book as it is now.
    pub book: AlertBook,
    /// What became of alerts.
    pub turns: Vec<AlertTurn>,
    /// Acknowledgements that were given.
    pub given: Vec<Ack>,
    /// Acknowledgements that ended.
    pub ended: Vec<EndedAck>,
    /// What is to be told, and to whom.
    pub outgoing: Vec<(String, AlertNotice)>,
}

/// Notices that one receiver will not be told, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenUp {
    /// Whom.
    pub receiver: String,
    /// Their rows.
    pub ids: Vec<i64>,
    /// Why.
    pub why: String,
}

impl AlertsState {
    /// Takes in what came of a pass.
    pub(crate) fn keep(&mut self, at: &Stamp, news: AlertNews) -> (Changes, Vec<GivenUp>) {
        let AlertNews { book, turns, given, ended, outgoing } = news;
        let before = std::mem::replace(&mut self.book, book);
        let mut alerts = AlertChanges {
            clock: self.book.clock.clone(),
            alerts: changed(&before, &self.book),
            ..AlertChanges::default()
        };
        // Before the first time there is nothing to go on with.
        let mut urgent = before.clock.is_none() || states(&before) != states(&self.book);
        // Across boots there is only the wall clock, which may be set before the next writing.
        let boot = |book: &AlertBook| book.clock.as_ref().map(|clock| clock.at.boot.clone());
        urgent |= boot(&before) != boot(&self.book);
        urgent |=
            !(turns.is_empty() && given.is_empty() && ended.is_empty() && outgoing.is_empty());
        let mut facts: Vec<_> = turns
            .iter()
            .filter(|turn| !turn.what.is_of_ack())
            .map(|t| ledger::alert(at, t))
            .collect();
        for ack in given {
            facts.push(ledger::acknowledged(at, &ack));
            let name = (ack.request.clone(), ack.key.clone());
            alerts.acks.insert(name, AckRow { ack, ended: None });
        }
        for ended in ended {
            facts.push(ledger::acknowledgement_ended(at, &ended));
            let name = (ended.ack.request.clone(), ended.ack.key.clone());
            let row = AckRow { ack: ended.ack.clone(), ended: Some(ended) };
            alerts.acks.insert(name, row);
        }
        alerts.turns = turns;
        let made_ms = self.book.clock.as_ref().map_or(0, |clock| clock.book_ms);
        for (receiver, notice) in outgoing {
            let id = self.next_outgoing;
            self.next_outgoing = id.saturating_add(1);
            let row = Outgoing { id, receiver, made_ms, notice };
            self.outbox.insert(id, row.clone());
            alerts.outbox.insert(id, Some(row));
        }
        let given_up = self.make_room();
        for one in &given_up {
            facts.push(ledger::delivery_given_up(at, one));
            alerts.outbox.extend(one.ids.iter().map(|id| (*id, None)));
        }
        (Changes { urgent, alerts, ledger: facts, ..Changes::default() }, given_up)
    }

    /// Takes out of the outbox what there is no room for.
    fn make_room(&mut self) -> Vec<GivenUp> {
        let mut by_receiver: BTreeMap<&str, Vec<&Outgoing>> = BTreeMap::new();
        for row in self.outbox.values() {
            by_receiver.entry(&row.receiver).or_default().push(row);
        }
        let mut given_up = Vec::new();
        for (receiver, mut rows) in by_receiver {
            let excess = rows.len().saturating_sub(MOST_WAITING);
            if excess > 0 {
                rows.sort_by_key(|row| (row.notice.kind != AlertNoticeKind::Reminder, row.id));
                given_up.push(GivenUp {
                    receiver: receiver.to_owned(),
                    ids: rows.iter().take(excess).map(|row| row.id).collect(),
                    why: format!("more than {MOST_WAITING} notices wait for it"),
                });
            }
        }
        for id in given_up.iter().flat_map(|one| &one.ids) {
            self.outbox.remove(id);
        }
        given_up
    }

    /// Takes notices out of the outbox.
    pub(crate) fn delivered(&mut self, ids: &[i64]) -> Changes {
        let mut alerts = AlertChanges::default();
        for id in ids {
            if self.outbox.remove(id).is_some() {
                alerts.outbox.insert(*id, None);
            }
        }
        Changes { urgent: !alerts.outbox.is_empty(), alerts, ..Changes::default() }
    }

    /// All of it, as changes to a file that holds `there`.
    pub(crate) fn everything(&self, there: &Self, now_wall_ms: i64) -> AlertChanges {
        let mut alerts = changed(&there.book, &self.book);
        // Those that are the same too: the file may be another one.
        let same = self.book.alerts.iter().map(|(key, alert)| (key.clone(), Some(alert.clone())));
        alerts.extend(same);
        let row = |ack: &Ack, ended| {
            let name = (ack.request.clone(), ack.key.clone());
            (name, AckRow { ack: ack.clone(), ended })
        };
        // Of those that only the file has it is not known how they ended.
        let holds =
            |ack: &&Ack| self.book.acks.get(&ack.key).is_some_and(|own| own.request == ack.request);
        let lost = there.book.acks.values().filter(|ack| !holds(ack)).map(|ack| {
            let why = "another took its place, or it ended, while the file was not there";
            let (end, why) = (AckEnd::Replaced, why.to_owned());
            row(ack, Some(EndedAck { ack: ack.clone(), end, why, at_wall_ms: now_wall_ms }))
        });
        let gone = there.outbox.keys().filter(|id| !self.outbox.contains_key(id));
        let waiting = self.outbox.iter().map(|(id, row)| (*id, Some(row.clone())));
        AlertChanges {
            clock: self.book.clock.clone(),
            alerts,
            turns: Vec::new(),
            acks: self.book.acks.values().map(|ack| row(ack, None)).chain(lost).collect(),
            outbox: gone.map(|id| (*id, None)).chain(waiting).collect(),
        }
    }

    /// Goes on with what a file holds, to which what happened in memory is added. What fires in the
    /// file is as the file has it: whoever was told is not told again.
    pub(crate) fn come_home(&mut self, memory: Self, now_wall_ms: i64) -> AlertChanges {
        let before = self.clone();
        let Self { book, outbox, next_outgoing } = memory;
        // Moments in memory are of a book that began later.
        let by_ms = self.book.clock.as_ref().map_or(0, |clock| clock.book_ms);
        for (key, alert) in book.alerts {
            let fires = self.book.alerts.get(&key).is_some_and(|a| a.state.firing().is_some());
            if !fires {
                self.book.alerts.insert(key, changes::moved(alert, by_ms));
            }
        }
        for (key, ack) in book.acks {
            let given = Moment { book_ms: ack.given.book_ms.saturating_add(by_ms), ..ack.given };
            self.book.acks.insert(key, Ack { given, ..ack });
        }
        // Whoever delivers knows the rows of memory by their numbers, and will say of these that they
        // were taken. Rows of the file, which he never saw, get others.
        self.next_outgoing = self.next_outgoing.max(next_outgoing);
        let there = std::mem::take(&mut self.outbox);
        for row in there.into_values() {
            let twin = outbox.get(&row.id);
            if twin.is_some_and(|twin| twin.receiver == row.receiver && twin.notice == row.notice) {
                continue;
            }
            let id = if row.id < next_outgoing { self.next_outgoing } else { row.id };
            self.next_outgoing = self.next_outgoing.max(id.saturating_add(1));
            self.outbox.insert(id, Outgoing { id, ..row });
        }
        for (id, row) in outbox {
            let made_ms = row.made_ms.saturating_add(by_ms);
            self.outbox.insert(id, Outgoing { made_ms, ..row });
        }
        // The clock is that of the file: what passed meanwhile is reckoned at the next pass. Only a
        // file without a book takes the one from memory.
        self.book.clock = self.book.clock.take().or(book.clock);
        self.everything(&before, now_wall_ms)
    }
}

/// Alerts that differ; `None` for those that are gone.
fn changed(
    before: &AlertBook,
    now: &AlertBook,
) -> BTreeMap<AlertKey, Option<scrubjay_model::Alert>> {
    let gone = before.alerts.keys().filter(|key| !now.alerts.contains_key(key));
    let differs = now.alerts.iter().filter(|(key, alert)| before.alerts.get(*key) != Some(alert));
    let differs = differs.map(|(key, alert)| (key.clone(), Some(alert.clone())));
    gone.map(|key| (key.clone(), None)).chain(differs).collect()
}

/// What must not be lost by a kill. What was seen last changes with every pass, and is written with
/// what is written anyway.
fn states(book: &AlertBook) -> BTreeMap<&AlertKey, (scrubjay_model::AlertState, bool)> {
    book.alerts.iter().map(|(key, alert)| (key, (alert.state, alert.held.is_some()))).collect()
}
