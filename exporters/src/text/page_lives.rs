//! `history pages`: what became of each bad page, as far as it was written down.

use super::Style;
use super::events::soft_offline;
use super::page::Page;
use super::pages::state_in_words;
use super::words::{count, moment, size};
use scrubjay_model::{BadPage, PageAnswer, PageEvent, PageLife, PageOutcome, PageTurn};

/// The pages of the registry, in the order of their addresses.
pub fn page_lives(lives: &[PageLife], style: &Style) -> String {
    let mut page = Page::new(*style);
    if lives.is_empty() {
        page.sentence(0, "No bad page is registered.");
        return page.into_text();
    }
    let total = count(lives.len(), "bad page", "bad pages");
    page.sentence(
        0,
        &format!(
            "{total} registered. States are those the agent saw last; scrubjay pages list asks the \
             kernel."
        ),
    );
    for life in lives {
        page.blank();
        one(&mut page, life);
    }
    page.into_text()
}

fn one(page: &mut Page, PageLife { page: bad, turns }: &PageLife) {
    let BadPage {
        pfn: _,
        physical_address,
        page_size_bytes,
        reason,
        dimm,
        first_seen_wall_ms,
        last_seen_wall_ms,
        boots_survived,
        boot: _,
        state,
    } = bad;
    page.heading(&format!("page {physical_address:#x}:"));
    page.field(2, "size", &size(*page_size_bytes));
    page.field(2, "DIMM", dimm.as_deref().unwrap_or("not known"));
    page.field(2, "why", &reason.to_string());
    page.field(2, "since", &moment(*first_seen_wall_ms));
    page.field(2, "last seen", &moment(*last_seen_wall_ms));
    page.field(2, "reboots", &boots_survived.to_string());
    page.field(2, "state", state_in_words(*state));
    for PageTurn { at_wall_ms, boot: _, what } in turns {
        page.sentence(2, &format!("{}: {}", moment(*at_wall_ms), in_words(what)));
    }
}

fn in_words(what: &PageEvent) -> String {
    match what {
        PageEvent::Failed { witness: _, page_type, outcome } => {
            format!("an error hit it ({page_type}): {}", outcome.as_str())
        }
        PageEvent::SoftOffline { witness: _, asked_by, outcome } => match outcome {
            PageOutcome::Unknown => soft_offline(*asked_by, ""),
            PageOutcome::Ignored
            | PageOutcome::Failed
            | PageOutcome::Delayed
            | PageOutcome::Recovered => soft_offline(*asked_by, outcome.as_str()),
        },
        PageEvent::Requested { answer } => {
            let answer = match answer {
                Some(PageAnswer::Done) => "done".to_owned(),
                Some(PageAnswer::Failed { errno }) => {
                    format!("it would not (errno {errno})")
                }
                Some(PageAnswer::NotAsked) => "not asked, for the root is not the host".to_owned(),
                None => "no answer was written down".to_owned(),
            };
            format!("the kernel was asked to take it out of use: {answer}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::NOW_MS;
    use scrubjay_model::{BootId, OfflineAsker, PageReason, PageState, Witness};

    const PLAIN: Style = Style { colour: false, all: false };

    fn life() -> PageLife {
        let turn = |minutes_ago: i64, what| PageTurn {
            at_wall_ms: NOW_MS - minutes_ago * 60_000,
            boot: BootId::unknown(),
            what,
        };
        PageLife {
            page: BadPage {
                pfn: 0x3_0000,
                physical_address: 0x3000_0000,
                page_size_bytes: 4096,
                reason: PageReason::MemoryFailure {
                    page_type: "dirty LRU page".to_owned(),
                    result: PageOutcome::Failed,
                },
                dimm: Some("imc-0/dimm1".to_owned()),
                first_seen_wall_ms: NOW_MS - 86_400_000,
                last_seen_wall_ms: NOW_MS - 60_000,
                boots_survived: 2,
                boot: BootId::unknown(),
                state: PageState::OfflineNow,
            },
            turns: vec![
                turn(
                    1_440,
                    PageEvent::Requested { answer: Some(PageAnswer::Failed { errno: 16 }) },
                ),
                turn(60, PageEvent::Requested { answer: None }),
                turn(
                    3,
                    PageEvent::SoftOffline {
                        witness: Witness::LogMemoryFailure,
                        asked_by: OfflineAsker::Collector,
                        outcome: PageOutcome::Unknown,
                    },
                ),
                turn(
                    2,
                    PageEvent::SoftOffline {
                        witness: Witness::LogMemoryFailure,
                        asked_by: OfflineAsker::Unknown,
                        outcome: PageOutcome::Failed,
                    },
                ),
                turn(
                    1,
                    PageEvent::Failed {
                        witness: Witness::MemoryFailure,
                        page_type: "dirty LRU page".to_owned(),
                        outcome: PageOutcome::Failed,
                    },
                ),
            ],
        }
    }

    #[test]
    fn a_page_is_told_with_what_happened_to_it() {
        insta::assert_snapshot!(page_lives(&[life()], &PLAIN), @r"
        1 bad page registered. States are those the agent saw last; scrubjay pages list
        asks the kernel.

        page 0x30000000:
          size         4 KiB
          DIMM         imc-0/dimm1
          why          memory failure: dirty LRU page: failed
          since        2026-11-23T06:02:00Z
          last seen    2026-11-24T06:01:00Z
          reboots      2
          state        out of use
          2026-11-23T06:02:00Z: the kernel was asked to take it out of use: it would not
          (errno 16)
          2026-11-24T05:02:00Z: the kernel was asked to take it out of use: no answer
          was written down
          2026-11-24T05:59:00Z: soft offline by the kernel's corrected-errors collector
          2026-11-24T06:00:00Z: soft offline: failed
          2026-11-24T06:01:00Z: an error hit it (dirty LRU page): failed
        ");
        assert_eq!(page_lives(&[], &PLAIN), "No bad page is registered.\n");
    }

    #[test]
    fn the_json_holds_turns_with_their_kind() {
        let text = crate::json::page_lives(&[life()]).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let turns = &json["pages"][0]["turns"];
        assert_eq!(turns[0]["what"], "requested");
        assert_eq!(turns[0]["answer"], serde_json::json!({"kind": "failed", "errno": 16}));
        assert_eq!(turns[2]["what"], "soft_offline");
        assert_eq!(
            (&turns[2]["asked_by"], &turns[2]["outcome"]),
            (&"collector".into(), &"unknown".into())
        );
        assert_eq!((&turns[4]["what"], &turns[4]["outcome"]), (&"failed".into(), &"failed".into()));
    }
}
