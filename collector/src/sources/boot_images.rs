//! Kernel images on disk, and which of them the boot loader is set to start.
//!
//! Kernel documentation: Documentation/arch/x86/boot.rst for the banner in an image. The rest are
//! conventions of distributions and boot loaders: GRUB's manual, the Boot Loader Specification,
//! systemd-boot(7). Whether a reboot would bring the newest kernel is answered from this alone; a
//! marker that asks for one does not know it.

use crate::boot_loader::bls::{self, BlsEntry};
use crate::boot_loader::{grub, image};
use crate::host::Piece;
use crate::reader::Reader;
use crate::tree::is_relative;
use scrubjay_model::{
    BootImage, BootImages, BootLoader, Chosen, NextBoot, NonValue, Origin, Reading, SourceDoc,
    SourceId, Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::BootImages,
    reads: &[
        "boot/{vmlinuz,vmlinux}-*",
        "usr/lib/modules/*/vmlinuz",
        "boot/{grub,grub2}/{grub.cfg,grubenv}",
        "{boot,boot/efi,efi}/loader/loader.conf",
        "{boot,boot/efi,efi}/loader/entries/*.conf",
        "sys/firmware/efi/efivars/{LoaderInfo,LoaderEntryOneShot,LoaderEntryDefault}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
        "etc/kernel/{next-boot-pin,proxmox-boot-pin}",
        "{vmlinuz,boot/vmlinuz}",
    ],
    needs: "root or CAP_DAC_READ_SEARCH where the boot loader's files are for root only",
    absence: "the root has no /boot with a kernel: it is started from outside (a guest booted \
              directly, a container), or /boot is not mounted",
    kernel_doc: "Documentation/arch/x86/boot.rst",
};

const BOOT: &str = "boot";
const MODULES: &str = "usr/lib/modules";

/// Where the entries of the Boot Loader Specification may lie.
const PARTITIONS: [&str; 3] = ["boot/efi", "efi", "boot"];

/// The vendor id of systemd-boot's EFI variables.
const EFI_VENDOR: &str = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

/// Most entries read; menus of hundreds are of hosts that never remove a kernel.
const ENTRIES_LIMIT: usize = 512;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<BootImages> {
    let images = match images(reader).into_result() {
        Ok(images) => images,
        Err(why) => return why.into(),
    };
    let next = next_boot(reader);
    if images.is_empty() && next.is_absent() {
        return Reading::Absent(Origin::new("boot/vmlinuz-*"));
    }
    Reading::Value(BootImages { images, next })
}

fn images(reader: &Reader<'_>) -> Reading<Vec<BootImage>> {
    let mut images: Vec<BootImage> = Vec::new();
    let names = match reader.files(BOOT).into_result() {
        Ok(names) => names,
        Err(NonValue::Absent(_)) => Vec::new(),
        Err(why) => return why.into(),
    };
    for name in names {
        if let Some(release) = release_of(&name) {
            let path = format!("{BOOT}/{name}");
            images.push(image_at(reader, path, release));
        }
    }
    // Where the package keeps its own copy, the one in /boot is the one that is started.
    for release in reader.directories(MODULES).value().into_iter().flatten() {
        let path = format!("{MODULES}/{release}/vmlinuz");
        let known = |image: &BootImage| image.release == *release;
        if !images.iter().any(known) && reader.present(&path).value().is_some() {
            images.push(image_at(reader, path, release));
        }
    }
    Reading::Value(images)
}

/// The release that the name of an image gives; `None` for what is no kernel to run.
fn release_of(name: &str) -> Option<&str> {
    let release = name.strip_prefix("vmlinuz-").or_else(|| name.strip_prefix("vmlinux-"))?;
    let leftover = [".old", ".bak", ".dpkg-new", ".dpkg-tmp", ".hmac", ".sig"];
    let plain = !release.is_empty() && !leftover.iter().any(|end| release.ends_with(end));
    (plain && !release.contains("rescue")).then_some(release)
}

fn image_at(reader: &Reader<'_>, path: String, release: &str) -> BootImage {
    let banner = banner(reader, &path);
    // Some names give no release (`vmlinuz-linux`), the image itself does.
    let own = banner.value().and_then(|banner| banner.split(' ').next());
    let numbered = release.starts_with(|c: char| c.is_ascii_digit());
    let release = own.filter(|_| !numbered).unwrap_or(release).to_owned();
    BootImage { path, release, banner }
}

fn banner(reader: &Reader<'_>, path: &str) -> Reading<String> {
    let piece = |piece: Piece| -> Result<Vec<u8>, NonValue> {
        let pieces = reader.pieces(path, &[piece]).into_result()?;
        Ok(pieces.into_iter().next().unwrap_or_default())
    };
    let absent = || NonValue::Absent(Origin::new(path));
    let read = || -> Result<String, NonValue> {
        let at = image::banner_at(&piece(image::HEADER)?).ok_or_else(absent)?;
        let bytes = piece(at)?;
        let banner = image::banner(&bytes).ok_or_else(|| {
            crate::reader::malformed(path, "an image that names its kernel", &bytes)
        })?;
        reader.stands_for(path, &image::with_banner(&banner));
        Ok(banner)
    };
    reader.noted(read())
}

fn next_boot(reader: &Reader<'_>) -> Reading<NextBoot> {
    let variable = |name: &str| {
        let path = format!("sys/firmware/efi/efivars/{name}-{EFI_VENDOR}");
        reader.firmware_data(&path).value().and_then(|bytes| bls::efi_text(bytes))
    };
    let by_systemd_boot = variable("LoaderInfo").is_some_and(|info| info.starts_with("systemd"));
    let ways: [&dyn Fn() -> Result<NextBoot, NonValue>; 4] = [
        &|| pinned(reader),
        &|| if by_systemd_boot { systemd_boot(reader, &variable) } else { by_grub(reader) },
        &|| systemd_boot(reader, &variable),
        &|| link(reader),
    ];
    for way in ways {
        match way() {
            Err(NonValue::Absent(_)) => {}
            // A configuration that cannot be read is not passed over for another one's.
            found => return reader.noted(found),
        }
    }
    Reading::Absent(Origin::new("boot/grub/grub.cfg"))
}

/// Proxmox' pins, which its tool writes into whichever boot loader there is.
fn pinned(reader: &Reader<'_>) -> Result<NextBoot, NonValue> {
    let pins = [
        ("etc/kernel/next-boot-pin", Chosen::Once),
        ("etc/kernel/proxmox-boot-pin", Chosen::Pinned),
    ];
    for (path, chosen) in pins {
        match reader.attr(path).into_result() {
            Err(NonValue::Absent(_)) => {}
            Err(why) => return Err(why),
            Ok(text) => {
                let release = text.trim().to_owned();
                let image = format!("/boot/vmlinuz-{release}");
                return Ok(next(
                    reader,
                    BootLoader::ProxmoxPin,
                    path.to_owned(),
                    &image,
                    Some(release),
                    chosen,
                ));
            }
        }
    }
    Err(NonValue::Absent(Origin::new("etc/kernel/proxmox-boot-pin")))
}

fn by_grub(reader: &Reader<'_>) -> Result<NextBoot, NonValue> {
    let dir = ["boot/grub", "boot/grub2"]
        .into_iter()
        .find(|dir| !reader.present(&format!("{dir}/grub.cfg")).is_absent())
        .ok_or_else(|| NonValue::Absent(Origin::new("boot/grub/grub.cfg")))?;
    let path = format!("{dir}/grub.cfg");
    let text = text(reader, &path)?;
    let menu = grub::menu(&text);
    let environment = match reader.attr(&format!("{dir}/grubenv")).into_result() {
        Ok(text) => grub::environment(&text),
        Err(NonValue::Absent(_)) => grub::environment(""),
        Err(why) => return Err(why),
    };
    let once = environment.get("next_entry").filter(|entry| !entry.is_empty());
    let default = menu.default_entry(&environment);
    let (choice, chosen) = match once {
        Some(once) => (once.clone(), Chosen::Once),
        None if default.is_empty() || default == "0" => (default, Chosen::ByOrder),
        None => (default, Chosen::Pinned),
    };
    let nothing = || {
        let what = format!("default \"{choice}\"");
        crate::reader::malformed(
            &path,
            "a menu with the entry that is its default",
            what.as_bytes(),
        )
    };
    if menu.uses_bls {
        let mut entries = entries(reader, BOOT)?;
        bls::sort_for_grub(&mut entries);
        let first = entries.first().map(|entry| entry.id.clone());
        // A saved entry that is gone is passed over for the first one, and so here.
        let found = bls::chosen_by_grub(&entries, &choice).or_else(|| entries.first());
        let entry = found.ok_or_else(nothing)?;
        // Where the distribution saves the newest entry with each update, that is no pin.
        let by_order = chosen == Chosen::Pinned && first.as_deref() == Some(entry.id.as_str());
        let chosen = if by_order { Chosen::ByOrder } else { chosen };
        return Ok(of_entry(reader, BootLoader::GrubBls, entry, BOOT, chosen));
    }
    let entry = menu.entry(&choice).ok_or_else(nothing)?;
    Ok(next(reader, BootLoader::Grub, entry.title, &entry.linux, None, chosen))
}

fn systemd_boot(
    reader: &Reader<'_>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<NextBoot, NonValue> {
    let partition = PARTITIONS
        .into_iter()
        .find(|at| !reader.present(&format!("{at}/loader/loader.conf")).is_absent())
        .ok_or_else(|| NonValue::Absent(Origin::new("boot/efi/loader/loader.conf")))?;
    let path = format!("{partition}/loader/loader.conf");
    let configured = bls::loader_default(&text(reader, &path)?);
    let mut entries = entries(reader, partition)?;
    bls::sort_for_systemd_boot(&mut entries);
    let choices = [
        (variable("LoaderEntryOneShot"), Chosen::Once),
        (variable("LoaderEntryDefault"), Chosen::Pinned),
        (configured.filter(|pattern| !pattern.starts_with('@')), Chosen::Pinned),
    ];
    for (choice, chosen) in choices {
        let found = choice.and_then(|choice| bls::chosen_by_pattern(&entries, &choice));
        if let Some(entry) = found {
            // A pattern that names the newest is how it is meant to be used.
            let first = entries.first() == Some(entry) && chosen == Chosen::Pinned;
            let chosen = if first { Chosen::ByOrder } else { chosen };
            return Ok(of_entry(reader, BootLoader::SystemdBoot, entry, partition, chosen));
        }
    }
    let entry = entries.first().ok_or_else(|| NonValue::Absent(Origin::new(path)))?;
    Ok(of_entry(reader, BootLoader::SystemdBoot, entry, partition, Chosen::ByOrder))
}

fn link(reader: &Reader<'_>) -> Result<NextBoot, NonValue> {
    let links = ["vmlinuz", "boot/vmlinuz"];
    let there = links.into_iter().find(|path| reader.present(path).value().is_some());
    let path = there.ok_or_else(|| NonValue::Absent(Origin::new("vmlinuz")))?;
    Ok(next(reader, BootLoader::Link, path.to_owned(), path, None, Chosen::ByOrder))
}

fn text(reader: &Reader<'_>, path: &str) -> Result<String, NonValue> {
    let bytes = reader.part(path, <[u8]>::to_vec).into_result()?;
    String::from_utf8(bytes)
        .map_err(|error| crate::reader::malformed(path, "text in UTF-8", error.as_bytes()))
}

/// The entries that start a kernel.
fn entries(reader: &Reader<'_>, partition: &str) -> Result<Vec<BlsEntry>, NonValue> {
    let dir = format!("{partition}/loader/entries");
    let names = match reader.files(&dir).into_result() {
        Err(NonValue::Absent(_)) => Vec::new(),
        names => names?,
    };
    let mut entries = Vec::new();
    for name in names.iter().take(ENTRIES_LIMIT).filter(|name| name.ends_with(".conf")) {
        let text = reader.attr(&format!("{dir}/{name}")).into_result()?;
        entries.extend(bls::entry(name, &text).filter(|entry| entry.linux.is_some()));
    }
    Ok(entries)
}

fn of_entry(
    reader: &Reader<'_>,
    loader: BootLoader,
    entry: &BlsEntry,
    partition: &str,
    chosen: Chosen,
) -> NextBoot {
    let linux = entry.linux.as_deref().unwrap_or_default();
    let title = entry.title.clone().unwrap_or_else(|| entry.id.clone());
    let on_partition = format!("{partition}/{}", linux.trim_start_matches('/'));
    let version = entry.version.clone();
    let mut found = next(reader, loader, title, &on_partition, version.clone(), chosen);
    if found.banner.is_absent() {
        found = next(reader, loader, found.entry, linux, version, chosen);
    }
    found
}

/// `told` is the release where something other than the image's name gives it.
fn next(
    reader: &Reader<'_>,
    loader: BootLoader,
    entry: String,
    image: &str,
    told: Option<String>,
    chosen: Chosen,
) -> NextBoot {
    // `($root)/vmlinuz-…`, and paths on a file system that is mounted on /boot.
    let path = image.rsplit(')').next().unwrap_or_default();
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let path: &str = &parts.collect::<Vec<_>>().join("/");
    let candidates = [path.to_owned(), format!("{BOOT}/{path}")];
    let found = candidates
        .iter()
        .filter(|path| is_relative(path))
        .find(|path| reader.present(path).value().is_some());
    let banner = match found {
        Some(path) => banner(reader, path),
        None => Reading::Absent(Origin::new(path)),
    };
    let own = banner.value().and_then(|banner| banner.split(' ').next()).map(str::to_owned);
    let name = path.rsplit('/').next().and_then(release_of).map(str::to_owned);
    let image = found.unwrap_or_else(|| candidates.first().unwrap_or(&entry)).clone();
    NextBoot { loader, entry, image, release: own.or(told).or(name), banner, chosen }
}

#[cfg(test)]
pub(crate) mod tests;
