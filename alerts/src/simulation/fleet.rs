//! Nodes: lives of their DIMMs, what crashes and repairs do to them, and what is seen of it all.

use super::activity::{ActiveWindow, steady, windows};
use super::check::{SettingsError, check};
use super::fault::{Fault, Home, Model};
use super::mode::anywhere;
use super::random::{Draws, floor, real};
use super::record::{Run, Seen, Showing, record};
use super::settings::{DAY, FleetSettings, HOUR};
use super::truth::{
    Boot, DimmTruth, FaultTruth, SimulatedDimm, SimulatedNode, Swap, UncorrectedTruth, Why,
};
use crate::memory::{Observation, Seconds};

/// A fleet that can be made node by node, in any order and on any thread.
#[derive(Debug, Clone)]
pub struct Fleet {
    settings: FleetSettings,
    model: Model,
    seed: Draws,
}

/// Stands where the number of a DIMM stands otherwise, for draws of what comes to it from outside.
const OVERLAY: usize = 0xFFFF;

/// A DIMM while it is in its slot.
#[derive(Debug)]
struct Life {
    began: Seconds,
    /// When it was taken out; the end of time for not.
    ended: Seconds,
    faults: Vec<Fault>,
    sudden: Vec<Seconds>,
}

/// An uncorrected error that will come if its DIMM is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Failure {
    at: Seconds,
    slot: usize,
    life: usize,
    /// The fault, by its number in the life; `None` for a sudden one.
    fault: Option<usize>,
}

/// A slot while its node is made.
#[derive(Debug, Default)]
struct Slot {
    lives: Vec<Life>,
    /// Uncorrected errors: the failure and whether it crashed the node.
    uncorrected: Vec<(Failure, bool)>,
    swaps: Vec<Swap>,
}

/// A fault of a channel, on the DIMMs that have it.
#[derive(Debug)]
struct ChannelFault {
    place: (u16, u16),
    onset: Seconds,
    until: Seconds,
    errors_per_day: f64,
}

impl Fleet {
    /// A fleet of these settings.
    ///
    /// # Errors
    ///
    /// If a setting makes no sense.
    pub fn new(settings: FleetSettings) -> Result<Self, SettingsError> {
        check(&settings)?;
        let duty = SettingsError { setting: "activity.duty", must: "be a Beta distribution" };
        let model = Model::new(&settings).ok_or(duty)?;
        let seed = Draws::new(settings.seed);
        Ok(Self { settings, model, seed })
    }

    /// What it is made of.
    pub fn settings(&self) -> &FleetSettings {
        &self.settings
    }

    /// Where a slot is: its socket, and its channel there.
    pub fn place(&self, slot: u16) -> (u16, u16) {
        let per_socket = self.settings.dimms_per_node.div_ceil(self.settings.sockets);
        (slot / per_socket, slot % per_socket / self.settings.dimms_per_channel)
    }

    /// Draws of a part of a node: slot 0 is the node itself, others are DIMMs.
    fn draws(&self, node: u32, slot: usize, life: usize) -> Draws {
        // A year has room for one replacement an hour; beyond, streams would be used again.
        let part = |number: usize| u64::try_from(number).unwrap_or(0) & 0xFFFF;
        self.seed.of(u64::from(node) << 32 | part(slot) << 16 | part(life))
    }

    /// A node. Depends on the settings and the number alone.
    pub fn node(&self, index: u32) -> SimulatedNode {
        let settings = &self.settings;
        let mut draws = self.draws(index, 0, 0);
        let observers = &settings.observers;
        let spread = settings.rates.node;
        let factor = draws.log_normal(spread.mean, spread.deviation);
        let studied = settings.study.is_some();
        let firmware_first = draws.chance(observers.firmware_first) && !studied;
        let counters_only = draws.chance(observers.counters_only);
        let without_bits = draws.chance(observers.without_bits);
        let home = Home { factor, observed: !firmware_first && !counters_only };

        let mut slots: Vec<Slot> = (0..usize::from(settings.dimms_per_node))
            .map(|slot| Slot {
                lives: vec![self.life(index, slot, 0, home, -self.warm_up())],
                ..Slot::default()
            })
            .collect();
        let mut boots = Vec::new();
        let mut channels = Vec::new();
        if !studied {
            self.boots(&mut draws, &mut boots);
            self.channel_faults(home, &mut draws, &mut channels);
            self.fail(index, home, &mut draws, &mut slots, &mut boots);
        }
        let boots = settle(boots, settings.end());
        let runs = runs(&boots, settings.end());
        // Faults of channels have the first numbers, as several DIMMs share them.
        let mut next_id = u32::try_from(channels.len()).unwrap_or(u32::MAX);
        let dimms = slots
            .into_iter()
            .zip(0_u16..)
            .map(|(slot, number)| {
                let seen = Seen {
                    settings,
                    slot: number,
                    counters: !firmware_first,
                    reports: home.observed,
                    bits: !without_bits,
                    runs: &runs,
                };
                let mut draws = self.draws(index, usize::from(number) + 1, OVERLAY);
                self.dimm(&seen, slot, &channels, &boots, &mut draws, &mut next_id)
            })
            .collect();
        SimulatedNode { index, firmware_first, counters_only, boots, dimms }
    }

    fn warm_up(&self) -> i64 {
        i64::from(self.settings.warm_up_days) * DAY
    }

    /// A DIMM that is put in then.
    fn life(&self, node: u32, slot: usize, number: usize, home: Home, began: Seconds) -> Life {
        let mut draws = self.draws(node, slot + 1, number);
        let (faults, sudden) = self.model.life(&self.settings, home, began, &mut draws);
        Life { began, ended: i64::MAX, faults, sudden: sudden.into_iter().collect() }
    }

    /// Boots that have nothing to do with memory.
    fn boots(&self, draws: &mut Draws, boots: &mut Vec<Boot>) {
        let settings = &self.settings.boots;
        let (short, long) = settings.planned_days;
        let mut at = real(0);
        // The node has been up for a part of the time already.
        let mut gap = draws.between(short, long) * draws.unit();
        loop {
            at += gap * real(DAY);
            if at >= real(self.settings.end()) {
                break;
            }
            boots.push(boot(floor(at), settings.planned_minutes, Why::Planned));
            gap = draws.between(short, long);
        }
        let mut at = 0.0;
        loop {
            // Infinite for a rate of zero.
            at += draws.exponential() * 365.25 * real(DAY) / settings.unplanned_per_year;
            if at >= real(self.settings.end()) {
                break;
            }
            boots.push(boot(floor(at), settings.unplanned_minutes, Why::Unplanned));
        }
    }

    /// Faults of the node's channels that reach into the simulation.
    fn channel_faults(&self, home: Home, draws: &mut Draws, found: &mut Vec<ChannelFault>) {
        let settings = &self.settings.channels;
        let (short, long) = settings.days;
        let rate = self.model.channel_rate(&self.settings, home);
        let end = real(self.settings.end());
        let mut at = -long * real(DAY);
        loop {
            at += draws.exponential() / rate;
            // Infinite for a rate of zero.
            if at >= end {
                break;
            }
            let slot = draws.below(u32::from(self.settings.dimms_per_node));
            let place = self.place(u16::try_from(slot).unwrap_or(0));
            let (few, many) = settings.errors_per_day;
            let errors_per_day = draws.log_even(few, many);
            let until = at + draws.between(short, long) * real(DAY);
            if until > 0.0 {
                let (onset, until) = (floor(at), floor(until));
                found.push(ChannelFault { place, onset, until, errors_per_day });
            }
        }
    }

    /// Lets uncorrected errors happen in the order of time, with what follows: a crash, a
    /// replacement, at times of the wrong DIMM, a new DIMM with faults of its own.
    fn fail(
        &self,
        node: u32,
        home: Home,
        draws: &mut Draws,
        slots: &mut [Slot],
        boots: &mut Vec<Boot>,
    ) {
        let FleetSettings { escalation, repair, .. } = &self.settings;
        let mut coming: Vec<Failure> = Vec::new();
        for (number, slot) in slots.iter().enumerate() {
            for life in &slot.lives {
                coming.extend(failures(number, 0, life));
            }
        }
        while let Some(next) = coming.iter().min().copied() {
            coming.retain(|failure| *failure != next);
            let life = slots.get(next.slot).and_then(|slot| slot.lives.get(next.life));
            let Some(life) = life else { continue };
            if next.at >= life.ended {
                continue;
            }
            let replaced_already = life.ended != i64::MAX;
            let crashed = draws.chance(escalation.crash_share);
            if next.at >= 0 {
                if let Some(slot) = slots.get_mut(next.slot) {
                    slot.uncorrected.push((next, crashed));
                }
                if crashed {
                    let minutes = self.settings.boots.unplanned_minutes;
                    boots.push(boot(next.at, minutes, Why::Uncorrected));
                }
            }
            let at = next.at + floor(repair.hours * real(HOUR));
            if replaced_already || at >= self.settings.end() {
                continue;
            }
            let wrong = slots.len() > 1 && draws.chance(repair.wrong);
            let taken = if wrong { other(slots.len(), next.slot, draws) } else { next.slot };
            if wrong {
                let again = at + 1 + floor(draws.exponential() * repair.again_days * real(DAY));
                if let Some(fault) = slots.get_mut(next.slot).and_then(|s| s.life_of(next)) {
                    fault.strike_again(next, again);
                }
                if again < self.settings.end() {
                    coming.push(Failure { at: again, ..next });
                }
            }
            let Some(slot) = slots.get_mut(taken) else { continue };
            let lives = slot.lives.len();
            if let Some(last) = slot.lives.last_mut().filter(|last| last.began < at) {
                last.ended = last.ended.min(at);
            }
            let new = self.life(node, taken, lives, home, at);
            coming.extend(failures(taken, lives, &new));
            slot.lives.push(new);
            if at >= 0 {
                slot.swaps.push(Swap { at, wrong });
                boots.push(boot(at, repair.minutes, Why::Repair));
            }
        }
    }

    /// What is seen of a slot, and what is true of it.
    fn dimm(
        &self,
        seen: &Seen<'_>,
        slot: Slot,
        channels: &[ChannelFault],
        boots: &[Boot],
        draws: &mut Draws,
        next_id: &mut u32,
    ) -> SimulatedDimm {
        let (settings, end) = (&self.settings, self.settings.end());
        let (socket, channel) = self.place(seen.slot);
        let mut showing: Vec<Showing> = Vec::new();
        // Of each entry of `showing`: its number in the node, its life, its number in it.
        let mut names: Vec<(u32, usize, Option<usize>)> = Vec::new();
        let mut plan: Vec<(ActiveWindow, usize)> = Vec::new();
        for (number, life) in slot.lives.into_iter().enumerate() {
            let span = (life.began, life.ended);
            if life.ended <= 0 {
                continue;
            }
            for (index, fault) in life.faults.into_iter().enumerate() {
                if fault.onset >= life.ended.min(end) || fault.until <= 0 {
                    continue;
                }
                let windows = windows(settings, &fault);
                plan.extend(windows.into_iter().map(|window| (window, showing.len())));
                names.push((*next_id, number, Some(index)));
                *next_id = next_id.saturating_add(1);
                showing.push(Showing::new(fault, span));
            }
            for (id, fault) in (0_u32..).zip(channels) {
                let meets = fault.onset < life.ended && fault.until > life.began;
                if fault.place != (socket, channel) || !meets {
                    continue;
                }
                let share = fault.errors_per_day / f64::from(settings.dimms_per_channel);
                let of_channel = Model::of_channel(settings, fault.onset, fault.until, draws);
                let windows = steady(settings, &of_channel, share);
                plan.extend(windows.into_iter().map(|window| (window, showing.len())));
                names.push((id, number, None));
                showing.push(Showing::new(of_channel, span));
            }
        }
        plan.sort_unstable_by_key(|(window, index)| (window.window, *index));

        let mut observations = Vec::new();
        record(seen, &mut showing, &plan, &mut observations);
        let booted = boots.iter().filter(|boot| boot.up < end);
        observations.extend(booted.map(|boot| Observation::Booted { at: boot.up }));
        let swaps = slot.swaps;
        observations.extend(swaps.iter().map(|swap| Observation::Replaced { at: swap.at }));
        let mut truth = DimmTruth { swaps, ..DimmTruth::default() };
        for (failure, crashed) in slot.uncorrected {
            let found = names.iter().position(|(_, life, fault)| {
                (*life, *fault) == (failure.life, failure.fault) && fault.is_some()
            });
            let fault = found.and_then(|index| names.get(index)).map(|(id, ..)| *id);
            let cell = found
                .and_then(|index| showing.get(index))
                .map_or_else(|| anywhere(draws), Showing::worst_cell);
            let life = u16::try_from(failure.life).unwrap_or(u16::MAX);
            truth.uncorrected.push(UncorrectedTruth { at: failure.at, life, fault, crashed, cell });
        }
        if seen.counters {
            observations.extend(truth.uncorrected.iter().map(|error| Observation::Uncorrected {
                at: error.at,
                cell: if seen.reports { error.cell } else { Default::default() },
                page: seen.reports.then(|| super::mode::page(seen.slot, error.cell)).flatten(),
            }));
        }
        for (showing, (id, life, _)) in showing.into_iter().zip(names) {
            offlined(seen, &showing, &mut observations);
            truth.faults.push(fault_truth(showing, id, life, end));
        }
        observations.sort_by_key(Observation::at);
        let ramp = settings.study.and_then(|study| study.ramp);
        truth.ramp = ramp.map(|ramp| {
            let from = i64::from(ramp.day) * DAY;
            (from, from + i64::from(ramp.days) * DAY)
        });
        SimulatedDimm { slot: seen.slot, socket, channel, observations, truth }
    }
}

impl Slot {
    fn life_of(&mut self, failure: Failure) -> Option<&mut Life> {
        self.lives.get_mut(failure.life)
    }
}

impl Life {
    /// The cause of a failure is still there, and fails once more.
    fn strike_again(&mut self, failure: Failure, at: Seconds) {
        match failure.fault.and_then(|fault| self.faults.get_mut(fault)) {
            Some(fault) => fault.fail_at(at),
            None => self.sudden.push(at),
        }
    }
}

/// The failures of a DIMM, if nothing comes between.
fn failures(slot: usize, number: usize, life: &Life) -> impl Iterator<Item = Failure> {
    let of_faults = life.faults.iter().enumerate().flat_map(move |(index, fault)| {
        let fault_at = move |at: &Seconds| (*at, Some(index));
        fault.fails.iter().map(fault_at)
    });
    let sudden = life.sudden.iter().map(|at| (*at, None));
    of_faults.chain(sudden).map(move |(at, fault)| Failure { at, slot, life: number, fault })
}

/// Another slot than this one; there are at least two.
fn other(slots: usize, this: usize, draws: &mut Draws) -> usize {
    let others = u32::try_from(slots.saturating_sub(1)).unwrap_or(1);
    let drawn = usize::try_from(draws.below(others)).unwrap_or(0);
    if drawn < this { drawn } else { drawn + 1 }
}

fn boot(down: Seconds, minutes: u32, why: Why) -> Boot {
    Boot { down, up: down + i64::from(minutes) * 60, why }
}

/// Puts boots in order, and makes one of those that meet: of the first cause, up with the last.
fn settle(mut boots: Vec<Boot>, end: Seconds) -> Vec<Boot> {
    boots.sort_by_key(|boot| boot.down);
    boots.retain(|boot| boot.down < end);
    boots.dedup_by(|later, earlier| {
        let meet = later.down <= earlier.up;
        if meet {
            earlier.up = earlier.up.max(later.up);
        }
        meet
    });
    boots
}

/// The times between boots.
fn runs(boots: &[Boot], end: Seconds) -> Vec<Run> {
    let begins = std::iter::once((0, true)).chain(boots.iter().map(|b| (b.up, b.why.is_clean())));
    let ends = boots.iter().map(|b| (b.down, b.why.is_clean())).chain([(end, true)]);
    begins
        .zip(ends)
        .map(|((from, before_clean), (until, ends_clean))| Run {
            from,
            until,
            ends_clean,
            after_loss: !before_clean,
        })
        .filter(|run| run.from < run.until)
        .collect()
}

/// Tells of pages that were taken out of use, anew after each boot.
fn offlined(seen: &Seen<'_>, showing: &Showing, observations: &mut Vec<Observation>) {
    let Some(since) = showing.fault.offlined else { return };
    let mut pages: Vec<u64> =
        showing.cells.iter().filter_map(|cell| super::mode::page(seen.slot, *cell)).collect();
    pages.sort_unstable();
    pages.dedup();
    for run in seen.runs {
        let at = run.from.max(since);
        if at < run.until.min(showing.life.1) {
            observations.extend(pages.iter().map(|page| Observation::Offlined { at, page: *page }));
        }
    }
}

fn fault_truth(showing: Showing, id: u32, life: usize, end: Seconds) -> FaultTruth {
    let fault = showing.fault;
    let (_, ended) = showing.life;
    let until = fault.until.min(ended).min(fault.offlined.unwrap_or(i64::MAX));
    let fails = fault.fails.iter().find(|at| (0..ended.min(end)).contains(*at));
    FaultTruth {
        id,
        life: u16::try_from(life).unwrap_or(u16::MAX),
        mode: fault.mode,
        permanent: fault.permanent,
        onset: fault.onset,
        until: (until < end).then_some(until),
        t_ue: fails.copied(),
        cells: showing.cells,
        errors: showing.errors,
    }
}
