//! Reports of errors, over all the time the history knows.

use super::Samples;
use scrubjay_model::{EventClass, EventPath, HostView, SeriesPlace, metrics};

/// Where nobody ever listened, that there were no reports says nothing and is not exported.
pub(super) fn observe(samples: &mut Samples, view: &HostView) {
    let path = view.agent.as_ref().map(|agent| agent.events.path);
    let listens = path.is_some_and(|path| path != EventPath::Counters);
    if !listens && view.accumulated.reports.is_empty() {
        return;
    }
    let accumulated = &view.accumulated;
    for class in EventClass::ALL {
        let of_class = accumulated.reports.iter().filter(|((_, of), _)| *of == class);
        let counted = of_class.fold(0, |sum: u64, (_, total)| sum.saturating_add(total.counted));
        samples.push(&metrics::REPORTED_ERRORS, [class.as_str()], counted);
    }
    for ((witness, class), total) in &accumulated.reports {
        let labels = [witness.as_str(), class.as_str()];
        samples.push(&metrics::EVENT_REPORTS, labels, total.reports);
    }
    samples.push(&metrics::EVENT_LOST, [], accumulated.lost_reports);
    samples.push(&metrics::EVENT_UNDECODABLE, [], accumulated.undecodable_reports);
    for key in accumulated.witnessed.keys() {
        let SeriesPlace::Dimm(place) = key.place else { continue };
        if let Some(unreported) = accumulated.unreported(key) {
            let (controller, dimm) = (key.controller.as_str(), key.controller.place(place));
            let labels = [controller, &dimm, key.class.as_str()];
            samples.push(&metrics::UNREPORTED, labels, unreported);
        }
    }
}
