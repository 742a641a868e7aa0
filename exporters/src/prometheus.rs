//! The Prometheus text format, version 0.0.4.
//!
//! Every page is made from scratch: no registry and no long-lived counters, which could neither
//! mirror a kernel counter that restarts nor forget a DIMM that is gone.

use crate::PageError;
use crate::observe::{self, Observation};
use ::prometheus::TextEncoder;
use ::prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};
use scrubjay_model::{HostView, MetricDef, MetricKind};

/// The content type of [`render`]'s result.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page for a view. With `stale`, only what is about the agent, and
/// `scrubjay_snapshot_stale 1`: old samples are not passed off as the host's present state.
///
/// Metrics are in the order of the catalogue, and within one in the order of the view.
pub fn render(view: &HostView, stale: bool) -> Result<String, PageError> {
    encode(&if stale { observe::stale_observations(view) } else { observe::observations(view) })
}

/// The page of a reading that no agent took, for the textfile collector of node_exporter; whether it carries
/// `node_reboot_required` is said by whoever asks.
pub fn textfile(view: &HostView, node_reboot_required: bool) -> Result<String, PageError> {
    encode(&observe::observations_with(view, node_reboot_required))
}

fn encode(observations: &[Observation]) -> Result<String, PageError> {
    let families: Vec<MetricFamily> = observe::families(observations)
        .into_iter()
        .map(|(def, samples)| family(def, &samples))
        .collect();
    Ok(TextEncoder::new().encode_to_string(&families)?)
}

fn family(def: &MetricDef, observations: &[&Observation]) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(def.name.to_owned());
    family.set_help(def.help.to_owned());
    family.set_field_type(match def.kind {
        MetricKind::Counter => MetricType::COUNTER,
        MetricKind::Gauge => MetricType::GAUGE,
    });
    family.set_metric(observations.iter().map(|observation| sample(observation)).collect());
    family
}

fn sample(observation: &Observation) -> Metric {
    let labels = observation.def.labels.iter().zip(&observation.labels).map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value.clone());
        pair
    });
    let mut metric = Metric::from_label(labels.collect());
    let value = observation.value.as_f64();
    match observation.def.kind {
        MetricKind::Counter => {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        }
        MetricKind::Gauge => {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
    }
    metric
}

#[cfg(test)]
mod tests;
