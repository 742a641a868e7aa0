//! What this crate's tests build readings from.

mod alerts;
mod crashes;
mod events;
mod scrubbing;

pub(crate) use events::{events, heard, imported_errors, loss, pattern, scrub_results};
pub(crate) use scrubbing::*;
mod judged;
mod kernels;
mod machine;
mod memory;
mod pages;
mod patches;
mod views;

pub(crate) use judged::failing_bank;
pub(crate) use memory::{labels, remembered, sticks};
pub(crate) use pages::pages;
pub(crate) use patches::patch_modules;
pub(crate) use views::{blind, contradictory, finding, guest, large, no_agent, server};

use scrubjay_model::*;
use std::collections::BTreeMap;
use std::time::Duration;

/// 2026-11-24T06:02:00Z.
pub(crate) const NOW_MS: i64 = 1_795_500_120_000;
const DAY_S: u64 = 86_400;
const BOOT: &str = "5a6b7c8d-1234-5678-9abc-def012345678";

pub(crate) fn boot() -> BootId {
    BootId::parse(BOOT).unwrap()
}

pub(crate) fn stamp(since_boot_s: u64, wall_ms: i64) -> Stamp {
    Stamp {
        boot: boot(),
        since_boot: Some(Duration::from_secs(since_boot_s)),
        awake: Some(Duration::from_secs(since_boot_s)),
        wall_ms,
    }
}

pub(crate) fn value<T>(value: T) -> Reading<T> {
    Reading::Value(value)
}

pub(crate) fn text(text: &str) -> Reading<String> {
    Reading::Value(text.to_owned())
}

pub(crate) fn absent<T>(path: &str) -> Reading<T> {
    Reading::Absent(Origin::new(path))
}

pub(crate) fn denied<T>(path: &str) -> Reading<T> {
    Reading::Unreadable(Origin::new(path), ReadFault::Denied)
}

pub(crate) fn malformed<T>(path: &str) -> Reading<T> {
    Reading::Malformed(Origin::new(path), ParseFault::new("a number", b"banana\x1b[2J"))
}

pub(crate) fn section<T>(reading: Reading<T>) -> Option<Section<T>> {
    let faults = match reading.non_value() {
        Some(reason @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => vec![reason],
        Some(NonValue::Absent(_)) | None => Vec::new(),
    };
    let report = SourceReport { took: Duration::from_micros(1_500), attributes: 3, faults };
    Some(Section { reading, report })
}

pub(crate) fn counter(n: u64) -> Reading<Counter> {
    Reading::Value(Counter { value: n, epoch: Epoch { boot: boot(), zeroed: None } })
}

pub(crate) fn counts(correctable: u64, uncorrectable: u64) -> ErrorCounts {
    ErrorCounts { correctable: counter(correctable), uncorrectable: counter(uncorrectable) }
}

pub(crate) fn dimm(place: Place, label: &str, errors: ErrorCounts) -> Dimm {
    Dimm {
        place,
        label: text(label),
        location: text("channel 0 slot 0"),
        size_bytes: value(32 << 30),
        memory_type: text("Registered-DDR4"),
        device_type: text("x4"),
        edac_mode: text("S4ECD4ED"),
        errors,
    }
}

pub(crate) fn controller(
    index: u32,
    name: &str,
    layout: Layout,
    dimms: Vec<Dimm>,
    total: ErrorCounts,
    unattributed: ErrorCounts,
) -> Controller {
    Controller {
        index,
        name: text(name),
        size_bytes: value(64 << 30),
        seconds_since_reset: value(36 * DAY_S + 4 * 3_600),
        scrub_rate: value(12_800_000),
        errors: total,
        unattributed,
        layout,
        dimms: dimms.into(),
        csrows: Vec::new(),
        steady: true,
    }
}

/// What the history would say having read `edac` once, with `restarts` lives before, each of which
/// counted as much.
pub(crate) fn accumulate(edac: &Edac, restarts: u64) -> Accumulated {
    let seen: Vec<SeenController> = edac.controllers.iter().map(SeenController::from).collect();
    let keys = match_controllers(&[], &seen);
    let controllers: BTreeMap<u32, ControllerKey> =
        seen.iter().map(|s| s.index).zip(keys).collect();
    let totals = edac
        .counters(&controllers)
        .into_iter()
        .map(|(key, counter)| {
            let total = SeriesTotal {
                total: counter.value * (restarts + 1),
                since_wall_ms: NOW_MS - 400 * 86_400_000,
                restarts,
            };
            (key, total)
        })
        .collect();
    let seen_this_boot = controllers.values().cloned().collect();
    Accumulated { controllers, totals, seen_this_boot, ..Accumulated::default() }
}

/// A log that has rolled over, with a live patch forced.
pub(crate) fn kernel_log() -> KernelLog {
    let mark = |sequence, seconds| {
        Some(LogMark { sequence: Some(sequence), awake: Some(Duration::from_secs(seconds)) })
    };
    let patch = Some("kpatch_2026_11".to_owned());
    KernelLog {
        oldest: mark(812, 80),
        newest: mark(2_020, 90),
        records: 1_202,
        lost: 7,
        cut: false,
        forced: vec![ForcedPatch { awake: Duration::from_secs(85), patch }],
        transition: Some(LogTransition {
            patch: "kpatch_2026_11".to_owned(),
            awake: Duration::from_secs(36 * DAY_S),
        }),
        transition_ended: false,
        ecc_disabled: Vec::new(),
        cec_initialized: false,
        cmci_storms: 1,
        told: LogCounts { edac_corrected: 3, ..LogCounts::NONE },
    }
}

/// A registry of one page, and a scan.
pub(crate) fn page_list() -> PageList {
    PageList {
        registered: Reading::Value(vec![bad_page()]),
        untold: None,
        page_size_bytes: Some(4096),
        scan: Some(Reading::Value(PoisonedPages {
            pfns: vec![9],
            scanned_pages: 10,
            is_complete: true,
        })),
    }
}

/// Words for the boot loader, with a page left out.
pub(crate) fn boot_words() -> BootArguments {
    let outside = Reading::Value(MemoryMap::new(4096, absent("block_size_bytes"), []));
    boot_arguments([&bad_page()], &outside, &[])
}

fn bad_page() -> BadPage {
    BadPage {
        pfn: 7,
        physical_address: 7 << 12,
        page_size_bytes: 4096,
        reason: PageReason::MemoryFailure {
            page_type: "dirty LRU page".to_owned(),
            result: PageOutcome::Failed,
        },
        dimm: None,
        first_seen_wall_ms: NOW_MS,
        last_seen_wall_ms: NOW_MS,
        boots_survived: 0,
        boot: boot(),
        state: PageState::Unknown,
    }
}
