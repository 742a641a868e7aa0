//! From samples to hosts: replicas, stale readings, odd values, names.

use super::*;

const NOW_MS: i64 = 1_795_500_120_000;
const NOW_S: f64 = 1_795_500_120.0;

fn naming() -> Naming {
    Naming {
        host_labels: vec!["instance".to_owned()],
        replica_labels: vec!["replica".to_owned()],
        group_by: Some("rack".to_owned()),
        hold_label: Some("hold".to_owned()),
        held: vec!["db*".to_owned()],
        stale_after_ms: 1_800_000,
    }
}

/// `instance=a,verdict=ok` and so on.
fn take(gathering: &mut Gathering, family: Family, labels: &str, value: f64) {
    let labels: Vec<(Cow<'_, str>, Cow<'_, str>)> = labels
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (Cow::from(key), Cow::from(value)))
        .collect();
    gathering.take(family, &labels, value);
}

fn gathered(samples: &[(Family, &str, f64)]) -> Fleet {
    let mut gathering = Gathering::new(naming(), NOW_MS, 604_800_000);
    for (family, labels, value) in samples {
        take(&mut gathering, *family, labels, *value);
    }
    gathering.finish()
}

#[test]
fn two_servers_that_tell_of_one_host_are_one_and_the_worse_is_taken() {
    use Family::{BootTime, Coverage, Finding, Seen, Verdict};
    let fleet = gathered(&[
        (Seen, "instance=a,replica=0", NOW_S - 60.0),
        (Seen, "instance=a,replica=1", NOW_S - 30.0),
        (Verdict, "instance=a,replica=0,verdict=act", 1.0),
        (Verdict, "instance=a,replica=1,verdict=ok", 1.0),
        (Finding, "instance=a,replica=0,code=x,subject=host,verdict=act,action=observe", 1.0),
        (Finding, "instance=a,replica=1,code=x,subject=host,verdict=plan,action=observe", 1.0),
        (Coverage, "instance=a,replica=0,class=correctable,state=full", 1.0),
        (Coverage, "instance=a,replica=1,class=correctable,state=none", 1.0),
        // One has not yet seen the reboot.
        (BootTime, "instance=a,replica=0,job=x", NOW_S - 1e6),
        (BootTime, "instance=a,replica=1,job=x", NOW_S - 600.0),
    ]);
    let [host] = fleet.hosts.as_slice() else { panic!("{:?}", fleet.hosts) };
    assert_eq!(host.verdict, Some(scrubjay_model::Verdict::Act));
    assert_eq!(host.last_seen_ms, Some(NOW_MS - 30_000));
    assert_eq!(host.findings.len(), 1);
    assert_eq!(host.findings[0].verdict, scrubjay_model::Verdict::Act);
    assert_eq!(host.correctable, Some(CoverageState::None));
    assert_eq!(host.boot_ms, Some(NOW_MS - 600_000));
    assert!(!host.namesakes);
}

#[test]
fn different_hosts_of_one_name_are_not_taken_for_one() {
    let fleet = gathered(&[
        (Family::BootTime, "instance=localhost,cluster=x", NOW_S - 1e6),
        (Family::BootTime, "instance=localhost,cluster=y", NOW_S - 2e6),
        (Family::BootTime, "instance=b,pod=p1", NOW_S - 1e6),
        (Family::BootTime, "instance=b,pod=p2", NOW_S - 1e6 + 1.0),
    ]);
    let twins: Vec<(&str, bool)> =
        fleet.hosts.iter().map(|host| (host.name.as_str(), host.namesakes)).collect();
    assert_eq!(twins, [("b", false), ("localhost", true)]);
    assert!(fleet.notes.iter().any(|note| note.contains("--host-label")), "{:?}", fleet.notes);
}

#[test]
fn a_host_that_stopped_has_no_verdict_and_is_there() {
    let fleet = gathered(&[
        (Family::Seen, "instance=a,rack=r1", NOW_S - 86_400.0),
        (Family::LastVerdict, "instance=a,verdict=plan", 1.0),
        (Family::Up, "instance=a,job=scrubjay", 0.0),
        (Family::Up, "instance=never,job=scrubjay", 0.0),
        // Its agent answers, and its readings are stale.
        (Family::Up, "instance=stale,job=scrubjay", 1.0),
    ]);
    let [gone, never, stale] = fleet.hosts.as_slice() else { panic!("{:?}", fleet.hosts) };
    assert!(!gone.is_reporting() && !never.is_reporting() && !stale.is_reporting());
    assert_eq!(gone.last_verdict, Some(scrubjay_model::Verdict::Plan));
    assert_eq!((gone.group.as_deref(), gone.answers), (Some("r1"), Some(false)));
    assert_eq!((never.last_seen_ms, stale.answers), (None, Some(true)));
}

#[test]
fn a_verdict_that_rests_on_old_readings_is_none() {
    let fleet = gathered(&[
        // The file of a textfile collector stays when its agent is gone.
        (Family::Seen, "instance=left-over", NOW_S - 7_200.0),
        (Family::Verdict, "instance=left-over,verdict=ok", 1.0),
        (Family::Interval, "instance=left-over", 60.0),
        (Family::Exposure, "instance=left-over,clock=release", 0.0),
        // This one is read once in an hour, on purpose.
        (Family::Seen, "instance=slow", NOW_S - 7_200.0),
        (Family::Verdict, "instance=slow,verdict=ok", 1.0),
        (Family::Interval, "instance=slow", 3_600.0),
    ]);
    let [left_over, slow] = fleet.hosts.as_slice() else { panic!("{:?}", fleet.hosts) };
    assert!(!left_over.is_reporting() && slow.is_reporting());
    assert_eq!(left_over.last_verdict, Some(scrubjay_model::Verdict::Ok));
    assert_eq!(left_over.exposed_s, None);
}

#[test]
fn what_is_no_number_or_a_word_nobody_knows_makes_nobody_well() {
    let fleet = gathered(&[
        (Family::Verdict, "instance=a,verdict=ok", f64::NAN),
        (Family::Verdict, "instance=b,verdict=excellent", 1.0),
        (Family::Verdict, "instance=c,verdict=ok", 0.0),
        (Family::Coverage, "instance=b,class=correctable,state=splendid", 1.0),
        (Family::Reboot, "instance=b,answer=perhaps", 1.0),
        (Family::BootTime, "instance=b", -5.0),
        (Family::Exposure, "instance=b", f64::INFINITY),
        (Family::Verdict, "verdict=ok", 1.0),
    ]);
    let of = |name: &str| fleet.hosts.iter().find(|host| host.name == name);
    assert_eq!(of("a"), None);
    let b = of("b").unwrap();
    assert_eq!(b.verdict, Some(scrubjay_model::Verdict::Unknown));
    assert_eq!(b.correctable, Some(CoverageState::Unknown));
    assert_eq!(b.reboot, Some(RebootAnswer::Unknown));
    assert_eq!((b.boot_ms, b.exposed_s), (None, None));
    assert!(!of("c").unwrap().is_reporting());
    assert!(fleet.notes.iter().any(|note| note.starts_with("2 samples")), "{:?}", fleet.notes);
    assert!(fleet.lacks.iter().any(|lack| lack.starts_with("1 series")), "{:?}", fleet.lacks);
}

#[test]
fn hosts_are_held_by_a_label_or_by_their_names() {
    let fleet = gathered(&[
        (Family::Verdict, "instance=a,hold=migration,verdict=ok", 1.0),
        (Family::Verdict, "instance=b,hold=false,verdict=ok", 1.0),
        (Family::Verdict, "instance=db7,verdict=ok", 1.0),
    ]);
    let held: Vec<Option<&str>> = fleet.hosts.iter().map(|host| host.held.as_deref()).collect();
    assert_eq!(held, [Some("label hold=migration"), None, Some("db*")]);
}

#[test]
fn labels_of_the_past_are_those_of_hosts_that_nothing_else_tells_of() {
    use Family::{LastVerdict, Seen, Up, Verdict};
    let fleet = gathered(&[
        // It was moved to another rack, and the hold was taken away.
        (Seen, "instance=moved,rack=r1,hold=yes", NOW_S - 86_400.0),
        (Seen, "instance=moved,rack=r2", NOW_S - 30.0),
        (LastVerdict, "instance=moved,rack=r1,hold=yes,verdict=ok", 1.0),
        (Verdict, "instance=moved,rack=r2,verdict=ok", 1.0),
        // The label is gone altogether.
        (Seen, "instance=none,rack=r1", NOW_S - 30.0),
        (Verdict, "instance=none,verdict=ok", 1.0),
        // Of those that stopped the last that was told counts, in whatever order.
        (Seen, "instance=silent,rack=r2", NOW_S - 86_400.0),
        (Seen, "instance=silent,rack=r1", NOW_S - 90_000.0),
        (LastVerdict, "instance=silent,rack=r0,verdict=ok", 1.0),
        (Up, "instance=silent", 0.0),
        (Up, "instance=silent-moved,rack=r3", 0.0),
        (Seen, "instance=silent-moved,rack=r1", NOW_S - 90_000.0),
    ]);
    let told: Vec<(&str, Option<&str>, bool)> = fleet
        .hosts
        .iter()
        .map(|host| (host.name.as_str(), host.group.as_deref(), host.held.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            ("moved", Some("r2"), false),
            ("none", None, false),
            ("silent", Some("r2"), false),
            ("silent-moved", Some("r3"), false),
        ]
    );
}

#[test]
fn readings_from_the_future_are_no_report() {
    let fleet = gathered(&[
        (Family::Seen, "instance=ahead", NOW_S + 86_400.0),
        (Family::Verdict, "instance=ahead,verdict=ok", 1.0),
        // Clocks differ a little.
        (Family::Seen, "instance=near", NOW_S + 60.0),
        (Family::Verdict, "instance=near,verdict=ok", 1.0),
    ]);
    let reports: Vec<bool> = fleet.hosts.iter().map(FleetHost::is_reporting).collect();
    assert_eq!(reports, [false, true]);
    let note = fleet.notes.iter().find(|note| note.contains("future")).unwrap();
    assert!(note.contains("ahead") && !note.contains("near"), "{note}");
}

#[test]
fn several_labels_name_a_host_together() {
    let labels = vec!["cluster".to_owned(), "node".to_owned()];
    let naming = Naming { host_labels: labels, ..naming() };
    let mut gathering = Gathering::new(naming, NOW_MS, 1);
    take(&mut gathering, Family::Verdict, "cluster=x,node=n1,instance=10.0.0.1:1,verdict=ok", 1.0);
    take(&mut gathering, Family::Seen, "node=n1,instance=10.0.0.1:1", NOW_S);
    let fleet = gathering.finish();
    let names: Vec<&str> = fleet.hosts.iter().map(|host| host.name.as_str()).collect();
    assert_eq!(names, ["x/n1"]);
    assert!(fleet.lacks[0].contains("cluster, node"), "{:?}", fleet.lacks);
}
