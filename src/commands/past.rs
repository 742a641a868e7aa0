//! What commands that look back have in common.

use super::reading;
use crate::config::Settings;
use anyhow::Context;
use jiff::{Span, SpanRelativeTo, Unit};
use scrubjay_collector::HostRoot;
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

/// A span of time, a day being 24 hours.
fn milliseconds(text: &str) -> anyhow::Result<i64> {
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
    use super::milliseconds;

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
