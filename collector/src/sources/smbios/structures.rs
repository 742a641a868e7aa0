//! Walks a table of structures: a formatted part of stated length, then strings, then two zeros
//! (DSP0134, 6.1). Nothing in it is trusted: every length is checked against what is there.

use scrubjay_model::ParseFault;

/// Longest string accepted, in bytes. The specification once said 64.
const LONGEST_STRING: usize = 256;

/// Strings of one structure: their numbers are one byte.
const MOST_STRINGS: usize = 255;

const END_OF_TABLE: u8 = 127;

/// How far a table goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Bytes; an upper bound where the number of structures is unknown.
    pub(super) length: Option<usize>,
    /// Structures.
    pub(super) structures: Option<usize>,
    /// Whether the structure of type 127 is the last.
    pub(super) ends_with_marker: bool,
}

/// One structure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Structure<'t> {
    /// Where it begins in its table.
    pub(super) offset: usize,
    pub(super) kind: u8,
    pub(super) handle: u16,
    /// The formatted part, header included: offsets are those of the specification.
    pub(super) body: &'t [u8],
    /// The strings with the zero behind each, without the zero that ends the structure.
    pub(super) strings: &'t [u8],
}

/// Something that is not of the specified form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Where in the table.
    pub(super) offset: usize,
    pub(super) expected: &'static str,
    pub(super) found: String,
}

impl Bounds {
    /// Of a table whose entry point is unknown.
    pub(super) const UNKNOWN: Self =
        Self { length: None, structures: None, ends_with_marker: true };

    /// Of a file with one structure.
    pub(super) const ONE: Self = Self { length: None, structures: Some(1), ends_with_marker: true };
}

impl Trouble {
    pub(super) fn new(offset: usize, expected: &'static str, found: impl Into<String>) -> Self {
        Self { offset, expected, found: found.into() }
    }
}

/// Visits every structure in order. Stops where the table no longer makes sense: what follows a
/// wrong length cannot be found.
pub(super) fn walk<'t>(
    table: &'t [u8],
    bounds: &Bounds,
    visit: &mut dyn FnMut(Structure<'t>),
) -> Result<(), Trouble> {
    let end = bounds.length.map_or(table.len(), |length| length.min(table.len()));
    let mut at = 0;
    let mut seen = 0;
    while at < end && bounds.structures.is_none_or(|count| seen < count) {
        let structure = first(table.get(at..end).unwrap_or_default(), at)?;
        at = at.saturating_add(structure.body.len() + structure.strings.len().max(1) + 1);
        seen += 1;
        let last = structure.kind == END_OF_TABLE && bounds.ends_with_marker;
        visit(structure);
        if last {
            return Ok(());
        }
    }
    let unfinished = match (bounds.structures, bounds.length) {
        (None, _) => bounds.ends_with_marker,
        // Some firmware states a wrong count; a table that is all there has no more to give.
        (Some(count), Some(length)) => seen < count && table.len() < length,
        (Some(count), None) => seen < count,
    };
    if unfinished {
        return Err(Trouble::new(at, "more structures", format!("an end after {seen}")));
    }
    Ok(())
}

/// The structure a table begins with.
fn first(rest: &[u8], offset: usize) -> Result<Structure<'_>, Trouble> {
    let [kind, length, low, high, ..] = *rest else {
        let found = format!("{} bytes", rest.len());
        return Err(Trouble::new(offset, "a structure header of four bytes", found));
    };
    let length = usize::from(length);
    let body = rest.get(..length).filter(|body| body.len() >= 4).ok_or_else(|| {
        let found = format!("{length} with {} bytes left", rest.len());
        Trouble::new(offset, "the length of a structure", found)
    })?;
    let behind = rest.get(length..).unwrap_or_default();
    let ends = behind.windows(2).position(|pair| pair == [0, 0]);
    let strings = match ends {
        // Without strings the two zeros follow at once.
        Some(0) => behind.get(..0),
        Some(zeros) => behind.get(..=zeros),
        // The last structure of a table is cut short by some firmware.
        None if kind == END_OF_TABLE => behind.get(..0),
        None => None,
    };
    let strings = strings.ok_or_else(|| {
        Trouble::new(offset, "two zeros behind a structure", "the end of the table")
    })?;
    Ok(Structure { offset, kind, handle: u16::from_le_bytes([low, high]), body, strings })
}

impl Structure<'_> {
    /// A field, where this version of the structure has it.
    fn field<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.body.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(super) fn byte(&self, at: usize) -> Option<u8> {
        self.field(at).map(u8::from_le_bytes)
    }

    pub(super) fn word(&self, at: usize) -> Option<u16> {
        self.field(at).map(u16::from_le_bytes)
    }

    pub(super) fn double_word(&self, at: usize) -> Option<u32> {
        self.field(at).map(u32::from_le_bytes)
    }

    pub(super) fn quad_word(&self, at: usize) -> Option<u64> {
        self.field(at).map(u64::from_le_bytes)
    }

    /// Where in `strings` the string of this number is; numbers count from one.
    pub(super) fn string_range(&self, number: u8) -> Option<std::ops::Range<usize>> {
        let wanted = usize::from(number).checked_sub(1)?;
        let mut from = 0;
        for (position, string) in
            self.strings.split(|byte| *byte == 0).enumerate().take(MOST_STRINGS)
        {
            let to = from + string.len();
            if position == wanted {
                // Behind the last string's zero there is nothing, not an empty string.
                return (from < self.strings.len()).then_some(from..to);
            }
            from = to + 1;
        }
        None
    }

    /// The text of the string whose number stands in this field. `None` where the field is not
    /// there, holds 0, or the text is blank: firmware says nothing.
    pub(super) fn text(&self, at: usize) -> Result<Option<String>, Trouble> {
        let Some(number) = self.byte(at).filter(|number| *number != 0) else { return Ok(None) };
        let bytes = self.string_range(number).and_then(|range| self.strings.get(range));
        let bytes = bytes.ok_or_else(|| {
            let found = format!("number {number}");
            Trouble::new(self.offset + at, "the number of a string of the structure", found)
        })?;
        if bytes.len() > LONGEST_STRING {
            let found = ParseFault::new("", bytes).found;
            return Err(Trouble::new(self.offset + at, "a string of at most 256 bytes", found));
        }
        let printable: String = String::from_utf8_lossy(bytes)
            .chars()
            .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        Ok(Some(printable.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
    }
}
