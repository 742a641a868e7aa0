//! Whether memory errors of this host reach us at all.
//!
//! "Zero errors" may mean that a hypervisor, the firmware, a missing driver, a collector inside
//! the kernel or a switch hides them. Each way of hiding that can be recognised is a finding with
//! its remedy; only a host on which none is found has full coverage.

mod controllers;
mod guest;
mod switches;

use crate::finding::{FindingExt, finding, mend};
use guest::guest;
use scrubjay_model::{
    Action, Coverage, CoverageState, Edac, Finding, NonValue, Outcome, Platform, Reading, Section,
    Snapshot, SourceId, Verdict,
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

/// One way in which errors are hidden.
struct Gap {
    hides: Hides,
    finding: Finding,
}

fn gap(
    hides: Hides,
    code: &'static str,
    because: impl Into<String>,
    remedy: impl Into<String>,
) -> Gap {
    let action = Action::FixVisibility;
    Gap { hides, finding: finding(code, Verdict::Unknown, action, because, remedy) }
}

impl Gap {
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

/// Judges how much of the host's memory errors can be seen.
pub fn visibility(snapshot: &Snapshot) -> Coverage {
    let platform = Snapshot::found(&snapshot.platform);
    let mut gaps = match &snapshot.edac {
        None => vec![gap(
            Hides::Unclear,
            "edac-switched-off",
            "the source edac is switched off by configuration, so error counters are not read",
            "remove edac from collector.disabled",
        )],
        Some(section) => match &section.reading {
            Reading::Absent(_) => no_controller(platform),
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
            Reading::Value(edac) if edac.controllers.is_empty() => no_controller(platform),
            Reading::Value(edac) => controllers::gaps(edac, platform),
        },
    };
    gaps.extend(switches::gaps(snapshot));
    gaps.extend(unclear(snapshot));
    let state = worst(gaps.iter().map(|gap| gap.hides.state())).unwrap_or(CoverageState::Full);
    Coverage { state, findings: gaps.into_iter().map(|gap| gap.finding).collect() }
}

/// Faults of the source edac that are findings here, so that they are not reported twice.
pub(crate) fn judged(snapshot: &Snapshot) -> Vec<NonValue> {
    let edac = Snapshot::found(&snapshot.edac);
    edac.into_iter().flat_map(|edac| &edac.controllers).flat_map(controllers::judged).collect()
}

/// Knowing that nothing can be seen outranks not knowing what can, which outranks a known gap.
fn worst(states: impl Iterator<Item = CoverageState>) -> Option<CoverageState> {
    states.max_by_key(|state| match state {
        CoverageState::Full => 0,
        CoverageState::Partial => 1,
        CoverageState::Unknown => 2,
        CoverageState::None => 3,
    })
}

/// Why no controller is registered. The first explanation that fits is given, for one remedy is
/// worth more than five guesses; firmware-first is added, as it goes with any of them.
fn no_controller(platform: Option<&Platform>) -> Vec<Gap> {
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
    [
        unclear_source(&snapshot.platform, SourceId::Platform, about_platform, counts),
        unclear_source(
            &snapshot.machine_check,
            SourceId::MachineCheck,
            about_switches,
            counts && x86(platform) && !counts_firmware(snapshot),
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
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
