//! Which package the running kernel is of.

use crate::{
    BootImages, DebVersion, Kernel, KernelPackage, PackageManager, PackageVersion, Packages,
    RpmVersion, release_flavour,
};
use serde::Serialize;

/// The running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunningKernel {
    /// `osrelease`.
    pub release: String,
    /// `version`: number, options and date of the build.
    pub version: Option<String>,
    /// The version of the package it was started from; `None` where nothing tells.
    pub package_version: Option<PackageVersion>,
    /// Kernels of this family replace it.
    pub family: String,
    /// The package that holds this very release, as it is installed now; `None` where none does.
    pub installed: Option<String>,
}

impl RunningKernel {
    /// Puts together what the kernel, the packages and the images say. `None` without a release.
    pub(super) fn of(
        kernel: &Kernel,
        packages: Option<&Packages>,
        images: Option<&BootImages>,
    ) -> Option<Self> {
        let release = kernel.release.value()?.clone();
        let version = kernel.version.value().cloned();
        let kernels = packages.map_or(&[][..], |packages| &packages.kernels);
        let holds = |package: &&KernelPackage| package.release.value() == Some(&release);
        let of_release: Vec<&KernelPackage> = kernels.iter().filter(holds).collect();
        // A package may be there twice, as with and without a signature.
        let package = match of_release.as_slice() {
            [] => None,
            several => several.iter().copied().reduce(newer),
        };
        let banner = || banner_version(kernel, &release, packages?.manager);
        let by_image = || {
            // The image on disk is the one that runs, so its package's version is the running one.
            let image = images?.images.iter().find(|image| image.release == release)?;
            let same = image.version()? == version.as_deref()?;
            package.filter(|_| same).map(|package| package.package.version.clone())
        };
        let by_release = || {
            // RPM's releases hold the whole version, so the package of this release is this build.
            let whole = package?.package.version.as_str();
            let whole = whole.split_once(':').map_or(whole, |(_, rest)| rest);
            release.starts_with(whole).then(|| package.map(|p| p.package.version.clone()))?
        };
        let family = package
            .map(|package| package.family.clone())
            .or_else(|| family_of(&release, packages))
            .unwrap_or_else(|| release_flavour(&release).to_owned());
        Some(Self {
            package_version: banner().or_else(by_image).or_else(by_release),
            installed: package.map(|package| package.package.name.clone()),
            release,
            version,
            family,
        })
    }
}

fn newer<'p>(a: &'p KernelPackage, b: &'p KernelPackage) -> &'p KernelPackage {
    if b.package.version > a.package.version { b } else { a }
}

/// Where the running kernel's package is gone: the only family there is must be its own.
fn family_of(release: &str, packages: Option<&Packages>) -> Option<String> {
    let packages = packages?;
    match packages.manager {
        // Debian's families are parts of the release itself.
        PackageManager::Dpkg => Some(release_flavour(release).to_owned()),
        PackageManager::Rpm | PackageManager::Pacman | PackageManager::Apk => {
            let (first, rest) = packages.kernels.split_first()?;
            let same = rest.iter().all(|other| other.family == first.family);
            same.then(|| first.family.clone())
        }
    }
}

/// What the kernel says of its package: in the banner of Debian and Proxmox, in the signature of
/// Ubuntu.
fn banner_version(
    kernel: &Kernel,
    release: &str,
    manager: PackageManager,
) -> Option<PackageVersion> {
    match manager {
        PackageManager::Dpkg => {
            // The banner has the version as well, behind compilers that may be Debian's too.
            let texts = [kernel.version.value(), kernel.banner.value()];
            let debian = texts.into_iter().flatten().find_map(|text| {
                let mut words = text.split_whitespace();
                words.by_ref().find(|word| ["Debian", "PMX"].contains(word))?;
                DebVersion::parse(words.next()?).ok()
            });
            let ubuntu = || {
                // `Ubuntu 6.8.0-47.47-generic 6.8.12`: the version of the package, then the flavour.
                let signature = kernel.version_signature.value()?;
                let word = signature.strip_prefix("Ubuntu ")?.split(' ').next()?;
                let flavour = release_flavour(release);
                let version = word.strip_suffix(flavour)?.strip_suffix('-').unwrap_or(word);
                DebVersion::parse(version).ok()
            };
            debian.or_else(ubuntu).map(PackageVersion::Deb)
        }
        PackageManager::Rpm => {
            // `5.14.0-503.11.1.el9_5.x86_64`: everything before the architecture.
            let machine = &kernel.uname.value()?.machine;
            let whole = release.split_once('+').map_or(release, |(whole, _)| whole);
            let version = whole.strip_suffix(machine.as_str())?.strip_suffix('.')?;
            RpmVersion::parse(version).ok().map(PackageVersion::Rpm)
        }
        // Arch's `6.9.7-arch1-1` is version `6.9.7.arch1-1`, Alpine's `6.6.32-0-lts` is `6.6.32-r0`;
        // their packages say which release they hold.
        PackageManager::Pacman | PackageManager::Apk => None,
    }
}
