//! Memory taken out of use.

use crate::guest::Guest;
use crate::machine::Kernel;
use crate::seen::{corrupted, findings, reported, told, value};
use serde_json::{Value, json};

/// Frames that nothing uses soon after the boot of a guest with 1 GiB.
const FREE: [&str; 2] = ["0x30000", "0x31000"];

/// All that the findings say.
fn said(status: &Value) -> String {
    status["assessment"]["findings"].to_string()
}

/// Takes the page of a frame out of use; the kernel's answer as an exit code.
fn offline(guest: &mut Guest, how: &str, frame: &str) -> i32 {
    guest.attempt(&format!("echo {frame}000 >/sys/devices/system/memory/{how}_offline_page")).0
}

pub(crate) fn pages_taken_out_of_use_are_seen_and_so_is_their_return(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    let log = "memory-failure";
    guest.log_from_here(log);
    guest.record(&["ras/memory_failure_event"], 64);
    assert_eq!(corrupted(&guest.status()), 0);
    assert_eq!(offline(&mut guest, "soft", FREE[0]), 0);
    assert_eq!(guest.recorded(), [""; 0], "soft offlining is told to nobody");
    assert_eq!(corrupted(&guest.status()), 4096);
    assert_eq!(offline(&mut guest, "hard", FREE[1]), 0);
    let status = guest.status();
    assert_eq!(corrupted(&status), 8192);
    assert!(findings(&status).contains(&"pages-offlined host".to_owned()));
    // Before 6.3 nothing tells soft-offlined pages from failed ones.
    let told = said(&status).contains("of it 1 page taken out of use before failing");
    assert_eq!(told, kernel.series != "6.1", "{}", said(&status));
    let scan = guest.json("pages list --scan");
    assert_eq!(scan["scan"]["value"]["pfns"], json!([0x3_0000, 0x3_1000]), "{scan}");
    assert_eq!(scan["scan"]["value"]["is_complete"], true, "{scan}");
    assert_eq!(scan["unregistered"], json!([0x3000_0000, 0x3100_0000]), "{scan}");
    guest.capture("pages");
    let nodes = &value(&status, "memory_failure")["nodes"];
    if kernel.series == "6.1" {
        assert_eq!(nodes["state"], "absent", "since 6.3");
    } else {
        let node = &nodes["value"][0];
        assert_eq!(
            node["pages"]["recovered"]["value"], 1,
            "soft offlining is not counted here: {node}"
        );
    }
    let told = guest.recorded();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("pfn 0x31000: recovery action for free buddy page: Recovered"));
    // Again, and one that the kernel itself uses: refused, and told. 6.1 keeps quiet of the former.
    assert_ne!(offline(&mut guest, "hard", FREE[1]), 0);
    assert_ne!(offline(&mut guest, "hard", "0x1000"), 0);
    assert_eq!(guest.recorded().len(), if kernel.series == "6.1" { 2 } else { 3 });
    assert_eq!(corrupted(&guest.status()), 12288, "the one in use is counted as well");
    guest.run(&format!("echo {} >/sys/kernel/debug/hwpoison/unpoison-pfn", FREE[1]));
    assert_eq!(corrupted(&guest.status()), 8192);
    guest.capture_log(log);
    guest.stop_recording("memory_failure_event");
    let status = guest.status();
    // The page that failed is unmarked, but still counted by its node: the sum does not tell.
    assert!(!said(&status).contains("before failing"), "{}", said(&status));
    let scan = guest.json("pages list --scan");
    assert_eq!(scan["unregistered"], json!([0x100_0000, 0x3000_0000]), "{scan}");
}

pub(crate) fn a_page_in_use_by_the_kernel_is_not_said_to_be_out_of_use(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.start_agent();
    // The kernel's own code: marked as bad, counted, and used on.
    assert_ne!(offline(&mut guest, "hard", "0x1000"), 0);
    let status = guest.status();
    assert_eq!(corrupted(&status), 4096);
    let said = said(&status);
    assert!(said.contains("4 KiB of memory has been marked as bad"), "{said}");
    // Before 6.3 nothing in sysfs tells what became of a page.
    let says = said.contains("1 still in use (left alone by the kernel)");
    assert_eq!(says, kernel.series != "6.1", "{said}");
    guest.capture("page-in-use");

    // Told in the words of this kernel, whose numbers for them are its own.
    assert_eq!(offline(&mut guest, "hard", FREE[1]), 0);
    guest.next_pass();
    let in_use = if kernel.series == "6.1" { "unknown page" } else { "get hwpoison page" };
    assert_eq!(
        told(&guest.events()),
        [
            format!("memory_failure uncorrected 0x1000000 {in_use}: ignored"),
            "memory_failure uncorrected 0x31000000 free buddy page: recovered".to_owned(),
        ]
    );
}

pub(crate) fn switches_that_forbid_offlining_or_panic_instead_are_told(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    let (code, ..) = guest.attempt("echo 0 >/proc/sys/vm/enable_soft_offline");
    // The switch came with 6.11.
    assert_eq!(code == 0, kernel.series != "6.1");
    let refused = offline(&mut guest, "soft", FREE[0]) != 0;
    assert_eq!(refused, kernel.series != "6.1");
    let status = guest.status();
    assert_eq!(corrupted(&status), if refused { 0 } else { 4096 });
    let off = findings(&status).contains(&"soft-offline-off host".to_owned());
    assert_eq!(off, kernel.series != "6.1");

    let told = |guest: &mut Guest| {
        findings(&guest.status())
            .contains(&"uncorrected-errors-panic memory_failure_recovery".to_owned())
    };
    assert!(!told(&mut guest));
    guest.run("echo 0 >/proc/sys/vm/memory_failure_recovery");
    assert!(told(&mut guest));
}

pub(crate) fn a_page_with_too_many_errors_goes_where_the_settings_say_so_and_the_kernel_agrees(
    kernel: Kernel,
) {
    const SOFT: &str = "[pages]\noffline = \"soft\"\npreset = \"mcelog\"";
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_edac");
    let twice = |guest: &mut Guest, frame: &str| {
        for offset in ["0x40", "0x80"] {
            guest.order(&format!(
                "corrected mc=0 channel=1 slot=0 page={frame} offset={offset} syndrome=0xab"
            ));
        }
        guest.next_pass();
    };
    let offlining = |guest: &mut Guest| guest.shown()["agent"]["offlining"].clone();

    // Unless somebody asks for it, the host is observed, not changed.
    guest.start_agent();
    twice(&mut guest, FREE[0]);
    assert_eq!(reported(&guest.events())["test-socket-0/dimm2 correctable"], 2);
    assert_eq!(offlining(&mut guest), json!({"done": 0, "failed": 0, "refused": 0}));
    assert_eq!(corrupted(&guest.status()), 0);
    assert_eq!(guest.json("history pages")["pages"], json!([]));
    guest.stop_agent();

    // What was seen before counts. One error is not too many.
    guest.order("corrected mc=0 channel=1 slot=0 page=0x32000");
    guest.start_agent_set_to(SOFT);
    guest.next_pass();
    assert_eq!(offlining(&mut guest), json!({"done": 1, "failed": 0, "refused": 0}));
    let status = guest.status();
    assert_eq!(corrupted(&status), 4096);
    let page = only(&mut guest);
    assert_eq!(page["physical_address"], 0x3000_0000_u64, "{page}");
    assert_eq!(page["reason"]["kind"], "corrected_threshold", "{page}");
    assert_eq!(page["dimm"], "test-socket-0/dimm2", "{page}");
    assert_eq!(page["state"], "offline_now", "{page}");
    let life = &guest.json("history pages")["pages"][0]["turns"];
    assert_eq!(life.as_array().unwrap().len(), 1, "{life}");
    assert_eq!(life[0]["what"], "requested", "{life}");
    assert_eq!(life[0]["answer"]["kind"], "done", "{life}");

    // From 6.11 on the kernel can be told to decline; then it is not asked.
    let (code, ..) = guest.attempt("echo 0 >/proc/sys/vm/enable_soft_offline");
    let may = code != 0;
    assert_eq!(may, kernel.series == "6.1");
    twice(&mut guest, FREE[1]);
    let refused = u32::from(!may);
    assert_eq!(
        offlining(&mut guest),
        json!({"done": 2 - refused, "failed": 0, "refused": refused})
    );
    assert_eq!(corrupted(&guest.status()), if may { 8192 } else { 4096 });
}

/// Takes a page out of use, which the agent sees.
pub(crate) fn lose_a_page(guest: &mut Guest) {
    assert_eq!(offline(guest, "hard", FREE[1]), 0);
    guest.next_pass();
    let page = only(guest);
    assert_eq!(page["physical_address"], 0x3100_0000_u64, "{page}");
    assert_eq!(page["reason"]["kind"], "memory_failure", "{page}");
    assert_eq!(page["reason"]["page_type"], "free buddy page", "{page}");
    assert_eq!(page["reason"]["result"], "recovered", "{page}");
    assert_eq!(page["state"], "offline_now", "{page}");
}

/// What is known of that page in the boot after, when the kernel has forgotten it.
pub(crate) fn remembers_the_lost_page(guest: &mut Guest) {
    let page = only(guest);
    assert_eq!((&page["state"], &page["boots_survived"]), (&json!("not_offline_now"), &json!(1)));
    let words = guest.run("scrubjay pages boot-args --state-dir /state/history");
    assert!(words.contains("memmap=4K$0x31000000"), "{words}");
}

/// The one page there must be in the registry.
fn only(guest: &mut Guest) -> Value {
    let list = guest.json("pages list");
    let pages = list["registered"]["value"].as_array().unwrap();
    assert_eq!(pages.len(), 1, "{list}");
    pages[0].clone()
}
