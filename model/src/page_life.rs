//! What became of bad pages over time, as far as the history holds it.

use crate::{
    BadPage, BootId, EventRecord, EventWhat, Folded, OfflineAsker, PageAnswer, PageOutcome,
    PageRequest, Witness,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A bad page, and what is known to have happened to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PageLife {
    /// Its entry in the registry.
    pub page: BadPage,
    /// What happened, in order of time.
    pub turns: Vec<PageTurn>,
}

/// Something that happened to a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageTurn {
    /// When, milliseconds since the Unix epoch.
    pub at_wall_ms: i64,
    /// In which boot.
    pub boot: BootId,
    /// What.
    #[serde(flatten)]
    pub what: PageEvent,
}

/// What can happen to a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum PageEvent {
    /// The kernel dealt with it after an error.
    Failed {
        /// Who told.
        witness: Witness,
        /// Which kind of page it was, in that kernel's words.
        page_type: String,
        /// What came of it.
        outcome: PageOutcome,
    },
    /// The kernel was asked to take it out of use before it fails, and said so itself.
    SoftOffline {
        /// Who told.
        witness: Witness,
        /// Who asked.
        asked_by: OfflineAsker,
        /// What came of it.
        outcome: PageOutcome,
    },
    /// The agent asked the kernel to take it out of use.
    Requested {
        /// What came of it; `None` if nobody lived to write that down.
        answer: Option<PageAnswer>,
    },
}

/// Puts together what is stored of each page. Reports that were folded over several pages tell of
/// none in particular and are left out.
pub fn page_lives(
    pages: Vec<BadPage>,
    requests: &[PageRequest],
    reports: &[EventRecord],
) -> Vec<PageLife> {
    let mut by_address: BTreeMap<u64, Vec<PageTurn>> = BTreeMap::new();
    let turns = reports.iter().filter_map(reported).chain(requests.iter().map(requested));
    for (address, turn) in turns {
        by_address.entry(address).or_default().push(turn);
    }
    pages
        .into_iter()
        .map(|page| {
            let within = page.range().map(|range| by_address.range(range.first()..=range.last()));
            let mut turns: Vec<PageTurn> =
                within.into_iter().flatten().flat_map(|(_, turns)| turns).cloned().collect();
            turns.sort_by_key(|turn| turn.at_wall_ms);
            PageLife { page, turns }
        })
        .collect()
}

fn reported(record: &EventRecord) -> Option<(u64, PageTurn)> {
    let witness = record.group.witness;
    let what = match &record.group.what {
        EventWhat::Page { page_type, outcome } => {
            PageEvent::Failed { witness, page_type: page_type.clone(), outcome: *outcome }
        }
        EventWhat::SoftOffline { asked_by, outcome } => {
            PageEvent::SoftOffline { witness, asked_by: *asked_by, outcome: *outcome }
        }
        EventWhat::Memory | EventWhat::Other { .. } | EventWhat::Overflow { .. } => return None,
    };
    let address = record.group.address.filter(|_| record.group.folded != Folded::Pages)?;
    let boot = record.boot.clone();
    Some((address, PageTurn { at_wall_ms: record.first_wall_ms, boot, what }))
}

fn requested(request: &PageRequest) -> (u64, PageTurn) {
    let what = PageEvent::Requested { answer: request.answer };
    let boot = request.boot.clone();
    (request.physical_address, PageTurn { at_wall_ms: request.at_wall_ms, boot, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventClass, EventGroup, EventPlace, PageReason, PageState};
    use std::time::Duration;

    fn page(pfn: u64) -> BadPage {
        BadPage {
            pfn,
            physical_address: pfn * 4096,
            page_size_bytes: 4096,
            reason: PageReason::CorrectedThreshold,
            dimm: None,
            first_seen_wall_ms: 10,
            last_seen_wall_ms: 10,
            boots_survived: 0,
            boot: BootId::unknown(),
            state: PageState::Unknown,
        }
    }

    fn report(address: Option<u64>, first_wall_ms: i64, folded: Folded) -> EventRecord {
        EventRecord {
            id: 1,
            boot: BootId::unknown(),
            first_wall_ms,
            group: EventGroup {
                first: Duration::ZERO,
                last: Duration::ZERO,
                witness: Witness::MemoryFailure,
                class: EventClass::Uncorrected,
                what: EventWhat::Page {
                    page_type: "dirty LRU page".to_owned(),
                    outcome: PageOutcome::Recovered,
                },
                place: EventPlace::Address,
                address,
                grain_bits: None,
                syndrome: None,
                reports: 1,
                errors: 1,
                message: String::new(),
                detail: String::new(),
                folded,
            },
            dimm: None,
            same_as: None,
            counted: 0,
        }
    }

    #[test]
    fn that_a_page_was_to_go_before_it_fails_is_a_turn() {
        let asked_by = OfflineAsker::Collector;
        let outcome = PageOutcome::Unknown;
        let mut asked = report(Some(0x7000), 20, Folded::Nothing);
        asked.group.witness = Witness::LogMemoryFailure;
        asked.group.what = EventWhat::SoftOffline { asked_by, outcome };
        let witness = Witness::LogMemoryFailure;
        let what = PageEvent::SoftOffline { witness, asked_by, outcome };
        let lives = page_lives(vec![page(7)], &[], &[asked]);
        assert_eq!(lives[0].turns, [PageTurn { at_wall_ms: 20, boot: BootId::unknown(), what }]);
    }

    #[test]
    fn a_page_has_the_turns_that_name_it_in_order_of_time() {
        let request = |address, at_wall_ms| PageRequest {
            physical_address: address,
            boot: BootId::unknown(),
            at_wall_ms,
            answer: Some(PageAnswer::Done),
        };
        let requests = [request(0x7000, 30), request(0x9000, 5)];
        let reports = [
            report(Some(0x7fff), 40, Folded::Nothing),
            report(Some(0x7000), 20, Folded::Syndromes),
            report(Some(0x7000), 25, Folded::Pages),
            report(Some(0x8000), 26, Folded::Nothing),
            report(None, 27, Folded::Nothing),
        ];
        let lives = page_lives(vec![page(7), page(11)], &requests, &reports);
        let times = |life: &PageLife| -> Vec<i64> {
            life.turns.iter().map(|turn| turn.at_wall_ms).collect()
        };
        assert_eq!(lives.iter().map(times).collect::<Vec<_>>(), [vec![20, 30, 40], vec![]]);
    }
}
