//! Taking pages out of use, where the settings ask for it: from errors to a plan, and from the plan
//! to the kernel, one page at a time.

use super::{Pages, register};
use scrubjay_alerts::{
    OfflineInput, OfflinePolicy, OfflineRefusal, PageErrors, RefusedBecause, offline_facts,
    plan_offlining,
};
use scrubjay_collector::{OfflineOutcome, soft_offline};
use scrubjay_model::{
    AddressRange, BadPage, CorrectedPage, EventClass, MemoryMap, OfflineMode, OfflinePermit,
    OfflineStats, PageAnswer, PageFlags, PageReason, PageReport, PageRequests, PageState, Reading,
    Sightings, Snapshot, Stamp,
};
use scrubjay_storage::{History, PagesSeen, StorageError};
use std::collections::{BTreeMap, BTreeSet};

/// Refusals that are remembered, so that each is told once. A storm over more pages than these is
/// told of by its errors.
const MOST_REFUSALS: usize = 4_096;

/// What is remembered of acting.
#[derive(Debug)]
pub(crate) struct Offlining {
    policy: OfflinePolicy,
    /// Corrected errors have come that no plan has looked at.
    due: bool,
    /// Refusals that were told.
    refused: BTreeSet<(Option<u64>, RefusedBecause)>,
    stats: OfflineStats,
}

/// What acting takes of the history and of the host.
trait Means {
    fn corrected(&mut self, days: u32) -> Result<Vec<CorrectedPage>, StorageError>;
    fn requests(&mut self) -> Result<PageRequests, StorageError>;
    fn registry(&mut self) -> BTreeMap<u64, BadPage>;
    fn facts(&mut self) -> (Reading<u64>, Option<u64>);
    fn flags(&mut self, pfns: &BTreeSet<u64>) -> BTreeMap<u64, PageFlags>;
    fn map(&mut self, ranges: &[AddressRange]) -> Reading<MemoryMap>;
    fn begin(&mut self, physical_address: u64) -> Result<i64, StorageError>;
    fn ask(&mut self, physical_address: u64, permit: OfflinePermit) -> PageAnswer;
    fn end(&mut self, request: i64, answer: PageAnswer) -> Result<(), StorageError>;
}

impl Offlining {
    pub(crate) fn new(policy: OfflinePolicy) -> Self {
        // What the agent did not live to look at.
        Self { policy, due: true, refused: BTreeSet::new(), stats: OfflineStats::NONE }
    }

    /// What was done since the agent started.
    pub(crate) fn stats(&self) -> OfflineStats {
        self.stats
    }

    /// Notes whether there is something to look at. Corrected errors without an address are none.
    pub(crate) fn hear(&mut self, sightings: &Sightings) {
        let mut groups = sightings.sightings.iter().map(|sighting| &sighting.group);
        self.due |=
            groups.any(|group| group.class == EventClass::Corrected && group.address.is_some());
    }

    /// Plans, and does what is planned. Returns the pages that had too many errors, whatever came
    /// of asking.
    fn act(&mut self, means: &mut impl Means) -> Result<Vec<PageReport>, StorageError> {
        match self.policy.mode {
            OfflineMode::Off => return Ok(Vec::new()),
            OfflineMode::Soft => {}
        }
        let registry = means.registry();
        let again = self.policy.reoffline_after_boot && registry.values().any(is_back_in_use);
        if !(self.due || again) {
            return Ok(Vec::new());
        }
        let (soft_offline, page_size_bytes) = means.facts();
        let corrected = means.corrected(self.policy.preset.days())?;
        self.due = false;
        let requests = means.requests()?;
        let registry = without_asked(registry, &requests.this_boot);
        let Some(size) = page_size_bytes else { return Ok(Vec::new()) };
        let ranges: Vec<AddressRange> = corrected
            .iter()
            .map(|page| page.physical_address)
            .chain(
                registry.values().filter(|page| is_back_in_use(page)).map(|p| p.physical_address),
            )
            .filter_map(|address| AddressRange::of_page(address.checked_div(size)?, size))
            .collect();
        if ranges.is_empty() {
            return Ok(Vec::new());
        }
        let pfns = ranges.iter().filter_map(|range| range.first().checked_div(size)).collect();
        let errors: Vec<PageErrors> = corrected.iter().map(PageErrors::from).collect();
        let (plans, refusals) = plan_offlining(&OfflineInput {
            policy: &self.policy,
            errors: &errors,
            map: &means.map(&ranges),
            page_size_bytes,
            soft_offline: &soft_offline,
            flags: &means.flags(&pfns),
            registry: &registry,
            asked_last_day: requests.last_day,
            asked_in_all: requests.in_all,
        });
        self.tell(&refusals);
        let mut reports = Vec::new();
        for plan in plans {
            let Some(permit) = self.policy.mode.permit() else { break };
            let request = match means.begin(plan.physical_address) {
                Ok(request) => request,
                // A request that cannot be written down is not made: the budgets would forget it.
                Err(error) => {
                    tracing::error!("failed to {:#}", anyhow::Error::from(error));
                    break;
                }
            };
            let answer = means.ask(plan.physical_address, permit);
            self.count(answer, plan.physical_address, &plan.why);
            if let Some(page) =
                corrected.iter().find(|page| page.physical_address == plan.physical_address)
            {
                reports.push(PageReport {
                    pfn: plan.pfn,
                    page_size_bytes: size,
                    reason: PageReason::CorrectedThreshold,
                    dimm: page.dimm.clone(),
                });
            }
            if let Err(error) = means.end(request, answer) {
                tracing::error!("failed to {:#}", anyhow::Error::from(error));
            }
        }
        Ok(reports)
    }

    fn count(&mut self, answer: PageAnswer, address: u64, why: &str) {
        let stats = &mut self.stats;
        match answer {
            PageAnswer::Done => {
                stats.done = stats.done.saturating_add(1);
                tracing::warn!("took the page at {address:#x} out of use: {why}");
            }
            PageAnswer::Failed { errno } => {
                stats.failed = stats.failed.saturating_add(1);
                tracing::error!(
                    "the kernel did not take the page at {address:#x} out of use (errno {errno}): \
                     {why}"
                );
            }
            PageAnswer::NotAsked => {
                stats.failed = stats.failed.saturating_add(1);
                tracing::error!(
                    "the page at {address:#x} stays in use, for this root is not the running \
                     host: {why}"
                );
            }
        }
    }

    fn tell(&mut self, refusals: &[OfflineRefusal]) {
        for OfflineRefusal { physical_address, why } in refusals {
            let is_new = self.refused.len() < MOST_REFUSALS
                && self.refused.insert((*physical_address, *why));
            // What is done already is no refusal to anybody.
            if !is_new || *why == RefusedBecause::AlreadyOffline {
                continue;
            }
            self.stats.refused = self.stats.refused.saturating_add(1);
            let why = why.as_str();
            match physical_address {
                Some(address) => {
                    tracing::warn!(
                        "the page at {address:#x} has too many errors and stays in use: {why}"
                    );
                }
                None => tracing::warn!("a page has too many errors and stays in use: {why}"),
            }
        }
    }
}

fn is_back_in_use(page: &BadPage) -> bool {
    page.state == PageState::NotOfflineNow && page.boots_survived > 0
}

/// The registry, in which pages that were asked for in this boot are not said to be back in use: once
/// in a boot is enough.
fn without_asked(
    mut registry: BTreeMap<u64, BadPage>,
    asked: &BTreeSet<u64>,
) -> BTreeMap<u64, BadPage> {
    for address in asked {
        if let Some(page) = registry.get_mut(address).filter(|page| is_back_in_use(page)) {
            page.state = PageState::Unknown;
        }
    }
    registry
}

/// The live history and host.
struct Live<'a> {
    pages: &'a mut Pages,
    history: &'a mut History,
    snapshot: &'a Snapshot,
}

impl Means for Live<'_> {
    fn corrected(&mut self, days: u32) -> Result<Vec<CorrectedPage>, StorageError> {
        let size = self.pages.host.page_size_bytes().unwrap_or(0);
        self.history.corrected_pages(&self.snapshot.at, size, days)
    }

    fn requests(&mut self) -> Result<PageRequests, StorageError> {
        self.history.page_requests(&self.snapshot.at)
    }

    fn registry(&mut self) -> BTreeMap<u64, BadPage> {
        self.history.bad_pages().clone()
    }

    fn facts(&mut self) -> (Reading<u64>, Option<u64>) {
        let (soft_offline, _) = offline_facts(self.snapshot);
        (soft_offline, self.pages.host.page_size_bytes())
    }

    fn flags(&mut self, pfns: &BTreeSet<u64>) -> BTreeMap<u64, PageFlags> {
        self.pages.flags(pfns).into_result().unwrap_or_default()
    }

    fn map(&mut self, ranges: &[AddressRange]) -> Reading<MemoryMap> {
        self.pages.read_map(ranges);
        self.pages.map.clone()
    }

    fn begin(&mut self, physical_address: u64) -> Result<i64, StorageError> {
        self.history.begin_page_request(&self.snapshot.at, physical_address)
    }

    fn ask(&mut self, physical_address: u64, permit: OfflinePermit) -> PageAnswer {
        match soft_offline(&self.pages.host, physical_address, permit) {
            OfflineOutcome::Done => PageAnswer::Done,
            OfflineOutcome::Failed(errno) => PageAnswer::Failed { errno },
            OfflineOutcome::Refused(_) => PageAnswer::NotAsked,
        }
    }

    fn end(&mut self, request: i64, answer: PageAnswer) -> Result<(), StorageError> {
        self.history.end_page_request(request, answer)
    }
}

impl Pages {
    /// Takes pages out of use, if the settings ask for it. Only after a pass that was written: of
    /// what is not in the history nothing is known.
    pub(crate) fn act(
        &mut self,
        offlining: &mut Offlining,
        history: &mut History,
        snapshot: &Snapshot,
    ) {
        let mut live = Live { pages: self, history, snapshot };
        let reported = match offlining.act(&mut live) {
            Ok(reported) => reported,
            Err(error) => {
                tracing::error!("failed to {:#}", anyhow::Error::from(error));
                return;
            }
        };
        if !reported.is_empty() {
            let at: &Stamp = &snapshot.at;
            register(history, &PagesSeen { reported: &reported, told: None, map: None }, at);
            if let Err(error) = history.settle(at) {
                tracing::error!("failed to {:#}", anyhow::Error::from(error));
            }
        }
    }
}

#[cfg(test)]
mod tests;
