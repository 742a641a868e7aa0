//! Memory errors counted, and controllers that do not look for them.
//!
//! These rules look at the counters' present life (since driver load, reset or boot), so that a
//! fault long mended does not keep a host red; the history's sums are quoted beside them. A raw
//! count raises no more than *watch* when corrected: what deserves a swap is a matter of fault
//! shape, trend and cost, not of a number.

use crate::finding::{FindingExt, finding, many};
use scrubjay_model::{
    Accumulated, Action, Controller, ErrorClass, Finding, Place, RebootHelps, SeriesPlace,
    Snapshot, Verdict, span,
};
use std::time::Duration;

/// More places than this of one class are summed up: a failing channel would otherwise fill the
/// page with one line per rank.
const LISTED: usize = 10;

pub(crate) fn findings(snapshot: &Snapshot, accumulated: &Accumulated) -> Vec<Finding> {
    let Some(edac) = Snapshot::found(&snapshot.edac) else { return Vec::new() };
    let mut found = Vec::new();
    for class in ErrorClass::ALL {
        let mut places: Vec<Counted> = edac
            .controllers
            .iter()
            .flat_map(|controller| counted(controller, class, accumulated))
            .collect();
        places.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.subject.cmp(&b.subject)));
        let rest = places.split_off(places.len().min(LISTED));
        found.extend(places.iter().map(|place| place.finding(class)));
        found.extend(summed_up(&rest, class));
    }
    found
}

/// Errors of one class in one place.
struct Counted {
    subject: String,
    at: At,
    count: u64,
    age: Option<Duration>,
    /// The history's sum, and whether it is a lower bound.
    total: Option<(u64, bool)>,
    /// Of that, what was counted before the present module was first seen at this place, if known.
    predecessors: Option<u64>,
    path: String,
}

/// How well the place is known.
enum At {
    /// A module, or a part of one, with what is known of it; the number of other modules of the
    /// same controller that have errors of this class.
    Module { about: Vec<String>, others: usize },
    /// A controller, with the reason why no module is named.
    Controller(&'static str),
}

pub(crate) fn name(controller: &Controller, accumulated: &Accumulated) -> String {
    let index = controller.index;
    accumulated.controllers.get(&index).map_or_else(|| format!("mc{index}"), ToString::to_string)
}

fn counted(controller: &Controller, class: ErrorClass, accumulated: &Accumulated) -> Vec<Counted> {
    let index = controller.index;
    let age = controller.seconds_since_reset.value().copied().map(Duration::from_secs);
    let name = name(controller, accumulated);
    let word = class.kernel_word();
    let dir = format!("sys/devices/system/edac/mc/mc{index}");
    let total = |place| {
        let total = accumulated.total(index, place, class)?;
        Some((total.total, total.is_lower_bound()))
    };
    let mut found = Vec::new();
    for dimm in controller.dimms.iter() {
        let Some(counter) = dimm.errors.get(class).value().filter(|c| c.value > 0) else {
            continue;
        };
        let (file, part) = match dimm.place {
            Place::Dimm(_) => (format!("{}/dimm_{word}_count", dimm.place), None),
            // Two ranks of one module are two directories with one label.
            Place::Rank(_) => (format!("{}/dimm_{word}_count", dimm.place), Some("one rank")),
            Place::Channel { csrow, channel } => {
                (format!("csrow{csrow}/ch{channel}_{word}_count"), Some("one row of a channel"))
            }
            Place::Csrow(csrow) => {
                (format!("csrow{csrow}/{word}_count"), Some("one row over all channels"))
            }
        };
        let label = dimm.label.value().filter(|label| !label.is_empty()).cloned();
        found.push(Counted {
            subject: format!("{name}/{}", dimm.place),
            at: At::Module {
                about: label.into_iter().chain(part.map(str::to_owned)).collect(),
                others: others(controller, class, dimm.place),
            },
            count: counter.value,
            age,
            total: total(SeriesPlace::Dimm(dimm.place)),
            predecessors: of_predecessors(index, dimm.place, class, accumulated),
            path: format!("{dir}/{file}"),
        });
    }
    found.extend(rest(controller, class).map(|rest| {
        let (place, file) = match rest.place {
            Some(SeriesPlace::Unattributed) => (rest.place, format!("{word}_noinfo_count")),
            Some(SeriesPlace::Total | SeriesPlace::Dimm(_)) | None => {
                (rest.place, format!("{word}_count"))
            }
        };
        Counted {
            subject: name,
            at: At::Controller(rest.reason),
            count: rest.count,
            age,
            total: place.and_then(total),
            predecessors: None,
            path: format!("{dir}/{file}"),
        }
    }));
    found
}

/// Errors counted at a place before the module that is there now was first seen. `None` where no
/// module is known to have this place to itself: only then is its sum that of the place.
fn of_predecessors(
    index: u32,
    place: Place,
    class: ErrorClass,
    accumulated: &Accumulated,
) -> Option<u64> {
    let total = accumulated.total(index, SeriesPlace::Dimm(place), class)?;
    let here = [(accumulated.controllers.get(&index)?.clone(), place)];
    let mut present = accumulated.modules.values().filter(|module| module.ended_wall_ms.is_none());
    let module = present.find(|module| module.places == here)?;
    Some(total.total.saturating_sub(module.errors(class)))
}

/// How many other modules have errors. Only `dimmN` is a module for certain: ranks and rows of one
/// module may bear different labels.
fn others(controller: &Controller, class: ErrorClass, place: Place) -> usize {
    let has_errors = |at: Place| matches!(at, Place::Dimm(_)) && at != place;
    controller
        .dimms
        .iter()
        .filter(|dimm| has_errors(dimm.place) && matches!(place, Place::Dimm(_)))
        .filter(|dimm| dimm.errors.get(class).value().is_some_and(|counter| counter.value > 0))
        .count()
}

/// Errors that a controller counted and that no module's counter shows.
struct Rest {
    count: u64,
    reason: &'static str,
    /// Where the history keeps exactly these, if it does.
    place: Option<SeriesPlace>,
}

/// What a controller's total holds beyond its modules: what the kernel could not attribute, what
/// older kernels attributed only in part (no counter shows those), and what counters that could
/// not be read may hold. An uncorrected error must not go unseen because the one file that names
/// its module failed.
fn rest(controller: &Controller, class: ErrorClass) -> Option<Rest> {
    let value = |counts: &scrubjay_model::ErrorCounts| counts.get(class).value().map(|c| c.value);
    let total = value(&controller.errors);
    if controller.dimms.is_empty() {
        let count = total.filter(|total| *total > 0)?;
        let reason = "the driver knows no modules";
        return Some(Rest { count, reason, place: Some(SeriesPlace::Total) });
    }
    let parts: Vec<Option<u64>> = controller
        .dimms
        .iter()
        .filter(|dimm| !dimm.errors.get(class).is_absent())
        .map(|dimm| value(&dimm.errors))
        .collect();
    let unread = parts.iter().any(Option::is_none);
    let shown = parts.into_iter().flatten().fold(0, u64::saturating_add);
    let noinfo = value(&controller.unattributed);
    // If errors arrived while the parts were read, the difference may be in a module by now.
    let certain = controller.steady || unread || noinfo.is_none();
    let beyond = total.filter(|_| certain).map_or(0, |total| total.saturating_sub(shown));
    if let Some(count) = noinfo.filter(|noinfo| *noinfo > 0 && *noinfo >= beyond) {
        let reason = "attributed to no module";
        return Some(Rest { count, reason, place: Some(SeriesPlace::Unattributed) });
    }
    let reason = if unread {
        "in counters that could not be read, or attributed to no module"
    } else {
        "in no module's counter"
    };
    (beyond > 0).then_some(Rest { count: beyond, reason, place: None })
}

impl Counted {
    fn finding(&self, class: ErrorClass) -> Finding {
        let Self { subject, at, count, age, total, predecessors, path } = self;
        // What the kernel forgets at a reboot, the history does not.
        let known = total.map_or(*count, |(total, _)| total.max(*count));
        let about = match at {
            At::Module { about, others: _ } if about.is_empty() => String::new(),
            At::Module { about, others: _ } => format!(" ({})", about.join(", ")),
            At::Controller(reason) => format!(" ({reason})"),
        };
        let age = age.map_or_else(
            || "since a time the kernel does not tell".to_owned(),
            |age| format!("in the last {}", span(age)),
        );
        let total = match total {
            Some((total, true)) => format!("; at least {total} in the history"),
            Some((total, false)) if total != count => format!("; {total} in the history"),
            Some((_, false)) | None => String::new(),
        };
        let total = match predecessors {
            None | Some(0) => total,
            Some(before) => {
                format!("{total}, {before} of them before this module was first seen here")
            }
        };
        let errors = many(*count, &format!("{} error", adjective(class)));
        let finding = match class {
            ErrorClass::Correctable => finding(
                "corrected-errors",
                Verdict::Watch,
                Action::Observe,
                format!("{errors}{about} {age}{total}"),
                self.watch(),
            ),
            ErrorClass::Uncorrectable => finding(
                "uncorrected-errors",
                Verdict::Plan,
                Action::InvestigateChannelOrCpu,
                format!(
                    "{errors}{about} {age}{total}; the kernel counts deferred, fatal and \
                     informational ones here too"
                ),
                self.investigate(),
            )
            .reboot(RebootHelps::Unknown),
        };
        finding.on(subject.clone()).seen_in(path.clone()).counting(known)
    }

    fn watch(&self) -> String {
        let nothing = "nothing yet: a count alone justifies neither a reboot nor a swap";
        match self.at {
            At::Module { about: _, others: 1.. } => {
                format!("{nothing}; if it grows, {}", SHARED)
            }
            At::Module { about: _, others: 0 } | At::Controller(_) => nothing.to_owned(),
        }
    }

    fn investigate(&self) -> String {
        let look = "look in the kernel log for what was hit (\"Hardware Error\", \"Memory \
                    failure\")";
        match self.at {
            At::Module { about: _, others: 1.. } => format!("{look}; {SHARED}"),
            At::Module { about: _, others: 0 } => format!(
                "{look}; if it was this memory, plan to have the module tested, and repaired by \
                 the firmware or swapped as its vendor says"
            ),
            At::Controller(_) => format!("{look} and which module it names"),
        }
    }
}

const SHARED: &str = "modules of one controller that err together point to the channel, the \
                      controller or the CPU before a module";

fn adjective(class: ErrorClass) -> &'static str {
    match class {
        ErrorClass::Correctable => "corrected",
        ErrorClass::Uncorrectable => "uncorrected",
    }
}

fn summed_up(rest: &[Counted], class: ErrorClass) -> Option<Finding> {
    let first = rest.first()?;
    let errors = rest.iter().fold(0_u64, |sum, place| sum.saturating_add(place.count));
    let known =
        |place: &Counted| place.total.map_or(place.count, |(total, _)| total.max(place.count));
    let known = rest.iter().map(known).fold(0, u64::saturating_add);
    let mut finding = first.finding(class).on("host").counting(known);
    finding.because = format!(
        "{} in {}, at most {} in one",
        many(errors, &format!("{} error", adjective(class))),
        many(rest.len(), "more place"),
        first.count
    );
    Some(finding)
}

#[cfg(test)]
mod tests;
