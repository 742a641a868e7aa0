//! Where in a DRAM an error was, as far as the words of a report say.
//!
//! No interface of the kernel gives rank, bank, row and column as fields of their own: drivers and
//! firmware write them into the text of a report, each in its own way. Read from
//! drivers/firmware/efi/cper.c (`cper_mem_err_location`), drivers/edac/skx_common.c
//! (`skx_mce_output_error`, ADXL's component names), drivers/edac/sb_edac.c, and
//! `show_retry_rd_err_log` of drivers/edac/i10nm_base.c.

/// A place in the DRAM of one DIMM, as far as it is known. What is not known is compared with
/// nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// Rank.
    pub rank: Option<u8>,
    /// DRAM device within the rank.
    pub device: Option<u8>,
    /// Bank, the bank group folded in: equal numbers are one bank.
    pub bank: Option<u16>,
    /// Row.
    pub row: Option<u32>,
    /// Column.
    pub column: Option<u32>,
}

/// The wrong bits of one transfer of an x4 device: eight beats of four data lines (DQ), the first
/// beat in the most significant four bits (Intel's `RetryRdErrLogParity`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Parity(pub u32);

impl Cell {
    /// What the words of a report say. Where they name a thing twice, the first holds.
    ///
    /// ```text
    /// APEI location: node:0 card:3 rank:0 bank_group:7 bank_address:1 device:0 row:624 column:384
    /// err_code:0x0101:0x0090 ProcessorSocketId:0x0 PhysicalRankId:0x1 Row:0x1a2 Column:0x3f8 Bank:0x1
    /// ```
    pub fn of_words(message: &str, detail: &str) -> (Self, Option<Parity>) {
        let mut cell = Self::default();
        let (mut group, mut in_group, mut whole) = (None::<u8>, None::<u16>, None::<u16>);
        for (key, value) in [detail, message].into_iter().flat_map(named_numbers) {
            match key {
                "rank" | "PhysicalRankId" => put(&mut cell.rank, value),
                "device" => put(&mut cell.device, value),
                "row" | "Row" => put(&mut cell.row, value),
                "column" | "col" | "Column" => put(&mut cell.column, value),
                "bank" => put(&mut whole, value),
                "bank_group" | "BankGroup" => put(&mut group, value),
                "bank_address" | "bank_addr" | "Bank" => put(&mut in_group, value),
                _ => {}
            }
        }
        cell.bank = match (group, in_group.or(whole)) {
            // Firmware that names the group has it in `bank` too, if that is there.
            (Some(group), Some(bank)) if bank <= 0xff => Some(u16::from(group) << 8 | bank),
            (_, bank) => bank,
        };
        (cell, [detail, message].into_iter().find_map(parity))
    }

    /// Whether anything is known below the rank.
    pub fn is_known(&self) -> bool {
        let Self { rank: _, device, bank, row, column } = self;
        device.is_some() || bank.is_some() || row.is_some() || column.is_some()
    }
}

fn put<N: TryFrom<u64>>(slot: &mut Option<N>, value: u64) {
    // A number that is too large for what it names is no place; neither is what firmware writes
    // for "not known", all bits set.
    if slot.is_none() {
        *slot = N::try_from(value).ok();
    }
}

/// Words that are followed by a colon, an equals sign or a space, and a number: `row:624`,
/// `row: 624`, `row=0x270`, `row 624`.
fn named_numbers(text: &str) -> impl Iterator<Item = (&str, u64)> {
    let is_word = |byte: char| byte.is_ascii_alphanumeric() || byte == '_';
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(|byte| !is_word(byte));
            if rest.is_empty() {
                return None;
            }
            let (key, after) =
                rest.split_at(rest.find(|byte| !is_word(byte)).unwrap_or(rest.len()));
            rest = after;
            let value = after.strip_prefix([':', '=']).unwrap_or(after);
            let value = value.strip_prefix(' ').unwrap_or(value);
            let value = value.split(|byte| !is_word(byte)).next().unwrap_or_default();
            if let Some(number) = number(value) {
                return Some((key, number));
            }
        }
    })
}

fn number(word: &str) -> Option<u64> {
    let all_set = |value: &u64| !matches!(*value, 0xffff_ffff | u64::MAX);
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
    .filter(all_set)
}

/// The third of the registers that the drivers of Skylake and Ice Lake servers print as
/// `retry_rd_err_log[…]`, where the first says that it holds something (bit 0). Sapphire Rapids
/// prints 16 digits there, which are of DDR5 and have another form.
fn parity(text: &str) -> Option<Parity> {
    let (_, registers) = text.split_once("retry_rd_err_log[")?;
    let (registers, _) = registers.split_once(']')?;
    let mut registers = registers.split(' ');
    let log = u32::from_str_radix(registers.next()?, 16).ok()?;
    let parity = registers.nth(1).filter(|word| word.len() == 8)?;
    let parity = u32::from_str_radix(parity, 16).ok()?;
    (log & 1 == 1 && parity != 0).then_some(Parity(parity))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(detail: &str) -> Cell {
        Cell::of_words("", detail).0
    }

    fn parity_of(detail: &str) -> Option<Parity> {
        Cell::of_words("", detail).1
    }

    #[test]
    fn firmware_places_are_read_in_the_forms_of_all_kernels() {
        let known = Cell {
            rank: Some(0),
            device: Some(2),
            bank: Some(0x701),
            row: Some(5310),
            column: Some(520),
        };
        for detail in [
            "APEI location: node:0 card:0 module:0 rank:0 bank_group:7 bank_address:1 device:2 \
             row:5310 column:520 chip_id:0",
            "APEI location: node: 0 card: 0 module: 0 rank: 0 bank: 1793 bank_group: 7 \
             bank_address: 1 device: 2 row: 5310 column: 520 bit_position: 0",
            "rank:0 bank:1793 bank_group:7 device:2 row:5310 col:520",
            "rank=0,bank_group=7,bank=1,device=2,row=0x14be,column=0x208",
        ] {
            assert_eq!(of(detail), known, "{detail}");
        }
        let older = of("APEI location: node:0 card:257 module:71 bank:7 row:0 col:0");
        let bank_alone = Cell { bank: Some(7), row: Some(0), column: Some(0), ..Cell::default() };
        assert_eq!(older, bank_alone);
        assert_eq!(of("row 40948 column 560 bit 7").row, Some(40948));
    }

    #[test]
    fn places_of_intels_drivers_are_read() {
        let skylake = " err_code:0x0101:0x0090 ProcessorSocketId:0x0 MemoryControllerId:0x1 \
                          PhysicalRankId:0x1 Row:0x1a2f Column:0x3f8 Bank:0x1 BankGroup:0x2 \
                          retry_rd_err_log[0001a209 00000000 00800000 04a24000 0001a2f8]";
        let expected = Cell {
            rank: Some(1),
            device: None,
            bank: Some(0x201),
            row: Some(0x1a2f),
            column: Some(0x3f8),
        };
        assert_eq!(of(skylake), expected);
        assert_eq!(parity_of(skylake), Some(Parity(0x0080_0000)));
        let sandy_bridge = of("area:DRAM err_code:0001:0090 socket:0 ha:0 channel_mask:1 rank:1 \
                               row:0x10 col:0x20 bank_addr:3 bank_group:1");
        assert_eq!((sandy_bridge.rank, sandy_bridge.bank), (Some(1), Some(0x103)));
    }

    #[test]
    fn a_register_that_holds_nothing_gives_no_bits() {
        let words = |log| format!("retry_rd_err_log[{log} 00000000 00800000 04a24000 0001a2f8]");
        assert_eq!(parity_of(&words("0001a208")), None);
        assert_eq!(parity_of(&words("0001a209")), Some(Parity(0x0080_0000)));
        // Sapphire Rapids.
        let ddr5 = "retry_rd_err_log[0001a209 00000000 0080000000000000 04a24000 0001a2f8]";
        assert_eq!(parity_of(ddr5), None);
    }

    #[test]
    fn what_is_not_said_is_not_known() {
        assert_eq!(of(""), Cell::default());
        // A csrow is no row, and a count of channels is no place.
        let (amd, _) = Cell::of_words(
            "Cannot decode normalized address on mc#0csrow#3channel#1",
            "csrow:3 channel:1 page:0x0 offset:0x0 grain:64 syndrome:0x4000",
        );
        assert_eq!(amd, Cell::default());
        assert!(!amd.is_known());
        assert_eq!(of("row:4294967295 column:0xffffffff rank:300"), Cell::default());
    }

    proptest! {
        #[test]
        fn no_words_are_too_odd(message in ".{0,200}", detail in "[a-zA-Z:=\\[\\] 0-9x_]{0,200}") {
            let _ = Cell::of_words(&message, &detail);
        }
    }
}
