//! The agent's own history: whether it is being kept.

use crate::finding::{FindingExt, finding, many};
use scrubjay_model::{Action, Finding, LedgerState, StorageStats, Verdict};

pub(crate) fn findings(storage: &StorageStats) -> Vec<Finding> {
    let StorageStats {
        size_bytes: _,
        writes: _,
        write_failures,
        last_error,
        unreadable,
        replaced,
        salvaged,
        ledger,
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
        // Where it could not even be opened nothing was tried.
        let times = match *write_failures {
            0 => String::new(),
            failures => format!(" ({} since the agent started)", many(failures, "failure")),
        };
        finding(
            "history-not-written",
            Verdict::Unknown,
            Action::FixVisibility,
            format!("the history cannot be written: {error}{times}"),
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
    // That it cannot be looked at follows from what is said above, where something is.
    let is_told = unreadable.is_some() || failing.is_some();
    let ledger = altered(ledger).filter(|found| found.verdict == Verdict::Plan || !is_told);
    unreadable.into_iter().chain(failing).chain(replaced).chain(ledger).collect()
}

fn altered(ledger: &LedgerState) -> Option<Finding> {
    match ledger {
        LedgerState::None | LedgerState::Intact => None,
        LedgerState::Altered { because } => Some(finding(
            "ledger-altered",
            Verdict::Plan,
            Action::Investigate,
            format!(
                "the ledger is not what was written, so that what the history says of this host is no                  evidence: {because}"
            ),
            "copy the file before anything else (scrubjay db backup FILE), and keep it; compare the              rows with a head that others hold, from the journal or the metrics (scrubjay ledger \
             verify --expect SEQ:HASH): what stands before the last one that agrees is as it was              written",
        )),
        LedgerState::NotChecked { because } => Some(finding(
            "ledger-altered",
            Verdict::Unknown,
            Action::FixVisibility,
            format!("it cannot be told whether the ledger is what was written: {because}"),
            "mend what the message names, then look again: scrubjay ledger verify",
        )),
    }
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
    fn a_ledger_that_was_altered_is_to_be_looked_into() {
        let because = "row 4 (altered): its line has another hash".to_owned();
        let found_one = found(|storage| storage.ledger = LedgerState::Altered { because });
        let [found_one] = found_one.as_slice() else { panic!("{found_one:?}") };
        assert_eq!((found_one.code, found_one.verdict), ("ledger-altered", Verdict::Plan));
        assert!(found_one.because.contains("row 4 (altered)"), "{}", found_one.because);
        for what in ["db backup", "ledger verify --expect SEQ:HASH"] {
            assert!(found_one.remedy.contains(what), "{}", found_one.remedy);
        }
        assert!(found(|storage| storage.ledger = LedgerState::None).is_empty());
    }

    #[test]
    fn a_ledger_that_could_not_be_looked_at_is_unknown_and_told_once() {
        let because = || "disk I/O error".to_owned();
        let unseen = |storage: &mut StorageStats| {
            storage.ledger = LedgerState::NotChecked { because: because() };
        };
        let alone = found(unseen);
        assert_eq!((alone[0].code, alone[0].verdict), ("ledger-altered", Verdict::Unknown));
        assert!(alone[0].because.contains("disk I/O error"), "{}", alone[0].because);
        let both = found(|storage| {
            unseen(storage);
            storage.last_error = Some(because());
        });
        assert_eq!(
            both.iter().map(|found| found.code).collect::<Vec<_>>(),
            ["history-not-written"]
        );
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
