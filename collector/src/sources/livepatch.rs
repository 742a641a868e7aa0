//! Live patches: `/sys/kernel/livepatch`, and while a transition runs
//! `/proc/<pid>/task/<tid>/patch_state`.
//!
//! Kernel documentation: Documentation/livepatch/livepatch.rst,
//! Documentation/ABI/testing/sysfs-kernel-livepatch. The directory exists exactly when the kernel
//! has `CONFIG_LIVEPATCH`; its absence means "cannot be live patched", not "needs no patch".
//!
//! A transition waits for every task to leave the old functions. A task blocks it while its
//! `patch_state` is known and differs from the `enabled` of the patch in transition. Idle tasks
//! can block as well and have no entry in `/proc`. The walk over all threads is made only while a
//! transition runs.

use crate::reader::Reader;
use scrubjay_model::{
    Blocker, Livepatch, NonValue, Patch, PatchObject, Reading, SourceDoc, SourceId, Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Livepatch,
    reads: &[
        "sys/kernel/livepatch/*",
        "sys/module/*/taint",
        "proc/*/task/*/patch_state",
        "proc/*/task/*/comm",
    ],
    needs: "root or CAP_DAC_READ_SEARCH for patch_state, while a transition runs",
    absence: "the kernel was built without CONFIG_LIVEPATCH: fixes take effect only by a reboot",
    kernel_doc: "Documentation/livepatch/livepatch.rst",
};

const DIR: &str = "sys/kernel/livepatch";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Livepatch> {
    reader.directories(DIR).map(|names| {
        let patches: Vec<Patch> = names.into_iter().map(|name| patch(reader, name)).collect();
        // The kernel allows one transition at a time.
        let target = patches
            .iter()
            .find(|patch| patch.transition.value() == Some(&true))
            .and_then(|patch| patch.enabled.value().copied());
        let blockers = target.map(|enabled| blockers(reader, enabled));
        Livepatch { patches, blockers }
    })
}

fn patch(reader: &Reader<'_>, name: String) -> Patch {
    let dir = format!("{DIR}/{name}");
    let objects = reader
        .directories(&dir)
        .map(|objects| objects.into_iter().map(|object| object_of(reader, &dir, object)).collect());
    Patch {
        enabled: reader.switch(&format!("{dir}/enabled")),
        transition: reader.switch(&format!("{dir}/transition")),
        replace: reader.switch(&format!("{dir}/replace")),
        stack_order: reader.number_u32(&format!("{dir}/stack_order")),
        module_taint: reader.attr(&format!("sys/module/{name}/taint")),
        objects,
        name,
    }
}

fn object_of(reader: &Reader<'_>, patch: &str, name: String) -> PatchObject {
    let dir = format!("{patch}/{name}");
    PatchObject {
        patched: reader.switch(&format!("{dir}/patched")),
        functions: reader.directories(&dir),
        name,
    }
}

/// All threads that have not switched. If the state of any thread cannot be read the answer as a
/// whole cannot: a list that may lack the very task one is looking for must not look complete.
fn blockers(reader: &Reader<'_>, enabled: bool) -> Reading<Vec<Blocker>> {
    let found = || -> Result<Vec<Blocker>, NonValue> {
        let mut found = Vec::new();
        for pid in reader.indexed("proc", "").into_result()? {
            let tasks = format!("proc/{pid}/task");
            let tids = match reader.indexed(&tasks, "").into_result() {
                // The process has ended since.
                Err(NonValue::Absent(_)) => continue,
                tids => tids?,
            };
            for tid in tids {
                found.extend(blocker(reader, pid, tid, enabled)?);
            }
        }
        Ok(found)
    };
    found().into()
}

fn blocker(
    reader: &Reader<'_>,
    pid: u32,
    tid: u32,
    enabled: bool,
) -> Result<Option<Blocker>, NonValue> {
    let dir = format!("proc/{pid}/task/{tid}");
    let state = reader.parse(&format!("{dir}/patch_state"), "-1, 0 or 1", |text| {
        text.trim().parse::<i8>().ok().filter(|state| (-1..=1).contains(state))
    });
    let patch_state = match state.into_result() {
        // The thread has ended since.
        Err(NonValue::Absent(_)) => return Ok(None),
        state => state?,
    };
    let waits = patch_state >= 0 && patch_state != i8::from(enabled);
    Ok(waits.then(|| Blocker { pid, tid, comm: reader.attr(&format!("{dir}/comm")), patch_state }))
}
