//! Alerts as the history keeps them: the book between passes, what became of alerts, what was
//! acknowledged, and notices that wait for their receivers. What is decided is decided in `alerts`;
//! here it is kept, whether or not there is a file.

mod changes;
mod rows;
pub(crate) mod spool;
mod state;

pub(crate) use changes::AlertChanges;
pub(crate) use rows::{acks, load, turns, write};
pub(crate) use state::AlertsState;

pub use spool::{Rejected, Request, Waiting, hand_over, waiting};
pub use state::{AlertNews, GivenUp};

use crate::ledger;
use crate::{History, StorageError};
use scrubjay_model::{AckRequest, AlertBook, Outgoing, Stamp};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What came of keeping alerts.
#[derive(Debug)]
pub struct KeptAlerts {
    /// Notices for which there was no room.
    pub given_up: Vec<GivenUp>,
    /// Why it could not be written.
    pub error: Option<StorageError>,
}

/// Requests that were taken in and whose files are still there: they are removed once what they
/// asked is on disk.
#[derive(Debug, Default)]
pub(crate) struct TakenIn(BTreeMap<PathBuf, String>);

impl History {
    /// The book as it was kept last.
    pub fn alert_book(&self) -> &AlertBook {
        &self.state.alerts.book
    }

    /// Notices that wait for their receivers, oldest first.
    pub fn outbox(&self) -> impl Iterator<Item = &Outgoing> {
        self.state.alerts.outbox.values()
    }

    /// Keeps what came of a pass. What is news is written now, all of it in one transaction; that
    /// time has passed is written with what is written anyway.
    ///
    /// What cannot be written waits in memory, and may be acted upon.
    pub fn keep_alerts(&mut self, at: &Stamp, news: AlertNews) -> KeptAlerts {
        let placed = self.state.placed(at);
        let (changes, given_up) = self.state.alerts.keep(&placed, news);
        self.take(changes);
        let error = self.settle(at).err();
        self.forget_requests();
        KeptAlerts { given_up, error }
    }

    /// Receivers have taken these notices.
    ///
    /// # Errors
    /// If it cannot be written. If the agent dies before it is, they are told again.
    pub fn delivered(&mut self, at: &Stamp, ids: &[i64]) -> Result<(), StorageError> {
        let changes = self.state.alerts.delivered(ids);
        self.take(changes);
        self.settle(at)
    }

    /// These notices are told to nobody.
    ///
    /// # Errors
    /// If it cannot be written; it waits.
    pub fn give_up(&mut self, at: &Stamp, given_up: &[GivenUp]) -> Result<(), StorageError> {
        let ids: Vec<i64> = given_up.iter().flat_map(|one| one.ids.iter().copied()).collect();
        let mut changes = self.state.alerts.delivered(&ids);
        let placed = self.state.placed(at);
        let facts = given_up.iter().map(|one| ledger::delivery_given_up(&placed, one));
        changes.ledger = facts.collect();
        self.take(changes);
        self.settle(at)
    }

    /// What was asked of acknowledgements by others and not taken in yet, in order. What it asks is
    /// to be kept by [`History::keep_alerts`], which then removes the files. Files that are none of
    /// such requests are moved aside. While there is no file they wait: what is taken in then would be
    /// of a book that the one of the file replaces.
    pub fn ack_requests(&mut self) -> (Vec<AckRequest>, Vec<Rejected>) {
        if self.is_away() {
            return (Vec::new(), Vec::new());
        }
        let Some(dir) = self.path.parent() else { return (Vec::new(), Vec::new()) };
        let (waiting, rejected) = spool::take::<AckRequest>(dir);
        let mut asked = Vec::new();
        for Waiting { path, request } in waiting {
            let known = self.taken_in.0.insert(path, request.id.clone()).is_some();
            // A file that could not be removed after it was taken in, by an agent before.
            let is_known =
                known || rows::is_known_request(&self.conn, &request.id).unwrap_or(false);
            if !is_known {
                asked.push(request);
            }
        }
        (asked, rejected)
    }

    /// Removes the files of requests once what they ask is on disk.
    fn forget_requests(&mut self) {
        if !self.is_away() && !self.pending.urgent {
            for path in std::mem::take(&mut self.taken_in.0).into_keys() {
                // What cannot be removed is known by its name, and asked for again in vain.
                let _ = std::fs::remove_file(path);
            }
        }
    }
}
