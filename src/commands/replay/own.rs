//! The agent's own history, and rasdaemon's, as observations.

use anyhow::{Context, bail};
use scrubjay_alerts::memory::{
    Cell, CountsFrom, Hit, Observation, Seconds, Shown, observations, topology,
};
use scrubjay_alerts::replay::{Dimm, Node};
use scrubjay_collector::{HostRoot, rasdaemon_records};
use scrubjay_model::{EventClass, EventPlace, EventWhat, ForeignError, ForeignReport, Snapshot};
use scrubjay_storage::HistoryReader;
use std::collections::BTreeMap;

/// The host that a history is of, as one node, and what could not be had in full. Which sticks share
/// a channel the host tells as it is now.
pub(super) fn node(
    reader: &HistoryReader,
    snapshot: &Snapshot,
) -> anyhow::Result<(Node, Vec<String>)> {
    let traces = reader.all_memory_traces()?;
    let accumulated = reader.accumulate(snapshot)?;
    let shown = Shown::of(&accumulated, Snapshot::found(&snapshot.edac));
    let (mut node, mut notes) = (Node::default(), Vec::new());
    for module in reader.modules()? {
        let Some(trace) = traces.modules.get(&module.key) else { continue };
        if trace.cut {
            let name = module.slot_name().unwrap_or_else(|| module.key.opaque());
            notes.push(format!("{name}: only the last million groups of reports are replayed"));
        }
        let (counts, mut seen) = observations(&traces, trace);
        // Boots and the time watched go on after a stick is gone, and began before it came.
        let until = module.ended_wall_ms.map_or(Seconds::MAX, seconds);
        let from = seconds(module.since_wall_ms);
        seen.retain(|seen| {
            let is_the_hosts = match seen {
                Observation::Booted { .. } => true,
                Observation::Counted { errors, .. } => *errors == 0,
                Observation::Reported(_)
                | Observation::Uncorrected { .. }
                | Observation::Offlined { .. }
                | Observation::Replaced { .. } => false,
            };
            !is_the_hosts || (from..=until).contains(&seen.at())
        });
        let place = topology(&module, &shown);
        node.dimms.push(Dimm { place, ..Dimm::observed(counts, seen) });
    }
    let unknown = node.dimms.iter().filter(|dimm| dimm.place.channel.is_none()).count();
    if unknown > 0 {
        notes.push(format!(
            "{unknown} of {} sticks: neither EDAC nor SMBIOS tells their channel, so a fault of it is \
             taken for one of the stick",
            node.dimms.len()
        ));
    }
    Ok((node, notes))
}

fn seconds(wall_ms: i64) -> Seconds {
    wall_ms.div_euclid(1_000)
}

/// A page of 4 KiB, as pages are counted.
const PAGE_BITS: u8 = 12;

fn error(at: Seconds, errors: u64, report: &ForeignReport) -> Option<Observation> {
    let ForeignReport { class, message, detail, address, grain_bits, .. } = report;
    let (cell, parity) = Cell::of_words(message, detail);
    let address = address.filter(|_| grain_bits.is_none_or(|bits| bits <= PAGE_BITS));
    let page = address.map(|address| address >> PAGE_BITS);
    match class {
        EventClass::Corrected => Some(Observation::Reported(Hit {
            at,
            errors: u32::try_from(errors).unwrap_or(u32::MAX).max(1),
            cell,
            page,
            parity,
            by_scrub: message.to_lowercase().contains("scrub").then_some(true),
        })),
        EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => {
            Some(Observation::Uncorrected { at, cell, page })
        }
        EventClass::Info => None,
    }
}

/// What rasdaemon recorded in a database: the host as one node, with what was left out.
pub(super) fn rasdaemon(
    host: &HostRoot,
    path: &str,
    now_wall_ms: i64,
    told: &mut dyn FnMut(u64, u64),
) -> anyhow::Result<(Node, Vec<String>)> {
    let (errors, left_out) = match rasdaemon_records(host, path, now_wall_ms, told).into_result() {
        Ok(found) => found,
        Err(why) => bail!("--rasdaemon: {why}"),
    };
    let mut notes: Vec<String> = left_out
        .into_iter()
        .map(|left| match left.records {
            Some(records) => format!("{records} {} are left out: {}", left.what, left.because),
            None => format!("{} is left out: {}", left.what, left.because),
        })
        .collect();
    let mut dimms: BTreeMap<String, Vec<Observation>> = BTreeMap::new();
    let (mut timeless, mut nowhere) = (0_u64, 0_u64);
    for record in errors {
        let Some(at_wall_ms) = record.at_wall_ms else {
            timeless += 1;
            continue;
        };
        let Some(dimm) = dimm(&record) else {
            nowhere += 1;
            continue;
        };
        let ForeignError { errors, report, .. } = record;
        if report.what != EventWhat::Memory {
            continue;
        }
        dimms.entry(dimm).or_default().extend(error(seconds(at_wall_ms), errors, &report));
    }
    if timeless > 0 {
        notes.push(format!("{timeless} records are left out: they have no time that can be"));
    }
    if nowhere > 0 {
        notes.push(format!("{nowhere} records are left out: nothing tells their DIMM"));
    }
    if dimms.is_empty() {
        bail!("{path}: it holds no error of memory that could be replayed");
    }
    let dimms = dimms.into_values().map(|seen| Dimm::observed(CountsFrom::Reports, seen)).collect();
    Ok((Node { dimms }, notes))
}

/// The DIMM of a record, by whatever tells one from another in that database.
fn dimm(record: &ForeignError) -> Option<String> {
    match &record.report.place {
        EventPlace::Edac { controller, layers, label } => {
            Some(format!("mc{controller} {layers:?} {label}"))
        }
        EventPlace::Firmware { handle: Some(handle), .. } => Some(format!("handle {handle}")),
        EventPlace::Firmware { location, fru, .. } if !(location.is_empty() && fru.is_empty()) => {
            Some(format!("{location} {fru}"))
        }
        EventPlace::Cxl { device, serial } => Some(format!("{device} {serial:?}")),
        EventPlace::Firmware { .. } | EventPlace::Bank { .. } | EventPlace::Address => None,
    }
}

/// A path as the collector takes it: from the root on.
pub(super) fn from_root(path: &std::path::Path) -> anyhow::Result<String> {
    let absolute =
        std::path::absolute(path).with_context(|| format!("--rasdaemon {}", path.display()))?;
    let path = absolute
        .to_str()
        .with_context(|| format!("--rasdaemon {}: the path is not UTF-8", path.display()))?;
    Ok(path.trim_start_matches('/').to_owned())
}
