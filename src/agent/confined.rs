//! What the agent gives up before it begins, and what it says of that.

use crate::config::Settings;
use crate::privileges::{self, Left};
use crate::sandbox;
use scrubjay_collector::Outside;
use scrubjay_model::{Confinement, Landlock, SourceId};
use scrubjay_storage::create_directory;
use std::sync::Arc;

/// Where threads are started that must not be bound.
pub(super) fn outside(settings: &Settings) -> Option<Arc<Outside>> {
    sandbox::outside(settings).unwrap_or_else(|error| {
        // Not bound then either: a source that went blind would be worse.
        tracing::warn!("no thread to look into other processes from: {error}");
        None
    })
}

/// Binds this thread and those that it starts; the server binds itself further.
pub(super) fn bind(settings: &Settings, has_outside: bool) -> Confinement {
    // A folder that is made later would be none that may be written to. Why it cannot be made the history
    // says, and keeps to memory until it can.
    let _ = create_directory(&settings.state_dir);
    let mut landlock = if has_outside || !settings.sandbox {
        sandbox::bind(settings, &sandbox::of_agent(settings))
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
    Confinement { capabilities, superfluous, no_new_privileges, landlock }
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
