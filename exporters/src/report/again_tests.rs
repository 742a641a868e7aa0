//! Reports that are read back from JSON: they are the same, and whoever altered a figure is found out.

use super::tests::{BEGIN, DAY_MS, exposure, report, stretch};
use super::*;
use proptest::prelude::*;
use scrubjay_model::{
    BundleCheck, BundleEvidence, BundleFault, BundleFaultKind, BundleSigner, Deadline,
    ReportedFact, disagreements, evidence_report,
};
use std::collections::BTreeSet;

/// Open and closed ones, in time and not.
fn sample() -> Report {
    let exposures = [
        exposure(1, 0, Some(10)),
        exposure(2, 0, Some(80)),
        exposure(3, 20, None),
        exposure(4, 85, None),
    ];
    report(90, &exposures, &[stretch(0, 60), stretch(62, 90)])
}

fn read(text: &str) -> Report {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_report_that_is_read_back_is_the_same_to_the_byte() {
    for report in [sample(), report(1, &[], &[]), report(3_650, &[], &[stretch(0, 3_650)])] {
        let text = json(&report).unwrap();
        let again = read(&text);
        assert_eq!(again, report);
        assert_eq!(json(&again).unwrap(), text);
        assert_eq!(disagreements(&again), []);
    }
}

/// Which figures are found to disagree once something was altered.
fn found(alter: impl FnOnce(&mut Report)) -> Vec<String> {
    let mut report = sample();
    alter(&mut report);
    disagreements(&report).into_iter().map(|one| one.figure).collect()
}

#[test]
fn whoever_alters_a_figure_or_a_row_is_found_out() {
    assert_eq!(found(|_| ()), [""; 0]);
    assert_eq!(found(|r| r.summary.sentence.push('!')), ["summary.sentence"]);
    assert_eq!(found(|r| r.summary.figures[0].value = "100.0 %".to_owned()), ["summary.figures"]);
    assert_eq!(found(|r| r.summary.unknown.clear()), ["summary.unknown"]);
    let late = found(|r| {
        let late = r.patches.exposures.iter_mut().find(|e| e.deadline == Deadline::Late).unwrap();
        late.deadline = Deadline::Met;
    });
    assert_eq!(late, ["patches.exposures[1]", "patches.classes"]);
    // Told away as a whole: the first page no longer follows.
    let gone = found(|r| {
        r.patches.exposures.retain(|e| e.deadline != Deadline::Late);
        r.patches.classes = scrubjay_model::classes_of_exposures(&r.patches.exposures, &r.policy);
    });
    assert_eq!(gone[..2], ["summary.sentence", "summary.figures"]);
    assert_eq!(found(|r| r.patches.live_patch_only = 1), ["patches.live_patch_only"]);
    assert_eq!(found(|r| r.availability.unknown_ms += 5_000), ["availability"]);
    assert_eq!(found(|r| r.availability.boots = 1), ["availability.boots"]);
    assert_eq!(found(|r| r.availability.unclean = 1), ["availability.unclean"]);
    let hidden = found(|r| {
        // Cut off in the period, and not counted.
        r.boots[0].booted_wall_ms = Some(BEGIN);
        r.boots[0].ended_wall_ms = Some(BEGIN + DAY_MS);
        r.boots[0].end = scrubjay_model::BootEnd::Unclean;
    });
    assert_eq!(hidden, ["availability.boots", "availability.unclean"]);
    assert_eq!(found(|r| r.coverage.not_watched_ms = 0), ["coverage"]);
    assert_eq!(found(|r| r.errors.corrected_on_none = Some(3)), ["errors.corrected_on_none"]);
    assert_eq!(found(|r| r.policy.days.clear()).len(), 5, "every row and the classes");
    assert_eq!(found(|r| r.patches.exposures[0].cve = "CVE".to_owned())[0], "patches.exposures[0]");
    let times = found(|r| r.period.to_wall_ms = r.period.at_wall_ms + 1);
    assert_eq!(times[0], "period");
}

/// What the history of a simulated host of two years showed: days that were longer by the clock of a boot than
/// by the wall's, and months that reach over an end of the period.
#[test]
fn what_clocks_and_calendars_do_is_no_disagreement() {
    assert_eq!(found(|r| r.availability.up_ms += 8_453), [""; 0]);
    assert_eq!(found(|r| r.months[0].from_wall_ms -= 5 * DAY_MS), [""; 0]);
    assert_eq!(found(|r| r.months[0].to_wall_ms = r.period.from_wall_ms), ["months[0]"]);
}

#[test]
fn numbers_that_no_host_has_are_no_panic() {
    let mut odd = sample();
    for month in &mut odd.months {
        month.owed = Some(u64::MAX);
        month.corrected = Some(u64::MAX);
        month.from_wall_ms = i64::MIN;
    }
    odd.period.from_wall_ms = i64::MIN;
    odd.coverage.watched_ms = u64::MAX;
    odd.patches.exposures[0].released_wall_ms = Some(i64::MIN);
    let _ = disagreements(&odd);
    let text = html(&document(&odd, "00"));
    assert!(text.contains("</html>"));
}

proptest! {
    #[test]
    fn reports_agree_with_themselves(
        days in 1_i64..800,
        owed in prop::collection::vec((0_i64..900, prop::option::of(0_i64..900)), 0..12),
        watched in prop::collection::vec((0_i64..800, 1_i64..300), 0..4),
    ) {
        let owed = (0_u32..).zip(owed);
        let exposures: Vec<_> = owed
            .map(|(n, (from, open_for))| exposure(n, from, open_for.map(|d| from + 1 + d)))
            .collect();
        let coverage: Vec<_> = watched.iter().map(|(from, len)| stretch(*from, from + len)).collect();
        let report = report(days, &exposures, &coverage);
        prop_assert_eq!(disagreements(&report), []);
        let text = json(&report).unwrap();
        prop_assert_eq!(json(&read(&text)).unwrap(), text);
    }
}

/// A bundle of this host that holds.
fn bundle(host: &str, alter: impl FnOnce(&mut Report)) -> BundleEvidence {
    let mut report = sample();
    report.host.name = Some(host.to_owned());
    alter(&mut report);
    BundleEvidence::of(&check(host, Vec::new()), Some(&report))
}

fn check(host: &str, faults: Vec<BundleFault>) -> BundleCheck {
    BundleCheck {
        host: Some(host.to_owned()),
        signer: Some(BundleSigner {
            key: "SHA256:abc".to_owned(),
            algorithm: "ssh-ed25519".to_owned(),
            identity: Some("ops@example".to_owned()),
        }),
        faults,
        ..BundleCheck::new(format!("bundles/{host}"))
    }
}

fn fact(name: &str, value: &str) -> ReportedFact {
    ReportedFact {
        since_wall_ms: BEGIN,
        name: name.to_owned(),
        subject: String::new(),
        value: Some(value.to_owned()),
        state: "ok".to_owned(),
    }
}

/// One host of each kind.
fn fleet() -> scrubjay_model::EvidenceReport {
    let kept = |r: &mut Report| {
        r.patches.exposures.retain(|e| e.deadline == Deadline::Met);
        r.patches.facts = vec![fact("kernel.relation", "current")];
        r.patches.relation_known = true;
    };
    let forged = BundleFault {
        kind: BundleFaultKind::Changed,
        part: "report.json".to_owned(),
        detail: "its SHA-256 is another".to_owned(),
    };
    let bundles = vec![
        bundle("db-1", |_| ()),
        bundle("db-2", kept),
        bundle("db-3", |r| {
            kept(r);
            r.patches.live_patch_only = 2;
            r.patches.exposures[0].live_patched_wall_ms = Some(BEGIN + DAY_MS);
            r.patches.facts = vec![
                fact("kernel.relation", "behind"),
                fact("livepatch.support_end", "2026-11-23"),
                fact("livepatch.support_end", "2027-01-31"),
            ];
        }),
        bundle("db-4", |r| {
            kept(r);
            r.patches.relation_known = false;
            r.patches.facts.clear();
            r.errors.uncorrected = Some(2);
        }),
        // An older one of the same host, which had a bad month.
        bundle("db-2", |r| r.period.at_wall_ms -= 1),
        BundleEvidence::of(&check("db-6", vec![forged]), None),
    ];
    let expected: BTreeSet<String> =
        ["db-1", "db-2", "db-3", "db-5", "db-6"].map(str::to_owned).into();
    evidence_report(bundles, Some(&expected), vec!["bundles/x.tar".to_owned()], true)
}

#[test]
fn a_fleet_has_every_host_in_one_place_and_a_bundle_that_does_not_hold_says_nothing() {
    let fleet = fleet();
    let standing: Vec<u64> = fleet.standing.iter().map(|sum| sum.hosts).collect();
    assert_eq!((fleet.bundles, fleet.counted, fleet.hosts, standing), (6, 4, 6, vec![2, 1, 3]));
    assert_eq!(fleet.standing[0].percent, Some(33.3));
    assert_eq!(fleet.without_bundle, ["db-5", "db-6"]);
    assert_eq!(fleet.not_expected, ["db-4"]);
    assert_eq!(fleet.older, ["bundles/db-2"]);
    assert_eq!(fleet.invalid[0].claims_host.as_deref(), Some("db-6"));
    assert_eq!((fleet.reboots.avoided, fleet.reboots.pending, fleet.reboots.not_known), (1, 2, 3));
    let row = fleet.rows.iter().find(|row| row.host == "db-3").unwrap();
    assert_eq!(row.live_patch_until.as_deref(), Some("2026-11-23"), "the first of them ends");
    assert_eq!(fleet.worst[0].host, "db-1");
    assert!(fleet.worst[0].is_open);
    // Nothing else: whatever is not well known comes first.
    assert_eq!(fleet.rows[0].host, "db-4");
}

#[test]
fn two_bundles_of_one_host_and_moment_that_differ_both_count_for_nothing() {
    let of = |sum: u8, back: i64| {
        let mut report = sample();
        report.host.name = Some("db-7".to_owned());
        report.period.at_wall_ms -= back;
        let mut check = check("db-7", Vec::new());
        check.bundle = format!("bundles/{sum}-{back}");
        check.report_sha256 = Some(scrubjay_model::Digest([sum; 32]));
        BundleEvidence::of(&check, Some(&report))
    };
    let told = |bundles: Vec<BundleEvidence>| {
        let fleet = evidence_report(bundles, None, Vec::new(), true);
        (fleet.counted, fleet.older.len(), fleet.invalid.len())
    };
    assert_eq!(told(vec![of(1, 0), of(1, 0)]), (1, 1, 0), "a copy says nothing new");
    assert_eq!(told(vec![of(1, 0), of(2, 0), of(3, 9)]), (0, 1, 2));
    assert_eq!(told(vec![of(3, 9), of(2, 9), of(1, 0)]), (1, 2, 0), "a later one settles it");
}

#[test]
fn a_time_at_which_the_kernel_was_not_known_is_no_good_news() {
    let unknown = |r: &mut Report| {
        r.patches.exposures.retain(|e| e.deadline == Deadline::Met);
        r.patches.facts = vec![fact("kernel.relation", "current")];
        r.patches.relation_known = true;
        r.patches.changes = vec![fact("kernel.relation", "unknown")];
    };
    let fleet = evidence_report(vec![bundle("db-1", unknown)], None, Vec::new(), true);
    let row = &fleet.rows[0];
    assert_eq!(row.standing, scrubjay_model::Standing::NoData);
    assert!(row.because[0].contains("how its kernel stood"), "{:?}", row.because);
}

#[test]
fn a_host_that_was_made_up_counts_for_nothing() {
    let made_up =
        bundle("demo", |r| r.host.simulated = Some(scrubjay_model::Simulated::of("cosmic", 1)));
    let fleet = evidence_report(vec![made_up], None, Vec::new(), true);
    assert_eq!((fleet.counted, fleet.hosts, fleet.invalid.len()), (0, 0, 1));
    assert!(fleet.invalid[0].faults[0].detail.starts_with("SIMULATED: "));
}

#[test]
fn no_bundle_and_no_host_is_no_good_news() {
    let empty = evidence_report(Vec::new(), None, Vec::new(), false);
    assert_eq!(empty.standing[0].percent, None);
    let text = markdown(&evidence_document(&empty));
    assert!(text.contains("**No host is known: no bundle holds.**"), "{text}");
    assert!(text.contains("anybody may have made them"), "{text}");
    let unnamed = BundleEvidence::of(
        &check("x", Vec::new()),
        Some(&{
            let mut report = sample();
            report.host.name = None;
            report
        }),
    );
    assert!(matches!(unnamed, BundleEvidence::Invalid(_)));
}

#[test]
fn what_is_read_of_a_fleet() {
    let document = evidence_document(&fleet());
    let style = crate::text::Style { colour: false, all: true };
    insta::assert_snapshot!("fleet_of_bundles_text", crate::text::document(&document, &style));
    insta::assert_snapshot!("fleet_of_bundles_markdown", markdown(&document));
    insta::assert_snapshot!("fleet_of_bundles_csv", evidence_csv(&fleet()).unwrap());
}
