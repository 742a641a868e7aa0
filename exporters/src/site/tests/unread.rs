//! Counters that cannot be read, and what else is not known: none of it is a number, or well.

use super::*;
use scrubjay_model::{
    Dimm, DimmLine, Reading, SeriesKey, SeriesPlace, Simulated, Witnessed, memory_lines,
};

fn json(view: &HostView, place: &Place) -> serde_json::Value {
    serde_json::from_str(&made(view, place, Form::Json, &Full)).unwrap()
}

fn place(view: &mut HostView, n: u32) -> &mut Dimm {
    let edac = view.snapshot.edac.as_mut().unwrap();
    let Reading::Value(edac) = &mut edac.reading else { unreachable!() };
    let dimms = edac.controllers[0].dimms_mut();
    dimms.iter_mut().find(|dimm| dimm.place == At::Dimm(n)).unwrap()
}

fn key(n: u32, class: ErrorClass) -> SeriesKey {
    let controller = ControllerKey::from_stored("skylake-socket-0-imc-0");
    SeriesKey { controller, place: SeriesPlace::Dimm(At::Dimm(n)), class }
}

/// The stick at a place without errors, which the history watched without a gap, where everything
/// is seen.
fn quiet() -> HostView {
    let mut view = remembering();
    let full = scrubjay_model::CoverageState::Full;
    view.assessment.coverage = scrubjay_model::Coverage::new(full, full, Vec::new());
    view.assessment.findings.clear();
    view.assessment.dimms.clear();
    for record in view.accumulated.modules.values_mut() {
        record.places = vec![(ControllerKey::from_stored("skylake-socket-0-imc-0"), At::Dimm(0))];
        (record.correctable, record.restarts, record.last_error_wall_ms) = (0, 0, None);
    }
    view
}

fn line(view: &HostView) -> DimmLine {
    memory_lines(view, &[]).into_iter().next().unwrap()
}

fn attribute(view: &HostView, name: &str) -> (String, String, String) {
    let module = super::super::stick::sticks(view, &[])[0].1.module.clone();
    let page = json(view, &Place::Dimm(module));
    let rows = page["attributes"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap();
    let text = |key: &str| row[key].as_str().unwrap().to_owned();
    (text("value"), text("tone"), text("standing"))
}

#[test]
fn a_counter_that_cannot_be_read_does_not_take_its_errors_from_the_sum() {
    let mut view = remembering();
    view.accumulated.totals.values_mut().for_each(|sum| sum.restarts = 0);
    let before = json(&view, &Place::Overview)["errors"].clone();
    assert_eq!((&before["correctable"], &before["lower_bound"]), (&126.into(), &false.into()));
    place(&mut view, 1).errors.correctable = testing::denied("dimm_ce_count");
    let after = json(&view, &Place::Overview)["errors"].clone();
    assert_eq!((&after["correctable"], &after["lower_bound"]), (&126.into(), &true.into()));
    // What is read and not remembered counts, and what is neither is a hole.
    view.accumulated.totals.remove(&key(1, ErrorClass::Correctable));
    let after = json(&view, &Place::Overview)["errors"].clone();
    assert_eq!((&after["correctable"], &after["lower_bound"]), (&3.into(), &true.into()));
    place(&mut view, 1).errors.correctable = testing::counter(41);
    let after = json(&view, &Place::Overview)["errors"].clone();
    assert_eq!((&after["correctable"], &after["lower_bound"]), (&44.into(), &true.into()));
}

#[test]
fn errors_that_nobody_reads_or_remembers_are_not_known() {
    let mut view = testing::blind();
    view.accumulated.totals.clear();
    let errors = json(&view, &Place::Overview)["errors"].clone();
    assert!(errors["correctable"].is_null() && errors["uncorrectable"].is_null(), "{errors}");
    assert_eq!(errors["lower_bound"], true);
}

#[test]
fn none_of_a_class_that_is_not_read_is_not_well_on_the_first_page() {
    let mut view = quiet();
    view.accumulated.totals.values_mut().for_each(|sum| (sum.total, sum.restarts) = (0, 0));
    let note = "not every counter can be read now";
    assert!(!made(&view, &Place::Overview, Form::Html, &Full).contains(note));
    place(&mut view, 0).errors.correctable = testing::denied("dimm_ce_count");
    let page = made(&view, &Place::Overview, Form::Html, &Full);
    assert_eq!(page.matches(note).count(), 1, "{page}");
}

#[test]
fn a_stick_whose_counter_was_never_read_is_not_without_errors() {
    let mut view = quiet();
    assert_eq!((line(&view).correctable, line(&view).uncorrectable), (Some(0), Some(0)));
    assert_eq!(line(&view).verdict, Some(Verdict::Ok));
    assert_eq!(attribute(&view, "Last error").1, "ok");
    place(&mut view, 0).errors.correctable = testing::denied("dimm_ce_count");
    assert_eq!((line(&view).correctable, line(&view).uncorrectable), (None, Some(0)));
    assert_eq!(line(&view).verdict, Some(Verdict::Unknown));
    let corrected = attribute(&view, "Corrected errors");
    assert_eq!((corrected.1.as_str(), corrected.2.as_str()), ("unknown", "not counted"));
    assert_eq!(attribute(&view, "Last error").1, "unknown");
    // One class is not both.
    place(&mut view, 0).errors = testing::counts(0, 0);
    place(&mut view, 0).errors.uncorrectable = testing::absent("dimm_ue_count");
    assert_eq!((line(&view).correctable, line(&view).uncorrectable), (Some(0), None));
    assert_eq!(attribute(&view, "Last error").1, "unknown");
    // Where a stick was that is gone, another is counted now.
    view.accumulated.modules.values_mut().for_each(|record| record.ended_wall_ms = Some(1));
    assert_eq!(memory_lines(&view, &[]).last().unwrap().uncorrectable, Some(0));
}

#[test]
fn errors_of_a_stick_are_at_least_those_remembered_while_its_counter_is_not_read() {
    let mut view = quiet();
    view.accumulated.modules.values_mut().for_each(|record| record.correctable = 7);
    assert!(!line(&view).lower_bound);
    place(&mut view, 0).errors.correctable = testing::denied("dimm_ce_count");
    assert_eq!((line(&view).correctable, line(&view).lower_bound), (Some(7), true));
}

#[test]
fn errors_are_all_heard_only_where_somebody_listened() {
    let mut view = quiet();
    let name = "Errors reported one by one";
    let corrected = key(0, ErrorClass::Correctable);
    let mut heard = |errors, unheard| {
        view.accumulated.totals.get_mut(&corrected).unwrap().total = 12;
        view.accumulated.witnessed.clear();
        view.accumulated.witnessed.insert(corrected.clone(), Witnessed { errors, unheard });
        let (_, tone, standing) = attribute(&view, name);
        (tone, standing)
    };
    let said = |tone: &str, standing: &str| (tone.to_owned(), standing.to_owned());
    assert_eq!(heard(12, 0), said("ok", "all heard"));
    assert_eq!(heard(0, 12), said("unknown", "nobody listened"));
    assert_eq!(heard(5, 7), said("unknown", "partly listened"));
    assert_eq!(heard(5, 6), said("watch", "some missed"));
    // Of the other class nobody ever heard.
    let others = key(0, ErrorClass::Uncorrectable);
    view.accumulated.witnessed.insert(corrected, Witnessed { errors: 12, unheard: 0 });
    view.accumulated.totals.get_mut(&others).unwrap().total = 1;
    assert_eq!(attribute(&view, name).2, "partly listened");
}

#[test]
fn every_page_of_a_host_that_was_made_says_so_as_json_too() {
    for (name, mut view) in views() {
        for place in places(&view) {
            assert!(json(&view, &place).get("simulated").is_none(), "{name} {place:?}");
        }
        view.header.simulated = Some(Simulated::of("cosmic", 1));
        for place in places(&view) {
            assert_eq!(json(&view, &place)["simulated"], "cosmic, seed 1", "{name} {place:?}");
        }
    }
}

#[test]
fn a_fix_that_a_list_names_without_a_severity_is_not_one_that_no_list_names() {
    let mut view = testing::server();
    let ranked = Some(scrubjay_model::CveRank { exploited: true, ..Default::default() });
    for (rank, said) in [(None, "no list names it"), (ranked, "severity not known")] {
        let truth = view.assessment.patches.as_mut().unwrap();
        let Reading::Value(debt) = &mut truth.debt else { panic!("{:?}", truth.debt) };
        debt.missing.truncate(1);
        debt.missing[0].rank = rank;
        let page = made(&view, &Place::Patches, Form::Html, &Full);
        for word in ["no list names it", "severity not known"] {
            assert_eq!(page.contains(word), word == said, "{page}");
        }
    }
}
