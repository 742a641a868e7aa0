//! Pictures: bars, strips and dots.
//!
//! They stretch to whatever width there is, so they hold no text: axes are text of the page beside
//! them. All colours are classes, for light and dark and for print; whole numbers only, so that the
//! same data gives the same bytes.

use super::tone::Tone;
use crate::printable;
use maud::{Markup, html};

/// Widths and heights are parts of these.
pub(super) const WIDTH: u64 = 10_000;
pub(super) const HEIGHT: u64 = 1_000;

/// One bar: what it is of, and its number; `None` where nobody looked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) n: Option<u64>,
    /// Of these, those that stand out: uncorrected errors.
    pub(super) grave: u64,
}

/// What a picture is called and what it shows, for those who do not see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) told: &'a str,
}

fn picture(class: &str, told: Told<'_>, (width, height): (u64, u64), body: Markup) -> Markup {
    let Told { id, title, told } = told;
    html! {
        svg class=(class) viewBox={ "0 0 " (width) " " (height) } preserveAspectRatio="none" role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { (title) }
            desc id={ (id) "-d" } { (printable(told)) }
            (body)
        }
    }
}

/// `n` of `of` as a share of `whole`; at least a thirtieth where there is anything, so that it is
/// seen.
fn share(n: u64, of: u64, whole: u64) -> u64 {
    let part = u128::from(n) * u128::from(whole) / u128::from(of.max(1));
    let part = u64::try_from(part).unwrap_or(whole).min(whole);
    if n == 0 { 0 } else { part.max(whole / 30) }
}

/// Bars, side by side. Time that nobody watched is tinted over its whole height.
pub(super) fn bars(class: &str, told: Told<'_>, bars: &[Bar]) -> Markup {
    let body = html! {
        @for (bar, shapes) in bars.iter().zip(shapes(bars)) {
            @for Shape { class, x, width, height } in shapes {
                rect class=(class) x=(x) y=(HEIGHT - height) width=(width) height=(height) {
                    title {
                        (bar.name) ": "
                        @match (class, bar.n) {
                            ("grave", _) => { (bar.grave) " uncorrected" }
                            (_, Some(n)) => (n),
                            (_, None) => "nobody looked",
                        }
                    }
                }
            }
        }
    };
    picture(class, told, (WIDTH, HEIGHT), body)
}

/// The same in as few bytes as it takes, for a table with a picture in each row.
pub(super) fn small_bars(class: &str, told: Told<'_>, bars: &[Bar]) -> Markup {
    let all: Vec<Shape> = shapes(bars).flatten().collect();
    let path = |class: &str| {
        let of_class = all.iter().filter(|shape| shape.class == class);
        let mut path = String::new();
        for Shape { class: _, x, width, height } in of_class {
            path.push_str(&format!("M{x} {HEIGHT}v-{height}h{width}v{height}z"));
        }
        path
    };
    let body = html! {
        @for class in ["gap", "bar", "grave"] {
            @let drawn = path(class);
            @if !drawn.is_empty() { path class=(class) d=(drawn) {} }
        }
    };
    picture(class, told, (WIDTH, HEIGHT), body)
}

/// A bar, or a part of one, on the ground.
#[derive(Debug, Clone, Copy)]
struct Shape {
    class: &'static str,
    x: u64,
    width: u64,
    height: u64,
}

/// What is drawn of each bar.
fn shapes(bars: &[Bar]) -> impl Iterator<Item = impl Iterator<Item = Shape>> {
    let most = bars.iter().filter_map(|bar| bar.n).max().unwrap_or(0);
    let each = WIDTH / u64::try_from(bars.len()).unwrap_or(u64::MAX).max(1);
    let gap = each / 8;
    bars.iter().zip((0_u64..).map(move |at| at * each)).map(move |(bar, x)| {
        let within = |class, height| Shape { class, x: x + gap / 2, width: each - gap, height };
        let shapes = match bar.n {
            None => [Some(Shape { class: "gap", x, width: each, height: HEIGHT }), None],
            Some(n) => {
                let height = share(n, most, HEIGHT);
                let grave = share(bar.grave, most, HEIGHT).max(HEIGHT / 12).min(height);
                [
                    (n > 0).then(|| within("bar", height)),
                    (bar.grave > 0).then(|| within("grave", grave)),
                ]
            }
        };
        shapes.into_iter().flatten()
    })
}

/// A piece of a strip, from one part of [`WIDTH`] to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) class: &'static str,
    pub(super) name: String,
}

/// One line of time, in pieces.
pub(super) fn strip(class: &str, told: Told<'_>, pieces: &[Piece]) -> Markup {
    let body = html! {
        @for Piece { from, to, class, name } in pieces {
            // What is shorter than a hair is drawn as one.
            rect class=(class) x=(from) y="0" width=((to.saturating_sub(*from)).max(WIDTH / 600)) height="100" {
                title { (printable(name)) }
            }
        }
    };
    picture(class, told, (WIDTH, 100), body)
}

/// A dot, and how much it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dot {
    pub(super) x: u64,
    pub(super) y: u64,
    pub(super) size: DotSize,
    pub(super) tone: Tone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DotSize {
    One,
    Few,
    Many,
}

impl DotSize {
    pub(super) fn of(n: u64) -> Self {
        match n {
            0..=1 => Self::One,
            2..=15 => Self::Few,
            16.. => Self::Many,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::One => "d1",
            Self::Few => "d2",
            Self::Many => "d3",
        }
    }
}

/// Dots in columns. A dot is a line without length and with round ends: it stays round however the
/// picture is stretched.
pub(super) fn dots(class: &str, told: Told<'_>, columns: u64, dots: &[Dot]) -> Markup {
    let each = WIDTH / columns.max(1);
    let lines = (1..columns).map(|at| at * each);
    let body = html! {
        @for x in lines { path.rule d={ "M" (x) " 0V" (HEIGHT) } {} }
        @for Dot { x, y, size, tone } in dots {
            path class={ "dot " (size.class()) " t-" (tone.as_str()) } d={ "M" (x) " " (y) "h.01" } {}
        }
    };
    picture(class, told, (WIDTH, HEIGHT), body)
}

/// Where a moment is in a time, as a part of [`WIDTH`].
pub(super) fn at(wall_ms: i64, from_wall_ms: i64, until_wall_ms: i64) -> u64 {
    let since = |moment: i64| i128::from(moment) - i128::from(from_wall_ms);
    let whole = since(until_wall_ms).max(1);
    let x = since(wall_ms).clamp(0, whole) * i128::from(WIDTH) / whole;
    u64::try_from(x).unwrap_or(WIDTH).min(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLD: Told<'_> = Told { id: "x", title: "A <chart>", told: "two & more" };

    #[test]
    fn what_is_little_is_seen_and_what_nobody_watched_is_no_zero() {
        let bar = |n, grave| Bar { name: "May".to_owned(), n, grave };
        let of = [bar(Some(0), 0), bar(None, 0), bar(Some(1), 0), bar(Some(1_000_000), 1)];
        let drawn = bars("chart", TOLD, &of).into_string();
        assert_eq!(drawn.matches("class=\"bar\"").count(), 2);
        assert_eq!(drawn.matches("class=\"gap\"").count(), 1);
        assert!(drawn.contains("height=\"33\"") && drawn.contains("height=\"83\""), "{drawn}");
        let small = small_bars("spark", TOLD, &of).into_string();
        assert!(small.len() < drawn.len() && small.contains("<path class=\"gap\""), "{small}");
        assert!(drawn.contains("A &lt;chart&gt;") && !drawn.contains("style="), "{drawn}");
    }

    #[test]
    fn a_moment_outside_the_time_is_at_its_end() {
        assert_eq!(at(-5, 0, 100), 0);
        assert_eq!(at(50, 0, 100), WIDTH / 2);
        assert_eq!(at(i64::MAX, 0, 100), WIDTH);
        assert_eq!(at(0, i64::MIN, i64::MAX), WIDTH / 2);
        assert_eq!(at(3, 7, 7), 0);
    }

    #[test]
    fn dots_have_three_sizes() {
        assert_eq!(DotSize::of(1), DotSize::One);
        assert_eq!(DotSize::of(15), DotSize::Few);
        assert_eq!(DotSize::of(16), DotSize::Many);
    }
}
