//! Machine checks: what the registers of a bank say.
//!
//! Kernel source: arch/x86/include/asm/mce.h, arch/x86/kernel/cpu/mce/{core,amd,apei}.c. Meaning of
//! the bits: Intel's SDM 3B chapter 17, AMD's APM 2 chapter 9.

use scrubjay_model::{EventClass, EventWhat};

/// `cpuvendor`: `X86_VENDOR_*`.
const INTEL: u64 = 0;
const AMD: u64 = 2;
const HYGON: u64 = 9;

/// Bits of the status.
const VALID: u64 = 1 << 63;
const UNCORRECTED: u64 = 1 << 61;
const MISC_VALID: u64 = 1 << 59;
const ADDRESS_VALID: u64 = 1 << 58;
const CONTEXT_CORRUPT: u64 = 1 << 57;
/// AMD only; with Intel they are part of the count of corrected errors.
const SYNDROME_VALID: u64 = 1 << 53;
const DEFERRED: u64 = 1 << 44;
const POISON: u64 = 1 << 43;
const SCRUB: u64 = 1 << 40;

/// Bits of the global status: instructions can be resumed; a machine check is in progress.
const RESTART_VALID: u64 = 1;
const IN_PROGRESS: u64 = 1 << 2;

/// The machine tells, in the miscellaneous register, how an address is to be read (`MCG_SER_P`).
const CAN_RECOVER: u64 = 1 << 24;
/// Address mode of the miscellaneous register, bits 8:6: a physical address.
const PHYSICAL: u64 = 2;

/// No bank: what the kernel makes of a report of firmware.
pub(crate) const APEI_BANK: u8 = 255;

/// The registers of a machine check, for people and for later decoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) status: u64,
    pub(crate) address: u64,
    pub(crate) misc: u64,
    pub(crate) syndrome: u64,
    pub(crate) ipid: u64,
    pub(crate) mcgstatus: u64,
}

/// One machine check, with what decides how it is to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineCheck {
    registers: Registers,
    bank: u8,
    amd: bool,
    intel: bool,
    recovers: bool,
}

impl MachineCheck {
    /// `vendor` is the kernel's number of it, `mcgcap` what the machine says it can do.
    pub(crate) fn new(registers: Registers, bank: u8, vendor: u64, mcgcap: u64) -> Self {
        Self {
            registers,
            bank,
            amd: matches!(vendor, AMD | HYGON),
            intel: vendor == INTEL,
            recovers: mcgcap & CAN_RECOVER != 0,
        }
    }

    fn has(&self, bits: u64) -> bool {
        self.registers.status & bits != 0
    }

    /// The severity the bits speak of. Whether the machine survived is not in question: it did, or
    /// nobody would read this.
    pub(crate) fn class(&self) -> EventClass {
        // Read from a machine check in progress that left no place to resume at. Records that the
        // kernel found by polling have neither bit, and there the missing one means nothing.
        let stuck = self.registers.mcgstatus & (IN_PROGRESS | RESTART_VALID) == IN_PROGRESS;
        if !self.has(VALID) {
            EventClass::Info
        } else if self.has(CONTEXT_CORRUPT) || (self.has(UNCORRECTED) && stuck) {
            EventClass::Fatal
        } else if self.has(UNCORRECTED) {
            EventClass::Uncorrected
        } else if self.amd && self.has(DEFERRED) {
            EventClass::Deferred
        } else {
            EventClass::Corrected
        }
    }

    /// Intel counts corrected errors in bits 52:38, and stays at 0x7fff. AMD uses these bits for
    /// other things and reports each error alone; firmware's records have no count.
    pub(crate) fn errors(&self, class: EventClass) -> u32 {
        let counts = self.intel && self.bank != APEI_BANK && class == EventClass::Corrected;
        let count = u32::try_from(self.registers.status >> 38 & 0x7fff).unwrap_or(1);
        if counts { count.max(1) } else { 1 }
    }

    /// Kind and moment of a memory error by its code, bits 15:0, form `0000 0000 1MMM CCCC`. AMD has
    /// no code of this form, but records that firmware or a test injects do, on its machines too.
    fn memory_code(&self) -> Option<u64> {
        (self.registers.status & 0xef80 == 0x80).then_some(self.registers.status >> 4 & 7)
    }

    /// The same with `0000 0010 1MMM CCCC`: memory that is used as a cache of slower memory.
    fn memory_cache(&self) -> bool {
        self.intel && self.registers.status & 0xef80 == 0x280
    }

    /// AMD's scalable machine-check architecture: a bank says which kind of unit it belongs to.
    /// 0x96 is a memory controller.
    fn amd_controller(&self) -> bool {
        let hardware = self.registers.ipid >> 32 & 0xfff;
        let kind = self.registers.ipid >> 48;
        self.amd && hardware == 0x96 && kind <= 1
    }

    /// An ECC error of DRAM on AMD: by a memory controller, or by the north bridge, which is bank 4
    /// before family 17h (where no bank has an identity).
    fn amd_memory(&self) -> bool {
        let extended = self.registers.status >> 16 & 0x1f;
        if self.registers.ipid == 0 {
            self.amd && self.bank == 4 && extended == 8
        } else {
            self.amd_controller() && extended == 0
        }
    }

    /// Whether it is an error of memory.
    pub(crate) fn is_memory(&self) -> bool {
        let memory = self.memory_code().is_some() || self.memory_cache() || self.amd_memory();
        memory && self.has(VALID)
    }

    /// The error code of the machine-check architecture.
    fn code(&self) -> u64 {
        self.registers.status & 0xffff
    }

    /// What it is about, where that is not memory.
    pub(crate) fn other(&self) -> EventWhat {
        EventWhat::Other { about: format!("machine check, code {:#06x}", self.code()) }
    }

    /// The syndrome, where the status says that there is one.
    pub(crate) fn syndrome(&self) -> Option<u64> {
        (self.amd && self.has(SYNDROME_VALID)).then_some(self.registers.syndrome)
    }

    /// In words.
    pub(crate) fn message(&self) -> &'static [u8] {
        if !self.has(VALID) {
            return b"not valid";
        }
        if self.amd_memory() {
            return if self.has(SCRUB) {
                b"DRAM ECC error found by the scrubber"
            } else {
                b"DRAM ECC error"
            };
        }
        match self.memory_code() {
            _ if self.amd && self.has(POISON) => b"poisoned data was used",
            Some(1) => b"memory read error",
            Some(2) => b"memory write error",
            Some(3) => b"memory address or command error",
            Some(4) => b"memory scrubbing error",
            Some(_) => b"memory error",
            None if self.memory_cache() => b"error of memory used as a cache",
            None => b"machine check",
        }
    }

    /// A physical address and how finely it is known. Bits below that are not known, and cleared.
    pub(crate) fn address(&self) -> (Option<u64>, Option<u8>) {
        // A memory controller of AMD's tells an address of its own channel, not one of the system.
        if !self.has(ADDRESS_VALID) || !self.has(VALID) || self.amd_controller() {
            return (None, None);
        }
        let address = self.registers.address;
        // Only so do these bits of the miscellaneous register have a meaning that is documented.
        let told = self.has(MISC_VALID) && (self.bank == APEI_BANK || self.intel && self.recovers);
        if !told {
            return (known(address), None);
        }
        if self.registers.misc >> 6 & 7 != PHYSICAL {
            return (None, None);
        }
        let bits = u8::try_from(self.registers.misc & 0x3f).ok();
        let clear = bits.map_or(0, |bits| u64::MAX << bits);
        let address = known(address & clear);
        (address, bits.filter(|_| address.is_some()))
    }
}

/// A register that holds no address holds 0. Page 0 is no memory anybody could have asked for.
fn known(address: u64) -> Option<u64> {
    (address != 0).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_which_no_bit_is_known_has_no_grain_either() {
        let status = VALID | MISC_VALID | ADDRESS_VALID;
        let registers = |address| Registers {
            status,
            address,
            misc: PHYSICAL << 6 | 12,
            syndrome: 0,
            ipid: 0,
            mcgstatus: 0,
        };
        let told = |address| MachineCheck::new(registers(address), 7, INTEL, CAN_RECOVER).address();
        assert_eq!(told(0x1234_5678), (Some(0x1234_5000), Some(12)));
        assert_eq!(told(0x678), (None, None));
    }
}
