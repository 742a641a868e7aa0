//! The packages of kernels that are installed, and what belongs to them.

use crate::{InstalledPackage, Reading};
use serde::Serialize;

/// What the host's package manager knows of kernels, and of what patches them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Packages {
    /// Whose database was read.
    pub manager: PackageManager,
    /// Installed kernels.
    pub kernels: Vec<KernelPackage>,
    /// Installed packages of live patches, with what they say they fix.
    pub live_patches: Vec<InstalledPackage>,
}

/// The package managers whose databases are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PackageManager {
    /// Debian and its children.
    Dpkg,
    /// Red Hat, SUSE, Oracle, Amazon and their children.
    Rpm,
    /// Arch.
    Pacman,
    /// Alpine.
    Apk,
}

/// An installed package that holds a kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelPackage {
    /// The package.
    #[serde(flatten)]
    pub package: InstalledPackage,
    /// What `uname -r` says when this kernel runs; not a value where the package does not tell.
    pub release: Reading<String>,
    /// Kernels of one family replace each other: `amd64`, `cloud-amd64`, `kernel-core`, `linux-lts`.
    pub family: String,
}

impl PackageManager {
    /// All of them, in the order they are looked for.
    pub const ALL: [Self; 4] = [Self::Dpkg, Self::Rpm, Self::Pacman, Self::Apk];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dpkg => "dpkg",
            Self::Rpm => "rpm",
            Self::Pacman => "pacman",
            Self::Apk => "apk",
        }
    }
}

/// What is left of a kernel release when the parts that number it are taken away: `cloud-amd64` of
/// `6.1.0-56-cloud-amd64`, `generic` of `6.8.0-47-generic`; empty where nothing is left.
pub fn release_flavour(release: &str) -> &str {
    let mut rest = release;
    loop {
        let (part, after) = rest.split_once('-').unwrap_or((rest, ""));
        let candidate = ["rc", "trunk"].iter().any(|word| part.starts_with(word));
        if !part.starts_with(|c: char| c.is_ascii_digit()) && !candidate {
            return rest;
        }
        if after.is_empty() {
            return "";
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::release_flavour;

    #[test]
    fn a_flavour_is_what_numbers_no_kernel() {
        for (release, flavour) in [
            ("6.1.0-56-amd64", "amd64"),
            ("6.1.0-56-cloud-amd64", "cloud-amd64"),
            ("6.12.90+deb13.1-rt-arm64", "rt-arm64"),
            ("6.8.0-47-generic", "generic"),
            ("6.8.12-4-pve", "pve"),
            ("6.9-rc1-amd64", "amd64"),
            ("6.9.7", ""),
            ("6.9.7-", ""),
            ("", ""),
            ("amd64", "amd64"),
        ] {
            assert_eq!(release_flavour(release), flavour, "{release}");
        }
    }
}
