//! What the records of a log say, and what is made of a whole log.

use super::*;
use crate::host::LogPart;
use proptest::prelude::*;
use scrubjay_model::{ForcedPatch, KernelLog, LivepatchFact, LogFact, LogFamily, PatchDirection};
use std::time::Duration;

fn records(text: &str) -> Vec<Record> {
    text.lines().map(|line| Record::from_kmsg(line.as_bytes()).unwrap()).collect()
}

fn facts(text: &str) -> Vec<LogFact> {
    log_facts(&records(text)).into_iter().map(|entry| entry.fact).collect()
}

fn digest(text: &str) -> KernelLog {
    let mut digest = Digest::new();
    for line in text.lines() {
        digest.take(LogPart::Record(line.as_bytes()));
    }
    let (log, malformed) = digest.finish();
    assert_eq!(malformed, None);
    log
}

fn forced(micros: u64, patch: Option<&str>) -> ForcedPatch {
    ForcedPatch { awake: Duration::from_micros(micros), patch: patch.map(str::to_owned) }
}

/// A transition that was forced, with other records between.
const FORCED: &str = "\
5,800,60000000,-;livepatch: enabling patch 'lp_stall'
5,801,60000100,-;livepatch: 'lp_stall': starting patching transition
6,802,61000000,-;usb 1-1: new high-speed USB device number 4 using xhci_hcd
5,803,75000000,-;livepatch: signaling remaining tasks
4,804,90000000,-;livepatch: forcing remaining tasks to the patched state
5,805,95000000,-;livepatch: 'lp_stall': patching complete
";

#[test]
fn a_transition_is_told_from_beginning_to_end() {
    let patch = || "lp_stall".to_owned();
    let towards = PatchDirection::Patching;
    assert_eq!(
        facts(FORCED),
        [
            LivepatchFact::Enabling { patch: patch() },
            LivepatchFact::Started { patch: patch(), towards },
            LivepatchFact::Signaling,
            LivepatchFact::Forced { patch: Some(patch()) },
            LivepatchFact::Completed { patch: patch(), towards },
        ]
        .map(LogFact::Livepatch)
    );
    let back = "5,1,2,-;livepatch: 'a': starting unpatching transition\n\
                5,2,3,-;livepatch: 'a': unpatching complete";
    let towards = PatchDirection::Unpatching;
    let patch = || "a".to_owned();
    assert_eq!(
        facts(back),
        [
            LivepatchFact::Started { patch: patch(), towards },
            LivepatchFact::Completed { patch: patch(), towards },
        ]
        .map(LogFact::Livepatch)
    );
}

#[test]
fn the_forced_patch_is_the_one_in_transition() {
    let log = digest(FORCED);
    assert_eq!(log.forced, [forced(90_000_000, Some("lp_stall"))]);
    assert_eq!((log.records, log.lost), (6, 0));
    // The next one is a transition of its own.
    let again = FORCED.replace("lp_stall", "lp_2").replace("90000000", "190000000");
    let both = format!("{FORCED}{again}");
    let names = [forced(90_000_000, Some("lp_stall")), forced(190_000_000, Some("lp_2"))];
    assert_eq!(digest(&both).forced, names);
}

#[test]
fn a_forced_patch_whose_beginning_is_lost_is_named_by_its_end_or_not_at_all() {
    let lines: Vec<&str> = FORCED.lines().collect();
    let end = lines[4..].join("\n");
    assert_eq!(digest(&end).forced, [forced(90_000_000, Some("lp_stall"))]);
    assert_eq!(digest(lines[4]).forced, [forced(90_000_000, None)]);
    // A transition that ended before is not the one that was forced.
    let other = "5,1,1,-;livepatch: 'old': patching complete\n";
    assert_eq!(digest(&format!("{other}{}", lines[4])).forced, [forced(90_000_000, None)]);
}

#[test]
fn what_a_program_writes_to_the_log_forces_nothing() {
    let feigned = FORCED.replace("4,804", "12,804");
    assert_eq!(digest(&feigned).forced, []);
    // The kernel begins each line itself, so these words elsewhere are somebody's name.
    let named = "6,1,2,-;usb 1-1: livepatch: forcing remaining tasks to the patched state";
    assert_eq!(facts(named), []);
}

#[test]
fn a_line_of_the_live_patch_core_that_is_not_known_is_kept() {
    let found = facts("3,1,2,-;livepatch: failed to enable patch 'lp_1'");
    let text = "livepatch: failed to enable patch 'lp_1'".to_owned();
    assert_eq!(found, [LogFact::NotUnderstood { family: LogFamily::Livepatch, text }]);
    let long = facts(&format!("3,1,2,-;livepatch: {}", "é".repeat(500)));
    let [LogFact::NotUnderstood { text, .. }] = long.as_slice() else { panic!("{long:?}") };
    assert_eq!(text.chars().count(), LogFact::MAX_TEXT + 1);
}

#[test]
fn records_that_are_missing_are_counted_and_the_log_is_then_not_complete() {
    let log = digest("6,0,0,-;a\n6,1,1,-;b");
    assert!(log.is_complete() && log.lost == 0);
    let log = digest("6,0,0,-;a\n6,5,1,-;b\n6,6,1,-;c");
    assert_eq!((log.records, log.lost, log.is_complete()), (3, 4, false));
    assert!(!digest("6,1,0,-;a").is_complete());
    assert!(!digest("").is_complete());
}

#[test]
fn a_log_that_grew_faster_than_it_was_read_is_not_complete() {
    let mut digest = Digest::new();
    digest.take(LogPart::Record(b"6,0,0,-;a"));
    digest.take(LogPart::Limit);
    let (log, _) = digest.finish();
    assert!(log.cut && !log.is_complete());
}

#[test]
fn records_left_out_of_a_capture_are_neither_lost_nor_forgotten() {
    let mut digest = Digest::new();
    digest.take(LogPart::Record(b"6,0,0,-;a"));
    digest.take(LogPart::LeftOut(7));
    digest.take(LogPart::Record(b"6,8,1,-;b"));
    let (log, _) = digest.finish();
    assert_eq!((log.records, log.lost, log.is_complete()), (9, 0, true));
}

#[test]
fn the_first_record_of_no_known_form_is_told() {
    let mut digest = Digest::new();
    for record in ["6,0,0,-;a", "nonsense", "more"] {
        digest.take(LogPart::Record(record.as_bytes()));
    }
    let (log, malformed) = digest.finish();
    assert_eq!(log.records, 1);
    assert_eq!(malformed.unwrap().found, "nonsense");
}

proptest! {
    #[test]
    fn any_text_of_the_kernel_is_read_without_panic(
        lines in proptest::collection::vec("(livepatch: )?('[a-z']{0,3}': )?.{0,20}", 0..20),
    ) {
        let log: Vec<Record> = (0..)
            .zip(&lines)
            .map(|(sequence, line)| Record {
                at: scrubjay_model::LogMark { sequence: Some(sequence), awake: None },
                origin: RecordOrigin::Kernel,
                text: line.clone(),
            })
            .collect();
        let marked: usize =
            lines.iter().flat_map(|l| l.lines()).filter(|l| l.starts_with("livepatch: ")).count();
        prop_assert_eq!(log_facts(&log).len(), marked, "each marked line is told or kept");
    }
}

mod families;
