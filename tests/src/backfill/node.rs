//! The memory of a simulated node: what the kernel shows of it at a moment, and what was reported.

use crate::firmware::{BoardSlot, filled, tables};
use crate::trees::TreeBuilder;
use scrubjay_alerts::memory::{Hit, Observation};
use scrubjay_alerts::simulation::{SimulatedDimm, SimulatedNode};
use scrubjay_model::{
    Cell, EventClass, EventGroup, EventPlace, EventWhat, Folded, Place, SeriesPlace, Sighting,
    Sightings, Witness,
};
use std::time::Duration;

const EDAC: &str = "sys/devices/system/edac/mc";
const DIMM_MIB: u64 = 32 * 1024;
/// Seconds from a boot until the EDAC driver is loaded.
const DRIVER_AFTER_S: i64 = 20;

/// The name that is printed beside the slot, and that somebody registered with EDAC.
pub(super) fn slot(dimm: &SimulatedDimm) -> String {
    format!("CPU{}-{}", dimm.socket, dimm.slot)
}

/// How many sticks were in the slot before, at a moment.
pub(super) fn life(dimm: &SimulatedDimm, at: i64) -> u16 {
    let swaps = dimm.truth.swaps.iter().filter(|swap| swap.at <= at).count();
    u16::try_from(swaps).expect("few swaps")
}

/// The DIMMs with their controller and their number there.
fn placed(node: &SimulatedNode) -> impl Iterator<Item = (u32, u32, &SimulatedDimm)> {
    let per_socket = node.dimms.chunk_by(|one, other| one.socket == other.socket);
    per_socket.flat_map(|dimms| {
        (0..).zip(dimms).map(|(number, dimm)| (u32::from(dimm.socket), number, dimm))
    })
}

/// Controllers, DIMMs and the table of sticks, so many seconds after the beginning.
pub(super) fn tree(node: &SimulatedNode, booted: i64, at: i64) -> TreeBuilder {
    let mut tree = board(node, at);
    let mut sums = std::collections::BTreeMap::new();
    for (controller, number, dimm) in placed(node) {
        let (corrected, uncorrected) = counts(dimm, booted, at);
        let sum: &mut (u64, u64, u64) = sums.entry(controller).or_default();
        *sum = (sum.0 + corrected, sum.1 + uncorrected, sum.2 + DIMM_MIB);
        let path = format!("{EDAC}/mc{controller}/dimm{number}");
        for (name, value) in [
            ("dimm_label", slot(dimm)),
            ("dimm_location", format!("channel {} slot {} ", dimm.channel, number % 2)),
            ("dimm_mem_type", "Registered-DDR4".to_owned()),
            ("dimm_dev_type", "x4".to_owned()),
            ("dimm_edac_mode", "S4ECD4ED".to_owned()),
            ("size", DIMM_MIB.to_string()),
            ("dimm_ce_count", corrected.to_string()),
            ("dimm_ue_count", uncorrected.to_string()),
        ] {
            tree = tree.file(&format!("{path}/{name}"), format!("{value}\n"));
        }
    }
    for (controller, (corrected, uncorrected, size)) in sums {
        let age = (at - booted - DRIVER_AFTER_S).max(0);
        for (name, value) in [
            ("mc_name", format!("Skylake Socket#{controller} IMC#0")),
            ("size_mb", size.to_string()),
            ("max_location", "channel 3 slot 1 ".to_owned()),
            ("seconds_since_reset", age.to_string()),
            // A pass over its memory in a day.
            ("sdram_scrub_rate", (size * (1 << 20) / 86_400).to_string()),
            ("ce_count", corrected.to_string()),
            ("ue_count", uncorrected.to_string()),
            ("ce_noinfo_count", "0".to_owned()),
            ("ue_noinfo_count", "0".to_owned()),
        ] {
            tree = tree.file(&format!("{EDAC}/mc{controller}/{name}"), format!("{value}\n"));
        }
    }
    tree
}

fn board(node: &SimulatedNode, at: i64) -> TreeBuilder {
    let slots: Vec<BoardSlot> = node
        .dimms
        .iter()
        .map(|dimm| {
            let serial = format!("SIM{:05}{:02}{:02}", node.index, dimm.slot, life(dimm, at));
            filled(slot(dimm), serial)
        })
        .collect();
    tables(&slots)
}

/// What the counters of a DIMM show: errors since the boot. Those of a window that is not over are
/// told by the reports in it.
fn counts(dimm: &SimulatedDimm, booted: i64, at: i64) -> (u64, u64) {
    let (mut corrected, mut uncorrected, mut counted_until) = (0, 0, booted);
    for observation in &dimm.observations {
        if let Observation::Counted { from, until, errors, .. } = *observation
            && from >= booted
            && until <= at
        {
            corrected += errors;
            counted_until = counted_until.max(until);
        }
    }
    for observation in &dimm.observations {
        match *observation {
            Observation::Reported(hit) if (counted_until..=at).contains(&hit.at) => {
                corrected += u64::from(hit.errors);
            }
            Observation::Uncorrected { at: seen, .. } if (booted..=at).contains(&seen) => {
                uncorrected += 1;
            }
            _ => {}
        }
    }
    (corrected, uncorrected)
}

/// What the trace event told of after one moment, up to another; not numbered yet.
pub(super) fn heard(node: &SimulatedNode, since: i64, booted: i64, until: i64) -> Sightings {
    let mut sightings = Vec::new();
    for (controller, number, dimm) in placed(node) {
        for observation in &dimm.observations {
            let (at, class, errors, cell, parity) = match *observation {
                Observation::Reported(Hit { at, errors, cell, parity, .. }) => {
                    (at, EventClass::Corrected, errors, cell, parity)
                }
                Observation::Uncorrected { at, cell, .. } => {
                    (at, EventClass::Uncorrected, 1, cell, None)
                }
                _ => continue,
            };
            if at <= since || at < booted || at > until {
                continue;
            }
            let first = Duration::from_secs(u64::try_from(at - booted).expect("after the boot"));
            let parity = parity.map(|parity| {
                format!(" retry_rd_err_log[00000001 00000000 {:08x} 00000000]", parity.0)
            });
            sightings.push(Sighting {
                number: 0,
                group: EventGroup {
                    first,
                    last: first,
                    witness: Witness::McEvent,
                    class,
                    what: EventWhat::Memory,
                    place: EventPlace::Edac {
                        controller,
                        layers: [u8::try_from(number).ok(), Some(0), None],
                        label: slot(dimm),
                    },
                    address: None,
                    grain_bits: None,
                    syndrome: None,
                    reports: u64::from(errors),
                    errors: u64::from(errors),
                    message: "memory read error".to_owned(),
                    detail: words(cell) + &parity.unwrap_or_default(),
                    folded: Folded::Nothing,
                },
                counter: Some((controller, SeriesPlace::Dimm(Place::Dimm(number)))),
                same_as: None,
                counted: u64::from(errors),
            });
        }
    }
    sightings.sort_by_key(|sighting| sighting.group.first);
    Sightings { sightings, lost: 0, undecodable: 0 }
}

/// A place in the words of a driver.
fn words(cell: Cell) -> String {
    let Cell { rank, device, bank, row, column } = cell;
    let parts = [
        rank.map(|rank| format!("rank:{rank}")),
        device.map(|device| format!("device:{device}")),
        bank.map(|bank| format!("bank:{bank}")),
        row.map(|row| format!("row:{row}")),
        column.map(|column| format!("col:{column}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
