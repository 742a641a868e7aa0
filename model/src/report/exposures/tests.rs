//! Deadlines: in time, late, overdue, excepted, and not known.

use super::*;
use crate::{
    CveId, CveRank, DebVersion, ExceptionScope, ExposureTurnRecord, PackageVersion, PatchException,
    Severity,
};
use ExposureTurnKind::{Closed, Mitigated, Unmitigated};

fn policy() -> PatchDeadlines {
    PatchDeadlines {
        name: "ours".to_owned(),
        source: String::new(),
        caveats: Vec::new(),
        ranking: String::new(),
        counts_from: CountsFromWhen::Release,
        live_patch_counts: true,
        days: [(CveClass::Critical, 10), (CveClass::Unranked, 30)].into(),
        exceptions: Vec::new(),
    }
}

fn day(n: i64) -> i64 {
    n * DAY_MS
}

/// A period from one day to another, looked at from its end.
fn until(from: i64, at: i64) -> ReportPeriod {
    ReportPeriod { from_wall_ms: day(from), to_wall_ms: day(at), at_wall_ms: day(at) }
}

/// Released on day 0, installed on day 2.
fn owed(turns: &[(i64, ExposureTurnKind)]) -> ExposureRecord {
    let turn = |(at, what): &(i64, ExposureTurnKind)| ExposureTurnRecord {
        at_wall_ms: day(*at),
        what: *what,
        by: String::new(),
    };
    ExposureRecord {
        cve: CveId::parse("CVE-2026-0001").unwrap(),
        fix_version: PackageVersion::Deb(DebVersion::parse("6.1.192-2").unwrap()),
        released_unix_s: Some(0),
        installed_unix_s: Some(day(2) / SECOND_MS),
        first_wall_ms: day(2),
        turns: turns.iter().map(turn).collect(),
        clock_adjusted_ms: None,
    }
}

fn critical() -> CveLists {
    let mut lists = CveLists::default();
    let rank = CveRank { severity: Some(Severity::Critical), ..CveRank::default() };
    lists.ranks.insert(CveId::parse("CVE-2026-0001").unwrap(), rank);
    lists
}

fn on(at: i64, record: &ExposureRecord, policy: &PatchDeadlines) -> ReportedExposure {
    let lists = critical();
    let found =
        reported_exposures(std::slice::from_ref(record), Some(&lists), policy, until(0, at));
    found.into_iter().next().unwrap()
}

#[test]
fn a_deadline_is_met_by_what_is_in_force_and_by_nothing_else() {
    for (turns, at, deadline, in_force) in [
        (&[][..], 10, Deadline::Running, None),
        (&[], 11, Deadline::Overdue, None),
        (&[(9, Closed)], 20, Deadline::Met, Some(9)),
        (&[(11, Closed)], 20, Deadline::Late, Some(11)),
        (&[(9, Mitigated)], 20, Deadline::Met, Some(9)),
        (&[(9, Mitigated), (15, Closed)], 20, Deadline::Met, Some(9)),
        (&[(9, Mitigated), (12, Unmitigated)], 20, Deadline::Overdue, None),
        (&[(9, Mitigated), (12, Unmitigated), (15, Closed)], 20, Deadline::Late, Some(15)),
        // What came after the moment is not known at it.
        (&[(15, Closed)], 14, Deadline::Overdue, None),
    ] {
        let told = on(at, &owed(turns), &policy());
        assert_eq!(told.deadline, deadline, "{turns:?} on day {at}");
        assert_eq!(told.in_force_wall_ms, in_force.map(day), "{turns:?} on day {at}");
        assert_eq!(told.released_for_ms, u64::try_from(day(in_force.unwrap_or(at))).ok());
    }
}

#[test]
fn whoever_does_not_count_live_patches_waits_for_a_boot() {
    let booted = PatchDeadlines { live_patch_counts: false, ..policy() };
    let told = on(20, &owed(&[(9, Mitigated)]), &booted);
    assert_eq!((told.deadline, told.in_force_wall_ms), (Deadline::Overdue, None));
    assert!(told.live_patch_only);
    assert_eq!(told.live_patched_wall_ms, Some(day(9)));
    assert!(!on(20, &owed(&[(9, Mitigated), (12, Closed)]), &booted).live_patch_only);
}

#[test]
fn without_a_beginning_nothing_is_late_and_nothing_in_time() {
    let undated = ExposureRecord { released_unix_s: None, ..owed(&[(9, Closed)]) };
    let told = on(20, &undated, &policy());
    assert_eq!((told.deadline, told.released_for_ms), (Deadline::Unknown, None));
    let from_installation =
        PatchDeadlines { counts_from: CountsFromWhen::Installation, ..policy() };
    assert_eq!(on(20, &undated, &from_installation).deadline, Deadline::Met);
    assert_eq!(on(20, &undated, &from_installation).due_wall_ms, Some(day(12)));
    let none = PatchDeadlines { days: BTreeMap::new(), ..policy() };
    assert_eq!(on(20, &owed(&[]), &none).deadline, Deadline::None);
}

#[test]
fn an_exception_holds_from_the_deadline_on_for_as_long_as_it_is_needed() {
    let with = |granted: i64, expires: i64, scope: ExceptionScope| PatchDeadlines {
        exceptions: vec![PatchException {
            id: "EX-1".to_owned(),
            scope,
            reason: String::new(),
            compensating_control: String::new(),
            approver: String::new(),
            granted_wall_ms: day(granted),
            expires_wall_ms: day(expires),
        }],
        ..policy()
    };
    let late = owed(&[(15, Closed)]);
    let cve = || ExceptionScope::Cves(vec![CveId::parse("CVE-2026-0001").unwrap()]);
    for (granted, expires, scope, excepted) in [
        (5, 16, cve(), true),
        (5, 16, ExceptionScope::All, true),
        (5, 16, ExceptionScope::Classes(vec![CveClass::Critical]), true),
        (5, 16, ExceptionScope::Classes(vec![CveClass::Low]), false),
        // It was over before the fix was in force, or granted when it was late already.
        (5, 14, cve(), false),
        (11, 16, cve(), false),
    ] {
        let told = on(20, &late, &with(granted, expires, scope.clone()));
        let expect = if excepted { Deadline::Excepted } else { Deadline::Late };
        assert_eq!(told.deadline, expect, "{granted} to {expires}, {scope:?}");
        assert_eq!(told.exception.is_some(), excepted);
    }
    // Nobody needed it.
    let told = on(20, &owed(&[(9, Closed)]), &with(5, 16, cve()));
    assert_eq!((told.deadline, told.exception), (Deadline::Met, None));
}

#[test]
fn what_was_over_before_the_period_is_not_of_it_and_classes_add_up() {
    let closed_early = owed(&[(3, Closed)]);
    let found = reported_exposures(&[closed_early], None, &policy(), until(4, 20));
    assert_eq!(found, []);
    let waits = [owed(&[(5, Closed)]), owed(&[(7, Closed)]), owed(&[])];
    let found = reported_exposures(&waits, None, &policy(), until(4, 40));
    let classes = classes_of_exposures(&found, &policy());
    let [class] = classes.as_slice() else { panic!("{classes:?}") };
    assert_eq!(
        (class.class, class.limit_days, class.vulnerabilities),
        (CveClass::Unranked, Some(30), 3)
    );
    assert_eq!(class.deadlines, [(Deadline::Met, 2), (Deadline::Overdue, 1)].into());
    assert_eq!(class.median_released_for_ms, u64::try_from(day(5)).ok());
    assert_eq!(class.longest_released_for_ms, u64::try_from(day(40)).ok());
    assert_eq!(class.longest_installed_for_ms, u64::try_from(day(38)).ok());
}

#[test]
fn a_renewed_exception_leaves_no_hole_and_one_with_a_hole_does() {
    let exception = |id: &str, granted: i64, expires: i64| PatchException {
        id: id.to_owned(),
        scope: ExceptionScope::All,
        reason: String::new(),
        compensating_control: String::new(),
        approver: String::new(),
        granted_wall_ms: day(granted),
        expires_wall_ms: day(expires),
    };
    let late = owed(&[(25, Closed)]);
    let with = |second| PatchDeadlines {
        exceptions: vec![exception("EX-1", 5, 14), exception("EX-2", second, 30)],
        ..policy()
    };
    let told = on(40, &late, &with(14));
    assert_eq!(
        (told.deadline, told.exception.as_deref()),
        (Deadline::Excepted, Some("EX-1, EX-2"))
    );
    assert_eq!(on(40, &late, &with(15)).deadline, Deadline::Late);
}

#[test]
fn what_was_owed_after_the_period_first_is_none_of_it_whenever_it_is_looked_at() {
    let period = ReportPeriod { from_wall_ms: 0, to_wall_ms: day(2), at_wall_ms: day(90) };
    assert_eq!(reported_exposures(&[owed(&[])], None, &policy(), period), []);
    let later = ReportPeriod { to_wall_ms: day(3), ..period };
    let told = reported_exposures(&[owed(&[])], None, &policy(), later);
    assert_eq!(told[0].deadline, Deadline::Overdue);
}
