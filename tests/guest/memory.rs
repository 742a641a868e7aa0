//! Memory errors as the kernel's EDAC core counts them.

use crate::guest::Guest;
use crate::machine::{Kernel, Machine, Processor};
use crate::seen::{add, counts, findings, value};
use serde_json::Value;

fn coverage(status: &Value) -> &Value {
    &status["assessment"]["coverage"]["state"]
}

/// A guest with a driver sees what its hypervisor chooses, so never all there is.
const WITH_A_DRIVER: &str = "partial";

/// What the kernel shows of a controller.
fn controller(status: &Value, index: usize) -> &Value {
    &value(status, "edac")["controllers"][index]
}

pub(crate) fn errors_on_several_dimms_and_on_none_are_each_counted_in_their_place(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    for order in [
        "corrected mc=0 channel=0 slot=0 count=3",
        "corrected mc=0 channel=1 slot=1 count=65535",
        "corrected mc=1 channel=1 slot=0",
        "uncorrected mc=1 channel=0 slot=1 count=2",
        "deferred mc=1 channel=0 slot=1",
        "corrected mc=0 channel=-1 slot=-1 count=5",
        "uncorrected mc=0 channel=-1 slot=-1",
        // The kernel knows the channel but not the slot, and so blames no DIMM.
        "corrected mc=1 channel=0 slot=-1 count=7",
        "corrected mc=1 times=400 spread=1 stride=1",
    ] {
        guest.order(order);
    }
    guest.start_agent();
    let status = guest.status();
    assert_eq!(counts(&status), guest.truth());
    assert_eq!(counts(&status)["mc1 dimm1 uncorrectable"], 3, "deferred ones count here");
    assert_eq!(coverage(&status), WITH_A_DRIVER);
    let found = findings(&status);
    let is_found = |finding: &str| found.iter().any(|found| *found == finding);
    assert_eq!(found[0], "dimm-uncorrected Test#1_Channel#0_Slot#1");
    assert!(is_found("uncorrected-errors test-socket-1/dimm1"), "{found:?}");
    assert!(is_found("uncorrected-errors test-socket-0"), "{found:?}");
    // Sticks that err together on one controller are no fault of one of them, and a verdict takes the
    // place of the raw count.
    assert!(is_found("dimm-channel Test#0_Channel#1_Slot#1"), "{found:?}");
    assert!(!is_found("corrected-errors test-socket-0/dimm3"), "{found:?}");
    guest.capture("errors");
    let page = guest.metrics();
    let corrected = "scrubjay_dimm_correctable_errors_total";
    assert_eq!(page.value(corrected, "dimm=\"test-socket-0/dimm3\""), Some(65_535));
    assert_eq!(page.value(corrected, "dimm=\"test-socket-0/dimm1\""), Some(0));
    for controller in ["test-socket-0", "test-socket-1"] {
        let labels = format!("controller=\"{controller}\",class=\"correctable\"");
        assert_eq!(page.value("scrubjay_controller_unreconciled_errors", &labels), Some(0));
    }
}

pub(crate) fn ranks_of_controllers_that_share_a_name_are_each_counted_once(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac ranks=1 same_name=1");
    guest.order("corrected mc=0 channel=1 slot=0 count=4");
    guest.order("corrected mc=1 channel=0 slot=1 count=9");
    guest.start_agent();
    let status = guest.status();
    assert_eq!(counts(&status), guest.truth());
    assert_eq!(controller(&status, 0)["layout"], "rank");
    assert_eq!(counts(&status)["mc1 rank2 correctable"], 9);
    guest.capture("ranks");
}

pub(crate) fn a_reloaded_driver_begins_at_zero_and_the_sums_go_on(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent();
    guest.order("corrected mc=0 channel=1 slot=0 count=40");
    guest.next_pass();
    let mut truth = guest.truth();

    guest.run("rmmod scrubjay_edac");
    guest.next_pass();
    let between = guest.status();
    assert_eq!(coverage(&between), "none", "{}", between["assessment"]);

    guest.load("scrubjay_edac");
    // More than before: only the age of the counters tells that they began anew.
    guest.order("corrected mc=0 channel=1 slot=0 count=50");
    let page = guest.next_pass();
    add(&mut truth, &guest.truth());
    let status = guest.status();
    assert_eq!(counts(&status), truth);
    assert_eq!(counts(&status)["mc0 dimm2 correctable"], 90);
    let restarts = "scrubjay_controller_count_restarts_total";
    assert_eq!(page.value(restarts, "test-socket-0"), Some(1));
}

pub(crate) fn a_write_to_reset_counters_restarts_one_controller_and_loses_nothing_sampled(
    kernel: Kernel,
) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent();
    guest.order("corrected mc=0 channel=0 slot=1 count=10");
    guest.order("corrected mc=1 channel=0 slot=1 count=10");
    guest.next_pass();
    guest.run("echo 1 >/sys/devices/system/edac/mc/mc0/reset_counters");
    guest.order("corrected mc=0 channel=0 slot=1 count=11");
    let page = guest.next_pass();
    let status = guest.status();
    assert_eq!(counts(&status), guest.truth(), "the driver's own count is not reset");
    let restarts = "scrubjay_controller_count_restarts_total";
    assert_eq!(page.value(restarts, "test-socket-0"), Some(1));
    assert_eq!(page.value(restarts, "test-socket-1"), Some(0));
}

pub(crate) fn a_third_controller_appears_beside_two_and_one_goes(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac controllers=2");
    guest.start_agent();
    guest.order("corrected mc=1 channel=0 slot=0 count=6");
    guest.next_pass();
    guest.order("add mc=2");
    guest.order("corrected mc=2 channel=1 slot=1 count=8");
    guest.next_pass();
    assert_eq!(counts(&guest.status()), guest.truth());

    assert_eq!(coverage(&guest.status()), WITH_A_DRIVER);

    guest.order("remove mc=1");
    let page = guest.next_pass();
    let status = guest.status();
    let gaps = status["assessment"]["coverage"]["findings"].as_array().unwrap();
    let gone: Vec<&Value> = gaps.iter().filter(|gap| gap["code"] == "controller-gone").collect();
    assert_eq!(gone.len(), 1, "{gaps:#?}");
    assert_eq!(gone[0]["subject"], "test-socket-1");
    assert_eq!(gone[0]["hides"], serde_json::json!(["correctable", "uncorrectable"]));
    assert_eq!(coverage(&status), "partial");
    let labels = "class=\"correctable\",code=\"controller-gone\",subject=\"test-socket-1\"";
    assert_eq!(page.value("scrubjay_monitoring_coverage_gap_info", labels), Some(1));
    assert_eq!(value(&status, "edac")["controllers"].as_array().unwrap().len(), 2);
    let corrected = "scrubjay_dimm_correctable_errors_total";
    assert_eq!(page.value(corrected, "test-socket-1/dimm0"), None, "no ghost is exported");
    assert_eq!(page.value(corrected, "test-socket-2/dimm3"), Some(8));
    let memory = guest.json("history memory");
    let totals = memory["totals"].as_array().unwrap();
    let kept = totals.iter().any(|total| {
        total["controller"] == "test-socket-1" && total["place"] == "dimm0" && total["total"] == 6
    });
    assert!(kept, "the history keeps what is gone: {memory}");
}

pub(crate) fn a_label_written_by_the_admin_renames_a_dimm_and_keeps_its_sum(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    guest.start_agent();
    guest.order("corrected mc=0 channel=0 slot=1 count=2");
    guest.next_pass();
    guest.run("echo 'DIMM_A2 or \"x\"' >/sys/devices/system/edac/mc/mc0/dimm1/dimm_label");
    guest.order("corrected mc=0 channel=0 slot=1 count=3");
    let page = guest.next_pass();
    let status = guest.status();
    assert_eq!(counts(&status), guest.truth());
    assert_eq!(controller(&status, 0)["dimms"][1]["label"]["value"], "DIMM_A2 or \"x\"");
    let escaped = "dimm=\"test-socket-0/dimm1\",edac=\"mc0/dimm1\",label=\"DIMM_A2 or \\\"x\\\"\"";
    assert_eq!(page.value("scrubjay_dimm_info", escaped), Some(1));
    let corrected = "scrubjay_dimm_correctable_errors_total";
    assert_eq!(page.value(corrected, "test-socket-0/dimm1"), Some(5));
}

pub(crate) fn a_driver_is_missed_while_it_is_not_there_and_tells_its_scrub_rate_when_it_is(
    kernel: Kernel,
) {
    let mut guest = Guest::boot(kernel);
    let status = guest.status();
    assert_eq!(status["snapshot"]["edac"]["reading"]["state"], "absent");
    assert_eq!(coverage(&status), "none");
    assert_eq!(status["assessment"]["verdict"], "unknown");
    assert!(findings(&status).contains(&"guest host".to_owned()), "{:?}", findings(&status));
    guest.capture("no-driver");
    guest.load("scrubjay_edac");
    let status = guest.status();
    assert_eq!(coverage(&status), WITH_A_DRIVER);
    let collector = findings(&status).contains(&"corrected-errors-collector host".to_owned());
    assert_eq!(collector, kernel.has_corrected_errors_collector(), "{:?}", findings(&status));
    // Nothing was counted, but the driver says that it does not scrub.
    assert_eq!(status["assessment"]["verdict"], "watch", "{}", status["assessment"]);
    assert!(findings(&status)[0].starts_with("scrubbing-off"), "{:?}", findings(&status));

    // What the driver rounds a scrub rate to, or that it has none.
    guest.run("echo 123456 >/sys/devices/system/edac/mc/mc0/sdram_scrub_rate");
    let status = guest.status();
    assert_eq!(controller(&status, 0)["scrub_rate"]["value"], 122_880);
    assert_eq!(controller(&status, 1)["scrub_rate"]["value"], 0);
    for scrub in ["failing", "missing"] {
        guest.run("rmmod scrubjay_edac");
        guest.load(&format!("scrubjay_edac scrub={scrub}"));
        let status = guest.status();
        assert_eq!(controller(&status, 0)["scrub_rate"]["state"], "absent", "{scrub}");
        assert_eq!(status["snapshot"]["edac"]["report"]["faults"], serde_json::json!([]));
    }
}

pub(crate) fn errors_are_told_one_by_one_and_what_a_full_buffer_drops_is_counted(kernel: Kernel) {
    // Each on a CPU of its choice: buffers are one for each.
    let on = |guest: &mut Guest, cpu: u32, order: &str| {
        let file = "/sys/kernel/debug/scrubjay_edac/order";
        guest.run(&format!("taskset {} sh -c 'echo {order} >{file}'", 1 << cpu));
    };
    let mut guest = Guest::boot_on(kernel, Machine::with_two(Processor::Amd));
    guest.capture_whole_log("boot");
    guest.capture_formats();
    let log = "edac";
    guest.log_from_here(log);
    guest.load("scrubjay_edac");
    guest.record(&["ras/mc_event"], 64);
    for (cpu, order) in [
        (0, "corrected mc=0 channel=0 slot=0 count=3 page=0x12345 offset=0x680 syndrome=0xab"),
        (1, "uncorrected mc=1 channel=1 slot=1 count=2 page=0xabcde offset=0x1c0"),
        (0, "deferred mc=1 channel=0 slot=1 page=0x200 offset=0x40"),
        (0, "corrected mc=0 channel=-1 slot=-1 count=65535"),
        (0, "corrected mc=0 channel=0 slot=-1 page=0x300"),
        (0, "corrected mc=0 times=40 spread=1 stride=1 page=0x1000 offset=0x80"),
    ] {
        on(&mut guest, cpu, order);
    }
    let told = guest.recorded();
    assert_eq!(told.len(), 45, "an event for each report, however many errors it stands for");
    let first = "3 Corrected errors: memory read error on Test#0_Channel#0_Slot#0 \
                 (mc:0 location:0:0:-1 address:0x12345680 grain:64 syndrome:0x000000ab \
                 err_code:0x0101:0x0090)";
    assert!(told.iter().any(|line| line.contains(first)), "{told:?}");
    guest.capture_log(log);
    guest.stop_recording("mc_event");

    guest.run("echo 0 >/sys/module/edac_core/parameters/edac_mc_log_ce");
    guest.record(&["ras/mc_event"], 8);
    on(&mut guest, 0, "corrected mc=0 times=1000 spread=1 stride=1");
    let stats = "cat /sys/kernel/tracing/instances/scenario/per_cpu/cpu0/stats";
    let stats = guest.run(stats);
    let number = |key: &str| -> usize {
        let value = stats.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        value.trim().parse().unwrap()
    };
    assert_eq!(number("entries:"), guest.recorded().len());
    assert_eq!(number("entries:") + number("overrun:"), 1000, "{stats}");
    guest.stop_recording("overrun");
    guest.start_agent();
    assert_eq!(counts(&guest.status()), guest.truth(), "counters lose nothing");
    // What firmware adds to machine checks is sent only while somebody asks for it.
    assert_eq!(guest.shown()["agent"]["events"]["extlog"]["state"], "held");
    let held = guest.run("ls -l /proc/$(cat /run/agent.pid)/fd");
    assert!(held.contains("/sys/kernel/debug/ras/daemon_active"), "{held}");
}
