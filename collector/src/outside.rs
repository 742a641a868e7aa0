//! A place to start threads from that are not bound by what this process binds itself to.
//!
//! Under Landlock a thread may not look into processes that are bound less than itself: the kernel then
//! refuses `proc/PID/maps` of all others, whatever capabilities there are
//! (`security/landlock/task.c`). The source `processes` is therefore read by threads that are started
//! from one that was there before.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};

type Work = Box<dyn FnOnce() + Send>;

/// What is to be started, and whom to tell whether it was.
struct Wish {
    name: String,
    work: Work,
    started: SyncSender<io::Result<()>>,
}

/// Starts threads that are bound as little as the one that made it.
#[derive(Debug, Clone)]
pub struct Outside {
    wishes: Sender<Wish>,
}

impl Outside {
    /// Begins; to be called before the process binds itself.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn open() -> io::Result<Arc<Self>> {
        let (wishes, wished) = channel::<Wish>();
        std::thread::Builder::new().name("outside".to_owned()).spawn(move || {
            for Wish { name, work, started } in wished {
                let thread = std::thread::Builder::new().name(name).spawn(work);
                // Whoever wished may be gone.
                let _ = started.send(thread.map(drop));
            }
        })?;
        Ok(Arc::new(Self { wishes }))
    }

    /// Starts a thread.
    ///
    /// # Errors
    /// If the system gives none.
    pub fn start(&self, name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let (started, answer) = sync_channel(1);
        let wish = Wish { name: name.to_owned(), work: Box::new(work), started };
        let gone = || io::Error::other("the thread that starts others has ended");
        self.wishes.send(wish).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

/// Starts a thread from outside, where there is such a place, and from here otherwise.
///
/// # Errors
/// If the system gives none.
pub fn start_outside(
    outside: Option<&Outside>,
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<()> {
    match outside {
        Some(outside) => outside.start(name, work),
        None => std::thread::Builder::new().name(name.to_owned()).spawn(work).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_started_either_way_and_bears_its_name() {
        let outside = Outside::open().unwrap();
        for outside in [None, Some(&*outside)] {
            let (told, tell) = (sync_channel(1), "processes");
            let (send, receive) = told;
            start_outside(outside, tell, move || {
                let name = std::thread::current().name().map(str::to_owned);
                send.send(name).unwrap();
            })
            .unwrap();
            assert_eq!(receive.recv().unwrap().as_deref(), Some("processes"));
        }
    }
}
