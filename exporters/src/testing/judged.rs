//! A stick of memory that is about to fail.

use super::NOW_MS;
use scrubjay_model::{
    Action, DimmFault, DimmPolicy, DimmReason, DimmRisk, DimmRule, DimmVerdict, ModuleKey,
    Probability, RebootHelps, Verdict,
};

/// A bank that errs, worth a swap at the window.
pub(crate) fn failing_bank() -> DimmVerdict {
    let hours_ago = |hours: i64| NOW_MS - hours * 3_600_000;
    let chance = |value| Probability::new(value).unwrap();
    let reason = |code, verdict, since_wall_ms, text: &str| DimmReason {
        code,
        verdict,
        since_wall_ms,
        text: text.to_owned(),
        reboot_helps: RebootHelps::No,
    };
    let rule = |code: &str, holds, reached| DimmRule {
        code: code.to_owned(),
        then: "alarm",
        holds,
        limit: None,
        reached,
        last_reached_wall_ms: None,
    };
    DimmVerdict {
        key: ModuleKey::from_stored("425bb669"),
        module: ModuleKey::from_stored("425bb669").opaque(),
        name: "DIMM_A1".to_owned(),
        counted_at: vec!["skylake-socket-0-imc-0/dimm0".to_owned()],
        errors: 512,
        verdict: Verdict::Plan,
        action: Action::SwapDimm,
        advice: "swap it at the window",
        shape: "bank",
        faults: vec![DimmFault {
            shape: "bank",
            proven: true,
            permanent: true,
            errors: 512,
            places: 41,
            rows: 9,
            columns: 29,
            banks: 1,
            first_wall_ms: hours_ago(72),
            last_wall_ms: hours_ago(2),
        }],
        risk: DimmRisk {
            within_7_days: Some(chance(0.005)),
            within_horizon: chance(0.083),
            low: chance(0.028),
            high: chance(0.23),
            horizon_days: 270,
            swap_pays_from: Some(chance(0.024)),
            validity: "transferred from another platform, not validated on this one".to_owned(),
        },
        sentence: "A swap pays.".to_owned(),
        reasons: vec![
            reason("dimm-risk", Verdict::Plan, Some(hours_ago(72)), "P is above its limit"),
            reason("dimm-errors", Verdict::Ok, Some(hours_ago(72)), "512 corrected errors"),
        ],
        cut: true,
        policy: DimmPolicy {
            name: "default".to_owned(),
            rules: vec![
                rule("worth", None, None),
                DimmRule { limit: Some(1), ..rule("uncorrected", None, Some(0)) },
            ],
        },
        trend_p: Some(chance(0.25)),
    }
}
