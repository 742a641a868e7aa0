//! `mce:mce_record`: a machine-check bank, as it was read.
//!
//! Kernel source: include/trace/events/mce.h, arch/x86/include/asm/mce.h,
//! arch/x86/kernel/cpu/mce/{core,amd,apei}.c. Emitted also for corrected errors that RAS_CEC keeps
//! from EDAC. Bank 255 is no bank: the kernel makes such a record of a memory error that firmware
//! reports (APEI). The bits are read by [`MachineCheck`].

use super::slot::{Fault, Number};
use crate::machine_check::{APEI_BANK, MachineCheck, Registers};
use crate::trace::format::Format;
use crate::trace::report::{Place, Report, Text, What};
use scrubjay_model::Witness;

#[derive(Debug)]
pub(super) struct MceRecord {
    mcgcap: Number,
    mcgstatus: Number,
    status: Number,
    addr: Number,
    misc: Number,
    /// Older kernels lack this and `ipid`.
    synd: Option<Number>,
    ipid: Option<Number>,
    cpu: Number,
    socketid: Number,
    bank: Number,
    cpuvendor: Number,
}

impl MceRecord {
    pub(super) fn resolve(format: &Format) -> Result<Self, String> {
        let number = |name| Number::find(format, name);
        Ok(Self {
            mcgcap: number("mcgcap")?,
            mcgstatus: number("mcgstatus")?,
            status: number("status")?,
            addr: number("addr")?,
            misc: number("misc")?,
            synd: Number::find_if_any(format, "synd")?,
            ipid: Number::find_if_any(format, "ipid")?,
            cpu: number("cpu")?,
            socketid: number("socketid")?,
            bank: number("bank")?,
            cpuvendor: number("cpuvendor")?,
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let optional = |field: &Option<Number>| match field {
            Some(field) => field.bits(record),
            // As the register itself reads where it has no such bits; shown to nobody.
            None => Ok(0),
        };
        let registers = Registers {
            status: self.status.bits(record)?,
            address: self.addr.bits(record)?,
            misc: self.misc.bits(record)?,
            syndrome: optional(&self.synd)?,
            ipid: optional(&self.ipid)?,
            mcgstatus: self.mcgstatus.bits(record)?,
        };
        let vendor = self.cpuvendor.bits(record)?;
        let bank = self.bank.u8(record)?;
        let mcgcap = self.mcgcap.bits(record)?;
        let check = MachineCheck::new(registers, bank, vendor, mcgcap);
        let class = check.class();
        let (address, grain_bits) = check.address();
        Ok(Report {
            since_boot_ns: at_ns,
            witness: if bank == APEI_BANK { Witness::ApeiRecord } else { Witness::MceRecord },
            class,
            errors: check.errors(class),
            place: Place::Bank {
                cpu: self.cpu.u32(record)?,
                socket: self.socketid.u32(record)?,
                bank,
            },
            what: if check.is_memory() { What::Memory } else { What::Other(check.other()) },
            address,
            grain_bits,
            syndrome: check.syndrome(),
            message: Text::Bytes(check.message()),
            detail: Text::Registers(registers),
        })
    }
}
