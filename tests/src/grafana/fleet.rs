//! Who needs what: coverage gaps first, for what is not seen cannot be judged.

use super::Dashboard;
use super::panel::{
    COVERAGE, Panel, REBOOT, VERDICTS, rank_of_coverage, rank_of_reboot, rank_of_verdict,
};
use serde_json::json;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "fleet",
        "Fleet",
        "Which hosts need what, and of which nothing can be said. Coverage gaps come first: a host \
         that is not seen looks like one that is well.",
    )
    .row("What cannot be seen", unseen())
    .row("Who needs what", needs())
    .row("Patches and reboots", patches())
    .row("Over time", over_time())
}

fn unseen() -> Vec<Panel> {
    vec![
        Panel::stat(
            "Agents that answer",
            "Targets of the job that Prometheus could scrape last time.",
        )
        .now("sum(up{@})", "answer")
        .empty("no targets")
        .thresholds(&[("red", None), ("green", Some(1.0))]),
        Panel::stat(
            "Do not answer",
            "Targets that Prometheus asks in vain: the host, the network or the agent is down. What \
             was last known of them is old, and not shown.",
        )
        .now("sum(1 - up{@})", "do not answer")
        .empty("no targets")
        .thresholds(&[("green", None), ("red", Some(1.0))]),
        Panel::stat(
            "Gone from the targets",
            "Hosts that had an agent within the time shown and are not asked any more, as when service \
             discovery lost them. 0 if all are still asked.",
        )
        .now(
            "count(present_over_time(scrubjay_snapshot_stale{@}[$__range])) - \
             count(present_over_time(scrubjay_snapshot_stale{@}[$__range]) and on (job, instance) up{@})",
            "gone",
        )
        .empty("no agents")
        .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::stat(
            "Readings too old",
            "Agents that answer and whose passes hang: their pages leave out all that is of the host.",
        )
        .now("sum(scrubjay_snapshot_stale{@})", "too old")
        .empty("no agents")
        .thresholds(&[("green", None), ("red", Some(1.0))]),
        Panel::stat(
            "Corrected errors may hide",
            "Hosts on which corrected memory errors may be hidden, or are.",
        )
        .now(
            "sum(scrubjay_monitoring_coverage{@,class=\"correctable\",state=~\"partial|none|unknown\"})",
            "hosts",
        )
        .empty("not known")
        .thresholds(&[("green", None), ("yellow", Some(1.0))]),
        Panel::stat(
            "Uncorrected errors may hide",
            "Hosts on which uncorrected memory errors may be hidden, or are.",
        )
        .now(
            "sum(scrubjay_monitoring_coverage{@,class=\"uncorrectable\",state=~\"partial|none|unknown\"})",
            "hosts",
        )
        .empty("not known")
        .thresholds(&[("green", None), ("yellow", Some(1.0))]),
        Panel::table(
            "What hides memory errors",
            "Each gap with the number of hosts that have it. The runbook, docs/findings.md, has a page \
             for each code.",
        )
        .size(10, 9)
        .rows("count by (class, code) (scrubjay_monitoring_coverage_gap_info{@})")
        .columns(&[("class", "Errors"), ("code", "Gap"), ("Value", "Hosts")], &["Time"])
        .sorted("Hosts", true)
        .empty("none told"),
        Panel::table(
            "Hosts that do not answer, or are too old",
            "Scraped in vain, or scraped while passes hang. The value says which. A host that is no target is \
             not here.",
        )
        .size(14, 9)
        .rows("up{@} == 0 or on (job, instance) scrubjay_snapshot_stale{@} == 1")
        .columns(
            &[("instance", "Host"), ("job", "Job"), ("Value", "What")],
            &["Time", "__name__"],
        )
        .worded("What", &[(0.0, "does not answer", "red"), (1.0, "readings too old", "orange")])
        .hosts("Host")
        .empty("none told"),
    ]
}

fn needs() -> Vec<Panel> {
    let count = |title, verdict: &str, description, color: &'static str| {
        Panel::stat(title, description)
            .size(4, 4)
            .now(&format!("sum(scrubjay_verdict{{@,verdict=\"{verdict}\"}})"), verdict)
            .empty("not known")
            .thresholds(&[("text", None), (color, Some(1.0))])
    };
    vec![
        count("Act", "act", "Hosts with something to be acted on now.", "red"),
        count("Plan", "plan", "Hosts that need something at the next maintenance window.", "orange"),
        count("Watch", "watch", "Hosts with something to keep an eye on, and no more.", "yellow"),
        count(
            "Unknown",
            "unknown",
            "Hosts of which not enough can be seen to call them well.",
            "purple",
        ),
        count("Ok", "ok", "Hosts of which nothing is to be said.", "green"),
        Panel::stat("Sticks to swap", "Sticks of memory whose verdict is plan or act.")
            .now("sum(scrubjay_module_verdict{@,verdict=~\"plan|act\"})", "sticks")
            .empty("not known")
            .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::table(
            "Hosts",
            "One row for each host that reports, those of which least can be seen first. Links lead to \
             the host.",
        )
        .size(24, 12)
        .rows(&rank_of_coverage("correctable"))
        .rows(&rank_of_coverage("uncorrectable"))
        .rows(&rank_of_verdict("scrubjay_verdict", "job, instance"))
        .rows(&rank_of_reboot())
        .rows("sum by (job, instance) (scrubjay_module_verdict{@,verdict=~\"plan|act\"})")
        .rows("sum by (job, instance) (scrubjay_kernel_cves{@,state=\"debt\"})")
        .rows("max by (job, instance) (scrubjay_kernel_exposure_seconds{@,clock=\"release\"})")
        .rows("min by (job, instance) (scrubjay_livepatch_support_end_timestamp_seconds{@}) - time()")
        .rows("max by (job, instance) (scrubjay_uptime_seconds{@})")
        .merged()
        .columns(
            &[
                ("instance", "Host"),
                ("job", "Job"),
                ("Value #A", "Corrected seen"),
                ("Value #B", "Uncorrected seen"),
                ("Value #C", "Verdict"),
                ("Value #D", "Reboot"),
                ("Value #E", "Sticks to swap"),
                ("Value #F", "Fixes owed"),
                ("Value #G", "Exposed for"),
                ("Value #H", "Live patches for"),
                ("Value #I", "Up for"),
            ],
            &["Time"],
        )
        .worded("Corrected seen", &COVERAGE)
        .worded("Uncorrected seen", &COVERAGE)
        .worded("Verdict", &VERDICTS)
        .worded("Reboot", &REBOOT)
        .of("Exposed for", &[("unit", json!("s")), ("decimals", json!(0))])
        .of("Live patches for", &[("unit", json!("s")), ("decimals", json!(0))])
        .of("Up for", &[("unit", json!("s")), ("decimals", json!(0))])
        .hosts("Host")
        .option(
            "sortBy",
            json!([
                {"displayName": "Corrected seen", "desc": true},
                {"displayName": "Verdict", "desc": true},
            ]),
        )
        .empty("-"),
        Panel::table(
            "Why: what is to be acted on or planned",
            "Findings of verdict act or plan, each with what to do. The runbook, docs/findings.md, has a \
             page for each code.",
        )
        .size(24, 10)
        .rows("scrubjay_finding{@,verdict=~\"act|plan\"}")
        .columns(
            &[
                ("instance", "Host"),
                ("verdict", "Verdict"),
                ("code", "Finding"),
                ("subject", "What it is about"),
                ("action", "Do"),
            ],
            &["Time", "Value", "__name__", "job"],
        )
        .hosts("Host")
        .sorted("Verdict", false)
        .empty("none told"),
    ]
}

fn patches() -> Vec<Panel> {
    vec![
        Panel::stat("Reboot asked for", "Hosts that are to be rebooted at the next window.")
            .size(4, 8)
            .now("sum(scrubjay_reboot_required{@,answer=\"yes\"})", "hosts")
            .empty("not known")
            .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::stat(
            "Reboot: cannot tell",
            "Hosts of which it is not known whether a reboot is needed.",
        )
        .size(4, 8)
        .now("sum(scrubjay_reboot_required{@,answer=\"unknown\"})", "hosts")
        .empty("not known")
        .thresholds(&[("green", None), ("purple", Some(1.0))]),
        Panel::bars(
            "Longest exposed",
            "The ten hosts on which a vulnerability has been fixed on disk and not in force for \
             longest, counted from the release of the fix.",
        )
        .now(
            "topk(10, max by (instance) (scrubjay_kernel_exposure_seconds{@,clock=\"release\"}) > 0)",
            "{{instance}}",
        )
        .unit("s")
        .thresholds(&[("yellow", None), ("orange", Some(604_800.0)), ("red", Some(2_592_000.0))])
        .empty("none told"),
        Panel::bars(
            "Live patches: time left",
            "The ten hosts whose live patches have the shortest support left for the running kernel. \
             Below zero it has ended.",
        )
        .now(
            "bottomk(10, min by (instance) (scrubjay_livepatch_support_end_timestamp_seconds{@}) - time())",
            "{{instance}}",
        )
        .unit("s")
        .thresholds(&[("red", None), ("orange", Some(0.0)), ("green", Some(2_592_000.0))])
        .empty("none told"),
        Panel::table("Kernels that run", "Running kernels with the number of hosts on each.")
            .size(12, 8)
            .rows("count by (release) (scrubjay_kernel_info{@})")
            .columns(&[("release", "Kernel"), ("Value", "Hosts")], &["Time"])
            .sorted("Hosts", true),
        Panel::table(
            "Why a reboot is asked for",
            "Reasons with the number of hosts that have them.",
        )
        .size(12, 8)
        .rows("count by (code, severity) (scrubjay_reboot_reason{@})")
        .columns(
            &[("code", "Reason"), ("severity", "Verdict"), ("Value", "Hosts")],
            &["Time"],
        )
        .sorted("Hosts", true)
        .empty("none told"),
    ]
}

fn over_time() -> Vec<Panel> {
    let coverage = |title, class: &str, description| {
        Panel::lines(title, description)
            .query(
                &format!("sum by (state) (scrubjay_monitoring_coverage{{@,class=\"{class}\"}})"),
                "{{state}}",
            )
            .stacked()
            .coloured("full", "green")
            .coloured("partial", "yellow")
            .coloured("none", "red")
            .coloured("unknown", "purple")
            .size(8, 8)
    };
    vec![
        Panel::lines("Verdicts", "Hosts by verdict.")
            .query("sum by (verdict) (scrubjay_verdict{@})", "{{verdict}}")
            .stacked()
            .coloured("ok", "green")
            .coloured("unknown", "purple")
            .coloured("watch", "yellow")
            .coloured("plan", "orange")
            .coloured("act", "red")
            .size(8, 8),
        coverage(
            "Coverage of corrected errors",
            "correctable",
            "Hosts by how much of their corrected errors can be seen.",
        ),
        coverage(
            "Coverage of uncorrected errors",
            "uncorrectable",
            "Hosts by how much of their uncorrected errors can be seen.",
        ),
    ]
}
