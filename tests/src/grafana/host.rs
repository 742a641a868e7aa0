//! One host: what is said of it, and since when.

use super::Dashboard;
use super::panel::{
    COVERAGE, Panel, REBOOT, VERDICTS, rank_of_coverage, rank_of_reboot, rank_of_verdict,
};
use serde_json::json;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new("host", "Host", "What is said of one host, what it rests on, and since when.")
        .of_one_instance()
        .from("now-7d")
        .with_boots()
        .row("Now", now())
        .row("Why", why())
        .row("Over time", over_time())
        .row("What was read", sources())
}

fn now() -> Vec<Panel> {
    let coverage = |title, class: &str, description| {
        Panel::stat(title, description).now(&rank_of_coverage(class), "").words(&COVERAGE)
    };
    vec![
        Panel::stat("Verdict", "The worst of all findings. Unknown is worse than ok.")
            .now(&rank_of_verdict("scrubjay_verdict", "job, instance"), "")
            .words(&VERDICTS)
            .option("colorMode", json!("background")),
        coverage(
            "Corrected errors seen",
            "correctable",
            "How much of the host's corrected memory errors can reach the agent.",
        ),
        coverage(
            "Uncorrected errors seen",
            "uncorrectable",
            "How much of the host's uncorrected memory errors can reach the agent.",
        ),
        Panel::stat("Reboot asked for", "Whether the host is to be rebooted at the next window.")
            .now(&rank_of_reboot(), "")
            .words(&REBOOT),
        Panel::stat("Up for", "Time since boot, sleep included.")
            .now("scrubjay_uptime_seconds{@}", "")
            .unit("s"),
        Panel::stat(
            "Readings are from",
            "How long ago the last pass ended. Beyond some intervals of the agent, by default a minute, \
             passes hang.",
        )
        .now("time() - scrubjay_snapshot_timestamp_seconds{@}", "")
        .unit("s"),
    ]
}

fn why() -> Vec<Panel> {
    vec![
        Panel::table(
            "Findings",
            "The runbook, docs/findings.md, has a page for each code; `scrubjay status` on the host has \
             the numbers behind them. None are told either while the host does not answer or its \
             readings are too old: the verdict then has no data.",
        )
        .size(24, 9)
        .rows("scrubjay_finding{@}")
        .columns(
            &[
                ("verdict", "Verdict"),
                ("code", "Finding"),
                ("subject", "What it is about"),
                ("action", "Do"),
            ],
            &["Time", "Value", "__name__", "job", "instance"],
        )
        .empty("none told"),
        Panel::table("What hides memory errors", "Gaps in what can be seen, by class of errors.")
            .size(12, 7)
            .rows("scrubjay_monitoring_coverage_gap_info{@}")
            .columns(
                &[("class", "Errors"), ("code", "Gap"), ("subject", "Where")],
                &["Time", "Value", "__name__", "job", "instance"],
            )
            .empty("none told"),
        Panel::table("Why a reboot is asked for", "Findings that a reboot would mend.")
            .size(12, 7)
            .rows("scrubjay_reboot_reason{@}")
            .columns(
                &[("severity", "Verdict"), ("code", "Reason"), ("subject", "What it is about")],
                &["Time", "Value", "__name__", "job", "instance"],
            )
            .empty("none told"),
        Panel::table(
            "Sticks of memory",
            "Verdict and errors of each stick since the history knows it. The probability is good for \
             comparing sticks, and only of those with open faults.",
        )
        .size(24, 9)
        .rows(&rank_of_verdict("scrubjay_module_verdict", "module, slot"))
        .rows("sum by (module, slot) (scrubjay_module_correctable_errors_total{@})")
        .rows("sum by (module, slot) (scrubjay_module_uncorrectable_errors_total{@})")
        .rows("max by (module, slot) (scrubjay_module_failure_probability_ratio{@})")
        .merged()
        .columns(
            &[
                ("slot", "Slot"),
                ("Value #A", "Verdict"),
                ("Value #B", "Corrected errors"),
                ("Value #C", "Uncorrected errors"),
                ("Value #D", "Probability of failure"),
                ("module", "Stick"),
            ],
            &["Time"],
        )
        .worded("Verdict", &VERDICTS)
        .of("Probability of failure", &[("unit", json!("percentunit")), ("decimals", json!(1))])
        .sorted("Verdict", true)
        .empty("-"),
    ]
}

fn over_time() -> Vec<Panel> {
    vec![
        Panel::states("Verdict over time", "Where there is no bar the host did not report.")
            .size(24, 4)
            .query(&rank_of_verdict("scrubjay_verdict", "instance"), "{{instance}}")
            .words(&VERDICTS)
            .legend(false),
        Panel::states(
            "Coverage over time",
            "How much of the host's memory errors could be seen, by class.",
        )
        .size(24, 5)
        .query(&rank_of_coverage("correctable"), "corrected errors")
        .query(&rank_of_coverage("uncorrectable"), "uncorrected errors")
        .words(&COVERAGE)
        .legend(false),
        Panel::lines(
            "Corrected errors by DIMM",
            "Sums since the history began: they go on over reboots. A step is errors, its height how \
             many.",
        )
        .query("scrubjay_dimm_correctable_errors_total{@} > 0", "{{dimm}}")
        .empty("none told: see coverage"),
        Panel::lines(
            "Uncorrected errors by DIMM",
            "Sums since the history began: they go on over reboots.",
        )
        .query("scrubjay_dimm_uncorrectable_errors_total{@} > 0", "{{dimm}}")
        .empty("none told: see coverage"),
        Panel::lines("Uptime", "Falls to zero with each boot.")
            .query("scrubjay_uptime_seconds{@}", "uptime")
            .unit("s")
            .legend(false),
        Panel::lines("Alerts in the agent's book", "By state. Held ones could not be looked at.")
            .query("scrubjay_alerts{@}", "{{state}}")
            .query("scrubjay_alerts_held{@}", "held"),
    ]
}

fn sources() -> Vec<Panel> {
    vec![
        Panel::table(
            "Sources",
            "What came of the last reading of each kernel interface. Absent is not a fault: this host \
             does not offer it.",
        )
        .size(8, 9)
        .rows("scrubjay_source_state{@} == 1")
        .columns(
            &[("source", "Source"), ("state", "State")],
            &["Time", "Value", "__name__", "job", "instance"],
        ),
        Panel::table("Kernel", "The running kernel, and how it stands to what is installed.")
            .size(8, 9)
            .rows("scrubjay_kernel_info{@}")
            .columns(
                &[("release", "Release"), ("version", "Build")],
                &["Time", "Value", "__name__", "job", "instance"],
            ),
        Panel::table("Memory controllers", "As the kernel's EDAC core describes them.")
            .size(8, 9)
            .rows("scrubjay_controller_info{@}")
            .columns(
                &[
                    ("controller", "Controller"),
                    ("edac", "Kernel's name"),
                    ("name", "Driver says"),
                    ("layout", "Counts by"),
                ],
                &["Time", "Value", "__name__", "job", "instance"],
            )
            .empty("none told: see coverage"),
    ]
}
