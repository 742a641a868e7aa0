//! `history boots`: every boot that anybody remembers, for how much of the time the host is known to
//! have been up, and what the ends rest on.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN};
use super::words::{count, moment, span};
use scrubjay_model::{
    Availability, BootCause, BootEnd, BootId, BootLine, BootSource, ClockStepRecord,
    CoverageRecord, LengthBasis,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Ends that are explained, and steps of the clock that are listed: the latest ones.
const EXPLAINED: usize = 20;

/// The boots, oldest first.
pub fn boots(
    lines: &[BootLine],
    availability: Option<&Availability>,
    coverage: &[CoverageRecord],
    steps: &[ClockStepRecord],
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    if lines.is_empty() {
        page.sentence(0, "The history knows no boot yet: no data.");
        return page.into_text();
    }
    let watched: Duration =
        coverage.iter().fold(Duration::ZERO, |sum, stretch| sum.saturating_add(stretch.length));
    let of_agent = lines.iter().filter(|line| line.sources.contains(&BootSource::Agent)).count();
    // One whose beginning nobody knows may come first.
    let since = lines.iter().find_map(|line| line.booted_wall_ms);
    let mut head = format!(
        "{} since {}, {of_agent} of them seen by the agent itself, which watched for {}.",
        count(lines.len(), "boot", "boots"),
        begun(since),
        span(watched),
    );
    if of_agent < lines.len() {
        head.push_str(" Of the others only what other tools remember is known.");
    }
    page.sentence(0, &head);
    page.blank();
    table(&mut page, lines, coverage);
    page.blank();
    write_availability(&mut page, lines, availability);
    explain(&mut page, lines);
    write_steps(&mut page, steps);
    page.into_text()
}

fn table(page: &mut Page, lines: &[BootLine], coverage: &[CoverageRecord]) {
    let mut watched: BTreeMap<&BootId, Duration> = BTreeMap::new();
    for stretch in coverage {
        let sum = watched.entry(&stretch.boot).or_default();
        *sum = sum.saturating_add(stretch.length);
    }
    let head = |text: &str| Cell::left(text).painted(FAINT);
    let right = |text: &str| Cell::right(text).painted(FAINT);
    let mut rows = vec![vec![
        head("booted"),
        right("ran"),
        right("asleep"),
        right("watched"),
        right("then down"),
        head("kernel"),
        head("end"),
        head("told by"),
    ]];
    let stepped = lines.iter().any(|line| line.clock_steps > 0);
    if stepped && let Some(head_row) = rows.first_mut() {
        head_row.push(head("clock"));
    }
    let next = lines.iter().skip(1).map(Some).chain([None]);
    for (line, next) in lines.iter().zip(next) {
        let seen = line.boot.as_ref().and_then(|boot| watched.get(boot));
        let sources: Vec<&str> = line.sources.iter().map(|source| source.as_str()).collect();
        let end = Cell::left(end(line));
        let mut row = vec![
            Cell::left(begun(line.booted_wall_ms)),
            Cell::right(ran(line)),
            Cell::right(line.slept.map_or_else(|| "not known".to_owned(), span)),
            Cell::right(seen.map_or_else(|| "no data".to_owned(), |seen| span(*seen))),
            Cell::right(next.map_or_else(String::new, |next| down(line, next))),
            Cell::left(line.kernel_release.as_deref().unwrap_or("not known")),
            if line.end == BootEnd::Unclean { end.painted(WARN) } else { end },
            Cell::left(sources.join(" ")),
        ];
        if stepped {
            row.push(Cell::left(match line.clock_steps {
                0 => String::new(),
                steps => count(steps, "step", "steps"),
            }));
        }
        rows.push(row);
    }
    page.table(0, &rows);
}

/// When a boot began.
fn begun(wall_ms: Option<i64>) -> String {
    wall_ms.map_or_else(|| "unknown".to_owned(), moment)
}

/// Exact where the boot ended in order or goes on; else it ran at least that long.
fn ran(line: &BootLine) -> String {
    let Some(ran) = line.ran else { return "not known".to_owned() };
    let sign = match (line.ran_by, line.end) {
        (Some(LengthBasis::WallClock), _) => "~ ",
        (_, BootEnd::Unclean | BootEnd::Unknown) => "≥ ",
        (_, BootEnd::Clean | BootEnd::Running) => "",
    };
    format!("{sign}{}", span(ran))
}

fn down(line: &BootLine, next: &BootLine) -> String {
    let order = line.ended_wall_ms.zip(next.booted_wall_ms);
    if order.is_some_and(|(ended, next)| ended > next) {
        return "clock set back".to_owned();
    }
    line.down_until(next).map_or_else(|| "not known".to_owned(), span)
}

fn end(line: &BootLine) -> String {
    let cause = match line.cause {
        None => "",
        Some(BootCause::Panic) => ", panic",
        Some(BootCause::Watchdog) => ", watchdog",
        Some(BootCause::Kexec) => ", kexec",
        Some(BootCause::NotKnown) => ", cause not known",
    };
    let soft = match line.soft_reboots {
        0 => String::new(),
        n => format!(", {}", count(n, "soft reboot", "soft reboots")),
    };
    format!("{}{cause}{soft}", line.end.as_str())
}

/// Parts of a million as per cent, rounded down for the least and up for the most by the caller.
pub(super) fn per_cent(ppm: u64) -> String {
    format!("{}.{:03} %", ppm / 10_000, ppm % 10_000 / 10)
}

fn write_availability(page: &mut Page, lines: &[BootLine], sum: Option<&Availability>) {
    page.heading("availability:");
    let Some(sum) = sum else {
        page.sentence(2, "not known: no boot began by a clock that was set");
        return;
    };
    let period = span(sum.period());
    page.field(2, "period", &format!("{period} since {}", moment(sum.from_wall_ms)));
    let told = match sum.bounds_ppm() {
        None => "not known".to_owned(),
        Some((least, most)) if least == most => per_cent(least),
        Some((least, most)) => {
            format!("at least {}, at most {}", per_cent(least), per_cent(most.saturating_add(9)))
        }
    };
    page.field(2, "up", &told);
    let mut up = format!("{} known to have been up", span(sum.up));
    if !sum.asleep.is_zero() {
        up.push_str(&format!(", {} of that asleep", span(sum.asleep)));
    }
    if !sum.up_by_wall_clock.is_zero() {
        up.push_str(&format!(", {} of it by the wall clock alone", span(sum.up_by_wall_clock)));
    }
    page.more(2, &format!("- {up}"));
    page.more(2, &format!("- {} known to have been down", span(sum.down)));
    page.more(2, &format!("- {} not known", span(sum.unknown)));
    let ends = [(sum.clean, "clean"), (sum.unclean, "unclean"), (sum.unknown_ends, "unknown")];
    let ends: Vec<String> = ends.iter().map(|(n, word)| format!("{n} {word}")).collect();
    page.field(2, "ends", &ends.join(", "));
    if sum.set_back > 0 {
        let text = "began before the end of the one before: a clock was set back, and the time is \
                    left out";
        page.field(2, "clock", &format!("{} {text}", count(sum.set_back, "boot", "boots")));
    }
    if sum.clock_not_set > 0 {
        let text = "began before 2001 by a clock that was not set, and is left out";
        page.field(2, "clock", &format!("{} {text}", count(sum.clock_not_set, "boot", "boots")));
    }
    if sum.time_not_known > 0 {
        let text = "without a known time, left out: the file that told was damaged";
        page.field(2, "damage", &format!("{} {text}", count(sum.time_not_known, "boot", "boots")));
    }
    if sum.overlapping > 0 {
        let text = "within another that somebody else tells of: when it began, or its kernel, is \
                    not agreed on, and it is left out";
        page.field(2, "overlap", &format!("{} {text}", count(sum.overlapping, "boot", "boots")));
    }
    for (n, line) in sum.longest.iter().filter_map(|at| lines.get(*at)).enumerate() {
        let kernel = line.kernel_release.as_deref().unwrap_or("kernel not known");
        let text = format!("- {} from {} ({kernel})", ran(line), begun(line.booted_wall_ms));
        if n == 0 {
            page.field(2, "longest", &text);
        } else {
            page.more(2, &text);
        }
    }
    page.blank();
}

fn explain(page: &mut Page, lines: &[BootLine]) {
    page.heading("why these ends:");
    let skipped = lines.len().saturating_sub(EXPLAINED);
    if skipped > 0 {
        page.sentence(2, &format!("- {skipped} earlier ones (--json has them)"));
    }
    for line in lines.iter().skip(skipped) {
        page.sentence(2, &format!("{}: {}", begun(line.booted_wall_ms), line.evidence));
    }
}

fn write_steps(page: &mut Page, steps: &[ClockStepRecord]) {
    if steps.is_empty() {
        return;
    }
    page.blank();
    page.heading("steps of the wall clock:");
    let skipped = steps.len().saturating_sub(EXPLAINED);
    if skipped > 0 {
        page.sentence(2, &format!("- {skipped} earlier ones (--json has them)"));
    }
    for step in steps.iter().skip(skipped) {
        let by = span(Duration::from_millis(step.by_ms.unsigned_abs()));
        let way = if step.by_ms < 0 { "back" } else { "ahead" };
        page.sentence(2, &format!("- to {}, {by} {way}", moment(step.at_wall_ms)));
    }
}

#[cfg(test)]
mod tests;
