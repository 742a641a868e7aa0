//! Alerts that were open at a moment, and what they say of sticks.

use super::parts::{ReportedAlert, ReportedSaid, ReportedStick, SaidBy};
use crate::dimm_verdict::is_apart;
use crate::{AlertKey, AlertTurn, AlertTurnKind, DimmVerdict, ModuleRecord};
use std::collections::BTreeMap;

/// Alerts that had fired by then and were not over, the worst first.
pub(super) fn open_alerts(turns: &[AlertTurn], at_wall_ms: i64) -> Vec<ReportedAlert> {
    let mut open: BTreeMap<&AlertKey, ReportedAlert> = BTreeMap::new();
    for turn in turns.iter().filter(|turn| turn.at_wall_ms <= at_wall_ms) {
        match turn.what {
            AlertTurnKind::Fired => {
                open.insert(&turn.key, begun(turn));
            }
            AlertTurnKind::Resolved => {
                open.remove(&turn.key);
            }
            AlertTurnKind::Raised | AlertTurnKind::Lowered => {
                if let Some(alert) = open.get_mut(&turn.key) {
                    alert.verdict = turn.verdict;
                    alert.detail.clone_from(&turn.detail);
                }
            }
            AlertTurnKind::Held | AlertTurnKind::Released => {
                if let Some(alert) = open.get_mut(&turn.key) {
                    alert.held = turn.what == AlertTurnKind::Held;
                }
            }
            AlertTurnKind::Acknowledged
            | AlertTurnKind::AckExpired
            | AlertTurnKind::AckReraised
            | AlertTurnKind::AckWithdrawn
            | AlertTurnKind::AckReplaced => {}
        }
    }
    let mut open: Vec<ReportedAlert> = open.into_values().collect();
    open.sort_by(|a, b| (b.verdict, &a.alert).cmp(&(a.verdict, &b.alert)));
    open
}

fn begun(turn: &AlertTurn) -> ReportedAlert {
    ReportedAlert {
        alert: turn.key.to_string(),
        code: turn.key.code.clone(),
        subject: turn.key.subject.clone(),
        verdict: turn.verdict,
        since_wall_ms: turn.at_wall_ms,
        detail: turn.detail.clone(),
        held: false,
    }
}

/// What was said of a stick: by the engine, if the report is of the moment at which it is made; else by
/// the alerts that were open.
pub(super) fn said(
    module: &ModuleRecord,
    stick: &ReportedStick,
    judged: Option<&[DimmVerdict]>,
    open: &[ReportedAlert],
) -> Option<ReportedSaid> {
    if module.ended_wall_ms.is_some() {
        return None;
    }
    if let Some(judged) = judged {
        let verdict = judged.iter().find(|verdict| verdict.key == module.key)?;
        return Some(ReportedSaid {
            by: SaidBy::Judgement,
            verdict: Some(verdict.verdict),
            advice: Some(verdict.advice.to_owned()),
            because: verdict.sentence.clone(),
        });
    }
    let of_it: Vec<&ReportedAlert> = open.iter().filter(|alert| is_of(alert, stick)).collect();
    let codes: Vec<&str> = of_it.iter().map(|alert| alert.code.as_str()).collect();
    Some(ReportedSaid {
        by: SaidBy::Alerts,
        verdict: of_it.iter().map(|alert| alert.verdict).max(),
        advice: None,
        because: codes.join(", "),
    })
}

/// Whether an alert is about a stick, by its slot or by where its errors are counted, or by both where two slots are
/// called alike.
pub(super) fn is_of(alert: &ReportedAlert, stick: &ReportedStick) -> bool {
    let is_counted_at = |place: &str| stick.counted_at.iter().any(|at| at == place);
    let tells = |by: &str| is_counted_at(by) || by == stick.module;
    let is_called = |slot: &String| alert.subject == *slot || is_apart(&alert.subject, slot, tells);
    stick.slot.as_ref().is_some_and(is_called) || is_counted_at(&alert.subject)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verdict, name_apart};

    fn turn(at_wall_ms: i64, code: &str, what: AlertTurnKind, verdict: Verdict) -> AlertTurn {
        let key = AlertKey::new(code, "A1");
        AlertTurn { at_wall_ms, key, what, verdict, detail: format!("at {at_wall_ms}") }
    }

    #[test]
    fn an_alert_is_open_from_when_it_fired_until_it_is_over_whatever_is_said_of_it() {
        use AlertTurnKind::{Acknowledged, Fired, Held, Raised, Released, Resolved};
        let turns = [
            turn(1, "a", Fired, Verdict::Watch),
            turn(2, "b", Fired, Verdict::Plan),
            turn(3, "a", Acknowledged, Verdict::Watch),
            turn(4, "a", Raised, Verdict::Act),
            turn(5, "b", Held, Verdict::Plan),
            turn(6, "b", Released, Verdict::Plan),
            turn(7, "b", Resolved, Verdict::Plan),
        ];
        let told = |at| -> Vec<(String, Verdict, bool)> {
            let open = open_alerts(&turns, at);
            open.into_iter().map(|alert| (alert.code, alert.verdict, alert.held)).collect()
        };
        assert_eq!(told(0), []);
        let (a, b) = ("a".to_owned(), "b".to_owned());
        assert_eq!(
            told(3),
            [(b.clone(), Verdict::Plan, false), (a.clone(), Verdict::Watch, false)]
        );
        assert_eq!(told(5), [(a.clone(), Verdict::Act, false), (b.clone(), Verdict::Plan, true)]);
        assert_eq!(told(9), [(a, Verdict::Act, false)]);
        assert_eq!(open_alerts(&turns, 9)[0].since_wall_ms, 1);
    }

    #[test]
    fn an_alert_of_one_of_two_slots_of_one_name_is_about_that_one() {
        let stick = |slot: Option<&str>, place: &str| ReportedStick {
            module: format!("m-{place}"),
            slot: slot.map(str::to_owned),
            counted_at: vec![place.to_owned()],
            part: None,
            size_bytes: None,
            since_wall_ms: 1,
            ended_wall_ms: None,
            corrected: Some(0),
            uncorrected: Some(0),
            at_least: false,
            said: None,
        };
        let sticks = [
            stick(Some("A1"), "mc0/dimm0"),
            stick(Some("A1"), "mc1/dimm0"),
            stick(None, "mc2/dimm0"),
        ];
        let about = |subject: &str| {
            let key = AlertKey::new("dimm-fault", subject);
            let alert =
                begun(&AlertTurn { key, ..turn(1, "a", AlertTurnKind::Fired, Verdict::Plan) });
            sticks.each_ref().map(|stick| is_of(&alert, stick))
        };
        assert_eq!(about(&name_apart("A1", "mc1/dimm0")), [false, true, false]);
        assert_eq!(about(&name_apart("A1", "m-mc0/dimm0")), [true, false, false]);
        assert_eq!(about("mc2/dimm0"), [false, false, true]);
        assert_eq!(about(&name_apart("B1", "mc1/dimm0")), [false; 3]);
    }
}
