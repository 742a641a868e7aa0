//! What receivers are sent, to the letter.

use super::*;
use scrubjay_model::Action;

const NOON: i64 = 1_795_953_600_000;

const SENT: Sent = Sent { now_ms: NOON, ends_at_ms: NOON + 240_000 };

fn sender() -> Sender {
    Sender { instance: "db1".to_owned(), runbook_url: String::new() }
}

fn notice(kind: AlertNoticeKind) -> AlertNotice {
    AlertNotice {
        kind,
        key: AlertKey::new("corrected-errors", "skylake-socket-0-imc-0/dimm3"),
        verdict: Verdict::Watch,
        before: None,
        at_wall_ms: NOON,
        since_wall_ms: NOON - 60_000,
        seen: Sight {
            verdict: Verdict::Watch,
            because: "13 corrected errors in the last 2 h".to_owned(),
            action: Action::Observe,
            remedy: "nothing yet".to_owned(),
            reboot_helps: RebootHelps::No,
            origin: Some("sys/devices/system/edac/mc/mc0/dimm3/dimm_ce_count".to_owned()),
            count: Some(13),
        },
        why: None,
    }
}

#[test]
fn alertmanager_is_sent_what_its_interface_wants() {
    let sent = managed(&sender(), &notice(AlertNoticeKind::Firing), SENT);
    let json = serde_json::to_string_pretty(&sent).unwrap();
    insta::assert_snapshot!(json, @r#"
    [
      {
        "labels": {
          "alertname": "ScrubjayCorrectedErrors",
          "code": "corrected-errors",
          "dimm": "skylake-socket-0-imc-0/dimm3",
          "instance": "db1",
          "severity": "info",
          "subject": "skylake-socket-0-imc-0/dimm3",
          "verdict": "watch"
        },
        "annotations": {
          "description": "Do: observe: nothing yet. A reboot does not help. Evidence: sys/devices/system/edac/mc/mc0/dimm3/dimm_ce_count.",
          "runbook": "scrubjay explain corrected-errors",
          "summary": "corrected-errors on skylake-socket-0-imc-0/dimm3 (watch): 13 corrected errors in the last 2 h"
        },
        "startsAt": "2026-11-29T11:59:00Z",
        "endsAt": "2026-11-29T12:04:00Z"
      }
    ]
    "#);
}

#[test]
fn what_is_resolved_ends_now_and_not_before_it_began() {
    let resolved = notice(AlertNoticeKind::Resolved);
    let sent = managed(&sender(), &resolved, SENT);
    assert_eq!((sent.len(), sent[0].ends_at.as_str()), (1, "2026-11-29T12:00:00Z"));
    // The clock was set back since it began.
    let sent = managed(&sender(), &AlertNotice { at_wall_ms: 0, ..resolved.clone() }, SENT);
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    assert!(at(&sent[0].ends_at) > at(&sent[0].starts_at));
    // It began, or ended, when the clock was ahead: it is over now all the same.
    let ahead = NOON + 3_600_000;
    for at_wall_ms in [NOON, ahead + 1] {
        let late = AlertNotice { at_wall_ms, since_wall_ms: ahead, ..resolved.clone() };
        let sent = managed(&sender(), &late, SENT);
        assert_eq!(sent[0].ends_at, "2026-11-29T12:00:00Z");
        assert!(at(&sent[0].ends_at) > at(&sent[0].starts_at));
    }
    let firing = AlertNotice { since_wall_ms: ahead, ..notice(AlertNoticeKind::Firing) };
    let sent = managed(&sender(), &firing, SENT);
    assert_eq!(sent[0].starts_at, "2026-11-29T12:00:00Z");
    assert_eq!(sent[0].ends_at, "2026-11-29T12:04:00Z");
}

#[test]
fn what_got_better_ends_as_it_was_and_goes_on_with_what_is_sent_again_and_again() {
    let lowered = AlertNotice {
        verdict: Verdict::Watch,
        before: Some(Verdict::Act),
        ..notice(AlertNoticeKind::Lowered)
    };
    let sent = managed(&sender(), &lowered, SENT);
    let of = |alert: &ManagedAlert| (alert.labels["verdict"].clone(), alert.ends_at.clone());
    let all: Vec<_> = sent.iter().map(of).collect();
    assert_eq!(all, [("act".to_owned(), "2026-11-29T12:00:00Z".to_owned())]);
}

#[test]
fn what_got_worse_ends_as_it_was_and_begins_as_it_is() {
    let raised = AlertNotice {
        verdict: Verdict::Act,
        before: Some(Verdict::Watch),
        ..notice(AlertNoticeKind::Raised)
    };
    let sent = managed(&sender(), &raised, SENT);
    let of = |alert: &ManagedAlert| (alert.labels["verdict"].clone(), alert.ends_at.clone());
    assert_eq!(of(&sent[0]), ("watch".to_owned(), "2026-11-29T12:00:00Z".to_owned()));
    assert_eq!(of(&sent[1]), ("act".to_owned(), "2026-11-29T12:04:00Z".to_owned()));
    assert_eq!(sent[1].labels["severity"], "critical");
    // The first one is the very one that was sent before.
    assert_eq!(
        sent[0].labels,
        managed(&sender(), &notice(AlertNoticeKind::Firing), SENT)[0].labels
    );
}

#[test]
fn that_it_is_acknowledged_is_said_and_makes_no_other_alert_of_it() {
    let AlertNotice { key, seen, .. } = notice(AlertNoticeKind::Firing);
    let plain = Lasting {
        key: key.clone(),
        level: Verdict::Watch,
        since_wall_ms: NOON,
        seen,
        held: None,
        ack: None,
    };
    let ack = scrubjay_model::Ack {
        request: "r".to_owned(),
        key,
        by: "ann".to_owned(),
        uid: 0,
        reason: "ordered".to_owned(),
        given: scrubjay_model::Moment { book_ms: 0, wall_ms: NOON },
        until: scrubjay_model::AckUntil::Date(NOON + 3_600_000),
        verdict: Verdict::Watch,
        count: None,
        baseline: None,
    };
    let known = Lasting { ack: Some(ack), ..plain.clone() };
    let (plain, known) = (lasting(&sender(), &plain, SENT), lasting(&sender(), &known, SENT));
    assert_eq!(plain.labels, known.labels);
    assert_eq!(known.annotations["acknowledged"], "by ann until 2026-11-29T13:00:00Z: ordered");
    assert!(!plain.annotations.contains_key("acknowledged"));
}

#[test]
fn a_webhook_is_sent_what_the_documentation_shows() {
    let raised = AlertNotice {
        before: Some(Verdict::Unknown),
        why: Some("there are 13, and 12 were acknowledged".to_owned()),
        ..notice(AlertNoticeKind::Reraised)
    };
    let linked = Sender { runbook_url: "https://wiki/scrubjay#".to_owned(), ..sender() };
    let body = webhook_body(&linked, &raised).unwrap();
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let pretty = serde_json::to_string_pretty(&json).unwrap();
    let documented = include_str!("../../../docs/alerts.md");
    let (_, shown) = documented.split_once("```json\n").unwrap();
    let (shown, _) = shown.split_once("```\n").unwrap();
    let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
    assert_eq!(json, shown, "docs/alerts.md should show:\n{pretty}");
}

#[test]
fn the_journal_has_it_on_one_line_and_nothing_in_it_acts_on_a_terminal() {
    let mut evil = notice(AlertNoticeKind::Firing);
    evil.seen.because = "red\u{1b}[31m\nalert".to_owned();
    assert_eq!(
        journal_line(&evil),
        "alert corrected-errors:skylake-socket-0-imc-0/dimm3 fires, verdict watch: \
         red\\u{1b}[31m\\u{a}alert; do: observe: nothing yet"
    );
    assert_eq!(
        journal_line(&notice(AlertNoticeKind::Resolved)),
        "alert corrected-errors:skylake-socket-0-imc-0/dimm3 is resolved: it had fired since \
         2026-11-29T11:59:00Z"
    );
    let sent = managed(&sender(), &evil, SENT);
    assert!(!sent[0].annotations["summary"].chars().any(char::is_control));
}

#[test]
fn names_of_alerts_are_written_as_others_write_them() {
    assert_eq!(alert_name("kernel-behind"), "ScrubjayKernelBehind");
    assert_eq!(alert_name("guest"), "ScrubjayGuest");
}

#[test]
fn who_routes_by_stick_is_told_which_one() {
    for (code, subject, is_stick) in [
        ("corrected-errors", "mc0/rank3", true),
        ("corrected-errors", "mc0/csrow1/ch0", true),
        ("dimm-wide-storm", "B1", true),
        ("dimm-storm", "NODE 1 P1-DIMMA1", true),
        ("dimm-storm", "host", false),
        ("guest", "a/b", false),
        ("kernel-behind", "host", false),
    ] {
        let key = AlertKey::new(code, subject);
        assert_eq!(dimm(&key), is_stick.then_some(subject), "{code}:{subject}");
    }
}
