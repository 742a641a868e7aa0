//! How much is folded at a time follows what the disk takes for it.

use super::events::sighting;
use super::support::{Host, directory, start};
use crate::{Heard, History};
use scrubjay_model::Sightings;
use std::cell::Cell;
use std::time::Duration;

const YEAR: Duration = Duration::from_secs(365 * 86_400);

thread_local! {
    static NOW: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// A clock by which everything takes no time.
fn still() -> Duration {
    NOW.get()
}

/// A clock by which 30 ms pass between two looks at it, so that a bite takes longer than is aimed at.
fn slow() -> Duration {
    NOW.set(NOW.get() + Duration::from_millis(30));
    NOW.get()
}

/// How many reports are left after each call, of 4,000 that are old.
fn left(clock: fn() -> Duration) -> Vec<i64> {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    history.write_without_sync().unwrap();
    history.keeping.open = Some(std::collections::BTreeSet::new());
    for minute in 0..4 {
        let sightings = (0..1_000).map(|n| sighting(minute * 1_000 + n, 1)).collect();
        let sightings = Sightings { sightings, lost: 0, undecodable: 0 };
        let heard = Heard { sightings: &sightings, listening: true, how: None };
        assert!(history.append_heard(&host.snapshot(), heard).error.is_none());
        host.pass(Duration::from_secs(60));
    }
    host.pass(YEAR);
    // A clock that is a year ahead of the last row is believed after a day.
    history.fold(&host.at()).unwrap();
    host.pass(Duration::from_secs(25 * 3_600));
    history.fold_by_clock(clock);
    let mut left = vec![reports(&history)];
    while history.fold(&host.at()).unwrap() {
        left.push(reports(&history));
    }
    assert_eq!(left.last(), Some(&1), "the newest stays");
    left
}

fn reports(history: &History) -> i64 {
    history.conn.query_row("SELECT COUNT(*) FROM event", [], |row| row.get(0)).unwrap()
}

#[test]
fn a_slow_disk_gets_small_bites_and_a_quick_one_large_ones() {
    let bites = |left: Vec<i64>| -> Vec<i64> {
        let bites = left.windows(2).map(|pair| pair[0] - pair[1]);
        bites.filter(|bite| *bite > 0).collect()
    };
    let small = bites(left(slow));
    assert!(small[0] > 32 && small[3..].iter().all(|bite| *bite <= 32), "{small:?}");
    let large = bites(left(still));
    assert!(large.iter().any(|bite| *bite >= 1_000), "{large:?}");
    assert!(large.iter().all(|bite| *bite <= 2_000), "{large:?}");
}
