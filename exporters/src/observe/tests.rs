//! Which samples a view gives, and which it does not.

use super::*;
use crate::testing;
use scrubjay_model::{Bound, ErrorClass, Per, Present, Simulated, SourceId};
use std::collections::{BTreeMap, BTreeSet};

fn by_name(observations: &[Observation]) -> BTreeMap<&str, Vec<&Observation>> {
    let mut found: BTreeMap<&str, Vec<&Observation>> = BTreeMap::new();
    for observation in observations {
        found.entry(observation.def.name).or_default().push(observation);
    }
    found
}

/// The sum of a metric's samples with this `controller` label.
fn sum(observations: &[Observation], def: &MetricDef, controller: &str) -> f64 {
    observations
        .iter()
        .filter(|o| o.def == def && o.labels.first().is_some_and(|l| l == controller))
        .map(|o| o.value.as_f64())
        .sum()
}

/// The same host, made by `scrubjay demo`.
fn made(mut view: HostView) -> HostView {
    view.header.simulated = Some(Simulated::of("cosmic", 1));
    view
}

#[test]
fn only_a_host_that_was_made_says_what_it_is() {
    let told = |view: &HostView| by_name(&observations(view)).contains_key("scrubjay_simulated");
    assert!(told(&made(testing::server())) && !told(&testing::server()));
}

#[test]
fn every_metric_of_the_catalogue_is_given_by_a_host_that_offers_everything() {
    let observations = observations(&made(modules::tests::with(&[0, 1])));
    let given = by_name(&observations);
    for def in CATALOGUE {
        assert!(given.contains_key(def.name), "{} is never given", def.name);
    }
    for observation in &observations {
        assert_eq!(
            observation.labels.len(),
            observation.def.labels.len(),
            "{}",
            observation.def.name
        );
    }
}

#[test]
fn non_values_give_no_sample() {
    let allowed: BTreeSet<&str> = [
        // The verdict and the sources' states say why there is nothing else.
        "scrubjay_verdict",
        "scrubjay_monitoring_coverage",
        "scrubjay_source_state",
        "scrubjay_source_duration_seconds",
        "scrubjay_snapshot_timestamp_seconds",
        "scrubjay_snapshot_stale",
        "scrubjay_build_info",
        // That the kernel shows a controller and a DIMM is a fact, though it says no more.
        "scrubjay_controller_info",
        "scrubjay_dimm_info",
        // So is a live patch.
        "scrubjay_livepatch_info",
        // That it cannot be told is one of the answers.
        "scrubjay_kernel_relation",
        "scrubjay_next_boot_kernel",
        "scrubjay_reboot_required",
    ]
    .into();
    let observations = observations(&testing::blind());
    let given: BTreeSet<&str> = observations.iter().map(|o| o.def.name).collect();
    assert_eq!(given, allowed);
}

#[test]
fn sources_switched_off_give_their_state_and_nothing_else() {
    let mut view = testing::server();
    let at = view.snapshot.at.clone();
    view.snapshot = Snapshot::of_nothing(at);
    view.agent = testing::no_agent();
    let observations = observations(&view);
    let off = observations
        .iter()
        .filter(|o| o.def == &metrics::SOURCE_STATE && o.value == Number::Integer(1));
    assert!(off.clone().all(|o| o.labels[1] == "off"));
    assert_eq!(off.count(), SourceId::ALL.len());
    assert!(observations.iter().all(|o| !o.def.name.contains("kernel")));
}

#[test]
fn a_stale_view_gives_exactly_what_is_about_the_agent() {
    let view = made(testing::server());
    let stale = stale_observations(&view);
    let given: BTreeSet<&str> = stale.iter().map(|o| o.def.name).collect();
    let documented: BTreeSet<&str> =
        CATALOGUE.iter().filter(|d| is_about_the_agent(d)).map(|d| d.name).collect();
    assert_eq!(given, documented);
    let flag = stale.iter().find(|o| o.def == &metrics::SNAPSHOT_STALE).unwrap();
    assert_eq!(flag.value, Number::Integer(1));
}

#[test]
fn dimms_and_the_rest_make_the_kernels_total_whatever_the_layout() {
    for view in [testing::server(), testing::contradictory(), testing::large()] {
        let observations = observations(&view);
        let edac = Snapshot::found(&view.snapshot.edac).unwrap();
        for controller in &edac.controllers {
            for (class, dimms, rest) in [
                (
                    ErrorClass::Correctable,
                    &metrics::DIMM_CORRECTABLE,
                    &metrics::UNATTRIBUTED_CORRECTABLE,
                ),
                (
                    ErrorClass::Uncorrectable,
                    &metrics::DIMM_UNCORRECTABLE,
                    &metrics::UNATTRIBUTED_UNCORRECTABLE,
                ),
            ] {
                // Where the kernel contradicts itself there is nothing to equal.
                let whole = controller.dimms.is_empty()
                    || controller.reconcile(class).is_some_and(|c| c.difference() == 0);
                if !whole {
                    continue;
                }
                let key = view.accumulated.controllers[&controller.index].as_str();
                let place = scrubjay_model::SeriesPlace::Total;
                let total = view.accumulated.total(controller.index, place, class).unwrap();
                let told = sum(&observations, dimms, key) + sum(&observations, rest, key);
                assert_eq!(told, Number::from(total.total).as_f64(), "{key} {class:?}");
            }
        }
    }
}

#[test]
fn a_contradiction_is_published_with_its_sign() {
    let observations = observations(&testing::contradictory());
    let told: Vec<(&str, &str, Number)> = observations
        .iter()
        .filter(|o| o.def == &metrics::UNRECONCILED)
        .map(|o| (o.labels[0].as_str(), o.labels[1].as_str(), o.value))
        .collect();
    assert_eq!(
        told,
        [
            ("i7core", "correctable", Number::Integer(-1)),
            ("i7core", "uncorrectable", Number::Integer(0)),
        ]
    );
}

#[test]
fn a_dimm_that_is_gone_leaves_no_series() {
    let mut view = testing::server();
    let edac = view.snapshot.edac.as_mut().unwrap();
    let Reading::Value(edac) = &mut edac.reading else { unreachable!() };
    let dimms = &mut edac.controllers[0].dimms;
    *dimms = dimms.iter().take(1).chain(dimms.iter().skip(2)).cloned().collect();
    let gone = "skylake-socket-0-imc-0/dimm1";
    let key = "skylake-socket-0-imc-0";
    assert!(view.accumulated.totals.keys().any(|k| k.controller.as_str() == key));
    let metrics_of_it: Vec<Observation> = observations(&view)
        .into_iter()
        .filter(|o| o.def != &metrics::FINDING && o.labels.iter().any(|l| l == gone))
        .collect();
    assert_eq!(metrics_of_it, []);
}

#[test]
fn large_counters_are_exact_until_they_are_formatted() {
    assert_eq!(Number::from(u64::MAX), Number::Integer(i128::from(u64::MAX)));
    assert_eq!(Number::from(i64::MIN), Number::Integer(i128::from(i64::MIN)));
    assert_eq!(Number::from((1_u64 << 53) - 1).as_f64(), 9_007_199_254_740_991.0);
}

#[test]
fn a_missing_module_directory_is_told_only_of_kernels_with_modules() {
    let told = |supported: Reading<Present>, directory: Reading<Present>| {
        let mut view = testing::server();
        let kernel = view.snapshot.kernel.as_mut().unwrap();
        let Reading::Value(kernel) = &mut kernel.reading else { unreachable!() };
        kernel.modules_supported = supported;
        kernel.modules_directory = directory;
        observations(&view)
            .into_iter()
            .find(|o| o.def == &metrics::MODULES_DIRECTORY)
            .map(|o| o.value)
    };
    let is = testing::value(Present);
    assert_eq!(told(is.clone(), is.clone()), Some(Number::Integer(1)));
    assert_eq!(told(is.clone(), testing::absent("lib/modules/x")), Some(Number::Integer(0)));
    assert_eq!(told(testing::absent("proc/modules"), testing::absent("lib/modules/x")), None);
    assert_eq!(told(testing::denied("proc/modules"), testing::absent("lib/modules/x")), None);
    assert_eq!(told(is, testing::denied("lib/modules/x")), None);
}

#[test]
fn state_sets_have_exactly_one_member_that_holds() {
    let observations = observations(&testing::server());
    for def in [&metrics::VERDICT, &metrics::COVERAGE, &metrics::LOCKDOWN] {
        let holds: Vec<&Observation> =
            observations.iter().filter(|o| o.def == def && o.value == Number::Integer(1)).collect();
        let sets = if def == &metrics::COVERAGE { 2 } else { 1 };
        assert_eq!(holds.len(), sets, "{}", def.name);
    }
    let taint: Vec<(&str, Number)> = observations
        .iter()
        .filter(|o| o.def == &metrics::KERNEL_TAINT)
        .map(|o| (o.labels[0].as_str(), o.value))
        .collect();
    assert_eq!(taint.len(), 21, "20 known flags and bit 40");
    assert!(taint.contains(&("P", Number::Integer(0))));
    assert!(taint.contains(&("bit_40", Number::Integer(1))));
}

/// How many of these there are in a view.
fn things(view: &HostView, per: Per) -> usize {
    let snapshot = &view.snapshot;
    let controllers = || found(&snapshot.edac).into_iter().flat_map(|edac| &edac.controllers);
    let patches = || found(&snapshot.livepatch).into_iter().flat_map(|l| &l.patches);
    match per {
        Per::Host => 1,
        Per::Controller => controllers().count(),
        Per::Place => controllers().map(|controller| controller.dimms.len()).sum(),
        Per::Module => {
            let modules = view.accumulated.modules.values();
            modules.filter(|module| module.ended_wall_ms.is_none()).count()
        }
        Per::ScrubControl => {
            let devices = found(&snapshot.scrub).into_iter().flat_map(|scrub| &scrub.devices);
            devices.map(|device| device.scrubs.len() + device.error_checks.len()).sum()
        }
        Per::Node => {
            let pages = found(&snapshot.memory_failure);
            pages.and_then(|pages| pages.nodes.value()).map_or(0, Vec::len)
        }
        Per::Finding => view.assessment.findings.len() + view.assessment.coverage.findings.len(),
        Per::Patch => {
            let forced = view.accumulated.forced_in_this_boot(snapshot);
            let forced = forced.iter().map(|f| f.patch.clone().unwrap_or_default());
            let loaded = found(&snapshot.livepatch_modules).into_iter();
            let loaded = loaded.flat_map(|modules| &modules.modules).map(|m| m.name.clone());
            let listed = patches().map(|patch| patch.name.clone());
            let all: BTreeSet<String> = forced.chain(loaded).chain(listed).collect();
            all.len()
        }
        Per::PatchObject => {
            let objects = patches().filter_map(|patch| patch.objects.value());
            objects.map(Vec::len).sum()
        }
        Per::Vulnerability => found(&snapshot.cpu_vulnerabilities).map_or(0, Vec::len),
        Per::Watchdog => {
            let previous = found(&snapshot.previous_boot);
            previous.and_then(|previous| previous.watchdogs.value()).map_or(0, Vec::len)
        }
        Per::Source => SourceId::ALL.len(),
        Per::Acknowledgement => view.alerts.acks.len(),
        Per::Receiver => view.agent.value().map_or(0, |agent| agent.notifications.receivers.len()),
    }
}

#[test]
fn no_family_has_more_series_than_the_catalogue_says() {
    let views = [
        testing::server(),
        testing::guest(),
        testing::contradictory(),
        testing::large(),
        testing::blind(),
        made(modules::tests::with(&[0, 1])),
    ];
    let mut reached = BTreeSet::new();
    for view in &views {
        for (name, samples) in by_name(&observations(view)) {
            let Bound { most, per } = samples[0].def.bound;
            let most = usize::try_from(most).unwrap() * things(view, per);
            assert!(samples.len() <= most, "{name}: {} of {most}", samples.len());
            if samples.len() == most {
                reached.insert(name.to_owned());
            }
        }
    }
    // A bound that nothing comes near says nothing. These are reached on hosts of other kinds.
    let never: Vec<&str> =
        CATALOGUE.iter().map(|def| def.name).filter(|name| !reached.contains(*name)).collect();
    insta::assert_debug_snapshot!(never, @r#"
    [
        "scrubjay_device_scrub_background_enabled",
        "scrubjay_device_scrub_cycle_seconds",
        "scrubjay_device_ecs_threshold_errors",
        "scrubjay_kernel_taint",
        "scrubjay_livepatch_transition_seconds",
        "scrubjay_livepatch_support_end_timestamp_seconds",
        "scrubjay_livepatch_enabled",
        "scrubjay_livepatch_transition",
        "scrubjay_livepatch_functions",
        "scrubjay_livepatch_forced",
        "scrubjay_livepatch_module_info",
        "scrubjay_livepatch_module_on_disk",
        "scrubjay_livepatch_module_signed",
        "scrubjay_livepatch_module_as_installed",
        "scrubjay_livepatch_module_size_bytes",
        "scrubjay_reboot_reason",
        "scrubjay_event_reports_total",
        "scrubjay_dimm_unreported_errors",
        "scrubjay_history_folded_rows_total",
    ]
    "#);
}

#[test]
fn counters_say_since_when_they_count_and_not_what_lies_ahead() {
    let mut view = testing::server();
    let created = |view: &HostView, def: &MetricDef| {
        let observations = observations(view);
        let all: Vec<Option<i64>> =
            observations.iter().filter(|o| o.def == def).map(|o| o.created_wall_ms).collect();
        assert!(!all.is_empty(), "{}", def.name);
        all
    };
    for observation in observations(&view) {
        let counter = observation.def.kind == scrubjay_model::MetricKind::Counter;
        assert!(counter || observation.created_wall_ms.is_none(), "{observation:?}");
    }
    assert!(created(&view, &metrics::COUNTER_RESTARTS).iter().all(Option::is_some));
    // The kernel tells of these since boot, and when that was moves with the wall clock.
    assert!(created(&view, &metrics::KERNEL_OOPS).iter().all(Option::is_none));
    for total in view.accumulated.totals.values_mut() {
        total.since_wall_ms = testing::NOW_MS + 1;
    }
    assert!(created(&view, &metrics::COUNTER_RESTARTS).iter().all(Option::is_none));
}

#[test]
fn sums_that_may_have_begun_with_old_errors_do_not_say_that_they_began_at_zero() {
    let view = super::modules::tests::with(&[0, 1]);
    let mut seen = BTreeSet::new();
    for o in observations(&view) {
        let is_sum = [
            &metrics::DIMM_CORRECTABLE,
            &metrics::DIMM_UNCORRECTABLE,
            &metrics::UNATTRIBUTED_CORRECTABLE,
            &metrics::UNATTRIBUTED_UNCORRECTABLE,
            &metrics::MODULE_CORRECTABLE,
            &metrics::MODULE_UNCORRECTABLE,
        ]
        .contains(&o.def);
        if is_sum {
            let is_zero = o.value.as_f64() == 0.0;
            assert_eq!(o.created_wall_ms.is_some(), is_zero, "{o:?}");
            seen.insert((o.def.name.contains("module"), is_zero));
        }
    }
    assert_eq!(seen.len(), 4, "sums of both kinds, of zero and above it: {seen:?}");
}

#[test]
fn samples_that_coincide_are_given_once() {
    let mut view = testing::server();
    let livepatch = view.snapshot.livepatch.as_mut().unwrap();
    let Reading::Value(livepatch) = &mut livepatch.reading else { unreachable!() };
    let twin = livepatch.patches[0].clone();
    livepatch.patches.push(twin);
    let observations = observations(&view);
    let mut seen = BTreeSet::new();
    for observation in &observations {
        assert!(seen.insert((observation.def.name, &observation.labels)), "{observation:?}");
    }
}
