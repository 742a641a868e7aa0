//! Shorthand for building findings, and for the words in them.

use scrubjay_model::{Action, Finding, NonValue, Origin, ReadFault, RebootHelps, Verdict};
use std::fmt;

/// A finding on the host as a whole that a reboot does not mend; the builder methods change that.
pub(crate) fn finding(
    code: &'static str,
    verdict: Verdict,
    action: Action,
    because: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        code,
        verdict,
        subject: "host".to_owned(),
        because: because.into(),
        action,
        remedy: remedy.into(),
        reboot_helps: RebootHelps::No,
        origin: None,
        hides: &[],
        count: None,
    }
}

/// Details of a finding.
pub(crate) trait FindingExt {
    /// What it is about.
    fn on(self, subject: impl Into<String>) -> Self;
    /// Whether a reboot mends it.
    fn reboot(self, helps: RebootHelps) -> Self;
    /// Where the evidence is.
    fn seen_in(self, path: impl Into<String>) -> Self;
    /// How many errors it is about, over all time as far as is known.
    fn counting(self, count: u64) -> Self;
}

impl FindingExt for Finding {
    fn on(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    fn reboot(self, reboot_helps: RebootHelps) -> Self {
        Self { reboot_helps, ..self }
    }

    fn seen_in(self, path: impl Into<String>) -> Self {
        Self { origin: Some(Origin::new(path)), ..self }
    }

    fn counting(self, count: u64) -> Self {
        Self { count: Some(count), ..self }
    }
}

/// A count with its noun: `1 page`, `2 pages`.
pub(crate) fn many<N: fmt::Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// The first `most` of a list as words: `a, b and 3 more`.
pub(crate) fn listed(names: &[String], most: usize) -> String {
    let (shown, rest) = names.split_at(names.len().min(most));
    let mut parts: Vec<String> = shown.to_vec();
    if !rest.is_empty() {
        parts.push(format!("{} more", rest.len()));
    }
    match parts.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// An amount of memory in whole KiB, or in whole MiB from ten of them on.
pub(crate) fn amount(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    if bytes < 10 * MIB { format!("{} KiB", bytes / KIB) } else { format!("{} MiB", bytes / MIB) }
}

/// What can be done about something that gave no value.
pub(crate) fn mend(why: &NonValue) -> &'static str {
    match why {
        NonValue::Absent(_) => "see scrubjay doctor for what its absence means",
        NonValue::Unreadable(_, ReadFault::Denied) => {
            "give the agent the privilege that scrubjay doctor names for this source; where doctor reads \
             it, restart the agent, which is kept to the folders that were there at its start"
        }
        NonValue::Unreadable(_, ReadFault::Deadline | ReadFault::StillRunning) => {
            "a driver or the firmware does not answer: look for \"blocked for more than\" in the \
             kernel log; the other sources are still read"
        }
        NonValue::Unreadable(_, ReadFault::Torn) => {
            "something resets the counters over and over: find out who writes to reset_counters, \
             or why the driver is reloaded"
        }
        NonValue::Unreadable(_, ReadFault::NotAFile | ReadFault::Io(_) | ReadFault::Panicked) => {
            "see scrubjay doctor for every path and reason, and the kernel log for the driver"
        }
        NonValue::Unreadable(_, ReadFault::NoThread) => {
            "the agent may start no more threads: raise TasksMax= of its unit, or find what fills \
             the machine with tasks"
        }
        NonValue::Malformed(..) => {
            "this kernel writes what scrubjay does not know: please report it with the output of \
             scrubjay capture"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_agree_with_their_counts() {
        assert_eq!(many(0_u64, "page"), "0 pages");
        assert_eq!(many(1_u64, "page"), "1 page");
        assert_eq!(many(2_usize, "page"), "2 pages");
    }

    #[test]
    fn long_lists_are_cut_and_say_by_how_much() {
        let names: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).to_vec();
        assert_eq!(listed(&names[..1], 3), "a");
        assert_eq!(listed(&names[..2], 3), "a and b");
        assert_eq!(listed(&names[..3], 3), "a, b and c");
        assert_eq!(listed(&names, 3), "a, b, c and 2 more");
        assert_eq!(listed(&[], 3), "none");
    }

    #[test]
    fn memory_is_told_in_a_unit_one_can_grasp() {
        assert_eq!(amount(4096), "4 KiB");
        assert_eq!(amount(10 << 20), "10 MiB");
        assert_eq!(amount(u64::MAX), "17592186044415 MiB");
    }
}
