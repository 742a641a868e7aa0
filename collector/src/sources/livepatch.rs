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
//! transition runs; it costs about 10 µs a thread.

use crate::reader::Reader;
use scrubjay_model::{
    Blocker, Livepatch, NonValue, Origin, Outcome, Patch, PatchObject, ReadFault, Reading,
    SourceDoc, SourceId, Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Livepatch,
    reads: &[
        "sys/kernel/livepatch/*/{enabled,transition,replace,stack_order}",
        "sys/kernel/livepatch/*/*/patched",
        "sys/kernel/livepatch/*/*/*,*",
        "sys/module/*/taint",
        "sys/module/*",
        "proc/*/task/*/{patch_state,comm}",
    ],
    needs: "root or CAP_DAC_READ_SEARCH, and the host's PID namespace, while a transition runs",
    absence: "the kernel was built without CONFIG_LIVEPATCH: fixes take effect only by a reboot",
    kernel_doc: "Documentation/livepatch/livepatch.rst",
};

const DIR: &str = "sys/kernel/livepatch";

/// Attributes of a patch and of an object; they lie beside the directories of its objects and
/// functions, and so none of these can have their names.
const ATTRIBUTES: [&str; 7] =
    ["enabled", "force", "patched", "replace", "signal", "stack_order", "transition"];

/// The name of thread 2, `kthreadd`.
pub(crate) const WITNESS: &str = "proc/2/task/2/comm";

/// Most threads asked for their state: more would take longer than a source is given, and the
/// patches themselves would be lost with them.
const THREADS_LIMIT: usize = 100_000;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Livepatch> {
    reader.directories(DIR).map(|names| {
        let patches: Vec<Patch> =
            names.into_iter().filter_map(|name| patch(reader, name)).collect();
        let blockers = target(&patches).map(|enabled| {
            let enabled = enabled.into_result();
            reader.noted(enabled.and_then(|enabled| blockers(reader, enabled, THREADS_LIMIT)))
        });
        Livepatch { patches, blockers }
    })
}

/// What the patch in transition changes to; `None` while none is. If that cannot be told, the
/// reason: that no task is waited for would be a claim.
fn target(patches: &[Patch]) -> Option<Reading<bool>> {
    // The kernel allows one transition at a time.
    let moving = patches.iter().find(|patch| patch.transition.value() == Some(&true));
    if let Some(patch) = moving {
        return Some(patch.enabled.clone());
    }
    // Kernels before 4.12 have no transitions and no such file.
    let untold = patches.iter().filter_map(|patch| patch.transition.non_value());
    untold.filter(|why| why.outcome() != Outcome::Absent).map(Reading::from).next()
}

/// `None` if the patch has been removed since it was listed.
fn patch(reader: &Reader<'_>, name: String) -> Option<Patch> {
    let dir = format!("{DIR}/{name}");
    let objects = reader.directories(&dir).map(|mut names| {
        names.retain(|name| !ATTRIBUTES.contains(&name.as_str()));
        names.into_iter().map(|object| object_of(reader, &dir, object)).collect()
    });
    let patch = Patch {
        enabled: reader.switch(&format!("{dir}/enabled")),
        transition: reader.switch(&format!("{dir}/transition")),
        replace: reader.switch(&format!("{dir}/replace")),
        stack_order: reader.number_u32(&format!("{dir}/stack_order")),
        module_taint: reader.attr(&format!("sys/module/{name}/taint")),
        objects,
        name,
    };
    let gone = patch.objects.is_absent() && patch.enabled.is_absent();
    (!gone).then_some(patch)
}

fn object_of(reader: &Reader<'_>, patch: &str, name: String) -> PatchObject {
    let dir = format!("{patch}/{name}");
    let patched = reader.switch(&format!("{dir}/patched"));
    // The kernel itself is always loaded and has no such directory.
    let is_asked = patched == Reading::Value(false) && name != "vmlinux";
    PatchObject {
        patched,
        loaded: is_asked.then(|| reader.present(&format!("sys/module/{name}"))),
        functions: reader.directories(&dir).map(|mut names| {
            names.retain(|name| !ATTRIBUTES.contains(&name.as_str()));
            names
        }),
        name,
    }
}

/// All threads that have not switched. If the state of any thread cannot be read the answer as a
/// whole cannot: a list that may lack the very task one is looking for must not look complete.
fn blockers(reader: &Reader<'_>, enabled: bool, limit: usize) -> Result<Vec<Blocker>, NonValue> {
    every_task_is_shown(reader)?;
    let mut found = Vec::new();
    let mut left = limit;
    for pid in reader.indexed("proc", "").into_result()? {
        let tids = match reader.indexed(&format!("proc/{pid}/task"), "").into_result() {
            // The process has ended since.
            Err(NonValue::Absent(_)) => continue,
            tids => tids?,
        };
        left = left
            .checked_sub(tids.len())
            .ok_or_else(|| NonValue::Unreadable(Origin::new("proc/*/task"), ReadFault::Deadline))?;
        for tid in tids {
            found.extend(blocker(reader, pid, tid, enabled)?);
        }
    }
    Ok(found)
}

/// In a PID namespace of its own, or where `/proc` is mounted with `hidepid`, other tasks are
/// simply not there. The kernel's thread 2 is in every full view of `/proc` and never ends.
pub(super) fn every_task_is_shown(reader: &Reader<'_>) -> Result<(), NonValue> {
    match reader.attr(WITNESS).into_result() {
        Ok(name) if name == "kthreadd" => Ok(()),
        Ok(_) | Err(NonValue::Absent(_)) => {
            Err(NonValue::Unreadable(Origin::new(WITNESS), ReadFault::Denied))
        }
        Err(other) => Err(other),
    }
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

#[cfg(test)]
pub(crate) mod tests;
