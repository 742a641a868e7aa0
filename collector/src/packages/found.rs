//! What all readers of package databases give.

use scrubjay_model::{InstalledPackage, NonValue};
use std::collections::BTreeSet;

/// A package of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPackage {
    /// What is common to all package managers.
    pub package: InstalledPackage,
    /// The source package it was built from, as the package manager writes it.
    pub source: Option<String>,
    /// When it was built, seconds since the Unix epoch.
    pub built_unix_s: Option<i64>,
    /// Names that others may ask for it by.
    pub provides: BTreeSet<String>,
    /// Releases (`uname -r`) of the kernels whose image it holds.
    pub images: BTreeSet<String>,
    /// Releases of the kernels for which it holds modules or their folder; those of its images are
    /// not always among them.
    pub module_folders: BTreeSet<String>,
}

/// What a database gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundPackages {
    /// The database: a path below the host root.
    pub path: String,
    /// How many packages it holds.
    pub total: usize,
    /// Those that were asked for, in the order of the database.
    pub packages: Vec<FoundPackage>,
    /// Those that were asked for, or may have been, and were not understood. While there is one,
    /// nothing can be said not to be installed.
    pub faults: Vec<NonValue>,
}

impl FoundPackages {
    /// A database without any package yet.
    pub(super) fn new(path: &str) -> Self {
        Self { path: path.to_owned(), total: 0, packages: Vec::new(), faults: Vec::new() }
    }

    /// Takes in a package that was asked for.
    pub(super) fn add(&mut self, package: Result<FoundPackage, NonValue>) {
        match package {
            Ok(package) => self.packages.push(package),
            Err(fault) => self.faults.push(fault),
        }
    }
}

/// What paths of files say about kernels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct KernelFiles {
    pub(super) images: BTreeSet<String>,
    pub(super) module_folders: BTreeSet<String>,
}

/// What images are called, before a hyphen and the release.
const IMAGES: [&str; 7] = ["vmlinuz", "vmlinux", "Image", "image", "zImage", "bzImage", "uImage"];

impl KernelFiles {
    /// Takes in a file by its folder and its name, or a folder without a name. A leading slash and
    /// `usr` make no difference.
    pub(super) fn path(&mut self, folder: &str, name: &str) {
        let folder = folder.trim_matches('/');
        let folder = folder.strip_prefix("usr/").unwrap_or(folder);
        if folder == "boot" {
            let image = name.split_once('-').filter(|(kind, _)| IMAGES.contains(kind));
            self.images.extend(image.map(|(_, release)| release).and_then(release));
        } else if folder == "lib/modules" {
            self.module_folders.extend(release(name));
        } else if let Some(below) = folder.strip_prefix("lib/modules/") {
            let top = below.split('/').next().unwrap_or(below);
            let Some(release) = release(top) else { return };
            if below == top && IMAGES.contains(&name) {
                self.images.insert(release.clone());
            }
            self.module_folders.insert(release);
        }
    }
}

/// Releases of Linux begin with a number. Alpine calls images by their flavour, and some link
/// `vmlinuz-linux`.
fn release(name: &str) -> Option<String> {
    // Checksums (`.vmlinuz-….hmac`) and compressed files are no images.
    let is_other = name.ends_with(".hmac") || name.ends_with(".old");
    (name.starts_with(|c: char| c.is_ascii_digit()) && !is_other).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_of_a_kernel_is_in_the_paths_of_its_files() {
        let mut files = KernelFiles::default();
        for (folder, name) in [
            ("/lib/modules/5.14.0-70.el9.x86_64/", "vmlinuz"),
            ("/lib/modules/5.14.0-70.el9.x86_64/kernel/net", "a.ko.xz"),
            ("/boot/", "vmlinuz-6.4.0-150600.21-default"),
            ("/boot", ".vmlinuz-7.0.hmac"),
            ("/boot", "vmlinuz-7.0.hmac"),
            ("boot", "vmlinuz-lts"),
            ("usr/lib/modules", "6.6.1-arch1-1"),
            ("/lib/modules/6.1/kernel", "vmlinuz"),
            ("/lib/modules-load.d", "6.2"),
            ("/lib/modules/", "README"),
        ] {
            files.path(folder, name);
        }
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let images = set(&["5.14.0-70.el9.x86_64", "6.4.0-150600.21-default"]);
        let folders = set(&["5.14.0-70.el9.x86_64", "6.6.1-arch1-1", "6.1"]);
        assert_eq!(files, KernelFiles { images, module_folders: folders });
    }
}
