//! What live-patching systems leave on a host beside the kernel's own core: kpatch, kGraft and klp
//! of SUSE, Ksplice with Uptrack, KernelCare, Canonical Livepatch.
//!
//! All of it is read offline, and nothing is executed: where a vendor's client alone knows, its
//! output may be saved by the admin's own timer and is read from there. Most hosts have one system
//! at most, and then this source is a dozen looks at paths that are not there.

mod canonical;
mod kernelcare;
mod lifecycle;
mod uptrack;
mod yaml;

use crate::reader::Reader;
pub(crate) use kernelcare::{CONF as KERNELCARE, TOLD};
use scrubjay_model::{
    InstalledModules, Kgraft, KgraftBlocker, Kpatch, LegacyPatch, LivepatchSystems, NonValue,
    Origin, PatchModule, Reading, SourceDoc, SourceId, Stamp, Taint, module_of_file,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::LivepatchSystems,
    reads: &[
        "proc/sys/kernel/{osrelease,tainted}",
        "sys/kernel/livepatch",
        "sys/module/*/taint",
        "sys/kernel/kpatch/*/enabled",
        "sys/kernel/kpatch/patches/*/enabled",
        "{var,usr}/lib/kpatch/*/*",
        "lib/modules/*/livepatch/*",
        "etc/systemd/system/multi-user.target.wants/kpatch.service",
        "sys/kernel/kgraft/in_progress",
        "proc/*/{kgr_in_progress,comm}",
        "{var/lib,usr/share}/lifecycle/data/*.lifecycle",
        "sys/kernel/ksplice/*/{stage,core_version}",
        "sys/module/ksplice_*/ksplice/{stage,core_version}",
        "etc/uptrack/disable",
        "var/lib/uptrack/effective_kernel",
        "var/cache/uptrack/*/*/*/*/{status,upgrade_plan,results}",
        "proc/kcare/{effective_version,cvelist}",
        "var/cache/kcare/libcare_cvelist",
        "etc/sysconfig/kcare/kcare.conf",
        "var/snap/canonical-livepatch",
        "etc/scrubjay/lists/lsn/*.json",
        "run/scrubjay/canonical-livepatch.json",
        "etc/scrubjay/lists/livepatch/canonical-livepatch.json",
    ],
    needs: "nothing for most; root or the group adm for the files of Uptrack's cache",
    absence: "no live-patching system left a trace on the host",
    kernel_doc: "documentation of the vendors; docs/live-patches.md says which file is read for what",
};

/// Most modules and processes looked at.
const MOST_MODULES: usize = 20_000;
const MOST_PROCESSES: usize = 100_000;

/// The bit of the kernel's taint for live patches; it stays until reboot.
const LIVE_PATCHED: u32 = 15;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<LivepatchSystems> {
    // uname(2) may be what a live patch makes of it; this is not.
    let release = reader.attr("proc/sys/kernel/osrelease").map(|text| text.trim().to_owned());
    let release = release.value().map(String::as_str).filter(|release| is_one_part(release));
    let patches = reader.directories("sys/kernel/livepatch");
    let patches = patches.value().map_or(&[][..], Vec::as_slice);
    let installed = installed(reader, release);
    let found = LivepatchSystems {
        kpatch: kpatch(reader, &installed),
        kgraft: kgraft(reader),
        ksplice: uptrack::read(reader, release),
        kernelcare: kernelcare::read(reader),
        canonical: canonical::read(reader, patches),
        lifecycle: lifecycle::read(reader, release),
        modules: patch_modules(reader),
        installed,
    };
    let LivepatchSystems {
        kpatch,
        kgraft,
        ksplice,
        kernelcare,
        canonical,
        installed,
        lifecycle,
        modules,
    } = &found;
    let is_there = kpatch.is_some()
        || kgraft.is_some()
        || ksplice.is_some()
        || kernelcare.is_some()
        || canonical.is_some()
        || installed.iter().any(|directory| !directory.modules.is_absent())
        || !lifecycle.is_absent()
        || modules.is_some();
    if is_there { Reading::Value(found) } else { Reading::Absent(Origin::new("var/lib/kpatch")) }
}

/// Whether a release can be a part of a path.
fn is_one_part(release: &str) -> bool {
    !release.is_empty() && !release.contains('/') && release != "." && release != ".."
}

/// Directories whose modules are loaded at boot.
fn installed(reader: &Reader<'_>, release: Option<&str>) -> Vec<InstalledModules> {
    let Some(release) = release else { return Vec::new() };
    let directories = [
        format!("var/lib/kpatch/{release}"),
        format!("usr/lib/kpatch/{release}"),
        format!("lib/modules/{release}/livepatch"),
    ];
    let modules = |name: String| InstalledModules {
        modules: reader.named_files(&name).map(|files| {
            let mut modules: Vec<String> =
                files.iter().filter_map(|file| module_of_file(file)).collect();
            modules.sort_unstable();
            modules.dedup();
            modules
        }),
        name,
    };
    directories.into_iter().map(modules).collect()
}

fn kpatch(reader: &Reader<'_>, installed: &[InstalledModules]) -> Option<Kpatch> {
    let service = reader.present("etc/systemd/system/multi-user.target.wants/kpatch.service");
    let directory = "sys/kernel/kpatch";
    let names = reader.directories(directory);
    let own = ["var/lib/kpatch", "usr/lib/kpatch"];
    let is_there = !service.is_absent()
        || !names.is_absent()
        || installed.iter().any(|directory| {
            own.iter().any(|own| directory.name.starts_with(own)) && !directory.modules.is_absent()
        })
        || own.iter().any(|own| !reader.present(own).is_absent());
    if !is_there {
        return None;
    }
    let legacy = names.map(|names| {
        let mut paths = Vec::new();
        for name in names {
            if name == "patches" {
                let older = reader.directories(&format!("{directory}/patches"));
                let older = older.into_result().unwrap_or_default();
                paths.extend(older.into_iter().map(|n| (format!("{directory}/patches/{n}"), n)));
            } else {
                paths.push((format!("{directory}/{name}"), name));
            }
        }
        let patch =
            |(path, name)| LegacyPatch { name, enabled: reader.switch(&format!("{path}/enabled")) };
        paths.into_iter().map(patch).collect()
    });
    Some(Kpatch { legacy, service })
}

fn kgraft(reader: &Reader<'_>) -> Option<Kgraft> {
    let directory = "sys/kernel/kgraft";
    let patches = reader.directories(directory);
    if patches.is_absent() {
        return None;
    }
    let in_progress = reader.switch(&format!("{directory}/in_progress"));
    let blockers = match in_progress.value() {
        Some(true) => Some(reader.noted(kgraft_blockers(reader))),
        Some(false) | None => None,
    };
    Some(Kgraft { in_progress, patches, blockers })
}

/// All processes that have not switched. One whose state cannot be read costs the list: it may be
/// the very one.
fn kgraft_blockers(reader: &Reader<'_>) -> Result<Vec<KgraftBlocker>, NonValue> {
    let mut found = Vec::new();
    for pid in reader.indexed("proc", "").into_result()?.into_iter().take(MOST_PROCESSES) {
        let state = reader.number(&format!("proc/{pid}/kgr_in_progress")).into_result();
        match state {
            Ok(0) | Err(NonValue::Absent(_)) => {}
            Ok(_) => {
                let comm = reader.attr(&format!("proc/{pid}/comm"));
                found.push(KgraftBlocker { pid, comm });
            }
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

/// Only where the kernel was ever live patched are its modules looked through.
fn patch_modules(reader: &Reader<'_>) -> Option<Reading<Vec<PatchModule>>> {
    let taint = reader.number("proc/sys/kernel/tainted");
    let taint = taint.value().copied().map(Taint)?;
    if taint.0 >> LIVE_PATCHED & 1 == 0 {
        return None;
    }
    Some(reader.directories("sys/module").map(|names| {
        let marked = names.into_iter().take(MOST_MODULES).filter_map(|name| {
            let taint = reader.attr(&format!("sys/module/{name}/taint"));
            let taint = taint.value().filter(|taint| taint.contains('K'))?.trim().to_owned();
            Some(PatchModule { name, taint })
        });
        marked.collect()
    }))
}

#[cfg(test)]
pub(crate) mod tests;
