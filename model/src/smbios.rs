//! What firmware says about the memory sticks: SMBIOS structures of type 16 (arrays) and 17
//! (devices), DMTF DSP0134.
//!
//! Firmware wrote this down once, at boot, and nobody checks it: fields that the vendor never
//! filled in hold words such as "To Be Filled By O.E.M.", and whole boards ship the same serial
//! number in every slot. What is here is what stands there; [`serial_names_a_stick`] says what of
//! it may be believed.

mod names;
mod serial;

pub use names::{ArrayUse, ErrorCorrection, FormFactor, MemoryTechnology, MemoryType, TypeDetail};
pub use serial::{NO_SERIAL, serial_names_a_stick};

use serde::Serialize;

/// The memory part of the SMBIOS tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Smbios {
    /// The version the entry point states. `None` where only `/sys/firmware/dmi/entries` was there
    /// to be read.
    pub version: Option<SmbiosVersion>,
    /// In the order of the table.
    pub arrays: Vec<MemoryArray>,
    /// In the order of the table; empty slots are in it.
    pub devices: Vec<MemoryDevice>,
    /// Whether every structure of these types was understood. If not, a stick that is not in
    /// `devices` may still be in its slot.
    pub complete: bool,
}

/// The version of the specification the firmware followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SmbiosVersion {
    /// Before the dot.
    pub major: u8,
    /// After it.
    pub minor: u8,
}

/// Type 16: a set of slots that serve one purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryArray {
    /// By which devices refer to it.
    pub handle: u16,
    /// What it is for.
    pub usage: ArrayUse,
    /// How the array detects and corrects errors, if firmware knows.
    pub error_correction: ErrorCorrection,
    /// How much it can hold; `None` where firmware does not say.
    pub max_capacity_bytes: Option<u64>,
    /// Slots, filled or not.
    pub slots: u16,
}

/// Type 17: a slot, and what is in it. Fields that this version of the structure does not have, or
/// whose value stands for "unknown", are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemoryDevice {
    /// The structure's own handle.
    pub handle: u16,
    /// The array it belongs to.
    pub array_handle: u16,
    /// Bits with those for error correction.
    pub total_width_bits: Option<u16>,
    /// Bits without them.
    pub data_width_bits: Option<u16>,
    /// How much memory is in the slot.
    pub size: ModuleSize,
    /// The shape of the stick.
    pub form_factor: FormFactor,
    /// Sticks with the same number must be fitted together.
    pub set: Option<u8>,
    /// The slot as printed on the board, for example `DIMM_A1`.
    pub locator: Option<String>,
    /// The bank or node the slot belongs to. Alone it names no slot.
    pub bank: Option<String>,
    /// The technology.
    pub memory_type: MemoryType,
    /// Further words on the technology.
    pub type_detail: TypeDetail,
    /// Highest speed, in megatransfers per second.
    pub speed_mts: Option<u32>,
    /// Who made the stick, as a name or as a JEDEC number in the vendor's own spelling.
    pub manufacturer: Option<String>,
    /// The serial number as written, placeholders included.
    pub serial: Option<String>,
    /// The asset tag as written.
    pub asset_tag: Option<String>,
    /// The part number.
    pub part: Option<String>,
    /// Ranks.
    pub ranks: Option<u8>,
    /// Speed it runs at, in megatransfers per second.
    pub configured_speed_mts: Option<u32>,
    /// Kind of memory (3.2).
    pub technology: Option<MemoryTechnology>,
    /// Firmware of the stick (3.2).
    pub firmware: Option<String>,
    /// JEDEC number of the maker of the stick, as it stands there (3.2).
    pub module_manufacturer_id: Option<u16>,
    /// Number the maker gave the product (3.2).
    pub module_product_id: Option<u16>,
}

/// What type 17 says of the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ModuleSize {
    /// Nothing is in the slot.
    Empty,
    /// Something is, but firmware does not know how large.
    Unknown,
    /// This many bytes.
    Bytes(u64),
}

/// Words in the maker's field that only hypervisors write. The lower-case text begins with one.
const HYPERVISORS: [&str; 9] =
    ["qemu", "bochs", "vmware", "xen", "innotek", "parallels", "red hat", "google", "amazon ec2"];

impl ModuleSize {
    /// The size, where it is known and not nothing.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Empty | Self::Unknown => None,
        }
    }
}

impl MemoryDevice {
    /// Whether something is in the slot.
    pub fn is_populated(&self) -> bool {
        match self.size {
            ModuleSize::Empty => false,
            ModuleSize::Unknown | ModuleSize::Bytes(_) => true,
        }
    }

    /// The slot with its bank: what firmware-first drivers write as a label.
    pub fn slot_name(&self) -> Option<String> {
        match (&self.bank, &self.locator) {
            (Some(bank), Some(locator)) => Some(format!("{bank} {locator}")),
            (None, Some(name)) | (Some(name), None) => Some(name.clone()),
            (None, None) => None,
        }
    }

    /// The serial number, if it is one and no placeholder.
    pub fn stick_serial(&self) -> Option<&str> {
        self.serial.as_deref().filter(|serial| serial_names_a_stick(serial))
    }

    /// The part number, if it is one and no placeholder.
    pub fn stick_part(&self) -> Option<&str> {
        self.part.as_deref().filter(|part| serial_names_a_stick(part))
    }

    /// Whether a hypervisor made it up.
    pub fn is_emulated(&self) -> bool {
        self.manufacturer.as_deref().is_some_and(|maker| {
            let maker = maker.to_lowercase();
            HYPERVISORS.iter().any(|word| maker.starts_with(word))
        })
    }
}

impl Smbios {
    /// The slots with a stick that serves as system memory. A device whose array is not in the
    /// table counts: rather one stick of flash too many than a DIMM unseen.
    pub fn sticks(&self) -> impl Iterator<Item = &MemoryDevice> {
        self.devices.iter().filter(|device| {
            device.is_populated()
                && self
                    .arrays
                    .iter()
                    .find(|array| array.handle == device.array_handle)
                    .is_none_or(|array| array.usage.may_be_system_memory())
        })
    }

    /// Whether the sticks are a hypervisor's. Their serial numbers then name nothing.
    pub fn is_emulated(&self) -> bool {
        let mut sticks = self.sticks().peekable();
        sticks.peek().is_some() && sticks.all(MemoryDevice::is_emulated)
    }
}

#[cfg(test)]
pub(crate) mod tests;
