//! Images and boot loaders of each kind, as trees.

use super::*;
use crate::boot_loader::image::with_banner;
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::Outcome;
use std::fmt::Write as _;

const NEW: &str = "6.1.0-56-amd64 (kernel@example.org) #1 SMP PREEMPT_DYNAMIC \
                   Debian 6.1.192-2 (2026-11-16)";
const OLD: &str = "6.1.0-55-amd64 (kernel@example.org) #1 SMP PREEMPT_DYNAMIC \
                   Debian 6.1.190-1 (2026-10-12)";

/// An entry of a tree that holds an image with this banner.
fn image_entry(path: &str, banner: &str) -> String {
    let mut entry = format!("//- hex {path}\n");
    for byte in with_banner(banner) {
        write!(entry, "{byte:02x}").unwrap();
    }
    entry.push('\n');
    entry
}

const GRUB_CFG: &str = "\
//- boot/grub/grub.cfg
if [ \"${next_entry}\" ] ; then
   set default=\"${next_entry}\"
else
   set default=\"${saved_entry}\"
fi
menuentry 'Debian GNU/Linux' $menuentry_id_option 'simple' {
	linux	/vmlinuz-6.1.0-56-amd64 root=UUID=1 ro quiet
}
submenu 'Advanced options' $menuentry_id_option 'advanced' {
	menuentry 'with Linux 6.1.0-55-amd64' $menuentry_id_option 'linux-55' {
		linux	/vmlinuz-6.1.0-55-amd64 root=UUID=1 ro quiet
	}
}
//- boot/grub/grubenv
# GRUB Environment Block
####
";

pub(crate) fn healthy() -> String {
    let new = image_entry("boot/vmlinuz-6.1.0-56-amd64", NEW);
    let old = image_entry("boot/vmlinuz-6.1.0-55-amd64", OLD);
    format!("{new}{old}{GRUB_CFG}")
}

/// Trees in which every file that is read is there.
pub(crate) fn everything() -> Vec<String> {
    let banner = "6.9.7 (a@b) #1 SMP";
    let grub2 = healthy()
        .replace("boot/grub/", "boot/grub2/")
        .replace("vmlinuz-6.1.0-55", "vmlinux-6.1.0-55");
    let mut trees = vec![healthy(), grub2];
    for partition in PARTITIONS {
        let variables = ["LoaderInfo", "LoaderEntryOneShot", "LoaderEntryDefault"]
            .map(|name| efi(name, "systemd-boot"))
            .concat();
        let modules = image_entry("usr/lib/modules/6.9.7/vmlinuz", banner);
        let conf = format!("//- {partition}/loader/loader.conf\ndefault x\n");
        trees.push(format!("{modules}{}{conf}{variables}", bls(partition)));
    }
    for pin in ["next-boot-pin", "proxmox-boot-pin"] {
        trees.push(format!("{}//- etc/kernel/{pin}\n6.9.7\n", healthy()));
    }
    for link in ["vmlinuz", "boot/vmlinuz"] {
        trees.push(image_entry(link, banner));
    }
    trees
}

fn next(text: &str) -> NextBoot {
    found(text, read).next.into_result().unwrap()
}

#[test]
fn images_say_what_they_are() {
    let images = found(&healthy(), read).images;
    let releases: Vec<&str> = images.iter().map(|image| image.release.as_str()).collect();
    assert_eq!(releases, ["6.1.0-55-amd64", "6.1.0-56-amd64"]);
    assert_eq!(images[1].version(), Some("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)"));
}

#[test]
fn an_image_of_another_kind_is_known_by_its_name_alone() {
    let images = found("//- boot/vmlinuz-6.12.90-arm64\nMZ\n", read).images;
    assert_eq!(images[0].release, "6.12.90-arm64");
    assert!(images[0].banner.is_absent());
}

#[test]
fn leftovers_and_rescue_images_are_no_kernels() {
    assert!(is_absent(
        "//- boot/vmlinuz-6.1.0.dpkg-new\nx\n//- boot/vmlinuz-0-rescue-0123\nx\n//- boot/config-6.1\nx\n",
        read
    ));
    assert!(is_absent("//- dir boot\n", read));
    assert!(is_absent("", read));
}

#[test]
fn arch_names_its_image_after_the_package_and_the_image_tells_the_release() {
    let text = image_entry("boot/vmlinuz-linux", "6.9.7-arch1-1 (linux@archlinux) #1 SMP x");
    assert_eq!(found(&text, read).images[0].release, "6.9.7-arch1-1");
}

#[test]
fn an_image_that_lies_with_its_modules_is_found_once() {
    let text = image_entry("usr/lib/modules/6.10.3-200.fc40.x86_64/vmlinuz", "6.10.3-200 (m) #1 a");
    assert_eq!(found(&text, read).images[0].release, "6.10.3-200.fc40.x86_64");
    let both = format!("{text}//- boot/vmlinuz-6.10.3-200.fc40.x86_64\nx\n");
    let images = found(&both, read).images;
    assert_eq!(images.len(), 1);
    assert!(images[0].path.starts_with("boot/"));
}

#[test]
fn grub_starts_the_first_entry_unless_another_is_saved_or_chosen_once() {
    let first = next(&healthy());
    assert_eq!(first.release.as_deref(), Some("6.1.0-56-amd64"));
    assert_eq!(
        (first.loader, first.chosen, first.image.as_str()),
        (BootLoader::Grub, Chosen::ByOrder, "boot/vmlinuz-6.1.0-56-amd64")
    );
    let saved = next(&healthy().replace("####", "saved_entry=advanced>linux-55"));
    assert_eq!(saved.release.as_deref(), Some("6.1.0-55-amd64"));
    assert_eq!((saved.entry.as_str(), saved.chosen), ("with Linux 6.1.0-55-amd64", Chosen::Pinned));
    let once = next(&healthy().replace("####", "saved_entry=simple\nnext_entry=linux-55"));
    assert_eq!((once.release.as_deref(), once.chosen), (Some("6.1.0-55-amd64"), Chosen::Once));
}

#[test]
fn a_menu_that_cannot_be_read_is_not_passed_over() {
    for (node, outcome) in [
        ("//- errno=EACCES boot/grub/grub.cfg\n", Outcome::Unreadable),
        ("//- hex boot/grub/grub.cfg\nff\n", Outcome::Malformed),
        ("//- boot/grub/grub.cfg\n# empty\n", Outcome::Malformed),
    ] {
        let text =
            format!("{}{node}//- vmlinuz\nx\n", image_entry("boot/vmlinuz-6.1.0-55-amd64", OLD));
        let (images, faults) = partly_found(&text, read);
        assert_eq!((images.next.outcome(), faults.len()), (outcome, 1), "{node}");
        assert_eq!(images.images.len(), 1);
    }
}

/// Entries of the Boot Loader Specification below a partition.
fn bls(partition: &str) -> String {
    ["6.9.7-200.fc40.x86_64", "6.10.3-200.fc40.x86_64"]
        .map(|version| {
            format!(
                "//- {partition}/loader/entries/0123-{version}.conf\n\
                 title Fedora Linux ({version})\nversion {version}\nlinux /vmlinuz-{version}\n"
            )
        })
        .concat()
}

#[test]
fn grub_of_fedora_takes_the_newest_entry_or_the_saved_one() {
    let text = format!(
        "{}//- boot/grub2/grub.cfg\nset default=\"${{saved_entry}}\"\nblscfg\n",
        bls("boot")
    );
    let newest = next(&text);
    assert_eq!(newest.release.as_deref(), Some("6.10.3-200.fc40.x86_64"));
    assert_eq!((newest.loader, newest.chosen), (BootLoader::GrubBls, Chosen::ByOrder));
    let env = |saved: &str| format!("{text}//- boot/grub2/grubenv\nsaved_entry={saved}\n");
    let pinned = next(&env("0123-6.9.7-200.fc40.x86_64"));
    assert_eq!(pinned.release.as_deref(), Some("6.9.7-200.fc40.x86_64"));
    assert_eq!(pinned.chosen, Chosen::Pinned);
    // Fedora saves the newest with each update.
    assert_eq!(next(&env("0123-6.10.3-200.fc40.x86_64")).chosen, Chosen::ByOrder);
    // A saved entry that is gone is none.
    let gone = next(&env("0123-6.8.1-100.fc40.x86_64"));
    assert_eq!(gone.release.as_deref(), Some("6.10.3-200.fc40.x86_64"));
}

fn efi(name: &str, value: &str) -> String {
    let mut entry = format!(
        "//- hex sys/firmware/efi/efivars/{name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f\n06000000"
    );
    for unit in value.encode_utf16() {
        write!(entry, "{:04x}", unit.swap_bytes()).unwrap();
    }
    entry.push_str("0000\n");
    entry
}

#[test]
fn systemd_boot_takes_its_variables_before_its_file_before_its_order() {
    let text = format!("{}//- boot/efi/loader/loader.conf\ntimeout 3\n", bls("boot/efi"));
    let by_order = next(&text);
    assert_eq!(by_order.release.as_deref(), Some("6.10.3-200.fc40.x86_64"));
    assert_eq!((by_order.loader, by_order.chosen), (BootLoader::SystemdBoot, Chosen::ByOrder));
    let configured = text.replace("timeout 3", "default 0123-6.9*");
    assert_eq!(next(&configured).chosen, Chosen::Pinned);
    assert_eq!(next(&configured).release.as_deref(), Some("6.9.7-200.fc40.x86_64"));
    let once =
        format!("{configured}{}", efi("LoaderEntryOneShot", "0123-6.10.3-200.fc40.x86_64.conf"));
    assert_eq!(next(&once).chosen, Chosen::Once);
    assert_eq!(next(&once).release.as_deref(), Some("6.10.3-200.fc40.x86_64"));
}

#[test]
fn where_two_loaders_are_installed_the_one_that_started_the_system_is_asked() {
    let both = format!("{}{}//- efi/loader/loader.conf\n\n", healthy(), bls("efi"));
    assert_eq!(next(&both).loader, BootLoader::Grub);
    let started = format!("{both}{}", efi("LoaderInfo", "systemd-boot 255"));
    assert_eq!(next(&started).loader, BootLoader::SystemdBoot);
}

#[test]
fn a_pin_of_proxmox_outranks_every_loader() {
    let pinned = format!("{}//- etc/kernel/proxmox-boot-pin\n6.1.0-55-amd64\n", healthy());
    assert_eq!(next(&pinned).release.as_deref(), Some("6.1.0-55-amd64"));
    assert_eq!(next(&pinned).chosen, Chosen::Pinned);
    let once = format!("{pinned}//- etc/kernel/next-boot-pin\n6.1.0-56-amd64\n");
    assert_eq!((next(&once).loader, next(&once).chosen), (BootLoader::ProxmoxPin, Chosen::Once));
}

#[test]
fn without_a_menu_the_link_tells() {
    let text = image_entry("vmlinuz", NEW);
    let linked = next(&text);
    assert_eq!(
        (linked.loader, linked.release.as_deref()),
        (BootLoader::Link, Some("6.1.0-56-amd64"))
    );
}

#[test]
fn a_path_in_a_menu_leads_nowhere_outside() {
    let text = GRUB_CFG.replace("/vmlinuz-6.1.0-56-amd64", "(hd0,1)/../../etc//./shadow");
    let out = next(&text);
    assert_eq!((out.image.as_str(), out.release), ("../../etc/shadow", None));
}

#[test]
fn the_laws_hold() {
    // Which image is started next is told from its own file as well as from the menu.
    check::keeps_the_laws(&healthy(), read, |_, _| true);
}
