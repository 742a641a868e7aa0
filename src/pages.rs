//! Bad pages between passes: what reports say of them, and what the kernel says of those known.

mod offlining;

pub(crate) use offlining::Offlining;

use scrubjay_collector::{HostRoot, memory_map, page_flags};
use scrubjay_model::{
    AddressRange, BadPage, ControllerKey, Edac, EventWhat, MemoryMap, Origin, PageFlags,
    PageReport, PagesTold, Reading, SeriesPlace, Sighting, Sightings, Stamp,
};
use scrubjay_storage::{History, PagesSeen};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Errors whose DIMM is remembered until the kernel tells what became of their page. That takes it
/// half a minute at most, in which a storm brings more groups of reports than this; then the DIMM of
/// a page may stay unknown.
const MOST_ERRORS: usize = 4_096;

/// Pages are told apart by 4 KiB here, as in the correlation of reports.
const PAGE_SHIFT: u32 = 12;

/// Keeps the registry of bad pages up to date.
pub(crate) struct Pages {
    host: Arc<HostRoot>,
    /// As last read; no value until it is needed.
    map: Reading<MemoryMap>,
    errors: Errors,
}

/// The DIMMs of the last errors that named one.
#[derive(Debug, Default)]
struct Errors(VecDeque<ErrorAt>);

#[derive(Debug)]
struct ErrorAt {
    /// The sighting, and the one it tells the same errors as.
    numbers: [Option<u64>; 2],
    page: Option<u64>,
    dimm: String,
}

impl Pages {
    pub(crate) fn new(host: &Arc<HostRoot>) -> Self {
        let map = Reading::Absent(Origin::new("proc/iomem"));
        Self { host: Arc::clone(host), map, errors: Errors::default() }
    }

    /// Takes in reports, between passes.
    pub(crate) fn hear(
        &mut self,
        sightings: &Sightings,
        edac: Option<&Edac>,
        history: &mut History,
        at: &Stamp,
    ) {
        let reported = self.reports(sightings, edac, history);
        if !reported.is_empty() {
            register(history, &PagesSeen { reported: &reported, told: None, map: None }, at);
        }
    }

    /// Takes in reports, and asks the kernel about all pages known.
    pub(crate) fn look(
        &mut self,
        sightings: &Sightings,
        edac: Option<&Edac>,
        history: &mut History,
        at: &Stamp,
    ) {
        let reported = self.reports(sightings, edac, history);
        let known = history.bad_pages();
        if known.is_empty() && reported.is_empty() {
            return;
        }
        let pfns = known.values().map(|page| page.pfn);
        let pfns: BTreeSet<u64> = pfns.chain(reported.iter().map(|report| report.pfn)).collect();
        let ranges: Vec<AddressRange> = known.values().filter_map(BadPage::range).collect();
        let flags = self.flags(&pfns);
        self.read_map(&ranges);
        let told = told(self.host.page_size_bytes(), flags, &self.map);
        let map = self.map.value();
        register(history, &PagesSeen { reported: &reported, told: told.as_ref(), map }, at);
    }

    fn flags(&self, pfns: &BTreeSet<u64>) -> Reading<BTreeMap<u64, PageFlags>> {
        page_flags(&self.host, pfns)
    }

    /// Reads the memory map if it is not known, or if it says of any of these addresses that no
    /// memory is there: some may have been added.
    fn read_map(&mut self, ranges: &[AddressRange]) {
        let map = self.map.value();
        if map.is_none_or(|map| ranges.iter().any(|range| !map.contains(*range))) {
            self.map = memory_map(&self.host);
        }
    }

    /// What reports say of pages.
    fn reports(
        &mut self,
        sightings: &Sightings,
        edac: Option<&Edac>,
        history: &History,
    ) -> Vec<PageReport> {
        let (Some(size), false) = (self.host.page_size_bytes(), sightings.sightings.is_empty())
        else {
            return Vec::new();
        };
        let keys = edac.map(|edac| history.controller_keys(edac)).unwrap_or_default();
        page_reports(sightings, &keys, size, &mut self.errors)
    }
}

/// Pages that reports speak of, each with the DIMM of the error that led to it.
fn page_reports(
    sightings: &Sightings,
    keys: &BTreeMap<u32, ControllerKey>,
    page_size_bytes: u64,
    errors: &mut Errors,
) -> Vec<PageReport> {
    let mut reports = Vec::new();
    for sighting in &sightings.sightings {
        errors.remember(sighting, keys);
        if let Some(report) = PageReport::of_event(&sighting.group, page_size_bytes) {
            reports.push(PageReport { dimm: errors.dimm_of(sighting), ..report });
        }
    }
    reports
}

impl Errors {
    fn remember(&mut self, sighting: &Sighting, keys: &BTreeMap<u32, ControllerKey>) {
        let Some((index, SeriesPlace::Dimm(place))) = sighting.counter else { return };
        let Some(key) = keys.get(&index) else { return };
        if self.0.len() >= MOST_ERRORS {
            self.0.pop_front();
        }
        self.0.push_back(ErrorAt {
            numbers: [Some(sighting.number), sighting.same_as],
            page: page(sighting),
            dimm: key.place(place),
        });
    }

    /// The DIMM of the error that a page was lost to. The witness that told of it first need not be
    /// the one that knew the DIMM, so the same page will do as well. Errors that make somebody ask
    /// for a page to go may be a day old, so then the same page will do alone.
    fn dimm_of(&self, sighting: &Sighting) -> Option<String> {
        let (cause, page) = (sighting.same_as, page(sighting));
        let asked = matches!(sighting.group.what, EventWhat::SoftOffline { .. });
        if cause.is_none() && !asked {
            return None;
        }
        let same = |error: &&ErrorAt| {
            (cause.is_some() && error.numbers.contains(&cause))
                || (page.is_some() && error.page == page)
        };
        self.0.iter().rev().find(same).map(|error| error.dimm.clone())
    }
}

fn page(sighting: &Sighting) -> Option<u64> {
    sighting.group.address.map(|address| address >> PAGE_SHIFT)
}

/// What the kernel tells of pages. Without their flags the map alone tells of those that it does not
/// manage; without either nobody was asked.
fn told(
    page_size_bytes: Option<u64>,
    flags: Reading<BTreeMap<u64, PageFlags>>,
    map: &Reading<MemoryMap>,
) -> Option<PagesTold> {
    let page_size_bytes = page_size_bytes?;
    match (flags, map.value()) {
        (Reading::Value(flags), _) => Some(PagesTold { page_size_bytes, flags }),
        (_, Some(_)) => Some(PagesTold { page_size_bytes, flags: BTreeMap::new() }),
        (_, None) => None,
    }
}

/// Puts what was seen into the history.
fn register(history: &mut History, seen: &PagesSeen<'_>, at: &Stamp) {
    let known = history.bad_pages().len();
    match history.see_pages(seen, at) {
        Ok(refused) => {
            let new = history.bad_pages().len().saturating_sub(known);
            if new > 0 {
                tracing::warn!("{new} more in the registry of bad pages: see scrubjay pages list");
            }
            if refused > 0 {
                tracing::error!("the registry of bad pages is full: {refused} not taken in");
            }
        }
        Err(error) => tracing::error!("failed to {:#}", anyhow::Error::from(error)),
    }
}

#[cfg(test)]
mod tests;
