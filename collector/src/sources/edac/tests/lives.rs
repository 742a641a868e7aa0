//! A kernel that zeroes its counters, or unloads their driver, while they are being read.

use super::*;
use crate::host::HostRoot;
use scrubjay_model::Clocks;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Each access to the host takes this long.
const ACCESS: Duration = Duration::from_millis(1);

/// Awake time at the first access.
const START: Duration = Duration::from_secs(50_000);

/// A life of the counters: since when, and what every one of them shows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Life {
    zeroed: Duration,
    count: u64,
}

const OLD: Life = Life { zeroed: Duration::from_secs(1_000), count: 5 };

/// What counts in [`at`].
const COUNTERS: [&str; 5] =
    ["ce_count", "ue_count", "ce_noinfo_count", "dimm0/dimm_ce_count", "dimm1/dimm_ce_count"];

/// The host as it is at the `n`th access, by the life its counters are in; no driver, no life.
fn at(n: u64, life: Option<Life>) -> Tree {
    let now = moment(n);
    let mut text = format!("//- .scrubjay/facts\nmonotonic_ns {}\n", now.as_nanos());
    text.push_str("//- dir sys/devices/system/edac/mc/power\n");
    if let Some(Life { zeroed, count }) = life {
        let age = (now - zeroed).as_secs();
        writeln!(text, "//- {MC}/mc0/seconds_since_reset\n{age}").unwrap();
        for counter in COUNTERS {
            writeln!(text, "//- {MC}/mc0/{counter}\n{count}").unwrap();
        }
        writeln!(text, "//- {MC}/mc0/dimm0/dimm_label\nA").unwrap();
    }
    check::tree(&text)
}

fn moment(n: u64) -> Duration {
    START + ACCESS * u32::try_from(n).unwrap()
}

fn zeroed_at(n: u64, count: u64) -> Life {
    Life { zeroed: moment(n), count }
}

struct Outcome {
    reading: Reading<Edac>,
    faults: Vec<String>,
    accesses: u64,
}

/// Reads a host that is another tree at each access.
fn read_while(now: impl Fn(u64) -> Tree + Send + Sync + 'static) -> Outcome {
    let accesses = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&accesses);
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::changing(
        move || now(counting.fetch_add(1, Ordering::Relaxed)),
        Arc::new(move || clocks),
    );
    let (reading, report) = check::read_host(&host, read);
    let faults = report.faults.iter().map(ToString::to_string).collect();
    Outcome { reading, faults, accesses: accesses.load(Ordering::Relaxed) }
}

fn accesses_of_a_quiet_read() -> u64 {
    let quiet = read_while(|n| at(n, Some(OLD)));
    assert_eq!(life_of(&quiet.reading, &[OLD]), Some(OLD));
    quiet.accesses
}

/// The life that all counters belong to, by their values and by their epochs; `None` if there is
/// no controller.
fn life_of(reading: &Reading<Edac>, lives: &[Life]) -> Option<Life> {
    let controller = &reading.value()?.controllers[0];
    let mut pairs = vec![&controller.errors, &controller.unattributed];
    pairs.extend(controller.dimms.iter().map(|dimm| &dimm.errors));
    let counters: Vec<&Counter> = pairs
        .iter()
        .flat_map(|errors| ErrorClass::ALL.map(|class| errors.get(class).value()))
        .flatten()
        .collect();
    assert_eq!(counters.len(), COUNTERS.len(), "{controller:?}");
    let life = *lives.iter().find(|life| life.count == counters[0].value).unwrap();
    for counter in counters {
        assert_eq!(counter.value, life.count, "two lives in {controller:?}");
        let window = counter.epoch.zeroed.unwrap_or_else(|| panic!("no epoch in {controller:?}"));
        assert!(window.earliest <= life.zeroed, "{controller:?}");
        assert!(life.zeroed <= window.latest, "{controller:?}");
    }
    Some(life)
}

#[test]
fn a_reset_between_any_two_reads_never_mixes_two_lives() {
    let mut ends = Vec::new();
    for reset in 0..accesses_of_a_quiet_read() {
        let new = zeroed_at(reset, 1);
        let outcome = read_while(move |n| at(n, Some(if n < reset { OLD } else { new })));
        ends.push(life_of(&outcome.reading, &[OLD, new]).unwrap().count);
        assert_eq!(outcome.faults, [""; 0]);
    }
    // Both lives are met with: the reset falls before, between and after the counters.
    assert!(ends.len() > 20 && ends.starts_with(&[1]) && ends.ends_with(&[5]), "{ends:?}");
}

#[test]
fn a_driver_reloaded_at_any_moment_never_mixes_two_lives() {
    let accesses = accesses_of_a_quiet_read();
    for unloaded in 0..accesses {
        for loaded in [1, 2, 5, accesses].map(|away| unloaded + away) {
            let new = zeroed_at(loaded, 1);
            let outcome = read_while(move |n| match n {
                n if n < unloaded => at(n, Some(OLD)),
                n if n < loaded => at(n, None),
                n => at(n, Some(new)),
            });
            let life = life_of(&outcome.reading, &[OLD, new]);
            assert!(life.is_some() || outcome.reading.is_absent(), "{unloaded} to {loaded}");
        }
    }
}

#[test]
fn a_driver_unloaded_meanwhile_is_a_driver_that_is_not_there() {
    for unloaded in 0..accesses_of_a_quiet_read() {
        let outcome = read_while(move |n| at(n, (n < unloaded).then_some(OLD)));
        let life = life_of(&outcome.reading, &[OLD]);
        assert!(life.is_some() || outcome.reading.is_absent(), "{unloaded}");
        assert_eq!(outcome.faults, [""; 0]);
    }
}

#[test]
fn counters_that_are_zeroed_all_the_time_are_torn() {
    // Half a second passes at each access, and every two seconds a new life begins.
    let outcome = read_while(|n| at(n * 500, Some(zeroed_at(n * 500 / 2000 * 2000, 5))));
    let controller = &outcome.reading.value().unwrap().controllers[0];
    let torn = |path: &str| {
        let origin = Origin::new(format!("{MC}/mc0/{path}"));
        Reading::Unreadable(origin, ReadFault::Torn)
    };
    assert_eq!(controller.errors.correctable, torn("ce_count"));
    assert_eq!(controller.unattributed.correctable, torn("ce_noinfo_count"));
    assert!(controller.unattributed.uncorrectable.is_absent(), "what is not counted is not torn");
    assert_eq!(controller.dimms[1].errors.correctable, torn("dimm1/dimm_ce_count"));
    assert_eq!(controller.dimms[0].label.value().unwrap(), "A");
    assert_eq!(outcome.faults.len(), COUNTERS.len());
}

#[test]
fn a_total_that_falls_during_the_read_is_read_again() {
    // Without an age only the fall tells.
    let without_age = |count: u64| {
        let files = format!("//- {MC}/mc0/ce_count\n{count}\n//- {MC}/mc0/dimm0/dimm_ce_count\n");
        check::tree(&format!("{files}{count}\n"))
    };
    for reset in 0..40 {
        let outcome = read_while(move |n| without_age(if n < reset { 9 } else { 0 }));
        let controller = &outcome.reading.value().unwrap().controllers[0];
        let total = count(&controller.errors.correctable).unwrap();
        assert!(controller.steady, "{reset}");
        assert_eq!(sum(controller).0, total, "{reset}");
    }
}

#[test]
fn faults_of_an_attempt_that_was_torn_are_not_reported() {
    let mut torn = 0;
    let accesses = accesses_of_a_quiet_read();
    for reset in 0..accesses {
        let new = zeroed_at(reset, 1);
        let outcome = read_while(move |n| {
            let failing = format!("{MC}/mc0/dimm0/dimm_label");
            if n < reset {
                check::with(&at(n, Some(OLD)), &failing, Node::Fails(5))
            } else {
                at(n, Some(new))
            }
        });
        let label = &outcome.reading.value().unwrap().controllers[0].dimms[0].label;
        assert_eq!(outcome.faults.is_empty(), label.value().is_some(), "{reset}");
        torn += usize::from(outcome.accesses > accesses);
    }
    assert!(torn > 10, "{torn}");
}
