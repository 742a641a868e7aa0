//! A registered controller: its counters and how an error moves them.

use super::hardware::{ControllerSpec, Reports};
use super::tally::{Life, Tally};
use scrubjay_model::ErrorClass;

/// An error as a driver reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error {
    /// What happened.
    pub kind: ErrorKind,
    /// Where, by layer; negative is unknown. Layers the controller lacks are not looked at.
    pub at: [i32; 3],
    /// `error_count`: how many errors this report stands for.
    pub count: u16,
}

/// What a driver can report (`enum hw_event_mc_err_type`). The core knows only whether it was
/// corrected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Corrected.
    Corrected,
    /// Uncorrected.
    Uncorrected,
    /// Uncorrected, and not yet consumed (AMD).
    Deferred,
    /// Uncorrected, and the machine cannot go on (GHES).
    Fatal,
    /// For information (GHES).
    Info,
}

/// A location of which no layer is known.
pub const UNKNOWN: [i32; 3] = [-1, -1, -1];

/// Which of its views the core shows in sysfs, and how it counts for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// `dimmN` or `rankN`, and the legacy `csrowN` beside them.
    DimmsAndCsrows,
    /// `dimmN` or `rankN` only: built without `CONFIG_EDAC_LEGACY_SYSFS`.
    Dimms,
    /// As [`View::DimmsAndCsrows`], in kernels 4.10 to 5.6: an error whose place is known in part
    /// is in the controller's total and nowhere else, so that the parts do not make the total.
    DimmsAndCsrowsBefore57,
    /// `csrowN` only: kernels before 3.6, whose drivers report rows and channels.
    Csrows,
}

/// The two counters of a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pair {
    pub ce: Tally,
    pub ue: Tally,
}

#[derive(Debug, Clone)]
pub(crate) struct Controller {
    pub spec: ControllerSpec,
    /// Labels by slot; they do not survive the driver.
    pub labels: Vec<String>,
    /// When the counters were zeroed, in ticks, and the name of their life.
    pub started: u128,
    pub life: Life,
    pub total: Pair,
    pub noinfo: Pair,
    pub dimms: Vec<Pair>,
    pub csrows: Vec<Pair>,
    /// By row and channel. The core keeps no `ue` there.
    pub channels: Vec<Vec<Tally>>,
}

impl ErrorKind {
    /// The class it is counted in.
    pub fn class(self) -> ErrorClass {
        match self {
            Self::Corrected => ErrorClass::Correctable,
            Self::Uncorrected | Self::Deferred | Self::Fatal | Self::Info => {
                ErrorClass::Uncorrectable
            }
        }
    }
}

impl Pair {
    pub(crate) fn get(&self, class: ErrorClass) -> &Tally {
        match class {
            ErrorClass::Correctable => &self.ce,
            ErrorClass::Uncorrectable => &self.ue,
        }
    }

    fn get_mut(&mut self, class: ErrorClass) -> &mut Tally {
        match class {
            ErrorClass::Correctable => &mut self.ce,
            ErrorClass::Uncorrectable => &mut self.ue,
        }
    }
}

impl Controller {
    /// A controller whose driver has not registered it yet.
    pub(crate) fn new(spec: ControllerSpec, life: Life) -> Self {
        let (rows, channels) = (spec.csrows(), spec.channels());
        Self {
            labels: vec![String::new(); spec.slots.len()],
            started: 0,
            life,
            total: Pair::default(),
            noinfo: Pair::default(),
            dimms: vec![Pair::default(); spec.slots.len()],
            csrows: vec![Pair::default(); rows],
            channels: vec![vec![Tally::default(); channels]; rows],
            spec,
        }
    }

    /// The driver registers it as `mc<index>` (`edac_mc_alloc`, `edac_mc_add_mc`).
    pub(crate) fn register(&mut self, index: usize, started: u128, life: Life) {
        for slot in 0..self.spec.slots.len() {
            let label = self.spec.slots[slot].label.clone();
            let label = label.unwrap_or_else(|| self.core_label(index, slot));
            // Drivers write with snprintf.
            self.labels[slot] = label.chars().take(super::LABEL_LENGTH).collect();
        }
        self.zero(started, life);
    }

    /// All counters begin a new life (registration, or `mci_reset_counters_store`).
    pub(crate) fn zero(&mut self, started: u128, life: Life) {
        self.tallies().for_each(Tally::zero);
        self.started = started;
        self.life = life;
    }

    /// An agent reads every counter.
    pub(crate) fn sample(&mut self) {
        let life = self.life;
        self.tallies().for_each(|tally| tally.sample(life));
    }

    /// The same report, `times` times.
    pub(crate) fn handle(&mut self, error: Error, times: u32, view: View) {
        let class = error.kind.class();
        let count = u64::from(error.count) * u64::from(times);
        self.total.get_mut(class).add(count);
        match view {
            View::DimmsAndCsrows | View::Dimms => {
                if self.dimm_at(error.at).is_none() {
                    self.noinfo.get_mut(class).add(count);
                }
                self.count_located(error.at, class, count);
            }
            View::DimmsAndCsrowsBefore57 => {
                let layers = error.at.iter().take(self.spec.layers.len());
                if layers.into_iter().all(|position| *position < 0) {
                    self.noinfo.get_mut(class).add(count);
                } else {
                    self.count_located(error.at, class, count);
                }
            }
            View::Csrows => self.count_by_row(error.at, class, count),
        }
    }

    /// The DIMM of `edac_inc_ce_error` and `edac_inc_ue_error`, and `edac_inc_csrow`.
    fn count_located(&mut self, at: [i32; 3], class: ErrorClass, count: u64) {
        if let Some(index) = self.dimm_at(at) {
            self.dimms[index].get_mut(class).add(count);
        }
        if self.spec.reports == Reports::Raw {
            return;
        }
        // The legacy counters move when every DIMM that can be meant is in one row; the channel's
        // when it is in one channel as well. That may hold for an unknown location too.
        let meant: Vec<(usize, usize)> = self
            .spec
            .populated()
            .filter(|index| self.can_be_meant(*index, at))
            .map(|index| self.spec.legacy_place(index))
            .collect();
        let Some(&(row, channel)) = meant.first() else { return };
        if meant.iter().any(|place| place.0 != row) {
            return;
        }
        self.csrows[row].get_mut(class).add(count);
        let one_channel = meant.iter().all(|place| place.1 == channel);
        if class == ErrorClass::Correctable && one_channel {
            self.channels[row][channel].add(count);
        }
    }

    /// `edac_mc_handle_ce` and `edac_mc_handle_ue` of kernels before 3.6: a corrected error has a
    /// row and a channel, an uncorrected one a row, or else neither is counted.
    fn count_by_row(&mut self, at: [i32; 3], class: ErrorClass, count: u64) {
        let within = |position: i32, size: usize| {
            usize::try_from(position).ok().filter(|position| *position < size)
        };
        let row = within(at[0], self.csrows.len());
        let channel = within(at[1], self.spec.channels());
        match (class, row, channel) {
            (ErrorClass::Correctable, Some(row), Some(channel)) => {
                self.csrows[row].ce.add(count);
                self.channels[row][channel].add(count);
            }
            (ErrorClass::Uncorrectable, Some(row), _) => self.csrows[row].ue.add(count),
            (ErrorClass::Correctable, _, _) | (ErrorClass::Uncorrectable, None, _) => {
                self.noinfo.get_mut(class).add(count);
            }
        }
    }

    /// `edac_get_dimm`: plain arithmetic on what the driver said. A value out of range is not
    /// caught here and may name another DIMM.
    fn dimm_at(&self, at: [i32; 3]) -> Option<usize> {
        let mut index: i64 = 0;
        for (layer, position) in self.spec.layers.iter().zip(at) {
            if position < 0 {
                return None;
            }
            index = index * i64::from(layer.size) + i64::from(position);
        }
        usize::try_from(index).ok().filter(|index| *index < self.dimms.len())
    }

    fn can_be_meant(&self, index: usize, at: [i32; 3]) -> bool {
        let location = self.spec.location(index);
        location.iter().zip(at).all(|(is, said)| said < 0 || i64::from(*is) == i64::from(said))
    }

    /// The label the core makes up.
    fn core_label(&self, index: usize, slot: usize) -> String {
        let mut label = format!("mc#{index}");
        for (layer, position) in self.spec.layers.iter().zip(self.spec.location(slot)) {
            label.push_str(&format!("{}#{position}", layer.kind.word()));
        }
        label
    }

    fn tallies(&mut self) -> impl Iterator<Item = &mut Tally> {
        let pairs = [&mut self.total, &mut self.noinfo]
            .into_iter()
            .chain(&mut self.dimms)
            .chain(&mut self.csrows);
        pairs
            .flat_map(|pair| [&mut pair.ce, &mut pair.ue])
            .chain(self.channels.iter_mut().flatten())
    }
}
