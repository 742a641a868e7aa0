//! The registry of bad pages between passes. Pure.

use crate::changes::Changes;
use crate::ledger;
use crate::state::State;
use scrubjay_model::{MemoryMap, PageChanges, PagePass, PageReport, PagesTold, Stamp};

/// What was seen of bad pages beside the snapshot.
#[derive(Debug, Clone, Copy)]
pub struct PagesSeen<'a> {
    /// Pages reported since the last time.
    pub reported: &'a [PageReport],
    /// What the running kernel says of known pages; `None` if it was not asked.
    pub told: Option<&'a PagesTold>,
    /// The memory the kernel manages, where it shows that.
    pub map: Option<&'a MemoryMap>,
}

impl PagesSeen<'_> {
    /// Nobody looked, and nothing was reported.
    pub(crate) fn nothing() -> Self {
        Self { reported: &[], told: None, map: None }
    }
}

/// Brings the registry of bad pages up to date. Returns how many pages it had no room for.
pub(crate) fn follow(
    state: &mut State,
    seen: &PagesSeen<'_>,
    at: &Stamp,
    changes: &mut Changes,
) -> u64 {
    let pass = PagePass {
        boot: &at.boot,
        wall_ms: at.wall_ms,
        reported: seen.reported,
        told: seen.told,
        map: seen.map,
    };
    let PageChanges { changed, refused } = scrubjay_model::follow_pages(&state.bad_pages, &pass);
    changes.ledger.extend(ledger::bad_pages(at, &state.bad_pages, &changed));
    for page in changed {
        changes.urgent = true;
        changes.bad_pages.insert(page.physical_address, page.clone());
        state.bad_pages.insert(page.physical_address, page);
    }
    refused
}
