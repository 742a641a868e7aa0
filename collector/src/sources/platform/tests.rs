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
//- sys/class/dmi/id/bios_date
02/11/2022
//- dir sys/devices/system/edac
//- sys/firmware/acpi/tables/HEST
HEST
//- sys/firmware/acpi/tables/BERT
BERT
//- dir sys/module/ghes_edac
//- sys/module/edac_core/parameters/edac_mc_panic_on_ue
0
//- dir sys/kernel/debug/ras/cec
";

/// A server whose driver is kept out, and whose debugfs is not mounted.
pub(crate) const NO_DRIVER: &str = "\
//- proc/cpuinfo
flags\t\t: fpu vme
//- proc/cmdline
quiet
//- proc/sys/kernel/osrelease
6.1.0-56-amd64
//- dir sys/devices/system/edac/mc/power
//- dir sys/kernel/debug
//- boot/config-6.1.0-56-amd64
CONFIG_RAS=y
CONFIG_RAS_CEC=y
# CONFIG_RAS_CEC_DEBUG is not set
//- lib/modules/6.1.0-56-amd64/modules.alias
# Aliases extracted from modules themselves.
alias pci:v00008086d00003E31sv*sd*bc*sc*i* ie31200_edac
alias cpu:type:x86,ven0000fam0006mod0055:feature:* skx_edac
alias cpu:type:x86,ven0000fam0006mod006A:feature:* i10nm_edac
alias pci:v00008086d00002084sv*sd*bc*sc*i* hfi1
//- sys/devices/system/cpu/modalias
cpu:type:x86,ven0000fam0006mod0055:feature:,0000,0001
//- sys/bus/pci/devices/0000:00:00.0/modalias
pci:v00008086d00003E31sv00001028sd00000869bc06sc00i00
//- sys/bus/pci/devices/0000:00:01.0/modalias
pci:v00008086d00001901sv00001028sd00000869bc06sc04i00
//- hex sys/firmware/acpi/tables/FACP
46 41 43 50 14 01 00 00 06 62 44 45 4c 4c 20 20 50 45 5f 53 43 33 20 20 00
//- dir sys/module/ie31200_edac
//- usr/lib/modprobe.d/edac.conf
blacklist ie31200-edac
//- etc/modprobe.d/edac.conf
# blacklist i10nm_edac
blacklist skx_edac
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
fn where_no_controller_is_registered_the_drivers_that_fit_are_named() {
    let drivers = found(NO_DRIVER, read).edac_drivers.unwrap();
    let told: Vec<(&str, bool, Option<&str>)> = drivers
        .value()
        .unwrap()
        .iter()
        .map(|d| (d.name.as_str(), d.loaded.value().is_some(), d.forbidden_by.as_deref()))
        .collect();
    let packaged = Some("usr/lib/modprobe.d/edac.conf");
    let expected =
        [("ie31200_edac", true, packaged), ("skx_edac", false, Some("etc/modprobe.d/edac.conf"))];
    assert_eq!(told, expected);
}

#[test]
fn drivers_are_not_looked_for_where_one_counts_or_in_a_guest() {
    let counted = NO_DRIVER.replace("edac/mc/power", "edac/mc/mc0");
    let denied = NO_DRIVER.replace(
        "//- dir sys/devices/system/edac/mc/power",
        "//- errno=EACCES sys/devices/system/edac/mc",
    );
    let guest = NO_DRIVER.replace("vme\n", "vme hypervisor\n");
    for text in [counted, denied, guest] {
        assert_eq!(partly_found(&text, read).0.edac_drivers, None, "{text}");
    }
}

#[test]
fn without_aliases_nothing_is_said_of_drivers() {
    let aliases = "lib/modules/6.1.0-56-amd64/modules.alias";
    let gone = NO_DRIVER.replace(aliases, "lib/modules/6.1.0-55-amd64/modules.alias");
    let absent = Reading::Absent(Origin::new(aliases));
    assert_eq!(found(&gone, read).edac_drivers, Some(absent));
    let denied = NO_DRIVER.replace(
        &format!("//- {aliases}\n#"),
        &format!("//- errno=EACCES {aliases}\n//- other\n#"),
    );
    let denied = partly_found(&denied, read).0.edac_drivers.unwrap();
    assert_eq!(denied.outcome(), Outcome::Unreadable);
}

#[test]
fn an_unmounted_debugfs_is_told_from_one_without_a_collector() {
    let unmounted = found(NO_DRIVER, read);
    assert!(unmounted.debugfs.is_absent() && unmounted.cec.is_absent());
    assert_eq!(unmounted.cec_configured, Some(Reading::Value(true)));
    for content in ["ras", "tracing"] {
        let line = format!("//- dir sys/kernel/debug/{content}\n");
        let mounted = found(&NO_DRIVER.replace("//- dir sys/kernel/debug\n", &line), read);
        assert_eq!(mounted.debugfs, Reading::Value(Present), "{content}");
        assert_eq!((mounted.cec.is_absent(), mounted.cec_configured), (true, None));
    }
}

#[test]
fn the_configuration_tells_where_debugfs_cannot_be_read() {
    let denied = "//- errno=EACCES sys/kernel/debug/ras/cec\n";
    let ask = |config: &str| {
        let text = NO_DRIVER.replace("//- dir sys/kernel/debug\n", denied);
        partly_found(&text.replace("CONFIG_RAS_CEC=y", config), read).0.cec_configured.unwrap()
    };
    assert_eq!(ask("CONFIG_RAS_CEC=y"), Reading::Value(true));
    assert_eq!(ask("# CONFIG_RAS_CEC is not set"), Reading::Value(false));
    assert_eq!(ask("# CONFIG_RAS_CEC=y"), Reading::Value(false));
    let elsewhere =
        NO_DRIVER.replace("boot/config-6.1.0-56-amd64", "lib/modules/6.1.0-56-amd64/config");
    assert_eq!(found(&elsewhere, read).cec_configured, Some(Reading::Value(true)));
    let no_config = NO_DRIVER.replace("CONFIG_RAS", "x");
    assert_eq!(
        partly_found(&no_config, read).0.cec_configured.unwrap().outcome(),
        Outcome::Malformed
    );
    let arm = NO_DRIVER.replace("flags\t\t:", "Features :");
    assert_eq!(found(&arm, read).cec_configured, None);
}

#[test]
fn the_firmwares_names_are_those_of_its_table() {
    let oem = |bytes: &[u8]| {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let tree = NO_DRIVER.replace(
            "46 41 43 50 14 01 00 00 06 62 44 45 4c 4c 20 20 50 45 5f 53 43 33 20 20 00",
            &hex,
        );
        partly_found(&tree, read).0.fadt_oem.unwrap()
    };
    let hpe = oem(b"FACP\x14\x01\0\0\x06bHPE   Server  \0");
    assert_eq!(hpe, Reading::Value("HPE   Server".to_owned()));
    for odd in [
        &b"FACP\x14\x01\0\0\x06bHPE   Serv"[..],
        b"SSDT\x14\x01\0\0\x06bHPE   Server  \0",
        b"FACP\x14\x01\0\0\x06bHPE\x07  Server  \0",
    ] {
        assert_eq!(oem(odd).outcome(), Outcome::Malformed);
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
    // Whether drivers are looked for depends on the CPU flags.
    check::keeps_the_laws(HEALTHY, read, |path, _| path == CPUINFO);
}
