//! What the other DIMMs of a host did at the same time: a channel or a controller at fault makes all
//! of its DIMMs err, and none of them is to be swapped.

use super::Seconds;
use super::mode::Mode;
use super::state::DimmState;
use super::windows::A_DAY;
use std::collections::BTreeMap;

/// Where a DIMM sits, as far as known. What is not known is compared with nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topology {
    /// Socket of the processor.
    pub socket: Option<u16>,
    /// Memory controller.
    pub controller: Option<u16>,
    /// Channel of the controller.
    pub channel: Option<u16>,
}

/// What a DIMM's neighbours did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// Other DIMMs of the channel.
    pub on_channel: u32,
    /// Of them, those that erred within the same 24 hours, at places of no single bank.
    pub on_channel_erring: u32,
    /// Channels of the controller, this one among them.
    pub channels: u32,
    /// Of them, those that erred like that.
    pub channels_erring: u32,
}

impl Neighbours {
    /// None, or none known.
    pub const NONE: Self =
        Self { on_channel: 0, on_channel_erring: 0, channels: 0, channels_erring: 0 };

    /// The shape of a fault outside the DIMM, if its neighbours show one. Asked of a DIMM whose own
    /// errors are scattered.
    pub(crate) fn shape(&self) -> Option<Mode> {
        if self.channels >= 2 && self.channels_erring == self.channels {
            return Some(Mode::Controller);
        }
        (self.on_channel_erring > 0).then_some(Mode::Channel)
    }
}

/// What the neighbours of each DIMM of a host did, in the order given.
///
/// Two DIMMs err together if both err at scattered places and at least half of the active windows of
/// one, of the last 45 days, are within a day of one of the other's. Two cells that err on one
/// channel are two cells.
pub fn neighbours(host: &[(Topology, &DimmState)], now: Seconds) -> Vec<Neighbours> {
    let scattered: Vec<bool> = host.iter().map(|(_, state)| state.is_scattered(now)).collect();
    let mut channels: BTreeMap<Topology, Vec<usize>> = BTreeMap::new();
    for (index, (place, _)) in host.iter().enumerate() {
        if place.channel.is_some() {
            channels.entry(*place).or_default().push(index);
        }
    }
    let together = |one: usize, other: usize| {
        let is_scattered = |index: usize| scattered.get(index).copied().unwrap_or(false);
        is_scattered(one)
            && is_scattered(other)
            && host.get(one).zip(host.get(other)).is_some_and(|(a, b)| overlap(a.1, b.1))
    };
    let on_channel = |place: &Topology| channels.get(place).map_or(&[][..], Vec::as_slice);
    let of = |index: usize, place: &Topology| {
        if place.channel.is_none() {
            return Neighbours::NONE;
        }
        let others = || on_channel(place).iter().copied().filter(|other| *other != index);
        let mut found = Neighbours {
            on_channel: number(others().count()),
            on_channel_erring: number(others().filter(|other| together(index, *other)).count()),
            ..Neighbours::NONE
        };
        // Without a DIMM that errs at scattered places nothing beside it matters.
        if scattered.get(index) != Some(&true) {
            return found;
        }
        for (other, members) in &channels {
            if (other.socket, other.controller) != (place.socket, place.controller) {
                continue;
            }
            found.channels += 1;
            let errs = other == place || members.iter().any(|member| together(index, *member));
            found.channels_erring += u32::from(errs);
        }
        found
    };
    host.iter().enumerate().map(|(index, (place, _))| of(index, place)).collect()
}

/// Whether at least half of the active windows of the one are within a day of one of the other's.
fn overlap(one: &DimmState, other: &DimmState) -> bool {
    let (mine, theirs) = (one.windows.active(), other.windows.active());
    let near = mine
        .iter()
        .filter(|active| {
            !other.windows.between(active.window - A_DAY, active.window + A_DAY).is_empty()
        })
        .count();
    !theirs.is_empty() && near > 0 && near * 2 >= mine.len()
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
