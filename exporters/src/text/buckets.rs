//! `history … --by`: each hour, day, month or boot, beside the time that was watched.
//!
//! A time that nobody watched is written as such, and drawn as a dot; a watched time in which nothing
//! happened is a number, 0, and the lowest bar.

mod boots;
mod memory;
mod pages;
mod patches;

pub use boots::boot_buckets;
pub use memory::memory_buckets;
pub use pages::page_buckets;
pub use patches::patch_buckets;

use super::Style;
use super::page::{Cell, FAINT, Page, WARN};
use super::words::{count, moment, span};
use scrubjay_model::{BucketBy, BucketTime};
use std::time::Duration;

/// The bars of a line, lowest first: watched and none, then up to the most of the line.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// In place of a bar where nobody watched.
const GAP: char = '·';

/// Most bars in a line, the last ones.
const WIDEST: usize = 60;

/// A page about buckets, as far as it is the same for whatever they hold.
struct BucketPage {
    page: Page,
    by: BucketBy,
    bars: bool,
}

/// A line of bars: what it shows, of what kind if there are several, and a figure for each bucket.
struct Line {
    about: String,
    kind: Option<&'static str>,
    figures: Vec<Option<u64>>,
}

impl BucketPage {
    fn new(by: BucketBy, bars: bool, style: &Style) -> Self {
        Self { page: Page::new(*style), by, bars }
    }

    /// What is written where there are no buckets.
    fn nothing(mut self) -> String {
        self.page.sentence(0, "no data: the history holds nothing of that time");
        self.page.into_text()
    }

    /// How much of all of it was watched, and what follows for the rest.
    fn exposure<'a>(&mut self, times: impl Iterator<Item = &'a BucketTime> + Clone, rest: &str) {
        let sum = |of: fn(&BucketTime) -> Duration| {
            times.clone().map(of).fold(Duration::ZERO, Duration::saturating_add)
        };
        self.page.field(0, "watched", &span(sum(|time| time.watched)));
        let missed = span(sum(|time| time.not_watched));
        self.page.field(0, "not watched", &format!("{missed}; {rest}"));
        self.page.blank();
    }

    /// The table, with the columns that all of them have: when first, how much was watched last.
    fn table<'a>(
        &mut self,
        what: &str,
        columns: &[&str],
        rows: impl Iterator<Item = (&'a BucketTime, Vec<Cell>)>,
    ) {
        let by = match self.by {
            BucketBy::Hour => "hour (UTC)",
            BucketBy::Day => "day (UTC)",
            BucketBy::Month => "month (UTC)",
            BucketBy::Boot => "boot",
        };
        self.page.heading(&format!("{what} by {by}:"));
        let right = |text: &&str| Cell::right(*text).painted(FAINT);
        let mut head = vec![Cell::left("from").painted(FAINT)];
        head.extend(columns.iter().chain(&["watched", "not watched"]).map(right));
        let mut table = vec![head];
        for (time, cells) in rows {
            let mut row = vec![Cell::left(name(time, self.by))];
            row.extend(cells);
            row.push(share(time.watched));
            row.push(share(time.not_watched));
            table.push(row);
        }
        self.page.table(2, &table);
    }

    /// Lines of bars, each as high as its own largest, if the terminal can show them. `gap` and `none`
    /// are what the dot and the lowest bar say.
    fn lines(&mut self, lines: &[Line], gap: &str, none: &str) {
        let shown = lines.iter().map(|line| line.figures.len().min(WIDEST)).max();
        let Some(shown) = shown.filter(|_| self.bars) else { return };
        self.page.blank();
        self.page.heading(&format!("the last {}, oldest first:", count(shown, "row", "rows")));
        let mut rows = Vec::new();
        for Line { about, kind, figures } in lines {
            let figures = figures.get(figures.len().saturating_sub(WIDEST)..).unwrap_or(figures);
            let most = figures.iter().flatten().copied().max().unwrap_or(0);
            let bars = figures.iter().map(|figure| bar(*figure, most));
            let mut row = vec![Cell::left(about)];
            row.extend(kind.map(Cell::left));
            row.push(Cell::left(bars.collect::<String>()));
            row.push(Cell::left(format!("most {most}")).painted(FAINT));
            rows.push(row);
        }
        self.page.table(2, &rows);
        self.page.sentence(2, &format!("{GAP} {gap}, {} {none}", BARS[0]));
    }
}

/// In place of the first figure where nothing is known; the others are left out.
const NO_DATA: &str = "no data";

/// A figure, or nothing where nobody looked.
fn figure(figure: Option<u64>) -> Cell {
    Cell::right(figure.map(|figure| figure.to_string()).unwrap_or_default())
}

/// The first figure of a row, which says for all of them if nobody looked.
fn first(figure: Option<u64>) -> Cell {
    match figure {
        Some(figure) => Cell::right(figure.to_string()),
        None => Cell::right(NO_DATA).painted(FAINT),
    }
}

/// One that is of concern if it is not 0.
fn concern(number: Option<u64>) -> Cell {
    if number > Some(0) { figure(number).painted(WARN) } else { figure(number) }
}

fn share(time: Duration) -> Cell {
    Cell::right(if time.is_zero() { "-".to_owned() } else { span(time) })
}

fn name(time: &BucketTime, by: BucketBy) -> String {
    const DAY_MS: i64 = 86_400_000;
    let full = moment(time.from_wall_ms);
    let is_whole_day = time.to_wall_ms.saturating_sub(time.from_wall_ms) > DAY_MS / 24;
    let length = match by {
        BucketBy::Month => "2026-11".len(),
        BucketBy::Day => "2026-11-24".len(),
        BucketBy::Hour if is_whole_day => "2026-11-24".len(),
        BucketBy::Hour => "2026-11-24T06:02".len(),
        BucketBy::Boot => full.len(),
    };
    full.chars().take(length).collect()
}

/// Any at all is higher than none.
fn bar(figure: Option<u64>, most: u64) -> char {
    let Some(figure) = figure else { return GAP };
    if figure == 0 {
        return BARS[0];
    }
    let above = u128::try_from(BARS.len().saturating_sub(2)).unwrap_or(0);
    let height = (u128::from(figure) * above).div_ceil(u128::from(most.max(1))).saturating_add(1);
    let height = usize::try_from(height).unwrap_or(usize::MAX).min(BARS.len() - 1);
    BARS.get(height).copied().unwrap_or(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_neither_a_zero_nor_a_bar() {
        let heights: String = [None, Some(0), Some(1), Some(50), Some(100)]
            .map(|figure| bar(figure, 100))
            .iter()
            .collect();
        assert_eq!(heights, "·▁▃▅█");
        assert_eq!(bar(Some(1), 1), '█');
    }
}
