//! The agent's own history: whether it is being kept.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{Action, AgentStats, Finding, Verdict};

pub(crate) fn findings(agent: &AgentStats) -> Vec<Finding> {
    let storage = &agent.storage;
    let failing = storage.last_error.as_ref().map(|error| {
        finding(
            "history-not-written",
            Verdict::Unknown,
            Action::FixVisibility,
            format!("the history cannot be written: {error}"),
            "mend the state directory; nothing counted is lost while the agent keeps running",
        )
    });
    let replaced = storage.replaced.as_ref().map(|path| {
        finding(
            "history-replaced",
            Verdict::Unknown,
            Action::FixVisibility,
            "the history was corrupt and has been begun anew; sums start from the kernel's \
             counters"
                .to_owned(),
            format!("the old file was kept as {path}: restore it from a backup, or examine it"),
        )
        .seen_in(path.trim_start_matches('/'))
    });
    failing.into_iter().chain(replaced).collect()
}
