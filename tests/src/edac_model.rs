//! An exact model of the kernel's EDAC counters (drivers/edac/edac_mc.c, edac_mc_sysfs.c, Linux
//! 5.7 and later; [`View`] has two older ones).
//!
//! [`Kernel`] counts as the kernel does, shows itself as a host tree, and keeps the truth beside
//! the counters: how many errors each place has had over all lives of its counter. Told when an
//! agent took its samples, it also says what that agent can know ([`Kernel::accounts`]). Errors
//! while no driver is loaded are in no counter and therefore in no truth.
//!
//! What no reader of these files can see, whoever it is:
//! * errors after the last sample of a life (reset, driver reload, reboot) — the restart shows;
//! * a whole life between two samples — as above, one restart for any number of lives;
//! * a multiple of 2³² between two samples — nothing shows;
//! * a zeroing within [`ZEROINGS_TOLD_APART`] of the one before, unless the value is lower;
//! * that controllers of the same name have changed places ([`Kernel::numbering_is_traceable`]).

mod account;
mod clock;
mod controller;
mod hardware;
mod log;
mod render;
mod tally;

pub use account::Account;
pub use clock::Clock;
pub use controller::{Error, ErrorKind, UNKNOWN, View};
pub use hardware::{ControllerSpec, Layer, LayerKind, Reports, Slot};
pub use tally::{Claim, ZEROINGS_TOLD_APART};

use controller::Controller;
use log::Log;
use scrubjay_model::{ErrorClass, Place, SeriesPlace};
use std::time::Duration;
use tally::{Life, Tally};

/// Longest label (`EDAC_MC_LABEL_LEN`).
pub const LABEL_LENGTH: usize = 31;

/// From power-on until the EDAC driver registers its controllers.
const DRIVER_LOADS_AFTER: Duration = Duration::from_millis(3_217);

/// Between the registrations of two controllers.
const REGISTRATION_TAKES: Duration = Duration::from_micros(640);

/// A host with an EDAC driver.
#[derive(Debug, Clone)]
pub struct Kernel {
    clock: Clock,
    release: String,
    version: String,
    view: View,
    boots: u64,
    lives: u64,
    /// By place in the machine.
    controllers: Vec<Controller>,
    /// Places in the order of their EDAC index.
    order: Vec<usize>,
    loaded: bool,
    /// The order at the first sample that showed controllers.
    first_order: Option<Vec<usize>>,
    traceable: bool,
    log: Log,
}

impl Kernel {
    /// A host that booted just now and has loaded its driver.
    pub fn boot(machine: Vec<ControllerSpec>, view: View) -> Self {
        // 2026-03-01 04:00:00 UTC, for no reason.
        let clock = Clock::booted_at(1_772_337_600_000);
        let life = Life { serial: 0, boot: 1, zeroed: Duration::ZERO };
        let mut kernel = Self {
            clock,
            release: "6.1.0-40-amd64".to_owned(),
            version: "#1 SMP PREEMPT_DYNAMIC Debian 6.1.153-1 (2025-09-20)".to_owned(),
            view,
            boots: 1,
            lives: 0,
            order: (0..machine.len()).collect(),
            controllers: machine.into_iter().map(|spec| Controller::new(spec, life)).collect(),
            loaded: false,
            first_order: None,
            traceable: true,
            log: Log::default(),
        };
        kernel.wait(DRIVER_LOADS_AFTER);
        kernel.load_driver();
        kernel
    }

    /// Time passes.
    pub fn wait(&mut self, time: Duration) {
        self.clock.pass(time);
    }

    /// The host sleeps.
    pub fn suspend(&mut self, time: Duration) {
        self.clock.sleep(time);
    }

    /// Somebody sets the wall clock, forward or back.
    pub fn step_wall_clock(&mut self, by_ms: i64) {
        self.clock.step(by_ms);
    }

    /// The driver of a controller reports an error.
    pub fn report(&mut self, controller: usize, error: Error) {
        self.report_times(controller, error, 1);
    }

    /// The driver of a controller reports the same error many times within no time.
    pub fn report_times(&mut self, controller: usize, error: Error, times: u32) {
        if self.loaded {
            self.controllers[controller].handle(error, times, self.view);
        }
    }

    /// Corrected errors at the slot with that index.
    pub fn corrected(&mut self, controller: usize, slot: usize, count: u16) {
        let at = self.location(controller, slot);
        self.report(controller, Error { kind: ErrorKind::Corrected, at, count });
    }

    /// Uncorrected errors at the slot with that index.
    pub fn uncorrected(&mut self, controller: usize, slot: usize, count: u16) {
        let at = self.location(controller, slot);
        self.report(controller, Error { kind: ErrorKind::Uncorrected, at, count });
    }

    /// The location of a slot, as a driver reports it.
    pub fn location(&self, controller: usize, slot: usize) -> [i32; 3] {
        let spec = &self.controllers[controller].spec;
        if self.view == View::Csrows {
            let (row, channel) = spec.legacy_place(slot);
            let small = |n: usize| i32::try_from(n).expect("a controller is small");
            return [small(row), small(channel), -1];
        }
        let mut at = UNKNOWN;
        for (to, position) in at.iter_mut().zip(spec.location(slot)) {
            *to = i32::try_from(position).expect("a controller is small");
        }
        at
    }

    /// Somebody writes to `reset_counters` of a controller.
    pub fn reset_counters(&mut self, controller: usize) {
        if self.loaded {
            let life = self.next_life();
            self.controllers[controller].zero(self.clock.jiffies(), life);
        }
    }

    /// Somebody writes a label, as `echo` does. Returns whether the kernel took it: it refuses
    /// empty ones and those of more than [`LABEL_LENGTH`] bytes.
    pub fn write_label(&mut self, controller: usize, slot: usize, label: &str) -> bool {
        let accepted = self.loaded && !label.is_empty() && label.len() <= LABEL_LENGTH;
        if accepted {
            self.controllers[controller].labels[slot] = label.to_owned();
        }
        accepted
    }

    /// The driver has no name for a slot after all. No write can do this.
    pub fn blank_label(&mut self, controller: usize, slot: usize) {
        self.controllers[controller].labels[slot].clear();
    }

    /// `rmmod`: the directories vanish, and the counters with them.
    pub fn unload_driver(&mut self) {
        self.loaded = false;
    }

    /// `modprobe`: the controllers come back in the order they had, with zeroed counters.
    pub fn load_driver(&mut self) {
        self.load_driver_in_order(&self.order.clone());
    }

    /// `modprobe`, with `mc0` for the first controller of `order`, `mc1` for the second …
    ///
    /// # Panics
    /// If `order` does not name every controller once.
    pub fn load_driver_in_order(&mut self, order: &[usize]) {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..self.controllers.len()), "not an order: {order:?}");
        if self.loaded {
            return;
        }
        self.order = order.to_vec();
        for (index, controller) in order.iter().enumerate() {
            self.wait(REGISTRATION_TAKES);
            let life = self.next_life();
            self.controllers[*controller].register(index, self.clock.jiffies(), life);
        }
        self.loaded = true;
    }

    /// The host is down for a while and boots; its driver registers the controllers in the order
    /// they had.
    pub fn reboot(&mut self, down: Duration) {
        self.reboot_in_order(down, &self.order.clone());
    }

    /// [`Self::reboot`] with another order of the controllers.
    pub fn reboot_in_order(&mut self, down: Duration, order: &[usize]) {
        self.clock.sleep(down);
        self.clock = Clock::booted_at(self.clock.realtime_ms());
        self.boots += 1;
        self.loaded = false;
        self.log = Log::default();
        self.wait(DRIVER_LOADS_AFTER);
        self.load_driver_in_order(order);
    }

    /// The kernel writes to its log.
    pub fn log(&mut self, text: &str) {
        self.log.write(self.clock.monotonic(), text);
    }

    /// The log rolls over: all that was written is overwritten.
    pub fn roll_log_over(&mut self) {
        self.log.roll_over();
    }

    /// The next boot will be into this kernel; also changes what the running one calls itself, so
    /// follow it by a reboot.
    pub fn install_kernel(&mut self, release: &str, version: &str) {
        self.release = release.to_owned();
        self.version = version.to_owned();
    }

    /// An agent has just taken a sample of [`Self::tree`] and will remember it, come what may.
    pub fn sampled(&mut self) {
        if !self.loaded {
            return;
        }
        self.controllers.iter_mut().for_each(Controller::sample);
        let first = self.first_order.get_or_insert_with(|| self.order.clone());
        let name = |controller: &usize| &self.controllers[*controller].spec.name;
        let has_twin = |controller: &usize| {
            self.order.iter().filter(|other| name(other) == name(controller)).count() > 1
        };
        if first.iter().zip(&self.order).any(|(then, now)| then != now && has_twin(now)) {
            self.traceable = false;
        }
    }

    /// Whether samples taken so far allow to follow each controller: false once controllers of
    /// the same name were seen to have changed places. The accounts are then about the hardware,
    /// which nobody can know.
    pub fn numbering_is_traceable(&self) -> bool {
        self.traceable
    }

    /// The clocks.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many controllers the machine has.
    pub fn controller_count(&self) -> usize {
        self.controllers.len()
    }

    /// What a controller is made of.
    pub fn spec(&self, controller: usize) -> &ControllerSpec {
        &self.controllers[controller].spec
    }

    /// Whether the driver is loaded.
    pub fn is_driver_loaded(&self) -> bool {
        self.loaded
    }

    /// `N` of the controller's `mcN`; `None` while no driver is loaded.
    pub fn index_of(&self, controller: usize) -> Option<u32> {
        let index = self.order.iter().position(|other| *other == controller)?;
        self.loaded.then(|| u32::try_from(index).expect("a machine is small"))
    }

    /// The number the kernel shows for a counter, or would if its place is shown.
    pub fn shown(&self, controller: usize, place: SeriesPlace, class: ErrorClass) -> Option<u64> {
        Some(self.tally(controller, place, class)?.value())
    }

    /// The truth about every counter an agent can know of and has sampled.
    pub fn accounts(&self) -> Vec<Account> {
        let mut accounts = Vec::new();
        for controller in 0..self.controllers.len() {
            for (place, class) in self.series(controller) {
                let tally = self.tally(controller, place, class);
                let Some(known) = tally.and_then(Tally::knowledge) else { continue };
                accounts.push(Account {
                    controller,
                    place,
                    class,
                    truth: known.truth,
                    claim: known.claim,
                    restarts: known.restarts.clone(),
                    silent_loss: known.silent_loss,
                });
            }
        }
        accounts
    }

    /// The counters of a controller that together are every error once, and its totals.
    pub fn series(&self, controller: usize) -> Vec<(SeriesPlace, ErrorClass)> {
        let spec = &self.controllers[controller].spec;
        let small = |n: usize| u32::try_from(n).expect("a controller is small");
        let mut series: Vec<(SeriesPlace, ErrorClass)> = Vec::new();
        let mut both = |place| series.extend(ErrorClass::ALL.map(|class| (place, class)));
        both(SeriesPlace::Total);
        both(SeriesPlace::Unattributed);
        if self.view != View::Csrows {
            let place = if spec.is_csbased() { Place::Rank } else { Place::Dimm };
            spec.populated().for_each(|slot| both(SeriesPlace::Dimm(place(small(slot)))));
            return series;
        }
        let mut rows: Vec<u32> = Vec::new();
        for slot in spec.populated() {
            let (row, channel) = spec.legacy_place(slot);
            let place = Place::Channel { csrow: small(row), channel: small(channel) };
            series.push((SeriesPlace::Dimm(place), ErrorClass::Correctable));
            rows.push(small(row));
        }
        rows.sort_unstable();
        rows.dedup();
        let row = |row| (SeriesPlace::Dimm(Place::Csrow(row)), ErrorClass::Uncorrectable);
        series.extend(rows.into_iter().map(row));
        series
    }

    fn tally(&self, controller: usize, place: SeriesPlace, class: ErrorClass) -> Option<&Tally> {
        let controller = self.controllers.get(controller)?;
        let at = |n: u32| usize::try_from(n).ok();
        match place {
            SeriesPlace::Total => Some(controller.total.get(class)),
            SeriesPlace::Unattributed => Some(controller.noinfo.get(class)),
            SeriesPlace::Dimm(Place::Dimm(n) | Place::Rank(n)) => {
                Some(controller.dimms.get(at(n)?)?.get(class))
            }
            SeriesPlace::Dimm(Place::Csrow(n)) => Some(controller.csrows.get(at(n)?)?.get(class)),
            SeriesPlace::Dimm(Place::Channel { csrow, channel }) => match class {
                ErrorClass::Correctable => controller.channels.get(at(csrow)?)?.get(at(channel)?),
                ErrorClass::Uncorrectable => None,
            },
        }
    }

    fn next_life(&mut self) -> Life {
        self.lives += 1;
        Life { serial: self.lives, boot: self.boots, zeroed: self.clock.monotonic() }
    }
}
