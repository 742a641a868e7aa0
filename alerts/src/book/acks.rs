//! Acknowledgements: taken in, held against what is seen, ended.

use super::clock::Tick;
use super::turns::is_over;
use scrubjay_model::{
    Ack, AckChange, AckEnd, AckRequest, AckUntil, AckedAlert, AlertBook, AlertKey, AlertTurn,
    AlertTurnKind, EndedAck, Sight, Verdict,
};
use std::time::Duration;

/// Takes in what was asked since the last pass.
pub(super) fn take_in(
    book: &mut AlertBook,
    requests: &[AckRequest],
    tick: &Tick,
    turns: &mut Vec<AlertTurn>,
    ended: &mut Vec<EndedAck>,
) -> Vec<Ack> {
    let mut given = Vec::new();
    for request in requests {
        match &request.what {
            AckChange::Give { reason, until, alerts } => {
                for AckedAlert { key, verdict, count, baseline } in alerts {
                    let ack = Ack {
                        request: request.id.clone(),
                        key: key.clone(),
                        by: request.by.clone(),
                        uid: request.uid,
                        reason: reason.clone(),
                        given: tick.now,
                        until: *until,
                        verdict: *verdict,
                        count: *count,
                        baseline: *baseline,
                    };
                    if let Some(before) = book.acks.insert(key.clone(), ack.clone()) {
                        let why = format!("{} acknowledged it anew", request.by);
                        end(before, AckEnd::Replaced, why, tick, turns, ended);
                    }
                    turns.push(AlertTurn {
                        at_wall_ms: tick.now.wall_ms,
                        key: key.clone(),
                        what: AlertTurnKind::Acknowledged,
                        verdict: *verdict,
                        detail: format!("by {}: {reason}", request.by),
                    });
                    given.push(ack);
                }
            }
            AckChange::Withdraw { acks } => {
                for (key, of) in acks {
                    // One that took its place since is none of this request's business.
                    if book.acks.get(key).is_some_and(|ack| ack.request == *of)
                        && let Some(ack) = book.acks.remove(key)
                    {
                        let why = format!("{} took it back", request.by);
                        end(ack, AckEnd::Withdrawn, why, tick, turns, ended);
                    }
                }
            }
        }
    }
    given
}

/// Notes the end of one that is no longer in the book.
pub(super) fn end(
    ack: Ack,
    end: AckEnd,
    why: String,
    tick: &Tick,
    turns: &mut Vec<AlertTurn>,
    ended: &mut Vec<EndedAck>,
) {
    let at_wall_ms = tick.now.wall_ms;
    turns.push(AlertTurn {
        at_wall_ms,
        key: ack.key.clone(),
        what: end.turn(),
        verdict: ack.verdict,
        detail: why.clone(),
    });
    ended.push(EndedAck { ack, end, why, at_wall_ms });
}

/// Whether one no longer holds, and why. What could not be looked at (`None`) changes nothing but
/// that time passes.
pub(super) fn is_ended(ack: &Ack, seen: Option<&Sight>, tick: &Tick) -> Option<(AckEnd, String)> {
    if let Some(seen) = seen {
        // Not knowing is no change for the worse of what was known.
        if seen.verdict > ack.verdict && seen.verdict > Verdict::Unknown {
            let (now, then) = (seen.verdict.as_str(), ack.verdict.as_str());
            return Some((
                AckEnd::Reraised,
                format!("it is {now}, and was acknowledged as {then}"),
            ));
        }
        if let Some((count, baseline)) = seen.count.zip(ack.baseline)
            && count > baseline
        {
            let why = format!("there are {count}, and {baseline} were acknowledged");
            return Some((AckEnd::Reraised, why));
        }
        // What was counted since a boot begins anew with the next: these are others.
        if let Some((count, then)) = seen.count.zip(ack.count)
            && count < then
        {
            let why = format!("there are {count}, counted anew: {then} were acknowledged");
            return Some((AckEnd::Reraised, why));
        }
    }
    let is_expired = match ack.until {
        AckUntil::Date(wall_ms) => tick.now.wall_ms >= wall_ms,
        AckUntil::Span(ms) => is_over(ack.given.book_ms, Duration::from_millis(ms), tick),
    };
    let by = &ack.by;
    is_expired.then(|| (AckEnd::Expired, format!("the time that {by} set for it is over")))
}

/// Whether the rule is acknowledged of something else, which this is not covered by.
pub(super) fn elsewhere<'b>(book: &'b AlertBook, key: &AlertKey) -> Option<&'b Ack> {
    book.acks.values().find(|ack| ack.key.code == key.code && ack.key != *key)
}
