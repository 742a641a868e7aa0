//! Charts on paper: drawn by the same code as for browsers, onto ink instead of SVG.

use super::face::{Faces, Weight, width};
use super::piece::{Colour, Ink, Look};
use crate::report::chart::{Chart, SIZE};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
};
use std::convert::Infallible;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// The chart at a width: its height, and what is drawn. Nothing if it cannot be drawn, as what it shows
/// stands beside it in words.
pub(super) fn drawn(chart: &Chart, faces: &Faces, wide: f32) -> (f32, Vec<Ink>) {
    let (units, height) = (points(SIZE.0), points(SIZE.1));
    let mut inks = Vec::new();
    let canvas = Canvas { inks: &mut inks, faces, scale: wide / units };
    if chart.draw(canvas).is_err() {
        return (0.0, Vec::new());
    }
    (height * wide / units, inks)
}

/// Coordinates of a picture are far below what a float holds exactly.
fn points(n: u32) -> f32 {
    u16::try_from(n).map_or(f32::from(u16::MAX), f32::from)
}

fn coordinate(n: i32) -> f32 {
    i16::try_from(n).map_or_else(|_| f32::from(if n < 0 { i16::MIN } else { i16::MAX }), f32::from)
}

struct Canvas<'a> {
    inks: &'a mut Vec<Ink>,
    faces: &'a Faces,
    scale: f32,
}

impl Canvas<'_> {
    fn at(&self, (x, y): BackendCoord) -> (f32, f32) {
        (coordinate(x) * self.scale, coordinate(y) * self.scale)
    }
}

/// What can be seen is drawn in full; nothing in a chart is meant to shine through.
fn seen(colour: BackendColor) -> Option<Colour> {
    (colour.alpha > 0.0).then_some(colour.rgb)
}

impl DrawingBackend for Canvas<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        SIZE
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, at: BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect(at, (at.0 + 1, at.1 + 1), &colour, true)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        one: BackendCoord,
        other: BackendCoord,
        style: &S,
        is_filled: bool,
    ) -> Drawn {
        if !is_filled {
            let corners = [one, (other.0, one.1), other, (one.0, other.1), one];
            return self.draw_path(corners, style);
        }
        if let Some(colour) = seen(style.color()) {
            let (from, to) = (self.at(one), self.at(other));
            let (width, height) = ((to.0 - from.0).abs(), (to.1 - from.1).abs());
            let (x, y) = (from.0.min(to.0), from.1.min(to.1));
            self.inks.push(Ink::Area { x, y, width, height, colour });
        }
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        if let Some(colour) = seen(style.color()) {
            let points = path.into_iter().map(|at| self.at(at)).collect();
            self.inks.push(Ink::Stroke { points, colour });
        }
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, at: BackendCoord) -> Drawn {
        let Some(colour) = seen(style.color()) else { return Ok(()) };
        // As the SVG has it: its library gives sizes with their line spacing.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the size of letters is no large number"
        )]
        let size = (style.size() / 1.24) as f32 * self.scale;
        let look = Look::new(Weight::Plain, size, colour);
        let letters = self.faces.of(Weight::Plain).letters(text);
        let (x, y) = self.at(at);
        let wide = width(&letters) * size;
        let x = match style.anchor().h_pos {
            HPos::Left => x,
            HPos::Center => x - wide / 2.0,
            HPos::Right => x - wide,
        };
        let baseline = match style.anchor().v_pos {
            VPos::Top => y + 0.76 * size,
            VPos::Center => y + 0.27 * size,
            VPos::Bottom => y - 0.27 * size,
        };
        let Look { weight, size, colour } = look;
        self.inks.push(Ink::Text { x, baseline, letters, weight, size, colour });
        Ok(())
    }
}
