//! What is put on pages: pieces that are not broken, and the tree of what they mean.

use super::face::{Faces, Letter, Weight, width};
use std::rc::Rc;

/// A4, and what of it is written on, in points.
pub(super) const PAGE: (f32, f32) = (595.28, 841.89);
pub(super) const LEFT: f32 = 48.0;
pub(super) const TOP: f32 = 58.0;
pub(super) const BOTTOM: f32 = 62.0;
pub(super) const BODY_WIDTH: f32 = PAGE.0 - 2.0 * LEFT;
pub(super) const BODY_HEIGHT: f32 = PAGE.1 - TOP - BOTTOM;

/// Red, green, blue. The same as on the page for browsers.
pub(super) type Colour = (u8, u8, u8);
pub(super) const INK: Colour = (0x1b, 0x1f, 0x24);
pub(super) const SOFT: Colour = (0x57, 0x60, 0x6a);
pub(super) const LINE: Colour = (0xd0, 0xd7, 0xde);
pub(super) const TINT: Colour = (0xf6, 0xf8, 0xfa);

/// Something drawn, from the upper left corner of the body or of its piece on.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ink {
    Text { x: f32, baseline: f32, letters: Vec<Letter>, weight: Weight, size: f32, colour: Colour },
    Area { x: f32, y: f32, width: f32, height: f32, colour: Colour },
    Stroke { points: Vec<(f32, f32)>, colour: Colour },
}

/// Something drawn, and what it means: nothing if it only adorns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) ink: Ink,
    pub(super) node: Option<usize>,
}

/// What is put on one page as a whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Piece {
    /// Space above it, if it is not the first of its page.
    pub(super) space: f32,
    pub(super) height: f32,
    pub(super) items: Vec<Item>,
    /// Whether the next one is to be on the same page.
    pub(super) keeps_next: bool,
    /// What is drawn again above it where it begins a page.
    pub(super) repeated: Option<Rc<Piece>>,
    /// Whether it begins a page.
    pub(super) begins_page: bool,
    /// A heading that readers can jump to.
    pub(super) heading: Option<String>,
}

/// What a part of the document is, for whoever does not see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Meaning {
    Title(String),
    Heading(String),
    Paragraph,
    Strong,
    List,
    ListItem,
    ListLabel,
    ListBody,
    Figure(String),
    Caption,
    Table,
    TableHead,
    TableBody,
    Row,
    HeadCell,
    Cell,
}

/// A node of the tree of meanings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) meaning: Meaning,
    pub(super) children: Vec<usize>,
}

/// All pieces, and the tree.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) pieces: Vec<Piece>,
    pub(super) nodes: Vec<Node>,
    pub(super) roots: Vec<usize>,
    page_break: bool,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub(super) weight: Weight,
    pub(super) size: f32,
    pub(super) colour: Colour,
}

impl Look {
    pub(super) const fn new(weight: Weight, size: f32, colour: Colour) -> Self {
        Self { weight, size, colour }
    }

    /// From one line to the next.
    pub(super) fn leading(self) -> f32 {
        self.size * 1.38
    }

    /// From the top of a line to what its letters stand on.
    pub(super) fn ascent(self) -> f32 {
        self.size * 1.03
    }

    pub(super) fn lines(self, faces: &Faces, text: &str, width: f32) -> Vec<Vec<Letter>> {
        faces.of(self.weight).lines(text, self.size, width)
    }

    /// A line whose top is at `y`.
    pub(super) fn line(self, letters: Vec<Letter>, x: f32, y: f32) -> Ink {
        let Self { weight, size, colour } = self;
        Ink::Text { x, baseline: y + self.ascent(), letters, weight, size, colour }
    }

    /// Likewise, and it ends at `right`.
    pub(super) fn line_to(self, letters: Vec<Letter>, right: f32, y: f32) -> Ink {
        let x = right - width(&letters) * self.size;
        self.line(letters, x, y)
    }
}

impl Pieces {
    /// A node below another one, or at the root.
    pub(super) fn node(&mut self, parent: Option<usize>, meaning: Meaning) -> usize {
        let node = self.nodes.len();
        self.nodes.push(Node { meaning, children: Vec::new() });
        match parent.and_then(|parent| self.nodes.get_mut(parent)) {
            Some(parent) => parent.children.push(node),
            None => self.roots.push(node),
        }
        node
    }

    pub(super) fn push(&mut self, piece: Piece) {
        let begins_page = std::mem::take(&mut self.page_break) || piece.begins_page;
        self.pieces.push(Piece { begins_page, ..piece });
    }

    /// The next piece begins a page.
    pub(super) fn break_page(&mut self) {
        self.page_break = true;
    }

    /// Lines of a text, one piece each. Neither the first nor the last stands alone.
    pub(super) fn paragraph(&mut self, lines: Vec<Ink>, look: Look, node: usize, space: f32) {
        let count = lines.len();
        for (at, ink) in lines.into_iter().enumerate() {
            self.push(Piece {
                space: if at == 0 { space } else { 0.0 },
                height: look.leading(),
                items: vec![Item { ink, node: Some(node) }],
                keeps_next: at + 1 < count && (at == 0 || at + 2 == count),
                ..Piece::default()
            });
        }
    }
}
