//! The result of a replay for people, programs and spreadsheets.

use scrubjay_alerts::memory::Seconds;
use scrubjay_alerts::replay::{Metric, Quantile, Ratio, Tally, Unit, span};
use scrubjay_model::count;
use serde_json::{Value, json};
use std::fmt::Write;

/// What was replayed, and what came of it.
#[derive(Debug)]
pub(super) struct Replayed {
    /// What the history is.
    pub(super) history: String,
    /// What was left out of it, as sentences without a full stop.
    pub(super) notes: Vec<String>,
    /// How many years it spans; `None` where nothing happened.
    pub(super) years: Option<f64>,
    pub(super) metric: Metric,
    pub(super) ratios: Vec<f64>,
    /// The policies in order.
    pub(super) lines: Vec<Line>,
}

/// One that took part.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// The ratio it was told.
    pub(super) told: Option<f64>,
    pub(super) tally: Tally,
}

impl Replayed {
    /// Those that took part, with those that know the truth.
    fn all(&self) -> Vec<Line> {
        let line = |name: &str, tally| Line { name: name.to_owned(), told: None, tally };
        let own = self.lines.iter().map(|known| Line {
            name: known.name.clone(),
            told: known.told,
            tally: known.tally.clone(),
        });
        let any = self.lines.first().map(|line| &line.tally);
        let bounds = any.into_iter().flat_map(|any| {
            [
                line("always", any.always()),
                line("oracle", any.oracle()),
                line("oracle-of-announced", any.oracle_of_announced()),
            ]
        });
        own.chain(bounds).collect()
    }

    pub(super) fn text(&self) -> String {
        let Self { history, notes, metric, ratios, .. } = self;
        let mut page = format!("{history}\n");
        for note in notes {
            let _ = writeln!(page, "  {note}");
        }
        if let Some(Line { tally, .. }) = self.lines.first() {
            let Tally { dimms, failures, sudden, announced, .. } = tally;
            let _ = writeln!(
                page,
                "{}, {}, {sudden} of them sudden; {announced} with a corrected error in time",
                count(*dimms, "DIMM", "DIMMs"),
                count(*failures, "failure", "failures")
            );
        }
        let _ = writeln!(page, "{}\n", words(metric));
        let _ = writeln!(
            page,
            "{:<22} {:>8} {:>10} {:>7} {:>7} {:>9} {:>11} {:>11} {:>9} {:>7} {:>6}",
            "policy",
            "alarms",
            "alarmed/yr",
            "caught",
            "missed",
            "of these",
            "lead",
            "lead",
            "precision",
            "recall",
            "F1"
        );
        let _ = writeln!(
            page,
            "{:<22} {:>8} {:>10} {:>7} {:>7} {:>9} {:>11} {:>11}",
            "", "", "DIMMs", "", "", "sudden", "median", "tenth"
        );
        for line in self.all() {
            let Line { tally, .. } = &line;
            let _ = writeln!(
                page,
                "{:<22} {:>8} {:>10} {:>7} {:>7} {:>9} {:>11} {:>11} {:>9} {:>7} {:>6}",
                line.label(),
                tally.alarms,
                self.per_year(tally).map_or("-".to_owned(), |rate| format!("{rate:.1}")),
                tally.caught,
                tally.failures.saturating_sub(tally.caught),
                tally.sudden.saturating_sub(tally.sudden_caught),
                tally.lead(Quantile::Median).map_or("-".to_owned(), lead),
                tally.lead(Quantile::Tenth).map_or("-".to_owned(), lead),
                share(tally.precision()),
                share(tally.recall()),
                share(tally.f1()),
            );
        }
        self.write_costs(&mut page, ratios);
        for line in &self.lines {
            if line.tally.unjudged > 0 {
                let _ = writeln!(
                    page,
                    "{}: {} DIMMs had errors whose place nothing told; it could not judge them",
                    line.label(),
                    line.tally.unjudged
                );
            }
        }
        page
    }

    fn write_costs(&self, page: &mut String, ratios: &[f64]) {
        page.push_str(
            "\nTotal cost in mitigations, and what is saved of what silence costs, where a failure \
             costs so many mitigations\n\n",
        );
        let _ = write!(page, "{:<22}", "policy");
        for ratio in ratios {
            let _ = write!(page, " {:>20}", shown(*ratio));
        }
        page.push('\n');
        for (name, tallies) in self.by_name() {
            let _ = write!(page, "{name:<22}");
            for (ratio, tally) in ratios.iter().zip(tallies) {
                let costs = Ratio::of(*ratio);
                let saving = tally
                    .saving(&costs)
                    .map_or("-".to_owned(), |saving| format!("{:+.1} %", 100.0 * saving));
                let _ = write!(page, " {:>12} {:>7}", format!("{:.0}", tally.cost(&costs)), saving);
            }
            page.push('\n');
        }
        page.push('\n');
    }

    /// Each policy once, with its tally at each ratio.
    fn by_name(&self) -> Vec<(String, Vec<Tally>)> {
        let all = self.all();
        let mut found: Vec<(String, Vec<Tally>)> = Vec::new();
        for line in &all {
            if found.iter().any(|(name, _)| *name == line.name) {
                continue;
            }
            let of = |ratio: f64| {
                let own = |other: &&Line| {
                    other.name == line.name && other.told.is_none_or(|told| told == ratio)
                };
                all.iter().find(own).map_or_else(Tally::default, |line| line.tally.clone())
            };
            found.push((line.name.clone(), self.ratios.iter().map(|ratio| of(*ratio)).collect()));
        }
        found
    }

    fn per_year(&self, tally: &Tally) -> Option<f64> {
        let alarmed = u32::try_from(tally.alarmed).map(f64::from).ok()?;
        self.years.filter(|years| *years > 0.0).map(|years| alarmed / years)
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        let policies: Vec<Value> = self
            .all()
            .iter()
            .map(|line| {
                let tally = &line.tally;
                let costs: Vec<Value> = self
                    .ratios
                    .iter()
                    .filter(|ratio| line.told.is_none_or(|told| told == **ratio))
                    .map(|ratio| {
                        let costs = Ratio::of(*ratio);
                        json!({
                            "ratio": ratio,
                            "total": tally.cost(&costs),
                            "net_saving": tally.saving(&costs),
                        })
                    })
                    .collect();
                json!({
                    "policy": line.name,
                    "told_ratio": line.told,
                    "alarms": tally.alarms,
                    "alarmed_dimms": tally.alarmed,
                    "alarmed_dimms_per_year": self.per_year(tally),
                    "mitigations": tally.mitigations,
                    "caught": tally.caught,
                    "missed": tally.failures.saturating_sub(tally.caught),
                    "missed_sudden": tally.sudden.saturating_sub(tally.sudden_caught),
                    "lead_seconds_median": tally.lead(Quantile::Median),
                    "lead_seconds_tenth": tally.lead(Quantile::Tenth),
                    "precision": tally.precision(),
                    "recall": tally.recall(),
                    "f1": tally.f1(),
                    "unjudged_dimms": tally.unjudged,
                    "offlined_pages": tally.offlined,
                    "costs": costs,
                })
            })
            .collect();
        let first = self.lines.first().map(|line| &line.tally);
        let all = json!({
            "history": self.history,
            "notes": self.notes,
            "years": self.years,
            "dimms": first.map(|tally| tally.dimms),
            "failures": first.map(|tally| tally.failures),
            "sudden_failures": first.map(|tally| tally.sudden),
            "announced_failures": first.map(|tally| tally.announced),
            "metric": {
                "window_seconds": self.metric.window,
                "lead_seconds": self.metric.lead,
                "by": by(self.metric.by),
            },
            "policies": policies,
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&all)?))
    }

    pub(super) fn csv(&self) -> anyhow::Result<String> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record([
            "policy",
            "ratio",
            "alarms",
            "alarmed_dimms",
            "mitigations",
            "failures",
            "caught",
            "missed",
            "missed_sudden",
            "lead_seconds_median",
            "lead_seconds_tenth",
            "precision",
            "recall",
            "f1",
            "total_cost",
            "net_saving",
            "unjudged_dimms",
        ])?;
        let number = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        let time = |value: Option<Seconds>| value.map_or(String::new(), |value| value.to_string());
        for (name, tallies) in self.by_name() {
            for (ratio, tally) in self.ratios.iter().zip(tallies) {
                let costs = Ratio::of(*ratio);
                writer.write_record([
                    name.clone(),
                    ratio.to_string(),
                    tally.alarms.to_string(),
                    tally.alarmed.to_string(),
                    tally.mitigations.to_string(),
                    tally.failures.to_string(),
                    tally.caught.to_string(),
                    tally.failures.saturating_sub(tally.caught).to_string(),
                    tally.sudden.saturating_sub(tally.sudden_caught).to_string(),
                    time(tally.lead(Quantile::Median)),
                    time(tally.lead(Quantile::Tenth)),
                    number(tally.precision()),
                    number(tally.recall()),
                    number(tally.f1()),
                    tally.cost(&costs).to_string(),
                    number(tally.saving(&costs)),
                    tally.unjudged.to_string(),
                ])?;
            }
        }
        Ok(String::from_utf8(writer.into_inner()?)?)
    }
}

impl Line {
    fn label(&self) -> String {
        match self.told {
            Some(ratio) => format!("{} at {}", self.name, shown(ratio)),
            None => self.name.clone(),
        }
    }
}

/// A ratio for people: as it was given where that is short, else with three digits that count. Forms
/// for programs have it whole.
fn shown(ratio: f64) -> String {
    let whole = ratio.to_string();
    if whole.len() <= 6 {
        return whole;
    }
    match ratio {
        100.0..1e6 => format!("{ratio:.0}"),
        10.0..100.0 => format!("{ratio:.1}"),
        1.0..10.0 => format!("{ratio:.2}"),
        0.1..1.0 => format!("{ratio:.3}"),
        _ => format!("{ratio:.2e}"),
    }
}

fn by(unit: Unit) -> &'static str {
    match unit {
        Unit::Dimm => "dimm",
        Unit::Node => "node",
    }
}

/// The definition in force, as a sentence.
fn words(metric: &Metric) -> String {
    let Metric { window, lead, by } = metric;
    let within = match window {
        Some(window) => format!("at most {} and more than {}", span(*window), span(*lead)),
        None => format!("more than {}", span(*lead)),
    };
    let (whose, paid) = match by {
        Unit::Dimm => ("its DIMM", "each alarmed DIMM is one mitigation"),
        Unit::Node => ("its node", "each moment of an alarm on a node is one mitigation"),
    };
    format!("A failure is caught by an alarm on {whose} {within} before it; {paid}.")
}

fn share(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.3}"))
}

/// A lead time in two units.
fn lead(seconds: Seconds) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    if days > 0 { format!("{days} d {hours} h") } else { format!("{hours} h {minutes:02} min") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replayed() -> Replayed {
        let told = |ratio, alarmed, caught| Line {
            name: "default".to_owned(),
            told: Some(ratio),
            tally: Tally {
                alarms: 2 * alarmed,
                alarmed,
                good: caught,
                mitigations: alarmed,
                failures: 10,
                caught,
                sudden: 3,
                announced: 6,
                dimms: 1_000,
                leads: (0..caught).map(|_| 3_600 * 30).collect(),
                ..Tally::default()
            },
        };
        let silent = Line { name: "never".to_owned(), told: None, ..told(0.0, 0, 0) };
        Replayed {
            history: "a history".to_owned(),
            notes: vec!["7 rows are left out".to_owned()],
            years: Some(2.0),
            metric: Metric::DIMM,
            ratios: vec![10.0, 50.0],
            lines: vec![told(10.0, 4, 2), told(50.0, 40, 5), silent],
        }
    }

    #[test]
    fn the_page_for_people() {
        insta::assert_snapshot!(replayed().text());
    }

    #[test]
    fn a_long_ratio_is_rounded_for_people_and_whole_for_programs() {
        assert_eq!([10.0, 0.5, 12.25, 100_000.0].map(shown), ["10", "0.5", "12.25", "100000"]);
        let long = [4.546420225196516, 45.46420225196516, 1e6 / 7.0, 1.0 / 7.0, 1e-9 / 7.0, 1e20];
        assert_eq!(long.map(shown), ["4.55", "45.5", "142857", "0.143", "1.43e-10", "1.00e20"]);
        let mut replayed = replayed();
        replayed.ratios = vec![long[0]];
        replayed.lines.truncate(1);
        replayed.lines[0].told = Some(long[0]);
        let text = replayed.text();
        assert!(text.contains("\ndefault at 4.55   "), "{text}");
        assert!(!text.contains("4.546"), "{text}");
        assert!(replayed.json().unwrap().contains("4.546420225196516"));
        assert!(replayed.csv().unwrap().contains(",4.546420225196516,"));
    }

    #[test]
    fn programs_get_each_policy_at_the_ratio_it_was_told() {
        let value: Value = serde_json::from_str(&replayed().json().unwrap()).unwrap();
        let policies = value["policies"].as_array().unwrap();
        assert_eq!(policies.len(), 6);
        assert_eq!(
            policies[1]["costs"],
            json!([{ "ratio": 50.0, "total": 290.0, "net_saving": 0.42 }])
        );
        assert_eq!(policies[2]["precision"], Value::Null);
        assert_eq!(policies[2]["costs"][1]["net_saving"], json!(0.0));
        assert_eq!(value["metric"]["window_seconds"], json!(604_800));
        let csv = replayed().csv().unwrap();
        assert_eq!(csv.lines().count(), 1 + 2 * 5);
        assert!(
            csv.contains("\ndefault,50,80,40,40,10,5,5,3,108000,108000,0.125,0.5,0.2,290,0.42,0\n")
        );
    }
}
