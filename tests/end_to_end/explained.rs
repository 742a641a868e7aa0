//! Lives of a stick of memory, and what a person on call reads of each: its page of `explain` and its
//! findings in `status`.
//!
//! The history is made up here, as the agent keeps it; from there on everything is what the agent and
//! the commands do. The golden files are to be read by people: `UPDATE_GOLDEN=1` makes them anew.

mod record;

use record::{Life, Place, Says};
use scrubjay_tests::golden;

/// Compares what is said of a stick with its golden file, and returns it.
fn compare(name: &str, slot: &str, life: &Life) -> String {
    let Says { page, findings } = life.said_of(slot);
    let text = format!("{page}\nin \"scrubjay status\":\n{findings}");
    golden::compare(&format!("explained/{name}.txt"), &text);
    text
}

/// Asserts what the golden file must say whoever rewrites it.
#[track_caller]
fn says(text: &str, wanted: &[&str]) {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in wanted {
        assert!(text.contains(wanted), "no \"{wanted}\" in:\n{text}");
    }
}

const A1: usize = 0;
const A2: usize = 1;

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

#[test]
fn a_quiet_stick() {
    let life = Life::watched(YEAR);
    let text = compare("quiet", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: OK", "leave it alone", "dimm-quiet"]);
}

#[test]
fn one_cosmic_ray() {
    let mut life = Life::watched(YEAR);
    life.erred(A1, 5 * DAY, Place::cell(2, 0x1a2, 0x3f8), 1);
    let text = compare("cosmic-ray", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: OK", "leave it alone", "1 corrected error"]);
}

#[test]
fn one_stuck_cell_that_hammers() {
    let mut life = Life::watched(YEAR);
    // 9,440 errors in 236 windows of six hours, one cell.
    for window in 0..236_i64 {
        life.erred(A1, 119 * DAY - window * 12 * HOUR, Place::cell(2, 0x1a2, 0x3f8), 40);
    }
    let text = compare("stuck-cell", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: WATCH", "Take its page out of use", "9,440 corrected errors"]);
}

#[test]
fn a_row_that_fails() {
    let mut life = Life::watched(YEAR);
    for n in 0..48_i64 {
        life.erred(A1, 3 * DAY - n * HOUR, Place::cell(2, 0x1a2, 8 * n), 2);
    }
    let text = compare("row", "P1-DIMMA1", &life);
    says(&text, &["a row, permanent", "96 corrected errors"]);
}

/// A bank that errs at ever new places, an hour apart.
fn bank(life: &mut Life) {
    for n in 0..90_i64 {
        let place = Place::cell(1, 0x200 + 1_237 * n % 60_000, 37 * n % 1_000);
        life.erred(A1, 4 * DAY - n * HOUR, place, 6);
    }
}

#[test]
fn a_bank_that_fails_before_a_window() {
    let mut life = Life::watched(YEAR).at_hour(5_000.0).window_in(3 * 86_400);
    bank(&mut life);
    let text = compare("bank-before-window", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: PLAN", "swap it in the next window", "5,000 per hour of service"]);
    assert!(!text.contains("assumed"), "{text}");
}

#[test]
fn a_bank_that_fails_in_a_storm() {
    let mut life = Life::watched(YEAR).at_hour(5_000.0).window_in(3 * 86_400);
    bank(&mut life);
    for n in 0..200_i64 {
        let place = Place::cell(1, 0x8000 + 911 * n % 30_000, 13 * n % 1_000);
        life.erred(A1, 2 * HOUR - 20 * n, place, 3);
    }
    let text = compare("bank-in-a-storm", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: ", "dimm-storm", "dimm-several-signs"]);
}

#[test]
fn a_whole_channel_that_errs() {
    let mut life = Life::watched(YEAR);
    for n in 0..60_i64 {
        for (slot, seed) in [(A1, 0), (A2, 500)] {
            let k = n + seed;
            let place = Place {
                device: k % 9,
                bank: k % 4,
                row: k * 7_919 % 60_000,
                column: k * 31 % 1_000,
            };
            life.erred(slot, 3 * DAY - n * HOUR, place, 25);
        }
    }
    let text = compare("channel", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: PLAN", "do not swap it yet", "dimm-channel"]);
    let neighbour = life.said_of("P1-DIMMB1").page;
    says(&neighbour, &["P1-DIMMB1: OK"]);
}

#[test]
fn a_ramp_of_which_no_place_is_known() {
    let mut life = Life::watched(YEAR);
    for day in 0..12_i64 {
        for part in 0..4_i64 {
            life.counted(
                A1,
                12 * DAY - day * DAY - part * 5 * HOUR,
                1 << (day / 2).cast_unsigned(),
            );
        }
    }
    let text = compare("ramp-without-places", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: WATCH", "dimm-rising", "dimm-place-unknown", "a rise alone"]);
}

#[test]
fn an_uncorrected_error() {
    let mut life = Life::watched(YEAR);
    life.erred(A1, 3 * DAY, Place::cell(2, 0x1a2, 0x3f8), 4);
    life.failed(A1, 5 * HOUR);
    let text = compare("uncorrected", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: ACT", "swap it now", "dimm-uncorrected", "a reboot does not help"]);
}

#[test]
fn errors_that_a_reboot_and_a_gap_hid() {
    let mut life = Life::watched(YEAR);
    life.gap(6 * DAY, 30 * HOUR);
    life.booted(30 * HOUR);
    // The counter of the new boot had 70 errors when it was first looked at.
    life.counted_unseen(A1, 30 * HOUR - 60, 70);
    let text = compare("after-a-gap", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: UNKNOWN", "at least 70 corrected errors", "Make its errors visible"]);
}

#[test]
fn a_stick_that_was_swapped() {
    let mut life = Life::watched(YEAR);
    bank(&mut life);
    life.swapped(A1, 2 * DAY);
    // Two days of a new stick are all there is of it; the days before were its predecessor's.
    let text = compare("swapped", "P1-DIMMA1", &life);
    says(&text, &["P1-DIMMA1: OK", "no error in the last 2 d", "watched for 2 d in all"]);
    assert!(!text.contains("540"), "the errors of the stick before it: {text}");
}

#[test]
fn the_sticks_beside_one_that_fails_are_well() {
    let mut life = Life::watched(YEAR);
    bank(&mut life);
    for slot in ["P1-DIMMA2", "P1-DIMMB1", "P1-DIMMB2"] {
        says(&life.said_of(slot).page, &[&format!("{slot}: OK"), "dimm-quiet"]);
    }
}
