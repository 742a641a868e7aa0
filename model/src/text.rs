//! How numbers of things and spans of time are written for people, and names for their shells.

use std::borrow::Cow;
use std::time::Duration;

/// How many there are: `1 task`, `2 tasks`.
pub fn count(n: impl TryInto<u64>, one: &str, many: &str) -> String {
    match n.try_into() {
        Ok(1) => format!("1 {one}"),
        Ok(n) => format!("{n} {many}"),
        Err(_) => format!("very many {many}"),
    }
}

/// A duration in its two largest units: `36 d 4 h`.
pub fn span(duration: Duration) -> String {
    let mut text = String::new();
    write_span(&mut text, duration);
    text
}

/// The same, added to a text.
pub fn write_span(out: &mut String, duration: Duration) {
    let seconds = duration.as_secs();
    let (big, big_unit, small, small_unit) = match seconds {
        0 if duration.is_zero() => (0, " s", 0, ""),
        0 if duration.as_millis() == 0 => return out.push_str("under 1 ms"),
        0 => (u64::from(duration.subsec_millis()), " ms", 0, ""),
        1..60 => (seconds, " s", 0, ""),
        60..3_600 => (seconds / 60, " min", seconds % 60, " s"),
        3_600..86_400 => (seconds / 3_600, " h", seconds % 3_600 / 60, " min"),
        _ => (seconds / 86_400, " d", seconds % 86_400 / 3_600, " h"),
    };
    write_number(out, big);
    out.push_str(big_unit);
    if small > 0 {
        out.push(' ');
        write_number(out, small);
        out.push_str(small_unit);
    }
}

/// The digits of a number. Long tables have some for each cell, and `format!` takes several times as long.
fn write_number(out: &mut String, number: u64) {
    if number >= 10 {
        write_number(out, number / 10);
    }
    let digit = u8::try_from(number % 10).unwrap_or_default();
    out.push(char::from(b'0' + digit));
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
    fn of_one_thing_there_is_one() {
        assert_eq!(count(0_u64, "row", "rows"), "0 rows");
        assert_eq!(count(1_usize, "row", "rows"), "1 row");
        assert_eq!(count(u128::MAX, "row", "rows"), "very many rows");
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
