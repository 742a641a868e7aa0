//! Acting, on means that are made up, on a history, and on a root that is not this host's.

use super::*;
use scrubjay_alerts::OfflinePreset;
use scrubjay_model::{BootId, Origin};
use scrubjay_storage::HistoryReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const PAGE: u64 = 4096;
const FIRST: u64 = 0x3000_0000;

fn policy(mode: OfflineMode) -> OfflinePolicy {
    OfflinePolicy {
        mode,
        preset: OfflinePreset::Mcelog,
        budget_pages_per_day: 4,
        budget_pages_total: 64,
        reoffline_after_boot: false,
    }
}

fn corrected(address: u64, errors: u64) -> CorrectedPage {
    let dimm = Some("imc-0/dimm1".to_owned());
    CorrectedPage { physical_address: address, by_day: vec![errors], dimm }
}

/// Means that remember what was done with them.
struct Stage {
    corrected: Vec<CorrectedPage>,
    requests: PageRequests,
    registry: BTreeMap<u64, BadPage>,
    can_write: bool,
    answer: PageAnswer,
    /// Questions to the history and the host.
    questions: u32,
    begun: Vec<u64>,
    asked: Vec<u64>,
    ended: Vec<(i64, PageAnswer)>,
}

impl Stage {
    fn new(corrected: Vec<CorrectedPage>) -> Self {
        Self {
            corrected,
            requests: PageRequests::default(),
            registry: BTreeMap::new(),
            can_write: true,
            answer: PageAnswer::Done,
            questions: 0,
            begun: Vec::new(),
            asked: Vec::new(),
            ended: Vec::new(),
        }
    }
}

impl Means for Stage {
    fn corrected(&mut self, days: u32) -> Result<Vec<CorrectedPage>, StorageError> {
        assert_eq!(days, 1);
        self.questions += 1;
        Ok(self.corrected.clone())
    }

    fn requests(&mut self) -> Result<PageRequests, StorageError> {
        self.questions += 1;
        Ok(self.requests.clone())
    }

    fn registry(&mut self) -> BTreeMap<u64, BadPage> {
        self.questions += 1;
        self.registry.clone()
    }

    fn facts(&mut self) -> (Reading<u64>, Option<u64>) {
        self.questions += 1;
        (Reading::Value(1), Some(PAGE))
    }

    fn flags(&mut self, _: &BTreeSet<u64>) -> BTreeMap<u64, PageFlags> {
        self.questions += 1;
        BTreeMap::new()
    }

    fn map(&mut self, _: &[AddressRange]) -> Reading<MemoryMap> {
        self.questions += 1;
        let block = Reading::Absent(Origin::new("block_size_bytes"));
        Reading::Value(MemoryMap::new(PAGE, block, AddressRange::new(0x10_0000, 0x7fff_ffff)))
    }

    fn begin(&mut self, physical_address: u64) -> Result<i64, StorageError> {
        if !self.can_write {
            return Err(StorageError::NoRun);
        }
        self.begun.push(physical_address);
        Ok(i64::try_from(self.begun.len()).unwrap())
    }

    fn ask(&mut self, physical_address: u64, _permit: OfflinePermit) -> PageAnswer {
        assert_eq!(self.begun.last(), Some(&physical_address), "written down before it is asked");
        self.asked.push(physical_address);
        self.answer
    }

    fn end(&mut self, request: i64, answer: PageAnswer) -> Result<(), StorageError> {
        self.ended.push((request, answer));
        Ok(())
    }
}

#[test]
fn switched_off_nothing_is_asked_of_anybody() {
    let mut stage = Stage::new(vec![corrected(FIRST, 1_000)]);
    let mut offlining = Offlining::new(policy(OfflineMode::Off));
    assert_eq!(offlining.act(&mut stage).unwrap(), []);
    assert_eq!((stage.questions, stage.begun.len(), stage.asked.len()), (0, 0, 0));
    assert_eq!(offlining.stats(), OfflineStats::NONE);
}

#[test]
fn a_page_over_the_limit_is_asked_for_once_and_registered_with_its_dimm() {
    let mut stage = Stage::new(vec![corrected(FIRST, 2), corrected(0x4000_0000, 1)]);
    let mut offlining = Offlining::new(policy(OfflineMode::Soft));
    let reports = offlining.act(&mut stage).unwrap();
    assert_eq!(stage.asked, [FIRST]);
    assert_eq!(stage.ended, [(1, PageAnswer::Done)]);
    assert_eq!(reports.len(), 1);
    let report = &reports[0];
    assert_eq!((report.pfn, &report.reason), (0x3_0000, &PageReason::CorrectedThreshold));
    assert_eq!(report.dimm.as_deref(), Some("imc-0/dimm1"));
    assert_eq!(offlining.stats(), OfflineStats { done: 1, failed: 0, refused: 0 });
    // Without a further error there is nothing to look at.
    let questions = stage.questions;
    assert_eq!(offlining.act(&mut stage).unwrap(), []);
    assert_eq!(stage.questions, questions + 1, "only the registry");
}

#[test]
fn a_request_that_cannot_be_written_down_is_not_made() {
    let mut stage = Stage::new(vec![corrected(FIRST, 2)]);
    stage.can_write = false;
    let mut offlining = Offlining::new(policy(OfflineMode::Soft));
    assert_eq!(offlining.act(&mut stage).unwrap(), []);
    assert_eq!(stage.asked, [0; 0]);
}

#[test]
fn budgets_count_what_was_asked_before_and_each_refusal_is_told_once() {
    let pages = (0..6).map(|n| corrected(FIRST + n * PAGE, 9 - n)).collect();
    let mut stage = Stage::new(pages);
    stage.requests.last_day = 2;
    let mut offlining = Offlining::new(policy(OfflineMode::Soft));
    assert_eq!(offlining.act(&mut stage).unwrap().len(), 2);
    assert_eq!(stage.asked, [FIRST, FIRST + PAGE], "the worst first");
    assert_eq!(offlining.stats().refused, 4);
    stage.requests.last_day = 4;
    offlining.due = true;
    offlining.act(&mut stage).unwrap();
    assert_eq!(offlining.stats().refused, 6, "those done are refused now, the others were told");
}

#[test]
fn what_the_kernel_will_not_do_is_counted_and_registered_all_the_same() {
    let mut stage = Stage::new(vec![corrected(FIRST, 2)]);
    stage.answer = PageAnswer::Failed { errno: 16 };
    let mut offlining = Offlining::new(policy(OfflineMode::Soft));
    assert_eq!(offlining.act(&mut stage).unwrap().len(), 1);
    assert_eq!(offlining.stats(), OfflineStats { done: 0, failed: 1, refused: 0 });
    assert_eq!(stage.ended, [(1, PageAnswer::Failed { errno: 16 })]);
}

fn back_in_use() -> BadPage {
    BadPage {
        pfn: FIRST / PAGE,
        physical_address: FIRST,
        page_size_bytes: PAGE,
        reason: PageReason::SoftOffline,
        dimm: None,
        first_seen_wall_ms: 1,
        last_seen_wall_ms: 1,
        boots_survived: 1,
        boot: BootId::unknown(),
        state: PageState::NotOfflineNow,
    }
}

#[test]
fn pages_back_in_use_after_a_boot_go_again_once_and_only_where_asked() {
    for (reoffline_after_boot, expected) in [(false, vec![]), (true, vec![FIRST])] {
        let mut stage = Stage::new(Vec::new());
        stage.registry.insert(FIRST, back_in_use());
        let policy = OfflinePolicy { reoffline_after_boot, ..policy(OfflineMode::Soft) };
        let mut offlining = Offlining::new(policy);
        // No error was reported, so nothing is.
        assert_eq!(offlining.act(&mut stage).unwrap(), []);
        assert_eq!(stage.asked, expected);
        // The kernel would not, and is not asked at every pass.
        stage.requests.this_boot.extend(expected.iter().copied());
        offlining.act(&mut stage).unwrap();
        assert_eq!(stage.asked, expected);
    }
}

const SOFT_OFFLINE: &str = "sys/devices/system/memory/soft_offline_page";

/// A root of files that looks as if pages could be taken out of use there.
#[expect(clippy::disallowed_methods, reason = "files of the test's own")]
fn root() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put(".scrubjay/facts", "uname_machine x86_64\n");
    put("proc/iomem", "00100000-7fffffff : System RAM\n");
    put("proc/sys/vm/enable_soft_offline", "1\n");
    put(SOFT_OFFLINE, "");
    dir
}

#[expect(clippy::disallowed_methods, reason = "files of the test's own")]
fn written(root: &Path) -> String {
    std::fs::read_to_string(root.join(SOFT_OFFLINE)).unwrap()
}

#[test]
fn a_root_that_is_not_this_host_is_not_written_to_and_the_history_says_so() {
    use super::super::tests::{at, error, history, of};
    let (state, root) = (tempfile::tempdir().unwrap(), root());
    let mut history = history(&state);
    let host =
        Arc::new(scrubjay_collector::HostRoot::open(root.path(), crate::clock::live()).unwrap());
    let options = scrubjay_collector::Options {
        deadline: Duration::from_secs(60),
        disabled: BTreeSet::new(),
    };
    let mut snapshot = scrubjay_collector::Collector::new(Arc::clone(&host), options).snapshot();
    snapshot.at = at(100_000);
    let errors = of((0..3).map(|number| error(number, EventClass::Corrected)).collect());
    let heard = scrubjay_storage::Heard { sightings: &errors, listening: true, how: None };
    assert!(history.append_heard(&snapshot, heard).error.is_none());
    let mut pages = Pages::new(&host);

    let mut off = Offlining::new(policy(OfflineMode::Off));
    off.hear(&errors);
    pages.act(&mut off, &mut history, &snapshot);
    let requests = || HistoryReader::open(state.path()).unwrap().unwrap().page_requests().unwrap();
    assert_eq!((requests().len(), history.bad_pages().len()), (0, 0));

    let mut soft = Offlining::new(policy(OfflineMode::Soft));
    pages.act(&mut soft, &mut history, &snapshot);
    assert_eq!(written(root.path()), "");
    let made = requests();
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].physical_address, made[0].answer), (FIRST, Some(PageAnswer::NotAsked)));
    let reader = HistoryReader::open(state.path()).unwrap().unwrap();
    let page = &reader.bad_pages().unwrap()[0];
    assert_eq!((page.physical_address, &page.reason), (FIRST, &PageReason::CorrectedThreshold));
}
