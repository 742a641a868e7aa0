//! Which channel a stick is on: by where its errors are counted, else by the words of the firmware.

use super::neighbours::Topology;
use scrubjay_model::{Accumulated, Controller, ControllerKey, Dimm, Edac, ModuleRecord, Place};
use std::collections::BTreeMap;

/// The places that EDAC shows now, by what the history calls them.
#[derive(Debug)]
pub struct Shown<'a>(BTreeMap<(&'a ControllerKey, Place), (u32, &'a Dimm)>);

impl<'a> Shown<'a> {
    /// Of a host, with the names that its history has for controllers.
    pub fn of(accumulated: &'a Accumulated, edac: Option<&'a Edac>) -> Self {
        let controllers = edac.into_iter().flat_map(|edac| &edac.controllers);
        let of_controller = |controller: &'a Controller| {
            let key = accumulated.controllers.get(&controller.index);
            key.into_iter().flat_map(move |key| {
                let dimms = controller.dimms.iter();
                dimms.map(move |dimm| ((key, dimm.place), (controller.index, dimm)))
            })
        };
        Self(controllers.flat_map(of_controller).collect())
    }

    /// A place, with the number of its controller.
    pub(super) fn get(&self, key: &ControllerKey, place: Place) -> Option<(u32, &'a Dimm)> {
        self.0.get(&(key, place)).copied()
    }
}

/// Where a stick sits: by the controller that counts its errors now, else by what SMBIOS calls its
/// slot. What neither tells is not known, and compared with nothing.
pub fn topology(record: &ModuleRecord, shown: &Shown<'_>) -> Topology {
    let by_edac = by_counters(record, shown);
    if by_edac.channel.is_some() {
        return by_edac;
    }
    // The bank comes first: where both name a channel, the locator is within it.
    let words = [record.bank.as_deref(), record.slot.as_deref()];
    words.into_iter().flatten().find_map(by_words).unwrap_or(by_edac)
}

/// Its errors are counted in one controller, or nobody knows which channel it is on.
fn by_counters(record: &ModuleRecord, shown: &Shown<'_>) -> Topology {
    let Some((key, place)) = record.places.first() else { return Topology::default() };
    let Some((index, dimm)) = shown.get(key, *place) else { return Topology::default() };
    let controller = u16::try_from(index).ok();
    let channel = match dimm.place {
        Place::Channel { csrow: _, channel } => u16::try_from(channel).ok(),
        Place::Dimm(_) | Place::Rank(_) | Place::Csrow(_) => of_location(dimm),
    };
    Topology { socket: None, controller, channel: channel.filter(|_| controller.is_some()) }
}

/// The channel in `dimm_location`.
fn of_location(dimm: &Dimm) -> Option<u16> {
    let mut words = dimm.location.value()?.split_whitespace();
    words.find(|word| *word == "channel")?;
    words.next()?.parse().ok()
}

/// `P0 CHANNEL A`, `P0_Node1_Channel2_Dimm0`: a channel that is called one, with the numbers before
/// it. A letter alone (`DIMM_A1`) is the channel on some boards and the socket on others.
fn by_words(text: &str) -> Option<Topology> {
    let lower = text.to_ascii_lowercase();
    let (before, after) = lower.split_once("channel")?;
    let after = after.trim_start_matches([' ', '_', '-', '#', ':']);
    let name: String = after.chars().take_while(char::is_ascii_alphanumeric).collect();
    let channel = match name.as_bytes() {
        [letter @ b'a'..=b'z'] => u16::from(letter - b'a'),
        _ => name.parse().ok()?,
    };
    let numbers = before.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let mut numbers = numbers.map(|digits| digits.parse().ok());
    let (socket, controller) = (numbers.next().flatten(), numbers.next().flatten());
    Some(Topology { socket, controller, channel: Some(channel) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(socket: Option<u16>, controller: Option<u16>, channel: u16) -> Option<Topology> {
        Some(Topology { socket, controller, channel: Some(channel) })
    }

    #[test]
    fn firmware_that_names_a_channel_is_believed_and_a_letter_is_none() {
        assert_eq!(by_words("P0 CHANNEL A"), at(Some(0), None, 0));
        assert_eq!(by_words("P1_Node0_Channel2_Dimm1"), at(Some(1), Some(0), 2));
        assert_eq!(by_words("Channel-1"), at(None, None, 1));
        for word in ["DIMM_A1", "NODE 1", "BANK 0", "channel", "CHANNEL AB", "CHANNEL 99999"] {
            assert_eq!(by_words(word), None, "{word}");
        }
    }
}
