//! The JSON of the API and of every reading command's `--json`.
//!
//! Keys are those of the model's types, in their order, and stable; `schema_version` rises when
//! one is renamed or removed, not when one is added. Each text is one line with its line feed.
//! Readings are objects with a `state`, so that no consumer takes a missing value for a number.

use scrubjay_model::{
    Accumulated, AgentStats, Assessment, BootRecord, ControllerKey, CoverageRecord, ErrorClass,
    HistorySummary, HostHeader, HostView, MemoryRecord, NonValue, Reading, SeriesPlace, Snapshot,
    SourceDoc, SourceId, SourceState,
};
use serde::Serialize;

/// The version of all layouts in this module.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct View<'a> {
    schema_version: u32,
    header: &'a HostHeader,
    snapshot: &'a Snapshot,
    accumulated: Vec<Total<'a>>,
    history: &'a Reading<HistorySummary>,
    assessment: &'a Assessment,
    agent: &'a Option<AgentStats>,
}

/// The sum of one counter over all its lives.
#[derive(Serialize)]
struct Total<'a> {
    controller: &'a ControllerKey,
    /// What the kernel now calls the controller; null when it does not show it.
    edac: Option<String>,
    place: SeriesPlace,
    class: ErrorClass,
    total: u64,
    since_wall_ms: i64,
    restarts: u64,
    lower_bound: bool,
}

#[derive(Serialize)]
struct Boots<'a> {
    schema_version: u32,
    boots: &'a [BootRecord],
    coverage: &'a [CoverageRecord],
}

#[derive(Serialize)]
struct Memory<'a> {
    schema_version: u32,
    totals: Vec<Total<'a>>,
    changes: &'a [MemoryRecord],
    coverage: &'a [CoverageRecord],
}

#[derive(Serialize)]
struct Doctor<'a> {
    schema_version: u32,
    assessment: &'a Assessment,
    sources: Vec<Source<'a>>,
}

#[derive(Serialize)]
struct Source<'a> {
    source: SourceId,
    state: SourceState,
    reason: Option<NonValue>,
    took_seconds: Option<f64>,
    attributes: Option<u32>,
    faults: Vec<NonValue>,
    doc: Option<&'a SourceDoc>,
}

#[derive(Serialize)]
struct Failure<'a> {
    schema_version: u32,
    error: &'a str,
}

/// Everything known about the host after one pass: `/api/v1/snapshot` and `status --json`.
pub fn snapshot(view: &HostView) -> String {
    let HostView { header, snapshot, accumulated, history, assessment, agent } = view;
    let accumulated = totals(accumulated);
    let schema_version = SCHEMA_VERSION;
    line(&View { schema_version, header, snapshot, accumulated, history, assessment, agent })
}

/// The boots of the history with the stretches of time in which the agent watched: `history boots
/// --json`.
pub fn boots(boots: &[BootRecord], coverage: &[CoverageRecord]) -> String {
    line(&Boots { schema_version: SCHEMA_VERSION, boots, coverage })
}

/// The error counters of the history with the stretches of time in which they were watched:
/// `history memory --json`.
pub fn memory(
    changes: &[MemoryRecord],
    accumulated: &Accumulated,
    coverage: &[CoverageRecord],
) -> String {
    let totals = totals(accumulated);
    line(&Memory { schema_version: SCHEMA_VERSION, totals, changes, coverage })
}

/// Each source's state with what its absence means: `doctor --json`. A source that `docs` does not
/// describe has a null `doc`.
pub fn doctor(view: &HostView, docs: &[SourceDoc]) -> String {
    let describe = |status: scrubjay_model::SourceStatus| Source {
        source: status.source,
        state: status.state,
        reason: status.reason,
        took_seconds: status.report.as_ref().map(|report| report.took.as_secs_f64()),
        attributes: status.report.as_ref().map(|report| report.attributes),
        faults: status.report.map(|report| report.faults).unwrap_or_default(),
        doc: docs.iter().find(|doc| doc.id == status.source),
    };
    let sources = view.snapshot.sources().into_iter().map(describe).collect();
    line(&Doctor { schema_version: SCHEMA_VERSION, assessment: &view.assessment, sources })
}

/// The body of an answer that is not there to be given.
pub(crate) fn failure(error: &str) -> String {
    line(&Failure { schema_version: SCHEMA_VERSION, error })
}

fn totals(accumulated: &Accumulated) -> Vec<Total<'_>> {
    let index_of = |key: &ControllerKey| {
        accumulated.controllers.iter().find(|(_, k)| *k == key).map(|(index, _)| *index)
    };
    accumulated
        .totals
        .iter()
        .map(|(key, sum)| Total {
            controller: &key.controller,
            edac: index_of(&key.controller).map(|index| format!("mc{index}")),
            place: key.place,
            class: key.class,
            total: sum.total,
            since_wall_ms: sum.since_wall_ms,
            restarts: sum.restarts,
            lower_bound: sum.is_lower_bound(),
        })
        .collect()
}

fn line<T: Serialize>(value: &T) -> String {
    #[expect(
        clippy::expect_used,
        reason = "serialising to memory fails only for maps whose keys are not text"
    )]
    let mut text = serde_json::to_string(value).expect("all keys are text");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use serde_json::Value;

    fn parsed(text: &str) -> Value {
        assert!(text.ends_with('\n') && text.lines().count() == 1);
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn the_top_level_keys_are_stable() {
        let text = snapshot(&testing::server());
        // In order: a parsed object would sort them.
        let mut from = 0;
        for key in [
            "{\"schema_version\":1,",
            ",\"header\":{\"root\":\"/\",",
            ",\"snapshot\":{\"at\":{",
            ",\"accumulated\":[{\"controller\":\"skylake-socket-0-imc-0\",\"edac\":\"mc0\",",
            ",\"history\":{\"state\":\"ok\",\"value\":{",
            ",\"assessment\":{\"verdict\":\"act\",",
            ",\"agent\":{",
        ] {
            from += text[from..].find(key).unwrap_or_else(|| panic!("{key} is not in {text}"));
        }
    }

    #[test]
    fn sums_say_whether_they_are_lower_bounds() {
        let json = parsed(&snapshot(&testing::server()));
        let dimm = json["accumulated"]
            .as_array()
            .unwrap()
            .iter()
            .find(|t| t["place"] == "dimm1" && t["class"] == "correctable")
            .unwrap();
        assert_eq!(dimm["total"], 123);
        assert_eq!(dimm["restarts"], 2);
        assert_eq!(dimm["lower_bound"], true);
    }

    #[test]
    fn non_values_are_states_with_reasons() {
        let json = parsed(&snapshot(&testing::guest()));
        let edac = &json["snapshot"]["edac"]["reading"];
        assert_eq!(edac["state"], "absent");
        assert_eq!(edac["origin"], "sys/devices/system/edac/mc");
        assert!(edac.get("value").is_none());
        assert_eq!(json["history"]["state"], "absent");
        assert!(json["agent"].is_null());
        let blind = snapshot(&testing::blind());
        assert!(!blind.contains("NaN") && !blind.contains('\x1b'));
    }

    #[test]
    fn doctor_joins_each_source_with_its_description() {
        let docs = [SourceDoc {
            id: SourceId::Edac,
            reads: &["sys/devices/system/edac/mc/mc*"],
            needs: "nothing",
            absence: "No driver.",
            kernel_doc: "Documentation/ABI/testing/sysfs-devices-edac",
        }];
        let json = parsed(&doctor(&testing::guest(), &docs));
        assert_eq!(json["sources"][0]["source"], "edac");
        assert_eq!(json["sources"][0]["doc"]["absence"], "No driver.");
        assert!(json["sources"][1]["doc"].is_null());
        assert_eq!(json["sources"].as_array().unwrap().len(), SourceId::ALL.len());
    }

    #[test]
    fn histories_state_their_exposure() {
        let json = parsed(&memory(&[], &Accumulated::default(), &[]));
        assert_eq!(json["coverage"], serde_json::json!([]));
        assert_eq!(json["changes"], serde_json::json!([]));
        assert_eq!(parsed(&boots(&[], &[]))["schema_version"], 1);
    }
}
