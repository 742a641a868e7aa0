//! Memory errors counted, and pages lost to them.
//!
//! These rules look at the counters' present life (since driver load, reset or boot), so that a
//! fault long mended does not keep a host red; the history's sums are quoted beside them. A raw
//! count raises no more than *watch* when corrected: what deserves a swap is a matter of fault
//! shape, trend and cost, not of a number.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{
    Accumulated, Action, Controller, ErrorClass, Finding, Place, RebootHelps, SeriesPlace,
    Snapshot, Verdict, span,
};
use std::time::Duration;

/// More places than this of one class are summed up: a failing channel would otherwise fill the
/// page with one line per rank.
const LISTED: usize = 10;

pub(crate) fn findings(snapshot: &Snapshot, accumulated: &Accumulated) -> Vec<Finding> {
    let mut found = Vec::new();
    for class in ErrorClass::ALL {
        let mut places: Vec<Counted> = Snapshot::found(&snapshot.edac)
            .into_iter()
            .flat_map(|edac| &edac.controllers)
            .flat_map(|controller| counted(controller, class, accumulated))
            .collect();
        places.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.subject.cmp(&b.subject)));
        let rest = places.split_off(places.len().min(LISTED));
        found.extend(places.iter().map(|place| place.finding(class)));
        found.extend(summed_up(&rest, class));
    }
    found.extend(pages(snapshot));
    found
}

struct Counted {
    subject: String,
    label: Option<String>,
    count: u64,
    age: Option<Duration>,
    total: Option<(u64, bool)>,
    path: String,
}

fn counted(controller: &Controller, class: ErrorClass, accumulated: &Accumulated) -> Vec<Counted> {
    let index = controller.index;
    let age = controller.seconds_since_reset.value().copied().map(Duration::from_secs);
    let key = accumulated.controllers.get(&index);
    let name = key.map_or_else(|| format!("mc{index}"), ToString::to_string);
    let word = class.kernel_word();
    let dir = format!("sys/devices/system/edac/mc/mc{index}");
    let total = |place| {
        let total = accumulated.total(index, place, class)?;
        Some((total.total, total.is_lower_bound()))
    };
    let mut found = Vec::new();
    for dimm in &controller.dimms {
        if let Some(counter) = dimm.errors.get(class).value().filter(|c| c.value > 0) {
            let file = match dimm.place {
                Place::Dimm(_) | Place::Rank(_) => {
                    format!("{}/dimm_{word}_count", dimm.place)
                }
                Place::Channel { csrow, channel } => {
                    format!("csrow{csrow}/ch{channel}_{word}_count")
                }
                Place::Csrow(csrow) => format!("csrow{csrow}/{word}_count"),
            };
            found.push(Counted {
                subject: format!("{name}/{}", dimm.place),
                label: dimm.label.value().filter(|label| !label.is_empty()).cloned(),
                count: counter.value,
                age,
                total: total(SeriesPlace::Dimm(dimm.place)),
                path: format!("{dir}/{file}"),
            });
        }
    }
    // Without DIMMs all that is known is the controller's total.
    let (rest, place, file) = if controller.dimms.is_empty() {
        (&controller.errors, SeriesPlace::Total, format!("{word}_count"))
    } else {
        (&controller.unattributed, SeriesPlace::Unattributed, format!("{word}_noinfo_count"))
    };
    if let Some(counter) = rest.get(class).value().filter(|c| c.value > 0) {
        found.push(Counted {
            subject: name,
            label: Some("attributed to no DIMM".to_owned()),
            count: counter.value,
            age,
            total: total(place),
            path: format!("{dir}/{file}"),
        });
    }
    found
}

impl Counted {
    fn finding(&self, class: ErrorClass) -> Finding {
        let Self { subject, label, count, age, total, path } = self;
        let label = label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
        let age = age.map_or_else(
            || "since a time the kernel does not tell".to_owned(),
            |age| format!("in the last {}", span(age)),
        );
        let total = match total {
            Some((total, false)) => format!("; {total} in the history"),
            Some((total, true)) => format!("; at least {total} in the history"),
            None => String::new(),
        };
        match class {
            ErrorClass::Correctable => finding(
                "corrected-errors",
                Verdict::Watch,
                Action::Observe,
                format!("{count} corrected errors{label} {age}{total}"),
                "nothing yet: a count alone justifies neither a reboot nor a swap",
            ),
            ErrorClass::Uncorrectable => finding(
                "uncorrected-errors",
                Verdict::Plan,
                Action::InvestigateChannelOrCpu,
                format!(
                    "{count} uncorrected errors{label} {age}{total}; the kernel counts deferred \
                     ones here too"
                ),
                "find out what was hit in the kernel log (\"Memory failure\", \"Hardware Error\"), \
                 and plan to test or swap the module",
            )
            .reboot(RebootHelps::Unknown),
        }
        .on(subject.clone())
        .seen_in(path.clone())
    }
}

fn summed_up(rest: &[Counted], class: ErrorClass) -> Option<Finding> {
    let first = rest.first()?;
    let errors: u64 = rest.iter().map(|place| place.count).sum();
    let mut finding = first.finding(class).on("host");
    finding.because = format!(
        "{errors} {} errors in {} more places, at most {} in one",
        match class {
            ErrorClass::Correctable => "corrected",
            ErrorClass::Uncorrectable => "uncorrected",
        },
        rest.len(),
        first.count
    );
    Some(finding)
}

fn pages(snapshot: &Snapshot) -> Option<Finding> {
    let pages = Snapshot::found(&snapshot.memory_failure)?;
    let bytes = *pages.hardware_corrupted_bytes.value().filter(|bytes| **bytes > 0)?;
    Some(
        finding(
            "pages-offlined",
            Verdict::Watch,
            Action::Observe,
            format!(
                "{} KiB of memory were taken out of use because of errors since boot",
                bytes / 1024
            ),
            "nothing yet: the pages are out of harm's way until the next boot, when the kernel \
             uses them again",
        )
        .seen_in("proc/meminfo"),
    )
}
