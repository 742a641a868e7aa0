//! Errors as the kernel reports them, one by one, to an agent that listens.

use crate::guest::Guest;
use crate::machine::{Kernel, Machine, Processor};
use crate::seen::{counts, reported, told};
use serde_json::Value;

const LOST: &str = "scrubjay_event_reports_lost_total";
const UNREPORTED: &str = "scrubjay_dimm_unreported_errors";

/// Boots with two controllers and an agent that listens, and keeps the console out of storms.
fn boot(kernel: Kernel) -> Guest {
    let mut guest = Guest::boot_on(kernel, Machine::with_two(Processor::Amd));
    guest.load("scrubjay_edac");
    guest.run("echo 0 >/sys/module/edac_core/parameters/edac_mc_log_ce");
    guest.start_agent();
    guest
}

/// What the driver reported of the DIMMs of a controller in one class, by the ids of the history.
fn truth(guest: &mut Guest, class: &str) -> Vec<(String, u64)> {
    let truth = guest.truth();
    let of_dimms = truth
        .iter()
        .filter(|(what, errors)| what.contains(" dimm") && what.ends_with(class) && **errors > 0);
    of_dimms
        .map(|(what, errors)| {
            let id = what.replacen("mc", "test-socket-", 1).replacen(' ', "/", 1);
            (id, *errors)
        })
        .collect()
}

pub(crate) fn a_storm_is_told_to_the_last_report_or_says_how_many_it_lost(kernel: Kernel) {
    let mut guest = boot(kernel);
    // Each on a page of its own, on four DIMMs in turn; then all on one page.
    guest.order("corrected mc=0 times=100000 spread=1 stride=1 page=0x1000");
    guest.order("corrected mc=1 channel=1 slot=0 times=20000 page=0x2222 offset=0x40");
    let page = guest.heard(120_000);
    let lost = page.sum(LOST);
    assert_eq!(page.sum("scrubjay_event_reports_total") + lost, 120_000);
    assert_eq!(page.sum("scrubjay_event_reports_undecodable_total"), 0);
    assert_eq!(page.sum(UNREPORTED), lost, "what was lost is missing from the DIMMs' reports");
    assert_eq!(counts(&guest.status()), guest.truth(), "counters lose nothing");
    let events = guest.events();
    let of_storm = events["events"].as_array().unwrap().len();
    assert!(of_storm < 9_000, "a storm is kept as its pattern: {of_storm} rows");
    if lost == 0 {
        let sums = reported(&events);
        let truth = truth(&mut guest, "correctable");
        assert_eq!(sums.into_iter().collect::<Vec<_>>(), truth);
        let one_page = |event: &&Value| event["group"]["address"] == 0x222_2040;
        let groups = events["events"].as_array().unwrap().iter().filter(one_page);
        let of_page: u64 = groups.map(|event| event["group"]["reports"].as_u64().unwrap()).sum();
        assert_eq!(of_page, 20_000, "its page is kept, whatever else comes");
    }

    // Reports that speak of many errors, or of none by their own count, which are one at least.
    for order in [
        "corrected mc=1 channel=0 slot=0 count=65535 page=0x3333",
        "corrected mc=1 channel=0 slot=0 count=65535 page=0x3333",
        "corrected mc=1 channel=0 slot=1 count=0 page=0x4444",
        "uncorrected mc=1 channel=1 slot=1 count=2 page=0x5555 offset=0x1c0",
        "deferred mc=1 channel=1 slot=1 page=0x6666",
        "corrected mc=1 channel=-1 slot=-1 count=5",
    ] {
        guest.order(order);
    }
    let page = guest.heard(120_006);
    let events = guest.events();
    let sums = reported(&events);
    assert_eq!(sums["test-socket-1/dimm0 correctable"], 131_070);
    assert_eq!(sums["test-socket-1/dimm1 correctable"], 1);
    assert_eq!(sums["test-socket-1/dimm3 uncorrectable"], 3, "as the kernel counts deferred ones");
    let unreported = |dimm: &str, class: &str| {
        let labels = format!("dimm=\"test-socket-1/{dimm}\",class=\"{class}\"");
        page.signed(UNREPORTED, &labels)
    };
    assert_eq!(unreported("dimm0", "correctable"), Some(0));
    assert_eq!(unreported("dimm1", "correctable"), Some(-1), "the counter did not move");
    assert_eq!(unreported("dimm3", "uncorrectable"), Some(0));
    let told = told(&events);
    for line in [
        "mc_event uncorrected 0x55551c0 test-socket-1/dimm3",
        "mc_event deferred 0x6666000 test-socket-1/dimm3",
        "mc_event corrected - test-socket-1/noinfo",
    ] {
        assert!(told.iter().any(|told| told == line), "{line}: {:?}", &told[told.len() - 8..]);
    }
}

pub(crate) fn reports_outlive_an_agent_and_none_is_told_twice(kernel: Kernel) {
    let mut guest = boot(kernel);
    guest.order("corrected mc=0 times=10 stride=1 page=0x1000");
    guest.heard(10);
    guest.stop_agent();
    guest.order("corrected mc=0 channel=1 times=30 stride=1 page=0x2000");
    guest.start_agent();
    let page = guest.heard(40);
    let agent = guest.shown()["agent"]["events"].clone();
    assert_eq!((&agent["waited"], &agent["reports"]), (&30.into(), &30.into()), "{agent}");
    assert_eq!(page.sum("scrubjay_event_reports_total"), 40);
    assert_eq!((page.sum(LOST), page.sum(UNREPORTED)), (0, 0));
    assert_eq!(reported(&guest.events()).into_values().sum::<u64>(), 40);

    // Killed in a storm: what it had read and not yet written is told as not reported.
    guest.run(
        "echo corrected mc=1 times=3000 every_us=1000 spread=1 stride=1 page=0x10000 \
             >/sys/kernel/debug/scrubjay_edac/order &
         sleep 1.5; kill -9 $(cat /run/agent.pid); wait",
    );
    guest.start_agent();
    guest.next_pass();
    let status = guest.status();
    assert_eq!(counts(&status), guest.truth());
    let mut total = [0; 4];
    for series in status["accumulated"].as_array().unwrap() {
        let of_dimm = series["place"].as_str().unwrap().starts_with("dimm");
        if of_dimm && series["edac"] == "mc1" && series["class"] == "correctable" {
            for (sum, key) in total.iter_mut().zip(["total", "reported", "unheard", "unreported"]) {
                *sum += series[key].as_i64().unwrap();
            }
        }
    }
    let [errors, reports, unheard, unreported] = total;
    assert_eq!(errors, 3000);
    assert!((1000..=3000).contains(&reports), "{reports} of 3000");
    assert!(unheard >= 0 && unreported >= 0, "told twice: {unheard} {unreported}");
    assert_eq!(reports + unheard + unreported, 3000);
    let mc1 = reported(&guest.events());
    let mc1 = mc1.into_iter().filter(|(place, _)| place.starts_with("test-socket-1"));
    assert_eq!(i64::try_from(mc1.map(|(_, errors)| errors).sum::<u64>()), Ok(reports));

    // A processor that goes and comes back takes no report with it.
    let so_far = guest.metrics().sum("scrubjay_event_reports_total");
    let burst = "echo corrected mc=0 slot=1 times=50 stride=1 page=0x20000 \
                 >/sys/kernel/debug/scrubjay_edac/order";
    guest.run(&format!(
        "cpu=/sys/devices/system/cpu/cpu1/online
         taskset 2 sh -c '{burst}'; echo 0 >$cpu; {burst}; sleep 1.2
         echo 1 >$cpu; taskset 2 sh -c '{burst}'"
    ));
    let page = guest.heard(u64::try_from(so_far).unwrap() + 150);
    assert_eq!(page.sum("scrubjay_event_reports_total"), so_far + 150);
    assert_eq!(page.sum(LOST), 0);
}
