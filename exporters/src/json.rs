//! The JSON of the API and of every reading command's `--json`.
//!
//! Keys are those of the model's types, in their order, and stable; `schema_version` rises when
//! one is renamed or removed, not when one is added. Each text is one line with its line feed.
//! Readings are objects with a `state`, so that no consumer takes a missing value for a number.

mod alerts;
mod buckets;
mod bundle;
mod database;
mod estimate;
mod fleet;
mod mask;
mod view;

pub use alerts::{ack_request, acks, alert_history, notify_test};
pub use buckets::{boot_buckets, memory_buckets, page_buckets, patch_buckets};
pub use bundle::bundle;
pub use database::{database_backup, database_check, database_migration, database_vacuum};
pub use estimate::estimate;
pub use fleet::{evidence_report, fleet_plan, fleet_report, fleet_status};
pub use view::{public_snapshot, snapshot};

use view::{Total, totals};

use crate::PageError;
use crate::printable::acts;
use crate::text::{ExplainedRule, Kept};
use scrubjay_model::{
    Accumulated, Assessment, Availability, BootArguments, BootLine, BootRecord, ClockStepRecord,
    Coverage, CoverageDay, CoverageRecord, DimmDetail, DimmLine, DimmVerdict, ErrorImportLine,
    EventRecord, ExposureRecord, FactRecord, FoldedRows, HistorySummary, HostView, ImportLine,
    ImportedErrors, LedgerReport, LossRecord, MemoryRecord, ModuleTurn, NonValue, PageLife,
    PageList, PatchTruth, Privileges, Reading, RebootNeed, ScrubResults, Simulated, SourceDoc,
    SourceId, SourceState,
};
use serde::Serialize;

/// The version of all layouts in this module.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Explained<'a> {
    schema_version: u32,
    reboot_required: Option<bool>,
    reboot_needed: Option<&'a RebootNeed>,
    patches: Option<&'a PatchTruth>,
    rules: &'a [ExplainedRule<'a>],
}

#[derive(Serialize)]
struct PatchHistory<'a> {
    schema_version: u32,
    exposures: &'a [ExposureRecord],
    changes: &'a [FactRecord],
    coverage: &'a [CoverageRecord],
}

#[derive(Serialize)]
struct Judged<'a> {
    schema_version: u32,
    #[serde(flatten)]
    dimm: &'a DimmVerdict,
}

#[derive(Serialize)]
struct Boots<'a> {
    schema_version: u32,
    boots: &'a [BootRecord],
    lines: &'a [BootLine],
    availability: Option<Available<'a>>,
    clock_steps: &'a [ClockStepRecord],
    coverage: &'a [CoverageRecord],
}

#[derive(Serialize)]
struct Ledger<'a> {
    schema_version: u32,
    intact: bool,
    #[serde(flatten)]
    report: &'a LedgerReport,
}

#[derive(Serialize)]
struct Available<'a> {
    #[serde(flatten)]
    sum: &'a Availability,
    up_ppm_at_least: Option<u64>,
    up_ppm_at_most: Option<u64>,
}

#[derive(Serialize)]
struct Imports<'a> {
    schema_version: u32,
    imports: &'a [ImportLine],
    errors: &'a [ErrorImportLine],
}

#[derive(Serialize)]
struct Imported<'a> {
    schema_version: u32,
    begun_wall_ms: i64,
    imported_errors: &'a [ImportedErrors],
}

#[derive(Serialize)]
struct Memory<'a> {
    schema_version: u32,
    totals: Vec<Total<'a>>,
    changes: &'a [MemoryRecord],
    /// Whether there are earlier changes than those listed.
    cut: bool,
    coverage: &'a [CoverageRecord],
    coverage_days: &'a [CoverageDay],
    folded: &'a FoldedRows,
}

#[derive(Serialize)]
struct Events<'a> {
    schema_version: u32,
    events: &'a [EventRecord],
    losses: &'a [LossRecord],
    scrub: &'a ScrubResults,
    cut: bool,
}

#[derive(Serialize)]
struct Pages<'a> {
    schema_version: u32,
    #[serde(flatten)]
    list: &'a PageList,
    /// Physical addresses a scan found and the registry does not hold.
    unregistered: Vec<u64>,
}

#[derive(Serialize)]
struct PageLives<'a> {
    schema_version: u32,
    pages: &'a [PageLife],
}

#[derive(Serialize)]
struct BootWords<'a> {
    schema_version: u32,
    #[serde(flatten)]
    arguments: &'a BootArguments,
    memmap: Vec<String>,
    grub_cmdline: Option<String>,
    grub_badram: Option<String>,
    warnings: Vec<String>,
}

/// What is said of sticks holds for the time that was watched, and as far as could be seen.
#[derive(Serialize)]
struct Dimms<'a> {
    schema_version: u32,
    history: &'a Reading<HistorySummary>,
    coverage: &'a Coverage,
    dimms: &'a [DimmLine],
    turns: &'a [ModuleTurn],
}

#[derive(Serialize)]
struct Shown<'a> {
    schema_version: u32,
    history: &'a Reading<HistorySummary>,
    coverage: &'a Coverage,
    #[serde(flatten)]
    detail: &'a DimmDetail,
}

#[derive(Serialize)]
struct Doctor<'a> {
    schema_version: u32,
    assessment: &'a Assessment,
    sources: Vec<Source<'a>>,
    /// Null of a host that is not this one.
    privileges: Option<&'a Privileges>,
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

/// What is known of the kernel's patches, each vulnerability by name: `explain reboot --json`.
pub fn patch_truth(view: &HostView, rules: &[ExplainedRule<'_>]) -> Result<String, PageError> {
    let (history, assessment) = (&view.history, &view.assessment);
    line(&Explained {
        schema_version: SCHEMA_VERSION,
        reboot_required: assessment.reboot_required(),
        reboot_needed: history.value().and_then(|history| history.reboot_needed.as_ref()),
        patches: assessment.patches.as_ref(),
        rules,
    })
}

/// Vulnerabilities that were owed, and what changed about the kernel: `history patches --json`.
pub fn patch_history(
    exposures: &[ExposureRecord],
    changes: &[FactRecord],
    coverage: &[CoverageRecord],
) -> Result<String, PageError> {
    line(&PatchHistory { schema_version: SCHEMA_VERSION, exposures, changes, coverage })
}

/// The boots of the history with the stretches of time in which the agent watched: `history boots
/// --json`. `boots` are those that the agent saw itself, `lines` all that anybody remembers.
pub fn boots(
    boots: &[BootRecord],
    lines: &[BootLine],
    availability: Option<&Availability>,
    coverage: &[CoverageRecord],
    clock_steps: &[ClockStepRecord],
) -> Result<String, PageError> {
    let availability = availability.map(|sum| {
        let bounds = sum.bounds_ppm();
        let (up_ppm_at_least, up_ppm_at_most) = (bounds.map(|b| b.0), bounds.map(|b| b.1));
        Available { sum, up_ppm_at_least, up_ppm_at_most }
    });
    let schema_version = SCHEMA_VERSION;
    line(&Boots { schema_version, boots, lines, availability, clock_steps, coverage })
}

/// What came of taking in what other tools remember: `import --json`.
pub fn imports(imports: &[ImportLine], errors: &[ErrorImportLine]) -> Result<String, PageError> {
    line(&Imports { schema_version: SCHEMA_VERSION, imports, errors })
}

/// Errors that other tools recorded, and when our own history began: `history imported --json`.
pub fn imported_errors(
    imported_errors: &[ImportedErrors],
    begun_wall_ms: i64,
) -> Result<String, PageError> {
    line(&Imported { schema_version: SCHEMA_VERSION, begun_wall_ms, imported_errors })
}

/// What came of looking at every row of the ledger: `ledger verify --json`.
pub fn ledger(report: &LedgerReport) -> Result<String, PageError> {
    line(&Ledger { schema_version: SCHEMA_VERSION, intact: report.is_intact(), report })
}

/// The error counters of the history with the stretches of time in which they were watched:
/// `history memory --json`.
pub fn memory(
    changes: &[MemoryRecord],
    accumulated: &Accumulated,
    coverage: &[CoverageRecord],
    kept: Kept<'_>,
) -> Result<String, PageError> {
    let totals = totals(accumulated);
    let Kept { is_cut: cut, folded, days: coverage_days } = kept;
    let schema_version = SCHEMA_VERSION;
    line(&Memory { schema_version, totals, changes, cut, coverage, coverage_days, folded })
}

/// Reports of errors and those lost: `events --json`. `cut` tells that there were more before.
pub fn events(
    events: &[EventRecord],
    losses: &[LossRecord],
    scrub: &ScrubResults,
    cut: bool,
) -> Result<String, PageError> {
    line(&Events { schema_version: SCHEMA_VERSION, events, losses, scrub, cut })
}

/// One report of errors: a line of `events --follow --json`.
pub fn event(event: &EventRecord) -> Result<String, PageError> {
    line(event)
}

/// The registry of bad pages: `pages list --json`.
pub fn pages(list: &PageList) -> Result<String, PageError> {
    line(&Pages { schema_version: SCHEMA_VERSION, list, unregistered: list.unregistered() })
}

/// What became of bad pages: `history pages --json`.
pub fn page_lives(pages: &[PageLife]) -> Result<String, PageError> {
    line(&PageLives { schema_version: SCHEMA_VERSION, pages })
}

/// Words for the boot loader: `pages boot-args --json`. `command_line` is the length of the running
/// kernel's, in bytes.
pub fn boot_arguments(
    arguments: &BootArguments,
    command_line: Option<usize>,
) -> Result<String, PageError> {
    line(&BootWords {
        schema_version: SCHEMA_VERSION,
        arguments,
        memmap: arguments.memmap_words(),
        grub_cmdline: arguments.grub_cmdline(),
        grub_badram: arguments.badram_line(),
        warnings: arguments.warnings(command_line),
    })
}

/// The memory of the host, stick by stick, and the turns in the lives of the sticks: `dimms --json`.
pub fn dimms(
    view: &HostView,
    dimms: &[DimmLine],
    turns: &[ModuleTurn],
) -> Result<String, PageError> {
    let (history, coverage) = (&view.history, &view.assessment.coverage);
    line(&Dimms { schema_version: SCHEMA_VERSION, history, coverage, dimms, turns })
}

/// Everything about one stick: `show --json`.
pub fn dimm(view: &HostView, detail: &DimmDetail) -> Result<String, PageError> {
    let (history, coverage) = (&view.history, &view.assessment.coverage);
    line(&Shown { schema_version: SCHEMA_VERSION, history, coverage, detail })
}

/// The verdict on one stick with all it rests on: `explain DIMM --json`.
pub fn dimm_verdict(dimm: &DimmVerdict) -> Result<String, PageError> {
    line(&Judged { schema_version: SCHEMA_VERSION, dimm })
}

/// Each source's state with what its absence means: `doctor --json`. A source that `docs` does not
/// describe has a null `doc`.
pub fn doctor(
    view: &HostView,
    docs: &[SourceDoc],
    privileges: Option<&Privileges>,
) -> Result<String, PageError> {
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
    line(&Doctor {
        schema_version: SCHEMA_VERSION,
        assessment: &view.assessment,
        sources,
        privileges,
    })
}

/// The body of an answer that is not there to be given.
pub(crate) fn failure(error: &str) -> Result<String, PageError> {
    line(&Failure { schema_version: SCHEMA_VERSION, error })
}

/// One page of the status page, named and dated. Serial numbers are in none of them.
pub(crate) fn page<T: Serialize>(
    page: &'static str,
    view: &HostView,
    stale: Option<&str>,
    content: &T,
) -> Result<String, PageError> {
    line(&Twin {
        schema_version: SCHEMA_VERSION,
        page,
        host_name: view.header.host_name.value(),
        simulated: view.header.simulated.as_ref(),
        at_wall_ms: view.snapshot.at.wall_ms,
        stale,
        content,
    })
}

#[derive(Serialize)]
struct Twin<'a, T> {
    schema_version: u32,
    page: &'static str,
    host_name: Option<&'a String>,
    /// What made the host, if it was made and not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<&'a Simulated>,
    at_wall_ms: i64,
    /// Why this is not of now, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<&'a str>,
    #[serde(flatten)]
    content: &'a T,
}

fn line<T: Serialize>(value: &T) -> Result<String, PageError> {
    let text = serde_json::to_string(value)?;
    let mut line = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if acts(c) {
            // serde_json escapes what JSON requires, which is less than what acts on a terminal.
            // Such characters stand in strings only, where an escape means the same.
            for unit in c.encode_utf16(&mut [0; 2]) {
                line.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
