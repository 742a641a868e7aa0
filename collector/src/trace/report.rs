//! A decoded trace record, borrowed from the page it lies in.
//!
//! In a storm there are hundreds of thousands of them a second, and nearly all only add to a group
//! that is there already: texts are made for the first of each only.

use crate::machine_check::Registers;
use scrubjay_model::{EventClass, EventPlace, EventWhat, Witness};

/// One report of an error.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Report<'p> {
    /// Nanoseconds since boot (`CLOCK_BOOTTIME`).
    pub(crate) since_boot_ns: u64,
    pub(crate) witness: Witness,
    pub(crate) class: EventClass,
    /// Errors it speaks of, at least one.
    pub(crate) errors: u32,
    pub(crate) place: Place<'p>,
    pub(crate) what: What,
    /// Physical address; `None` where the witness says 0 or marks it as not valid.
    pub(crate) address: Option<u64>,
    pub(crate) grain_bits: Option<u8>,
    pub(crate) syndrome: Option<u64>,
    pub(crate) message: Text<'p>,
    pub(crate) detail: Text<'p>,
}

/// Where, as cheap to compare as the witness allows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place<'p> {
    /// A place of the EDAC core; a layer of -1 is not known. The label ends at its first NUL.
    Edac { controller: u8, layers: [i8; 3], label: &'p [u8] },
    /// A machine-check bank.
    Bank { cpu: u32, socket: u32, bank: u8 },
    /// Anything rare.
    Other(EventPlace),
}

/// What it is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// An error of memory.
    Memory,
    /// Anything rare.
    Other(EventWhat),
}

/// A text, made only when it is needed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Text<'p> {
    Nothing,
    /// As it lies in the record, up to its first NUL; perhaps not UTF-8.
    Bytes(&'p [u8]),
    Registers(Registers),
    Owned(String),
}
