//! What the kernel's log says of memory errors and live patches (`/dev/kmsg`,
//! Documentation/ABI/testing/dev-kmsg).
//!
//! The log is a ring: old records are overwritten. What it does not hold it may have held, so
//! [`KernelLog`] also says how far back it reaches.

use crate::{Accumulated, BootId, Snapshot, seconds};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The log as far as it is still there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelLog {
    /// The oldest record left; `None` if there is none.
    pub oldest: Option<LogMark>,
    /// The newest.
    pub newest: Option<LogMark>,
    /// Records read.
    pub records: u64,
    /// Records missing between the oldest and the newest: overwritten while they were read, or
    /// never stored.
    pub lost: u64,
    /// Reading was given up before the end, because the log grew faster than it was read.
    pub cut: bool,
    /// Transitions of live patches that were forced, in order.
    pub forced: Vec<ForcedPatch>,
    /// The transition of a live patch that began last and has not ended.
    pub transition: Option<LogTransition>,
    /// The log tells of a transition that ended.
    pub transition_ended: bool,
    /// What drivers say of ECC being switched off, at most 16 lines.
    pub ecc_disabled: Vec<String>,
    /// The corrected-errors collector said that it is at work.
    pub cec_initialized: bool,
    /// Storms of corrected machine checks that began.
    pub cmci_storms: u64,
    /// How much was told, as far as the log reaches.
    pub told: LogCounts,
}

/// Records by family, as far as the log reaches. The kernel limits their rate, so that there may
/// have been more errors than that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogCounts {
    /// Corrected errors in lines of EDAC drivers.
    pub edac_corrected: u64,
    /// Other errors in lines of EDAC drivers.
    pub edac_uncorrected: u64,
    /// Records of firmware.
    pub firmware: u64,
    /// Pages dealt with by the memory-failure code.
    pub memory_failures: u64,
    /// Pages that were to be taken out of use before they fail.
    pub soft_offlines: u64,
    /// Machine-check banks printed.
    pub machine_checks: u64,
    /// Records of a known family that were not understood.
    pub not_understood: u64,
}

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LogMark {
    /// Number of the record, from 0 at boot; `None` in a text that has no numbers.
    pub sequence: Option<u64>,
    /// When it was written, by the kernel's log clock: time since boot, sleep excluded, apart from
    /// [`Stamp::awake`](crate::Stamp::awake) by less than a second in practice.
    #[serde(rename = "awake_seconds", serialize_with = "seconds::of_option")]
    pub awake: Option<Duration>,
}

/// A live patch whose transition was forced in this boot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ForcedPatch {
    /// When, by the kernel's log clock: see [`LogMark::awake`]. In whole microseconds.
    #[serde(rename = "awake_seconds", serialize_with = "seconds::of")]
    pub awake: Duration,
    /// Its module; `None` if no record left names it.
    pub patch: Option<String>,
}

/// A transition of a live patch of which the log has the beginning and not the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogTransition {
    /// The module.
    pub patch: String,
    /// When it began, by the kernel's log clock: see [`LogMark::awake`].
    #[serde(rename = "awake_seconds", serialize_with = "seconds::of")]
    pub awake: Duration,
}

impl KernelLog {
    /// Whether the log is complete since boot: nothing of it has been overwritten or was lost.
    pub fn is_complete(&self) -> bool {
        let from_the_start = self.oldest.is_some_and(|oldest| oldest.sequence == Some(0));
        from_the_start && self.lost == 0 && !self.cut
    }
}

impl LogCounts {
    /// A log of which nothing has been read.
    pub const NONE: Self = Self {
        edac_corrected: 0,
        edac_uncorrected: 0,
        firmware: 0,
        memory_failures: 0,
        soft_offlines: 0,
        machine_checks: 0,
        not_understood: 0,
    };
}

impl ForcedPatch {
    /// How the history remembers it: with the boot it belongs to, for it does not outlive that.
    pub fn remembered(&self, boot: &BootId) -> String {
        format!("{boot} {}", self.awake.as_micros())
    }

    /// The patch that the history remembers, if that was in this boot.
    pub fn recalled(patch: &str, remembered: &str, boot: &BootId) -> Option<Self> {
        let (of, micros) = remembered.split_once(' ')?;
        let awake = Duration::from_micros(micros.parse().ok()?);
        let patch = (!patch.is_empty()).then(|| patch.to_owned());
        (of == boot.as_str()).then_some(Self { awake, patch })
    }

    /// Several accounts of the same boot as one, in order. What one account knows only by its time
    /// the other may know by name.
    pub fn merged(accounts: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut by_time: BTreeMap<Duration, Option<String>> = BTreeMap::new();
        for Self { awake, patch } in accounts {
            let known = by_time.entry(awake).or_default();
            if known.is_none() {
                *known = patch;
            }
        }
        by_time.into_iter().map(|(awake, patch)| Self { awake, patch }).collect()
    }
}

impl Accumulated {
    /// The live patches forced in this boot: those the history remembers and those the log shows.
    pub fn forced_in_this_boot(&self, snapshot: &Snapshot) -> Vec<ForcedPatch> {
        let shown = Snapshot::found(&snapshot.kernel_log).into_iter().flat_map(|log| &log.forced);
        ForcedPatch::merged(self.forced_patches.iter().chain(shown).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: &str = "5a6b7c8d-1234-5678-9abc-def012345678";

    fn forced(micros: u64, patch: Option<&str>) -> ForcedPatch {
        ForcedPatch { awake: Duration::from_micros(micros), patch: patch.map(str::to_owned) }
    }

    #[test]
    fn what_is_remembered_of_a_forced_patch_holds_for_its_boot_alone() {
        let boot = BootId::parse(BOOT).unwrap();
        let other = BootId::parse(&BOOT.replace('5', "6")).unwrap();
        for patch in [forced(90_000_001, Some("lp_1")), forced(0, None)] {
            let subject = patch.patch.clone().unwrap_or_default();
            let text = patch.remembered(&boot);
            assert_eq!(ForcedPatch::recalled(&subject, &text, &boot), Some(patch));
            assert_eq!(ForcedPatch::recalled(&subject, &text, &other), None);
        }
        for odd in ["", BOOT, "5a6b7c8d-1234-5678-9abc-def012345678 x", " 1"] {
            assert_eq!(ForcedPatch::recalled("lp_1", odd, &boot), None, "{odd}");
        }
    }

    #[test]
    fn a_name_that_one_account_lacks_is_taken_from_the_other() {
        let merged = ForcedPatch::merged([
            forced(7, None),
            forced(9, Some("b")),
            forced(7, Some("a")),
            forced(8, None),
        ]);
        assert_eq!(merged, [forced(7, Some("a")), forced(8, None), forced(9, Some("b"))]);
    }
}
