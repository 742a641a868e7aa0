//! Processes that run code which is no longer what is on disk.
//!
//! An update replaces a library under its name; who has it mapped goes on with the old one until it
//! is started again. What was fixed is then fixed on disk and not in that process.

use crate::Reading;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the executable mappings of all processes say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Processes {
    /// Processes whose mappings were read.
    pub read: u32,
    /// Processes whose mappings may not be read.
    pub unread: u32,
    /// Whether all processes were looked at, rather than as many as there was time for.
    pub complete: bool,
    /// Those that run what was deleted or replaced.
    pub stale: Vec<StaleProcess>,
    /// Further ones that were only counted.
    pub left_out: u32,
}

/// A process with executable mappings of files that are no longer there under their name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleProcess {
    /// Its number.
    pub pid: u32,
    /// `comm`.
    pub comm: Reading<String>,
    /// When it began, clock ticks since boot; tells it from a later one of the same number.
    pub started: Reading<u64>,
    /// Whose it is.
    pub holder: Holder,
    /// The unit of systemd, where its control group names one.
    pub unit: Option<String>,
    /// Its own program is among the files.
    pub program: bool,
    /// The files, without repetition, at most [`StaleProcess::MOST_FILES`].
    pub files: Vec<StaleFile>,
    /// Further files.
    pub more_files: u32,
}

/// A file of which a process has executable mappings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StaleFile {
    /// Its path, as the process has it.
    pub path: String,
    /// Whether something else is there under that path now.
    pub replaced: bool,
}

/// Whose a process is, which decides what renews it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// Process 1.
    Init,
    /// The system's message bus: whoever is connected to it does not survive a restart of it well.
    Bus,
    /// A service, or something else that systemd keeps as a unit of the system.
    Service,
    /// A user's session or service.
    Session,
    /// A container, or a process below another root: its files come with its image.
    Container,
    /// None of these: hosts without systemd, and what was started by hand.
    Other,
}

impl Holder {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Init, Self::Bus, Self::Service, Self::Session, Self::Container, Self::Other];

    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Init => "init",
            Self::Bus => "bus",
            Self::Service => "service",
            Self::Session => "session",
            Self::Container => "container",
            Self::Other => "other",
        }
    }
}

impl StaleProcess {
    /// Most files kept of one process.
    pub const MOST_FILES: usize = 16;

    /// Whether nothing but a reboot renews it: an init that cannot run itself anew, and the bus.
    pub fn needs_reboot(&self) -> bool {
        match self.holder {
            // `systemctl daemon-reexec`; which init cannot be told is taken for one without.
            Holder::Init => self.comm.value().is_none_or(|comm| comm != "systemd"),
            Holder::Bus => true,
            Holder::Service | Holder::Session | Holder::Container | Holder::Other => false,
        }
    }

    /// What it is known by: its unit, else its name.
    pub fn known_as(&self) -> &str {
        let comm = || self.comm.value().map_or("name unknown", String::as_str);
        self.unit.as_deref().unwrap_or_else(comm)
    }
}

impl Processes {
    /// Most stale processes kept.
    pub const MOST: usize = 4096;

    /// Whether every process was looked at.
    pub fn is_whole(&self) -> bool {
        self.complete && self.unread == 0 && self.left_out == 0
    }

    /// How many of a holder are stale; `None` if some were not looked at.
    pub fn count(&self, holder: Holder) -> Option<u64> {
        let found = self.stale.iter().filter(|process| process.holder == holder).count();
        self.is_whole().then(|| u64::try_from(found).ok())?
    }

    /// The processes of a holder, by what they are known as.
    pub fn grouped(&self, holder: Holder) -> BTreeMap<&str, Vec<&StaleProcess>> {
        let mut groups: BTreeMap<&str, Vec<&StaleProcess>> = BTreeMap::new();
        for process in self.stale.iter().filter(|process| process.holder == holder) {
            groups.entry(process.known_as()).or_default().push(process);
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Origin;

    fn process(holder: Holder, comm: Option<&str>, unit: Option<&str>) -> StaleProcess {
        let absent = || Reading::Absent(Origin::new("proc/1/comm"));
        StaleProcess {
            pid: 1,
            comm: comm.map_or_else(absent, |comm| Reading::Value(comm.to_owned())),
            started: Reading::Value(1),
            holder,
            unit: unit.map(str::to_owned),
            program: false,
            files: Vec::new(),
            more_files: 0,
        }
    }

    #[test]
    fn systemd_runs_itself_anew_and_no_other_init_is_trusted_to() {
        assert!(!process(Holder::Init, Some("systemd"), Some("init.scope")).needs_reboot());
        assert!(process(Holder::Init, Some("init"), None).needs_reboot());
        assert!(process(Holder::Init, None, None).needs_reboot());
        assert!(process(Holder::Bus, Some("dbus-daemon"), Some("dbus.service")).needs_reboot());
        assert!(!process(Holder::Service, Some("nginx"), Some("nginx.service")).needs_reboot());
    }

    #[test]
    fn a_count_is_given_only_if_all_were_looked_at() {
        let mut found = Processes {
            read: 2,
            unread: 0,
            complete: true,
            stale: vec![process(Holder::Service, Some("nginx"), Some("nginx.service"))],
            left_out: 0,
        };
        assert_eq!(found.count(Holder::Service), Some(1));
        assert_eq!(found.count(Holder::Session), Some(0));
        found.unread = 1;
        assert_eq!(found.count(Holder::Service), None);
        (found.unread, found.complete) = (0, false);
        assert_eq!(found.count(Holder::Session), None);
    }

    #[test]
    fn processes_are_grouped_by_unit_and_else_by_name() {
        let found = Processes {
            read: 3,
            unread: 0,
            complete: true,
            stale: vec![
                process(Holder::Service, Some("a"), Some("x.service")),
                process(Holder::Service, Some("b"), Some("x.service")),
                process(Holder::Other, Some("c"), None),
            ],
            left_out: 0,
        };
        let groups = found.grouped(Holder::Service);
        assert_eq!(
            groups.iter().map(|(n, p)| (*n, p.len())).collect::<Vec<_>>(),
            [("x.service", 2)]
        );
        assert_eq!(found.grouped(Holder::Other).keys().copied().collect::<Vec<_>>(), ["c"]);
    }
}
