//! From samples, one by one, to hosts.
//!
//! Two servers may have scraped a host, and labels may have been added on the way: series that agree
//! in the labels that name the host are of one host, and where they contradict each other the worse
//! is taken. Targets that bear one name and booted at different times are different hosts.

use super::families::Family;
use super::silent;
use crate::book::glob_matches;
use scrubjay_model::{
    Action, CoverageState, Fleet, FleetAck, FleetFinding, FleetHost, FleetStick, Reason,
    RebootAnswer, Verdict,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How hosts are told apart and called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// The labels whose values, together, name a host.
    pub host_labels: Vec<String>,
    /// Labels that only say which server kept the series.
    pub replica_labels: Vec<String>,
    /// The label hosts are grouped by.
    pub group_by: Option<String>,
    /// A host with this label is left alone, whatever it says but `false`, `no` or `0`.
    pub hold_label: Option<String>,
    /// Names of hosts that are left alone; `*` stands for anything.
    pub held: Vec<String>,
    /// Readings of this age are those of a host that does not report, where its agent does not plan
    /// for longer.
    pub stale_after_ms: i64,
}

/// Boot times of targets of one name further apart than this are those of different hosts.
const SAME_BOOT_MS: u64 = 120_000;

/// So many readings may be missed before those that are there are old.
const MISSED_PASSES: i64 = 3;

/// Hosts that are named in one note.
const MOST_NAMED: usize = 5;

/// What the last series said of a host before the moment.
#[derive(Debug)]
struct Past {
    /// The value that tells its time.
    at_s: f64,
    group: Option<String>,
    held: Option<String>,
}

/// Labels as they are written, in any order.
pub type Labels<'a> = [(Cow<'a, str>, Cow<'a, str>)];

/// Hosts, while their samples are taken in.
#[derive(Debug)]
pub struct Gathering {
    naming: Naming,
    at_ms: i64,
    look_back_ms: i64,
    hosts: BTreeMap<String, FleetHost>,
    /// The targets that told when they booted: of which host, by the labels that are not ours.
    booted: BTreeMap<String, BTreeMap<String, i64>>,
    /// What labels said of hosts before the moment.
    past: BTreeMap<String, Past>,
    /// The labels that name hosts, where that is more than one.
    parts: BTreeMap<String, Vec<String>>,
    jobs_known: bool,
    has_trends: bool,
    nameless: u64,
    no_numbers: u64,
    lacks: BTreeSet<String>,
    notes: BTreeSet<String>,
}

impl Gathering {
    /// Nothing yet, at a moment.
    pub fn new(naming: Naming, at_ms: i64, look_back_ms: i64) -> Self {
        Self {
            naming,
            at_ms,
            look_back_ms,
            hosts: BTreeMap::new(),
            booted: BTreeMap::new(),
            past: BTreeMap::new(),
            parts: BTreeMap::new(),
            jobs_known: false,
            has_trends: false,
            nameless: 0,
            no_numbers: 0,
            lacks: BTreeSet::new(),
            notes: BTreeSet::new(),
        }
    }

    /// What the answer lacks, as a sentence.
    pub fn lack(&mut self, sentence: String) {
        self.lacks.insert(sentence);
    }

    /// What else there is to know of it.
    pub fn note(&mut self, sentence: String) {
        self.notes.insert(sentence);
    }

    /// A series that has no value that could be read.
    pub fn no_number(&mut self) {
        self.no_numbers = self.no_numbers.saturating_add(1);
    }

    /// Takes in a sample.
    pub fn take(&mut self, family: Family, labels: &Labels<'_>, value: f64) {
        if !value.is_finite() {
            self.no_number();
            return;
        }
        let Some(name) = self.name(labels) else {
            self.nameless = self.nameless.saturating_add(1);
            return;
        };
        match family {
            Family::Up => self.jobs_known = true,
            Family::Trend => self.has_trends = true,
            Family::BootTime => self.boot_told(&name, labels, value),
            Family::Seen
            | Family::Interval
            | Family::Verdict
            | Family::LastVerdict
            | Family::Finding
            | Family::Coverage
            | Family::Gap
            | Family::Reboot
            | Family::RebootSince
            | Family::RebootReason
            | Family::Stick
            | Family::Risk
            | Family::Ack
            | Family::Cves
            | Family::Exposure
            | Family::SupportEnd => {}
        }
        let naming = &self.naming;
        if naming.host_labels.len() > 1 && !self.parts.contains_key(&name) {
            let part = |wanted| label(labels, wanted).unwrap_or_default().to_owned();
            self.parts.insert(name.clone(), naming.host_labels.iter().map(|l| part(l)).collect());
        }
        if !family.is_of_the_moment() {
            // Of verdicts the value tells no time.
            let at_s = if family == Family::Seen { value } else { -1.0 };
            if self.past.get(&name).is_none_or(|past| past.at_s < at_s) {
                let (group, held) = (naming.group(labels), naming.held(labels));
                self.past.insert(name.clone(), Past { at_s, group, held });
            }
        }
        let host = self.hosts.entry(name).or_insert_with_key(|name| FleetHost {
            held: naming.held.iter().find(|held| glob_matches(held, name)).cloned(),
            name: name.clone(),
            ..FleetHost::default()
        });
        // Labels that were taken away or changed since are none that hold.
        if family.is_of_the_moment() {
            host.group = host.group.take().or_else(|| naming.group(labels));
            host.held = host.held.take().or_else(|| naming.held(labels));
        }
        told(host, family, labels, value);
    }

    fn name(&self, labels: &Labels<'_>) -> Option<String> {
        let mut name = String::new();
        for wanted in &self.naming.host_labels {
            let value = label(labels, wanted).filter(|value| !value.is_empty())?;
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(value);
        }
        (!name.is_empty()).then_some(name)
    }

    /// Keeps when each target says that it booted. The metric has no label of its own.
    fn boot_told(&mut self, name: &str, labels: &Labels<'_>, value: f64) {
        let Some(boot_ms) = milliseconds(value) else { return };
        let is_target = |key: &str| {
            key != "__name__" && !self.naming.replica_labels.iter().any(|replica| replica == key)
        };
        let mut target: Vec<String> = labels
            .iter()
            .filter(|(key, _)| is_target(key))
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        target.sort_unstable();
        let booted = self.booted.entry(name.to_owned()).or_default();
        let last = booted.entry(target.join(",")).or_insert(boot_ms);
        *last = boot_ms.max(*last);
    }

    /// Matchers of the hosts that have no verdict, of as many each as fit into so many bytes.
    pub fn silent(&self, most_bytes: usize) -> Vec<String> {
        let parts = |name: &String| match self.parts.get(name) {
            Some(parts) => parts.clone(),
            None => vec![name.clone()],
        };
        let silent = self.hosts.iter().filter(|(_, host)| host.verdict.is_none());
        let silent: Vec<Vec<String>> = silent.map(|(name, _)| parts(name)).collect();
        silent::matchers(&self.naming.host_labels, &silent, most_bytes)
    }

    /// What all of it amounts to.
    pub fn finish(mut self) -> Fleet {
        for (name, past) in std::mem::take(&mut self.past) {
            if let Some(host) = self.hosts.get_mut(&name).filter(|host| host.verdict.is_none()) {
                host.group = host.group.take().or(past.group);
                host.held = host.held.take().or(past.held);
            }
        }
        let (at_ms, stale_after_ms) = (self.at_ms, self.naming.stale_after_ms);
        let is_ahead = |host: &&FleetHost| reading(host, at_ms, stale_after_ms) == Reading::Ahead;
        let ahead: Vec<&str> =
            self.hosts.values().filter(is_ahead).map(|host| host.name.as_str()).collect();
        if let Some(named) = ahead.get(..ahead.len().min(MOST_NAMED)).filter(|n| !n.is_empty()) {
            self.notes.insert(format!(
                "the readings of some hosts are of the future and count as none ({} of them): see \
                 that clocks are right there, such as at {}",
                ahead.len(),
                named.join(", ")
            ));
        }
        for (name, targets) in &self.booted {
            let (first, last) = (targets.values().min(), targets.values().max());
            let apart = first.zip(last).map_or(0, |(first, last)| last.abs_diff(*first));
            if apart > SAME_BOOT_MS
                && let Some(host) = self.hosts.get_mut(name)
            {
                host.namesakes = true;
                self.notes.insert(format!(
                    "several targets are called {name} and booted at different times: name more \
                     labels with --host-label, such as cluster and instance"
                ));
            }
        }
        if !self.hosts.is_empty() && !self.jobs_known {
            self.notes.insert(
                "no job of that name is known to the API, so targets that never answered cannot be \
                 listed: name the job that scrapes the agents with --job"
                    .to_owned(),
            );
        }
        if self.nameless > 0 {
            self.lacks.insert(format!(
                "{} series lack a label that names the host ({}) and were left out: name others \
                 with --host-label",
                self.nameless,
                self.naming.host_labels.join(", ")
            ));
        }
        if self.no_numbers > 0 {
            self.notes
                .insert(format!("{} samples held no number and were left out", self.no_numbers));
        }
        Fleet {
            at_ms: self.at_ms,
            look_back_ms: self.look_back_ms,
            host_labels: self.naming.host_labels,
            group_by: self.naming.group_by,
            hosts: self
                .hosts
                .into_values()
                .map(|host| tidied(fresh(host, at_ms, stale_after_ms)))
                .collect(),
            has_trends: self.has_trends,
            lacks: self.lacks.into_iter().collect(),
            notes: self.notes.into_iter().collect(),
        }
    }
}

impl Naming {
    /// The group that the labels of a target say.
    fn group(&self, labels: &Labels<'_>) -> Option<String> {
        let group = self.group_by.as_ref().and_then(|by| label(labels, by))?;
        (!group.is_empty()).then(|| group.to_owned())
    }

    /// The label of a target that says that the host is left alone.
    fn held(&self, labels: &Labels<'_>) -> Option<String> {
        let hold = self.hold_label.as_ref()?;
        let said = label(labels, hold)?;
        let holds = !["", "false", "no", "0"].contains(&said);
        holds.then(|| format!("label {hold}={said}"))
    }
}

/// Takes in what a sample says of its host.
fn told(host: &mut FleetHost, family: Family, labels: &Labels<'_>, value: f64) {
    let text = |name: &str| label(labels, name).unwrap_or_default().to_owned();
    let verdict = || of_verdict(label(labels, "verdict").unwrap_or_default());
    let holds = value > 0.0;
    match family {
        Family::Seen => host.last_seen_ms = host.last_seen_ms.max(milliseconds(value)),
        Family::Interval => {
            let interval = Duration::try_from_secs_f64(value).ok().map(|time| time.as_secs());
            host.interval_s = host.interval_s.max(interval);
        }
        // One server that reaches it is enough.
        Family::Up => host.answers = Some(host.answers == Some(true) || holds),
        Family::Verdict if holds => host.verdict = host.verdict.max(Some(verdict())),
        Family::LastVerdict if holds => host.last_verdict = host.last_verdict.max(Some(verdict())),
        Family::Finding if holds => host.findings.push(FleetFinding {
            verdict: verdict(),
            code: text("code"),
            subject: text("subject"),
            action: text("action"),
        }),
        Family::Coverage if holds => {
            let said = text("state");
            let state = CoverageState::ALL.into_iter().find(|state| state.as_str() == said);
            let state = state.unwrap_or(CoverageState::Unknown);
            let worse = |known: Option<CoverageState>| {
                Some(known.map_or(state, |known| known.worse(state)))
            };
            match text("class").as_str() {
                "correctable" => host.correctable = worse(host.correctable),
                "uncorrectable" => host.uncorrectable = worse(host.uncorrectable),
                _ => {}
            }
        }
        Family::Gap if holds => host.gaps.push(text("code")),
        Family::Reboot if holds => {
            let said = text("answer");
            let answer = RebootAnswer::ALL.into_iter().find(|answer| answer.as_str() == said);
            host.reboot = host.reboot.max(answer.or(Some(RebootAnswer::Unknown)));
        }
        Family::RebootSince => {
            let since = milliseconds(value);
            host.reboot_since_ms = match host.reboot_since_ms {
                Some(known) => Some(since.map_or(known, |since| since.min(known))),
                None => since,
            };
        }
        Family::RebootReason if holds => {
            host.reboot_reasons.push(Reason { code: text("code"), subject: text("subject") });
        }
        // A server that has not yet seen the reboot tells of the boot before.
        Family::BootTime => host.boot_ms = host.boot_ms.max(milliseconds(value)),
        Family::Stick if holds => {
            let stick = stick(host, text("module"), text("slot"));
            stick.verdict = stick.verdict.max(Some(verdict()));
        }
        Family::Risk => {
            let stick = stick(host, text("module"), text("slot"));
            stick.risk = Some(stick.risk.map_or(value, |known| known.max(value)));
        }
        Family::Trend => {
            let stick = stick(host, text("module"), text("slot"));
            stick.p_rising = Some(stick.p_rising.map_or(value, |known| known.min(value)));
        }
        Family::Ack => host.acks.extend(milliseconds(value).map(|until_ms| FleetAck {
            code: text("code"),
            subject: text("subject"),
            until_ms,
        })),
        Family::Cves => {
            let count = Duration::try_from_secs_f64(value).ok().map(|count| count.as_secs());
            match text("state").as_str() {
                "debt" => host.cves_owed = host.cves_owed.max(count),
                "mitigated" => host.cves_mitigated = host.cves_mitigated.max(count),
                "in_flight" => host.cves_in_flight = host.cves_in_flight.max(count),
                _ => {}
            }
        }
        Family::Exposure => {
            let exposed = Duration::try_from_secs_f64(value).ok().map(|exposed| exposed.as_secs());
            host.exposed_s = host.exposed_s.max(exposed);
        }
        Family::SupportEnd => {
            let end = milliseconds(value);
            let is_first =
                end.is_some_and(|end| host.support_end_ms.is_none_or(|known| end < known));
            if is_first {
                host.support_end_ms = end;
                host.support_basis = Some(text("basis"));
            }
        }
        Family::Verdict
        | Family::LastVerdict
        | Family::Finding
        | Family::Coverage
        | Family::Gap
        | Family::Reboot
        | Family::RebootReason
        | Family::Stick => {}
    }
}

/// Of when the readings of a host are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    Fresh,
    Old,
    /// Of the future: nobody knows of when they are.
    Ahead,
}

fn reading(host: &FleetHost, at_ms: i64, stale_after_ms: i64) -> Reading {
    let interval_ms = host.interval_s.and_then(|s| i64::try_from(s).ok()).unwrap_or(0);
    let planned_ms = interval_ms.saturating_mul(1000).saturating_mul(MISSED_PASSES);
    let limit_ms = stale_after_ms.max(planned_ms);
    let Some(seen_ms) = host.last_seen_ms else { return Reading::Fresh };
    if at_ms.saturating_sub(seen_ms) > limit_ms {
        Reading::Old
    } else if seen_ms.saturating_sub(at_ms) > limit_ms {
        Reading::Ahead
    } else {
        Reading::Fresh
    }
}

/// A verdict that rests on old readings is none. An agent says so itself; a file that somebody else
/// exports does not, and stays when its agent is gone. Of a host without a verdict no other value is
/// kept either: it would be taken for how the host is.
fn fresh(mut host: FleetHost, at_ms: i64, stale_after_ms: i64) -> FleetHost {
    if reading(&host, at_ms, stale_after_ms) != Reading::Fresh {
        host.last_verdict = host.last_verdict.max(host.verdict.take());
    }
    if host.is_reporting() {
        return host;
    }
    FleetHost {
        name: host.name,
        group: host.group,
        last_seen_ms: host.last_seen_ms,
        interval_s: host.interval_s,
        last_verdict: host.last_verdict,
        answers: host.answers,
        held: host.held,
        namesakes: host.namesakes,
        ..FleetHost::default()
    }
}

/// Findings that two servers tell are one, with the worse verdict; the worst come first.
fn tidied(mut host: FleetHost) -> FleetHost {
    host.findings.sort_by(|a, b| {
        let key = |finding: &FleetFinding| (finding.code.clone(), finding.subject.clone());
        key(a).cmp(&key(b)).then(b.verdict.cmp(&a.verdict))
    });
    host.findings.dedup_by(|a, b| a.code == b.code && a.subject == b.subject);
    host.findings.sort_by(|a, b| {
        let (a_weight, b_weight) = (weight(a), weight(b));
        b.verdict.cmp(&a.verdict).then(b_weight.cmp(&a_weight))
    });
    host.gaps.sort_unstable();
    host.gaps.dedup();
    host.reboot_reasons.sort_unstable();
    host.reboot_reasons.dedup();
    host.sticks.sort_by(|a, b| (&a.slot, &a.module).cmp(&(&b.slot, &b.module)));
    host
}

/// Of findings that are as bad, the one with more to do decides.
fn weight(finding: &FleetFinding) -> Option<Action> {
    Action::parse(&finding.action)
}

fn stick(host: &mut FleetHost, module: String, slot: String) -> &mut FleetStick {
    let is_it = |stick: &FleetStick| stick.module == module && stick.slot == slot;
    let index = host.sticks.iter().position(is_it).unwrap_or_else(|| {
        let (verdict, risk, p_rising) = (None, None, None);
        let (module, slot) = (module.clone(), slot.clone());
        host.sticks.push(FleetStick { module, slot, verdict, risk, p_rising });
        host.sticks.len() - 1
    });
    // It was found, or put there.
    #[expect(clippy::indexing_slicing, reason = "the index was found or made above")]
    &mut host.sticks[index]
}

fn of_verdict(word: &str) -> Verdict {
    // A word of a newer agent is no reason to call a host well.
    Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word).unwrap_or(Verdict::Unknown)
}

fn label<'l>(labels: &'l Labels<'_>, name: &str) -> Option<&'l str> {
    labels.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
}

/// Seconds since the Unix epoch, in milliseconds. What lies before it is no moment of ours.
fn milliseconds(seconds: f64) -> Option<i64> {
    let since = Duration::try_from_secs_f64(seconds).ok()?;
    i64::try_from(since.as_millis()).ok()
}

#[cfg(test)]
mod tests;
