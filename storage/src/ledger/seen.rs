//! Which facts follow from what was seen of memory, patches and verdicts. Pure.

use super::fact::{Fact, Kind};
use super::pace::Pace;
use super::value::{Object, Value};
use crate::changes::{Entry, StepKind};
use crate::events::{EventRow, Reports};
use crate::modules::Turn;
use crate::state::{FactKey, FactState};
use scrubjay_model::{
    Assessment, BadPage, ErrorClass, EventClass, EventPlace, EventWhat, FORCED_PATCH,
    KERNEL_RELATION, ModuleKey, ModuleRecord, PageState, SeriesPlace, Stamp, Verdict,
};
use std::collections::BTreeMap;

/// Most things that a row names one by one; the rest is counted.
const MOST_NAMED: usize = 16;

/// Facts of the history that are facts of the ledger as well.
const KINDS: [(&str, Kind); 13] = [
    (FORCED_PATCH, Kind::LivePatch),
    ("livepatch.enabled", Kind::LivePatch),
    ("livepatch.transition", Kind::LivePatch),
    ("kpatch.enabled", Kind::LivePatch),
    ("kgraft.in_progress", Kind::LivePatch),
    ("kgraft.patches", Kind::LivePatch),
    ("ksplice.effective_kernel", Kind::LivePatch),
    ("ksplice.stage", Kind::LivePatch),
    ("kernelcare.effective_version", Kind::LivePatch),
    ("canonical_livepatch.state", Kind::LivePatch),
    ("packages.kernel", Kind::KernelInstalled),
    ("boot.next", Kind::KernelInstalled),
    (KERNEL_RELATION, Kind::KernelInstalled),
];

/// What a pass changed, sticks excepted.
pub(crate) fn of_entry(entry: &Entry) -> Vec<Fact> {
    let at = &entry.at;
    let mut told = Vec::new();
    if let Some(by_ms) = entry.clock_step_ms {
        told.push(Fact::new(at, Kind::ClockStep, [("by_ms", by_ms.into())]));
    }
    told.extend(errors_counted(entry));
    told.extend(entry.facts.iter().filter_map(|(key, (state, _))| patch_fact(at, key, state)));
    told
}

/// A fact about the kernel or its live patches that changed.
fn patch_fact(at: &Stamp, key: &FactKey, state: &FactState) -> Option<Fact> {
    let (name, subject) = key;
    let (_, kind) = KINDS.iter().find(|(told, _)| told == name)?;
    Some(Fact::new(
        at,
        *kind,
        [
            ("name", name.as_str().into()),
            ("subject", subject.as_str().into()),
            ("state", state.known.as_str().into()),
            ("value", state.known.value().into()),
        ],
    ))
}

/// A turn in the life of a stick.
pub(crate) fn dimm(
    at: &Stamp,
    key: &ModuleKey,
    turn: &Turn,
    module: Option<&ModuleRecord>,
) -> Fact {
    let Turn { what, detail } = turn;
    Fact::new(
        at,
        Kind::Dimm,
        [
            ("dimm", key.as_str().into()),
            ("turn", (*what).into()),
            ("detail", detail.as_str().into()),
            ("slot", module.and_then(ModuleRecord::slot_name).into()),
            ("serial", module.and_then(|module| module.serial.clone()).into()),
            ("part", module.and_then(|module| module.part.clone()).into()),
            ("size_bytes", module.and_then(|module| module.size_bytes).into()),
            ("identity", module.map(|module| module.identity.as_str()).into()),
        ],
    )
}

/// The first error of a stick in each class.
pub(crate) fn first_errors(
    at: &Stamp,
    before: Option<&ModuleRecord>,
    now: &ModuleRecord,
) -> Vec<Fact> {
    let of = |module: &ModuleRecord, class| match class {
        ErrorClass::Correctable => module.correctable,
        ErrorClass::Uncorrectable => module.uncorrectable,
    };
    let is_first = |class: &ErrorClass| {
        of(now, *class) > 0 && before.is_none_or(|before| of(before, *class) == 0)
    };
    let first = ErrorClass::ALL.into_iter().filter(is_first).map(|class| {
        Fact::new(
            at,
            Kind::DimmFirstError,
            [
                ("dimm", now.key.as_str().into()),
                ("class", class.as_str().into()),
                ("errors", of(now, class).into()),
                ("slot", now.slot_name().into()),
                ("serial", now.serial.clone().into()),
            ],
        )
    });
    first.collect()
}

/// Counters of errors that were not corrected went up. The total of a controller is left out
/// where its parts tell.
fn errors_counted(entry: &Entry) -> Option<Fact> {
    let rose = || {
        let counters = entry.points.iter().filter(|(key, point)| {
            key.class == ErrorClass::Uncorrectable && point.by > 0 && point.step != StepKind::Fell
        });
        counters.filter(|(key, _)| {
            key.place != SeriesPlace::Total
                || !entry.points.iter().any(|(part, point)| {
                    part.controller == key.controller
                        && part.class == key.class
                        && part.place != SeriesPlace::Total
                        && point.by > 0
                })
        })
    };
    let named = rose().take(MOST_NAMED).map(|(key, point)| {
        Value::Object(Object::from([
            ("of", key.to_string().into()),
            ("by", point.by.into()),
            ("sum", point.total.into()),
            ("step", point.step.as_str().into()),
        ]))
    });
    let (named, all): (Vec<Value>, usize) = (named.collect(), rose().count());
    let more = all.saturating_sub(MOST_NAMED);
    let body = [("counters", Value::List(named)), ("more", more.into())];
    (all > 0).then(|| Fact::new(&entry.at, Kind::ErrorsCounted, body))
}

/// Reports of errors that were not corrected. Each row has the sums over all time, so that those
/// that are left out of a storm are in the next one.
pub(crate) fn errors_reported(
    pace: &mut Pace,
    reports: &Reports,
    rows: &[EventRow],
    at: &Stamp,
) -> Vec<Fact> {
    let mut told = Vec::new();
    for row in rows.iter().filter(|row| is_grave(row.group.class)) {
        if pace.errors.take(at.since_boot) {
            pace.errors_left_out = false;
            told.push(error_reported(reports, row, at));
        } else {
            pace.errors_left_out = true;
        }
    }
    // Those left out before, once there is room again.
    if pace.errors_left_out && told.is_empty() && pace.errors.take(at.since_boot) {
        told.extend(errors_left_out(pace, reports, at));
        pace.errors_left_out = false;
    }
    told
}

fn is_grave(class: EventClass) -> bool {
    match class {
        EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => true,
        EventClass::Info | EventClass::Corrected => false,
    }
}

fn error_reported(reports: &Reports, row: &EventRow, at: &Stamp) -> Fact {
    let group = &row.group;
    let counter = row.counter.as_ref().map(|(key, place)| format!("{key}/{place}"));
    let label = match &group.place {
        EventPlace::Edac { label, .. } => Some(label.as_str()),
        EventPlace::Bank { .. }
        | EventPlace::Firmware { .. }
        | EventPlace::Cxl { .. }
        | EventPlace::Address => None,
    };
    let about = match &group.what {
        EventWhat::Memory => "memory",
        EventWhat::Page { .. } => "page",
        EventWhat::SoftOffline { .. } => "soft_offline",
        EventWhat::Other { about } => about,
        EventWhat::Overflow { .. } => "overflow",
    };
    Fact::new(
        at,
        Kind::ErrorReported,
        [
            ("event", row.id.into()),
            ("first_wall_ms", row.first_wall_ms.into()),
            ("witness", group.witness.as_str().into()),
            ("class", group.class.as_str().into()),
            ("about", about.into()),
            ("reports", group.reports.into()),
            ("errors", group.errors.into()),
            ("counter", counter.into()),
            ("label", label.into()),
            ("place", group.place.to_string().into()),
            ("address", group.address.map(Value::hex).unwrap_or(Value::Null)),
            ("message", group.message.as_str().into()),
            ("sums", sums(reports)),
        ],
    )
}

/// Errors of which no row tells, as there were too many: the sums with them.
pub(crate) fn errors_left_out(pace: &Pace, reports: &Reports, at: &Stamp) -> Option<Fact> {
    let body = [("left_out", true.into()), ("sums", sums(reports))];
    pace.errors_left_out.then(|| Fact::new(at, Kind::ErrorReported, body))
}

/// Errors reported over all time that were not corrected, by class; each counts once, whoever told
/// of it.
fn sums(reports: &Reports) -> Value {
    let mut sums = Object::new();
    for ((_, class), total) in reports.totals.iter().filter(|((_, class), _)| is_grave(*class)) {
        let sum = sums.entry(class.as_str()).or_insert(Value::Number(0));
        if let Value::Number(so_far) = sum {
            let more = i64::try_from(total.counted).unwrap_or(i64::MAX);
            *sum = so_far.saturating_add(more).into();
        }
    }
    Value::Object(sums)
}

/// Pages that were registered as bad, and pages that went out of use or came into use again. A
/// reboot changes the state of many at once, so that only some are named.
pub(crate) fn bad_pages(
    at: &Stamp,
    before: &BTreeMap<u64, BadPage>,
    changed: &[BadPage],
) -> Vec<Fact> {
    let mut registered: Vec<&BadPage> = Vec::new();
    let mut turned: BTreeMap<PageState, Vec<&BadPage>> = BTreeMap::new();
    for page in changed {
        match before.get(&page.physical_address) {
            None => registered.push(page),
            Some(known) if known.state != page.state => {
                turned.entry(page.state).or_default().push(page);
            }
            Some(_) => {}
        }
    }
    let tell = |what: &str, pages: &[&BadPage]| {
        let named = pages.iter().take(MOST_NAMED).map(|page| {
            Value::Object(Object::from([
                ("address", Value::hex(page.physical_address)),
                ("reason", page.reason.as_str().into()),
                ("state", page.state.as_str().into()),
                ("dimm", page.dimm.clone().into()),
            ]))
        });
        let body = [
            ("what", what.into()),
            ("pages", pages.len().into()),
            ("named", Value::List(named.collect())),
            ("registered", before.len().into()),
        ];
        Fact::new(at, Kind::BadPages, body)
    };
    let mut told = Vec::new();
    if !registered.is_empty() {
        told.push(tell("registered", &registered));
    }
    told.extend(turned.iter().map(|(state, pages)| tell(state.as_str(), pages)));
    told
}

/// What the verdict and the findings behind it are, if that is not what was told last. What comes
/// and goes faster than there is room for is told as it then stands.
pub(crate) fn verdict(pace: &mut Pace, assessment: &Assessment, at: &Stamp) -> Option<Fact> {
    let mut now: BTreeMap<&'static str, Verdict> = BTreeMap::new();
    for finding in assessment.findings.iter().chain(&assessment.coverage.findings) {
        let worst = now.entry(finding.code).or_insert(finding.verdict);
        *worst = finding.verdict.max(*worst);
    }
    let told = pace.verdict.as_ref();
    let is_same = told.is_some_and(|told| (told.0, &told.1) == (assessment.verdict, &now));
    if is_same || !pace.verdicts.take(at.since_boot) {
        return None;
    }
    let nothing = BTreeMap::new();
    let before = told.map_or(&nothing, |told| &told.1);
    let list = |of: &BTreeMap<&'static str, Verdict>, other: &BTreeMap<&'static str, Verdict>| {
        let new = of.iter().filter(|(code, verdict)| other.get(*code) != Some(verdict));
        Value::Object(new.map(|(code, verdict)| (*code, verdict.as_str().into())).collect())
    };
    let gone = before.keys().filter(|code| !now.contains_key(*code));
    let gone: Vec<Value> = gone.map(|code| (*code).into()).collect();
    let fact = Fact::new(
        at,
        Kind::Verdict,
        [
            ("verdict", assessment.verdict.as_str().into()),
            ("before", told.map(|told| told.0.as_str()).into()),
            ("findings", list(&now, before)),
            ("gone", Value::List(gone)),
        ],
    );
    pace.verdict = Some((assessment.verdict, now));
    Some(fact)
}
