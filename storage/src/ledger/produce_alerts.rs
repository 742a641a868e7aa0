//! Facts about alerts and reports. Pure.

use super::fact::{Fact, Kind};
use super::value::Value;
use crate::alerts::GivenUp;
use scrubjay_model::{Ack, AlertTurn, EndedAck, IssuedReport, Stamp};

/// An alert fired, got worse or better, is held, can be looked at again, or is over.
pub(crate) fn alert(at: &Stamp, turn: &AlertTurn) -> Fact {
    let AlertTurn { at_wall_ms: _, key, what, verdict, detail } = turn;
    Fact::new(
        at,
        Kind::Alert,
        [
            ("what", what.as_str().into()),
            ("code", key.code.as_str().into()),
            ("subject", key.subject.as_str().into()),
            ("verdict", verdict.as_str().into()),
            ("detail", detail.as_str().into()),
        ],
    )
}

/// Somebody acknowledged an alert.
pub(crate) fn acknowledged(at: &Stamp, ack: &Ack) -> Fact {
    acknowledgement(at, ack, "given", None)
}

/// An acknowledgement ended.
pub(crate) fn acknowledgement_ended(at: &Stamp, ended: &EndedAck) -> Fact {
    acknowledgement(at, &ended.ack, ended.end.as_str(), Some(&ended.why))
}

fn acknowledgement(at: &Stamp, ack: &Ack, what: &str, why: Option<&str>) -> Fact {
    let Ack { request, key, by, uid, reason, given: _, until: _, verdict, count, baseline } = ack;
    Fact::new(
        at,
        Kind::Acknowledgement,
        [
            ("what", what.into()),
            ("why", why.into()),
            ("request", request.as_str().into()),
            ("code", key.code.as_str().into()),
            ("subject", key.subject.as_str().into()),
            ("by", by.as_str().into()),
            ("uid", u64::from(*uid).into()),
            ("reason", reason.as_str().into()),
            ("until_wall_ms", ack.until_wall_ms().into()),
            ("verdict", verdict.as_str().into()),
            ("count", (*count).into()),
            ("baseline", (*baseline).into()),
        ],
    )
}

/// Notices were given up: somebody who was to be told was not.
pub(crate) fn delivery_given_up(at: &Stamp, given_up: &GivenUp) -> Fact {
    let GivenUp { receiver, ids, why } = given_up;
    Fact::new(
        at,
        Kind::DeliveryGivenUp,
        [
            ("receiver", receiver.as_str().into()),
            ("notices", ids.len().into()),
            ("why", why.as_str().into()),
        ],
    )
}

/// Somebody was given a report.
pub(crate) fn report_issued(at: &Stamp, issued: &IssuedReport) -> Fact {
    let IssuedReport {
        id,
        by,
        uid,
        made_wall_ms,
        from_wall_ms,
        to_wall_ms,
        at_wall_ms,
        sha256,
        policy_sha256,
    } = issued;
    Fact::new(
        at,
        Kind::ReportIssued,
        [
            ("request", id.as_str().into()),
            ("by", by.as_str().into()),
            ("uid", u64::from(*uid).into()),
            ("made_wall_ms", (*made_wall_ms).into()),
            ("from_wall_ms", (*from_wall_ms).into()),
            ("to_wall_ms", (*to_wall_ms).into()),
            ("at_wall_ms", (*at_wall_ms).into()),
            ("sha256", sha256.to_string().into()),
            ("policy_sha256", policy_sha256.to_string().into()),
        ],
    )
}

/// Whether a fact tells of this report.
pub(crate) fn tells_of_report(fact: &Fact, issued: &IssuedReport) -> bool {
    fact.kind == Kind::ReportIssued
        && fact.body.get("request") == Some(&Value::from(issued.id.as_str()))
}
