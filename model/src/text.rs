//! How spans of time are written for people.

use std::time::Duration;

/// A span in its two largest units: `36 d 4 h`, `5 min 20 s`, `7 s`.
pub fn span(duration: Duration) -> String {
    const UNITS: [(u64, &str); 5] =
        [(31_557_600, "y"), (86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = duration.as_secs();
    let mut parts = Vec::new();
    for (seconds, unit) in UNITS {
        let count = left / seconds;
        left %= seconds;
        if count > 0 || !parts.is_empty() {
            parts.push((count, unit));
        }
        if parts.len() == 2 {
            break;
        }
    }
    parts.retain(|(count, _)| *count > 0);
    if parts.is_empty() {
        return "0 s".to_owned();
    }
    parts.iter().map(|(count, unit)| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_show_their_two_largest_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_605, "1 h"),
            (3_665, "1 h 1 min"),
            (3_124_800, "36 d 4 h"),
            (315_576_000, "10 y"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
