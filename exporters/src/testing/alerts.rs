//! Alerts of the imagined server.

use super::*;

pub(super) fn notifications() -> NotifyStats {
    let fine = ReceiverStats { sent: 12, ..ReceiverStats::default() };
    let failing = ReceiverStats {
        sent: 3,
        failed: 7,
        dropped: 1,
        queued: 2,
        last_error: Some("it answered 503".to_owned()),
    };
    let receivers = [("journal", fine), ("alertmanager:am1:9093", failing)];
    NotifyStats { receivers: receivers.map(|(name, stats)| (name.to_owned(), stats)).into() }
}

/// One alert of each state, one that is held, and one that somebody knows.
pub(super) fn book() -> AlertBook {
    let moment = |ago_s: i64| Moment {
        book_ms: 90_000_000 - u64::try_from(ago_s * 1_000).unwrap(),
        wall_ms: NOW_MS - ago_s * 1_000,
    };
    let at = stamp(36 * DAY_S, NOW_MS);
    let firing = |ago_s| {
        AlertState::Firing(Firing {
            since: moment(ago_s),
            level: Verdict::Watch,
            lower_from_ms: None,
            gone_from_ms: None,
            told: Some(Told {
                at: moment(ago_s),
                level: Verdict::Watch,
                worst: Verdict::Watch,
                reminders: 0,
            }),
        })
    };
    let seen = Sight {
        verdict: Verdict::Watch,
        because: "12 corrected errors".to_owned(),
        action: Action::Observe,
        remedy: "nothing yet".to_owned(),
        reboot_helps: RebootHelps::No,
        origin: None,
        count: Some(12),
    };
    let alert = |state, held: Option<&str>| Alert {
        state,
        seen: seen.clone(),
        seen_boot: at.boot.clone(),
        held: held.map(str::to_owned),
    };
    // A finding of `server`.
    let known = AlertKey::new("kernel-behind", "host");
    let held = "the source edac is unreadable: it did not answer in time";
    let alerts = [
        (known.clone(), alert(firing(7_200), None)),
        (AlertKey::new("corrected-errors", "mc9/dimm0"), alert(firing(3_600), Some(held))),
        (
            AlertKey::new("reboot-marker", "host"),
            alert(AlertState::Pending { since: moment(60), from_ms: 89_940_000 }, None),
        ),
        (
            AlertKey::new("microcode-mixed", "host"),
            alert(AlertState::Resolved { fired: moment(9_000), since: moment(600) }, None),
        ),
    ];
    let ack = Ack {
        request: "1795500120000-42".to_owned(),
        key: known.clone(),
        by: "ann".to_owned(),
        uid: 1_000,
        reason: "window on Sunday".to_owned(),
        given: moment(1_800),
        until: AckUntil::Span(129_600_000),
        verdict: Verdict::Plan,
        count: None,
        baseline: None,
    };
    AlertBook {
        clock: Some(AlertClock { book_ms: 90_000_000, at: at.clone() }),
        alerts: alerts.into(),
        acks: [(known, ack)].into(),
    }
}
