//! The leaky bucket of mcelog (`leaky-bucket.c`), for comparison with what it would have said.
//!
//! It drains in steps: nothing leaks before a whole `age` has passed since the last draining, and
//! then as much as the time since is worth. Whoever makes it drain smoothly measures something else.

use super::numbers::real;

/// A bucket that fires when it has filled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeakyBucket {
    capacity: u32,
    age: u32,
    count: u32,
    drained: i64,
}

impl LeakyBucket {
    /// An empty bucket that fires at `capacity` errors and loses as many in `age` seconds. mcelog
    /// makes it when it first hears of the DIMM, at `now`. A capacity of zero never fires.
    pub fn new(capacity: u32, age: u32, now: i64) -> Self {
        Self { capacity, age: age.max(1), count: 0, drained: now }
    }

    /// Takes in `errors` at `now`; whether the bucket fired. It is empty afterwards if it did.
    pub fn account(&mut self, errors: u32, now: i64) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let passed = u64::try_from(now.saturating_sub(self.drained)).unwrap_or(0);
        if passed >= u64::from(self.age) {
            let leaked = leaked(passed, self.age, self.capacity);
            self.count = self.count.saturating_sub(leaked);
            self.drained = now;
        }
        self.count = self.count.saturating_add(errors);
        let fired = self.count >= self.capacity;
        if fired {
            self.count = 0;
        }
        fired
    }

    /// What is in it.
    pub fn count(&self) -> u32 {
        self.count
    }
}

/// `floor(passed / age * capacity)`, computed as mcelog does it, in floating point.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and what leaks is never negative"
)]
fn leaked(passed: u64, age: u32, capacity: u32) -> u32 {
    (real(passed) / f64::from(age) * f64::from(capacity)) as u32
}
