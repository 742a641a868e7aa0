//! What must survive: reboots, crashes, a stopped agent, a clock that jumps.

use crate::guest::{Down, Guest};
use crate::machine::Kernel;
use crate::seen::{Counts, add, counts, value};

/// A storm of 1,000 errors over a second, on all DIMMs of a controller in turn.
const STORM: &str = "corrected mc=0 times=1000 every_us=1000 spread=1 stride=1";
const ORDER: &str = "/sys/kernel/debug/scrubjay_edac/order";

/// Kills the agent in the middle of a storm, and starts it again when the storm is over.
fn kill_in_a_storm(guest: &mut Guest) {
    guest.run(&format!(
        "echo {STORM} >{ORDER} &
         sleep 0.5; kill -9 $(cat /run/agent.pid); wait"
    ));
    guest.start_agent();
}

pub(crate) fn a_suspended_agent_catches_up_and_admits_the_gap(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent();
    guest.next_pass();
    guest.run(&format!(
        "kill -STOP $(cat /run/agent.pid)
         echo {STORM} >{ORDER}; sleep 2
         kill -CONT $(cat /run/agent.pid)"
    ));
    guest.next_pass();
    assert_eq!(counts(&guest.status()), guest.truth());
    let memory = guest.json("history memory");
    let watched = memory["coverage"].as_array().unwrap().len();
    // On a busy machine there may be more gaps.
    assert!(watched >= 2, "a stretch before the gap and one after it: {}", memory["coverage"]);
}

pub(crate) fn a_step_of_the_clock_is_recorded_and_measures_nothing(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent();
    guest.next_pass();
    for shift in ["+ 86400", "- 172800"] {
        guest.run(&format!("date -s @$(($(date +%s) {shift}))"));
        guest.order("corrected mc=0 channel=0 slot=0");
        guest.next_pass();
    }
    let status = guest.status();
    assert_eq!(counts(&status), guest.truth());
    let history = &status["history"]["value"];
    assert_eq!(history["clock_steps"], 2, "{history}");
    let covered = history["covered_seconds"].as_f64().unwrap();
    let uptime = value(&status, "uptime")["since_boot"]["value"].as_f64().unwrap();
    assert!(covered <= uptime, "watched for {covered} s of {uptime} s");
    let boots = guest.json("history boots");
    assert_eq!(boots["boots"].as_array().unwrap().len(), 1, "{boots}");
    let restarts = "scrubjay_controller_count_restarts_total";
    assert_eq!(guest.metrics().value(restarts, "test-socket-0"), Some(0));
}

pub(crate) fn a_sum_equals_the_truth_after_three_reboots_two_reloads_a_reset_and_five_kills(
    kernel: Kernel,
) {
    let reload = |guest: &mut Guest, truth: &mut Counts| {
        add(truth, &guest.truth());
        guest.run("rmmod scrubjay_edac");
        guest.load("scrubjay_edac");
    };
    let mut truth = Counts::new();
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent();
    kill_in_a_storm(&mut guest);
    kill_in_a_storm(&mut guest);
    assert_eq!(counts(&guest.status()), guest.truth());
    // What is not yet sampled when a counter is zeroed is lost; so it is sampled first.
    guest.next_pass();
    reload(&mut guest, &mut truth);
    guest.order("uncorrected mc=1 channel=1 slot=0 count=2");
    guest.next_pass();
    add(&mut truth, &guest.truth());

    let mut heads = vec![head(&mut guest)];
    let mut guest = guest.reboot(Down::InOrder);
    guest.load("scrubjay_edac");
    guest.order("corrected mc=1 channel=0 slot=0 count=65535");
    guest.start_agent();
    guest.next_pass();
    guest.run("echo 1 >/sys/devices/system/edac/mc/mc1/reset_counters");
    guest.order("corrected mc=1 channel=0 slot=0 count=65535");
    kill_in_a_storm(&mut guest);
    guest.next_pass();
    add(&mut truth, &guest.truth());

    heads.push(head(&mut guest));
    let mut guest = guest.reboot(Down::PlugPulled);
    guest.load("scrubjay_edac");
    guest.start_agent();
    kill_in_a_storm(&mut guest);
    guest.next_pass();
    reload(&mut guest, &mut truth);
    kill_in_a_storm(&mut guest);
    guest.order("corrected mc=0 channel=-1 slot=-1 count=3");
    guest.next_pass();
    add(&mut truth, &guest.truth());

    let mut guest = guest.reboot(Down::InOrder);
    guest.load("scrubjay_edac");
    guest.order("corrected mc=0 channel=0 slot=0 count=5");
    guest.start_agent();
    add(&mut truth, &guest.truth());
    assert_eq!(counts(&guest.status()), truth);
    // Every zeroing may have lost errors that nobody saw, and the sum says so.
    let restarts = "scrubjay_controller_count_restarts_total";
    let page = guest.metrics();
    assert_eq!(page.value(restarts, "test-socket-0"), Some(5), "three boots and two reloads");
    assert_eq!(page.value(restarts, "test-socket-1"), Some(6), "and the reset");
    // And a clean end is told from a crash.
    let boots = guest.json("history boots");
    let ends: Vec<&str> =
        boots["boots"].as_array().unwrap().iter().map(|b| b["end"].as_str().unwrap()).collect();
    assert_eq!(ends, ["clean", "unclean", "clean", "running"], "{boots}");
    assert_eq!(page.value("scrubjay_boots", "end=\"unclean\""), Some(1));

    // The ledger tells of all of this, and of nothing less than what was seen of it at each boot.
    heads.push(head(&mut guest));
    let expect: Vec<String> = heads.iter().map(|head| format!("--expect {head}")).collect();
    let report = guest.json(&format!("ledger verify {}", expect.join(" ")));
    assert_eq!(report["intact"], true, "{report}");
    let rows = guest.run("scrubjay ledger export --state-dir /state/history");
    let kinds = |kind: &str| rows.matches(&format!("\"kind\":\"{kind}\"")).count();
    assert_eq!((kinds("boot_began"), kinds("boot_ended")), (4, 3), "{rows}");
    assert!(kinds("agent_started") >= 9, "one start for each boot and each kill:\n{rows}");
}

/// The ledger's head, as a copy is taken of it.
fn head(guest: &mut Guest) -> String {
    let status = guest.status();
    let head = &status["history"]["value"]["ledger_head"];
    format!("{}:{}", head["seq"], head["hash"].as_str().unwrap())
}
