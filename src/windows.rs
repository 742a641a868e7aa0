//! Maintenance windows: when a host may be rebooted and opened, by the calendar of a place.
//!
//! A window begins at a time of the wall clock there and lasts as long as it says, so that it is
//! neither lost nor doubled where a clock is put forward or back: one that would begin within the
//! hour that is left out begins after it, one within the hour that comes twice begins at the first.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::fmt;

/// One window, which comes again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MaintenanceWindow {
    days: Vec<Day>,
    start: Time,
    length: SignedDuration,
    zone: TimeZone,
}

/// On which days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Day {
    weekday: Weekday,
    /// The first, second … of the month, or -1 for the last; every one if `None`.
    nth: Option<i8>,
}

/// One occurrence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Occurrence {
    /// When it begins, milliseconds since the Unix epoch.
    pub(crate) from_wall_ms: i64,
    /// When it ends.
    pub(crate) until_wall_ms: i64,
}

/// A fifth weekday of a month comes at least twice in half a year.
const LOOK_AHEAD_DAYS: i32 = 190;

/// Words for the position in the month.
const NTH: [(&str, i8); 6] =
    [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("fifth", 5), ("last", -1)];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

impl MaintenanceWindow {
    fn new(
        days: &[String],
        start: &str,
        length: SignedDuration,
        zone: &str,
    ) -> Result<Self, String> {
        let days = days.iter().map(|day| Day::parse(day)).collect::<Result<_, _>>()?;
        let start = Time::strptime("%H:%M", start).map_err(|_| {
            format!("\"{start}\" is no time of the day: write hours and minutes, such as 02:00")
        })?;
        if length < SignedDuration::from_mins(1) || length > SignedDuration::from_hours(7 * 24) {
            return Err("a maintenance window lasts from a minute to a week".to_owned());
        }
        let zone = TimeZone::get(zone).map_err(|_| {
            format!(
                "this host knows no time zone \"{zone}\": write a name such as Europe/Berlin and see \
                 that tzdata is installed, or write UTC"
            )
        })?;
        Ok(Self { days, start, length, zone })
    }

    /// A window as one line: `sunday 02:00 for 3h Europe/Berlin`, `second tuesday, last friday 22:00
    /// for 1h 30m`. Without a time zone it is UTC.
    ///
    /// # Errors
    /// A sentence on what makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let form = || {
            format!(
                "\"{text}\" is no maintenance window: write days, a time, how long and a time zone, \
                 such as \"sunday 02:00 for 3h Europe/Berlin\""
            )
        };
        let (when, rest) = text.split_once(" for ").ok_or_else(form)?;
        let (days, start) = when.trim().rsplit_once(' ').ok_or_else(form)?;
        let days: Vec<String> = days.split(',').map(|day| day.trim().to_owned()).collect();
        let whole = rest.trim();
        let (length, zone) = match whole.parse::<SignedDuration>() {
            Ok(length) => (length, "UTC"),
            Err(_) => {
                let (length, zone) = whole.rsplit_once(' ').ok_or_else(form)?;
                (length.parse().map_err(|_| form())?, zone)
            }
        };
        let zone = zone.trim_start_matches('(').trim_end_matches(')');
        Self::new(&days, start, length, zone)
    }

    /// The window that is open at a moment, else the next one.
    pub(crate) fn next(&self, now_wall_ms: i64) -> Option<Occurrence> {
        let now = Timestamp::from_millisecond(now_wall_ms).ok()?;
        // A window that began on an earlier day may still be open.
        let back = i32::try_from(self.length.as_hours() / 24).ok()?.checked_add(1)?;
        let today = now.to_zoned(self.zone.clone()).date();
        (-back..=LOOK_AHEAD_DAYS)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .filter(|date| self.days.iter().any(|day| day.is(*date)))
            .filter_map(|date| self.on(date))
            .find(|window| window.until_wall_ms > now_wall_ms)
    }

    fn on(&self, date: Date) -> Option<Occurrence> {
        let from = date.to_datetime(self.start).to_zoned(self.zone.clone()).ok()?.timestamp();
        let until = from.checked_add(self.length).ok()?;
        Some(Occurrence {
            from_wall_ms: from.as_millisecond(),
            until_wall_ms: until.as_millisecond(),
        })
    }

    /// A moment as people at the window's place read it.
    pub(crate) fn words(&self, wall_ms: i64) -> Option<String> {
        let at = Timestamp::from_millisecond(wall_ms).ok()?.to_zoned(self.zone.clone());
        Some(at.strftime("%A %Y-%m-%d %H:%M %Z").to_string())
    }
}

/// The first of several windows, with the one it is of.
pub(crate) fn next_of(
    windows: &[MaintenanceWindow],
    now_wall_ms: i64,
) -> Option<(&MaintenanceWindow, Occurrence)> {
    windows
        .iter()
        .filter_map(|window| Some((window, window.next(now_wall_ms)?)))
        .min_by_key(|(_, occurrence)| *occurrence)
}

impl Day {
    fn parse(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let mut words = lower.split_whitespace().rev();
        let weekday = words.next().and_then(|word| {
            let named = |name: &str| name == word || (word.len() == 3 && name.starts_with(word));
            WEEKDAYS.iter().find(|(name, _)| named(name)).map(|(_, weekday)| *weekday)
        });
        let nth = match words.next() {
            None => Some(None),
            Some(word) => NTH.iter().find(|(name, _)| *name == word).map(|(_, nth)| Some(*nth)),
        };
        match (weekday, nth, words.next()) {
            (Some(weekday), Some(nth), None) => Ok(Self { weekday, nth }),
            _ => Err(format!(
                "\"{text}\" is no day: write a day of the week such as \"sunday\", or one of the month \
                 such as \"second tuesday\" or \"last friday\""
            )),
        }
    }

    fn is(self, date: Date) -> bool {
        let nth = |nth| date.nth_weekday_of_month(nth, self.weekday).is_ok_and(|day| day == date);
        date.weekday() == self.weekday && self.nth.is_none_or(nth)
    }
}

impl fmt::Display for MaintenanceWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, day) in self.days.iter().enumerate() {
            let name = |(name, _): &(&'static str, Weekday)| *name;
            let weekday = WEEKDAYS.iter().find(|(_, weekday)| *weekday == day.weekday).map(name);
            let nth = day.nth.and_then(|nth| NTH.iter().find(|(_, number)| *number == nth));
            f.write_str(if index > 0 { ", " } else { "" })?;
            if let Some((nth, _)) = nth {
                write!(f, "{nth} ")?;
            }
            f.write_str(weekday.unwrap_or_default())?;
        }
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, " {} for {:#} ({zone})", self.start.strftime("%H:%M"), self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(day: &str, start: &str, zone: &str) -> MaintenanceWindow {
        MaintenanceWindow::parse(&format!("{day} {start} for 3h {zone}")).unwrap()
    }

    fn ms(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    fn next(window: &MaintenanceWindow, now: &str) -> (String, String) {
        let found = window.next(ms(now)).unwrap();
        let text = |ms| Timestamp::from_millisecond(ms).unwrap().to_string();
        (text(found.from_wall_ms), text(found.until_wall_ms))
    }

    #[test]
    fn a_window_is_found_by_the_calendar_of_its_place() {
        let sunday = window("Sunday", "02:00", "Europe/Berlin");
        // A Friday. In winter Berlin is an hour ahead.
        let found = next(&sunday, "2026-11-27T12:00:00Z");
        assert_eq!(found, ("2026-11-29T01:00:00Z".into(), "2026-11-29T04:00:00Z".into()));
        // One that is open is the next one until it ends.
        assert_eq!(next(&sunday, "2026-11-29T03:59:59Z").0, "2026-11-29T01:00:00Z");
        assert_eq!(next(&sunday, "2026-11-29T04:00:00Z").0, "2026-12-06T01:00:00Z");
        let words = sunday.words(ms("2026-11-29T01:00:00Z")).unwrap();
        assert_eq!(words, "Sunday 2026-11-29 02:00 CET");
        assert_eq!(sunday.to_string(), "sunday 02:00 for 3h (Europe/Berlin)");
    }

    #[test]
    fn a_window_in_the_hour_that_is_left_out_begins_after_it() {
        // 2026-03-29, 02:00 becomes 03:00.
        let found = next(&window("sun", "02:30", "Europe/Berlin"), "2026-03-28T12:00:00Z");
        assert_eq!(found, ("2026-03-29T01:30:00Z".into(), "2026-03-29T04:30:00Z".into()));
    }

    #[test]
    fn a_window_in_the_hour_that_comes_twice_begins_at_the_first_and_comes_once() {
        // 2026-10-25, 03:00 becomes 02:00.
        let sunday = window("sun", "02:30", "Europe/Berlin");
        let found = next(&sunday, "2026-10-24T12:00:00Z");
        assert_eq!(found, ("2026-10-25T00:30:00Z".into(), "2026-10-25T03:30:00Z".into()));
        assert_eq!(next(&sunday, "2026-10-25T03:30:00Z").0, "2026-11-01T01:30:00Z");
    }

    #[test]
    fn days_of_the_month_are_found_a_month_ahead() {
        let second = window("second tuesday", "22:00", "UTC");
        assert_eq!(next(&second, "2026-11-11T01:00:00Z").0, "2026-12-08T22:00:00Z");
        let last = window("last friday", "22:00", "UTC");
        assert_eq!(next(&last, "2026-11-28T02:00:00Z").0, "2026-12-25T22:00:00Z");
        // A window may go over midnight.
        assert_eq!(next(&last, "2026-11-28T00:30:00Z").0, "2026-11-27T22:00:00Z");
        let fifth = window("fifth monday", "22:00", "UTC");
        assert_eq!(next(&fifth, "2026-12-01T01:00:00Z").0, "2027-03-29T22:00:00Z");
        assert_eq!(second.to_string(), "second tuesday 22:00 for 3h (UTC)");
    }

    #[test]
    fn the_first_of_several_windows_is_the_next() {
        let windows = [window("sunday", "02:00", "UTC"), window("friday", "23:00", "UTC")];
        let (_, found) = next_of(&windows, ms("2026-11-27T12:00:00Z")).unwrap();
        assert_eq!(found.from_wall_ms, ms("2026-11-27T23:00:00Z"));
        assert_eq!(next_of(&[], 0), None);
    }

    #[test]
    fn a_window_reads_as_it_is_written() {
        for text in [
            "sunday 02:00 for 3h (Europe/Berlin)",
            "second tuesday, last friday 22:00 for 1h 30m (UTC)",
        ] {
            assert_eq!(MaintenanceWindow::parse(text).unwrap().to_string(), text);
        }
        let short = MaintenanceWindow::parse("Sun,Wed 2:00 for 90m").unwrap();
        assert_eq!(short.to_string(), "sunday, wednesday 02:00 for 1h 30m (UTC)");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_way_out() {
        for (text, words) in [
            ("someday 02:00 for 3h", "day of the week"),
            ("sixth monday 02:00 for 3h", "day of the week"),
            ("the second tuesday 02:00 for 3h", "second tuesday"),
            ("sunday 25:00 for 3h", "02:00"),
            ("sunday 02:00 for 0s", "a minute to a week"),
            ("sunday 02:00 for 200h", "a minute to a week"),
            ("sunday 02:00 for 3h Europe/Nowhere", "tzdata"),
            ("sunday 02:00", "for 3h Europe/Berlin"),
            ("02:00 for 3h", "for 3h Europe/Berlin"),
            ("sunday 02:00 for ever UTC", "for 3h Europe/Berlin"),
            ("", "for 3h Europe/Berlin"),
        ] {
            let error = MaintenanceWindow::parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
