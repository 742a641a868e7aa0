//! Where in a stick its errors were: banks beside each other, rows from below to above, columns
//! within each bank. A failing cell is one dot, a row a line, a column a pillar, a bank a cloud.

use super::parts::{column, day, nothing, number, numbers, table};
use super::svg::{Dot, DotSize, HEIGHT, Told, WIDTH, dots};
use super::tone::Tone;
use crate::text::words::count;
use maud::{Markup, html};
use scrubjay_model::{Cell, EventClass, EventRecord, EventWhat};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Banks that are drawn, those with the most errors.
const BANKS: usize = 16;

/// What reports say of where errors were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(super) struct FaultPicture {
    pub(super) banks: Vec<Bank>,
    /// Banks that are not among them.
    pub(super) more_banks: usize,
    pub(super) first_row: Option<u32>,
    pub(super) last_row: Option<u32>,
    /// Errors of which no report says row and bank.
    pub(super) errors_without_place: u64,
    /// Whether there are earlier reports that are not in it.
    pub(super) cut: bool,
}

/// Errors of one bank.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Bank {
    pub(super) rank: Option<u8>,
    pub(super) bank: u16,
    pub(super) errors: u64,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) first_wall_ms: i64,
    pub(super) last_wall_ms: i64,
    pub(super) spots: Vec<Spot>,
}

/// Errors of one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Spot {
    pub(super) row: u32,
    pub(super) column: Option<u32>,
    pub(super) errors: u64,
    pub(super) uncorrected: u64,
}

type At = (Option<u8>, u16);

impl FaultPicture {
    pub(super) fn of(reports: &[EventRecord], cut: bool) -> Self {
        let mut spots: BTreeMap<At, BTreeMap<(u32, Option<u32>), Spot>> = BTreeMap::new();
        let mut times: BTreeMap<At, (i64, i64)> = BTreeMap::new();
        let mut picture = Self { cut, ..Self::default() };
        for report in reports.iter().filter(|report| is_of_memory(report)) {
            let (cell, _) = Cell::of_words(&report.group.message, &report.group.detail);
            let errors = report.counted;
            let (Some(bank), Some(row)) = (cell.bank, cell.row) else {
                picture.errors_without_place = picture.errors_without_place.saturating_add(errors);
                continue;
            };
            let at = (cell.rank, bank);
            let spot = spots.entry(at).or_default().entry((row, cell.column)).or_insert(Spot {
                row,
                column: cell.column,
                errors: 0,
                uncorrected: 0,
            });
            // One that another report told of first is where that was; it counts nothing anew.
            spot.errors = spot.errors.saturating_add(errors);
            if is_grave(report.group.class) {
                spot.uncorrected = spot.uncorrected.saturating_add(errors.max(1));
            }
            let seen = times.entry(at).or_insert((report.first_wall_ms, report.first_wall_ms));
            *seen = (seen.0.min(report.first_wall_ms), seen.1.max(report.first_wall_ms));
        }
        let mut banks: Vec<Bank> = spots
            .into_iter()
            .map(|(at, spots)| {
                let (first_wall_ms, last_wall_ms) = times.get(&at).copied().unwrap_or_default();
                let spots: Vec<Spot> = spots.into_values().collect();
                let distinct = |of: fn(&Spot) -> Option<u32>| {
                    spots.iter().filter_map(of).collect::<BTreeSet<u32>>().len()
                };
                Bank {
                    rank: at.0,
                    bank: at.1,
                    errors: spots.iter().fold(0, |sum, spot| sum.saturating_add(spot.errors)),
                    rows: distinct(|spot| Some(spot.row)),
                    columns: distinct(|spot| spot.column),
                    first_wall_ms,
                    last_wall_ms,
                    spots,
                }
            })
            .collect();
        banks.sort_by_key(|bank| std::cmp::Reverse(bank.errors));
        picture.more_banks = banks.len().saturating_sub(BANKS);
        banks.truncate(BANKS);
        banks.sort_by_key(|bank| (bank.rank, bank.bank));
        let rows = || banks.iter().flat_map(|bank| &bank.spots).map(|spot| spot.row);
        picture.first_row = rows().min();
        picture.last_row = rows().max();
        picture.banks = banks;
        picture
    }

    fn told(&self) -> String {
        let spots: usize = self.banks.iter().map(|bank| bank.spots.len()).sum();
        let errors = self.banks.iter().fold(0_u64, |sum, bank| sum.saturating_add(bank.errors));
        let rows = match (self.first_row, self.last_row) {
            (Some(first), Some(last)) if first == last => format!("all in row {first}"),
            (Some(first), Some(last)) => format!("in rows {first} to {last}"),
            _ => String::new(),
        };
        let more = match self.more_banks {
            0 => String::new(),
            n => format!("; {} with fewer errors not drawn", count(n, "bank", "banks")),
        };
        let (places, banks) =
            (count(spots, "place", "places"), count(self.banks.len(), "bank", "banks"));
        format!("{} errors at {places} of {banks}, {rows}{more}", number(errors))
    }

    fn dots(&self) -> Vec<Dot> {
        let each = WIDTH / u64::try_from(self.banks.len()).unwrap_or(u64::MAX).max(1);
        let (first, last) = (self.first_row.unwrap_or(0), self.last_row.unwrap_or(0));
        let spots = || self.banks.iter().flat_map(|bank| &bank.spots);
        let widest = spots().filter_map(|spot| spot.column).max().unwrap_or(0);
        let share = |n: u32, of: u32, whole: u64| {
            if of == 0 { whole / 2 } else { u64::from(n) * whole / u64::from(of) }
        };
        let mut all = Vec::new();
        for (bank, begin) in self.banks.iter().zip((0_u64..).map(|at| at * each)) {
            for spot in &bank.spots {
                // Within its bank by column, and away from the rules.
                let within = spot
                    .column
                    .map_or(each / 2, |column| each / 8 + share(column, widest, each * 3 / 4));
                let up = share(spot.row - first, last - first, HEIGHT * 9 / 10);
                all.push(Dot {
                    x: begin + within,
                    y: HEIGHT * 19 / 20 - up,
                    size: DotSize::of(spot.errors),
                    tone: if spot.uncorrected > 0 { Tone::Act } else { Tone::Watch },
                });
            }
        }
        // Grave ones lie on top.
        all.sort_by_key(|dot| dot.tone);
        all
    }

    pub(super) fn drawn(&self) -> Markup {
        if self.banks.is_empty() {
            let why = if self.errors_without_place > 0 {
                "reports tell of errors, and none says in which bank and row they were"
            } else {
                "no report of an error of this stick is kept, so that no place is known"
            };
            return nothing(why);
        }
        let told = self.told();
        let columns = u64::try_from(self.banks.len()).unwrap_or(1);
        html! {
            figure {
                figcaption { strong { "Banks beside each other, rows upwards" } " " span.told { (told) } }
                div.plot {
                    p.rows aria-hidden="true" {
                        @if self.first_row != self.last_row { span { (row(self.last_row)) } }
                        span { (row(self.first_row)) }
                    }
                    (dots("dots", Told { id: "picture", title: "Fault picture", told: &told }, columns, &self.dots()))
                    ol.banks aria-hidden="true" { @for bank in &self.banks { li { (bank.name()) } } }
                }
                ul.key {
                    li { span.mark.t-watch aria-hidden="true" {} "corrected" }
                    li { span.mark.t-act aria-hidden="true" {} "uncorrected" }
                    li { "larger: 2 errors or more, 16 or more" }
                }
            }
            (self.table())
            @if self.errors_without_place > 0 {
                p.soft { (number(self.errors_without_place)) " more errors were reported without bank and row." }
            }
            @if self.cut { p.soft { "There are earlier reports than those that were looked at: the last 2000 were." } }
        }
    }

    fn table(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .banks
            .iter()
            .map(|bank| {
                vec![
                    html! { (bank.name()) },
                    html! { (number(bank.errors)) },
                    html! { (bank.rows) },
                    html! { (bank.columns) },
                    html! { (day(bank.first_wall_ms)) },
                    html! { (day(bank.last_wall_ms)) },
                ]
            })
            .collect();
        let columns = [
            column("Bank"),
            numbers("Errors"),
            numbers("Rows"),
            numbers("Columns"),
            column("First"),
            column("Last"),
        ];
        table("The same by bank", &columns, &rows)
    }
}

fn row(row: Option<u32>) -> String {
    row.map_or_else(String::new, |row| format!("row {row}"))
}

impl Bank {
    /// `r0 g7 b1`: rank, bank group and bank, as far as they are told.
    fn name(&self) -> String {
        let rank = self.rank.map_or_else(String::new, |rank| format!("r{rank} "));
        match self.bank >> 8 {
            0 => format!("{rank}b{}", self.bank),
            group => format!("{rank}g{group} b{}", self.bank & 0xff),
        }
    }
}

fn is_of_memory(report: &EventRecord) -> bool {
    matches!(report.group.what, EventWhat::Memory) && report.group.class != EventClass::Info
}

fn is_grave(class: EventClass) -> bool {
    match class {
        EventClass::Corrected | EventClass::Info => false,
        EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    fn report(words: &str, counted: u64, class: EventClass) -> EventRecord {
        let mut report = testing::events().first().unwrap().clone();
        report.group.what = EventWhat::Memory;
        report.group.class = class;
        report.group.message = String::new();
        report.group.detail = words.to_owned();
        EventRecord { counted, ..report }
    }

    #[test]
    fn errors_are_drawn_where_they_were_and_no_place_is_made_up() {
        let reports = [
            report("rank:0 bank:3 row:100 column:8", 5, EventClass::Corrected),
            report("rank:0 bank:3 row:100 column:8", 20, EventClass::Corrected),
            report("rank:0 bank:3 row:900 column:16", 1, EventClass::Uncorrected),
            report("rank:1 bank_group:7 bank:1 row:500", 1, EventClass::Corrected),
            report("somewhere", 9, EventClass::Corrected),
        ];
        let picture = FaultPicture::of(&reports, false);
        let [first, second] = &picture.banks[..] else { panic!("{picture:?}") };
        assert_eq!((first.name(), first.errors, first.rows), ("r0 b3".to_owned(), 26, 2));
        assert_eq!(second.name(), "r1 g7 b1");
        assert_eq!(picture.errors_without_place, 9);
        let dots = picture.dots();
        assert_eq!(dots.len(), 3);
        assert_eq!(dots.last().unwrap().tone, Tone::Act);
        assert!(dots.iter().all(|dot| dot.x < WIDTH && dot.y < HEIGHT));
        let drawn = picture.drawn().into_string();
        assert!(drawn.contains("27 errors at 3 places of 2 banks, in rows 100 to 900"), "{drawn}");
    }

    #[test]
    fn one_row_and_no_row_are_drawn_too() {
        let one = [report("bank:0 row:0 column:0", 1, EventClass::Corrected)];
        assert!(FaultPicture::of(&one, true).drawn().into_string().contains("all in row 0"));
        assert!(FaultPicture::of(&[], false).drawn().into_string().contains("no place is known"));
    }
}
