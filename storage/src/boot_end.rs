//! How a boot ended, judged when the next one is seen. Pure.
//!
//! The only witness is the agent itself: the system stops it in order before it stops the host.

use crate::state::{BootState, RunEnd};
use scrubjay_model::{BootEnd, Stamp, span};
use std::time::Duration;

/// Longest time from the agent's orderly stop to the start of the next boot that is still taken
/// for one and the same shutdown. Servers with much memory spend up to a quarter of an hour in
/// firmware.
const LONGEST_SHUTDOWN: Duration = Duration::from_secs(30 * 60);

/// Judges `previous`, now that `next` belongs to another boot. Returns how it ended, and what that
/// rests on as a sentence.
pub(crate) fn judge(previous: &BootState, next: &Stamp) -> (BootEnd, String) {
    if !previous.id().is_known() {
        return (
            BootEnd::Unknown,
            "The host did not tell its boot id, so boots under this entry cannot be told apart."
                .to_owned(),
        );
    }
    if !next.boot.is_known() {
        return (
            BootEnd::Unknown,
            "Afterwards the host no longer told its boot id, so it may have gone on.".to_owned(),
        );
    }
    let began_wall_ms = next.booted_wall_ms().unwrap_or(next.wall_ms);
    match previous.last_run {
        RunEnd::Stopped { wall_ms } => judge_stopped(wall_ms, began_wall_ms),
        // Leaning to the worse: a killed agent, too, leaves its run open.
        RunEnd::Open => (
            BootEnd::Unclean,
            "The agent's last run was never stopped in order: crash, power loss or reset of the \
             host, or the agent alone was killed and not started again."
                .to_owned(),
        ),
        RunEnd::NeverRan => {
            (BootEnd::Unknown, "No run of the agent is recorded in this boot.".to_owned())
        }
    }
}

fn judge_stopped(stopped_wall_ms: i64, began_wall_ms: i64) -> (BootEnd, String) {
    let gap = Duration::from_millis(began_wall_ms.abs_diff(stopped_wall_ms));
    let (gap_text, limit) = (span(gap), span(LONGEST_SHUTDOWN));
    if gap > LONGEST_SHUTDOWN && began_wall_ms < stopped_wall_ms {
        let text = format!(
            "The agent was stopped in order, but by the wall clock the next boot began {gap_text} \
             before that, so the time in between is not known."
        );
        (BootEnd::Unknown, text)
    } else if gap > LONGEST_SHUTDOWN {
        let text = format!(
            "The agent was stopped in order {gap_text} before the next boot began, longer than \
             {limit}; what happened after the stop was not seen."
        );
        (BootEnd::Unknown, text)
    } else {
        // A start somewhat before the stop is a correction of the clock, not a contradiction.
        let text = format!(
            "The agent was stopped in order within {limit} of the start of the next boot \
             ({gap_text})."
        );
        (BootEnd::Clean, text)
    }
}
