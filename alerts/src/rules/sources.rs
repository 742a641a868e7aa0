//! Sources that are offered but could not be read: what they would have shown is unknown, and
//! unknown is not ok. The EDAC source is judged by `visibility`.

use crate::finding::{FindingExt, finding};
use scrubjay_model::{Action, Finding, Snapshot, SourceId, SourceState, Verdict};

pub(crate) fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let failed = snapshot.sources().into_iter().filter(|status| {
        status.source != SourceId::Edac
            && match status.state {
                SourceState::Partial | SourceState::Unreadable | SourceState::Malformed => true,
                SourceState::Ok | SourceState::Absent | SourceState::Off => false,
            }
    });
    failed
        .map(|status| {
            let why = status.reason.as_ref().map(ToString::to_string).unwrap_or_default();
            let faults = status.report.map_or(0, |report| report.faults.len());
            let more = match faults {
                0 | 1 => String::new(),
                _ => format!(" and {} more", faults - 1),
            };
            let found = finding(
                "source-unreadable",
                Verdict::Unknown,
                Action::FixVisibility,
                format!("could not be read in full: {why}{more}"),
                "see scrubjay doctor for every path, the reason, and the privilege it needs",
            )
            .on(status.source.as_str());
            match status.reason {
                Some(reason) => found.seen_in(reason.origin().as_str()),
                None => found,
            }
        })
        .collect()
}
