//! Switches of the x86 machine-check code that keep errors from being collected.
//!
//! They say nothing where memory errors do not come by way of machine checks: in a guest, on other
//! architectures, and where every controller is fed by firmware.

use super::guest::guest;
use super::{CORRECTABLE, Gap, Hides, counts_firmware, gap};
use scrubjay_model::{Platform, Reading, Snapshot, span};
use std::time::Duration;

const DIR: &str = "sys/devices/system/machinecheck/machinecheck0";

pub(super) fn gaps(snapshot: &Snapshot) -> Vec<Gap> {
    let platform = Snapshot::found(&snapshot.platform);
    if counts_firmware(snapshot) || platform.and_then(guest).is_some() {
        return Vec::new();
    }
    let mut gaps: Vec<Gap> = off(snapshot, platform).into_iter().collect();
    let Some(check) = Snapshot::found(&snapshot.machine_check) else { return gaps };

    let mut switched = |on: &Reading<bool>, name: &str, code, because: String, remedy: String| {
        if on.value() == Some(&true) {
            let gap = gap(Hides::Some, code, because, remedy).only(CORRECTABLE);
            gaps.push(gap.seen_in(&format!("{DIR}/{name}")));
        }
    };
    let write = |name: &str| {
        format!("write 0 to /{DIR}/{name}, and remove mce={name} from the kernel command line")
    };
    switched(
        &check.ignore_ce,
        "ignore_ce",
        "corrected-errors-ignored",
        "the machine-check switch ignore_ce is on: neither interrupts nor polling look for \
         corrected errors"
            .to_owned(),
        write("ignore_ce"),
    );
    switched(
        &check.dont_log_ce,
        "dont_log_ce",
        "corrected-errors-not-logged",
        "the machine-check switch dont_log_ce is on: corrected errors without a usable address \
         are cleared and counted nowhere"
            .to_owned(),
        write("dont_log_ce"),
    );
    let interval = check.check_interval_seconds.value().copied();
    let polled = match interval {
        Some(0) => "never, as polling is off too".to_owned(),
        Some(seconds) => format!("only every {}", span(Duration::from_secs(seconds))),
        None => "at an interval that could not be read".to_owned(),
    };
    switched(
        &check.cmci_disabled,
        "cmci_disabled",
        "corrected-errors-polled",
        format!(
            "the machine-check switch cmci_disabled is on: corrected errors raise no interrupt \
             and are looked for {polled}; of those that overwrite each other in between, some are \
             lost"
        ),
        format!(
            "write 0 to /{DIR}/cmci_disabled, and remove mce=no_cmci from the kernel command line"
        ),
    );
    if interval == Some(0) && check.cmci_disabled.value() != Some(&true) {
        let unpolled = gap(
            Hides::Some,
            "corrected-errors-not-polled",
            "check_interval is 0: corrected errors of banks that raise no interrupt are never \
             looked for",
            format!("write the default of 5 minutes, 300, to /{DIR}/check_interval"),
        );
        gaps.push(unpolled.only(CORRECTABLE).seen_in(&format!("{DIR}/check_interval")));
    }
    gaps
}

/// Machine checks not handled at all: by the command line, or because an x86 kernel on bare metal
/// offers no interface to them. Drivers that look into the controller themselves (older desktop
/// and entry servers) count nevertheless, so it is not certain that everything is hidden.
fn off(snapshot: &Snapshot, platform: Option<&Platform>) -> Option<Gap> {
    let platform = platform?;
    // Other architectures do not know the words.
    let bare_metal_x86 = platform.hypervisor_flag.value() == Some(&false);
    let word =
        ["mce=off", "nomce"].into_iter().find(|word| platform.booted_with(word) == Some(true));
    let offered = match &snapshot.machine_check {
        Some(section) => !section.reading.is_absent(),
        None => true,
    };
    let (because, path) = match word {
        Some(word) => (format!("the kernel was booted with {word}"), "proc/cmdline"),
        None if !offered => ("the kernel has no machine-check interface".to_owned(), DIR),
        None => return None,
    };
    bare_metal_x86.then(|| {
        let off = gap(
            Hides::Unclear,
            "machine-check-off",
            format!(
                "{because}: machine checks are not handled, so that drivers which rest on them \
                 count no memory error, and an uncorrected one resets the machine without a trace"
            ),
            "remove mce=off or nomce from the kernel command line, or use a kernel with \
             CONFIG_X86_MCE, and reboot",
        );
        off.seen_in(path)
    })
}
