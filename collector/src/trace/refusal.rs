//! Why trace events cannot be listened to, and what helps.

use crate::host::{Failure, HostRoot};
use rustix::io::Errno;
use scrubjay_model::Lockdown;
use std::io;

/// Why trace events cannot be listened to. The text is a sentence without its full stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FeedRefusal {
    /// The root is a captured tree, or of another kernel.
    #[error("trace events come from the running kernel only, and the host root is of another")]
    AnotherHost,
    /// The kernel was built without it.
    #[error("this kernel has no tracefs")]
    NoTracefs,
    /// The kernel has it, but there is no mount of it.
    #[error("tracefs is not mounted")]
    NotMounted,
    /// A privilege is missing.
    #[error("tracefs is not open to the agent: {path} may not be used")]
    Denied {
        /// Where it failed.
        path: String,
    },
    /// The kernel is locked down.
    #[error("the kernel is locked down for confidentiality, which closes tracefs to everybody")]
    Lockdown,
    /// The configured name is that of somebody else's instance, or none.
    #[error("`{name}` is no name for an instance of this program")]
    Name {
        /// The name given.
        name: String,
    },
    /// The kernel offers none of the events.
    #[error("this kernel has none of the trace events that report errors")]
    NoEvents,
    /// The kernel's own description is not understood.
    #[error("this kernel's description of its trace events is not understood: {why}")]
    NotUnderstood {
        /// Which, and why.
        why: String,
    },
    /// Something else.
    #[error("cannot listen to trace events: {path} failed")]
    Failed {
        /// Where it failed.
        path: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

impl FeedRefusal {
    /// What helps, as a sentence; empty where nothing is to be done.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::AnotherHost => "",
            Self::NoTracefs => "Use a kernel built with CONFIG_TRACING.",
            Self::NotMounted => {
                "Mount it: `mount -t tracefs nodev /sys/kernel/tracing`; systemd does so by itself."
            }
            Self::Denied { .. } => {
                "Run the agent as root or with CAP_DAC_OVERRIDE, with tracefs writable to it."
            }
            Self::Lockdown => {
                "Boot with lockdown=integrity, if the policy of the host allows; the kernel log is \
                 used meanwhile."
            }
            Self::Name { .. } => "Give a name that begins with `scrubjay`, without a slash.",
            Self::NoEvents => "Use a kernel built with CONFIG_RAS, as those of distributions are.",
            Self::NotUnderstood { .. } => "Please report it with the version of the kernel.",
            Self::Failed { .. } => "See the cause; the kernel log is used meanwhile.",
        }
    }

    /// The refusal that a failure at a path amounts to.
    pub(super) fn at(host: &HostRoot, path: &str, failure: Failure) -> Self {
        let path = path.to_owned();
        let source = match failure {
            Failure::Errno(errno) => match Errno::from_raw_os_error(errno) {
                // Lockdown answers as a missing privilege does.
                Errno::PERM | Errno::ACCESS if confidential(host) => return Self::Lockdown,
                Errno::PERM | Errno::ACCESS | Errno::ROFS => return Self::Denied { path },
                other => other.into(),
            },
            Failure::NotAFile => io::Error::other("not a plain file"),
            Failure::TooLong => io::Error::other("longer than expected"),
        };
        Self::Failed { path, source }
    }
}

fn confidential(host: &HostRoot) -> bool {
    let mode = host.read("sys/kernel/security/lockdown", 256).ok();
    let mode = mode.and_then(|text| Lockdown::parse(&String::from_utf8_lossy(&text)));
    mode == Some(Lockdown::Confidentiality)
}
