//! Installed kernels by the host's package manager, with what their changelogs say was fixed.
//!
//! Conventions of distributions: deb822(5), dpkg.log, deb-changelog(5). Names of kernel ABIs are no
//! versions: `6.1.0-56-amd64` stays while its package goes from 6.1.192-1 to 6.1.192-2, so what is
//! installed is told by the package manager and by nothing else. When it was installed dpkg's log
//! tells, or the age of the list of its files; that is asked of the file system, not read.

use crate::packages::dpkg::{self, DebPackage};
use crate::packages::{DebianChangelog, FoundPackage, apk, needed, pacman, rpm};
use crate::reader::Reader;
use crate::remember::Remember;
use flate2::read::MultiGzDecoder;
use jiff::tz::TimeZone;
use scrubjay_model::{
    Changelog, InstalledPackage, KernelPackage, NonValue, Origin, PackageManager, PackageVersion,
    Packages, Reading, SourceDoc, SourceId, Stamp, release_flavour,
};
use std::io::{BufRead as _, BufReader, Read as _};
use std::sync::Arc;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Packages,
    reads: &[
        "proc/sys/kernel/osrelease",
        "var/lib/dpkg/status",
        "var/log/{dpkg.log,dpkg.log.1}",
        "etc/localtime",
        "usr/share/doc/*/{changelog.Debian.gz,changelog.gz,changelog.Debian,changelog}",
        "{usr/lib/sysimage,var/lib}/rpm/{rpmdb.sqlite,rpmdb.sqlite-wal,Packages.db,Packages}",
        "var/lib/pacman/local/*/{desc,files}",
        "lib/apk/db/installed",
    ],
    needs: "nothing",
    absence: "no package manager's database is below the root: it is a minimal image, or belongs to \
              a distribution that scrubjay does not know",
    kernel_doc: "none: a convention of distributions",
};

/// Longest changelog, inflated. Debian's kernel has 4 MB after four years.
const CHANGELOG_LIMIT: u64 = 64 << 20;
/// Longest line of one, bytes. Those of people have some hundred.
const LINE_LIMIT: u64 = 64 << 10;

/// The files that change with what is installed, and what dates and names it.
const STAMPED: [&str; 10] = [
    dpkg::STATUS,
    "var/log/dpkg.log",
    "etc/localtime",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite-wal",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/rpmdb.sqlite-wal",
    "var/lib/pacman/local",
    "lib/apk/db/installed",
];

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Packages> {
    let running = super::kernel::release(reader);
    let running = running.value().map(String::as_str);
    let key = format!("packages/{}", running.unwrap_or_default());
    let what = Remember { key: &key, files: &STAMPED, at_most: None };
    let packages = reader.remembered(&what, |reader| of_any(reader, running));
    packages.as_ref().clone()
}

/// Of the first package manager that keeps kernels here. A host of one family may have the database
/// of another for a build tool, so one without kernels gives way to one with some.
fn of_any(reader: &Reader<'_>, running: Option<&str>) -> Reading<Packages> {
    let mut without = None;
    let others = [PackageManager::Rpm, PackageManager::Pacman, PackageManager::Apk];
    let dpkg = || of_dpkg(reader, running);
    let found = std::iter::once_with(dpkg)
        .chain(others.into_iter().map(|manager| of_other(reader, manager, running)));
    for packages in found {
        match packages.value() {
            Some(with) if !with.kernels.is_empty() => return packages,
            Some(_) => _ = without.get_or_insert(packages),
            None if packages.is_absent() => {}
            // What hides what is installed is not passed over.
            None => return packages,
        }
    }
    without.unwrap_or_else(|| Reading::Absent(Origin::new("var/lib/dpkg/status")))
}

/// Packages that hold live patches and say in their changelogs what these fix.
fn holds_live_patches(name: &str) -> bool {
    ["kpatch-patch-", "kernel-livepatch-", "kgraft-patch-"]
        .iter()
        .any(|beginning| name.starts_with(beginning))
}

fn of_other(
    reader: &Reader<'_>,
    manager: PackageManager,
    running: Option<&str>,
) -> Reading<Packages> {
    let of_kernel = |name: &str, stem: &str| {
        name.strip_prefix(stem)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '6', '7', '8', '9']))
    };
    let found = match manager {
        PackageManager::Rpm => {
            rpm::read(reader, &|name| of_kernel(name, "kernel") || holds_live_patches(name))
        }
        PackageManager::Pacman => pacman::read(reader, &|name| of_kernel(name, "linux")),
        PackageManager::Apk => apk::read(reader, &|name| of_kernel(name, "linux")),
        PackageManager::Dpkg => return Reading::Absent(Origin::new(dpkg::STATUS)),
    };
    found.map(|found| {
        let (mut kernels, mut live_patches) = (Vec::new(), Vec::new());
        for found in found.packages {
            if holds_live_patches(&found.package.name) {
                live_patches.push(found.package);
            } else if let Some(release) = release_held(manager, &found) {
                kernels.push(KernelPackage {
                    family: found.package.name.clone(),
                    release: Reading::Value(release),
                    package: found.package,
                });
            }
        }
        forget_changelogs(&mut kernels, running);
        Packages { manager, kernels, live_patches }
    })
}

/// The release of the kernel that a package holds, by the files in it. Packages of modules alone
/// hold none; Arch's and Alpine's images have no release in their names, so there the folder of the
/// modules tells.
fn release_held(manager: PackageManager, found: &FoundPackage) -> Option<String> {
    let FoundPackage { package, images, module_folders, .. } = found;
    let folder = match manager {
        PackageManager::Rpm | PackageManager::Dpkg => None,
        PackageManager::Pacman | PackageManager::Apk => {
            let holds = !["-headers", "-docs", "-dev", "-doc", "-firmware"]
                .iter()
                .any(|end| package.name.ends_with(end));
            module_folders.first().filter(|_| holds)
        }
    };
    images.first().or(folder).cloned()
}

/// Which kernels are asked what they fix: the running one, and the newest of its family.
fn asked<'k>(kernels: &'k [KernelPackage], running: Option<&str>) -> Vec<&'k KernelPackage> {
    let runs = |kernel: &&KernelPackage| {
        running.is_some() && kernel.release.value().map(String::as_str) == running
    };
    let family = kernels
        .iter()
        .find(runs)
        .map(|kernel| kernel.family.as_str())
        .or_else(|| running.map(release_flavour));
    let newest = kernels
        .iter()
        .filter(|kernel| Some(kernel.family.as_str()) == family)
        .reduce(|a, b| if b.package.version > a.package.version { b } else { a });
    kernels
        .iter()
        .filter(|kernel| {
            runs(kernel)
                || newest.is_some_and(|newest| newest.package.version == kernel.package.version)
        })
        .collect()
}

/// Changelogs that nobody asks for would only lie in memory.
fn forget_changelogs(kernels: &mut [KernelPackage], running: Option<&str>) {
    let asked: Vec<String> =
        asked(kernels, running).iter().map(|kernel| kernel.package.version.to_string()).collect();
    // Where the running kernel's package is gone, its family is not known: then all are kept.
    if asked.is_empty() {
        return;
    }
    for kernel in kernels {
        if !asked.contains(&kernel.package.version.to_string()) {
            kernel.package.changelog = not_asked(&kernel.package.name);
        }
    }
}

/// What follows the name of a Debian package that holds a kernel, which is the kernel's release.
fn deb_release(name: &str) -> Option<&str> {
    let prefixes = ["linux-image-", "proxmox-kernel-", "pve-kernel-"];
    let rest = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix))?;
    let rest = rest.strip_prefix("unsigned-").unwrap_or(rest);
    let ends = ["-unsigned", "-signed"];
    let release = ends.iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
    // What numbers no kernel depends on one (`linux-image-amd64`), and `-dbg` holds none.
    let numbered = release.starts_with(|c: char| c.is_ascii_digit()) && release.contains('.');
    // `proxmox-kernel-6.8` depends on the latest of its series.
    let series = name.starts_with("proxmox-kernel-") || name.starts_with("pve-kernel-");
    let whole = !series || release.ends_with("-pve");
    (numbered && whole && !release.ends_with("-dbg")).then_some(release)
}

/// Whether a Debian package of that name holds a kernel, and its stanza is read here.
pub(crate) fn holds_kernel(name: &str) -> bool {
    deb_release(name).is_some()
}

fn of_dpkg(reader: &Reader<'_>, running: Option<&str>) -> Reading<Packages> {
    let stanzas = reader.part(dpkg::STATUS, |status| dpkg::stanzas_of(status, &holds_kernel));
    stanzas.map(|stanzas| {
        let (installed, broken) = dpkg::installed(&String::from_utf8_lossy(&stanzas));
        if let Some(name) = broken.first() {
            let what =
                crate::reader::malformed(dpkg::STATUS, "a package with a version", name.as_bytes());
            let _: Reading<()> = reader.noted(Err(what));
        }
        // A container's image has no kernel, and a log of its making.
        let log = if installed.is_empty() { String::new() } else { dpkg_log(reader) };
        let zone = zone(reader);
        let mut kernels: Vec<KernelPackage> = installed
            .iter()
            .filter_map(|package| {
                let release = deb_release(&package.name)?;
                Some(KernelPackage {
                    package: InstalledPackage {
                        name: package.name.clone(),
                        version: PackageVersion::Deb(package.version.clone()),
                        arch: Some(package.arch.clone()),
                        installed_unix_s: installed_unix_s(reader, package, &log, zone.as_ref()),
                        changelog: not_asked(&package.name),
                    },
                    release: Reading::Value(release.to_owned()),
                    family: release_flavour(release).to_owned(),
                })
            })
            .collect();
        read_changelogs(reader, &mut kernels, running);
        Packages { manager: PackageManager::Dpkg, kernels, live_patches: Vec::new() }
    })
}

/// Of kernels that are neither running nor the newest of the running one's family nothing is asked.
fn not_asked(package: &str) -> Reading<Arc<Changelog>> {
    Reading::Absent(Origin::new(format!("usr/share/doc/{package}: not needed")))
}

fn read_changelogs(reader: &Reader<'_>, kernels: &mut [KernelPackage], running: Option<&str>) {
    let asked: Vec<String> =
        asked(kernels, running).iter().map(|kernel| kernel.package.name.clone()).collect();
    for kernel in kernels {
        if asked.contains(&kernel.package.name) {
            kernel.package.changelog = changelog(reader, &kernel.package.name);
        }
    }
}

/// A package that is not native to Debian has the distribution's changelog beside its author's.
const CHANGELOGS: [&str; 4] =
    ["changelog.Debian.gz", "changelog.gz", "changelog.Debian", "changelog"];

fn changelog(reader: &Reader<'_>, package: &str) -> Reading<Arc<Changelog>> {
    let paths = CHANGELOGS.map(|name| format!("usr/share/doc/{package}/{name}"));
    for path in &paths {
        let mut read = None;
        let kept = reader.part(path, |bytes| match parse(path, bytes) {
            Ok((changelog, kept)) => {
                read = Some(Ok(changelog));
                kept
            }
            Err(why) => {
                read = Some(Err(why));
                Vec::new()
            }
        });
        match (kept.into_result(), read) {
            (Err(NonValue::Absent(_)), _) => {}
            (Err(why), _) => return why.into(),
            (Ok(_), Some(found)) => return reader.noted(found).map(Arc::new),
            (Ok(_), None) => {}
        }
    }
    Reading::Absent(Origin::new(format!("usr/share/doc/{package}/changelog.gz")))
}

/// The changelog, and the lines of it that say the same.
fn parse(path: &str, bytes: &[u8]) -> Result<(Changelog, Vec<u8>), NonValue> {
    let malformed =
        |what: &[u8]| crate::reader::malformed(path, "a changelog of at most 64 MiB", what);
    // In a capture it is plain, whatever its name.
    let packed = bytes.starts_with(&[0x1f, 0x8b]);
    let text: Box<dyn std::io::Read + '_> =
        if packed { Box::new(MultiGzDecoder::new(bytes)) } else { Box::new(bytes) };
    let mut text = BufReader::new(text.take(CHANGELOG_LIMIT));
    let (mut changelog, mut kept) = (DebianChangelog::default(), Vec::new());
    let (mut line, mut goes_on, mut total) = (Vec::new(), false, 0_u64);
    loop {
        line.clear();
        let length = text
            .by_ref()
            .take(LINE_LIMIT)
            .read_until(b'\n', &mut line)
            .map_err(|error| malformed(error.to_string().as_bytes()))?;
        if u64::try_from(length) == Ok(LINE_LIMIT) && !line.ends_with(b"\n") {
            return Err(malformed(b"a line of more than 64 KiB"));
        }
        if length == 0 {
            break;
        }
        total = total.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        let plain = String::from_utf8_lossy(&line);
        let plain = plain.trim_end_matches(['\n', '\r']);
        changelog.line(plain);
        if needed(plain, &mut goes_on) {
            kept.extend_from_slice(plain.as_bytes());
            kept.push(b'\n');
        }
    }
    let changelog = changelog.finish();
    if total >= CHANGELOG_LIMIT {
        return Err(malformed(b"more"));
    }
    if changelog.entries.is_empty() {
        return Err(malformed(bytes));
    }
    Ok((changelog, kept))
}

/// The lines of dpkg's logs that say when kernels were installed, oldest first.
fn dpkg_log(reader: &Reader<'_>) -> String {
    ["var/log/dpkg.log.1", "var/log/dpkg.log"]
        .into_iter()
        .filter_map(|path| {
            let lines = reader.part(path, |log| dpkg::lines_of(log, &holds_kernel));
            lines.value().map(|lines| String::from_utf8_lossy(lines).into_owned())
        })
        .collect()
}

/// The host's time zone; without the file it keeps UTC.
fn zone(reader: &Reader<'_>) -> Option<TimeZone> {
    match reader.firmware_data("etc/localtime").into_result() {
        Ok(bytes) => TimeZone::tzif("localtime", &bytes).ok(),
        Err(NonValue::Absent(_)) => Some(TimeZone::UTC),
        Err(NonValue::Unreadable(..) | NonValue::Malformed(..)) => None,
    }
}

/// When a package was installed: by dpkg's log, which is rotated away, else by the list of its
/// files, which dpkg writes with each installation.
fn installed_unix_s(
    reader: &Reader<'_>,
    package: &DebPackage,
    log: &str,
    zone: Option<&TimeZone>,
) -> Reading<i64> {
    if let Some(at) = zone.and_then(|zone| dpkg::installed_unix_s(log, package, zone)) {
        return Reading::Value(at);
    }
    let info = "var/lib/dpkg/info";
    let DebPackage { name, arch, .. } = package;
    let by_arch = reader.modified_unix_s(&format!("{info}/{name}:{arch}.list"));
    if by_arch.is_absent() {
        reader.modified_unix_s(&format!("{info}/{name}.list"))
    } else {
        by_arch
    }
}

#[cfg(test)]
pub(crate) mod tests;
