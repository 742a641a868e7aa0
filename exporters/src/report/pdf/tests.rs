//! Reports on paper: what is on which page, and that nothing a host is called by breaks it.

use super::face::{Faces, Letter, Weight, width};
use super::flow::Placed;
use super::piece::{BODY_HEIGHT, BODY_WIDTH, Ink, Meaning, Pieces};
use super::*;
use crate::report::document::{Block, number, table, text};
use proptest::prelude::*;

fn document(title: &str, blocks: Vec<Block>) -> Document {
    Document {
        title: title.to_owned(),
        subtitle: "2026".to_owned(),
        blocks,
        footer: "Made.".to_owned(),
        at_wall_ms: Some(1_767_225_600_000),
        sha256: Some("00ff".to_owned()),
    }
}

fn rows(count: usize) -> Block {
    let row = |n: usize| vec![format!("row {n}"), n.to_string()];
    table("Rows", vec![text("which"), number("how many")], (0..count).map(row).collect())
}

/// The lines of each page in the order in which they are drawn.
fn lines(document: &Document) -> Vec<Vec<String>> {
    let faces = Faces::new().unwrap();
    let mut sheet = Pieces::default();
    blocks::pieces(document, &faces, &mut sheet);
    let pages = flow::pages(&sheet.pieces, BODY_HEIGHT);
    let of_placed = |placed: &Placed| {
        let items = match placed {
            Placed::Piece(at, _) => &sheet.pieces[*at].items,
            Placed::Repeated(piece, _) => &piece.items,
        };
        let line = |ink: &Ink| match ink {
            Ink::Text { letters, .. } => Some(letters.iter().map(|l| l.character).collect()),
            Ink::Area { .. } | Ink::Stroke { .. } => None,
        };
        items.iter().filter_map(|item| line(&item.ink)).collect::<Vec<String>>()
    };
    pages.iter().map(|page| page.iter().flat_map(of_placed).collect()).collect()
}

#[test]
fn the_same_document_gives_the_same_bytes() {
    let document = document("db-7", vec![Block::Heading("One".to_owned()), rows(100)]);
    let bytes = pdf(&document).unwrap();
    assert_eq!(bytes, pdf(&document).unwrap());
    assert!(bytes.starts_with(b"%PDF-1.7"));
}

#[test]
fn a_long_table_has_its_head_on_each_page_and_a_heading_is_not_left_behind() {
    let lead = Block::List(vec!["A sentence.".to_owned(); 38]);
    let pages = lines(&document("db-7", vec![lead, Block::Heading("One".to_owned()), rows(60)]));
    assert_eq!(pages.len(), 3, "{pages:#?}");
    assert!(!pages[0].contains(&"One".to_owned()), "{:#?}", pages[0]);
    assert_eq!(pages[1][..4], ["One", "Rows", "which", "how many"]);
    assert_eq!(pages[2][..2], ["which", "how many"]);
    // All rows are there once.
    let told: Vec<&String> = pages.iter().flatten().filter(|l| l.starts_with("row ")).collect();
    assert_eq!(told.len(), 60);
}

#[test]
fn a_character_that_the_font_lacks_is_shown_by_its_number() {
    let faces = Faces::new().unwrap();
    let shown = |text: &str| -> String {
        faces.of(Weight::Plain).letters(text).iter().map(|letter| letter.character).collect()
    };
    assert_eq!(shown("db-7 Ωж→✓"), "db-7 Ωж→✓");
    assert_eq!(shown("主機"), "[U+4E3B][U+6A5F]");
    assert_eq!(shown("\u{e000}\u{10ffff}\u{feff}"), "[U+E000][U+10FFFF][U+FEFF]");
}

#[test]
fn lines_break_at_spaces_then_at_marks_then_anywhere_and_lose_nothing() {
    let faces = Faces::new().unwrap();
    let face = faces.of(Weight::Plain);
    let broken = |text: &str, width: f32| -> Vec<String> {
        let lines = face.lines(text, 10.0, width);
        lines.iter().map(|line| line.iter().map(|letter| letter.character).collect()).collect()
    };
    assert_eq!(broken("one two three", 40.0), ["one two ", "three"]);
    assert_eq!(broken("6.1.0-41-amd64", 45.0), ["6.1.0-41-", "amd64"]);
    assert_eq!(broken("mmmmmm", 30.0).concat(), "mmmmmm");
    assert_eq!(broken("mm", 0.5), ["m", "m"]);
}

#[test]
fn no_line_is_wider_than_its_column_and_figures_end_at_the_right() {
    let wide = "a-rather-long-name-of-something ".repeat(9);
    let row = |n: u32| vec![wide.clone(), n.to_string(), wide.clone(), format!("{n} GiB")];
    let columns = vec![text("a"), number("b"), text("c"), number("d")];
    let faces = Faces::new().unwrap();
    let mut sheet = Pieces::default();
    let blocks = vec![table("T", columns, vec![row(1), row(1_000)])];
    blocks::pieces(&document("db-7", blocks), &faces, &mut sheet);
    let mut ends = Vec::new();
    for item in sheet.pieces.iter().flat_map(|piece| &piece.items) {
        let Ink::Text { x, letters, size, .. } = &item.ink else { continue };
        let end = x + width(letters) * size;
        assert!(*x >= 0.0 && end <= BODY_WIDTH + 0.1, "{x} {end}");
        let text: String = letters.iter().map(|letter: &Letter| letter.character).collect();
        if text.ends_with(" GiB") {
            ends.push(end);
        }
    }
    assert_eq!(ends.len(), 2);
    assert!((ends[0] - ends[1]).abs() < 0.01);
}

#[test]
fn tables_have_as_many_cells_in_each_row_for_whoever_hears_them() {
    let row = vec![String::new(), "x".to_owned()];
    let blocks = vec![table("T", vec![text("a"), text("b")], vec![row])];
    let document = document("db-7", blocks);
    let faces = Faces::new().unwrap();
    let mut sheet = Pieces::default();
    blocks::pieces(&document, &faces, &mut sheet);
    let drawn: Vec<usize> =
        sheet.pieces.iter().flat_map(|p| &p.items).filter_map(|item| item.node).collect();
    for node in sheet.nodes.iter().filter(|node| node.meaning == Meaning::Row) {
        assert_eq!(node.children.len(), 2);
        assert!(node.children.iter().all(|cell| drawn.contains(cell)));
    }
}

#[test]
fn archives_take_every_character_that_the_font_has() {
    let faces = Faces::new().unwrap();
    for weight in [Weight::Plain, Weight::Bold] {
        let all = faces.of(weight).characters();
        assert!(all.chars().count() > 5_000, "{}", all.len());
        let block = if weight == Weight::Bold { Block::Lead } else { Block::Text };
        if let Err(error) = pdf(&document("db-7", vec![block(all)])) {
            panic!("{error:.2000}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn whatever_a_host_is_called_there_is_a_report(words in any::<String>(), many in "\\PC{0,400}") {
        let cells = vec![vec![words.clone(), many.clone()], vec![many.repeat(20), words.clone()]];
        let blocks = vec![
            Block::Heading(words.clone()),
            Block::Lead(many.clone()),
            Block::List(vec![words.clone(), many]),
            table(&words, vec![text("a"), number("b")], cells),
        ];
        if let Err(error) = pdf(&document(&format!("Report on {words}"), blocks)) {
            prop_assert!(false, "{error:.2000}");
        }
    }
}
