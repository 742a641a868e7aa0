//! The lives of sticks: which of those seen now is which of those known.
//!
//! A life goes with the stick, not with the slot: a stick that moves takes its history along, and
//! one that replaces another begins anew. Keys are minted once and then matched, as those of
//! controllers are; see identity.rs.

use super::names::same_name;
use super::{DimmModule, Identity};
use crate::{ControllerKey, Place};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The name a stick keeps in the history and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ModuleKey(String);

/// A stick as the history last saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownModule {
    /// Its key.
    pub key: ModuleKey,
    /// The slot it was in.
    pub slot: Option<String>,
    /// The bank of the slot.
    pub bank: Option<String>,
    /// Its serial number, if that told it from all others.
    pub serial: Option<String>,
    /// Its part number.
    pub part: Option<String>,
    /// Its size.
    pub size_bytes: Option<u64>,
    /// Its places.
    pub places: Vec<(ControllerKey, Place)>,
    /// Whether SMBIOS listed it. If not, nothing can say that it is gone.
    pub listed: bool,
    /// Whether its life has ended: it was replaced or removed.
    pub retired: bool,
}

/// What the absence of a stick says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Inventory {
    /// SMBIOS was read and understood in full: what it does not list is not there.
    Complete,
    /// It was not: a stick that is not seen may be there all the same.
    Partial,
}

/// What came of one stick seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleLife {
    /// Its key, old or new.
    pub key: ModuleKey,
    /// How it relates to what was known.
    pub change: LifeChange,
}

/// How a stick relates to those known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LifeChange {
    /// Never seen, in a slot that was not known to be taken.
    New,
    /// The same stick in the same slot.
    Same,
    /// The same stick, of which more is known now than before: a serial number, or a slot.
    Identified,
    /// The same stick in another slot.
    Moved {
        /// The slot it was in.
        from: Option<String>,
    },
    /// The same stick, after a time in which it was not in the machine.
    Returned,
    /// Another stick in the slot of one that was known; a new life.
    Swapped {
        /// The stick that was there.
        replaced: ModuleKey,
    },
}

/// Why the life of a stick ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// Another stick is in its slot.
    Replaced {
        /// Which.
        by: ModuleKey,
    },
    /// SMBIOS lists all sticks, and this is none of them.
    Removed,
    /// It was known by its places alone, which have turned out to be parts of another stick.
    Regrouped {
        /// Which.
        into: ModuleKey,
    },
}

/// The lives after one look at the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleLives {
    /// In the order of the sticks seen.
    pub seen: Vec<ModuleLife>,
    /// Lives that ended, by key.
    pub gone: Vec<(ModuleKey, Gone)>,
}

impl ModuleKey {
    /// A key read back from the database.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// By serial number, slot or place, whichever tells most; numbered where that is taken.
    /// An opaque name that stays with the stick, for places where serial numbers do not belong.
    ///
    /// Keys are minted from the serial number where there is one. What is left of it here are 24
    /// bits: enough to tell the sticks of a host apart, and too few to lead back to one serial
    /// number of 32 bits.
    pub fn opaque(&self) -> String {
        // FNV-1a, as its authors give it. What hides the serial number is that bits are dropped,
        // not the function.
        const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let hash =
            self.0.bytes().fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
        let folded = (hash ^ (hash >> 24) ^ (hash >> 48)) & 0x00ff_ffff;
        format!("m{folded:06x}")
    }

    fn mint(seen: &Seen<'_>, taken: &BTreeSet<Self>) -> Self {
        let place = seen.places.first().map(|(controller, place)| controller.place(*place));
        let name = seen.module.slot_name();
        let base = [seen.serial(), name.as_deref(), place.as_deref()]
            .into_iter()
            .flatten()
            .map(slug)
            .find(|text| !text.is_empty())
            .unwrap_or_else(|| "dimm".to_owned());
        let numbered = (2_u32..).map(|n| Self(format!("{base}-{n}")));
        std::iter::once(Self(base.clone()))
            .chain(numbered)
            .find(|key| !taken.contains(key))
            .unwrap_or(Self(base))
    }
}

impl fmt::Display for ModuleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Lower case, with everything that is not a letter or digit as one dash.
fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// A stick seen, with its places as the history names them.
struct Seen<'m> {
    module: &'m DimmModule,
    places: Vec<(ControllerKey, Place)>,
}

impl Seen<'_> {
    fn serial(&self) -> Option<&str> {
        self.module.telling_serial()
    }

    fn is_listed(&self) -> bool {
        self.module.handle.is_some()
    }
}

impl KnownModule {
    /// What the history keeps of a stick that was given this key. What could not be read this
    /// time is kept from the time before.
    pub fn remember(
        key: ModuleKey,
        module: &DimmModule,
        controllers: &BTreeMap<u32, ControllerKey>,
        before: Option<&Self>,
    ) -> Self {
        let listed = module.handle.is_some();
        let kept = |new: Option<String>, old: fn(&Self) -> Option<&String>| {
            // SMBIOS has the last word on what it lists.
            new.or_else(|| before.filter(|_| !listed).and_then(old).cloned())
        };
        let known_before = before.filter(|before| before.listed && !listed);
        Self {
            key,
            slot: match known_before {
                // A label is no better name for a slot than the one firmware gave it.
                Some(before) => before.slot.clone(),
                None => kept(module.slot.clone(), |known| known.slot.as_ref()),
            },
            bank: kept(module.bank.clone(), |known| known.bank.as_ref()),
            serial: module
                .telling_serial()
                .map(str::to_owned)
                .or_else(|| before.and_then(|before| before.serial.clone())),
            part: kept(module.part.clone(), |known| known.part.as_ref()),
            size_bytes: match known_before {
                Some(before) => before.size_bytes,
                None => module.size_bytes.or_else(|| before.and_then(|known| known.size_bytes)),
            },
            places: match before {
                // EDAC may not be readable now; a stick still in its slot is where it was.
                Some(before) if module.places.is_empty() && before.slot == module.slot => {
                    before.places.clone()
                }
                Some(_) | None => places(module, controllers),
            },
            listed: listed || before.is_some_and(|before| before.listed),
            retired: false,
        }
    }

    fn same_serial(&self, seen: &Seen<'_>) -> bool {
        let same = self.serial.as_deref().zip(seen.serial());
        same.is_some_and(|(known, seen)| known.eq_ignore_ascii_case(seen))
            && agree(self.part.as_ref(), seen.module.part.as_ref())
    }

    /// Bank and slot; where one side knows no bank, the slot has to do, or the other's full name.
    fn same_slot(&self, seen: &Seen<'_>) -> bool {
        let module = seen.module;
        let (Some(known), Some(slot)) = (&self.slot, &module.slot) else { return false };
        match (&self.bank, &module.bank) {
            (Some(a), Some(b)) => same_name(a, b) && same_name(known, slot),
            (None, None) => same_name(known, slot),
            (Some(bank), None) => {
                same_name(known, slot) || same_name(&format!("{bank} {known}"), slot)
            }
            (None, Some(bank)) => {
                same_name(known, slot) || same_name(known, &format!("{bank} {slot}"))
            }
        }
    }

    /// Whether nothing that is known on both sides differs. What EDAC alone shows of a stick that
    /// SMBIOS listed before cannot contradict it: drivers round sizes and miss ranks.
    fn could_be(&self, seen: &Seen<'_>) -> bool {
        let serials = self.serial.as_deref().zip(seen.serial());
        if serials.is_some_and(|(known, seen)| !known.eq_ignore_ascii_case(seen)) {
            return false;
        }
        (self.listed && !seen.is_listed())
            || (agree(self.part.as_ref(), seen.module.part.as_ref())
                && agree(self.size_bytes, seen.module.size_bytes))
    }

    fn shares_a_place(&self, seen: &Seen<'_>) -> bool {
        self.places.iter().any(|place| seen.places.contains(place))
    }

    /// Whether the stick is known better than before.
    fn learns_from(&self, seen: &Seen<'_>) -> bool {
        (self.serial.is_none() && seen.serial().is_some())
            || (self.slot.is_none() && seen.module.slot.is_some())
            || (!self.listed && seen.is_listed())
    }
}

/// Whether two values do not contradict.
fn agree<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_none_or(|(a, b)| a == b)
}

fn places(
    module: &DimmModule,
    controllers: &BTreeMap<u32, ControllerKey>,
) -> Vec<(ControllerKey, Place)> {
    let key = |index| controllers.get(index).cloned();
    module.places.iter().filter_map(|at| Some((key(&at.controller)?, at.place))).collect()
}

/// Gives every stick seen a life: the one it had, if it can be recognised, else a new one.
///
/// A stick is recognised, in this order, by
/// 1. its serial number and slot;
/// 2. its serial number, wherever it was: it has moved, or is back;
/// 3. its places, where SMBIOS lists it neither now nor before: labels may be rewritten;
/// 4. its slot, unless a serial number, the part or the size speaks against it. Where there is no
///    telling serial number this is all there is, and a swap for an equal stick goes unnoticed
///    ([`Identity::Slot`] says so);
/// 5. its places, where one side knows no slot.
///
/// A stick in a known slot that is not recognised replaces the one that was there. No life ends
/// because something could not be read: only a stick seen in its place, or a complete inventory
/// without it, ends one. When blind we lean towards the same stick, so that no history is torn
/// apart by a firmware that answers differently once.
pub fn match_modules(
    known: &[KnownModule],
    seen: &[DimmModule],
    controllers: &BTreeMap<u32, ControllerKey>,
    inventory: Inventory,
) -> ModuleLives {
    let seen: Vec<Seen<'_>> =
        seen.iter().map(|module| Seen { module, places: places(module, controllers) }).collect();
    let matched = recognise(known, &seen, inventory);

    let mut taken: BTreeSet<ModuleKey> = known.iter().map(|k| k.key.clone()).collect();
    let mut ended: BTreeMap<ModuleKey, Gone> = BTreeMap::new();
    let mut lives: Vec<ModuleLife> = Vec::new();
    for (index, s) in seen.iter().enumerate() {
        if let Some(k) = matched.get(&index).and_then(|position| known.get(*position)) {
            lives.push(ModuleLife { key: k.key.clone(), change: relation(k, s) });
            continue;
        }
        let key = ModuleKey::mint(s, &taken);
        taken.insert(key.clone());
        let replaced = left_over(known, &matched)
            .find(|k| !k.retired && !ended.contains_key(&k.key) && s.is_listed() && k.same_slot(s));
        let change = match replaced {
            Some(k) => {
                ended.insert(k.key.clone(), Gone::Replaced { by: key.clone() });
                LifeChange::Swapped { replaced: k.key.clone() }
            }
            None => LifeChange::New,
        };
        lives.push(ModuleLife { key, change });
    }
    for k in left_over(known, &matched).filter(|k| !k.retired) {
        if ended.contains_key(&k.key) {
            continue;
        }
        let now = |rule: &dyn Fn(&Seen<'_>) -> bool| {
            let found = seen.iter().zip(&lives).find(|(s, _)| rule(s));
            found.map(|(_, life)| life.key.clone())
        };
        let gone = if let Some(by) = now(&|s| s.is_listed() && k.same_slot(s)) {
            Some(Gone::Replaced { by })
        } else if let Some(into) = now(&|s| !k.listed && k.shares_a_place(s)) {
            Some(Gone::Regrouped { into })
        } else {
            (k.listed && inventory == Inventory::Complete).then_some(Gone::Removed)
        };
        if let Some(gone) = gone {
            ended.insert(k.key.clone(), gone);
        }
    }
    ModuleLives { seen: lives, gone: ended.into_iter().collect() }
}

/// The known sticks that none of those seen is.
fn left_over<'k>(
    known: &'k [KnownModule],
    matched: &BTreeMap<usize, usize>,
) -> impl Iterator<Item = &'k KnownModule> {
    let taken: BTreeSet<usize> = matched.values().copied().collect();
    known.iter().enumerate().filter(move |(at, _)| !taken.contains(at)).map(|(_, k)| k)
}

/// Where to look for a stick. On a large machine there are too many to hold each against each, in
/// every pass.
struct Index<'k> {
    known: &'k [KnownModule],
    by_serial: BTreeMap<String, Vec<usize>>,
    by_place: BTreeMap<&'k (ControllerKey, Place), Vec<usize>>,
}

impl<'k> Index<'k> {
    fn new(known: &'k [KnownModule]) -> Self {
        let mut index = Self { known, by_serial: BTreeMap::new(), by_place: BTreeMap::new() };
        for (at, k) in known.iter().enumerate() {
            if let Some(serial) = &k.serial {
                index.by_serial.entry(serial.to_ascii_lowercase()).or_default().push(at);
            }
            for place in &k.places {
                index.by_place.entry(place).or_default().push(at);
            }
        }
        index
    }

    /// Those that may be it by this sign, in their order.
    fn near(&self, sign: Sign, s: &Seen<'_>) -> Vec<usize> {
        match sign {
            Sign::Serial => {
                let serial = s.serial().map(str::to_ascii_lowercase);
                serial.and_then(|serial| self.by_serial.get(&serial)).cloned().unwrap_or_default()
            }
            Sign::Slot if s.module.slot.is_none() => Vec::new(),
            Sign::Slot => (0..self.known.len()).collect(),
            Sign::Place => {
                let shared = s.places.iter().filter_map(|place| self.by_place.get(place)).flatten();
                shared.copied().collect::<BTreeSet<usize>>().into_iter().collect()
            }
        }
    }
}

/// What a stick is recognised by.
#[derive(Debug, Clone, Copy)]
enum Sign {
    Serial,
    Slot,
    Place,
}

/// The index of the known stick for each index of a seen one that was recognised.
fn recognise(
    known: &[KnownModule],
    seen: &[Seen<'_>],
    inventory: Inventory,
) -> BTreeMap<usize, usize> {
    type Rule<'a> = (Sign, &'a dyn Fn(&KnownModule, &Seen<'_>) -> bool);
    let rules: [Rule<'_>; 6] = [
        (Sign::Serial, &|k, s| !k.retired && k.same_serial(s) && k.same_slot(s)),
        (Sign::Serial, &|k, s| !k.retired && k.same_serial(s)),
        (Sign::Serial, &|k, s| k.same_serial(s)),
        (Sign::Place, &|k, s| {
            let unlisted = !k.retired && !k.listed && !s.is_listed();
            unlisted && !k.places.is_empty() && k.places == s.places
        }),
        (Sign::Slot, &|k, s| {
            // A slot named without its bank may be one of several.
            let rivals = || known.iter().filter(|other| !other.retired && other.same_slot(s));
            let clear = || k.bank.is_some() == s.module.bank.is_some() || rivals().count() == 1;
            !k.retired && k.same_slot(s) && clear() && k.could_be(s)
        }),
        (Sign::Place, &|k, s| {
            // A complete inventory has named every stick; a place beside it is none of them.
            let open = k.slot.is_none() || inventory == Inventory::Partial;
            let nameless = k.slot.is_none() || s.module.slot.is_none();
            !k.retired && nameless && open && k.shares_a_place(s) && k.could_be(s)
        }),
    ];
    let index = Index::new(known);
    let mut matched: BTreeMap<usize, usize> = BTreeMap::new();
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for (sign, same) in rules {
        for (at, s) in seen.iter().enumerate() {
            if matched.contains_key(&at) {
                continue;
            }
            let is_it =
                |k: &usize| !taken.contains(k) && known.get(*k).is_some_and(|known| same(known, s));
            if let Some(k) = index.near(sign, s).into_iter().find(is_it) {
                taken.insert(k);
                matched.insert(at, k);
            }
        }
    }
    matched
}

fn relation(k: &KnownModule, s: &Seen<'_>) -> LifeChange {
    if k.retired {
        LifeChange::Returned
    } else if k.slot.is_some() && s.is_listed() && k.listed && !k.same_slot(s) {
        LifeChange::Moved { from: k.slot.clone() }
    } else if k.learns_from(s) {
        LifeChange::Identified
    } else {
        LifeChange::Same
    }
}

impl Identity {
    /// What this way of telling a stick from others cannot notice; `None` where nothing escapes it.
    pub fn blind_spot(self) -> Option<&'static str> {
        match self {
            Self::Serial => None,
            Self::SharedSerial => {
                Some("another stick has the same serial number, so a swap for its like is not seen")
            }
            Self::Slot => Some("without a serial number a swap for its like is not seen"),
            Self::Place => Some("known by its place only, so a swap is not seen"),
        }
    }
}
