//! Which vulnerabilities the live patches of a host cover at this moment.
//!
//! What is not known is never taken for nothing, and never for covered: a loaded patch proves
//! nothing without a list of what it fixes, and a list proves nothing while its patch is not in
//! force.

use crate::patch_system::{klp_module, kpatch_module};
use crate::{
    CanonicalModule, CveId, InstalledPackage, Ksplice, Livepatch, Origin, Patch, PatchSystem,
    Reading, Snapshot,
};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;

/// All live patches of a host with what they cover.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivePatchCover {
    /// One for each patch; one for all updates of Ksplice, and one for KernelCare's patch set.
    pub patches: Vec<PatchCover>,
}

/// What one live patch covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchCover {
    /// Name of its module, or of the system that does not tell its patches apart.
    pub patch: String,
    /// Whose it is.
    pub system: PatchSystem,
    /// Its version, as far as the name, a package or the system tells.
    pub level: Option<String>,
    /// Whether the new code runs.
    pub force: PatchForce,
    /// The first, empty patch that SUSE and Amazon load: it fixes nothing.
    pub is_seed: bool,
    /// What it fixes; absent where nothing on the host lists it.
    pub cves: Reading<Vec<CveId>>,
    /// Where the list comes from; empty if there is none.
    pub sources: Vec<CveSource>,
}

/// Whether a patch's code is what runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchForce {
    /// In every task and every object that is loaded.
    InForce,
    /// It is being applied: some tasks still run the old code.
    InFlight,
    /// Disabled, being removed, or a loaded object is not patched.
    NotInForce,
    /// What would tell could not be read.
    NotKnown,
}

/// Where a list of fixed vulnerabilities comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CveSource {
    /// The patch is the empty one: its list is known, and empty.
    Seed,
    /// The changelog of the package that has the module.
    Changelog(String),
    /// A notice of the vendor, side-loaded by the admin.
    Notice(String),
    /// The status that the vendor's client gave.
    Status(String),
    /// The list that KernelCare's module shows.
    KernelCare,
    /// Names of the installed updates in Uptrack's status.
    UptrackNames,
}

impl PatchForce {
    /// All, in the order of the type.
    pub const ALL: [Self; 4] = [Self::InForce, Self::InFlight, Self::NotInForce, Self::NotKnown];

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InForce => "in_force",
            Self::InFlight => "in_flight",
            Self::NotInForce => "not_in_force",
            Self::NotKnown => "not_known",
        }
    }
}

impl fmt::Display for CveSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seed => f.write_str("the empty first patch"),
            Self::Changelog(package) => write!(f, "changelog of {package}"),
            Self::Notice(file) => write!(f, "notice {file}"),
            Self::Status(file) => write!(f, "saved status {file}"),
            Self::KernelCare => f.write_str("proc/kcare/cvelist"),
            Self::UptrackNames => f.write_str("names of the updates in Uptrack's status"),
        }
    }
}

impl Serialize for CveSource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl LivePatchCover {
    /// Everything covered now, by patches that are in force.
    pub fn covered(&self) -> BTreeSet<CveId> {
        self.of(PatchForce::InForce)
    }

    /// What patches in transition will cover once they are in force.
    pub fn in_flight(&self) -> BTreeSet<CveId> {
        self.of(PatchForce::InFlight)
    }

    /// Whether more may be covered than is known: of a patch the list, or whether it is in force,
    /// is not known.
    pub fn is_lower_bound(&self) -> bool {
        self.patches.iter().any(|patch| match patch.force {
            PatchForce::InForce => patch.cves.value().is_none(),
            PatchForce::NotKnown => patch.cves.value().is_none_or(|cves| !cves.is_empty()),
            PatchForce::InFlight | PatchForce::NotInForce => false,
        })
    }

    fn of(&self, force: PatchForce) -> BTreeSet<CveId> {
        let patches = self.patches.iter().filter(|patch| patch.force == force);
        patches.filter_map(|patch| patch.cves.value()).flatten().copied().collect()
    }
}

impl Patch {
    /// Whether its code is what runs.
    pub fn force(&self) -> PatchForce {
        match (&self.enabled, &self.transition) {
            (Reading::Value(true), Reading::Value(true)) => PatchForce::InFlight,
            (Reading::Value(false), _) => PatchForce::NotInForce,
            // Kernels before 4.12 switch at once and have no such file.
            (Reading::Value(true), Reading::Value(false) | Reading::Absent(_)) => {
                self.objects_in_force()
            }
            (Reading::Value(true), Reading::Unreadable(..) | Reading::Malformed(..))
            | (Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..), _) => {
                PatchForce::NotKnown
            }
        }
    }

    fn objects_in_force(&self) -> PatchForce {
        let Some(objects) = self.objects.value() else { return PatchForce::NotKnown };
        let each = objects.iter().map(|object| match &object.patched {
            // The file is there from 6.1 on.
            Reading::Value(true) | Reading::Absent(_) => PatchForce::InForce,
            Reading::Value(false) if object.name == "vmlinux" => PatchForce::NotInForce,
            Reading::Value(false) => match &object.loaded {
                // It is patched when it is loaded.
                Some(Reading::Absent(_)) => PatchForce::InForce,
                Some(Reading::Value(_)) => PatchForce::NotInForce,
                Some(Reading::Unreadable(..) | Reading::Malformed(..)) | None => {
                    PatchForce::NotKnown
                }
            },
            Reading::Unreadable(..) | Reading::Malformed(..) => PatchForce::NotKnown,
        });
        // What is known to be missing outranks what is not known.
        each.max_by_key(|force| (*force == PatchForce::NotInForce, *force != PatchForce::InForce))
            .unwrap_or(PatchForce::InForce)
    }
}

impl Snapshot {
    /// What live patches cover on this host. `packages` are those installed, for the changelogs of
    /// the ones that hold live patches; others are passed over.
    pub fn live_patch_cover(&self, packages: &[InstalledPackage]) -> LivePatchCover {
        let mut patches = Vec::new();
        let release = self.running_release();
        if let Some(Livepatch { patches: found, .. }) = Self::found(&self.livepatch) {
            patches.extend(found.iter().map(|patch| {
                let system = self.system_of(&patch.name);
                let names: Vec<&str> = found.iter().map(|patch| patch.name.as_str()).collect();
                let list = self.list_of(&patch.name, system, &names, packages);
                list.cover(patch.name.clone(), system, patch.force())
            }));
        }
        let systems = Self::found(&self.livepatch_systems);
        let kpatch = systems.and_then(|systems| systems.kpatch.as_ref());
        for patch in kpatch.and_then(|kpatch| kpatch.legacy.value()).into_iter().flatten() {
            let force = match patch.enabled {
                Reading::Value(true) => PatchForce::InForce,
                Reading::Value(false) => PatchForce::NotInForce,
                Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..) => {
                    PatchForce::NotKnown
                }
            };
            let list = self.list_of(&patch.name, PatchSystem::Kpatch, &[], packages);
            patches.push(list.cover(patch.name.clone(), PatchSystem::Kpatch, force));
        }
        if let Some(kgraft) = systems.and_then(|systems| systems.kgraft.as_ref()) {
            let force = match kgraft.in_progress {
                Reading::Value(true) => PatchForce::InFlight,
                Reading::Value(false) => PatchForce::InForce,
                Reading::Absent(_) | Reading::Unreadable(..) | Reading::Malformed(..) => {
                    PatchForce::NotKnown
                }
            };
            let names = kgraft.patches.value().map_or(&[][..], Vec::as_slice);
            for name in names {
                let alone = if names.len() == 1 { "kgraft-patch-" } else { "" };
                let list = List::of_package_alone(alone, release, packages);
                patches.push(list.cover(name.clone(), PatchSystem::Kgraft, force));
            }
        }
        if let Some(ksplice) = systems.and_then(|systems| systems.ksplice.as_ref())
            && !ksplice.updates.is_empty()
        {
            patches.push(self.ksplice_cover(ksplice));
        }
        if let Some(kernelcare) = systems.and_then(|systems| systems.kernelcare.as_ref())
            && kernelcare.loaded.value().is_some()
        {
            let known = kernelcare.cves.value().is_some();
            patches.push(PatchCover {
                patch: "kernelcare".to_owned(),
                system: PatchSystem::Kernelcare,
                level: kernelcare.effective_version.value().cloned(),
                force: PatchForce::InForce,
                is_seed: false,
                cves: kernelcare.cves.clone(),
                sources: if known { vec![CveSource::KernelCare] } else { Vec::new() },
            });
        }
        LivePatchCover { patches }
    }

    /// The running kernel's release, by the file that no live patch changes.
    pub(crate) fn running_release(&self) -> Option<&str> {
        Self::found(&self.kernel)?.release.value().map(String::as_str)
    }

    /// Whose a patch of the kernel's own core is: by its name, else by where its module lies.
    pub(crate) fn system_of(&self, patch: &str) -> PatchSystem {
        let by_name = PatchSystem::of_module(patch, self.running_release());
        if by_name != PatchSystem::Unrecognised {
            return by_name;
        }
        let installed = Self::found(&self.livepatch_systems).map(|s| s.installed.as_slice());
        let directory = installed.unwrap_or_default().iter().find(|directory| {
            directory.modules.value().is_some_and(|modules| modules.iter().any(|m| m == patch))
        });
        match directory {
            Some(directory) if directory.name.contains("/kpatch/") => PatchSystem::Kpatch,
            Some(_) => PatchSystem::Klp,
            None => PatchSystem::Unrecognised,
        }
    }

    /// What a patch of the kernel's own core fixes.
    fn list_of(
        &self,
        patch: &str,
        system: PatchSystem,
        all: &[&str],
        packages: &[InstalledPackage],
    ) -> List {
        let release = self.running_release();
        match system {
            PatchSystem::Kpatch => List::of_kpatch(patch, packages),
            PatchSystem::Klp => List::of_klp(patch, release, packages),
            PatchSystem::Canonical => self.canonical_list(patch),
            PatchSystem::Amazon => {
                // The name tells no level. AL2 has several modules in one package.
                let amazons = all.iter().all(|name| self.system_of(name) == PatchSystem::Amazon);
                let alone = if amazons { "kernel-livepatch-" } else { "" };
                List::of_package_alone(alone, release, packages)
            }
            PatchSystem::Kgraft
            | PatchSystem::Ksplice
            | PatchSystem::Kernelcare
            | PatchSystem::Unrecognised => List::default(),
        }
    }

    fn canonical_list(&self, patch: &str) -> List {
        let number = CanonicalModule::parse(patch).map(|module| module.number);
        let mut list = List { level: number.map(|number| number.to_string()), ..List::default() };
        let canonical = Self::found(&self.livepatch_systems).and_then(|s| s.canonical.as_ref());
        let Some(canonical) = canonical else { return list };
        if let Some(status) = canonical.status.value() {
            let told = self.canonical_kernel().and_then(|kernel| {
                let version = kernel.version.as_deref()?;
                let major = version.split('.').next()?.parse::<u32>().ok()?;
                (Some(major) == number).then_some((version, kernel.fixes.as_ref()?))
            });
            if let Some((version, fixes)) = told {
                list.level = Some(version.to_owned());
                let patched = fixes.iter().filter(|fix| fix.patched);
                let cves = patched.flat_map(|fix| CveId::all_in(&fix.name.to_ascii_uppercase()));
                list.add(cves, CveSource::Status(status.file.clone()));
            }
        }
        for notice in &canonical.notices {
            let content = notice.content.value();
            if let Some(content) = content.filter(|c| c.modules.iter().any(|m| m == patch)) {
                list.add(content.cves.iter().copied(), CveSource::Notice(notice.name.clone()));
            }
        }
        list
    }

    fn ksplice_cover(&self, ksplice: &Ksplice) -> PatchCover {
        let stages = ksplice.updates.iter().map(|update| match update.stage.value() {
            Some(stage) if stage == "applied" => PatchForce::InForce,
            Some(_) => PatchForce::NotInForce,
            None => PatchForce::NotKnown,
        });
        let claim = self.ksplice_claim();
        let mut list = List::default();
        // The client's own files count only where they speak of just these updates.
        if claim == Some(true)
            && let Some(names) = ksplice.names.value()
            && names.len() == ksplice.updates.len()
        {
            list.add(names.iter().flat_map(|name| CveId::all_in(name)), CveSource::UptrackNames);
        }
        if claim == Some(true) {
            list.level = ksplice.effective.value().map(|effective| {
                let kernel = &effective.effective;
                kernel.package_version.clone().unwrap_or_else(|| kernel.release.clone())
            });
        }
        let force = stages.max().unwrap_or(PatchForce::NotKnown);
        list.cover("ksplice".to_owned(), PatchSystem::Ksplice, force)
    }

    /// Whether Uptrack's effective kernel is that of this host, by the client's own rule: it was
    /// written for the running kernel, and counts on exactly the updates the kernel shows. `None`
    /// if there is no such file, or what it is compared with is not known.
    pub fn ksplice_claim(&self) -> Option<bool> {
        let ksplice = Self::found(&self.livepatch_systems)?.ksplice.as_ref()?;
        let effective = ksplice.effective.value()?;
        let kernel = Self::found(&self.kernel)?;
        let (release, version) = (kernel.release.value()?, kernel.version.value()?);
        let original = &effective.original;
        let machine = kernel.uname.value().map(|uname| uname.machine.as_str());
        let same_kernel = original.release == *release
            && original.version == *version
            && machine.is_none_or(|machine| machine == original.architecture);
        let claimed: BTreeSet<&str> = effective.installed.iter().map(String::as_str).collect();
        let shown: BTreeSet<&str> = ksplice.updates.iter().map(|u| u.name.as_str()).collect();
        Some(same_kernel && claimed == shown)
    }
}

/// A list of fixes on its way into a [`PatchCover`].
#[derive(Debug, Default)]
struct List {
    level: Option<String>,
    is_seed: bool,
    cves: BTreeSet<CveId>,
    sources: Vec<CveSource>,
}

impl List {
    fn add(&mut self, cves: impl IntoIterator<Item = CveId>, source: CveSource) {
        self.cves.extend(cves);
        self.sources.push(source);
    }

    fn seed(level: String) -> Self {
        Self {
            level: Some(level),
            is_seed: true,
            sources: vec![CveSource::Seed],
            ..Self::default()
        }
    }

    fn of_package(level: String, package: &InstalledPackage) -> Self {
        let mut list = Self { level: Some(level), ..Self::default() };
        if let Some(changelog) = package.changelog.value() {
            let source = format!("{} {}", package.name, package.version);
            list.add(changelog.cves(), CveSource::Changelog(source));
        }
        list
    }

    fn of_kpatch(patch: &str, packages: &[InstalledPackage]) -> Self {
        let Some((kernel, version, release)) = kpatch_module(patch) else {
            return Self::default();
        };
        let level = format!("{version}-{release}");
        let package = packages.iter().find(|package| {
            let of = package.name.strip_prefix("kpatch-patch-");
            of.is_some_and(|of| of.replace(['-', '.'], "_") == kernel)
                && parts(package) == Some((version.to_string(), release.to_string()))
        });
        match package {
            Some(package) => Self::of_package(level, package),
            None => Self { level: Some(level), ..Self::default() },
        }
    }

    fn of_klp(patch: &str, release: Option<&str>, packages: &[InstalledPackage]) -> Self {
        let Some((version, build)) = klp_module(patch) else { return Self::default() };
        let level = format!("{version}-{build}");
        if version == FIRST {
            return Self::seed(level);
        }
        let of_kernel = of_kernel("kernel-livepatch-", release, packages);
        let mut same = of_kernel.filter(|package| {
            parts(package).is_some_and(|(number, _)| number == version.to_string())
        });
        match same.next() {
            Some(package) => Self::of_package(level, package),
            None => Self { level: Some(level), ..Self::default() },
        }
    }

    /// Of the one package there is for the running kernel, where names of modules tell no level.
    fn of_package_alone(
        prefix: &str,
        release: Option<&str>,
        packages: &[InstalledPackage],
    ) -> Self {
        if prefix.is_empty() {
            return Self::default();
        }
        let mut found = of_kernel(prefix, release, packages);
        let (Some(package), None) = (found.next(), found.next()) else { return Self::default() };
        let Some((version, build)) = parts(package) else { return Self::default() };
        let level = format!("{version}-{build}");
        // SUSE counts versions from 1, Amazon releases of version 1.0 from 0.
        let is_seed = if prefix == "kgraft-patch-" { version == "1" } else { build == "0" };
        if is_seed { Self::seed(level) } else { Self::of_package(level, package) }
    }

    fn cover(self, patch: String, system: PatchSystem, force: PatchForce) -> PatchCover {
        let Self { level, is_seed, cves, sources } = self;
        let cves = if sources.is_empty() {
            Reading::Absent(Origin::new(format!("list of what {patch} fixes")))
        } else {
            Reading::Value(cves.into_iter().collect())
        };
        PatchCover { patch, system, level, force, is_seed, cves, sources }
    }
}

/// The version of SUSE's first patch for a kernel, which is empty.
const FIRST: u32 = 1;

/// Version, and the number its release begins with, of a package `[EPOCH:]VERSION-RELEASE`.
fn parts(package: &InstalledPackage) -> Option<(String, String)> {
    let text = package.version.as_str();
    let text = text.split_once(':').map_or(text, |(_, rest)| rest);
    let (version, release) = text.rsplit_once('-')?;
    let number: String = release.chars().take_while(char::is_ascii_digit).collect();
    (!number.is_empty()).then(|| (version.to_owned(), number))
}

/// Packages of that name for the running kernel. SUSE writes `_` for the dots of its release, and
/// Amazon leaves out what comes after them.
fn of_kernel<'p>(
    prefix: &'p str,
    release: Option<&'p str>,
    packages: &'p [InstalledPackage],
) -> impl Iterator<Item = &'p InstalledPackage> {
    packages.iter().filter(move |package| {
        let of = package.name.strip_prefix(prefix).filter(|of| !of.is_empty());
        of.zip(release).is_some_and(|(of, release)| {
            let amazon = release.strip_prefix(of).is_some_and(|rest| rest.starts_with(".amzn"));
            amazon || of == release.replace('.', "_")
        })
    })
}

#[cfg(test)]
mod tests;
