//! Pages as a PDF.

use super::face::{Faces, Letter, Weight, width};
use super::flow::Placed;
use super::piece::{
    BODY_HEIGHT, BODY_WIDTH, BOTTOM, Colour, Ink, LEFT, LINE, Look, Meaning, PAGE, Piece, Pieces,
    SOFT, TOP,
};
use crate::PageError;
use crate::printable;
use crate::report::document::Document;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::error::KrillaError;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, BBox, ContentTag, Identifier, ListNumbering, TableHeaderScope, Tag,
    TagGroup, TagKind, TagTree,
};
use krilla::text::{GlyphId, KrillaGlyph};
use std::num::NonZeroU16;

const SMALL: Look = Look::new(Weight::Plain, 7.5, SOFT);

/// A part of a page that was drawn: on which, and its left, top, right and bottom.
type Leaf = (Identifier, usize, (f32, f32, f32, f32));

/// What was drawn of each node.
type Leaves = Vec<Vec<Leaf>>;

pub(super) fn paint(
    document: &Document,
    faces: &Faces,
    sheet: &Pieces,
    pages: &[Vec<Placed>],
) -> Result<Vec<u8>, PageError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(|_| PageError::Paper("PDF/A-2a and PDF/UA-1 do not go together".to_owned()))?;
    let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
    let mut pdf = krilla::Document::new_with(settings);
    let mut leaves: Leaves = vec![Vec::new(); sheet.nodes.len()];
    let mut outline = Outline::new();
    for (number, page) in pages.iter().enumerate() {
        let size = PageSettings::from_wh(PAGE.0, PAGE.1);
        let size = size.ok_or_else(|| PageError::Paper("a page has no size".to_owned()))?;
        let mut paper = pdf.start_page_with(size);
        let mut surface = paper.surface();
        for placed in page {
            let (piece, y) = match placed {
                Placed::Piece(at, y) => (sheet.pieces.get(*at), *y),
                Placed::Repeated(piece, y) => (Some(piece.as_ref()), *y),
            };
            let Some(piece) = piece else { continue };
            if let Some(heading) = &piece.heading {
                let top = Point::from_xy(LEFT, TOP + y - 6.0);
                outline.push_child(OutlineNode::new(
                    heading.clone(),
                    XyzDestination::new(number, top),
                ));
            }
            draw(&mut surface, piece, (LEFT, TOP + y), faces, number, &mut leaves);
        }
        edges(&mut surface, document, faces, (number + 1, pages.len()));
        surface.finish();
        paper.finish();
    }
    let mut tree = TagTree::new();
    for root in &sheet.roots {
        if let Some(group) = group(sheet, &leaves, *root) {
            tree.push(group);
        }
    }
    pdf.set_tag_tree(tree);
    pdf.set_outline(outline);
    pdf.set_metadata(metadata(document)?);
    pdf.finish().map_err(|error| PageError::Paper(told(&error)))
}

/// What the library says, with each rule of archives that is broken.
fn told(error: &KrillaError) -> String {
    if let KrillaError::Validation(broken) = error {
        let rules: Vec<String> = broken.iter().map(|(rule, _)| format!("{rule:?}")).collect();
        return format!("{error}: {}", rules.join(", "));
    }
    error.to_string()
}

/// Nothing in it is of the moment at which it is made.
fn metadata(document: &Document) -> Result<Metadata, PageError> {
    let at = document.at_wall_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok());
    let at = at
        .ok_or_else(|| PageError::Paper("it is of no moment that is a date".to_owned()))?
        .to_zoned(TimeZone::UTC);
    let part = |n: i8| u8::try_from(n).unwrap_or(0);
    let date = DateTime::new(u16::try_from(at.year()).unwrap_or(0))
        .month(part(at.month()))
        .day(part(at.day()))
        .hour(part(at.hour()))
        .minute(part(at.minute()))
        .second(part(at.second()))
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let metadata = Metadata::new()
        .title(printable(&document.title).into_owned())
        .description(printable(&document.subtitle).into_owned())
        .language("en".to_owned())
        .creator("scrubjay".to_owned())
        .creation_date(date);
    Ok(match &document.sha256 {
        Some(sha256) => metadata.document_id(sha256.clone()),
        None => metadata,
    })
}

/// Draws a piece, in runs of what means the same.
fn draw(
    surface: &mut Surface<'_>,
    piece: &Piece,
    origin: (f32, f32),
    faces: &Faces,
    page: usize,
    leaves: &mut Leaves,
) {
    for run in piece.items.chunk_by(|one, other| one.node == other.node) {
        let node = run.first().and_then(|item| item.node);
        let tag = match node {
            Some(_) => ContentTag::Other,
            None => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        };
        let identifier = surface.start_tagged(tag);
        for item in run {
            ink(surface, &item.ink, origin, faces);
        }
        surface.end_tagged();
        if let Some(leaves) = node.and_then(|node| leaves.get_mut(node)) {
            let (x, y) = origin;
            leaves.push((identifier, page, (x, y, x + BODY_WIDTH, y + piece.height)));
        }
    }
}

fn ink(surface: &mut Surface<'_>, ink: &Ink, (left, top): (f32, f32), faces: &Faces) {
    match ink {
        Ink::Text { x, baseline, letters, weight, size, colour } => {
            let at = Point::from_xy(left + x, top + baseline);
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*colour)));
            let mut text = String::with_capacity(letters.len());
            let mut glyphs = Vec::with_capacity(letters.len());
            for Letter { character, glyph, advance } in letters {
                let from = text.len();
                text.push(*character);
                let range = from..text.len();
                let glyph = GlyphId::new(*glyph);
                glyphs.push(KrillaGlyph::new(glyph, *advance, 0.0, 0.0, 0.0, range, None));
            }
            let font = faces.of(*weight).font.clone();
            surface.draw_glyphs(at, &glyphs, font, &text, *size, false);
        }
        Ink::Area { x, y, width, height, colour } => {
            let rect = Rect::from_xywh(left + x, top + y, width.max(0.01), height.max(0.01));
            let mut path = PathBuilder::new();
            if let Some(rect) = rect {
                path.push_rect(rect);
            }
            surface.set_stroke(None);
            surface.set_fill(Some(fill(*colour)));
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
        Ink::Stroke { points, colour } => {
            let mut path = PathBuilder::new();
            for (at, (x, y)) in points.iter().enumerate() {
                let (x, y) = (left + x, top + y);
                if at == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
            }
            let paint = rgb::Color::new(colour.0, colour.1, colour.2).into();
            surface.set_fill(None);
            surface.set_stroke(Some(Stroke { paint, width: 0.6, ..Stroke::default() }));
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}

fn fill((red, green, blue): Colour) -> Fill {
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }
}

/// What stands above and below the body of each page.
fn edges(
    surface: &mut Surface<'_>,
    document: &Document,
    faces: &Faces,
    (number, pages): (usize, usize),
) {
    let right = format!("Page {number} of {pages}");
    let right = faces.of(SMALL.weight).letters(&right);
    let space = BODY_WIDTH - width(&right) * SMALL.size - 20.0;
    let y = BODY_HEIGHT + BOTTOM * 0.42;
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
    let rule = Ink::Area { x: 0.0, y: y - 5.0, width: BODY_WIDTH, height: 0.5, colour: LINE };
    ink(surface, &rule, (LEFT, TOP), faces);
    ink(surface, &SMALL.line_to(right, BODY_WIDTH, y), (LEFT, TOP), faces);
    let title = SMALL.lines(faces, &printable(&document.title), space).into_iter().next();
    if let Some(title) = title {
        ink(surface, &SMALL.line(title, 0.0, y), (LEFT, TOP), faces);
    }
    surface.end_tagged();
}

/// A node with what is below it; nothing if nothing of it was drawn.
fn group(sheet: &Pieces, leaves: &Leaves, node: usize) -> Option<TagGroup> {
    let told = sheet.nodes.get(node)?;
    let drawn = leaves.get(node)?;
    let mut group = TagGroup::new(tag(&told.meaning, drawn.first()));
    for child in &told.children {
        if let Some(child) = self::group(sheet, leaves, *child) {
            group.push(child);
        }
    }
    for (identifier, _, _) in drawn {
        group.push(*identifier);
    }
    (!group.children.is_empty()).then_some(group)
}

fn tag(meaning: &Meaning, drawn: Option<&Leaf>) -> TagKind {
    match meaning {
        Meaning::Title(words) => Tag::Hn(NonZeroU16::MIN, Some(words.clone())).into(),
        Meaning::Heading(words) => {
            Tag::Hn(NonZeroU16::MIN.saturating_add(1), Some(words.clone())).into()
        }
        Meaning::Paragraph | Meaning::Strong => Tag::P.into(),
        Meaning::List => Tag::L(ListNumbering::Disc).into(),
        Meaning::ListItem => Tag::LI.into(),
        Meaning::ListLabel => Tag::Lbl.into(),
        Meaning::ListBody => Tag::LBody.into(),
        Meaning::Figure(words) => {
            let place = drawn.and_then(|(_, page, (left, top, right, bottom))| {
                Some(BBox::new(*page, Rect::from_ltrb(*left, *top, *right, *bottom)?))
            });
            Tag::Figure(Some(words.clone())).with_bbox(place).into()
        }
        Meaning::Caption => Tag::Caption.into(),
        Meaning::Table => Tag::Table.into(),
        Meaning::TableHead => Tag::THead.into(),
        Meaning::TableBody => Tag::TBody.into(),
        Meaning::Row => Tag::TR.into(),
        Meaning::HeadCell => Tag::TH(TableHeaderScope::Column).into(),
        Meaning::Cell => Tag::TD.into(),
    }
}
