//! Reports of errors, kept together where they differ in nothing but their moment.
//!
//! A storm is hundreds of thousands of reports a second of a handful of places. Each adds to a
//! group that is there already, found by a key that needs no memory; texts are made for the first
//! of a group only. Between two drains there are never more than a bounded number of groups. When
//! they become too many, those of the places that have most are kept less finely: first without
//! the syndrome, then without the page, then without the second. Sums stay exact in each case.

use super::report::{Place, Report, What};
use super::text::before_nul;
use scrubjay_model::{EventClass, EventGroup, EventPlace, EventWhat, Folded, Witness};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::Duration;

/// Most groups between two drains. A server has some hundred DIMMs at most, and the agent drains
/// within seconds: this is room for some forty pages of each.
pub(crate) const GROUPS_LIMIT: usize = 4096;

/// Of these, kept free for what comes from more places than there are groups: one for each witness
/// and class.
const RESERVED: usize = Witness::ALL.len() * EventClass::ALL.len();

/// Most bytes kept of a text. What the EDAC core writes is shorter; together with the limit of
/// groups this bounds the memory of a storm to some megabytes.
const TEXT_LIMIT: usize = 512;

/// Most places and most matters of the rare kinds, each of which is kept as text: far more than
/// there are such devices in a server.
const RARE_LIMIT: usize = 512;

const SECOND_NS: u64 = 1_000_000_000;

/// What reports of one place and kind are about, for errors from more places than are told apart.
const OF_MANY_PLACES: &str = "errors of more places than are told apart";

/// Groups reports between two drains.
#[derive(Debug)]
pub(crate) struct Aggregator {
    page_shift: u8,
    limit: usize,
    groups: Vec<Kept>,
    index: HashMap<Key, usize, Mixing>,
    families: HashMap<FamilyKey, Family, Mixing>,
    places: Interned<EventPlace>,
    whats: Interned<EventWhat>,
    /// No family can be folded any further.
    exhausted: bool,
}

/// A group with its key.
#[derive(Debug)]
struct Kept {
    key: Key,
    group: EventGroup,
}

/// The groups of one witness, class, place and matter.
#[derive(Debug, Clone, Copy)]
struct Family {
    fineness: Fineness,
    groups: usize,
    /// Where the group is that was last added to; it may be that of another family after merging.
    latest: usize,
}

/// How finely the groups of a family are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fineness {
    Full,
    NoSyndrome,
    NoPage,
    NoSecond,
}

/// What the reports of a family share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FamilyKey {
    /// Witness, class and matter.
    kind: u64,
    /// Which kind of place, and which.
    place: [u64; 3],
}

/// What the reports of a group share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    family: FamilyKey,
    second: u64,
    page: Option<u64>,
    syndrome: Option<u64>,
}

type Mixing = BuildHasherDefault<Mixer>;

/// A hash of few instructions. Keys come from the kernel, so nobody chooses them to collide.
#[derive(Debug, Default)]
struct Mixer(u64);

/// Numbers for what is rare and not small.
#[derive(Debug)]
struct Interned<T>(HashMap<T, u64>);

impl Aggregator {
    /// An empty one. Pages are of 2 to the power of `page_shift` bytes.
    pub(crate) fn new(page_shift: u8) -> Self {
        Self::with_limit(page_shift, GROUPS_LIMIT)
    }

    fn with_limit(page_shift: u8, limit: usize) -> Self {
        Self {
            page_shift,
            limit,
            groups: Vec::new(),
            index: HashMap::default(),
            families: HashMap::default(),
            places: Interned(HashMap::new()),
            whats: Interned(HashMap::new()),
            exhausted: false,
        }
    }

    /// Whether nothing was added since the last drain.
    pub(crate) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Adds a report to its group, the first of a group as a new one.
    pub(crate) fn add(&mut self, report: &Report<'_>) {
        let Some(key) = self.key(report) else { return self.add_to_rest(report) };
        if !self.add_known(key, report) {
            self.add_unseen(key, report);
        }
    }

    /// The groups since the last drain, in the order of their first reports.
    #[cfg(test)]
    pub(crate) fn drain(&mut self) -> Vec<EventGroup> {
        self.take().into_groups()
    }

    /// What was added since the last time. What a storm made large goes with it.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::with_limit(self.page_shift, self.limit))
    }

    /// The groups, in the order of their first reports.
    pub(crate) fn into_groups(self) -> Vec<EventGroup> {
        let mut groups: Vec<EventGroup> = self.groups.into_iter().map(|kept| kept.group).collect();
        groups.sort_by_key(|group| group.first);
        groups
    }

    /// The finest key; `None` if there are too many rare places or matters to number them.
    fn key(&mut self, report: &Report<'_>) -> Option<Key> {
        let place = match &report.place {
            Place::Edac { controller, layers, label } => {
                let [top, middle, low] =
                    layers.map(|layer| u64::from(layer.max(-1).cast_unsigned()));
                let position = u64::from(*controller) << 24 | top << 16 | middle << 8 | low;
                [0, position, hash_of(label)]
            }
            Place::Bank { cpu, socket, bank } => {
                [1, u64::from(*cpu) << 32 | u64::from(*socket), u64::from(*bank)]
            }
            Place::Other(place) => [2, self.places.number(place)?, 0],
        };
        let what = match &report.what {
            What::Memory => 0,
            What::Other(what) => self.whats.number(what)?.checked_add(1)?,
        };
        let kind =
            what << 16 | u64::from(report.witness as u8) << 8 | u64::from(report.class as u8);
        Some(Key {
            family: FamilyKey { kind, place },
            second: report.since_boot_ns / SECOND_NS,
            page: self.page(report.address),
            syndrome: report.syndrome,
        })
    }

    fn page(&self, address: Option<u64>) -> Option<u64> {
        address.map(|address| address.checked_shr(u32::from(self.page_shift)).unwrap_or(0))
    }

    /// Adds a report for which there is no group: its family may have to be folded.
    fn add_unseen(&mut self, key: Key, report: &Report<'_>) {
        let room = self.limit.saturating_sub(RESERVED);
        if self.groups.len() >= room {
            self.fold();
            // The fold may have been that of the report's own family.
            if self.add_known(key, report) {
                return;
            }
        }
        if self.groups.len() < room {
            let family = self.families.entry(key.family);
            let family =
                family.or_insert(Family { fineness: Fineness::Full, groups: 0, latest: 0 });
            family.groups += 1;
            let key = key.at(family.fineness);
            return self.insert(key, report);
        }
        // Every family has one group. This report joins that of its own, if it has one.
        let Some(family) = self.families.get_mut(&key.family) else {
            return self.add_to_rest(report);
        };
        family.fineness = Fineness::NoSecond;
        self.merge();
        if !self.add_known(key, report) {
            self.add_to_rest(report);
        }
    }

    /// Adds a report to the group of its family that is there for it.
    fn add_known(&mut self, key: Key, report: &Report<'_>) -> bool {
        let Some(family) = self.families.get_mut(&key.family) else { return false };
        let wanted = key.at(family.fineness);
        // In a storm it is the one that the last report of the family was added to.
        let is_wanted = |kept: &Kept| kept.key == wanted;
        if !self.groups.get(family.latest).is_some_and(is_wanted) {
            let Some(at) = self.index.get(&wanted) else { return false };
            family.latest = *at;
        }
        let Some(kept) = self.groups.get_mut(family.latest) else { return false };
        if family.fineness != Fineness::Full {
            let shift = u32::from(self.page_shift);
            let shown = kept.group.address.map(|address| address.checked_shr(shift).unwrap_or(0));
            let degree = differ(key.syndrome != kept.group.syndrome, key.page != shown);
            kept.group.folded = kept.group.folded.max(degree);
        }
        count(&mut kept.group, report);
        true
    }

    fn insert(&mut self, key: Key, report: &Report<'_>) {
        self.index.insert(key, self.groups.len());
        self.groups.push(Kept { key, group: first(report) });
    }

    /// Adds a report to what is known by its witness and class only.
    fn add_to_rest(&mut self, report: &Report<'_>) {
        let kind = u64::from(report.witness as u8) << 8 | u64::from(report.class as u8);
        let family = FamilyKey { kind, place: [u64::MAX; 3] };
        let key = Key { family, second: 0, page: None, syndrome: None };
        if let Some(kept) = self.index.get(&key).and_then(|at| self.groups.get_mut(*at)) {
            return count(&mut kept.group, report);
        }
        self.insert(key, report);
        if let Some(kept) = self.groups.last_mut() {
            kept.group.place = EventPlace::Address;
            kept.group.what = EventWhat::Other { about: OF_MANY_PLACES.to_owned() };
            kept.group.folded = Folded::Pages;
        }
    }

    /// Makes room: the families that have most groups are told apart less finely, until a quarter
    /// is free or nothing is left to fold.
    fn fold(&mut self) {
        let enough = self.limit.saturating_sub(RESERVED) / 4 * 3;
        while !self.exhausted && self.groups.len() > enough {
            let mut large: Vec<(&FamilyKey, &mut Family)> =
                self.families.iter_mut().filter(|(_, family)| family.groups > 1).collect();
            large.sort_by_key(|(_, family)| std::cmp::Reverse(family.groups));
            self.exhausted = large.is_empty();
            // As many families at once as have half of the groups, since each merging walks over
            // all of them.
            let mut concerned = 0;
            for (_, family) in large {
                family.fineness = family.fineness.coarser();
                concerned += family.groups;
                if concerned * 2 >= self.groups.len() {
                    break;
                }
            }
            self.merge();
        }
    }

    /// Brings all groups to the fineness of their families.
    fn merge(&mut self) {
        self.index.clear();
        for family in self.families.values_mut() {
            family.groups = 0;
        }
        for mut kept in std::mem::take(&mut self.groups) {
            let mut family = self.families.get_mut(&kept.key.family);
            if let Some(family) = &family {
                kept.key = kept.key.at(family.fineness);
            }
            if let Some(there) = self.index.get(&kept.key).and_then(|at| self.groups.get_mut(*at)) {
                unite(&mut there.group, kept.group, self.page_shift);
                continue;
            }
            if let Some(family) = &mut family {
                family.groups += 1;
            }
            self.index.insert(kept.key, self.groups.len());
            self.groups.push(kept);
        }
    }
}

impl Fineness {
    fn coarser(self) -> Self {
        match self {
            Self::Full => Self::NoSyndrome,
            Self::NoSyndrome => Self::NoPage,
            Self::NoPage | Self::NoSecond => Self::NoSecond,
        }
    }
}

impl Key {
    /// The key without what is not told apart.
    fn at(self, fineness: Fineness) -> Self {
        Self {
            family: self.family,
            second: if fineness < Fineness::NoSecond { self.second } else { 0 },
            page: self.page.filter(|_| fineness < Fineness::NoPage),
            syndrome: self.syndrome.filter(|_| fineness < Fineness::NoSyndrome),
        }
    }
}

impl<T: Clone + Eq + Hash> Interned<T> {
    /// The number of a thing; `None` if it has none and there are too many of them.
    fn number(&mut self, thing: &T) -> Option<u64> {
        if let Some(number) = self.0.get(thing) {
            return Some(*number);
        }
        let next = self.0.len();
        let number = u64::try_from(next).ok().filter(|_| next < RARE_LIMIT)?;
        self.0.insert(thing.clone(), number);
        Some(number)
    }
}

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        let (whole, rest) = bytes.as_chunks();
        for chunk in whole {
            self.write_u64(u64::from_le_bytes(*chunk));
        }
        let padded = rest.iter().fold(1, |word, byte| word << 8 | u64::from(*byte));
        self.write_u64(padded);
    }

    fn write_u64(&mut self, word: u64) {
        // Odd, with its bits well spread: 2^64 divided by the golden ratio.
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    // Lengths and discriminants, which are few.
    fn write_usize(&mut self, length: usize) {
        self.0 = self.0.rotate_left(7) ^ length as u64;
    }

    fn write_isize(&mut self, discriminant: isize) {
        self.write_usize(discriminant.cast_unsigned());
    }

    fn finish(&self) -> u64 {
        // The map takes its bits from both ends, a product is good at the upper one.
        let mixed = (self.0 ^ self.0 >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed ^ mixed >> 29
    }
}

fn hash_of(bytes: &[u8]) -> u64 {
    let mut mixer = Mixer::default();
    mixer.write(bytes);
    mixer.finish()
}

fn differ(syndrome: bool, page: bool) -> Folded {
    match (syndrome, page) {
        (_, true) => Folded::Pages,
        (true, false) => Folded::Syndromes,
        (false, false) => Folded::Nothing,
    }
}

fn count(group: &mut EventGroup, report: &Report<'_>) {
    let at = Duration::from_nanos(report.since_boot_ns);
    // Each CPU has a buffer of its own, so reports come out of order.
    group.first = group.first.min(at);
    group.last = group.last.max(at);
    group.reports = group.reports.saturating_add(1);
    group.errors = group.errors.saturating_add(u64::from(report.errors));
}

/// Adds one group to another; what is shown is that of the earlier.
fn unite(there: &mut EventGroup, mut other: EventGroup, page_shift: u8) {
    if other.first < there.first {
        std::mem::swap(there, &mut other);
    }
    let page = |address: Option<u64>| {
        address.map(|address| address.checked_shr(u32::from(page_shift)).unwrap_or(0))
    };
    let degree =
        differ(other.syndrome != there.syndrome, page(other.address) != page(there.address));
    there.folded = there.folded.max(other.folded).max(degree);
    there.last = there.last.max(other.last);
    there.reports = there.reports.saturating_add(other.reports);
    there.errors = there.errors.saturating_add(other.errors);
}

/// A group of one report.
fn first(report: &Report<'_>) -> EventGroup {
    let at = Duration::from_nanos(report.since_boot_ns);
    EventGroup {
        first: at,
        last: at,
        witness: report.witness,
        class: report.class,
        what: match &report.what {
            What::Memory => EventWhat::Memory,
            What::Other(what) => what.clone(),
        },
        place: match &report.place {
            Place::Edac { controller, layers, label } => EventPlace::Edac {
                controller: u32::from(*controller),
                layers: layers.map(|layer| u8::try_from(layer).ok()),
                label: shortened(String::from_utf8_lossy(before_nul(label)).into_owned()),
            },
            Place::Bank { cpu, socket, bank } => {
                EventPlace::Bank { cpu: *cpu, socket: *socket, bank: *bank }
            }
            Place::Other(place) => place.clone(),
        },
        address: report.address,
        grain_bits: report.grain_bits,
        syndrome: report.syndrome,
        reports: 1,
        errors: u64::from(report.errors),
        message: shortened(report.message.to_string()),
        detail: shortened(report.detail.to_string()),
        folded: Folded::Nothing,
    }
}

fn shortened(mut text: String) -> String {
    if text.len() > TEXT_LIMIT {
        text.truncate(text.floor_char_boundary(TEXT_LIMIT));
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests;
