//! Records of trace events, made into reports.
//!
//! A decoder is made once from the formats of this kernel: each event knows the offsets of its
//! fields from then on, so that a record costs a few reads and no allocation. Kernel source:
//! include/ras/ras_event.h, include/trace/events/mce.h and memory-failure.h,
//! drivers/cxl/core/trace.h.

mod cxl;
mod firmware;
mod mc;
mod mce;
mod memory_failure;
mod sections;
mod slot;

use super::format::Format;
use super::page::{Layout, Lost, Page};
use super::report::Report;
use slot::Fault;

/// What is worth listening to, as `group:event`; `*` stands for each event of its group. A kernel
/// has those it was built with. `memory_failure_event` was in the group `memory_failure` for some
/// releases, and is in `ras` before and after.
pub(crate) const WANTED: &[&str] = &[
    "ras:mc_event",
    "ras:memory_failure_event",
    "memory_failure:memory_failure_event",
    "mce:mce_record",
    "ras:extlog_mem_event",
    "ras:arm_event",
    "ras:non_standard_event",
    "cxl:*",
];

/// Decodes the pages of one kernel.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// `None` if this kernel's pages are not understood; then none can be decoded.
    layout: Option<Layout>,
    /// Sorted by id.
    events: Vec<Known>,
}

/// A text of the kernel that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Undecodable {
    /// `group:event`, or `header_page`.
    pub(crate) event: String,
    pub(crate) why: String,
}

/// What came of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PageReport {
    /// Records seen, decodable or not.
    pub(crate) records: u64,
    /// Reports handed on.
    pub(crate) reports: u64,
    /// What was overwritten before this page was read.
    pub(crate) lost: Lost,
    /// Records that could not be decoded, and one more if the page itself is broken.
    pub(crate) undecodable: u64,
    /// The last of them: which event and what was wrong.
    pub(crate) last_undecodable: Option<String>,
}

#[derive(Debug)]
struct Known {
    id: u16,
    /// `group:event`.
    name: String,
    event: Event,
}

/// A decoder for each kind of event.
#[derive(Debug)]
enum Event {
    Mc(mc::McEvent),
    Mce(mce::MceRecord),
    MemoryFailure(memory_failure::MemoryFailure),
    Extlog(firmware::Extlog),
    Arm(firmware::Arm),
    NonStandard(firmware::NonStandard),
    Cxl(Box<cxl::Cxl>),
}

impl Decoder {
    /// Makes a decoder from the texts of `events/header_page`, `events/header_event` and the
    /// `format` files of events, each with its `group:event`. What is not understood is left out
    /// and told. `page_bytes` is the size of a page of memory.
    pub(crate) fn new(
        header_page: &str,
        header_event: &str,
        formats: &[(String, String)],
        page_bytes: u64,
    ) -> (Self, Vec<Undecodable>) {
        let mut undecodable = Vec::new();
        let layout = Layout::parse(header_page, header_event);
        let layout = layout.map_err(|error| {
            let event = "header_page and header_event".to_owned();
            undecodable.push(Undecodable { event, why: error.to_string() });
        });
        let mut events: Vec<Known> = Vec::new();
        for (name, text) in formats {
            let resolved = Format::parse(text)
                .map_err(|error| error.to_string())
                .and_then(|format| Ok((format.id, Event::resolve(name, &format, page_bytes)?)));
            match resolved {
                Ok((id, event)) => events.push(Known { id, name: name.clone(), event }),
                Err(why) => undecodable.push(Undecodable { event: name.clone(), why }),
            }
        }
        events.sort_by_key(|known| known.id);
        (Self { layout: layout.ok(), events }, undecodable)
    }

    /// The events it decodes, as `group:event`.
    pub(crate) fn events(&self) -> impl Iterator<Item = &str> {
        self.events.iter().map(|known| known.name.as_str())
    }

    /// Decodes what one read of `trace_pipe_raw` gave, and hands each report on, oldest first.
    pub(crate) fn page(&self, page: &[u8], each: &mut impl FnMut(Report<'_>)) -> PageReport {
        let mut told = PageReport {
            records: 0,
            reports: 0,
            lost: Lost::None,
            undecodable: 0,
            last_undecodable: None,
        };
        let broken = |told: &mut PageReport, why: String| {
            told.undecodable += 1;
            told.last_undecodable = Some(why);
        };
        let Some(layout) = &self.layout else {
            broken(&mut told, "a page of an unknown layout".to_owned());
            return told;
        };
        let records = match Page::open(layout, page) {
            Ok(records) => records,
            Err(error) => {
                broken(&mut told, error.to_string());
                return told;
            }
        };
        told.lost = records.lost();
        // Made into text for the last one only: a foreign event may fill whole pages.
        let mut last = None;
        for record in records {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    told.undecodable += 1;
                    last = Some((None, error.to_string()));
                    break;
                }
            };
            told.records += 1;
            match self.record(record.at_ns, record.bytes) {
                Ok(report) => {
                    told.reports += 1;
                    each(report);
                }
                Err((event, fault)) => {
                    told.undecodable += 1;
                    last = Some((Some((event, fault)), String::new()));
                }
            }
        }
        told.last_undecodable = last.map(|(record, error)| match record {
            Some((event, fault)) => format!("{}: {fault}", event.unwrap_or("a record")),
            None => error,
        });
        told
    }

    fn record<'p>(&self, at_ns: u64, bytes: &'p [u8]) -> Result<Report<'p>, (Option<&str>, Fault)> {
        // `common_type` comes first in each format we accept.
        let id = bytes.first_chunk().map(|id| u16::from_ne_bytes(*id));
        let id = id.ok_or((None, Fault::Short("common_type")))?;
        let known = self.events.binary_search_by_key(&id, |known| known.id).ok();
        let known = known.and_then(|at| self.events.get(at)).ok_or((None, Fault::Unknown(id)))?;
        known.event.decode(at_ns, bytes).map_err(|fault| (Some(known.name.as_str()), fault))
    }
}

impl Event {
    fn resolve(name: &str, format: &Format, page_bytes: u64) -> Result<Self, String> {
        let (group, event) = name.split_once(':').unwrap_or(("", name));
        if event != format.name {
            return Err(format!("its format is that of `{}`", format.name));
        }
        slot::common_type(format)?;
        Ok(match event {
            "mc_event" => Self::Mc(mc::McEvent::resolve(format)?),
            "mce_record" => Self::Mce(mce::MceRecord::resolve(format)?),
            "memory_failure_event" => {
                Self::MemoryFailure(memory_failure::MemoryFailure::resolve(format, page_bytes)?)
            }
            "extlog_mem_event" => Self::Extlog(firmware::Extlog::resolve(format)?),
            "arm_event" => Self::Arm(firmware::Arm::resolve(format)?),
            "non_standard_event" => Self::NonStandard(firmware::NonStandard::resolve(format)?),
            _ if group == "cxl" => Self::Cxl(Box::new(cxl::Cxl::resolve(format)?)),
            _ => return Err("no event this program knows".to_owned()),
        })
    }

    fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        match self {
            Self::Mc(event) => event.decode(at_ns, record),
            Self::Mce(event) => event.decode(at_ns, record),
            Self::MemoryFailure(event) => event.decode(at_ns, record),
            Self::Extlog(event) => event.decode(at_ns, record),
            Self::Arm(event) => event.decode(at_ns, record),
            Self::NonStandard(event) => event.decode(at_ns, record),
            Self::Cxl(event) => event.decode(at_ns, record),
        }
    }
}

#[cfg(test)]
mod tests;
