//! How earlier boots ended, as far as it bears on the present verdict.

use crate::judging::IN_MEMORY;
use scrubjay_alerts::{BURST_WITHIN, ENDED_WITHIN, suspected_uncorrected_errors};
use scrubjay_model::{BootId, Finding};
use scrubjay_storage::{History, HistoryReader, StorageError};

/// Errors suspected behind the ends of earlier boots. They change when a boot begins and at no other
/// time, so the history is asked once in each.
#[derive(Debug, Default)]
pub(crate) struct Suspicions {
    of: Option<BootId>,
    found: Vec<Finding>,
    /// Why the history could not be asked when that was last wanted.
    unasked: Option<String>,
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
                    self.unasked = history.is_away().then(|| IN_MEMORY.to_owned());
                }
                // Asked again at the next pass.
                Err(error) => {
                    let why = format!("failed to {:#}", anyhow::Error::from(error));
                    tracing::error!("{why}");
                    self.unasked = Some(why);
                }
            }
        }
        self.found.clone()
    }

    /// Why what is suspected may not be all.
    pub(crate) fn unasked(&self) -> Option<String> {
        self.unasked.clone()
    }
}

/// What is suspected by the history as it is written.
pub(crate) fn suspected(reader: &HistoryReader) -> Result<Vec<Finding>, StorageError> {
    let (boots, records) = reader.unclean_ends(BURST_WITHIN, ENDED_WITHIN)?;
    Ok(suspected_uncorrected_errors(&boots, &records))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_collector::{Collector, HostRoot, Options, Tree};
    use scrubjay_model::{Clocks, Snapshot, Stamp};
    use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_secs(60);

    fn look(kernel: &mut Kernel) -> Snapshot {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let tree = Tree::parse(&kernel.tree()).unwrap();
        let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
        let options = Options { deadline: MINUTE, disabled: BTreeSet::new() };
        let snapshot = Collector::new(Arc::new(host), options).snapshot();
        kernel.sampled();
        snapshot
    }

    fn begin(state: &Path, at: &Stamp) -> History {
        let mut history = History::open_or_remember(state, at).unwrap();
        // In memory it has begun nevertheless.
        let _ = history.begin_run(at, "test", MINUTE);
        history
    }

    /// A host that went down after a burst of errors, whose history cannot be opened at first.
    #[test]
    fn what_memory_does_not_know_is_asked_of_the_file_once_it_is_there() {
        let home = tempfile::tempdir().unwrap();
        let mount = home.path().join("mount");
        let state = mount.join("state");
        fs::create_dir(&mount).unwrap();
        let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 1)], View::Dimms);
        kernel.wait(60 * MINUTE);
        let mut history = begin(&state, &look(&mut kernel).at);
        for errors in [0, 12] {
            kernel.wait(MINUTE);
            kernel.corrected(0, 1, errors);
            assert!(history.append(&look(&mut kernel)).error.is_none());
        }
        drop(history);
        kernel.reboot(2 * MINUTE);

        // A link to itself fails for root too.
        fs::rename(&mount, home.path().join("barred")).unwrap();
        std::os::unix::fs::symlink(&mount, &mount).unwrap();
        kernel.wait(MINUTE);
        let snapshot = look(&mut kernel);
        let mut history = begin(&state, &snapshot.at);
        assert!(history.append(&snapshot).error.is_some() && history.is_away());
        let mut suspicions = Suspicions::default();
        assert_eq!(suspicions.in_boot(&snapshot.at.boot, &history), []);

        fs::remove_file(&mount).unwrap();
        fs::rename(home.path().join("barred"), &mount).unwrap();
        kernel.wait(MINUTE);
        let snapshot = look(&mut kernel);
        assert!(history.append(&snapshot).error.is_none() && !history.is_away());
        let found = suspicions.in_boot(&snapshot.at.boot, &history);
        let codes: Vec<&str> = found.iter().map(|found| found.code).collect();
        assert_eq!(codes, ["suspected-uncorrected-error"]);
    }
}
