//! How long a transition of a live patch has run, by the kernel's log and by what the agent saw.

use crate::{Snapshot, seconds};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A transition that lasts this long is stalled, unless a policy says otherwise: kpatch gives up
/// after 15 s and another 60 s.
pub const STALLED_AFTER: Duration = Duration::from_secs(75);

/// A stalled transition of that age is not expected to end by itself.
pub const LONG_AFTER: Duration = Duration::from_secs(600);

/// How long a transition has run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TransitionAge {
    /// Time without sleep.
    #[serde(rename = "age_seconds", serialize_with = "seconds::of")]
    pub age: Duration,
    /// Whether it may be more: neither the log nor the agent knows of the beginning.
    pub at_least: bool,
}

/// When each transition of a live patch was first seen in this boot, by the clock that stops in
/// sleep.
pub type Transitions = BTreeMap<String, Duration>;

impl Snapshot {
    /// How long the transition of a patch has run, by the log or, where that does not tell, by when
    /// the agent first saw it; `None` if nothing tells.
    pub fn transition_age(&self, patch: &str, seen: &Transitions) -> Option<TransitionAge> {
        let logged = self.logged_transition_age(patch);
        if logged.is_some_and(|logged| !logged.at_least) {
            return logged;
        }
        let now = self.at.awake?;
        // What is seen for the first time may be of any age.
        let watched = seen.get(patch).and_then(|first| now.checked_sub(*first));
        let watched = watched.filter(|age| !age.is_zero());
        let watched = watched.map(|age| TransitionAge { age, at_least: true });
        logged.into_iter().chain(watched).max_by_key(|told| told.age)
    }

    fn logged_transition_age(&self, patch: &str) -> Option<TransitionAge> {
        let log = Self::found(&self.kernel_log)?;
        let now = self.at.awake?;
        let begun = log.transition.as_ref().filter(|transition| transition.patch == patch);
        if let Some(begun) = begun {
            let age = now.saturating_sub(begun.awake);
            return Some(TransitionAge { age, at_least: false });
        }
        // The kernel logs the beginning before it shows the transition. If the log has no
        // transition at all, this one began before the oldest record. A log with holes, or one that
        // tells of other transitions, does not say so.
        let silent = log.transition.is_none() && !log.transition_ended;
        if log.lost > 0 || log.cut || log.is_complete() || !silent {
            return None;
        }
        let age = now.saturating_sub(log.oldest?.awake?);
        Some(TransitionAge { age, at_least: true })
    }
}
