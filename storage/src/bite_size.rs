//! How many rows are folded at a time: as many as the disk takes in a moment. While a bite is taken
//! the thread that makes the passes does nothing else.

use std::time::Duration;

/// A bite is meant to take no longer than this.
pub(crate) const LONGEST: Duration = Duration::from_millis(50);

/// What is aimed at, so that a bite that is harder than the one before stays below.
const AIM: Duration = Duration::from_millis(20);

/// Rows of the first bite, and of all where no clock tells how long they take.
const USUAL: usize = 128;

/// At least, as on a disk that takes longer to answer than all rows together fewer would not help;
/// and at most, so that a transaction stays small.
const RANGE: (usize, usize) = (32, 2_000);

/// The size of the next bite, by what the last ones took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BiteSize {
    rows: usize,
    /// Time since any moment, where somebody tells it.
    clock: Option<fn() -> Duration>,
}

impl BiteSize {
    pub(crate) const fn usual() -> Self {
        Self { rows: USUAL, clock: None }
    }

    pub(crate) fn by_clock(self, clock: fn() -> Duration) -> Self {
        Self { clock: Some(clock), ..self }
    }

    pub(crate) fn rows(self) -> usize {
        self.rows
    }

    /// What time it is.
    pub(crate) fn now(self) -> Option<Duration> {
        self.clock.map(|clock| clock())
    }

    /// Whether what began then has gone on for as long as is aimed at.
    pub(crate) fn is_enough(self, began: Option<Duration>) -> bool {
        self.now().zip(began).is_some_and(|(now, began)| now.saturating_sub(began) >= AIM)
    }

    /// Learns from so many rows that took until now.
    pub(crate) fn learn(&mut self, rows: usize, began: Option<Duration>) {
        if let Some((now, began)) = self.now().zip(began) {
            self.rows = after(self.rows, rows, now.saturating_sub(began));
        }
    }
}

/// The size after a bite of `size` that found so many rows. It is halved and more at once, and at most
/// doubled, which a bite that was not full says nothing for.
fn after(size: usize, rows: usize, took: Duration) -> usize {
    let in_aim = AIM.as_micros().saturating_mul(u128::try_from(rows).unwrap_or(u128::MAX));
    let fits = in_aim.checked_div(took.as_micros()).unwrap_or(u128::MAX);
    let fits = usize::try_from(fits).unwrap_or(usize::MAX);
    let next = match (fits < size, rows < size) {
        // Of few rows each bears much of what every transaction costs.
        (true, true) if took < LONGEST => size,
        (true, _) => fits,
        (false, true) => size,
        (false, false) => fits.min(size.saturating_mul(2)),
    };
    next.clamp(RANGE.0, RANGE.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sizes of full bites on a disk that takes so long for each transaction and each row.
    fn sizes(each: Duration, row: Duration) -> Vec<(usize, Duration)> {
        let mut size = USUAL;
        (0..40)
            .map(|_| {
                let (now, took) = (size, each + row * u32::try_from(size).unwrap());
                size = after(size, size, took);
                (now, took)
            })
            .collect()
    }

    #[test]
    fn a_quick_disk_gets_the_most_and_a_slow_one_what_it_can_do_in_the_time() {
        let of = |each_us, row_us| {
            *sizes(Duration::from_micros(each_us), Duration::from_micros(row_us)).last().unwrap()
        };
        assert_eq!(of(10, 5).0, RANGE.1);
        assert_eq!(of(5_000, 100), (149, Duration::from_micros(19_900)));
        // A disk that takes 100 ms to answer anything.
        assert_eq!(of(100_000, 100).0, RANGE.0);
    }

    #[test]
    fn a_bite_that_found_little_says_nothing_for_more() {
        assert_eq!(after(200, 3, Duration::from_micros(50)), 200);
        // Nor for less, unless it took too long.
        assert_eq!(after(200, 3, Duration::from_millis(10)), 200);
        assert_eq!(after(200, 3, Duration::from_millis(60)), RANGE.0);
    }

    #[test]
    fn without_a_clock_it_stays_as_it_is() {
        let mut size = BiteSize::usual();
        size.learn(10, size.now());
        assert_eq!((size.rows(), size.is_enough(None)), (USUAL, false));
    }

    proptest! {
        /// From the second bite on none is too long, on any disk on which the least can be done in
        /// the time.
        #[test]
        fn no_full_bite_but_the_first_takes_too_long(each_us in 0_u64..15_000, row_us in 0_u64..1_000) {
            let each = Duration::from_micros(each_us);
            for (size, took) in sizes(each, Duration::from_micros(row_us)).iter().skip(1) {
                prop_assert!(*took <= LONGEST, "{} rows: {:?}", size, took);
            }
        }
    }
}
