//! From places to the shapes of faults: the rule of this project.
//!
//! Places are compared by what is known of both and by nothing else. With `need` places in each of
//! two devices or banks the fault is wide; otherwise the device and the bank with most places are
//! looked at: four fifths of the places in one row are a row, in one column a column, rows within
//! 1,024 of each other a part of a bank, and anything else the bank. What a fault does not take in
//! is looked at again by the same rule, so that one DIMM can have several.

use super::cells::Spot;
use super::mode::{DAY, Mode};
use super::{Cell, Seconds};

/// Places that prove a shape well enough to watch.
pub const LOOSE: u32 = 2;

/// Places that prove a shape well enough to act.
pub const STRICT: u32 = 3;

/// Faults told of one DIMM; what is beyond them is counted with the last.
pub const MOST_FAULTS: usize = 8;

/// Rows that a part of a bank spans at most.
const SUBARRAY_ROWS: u32 = 1_024;

/// One fault, as far as reports show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What it takes in.
    pub mode: Mode,
    /// Whether three places prove it, not only two.
    pub is_proven: bool,
    /// Whether it erred over a day or longer; a transient one that recurs becomes permanent.
    pub is_permanent: bool,
    /// First error.
    pub first: Seconds,
    /// Latest error.
    pub last: Seconds,
    /// Errors reported of it.
    pub errors: u64,
    /// Distinct places.
    pub places: u32,
    /// Distinct rows among them.
    pub rows: u32,
    /// Distinct columns.
    pub columns: u32,
    /// Distinct numbers of banks.
    pub banks: u32,
    /// Distinct devices of ranks, or ranks where no device was told.
    pub devices: u32,
    /// Distinct pages.
    pub pages: Vec<u64>,
    /// What all its places have in common.
    pub place: Cell,
}

/// Faults of these places, the one with most places first. `need` is [`LOOSE`] or [`STRICT`].
pub fn faults(spots: &[Spot], need: u32) -> Vec<Fault> {
    let mut rest = merged(spots);
    let mut found: Vec<Fault> = Vec::new();
    while !rest.is_empty() {
        let (mode, members) = dominant(&rest, need);
        let (inside, outside): (Vec<_>, Vec<_>) =
            rest.into_iter().zip(members).partition(|(_, is_member)| *is_member);
        let inside: Vec<Spot> = inside.into_iter().map(|(spot, _)| spot).collect();
        rest = outside.into_iter().map(|(spot, _)| spot).collect();
        if inside.is_empty() {
            break;
        }
        found.push(fault(mode, &inside));
        if found.len() == MOST_FAULTS {
            break;
        }
    }
    found
}

/// The shape of most of these places, as [`faults`] finds it first.
pub fn classify(spots: &[Spot], need: u32) -> Mode {
    let merged = merged(spots);
    if merged.is_empty() { Mode::Unknown } else { dominant(&merged, need).0 }
}

fn fault(mode: Mode, spots: &[Spot]) -> Fault {
    let first = spots.iter().map(|spot| spot.first).min().unwrap_or(0);
    let last = spots.iter().map(|spot| spot.last).max().unwrap_or(0);
    let places = count(spots.len());
    let mut pages: Vec<u64> = spots.iter().filter_map(|spot| spot.page).collect();
    pages.sort_unstable();
    pages.dedup();
    let proven = match mode {
        Mode::Cell | Mode::CellOrRow => true,
        Mode::Unknown | Mode::FewCells => false,
        Mode::UnknownMulti
        | Mode::Row
        | Mode::Column
        | Mode::Subarray
        | Mode::Bank
        | Mode::MultiBankColumn
        | Mode::MultiBank
        | Mode::MultiDevice
        | Mode::Channel
        | Mode::Controller => places >= STRICT,
    };
    Fault {
        mode,
        is_proven: proven,
        is_permanent: last.saturating_sub(first) >= DAY,
        first,
        last,
        errors: spots.iter().map(|spot| spot.hits).fold(0, u64::saturating_add),
        places,
        rows: distinct(spots, |spot| spot.cell.row),
        columns: distinct(spots, |spot| spot.cell.column),
        banks: distinct(spots, |spot| spot.cell.bank),
        devices: distinct(spots, device_of(spots)),
        pages,
        place: common(spots),
    }
}

/// What all places agree in.
fn common(spots: &[Spot]) -> Cell {
    fn all<T: PartialEq + Copy>(spots: &[Spot], of: impl Fn(&Cell) -> Option<T>) -> Option<T> {
        let mut known = spots.iter().filter_map(|spot| of(&spot.cell));
        let first = known.next()?;
        known.all(|other| other == first).then_some(first)
    }
    Cell {
        rank: all(spots, |cell| cell.rank),
        device: all(spots, |cell| cell.device),
        bank: all(spots, |cell| cell.bank),
        row: all(spots, |cell| cell.row),
        column: all(spots, |cell| cell.column),
    }
}

/// Rank and device.
type Device = (Option<u8>, Option<u8>);

/// What tells devices apart among these places: rank and device, as far as any of them told these. A
/// place that lacks one of them may be of several devices, and so is of none.
fn device_of(spots: &[Spot]) -> impl Fn(&Spot) -> Option<Device> + Copy {
    let by_rank = spots.iter().any(|spot| spot.cell.rank.is_some());
    let by_device = spots.iter().any(|spot| spot.cell.device.is_some());
    move |spot| {
        let (rank, device) = (spot.cell.rank, spot.cell.device);
        let lacks = by_rank && rank.is_none() || by_device && device.is_none();
        ((by_rank || by_device) && !lacks).then_some((rank, device))
    }
}

/// Whether a place can be of that device.
fn may_be_of(spot: &Spot, device: Device) -> bool {
    spot.cell.rank.is_none_or(|rank| device.0 == Some(rank))
        && spot.cell.device.is_none_or(|number| device.1 == Some(number))
}

/// Folds places of which less is known into places they may be: a report without its device is no
/// second cell.
fn merged(spots: &[Spot]) -> Vec<Spot> {
    let known = |spot: &Spot| {
        u32::from(spot.cell.rank.is_some())
            + u32::from(spot.cell.device.is_some())
            + u32::from(spot.cell.bank.is_some())
            + u32::from(spot.cell.row.is_some())
            + u32::from(spot.cell.column.is_some())
    };
    let most = spots.iter().map(known).max().unwrap_or(0);
    if spots.iter().all(|spot| known(spot) == most) {
        return spots.to_vec();
    }
    let (mut kept, mut vague): (Vec<Spot>, Vec<Spot>) =
        spots.iter().copied().partition(|spot| known(spot) == most);
    vague.sort_by_key(|spot| std::cmp::Reverse(known(spot)));
    for spot in vague {
        match kept.iter_mut().find(|other| may_be(&spot, other)) {
            Some(other) => {
                other.first = other.first.min(spot.first);
                other.last = other.last.max(spot.last);
                other.hits = other.hits.saturating_add(spot.hits);
                other.page = other.page.or(spot.page);
            }
            None => kept.push(spot),
        }
    }
    kept
}

/// Whether all that is known of the vague place agrees with the other.
fn may_be(vague: &Spot, other: &Spot) -> bool {
    fn agrees<T: PartialEq>(vague: Option<T>, other: Option<T>) -> bool {
        vague.is_none() || vague == other
    }
    if vague.cell == Cell::default() {
        return vague.page == other.page;
    }
    agrees(vague.cell.rank, other.cell.rank)
        && agrees(vague.cell.device, other.cell.device)
        && agrees(vague.cell.bank, other.cell.bank)
        && agrees(vague.cell.row, other.cell.row)
        && agrees(vague.cell.column, other.cell.column)
}

/// The shape of most of these places, and which of them belong to it.
fn dominant(spots: &[Spot], need: u32) -> (Mode, Vec<bool>) {
    let is_placed = |spot: &Spot| spot.cell != Cell::default();
    if !spots.iter().any(is_placed) {
        let mode = match count(spots.len()) {
            1 => Mode::CellOrRow,
            pages if pages >= need => Mode::UnknownMulti,
            _ => Mode::FewCells,
        };
        return (mode, vec![true; spots.len()]);
    }
    let mut members: Vec<bool> = spots.iter().map(is_placed).collect();
    let devices = groups(spots, &members, device_of(spots));
    let ranks = groups(spots, &members, |spot| spot.cell.rank);
    if sides(&devices, need) >= 2 || sides(&ranks, need) >= 2 {
        return (Mode::MultiDevice, members);
    }
    if let Some(device) = most(&devices) {
        // A place of which the device is not known may be of this one, so it stays.
        keep(spots, &mut members, |spot| may_be_of(spot, device.key));
    }
    let banks = groups(spots, &members, |spot| spot.cell.bank);
    let wide: Vec<u16> =
        banks.iter().filter(|bank| bank.places >= need).map(|bank| bank.key).collect();
    if wide.len() >= 2 {
        let one = one_column(spots, &members, &wide);
        return (if one { Mode::MultiBankColumn } else { Mode::MultiBank }, members);
    }
    if let Some(most) = most(&banks) {
        keep(spots, &mut members, |spot| spot.cell.bank.is_none_or(|bank| bank == most.key));
    }
    let is_bank_known = !banks.is_empty();
    let mode = within_bank(spots, &mut members, need, is_bank_known);
    (mode, members)
}

/// Whether all members in these banks are in one known column.
fn one_column(spots: &[Spot], members: &[bool], banks: &[u16]) -> bool {
    let mut columns = chosen(spots, members)
        .filter(|spot| spot.cell.bank.is_some_and(|bank| banks.contains(&bank)))
        .map(|spot| spot.cell.column);
    let first = columns.next().flatten();
    first.is_some() && columns.all(|column| column == first)
}

/// The shape of what lies in one bank; takes out of `members` what the shape does not take in.
fn within_bank(spots: &[Spot], members: &mut [bool], need: u32, is_bank_known: bool) -> Mode {
    let exact: Vec<(u32, u32)> = chosen(spots, members)
        .filter_map(|spot| Some((spot.cell.row?, spot.cell.column?)))
        .collect();
    let places = count(exact.len());
    if places == 0 {
        return without_exact_places(spots, members, need);
    }
    if places == 1 {
        // What is known of others less exactly could not be told to be the same place.
        keep(spots, members, |spot| spot.cell.row.is_some() && spot.cell.column.is_some());
        return Mode::Cell;
    }
    if places < need {
        return Mode::FewCells;
    }
    if !is_bank_known {
        // Equal rows of unknown banks are no row.
        return Mode::UnknownMulti;
    }
    let rows = groups(spots, members, |spot| spot.cell.row.filter(|_| spot.cell.column.is_some()));
    let columns =
        groups(spots, members, |spot| spot.cell.column.filter(|_| spot.cell.row.is_some()));
    let holds = |inside: u32| inside >= need && u64::from(inside) * 5 >= u64::from(places) * 4;
    if let Some(row) = most(&rows).filter(|row| holds(row.places)) {
        keep(spots, members, |spot| spot.cell.row == Some(row.key));
        return Mode::Row;
    }
    if let Some(column) = most(&columns).filter(|column| holds(column.places)) {
        keep(spots, members, |spot| spot.cell.column == Some(column.key));
        return Mode::Column;
    }
    let lowest = rows.first().map(|row| row.key).unwrap_or(0);
    let highest = rows.last().map(|row| row.key).unwrap_or(0);
    if highest - lowest <= SUBARRAY_ROWS && columns.len() > 2 {
        return Mode::Subarray;
    }
    Mode::Bank
}

/// The shape where no report told both row and column.
fn without_exact_places(spots: &[Spot], members: &[bool], need: u32) -> Mode {
    let known_rows = groups(spots, members, |spot| spot.cell.row).len();
    let known_columns = groups(spots, members, |spot| spot.cell.column).len();
    let most = count(known_rows.max(known_columns));
    match most {
        0 => Mode::Unknown,
        1 if known_rows == 1 => Mode::CellOrRow,
        // One column without a row may be a cell, a column or several banks.
        1 => Mode::Unknown,
        several if several >= need => Mode::UnknownMulti,
        _ => Mode::FewCells,
    }
}

/// The members.
fn chosen<'a>(spots: &'a [Spot], members: &'a [bool]) -> impl Iterator<Item = &'a Spot> {
    spots.iter().zip(members).filter(|(_, is_member)| **is_member).map(|(spot, _)| spot)
}

/// Takes out of the members what does not hold.
fn keep(spots: &[Spot], members: &mut [bool], holds: impl Fn(&Spot) -> bool) {
    for (spot, is_member) in spots.iter().zip(members) {
        *is_member = *is_member && holds(spot);
    }
}

/// How many members have each value, in the order of the values.
fn groups<K: Ord + Copy>(
    spots: &[Spot],
    members: &[bool],
    of: impl Fn(&Spot) -> Option<K>,
) -> Vec<Group<K>> {
    let mut keys: Vec<(K, Seconds)> =
        chosen(spots, members).filter_map(|spot| Some((of(spot)?, spot.last))).collect();
    keys.sort_unstable();
    let mut found: Vec<Group<K>> = Vec::new();
    for (key, last) in keys {
        match found.last_mut() {
            Some(group) if group.key == key => {
                group.places += 1;
                group.last = group.last.max(last);
            }
            _ => found.push(Group { key, places: 1, last }),
        }
    }
    found
}

/// Places that have a value in common.
struct Group<K> {
    key: K,
    places: u32,
    last: Seconds,
}

/// How many groups have so many places.
fn sides<K>(groups: &[Group<K>], need: u32) -> usize {
    groups.iter().filter(|group| group.places >= need).count()
}

/// The value that most places have; of equal numbers, that which erred last.
fn most<K: Ord + Copy>(groups: &[Group<K>]) -> Option<&Group<K>> {
    groups.iter().max_by_key(|group| (group.places, group.last, std::cmp::Reverse(group.key)))
}

/// How many distinct values there are.
pub(crate) fn distinct<K: Ord>(spots: &[Spot], of: impl Fn(&Spot) -> Option<K>) -> u32 {
    let mut keys: Vec<K> = spots.iter().filter_map(of).collect();
    keys.sort_unstable();
    keys.dedup();
    count(keys.len())
}

/// A number of places, which are few.
fn count(places: usize) -> u32 {
    u32::try_from(places).unwrap_or(u32::MAX)
}
