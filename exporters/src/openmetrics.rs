//! The OpenMetrics text format, version 1.0.
//!
//! The same samples as on the classic page ([`crate::prometheus`]), under the same names, with what
//! the classic format cannot say: units, which families are metadata (`info`), and since when each
//! counter counts (`_created`), where that is known. No sample has a timestamp: they are of now.
//!
//! Sets of states stay gauges here. A `stateset` wants the state under a label that is named like
//! the family (`scrubjay_verdict{scrubjay_verdict="ok"}`), and names are the same on both pages
//! (ADR 0020).

use crate::observe::{self, Observation};
use scrubjay_model::{HostView, MetricDef, MetricKind};
use std::borrow::Cow;
use std::fmt::Write as _;

/// The content type of [`render`]'s result.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The page for a view; `stale` as for [`crate::prometheus::render`].
pub fn render(view: &HostView, stale: bool) -> String {
    encode(&if stale { observe::stale_observations(view) } else { observe::observations(view) })
}

fn encode(observations: &[Observation]) -> String {
    let mut page = String::new();
    for (def, samples) in observe::families(observations) {
        write_family(&mut page, def, &samples);
    }
    page.push_str("# EOF\n");
    page
}

fn write_family(page: &mut String, def: &MetricDef, samples: &[&Observation]) {
    let name = family_name(def);
    let kind = match def.kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge if def.is_info() => "info",
        MetricKind::Gauge => "gauge",
    };
    // Writing to a `String` does not fail.
    let _ = writeln!(page, "# TYPE {name} {kind}");
    if !def.unit.is_empty() {
        let _ = writeln!(page, "# UNIT {name} {}", def.unit);
    }
    let _ = writeln!(page, "# HELP {name} {}", escaped(def.help));
    for sample in samples {
        write_sample(page, def.name, sample, sample.value.as_f64());
        if let Some(created_wall_ms) = sample.created_wall_ms {
            let created = observe::seconds(created_wall_ms).as_f64();
            write_sample(page, &format!("{name}_created"), sample, created);
        }
    }
}

/// The name of the family, which is that of its samples without the suffix that its kind asks for.
fn family_name(def: &MetricDef) -> &'static str {
    match def.kind {
        MetricKind::Counter => def.name.strip_suffix("_total").unwrap_or(def.name),
        MetricKind::Gauge => def.name.strip_suffix("_info").unwrap_or(def.name),
    }
}

fn write_sample(page: &mut String, name: &str, sample: &Observation, value: f64) {
    page.push_str(name);
    let mut opening = '{';
    for (label, value) in sample.def.labels.iter().zip(&sample.labels) {
        page.push(opening);
        page.push_str(label);
        page.push_str("=\"");
        page.push_str(&escaped(value));
        page.push('"');
        opening = ',';
    }
    if opening == ',' {
        page.push('}');
    }
    let _ = if value.is_infinite() {
        writeln!(page, " {}Inf", if value > 0.0 { '+' } else { '-' })
    } else {
        writeln!(page, " {value}")
    };
}

fn escaped(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'\\' | b'"' | b'\n')) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

#[cfg(test)]
mod tests;
