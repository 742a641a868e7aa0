//! A page of an agent as samples of Prometheus: with the labels of the target and a timestamp.

use std::fmt::Write as _;

/// Metrics that go with the clock: seconds of theirs for each second.
const RUNNING: [&str; 4] = [
    "scrubjay_uptime_seconds",
    "scrubjay_snapshot_timestamp_seconds",
    "scrubjay_source_last_success_timestamp_seconds",
    "scrubjay_livepatch_transition_seconds",
];

/// Adds the samples of a page as they are so many seconds later.
pub(super) fn add(page: &str, target: &str, at_unix_s: i64, ahead_s: i64, out: &mut String) {
    for line in page.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (series, value) = line.rsplit_once(' ').expect("a sample");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let comma = if labels == "}" { "" } else { "," };
        let ahead = ahead(name, value, ahead_s);
        let value = ahead.as_deref().unwrap_or(value);
        writeln!(out, "{name}{{{target}{comma}{labels} {value} {at_unix_s}")
            .expect("a string takes everything");
    }
}

/// The value so many seconds later, if it is another one.
fn ahead(name: &str, value: &str, ahead_s: i64) -> Option<String> {
    let rate = match name {
        _ if ahead_s == 0 => return None,
        "scrubjay_agent_passes_total" => 1.0 / 60.0,
        "process_cpu_seconds_total" => super::chain::CPU_SHARE,
        // None is owed: that stays so.
        "scrubjay_kernel_exposure_seconds" if value != "0" => 1.0,
        _ if RUNNING.contains(&name) => 1.0,
        _ => return None,
    };
    let ahead = f64::from(i32::try_from(ahead_s).expect("passes are close to each other"));
    let value: f64 = value.parse().expect("a number");
    Some((value + rate * ahead).to_string())
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn a_page_gets_labels_and_moments_and_clocks_go_on() {
        let page = "# TYPE scrubjay_uptime_seconds gauge\nscrubjay_uptime_seconds 5.5\n\
                    scrubjay_dimm_size_bytes{dimm=\"a b\"} 7\n";
        let mut out = String::new();
        add(page, "instance=\"h\"", 100, 60, &mut out);
        assert_eq!(
            out,
            "scrubjay_uptime_seconds{instance=\"h\"} 65.5 100\n\
             scrubjay_dimm_size_bytes{instance=\"h\",dimm=\"a b\"} 7 100\n"
        );
    }
}
