//! Whether memory errors of this host reach us at all.
//!
//! "Zero errors" may mean that a hypervisor, the firmware, a missing driver, a collector inside
//! the kernel or a switch hides them. Each way of hiding that can be recognised is a finding with
//! its remedy; only a host on which none is found has full coverage. Corrected and uncorrected
//! errors reach the kernel in different ways, so each class has a verdict of its own.

mod controllers;
mod guest;
mod switches;

use crate::finding::{FindingExt, finding, mend};
use guest::guest;
use scrubjay_model::{
    Accumulated, Action, Coverage, CoverageState, Edac, ErrorClass, Finding, NonValue, Outcome,
    Platform, Reading, Section, Snapshot, SourceId, Verdict,
};

/// Which errors a gap hides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hides {
    /// All of them.
    All,
    /// Some of them.
    Some,
    /// It could not be told which.
    Unclear,
}

/// One way in which errors are hidden. Each class may be hidden to another degree, or not at all.
struct Gap {
    correctable: Option<Hides>,
    uncorrectable: Option<Hides>,
    finding: Finding,
}

/// A gap that hides both classes alike; [`Gap::hiding`] and [`Gap::only`] tell them apart.
fn gap(
    hides: Hides,
    code: &'static str,
    because: impl Into<String>,
    remedy: impl Into<String>,
) -> Gap {
    let action = Action::FixVisibility;
    Gap {
        correctable: Some(hides),
        uncorrectable: Some(hides),
        finding: finding(code, Verdict::Unknown, action, because, remedy),
    }
}

impl Gap {
    /// Of uncorrected errors it hides less or more than of corrected ones.
    fn hiding(self, uncorrectable: Hides) -> Self {
        Self { uncorrectable: Some(uncorrectable), ..self }
    }

    /// It bears on these classes alone.
    fn only(self, classes: &[ErrorClass]) -> Self {
        let among = |class, hides: Option<Hides>| hides.filter(|_| classes.contains(&class));
        Self {
            correctable: among(ErrorClass::Correctable, self.correctable),
            uncorrectable: among(ErrorClass::Uncorrectable, self.uncorrectable),
            finding: self.finding,
        }
    }

    fn hides(&self, class: ErrorClass) -> Option<Hides> {
        match class {
            ErrorClass::Correctable => self.correctable,
            ErrorClass::Uncorrectable => self.uncorrectable,
        }
    }

    /// The finding with the classes it hides.
    fn into_finding(self) -> Finding {
        let hides: &'static [ErrorClass] = match (self.correctable, self.uncorrectable) {
            (Some(_), Some(_)) => &ErrorClass::ALL,
            (Some(_), None) => CORRECTABLE,
            (None, Some(_)) => UNCORRECTABLE,
            (None, None) => &[],
        };
        Finding { hides, ..self.finding }
    }

    fn on(self, subject: &str) -> Self {
        Self { finding: self.finding.on(subject), ..self }
    }

    fn seen_in(self, path: &str) -> Self {
        Self { finding: self.finding.seen_in(path), ..self }
    }

    fn or_seen_in(self, path: &str) -> Self {
        if self.finding.origin.is_some() { self } else { self.seen_in(path) }
    }
}

impl Hides {
    fn state(self) -> CoverageState {
        match self {
            Self::All => CoverageState::None,
            Self::Some => CoverageState::Partial,
            Self::Unclear => CoverageState::Unknown,
        }
    }
}

const CORRECTABLE: &[ErrorClass] = &[ErrorClass::Correctable];
const UNCORRECTABLE: &[ErrorClass] = &[ErrorClass::Uncorrectable];

/// Judges how much of the host's memory errors can be seen.
///
/// `accumulated` tells which controllers were there earlier in this boot.
pub fn visibility(snapshot: &Snapshot, accumulated: &Accumulated) -> Coverage {
    let platform = Snapshot::found(&snapshot.platform);
    // Without a driver, uncorrected errors still take pages out of use where the kernel can do
    // that, and so are seen in part.
    let uncounted = match Snapshot::found(&snapshot.memory_failure) {
        Some(_) => Hides::Some,
        None => Hides::All,
    };
    let faults = snapshot.edac.as_ref().map_or(&[][..], |section| &section.report.faults);
    let mut gaps = match &snapshot.edac {
        None => vec![gap(
            Hides::Unclear,
            "edac-switched-off",
            "the source edac is switched off by configuration, so error counters are not read",
            "remove edac from collector.disabled",
        )],
        Some(section) => match &section.reading {
            Reading::Absent(_) => no_controller(platform, uncounted),
            Reading::Unreadable(origin, _) | Reading::Malformed(origin, _) => {
                let why = section.reading.non_value();
                let because = why.as_ref().map(ToString::to_string).unwrap_or_default();
                vec![
                    gap(
                        Hides::Unclear,
                        "edac-unreadable",
                        format!("error counters may exist but could not be read: {because}"),
                        why.as_ref().map(mend).unwrap_or_default(),
                    )
                    .seen_in(origin.as_str()),
                ]
            }
            // The collector calls this absent; should it not, nothing is being counted either way.
            Reading::Value(edac) if edac.controllers.is_empty() => {
                no_controller(platform, uncounted)
            }
            Reading::Value(edac) => {
                let mut gaps = controllers::gaps(edac, faults, platform);
                gaps.extend(controllers::gone(edac, accumulated));
                gaps
            }
        },
    };
    gaps.extend(switches::gaps(snapshot));
    gaps.extend(unclear(snapshot));
    let state = |class| {
        let hidden = gaps.iter().filter_map(|gap| gap.hides(class)).map(Hides::state);
        hidden.fold(CoverageState::Full, CoverageState::worse)
    };
    let (correctable, uncorrectable) =
        (state(ErrorClass::Correctable), state(ErrorClass::Uncorrectable));
    Coverage::new(correctable, uncorrectable, gaps.into_iter().map(Gap::into_finding).collect())
}

/// Faults of the source edac that are findings here, so that they are not reported twice.
pub(crate) fn judged(snapshot: &Snapshot) -> Vec<NonValue> {
    let edac = Snapshot::found(&snapshot.edac);
    let faults = snapshot.edac.as_ref().map_or(&[][..], |section| &section.report.faults);
    let controllers = edac.into_iter().flat_map(|edac| &edac.controllers);
    controllers.flat_map(|controller| controllers::judged(controller, faults)).collect()
}

/// Why no controller is registered. The first explanation that fits is given, for one remedy is
/// worth more than five guesses; firmware-first is added, as it goes with any of them.
///
/// `uncounted` says how much of the uncorrected errors is hidden where nothing counts them.
fn no_controller(platform: Option<&Platform>, uncounted: Hides) -> Vec<Gap> {
    let gaps = why_no_controller(platform).into_iter();
    gaps.map(|gap| gap.hiding(uncounted)).collect()
}

fn why_no_controller(platform: Option<&Platform>) -> Vec<Gap> {
    const UNTOLD: &str = "the kernel counts no memory errors; why cannot be told, as";
    let Some(platform) = platform else {
        return vec![gap(
            Hides::All,
            "no-edac-controller",
            format!("{UNTOLD} the source platform gave nothing"),
            "see scrubjay doctor, first of all for the source platform",
        )];
    };
    if let Some(guest) = guest(platform) {
        let gap = gap(
            Hides::All,
            "guest",
            format!(
                "this is a virtual machine ({}): corrected errors of its memory are never shown \
                 to it",
                guest.evidence
            ),
            guest.remedy,
        );
        return vec![gap.seen_in(guest.path)];
    }
    let core = match platform.edac_core.outcome() {
        Outcome::Absent => gap(
            Hides::All,
            "no-edac-core",
            "the kernel has no EDAC core: nothing counts memory errors",
            "use a kernel with CONFIG_EDAC, or load edac_core and the driver of this machine's \
             memory controller",
        )
        .seen_in("sys/devices/system/edac"),
        Outcome::Ok => gap(
            Hides::All,
            "no-edac-controller",
            format!(
                "the EDAC core is there but no driver has registered a memory controller: the \
                 memory has no ECC, ECC is disabled in firmware, no driver knows this CPU, or \
                 firmware handles errors first{}",
                forbidden(platform)
            ),
            "check ECC in the firmware set-up; look for \"EDAC\" in the kernel log; load the \
             driver (amd64_edac, skx_edac, i10nm_edac, sb_edac, ie31200_edac, igen6_edac, \
             ghes_edac, …)",
        )
        .seen_in("sys/devices/system/edac/mc"),
        Outcome::Unreadable | Outcome::Malformed => gap(
            Hides::All,
            "no-edac-controller",
            format!("{UNTOLD} the EDAC core's directory could not be looked at"),
            "see scrubjay doctor for the path and the privilege it needs",
        )
        .seen_in("sys/devices/system/edac"),
    };
    let mut gaps = vec![core];
    if platform.hest.outcome() == Outcome::Ok {
        gaps.push(
            gap(
                Hides::All,
                "firmware-first",
                "the firmware has an ACPI HEST table: it may handle memory errors first and tell \
                 the kernel only in its log, where nothing is counted",
                "look for \"[Hardware Error]\" in the kernel log and in the event log of the BMC; \
                 if the firmware offers it, let the operating system handle memory errors",
            )
            .seen_in("sys/firmware/acpi/tables/HEST"),
        );
    }
    gaps
}

/// A driver that is kept from loading explains its absence better than any guess.
fn forbidden(platform: &Platform) -> String {
    let keeps_out = |word: &&String| {
        ["module_blacklist=", "modprobe.blacklist=", "initcall_blacklist="]
            .iter()
            .any(|option| word.starts_with(option))
            && word.contains("edac")
    };
    let word = platform.command_line.value().into_iter().flatten().find(keeps_out);
    word.map(|word| format!("; the kernel command line has {word}")).unwrap_or_default()
}

/// Sources on which the verdict on visibility rests, and that gave less than they should.
fn unclear(snapshot: &Snapshot) -> Vec<Gap> {
    let platform = Snapshot::found(&snapshot.platform);
    if Snapshot::found(&snapshot.edac).is_none() && platform.and_then(guest).is_some() {
        // Nothing is visible either way, and the remedy is another.
        return Vec::new();
    }
    let counts = Snapshot::found(&snapshot.edac).is_some();
    let about_platform = "a hypervisor, the firmware or the corrected-errors collector";
    let about_switches = "a machine-check switch";
    let platform_unclear =
        unclear_source(&snapshot.platform, SourceId::Platform, about_platform, counts);
    let switches_unclear = unclear_source(
        &snapshot.machine_check,
        SourceId::MachineCheck,
        about_switches,
        counts && x86(platform) && !counts_firmware(snapshot),
    );
    let switches_unclear = switches_unclear.map(|gap| gap.only(CORRECTABLE));
    [platform_unclear, switches_unclear, pages_not_asked(snapshot)].into_iter().flatten().collect()
}

/// What uncorrected errors did to pages in use shows nowhere else. A source that could not be read
/// is a finding of its own; see `rules::sources`.
fn pages_not_asked(snapshot: &Snapshot) -> Option<Gap> {
    snapshot.memory_failure.is_none().then(|| {
        let name = SourceId::MemoryFailure.as_str();
        gap(
            Hides::Unclear,
            "visibility-unclear",
            format!(
                "whether uncorrected errors hit pages in use cannot be told: the source {name} is \
                 switched off by configuration"
            ),
            format!("remove {name} from collector.disabled"),
        )
        .on(name)
        .only(UNCORRECTABLE)
    })
}

/// `matters` says whether having no answer at all leaves the question open.
fn unclear_source<T>(
    section: &Option<Section<T>>,
    source: SourceId,
    about: &str,
    matters: bool,
) -> Option<Gap> {
    let name = source.as_str();
    let open = format!("whether {about} hides errors cannot be told");
    let Some(section) = section else {
        return matters.then(|| {
            gap(
                Hides::Unclear,
                "visibility-unclear",
                format!("{open}: the source {name} is switched off by configuration"),
                format!("remove {name} from collector.disabled"),
            )
            .on(name)
        });
    };
    let reading = section.reading.non_value();
    let absent = matches!(reading, Some(NonValue::Absent(_)));
    let why = match reading {
        // A kernel without machine-check switches has none that is on; see `switches`.
        Some(NonValue::Absent(_)) if source == SourceId::MachineCheck => return None,
        Some(NonValue::Absent(_)) if !matters => return None,
        Some(non_value) => non_value,
        None => section.report.faults.first()?.clone(),
    };
    let more = match section.report.faults.len() {
        faults @ 2.. if !absent => format!(", and {} more", faults - 1),
        _ => String::new(),
    };
    Some(
        gap(Hides::Unclear, "visibility-unclear", format!("{open} ({why}{more})"), mend(&why))
            .on(name)
            .seen_in(why.origin().as_str()),
    )
}

/// Only x86 has the line of CPU flags that the hypervisor flag is read from.
fn x86(platform: Option<&Platform>) -> bool {
    platform.is_some_and(|platform| platform.hypervisor_flag.value().is_some())
}

/// Whether all counters are the firmware's. Machine-check code then counts no memory error.
fn counts_firmware(snapshot: &Snapshot) -> bool {
    Snapshot::found(&snapshot.edac).is_some_and(all_ghes)
}

fn all_ghes(edac: &Edac) -> bool {
    !edac.controllers.is_empty() && edac.controllers.iter().all(controllers::is_ghes)
}

#[cfg(test)]
mod tests;
