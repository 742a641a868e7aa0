//! Fields of a record, found by name once and read by offset from then on.

use crate::trace::format::{Field, Format, Storage};
use crate::trace::page::word32;
use crate::trace::text::before_nul;
use std::fmt;

/// Why a record could not be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// A field, or what it points to, is not within the record.
    Short(&'static str),
    /// No event of that number was asked for.
    Unknown(u16),
}

/// An integer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    name: &'static str,
    at: usize,
    size: Size,
    signed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Size {
    One,
    Two,
    Four,
    Eight,
}

/// Bytes at a place that does not change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    name: &'static str,
    at: usize,
    size: usize,
}

/// Bytes at a place that each record tells.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes {
    name: &'static str,
    at: usize,
    /// Added to the offset the record tells.
    base: usize,
}

/// Holds if records tell their event where `Decoder` looks for it.
pub(super) fn common_type(format: &Format) -> Result<(), String> {
    let field = format.field("common_type");
    match field.map(|field| (field.offset, field.size)) {
        Some((0, 2)) => Ok(()),
        _ => Err("no `common_type` in the first two bytes".to_owned()),
    }
}

impl Number {
    pub(super) fn find(format: &Format, name: &'static str) -> Result<Self, String> {
        let field = find(format, name)?;
        Self::of(name, field).ok_or_else(|| unfit(field, "an integer"))
    }

    /// For a field that some kernels lack.
    pub(super) fn find_if_any(format: &Format, name: &'static str) -> Result<Option<Self>, String> {
        format.field(name).map(|_| Self::find(format, name)).transpose()
    }

    /// An integer of any event, not looked for by name.
    pub(super) fn of(name: &'static str, field: &Field) -> Option<Self> {
        let size = match (field.storage, field.size) {
            (Storage::Value, 1) => Size::One,
            (Storage::Value, 2) => Size::Two,
            (Storage::Value, 4) => Size::Four,
            (Storage::Value, 8) => Size::Eight,
            (Storage::Value | Storage::Array | Storage::FromRecord | Storage::FromField, _) => {
                return None;
            }
        };
        Some(Self { name, at: field.offset, size, signed: field.signed })
    }

    /// Its bits; a negative one is not extended.
    #[inline]
    pub(super) fn bits(&self, record: &[u8]) -> Result<u64, Fault> {
        let short = Fault::Short(self.name);
        let from = record.get(self.at..).ok_or(short)?;
        let bits = match self.size {
            Size::One => from.first().map(|byte| u64::from(*byte)),
            Size::Two => from.first_chunk().map(|chunk| u64::from(u16::from_ne_bytes(*chunk))),
            Size::Four => from.first_chunk().map(|chunk| u64::from(u32::from_ne_bytes(*chunk))),
            Size::Eight => from.first_chunk().map(|chunk| u64::from_ne_bytes(*chunk)),
        };
        bits.ok_or(short)
    }

    /// Its value as the format declares it, for people.
    pub(super) fn signed(&self, record: &[u8]) -> Result<i128, Fault> {
        let bits = self.bits(record)?;
        let width = match self.size {
            Size::One => 8,
            Size::Two => 16,
            Size::Four => 32,
            Size::Eight => 64,
        };
        let negative = self.signed && bits >> (width - 1) & 1 == 1;
        Ok(i128::from(bits) - if negative { 1 << width } else { 0 })
    }

    /// For what is `u32` in all kernels; larger values do not fit.
    pub(super) fn u32(&self, record: &[u8]) -> Result<u32, Fault> {
        u32::try_from(self.bits(record)?).map_err(|_| Fault::Short(self.name))
    }

    /// For what is `u8` in all kernels; larger values do not fit.
    pub(super) fn u8(&self, record: &[u8]) -> Result<u8, Fault> {
        u8::try_from(self.bits(record)?).map_err(|_| Fault::Short(self.name))
    }

    /// For what is `s8` in all kernels; other values do not fit.
    pub(super) fn i8(&self, record: &[u8]) -> Result<i8, Fault> {
        Ok(self.u8(record)?.cast_signed())
    }
}

impl Block {
    pub(super) fn find(format: &Format, name: &'static str, least: usize) -> Result<Self, String> {
        let field = find(format, name)?;
        let here = matches!(field.storage, Storage::Value | Storage::Array);
        if !here || field.size < least {
            return Err(unfit(field, "bytes"));
        }
        Ok(Self { name, at: field.offset, size: field.size })
    }

    pub(super) fn bytes<'p>(&self, record: &'p [u8]) -> Result<&'p [u8], Fault> {
        let bytes = record.get(self.at..).and_then(|from| from.get(..self.size));
        bytes.ok_or(Fault::Short(self.name))
    }
}

impl Bytes {
    pub(super) fn find(format: &Format, name: &'static str) -> Result<Self, String> {
        let field = find(format, name)?;
        Self::of(name, field).ok_or_else(|| unfit(field, "a text or an array"))
    }

    /// For a field that some kernels lack.
    pub(super) fn find_if_any(format: &Format, name: &'static str) -> Result<Option<Self>, String> {
        format.field(name).map(|_| Self::find(format, name)).transpose()
    }

    /// An array of any event, not looked for by name.
    pub(super) fn of(name: &'static str, field: &Field) -> Option<Self> {
        let base = match field.storage {
            Storage::FromRecord if field.size == 4 => 0,
            Storage::FromField if field.size == 4 => field.offset.checked_add(4)?,
            Storage::Value | Storage::Array | Storage::FromRecord | Storage::FromField => {
                return None;
            }
        };
        Some(Self { name, at: field.offset, base })
    }

    /// All of them.
    #[inline]
    pub(super) fn bytes<'p>(&self, record: &'p [u8]) -> Result<&'p [u8], Fault> {
        let bytes = || {
            let word = word32(record, self.at)?;
            // Both halves have 16 bits, so they always fit.
            let length = usize::try_from(word >> 16).ok()?;
            let offset = usize::try_from(word & 0xffff).ok()?;
            record.get(self.base.checked_add(offset)?..)?.get(..length)
        };
        bytes().ok_or(Fault::Short(self.name))
    }

    /// A text as it lies there, without the NUL at its end. Whoever shows it ends it at the first
    /// NUL: looking for that is a fifth of the work of a storm, of which nearly nothing is shown.
    #[inline]
    pub(super) fn uncut<'p>(&self, record: &'p [u8]) -> Result<&'p [u8], Fault> {
        let bytes = self.bytes(record)?;
        Ok(bytes.strip_suffix(&[0]).unwrap_or(bytes))
    }

    /// Those before the first NUL.
    pub(super) fn text<'p>(&self, record: &'p [u8]) -> Result<&'p [u8], Fault> {
        self.bytes(record).map(before_nul)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(field) => write!(f, "the record has no whole `{field}`"),
            Self::Unknown(id) => write!(f, "event {id} is none that was asked for"),
        }
    }
}

fn find<'f>(format: &'f Format, name: &str) -> Result<&'f Field, String> {
    format.field(name).ok_or_else(|| format!("its format has no field `{name}`"))
}

fn unfit(field: &Field, what: &str) -> String {
    let Field { name, c_type, size, .. } = field;
    format!("its field `{name}` ({c_type}, {size} bytes) is not {what}")
}
