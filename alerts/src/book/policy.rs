//! How long an alert is waited for, kept, and when it is told again: by verdict, and as the
//! configuration overrides it for some.

use scrubjay_model::{AlertKey, Verdict};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// Reminders after a day, three days, a week, and then each week: whoever was told and does nothing
/// has decided so, and is asked again less and less.
pub const DEFAULT_REMINDERS: [Duration; 3] = [DAY, DAY.saturating_mul(3), DAY.saturating_mul(7)];

/// How long one that is resolved stays in the book, so that it is still seen what it was. What is
/// told of it waits in the outbox for itself.
pub const RESOLVED_KEPT: Duration = DAY;

/// What is asked of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPolicy {
    /// What is less bad is no alert.
    pub minimum: Verdict,
    /// After which times it is told again that an alert still fires; the last one is repeated.
    /// Empty for never.
    pub reminders: Vec<Duration>,
    /// What is different for some; of two that speak of the same, the later one holds.
    pub overrides: Vec<AlertOverride>,
}

impl Default for AlertPolicy {
    /// Not knowing is an alert too: it outranks being well.
    fn default() -> Self {
        let reminders = DEFAULT_REMINDERS.to_vec();
        Self { minimum: Verdict::Unknown, reminders, overrides: Vec::new() }
    }
}

/// What is different for some alerts. What is `None` is as otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertOverride {
    /// Codes it is for, `*` and `?` standing for anything; `None` for all.
    pub code: Option<String>,
    /// Subjects it is for, likewise.
    pub subject: Option<String>,
    /// Whether nothing is told of them. They are in the book and shown all the same.
    pub silence: Option<bool>,
    /// What is less bad is no alert.
    pub minimum: Option<Verdict>,
    /// How long they are waited for.
    pub wait: Option<Duration>,
    /// How long they are kept when they are not seen any more.
    pub keep: Option<Duration>,
    /// When they are told again.
    pub reminders: Option<Vec<Duration>>,
}

/// How long an alert is waited for and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// It is to be seen for so long before it fires.
    pub wait: Duration,
    /// It is not to be seen for so long before it is resolved, or told to be less bad.
    pub keep: Duration,
}

impl Timing {
    /// What is to be acted on now is told at once. What can be planned may wait until a second look
    /// has seen it too. What is to be watched, or cannot be seen, may mend itself: a driver is
    /// loaded anew, a package manager is at work.
    pub fn of(verdict: Verdict) -> Self {
        let (wait, keep) = match verdict {
            Verdict::Act => (Duration::ZERO, 15 * MINUTE),
            Verdict::Plan => (5 * MINUTE, HOUR),
            Verdict::Watch | Verdict::Unknown | Verdict::Ok => (15 * MINUTE, HOUR),
        };
        Self { wait, keep }
    }
}

/// What holds for one alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule<'p> {
    /// See [`AlertOverride::silence`].
    pub silence: bool,
    /// See [`AlertPolicy::minimum`].
    pub minimum: Verdict,
    /// See [`Timing`].
    pub timing: Timing,
    /// See [`AlertPolicy::reminders`].
    pub reminders: &'p [Duration],
}

impl AlertPolicy {
    /// What holds for an alert that is so bad.
    pub fn rule(&self, key: &AlertKey, verdict: Verdict) -> AlertRule<'_> {
        let mut rule = AlertRule {
            silence: false,
            minimum: self.minimum,
            timing: Timing::of(verdict),
            reminders: &self.reminders,
        };
        for other in self.overrides.iter().filter(|other| other.is_for(key)) {
            let AlertOverride { code: _, subject: _, silence, minimum, wait, keep, reminders } =
                other;
            rule.silence = silence.unwrap_or(rule.silence);
            rule.minimum = minimum.unwrap_or(rule.minimum);
            rule.timing.wait = wait.unwrap_or(rule.timing.wait);
            rule.timing.keep = keep.unwrap_or(rule.timing.keep);
            rule.reminders = reminders.as_deref().unwrap_or(rule.reminders);
        }
        rule
    }
}

impl AlertOverride {
    fn is_for(&self, key: &AlertKey) -> bool {
        let fits = |glob: &Option<String>, text: &str| {
            glob.as_ref().is_none_or(|glob| glob_matches(glob, text))
        };
        fits(&self.code, &key.code) && fits(&self.subject, &key.subject)
    }
}

/// Whether a text is as a pattern has it: `*` stands for any characters or none, `?` for one.
/// Linear in the product of both, whatever they are.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Which beginnings of the text the pattern so far may be.
    let mut may_end: Vec<bool> = std::iter::once(true).chain(text.iter().map(|_| false)).collect();
    for wanted in glob.chars() {
        let before = may_end.clone();
        let mut any = false;
        for (end, may) in may_end.iter_mut().enumerate() {
            let was = before.get(end).copied().unwrap_or(false);
            let after_one =
                end.checked_sub(1).and_then(|end| Some((before.get(end)?, text.get(end)?)));
            any |= was;
            *may = match wanted {
                '*' => any,
                '?' => after_one.is_some_and(|(before, _)| *before),
                wanted => after_one.is_some_and(|(before, found)| *before && *found == wanted),
            };
        }
    }
    may_end.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_a_shell_has_it() {
        for (glob, text, expect) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("mc0/*", "mc0/dimm3", true),
            ("mc0/*", "mc1/dimm3", false),
            ("*dimm?", "skylake-socket-0-imc-0/dimm3", true),
            ("*dimm?", "skylake-socket-0-imc-0/dimm13", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("livepatch-*", "livepatch-failed", true),
            ("é?", "éé", true),
        ] {
            assert_eq!(glob_matches(glob, text), expect, "{glob} {text}");
        }
        // Would take for ever where every star is tried at every place.
        assert!(!glob_matches(&"*a".repeat(50), &"b".repeat(2_000)));
    }

    #[test]
    fn the_last_override_that_speaks_of_something_holds() {
        let of = |code: Option<&str>, subject: Option<&str>| AlertOverride {
            code: code.map(str::to_owned),
            subject: subject.map(str::to_owned),
            ..AlertOverride::default()
        };
        let policy = AlertPolicy {
            overrides: vec![
                AlertOverride { wait: Some(HOUR), silence: Some(true), ..of(Some("c*"), None) },
                AlertOverride { silence: Some(false), ..of(Some("c*"), Some("mc0/*")) },
                AlertOverride {
                    keep: Some(DAY),
                    minimum: Some(Verdict::Act),
                    ..of(None, Some("mc1/?"))
                },
            ],
            ..AlertPolicy::default()
        };
        let rule = |code, subject| policy.rule(&AlertKey::new(code, subject), Verdict::Plan);
        let plain = rule("d", "mc0/x");
        assert_eq!((plain.silence, plain.timing), (false, Timing::of(Verdict::Plan)));
        assert_eq!(plain.reminders, DEFAULT_REMINDERS);
        assert!(rule("c", "mc2/x").silence);
        let both = rule("c", "mc0/x");
        assert_eq!((both.silence, both.timing.wait), (false, HOUR));
        let last = rule("c", "mc1/x");
        assert_eq!((last.silence, last.minimum, last.timing.keep), (true, Verdict::Act, DAY));
    }

    #[test]
    fn what_is_worse_is_waited_for_less() {
        for pair in Verdict::ALL.windows(2) {
            assert!(Timing::of(pair[0]).wait >= Timing::of(pair[1]).wait);
            assert!(Timing::of(pair[0]).keep >= Timing::of(pair[1]).keep);
        }
    }
}
