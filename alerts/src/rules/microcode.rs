//! Microcode: an update that the CPUs do not run, and CPUs that do not run the same.

use super::catalogue::Rules;
use crate::finding::{FindingExt, many};
use scrubjay_model::{
    Finding, Microcode, MicrocodeUpdate, NextMicrocode, RebootHelps, RunningMicrocode, Snapshot,
    VulnerabilityState,
};

/// Bit of the taint mask: microcode was loaded into the running kernel, or the CPU is out of
/// specification.
const OUT_OF_SPEC: u32 = 2;

const OLD: &str = "sys/devices/system/cpu/vulnerabilities/old_microcode";

pub(crate) fn findings(snapshot: &Snapshot, rules: &Rules) -> Vec<Finding> {
    let Some(microcode) = Snapshot::found(&snapshot.microcode) else { return Vec::new() };
    let Some(running) = microcode.running.value() else { return Vec::new() };
    let old = is_old(snapshot);
    let late = Snapshot::found(&snapshot.kernel_health)
        .and_then(|health| health.taint.value())
        .is_some_and(|taint| taint.has(OUT_OF_SPEC));
    let behind = match (microcode.is_behind(), microcode.available.value()) {
        (Some(true), Some(Some(update))) => Some(behind(microcode, running, update, old, rules)),
        // The kernel judges once, at boot: what was loaded since it does not see.
        (Some(false) | None, _) if old && !late => Some(known_to_be_old(microcode, running, rules)),
        (Some(true | false) | None, _) => None,
    };
    let mixed = (microcode.is_mixed() == Some(true)).then(|| mixed(running, late, rules));
    behind.into_iter().chain(mixed).collect()
}

/// Whether the kernel's own table knows a newer revision for this CPU (6.16; Intel only).
fn is_old(snapshot: &Snapshot) -> bool {
    let vulnerabilities = Snapshot::found(&snapshot.cpu_vulnerabilities);
    let old = vulnerabilities.into_iter().flatten().find(|v| v.name == "old_microcode");
    old.is_some_and(|old| old.state.value() == Some(&VulnerabilityState::Vulnerable))
}

fn behind(
    microcode: &Microcode,
    running: &RunningMicrocode,
    update: &MicrocodeUpdate,
    old: bool,
    rules: &Rules,
) -> Finding {
    let made = update.date.as_ref().map(|date| format!(" of {date}")).unwrap_or_default();
    let kernel =
        if old { "; the kernel, too, calls what runs old (old_microcode: Vulnerable)" } else { "" };
    let (image, remedy, helps) = match microcode.at_next_boot() {
        NextMicrocode::Loads(image) => (
            format!("{} has it, so that a boot with that image loads it", image.file),
            "reboot at the next window; the update has fixes for security or reliability that \
             nothing but microcode can bring",
            RebootHelps::Yes,
        ),
        NextMicrocode::Lacks(image) => {
            let has = match image.update.value() {
                Some(Some(update)) => format!("has revision 0x{:x}", update.revision),
                Some(None) | None => "has none for these CPUs".to_owned(),
            };
            (
                format!("no image that a boot would load it from has it: {} {has}", image.file),
                "make the image anew (update-initramfs -u -k all; dracut --force \
                 --regenerate-all; mkinitcpio -P), see that this finding then says that a reboot \
                 helps, and reboot at the next window",
                RebootHelps::No,
            )
        }
        NextMicrocode::Unknown => (
            "which image the next boot loads, and whether that has it, could not be told"
                .to_owned(),
            "look whether the image of the kernel that boots next has the update (lsinitramfs, \
             lsinitrd), make it anew if not, and reboot at the next window",
            RebootHelps::Unknown,
        ),
    };
    rules.microcode_behind.finding_if(
        helps,
        format!(
            "the CPUs ({}) run microcode 0x{:x}, and {} has 0x{:x}{made} for them; {image}{kernel}",
            microcode.signature, running.highest, update.file, update.revision
        ),
        remedy,
    )
    .seen_in(update.file.clone())
}

fn known_to_be_old(microcode: &Microcode, running: &RunningMicrocode, rules: &Rules) -> Finding {
    let disk = match microcode.available.value() {
        Some(Some(_) | None) => "lib/firmware has nothing newer for them",
        None if microcode.available.is_absent() => "no microcode package is installed",
        None => "what lib/firmware has could not be read",
    };
    rules
        .microcode_behind
        .finding_if(
            RebootHelps::No,
            format!(
                "the kernel knows newer microcode for these CPUs ({}) than the 0x{:x} they run \
             (old_microcode: Vulnerable), and {disk}",
                microcode.signature, running.highest
            ),
            "install or update the distribution's microcode package (intel-microcode, \
         microcode_ctl, ucode-intel), or the firmware of the board; then reboot at the next window",
        )
        .seen_in(OLD)
}

fn mixed(running: &RunningMicrocode, late: bool, rules: &Rules) -> Finding {
    let late = if late {
        "; microcode was loaded into the running kernel (taint S), perhaps not on all of them"
    } else {
        ""
    };
    rules.microcode_mixed.finding(
        format!(
            "{} run different microcode, from 0x{:x} to 0x{:x}{late}",
            many(u64::from(running.cpus), "CPU"),
            running.lowest,
            running.highest
        ),
        "look for \"microcode:\" in the kernel log; compare the firmware's own revision for each \
         socket; a boot loads the same update into all CPUs, if its image has one that is newer",
    )
    .seen_in("sys/devices/system/cpu/cpu0/microcode/version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, denied, lose, of, only, set, text};
    use scrubjay_model::{Action, CpuVulnerability, EarlyImage, ImageOf, Reading, Taint, Verdict};

    fn running(lowest: u32, highest: u32) -> Snapshot {
        but(|s| {
            of(&mut s.microcode).running =
                Reading::Value(RunningMicrocode { lowest, highest, cpus: 64 });
        })
    }

    fn imaged(revision: Option<u32>) -> Snapshot {
        let mut snapshot = running(0x2b00_0639, 0x2b00_0639);
        let microcode = of(&mut snapshot.microcode);
        let update = revision.map(|revision| MicrocodeUpdate {
            revision,
            date: None,
            file: "boot/initrd.img-6.1".to_owned(),
        });
        microcode.images = Reading::Value(vec![EarlyImage {
            file: "boot/initrd.img-6.1".to_owned(),
            of: ImageOf::RunningKernel,
            update: Reading::Value(update),
        }]);
        snapshot
    }

    fn call_old(snapshot: &mut Snapshot) {
        of(&mut snapshot.cpu_vulnerabilities).push(CpuVulnerability {
            name: "old_microcode".to_owned(),
            state: Reading::Value(VulnerabilityState::Vulnerable),
            text: text("Vulnerable"),
        });
    }

    #[test]
    fn an_update_that_the_image_has_is_loaded_by_a_reboot() {
        let found = only(&imaged(Some(0x2b00_0650)));
        assert_eq!((found.code, found.verdict), ("microcode-behind", Verdict::Plan));
        assert_eq!((found.action, found.reboot_helps), (Action::Reboot, RebootHelps::Yes));
        assert_eq!(
            found.because,
            "the CPUs (06-8f-08) run microcode 0x2b000639, and lib/firmware/intel-ucode/06-8f-08 \
             has 0x2b000650 of 2025-05-29 for them; boot/initrd.img-6.1 has it, so that a boot \
             with that image loads it"
        );
    }

    #[test]
    fn an_update_that_no_image_has_is_not_and_the_remedy_begins_with_the_image() {
        for (revision, has) in
            [(None, "has none for these CPUs"), (Some(0x2b00_0640), "has revision 0x2b000640")]
        {
            let found = only(&imaged(revision));
            assert_eq!(found.reboot_helps, RebootHelps::No);
            assert!(found.because.ends_with(&format!("boot/initrd.img-6.1 {has}")), "{found:?}");
            assert!(found.remedy.starts_with("make the image anew"), "{}", found.remedy);
        }
    }

    #[test]
    fn images_that_are_not_known_leave_it_open() {
        let mut snapshot = running(1, 1);
        of(&mut snapshot.microcode).images = absent("boot");
        assert_eq!(only(&snapshot).reboot_helps, RebootHelps::Unknown);
    }

    #[test]
    fn what_the_kernel_calls_old_needs_a_package_first() {
        let mut snapshot = but(|_| ());
        call_old(&mut snapshot);
        let found = only(&snapshot);
        assert_eq!((found.code, found.reboot_helps), ("microcode-behind", RebootHelps::No));
        assert!(found.because.ends_with("lib/firmware has nothing newer for them"), "{found:?}");
        of(&mut snapshot.microcode).available = absent("lib/firmware/intel-ucode");
        assert!(only(&snapshot).because.ends_with("no microcode package is installed"));
        // What was loaded late, the kernel's judgement of the boot does not know.
        of(&mut snapshot.kernel_health).taint = Reading::Value(Taint(1 << OUT_OF_SPEC));
        assert!(codes(&snapshot).is_empty());
    }

    #[test]
    fn that_the_kernel_agrees_is_evidence_and_no_second_finding() {
        let mut snapshot = imaged(Some(0x2b00_0650));
        call_old(&mut snapshot);
        assert!(only(&snapshot).because.ends_with("(old_microcode: Vulnerable)"));
    }

    #[test]
    fn cpus_that_differ_are_watched() {
        let mut snapshot = running(0x2b00_0639, 0x2b00_0650);
        let found = only(&snapshot);
        assert_eq!((found.code, found.verdict), ("microcode-mixed", Verdict::Watch));
        let because = "64 CPUs run different microcode, from 0x2b000639 to 0x2b000650";
        assert_eq!(found.because, because);
        of(&mut snapshot.kernel_health).taint = Reading::Value(Taint(1 << OUT_OF_SPEC));
        assert!(only(&snapshot).because.contains("taint S"));
    }

    #[test]
    fn a_guest_and_a_host_without_the_package_have_nothing_to_compare() {
        let guest = but(|s| set(&mut s.microcode, absent("proc/cpuinfo flags hypervisor")));
        assert!(codes(&guest).is_empty());
        let bare = but(|s| of(&mut s.microcode).available = absent("lib/firmware/intel-ucode"));
        assert!(codes(&bare).is_empty());
    }

    #[test]
    fn a_revision_that_cannot_be_read_is_neither_behind_nor_current() {
        let mut snapshot = imaged(None);
        let path = "sys/devices/system/cpu/cpu1/microcode/version";
        lose(&mut snapshot.microcode, |microcode| &mut microcode.running, denied(path));
        assert_eq!(codes(&snapshot), ["source-unreadable"]);
    }
}
