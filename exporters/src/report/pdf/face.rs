//! The font: which glyph a character has, how wide it is, and where lines break.
//!
//! Each character is one glyph. A character that the font does not have is shown by its number in
//! brackets, so that nothing a host is called by vanishes from paper.

use krilla::text::Font;
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Plain,
    Bold,
}

/// A character as it is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Letter {
    pub(super) character: char,
    pub(super) glyph: u32,
    /// Its width, as a share of the size.
    pub(super) advance: f32,
}

/// One weight of the font.
pub(super) struct Face {
    pub(super) font: Font,
    data: FontRef<'static>,
    units_per_em: f32,
}

/// Both weights.
pub(super) struct Faces {
    plain: Face,
    bold: Face,
}

impl Faces {
    /// `None` if the font cannot be read, which is built in.
    pub(super) fn new() -> Option<Self> {
        let plain = Face::new(dejavu::sans_condensed::regular())?;
        let bold = Face::new(dejavu::sans_condensed::bold())?;
        Some(Self { plain, bold })
    }

    pub(super) fn of(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Plain => &self.plain,
            Weight::Bold => &self.bold,
        }
    }
}

impl Face {
    fn new(data: &'static [u8]) -> Option<Self> {
        let font = Font::new(data.into(), 0)?;
        let units_per_em = font.units_per_em();
        Some(Self { font, data: FontRef::new(data).ok()?, units_per_em })
    }

    /// A text as letters.
    pub(super) fn letters(&self, text: &str) -> Vec<Letter> {
        let charmap = self.data.charmap();
        let metrics = self.data.glyph_metrics(Size::unscaled(), LocationRef::default());
        let letter = |character: char| {
            let glyph = charmap.map(character).filter(|glyph| glyph.to_u32() != 0)?;
            let advance = metrics.advance_width(glyph)? / self.units_per_em;
            Some(Letter { character, glyph: glyph.to_u32(), advance })
        };
        let mut letters = Vec::with_capacity(text.len());
        for character in text.chars() {
            match letter(character).filter(|_| is_text(character)) {
                Some(letter) => letters.push(letter),
                None => {
                    let number = format!("[U+{:04X}]", u32::from(character));
                    letters.extend(number.chars().filter_map(letter));
                }
            }
        }
        letters
    }

    /// Every character that it has and that is drawn as itself.
    #[cfg(test)]
    pub(super) fn characters(&self) -> String {
        let mapped = self.data.charmap().mappings();
        let mapped = mapped.filter(|(_, glyph)| glyph.to_u32() != 0);
        mapped.filter_map(|(number, _)| char::from_u32(number)).filter(|c| is_text(*c)).collect()
    }

    /// Broken into lines that are no wider than that; a letter that alone is wider has its own.
    pub(super) fn lines(&self, text: &str, size: f32, width: f32) -> Vec<Vec<Letter>> {
        broken(&self.letters(text), width / size)
    }
}

/// Whether archives take it for text: what has a meaning of its own to nobody is not, nor what marks
/// the order of bytes.
fn is_text(character: char) -> bool {
    !matches!(u32::from(character), 0..=0x1f | 0x7f..=0x9f | 0xe000..=0xf8ff | 0xfeff | 0xfff0..=0xffff | 0xf_0000..)
}

/// The width of letters at size 1, without spaces at their end.
pub(super) fn width(letters: &[Letter]) -> f32 {
    let end = letters.iter().rposition(|letter| letter.character != ' ').map_or(0, |last| last + 1);
    letters.iter().take(end).map(|letter| letter.advance).sum()
}

/// The widest part that spaces do not break, at size 1.
pub(super) fn widest_word(letters: &[Letter]) -> f32 {
    let words = letters.split(|letter| letter.character == ' ');
    words.map(width).fold(0.0, f32::max)
}

/// A space stays at the end of its line, as readers of the text need it there.
fn broken(letters: &[Letter], width: f32) -> Vec<Vec<Letter>> {
    let mut lines = Vec::new();
    let mut rest = letters;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(break_at(rest, width).min(rest.len()));
        lines.push(line.to_vec());
        rest = after;
    }
    lines
}

/// How many letters fit into a line: up to a space, else up to a mark within a word, else up to where
/// the width ends.
fn break_at(letters: &[Letter], width: f32) -> usize {
    let (mut space, mut mark) = (None, None);
    let mut used = 0.0;
    for (at, letter) in letters.iter().enumerate() {
        used += letter.advance;
        // Sums of widths may differ by as much from the same sum made elsewhere.
        if letter.character != ' ' && used > width + 1e-3 {
            return space.or(mark).unwrap_or(at.max(1));
        }
        match letter.character {
            ' ' => space = Some(at + 1),
            '-' | '/' | '_' | '.' | ':' | ',' | '+' | '=' | '@' | ';' => mark = Some(at + 1),
            _ => {}
        }
    }
    letters.len()
}
