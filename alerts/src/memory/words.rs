//! Numbers as people read them.

use super::Seconds;
use super::mode::DAY;
use std::time::Duration;

/// A probability in percent with two significant digits.
pub(crate) fn percent(p: f64) -> String {
    let percent = p * 100.0;
    match percent {
        _ if percent >= 9.95 => format!("{percent:.0} %"),
        _ if percent >= 0.995 => format!("{percent:.1} %"),
        _ if percent >= 0.0995 => format!("{percent:.2} %"),
        _ if percent >= 0.00995 => format!("{percent:.3} %"),
        _ if percent >= 0.000_995 => format!("{percent:.4} %"),
        _ if percent > 0.0 => "under 0.001 %".to_owned(),
        _ => "0 %".to_owned(),
    }
}

/// An amount, with its thousands set apart.
pub(crate) fn amount(value: f64) -> String {
    if value < 99.95 {
        let text = format!("{value:.1}");
        return text.strip_suffix(".0").unwrap_or(&text).to_owned();
    }
    grouped(&format!("{value:.0}"))
}

/// A count, likewise.
pub(crate) fn number(count: u64) -> String {
    grouped(&count.to_string())
}

fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A span of seconds in its largest units.
pub(crate) fn span(seconds: Seconds) -> String {
    let seconds = seconds.max(0);
    // Hours say nothing of what took weeks.
    let whole = if seconds >= 14 * DAY { seconds - seconds % DAY } else { seconds };
    scrubjay_model::span(Duration::from_secs(u64::try_from(whole).unwrap_or(0)))
}

/// A count with its noun.
pub(crate) fn many(count: u64, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_two_digits() {
        assert_eq!(percent(0.000_26), "0.026 %");
        assert_eq!(percent(0.0279), "2.8 %");
        assert_eq!(percent(0.118), "12 %");
        assert_eq!(percent(0.000_092), "0.0092 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(amount(1_070.0), "1,070");
        assert_eq!(amount(0.5), "0.5");
        assert_eq!(amount(38_310.0), "38,310");
        assert_eq!(number(9_440), "9,440");
        assert_eq!(many(1, "error"), "1 error");
        assert_eq!(span(20 * DAY + 3_600), "20 d");
    }
}
