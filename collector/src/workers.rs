//! Threads that wait for work, so that a pass need not start one for each source.
//!
//! A thread that hangs in a read, or ends by a panic, is simply not there any more: the next source gets
//! another one.

use std::ffi::CString;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// So many wait at most; what they have allocated stays with them.
const MOST_IDLE: usize = 4;

/// Does the work, and returns what tells of it, which takes no time.
pub(crate) type Work = Box<dyn FnOnce() -> Told + Send>;
pub(crate) type Told = Box<dyn FnOnce() + Send>;

/// Threads that wait, by what reaches them.
type Idle = Mutex<Vec<Sender<Errand>>>;

/// Threads that wait. They end when nobody has this any more.
#[derive(Debug, Default)]
pub(crate) struct Workers {
    idle: Arc<Idle>,
}

struct Errand {
    name: &'static str,
    work: Work,
}

impl Workers {
    /// Has it done by a thread of this name, which the kernel shows.
    pub(crate) fn start(&self, name: &'static str, work: Work) -> std::io::Result<()> {
        let mut errand = Errand { name, work };
        while let Some(worker) = pop(&self.idle) {
            match worker.send(errand) {
                Ok(()) => return Ok(()),
                Err(refused) => errand = refused.0,
            }
        }
        let idle = Arc::downgrade(&self.idle);
        let begin = move || serve(errand.work, &idle);
        std::thread::Builder::new().name(name.to_owned()).spawn(begin).map(drop)
    }
}

/// Does what there is to do, and waits for more as long as that is wanted.
fn serve(first: Work, idle: &Weak<Idle>) {
    let mut told = first();
    loop {
        // Before it is told: whoever hears of it may have more to do at once.
        let errands = idle.upgrade().and_then(|idle| wait(&idle));
        told();
        let Some(Ok(Errand { name, work })) = errands.map(|errands| errands.recv()) else { return };
        // A name is of use to people only.
        let _ = CString::new(name).map(|name| rustix::thread::set_name(&name));
        told = work();
    }
}

/// Where the next errand comes in, unless enough wait already.
fn wait(idle: &Idle) -> Option<Receiver<Errand>> {
    let mut idle = lock(idle);
    (idle.len() < MOST_IDLE).then(|| {
        let (sender, errands) = channel();
        idle.push(sender);
        errands
    })
}

fn pop(idle: &Idle) -> Option<Sender<Errand>> {
    lock(idle).pop()
}

/// Nothing is done under the lock that could fail halfway.
fn lock(idle: &Idle) -> MutexGuard<'_, Vec<Sender<Errand>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::ThreadId;

    fn ask(workers: &Workers, name: &'static str) -> (ThreadId, Option<String>) {
        let (sender, receiver) = channel();
        let work = move || -> Told {
            let shown = std::fs::read_to_string("/proc/thread-self/comm").ok();
            let told = (std::thread::current().id(), shown.map(|name| name.trim().to_owned()));
            Box::new(move || sender.send(told).unwrap())
        };
        workers.start(name, Box::new(work)).unwrap();
        receiver.recv().unwrap()
    }

    #[test]
    fn one_thread_does_one_thing_after_the_other_under_its_name() {
        let workers = Workers::default();
        let (first, name) = ask(&workers, "first");
        assert_eq!(name.as_deref(), Some("first"));
        assert_eq!(ask(&workers, "second"), (first, Some("second".to_owned())));
    }

    #[test]
    fn a_thread_that_panics_or_hangs_is_not_asked_again() {
        let workers = Workers::default();
        let (ended, end) = channel::<()>();
        workers
            .start(
                "ends",
                Box::new(move || {
                    let _ended = ended;
                    panic!("defect under test")
                }),
            )
            .unwrap();
        assert!(end.recv().is_err());
        let (release, gate) = channel::<()>();
        let hangs = move || -> Told {
            let _ = gate.recv();
            Box::new(|| ())
        };
        workers.start("hangs", Box::new(hangs)).unwrap();
        assert_eq!(ask(&workers, "works").1.as_deref(), Some("works"));
        drop(release);
    }

    #[test]
    fn no_more_wait_than_are_worth_it_and_none_for_nobody() {
        let workers = Workers::default();
        let (told, hears) = channel();
        let gates: Vec<Sender<()>> = (0..2 * MOST_IDLE)
            .map(|_| {
                let (release, gate) = channel();
                let told = told.clone();
                let work = move || -> Told {
                    let _ = gate.recv();
                    Box::new(move || told.send(()).unwrap())
                };
                workers.start("many", Box::new(work)).unwrap();
                release
            })
            .collect();
        drop(gates);
        for _ in 0..2 * MOST_IDLE {
            hears.recv().unwrap();
        }
        assert_eq!(lock(&workers.idle).len(), MOST_IDLE);
        let idle = Arc::downgrade(&workers.idle);
        drop(workers);
        assert_eq!(idle.strong_count(), 0);
    }
}
