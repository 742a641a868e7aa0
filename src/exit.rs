//! Exit codes. Documented in docs/exit-codes.md; a script may rely on them.

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
    /// An answer in the order of Nagios plugins, for commands asked to give one.
    Nagios(Nagios),
    /// An answer for whoever reboots hosts.
    Reboot(Reboot),
    /// An answer for node-problem-detector.
    NodeProblem(NodeProblem),
}

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
        }
    }
}
