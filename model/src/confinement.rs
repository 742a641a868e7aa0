//! What a process of scrubjay may still do, once it has given up what it does not need.

use serde::Serialize;

/// What the agent has left of the rights it was started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Confinement {
    /// Capabilities in force, by their names, sorted.
    pub capabilities: Vec<String>,
    /// Those among them that it does not need and was not able to give up.
    pub superfluous: Vec<String>,
    /// Whether nothing that it might run could gain any (`PR_SET_NO_NEW_PRIVS`).
    pub no_new_privileges: bool,
    /// How far the kernel keeps it to the files it lists.
    pub landlock: Landlock,
}

/// How far the kernel keeps a process to the files it lists (Documentation/userspace-api/landlock.rst;
/// since Linux 5.13).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Landlock {
    /// Switched off by configuration.
    Off,
    /// The kernel does not do that.
    Unavailable {
        /// Why.
        why: String,
    },
    /// It does.
    Enforced {
        /// The version of its interface.
        abi: u32,
        /// What it leaves unguarded for being older than that, or where it could not be asked to.
        gaps: Vec<String>,
        /// Threads that are not kept, each with the reason.
        excepted: Vec<String>,
    },
}

impl Landlock {
    /// Whether files are kept.
    pub fn is_enforced(&self) -> bool {
        match self {
            Self::Enforced { .. } => true,
            Self::Off | Self::Unavailable { .. } => false,
        }
    }
}

/// A capability, and what it buys on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Privilege {
    /// Its name, such as `CAP_SYSLOG`.
    pub capability: &'static str,
    /// Whether this process has it.
    pub held: bool,
    /// Whether an agent of this configuration keeps it.
    pub kept: bool,
    /// The sources and other parts that want it, by the names in the configuration.
    pub for_whom: Vec<&'static str>,
    /// What it opens.
    pub opens: &'static str,
    /// What is so without it.
    pub without: &'static str,
}

/// What `doctor` tells of rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Privileges {
    /// The effective user.
    pub uid: u32,
    /// Every capability that buys something.
    pub capabilities: Vec<Privilege>,
    /// What the kernel offers to keep a process to its files.
    pub landlock: Landlock,
}
