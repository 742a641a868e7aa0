//! Times, sizes and missing values in words.

use jiff::Timestamp;
use scrubjay_model::{NonValue, Reading, RebootHelps, Section};
pub(crate) use scrubjay_model::{count, span, write_span};
use std::fmt::Write as _;
use std::time::Duration;

/// A moment in UTC, to the second: `2026-11-24T06:02:00Z`.
pub fn moment(wall_ms: i64) -> String {
    let mut text = String::new();
    write_moment(&mut text, wall_ms);
    text
}

/// The same, added to a text.
pub(crate) fn write_moment(out: &mut String, wall_ms: i64) {
    let written = match Timestamp::from_second(wall_ms.div_euclid(1000)) {
        Ok(moment) => write!(out, "{moment}"),
        Err(_) => write!(out, "{wall_ms} ms after 1970"),
    };
    // A string takes everything.
    debug_assert!(written.is_ok());
}

/// A moment with its distance from `now_ms`: `2026-11-24T06:02:00Z (4 h 2 min ago)`.
pub(crate) fn moment_ago(wall_ms: i64, now_ms: i64) -> String {
    let distance = now_ms.abs_diff(wall_ms) / 1000;
    let distance = span(Duration::from_secs(distance));
    let side = if wall_ms > now_ms { "ahead" } else { "ago" };
    format!("{} ({distance} {side})", moment(wall_ms))
}

/// A size in the largest binary unit that leaves at least 1: `32 GiB`, `1.5 KiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut unit = None;
    let mut scale = 1_u64;
    for next in UNITS {
        match scale.checked_mul(1024) {
            Some(larger) if bytes >= larger => {
                scale = larger;
                unit = Some(next);
            }
            Some(_) | None => break,
        }
    }
    let Some(unit) = unit else { return format!("{bytes} B") };
    let whole = bytes / scale;
    // Rounded down, so that a size is never overstated.
    let tenths = u128::from(bytes % scale) * 10 / u128::from(scale);
    if tenths == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenths} {unit}") }
}

/// Why there is no value, with the path: `unreadable: permission denied (sys/…)`.
pub(crate) fn missing(non_value: &NonValue) -> String {
    match non_value {
        NonValue::Absent(origin) => format!("not offered ({origin})"),
        NonValue::Unreadable(origin, fault) => format!("unreadable: {fault} ({origin})"),
        NonValue::Malformed(origin, fault) => format!("malformed: {fault} ({origin})"),
    }
}

/// The state alone, for a table that explains it below.
pub(crate) fn missing_word(non_value: &NonValue) -> &'static str {
    match non_value {
        NonValue::Absent(_) => "not offered",
        NonValue::Unreadable(..) => "unreadable",
        NonValue::Malformed(..) => "malformed",
    }
}

/// The value as `show` has it, or why there is none.
pub(crate) fn reading<T>(reading: &Reading<T>, show: impl FnOnce(&T) -> String) -> String {
    match reading.as_ref().into_result() {
        Ok(value) => show(value),
        Err(non_value) => missing(&non_value),
    }
}

/// The findings of a source, or in words why there are none.
pub(super) fn findings<T>(section: &Option<Section<T>>) -> Result<&T, String> {
    let Some(section) = section else { return Err("not asked (switched off)".to_owned()) };
    section.reading.as_ref().into_result().map_err(|non_value| missing(&non_value))
}

/// Time in whole seconds from a moment, given in seconds since the Unix epoch, to another one in
/// milliseconds; none where it lies ahead.
pub(super) fn since(unix_s: i64, until_ms: i64) -> String {
    let seconds = until_ms.div_euclid(1000).saturating_sub(unix_s);
    span(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Whether a reboot helps, behind the words "a reboot".
pub(crate) fn reboot_helps(helps: RebootHelps) -> &'static str {
    match helps {
        RebootHelps::Yes => "helps",
        RebootHelps::No => "does not help",
        RebootHelps::Unknown => "cannot be told whether it helps",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_told_in_two_units() {
        for (ms, text) in [
            (0, "0 s"),
            (12, "12 ms"),
            (1_999, "1 s"),
            (185_000, "3 min 5 s"),
            (14_520_000, "4 h 2 min"),
            (36 * 86_400_000 + 4 * 3_600_000, "36 d 4 h"),
            (86_400_000, "1 d"),
        ] {
            assert_eq!(span(Duration::from_millis(ms)), text);
        }
        assert_eq!(span(Duration::from_micros(7)), "under 1 ms");
    }

    #[test]
    fn sizes_are_told_in_binary_units_and_never_overstated() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_536, "1.5 KiB"),
            (32 << 30, "32 GiB"),
            ((1 << 20) - 1, "1023.9 KiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(moment(1_795_500_120_999), "2026-11-24T06:02:00Z");
        assert_eq!(moment_ago(0, 90_000), "1970-01-01T00:00:00Z (1 min 30 s ago)");
        assert_eq!(moment_ago(90_000, 0), "1970-01-01T00:01:30Z (1 min 30 s ahead)");
        assert_eq!(moment(i64::MAX), "9223372036854775807 ms after 1970");
    }

    proptest! {
        #[test]
        fn no_time_or_size_is_too_odd_to_print(ms: i64, now: i64, secs: u64, bytes: u64) {
            prop_assert!(!moment_ago(ms, now).is_empty());
            prop_assert!(!span(Duration::from_secs(secs)).is_empty());
            prop_assert!(size(bytes).chars().count() <= 10);
        }
    }
}
