//! Counters and labels, which are read in each pass and therefore kept open, and what is fixed beside them.

use super::{NAMES, Reader, non_value};
use crate::kept::{Content, Counters, Said};
use scrubjay_model::{BootId, NonValue, Origin, Reading};
use std::cell::RefCell;
use std::sync::Arc;

/// What the counters and labels of a part said; `None` once one was read that is not kept open.
pub(super) type Noted = RefCell<Option<Vec<Said>>>;

impl Reader<'_> {
    /// A counter of the EDAC core.
    pub(crate) fn counter(&self, path: &str) -> Reading<u32> {
        let kept = self.kept_number(path, Content::Errors).and_then(|n| u32::try_from(n).ok());
        kept.map_or_else(|| self.number_u32(path), Reading::Value)
    }

    /// The seconds since counters were zeroed.
    pub(crate) fn age(&self, path: &str) -> Reading<u64> {
        let kept = self.kept_number(path, Content::Age);
        kept.map_or_else(|| self.number(path), Reading::Value)
    }

    /// A label of the EDAC core, which admins write.
    pub(crate) fn label(&self, path: &str) -> Reading<String> {
        let kept = self.counters().and_then(|kept| kept.label(self.host, path));
        let said = kept.as_ref().map(|(text, held)| {
            self.count();
            Said::Text(Arc::clone(held), text.as_str().into())
        });
        self.note_said(said);
        kept.map_or_else(|| self.attr(path), |(text, _)| Reading::Value(text))
    }

    fn kept_number(&self, path: &str, content: Content) -> Option<u64> {
        let kept = self.counters().and_then(|kept| kept.number(self.host, path, content));
        let said = kept.as_ref().map(|(number, held)| {
            self.count();
            Said::Number(Arc::clone(held), *number)
        });
        self.note_said(said);
        kept.map(|(number, _)| number)
    }

    fn note_said(&self, said: Option<Said>) {
        let Some(noted) = &self.noted else { return };
        let mut noted = noted.borrow_mut();
        match (noted.as_mut(), said) {
            (Some(noted), Some(said)) => noted.push(said),
            (Some(_), None) => *noted = None,
            (None, _) => {}
        }
    }

    /// What `make` makes of counters and labels, or what it made of them in an earlier pass if `holds` says
    /// that it may still be and every one of them says the same. Only what is `whole` is kept.
    pub(crate) fn same<T: Send + Sync + 'static>(
        &self,
        dir: &str,
        holds: impl FnOnce(&T) -> bool,
        whole: impl FnOnce(&T) -> bool,
        make: impl FnOnce(&Reader<'_>) -> T,
    ) -> Arc<T> {
        let Some(counters) = self.counters() else { return Arc::new(make(self)) };
        if let Some((value, read)) = counters.same(dir, holds) {
            self.attributes.set(self.attributes.get().saturating_add(read));
            return value;
        }
        let noted = Some(RefCell::new(Some(Vec::new())));
        let reader = Reader { memory: self.memory, noted, ..Reader::new(self.host) };
        let value = Arc::new(make(&reader));
        let Reader { attributes, faults, noted, .. } = reader;
        self.attributes.set(self.attributes.get().saturating_add(attributes.get()));
        self.faults.borrow_mut().append(&mut faults.into_inner());
        if let Some(said) = noted.and_then(RefCell::into_inner)
            && whole(&value)
        {
            counters.keep_same(dir, said, &value);
        }
        value
    }

    /// That an attribute is missing, if it is. Asked once of what is there from the beginning or never; until
    /// then [`Self::missing`] stands for reading it.
    pub(crate) fn is_missing(&self, path: &str) -> Option<Origin> {
        let absent = non_value(path, self.host.exists(path).err()?, NAMES);
        matches!(absent, NonValue::Absent(_)).then(|| Origin::new(path))
    }

    /// What reading an attribute would come to that is known to be missing.
    pub(crate) fn missing<T>(&self, origin: &Origin) -> Reading<T> {
        self.count();
        Reading::Absent(origin.clone())
    }

    /// What is kept open from pass to pass. A capture wants to see what is read.
    fn counters(&self) -> Option<&Counters> {
        self.memory.filter(|_| self.recording.is_none()).map(|memory| memory.counters())
    }

    /// What `make` makes of the facts below a directory that stay while a driver does, or what it made
    /// of them in one of the last passes. Facts that could not be read are tried again in the next pass.
    pub(crate) fn fixed<T: Send + Sync + 'static>(
        &self,
        dir: &str,
        boot: &BootId,
        make: impl FnOnce(&Reader<'_>) -> T,
    ) -> Arc<T> {
        let counters = self.counters();
        if let Some((value, attributes)) = counters.and_then(|kept| kept.fixed(dir, boot)) {
            // They count for what is known of the host, as they did when they were read.
            self.attributes.set(self.attributes.get().saturating_add(attributes));
            return value;
        }
        let before = counters.map(|counters| counters.before(self.host, dir));
        let reader =
            Reader { recording: self.recording, memory: self.memory, ..Reader::new(self.host) };
        let value = Arc::new(make(&reader));
        let attributes = reader.attributes.get();
        self.attributes.set(self.attributes.get().saturating_add(attributes));
        let faults: Vec<NonValue> = reader.faults.into_inner().into_values().collect();
        self.take_over(&faults);
        if let Some((counters, before)) = counters.zip(before)
            && faults.is_empty()
        {
            counters.keep_fixed(dir, boot, before, &value, attributes);
        }
        value
    }
}
