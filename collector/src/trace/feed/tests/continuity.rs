//! An agent that stops leaves its instance recording; the next one goes on where it was.

use super::*;

fn addresses(groups: &[EventGroup]) -> Vec<u64> {
    let mut found: Vec<u64> = groups.iter().filter_map(|group| group.address).collect();
    found.sort_unstable();
    assert!(groups.iter().all(|group| group.reports == 1), "{groups:?}");
    found
}

fn send(pages: std::ops::Range<u64>) -> Vec<u64> {
    let addresses: Vec<u64> = pages.map(|page| page << 12).collect();
    addresses.iter().for_each(|address| Error::at(*address).send());
    addresses
}

#[test]
fn what_is_sent_while_nobody_reads_is_read_later_and_once() {
    let test =
        "trace::feed::tests::continuity::what_is_sent_while_nobody_reads_is_read_later_and_once";
    let Some(bench) = Bench::new(test) else { return };
    let (feed, wakes) = bench.start(None, OnStop::Leave);
    let first = send(1..11);
    let (groups, status) = drain_until(&feed, &wakes, 10);
    assert_eq!((addresses(&groups), status.waited), (first, 0));
    assert_eq!(feed.stop().groups, []);

    let second = send(100..120);
    let (feed, wakes) = bench.start(None, OnStop::Leave);
    let third = send(200..230);
    let (groups, status) = drain_until(&feed, &wakes, 50);
    assert_eq!(addresses(&groups), [second, third].concat());
    assert_eq!((status.reports, status.waited, status.lost), (50, 20, 0));
    let rest = feed.stop();
    assert_eq!((rest.groups, rest.status), (Vec::new(), status));

    let (feed, wakes) = bench.start(None, OnStop::Remove);
    let fourth = send(300..301);
    let (groups, status) = drain_until(&feed, &wakes, 1);
    assert_eq!((addresses(&groups), status.waited), (fourth, 0));
    feed.stop();
    assert!(!bench.instance().exists());
}

#[test]
fn a_buffer_that_is_to_grow_keeps_what_waits_and_one_that_is_to_shrink_waits_for_it() {
    let test = "trace::feed::tests::continuity::\
        a_buffer_that_is_to_grow_keeps_what_waits_and_one_that_is_to_shrink_waits_for_it";
    let Some(bench) = Bench::new(test) else { return };
    let kb = || {
        let text = std::fs::read_to_string(bench.instance().join("buffer_size_kb")).unwrap();
        text.trim().parse::<u64>().unwrap()
    };
    bench.start(Some(64), OnStop::Leave).0.stop();
    assert!((64..=128).contains(&kb()), "{}", kb());
    let sent = send(1..31);
    let (feed, wakes) = bench.start(Some(1024), OnStop::Leave);
    let (groups, _) = drain_until(&feed, &wakes, 30);
    assert_eq!(addresses(&groups), sent);
    feed.stop();
    assert!((1024..=1088).contains(&kb()), "{}", kb());

    let sent = send(100..130);
    let (feed, wakes) = bench.start(Some(64), OnStop::Leave);
    assert!(kb() >= 1024, "{}", kb());
    let (groups, _) = drain_until(&feed, &wakes, 30);
    assert_eq!(addresses(&groups), sent);
    feed.stop();
    bench.start(Some(64), OnStop::Leave).0.stop();
    assert!((64..=128).contains(&kb()), "{}", kb());
}

#[test]
fn an_instance_with_another_clock_is_set_to_ours() {
    let test = "trace::feed::tests::continuity::an_instance_with_another_clock_is_set_to_ours";
    let Some(bench) = Bench::new(test) else { return };
    std::fs::create_dir(bench.instance()).unwrap();
    std::fs::write(bench.instance().join("trace_clock"), "mono").unwrap();
    std::fs::write(bench.instance().join("tracing_on"), "0").unwrap();
    let (feed, wakes) = bench.start(None, OnStop::Remove);
    let before = bench.host.clocks().boottime.unwrap();
    Error::at(0x1000).send();
    let (groups, _) = drain_until(&feed, &wakes, 1);
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    assert!((before..before + PATIENCE).contains(&group.first));
    let clock = std::fs::read_to_string(bench.instance().join("trace_clock")).unwrap();
    assert!(clock.contains("[boot]"), "{clock}");
    feed.stop();
}
