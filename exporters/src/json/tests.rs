//! The layouts are an interface: keys, their order, and what stands for a missing value.

use super::*;
use crate::testing;
use proptest::prelude::*;
use scrubjay_model::{
    BootMemory, BucketBy, BucketSum, BucketTime, Digest, ErrorMemory, ErrorsTaken, ImportTaken,
    LedgerFault, LedgerFaultKind, LedgerHead, LeftOut, MemoryBucket, Origin, availability,
    merged_boots,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

fn parsed(text: Result<String, PageError>) -> Value {
    let text = text.unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 1);
    serde_json::from_str(&text).unwrap()
}

fn kept(folded: &FoldedRows) -> Kept<'_> {
    Kept { is_cut: false, folded, days: &[] }
}

#[test]
fn the_top_level_keys_are_stable() {
    let text = snapshot(&testing::server()).unwrap();
    // In order: a parsed object would sort them.
    let mut from = 0;
    for key in [
        "{\"schema_version\":1,",
        ",\"header\":{\"root\":\"/\",",
        ",\"snapshot\":{\"at\":{",
        ",\"accumulated\":[{\"controller\":\"skylake-socket-0-imc-0\",\"edac\":\"mc0\",",
        ",\"history\":{\"state\":\"ok\",\"value\":{",
        ",\"assessment\":{\"verdict\":\"act\",",
        ",\"agent\":{",
    ] {
        from += text[from..].find(key).unwrap_or_else(|| panic!("{key} is not in {text}"));
    }
}

#[test]
fn over_the_network_serial_numbers_are_masked_and_nothing_else_differs() {
    let mut view = testing::server();
    // They have a test of their own.
    view.alerts.acks.clear();
    let Reading::Value(agent) = &mut view.agent else { panic!("an agent") };
    for receiver in agent.notifications.receivers.values_mut() {
        receiver.last_error = None;
    }
    let (full, public) = (snapshot(&view).unwrap(), public_snapshot(&view).unwrap());
    for serial in ["425BB669", "0xd3a1b2c4"] {
        assert!(full.contains(serial) && !public.contains(serial), "{serial}");
    }
    let unmasked = public
        .replacen("(masked)", "0xd3a1b2c4", 1)
        .replacen("(masked)", "425BB669", 1)
        .replacen("\"serials\":\"masked\"", "\"serials\":\"full\"", 1);
    assert_eq!(unmasked, full);
    // A slot without a stick has no serial number to be masked.
    assert!(public.contains("\"serial\":null"));
}

#[test]
fn over_the_network_nobody_learns_who_acknowledged_what_and_what_receivers_answered() {
    let view = testing::server();
    let (full, public) = (snapshot(&view).unwrap(), public_snapshot(&view).unwrap());
    for private in
        ["1795500120000-42", "\"ann\"", "\"uid\":", "window on Sunday", "it answered 503"]
    {
        assert!(full.contains(private) && !public.contains(private), "{private}");
    }
    let ack = &parsed(Ok(public))["acknowledgements"][0];
    let expected = serde_json::json!({
        "code": "kernel-behind",
        "subject": "host",
        "by": "(masked)",
        "reason": "(masked)",
        "until": { "span": 129_600_000 },
        "verdict": "plan",
        "baseline": null,
        "until_wall_ms": view.alerts.acks.values().next().unwrap().until_wall_ms(),
    });
    assert_eq!(ack, &expected);
}

#[test]
fn sums_say_whether_they_are_lower_bounds() {
    let json = parsed(snapshot(&testing::server()));
    let dimm = json["accumulated"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["place"] == "dimm1" && t["class"] == "correctable")
        .unwrap();
    assert_eq!(dimm["total"], 123);
    assert_eq!(dimm["restarts"], 2);
    assert_eq!(dimm["lower_bound"], true);
}

#[test]
fn non_values_are_states_with_reasons() {
    let json = parsed(snapshot(&testing::guest()));
    let edac = &json["snapshot"]["edac"]["reading"];
    assert_eq!(edac["state"], "absent");
    assert_eq!(edac["origin"], "sys/devices/system/edac/mc");
    assert!(edac.get("value").is_none());
    assert_eq!(json["history"]["state"], "absent");
    assert!(json["agent"].is_null());
    let blind = snapshot(&testing::blind()).unwrap();
    assert!(!blind.contains("NaN") && !blind.contains('\x1b'));
}

#[test]
fn doctor_joins_each_source_with_its_description() {
    let docs = [SourceDoc {
        id: SourceId::Edac,
        reads: &["sys/devices/system/edac/mc/mc*"],
        needs: "nothing",
        absence: "No driver.",
        kernel_doc: "Documentation/ABI/testing/sysfs-devices-edac",
    }];
    let json = parsed(doctor(&testing::guest(), &docs, None));
    assert_eq!(json["sources"][0]["source"], "edac");
    assert_eq!(json["sources"][0]["doc"]["absence"], "No driver.");
    assert!(json["sources"][1]["doc"].is_null());
    assert_eq!(json["sources"].as_array().unwrap().len(), SourceId::ALL.len());
}

#[test]
fn histories_state_their_exposure() {
    let json = parsed(memory(&[], &Accumulated::default(), &[], kept(&FoldedRows::default())));
    assert_eq!(json["coverage"], serde_json::json!([]));
    assert_eq!(json["changes"], serde_json::json!([]));
    assert_eq!(parsed(boots(&[], &[], None, &[], &[]))["schema_version"], 1);
}

/// A host with one stick, the list of its memory, and that stick.
fn shown() -> (HostView, Vec<DimmLine>, DimmDetail) {
    let (record, turn) = testing::remembered();
    let place = |n| {
        (
            scrubjay_model::ControllerKey::from_stored("skylake-socket-0-imc-0"),
            scrubjay_model::Place::Dimm(n),
        )
    };
    let record = scrubjay_model::ModuleRecord { places: vec![place(0), place(1)], ..record };
    let mut view = testing::server();
    let registered = testing::page_list().registered;
    let page = registered.value().unwrap().first().unwrap().clone();
    let dimm = Some("skylake-socket-0-imc-0/dimm1".to_owned());
    let page = scrubjay_model::BadPage { dimm, first_seen_wall_ms: testing::NOW_MS, ..page };
    // One that was registered before the stick came to its place is another's.
    let physical_address = page.physical_address + page.page_size_bytes;
    let earlier =
        scrubjay_model::BadPage { physical_address, first_seen_wall_ms: 0, ..page.clone() };
    view.accumulated.bad_pages.insert(earlier.physical_address, earlier);
    view.accumulated.bad_pages.insert(page.physical_address, page);
    view.accumulated.modules = [(record.key.clone(), record)].into();
    let turns = [turn];
    let lines = scrubjay_model::memory_lines(&view, &turns);
    let reports = Some((testing::events(), testing::pattern()));
    let detail = DimmDetail::new(lines.first().unwrap().clone(), &view, &turns, reports);
    (view, lines, detail)
}

#[test]
fn a_stick_has_its_findings_its_pages_and_the_worst_verdict_of_both() {
    let (view, lines, detail) = shown();
    let json = parsed(dimm(&view, &detail));
    assert_eq!(json["dimm"]["verdict"], "act");
    assert_eq!(json["dimm"]["bad_pages"], 1);
    assert_eq!(json["findings"][0]["code"], "memory-uncorrected");
    assert_eq!(json["bad_pages"].as_array().unwrap().len(), 1);
    assert_eq!(json["places"].as_array().unwrap().len(), 4);
    assert_eq!(json["places"][2]["total"], 123);
    let list = parsed(dimms(&view, &lines, &[]));
    assert_eq!(list["dimms"][0]["lower_bound"], true);
    assert_eq!(list["dimms"][1]["about"], "unattributed");
    assert_eq!(list["coverage"]["state"], "partial");
}

/// All keys of all objects.
fn keys(json: &Value, found: &mut BTreeSet<String>) {
    match json {
        Value::Object(map) => {
            for (key, value) in map {
                found.insert(key.clone());
                keys(value, found);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a file of the repository, not of a host")]
fn every_key_is_documented() {
    let mut view = testing::contradictory();
    let edac = view.snapshot.edac.as_mut().unwrap();
    let Reading::Value(edac) = &mut edac.reading else { unreachable!() };
    let Reading::Value(counter) = &mut edac.controllers[0].errors.correctable else {
        unreachable!()
    };
    counter.epoch.zeroed = Some(scrubjay_model::ZeroedWindow {
        earliest: Duration::from_secs(1),
        latest: Duration::from_secs(2),
    });
    let series = view.accumulated.totals.keys().next().unwrap().clone();
    let change =
        MemoryRecord { at_wall_ms: 1, series, by: 1, total: 1, step: "advanced".to_owned() };
    let stretch = CoverageRecord {
        boot: testing::boot(),
        from_wall_ms: 0,
        to_wall_ms: 1,
        length: Duration::from_millis(1),
    };
    let boot = BootRecord {
        boot: testing::boot(),
        booted_wall_ms: Some(0),
        last_seen_wall_ms: Some(1),
        ran: Some(Duration::from_millis(1)),
        slept: None,
        kernel_release: None,
        kernel_version: None,
        end: scrubjay_model::BootEnd::Running,
        evidence: "it runs".to_owned(),
    };
    let own = [boot];
    let mut told = merged_boots(&own, Vec::new(), &BTreeMap::new());
    told.push(BootLine { booted_wall_ms: Some(testing::NOW_MS), ..told[0].clone() });
    let step = ClockStepRecord { boot: testing::boot(), at_wall_ms: 1, by_ms: 1 };
    let line = |taken| ImportLine { memory: BootMemory::Wtmp, taken, cannot_tell: "much" };
    let nothing = line(Reading::Absent(Origin::new("x")));
    let import = line(Reading::Value(ImportTaken {
        paths: vec!["var/log/wtmp".to_owned()],
        told: 1,
        added: 1,
        completed: 0,
        seen_by_agent: 0,
        not_understood: 0,
        first_wall_ms: Some(1),
        last_wall_ms: Some(1),
    }));
    let recorded = ErrorImportLine {
        memory: ErrorMemory::Rasdaemon,
        taken: Reading::Value(ErrorsTaken {
            paths: vec!["x".to_owned()],
            records: 1,
            errors: 1,
            records_added: 1,
            errors_added: 1,
            without_time: 0,
            first_wall_ms: Some(1),
            last_wall_ms: Some(1),
            left_out: vec![LeftOut { what: "rows".to_owned(), records: Some(1), because: "x" }],
        }),
    };
    let doc = SourceDoc { id: SourceId::Edac, reads: &[], needs: "", absence: "", kernel_doc: "" };
    let (remembering, lines, detail) = shown();
    let sum = BucketSum { errors: 5, ..BucketSum::default() };
    let time = BucketTime {
        from_wall_ms: 0,
        to_wall_ms: 1,
        boot: None,
        watched: Duration::ZERO,
        not_watched: Duration::ZERO,
    };
    let bucket = MemoryBucket { time, series: BTreeMap::from([(change.series.clone(), sum)]) };
    let day = CoverageDay {
        from_wall_ms: 0,
        boot: testing::boot(),
        covered: Duration::ZERO,
        stretches: 1,
    };
    let nothing_folded = FoldedRows::default();
    let by_the_day = Kept { is_cut: true, folded: &nothing_folded, days: &[day] };
    let mut found = BTreeSet::new();
    for text in [
        snapshot(&view),
        snapshot(&testing::server()),
        snapshot(&testing::guest()),
        boots(&own, &told, availability(&told).as_ref(), std::slice::from_ref(&stretch), &[step]),
        imports(&[import, nothing], &[recorded]),
        imported_errors(&testing::imported_errors(), 1),
        memory(&[change], &view.accumulated, &[stretch], by_the_day),
        memory_buckets(&[bucket], BucketBy::Day, &nothing_folded),
        doctor(&testing::blind(), &[doc], None),
        events(&testing::events(), &[testing::loss()], &testing::scrub_results(), false),
        dimms(&remembering, &lines, &[testing::remembered().1]),
        dimm(&remembering, &detail),
        failure("x"),
        pages(&testing::page_list()),
        boot_arguments(&testing::boot_words(), None),
        ledger(&looked_at()),
    ] {
        keys(&parsed(text), &mut found);
    }
    for text in crate::site::tests::all_json() {
        keys(&parsed(Ok(text)), &mut found);
    }
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/api.md");
    let page = std::fs::read_to_string(path).unwrap();
    let undocumented: Vec<&String> = found
        .iter()
        .filter(|key| !page.contains(&format!("`{key}`")) && !page.contains(&format!("\"{key}\":")))
        .collect();
    assert_eq!(undocumented, Vec::<&String>::new());
    assert!(found.contains("earliest_awake_seconds") && found.contains("kernel_doc"));
}

/// A ledger with a fault.
fn looked_at() -> LedgerReport {
    let head = LedgerHead { seq: 2, hash: Digest([7; 32]) };
    LedgerReport {
        rows: 2,
        head: Some(head),
        faults: vec![LedgerFault {
            seq: 1,
            kind: LedgerFaultKind::Altered,
            detail: "its columns say something else than its line".to_owned(),
        }],
        more_faults: 0,
        confirmed: vec![head],
        copies: 1,
    }
}

#[test]
fn a_ledger_is_intact_or_says_where_it_is_not() {
    let report = looked_at();
    let json = parsed(ledger(&report));
    assert_eq!(json["intact"], false);
    assert_eq!(json["faults"][0]["kind"], "altered");
    assert_eq!(json["head"]["hash"], "07".repeat(32));
    let json = parsed(ledger(&LedgerReport { faults: Vec::new(), ..report }));
    assert_eq!(json["intact"], true);
}

proptest! {
    /// Text from the host survives, and does nothing to the terminal it is printed on.
    #[test]
    fn text_is_escaped_without_loss(text in any::<String>()) {
        let json = line(&text).unwrap();
        prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        prop_assert!(json.trim_end_matches('\n').chars().all(|c| !acts(c)));
    }
}
