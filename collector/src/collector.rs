//! One pass over all sources with a deadline, each on a thread of its own; in the first pass, where none waits for
//! work, on a few.
//!
//! A read of sysfs can hang for ever in a driver or in firmware. Such a source is reported
//! unreadable, the others are not delayed, and no second read of it is started until the first
//! returns. Only counters that are known to be numbers in memory are read by the thread that makes the
//! pass: to hand them to another costs more than to read those of sixteen modules.

use crate::few::{Few, PATIENCE};
use crate::host::HostRoot;
use crate::kept::Lookout;
use crate::outside::Outside;
use crate::reader::Reader;
use crate::remember::Memory;
use crate::sources::{self, uptime::boot_id};
use crate::workers::{Told, Workers};
use scrubjay_model::{
    BootId, Edac, Origin, ReadFault, Reading, Section, Snapshot, SourceId, SourceReport, Stamp,
};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How to collect.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long a pass waits for a source.
    pub deadline: Duration,
    /// Sources not to ask.
    pub disabled: BTreeSet<SourceId>,
}

/// Collects snapshots of one host.
#[derive(Debug)]
pub struct Collector {
    host: Arc<HostRoot>,
    options: Options,
    /// For each source what the thread last started for it holds while it reads.
    reading: BTreeMap<SourceId, Weak<()>>,
    /// What sources keep from pass to pass.
    memory: Arc<Memory>,
    /// Whether there is one pass only, which keeps nothing for a next one.
    is_single: bool,
    /// What does the work of the first pass; of later ones, threads that wait for it.
    few: Option<Few>,
    workers: Workers,
    /// Where threads are started that look into other processes, if this one is bound.
    outside: Option<Arc<Outside>>,
}

/// A source reader: a plain function of the host.
type Source<T> = fn(&Reader<'_>, &Stamp) -> Reading<T>;

/// A source that was asked and has yet to answer.
enum Asked<T> {
    /// Switched off.
    Off,
    /// Has been read already, or could not be asked.
    Known(Section<T>),
    /// Its answer comes here.
    Started(SourceId, Receiver<Section<T>>),
}

impl Collector {
    /// A collector for a host.
    pub fn new(host: Arc<HostRoot>, options: Options) -> Self {
        Self {
            host,
            options,
            reading: BTreeMap::new(),
            memory: Arc::default(),
            is_single: false,
            // What takes longest has one for itself.
            few: Some(Few::of(2)),
            workers: Workers::default(),
            outside: None,
        }
    }

    /// One for a single pass: nothing is kept for a next one, neither files nor threads.
    pub fn once(host: Arc<HostRoot>, options: Options) -> Self {
        Self { is_single: true, few: Some(Few::of(1)), ..Self::new(host, options) }
    }

    /// The same, which has those sources read from outside that the kernel would refuse here.
    #[must_use]
    pub fn reading_from(mut self, outside: Option<Arc<Outside>>) -> Self {
        self.outside = outside;
        self
    }

    /// The host's present moment.
    pub fn stamp(&self) -> Stamp {
        let boot = boot_id(&Reader::new(&self.host));
        // When blind we lean towards "still the same boot"; see BootId::unknown.
        let boot = boot.value().cloned().unwrap_or_else(BootId::unknown);
        Stamp::new(boot, self.host.clocks())
    }

    /// The counters that the last pass read, to be looked at again.
    pub fn lookout(&self) -> Lookout {
        self.memory.counters().lookout(&self.host, sources::edac::MC)
    }

    #[cfg(test)]
    pub(crate) fn counters(&self) -> &crate::kept::Counters {
        self.memory.counters()
    }

    /// One pass over all sources that are not switched off.
    pub fn snapshot(&mut self) -> Snapshot {
        let at = self.stamp();
        self.memory.next_pass();

        // What takes longest comes first: the others are read meanwhile.
        let packages = self.ask(SourceId::Packages, &at, sources::packages::read);
        let processes = self.ask(SourceId::Processes, &at, sources::processes::read);
        let memory_failure = self.ask(SourceId::MemoryFailure, &at, sources::memory_failure::read);
        let uptime = self.ask(SourceId::Uptime, &at, sources::uptime::read);
        let kernel = self.ask(SourceId::Kernel, &at, sources::kernel::read);
        let kernel_health = self.ask(SourceId::KernelHealth, &at, sources::kernel_health::read);
        let cpu_vulnerabilities =
            self.ask(SourceId::CpuVulnerabilities, &at, sources::cpu_vulnerabilities::read);
        let kexec = self.ask(SourceId::Kexec, &at, sources::kexec::read);
        let lockdown = self.ask(SourceId::Lockdown, &at, sources::lockdown::read);
        let livepatch = self.ask(SourceId::Livepatch, &at, sources::livepatch::read);
        let reboot_markers = self.ask(SourceId::RebootMarkers, &at, sources::reboot_markers::read);
        let machine_check = self.ask(SourceId::MachineCheck, &at, sources::machine_check::read);
        let platform = self.ask(SourceId::Platform, &at, sources::platform::read);
        let kernel_log = self.ask(SourceId::KernelLog, &at, sources::kernel_log::read);
        let scrub = self.ask(SourceId::Scrub, &at, sources::scrub::read);
        let previous_boot = self.ask(SourceId::PreviousBoot, &at, sources::previous_boot::read);
        let smbios = self.ask(SourceId::Smbios, &at, sources::smbios::read);
        let dimm_labels = self.ask(SourceId::DimmLabels, &at, sources::dimm_labels::read);
        let boot_images = self.ask(SourceId::BootImages, &at, sources::boot_images::read);
        let cve_lists = self.ask(SourceId::CveLists, &at, sources::cve_lists::read);
        let microcode = self.ask(SourceId::Microcode, &at, sources::microcode::read);
        let livepatch_modules =
            self.ask(SourceId::LivepatchModules, &at, sources::livepatch_modules::read);

        let livepatch_systems =
            self.ask(SourceId::LivepatchSystems, &at, sources::livepatch_systems::read);
        // Last, as it may be read right here while the others are.
        let edac = self.ask_edac(&at);

        let patience = Patience::new(&self.host, self.options.deadline);
        let mut patience = Patience { few: self.few.as_ref(), ..patience };
        let snapshot = Snapshot {
            at,
            edac: patience.answer(edac),
            memory_failure: patience.answer(memory_failure),
            uptime: patience.answer(uptime),
            kernel: patience.answer(kernel),
            kernel_health: patience.answer(kernel_health),
            cpu_vulnerabilities: patience.answer(cpu_vulnerabilities),
            kexec: patience.answer(kexec),
            lockdown: patience.answer(lockdown),
            livepatch: patience.answer(livepatch),
            reboot_markers: patience.answer(reboot_markers),
            machine_check: patience.answer(machine_check),
            platform: patience.answer(platform),
            kernel_log: patience.answer(kernel_log),
            scrub: patience.answer(scrub),
            previous_boot: patience.answer(previous_boot),
            smbios: patience.answer(smbios),
            dimm_labels: patience.answer(dimm_labels),
            packages: patience.answer(packages),
            boot_images: patience.answer(boot_images),
            cve_lists: patience.answer(cve_lists),
            microcode: patience.answer(microcode),
            livepatch_modules: patience.answer(livepatch_modules),
            livepatch_systems: patience.answer(livepatch_systems),
            processes: patience.answer(processes),
        };
        if !self.is_single {
            self.few = None;
        }
        snapshot
    }

    fn is_reading(&self, id: SourceId) -> bool {
        self.reading.get(&id).is_some_and(|held| held.strong_count() > 0)
    }

    fn ask_edac(&mut self, at: &Stamp) -> Asked<Edac> {
        let id = SourceId::Edac;
        let is_soon_read = !self.options.disabled.contains(&id)
            && !self.is_reading(id)
            && sources::edac::is_soon_read(self.memory.counters(), &at.boot);
        if !is_soon_read {
            return self.ask(id, at, sources::edac::read);
        }
        let memory = Some(&*self.memory);
        Asked::Known(here(id, || section(&self.host, memory, at, sources::edac::read)))
    }

    fn ask<T: Send + 'static>(&mut self, id: SourceId, at: &Stamp, read: Source<T>) -> Asked<T> {
        if self.options.disabled.contains(&id) {
            return Asked::Off;
        }
        if self.is_reading(id) {
            return Asked::Known(unanswered(id, ReadFault::StillRunning, Duration::ZERO));
        }
        let (sender, receiver) = sync_channel(1);
        let (host, at) = (Arc::clone(&self.host), at.clone());
        let memory = (!self.is_single).then(|| Arc::clone(&self.memory));
        let held = Arc::new(());
        let reading = Arc::downgrade(&held);
        let work = move || -> Told {
            let section = section(&host, memory.as_deref(), &at, read);
            // Before the answer: whoever has it may ask again at once.
            drop(held);
            // The pass may have stopped waiting; then nobody wants the answer any more.
            Box::new(move || drop(sender.send(section)))
        };
        // A thread that waits here was bound like this one.
        let outside = self.outside.as_deref().filter(|_| id == SourceId::Processes);
        let started = match (outside, &self.few) {
            (Some(outside), _) => outside.start(id.as_str(), move || work()()),
            (None, Some(few)) => few.start(id.as_str(), Box::new(work)),
            (None, None) => self.workers.start(id.as_str(), Box::new(work)),
        };
        match started {
            Ok(()) => {
                self.reading.insert(id, reading);
                Asked::Started(id, receiver)
            }
            // The system's own reason is always the same one: too many threads.
            Err(_) => Asked::Known(unanswered(id, ReadFault::NoThread, Duration::ZERO)),
        }
    }
}

/// What is read on this thread. Locks that a panic left are taken over wherever they are taken, so that nothing
/// is seen half done.
fn here<T>(id: SourceId, read: impl FnOnce() -> Section<T>) -> Section<T> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| unanswered(id, ReadFault::Panicked, Duration::ZERO))
}

fn section<T>(host: &HostRoot, memory: Option<&Memory>, at: &Stamp, read: Source<T>) -> Section<T> {
    let plain = || Reader::new(host);
    let reader = memory.map_or_else(plain, |memory| Reader::remembering(host, memory));
    let before = host.clocks().monotonic;
    let reading = read(&reader, at);
    let after = host.clocks().monotonic;
    // Where the clocks do not tell, the time taken is not worth a fault.
    let took =
        after.zip(before).map_or(Duration::ZERO, |(after, before)| after.saturating_sub(before));
    Section { reading, report: reader.report(took) }
}

/// All sources are asked at the same moment, so they share one deadline: once it has passed for
/// one, the others have had their time as well.
struct Patience<'h> {
    host: &'h HostRoot,
    left: Duration,
    deadline: Duration,
    /// Threads that are joined by others while nobody answers.
    few: Option<&'h Few>,
}

impl<'h> Patience<'h> {
    fn new(host: &'h HostRoot, deadline: Duration) -> Self {
        Self { host, left: deadline, deadline, few: None }
    }

    fn wait<T>(&mut self, answer: &Receiver<T>) -> Result<T, RecvTimeoutError> {
        while let Some(few) = self.few.filter(|few| few.is_waited_for())
            && self.left > PATIENCE
        {
            match self.wait_for(answer, PATIENCE) {
                Err(RecvTimeoutError::Timeout) => few.another(),
                answer => return answer,
            }
        }
        self.wait_for(answer, self.left)
    }

    fn wait_for<T>(&mut self, answer: &Receiver<T>, most: Duration) -> Result<T, RecvTimeoutError> {
        let before = self.host.own_monotonic();
        let answer = answer.recv_timeout(most);
        let waited = self.host.own_monotonic().zip(before);
        let waited = waited.map_or(Duration::ZERO, |(now, then)| now.saturating_sub(then));
        // Without a clock too the wait comes to its end.
        let timed_out = matches!(answer, Err(RecvTimeoutError::Timeout));
        let waited = if timed_out { waited.max(most) } else { waited };
        self.left = self.left.saturating_sub(waited);
        answer
    }

    fn answer<T>(&mut self, asked: Asked<T>) -> Option<Section<T>> {
        match asked {
            Asked::Off => None,
            Asked::Known(section) => Some(section),
            Asked::Started(id, receiver) => Some(match self.wait(&receiver) {
                Ok(section) => section,
                Err(RecvTimeoutError::Timeout) => {
                    self.left = Duration::ZERO;
                    unanswered(id, ReadFault::Deadline, self.deadline)
                }
                Err(RecvTimeoutError::Disconnected) => {
                    unanswered(id, ReadFault::Panicked, Duration::ZERO)
                }
            }),
        }
    }
}

fn unanswered<T>(id: SourceId, fault: ReadFault, took: Duration) -> Section<T> {
    let reading = Reading::Unreadable(Origin::new(format!("source {}", id.as_str())), fault);
    let faults = reading.non_value().into_iter().collect();
    Section { reading, report: SourceReport { took, attributes: 0, faults } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Tree;
    use scrubjay_model::{Clocks, SourceState};
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::mpsc;

    fn collector() -> Collector {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::from_tree(Tree::new(), Arc::new(move || clocks));
        let options = Options { deadline: Duration::from_secs(10), disabled: BTreeSet::new() };
        Collector::new(Arc::new(host), options)
    }

    /// Holds a read for as long as the test wants.
    static GATE: std::sync::Mutex<Option<mpsc::Receiver<()>>> = std::sync::Mutex::new(None);

    fn hangs(_: &Reader<'_>, _: &Stamp) -> Reading<u32> {
        if let Some(gate) = GATE.lock().unwrap().take() {
            let _ = gate.recv();
        }
        Reading::Value(1)
    }

    #[test]
    fn a_hung_source_is_reported_and_not_asked_again_until_it_returns() {
        let mut collector = collector();
        let at = collector.stamp();
        let (release, gate) = mpsc::channel();
        *GATE.lock().unwrap() = Some(gate);
        let host = Arc::clone(&collector.host);
        let mut patience = Patience::new(&host, Duration::from_millis(50));
        let mut fault = |collector: &mut Collector| {
            let asked = collector.ask(SourceId::Edac, &at, hangs);
            match patience.answer(asked).unwrap().reading {
                Reading::Unreadable(_, fault) => Some(fault),
                Reading::Value(_) | Reading::Absent(_) | Reading::Malformed(..) => None,
            }
        };
        assert_eq!(fault(&mut collector), Some(ReadFault::Deadline));
        assert_eq!(fault(&mut collector), Some(ReadFault::StillRunning));
        // The others still answer.
        let others = collector.snapshot();
        assert_eq!(others.sources()[3].state, SourceState::Absent);
        release.send(()).unwrap();
        while collector.is_reading(SourceId::Edac) {
            std::thread::yield_now();
        }
        patience.left = Duration::from_secs(10);
        let asked = collector.ask(SourceId::Edac, &at, hangs);
        assert_eq!(patience.answer(asked).unwrap().reading, Reading::Value(1));
    }

    fn hangs_for_ever(_: &Reader<'_>, _: &Stamp) -> Reading<u32> {
        loop {
            std::thread::park();
        }
    }

    #[test]
    fn in_a_single_pass_no_source_waits_for_one_that_hangs() {
        let mut collector = Collector { few: Some(Few::of(1)), ..collector() };
        let at = collector.stamp();
        let hung = collector.ask(SourceId::Edac, &at, hangs_for_ever);
        let panics = collector.ask::<u32>(SourceId::Kexec, &at, |_, _| panic!("under test"));
        let sound = collector.ask(SourceId::Uptime, &at, |_, _| Reading::Value(1));
        let patience = Patience::new(&collector.host, Duration::from_secs(1));
        let mut patience = Patience { few: collector.few.as_ref(), ..patience };
        let [hung, panics, sound] =
            [hung, panics, sound].map(|asked| patience.answer(asked).unwrap().reading);
        assert!(matches!(hung, Reading::Unreadable(_, ReadFault::Deadline)), "{hung:?}");
        assert!(matches!(panics, Reading::Unreadable(_, ReadFault::Panicked)), "{panics:?}");
        assert_eq!(sound, Reading::Value(1));
    }

    #[test]
    fn a_single_pass_finds_what_the_first_of_many_finds() {
        let many = collector().snapshot();
        let Collector { host, options, .. } = collector();
        assert_eq!(Collector::once(host, options).snapshot(), many);
    }

    #[test]
    fn a_source_that_has_answered_can_be_asked_again_at_once() {
        let mut collector = collector();
        let at = collector.stamp();
        let host = Arc::clone(&collector.host);
        for pass in 0..2000 {
            let asked = collector.ask(SourceId::Edac, &at, |_, _| Reading::Value(1));
            let section = Patience::new(&host, Duration::from_secs(10)).answer(asked).unwrap();
            assert_eq!(section.reading, Reading::Value(1), "{pass}");
        }
    }

    #[test]
    fn a_panicking_source_is_contained() {
        let mut collector = collector();
        let at = collector.stamp();
        let asked = collector.ask::<u32>(SourceId::Edac, &at, |_, _| panic!("defect under test"));
        let mut patience = Patience::new(&collector.host, Duration::from_secs(10));
        let section = patience.answer(asked).unwrap();
        assert!(matches!(section.reading, Reading::Unreadable(_, ReadFault::Panicked)));
    }

    #[test]
    fn a_source_that_panics_on_the_thread_of_the_pass_is_contained() {
        let section: Section<u32> = here(SourceId::Edac, || panic!("defect under test"));
        assert!(matches!(section.reading, Reading::Unreadable(_, ReadFault::Panicked)));
    }

    #[test]
    fn sources_that_answer_late_use_up_the_deadline_of_all() {
        // Every look at the clock finds that 400 s have passed.
        let looks = AtomicU64::new(0);
        let clocks = move || Clocks {
            realtime_ms: 0,
            boottime: None,
            monotonic: Some(Duration::from_secs(looks.fetch_add(400, Ordering::Relaxed))),
        };
        let host = Arc::new(HostRoot::from_tree(Tree::new(), Arc::new(clocks)));
        let mut patience = Patience::new(&host, Duration::from_secs(1000));
        for left in [600, 200, 0, 0] {
            let (sender, receiver) = sync_channel(1);
            sender
                .send(unanswered::<u32>(SourceId::Edac, ReadFault::Denied, Duration::ZERO))
                .unwrap();
            let section = patience.answer(Asked::Started(SourceId::Edac, receiver)).unwrap();
            assert!(matches!(section.reading, Reading::Unreadable(_, ReadFault::Denied)));
            assert_eq!(patience.left, Duration::from_secs(left));
        }
    }

    #[test]
    fn without_a_clock_a_wait_for_one_of_few_threads_comes_to_its_end() {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = Arc::new(HostRoot::from_tree(Tree::new(), Arc::new(move || clocks)));
        let few = Few::of(1);
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        // Whatever threads come, each of them hangs, and another errand waits.
        for _ in 0..100 {
            let gate = Arc::clone(&gate);
            let hangs = move || -> Told {
                let _ = gate.lock().map(|gate| gate.recv());
                Box::new(|| {})
            };
            few.start("hangs", Box::new(hangs)).unwrap();
        }
        let patience = Patience::new(&host, PATIENCE * 5);
        let mut patience = Patience { few: Some(&few), ..patience };
        let (_sender, receiver) = sync_channel::<Section<u32>>(1);
        let section = patience.answer(Asked::Started(SourceId::Edac, receiver)).unwrap();
        assert!(matches!(section.reading, Reading::Unreadable(_, ReadFault::Deadline)));
        assert!(few.is_waited_for());
        drop(release);
    }

    #[test]
    fn a_source_switched_off_is_not_asked() {
        let mut collector = collector();
        collector.options.disabled.insert(SourceId::Kexec);
        let snapshot = collector.snapshot();
        assert_eq!(snapshot.kexec, None);
        assert_eq!(snapshot.sources()[6].state, SourceState::Off);
    }

    #[test]
    fn an_empty_root_is_absent_everywhere() {
        for status in collector().snapshot().sources() {
            assert_eq!(status.state, SourceState::Absent, "{:?}", status.source);
        }
    }

    #[test]
    fn documentation_names_every_source_in_order() {
        let documented: Vec<SourceId> = sources::SOURCES.iter().map(|doc| doc.id).collect();
        assert_eq!(documented, SourceId::ALL);
    }
}
