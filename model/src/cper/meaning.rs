//! What error records mean: their times as numbers, their places as words, and which of them are
//! memory errors that were not corrected.

use super::{
    CperRecord, CperSection, CperSeverity, CperTime, CpuVendor, ErrorBlock, MceRecord, MceUnit,
    MemoryErrorSection, SectionBody, SectionKind,
};

impl CperTime {
    /// Seconds since the Unix epoch, if the zone is UTC; records do not tell, and many boards keep
    /// local time, so this is good to a day.
    pub fn as_utc_s(self) -> i64 {
        // Days of a civil date by counting years from March, so that a leap day ends its year.
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
            + year.div_euclid(400)
            + (month * 153 + 2) / 5
            + i64::from(self.day)
            - 1
            - 719_468;
        ((days * 24 + i64::from(self.hour)) * 60 + i64::from(self.minute)) * 60
            + i64::from(self.second)
    }
}

impl MceRecord {
    /// Bits of `MCi_STATUS`.
    const UNCORRECTED: u32 = 61;
    const CONTEXT_CORRUPT: u32 = 57;
    const DEFERRED: u32 = 44;

    /// The bank that stands for an error reported by firmware.
    pub const FIRMWARE_BANK: u8 = 255;

    /// Which unit AMD's scalable banks name as the memory controller (`MCA_IPID`).
    const UNIFIED_MEMORY_CONTROLLER: u64 = 0x96;

    fn has(&self, bit: u32) -> bool {
        self.status >> bit & 1 == 1
    }

    /// Whether the hardware corrected it.
    pub fn corrected(&self) -> bool {
        let deferred = self.vendor == CpuVendor::Amd && self.has(Self::DEFERRED);
        !self.has(Self::UNCORRECTED) && !deferred
    }

    /// Whether the CPU's state was lost, so that going on was impossible.
    pub fn context_corrupt(&self) -> bool {
        self.has(Self::CONTEXT_CORRUPT)
    }

    /// Which unit it was about.
    pub fn unit(&self) -> MceUnit {
        let memory = match self.vendor {
            _ if self.bank == Self::FIRMWARE_BANK => true,
            // Compound error code 000F 0000 1MMM CCCC: a memory controller. Intel SDM volume 3B,
            // "Compound Error Codes".
            CpuVendor::Intel => self.status & 0xef80 == 0x80,
            CpuVendor::Amd => match self.ipid {
                Some(ipid) => ipid >> 32 & 0xfff == Self::UNIFIED_MEMORY_CONTROLLER,
                // Older banks have fixed meanings by family, and the record does not tell it.
                None => return MceUnit::Unknown,
            },
            CpuVendor::Other => return MceUnit::Unknown,
        };
        if memory { MceUnit::Memory } else { MceUnit::NotMemory }
    }

    /// The physical address, where the bank reports one.
    pub fn physical_address(&self) -> Option<u64> {
        match (self.bank, self.vendor) {
            (Self::FIRMWARE_BANK, _) | (_, CpuVendor::Intel) => self.address,
            (_, CpuVendor::Amd | CpuVendor::Other) => None,
        }
    }
}

impl MemoryErrorSection {
    /// The place as words, the most telling part first; empty if nothing is told.
    pub fn place(&self) -> String {
        let mut parts = Vec::new();
        let mut part = |name: &str, number: Option<u64>| {
            parts.extend(number.map(|number| format!("{name} {number}")));
        };
        part("node", self.node.map(u64::from));
        part("card", self.card.map(u64::from));
        part("module", self.module.map(u64::from));
        part("rank", self.rank.map(u64::from));
        part("bank", self.bank.map(u64::from));
        part("bank group", self.bank_group.map(u64::from));
        part("bank address", self.bank_address.map(u64::from));
        part("device", self.device.map(u64::from));
        part("chip", self.chip_id.map(u64::from));
        part("row", self.row.map(u64::from));
        part("column", self.column.map(u64::from));
        part("bit", self.bit_position.map(u64::from));
        parts.join(" ")
    }
}

impl CperSection {
    /// Whether it is about memory.
    pub fn is_memory(&self) -> bool {
        match &self.body {
            SectionBody::Memory(_) => true,
            SectionBody::MachineCheck(mce) => mce.unit() == MceUnit::Memory,
            SectionBody::Undecoded { .. } => self.kind.is_memory(),
        }
    }

    /// The memory error, if it is one and was decoded.
    pub fn memory(&self) -> Option<&MemoryErrorSection> {
        match &self.body {
            SectionBody::Memory(memory) => Some(memory),
            SectionBody::MachineCheck(_) | SectionBody::Undecoded { .. } => None,
        }
    }

    /// The severity to go by, given that of the record it belongs to: a section's own where it is
    /// defined.
    pub fn severity_within(&self, whole: CperSeverity) -> CperSeverity {
        if self.severity.is_defined() { self.severity } else { whole }
    }
}

impl ErrorBlock {
    /// Its sections about memory, with the severity to go by.
    pub fn memory_errors(&self) -> impl Iterator<Item = (&CperSection, CperSeverity)> {
        let about_memory = self.sections.iter().filter(|section| section.is_memory());
        about_memory.map(|section| (section, section.severity_within(self.severity)))
    }
}

impl CperRecord {
    /// Its sections of that kind.
    pub fn of_kind(&self, kind: SectionKind) -> impl Iterator<Item = &CperSection> {
        self.sections.iter().filter(move |section| section.kind == kind)
    }
}
