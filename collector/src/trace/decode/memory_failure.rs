//! `memory_failure_event` (4.2): the kernel took a page out of use, or tried to.
//!
//! It was in the group `ras`, then in `memory_failure`, then in `ras` again. The numbers of the
//! kinds of page change from kernel to kernel: 19 is "unknown page" in 6.1 and "already poisoned"
//! in 6.12, so only the words of the format are used.

use super::mc::known;
use super::slot::{Fault, Number};
use crate::trace::format::{Format, Words};
use crate::trace::report::{Place, Report, Text, What};
use scrubjay_model::{EventClass, EventPlace, EventWhat, PageOutcome, Witness};

#[derive(Debug)]
pub(super) struct MemoryFailure {
    pfn: Number,
    kind: Number,
    kind_words: Option<Words>,
    result: Number,
    result_words: Option<Words>,
    page_bits: u8,
}

impl MemoryFailure {
    pub(super) fn resolve(format: &Format, page_bytes: u64) -> Result<Self, String> {
        let page_bits = u8::try_from(page_bytes.trailing_zeros());
        let page_bits = page_bits.ok().filter(|_| page_bytes.is_power_of_two());
        Ok(Self {
            pfn: Number::find(format, "pfn")?,
            kind: Number::find(format, "type")?,
            kind_words: format.words_of("type").cloned(),
            result: Number::find(format, "result")?,
            result_words: format.words_of("result").cloned(),
            page_bits: page_bits.ok_or("the size of a page is no power of two")?,
        })
    }

    pub(super) fn decode<'p>(&self, at_ns: u64, record: &'p [u8]) -> Result<Report<'p>, Fault> {
        let pfn = self.pfn.bits(record)?;
        let address = pfn.checked_shl(self.page_bits.into());
        let address = address.filter(|address| address >> self.page_bits == pfn);
        let kind = self.kind.bits(record)?;
        let kind_word = self.kind_words.as_ref().and_then(|words| words.tell(kind));
        let result = self.result.bits(record)?;
        let result_word = self.result_words.as_ref().and_then(|words| words.tell(result));
        Ok(Report {
            since_boot_ns: at_ns,
            witness: Witness::MemoryFailure,
            // The kernel gives up a page only for an error that was not corrected.
            class: EventClass::Uncorrected,
            errors: 1,
            place: Place::Other(EventPlace::Address),
            what: What::Other(EventWhat::Page {
                page_type: kind_word.unwrap_or_else(|| format!("type {kind}")),
                outcome: result_word
                    .map_or(PageOutcome::Unknown, |word| PageOutcome::from_kernel(&word)),
            }),
            address: address.and_then(known),
            grain_bits: Some(self.page_bits),
            syndrome: None,
            message: Text::Nothing,
            detail: Text::Nothing,
        })
    }
}
