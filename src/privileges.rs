//! What an agent keeps of the rights it is started with: the capabilities that its sources want, and
//! nothing else. The table is here, once; `doctor` and docs/privileges.md are made from it.
//!
//! Whoever is root without capabilities still owns what belongs to root, and so reads and writes that:
//! tracefs among it. Capabilities are for what belongs to others, and for what the kernel asks of root
//! as well.

use crate::config::Settings;
use crate::sandbox;
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, no_new_privs, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};
use scrubjay_model::{Landlock, OfflineMode, Privilege, Privileges, SourceId};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A capability, and whom it is kept for.
struct Grant {
    capability: CapabilitySet,
    name: &'static str,
    wanted_by: &'static [Wish],
    opens: &'static str,
    without: &'static str,
}

/// What may want a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// A source that is not switched off.
    Source(SourceId),
    /// Listening to reports of errors.
    Events,
    /// Taking pages out of use, if that is configured.
    Offline,
    /// A state directory that belongs to another user.
    ForeignState,
}

impl Wish {
    fn name(self) -> &'static str {
        match self {
            Self::Source(source) => source.as_str(),
            Self::Events => "events.listen",
            Self::Offline => "pages.offline",
            Self::ForeignState => "agent.state_dir of another user",
        }
    }

    fn is_made(self, settings: &Settings) -> bool {
        match self {
            Self::Source(source) => !settings.disabled.contains(&source),
            Self::Events => settings.events.is_some(),
            Self::Offline => settings.offline.mode != OfflineMode::Off,
            Self::ForeignState => is_foreign(&settings.state_dir),
        }
    }
}

/// Every capability that buys something. Sources are those whose documentation asks for it.
const GRANTS: [Grant; 5] = [
    Grant {
        capability: CapabilitySet::DAC_READ_SEARCH,
        name: "CAP_DAC_READ_SEARCH",
        wanted_by: &[
            Wish::Source(SourceId::Livepatch),
            Wish::Source(SourceId::Platform),
            Wish::Source(SourceId::PreviousBoot),
            Wish::Source(SourceId::Smbios),
            Wish::Source(SourceId::BootImages),
            Wish::Source(SourceId::Microcode),
            Wish::Source(SourceId::LivepatchModules),
            Wish::Source(SourceId::LivepatchSystems),
            Wish::Source(SourceId::Processes),
        ],
        opens: "files that only their owner may read: SMBIOS tables (serial numbers of modules), debugfs, \
                BERT, pstore, page flags (`/proc/kpageflags`), `/proc/PID` of others. Root owns most of them \
                and reads those without it; tasks that a live patch waits for belong to their users",
        without: "modules are known by their place only; the rest is reported as unreadable",
    },
    Grant {
        capability: CapabilitySet::SYSLOG,
        name: "CAP_SYSLOG",
        wanted_by: &[Wish::Source(SourceId::KernelLog), Wish::Events],
        opens: "the kernel log where `kernel.dmesg_restrict` is 1: firmware records, forced live patches, how \
                long a transition has run",
        without: "those are not known",
    },
    Grant {
        capability: CapabilitySet::SYS_PTRACE,
        name: "CAP_SYS_PTRACE",
        wanted_by: &[Wish::Source(SourceId::Processes)],
        opens: "which files processes of others have mapped: services that run replaced code. It opens their \
                memory for reading as well, which the agent does not do, and whoever ran code in it could: \
                `collector.disabled = [\"processes\"]` does without",
        without: "only the processes of its own user are looked at (`processes` is partial)",
    },
    Grant {
        capability: CapabilitySet::SYS_ADMIN,
        name: "CAP_SYS_ADMIN",
        wanted_by: &[Wish::Offline],
        opens: "the memory map (`/proc/iomem`), and taking pages out of use if that is configured",
        without: "whether an address is memory is not known",
    },
    Grant {
        capability: CapabilitySet::DAC_OVERRIDE,
        name: "CAP_DAC_OVERRIDE",
        wanted_by: &[Wish::ForeignState],
        opens: "writing to a state directory that belongs to another user than the agent's. Better give it \
                the agent's user",
        without: "the history is kept in memory, and lost at the end, where the directory is not the agent's",
    },
];

/// Whether root would need more than owning it to write to a directory, or to make it.
fn is_foreign(dir: &Path) -> bool {
    let there = dir.ancestors().find_map(|dir| std::fs::metadata(dir).ok());
    there.is_some_and(|found| found.uid() != geteuid().as_raw())
}

/// What an agent of this configuration keeps, if it has it.
fn wanted(settings: &Settings) -> CapabilitySet {
    let kept = GRANTS.iter().filter(|grant| grant.is_wanted(settings));
    kept.fold(CapabilitySet::empty(), |kept, grant| kept | grant.capability)
}

impl Grant {
    fn is_wanted(&self, settings: &Settings) -> bool {
        self.wanted_by.iter().any(|wish| wish.is_made(settings))
    }
}

/// Gives up every capability but those that the configuration makes use of, in all sets, and the way
/// to gain any. It holds for this thread and those that it starts: call it before there are others.
pub(crate) fn give_up(settings: &Settings) {
    keep(wanted(settings));
}

/// Gives up all of them.
pub(crate) fn give_up_all() {
    keep(CapabilitySet::empty());
}

fn keep(wanted: CapabilitySet) {
    let told = |what: &str, done: Result<(), Errno>| {
        if let Err(errno) = done {
            tracing::warn!("cannot {what}: {errno}");
        }
    };
    told("rule out that privileges are gained", set_no_new_privs(true));
    let held = match capabilities(None) {
        Ok(held) => held,
        Err(errno) => {
            tracing::warn!("cannot tell which capabilities there are: {errno}");
            return;
        }
    };
    told("clear the ambient capabilities", clear_ambient_capability_set());
    // First, as it takes a capability (CAP_SETPCAP). Whoever has none cannot, and gains none either.
    if held.effective.contains(CapabilitySet::SETPCAP) {
        for capability in each() {
            let is_there = capability_is_in_bounding_set(capability).unwrap_or(false);
            if is_there && !wanted.contains(capability) {
                let done = remove_capability_from_bounding_set(capability);
                told("give up a capability of the bounding set", done);
            }
        }
    }
    let kept = CapabilitySets {
        effective: held.permitted & wanted,
        permitted: held.permitted & wanted,
        inheritable: CapabilitySet::empty(),
    };
    // The packaged service is given no more than this, and may not ask.
    if held != kept {
        told("give up capabilities", set_capabilities(None, kept));
    }
}

/// Every capability that there may be, each by itself.
fn each() -> impl Iterator<Item = CapabilitySet> {
    (0..64).map(|bit| CapabilitySet::from_bits_retain(1 << bit))
}

/// What is left of the rights.
pub(crate) struct Left {
    /// Capabilities in force, by name.
    pub(crate) capabilities: Vec<String>,
    /// Those of them that the configuration makes no use of.
    pub(crate) superfluous: Vec<String>,
    pub(crate) no_new_privileges: bool,
}

/// What this thread has left.
pub(crate) fn left(settings: &Settings) -> Left {
    let held = capabilities(None).map_or(CapabilitySet::empty(), |held| held.effective);
    Left {
        capabilities: names(held),
        superfluous: names(held - wanted(settings)),
        no_new_privileges: no_new_privs().unwrap_or(false),
    }
}

fn names(set: CapabilitySet) -> Vec<String> {
    let mut names: Vec<String> = set.iter_names().map(|(name, _)| format!("CAP_{name}")).collect();
    // Those that are younger than this program have a number.
    let known = set.iter_names().fold(CapabilitySet::empty(), |known, (_, one)| known | one);
    names.extend(
        each()
            .zip(0..)
            .filter(|(one, _)| (set - known).contains(*one))
            .map(|(_, bit): (_, u32)| format!("CAP_{bit}")),
    );
    names.sort();
    names
}

/// What `doctor` says of rights.
pub(crate) fn all(settings: &Settings) -> Privileges {
    let landlock = if settings.sandbox { sandbox::state() } else { Landlock::Off };
    Privileges { uid: geteuid().as_raw(), capabilities: privileges(settings), landlock }
}

fn privileges(settings: &Settings) -> Vec<Privilege> {
    let held = capabilities(None).map_or(CapabilitySet::empty(), |held| held.effective);
    let told = |grant: &Grant| Privilege {
        capability: grant.name,
        held: held.contains(grant.capability),
        kept: grant.is_wanted(settings),
        for_whom: grant
            .wanted_by
            .iter()
            .filter(|wish| wish.is_made(settings))
            .map(|wish| wish.name())
            .collect(),
        opens: grant.opens,
        without: grant.without,
    };
    GRANTS.iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    const UPDATE: &str = "UPDATE_DOCS";

    fn table() -> String {
        let mut table =
            "| capability | kept for | opens | without it |\n|---|---|---|---|\n".to_owned();
        for Grant { name, wanted_by, opens, without, .. } in &GRANTS {
            let whom: Vec<String> =
                wanted_by.iter().map(|wish| format!("`{}`", wish.name())).collect();
            let _ = writeln!(table, "| `{name}` | {} | {opens} | {without} |", whom.join(", "));
        }
        table
    }

    #[expect(clippy::disallowed_methods, reason = "reads and writes the documentation")]
    #[test]
    fn the_committed_table_is_the_one_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/privileges.md");
        let page = std::fs::read_to_string(&path).unwrap();
        let (begin, end) = ("<!-- capabilities -->\n", "<!-- end -->\n");
        let (head, rest) = page.split_once(begin).unwrap();
        let (_, tail) = rest.split_once(end).unwrap();
        let wanted = format!("{head}{begin}{}{end}{tail}", table());
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &wanted).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(
            committed == wanted,
            "docs/privileges.md is out of date: run the test with {UPDATE}=1"
        );
    }

    #[test]
    fn every_source_that_asks_for_a_capability_is_in_the_table() {
        for doc in scrubjay_collector::SOURCES {
            for grant in &GRANTS {
                let is_listed = grant.wanted_by.contains(&Wish::Source(doc.id));
                let is_named = doc.needs.contains(grant.name);
                assert!(is_listed || !is_named, "{:?} needs {}", doc.id, doc.needs);
            }
            let wants_root = doc.needs.contains("root") && !doc.needs.contains("CAP_SYSLOG");
            let reads = GRANTS[0].wanted_by.contains(&Wish::Source(doc.id));
            assert_eq!(reads, wants_root, "{:?} needs {}", doc.id, doc.needs);
        }
    }

    #[test]
    fn capabilities_have_names() {
        let three =
            CapabilitySet::SYSLOG | CapabilitySet::CHOWN | CapabilitySet::from_bits_retain(1 << 60);
        assert_eq!(names(three), ["CAP_60", "CAP_CHOWN", "CAP_SYSLOG"]);
    }
}
