//! Trees of pages that hold the rows of a table in the order of their numbers.

use super::bytes::{as_signed, u16_at, u32_at, varint};
use super::pager::Pager;
use super::{Fault, damaged, file};
use std::ops::ControlFlow;
use std::rc::Rc;

const LEAF: u8 = 13;
const INTERIOR: u8 = 5;
/// Deepest tree accepted. SQLite itself takes 20 levels, and four hold a thousand million rows.
const DEPTH: u32 = 20;
/// Longest row accepted. The header of a package with a hundred thousand files has some 10 MiB.
const ROW_LIMIT: u64 = 64 << 20;

type Each<'e> = dyn FnMut(i64, &[u8]) -> Result<ControlFlow<()>, Fault> + 'e;

/// A page of a tree.
struct Node {
    page: Rc<[u8]>,
    number: u32,
    is_leaf: bool,
    /// Where its numbers begin: the first page of a database has its header before them.
    start: usize,
    cells: usize,
}

/// A row or a child as an interior page has it.
struct Cell {
    /// The page with the rows up to `key`.
    child: u32,
    key: i64,
}

impl Node {
    fn load(pager: &Pager<'_>, number: u32) -> Result<Self, Fault> {
        let page = pager.page(number)?;
        let start = if number == 1 { file::LENGTH } else { 0 };
        let kind = page.get(start).copied();
        let cells = u16_at(&page, start + 3).map(usize::from);
        let (is_leaf, cells) = match (kind, cells) {
            (Some(LEAF), Some(cells)) => (true, cells),
            (Some(INTERIOR), Some(cells)) => (false, cells),
            (kind, _) => {
                return damaged("a page of a table", format!("page {number} of kind {kind:?}"));
            }
        };
        if !is_leaf {
            pager.keep(number, &page);
        }
        Ok(Self { page, number, is_leaf, start, cells })
    }

    fn odd<T>(&self) -> Result<T, Fault> {
        damaged("cells within their page", format!("page {}", self.number))
    }

    /// Where a cell begins.
    fn cell_at(&self, index: usize) -> Result<usize, Fault> {
        let head = self.start + if self.is_leaf { 8 } else { 12 };
        match u16_at(&self.page, head + 2 * index) {
            Some(at) => Ok(usize::from(at)),
            None => self.odd(),
        }
    }

    /// A child of an interior page; the last has no upper bound.
    fn child(&self, index: usize) -> Result<Cell, Fault> {
        if index == self.cells {
            return match u32_at(&self.page, self.start + 8) {
                Some(child) => Ok(Cell { child, key: i64::MAX }),
                None => self.odd(),
            };
        }
        let at = self.cell_at(index)?;
        match (u32_at(&self.page, at), varint(&self.page, at + 4)) {
            (Some(child), Some((key, _))) => Ok(Cell { child, key: as_signed(key) }),
            _ => self.odd(),
        }
    }

    /// The length of a row, its number, and where it begins.
    fn row(&self, index: usize) -> Result<(u64, i64, usize), Fault> {
        let at = self.cell_at(index)?;
        let found = varint(&self.page, at).and_then(|(length, taken)| {
            let (number, more) = varint(&self.page, at + taken)?;
            Some((length, as_signed(number), at + taken + more))
        });
        found.map_or_else(|| self.odd(), Ok)
    }

    /// The bytes of a row.
    fn payload(&self, pager: &Pager<'_>, length: u64, begin: usize) -> Result<Vec<u8>, Fault> {
        if length > ROW_LIMIT || length > pager.capacity() {
            return damaged("a row of at most 64 MiB", format!("{length} bytes"));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let local = local_length(length, pager.usable());
        let Some(here) = self.page.get(begin..begin.saturating_add(local)) else {
            return self.odd();
        };
        let mut payload = here.to_vec();
        if local == length {
            return Ok(payload);
        }
        let Some(mut next) = u32_at(&self.page, begin + local) else { return self.odd() };
        while payload.len() < length {
            let page = pager.page(next)?;
            let (Some(following), Some(bytes)) = (u32_at(&page, 0), page.get(4..)) else {
                return self.odd();
            };
            let missing = length - payload.len();
            payload.extend_from_slice(bytes.get(..missing).unwrap_or(bytes));
            next = following;
        }
        Ok(payload)
    }
}

/// How much of a row is in its leaf; the rest overflows into pages of its own.
fn local_length(length: usize, usable: usize) -> usize {
    let most = usable - 35;
    if length <= most {
        return length;
    }
    let least = (usable - 12) * 32 / 255 - 23;
    let wanted = least + (length - least) % (usable - 4);
    if wanted <= most { wanted } else { least }
}

/// Gives every row to `each` until it has enough.
pub(super) fn scan(pager: &Pager<'_>, root: u32, each: &mut Each<'_>) -> Result<(), Fault> {
    let mut last = None;
    scan_below(pager, root, DEPTH, &mut last, each).map(|_| ())
}

fn scan_below(
    pager: &Pager<'_>,
    number: u32,
    depth: u32,
    last: &mut Option<i64>,
    each: &mut Each<'_>,
) -> Result<ControlFlow<()>, Fault> {
    let node = Node::load(pager, number)?;
    if !node.is_leaf {
        let Some(depth) = depth.checked_sub(1) else { return too_deep(number) };
        for index in 0..=node.cells {
            let child = node.child(index)?.child;
            if scan_below(pager, child, depth, last, each)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        return Ok(ControlFlow::Continue(()));
    }
    for index in 0..node.cells {
        let (length, row, begin) = node.row(index)?;
        if last.is_some_and(|last| last >= row) {
            return damaged("rows in the order of their numbers", format!("row {row}"));
        }
        *last = Some(row);
        if each(row, &node.payload(pager, length, begin)?)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The bytes of the row of that number.
pub(super) fn find(pager: &Pager<'_>, root: u32, wanted: i64) -> Result<Option<Vec<u8>>, Fault> {
    let mut number = root;
    for _ in 0..=DEPTH {
        let node = Node::load(pager, number)?;
        if node.is_leaf {
            for index in 0..node.cells {
                let (length, row, begin) = node.row(index)?;
                if row == wanted {
                    return node.payload(pager, length, begin).map(Some);
                }
            }
            return Ok(None);
        }
        for index in 0..=node.cells {
            let cell = node.child(index)?;
            if wanted <= cell.key {
                number = cell.child;
                break;
            }
        }
    }
    too_deep(number)
}

/// The number of the last row; `None` if there is none.
pub(super) fn last(pager: &Pager<'_>, root: u32) -> Result<Option<i64>, Fault> {
    let mut number = root;
    for _ in 0..=DEPTH {
        let node = Node::load(pager, number)?;
        if node.is_leaf {
            let last = node.cells.checked_sub(1);
            return last.map(|index| Ok(node.row(index)?.1)).transpose();
        }
        number = node.child(node.cells)?.child;
    }
    too_deep(number)
}

fn too_deep<T>(number: u32) -> Result<T, Fault> {
    damaged("a tree of at most 20 levels", format!("page {number} below them"))
}
