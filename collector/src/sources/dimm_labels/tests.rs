//! Label maps as rasdaemon, edac-utils and admins write them, and as they get broken.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use proptest::prelude::*;
use scrubjay_model::{LabelPlace, Outcome};

pub(crate) const HEALTHY: &str = "\
//- sys/class/dmi/id/board_vendor
ACME Inc.
//- sys/class/dmi/id/board_name
Roadrunner  X1
//- sys/class/dmi/id/sys_vendor
ACME
//- sys/class/dmi/id/product_name
Rocket 9
//- etc/scrubjay/dimm_labels.d/site
Vendor: acme inc.
  Model: roadrunner x1
    SLOT_1: 0.0.0, 0.1.0; SLOT_2: 0:0:1, 0:1:1  # both ranks
//- etc/ras/dimm_labels.d/acme
# Somebody else's board comes first.
Vendor: Other
  Model: Roadrunner X1
    WRONG: 0.0.0;
Vendor: ACME
  Product: Rocket 8, Rocket 9
    DIMM_A1: 0.0.0;\tDIMM_A2: 0.0.1;

    DIMM_B1: 1.0.0;
  Model: Roadrunner X1
    NOT_OURS: 0.9.9;
//- etc/ras/dimm_labels.db
Vendor: ACME Inc.
  Model: Roadrunner X1
    B1: 1.0.0.2
//- etc/edac/labels.db
Vendor: ACME Inc.
  Model: Roadrunner X1
    \"DIMM 4\": 1.1
";

fn labels(text: &str) -> Vec<(String, Vec<Vec<u32>>, String)> {
    flat(found(text, read))
}

fn flat(labels: DimmLabels) -> Vec<(String, Vec<Vec<u32>>, String)> {
    let place = |place: &LabelPlace| [vec![place.controller], place.layers.clone()].concat();
    labels
        .entries
        .iter()
        .map(|entry| {
            let places = entry.places.iter().map(place).collect();
            (entry.label.clone(), places, format!("{}:{}", entry.file, entry.line))
        })
        .collect()
}

#[test]
fn only_the_slots_of_this_machine_are_kept_ours_first() {
    let entry = |label: &str, places: &[&[u32]], at: &str| {
        (label.to_owned(), places.iter().map(|p| p.to_vec()).collect(), at.to_owned())
    };
    assert_eq!(
        labels(HEALTHY),
        [
            entry("SLOT_1", &[&[0, 0, 0], &[0, 1, 0]], "etc/scrubjay/dimm_labels.d/site:3"),
            entry("SLOT_2", &[&[0, 0, 1], &[0, 1, 1]], "etc/scrubjay/dimm_labels.d/site:3"),
            entry("DIMM_A1", &[&[0, 0, 0]], "etc/ras/dimm_labels.d/acme:7"),
            entry("DIMM_A2", &[&[0, 0, 1]], "etc/ras/dimm_labels.d/acme:7"),
            entry("DIMM_B1", &[&[1, 0, 0]], "etc/ras/dimm_labels.d/acme:9"),
            entry("B1", &[&[1, 0, 0, 2]], "etc/ras/dimm_labels.db:3"),
            entry("DIMM 4", &[&[1, 1]], "etc/edac/labels.db:3"),
        ]
    );
}

#[test]
fn without_maps_or_names_there_are_no_labels() {
    assert!(is_absent("//- dir etc/ras\n", read));
    assert!(is_absent("//- dir etc/ras/dimm_labels.d\n", read));
    let nameless = HEALTHY.replace("sys/class/dmi/id/", "sys/class/dmi/other/");
    assert_eq!(labels(&nameless), []);
}

#[test]
fn what_package_managers_leave_behind_is_no_map() {
    let left = HEALTHY.replace("dimm_labels.d/acme", "dimm_labels.d/acme.dpkg-old");
    assert!(labels(&left).iter().all(|(label, ..)| label != "DIMM_A1"));
}

#[test]
fn a_mistake_names_its_file_and_line_and_costs_its_entry_only() {
    for (wrong, expected) in [
        ("SLOT_1", "\"name: value\""),
        ("SLOT_1: ", "\"label: mc.top.mid.low, …\""),
        ("SLOT_1: 0", "\"label: mc.top.mid.low, …\""),
        ("SLOT_1: 0.0.x", "\"label: mc.top.mid.low, …\""),
        ("SLOT_1: 0.+1.0", "\"label: mc.top.mid.low, …\""),
        ("SLOT_1: 0.0.0.0.0", "\"label: mc.top.mid.low, …\""),
        ("SLOT_1: 0.99999999999.0", "\"label: mc.top.mid.low, …\""),
        ("a label of more than 31 bytes is cut: 0.0.0", "\"label: mc.top.mid.low, …\""),
        (": 0.0.0", "\"label: mc.top.mid.low, …\""),
    ] {
        let (found, faults) = partly_found(&HEALTHY.replace("SLOT_1: 0.0.0, 0.1.0", wrong), read);
        assert_eq!(faults.len(), 1, "{wrong}: {faults:?}");
        let wanted = format!("etc/scrubjay/dimm_labels.d/site:3: expected {expected}");
        assert!(faults[0].starts_with(&wanted), "{wrong}: {faults:?}");
        let names: Vec<String> = flat(found).into_iter().map(|(label, ..)| label).collect();
        assert_eq!(names, ["SLOT_2", "DIMM_A1", "DIMM_A2", "DIMM_B1", "B1", "DIMM 4"]);
    }
}

#[test]
fn labels_without_a_machine_are_mistakes_and_those_of_other_machines_are_not() {
    let (_, faults) = partly_found(&HEALTHY.replace("Vendor: acme inc.\n", "\n"), read);
    // Two on one line are told as one.
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("etc/scrubjay/dimm_labels.d/site:2: expected a Vendor line"));
    assert_eq!(labels(&HEALTHY.replace("WRONG: 0.0.0;", "WRONG: x")).len(), 7);
}

#[test]
fn a_map_that_cannot_be_read_leaves_the_others() {
    let path = "etc/ras/dimm_labels.d/acme";
    for (node, outcome) in [
        (crate::tree::Node::Fails(13), "permission"),
        (crate::tree::Node::File(vec![0xff]), "UTF-8"),
    ] {
        let tree = check::with(&check::tree(HEALTHY), path, node);
        let (reading, report) = check::read_host(&check::host(tree), read);
        assert_eq!(reading.outcome(), Outcome::Ok);
        assert_eq!(flat(reading.into_result().unwrap()).len(), 4);
        assert!(report.faults[0].to_string().contains(outcome), "{:?}", report.faults);
    }
}

proptest! {
    /// No text makes the parser fail, and a label found stands in the text.
    #[test]
    fn any_map_is_survived(body in "(Vendor: |Model: |Product: |a|b1|,|;|:|[.]|[0-9]|#|\n| |\\PC){0,60}") {
        let name = || Some(grammar::Name { vendor: "a".to_owned(), name: "b1".to_owned() });
        let machine = grammar::Machine { board: name(), product: name() };
        for text in [body.clone(), format!("Vendor: a\nModel: b1\n{body}")] {
            let (slots, _) = grammar::parse(&text, &machine);
            for slot in slots {
                prop_assert!(text.contains(&slot.label));
                prop_assert!(!slot.places.is_empty());
            }
        }
    }
}
