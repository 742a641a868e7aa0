//! Error counters, pages taken out of use, and the switches that hide errors.

use super::Samples;
use scrubjay_model::{
    Accumulated, Controller, Dimm, Edac, ErrorClass, ErrorCounts, HostView, MachineCheck,
    MemoryFailure, MetricDef, NodeMemoryFailure, PageState, Reading, Scrub, ScrubDevice,
    SeriesPlace, SeriesTotal, SoftOfflined, Stamp, metrics,
};

/// Label values are the history's: a controller it has no key for has no name to be exported by.
pub(super) fn observe_edac(
    samples: &mut Samples,
    edac: &Edac,
    accumulated: &Accumulated,
    at: &Stamp,
) {
    for controller in &edac.controllers {
        let Some(key) = accumulated.controllers.get(&controller.index) else { continue };
        let totals = Totals { accumulated, index: controller.index };
        observe_controller(samples, controller, key.as_str(), &totals, at);
        for dimm in controller.dimms.iter() {
            observe_dimm(samples, controller, dimm, key.as_str(), &key.place(dimm.place), &totals);
        }
    }
}

/// The history's sums for one controller.
struct Totals<'a> {
    accumulated: &'a Accumulated,
    index: u32,
}

impl Totals<'_> {
    /// The sum over all lives, but only while the kernel shows the counter: a sum whose counter is
    /// gone says nothing about now.
    fn shown(
        &self,
        place: SeriesPlace,
        class: ErrorClass,
        now: &ErrorCounts,
    ) -> Option<&SeriesTotal> {
        now.get(class).value()?;
        self.accumulated.total(self.index, place, class)
    }
}

/// Since when a sum of errors counts from zero. What the kernel had counted at first sight is in
/// the sum, so one above zero may have begun above it: it was not zero at that moment, and whoever
/// took it for zero would take old errors for new ones. A sum never falls, so one of zero began so.
pub(super) fn begun(total: u64, since_wall_ms: i64) -> Option<i64> {
    (total == 0).then_some(since_wall_ms)
}

fn observe_controller(
    samples: &mut Samples,
    controller: &Controller,
    key: &str,
    totals: &Totals<'_>,
    at: &Stamp,
) {
    let Controller {
        index,
        name,
        // The sum of its DIMMs' sizes; a total beside its parts.
        size_bytes: _,
        seconds_since_reset,
        scrub_rate,
        errors,
        unattributed,
        layout,
        dimms,
        // They check the sums; see `reconcile`.
        csrows: _,
        steady: _,
    } = controller;

    let edac = format!("mc{index}");
    let labels = [key, &edac, text(name), layout.as_str()];
    samples.push(&metrics::CONTROLLER_INFO, labels, true);
    samples.push_reading(&metrics::SCRUB_RATE, [key], scrub_rate);
    if let Some(pass) = controller.full_pass() {
        samples.push(&metrics::SCRUB_FULL_PASS, [key], pass.as_secs_f64());
    }

    for class in ErrorClass::ALL {
        // Where no part counts this class, all of the total is unattributed. So the sum over both
        // metrics is the kernel's total on every kind of controller.
        let has_parts = dimms.iter().any(|dimm| !dimm.errors.get(class).is_absent());
        let (place, now) = if has_parts {
            (SeriesPlace::Unattributed, unattributed)
        } else {
            (SeriesPlace::Total, errors)
        };
        if let Some(SeriesTotal { total, since_wall_ms, restarts: _ }) =
            totals.shown(place, class, now)
        {
            let since = begun(*total, *since_wall_ms);
            samples.push_since(unattributed_metric(class), [key], *total, since);
        }
        if let Some(sums) = controller.reconcile(class) {
            samples.push(&metrics::UNRECONCILED, [key, class.as_str()], sums.difference());
        }
    }

    // Both classes are zeroed together. Where only one of them was seen to restart, the other was
    // not read at the time, so the higher number is the true one.
    let restarts = ErrorClass::ALL
        .into_iter()
        .filter_map(|class| totals.shown(SeriesPlace::Total, class, errors))
        .max_by_key(|total| total.restarts);
    if let Some(SeriesTotal { total: _, since_wall_ms, restarts }) = restarts {
        let since = Some(*since_wall_ms);
        samples.push_since(&metrics::COUNTER_RESTARTS, [key], *restarts, since);
    }
    if let Some(zeroed) = seconds_since_reset.value().and_then(|s| zeroed_s(at, *s)) {
        samples.push(&metrics::COUNTERS_ZEROED, [key], zeroed);
    }
}

/// When the counters were zeroed, in whole seconds since the Unix epoch: the kernel tells no more.
fn zeroed_s(at: &Stamp, seconds_since_reset: u64) -> Option<i64> {
    at.wall_ms.div_euclid(1000).checked_sub_unsigned(seconds_since_reset)
}

fn observe_dimm(
    samples: &mut Samples,
    controller: &Controller,
    dimm: &Dimm,
    key: &str,
    id: &str,
    totals: &Totals<'_>,
) {
    let Dimm { place, label, location, size_bytes, memory_type, device_type, edac_mode, errors } =
        dimm;
    let edac = format!("mc{}/{place}", controller.index);
    let labels = [
        key,
        id,
        &edac,
        text(label),
        text(location),
        text(memory_type),
        text(device_type),
        text(edac_mode),
    ];
    samples.push(&metrics::DIMM_INFO, labels, true);
    samples.push_reading(&metrics::DIMM_SIZE, [key, id], size_bytes);
    for class in ErrorClass::ALL {
        if let Some(SeriesTotal { total, since_wall_ms, restarts: _ }) =
            totals.shown(SeriesPlace::Dimm(*place), class, errors)
        {
            let since = begun(*total, *since_wall_ms);
            samples.push_since(dimm_metric(class), [key, id], *total, since);
        }
    }
}

fn dimm_metric(class: ErrorClass) -> &'static MetricDef {
    match class {
        ErrorClass::Correctable => &metrics::DIMM_CORRECTABLE,
        ErrorClass::Uncorrectable => &metrics::DIMM_UNCORRECTABLE,
    }
}

fn unattributed_metric(class: ErrorClass) -> &'static MetricDef {
    match class {
        ErrorClass::Correctable => &metrics::UNATTRIBUTED_CORRECTABLE,
        ErrorClass::Uncorrectable => &metrics::UNATTRIBUTED_UNCORRECTABLE,
    }
}

/// The text for a label of an info metric. To Prometheus an empty label is one that is not there,
/// which is what a text without a value is.
fn text(reading: &Reading<String>) -> &str {
    reading.value().map_or("", String::as_str)
}

pub(super) fn observe_pages(samples: &mut Samples, pages: &MemoryFailure) {
    let MemoryFailure {
        hardware_corrupted_bytes,
        nodes,
        // Switches; a finding speaks for each.
        recovery: _,
        soft_offline: _,
        page_size_bytes: _,
    } = pages;
    match pages.soft_offlined() {
        Some(SoftOfflined::Pages(pages)) => {
            samples.push(&metrics::SOFT_OFFLINED_PAGES, [], pages);
        }
        Some(SoftOfflined::Missing(pages)) => {
            samples.push(&metrics::SOFT_OFFLINED_PAGES, [], -i128::from(pages));
        }
        None => {}
    }
    samples.push_reading(&metrics::MEMORY_CORRUPTED, [], hardware_corrupted_bytes);
    for NodeMemoryFailure { node, pages } in nodes.value().into_iter().flatten() {
        // The kernel's `total` is the sum of the results and would be counted twice.
        for (result, count) in pages.by_result().into_iter().filter(|(name, _)| *name != "total") {
            let labels = [&node.to_string(), result];
            samples.push_reading(&metrics::MEMORY_FAILURE_PAGES, labels, count);
        }
    }
}

/// The registry, where there is one: none would be read as no bad page.
pub(super) fn observe_bad_pages(samples: &mut Samples, view: &HostView) {
    if view.history.value().is_none() {
        return;
    }
    for state in PageState::ALL {
        let pages = view.accumulated.bad_pages.values().filter(|page| page.state == state);
        let pages = u64::try_from(pages.count()).unwrap_or(u64::MAX);
        samples.push(&metrics::BAD_PAGES, [state.as_str()], pages);
    }
}

pub(super) fn observe_machine_check(samples: &mut Samples, check: &MachineCheck) {
    let MachineCheck { check_interval_seconds, ignore_ce, dont_log_ce, cmci_disabled } = check;
    samples.push_reading(&metrics::MACHINE_CHECK_INTERVAL, [], check_interval_seconds);
    for (switch, reading) in
        [("ignore_ce", ignore_ce), ("dont_log_ce", dont_log_ce), ("cmci_disabled", cmci_disabled)]
    {
        samples.push_reading(&metrics::MACHINE_CHECK_SWITCH, [switch], reading);
    }
}

pub(super) fn observe_scrub(samples: &mut Samples, scrub: &Scrub) {
    // CXL memories are described in the JSON; of them nothing changes.
    let Scrub { devices, cxl: _ } = scrub;
    for ScrubDevice { name, scrubs, error_checks, repairs: _ } in devices {
        for control in scrubs {
            let labels = [name.as_str(), &format!("scrub{}", control.index)];
            let (background, cycle) = (&control.background, &control.cycle_seconds);
            samples.push_reading(&metrics::DEVICE_SCRUB_BACKGROUND, labels, background);
            samples.push_reading(&metrics::DEVICE_SCRUB_CYCLE, labels, cycle);
        }
        for check in error_checks {
            let labels = [name.as_str(), &format!("ecs_fru{}", check.index)];
            samples.push_reading(&metrics::DEVICE_ECS_THRESHOLD, labels, &check.threshold);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_before_the_epoch_of_the_clock_is_no_overflow() {
        let at = crate::testing::stamp(100, 1_500);
        assert_eq!(zeroed_s(&at, 1), Some(0));
        assert_eq!(zeroed_s(&at, u64::MAX), None);
    }
}
