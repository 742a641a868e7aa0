//! Joins places, sticks and label maps. Pure, and asked anew at each pass: only what the kernel
//! shows now counts.

use super::names::{
    DriverPlace, LocatorPlace, driver_place, full_name_matches, given_label, layers, locator_place,
    mapped, row_and_channel, same_name,
};
use super::position::by_order;
use super::{Confidence, DimmModule, Identity, ModulePlace};
use crate::{Dimm, DimmLabels, Edac, LabelEntry, Layout, MemoryDevice, Place, Smbios};

/// A place with what is known of it.
struct Shown<'e> {
    at: ModulePlace,
    dimm: &'e Dimm,
    layout: Layout,
    name: Option<Name<'e>>,
}

/// A name that somebody gave to a place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name<'e> {
    /// By a label map.
    Map(&'e LabelEntry),
    /// By firmware, or by whoever wrote to `dimm_label`.
    Label(&'e str),
}

/// Places that are one stick as far as EDAC shows it.
struct Group<'e> {
    shown: Vec<Shown<'e>>,
    /// Why there are several, if nobody said so.
    assumed: Option<&'static str>,
}

/// How unnamed ranks are taken together. AMD's controllers give each slot a pair of chip-select
/// rows; where a channel has one slot, its stick may use all of them.
#[derive(Clone, Copy)]
enum Fold {
    Pairs,
    Channels,
    Nothing,
}

/// Every stick of the host: first those of SMBIOS in the order of its table, then what EDAC counts
/// at without a stick. A row that is counted as a whole ([`Place::Csrow`]) belongs to several
/// sticks, and so to none here.
pub fn join_dimms(
    edac: Option<&Edac>,
    smbios: Option<&Smbios>,
    labels: Option<&DimmLabels>,
) -> Vec<DimmModule> {
    let sticks: Vec<&MemoryDevice> = smbios.into_iter().flat_map(Smbios::sticks).collect();
    let entries = labels.map_or(&[][..], |labels| &labels.entries);
    let shown = places(edac, entries);
    let (named, unnamed): (Vec<_>, Vec<_>) =
        shown.into_iter().partition(|place| place.name.is_some());

    let mut groups = fold_named(named);
    let mut partners: Vec<Option<Partner>> =
        groups.iter().map(|group| partner_by_name(group, &groups, &sticks)).collect();
    let taken: Vec<usize> = partners.iter().flatten().filter_map(|found| found.stick).collect();
    let free: Vec<usize> = (0..sticks.len()).filter(|index| !taken.contains(index)).collect();
    let rest: Vec<&MemoryDevice> =
        free.iter().filter_map(|index| sticks.get(*index).copied()).collect();

    let unnamed = fold_unnamed(unnamed, &rest);
    let order = if groups.is_empty() { partners_by_order(&unnamed, &rest) } else { None };
    for (position, group) in unnamed.into_iter().enumerate() {
        let found = order.as_ref().and_then(|order| Some((order.get(position)?, order.len())));
        partners.push(found.and_then(|(index, all)| {
            let evidence = if all == 1 {
                "the only stick, and the only place EDAC shows".to_owned()
            } else {
                format!("EDAC and SMBIOS list {all} sticks in the same order and sizes")
            };
            let stick = Some(*free.get(*index)?);
            Some(Partner { stick, confidence: Confidence::ByPosition, evidence })
        }));
        groups.push(group);
    }
    // Verified means that the whole picture fits, not only this piece of it.
    let partnered = partners.iter().filter(|p| p.as_ref().is_some_and(|p| p.stick.is_some()));
    let fits = partnered.count() == sticks.len() && groups.len() == sticks.len();
    list(&groups, &partners, &sticks, fits, smbios)
}

/// What a group of places was found to be.
struct Partner {
    /// The stick; `None` where only the name of the slot is known.
    stick: Option<usize>,
    confidence: Confidence,
    evidence: String,
}

fn places<'e>(edac: Option<&'e Edac>, entries: &'e [LabelEntry]) -> Vec<Shown<'e>> {
    let mut shown = Vec::new();
    for controller in edac.into_iter().flat_map(|edac| &edac.controllers) {
        for dimm in controller.dimms.iter() {
            if matches!(dimm.place, Place::Csrow(_)) {
                continue;
            }
            let layers = layers(dimm);
            let map = mapped(entries, controller.index, layers.as_ref()).map(Name::Map);
            shown.push(Shown {
                at: ModulePlace { controller: controller.index, place: dimm.place },
                dimm,
                layout: controller.layout,
                name: map.or_else(|| given_label(dimm).map(Name::Label)),
            });
        }
    }
    shown
}

impl Shown<'_> {
    fn is_rank(&self) -> bool {
        match self.layout {
            Layout::Rank | Layout::Csrow => true,
            Layout::Dimm | Layout::Controller => false,
        }
    }
}

impl<'e> Name<'e> {
    fn text(self) -> &'e str {
        match self {
            Self::Map(entry) => &entry.label,
            Self::Label(label) => label,
        }
    }

    fn origin(self) -> String {
        match self {
            Self::Map(entry) => {
                format!("label \"{}\" of {}:{}", entry.label, entry.file, entry.line)
            }
            Self::Label(label) => format!("label \"{label}\" of the kernel"),
        }
    }
}

impl<'e> Group<'e> {
    fn name(&self) -> Option<Name<'e>> {
        self.shown.first().and_then(|shown| shown.name)
    }

    /// The sum of its places; `None` if one of them has no size.
    fn size(&self) -> Option<u64> {
        let sizes = self.shown.iter().map(|shown| shown.dimm.size_bytes.value().copied());
        sizes.sum::<Option<u64>>().filter(|size| *size != 0)
    }

    /// Why the stick cannot be this one, if sizes or ranks say so.
    fn contradicts(&self, stick: &MemoryDevice) -> Option<String> {
        if let Some((seen, listed)) = self.size().zip(stick.size.bytes())
            && seen != listed
        {
            let mib = |bytes: u64| bytes >> 20;
            return Some(format!(
                "EDAC shows {} MiB there, SMBIOS lists {} MiB",
                mib(seen),
                mib(listed)
            ));
        }
        None
    }
}

/// Ranks that one entry of a map names, or that bear one label in one controller, are one stick.
/// Sticks that bear one label are not: the label then names no slot.
fn fold_named(named: Vec<Shown<'_>>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for place in named {
        let same = groups.iter_mut().find(|group| {
            let Some(first) = group.shown.first() else { return false };
            let together = match (place.name, first.name) {
                (Some(Name::Map(_)), Some(Name::Map(_))) => true,
                _ => place.is_rank() && first.at.controller == place.at.controller,
            };
            together && first.name == place.name
        });
        match same {
            Some(group) => group.shown.push(place),
            None => groups.push(Group { shown: vec![place], assumed: None }),
        }
    }
    groups
}

/// `None` where the name leads nowhere: then not even the slot is known.
fn partner_by_name(
    group: &Group<'_>,
    all: &[Group<'_>],
    sticks: &[&MemoryDevice],
) -> Option<Partner> {
    let name = group.name()?;
    let bearers = all
        .iter()
        .filter(|other| other.name().is_some_and(|other| same_name(other.text(), name.text())));
    if bearers.count() != 1 {
        return None;
    }
    let matching = |rule: &dyn Fn(&MemoryDevice) -> bool| -> Vec<usize> {
        (0..).zip(sticks).filter(|(_, stick)| rule(stick)).map(|(index, _)| index).collect()
    };
    // A locator that several banks have is only a name with its bank.
    let full = matching(&|stick| full_name_matches(name.text(), stick));
    let short = || {
        matching(&|stick| {
            stick.locator.as_deref().is_some_and(|locator| same_name(locator, name.text()))
        })
    };
    let candidates = if full.is_empty() { short() } else { full };
    let origin = name.origin();
    let stick = match candidates[..] {
        [stick] => stick,
        [] => {
            let evidence = format!("{origin}; SMBIOS lists no stick of that name");
            let confidence = Confidence::ByLabel;
            return Some(Partner { stick: None, confidence, evidence });
        }
        _ => return None,
    };
    if let Some(why) = sticks.get(stick).and_then(|stick| group.contradicts(stick)) {
        let evidence = format!("{origin} is the slot's, but {why}");
        return Some(Partner { stick: None, confidence: Confidence::Unknown, evidence });
    }
    let confidence = Confidence::ByLabel;
    Some(Partner { stick: Some(stick), confidence, evidence: format!("{origin} is the slot's") })
}

/// Takes ranks together in the way that leads to as many sticks as SMBIOS lists, of those sizes.
/// Without SMBIOS rows are taken in pairs, as the controllers work; against it, not at all.
fn fold_unnamed<'e>(unnamed: Vec<Shown<'e>>, sticks: &[&MemoryDevice]) -> Vec<Group<'e>> {
    let agrees = |fold: Fold| {
        let mut sizes: Vec<Option<u64>> =
            keys(&unnamed, fold).iter().map(|group| size_of(&unnamed, group)).collect();
        let mut listed: Vec<Option<u64>> = sticks.iter().map(|s| s.size.bytes()).collect();
        sizes.sort_unstable();
        listed.sort_unstable();
        sizes == listed && sizes.iter().all(Option::is_some)
    };
    let fold = if sticks.is_empty() || agrees(Fold::Pairs) {
        Fold::Pairs
    } else if agrees(Fold::Channels) {
        Fold::Channels
    } else {
        Fold::Nothing
    };
    let groups = keys(&unnamed, fold);
    let mut shown: Vec<Option<Shown<'e>>> = unnamed.into_iter().map(Some).collect();
    groups
        .into_iter()
        .map(|members| {
            let taken: Vec<Shown<'e>> = members
                .iter()
                .filter_map(|index| shown.get_mut(*index).and_then(Option::take))
                .collect();
            let assumed = (taken.len() > 1).then_some(match fold {
                Fold::Pairs => "a pair of rows is taken for one stick",
                Fold::Channels => "the rows of a channel are taken for one stick",
                Fold::Nothing => "",
            });
            Group { shown: taken, assumed }
        })
        .collect()
}

/// The places of each stick, as indexes.
fn keys(unnamed: &[Shown<'_>], fold: Fold) -> Vec<Vec<usize>> {
    let mut groups: Vec<((u32, u32, u32), Vec<usize>)> = Vec::new();
    let mut alone = Vec::new();
    for (index, place) in unnamed.iter().enumerate() {
        let at = row_and_channel(place.dimm).filter(|_| place.is_rank());
        let key = at.and_then(|(row, channel)| match fold {
            Fold::Pairs => Some((place.at.controller, channel, row / 2)),
            Fold::Channels => Some((place.at.controller, channel, 0)),
            Fold::Nothing => None,
        });
        match (key, groups.iter_mut().find(|(known, _)| Some(*known) == key)) {
            (Some(_), Some((_, members))) => members.push(index),
            (Some(key), None) => groups.push((key, vec![index])),
            (None, _) => alone.push(vec![index]),
        }
    }
    groups.into_iter().map(|(_, members)| members).chain(alone).collect()
}

fn size_of(unnamed: &[Shown<'_>], members: &[usize]) -> Option<u64> {
    let size = |index: &usize| unnamed.get(*index)?.dimm.size_bytes.value().copied();
    members.iter().map(size).sum()
}

/// The index of the stick for each group, where both lists agree in every respect.
fn partners_by_order(groups: &[Group<'_>], sticks: &[&MemoryDevice]) -> Option<Vec<usize>> {
    if let ([group], [stick]) = (groups, sticks) {
        return group.contradicts(stick).is_none().then(|| vec![0]);
    }
    let places: Option<Vec<(DriverPlace, Option<u64>)>> = groups
        .iter()
        .map(|group| match &group.shown[..] {
            [place] => Some((driver_place(place.dimm.label.value()?)?, group.size())),
            _ => None,
        })
        .collect();
    let sticks: Option<Vec<(LocatorPlace, Option<u64>)>> = sticks
        .iter()
        .map(|stick| Some((locator_place(stick.locator.as_deref()?)?, stick.size.bytes())))
        .collect();
    by_order(&places?, &sticks?)
}

fn list(
    groups: &[Group<'_>],
    partners: &[Option<Partner>],
    sticks: &[&MemoryDevice],
    fits: bool,
    smbios: Option<&Smbios>,
) -> Vec<DimmModule> {
    let emulated = smbios.is_some_and(Smbios::is_emulated);
    let mut modules = Vec::new();
    for (index, stick) in sticks.iter().enumerate() {
        let found = groups.iter().zip(partners).find_map(|(group, partner)| {
            let partner = partner.as_ref()?;
            (partner.stick == Some(index)).then_some((group, partner))
        });
        let mut module = listed(stick, sticks, emulated);
        match found {
            Some((group, partner)) => {
                module.places = group.shown.iter().map(|shown| shown.at).collect();
                module.size_bytes = module.size_bytes.or_else(|| group.size());
                let sized = group.size().is_some() && stick.size.bytes().is_some();
                let verified = partner.confidence == Confidence::ByLabel && fits && sized;
                module.confidence =
                    if verified { Confidence::Verified } else { partner.confidence };
                module.evidence = match group.assumed {
                    Some(assumed) => format!("{}; {assumed}", partner.evidence),
                    None => partner.evidence.clone(),
                };
                if verified {
                    module.evidence.push_str(", and all sticks and sizes agree");
                }
            }
            None => {
                "EDAC shows no place that could be joined with it".clone_into(&mut module.evidence)
            }
        }
        if emulated {
            module.evidence.push_str("; made up by the hypervisor");
        }
        modules.push(module);
    }
    let unjoined = groups
        .iter()
        .zip(partners)
        .filter(|(_, partner)| partner.as_ref().is_none_or(|partner| partner.stick.is_none()));
    modules.extend(unjoined.map(|(group, partner)| unlisted(group, partner.as_ref(), sticks)));
    modules
}

/// A stick as SMBIOS lists it.
fn listed(stick: &MemoryDevice, sticks: &[&MemoryDevice], emulated: bool) -> DimmModule {
    let serial = stick.stick_serial().filter(|_| !emulated);
    let bearers = sticks.iter().filter(|other| {
        let same = |a: Option<&str>, b: Option<&str>| match (a, b) {
            (Some(a), Some(b)) => a.eq_ignore_ascii_case(b),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        // Makers count on their own: two sticks of different parts may well share a number.
        same(other.stick_serial(), serial) && same(other.stick_part(), stick.stick_part())
    });
    let identity = match (serial, bearers.count()) {
        (None, _) => Identity::Slot,
        (Some(_), 0 | 1) => Identity::Serial,
        (Some(_), _) => Identity::SharedSerial,
    };
    DimmModule {
        slot: stick.locator.clone(),
        bank: stick.bank.clone(),
        serial: serial.map(str::to_owned),
        part: stick.stick_part().filter(|_| !emulated).map(str::to_owned),
        manufacturer: stick.manufacturer.clone(),
        size_bytes: stick.size.bytes(),
        handle: Some(stick.handle),
        places: Vec::new(),
        identity,
        confidence: Confidence::Unknown,
        evidence: String::new(),
    }
}

/// Places for which SMBIOS has no stick, or none that could be told to be theirs.
fn unlisted(group: &Group<'_>, partner: Option<&Partner>, sticks: &[&MemoryDevice]) -> DimmModule {
    let named = partner.filter(|partner| partner.confidence == Confidence::ByLabel);
    // A name that SMBIOS does not know is the slot's all the same, unless SMBIOS speaks against it.
    let slot = named.and_then(|_| group.name()).map(|name| name.text().to_owned());
    let evidence = match (partner, group.name()) {
        (Some(partner), _) if sticks.is_empty() && partner.confidence == Confidence::ByLabel => {
            let origin = group.name().map(Name::origin).unwrap_or_default();
            format!("{origin}; SMBIOS lists no sticks")
        }
        (Some(partner), _) => partner.evidence.clone(),
        (None, Some(name)) => format!("{} fits several", name.origin()),
        (None, None) if sticks.is_empty() => {
            "SMBIOS lists no sticks, and no label names it".to_owned()
        }
        (None, None) => "nothing says which stick of SMBIOS it is".to_owned(),
    };
    let evidence = match group.assumed {
        Some(assumed) => format!("{evidence}; {assumed}"),
        None => evidence,
    };
    DimmModule {
        identity: if slot.is_some() { Identity::Slot } else { Identity::Place },
        slot,
        bank: None,
        serial: None,
        part: None,
        manufacturer: None,
        size_bytes: group.size(),
        handle: None,
        places: group.shown.iter().map(|shown| shown.at).collect(),
        confidence: named.map_or(Confidence::Unknown, |partner| partner.confidence),
        evidence,
    }
}
