//! What becomes of the sums.

use super::support::{Host, Mc, append, correctable, directory, kill, start};
use crate::state::State;
use crate::{HistoryReader, accumulate_first, load};
use scrubjay_model::{BootId, ErrorClass, Place, SeriesPlace};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn errors_counted_before_the_first_look_are_in_the_total() {
    let dir = directory();
    let mut host = Host::new();
    *host.dimm(0, 1) = (7, 1);
    let mut history = start(dir.path(), &host.at());
    let sums = append(&mut history, &host);
    assert_eq!(correctable(&sums, 0), [0, 7]);
    let total = sums.total(0, SeriesPlace::Total, ErrorClass::Uncorrectable).unwrap();
    assert_eq!((total.total, total.restarts, total.since_wall_ms), (1, 0, host.wall_ms));
}

#[test]
fn what_is_told_before_there_is_a_history_is_what_it_tells_first() {
    let dir = directory();
    assert!(crate::is_new(dir.path()) && crate::is_new(&dir.path().join("missing")));
    let mut host = Host::new();
    host.controllers.push(Mc::new(1, "Skylake Socket#0 IMC#1"));
    *host.dimm(0, 1) = (7, 1);
    let early = accumulate_first(&host.snapshot());
    assert_eq!(correctable(&early, 0), [0, 7]);
    let mut history = start(dir.path(), &host.at());
    let told = append(&mut history, &host);
    assert_eq!(early.totals, told.totals);
    assert_eq!(early.controllers, told.controllers);
    assert_eq!(early.modules, told.modules);
    assert!(!crate::is_new(dir.path()));
}

#[test]
fn a_history_in_which_nothing_is_has_the_state_that_is_assumed_of_one() {
    let dir = directory();
    let history = crate::History::open(dir.path(), &Host::new().at()).unwrap();
    assert_eq!(load::state(&history.conn).unwrap(), State::of_nothing());
}

#[test]
fn a_kill_between_two_passes_neither_loses_nor_repeats_errors() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (5, 0);
    append(&mut history, &host);

    let dir = kill(history, dir.path());
    host.pass(MINUTE);
    *host.dimm(0, 0) = (6, 0);
    let mut history = start(dir.path(), &host.at());
    let sums = append(&mut history, &host);
    assert_eq!(correctable(&sums, 0), [6, 0]);
}

#[test]
fn a_controller_seen_in_this_boot_is_remembered_when_it_goes_and_forgotten_with_the_boot() {
    let dir = directory();
    let mut host = Host::new();
    host.controllers.push(Mc::new(1, "Skylake Socket#0 IMC#1"));
    let mut history = start(dir.path(), &host.at());
    let seen = |sums: &scrubjay_model::Accumulated| -> Vec<String> {
        sums.seen_this_boot.iter().map(ToString::to_string).collect()
    };
    let both = ["skylake-socket-0-imc-0", "skylake-socket-0-imc-1"];
    assert_eq!(seen(&append(&mut history, &host)), both);
    let gone = host.controllers.pop().unwrap();
    host.pass(MINUTE);
    assert_eq!(seen(&append(&mut history, &host)), both);

    // A reader and another run of the agent know it from the file alone.
    let dir = kill(history, dir.path());
    host.pass(MINUTE);
    let mut history = start(dir.path(), &host.at());
    assert_eq!(seen(&append(&mut history, &host)), both);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    assert_eq!(seen(&reader.accumulate(&host.snapshot()).unwrap()), both);

    host.reboot(2);
    assert_eq!(seen(&append(&mut history, &host)), both[..1]);
    host.controllers.push(gone);
    assert_eq!(seen(&append(&mut history, &host)), both);
}

#[test]
fn a_reboot_begins_a_new_life_and_the_total_goes_on() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    history.end_run(&host.at()).unwrap();
    drop(history);

    host.reboot(2);
    *host.dimm(0, 0) = (9, 0);
    let mut history = start(dir.path(), &host.at());
    let sums = append(&mut history, &host);
    assert_eq!(correctable(&sums, 0), [12, 0]);
    assert_eq!(steps_of_first_dimm(dir.path()), [("first", 3, 3), ("reboot", 9, 12)]);
    let dimm = sums.totals.values().find(|total| total.total == 12).unwrap();
    assert!(dimm.is_lower_bound());
}

#[test]
fn a_reset_that_was_overtaken_is_seen_also_across_a_kill() {
    let dir = directory();
    let mut host = Host::new();
    *host.dimm(0, 0) = (5, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let dir = kill(history, dir.path());

    host.pass(MINUTE);
    host.controllers[0].zero(host.since_boot - Duration::from_secs(20));
    *host.dimm(0, 0) = (9, 0);
    let mut history = start(dir.path(), &host.at());
    let sums = append(&mut history, &host);
    assert_eq!(correctable(&sums, 0), [14, 0]);
    assert_eq!(steps_of_first_dimm(dir.path()), [("first", 5, 5), ("zeroed", 9, 14)]);
}

#[test]
fn a_fall_is_recorded_once_and_never_counted() {
    let dir = directory();
    let mut host = Host::new();
    *host.dimm(0, 0) = (5, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    for fallen_to in [2, 2, 3] {
        host.pass(MINUTE);
        *host.dimm(0, 0) = (fallen_to, 0);
        assert_eq!(correctable(&append(&mut history, &host), 0), [5, 0]);
        // Neither does a restart of the agent record it again.
        drop(history);
        history = start(dir.path(), &host.at());
    }
    host.pass(MINUTE);
    *host.dimm(0, 0) = (6, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [6, 0]);
    let expected = [("first", 5, 5), ("fell", 0, 5), ("advanced", 1, 6)];
    assert_eq!(steps_of_first_dimm(dir.path()), expected);
}

#[test]
fn a_counter_that_cannot_be_read_keeps_its_sum_and_its_base() {
    let dir = directory();
    let mut host = Host::new();
    *host.dimm(0, 0) = (5, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let readable = host.controllers.clone();
    host.pass(MINUTE);
    host.controllers[0].dimms[0] = None;
    assert_eq!(correctable(&append(&mut history, &host), 0), [5, 0]);
    host.pass(MINUTE);
    host.controllers.clear();
    assert_eq!(append(&mut history, &host).totals.len(), 8);
    host.controllers = readable;
    host.pass(MINUTE);
    *host.dimm(0, 0) = (6, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [6, 0]);
    let expected = [("first", 5, 5), ("advanced", 1, 6)];
    assert_eq!(steps_of_first_dimm(dir.path()), expected);
}

#[test]
fn a_renumbered_controller_keeps_its_sums() {
    let dir = directory();
    let mut host = Host::new();
    host.controllers = vec![Mc::new(0, "IMC#0"), Mc::new(1, "IMC#1")];
    *host.dimm(0, 0) = (3, 0);
    *host.dimm(1, 0) = (40, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let dir = kill(history, dir.path());

    host.reboot(2);
    host.controllers[0].index = 1;
    host.controllers[1].index = 0;
    *host.dimm(0, 0) = (1, 0);
    let mut history = start(dir.path(), &host.at());
    let sums = append(&mut history, &host);
    assert_eq!(correctable(&sums, 1), [4, 0]);
    assert_eq!(correctable(&sums, 0), [40, 0]);
}

#[test]
fn a_controller_long_gone_does_not_inherit_from_its_successor() {
    let dir = directory();
    let mut host = Host::new();
    host.controllers = vec![Mc::new(0, "ghes_edac")];
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    host.controllers = vec![Mc::new(0, "F19h")];
    host.pass(MINUTE);
    append(&mut history, &host);
    // For one pass the name cannot be read.
    host.controllers[0].name = None;
    *host.dimm(0, 0) = (8, 0);
    host.pass(MINUTE);
    let sums = append(&mut history, &host);
    assert_eq!(sums.controllers[&0].as_str(), "f19h");
    assert_eq!(correctable(&sums, 0), [8, 0]);
}

#[test]
fn a_pass_that_does_not_know_its_boot_counts_nothing_twice() {
    let dir = directory();
    let mut host = Host::new();
    *host.dimm(0, 0) = (5, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let known = host.boot.clone();
    for (boot, errors) in [(BootId::unknown(), 6), (known.clone(), 7), (BootId::unknown(), 7)] {
        host.pass(MINUTE);
        host.boot = boot;
        *host.dimm(0, 0) = (errors, 0);
        assert_eq!(correctable(&append(&mut history, &host), 0), [errors, 0]);
    }
    // The same where a whole run does not know it.
    for (boot, errors) in [(BootId::unknown(), 8), (known, 9)] {
        drop(history);
        host.pass(MINUTE);
        host.boot = boot;
        *host.dimm(0, 0) = (errors, 0);
        history = start(dir.path(), &host.at());
        assert_eq!(correctable(&append(&mut history, &host), 0), [errors, 0]);
    }
}

#[test]
fn drift_of_jiffies_is_no_reset_however_long_the_agent_was_away() {
    // HZ=1024: a tick is rounded down by 0.5 ns of 976562.5, so jiffies run slow by 0.512 ppm and
    // the moment of the reset seems to move forward.
    let seen_after = |away: Duration| {
        let dir = directory();
        let mut host = Host::new();
        *host.dimm(0, 0) = (5, 0);
        // The unluckiest phases: first the reset at the end of its window, then at the beginning.
        host.controllers[0].zeroed_at = Some(Duration::from_millis(5_000));
        let mut history = start(dir.path(), &host.at());
        append(&mut history, &host);
        let dir = kill(history, dir.path());
        host.pass(away + Duration::from_millis(999));
        let drift = away.mul_f64(0.512e-6);
        host.controllers[0].zeroed_at = Some(Duration::from_millis(5_000) + drift);
        let mut history = start(dir.path(), &host.at());
        correctable(&append(&mut history, &host), 0)
    };
    for days in [0, 1, 2, 7, 30, 365, 3_650] {
        assert_eq!(seen_after(Duration::from_secs(days * 86_400)), [5, 0], "{days} days");
    }
}

#[test]
fn drift_during_years_of_one_run_is_no_reset_after_a_kill() {
    let dir = directory();
    let mut host = Host::new();
    *host.dimm(0, 0) = (5, 0);
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    let writes = history.stats().writes;
    // Three years in steps of ten days; nothing changes but the window.
    const STEP: Duration = Duration::from_secs(864_000);
    for _ in 0..110 {
        host.pass(STEP);
        let zeroed_at = host.controllers[0].zeroed_at.as_mut().unwrap();
        *zeroed_at += STEP.mul_f64(0.512e-6);
        append(&mut history, &host);
    }
    assert!(history.stats().writes > writes, "the window is written now and then");
    let dir = kill(history, dir.path());
    host.pass(MINUTE);
    let mut history = start(dir.path(), &host.at());
    assert_eq!(correctable(&append(&mut history, &host), 0), [5, 0]);
    assert_eq!(steps_of_first_dimm(dir.path()), [("first", 5, 5)]);
}

#[test]
fn a_reader_states_the_sums_that_append_would_and_writes_nothing() {
    let dir = directory();
    let mut host = Host::new();
    let mut history = start(dir.path(), &host.at());
    *host.dimm(0, 0) = (3, 0);
    append(&mut history, &host);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (4, 0);
    let reader = HistoryReader::open(dir.path()).unwrap().unwrap();
    let read = reader.accumulate(&host.snapshot()).unwrap();
    assert_eq!(reader.accumulate(&host.snapshot()).unwrap(), read);
    // Whether anybody listened for the new error is known to the agent only.
    let appended = append(&mut history, &host);
    assert_eq!((&appended.totals, &appended.controllers), (&read.totals, &read.controllers));
    assert_eq!(correctable(&read, 0), [4, 0]);
}

#[test]
fn a_number_no_kernel_shows_is_left_out() {
    let dir = directory();
    let mut host = Host::new();
    host.controllers[0].dimms = vec![Some((1, 0)), Some((0, 0))];
    let mut history = start(dir.path(), &host.at());
    append(&mut history, &host);
    host.pass(MINUTE);
    *host.dimm(0, 0) = (u64::MAX, 0);
    assert_eq!(correctable(&append(&mut history, &host), 0), [1, 0]);
}

/// Step, errors added and sum of every change of the first DIMM's correctable errors.
fn steps_of_first_dimm(dir: &std::path::Path) -> Vec<(&'static str, u64, u64)> {
    let reader = HistoryReader::open(dir).unwrap().unwrap();
    let place = SeriesPlace::Dimm(Place::Dimm(0));
    let words = ["first", "advanced", "reboot", "zeroed", "assumed", "fell"];
    reader
        .memory(None)
        .unwrap()
        .into_iter()
        .filter(|m| m.series.place == place && m.series.class == ErrorClass::Correctable)
        .map(|m| (words.into_iter().find(|word| *word == m.step).unwrap(), m.by, m.total))
        .collect()
}
