//! Reports of errors as the history would hold them.

use super::*;

fn record(id: i64, witness: Witness, class: EventClass) -> EventRecord {
    EventRecord {
        id,
        boot: BootId::unknown(),
        first_wall_ms: 1_795_500_120_000,
        group: EventGroup {
            first: Duration::from_secs(10),
            last: Duration::from_secs(10),
            witness,
            class,
            what: EventWhat::Memory,
            place: EventPlace::Edac {
                controller: 0,
                layers: [Some(0), Some(1), None],
                label: "DIMM_B2".to_owned(),
            },
            address: Some(0x1234_5680),
            grain_bits: Some(6),
            syndrome: None,
            reports: 1,
            errors: 1,
            message: "memory read error".to_owned(),
            detail: String::new(),
            folded: Folded::Nothing,
        },
        dimm: Some("mc0/dimm1".to_owned()),
        same_as: None,
        counted: 1,
    }
}

/// A storm, the same told by a bank, and what became of a page.
pub(crate) fn events() -> Vec<EventRecord> {
    let storm = record(1, Witness::McEvent, EventClass::Corrected);
    let storm = EventRecord {
        counted: 70,
        group: EventGroup {
            reports: 70,
            errors: 70,
            last: Duration::from_millis(10_900),
            folded: Folded::Pages,
            ..storm.group
        },
        ..storm
    };
    let bank = record(2, Witness::MceRecord, EventClass::Corrected);
    let bank = EventRecord {
        group: EventGroup {
            place: EventPlace::Bank { cpu: 3, socket: 0, bank: 7 },
            message: "memory read, channel 1".to_owned(),
            ..bank.group
        },
        dimm: None,
        same_as: Some(1),
        counted: 0,
        ..bank
    };
    let page = record(3, Witness::MemoryFailure, EventClass::Uncorrected);
    let page = EventRecord {
        group: EventGroup {
            what: EventWhat::Page {
                page_type: "free buddy page".to_owned(),
                outcome: PageOutcome::Recovered,
            },
            place: EventPlace::Address,
            address: None,
            ..page.group
        },
        dimm: None,
        counted: 0,
        ..page
    };
    vec![storm, bank, page]
}

/// Four reports overwritten.
pub(crate) fn loss() -> LossRecord {
    LossRecord { boot: BootId::unknown(), at_wall_ms: 0, lost: 4, undecodable: 0 }
}

/// The sums, with what reports say of the first DIMM of them: one error was never reported.
pub(crate) fn heard(mut accumulated: Accumulated) -> Accumulated {
    let is_dimm = |key: &&SeriesKey| matches!(key.place, SeriesPlace::Dimm(_));
    let dimm = accumulated.totals.keys().find(is_dimm).unwrap().clone();
    let total = accumulated.totals.get(&dimm).unwrap().total;
    let witnessed = Witnessed { errors: total.saturating_sub(3), unheard: 2.min(total) };
    accumulated.witnessed.insert(dimm, witnessed);
    for event in events() {
        let key = (event.group.witness, event.group.class);
        let sum = accumulated.reports.entry(key).or_default();
        sum.reports += event.group.reports;
        sum.errors += event.group.errors;
        sum.counted += event.counted;
    }
    accumulated.lost_reports = 4;
    accumulated
}

/// What the reports of a stick have in common.
pub(crate) fn pattern() -> EventPattern {
    EventPattern {
        groups: 2,
        cut: false,
        first_wall_ms: Some(super::NOW_MS - 90_000),
        last_wall_ms: Some(super::NOW_MS),
        errors: [(EventClass::Corrected, 70)].into(),
        pages: 3,
        syndromes: 1,
        without_address: 1,
        folded: 1,
    }
}

/// A third found by scrubbing, and a controller that takes ten hours for a pass.
pub(crate) fn scrub_results() -> ScrubResults {
    let took = Duration::from_secs(36_000);
    let last_pass = vec![LastPass { edac: "mc0".to_owned(), took, errors: 2 }];
    ScrubResults { found: 23, all: 70, last_pass }
}

/// What rasdaemon recorded of one place in two hours and of a page, and a record without a time.
pub(crate) fn imported_errors() -> Vec<ImportedErrors> {
    let group = |at: Option<i64>, errors, origin: &str, class, what, place| ImportedErrors {
        memory: ErrorMemory::Rasdaemon,
        origin: origin.to_owned(),
        taken_in_wall_ms: NOW_MS,
        first_wall_ms: at,
        last_wall_ms: at,
        rows: (1, 2),
        records: 2,
        errors,
        witness: Witness::McEvent,
        class,
        what,
        place,
        address: Some(0x1000),
        grain_bits: Some(12),
        syndrome: None,
        message: "memory read error".to_owned(),
        detail: String::new(),
    };
    let place = || record(1, Witness::McEvent, EventClass::Corrected).group.place;
    let page =
        EventWhat::Page { page_type: "dirty LRU page".to_owned(), outcome: PageOutcome::Recovered };
    let (corrected, uncorrected) = (EventClass::Corrected, EventClass::Uncorrected);
    let at = |hours: i64| Some(1_789_990_000_000 + hours * 3_600_000);
    vec![
        group(None, 4, "mc_event", corrected, EventWhat::Memory, place()),
        group(at(0), 70, "mc_event", corrected, EventWhat::Memory, place()),
        group(at(1), 30, "mc_event", corrected, EventWhat::Memory, place()),
        group(at(9), 2, "memory_failure_event", uncorrected, page, EventPlace::Address),
    ]
}
