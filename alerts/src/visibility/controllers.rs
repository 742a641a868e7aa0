//! What registered controllers may still hide.

use super::guest::guest;
use super::{Gap, Hides, all_ghes, gap};
use crate::finding::{listed, many, mend};
use scrubjay_model::{
    Accumulated, Contradiction, Controller, Edac, ErrorClass, Layout, Level, NonValue, Place,
    Platform,
};

pub(super) fn gaps(edac: &Edac, faults: &[NonValue], platform: Option<&Platform>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if let Some(guest) = platform.and_then(guest) {
        let gap = gap(
            Hides::Some,
            "guest",
            format!(
                "this is a virtual machine ({}): its controllers are its hypervisor's making and \
                 count what that chooses to pass on",
                guest.evidence
            ),
            guest.remedy,
        );
        gaps.push(gap.seen_in(guest.path));
    }
    gaps.extend(edac.controllers.iter().flat_map(|c| controller(c, faults)));
    gaps.extend(ecc_off(edac));
    if let Some(controller) = edac.controllers.iter().find(|controller| is_ghes(controller)) {
        let gap = gap(
            Hides::Some,
            "firmware-first",
            "errors are reported by firmware (driver ghes_edac), which decides which ones; it may \
             report none until a threshold of its own is passed",
            "read the vendor's event log as well (BMC, IML, SEL); if the firmware offers it, let \
             the operating system handle memory errors",
        );
        let mc = controller.index;
        gaps.push(gap.seen_in(&format!("sys/devices/system/edac/mc/mc{mc}/mc_name")));
    }
    gaps
}

/// Controllers that counted errors earlier in this boot and are not there any more, while others
/// are: what happens to their memory is counted nowhere.
pub(super) fn gone(edac: &Edac, accumulated: &Accumulated) -> Vec<Gap> {
    let there = |key| {
        let mut indexes = edac.controllers.iter().map(|controller| controller.index);
        indexes.any(|index| accumulated.controllers.get(&index) == Some(key))
    };
    let gone = accumulated.seen_this_boot.iter().filter(|key| !there(*key));
    gone.map(|key| {
        gap(
            Hides::Some,
            "controller-gone",
            "this controller counted errors earlier in this boot and is no longer registered: \
             errors of its memory are counted nowhere, unless another driver took it over",
            "look for \"EDAC\" in the kernel log; load the driver again, or find out who unloaded \
             or unbound it; where another driver took its place on purpose, this ends with the \
             next boot",
        )
        .on(key.as_str())
        .seen_in("sys/devices/system/edac/mc")
    })
    .collect()
}

/// Whether the counters are fed by firmware.
pub(super) fn is_ghes(controller: &Controller) -> bool {
    controller.name.value().is_some_and(|name| name == "ghes_edac")
}

/// Faults of a controller that are findings here.
pub(super) fn judged(controller: &Controller, faults: &[NonValue]) -> Vec<NonValue> {
    let unreadable = unreadable_counters(controller).into_iter();
    let mut found: Vec<NonValue> = unreadable.map(|(_, why)| why).collect();
    found.extend(controller.name.non_value());
    found.extend(unlisted(controller, faults).cloned());
    found
}

fn controller(controller: &Controller, faults: &[NonValue]) -> Vec<Gap> {
    let name = format!("mc{}", controller.index);
    let dir = directory(controller);
    let unlisted = unlisted(controller, faults);
    let gaps = [
        unnamed(controller),
        unreadable(controller),
        unlisted.map(not_listed),
        contradiction(controller, &name),
        // Places that were not listed are no places that the driver does not know.
        if unlisted.is_none() { unattributed(controller) } else { None },
    ];
    gaps.into_iter().flatten().map(|gap| gap.on(&name).or_seen_in(&dir)).collect()
}

fn directory(controller: &Controller) -> String {
    format!("sys/devices/system/edac/mc/mc{}", controller.index)
}

/// Why the places of a controller could not be listed, or those of a row, if they could not.
fn unlisted<'f>(controller: &Controller, faults: &'f [NonValue]) -> Option<&'f NonValue> {
    let dir = directory(controller);
    faults.iter().find(|fault| {
        let below = fault.origin().as_str().strip_prefix(&dir);
        below.is_some_and(|rest| {
            rest.is_empty() || rest.strip_prefix("/csrow").is_some_and(|row| !row.contains('/'))
        })
    })
}

fn not_listed(why: &NonValue) -> Gap {
    let gap = gap(
        Hides::Some,
        "counters-unreadable",
        format!("its places could not be listed, so that their counters were not read: {why}"),
        mend(why),
    );
    gap.seen_in(why.origin().as_str())
}

fn unnamed(controller: &Controller) -> Option<Gap> {
    let why = controller.name.non_value()?;
    let gap = gap(
        Hides::Unclear,
        "firmware-first",
        format!(
            "whether the driver is ghes_edac, and firmware handles errors first, cannot be told \
             ({why})"
        ),
        mend(&why),
    );
    Some(gap.seen_in(why.origin().as_str()))
}

fn unreadable(controller: &Controller) -> Option<Gap> {
    let unreadable = unreadable_counters(controller);
    let ((_, first), more) = unreadable.split_first()?;
    let because = if more.is_empty() {
        format!("1 of its counters could not be read: {first}")
    } else {
        format!("{} of its counters could not be read, first {first}", unreadable.len())
    };
    let classes: Vec<ErrorClass> = unreadable.iter().map(|(class, _)| *class).collect();
    let gap = gap(Hides::Some, "counters-unreadable", because, mend(first));
    Some(gap.only(&classes).seen_in(first.origin().as_str()))
}

/// Counters that are offered but gave no value. Absent ones are the layout's way of saying that
/// they are counted elsewhere; a controller that offers no total is not.
fn unreadable_counters(controller: &Controller) -> Vec<(ErrorClass, NonValue)> {
    let parts = controller
        .dimms
        .iter()
        .map(|dimm| &dimm.errors)
        .chain(std::iter::once(&controller.unattributed))
        .flat_map(|errors| ErrorClass::ALL.map(|class| (class, errors.get(class))))
        .filter(|(_, reading)| !reading.is_absent());
    ErrorClass::ALL
        .map(|class| (class, controller.errors.get(class)))
        .into_iter()
        .chain(parts)
        .filter_map(|(class, reading)| Some((class, reading.non_value()?)))
        .collect()
}

/// EDAC's counters are `u32`, and a total wraps before its parts do.
const U32_RANGE: i128 = 1 << 32;

/// Parts that exceed their total. The opposite is no contradiction: kernels up to about 5.6 add an
/// error whose place is known only in part (a channel without its slot, several rows) to the total
/// alone; the rules on memory name such errors.
fn contradiction(controller: &Controller, name: &str) -> Option<Gap> {
    let mut found = controller.contradictions();
    found.retain(|found| found.difference() < 0 && found.difference() % U32_RANGE != 0);
    let classes: Vec<ErrorClass> = found.iter().map(|found| found.class).collect();
    let mut said: Vec<String> = found.iter().map(|found| sentence(found, name)).collect();
    let more = said.split_off(said.len().min(3)).len();
    if said.is_empty() {
        return None;
    }
    if more > 0 {
        said.push(format!("and {more} more"));
    }
    let gap = gap(
        Hides::Some,
        "counters-contradict",
        format!("the kernel contradicts itself: {}", said.join("; ")),
        "do not trust the counts of this controller; please report the driver with the output of \
         scrubjay capture",
    );
    Some(gap.only(&classes))
}

fn sentence(found: &Contradiction, name: &str) -> String {
    let Contradiction { level, class, total, parts, unattributed } = found;
    let file = format!("{}_count", class.kernel_word());
    match level {
        Level::Controller => format!(
            "{name} {file} is {total}, but its parts come to {parts} and noinfo to {unattributed}"
        ),
        Level::Csrow(row) => {
            format!("{name}/csrow{row} {file} is {total}, but its channels come to {parts}")
        }
    }
}

fn unattributed(controller: &Controller) -> Option<Gap> {
    let (because, hidden) = match controller.layout {
        Layout::Controller => (
            "the driver attributes errors to no module, only to the controller".to_owned(),
            ErrorClass::ALL.to_vec(),
        ),
        Layout::Dimm | Layout::Rank | Layout::Csrow => {
            let (classes, words): (Vec<ErrorClass>, Vec<String>) = ErrorClass::ALL
                .into_iter()
                .filter_map(|class| Some((class, uncounted(controller, class)?)))
                .unzip();
            if classes.is_empty() {
                return None;
            }
            (format!("no counter shows {}", listed(&words, words.len())), classes)
        }
    };
    let gap = gap(
        Hides::Some,
        "not-attributed",
        because,
        "a newer kernel may have a driver that knows the modules; until then only the \
         controller's total tells of such errors",
    );
    Some(gap.only(&hidden))
}

/// The places whose errors of a class no counter shows. In the csrow view each class is counted at
/// one level only, so there it takes all places.
fn uncounted(controller: &Controller, class: ErrorClass) -> Option<String> {
    let silent = controller.dimms.iter().filter(|dimm| dimm.errors.get(class).is_absent()).count();
    let of = match controller.layout {
        Layout::Dimm | Layout::Rank => 1,
        Layout::Csrow | Layout::Controller => controller.dimms.len().max(1),
    };
    let word = match class {
        ErrorClass::Correctable => "corrected",
        ErrorClass::Uncorrectable => "uncorrected",
    };
    (silent >= of).then(|| format!("the {word} errors of {}", many(silent, "place")))
}

/// Modules without error correction, by the driver's word for it.
fn ecc_off(edac: &Edac) -> Option<Gap> {
    let modes: Vec<(String, &str)> = edac
        .controllers
        .iter()
        .flat_map(|controller| {
            controller.dimms.iter().filter_map(|dimm| {
                let place: Place = dimm.place;
                let mode = dimm.edac_mode.value()?;
                Some((format!("mc{}/{place}", controller.index), mode.as_str()))
            })
        })
        .collect();
    let off: Vec<String> =
        modes.iter().filter(|(_, mode)| *mode == "None").map(|(place, _)| place.clone()).collect();
    if off.is_empty() {
        return None;
    }
    let which = if off.len() == modes.len() { "any module".to_owned() } else { listed(&off, 5) };
    let hides = if off.len() == modes.len() { Hides::All } else { Hides::Some };
    // ghes_edac takes it from the widths in SMBIOS type 17, which firmware often gets wrong.
    let (hides, doubt) = if all_ghes(edac) {
        (Hides::Unclear, " (by the widths the firmware gives in SMBIOS, which are often wrong)")
    } else {
        (hides, "")
    };
    let gap = gap(
        hides,
        "ecc-off",
        format!("no error-correcting code is in use on {which}, says the driver{doubt}"),
        "enable ECC in the firmware set-up, or fit modules with ECC; without it a flipped bit is \
         neither corrected nor noticed",
    );
    Some(gap.seen_in(&format!("sys/devices/system/edac/mc/{}", off.first()?)))
}
