//! Hosts for people to look at: fixtures, and one that has lived for half a year.

use crate::harness::Agent;
use scrubjay_alerts::PatchPolicy;
use scrubjay_collector::{Collector, HostRoot, Options, Tree};
use scrubjay_model::{
    Clocks, EventClass, EventGroup, EventPlace, EventWhat, Folded, PageAnswer, PageReason,
    PageReport, Place, SeriesPlace, Sighting, Sightings, Snapshot, Witness,
};
use scrubjay_storage::{Heard, History, PagesSeen};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::firmware::{BoardSlot, filled, tables};
use scrubjay_tests::trees;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
/// Passes are that far apart, and the history is told so.
const STEP: Duration = Duration::from_secs(6 * 3_600);
const STEPS_A_DAY: u32 = 4;

const RUNNING: &str = "6.12.57";
const NEWER: &str = "6.12.63";

/// The serial numbers of its sticks begin with this.
pub(super) const SERIALS: &str = "425BB6";

/// An agent on a tree of the fixtures.
pub(super) fn fixture(name: &str) -> (tempfile::TempDir, Agent) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host(name)).unwrap();
    let agent = Agent::start(home.path(), &root);
    (home, agent)
}

/// An agent on the host that has lived.
pub(super) fn aged() -> (tempfile::TempDir, Agent) {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, live(&home.path().join("state"))).unwrap();
    let agent = Agent::start(home.path(), &root);
    (home, agent)
}

/// A server of two sockets with sixteen sticks: a bank of one fails more and more and brings an uncorrected
/// error, a row of another errs, a third is swapped with a reboot, a newer kernel is installed and not booted.
/// Returns its tree as it is at last.
struct Server {
    kernel: Kernel,
    board: Vec<BoardSlot>,
    history: History,
    /// Which day it is.
    day: u32,
    reports: u64,
    newer_since: Option<i64>,
}

fn live(state: &Path) -> String {
    let specs = (0..4).map(|n| ControllerSpec::skx(n / 2, n % 2, 2, 2)).collect();
    let mut kernel = Kernel::boot(specs, View::Dimms);
    let version = format!("#1 SMP PREEMPT_DYNAMIC Debian {RUNNING}-1 (2025-11-05)");
    kernel.install_kernel(&format!("{RUNNING}+deb13-amd64"), &version);
    kernel.reboot(Duration::from_secs(60));
    let slots = (0..16_u32).map(|n| {
        let (socket, channel) = (n / 8 + 1, char::from(b'A' + u8::try_from(n % 8 / 2).unwrap()));
        filled(format!("P{socket}-DIMM{channel}{}", n % 2 + 1), format!("{SERIALS}{n:02X}"))
    });
    let board: Vec<BoardSlot> = slots.collect();
    let first = snapshot(&tree(&kernel, &board, None));
    let mut history = History::open(state, &first.at).unwrap();
    history.write_without_sync().unwrap();
    history.begin_run(&first.at, "1.0.0", STEP).unwrap();
    let mut server = Server { kernel, board, history, day: 0, reports: 0, newer_since: None };
    while server.day < 190 {
        server.a_day();
        match server.day {
            62 => server.reboots(true, state),
            128 => {
                server.board[12] = filled("P2-DIMMC1", format!("{SERIALS}F7"));
                server.reboots(false, state);
            }
            150 => server.newer_since = Some(server.kernel.clock().realtime_ms() / 1_000),
            _ => {}
        }
    }
    let at = server.snapshot().at;
    server.history.end_run(&at).unwrap();
    tree(&server.kernel, &server.board, server.newer_since)
}

impl Server {
    fn snapshot(&self) -> Snapshot {
        snapshot(&tree(&self.kernel, &self.board, self.newer_since))
    }

    fn a_day(&mut self) {
        for step in 0..STEPS_A_DAY {
            self.kernel.wait(STEP - HOUR);
            let mut heard = Vec::new();
            let n = u64::from(self.day * STEPS_A_DAY + step);
            // A bank that errs at ever new places, and worse with time.
            if self.day > 110 && n % 3 == 0 {
                let errors = 1 + u64::from(self.day - 110) / 8;
                let detail = format!(
                    "rank:1 bank_group:2 bank:1 device:3 row:{} column:{}",
                    0x200 + 1_237 * n % 60_000,
                    37 * n % 1_000
                );
                heard.push(self.err(0, 1, errors, EventClass::Corrected, &detail));
            }
            // A row.
            if self.day > 40 && n % 7 == 0 {
                let detail = format!(
                    "rank:0 bank_group:0 bank:3 device:9 row:41212 column:{}",
                    8 * n % 1_000
                );
                heard.push(self.err(2, 2, 2, EventClass::Corrected, &detail));
            }
            if self.day == 90 && step == 1 {
                let detail = "rank:0 bank_group:1 bank:0 device:1 row:77 column:1000";
                heard.push(self.err(3, 0, 1, EventClass::Corrected, detail));
            }
            let fails = self.day == 186 && step == 2;
            if fails {
                let detail = "rank:1 bank_group:2 bank:1 device:3 row:9182 column:77";
                heard.push(self.err(0, 1, 1, EventClass::Uncorrected, detail));
            }
            self.kernel.wait(HOUR);
            let snapshot = self.snapshot();
            let sightings = Sightings { sightings: heard, lost: 0, undecodable: 0 };
            let told = Heard { sightings: &sightings, listening: true, how: None };
            let appended = self.history.append_heard(&snapshot, told);
            assert!(appended.error.is_none(), "{:?}", appended.error);
            let policy = PatchPolicy::default();
            let storage = self.history.stats();
            let found = scrubjay_alerts::assess(
                &snapshot,
                &appended.accumulated,
                Some(&storage),
                None,
                &policy,
            );
            self.history.note(&snapshot.at, &found).unwrap();
            if fails {
                self.take_out(&snapshot);
            }
        }
        self.day += 1;
    }

    /// The kernel counts errors, and tells of them.
    fn err(
        &mut self,
        controller: usize,
        slot: usize,
        errors: u64,
        class: EventClass,
        detail: &str,
    ) -> Sighting {
        let count = u16::try_from(errors).unwrap();
        if class == EventClass::Corrected {
            self.kernel.corrected(controller, slot, count);
        } else {
            self.kernel.uncorrected(controller, slot, count);
        }
        let number = self.reports;
        self.reports += 1;
        let at = self.kernel.clock().boottime();
        let place = Place::Dimm(u32::try_from(slot).unwrap());
        let controller = u32::try_from(controller).unwrap();
        let layer = |n: usize| Some(u8::try_from(n).unwrap());
        Sighting {
            number,
            group: EventGroup {
                first: at,
                last: at,
                witness: Witness::McEvent,
                class,
                what: EventWhat::Memory,
                place: EventPlace::Edac {
                    controller,
                    layers: [layer(slot / 2), layer(slot % 2), None],
                    label: String::new(),
                },
                address: Some(0x1f_a000_0000 + number * 0x1000),
                grain_bits: Some(6),
                syndrome: Some(3),
                reports: errors,
                errors,
                message: "memory read error".to_owned(),
                detail: detail.to_owned(),
                folded: Folded::Nothing,
            },
            counter: Some((controller, SeriesPlace::Dimm(place))),
            same_as: None,
            counted: errors,
        }
    }

    /// Pages of the failing bank are registered, and the kernel is asked for one.
    fn take_out(&mut self, snapshot: &Snapshot) {
        let dimm = Some("skylake-socket-0-imc-0/dimm1".to_owned());
        let report =
            |pfn, reason| PageReport { pfn, page_size_bytes: 4096, reason, dimm: dimm.clone() };
        let reported = [
            report(0x1f_a012, PageReason::CorrectedThreshold),
            report(0x1f_a744, PageReason::HardOffline),
        ];
        let seen = PagesSeen { reported: &reported, told: None, map: None };
        self.history.see_pages(&seen, &snapshot.at).unwrap();
        let request = self.history.begin_page_request(&snapshot.at, 0x1f_a012 * 4096).unwrap();
        self.history.end_page_request(request, PageAnswer::Done).unwrap();
    }

    fn reboots(&mut self, in_order: bool, state: &Path) {
        let at = self.snapshot().at;
        if in_order {
            self.history.end_run(&at).unwrap();
        }
        self.kernel.reboot(Duration::from_secs(300));
        self.kernel.wait(Duration::from_secs(120));
        let at = self.snapshot().at;
        // One at a time has it open.
        let none = tempfile::tempdir().unwrap();
        self.history = History::open(none.path(), &at).unwrap();
        self.history = History::open(state, &at).unwrap();
        self.history.write_without_sync().unwrap();
        self.history.begin_run(&at, "1.0.0", STEP).unwrap();
        self.reports = 0;
    }
}

/// The healthy server of the fixtures with that kernel and board; a newer kernel is installed since then.
fn tree(kernel: &Kernel, board: &[BoardSlot], newer_since: Option<i64>) -> String {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for text in [trees::host("healthy-server"), kernel.tree_builder().and(tables(board)).to_text()]
    {
        let mut sections = text.split("\n//- ");
        let head = sections.next().unwrap_or_default();
        // The first section follows the line that says what the file is.
        let first = head.split_once("\n//- ").map(|(_, rest)| rest.to_owned());
        for section in first.into_iter().chain(sections.map(str::to_owned)) {
            let (head, body) = section.split_once('\n').unwrap_or((&section, ""));
            let path = head.rsplit(' ').next().unwrap_or(head);
            files.insert(path.to_owned(), format!("//- {head}\n{}\n", body.trim_end_matches('\n')));
        }
    }
    files.retain(|path, _| !path.starts_with("sys/devices/system/edac/mc/csrow"));
    if let Some(since) = newer_since {
        install(&mut files, since);
    }
    let name = "//- proc/sys/kernel/hostname\ndb-7.example.org\n".to_owned();
    files.insert("proc/sys/kernel/hostname".to_owned(), name);
    let body: String = files.into_values().collect();
    format!("//! scrubjay host tree 1\n{body}")
}

/// A newer kernel, released some days before it was installed.
fn install(files: &mut BTreeMap<String, String>, since_unix_s: i64) {
    let day = |back: i64| scrubjay_model::text_of_day(since_unix_s.div_euclid(86_400) - back);
    let status = files["var/lib/dpkg/status"].clone();
    let (_, fields) = status.split_once('\n').unwrap();
    let both = format!("{status}\n{}", fields.replace(RUNNING, NEWER));
    files.insert("var/lib/dpkg/status".to_owned(), both);
    let log = format!(
        "{}{} 06:25:01 status installed linux-image-{NEWER}+deb13-amd64:amd64 {NEWER}-1\n",
        files["var/log/dpkg.log"],
        day(0)
    );
    files.insert("var/log/dpkg.log".to_owned(), log);
    let changelog =
        |version: &str| format!("usr/share/doc/linux-image-{version}+deb13-amd64/changelog.gz");
    let (_, older) = files[&changelog(RUNNING)].split_once('\n').unwrap();
    let fixes: String =
        (20_101..20_113).map(|n| format!("    - net: a fix (CVE-2026-{n})\n")).collect();
    let week = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    let weekday =
        week[usize::try_from((since_unix_s.div_euclid(86_400) - 6).rem_euclid(7)).unwrap()];
    let released = day(6);
    let parts: Vec<&str> = released.split('-').collect();
    let month =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            [parts[1].parse::<usize>().unwrap() - 1];
    let newer = format!(
        "//- {}\nlinux-signed-amd64 ({NEWER}+1) trixie-security; urgency=high\n\n  * Sign kernel from linux {NEWER}-1\n\n\
         \x20 * New upstream stable update:\n{fixes}\n -- A Maintainer <a@example.org>  {weekday}, {} {month} {} 11:17:40 +0000\n\n{older}",
        changelog(NEWER),
        parts[2],
        parts[0],
    );
    files.insert(changelog(NEWER), newer);
    let list = "//- etc/scrubjay/lists/ranked.csv\ncve,exploited,severity\nCVE-2026-20101,yes,high\n\
        CVE-2026-20102,no,critical\nCVE-2026-20103,no,medium\n";
    files.insert("etc/scrubjay/lists/ranked.csv".to_owned(), list.to_owned());
    files.insert(
        format!("lib/modules/{NEWER}"),
        format!("//- dir lib/modules/{NEWER}+deb13-amd64\n"),
    );
}

fn snapshot(tree: &str) -> Snapshot {
    let tree = Tree::parse(tree).unwrap();
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
    let options = Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() };
    Collector::new(Arc::new(host), options).snapshot()
}
