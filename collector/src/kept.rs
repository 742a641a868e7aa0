//! Counters that are kept open from pass to pass, and what is fixed beside them.
//!
//! A host with 2,048 modules has 4,352 counters and 2,048 labels, which admins write, each of which every
//! pass wants, and some 10,000 words of what modules are, which change with the driver. So counters and
//! labels stay open and are read again, and while they say the same, what was made of them stays
//! ([`same`]); the words are read anew with each boot, when directories of modules come or go, and as soon
//! as a file is gone, which says that a driver came or went; and now and then, to be sure. Each file that
//! is open costs the kernel some 4 KiB for the text it shows.
//!
//! A [`Lookout`] reads the counters of a pass once more, and tells whether that pass still holds.

mod same;

pub(crate) use same::Said;

use crate::host::{HostRoot, KeptDirectory, KeptFile, LONGEST};
use crate::reader::whole_number;
use rustix::process::{Resource, getrlimit};
use same::Same;
use scrubjay_model::BootId;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most that is kept open, whatever the system would allow.
const MOST: u64 = 16_384;

/// For so many passes what is fixed is not read again: four hours, with a pass a minute.
const FIXED_FOR: u64 = 240;

/// So many reads of what is in memory take less than a millisecond.
const SOON_READ: usize = 1_024;

/// One look of so many asks a file whether it was replaced.
const IN_PLACE_EVERY: usize = 16;

/// Stands for no number: no counter of EDAC has more than 32 bits, and no age so many seconds.
const NONE: u64 = u64::MAX;

/// What stands in a file, and so how it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// A number of errors: as long as there is none it stays.
    Errors,
    /// A number of seconds: it rises.
    Age,
    /// A label: somebody writes it.
    Label,
}

/// A file that is kept open.
pub(crate) struct Held {
    file: KeptFile,
    content: Content,
    /// Those that were opened one after the other lie beside each other in the kernel as well.
    opened: u64,
    /// The number that the last pass read.
    last: AtomicU64,
    /// The pass that did.
    used: AtomicU64,
}

impl Held {
    fn read_in_place<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        self.file.is_in_place().then(|| self.read(parse))?
    }

    fn read<T>(&self, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let mut buffer = [0; LONGEST];
        let bytes = self.file.read(&mut buffer).ok()?;
        parse(std::str::from_utf8(bytes).ok()?)
    }
}

/// What is kept for the sources of a collector.
pub(crate) struct Counters {
    kept: Mutex<Kept>,
    capacity: usize,
    /// How often a file that was kept could not be read any more.
    lost: AtomicU64,
}

#[derive(Default)]
struct Kept {
    pass: u64,
    opened: u64,
    files: HashMap<String, Arc<Held>>,
    fixed: HashMap<String, Fixed>,
    /// What rests on fixed facts and on files.
    same: HashMap<String, Arc<Same>>,
    /// How often files had been lost when it was opened.
    directory: Option<(u64, Arc<KeptDirectory>)>,
}

/// Facts that stay while a driver does.
struct Fixed {
    pass: u64,
    before: Before,
    boot: BootId,
    attributes: u32,
    value: Arc<dyn Any + Send + Sync>,
}

impl Fixed {
    /// Whether they need not be read anew, after so many losses, in this boot and pass.
    fn holds(&self, lost: u64, boot: &BootId, pass: u64) -> bool {
        self.before.holds(lost) && self.boot == *boot && pass < self.pass + FIXED_FOR
    }
}

/// How things were before fixed facts were read.
pub(crate) struct Before {
    lost: u64,
    /// The directory they are below, and how many directories are in it: the kernel adds those of modules
    /// one by one.
    directory: Option<(KeptDirectory, u64)>,
}

impl Before {
    fn holds(&self, lost: u64) -> bool {
        let still =
            |(directory, count): &(KeptDirectory, u64)| directory.directories() == Some(*count);
        self.lost == lost && self.directory.iter().all(still)
    }
}

impl Default for Counters {
    /// Half of the files that the process may open are for everything else.
    fn default() -> Self {
        let open = getrlimit(Resource::Nofile).current.unwrap_or(MOST);
        let capacity = usize::try_from((open / 2).min(MOST)).unwrap_or_default();
        Self { kept: Mutex::default(), capacity, lost: AtomicU64::new(0) }
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counters").field("open", &self.lock().files.len()).finish_non_exhaustive()
    }
}

impl Counters {
    /// Another pass begins. What the last one did not read is closed.
    pub(crate) fn next_pass(&self) {
        let mut kept = self.lock();
        let Kept { pass, files, fixed, same, .. } = &mut *kept;
        let last = *pass;
        *pass += 1;
        files.retain(|_, held| held.used.load(Ordering::Relaxed) >= last);
        fixed.retain(|_, fixed| fixed.pass + FIXED_FOR > last);
        same.retain(|dir, _| fixed.contains_key(dir));
    }

    /// The number in a file, if it is one and can be read from a file that is kept open. `None` is no
    /// fault: whoever is told so reads the file in the common way, and learns what is the matter.
    pub(crate) fn number(
        &self,
        host: &HostRoot,
        path: &str,
        content: Content,
    ) -> Option<(u64, Arc<Held>)> {
        let (number, held) = self.read(host, path, content, whole_number)?;
        held.last.store(number, Ordering::Relaxed);
        Some((number, held))
    }

    /// The same for a label.
    pub(crate) fn label(&self, host: &HostRoot, path: &str) -> Option<(String, Arc<Held>)> {
        self.read(host, path, Content::Label, |text| Some(text.to_owned()))
    }

    fn read<T>(
        &self,
        host: &HostRoot,
        path: &str,
        content: Content,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<(T, Arc<Held>)> {
        let (held, pass) = {
            let kept = self.lock();
            (kept.files.get(path).cloned(), kept.pass)
        };
        // The lock is not held while the kernel is asked: it may take its time.
        if let Some(held) = held {
            let Some(found) = held.read_in_place(parse) else {
                self.lost.fetch_add(1, Ordering::Relaxed);
                self.lock().files.remove(path);
                return None;
            };
            held.used.store(pass, Ordering::Relaxed);
            return Some((found, held));
        }
        if self.lock().files.len() >= self.capacity {
            return None;
        }
        let file = host.keep(path).ok()??;
        let (last, used) = (AtomicU64::new(NONE), AtomicU64::new(pass));
        let mut held = Held { file, content, opened: 0, last, used };
        let found = held.read(parse)?;
        let mut kept = self.lock();
        kept.opened += 1;
        held.opened = kept.opened;
        let held = Arc::new(held);
        kept.files.insert(path.to_owned(), Arc::clone(&held));
        Some((found, held))
    }

    /// What was made of the fixed facts below a directory in an earlier pass, if it still holds, and
    /// how many attributes that were.
    pub(crate) fn fixed<T: Send + Sync + 'static>(
        &self,
        dir: &str,
        boot: &BootId,
    ) -> Option<(Arc<T>, u32)> {
        let kept = self.lock();
        let fixed = kept.fixed.get(dir)?;
        let holds = fixed.holds(self.lost.load(Ordering::Relaxed), boot, kept.pass);
        let value = Arc::clone(&fixed.value).downcast().ok().filter(|_| holds)?;
        Some((value, fixed.attributes))
    }

    /// How things are before the fixed facts below a directory are read.
    pub(crate) fn before(&self, host: &HostRoot, dir: &str) -> Before {
        let directory = host.keep_directory(dir);
        let directory = directory.and_then(|kept| kept.directories().map(|count| (kept, count)));
        Before { lost: self.lost.load(Ordering::Relaxed), directory }
    }

    /// Whether another pass would read nothing but what is in memory, and not for long: few files, all of them
    /// open, beside facts that still hold, each of which has `nothing_else` to read.
    pub(crate) fn are_soon_read<T: Send + Sync + 'static>(
        &self,
        boot: &BootId,
        nothing_else: impl Fn(&T) -> bool,
    ) -> bool {
        let kept = self.lock();
        let lost = self.lost.load(Ordering::Relaxed);
        let holds = |(dir, fixed): (&String, &Fixed)| {
            // Nothing is there of what rests on files that are not kept open.
            kept.same.contains_key(dir)
                && fixed.holds(lost, boot, kept.pass)
                && fixed.value.downcast_ref().is_some_and(&nothing_else)
        };
        !kept.fixed.is_empty()
            && kept.files.len() <= SOON_READ
            && kept.files.values().all(|held| held.file.is_in_memory())
            && kept.fixed.iter().all(holds)
    }

    /// Keeps what was made of the fixed facts below a directory, if they are as they were before.
    pub(crate) fn keep_fixed<T: Send + Sync + 'static>(
        &self,
        dir: &str,
        boot: &BootId,
        before: Before,
        value: &Arc<T>,
        attributes: u32,
    ) {
        if !before.holds(self.lost.load(Ordering::Relaxed)) {
            return;
        }
        let value: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(value);
        let mut kept = self.lock();
        let fixed = Fixed { pass: kept.pass, before, boot: boot.clone(), attributes, value };
        kept.fixed.insert(dir.to_owned(), fixed);
    }

    /// What the last pass read, to be looked at again; and whether directories came to `dir` or went.
    pub(crate) fn lookout(&self, host: &HostRoot, dir: &str) -> Lookout {
        let mut kept = self.lock();
        let lost = self.lost.load(Ordering::Relaxed);
        // The core may have been loaded anew with its drivers.
        if kept.directory.as_ref().is_none_or(|(of, _)| *of != lost) {
            kept.directory = host.keep_directory(dir).map(|kept| (lost, Arc::new(kept)));
        }
        let directory = kept.directory.as_ref().map(|(_, directory)| Arc::clone(directory));
        let expected = directory.as_ref().and_then(|directory| directory.directories());
        let is_number = |held: &&Arc<Held>| {
            held.content != Content::Label && held.used.load(Ordering::Relaxed) == kept.pass
        };
        let shown = kept.files.values().filter(is_number);
        let shown = shown.map(|held| (Arc::clone(held), held.last.load(Ordering::Relaxed)));
        let mut shown: Vec<_> = shown.collect();
        shown.sort_unstable_by_key(|(held, _)| held.opened);
        Lookout { shown, directory: directory.zip(expected), looks: AtomicUsize::new(0) }
    }

    /// Nothing is done under the lock that could fail halfway.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters of a pass, and what they were.
pub struct Lookout {
    shown: Vec<(Arc<Held>, u64)>,
    directory: Option<(Arc<KeptDirectory>, u64)>,
    looks: AtomicUsize,
}

impl Lookout {
    /// Reads all of them, and tells whether they are what they were: no error was counted, nobody has
    /// zeroed them, and no controller came or went. A read may take as long as the kernel wants.
    ///
    /// What was not read from a file that is kept open is not looked at.
    pub fn holds(&self) -> bool {
        let look = self.looks.fetch_add(1, Ordering::Relaxed);
        let same = |(n, (held, last)): (usize, &(Arc<Held>, u64))| {
            // A file that is not of sysfs costs twice as much if it is asked whether it was replaced.
            let read = if n % IN_PLACE_EVERY == look % IN_PLACE_EVERY {
                held.read_in_place(whole_number)
            } else {
                held.read(whole_number)
            };
            match held.content {
                Content::Errors => read == Some(*last),
                Content::Age => read.is_some_and(|now| now >= *last),
                // None of these is here.
                Content::Label => true,
            }
        };
        let in_place = |(directory, expected): &(Arc<KeptDirectory>, u64)| {
            directory.directories() == Some(*expected)
        };
        self.directory.iter().all(in_place) && self.shown.iter().enumerate().all(same)
    }

    /// Whether a look waits for nobody, and not for long: all of it is in memory. What the EDAC core shows are
    /// numbers of its own and its drivers' structures (drivers/edac/edac_mc_sysfs.c); what a disk, a network
    /// or a program shows may take for ever.
    pub fn is_soon_done(&self) -> bool {
        self.numbers() <= SOON_READ && self.shown.iter().all(|(held, _)| held.file.is_in_memory())
    }

    /// How many numbers are looked at.
    pub fn numbers(&self) -> usize {
        self.shown.len()
    }
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookout").field("numbers", &self.numbers()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
