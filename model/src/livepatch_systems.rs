//! What live-patching systems leave on a host beside the kernel's own core: kpatch, kGraft and klp
//! (SUSE), Ksplice and Uptrack, KernelCare, Canonical Livepatch.
//!
//! These are plain facts, as read. What they mean together with the kernel's own core is in
//! [`live_patches`](crate::PatchSystem).

use crate::{CveId, Present, Reading};
use serde::Serialize;

/// Traces of live-patching systems; a system that left none is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivepatchSystems {
    /// kpatch's own core and service.
    pub kpatch: Option<Kpatch>,
    /// kGraft of SLES 12.
    pub kgraft: Option<Kgraft>,
    /// Oracle Ksplice and its client Uptrack.
    pub ksplice: Option<Ksplice>,
    /// KernelCare.
    pub kernelcare: Option<KernelCare>,
    /// Canonical Livepatch.
    pub canonical: Option<Canonical>,
    /// Modules that are loaded at boot, by the directory they lie in.
    pub installed: Vec<InstalledModules>,
    /// Rows of `*.lifecycle` files of SUSE that are about the running kernel's live patches.
    pub lifecycle: Reading<Vec<LifecycleRow>>,
    /// Loaded modules marked as live patches (`K` in `/sys/module/<m>/taint`), those no longer in
    /// use included; `None` where the kernel's taint says that there never was one.
    pub modules: Option<Reading<Vec<PatchModule>>>,
}

/// A directory of live patches for the running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InstalledModules {
    /// The directory.
    pub name: String,
    /// Names of the modules in it: the stem of the file with `_` for `-`.
    pub modules: Reading<Vec<String>>,
}

/// A loaded module marked as a live patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PatchModule {
    /// Name of the module.
    pub name: String,
    /// `/sys/module/<m>/taint`.
    pub taint: String,
}

/// kpatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kpatch {
    /// Patches of the core that kpatch had before the kernel had one: `/sys/kernel/kpatch/<p>`, up
    /// to 0.4 `/sys/kernel/kpatch/patches/<p>`. Absent on kernels with a core of their own.
    pub legacy: Reading<Vec<LegacyPatch>>,
    /// Whether `kpatch.service` is enabled: its link below `multi-user.target.wants` is there.
    pub service: Reading<Present>,
}

/// A patch of kpatch's own core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LegacyPatch {
    /// Name of the module.
    pub name: String,
    /// `enabled`.
    pub enabled: Reading<bool>,
}

/// kGraft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kgraft {
    /// `/sys/kernel/kgraft/in_progress`.
    pub in_progress: Reading<bool>,
    /// Names of the patches: directories below `/sys/kernel/kgraft`.
    pub patches: Reading<Vec<String>>,
    /// Processes whose `/proc/<pid>/kgr_in_progress` is not 0; `None` while nothing is in progress.
    pub blockers: Option<Reading<Vec<KgraftBlocker>>>,
}

/// A process that keeps kGraft from finishing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KgraftBlocker {
    /// Process.
    pub pid: u32,
    /// Its name.
    pub comm: Reading<String>,
}

/// Ksplice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ksplice {
    /// Updates the kernel shows.
    pub updates: Vec<KspliceUpdate>,
    /// `/var/lib/uptrack/effective_kernel`: what the client says the kernel amounts to.
    pub effective: Reading<EffectiveKernel>,
    /// Names of the installed updates, by the client's `status` file. They usually begin with what
    /// they fix.
    pub names: Reading<Vec<String>>,
    /// Updates that wait to be applied, by the client's `upgrade_plan` file.
    pub planned: Reading<Vec<String>>,
    /// Updates the last run could not apply, by the client's `results` file.
    pub failed: Reading<Vec<FailedUpdate>>,
    /// `/etc/uptrack/disable` is there: nothing is applied.
    pub disabled: Reading<Present>,
}

/// An update of Ksplice as the kernel shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KspliceUpdate {
    /// Its id.
    pub name: String,
    /// `stage`: `applied` when in force.
    pub stage: Reading<String>,
    /// `core_version`.
    pub core_version: Reading<String>,
}

/// An update that could not be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedUpdate {
    /// Its id, or its name; `None` if the file has neither.
    pub name: Option<String>,
    /// Why, in a word of the client: `code_busy`.
    pub abort: Option<String>,
    /// Processes that were in the way.
    pub in_the_way: Vec<String>,
}

/// `/var/lib/uptrack/effective_kernel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveKernel {
    /// The kernel whose fixes are all in force.
    pub effective: KernelName,
    /// The kernel the file was written for.
    pub original: KernelName,
    /// Ids of the updates it counts on.
    pub installed: Vec<String>,
}

/// A kernel by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelName {
    /// `uname -s`.
    pub sysname: String,
    /// `uname -m`.
    pub architecture: String,
    /// `uname -r`.
    pub release: String,
    /// `uname -v`.
    pub version: String,
    /// Version of the package, where the file has it.
    pub package_version: Option<String>,
}

/// KernelCare.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelCare {
    /// `/proc/kcare` is there: a patch set is loaded.
    pub loaded: Reading<Present>,
    /// `/proc/kcare/effective_version`.
    pub effective_version: Reading<String>,
    /// `/proc/kcare/cvelist`.
    pub cves: Reading<Vec<CveId>>,
    /// `/var/cache/kcare/libcare_cvelist`: fixed in libraries of running processes, not in the
    /// kernel.
    pub userspace_cves: Reading<Vec<CveId>>,
    /// What `kcare.conf` says of when patches are applied.
    pub policy: Reading<Vec<PolicySetting>>,
}

/// One setting of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PolicySetting {
    /// Its name: `AUTO_UPDATE`, `PREFIX`, `STICKY_PATCH`, `UPDATE_POLICY`.
    pub name: String,
    /// Its value, without quotes.
    pub value: String,
}

/// Canonical Livepatch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Canonical {
    /// `/var/snap/canonical-livepatch` is there: the client is installed.
    pub client: Reading<Present>,
    /// Notices (LSN) side-loaded by the admin whose number is that of a loaded module.
    pub notices: Vec<Notice>,
    /// The client's status as somebody saved it.
    pub status: Reading<CanonicalStatus>,
}

/// A security notice for live patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// The file.
    pub name: String,
    /// What it says; its modules are the loaded ones it is about, empty if none is.
    pub content: Reading<NoticeContent>,
}

/// What a notice says of the loaded modules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NoticeContent {
    /// Loaded modules whose name and number it names.
    pub modules: Vec<String>,
    /// What it fixes.
    pub cves: Vec<CveId>,
}

/// A saved `canonical-livepatch status --format json`. The machine's id in it is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanonicalStatus {
    /// The file.
    pub file: String,
    /// When the client last asked for patches, seconds since the Unix epoch.
    pub last_check_unix_s: Option<i64>,
    /// The channel patches come from.
    pub tier: Option<String>,
    /// One row for each kernel.
    pub kernels: Vec<CanonicalKernel>,
}

/// What the client says of one kernel; each word as it wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanonicalKernel {
    /// `4.15.0-187.198-generic`.
    pub kernel: Option<String>,
    /// Whether it is the running one.
    pub running: Option<bool>,
    /// `applied`, `nothing-to-apply`, `apply-failed`, `applied-with-bug`, …
    pub state: Option<String>,
    /// `checked`, `check-failed`, …
    pub check_state: Option<String>,
    /// `supported`, `kernel-upgrade-required`, `kernel-end-of-life`, …
    pub supported: Option<String>,
    /// `113.1`; empty if none is applied.
    pub version: Option<String>,
    /// What the patch fixes; `None` where the status lists nothing.
    pub fixes: Option<Vec<CanonicalFix>>,
}

/// One fix of a patch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CanonicalFix {
    /// Usually the vulnerability.
    pub name: String,
    /// Whether it is in force.
    pub patched: bool,
}

/// One row of a `.lifecycle` file: until when a package is supported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LifecycleRow {
    /// Where it stands, `FILE:LINE`.
    pub name: String,
    /// The package.
    pub package: String,
    /// Its version, in which `*` stands for anything.
    pub version: String,
    /// The last day, days since the Unix epoch.
    pub last_day: i64,
}
