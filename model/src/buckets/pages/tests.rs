//! When pages were bad, and out of use, in which bucket.

use super::super::{BucketBy, DAY_MS};
use super::*;
use crate::{BadPage, BootEnd, CoverageRecord, OfflineAsker, PageReason, PageTurn, Witness};
use proptest::prelude::*;
use std::time::Duration;

fn boot(n: u32) -> BootId {
    BootId::parse(&format!("{n:08x}-0000-4000-8000-000000000000")).unwrap()
}

/// Boots of five days each, without a break.
fn boots(n: u32) -> Vec<BootRecord> {
    let begin = |n: u32| i64::from(n) * 5 * DAY_MS;
    let record = |n: u32| BootRecord {
        boot: boot(n),
        booted_wall_ms: Some(begin(n)),
        last_seen_wall_ms: Some(begin(n + 1) - 1),
        ran: Some(Duration::from_secs(5 * 86_400)),
        slept: None,
        kernel_release: None,
        kernel_version: None,
        end: BootEnd::Clean,
        evidence: String::new(),
    };
    (0..n).map(record).collect()
}

fn life(number: u64, first_seen_day: i64, turns: Vec<PageTurn>) -> PageLife {
    let page = BadPage {
        pfn: number + 1,
        physical_address: (number + 1) * 4096,
        page_size_bytes: 4096,
        reason: PageReason::SoftOffline,
        dimm: None,
        first_seen_wall_ms: first_seen_day * DAY_MS,
        last_seen_wall_ms: first_seen_day * DAY_MS,
        boots_survived: 0,
        boot: BootId::unknown(),
        state: PageState::Unknown,
    };
    PageLife { page, turns }
}

fn turn(day: i64, what: PageEvent) -> PageTurn {
    let n = u32::try_from(day / 5).unwrap();
    PageTurn { at_wall_ms: day * DAY_MS, boot: boot(n), what }
}

fn failed(outcome: PageOutcome) -> PageEvent {
    let page_type = "dirty LRU page".to_owned();
    PageEvent::Failed { witness: Witness::MemoryFailure, page_type, outcome }
}

fn requested(answer: PageAnswer) -> PageEvent {
    PageEvent::Requested { answer: Some(answer) }
}

fn buckets(by: BucketBy, days: i64, lives: &[PageLife], watched_days: u64) -> Vec<PageBucket> {
    let coverage = [CoverageRecord {
        boot: boot(0),
        from_wall_ms: 0,
        to_wall_ms: i64::try_from(watched_days).unwrap() * DAY_MS,
        length: Duration::from_secs(watched_days * 86_400),
    }];
    let boots = boots(20);
    let watched = Watched { coverage: &coverage, coverage_days: &[], boots: &boots };
    let window = BucketWindow { by, from_wall_ms: 0, until_wall_ms: days * DAY_MS };
    page_buckets(window, lives, watched)
}

#[test]
fn a_page_is_out_of_use_until_the_boot_ends_and_held_to_be_bad_for_ever() {
    let hit = turn(1, failed(PageOutcome::Recovered));
    let spared = turn(2, failed(PageOutcome::Failed));
    let lives = [life(0, 1, vec![hit]), life(1, 2, vec![spared])];
    let made = buckets(BucketBy::Day, 8, &lives, 7);
    let told: Vec<_> = made.iter().map(|b| (b.known(), b.out_of_use())).collect();
    let expect = [(0, 0), (1, 1), (2, 1), (2, 1), (2, 1), (2, 0), (2, 0)];
    let expect = expect.map(|(known, out)| (Some(known), Some(out)));
    assert_eq!(told[..7], expect);
    // On the last day nobody looked.
    assert_eq!((told[7], made[7].counts()), ((None, None), None));
    let by_boot = buckets(BucketBy::Boot, 8, &lives, 7);
    let told: Vec<_> = by_boot.iter().map(|b| (b.counts.recovered, b.out_of_use())).collect();
    assert_eq!(told, [(1, Some(1)), (0, None)]);
}

#[test]
fn what_the_kernel_says_now_outweighs_what_happened() {
    let now = |state| {
        let mut life = life(0, 6, vec![turn(6, requested(PageAnswer::Done))]);
        (life.page.boot, life.page.state) = (boot(1), state);
        life
    };
    for (state, expect) in
        [(PageState::OfflineNow, 1), (PageState::Unknown, 1), (PageState::NotOfflineNow, 0)]
    {
        let made = buckets(BucketBy::Day, 8, &[now(state)], 8);
        assert_eq!(made[7].out_of_use, expect, "{state:?}");
    }
    // One that the boot loader did not keep from the kernel, and that the kernel marked again.
    let mut marked = life(0, 1, vec![]);
    (marked.page.boot, marked.page.state) = (boot(1), PageState::OfflineNow);
    marked.page.last_seen_wall_ms = 6 * DAY_MS;
    let out: Vec<u64> =
        buckets(BucketBy::Day, 8, &[marked], 8).iter().map(|b| b.out_of_use).collect();
    assert_eq!(out, [0, 0, 0, 0, 0, 0, 1, 1]);
}

fn event() -> impl Strategy<Value = PageEvent> {
    let (witness, asked_by) = (Witness::LogMemoryFailure, OfflineAsker::Unknown);
    let soft = move |outcome| PageEvent::SoftOffline { witness, asked_by, outcome };
    prop::sample::select(vec![
        failed(PageOutcome::Recovered),
        failed(PageOutcome::Delayed),
        failed(PageOutcome::Ignored),
        failed(PageOutcome::Unknown),
        soft(PageOutcome::Recovered),
        soft(PageOutcome::Unknown),
        soft(PageOutcome::Failed),
        requested(PageAnswer::Done),
        requested(PageAnswer::Failed { errno: 16 }),
        requested(PageAnswer::NotAsked),
        PageEvent::Requested { answer: None },
    ])
}

proptest! {
    #[test]
    fn buckets_lose_no_page_and_no_turn(
        pages in prop::collection::vec(
            (0_i64..90, prop::collection::vec((0_i64..90, event()), 0..4)),
            0..20,
        ),
        by in prop::sample::select(vec![
            BucketBy::Hour, BucketBy::Day, BucketBy::Month, BucketBy::Boot,
        ]),
    ) {
        let lives: Vec<PageLife> = (0..).zip(pages)
            .map(|(n, (day, turns))| {
                life(n, day, turns.into_iter().map(|(day, what)| turn(day, what)).collect())
            })
            .collect();
        let made = buckets(by, 100, &lives, 90);
        let sum = |of: fn(&PageCounts) -> u64| made.iter().map(|b| of(&b.counts)).sum::<u64>();
        let pages = u64::try_from(lives.len()).unwrap();
        prop_assert_eq!(sum(|counts| counts.registered), pages);
        let number = |of: fn(&PageEvent) -> bool| {
            let turns = lives.iter().flat_map(|life| &life.turns);
            u64::try_from(turns.filter(|turn| of(&turn.what)).count()).unwrap()
        };
        prop_assert_eq!(sum(|c| c.recovered), number(|what| {
            matches!(what, PageEvent::Failed { outcome: PageOutcome::Recovered, .. })
        }));
        prop_assert_eq!(sum(|c| c.soft_offlined + c.asked), number(|what| {
            use PageOutcome::{Recovered, Unknown};
            matches!(what, PageEvent::SoftOffline { outcome: Recovered | Unknown, .. })
        }));
        prop_assert_eq!(sum(|c| c.requests_done), number(|what| {
            matches!(what, PageEvent::Requested { answer: Some(PageAnswer::Done) })
        }));
        let all = |c: &PageCounts| {
            let PageCounts { registered: _, soft_offlined, asked, requests_done, recovered, delayed, refused, other } = c;
            soft_offlined + asked + requests_done + recovered + delayed + refused + other
        };
        prop_assert_eq!(sum(all), number(|_| true));
        prop_assert_eq!(made.last().map(|bucket| bucket.known), Some(pages));
        prop_assert!(made.iter().all(|bucket| bucket.out_of_use <= bucket.known));
    }
}
