//! What firmware tells through `ras:extlog_mem_event` (3.17, Intel), `ras:arm_event` and
//! `ras:non_standard_event`.
//!
//! Kernel source: drivers/acpi/acpi_extlog.c, drivers/acpi/apei/ghes.c, drivers/firmware/efi/cper.c.

use super::mc::{grain, known, text};
use super::sections;
use super::slot::{Block, Bytes, Fault, Number};
use crate::trace::format::Format;
use crate::trace::report::{Place, Report, Text, What};
use scrubjay_model::{EventClass, EventPlace, EventWhat, Witness};

/// `ras:extlog_mem_event`. The kernel emits it only while somebody holds
/// `/sys/kernel/debug/ras/daemon_active` open.
#[derive(Debug)]
pub(super) struct Extlog {
    etype: Number,
    sev: Number,
    pa: Number,
    pa_mask_lsb: Number,
    fru_id: Block,
    fru_text: Bytes,
    data: Block,
}

/// Kinds of memory error, as the UEFI specification numbers them (table N-31).
const MEMORY_ERRORS: [&str; 16] = [
    "unknown memory error",
    "no error",
    "single-bit ECC error",
    "multi-bit ECC error",
    "single-symbol chipkill ECC error",
    "multi-symbol chipkill ECC error",
    "master abort",
    "target abort",
    "parity error",
    "watchdog timeout",
    "invalid address",
    "mirror broken",
    "memory sparing",
    "scrub corrected error",
    "scrub uncorrected error",
    "physical memory map-out event",
];

/// Bytes of `struct cper_mem_err_compact` up to the rank. What follows (55 bytes in all in Linux
/// 6.12) older kernels may lack; then it is not told.
const COMPACT_LEAST: usize = 48;

impl Extlog {
    pub(super) fn resolve(format: &Format) -> Result<Self, String> {
        let number = |name| Number::find(format, name);
        Ok(Self {
            etype: number("etype")?,
            sev: number("sev")?,
            pa: number("pa")?,
            pa_mask_lsb: number("pa_mask_lsb")?,
            fru_id: Block::find(format, "fru_id", 16)?,
            fru_text: Bytes::find(format, "fru_text")?,
            data: Block::find(format, "data", COMPACT_LEAST)?,
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let memory = Compact { bytes: self.data.bytes(record)? };
        let kind = usize::from(self.etype.u8(record)?);
        let address = self.pa.bits(record)?;
        let valid = address != u64::MAX;
        let mut fru = String::from_utf8_lossy(self.fru_text.text(record)?).into_owned();
        if fru.is_empty() {
            let id = self.fru_id.bytes(record)?;
            let id = id.iter().any(|byte| *byte != 0).then(|| sections::guid(id)).flatten();
            fru = id.unwrap_or_default();
        }
        Ok(Report {
            since_boot_ns: at_ns,
            witness: Witness::Extlog,
            // Severities as a firmware record has them.
            class: match self.sev.bits(record)? {
                0 => EventClass::Uncorrected,
                1 => EventClass::Fatal,
                2 => EventClass::Corrected,
                _ => EventClass::Info,
            },
            errors: 1,
            place: Place::Other(EventPlace::Firmware {
                handle: memory.handle(),
                location: memory.parts(&PLACES),
                fru,
            }),
            what: What::Memory,
            address: Some(address).filter(|_| valid).and_then(known),
            grain_bits: grain(self.pa_mask_lsb.u8(record)?).filter(|_| valid),
            syndrome: None,
            message: MEMORY_ERRORS
                .get(kind)
                .map_or(Text::Nothing, |name| Text::Bytes(name.as_bytes())),
            detail: Text::Owned(memory.parts(&CELLS)),
        })
    }
}

/// `struct cper_mem_err_compact`: 16-bit numbers, each with a bit that says whether it is valid.
struct Compact<'p> {
    bytes: &'p [u8],
}

/// Name, bit of `validation_bits` and offset.
type Part = (&'static str, u32, usize);

/// Down to the chip: what a device is found by.
const PLACES: [Part; 6] = [
    ("node", 3, 8),
    ("card", 4, 10),
    ("module", 5, 12),
    ("rank", 15, 48),
    ("bank", 6, 14),
    ("device", 7, 16),
];
/// Within it.
const CELLS: [Part; 3] = [("row", 8, 18), ("column", 9, 20), ("bit", 10, 22)];
/// SMBIOS handle of the device.
const MODULE_HANDLE: Part = ("module handle", 17, 52);

impl Compact<'_> {
    fn part(&self, (_, bit, at): Part) -> Option<u16> {
        let valid = u64::from_ne_bytes(*self.bytes.first_chunk()?);
        if valid >> bit & 1 == 0 {
            return None;
        }
        self.bytes.get(at..)?.first_chunk().map(|chunk| u16::from_ne_bytes(*chunk))
    }

    fn handle(&self) -> Option<u16> {
        self.part(MODULE_HANDLE)
    }

    fn parts(&self, parts: &[Part]) -> String {
        let told =
            parts.iter().filter_map(|part| Some(format!("{} {}", part.0, self.part(*part)?)));
        told.collect::<Vec<String>>().join(" ")
    }
}

/// `ras:arm_event`. Older kernels, such as 6.1, tell neither severity nor buffers.
#[derive(Debug)]
pub(super) struct Arm {
    mpidr: Number,
    midr: Number,
    running_state: Number,
    psci_state: Number,
    affinity: Number,
    sev: Option<Number>,
    cpu: Option<Number>,
    /// Error information, context and vendor's own.
    buffers: [(&'static str, Option<Bytes>); 3],
}

impl Arm {
    pub(super) fn resolve(format: &Format) -> Result<Self, String> {
        let number = |name| Number::find(format, name);
        let buffer = |name| Bytes::find_if_any(format, name);
        Ok(Self {
            mpidr: number("mpidr")?,
            midr: number("midr")?,
            running_state: number("running_state")?,
            psci_state: number("psci_state")?,
            affinity: number("affinity")?,
            sev: Number::find_if_any(format, "sev")?,
            cpu: Number::find_if_any(format, "cpu")?,
            buffers: [
                ("information", buffer("pei_buf")?),
                ("context", buffer("ctx_buf")?),
                ("vendor", buffer("oem_buf")?),
            ],
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let mut told = vec![
            format!("midr {:#x}", self.midr.bits(record)?),
            format!("running {}", self.running_state.bits(record)?),
            format!("psci {}", self.psci_state.bits(record)?),
            format!("affinity {}", self.affinity.bits(record)?),
        ];
        let class = match self.sev {
            Some(sev) => ghes_class(sev.bits(record)?),
            None => {
                told.push("severity not told by this kernel".to_owned());
                // The worse of what it may have been.
                EventClass::Uncorrected
            }
        };
        for (name, buffer) in &self.buffers {
            let Some(buffer) = buffer else { continue };
            let bytes = buffer.bytes(record)?;
            if !bytes.is_empty() {
                told.push(format!("{name} {}", sections::hex(bytes)));
            }
        }
        let mut location = format!("mpidr {:#x}", self.mpidr.bits(record)?);
        if let Some(cpu) = self.cpu {
            // A negative one is not known.
            if let Ok(cpu) = i32::try_from(cpu.u32(record)?) {
                location = format!("cpu {cpu} {location}");
            }
        }
        Ok(Report {
            since_boot_ns: at_ns,
            witness: Witness::ArmEvent,
            class,
            errors: 1,
            place: Place::Other(EventPlace::Firmware {
                handle: None,
                location,
                fru: String::new(),
            }),
            what: What::Other(EventWhat::Other { about: "ARM processor".to_owned() }),
            address: None,
            grain_bits: None,
            syndrome: None,
            message: Text::Nothing,
            detail: Text::Owned(told.join(" ")),
        })
    }
}

/// `ras:non_standard_event`: a section the kernel has no event for, as it is.
#[derive(Debug)]
pub(super) struct NonStandard {
    sec_type: Block,
    fru_id: Block,
    fru_text: Bytes,
    sev: Number,
    buf: Bytes,
}

impl NonStandard {
    pub(super) fn resolve(format: &Format) -> Result<Self, String> {
        Ok(Self {
            sec_type: Block::find(format, "sec_type", 16)?,
            fru_id: Block::find(format, "fru_id", 16)?,
            fru_text: Bytes::find(format, "fru_text")?,
            sev: Number::find(format, "sev")?,
            buf: Bytes::find(format, "buf")?,
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let section = sections::guid(self.sec_type.bytes(record)?);
        let section = section.ok_or(Fault::Short("sec_type"))?;
        let fru_id = self.fru_id.bytes(record)?;
        let fru_id = fru_id.iter().any(|byte| *byte != 0).then(|| sections::guid(fru_id)).flatten();
        Ok(Report {
            since_boot_ns: at_ns,
            witness: Witness::NonStandard,
            class: ghes_class(self.sev.bits(record)?),
            errors: 1,
            place: Place::Other(EventPlace::Firmware {
                handle: None,
                location: String::new(),
                fru: fru_id.unwrap_or_default(),
            }),
            what: if sections::is_memory(&section) {
                What::Memory
            } else {
                What::Other(EventWhat::Other { about: sections::about(&section) })
            },
            address: None,
            grain_bits: None,
            syndrome: None,
            message: text(self.fru_text.text(record)?),
            detail: Text::Owned(format!(
                "section {section} {}",
                sections::hex(self.buf.bytes(record)?)
            )),
        })
    }
}

/// Severities as the kernel's GHES code has them: none, corrected, recoverable, panic.
fn ghes_class(severity: u64) -> EventClass {
    match severity {
        0 => EventClass::Info,
        1 => EventClass::Corrected,
        2 => EventClass::Uncorrected,
        _ => EventClass::Fatal,
    }
}
