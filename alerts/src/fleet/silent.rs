//! Matchers of hosts that do not report, so that the past is looked at for them and for nobody else.

use std::collections::BTreeSet;

/// Matchers of the labels that name hosts, given their values: of as many hosts each as fit into so
/// many bytes. Where several labels name a host they may match others too, but none less.
pub(super) fn matchers(labels: &[String], hosts: &[Vec<String>], most_bytes: usize) -> Vec<String> {
    let mut all = Vec::new();
    let mut part: Vec<BTreeSet<String>> = vec![BTreeSet::new(); labels.len()];
    let mut bytes = 0_usize;
    for values in hosts {
        let values: Vec<String> = values.iter().map(|value| escaped(value)).collect();
        let more = values.iter().fold(0_usize, |sum, value| sum.saturating_add(value.len() + 1));
        if bytes > 0 && bytes.saturating_add(more) > most_bytes {
            all.push(text(labels, &part));
            part.iter_mut().for_each(BTreeSet::clear);
            bytes = 0;
        }
        bytes = bytes.saturating_add(more);
        for (into, value) in part.iter_mut().zip(values) {
            into.insert(value);
        }
    }
    if bytes > 0 {
        all.push(text(labels, &part));
    }
    all
}

fn text(labels: &[String], values: &[BTreeSet<String>]) -> String {
    let one = |(label, values): (&String, &BTreeSet<String>)| {
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        format!("{label}=~\"{}\"", values.join("|"))
    };
    labels.iter().zip(values).map(one).collect::<Vec<String>>().join(",")
}

/// A value as an expression that matches it alone, as it stands between quotation marks.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            // Once for the expression and once for the quotation marks.
            '\\' => out.push_str("\\\\\\\\"),
            '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => {
                out.push_str("\\\\");
                out.push(c);
            }
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(labels: &[&str], hosts: &[&[&str]], most_bytes: usize) -> Vec<String> {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let hosts: Vec<Vec<String>> = hosts.iter().map(|values| owned(values)).collect();
        let labels: Vec<String> = owned(labels);
        matchers(&labels, &hosts, most_bytes)
    }

    #[test]
    fn hosts_are_named_exactly_and_in_parts_that_fit() {
        assert_eq!(
            all(&["instance"], &[&["a.b:1"], &["c|\"d\\"]], 100),
            [r#"instance=~"a\\.b:1|c\\|\"d\\\\""#]
        );
        assert_eq!(
            all(&["instance"], &[&["aaaa"], &["bbbb"], &["cccc"]], 10),
            [r#"instance=~"aaaa|bbbb""#, r#"instance=~"cccc""#]
        );
        assert_eq!(all(&["instance"], &[&["longer-than-that"]], 4).len(), 1);
        assert_eq!(
            all(&["cluster", "node"], &[&["x", "n1"], &["y", "n1"]], 100),
            [r#"cluster=~"x|y",node=~"n1""#]
        );
        assert!(all(&["instance"], &[], 10).is_empty());
    }
}
