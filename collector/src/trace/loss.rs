//! How many records of a CPU's buffer were lost, exactly, also over a restart of the agent.
//!
//! The header of a page says how many records were overwritten since the page before was taken out
//! of the buffer, whoever took it: so each overwritten record is told once, to one of the agents
//! that follow each other, and what happened between two of them is told to the next. Pages are
//! read such that there is room for the number (`RawPages::read`). Should it be missing all the
//! same, it is found when the buffer is empty: then all that was overwritten has been told, and
//! `per_cpu/cpuN/stats` has the sum of it since the buffer was made. (Records are overwritten only
//! in a full buffer, and those that filled it can only have left it as pages that told.)
//!
//! The same file counts records that did not get into the buffer at all, which no header tells.
//!
//! Sources: `rb_get_reader_page`, `ring_buffer_read_page` and `rb_reserve_next_event` in
//! kernel/trace/ring_buffer.c, `tracing_stats_read` in kernel/trace/trace.c.

use super::page::Lost;

/// What `per_cpu/cpuN/stats` says was lost since the buffer was made or emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stats {
    /// Overwritten before they were read.
    pub(crate) overrun: u64,
    /// Not written because an interrupted writer held the only free page.
    pub(crate) commit_overrun: u64,
    /// Not written because the buffer was full; only where it is not to be overwritten.
    pub(crate) dropped: u64,
}

/// The losses of one CPU since the agent started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Overwritten, as headers told; a loss without a number counts as one until it is known.
    overwritten: u64,
    /// What the kernel's sum is ahead of ours: what earlier agents were told. It is negative if
    /// somebody emptied the buffer since. `None` until the buffer was seen empty.
    ahead: Option<i128>,
    unwritten: u64,
    latest: Option<Stats>,
}

impl Stats {
    /// Parses the text of the file. `None` unless all three numbers are there.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let number = |name: &str| -> Option<u64> {
            let rest =
                |line: &'_ str| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned);
            let digits = text.lines().find_map(rest)?;
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        Some(Self {
            overrun: number("overrun")?,
            commit_overrun: number("commit overrun")?,
            dropped: number("dropped events")?,
        })
    }

    fn unwritten(&self) -> u64 {
        self.commit_overrun.saturating_add(self.dropped)
    }
}

impl Losses {
    /// Begins to count. `stats` are those of a buffer that was there before us. Of the records that
    /// were not written at all, those since the earlier agent's last look are then not counted:
    /// nothing tells them from those before. It takes an interrupt storm of a full buffer within
    /// one write to make one.
    pub(crate) fn new(stats: Option<Stats>) -> Self {
        Self { overwritten: 0, ahead: None, unwritten: 0, latest: stats }
    }

    /// Notes what the header of a page says.
    pub(crate) fn page(&mut self, lost: Lost) {
        let more = match lost {
            Lost::None => 0,
            Lost::AtLeastSome => 1,
            Lost::Exactly(lost) => lost,
        };
        self.overwritten = self.overwritten.saturating_add(more);
    }

    /// Notes sums that were read while the buffer was empty: it was found so before and after.
    pub(crate) fn sums_of_empty(&mut self, stats: Stats) {
        let unwritten = stats.unwritten();
        let before = self.latest.map_or(unwritten, |latest| latest.unwritten());
        // A sum that fell is one that began anew, since somebody emptied the buffer.
        let more = unwritten.checked_sub(before).unwrap_or(unwritten);
        self.unwritten = self.unwritten.saturating_add(more);
        if self.latest.is_some_and(|latest| stats.overrun < latest.overrun) {
            self.ahead = None;
        }
        self.latest = Some(stats);
        let sum = i128::from(stats.overrun);
        match self.ahead {
            None => self.ahead = Some(sum - i128::from(self.overwritten)),
            Some(ahead) => {
                let told = u64::try_from(sum - ahead).unwrap_or(0);
                self.overwritten = self.overwritten.max(told);
            }
        }
    }

    /// Records lost since the agent started.
    pub(crate) fn lost(&self) -> u64 {
        self.overwritten.saturating_add(self.unwritten)
    }
}

#[cfg(test)]
mod tests;
