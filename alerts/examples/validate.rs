//! Measures simulated fleets against studies, as `scrubjay simulate --validate` does, without
//! building the rest: `cargo run --release -p scrubjay-alerts --example validate [SEEDS] [NODES]`.

use scrubjay_alerts::simulation::{Fleet, FleetSettings, Measures};
use std::io::Write;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let seeds = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let nodes = arguments.next().map_or(Ok(10_000), |text| text.parse())?;
    let mut out = std::io::stdout().lock();
    for seed in 1..=seeds {
        let fleet = Fleet::new(FleetSettings { nodes, ..FleetSettings::with_seed(seed) })?;
        let mut measures = Measures::new();
        for node in 0..nodes {
            measures.add(&fleet.node(node));
        }
        for figure in measures.figures() {
            let holds = if figure.holds() { "ok" } else { "OUTSIDE" };
            writeln!(
                out,
                "{seed} {:50} {:10.2} {} {:?} {holds}",
                figure.name, figure.value, figure.unit, figure.band
            )?;
        }
    }
    Ok(())
}
