//! Boots, for how much of the time the host was up, and the longest that it ran.

use super::overview::since_boot;
use super::parts::{
    Figure, ago, code, column, figure_of, figures, moment, no_history, nothing, numbers, section,
    span, table, text, when,
};
use super::svg::{Piece, Told, WIDTH, at, strip};
use super::tone::{Tone, badge};
use super::{Known, Page};
use crate::text::words::count;
use maud::{Markup, html};
use scrubjay_model::{
    Availability, BootCause, BootEnd, BootLine, BootSource, ClockStepRecord, LengthBasis,
};
use serde::Serialize;
use std::time::Duration;

/// Boots and steps of the clock that are listed: the latest ones.
const BOOTS: usize = 60;
const STEPS: usize = 10;

#[derive(Debug, Serialize)]
pub(super) struct Uptime {
    since_boot_seconds: Option<u64>,
    boots: Vec<BootLine>,
    availability: Option<Availability>,
    up_ppm_at_least: Option<u64>,
    up_ppm_at_most: Option<u64>,
    clock_steps: Vec<ClockStepRecord>,
    no_history: Option<String>,
}

pub(super) fn page(known: &Known<'_>) -> Uptime {
    let (past, no_history) = match known.past.uptime() {
        Ok(past) => (Some(past), None),
        Err(why) => (None, Some(why)),
    };
    let (boots, availability, clock_steps) = past.map_or_else(
        || (Vec::new(), None, Vec::new()),
        |past| (past.lines, past.availability, past.clock_steps),
    );
    let bounds = availability.as_ref().and_then(Availability::bounds_ppm);
    Uptime {
        since_boot_seconds: since_boot(known.view).map(|up| up.as_secs()),
        up_ppm_at_least: bounds.map(|bounds| bounds.0),
        up_ppm_at_most: bounds.map(|bounds| bounds.1),
        boots,
        availability,
        clock_steps,
        no_history,
    }
}

impl Page for Uptime {
    fn title(&self) -> String {
        "Uptime".to_owned()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let now_ms = known.now_ms();
        html! {
            h1 { "Uptime" }
            (figures(&self.figures(now_ms)))
            @if let Some(why) = &self.no_history { (no_history(why)) }
            @if self.no_history.is_none() {
                (section("time", "Up, down, and not known", self.strip(now_ms)))
                (section("boots", "Boots", self.table(now_ms)))
                (section("records", "Longest uptimes", self.longest(now_ms)))
                @if !self.clock_steps.is_empty() { (section("steps", "Steps of the wall clock", self.steps())) }
            }
        }
    }
}

impl Uptime {
    fn figures(&self, now_ms: i64) -> Vec<Figure> {
        let figure = |label, tone, value, note| Figure { label, tone, value, note, leads_to: None };
        let up = self.since_boot_seconds.map(Duration::from_secs);
        let booted = up.and_then(|up| now_ms.checked_sub(i64::try_from(up.as_millis()).ok()?));
        let mut all = vec![figure(
            "This boot",
            if up.is_some() { Tone::Off } else { Tone::Unknown },
            up.map_or_else(|| "not known".to_owned(), span),
            html! { @match booted { Some(at) => { "since " (moment(at)) ", sleep included" } None => "the kernel does not tell" } },
        )];
        let Some(sum) = &self.availability else { return all };
        let bounds = self.up_ppm_at_least.zip(self.up_ppm_at_most);
        all.push(figure(
            "Availability",
            if bounds.is_some() { Tone::Off } else { Tone::Unknown },
            match bounds {
                None => "not known".to_owned(),
                Some((least, most)) if least == most => per_cent(least),
                Some((least, most)) => format!("{} to {}", per_cent(least), per_cent(most)),
            },
            html! { "of " (span(sum.period())) " since " (super::parts::day(sum.from_wall_ms)) "; what is not known counts neither way" },
        ));
        let ends = if sum.unclean > 0 { Tone::Watch } else { Tone::Ok };
        all.push(figure(
            "Boots that were cut off",
            ends,
            sum.unclean.to_string(),
            html! { (sum.clean) " ended in order, of " (sum.unknown_ends) " it is not known" },
        ));
        all.push(figure(
            "Known to have been down",
            Tone::Off,
            span(sum.down),
            html! { (span(sum.unknown)) " not known" },
        ));
        all
    }

    /// From the first boot that counts until now.
    fn period(&self, now_ms: i64) -> (i64, i64) {
        let from = self.availability.as_ref().map_or(now_ms, |sum| sum.from_wall_ms);
        (from, now_ms.max(from.saturating_add(1)))
    }

    /// A boot as a stretch of time, with a mark at its end where that was not in order.
    fn pieces(line: &BootLine, (from, until): (i64, i64)) -> Vec<Piece> {
        let Some(begun) = line.booted_wall_ms.filter(|begun| *begun >= from) else {
            return Vec::new();
        };
        let ended = match line.end {
            BootEnd::Running => until,
            BootEnd::Clean | BootEnd::Unclean | BootEnd::Unknown => {
                line.ended_wall_ms.unwrap_or(begun)
            }
        };
        let (class, mark) = match line.end {
            BootEnd::Running => ("now", None),
            BootEnd::Clean => ("up", None),
            BootEnd::Unclean => ("up", Some("cut")),
            BootEnd::Unknown => ("up", Some("unsure")),
        };
        let name = format!("{} to {}: {}", moment(begun), moment(ended), end_in_words(line));
        let (begin, end) = (at(begun, from, until), at(ended, from, until));
        let mark = mark.map(|class| {
            let from = end.saturating_sub(WIDTH / 120).max(begin);
            Piece { from, to: end, class, name: name.clone() }
        });
        let whole = Piece { from: begin, to: end, class, name: name.clone() };
        std::iter::once(whole).chain(mark).collect()
    }

    fn strip(&self, now_ms: i64) -> Markup {
        let period = self.period(now_ms);
        let pieces: Vec<Piece> =
            self.boots.iter().flat_map(|line| Self::pieces(line, period)).collect();
        let boots = self.boots.iter().filter(|line| line.booted_wall_ms.is_some()).count();
        if pieces.is_empty() {
            return nothing("no boot with a time is known");
        }
        let told =
            format!("{} since {}", count(boots, "boot", "boots"), super::parts::day(period.0));
        figure_of(
            "Every boot since the first that is known",
            &told,
            html! {
                div.chart {
                    (strip("strip", Told { id: "strip-chart", title: "Boots over time", told: &told }, &pieces))
                    p.axis aria-hidden="true" { span { (super::parts::day(period.0)) } span { (super::parts::day(period.1)) } }
                }
                ul.key {
                    li { span.mark.up aria-hidden="true" {} "up" }
                    li { span.mark.cut aria-hidden="true" {} "cut off" }
                    li { span.mark.unsure aria-hidden="true" {} "end not known" }
                    li { span.mark.now aria-hidden="true" {} "runs" }
                    li { span.mark.gap aria-hidden="true" {} "down, or not known" }
                }
            },
        )
    }

    fn table(&self, now_ms: i64) -> Markup {
        let period = self.period(now_ms);
        let row = |(n, line): (usize, &BootLine)| {
            let id = format!("boot-{n}");
            let sources: Vec<&str> = line.sources.iter().map(|s: &BootSource| s.as_str()).collect();
            vec![
                html! { @match line.booted_wall_ms { Some(at) => (when(at)), None => "not known" } },
                html! { (ran(line)) },
                html! {
                    @match Self::pieces(line, period).as_slice() {
                        [] => "–",
                        pieces => { (strip("gantt", Told { id: &id, title: "This boot in the whole time", told: pieces.first().map_or("", |piece| &piece.name) }, pieces)) }
                    }
                },
                badge(tone_of_end(line), &end_in_words(line)),
                html! { @match &line.kernel_release { Some(release) => (code(release)), None => "not known" } },
                html! { span.soft { (text(&line.evidence)) @if line.clock_steps > 0 { "; " (count(line.clock_steps, "step", "steps")) " of the clock" } " (" (sources.join(", ")) ")" } },
            ]
        };
        let shown = self.boots.len().min(BOOTS);
        let rows: Vec<Vec<Markup>> =
            self.boots.iter().enumerate().rev().take(shown).map(row).collect();
        let columns = [
            column("Booted"),
            numbers("Ran"),
            column("When, in the whole time"),
            column("End"),
            column("Kernel"),
            column("What that rests on"),
        ];
        html! {
            (table("Boots, the latest first", &columns, &rows))
            @if self.boots.len() > shown { p.soft { "and " (self.boots.len() - shown) " earlier ones: " code { "scrubjay history boots" } } }
        }
    }

    fn longest(&self, now_ms: i64) -> Markup {
        let Some(sum) = &self.availability else {
            return nothing("not known: no boot began by a clock that was set");
        };
        let lines = sum.longest.iter().filter_map(|at| self.boots.get(*at));
        html! {
            ol.records {
                @for line in lines {
                    li {
                        strong { (ran(line)) } " "
                        @if let Some(begun) = line.booted_wall_ms { "from " (ago(begun, now_ms)) " " }
                        @if let Some(release) = &line.kernel_release { (code(release)) }
                        @if line.end == BootEnd::Running { " " (badge(Tone::Off, "RUNS")) }
                    }
                }
            }
        }
    }

    fn steps(&self) -> Markup {
        html! {
            p { "Times of the wall clock before and after a step are compared with care: within a boot lengths go by a clock that is never set." }
            ul.log {
                @for step in self.clock_steps.iter().rev().take(STEPS) {
                    li {
                        "to " (when(step.at_wall_ms)) ", "
                        (span(Duration::from_millis(step.by_ms.unsigned_abs())))
                        @if step.by_ms < 0 { " back" } @else { " ahead" }
                    }
                }
                @if self.clock_steps.len() > STEPS { li.soft { "and " (self.clock_steps.len() - STEPS) " earlier ones" } }
            }
        }
    }
}

fn tone_of_end(line: &BootLine) -> Tone {
    match line.end {
        BootEnd::Running => Tone::Off,
        BootEnd::Clean => Tone::Ok,
        BootEnd::Unclean => Tone::Plan,
        BootEnd::Unknown => Tone::Unknown,
    }
}

fn end_in_words(line: &BootLine) -> String {
    let end = match line.end {
        BootEnd::Running => "runs",
        BootEnd::Clean => "in order",
        BootEnd::Unclean => "cut off",
        BootEnd::Unknown => "not known",
    };
    let cause = match line.cause {
        None => "",
        Some(BootCause::Panic) => ": panic",
        Some(BootCause::Watchdog) => ": watchdog",
        Some(BootCause::Kexec) => ", by kexec",
        Some(BootCause::NotKnown) => ", cause not known",
    };
    format!("{end}{cause}")
}

/// Exact where the boot ended in order or goes on; else it ran at least that long.
fn ran(line: &BootLine) -> String {
    let Some(ran) = line.ran else { return "not known".to_owned() };
    let sign = match (line.ran_by, line.end) {
        (Some(LengthBasis::WallClock), _) => "~\u{a0}",
        (_, BootEnd::Unclean | BootEnd::Unknown) => "≥\u{a0}",
        (_, BootEnd::Clean | BootEnd::Running) => "",
    };
    format!("{sign}{}", span(ran))
}

fn per_cent(ppm: u64) -> String {
    format!("{}.{:03} %", ppm / 10_000, ppm % 10_000 / 10)
}
