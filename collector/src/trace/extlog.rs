//! Having the kernel send `ras:extlog_mem_event`, which it does only while somebody holds
//! `daemon_active` of debugfs open.
//!
//! As long as one program does, it prints those errors no longer. So it is held only while trace
//! events are listened to: whoever reads the kernel log instead would miss them.

use crate::host::{DAEMON_ACTIVE, DaemonActive, Failure, HostRoot};
use rustix::io::Errno;
use scrubjay_model::ExtlogSent;

const EVENT: &str = "ras:extlog_mem_event";

/// Holds the file as long as it lives.
#[derive(Debug, Default)]
pub(super) struct Extlog {
    held: Option<DaemonActive>,
}

impl Extlog {
    /// Opens the file where the event is listened to and it is not open yet.
    pub(super) fn hold(&mut self, host: &HostRoot, listening: &[String]) -> ExtlogSent {
        if !listening.iter().any(|event| event == EVENT) {
            self.held = None;
            return ExtlogSent::NotListening;
        }
        if self.held.is_none() {
            match host.hold_daemon_active() {
                Ok(held) => self.held = Some(held),
                Err(failure) => return ExtlogSent::NotHeld { why: why(failure) },
            }
        }
        ExtlogSent::Held
    }
}

/// A clause without its full stop.
fn why(failure: Failure) -> String {
    let (cause, remedy) = match failure {
        Failure::Errno(errno) => {
            let errno = Errno::from_raw_os_error(errno);
            let remedy = match errno {
                Errno::NOENT => ": is debugfs mounted?",
                Errno::ACCESS => ": run the agent as root or with CAP_DAC_READ_SEARCH",
                Errno::PERM => ": lockdown of the kernel closes debugfs",
                _ => "",
            };
            (std::io::Error::from(errno).to_string(), remedy)
        }
        Failure::NotAFile | Failure::TooLong => ("not a plain file".to_owned(), ""),
    };
    format!("{DAEMON_ACTIVE} cannot be held open: {cause}{remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::check::{host, tree};

    #[test]
    fn what_is_not_listened_to_is_not_held_and_what_cannot_be_held_is_told() {
        let host = host(tree(&format!("//- {DAEMON_ACTIVE}\n")));
        let mut extlog = Extlog::default();
        let drivers = ["ras:mc_event".to_owned()];
        assert_eq!(extlog.hold(&host, &drivers), ExtlogSent::NotListening);
        let refused = extlog.hold(&host, &[EVENT.to_owned()]);
        let ExtlogSent::NotHeld { why } = refused else { panic!("{refused:?}") };
        assert!(why.starts_with("sys/kernel/debug/ras/daemon_active cannot be held open"), "{why}");
    }

    #[test]
    fn the_reason_says_what_helps() {
        for (errno, helps) in [
            (Errno::NOENT, "is debugfs mounted?"),
            (Errno::ACCESS, "CAP_DAC_READ_SEARCH"),
            (Errno::PERM, "lockdown"),
        ] {
            let why = why(Failure::Errno(errno.raw_os_error()));
            assert!(why.contains(helps), "{why}");
        }
    }
}
