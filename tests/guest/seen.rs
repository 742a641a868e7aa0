//! What the binary showed, in the form that scenarios compare.

use serde_json::Value;
use std::collections::BTreeMap;

/// Error counts by place and class, for example `mc0 dimm1 correctable`.
pub(crate) type Counts = BTreeMap<String, u64>;

/// The test driver's own counts: a place, a class and a number on each line.
pub(crate) fn counts_of_driver(text: &str) -> Counts {
    let counts = text.lines().map(|line| line.rsplit_once(' ').unwrap());
    counts.map(|(what, number)| (what.to_owned(), number.parse().unwrap())).collect()
}

/// The sums over all lives of the counters, as `status --json` and `/api/v1/snapshot` give them.
pub(crate) fn counts(status: &Value) -> Counts {
    let totals = status["accumulated"].as_array().unwrap().iter();
    totals
        .map(|total| {
            let text = |key: &str| total[key].as_str().unwrap_or("gone");
            let name = format!("{} {} {}", text("edac"), text("place"), text("class"));
            (name, total["total"].as_u64().unwrap())
        })
        .collect()
}

/// Adds the counts of a driver that is about to go.
pub(crate) fn add(sum: &mut Counts, counts: &Counts) {
    for (what, number) in counts {
        *sum.entry(what.clone()).or_default() += number;
    }
}

/// Codes and subjects of the findings, in their order.
pub(crate) fn findings(status: &Value) -> Vec<String> {
    let of = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap().iter();
        list.map(|f| format!("{} {}", f["code"].as_str().unwrap(), f["subject"].as_str().unwrap()))
            .collect()
    };
    let assessment = &status["assessment"];
    [of(&assessment["findings"]), of(&assessment["coverage"]["findings"])].concat()
}

/// What a source read, as JSON; its state must be ok.
pub(crate) fn value<'a>(status: &'a Value, source: &str) -> &'a Value {
    let reading = &status["snapshot"][source]["reading"];
    assert_eq!(reading["state"], "ok", "{source}: {reading}");
    &reading["value"]
}

/// The memory that the kernel marked as bad, in bytes.
pub(crate) fn corrupted(status: &Value) -> u64 {
    value(status, "memory_failure")["hardware_corrupted_bytes"]["value"].as_u64().unwrap()
}

/// A metrics page.
#[derive(Debug)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The value of the one sample of a family whose labels contain `labels`.
    pub(crate) fn value(&self, family: &str, labels: &str) -> Option<u64> {
        let mut found = self.0.lines().filter(|line| {
            line.strip_prefix(family)
                .is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(labels))
        });
        let value = found.next()?.rsplit(' ').next()?.parse().ok();
        assert_eq!(found.next(), None, "{family} {labels}");
        value
    }
}
