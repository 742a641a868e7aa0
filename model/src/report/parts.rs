//! What a report holds. Moments are milliseconds since the Unix epoch, lengths of time milliseconds.

use super::exposures::{ClassOfExposures, ReportedExposure};
use super::policy::PatchDeadlines;
use crate::{
    AlertTurn, BootLine, Digest, KERNEL_RELATION, LedgerHead, ModuleTurn, PageTurn, Simulated,
    Verdict,
};
use serde::{Deserialize, Serialize};

/// A report on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this layout.
    pub schema_version: u32,
    /// Which host.
    pub host: ReportedHost,
    /// Version of the program that made it.
    pub tool_version: String,
    /// Which time.
    pub period: ReportPeriod,
    /// The first page.
    pub summary: ReportSummary,
    /// The policy that patches are judged by.
    pub policy: PatchDeadlines,
    /// SHA-256 of the file of the policy.
    pub policy_sha256: Digest,
    /// The lists that rank vulnerabilities, as they are today: each file with what it holds.
    pub lists: Vec<String>,
    /// The kernel, its patches and what was owed.
    pub patches: ReportedPatches,
    /// When the host was up.
    pub availability: ReportedAvailability,
    /// All boots that meet the period.
    pub boots: Vec<BootLine>,
    /// Sticks of memory that were in the host.
    pub sticks: Vec<ReportedStick>,
    /// What became of sticks.
    pub stick_turns: Vec<ModuleTurn>,
    /// Errors of the host.
    pub errors: ReportedErrors,
    /// Pages that are held to be bad.
    pub pages: Vec<ReportedPage>,
    /// What became of alerts.
    pub alerts: Vec<AlertTurn>,
    /// Alerts that were open at the moment of the report.
    pub open_alerts: Vec<ReportedAlert>,
    /// Acknowledgements that held in the period.
    pub acknowledgements: Vec<ReportedAck>,
    /// Month by month.
    pub months: Vec<ReportedMonth>,
    /// When nobody was looking.
    pub coverage: ReportedCoverage,
    /// How each source had fared last.
    pub sources: Vec<ReportedSource>,
    /// The part of the ledger that belongs to the period.
    pub ledger: LedgerRange,
}

/// The host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedHost {
    /// What it is called.
    pub name: Option<String>,
    /// What made it, if it is no real machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub simulated: Option<Simulated>,
}

/// The time that a report is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportPeriod {
    /// The first moment.
    pub from_wall_ms: i64,
    /// The first moment after it.
    pub to_wall_ms: i64,
    /// The moment that whatever goes on is looked at from.
    pub at_wall_ms: i64,
}

/// What somebody reads who reads no further.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportSummary {
    /// One sentence, or two.
    pub sentence: String,
    /// Four figures.
    pub figures: Vec<ReportedFigure>,
    /// What is to be done, in sentences.
    pub to_do: Vec<String>,
    /// What is not known, in sentences.
    pub unknown: Vec<String>,
}

/// A figure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFigure {
    /// What it is of.
    pub label: String,
    /// The figure, with its unit; "not known" where it is not.
    pub value: String,
    /// What it counts, in a few words.
    pub note: String,
}

/// The kernel's patches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedPatches {
    /// Whether it was known at the moment of the report how the running kernel stood to what is installed.
    /// Without that no fix is seen to wait, however many do.
    pub relation_known: bool,
    /// What was known of the kernel at the moment of the report.
    pub facts: Vec<ReportedFact>,
    /// Changes in the period, in order.
    pub changes: Vec<ReportedFact>,
    /// What was owed, by class.
    pub classes: Vec<ClassOfExposures>,
    /// Each vulnerability.
    pub exposures: Vec<ReportedExposure>,
    /// How many are kept from being owed by live patches alone, at the moment of the report.
    pub live_patch_only: u64,
}

/// Something that was read or concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedFact {
    /// When it was seen first.
    pub since_wall_ms: i64,
    /// What.
    pub name: String,
    /// What it is about; empty for the host.
    pub subject: String,
    /// Its value.
    pub value: Option<String>,
    /// `ok`, or why there is no value.
    pub state: String,
}

/// For how much of the period the host was up. The three make the whole of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedAvailability {
    /// Known to have been up.
    pub up_ms: u64,
    /// Known to have been down.
    pub down_ms: u64,
    /// Not known.
    pub unknown_ms: u64,
    /// The least and the most that it may have been up, in parts of a million.
    pub bounds_ppm: Option<(u64, u64)>,
    /// Boots that began.
    pub boots: u64,
    /// Boots that ended in order.
    pub clean: u64,
    /// Boots that were cut off.
    pub unclean: u64,
    /// Boots of which nobody knows how they ended.
    pub unknown_ends: u64,
}

/// A stick of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedStick {
    /// An opaque name that stays with it.
    pub module: String,
    /// Its slot.
    pub slot: Option<String>,
    /// Where its errors are counted.
    pub counted_at: Vec<String>,
    /// What it is.
    pub part: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// When it came.
    pub since_wall_ms: i64,
    /// When it was gone.
    pub ended_wall_ms: Option<i64>,
    /// Corrected errors seen in the period; `None` where nobody looked.
    pub corrected: Option<u64>,
    /// Uncorrected ones.
    pub uncorrected: Option<u64>,
    /// Whether there may have been more.
    pub at_least: bool,
    /// What was said of it at the moment of the report; `None` of one that was gone.
    pub said: Option<ReportedSaid>,
}

/// What is said of a stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedSaid {
    /// On what it rests.
    pub by: SaidBy,
    /// How bad it is; `None` where no alert was open, which says nothing of whether it is sound.
    pub verdict: Option<Verdict>,
    /// What to do, in a few words.
    pub advice: Option<String>,
    /// Why: a sentence, or the names of alerts.
    pub because: String,
}

/// On what a word on a stick rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidBy {
    /// It was judged at the moment of the report, which was that at which the report was made.
    Judgement,
    /// Alerts that were open then: the engine judges the present, and not the past.
    Alerts,
}

/// An alert that was open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedAlert {
    /// Which.
    pub alert: String,
    /// Its code.
    pub code: String,
    /// What it is about; empty for the host.
    pub subject: String,
    /// How bad it was.
    pub verdict: Verdict,
    /// Since when it was open.
    pub since_wall_ms: i64,
    /// What was seen.
    pub detail: String,
    /// Whether what it rests on could not be looked at.
    pub held: bool,
}

impl ReportedPatches {
    /// Whether there was a time in the period at which it was not known how the running kernel stood to
    /// what was installed.
    pub fn relation_was_unknown(&self) -> bool {
        let mut turns = self.changes.iter().filter(|fact| fact.name == KERNEL_RELATION);
        turns.any(|fact| fact.value.as_deref().is_none_or(|is| is == "unknown"))
    }
}

/// Memory errors of the host in the period; `None` where no such counter was read in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedErrors {
    /// Corrected ones.
    pub corrected: Option<u64>,
    /// Uncorrected ones.
    pub uncorrected: Option<u64>,
    /// Of these, on no module that is known.
    pub uncorrected_on_none: Option<u64>,
    /// Of the corrected ones likewise.
    pub corrected_on_none: Option<u64>,
    /// Whether there may have been more.
    pub at_least: bool,
    /// Whether a counter that had been read before could not be read for a part of the period.
    pub partly_read: bool,
    /// Corrected and uncorrected ones that the first reading showed, counted before anybody watched;
    /// not among the others.
    pub counted_before: (u64, u64),
}

/// A page that is held to be bad.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedPage {
    /// Its first physical address.
    pub physical_address: u64,
    /// Its size.
    pub size_bytes: u64,
    /// The place it lies on, if it is known.
    pub place: Option<String>,
    /// Since when it is known to be bad.
    pub since_wall_ms: i64,
    /// What happened to it until the moment of the report.
    pub turns: Vec<PageTurn>,
}

/// An acknowledgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedAck {
    /// Which alert.
    pub alert: String,
    /// Who gave it, by his own word.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When it was given.
    pub given_wall_ms: i64,
    /// Until when it was meant to hold.
    pub until_wall_ms: i64,
    /// How it ended, and when; `None` while it holds.
    pub ended: Option<(String, i64)>,
}

/// A month, or the part of it that is in the period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedMonth {
    /// Where it begins.
    pub from_wall_ms: i64,
    /// Where it ends.
    pub to_wall_ms: i64,
    /// Time watched.
    pub watched_ms: u64,
    /// Time not watched.
    pub not_watched_ms: u64,
    /// Corrected errors of the host; `None` where nobody looked.
    pub corrected: Option<u64>,
    /// Uncorrected ones.
    pub uncorrected: Option<u64>,
    /// Vulnerabilities owed at its end; `None` where it was not known then how the running kernel stood to
    /// what is installed.
    pub owed: Option<u64>,
    /// Boots that began.
    pub boots: Option<u64>,
    /// Boots that were cut off.
    pub unclean: Option<u64>,
}

/// When somebody was looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedCoverage {
    /// When the history began, as far as it goes.
    pub history_began_wall_ms: Option<i64>,
    /// Time watched in the period.
    pub watched_ms: u64,
    /// Time not watched.
    pub not_watched_ms: u64,
    /// The longest gaps, in order of time.
    pub gaps: Vec<ReportedGap>,
    /// Gaps that are not listed.
    pub more_gaps: u64,
    /// Steps of the wall clock.
    pub clock_steps: u64,
    /// The sum of their lengths.
    pub clock_stepped_ms: u64,
}

/// A source of readings, as it had fared last before the moment of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedSource {
    /// Which.
    pub source: String,
    /// Whether it was read, in a word.
    pub state: String,
    /// Since when that is told: at each start of the agent, and when it changes.
    pub since_wall_ms: i64,
    /// Why it was not, or not wholly.
    pub reason: Option<String>,
}

/// A time in which nobody was looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedGap {
    /// Where it begins.
    pub from_wall_ms: i64,
    /// Where it ends.
    pub to_wall_ms: i64,
}

/// The ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerRange {
    /// The first row of the period.
    pub first: Option<LedgerHead>,
    /// The last row before the moment of the report.
    pub last: Option<LedgerHead>,
    /// What is wrong with the ledger up to there; `None` if nothing is.
    pub fault: Option<String>,
}
