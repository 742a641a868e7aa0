//! Values as a configuration file has them: what is shown is read as the same.

/// A value that a configuration file can have.
pub(super) trait Shown {
    /// As it stands behind the equals sign.
    fn shown(&self) -> String;
}

impl Shown for str {
    /// A basic string of TOML. What cannot be seen, or acts on a terminal, is escaped.
    fn shown(&self) -> String {
        let mut out = String::with_capacity(self.len() + 2);
        out.push('"');
        for c in self.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                '\n' => out.push_str("\\n"),
                '\t' => out.push_str("\\t"),
                '\r' => out.push_str("\\r"),
                '\'' => out.push(c),
                // More than the character itself: Rust would escape it, in a form that TOML does not know.
                _ if c.escape_debug().len() > 1 => {
                    let number = u32::from(c);
                    let escaped = match number {
                        ..=0xffff => format!("\\u{number:04x}"),
                        _ => format!("\\U{number:08x}"),
                    };
                    out.push_str(&escaped);
                }
                _ => out.push(c),
            }
        }
        out.push('"');
        out
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        self.as_str().shown()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for f64 {
    fn shown(&self) -> String {
        // With a point or an exponent, so that it is no whole number.
        format!("{self:?}").to_ascii_lowercase()
    }
}

impl<T: Shown> Shown for [T] {
    fn shown(&self) -> String {
        format!("[{}]", self.iter().map(Shown::shown).collect::<Vec<_>>().join(", "))
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn shown(&self) -> String {
        self.as_slice().shown()
    }
}

#[cfg(test)]
mod tests {
    use super::super::inputs::{Flags, Inputs};
    use super::*;
    use proptest::prelude::*;

    /// The state directory and the windows that a text of a configuration has.
    fn read(text: &str) -> (String, Vec<String>) {
        let inputs = Inputs::of_text("a.toml", text, &Flags::default()).unwrap();
        (inputs.state_dir.value, inputs.windows.value)
    }

    fn shown_and_read(text: &str) -> (String, Vec<String>) {
        let file = format!(
            "[agent]\nstate_dir = {}\n[maintenance]\nwindows = {}\n",
            text.shown(),
            [text.to_owned(), text.to_owned()].shown()
        );
        let inputs = Inputs::of_text("a.toml", &file, &Flags::default()).unwrap();
        read(&inputs.show())
    }

    #[test]
    fn texts_that_cannot_be_seen_are_read_as_they_were_shown() {
        for text in
            ["", "/var/lib/a\u{1b}[2J", "\0", "\u{7f}\u{85}", "\u{200b}\u{202e}", "it's \"a\" \\"]
        {
            assert_eq!(
                shown_and_read(text),
                (text.to_owned(), vec![text.to_owned(); 2]),
                "{text:?}"
            );
        }
        assert_eq!("a\u{1b}b\u{10ffff}".shown(), "\"a\\u001bb\\U0010ffff\"");
        assert_eq!("€ ä".shown(), "\"€ ä\"");
    }

    proptest! {
        #[test]
        fn every_text_is_read_as_it_was_shown(text: String) {
            prop_assert_eq!(shown_and_read(&text), (text.clone(), vec![text; 2]));
        }
    }
}
