//! Faults of memory and the errors they make, minute by minute.
//!
//! Modes, their shares, and errors in an active window of six hours follow published studies of DDR4:
//! shares and permanence as rates per device, sizes as fits to field logs. A fault has phases in which
//! it is active, and quiet ones. One in a hundred takes a channel, with thousands of errors a day.

use crate::chance::Chance;
use std::collections::BTreeMap;

pub(crate) const DIMMS: usize = 32;
const DAY: u64 = 1_440;
const WINDOW: u64 = 360;

/// A kind of fault: its share, how often it is permanent, the size of a window (mu and sigma of its
/// logarithm), and the cells it may hit.
struct Mode {
    share: f64,
    permanent: f64,
    mu: f64,
    sigma: f64,
    cells: (u64, u64),
}

const MODES: [Mode; 6] = [
    Mode { share: 0.647, permanent: 0.61, mu: 0.35, sigma: 1.3, cells: (1, 2) },
    Mode { share: 0.081, permanent: 0.89, mu: 2.41, sigma: 1.77, cells: (2, 30) },
    Mode { share: 0.097, permanent: 0.10, mu: 3.3, sigma: 1.3, cells: (2, 1_000) },
    Mode { share: 0.138, permanent: 0.29, mu: 3.55, sigma: 1.59, cells: (5, 500) },
    Mode { share: 0.025, permanent: 0.9, mu: 2.9, sigma: 1.8, cells: (5, 500) },
    Mode { share: 0.012, permanent: 0.84, mu: 3.47, sigma: 1.92, cells: (5, 500) },
];

/// Errors of one DIMM within one minute.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Burst {
    pub(crate) correctable: u64,
    pub(crate) uncorrectable: u64,
    /// Cells they may lie in.
    pub(crate) cells: u64,
    /// Which fault, for addresses.
    pub(crate) fault: u64,
}

/// What happens to the memory, by minute and DIMM.
pub(crate) type Errors = BTreeMap<(u64, usize), Burst>;

/// All errors of so many minutes. `rate` is faults per DIMM and year.
pub(crate) fn errors(chance: &mut Chance, minutes: u64, rate: f64) -> Errors {
    let mut errors = Errors::new();
    let year = 365.25 * 1_440.0;
    let mut fault = 0;
    for dimm in 0..DIMMS {
        let mut at = chance.exponential(year / rate);
        while whole(at) < minutes {
            fault += 1;
            one_fault(chance, &mut errors, dimm, whole(at), minutes, fault);
            at += chance.exponential(year / rate);
        }
    }
    // A channel that fails, for two weeks: every host of the top percent has one.
    let begin = minutes / 2;
    for minute in begin..(begin + 14 * DAY).min(minutes) {
        for dimm in [8, 9] {
            if chance.happens(0.7) {
                let correctable = chance.between(1, 60);
                add(
                    &mut errors,
                    minute,
                    dimm,
                    Burst { correctable, cells: 5_000, fault: 9_999, uncorrectable: 0 },
                );
            }
        }
    }
    // A storm of an afternoon.
    let begin = minutes / 4 * 3;
    for minute in begin..(begin + 300).min(minutes) {
        let correctable = chance.between(1_000, 20_000);
        add(
            &mut errors,
            minute,
            17,
            Burst { correctable, cells: 100_000, fault: 9_998, uncorrectable: 0 },
        );
    }
    // One that fails all the time, for half a year before it is replaced.
    let begin = minutes / 10 * 9;
    for minute in begin..(begin + 180 * DAY).min(minutes) {
        if chance.happens(0.2) {
            let correctable = chance.between(1, 4);
            add(
                &mut errors,
                minute,
                21,
                Burst { correctable, cells: 1, fault: 9_997, uncorrectable: 0 },
            );
        }
    }
    errors
}

fn one_fault(
    chance: &mut Chance,
    errors: &mut Errors,
    dimm: usize,
    onset: u64,
    end: u64,
    fault: u64,
) {
    let mode = mode(chance);
    let cells = chance.between(mode.cells.0, mode.cells.1);
    let offset = 0.75 * mode.sigma * chance.normal();
    let size = |chance: &mut Chance| {
        let n = chance.log_normal(mode.mu + offset, 0.66 * mode.sigma).round();
        whole(n).clamp(1, 1_800)
    };
    if !chance.happens(mode.permanent) {
        for window in 0..chance.between(1, 5) {
            let n = size(chance);
            burst(chance, errors, dimm, onset + window * WINDOW, n, cells, fault);
        }
        return;
    }
    let duty = (chance.share() * chance.share() * 0.5).max(0.004);
    let escalates = chance.happens(0.05);
    let ue = onset + whole(chance.exponential(270.0 * 1_440.0));
    let mut at = onset;
    while at < end {
        let on = whole(chance.log_normal(6.0_f64.ln(), 1.2) * 1_440.0);
        for window in (at..(at + on).min(end)).step_by(360) {
            if chance.happens((duty * 2.2).min(1.0)) {
                let n = size(chance);
                burst(chance, errors, dimm, window, n, cells, fault);
            }
            if escalates && window >= ue {
                add(errors, window, dimm, Burst { uncorrectable: 1, cells, fault, correctable: 0 });
                // Replaced soon after.
                return;
            }
        }
        at += on + whole(chance.log_normal(14.0_f64.ln(), 1.2) * 1_440.0) + 1;
    }
}

fn mode(chance: &mut Chance) -> &'static Mode {
    let mut left = chance.share();
    for mode in &MODES {
        left -= mode.share;
        if left <= 0.0 {
            return mode;
        }
    }
    &MODES[0]
}

/// The errors of an active window, in some of its minutes.
fn burst(
    chance: &mut Chance,
    errors: &mut Errors,
    dimm: usize,
    window: u64,
    n: u64,
    cells: u64,
    fault: u64,
) {
    let minutes = chance.between(1, 60).min(n);
    for k in 0..minutes {
        let correctable = n / minutes + u64::from(k < n % minutes);
        let minute = window + chance.below(WINDOW);
        add(errors, minute, dimm, Burst { correctable, cells, fault, uncorrectable: 0 });
    }
}

fn add(errors: &mut Errors, minute: u64, dimm: usize, burst: Burst) {
    let known = errors.entry((minute, dimm)).or_default();
    known.correctable += burst.correctable;
    known.uncorrectable += burst.uncorrectable;
    known.cells = known.cells.max(burst.cells);
    known.fault = burst.fault;
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "minutes of ten years")]
pub(crate) fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}
