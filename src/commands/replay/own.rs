//! The agent's own history, and rasdaemon's, as observations.

use anyhow::{Context, bail};
use scrubjay_alerts::memory::{Cell, CountsFrom, Hit, Observation, Seconds};
use scrubjay_alerts::replay::{Dimm, Node, place};
use scrubjay_collector::{HostRoot, rasdaemon_records};
use scrubjay_model::{
    BootRecord, CoverageRecord, ErrorClass, EventClass, EventPlace, EventRecord, EventWhat,
    ForeignError, PageAnswer, PageRequest,
};
use scrubjay_storage::{DimmCount, HistoryReader};
use std::collections::BTreeMap;

/// Most groups of reports of a DIMM that are replayed, the latest ones.
const MOST_REPORTS: u32 = 1_000_000;

/// The host that a history is of, as one node.
pub(super) fn node(reader: &HistoryReader) -> anyhow::Result<Node> {
    let (boots, coverage) = (reader.boots()?, reader.coverage()?);
    let requests = reader.page_requests()?;
    let mut node = Node::default();
    for module in reader.modules()? {
        let counts = reader.dimm_counts(&module.key)?;
        let events = reader.events_of(&module.key, MOST_REPORTS)?;
        let life =
            Life { from: module.since_wall_ms, until: module.ended_wall_ms.unwrap_or(i64::MAX) };
        let mut seen = Vec::new();
        for event in &events {
            seen.extend(reported(event));
        }
        let counted = !module.places.is_empty();
        let reported_failures: Vec<Seconds> = seen
            .iter()
            .filter(|seen| matches!(seen, Observation::Uncorrected { .. }))
            .map(Observation::at)
            .collect();
        seen.extend(counts.iter().filter_map(|count| of_count(count, &reported_failures)));
        seen.extend(watched(&coverage, &life));
        seen.extend(booted(&boots, &life));
        seen.extend(offlined(&requests, &seen));
        let from = if counted { CountsFrom::Counters } else { CountsFrom::Reports };
        node.dimms.push(Dimm::observed(from, seen));
    }
    Ok(node)
}

/// When a DIMM was in its slot, milliseconds.
struct Life {
    from: i64,
    until: i64,
}

fn seconds(wall_ms: i64) -> Seconds {
    wall_ms.div_euclid(1_000)
}

/// A report as an observation; `None` if an earlier one told of the same errors, or it tells of none.
fn reported(event: &EventRecord) -> Option<Observation> {
    let EventRecord { first_wall_ms, group, counted, .. } = event;
    if *counted == 0 || group.what != EventWhat::Memory {
        return None;
    }
    let words = format!("{} {}", group.message, group.detail);
    error(
        seconds(*first_wall_ms),
        *counted,
        group.class,
        &words,
        group.address.filter(|_| group.grain_bits.is_none_or(|bits| bits <= PAGE_BITS)),
    )
}

const PAGE_BITS: u8 = 12;

fn error(
    at: Seconds,
    errors: u64,
    class: EventClass,
    words: &str,
    address: Option<u64>,
) -> Option<Observation> {
    let told = place(words);
    let page = address.map(|address| address >> PAGE_BITS);
    match class {
        EventClass::Corrected => Some(Observation::Reported(Hit {
            at,
            errors: u32::try_from(errors).unwrap_or(u32::MAX).max(1),
            cell: told.cell,
            page,
            parity: None,
            by_scrub: told.by_scrub,
        })),
        EventClass::Deferred | EventClass::Uncorrected | EventClass::Fatal => {
            Some(Observation::Uncorrected { at, cell: told.cell, page })
        }
        EventClass::Info => None,
    }
}

/// A count as an observation. Uncorrected errors that were reported as well are left to the report,
/// which knows the moment.
fn of_count(count: &DimmCount, reported: &[Seconds]) -> Option<Observation> {
    let DimmCount { from_wall_ms, until_wall_ms, class, errors, at_least } = *count;
    let (from, until) = (seconds(from_wall_ms), seconds(until_wall_ms));
    match class {
        ErrorClass::Correctable => Some(Observation::Counted {
            from: from.min(until.saturating_sub(1)),
            until,
            // The time is told by what was watched.
            watched: 0,
            errors,
            at_least,
        }),
        ErrorClass::Uncorrectable if reported.iter().any(|at| (from..=until).contains(at)) => None,
        ErrorClass::Uncorrectable => {
            Some(Observation::Uncorrected { at: until, cell: Cell::default(), page: None })
        }
    }
}

/// The time watched, a day at a time.
fn watched(coverage: &[CoverageRecord], life: &Life) -> Vec<Observation> {
    let mut seen = Vec::new();
    for stretch in coverage {
        let mut from = seconds(stretch.from_wall_ms.max(life.from));
        let end = seconds(stretch.to_wall_ms.min(life.until));
        while from < end {
            let until = end.min((from.div_euclid(DAY) + 1) * DAY);
            seen.push(Observation::Counted {
                from,
                until,
                watched: u32::try_from(until - from).unwrap_or(u32::MAX),
                errors: 0,
                at_least: false,
            });
            from = until;
        }
    }
    seen
}

const DAY: Seconds = 86_400;

fn booted(boots: &[BootRecord], life: &Life) -> Vec<Observation> {
    let within = |at: &i64| life.from < *at && *at < life.until;
    let begun = boots.iter().filter_map(|boot| boot.booted_wall_ms).filter(within);
    begun.map(|at| Observation::Booted { at: seconds(at) }).collect()
}

/// Pages that the kernel took out of use, among those in which the DIMM had errors.
fn offlined(requests: &[PageRequest], seen: &[Observation]) -> Vec<Observation> {
    let own = |page: u64| {
        seen.iter().any(|seen| match seen {
            Observation::Reported(hit) => hit.page == Some(page),
            Observation::Uncorrected { page: of, .. } => *of == Some(page),
            Observation::Counted { .. }
            | Observation::Booted { .. }
            | Observation::Offlined { .. }
            | Observation::Replaced { .. } => false,
        })
    };
    let done = requests.iter().filter(|request| request.answer == Some(PageAnswer::Done));
    done.map(|request| (seconds(request.at_wall_ms), request.physical_address >> PAGE_BITS))
        .filter(|(_, page)| own(*page))
        .map(|(at, page)| Observation::Offlined { at, page })
        .collect()
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
        let words = format!("{} {}", report.message, report.detail);
        let address =
            report.address.filter(|_| report.grain_bits.is_none_or(|bits| bits <= PAGE_BITS));
        dimms.entry(dimm).or_default().extend(error(
            seconds(at_wall_ms),
            errors,
            report.class,
            &words,
            address,
        ));
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
