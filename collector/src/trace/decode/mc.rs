//! `ras:mc_event` (3.5): an error of memory, from an EDAC driver or from firmware (`ghes_edac`).
//!
//! The only place where deferred and fatal errors, and notes for information, are told apart from
//! uncorrected ones: the counters of the EDAC core count all of them as uncorrectable.

use super::slot::{Bytes, Fault, Number};
use crate::trace::format::Format;
use crate::trace::report::{Place, Report, Text, What};
use scrubjay_model::{EventClass, Witness};

#[derive(Debug)]
pub(super) struct McEvent {
    error_type: Number,
    msg: Bytes,
    label: Bytes,
    error_count: Number,
    mc_index: Number,
    layers: [Number; 3],
    address: Number,
    grain_bits: Number,
    syndrome: Number,
    driver_detail: Bytes,
}

impl McEvent {
    pub(super) fn resolve(format: &Format) -> Result<Self, String> {
        let number = |name| Number::find(format, name);
        Ok(Self {
            error_type: number("error_type")?,
            msg: Bytes::find(format, "msg")?,
            label: Bytes::find(format, "label")?,
            error_count: number("error_count")?,
            mc_index: number("mc_index")?,
            layers: [number("top_layer")?, number("middle_layer")?, number("lower_layer")?],
            address: number("address")?,
            grain_bits: number("grain_bits")?,
            syndrome: number("syndrome")?,
            driver_detail: Bytes::find(format, "driver_detail")?,
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let [top, middle, lower] = &self.layers;
        Ok(Report {
            since_boot_ns: at_ns,
            witness: Witness::McEvent,
            // `enum hw_event_mc_err_type`; its names are not in the format.
            class: match self.error_type.bits(record)? {
                0 => EventClass::Corrected,
                1 => EventClass::Uncorrected,
                2 => EventClass::Deferred,
                3 => EventClass::Fatal,
                _ => EventClass::Info,
            },
            // Some firmware reports an error and says that there were none.
            errors: self.error_count.u32(record)?.max(1),
            place: Place::Edac {
                controller: self.mc_index.u8(record)?,
                layers: [top.i8(record)?, middle.i8(record)?, lower.i8(record)?],
                label: self.label.uncut(record)?,
            },
            what: What::Memory,
            address: known(self.address.bits(record)?),
            grain_bits: grain(self.grain_bits.u8(record)?),
            syndrome: known(self.syndrome.bits(record)?),
            message: text(self.msg.uncut(record)?),
            detail: text(self.driver_detail.uncut(record)?),
        })
    }
}

/// Drivers write 0 for what they do not know. Page 0 is no memory anybody could have asked for.
pub(super) fn known(value: u64) -> Option<u64> {
    (value != 0).then_some(value)
}

/// The logarithm of a size, if it is one of an address.
pub(super) fn grain(bits: u8) -> Option<u8> {
    (bits < 64).then_some(bits)
}

pub(super) fn text(bytes: &[u8]) -> Text<'_> {
    if matches!(bytes, [] | [0, ..]) { Text::Nothing } else { Text::Bytes(bytes) }
}
