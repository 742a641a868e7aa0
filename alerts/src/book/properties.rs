//! What holds whatever happens: any order of findings, blindness, reboots, set clocks, restarts of
//! the agent and acknowledgements.

use super::Evaluated;
use super::testing::{Host, key};
use proptest::prelude::*;
use scrubjay_model::{AckUntil, AlertBook, AlertKey, AlertNoticeKind as Kind, Verdict};
use std::collections::BTreeMap;

const SUBJECTS: [&str; 2] = ["a", "b"];

/// The book is written at least so often, whatever happens.
const WRITTEN_AFTER_S: u64 = 600;

#[derive(Debug, Clone)]
enum Event {
    See(usize, Verdict, u64),
    Lose(usize),
    Blind(usize),
    Clear,
    Reboot,
    SetClock(i64),
    Ack(usize, u64, Option<u64>),
    Unack(usize),
    /// The agent is killed and started again.
    Restart,
    Nothing,
}

fn event() -> impl Strategy<Value = Event> {
    let subject = 0..SUBJECTS.len();
    let verdict = prop::sample::select(Verdict::ALL.to_vec());
    prop_oneof![
        4 => (subject.clone(), verdict, 0_u64..20).prop_map(|(s, v, n)| Event::See(s, v, n)),
        2 => subject.clone().prop_map(Event::Lose),
        1 => subject.clone().prop_map(Event::Blind),
        1 => Just(Event::Clear),
        1 => Just(Event::Reboot),
        1 => (-1_000_000_000_000_i64..1_000_000_000_000).prop_map(Event::SetClock),
        2 => (subject.clone(), 0_u64..200_000_000, prop::option::of(0_u64..20))
            .prop_map(|(s, ms, n)| Event::Ack(s, ms, n)),
        1 => subject.prop_map(Event::Unack),
        2 => Just(Event::Restart),
        4 => Just(Event::Nothing),
    ]
}

/// Events, each some time after the one before.
fn script() -> impl Strategy<Value = Vec<(Event, u64)>> {
    let wait = prop_oneof![3 => 1_u64..120, 2 => 120_u64..3_000, 1 => 3_000_u64..400_000];
    prop::collection::vec((event(), wait), 1..40)
}

fn happen(host: &mut Host, event: &Event) {
    match event {
        Event::See(s, verdict, count) => host.see(SUBJECTS[*s], *verdict, *count),
        Event::Lose(s) => host.lose(SUBJECTS[*s]),
        Event::Blind(s) => drop(host.blind.insert(key(SUBJECTS[*s]))),
        Event::Clear => host.blind.clear(),
        Event::Reboot => host.reboot(60),
        Event::SetClock(by_ms) => host.wall_ms += by_ms,
        Event::Ack(s, ms, baseline) => host.ack(SUBJECTS[*s], AckUntil::Span(*ms), *baseline),
        Event::Unack(s) => host.unack(SUBJECTS[*s]),
        Event::Restart | Event::Nothing => {}
    }
}

/// Whether a pass is written at once: as `storage` decides it.
fn is_news(before: &AlertBook, out: &Evaluated) -> bool {
    let Evaluated { book, turns, notices, given, ended } = out;
    let states = |book: &AlertBook| -> BTreeMap<AlertKey, _> {
        let part = |(key, alert): (&AlertKey, &scrubjay_model::Alert)| {
            (key.clone(), (alert.state, alert.held.is_some()))
        };
        book.alerts.iter().map(part).collect()
    };
    let is_quiet = turns.is_empty() && notices.is_empty() && given.is_empty() && ended.is_empty();
    // Before the first time there is nothing to go on with.
    let boot = |book: &AlertBook| book.clock.as_ref().map(|clock| clock.at.boot.clone());
    boot(before) != boot(book) || !is_quiet || states(before) != states(book)
}

/// Plays a script; `with_restarts` loses at each restart what was not written.
fn play(script: &[(Event, u64)], with_restarts: bool) -> Vec<Evaluated> {
    let mut host = Host::new();
    let (mut written, mut written_at) = (host.book.clone(), 0);
    let (mut now, mut outs) = (0, Vec::new());
    for (event, wait) in script {
        if matches!(event, Event::Reboot) {
            // In order: the end of the agent writes what there is.
            (written, written_at) = (host.book.clone(), now);
        }
        happen(&mut host, event);
        // The agent looks once a minute, and at once after the event.
        let mut rest = *wait;
        loop {
            if matches!(event, Event::Restart) && with_restarts && rest == *wait {
                host.book = written.clone();
            }
            let before = host.book.clone();
            let out = host.look();
            if is_news(&before, &out) || now - written_at >= WRITTEN_AFTER_S {
                (written, written_at) = (out.book.clone(), now);
            }
            outs.push(out);
            if rest == 0 {
                break;
            }
            // Days pass in larger steps, as nothing of a minute matters in them.
            let step = rest.min(if *wait > 3_000 { 600 } else { 60 });
            host.wait(step);
            (now, rest) = (now + step, rest - step);
        }
    }
    outs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_restart_at_any_point_is_no_event(script in script()) {
        let (with, without) = (play(&script, true), play(&script, false));
        for (number, (with, without)) in with.iter().zip(&without).enumerate() {
            prop_assert_eq!(&with.turns, &without.turns, "pass {}", number);
            prop_assert_eq!(&with.notices, &without.notices, "pass {}", number);
        }
    }

    #[test]
    fn the_book_keeps_its_own_order_of_time(script in script()) {
        let mut last = 0;
        for out in play(&script, true) {
            let now = out.book.clock.unwrap().book_ms;
            prop_assert!(now >= last);
            last = now;
        }
    }

    /// Whoever hears the notices alone knows as much as the book: an alert that fires, that nobody
    /// acknowledged, was told, as bad as it is, and its end is told to whoever was told of it.
    #[test]
    fn no_notice_is_lost_and_none_comes_twice(script in script()) {
        let mut told: BTreeMap<AlertKey, Verdict> = BTreeMap::new();
        for out in play(&script, true) {
            let mut in_pass = std::collections::BTreeSet::new();
            for notice in &out.notices {
                let key = notice.key.clone();
                prop_assert!(in_pass.insert(key.clone()), "told twice in one pass: {}", key);
                let before = told.get(&key).copied();
                match notice.kind {
                    Kind::Firing => prop_assert_eq!(before, None),
                    Kind::Raised => prop_assert!(before.unwrap() < notice.verdict),
                    Kind::Lowered => prop_assert!(before.unwrap() > notice.verdict),
                    Kind::Reminder => prop_assert_eq!(before, Some(notice.verdict)),
                    Kind::Reraised | Kind::Test => {}
                    Kind::Resolved => {
                        prop_assert!(before.is_some());
                        told.remove(&key);
                        continue;
                    }
                }
                told.insert(key, notice.verdict);
            }
            for (key, alert) in &out.book.alerts {
                let firing = alert.state.firing();
                if let Some(firing) = firing && !out.book.acks.contains_key(key) {
                    prop_assert_eq!(told.get(key), Some(&firing.level), "{} was not told", key);
                }
            }
            for key in told.keys() {
                let alert = out.book.alerts.get(key);
                prop_assert!(alert.is_some_and(|a| a.state.firing().is_some()), "{} ended", key);
            }
        }
    }

    #[test]
    fn what_was_not_looked_at_does_not_change_its_state(script in script()) {
        let mut before: BTreeMap<AlertKey, &'static str> = BTreeMap::new();
        for out in play(&script, true) {
            for (key, alert) in &out.book.alerts {
                if alert.held.is_some() {
                    prop_assert_eq!(before.get(key), Some(&alert.state.as_str()), "{}", key);
                }
            }
            before =
                out.book.alerts.iter().map(|(k, a)| (k.clone(), a.state.as_str())).collect();
        }
    }
}
