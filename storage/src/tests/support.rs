//! A small host to take snapshots of, and ways to stop an agent.

use crate::History;
use scrubjay_model::{
    BootId, Controller, Counter, Dimm, Edac, Epoch, ErrorCounts, Layout, Origin, Place, Reading,
    Section, Snapshot, SourceReport, Stamp, ZeroedWindow,
};
use std::path::Path;
use std::time::Duration;

/// Wall clock at which every story begins.
pub(super) const START_WALL_MS: i64 = 1_700_000_000_000;

/// Time between passes.
pub(super) const INTERVAL: Duration = Duration::from_secs(60);

/// The n-th boot id.
pub(super) fn boot(n: u32) -> BootId {
    BootId::parse(&format!("{n:08x}-0000-4000-8000-000000000000")).unwrap()
}

/// A host with clocks and memory controllers.
#[derive(Debug, Clone)]
pub(super) struct Host {
    pub(super) boot: BootId,
    pub(super) since_boot: Duration,
    pub(super) slept: Duration,
    pub(super) wall_ms: i64,
    pub(super) controllers: Vec<Mc>,
}

/// A controller with one counter each of total and noinfo, and DIMMs.
#[derive(Debug, Clone)]
pub(super) struct Mc {
    pub(super) index: u32,
    pub(super) name: Option<&'static str>,
    /// By the awake clock; `None` if the kernel does not tell.
    pub(super) zeroed_at: Option<Duration>,
    /// Errors by DIMM: correctable, uncorrectable. `None` if they cannot be read.
    pub(super) dimms: Vec<Option<(u64, u64)>>,
}

impl Host {
    /// A host in its first boot, up for 100 s, with one controller of two DIMMs.
    pub(super) fn new() -> Self {
        Self {
            boot: boot(1),
            since_boot: Duration::from_secs(100),
            slept: Duration::ZERO,
            wall_ms: START_WALL_MS,
            controllers: vec![Mc::new(0, "Skylake Socket#0 IMC#0")],
        }
    }

    pub(super) fn at(&self) -> Stamp {
        Stamp {
            boot: self.boot.clone(),
            since_boot: Some(self.since_boot),
            awake: Some(self.since_boot.saturating_sub(self.slept)),
            wall_ms: self.wall_ms,
        }
    }

    /// Lets time pass on all clocks.
    pub(super) fn pass(&mut self, time: Duration) {
        self.since_boot += time;
        self.wall_ms += i64::try_from(time.as_millis()).unwrap();
    }

    /// Reboots: one minute down, then 20 s up, counters at zero.
    pub(super) fn reboot(&mut self, into: u32) {
        self.wall_ms += 80_000;
        self.boot = boot(into);
        self.since_boot = Duration::from_secs(20);
        self.slept = Duration::ZERO;
        for mc in &mut self.controllers {
            mc.zero(Duration::from_secs(5));
        }
    }

    pub(super) fn dimm(&mut self, mc: usize, dimm: usize) -> &mut (u64, u64) {
        self.controllers[mc].dimms[dimm].as_mut().unwrap()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let at = self.at();
        let controllers = self.controllers.iter().map(|mc| mc.reading(&at)).collect();
        let mut snapshot = empty(at);
        snapshot.edac = Some(answered(Reading::Value(Edac { controllers })));
        snapshot
    }
}

impl Mc {
    pub(super) fn new(index: u32, name: &'static str) -> Self {
        let zeroed_at = Some(Duration::from_secs(5));
        Self { index, name: Some(name), zeroed_at, dimms: vec![Some((0, 0)); 2] }
    }

    /// Zeroes the counters, as a reload of the driver does.
    pub(super) fn zero(&mut self, at_awake: Duration) {
        self.zeroed_at = self.zeroed_at.map(|_| at_awake);
        self.dimms.iter_mut().flatten().for_each(|dimm| *dimm = (0, 0));
    }

    fn reading(&self, at: &Stamp) -> Controller {
        let awake = at.awake.unwrap();
        let zeroed = self.zeroed_at.map(|zeroed| {
            ZeroedWindow::from_age(awake.saturating_sub(zeroed).as_secs(), awake, awake)
        });
        let epoch = Epoch { boot: at.boot.clone(), zeroed };
        let counter = |value| Reading::Value(Counter { value, epoch: epoch.clone() });
        let counts = |counts: Option<(u64, u64)>| match counts {
            Some((ce, ue)) => ErrorCounts { correctable: counter(ce), uncorrectable: counter(ue) },
            None => ErrorCounts { correctable: absent(), uncorrectable: absent() },
        };
        let sum = |class: fn(&(u64, u64)) -> u64| self.dimms.iter().flatten().map(class).sum();
        Controller {
            index: self.index,
            name: self.name.map_or_else(absent, |name| Reading::Value(name.to_owned())),
            size_bytes: absent(),
            seconds_since_reset: absent(),
            scrub_rate: absent(),
            errors: counts(Some((sum(|d| d.0), sum(|d| d.1)))),
            unattributed: counts(Some((0, 0))),
            layout: Layout::Dimm,
            dimms: (0..)
                .zip(&self.dimms)
                .map(|(n, dimm)| Dimm {
                    place: Place::Dimm(n),
                    label: Reading::Value(format!("CPU_SrcID#0_MC#{}_DIMM#{n}", self.index)),
                    location: absent(),
                    size_bytes: absent(),
                    memory_type: absent(),
                    device_type: absent(),
                    edac_mode: absent(),
                    errors: counts(*dimm),
                })
                .collect(),
            csrows: Vec::new(),
            steady: true,
        }
    }
}

/// A snapshot with every source switched off.
pub(super) fn empty(at: Stamp) -> Snapshot {
    Snapshot::of_nothing(at)
}

/// A section read without fault.
pub(super) fn answered<T>(reading: Reading<T>) -> Section<T> {
    let report = SourceReport { took: Duration::ZERO, attributes: 1, faults: Vec::new() };
    Section { reading, report }
}

pub(super) fn absent<T>() -> Reading<T> {
    Reading::Absent(Origin::new("sys/absent"))
}

/// An empty directory, in memory where that can be had: the tests stop processes, not machines,
/// so they need not wait for a disk.
pub(super) fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Opens the history and begins a run.
pub(super) fn start(dir: &Path, at: &Stamp) -> History {
    let mut history = History::open(dir, at).unwrap();
    history.begin_run(at, "1.0.0", INTERVAL).unwrap();
    history
}

/// Appends, and requires that it was written.
pub(super) fn append(history: &mut History, host: &Host) -> scrubjay_model::Accumulated {
    let appended = history.append(&host.snapshot());
    assert!(appended.error.is_none(), "{:?}", appended.error);
    appended.accumulated
}

/// The sum of one class over all DIMMs of one controller.
pub(super) fn correctable(accumulated: &scrubjay_model::Accumulated, index: u32) -> Vec<u64> {
    use scrubjay_model::{ErrorClass, SeriesPlace};
    (0..2)
        .map(|n| {
            let place = SeriesPlace::Dimm(Place::Dimm(n));
            accumulated.total(index, place, ErrorClass::Correctable).unwrap().total
        })
        .collect()
}

/// What a kill leaves behind: the files as they are at this moment, without anything that closing
/// would still do. Returned as a new state directory.
#[expect(clippy::disallowed_methods, reason = "copies the state directory of a test")]
pub(super) fn kill(history: History, dir: &Path) -> tempfile::TempDir {
    let left = directory();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), left.path().join(entry.file_name())).unwrap();
    }
    drop(history);
    left
}
