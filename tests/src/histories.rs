//! Random lives of a host, and the loop that plays them to an agent.
//!
//! ```text
//! proptest! {
//!     #![proptest_config(histories::config(1_000))]
//!     #[test]
//!     fn totals_equal_the_truth(history in histories::any_history()) {
//!         let mut agent = …;                              // implements `Agent`
//!         let kernel = histories::play(&history, &mut agent);
//!         for account in kernel.accounts() {
//!             let (total, restarts) = agent.total(kernel.index_of(account.controller), …);
//!             prop_assert_eq!(account.check(total, restarts), Ok(()));
//!         }
//!     }
//! }
//! ```

use crate::edac_model::{ControllerSpec, Error, ErrorKind, Kernel, UNKNOWN, View};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// What is observing the host. It is running when [`play`] begins.
pub trait Agent {
    /// One pass over the host: read it and remember it for good.
    fn sample(&mut self, tree: &str);
    /// The agent is stopped in order.
    fn stop(&mut self);
    /// The agent is cut off: kill -9, a panic of the host, power loss.
    fn kill(&mut self);
    /// The agent is started, on the history it has.
    fn start(&mut self);
}

/// A machine and what happens to it.
#[derive(Debug, Clone)]
pub struct History {
    /// The machine.
    pub machine: Machine,
    /// What happens, in this order.
    pub events: Vec<Event>,
}

/// The machines histories happen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machine {
    /// Two Intel controllers with different names, one slot empty, both views shown.
    Intel,
    /// The same without the legacy view.
    IntelWithoutCsrows,
    /// Two AMD controllers of the same name, by rank. They are never renumbered.
    Amd,
    /// One controller with a single DIMM, so that a lack of information still names a row.
    SingleDimm,
    /// Firmware-first: ghes_edac.
    Ghes,
    /// Two Intel controllers under a kernel before 5.7, where parts do not make the total.
    IntelBefore57,
    /// A kernel that shows rows and channels only.
    OldKernel,
}

/// One thing that happens. Numbers name things by position and are taken modulo what there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Time passes.
    Wait {
        /// Milliseconds.
        ms: u32,
    },
    /// A driver reports errors.
    Errors {
        /// Which controller.
        controller: usize,
        /// What kind.
        kind: ErrorKind,
        /// Where.
        place: Spot,
        /// Errors in the report.
        count: u16,
    },
    /// A driver reports so many errors that counters come near to wrapping, or wrap.
    Storm {
        /// Which controller.
        controller: usize,
        /// Where.
        place: Spot,
        /// Reports, each of 65535 corrected errors.
        reports: u32,
    },
    /// Somebody resets a controller's counters.
    Reset {
        /// Which controller.
        controller: usize,
    },
    /// The driver is unloaded.
    UnloadDriver,
    /// The driver is loaded.
    LoadDriver {
        /// By how many places the controllers rotate, where their names differ.
        rotate: usize,
    },
    /// The host reboots.
    Reboot {
        /// In order, or by panic or power loss.
        clean: bool,
        /// Milliseconds during which it is down.
        down_ms: u32,
        /// As for [`Event::LoadDriver`].
        rotate: usize,
    },
    /// The host sleeps.
    Suspend {
        /// Milliseconds.
        ms: u32,
    },
    /// The wall clock is set.
    StepClock {
        /// Milliseconds, negative is back.
        by_ms: i64,
    },
    /// Somebody writes a label.
    WriteLabel {
        /// Which controller.
        controller: usize,
        /// Which of its populated slots.
        slot: usize,
        /// The label; an empty one stands for a driver that has none.
        label: String,
    },
    /// The agent, if it runs, takes a sample.
    Sample,
    /// The agent is killed and started again at once.
    AgentCrash,
    /// The agent is stopped in order.
    AgentStop,
    /// The agent is started.
    AgentStart,
}

/// A place for an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spot {
    /// A populated slot, by position.
    Slot(usize),
    /// Only the outermost layer of such a slot's location is known. Where there is but one layer,
    /// none is.
    Half(usize),
    /// Nothing is known.
    Unknown,
}

impl Machine {
    /// The machine just booted.
    pub fn boot(self) -> Kernel {
        let (controllers, view) = match self {
            Self::Intel => (intel(), View::DimmsAndCsrows),
            Self::IntelWithoutCsrows => (intel(), View::Dimms),
            Self::IntelBefore57 => (intel(), View::DimmsAndCsrowsBefore57),
            Self::Amd => (vec![ControllerSpec::amd("F19h", 2, 2); 2], View::DimmsAndCsrows),
            Self::SingleDimm => {
                (vec![ControllerSpec::skx(0, 0, 2, 1).without_dimm(1)], View::DimmsAndCsrows)
            }
            Self::Ghes => (vec![ControllerSpec::ghes(4)], View::DimmsAndCsrows),
            Self::OldKernel => (vec![ControllerSpec::amd("K8", 3, 2); 2], View::Csrows),
        };
        Kernel::boot(controllers, view)
    }
}

fn intel() -> Vec<ControllerSpec> {
    let second = ControllerSpec::skx(0, 1, 2, 2).without_dimm(3);
    vec![ControllerSpec::skx(0, 0, 2, 2).scrubbing(0), second]
}

/// Plays a history to an agent. At its end the driver is loaded, the agent runs and has taken a
/// last sample.
pub fn play(history: &History, agent: &mut impl Agent) -> Kernel {
    let mut host = Host { kernel: history.machine.boot(), running: true };
    for event in &history.events {
        host.happen(event, agent);
    }
    host.kernel.load_driver();
    host.happen(&Event::AgentStart, agent);
    host.happen(&Event::Wait { ms: 1_000 }, agent);
    host.happen(&Event::Sample, agent);
    host.kernel
}

/// The settings for a property over histories. The seed comes from `PROPTEST_RNG_SEED`, or else
/// is drawn and printed, so that a failure can be repeated.
pub fn config(cases: u32) -> ProptestConfig {
    let mut config = ProptestConfig { cases, failure_persistence: None, ..Default::default() };
    if config.rng_seed == RngSeed::Random {
        let drawn = std::hash::RandomState::new().build_hasher().finish();
        config.rng_seed = RngSeed::Fixed(drawn);
    }
    println!("to repeat these {cases} histories: PROPTEST_RNG_SEED={}", config.rng_seed);
    config
}

/// Any history: mostly errors, waiting and samples, with a mishap now and then.
pub fn any_history() -> impl Strategy<Value = History> {
    let machines = proptest::sample::select(vec![
        Machine::Intel,
        Machine::IntelWithoutCsrows,
        Machine::Amd,
        Machine::SingleDimm,
        Machine::Ghes,
        Machine::IntelBefore57,
        Machine::OldKernel,
    ]);
    let events = proptest::collection::vec(event(), 1..60);
    (machines, events).prop_map(|(machine, events)| History { machine, events })
}

fn event() -> impl Strategy<Value = Event> {
    let controller = || 0_usize..4;
    let rotate = || prop_oneof![2 => Just(0_usize), 1 => Just(1)];
    prop_oneof![
        // The agent's interval and its neighbourhood, and moments that follow each other closely.
        8 => prop_oneof![4 => 10_000..90_000_u32, 1 => 0..3_000_u32, 1 => 0..86_400_000_u32]
            .prop_map(|ms| Event::Wait { ms }),
        10 => (controller(), kind(), spot(), count()).prop_map(|(controller, kind, place, count)| {
            Event::Errors { controller, kind, place, count }
        }),
        1 => (controller(), spot(), 10_000..66_000_u32)
            .prop_map(|(controller, place, reports)| Event::Storm { controller, place, reports }),
        2 => controller().prop_map(|controller| Event::Reset { controller }),
        1 => Just(Event::UnloadDriver),
        2 => rotate().prop_map(|rotate| Event::LoadDriver { rotate }),
        2 => (any::<bool>(), 20_000..600_000_u32, rotate()).prop_map(|(clean, down_ms, rotate)| {
            Event::Reboot { clean, down_ms, rotate }
        }),
        1 => (1_000..40_000_000_u32).prop_map(|ms| Event::Suspend { ms }),
        1 => (-90_000_000..90_000_000_i64).prop_map(|by_ms| Event::StepClock { by_ms }),
        1 => (controller(), 0_usize..8, "[A-Z0-9_#]{0,31}").prop_map(|(controller, slot, label)| {
            Event::WriteLabel { controller, slot, label }
        }),
        12 => Just(Event::Sample),
        1 => Just(Event::AgentCrash),
        1 => Just(Event::AgentStop),
        2 => Just(Event::AgentStart),
    ]
}

fn kind() -> impl Strategy<Value = ErrorKind> {
    prop_oneof![
        8 => Just(ErrorKind::Corrected),
        2 => Just(ErrorKind::Uncorrected),
        1 => Just(ErrorKind::Deferred),
        1 => Just(ErrorKind::Fatal),
        1 => Just(ErrorKind::Info),
    ]
}

fn spot() -> impl Strategy<Value = Spot> {
    prop_oneof![
        6 => (0_usize..8).prop_map(Spot::Slot),
        1 => (0_usize..8).prop_map(Spot::Half),
        2 => Just(Spot::Unknown),
    ]
}

/// Most reports stand for one error; firmware may report none, and a counter in the machine may
/// be full.
fn count() -> impl Strategy<Value = u16> {
    prop_oneof![6 => Just(1_u16), 4 => 1..200_u16, 1 => Just(0), 1 => Just(0x7fff), 1 => any::<u16>()]
}

struct Host {
    kernel: Kernel,
    running: bool,
}

impl Host {
    fn happen(&mut self, event: &Event, agent: &mut impl Agent) {
        let controllers = self.kernel.controller_count();
        match event {
            Event::Wait { ms } => self.kernel.wait(milliseconds(*ms)),
            Event::Errors { controller, kind, place, count } => {
                let (kind, count) = (*kind, *count);
                self.report(
                    controller % controllers,
                    *place,
                    Error { kind, at: UNKNOWN, count },
                    1,
                );
            }
            Event::Storm { controller, place, reports } => {
                let error = Error { kind: ErrorKind::Corrected, at: UNKNOWN, count: u16::MAX };
                self.report(controller % controllers, *place, error, *reports);
            }
            Event::Reset { controller } => self.kernel.reset_counters(controller % controllers),
            Event::UnloadDriver => self.kernel.unload_driver(),
            Event::LoadDriver { rotate } => {
                let order = self.rotated(*rotate);
                self.kernel.load_driver_in_order(&order);
            }
            Event::Reboot { clean, down_ms, rotate } => {
                if self.running && *clean {
                    agent.stop();
                } else if self.running {
                    agent.kill();
                }
                let order = self.rotated(*rotate);
                self.kernel.reboot_in_order(milliseconds(*down_ms), &order);
                agent.start();
                self.running = true;
            }
            Event::Suspend { ms } => self.kernel.suspend(milliseconds(*ms)),
            Event::StepClock { by_ms } => self.kernel.step_wall_clock(*by_ms),
            Event::WriteLabel { controller, slot, label } => {
                let controller = controller % controllers;
                let slot = self.slot(controller, *slot);
                if label.is_empty() {
                    self.kernel.blank_label(controller, slot);
                } else {
                    self.kernel.write_label(controller, slot, label);
                }
            }
            Event::Sample => {
                if self.running {
                    agent.sample(&self.kernel.tree());
                    self.kernel.sampled();
                }
            }
            Event::AgentCrash => {
                if self.running {
                    agent.kill();
                    agent.start();
                }
            }
            Event::AgentStop => {
                if std::mem::replace(&mut self.running, false) {
                    agent.stop();
                }
            }
            Event::AgentStart => {
                if !std::mem::replace(&mut self.running, true) {
                    agent.start();
                }
            }
        }
    }

    fn report(&mut self, controller: usize, place: Spot, error: Error, times: u32) {
        let at = match place {
            Spot::Slot(n) => self.kernel.location(controller, self.slot(controller, n)),
            Spot::Half(n) if self.kernel.spec(controller).layers.len() > 1 => {
                let [outermost, ..] = self.kernel.location(controller, self.slot(controller, n));
                [outermost, -1, -1]
            }
            Spot::Half(_) | Spot::Unknown => UNKNOWN,
        };
        self.kernel.report_times(controller, Error { at, ..error }, times);
    }

    /// The `n`th populated slot.
    fn slot(&self, controller: usize, n: usize) -> usize {
        let populated: Vec<usize> = self.kernel.spec(controller).populated().collect();
        populated[n % populated.len()]
    }

    /// The order of the controllers, rotated where that can be followed.
    fn rotated(&self, by: usize) -> Vec<usize> {
        let count = self.kernel.controller_count();
        let mut order: Vec<usize> = (0..count).collect();
        let mut names: Vec<&str> = order.iter().map(|c| &*self.kernel.spec(*c).name).collect();
        names.sort_unstable();
        names.dedup();
        if names.len() == count {
            order.rotate_left(by % count);
        }
        order
    }
}

fn milliseconds(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}
