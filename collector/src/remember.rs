//! What was made of files that change seldom, kept from pass to pass while they stay the same.
//!
//! Some facts are dear to make and rarely new: which updates a firmware folder holds, what a
//! changelog fixes. A source asks [`Reader::remembered`](crate::reader::Reader::remembered) for
//! them under a key and with the files they rest on. As long as those are the very files they were
//! (device, inode, size and both times), what was made of them holds. A captured tree has no such
//! stamps and is always read anew.

use crate::host::{FileStamp, HostRoot};
use crate::kept::Counters;
use scrubjay_model::NonValue;
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A file changed so shortly before it was read may change again without a trace: older kernels
/// stamp files by a clock of 10 ms, some file systems by one of 2 s. What rests on such a file is
/// used and not kept.
const UNSETTLED_MS: i64 = 2_000;

/// Passes for which a value is kept that nobody asks for, so that no key stays for ever.
const UNUSED_PASSES: u64 = 3;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Remember<'k> {
    /// Names the value: that of the source, a slash, and whatever else it depends on beside files.
    pub(crate) key: &'k str,
    /// The files and directories it rests on. One that is missing is as good as one that is there:
    /// that it is still missing can be told. A directory changes as names in it come and go.
    pub(crate) files: &'k [&'k str],
    /// How long it holds at most, by the clock that counts sleep; for ever if `None`.
    pub(crate) at_most: Option<Duration>,
}

/// What is kept for all sources of a collector.
#[derive(Default)]
pub(crate) struct Memory {
    kept: Mutex<Kept>,
    counters: Counters,
}

#[derive(Default)]
struct Kept {
    /// Passes begun.
    pass: u64,
    entries: BTreeMap<String, Entry>,
}

struct Entry {
    stamps: Vec<FileStamp>,
    /// Time since boot at which it was made.
    made: Option<Duration>,
    /// The pass in which it was last asked for.
    used: u64,
    value: Arc<dyn Any + Send + Sync>,
    /// What was wrong with the files: it still is, while they are the same.
    faults: Vec<NonValue>,
}

/// The state of the files before they are read.
pub(crate) struct Before {
    stamps: Vec<FileStamp>,
    made: Option<Duration>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").finish_non_exhaustive()
    }
}

impl Memory {
    /// Another pass begins: what nobody has asked for lately is forgotten.
    pub(crate) fn next_pass(&self) {
        self.counters.next_pass();
        let mut kept = self.lock();
        kept.pass += 1;
        let pass = kept.pass;
        kept.entries.retain(|_, entry| pass.saturating_sub(entry.used) <= UNUSED_PASSES);
    }

    /// Counters that stay open.
    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The value kept under a key, with its faults, if it still holds.
    pub(crate) fn recall<T: Send + Sync + 'static>(
        &self,
        what: &Remember<'_>,
        now: &Before,
    ) -> Option<(Arc<T>, Vec<NonValue>)> {
        let mut kept = self.lock();
        let pass = kept.pass;
        let entry = kept.entries.get_mut(what.key)?;
        let fresh = what.at_most.is_none_or(|at_most| {
            let age = now.made.zip(entry.made).and_then(|(now, made)| now.checked_sub(made));
            age.is_some_and(|age| age < at_most)
        });
        if !fresh || entry.stamps != now.stamps {
            return None;
        }
        entry.used = pass;
        let value = Arc::clone(&entry.value).downcast().ok()?;
        Some((value, entry.faults.clone()))
    }

    /// Keeps a value that was made of the files as they were `before`. Whoever reads for longer
    /// than another keeps what he has: a later look at the files tells whether it holds.
    pub(crate) fn keep<T: Send + Sync + 'static>(
        &self,
        key: &str,
        before: Before,
        value: &Arc<T>,
        faults: Vec<NonValue>,
    ) {
        let value: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(value);
        let Before { stamps, made } = before;
        let mut kept = self.lock();
        let used = kept.pass;
        kept.entries.insert(key.to_owned(), Entry { stamps, made, used, value, faults });
    }

    /// Nothing is done under the lock that could fail halfway.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the files are now; `None` if that cannot be told, or does not tell enough.
pub(crate) fn look(host: &HostRoot, what: &Remember<'_>) -> Option<Before> {
    let stamps: Option<Vec<FileStamp>> = what.files.iter().map(|path| host.stamp(path)).collect();
    let made = host.clocks().boottime;
    Some(Before { stamps: stamps?, made })
        .filter(|before| what.at_most.is_none() || before.made.is_some())
}

impl Before {
    /// Whether the files were left alone for long enough that a change would show.
    pub(crate) fn is_settled(&self, host: &HostRoot) -> bool {
        let now_ms = host.clocks().realtime_ms;
        self.stamps.iter().all(|stamp| match stamp {
            FileStamp::Missing => true,
            FileStamp::There { changed_ms, .. } => {
                changed_ms.checked_add(UNSETTLED_MS).is_some_and(|settled| settled <= now_ms)
            }
        })
    }
}

#[cfg(test)]
mod tests;
