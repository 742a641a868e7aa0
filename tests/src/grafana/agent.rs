//! The health of the agents themselves.

use super::Dashboard;
use super::panel::Panel;
use serde_json::json;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "agent",
        "Agent health",
        "Whether the agents look, hear, remember and tell as they should. These metrics are there also \
         while readings are too old.",
    )
    .row("Do they look?", looking())
    .row("What could be read?", sources())
    .row("Do they hear?", hearing())
    .row("Do they remember?", history())
    .row("Do they tell?", telling())
    .row("What they cost", cost())
}

fn looking() -> Vec<Panel> {
    vec![
        Panel::bars(
            "Oldest readings",
            "The ten agents whose last pass is longest ago by their own intervals: 1 is one interval, by \
             default a minute. Text files have no interval and are not here.",
        )
        .now(
            "topk(10, (time() - max by (job, instance) (scrubjay_snapshot_timestamp_seconds{@})) / \
             max by (job, instance) (scrubjay_agent_interval_seconds{@}))",
            "{{instance}}",
        )
        .unit("suffix: intervals")
        .decimals(1)
        .thresholds(&[("green", None), ("orange", Some(3.0)), ("red", Some(15.0))]),
        Panel::lines(
            "Fewest passes",
            "Passes for each second of the ten agents that make fewest. At the default interval: 0.017.",
        )
            .size(8, 8)
            .query(
                "bottomk(10, sum by (instance) (rate(scrubjay_agent_passes_total{@}[$__rate_interval])))",
                "{{instance}}",
            )
            .unit("cps"),
        Panel::lines("Longest passes", "Reading, history and evaluation, of the ten slowest agents.")
            .size(8, 8)
            .query(
                "topk(10, max by (instance) (scrubjay_agent_pass_duration_seconds{@}))",
                "{{instance}}",
            )
            .unit("s"),
        Panel::lines("Late passes", "Passes that began more than one interval late.")
            .size(12, 6)
            .query(
                "sum by (instance) (increase(scrubjay_agent_late_passes_total{@}[$__rate_interval])) > 0",
                "{{instance}}",
            )
            .empty("none told"),
        Panel::table("Versions", "Agents by version.")
            .size(12, 6)
            .rows("count by (version) (scrubjay_build_info{@})")
            .columns(&[("version", "Version"), ("Value", "Agents")], &["Time"]),
    ]
}

fn sources() -> Vec<Panel> {
    vec![
        Panel::table(
            "Sources with faults",
            "What was offered and could not be read in whole, or not be understood. Absent sources are \
             no fault.",
        )
        .size(12, 8)
        .rows("count by (source, state) (scrubjay_source_state{@,state=~\"partial|unreadable|malformed\"} == 1)")
        .columns(
            &[("source", "Source"), ("state", "State"), ("Value", "Hosts")],
            &["Time"],
        )
        .sorted("Hosts", true)
        .empty("none told"),
        Panel::lines(
            "Slowest sources",
            "The longest that the last reading of a source took on any host.",
        )
        .query("topk(5, max by (source) (scrubjay_source_duration_seconds{@}))", "{{source}}")
        .unit("s"),
        Panel::lines(
            "Read failures",
            "Attributes that were offered and could not be read or understood, by source.",
        )
        .query(
            "sum by (source) (increase(scrubjay_source_read_failures_total{@}[$__rate_interval])) > 0",
            "{{source}}",
        )
        .empty("none told"),
        Panel::lines(
            "Deadlines missed",
            "Passes in which a source did not answer in time: a driver or a firmware hangs.",
        )
        .query(
            "sum by (instance, source) (increase(scrubjay_source_deadlines_missed_total{@}[$__rate_interval])) > 0",
            "{{instance}} {{source}}",
        )
        .empty("none told"),
    ]
}

fn hearing() -> Vec<Panel> {
    vec![
        Panel::bars(
            "How reports of errors arrive",
            "Agents by the way in use: trace events are exact, the kernel's log is rate-limited, counters \
             know no moments.",
        )
        .now("sum by (path) (scrubjay_event_path{@})", "{{path}}"),
        Panel::lines("Reports", "Reports of errors taken in, by who made them.")
            .size(8, 8)
            .query(
                "sum by (witness) (rate(scrubjay_event_reports_total{@}[$__rate_interval]))",
                "{{witness}}",
            )
            .unit("cps")
            .empty("none told"),
        Panel::lines(
            "Reports lost or not understood",
            "Overwritten by the kernel before they could be read, or not decoded.",
        )
        .size(8, 8)
        .query(
            "sum by (instance) (increase(scrubjay_event_reports_lost_total{@}[$__rate_interval])) > 0",
            "lost {{instance}}",
        )
        .query(
            "sum by (instance) (increase(scrubjay_event_reports_undecodable_total{@}[$__rate_interval])) > 0",
            "not decoded {{instance}}",
        )
        .empty("none told"),
    ]
}

fn history() -> Vec<Panel> {
    vec![
        Panel::stat(
            "Histories that cannot be written",
            "What happens is then kept in memory, and lost if the agent ends.",
        )
        .size(6, 4)
        .now("sum(scrubjay_history_failing{@})", "failing")
        .thresholds(&[("green", None), ("red", Some(1.0))]),
        Panel::stat(
            "Histories begun anew",
            "The file was corrupt; the old one was kept beside it.",
        )
        .size(6, 4)
        .now("sum(scrubjay_history_replaced{@})", "replaced")
        .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::stat("Ledgers altered", "The ledger is not what was written. Somebody changed it.")
            .size(6, 4)
            .now("sum(scrubjay_ledger_altered{@})", "altered")
            .thresholds(&[("green", None), ("red", Some(1.0))])
            .empty("not looked at"),
        Panel::stat("Write failures", "Transactions that failed within the time shown.")
            .size(6, 4)
            .now("sum(increase(scrubjay_history_write_failures_total{@}[$__range]))", "failures")
            .decimals(0)
            .thresholds(&[("green", None), ("orange", Some(1.0))]),
        Panel::lines(
            "Fullest histories",
            "Size of the file against the size that it stays below, of the ten fullest. Near 100 %, old rows \
             become sums sooner.",
        )
        .query(
            "topk(10, max by (instance) (scrubjay_history_size_bytes{@} / scrubjay_history_max_size_bytes{@}))",
            "{{instance}}",
        )
        .unit("percentunit"),
        Panel::lines("Most transactions", "Committed to the history, of the ten agents with most.")
            .query(
                "topk(10, sum by (instance) (rate(scrubjay_history_writes_total{@}[$__rate_interval])))",
                "{{instance}}",
            )
            .unit("cps"),
    ]
}

fn telling() -> Vec<Panel> {
    vec![
        Panel::lines("Alerts in the books", "Of all agents, by state. Held ones could not be looked at.")
            .size(8, 8)
            .query("sum by (state) (scrubjay_alerts{@})", "{{state}}")
            .query("sum(scrubjay_alerts_held{@})", "held"),
        Panel::lines(
            "Notices",
            "Taken by a receiver, attempts that failed, and notices that were given up.",
        )
        .size(8, 8)
        .query(
            "sum by (receiver) (increase(scrubjay_notifications_sent_total{@}[$__rate_interval]))",
            "taken by {{receiver}}",
        )
        .query(
            "sum by (receiver) (increase(scrubjay_notification_failures_total{@}[$__rate_interval])) > 0",
            "failed to {{receiver}}",
        )
        .query(
            "sum by (receiver) (increase(scrubjay_notifications_dropped_total{@}[$__rate_interval])) > 0",
            "given up for {{receiver}}",
        ),
        Panel::lines("Notices that wait", "By receiver. They are kept over a restart.")
            .size(8, 8)
            .query("sum by (receiver) (scrubjay_notifications_queued{@})", "{{receiver}}"),
        Panel::table(
            "Acknowledged alerts",
            "What somebody said is known, and for how long that still holds.",
        )
        .size(16, 7)
        .rows("scrubjay_alert_acknowledged_until_timestamp_seconds{@} - time()")
        .columns(
            &[
                ("instance", "Host"),
                ("code", "Finding"),
                ("subject", "What it is about"),
                ("Value", "Holds for"),
            ],
            &["Time", "job"],
        )
        .of("Holds for", &[("unit", json!("s")), ("decimals", json!(0))])
        .hosts("Host")
        .empty("none told"),
        Panel::table(
            "Web configurations of no use",
            "Agents whose web configuration was changed to something of no use, and the age of the one that \
             holds instead.",
        )
        .size(8, 7)
        .rows(
            "time() - scrubjay_web_config_loaded_timestamp_seconds{@} \
             and on (job, instance) scrubjay_web_config_failing{@} == 1",
        )
        .columns(&[("instance", "Host"), ("Value", "Age of the old one")], &["Time", "job"])
        .of("Age of the old one", &[("unit", json!("s")), ("decimals", json!(0))])
        .hosts("Host")
        .empty("none told"),
    ]
}

fn cost() -> Vec<Panel> {
    vec![
        Panel::lines("Most CPU", "Seconds of CPU for each second, of the ten agents that take most.")
            .query(
                "topk(10, sum by (instance) (rate(process_cpu_seconds_total{@}[$__rate_interval])) and on (instance) scrubjay_build_info{@})",
                "{{instance}}",
            )
            .unit("percentunit"),
        Panel::lines("Most memory", "Resident memory of the ten agents that take most.")
            .query(
                "topk(10, max by (instance) (process_resident_memory_bytes{@}) and on (instance) scrubjay_build_info{@})",
                "{{instance}}",
            )
            .unit("bytes"),
        Panel::table("Agents that have just begun", "Agents that started within the last hour.")
            .size(24, 6)
            .rows("time() - process_start_time_seconds{@} < 3600 and on (instance) scrubjay_build_info{@}")
            .columns(&[("instance", "Host"), ("Value", "Runs for")], &["Time", "job"])
            .of("Runs for", &[("unit", json!("s"))])
            .hosts("Host")
            .empty("none told"),
    ]
}
