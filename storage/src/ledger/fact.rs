//! Facts on their way to the ledger.

use super::value::{Object, Value};
use scrubjay_model::Stamp;

/// A fact that is not a row yet: numbers and hashes are given when it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    /// When it was seen, not when it is written: the disk may be full in between.
    pub(crate) at: Stamp,
    pub(crate) kind: Kind,
    pub(crate) body: Object,
}

/// What facts are about. `docs/ledger.md` lists what each tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Something happened to the history itself.
    History,
    AgentStarted,
    AgentStopped,
    BootBegan,
    BootEnded,
    /// Which kernel the boot runs.
    KernelRunning,
    /// What is installed and will be booted.
    KernelInstalled,
    LivePatch,
    /// A turn in the life of a stick.
    Dimm,
    DimmFirstError,
    /// A report of an error that was not corrected.
    ErrorReported,
    /// Counters of errors that were not corrected went up.
    ErrorsCounted,
    BadPages,
    Verdict,
    Gap,
    ClockStep,
    BootsImported,
    ErrorsImported,
    Retention,
    /// A turn in the life of an alert.
    Alert,
    /// An acknowledgement was given, or ended.
    Acknowledgement,
    /// Somebody who was to be told was not.
    DeliveryGivenUp,
    /// Somebody was given a report.
    ReportIssued,
    Checkpoint,
    /// Facts that were left out, as there were too many.
    LeftOut,
}

impl Kind {
    /// All kinds, in the order of the documentation.
    #[cfg(test)]
    pub(crate) const ALL: [Self; 25] = [
        Self::History,
        Self::AgentStarted,
        Self::AgentStopped,
        Self::BootBegan,
        Self::BootEnded,
        Self::KernelRunning,
        Self::KernelInstalled,
        Self::LivePatch,
        Self::Dimm,
        Self::DimmFirstError,
        Self::ErrorReported,
        Self::ErrorsCounted,
        Self::BadPages,
        Self::Verdict,
        Self::Gap,
        Self::ClockStep,
        Self::BootsImported,
        Self::ErrorsImported,
        Self::Retention,
        Self::Alert,
        Self::Acknowledgement,
        Self::DeliveryGivenUp,
        Self::ReportIssued,
        Self::Checkpoint,
        Self::LeftOut,
    ];

    /// A stable word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::AgentStarted => "agent_started",
            Self::AgentStopped => "agent_stopped",
            Self::BootBegan => "boot_began",
            Self::BootEnded => "boot_ended",
            Self::KernelRunning => "kernel_running",
            Self::KernelInstalled => "kernel_installed",
            Self::LivePatch => "live_patch",
            Self::Dimm => "dimm",
            Self::DimmFirstError => "dimm_first_error",
            Self::ErrorReported => "error_reported",
            Self::ErrorsCounted => "errors_counted",
            Self::BadPages => "bad_pages",
            Self::Verdict => "verdict",
            Self::Gap => "gap",
            Self::ClockStep => "clock_step",
            Self::BootsImported => "boots_imported",
            Self::ErrorsImported => "errors_imported",
            Self::Retention => "retention",
            Self::Alert => "alert",
            Self::Acknowledgement => "acknowledgement",
            Self::DeliveryGivenUp => "delivery_given_up",
            Self::ReportIssued => "report_issued",
            Self::Checkpoint => "checkpoint",
            Self::LeftOut => "left_out",
        }
    }

    /// Whether it may be left out where too many are told: what may happen at every pass, and whose
    /// loss is made up for by what comes later.
    pub(crate) fn is_routine(self) -> bool {
        match self {
            Self::KernelInstalled
            | Self::LivePatch
            | Self::Gap
            | Self::ClockStep
            | Self::Alert
            | Self::DeliveryGivenUp => true,
            Self::History
            | Self::AgentStarted
            | Self::AgentStopped
            | Self::BootBegan
            | Self::BootEnded
            | Self::KernelRunning
            | Self::Dimm
            | Self::DimmFirstError
            // Bounded where they are made.
            | Self::ErrorReported
            | Self::ErrorsCounted
            | Self::Verdict
            | Self::BadPages
            | Self::BootsImported
            | Self::ErrorsImported
            | Self::Retention
            | Self::Acknowledgement
            | Self::ReportIssued
            | Self::Checkpoint
            | Self::LeftOut => false,
        }
    }
}

impl Fact {
    pub(crate) fn new<const N: usize>(
        at: &Stamp,
        kind: Kind,
        body: [(&'static str, Value); N],
    ) -> Self {
        Self { at: at.clone(), kind, body: Object::from(body) }
    }
}
