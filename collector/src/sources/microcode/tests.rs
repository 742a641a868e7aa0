//! Hosts of either vendor, guests, and files of every ill.

use super::*;
use crate::microcode::tests::{amd_container, cpio, intel_blob};
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::NextMicrocode;
use std::fmt::Write as _;

const CPU: &str = "\
//- proc/cpuinfo
processor\t: 0
vendor_id\t: GenuineIntel
cpu family\t: 6
model\t\t: 143
model name\t: Intel(R) Xeon(R) Gold 6430
stepping\t: 8
microcode\t: 0x2b000639
flags\t\t: fpu vme msr

processor\t: 1
microcode\t: 0x2b000639

//- proc/sys/kernel/osrelease
6.1.0-56-amd64
//- sys/devices/system/cpu/cpu0/microcode/version
0x2b000639
//- sys/devices/system/cpu/cpu0/microcode/processor_flags
0x80
//- sys/devices/system/cpu/cpu1/microcode/version
0x2b000639
//- sys/devices/system/cpu/cpu1/microcode/processor_flags
0x80
//- dir sys/devices/system/cpu/cpu2
";

const FILE: &str = "lib/firmware/intel-ucode/06-8f-08";
const IMAGE: &str = "boot/initrd.img-6.1.0-56-amd64";
const INTEL: &str = "kernel/x86/microcode/GenuineIntel.bin";

fn hex(path: &str, bytes: &[u8]) -> String {
    bytes.iter().fold(format!("//- hex {path}\n"), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    }) + "\n"
}

fn blobs() -> Vec<u8> {
    let ours = intel_blob(0x2b00_0650, 0x806f8, 0x87, &[(0x806f7, 0x87)]);
    // The same CPU on another platform, and newer: taken by whoever ignores the platform.
    [ours, intel_blob(0x2c00_0410, 0x806f8, 0x10, &[])].concat()
}

fn image(microcode: &[u8]) -> Vec<u8> {
    [cpio(&[("kernel", b""), (INTEL, microcode)]), b"\x28\xb5\x2f\xfd compressed".to_vec()].concat()
}

/// An Intel server with an update that its initramfs has, too.
pub(crate) fn healthy() -> String {
    format!("{CPU}{}{}", hex(FILE, &blobs()), hex(IMAGE, &image(&blobs())))
}

/// An AMD server of which the same is true.
pub(crate) fn amd() -> String {
    let cpu = CPU
        .replace("GenuineIntel", "AuthenticAMD")
        .replace("family\t: 6", "family\t: 25")
        .replace("model\t\t: 143", "model\t\t: 1")
        .replace("stepping\t: 8", "stepping\t: 1")
        .replace("0x2b000639", "0xa0011d1");
    let container = amd_container(&[(0xa0_0f11, 0xa011)], &[(0x0a00_11de, 0xa011)]);
    let early = cpio(&[("kernel/x86/microcode/AuthenticAMD.bin", &container)]);
    let file = hex("lib/firmware/amd-ucode/microcode_amd_fam19h.bin", &container);
    format!("{cpu}{file}{}", hex(IMAGE, &early))
}

/// Trees that together hold everything that is read.
pub(crate) fn everywhere() -> Vec<String> {
    let others = ["initramfs-6.1.img", "amd-ucode.img", "intel-ucode.img"];
    let others = others.map(|name| hex(&format!("boot/{name}"), b""));
    vec![healthy() + &others.concat(), amd()]
}

fn revision(update: &Reading<Option<MicrocodeUpdate>>) -> Option<u32> {
    update.value().unwrap().as_ref().map(|update| update.revision)
}

#[test]
fn a_server_of_intel_is_compared_with_the_update_for_its_platform() {
    let found = found(&healthy(), read);
    assert_eq!(found.vendor, MicrocodeVendor::Intel);
    assert_eq!(found.platform, Some(Reading::Value(0x80)));
    let running = found.running.value().unwrap();
    assert_eq!((running.lowest, running.highest, running.cpus), (0x2b00_0639, 0x2b00_0639, 2));
    let available = found.available.value().unwrap().as_ref().unwrap();
    assert_eq!((available.revision, available.file.as_str()), (0x2b00_0650, FILE));
    assert_eq!(available.date.as_deref(), Some("2025-05-29"));
    assert_eq!((found.is_behind(), found.is_mixed()), (Some(true), Some(false)));
    let NextMicrocode::Loads(image) = found.at_next_boot() else { panic!("{:?}", found.images) };
    assert_eq!((image.file.as_str(), image.of), (IMAGE, ImageOf::RunningKernel));
}

#[test]
fn a_server_of_amd_is_compared_with_the_patch_for_its_signature() {
    let found = found(&amd(), read);
    assert_eq!((found.vendor, found.platform.clone()), (MicrocodeVendor::Amd, None));
    assert_eq!(revision(&found.available), Some(0x0a00_11de));
    assert_eq!(found.is_behind(), Some(true));
    assert!(matches!(found.at_next_boot(), NextMicrocode::Loads(_)));
}

#[test]
fn before_family_15h_all_patches_of_amd_are_in_one_file() {
    let old = amd().replace("family\t: 25", "family\t: 16").replace("_fam19h", "");
    let container = amd_container(&[(0x10_0f11, 0x1011)], &[(0x0100_00bf, 0x1011)]);
    let file = hex("lib/firmware/amd-ucode/microcode_amd.bin", &container);
    assert_eq!(revision(&found(&format!("{old}{file}"), read).available), Some(0x0100_00bf));
}

#[test]
fn a_guest_runs_what_its_hypervisor_says() {
    assert!(is_absent(&healthy().replace("fpu vme", "fpu hypervisor vme"), read));
    assert!(is_absent(&healthy().replace("GenuineIntel", "HygonGenuine"), read));
    assert!(is_absent("//- proc/cpuinfo\nprocessor\t: 0\nFeatures\t: fp asimd\n", read));
    assert!(is_absent("//- dir proc\n", read));
}

#[test]
fn an_update_that_no_image_has_is_not_loaded_by_a_reboot() {
    for microcode in
        [intel_blob(0x2b00_0639, 0x806f8, 0x87, &[]), intel_blob(9, 0x806f9, 0x87, &[])]
    {
        let tree = format!("{CPU}{}{}", hex(FILE, &blobs()), hex(IMAGE, &image(&microcode)));
        assert!(matches!(found(&tree, read).at_next_boot(), NextMicrocode::Lacks(_)));
    }
    let plain = format!("{CPU}{}{}", hex(FILE, &blobs()), hex(IMAGE, b"\x1f\x8b compressed"));
    assert!(matches!(found(&plain, read).at_next_boot(), NextMicrocode::Lacks(_)));
}

#[test]
fn images_of_every_distribution_are_known_and_others_are_none() {
    let mut tree = format!("{CPU}{}", hex(FILE, &blobs()));
    for name in [
        "initramfs-6.1.0-56-amd64.img",
        "initramfs-6.1.0-56-amd64kdump.img",
        "initramfs-0-rescue-5a6b.img",
        "initrd-5.14.21-default",
        "initrd-5.14.21-default-kdump",
        "intel-ucode.img",
        "vmlinuz-6.1.0-56-amd64",
        "initrd.img-6.1.0-55-amd64.bak",
        "initrd.img",
    ] {
        tree += &hex(&format!("boot/{name}"), &image(&blobs()));
    }
    let found = found(&tree, read);
    let images: Vec<(&str, ImageOf)> =
        found.images.value().unwrap().iter().map(|image| (image.file.as_str(), image.of)).collect();
    assert_eq!(
        images,
        [
            ("boot/intel-ucode.img", ImageOf::AnyKernel),
            ("boot/initramfs-6.1.0-56-amd64.img", ImageOf::RunningKernel),
            ("boot/initrd-5.14.21-default", ImageOf::OtherKernel),
        ]
    );
}

#[test]
fn the_file_that_only_an_initramfs_takes_counts_as_well() {
    let tree = format!("{CPU}{}", hex(&format!("{FILE}.initramfs"), &blobs()));
    assert_eq!(revision(&found(&tree, read).available), Some(0x2b00_0650));
    let older = intel_blob(1, 0x806f8, 0x87, &[]);
    let tree = format!("{tree}{}", hex(FILE, &older));
    assert_eq!(revision(&found(&tree, read).available), Some(0x2b00_0650));
}

#[test]
fn a_host_without_the_package_has_nothing_available_and_one_without_an_update_none() {
    let found_ = found(CPU, read);
    assert!(found_.available.is_absent() && found_.images.is_absent());
    assert_eq!(found_.is_behind(), None);
    let other = format!("{CPU}{}", hex("lib/firmware/intel-ucode/06-55-04", &blobs()));
    let found = found(&other, read);
    assert_eq!((revision(&found.available), found.is_behind()), (None, Some(false)));
}

#[test]
fn without_the_platform_no_update_is_taken_for_ours() {
    let tree = healthy().replace("microcode/processor_flags", "microcode/other");
    let found = found(&tree, read);
    assert!(found.available.is_absent());
    assert_eq!(found.is_behind(), None);
}

#[test]
fn a_kernel_without_the_driver_still_shows_the_revision() {
    let tree = healthy().replace("microcode/version", "microcode/other");
    let running = *found(&tree, read).running.value().unwrap();
    assert_eq!((running.highest, running.cpus), (0x2b00_0639, 2));
    let odd = tree.replace("microcode\t: 0x2b000639\n\n", "microcode\t: 12\n\n");
    let (found, faults) = partly_found(&odd, read);
    assert!(found.running.value().is_none());
    assert_eq!(
        faults,
        [
            "proc/cpuinfo: expected a microcode revision such as 0x2b000650, found \"microcode\\t: 12\""
        ]
    );
}

#[test]
fn cpus_that_differ_are_told_by_age() {
    let differ = healthy()
        .replace("cpu1/microcode/version\n0x2b000639", "cpu1/microcode/version\n0x80000001");
    let found = found(&differ, read);
    let running = found.running.value().unwrap();
    // Negative, so older.
    assert_eq!((running.lowest, running.highest), (0x8000_0001, 0x2b00_0639));
    assert_eq!(found.is_mixed(), Some(true));
}

#[test]
fn a_cpu_that_cannot_be_read_might_be_the_one_that_differs() {
    let path = "sys/devices/system/cpu/cpu1/microcode/version";
    let tree =
        healthy().replace(&format!("//- {path}\n0x2b000639"), &format!("//- errno=EACCES {path}"));
    let (found, faults) = partly_found(&tree, read);
    assert!(found.running.value().is_none());
    assert_eq!(faults, [format!("{path}: permission denied")]);
    assert_eq!((found.is_behind(), found.is_mixed()), (None, None));
}

#[test]
fn a_damaged_file_is_not_taken_for_one_without_updates() {
    let mut damaged = blobs();
    let at = damaged.len() - 1;
    damaged[at] ^= 1;
    let tree = format!("{CPU}{}{}", hex(FILE, &damaged), hex(IMAGE, &image(&damaged)));
    let (found, faults) = partly_found(&tree, read);
    assert!(found.available.value().is_none());
    assert_eq!(found.is_behind(), None);
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[1].starts_with(&format!("{FILE} at 0x")), "{faults:?}");
    assert!(faults[1].contains("a correct checksum of header and data"), "{faults:?}");
}

#[test]
fn images_that_may_not_be_read_leave_the_answer_open() {
    let tree = format!("{CPU}{}//- errno=EACCES {IMAGE}\n", hex(FILE, &blobs()));
    let (found, faults) = partly_found(&tree, read);
    assert_eq!(found.is_behind(), Some(true));
    assert_eq!(found.at_next_boot(), NextMicrocode::Unknown);
    assert_eq!(faults, [format!("{IMAGE}: permission denied")]);
}

#[test]
fn a_processor_that_cannot_be_is_malformed() {
    let (reading, _) = check::read(&healthy().replace("model\t\t: 143", "model\t\t: 1430"), read);
    assert!(matches!(reading, Reading::Malformed(..)));
    let (reading, _) = check::read(&healthy().replace("model\t\t: 143", "model\t\t: x"), read);
    assert!(matches!(reading, Reading::Malformed(..)));
}

#[test]
fn the_laws_hold() {
    check::keeps_the_laws(&healthy(), read, |path, finding| {
        let chosen =
            finding.starts_with("/value/available") || finding.starts_with("/value/images");
        let chosen = chosen || finding.starts_with("/available") || finding.starts_with("/images");
        // By the platform an update is chosen, by the release whose image one is.
        // A directory is no image, whatever its name.
        finding.starts_with("/value/images") && path == IMAGE
            || chosen && (path.ends_with("processor_flags") || path.ends_with("osrelease"))
    });
}
