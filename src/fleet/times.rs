//! When the waves of a plan are: in the maintenance windows, one after another.

use crate::windows::{MaintenanceWindow, next_of};
use scrubjay_model::Wave;
use std::time::Duration;

/// Where a wave has no length, so much of a window that is open must be left for one.
const LEAST_REST_MS: i64 = 30 * 60_000;

/// Gives each wave a time, the first that are not over. A window holds one wave, or, where a wave
/// takes so long as `each`, as many as end within it. Waves that are left out, as those of them are
/// away, have their time all the same. Without windows waves have an order alone.
pub(crate) fn give_times(
    waves: &mut [Wave],
    windows: &[MaintenanceWindow],
    each: Option<Duration>,
    now_wall_ms: i64,
) {
    let each_ms = each.and_then(|each| i64::try_from(each.as_millis()).ok());
    // No wave begins before it.
    let mut from_ms = now_wall_ms;
    let mut number = 0;
    for wave in waves {
        while number < wave.number {
            number += 1;
            let Some((window, occurrence)) = next_long_enough(windows, each_ms, from_ms) else {
                return;
            };
            let begins = occurrence.from_wall_ms.max(from_ms);
            let ends = match each_ms {
                Some(each_ms) => begins.saturating_add(each_ms).min(occurrence.until_wall_ms),
                None => occurrence.until_wall_ms,
            };
            from_ms = ends;
            if number == wave.number {
                wave.from_ms = Some(begins);
                wave.until_ms = Some(ends);
                wave.begins = window.words(begins);
                wave.ends = window.words(ends);
            }
        }
    }
}

/// The first occurrence in which a wave has room from a moment on. One that is open and too short
/// for what is left of it is passed over, as is a window that is always too short.
fn next_long_enough(
    windows: &[MaintenanceWindow],
    each_ms: Option<i64>,
    from_ms: i64,
) -> Option<(&MaintenanceWindow, crate::windows::Occurrence)> {
    let mut at_ms = from_ms;
    // Windows come at least twice in half a year, and overlapping ones are few.
    for _ in 0..1_000 {
        let (window, occurrence) = next_of(windows, at_ms)?;
        let room_ms = occurrence.until_wall_ms - occurrence.from_wall_ms.max(from_ms);
        let is_whole = occurrence.from_wall_ms >= from_ms;
        let least_ms = each_ms.unwrap_or(if is_whole { 0 } else { LEAST_REST_MS });
        if room_ms >= least_ms {
            return Some((window, occurrence));
        }
        at_ms = occurrence.until_wall_ms;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn times(windows: &[&str], each: Option<&str>, now: &str, waves: u32) -> Vec<String> {
        let windows: Vec<MaintenanceWindow> =
            windows.iter().map(|text| MaintenanceWindow::parse(text).unwrap()).collect();
        let wave = |number| Wave {
            number,
            from_ms: None,
            until_ms: None,
            begins: None,
            ends: None,
            visits: Vec::new(),
        };
        let mut waves: Vec<Wave> = (1..=waves).map(wave).collect();
        let each = each
            .map(|each| Duration::try_from(each.parse::<jiff::SignedDuration>().unwrap()).unwrap());
        let now_ms = now.parse::<Timestamp>().unwrap().as_millisecond();
        give_times(&mut waves, &windows, each, now_ms);
        let text = |ms: Option<i64>| {
            ms.map_or("-".to_owned(), |ms| Timestamp::from_millisecond(ms).unwrap().to_string())
        };
        waves.iter().map(|wave| format!("{} {}", text(wave.from_ms), text(wave.until_ms))).collect()
    }

    #[test]
    fn a_window_is_one_wave_unless_a_wave_has_a_length() {
        let sunday = ["sunday 02:00 for 3h"];
        assert_eq!(
            times(&sunday, None, "2026-11-27T12:00:00Z", 2),
            [
                "2026-11-29T02:00:00Z 2026-11-29T05:00:00Z",
                "2026-12-06T02:00:00Z 2026-12-06T05:00:00Z",
            ]
        );
        assert_eq!(
            times(&sunday, Some("80m"), "2026-11-27T12:00:00Z", 3),
            [
                "2026-11-29T02:00:00Z 2026-11-29T03:20:00Z",
                "2026-11-29T03:20:00Z 2026-11-29T04:40:00Z",
                "2026-12-06T02:00:00Z 2026-12-06T03:20:00Z",
            ]
        );
    }

    #[test]
    fn what_is_left_of_an_open_window_is_used_if_a_wave_ends_in_it() {
        let sunday = ["sunday 02:00 for 3h"];
        let late = "2026-11-29T04:00:00Z";
        assert_eq!(
            times(&sunday, Some("1h"), late, 1),
            ["2026-11-29T04:00:00Z 2026-11-29T05:00:00Z"]
        );
        assert_eq!(
            times(&sunday, Some("2h"), late, 1),
            ["2026-12-06T02:00:00Z 2026-12-06T04:00:00Z"]
        );
        assert_eq!(times(&sunday, Some("4h"), late, 1), ["- -"]);
    }

    #[test]
    fn the_last_minutes_of_a_window_are_no_wave() {
        let sunday = ["sunday 02:00 for 3h"];
        let next = ["2026-12-06T02:00:00Z 2026-12-06T05:00:00Z"];
        assert_eq!(times(&sunday, None, "2026-11-29T04:55:00Z", 1), next);
        assert_eq!(times(&sunday, None, "2026-11-29T04:31:00Z", 1), next);
        assert_eq!(
            times(&sunday, None, "2026-11-29T04:30:00Z", 1),
            ["2026-11-29T04:30:00Z 2026-11-29T05:00:00Z"]
        );
        // One that is always so short is somebody's wish.
        let short = ["sunday 02:00 for 20m"];
        assert_eq!(
            times(&short, None, "2026-11-29T02:01:00Z", 1),
            ["2026-12-06T02:00:00Z 2026-12-06T02:20:00Z"]
        );
        // What the wave before leaves of another window is no more.
        let two = ["sunday 02:00 for 3h", "sunday 03:00 for 2h 10m"];
        assert_eq!(
            times(&two, None, "2026-11-29T01:00:00Z", 2),
            ["2026-11-29T02:00:00Z 2026-11-29T05:00:00Z", next[0]]
        );
    }

    #[test]
    fn the_time_of_a_wave_that_is_left_out_is_given_to_nobody() {
        let windows = [MaintenanceWindow::parse("sunday 02:00 for 3h").unwrap()];
        let (from_ms, until_ms, begins, ends) = (None, None, None, None);
        let mut waves = [Wave { number: 2, from_ms, until_ms, begins, ends, visits: Vec::new() }];
        let now = "2026-11-27T12:00:00Z".parse::<Timestamp>().unwrap();
        give_times(&mut waves, &windows, None, now.as_millisecond());
        let begins = Timestamp::from_millisecond(waves[0].from_ms.unwrap()).unwrap();
        assert_eq!(begins.to_string(), "2026-12-06T02:00:00Z");
    }

    #[test]
    fn waves_take_as_long_where_the_clock_is_put_back() {
        // 2026-10-25, 03:00 becomes 02:00: the window from 02:30 lasts three hours all the same.
        assert_eq!(
            times(&["sunday 02:30 for 3h Europe/Berlin"], Some("90m"), "2026-10-24T12:00:00Z", 3),
            [
                "2026-10-25T00:30:00Z 2026-10-25T02:00:00Z",
                "2026-10-25T02:00:00Z 2026-10-25T03:30:00Z",
                "2026-11-01T01:30:00Z 2026-11-01T03:00:00Z",
            ]
        );
    }

    #[test]
    fn without_windows_waves_have_no_time() {
        assert_eq!(times(&[], None, "2026-10-24T12:00:00Z", 1), ["- -"]);
    }
}
