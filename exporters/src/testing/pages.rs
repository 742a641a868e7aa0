//! What pages are made of beside a view, where there is no history.

use crate::site::{Pages, Silent};
use scrubjay_model::{SourceDoc, SourceId};
use std::sync::Arc;

/// Two findings have a page.
pub(crate) const RUNBOOK: &str = "# Findings\n\n## kernel-behind\n\nA newer kernel is installed. \
    See [firmware-first](#firmware-first).\n\n## firmware-first\n\nThe firmware handles errors.\n";

/// Pages without a history.
pub(crate) fn pages() -> Pages {
    let doc = SourceDoc {
        id: SourceId::Edac,
        reads: &["sys/devices/system/edac/mc/mc*"],
        needs: "nothing",
        absence: "No driver.",
        kernel_doc: "Documentation/ABI/testing/sysfs-devices-edac",
    };
    let past = Arc::new(Silent("there is no history here".to_owned()));
    Pages { past, docs: vec![doc], runbook: RUNBOOK }
}
