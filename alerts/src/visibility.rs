//! Whether memory errors of this host reach us at all.
//!
//! "Zero errors" may mean that a hypervisor, the firmware, a missing driver, a collector inside
//! the kernel or a switch hides them. Each way of hiding that can be recognised is a finding with
//! its remedy; only a host on which none is found has full coverage.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{
    Action, Controller, Coverage, CoverageState, Edac, Finding, Layout, Level, MachineCheck,
    Outcome, Platform, Reading, RebootHelps, Snapshot, Verdict, span,
};
use std::time::Duration;

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
    let mut gaps = Vec::new();
    match &snapshot.edac {
        None => gaps.push(gap(
            Hides::Unclear,
            "edac-switched-off",
            "the source edac is switched off by configuration, so error counters are not read",
            "remove edac from collector.disabled",
        )),
        Some(section) => match section.reading.outcome() {
            Outcome::Absent => gaps.extend(no_controller(platform)),
            Outcome::Unreadable | Outcome::Malformed => {
                let why = section.reading.non_value().map(|n| n.to_string()).unwrap_or_default();
                gaps.push(gap(
                    Hides::Unclear,
                    "edac-unreadable",
                    format!("error counters exist but could not be read: {why}"),
                    "see scrubjay doctor for the path and the privilege it needs",
                ));
            }
            Outcome::Ok => {
                let edac = section.reading.value().into_iter();
                gaps.extend(edac.flat_map(|edac| counted(edac, platform)));
            }
        },
    }
    gaps.extend(switches(Snapshot::found(&snapshot.machine_check), platform));
    let states = gaps.iter().map(|gap| gap.hides.state());
    let state = worst(states).unwrap_or(CoverageState::Full);
    Coverage { state, findings: gaps.into_iter().map(|gap| gap.finding).collect() }
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
    let Some(platform) = platform else {
        return vec![gap(
            Hides::All,
            "no-edac-controller",
            "the kernel counts no memory errors; why cannot be told, as the source platform gave \
             nothing",
            "see scrubjay doctor",
        )];
    };
    let mut gaps = Vec::new();
    if let Some(evidence) = guest(platform) {
        gaps.push(gap(
            Hides::All,
            "guest",
            format!("this is a virtual machine ({evidence}): memory errors belong to its host"),
            "run scrubjay on the hypervisor's host, or ask its operator for memory health",
        ));
    } else if platform.edac_core.is_absent() {
        gaps.push(
            gap(
                Hides::All,
                "no-edac-core",
                "the kernel has no EDAC core: nothing counts memory errors",
                "use a kernel with CONFIG_EDAC, or load edac_core and the driver of this machine's \
                 memory controller",
            )
            .seen_in("sys/devices/system/edac"),
        );
    } else {
        gaps.push(
            gap(
                Hides::All,
                "no-edac-controller",
                "the EDAC core is there but no driver has registered a memory controller: the \
                 memory has no ECC, ECC is disabled in firmware, no driver knows this CPU, or \
                 firmware handles errors first",
                "check ECC in the firmware set-up; look for EDAC lines in the kernel log; load the \
                 driver (amd64_edac, skx_edac, i10nm_edac, ie31200_edac, …)",
            )
            .seen_in("sys/devices/system/edac/mc"),
        );
    }
    if matches!(platform.hest, Reading::Value(_)) && guest(platform).is_none() {
        gaps.push(
            gap(
                Hides::All,
                "firmware-first",
                "the firmware has an ACPI HEST table: it may handle memory errors first and tell \
                 the kernel only in its log, where nothing is counted",
                "look for \"[Hardware Error]\" in the kernel log and in the BMC's event log; if \
                 the firmware offers it, let the operating system handle memory errors",
            )
            .seen_in("sys/firmware/acpi/tables/HEST"),
        );
    }
    gaps
}

/// What says that this is a virtual machine.
fn guest(platform: &Platform) -> Option<String> {
    if platform.hypervisor_flag.value() == Some(&true) {
        return Some("CPU flag hypervisor".to_owned());
    }
    if let Some(kind) = platform.hypervisor_type.value() {
        return Some(format!("/sys/hypervisor/type is {kind}"));
    }
    // Architectures without the flag show it in DMI. Vendors that also build hardware are told
    // apart by the product.
    const VIRTUAL: [(&str, &str); 9] = [
        ("QEMU", ""),
        ("VMware", ""),
        ("Xen", ""),
        ("innotek GmbH", ""),
        ("Google", "Google Compute Engine"),
        ("Microsoft Corporation", "Virtual Machine"),
        ("Red Hat", "KVM"),
        ("OpenStack Foundation", ""),
        ("DigitalOcean", ""),
    ];
    let vendor = platform.system_vendor.value()?;
    let product = platform.product_name.value().map_or("", String::as_str);
    VIRTUAL
        .iter()
        .any(|(v, p)| vendor.starts_with(v) && product.starts_with(p))
        .then(|| format!("DMI vendor {vendor}, product {product}"))
}

/// What the registered controllers may still hide.
fn counted(edac: &Edac, platform: Option<&Platform>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = edac.controllers.iter().flat_map(controller).collect();
    let firmware_names =
        edac.controllers.iter().any(|c| c.name.value().is_some_and(|name| name == "ghes_edac"));
    if firmware_names {
        gaps.push(gap(
            Hides::Some,
            "firmware-first",
            "errors are reported by firmware (driver ghes_edac), which decides which ones; it may \
             report none until a threshold of its own is passed",
            "read the vendor's event log as well (BMC, IML, SEL); if the firmware offers it, let \
             the operating system handle memory errors",
        ));
    }
    let collector = platform.is_some_and(|p| matches!(p.cec, Reading::Value(_)));
    if collector {
        let collected = gap(
            Hides::Some,
            "corrected-errors-collector",
            "the kernel's corrected-errors collector (RAS_CEC) takes corrected errors for itself: \
             they are not counted, and pages are taken out of use silently",
            "boot with ras=cec_disable to see corrected errors, or follow \
             scrubjay_memory_corrupted_bytes instead",
        );
        gaps.push(collected.seen_in("sys/kernel/debug/ras/cec"));
    }
    gaps
}

fn controller(controller: &Controller) -> Vec<Gap> {
    let name = format!("mc{}", controller.index);
    let mut gaps = Vec::new();
    let mut push = |hides, code, because: String, remedy: &str| {
        gaps.push(gap(hides, code, because, remedy).on(&name));
    };

    let unreadable = unreadable_counters(controller);
    if let Some(first) = unreadable.first() {
        let count = unreadable.len();
        push(
            Hides::Some,
            "counters-unreadable",
            format!("{count} of its counters could not be read, the first being {first}"),
            "see scrubjay doctor for every path and reason",
        );
    }
    for contradiction in controller.contradictions() {
        let class = contradiction.class.kernel_word();
        let level = match contradiction.level {
            Level::Controller => name.clone(),
            Level::Csrow(row) => format!("{name}/csrow{row}"),
        };
        push(
            Hides::Some,
            "counters-contradict",
            format!(
                "the kernel contradicts itself: {level} {class}_count is {}, but its parts sum to \
                 {} and {} are unattributed",
                contradiction.total, contradiction.parts, contradiction.unattributed
            ),
            "counts of this controller are not to be trusted; please report the driver with \
             scrubjay capture",
        );
    }
    if controller.layout == Layout::Controller {
        push(
            Hides::Some,
            "not-attributed",
            "the driver attributes errors to no DIMM, only to the controller".to_owned(),
            "a newer kernel may have a driver that knows the DIMMs",
        );
    }
    let modes: Vec<&String> =
        controller.dimms.iter().filter_map(|dimm| dimm.edac_mode.value()).collect();
    if !modes.is_empty() && modes.iter().all(|mode| *mode == "None") {
        push(
            Hides::All,
            "ecc-off",
            "the driver says that no error-correcting code is in use".to_owned(),
            "enable ECC in the firmware set-up, or fit modules with ECC",
        );
    }
    gaps
}

/// Counters that are offered but gave no value. Absent ones are the layout's way of saying that
/// they are counted elsewhere; a controller that offers no total is not.
fn unreadable_counters(controller: &Controller) -> Vec<String> {
    let parts = controller
        .dimms
        .iter()
        .map(|dimm| &dimm.errors)
        .chain(std::iter::once(&controller.unattributed))
        .flat_map(|errors| [&errors.correctable, &errors.uncorrectable])
        .filter(|reading| !reading.is_absent());
    [&controller.errors.correctable, &controller.errors.uncorrectable]
        .into_iter()
        .chain(parts)
        .filter_map(Reading::non_value)
        .map(|non_value| non_value.to_string())
        .collect()
}

/// Switches that keep corrected errors from being collected.
fn switches(check: Option<&MachineCheck>, platform: Option<&Platform>) -> Vec<Gap> {
    let mut gaps = Vec::new();
    if platform.and_then(|p| p.booted_with("mce=off")) == Some(true) {
        let mut off = gap(
            Hides::All,
            "machine-check-off",
            "the kernel was booted with mce=off: machine checks, and with them memory errors, are \
             not handled",
            "remove mce=off from the kernel command line and reboot",
        );
        off.finding = off.finding.reboot(RebootHelps::Yes);
        gaps.push(off.seen_in("proc/cmdline"));
    }
    let Some(check) = check else { return gaps };
    let dir = "sys/devices/system/machinecheck/machinecheck0";
    let mut switched = |on: &Reading<bool>, name: &str, code, because: String, remedy: &str| {
        if on.value() == Some(&true) {
            let gap = gap(Hides::Some, code, because, remedy);
            gaps.push(gap.seen_in(&format!("{dir}/{name}")));
        }
    };
    switched(
        &check.ignore_ce,
        "ignore_ce",
        "corrected-errors-ignored",
        "the machine-check switch ignore_ce is on: corrected errors are not collected".to_owned(),
        "write 0 to ignore_ce, or remove mce=ignore_ce from the kernel command line",
    );
    switched(
        &check.dont_log_ce,
        "dont_log_ce",
        "corrected-errors-not-logged",
        "the machine-check switch dont_log_ce is on: corrected errors are cleared unlogged"
            .to_owned(),
        "write 0 to dont_log_ce, or remove mce=dont_log_ce from the kernel command line",
    );
    let interval = match check.check_interval_seconds.value() {
        Some(0) => "never, as polling is off too".to_owned(),
        Some(seconds) => format!("every {}", span(Duration::from_secs(*seconds))),
        None => "at an interval that could not be read".to_owned(),
    };
    switched(
        &check.cmci_disabled,
        "cmci_disabled",
        "corrected-errors-polled",
        format!(
            "the machine-check switch cmci_disabled is on: corrected errors are looked for \
             {interval}, and those that overwrite each other in between are lost"
        ),
        "remove mce=no_cmci from the kernel command line, or write 0 to cmci_disabled",
    );
    gaps
}
