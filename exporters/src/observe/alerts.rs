//! Alerts, and how notices of them fare.

use super::{Samples, seconds};
use scrubjay_model::{AlertBook, AlertState, NotifyStats, ReceiverStats, metrics};

pub(super) fn observe(samples: &mut Samples, book: &AlertBook) {
    let AlertBook { clock, alerts, acks } = book;
    // Without an agent there is no book.
    if clock.is_none() {
        return;
    }
    for word in AlertState::WORDS {
        let so = alerts.values().filter(|alert| alert.state.as_str() == word).count();
        samples.push(&metrics::ALERTS, [word], u64::try_from(so).unwrap_or(u64::MAX));
    }
    let held = alerts.values().filter(|alert| alert.held.is_some()).count();
    samples.push(&metrics::ALERTS_HELD, [], u64::try_from(held).unwrap_or(u64::MAX));
    for (key, ack) in acks {
        let until = seconds(ack.until_wall_ms());
        samples.push(&metrics::ALERT_ACKNOWLEDGED, [&key.code, &key.subject], until);
    }
}

/// `started` is when the agent began to count.
pub(super) fn observe_notifications(
    samples: &mut Samples,
    stats: &NotifyStats,
    started: Option<i64>,
) {
    for (receiver, stats) in &stats.receivers {
        let ReceiverStats { sent, failed, dropped, queued, last_error: _ } = stats;
        samples.push_since(&metrics::NOTIFICATIONS_SENT, [receiver], *sent, started);
        samples.push_since(&metrics::NOTIFICATIONS_FAILED, [receiver], *failed, started);
        samples.push_since(&metrics::NOTIFICATIONS_DROPPED, [receiver], *dropped, started);
        samples.push(&metrics::NOTIFICATIONS_QUEUED, [receiver], *queued);
    }
}
