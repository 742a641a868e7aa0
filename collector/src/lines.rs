//! Lines of long texts that hold a word, found without looking at the others one by one: of 1.5 MB of
//! `modules.alias` or of dpkg's log only a few are wanted.

use memchr::{memchr, memmem, memrchr};

/// The lines that hold `word`, with the line feed at their end, and where in each it stands first.
pub(crate) fn with<'t>(text: &'t [u8], word: &'t [u8]) -> impl Iterator<Item = (&'t [u8], usize)> {
    let mut end = 0;
    memmem::find_iter(text, word).filter_map(move |at| {
        // In the line that was told last it stands once more.
        let before = text.get(end..at)?;
        let begin = end.saturating_add(memrchr(b'\n', before).map_or(0, |n| n.saturating_add(1)));
        let rest = text.get(at..).unwrap_or_default();
        let length = memchr(b'\n', rest).map_or(rest.len(), |n| n.saturating_add(1));
        end = at.saturating_add(length);
        Some((text.get(begin..end)?, at.saturating_sub(begin)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slowly<'t>(text: &'t [u8], word: &[u8]) -> Vec<(&'t [u8], usize)> {
        let place = |line: &[u8]| line.windows(word.len()).position(|part| part == word);
        text.split_inclusive(|byte| *byte == b'\n')
            .filter_map(|line| Some((line, place(line)?)))
            .collect()
    }

    #[test]
    fn a_line_that_holds_it_twice_is_told_once() {
        let text = b"none\nedac and edac\n\nan edac";
        let told: Vec<_> = with(text, b"edac").collect();
        assert_eq!(told, [(&b"edac and edac\n"[..], 0), (&b"an edac"[..], 3)]);
    }

    proptest! {
        #[test]
        fn lines_are_those_that_each_was_looked_at_for(text in "[ab\n]{0,64}") {
            let text = text.as_bytes();
            for word in [&b"a"[..], b"ab", b"aba"] {
                prop_assert_eq!(with(text, word).collect::<Vec<_>>(), slowly(text, word));
            }
        }
    }
}
