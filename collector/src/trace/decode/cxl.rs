//! Events of the group `cxl` (6.3): memory behind a CXL link reports what happened to it.
//!
//! Kernel source: drivers/cxl/core/trace.h; CXL specification 3.1, section 8.2.9.2. Events come and
//! grow with each release, so whatever an event has is told from its format, and only what decides
//! on class, subject and address is looked for by name. Device addresses (`dpa`) are told, but are
//! no addresses of this host; `hpa` is.

use super::mc::known;
use super::sections;
use super::slot::{Block, Bytes, Fault, Number};
use crate::trace::format::{Field, Format, Storage, WordKind, Words};
use crate::trace::report::{Place, Report, Text, What};
use scrubjay_model::{EventClass, EventPlace, EventWhat, Witness};

/// The longest detail of an event: all fields of a DRAM event take about half of it.
const MAX_DETAIL_BYTES: usize = 1024;

#[derive(Debug)]
pub(super) struct Cxl {
    kind: Kind,
    /// Some events of the newest kernels come from a port, not from a memory device.
    device: Bytes,
    serial: Option<Number>,
    log: Option<Number>,
    descriptor: Option<Number>,
    trace_type: Option<Number>,
    hpa: Option<Number>,
    count: Option<Number>,
    message: Option<(Number, Words)>,
    told: Vec<Told>,
}

/// What decides how an event is to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// `cxl_general_media`, `cxl_dram`: an error of memory.
    Media,
    /// `cxl_poison`: an address on the device's list of those that are lost.
    Poison,
    Overflow,
    /// `cxl_aer_*`: an error of the link.
    Link {
        corrected: bool,
    },
    /// Anything else, in words.
    Other(String),
}

/// A field as it is told in the detail.
#[derive(Debug)]
struct Told {
    name: String,
    what: ToldAs,
    words: Option<Words>,
    /// Where the event says whether the field is valid, and by which bit.
    valid: Option<(Number, u64)>,
}

#[derive(Debug)]
enum ToldAs {
    Number { number: Number, hex: bool },
    Text(Bytes),
    Raw(Block),
}

impl Cxl {
    pub(super) fn resolve(format: &Format) -> Result<Self, String> {
        let number = |name| Number::find_if_any(format, name);
        let message = ["type", "event_type"].into_iter().find_map(|name| {
            Some((Number::find(format, name).ok()?, format.words_of(name)?.clone()))
        });
        let device = ["memdev", "device", "dev", "port"].into_iter();
        let device = device.filter_map(|name| Bytes::find_if_any(format, name).transpose()).next();
        Ok(Self {
            kind: Kind::of(&format.name),
            device: device.ok_or("its format has no field `memdev`")??,
            serial: number("serial")?,
            log: number("log")?,
            descriptor: number("descriptor")?,
            trace_type: number("trace_type")?,
            hpa: number("hpa")?,
            count: number("count")?,
            message,
            told: format.fields.iter().filter_map(|field| Told::of(format, field)).collect(),
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let read =
            |number: &Option<Number>| number.as_ref().map(|number| number.bits(record)).transpose();
        let what = match &self.kind {
            Kind::Media | Kind::Poison => What::Memory,
            Kind::Overflow => match read(&self.count)? {
                Some(lost) => What::Other(EventWhat::Overflow { lost }),
                None => What::Other(EventWhat::Other { about: "overflow".to_owned() }),
            },
            Kind::Link { .. } => What::Other(EventWhat::Other { about: "CXL link".to_owned() }),
            Kind::Other(about) => What::Other(EventWhat::Other { about: about.clone() }),
        };
        let device = String::from_utf8_lossy(self.device.text(record)?).into_owned();
        let mut detail = Vec::new();
        for told in &self.told {
            detail.extend(told.tell(record)?);
        }
        let mut detail = detail.join(" ");
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL_BYTES));
        let message = match &self.message {
            Some((number, words)) => words.tell(number.bits(record)?),
            None => None,
        };
        Ok(Report {
            since_boot_ns: at_ns,
            witness: Witness::Cxl,
            class: self.class(read(&self.log)?, read(&self.descriptor)?, read(&self.trace_type)?),
            errors: 1,
            place: Place::Other(EventPlace::Cxl { device, serial: read(&self.serial)? }),
            what,
            // The kernel writes the largest number where the device belongs to no region.
            address: read(&self.hpa)?.filter(|hpa| *hpa != u64::MAX).and_then(known),
            grain_bits: None,
            syndrome: None,
            message: message.map_or(Text::Nothing, Text::Owned),
            detail: Text::Owned(detail),
        })
    }

    /// `log` is the log the device filed it under: information, warning, failure, fatal. The names
    /// of that enumeration are not resolved in the format, but the specification numbers them so.
    fn class(
        &self,
        log: Option<u64>,
        descriptor: Option<u64>,
        trace_type: Option<u64>,
    ) -> EventClass {
        let fatal = log == Some(3);
        match &self.kind {
            // Bit 0 of the descriptor: uncorrectable. Without one, the worse is assumed.
            Kind::Media if descriptor.is_some_and(|bits| bits & 1 == 0) => EventClass::Corrected,
            Kind::Media if fatal => EventClass::Fatal,
            Kind::Media => EventClass::Uncorrected,
            // 1 and 2: somebody put the address on the list, or took it off.
            Kind::Poison if matches!(trace_type, Some(1 | 2)) => EventClass::Info,
            Kind::Poison => EventClass::Uncorrected,
            Kind::Overflow => EventClass::Info,
            Kind::Link { corrected: true } => EventClass::Corrected,
            Kind::Link { corrected: false } => EventClass::Uncorrected,
            Kind::Other(_) if fatal => EventClass::Fatal,
            Kind::Other(_) if log == Some(2) => EventClass::Uncorrected,
            Kind::Other(_) => EventClass::Info,
        }
    }
}

impl Kind {
    fn of(event: &str) -> Self {
        match event {
            "cxl_general_media" | "cxl_dram" => Self::Media,
            "cxl_poison" => Self::Poison,
            "cxl_overflow" => Self::Overflow,
            link if link.ends_with("_uncorrectable_error") => Self::Link { corrected: false },
            link if link.ends_with("_correctable_error") => Self::Link { corrected: true },
            other => {
                let name = other.strip_prefix("cxl_").unwrap_or(other);
                Self::Other(format!("CXL {}", name.replace('_', " ")))
            }
        }
    }
}

impl Told {
    /// `None` for what is told elsewhere in a report, or says nothing to a person.
    fn of(format: &Format, field: &Field) -> Option<Self> {
        let elsewhere = ["memdev", "device", "serial", "hpa", "hdr_length", "hdr_timestamp"];
        let Field { name, offset: _, size: _, c_type: _, signed: _, storage } = field;
        if name.starts_with("common_") || elsewhere.contains(&name.as_str()) {
            return None;
        }
        let what = match storage {
            Storage::Value => {
                let number = Number::of("a number", field)?;
                ToldAs::Number { number, hex: name.ends_with("dpa") || name.ends_with("mask") }
            }
            // All that `cxl_generic_event` has. Other arrays are unique ids and copies of registers.
            Storage::Array if name == "data" => ToldAs::Raw(Block::find(format, "data", 1).ok()?),
            Storage::Array => return None,
            Storage::FromRecord | Storage::FromField if field.c_type.starts_with("char") => {
                ToldAs::Text(Bytes::of("a text", field)?)
            }
            Storage::FromRecord | Storage::FromField => return None,
        };
        let words = format.words_of(name).cloned();
        Some(Self { name: name.clone(), what, words, valid: valid(format, name) })
    }

    fn tell(&self, record: &[u8]) -> Result<Option<String>, Fault> {
        let name = &self.name;
        if let Some((flags, bit)) = &self.valid
            && flags.bits(record)? & bit == 0
        {
            return Ok(None);
        }
        Ok(match &self.what {
            ToldAs::Raw(block) => Some(format!("{name}={}", sections::hex(block.bytes(record)?))),
            ToldAs::Text(bytes) => {
                let text = String::from_utf8_lossy(bytes.text(record)?).into_owned();
                (!text.is_empty()).then(|| format!("{name}={text}"))
            }
            ToldAs::Number { number, hex } => {
                let value = number.bits(record)?;
                let word = self.words.as_ref().and_then(|words| words.tell(value));
                let mask = self.words.as_ref().is_some_and(|words| words.kind == WordKind::Flags);
                match word {
                    Some(word) => Some(format!("{name}='{word}'")),
                    None if mask && value == 0 => None,
                    None if *hex || mask => Some(format!("{name}={value:#x}")),
                    None => Some(format!("{name}={}", number.signed(record)?)),
                }
            }
        })
    }
}

/// The flag that says whether a field is valid: `BANK GROUP` for `bank_group`, `NIBBLE` for
/// `nibble_mask`. The kernel copies the fields whether they are or not.
fn valid(format: &Format, field: &str) -> Option<(Number, u64)> {
    let flags = Number::find(format, "validity_flags").ok()?;
    let named = |word: &str| {
        let word = word.to_ascii_lowercase().replace(' ', "_");
        field == word || field.strip_suffix("_mask") == Some(&word)
    };
    let words = &format.words_of("validity_flags")?.words;
    words.iter().find(|(_, word)| named(word)).map(|(bit, _)| (flags, *bit))
}
