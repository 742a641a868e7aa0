//! Why a boot ended, as far as anything was left that says so.
//!
//! Three things are: the kernel log of a panic with the time it was written (pstore), a watchdog
//! that says it reset the machine, seen in the next boot, and a kernel that was loaded for kexec
//! when the boot was last seen. A power loss leaves nothing, and neither does a reset; they are
//! never told apart.

use crate::{
    BootEnd, BootId, BootLine, BootRecord, BootStatus, KEXEC_LOADED, PANIC_RECORD, WATCHDOG_STATUS,
    span,
};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

/// Why a boot ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootCause {
    /// The kernel panicked.
    Panic,
    /// A watchdog reset the machine.
    Watchdog,
    /// The next kernel was started by kexec, without firmware.
    Kexec,
    /// It was cut off, and nothing says by what: power loss, reset, or a crash without a record.
    NotKnown,
}

/// A change of one of the facts that tell of ends, in the order in which they were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootFact {
    /// The boot it was seen in.
    pub boot: BootId,
    /// Which fact: [`BootWitnesses::FACTS`].
    pub name: String,
    /// What it is about.
    pub subject: String,
    /// Its value, if it has one.
    pub value: Option<String>,
}

/// What was left that tells why boots ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BootWitnesses {
    /// Panics: when, in milliseconds since the Unix epoch, and what the log says.
    panics: Vec<(i64, String)>,
    /// Boots that a watchdog ended, with the watchdog.
    watchdogs: BTreeMap<BootId, String>,
    /// Boots at whose last sight a kernel was loaded for kexec.
    kexec_loaded: Vec<BootId>,
}

/// A kernel started by kexec begins within this of the orderly stop; firmware of a server alone
/// takes longer.
const KEXEC_WITHIN: Duration = Duration::from_secs(30);

impl BootCause {
    /// All causes.
    pub const ALL: [Self; 4] = [Self::Panic, Self::Watchdog, Self::Kexec, Self::NotKnown];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Panic => "panic",
            Self::Watchdog => "watchdog",
            Self::Kexec => "kexec",
            Self::NotKnown => "not_known",
        }
    }
}

type Subjects<'a> = BTreeMap<(&'a str, &'a str), Option<&'a str>>;

impl BootWitnesses {
    /// The facts it is made of.
    pub const FACTS: [&'static str; 3] = [KEXEC_LOADED, WATCHDOG_STATUS, PANIC_RECORD];

    /// Goes through the boots in the order in which they were seen, with the changes of facts.
    pub fn of(boots: &[BootRecord], changes: &[BootFact]) -> Self {
        let mut found = Self::default();
        let mut by_boot: BTreeMap<&BootId, Vec<&BootFact>> = BTreeMap::new();
        for change in changes {
            by_boot.entry(&change.boot).or_default().push(change);
            let value = change.value.as_deref().filter(|_| change.name == PANIC_RECORD);
            if let Some((wall_s, line)) = value.and_then(|value| value.split_once(' '))
                && let Some(wall_ms) = wall_s.parse::<i64>().ok().and_then(|s| s.checked_mul(1000))
            {
                found.panics.push((wall_ms, line.to_owned()));
            }
        }
        found.panics.sort();
        let mut known: Subjects<'_> = BTreeMap::new();
        let mut previous: Option<&BootId> = None;
        for record in boots {
            let changed = by_boot.get(&record.boot).map_or(&[][..], Vec::as_slice);
            // What a watchdog says is of the whole boot, also where it was read late in it. One that
            // did not change says the same of this one.
            let mut says = known.clone();
            for change in changed {
                let key = (change.name.as_str(), change.subject.as_str());
                if change.value.is_some() || !says.contains_key(&key) {
                    says.insert(key, change.value.as_deref());
                }
                known.insert(key, change.value.as_deref());
            }
            if let (Some(previous), Some(watchdog)) = (previous, watchdog(&says)) {
                found.watchdogs.insert(previous.clone(), watchdog.to_owned());
            }
            if known.get(&(KEXEC_LOADED, "")).copied().flatten() == Some("true") {
                found.kexec_loaded.push(record.boot.clone());
            }
            previous = Some(&record.boot);
        }
        found.kexec_loaded.sort();
        found
    }

    /// Says of each boot why it ended, as far as is known. The lines are in order.
    pub fn explain(&self, lines: &mut [BootLine]) {
        let next: Vec<Option<i64>> =
            lines.iter().skip(1).map(|line| line.booted_wall_ms).chain([None]).collect();
        for (line, next) in lines.iter_mut().zip(next) {
            match line.end {
                BootEnd::Unclean => self.explain_unclean(line, next),
                BootEnd::Clean => self.explain_clean(line, next),
                BootEnd::Running | BootEnd::Unknown => {}
            }
        }
    }

    fn explain_unclean(&self, line: &mut BootLine, next_wall_ms: Option<i64>) {
        // Of a boot that no other follows it cannot be told which one a panic was in.
        let panic = line
            .booted_wall_ms
            .zip(next_wall_ms)
            .and_then(|(begun, next)| self.panic_between(begun, next));
        let watchdog = line.boot.as_ref().and_then(|boot| self.watchdogs.get(boot));
        let (cause, why) = match (panic, watchdog) {
            (Some(""), _) => {
                (BootCause::Panic, "The kernel left a part of the log of a panic.".into())
            }
            (Some(panic), _) => {
                (BootCause::Panic, format!("The kernel left the log of a panic: {panic}.").into())
            }
            (None, Some(name)) => (
                BootCause::Watchdog,
                format!("In the next boot seen, {name} says that it reset the machine.").into(),
            ),
            (None, None) => (
                BootCause::NotKnown,
                Cow::Borrowed(
                    "No record of a crash was found: power loss, reset or a crash that left none, \
                     not known which.",
                ),
            ),
        };
        line.cause = Some(cause);
        line.evidence.push(' ');
        line.evidence.push_str(&why);
    }

    fn explain_clean(&self, line: &mut BootLine, next_wall_ms: Option<i64>) {
        let loaded =
            line.boot.as_ref().is_some_and(|boot| self.kexec_loaded.binary_search(boot).is_ok());
        let (Some(next), Some(ended)) = (next_wall_ms, line.ended_wall_ms) else { return };
        let Ok(gap) = u64::try_from(next.saturating_sub(ended)).map(Duration::from_millis) else {
            return;
        };
        if loaded && gap <= KEXEC_WITHIN {
            line.cause = Some(BootCause::Kexec);
            line.evidence = format!(
                "{} A kernel was loaded for kexec, and the next one began {} later.",
                line.evidence,
                span(gap)
            );
        }
    }

    /// What the last panic between the beginnings of two boots says; empty if its line is lost.
    fn panic_between(&self, from_ms: i64, to_ms: i64) -> Option<&str> {
        let end = self.panics.partition_point(|(at, _)| *at <= to_ms);
        let (at, line) = self.panics.iter().take(end).next_back()?;
        (*at >= from_ms).then_some(line.trim_end_matches('.'))
    }
}

fn watchdog<'a>(says: &Subjects<'a>) -> Option<&'a str> {
    says.iter().find_map(|((name, subject), value)| {
        let status: u64 = value.filter(|_| *name == WATCHDOG_STATUS)?.parse().ok()?;
        BootStatus(status).reset_by_watchdog().then_some(*subject)
    })
}

#[cfg(test)]
mod tests;
