//! Reports that were made of this history: each is a fact of the ledger, so that whoever holds one can
//! show that it was issued, and nobody can say later that it was not.

use crate::alerts::spool;
use crate::changes::Changes;
use crate::ledger;
use crate::{History, Rejected, StorageError, Waiting};
use scrubjay_model::{IssuedReport, Stamp};

impl History {
    /// Writes into the ledger that a report was made. One that is there already is not written again.
    ///
    /// # Errors
    /// If it cannot be written; it waits, and is written with a later change.
    pub fn keep_report(&mut self, at: &Stamp, report: &IssuedReport) -> Result<(), StorageError> {
        if self.knows_report(report) {
            return self.settle(at);
        }
        let fact = ledger::report_issued(&self.state.placed(at), report);
        self.take(Changes { urgent: true, ledger: vec![fact], ..Changes::default() });
        self.settle(at)
    }

    /// Takes in the reports that commands made beside the agent and have left word of. Their files are
    /// removed once the ledger has them; those that are no such word are moved aside. If the history
    /// cannot be written, the files stay.
    pub fn take_reports(
        &mut self,
        at: &Stamp,
    ) -> (Vec<IssuedReport>, Vec<Rejected>, Option<StorageError>) {
        let Some(dir) = self.path.parent().filter(|_| !self.is_away()) else {
            return (Vec::new(), Vec::new(), None);
        };
        let (waiting, rejected) = spool::take::<IssuedReport>(dir);
        let mut taken = Vec::new();
        for Waiting { path, request } in waiting {
            if let Err(error) = self.keep_report(at, &request) {
                return (taken, rejected, Some(error));
            }
            // What cannot be removed is known when it is found again.
            let _ = std::fs::remove_file(path);
            taken.push(request);
        }
        (taken, rejected, None)
    }

    /// Whether a row tells of it, or will once the disk takes what waits.
    fn knows_report(&self, report: &IssuedReport) -> bool {
        self.pending.ledger.iter().any(|fact| ledger::tells_of_report(fact, report))
            || ledger::rows::tells_of_report(&self.conn, &report.id).unwrap_or(false)
    }
}
