//! Live-patching systems for tests: the admin's own kpatch on the healthy server, and the others.

use super::arbitrary::{reading, words};
use super::readings::Visit;
use super::{absent, text};
use proptest::collection::vec;
use proptest::prelude::*;
use scrubjay_model::{
    Canonical, CanonicalKernel, CanonicalStatus, CveId, EffectiveKernel, FailedUpdate,
    InstalledModules, KernelCare, KernelName, Kgraft, KgraftBlocker, Kpatch, Ksplice,
    KspliceUpdate, LegacyPatch, LifecycleRow, LivepatchSystems, PatchModule, PolicySetting,
    Present, Reading, SourceId,
};

pub(crate) const RELEASE: &str = "6.1.0-56-amd64";
pub(crate) const VERSION: &str = "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2";

/// No trace of any system.
pub(crate) fn none() -> LivepatchSystems {
    LivepatchSystems {
        kpatch: None,
        kgraft: None,
        ksplice: None,
        kernelcare: None,
        canonical: None,
        installed: Vec::new(),
        lifecycle: absent("usr/share/lifecycle/data"),
        modules: None,
    }
}

/// A live patch is loaded, and no vendor's system is there: the admin's script loads it.
pub(crate) fn bare() -> LivepatchSystems {
    LivepatchSystems { modules: own().modules, ..none() }
}

/// `lp_1`, installed by kpatch.
pub(crate) fn own() -> LivepatchSystems {
    let modules = vec![PatchModule { name: "lp_1".to_owned(), taint: "OK".to_owned() }];
    LivepatchSystems {
        kpatch: Some(Kpatch {
            legacy: absent("sys/kernel/kpatch"),
            service: Reading::Value(Present),
        }),
        installed: vec![installed(&["lp_1"])],
        modules: Some(Reading::Value(modules)),
        ..none()
    }
}

pub(crate) fn installed(modules: &[&str]) -> InstalledModules {
    InstalledModules {
        name: format!("var/lib/kpatch/{RELEASE}"),
        modules: Reading::Value(modules.iter().map(|name| (*name).to_owned()).collect()),
    }
}

pub(crate) fn kernelcare() -> KernelCare {
    KernelCare {
        loaded: Reading::Value(Present),
        effective_version: text("6.1.0-60"),
        cves: Reading::Value(vec![CveId::parse("CVE-2024-26581").unwrap()]),
        userspace_cves: absent("var/cache/kcare/libcare_cvelist"),
        policy: Reading::Value(Vec::new()),
    }
}

/// One update in force, and a client that says so.
pub(crate) fn ksplice() -> Ksplice {
    let kernel = |release: &str, version: &str| KernelName {
        sysname: "Linux".to_owned(),
        architecture: "x86_64".to_owned(),
        release: release.to_owned(),
        version: version.to_owned(),
        package_version: None,
    };
    Ksplice {
        updates: vec![KspliceUpdate {
            name: "cp9dzcbl".to_owned(),
            stage: text("applied"),
            core_version: text("5.0"),
        }],
        effective: Reading::Value(EffectiveKernel {
            effective: kernel("6.1.0-60-amd64", "#1"),
            original: kernel(RELEASE, VERSION),
            installed: vec!["cp9dzcbl".to_owned()],
        }),
        names: Reading::Value(vec!["CVE-2024-26581: a hole".to_owned()]),
        planned: Reading::Value(Vec::new()),
        failed: Reading::Value(Vec::new()),
        disabled: absent("etc/uptrack/disable"),
    }
}

pub(crate) fn kgraft() -> Kgraft {
    Kgraft {
        in_progress: Reading::Value(false),
        patches: Reading::Value(vec!["kgraft_patch_2".to_owned()]),
        blockers: None,
    }
}

/// What Canonical's client says of the running kernel.
pub(crate) fn canonical(state: &str, supported: &str) -> Canonical {
    let kernel = CanonicalKernel {
        kernel: Some("6.1.0-56.60-amd64".to_owned()),
        running: Some(true),
        state: Some(state.to_owned()),
        check_state: Some("checked".to_owned()),
        supported: Some(supported.to_owned()),
        version: Some("113.1".to_owned()),
        fixes: None,
    };
    Canonical {
        client: Reading::Value(Present),
        notices: Vec::new(),
        status: Reading::Value(CanonicalStatus {
            file: "run/scrubjay/canonical-livepatch.json".to_owned(),
            last_check_unix_s: None,
            tier: None,
            kernels: vec![kernel],
        }),
    }
}

pub(crate) fn lifecycle(last_day: i64) -> LifecycleRow {
    LifecycleRow {
        name: "usr/share/lifecycle/data/lp.lifecycle:2".to_owned(),
        package: "kernel-livepatch-6_1_0-56-amd64".to_owned(),
        version: "*".to_owned(),
        last_day,
    }
}

/// Shows every reading to `visit`.
pub(super) fn each(systems: &mut LivepatchSystems, visit: Visit<'_>) {
    let id = SourceId::LivepatchSystems;
    let LivepatchSystems {
        kpatch,
        kgraft,
        ksplice,
        kernelcare,
        canonical,
        installed,
        lifecycle,
        modules,
    } = systems;
    if let Some(Kpatch { legacy, service }) = kpatch {
        if let Reading::Value(patches) = legacy {
            for LegacyPatch { name: _, enabled } in patches {
                visit("livepatch_systems.kpatch.enabled", id, enabled);
            }
        }
        visit("livepatch_systems.kpatch.legacy", id, legacy);
        visit("livepatch_systems.kpatch.service", id, service);
    }
    if let Some(Kgraft { in_progress, patches, blockers: _ }) = kgraft {
        visit("livepatch_systems.kgraft.in_progress", id, in_progress);
        visit("livepatch_systems.kgraft.patches", id, patches);
    }
    if let Some(Ksplice { updates, effective, names, planned, failed, disabled }) = ksplice {
        for KspliceUpdate { name: _, stage, core_version } in updates {
            visit("livepatch_systems.ksplice.stage", id, stage);
            visit("livepatch_systems.ksplice.core_version", id, core_version);
        }
        visit("livepatch_systems.ksplice.effective", id, effective);
        visit("livepatch_systems.ksplice.names", id, names);
        visit("livepatch_systems.ksplice.planned", id, planned);
        visit("livepatch_systems.ksplice.failed", id, failed);
        visit("livepatch_systems.ksplice.disabled", id, disabled);
    }
    if let Some(KernelCare { loaded, effective_version, cves, userspace_cves, policy }) = kernelcare
    {
        visit("livepatch_systems.kernelcare.loaded", id, loaded);
        visit("livepatch_systems.kernelcare.effective_version", id, effective_version);
        visit("livepatch_systems.kernelcare.cves", id, cves);
        visit("livepatch_systems.kernelcare.userspace_cves", id, userspace_cves);
        visit("livepatch_systems.kernelcare.policy", id, policy);
    }
    if let Some(Canonical { client, notices, status }) = canonical {
        visit("livepatch_systems.canonical.client", id, client);
        for notice in notices {
            visit("livepatch_systems.canonical.notice", id, &mut notice.content);
        }
        visit("livepatch_systems.canonical.status", id, status);
    }
    for InstalledModules { name: _, modules } in installed {
        visit("livepatch_systems.installed", id, modules);
    }
    visit("livepatch_systems.lifecycle", id, lifecycle);
    if let Some(modules) = modules {
        visit("livepatch_systems.modules", id, modules);
    }
}

fn present() -> impl Strategy<Value = Reading<Present>> {
    reading(Just(Present))
}

/// Any traces at all.
pub(super) fn arbitrary() -> impl Strategy<Value = LivepatchSystems> {
    let kpatch = (reading(vec((words(), reading(any::<bool>())), 0..2)), present()).prop_map(
        |(legacy, service)| Kpatch {
            legacy: legacy.map(|patches| {
                let patch = |(name, enabled)| LegacyPatch { name, enabled };
                patches.into_iter().map(patch).collect()
            }),
            service,
        },
    );
    let blocker =
        (any::<u32>(), reading(words())).prop_map(|(pid, comm)| KgraftBlocker { pid, comm });
    let blockers = proptest::option::of(reading(vec(blocker, 0..5)));
    let kgraft = (reading(any::<bool>()), reading(vec(words(), 0..3)), blockers)
        .prop_map(|(in_progress, patches, blockers)| Kgraft { in_progress, patches, blockers });
    let failed =
        (proptest::option::of(words()), vec(words(), 0..3)).prop_map(|(name, in_the_way)| {
            FailedUpdate { name, abort: Some("code_busy".to_owned()), in_the_way }
        });
    let ksplice = (any::<bool>(), reading(vec(failed, 0..3)), present()).prop_map(
        |(same, failed, disabled)| {
            let mut ksplice = Ksplice { failed, disabled, ..ksplice() };
            if !same {
                ksplice.updates.clear();
            }
            ksplice
        },
    );
    let setting = (prop_oneof![Just("AUTO_UPDATE"), Just("PREFIX"), Just("X")], words())
        .prop_map(|(name, value)| PolicySetting { name: name.to_owned(), value });
    let kernelcare = (present(), reading(words()), reading(vec(setting, 0..3))).prop_map(
        |(loaded, effective_version, policy)| KernelCare {
            loaded,
            effective_version,
            policy,
            ..kernelcare()
        },
    );
    let state = prop_oneof![
        Just("applied"),
        Just("apply-failed"),
        Just("applied-with-bug"),
        Just("kernel-upgrade-required"),
        Just("kernel-end-of-life"),
        Just("?"),
    ];
    let canonical = (state.clone(), state).prop_map(|(state, support)| canonical(state, support));
    let directory = (
        prop_oneof![Just("var/lib/kpatch/x"), Just("lib/modules/x/livepatch")],
        reading(vec(words(), 0..3)),
    )
        .prop_map(|(name, modules)| InstalledModules { name: name.to_owned(), modules });
    let module = words().prop_map(|name| PatchModule { name, taint: "K".to_owned() });
    (
        proptest::option::of(kpatch),
        proptest::option::of(kgraft),
        proptest::option::of(ksplice),
        proptest::option::of(kernelcare),
        proptest::option::of(canonical),
        vec(directory, 0..3),
        reading(vec((-5_i64..40_000).prop_map(lifecycle), 0..2)),
        proptest::option::of(reading(vec(module, 0..3))),
    )
        .prop_map(
            |(kpatch, kgraft, ksplice, kernelcare, canonical, installed, lifecycle, modules)| {
                LivepatchSystems {
                    kpatch,
                    kgraft,
                    ksplice,
                    kernelcare,
                    canonical,
                    installed,
                    lifecycle,
                    modules,
                }
            },
        )
}
