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
        RunEnd::Brief => (
            BootEnd::Unknown,
            "The agent's last run made a single pass and was not there to be stopped with the host."
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

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::BootId;

    const STOPPED_MS: i64 = 1_700_000_000_000;
    const MINUTE_MS: i64 = 60_000;

    fn id(n: u32) -> BootId {
        BootId::parse(&format!("{n:08x}-0000-4000-8000-000000000000")).unwrap()
    }

    fn stamp(boot: BootId, since_boot: Option<u64>, wall_ms: i64) -> Stamp {
        Stamp { boot, since_boot: since_boot.map(Duration::from_secs), awake: None, wall_ms }
    }

    fn previous(boot: BootId, last_run: RunEnd) -> BootState {
        BootState {
            booted_wall_ms: 0,
            last: stamp(boot, Some(1_000), STOPPED_MS),
            kernel_release: None,
            kernel_version: None,
            ended: BootEnd::Running,
            evidence: String::new(),
            last_run,
        }
    }

    const STOPPED: RunEnd = RunEnd::Stopped { wall_ms: STOPPED_MS };

    /// Judges a known boot by the next one, seen 100 s after it began.
    fn check(last_run: RunEnd, began_after_ms: i64, expect: BootEnd, phrase: &str) {
        let next = stamp(id(2), Some(100), STOPPED_MS + began_after_ms + 100_000);
        let (end, evidence) = judge(&previous(id(1), last_run), &next);
        assert_eq!(end, expect, "{evidence}");
        assert!(evidence.contains(phrase) && evidence.ends_with('.'), "{evidence}");
    }

    #[test]
    fn an_orderly_stop_up_to_half_an_hour_before_the_next_boot_is_clean() {
        check(STOPPED, 42_000, BootEnd::Clean, "(42 s)");
        check(STOPPED, 30 * MINUTE_MS, BootEnd::Clean, "(30 min)");
        check(STOPPED, 30 * MINUTE_MS + 1, BootEnd::Unknown, "longer than 30 min");
    }

    #[test]
    fn a_next_boot_that_seems_to_begin_before_the_stop_is_clean_only_within_reason() {
        check(STOPPED, -5 * MINUTE_MS, BootEnd::Clean, "(5 min)");
        check(STOPPED, -48 * 60 * MINUTE_MS, BootEnd::Unknown, "2 d before");
    }

    #[test]
    fn a_run_never_stopped_is_unclean_however_soon_the_next_boot_began() {
        check(RunEnd::Open, 42_000, BootEnd::Unclean, "never stopped in order");
    }

    #[test]
    fn without_a_run_nothing_is_known() {
        check(RunEnd::NeverRan, 42_000, BootEnd::Unknown, "No run");
        check(RunEnd::Brief, 42_000, BootEnd::Unknown, "a single pass");
    }

    #[test]
    fn without_a_boot_id_on_either_side_nothing_is_known() {
        let known = stamp(id(2), Some(10), STOPPED_MS + 20_000);
        let unknown = stamp(BootId::unknown(), Some(10), STOPPED_MS + 20_000);
        let nameless = previous(BootId::unknown(), STOPPED);
        assert_eq!(judge(&nameless, &known).0, BootEnd::Unknown);
        assert_eq!(judge(&previous(id(1), STOPPED), &unknown).0, BootEnd::Unknown);
    }

    #[test]
    fn without_a_boot_clock_the_first_sight_stands_for_the_beginning() {
        let next = stamp(id(2), None, STOPPED_MS + 29 * MINUTE_MS);
        assert_eq!(judge(&previous(id(1), STOPPED), &next).0, BootEnd::Clean);
    }
}
