//! Rows of alerts.

use super::changes::{AckRow, AlertChanges};
use super::state::AlertsState;
use crate::convert::{boot_id, count, nanos, odd, stamp, uncount};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params};
use scrubjay_model::{
    Ack, AckEnd, AckUntil, Alert, AlertBook, AlertClock, AlertKey, AlertState, AlertTurn,
    AlertTurnKind, EndedAck, Firing, Moment, Outgoing, Told, Verdict,
};
use std::collections::BTreeMap;

/// Turns that are kept, some 4 MiB. Of an alert that is open, the turn in which it fired stays in
/// any case.
const MOST_TURNS: i64 = 20_000;

/// Acknowledgements that ended and are kept.
const MOST_ENDED: i64 = 10_000;

/// Loads all that is known between passes.
pub(crate) fn load(conn: &Connection) -> rusqlite::Result<AlertsState> {
    let outbox = outbox(conn)?;
    let last = "SELECT COALESCE(MAX(id), 0) FROM outbox";
    Ok(AlertsState {
        book: AlertBook { clock: clock(conn)?, alerts: alerts(conn)?, acks: holding(conn)? },
        next_outgoing: conn.query_row(last, [], |row| row.get::<_, i64>(0))?.saturating_add(1),
        outbox,
    })
}

/// Writes changes. Whoever calls commits.
pub(crate) fn write(tx: &Transaction<'_>, changes: &AlertChanges) -> rusqlite::Result<()> {
    let AlertChanges { clock, alerts, turns, acks, outbox } = changes;
    if let Some(clock) = clock {
        put_clock(tx, clock)?;
    }
    for (key, alert) in alerts {
        match alert {
            Some(alert) => put_alert(tx, key, alert)?,
            None => {
                tx.prepare_cached("DELETE FROM alert WHERE code = ?1 AND subject = ?2")?
                    .execute([&key.code, &key.subject])?;
            }
        }
    }
    for turn in turns {
        add_turn(tx, turn)?;
    }
    // Of each alert at most one may hold at any moment, so those that ended go first.
    for row in acks.values().filter(|row| row.ended.is_some()) {
        put_ack(tx, row)?;
    }
    for row in acks.values().filter(|row| row.ended.is_none()) {
        put_ack(tx, row)?;
    }
    for (id, row) in outbox {
        match row {
            Some(row) => put_outgoing(tx, row)?,
            None => {
                tx.prepare_cached("DELETE FROM outbox WHERE id = ?1")?.execute([id])?;
            }
        }
    }
    if !turns.is_empty() {
        prune(tx)?;
    }
    Ok(())
}

fn prune(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM alert_turn
         WHERE id <= (SELECT MAX(id) FROM alert_turn) - :most
           AND id NOT IN (
             SELECT MAX(turn.id) FROM alert
             JOIN alert_turn AS turn USING (code, subject)
             WHERE turn.what = 'fired' AND alert.state = 'firing'
             GROUP BY code, subject)",
    )?
    .execute(named_params! { ":most": MOST_TURNS })?;
    tx.prepare_cached(
        "DELETE FROM ack WHERE ended IS NOT NULL AND id <= (SELECT MAX(id) FROM ack) - :most",
    )?
    .execute(named_params! { ":most": MOST_ENDED })
    .map(drop)
}

fn put_clock(tx: &Transaction<'_>, clock: &AlertClock) -> rusqlite::Result<()> {
    let AlertClock { book_ms, at } = clock;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO alert_clock (one, book_ms, boot_id, since_boot_ns, awake_ns, wall_ms)
         VALUES (1, :book_ms, :boot_id, :since_boot_ns, :awake_ns, :wall_ms)",
    )?
    .execute(named_params! {
        ":book_ms": count(*book_ms),
        ":boot_id": at.boot.as_str(),
        ":since_boot_ns": at.since_boot.map(nanos),
        ":awake_ns": at.awake.map(nanos),
        ":wall_ms": at.wall_ms,
    })
    .map(drop)
}

fn clock(conn: &Connection) -> rusqlite::Result<Option<AlertClock>> {
    conn.query_row("SELECT * FROM alert_clock", [], |row| {
        let boot: String = row.get("boot_id")?;
        let at =
            stamp(&boot, row.get("wall_ms")?, row.get("since_boot_ns")?, row.get("awake_ns")?)?;
        Ok(AlertClock { book_ms: uncount(row.get("book_ms")?)?, at })
    })
    .optional()
}

fn json<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}

fn from_json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: &'static str,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|_| odd(column, text))
}

/// The columns of one that fires: all `None` for another.
type FiringColumns = (Option<Verdict>, Option<u64>, Option<u64>, Option<Told>);

fn put_alert(tx: &Transaction<'_>, key: &AlertKey, alert: &Alert) -> rusqlite::Result<()> {
    let Alert { state, seen, seen_boot, held } = alert;
    let nothing: FiringColumns = (None, None, None, None);
    let (since, from_ms, fired, (level, lower, gone, told)) = match *state {
        // A book does not hold such.
        AlertState::Inactive => return Ok(()),
        AlertState::Pending { since, from_ms } => (since, Some(from_ms), None, nothing),
        AlertState::Resolved { fired, since } => (since, None, Some(fired), nothing),
        AlertState::Firing(Firing { since, level, lower_from_ms, gone_from_ms, told }) => {
            (since, None, None, (Some(level), lower_from_ms, gone_from_ms, told))
        }
    };
    tx.prepare_cached(
        "INSERT OR REPLACE INTO alert
           (code, subject, state, since_ms, since_wall_ms, from_ms, fired_ms, fired_wall_ms, level,
            lower_from_ms, gone_from_ms, told_ms, told_wall_ms, told_level, told_worst,
            reminders, seen, seen_boot_id, held)
         VALUES
           (:code, :subject, :state, :since_ms, :since_wall_ms, :from_ms, :fired_ms,
            :fired_wall_ms, :level, :lower_from_ms, :gone_from_ms, :told_ms, :told_wall_ms,
            :told_level, :told_worst, :reminders, :seen, :seen_boot_id, :held)",
    )?
    .execute(named_params! {
        ":code": key.code,
        ":subject": key.subject,
        ":state": state.as_str(),
        ":since_ms": count(since.book_ms),
        ":since_wall_ms": since.wall_ms,
        ":from_ms": from_ms.map(count),
        ":fired_ms": fired.map(|fired| count(fired.book_ms)),
        ":fired_wall_ms": fired.map(|fired| fired.wall_ms),
        ":level": level.map(Verdict::as_str),
        ":lower_from_ms": lower.map(count),
        ":gone_from_ms": gone.map(count),
        ":told_ms": told.map(|told| count(told.at.book_ms)),
        ":told_wall_ms": told.map(|told| told.at.wall_ms),
        ":told_level": told.map(|told| told.level.as_str()),
        ":told_worst": told.map(|told| told.worst.as_str()),
        ":reminders": told.map(|told| told.reminders),
        ":seen": json(seen)?,
        ":seen_boot_id": seen_boot.as_str(),
        ":held": held,
    })
    .map(drop)
}

fn key(row: &Row<'_>) -> rusqlite::Result<AlertKey> {
    Ok(AlertKey { code: row.get("code")?, subject: row.get("subject")? })
}

fn ms(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Option<u64>> {
    row.get::<_, Option<i64>>(column)?.map(uncount).transpose()
}

fn moment(row: &Row<'_>, book: &'static str, wall: &'static str) -> rusqlite::Result<Moment> {
    Ok(Moment { book_ms: uncount(row.get(book)?)?, wall_ms: row.get(wall)? })
}

fn verdict(row: &Row<'_>, column: &'static str) -> rusqlite::Result<Verdict> {
    let text: String = row.get(column)?;
    let mut all = Verdict::ALL.into_iter();
    all.find(|verdict| verdict.as_str() == text).ok_or_else(|| odd(column, text))
}

fn alerts(conn: &Connection) -> rusqlite::Result<BTreeMap<AlertKey, Alert>> {
    conn.prepare("SELECT * FROM alert")?
        .query_map([], |row| {
            let since = moment(row, "since_ms", "since_wall_ms")?;
            let word: String = row.get("state")?;
            let state = match word.as_str() {
                "pending" => AlertState::Pending { since, from_ms: uncount(row.get("from_ms")?)? },
                "resolved" => {
                    let fired = moment(row, "fired_ms", "fired_wall_ms")?;
                    AlertState::Resolved { fired, since }
                }
                "firing" => AlertState::Firing(firing(row, since)?),
                _ => return Err(odd("state", word)),
            };
            let seen_boot = boot_id(&row.get::<_, String>("seen_boot_id")?)?;
            let alert =
                Alert { state, seen: from_json(row, "seen")?, seen_boot, held: row.get("held")? };
            Ok((key(row)?, alert))
        })?
        .collect()
}

fn firing(row: &Row<'_>, since: Moment) -> rusqlite::Result<Firing> {
    let told = match ms(row, "told_ms")? {
        None => None,
        Some(_) => Some(Told {
            at: moment(row, "told_ms", "told_wall_ms")?,
            level: verdict(row, "told_level")?,
            worst: verdict(row, "told_worst")?,
            reminders: row.get("reminders")?,
        }),
    };
    Ok(Firing {
        since,
        level: verdict(row, "level")?,
        lower_from_ms: ms(row, "lower_from_ms")?,
        gone_from_ms: ms(row, "gone_from_ms")?,
        told,
    })
}

fn add_turn(tx: &Transaction<'_>, turn: &AlertTurn) -> rusqlite::Result<()> {
    let AlertTurn { at_wall_ms, key, what, verdict, detail } = turn;
    tx.prepare_cached(
        "INSERT INTO alert_turn (wall_ms, code, subject, what, verdict, detail)
         VALUES (:wall_ms, :code, :subject, :what, :verdict, :detail)",
    )?
    .execute(named_params! {
        ":wall_ms": at_wall_ms,
        ":code": key.code,
        ":subject": key.subject,
        ":what": what.as_str(),
        ":verdict": verdict.as_str(),
        ":detail": detail,
    })
    .map(drop)
}

/// What became of alerts between two moments, in order.
pub(crate) fn turns(conn: &Connection, from: i64, until: i64) -> rusqlite::Result<Vec<AlertTurn>> {
    conn.prepare("SELECT * FROM alert_turn WHERE wall_ms >= ?1 AND wall_ms < ?2 ORDER BY id")?
        .query_map([from, until], |row| {
            let word: String = row.get("what")?;
            let mut all = AlertTurnKind::ALL.into_iter();
            Ok(AlertTurn {
                at_wall_ms: row.get("wall_ms")?,
                key: key(row)?,
                what: all.find(|kind| kind.as_str() == word).ok_or_else(|| odd("what", word))?,
                verdict: verdict(row, "verdict")?,
                detail: row.get("detail")?,
            })
        })?
        .collect()
}

fn put_ack(tx: &Transaction<'_>, row: &AckRow) -> rusqlite::Result<()> {
    let AckRow { ack, ended } = row;
    let Ack { request, key, by, uid, reason, given, until, verdict, count: then, baseline } = ack;
    let (until_wall_ms, span_ms) = match *until {
        AckUntil::Date(wall_ms) => (Some(wall_ms), None),
        AckUntil::Span(ms) => (None, Some(count(ms))),
    };
    tx.prepare_cached(
        "INSERT INTO ack
           (request, code, subject, by, uid, reason, given_ms, given_wall_ms, until_wall_ms,
            span_ms, verdict, count, baseline, ended, ended_wall_ms, ended_why)
         VALUES
           (:request, :code, :subject, :by, :uid, :reason, :given_ms, :given_wall_ms,
            :until_wall_ms, :span_ms, :verdict, :count, :baseline, :ended, :ended_wall_ms,
            :ended_why)
         ON CONFLICT (request, code, subject) DO UPDATE SET
           ended = excluded.ended,
           ended_wall_ms = excluded.ended_wall_ms,
           ended_why = excluded.ended_why",
    )?
    .execute(named_params! {
        ":request": request,
        ":code": key.code,
        ":subject": key.subject,
        ":by": by,
        ":uid": uid,
        ":reason": reason,
        ":given_ms": count(given.book_ms),
        ":given_wall_ms": given.wall_ms,
        ":until_wall_ms": until_wall_ms,
        ":span_ms": span_ms,
        ":verdict": verdict.as_str(),
        ":count": then.map(count),
        ":baseline": baseline.map(count),
        ":ended": ended.as_ref().map(|ended| ended.end.as_str()),
        ":ended_wall_ms": ended.as_ref().map(|ended| ended.at_wall_ms),
        ":ended_why": ended.as_ref().map(|ended| ended.why.as_str()),
    })
    .map(drop)
}

/// An acknowledgement from its row, with its end if it has one.
fn ack(row: &Row<'_>) -> rusqlite::Result<(Ack, Option<EndedAck>)> {
    let until = match (row.get("until_wall_ms")?, ms(row, "span_ms")?) {
        (Some(wall_ms), None) => AckUntil::Date(wall_ms),
        (None, Some(ms)) => AckUntil::Span(ms),
        (date, _) => return Err(odd("until_wall_ms", date.unwrap_or_default())),
    };
    let ack = Ack {
        request: row.get("request")?,
        key: key(row)?,
        by: row.get("by")?,
        uid: row.get("uid")?,
        reason: row.get("reason")?,
        given: moment(row, "given_ms", "given_wall_ms")?,
        until,
        verdict: verdict(row, "verdict")?,
        count: ms(row, "count")?,
        baseline: ms(row, "baseline")?,
    };
    let ended = match row.get::<_, Option<String>>("ended")? {
        None => None,
        Some(word) => {
            let mut all = AckEnd::ALL.into_iter();
            Some(EndedAck {
                ack: ack.clone(),
                end: all.find(|end| end.as_str() == word).ok_or_else(|| odd("ended", word))?,
                why: row.get("ended_why")?,
                at_wall_ms: row.get("ended_wall_ms")?,
            })
        }
    };
    Ok((ack, ended))
}

fn holding(conn: &Connection) -> rusqlite::Result<BTreeMap<AlertKey, Ack>> {
    conn.prepare("SELECT * FROM ack WHERE ended IS NULL")?
        .query_map([], |row| ack(row).map(|(ack, _)| (ack.key.clone(), ack)))?
        .collect()
}

/// Acknowledgements that ended, oldest first.
pub(crate) fn acks(conn: &Connection) -> rusqlite::Result<Vec<EndedAck>> {
    let rows = conn
        .prepare("SELECT * FROM ack WHERE ended IS NOT NULL ORDER BY id")?
        .query_map([], ack)?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    Ok(rows.into_iter().filter_map(|(_, ended)| ended).collect())
}

/// Whether something came by a request of that name.
pub(crate) fn is_known_request(conn: &Connection, id: &str) -> rusqlite::Result<bool> {
    conn.prepare_cached("SELECT 1 FROM ack WHERE request = ?1")?.exists([id])
}

fn put_outgoing(tx: &Transaction<'_>, row: &Outgoing) -> rusqlite::Result<()> {
    let Outgoing { id, receiver, made_ms, notice } = row;
    tx.prepare_cached(
        "INSERT OR REPLACE INTO outbox (id, receiver, made_ms, notice)
         VALUES (:id, :receiver, :made_ms, :notice)",
    )?
    .execute(named_params! {
        ":id": id,
        ":receiver": receiver,
        ":made_ms": count(*made_ms),
        ":notice": json(notice)?,
    })
    .map(drop)
}

fn outbox(conn: &Connection) -> rusqlite::Result<BTreeMap<i64, Outgoing>> {
    conn.prepare("SELECT * FROM outbox")?
        .query_map([], |row| {
            let id: i64 = row.get("id")?;
            Ok((
                id,
                Outgoing {
                    id,
                    receiver: row.get("receiver")?,
                    made_ms: uncount(row.get("made_ms")?)?,
                    notice: from_json(row, "notice")?,
                },
            ))
        })?
        .collect()
}
