//! Who looks for flipped bits, and how often: scrub, error check and repair controls of memory
//! devices on the EDAC bus, and CXL memory devices.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-edac-scrub, sysfs-edac-ecs and
//! sysfs-edac-memory-repair (6.15), sysfs-bus-cxl. Patrol scrubbing of a memory controller is
//! [`Controller::scrub_rate`](crate::Controller::scrub_rate).

use crate::Reading;
use serde::Serialize;
use std::time::Duration;

/// Devices that scrub, check or repair their memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scrub {
    /// Devices of the EDAC bus (`/sys/bus/edac/devices`) with controls of this kind.
    pub devices: Vec<ScrubDevice>,
    /// CXL memory devices (`/sys/bus/cxl/devices/memN`).
    pub cxl: Vec<CxlMemory>,
}

/// One device of the EDAC bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScrubDevice {
    /// Its name there, for example `cxl_mem0`.
    pub name: String,
    /// `scrubN`.
    pub scrubs: Vec<ScrubControl>,
    /// `ecs_fruN`.
    pub error_checks: Vec<ErrorCheck>,
    /// `mem_repairN`.
    pub repairs: Vec<MemoryRepair>,
}

/// One `scrubN` directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScrubControl {
    /// `N`.
    pub index: u32,
    /// `enable_background`: the device scrubs by itself.
    pub background: Reading<bool>,
    /// `current_cycle_duration`: a full pass takes as long, seconds.
    pub cycle_seconds: Reading<u64>,
    /// `min_cycle_duration`, seconds.
    pub min_cycle_seconds: Reading<u64>,
    /// `max_cycle_duration`, seconds.
    pub max_cycle_seconds: Reading<u64>,
    /// `addr`: where a scrub on demand began; 0 while none runs.
    pub on_demand_address: Reading<u64>,
    /// `size`: how much a scrub on demand covers, bytes.
    pub on_demand_bytes: Reading<u64>,
}

/// One `ecs_fruN` directory: the error check and scrub inside DDR5 chips.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ErrorCheck {
    /// `N`.
    pub index: u32,
    /// `log_entry_type`: 0 a log entry for each chip, 1 for each module.
    pub log_entry_type: Reading<u64>,
    /// `mode`: 0 counts rows with errors, 1 code words with errors.
    pub mode: Reading<u64>,
    /// `threshold`: errors per gigabit below which none is reported.
    pub threshold: Reading<u64>,
}

/// One `mem_repairN` directory. What would be repaired where is left by whoever last wrote it, and
/// is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryRepair {
    /// `N`.
    pub index: u32,
    /// `repair_type`: `ppr`, `cacheline-sparing`, `row-sparing` and the like.
    pub repair_type: Reading<String>,
    /// `persist_mode`: 0 lost when power is cut, 1 kept.
    pub persist_mode: Reading<u64>,
    /// `repair_safe_when_in_use`: it may be done while the memory is in use.
    pub safe_when_in_use: Reading<bool>,
}

/// One CXL memory device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CxlMemory {
    /// Its name, for example `mem0`.
    pub name: String,
    /// Serial number, as the kernel writes it: hexadecimal.
    pub serial: Reading<String>,
    /// Firmware version.
    pub firmware_version: Reading<String>,
    /// NUMA node; absent where it belongs to none.
    pub numa_node: Reading<u64>,
    /// Volatile memory, bytes.
    pub ram_bytes: Reading<u64>,
    /// Persistent memory, bytes.
    pub pmem_bytes: Reading<u64>,
}

/// How long scrubbing at a rate in bytes per second takes to pass over all of a memory of that
/// size, in bytes. `None` where nothing is scrubbed or nothing is there.
pub fn full_pass(rate: u64, size: u64) -> Option<Duration> {
    let seconds = size.checked_div(rate).filter(|_| size > 0)?;
    // The part of a second left over, so that small memories do not take no time at all.
    let rest = u128::from(size % rate).checked_mul(1_000_000_000)?.checked_div(rate.into())?;
    Some(Duration::new(seconds, u32::try_from(rest).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pass_takes_size_over_rate() {
        assert_eq!(full_pass(1 << 20, 64 << 30), Some(Duration::from_secs(64 << 10)));
        assert_eq!(full_pass(4, 2), Some(Duration::from_millis(500)));
        assert_eq!(full_pass(1, u64::MAX), Some(Duration::from_secs(u64::MAX)));
        assert!(full_pass(u64::MAX, u64::MAX - 1).is_some_and(|pass| pass.as_secs() == 0));
    }

    #[test]
    fn without_a_rate_or_a_size_there_is_no_pass() {
        assert_eq!((full_pass(0, 64 << 30), full_pass(1 << 20, 0)), (None, None));
    }
}
