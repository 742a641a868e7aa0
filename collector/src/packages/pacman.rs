//! The database of Arch's pacman: a folder `<name>-<version>-<release>` for each package below
//! `var/lib/pacman/local`, with `desc` (lines `%NAME%`, each followed by its values and an empty
//! line) and `files`.
//!
//! It has no changelogs. Only the folders of wanted packages are looked into.

use super::found::{FoundPackage, FoundPackages, KernelFiles};
use super::rpm::Wanted;
use crate::host::HostRoot;
use crate::reader::{Reader, malformed};
use scrubjay_model::{InstalledPackage, NonValue, Origin, PackageVersion, Reading, RpmVersion};
use std::cell::Cell;

pub(super) const LOCAL: &str = "var/lib/pacman/local";

/// The packages with names that are wanted.
pub fn pacman_packages(host: &HostRoot, wanted: &dyn Fn(&str) -> bool) -> Reading<FoundPackages> {
    read(&Reader::new(host), wanted)
}

/// The same, for a source.
pub(crate) fn read(reader: &Reader<'_>, wanted: &Wanted<'_>) -> Reading<FoundPackages> {
    let total = Cell::new(0);
    let folders = reader.directories_with(LOCAL, &|folder| {
        // Beside them is a file with the version of the format.
        let name = name_of(folder);
        total.set(total.get() + usize::from(name.is_some()));
        name.is_some_and(wanted)
    });
    let folders = match folders.into_result() {
        Ok(folders) => folders,
        Err(why) => return why.into(),
    };
    let mut found = FoundPackages::new(LOCAL);
    found.total = total.get();
    for folder in folders {
        found.add(package(reader, &format!("{LOCAL}/{folder}"), &folder));
    }
    Reading::Value(found)
}

/// The name in `<name>-<version>-<release>`; none of the latter two holds a hyphen.
fn name_of(folder: &str) -> Option<&str> {
    split(folder).map(|(name, _)| name)
}

/// The same with the version and release.
pub(super) fn split(folder: &str) -> Option<(&str, &str)> {
    let (rest, _) = folder.rsplit_once('-')?;
    let (name, _) = rest.rsplit_once('-')?;
    let version = folder.strip_prefix(name)?.strip_prefix('-')?;
    (!name.is_empty()).then_some((name, version))
}

fn package(reader: &Reader<'_>, path: &str, folder: &str) -> Result<FoundPackage, NonValue> {
    let desc_path = format!("{path}/desc");
    let odd = "a package with the name and version of its folder";
    let desc = match reader.attr(&desc_path).into_result() {
        // A folder without it is of an installation that was cut short.
        Err(NonValue::Absent(origin)) => {
            return reader.noted(Err(malformed(origin.as_str(), odd, b""))).into_result();
        }
        desc => desc?,
    };
    let one = |key: &str| values(&desc, key).next();
    let understood = one("NAME").zip(one("VERSION")).filter(|(name, version)| {
        let (folder_name, folder_version) = (name_of(folder), folder.strip_prefix(name));
        folder_name == Some(name)
            && folder_version.is_some_and(|v| v.strip_prefix('-') == Some(version))
    });
    let understood = understood
        .and_then(|(name, version)| Some((name, RpmVersion::parse(version).ok()?)))
        .ok_or_else(|| malformed(&desc_path, odd, desc.as_bytes()));
    let (name, version) = reader.noted(understood).into_result()?;
    let time = |key: &str| one(key).and_then(|time| time.parse::<i64>().ok());
    let absent = |what: &str| Origin::new(format!("{desc_path} ({what})"));
    let files = kernels(reader, &format!("{path}/files"))?;
    Ok(FoundPackage {
        package: InstalledPackage {
            name: name.to_owned(),
            version: PackageVersion::Rpm(version),
            arch: one("ARCH").map(str::to_owned),
            installed_unix_s: time("INSTALLDATE").map_or_else(
                || Reading::Absent(absent("the time of installation")),
                Reading::Value,
            ),
            changelog: Reading::Absent(absent("the changelog")),
        },
        source: one("BASE").map(str::to_owned),
        built_unix_s: time("BUILDDATE"),
        provides: values(&desc, "PROVIDES")
            .filter_map(|name| name.split(['=', '<', '>']).next())
            .map(str::to_owned)
            .collect(),
        images: files.images,
        module_folders: files.module_folders,
    })
}

/// What stands below `%KEY%`, up to an empty line.
fn values<'t>(text: &'t str, key: &str) -> impl Iterator<Item = &'t str> {
    let is_key = move |line: &str, key: &str| {
        line.strip_prefix('%').and_then(|rest| rest.strip_suffix('%')) == Some(key)
    };
    let key = key.to_owned();
    let lines = text.lines().skip_while(move |line| !is_key(line, &key)).skip(1);
    lines.take_while(|line| !line.is_empty())
}

/// Kernels whose image the package holds. It has thousands of other files, none of which is kept.
fn kernels(reader: &Reader<'_>, path: &str) -> Result<KernelFiles, NonValue> {
    let mut files = KernelFiles::default();
    let lines = reader.lines_with(path, b"/vmlinuz").into_result()?;
    for line in String::from_utf8_lossy(&lines).lines() {
        if let Some((folder, name)) = line.rsplit_once('/') {
            files.path(folder, name);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::check;

    const TREE: &str = "\
//- var/lib/pacman/local/ALPM_DB_VERSION
9
//- dir var/lib/pacman/local/bash-5.2.037-1
//- var/lib/pacman/local/linux-6.6.1.arch1-1/desc
%NAME%
linux

%VERSION%
6.6.1.arch1-1

%BASE%
linux

%ARCH%
x86_64

%BUILDDATE%
1699480000

%INSTALLDATE%
1699500000

%PROVIDES%
KSMBD-MODULE
WIREGUARD-MODULE=1

//- var/lib/pacman/local/linux-6.6.1.arch1-1/files
%FILES%
usr/
usr/lib/modules/6.6.1-arch1-1/kernel/
usr/lib/modules/6.6.1-arch1-1/vmlinuz
";

    fn read_tree(text: &str) -> Reading<FoundPackages> {
        let host = check::host(check::tree(text));
        pacman_packages(&host, &|name| name == "linux")
    }

    #[test]
    fn a_kernel_is_read_with_its_release_and_when_it_was_installed() {
        let found = read_tree(TREE).into_result().unwrap();
        assert_eq!((found.total, found.packages.len(), found.faults.len()), (2, 1, 0));
        let kernel = &found.packages[0];
        assert_eq!(kernel.package.name, "linux");
        assert_eq!(kernel.package.version.as_str(), "6.6.1.arch1-1");
        assert_eq!(kernel.package.installed_unix_s, Reading::Value(1_699_500_000));
        assert_eq!(kernel.built_unix_s, Some(1_699_480_000));
        assert!(kernel.package.changelog.is_absent());
        assert_eq!(kernel.images.first().map(String::as_str), Some("6.6.1-arch1-1"));
        assert!(kernel.provides.contains("WIREGUARD-MODULE"));
    }

    #[test]
    fn a_folder_that_says_something_else_is_a_fault() {
        for spoilt in [
            TREE.replace("%VERSION%\n6.6.1", "%VERSION%\n6.6.2"),
            TREE.replace("%NAME%\nlinux", "%NAME%\nlinux-lts"),
            TREE.replace("/desc", "/other"),
            TREE.replace("//- var/lib/pacman/local/linux-6.6.1.arch1-1/files", "//- x"),
        ] {
            let found = read_tree(&spoilt).into_result().unwrap();
            assert_eq!((found.packages.len(), found.faults.len()), (0, 1), "{spoilt}");
        }
        assert!(read_tree("//- var/lib/other\n").is_absent());
    }

    #[test]
    fn names_may_hold_hyphens_and_versions_do_not() {
        assert_eq!(name_of("linux-lts-6.6.1-1"), Some("linux-lts"));
        assert_eq!(name_of("linux-lts-1:6.6.1-1"), Some("linux-lts"));
        assert_eq!(name_of("ALPM_DB_VERSION"), None);
    }
}
