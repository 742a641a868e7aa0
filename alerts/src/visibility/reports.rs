//! What is seen of single errors where counters do not show them, and what is not where nobody may
//! listen.

use super::{Gap, Hides};
use scrubjay_model::{ErrorClass, EventPath, EventsStatus, Verdict};

/// The event that tells of each machine check before anybody can swallow it.
const MACHINE_CHECK: &str = "mce:mce_record";

/// Whether machine checks reach the agent one by one.
pub(super) fn tells_machine_checks(events: &EventsStatus) -> bool {
    events.path == EventPath::Trace && events.listening.iter().any(|event| event == MACHINE_CHECK)
}

/// What hides all corrected errors from counters hides only some from one who hears machine checks:
/// those that firmware keeps to itself, and the names of the modules.
pub(super) fn softened(gap: Gap) -> Gap {
    let hides_all = gap.hides(ErrorClass::Correctable) == Some(Hides::All);
    // Memory without protection, and a guest's, have no errors to tell of.
    if !hides_all || ["ecc-off", "guest"].contains(&gap.finding.code) {
        return gap;
    }
    let because = format!(
        "{}; machine checks are heard one by one all the same, without the name of the module",
        gap.finding.because
    );
    Gap {
        correctable: Some(Hides::Some),
        uncorrectable: gap.uncorrectable.map(|hides| match hides {
            Hides::All => Hides::Some,
            Hides::Some | Hides::Unclear => hides,
        }),
        finding: scrubjay_model::Finding { because, ..gap.finding },
    }
}

/// That nobody hears of single errors although that was wished. Counters are none the worse for it,
/// so it hides neither class.
pub(super) fn gap(events: &EventsStatus) -> Option<Gap> {
    if !events.refused || events.path == EventPath::Trace {
        return None;
    }
    let instead = match events.path {
        EventPath::Trace | EventPath::KernelLog => {
            "the kernel log is read instead, which is cut short in a storm"
        }
        EventPath::Counters => "only counters are read",
    };
    let gap = super::gap(
        Hides::Some,
        "reports-not-heard",
        format!(
            "errors are not heard one by one, and {instead}: moments, addresses and the exact class \
             of errors stay unknown, and what no counter counts is not seen at all. The reason: {}",
            events.why
        ),
        "see docs/privileges.md for what the agent needs, or set events.listen to false if this is \
         meant to be so",
    );
    let finding = scrubjay_model::Finding { verdict: Verdict::Watch, ..gap.finding };
    Some(Gap { finding, correctable: None, uncorrectable: None }.seen_in("sys/kernel/tracing"))
}

#[cfg(test)]
mod tests {
    use crate::testing::{absent, but, denied, of, set};
    use crate::visibility;
    use scrubjay_model::{
        Accumulated, Coverage, CoverageState, EventPath, EventsStatus, Reading, Snapshot, Verdict,
    };

    fn listening() -> EventsStatus {
        EventsStatus {
            path: EventPath::Trace,
            listening: vec!["ras:mc_event".to_owned(), "mce:mce_record".to_owned()],
            ..EventsStatus::counters_only("")
        }
    }

    fn seen(snapshot: &Snapshot, events: Option<&EventsStatus>) -> Coverage {
        visibility(snapshot, &Accumulated::default(), events)
    }

    fn codes(coverage: &Coverage) -> Vec<&'static str> {
        coverage.findings.iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn machine_check_events_show_what_the_collector_swallows() {
        let collected = but(|s| of(&mut s.platform).cec = Reading::Value(scrubjay_model::Present));
        let blind = seen(&collected, None);
        assert_eq!(blind.correctable, CoverageState::Partial);
        let heard = seen(&collected, Some(&listening()));
        assert_eq!((heard.correctable, codes(&heard)), (CoverageState::Full, vec![]));
        // The EDAC driver's own events come after the collector.
        let drivers = EventsStatus { listening: vec!["ras:mc_event".to_owned()], ..listening() };
        assert_eq!(seen(&collected, Some(&drivers)).correctable, CoverageState::Partial);
    }

    #[test]
    fn the_log_tells_of_a_collector_where_debugfs_is_closed() {
        let closed = but(|s| {
            let platform = of(&mut s.platform);
            platform.cec = denied("sys/kernel/debug/ras/cec");
            of(&mut s.kernel_log).cec_initialized = true;
        });
        let coverage = seen(&closed, None);
        assert!(codes(&coverage).contains(&"corrected-errors-collector"), "{coverage:?}");
        assert_eq!(coverage.correctable, CoverageState::Partial);
    }

    #[test]
    fn without_a_driver_machine_checks_are_still_heard() {
        let bare = but(|s| set(&mut s.edac, absent("sys/devices/system/edac/mc")));
        assert_eq!(seen(&bare, None).correctable, CoverageState::None);
        let heard = seen(&bare, Some(&listening()));
        assert_eq!(heard.correctable, CoverageState::Partial);
        assert!(heard.findings[0].because.contains("machine checks are heard one by one"));
    }

    #[test]
    fn listening_that_was_wished_and_refused_is_told_and_hides_no_counter() {
        let healthy = but(|_| ());
        let refused =
            EventsStatus { refused: true, ..EventsStatus::counters_only("tracefs is not mounted") };
        let coverage = seen(&healthy, Some(&refused));
        assert_eq!(codes(&coverage), ["reports-not-heard"]);
        assert_eq!(coverage.findings[0].verdict, Verdict::Watch);
        assert_eq!(coverage.state, CoverageState::Full);
        let unwished = EventsStatus::counters_only("switched off by configuration");
        assert_eq!(codes(&seen(&healthy, Some(&unwished))), Vec::<&str>::new());
    }
}
