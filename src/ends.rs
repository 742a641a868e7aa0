//! How earlier boots ended, as far as it bears on the present verdict.

use scrubjay_alerts::{BURST_WITHIN, ENDED_WITHIN, suspected_uncorrected_errors};
use scrubjay_model::{BootId, Finding};
use scrubjay_storage::{History, HistoryReader, StorageError};

/// Errors suspected behind the ends of earlier boots. They change when a boot begins and at no other
/// time, so the history is asked once in each.
#[derive(Debug, Default)]
pub(crate) struct Suspicions {
    of: Option<BootId>,
    found: Vec<Finding>,
}

impl Suspicions {
    /// What is suspected in this boot.
    pub(crate) fn in_boot(&mut self, boot: &BootId, history: &History) -> Vec<Finding> {
        if self.of.as_ref() != Some(boot) {
            match history.unclean_ends(BURST_WITHIN, ENDED_WITHIN) {
                Ok((boots, records)) => {
                    self.found = suspected_uncorrected_errors(&boots, &records);
                    // In memory there is nothing to be asked yet.
                    self.of = (!history.is_away()).then(|| boot.clone());
                }
                // Asked again at the next pass.
                Err(error) => tracing::error!("failed to {:#}", anyhow::Error::from(error)),
            }
        }
        self.found.clone()
    }
}

/// What is suspected by the history as it is written.
pub(crate) fn suspected(reader: &HistoryReader) -> Result<Vec<Finding>, StorageError> {
    let (boots, records) = reader.unclean_ends(BURST_WITHIN, ENDED_WITHIN)?;
    Ok(suspected_uncorrected_errors(&boots, &records))
}
