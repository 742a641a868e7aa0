//! How others tell the shape of a fault: for comparison, and for tests against what they published.

use super::Hit;
use super::cells::Spot;
use super::classify::distinct;
use super::mode::{DAY, Mode};

/// The rule of SmartMem (Huawei) for the reports of one window of 15 minutes, 1 hour or 6 hours.
/// What is missing is never counted. The bank group is part of the bank, which theirs leaves out.
/// `None` without any place.
pub fn window_rule(hits: &[Hit]) -> Option<Mode> {
    let spots: Vec<Spot> = hits.iter().map(spot).collect();
    let devices = distinct(&spots, |spot| spot.cell.device);
    let banks = distinct(&spots, |spot| spot.cell.bank);
    let columns = distinct(&spots, |spot| spot.cell.column);
    let rows = distinct(&spots, |spot| spot.cell.row);
    Some(match (devices, banks, columns, rows) {
        (2.., _, _, _) => Mode::MultiDevice,
        (_, 2.., _, _) => Mode::MultiBank,
        (_, _, 2.., 2..) => Mode::Bank,
        (_, _, 2.., _) => Mode::Row,
        (_, _, _, 2..) => Mode::Column,
        (_, _, 1, 1) => Mode::Cell,
        _ => return None,
    })
}

/// The same study's numbers of faulty rows and columns of a window: rows of a bank with more than
/// one column, and columns with more than one row.
pub fn faulty_lines(hits: &[Hit]) -> (u32, u32) {
    let spots: Vec<Spot> = hits.iter().map(spot).collect();
    (faulty(&spots, |s| Some((s.cell.row?, s.cell.column?))), faulty_columns(&spots))
}

/// Columns of a bank with more than one row.
pub(crate) fn faulty_columns(spots: &[Spot]) -> u32 {
    faulty(spots, |s| Some((s.cell.column?, s.cell.row?)))
}

/// How many lines of a bank have more than one place.
fn faulty(spots: &[Spot], of: impl Fn(&Spot) -> Option<(u32, u32)>) -> u32 {
    let mut places: Vec<_> = spots
        .iter()
        .filter_map(|spot| {
            let (line, across) = of(spot)?;
            Some(((spot.cell.rank, spot.cell.device, spot.cell.bank, line), across))
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    let runs = places.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() > 1);
    u32::try_from(runs.count()).unwrap_or(u32::MAX)
}

/// What the rule of UT Austin finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WholeHistory {
    /// The shape; several ranks count as several devices.
    pub mode: Mode,
    /// Whether it erred for a day or longer.
    pub is_permanent: bool,
}

/// The rule of the DRAM simulator of UT Austin, in the manner of AMD's field studies: all that a
/// DIMM ever reported, at once. Up to two cells are single bits. `None` without any place.
pub fn whole_history_rule(hits: &[Hit]) -> Option<WholeHistory> {
    let spots: Vec<Spot> = hits.iter().map(spot).collect();
    let first = hits.iter().map(|hit| hit.at).min()?;
    let last = hits.iter().map(|hit| hit.at).max()?;
    let cells = distinct(&spots, |spot| {
        let cell = spot.cell;
        Some((cell.row?, cell.column?, cell.rank, cell.bank))
    });
    let ranks = distinct(&spots, |spot| spot.cell.rank);
    let banks = distinct(&spots, |spot| spot.cell.bank);
    let columns = distinct(&spots, |spot| spot.cell.column);
    let rows = distinct(&spots, |spot| spot.cell.row);
    let mode = match (cells, ranks, banks, columns, rows) {
        (0, ..) => return None,
        (1 | 2, ..) => Mode::Cell,
        (_, 2.., ..) => Mode::MultiDevice,
        (_, _, 2.., ..) => Mode::MultiBank,
        (_, _, _, 1, _) => Mode::Column,
        (_, _, _, _, 1) => Mode::Row,
        _ => Mode::Bank,
    };
    Some(WholeHistory { mode, is_permanent: last.saturating_sub(first) >= DAY })
}

fn spot(hit: &Hit) -> Spot {
    Spot {
        cell: hit.cell,
        page: hit.page,
        first: hit.at,
        last: hit.at,
        hits: u64::from(hit.errors.max(1)),
    }
}
