//! How the agent hears of errors, and how well.

use serde::Serialize;

/// How reports of errors reach the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventPath {
    /// Trace events: each report, losses counted.
    Trace,
    /// The kernel log: rate-limited text, so that a storm is told in part.
    KernelLog,
    /// None: only counters are read, so moments, addresses and exact classes are not known.
    Counters,
}

/// How the reading of reports fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventsStatus {
    /// How they arrive.
    pub path: EventPath,
    /// Why not by a better way, as a sentence; empty for the best.
    pub why: String,
    /// Whether a better way was wished for and could not be had.
    pub refused: bool,
    /// Events listened to, such as `ras:mc_event`.
    pub listening: Vec<String>,
    /// Reports read since the agent started.
    pub reports: u64,
    /// Records that the kernel overwrote before they were read, since the agent started. They are
    /// lost for good, and which they were is not known.
    pub lost: u64,
    /// Of `reports`, those that waited in the kernel's buffer when the agent started.
    pub waited: u64,
    /// Records that could not be decoded, since the agent started.
    pub undecodable: u64,
    /// The last of them: which event and what was wrong.
    pub last_undecodable: Option<String>,
    /// Whether `ras:extlog_mem_event` is sent.
    pub extlog: ExtlogSent,
}

/// Whether the kernel sends `ras:extlog_mem_event`, in which firmware tells the place of an error
/// (Intel's enhanced machine-check log). It does so only while somebody holds
/// `/sys/kernel/debug/ras/daemon_active` open, and prints it otherwise (drivers/ras/debugfs.c,
/// drivers/acpi/acpi_extlog.c).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ExtlogSent {
    /// This kernel has no such event, or nobody listens to events.
    NotListening,
    /// The agent holds the file open.
    Held,
    /// The agent could not open it, so the event is sent only if another program does.
    NotHeld {
        /// Why, and what helps.
        why: String,
    },
}

impl EventsStatus {
    /// Nothing is received; `why` says for what reason.
    pub fn counters_only(why: impl Into<String>) -> Self {
        Self {
            path: EventPath::Counters,
            why: why.into(),
            refused: false,
            listening: Vec::new(),
            reports: 0,
            lost: 0,
            waited: 0,
            undecodable: 0,
            last_undecodable: None,
            extlog: ExtlogSent::NotListening,
        }
    }
}

impl EventPath {
    /// All ways, best first.
    pub const ALL: [Self; 3] = [Self::Trace, Self::KernelLog, Self::Counters];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::KernelLog => "kernel_log",
            Self::Counters => "counters",
        }
    }
}
