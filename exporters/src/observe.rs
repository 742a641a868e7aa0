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
use scrubjay_model::{CATALOGUE, HostView, MetricDef, Reading, Section, Snapshot, metrics};
use std::collections::{HashMap, HashSet};

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The metric.
    pub def: &'static MetricDef,
    /// Label values, in the order of [`MetricDef::labels`]; free of control characters.
    pub labels: Vec<String>,
    /// The value, in the metric's unit.
    pub value: Number,
    /// Of a counter: since when it counts, milliseconds since the Unix epoch, if that is known.
    pub created_wall_ms: Option<i64>,
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
    let compatible = view.agent.value().is_some_and(|agent| agent.node_reboot_required);
    observations_with(view, compatible)
}

/// The same, and if `compatible` the answer to whether to reboot under the name that others use as well.
pub(crate) fn observations_with(view: &HostView, compatible: bool) -> Vec<Observation> {
    let mut samples = Samples::default();
    verdict::observe(&mut samples, &view.assessment);
    alerts::observe(&mut samples, &view.alerts);
    observe_snapshot(&mut samples, view);
    if compatible {
        patches::observe_compatible(&mut samples, view);
    }
    agent::observe_history(&mut samples, &view.history);
    events::observe(&mut samples, view);
    agent::observe_sources(&mut samples, &view.snapshot);
    agent::observe_agent(&mut samples, view);
    samples.push(&metrics::SNAPSHOT_STALE, [], false);
    samples.until(view.snapshot.at.wall_ms)
}

/// The samples left of a view that is too old to speak for the host: those about the agent, and
/// the one that says so.
pub fn stale_observations(view: &HostView) -> Vec<Observation> {
    let mut samples = Samples::default();
    agent::observe_agent(&mut samples, view);
    samples.push(&metrics::SNAPSHOT_STALE, [], true);
    samples.until(view.snapshot.at.wall_ms)
}

/// The samples by family, in the order of the catalogue; within one in the order they are in.
pub(crate) fn families(
    observations: &[Observation],
) -> Vec<(&'static MetricDef, Vec<&Observation>)> {
    let mut by_name: HashMap<&str, Vec<&Observation>> = HashMap::new();
    for observation in observations {
        by_name.entry(observation.def.name).or_default().push(observation);
    }
    CATALOGUE.iter().filter_map(|def| Some((*def, by_name.remove(def.name)?))).collect()
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
struct Samples(Vec<Observation>);

impl Samples {
    /// Adds a sample.
    fn push<const N: usize>(
        &mut self,
        def: &'static MetricDef,
        labels: [&str; N],
        value: impl Into<Number>,
    ) {
        self.push_since(def, labels, value, None);
    }

    /// Adds a sample of a counter that has counted since a moment, if that is known.
    fn push_since<const N: usize>(
        &mut self,
        def: &'static MetricDef,
        labels: [&str; N],
        value: impl Into<Number>,
        created_wall_ms: Option<i64>,
    ) {
        debug_assert_eq!(def.labels.len(), N, "{}", def.name);
        let labels: Vec<String> = labels.iter().map(|l| printable(l).into_owned()).collect();
        self.0.push(Observation { def, labels, value: value.into(), created_wall_ms });
    }

    /// The samples, of those with the same metric and labels the first.
    ///
    /// Two may coincide when names that are not UTF-8 were made printable. Prometheus refuses a
    /// whole page with a duplicate, so we lean towards keeping the first.
    ///
    /// A counter cannot have begun after it was read: where the wall clock was set back since, the
    /// moment it began is not known by the clock of today.
    fn until(mut self, now_wall_ms: i64) -> Vec<Observation> {
        let mut seen = HashSet::with_capacity(self.0.len());
        let first: Vec<bool> =
            self.0.iter().map(|s| seen.insert((s.def.name, s.labels.as_slice()))).collect();
        let mut first = first.into_iter();
        self.0.retain(|_| first.next() == Some(true));
        for sample in &mut self.0 {
            sample.created_wall_ms = sample.created_wall_ms.filter(|ms| *ms <= now_wall_ms);
        }
        self.0
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
pub(crate) fn seconds(wall_ms: i64) -> Number {
    if wall_ms % 1000 == 0 {
        return (wall_ms / 1000).into();
    }
    #[expect(clippy::cast_precision_loss, reason = "exact up to the year 287000")]
    let wall_ms = wall_ms as f64;
    (wall_ms / 1000.0).into()
}

#[cfg(test)]
mod tests;
