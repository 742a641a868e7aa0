//! One step of the book.

use super::acks;
use super::clock::{self, Tick};
use super::policy::{AlertPolicy, AlertRule, RESOLVED_KEPT};
use super::turns::{Levels, Turns, is_over};
use scrubjay_model::{
    Ack, AckEnd, AckRequest, Alert, AlertBook, AlertClock, AlertKey, AlertNotice, AlertNoticeKind,
    AlertState, AlertTurn, AlertTurnKind, Assessment, EndedAck, Finding, Firing, Sight, Stamp,
    Told, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

/// Why an alert could not be looked at, if it could not.
type WhyNot<'a> = dyn Fn(&AlertKey, &Alert) -> Option<String> + 'a;

/// What a pass found.
pub struct Pass<'a> {
    /// What is seen, by alert.
    pub seen: BTreeMap<AlertKey, Sight>,
    /// Asked of alerts that are not seen: why they could not be looked at, if they could not.
    pub why_not: &'a WhyNot<'a>,
    /// What was asked of acknowledgements since the pass before.
    pub requests: &'a [AckRequest],
}

impl fmt::Debug for Pass<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seen, why_not: _, requests } = self;
        f.debug_struct("Pass").field("seen", seen).field("requests", requests).finish()
    }
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluated {
    /// The book as it is now.
    pub book: AlertBook,
    /// What became of alerts, in order.
    pub turns: Vec<AlertTurn>,
    /// What there is to tell, in order.
    pub notices: Vec<AlertNotice>,
    /// Acknowledgements that were given.
    pub given: Vec<Ack>,
    /// Acknowledgements that ended.
    pub ended: Vec<EndedAck>,
}

impl<'a> Pass<'a> {
    /// The findings of an assessment.
    pub fn of(
        assessment: &Assessment,
        why_not: &'a WhyNot<'a>,
        requests: &'a [AckRequest],
    ) -> Self {
        let mut seen: BTreeMap<AlertKey, Sight> = BTreeMap::new();
        for finding in assessment.findings.iter().chain(&assessment.coverage.findings) {
            let key = AlertKey::new(finding.code, finding.subject.as_str());
            let sight = sight(finding);
            // Of several of one code and subject the worst speaks, and the first of those.
            match seen.get(&key) {
                Some(other) if other.verdict >= sight.verdict => {}
                Some(_) | None => drop(seen.insert(key, sight)),
            }
        }
        Self { seen, why_not, requests }
    }
}

fn sight(finding: &Finding) -> Sight {
    let Finding {
        code: _,
        verdict,
        subject: _,
        because,
        action,
        remedy,
        reboot_helps,
        origin,
        hides: _,
        count,
    } = finding;
    Sight {
        verdict: *verdict,
        because: because.clone(),
        action: *action,
        remedy: remedy.clone(),
        reboot_helps: *reboot_helps,
        origin: origin.as_ref().map(|origin| origin.as_str().to_owned()),
        count: *count,
    }
}

/// Takes the book one pass further.
#[must_use]
pub fn evaluate(book: AlertBook, pass: &Pass<'_>, policy: &AlertPolicy, now: &Stamp) -> Evaluated {
    let tick = clock::tick(book.clock.as_ref(), now);
    let mut out = Evaluated {
        book: AlertBook {
            clock: Some(AlertClock { book_ms: tick.now.book_ms, at: now.clone() }),
            ..book
        },
        turns: Vec::new(),
        notices: Vec::new(),
        given: Vec::new(),
        ended: Vec::new(),
    };
    out.given = acks::take_in(&mut out.book, pass.requests, &tick, &mut out.turns, &mut out.ended);
    let keys: BTreeSet<AlertKey> = out
        .book
        .alerts
        .keys()
        .chain(out.book.acks.keys())
        .chain(pass.seen.keys())
        .cloned()
        .collect();
    for key in keys {
        Step { key, pass, policy, tick, now }.take(&mut out);
    }
    out
}

/// Takes in what was asked of acknowledgements without a pass, where no agent runs. What that changes
/// for alerts is told with the next one.
#[must_use]
pub fn take_requests(book: AlertBook, requests: &[AckRequest], now: &Stamp) -> Evaluated {
    let tick = clock::tick(book.clock.as_ref(), now);
    let mut out = Evaluated {
        // Nobody looked: for alerts no time has passed.
        book: AlertBook {
            clock: book.clock.clone().or(Some(AlertClock { book_ms: 0, at: now.clone() })),
            ..book
        },
        turns: Vec::new(),
        notices: Vec::new(),
        given: Vec::new(),
        ended: Vec::new(),
    };
    out.given = acks::take_in(&mut out.book, requests, &tick, &mut out.turns, &mut out.ended);
    out
}

/// The step of one alert.
struct Step<'a> {
    key: AlertKey,
    pass: &'a Pass<'a>,
    policy: &'a AlertPolicy,
    tick: Tick,
    now: &'a Stamp,
}

/// What a pass says of an alert.
enum Says<'a> {
    Seen(&'a Sight),
    /// It could not be looked at.
    NotLooked(String),
    NotSeen,
}

impl Step<'_> {
    fn take(&self, out: &mut Evaluated) {
        let before = out.book.alerts.remove(&self.key);
        let was = before.as_ref().map(|alert| alert.state);
        let says = self.says(before.as_ref());
        let alert = self.step(before, &says, &mut out.turns);
        let ended = self.end_ack(&says, out);
        let Some(mut alert) = alert else { return };
        self.tell(was, &mut alert, ended, out);
        if alert.state != AlertState::Inactive {
            out.book.alerts.insert(self.key.clone(), alert);
        }
    }

    /// How and why its acknowledgement ended in this pass, if it did.
    fn end_ack(&self, says: &Says<'_>, out: &mut Evaluated) -> Option<(AckEnd, String)> {
        let seen = match says {
            Says::Seen(seen) => Some(*seen),
            Says::NotLooked(_) | Says::NotSeen => None,
        };
        let ack = out.book.acks.get(&self.key);
        if let Some((end, why)) = ack.and_then(|ack| acks::is_ended(ack, seen, &self.tick))
            && let Some(ack) = out.book.acks.remove(&self.key)
        {
            acks::end(ack, end, why.clone(), &self.tick, &mut out.turns, &mut out.ended);
            return Some((end, why));
        }
        // Taken back just now, and not given anew since.
        let taken = |ended: &&EndedAck| ended.ack.key == self.key && ended.end == AckEnd::Withdrawn;
        let taken = out.ended.iter().find(taken).filter(|_| !out.book.acks.contains_key(&self.key));
        taken.map(|ended| (ended.end, ended.why.clone()))
    }

    fn rule(&self, verdict: Verdict) -> AlertRule<'_> {
        self.policy.rule(&self.key, verdict)
    }

    fn says(&self, alert: Option<&Alert>) -> Says<'_> {
        let is_open = alert.filter(|alert| match alert.state {
            AlertState::Pending { .. } | AlertState::Firing(_) => true,
            AlertState::Inactive | AlertState::Resolved { .. } => false,
        });
        match (self.pass.seen.get(&self.key), is_open) {
            // What was known is not less bad for not being known any more.
            (Some(seen), Some(alert))
                if seen.verdict == Verdict::Unknown && alert.seen.verdict > Verdict::Unknown =>
            {
                Says::NotLooked(format!("it cannot be told at present: {}", seen.because))
            }
            (Some(seen), _)
                if seen.verdict > Verdict::Ok
                    && seen.verdict >= self.rule(seen.verdict).minimum =>
            {
                Says::Seen(seen)
            }
            (Some(_), _) => Says::NotSeen,
            (None, Some(alert)) => {
                (self.pass.why_not)(&self.key, alert).map_or(Says::NotSeen, Says::NotLooked)
            }
            (None, None) => Says::NotSeen,
        }
    }

    fn step(
        &self,
        before: Option<Alert>,
        says: &Says<'_>,
        turns: &mut Vec<AlertTurn>,
    ) -> Option<Alert> {
        match (says, before) {
            (Says::Seen(seen), before) => Some(self.seen(before, seen, turns)),
            (Says::NotLooked(why), Some(alert)) => Some(self.held(alert, why, turns)),
            (Says::NotSeen, Some(alert)) => Some(self.not_seen(alert, turns)),
            (Says::NotLooked(_) | Says::NotSeen, None) => None,
        }
    }

    fn turn(&self, turns: &mut Vec<AlertTurn>, what: AlertTurnKind, of: Verdict, detail: &str) {
        turns.push(AlertTurn {
            at_wall_ms: self.tick.now.wall_ms,
            key: self.key.clone(),
            what,
            verdict: of,
            detail: detail.to_owned(),
        });
    }

    fn seen(&self, before: Option<Alert>, seen: &Sight, turns: &mut Vec<AlertTurn>) -> Alert {
        let now = self.tick.now;
        let AlertRule { timing, .. } = self.rule(seen.verdict);
        let (state, held) = before.map_or((AlertState::Inactive, None), |a| (a.state, a.held));
        if held.is_some() && state.firing().is_some() {
            self.turn(turns, AlertTurnKind::Released, seen.verdict, &seen.because);
        }
        let mut state = state.hold(self.tick.blind_ms).appear(now).stay();
        if let AlertState::Pending { from_ms, .. } = state
            && is_over(from_ms, timing.wait, &self.tick)
        {
            state = state.fire(now, seen.verdict);
            self.turn(turns, AlertTurnKind::Fired, seen.verdict, &seen.because);
        }
        if let AlertState::Firing(firing) = state {
            state = AlertState::Firing(self.levelled(firing, seen, turns));
        }
        Alert { state, seen: seen.clone(), seen_boot: self.now.boot.clone(), held: None }
    }

    /// Worse counts at once; less bad counts when it stays so.
    fn levelled(&self, firing: Firing, seen: &Sight, turns: &mut Vec<AlertTurn>) -> Firing {
        if seen.verdict > firing.level {
            self.turn(turns, AlertTurnKind::Raised, seen.verdict, &seen.because);
            return firing.raise(seen.verdict);
        }
        if seen.verdict == firing.level {
            return firing.level_out();
        }
        let keep = self.rule(firing.level).timing.keep;
        let firing = firing.ease(self.tick.now);
        match firing.lower_from_ms {
            Some(from_ms) if is_over(from_ms, keep, &self.tick) => {
                self.turn(turns, AlertTurnKind::Lowered, seen.verdict, &seen.because);
                firing.lower(seen.verdict)
            }
            Some(_) | None => firing,
        }
    }

    fn held(&self, alert: Alert, why: &str, turns: &mut Vec<AlertTurn>) -> Alert {
        if alert.held.is_none()
            && let Some(firing) = alert.state.firing()
        {
            self.turn(turns, AlertTurnKind::Held, firing.level, why);
        }
        let state = alert.state.hold(self.tick.passed_ms);
        Alert { state, held: Some(why.to_owned()), ..alert }
    }

    fn not_seen(&self, alert: Alert, turns: &mut Vec<AlertTurn>) -> Alert {
        let now = self.tick.now;
        let mut state = alert.state.hold(self.tick.blind_ms).vanish(now);
        if let AlertState::Firing(firing) = state
            && let Some(from_ms) = firing.gone_from_ms
            && is_over(from_ms, self.rule(firing.level).timing.keep, &self.tick)
        {
            state = state.resolve(now);
            self.turn(turns, AlertTurnKind::Resolved, firing.level, "it is not found any more");
        }
        if let AlertState::Resolved { since, .. } = state
            && is_over(since.book_ms, RESOLVED_KEPT, &self.tick)
        {
            state = state.forget();
        }
        Alert { state, held: None, ..alert }
    }

    /// What there is to tell of it now. `ended` says why it is no longer acknowledged.
    fn tell(
        &self,
        before: Option<AlertState>,
        alert: &mut Alert,
        ended: Option<(AckEnd, String)>,
        out: &mut Evaluated,
    ) {
        let news = match alert.state {
            AlertState::Firing(firing) => {
                let acked = out.book.acks.contains_key(&self.key);
                let why = ended.map(|(end, why)| (Some(end), why)).or_else(|| {
                    let ack = acks::elsewhere(&out.book, &self.key)?;
                    let subject = &ack.key.subject;
                    Some((None, format!("what is acknowledged is of {subject}, and not this")))
                });
                let rule = self.rule(firing.level);
                let due = (!acked && !rule.silence)
                    .then(|| self.due(&firing, alert.held.is_some(), why, rule.reminders));
                due.flatten().map(|(kind, why)| {
                    let reminders = match kind {
                        AlertNoticeKind::Reminder => {
                            firing.told.map_or(0, |told| told.reminders).saturating_add(1)
                        }
                        AlertNoticeKind::Firing
                        | AlertNoticeKind::Raised
                        | AlertNoticeKind::Lowered
                        | AlertNoticeKind::Reraised
                        | AlertNoticeKind::Resolved
                        | AlertNoticeKind::Test => 0,
                    };
                    let level = firing.level;
                    let worst = firing.told.map_or(level, |told| told.worst.max(level));
                    let told = Told { at: self.tick.now, level, worst, reminders };
                    alert.state = AlertState::Firing(firing.tell(told));
                    (kind, firing, why)
                })
            }
            // Whoever was told that it fires is told that it does not.
            AlertState::Resolved { .. } => {
                before.as_ref().and_then(AlertState::firing).and_then(|was| {
                    was.told.is_some().then_some((AlertNoticeKind::Resolved, *was, None))
                })
            }
            AlertState::Inactive | AlertState::Pending { .. } => None,
        };
        let Some((kind, firing, why)) = news else { return };
        let told_as = firing.told.map(|told| match kind {
            AlertNoticeKind::Resolved => told.worst,
            AlertNoticeKind::Firing
            | AlertNoticeKind::Raised
            | AlertNoticeKind::Lowered
            | AlertNoticeKind::Reminder
            | AlertNoticeKind::Reraised
            | AlertNoticeKind::Test => told.level,
        });
        let told_as = told_as.filter(|level| *level != firing.level);
        out.notices.push(AlertNotice {
            kind,
            key: self.key.clone(),
            verdict: firing.level,
            before: told_as,
            at_wall_ms: self.tick.now.wall_ms,
            since_wall_ms: firing.since.wall_ms,
            seen: alert.seen.clone(),
            why: why.or_else(|| alert.held.clone()),
        });
    }

    /// What is to be told now of one that fires and that nobody wants to be silent about.
    fn due(
        &self,
        firing: &Firing,
        is_held: bool,
        why: Option<(Option<AckEnd>, String)>,
        reminders: &[Duration],
    ) -> Option<(AlertNoticeKind, Option<String>)> {
        let (end, why) = why.map_or((None, None), |(end, why)| (end, Some(why)));
        let Some(told) = firing.told else {
            let kind = match end {
                Some(_) => AlertNoticeKind::Reraised,
                None => AlertNoticeKind::Firing,
            };
            return Some((kind, why));
        };
        match end {
            Some(AckEnd::Expired | AckEnd::Reraised) => {
                return Some((AlertNoticeKind::Reraised, why));
            }
            // Whoever took it back knows, and had been told before.
            Some(AckEnd::Withdrawn | AckEnd::Replaced) | None => {}
        }
        if firing.level > told.level {
            return Some((AlertNoticeKind::Raised, None));
        }
        if firing.level < told.level {
            return Some((AlertNoticeKind::Lowered, None));
        }
        let done = usize::try_from(told.reminders).unwrap_or(usize::MAX);
        let after = reminders.get(done).or(reminders.last())?;
        let is_about_to_end = firing.gone_from_ms.is_some() && !is_held;
        let is_due = !is_about_to_end && is_over(told.at.book_ms, *after, &self.tick);
        is_due.then_some((AlertNoticeKind::Reminder, None))
    }
}
