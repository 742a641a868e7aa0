//! The last resort: two lists that have the same shape, order and sizes.

use super::names::{DriverPlace, LocatorPlace};
use std::collections::BTreeMap;

/// How many sticks each channel has, by socket: what both sides can tell of a machine's shape.
type Shape = Vec<Vec<usize>>;

/// Pairs places with sticks by their order. `None` unless every one on either side says where it
/// is, no two say the same, and both sides have the same sticks in the same channels of the same
/// sockets, with sizes that do not contradict. The result holds for each place the index of its
/// stick.
pub(super) fn by_order(
    places: &[(DriverPlace, Option<u64>)],
    sticks: &[(LocatorPlace, Option<u64>)],
) -> Option<Vec<usize>> {
    if places.len() != sticks.len() || places.is_empty() {
        return None;
    }
    let shape_of_places = shape(
        places.iter().map(|(at, _)| (u64::from(at.socket), (at.controller, at.channel), at.slot)),
    )?;
    let shape_of_sticks = shape(
        sticks
            .iter()
            .map(|(at, _)| (at.socket.map_or(0, u64::from), (0, u32::from(at.channel)), at.slot)),
    )?;
    // A board on which some locators name their socket and others do not has no order.
    let named = sticks.iter().filter(|(at, _)| at.socket.is_some()).count();
    if shape_of_places != shape_of_sticks || (named != 0 && named != sticks.len()) {
        return None;
    }
    let mut place_order: Vec<usize> = (0..places.len()).collect();
    place_order.sort_by_key(|index| places.get(*index).map(|(at, _)| *at));
    let mut stick_order: Vec<usize> = (0..sticks.len()).collect();
    stick_order.sort_by_key(|index| sticks.get(*index).map(|(at, _)| *at));

    let mut partner = vec![0; places.len()];
    for (place, stick) in place_order.into_iter().zip(stick_order) {
        let (_, seen) = places.get(place)?;
        let (_, listed) = sticks.get(stick)?;
        if seen.zip(*listed).is_some_and(|(seen, listed)| seen != listed) {
            return None;
        }
        *partner.get_mut(place)? = stick;
    }
    Some(partner)
}

/// `None` where two claim the same slot.
fn shape(slots: impl Iterator<Item = (u64, (u32, u32), u32)>) -> Option<Shape> {
    let mut sockets: BTreeMap<u64, BTreeMap<(u32, u32), Vec<u32>>> = BTreeMap::new();
    for (socket, channel, slot) in slots {
        let taken = sockets.entry(socket).or_default().entry(channel).or_default();
        if taken.contains(&slot) {
            return None;
        }
        taken.push(slot);
    }
    Some(sockets.values().map(|channels| channels.values().map(Vec::len).collect()).collect())
}
