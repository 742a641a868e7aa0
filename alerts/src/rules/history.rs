//! The agent's own history: whether it is being kept.

use crate::finding::{FindingExt, finding, many};
use scrubjay_model::{Action, Finding, StorageStats, Verdict};

pub(crate) fn findings(storage: &StorageStats) -> Vec<Finding> {
    let StorageStats {
        size_bytes: _,
        writes: _,
        write_failures,
        last_error,
        unreadable,
        replaced,
        salvaged,
        // So many pages are a finding of their own.
        pages_refused: _,
        // Old rows become sums by plan, and nothing that is open is among them.
        max_bytes: _,
        folded: _,
    } = storage;
    let unreadable = unreadable.as_ref().map(|why| {
        finding(
            "history-unreadable",
            Verdict::Unknown,
            Action::FixVisibility,
            format!("there is a history, but it cannot be read: {why}"),
            "mend what the message names; what is said here rests on the present reading alone",
        )
    });
    let failing = last_error.as_ref().map(|error| {
        finding(
            "history-not-written",
            Verdict::Unknown,
            Action::FixVisibility,
            format!(
                "the history cannot be written: {error} ({} since the agent started)",
                many(*write_failures, "failure")
            ),
            "mend what the message names. Nothing counted is lost while the agent keeps running; if \
             it must be restarted first, save /api/v1/snapshot, which holds the sums",
        )
    });
    let replaced = replaced.as_ref().map(|path| {
        finding(
            "history-replaced",
            Verdict::Unknown,
            Action::FixVisibility,
            match salvaged {
                Some(salvaged) => format!(
                    "the history was corrupt and has been begun anew with what could be had of it: \
                     {salvaged}"
                ),
                None => "the history was corrupt and has been begun anew: sums start from the \
                         kernel's counters, and earlier boots are not known"
                    .to_owned(),
            },
            format!("the old file was kept as {path}: examine it, or restore it from a backup"),
        )
        .seen_in(path.trim_start_matches('/'))
    });
    unreadable.into_iter().chain(failing).chain(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{agent, healthy};
    use scrubjay_model::Accumulated;

    fn found(change: impl FnOnce(&mut StorageStats)) -> Vec<Finding> {
        let mut storage = agent().storage;
        change(&mut storage);
        let assessment = crate::assess(
            &healthy(),
            &Accumulated::default(),
            Some(&storage),
            None,
            &crate::PatchPolicy::default(),
        );
        let worst = assessment.findings.iter().map(|f| f.verdict).max().unwrap_or(Verdict::Ok);
        assert_eq!(assessment.verdict, worst);
        assessment.findings
    }

    #[test]
    fn a_history_that_is_kept_raises_nothing() {
        assert!(found(|_| ()).is_empty());
        // An error that has passed is a matter for the metrics.
        assert!(found(|storage| storage.write_failures = 3).is_empty());
    }

    #[test]
    fn a_history_that_cannot_be_written_is_unknown_and_quotes_the_cause() {
        let found = found(|storage| {
            storage.write_failures = 1;
            storage.last_error = Some("no space left on device".to_owned());
        });
        assert_eq!((found[0].code, found[0].verdict), ("history-not-written", Verdict::Unknown));
        assert_eq!(
            found[0].because,
            "the history cannot be written: no space left on device (1 failure since the agent \
             started)"
        );
        assert!(found[0].remedy.contains("save /api/v1/snapshot"), "{}", found[0].remedy);
    }

    #[test]
    fn a_history_that_cannot_be_read_is_never_ok() {
        let found = found(|storage| storage.unreadable = Some("file is not a database".to_owned()));
        assert_eq!((found[0].code, found[0].verdict), ("history-unreadable", Verdict::Unknown));
        assert!(found[0].because.contains("file is not a database"), "{}", found[0].because);
    }

    #[test]
    fn a_history_begun_anew_says_where_the_old_one_is() {
        let found = found(|storage| {
            storage.replaced = Some("/var/lib/scrubjay/history.corrupt".to_owned())
        });
        assert_eq!((found[0].code, found[0].verdict), ("history-replaced", Verdict::Unknown));
        assert!(found[0].remedy.contains("/var/lib/scrubjay/history.corrupt"));
        let origin = found[0].origin.clone().unwrap();
        assert_eq!(origin.as_str(), "var/lib/scrubjay/history.corrupt");
    }
}
