//! What decides whether errors can be seen, on trees: guests, firmware, and what is hidden.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::{Outcome, Present, ReadFault};

pub(crate) const HEALTHY: &str = "\
//- proc/cpuinfo
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Some CPU
flags\t\t: fpu vme de hypervisor lahf_lm
vmx flags\t: vnmi
bugs\t\t: spectre_v1

processor\t: 1
//- proc/cmdline
BOOT_IMAGE=/vmlinuz root=/dev/sda1 mce=ignore_ce quiet
//- sys/hypervisor/type
xen
//- sys/class/dmi/id/sys_vendor
Dell Inc. \n\
//- sys/class/dmi/id/product_name
PowerEdge R650
//- sys/class/dmi/id/board_vendor
Dell Inc.
//- sys/class/dmi/id/board_name
0PYXKY
//- sys/class/dmi/id/bios_version
1.9.2
//- dir sys/devices/system/edac
//- sys/firmware/acpi/tables/HEST
HEST
//- sys/firmware/acpi/tables/BERT
BERT
//- dir sys/module/ghes_edac
//- dir sys/kernel/debug/ras/cec
";

fn flag(cpuinfo: &str) -> Reading<bool> {
    let rest = HEALTHY.split_once("//- proc/cmdline").unwrap().1;
    partly_found(&format!("{cpuinfo}//- proc/cmdline{rest}"), read).0.hypervisor_flag
}

#[test]
fn everything_that_bears_on_visibility_is_read() {
    let platform = found(HEALTHY, read);
    assert_eq!(platform.hypervisor_flag, Reading::Value(true));
    assert_eq!(platform.hypervisor_type.value().unwrap(), "xen");
    assert_eq!(platform.system_vendor.value().unwrap(), "Dell Inc.");
    assert_eq!(platform.bios_version.value().unwrap(), "1.9.2");
    assert_eq!(platform.booted_with("mce=ignore_ce"), Some(true));
    assert_eq!(platform.booted_with("mce"), Some(false));
    for present in
        [platform.edac_core, platform.hest, platform.bert, platform.ghes_edac, platform.cec]
    {
        assert_eq!(present, Reading::Value(Present));
    }
}

#[test]
fn a_root_that_is_no_host_is_absent() {
    assert!(is_absent("", read));
    assert!(is_absent("//- dir etc\n", read));
    assert!(!is_absent("//- dir sys/devices\n", read));
}

#[test]
fn a_physical_x86_machine_lacks_the_flag_and_other_architectures_the_line() {
    let flags = |line: &str| flag(&format!("//- proc/cpuinfo\nprocessor\t: 0\n{line}\n\n"));
    assert_eq!(flags("flags\t\t: fpu vme de"), Reading::Value(false));
    assert_eq!(flags("flags\t\t:"), Reading::Value(false));
    assert_eq!(flags("flags: hypervisor"), Reading::Value(true));
    for arm in
        ["Features\t: fp asimd hypervisor", "vmx flags\t: hypervisor", "flagship : hypervisor"]
    {
        assert_eq!(flags(arm), Reading::Absent(Origin::new("proc/cpuinfo flags")), "{arm}");
    }
}

#[test]
fn the_other_cpus_are_not_waited_for() {
    let cpus = "processor\t: 1\nflags\t\t: fpu\n\n".repeat(1000);
    let text = format!("//- proc/cpuinfo\nflags\t\t: hypervisor\n\n{cpus}");
    assert_eq!(flag(&text), Reading::Value(true));
}

#[test]
fn flags_cut_short_do_not_say_what_is_not_among_them() {
    let long = |before: &str| {
        let flags = "sse ".repeat(CPUINFO_HEAD);
        flag(&format!("//- proc/cpuinfo\n{before}flags\t\t: {flags}hypervisor\n\n"))
    };
    assert_eq!(long("").outcome(), Outcome::Malformed);
    assert_eq!(long("processor\t: 0\n").outcome(), Outcome::Malformed);
    // The cut falls just before the line's end.
    let exact = "x".repeat(CPUINFO_HEAD - "flags: ".len());
    assert_eq!(flag(&format!("//- proc/cpuinfo\nflags: {exact}\n")).outcome(), Outcome::Malformed);
    // Just after it, the line is whole.
    let exact = "x".repeat(CPUINFO_HEAD - "flags: \n".len());
    assert_eq!(flag(&format!("//- proc/cpuinfo\nflags: {exact}\n")), Reading::Value(false));
}

#[test]
fn a_model_name_that_is_no_text_does_not_hide_the_flags() {
    let hex: String = "flags: hypervisor\n".bytes().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(flag(&format!("//- hex proc/cpuinfo\nff 3a fe 0a {hex}\n")), Reading::Value(true));
}

#[test]
fn one_bad_fact_leaves_the_others() {
    let text = HEALTHY
        .replace("//- dir sys/kernel/debug/ras/cec", "//- errno=EACCES sys/kernel/debug/ras/cec")
        .replace("//- sys/class/dmi/id/board_name\n0PYXKY", "//- dir sys/class/dmi/id/board_name")
        .replace(
            "//- sys/class/dmi/id/product_name\nPowerEdge R650\n",
            "//- hex sys/class/dmi/id/product_name\nff\n",
        );
    let (platform, faults) = partly_found(&text, read);
    let denied = Reading::Unreadable(Origin::new("sys/kernel/debug/ras/cec"), ReadFault::Denied);
    assert_eq!(platform.cec, denied);
    assert_eq!(platform.board_name.outcome(), Outcome::Unreadable);
    assert_eq!(platform.product_name.outcome(), Outcome::Malformed);
    assert_eq!(platform.board_vendor.value().unwrap(), "Dell Inc.");
    assert_eq!(faults.len(), 3, "{faults:?}");

    let odd = flag("//- errno=EACCES proc/cpuinfo\n");
    assert_eq!(odd, Reading::Unreadable(Origin::new(CPUINFO), ReadFault::Denied));
    assert_eq!(flag("//- dir proc/cpuinfo\n").outcome(), Outcome::Unreadable);
}

#[test]
fn a_machine_without_firmware_tables_has_them_absent() {
    let platform = found("//- proc/cmdline\nquiet\n//- proc/cpuinfo\nFeatures : fp\n\n", read);
    assert!(platform.hest.is_absent() && platform.system_vendor.is_absent());
    assert!(platform.hypervisor_flag.is_absent() && platform.hypervisor_type.is_absent());
}

#[test]
fn the_laws_hold() {
    check::keeps_the_laws(HEALTHY, read, |_, _| false);
}
