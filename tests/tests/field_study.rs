//! The published cost curve of a field study, reproduced by the score that `replay` uses: UEPREDICT
//! on MareNostrum 3 (Boixaderas et al., SC'20). Its data is no part of this repository:
//! `SCRUBJAY_DATA` names the folder.

#![expect(clippy::disallowed_methods, reason = "reads data that a variable names, never the host")]

use scrubjay_alerts::memory::Seconds;
use scrubjay_alerts::replay::{Failure, Metric, Ratio, Tally, of_node};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The rows of a table, by the names of its columns. None of these tables has quotes.
fn table(path: &Path) -> Vec<BTreeMap<String, String>> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells.len(), header.len(), "{}: {line}", path.display());
        header.iter().zip(cells).map(|(name, cell)| ((*name).to_owned(), cell.to_owned())).collect()
    };
    lines.map(row).collect()
}

/// Seconds of a date and time, counted as if in UTC: only differences matter.
fn moment(text: &str) -> Seconds {
    let parts: Vec<Seconds> =
        text.split(['-', ' ', ':']).map(|part| part.parse().unwrap()).collect();
    let [year, month, day, hour, minute, second] = parts[..] else { panic!("{text}") };
    // Days of the civil calendar, with years that begin in March.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day;
    ((days * 24 + hour) * 60 + minute) * 60 + second
}

/// A time such as `0 days 13:04:35.333333333`, in seconds.
fn span(text: &str) -> f64 {
    let (days, clock) = text.split_once(" days ").unwrap();
    let parts: Vec<f64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("{text}") };
    ((days.parse::<f64>().unwrap() * 24.0 + hours) * 60.0 + minutes) * 60.0 + seconds
}

/// Alarms and failures of each node.
struct Study {
    predictions: Vec<(String, Seconds, f64)>,
    failures: BTreeMap<String, Vec<Failure>>,
}

impl Study {
    fn read(folder: &Path) -> Self {
        let predictions = table(&folder.join("data_predictions.csv"))
            .into_iter()
            .map(|row| {
                let probability = row["y_prob_1"].parse().unwrap();
                (row["id_blade"].clone(), moment(&row["date_time"]), probability)
            })
            .collect();
        let mut failures: BTreeMap<String, Vec<Failure>> = BTreeMap::new();
        for row in table(&folder.join("data_ues_reduction.csv")) {
            let failure = Failure { at: moment(&row["date_time"]), sudden: None };
            failures.entry(row["id_blade"].clone()).or_default().push(failure);
        }
        Self { predictions, failures }
    }

    /// The score of an alarm wherever the model said so.
    fn score(&self, metric: &Metric, positive: impl Fn(f64) -> bool) -> Tally {
        let mut alarms: BTreeMap<&str, Vec<Seconds>> = BTreeMap::new();
        for (node, at, probability) in &self.predictions {
            if positive(*probability) {
                alarms.entry(node).or_default().push(*at);
            }
        }
        let mut tally = Tally::default();
        let nodes = alarms.keys().copied().chain(self.failures.keys().map(String::as_str));
        for node in nodes.collect::<std::collections::BTreeSet<_>>() {
            let alarms = alarms.get(node).map_or(&[][..], Vec::as_slice);
            let failures = self.failures.get(node).map_or(&[][..], Vec::as_slice);
            tally.add(of_node(metric, alarms, failures));
        }
        tally
    }
}

fn data() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("SCRUBJAY_DATA")?).join("marenostrum3-uepredict");
    folder.is_dir().then_some(folder)
}

#[test]
fn the_cost_curve_of_marenostrum_is_reproduced_in_every_row_and_column() {
    let Some(folder) = data() else {
        println!("skipped: SCRUBJAY_DATA names no folder with marenostrum3-uepredict");
        return;
    };
    let study = Study::read(&folder);
    let metric = Metric::NODE;
    // "Predictable" are those that the model said anything of in time, even "never".
    let predictable = study.score(&metric, |_| true).caught;
    let published = table(&folder.join("data_evaluations.csv"));
    assert_eq!(published.len(), 11);
    for row in published {
        let threshold: f64 = row["threshold"].parse().unwrap();
        let tally = study.score(&metric, |probability| probability > threshold);
        assert_eq!(tally.failures, 30);
        assert_eq!(tally.mitigations.to_string(), row["mitigations"], "at {threshold}");
        assert_eq!(tally.caught.to_string(), row["ues_predicted"], "at {threshold}");
        assert_eq!(predictable.to_string(), row["ues_predictable"]);
        let leads = &tally.leads;
        match row["lead_time_maxs_average"].as_str() {
            "" => assert!(leads.is_empty(), "at {threshold}"),
            average => {
                let sum: Seconds = leads.iter().sum();
                let mean = sum as f64 / leads.len() as f64;
                assert!((mean - span(average)).abs() < 1e-6, "at {threshold}: {mean}");
            }
        }
        for hours in [5.0, 50.0, 500.0] {
            // A mitigation takes two minutes of the node.
            let costs = Ratio { mitigation: 2.0 / 60.0, failure: hours };
            let published: f64 = row[&format!("total_cost_ue_{hours}")].parse().unwrap();
            let total = tally.cost(&costs);
            assert!((total - published).abs() < 1e-6, "at {threshold}, {hours} h: {total}");
        }
    }
}
