//! Hosts on which no controller is registered, and why.

use super::guest::guest;
use super::{Gap, Hides, gap};
use crate::finding::listed;
use scrubjay_model::{ArrayUse, EdacDriver, ErrorCorrection, Outcome, Platform, Reading, Snapshot};

/// What sources other than those of a driver say of error correction. It explains why nothing
/// counts; where a driver counts, the driver knows better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hints {
    /// What the firmware says of the memory's error correction (SMBIOS type 16), if it says it.
    error_correction: Option<Protection>,
    /// A driver wrote in the kernel log that ECC is disabled in firmware ("ECC disabled").
    ecc_disabled_in_log: bool,
}

/// How memory is protected, in the few words that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protection {
    /// It is not.
    None,
    /// Errors are noticed and not corrected.
    Parity,
    /// Errors are corrected.
    Corrects,
}

/// SMBIOS, type 16: the array's use, and its error correction.
const SYSTEM_MEMORY: ArrayUse = ArrayUse(3);
const PARITY: ErrorCorrection = ErrorCorrection(4);

impl Hints {
    /// What the firmware's table and the kernel's log say.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let smbios = Snapshot::found(&snapshot.smbios);
        let arrays = smbios.into_iter().flat_map(|smbios| &smbios.arrays);
        let system = arrays.filter(|array| array.usage == SYSTEM_MEMORY);
        let told = system.filter_map(|array| Protection::of(array.error_correction));
        let log = Snapshot::found(&snapshot.kernel_log);
        Self {
            // The worst protected memory of the host.
            error_correction: told.min_by_key(|protection| match protection {
                Protection::None => 0,
                Protection::Parity => 1,
                Protection::Corrects => 2,
            }),
            ecc_disabled_in_log: log.is_some_and(|log| !log.ecc_disabled.is_empty()),
        }
    }
}

impl Protection {
    /// By the firmware's word; `None` where it does not know.
    fn of(correction: ErrorCorrection) -> Option<Self> {
        match correction.corrects()? {
            true => Some(Self::Corrects),
            false if correction == PARITY => Some(Self::Parity),
            false => Some(Self::None),
        }
    }
}

/// Why no controller is registered. The first explanation that fits is given, for one remedy is
/// worth more than five guesses; firmware-first is added, as it goes with any of them.
///
/// `uncounted` says how much of the uncorrected errors is hidden where nothing counts them.
pub(super) fn no_controller(
    platform: Option<&Platform>,
    uncounted: Hides,
    hints: Hints,
) -> Vec<Gap> {
    const UNTOLD: &str = "the kernel counts no memory errors; why cannot be told, as";
    let Some(platform) = platform else {
        let untold = gap(
            Hides::All,
            "no-edac-controller",
            format!("{UNTOLD} the source platform gave nothing"),
            "see scrubjay doctor, first of all for the source platform",
        );
        return vec![untold.hiding(uncounted)];
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
        return vec![gap.hiding(uncounted).seen_in(guest.path)];
    }
    if let Some(gap) = hints.error_correction.and_then(non_ecc) {
        return vec![gap];
    }
    let core = match platform.edac_core.outcome() {
        _ if hints.ecc_disabled_in_log => ecc_disabled(),
        Outcome::Absent => gap(
            Hides::All,
            "no-edac-core",
            format!(
                "the kernel has no EDAC core: nothing counts memory errors{}",
                drivers(platform)
            ),
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
                 firmware handles errors first{}{}",
                drivers(platform),
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
    let mut gaps = vec![core.hiding(uncounted)];
    if platform.hest.outcome() == Outcome::Ok {
        let first = gap(
            Hides::All,
            "firmware-first",
            format!(
                "the firmware has an ACPI HEST table: it may handle memory errors first and tell \
                 the kernel only in its log, where nothing is counted{}",
                ghes(platform)
            ),
            "look for \"[Hardware Error]\" in the kernel log and in the event log of the BMC; \
             if the firmware offers it, let the operating system handle memory errors",
        );
        gaps.push(first.hiding(uncounted).seen_in("sys/firmware/acpi/tables/HEST"));
    }
    gaps
}

/// Memory without error correction, by the firmware's word for it.
fn non_ecc(protection: Protection) -> Option<Gap> {
    let because = match protection {
        Protection::Corrects => return None,
        Protection::None => "the memory has no error correction, says the firmware (SMBIOS)",
        Protection::Parity => {
            "the memory has parity and no error correction, says the firmware (SMBIOS)"
        }
    };
    let gap = gap(
        Hides::All,
        "ecc-off",
        because,
        "fit modules with ECC on a board that uses it; without it a flipped bit is neither \
         corrected nor noticed",
    );
    Some(gap.seen_in("sys/firmware/dmi/tables/DMI"))
}

/// ECC that the memory has and the firmware does not use, by the driver's word for it.
fn ecc_disabled() -> Gap {
    let gap = gap(
        Hides::All,
        "ecc-off",
        "the driver of the memory controller says in the kernel log that ECC is disabled in \
         firmware, and counts nothing",
        "enable ECC in the firmware set-up; one module without ECC disables it for all",
    );
    gap.seen_in("dev/kmsg")
}

/// What is known of the drivers that fit, as the end of a sentence.
fn drivers(platform: &Platform) -> String {
    let Some(Reading::Value(drivers)) = &platform.edac_drivers else { return String::new() };
    let said: Vec<String> = drivers.iter().map(driver).collect();
    if said.is_empty() { String::new() } else { format!("; {}", listed(&said, 5)) }
}

fn driver(driver: &EdacDriver) -> String {
    let EdacDriver { name, loaded, forbidden_by } = driver;
    let loaded = loaded.value().is_some();
    match forbidden_by {
        _ if loaded => format!("{name} fits this machine and is loaded, but registered nothing"),
        Some(file) => format!("{name} fits this machine but is kept out by /{file}"),
        None => format!("{name} fits this machine but is not loaded"),
    }
}

/// Whether `ghes_edac` would count what the firmware reports, as the end of a sentence. On x86 the
/// kernel lets it serve the platforms in a list only (drivers/acpi/apei/ghes.c, `plat_list`).
fn ghes(platform: &Platform) -> String {
    const SERVED: &str = "HPE   Server";
    match &platform.fadt_oem {
        Some(Reading::Value(oem)) if oem == SERVED => {
            "; ghes_edac serves this platform: load it, and what firmware reports is counted"
                .to_owned()
        }
        // Elsewhere it binds to any platform that has the table.
        Some(Reading::Value(oem)) if platform.hypervisor_flag.value().is_some() => format!(
            "; ghes_edac does not serve this platform (FADT \"{oem}\") unless the kernel is booted \
             with ghes.edac_force_enable=1"
        ),
        Some(_) | None => String::new(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, healthy, of};
    use scrubjay_model::Present;

    fn platform(change: impl FnOnce(&mut Platform)) -> Platform {
        let mut snapshot = healthy();
        change(of(&mut snapshot.platform));
        of(&mut snapshot.platform).clone()
    }

    const NOTHING: Hints = Hints { error_correction: None, ecc_disabled_in_log: false };

    fn told(platform: &Platform, hints: Hints) -> Vec<(&'static str, String)> {
        let gaps = no_controller(Some(platform), Hides::Some, hints);
        gaps.into_iter().map(|gap| (gap.finding.code, gap.finding.because)).collect()
    }

    #[test]
    fn a_driver_that_fits_is_named_with_what_keeps_it() {
        let driver = |name: &str, loaded, file: Option<&str>| EdacDriver {
            name: name.to_owned(),
            loaded,
            forbidden_by: file.map(str::to_owned),
        };
        let is = || Reading::Value(Present);
        let not = || absent("sys/module/x");
        for (found, words) in [
            (driver("skx_edac", not(), None), "; skx_edac fits this machine but is not loaded"),
            (driver("skx_edac", is(), None), "is loaded, but registered nothing"),
            (
                driver("skx_edac", not(), Some("etc/modprobe.d/edac.conf")),
                "but is kept out by /etc/modprobe.d/edac.conf",
            ),
        ] {
            let platform = platform(|p| p.edac_drivers = Some(Reading::Value(vec![found])));
            let told = told(&platform, NOTHING);
            assert!(told[0].1.ends_with(words), "{told:?}");
        }
        let none = platform(|p| p.edac_drivers = Some(Reading::Value(Vec::new())));
        assert!(told(&none, NOTHING)[0].1.ends_with("firmware handles errors first"));
    }

    #[test]
    fn memory_without_ecc_is_told_before_any_guess_about_drivers() {
        let platform = platform(|_| ());
        for correction in [Protection::None, Protection::Parity] {
            let hints = Hints { error_correction: Some(correction), ..NOTHING };
            assert_eq!(told(&platform, hints).iter().map(|t| t.0).collect::<Vec<_>>(), ["ecc-off"]);
        }
        let hints = Hints { error_correction: Some(Protection::Corrects), ..NOTHING };
        assert_eq!(told(&platform, hints), told(&platform, NOTHING));
    }

    #[test]
    fn ecc_that_a_driver_found_disabled_is_told() {
        let hints = Hints { ecc_disabled_in_log: true, ..NOTHING };
        assert_eq!(told(&platform(|_| ()), hints)[0].0, "ecc-off");
    }

    #[test]
    fn whether_firmwares_reports_could_be_counted_goes_by_the_platform() {
        let of = |oem: &str| {
            let platform = platform(|p| p.fadt_oem = Some(Reading::Value(oem.to_owned())));
            told(&platform, NOTHING)[1].1.clone()
        };
        assert!(of("HPE   Server").contains("ghes_edac serves this platform"));
        assert!(of("DELL  PE_SC3").contains("unless the kernel is booted with ghes.edac_force"));
        let arm = platform(|p| {
            p.hypervisor_flag = absent("proc/cpuinfo flags");
            p.fadt_oem = Some(Reading::Value("AMPERE ALTRA".to_owned()));
        });
        assert!(told(&arm, NOTHING)[1].1.ends_with("where nothing is counted"));
    }
}
