//! Sources that are offered but could not be read: what they would have shown is unknown, and
//! unknown is not ok. Faults that bear on the visibility of memory errors are judged there.

use crate::finding::{FindingExt, finding, mend};
use crate::visibility;
use scrubjay_model::{
    Action, Finding, NonValue, ReadFault, Reading, Section, Snapshot, SourceId, SourceState,
    Verdict,
};

pub(crate) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let judged_elsewhere: Vec<NonValue> = visibility::judged(snapshot);
    let unread = snapshot.sources().into_iter().filter_map(|status| {
        let faults = status.report.map(|report| report.faults).unwrap_or_default();
        let left: Vec<&NonValue> = match (status.source, status.state) {
            (_, SourceState::Ok | SourceState::Absent | SourceState::Off) => return None,
            (SourceId::Platform | SourceId::MachineCheck, _) => return None,
            (SourceId::Edac, SourceState::Unreadable | SourceState::Malformed) => return None,
            (_, SourceState::Partial) => {
                faults.iter().filter(|fault| !judged_elsewhere.contains(fault)).collect()
            }
            (_, SourceState::Unreadable | SourceState::Malformed) => status.reason.iter().collect(),
        };
        let found = unreadable(status.source, &left)?;
        let closed = left.first().and_then(|first| closed_processes(snapshot, first));
        Some(match closed {
            None => found,
            Some((because, remedy)) => Finding { because, remedy: remedy.to_owned(), ..found },
        })
    });
    proc_incomplete(snapshot).into_iter().chain(unread).collect()
}

fn unreadable(source: SourceId, faults: &[&NonValue]) -> Option<Finding> {
    let (first, more) = faults.split_first()?;
    let more = if more.is_empty() { String::new() } else { format!(", and {} more", more.len()) };
    Some(
        finding(
            "source-unreadable",
            Verdict::Unknown,
            Action::FixVisibility,
            format!("could not be read in full: {first}{more}"),
            mend(first),
        )
        .on(source.as_str())
        .seen_in(first.origin().as_str()),
    )
}

/// Processes that did not let their mappings be read are counted and not listed. That a privilege is
/// missing is one reason of several, and which one is not seen from here.
fn closed_processes(snapshot: &Snapshot, why: &NonValue) -> Option<(String, &'static str)> {
    let processes = Snapshot::found(&snapshot.processes)?;
    let is_that = matches!(why, NonValue::Unreadable(origin, ReadFault::Denied)
        if origin.as_str() == "proc/*/maps");
    if !is_that || processes.unread == 0 {
        return None;
    }
    let all = u64::from(processes.read).saturating_add(u64::from(processes.unread));
    let because = format!(
        "{} of {all} processes did not let it be seen which files they run ({why})",
        processes.unread
    );
    Some((
        because,
        "look in scrubjay doctor whether CAP_SYS_PTRACE is there: if it is not, give it to the agent; if it \
         is, the kernel protects these processes from it all the same (another user namespace, a security \
         module), and what they run stays unknown",
    ))
}

/// Facts that every Linux kernel offers. When one is absent the agent is not shown the host:
/// rules that find nothing amiss there would be vouching for what they never saw.
fn proc_incomplete(snapshot: &Snapshot) -> Option<Finding> {
    let missing: Vec<String> = [
        missing(&snapshot.uptime, |uptime| &uptime.boot_id),
        missing(&snapshot.kernel, |kernel| &kernel.release),
        missing(&snapshot.kernel_health, |health| &health.taint),
        missing(&snapshot.platform, |platform| &platform.command_line),
        // The line may be missing, the file may not.
        missing(&snapshot.memory_failure, |pages| &pages.hardware_corrupted_bytes)
            .filter(|path| path == "proc/meminfo"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let first = missing.first()?;
    Some(
        finding(
            "proc-incomplete",
            Verdict::Unknown,
            Action::FixVisibility,
            format!(
                "every Linux kernel offers {}, yet {} not there: the agent does not see the \
                 whole of /proc",
                missing.join(", "),
                if missing.len() == 1 { "it is" } else { "they are" }
            ),
            "show the agent the host's /proc: in a unit, not ProcSubset=pid; in a container, \
             mount it and give its parent with --root",
        )
        .seen_in(first.clone()),
    )
}

/// The path of a fact that is absent although its source was asked.
fn missing<T, U>(section: &Option<Section<T>>, fact: impl Fn(&T) -> &Reading<U>) -> Option<String> {
    let absent = match &section.as_ref()?.reading {
        Reading::Value(found) => fact(found).non_value()?,
        Reading::Absent(origin) => NonValue::Absent(origin.clone()),
        Reading::Unreadable(..) | Reading::Malformed(..) => return None,
    };
    match absent {
        NonValue::Absent(origin) => Some(origin.as_str().to_owned()),
        NonValue::Unreadable(..) | NonValue::Malformed(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, assessed, but, codes, denied, lose, malformed, only, set};
    use scrubjay_model::Origin;

    #[test]
    fn a_source_that_could_not_be_read_is_unknown_and_says_why() {
        let found = only(&but(|s| set(&mut s.kernel_health, denied("proc/sys/kernel/tainted"))));
        assert_eq!((found.code, found.verdict), ("source-unreadable", Verdict::Unknown));
        assert_eq!(found.subject, "kernel_health");
        assert_eq!(
            found.because,
            "could not be read in full: proc/sys/kernel/tainted: permission denied"
        );
        assert!(found.remedy.contains("privilege"), "{}", found.remedy);
        assert_eq!(found.origin.unwrap().as_str(), "proc/sys/kernel/tainted");
    }

    #[test]
    fn a_partial_source_counts_its_faults() {
        let mut snapshot = but(|_| ());
        lose(&mut snapshot.kernel_health, |h| &mut h.warn_count, denied("sys/kernel/warn_count"));
        assert!(!only(&snapshot).because.contains("more"));
        lose(&mut snapshot.kernel_health, |h| &mut h.oops_count, denied("sys/kernel/oops_count"));
        assert_eq!(
            only(&snapshot).because,
            "could not be read in full: sys/kernel/warn_count: permission denied, and 1 more"
        );
    }

    #[test]
    fn processes_that_stay_closed_are_counted_and_no_privilege_is_said_to_be_missing() {
        let found = only(&but(|s| {
            let section = s.processes.as_mut().unwrap();
            let Reading::Value(processes) = &mut section.reading else { panic!() };
            (processes.read, processes.unread) = (212, 3);
            let denied = denied::<()>("proc/*/maps").non_value().unwrap();
            section.report.faults.push(denied);
        }));
        assert_eq!((found.code, found.subject.as_str()), ("source-unreadable", "processes"));
        assert_eq!(
            found.because,
            "3 of 215 processes did not let it be seen which files they run (proc/*/maps: \
             permission denied)"
        );
        assert!(found.remedy.contains("whether CAP_SYS_PTRACE is there"), "{}", found.remedy);
        assert!(found.remedy.ends_with("what they run stays unknown"), "{}", found.remedy);
        // What denies a single file of theirs is another matter.
        let found = only(&but(|s| {
            let denied = denied::<()>("proc/2/task/2/comm").non_value().unwrap();
            s.processes.as_mut().unwrap().report.faults.push(denied);
        }));
        assert!(found.because.starts_with("could not be read in full: "), "{}", found.because);
    }

    #[test]
    fn the_remedy_fits_the_fault() {
        let remedy = |reading| only(&but(|s| set(&mut s.kexec, reading))).remedy;
        let fault = |fault| Reading::Unreadable(Origin::new("source kexec"), fault);
        assert!(remedy(fault(ReadFault::Deadline)).contains("does not answer"));
        assert!(remedy(fault(ReadFault::StillRunning)).contains("does not answer"));
        assert!(remedy(fault(ReadFault::Io(5))).contains("doctor"));
        assert!(remedy(malformed("sys/kernel/kexec_loaded")).contains("capture"));
    }

    #[test]
    fn a_source_switched_off_or_absent_is_not_a_fault() {
        assert!(codes(&but(|s| s.kernel_health = None)).is_empty());
        assert!(codes(&but(|s| set(&mut s.kexec, absent("sys/kernel/kexec_loaded")))).is_empty());
    }

    #[test]
    fn a_label_that_cannot_be_read_hides_no_error_and_is_still_unknown() {
        let path = "sys/devices/system/edac/mc/mc0/dimm0/dimm_label";
        let mut snapshot = but(|_| ());
        lose(
            &mut snapshot.edac,
            |edac| &mut edac.controllers[0].dimms_mut()[0].label,
            malformed(path),
        );
        let found = only(&snapshot);
        assert_eq!((found.code, found.subject.as_str()), ("source-unreadable", "edac"));
        assert_eq!(assessed(&snapshot).coverage.state, scrubjay_model::CoverageState::Full);
    }

    #[test]
    fn a_counter_that_cannot_be_read_is_mentioned_once() {
        let mut snapshot = but(|_| ());
        lose(
            &mut snapshot.edac,
            |edac| &mut edac.controllers[0].dimms_mut()[0].errors.correctable,
            denied("sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count"),
        );
        assert_eq!(codes(&snapshot), ["counters-unreadable"]);
    }

    #[test]
    fn a_host_whose_proc_is_hidden_is_unknown_in_one_finding() {
        let found = only(&but(|s| {
            set(&mut s.uptime, absent("proc/uptime"));
            set(&mut s.kernel, absent("proc/version"));
            lose(&mut s.kernel_health, |h| &mut h.taint, absent("proc/sys/kernel/tainted"));
            lose(&mut s.platform, |p| &mut p.command_line, absent("proc/cmdline"));
        }));
        assert_eq!((found.code, found.verdict), ("proc-incomplete", Verdict::Unknown));
        assert_eq!(
            found.because,
            "every Linux kernel offers proc/uptime, proc/version, proc/sys/kernel/tainted, \
             proc/cmdline, yet they are not there: the agent does not see the whole of /proc"
        );
    }

    #[test]
    fn a_missing_meminfo_is_told_from_one_without_the_line() {
        let found = only(&but(|s| set(&mut s.memory_failure, absent("proc/meminfo"))));
        assert_eq!(found.code, "proc-incomplete");
        let mut snapshot = but(|_| ());
        let missing = absent("proc/meminfo");
        lose(&mut snapshot.memory_failure, |p| &mut p.hardware_corrupted_bytes, missing);
        assert_eq!(only(&snapshot).code, "proc-incomplete");
        let line = absent("proc/meminfo HardwareCorrupted");
        assert!(codes(&but(|s| set(&mut s.memory_failure, line))).is_empty());
    }

    #[test]
    fn one_hidden_fact_is_told_in_the_singular() {
        let mut snapshot = but(|_| ());
        lose(&mut snapshot.kernel_health, |h| &mut h.taint, absent("proc/sys/kernel/tainted"));
        assert!(only(&snapshot).because.contains("yet it is not there"));
    }
}
