//! Exit codes. Documented in docs/exit-codes.md; a script may rely on them.

use scrubjay_model::BundleFaultKind;
use std::fmt;

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok,
    /// It failed; the reason is on stderr.
    Failed,
    /// The data asked for is not there.
    NoData,
    /// The command line was not understood.
    Usage,
    /// Evidence was checked and does not hold.
    Unverified,
    /// A bundle was looked at, and this is the worst that is wrong with it.
    Bundle(BundleFaultKind),
    /// An answer in the order of Nagios plugins, for commands asked to give one.
    Nagios(Nagios),
    /// An answer for whoever reboots hosts.
    Reboot(Reboot),
    /// An answer for node-problem-detector.
    NodeProblem(NodeProblem),
}

/// Somebody named what is not there: the answer is that of [`Exit::NoData`].
#[derive(Debug)]
pub(crate) struct NotThere(pub(crate) String);

impl fmt::Display for NotThere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotThere {}

/// Whether a node has a problem, as node-problem-detector takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeProblem {
    /// It has none.
    No,
    /// It has one.
    Yes,
    /// It cannot be told.
    Unknown,
}

/// Answers to whether to reboot, as kured takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reboot {
    /// Reboot.
    Yes,
    /// Do not.
    No,
    /// It cannot be told.
    Unknown,
}

/// The states of the monitoring plugin interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nagios {
    /// Nothing to do.
    Ok,
    /// Worth following, or to be planned.
    Warning,
    /// To be acted on now.
    Critical,
    /// It cannot be told.
    Unknown,
}

impl Exit {
    /// The number given to the operating system.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Ok
            | Self::Nagios(Nagios::Ok)
            | Self::Reboot(Reboot::Yes)
            | Self::NodeProblem(NodeProblem::No) => 0,
            Self::Failed
            | Self::Nagios(Nagios::Warning)
            | Self::Reboot(Reboot::No)
            | Self::NodeProblem(NodeProblem::Yes) => 1,
            Self::Usage
            | Self::Nagios(Nagios::Critical)
            | Self::NodeProblem(NodeProblem::Unknown) => 2,
            Self::NoData | Self::Nagios(Nagios::Unknown) | Self::Reboot(Reboot::Unknown) => 3,
            Self::Unverified => 4,
            Self::Bundle(fault) => bundle(fault),
        }
    }
}

/// Each fault of a bundle has a code of its own, so that a script can tell them apart.
fn bundle(fault: BundleFaultKind) -> u8 {
    match fault {
        BundleFaultKind::NoSignature => 10,
        BundleFaultKind::BadSignature => 11,
        BundleFaultKind::WrongKey => 12,
        BundleFaultKind::WrongNamespace => 13,
        BundleFaultKind::KeyNotValid => 14,
        BundleFaultKind::BadManifest => 15,
        BundleFaultKind::Changed => 16,
        BundleFaultKind::Missing => 17,
        BundleFaultKind::Extra => 18,
        BundleFaultKind::BrokenLedger => 19,
        BundleFaultKind::Figures => 20,
        BundleFaultKind::BadTimeStamp => 21,
        BundleFaultKind::Unreadable => 22,
        BundleFaultKind::SignerNotChecked => 23,
        BundleFaultKind::OtherVersion => 24,
    }
}
