//! Text from outside, made safe to print.
//!
//! DIMM labels, task names and live patch names can be set by whoever has the privilege, and a
//! `/metrics` page is read with curl as often as by Prometheus. A control character in them could
//! move the cursor, hide a line or recolour a verdict.

use std::borrow::Cow;

/// `text` with every character that acts on a terminal instead of being shown on it written as
/// `\u{…}`: control characters, line and paragraph separators, and those that reorder or hide
/// what stands beside them. Everything else, backslashes included, stays as it is.
pub fn printable(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.bytes().all(plain) || !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Whether a character acts on a terminal instead of being shown on it.
pub(crate) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{61c}' // Arabic letter mark
            | '\u{180e}' // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}' // zero width, direction marks
            | '\u{2028}'..='\u{202e}' // line and paragraph separators, embeddings, overrides
            | '\u{2060}'..='\u{206f}' // invisible operators, isolates
            | '\u{feff}' // byte order mark
            | '\u{fff9}'..='\u{fffb}' // interlinear annotations
            | '\u{e0000}'..='\u{e007f}' // tags
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_text_is_untouched_and_not_copied() {
        assert!(matches!(printable("CPU_SrcID#0_MC#0 \\ \"ä\""), Cow::Borrowed(_)));
    }

    #[test]
    fn what_acts_on_a_terminal_is_spelt_out() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(printable("x\u{202e}y\u{9b}"), "x\\u{202e}y\\u{9b}");
    }

    proptest! {
        #[test]
        fn nothing_printed_acts_on_the_terminal(text in any::<String>()) {
            let safe = printable(&text);
            prop_assert!(!safe.chars().any(acts));
            prop_assert!(!safe.chars().any(char::is_control));
            prop_assert_eq!(printable(&safe), safe.as_ref());
        }
    }
}
