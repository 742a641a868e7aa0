//! Changes of alerts that the database does not hold yet.

use scrubjay_model::{
    Ack, Alert, AlertClock, AlertKey, AlertState, AlertTurn, EndedAck, Firing, Moment, Outgoing,
    Told,
};
use std::collections::BTreeMap;

/// Turns that may wait in memory; the oldest go, as the ledger tells of them too.
const MOST_TURNS: usize = 4_096;

/// An acknowledgement in its latest form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AckRow {
    pub(crate) ack: Ack,
    pub(crate) ended: Option<EndedAck>,
}

/// The changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AlertChanges {
    pub(crate) clock: Option<AlertClock>,
    /// Alerts in their latest form; `None` for those that are gone.
    pub(crate) alerts: BTreeMap<AlertKey, Option<Alert>>,
    /// What became of them, in order.
    pub(crate) turns: Vec<AlertTurn>,
    /// By the request and the alert.
    pub(crate) acks: BTreeMap<(String, AlertKey), AckRow>,
    /// Notices; `None` for those that wait no longer.
    pub(crate) outbox: BTreeMap<i64, Option<Outgoing>>,
}

impl AlertChanges {
    /// Takes in what changed afterwards.
    pub(crate) fn merge(&mut self, later: Self) {
        let Self { clock, alerts, turns, acks, outbox } = later;
        self.clock = clock.or(self.clock.take());
        self.alerts.extend(alerts);
        self.turns.extend(turns);
        let excess = self.turns.len().saturating_sub(MOST_TURNS);
        self.turns.drain(..excess);
        self.acks.extend(acks);
        self.outbox.extend(outbox);
    }
}

/// An alert in a book whose clock is ahead by so much.
pub(super) fn moved(alert: Alert, by_ms: u64) -> Alert {
    let ms = |ms: u64| ms.saturating_add(by_ms);
    let moment = |moment: Moment| Moment { book_ms: ms(moment.book_ms), ..moment };
    let state = match alert.state {
        AlertState::Inactive => AlertState::Inactive,
        AlertState::Pending { since, from_ms } => {
            AlertState::Pending { since: moment(since), from_ms: ms(from_ms) }
        }
        AlertState::Firing(Firing { since, level, lower_from_ms, gone_from_ms, told }) => {
            AlertState::Firing(Firing {
                since: moment(since),
                level,
                lower_from_ms: lower_from_ms.map(ms),
                gone_from_ms: gone_from_ms.map(ms),
                told: told.map(|told| Told { at: moment(told.at), ..told }),
            })
        }
        AlertState::Resolved { fired, since } => {
            AlertState::Resolved { fired: moment(fired), since: moment(since) }
        }
    };
    Alert { state, ..alert }
}
