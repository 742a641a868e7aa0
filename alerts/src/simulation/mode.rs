//! Fault modes: how often, how loud, how dangerous, and which cells they hit.

use super::random::{Draws, nearest};
use crate::memory::Cell;

/// What of a DRAM is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// One cell.
    Cell,
    /// Cells of one row.
    Row,
    /// Cells of one column.
    Column,
    /// Cells all over one bank.
    Bank,
    /// Cells in several banks of one device.
    MultiBank,
    /// One data line of the same device in every rank.
    MultiRank,
    /// Not the DRAM: the channel, or the controller behind it.
    Channel,
}

/// Modes of DRAM faults, which is all but [`Mode::Channel`].
pub const MODES: usize = 6;

/// What is set for a mode.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModeSettings {
    /// Which.
    pub mode: Mode,
    /// Permanent faults of a DRAM device in 10⁹ hours: component model of DDR4, from the errors of
    /// 3,000,000 DIMMs (Alibaba).
    pub permanent_fit: f64,
    /// Transient ones, all errors of which are within a day; from the same.
    pub transient_fit: f64,
    /// Mean of the logarithm of the errors in a window in which the fault shows; fitted.
    pub errors_log_mean: f64,
    /// Its deviation over faults and windows; fitted.
    pub errors_log_deviation: f64,
    /// How much more often than usual it fails: likelihood ratio of the mode in the last six hours
    /// before failures, from SmartMem. "Device" there is several banks of one device, "multi-device"
    /// stands for several ranks here.
    pub likelihood_ratio: f64,
    /// Fewest and most cells it hits; the logarithm is evenly distributed. Assumed.
    pub places: (u32, u32),
}

impl ModeSettings {
    /// Those of DDR4 in the field.
    pub fn field() -> [Self; MODES] {
        let row = |mode, fit: (f64, f64), log: (f64, f64), likelihood_ratio, places| Self {
            mode,
            permanent_fit: fit.0,
            transient_fit: fit.1,
            errors_log_mean: log.0,
            errors_log_deviation: log.1,
            likelihood_ratio,
            places,
        };
        [
            row(Mode::Cell, (39.340, 25.140), (0.35, 1.3), 0.22, (1, 1)),
            row(Mode::Row, (7.156, 0.919), (2.41, 1.77), 2.03, (2, 30)),
            row(Mode::Column, (0.965, 8.736), (3.3, 1.3), 3.78, (2, 1000)),
            row(Mode::Bank, (4.000, 9.766), (3.55, 1.59), 5.30, (5, 500)),
            row(Mode::MultiBank, (2.226, 0.182), (2.9, 1.8), 5.14, (5, 500)),
            row(Mode::MultiRank, (0.989, 0.195), (3.47, 1.92), 3.63, (5, 500)),
        ]
    }
}

impl Mode {
    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cell => "cell",
            Self::Row => "row",
            Self::Column => "column",
            Self::Bank => "bank",
            Self::MultiBank => "multi-bank",
            Self::MultiRank => "multi-rank",
            Self::Channel => "channel",
        }
    }
}

/// Ranks of a DIMM.
const RANKS: u32 = 2;
/// DRAM devices of a rank, x4.
const DEVICES: u32 = 18;
/// Banks of a device, the bank group folded in.
const BANKS: u32 = 16;
/// Rows of a bank, as a power of two.
const ROW_BITS: u32 = 17;
/// Columns of a row, as a power of two.
const COLUMN_BITS: u32 = 10;
/// Columns of a page: 4 KiB, 8 bytes from each column.
const COLUMNS_PER_PAGE: u32 = 512;

/// Pages of a DIMM: 32 GiB.
const PAGES: u64 = 1 << 23;

/// The share of permanent faults in several banks that are in one column of them.
const ONE_COLUMN: f64 = 1.944 / 2.226;

/// Where a fault may hit. Every further cell is drawn when it is first hit.
#[derive(Debug, Clone)]
pub(super) struct Region {
    mode: Mode,
    origin: Cell,
    one_column: bool,
    /// How many cells it has.
    pub(super) size: u32,
}

impl Region {
    pub(super) fn draw(mode: Mode, permanent: bool, places: (u32, u32), draws: &mut Draws) -> Self {
        let (few, many) = places;
        let size =
            nearest(draws.log_even(f64::from(few.max(1)), f64::from(many.max(1))), few, many);
        let one_column = mode == Mode::MultiBank && permanent && draws.chance(ONE_COLUMN);
        Self { mode, origin: anywhere(draws), one_column, size }
    }

    /// Another cell of it. The first ones make sure that the mode can be told from the cells.
    pub(super) fn cell(&self, number: usize, draws: &mut Draws) -> Cell {
        if number == 0 {
            return self.origin;
        }
        let any = anywhere(draws);
        let origin = self.origin;
        match self.mode {
            Mode::Cell => origin,
            Mode::Row => Cell { column: any.column, ..origin },
            Mode::Column => Cell { row: any.row, ..origin },
            Mode::Bank => Cell { row: any.row, column: any.column, ..origin },
            Mode::MultiBank if self.one_column => Cell { bank: any.bank, row: any.row, ..origin },
            Mode::MultiBank => Cell { bank: any.bank, row: any.row, column: any.column, ..origin },
            Mode::MultiRank => Cell { device: origin.device, ..any },
            Mode::Channel => any,
        }
    }
}

/// Any cell of a DIMM.
pub(super) fn anywhere(draws: &mut Draws) -> Cell {
    let small = |number: u32| u8::try_from(number).ok();
    Cell {
        rank: small(draws.below(RANKS)),
        device: small(draws.below(DEVICES)),
        bank: u16::try_from(draws.below(BANKS)).ok(),
        row: Some(draws.below(1 << ROW_BITS)),
        column: Some(draws.below(1 << COLUMN_BITS)),
    }
}

/// The page of a cell. DIMMs lie one behind the other and banks beside each other: real controllers
/// interleave more, which makes a row more pages and does not move cells of one page apart.
pub(super) fn page(slot: u16, cell: Cell) -> Option<u64> {
    let row = u64::from(cell.rank?) << ROW_BITS | u64::from(cell.row?);
    let bank = row * u64::from(BANKS) + u64::from(cell.bank?);
    let per_row = u64::from((1 << COLUMN_BITS) / COLUMNS_PER_PAGE);
    let page = bank * per_row + u64::from(cell.column? / COLUMNS_PER_PAGE);
    Some(u64::from(slot) * PAGES + page)
}

#[cfg(test)]
mod tests {
    use super::{BANKS, Mode, ModeSettings, PAGES, Region, anywhere, page};
    use crate::memory::Cell;
    use crate::simulation::random::Draws;
    use std::collections::BTreeSet;

    fn cells(mode: Mode, count: u16, seed: u64) -> Vec<Cell> {
        let mut draws = Draws::new(seed);
        let places = (u32::from(count), u32::from(count));
        let region = Region::draw(mode, true, places, &mut draws);
        (0..usize::from(count)).map(|number| region.cell(number, &mut draws)).collect()
    }

    fn distinct<T: Ord>(cells: &[Cell], part: impl Fn(&Cell) -> T) -> usize {
        cells.iter().map(part).collect::<BTreeSet<_>>().len()
    }

    #[test]
    fn cells_lie_where_their_mode_says() {
        for seed in 0..50 {
            let row = cells(Mode::Row, 10, seed);
            assert_eq!(distinct(&row, |c| Cell { column: None, ..*c }), 1);
            assert!(distinct(&row, |c| c.column) > 5);
            let column = cells(Mode::Column, 10, seed);
            assert_eq!(distinct(&column, |c| Cell { row: None, ..*c }), 1);
            assert!(distinct(&column, |c| c.row) > 5);
            let bank = cells(Mode::Bank, 10, seed);
            assert_eq!(distinct(&bank, |c| (c.rank, c.device, c.bank)), 1);
            assert!(distinct(&bank, |c| c.row) > 5 && distinct(&bank, |c| c.column) > 5);
            let banks = cells(Mode::MultiBank, 40, seed);
            assert_eq!(distinct(&banks, |c| (c.rank, c.device)), 1);
            assert!(distinct(&banks, |c| c.bank) > 5);
            let ranks = cells(Mode::MultiRank, 40, seed);
            assert_eq!((distinct(&ranks, |c| c.device), distinct(&ranks, |c| c.rank)), (1, 2));
            assert!(distinct(&cells(Mode::Channel, 40, seed), |c| c.device) > 5);
            assert_eq!(distinct(&cells(Mode::Cell, 1, seed), |c| *c), 1);
        }
    }

    #[test]
    fn every_cell_has_a_page_of_its_slot_and_a_row_of_a_bank_has_two() {
        let mut draws = Draws::new(3);
        for slot in [0, 7] {
            for _ in 0..1000 {
                let page = page(slot, anywhere(&mut draws)).unwrap();
                assert_eq!(page / PAGES, u64::from(slot));
            }
        }
        let pages: BTreeSet<_> = cells(Mode::Row, 200, 1).iter().map(|c| page(0, *c)).collect();
        assert_eq!(pages.len(), 2);
        let last = Cell {
            rank: Some(1),
            device: Some(0),
            bank: Some(u16::try_from(BANKS).unwrap() - 1),
            row: Some((1 << 17) - 1),
            column: Some(1023),
        };
        assert_eq!(page(0, last), Some(PAGES - 1));
    }

    #[test]
    fn rates_add_up_to_those_of_the_study() {
        let modes = ModeSettings::field();
        let permanent: f64 = modes.iter().map(|mode| mode.permanent_fit).sum();
        let transient: f64 = modes.iter().map(|mode| mode.transient_fit).sum();
        assert!((permanent - 54.676).abs() < 0.01, "{permanent}");
        assert!((transient - 44.937).abs() < 0.01, "{transient}");
    }
}
