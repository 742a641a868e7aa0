//! What is true of a host, beside what its agent said last.

use super::{Host, Plan, node};
use scrubjay_model::{AlertState, HostView, Verdict};
use serde_json::{Value, json};

/// What is true of a host.
#[derive(Debug)]
pub struct HostTruth {
    /// Its number.
    pub index: u32,
    /// Its name to Prometheus.
    pub instance: String,
    /// What it is there for.
    pub persona: &'static str,
    /// What the agent said last; `None` if it was never asked.
    pub told: Option<Told>,
    json: Value,
}

/// What an agent said.
#[derive(Debug)]
pub struct Told {
    /// The verdict on the host.
    pub verdict: &'static str,
    /// Whether a reboot is asked for; `None` if that cannot be told.
    pub reboot: Option<bool>,
    /// Its last page says that its passes are too old.
    pub is_stale: bool,
}

impl HostTruth {
    pub(super) fn of(plan: &Plan, host: &Host, last: Option<(i64, &HostView)>) -> Self {
        let end = i64::from(plan.days) * 86_400;
        let seen_until = last.map_or(end, |(at, _)| at);
        let shown = host.persona.shows_memory();
        let sticks = |ails: &dyn Fn(&scrubjay_alerts::simulation::SimulatedDimm, u16) -> bool| {
            let dimms = host.node.dimms.iter().filter(|_| shown);
            let ailing = dimms.filter(|dimm| ails(dimm, node::life(dimm, seen_until)));
            ailing.map(node::slot).collect::<Vec<String>>()
        };
        let failed = sticks(&|dimm, life| {
            let mut errors = dimm.truth.uncorrected.iter();
            errors.any(|error| error.life == life && error.at <= seen_until)
        });
        let faulty = sticks(&|dimm, life| {
            let mut faults = dimm.truth.faults.iter();
            faults.any(|fault| fault.life == life && fault.permanent && fault.until.is_none())
        });
        let stop = host
            .stop
            .map(|stop| json!({"at": plan.begin_unix_s() + stop.since(), "how": stop.name()}));
        let told = last.map(|(at, view)| told(plan, host, at, view));
        let json = json!({
            "instance": host.instance(),
            "job": plan.job,
            "rack": host.rack(),
            "region": host.region(),
            "persona": host.persona.name(),
            "failed_sticks": failed,
            "faulty_sticks": faulty,
            "stopped": stop,
            "hangs_since": host.hangs_since.map(|since| plan.begin_unix_s() + since),
            "told": told,
        });
        Self {
            index: host.index,
            instance: host.instance(),
            persona: host.persona.name(),
            told: last.map(|(_, view)| Told {
                verdict: view.assessment.verdict.as_str(),
                reboot: view.assessment.reboot_required(),
                is_stale: host.hangs_since.is_some() && host.stop.is_none(),
            }),
            json,
        }
    }

    /// As a row of the file of truths.
    pub fn to_json(&self) -> &Value {
        &self.json
    }
}

/// What the agent's last pass said; the page may have been told later, or be stale by then.
fn told(plan: &Plan, host: &Host, at: i64, view: &HostView) -> Value {
    let assessment = &view.assessment;
    let findings: Vec<Value> = assessment
        .findings
        .iter()
        .chain(&assessment.coverage.findings)
        .map(|finding| {
            json!({
                "code": finding.code,
                "subject": finding.subject,
                "verdict": finding.verdict.as_str(),
                "action": finding.action.as_str(),
            })
        })
        .collect();
    let swap: Vec<&str> = assessment
        .dimms
        .iter()
        .filter(|dimm| dimm.verdict >= Verdict::Plan)
        .map(|dimm| dimm.name.as_str())
        .collect();
    let firing: Vec<String> = view
        .alerts
        .alerts
        .iter()
        .filter(|(_, alert)| matches!(alert.state, AlertState::Firing(_)))
        .map(|(key, _)| key.to_string())
        .collect();
    json!({
        "passed_at": plan.begin_unix_s() + at,
        "stale": host.hangs_since.is_some() && host.stop.is_none(),
        "verdict": assessment.verdict.as_str(),
        "reboot_required": match assessment.reboot_required() {
            Some(true) => "yes",
            Some(false) => "no",
            None => "unknown",
        },
        "sticks_to_plan_or_act": swap,
        "findings": findings,
        "alerts_firing": firing,
    })
}
