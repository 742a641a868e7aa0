//! The first start: what other tools remember is taken into the history.

use crate::commands::import;
use crate::progress::ProgressArgs;
use scrubjay_collector::HostRoot;
use scrubjay_model::{BootMemory, ErrorMemory, NonValue, Stamp};
use scrubjay_storage::{History, StorageError};

/// Begins a history with what other tools remember. None of this is needed to watch, so that what
/// fails is said and passed over; as long as nothing was found, each start looks again.
pub(super) fn import_once(host: &HostRoot, history: &mut History, at: &Stamp) {
    let boots = history.has_imported_boots().and_then(|has| {
        if has { Ok(Vec::new()) } else { import::take_in(host, history, at, &BootMemory::ALL) }
    });
    let errors = history.has_imported_errors().and_then(|has| {
        if has {
            return Ok(Vec::new());
        }
        // Whoever watches an agent reads its log.
        let progress = ProgressArgs { quiet: true };
        let from = import::ErrorSources { of: &ErrorMemory::ALL, file: None, progress };
        import::take_in_errors(host, history, at, from)
    });
    for line in boots.unwrap_or_else(not_taken) {
        let memory = line.memory.as_str();
        match line.taken.into_result() {
            Ok(taken) => {
                let added = taken.added;
                tracing::info!("took in {added} earlier boots that {memory} remembers");
            }
            Err(why) => tell_not_taken(memory, "remembers", &why),
        }
    }
    for line in errors.unwrap_or_else(not_taken) {
        let memory = line.memory.as_str();
        match line.taken.into_result() {
            Ok(taken) => {
                let added = taken.errors_added;
                tracing::info!("took in {added} earlier errors that {memory} recorded");
            }
            Err(why) => tell_not_taken(memory, "recorded", &why),
        }
    }
}

/// What is there and cannot be read is worth a word; what is not there is not.
fn tell_not_taken(memory: &str, what: &str, why: &NonValue) {
    match why {
        NonValue::Absent(_) => {}
        NonValue::Unreadable(..) | NonValue::Malformed(..) => tracing::warn!(
            "took in nothing of what {memory} {what}: {why}; scrubjay import tries again"
        ),
    }
}

fn not_taken<T>(error: StorageError) -> Vec<T> {
    tracing::error!("failed to {:#}", anyhow::Error::from(error));
    Vec::new()
}
