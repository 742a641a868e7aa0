//! Between the types of the model and the columns of the tables.

use rusqlite::Row;
use rusqlite::types::{FromSqlError, Type};
use scrubjay_model::{BootEnd, BootId, ErrorClass, Outcome, Place, SeriesPlace, SourceId, Stamp};
use std::time::Duration;

/// A column holds something this version never writes.
#[derive(Debug, thiserror::Error)]
#[error("column {column} holds \"{text}\", which this version never writes; please report it")]
struct Odd {
    column: &'static str,
    text: String,
}

/// The error for such a column.
pub(crate) fn odd(column: &'static str, text: impl ToString) -> rusqlite::Error {
    let odd = Odd { column, text: text.to_string() };
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(odd))
}

/// The text of a column, which is not copied. By its number, as names are looked for in each row.
pub(crate) fn text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// The same, where there may be none.
pub(crate) fn optional_text<'r>(
    row: &'r Row<'_>,
    column: usize,
) -> rusqlite::Result<Option<&'r str>> {
    Ok(row.get_ref(column)?.as_str_or_null()?)
}

/// Nanoseconds. No clock since boot gets near the end of the range, 292 years.
pub(crate) fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// The way back from [`nanos`].
pub(crate) fn duration(nanos: i64) -> rusqlite::Result<Duration> {
    u64::try_from(nanos)
        .map(Duration::from_nanos)
        .map_err(|_| FromSqlError::OutOfRange(nanos).into())
}

/// The way back from [`nanos`], where there may be none.
pub(crate) fn optional_duration(nanos: Option<i64>) -> rusqlite::Result<Option<Duration>> {
    nanos.map(duration).transpose()
}

/// A count. The plan keeps them within range.
pub(crate) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The way back from [`count`].
pub(crate) fn uncount(stored: i64) -> rusqlite::Result<u64> {
    u64::try_from(stored).map_err(|_| FromSqlError::OutOfRange(stored).into())
}

/// A boot id.
pub(crate) fn boot_id(text: &str) -> rusqlite::Result<BootId> {
    let unknown = BootId::unknown();
    if text == unknown.as_str() {
        return Ok(unknown);
    }
    BootId::parse(text).ok_or_else(|| odd("boot_id", text))
}

/// The end of a boot.
pub(crate) fn boot_end(text: &str) -> rusqlite::Result<BootEnd> {
    let mut all = BootEnd::ALL.into_iter();
    all.find(|end| end.as_str() == text).ok_or_else(|| odd("ended", text))
}

/// The class of a counter.
pub(crate) fn class(text: &str) -> rusqlite::Result<ErrorClass> {
    let mut all = ErrorClass::ALL.into_iter();
    all.find(|class| class.as_str() == text).ok_or_else(|| odd("class", text))
}

/// A source.
pub(crate) fn source(text: &str) -> rusqlite::Result<SourceId> {
    SourceId::parse(text).ok_or_else(|| odd("source", text))
}

/// The kind of an outcome.
pub(crate) fn outcome(text: &str) -> rusqlite::Result<Outcome> {
    let mut all = Outcome::ALL.into_iter();
    all.find(|outcome| outcome.as_str() == text).ok_or_else(|| odd("state", text))
}

/// The place of a series, from the text it displays as.
pub(crate) fn place(text: &str) -> rusqlite::Result<SeriesPlace> {
    parse_place(text).ok_or_else(|| odd("place", text))
}

fn parse_place(text: &str) -> Option<SeriesPlace> {
    let mut plain = [SeriesPlace::Total, SeriesPlace::Unattributed].into_iter();
    parse_numbered(text)
        .map(SeriesPlace::Dimm)
        .or_else(|| plain.find(|place| place.to_string() == text))
}

fn parse_numbered(text: &str) -> Option<Place> {
    let number = |prefix| text.strip_prefix(prefix)?.parse::<u32>().ok();
    Some(if let Some((csrow, channel)) = text.split_once('/') {
        Place::Channel {
            csrow: csrow.strip_prefix("csrow")?.parse().ok()?,
            channel: channel.strip_prefix("ch")?.parse().ok()?,
        }
    } else if let Some(n) = number("dimm") {
        Place::Dimm(n)
    } else if let Some(n) = number("rank") {
        Place::Rank(n)
    } else {
        Place::Csrow(number("csrow")?)
    })
}

/// A stamp from its columns.
pub(crate) fn stamp(
    boot: &str,
    wall_ms: i64,
    since_boot_ns: Option<i64>,
    awake_ns: Option<i64>,
) -> rusqlite::Result<Stamp> {
    Ok(Stamp {
        boot: boot_id(boot)?,
        since_boot: optional_duration(since_boot_ns)?,
        awake: optional_duration(awake_ns)?,
        wall_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_read_back_as_it_was_written() {
        for place in [
            SeriesPlace::Total,
            SeriesPlace::Unattributed,
            SeriesPlace::Dimm(Place::Dimm(0)),
            SeriesPlace::Dimm(Place::Rank(31)),
            SeriesPlace::Dimm(Place::Csrow(7)),
            SeriesPlace::Dimm(Place::Channel { csrow: 3, channel: u32::MAX }),
        ] {
            assert_eq!(parse_place(&place.to_string()), Some(place));
        }
        for odd in ["", "dimm", "dimm-1", "dimm4294967296", "csrow1/dimm2", "Total"] {
            assert_eq!(parse_place(odd), None, "{odd}");
        }
    }
}
