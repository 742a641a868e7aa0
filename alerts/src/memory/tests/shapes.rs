//! Shapes of faults, by the rule of this project and by those of others.

use super::*;
use proptest::prelude::*;

/// Shapes of these places with two and with three needed.
fn shapes(cells: &[Cell]) -> (Mode, Mode) {
    let spots = spots(cells);
    (classify(&spots, LOOSE), classify(&spots, STRICT))
}

fn spots(cells: &[Cell]) -> Vec<Spot> {
    let mut state = DimmState::new(CountsFrom::Reports);
    for (at, cell) in (0..).zip(cells) {
        state.observe(&Observation::Reported(hit(at, *cell)));
    }
    state.spots(1_000)
}

#[test]
fn one_cell_is_a_cell_however_often_it_errs() {
    assert_eq!(shapes(&[cell(3, 1, 7, 9); 50]), (Mode::Cell, Mode::Cell));
}

#[test]
fn two_cells_of_a_row_are_a_row_to_watch_and_no_proof() {
    let pair = [cell(3, 1, 7, 9), cell(3, 1, 7, 80)];
    assert_eq!(shapes(&pair), (Mode::Row, Mode::FewCells));
    let three = [pair[0], pair[1], cell(3, 1, 7, 100)];
    assert_eq!(shapes(&three), (Mode::Row, Mode::Row));
}

#[test]
fn a_line_needs_four_fifths_of_the_places() {
    let row = |inside: u32, others: u32| {
        let mut cells: Vec<Cell> = (0..inside).map(|column| cell(3, 1, 7, column)).collect();
        cells.extend((0..others).map(|n| cell(3, 1, 50_000 * (n + 1), 900 + n)));
        shapes(&cells).0
    };
    assert_eq!(row(8, 2), Mode::Row, "8 of 10");
    assert_eq!(row(7, 2), Mode::Bank, "7 of 9");
    let column: Vec<Cell> = (0..8).map(|n| cell(3, 1, n * 5_000, 4)).collect();
    assert_eq!(shapes(&column), (Mode::Column, Mode::Column));
}

#[test]
fn rows_near_each_other_are_a_part_of_a_bank() {
    let part = |span: u32| {
        shapes(&[cell(3, 1, 100, 1), cell(3, 1, 100 + span / 2, 2), cell(3, 1, 100 + span, 3)]).0
    };
    assert_eq!(part(1_024), Mode::Subarray);
    assert_eq!(part(1_026), Mode::Bank);
    assert_eq!(Mode::Subarray.risk_class(), RiskClass::Bank);
}

#[test]
fn a_wide_fault_needs_as_many_places_on_each_side() {
    let both = |second: u32, device: u8, bank: u16| {
        let mut cells: Vec<Cell> = (0..5).map(|n| cell(3, 1, n * 3_000, n)).collect();
        cells.extend((0..second).map(|n| cell(device, bank, 9_000 + n * 3_000, 50 + n)));
        shapes(&cells)
    };
    assert_eq!(both(1, 4, 1), (Mode::Bank, Mode::Bank));
    assert_eq!(both(2, 4, 1), (Mode::MultiDevice, Mode::Bank));
    assert_eq!(both(3, 4, 1), (Mode::MultiDevice, Mode::MultiDevice));
    assert_eq!(both(2, 3, 2), (Mode::MultiBank, Mode::Bank));
    assert_eq!(both(3, 3, 2), (Mode::MultiBank, Mode::MultiBank));
    let one_column: Vec<Cell> = (0..6).map(|n| cell(3, (n % 2) as u16, n * 3_000, 17)).collect();
    assert_eq!(shapes(&one_column), (Mode::MultiBankColumn, Mode::MultiBankColumn));
}

#[test]
fn equal_numbers_of_different_banks_and_ranks_are_different_places() {
    let other_rank = Cell { rank: Some(1), ..cell(3, 1, 7, 9) };
    let found = faults(&spots(&[cell(3, 1, 7, 9), other_rank]), LOOSE);
    assert_eq!(found.iter().map(|fault| fault.mode).collect::<Vec<_>>(), [Mode::Cell, Mode::Cell]);
    let banks = faults(&spots(&[cell(3, 1, 7, 9), cell(3, 2, 7, 9)]), LOOSE);
    assert_eq!(banks.len(), 2, "one place on each side proves nothing that spans both");
}

#[test]
fn what_is_missing_is_compared_with_nothing() {
    let vague = Cell { device: None, ..cell(3, 1, 7, 9) };
    assert_eq!(shapes(&[cell(3, 1, 7, 9), vague]).0, Mode::Cell, "it may be the same place");
    // Half of the reports without their device: one bank of one device all the same.
    let half: Vec<Cell> = (0..10)
        .map(|n| cell(3, 1, n * 5_000, n))
        .map(|c| if c.column < Some(5) { Cell { device: None, ..c } } else { c })
        .collect();
    assert_eq!(shapes(&half), (Mode::Bank, Mode::Bank));
    assert_eq!(faults(&spots(&half), LOOSE)[0].devices, 1);
    let no_column = Cell { column: None, ..cell(3, 1, 7, 9) };
    assert_eq!(shapes(&[no_column]).0, Mode::CellOrRow);
    let rows: Vec<Cell> = (0..3).map(|row| Cell { row: Some(row), ..no_column }).collect();
    assert_eq!(shapes(&rows).0, Mode::UnknownMulti, "a column, a part of a bank or a bank");
    let bank_only = Cell { bank: Some(4), ..Cell::default() };
    assert_eq!(shapes(&[bank_only]).0, Mode::Unknown);
    let no_bank: Vec<Cell> = (0..4).map(|n| Cell { bank: None, ..cell(3, 0, 7, n) }).collect();
    assert_eq!(shapes(&no_bank).0, Mode::UnknownMulti, "equal rows of unknown banks");
    assert_eq!(shapes(&[Cell { bank: None, ..cell(3, 0, 7, 1) }]).0, Mode::Cell);
}

#[test]
fn pages_alone_tell_one_place_from_several() {
    let on = |pages: &[u64]| {
        let hits: Vec<Hit> = (0..)
            .zip(pages)
            .map(|(at, page)| Hit { page: Some(*page), ..hit(at, Cell::default()) })
            .collect();
        let state = logged(&hits);
        (classify(&state.spots(100), LOOSE), classify(&state.spots(100), STRICT))
    };
    assert_eq!(on(&[5, 5, 5]), (Mode::CellOrRow, Mode::CellOrRow));
    assert_eq!(on(&[5, 6]), (Mode::UnknownMulti, Mode::FewCells));
    assert_eq!(on(&[5, 6, 7]), (Mode::UnknownMulti, Mode::UnknownMulti));
    assert_eq!(Mode::UnknownMulti.risk_class(), RiskClass::Row);
}

#[test]
fn several_faults_of_a_dimm_are_told_apart() {
    let mut cells: Vec<Cell> = (0..10).map(|column| cell(3, 1, 7, column)).collect();
    cells.push(cell(3, 1, 60_000, 500));
    cells.push(cell(3, 6, 12, 13));
    cells.push(cell(9, 2, 100, 200));
    let found = faults(&spots(&cells), LOOSE);
    let modes: Vec<Mode> = found.iter().map(|fault| fault.mode).collect();
    assert_eq!(modes, [Mode::Row, Mode::Cell, Mode::Cell, Mode::Cell]);
    assert_eq!((found[0].places, found[0].rows, found[0].columns), (10, 1, 10));
    assert_eq!(found[0].place, Cell { column: None, ..cell(3, 1, 7, 0) });
    assert_eq!(found.iter().map(|fault| fault.places).sum::<u32>(), 13);
}

#[test]
fn a_fault_is_permanent_from_a_day_on() {
    let span = |seconds| {
        let state = logged(&[hit(0, cell(3, 1, 7, 9)), hit(seconds, cell(3, 1, 7, 9))]);
        faults(&state.spots(DAY * 2), LOOSE)[0].is_permanent
    };
    assert!(!span(DAY - 1));
    assert!(span(DAY));
}

#[test]
fn places_are_forgotten_after_ninety_days_and_bounded() {
    let mut state = logged(&[hit(0, cell(3, 1, 7, 9))]);
    assert_eq!(state.spots(90 * DAY).len(), 1);
    assert_eq!(state.spots(90 * DAY + 1).len(), 0);
    for n in 0..2_000 {
        state.observe(&Observation::Reported(hit(Seconds::from(n), cell(3, 1, n, n))));
    }
    assert_eq!(state.places(), MOST_CELLS);
    assert_eq!(state.places_dropped(), 2_001 - MOST_CELLS as u64);
    // Coming back after that is a beginning, not a fault of a hundred days.
    let late = logged(&[hit(0, cell(3, 1, 7, 9)), hit(100 * DAY, cell(3, 1, 7, 9))]);
    assert_eq!(late.spots(100 * DAY)[0].first, 100 * DAY);
}

#[test]
fn the_window_rule_of_smartmem_takes_the_first_that_matches() {
    let of =
        |cells: &[Cell]| window_rule(&cells.iter().map(|cell| hit(0, *cell)).collect::<Vec<_>>());
    assert_eq!(of(&[cell(1, 1, 1, 1), cell(2, 1, 1, 1)]), Some(Mode::MultiDevice));
    assert_eq!(of(&[cell(1, 1, 1, 1), cell(1, 2, 1, 1)]), Some(Mode::MultiBank));
    assert_eq!(of(&[cell(1, 1, 1, 1), cell(1, 1, 2, 2)]), Some(Mode::Bank));
    assert_eq!(of(&[cell(1, 1, 1, 1), cell(1, 1, 1, 2)]), Some(Mode::Row));
    assert_eq!(of(&[cell(1, 1, 1, 1), cell(1, 1, 2, 1)]), Some(Mode::Column));
    assert_eq!(of(&[cell(1, 1, 1, 1)]), Some(Mode::Cell));
    assert_eq!(
        of(&[Cell { device: None, ..cell(0, 1, 1, 1) }, cell(2, 1, 1, 1)]),
        Some(Mode::Cell)
    );
    assert_eq!(of(&[Cell::default()]), None);
    let lines = faulty_lines(&[
        hit(0, cell(1, 1, 1, 1)),
        hit(0, cell(1, 1, 1, 2)),
        hit(0, cell(1, 1, 2, 1)),
        hit(0, cell(1, 2, 1, 9)),
    ]);
    assert_eq!(lines, (1, 1));
}

#[test]
fn the_rule_of_ut_austin_looks_at_the_whole_history() {
    let of = |cells: &[Cell], apart: Seconds| {
        let hits: Vec<Hit> = (0..).zip(cells).map(|(n, cell)| hit(n * apart, *cell)).collect();
        whole_history_rule(&hits).map(|found| (found.mode, found.is_permanent))
    };
    let two = [cell(1, 1, 1, 1), cell(1, 2, 9, 9)];
    assert_eq!(of(&two, 60), Some((Mode::Cell, false)), "up to two are single bits");
    let row = [cell(1, 1, 1, 1), cell(1, 1, 1, 2), cell(1, 1, 1, 3)];
    assert_eq!(of(&row, DAY), Some((Mode::Row, true)));
    let banks = [cell(1, 1, 1, 1), cell(1, 2, 1, 2), cell(1, 3, 1, 3)];
    assert_eq!(of(&banks, 60), Some((Mode::MultiBank, false)));
    let ranks: Vec<Cell> =
        (0..3).map(|rank| Cell { rank: Some(rank), ..cell(1, 1, 1, rank.into()) }).collect();
    assert_eq!(of(&ranks, 60), Some((Mode::MultiDevice, false)));
    assert_eq!(of(&[Cell::default()], 60), None);
}

#[test]
fn the_named_dimms_of_the_science_note_are_classified_as_stated() {
    // By the numbers the note gives; the logs themselves are tried where they are at hand.
    let column: Vec<Cell> = (0..40).map(|row| cell(2, 5, row * 977, 312)).collect();
    assert_eq!(shapes(&column).1, Mode::Column, "sn_10692: one column of one bank");
    for columns in [10, 6] {
        let row: Vec<Cell> = (0..columns).map(|column| cell(2, 5, 4_000, column * 8)).collect();
        assert_eq!(shapes(&row).1, Mode::Row, "sn_10, sn_4191, sn_7219");
    }
    assert_eq!(shapes(&[cell(2, 5, 1, 1); 2]).1, Mode::Cell, "sn_8854: two errors of one cell");
}

fn any_cell() -> impl Strategy<Value = Cell> {
    (
        prop::option::of(0_u8..2),
        prop::option::of(0_u8..3),
        prop::option::of(0_u16..3),
        prop::option::of(0_u32..5_000),
        prop::option::of(0_u32..5),
    )
        .prop_map(|(rank, device, bank, row, column)| Cell { rank, device, bank, row, column })
}

proptest! {
    #[test]
    fn every_place_is_in_one_fault_or_too_many_are_open(cells in prop::collection::vec(any_cell(), 0..60)) {
        let spots = spots(&cells);
        let found = faults(&spots, LOOSE);
        let errors: u64 = found.iter().map(|fault| fault.errors).sum();
        let reported: u64 = spots.iter().map(|spot| spot.hits).sum();
        prop_assert!(errors == reported || found.len() == MOST_FAULTS);
        prop_assert_eq!(found.first().map(|fault| fault.mode), (!spots.is_empty()).then(|| classify(&spots, LOOSE)));
        for fault in &found {
            prop_assert!(fault.first <= fault.last && fault.places > 0);
        }
    }

    #[test]
    fn the_order_of_reports_changes_no_shape(cells in prop::collection::vec(any_cell(), 0..30), turn in 0_usize..30) {
        let mut turned = cells.clone();
        turned.rotate_left(turn.min(cells.len()));
        let same = |cells: &[Cell]| {
            let state = logged(&cells.iter().map(|cell| hit(5, *cell)).collect::<Vec<_>>());
            classify(&state.spots(5), LOOSE)
        };
        prop_assert_eq!(same(&cells), same(&turned));
    }
}
