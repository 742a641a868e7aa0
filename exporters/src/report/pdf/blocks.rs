//! Blocks of the document as pieces.

use super::face::{Faces, Weight};
use super::picture;
use super::piece::{BODY_WIDTH, INK, Ink, Item, LINE, Look, Meaning, Piece, Pieces, SOFT, TINT};
use super::table;
use crate::printable;
use crate::report::chart::Chart;
use crate::report::document::{Block, Document};
use scrubjay_model::ReportedFigure;

pub(super) const TITLE: Look = Look::new(Weight::Bold, 19.0, INK);
const SUBTITLE: Look = Look::new(Weight::Plain, 9.0, SOFT);
const HEADING: Look = Look::new(Weight::Bold, 13.0, INK);
const LEAD: Look = Look::new(Weight::Bold, 11.5, INK);
const TEXT: Look = Look::new(Weight::Plain, 9.5, INK);
const SMALL: Look = Look::new(Weight::Plain, 8.0, SOFT);
const CAPTION: Look = Look::new(Weight::Bold, 9.0, INK);
const VALUE: Look = Look::new(Weight::Bold, 13.5, INK);

/// Space between blocks.
const GAP: f32 = 8.0;

pub(super) fn pieces(document: &Document, faces: &Faces, out: &mut Pieces) {
    let title = printable(&document.title);
    let node = out.node(None, Meaning::Title(title.to_string()));
    text(&title, TITLE, faces, out, node, 0.0, true);
    let node = out.node(None, Meaning::Paragraph);
    text(&document.subtitle, SUBTITLE, faces, out, node, 2.0, false);
    for block in &document.blocks {
        match block {
            Block::Heading(words) => heading(&printable(words), faces, out),
            Block::Text(words) => {
                let node = out.node(None, Meaning::Paragraph);
                text(&printable(words), TEXT, faces, out, node, GAP, false);
            }
            Block::Lead(words) => {
                let node = out.node(None, Meaning::Strong);
                text(&printable(words), LEAD, faces, out, node, 14.0, false);
            }
            Block::List(items) => list(items, faces, out),
            Block::Figures(all) => figures(all, faces, out),
            Block::Chart(chart) => picture(chart, faces, out),
            Block::Table { caption, columns, rows, more } => {
                if rows.is_empty() {
                    let node = out.node(None, Meaning::Paragraph);
                    text(&format!("{caption}: none."), TEXT, faces, out, node, GAP, false);
                } else {
                    let words = printable(caption);
                    table::table((words.as_ref(), CAPTION), columns, rows, faces, out);
                }
                if *more > 0 {
                    let node = out.node(None, Meaning::Paragraph);
                    let told = format!("{more} more rows are in the tables for spreadsheets.");
                    text(&told, SMALL, faces, out, node, 4.0, false);
                }
            }
            Block::PageBreak => out.break_page(),
        }
    }
    let node = out.node(None, Meaning::Paragraph);
    text(&printable(&document.footer), SMALL, faces, out, node, 20.0, false);
}

fn text(
    words: &str,
    look: Look,
    faces: &Faces,
    out: &mut Pieces,
    node: usize,
    space: f32,
    keeps_next: bool,
) {
    let lines = look.lines(faces, words, BODY_WIDTH);
    let inks = lines.into_iter().map(|line| look.line(line, 0.0, 0.0)).collect();
    let first = out.pieces.len();
    out.paragraph(inks, look, node, space);
    for piece in out.pieces.iter_mut().skip(first).filter(|_| keeps_next) {
        piece.keeps_next = true;
    }
}

/// A heading with a rule below, which stays with what follows.
fn heading(words: &str, faces: &Faces, out: &mut Pieces) {
    let node = out.node(None, Meaning::Heading(words.to_owned()));
    let first = out.pieces.len();
    text(words, HEADING, faces, out, node, 20.0, true);
    if let Some(piece) = out.pieces.get_mut(first) {
        piece.heading = Some(words.to_owned());
    }
    if let Some(last) = out.pieces.last_mut() {
        let y = last.height + 1.0;
        let ink = Ink::Area { x: 0.0, y, width: BODY_WIDTH, height: 0.6, colour: LINE };
        last.items.push(Item { ink, node: None });
        last.height += 3.0;
    }
}

fn list(items: &[String], faces: &Faces, out: &mut Pieces) {
    const INDENT: f32 = 11.0;
    let list = out.node(None, Meaning::List);
    for (at, item) in items.iter().enumerate() {
        let node = out.node(Some(list), Meaning::ListItem);
        let (label, body) =
            (out.node(Some(node), Meaning::ListLabel), out.node(Some(node), Meaning::ListBody));
        let lines = TEXT.lines(faces, &printable(item), BODY_WIDTH - INDENT);
        let inks = lines.into_iter().map(|line| TEXT.line(line, INDENT, 0.0)).collect();
        let first = out.pieces.len();
        out.paragraph(inks, TEXT, body, if at == 0 { GAP } else { 3.0 });
        if let Some(piece) = out.pieces.get_mut(first) {
            let ink = TEXT.line(faces.of(Weight::Plain).letters("•"), 2.0, 0.0);
            piece.items.insert(0, Item { ink, node: Some(label) });
        }
    }
}

/// Figures in boxes, two beside each other.
fn figures(figures: &[ReportedFigure], faces: &Faces, out: &mut Pieces) {
    const BETWEEN: f32 = 10.0;
    const PAD: f32 = 9.0;
    let width = (BODY_WIDTH - BETWEEN) / 2.0;
    let list = out.node(None, Meaning::List);
    for (at, pair) in figures.chunks(2).enumerate() {
        let mut items = Vec::new();
        let mut height: f32 = 0.0;
        for (figure, x) in pair.iter().zip([0.0, width + BETWEEN]) {
            let node = out.node(Some(list), Meaning::ListItem);
            let (label, body) =
                (out.node(Some(node), Meaning::ListLabel), out.node(Some(node), Meaning::ListBody));
            let mut y = PAD;
            for (words, look, node) in [
                (&figure.label, SMALL, label),
                (&figure.value, VALUE, body),
                (&figure.note, SMALL, body),
            ] {
                for line in look.lines(faces, &printable(words), width - 2.0 * PAD) {
                    items.push(Item { ink: look.line(line, x + PAD, y), node: Some(node) });
                    y += look.leading();
                }
            }
            height = height.max(y + PAD - 2.0);
        }
        let boxes = [0.0, width + BETWEEN].into_iter().take(pair.len());
        let boxes = boxes.flat_map(|x| {
            let edge = Ink::Area { x, y: 0.0, width, height, colour: LINE };
            let (width, height) = (width - 1.2, height - 1.2);
            [edge, Ink::Area { x: x + 0.6, y: 0.6, width, height, colour: TINT }]
        });
        let adorned = boxes.map(|ink| Item { ink, node: None });
        let items = adorned.chain(items).collect();
        let space = if at == 0 { 12.0 } else { BETWEEN };
        out.push(Piece { space, height, items, keeps_next: true, ..Piece::default() });
    }
    if let Some(last) = out.pieces.last_mut() {
        last.keeps_next = false;
    }
}

/// A chart with its title above and the same in words below.
fn picture(chart: &Chart, faces: &Faces, out: &mut Pieces) {
    let node = out.node(None, Meaning::Paragraph);
    text(&chart.title, CAPTION, faces, out, node, 14.0, true);
    let node = out.node(None, Meaning::Figure(format!("{}: {}", chart.title, chart.told)));
    let (height, inks) = picture::drawn(chart, faces, BODY_WIDTH);
    let items = inks.into_iter().map(|ink| Item { ink, node: Some(node) }).collect();
    out.push(Piece { space: 3.0, height, items, keeps_next: true, ..Piece::default() });
    let node = out.node(None, Meaning::Paragraph);
    text(&chart.told, SMALL, faces, out, node, 1.0, false);
}
