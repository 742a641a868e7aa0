//! The samples a view of a host gives: the one place where readings become numbers.
//!
//! A reading that is not a value gives no sample, never 0 and never NaN. A state set gives 0 or 1
//! for every member when the fact is known, and nothing when it is not. [`Snapshot`] and
//! [`AgentStats`](scrubjay_model::AgentStats) are taken apart without `..`, so that the compiler
//! lists what a new source still needs here.

mod agent;
mod alerts;
mod events;
mod kernel;
mod livepatch_modules;
mod memory;
mod modules;
mod patches;
mod previous_boot;
mod verdict;

use crate::printable;
use scrubjay_model::{HostView, MetricDef, Reading, Section, Snapshot, metrics};
use std::collections::BTreeSet;

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The metric.
    pub def: &'static MetricDef,
    /// Label values, in the order of [`MetricDef::labels`]; free of control characters.
    pub labels: Vec<String>,
    /// The value, in the metric's unit.
    pub value: Number,
}

/// A number as it was read or computed. Only formatting turns it into floating point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Counts and sizes; holds every `u64` and `i64` exactly.
    Integer(i128),
    /// Times.
    Real(f64),
}

impl Number {
    /// The number as Prometheus keeps it: integers beyond 2⁵³ are rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the exposition format has no integers")]
            Self::Integer(n) => n as f64,
            Self::Real(x) => x,
        }
    }
}

impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Self::Integer(n.into())
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self::Integer(n.into())
    }
}

impl From<i128> for Number {
    fn from(n: i128) -> Self {
        Self::Integer(n)
    }
}

impl From<bool> for Number {
    fn from(b: bool) -> Self {
        Self::Integer(b.into())
    }
}

impl From<f64> for Number {
    fn from(x: f64) -> Self {
        Self::Real(x)
    }
}

/// All samples of a view that speaks for the host now. No two have the same metric and labels.
pub fn observations(view: &HostView) -> Vec<Observation> {
    let mut samples = Samples::default();
    verdict::observe(&mut samples, &view.assessment);
    alerts::observe(&mut samples, &view.alerts);
    observe_snapshot(&mut samples, view);
    agent::observe_history(&mut samples, &view.history);
    events::observe(&mut samples, view);
    agent::observe_sources(&mut samples, &view.snapshot);
    agent::observe_agent(&mut samples, view);
    samples.push(&metrics::SNAPSHOT_STALE, [], false);
    samples.0
}

/// The samples left of a view that is too old to speak for the host: those about the agent, and
/// the one that says so.
pub fn stale_observations(view: &HostView) -> Vec<Observation> {
    let mut samples = Samples::default();
    agent::observe_agent(&mut samples, view);
    samples.push(&metrics::SNAPSHOT_STALE, [], true);
    samples.0
}

/// Whether a metric is about the agent, and so also on a stale page.
pub fn is_about_the_agent(def: &MetricDef) -> bool {
    [&metrics::SNAPSHOT_STALE]
        .into_iter()
        .chain(agent::ABOUT_THE_AGENT)
        .any(|about| about.name == def.name)
}

fn observe_snapshot(samples: &mut Samples, view: &HostView) {
    let Snapshot {
        at,
        edac,
        memory_failure,
        uptime,
        kernel,
        kernel_health,
        cpu_vulnerabilities,
        kexec,
        lockdown,
        livepatch,
        reboot_markers,
        machine_check,
        // Decides what can be seen, and so speaks through the coverage metrics.
        platform: _,
        kernel_log,
        scrub,
        previous_boot,
        // Serial numbers belong on no metrics page; sticks are there under opaque names.
        smbios: _,
        dimm_labels: _,
        // Judged together.
        packages: _,
        boot_images: _,
        cve_lists: _,
        microcode,
        livepatch_modules,
        // Speaks through the live patches as a whole.
        livepatch_systems: _,
        processes,
    } = &view.snapshot;
    // Where nobody was to look nothing is said.
    let asked = view.snapshot.packages.is_some() || view.snapshot.boot_images.is_some();
    if let Some(truth) = view.assessment.patches.as_ref().filter(|_| asked) {
        patches::observe(samples, truth, at.wall_ms);
    }
    patches::observe_reboot(samples, view);
    if let Some(scrub) = found(scrub) {
        memory::observe_scrub(samples, scrub);
    }
    if let Some(edac) = found(edac) {
        memory::observe_edac(samples, edac, &view.accumulated, at);
    }
    if let Some(pages) = found(memory_failure) {
        memory::observe_pages(samples, pages);
    }
    memory::observe_bad_pages(samples, view);
    modules::observe(samples, view);
    if let Some(check) = found(machine_check) {
        memory::observe_machine_check(samples, check);
    }
    if let Some(uptime) = found(uptime) {
        kernel::observe_uptime(samples, uptime);
    }
    if let Some(kernel) = found(kernel) {
        kernel::observe_identity(samples, kernel);
    }
    if let Some(health) = found(kernel_health) {
        kernel::observe_health(samples, health);
    }
    if let Some(vulnerabilities) = found(cpu_vulnerabilities) {
        kernel::observe_vulnerabilities(samples, vulnerabilities);
    }
    if let Some(kexec) = found(kexec) {
        kernel::observe_kexec(samples, kexec);
    }
    if let Some(mode) = found(lockdown) {
        kernel::observe_lockdown(samples, *mode);
    }
    if let Some(livepatch) = found(livepatch) {
        kernel::observe_livepatch(samples, livepatch);
    }
    if let Some(found) = found(livepatch_modules) {
        livepatch_modules::observe(samples, found);
    }
    kernel::observe_live_patches(samples, &view.snapshot, &view.accumulated.transitions);
    let forced = view.accumulated.forced_in_this_boot(&view.snapshot);
    kernel::observe_forced(samples, &forced, found(livepatch), found(kernel_log));
    if let Some(markers) = found(reboot_markers) {
        kernel::observe_markers(samples, markers);
    }
    if let Some(microcode) = found(microcode) {
        kernel::observe_microcode(samples, microcode);
    }
    if let Some(processes) = found(processes) {
        kernel::observe_processes(samples, processes);
    }
    if let Some(previous) = found(previous_boot) {
        previous_boot::observe(samples, previous);
    }
}

fn found<T>(section: &Option<Section<T>>) -> Option<&T> {
    Snapshot::found(section)
}

#[derive(Debug, Default)]
struct Samples(Vec<Observation>, BTreeSet<(&'static str, Vec<String>)>);

impl Samples {
    /// Adds a sample, unless there is one with the same metric and labels already.
    ///
    /// Two may coincide when names that are not UTF-8 were made printable. Prometheus refuses a
    /// whole page with a duplicate, so we lean towards keeping the first.
    fn push<const N: usize>(
        &mut self,
        def: &'static MetricDef,
        labels: [&str; N],
        value: impl Into<Number>,
    ) {
        debug_assert_eq!(def.labels.len(), N, "{}", def.name);
        let labels: Vec<String> = labels.iter().map(|l| printable(l).into_owned()).collect();
        if self.1.insert((def.name, labels.clone())) {
            self.0.push(Observation { def, labels, value: value.into() });
        }
    }

    /// Adds a sample if the reading is a value.
    fn push_reading<const N: usize, T: Copy + Into<Number>>(
        &mut self,
        def: &'static MetricDef,
        labels: [&str; N],
        reading: &Reading<T>,
    ) {
        if let Some(value) = reading.value() {
            self.push(def, labels, *value);
        }
    }

    /// Adds 1 for the member that holds and 0 for every other one; the member's name is the last
    /// label.
    fn push_set<T: PartialEq + Copy>(
        &mut self,
        def: &'static MetricDef,
        first: Option<&str>,
        members: &[T],
        name: impl Fn(T) -> &'static str,
        holds: T,
    ) {
        for member in members.iter().copied() {
            match first {
                Some(first) => self.push(def, [first, name(member)], member == holds),
                None => self.push(def, [name(member)], member == holds),
            }
        }
    }
}

/// Milliseconds since the Unix epoch as seconds.
fn seconds(wall_ms: i64) -> Number {
    if wall_ms % 1000 == 0 {
        return (wall_ms / 1000).into();
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to the year 287000")]
    let wall_ms = wall_ms as f64;
    (wall_ms / 1000.0).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use scrubjay_model::{CATALOGUE, ErrorClass, Present, SourceId};
    use std::collections::BTreeMap;

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

    #[test]
    fn every_metric_of_the_catalogue_is_given_by_a_host_that_offers_everything() {
        let observations = observations(&modules::tests::with(&[0, 1]));
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
        view.agent = None;
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
        let view = testing::server();
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
        edac.controllers[0].dimms.remove(1);
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
            let holds: Vec<&Observation> = observations
                .iter()
                .filter(|o| o.def == def && o.value == Number::Integer(1))
                .collect();
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
}
