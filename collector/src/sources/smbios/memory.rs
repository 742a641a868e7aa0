//! Types 16 and 17 (DSP0134, 7.17 and 7.18). Offsets are those of the specification.

use super::structures::{Structure, Trouble};
use scrubjay_model::{
    ArrayUse, ErrorCorrection, FormFactor, MemoryArray, MemoryDevice, MemoryTechnology, MemoryType,
    ModuleSize, TypeDetail,
};

/// Slots accepted. The largest machines have some hundreds.
const MOST_DEVICES: usize = 4096;

/// Shortest type 16: version 2.1, when the type came.
const ARRAY_LENGTH: usize = 0x0f;

/// Shortest type 17: version 2.1, up to the type detail.
const DEVICE_LENGTH: usize = 0x15;

/// What has been found so far, and what was wrong with it.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) arrays: Vec<MemoryArray>,
    pub(super) devices: Vec<MemoryDevice>,
    pub(super) troubles: Vec<Trouble>,
    /// Structures of these types that are in neither list.
    pub(super) lost: usize,
}

impl Found {
    pub(super) fn take(&mut self, structure: Structure<'_>) {
        let taken = match structure.kind {
            16 if self.arrays.len() < MOST_DEVICES => {
                array(&structure).map(|array| self.arrays.push(array))
            }
            17 if self.devices.len() < MOST_DEVICES => {
                device(&structure, &mut self.troubles).map(|device| self.devices.push(device))
            }
            16 | 17 => Err(Trouble::new(structure.offset, "at most 4096 memory devices", "more")),
            _ => Ok(()),
        };
        if let Err(trouble) = taken {
            self.lost += 1;
            self.troubles.push(trouble);
        }
    }
}

fn array(s: &Structure<'_>) -> Result<MemoryArray, Trouble> {
    let short = || Trouble::new(s.offset, "a memory array of at least 15 bytes", length(s));
    if s.body.len() < ARRAY_LENGTH {
        return Err(short());
    }
    let max_capacity_bytes = match s.double_word(0x07).ok_or_else(short)? {
        0 => None,
        0x8000_0000 => s.quad_word(0x0f).filter(|bytes| *bytes != 0),
        kibibytes => Some(u64::from(kibibytes) << 10),
    };
    Ok(MemoryArray {
        handle: s.handle,
        usage: ArrayUse(s.byte(0x05).ok_or_else(short)?),
        error_correction: ErrorCorrection(s.byte(0x06).ok_or_else(short)?),
        max_capacity_bytes,
        slots: s.word(0x0d).ok_or_else(short)?,
    })
}

/// A string that is not where its number says costs that field, not the device.
fn device(s: &Structure<'_>, troubles: &mut Vec<Trouble>) -> Result<MemoryDevice, Trouble> {
    let short = || Trouble::new(s.offset, "a memory device of at least 21 bytes", length(s));
    if s.body.len() < DEVICE_LENGTH {
        return Err(short());
    }
    let mut text = |at| {
        s.text(at).unwrap_or_else(|trouble| {
            troubles.push(trouble);
            None
        })
    };
    let (locator, bank) = (text(0x10), text(0x11));
    let (manufacturer, serial) = (text(0x17), text(0x18));
    let (asset_tag, part, firmware) = (text(0x19), text(0x1a), text(0x2b));
    // 0 means that nothing is in the slot, FFFFh that firmware does not know.
    let width = |at| s.word(at).filter(|bits| !matches!(bits, 0 | 0xffff));
    let identity = |at| s.word(at).filter(|id| *id != 0);
    Ok(MemoryDevice {
        handle: s.handle,
        array_handle: s.word(0x04).ok_or_else(short)?,
        total_width_bits: width(0x08),
        data_width_bits: width(0x0a),
        size: size(s.word(0x0c).ok_or_else(short)?, s.double_word(0x1c)),
        form_factor: FormFactor(s.byte(0x0e).ok_or_else(short)?),
        set: s.byte(0x0f).filter(|set| !matches!(set, 0 | 0xff)),
        locator,
        bank,
        memory_type: MemoryType(s.byte(0x12).ok_or_else(short)?),
        type_detail: TypeDetail(s.word(0x13).ok_or_else(short)?),
        speed_mts: speed(s.word(0x15), s.double_word(0x54)),
        manufacturer,
        serial,
        asset_tag,
        part,
        ranks: s.byte(0x1b).map(|attributes| attributes & 0x0f).filter(|ranks| *ranks != 0),
        configured_speed_mts: speed(s.word(0x20), s.double_word(0x58)),
        technology: s.byte(0x28).map(MemoryTechnology),
        firmware,
        module_manufacturer_id: identity(0x2c),
        module_product_id: identity(0x2e),
    })
}

/// 0 is an empty slot and FFFFh unknown. 7FFFh refers to the extended size in MiB, whose highest
/// bit is reserved. Otherwise the highest bit tells KiB from MiB.
fn size(size: u16, extended_mib: Option<u32>) -> ModuleSize {
    match (size, extended_mib.map(|mib| mib & 0x7fff_ffff)) {
        (0, _) => ModuleSize::Empty,
        (0xffff, _) | (0x7fff, None | Some(0)) => ModuleSize::Unknown,
        (0x7fff, Some(mib)) => ModuleSize::Bytes(u64::from(mib) << 20),
        (kib, _) if kib & 0x8000 != 0 => match kib & 0x7fff {
            0 => ModuleSize::Unknown,
            kib => ModuleSize::Bytes(u64::from(kib) << 10),
        },
        (mib, _) => ModuleSize::Bytes(u64::from(mib) << 20),
    }
}

/// 0 is unknown; FFFFh refers to the extended speed, whose highest bit is reserved.
fn speed(speed: Option<u16>, extended: Option<u32>) -> Option<u32> {
    match speed? {
        0 => None,
        0xffff => extended.map(|mts| mts & 0x7fff_ffff).filter(|mts| *mts != 0),
        mts => Some(u32::from(mts)),
    }
}

fn length(s: &Structure<'_>) -> String {
    format!("{} bytes in handle 0x{:04x}", s.body.len(), s.handle)
}
