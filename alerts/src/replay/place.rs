//! Where in a DIMM an error was, in the words that drivers and firmware add to a report.
//!
//! Words are `name:number` or `name=number`: `skx_edac` and `i10nm_edac` write `bg:2 ba:1 row:0x3f
//! col:0x8`, or what firmware translates (`PhysicalRankId:0x1 Row:0x3f`), `ghes_edac` and the kernel's
//! log `rank:1 bank:2 device:11 row:40948 column:560`. What a report does not name is not known.

use crate::memory::Cell;

/// A place as a report told it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// In the DRAM.
    pub cell: Cell,
    /// Whether scrubbing found it; `None` where the report does not say.
    pub by_scrub: Option<bool>,
}

/// The place that words of a report tell.
pub fn place(words: &str) -> Place {
    let mut place = Place::default();
    let (mut bank, mut group) = (None, None);
    for word in words.split(|c: char| c.is_whitespace() || c == ',' || c == ';') {
        let Some((name, value)) = word.split_once([':', '=']) else { continue };
        let Some(value) = number(value) else { continue };
        match name.to_ascii_lowercase().as_str() {
            "rank" | "rankid" | "physicalrankid" => place.cell.rank = u8::try_from(value).ok(),
            "device" | "dev" | "chipid" => place.cell.device = u8::try_from(value).ok(),
            "bank" | "ba" | "bank_address" => bank = u8::try_from(value).ok(),
            "bg" | "bankgroup" | "bank_group" => group = u8::try_from(value).ok(),
            "row" => place.cell.row = u32::try_from(value).ok(),
            "col" | "column" => place.cell.column = u32::try_from(value).ok(),
            _ => {}
        }
    }
    place.cell.bank = folded(bank, group);
    let lower = words.to_ascii_lowercase();
    place.by_scrub = lower.contains("scrub").then_some(true);
    place
}

/// Bank and bank group as one number; `None` without a bank.
pub(super) fn folded(bank: Option<u8>, group: Option<u8>) -> Option<u16> {
    Some(u16::from(group.unwrap_or(0)) << 8 | u16::from(bank?))
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(rank: u8, device: Option<u8>, bank: u16, row: u32, column: u32) -> Cell {
        Cell { rank: Some(rank), device, bank: Some(bank), row: Some(row), column: Some(column) }
    }

    #[test]
    fn drivers_and_firmware_tell_places_in_their_own_words() {
        let skx = " err_code:0x0101:0x0090 socket:0 imc:1 rank:1 bg:2 ba:3 row:0x1f40 col:0x3f8";
        assert_eq!(place(skx).cell, cell(1, None, 0x203, 0x1f40, 0x3f8));
        let translated = "err_code:0x0101:0x0090 ProcessorSocketId:0x0 MemoryControllerId:0x1 \
                          PhysicalRankId:0x0 Row:0x8c Column:0x3b8 Bank:0x2 BankGroup:0x1 ";
        assert_eq!(place(translated).cell, cell(0, None, 0x102, 0x8c, 0x3b8));
        let ghes = "node:6 card:1 module:0 rank:1 bank:2 device:11 row:40948 column:560";
        assert_eq!(place(ghes).cell, cell(1, Some(11), 2, 40948, 560));
    }

    #[test]
    fn what_is_not_told_is_not_known() {
        assert_eq!(place(""), Place::default());
        assert_eq!(place("row: col:abc bank:-1 rank:300 bg:1"), Place::default());
        assert_eq!(place("memory scrubbing error").by_scrub, Some(true));
        assert_eq!(place("memory read error").by_scrub, None);
    }
}
