//! What holds of plans, statuses and reports, of fleets made by hand and of any.

use super::testing::{
    HOUR_MS, NOW_MS, any_fleet, any_host, finding, fleet, in_group, to_reboot, to_swap, well,
};
use super::{PlanPolicy, plan, report, resume, status};
use proptest::prelude::*;
use scrubjay_model::{
    Action, AtOnce, BlockReason, CoverageState, Fleet, FleetAck, FleetHost, FleetPlan, FleetStick,
    RebootAnswer, Standing, TaskKind, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

fn policy(at_once: AtOnce) -> PlanPolicy {
    PlanPolicy { at_once, windows: Vec::new(), each_ms: None }
}

fn planned(hosts: Vec<FleetHost>) -> FleetPlan {
    plan(&fleet(hosts), &policy(AtOnce::Hosts(1)))
}

fn names(plan: &FleetPlan) -> Vec<Vec<&str>> {
    plan.waves
        .iter()
        .map(|wave| wave.visits.iter().map(|visit| visit.host.as_str()).collect())
        .collect()
}

fn reasons<'p>(plan: &'p FleetPlan, host: &str) -> Vec<&'p str> {
    let blocked = plan.blocked.iter().find(|blocked| blocked.host == host);
    blocked
        .map(|blocked| blocked.because.iter().map(BlockReason::code).collect())
        .unwrap_or_default()
}

#[test]
fn the_worst_of_each_group_goes_first_and_groups_go_side_by_side() {
    let plan = planned(vec![
        in_group("r1", to_reboot("a")),
        in_group("r1", to_swap("b")),
        in_group("r2", to_reboot("c")),
        in_group("r1", well("d")),
        to_reboot("e"),
    ]);
    assert_eq!(names(&plan), [vec!["e", "b", "c"], vec!["a"]]);
    assert_eq!(plan.blocked, []);
}

#[test]
fn a_swap_and_a_reboot_of_one_host_are_one_visit() {
    let mut both = to_swap("a");
    both.reboot = Some(RebootAnswer::Yes);
    both.reboot_reasons = to_reboot("a").reboot_reasons;
    let plan = planned(vec![both]);
    let tasks = &plan.waves[0].visits[0].tasks;
    let kinds: Vec<TaskKind> = tasks.iter().map(|task| task.kind).collect();
    assert_eq!(kinds, [TaskKind::SwapDimm, TaskKind::Reboot]);
    assert_eq!(tasks[0].module.as_deref(), Some("m-1"));
}

#[test]
fn whom_nobody_may_visit_is_named_with_the_reason() {
    let silent = FleetHost { verdict: None, last_seen_ms: Some(5), ..to_reboot("silent") };
    let blind = FleetHost { correctable: Some(CoverageState::Unknown), ..to_reboot("blind") };
    let untold = FleetHost { uncorrectable: None, ..to_reboot("untold") };
    let held = FleetHost { held: Some("label hold=yes".to_owned()), ..to_reboot("held") };
    let twin = FleetHost { namesakes: true, ..to_reboot("twin") };
    let unclear = FleetHost { reboot: Some(RebootAnswer::Unknown), ..well("unclear") };
    let mut hurt = to_reboot("hurt");
    let open = finding(Verdict::Act, "uncorrected-errors", "mc0", Action::InvestigateChannelOrCpu);
    hurt.findings.push(open.clone());
    // A stick that is swapped answers for it.
    let mut mended = to_swap("mended");
    mended.findings.push(open);
    let ack = |until_ms| {
        vec![FleetAck { code: "kernel-behind".to_owned(), subject: "host".to_owned(), until_ms }]
    };
    let known = FleetHost { acks: ack(NOW_MS + 1), ..to_reboot("known") };
    let over = FleetHost { acks: ack(NOW_MS), ..to_reboot("over") };
    let plan = planned(vec![silent, blind, untold, held, twin, unclear, hurt, mended, known, over]);
    for (host, codes) in [
        ("silent", vec!["not_reporting"]),
        ("blind", vec!["coverage_unknown"]),
        ("untold", vec!["coverage_unknown"]),
        ("held", vec!["hold"]),
        ("twin", vec!["namesakes"]),
        ("unclear", vec!["reboot_unclear"]),
        ("hurt", vec!["open_uncorrected"]),
        ("known", vec!["acknowledged"]),
        ("mended", vec![]),
        ("over", vec![]),
    ] {
        assert_eq!(reasons(&plan, host), codes, "{host}");
    }
    assert_eq!(names(&plan), [vec!["mended"], vec!["over"]]);
}

#[test]
fn who_needs_nothing_is_neither_planned_nor_blocked() {
    let held = FleetHost { held: Some("x".to_owned()), ..well("a") };
    let blind = FleetHost { correctable: None, uncorrectable: None, ..well("b") };
    let plan = planned(vec![held, blind, well("c")]);
    assert!(plan.waves.is_empty() && plan.blocked.is_empty(), "{plan:?}");
}

#[test]
fn going_on_sees_boots_swaps_and_what_needs_no_visit_any_more() {
    let mut both = to_swap("both");
    both.reboot = Some(RebootAnswer::Yes);
    both.reboot_reasons = to_reboot("x").reboot_reasons;
    let hosts = vec![
        to_reboot("booted"),
        to_reboot("cleared"),
        to_reboot("waits"),
        to_swap("swapped"),
        to_swap("other-stick"),
        both.clone(),
        to_reboot("fell-silent"),
        to_reboot("gone"),
    ];
    let before = planned(hosts);
    assert_eq!(before.visits().count(), 8);
    let booted = FleetHost { boot_ms: Some(NOW_MS + HOUR_MS), ..well("booted") };
    let mut other_stick = to_swap("other-stick");
    other_stick.sticks[0].module = "m-2".to_owned();
    let half = FleetHost { boot_ms: Some(NOW_MS + HOUR_MS), ..to_swap("both") };
    let later = Fleet {
        at_ms: NOW_MS + 3 * HOUR_MS,
        ..fleet(vec![
            booted,
            FleetHost { verdict: Some(Verdict::Ok), ..well("cleared") },
            to_reboot("waits"),
            well("swapped"),
            other_stick,
            half,
            FleetHost { verdict: None, ..to_reboot("fell-silent") },
            to_reboot("new"),
        ])
    };
    let after = resume(&before, &later);
    let done: Vec<&str> = after.done.iter().map(|done| done.host.as_str()).collect();
    assert_eq!(done, ["booted", "cleared", "other-stick", "swapped"]);
    // One of the two that do not report is as many as may be away.
    assert_eq!(names(&after), [vec!["both"], vec!["waits"]]);
    assert_eq!(after.waves[0].number, 2);
    let left: Vec<TaskKind> = after.waves[0].visits[0].tasks.iter().map(|task| task.kind).collect();
    assert_eq!(left, [TaskKind::SwapDimm]);
    assert_eq!(reasons(&after, "fell-silent"), ["not_reporting"]);
    assert_eq!(reasons(&after, "gone"), ["not_reporting"]);
    // The other stick is as bad, and the host is done.
    assert_eq!(after.new_since, ["new", "other-stick"]);
    assert_eq!((after.made_ms, after.resumed_ms), (NOW_MS, Some(NOW_MS + 3 * HOUR_MS)));
    // Who is done stays done, whatever comes up later.
    let again =
        resume(&after, &Fleet { at_ms: NOW_MS + 9 * HOUR_MS, ..fleet(vec![to_reboot("booted")]) });
    assert!(again.visits().all(|visit| visit.host != "booted"), "{again:?}");
    assert_eq!(again.new_since, ["booted"]);
}

#[test]
fn who_is_away_counts_until_it_is_back() {
    let two = policy(AtOnce::Hosts(2));
    let hosts = |silent: &[usize]| -> Vec<FleetHost> {
        let host = |n: usize| {
            let verdict = Some(Verdict::Plan).filter(|_| !silent.contains(&n));
            FleetHost { verdict, ..in_group("r1", to_reboot(&format!("h{n}"))) }
        };
        (0..6).map(host).collect()
    };
    let before = plan(&fleet(hosts(&[])), &two);
    assert_eq!(names(&before), [vec!["h0", "h1"], vec!["h2", "h3"], vec!["h4", "h5"]]);
    assert_eq!(before.notes, Vec::<String>::new());
    // The first wave is being rebooted: nobody else may go.
    let during = resume(&before, &fleet(hosts(&[0, 1])));
    assert_eq!(names(&during), [vec!["h2", "h3"], vec!["h4", "h5"]]);
    let numbers: Vec<u32> = during.waves.iter().map(|wave| wave.number).collect();
    assert_eq!(numbers, [2, 3]);
    assert!(during.notes.iter().any(|note| note.contains("2 hosts")), "{:?}", during.notes);
    // One is back, and another one may go.
    let one = resume(&before, &fleet(hosts(&[0])));
    assert_eq!((names(&one)[0].len(), one.waves[0].number), (1, 1));
    // It is the same of a host that nothing is known of any more, and of a new plan.
    let gone = resume(&before, &fleet(hosts(&[]).split_off(2)));
    assert_eq!(gone.waves[0].number, 2);
    let new = plan(&fleet(hosts(&[0, 1, 2])), &two);
    assert_eq!((names(&new)[0].clone(), new.waves[0].number), (vec!["h3", "h4"], 2));
    // In another group nobody is away.
    let mut with_other = hosts(&[0, 1]);
    with_other.push(in_group("r2", to_reboot("x")));
    let other = plan(&fleet(with_other), &two);
    assert_eq!(names(&other)[..2], [vec!["x"], vec!["h2", "h3"]]);
    assert_eq!(other.waves[0].number, 1);
}

#[test]
fn a_share_is_one_of_those_that_report() {
    let host = |n: usize| {
        let verdict = Some(Verdict::Plan).filter(|_| n < 10);
        FleetHost { verdict, ..to_reboot(&format!("h{n:02}")) }
    };
    let plan = plan(&fleet((0..40).map(host).collect()), &policy(AtOnce::Percent(10)));
    assert!(plan.waves.iter().all(|wave| wave.visits.len() == 1), "{plan:?}");
}

#[test]
fn who_booted_and_still_asks_for_a_reboot_is_not_done() {
    let mut both = to_swap("both");
    both.reboot = Some(RebootAnswer::Yes);
    both.reboot_reasons = to_reboot("x").reboot_reasons;
    let before = planned(vec![to_reboot("a"), both.clone(), to_reboot("b")]);
    let boot_ms = Some(NOW_MS + HOUR_MS);
    let later = Fleet {
        at_ms: NOW_MS + 2 * HOUR_MS,
        ..fleet(vec![
            FleetHost { boot_ms, ..to_reboot("a") },
            FleetHost { boot_ms, ..both },
            FleetHost { boot_ms, reboot: None, reboot_reasons: Vec::new(), ..well("b") },
        ])
    };
    let after = resume(&before, &later);
    assert_eq!(reasons(&after, "a"), ["reboot_in_vain"]);
    // The swap takes it down once more, whatever the reboot did.
    assert_eq!(names(&after), [vec!["both"]]);
    assert_eq!(after.waves[0].visits[0].tasks.len(), 2);
    let done: Vec<&str> = after.done.iter().map(|done| done.host.as_str()).collect();
    assert_eq!(done, ["b"]);
    assert_eq!(resume(&after, &later), after);
    // Once it runs the kernel that was meant, it is.
    let mended = resume(&after, &fleet(vec![FleetHost { boot_ms, ..well("a") }]));
    assert!(mended.done.iter().any(|done| done.host == "a"), "{mended:?}");
}

#[test]
fn going_on_twice_is_once_where_no_reboot_is_wanted_any_more_and_the_boot_moved() {
    let mut both = to_swap("a");
    both.reboot = Some(RebootAnswer::Yes);
    both.reboot_reasons = to_reboot("x").reboot_reasons;
    both.boot_ms = Some(NOW_MS - HOUR_MS);
    let before = planned(vec![both]);
    // Its clock was set back, so that the same boot seems to have begun before.
    let swap = FleetHost { boot_ms: Some(NOW_MS - 3 * HOUR_MS), ..to_swap("a") };
    let later = Fleet { at_ms: NOW_MS + HOUR_MS, ..fleet(vec![swap]) };
    let after = resume(&before, &later);
    assert_eq!(resume(&after, &later), after);
}

#[test]
fn a_need_that_came_up_since_is_met_by_the_visit_or_named() {
    let before = planned(vec![to_reboot("waits"), to_reboot("booted"), to_swap("swaps")]);
    let mut waits = to_swap("waits");
    waits.reboot = Some(RebootAnswer::Yes);
    waits.reboot_reasons = to_reboot("x").reboot_reasons;
    let booted = FleetHost { boot_ms: Some(NOW_MS + HOUR_MS), ..to_swap("booted") };
    let mut swaps = to_swap("swaps");
    swaps.findings.push(finding(Verdict::Plan, "dimm-fault", "B1", Action::SwapDimm));
    let later =
        Fleet { at_ms: NOW_MS + 2 * HOUR_MS, ..fleet(vec![waits, booted, swaps, well("other")]) };
    let after = resume(&before, &later);
    let subjects = |host: &str| -> Vec<&str> {
        let visit = after.visits().find(|visit| visit.host == host).unwrap();
        visit.tasks.iter().map(|task| task.subject.as_str()).collect()
    };
    assert_eq!(subjects("waits"), ["A1", "host"]);
    assert_eq!(subjects("swaps"), ["A1", "B1"]);
    assert_eq!(after.done[0].host, "booted");
    assert_eq!(after.new_since, ["booted"]);
    assert_eq!(resume(&after, &later), after);
}

#[test]
fn a_boot_that_only_seems_to_have_moved_with_the_clock_is_the_same() {
    let before = planned(vec![to_reboot("a")]);
    let boot_ms = to_reboot("a").boot_ms.map(|boot_ms| boot_ms + 30_000);
    let after = resume(&before, &fleet(vec![FleetHost { boot_ms, ..to_reboot("a") }]));
    assert_eq!(names(&after), [vec!["a"]]);
}

#[test]
fn a_status_lists_the_worst_first_and_drops_nobody() {
    let silent = FleetHost {
        verdict: None,
        last_seen_ms: Some(NOW_MS - HOUR_MS),
        last_verdict: Some(Verdict::Act),
        ..FleetHost { name: "silent".to_owned(), ..FleetHost::default() }
    };
    let never =
        FleetHost { name: "never".to_owned(), answers: Some(false), ..FleetHost::default() };
    let status = status(&fleet(vec![well("a"), to_reboot("b"), to_swap("c"), silent, never]));
    let worst: Vec<&str> = status.worst.iter().map(|line| line.host.as_str()).collect();
    assert_eq!(worst, ["c", "b", "a"]);
    let silent: Vec<&str> = status.silent.iter().map(|host| host.host.as_str()).collect();
    assert_eq!(silent, ["never", "silent"]);
    assert_eq!((status.hosts, status.reporting), (5, 3));
    let of = |wanted| status.verdicts.iter().find(|(verdict, _)| *verdict == wanted).unwrap().1;
    assert_eq!((of(Verdict::Act), of(Verdict::Plan), of(Verdict::Ok)), (1, 1, 1));
    assert_eq!(status.rising, None);
}

#[test]
fn of_a_thousand_tests_one_that_is_significant_by_itself_is_not_told() {
    let with = |name: &str, p: f64| FleetHost {
        sticks: vec![FleetStick {
            module: format!("m-{name}"),
            slot: "A1".to_owned(),
            verdict: None,
            risk: None,
            p_rising: Some(p),
        }],
        ..well(name)
    };
    let rest = (0..999_u32).map(|n| with(&format!("n{n:03}"), f64::from(n + 1) / 1000.0));
    let of = |p| {
        let hosts = rest.clone().chain([with("x", p)]).collect();
        status(&Fleet { has_trends: true, ..fleet(hosts) }).rising.unwrap()
    };
    assert!(of(9e-4).sticks.is_empty());
    let rising = of(1e-6);
    assert_eq!((rising.tested, rising.sticks.len()), (1000, 1));
    assert_eq!(rising.sticks[0].host, "x");
}

#[test]
fn a_report_counts_what_is_not_known_by_itself() {
    let late = FleetHost { exposed_s: Some(86_400 * 31), ..to_reboot("late") };
    let edge = FleetHost { exposed_s: Some(86_400 * 30), ..to_reboot("edge") };
    let over = FleetHost { exposed_s: Some(86_400 * 30 + 1), ..to_reboot("over") };
    let mut exploited = to_reboot("exploited");
    exploited.findings.push(finding(
        Verdict::Act,
        "kernel-exploited",
        "host",
        Action::RebootIntoNewerKernel,
    ));
    let blind = FleetHost { exposed_s: None, cves_owed: None, ..well("blind") };
    let silent = FleetHost { verdict: None, ..well("silent") };
    let patched = FleetHost {
        cves_mitigated: Some(4),
        support_end_ms: Some(NOW_MS + HOUR_MS),
        ..well("patched")
    };
    let ended = FleetHost {
        cves_mitigated: Some(4),
        support_end_ms: Some(NOW_MS - HOUR_MS),
        ..well("ended")
    };
    let report =
        report(&fleet(vec![late, edge, over, exploited, blind, silent, patched, ended]), 30);
    let of = |host: &str| report.rows.iter().find(|row| row.host == host).unwrap().standing;
    assert_eq!(of("late"), Standing::Outside);
    assert_eq!(of("edge"), Standing::Within);
    assert_eq!(of("over"), Standing::Outside);
    let because = &report.rows.iter().find(|row| row.host == "over").unwrap().because;
    assert_eq!(because, &["a fix is owed for more than 30 days"]);
    assert_eq!(of("exploited"), Standing::Outside);
    assert_eq!(of("blind"), Standing::NoData);
    assert_eq!(of("silent"), Standing::NoData);
    assert_eq!(of("patched"), Standing::Within);
    assert_eq!(of("ended"), Standing::Outside);
    let shares: Vec<(u64, Option<f64>)> =
        report.standing.iter().map(|sum| (sum.hosts, sum.percent)).collect();
    assert_eq!(shares, [(2, Some(25.0)), (4, Some(50.0)), (2, Some(25.0))]);
    let only: Vec<(&str, bool)> =
        report.live_patch_only.iter().map(|one| (one.host.as_str(), one.has_ended)).collect();
    assert_eq!(only, [("ended", true), ("patched", false)]);
}

fn any_at_once() -> impl Strategy<Value = AtOnce> {
    prop_oneof![(1_u32..4).prop_map(AtOnce::Hosts), (1_u8..=100).prop_map(AtOnce::Percent)]
}

/// The promises of every plan, new or gone on with.
fn holds(plan: &FleetPlan, fleet: &Fleet, at_once: AtOnce) {
    let mut sizes: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    let mut silent: BTreeMap<Option<&str>, usize> = BTreeMap::new();
    for host in &fleet.hosts {
        let counts = if host.is_reporting() { &mut sizes } else { &mut silent };
        *counts.entry(host.group.as_deref()).or_default() += 1;
    }
    for wave in &plan.waves {
        let mut away: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        for visit in &wave.visits {
            *away.entry(visit.group.as_deref()).or_default() += 1;
        }
        for (group, away) in away {
            let most = at_once.of(sizes[&group]);
            let silent = silent.get(&group).copied().unwrap_or(0).min(most);
            let away = if wave.number == 1 { away + silent } else { away };
            assert!(away <= most, "{away} of {group:?} away in wave {}", wave.number);
        }
        assert!(!wave.visits.is_empty(), "wave {} is empty", wave.number);
    }
    let visited: Vec<&str> = plan.visits().map(|visit| visit.host.as_str()).collect();
    let once: BTreeSet<&str> = visited.iter().copied().collect();
    assert_eq!(visited.len(), once.len(), "a host is visited twice");
    for other in plan
        .blocked
        .iter()
        .map(|blocked| blocked.host.as_str())
        .chain(plan.done.iter().map(|done| done.host.as_str()))
        .chain(plan.new_since.iter().map(String::as_str))
    {
        assert!(!once.contains(other), "{other} is visited");
    }
    for host in &fleet.hosts {
        if once.contains(host.name.as_str()) {
            assert!(host.is_reporting() && host.held.is_none() && !host.namesakes, "{host:?}");
            let seen = host.coverage();
            assert!(seen.is_some_and(|seen| seen != CoverageState::Unknown), "{host:?}");
        }
    }
}

proptest! {
    #[test]
    fn a_plan_keeps_its_promises(fleet in any_fleet(60), at_once in any_at_once()) {
        let plan = plan(&fleet, &policy(at_once));
        holds(&plan, &fleet, at_once);
        // Nobody is forgotten: who is asked for is visited or blocked, and who is silent is blocked.
        let told: BTreeSet<&str> = plan
            .visits()
            .map(|visit| visit.host.as_str())
            .chain(plan.blocked.iter().map(|blocked| blocked.host.as_str()))
            .collect();
        for host in &fleet.hosts {
            let asked = host.reboot == Some(RebootAnswer::Yes) || !host.is_reporting();
            prop_assert!(!asked || told.contains(host.name.as_str()), "{host:?}");
        }
    }

    #[test]
    fn going_on_keeps_the_promises_and_twice_is_once(
        fleet in any_fleet(40),
        changed in (0..40_usize).prop_flat_map(|count| {
            (0..count).map(any_host).collect::<Vec<_>>()
        }),
        at_once in any_at_once(),
    ) {
        let before = plan(&fleet, &policy(at_once));
        let later = Fleet {
            at_ms: NOW_MS + 24 * HOUR_MS,
            ..super::testing::fleet(changed)
        };
        let after = resume(&before, &later);
        holds(&after, &later, at_once);
        prop_assert_eq!(&resume(&after, &later), &after);
        // Whoever was in the plan is in it still.
        let of = |plan: &FleetPlan| -> BTreeSet<String> {
            plan.visits()
                .map(|visit| visit.host.clone())
                .chain(plan.blocked.iter().map(|blocked| blocked.host.clone()))
                .chain(plan.done.iter().map(|done| done.host.clone()))
                .collect()
        };
        prop_assert_eq!(of(&before), of(&after));
        // Going on at once changes nothing: nobody was visited meanwhile.
        let same = resume(&before, &fleet);
        let visits = |plan: &FleetPlan| plan.visits().map(|v| v.host.clone()).collect::<Vec<_>>();
        let booted_later = fleet.hosts.iter().any(|host| host.boot_ms >= Some(NOW_MS));
        prop_assert!(booted_later || visits(&same) == visits(&before));
    }
}
