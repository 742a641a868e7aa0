//! The verdict and what it rests on.

use super::Samples;
use scrubjay_model::{Assessment, Coverage, CoverageState, Verdict, metrics};

pub(super) fn observe(samples: &mut Samples, assessment: &Assessment) {
    let Assessment { verdict, coverage, findings } = assessment;
    let Coverage { state, findings: gaps } = coverage;
    samples.push_set(&metrics::VERDICT, None, &Verdict::ALL, Verdict::as_str, *verdict);
    // What cannot be seen is a reason for the verdict as well.
    for finding in findings.iter().chain(gaps) {
        let labels =
            [finding.code, &finding.subject, finding.verdict.as_str(), finding.action.as_str()];
        samples.push(&metrics::FINDING, labels, true);
    }
    samples.push_set(&metrics::COVERAGE, None, &CoverageState::ALL, CoverageState::as_str, *state);
    for gap in gaps {
        samples.push(&metrics::COVERAGE_GAP, [gap.code, &gap.subject], true);
    }
}
