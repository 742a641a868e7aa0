//! What a person would be told, case by case.

use super::testing::{Host, key, notices, turns};
use super::{AlertOverride, AlertPolicy};
use scrubjay_model::{AckEnd, AckUntil, AlertNoticeKind as Kind, AlertTurnKind as Turn, Verdict};
use std::time::Duration;

const HOUR: u64 = 60;
const DAY: u64 = 24 * HOUR;

fn word(host: &Host) -> &'static str {
    host.book.alerts.get(&key("a")).map_or("inactive", |alert| alert.state.as_str())
}

#[test]
fn what_is_to_be_acted_on_is_told_at_once_and_the_rest_when_it_lasts() {
    for (verdict, minutes) in
        [(Verdict::Act, 0), (Verdict::Plan, 5), (Verdict::Watch, 15), (Verdict::Unknown, 15)]
    {
        let mut host = Host::new();
        host.see("a", verdict, 1);
        let first = notices(&host.look());
        if minutes == 0 {
            assert_eq!(first, [(Kind::Firing, verdict)]);
            continue;
        }
        assert_eq!((first.as_slice(), word(&host)), (&[][..], "pending"), "{verdict:?}");
        assert_eq!(host.looks_for(minutes - 1), [], "{verdict:?}");
        assert_eq!(host.looks_for(1), [(Kind::Firing, verdict)], "{verdict:?}");
        assert_eq!(word(&host), "firing");
    }
}

#[test]
fn what_passes_by_itself_is_told_to_nobody() {
    let mut host = Host::new();
    host.see("a", Verdict::Watch, 1);
    assert_eq!(host.looks_for(10), []);
    host.lose("a");
    assert_eq!((host.looks_for(1), word(&host)), (vec![], "inactive"));
    // And what comes again begins to wait anew.
    host.see("a", Verdict::Watch, 1);
    assert_eq!(host.looks_for(15), []);
    assert_eq!(host.looks_for(1), [(Kind::Firing, Verdict::Watch)]);
}

#[test]
fn what_comes_and_goes_is_told_once_and_its_end_when_it_stays_away() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 1);
    assert_eq!(notices(&host.look()), [(Kind::Firing, Verdict::Act)]);
    for _ in 0..20 {
        host.lose("a");
        assert_eq!(host.looks_for(14), []);
        host.see("a", Verdict::Act, 1);
        assert_eq!(host.looks_for(1), []);
    }
    host.lose("a");
    assert_eq!(host.looks_for(15), []);
    assert_eq!(host.looks_for(1), [(Kind::Resolved, Verdict::Act)]);
    assert_eq!((host.looks_for(DAY - 1), word(&host)), (vec![], "resolved"));
    host.looks_for(1);
    assert_eq!(word(&host), "inactive");
}

#[test]
fn it_is_told_again_after_a_day_three_and_seven_and_then_each_week() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 1);
    host.look();
    let mut days = Vec::new();
    for day in 1..=40 {
        for _ in 0..24 {
            host.wait(3_600);
            days.extend(notices(&host.look()).iter().map(|(kind, _)| (*kind, day)));
        }
    }
    let expect = [1, 4, 11, 18, 25, 32, 39].map(|day| (Kind::Reminder, day));
    assert_eq!(days, expect);
    host.policy.reminders.clear();
    assert_eq!(host.looks_for(20 * DAY / 60), []);
}

#[test]
fn worse_is_told_at_once_and_better_only_when_it_stays_so() {
    let mut host = Host::new();
    host.see("a", Verdict::Plan, 1);
    assert_eq!(host.looks_for(6), [(Kind::Firing, Verdict::Plan)]);
    host.see("a", Verdict::Act, 2);
    assert_eq!(host.looks_for(1), [(Kind::Raised, Verdict::Act)]);
    // Up and down, and nobody is paged for it.
    for _ in 0..10 {
        host.see("a", Verdict::Plan, 2);
        assert_eq!(host.looks_for(10), []);
        host.see("a", Verdict::Act, 2);
        assert_eq!(host.looks_for(1), []);
    }
    host.see("a", Verdict::Plan, 2);
    host.looks_for(15);
    host.wait(60);
    let out = host.look();
    // Whoever was told that it is worse is told that it is not, once.
    assert_eq!(turns(&out), [Turn::Lowered]);
    assert_eq!(notices(&out), [(Kind::Lowered, Verdict::Plan)]);
    assert_eq!(out.notices[0].before, Some(Verdict::Act));
    assert_eq!(host.looks_for(60), []);
    host.see("a", Verdict::Act, 2);
    assert_eq!(host.looks_for(1), [(Kind::Raised, Verdict::Act)]);
}

#[test]
fn the_end_says_the_worst_that_was_told_even_if_it_got_better_first() {
    let mut host = Host::new();
    host.see("a", Verdict::Plan, 1);
    host.looks_for(6);
    host.see("a", Verdict::Watch, 1);
    assert_eq!(host.looks_for(70), [(Kind::Lowered, Verdict::Watch)]);
    host.lose("a");
    let mut ends = Vec::new();
    for _ in 0..70 {
        host.wait(60);
        let notices = host.look().notices;
        ends.extend(notices.into_iter().map(|told| (told.kind, told.verdict, told.before)));
    }
    assert_eq!(ends, [(Kind::Resolved, Verdict::Watch, Some(Verdict::Plan))]);
}

#[test]
fn what_cannot_be_looked_at_neither_fires_nor_resolves_and_says_so() {
    let mut host = Host::new();
    host.see("a", Verdict::Watch, 1);
    host.looks_for(10);
    host.blind.insert(key("a"));
    assert_eq!((host.looks_for(60), word(&host)), (vec![], "pending"));
    host.blind.clear();
    // Ten minutes had counted: five are missing.
    assert_eq!(host.looks_for(5), []);
    assert_eq!(host.looks_for(1), [(Kind::Firing, Verdict::Watch)]);

    host.lose("a");
    host.looks_for(30);
    host.blind.insert(key("a"));
    host.wait(60);
    let out = host.look();
    assert_eq!(turns(&out), [Turn::Held]);
    assert_eq!(out.turns[0].detail, "the source is unreadable");
    assert_eq!((host.looks_for(5 * HOUR), word(&host)), (vec![], "firing"));
    let held = &host.book.alerts[&key("a")].held;
    assert_eq!(held.as_deref(), Some("the source is unreadable"));
    // It is told again while it is held, and why nothing better can be said.
    host.wait(86_400);
    let out = host.look();
    assert_eq!(notices(&out), [(Kind::Reminder, Verdict::Watch)]);
    assert_eq!(out.notices[0].why.as_deref(), Some("the source is unreadable"));
    host.blind.clear();
    assert_eq!(host.looks_for(29), []);
    assert_eq!(host.looks_for(3), [(Kind::Resolved, Verdict::Watch)]);
}

#[test]
fn not_knowing_is_no_improvement() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 1);
    host.look();
    host.see("a", Verdict::Unknown, 0);
    assert_eq!(host.looks_for(5 * HOUR), []);
    let alert = &host.book.alerts[&key("a")];
    assert_eq!(
        (alert.state.firing().unwrap().level, alert.seen.verdict),
        (Verdict::Act, Verdict::Act)
    );
    assert!(alert.held.as_ref().unwrap().starts_with("it cannot be told at present"));
    // Also where it would not be bad enough for an alert of its own.
    host.policy.minimum = Verdict::Plan;
    assert_eq!((host.looks_for(5 * HOUR), word(&host)), (vec![], "firing"));
}

#[test]
fn a_reboot_and_a_clock_that_is_set_change_nothing_about_how_long_it_lasts() {
    let mut host = Host::new();
    host.see("a", Verdict::Watch, 1);
    host.looks_for(8);
    host.reboot(120);
    host.look();
    host.wall_ms -= 10 * 365 * 86_400_000;
    assert_eq!(host.looks_for(4), []);
    host.wall_ms += 20 * 365 * 86_400_000;
    assert_eq!(host.looks_for(1), []);
    assert_eq!(host.looks_for(2), [(Kind::Firing, Verdict::Watch)]);
    // The clock is behind after a reboot: no time has passed, and nothing is told twice.
    host.wall_ms -= 86_400_000;
    host.reboot(120);
    assert_eq!((host.looks_for(10), word(&host)), (vec![], "firing"));
}

#[test]
fn nobody_can_say_what_was_while_nobody_looked_for_days() {
    let mut host = Host::new();
    host.see("a", Verdict::Plan, 1);
    host.look();
    host.wait(3 * 86_400);
    // An hour counts, and that is enough here.
    assert_eq!(notices(&host.look()), [(Kind::Firing, Verdict::Plan)]);
    host.lose("a");
    host.looks_for(5);
    host.policy
        .overrides
        .push(AlertOverride { keep: Some(Duration::from_secs(7_200)), ..AlertOverride::default() });
    host.wait(3 * 86_400);
    assert_eq!((notices(&host.look()), word(&host)), (vec![], "firing"));
}

#[test]
fn what_is_acknowledged_is_told_to_nobody_until_its_time_is_over() {
    for until in
        [AckUntil::Span(36 * 3_600_000), AckUntil::Date(1_800_000_000_000 + 36 * 3_600_000)]
    {
        let mut host = Host::new();
        host.see("a", Verdict::Act, 7);
        host.look();
        host.ack("a", until, None);
        let out = host.look();
        assert_eq!((turns(&out), out.given.len()), (vec![Turn::Acknowledged], 1));
        assert_eq!(host.looks_for(36 * HOUR - 1), []);
        host.wait(60);
        let out = host.look();
        assert_eq!(notices(&out), [(Kind::Reraised, Verdict::Act)]);
        assert_eq!(turns(&out), [Turn::AckExpired]);
        assert_eq!(out.notices[0].why.as_deref(), Some("the time that ann set for it is over"));
        assert_eq!(host.looks_for(DAY - 1), []);
        assert_eq!(host.looks_for(1), [(Kind::Reminder, Verdict::Act)]);
    }
}

#[test]
fn setting_the_clock_makes_no_span_longer_or_shorter() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 7);
    host.ack("a", AckUntil::Span(3_600_000), None);
    assert_eq!(notices(&host.look()), []);
    host.wall_ms += 10 * 365 * 86_400_000;
    assert_eq!(host.looks_for(30), []);
    host.wall_ms -= 20 * 365 * 86_400_000;
    assert_eq!(host.looks_for(29), []);
    assert_eq!(host.looks_for(1), [(Kind::Reraised, Verdict::Act)]);
}

#[test]
fn more_than_was_acknowledged_is_told_at_once_with_the_numbers() {
    for (baseline, verdict, count, why) in [
        (None, Verdict::Plan, 8, "there are 8, and 7 were acknowledged"),
        (Some(100), Verdict::Plan, 101, "there are 101, and 100 were acknowledged"),
        (None, Verdict::Act, 7, "it is act, and was acknowledged as plan"),
        (Some(100), Verdict::Plan, 3, "there are 3, counted anew: 7 were acknowledged"),
    ] {
        let mut host = Host::new();
        host.see("a", Verdict::Plan, 7);
        host.looks_for(10);
        host.ack("a", AckUntil::Span(u64::MAX), baseline);
        host.see("a", Verdict::Plan, baseline.unwrap_or(7));
        assert_eq!(host.looks_for(30), []);
        host.see("a", verdict, count);
        host.wait(60);
        let out = host.look();
        assert_eq!(notices(&out), [(Kind::Reraised, verdict)], "{why}");
        assert_eq!(out.notices[0].why.as_deref(), Some(why));
        assert_eq!((out.ended[0].end, out.ended[0].why.as_str()), (AckEnd::Reraised, why));
        assert!(host.book.acks.is_empty());
    }
}

#[test]
fn another_subject_of_the_same_rule_is_not_what_was_acknowledged() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 7);
    host.look();
    host.ack("a", AckUntil::Span(u64::MAX), None);
    host.look();
    host.see("b", Verdict::Act, 1);
    let out = host.look();
    assert_eq!(notices(&out), [(Kind::Firing, Verdict::Act)]);
    assert_eq!(out.notices[0].key, key("b"));
    assert_eq!(out.notices[0].why.as_deref(), Some("what is acknowledged is of a, and not this"));
}

#[test]
fn an_acknowledgement_outlasts_the_alert_and_is_held_against_the_next() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 7);
    host.look();
    host.ack("a", AckUntil::Span(u64::MAX), None);
    host.look();
    host.lose("a");
    // Whoever was told that it fires is told that it ended, acknowledged or not.
    assert_eq!(host.looks_for(2 * DAY), [(Kind::Resolved, Verdict::Act)]);
    host.see("a", Verdict::Act, 7);
    assert_eq!((host.looks_for(10), word(&host)), (vec![], "firing"));
    host.lose("a");
    // Of this one nobody was told.
    assert_eq!(host.looks_for(2 * DAY), []);
    host.see("a", Verdict::Act, 8);
    assert_eq!(host.looks_for(1), [(Kind::Reraised, Verdict::Act)]);
}

#[test]
fn taking_it_back_tells_whoever_was_not_told_and_nobody_twice() {
    let mut host = Host::new();
    host.see("a", Verdict::Act, 7);
    host.ack("a", AckUntil::Span(u64::MAX), None);
    assert_eq!(notices(&host.look()), []);
    host.unack("a");
    let out = host.look();
    assert_eq!(notices(&out), [(Kind::Reraised, Verdict::Act)]);
    assert_eq!(out.notices[0].why.as_deref(), Some("ann took it back"));
    host.ack("a", AckUntil::Span(u64::MAX), None);
    host.look();
    host.unack("a");
    let out = host.look();
    assert_eq!((turns(&out), notices(&out)), (vec![Turn::AckWithdrawn], vec![]));
    // A request that comes too late takes nothing back that came after what it names.
    host.ack("a", AckUntil::Span(u64::MAX), None);
    host.look();
    let late = host.book.acks[&key("a")].request.clone();
    host.ack("a", AckUntil::Span(5), None);
    let out = host.look();
    assert_eq!(turns(&out), [Turn::AckReplaced, Turn::Acknowledged]);
    host.ask(scrubjay_model::AckChange::Withdraw { acks: vec![(key("a"), late)] });
    host.look();
    assert!(host.book.acks.contains_key(&key("a")));
}

#[test]
fn silence_keeps_the_book_and_tells_nobody() {
    let mut host = Host::new();
    host.policy = AlertPolicy {
        overrides: vec![AlertOverride {
            subject: Some("a".to_owned()),
            silence: Some(true),
            ..AlertOverride::default()
        }],
        ..AlertPolicy::default()
    };
    host.see("a", Verdict::Act, 7);
    host.see("b", Verdict::Act, 7);
    let out = host.look();
    assert_eq!((turns(&out).len(), notices(&out).len()), (2, 1));
    assert_eq!((host.looks_for(60), word(&host)), (vec![], "firing"));
    host.policy.overrides.clear();
    assert_eq!(host.looks_for(1), [(Kind::Firing, Verdict::Act)]);
}

#[test]
fn what_is_not_bad_enough_is_no_alert() {
    let mut host = Host::new();
    host.policy.minimum = Verdict::Plan;
    host.see("a", Verdict::Watch, 7);
    assert_eq!((host.looks_for(60), word(&host)), (vec![], "inactive"));
    host.see("a", Verdict::Ok, 7);
    host.policy.minimum = Verdict::Ok;
    assert_eq!((host.looks_for(60), word(&host)), (vec![], "inactive"));
}
