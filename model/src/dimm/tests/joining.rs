//! Places and sticks that belong together, that only seem to, and that nothing joins.

use super::*;
use crate::dimm::names::{DriverPlace, LocatorPlace, driver_place, locator_place};
use proptest::prelude::*;
use std::collections::BTreeSet;

use Confidence::{ByLabel, ByPosition, Unknown, Verified};

#[test]
fn labels_of_firmware_first_drivers_are_bank_and_locator() {
    let edac = labelled(&["NODE 1 DIMM_A1", "NODE 0 DIMM_A1"]);
    let smbios = table(vec![
        banked(1, "NODE 0", "DIMM_A1", "425BB669"),
        banked(2, "NODE 1", "DIMM_A1", "425BB66A"),
    ]);
    let modules = join_dimms(Some(&edac), Some(&smbios), None);
    assert_eq!(
        outline(&modules),
        expect(&[("425BB669", "mc0/dimm1", Verified), ("425BB66A", "mc0/dimm0", Verified)])
    );
    assert_eq!(
        modules[0].evidence,
        "label \"NODE 0 DIMM_A1\" of the kernel is the slot's, and all sticks and sizes agree"
    );
}

#[test]
fn a_label_that_the_kernel_cut_is_still_the_slots() {
    let (bank, locator) = ("P0_Node0_Channel0_Dimm0", "CPU0_DIMM_A1");
    let full = format!("{bank} {locator}");
    let edac = labelled(&[&full[..31]]);
    let smbios = table(vec![banked(1, bank, locator, "425BB669")]);
    let modules = join_dimms(Some(&edac), Some(&smbios), None);
    assert_eq!(outline(&modules), expect(&[("425BB669", "mc0/dimm0", Verified)]));
    // One byte less, and the kernel would not have cut it.
    let edac = labelled(&[&full[..30]]);
    let modules = join_dimms(Some(&edac), Some(&smbios), None);
    assert_eq!(modules[0].places, []);
}

#[test]
fn one_stick_more_or_of_another_size_and_nothing_is_verified() {
    let edac = labelled(&["DIMM_A1"]);
    let sticks = |second| table(vec![device(1, "DIMM_A1", "425BB669"), second]);
    let more = sticks(device(2, "DIMM_A2", "425BB66A"));
    let modules = join_dimms(Some(&edac), Some(&more), None);
    assert_eq!(
        outline(&modules),
        expect(&[("425BB669", "mc0/dimm0", ByLabel), ("425BB66A", "", Unknown)])
    );
    assert_eq!(modules[1].evidence, "EDAC shows no place that could be joined with it");

    let other = table(vec![sized(device(1, "DIMM_A1", "425BB669"), 8 << 30)]);
    let modules = join_dimms(Some(&edac), Some(&other), None);
    assert_eq!(outline(&modules), expect(&[("425BB669", "", Unknown), ("", "mc0/dimm0", Unknown)]));
    assert_eq!(
        modules[1].evidence,
        "label \"DIMM_A1\" of the kernel is the slot's, but EDAC shows 16384 MiB there, SMBIOS \
         lists 8192 MiB"
    );
}

#[test]
fn a_locator_that_several_banks_have_names_no_stick() {
    let edac = labelled(&["DIMM 0"]);
    let smbios = table(vec![
        banked(1, "P0 CHANNEL A", "DIMM 0", "425BB669"),
        banked(2, "P0 CHANNEL B", "DIMM 0", "425BB66A"),
    ]);
    let modules = join_dimms(Some(&edac), Some(&smbios), None);
    assert_eq!(modules.len(), 3);
    assert!(modules.iter().all(|module| module.confidence == Unknown));
    assert_eq!(modules[2].evidence, "label \"DIMM 0\" of the kernel fits several");
    // Nor does a label that two places bear.
    let twice = labelled(&["DIMM_A1", "DIMM_A1"]);
    let smbios = table(vec![device(1, "DIMM_A1", "425BB669")]);
    let modules = join_dimms(Some(&twice), Some(&smbios), None);
    assert!(modules.iter().all(|module| module.confidence == Unknown), "{modules:?}");
}

/// Two channels with a dual-rank stick each, as amd64_edac shows them.
fn ranks(labels: [&str; 4]) -> Edac {
    let rank = |n: u32, row: u32, channel: u32, label: &str| {
        place(Place::Rank(n), label, &format!("csrow {row} channel {channel}"), GIB16 / 2)
    };
    let [a, b, c, d] = labels;
    let dimms = vec![rank(0, 0, 0, a), rank(1, 0, 1, b), rank(2, 1, 0, c), rank(3, 1, 1, d)];
    Edac { controllers: vec![controller(0, Layout::Rank, dimms)] }
}

const CORE_LABELS: [&str; 4] = [
    "mc#0csrow#0channel#0",
    "mc#0csrow#0channel#1",
    "mc#0csrow#1channel#0",
    "mc#0csrow#1channel#1",
];

fn two_sticks() -> crate::Smbios {
    table(vec![device(1, "DIMM_A1", "425BB669"), device(2, "DIMM_B1", "425BB66A")])
}

#[test]
fn ranks_are_folded_by_the_label_map() {
    let labels =
        map(&[("DIMM_A1", &[&[0, 0, 1], &[0, 1, 1]]), ("DIMM_B1", &[&[0, 0, 0], &[0, 1, 0]])]);
    let modules = join_dimms(Some(&ranks(CORE_LABELS)), Some(&two_sticks()), Some(&labels));
    assert_eq!(
        outline(&modules),
        expect(&[
            ("425BB669", "mc0/rank1 mc0/rank3", Verified),
            ("425BB66A", "mc0/rank0 mc0/rank2", Verified),
        ])
    );
    assert!(modules[0].evidence.contains("etc/ras/dimm_labels.d/acme:1"), "{modules:?}");
}

#[test]
fn ranks_are_folded_by_equal_labels() {
    let edac = ranks(["DIMM_B1", "DIMM_A1", "DIMM_B1", "DIMM_A1"]);
    let modules = join_dimms(Some(&edac), Some(&two_sticks()), None);
    assert_eq!(
        outline(&modules),
        expect(&[
            ("425BB669", "mc0/rank1 mc0/rank3", Verified),
            ("425BB66A", "mc0/rank0 mc0/rank2", Verified),
        ])
    );
}

#[test]
fn ranks_without_labels_are_folded_by_rows_but_never_given_to_a_stick_by_guess() {
    let edac = ranks(CORE_LABELS);
    // AMD's channels follow no order of letters: X570 boards have A on channel 1.
    let modules = join_dimms(Some(&edac), Some(&two_sticks()), None);
    assert_eq!(
        outline(&modules),
        expect(&[
            ("425BB669", "", Unknown),
            ("425BB66A", "", Unknown),
            ("", "mc0/rank0 mc0/rank2", Unknown),
            ("", "mc0/rank1 mc0/rank3", Unknown),
        ])
    );
    assert!(modules[2].evidence.ends_with("a pair of rows is taken for one stick"));
    // Four sticks of that size cannot be two.
    let four = ["A1", "A2", "B1", "B2"];
    let four = (1..).zip(four).map(|(n, slot)| sized(device(n, slot, ""), GIB16 / 2)).collect();
    let modules = join_dimms(Some(&edac), Some(&table(four)), None);
    assert_eq!(modules.len(), 8);
}

#[test]
fn the_only_stick_is_at_the_only_place() {
    let smbios = table(vec![device(1, "J1", "425BB669")]);
    let one = labelled(&["mc#0memory#0"]);
    let modules = join_dimms(Some(&one), Some(&smbios), None);
    assert_eq!(outline(&modules), expect(&[("425BB669", "mc0/dimm0", ByPosition)]));
    let mut ranks = ranks(CORE_LABELS);
    let dimms = &mut ranks.controllers[0].dimms;
    let is_kept = |dimm: &&Dimm| matches!(dimm.place, Place::Rank(0 | 2));
    *dimms = dimms.iter().filter(is_kept).cloned().collect();
    let modules = join_dimms(Some(&ranks), Some(&smbios), None);
    assert_eq!(outline(&modules), expect(&[("425BB669", "mc0/rank0 mc0/rank2", ByPosition)]));
}

/// Two sockets with one controller and two channels each.
fn intel() -> Edac {
    let controllers = (0..2)
        .map(|socket| {
            let dimms = (0..2)
                .map(|channel| {
                    let label = format!("CPU_SrcID#{socket}_MC#0_Chan#{channel}_DIMM#0");
                    let location = format!("channel {channel} slot 0");
                    place(Place::Dimm(2 * channel), &label, &location, GIB16)
                })
                .collect();
            controller(socket, Layout::Dimm, dimms)
        })
        .collect();
    Edac { controllers }
}

fn locators(names: [&str; 4]) -> crate::Smbios {
    table((1..).zip(names).map(|(n, name)| device(n, name, &format!("425BB66{n}"))).collect())
}

#[test]
fn intel_places_are_joined_by_order_where_the_shape_agrees() {
    for names in [
        ["CPU1_DIMM_A1", "CPU1_DIMM_B1", "CPU2_DIMM_A1", "CPU2_DIMM_B1"],
        ["P1-DIMMA1", "P1-DIMMB1", "P2-DIMMC1", "P2-DIMMD1"],
    ] {
        let modules = join_dimms(Some(&intel()), Some(&locators(names)), None);
        assert_eq!(
            outline(&modules),
            expect(&[
                ("425BB661", "mc0/dimm0", ByPosition),
                ("425BB662", "mc0/dimm2", ByPosition),
                ("425BB663", "mc1/dimm0", ByPosition),
                ("425BB664", "mc1/dimm2", ByPosition),
            ])
        );
    }
    // The order of the table does not matter, that of the names does.
    let names = ["P2-DIMMD1", "P1-DIMMB1", "P2-DIMMC1", "P1-DIMMA1"];
    let modules = join_dimms(Some(&intel()), Some(&locators(names)), None);
    assert_eq!(modules[0].places[0].to_string(), "mc1/dimm2");
    assert_eq!(modules[3].places[0].to_string(), "mc0/dimm0");
}

#[test]
fn another_shape_count_or_size_joins_nothing() {
    for names in [
        // Dell: the letter is the socket.
        ["A1", "A2", "B1", "B2"],
        ["CPU1_DIMM_A1", "CPU1_DIMM_A2", "CPU2_DIMM_A1", "CPU2_DIMM_A2"],
        ["CPU1_DIMM_A1", "CPU1_DIMM_B1", "CPU1_DIMM_C1", "CPU2_DIMM_A1"],
        ["CPU1_DIMM_A1", "CPU1_DIMM_A1", "CPU2_DIMM_A1", "CPU2_DIMM_B1"],
        ["CPU1_DIMM_A1", "CPU1_DIMM_B1", "DIMM_A1", "DIMM_B1"],
        ["PROC 1 DIMM 1A", "PROC 1 DIMM 2B", "PROC 2 DIMM 1A", "PROC 2 DIMM 2B"],
    ] {
        let modules = join_dimms(Some(&intel()), Some(&locators(names)), None);
        assert_eq!(modules.len(), 8, "{names:?}: {modules:?}");
        assert!(modules.iter().all(|module| module.confidence == Unknown));
    }
    let names = ["P1-DIMMA1", "P1-DIMMB1", "P2-DIMMC1", "P2-DIMMD1"];
    let mut smbios = locators(names);
    smbios.devices[1] = sized(smbios.devices[1].clone(), 8 << 30);
    assert_eq!(join_dimms(Some(&intel()), Some(&smbios), None).len(), 8);
    smbios.devices.pop();
    assert_eq!(join_dimms(Some(&intel()), Some(&smbios), None).len(), 7);
}

#[test]
fn a_map_without_smbios_names_the_slot() {
    let labels = map(&[("DIMM_A1", &[&[0, 0, 0]])]);
    let modules = join_dimms(Some(&intel()), None, Some(&labels));
    assert_eq!(modules[0].slot.as_deref(), Some("DIMM_A1"));
    assert_eq!((modules[0].confidence, modules[0].identity), (ByLabel, Identity::Slot));
    assert_eq!((modules[1].confidence, modules[1].identity), (Unknown, Identity::Place));
    assert_eq!(modules.len(), 4);
}

#[test]
fn shared_serial_numbers_and_placeholders_tell_nothing() {
    let smbios = table(vec![
        device(1, "A1", "160412A2"),
        device(2, "A2", "160412A2"),
        device(3, "A3", "SerNum2"),
        device(4, "A4", "425BB669"),
    ]);
    let modules = join_dimms(None, Some(&smbios), None);
    let identities: Vec<Identity> = modules.iter().map(|module| module.identity).collect();
    let shared = Identity::SharedSerial;
    assert_eq!(identities, [shared, shared, Identity::Slot, Identity::Serial]);
    assert_eq!(modules[0].serial.as_deref(), Some("160412A2"));
    assert_eq!(modules[2].serial, None);
}

#[test]
fn a_hypervisors_stick_is_said_to_be_made_up() {
    let mut fake = device(1, "DIMM 0", "12345678");
    fake.manufacturer = Some("QEMU".to_owned());
    let modules = join_dimms(None, Some(&table(vec![fake])), None);
    assert_eq!((&modules[0].serial, modules[0].identity), (&None, Identity::Slot));
    assert!(modules[0].evidence.ends_with("made up by the hypervisor"));
}

#[test]
fn locators_and_driver_labels_are_read_in_their_common_forms() {
    let at = |socket, channel, slot| Some(LocatorPlace { socket, channel, slot });
    assert_eq!(locator_place("CPU1_DIMM_A2"), at(Some(1), 'A', 2));
    assert_eq!(locator_place("P1-DIMMA1"), at(Some(1), 'A', 1));
    assert_eq!(locator_place("P0_DIMM_H12 "), at(Some(0), 'H', 12));
    assert_eq!(locator_place("DIMM_A1"), at(None, 'A', 1));
    assert_eq!(locator_place("b3"), at(None, 'B', 3));
    for odd in ["", "DIMM 0", "ChannelA-DIMM0", "PROC 1 DIMM 9C", "J1", "A99999999999", "ÄA1", "P1"]
    {
        let known = locator_place(odd);
        assert!(known.is_none() || odd == "J1" || odd == "P1", "{odd}: {known:?}");
    }
    assert_eq!(
        driver_place("CPU_SrcID#1_MC#2_Chan#3_DIMM#0"),
        Some(DriverPlace { socket: 1, controller: 2, channel: 3, slot: 0 })
    );
    assert_eq!(driver_place("CPU_SrcID#1_Ha#0_Chan#3_DIMM#2").map(|at| at.slot), Some(2));
    assert_eq!(driver_place("MC#0_Chan#1_DIMM#0").map(|at| at.channel), Some(1));
    assert_eq!(driver_place("mc#0csrow#0channel#0"), None);
}

/// Labels, locators and sizes from a small world, so that they often meet.
fn world() -> impl Strategy<Value = (Edac, crate::Smbios)> {
    let name = || {
        prop_oneof![
            "(CPU[12]_)?DIMM_[AB][12]",
            "CPU_SrcID#[01]_MC#0_Chan#[01]_DIMM#[01]",
            "(mc#0csrow#[01]channel#[01])?",
        ]
    };
    let rank = || (name(), 0_u32..4, 0_u32..2, 1_u64..3);
    let ranks = proptest::collection::vec(rank(), 0..6);
    let sticks = proptest::collection::vec((name(), "[AB]?[1-3]{0,8}", 1_u64..3), 0..6);
    (ranks, sticks, any::<bool>()).prop_map(|(ranks, sticks, by_rank)| {
        let layout = if by_rank { Layout::Rank } else { Layout::Dimm };
        let dimms = (0..).zip(ranks).map(|(n, (label, row, channel, size))| {
            let at = if by_rank { Place::Rank(n) } else { Place::Dimm(n) };
            place(at, &label, &format!("csrow {row} channel {channel}"), size << 30)
        });
        let edac = Edac { controllers: vec![controller(0, layout, dimms.collect())] };
        let sticks = (1..).zip(sticks).map(|(handle, (locator, serial, size))| {
            sized(device(handle, &locator, &serial), size << 30)
        });
        (edac, table(sticks.collect()))
    })
}

proptest! {
    /// Every stick and every place is listed exactly once, whatever the names.
    #[test]
    fn nothing_is_lost_and_nothing_is_doubled((edac, smbios) in world()) {
        let modules = join_dimms(Some(&edac), Some(&smbios), None);
        let handles: Vec<u16> = modules.iter().filter_map(|module| module.handle).collect();
        let sticks: Vec<u16> = smbios.sticks().map(|stick| stick.handle).collect();
        prop_assert_eq!(handles, sticks);
        let places: Vec<ModulePlace> = modules.iter().flat_map(|m| m.places.clone()).collect();
        let distinct: BTreeSet<ModulePlace> = places.iter().copied().collect();
        prop_assert_eq!(distinct.len(), places.len());
        prop_assert_eq!(places.len(), edac.controllers[0].dimms.len());
        for module in &modules {
            let sure = module.confidence != Unknown;
            prop_assert!(sure || module.handle.is_none() || module.places.is_empty());
            prop_assert!(!module.evidence.is_empty());
        }
    }

    /// Nobody's sizes are contradicted by what they are joined with.
    #[test]
    fn joined_sizes_agree((edac, smbios) in world()) {
        for module in join_dimms(Some(&edac), Some(&smbios), None) {
            let joined = module.handle.is_some() && !module.places.is_empty();
            let size = |at: &ModulePlace| {
                let dimms = &edac.controllers[0].dimms;
                let dimm = dimms.iter().find(|dimm| dimm.place == at.place).unwrap();
                *dimm.size_bytes.value().unwrap()
            };
            let sum: u64 = module.places.iter().map(size).sum();
            prop_assert!(!joined || Some(sum) == module.size_bytes);
        }
    }
}
