//! As much of PromQL as it takes to say which metrics and labels an expression names.

use std::collections::BTreeSet;

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// Metrics, each with the labels it is selected by.
    pub(crate) selectors: Vec<(String, BTreeSet<String>)>,
    /// Labels of `by`, `without`, `on`, `ignoring` and `group_left`.
    pub(crate) grouping: BTreeSet<String>,
}

/// Words of the language and its functions, of those that are used here.
const WORDS: [&str; 29] = [
    "absent",
    "and",
    "bool",
    "bottomk",
    "by",
    "count",
    "group_left",
    "ignoring",
    "increase",
    "last_over_time",
    "max",
    "max_over_time",
    "min",
    "on",
    "or",
    "present_over_time",
    "rate",
    "sum",
    "time",
    "topk",
    "unless",
    "without",
    "offset",
    "changes",
    "resets",
    "avg",
    "round",
    "clamp_min",
    "vector",
];

const GROUPING: [&str; 5] = ["by", "without", "on", "ignoring", "group_left"];

/// Takes an expression apart.
pub(crate) fn named(expr: &str) -> Named {
    let mut named = Named::default();
    let mut rest = expr;
    while let Some(start) =
        rest.find(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '"' || c == '[')
    {
        rest = &rest[start..];
        if let Some(after) = rest.strip_prefix('"') {
            rest = after.split_once('"').map_or("", |(_, rest)| rest);
            continue;
        }
        if let Some(after) = rest.strip_prefix('[') {
            rest = after.split_once(']').map_or("", |(_, rest)| rest);
            continue;
        }
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_:$".contains(c)));
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        if GROUPING.contains(&word)
            && let Some((labels, after)) =
                rest.trim_start().strip_prefix('(').and_then(|rest| rest.split_once(')'))
        {
            named.grouping.extend(
                labels.split(',').map(|label| label.trim().to_owned()).filter(|l| !l.is_empty()),
            );
            rest = after;
        } else if !WORDS.contains(&word) {
            let mut labels = BTreeSet::new();
            if let Some(matchers) = rest.strip_prefix('{') {
                let (found, after) = matchers_of(matchers);
                labels = found;
                rest = after;
            }
            named.selectors.push((word.to_owned(), labels));
        }
    }
    named
}

/// The labels of matchers, and what follows the closing brace.
fn matchers_of(text: &str) -> (BTreeSet<String>, &str) {
    let mut labels = BTreeSet::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return (labels, after);
        }
        let Some((label, after)) = rest.split_once('"') else { panic!("{text}: no end") };
        labels.insert(label.trim_end_matches(['=', '~', '!']).trim().to_owned());
        rest = after.split_once('"').map_or("", |(_, rest)| rest);
    }
}

#[test]
fn an_expression_is_taken_apart() {
    let of = named(
        "sum by (instance, dimm) (rate(a_total{job=~\"$job\",x!=\"}y\"}[$__rate_interval])) > bool 0 \
         and on (job) b or time() - c * 2",
    );
    let labels = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        of,
        Named {
            selectors: vec![
                ("a_total".to_owned(), labels(&["job", "x"])),
                ("b".to_owned(), labels(&[])),
                ("c".to_owned(), labels(&[])),
            ],
            grouping: labels(&["instance", "dimm", "job"]),
        }
    );
}
