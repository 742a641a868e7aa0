//! The verdict and what it rests on.

use super::Samples;
use scrubjay_model::{Assessment, Coverage, CoverageState, ErrorClass, Verdict, metrics};

pub(super) fn observe(samples: &mut Samples, assessment: &Assessment) {
    // Sticks of memory and the kernel's patches have samples of their own.
    let Assessment { verdict, coverage, findings, dimms: _, patches: _ } = assessment;
    // The state as a whole is the worse of the two classes' and would be a third beside them.
    let Coverage { state: _, correctable: _, uncorrectable: _, findings: gaps } = coverage;
    samples.push_set(&metrics::VERDICT, None, &Verdict::ALL, Verdict::as_str, *verdict);
    // What cannot be seen is a reason for the verdict as well.
    for finding in findings.iter().chain(gaps) {
        let labels =
            [finding.code, &finding.subject, finding.verdict.as_str(), finding.action.as_str()];
        samples.push(&metrics::FINDING, labels, true);
    }
    for class in ErrorClass::ALL {
        let (all, word) = (&CoverageState::ALL, CoverageState::as_str);
        samples.push_set(&metrics::COVERAGE, Some(class.as_str()), all, word, coverage.of(class));
        for gap in gaps.iter().filter(|gap| gap.hides.contains(&class)) {
            samples.push(&metrics::COVERAGE_GAP, [class.as_str(), gap.code, &gap.subject], true);
        }
    }
}
