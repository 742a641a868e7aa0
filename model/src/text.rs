//! How spans of time are written for people, and names for their shells.

use std::borrow::Cow;
use std::time::Duration;

/// A duration in its two largest units: `36 d 4 h`.
pub fn span(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{big} {big_unit}")
        } else {
            format!("{big} {big_unit} {small} {small_unit}")
        }
    };
    match seconds {
        0 if duration.is_zero() => "0 s".to_owned(),
        0 if duration.as_millis() == 0 => "under 1 ms".to_owned(),
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{seconds} s"),
        60..3_600 => two(seconds / 60, "min", seconds % 60, "s"),
        3_600..86_400 => two(seconds / 3_600, "h", seconds % 3_600 / 60, "min"),
        _ => two(seconds / 86_400, "d", seconds % 86_400 / 3_600, "h"),
    }
}

/// A name as a word that a POSIX shell takes for it, so that a command that is shown can be copied.
/// Slots are named by firmware, in whatever characters it likes.
pub fn shell_word(name: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-./:,+@%".contains(c);
    if !name.is_empty() && name.chars().all(is_plain) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(format!("'{}'", name.replace('\'', "'\\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word_to_a_shell() {
        for (name, word) in [
            ("DIMM_A1", "DIMM_A1"),
            ("imc-0/dimm0", "imc-0/dimm0"),
            ("NODE 1 P1-DIMMA1", "'NODE 1 P1-DIMMA1'"),
            ("$(reboot)", "'$(reboot)'"),
            ("a'b", "'a'\\''b'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(name), word);
        }
    }

    #[test]
    fn spans_show_their_two_largest_units() {
        for (milliseconds, text) in [
            (0, "0 s"),
            (999, "999 ms"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (3_605_000, "1 h"),
            (3_665_000, "1 h 1 min"),
            (3_124_800_000, "36 d 4 h"),
            (315_576_000_000, "3652 d 12 h"),
        ] {
            assert_eq!(span(Duration::from_millis(milliseconds)), text);
        }
        assert_eq!(span(Duration::from_micros(3)), "under 1 ms");
    }
}
