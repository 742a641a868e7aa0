//! Reports of errors, over all the time the history knows.

use super::Samples;
use super::memory::begun;
use scrubjay_model::{
    ControllerKey, EventClass, EventPath, HostView, Place, SeriesPlace, Snapshot, metrics,
};
use std::collections::BTreeSet;

/// Where nobody ever listened, that there were no reports says nothing and is not exported.
pub(super) fn observe(samples: &mut Samples, view: &HostView) {
    let path = view.agent.value().map(|agent| agent.events.path);
    let listens = path.is_some_and(|path| path != EventPath::Counters);
    if !listens && view.accumulated.reports.is_empty() {
        return;
    }
    let accumulated = &view.accumulated;
    let since = view.history.value().map(|history| history.since_wall_ms);
    // The log that the first run found may have told of errors from before the history began.
    let begun = |sum: u64| since.and_then(|since| begun(sum, since));
    for class in EventClass::ALL {
        let of_class = accumulated.reports.iter().filter(|((_, of), _)| *of == class);
        let counted = of_class.fold(0, |sum: u64, (_, total)| sum.saturating_add(total.counted));
        samples.push_since(&metrics::REPORTED_ERRORS, [class.as_str()], counted, begun(counted));
    }
    for ((witness, class), total) in &accumulated.reports {
        let labels = [witness.as_str(), class.as_str()];
        samples.push_since(&metrics::EVENT_REPORTS, labels, total.reports, begun(total.reports));
    }
    samples.push_since(&metrics::EVENT_LOST, [], accumulated.lost_reports, since);
    let undecodable = accumulated.undecodable_reports;
    samples.push_since(&metrics::EVENT_UNDECODABLE, [], undecodable, since);
    let edac = Snapshot::found(&view.snapshot.edac);
    let controllers = edac.into_iter().flat_map(|edac| &edac.controllers);
    let shown: BTreeSet<(&ControllerKey, Place)> = controllers
        .filter_map(|shown| Some((accumulated.controllers.get(&shown.index)?, &shown.dimms)))
        .flat_map(|(key, dimms)| dimms.iter().map(move |dimm| (key, dimm.place)))
        .collect();
    for key in accumulated.witnessed.keys() {
        let SeriesPlace::Dimm(place) = key.place else { continue };
        // Of one that is gone there is nothing to compare any more.
        if !shown.contains(&(&key.controller, place)) {
            continue;
        }
        if let Some(unreported) = accumulated.unreported(key) {
            let (controller, dimm) = (key.controller.as_str(), key.controller.place(place));
            let labels = [controller, &dimm, key.class.as_str()];
            samples.push(&metrics::UNREPORTED, labels, unreported);
        }
    }
}
