//! Charts of a report: bars for months, in one colour and with words beside them, so that they can be
//! read in print and by whoever sees no colours.

use plotters::prelude::*;
use scrubjay_model::{Report, ReportedMonth};

/// Bars, one for each month.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// The same in a sentence, for whoever does not see it.
    pub told: String,
    /// Each month and its number; `None` where nobody looked.
    pub bars: Vec<(String, Option<u64>)>,
}

/// Width and height in points of a picture that fits both a page and a screen.
pub(super) const SIZE: (u32, u32) = (860, 230);

/// Months without a number that is known are tinted.
const NOT_KNOWN: RGBColor = RGBColor(0xe3, 0xe6, 0xea);
const BAR: RGBColor = RGBColor(0x0b, 0x5c, 0xad);
const INK: RGBColor = RGBColor(0x57, 0x60, 0x6a);

/// The chart of the first page, and the others.
pub(super) fn charts(report: &Report) -> (Option<Chart>, Vec<Chart>) {
    let chart = |title: &str, unit: &str, of: fn(&ReportedMonth) -> Option<u64>| {
        let month = |month: &ReportedMonth| -> (String, Option<u64>) {
            (super::document::day(month.from_wall_ms).chars().take(7).collect(), of(month))
        };
        let bars: Vec<_> = report.months.iter().map(month).collect();
        let told = told(&bars, unit);
        (bars.len() > 1).then(|| Chart { title: title.to_owned(), told, bars })
    };
    let first = chart(
        "Fixes that were installed and not in force, at the end of each month",
        "waiting",
        |month| month.owed,
    );
    let errors = chart("Corrected memory errors of each month", "errors", |month| month.corrected);
    (first, errors.into_iter().collect())
}

fn told(bars: &[(String, Option<u64>)], unit: &str) -> String {
    let known: Vec<(&String, u64)> =
        bars.iter().filter_map(|(month, n)| Some((month, (*n)?))).collect();
    let unseen = match bars.len() - known.len() {
        0 => String::new(),
        1 => "; of 1 month it is not known".to_owned(),
        n => format!("; of {n} months it is not known"),
    };
    let Some((most_month, most)) = known.iter().copied().max_by_key(|(_, n)| *n) else {
        return format!("not known of any of these {} months", bars.len());
    };
    if most == 0 {
        return format!("none{unseen}");
    }
    let (last_month, last) = known.last().copied().unwrap_or((most_month, most));
    if (last_month, last) == (most_month, most) {
        return format!("{most} {unit} in {most_month}, and never more before{unseen}");
    }
    format!("{most} {unit} at most, in {most_month}; {last} in {last_month}{unseen}")
}

impl Chart {
    /// The picture as SVG; empty if it cannot be drawn, as what it shows stands beside it in words.
    pub(super) fn svg(&self) -> String {
        let mut picture = String::new();
        match self.draw(SVGBackend::with_string(&mut picture, SIZE)) {
            Ok(()) => picture,
            Err(_) => String::new(),
        }
    }

    /// Draws it onto whatever can be drawn on, so that it is the same on a screen and on paper.
    pub(super) fn draw<B>(&self, canvas: B) -> Result<(), Box<dyn std::error::Error>>
    where
        B: DrawingBackend,
        B::ErrorType: 'static,
    {
        let root = canvas.into_drawing_area();
        root.fill(&WHITE)?;
        let most = self.bars.iter().filter_map(|(_, n)| *n).max().unwrap_or(0).max(1);
        let count = i32::try_from(self.bars.len())?;
        let top = most.saturating_add(most.div_ceil(10));
        let mut area = ChartBuilder::on(&root)
            .margin(6)
            .x_label_area_size(28)
            .y_label_area_size(64)
            // The last number of such a range has a segment too.
            .build_cartesian_2d((0..count - 1).into_segmented(), 0_u64..top)?;
        let name = |at: &SegmentValue<i32>| match at {
            SegmentValue::CenterOf(n) => {
                let bar = usize::try_from(*n).ok().and_then(|n| self.bars.get(n));
                bar.map_or_else(String::new, |(month, _)| month.clone())
            }
            SegmentValue::Exact(_) | SegmentValue::Last => String::new(),
        };
        area.configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(NOT_KNOWN)
            .axis_style(INK)
            .label_style(("sans-serif", 15).into_font().color(&INK))
            .x_labels(12)
            .y_labels(5)
            .x_label_formatter(&name)
            .draw()?;
        for ((_, n), at) in self.bars.iter().zip(0..) {
            let (height, colour) = match n {
                Some(n) => (*n, BAR),
                None => (top, NOT_KNOWN),
            };
            let next = at + 1;
            let end = if next < count { SegmentValue::Exact(next) } else { SegmentValue::Last };
            let corners = [(SegmentValue::Exact(at), 0), (end, height)];
            let mut bar = Rectangle::new(corners, colour.filled());
            bar.set_margin(0, 0, 2, 2);
            area.draw_series(std::iter::once(bar))?;
        }
        root.present()?;
        Ok(())
    }
}
