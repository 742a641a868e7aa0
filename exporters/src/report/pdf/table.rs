//! Tables: how wide columns are, rows that stay whole, and a head that is drawn on each page.

use super::face::{Faces, Letter, Weight, widest_word, width};
use super::piece::{BODY_WIDTH, INK, Ink, Item, LINE, Look, Meaning, Piece, Pieces, SOFT};
use crate::printable;
use crate::report::document::Column;
use std::rc::Rc;

/// Between columns.
const GAP: f32 = 9.0;
/// Above and below the lines of a cell.
const PAD: f32 = 2.2;
/// Words that are longer are broken if there is need.
const LONGEST_WORD: f32 = 120.0;
/// Lines of a row that stay on one page.
const MOST_LINES: usize = 24;
/// By how much a table is wider than it must be, at most: far apart, cells are hard to read as a row.
const MOST_AIR: f32 = 0.6;
/// Rows of a table that stay on one page.
const FEW_ROWS: usize = 5;

/// A column as it is set.
struct Set {
    /// Where it begins, and how wide it is.
    x: f32,
    width: f32,
    is_number: bool,
}

pub(super) fn table(
    (caption, caption_look): (&str, Look),
    columns: &[Column],
    rows: &[Vec<String>],
    faces: &Faces,
    out: &mut Pieces,
) {
    let size = if columns.len() > 8 { 7.0 } else { 7.8 };
    let (plain, bold) = (Look::new(Weight::Plain, size, INK), Look::new(Weight::Bold, size, SOFT));
    let set = columns_of(columns, rows, faces, (plain, bold));

    let table = out.node(None, Meaning::Table);
    let node = out.node(Some(table), Meaning::Caption);
    let lines = caption_look.lines(faces, caption, BODY_WIDTH);
    let inks = lines.into_iter().map(|line| caption_look.line(line, 0.0, 0.0)).collect();
    let first = out.pieces.len();
    out.paragraph(inks, caption_look, node, 12.0);
    out.pieces.iter_mut().skip(first).for_each(|piece| piece.keeps_next = true);

    let head = out.node(Some(table), Meaning::TableHead);
    let names = columns.iter().map(|column| column.name.to_owned()).collect::<Vec<_>>();
    let cells = cells(&names, &set, bold, faces);
    let nodes = nodes(out, head, cells.len(), &Meaning::HeadCell);
    let piece = Piece { space: 2.0, keeps_next: true, ..row(&cells, &set, bold, &nodes, true) };
    let mut repeated = piece.clone();
    repeated.items.iter_mut().for_each(|item| item.node = None);
    let repeated = Rc::new(repeated);
    out.push(piece);

    let body = out.node(Some(table), Meaning::TableBody);
    for (at, texts) in rows.iter().enumerate() {
        let cells = self::cells(texts, &set, plain, faces);
        let nodes = self::nodes(out, body, cells.len(), &Meaning::Cell);
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for from in (0..height.max(1)).step_by(MOST_LINES) {
            let part = |lines: &Vec<Vec<Letter>>| -> Vec<Vec<Letter>> {
                lines.iter().skip(from).take(MOST_LINES).cloned().collect()
            };
            let cells: Vec<_> = cells.iter().map(part).collect();
            let ends = from + MOST_LINES >= height;
            // Neither the first row nor the last one stands alone.
            let is_edge = at == 0 || at + 2 == rows.len() || rows.len() <= FEW_ROWS;
            let keeps_next = height <= 3 && at + 1 < rows.len() && is_edge;
            let piece = row(&cells, &set, plain, &nodes, ends);
            out.push(Piece { keeps_next, repeated: Some(Rc::clone(&repeated)), ..piece });
        }
    }
}

/// A row of the tree, with a node for each cell.
fn nodes(out: &mut Pieces, part: usize, count: usize, meaning: &Meaning) -> Vec<usize> {
    let row = out.node(Some(part), Meaning::Row);
    (0..count).map(|_| out.node(Some(row), meaning.clone())).collect()
}

/// Texts as the lines of their cells. An empty cell has a space, so that the tree has it too.
fn cells(texts: &[String], set: &[Set], look: Look, faces: &Faces) -> Vec<Vec<Vec<Letter>>> {
    let cell = |(text, column): (&String, &Set)| {
        let text = printable(text);
        let text = if text.is_empty() { " " } else { text.as_ref() };
        look.lines(faces, text, column.width)
    };
    texts.iter().zip(set).map(cell).collect()
}

fn row(
    cells: &[Vec<Vec<Letter>>],
    set: &[Set],
    look: Look,
    nodes: &[usize],
    is_ruled: bool,
) -> Piece {
    let mut items = Vec::new();
    let mut bottom: f32 = PAD;
    for ((lines, column), node) in cells.iter().zip(set).zip(nodes) {
        let mut y = PAD;
        for line in lines {
            let ink = if column.is_number {
                look.line_to(line.clone(), column.x + column.width, y)
            } else {
                look.line(line.clone(), column.x, y)
            };
            items.push(Item { ink, node: Some(*node) });
            y += look.leading();
        }
        bottom = bottom.max(y);
    }
    if is_ruled {
        let y = bottom + PAD;
        let width = set.last().map_or(0.0, |column| column.x + column.width);
        let ink = Ink::Area { x: 0.0, y, width, height: 0.5, colour: LINE };
        items.push(Item { ink, node: None });
    }
    Piece { height: bottom + PAD + 0.5, items, ..Piece::default() }
}

/// Widths of the columns: what is left over is shared by those that would like more, by how much more
/// they would like; nobody gets less than his longest word, if that can be had.
fn columns_of(
    columns: &[Column],
    rows: &[Vec<String>],
    faces: &Faces,
    (plain, bold): (Look, Look),
) -> Vec<Set> {
    let mut least = Vec::new();
    let mut most = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let head = faces.of(bold.weight).letters(column.name);
        let mut narrow = widest_word(&head) * bold.size;
        let mut wide = width(&head) * bold.size;
        for text in rows.iter().filter_map(|row| row.get(at)) {
            let letters = faces.of(plain.weight).letters(&printable(text));
            let whole = width(&letters) * plain.size;
            let word = if column.is_number && whole <= LONGEST_WORD {
                whole
            } else {
                (widest_word(&letters) * plain.size).min(LONGEST_WORD)
            };
            narrow = narrow.max(word);
            wide = wide.max(whole);
        }
        least.push(narrow);
        most.push(wide.max(narrow));
    }
    let gaps = columns.iter().skip(1).map(|_| GAP).sum::<f32>();
    let space = BODY_WIDTH - gaps;
    let widths = shared(&least, &most, space);
    let mut x = 0.0;
    let mut set = Vec::new();
    for (column, width) in columns.iter().zip(widths) {
        set.push(Set { x, width, is_number: column.is_number });
        x += width + GAP;
    }
    set
}

fn shared(least: &[f32], most: &[f32], space: f32) -> Vec<f32> {
    let (all_least, all_most) = (least.iter().sum::<f32>(), most.iter().sum::<f32>());
    if all_least >= space {
        return least.iter().map(|width| width * space / all_least).collect();
    }
    let rest = space - all_least;
    let wanted = all_most - all_least;
    if wanted > rest {
        let share = |(least, most): (&f32, &f32)| least + (most - least) * rest / wanted;
        return least.iter().zip(most).map(share).collect();
    }
    // Everybody has what he wants, and some more.
    let more = (space - all_most).min(all_most * MOST_AIR);
    most.iter().map(|width| width + more * width / all_most.max(1.0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_what_there_is_and_never_more() {
        let total = |widths: Vec<f32>| widths.iter().sum::<f32>();
        assert_eq!(shared(&[10.0, 20.0], &[10.0, 80.0], 60.0), [10.0, 50.0]);
        assert_eq!(shared(&[50.0, 50.0], &[90.0, 90.0], 50.0), [25.0, 25.0]);
        assert!((total(shared(&[10.0, 20.0], &[30.0, 50.0], 100.0)) - 100.0).abs() < 1e-3);
        assert_eq!(shared(&[10.0, 20.0], &[20.0, 20.0], 100.0), [32.0, 32.0]);
        assert!((total(shared(&[10.0, 20.0], &[300.0, 30.0], 100.0)) - 100.0).abs() < 1e-3);
    }
}
