//! The live-patching systems of a host, each in one row: what it says, what that rests on, and how
//! long it will last.

use crate::patch_system::{klp_module, kpatch_module};
use crate::{
    CanonicalKernel, CveId, InstalledPackage, LivePatchCover, LivepatchSystems, Outcome,
    PatchCover, PatchForce, PatchSystem, Reading, STALLED_AFTER, Snapshot, SupportEnd, Transitions,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// One live-patching system of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchSystemView {
    /// Which.
    pub system: PatchSystem,
    /// What it amounts to.
    pub state: PatchState,
    /// The level of what is loaded, as far as it is told.
    pub level: Option<String>,
    /// The kernel whose fixes are said to be in force; absent where the system makes no such claim.
    pub effective_kernel: Option<String>,
    /// Patches that are loaded.
    pub loaded: Vec<String>,
    /// Modules that are loaded at boot; `None` where that cannot be told.
    pub installed: Option<Vec<String>>,
    /// Loaded, and not loaded again at the next boot.
    pub lost_at_reboot: Vec<String>,
    /// Installed for boot, and not loaded now, nor replaced by a later one.
    pub not_loaded: Vec<String>,
    /// What is covered; `None` where no list is known.
    pub cves: Option<Vec<CveId>>,
    /// Where that list comes from.
    pub sources: Vec<String>,
    /// Until when there will be patches for this kernel.
    pub support_end: Option<SupportEnd>,
    /// What keeps patches from being applied: settings and switches, each with its file.
    pub held_back: Vec<String>,
}

/// Live patches of a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivePatches {
    /// Patch by patch.
    #[serde(flatten)]
    pub cover: LivePatchCover,
    /// System by system.
    pub systems: Vec<PatchSystemView>,
}

/// What a system amounts to at this moment. Later ones are worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchState {
    /// A patch with fixes is in force, or one that does not tell what it fixes.
    Patched,
    /// It is installed, and nothing is loaded.
    NothingApplied,
    /// Only the empty first patch is loaded.
    SeedOnly,
    /// A transition runs.
    InTransition,
    /// A transition runs for longer than it should.
    Stalled,
    /// A patch is loaded and not in force.
    NotInForce,
    /// The vendor's client says that applying a patch failed.
    Failed,
    /// The vendor's client says that the patch has a defect.
    AppliedWithBug,
    /// The vendor's client says that this kernel can no longer be patched.
    Unpatchable,
    /// What would tell could not be read.
    NotKnown,
}

impl PatchState {
    /// All states, in the order of the type.
    pub const ALL: [Self; 10] = [
        Self::Patched,
        Self::NothingApplied,
        Self::SeedOnly,
        Self::InTransition,
        Self::Stalled,
        Self::NotInForce,
        Self::Failed,
        Self::AppliedWithBug,
        Self::Unpatchable,
        Self::NotKnown,
    ];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Patched => "patched",
            Self::NothingApplied => "nothing_applied",
            Self::SeedOnly => "seed_only",
            Self::InTransition => "in_transition",
            Self::Stalled => "stalled",
            Self::NotInForce => "not_in_force",
            Self::Failed => "failed",
            Self::AppliedWithBug => "applied_with_bug",
            Self::Unpatchable => "unpatchable",
            Self::NotKnown => "not_known",
        }
    }
}

impl Snapshot {
    /// Modules marked as live patches that are no longer patches of the kernel's core: replaced
    /// ones, which take memory and do nothing.
    pub fn inert_patch_modules(&self) -> Vec<&str> {
        let patches = Self::found(&self.livepatch).map(|livepatch| livepatch.patches.as_slice());
        let modules = Self::found(&self.livepatch_systems).and_then(|s| s.modules.as_ref());
        let modules = modules.and_then(Reading::value).into_iter().flatten();
        let Some(patches) = patches else { return Vec::new() };
        let inert = modules.filter(|module| patches.iter().all(|patch| patch.name != module.name));
        inert.map(|module| module.name.as_str()).collect()
    }

    /// Live patches of this host: what they cover, and whose they are. `seen` is what the history
    /// knows of their transitions.
    pub fn live_patches(&self, seen: &Transitions) -> LivePatches {
        let cover = self.live_patch_cover(self.patch_packages());
        LivePatches { systems: self.live_patch_systems(&cover, seen), cover }
    }

    /// Packages that may hold live patches; what is not in a package database has no changelog.
    fn patch_packages(&self) -> &[InstalledPackage] {
        Self::found(&self.packages).map_or(&[], |packages| &packages.live_patches)
    }

    /// All live-patching systems that left a trace on this host.
    fn live_patch_systems(
        &self,
        cover: &LivePatchCover,
        seen: &Transitions,
    ) -> Vec<PatchSystemView> {
        let view = |system| self.system_view(system, cover, seen);
        PatchSystem::ALL.into_iter().filter_map(view).collect()
    }

    fn system_view(
        &self,
        system: PatchSystem,
        cover: &LivePatchCover,
        seen: &Transitions,
    ) -> Option<PatchSystemView> {
        let patches: Vec<&PatchCover> =
            cover.patches.iter().filter(|patch| patch.system == system).collect();
        let traces = Self::found(&self.livepatch_systems);
        let installed = self.installed_for(system, traces);
        let has_files = installed.as_ref().is_some_and(|modules| !modules.is_empty());
        let is_there = !patches.is_empty()
            || traces.is_some_and(|traces| left_a_trace(traces, system))
            || (has_files && system != PatchSystem::Unrecognised);
        // On Amazon's kernels kpatch is only how its patches are loaded.
        let is_a_part = system == PatchSystem::Kpatch && self.is_amazon();
        if !is_there || (is_a_part && patches.is_empty()) {
            return None;
        }
        let loaded: Vec<String> = patches.iter().map(|patch| patch.patch.clone()).collect();
        let boot = installed.as_deref();
        // What is not in force now is no loss.
        let runs = patches.iter().filter(|patch| patch.force != PatchForce::NotInForce);
        let lost = runs.map(|patch| &patch.patch);
        let lost = lost.filter(|patch| boot.is_some_and(|boot| !boot.contains(patch)));
        let lists: Option<Vec<&Vec<CveId>>> =
            patches.iter().map(|patch| patch.cves.value()).collect();
        let cves = lists.filter(|lists| !lists.is_empty()).map(|lists| {
            let distinct: BTreeSet<CveId> = lists.into_iter().flatten().copied().collect();
            distinct.into_iter().collect()
        });
        let sources: BTreeSet<String> =
            patches.iter().flat_map(|patch| &patch.sources).map(ToString::to_string).collect();
        let is_latest =
            |patch: &&&PatchCover| !loaded.iter().any(|other| supersedes(other, &patch.patch));
        let latest = patches.iter().rev().filter(is_latest);
        let level = latest.filter_map(|patch| patch.level.clone()).next();
        Some(PatchSystemView {
            system,
            state: self.patch_state(system, &patches, seen),
            effective_kernel: self.effective_kernel(system),
            lost_at_reboot: lost.cloned().collect(),
            not_loaded: match system {
                // What is installed is then kpatch's.
                PatchSystem::Unrecognised => Vec::new(),
                PatchSystem::Kpatch
                | PatchSystem::Kgraft
                | PatchSystem::Klp
                | PatchSystem::Ksplice
                | PatchSystem::Kernelcare
                | PatchSystem::Canonical
                | PatchSystem::Amazon => self.not_loaded(boot.unwrap_or_default(), &loaded),
            },
            loaded,
            cves,
            sources: sources.into_iter().collect(),
            support_end: self.support_end(system, level.as_deref(), !patches.is_empty()),
            held_back: self.held_back(system),
            level,
            installed,
        })
    }

    fn patch_state(
        &self,
        system: PatchSystem,
        patches: &[&PatchCover],
        seen: &Transitions,
    ) -> PatchState {
        if system == PatchSystem::Canonical
            && let Some(state) = self.canonical_kernel().and_then(CanonicalKernel::patch_state)
        {
            return state;
        }
        let traces = Self::found(&self.livepatch_systems);
        let unread = traces.is_some_and(|traces| list_unread(traces, system))
            || (system.is_in_the_core()
                && Self::found(&self.livepatch).is_none()
                && self.livepatch.as_ref().is_none_or(|s| !s.reading.is_absent()));
        if patches.is_empty() {
            return if unread { PatchState::NotKnown } else { PatchState::NothingApplied };
        }
        if system == PatchSystem::Ksplice
            && traces.and_then(|t| t.ksplice.as_ref()).is_some_and(|ksplice| {
                ksplice.failed.value().is_some_and(|failed| !failed.is_empty())
            })
        {
            return PatchState::Failed;
        }
        let worst = patches.iter().map(|patch| match patch.force {
            PatchForce::InForce if patch.is_seed => PatchState::SeedOnly,
            PatchForce::InForce => PatchState::Patched,
            PatchForce::InFlight => {
                let age = self.transition_age(&patch.patch, seen);
                let stalled = age.is_some_and(|age| age.age >= STALLED_AFTER);
                if stalled { PatchState::Stalled } else { PatchState::InTransition }
            }
            PatchForce::NotInForce => PatchState::NotInForce,
            PatchForce::NotKnown => PatchState::NotKnown,
        });
        let states: BTreeSet<PatchState> = worst.collect();
        let seed = |state: &PatchState| *state == PatchState::SeedOnly;
        // A seed that lies below a patch with fixes is as it should be.
        let has_more = states.len() > 1;
        let last = states.iter().rev().find(|state| !(has_more && seed(state)));
        last.copied().unwrap_or(PatchState::NotKnown)
    }

    /// Modules that the system loads at boot; `None` where it has none of that kind, or where they
    /// could not be listed, or where the root does not hold the host's files.
    fn installed_for(
        &self,
        system: PatchSystem,
        traces: Option<&LivepatchSystems>,
    ) -> Option<Vec<String>> {
        let kpatch = |name: &str| name.contains("/kpatch/");
        let klp = |name: &str| name.starts_with("lib/modules/");
        let wanted: fn(&str) -> bool = match (system, self.is_amazon()) {
            (PatchSystem::Kpatch, false) | (PatchSystem::Amazon, true) => kpatch,
            // Where kpatch is at home, whoever built the patch loads it by kpatch.
            (PatchSystem::Unrecognised, false) if traces?.kpatch.is_some() => kpatch,
            (PatchSystem::Klp, _) => klp,
            (PatchSystem::Kpatch, true)
            | (PatchSystem::Amazon, false)
            | (
                PatchSystem::Kgraft
                | PatchSystem::Ksplice
                | PatchSystem::Kernelcare
                | PatchSystem::Canonical
                | PatchSystem::Unrecognised,
                _,
            ) => return None,
        };
        // A root without modules is a container's, or a part of a host. Where not even the
        // directory of the vendor's tool is there, something else loads the patches.
        Self::found(&self.kernel)?.modules_root.value()?;
        let traces = traces?;
        let mut is_there = traces.kpatch.is_some() && wanted("/kpatch/");
        let mut modules = BTreeSet::new();
        for directory in traces.installed.iter().filter(|directory| wanted(&directory.name)) {
            match &directory.modules {
                Reading::Value(names) => {
                    is_there = true;
                    modules.extend(names.iter().cloned());
                }
                Reading::Absent(_) => {}
                Reading::Unreadable(..) | Reading::Malformed(..) => return None,
            }
        }
        if !is_there {
            return None;
        }
        Some(modules.into_iter().collect())
    }

    fn is_amazon(&self) -> bool {
        self.running_release().is_some_and(|release| release.contains(".amzn"))
    }

    /// Installed modules that are not loaded and that no loaded one stands for.
    fn not_loaded(&self, installed: &[String], loaded: &[String]) -> Vec<String> {
        let core = self.livepatch.as_ref().map(|section| section.reading.outcome());
        if !matches!(core, Some(Outcome::Ok | Outcome::Absent)) {
            // What is loaded is not known.
            return Vec::new();
        }
        let inert = self.inert_patch_modules();
        let is_replaced = |module: &str| {
            inert.contains(&module) || loaded.iter().any(|other| supersedes(other, module))
        };
        let missing = installed.iter().filter(|module| !loaded.contains(module));
        missing.filter(|module| !is_replaced(module)).cloned().collect()
    }

    fn effective_kernel(&self, system: PatchSystem) -> Option<String> {
        let traces = Self::found(&self.livepatch_systems)?;
        match system {
            PatchSystem::Kernelcare => {
                traces.kernelcare.as_ref()?.effective_version.value().cloned()
            }
            PatchSystem::Ksplice if self.ksplice_claim() == Some(true) => {
                let kernel = &traces.ksplice.as_ref()?.effective.value()?.effective;
                Some(kernel.package_version.clone().unwrap_or_else(|| kernel.release.clone()))
            }
            PatchSystem::Ksplice
            | PatchSystem::Kpatch
            | PatchSystem::Kgraft
            | PatchSystem::Klp
            | PatchSystem::Canonical
            | PatchSystem::Amazon
            | PatchSystem::Unrecognised => None,
        }
    }

    fn support_end(
        &self,
        system: PatchSystem,
        level: Option<&str>,
        in_use: bool,
    ) -> Option<SupportEnd> {
        match system {
            PatchSystem::Klp | PatchSystem::Kgraft => {
                let traces = Self::found(&self.livepatch_systems)?;
                SupportEnd::dated(traces.lifecycle.value()?, level)
            }
            PatchSystem::Kpatch | PatchSystem::Amazon | PatchSystem::Canonical if in_use => {
                SupportEnd::usual(system, self)
            }
            PatchSystem::Kpatch
            | PatchSystem::Amazon
            | PatchSystem::Canonical
            | PatchSystem::Ksplice
            | PatchSystem::Kernelcare
            | PatchSystem::Unrecognised => None,
        }
    }

    fn held_back(&self, system: PatchSystem) -> Vec<String> {
        let traces = Self::found(&self.livepatch_systems);
        let words = Self::found(&self.platform).and_then(|p| p.command_line.value());
        let on_command_line =
            |word: &str| words.is_some_and(|words| words.iter().any(|w| w == word));
        let mut held = Vec::new();
        match system {
            PatchSystem::Kpatch | PatchSystem::Amazon if on_command_line("kpatch.enable=0") => {
                held.push(
                    "kpatch.enable=0 (proc/cmdline): kpatch loads nothing at boot".to_owned(),
                );
            }
            PatchSystem::Ksplice => {
                if on_command_line("nouptrack") {
                    held.push("nouptrack (proc/cmdline): nothing is applied at boot".to_owned());
                }
                let ksplice = traces.and_then(|traces| traces.ksplice.as_ref());
                if ksplice.is_some_and(|ksplice| ksplice.disabled.value().is_some()) {
                    held.push("etc/uptrack/disable is there: nothing is applied".to_owned());
                }
            }
            PatchSystem::Kernelcare => {
                let kernelcare = traces.and_then(|traces| traces.kernelcare.as_ref());
                let settings = kernelcare.and_then(|kernelcare| kernelcare.policy.value());
                let holds = settings.into_iter().flatten().filter_map(|setting| {
                    let (name, value) = (setting.name.as_str(), setting.value.as_str());
                    let means = match name {
                        "AUTO_UPDATE" if !is_no(value) => return None,
                        "AUTO_UPDATE" => "patches are applied by hand only",
                        "STICKY_PATCH" if value.is_empty() || is_no(value) => return None,
                        "STICKY_PATCH" => "the level is frozen",
                        "PREFIX" if value.is_empty() => return None,
                        "PREFIX" => "another feed than the prompt one",
                        "UPDATE_POLICY" => "the update policy",
                        _ => return None,
                    };
                    Some(format!("{name}={value} ({means})"))
                });
                held.extend(holds);
            }
            PatchSystem::Kpatch
            | PatchSystem::Amazon
            | PatchSystem::Kgraft
            | PatchSystem::Klp
            | PatchSystem::Canonical
            | PatchSystem::Unrecognised => {}
        }
        held
    }
}

impl PatchSystem {
    /// Whether its patches are in the kernel's own core.
    fn is_in_the_core(self) -> bool {
        match self {
            Self::Kpatch | Self::Klp | Self::Canonical | Self::Amazon | Self::Unrecognised => true,
            Self::Kgraft | Self::Ksplice | Self::Kernelcare => false,
        }
    }
}

fn is_no(value: &str) -> bool {
    ["no", "false", "0", "off"].contains(&value.to_ascii_lowercase().as_str())
}

/// Whether a system is there although nothing of it is loaded.
fn left_a_trace(traces: &LivepatchSystems, system: PatchSystem) -> bool {
    let LivepatchSystems {
        kpatch,
        kgraft,
        ksplice,
        kernelcare,
        canonical,
        installed: _,
        lifecycle: _,
        modules: _,
    } = traces;
    match system {
        PatchSystem::Kpatch => kpatch.is_some(),
        PatchSystem::Kgraft => kgraft.is_some(),
        PatchSystem::Ksplice => ksplice.is_some(),
        PatchSystem::Kernelcare => kernelcare.is_some(),
        PatchSystem::Canonical => canonical.is_some(),
        PatchSystem::Klp | PatchSystem::Amazon | PatchSystem::Unrecognised => false,
    }
}

/// Whether what a system has loaded could not be read.
fn list_unread(traces: &LivepatchSystems, system: PatchSystem) -> bool {
    let unread = |absent: bool, known: bool| !absent && !known;
    match system {
        PatchSystem::Kpatch => traces.kpatch.as_ref().is_some_and(|kpatch| {
            unread(kpatch.legacy.is_absent(), kpatch.legacy.value().is_some())
        }),
        PatchSystem::Kgraft => traces.kgraft.as_ref().is_some_and(|kgraft| {
            unread(kgraft.patches.is_absent(), kgraft.patches.value().is_some())
        }),
        PatchSystem::Kernelcare => traces.kernelcare.as_ref().is_some_and(|kernelcare| {
            unread(kernelcare.loaded.is_absent(), kernelcare.loaded.value().is_some())
        }),
        PatchSystem::Klp
        | PatchSystem::Ksplice
        | PatchSystem::Canonical
        | PatchSystem::Amazon
        | PatchSystem::Unrecognised => false,
    }
}

/// Whether one module is a later level of the other for the same kernel.
fn supersedes(later: &str, earlier: &str) -> bool {
    if let Some((a, b)) = klp_module(later).zip(klp_module(earlier)) {
        return a > b;
    }
    let both = kpatch_module(later).zip(kpatch_module(earlier));
    both.is_some_and(|((kernel, v, r), (other, ov, or))| kernel == other && (v, r) > (ov, or))
}

#[cfg(test)]
pub(crate) mod tests;
