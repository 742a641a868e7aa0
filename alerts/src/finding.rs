//! Shorthand for building findings.

use scrubjay_model::{Action, Finding, Origin, RebootHelps, Verdict};

/// A finding on the host as a whole that a reboot does not mend; the builder methods change that.
pub(crate) fn finding(
    code: &'static str,
    verdict: Verdict,
    action: Action,
    because: impl Into<String>,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        code,
        verdict,
        subject: "host".to_owned(),
        because: because.into(),
        action,
        remedy: remedy.into(),
        reboot_helps: RebootHelps::No,
        origin: None,
    }
}

/// Details of a finding.
pub(crate) trait FindingExt {
    /// What it is about.
    fn on(self, subject: impl Into<String>) -> Self;
    /// Whether a reboot mends it.
    fn reboot(self, helps: RebootHelps) -> Self;
    /// Where the evidence is.
    fn seen_in(self, path: impl Into<String>) -> Self;
}

impl FindingExt for Finding {
    fn on(self, subject: impl Into<String>) -> Self {
        Self { subject: subject.into(), ..self }
    }

    fn reboot(self, reboot_helps: RebootHelps) -> Self {
        Self { reboot_helps, ..self }
    }

    fn seen_in(self, path: impl Into<String>) -> Self {
        Self { origin: Some(Origin::new(path)), ..self }
    }
}
