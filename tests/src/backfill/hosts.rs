//! The hosts of a fleet: which node of the simulation, which persona, until when they report.

use super::personas::Persona;
use super::{Plan, node};
use scrubjay_alerts::simulation::Fleet as Simulation;
use scrubjay_alerts::simulation::{FleetSettings, Resolution, SimulatedNode};
use scrubjay_collector::{Node, Tree};
use scrubjay_model::Sightings;
use std::collections::BTreeMap;

/// In so many hosts there is one of each persona; the others are sound.
const CYCLE: u32 = 40;

/// Nodes that are looked through for those whose memory ails as wanted.
const POOL: u32 = 4_000;

/// So many of each are looked for; hosts share them.
const WANTED: usize = 8;

/// When and how a host stops reporting, seconds since the beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// It is asked on, and does not answer.
    Unreachable(i64),
    /// It is not asked any more.
    Gone(i64),
}

impl Stop {
    /// When.
    pub fn since(self) -> i64 {
        match self {
            Self::Unreachable(at) | Self::Gone(at) => at,
        }
    }

    /// How, in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Gone(_) => "gone",
        }
    }
}

/// A fleet that can be made host by host.
#[derive(Debug)]
pub struct Fleet {
    plan: Plan,
    sound: Simulation,
    ailing: Simulation,
    erring: Vec<u32>,
    failed: Vec<u32>,
}

/// One host.
#[derive(Debug)]
pub struct Host {
    /// Its number.
    pub index: u32,
    /// What it is there for.
    pub persona: Persona,
    /// When it stops reporting, if it does.
    pub stop: Option<Stop>,
    /// From when on passes hang.
    pub hangs_since: Option<i64>,
    pub(super) node: SimulatedNode,
    base_boot: i64,
    begin_unix_s: i64,
    end_unix_s: i64,
    seed: u64,
}

impl Fleet {
    /// The fleet of a plan.
    ///
    /// # Panics
    /// If the plan makes no sense.
    pub fn new(plan: &Plan) -> Self {
        let mut settings = FleetSettings {
            nodes: plan.hosts.max(1),
            dimms_per_node: 8,
            days: plan.days,
            ..FleetSettings::with_seed(plan.seed)
        };
        settings.observers.resolution = Resolution::Events;
        settings.observers.firmware_first = 0.0;
        // Nobody has repaired anything yet: that is what is to be found.
        settings.repair.hours = 24.0 * 365.0;
        let sound = Simulation::new(settings.clone()).expect("settings make sense");
        settings.nodes = POOL;
        settings.seed ^= 0x5eed;
        // Several times as likely to fail as in the field, and without taking the host down.
        settings.escalation.share = 0.19;
        settings.escalation.crash_share = 0.0;
        settings.observers.counters_only = 0.0;
        let ailing = Simulation::new(settings).expect("settings make sense");
        let mut fleet =
            Self { plan: plan.clone(), sound, ailing, erring: Vec::new(), failed: Vec::new() };
        fleet.look_for_ailing();
        fleet
    }

    fn look_for_ailing(&mut self) {
        let end = i64::from(self.plan.days) * 86_400;
        for index in 0..POOL {
            if self.erring.len() >= WANTED && self.failed.len() >= WANTED {
                break;
            }
            let node = self.ailing.node(index);
            let mut truths = node.dimms.iter().map(|dimm| &dimm.truth);
            let failed = truths.clone().flat_map(|truth| &truth.uncorrected);
            let moments: Vec<i64> = failed.map(|error| error.at).collect();
            let errs = truths.any(|truth| {
                let faults = truth.faults.iter();
                faults.clone().any(|fault| {
                    fault.permanent
                        && fault.until.is_none()
                        && (100..50_000).contains(&fault.errors)
                })
            });
            // Counters show it if no boot came after.
            let shown = moments.iter().any(|at| {
                (end / 4..end).contains(at) && node.boots.iter().all(|boot| boot.down < *at)
            });
            if shown && self.failed.len() < WANTED {
                self.failed.push(index);
            } else if moments.is_empty() && errs && self.erring.len() < WANTED {
                self.erring.push(index);
            }
        }
        assert!(
            !self.erring.is_empty() && !self.failed.is_empty(),
            "no node of {POOL} ails as wanted: take more days or another seed"
        );
    }

    /// A host.
    pub fn host(&self, index: u32) -> Host {
        let kinds = Persona::ALL.len();
        let place = usize::try_from(index % CYCLE).expect("small");
        // Sound ones first come up again behind the last persona.
        let persona = if place < kinds { Persona::ALL[place] } else { Persona::Sound };
        let round = usize::try_from(index / CYCLE).expect("small");
        let node = match persona {
            Persona::Failed => self.ailing.node(self.failed[round % self.failed.len()]),
            Persona::Erring => self.ailing.node(self.erring[round % self.erring.len()]),
            _ => self.sound.node(index),
        };
        let end = i64::from(self.plan.days) * 86_400;
        let mut draw = Draw::new(self.plan.seed, index);
        // It has been up for some days or weeks.
        let base_boot = -i64::try_from(draw.below(90 * 86_400) + 86_400).expect("small");
        // Those with a trouble go on: tests look for it.
        let stops = persona == Persona::Sound && place >= kinds;
        let share = self.plan.stopping * f64::from(CYCLE) / f64::from(CYCLE - 13);
        let stop = (stops && draw.unit() < share).then(|| {
            let span = u64::try_from(i64::from(self.plan.minutes) * 60 / 2).expect("positive");
            let at = end - i64::try_from(draw.below(span.max(1)) + 600).expect("small");
            if draw.below(2) == 0 { Stop::Unreachable(at) } else { Stop::Gone(at) }
        });
        // A fleet that has hosts to spare has one of each.
        let first = u32::try_from(kinds).expect("small");
        let stop = match index {
            _ if self.plan.stopping == 0.0 => None,
            _ if index == first => Some(Stop::Unreachable(end - 1_500)),
            _ if index == first + 1 => Some(Stop::Gone(end - 1_500)),
            _ => stop,
        };
        Host {
            index,
            persona,
            stop,
            hangs_since: (persona == Persona::Hung).then_some(end - 1_800),
            node,
            base_boot,
            begin_unix_s: self.plan.begin_unix_s(),
            end_unix_s: self.plan.end_unix_s,
            seed: self.plan.seed,
        }
    }
}

impl Host {
    /// Its name to Prometheus.
    pub fn instance(&self) -> String {
        format!("node-{:04}:10072", self.index)
    }

    /// The labels of the target.
    pub fn labels(&self, job: &str) -> String {
        format!(
            "instance=\"{}\",job=\"{job}\",rack=\"{}\",region=\"{}\"",
            self.instance(),
            self.rack(),
            self.region()
        )
    }

    /// The rack it is in: twenty hosts in each.
    pub fn rack(&self) -> String {
        format!("r{:02}", self.index / 20)
    }

    /// The region it is in.
    pub fn region(&self) -> &'static str {
        ["north", "south"][usize::from(self.index % 2 == 1)]
    }

    /// Since when it is up; nothing while it is down.
    pub fn booted(&self, at: i64) -> Option<i64> {
        let boots = &self.node.boots;
        let is_down = boots.iter().any(|boot| (boot.down..boot.up).contains(&at));
        let up = boots.iter().map(|boot| boot.up).filter(|up| *up <= at).max();
        (!is_down).then_some(up.unwrap_or(self.base_boot))
    }

    /// Whether the boot before the one that began then was shut down in order.
    pub(super) fn was_shut_down(&self, booted: i64) -> bool {
        self.node.boots.iter().any(|boot| boot.up == booted && boot.why.is_clean())
    }

    /// What the kernel shows, while it is up.
    pub(super) fn tree(&self, at: i64) -> Tree {
        let booted = self.booted(at).expect("it is up");
        let now = self.begin_unix_s + at;
        let mut tree = self.persona.tree(now, self.begin_unix_s, self.end_unix_s);
        if self.persona.shows_memory() {
            let memory = Tree::parse(&node::tree(&self.node, booted, at).to_text());
            for (path, node) in memory.expect("a tree").nodes() {
                tree.insert(path, node.clone());
            }
        }
        self.clocks(&mut tree, booted, at);
        tree
    }

    fn clocks(&self, tree: &mut Tree, booted: i64, at: i64) {
        let up = at - booted;
        let boot = self.node.boots.iter().filter(|boot| boot.up <= at).count();
        let Some(Node::File(facts)) = tree.get(crate::trees::FACTS) else {
            panic!("a fixture has facts")
        };
        let facts = String::from_utf8_lossy(facts);
        let mut lines: BTreeMap<&str, String> = facts
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        let nanoseconds = format!("{up}000000000");
        lines.insert("realtime_ms", format!("{}000", self.begin_unix_s + at));
        lines.insert("boottime_ns", nanoseconds.clone());
        lines.insert("monotonic_ns", nanoseconds);
        let facts: String = lines.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
        let boot_id =
            format!("{:08x}-{boot:04x}-4000-8000-{:012x}\n", self.seed & 0xFFFF_FFFF, self.index);
        for (path, text) in [
            (crate::trees::FACTS, facts),
            ("proc/uptime", format!("{up}.00 {up}.00\n")),
            ("proc/stat", format!("btime {}\n", self.begin_unix_s + booted)),
            ("proc/sys/kernel/random/boot_id", boot_id),
        ] {
            tree.insert(path, Node::File(text.into_bytes()));
        }
    }

    /// What was reported after one moment, up to another.
    pub(super) fn heard(&self, since: i64, booted: i64, until: i64) -> Sightings {
        if self.persona.shows_memory() {
            node::heard(&self.node, since, booted, until)
        } else {
            Sightings::default()
        }
    }
}

/// Draws of a host, from the seed and its number alone (splitmix64).
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    fn new(seed: u64, index: u32) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from(index) << 17)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).expect("32 bits")) / 4_294_967_296.0
    }
}
