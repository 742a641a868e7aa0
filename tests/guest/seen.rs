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

/// Reports of errors, a line each: who told, how severe, at which address, and where or what.
pub(crate) fn told(events: &Value) -> Vec<String> {
    assert_eq!(events["cut"], false, "there are more than were asked for");
    let told = |event: &Value| {
        let group = &event["group"];
        let text = |key: &str| group[key].as_str().unwrap().to_owned();
        let address = group["address"].as_u64().map_or("-".to_owned(), |at| format!("{at:#x}"));
        let place = &group["place"];
        let about = match (place["in"].as_str().unwrap(), group["what"]["kind"].as_str().unwrap()) {
            ("bank", _) => format!("cpu {} bank {}", place["cpu"], place["bank"]),
            (_, "page") => {
                let word = |key: &str| group["what"][key].as_str().unwrap().to_owned();
                format!("{}: {}", word("page_type"), word("outcome"))
            }
            (_, "soft_offline") => {
                let word = |key: &str| group["what"][key].as_str().unwrap().to_owned();
                format!("soft offline by {}: {}", word("asked_by"), word("outcome"))
            }
            (place, _) => event["dimm"].as_str().unwrap_or(place).to_owned(),
        };
        format!("{} {} {address} {about}", text("witness"), text("class"))
    };
    events["events"].as_array().unwrap().iter().map(told).collect()
}

/// Sums of errors that were reported, by the id of the place whose counter went up, in the two
/// classes of the counters.
pub(crate) fn reported(events: &Value) -> Counts {
    assert_eq!(events["cut"], false, "there are more than were asked for");
    let mut sums = Counts::new();
    for event in events["events"].as_array().unwrap() {
        let Some(dimm) = event["dimm"].as_str() else { continue };
        let class = match event["group"]["class"].as_str().unwrap() {
            "corrected" => "correctable",
            _ => "uncorrectable",
        };
        *sums.entry(format!("{dimm} {class}")).or_default() +=
            event["group"]["errors"].as_u64().unwrap();
    }
    sums
}

/// A metrics page.
#[derive(Debug)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// The sum of all samples of a family, which may be none, or negative.
    pub(crate) fn sum(&self, family: &str) -> i64 {
        let of = |line: &&str| {
            line.strip_prefix(family).is_some_and(|rest| rest.starts_with([' ', '{']))
        };
        let values = self.0.lines().filter(of).map(|line| line.rsplit(' ').next().unwrap());
        values.map(|value| value.parse::<i64>().unwrap()).sum()
    }

    /// The same as [`Self::value`] for what may be negative.
    pub(crate) fn signed(&self, family: &str, labels: &str) -> Option<i64> {
        self.text(family, labels)?.parse().ok()
    }

    /// The value of the one sample of a family whose labels contain `labels`.
    pub(crate) fn value(&self, family: &str, labels: &str) -> Option<u64> {
        self.text(family, labels)?.parse().ok()
    }

    fn text(&self, family: &str, labels: &str) -> Option<&str> {
        let mut found = self.0.lines().filter(|line| {
            line.strip_prefix(family)
                .is_some_and(|rest| rest.starts_with([' ', '{']) && rest.contains(labels))
        });
        let value = found.next()?.rsplit(' ').next();
        assert_eq!(found.next(), None, "{family} {labels}");
        value
    }
}
