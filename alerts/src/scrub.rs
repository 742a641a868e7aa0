//! Which errors were found by scrubbing rather than by somebody's access, from the words and
//! registers of their reports.

use scrubjay_model::{EventClass, EventGroup, EventWhat, Witness};
use std::time::Duration;

/// Errors found by scrubbing among those of reports on memory: found, and all. `None` where there
/// are none to take a share of. One error that two witnesses told of counts twice.
pub fn share_found_by_scrubbing<'e>(
    groups: impl IntoIterator<Item = &'e EventGroup>,
) -> Option<(u64, u64)> {
    let (mut found, mut all) = (0_u64, 0_u64);
    for group in groups.into_iter().filter(|group| group.what == EventWhat::Memory) {
        all = all.saturating_add(group.errors);
        if found_by_scrubbing(group) {
            found = found.saturating_add(group.errors);
        }
    }
    (all > 0).then_some((found, all))
}

/// Corrected memory errors reported within the last full pass of the scrubber, which takes `pass`;
/// `now` is the time since boot, and the groups are of this boot. A group that began before and
/// went on counts in full.
pub fn errors_since_last_pass<'e>(
    groups: impl IntoIterator<Item = &'e EventGroup>,
    now: Duration,
    pass: Duration,
) -> u64 {
    let began = now.saturating_sub(pass);
    let memory = groups.into_iter().filter(|group| {
        group.what == EventWhat::Memory
            && group.class == EventClass::Corrected
            && group.last >= began
    });
    memory.fold(0, |sum, group| sum.saturating_add(group.errors))
}

/// Whether the report says that a scrubber found the error.
pub fn found_by_scrubbing(group: &EventGroup) -> bool {
    let words = |text: &str| text.to_ascii_lowercase().contains("scrub");
    let registers = match group.witness {
        Witness::MceRecord => status(&group.detail).is_some_and(|status| {
            // The record's words say so on AMD.
            status_says_scrub(status, false)
        }),
        Witness::McEvent
        | Witness::ApeiRecord
        | Witness::MemoryFailure
        | Witness::Extlog
        | Witness::ArmEvent
        | Witness::NonStandard
        | Witness::Cxl
        | Witness::LogGhes
        | Witness::LogEdac
        | Witness::LogMemoryFailure
        | Witness::LogMce => false,
    };
    registers || words(&group.message) || words(&group.detail)
}

/// Whether a machine-check status is of a memory error found by scrubbing: on Intel the compound
/// code `000F 0000 1MMM CCCC` with MMM = 4, on AMD bit 40, which on Intel is a part of the error
/// count (arch/x86/include/asm/mce.h).
pub fn status_says_scrub(status: u64, amd: bool) -> bool {
    if amd { status & (1 << 40) != 0 } else { status & 0xeff0 == 0x00c0 }
}

/// The status register in the detail of a machine-check record, `status 0x…`.
fn status(detail: &str) -> Option<u64> {
    let digits = detail.split_once("status 0x")?.1;
    let end = digits.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(digits.len());
    u64::from_str_radix(digits.get(..end)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scrub_bits_are_told_from_reads_and_writes() {
        assert!(status_says_scrub(0x8c00_0040_0001_00c2, false));
        assert!(!status_says_scrub(0x8c00_0040_0001_0092, false));
        assert!(status_says_scrub(1 << 40, true));
        assert!(!status_says_scrub(0x8c00_0100_0001_0092, false), "a count of 4");
        assert_eq!(status("status 0x00c2 addr 0x1"), Some(0xc2));
        assert_eq!(status("status 0x"), None);
    }
}
