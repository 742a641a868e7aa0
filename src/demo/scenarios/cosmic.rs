//! Single errors at random: what healthy memory does.

use crate::demo::draws::Draws;
use crate::demo::memory::{Corrected, STICKS, Spot, slot};
use crate::demo::story::{Beat, Deed, PAST_DAYS, Story, time};

const DAYS: u32 = 80;

pub(super) fn story(seed: u64) -> Story {
    let mut draws = Draws::new(seed ^ 0xc05_111c);
    let mut beats = Vec::new();
    // One on each stick, in an order and on days that the seed draws.
    let mut left: Vec<usize> = (0..STICKS).collect();
    for nth in 0..6_u32 {
        let at = usize::try_from(draws.below(u32::try_from(left.len()).unwrap_or(1))).unwrap_or(0);
        let stick = if left.is_empty() { 0 } else { left.remove(at.min(left.len() - 1)) };
        let spot = Spot::drawn(&mut draws);
        let day = 3 + nth * 12 + draws.below(8);
        let told = format!("a single error of {} is corrected.", slot(stick));
        let deeds = vec![Deed::Correct(Corrected { stick, spot, count: 1 })];
        beats.push(Beat::told(time(PAST_DAYS + day, draws.below(24)), told, deeds));
    }
    Story {
        about: "Now and then a particle flips a bit, and the memory controller flips it back: single \
                errors, each on another stick and at another place. Alarms on counters would have \
                rung six times.",
        past: time(PAST_DAYS, 0),
        lasts: time(DAYS, 0),
        step: time(0, 12),
        beats,
        moral:
            "Six errors on six sticks in eleven weeks, and nothing to do: no place erred twice. \
                That is what memory is corrected for."
                .to_owned(),
        look_at: vec![
            ("dimms".to_owned(), "each stick with its errors and verdict"),
            ("explain A1".to_owned(), "why one error is no fault"),
            ("explain mttf".to_owned(), "how many such errors memory of this size has"),
        ],
    }
}
