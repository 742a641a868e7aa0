//! Patches and boots: what is owed and since when, until when live patches help, when hosts booted.

use super::Dashboard;
use super::panel::Panel;
use serde_json::json;

const RELATIONS: &str = "sum by (relation) (scrubjay_kernel_relation{@})";

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "patches",
        "Patch & boots",
        "Fixes that are on disk and not in force, live patches and the end of their support, and boots.",
    )
    .from("now-30d")
    .with_boots()
    .row("Exposure", exposure())
    .row("Live patches", live_patches())
    .row("What a reboot would bring", reboot())
    .row("Boots", boots())
}

fn exposure() -> Vec<Panel> {
    let clock = |title, clock: &str, description| {
        Panel::lines(title, description)
            .query(
                &format!(
                    "max by (instance) (scrubjay_kernel_exposure_seconds{{@,clock=\"{clock}\"}}) > 0"
                ),
                "{{instance}}",
            )
            .unit("s")
            .empty("none told")
    };
    vec![
        Panel::stat(
            "Fixes owed",
            "Vulnerabilities that the newest installed kernel fixes and that are open, of all hosts \
             together.",
        )
        .size(6, 4)
        .now("sum(scrubjay_kernel_cves{@,state=\"debt\"})", "owed")
        .empty("not known of any host")
        .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::stat(
            "Held off by live patches",
            "Vulnerabilities that would be owed if live patches did not cover them.",
        )
        .size(6, 4)
        .now("sum(scrubjay_kernel_cves{@,state=\"mitigated\"})", "covered")
        .empty("not known of any host"),
        Panel::stat(
            "Hosts that owe",
            "Hosts on which at least one vulnerability is fixed on disk and not in force.",
        )
        .size(6, 4)
        .now("sum(scrubjay_kernel_cves{@,state=\"debt\"} > bool 0)", "hosts")
        .empty("not known of any host")
        .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::stat(
            "Hosts of which it is not known",
            "Hosts that report and of which nothing is said about fixes: no changelog, no package \
             database, or a kernel from outside.",
        )
        .size(6, 4)
        .now(
            "count(scrubjay_snapshot_stale{@} == 0) - count(scrubjay_kernel_cves{@,state=\"debt\"})",
            "hosts",
        )
        .empty("not known of any host")
        .thresholds(&[("green", None), ("purple", Some(1.0))]),
        clock(
            "Exposed since the fix was released",
            "release",
            "Longest time for which a vulnerability of a host has been fixed by the vendor and not in \
             force. Ends with a reboot into the fixed kernel, or a live patch.",
        ),
        clock(
            "Exposed since the fix was installed",
            "install",
            "The same since the fix lies on the disk: from then on a reboot was all that was missing.",
        ),
    ]
}

fn live_patches() -> Vec<Panel> {
    vec![
        Panel::table(
            "Support left",
            "How long live patches will be made for the running kernel: dated by a file of the vendor, or \
             reckoned at the latest by its usual window. Below zero it has ended.",
        )
        .size(12, 8)
        .rows("scrubjay_livepatch_support_end_timestamp_seconds{@} - time()")
        .columns(
            &[
                ("instance", "Host"),
                ("system", "System"),
                ("basis", "Known by"),
                ("Value", "Time left"),
            ],
            &["Time", "job"],
        )
        .of(
            "Time left",
            &[
                ("unit", json!("s")),
                ("decimals", json!(0)),
                (
                    "thresholds",
                    json!({"mode": "absolute", "steps": [
                        {"color": "red", "value": null},
                        {"color": "orange", "value": 0},
                        {"color": "green", "value": 2_592_000},
                    ]}),
                ),
                ("custom.cellOptions", json!({"type": "color-text"})),
            ],
        )
        .hosts("Host")
        .sorted("Time left", false)
        .empty("none told"),
        Panel::table(
            "Live patches in the kernel",
            "Each with its system and level. In transition it is not in force yet.",
        )
        .size(12, 8)
        .rows("max by (instance, patch) (scrubjay_livepatch_enabled{@})")
        .rows("max by (instance, patch) (scrubjay_livepatch_transition{@})")
        .rows("max by (instance, patch) (scrubjay_livepatch_functions{@})")
        .merged()
        .columns(
            &[
                ("instance", "Host"),
                ("patch", "Live patch"),
                ("Value #A", "Enabled"),
                ("Value #B", "In transition"),
                ("Value #C", "Functions"),
            ],
            &["Time"],
        )
        .worded("Enabled", &[(0.0, "no", "orange"), (1.0, "yes", "green")])
        .worded("In transition", &[(0.0, "no", "green"), (1.0, "yes", "orange")])
        .hosts("Host")
        .empty("none told"),
        Panel::lines(
            "Transitions that last",
            "How long a live patch has been in transition. Minutes are usual; days mean that a task \
             never leaves the old code.",
        )
        .query("scrubjay_livepatch_transition_seconds{@}", "{{instance}} {{patch}}")
        .unit("s")
        .empty("none told"),
        Panel::lines("Tasks that hold a transition up", "Tasks that a running transition waits for.")
            .query("scrubjay_livepatch_blocking_tasks{@} > 0", "{{instance}}")
            .empty("none told"),
    ]
}

fn reboot() -> Vec<Panel> {
    vec![
        Panel::table(
            "Reboots that are asked for",
            "Since when, and which kernel the boot loader would start. Not newer means that a reboot \
             alone does not mend it.",
        )
        .size(14, 9)
        .rows("time() - scrubjay_reboot_needed_since_timestamp_seconds{@}")
        .columns(&[("instance", "Host"), ("Value", "Asked for since")], &["Time", "job"])
        .of("Asked for since", &[("unit", json!("s")), ("decimals", json!(0))])
        .hosts("Host")
        .sorted("Asked for since", true)
        .empty("none told"),
        Panel::bars(
            "Running kernel and newest installed",
            "Hosts by how the running kernel stands to the newest one that is installed.",
        )
        .size(10, 9)
        .now(RELATIONS, "{{relation}}")
        .empty("not known"),
        Panel::bars("Next boot would start", "Hosts by what the boot loader is set to start.")
            .size(8, 7)
            .now("sum by (kernel) (scrubjay_next_boot_kernel{@})", "{{kernel}}")
            .empty("not known"),
        Panel::bars(
            "Processes with old code",
            "Processes that run code of files that were deleted or replaced: the ten hosts with most.",
        )
        .size(8, 7)
        .now("topk(10, sum by (instance) (scrubjay_stale_processes{@}) > 0)", "{{instance}}")
        .empty("none told"),
        Panel::table("Microcode that is behind", "Hosts whose CPUs run older microcode than is on disk.")
            .size(8, 7)
            .rows("scrubjay_microcode_behind{@} == 1")
            .columns(&[("instance", "Host")], &["Time", "__name__", "job", "Value"])
            .hosts("Host")
            .empty("none told"),
    ]
}

fn boots() -> Vec<Panel> {
    vec![
        Panel::states(
            "Running kernel",
            "Which kernel each host ran. A change of colour is a boot into another one; a gap is time \
             without reports.",
        )
        .size(24, 10)
        .query("count by (instance, release) (scrubjay_kernel_info{@})", "{{instance}} {{release}}")
        .words(&[(1.0, "runs", "blue")])
        .legend(false),
        Panel::lines("Booted last", "Uptime of the ten hosts that booted last.")
            .query("bottomk(10, max by (instance) (scrubjay_uptime_seconds{@}))", "{{instance}}")
            .unit("s"),
        Panel::bars(
            "How boots ended",
            "Boots that the histories know. Unclean ones were crashes, resets or power cuts.",
        )
        .size(6, 8)
        .now("sum by (end) (scrubjay_boots{@,end!=\"running\"})", "{{end}}")
        .empty("not known"),
        Panel::bars(
            "Unclean ends by host",
            "The ten hosts with the most boots that ended uncleanly.",
        )
        .size(6, 8)
        .now("topk(10, max by (instance) (scrubjay_boots{@,end=\"unclean\"}) > 0)", "{{instance}}")
        .empty("none told"),
    ]
}
