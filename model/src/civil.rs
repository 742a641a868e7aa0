//! Days of the calendar, as count since 1970-01-01.

/// The day of a date of the Gregorian calendar; `None` if there is no such day.
pub(crate) fn day_of(year: i64, month: u32, day: u32) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let count = days_before(year, month) + i64::from(day) - 1;
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (count < days_before(next_year, next_month)).then_some(count)
}

/// The day written as `2026-11-23`.
pub fn day_of_text(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut digits = |length: usize| {
        let part = parts.next()?;
        let plain = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| plain)
    };
    let (year, month, day) = (digits(4)?, digits(2)?, digits(2)?);
    day_of(i64::from(year), month, day).filter(|_| parts.next().is_none())
}

/// The text of a day, `2026-11-23`; outside the years 1 to 9999 a count of days.
pub fn text_of_day(day: i64) -> String {
    let known = (days_before(1, 1)..days_before(10_000, 1)).contains(&day);
    // 400 years have 146,097 days; the division is off by one year at most.
    let near = if known { 1970 + (day * 400).div_euclid(146_097) } else { 0 };
    let year = (near - 1..=near + 1).rev().find(|year| days_before(*year, 1) <= day);
    let year = year.filter(|_| known);
    let month = year.and_then(|year| (1..=12).rev().find(|m| days_before(year, *m) <= day));
    match year.zip(month) {
        Some((year, month)) => {
            format!("{year:04}-{month:02}-{:02}", day - days_before(year, month) + 1)
        }
        None => format!("day {day}"),
    }
}

/// The first day of the month that a day lies in, and of the next; `None` outside the years 1 to 9999.
pub(crate) fn month_of_day(day: i64) -> Option<(i64, i64)> {
    let text = text_of_day(day);
    let mut parts = text.split('-');
    let year = parts.next()?.parse::<i64>().ok()?;
    let month = parts.next()?.parse::<u32>().ok()?;
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    Some((day_of(year, month, 1)?, days_before(next_year, next_month)))
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The day in a text as kernels name that of their making: `#1 SMP Tue Mar 5 12:00:00 UTC 2024`.
pub(crate) fn day_of_making(version: &str) -> Option<i64> {
    let words: Vec<&str> = version.split_whitespace().collect();
    let at = words.iter().position(|word| MONTHS.contains(word))?;
    let month = (1_u32..).zip(MONTHS).find(|(_, name)| words.get(at) == Some(name))?.0;
    let day = words.get(at + 1)?.parse::<u32>().ok()?;
    let mut rest = words.iter().skip(at + 2);
    let year = rest.find_map(|word| word.parse::<i64>().ok().filter(|_| word.len() == 4))?;
    day_of(year, month, day)
}

/// Days from 1970-01-01 to the first of a month; the calendar is that of today for all time.
fn days_before(year: i64, month: u32) -> i64 {
    const BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    // Leap days of all years before this one, or with this one's from March on.
    let leap_years = if month > 2 { year } else { year - 1 };
    let leap_days = leap_years / 4 - leap_years / 100 + leap_years / 400;
    let in_year = BEFORE.iter().zip(1..).find(|(_, m)| *m == month).map_or(0, |(days, _)| *days);
    365 * (year - 1970) + leap_days - LEAP_DAYS_BEFORE_1970 + in_year
}

const LEAP_DAYS_BEFORE_1970: i64 = 1969 / 4 - 1969 / 100 + 1969 / 400;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_days_are_where_they_belong() {
        for (text, day) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2016-01-16", 16_816),
            ("2026-11-29", 20_786),
        ] {
            assert_eq!(day_of_text(text), Some(day), "{text}");
            assert_eq!(text_of_day(day), text);
        }
        for odd in ["2025-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "2026-01-01-", "x"] {
            assert_eq!(day_of_text(odd), None, "{odd}");
        }
    }

    #[test]
    fn the_day_a_kernel_was_made_stands_in_its_version() {
        let day = |version| day_of_making(version).map(text_of_day);
        let version = "#1 SMP PREEMPT_DYNAMIC Tue Mar  5 12:00:00 UTC 2024";
        assert_eq!(day(version).as_deref(), Some("2024-03-05"));
        assert_eq!(
            day("#47-Ubuntu SMP Fri Sep 27 21:40:26 UTC 2024").as_deref(),
            Some("2024-09-27")
        );
        assert_eq!(day("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)"), None);
        assert_eq!(day("#1 SMP Feb 30 1 2024"), None);
    }

    proptest! {
        #[test]
        fn a_day_is_what_its_text_says(day in -700_000_i64..2_900_000) {
            prop_assert_eq!(day_of_text(&text_of_day(day)), Some(day));
        }

        #[test]
        fn no_text_panics(text in any::<String>(), day in any::<i64>()) {
            let _ = (day_of_text(&text), day_of_making(&text), text_of_day(day));
        }
    }
}
