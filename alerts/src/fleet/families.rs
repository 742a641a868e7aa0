//! What is asked of the API: one instant query for each family, over the whole fleet.
//!
//! What holds now is asked with a plain selector, which forgets a series when its target is gone or
//! no longer has it; a look back would revive findings that are mended. Only to find hosts that
//! stopped is the past looked at, and there by a value that tells its own time.

use scrubjay_model::{MetricDef, metrics};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Which hosts there are, and when each was last read.
    Seen,
    /// How often each is to be read.
    Interval,
    /// Whether agents answer the scraper.
    Up,
    /// The verdicts that hold.
    Verdict,
    /// The last verdicts of hosts that have none now.
    LastVerdict,
    /// The reasons for verdicts.
    Finding,
    /// How much can be seen.
    Coverage,
    /// What hides errors.
    Gap,
    /// Whether to reboot.
    Reboot,
    /// Since when.
    RebootSince,
    /// Why.
    RebootReason,
    /// When hosts booted.
    BootTime,
    /// Sticks that are to be followed at least.
    Stick,
    /// How likely uncorrected errors are.
    Risk,
    /// How sure the rise of errors is.
    Trend,
    /// What is acknowledged.
    Ack,
    /// Vulnerabilities.
    Cves,
    /// How long fixes have been owed.
    Exposure,
    /// When support of live patches ends.
    SupportEnd,
}

/// Which part of the fleet, and how far back hosts that stopped are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Matchers of labels as PromQL has them, without braces; may be empty.
    pub matchers: String,
    /// Seconds.
    pub look_back_s: u64,
    /// The job that scrapes agents, for targets that never answered.
    pub job: String,
}

impl Scope {
    /// The part of it that has certain labels.
    #[must_use]
    pub fn with(&self, matchers: &str) -> Self {
        let comma = if self.matchers.is_empty() { "" } else { "," };
        Self { matchers: format!("{}{comma}{matchers}", self.matchers), ..self.clone() }
    }
}

/// The metric that Prometheus itself makes of each scrape.
const UP: &str = "up";

impl Family {
    /// All families, those first that say which hosts there are.
    pub const ALL: [Self; 19] = [
        Self::Seen,
        Self::Interval,
        Self::Up,
        Self::Verdict,
        Self::LastVerdict,
        Self::Finding,
        Self::Coverage,
        Self::Gap,
        Self::Reboot,
        Self::RebootSince,
        Self::RebootReason,
        Self::BootTime,
        Self::Stick,
        Self::Risk,
        Self::Trend,
        Self::Ack,
        Self::Cves,
        Self::Exposure,
        Self::SupportEnd,
    ];

    /// The metric it rests on.
    pub fn metric(self) -> &'static str {
        let def: &MetricDef = match self {
            Self::Up => return UP,
            Self::Seen => &metrics::SNAPSHOT_TIME,
            Self::Interval => &metrics::AGENT_INTERVAL,
            Self::Verdict | Self::LastVerdict => &metrics::VERDICT,
            Self::Finding => &metrics::FINDING,
            Self::Coverage => &metrics::COVERAGE,
            Self::Gap => &metrics::COVERAGE_GAP,
            Self::Reboot => &metrics::REBOOT_REQUIRED,
            Self::RebootSince => &metrics::REBOOT_NEEDED_SINCE,
            Self::RebootReason => &metrics::REBOOT_REASON,
            Self::BootTime => &metrics::BOOT_TIME,
            Self::Stick => &metrics::MODULE_VERDICT,
            Self::Risk => &metrics::MODULE_FAILURE,
            Self::Trend => &metrics::MODULE_TREND,
            Self::Ack => &metrics::ALERT_ACKNOWLEDGED,
            Self::Cves => &metrics::KERNEL_CVES,
            Self::Exposure => &metrics::KERNEL_EXPOSURE,
            Self::SupportEnd => &metrics::LIVEPATCH_SUPPORT_END,
        };
        def.name
    }

    /// The query.
    pub fn query(self, scope: &Scope) -> String {
        let Scope { matchers, look_back_s, job } = scope;
        let metric = self.metric();
        let and = |more: &str| match (matchers.is_empty(), more.is_empty()) {
            (true, _) => more.to_owned(),
            (false, true) => matchers.clone(),
            (false, false) => format!("{matchers},{more}"),
        };
        let with = |more: &str| format!("{metric}{{{}}}", and(more));
        let plain = || if matchers.is_empty() { metric.to_owned() } else { with("") };
        match self {
            Self::Seen => format!("last_over_time({}[{look_back_s}s])", plain()),
            Self::LastVerdict => {
                format!("(last_over_time({now}[{look_back_s}s]) == 1) unless {now}", now = plain())
            }
            Self::Up => with(&format!("job={job:?}")),
            // Of states the one that holds.
            Self::Verdict | Self::Coverage | Self::Reboot => format!("{} == 1", plain()),
            Self::Stick => format!("{} == 1", with("verdict=~\"watch|plan|act\"")),
            Self::Exposure => with("clock=\"release\""),
            Self::Interval
            | Self::Finding
            | Self::Gap
            | Self::RebootSince
            | Self::RebootReason
            | Self::BootTime
            | Self::Risk
            | Self::Trend
            | Self::Ack
            | Self::Cves
            | Self::SupportEnd => plain(),
        }
    }

    /// Whether it is asked as of the moment, and not of the time before it as well.
    pub fn is_of_the_moment(self) -> bool {
        !matches!(self, Self::Seen | Self::LastVerdict)
    }

    /// Whether it is asked only about hosts that do not report, as it costs the server much, and
    /// nothing that is done rests on it.
    pub fn is_of_silent_hosts(self) -> bool {
        self == Self::LastVerdict
    }

    /// Whether nothing can be said of a fleet without an answer to it. Without the others less is
    /// said, and that it is.
    pub fn is_needed(self) -> bool {
        match self {
            Self::Seen | Self::Verdict => true,
            Self::Interval
            | Self::Up
            | Self::LastVerdict
            | Self::Finding
            | Self::Coverage
            | Self::Gap
            | Self::Reboot
            | Self::RebootSince
            | Self::RebootReason
            | Self::BootTime
            | Self::Stick
            | Self::Risk
            | Self::Trend
            | Self::Ack
            | Self::Cves
            | Self::Exposure
            | Self::SupportEnd => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(matchers: &str) -> Scope {
        Scope { matchers: matchers.to_owned(), look_back_s: 604_800, job: "scrubjay".to_owned() }
    }

    #[test]
    fn what_holds_is_asked_as_of_now_and_the_past_only_for_hosts_that_stopped() {
        for family in Family::ALL {
            let query = family.query(&scope(""));
            let looks_back = query.contains("604800s");
            assert_eq!(looks_back, !family.is_of_the_moment(), "{family:?}: {query}");
        }
    }

    #[test]
    fn queries_read_as_people_write_them() {
        let all: Vec<String> =
            Family::ALL.iter().map(|family| family.query(&scope("env=\"prod\""))).collect();
        let first: Vec<&str> = all.iter().map(String::as_str).take(6).collect();
        assert_eq!(
            first,
            [
                "last_over_time(scrubjay_snapshot_timestamp_seconds{env=\"prod\"}[604800s])",
                "scrubjay_agent_interval_seconds{env=\"prod\"}",
                "up{env=\"prod\",job=\"scrubjay\"}",
                "scrubjay_verdict{env=\"prod\"} == 1",
                "(last_over_time(scrubjay_verdict{env=\"prod\"}[604800s]) == 1) unless \
                 scrubjay_verdict{env=\"prod\"}",
                "scrubjay_finding{env=\"prod\"}",
            ]
        );
        assert_eq!(Family::Finding.query(&scope("")), "scrubjay_finding");
        assert_eq!(
            Family::Up.query(&scope("env=\"prod\"").with("instance=~\"a\"")),
            "up{env=\"prod\",instance=~\"a\",job=\"scrubjay\"}"
        );
        assert_eq!(
            Family::Interval.query(&scope("").with("a=~\"b\"")),
            "scrubjay_agent_interval_seconds{a=~\"b\"}"
        );
        assert_eq!(
            Family::Exposure.query(&scope("")).split('{').nth(1),
            Some("clock=\"release\"}")
        );
    }
}
