//! All pages over views of many kinds: what holds whatever they say.

mod unread;

use super::*;
use crate::testing;
use scrubjay_model::{
    AlertTurn, AlertTurnKind, BadPage, BootEnd, BootRecord, ControllerKey, CounterChange,
    CoverageRecord, CveId, DebVersion, ErrorClass, EventPattern, ExposureRecord, ExposureTurnKind,
    ExposureTurnRecord, FactRecord, HostView, MemoryTraces, ModuleKey, ModuleTrace, PackageVersion,
    Place as At, Verdict, Watch, availability, merged_boots,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// A history that knows something of everything.
#[derive(Debug)]
struct Full;

fn boot() -> BootRecord {
    BootRecord {
        boot: testing::boot(),
        booted_wall_ms: Some(testing::NOW_MS - 36 * DAY_MS),
        last_seen_wall_ms: Some(testing::NOW_MS),
        ran: Some(Duration::from_secs(36 * 86_400)),
        slept: None,
        kernel_release: Some("6.12.0-13-amd64".to_owned()),
        kernel_version: None,
        end: BootEnd::Running,
        evidence: "it runs".to_owned(),
    }
}

fn trace() -> (ModuleTrace, Vec<Watch>) {
    let change = |days: i64, errors, first| CounterChange {
        class: ErrorClass::Correctable,
        from_wall_ms: testing::NOW_MS - days * DAY_MS,
        to_wall_ms: testing::NOW_MS - days * DAY_MS,
        errors,
        interval: Duration::from_secs(60),
        restarted: false,
        first,
    };
    let trace = ModuleTrace {
        changes: vec![change(30, 4, true), change(3, 120, false)],
        reports: testing::events(),
        folded: Vec::new(),
        cut: true,
    };
    let watch = Watch {
        from_wall_ms: testing::NOW_MS - 30 * DAY_MS,
        to_wall_ms: testing::NOW_MS,
        watched: Duration::from_secs(30 * 86_400),
    };
    (trace, vec![watch])
}

impl Past for Full {
    fn memory(&self, from_wall_ms: i64) -> Told<MemoryPast> {
        let (trace, watches) = trace();
        let (record, turn) = testing::remembered();
        let modules = BTreeMap::from([(record.key, trace)]);
        let traces = MemoryTraces { from_wall_ms, watches, boots_wall_ms: Vec::new(), modules };
        let later = ModuleTurnOf(turn.clone()).later();
        Ok(MemoryPast { turns: vec![turn, later], traces })
    }

    fn dimm(&self, _: &ModuleKey, _: i64) -> Told<DimmPast> {
        let (trace, watches) = trace();
        let turn = testing::remembered().1;
        let pattern: EventPattern = testing::pattern();
        Ok(DimmPast { turns: vec![turn], trace, watches, pattern })
    }

    fn patches(&self) -> Told<PatchPast> {
        let version = |text| PackageVersion::Deb(DebVersion::parse(text).unwrap());
        let turn = |days: i64, what| ExposureTurnRecord {
            at_wall_ms: testing::NOW_MS - days * DAY_MS,
            what,
            by: "lp_1".to_owned(),
        };
        let exposure = |turns| ExposureRecord {
            cve: CveId::parse("CVE-2026-0001").unwrap(),
            fix_version: version("6.12.0-14"),
            released_unix_s: Some(testing::NOW_MS / 1000 - 40 * 86_400),
            installed_unix_s: None,
            first_wall_ms: testing::NOW_MS - 30 * DAY_MS,
            turns,
            clock_adjusted_ms: None,
        };
        let fact = |days: i64, value: &str| FactRecord {
            at_wall_ms: testing::NOW_MS - days * DAY_MS,
            boot: testing::boot(),
            name: "kernel.relation".to_owned(),
            subject: String::new(),
            value: Some(value.to_owned()),
            state: "ok".to_owned(),
        };
        let stretch = CoverageRecord {
            boot: testing::boot(),
            from_wall_ms: testing::NOW_MS - 80 * DAY_MS,
            to_wall_ms: testing::NOW_MS,
            length: Duration::from_secs(80 * 86_400),
        };
        Ok(PatchPast {
            exposures: vec![exposure(vec![turn(9, ExposureTurnKind::Closed)]), exposure(vec![])],
            changes: vec![fact(80, "current"), fact(9, "behind")],
            coverage: vec![stretch],
            coverage_days: Vec::new(),
            boots: vec![boot()],
        })
    }

    fn uptime(&self) -> Told<UptimePast> {
        let lines = merged_boots(&[boot()], Vec::new(), &BTreeMap::new());
        let step = scrubjay_model::ClockStepRecord {
            boot: testing::boot(),
            at_wall_ms: testing::NOW_MS,
            by_ms: -5_000,
        };
        Ok(UptimePast { availability: availability(&lines), lines, clock_steps: vec![step] })
    }

    fn alerts(&self, _: i64) -> Told<Vec<AlertTurn>> {
        let turn = |what, detail: &str| AlertTurn {
            at_wall_ms: testing::NOW_MS,
            key: scrubjay_model::AlertKey::new("kernel-behind", "host"),
            what,
            verdict: Verdict::Plan,
            detail: detail.to_owned(),
        };
        let known = turn(AlertTurnKind::Acknowledged, "by ann: window on Sunday");
        Ok(vec![turn(AlertTurnKind::Fired, "it lasts"), known])
    }
}

/// A turn some days after the first.
struct ModuleTurnOf(scrubjay_model::ModuleTurn);

impl ModuleTurnOf {
    fn later(self) -> scrubjay_model::ModuleTurn {
        let at_wall_ms = self.0.at_wall_ms + DAY_MS;
        scrubjay_model::ModuleTurn { at_wall_ms, what: "moved".to_owned(), ..self.0 }
    }
}

/// A server that remembers a stick with its serial number, its key and a bad page.
fn remembering() -> HostView {
    let (record, _) = testing::remembered();
    let place = (ControllerKey::from_stored("skylake-socket-0-imc-0"), At::Dimm(1));
    let record = scrubjay_model::ModuleRecord { places: vec![place], ..record };
    let mut view = testing::server();
    let registered = testing::page_list().registered;
    let page = registered.value().unwrap().first().unwrap().clone();
    let dimm = Some("skylake-socket-0-imc-0/dimm1".to_owned());
    let page = BadPage { dimm, first_seen_wall_ms: testing::NOW_MS, ..page };
    view.accumulated.bad_pages.insert(page.physical_address, page);
    let judged = &mut view.assessment.dimms[0];
    judged.key = record.key.clone();
    judged.module = record.key.opaque();
    view.accumulated.modules = [(record.key.clone(), record)].into();
    view
}

fn views() -> Vec<(&'static str, HostView)> {
    vec![
        ("server", testing::server()),
        ("remembering", remembering()),
        ("guest", testing::guest()),
        ("blind", testing::blind()),
        ("contradictory", testing::contradictory()),
        ("large", testing::large()),
    ]
}

/// Every page of a view, that of its first stick and of a finding too.
fn places(view: &HostView) -> Vec<Place> {
    let sticks = super::stick::sticks(view, &[]);
    let stick = sticks.first().map(|(_, stick)| Place::Dimm(stick.module.clone()));
    let menu = super::places::MENU.into_iter().map(|(place, _)| place);
    menu.chain(stick).chain([Place::Finding("kernel-behind".to_owned())]).collect()
}

fn made(view: &HostView, place: &Place, form: Form, past: &dyn Past) -> String {
    let pages = testing::pages();
    let known = Known {
        view,
        stale: None,
        past,
        docs: &pages.docs,
        runbook: pages.runbook,
        telemetry_path: "/metrics",
    };
    let answer = answer(place, form, &known).unwrap();
    assert!(answer.is_found, "{place:?}");
    answer.body
}

/// Every page in one form, with and without a history.
fn each(form: Form, look: impl Fn(&str, &str)) {
    let silent = Silent("the disk is on fire".to_owned());
    for (name, view) in views() {
        for place in places(&view) {
            for (past, word) in [(&Full as &dyn Past, "full"), (&silent, "silent")] {
                look(&format!("{name} {place:?} {word}"), &made(&view, &place, form, past));
            }
        }
    }
}

fn attributes<'t>(page: &'t str, name: &str) -> Vec<&'t str> {
    let pattern = format!(" {name}=\"");
    page.split(pattern.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_page_is_of_one_piece_and_needs_nothing_else() {
    each(Form::Html, |name, page| {
        for forbidden in ["<script", " style=\"", " onclick", "javascript:", "http://", "https://"]
        {
            assert!(!page.contains(forbidden), "{name}: {forbidden}");
        }
        assert_eq!(page.matches("<h1").count(), 1, "{name}");
        assert_eq!(page.matches("<main").count(), 1, "{name}");
        // No heading is deeper than the one before by more than one.
        let mut last = 1;
        for heading in page.split("<h").skip(1).filter_map(|rest| rest.chars().next()?.to_digit(10))
        {
            assert!(heading <= last + 1, "{name}: h{heading} after h{last}");
            last = heading;
        }
        let ids = attributes(page, "id");
        let distinct: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len(), "{name}: an id twice in {ids:?}");
        for label in attributes(page, "aria-labelledby") {
            for id in label.split(' ') {
                assert!(ids.contains(&id), "{name}: {id} labels and is not there");
            }
        }
        let tags = |tag: &str| {
            (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count())
        };
        for tag in ["section", "div", "ul", "dl", "tr", "figure", "details"] {
            let (open, closed) = tags(tag);
            assert_eq!(open, closed, "{name}: {tag}");
        }
    });
}

#[test]
fn no_visitor_learns_a_serial_number_a_key_or_who_acknowledged_what() {
    let secrets = [
        "425BB669",
        "425bb669",
        "0xd3a1b2c4",
        "window on Sunday",
        "\"ann\"",
        ">ann<",
        "by ann",
        "it answered 503",
    ];
    for form in [Form::Html, Form::Json] {
        each(form, |name, page| {
            for secret in secrets {
                assert!(!page.contains(secret), "{name}: {secret}");
            }
        });
    }
    // There is one to be learned.
    assert!(crate::json::snapshot(&remembering()).unwrap().contains("425BB669"));
}

#[test]
fn text_from_the_host_is_text() {
    each(Form::Html, |name, page| {
        assert!(page.chars().all(|c| c == '\n' || !crate::printable::acts(c)), "{name}");
    });
    let mut view = testing::server();
    for finding in &mut view.assessment.findings {
        finding.because = "<img src=x onerror=alert(1)>\u{202e}".to_owned();
        finding.subject = "\"><b>".to_owned();
    }
    let page = made(&view, &Place::Overview, Form::Html, &Full);
    assert!(!page.contains("<img src=x") && !page.contains("<b>"), "{page}");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;\\u{202e}"), "{page}");
}

#[test]
fn json_is_named_dated_and_has_no_number_that_was_not_read() {
    each(Form::Json, |name, page| {
        let json: serde_json::Value = serde_json::from_str(page).unwrap();
        assert_eq!(json["schema_version"], 1, "{name}");
        assert!(json["page"].is_string() && json["at_wall_ms"].is_i64(), "{name}");
        assert!(page.ends_with('\n') && page.lines().count() == 1, "{name}");
    });
    let blind: serde_json::Value =
        serde_json::from_str(&made(&testing::guest(), &Place::Overview, Form::Json, &Full))
            .unwrap();
    assert!(blind["errors"]["correctable"].is_null(), "{blind}");
    assert!(blind["alerts"]["firing"].is_null(), "{blind}");
}

#[test]
fn a_page_without_its_history_says_so_and_shows_the_rest() {
    let silent = Silent("the disk is on fire".to_owned());
    let view = remembering();
    for place in places(&view) {
        let page = made(&view, &place, Form::Html, &silent);
        assert_eq!(page.contains("the disk is on fire"), place.asks_the_history(), "{place:?}");
    }
    let page = made(&view, &Place::Memory, Form::Html, &silent);
    assert!(page.contains("Slot by slot"), "{page}");
}

#[test]
fn what_is_too_old_is_under_a_banner_that_says_so() {
    let (view, pages) = (testing::server(), testing::pages());
    let known = Known {
        view: &view,
        stale: Some("the last pass is 600 s old and was good for 90 s"),
        past: &Full,
        docs: &pages.docs,
        runbook: pages.runbook,
        telemetry_path: "/metrics",
    };
    let page = answer(&Place::Overview, Form::Html, &known).unwrap().body;
    assert!(page.contains("STALE") && page.contains("600 s old"), "{page}");
    assert!(page.contains("class=\"hero t-unknown\""), "{page}");
    assert!(page.contains("What is so now cannot be told."), "{page}");
    for well in ["Nothing to do.", "Nothing that was seen calls for action."] {
        assert!(!page.contains(well), "{well}: {page}");
    }
}

#[test]
fn a_name_that_nothing_bears_leads_to_those_that_there_are() {
    let (view, pages) = (remembering(), testing::pages());
    let known = Known {
        view: &view,
        stale: None,
        past: &Full,
        docs: &pages.docs,
        runbook: pages.runbook,
        telemetry_path: "/metrics",
    };
    let nobody = Place::Dimm("<nobody>".to_owned());
    let page = answer(&nobody, Form::Html, &known).unwrap();
    assert!(!page.is_found && page.body.contains("&lt;nobody&gt;"), "{}", page.body);
    assert!(page.body.contains("href=\"/memory/m"), "{}", page.body);
    let json = answer(&nobody, Form::Json, &known).unwrap();
    assert!(json.body.contains("\"error\":\"no stick of memory is called"), "{}", json.body);
    // Neither a serial number nor a key opens a page.
    for secret in ["425BB669", "425bb669"] {
        assert!(!answer(&Place::Dimm(secret.to_owned()), Form::Json, &known).unwrap().is_found);
    }
    let none = answer(&Place::Finding("none".to_owned()), Form::Html, &known).unwrap();
    assert!(!none.is_found && none.body.contains("href=\"/findings/kernel-behind\""));
    let lost = not_found("/<x>", Some(&known));
    assert!(lost.contains("&lt;x&gt;") && lost.contains("href=\"/memory\""), "{lost}");
}

/// All keys of the JSON of all pages.
pub(crate) fn all_json() -> Vec<String> {
    let mut all = Vec::new();
    for (_, view) in views() {
        for place in places(&view) {
            all.push(made(&view, &place, Form::Json, &Full));
        }
    }
    all
}

#[test]
fn the_first_page_reads_as_it_should() {
    let json: serde_json::Value =
        serde_json::from_str(&made(&remembering(), &Place::Overview, Form::Json, &Full)).unwrap();
    assert_eq!(json["verdict"], "act");
    assert_eq!(json["errors"]["correctable"], 126);
    assert_eq!(json["errors"]["lower_bound"], true);
    assert_eq!(json["four_words"]["available"]["short"], "not known");
    assert_eq!(json["four_words"]["running"]["tone"], "plan");
    assert_eq!(json["dimms"][0]["module"], testing::remembered().0.key.opaque());
    let page = made(&remembering(), &Place::Overview, Form::Html, &Full);
    // The verdict, then what to do, then what cannot be seen, then figures.
    let mut from = 0;
    for part in [
        "Verdict: act",
        "What to do",
        "What cannot be seen",
        "Figures",
        "Patches in four words",
        "Memory, slot by slot",
    ] {
        from += page[from..].find(part).unwrap_or_else(|| panic!("{part} is not next in {page}"));
    }
}
