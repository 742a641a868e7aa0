//! Facts about the running kernel: what it is, how long it has run, and how it fared.

use crate::seconds;
use crate::{BootId, Present, Reading};
use serde::Serialize;
use std::time::Duration;

/// Uptime by the kernel's clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uptime {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Reading<BootId>,
    /// `/proc/uptime`: time since boot, sleep included.
    #[serde(serialize_with = "seconds::of_reading")]
    pub since_boot: Reading<Duration>,
    /// `btime` of `/proc/stat`: boot time as the wall clock sees it now, seconds since the Unix
    /// epoch. Moves with every step of the wall clock.
    pub boot_time_s: Reading<i64>,
    /// Time spent asleep since boot: `CLOCK_BOOTTIME` less `CLOCK_MONOTONIC`.
    #[serde(serialize_with = "seconds::of_reading")]
    pub slept: Reading<Duration>,
}

/// Identity of the running kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kernel {
    /// `/proc/sys/kernel/osrelease`.
    pub release: Reading<String>,
    /// `/proc/sys/kernel/version`.
    pub version: Reading<String>,
    /// `/proc/version`; distributions put their package version here.
    pub banner: Reading<String>,
    /// `/proc/version_signature` (Ubuntu): holds the version of the package.
    pub version_signature: Reading<String>,
    /// uname(2); differs from the two files above when a vendor live patch replaces the call.
    pub uname: Reading<Uname>,
    /// `/proc/modules` exists: the kernel can load modules.
    pub modules_supported: Reading<Present>,
    /// `/lib/modules` exists: this root holds kernel modules at all. A container's often does not.
    pub modules_root: Reading<Present>,
    /// `/lib/modules/<release>` exists. Absent on a modular kernel, in a root that holds modules,
    /// means that its package was removed.
    pub modules_directory: Reading<Present>,
}

impl Kernel {
    /// Whether the running kernel's modules were removed from under it; `None` if that cannot be
    /// told, or if the kernel has no use for modules.
    pub fn modules_removed(&self) -> Option<bool> {
        // Without a release it is not known which directory should be there.
        self.release.value()?;
        self.modules_supported.value()?;
        self.modules_root.value()?;
        match &self.modules_directory {
            Reading::Value(Present) => Some(false),
            Reading::Absent(_) => Some(true),
            Reading::Unreadable(..) | Reading::Malformed(..) => None,
        }
    }
}

/// What uname(2) answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uname {
    /// `uname -r`.
    pub release: String,
    /// `uname -v`.
    pub version: String,
    /// `uname -m`.
    pub machine: String,
}

/// Signs of an ailing kernel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelHealth {
    /// `/proc/sys/kernel/tainted`.
    pub taint: Reading<Taint>,
    /// `/sys/kernel/oops_count` since boot (6.2).
    pub oops_count: Reading<u64>,
    /// `/sys/kernel/warn_count` since boot (6.2).
    pub warn_count: Reading<u64>,
}

/// The taint mask (Documentation/admin-guide/tainted-kernels.rst).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taint(pub u64);

/// One set bit of the mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct TaintFlag {
    /// Bit number.
    pub bit: u32,
    /// The kernel's letter; `None` for a bit this version of scrubjay does not know.
    pub letter: Option<char>,
    /// What it means.
    pub meaning: &'static str,
}

/// One file of `/sys/devices/system/cpu/vulnerabilities`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CpuVulnerability {
    /// File name.
    pub name: String,
    /// What the kernel says, classified.
    pub state: Reading<VulnerabilityState>,
    /// The whole text.
    pub text: Reading<String>,
}

/// The classes of answers (Documentation/ABI/testing/sysfs-devices-system-cpu).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VulnerabilityState {
    /// `Not affected`.
    NotAffected,
    /// `Mitigation: …`.
    Mitigated,
    /// `Vulnerable` or `Vulnerable: …`.
    Vulnerable,
    /// `Unknown: …`: the kernel itself cannot tell.
    Unknown,
}

/// Whether a kexec kernel or a crash kernel is loaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kexec {
    /// `kexec_loaded`.
    pub loaded: Reading<bool>,
    /// `kexec_crash_loaded`; without one the next panic leaves no dump.
    pub crash_loaded: Reading<bool>,
    /// `kexec_crash_size`, bytes reserved.
    pub crash_size_bytes: Reading<u64>,
}

/// The kernel's lockdown mode (`/sys/kernel/security/lockdown`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lockdown {
    /// Off.
    None,
    /// Unsigned modules, debugfs and MSR writes are refused.
    Integrity,
    /// Reading kernel memory, tracefs included, is refused too.
    Confidentiality,
}

/// Letter and meaning by bit number, from `taint_flags[]` in kernel/panic.c.
const TAINT_FLAGS: [(char, &str); 20] = [
    ('P', "proprietary module was loaded"),
    ('F', "module was force-loaded"),
    ('S', "CPU out of specification, or microcode was loaded late"),
    ('R', "module was force-unloaded"),
    ('M', "machine check was reported"),
    ('B', "bad page was found"),
    ('U', "taint was requested by user space"),
    ('D', "kernel died recently: oops or BUG"),
    ('A', "ACPI table was overridden"),
    ('W', "kernel warning was issued"),
    ('C', "staging driver was loaded"),
    ('I', "firmware bug was worked around"),
    ('O', "out-of-tree module was loaded"),
    ('E', "unsigned module was loaded"),
    ('L', "soft lockup occurred"),
    ('K', "kernel was live patched"),
    ('X', "auxiliary taint, set by the distribution"),
    ('T', "kernel was built with struct randomisation"),
    ('N', "in-kernel test was run"),
    ('J', "fwctl mutating command was used"),
];

impl Taint {
    /// The known flags, bit by bit, whether set or not.
    pub fn known() -> impl Iterator<Item = TaintFlag> {
        (0_u32..).zip(TAINT_FLAGS).map(|(bit, (letter, meaning))| TaintFlag {
            bit,
            letter: Some(letter),
            meaning,
        })
    }

    /// The set flags in order; bits we do not know are kept, without a letter.
    pub fn flags(self) -> Vec<TaintFlag> {
        let unknown = (0..u64::BITS).skip(TAINT_FLAGS.len()).map(|bit| TaintFlag {
            bit,
            letter: None,
            meaning: "not known to this version of scrubjay",
        });
        Self::known().chain(unknown).filter(|flag| self.has(flag.bit)).collect()
    }

    /// Whether a bit is set.
    pub fn has(self, bit: u32) -> bool {
        self.0.checked_shr(bit).is_some_and(|shifted| shifted & 1 == 1)
    }
}

impl TaintFlag {
    /// The letter, or `bit_N`.
    pub fn name(&self) -> String {
        match self.letter {
            Some(letter) => letter.to_string(),
            None => format!("bit_{}", self.bit),
        }
    }
}

impl Serialize for Taint {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut state = serializer.serialize_struct("Taint", 2)?;
        state.serialize_field("mask", &self.0)?;
        state.serialize_field("flags", &self.flags())?;
        state.end()
    }
}

impl VulnerabilityState {
    /// All states, in the order they are exported.
    pub const ALL: [Self; 4] =
        [Self::NotAffected, Self::Mitigated, Self::Vulnerable, Self::Unknown];

    /// A stable word for labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Mitigated => "mitigated",
            Self::Vulnerable => "vulnerable",
            Self::Unknown => "unknown",
        }
    }

    /// Classifies the kernel's text by its documented beginning.
    pub fn classify(text: &str) -> Option<Self> {
        // Some kernels prefix `KVM: ` to the state of itlb_multihit.
        let text = text.strip_prefix("KVM: ").unwrap_or(text);
        let begins = |word: &str| {
            text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        };
        if begins("Not affected") {
            Some(Self::NotAffected)
        } else if begins("Mitigation") {
            Some(Self::Mitigated)
        } else if begins("Vulnerable") || begins("Processor vulnerable") {
            Some(Self::Vulnerable)
        } else if begins("Unknown") {
            Some(Self::Unknown)
        } else {
            None
        }
    }
}

impl Lockdown {
    /// All modes, in the order they are exported.
    pub const ALL: [Self; 3] = [Self::None, Self::Integrity, Self::Confidentiality];

    /// The kernel's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Integrity => "integrity",
            Self::Confidentiality => "confidentiality",
        }
    }

    /// The mode in brackets, as in `none [integrity] confidentiality`.
    pub fn parse(text: &str) -> Option<Self> {
        let selected = text.split_once('[')?.1.split_once(']')?.0;
        Self::ALL.into_iter().find(|mode| mode.as_str() == selected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_bit_is_reported_known_or_not() {
        let names = |mask| Taint(mask).flags().iter().map(TaintFlag::name).collect::<Vec<_>>();
        assert_eq!(names(45056), ["O", "E", "K"]);
        assert_eq!(names(1 << 27 | 1 << 63 | 1), ["P", "bit_27", "bit_63"]);
        assert!(names(0).is_empty());
    }

    #[test]
    fn vulnerability_texts_are_classified_by_their_beginning() {
        use VulnerabilityState as S;
        for (text, expect) in [
            ("Not affected", Some(S::NotAffected)),
            ("Vulnerable", Some(S::Vulnerable)),
            ("Vulnerable: Safe RET, no microcode", Some(S::Vulnerable)),
            ("Mitigation: Retpolines, IBPB: conditional", Some(S::Mitigated)),
            ("KVM: Mitigation: VMX disabled", Some(S::Mitigated)),
            ("Processor vulnerable", Some(S::Vulnerable)),
            ("Unknown: Dependent on hypervisor status", Some(S::Unknown)),
            ("Vulnerably phrased", None),
            ("", None),
        ] {
            assert_eq!(S::classify(text), expect, "{text}");
        }
    }

    #[test]
    fn lockdown_is_the_word_in_brackets() {
        assert_eq!(Lockdown::parse("none [integrity] confidentiality"), Some(Lockdown::Integrity));
        assert_eq!(Lockdown::parse("[none] integrity confidentiality"), Some(Lockdown::None));
        assert_eq!(Lockdown::parse("none integrity"), None);
    }
}
