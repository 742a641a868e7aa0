//! Pages of a database, from its file or its write-ahead log.

use super::file::{self, Header};
use super::wal::Wal;
use super::{Bytes, Fault, damaged};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Most pages kept: those that lead to others, one for some hundred.
const KEPT: usize = 1024;
/// Pages fetched at most beyond four times those there are. Each is needed once, and few of them
/// again; a file in which pages lead in circles would never end.
const SPARE: u64 = 4096;

/// Gives pages.
pub(super) struct Pager<'f> {
    main: &'f dyn Bytes,
    log: Option<(&'f dyn Bytes, Wal)>,
    header: Header,
    pages: u32,
    left: Cell<u64>,
    kept: RefCell<BTreeMap<u32, Rc<[u8]>>>,
}

impl<'f> Pager<'f> {
    /// Reads the header of a database.
    pub(super) fn new(
        main: &'f dyn Bytes,
        log: Option<(&'f dyn Bytes, Wal)>,
    ) -> Result<Self, Fault> {
        let length = main.length()?;
        let in_log = log.as_ref().and_then(|(log, wal)| Some((log, wal.offset(1)?)));
        let first = match in_log {
            Some((log, offset)) => log.at(offset, file::LENGTH)?,
            None => main.at(0, file::LENGTH)?,
        };
        let header = file::parse(&first)?;
        let there = u32::try_from(length / u64::from(header.page_size)).unwrap_or(u32::MAX);
        // What is told is not more than what is there: it bounds the work.
        let pages = match &log {
            Some((_, wal)) if wal.page_size != header.page_size => {
                let found = format!("{} and {}", header.page_size, wal.page_size);
                return damaged("pages of one size in the file and its log", found);
            }
            Some((_, wal)) => wal.pages.min(there.saturating_add(wal.count())),
            None => header.pages.unwrap_or(there).min(there),
        };
        let left = Cell::new(u64::from(pages).saturating_mul(4).saturating_add(SPARE));
        Ok(Self { main, log, header, pages, left, kept: RefCell::default() })
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of a page that hold data.
    pub(super) fn usable(&self) -> usize {
        usize::try_from(self.header.usable).unwrap_or(usize::MAX)
    }

    /// Most bytes that the database can hold.
    pub(super) fn capacity(&self) -> u64 {
        u64::from(self.pages).saturating_mul(u64::from(self.header.usable))
    }

    /// The part of a page that holds data. Pages are counted from 1.
    pub(super) fn page(&self, number: u32) -> Result<Rc<[u8]>, Fault> {
        if let Some(page) = self.kept.borrow().get(&number) {
            return Ok(Rc::clone(page));
        }
        if number == 0 || number > self.pages {
            return damaged("the number of a page", format!("{number} of {}", self.pages));
        }
        let Some(left) = self.left.get().checked_sub(1) else {
            return damaged(
                "pages that do not lead in circles",
                format!("page {number} once more"),
            );
        };
        self.left.set(left);
        let in_log = self.log.as_ref().and_then(|(log, wal)| Some((*log, wal.offset(number)?)));
        let offset = u64::from(number - 1).saturating_mul(u64::from(self.header.page_size));
        let (bytes, offset) = in_log.unwrap_or((self.main, offset));
        let page = bytes.at(offset, self.usable())?;
        if page.len() < self.usable() {
            return damaged("a whole page", format!("page {number} of {}, cut", self.pages));
        }
        Ok(page.into())
    }

    /// Keeps a page that will be asked for again.
    pub(super) fn keep(&self, number: u32, page: &Rc<[u8]>) {
        let mut kept = self.kept.borrow_mut();
        if kept.len() < KEPT {
            kept.insert(number, Rc::clone(page));
        }
    }
}
