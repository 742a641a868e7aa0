//! Which findings verdicts on sticks amount to.

use super::*;
use scrubjay_model::{
    Action, Coverage, CoverageState, DimmPolicy, DimmRisk, ModuleKey, Probability,
};

pub(crate) fn reason(code: &'static str, verdict: Verdict) -> DimmReason {
    let text = format!("what {code} saw");
    DimmReason { code, verdict, since_wall_ms: None, text, reboot_helps: RebootHelps::No }
}

pub(crate) fn dimm(name: &str, reasons: Vec<DimmReason>) -> DimmVerdict {
    let chance = Probability::nearest(0.01);
    DimmVerdict {
        key: ModuleKey::from_stored(name.to_lowercase()),
        module: "m1".to_owned(),
        name: name.to_owned(),
        counted_at: vec![format!("imc-0/{}", name.to_lowercase())],
        errors: 5,
        verdict: reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Unknown),
        action: Action::SwapDimm,
        advice: "swap it",
        shape: "bank",
        faults: Vec::new(),
        risk: DimmRisk {
            within_7_days: Some(chance),
            within_horizon: chance,
            low: chance,
            high: chance,
            horizon_days: 270,
            swap_pays_from: None,
            validity: String::new(),
        },
        sentence: "It pays.".to_owned(),
        reasons,
        cut: false,
        policy: DimmPolicy { name: "default".to_owned(), rules: Vec::new() },
        trend_p: None,
    }
}

fn by_count(subject: &str) -> Finding {
    finding(BY_COUNT, Verdict::Watch, Action::Observe, "3 errors", "nothing yet").on(subject)
}

fn assessed(findings: Vec<Finding>, dimms: Vec<DimmVerdict>) -> Assessment {
    let full = CoverageState::Full;
    with_dimms(Assessment::new(Coverage::new(full, full, Vec::new()), findings), dimms)
}

#[test]
fn the_reason_that_decides_names_the_finding_and_the_others_stand_beside_it() {
    let bad = dimm(
        "A1",
        vec![
            reason("dimm-storm", Verdict::Watch),
            reason("dimm-several-signs", Verdict::Plan),
            reason("dimm-risk", Verdict::Plan),
            reason("dimm-errors", Verdict::Ok),
        ],
    );
    let assessment = assessed(Vec::new(), vec![bad.clone()]);
    assert_eq!(assessment.verdict, Verdict::Plan);
    let [found] = assessment.findings.as_slice() else { panic!("{:?}", assessment.findings) };
    assert_eq!((found.code, found.subject.as_str()), ("dimm-risk", "A1"));
    assert_eq!(found.because, "what dimm-risk saw; also dimm-storm, dimm-several-signs");
    assert_eq!(found.remedy, "It pays. (scrubjay explain A1 tells all of it)");
    assert_eq!(assessment.dimms, [bad]);
}

#[test]
fn what_is_well_or_cannot_be_told_is_no_finding_of_the_host() {
    let well = dimm("A1", vec![reason("dimm-quiet", Verdict::Ok)]);
    let blind = dimm("A2", vec![reason("dimm-not-watched", Verdict::Unknown)]);
    let assessment = assessed(Vec::new(), vec![well, blind]);
    assert_eq!((assessment.findings.len(), assessment.verdict), (0, Verdict::Ok));
    assert_eq!(assessment.dimms.len(), 2);
}

#[test]
fn a_verdict_on_a_stick_takes_the_place_of_its_raw_count_alone() {
    let judged = dimm("A1", vec![reason("dimm-fault", Verdict::Watch)]);
    // A single cell that erred once: looked at, and nothing to follow.
    let well = dimm("B1", vec![reason("dimm-errors", Verdict::Ok)]);
    // Counted, and nothing says where.
    let blind = dimm("C1", vec![reason("dimm-place-unknown", Verdict::Unknown)]);
    let raw = ["imc-0/a1", "imc-0/b1", "imc-0/c1", "imc-0"].map(by_count).to_vec();
    let assessment = assessed(raw, vec![judged, well, blind]);
    let told: Vec<(&str, &str)> =
        assessment.findings.iter().map(|f| (f.code, f.subject.as_str())).collect();
    assert_eq!(
        told,
        [("corrected-errors", "imc-0/c1"), ("corrected-errors", "imc-0"), ("dimm-fault", "A1")]
    );
}
