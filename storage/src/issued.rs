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
            return Ok(());
        }
        let fact = ledger::report_issued(&self.state.placed(at), report);
        self.take(Changes { urgent: true, ledger: vec![fact], ..Changes::default() });
        self.settle(at)
    }

    /// Takes in the reports that commands made beside the agent and have left word of. Their files are
    /// removed once the ledger has them; those that are no such word are moved aside.
    ///
    /// # Errors
    /// If the history cannot be written. The files stay.
    pub fn take_reports(
        &mut self,
        at: &Stamp,
    ) -> Result<(Vec<IssuedReport>, Vec<Rejected>), StorageError> {
        let Some(dir) = self.path.parent().filter(|_| !self.is_away()) else {
            return Ok((Vec::new(), Vec::new()));
        };
        let (waiting, rejected) = spool::take::<IssuedReport>(dir);
        let mut taken = Vec::new();
        for Waiting { path, request } in waiting {
            self.keep_report(at, &request)?;
            // What cannot be removed is known when it is found again.
            let _ = std::fs::remove_file(path);
            taken.push(request);
        }
        Ok((taken, rejected))
    }

    fn knows_report(&self, report: &IssuedReport) -> bool {
        ledger::rows::tells_of_report(&self.conn, &report.id).unwrap_or(false)
    }
}
