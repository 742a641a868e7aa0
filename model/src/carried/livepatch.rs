//! How what is known of live patches is carried from process to process: see [`super`].

use super::{choices, records};
use crate::{
    Blocker, Canonical, CanonicalFix, CanonicalKernel, CanonicalStatus, EffectiveKernel,
    FailedUpdate, InstalledModules, KernelCare, KernelName, Kgraft, KgraftBlocker, Kpatch, Ksplice,
    KspliceUpdate, LegacyPatch, LifecycleRow, Livepatch, LivepatchModule, LivepatchModules,
    LivepatchSystems, LoadedModule, ModuleFile, ModuleInfo, ModuleOnDisk, ModuleSignature,
    ModuleSigner, Notice, NoticeContent, Patch, PatchModule, PatchObject, PolicySetting,
};

records! {
    Blocker { pid, tid, comm, patch_state }
    Livepatch { patches, blockers }
    Patch { name, enabled, transition, replace, stack_order, objects, module_taint }
    PatchObject { name, patched, loaded, functions }
    LivepatchModule { name, listed, loaded, files, searched }
    LivepatchModules { signatures_enforced, modules }
    LoadedModule { build_id, srcversion, version, taint, size_bytes, holders, state }
    ModuleFile { build_id, info, signature }
    ModuleInfo {
        name, version, srcversion, vermagic, depends, livepatch, in_tree, klp_revision,
        kpatch_checksum, klp_sections, klp_symbols,
    }
    ModuleOnDisk { path, contents, owner }
    ModuleSigner { issuer, serial, digest, algorithm, size_bytes }
    Canonical { client, notices, status }
    CanonicalFix { name, patched }
    CanonicalKernel { kernel, running, state, check_state, supported, version, fixes }
    CanonicalStatus { file, last_check_unix_s, tier, kernels }
    EffectiveKernel { effective, original, installed }
    FailedUpdate { name, abort, in_the_way }
    InstalledModules { name, modules }
    KernelCare { loaded, effective_version, cves, userspace_cves, policy }
    KernelName { sysname, architecture, release, version, package_version }
    Kgraft { in_progress, patches, blockers }
    KgraftBlocker { pid, comm }
    Kpatch { legacy, service }
    Ksplice { updates, effective, names, planned, failed, disabled }
    KspliceUpdate { name, stage, core_version }
    LegacyPatch { name, enabled }
    LifecycleRow { name, package, version, last_day }
    LivepatchSystems {
        kpatch, kgraft, ksplice, kernelcare, canonical, installed, lifecycle, modules,
    }
    Notice { name, content }
    NoticeContent { modules, cves }
    PatchModule { name, taint }
    PolicySetting { name, value }
}

choices! {
    ModuleSignature { 0 Missing, 1 Present(a), 2 Garbled { expected, found } }
}
