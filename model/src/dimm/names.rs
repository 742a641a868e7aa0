//! The names of places: labels, locations, and the locators of SMBIOS.

use crate::{Dimm, LabelEntry, LabelPlace, MemoryDevice, Place};

/// Longest label the kernel keeps, in bytes; `ghes_edac` cuts what firmware gave it.
const LABEL_LENGTH: usize = 31;

/// How labels begin that a driver made up from its own numbers.
const DRIVER_LABELS: [&str; 3] = ["mc#", "cpu_srcid#", "cpusrcid#"];

/// Where Intel drivers say a stick is, from `CPU_SrcID#0_MC#1_Chan#2_DIMM#0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DriverPlace {
    pub(super) socket: u32,
    pub(super) controller: u32,
    pub(super) channel: u32,
    pub(super) slot: u32,
}

/// A slot in the manner of `CPU1_DIMM_A2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LocatorPlace {
    pub(super) socket: Option<u32>,
    pub(super) channel: char,
    pub(super) slot: u32,
}

/// Whether two names are the same but for case and blanks.
pub(super) fn same_name(a: &str, b: &str) -> bool {
    // Without copies: on a large machine every place is compared with every slot.
    let (mut a, mut b) = (a.split_whitespace(), b.split_whitespace());
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {}
            (Some(_), _) | (None, Some(_)) => return false,
        }
    }
}

/// The indexes of a place, outermost first. `None` where its location could not be read.
pub(super) fn layers(dimm: &Dimm) -> Option<Vec<u32>> {
    match dimm.place {
        Place::Channel { csrow, channel } => Some(vec![csrow, channel]),
        Place::Csrow(row) => Some(vec![row]),
        Place::Dimm(_) | Place::Rank(_) => {
            Some(location(dimm)?.into_iter().map(|(_, index)| index).collect())
        }
    }
}

/// `csrow 2 channel 1` as pairs.
fn location(dimm: &Dimm) -> Option<Vec<(&str, u32)>> {
    let words: Vec<&str> = dimm.location.value()?.split_whitespace().collect();
    let pairs: Option<Vec<_>> = words
        .chunks(2)
        .map(|pair| match pair {
            [layer, index] => Some((*layer, index.parse().ok()?)),
            _ => None,
        })
        .collect();
    pairs.filter(|pairs| !pairs.is_empty())
}

/// Chip-select row and channel of a rank.
pub(super) fn row_and_channel(dimm: &Dimm) -> Option<(u32, u32)> {
    match dimm.place {
        Place::Channel { csrow, channel } => Some((csrow, channel)),
        Place::Rank(_) => {
            let location = location(dimm)?;
            let layer = |name| location.iter().find(|(layer, _)| *layer == name).map(|(_, n)| *n);
            Some((layer("csrow")?, layer("channel")?))
        }
        Place::Dimm(_) | Place::Csrow(_) => None,
    }
}

/// The entry of a label map for a place; the first that names it counts.
pub(super) fn mapped<'m>(
    entries: &'m [LabelEntry],
    controller: u32,
    layers: Option<&Vec<u32>>,
) -> Option<&'m LabelEntry> {
    let place = LabelPlace { controller, layers: layers?.clone() };
    entries.iter().find(|entry| entry.places.contains(&place))
}

/// The label of a place, if it is a name and not the driver's own numbers.
pub(super) fn given_label(dimm: &Dimm) -> Option<&str> {
    let label = dimm.label.value()?.trim();
    let lower = label.to_lowercase();
    let driver = DRIVER_LABELS.iter().any(|start| lower.starts_with(start));
    (!label.is_empty() && !driver).then_some(label)
}

/// What an Intel driver's label says.
pub(super) fn driver_place(label: &str) -> Option<DriverPlace> {
    let number = |names: &[&str]| {
        label.split('_').find_map(|part| {
            let (name, number) = part.split_once('#')?;
            names
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
                .then(|| number.parse().ok())?
        })
    };
    Some(DriverPlace {
        // Client drivers know one socket only.
        socket: number(&["SrcID"]).unwrap_or(0),
        controller: number(&["MC", "Ha"])?,
        channel: number(&["Chan"])?,
        slot: number(&["DIMM"])?,
    })
}

/// Whether a name is that of a slot: its locator, or bank and locator together, which firmware-first
/// drivers write and the kernel may cut.
pub(super) fn full_name_matches(name: &str, device: &MemoryDevice) -> bool {
    let Some(full) = device.slot_name() else { return false };
    let cut = name.len() == LABEL_LENGTH && full.trim().starts_with(name);
    device.locator.is_some() && (same_name(name, &full) || cut)
}

/// `CPU1_DIMM_A2`, `P1-DIMMA2`, `DIMM_A2`, `A2`. Other forms order slots in ways of their own.
pub(super) fn locator_place(locator: &str) -> Option<LocatorPlace> {
    let upper = locator.trim().to_ascii_uppercase();
    let mut parts: Vec<String> = Vec::new();
    let mut kind = None;
    for c in upper.chars() {
        let this = match c {
            'A'..='Z' => Some(true),
            '0'..='9' => Some(false),
            '_' | '-' | ' ' => None,
            _ => return None,
        };
        match (this, parts.last_mut()) {
            (Some(_), Some(part)) if this == kind => part.push(c),
            (Some(_), _) => parts.push(c.to_string()),
            (None, _) => {}
        }
        kind = this;
    }
    let mut parts: &[String] = &parts;
    let mut socket = None;
    if let [word, number, rest @ ..] = parts
        && ["CPU", "P", "PROC", "SOCKET"].contains(&word.as_str())
        && !rest.is_empty()
    {
        socket = Some(number.parse().ok()?);
        parts = rest;
    }
    let (channel, slot) = match parts {
        [dimm, channel, slot] if dimm == "DIMM" => (channel.as_str(), slot),
        [channel, slot] => (channel.strip_prefix("DIMM").unwrap_or(channel), slot),
        _ => return None,
    };
    let mut letters = channel.chars();
    let letter = letters.next().filter(char::is_ascii_uppercase)?;
    letters.next().is_none().then_some(())?;
    Some(LocatorPlace { socket, channel: letter, slot: slot.parse().ok()? })
}
