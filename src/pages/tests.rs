//! Reports and the kernel's flags on their way into the registry.

use super::*;
use scrubjay_collector::Tree;
use scrubjay_model::{
    BootId, Clocks, EventClass, EventGroup, EventPlace, EventWhat, Folded, OfflineAsker,
    PageOutcome, PageReason, PageState, Place, ReadFault, Witness,
};
use std::time::Duration;

const ADDRESS: u64 = 0x3000_0040;

fn group(witness: Witness, class: EventClass, what: EventWhat) -> EventGroup {
    EventGroup {
        first: Duration::from_secs(90),
        last: Duration::from_secs(90),
        witness,
        class,
        what,
        place: EventPlace::Address,
        address: Some(ADDRESS),
        grain_bits: None,
        syndrome: None,
        reports: 1,
        errors: 1,
        message: String::new(),
        detail: String::new(),
        folded: Folded::Nothing,
    }
}

pub(super) fn error(number: u64, class: EventClass) -> Sighting {
    Sighting {
        number,
        group: group(Witness::McEvent, class, EventWhat::Memory),
        counter: Some((0, SeriesPlace::Dimm(Place::Dimm(1)))),
        same_as: None,
        counted: 1,
    }
}

fn lost_page(number: u64, same_as: Option<u64>) -> Sighting {
    let what = EventWhat::Page {
        page_type: "free buddy page".to_owned(),
        outcome: PageOutcome::Recovered,
    };
    let group = group(Witness::MemoryFailure, EventClass::Uncorrected, what);
    Sighting { number, group, counter: None, same_as, counted: 0 }
}

pub(super) fn of(sightings: Vec<Sighting>) -> Sightings {
    Sightings { sightings, lost: 0, undecodable: 0 }
}

fn keys() -> BTreeMap<u32, ControllerKey> {
    BTreeMap::from([(0, ControllerKey::from_stored("imc-0".to_owned()))])
}

#[test]
fn a_lost_page_is_registered_with_the_dimm_of_its_error_also_in_a_later_batch() {
    let mut errors = Errors::default();
    let batch = of(vec![error(0, EventClass::Uncorrected), lost_page(1, Some(0))]);
    let reports = page_reports(&batch, &keys(), 4096, &mut errors);
    let expected = PageReport {
        pfn: 0x3_0000,
        page_size_bytes: 4096,
        reason: PageReason::MemoryFailure {
            page_type: "free buddy page".to_owned(),
            result: PageOutcome::Recovered,
        },
        dimm: Some("imc-0/dimm1".to_owned()),
    };
    assert_eq!(reports, std::slice::from_ref(&expected));
    let later = page_reports(&of(vec![lost_page(2, Some(0))]), &keys(), 4096, &mut errors);
    assert_eq!(later, std::slice::from_ref(&expected));
    let nobody_knows = page_reports(&of(vec![lost_page(3, None)]), &keys(), 4096, &mut errors);
    assert_eq!(nobody_knows, [PageReport { dimm: None, ..expected }]);
}

#[test]
fn the_dimm_is_found_where_another_witness_told_of_the_error_first() {
    let mut machine_check = error(0, EventClass::Uncorrected);
    machine_check.counter = None;
    let mut driver = error(1, EventClass::Uncorrected);
    driver.same_as = Some(0);
    let batch = of(vec![machine_check, driver, lost_page(2, Some(0))]);
    let reports = page_reports(&batch, &keys(), 4096, &mut Errors::default());
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0].dimm.as_deref(), Some("imc-0/dimm1"));
}

#[test]
fn a_page_that_the_log_and_an_event_tell_of_is_registered_once_with_the_graver_reason() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = history(&dir);
    let mut pages = Pages::new(&host(IOMEM));
    let asked = |number, asked_by| {
        let what = EventWhat::SoftOffline { asked_by, outcome: PageOutcome::Unknown };
        let group = group(Witness::LogMemoryFailure, EventClass::Info, what);
        Sighting { number, group, counter: None, same_as: None, counted: 0 }
    };
    let reason = |history: &History| {
        let [page] = history.bad_pages().values().collect::<Vec<_>>().try_into().unwrap();
        page.reason.clone()
    };
    let collected = of(vec![asked(0, OfflineAsker::Collector), asked(1, OfflineAsker::Unknown)]);
    pages.look(&collected, None, &mut history, &at(2));
    assert_eq!(reason(&history), PageReason::CollectedByKernel);
    pages.hear(&of(vec![lost_page(2, None)]), None, &mut history, &at(3));
    assert_eq!(reason(&history).as_str(), "memory_failure");
    pages.look(&collected, None, &mut history, &at(4));
    assert_eq!(reason(&history).as_str(), "memory_failure");
}

#[test]
fn the_dimm_of_a_page_that_was_to_go_is_that_of_its_errors_however_long_ago() {
    let what =
        EventWhat::SoftOffline { asked_by: OfflineAsker::Unknown, outcome: PageOutcome::Recovered };
    let group = group(Witness::LogMemoryFailure, EventClass::Info, what);
    let asked = Sighting { number: 1, group, counter: None, same_as: None, counted: 0 };
    let mut elsewhere = asked.clone();
    elsewhere.group.address = Some(ADDRESS + 4096);
    let batch = of(vec![error(0, EventClass::Corrected), asked, elsewhere]);
    let reports = page_reports(&batch, &keys(), 4096, &mut Errors::default());
    let dimms: Vec<Option<&str>> = reports.iter().map(|report| report.dimm.as_deref()).collect();
    assert_eq!(dimms, [Some("imc-0/dimm1"), None]);
}

#[test]
fn errors_alone_register_no_page_and_few_are_remembered() {
    let storm = (0..10_000).map(|number| error(number, EventClass::Corrected)).collect();
    let mut errors = Errors::default();
    assert_eq!(page_reports(&of(storm), &keys(), 4096, &mut errors), []);
    assert_eq!(errors.0.len(), MOST_ERRORS);
}

pub(super) fn at(wall_ms: i64) -> Stamp {
    Stamp {
        boot: BootId::parse("00000001-0000-4000-8000-000000000000").unwrap(),
        since_boot: Some(Duration::from_secs(100)),
        awake: Some(Duration::from_secs(100)),
        wall_ms,
    }
}

fn host(files: &str) -> Arc<HostRoot> {
    let text =
        format!("//! scrubjay host tree 1\n//- .scrubjay/facts\nuname_machine x86_64\n{files}");
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    Arc::new(HostRoot::from_tree(Tree::parse(&text).unwrap(), Arc::new(move || clocks)))
}

pub(super) fn history(dir: &tempfile::TempDir) -> History {
    let mut history = History::open(dir.path(), &at(1)).unwrap();
    history.begin_run(&at(1), "test", Duration::from_secs(60)).unwrap();
    history
}

const IOMEM: &str = "//- proc/iomem\n00100000-2fffffff : System RAM\n30000000-30000fff : Unusable \
                     memory\n30001000-3fffffff : System RAM\n";

#[test]
fn a_page_that_the_kernel_does_not_manage_is_out_of_use() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = history(&dir);
    let mut pages = Pages::new(&host(IOMEM));
    pages.look(&of(vec![lost_page(0, None)]), None, &mut history, &at(2));
    assert_eq!(history.bad_pages().get(&0x3000_0000).unwrap().state, PageState::OfflineNow);
}

#[test]
fn what_the_kernel_does_not_tell_is_not_known() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = history(&dir);
    let mut pages = Pages::new(&host(""));
    pages.hear(&of(vec![lost_page(0, None)]), None, &mut history, &at(2));
    pages.look(&of(Vec::new()), None, &mut history, &at(3));
    assert_eq!(history.bad_pages().get(&0x3000_0000).unwrap().state, PageState::Unknown);
}

#[test]
fn a_map_that_was_not_readable_is_read_again() {
    let mut pages = Pages::new(&host(""));
    pages.read_map(&[]);
    assert!(pages.map.value().is_none());
    pages.host = host(IOMEM);
    pages.read_map(&[]);
    assert!(pages.map.value().is_some());
    // And where memory may have been added, but not otherwise.
    pages.host = host("//- proc/iomem\n00100000-7fffffff : System RAM\n");
    pages.read_map(&[AddressRange::new(0x20_0000, 0x20_0fff).unwrap()]);
    assert_eq!(pages.map.value().unwrap().ranges().len(), 2);
    pages.read_map(&[AddressRange::new(0x4000_0000, 0x4000_0fff).unwrap()]);
    assert_eq!(pages.map.value().unwrap().ranges().len(), 1);
}

#[test]
fn flags_that_are_hidden_are_not_asked_for_in_vain() {
    let origin = Origin::new("proc/kpageflags");
    let hidden = || Reading::Unreadable(origin.clone(), ReadFault::Denied);
    let no_map = Reading::Absent(Origin::new("proc/iomem"));
    assert_eq!(told(Some(4096), hidden(), &no_map), None);
    assert_eq!(told(None, Reading::Value(BTreeMap::new()), &no_map), None);
    let flags = BTreeMap::from([(7, PageFlags(1 << 19))]);
    let told = told(Some(4096), Reading::Value(flags.clone()), &no_map).unwrap();
    assert_eq!(told.flags, flags);
}
