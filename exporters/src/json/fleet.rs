//! A fleet as JSON.

use super::{SCHEMA_VERSION, line};
use crate::PageError;
use scrubjay_model::{EvidenceReport, FleetPlan, FleetReport, FleetStatus};
use serde::Serialize;

#[derive(Serialize)]
struct Versioned<'v, T> {
    schema_version: u32,
    #[serde(flatten)]
    value: &'v T,
}

/// `fleet status --json`.
pub fn fleet_status(status: &FleetStatus) -> Result<String, PageError> {
    line(&Versioned { schema_version: SCHEMA_VERSION, value: status })
}

/// `fleet report --json`.
pub fn fleet_report(report: &FleetReport) -> Result<String, PageError> {
    line(&Versioned { schema_version: SCHEMA_VERSION, value: report })
}

/// `fleet report --bundles --json`.
pub fn evidence_report(report: &EvidenceReport) -> Result<String, PageError> {
    line(&Versioned { schema_version: SCHEMA_VERSION, value: report })
}

/// `fleet plan --json`: the file that `--resume` reads. It bears its own version.
pub fn fleet_plan(plan: &FleetPlan) -> Result<String, PageError> {
    line(plan)
}
