//! What the agent gives up before it begins, what it says of that, and what comes of it later.

use crate::config::Settings;
use crate::privileges::{self, Left};
use crate::sandbox::{self, Trees};
use rustix::fs::{Mode, OFlags};
use scrubjay_collector::Outside;
use scrubjay_model::{Confinement, Landlock, NonValue, ReadFault, Snapshot, SourceId};
use scrubjay_storage::create_directory;
use std::path::PathBuf;
use std::sync::Arc;

/// What systemd mounts only when somebody looks into it, and of which the root, which is no tree of ours,
/// is all that is above.
const MOUNTED_WHEN_ASKED: [&str; 2] = ["boot", "efi"];

/// Where threads are started that must not be bound.
pub(super) fn outside(settings: &Settings) -> Option<Arc<Outside>> {
    sandbox::outside(settings).unwrap_or_else(|error| {
        // Not bound then either: a source that went blind would be worse.
        tracing::warn!("no thread to look into other processes from: {error}");
        None
    })
}

/// Binds this thread and those that it starts; the server binds itself further. With the trees that it is
/// kept to, if it is.
pub(super) fn bind(
    settings: &Settings,
    has_outside: bool,
    web_files: &[PathBuf],
) -> (Confinement, Option<Trees>) {
    // A folder that is made later would be none that may be written to. Why it cannot be made the history
    // says, and keeps to memory until it can.
    let _ = create_directory(&settings.state_dir);
    let mut trees = None;
    let mut landlock = if has_outside || !settings.sandbox {
        for folder in MOUNTED_WHEN_ASKED {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            // A rule would be for the folder below. Where it cannot be opened there is nothing to read.
            drop(rustix::fs::open(settings.root.join(folder), flags, Mode::empty()));
        }
        let rules = sandbox::of_agent(settings, web_files);
        trees = Some(Trees::of(&settings.root, &rules));
        sandbox::bind(settings, &rules)
    } else {
        let why = sandbox::offered().err();
        Landlock::Unavailable {
            why: why.unwrap_or_else(|| "there is no thread to spare".to_owned()),
        }
    };
    if let Landlock::Enforced { excepted, .. } = &mut landlock
        && !settings.disabled.contains(&SourceId::Processes)
    {
        let why = "processes: the kernel shows no process to whoever is bound more than it";
        excepted.push(why.to_owned());
    }
    let Left { capabilities, superfluous, no_new_privileges } = privileges::left(settings);
    tell(&landlock, &capabilities);
    let is_kept = matches!(landlock, Landlock::Enforced { .. });
    let confinement = Confinement { capabilities, superfluous, no_new_privileges, landlock };
    (confinement, trees.filter(|_| is_kept))
}

/// Says of files that were refused in a pass that they are in another folder now than the one that the agent
/// is kept to: to whoever is not, `scrubjay doctor` among them, they are open.
pub(super) fn tell_replaced(trees: &mut Trees, snapshot: &Snapshot) {
    let reports = snapshot.sources().into_iter().filter_map(|status| status.report);
    let faults: Vec<NonValue> = reports.flat_map(|report| report.faults).collect();
    let refused = faults.iter().filter_map(|fault| match fault {
        NonValue::Unreadable(origin, ReadFault::Denied) => Some(origin.as_str()),
        NonValue::Unreadable(..) | NonValue::Absent(_) | NonValue::Malformed(..) => None,
    });
    for tree in trees.replaced(refused) {
        tracing::error!(
            "{} is not the folder that was there when the agent started, and that is all that it may \
             read: restart the agent (docs/privileges.md)",
            tree.display()
        );
    }
}

fn tell(landlock: &Landlock, capabilities: &[String]) {
    let kept = if capabilities.is_empty() { "none".to_owned() } else { capabilities.join(", ") };
    match landlock {
        Landlock::Off => {
            tracing::info!("capabilities kept: {kept}; files: not kept (agent.sandbox)")
        }
        Landlock::Unavailable { why } => {
            tracing::info!("capabilities kept: {kept}; files: not kept, as {why}");
        }
        Landlock::Enforced { abi, .. } => {
            tracing::info!("capabilities kept: {kept}; files: kept to its own by Landlock {abi}");
        }
    }
}
