//! Memory and DIMMs: where errors are, what is broken, what was done about it.

use super::Dashboard;
use super::panel::{Panel, VERDICTS, rank_of_verdict};
use serde_json::json;

pub(super) fn dashboard() -> Dashboard {
    Dashboard::new(
        "memory",
        "Memory & DIMMs",
        "Errors of memory by DIMM and day, verdicts on sticks, pages and scrubbing. Counts say that ECC \
         works; verdicts say what to do.",
    )
    .from("now-30d")
    .row("Errors by DIMM and day", days())
    .row("Sticks", sticks())
    .row("Pages", pages())
    .row("Scrubbing", scrub())
    .row("Reports and attribution", reports())
}

/// Errors of a day by DIMM, of those that had any within the time shown.
fn by_day(metric: &str) -> String {
    format!(
        "sum by (instance, dimm) (increase({metric}{{@}}[1d])) \
         and on (instance, dimm) sum by (instance, dimm) (increase({metric}{{@}}[$__range])) > 0"
    )
}

fn days() -> Vec<Panel> {
    vec![
        Panel::cells(
            "Corrected errors",
            "One row for each DIMM that had any within the time shown, one cell for each day; the \
             darker, the more. Dark is no verdict: one cell of memory can make thousands. Without a \
             cell nobody counted on that day.",
        )
        .query(&by_day("scrubjay_dimm_correctable_errors_total"), "{{instance}} {{dimm}}")
        .every("1d")
        .decimals(0)
        .empty("none told: see coverage on Fleet"),
        Panel::cells(
            "Uncorrected errors",
            "The same for errors that could not be corrected. Each is one too many.",
        )
        .size(24, 6)
        .query(&by_day("scrubjay_dimm_uncorrectable_errors_total"), "{{instance}} {{dimm}}")
        .every("1d")
        .decimals(0)
        .empty("none told: see coverage on Fleet"),
    ]
}

fn sticks() -> Vec<Panel> {
    vec![
        Panel::table(
            "Sticks with a verdict",
            "Sticks of memory about which there is something to say, the worst first. The probability \
             of an uncorrected error within the horizon of the policy comes from weights that were fitted on other \
             hosts: good for comparing sticks, and no more.",
        )
        .rows(&format!(
            "{} > 1",
            rank_of_verdict("scrubjay_module_verdict", "job, instance, module, slot")
        ))
        .rows("max by (job, instance, module, slot) (scrubjay_module_failure_probability_ratio{@})")
        .rows(
            "sum by (job, instance, module, slot) (scrubjay_module_correctable_errors_total{@} > 0)",
        )
        .rows(
            "sum by (job, instance, module, slot) (scrubjay_module_uncorrectable_errors_total{@} > 0)",
        )
        .merged()
        .columns(
            &[
                ("instance", "Host"),
                ("slot", "Slot"),
                ("Value #A", "Verdict"),
                ("Value #B", "Probability of failure"),
                ("Value #C", "Corrected errors"),
                ("Value #D", "Uncorrected errors"),
                ("module", "Stick"),
            ],
            &["Time", "job"],
        )
        .worded("Verdict", &VERDICTS)
        .of("Probability of failure", &[("unit", json!("percentunit")), ("decimals", json!(1))])
        .hosts("Host")
        .sorted("Verdict", true)
        .empty("-"),
        Panel::states(
            "Verdicts on sticks over time",
            "Sticks whose verdict is watch or worse at some time.",
        )
        .query(
            &format!("{} > 1", rank_of_verdict("scrubjay_module_verdict", "instance, slot")),
            "{{instance}} {{slot}}",
        )
        .words(&VERDICTS)
        .legend(false)
        .empty("none told"),
        Panel::lines(
            "Probability of failure",
            "Of an uncorrected error within the horizon of the policy, for sticks with open faults. Good for comparing sticks, \
             and no more.",
        )
        .query("scrubjay_module_failure_probability_ratio{@}", "{{instance}} {{slot}}")
        .unit("percentunit")
        .size(24, 8)
        .empty("none told"),
        Panel::table(
            "DIMMs as the kernel knows them",
            "Places at which errors are counted. Label and location are as EDAC has them.",
        )
        .rows("scrubjay_dimm_info{@} * on (job, instance, controller, dimm) group_left scrubjay_dimm_size_bytes{@}")
        .columns(
            &[
                ("instance", "Host"),
                ("dimm", "DIMM"),
                ("label", "Label"),
                ("location", "Location"),
                ("memory_type", "Type"),
                ("device_type", "Devices"),
                ("edac_mode", "Correction"),
                ("Value", "Size"),
            ],
            &["Time", "job", "controller", "edac"],
        )
        .of("Size", &[("unit", json!("bytes"))])
        .hosts("Host")
        .empty("none told: see coverage on Fleet"),
    ]
}

fn pages() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Memory marked as bad",
            "What the kernel of each host has marked as bad since boot: out of use or, where the kernel \
             itself uses it, used on.",
        )
        .query("scrubjay_memory_corrupted_bytes{@} > 0", "{{instance}}")
        .unit("bytes")
        .empty("none told"),
        Panel::lines(
            "Pages that failed since boot",
            "Pages for which the kernel's memory_failure() ran, by result.",
        )
        .query(
            "sum by (instance, result) (scrubjay_node_memory_failure_pages_total{@}) > 0",
            "{{instance}} {{result}}",
        )
        .empty("none told"),
        Panel::stat(
            "Bad pages known",
            "Pages in the registers of all hosts, by whether the running kernel has them out of use. \
             Those that are not are in use again since a reboot.",
        )
        .size(12, 4)
        .now("sum by (state) (scrubjay_bad_pages{@})", "{{state}}"),
        Panel::stat("Taken out of use before they failed", "Pages, since boot, of all hosts.")
            .size(12, 4)
            .now("sum(scrubjay_memory_soft_offlined_pages{@})", "pages")
            .empty("not told"),
    ]
}

fn scrub() -> Vec<Panel> {
    vec![
        Panel::table(
            "Scrubbing by controller",
            "The rate as set, and how long a pass over all memory takes with it. Rows are missing where \
             the driver does not say.",
        )
        .size(14, 8)
        .rows("max by (instance, controller) (scrubjay_controller_scrub_rate_bytes_per_second{@})")
        .rows("max by (instance, controller) (scrubjay_controller_scrub_full_pass_seconds{@})")
        .merged()
        .columns(
            &[
                ("instance", "Host"),
                ("controller", "Controller"),
                ("Value #A", "Rate"),
                ("Value #B", "Full pass takes"),
            ],
            &["Time"],
        )
        .of("Rate", &[("unit", json!("Bps"))])
        .of("Full pass takes", &[("unit", json!("s"))])
        .hosts("Host")
        .sorted("Full pass takes", true)
        .empty("-"),
        Panel::table(
            "Scrubbing by the memory itself",
            "Memory devices that scrub themselves (CXL, DDR5), and how long a round takes.",
        )
        .size(10, 8)
        .rows("scrubjay_device_scrub_cycle_seconds{@}")
        .columns(
            &[
                ("instance", "Host"),
                ("device", "Device"),
                ("control", "Control"),
                ("Value", "A round takes"),
            ],
            &["Time", "__name__", "job"],
        )
        .of("A round takes", &[("unit", json!("s"))])
        .empty("none told"),
    ]
}

fn reports() -> Vec<Panel> {
    vec![
        Panel::lines(
            "Errors reported one by one",
            "Each counted once however many witnesses told of it, by class.",
        )
        .query(
            "sum by (class) (rate(scrubjay_reported_errors_total{@}[$__rate_interval]))",
            "{{class}}",
        )
        .unit("cps")
        .empty("none told"),
        Panel::lines(
            "Errors without a DIMM",
            "Errors that controllers could not attribute: sums since the history began.",
        )
        .query(
            "sum by (instance, controller) (scrubjay_controller_unattributed_correctable_errors_total{@}) > 0",
            "corrected {{instance}} {{controller}}",
        )
        .query(
            "sum by (instance, controller) (scrubjay_controller_unattributed_uncorrectable_errors_total{@}) > 0",
            "uncorrected {{instance}} {{controller}}",
        )
        .empty("none told"),
        Panel::table(
            "Counters that began anew, or contradict themselves",
            "Each time a controller's counters begin anew the errors since the reading before are lost, \
             so that sums are lower bounds. Other than 0 in the second number, the kernel's sums do not \
             add up.",
        )
        .size(24, 7)
        .rows("max by (instance, controller) (scrubjay_controller_count_restarts_total{@} > 0)")
        .rows("sum by (instance, controller) (scrubjay_controller_unreconciled_errors{@} != 0)")
        .merged()
        .columns(
            &[
                ("instance", "Host"),
                ("controller", "Controller"),
                ("Value #A", "Began anew"),
                ("Value #B", "Contradiction"),
            ],
            &["Time", "Value"],
        )
        .hosts("Host")
        .empty("-"),
    ]
}
