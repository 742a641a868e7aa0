//! Few threads for many sources, in a pass that finds no thread to wait for work: the only one, or the first.
//!
//! To start a thread costs as much as most sources do. So they wait for one or two, and another comes when nobody
//! has answered for a while: a source that hangs, or has much to do, delays the others by that while.

use crate::workers::Work;
use std::collections::VecDeque;
use std::ffi::CString;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So long nobody answers before another thread comes. Most sources need a tenth of it.
pub(crate) const PATIENCE: Duration = Duration::from_millis(2);

/// Threads that share what there is to do.
pub(crate) struct Few {
    shared: Arc<Mutex<Shared>>,
    /// How many of them come at once.
    at_first: usize,
}

#[derive(Default)]
struct Shared {
    waiting: VecDeque<Errand>,
    /// Threads that will look for more, also those that hang.
    looking: usize,
}

struct Errand {
    name: &'static str,
    work: Work,
}

impl fmt::Debug for Few {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Few").finish_non_exhaustive()
    }
}

impl Few {
    /// So many threads at first, if there is as much to do.
    pub(crate) fn of(at_first: usize) -> Self {
        Self { shared: Arc::default(), at_first }
    }

    /// Has it done when its turn comes.
    pub(crate) fn start(&self, name: &'static str, work: Work) -> std::io::Result<()> {
        let mut shared = lock(&self.shared);
        if shared.looking < self.at_first {
            self.begin(&mut shared)?;
        }
        shared.waiting.push_back(Errand { name, work });
        Ok(())
    }

    /// Whether any waits for its turn.
    pub(crate) fn is_waited_for(&self) -> bool {
        !lock(&self.shared).waiting.is_empty()
    }

    /// Another thread, for those that wait behind one that hangs.
    pub(crate) fn another(&self) {
        // Without one they wait for as long as a pass does.
        let _ = self.begin(&mut lock(&self.shared));
    }

    fn begin(&self, shared: &mut Shared) -> std::io::Result<()> {
        let looks = Arc::clone(&self.shared);
        std::thread::Builder::new().spawn(move || serve(&looks))?;
        shared.looking = shared.looking.saturating_add(1);
        Ok(())
    }
}

/// Does what waits, until nothing does.
fn serve(shared: &Mutex<Shared>) {
    while let Some(Errand { name, work }) = next(shared) {
        // The kernel shows it to whoever wants to know what hangs.
        let _ = CString::new(name).map(|name| rustix::thread::set_name(&name));
        work()();
    }
}

fn next(shared: &Mutex<Shared>) -> Option<Errand> {
    let mut shared = lock(shared);
    let errand = shared.waiting.pop_front();
    if errand.is_none() {
        shared.looking = shared.looking.saturating_sub(1);
    }
    errand
}

/// Nothing is done under the lock that could fail halfway.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};

    fn tells(tell: &Sender<&'static str>, name: &'static str) -> Work {
        let tell = tell.clone();
        Box::new(move || Box::new(move || assert_eq!(tell.send(name), Ok(()))))
    }

    #[test]
    fn one_thread_does_what_waits_in_its_order() {
        let (few, (tell, told)) = (Few::of(1), channel());
        for name in ["edac", "uptime", "kernel"] {
            few.start(name, tells(&tell, name)).unwrap();
        }
        assert_eq!(
            [told.recv(), told.recv(), told.recv()],
            [Ok("edac"), Ok("uptime"), Ok("kernel")]
        );
    }

    #[test]
    fn two_threads_do_two_things_at_once() {
        let few = Few::of(2);
        let (tell, told) = channel();
        let both = Arc::new(std::sync::Barrier::new(2));
        // More than once: a thread that found nothing to do has gone.
        for _ in 0..3 {
            for name in ["packages", "uptime"] {
                let (both, tell) = (Arc::clone(&both), tell.clone());
                let meets = move || -> crate::workers::Told {
                    both.wait();
                    Box::new(move || assert_eq!(tell.send(name), Ok(())))
                };
                few.start(name, Box::new(meets)).unwrap();
            }
            assert_eq!(told.iter().take(2).count(), 2);
        }
    }

    #[test]
    fn another_thread_does_what_waits_behind_one_that_hangs_or_is_lost() {
        for lost in [false, true] {
            let (few, (tell, told), (release, gate)) = (Few::of(1), channel(), channel::<()>());
            let (begun, begins) = channel();
            let hangs = move || -> crate::workers::Told {
                let _ = begun.send(());
                assert!(!lost, "defect under test");
                let _ = gate.recv();
                Box::new(|| {})
            };
            few.start("edac", Box::new(hangs)).unwrap();
            begins.recv().unwrap();
            few.start("uptime", tells(&tell, "uptime")).unwrap();
            assert!(few.is_waited_for());
            few.another();
            assert_eq!(told.recv(), Ok("uptime"));
            assert!(!few.is_waited_for());
            drop(release);
        }
    }
}
