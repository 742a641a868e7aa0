//! Whether memory errors of this host reach us at all.
//!
//! "Zero errors" may mean that a hypervisor, the firmware, a missing driver, a collector inside
//! the kernel or a switch hides them. Each way of hiding that can be recognised is a finding with
//! its remedy; only a host on which none is found has full coverage. Corrected and uncorrected
//! errors reach the kernel in different ways, so each class has a verdict of its own.

mod collector;
mod controllers;
mod firmware;
mod guest;
mod reports;
mod switches;
mod uncounted;

use crate::finding::{FindingExt, finding, mend};
use guest::guest;
use scrubjay_model::{
    Accumulated, Action, Coverage, CoverageState, Edac, ErrorClass, EventsStatus, Finding,
    NonValue, Platform, Reading, Section, Snapshot, SourceId, Verdict,
};
use uncounted::Hints;
use uncounted::no_controller;

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
/// `accumulated` tells which controllers were there earlier in this boot, `events` how the agent
/// receives reports of single errors; `None` where no agent is asked.
pub fn visibility(
    snapshot: &Snapshot,
    accumulated: &Accumulated,
    events: Option<&EventsStatus>,
) -> Coverage {
    let platform = Snapshot::found(&snapshot.platform);
    let log = Snapshot::found(&snapshot.kernel_log);
    let hints = Hints::of(snapshot);
    let heard = events.is_some_and(reports::tells_machine_checks);
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
            Reading::Absent(_) => no_controller(platform, uncounted, hints),
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
                no_controller(platform, uncounted, hints)
            }
            Reading::Value(edac) => {
                let mut gaps = controllers::gaps(edac, faults, platform);
                gaps.extend(controllers::gone(edac, accumulated));
                gaps.extend(
                    platform.and_then(|platform| collector::gap(edac, platform, log, heard)),
                );
                gaps.extend(platform.and_then(|platform| firmware::gap(edac, platform)));
                gaps
            }
        },
    };
    if heard {
        gaps = gaps.into_iter().map(reports::softened).collect();
    }
    gaps.extend(events.and_then(reports::gap));
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
    // What the kernel's configuration answers need not be looked for in debugfs.
    let log = Snapshot::found(&snapshot.kernel_log);
    let told = platform.is_some_and(|platform| collector::is_told(platform, log));
    let needless =
        |fault: &NonValue| told && fault.origin().as_str().starts_with("sys/kernel/debug");
    let id = SourceId::Platform;
    let platform_unclear = unclear_source(&snapshot.platform, id, about_platform, counts, needless);
    let switches_unclear = unclear_source(
        &snapshot.machine_check,
        SourceId::MachineCheck,
        about_switches,
        counts && x86(platform) && !counts_firmware(snapshot),
        |_| false,
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

/// `matters` says whether having no answer at all leaves the question open, `needless` which faults
/// leave none open.
fn unclear_source<T>(
    section: &Option<Section<T>>,
    source: SourceId,
    about: &str,
    matters: bool,
    needless: impl Fn(&NonValue) -> bool,
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
    let faults: Vec<&NonValue> =
        section.report.faults.iter().filter(|fault| !needless(fault)).collect();
    let reading = section.reading.non_value();
    let absent = matches!(reading, Some(NonValue::Absent(_)));
    let why = match reading {
        // A kernel without machine-check switches has none that is on; see `switches`.
        Some(NonValue::Absent(_)) if source == SourceId::MachineCheck => return None,
        Some(NonValue::Absent(_)) if !matters => return None,
        Some(non_value) => non_value,
        None => faults.first().copied()?.clone(),
    };
    let more = match faults.len() {
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
