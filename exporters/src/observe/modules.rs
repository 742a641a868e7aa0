//! Sticks of memory. See ADR 0009 on why no serial number is among the labels.

use super::Samples;
use scrubjay_model::{
    Controller, ControllerKey, Dimm, DimmVerdict, Edac, ErrorClass, HostView, MetricDef, ModuleKey,
    ModuleRecord, Place, Snapshot, Verdict, metrics,
};
use std::collections::BTreeMap;

/// Those that are there. One that is gone has its errors in the history and leaves no ghost here.
pub(super) fn observe(samples: &mut Samples, view: &HostView) {
    let edac = Snapshot::found(&view.snapshot.edac);
    let shown = edac.map(|edac| shown(edac, &view.accumulated.controllers)).unwrap_or_default();
    let judged: BTreeMap<&ModuleKey, &DimmVerdict> =
        view.assessment.dimms.iter().map(|dimm| (&dimm.key, dimm)).collect();
    let modules = view.accumulated.modules.values().filter(|m| m.ended_wall_ms.is_none());
    // Where firmware lists no stick and nobody named a slot there is only a place of EDAC, of which
    // the metrics of DIMMs tell all there is.
    for record in modules.filter(|m| m.listed || m.slot_name().is_some()) {
        let module = record.key.opaque();
        let slot = record.slot_name().unwrap_or_default();
        let labels = [
            module.as_str(),
            &slot,
            record.part.as_deref().unwrap_or_default(),
            &record.place_names().join(","),
            record.identity.as_str(),
            record.confidence.as_str(),
        ];
        samples.push(&metrics::MODULE_INFO, labels, true);
        for class in ErrorClass::ALL {
            if is_shown(record, class, &shown) {
                let since = super::memory::begun(record.errors(class), record.since_wall_ms);
                samples.push_since(metric(class), [&module, &slot], record.errors(class), since);
            }
        }
        let judged = judged.get(&record.key).copied();
        for verdict in judged.into_iter().flat_map(|_| Verdict::ALL) {
            let holds = judged.is_some_and(|dimm| dimm.verdict == verdict);
            samples.push(&metrics::MODULE_VERDICT, [&module, &slot, verdict.as_str()], holds);
        }
        if let Some(dimm) = judged.filter(|dimm| dimm.risk.within_7_days.is_some()) {
            let chance = dimm.risk.within_horizon.value();
            samples.push(&metrics::MODULE_FAILURE, [&module, &slot], chance);
        }
        if let Some(chance) = judged.and_then(|dimm| dimm.trend_p) {
            samples.push(&metrics::MODULE_TREND, [&module, &slot], chance.value());
        }
    }
}

/// The places that the kernel shows, by what the history calls them.
type Shown<'a> = BTreeMap<(&'a ControllerKey, Place), &'a Dimm>;

fn shown<'a>(edac: &'a Edac, keys: &'a BTreeMap<u32, ControllerKey>) -> Shown<'a> {
    let of_controller = |controller: &'a Controller| {
        let dimms = controller.dimms.iter();
        let key = keys.get(&controller.index);
        key.into_iter()
            .flat_map(move |key| dimms.clone().map(move |dimm| ((key, dimm.place), dimm)))
    };
    edac.controllers.iter().flat_map(of_controller).collect()
}

/// Whether the kernel shows the counter of each of its places: a sum whose counters are gone says
/// nothing about now.
fn is_shown(record: &ModuleRecord, class: ErrorClass, shown: &Shown<'_>) -> bool {
    let shows = |(key, place): &(ControllerKey, Place)| {
        let dimm = shown.get(&(key, *place));
        dimm.is_some_and(|dimm| dimm.errors.get(class).value().is_some())
    };
    !record.places.is_empty() && record.places.iter().all(shows)
}

fn metric(class: ErrorClass) -> &'static MetricDef {
    match class {
        ErrorClass::Correctable => &metrics::MODULE_CORRECTABLE,
        ErrorClass::Uncorrectable => &metrics::MODULE_UNCORRECTABLE,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use crate::{prometheus, testing};
    use scrubjay_model::{ControllerKey, HostView, ModuleKey, ModuleRecord, Place};

    pub(in crate::observe) fn with(places: &[u32]) -> HostView {
        let controller = ControllerKey::from_stored("skylake-socket-0-imc-0");
        let (record, _) = testing::remembered();
        let places = places.iter().map(|n| (controller.clone(), Place::Dimm(*n))).collect();
        let gone = ModuleRecord {
            key: ModuleKey::from_stored("gone"),
            ended_wall_ms: Some(testing::NOW_MS),
            ..record.clone()
        };
        let record = ModuleRecord { places, ..record };
        let mut view = testing::server();
        view.accumulated.modules =
            [record, gone].into_iter().map(|record| (record.key.clone(), record)).collect();
        view
    }

    fn page(view: &HostView) -> Vec<String> {
        let page = prometheus::render(view, false).unwrap();
        page.lines().filter(|l| l.starts_with("scrubjay_module_")).map(str::to_owned).collect()
    }

    #[test]
    fn a_stick_has_its_sums_under_a_name_that_is_not_its_serial_number() {
        let view = with(&[0, 1]);
        let name = ModuleKey::from_stored("425bb669").opaque();
        let page = page(&view);
        // Of these, five verdicts, a probability and the p of a trend.
        assert_eq!(page.len(), 10, "{page:?}");
        let plan = format!(
            "scrubjay_module_verdict{{module=\"{name}\",slot=\"DIMM_A1\",verdict=\"plan\"}} 1"
        );
        assert!(page.contains(&plan), "{page:?}");
        let sum = format!(
            "scrubjay_module_correctable_errors_total{{module=\"{name}\",slot=\"DIMM_A1\"}} 12"
        );
        assert!(page.contains(&sum), "{page:?}");
        assert!(!page.iter().any(|line| line.to_lowercase().contains("425bb669")), "{page:?}");
    }

    #[test]
    fn a_place_that_is_known_as_no_stick_has_no_sample_here() {
        let mut view = with(&[0]);
        for record in view.accumulated.modules.values_mut() {
            (record.listed, record.slot, record.bank) = (false, None, None);
        }
        assert_eq!(page(&view), Vec::<String>::new());
    }

    #[test]
    fn sums_of_places_that_the_kernel_does_not_show_are_left_out() {
        for places in [&[][..], &[0, 9]] {
            let mut page = page(&with(places));
            page.retain(|line| line.contains("_errors_total"));
            assert_eq!(page, Vec::<String>::new());
        }
    }
}
