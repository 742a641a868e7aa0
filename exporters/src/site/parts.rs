//! What several pages are put together from.

use super::places::Place;
use super::tone::{Tone, badge};
use crate::printable;
use crate::text::words;
use maud::{Markup, Render, html};
use scrubjay_model::{ModuleKey, NonValue, Reading};
use std::time::Duration;

/// A moment for a person: to the minute, in UTC.
pub(super) fn moment(wall_ms: i64) -> String {
    let text = words::moment(wall_ms);
    match text.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
        None => text,
    }
}

/// A day.
pub(super) fn day(wall_ms: i64) -> String {
    let text = words::moment(wall_ms);
    text.split_once('T').map_or(text.clone(), |(day, _)| day.to_owned())
}

/// A moment that a program can read too.
pub(super) fn when(wall_ms: i64) -> Markup {
    html! { time datetime=(words::moment(wall_ms)) { (moment(wall_ms)) } }
}

/// How long ago that was, with the moment.
pub(super) fn ago(wall_ms: i64, now_ms: i64) -> Markup {
    html! {
        span.nobr { (distance(wall_ms, now_ms)) }
        " "
        time.soft.nobr datetime=(words::moment(wall_ms)) { (moment(wall_ms)) }
    }
}

/// For how long something has lasted, and since when.
pub(super) fn since(wall_ms: i64, now_ms: i64) -> Markup {
    let lasted = span(Duration::from_secs(now_ms.abs_diff(wall_ms) / 1_000));
    html! {
        "since " time.nobr datetime=(words::moment(wall_ms)) { (moment(wall_ms)) }
        span.soft { ", " span.nobr { (lasted) } @if wall_ms > now_ms { " ahead" } }
    }
}

/// `3 d 4 h ago`, `2 h ahead`.
pub(super) fn distance(wall_ms: i64, now_ms: i64) -> String {
    let distance = span(Duration::from_secs(now_ms.abs_diff(wall_ms) / 1_000));
    format!("{distance} {}", if wall_ms > now_ms { "ahead" } else { "ago" })
}

pub(super) fn span(duration: Duration) -> String {
    words::span(duration)
}

/// A number with its thousands set apart by narrow spaces.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

/// The same where there may have been more, or where nobody knows.
pub(super) fn errors(n: Option<u64>, is_lower_bound: bool) -> String {
    match n {
        None => "not known".to_owned(),
        // There may have been some that nobody saw.
        Some(0) if is_lower_bound => "0 seen".to_owned(),
        Some(n) if is_lower_bound => format!("≥\u{a0}{}", number(n)),
        Some(n) => number(n),
    }
}

/// Text from the host.
pub(super) fn text(text: &str) -> Markup {
    html! { (printable(text)) }
}

/// A sentence of ours in which code stands between backticks.
pub(super) fn prose(sentence: &str) -> Markup {
    let parts = sentence.split('`').enumerate();
    html! {
        @for (at, part) in parts { @if at % 2 == 1 { code { (part) } } @else { (part) } }
    }
}

/// A name from the host: it may be long and have no blanks, and be copied.
pub(super) fn code(text: &str) -> Markup {
    html! { code { (printable(text)) } }
}

/// A command to be copied into a shell of the host.
pub(super) fn command(line: &str) -> Markup {
    html! { pre.command tabindex="0" { code { (printable(line)) } } }
}

/// A value for a narrow cell: without one only the word, as what is offered and why stands elsewhere.
pub(super) fn short_reading<T>(reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> Markup {
    match reading.as_ref().into_result() {
        Ok(value) => text(&show(value)),
        Err(missing) => html! { span.missing { (words::missing_word(&missing)) } },
    }
}

/// Why something has no value.
pub(super) fn why_missing(non_value: &NonValue) -> String {
    words::missing(non_value)
}

/// A value as `show` has it, or why there is none.
pub(super) fn reading<T>(reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> Markup {
    match reading.as_ref().into_result() {
        Ok(value) => text(&show(value)),
        Err(missing) => html! { span.missing { (printable(&why_missing(&missing))) } },
    }
}

/// A finding's name, which leads to what it means.
pub(super) fn finding_link(code: &str) -> Markup {
    html! { a.code href=(Place::Finding(code.to_owned()).path()) { (code) } }
}

/// A stick of memory, with what leads to its page.
pub(super) fn stick_link(module: &str, name: &str) -> Markup {
    html! { a href=(Place::Dimm(module.to_owned()).path()) { (printable(name)) } }
}

/// The opaque name of what has a key.
pub(super) fn opaque(key: &str) -> String {
    ModuleKey::from_stored(key).opaque()
}

/// A part of a page under its heading.
pub(super) fn section(id: &str, heading: &str, body: impl Render) -> Markup {
    html! {
        section aria-labelledby=(id) {
            h2 id=(id) { (heading) }
            (body)
        }
    }
}

/// Facts, each under its label.
pub(super) fn facts(rows: &[(&str, Markup)]) -> Markup {
    html! {
        dl.facts { @for (label, value) in rows { div { dt { (label) } dd { (value) } } } }
    }
}

/// A figure: what it is, the value, and what it rests on.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) tone: Tone,
    pub(super) value: String,
    pub(super) note: Markup,
    pub(super) leads_to: Option<Place>,
}

pub(super) fn figures(figures: &[Figure]) -> Markup {
    html! {
        dl.figures {
            @for figure in figures {
                div.figure.{ "t-" (figure.tone.as_str()) } {
                    dt {
                        @if let Some(place) = &figure.leads_to { a href=(place.path()) { (figure.label) } }
                        @else { (figure.label) }
                    }
                    dd.value { (figure.value) }
                    dd.note { (figure.note) }
                }
            }
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
}

pub(super) const fn column(name: &'static str) -> Column {
    Column { name, is_number: false }
}

pub(super) const fn numbers(name: &'static str) -> Column {
    Column { name, is_number: true }
}

/// A table whose first column names the row. On a phone each row is a card, in which the names of the
/// columns stand before the values; roles say that it is a table all the same.
pub(super) fn table(caption: &str, columns: &[Column], rows: &[Vec<Markup>]) -> Markup {
    let class = |column: &Column| column.is_number.then_some("n");
    html! {
        div.wide {
            table role="table" {
                caption { (caption) }
                thead role="rowgroup" {
                    tr role="row" {
                        @for column in columns {
                            th scope="col" role="columnheader" class=[class(column)] { (column.name) }
                        }
                    }
                }
                tbody role="rowgroup" {
                    @for row in rows {
                        tr role="row" {
                            @for (at, (column, cell)) in columns.iter().zip(row).enumerate() {
                                @if at == 0 {
                                    th scope="row" role="rowheader" class=[class(column)] data-label=(column.name) { div { (cell) } }
                                } @else {
                                    td role="cell" class=[class(column)] data-label=(column.name) { div { (cell) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// That there is nothing, and what that rests on.
pub(super) fn nothing(text: &str) -> Markup {
    html! { p.nothing { (printable(text)) } }
}

/// That the history was of no help.
pub(super) fn no_history(why: &str) -> Markup {
    html! {
        p.no-history {
            (badge(Tone::Unknown, "NO HISTORY"))
            " What follows from earlier days is missing here: " (printable(why)) "."
        }
    }
}

/// A chart with its title, what it says in words, and its legend.
pub(super) fn figure_of(title: &str, told: &str, chart: impl Render) -> Markup {
    html! {
        figure {
            figcaption { strong { (title) } " " span.told { (told) } }
            (chart)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_groups_of_three() {
        for (n, text) in [(0, "0"), (999, "999"), (1_000, "1 000"), (12_345_678, "12 345 678")] {
            assert_eq!(number(n).replace('\u{202f}', " "), text);
        }
        assert_eq!(errors(None, false), "not known");
        assert_eq!(errors(Some(3), true), "≥\u{a0}3");
        assert_eq!(errors(Some(0), true), "0 seen");
    }

    #[test]
    fn moments_are_told_to_the_minute() {
        assert_eq!(moment(1_795_500_120_999), "2026-11-24 06:02 UTC");
        assert_eq!(distance(0, 90_000), "1 min 30 s ago");
        assert!(moment(i64::MAX).contains("after 1970"));
    }
}
