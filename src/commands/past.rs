//! What commands that look back have in common.

use super::reading;
use crate::cli::PastArgs;
use crate::config::Settings;
use anyhow::Context;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Unit};
use scrubjay_collector::HostRoot;
use scrubjay_model::{AckUntil, CoverageRecord, share_of_stretch};
use scrubjay_storage::HistoryReader;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// The history of the host. If there is none yet, says so on stderr and returns nothing.
pub(crate) fn open(
    settings: &Settings,
    host: &Arc<HostRoot>,
) -> anyhow::Result<Option<HistoryReader>> {
    let dirs = reading::history_dirs(settings, host);
    if dirs.is_empty() {
        anyhow::bail!(
            "the root {} is not this host, and no history of it is named: add --state-dir",
            settings.root.display()
        );
    }
    let reader = reading::open_history(&dirs)?;
    if reader.is_none() {
        let dirs: Vec<String> = dirs.iter().map(|dir| dir.display().to_string()).collect();
        writeln!(
            anstream::stderr(),
            "no history in {}: start the agent, or name its directory with --state-dir",
            dirs.join(" or ")
        )?;
    }
    Ok(reader)
}

/// The moment that `--since SPAN` names, milliseconds since the Unix epoch.
pub(crate) fn since(span: Option<&str>, now_wall_ms: i64) -> anyhow::Result<Option<i64>> {
    let Some(text) = span else { return Ok(None) };
    let milliseconds = milliseconds(text)
        .with_context(|| format!("--since \"{text}\": give a span such as 30d or 12h"))?;
    Ok(Some(now_wall_ms.saturating_sub(milliseconds)))
}

/// A part of the past: from one moment until before another, milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// `None` for from the beginning.
    pub(crate) from: Option<i64>,
    /// `None` for up to now.
    pub(crate) until: Option<i64>,
}

impl Window {
    /// The one that is asked for.
    pub(crate) fn of(args: &PastArgs, now_wall_ms: i64) -> anyhow::Result<Self> {
        let from = moment(args.since.as_deref(), "--since", now_wall_ms)?;
        let until = moment(args.until.as_deref(), "--until", now_wall_ms)?;
        if let Some((from, until)) = from.zip(until) {
            anyhow::ensure!(from < until, "--until must be later than --since");
        }
        Ok(Self { from, until })
    }

    /// Whether it has a part of what lasted from one moment to another, or lasts still.
    pub(crate) fn meets(self, began: i64, ended: Option<i64>) -> bool {
        let is_after = self.from.is_some_and(|from| ended.is_some_and(|ended| ended < from));
        let is_before = self.until.is_some_and(|until| began >= until);
        !is_after && !is_before
    }

    /// Its part of the coverage: that nothing is listed must not be said of a time in which nobody
    /// was looking.
    pub(crate) fn clip(self, coverage: Vec<CoverageRecord>) -> Vec<CoverageRecord> {
        let Self { from, until } = self;
        let clip = |stretch: CoverageRecord| {
            let (begin, end) = (stretch.from_wall_ms, stretch.to_wall_ms);
            let from_wall_ms = from.map_or(begin, |from| begin.max(from));
            let to_wall_ms = until.map_or(end, |until| end.min(until));
            let whole = (from_wall_ms, to_wall_ms) == (begin, end);
            let part = || share_of_stretch(begin, end, stretch.length, from_wall_ms, to_wall_ms);
            let length = if whole { stretch.length } else { part() };
            CoverageRecord { from_wall_ms, to_wall_ms, length, ..stretch }
        };
        let meets =
            |stretch: &CoverageRecord| self.meets(stretch.from_wall_ms, Some(stretch.to_wall_ms));
        coverage.into_iter().filter(meets).map(clip).collect()
    }
}

/// A moment as the help writes it: a day, a time, or a span back from now.
pub(crate) fn moment(
    text: Option<&str>,
    option: &str,
    now_wall_ms: i64,
) -> anyhow::Result<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    let instant = text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    // Without an offset it is UTC, as is everything we write.
    let civil = || {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
    };
    if let Some(moment) = instant.or_else(civil) {
        return Ok(Some(moment));
    }
    let milliseconds = milliseconds(text).with_context(|| {
        format!(
            "{option} \"{text}\": give a day such as 2026-11-01, a time such as \
             2026-11-01T06:00Z, or a span such as 30d or 12h"
        )
    })?;
    Ok(Some(now_wall_ms.saturating_sub(milliseconds)))
}

/// The longest that something may be acknowledged: nothing is known for ever.
const LONGEST_ACK_MS: i64 = 366 * 86_400_000;

/// Until when something holds, as the help of `ack` writes it.
pub(crate) fn until(text: &str, now_wall_ms: i64) -> anyhow::Result<AckUntil> {
    let (until, from_now) = match milliseconds(text) {
        Ok(ms) => (AckUntil::Span(u64::try_from(ms)?), ms),
        Err(_) => {
            let date = moment(Some(text), "--until", now_wall_ms)?;
            let date = date.context("--until must name a moment")?;
            (AckUntil::Date(date), date.saturating_sub(now_wall_ms))
        }
    };
    anyhow::ensure!(from_now > 0, "--until {text}: that is over already");
    anyhow::ensure!(from_now <= LONGEST_ACK_MS, "--until {text}: a year is the longest");
    Ok(until)
}

/// A span of time, a day being 24 hours.
pub(super) fn milliseconds(text: &str) -> anyhow::Result<i64> {
    let span: Span = text.parse()?;
    anyhow::ensure!(!span.is_negative(), "a span reaches back from now and is not negative");
    let days = SpanRelativeTo::days_are_24_hours();
    let milliseconds = span.total((Unit::Millisecond, days))?;
    // Rounded to whole seconds on the way, which is finer than any pass.
    let seconds = Duration::try_from_secs_f64(milliseconds / 1000.0)?.as_secs();
    Ok(i64::try_from(seconds)?.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::{Window, milliseconds, moment, until};
    use scrubjay_model::{AckUntil, BootId, CoverageRecord};
    use std::time::Duration;

    #[test]
    fn moments_are_read_as_the_help_writes_them() {
        const NOW: i64 = 1_800_000_000_000;
        let read = |text| moment(Some(text), "--since", NOW).unwrap();
        assert_eq!(read("2026-11-01"), Some(1_793_491_200_000));
        assert_eq!(read("2026-11-01T06:00"), Some(1_793_512_800_000));
        assert_eq!(read("2026-11-01T06:00Z"), Some(1_793_512_800_000));
        assert_eq!(read("2026-11-01T06:00+01:00"), Some(1_793_509_200_000));
        assert_eq!(read("36h"), Some(NOW - 129_600_000));
        for wrong in ["2026-13-01", "soon", "12"] {
            let error = moment(Some(wrong), "--until", NOW).unwrap_err().to_string();
            assert!(error.starts_with("--until"), "{error}");
        }
    }

    #[test]
    fn what_holds_does_so_until_a_date_or_for_a_span_and_not_for_ever() {
        const NOW: i64 = 1_795_953_600_000;
        let read = |text| until(text, NOW).map_err(|error| error.to_string());
        assert_eq!(read("36h"), Ok(AckUntil::Span(129_600_000)));
        assert_eq!(read("7d"), Ok(AckUntil::Span(604_800_000)));
        assert_eq!(read("2026-12-01"), Ok(AckUntil::Date(1_796_083_200_000)));
        for (wrong, why) in [
            ("0s", "over already"),
            ("2026-11-01", "over already"),
            ("5y", "--until"),
            ("soon", "--until"),
        ] {
            assert!(read(wrong).unwrap_err().contains(why), "{wrong}: {:?}", read(wrong));
        }
    }

    #[test]
    fn time_outside_the_window_is_not_said_to_have_been_watched_in_it() {
        let stretch = |from_wall_ms, to_wall_ms| CoverageRecord {
            boot: BootId::unknown(),
            from_wall_ms,
            to_wall_ms,
            length: Duration::from_millis(u64::try_from(to_wall_ms - from_wall_ms).unwrap()),
        };
        let coverage = vec![stretch(0, 10), stretch(20, 100), stretch(200, 300)];
        let within = |from, until| Window { from, until }.clip(coverage.clone());
        assert_eq!(within(Some(60), None), [stretch(60, 100), stretch(200, 300)]);
        assert_eq!(within(Some(60), Some(240)), [stretch(60, 100), stretch(200, 240)]);
        assert_eq!(within(Some(301), None), []);
        assert_eq!(within(None, None), coverage);
    }

    #[test]
    fn spans_are_read_as_the_help_writes_them() {
        const DAY_MS: i64 = 86_400_000;
        for (text, expect) in
            [("30d", 30 * DAY_MS), ("12h", DAY_MS / 2), ("1w", 7 * DAY_MS), ("90s", 90_000)]
        {
            assert_eq!(milliseconds(text).unwrap(), expect, "{text}");
        }
        for wrong in ["", "soon", "-5h", "30"] {
            assert!(milliseconds(wrong).is_err(), "{wrong}");
        }
    }
}
