//! A stick that dies: one bank first, then others, more errors every week.

use crate::demo::draws::Draws;
use crate::demo::machine::KERNEL;
use crate::demo::memory::{Corrected, STICKS, Spot, slot};
use crate::demo::story::{Beat, Deed, PAST_DAYS, Story, time};

const DAYS: u32 = 36;

/// The day of the first error.
const FIRST_ERROR: u32 = 4;

/// From when on a second and a third bank err.
const SECOND_BANK: u32 = 18;
const THIRD_BANK: u32 = 26;

/// Places that err in one burst.
const MOST_SPOTS: u32 = 14;

/// Errors of each day: they double in four days.
fn errors_of_day(day: u32) -> u32 {
    // 0.5, 1, 2, 4 … at days 0, 4, 8, 12, a quarter of the way each day between.
    let (doublings, quarters) = (day / 4, day % 4);
    (1_u32 << doublings.min(16)) * (4 + quarters) / 8
}

pub(super) fn story(seed: u64) -> Story {
    let mut draws = Draws::new(seed);
    let stick = usize::try_from(draws.below(6)).unwrap_or(0) % STICKS;
    let first = Spot::drawn(&mut draws);
    let other = |shift: u8| Spot {
        bank_group: (first.bank_group + shift) % 4,
        bank: (first.bank + shift + 1) % 4,
        ..first
    };
    let banks = [first, other(1), other(2)];
    let name = slot(stick);
    let mut beats = vec![Beat::untold(time(PAST_DAYS - 19, 2), vec![Deed::Reboot(KERNEL)])];
    for day in 0..DAYS {
        let known = 1 + usize::from(day >= SECOND_BANK) + usize::from(day >= THIRD_BANK);
        let errors = errors_of_day(day);
        // What comes in a day comes in a few bursts, as a patrol scrubber finds it.
        let bursts = errors.min(3);
        for burst in 0..bursts {
            let left = errors / bursts + u32::from(burst < errors % bursts);
            let spots = left.min(MOST_SPOTS);
            let deeds = (0..spots).map(|at| {
                let bank =
                    banks.iter().cycle().nth(usize::try_from(burst + at).unwrap_or(0) % known);
                let spot = Spot {
                    row: draws.below(1 << 16),
                    column: draws.below(1 << 10) & !7,
                    ..*bank.unwrap_or(&first)
                };
                let count = left / spots + u32::from(at < left % spots);
                Deed::Correct(Corrected { stick, spot, count })
            });
            let at = time(PAST_DAYS + day, 3 + 7 * burst);
            let deeds = deeds.collect();
            let told = match (day, burst) {
                (FIRST_ERROR, 0) => Some(format!(
                    "the memory controller corrects an error of {name}. One error says nothing yet."
                )),
                (12, 0) => {
                    Some(format!("{name} errs on, at other rows and columns of the same bank."))
                }
                (SECOND_BANK, 0) => {
                    Some(format!("{name} errs in a second bank, and more every day."))
                }
                (THIRD_BANK, 0) => Some(format!(
                    "{name} errs in a third bank. The patrol scrubber finds many places at once."
                )),
                _ => None,
            };
            beats.push(Beat { at, told, deeds });
        }
    }
    Story {
        about: "A stick of memory dies over five weeks: the memory controller corrects more and more \
                errors, in one bank, then in three. All of them are corrected; nobody notices \
                anything, until the one that is not.",
        past: time(PAST_DAYS, 0),
        lasts: time(DAYS, 0),
        step: time(0, 12),
        beats,
        moral: format!(
            "{name} is to be swapped before it takes the host down. No counter said so: their shape \
             did, and their rise. A reboot would not help, and would forget all counters; the history \
             does not."
        ),
        look_at: vec![
            (format!("explain {name}"), "why, with each number and its limit"),
            (format!("show {name}"), "all that is known of the stick"),
            ("history memory --by day --since 36d".to_owned(), "the rise, day by day"),
        ],
    }
}
