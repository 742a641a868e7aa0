//! Measures simulated fleets against studies, as `scrubjay simulate --validate` does, without
//! building the rest of scrubjay: `cargo run --release -p scrubjay-alerts --example validate -- 1 30`
//! for thirty seeds from 1. Exit code 1 means that a figure is outside its band.

use scrubjay_alerts::simulation::{Fleet, FleetSettings, Measures};
use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let first: u64 = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let seeds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let mut columns = Vec::new();
    for seed in first..first + seeds {
        let settings = FleetSettings::with_seed(seed);
        let nodes = settings.nodes;
        let fleet = Fleet::new(settings)?;
        let mut measures = Measures::new();
        for node in 0..nodes {
            measures.add(&fleet.node(node));
        }
        columns.push(measures.figures());
    }
    let mut out = std::io::stdout().lock();
    let mut all_hold = true;
    for index in 0..columns.first().map_or(0, Vec::len) {
        let row: Vec<_> = columns.iter().filter_map(|column| column.get(index)).collect();
        let (Some(least), Some(most)) = (
            row.iter().map(|figure| figure.value).min_by(f64::total_cmp),
            row.iter().map(|figure| figure.value).max_by(f64::total_cmp),
        ) else {
            continue;
        };
        let Some(first) = row.first() else { continue };
        let outside = row.iter().filter(|figure| !figure.holds()).count();
        all_hold &= outside == 0;
        writeln!(
            out,
            "{:50} {least:9.2} to {most:9.2} {:1} band {:?} outside {outside}",
            first.name, first.unit, first.band
        )?;
    }
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
