//! Sent = read + lost, whatever the reader does meanwhile.

use super::*;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The smallest buffer, two pages for each CPU.
const TINY_KB: Option<u64> = Some(4);

fn send(reports: u64, from: u64) {
    // Records of many lengths leave each number of free bytes at the end of a page.
    let errors: Vec<Error> = (0..64)
        .map(|n| Error { detail: CString::new("d".repeat(n)).unwrap(), ..Error::at(0x1000) })
        .collect();
    for n in from..from + reports {
        errors[usize::try_from(n % 64).unwrap()].send();
    }
}

fn sums(groups: &[EventGroup]) -> u64 {
    groups.iter().map(|group| group.reports).sum()
}

#[test]
fn what_was_overwritten_while_nobody_read_is_counted_exactly() {
    let test =
        "trace::feed::tests::loss::what_was_overwritten_while_nobody_read_is_counted_exactly";
    let Some(bench) = Bench::new(test) else { return };
    bench.start(TINY_KB, OnStop::Leave).0.stop();
    let mut lost = 0;
    for (round, sent) in (0..).zip([2003, 1, 777, 0, 5000]) {
        send(sent, round);
        let (feed, wakes) = bench.start(TINY_KB, OnStop::Leave);
        let (mut groups, _) = drain_until(&feed, &wakes, sent);
        let rest = feed.stop();
        groups.extend(rest.groups);
        let status = rest.status;
        assert_eq!(status.reports + status.lost, sent, "{status:?}");
        assert_eq!((sums(&groups), status.waited), (status.reports, status.reports));
        lost += status.lost;
    }
    assert!(lost > 7000, "{lost}");
    let mut overrun = 0;
    for cpu in std::fs::read_dir(bench.instance().join("per_cpu")).unwrap() {
        let stats = std::fs::read_to_string(cpu.unwrap().path().join("stats")).unwrap();
        let line = stats.lines().find_map(|line| line.strip_prefix("overrun: ")).unwrap();
        overrun += line.parse::<u64>().unwrap();
    }
    assert_eq!(lost, overrun);
}

#[test]
fn a_storm_that_outruns_the_reader_is_counted_exactly_over_restarts() {
    let test = "trace::feed::tests::loss::\
        a_storm_that_outruns_the_reader_is_counted_exactly_over_restarts";
    let Some(bench) = Bench::new(test) else { return };
    bench.start(TINY_KB, OnStop::Leave).0.stop();
    let (go_on, sent) = (AtomicBool::new(true), AtomicU64::new(0));
    // As long as anybody reads, and not much longer if a reader fails.
    let storm = || {
        let mut mine = 0;
        while go_on.load(Ordering::Relaxed) && mine < 20_000_000 {
            send(100, mine);
            mine += 100;
        }
        sent.fetch_add(mine, Ordering::Relaxed);
    };
    let (read, lost, fetched) = std::thread::scope(|scope| {
        let storms = [(); 3].map(|()| scope.spawn(storm));
        let (mut read, mut lost, mut fetched) = (0, 0, 0);
        for _ in 0..8 {
            let (feed, wakes) = bench.start(TINY_KB, OnStop::Leave);
            for _ in 0..5 {
                let _ = wakes.recv_timeout(Duration::from_secs(1));
                fetched += sums(&feed.drain().groups);
            }
            let rest = feed.stop();
            fetched += sums(&rest.groups);
            read += rest.status.reports;
            lost += rest.status.lost;
            assert_eq!(rest.status.undecodable, 0, "{:?}", rest.status);
        }
        go_on.store(false, Ordering::Relaxed);
        storms.into_iter().for_each(|storm| storm.join().unwrap());
        (read, lost, fetched)
    });
    let (feed, wakes) = bench.start(TINY_KB, OnStop::Remove);
    let sent = sent.load(Ordering::Relaxed);
    let (groups, status) = drain_until(&feed, &wakes, sent - read - lost);
    assert_eq!(status.reports + status.lost + read + lost, sent);
    assert_eq!(fetched + sums(&groups), read + status.reports);
    assert!(lost > 0 && read > 0, "{read} {lost}");
    println!("sent {sent}, read {read}, lost {lost}, then {status:?}");
}

#[test]
fn a_storm_in_a_buffer_of_the_usual_size_is_a_few_groups() {
    let test = "trace::feed::tests::loss::a_storm_in_a_buffer_of_the_usual_size_is_a_few_groups";
    let Some(bench) = Bench::new(test) else { return };
    let (feed, wakes) = bench.start(None, OnStop::Remove);
    send(100_000, 0);
    let (groups, status) = drain_until(&feed, &wakes, 100_000);
    assert_eq!(status.reports + status.lost, 100_000, "{status:?}");
    assert_eq!(sums(&groups), status.reports);
    println!("{} groups, lost {}", groups.len(), status.lost);
}
