//! A host on which one thing is wrong, or two, for the tests of the book.

use super::{AlertPolicy, Evaluated, Pass, evaluate};
use scrubjay_model::{
    AckChange, AckRequest, AckUntil, AckedAlert, Action, AlertBook, AlertKey, AlertNoticeKind,
    AlertTurnKind, BootId, RebootHelps, Sight, Stamp, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) fn key(subject: &str) -> AlertKey {
    AlertKey::new("corrected-errors", subject)
}

pub(super) fn sight(verdict: Verdict, count: u64) -> Sight {
    Sight {
        verdict,
        because: format!("{count} errors"),
        action: Action::Observe,
        remedy: String::new(),
        reboot_helps: RebootHelps::No,
        origin: None,
        count: Some(count),
    }
}

pub(super) fn boot(number: u32) -> BootId {
    let id = format!("{number:08x}-0000-0000-0000-000000000000");
    BootId::parse(&id).unwrap()
}

/// The host with its book.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) book: AlertBook,
    pub(super) policy: AlertPolicy,
    pub(super) boots: u32,
    pub(super) since_boot: Duration,
    pub(super) wall_ms: i64,
    pub(super) seen: BTreeMap<AlertKey, Sight>,
    /// What cannot be looked at.
    pub(super) blind: BTreeSet<AlertKey>,
    pub(super) requests: Vec<AckRequest>,
    pub(super) requested: u64,
}

impl Host {
    pub(super) fn new() -> Self {
        Self {
            book: AlertBook::default(),
            policy: AlertPolicy::default(),
            boots: 1,
            since_boot: Duration::from_secs(100),
            wall_ms: 1_800_000_000_000,
            seen: BTreeMap::new(),
            blind: BTreeSet::new(),
            requests: Vec::new(),
            requested: 0,
        }
    }

    pub(super) fn see(&mut self, subject: &str, verdict: Verdict, count: u64) {
        self.seen.insert(key(subject), sight(verdict, count));
    }

    pub(super) fn lose(&mut self, subject: &str) {
        self.seen.remove(&key(subject));
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.since_boot += Duration::from_secs(seconds);
        self.wall_ms += i64::try_from(seconds).unwrap() * 1_000;
    }

    pub(super) fn reboot(&mut self, seconds: u64) {
        self.wait(seconds);
        (self.boots, self.since_boot) = (self.boots + 1, Duration::from_secs(20));
    }

    pub(super) fn stamp(&self) -> Stamp {
        Stamp {
            boot: boot(self.boots),
            since_boot: Some(self.since_boot),
            awake: Some(self.since_boot),
            wall_ms: self.wall_ms,
        }
    }

    pub(super) fn ask(&mut self, what: AckChange) {
        self.requested += 1;
        self.requests.push(AckRequest {
            id: format!("r{}", self.requested),
            by: "ann".to_owned(),
            uid: 0,
            made_wall_ms: self.wall_ms,
            what,
        });
    }

    pub(super) fn ack(&mut self, subject: &str, until: AckUntil, baseline: Option<u64>) {
        let key = key(subject);
        let seen = self.seen.get(&key).cloned().unwrap_or(sight(Verdict::Watch, 0));
        let Sight { verdict, count, .. } = seen;
        let alert = AckedAlert { key, verdict, count, baseline: baseline.or(count) };
        let reason = "known".to_owned();
        self.ask(AckChange::Give { reason, until, alerts: vec![alert] });
    }

    pub(super) fn unack(&mut self, subject: &str) {
        let key = key(subject);
        let of = self.book.acks.get(&key).map_or(String::new(), |ack| ack.request.clone());
        self.ask(AckChange::Withdraw { acks: vec![(key, of)] });
    }

    /// A pass.
    pub(super) fn look(&mut self) -> Evaluated {
        let blind = self.blind.clone();
        let seen = self.seen.iter().filter(|(key, _)| !blind.contains(key));
        let pass = Pass {
            seen: seen.map(|(key, sight)| (key.clone(), sight.clone())).collect(),
            why_not: &|key, _| blind.contains(key).then(|| "the source is unreadable".to_owned()),
            requests: &std::mem::take(&mut self.requests),
        };
        let out = evaluate(std::mem::take(&mut self.book), &pass, &self.policy, &self.stamp());
        self.book = out.book.clone();
        out
    }

    /// Passes a minute apart for so long; what was told in them.
    pub(super) fn looks_for(&mut self, minutes: u64) -> Vec<(AlertNoticeKind, Verdict)> {
        let mut told = Vec::new();
        for _ in 0..minutes {
            self.wait(60);
            told.extend(notices(&self.look()));
        }
        told
    }
}

pub(super) fn notices(out: &Evaluated) -> Vec<(AlertNoticeKind, Verdict)> {
    out.notices.iter().map(|notice| (notice.kind, notice.verdict)).collect()
}

pub(super) fn turns(out: &Evaluated) -> Vec<AlertTurnKind> {
    out.turns.iter().map(|turn| turn.what).collect()
}
