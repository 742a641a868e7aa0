//! What a simulated fleet amounts to, as text, as a table for the documentation, and as JSON.

use scrubjay_alerts::simulation::{FleetSettings, Measured};
use serde_json::{Value, json};
use std::path::Path;

/// What was written and what it amounts to.
pub(super) fn text(settings: &FleetSettings, dir: &Path, figures: &[Measured]) -> String {
    let FleetSettings { seed, nodes, dimms_per_node, days, .. } = settings;
    let mut out = format!(
        "SIMULATED: seed {seed}, {nodes} nodes, {dimms_per_node} DIMMs each, {days} days\n\
         written to {}: truth.csv counters.csv events.csv boots.csv\n\n",
        dir.display()
    );
    for figure in figures {
        out.push_str(&format!("{:50} {:>10}\n", figure.name, value(figure)));
    }
    out
}

/// The same for programs.
pub(super) fn json(settings: &FleetSettings, figures: &[Measured]) -> anyhow::Result<String> {
    let FleetSettings { seed, nodes, dimms_per_node, days, .. } = settings;
    page(&json!({
        "simulated": true,
        "seed": seed,
        "nodes": nodes,
        "dimms_per_node": dimms_per_node,
        "days": days,
        "figures": figures.iter().map(row).collect::<Vec<_>>(),
    }))
}

/// A table of Markdown: each figure, its band, and its value for each seed.
pub(super) fn validation(seeds: &[u64], columns: &[Vec<Measured>]) -> String {
    let names: Vec<String> = seeds.iter().map(|seed| format!("seed {seed}")).collect();
    let mut out = format!(
        "SIMULATED fleets of 10,000 nodes with 16 DIMMs each, for a year.\n\n\
         | figure | in the field | band | {} | |\n|---|---|---|{}---|\n",
        names.join(" | "),
        "---:|".repeat(seeds.len())
    );
    for (index, first) in columns.first().into_iter().flatten().enumerate() {
        let row: Vec<&Measured> = columns.iter().filter_map(|column| column.get(index)).collect();
        let values: Vec<String> = row.iter().map(|figure| value(figure)).collect();
        let band = first.band.map_or_else(
            || "–".to_owned(),
            |(low, high)| format!("{low} to {high}{}", unit(first)),
        );
        let verdict = match (first.band, row.iter().all(|figure| figure.holds())) {
            (None, _) => "",
            (Some(_), true) => "ok",
            (Some(_), false) => "OUTSIDE",
        };
        let (name, field) = (first.name, first.field);
        let values = values.join(" | ");
        out.push_str(&format!("| {name} | {field} | {band} | {values} | {verdict} |\n"));
    }
    out
}

/// The same for programs.
pub(super) fn validation_json(seeds: &[u64], columns: &[Vec<Measured>]) -> anyhow::Result<String> {
    let fleets: Vec<Value> = seeds
        .iter()
        .zip(columns)
        .map(|(seed, figures)| {
            json!({ "seed": seed, "figures": figures.iter().map(row).collect::<Vec<_>>() })
        })
        .collect();
    let holds = columns.iter().flatten().all(Measured::holds);
    page(&json!({ "simulated": true, "holds": holds, "fleets": fleets }))
}

fn page(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn row(figure: &Measured) -> Value {
    json!({
        "name": figure.name,
        "unit": figure.unit,
        "value": figure.value,
        "band": figure.band.map(|(low, high)| [low, high]),
        "field": figure.field,
        "holds": figure.holds(),
    })
}

fn value(figure: &Measured) -> String {
    let digits = if figure.value < 10.0 { 2 } else { usize::from(figure.value < 100.0) };
    format!("{:.digits$}{}", figure.value, unit(figure))
}

fn unit(figure: &Measured) -> String {
    if figure.unit.is_empty() { String::new() } else { format!(" {}", figure.unit) }
}
