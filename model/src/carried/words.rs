//! Words of the program, such as codes of findings: text that lives as long as it does.

use super::{Carried, Cursor};
use crate::ErrorClass;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Words that came from elsewhere, each kept once and for ever. The program has some hundreds, and
/// bytes that bring many more than that are not of it.
#[derive(Debug, Default)]
struct Words {
    words: BTreeSet<&'static str>,
    classes: BTreeSet<&'static [ErrorClass]>,
    bytes: usize,
}

/// Most words, and most bytes of them together.
const MOST_WORDS: usize = 4_096;
const MOST_BYTES: usize = 256 * 1024;

static WORDS: Mutex<Words> =
    Mutex::new(Words { words: BTreeSet::new(), classes: BTreeSet::new(), bytes: 0 });

impl Words {
    fn of(&mut self, text: &str) -> Option<&'static str> {
        if let Some(word) = self.words.get(text) {
            return Some(word);
        }
        self.bytes = self.bytes.saturating_add(text.len());
        if self.words.len() >= MOST_WORDS || self.bytes > MOST_BYTES {
            return None;
        }
        let word: &'static str = Box::leak(text.into());
        self.words.insert(word);
        Some(word)
    }

    fn classes(&mut self, classes: &[ErrorClass]) -> Option<&'static [ErrorClass]> {
        if let Some(known) = self.classes.get(classes) {
            return Some(known);
        }
        if classes.len() > ErrorClass::ALL.len() || self.classes.len() >= MOST_WORDS {
            return None;
        }
        let classes: &'static [ErrorClass] = Box::leak(classes.into());
        self.classes.insert(classes);
        Some(classes)
    }
}

impl Carried for &'static str {
    fn put(&self, out: &mut Vec<u8>) {
        super::plain::put_count(self.len(), out);
        out.extend(self.as_bytes());
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let length = from.count()?;
        let text = std::str::from_utf8(from.bytes(length)?).ok()?;
        WORDS.lock().unwrap_or_else(PoisonError::into_inner).of(text)
    }
}

impl Carried for &'static [ErrorClass] {
    fn put(&self, out: &mut Vec<u8>) {
        self.to_vec().put(out);
    }

    fn take(from: &mut Cursor<'_>) -> Option<Self> {
        let classes: Vec<ErrorClass> = Carried::take(from)?;
        WORDS.lock().unwrap_or_else(PoisonError::into_inner).classes(&classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_kept_once_and_not_too_many_of_them() {
        let mut words = Words::default();
        let word = words.of("edac-reset").unwrap();
        assert!(std::ptr::eq(word, words.of("edac-reset").unwrap()));
        assert!((0..2 * MOST_WORDS).any(|number| words.of(&number.to_string()).is_none()));
        assert!(Words::default().of(&"x".repeat(MOST_BYTES + 1)).is_none());
        assert_eq!(words.of("edac-reset"), Some("edac-reset"));
    }
}
