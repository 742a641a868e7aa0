//! What is promised of a simulated fleet, whatever its settings.

use super::{
    Fleet, FleetSettings, Measures, Mode, Offlining, Ramp, Resolution, SimulatedDimm,
    SimulatedNode, Study, WINDOW, Why,
};
use crate::memory::{Hit, Observation, Seconds};
use proptest::prelude::*;

const DAY: i64 = 86_400;

/// A fleet with so many faults that a few nodes show everything.
fn eventful(seed: u64) -> FleetSettings {
    let mut settings = FleetSettings { nodes: 8, days: 200, ..FleetSettings::with_seed(seed) };
    settings.dimms_per_node = 8;
    for mode in &mut settings.modes {
        mode.permanent_fit *= 30.0;
        mode.transient_fit *= 30.0;
    }
    settings.escalation.share = 0.1;
    settings.repair.wrong = 0.3;
    settings
}

fn nodes(settings: &FleetSettings) -> Vec<SimulatedNode> {
    let fleet = Fleet::new(settings.clone()).unwrap();
    (0..settings.nodes).map(|node| fleet.node(node)).collect()
}

fn dimms(nodes: &[SimulatedNode]) -> impl Iterator<Item = &SimulatedDimm> {
    nodes.iter().flat_map(|node| &node.dimms)
}

fn hits(dimm: &SimulatedDimm) -> impl Iterator<Item = Hit> {
    dimm.observations.iter().filter_map(|step| match step {
        Observation::Reported(hit) => Some(*hit),
        Observation::Counted { .. }
        | Observation::Uncorrected { .. }
        | Observation::Booted { .. }
        | Observation::Offlined { .. }
        | Observation::Replaced { .. } => None,
    })
}

/// From, until, errors and whether there may have been more.
fn counted(dimm: &SimulatedDimm) -> impl Iterator<Item = (Seconds, Seconds, u64, bool)> {
    dimm.observations.iter().filter_map(|step| match *step {
        Observation::Counted { from, until, errors, at_least, watched } => {
            assert_eq!(i64::from(watched), until - from);
            Some((from, until, errors, at_least))
        }
        Observation::Reported(_)
        | Observation::Uncorrected { .. }
        | Observation::Booted { .. }
        | Observation::Offlined { .. }
        | Observation::Replaced { .. } => None,
    })
}

fn told(dimm: &SimulatedDimm) -> u64 {
    counted(dimm).map(|(_, _, errors, _)| errors).sum()
}

fn errors(dimm: &SimulatedDimm) -> u64 {
    dimm.truth.faults.iter().map(|fault| fault.errors).sum()
}

fn reported(dimm: &SimulatedDimm) -> u64 {
    hits(dimm).map(|hit| u64::from(hit.errors)).sum()
}

#[test]
fn a_node_depends_on_settings_and_number_alone() {
    let settings = eventful(11);
    let fleet = Fleet::new(settings.clone()).unwrap();
    let in_order = nodes(&settings);
    let mut threads: Vec<(u32, SimulatedNode)> = std::thread::scope(|scope| {
        let work = |third: u32| {
            let fleet = &fleet;
            let mine = (0..settings.nodes).rev().filter(move |node| node % 3 == third);
            scope.spawn(move || mine.map(|node| (node, fleet.node(node))).collect::<Vec<_>>())
        };
        let threads = [work(0), work(1), work(2)];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    threads.sort_by_key(|(node, _)| *node);
    assert!(threads.into_iter().map(|(_, node)| node).eq(in_order.iter().cloned()));
    // A larger fleet has the same nodes at its beginning, another seed has others.
    let larger = FleetSettings { nodes: 9, ..settings.clone() };
    assert_eq!(Fleet::new(larger).unwrap().node(3), in_order[3]);
    assert_ne!(nodes(&eventful(12))[3].dimms, in_order[3].dimms);
}

#[test]
fn an_eventful_fleet_has_everything_that_can_happen() {
    let mut settings = eventful(1);
    settings.nodes = 40;
    settings.channels.share = 0.1;
    settings.channels.errors_per_day = (10.0, 500.0);
    let nodes = nodes(&settings);
    for mode in [
        Mode::Cell,
        Mode::Row,
        Mode::Column,
        Mode::Bank,
        Mode::MultiBank,
        Mode::MultiRank,
        Mode::Channel,
    ] {
        let of_mode =
            |dimm: &SimulatedDimm| dimm.truth.faults.iter().any(|fault| fault.mode == mode);
        assert!(dimms(&nodes).any(of_mode), "{mode:?}");
    }
    for why in [Why::Planned, Why::Unplanned, Why::Uncorrected, Why::Repair] {
        assert!(nodes.iter().any(|node| node.boots.iter().any(|boot| boot.why == why)), "{why:?}");
    }
    assert!(dimms(&nodes).any(|dimm| dimm.truth.swaps.iter().any(|swap| swap.wrong)));
    assert!(dimms(&nodes).any(|dimm| dimm.truth.uncorrected.iter().any(|e| e.fault.is_none())));
    assert!(dimms(&nodes).any(|dimm| dimm.truth.uncorrected.iter().any(|e| !e.crashed)));
    assert!(dimms(&nodes).any(|dimm| hits(dimm).any(|hit| hit.by_scrub == Some(true))));
    // A fault that was left in by mistake strikes again.
    let again = |dimm: &SimulatedDimm| {
        dimm.truth.uncorrected.windows(2).any(|pair| pair[0].fault == pair[1].fault)
    };
    assert!(dimms(&nodes).any(again));
}

#[test]
fn firmware_that_keeps_errors_to_itself_leaves_nothing_to_observe() {
    let mut settings = eventful(2);
    settings.observers.firmware_first = 1.0;
    let nodes = nodes(&settings);
    assert!(dimms(&nodes).any(|dimm| errors(dimm) > 0));
    for dimm in dimms(&nodes) {
        let only_boots = dimm
            .observations
            .iter()
            .all(|step| matches!(step, Observation::Booted { .. } | Observation::Replaced { .. }));
        assert!(only_boots);
    }
}

#[test]
fn nodes_that_only_count_tell_no_places() {
    let mut settings = eventful(3);
    settings.observers.firmware_first = 0.0;
    settings.observers.counters_only = 1.0;
    let nodes = nodes(&settings);
    assert!(dimms(&nodes).any(|dimm| told(dimm) > 0));
    assert!(dimms(&nodes).all(|dimm| hits(dimm).next().is_none()));
}

#[test]
fn on_a_host_that_never_goes_down_every_error_is_counted_and_reported() {
    let mut settings = eventful(4);
    settings.boots.unplanned_per_year = 0.0;
    settings.boots.planned_days = (5000.0, 5001.0);
    settings.escalation.crash_share = 0.0;
    settings.repair.hours = 1e6;
    settings.observers.firmware_first = 0.0;
    settings.observers.one_record_per_second = false;
    let nodes = nodes(&settings);
    // The first planned boot is anywhere in its period; those it missed are looked at.
    let whole = nodes.iter().filter(|node| node.boots.is_empty());
    let mut seen = 0;
    for dimm in whole.flat_map(|node| &node.dimms) {
        assert_eq!((told(dimm), reported(dimm)), (errors(dimm), errors(dimm)));
        seen += errors(dimm);
    }
    assert!(seen > 10_000, "{seen}");
}

#[test]
fn a_crash_takes_what_was_counted_since_the_last_look() {
    let mut settings = eventful(5);
    settings.boots.unplanned_per_year = 365.0;
    settings.observers.firmware_first = 0.0;
    let nodes = nodes(&settings);
    let (mut lost, mut flagged) = (0, 0);
    for node in &nodes {
        for dimm in &node.dimms {
            lost += errors(dimm) - told(dimm);
            for boot in node.boots.iter().filter(|boot| !boot.why.is_clean()) {
                let before = counted(dimm).filter(|(_, until, ..)| *until <= boot.down).last();
                if let Some((_, until, ..)) = before {
                    assert_eq!(until % 900, 0, "the last look is a poll");
                }
                let after = counted(dimm).find(|(from, ..)| *from >= boot.up);
                if let Some((_, _, _, at_least)) = after {
                    assert!(at_least);
                    flagged += 1;
                }
            }
        }
    }
    assert!(lost > 0 && flagged > 100, "{lost} {flagged}");
}

#[test]
fn a_log_takes_one_record_in_a_second_and_counters_all() {
    let mut settings = eventful(6);
    settings.channels.share = 0.3;
    settings.channels.errors_per_day = (9e5, 1e6);
    settings.channels.days = (0.5, 1.0);
    settings.observers.firmware_first = 0.0;
    let (mut fewer, mut overflows) = (0, 0);
    for dimm in dimms(&nodes(&settings)) {
        let channel = dimm.truth.faults.iter().any(|fault| fault.mode == Mode::Channel);
        if channel && reported(dimm) < told(dimm) {
            fewer += 1;
        }
        overflows +=
            counted(dimm).filter(|(_, _, errors, at_least)| *errors > 24 && *at_least).count();
    }
    assert!(fewer > 0 && overflows > 0, "{fewer} {overflows}");
}

#[test]
fn every_event_by_itself_is_the_same_fleet() {
    let mut settings = eventful(7);
    let windows = nodes(&settings);
    settings.observers.resolution = Resolution::Events;
    let events = nodes(&settings);
    let mut more = 0;
    for (windows, events) in dimms(&windows).zip(dimms(&events)) {
        assert_eq!(windows.truth, events.truth);
        assert!(counted(windows).eq(counted(events)));
        assert_eq!(reported(windows), reported(events));
        assert!(hits(events).all(|hit| hit.errors == 1));
        more += hits(events).count() - hits(windows).count();
    }
    assert!(more > 1000, "{more}");
}

#[test]
fn all_dimms_of_a_channel_have_its_fault_and_no_others() {
    let mut settings = eventful(8);
    settings.nodes = 20;
    settings.channels.share = 0.5;
    settings.channels.errors_per_day = (10.0, 500.0);
    let mut seen = 0;
    for node in nodes(&settings) {
        let of_channel = |dimm: &SimulatedDimm| -> Vec<u32> {
            let faults = dimm.truth.faults.iter().filter(|fault| fault.mode == Mode::Channel);
            // One that is taken out has those of its time, so the place is what counts.
            let mut ids: Vec<u32> = faults.map(|fault| fault.id).collect();
            ids.dedup();
            ids
        };
        for dimm in &node.dimms {
            for id in of_channel(dimm) {
                seen += 1;
                for other in &node.dimms {
                    let together = (dimm.socket, dimm.channel) == (other.socket, other.channel);
                    assert_eq!(of_channel(other).contains(&id), together);
                }
            }
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn pages_out_of_use_have_fewer_errors_and_fail_less() {
    let mut settings = eventful(9);
    settings.nodes = 30;
    settings.observers.firmware_first = 0.0;
    settings.escalation.sudden_share = 0.0;
    for mode in &mut settings.modes {
        if !matches!(mode.mode, Mode::Cell | Mode::Row) {
            (mode.permanent_fit, mode.transient_fit) = (0.0, 0.0);
        }
    }
    let without = nodes(&settings);
    settings.offlining = Some(Offlining { fails: 0.0, ..Offlining::usual() });
    let with = nodes(&settings);
    let sum = |nodes: &[SimulatedNode]| dimms(nodes).map(errors).sum::<u64>();
    let failures = |nodes: &[SimulatedNode]| {
        dimms(nodes).map(|dimm| dimm.truth.uncorrected.len()).sum::<usize>()
    };
    assert!(sum(&with) * 2 < sum(&without), "{} {}", sum(&with), sum(&without));
    assert!(failures(&with) < failures(&without), "{} {}", failures(&with), failures(&without));
    let mut again = 0;
    for node in &with {
        for dimm in &node.dimms {
            let offlined: Vec<(Seconds, u64)> = dimm
                .observations
                .iter()
                .filter_map(|step| match *step {
                    Observation::Offlined { at, page } => Some((at, page)),
                    Observation::Counted { .. }
                    | Observation::Reported(_)
                    | Observation::Uncorrected { .. }
                    | Observation::Booted { .. }
                    | Observation::Replaced { .. } => None,
                })
                .collect();
            let booted = |at: &Seconds| node.boots.iter().any(|boot| boot.up == *at);
            again += offlined.iter().filter(|(at, _)| booted(at)).count();
            for (at, page) in offlined {
                let replaced = dimm.truth.swaps.iter().any(|swap| swap.at >= at);
                let later = hits(dimm).any(|hit| hit.at > at && hit.page == Some(page));
                assert!(!later || replaced, "errors of a page that is out of use");
            }
        }
    }
    assert!(again > 0, "pages are taken out again after a boot");
}

#[test]
fn a_study_of_trends_has_one_fault_on_each_dimm_and_nothing_else() {
    let mut settings = FleetSettings { nodes: 20, days: 200, ..FleetSettings::with_seed(10) };
    let loud = |nodes: &[SimulatedNode], from: i64, days: i64| {
        dimms(nodes)
            .flat_map(counted)
            .filter(|(_, _, errors, _)| *errors > 0)
            .filter(|(at, ..)| (from * DAY..(from + days) * DAY).contains(at))
            .count()
    };
    for phased in [false, true] {
        settings.study = Some(Study::without_trend(phased));
        let quiet = nodes(&settings);
        assert!(quiet.iter().all(|node| node.boots.is_empty() && !node.firmware_first));
        assert!(dimms(&quiet).all(|dimm| dimm.truth.faults.len() == 1));
        assert!(dimms(&quiet).all(|dimm| dimm.truth.uncorrected.is_empty()));
        settings.study = Some(Study { phased, ramp: Some(Ramp::from_day(100)) });
        let ramps = nodes(&settings);
        let (before, during) = (loud(&ramps, 50, 14), loud(&ramps, 100, 14));
        assert!(during > 4 * before, "{before} {during}");
        // 320 DIMMs, 56 windows, of which 95 % show it.
        assert!((16_500..17_500).contains(&during), "{during}");
        let last = |dimm: &SimulatedDimm| {
            let inside = counted(dimm).filter(|(at, ..)| (113 * DAY..114 * DAY).contains(at));
            inside.map(|(_, _, errors, _)| errors).sum::<u64>()
        };
        let first = |dimm: &SimulatedDimm| {
            let inside = counted(dimm).filter(|(at, ..)| (100 * DAY..101 * DAY).contains(at));
            inside.map(|(_, _, errors, _)| errors).sum::<u64>()
        };
        let grown = dimms(&ramps).filter(|dimm| last(dimm) > 8 * first(dimm)).count();
        assert!(grown > 250, "{grown} of 320");
        assert!(dimms(&ramps).all(|dimm| dimm.truth.ramp == Some((100 * DAY, 114 * DAY))));
    }
}

/// The bands of full size, wider, as a small fleet scatters more: a change that moves a figure by a
/// factor is found here, one that moves it by a tenth by `simulate --validate`.
#[test]
fn a_small_fleet_looks_like_those_of_studies() {
    let settings = FleetSettings { nodes: 1500, ..FleetSettings::with_seed(1) };
    let fleet = Fleet::new(settings.clone()).unwrap();
    let mut halves = [Measures::new(), Measures::new()];
    for node in 0..settings.nodes {
        halves[usize::from(node >= 700)].add(&fleet.node(node));
    }
    let [mut measures, rest] = halves;
    measures.merge(rest);
    for figure in measures.figures() {
        if let Some((low, high)) = figure.band {
            let value = figure.value;
            assert!((low * 0.7..=high * 1.5).contains(&value), "{}: {value}", figure.name);
        }
    }
}

/// What holds of a node whatever the settings.
fn check_node(settings: &FleetSettings, node: &SimulatedNode) {
    let end = settings.end();
    for pair in node.boots.windows(2) {
        assert!(pair[0].up < pair[1].down, "boots follow each other");
    }
    let is_up = |at: Seconds| !node.boots.iter().any(|boot| (boot.down..boot.up).contains(&at));
    for dimm in &node.dimms {
        assert!(dimm.observations.is_sorted_by_key(Observation::at));
        assert!(dimm.observations.iter().all(|step| (0..=end).contains(&step.at())));
        let mut last = 0;
        for (from, until, errors, _) in counted(dimm) {
            assert!(last <= from && from < until, "counted once, and in order");
            assert!(node.boots.iter().all(|boot| boot.up <= from || until <= boot.down));
            assert!(errors == 0 || until - from <= WINDOW);
            last = until;
        }
        assert!(told(dimm) <= errors(dimm) && reported(dimm) <= errors(dimm));
        // An error is of a fault that has begun and not ended, on a DIMM that was there.
        for hit in hits(dimm) {
            assert!(hit.errors > 0 && is_up(hit.at));
            let explained = dimm.truth.faults.iter().any(|fault| {
                fault.onset <= hit.at
                    && fault.until.is_none_or(|until| hit.at < until)
                    && fault.cells.contains(&hit.cell)
            });
            assert!(explained, "{hit:?}");
        }
        for (from, until, errors, _) in counted(dimm).filter(|(_, _, errors, _)| *errors > 0) {
            let mut faults = dimm.truth.faults.iter();
            let explained = faults
                .any(|fault| fault.onset < until && fault.until.is_none_or(|ended| from < ended));
            assert!(explained, "{errors} errors from {from} until {until}");
        }
        for error in &dimm.truth.uncorrected {
            let of = |fault: &&super::FaultTruth| Some(fault.id) == error.fault;
            let fault = dimm.truth.faults.iter().find(of);
            assert_eq!(fault.is_some(), error.fault.is_some());
            if let Some(fault) = fault {
                assert!(fault.permanent && fault.onset <= error.at);
                assert!(fault.t_ue.is_some_and(|first| first <= error.at));
                assert_eq!(fault.life, error.life);
            }
        }
        let ids: Vec<(u32, u16)> =
            dimm.truth.faults.iter().map(|fault| (fault.id, fault.life)).collect();
        assert!(ids.iter().enumerate().all(|(index, id)| !ids[..index].contains(id)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn truth_and_observations_agree(
        seed: u64,
        dimms in 1_u16..12,
        days in 1_u32..300,
        warm_up in 0_u32..800,
        crash in 0.0..=1.0_f64,
        wrong in 0.0..=1.0_f64,
        hours in 0.1..2000.0_f64,
        unplanned in 0.0..100.0_f64,
        channel in 0.0..0.3_f64,
        scrub in proptest::option::of(1_u32..100),
        offline: bool,
        events: bool,
    ) {
        let mut settings = eventful(seed);
        (settings.dimms_per_node, settings.days, settings.warm_up_days) = (dimms, days, warm_up);
        (settings.escalation.crash_share, settings.repair.wrong) = (crash, wrong);
        (settings.repair.hours, settings.boots.unplanned_per_year) = (hours, unplanned);
        settings.channels.share = channel;
        // Tens of thousands of errors a day prove nothing that hundreds do not.
        settings.channels.errors_per_day = (10.0, 500.0);
        settings.activity.scrub_hours = scrub;
        settings.offlining = offline.then(Offlining::usual);
        if events {
            settings.observers.resolution = Resolution::Events;
        }
        let fleet = Fleet::new(settings.clone()).unwrap();
        for node in 0..2 {
            check_node(&settings, &fleet.node(node));
        }
    }
}
