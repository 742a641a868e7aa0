//! The kernel's log, as `/dev/kmsg` gives it.

use std::time::Duration;

/// A log that was never written to is not shown, as in most containers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    /// Records ever written.
    written: u64,
    /// Those left, oldest first.
    left: Vec<String>,
}

impl Log {
    pub(crate) fn write(&mut self, at: Duration, text: &str) {
        self.left.push(format!("5,{},{},-;{text}\n", self.written, at.as_micros()));
        self.written += 1;
    }

    /// All that was written is overwritten, by as many records of no interest as it takes.
    pub(crate) fn roll_over(&mut self) {
        self.left.clear();
        self.written += 4_000;
    }

    pub(crate) fn text(&self) -> Option<String> {
        (!self.left.is_empty()).then(|| self.left.concat())
    }
}
