//! Errors that the processor reports: put into the registers of a bank, where the kernel's poller
//! finds them, raised by QEMU, or made up by the kernel's own injector.

use crate::guest::Guest;
use crate::machine::{Kernel, Machine, Processor};
use crate::seen::{corrupted, told};
use serde_json::Value;

/// A corrected error of the memory's reading, with its address.
const CORRECTED: &str = "0x8c00004000010090";
/// The same, not corrected, and not consumed by anyone: Intel's UCNA.
const NOT_CONSUMED: &str = "0xbc00000000010090";
/// The same, poisoned rather than raised: AMD's deferred errors.
const DEFERRED: &str = "0x9c00100000010090";
/// Not corrected, found by scrubbing, and signalled to all CPUs.
const FOUND_BY_SCRUBBING: &str = "0xbd000000000000c0";

const EVENTS: [&str; 2] = ["mce/mce_record", "ras/memory_failure_event"];

/// Boots a machine whose kernel looks into the banks each second, and records what it finds.
fn boot(kernel: Kernel, processor: Processor, name: &str) -> Guest {
    let mut guest = Guest::boot_on(kernel, Machine::with_two(processor));
    guest.load("scrubjay_mce");
    guest.run("echo 1 >/sys/devices/system/machinecheck/machinecheck0/check_interval");
    guest.log_from_here(name);
    guest.record(&EVENTS, 64);
    guest.start_agent();
    guest
}

/// Asserts that the agent tells of these, and of no more. What two CPUs report within a moment has
/// no order.
fn assert_told(guest: &mut Guest, lines: &[&str]) -> Value {
    guest.next_pass();
    let events = guest.events();
    let mut told = told(&events);
    told.sort_unstable();
    let mut lines = lines.to_vec();
    lines.sort_unstable();
    assert_eq!(told, lines);
    events
}

/// Puts an error into a bank of the first CPU, and waits until the kernel has found it.
fn put(guest: &mut Guest, bank: u32, status: &str, address: &str) {
    let found = records(guest).len();
    guest.run(&format!(
        "echo cpu=0 bank={bank} status={status} address={address} misc=0x8c \
         >/sys/kernel/debug/scrubjay_mce/order"
    ));
    wait_for(guest, found + 1);
}

/// Waits until there are `number` records of machine checks, and what follows from the last is done.
fn wait_for(guest: &mut Guest, number: usize) {
    for _ in 0..100 {
        if records(guest).len() >= number {
            guest.run("sleep 0.3");
            return;
        }
        guest.run("sleep 0.1");
    }
    panic!("{} of {number} machine checks are recorded", records(guest).len());
}

fn records(guest: &mut Guest) -> Vec<String> {
    guest.recorded().into_iter().filter(|line| line.contains("mce_record:")).collect()
}

fn failures(guest: &mut Guest) -> usize {
    guest.recorded().iter().filter(|line| line.contains("memory_failure_event:")).count()
}

pub(crate) fn corrected_and_deferred_errors_of_an_amd_are_recorded(kernel: Kernel) {
    let name = "mce-amd";
    let mut guest = boot(kernel, Processor::Amd, name);
    put(&mut guest, 7, CORRECTED, "0x35000000");
    assert!(records(&mut guest)[0].contains("MC7: 8c00004000010090"));
    assert_eq!(corrupted(&guest.status()), 0);

    put(&mut guest, 5, DEFERRED, "0x38000000");
    assert!(records(&mut guest)[1].contains("MC5: 9c00100000010090"));
    // The kernel takes such a page out of use; 6.12 does so only where it trusts the address, and
    // QEMU's processor is none of those.
    let taken = kernel.series == "6.1";
    assert_eq!(corrupted(&guest.status()), if taken { 4096 } else { 0 });
    assert_eq!(failures(&mut guest), usize::from(taken));

    let log = guest.log_since(name);
    assert!(log.contains("CPU 0: Machine Check: 0 Bank 7: 8c00004000010090"), "{log}");
    guest.capture_log(name);
    guest.stop_recording("mce_record-amd");
    let mut lines = vec![
        "mce_record corrected 0x35000000 cpu 0 bank 7",
        "mce_record deferred 0x38000000 cpu 0 bank 5",
    ];
    lines.extend(
        taken.then_some("memory_failure uncorrected 0x38000000 free buddy page: recovered"),
    );
    assert_told(&mut guest, &lines);
}

pub(crate) fn an_uncorrected_error_that_nobody_consumed_takes_its_page(kernel: Kernel) {
    let name = "mce-intel";
    let mut guest = boot(kernel, Processor::Intel, name);
    put(&mut guest, 5, NOT_CONSUMED, "0x36000000");
    assert!(records(&mut guest)[0].contains("MC5: bc00000000010090"));
    assert_eq!(failures(&mut guest), 1);
    assert_eq!(corrupted(&guest.status()), 4096);

    // Corrected twice at one address: where the kernel collects them, that page goes too, without
    // an event, and no counter of any driver will tell.
    put(&mut guest, 7, CORRECTED, "0x39000000");
    put(&mut guest, 7, CORRECTED, "0x39000000");
    let collects = kernel.has_corrected_errors_collector();
    assert_eq!(failures(&mut guest), 1);
    assert_eq!(corrupted(&guest.status()), if collects { 8192 } else { 4096 });
    let log = guest.log_since(name);
    assert_eq!(log.contains("RAS: Soft-offlining pfn: 0x39000"), collects, "{log}");
    // What is collected is not printed, save the error that cost the page.
    assert_eq!(log.matches("Bank 7: 8c00004000010090").count(), if collects { 1 } else { 2 });
    guest.capture_log(name);
    guest.stop_recording("mce_record-intel");
    let mut lines = vec![
        "mce_record uncorrected 0x36000000 cpu 0 bank 5",
        "memory_failure uncorrected 0x36000000 free buddy page: recovered",
        "mce_record corrected 0x39000000 cpu 0 bank 7",
        "mce_record corrected 0x39000000 cpu 0 bank 7",
    ];
    lines.extend(
        collects.then_some("log_memory_failure info 0x39000000 soft offline by collector: unknown"),
    );
    assert_told(&mut guest, &lines);
    told_with_its_reason(&mut guest, collects);

    // The log still holds that line; an agent that comes after takes it for no other.
    guest.stop_agent();
    guest.start_agent();
    assert_told(&mut guest, &lines);
    told_with_its_reason(&mut guest, collects);
}

/// The registry has the page that failed, and the one that the kernel's collector took, which no
/// event told of.
fn told_with_its_reason(guest: &mut Guest, collects: bool) {
    let list = guest.json("pages list --scan");
    assert_eq!(list["unregistered"], serde_json::json!([]), "{list}");
    let pages = list["registered"]["value"].as_array().unwrap();
    let known: Vec<(u64, &str, &str)> = pages
        .iter()
        .map(|page| {
            (
                page["physical_address"].as_u64().unwrap(),
                page["reason"]["kind"].as_str().unwrap(),
                page["state"].as_str().unwrap(),
            )
        })
        .collect();
    let mut expected = vec![(0x3600_0000, "memory_failure", "offline_now")];
    expected.extend(collects.then_some((0x3900_0000, "collected_by_kernel", "offline_now")));
    assert_eq!(known, expected);
    if collects {
        let turns = &guest.json("history pages")["pages"][1]["turns"];
        assert_eq!(turns.as_array().unwrap().len(), 1, "{turns}");
        assert_eq!(turns[0]["what"], "soft_offline", "{turns}");
        assert_eq!(turns[0]["asked_by"], "collector", "{turns}");
    }
}

pub(crate) fn machine_checks_made_up_or_raised_from_outside_are_recorded(kernel: Kernel) {
    let name = "mce-raised";
    let mut guest = boot(kernel, Processor::Intel, name);
    guest.load("mce-inject");
    guest.load("scrubjay_edac");
    // The write of the bank's number injects, so it comes last.
    guest.run(&format!(
        "cd /sys/kernel/debug/mce-inject; echo sw >flags; echo 0 >cpu
         echo {NOT_CONSUMED} >status; echo 0x36000000 >addr; echo 0x8c >misc; echo 7 >bank
         echo uncorrected mc=0 channel=1 page=0x36000 >/sys/kernel/debug/scrubjay_edac/order"
    ));
    wait_for(&mut guest, 1);
    assert!(records(&mut guest)[0].contains("MC7: bc00000000010090"));
    assert_eq!(failures(&mut guest), 0, "nothing judges how severe it is");
    assert_eq!(corrupted(&guest.status()), 0);
    guest.stop_recording("mce_record-inject");

    guest.record(&EVENTS, 64);
    guest.monitor(&format!("mce 0 9 {CORRECTED} 0 0x32000000 0x8c"));
    wait_for(&mut guest, 1);
    assert!(records(&mut guest)[0].contains("MC9: 8c00004000010090"));
    assert_eq!(corrupted(&guest.status()), 0);

    // To all CPUs at once, as Intel's come: with one of them missing, the kernel panics.
    // QEMU leaves something in a bank of the others as well, which polling finds.
    guest.monitor(&format!("mce -b 0 9 {FOUND_BY_SCRUBBING} 5 0x33000000 0x8c"));
    wait_for(&mut guest, 3);
    assert_eq!(failures(&mut guest), 1);
    assert_eq!(corrupted(&guest.status()), 4096);
    guest.capture_log(name);
    guest.stop_recording("mce_record-raised");
    let events = assert_told(
        &mut guest,
        &[
            "mce_record uncorrected 0x36000000 cpu 0 bank 7",
            "mc_event uncorrected 0x36000000 test-socket-0/dimm2",
            "mce_record corrected 0x32000000 cpu 0 bank 9",
            "mce_record uncorrected 0x33000000 cpu 0 bank 9",
            "memory_failure uncorrected 0x33000000 free buddy page: recovered",
            "mce_record uncorrected - cpu 1 bank 1",
        ],
    );
    // What two witnesses tell of is one error, and what became of a page is none.
    let counted: u64 = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["counted"].as_u64().unwrap())
        .sum();
    assert_eq!(counted, 4, "{events:#}");
    // A command beside the agent knows from the history that somebody listens.
    let visible = |view: &Value| view["assessment"]["coverage"].clone();
    assert_eq!(visible(&guest.status()), visible(&guest.shown()));
}
