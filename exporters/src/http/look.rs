//! A second look at the host before a page is served: a scrape shows what the kernel counts when it is
//! asked, not what the last pass saw.
//!
//! The counters of the last pass are read once more. If they are what they were, the page is as good as
//! new; if not, a pass is asked for, and the scrape waits for it, but not for long. Counters in memory are
//! read where the question comes in: to wake another thread and be woken by it costs more than reading
//! those of a whole host. What may hang is read on a thread of its own: that costs a scrape no more than the
//! wait, and the page of the last pass is served.

use super::board::Board;
use std::fmt;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::timeout;

/// How long a scrape waits for a look, and for the pass that follows it.
const WITHIN: Duration = Duration::from_millis(25);

/// How often the host is looked at for those who ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// A page is served as it is for so long after a pass or a look.
    pub as_is: Duration,
    /// So long after a pass there is another one, if it is asked for: not sooner.
    pub pass_again: Duration,
}

/// Looks at the host for those who ask.
pub struct Looks {
    pace: Pace,
    board: Arc<Board>,
    /// Wakes the thread. One wish is as good as many.
    wishes: SyncSender<()>,
    ask_for_pass: Box<dyn Fn() + Send + Sync>,
    last: Mutex<Last>,
    /// Told after each look.
    looked: Notify,
}

/// What the last look found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    /// There was none, or nothing to look at.
    Nothing,
    /// The page that was posted at a moment held, at another.
    Held { posted: Duration, at: Duration },
    /// The page that was posted then did not, and a pass was asked for.
    Changed { posted: Duration },
}

impl fmt::Debug for Looks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looks").field("pace", &self.pace).finish_non_exhaustive()
    }
}

impl Looks {
    /// Starts the thread. `ask_for_pass` is called when a page does not hold any more.
    pub fn start(
        board: &Arc<Board>,
        pace: Pace,
        ask_for_pass: impl Fn() + Send + Sync + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let (wishes, wished) = sync_channel(1);
        let looks = Arc::new(Self {
            pace,
            board: Arc::clone(board),
            wishes,
            ask_for_pass: Box::new(ask_for_pass),
            last: Mutex::new(Last::Nothing),
            looked: Notify::new(),
        });
        // It ends when nobody is left to wish anything.
        let weak = Arc::downgrade(&looks);
        std::thread::Builder::new().name("looks".to_owned()).spawn(move || {
            while wished.recv().is_ok() {
                let Some(looks) = weak.upgrade() else { return };
                looks.look();
                looks.looked.notify_waiters();
            }
        })?;
        Ok(looks)
    }

    fn look(&self) {
        let found = match self.board.holds() {
            Some((posted, true)) => Last::Held { posted, at: self.board.now() },
            Some((posted, false)) => Last::Changed { posted },
            None => Last::Nothing,
        };
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = found;
        if let Last::Changed { .. } = found {
            (self.ask_for_pass)();
        }
    }

    fn last(&self) -> Last {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns when the page on the board is as good as new, or after a moment.
    pub(super) async fn refresh(&self) {
        let Some(posted) = self.board.posted_at() else { return };
        let now = self.board.now();
        let last = self.last();
        let good_since = match last {
            Last::Held { posted: of, at } if of == posted => at,
            Last::Held { .. } | Last::Changed { .. } | Last::Nothing => posted,
        };
        let is_changed = last == Last::Changed { posted };
        if !is_changed && now.saturating_sub(good_since) < self.pace.as_is {
            return;
        }
        // A pass that must not come yet is not waited for.
        let may_pass = now.saturating_sub(posted) >= self.pace.pass_again;
        if is_changed && !may_pass {
            return;
        }
        let is_looked_at = is_changed || self.board.is_soon_known();
        if is_looked_at && !is_changed {
            self.look();
        }
        let _ = timeout(WITHIN, self.as_good_as_new(posted, is_looked_at, may_pass)).await;
    }

    async fn as_good_as_new(&self, posted: Duration, is_looked_at: bool, may_pass: bool) {
        // Whoever holds these is told of all that comes from here on.
        let (looked, passed) = (self.looked.notified(), self.board.passed());
        if !is_looked_at {
            match self.wishes.try_send(()) {
                Ok(()) | Err(TrySendError::Full(())) => looked.await,
                Err(TrySendError::Disconnected(())) => return,
            }
        }
        let still_there = self.board.posted_at() == Some(posted);
        if may_pass && still_there && self.last() == (Last::Changed { posted }) {
            passed.await;
        }
    }
}

#[cfg(test)]
mod tests;
