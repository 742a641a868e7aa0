//! One bad row: many errors, and all of them at home in two pages.

use crate::demo::draws::Draws;
use crate::demo::memory::{Corrected, Memory, Spot, page_of, slot};
use crate::demo::story::{Beat, Deed, PAST_DAYS, Story, time};
use std::time::Duration;

const DAYS: u32 = 36;

/// The stick whose pages are the first of memory, and rows of it near its beginning: the kernel shows flags
/// of all pages up to there.
const STICK: usize = 0;
const FIRST_ROW: u32 = 64;
const ROWS: u32 = 64;

/// When somebody has the kernel take the pages out of use.
const OFFLINED: u32 = 26;

pub(super) fn story(seed: u64) -> Story {
    let mut draws = Draws::new(seed ^ 0x0707);
    let row = Spot { column: 0, row: FIRST_ROW + draws.below(ROWS), ..Spot::drawn(&mut draws) };
    let (stick, name) = (STICK, slot(STICK));
    let shown = [
        Deed::text("proc/iomem", "00001000-317fffffff : System RAM\n"),
        Deed::Write("proc/kpageflags".to_owned(), flags(&[])),
    ];
    let mut beats = vec![Beat::untold(Duration::ZERO, shown.to_vec())];
    for day in 0..OFFLINED {
        // Two to five a day, and none on some days: a row that is read seldom.
        let errors = if day % 5 == 3 { 0 } else { 2 + draws.below(4) };
        let deeds = (0..errors).map(|_| {
            let spot = Spot { column: draws.below(1 << 10) & !7, ..row };
            Deed::Correct(Corrected { stick, spot, count: 1 })
        });
        let deeds: Vec<Deed> = deeds.collect();
        let told = match day {
            0 => Some(format!("{name} errs at several columns of one row.")),
            _ => None,
        };
        if !deeds.is_empty() {
            beats.push(Beat { at: time(PAST_DAYS + day, 4), told, deeds });
        }
    }
    beats.push(offlined(row));
    Story {
        about: "One row of one stick is bad: some errors on most days, always in the same row. A row \
                lies in two pages of memory. What lies there can be moved elsewhere.",
        past: time(PAST_DAYS, 0),
        lasts: time(DAYS, 0),
        step: time(0, 12),
        beats,
        moral: format!(
            "{name} need not be swapped for one row: two pages out of use cost nothing, until the next \
             boot forgets them. \"scrubjay pages boot-args\" has words for the boot loader that keep \
             the next kernel off them."
        ),
        look_at: vec![
            (format!("explain {name}"), "the shape of the fault, and what that is worth"),
            ("pages list".to_owned(), "the register of bad pages, which outlives the boot"),
            ("pages boot-args".to_owned(), "words that keep the next kernel off them"),
        ],
    }
}

/// Somebody asks the kernel to take the two pages of the row out of use, and it does.
fn offlined(row: Spot) -> Beat {
    let memory = Memory::new(0);
    let at = |column| Corrected { stick: STICK, spot: Spot { column, ..row }, count: 1 };
    let pages: Vec<u64> =
        [0, 1 << 9].into_iter().filter_map(|column| page_of(&memory, &at(column))).collect();
    // What is said of a clean page of a file, by 4.15 and later.
    let said =
        pages.iter().map(|page| Deed::Log(6, format!("soft_offline: {page:#x}: invalidated")));
    let mut deeds: Vec<Deed> = said.collect();
    deeds.push(Deed::text("proc/meminfo", meminfo(pages.len())));
    deeds.push(Deed::Write("proc/kpageflags".to_owned(), flags(&pages)));
    let told = "an engineer writes the two addresses to \
                /sys/devices/system/memory/soft_offline_page. The kernel moves what lay there and \
                uses the pages no more.";
    Beat::told(time(PAST_DAYS + OFFLINED, 9), told, deeds)
}

/// With so many pages marked as bad.
fn meminfo(pages: usize) -> String {
    let tree = include_str!("../server.tree");
    let from = tree.split("//- proc/meminfo\n").nth(1).unwrap_or_default();
    let text = from.split("//- ").next().unwrap_or_default();
    let marked = format!("HardwareCorrupted: {:>5} kB", pages.saturating_mul(4));
    text.replace("HardwareCorrupted:     0 kB", &marked)
}

/// The flags of all pages up to the last row that may be drawn, eight bytes each: of those that are given
/// that they are poisoned (KPF_HWPOISON), of all others that they are in use for files (KPF_LRU).
fn flags(poisoned: &[u64]) -> Vec<u8> {
    const LRU: u64 = 1 << 5;
    const HWPOISON: u64 = 1 << 19;
    let pages = u64::from(FIRST_ROW + ROWS) << 6;
    let of = |page| if poisoned.contains(&page) { HWPOISON } else { LRU };
    (0..pages).flat_map(|page| of(page).to_ne_bytes()).collect()
}
