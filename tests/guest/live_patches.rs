//! Live patches: applied, stacked, replaced, held up, forced, taken back.

use crate::captures;
use crate::guest::{Down, Guest};
use crate::machine::Kernel;
use crate::seen::{findings, value};
use serde_json::Value;

const DIR: &str = "/sys/kernel/livepatch";
const HOLD: &str = "/sys/kernel/debug/scrubjay_target/hold";

fn patches(status: &Value) -> &Vec<Value> {
    value(status, "livepatch")["patches"].as_array().unwrap()
}

/// The one patch there must be.
fn only(status: &Value) -> &Value {
    assert_eq!(patches(status).len(), 1, "{:?}", patches(status));
    &patches(status)[0]
}

fn taint(status: &Value) -> String {
    let flags = value(status, "kernel_health")["taint"]["value"]["flags"].as_array().unwrap();
    flags.iter().map(|flag| flag["letter"].as_str().unwrap()).collect()
}

/// Waits until a patch has no transition any more, be it that the patch has gone.
fn settled(guest: &mut Guest, patch: &str) {
    guest.run(&format!(
        "while [ -e {DIR}/{patch} ] && [ $(cat {DIR}/{patch}/transition) = 1 ]; do sleep 0.2; done"
    ));
}

fn apply(guest: &mut Guest, patch: &str) {
    guest.load(patch);
    settled(guest, patch);
}

fn disable(guest: &mut Guest, patch: &str) {
    guest.run(&format!("echo 0 >{DIR}/{patch}/enabled"));
    settled(guest, patch);
}

pub(crate) fn a_patch_is_seen_from_its_loading_to_its_removal_and_the_taint_stays(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    let status = guest.status();
    assert!(patches(&status).is_empty());
    assert_eq!(taint(&status), "");

    apply(&mut guest, "scrubjay_live_plain");
    assert_eq!(guest.run("cat /proc/loadavg"), "plain\n");
    let status = guest.status();
    let patch = only(&status);
    assert_eq!(patch["name"], "scrubjay_live_plain");
    assert_eq!(patch["enabled"]["value"], true);
    assert_eq!(patch["transition"]["value"], false);
    assert_eq!(patch["module_taint"]["value"], "OEK");
    assert_eq!(patch["objects"]["value"][0]["name"], "vmlinux");
    assert_eq!(patch["objects"]["value"][0]["patched"]["value"], true);
    assert_eq!(
        patch["objects"]["value"][0]["functions"]["value"],
        serde_json::json!(["loadavg_proc_show,1"])
    );
    assert_eq!(taint(&status), "OEK");
    its_code_is_compared_with_files(&mut guest, &status);

    disable(&mut guest, "scrubjay_live_plain");
    // The module is still loaded; the patch is not.
    guest.run("grep -q scrubjay_live_plain /proc/modules");
    let status = guest.status();
    assert!(patches(&status).is_empty());
    assert_eq!(module(&status)["listed"], false);
    assert!(provenance(&status).is_empty(), "a leftover is not judged");
    guest.run("rmmod scrubjay_live_plain");
    let status = guest.status();
    assert!(patches(&status).is_empty());
    assert_eq!(value(&status, "livepatch_modules")["modules"], serde_json::json!([]));
    assert_eq!(taint(&status), "OEK", "until the next boot");
}

/// The one module of a live patch there must be.
fn module(status: &Value) -> &Value {
    let modules = value(status, "livepatch_modules")["modules"].as_array().unwrap();
    assert_eq!(modules.len(), 1, "{modules:?}");
    &modules[0]
}

/// The codes of findings on where the patch comes from.
fn provenance(status: &Value) -> Vec<String> {
    let of = |found: &String| found.ends_with(" scrubjay_live_plain");
    findings(status).into_iter().filter(of).collect()
}

/// The patch was built for the test and is signed by nobody. No place for modules is in the guest at
/// first, then one without its file, then one with it.
fn its_code_is_compared_with_files(guest: &mut Guest, status: &Value) {
    let unsigned = "livepatch-unsigned scrubjay_live_plain";
    assert_eq!(module(status)["searched"]["origin"], "lib/modules");
    assert_eq!(provenance(status), [unsigned]);
    let enforced = &value(status, "livepatch_modules")["signatures_enforced"];
    assert_eq!(enforced["value"], false, "{enforced}");
    let id = module(status)["loaded"]["build_id"]["value"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 40, "{id}");

    let folder = "/lib/modules/$(uname -r)/updates";
    guest.run(&format!("mkdir -p {folder}"));
    let status = guest.status();
    assert_eq!(provenance(&status), ["livepatch-no-file scrubjay_live_plain", unsigned]);

    // Another module under its name is not it.
    guest.run(&format!("cp /modules/scrubjay_live_stacked.ko {folder}/scrubjay_live_plain.ko"));
    let status = guest.status();
    assert_eq!(provenance(&status), ["livepatch-no-file scrubjay_live_plain", unsigned]);

    guest.run(&format!("cp /modules/scrubjay_live_plain.ko {folder}/scrubjay-live-plain.ko"));
    let status = guest.status();
    assert_eq!(provenance(&status), [unsigned]);
    let file = &module(&status)["files"][0];
    assert!(file["path"].as_str().unwrap().ends_with("updates/scrubjay-live-plain.ko"), "{file}");
    let contents = &file["contents"]["value"];
    assert_eq!(contents["build_id"], id.as_str());
    assert_eq!(contents["signature"]["kind"], "missing");
    assert_eq!(contents["info"]["livepatch"], true);
    let page = guest.run("scrubjay status");
    let page: Vec<&str> = page.split_whitespace().collect();
    let page = page.join(" ");
    assert!(page.contains("scrubjay-live-plain.ko, which has no signature"), "{page}");
    assert!(page.contains(&format!("build id {id}")), "{page}");
}

pub(crate) fn stacked_patches_are_listed_and_a_cumulative_one_replaces_them(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    let log = "livepatch-replaced";
    guest.log_from_here(log);
    apply(&mut guest, "scrubjay_live_plain");
    apply(&mut guest, "scrubjay_live_stacked");
    let status = guest.status();
    let names: Vec<&str> = patches(&status).iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["scrubjay_live_plain", "scrubjay_live_stacked"]);
    let target = |status: &Value| {
        let objects = patches(status)[1]["objects"]["value"].as_array().unwrap().clone();
        let object = objects.into_iter().find(|object| object["name"] == "scrubjay_target");
        object.unwrap()["patched"]["value"].clone()
    };
    assert_eq!(target(&status), false, "its module is not loaded");
    guest.capture("livepatch-stacked");
    guest.load("scrubjay_target");
    assert_eq!(guest.run("cat /sys/kernel/debug/scrubjay_target/name"), "2\n");
    assert_eq!(target(&guest.status()), true);

    apply(&mut guest, "scrubjay_live_replace");
    assert_eq!(guest.run("cat /proc/loadavg"), "replace\n");
    guest.run(&format!("while [ $(ls {DIR} | wc -l) != 1 ]; do sleep 0.2; done"));
    let status = guest.status();
    assert_eq!(only(&status)["name"], "scrubjay_live_replace");
    // The attribute came with 6.11.
    let replace = &only(&status)["replace"];
    let expected = if kernel.series == "6.1" { "absent" } else { "ok" };
    assert_eq!(replace["state"], expected, "{replace}");
    guest.capture_log(log);
}

/// Applies a patch that one thread holds up; the thread's id.
fn stall(guest: &mut Guest) -> u64 {
    let sleeper = guest.run(&format!("cat {HOLD} >/run/held 2>&1 & echo $!"));
    // Asleep in the function to be patched, and nowhere before it.
    guest.run(&format!(
        "while ! grep -q scrubjay_target_hold /proc/{}/stack; do sleep 0.1; done",
        sleeper.trim()
    ));
    guest.load("scrubjay_live_stall");
    sleeper.trim().parse().unwrap()
}

/// The threads said to hold up a transition, once it is only `thread`.
fn blocked_by(guest: &mut Guest, thread: u64) -> Value {
    // Others are switched within moments, idle CPUs included.
    guest.run(&format!(
        "while cat /proc/[0-9]*/task/[0-9]*/patch_state 2>/dev/null | grep -c '^0' | grep -qv '^1$'
         do sleep 0.2; done; grep -q 0 /proc/{thread}/patch_state"
    ));
    let status = guest.status();
    assert_eq!(only(&status)["transition"]["value"], true);
    assert!(findings(&status).iter().any(|found| found.starts_with("livepatch-transition")));
    let named = status["assessment"]["findings"].to_string();
    assert!(named.contains("cat"), "{named}");
    value(&status, "livepatch")["blockers"]["value"].clone()
}

pub(crate) fn a_stalled_transition_names_the_thread_and_clears_when_that_is_released(
    kernel: Kernel,
) {
    let mut guest = Guest::boot(kernel);
    let log = "livepatch-stalled";
    guest.log_from_here(log);
    guest.load("scrubjay_target");
    let sleeper = stall(&mut guest);
    let blockers = blocked_by(&mut guest, sleeper);
    guest.capture("livepatch-stalled");
    if captures::wanted() {
        // The kernel nudges those it waits for after some fifteen seconds.
        guest.run("while ! dmesg | grep -q 'signaling remaining tasks'; do sleep 0.5; done");
    }
    assert_eq!(blockers.as_array().unwrap().len(), 1, "{blockers}");
    assert_eq!(blockers[0]["tid"], sleeper);
    assert_eq!(blockers[0]["comm"]["value"], "cat");
    assert_eq!(blockers[0]["patch_state"], 0);

    guest.run(&format!("echo >{HOLD}"));
    settled(&mut guest, "scrubjay_live_stall");
    let status = guest.status();
    assert_eq!(only(&status)["enabled"]["value"], true);
    assert_eq!(value(&status, "livepatch")["blockers"], Value::Null);
    assert!(!findings(&status).iter().any(|found| found.starts_with("livepatch-transition")));
    guest.capture_log(log);
}

pub(crate) fn a_stalled_patch_can_be_taken_back(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    guest.load("scrubjay_target");
    let sleeper = stall(&mut guest);
    blocked_by(&mut guest, sleeper);
    // The way back does not need the sleeper, which never left the old code.
    disable(&mut guest, "scrubjay_live_stall");
    let status = guest.status();
    assert!(patches(&status).is_empty());
    assert_eq!(value(&status, "livepatch")["blockers"], Value::Null);
    guest.run(&format!("echo >{HOLD}"));
}

pub(crate) fn a_forced_transition_ends_although_the_thread_still_sleeps(kernel: Kernel) {
    let mut guest = Guest::boot(kernel);
    let log = "livepatch-forced";
    guest.log_from_here(log);
    guest.load("scrubjay_target");
    let sleeper = stall(&mut guest);
    blocked_by(&mut guest, sleeper);
    guest.run(&format!("echo 1 >{DIR}/scrubjay_live_stall/force"));
    settled(&mut guest, "scrubjay_live_stall");
    guest.run(&format!("grep -q scrubjay_target_hold /proc/{sleeper}/stack"));
    let status = guest.status();
    assert_eq!(only(&status)["enabled"]["value"], true);
    assert_eq!(value(&status, "livepatch")["blockers"], Value::Null);
    assert_eq!(taint(&status), "OEK");
    assert!(findings(&status).contains(&"livepatch-forced scrubjay_live_stall".to_owned()));
    let forced = &value(&status, "kernel_log")["forced"];
    assert_eq!(forced[0]["patch"], "scrubjay_live_stall", "{forced}");
    assert_eq!(forced.as_array().unwrap().len(), 1, "{forced}");
    guest.run(&format!("echo >{HOLD}"));
    guest.capture_log(log);

    // Only the log tells of it, and only until the reboot. What the agent has seen it remembers
    // when the log no longer holds it.
    disable(&mut guest, "scrubjay_live_stall");
    let forced = "livepatch-forced scrubjay_live_stall".to_owned();
    assert!(findings(&guest.status()).contains(&forced));
    guest.start_agent();
    // The log is 256 KiB.
    guest.run(
        "echo on >/proc/sys/kernel/printk_devkmsg
         for i in $(seq 6000); do echo \"rolling over, line $i of very many\"; done >/dev/kmsg",
    );
    guest.run("! dmesg | grep -q 'forcing remaining tasks'");
    guest.next_pass();
    assert!(findings(&guest.status()).contains(&forced));
    let mut guest = guest.reboot(Down::InOrder);
    assert!(!findings(&guest.status()).contains(&forced));
}
