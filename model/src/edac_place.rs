//! Which counter of the EDAC core goes up with a reported error.

use crate::{Controller, Dimm, Edac, EventPlace, Layout, Place, SeriesPlace};

impl Edac {
    /// The controller's index and the place whose counter the kernel raises for an error reported
    /// there; `None` if the report names no controller, or one that is not registered.
    ///
    /// As `edac_inc_ce_error` (drivers/edac/edac_mc.c): an error whose position is not known in
    /// every layer, or outside them, belongs to no DIMM, even if its label names one or two.
    pub fn counter_of(&self, place: &EventPlace) -> Option<(u32, SeriesPlace)> {
        let EventPlace::Edac { controller: index, layers, label: _ } = place else { return None };
        let controller = self.controllers.iter().find(|c| c.index == *index)?;
        let found = match controller.layout {
            Layout::Dimm | Layout::Rank => {
                controller.dimms.iter().find(|dimm| is_at(dimm, layers)).map(|dimm| dimm.place)
            }
            Layout::Csrow => channel(controller, layers),
            Layout::Controller => None,
        };
        Some((*index, found.map_or(SeriesPlace::Unattributed, SeriesPlace::Dimm)))
    }
}

/// Whether a DIMM's location, such as `channel 0 slot 1`, is this position.
fn is_at(dimm: &Dimm, layers: &[Option<u8>; 3]) -> bool {
    let Some(location) = dimm.location.value() else { return false };
    let words: Vec<&str> = location.split_whitespace().collect();
    let at: Option<Vec<u8>> = words
        .chunks(2)
        .map(|pair| match pair {
            [_, position] => position.parse().ok(),
            _ => None,
        })
        .collect();
    let Some(at) = at.filter(|at| !at.is_empty() && at.len() <= layers.len()) else { return false };
    // Layers the controller does not have are reported as unknown.
    layers.iter().zip(at.iter().copied().map(Some).chain(std::iter::repeat(None))).all(
        |(reported, own)| match own {
            Some(own) => *reported == Some(own),
            None => reported.is_none_or(|position| position == 0),
        },
    )
}

fn channel(controller: &Controller, layers: &[Option<u8>; 3]) -> Option<Place> {
    let [Some(csrow), Some(channel), _] = layers else { return None };
    let place = Place::Channel { csrow: u32::from(*csrow), channel: u32::from(*channel) };
    controller.dimms.iter().any(|dimm| dimm.place == place).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorCounts, Origin, Reading};

    fn absent<T>() -> Reading<T> {
        Reading::Absent(Origin::new("x"))
    }

    fn counts() -> ErrorCounts {
        ErrorCounts { correctable: absent(), uncorrectable: absent() }
    }

    fn edac(layout: Layout, dimms: &[(Place, &str)]) -> Edac {
        let dimm = |(place, location): &(Place, &str)| Dimm {
            place: *place,
            label: absent(),
            location: Reading::Value((*location).to_owned()),
            size_bytes: absent(),
            memory_type: absent(),
            device_type: absent(),
            edac_mode: absent(),
            errors: counts(),
        };
        let controller = Controller {
            index: 1,
            name: absent(),
            size_bytes: absent(),
            seconds_since_reset: absent(),
            scrub_rate: absent(),
            errors: counts(),
            unattributed: counts(),
            layout,
            dimms: dimms.iter().map(dimm).collect(),
            csrows: Vec::new(),
            steady: true,
        };
        Edac { controllers: vec![controller] }
    }

    fn at(controller: u32, layers: [i8; 3]) -> EventPlace {
        let layers = layers.map(|layer| u8::try_from(layer).ok());
        EventPlace::Edac { controller, layers, label: "A or B".to_owned() }
    }

    const NOWHERE: Option<(u32, SeriesPlace)> = Some((1, SeriesPlace::Unattributed));

    #[test]
    fn a_full_position_is_the_dimm_at_that_location() {
        let places = [
            (Place::Dimm(0), "channel 0 slot 0"),
            (Place::Dimm(1), "channel 0 slot 1"),
            (Place::Dimm(3), "channel 1 slot 1 "),
        ];
        let edac = edac(Layout::Dimm, &places);
        let dimm = |n| Some((1, SeriesPlace::Dimm(Place::Dimm(n))));
        assert_eq!(edac.counter_of(&at(1, [0, 1, -1])), dimm(1));
        assert_eq!(edac.counter_of(&at(1, [1, 1, -1])), dimm(3));
        // An empty slot, half a position, and none.
        assert_eq!(edac.counter_of(&at(1, [1, 0, -1])), NOWHERE);
        assert_eq!(edac.counter_of(&at(1, [0, -1, -1])), NOWHERE);
        assert_eq!(edac.counter_of(&at(1, [-1, -1, -1])), NOWHERE);
        assert_eq!(edac.counter_of(&at(0, [0, 0, -1])), None, "another controller");
    }

    #[test]
    fn one_layer_and_ranks_and_rows_are_found_as_well() {
        let flat = edac(Layout::Dimm, &[(Place::Dimm(3), "memory 3")]);
        let found = Some((1, SeriesPlace::Dimm(Place::Dimm(3))));
        assert_eq!(flat.counter_of(&at(1, [3, -1, -1])), found);
        let ranks = edac(Layout::Rank, &[(Place::Rank(5), "csrow 2 channel 1")]);
        let found = Some((1, SeriesPlace::Dimm(Place::Rank(5))));
        assert_eq!(ranks.counter_of(&at(1, [2, 1, -1])), found);
        let place = Place::Channel { csrow: 2, channel: 1 };
        let rows = edac(Layout::Csrow, &[(place, "")]);
        assert_eq!(rows.counter_of(&at(1, [2, 1, -1])), Some((1, SeriesPlace::Dimm(place))));
        assert_eq!(rows.counter_of(&at(1, [2, 0, -1])), NOWHERE);
    }

    #[test]
    fn a_report_that_names_no_controller_moves_no_counter() {
        let edac = edac(Layout::Dimm, &[(Place::Dimm(0), "channel 0 slot 0")]);
        assert_eq!(edac.counter_of(&EventPlace::Address), None);
    }
}
