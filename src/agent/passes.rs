//! When there is a pass, and what is done between passes.

use super::Agent;
use crate::clock;
use scrubjay_exporters::http::{Board, Holds};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// What the thread that makes the passes is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// Reports of errors have come.
    Hear,
    /// Counters are not what they were.
    Look,
    /// Notices were delivered.
    Settle,
    /// Come to an end.
    Stop,
}

/// Reports are taken in at most this often, so that a storm costs a transaction a second.
const HEAR_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// After reports, or where a scrape found that counters changed, there is a pass that was not planned,
/// so that the verdict follows the error; but not more often than this.
pub(super) const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// To take reports in between passes takes no more than a twentieth of a CPU's time: where it takes long, as in a
/// storm over thousands of pages on a slow machine, it is done less often. Sums lose nothing by that, memory is
/// bounded anyway, and the next pass takes in what waits.
const REST_FOR_EACH: u32 = 20;

/// A pass every interval, and soon after reports of errors, until told to stop. A pass that falls
/// due while another runs is late; those missed altogether are not made up for.
pub(super) fn passes(
    mut agent: Agent,
    board: &Board,
    good_for: Duration,
    orders: &Receiver<Order>,
) -> anyhow::Result<()> {
    let mut due = clock::monotonic();
    loop {
        let looked = clock::monotonic();
        let view = Arc::new(agent.pass());
        let lookout = agent.collector.lookout();
        let holds = (lookout.numbers() > 0).then(|| Holds {
            is_soon_known: lookout.is_soon_done(),
            ask: Box::new(move || lookout.holds()),
        });
        board.publish_watched(Arc::clone(&view), good_for, holds);
        // After that: whoever asks this process need not wait for the file.
        if let Some(shared) = &mut agent.shared {
            shared.leave(&view, good_for);
        }
        if looked >= due {
            due = due.saturating_add(agent.stats.interval);
        }
        let now = clock::monotonic();
        if now > due.saturating_add(agent.stats.interval) {
            agent.stats.late_passes += 1;
            due = now;
        }
        if let Some(Order::Stop) = wait(&mut agent, due, looked, orders) {
            return agent.stop();
        }
    }
}

/// Waits until a pass is due, which is sooner if reports come; takes those in meanwhile. What is old in
/// the history is folded then too, so that no pass is held up by more than one bite of that.
fn wait(
    agent: &mut Agent,
    mut due: Duration,
    looked: Duration,
    orders: &Receiver<Order>,
) -> Option<Order> {
    let mut hear_at: Option<Duration> = None;
    let mut fold_at = Some(looked);
    let mut heard = looked;
    let mut hear_again_after = HEAR_AGAIN_AFTER;
    let look_again_at = looked.saturating_add(LOOK_AGAIN_AFTER);
    loop {
        let now = clock::monotonic();
        if hear_at.is_some_and(|at| at <= now) {
            hear_at = None;
            heard = now;
            agent.hear();
            let took = clock::monotonic().saturating_sub(now);
            hear_again_after = took.saturating_mul(REST_FOR_EACH).max(HEAR_AGAIN_AFTER);
            due = due.min(look_again_at);
        }
        if fold_at.is_some_and(|at| at <= now) && now < due {
            // After each bite a rest of the same length: the disk is for others too.
            let more = agent.fold();
            let done = clock::monotonic();
            fold_at = more.then(|| done.saturating_add(done.saturating_sub(now)));
        }
        let now = clock::monotonic();
        let until = [hear_at, fold_at].into_iter().flatten().fold(due, Duration::min);
        match orders.recv_timeout(until.saturating_sub(now)) {
            Err(RecvTimeoutError::Timeout)
                if clock::monotonic() >= due && hear_at.is_none_or(|at| at > due) =>
            {
                return None;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Ok(Order::Hear) => {
                let earliest = heard.saturating_add(hear_again_after);
                hear_at.get_or_insert(earliest.max(clock::monotonic()));
            }
            Ok(Order::Look) => due = due.min(look_again_at),
            Ok(Order::Settle) => agent.settle(),
            Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return Some(Order::Stop),
        }
    }
}
