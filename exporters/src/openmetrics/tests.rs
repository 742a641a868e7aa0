//! The page before a reader that takes the specification at its word.

use super::*;
use crate::testing;
use scrubjay_model::metrics;
use std::collections::{BTreeMap, BTreeSet};

/// One sample as it was read.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    labels: Vec<(String, String)>,
    value: f64,
}

/// A family as it was read.
#[derive(Debug, Clone, Default)]
struct Family {
    kind: String,
    unit: Option<String>,
    help: Option<String>,
    /// By the whole name, in order.
    samples: Vec<(String, Read)>,
}

/// Reads a page of OpenMetrics 1.0; what is not as the specification says is an error.
fn parse(page: &str) -> Result<BTreeMap<String, Family>, String> {
    let body = page.strip_suffix("# EOF\n").ok_or("does not end with # EOF")?;
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut current = String::new();
    for line in body.split_terminator('\n') {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if line.is_empty() || line.contains('\r') {
            return wrong("blank lines and carriage returns are not allowed");
        }
        if let Some(rest) = line.strip_prefix("# ") {
            let mut words = rest.splitn(3, ' ');
            let (Some(what), Some(name)) = (words.next(), words.next()) else {
                return wrong("no descriptor");
            };
            let text = words.next().unwrap_or_default();
            if !is_name(name) {
                return wrong("no name");
            }
            if name != current {
                if families.contains_key(name) {
                    return wrong("the family is interleaved with another");
                }
                current = name.to_owned();
            }
            let family = families.entry(name.to_owned()).or_default();
            if !family.samples.is_empty() {
                return wrong("metadata after samples");
            }
            match what {
                "TYPE" if family.kind.is_empty() && KINDS.contains(&text) => {
                    family.kind = text.to_owned();
                }
                "UNIT" if family.unit.is_none() && name.ends_with(&format!("_{text}")) => {
                    family.unit = Some(text.to_owned());
                }
                "HELP" if family.help.is_none() => {
                    let (help, rest) = unescape(text, false)?;
                    if !rest.is_empty() {
                        return wrong("a quote that is not escaped");
                    }
                    family.help = Some(help);
                }
                _ => return wrong("a descriptor that is unknown, twice, or not as it must be"),
            }
            continue;
        }
        let end = line.find([' ', '{']).ok_or_else(|| format!("no value: {line}"))?;
        let (name, mut rest) = line.split_at(end);
        let family = families.get_mut(&current).ok_or_else(|| format!("no family: {line}"))?;
        let suffix = name.strip_prefix(current.as_str());
        let allowed: &[&str] = match family.kind.as_str() {
            "counter" => &["_total", "_created"],
            "info" => &["_info"],
            "gauge" => &[""],
            _ => &[],
        };
        if !is_name(name) || !suffix.is_some_and(|suffix| allowed.contains(&suffix)) {
            return wrong("not a sample of its family");
        }
        let mut labels = Vec::new();
        if let Some(mut inside) = rest.strip_prefix('{') {
            loop {
                let (label, text) =
                    inside.split_once("=\"").ok_or_else(|| format!("no label: {line}"))?;
                if !is_name(label) || label.contains(':') || label.starts_with("__") {
                    return wrong("no name of a label");
                }
                let (value, after) = unescape(text, true)?;
                labels.push((label.to_owned(), value));
                if let Some(after) = after.strip_prefix(',') {
                    inside = after;
                } else if let Some(after) = after.strip_prefix('}') {
                    rest = after;
                    break;
                } else {
                    return wrong("no end of the labels");
                }
            }
        }
        let number = rest.strip_prefix(' ').ok_or_else(|| format!("no value: {line}"))?;
        // No timestamp and no exemplar: the number is all.
        let plain = number.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
        let value: f64 = match number {
            "NaN" => f64::NAN,
            "+Inf" => f64::INFINITY,
            "-Inf" => f64::NEG_INFINITY,
            _ if plain => number.parse().map_err(|_| format!("no number: {line}"))?,
            _ => return wrong("no number"),
        };
        let sample = Read { labels, value };
        let names: BTreeSet<&String> = sample.labels.iter().map(|(name, _)| name).collect();
        if names.len() != sample.labels.len() {
            return wrong("a label twice");
        }
        let is_twin =
            |(known, read): &(String, Read)| known == name && read.labels == sample.labels;
        if family.samples.iter().rev().take(4_096).any(is_twin) {
            return wrong("a sample twice");
        }
        match suffix {
            Some("_total") if value.is_nan() || value < 0.0 => return wrong("a counter below 0"),
            Some("_info") if value != 1.0 => return wrong("an info that is not 1"),
            Some("_created") => {
                // Samples of one metric stand together.
                let before = family.samples.last();
                if before.is_none_or(|(_, read)| read.labels != sample.labels) {
                    return wrong("created away from its counter");
                }
            }
            _ => {}
        }
        family.samples.push((name.to_owned(), sample));
    }
    let mut all = BTreeSet::new();
    for (name, family) in &families {
        if family.kind.is_empty() || family.samples.is_empty() {
            return Err(format!("{name} has no kind or no samples"));
        }
        if family.kind == "info" && family.unit.is_some() {
            return Err(format!("{name} is info and has a unit"));
        }
        // What a reader that knows no types would take for another family.
        for suffix in ["", "_total", "_created", "_info", "_count", "_sum", "_bucket"] {
            if family.samples.iter().any(|(sample, _)| *sample == format!("{name}{suffix}"))
                && !all.insert(format!("{name}{suffix}"))
            {
                return Err(format!("{name}{suffix} is of two families"));
            }
        }
    }
    Ok(families)
}

const KINDS: [&str; 8] =
    ["counter", "gauge", "info", "stateset", "histogram", "gaugehistogram", "summary", "unknown"];

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// A text up to a quote that is not escaped, which `quoted` asks for, and what follows.
fn unescape(text: &str, quoted: bool) -> Result<(String, &str), String> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + usize::from(quoted)..])),
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('"' | '\\'))) => value.push(c),
                other => return Err(format!("escaped {other:?} in {text}")),
            },
            c => value.push(c),
        }
    }
    if quoted { Err(format!("no closing quote: {text}")) } else { Ok((value, "")) }
}

#[test]
fn every_page_is_as_the_specification_says_and_tells_what_the_classic_one_does() {
    for view in [
        testing::server(),
        testing::guest(),
        testing::contradictory(),
        testing::blind(),
        testing::large(),
    ] {
        for stale in [false, true] {
            let families = parse(&render(&view, stale)).unwrap();
            let ours: BTreeSet<(String, String)> = families
                .values()
                .flat_map(|family| &family.samples)
                .filter(|(name, _)| !name.ends_with("_created"))
                .map(|(name, read)| (name.clone(), read.value.to_string()))
                .collect();
            let classic = crate::prometheus::render(&view, stale).unwrap();
            let classic: BTreeSet<(String, String)> = classic
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| {
                    let name = line.split([' ', '{']).next().unwrap();
                    let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
                    (name.to_owned(), value.to_string())
                })
                .collect();
            assert_eq!(ours, classic);
        }
    }
}

#[test]
fn units_kinds_and_creation_are_told() {
    let families = parse(&render(&testing::server(), false)).unwrap();
    let dimm = &families["scrubjay_dimm_correctable_errors"];
    assert_eq!(dimm.kind, "counter");
    assert_eq!(dimm.unit, None);
    assert_eq!(dimm.help.as_deref(), Some(metrics::DIMM_CORRECTABLE.help));
    let restarts = &families["scrubjay_controller_count_restarts"];
    let created: Vec<f64> = restarts
        .samples
        .iter()
        .filter(|(name, _)| name.ends_with("_created"))
        .map(|(_, read)| read.value)
        .collect();
    assert_eq!(created.len() * 2, restarts.samples.len());
    #[expect(clippy::cast_precision_loss, reason = "a moment of this century")]
    let now = testing::NOW_MS as f64 / 1000.0;
    assert!(created.iter().all(|created| *created > 1.0e9 && *created <= now), "{created:?}");

    assert_eq!(families["process_cpu_seconds"].unit.as_deref(), Some("seconds"));
    assert_eq!(families["scrubjay_build"].kind, "info");
    assert_eq!(families["scrubjay_verdict"].kind, "gauge");
    let rate = &families["scrubjay_controller_scrub_rate_bytes_per_second"];
    assert_eq!(rate.unit.as_deref(), Some("bytes_per_second"));
    // Since boot, by a clock that may be set: nothing is said of when.
    let oops = &families["scrubjay_kernel_oops"];
    assert!(oops.samples.iter().all(|(name, _)| name == "scrubjay_kernel_oops_total"));
}

#[test]
fn hostile_label_values_come_back_as_they_were() {
    let mut view = testing::contradictory();
    let edac = view.snapshot.edac.as_mut().unwrap();
    let scrubjay_model::Reading::Value(edac) = &mut edac.reading else { unreachable!() };
    edac.controllers[0].dimms_mut()[0].label = testing::text("a\"} 1\n# EOF\n\\ \\n");
    let families = parse(&render(&view, false)).unwrap();
    let labels = |(_, read): &(String, Read)| read.labels.clone();
    let label = families["scrubjay_dimm"]
        .samples
        .iter()
        .flat_map(labels)
        .find(|(name, value)| name == "label" && value.starts_with("a\""))
        .unwrap();
    assert_eq!(label.1, "a\"} 1\\u{a}# EOF\\u{a}\\ \\n");
}

#[test]
fn the_reader_of_these_tests_refuses_what_is_wrong() {
    for wrong in [
        "",
        "# TYPE a gauge\na 1\n",
        "# TYPE a counter\na 1\n# EOF\n",
        "# TYPE a counter\na_total -1\n# EOF\n",
        "# TYPE a info\na_info 0\n# EOF\n",
        "# TYPE a gauge\n# UNIT a seconds\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\na 2\n# EOF\n",
        "# TYPE a gauge\na 1 1795500120\n# EOF\n",
        "# TYPE a gauge\na{b=\"\\x\"} 1\n# EOF\n",
        "# TYPE a gauge\n# HELP a say \"no\".\na 1\n# EOF\n",
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{c=\"\"} 1\n# EOF\n",
        "# TYPE a counter\na_total{b=\"1\"} 1\na_created{b=\"2\"} 1\n# EOF\n",
        "# TYPE a gauge\na 1\n# EOF\n\n",
    ] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
    assert!(parse("# TYPE a counter\na_total 1\na_created 2.5\n# EOF\n").is_ok());
}
