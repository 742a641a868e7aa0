//! What another tool recorded on a real kernel, taken in.

use crate::guest::Guest;
use crate::machine::Kernel;
use crate::peer;

/// Errors that were taken in, by class, over all records of a table.
fn taken_in(guest: &mut Guest, table: &str, class: &str) -> u64 {
    let page = guest.json("history imported");
    let groups = page["imported_errors"].as_array().unwrap();
    let these = groups.iter().filter(|group| group["origin"] == table && group["class"] == class);
    these.map(|group| group["errors"].as_u64().unwrap()).sum()
}

pub(crate) fn what_rasdaemon_recorded_is_taken_in_with_equal_sums(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    let Some(peer) = peer::folder(&guest) else {
        eprintln!("skipped: rasdaemon could not be had");
        return;
    };
    guest.load("scrubjay_edac");
    guest.run("echo 0 >/sys/module/edac_core/parameters/edac_mc_log_ce");
    // This release is woken only when half a buffer is full, which is thousands of errors, and what
    // is in it when the daemon ends is never recorded (mchehab/rasdaemon#85). Later ones write this.
    guest.run(
        "mkdir /sys/kernel/tracing/instances/rasdaemon
         echo 0 >/sys/kernel/tracing/instances/rasdaemon/buffer_percent",
    );
    peer::start(&mut guest, &peer);
    guest.order("corrected mc=0 channel=0 slot=0 count=7 page=0x1234");
    guest.order("corrected mc=0 channel=1 slot=0 times=40 spread=1 stride=1");
    guest.order("corrected mc=1 channel=0 slot=1 count=1000");
    guest.order("uncorrected mc=1 channel=0 slot=0 count=2");
    let truth = guest.truth();
    let all = |class: &str| -> u64 {
        let totals = truth.iter().filter(|(name, _)| name.ends_with(&format!(" total {class}")));
        totals.map(|(_, count)| count).sum()
    };
    let (corrected, uncorrected) = (all("correctable"), all("uncorrectable"));
    assert_eq!((corrected, uncorrected), (1047, 2), "{truth:?}");

    // While it writes: it takes one transaction for each event, and the file is read without a lock.
    let import = format!("import --from rasdaemon --file {}", peer::RECORDS);
    for _ in 0..30 {
        // In a storm it may never hold still; then nothing is taken in, and another time will do.
        guest.attempt(&format!("scrubjay {import} --state-dir /state/history"));
        if taken_in(&mut guest, "mc_event", "corrected") >= corrected
            && taken_in(&mut guest, "mc_event", "uncorrected") >= uncorrected
        {
            break;
        }
        guest.run("sleep 1");
    }
    guest.stop_agent();
    // And once more when it is done, from its usual place.
    let last = guest.json("import --from rasdaemon");
    let taken = &last["errors"][0]["taken"]["value"];
    assert_eq!(taken["errors"], corrected + uncorrected, "{last}");
    assert_eq!(taken["without_time"], 0, "{last}");
    assert_eq!(taken_in(&mut guest, "mc_event", "corrected"), corrected);
    assert_eq!(taken_in(&mut guest, "mc_event", "uncorrected"), uncorrected);
    // In no sum of ours.
    let memory = guest.json("history memory");
    assert_eq!(memory["changes"].as_array().map(Vec::len), Some(0), "{memory}");
}
