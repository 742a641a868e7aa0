//! The book of alerts in the history: what is written is read, what waits is carried, what is open is
//! kept.

#![expect(clippy::disallowed_methods, reason = "makes and lists files of the test itself")]

use super::support::{Host, append, directory, start};
use crate::alerts::{AlertsState, load};
use crate::{AlertNews, GivenUp, History, HistoryReader, hand_over, waiting};
use rusqlite::Connection;
use scrubjay_model::*;
use std::path::Path;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn key(subject: &str) -> AlertKey {
    AlertKey::new("corrected-errors", subject)
}

fn moment(ms: u64) -> Moment {
    Moment { book_ms: ms, wall_ms: 1_000 + i64::try_from(ms).unwrap() }
}

fn sight() -> Sight {
    Sight {
        verdict: Verdict::Watch,
        because: "7 errors".to_owned(),
        action: Action::Observe,
        remedy: "nothing".to_owned(),
        reboot_helps: RebootHelps::Unknown,
        origin: Some("sys/x".to_owned()),
        count: Some(7),
    }
}

fn alert(state: AlertState, at: &Stamp) -> Alert {
    Alert { state, seen: sight(), seen_boot: at.boot.clone(), held: None }
}

fn firing() -> Firing {
    Firing {
        since: moment(20),
        level: Verdict::Plan,
        lower_from_ms: Some(40),
        gone_from_ms: None,
        told: Some(Told {
            at: moment(30),
            level: Verdict::Watch,
            worst: Verdict::Act,
            reminders: 2,
        }),
    }
}

fn ack(subject: &str, until: AckUntil) -> Ack {
    Ack {
        request: format!("r-{subject}"),
        key: key(subject),
        by: "ann".to_owned(),
        uid: 1_000,
        reason: "known".to_owned(),
        given: moment(25),
        until,
        verdict: Verdict::Watch,
        count: Some(7),
        baseline: Some(9),
    }
}

fn notice(subject: &str, kind: AlertNoticeKind) -> AlertNotice {
    AlertNotice {
        kind,
        key: key(subject),
        verdict: Verdict::Watch,
        before: Some(Verdict::Unknown),
        at_wall_ms: 5,
        since_wall_ms: 4,
        seen: sight(),
        why: Some("why".to_owned()),
    }
}

/// A book with everything a book can hold.
fn book(at: &Stamp) -> AlertBook {
    let plain = Firing { lower_from_ms: None, gone_from_ms: Some(50), told: None, ..firing() };
    let held = Alert {
        held: Some("the source is unreadable".to_owned()),
        ..alert(AlertState::Firing(plain), at)
    };
    AlertBook {
        clock: Some(AlertClock { book_ms: 60, at: at.clone() }),
        alerts: [
            (key("a"), alert(AlertState::Pending { since: moment(10), from_ms: 12 }, at)),
            (key("b"), alert(AlertState::Firing(firing()), at)),
            (key("c"), held),
            (key("d"), alert(AlertState::Resolved { fired: moment(1), since: moment(9) }, at)),
        ]
        .into(),
        acks: [
            (key("b"), ack("b", AckUntil::Span(5_000))),
            (key("c"), ack("c", AckUntil::Date(9_000))),
        ]
        .into(),
    }
}

fn turn(subject: &str, what: AlertTurnKind) -> AlertTurn {
    AlertTurn {
        at_wall_ms: 7,
        key: key(subject),
        what,
        verdict: Verdict::Watch,
        detail: "detail".to_owned(),
    }
}

fn news(at: &Stamp) -> AlertNews {
    let book = book(at);
    AlertNews {
        turns: AlertTurnKind::ALL.map(|what| turn("b", what)).to_vec(),
        given: book.acks.values().cloned().collect(),
        ended: Vec::new(),
        outgoing: vec![("journal".to_owned(), notice("b", AlertNoticeKind::Firing))],
        book,
    }
}

fn keep(history: &mut History, at: &Stamp, news: AlertNews) -> Vec<GivenUp> {
    let kept = history.keep_alerts(at, news);
    assert!(kept.error.is_none(), "{:?}", kept.error);
    kept.given_up
}

fn begun(dir: &Path, host: &mut Host) -> History {
    let mut history = start(dir, &host.at());
    append(&mut history, host);
    history
}

fn stored(dir: &Path) -> AlertsState {
    load(&Connection::open(dir.join("history.db")).unwrap()).unwrap()
}

fn kinds(dir: &Path) -> Vec<String> {
    let conn = Connection::open(dir.join("history.db")).unwrap();
    let mut ask = conn.prepare("SELECT kind FROM ledger ORDER BY seq").unwrap();
    ask.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn what_is_written_is_read_and_written_before_it_is_told() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    keep(&mut history, &host.at(), news(&host.at()));
    // Nothing was flushed since: a kill now loses nothing of it.
    let stored = stored(dir.path());
    assert_eq!(&stored, &history.state.alerts);
    assert_eq!(stored.book, book(&host.at()));
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let turns = reader.alert_turns(i64::MIN, i64::MAX).unwrap();
    assert_eq!(turns, news(&host.at()).turns);
    assert_eq!(reader.alert_turns(8, i64::MAX).unwrap(), []);
    let count = |kind: &str| kinds(dir.path()).iter().filter(|k| *k == kind).count();
    // Turns of acknowledgements are facts of their own.
    assert_eq!((count("alert"), count("acknowledgement")), (6, 2));
    let ids: Vec<i64> = history.outbox().map(|row| row.id).collect();
    history.delivered(&host.at(), &ids).unwrap();
    assert_eq!(self::stored(dir.path()).outbox.len(), 0);
    drop(history);
    let again = History::open(dir.path(), &host.at()).unwrap();
    assert_eq!(again.alert_book(), &book(&host.at()));
}

#[test]
fn a_pass_without_news_writes_nothing_and_its_time_goes_with_the_next_writing() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    keep(&mut history, &host.at(), news(&host.at()));
    let writes = history.stats().writes;
    let later = |host: &Host, ms| AlertNews {
        book: AlertBook {
            clock: Some(AlertClock { book_ms: ms, at: host.at() }),
            ..book(&host.at())
        },
        ..AlertNews::default()
    };
    // The boot in which it was seen is the same; what was seen last is too.
    host.pass(MINUTE);
    keep(&mut history, &host.at(), later(&host, 60_060));
    assert_eq!(history.stats().writes, writes);
    assert_eq!(stored(dir.path()).book.clock.unwrap().book_ms, 60);
    for _ in 0..10 {
        host.pass(MINUTE);
        append(&mut history, &host);
    }
    assert_eq!(stored(dir.path()).book.clock.unwrap().book_ms, 60_060);
}

#[test]
fn an_end_is_kept_and_at_most_one_acknowledgement_holds() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    keep(&mut history, &host.at(), news(&host.at()));
    let mut next = AlertNews { book: book(&host.at()), ..AlertNews::default() };
    let anew = Ack { request: "again".to_owned(), ..ack("b", AckUntil::Span(1)) };
    let old = next.book.acks.insert(key("b"), anew.clone()).unwrap();
    let ended =
        EndedAck { ack: old, end: AckEnd::Replaced, why: "anew".to_owned(), at_wall_ms: 77 };
    (next.given, next.ended) = (vec![anew.clone()], vec![ended.clone()]);
    keep(&mut history, &host.at(), next);
    assert_eq!(stored(dir.path()).book.acks[&key("b")], anew);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(reader.ended_acks().unwrap(), [ended]);
}

#[test]
fn what_happens_while_the_disk_is_full_comes_home() {
    let parent = directory();
    let dir = parent.path().join("state");
    let mut host = Host::new();
    let mut history = begun(&dir, &mut host);
    keep(&mut history, &host.at(), news(&host.at()));
    // The directory is gone, and comes back with another one in its place.
    std::fs::rename(&dir, parent.path().join("gone")).unwrap();
    host.pass(MINUTE);
    let mut next = news(&host.at());
    next.book.alerts.remove(&key("a"));
    next.given.clear();
    next.outgoing = vec![("hook".to_owned(), notice("c", AlertNoticeKind::Reminder))];
    drop(history.append(&host.snapshot()));
    let kept = history.keep_alerts(&host.at(), next);
    drop(kept);
    host.pass(MINUTE);
    append(&mut history, &host);
    let stored = stored(&dir);
    assert_eq!(stored, history.state.alerts);
    assert_eq!((stored.book.alerts.len(), stored.outbox.len()), (3, 2));
}

#[test]
fn what_was_begun_in_memory_joins_what_the_file_knows_and_nobody_is_told_again() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    keep(&mut history, &host.at(), news(&host.at()));
    history.end_run(&host.at()).unwrap();
    let mut home = stored(dir.path());
    let memory = AlertsState {
        book: AlertBook {
            clock: Some(AlertClock { book_ms: 5, at: host.at() }),
            // One that fires in the file too and was not told in memory, and one of its own.
            alerts: [
                (
                    key("b"),
                    alert(AlertState::Firing(Firing { told: None, ..firing() }), &host.at()),
                ),
                (key("z"), alert(AlertState::Pending { since: moment(1), from_ms: 2 }, &host.at())),
            ]
            .into(),
            acks: [(key("b"), Ack { request: "m".to_owned(), ..ack("b", AckUntil::Span(1)) })]
                .into(),
        },
        outbox: [(
            1,
            Outgoing {
                id: 1,
                receiver: "journal".to_owned(),
                made_ms: 3,
                notice: notice("z", AlertNoticeKind::Firing),
            },
        )]
        .into(),
        next_outgoing: 2,
    };
    let (own, foreign) = (memory.outbox[&1].notice.clone(), home.outbox[&1].notice.clone());
    assert_ne!(own, foreign);
    let changes = home.come_home(memory, 99);
    // Whoever delivers goes by the numbers that memory gave.
    assert_eq!((&home.outbox[&1].notice, &home.outbox[&2].notice), (&own, &foreign));
    assert_eq!(home.book.alerts[&key("b")], book(&host.at()).alerts[&key("b")]);
    // Its moments are those of a book whose clock is ahead.
    let state = home.book.alerts[&key("z")].state;
    let AlertState::Pending { since, from_ms } = state else { panic!("{state:?}") };
    assert_eq!((since.book_ms, from_ms), (61, 62));
    assert_eq!((home.outbox.len(), home.book.clock.as_ref().unwrap().book_ms), (2, 60));
    let mut conn = Connection::open(dir.path().join("history.db")).unwrap();
    let tx = conn.transaction().unwrap();
    crate::alerts::write(&tx, &changes).unwrap();
    tx.commit().unwrap();
    assert_eq!(load(&conn).unwrap(), home);
}

#[test]
fn of_too_many_notices_the_oldest_reminders_go_first_and_it_is_told() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    let many = |kind, count: usize| vec![("hook".to_owned(), notice("b", kind)); count];
    let with = |outgoing| AlertNews {
        outgoing,
        ..AlertNews { book: book(&host.at()), ..AlertNews::default() }
    };
    let at = host.at();
    assert_eq!(keep(&mut history, &at, with(many(AlertNoticeKind::Firing, 1_000))), []);
    assert_eq!(keep(&mut history, &at, with(many(AlertNoticeKind::Reminder, 24))), []);
    let given_up = keep(&mut history, &at, with(many(AlertNoticeKind::Firing, 26)));
    let ids: Vec<i64> = (1_001..=1_024).chain([1, 2]).collect();
    assert_eq!((given_up.len(), &given_up[0].ids), (1, &ids));
    assert_eq!(stored(dir.path()).outbox.len(), 1_024);
    assert_eq!(stored(dir.path()).outbox, history.state.alerts.outbox);
    assert!(kinds(dir.path()).contains(&"delivery_given_up".to_owned()));
}

#[test]
fn old_turns_go_and_that_an_open_alert_fired_stays() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    let mut first = news(&host.at());
    first.turns = vec![turn("b", AlertTurnKind::Fired), turn("x", AlertTurnKind::Fired)];
    keep(&mut history, &host.at(), first);
    for _ in 0..5 {
        let turns = vec![turn("y", AlertTurnKind::Held); 4_096];
        let more = AlertNews { turns, book: book(&host.at()), ..AlertNews::default() };
        keep(&mut history, &host.at(), more);
    }
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let turns = reader.alert_turns(i64::MIN, i64::MAX).unwrap();
    assert_eq!(turns.len(), 20_001);
    assert_eq!(turns[0], turn("b", AlertTurnKind::Fired));
    assert!(!turns.contains(&turn("x", AlertTurnKind::Fired)));
}

#[test]
fn a_request_is_whole_or_not_there_and_says_who_wrote_it() {
    let dir = directory();
    let what = AckChange::Give {
        reason: "known".to_owned(),
        until: AckUntil::Span(1),
        alerts: vec![AckedAlert {
            key: key("b"),
            verdict: Verdict::Watch,
            count: None,
            baseline: None,
        }],
    };
    let request =
        AckRequest { id: "1-2".to_owned(), by: "ann".to_owned(), uid: 99, made_wall_ms: 5, what };
    let path = hand_over(dir.path(), &request).unwrap();
    let found = waiting::<AckRequest>(dir.path());
    assert_eq!((found.len(), &found[0].path), (1, &path));
    // The kernel's word counts, not his.
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata(&path).unwrap().uid();
    assert_eq!(found[0].request, AckRequest { uid, ..request.clone() });
    // Nothing but whole files in place.
    let names: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(names.len(), 1);
    assert!(hand_over(Path::new("/proc/none"), &request).is_err());
    let mut host = Host::new();
    let mut history = begun(dir.path(), &mut host);
    // They can wait, and do while there is no file to keep them in.
    history.away = Some(crate::away::Away::Whole);
    assert_eq!(history.ack_requests().0, []);
    history.away = None;
    assert_eq!(history.ack_requests().0.len(), 1);
    for odd in ["{}", "[", "", &"x".repeat(300_000)] {
        std::fs::write(path.with_file_name("0.json"), odd).unwrap();
        let (asked, rejected) = history.ack_requests();
        assert_eq!(rejected.len(), 1, "{odd:.9}");
        assert!(asked.len() <= 1);
        assert!(rejected[0].path.exists() && waiting::<AckRequest>(dir.path()).len() == 1);
    }
    std::os::unix::fs::symlink("/etc/passwd", path.with_file_name("1.json")).unwrap();
    assert_eq!(history.ack_requests().1[0].why, "it is not a plain file");
}
