//! What was made of counters and labels, for as long as each of them says what it said then.
//!
//! On most hosts no pass finds what the last one did not. Reading is all that it has to do then: nothing is
//! looked up, parsed into new values or copied.

use super::{Counters, Held};
use crate::reader::whole_number;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What was read from a file that is kept open.
pub(crate) enum Said {
    Number(Arc<Held>, u64),
    Text(Arc<Held>, Box<str>),
}

impl Said {
    /// Whether the file says it again.
    fn is_still_said(&self, pass: u64) -> bool {
        let (held, same) = match self {
            Self::Number(held, number) => {
                (held, held.read_in_place(|text| Some(whole_number(text)? == *number)))
            }
            Self::Text(held, said) => (held, held.read_in_place(|text| Some(text == &**said))),
        };
        held.used.store(pass, Ordering::Relaxed);
        same == Some(true)
    }
}

/// Something made of what files said.
pub(super) struct Same {
    said: Vec<Said>,
    value: Arc<dyn Any + Send + Sync>,
}

impl Counters {
    /// What was made below a directory in an earlier pass, if `holds` says that it may still be and every
    /// file says the same; and of how many files.
    pub(crate) fn same<T: Send + Sync + 'static>(
        &self,
        dir: &str,
        holds: impl FnOnce(&T) -> bool,
    ) -> Option<(Arc<T>, u32)> {
        let (same, pass) = {
            let kept = self.lock();
            (Arc::clone(kept.same.get(dir)?), kept.pass)
        };
        let value = Arc::clone(&same.value).downcast().ok().filter(|value| holds(value))?;
        // The lock is not held while the kernel is asked.
        let is_same = same.said.iter().all(|said| said.is_still_said(pass));
        is_same.then(|| (value, u32::try_from(same.said.len()).unwrap_or(u32::MAX)))
    }

    /// Keeps what was made of what files said.
    pub(crate) fn keep_same<T: Send + Sync + 'static>(
        &self,
        dir: &str,
        said: Vec<Said>,
        value: &Arc<T>,
    ) {
        let value: Arc<dyn Any + Send + Sync> = Arc::<T>::clone(value);
        self.lock().same.insert(dir.to_owned(), Arc::new(Same { said, value }));
    }
}
