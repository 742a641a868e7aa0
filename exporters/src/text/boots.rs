//! `history boots`: every boot that anybody remembers, for how much of the time the host is known to
//! have been up, and what the ends rest on.

use super::Style;
use super::page::{FAINT, PLAIN, Page, Table, WARN};
use super::words::{count, moment, span, write_moment, write_span};
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
    let stepped = lines.iter().any(|line| line.clock_steps > 0);
    let mut table = Table::default();
    for (right, head) in [
        (false, "booted"),
        (true, "ran"),
        (true, "asleep"),
        (true, "watched"),
        (true, "then down"),
        (false, "kernel"),
        (false, "end"),
        (false, "told by"),
    ] {
        table.cell(right, FAINT, |out| out.push_str(head));
    }
    if stepped {
        table.cell(false, FAINT, |out| out.push_str("clock"));
    }
    table.end_row();
    let next = lines.iter().skip(1).map(Some).chain([None]);
    for (line, next) in lines.iter().zip(next) {
        row(&mut table, line, next, &watched);
        if stepped && line.clock_steps > 0 {
            table.left(|out| out.push_str(&count(line.clock_steps, "step", "steps")));
        }
        table.end_row();
    }
    page.rows(0, &table);
}

fn row(
    table: &mut Table,
    line: &BootLine,
    next: Option<&BootLine>,
    watched: &BTreeMap<&BootId, Duration>,
) {
    let seen = || watched.get(line.boot.as_ref()?);
    table.left(|out| write_begun(out, line.booted_wall_ms));
    table.right(|out| write_ran(out, line));
    table.right(|out| match line.slept {
        Some(slept) => write_span(out, slept),
        None => out.push_str("not known"),
    });
    table.right(|out| match seen() {
        Some(seen) => write_span(out, *seen),
        None => out.push_str("no data"),
    });
    table.right(|out| next.into_iter().for_each(|next| write_down(out, line, next)));
    table.left(|out| out.push_str(line.kernel_release.as_deref().unwrap_or("not known")));
    let paint = if line.end == BootEnd::Unclean { WARN } else { PLAIN };
    table.cell(false, paint, |out| write_end(out, line));
    table.left(|out| {
        for (n, source) in line.sources.iter().enumerate() {
            out.push_str(if n > 0 { " " } else { "" });
            out.push_str(source.as_str());
        }
    });
}

/// When a boot began.
fn begun(wall_ms: Option<i64>) -> String {
    wall_ms.map_or_else(|| "unknown".to_owned(), moment)
}

fn write_begun(out: &mut String, wall_ms: Option<i64>) {
    match wall_ms {
        Some(wall_ms) => write_moment(out, wall_ms),
        None => out.push_str("unknown"),
    }
}

fn ran(line: &BootLine) -> String {
    let mut text = String::new();
    write_ran(&mut text, line);
    text
}

/// Exact where the boot ended in order or goes on; else it ran at least that long.
fn write_ran(out: &mut String, line: &BootLine) {
    let Some(ran) = line.ran else { return out.push_str("not known") };
    out.push_str(match (line.ran_by, line.end) {
        (Some(LengthBasis::WallClock), _) => "~ ",
        (_, BootEnd::Unclean | BootEnd::Unknown) => "≥ ",
        (_, BootEnd::Clean | BootEnd::Running) => "",
    });
    write_span(out, ran);
}

fn write_down(out: &mut String, line: &BootLine, next: &BootLine) {
    let order = line.ended_wall_ms.zip(next.booted_wall_ms);
    if order.is_some_and(|(ended, next)| ended > next) {
        return out.push_str("clock set back");
    }
    match line.down_until(next) {
        Some(down) => write_span(out, down),
        None => out.push_str("not known"),
    }
}

fn write_end(out: &mut String, line: &BootLine) {
    out.push_str(line.end.as_str());
    out.push_str(match line.cause {
        None => "",
        Some(BootCause::Panic) => ", panic",
        Some(BootCause::Watchdog) => ", watchdog",
        Some(BootCause::Kexec) => ", kexec",
        Some(BootCause::NotKnown) => ", cause not known",
    });
    if line.soft_reboots > 0 {
        out.push_str(", ");
        out.push_str(&count(line.soft_reboots, "soft reboot", "soft reboots"));
    }
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
