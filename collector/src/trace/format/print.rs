//! The words for numbers in a `print fmt`, which is C.
//!
//! `__print_symbolic(REC->type, { 0, "reserved kernel page" }, …)` names the values of a field,
//! `__print_flags(REC->flags, "|", { 1 << 0, "More" }, …)` its bits. The kernel prints the numbers
//! as its preprocessor left them: constants, or the name of an enumerator, which only a compiler
//! knows; those entries are left out.

use super::{WordKind, Words};

/// The largest map of Linux 6.12 has some twenty entries.
const MAX_ENTRIES: usize = 1024;
/// Deepest bracket of a number; the kernel's `BIT(2)` becomes `((((1UL))) << (2))`.
const MAX_DEPTH: u8 = 16;

/// All maps that speak of a field as such. One that speaks of a part of a field, as in
/// `REC->add_status & 3`, says nothing of its value.
pub(super) fn words(print: &str) -> Vec<Words> {
    let kinds = [("__print_symbolic(", WordKind::Symbols), ("__print_flags(", WordKind::Flags)];
    let mut found = Vec::new();
    let mut rest = print;
    loop {
        let next = kinds.iter().filter_map(|(call, kind)| Some((rest.find(call)?, call, *kind)));
        let Some((at, call, kind)) = next.min_by_key(|(at, ..)| *at) else { return found };
        rest = rest.get(at + call.len()..).unwrap_or_default();
        let mut cursor = Cursor(rest);
        found.extend(map(&mut cursor, kind));
        rest = cursor.0;
    }
}

fn map(cursor: &mut Cursor<'_>, kind: WordKind) -> Option<Words> {
    let field = cursor.field()?;
    if kind == WordKind::Flags {
        cursor.take(",")?;
        cursor.quoted()?;
    }
    let mut words = Vec::new();
    while cursor.take(",").is_some() && words.len() < MAX_ENTRIES {
        cursor.take("{")?;
        let number = match cursor.number(MAX_DEPTH) {
            Some(number) => Some(number),
            None => {
                cursor.skip_to(',');
                None
            }
        };
        cursor.take(",")?;
        let word = cursor.quoted()?;
        cursor.take("}")?;
        words.extend(number.map(|number| (number, word.to_owned())));
    }
    // A map that does not end is cut off, and so may be its last word.
    cursor.take(")")?;
    (!words.is_empty()).then_some(Words { field, kind, words })
}

/// What is yet to be read.
struct Cursor<'t>(&'t str);

impl<'t> Cursor<'t> {
    fn take(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn while_true(&mut self, part: impl Fn(char) -> bool) -> &'t str {
        let text = self.0.trim_start();
        let (taken, rest) = text
            .split_at_checked(text.find(|c| !part(c)).unwrap_or(text.len()))
            .unwrap_or((text, ""));
        self.0 = rest;
        taken
    }

    fn skip_to(&mut self, end: char) {
        self.while_true(|c| c != end);
    }

    /// `REC->name`, perhaps in brackets, up to the comma.
    fn field(&mut self) -> Option<String> {
        let mut depth = 0_u8;
        while self.take("(").is_some() {
            depth = depth.checked_add(1)?;
        }
        self.take("REC->")?;
        let name = self.while_true(|c| c.is_ascii_alphanumeric() || c == '_').to_owned();
        for _ in 0..depth {
            self.take(")")?;
        }
        self.0.trim_start().starts_with(',').then_some(name)
    }

    /// A string; the kernel writes no escapes into these.
    fn quoted(&mut self) -> Option<&'t str> {
        self.take("\"")?;
        let (text, rest) = self.0.split_once('"')?;
        self.0 = rest;
        Some(text)
    }

    /// A constant: a number, perhaps in brackets, shifted, or combined by `|`.
    fn number(&mut self, depth: u8) -> Option<u64> {
        let mut value = self.term(depth)?;
        loop {
            if self.take("<<").is_some() {
                value = value.checked_shl(u32::try_from(self.term(depth)?).ok()?)?;
            } else if self.take("|").is_some() {
                value |= self.number(depth.checked_sub(1)?)?;
            } else {
                return Some(value);
            }
        }
    }

    fn term(&mut self, depth: u8) -> Option<u64> {
        if self.take("(").is_some() {
            let value = self.number(depth.checked_sub(1)?)?;
            self.take(")")?;
            return Some(value);
        }
        let word = self.while_true(|c| c.is_ascii_alphanumeric() || c == '_');
        let digits = word.trim_end_matches(['U', 'L', 'u', 'l']);
        match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(hex, 16).ok(),
            None => digits.parse().ok(),
        }
    }
}
