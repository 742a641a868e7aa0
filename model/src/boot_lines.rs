//! One list of boots made of what the agent saw itself and what other tools remember.
//!
//! Two tell of one boot if they name the same boot id, or, where one of them names none, if they
//! begin within [`MATCH_WITHIN`] of each other, do not name different kernels, and neither has
//! anything nearer in the other's list. Nobody tells of a boot twice. What the agent saw is never
//! replaced: others only fill in what it does not know, and where they say otherwise, that is told.

use crate::seconds;
use crate::{
    BootCause, BootEnd, BootId, BootMemory, BootRecord, BootSource, BootSources, ForeignBoot,
    ForeignEnd,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// How far apart two tools may put the beginning of one boot. wtmp is written when user space
/// begins, which is after firmware tables, memory and the initial file system were set up, and all
/// of them by a clock that may be set meanwhile.
pub const MATCH_WITHIN: Duration = Duration::from_secs(600);

/// How far apart two tellings by one tool may put it: btime of /proc/stat is rounded anew.
const SAME_TELLER_WITHIN_MS: u64 = 2_000;

/// A boot as another tool remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportedBoot {
    /// Which tool.
    pub memory: BootMemory,
    /// What it says.
    pub boot: ForeignBoot,
}

/// What the length of a boot rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthBasis {
    /// The time since boot, which no step of the wall clock moves, until it was last seen.
    BootClock,
    /// At least in part two times of the wall clock, which may have been set between them.
    WallClock,
}

/// One boot, by everybody who tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootLine {
    /// The kernel's id for it, if anybody knows.
    pub boot: Option<BootId>,
    /// When it began, milliseconds since the Unix epoch: by the agent if it saw it, else by
    /// tuptime, wtmpdb, wtmp or uptimed, in this order. `None` if nobody knows.
    pub booted_wall_ms: Option<i64>,
    /// When it ended or was last seen running.
    pub ended_wall_ms: Option<i64>,
    /// How long it ran, sleep included; a lower bound unless it ended cleanly.
    #[serde(
        rename = "ran_seconds",
        serialize_with = "seconds::of_option",
        deserialize_with = "seconds::read_option"
    )]
    pub ran: Option<Duration>,
    /// What that rests on.
    pub ran_by: Option<LengthBasis>,
    /// Of that, asleep.
    #[serde(
        rename = "slept_seconds",
        serialize_with = "seconds::of_option",
        deserialize_with = "seconds::read_option"
    )]
    pub slept: Option<Duration>,
    /// Release of its kernel.
    pub kernel_release: Option<String>,
    /// How often user space was started anew under the same kernel; only wtmpdb tells.
    pub soft_reboots: u32,
    /// How it ended.
    pub end: BootEnd,
    /// Why, as far as there is evidence.
    pub cause: Option<BootCause>,
    /// What `end` and `cause` rest on, as sentences.
    pub evidence: String,
    /// Who tells of it.
    pub sources: BootSources,
    /// Steps of the wall clock that the agent saw in it.
    pub clock_steps: u32,
}

/// Whether one tool tells of the same boot in both, at two times.
pub fn same_boot_told(a: &ForeignBoot, b: &ForeignBoot) -> bool {
    match (&a.boot_id, &b.boot_id) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => {
            a.booted_wall_ms.abs_diff(b.booted_wall_ms) <= SAME_TELLER_WITHIN_MS
                && agree(a.kernel_release.as_deref(), b.kernel_release.as_deref())
        }
    }
}

/// Every boot that the agent saw or another tool remembers, once, in the order of their beginnings.
/// One whose beginning nobody knows comes behind the one that the agent saw before it: `own` are in
/// the order in which they were seen. `steps` tells how many steps of the wall clock were seen in a boot.
pub fn merged_boots(
    own: &[BootRecord],
    imported: Vec<ImportedBoot>,
    steps: &BTreeMap<BootId, u32>,
) -> Vec<BootLine> {
    let mut lines: Vec<BootLine> = own.iter().map(BootLine::own).collect();
    for line in &mut lines {
        let seen = line.boot.as_ref().and_then(|boot| steps.get(boot));
        line.clock_steps = seen.copied().unwrap_or(0);
    }
    let mut told: BTreeMap<BootMemory, Vec<ForeignBoot>> = BTreeMap::new();
    for ImportedBoot { memory, boot } in imported {
        told.entry(memory).or_default().push(boot);
    }
    // The one that knows most first.
    for memory in [BootMemory::Tuptime, BootMemory::Wtmpdb, BootMemory::Wtmp, BootMemory::Uptimed] {
        join(&mut lines, memory, distinct(told.remove(&memory).unwrap_or_default()));
    }
    let after = begun_before(own);
    lines.sort_by_key(|line| match line.booted_wall_ms {
        Some(begun) => (Some(begun), false),
        None => (after.get(&line.boot).copied().flatten(), true),
    });
    lines
}

/// When the last boot before each began of which that is known. Own boots have one id each, or the
/// host tells none and has a single one.
fn begun_before(own: &[BootRecord]) -> BTreeMap<Option<BootId>, Option<i64>> {
    let mut last = None;
    let mut before = BTreeMap::new();
    for record in own {
        before.insert(record.boot.is_known().then(|| record.boot.clone()), last);
        last = record.booted_wall_ms.or(last);
    }
    before
}

/// The boots in order, each once.
fn distinct(mut boots: Vec<ForeignBoot>) -> Vec<ForeignBoot> {
    boots.sort_by_key(|boot| boot.booted_wall_ms);
    boots.dedup_by(|later, earlier| same_boot_told(later, earlier));
    if may_repeat(&boots) {
        let mut ids = HashSet::with_capacity(boots.len());
        let is_first =
            boots.iter().map(|boot| boot.boot_id.as_ref().is_none_or(|id| ids.insert(id)));
        let mut first = is_first.collect::<Vec<bool>>().into_iter();
        boots.retain(|_| first.next().unwrap_or(true));
    }
    boots
}

/// Whether an id may be there twice. Hardly any teller repeats one, and this is told by numbers alone.
fn may_repeat(boots: &[ForeignBoot]) -> bool {
    let number = |id: &BootId| {
        let add = |sum: u64, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte));
        id.as_str().bytes().fold(0, add)
    };
    let ids = boots.iter().filter_map(|boot| boot.boot_id.as_ref());
    let mut numbers: Vec<u64> = ids.map(number).collect();
    numbers.sort_unstable();
    !numbers.is_sorted_by(|a, b| a < b)
}

fn join(lines: &mut Vec<BootLine>, memory: BootMemory, boots: Vec<ForeignBoot>) {
    if boots.is_empty() {
        return;
    }
    if lines.is_empty() {
        // Nobody told of any boot before.
        lines.extend(boots.into_iter().map(|boot| BootLine::told(memory, boot)));
        return;
    }
    lines.sort_by_key(|line| line.booted_wall_ms);
    let partners = {
        let by_id: HashMap<&BootId, usize> = lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Some((line.boot.as_ref()?, at)))
            .collect();
        let named = |boot: &ForeignBoot| by_id.get(boot.boot_id.as_ref()?).copied();
        let named: Vec<Option<usize>> = boots.iter().map(named).collect();
        by_time(lines, &boots, named)
    };
    let mut fresh = Vec::new();
    for (boot, partner) in boots.into_iter().zip(partners) {
        match partner.and_then(|at| lines.get_mut(at)) {
            Some(line) => line.absorb(memory, &boot),
            None => fresh.push(BootLine::told(memory, boot)),
        }
    }
    lines.extend(fresh);
}

/// Where a boot is among others: its position, beginning, id and kernel.
#[derive(Debug, Clone, Copy)]
struct Spot<'a> {
    at: usize,
    wall_ms: i64,
    id: Option<&'a BootId>,
    kernel: Option<&'a str>,
}

/// How many neighbours on each side are looked at. A host that boots more often than this within
/// [`MATCH_WITHIN`] and under other kernels each time is told of twice.
const NEIGHBOURS: usize = 8;

impl<'a> Spot<'a> {
    /// The nearest of `others`, which are in order, that may be the same boot.
    fn nearest(&self, others: &[Spot<'a>]) -> Option<usize> {
        let here = others.partition_point(|other| other.wall_ms < self.wall_ms);
        let before = others.iter().take(here).rev().take(NEIGHBOURS);
        let behind = others.iter().skip(here).take(NEIGHBOURS);
        let distance = |other: &Spot<'_>| other.wall_ms.abs_diff(self.wall_ms);
        before
            .chain(behind)
            .filter(|other| u128::from(distance(other)) <= MATCH_WITHIN.as_millis())
            .filter(|other| self.may_be(other))
            .min_by_key(|other| (distance(other), other.wall_ms, other.at))
            .map(|other| other.at)
    }

    fn may_be(&self, other: &Spot<'_>) -> bool {
        // Two ids that are the same were matched by them.
        (self.id.is_none() || other.id.is_none()) && agree(self.kernel, other.kernel)
    }
}

/// The line of each boot: those that `named` it, and of the others those that are nearest to each
/// other.
fn by_time(
    lines: &[BootLine],
    boots: &[ForeignBoot],
    named: Vec<Option<usize>>,
) -> Vec<Option<usize>> {
    let mut taken = vec![false; lines.len()];
    for at in named.iter().flatten() {
        if let Some(taken) = taken.get_mut(*at) {
            *taken = true;
        }
    }
    let free_lines: Vec<Spot<'_>> = lines
        .iter()
        .enumerate()
        .zip(&taken)
        .filter(|(_, taken)| !**taken)
        .filter_map(|((at, line), _)| {
            Some(Spot {
                at,
                wall_ms: line.booted_wall_ms?,
                id: line.boot.as_ref(),
                kernel: line.kernel_release.as_deref(),
            })
        })
        .collect();
    let free_boots: Vec<Spot<'_>> = boots
        .iter()
        .enumerate()
        .zip(&named)
        .filter(|(_, line)| line.is_none())
        .map(|((at, boot), _)| Spot {
            at,
            wall_ms: boot.booted_wall_ms,
            id: boot.boot_id.as_ref(),
            kernel: boot.kernel_release.as_deref(),
        })
        .collect();
    let wanted: BTreeMap<usize, usize> =
        free_lines.iter().filter_map(|line| Some((line.at, line.nearest(&free_boots)?))).collect();
    let mut partners = named;
    for boot in &free_boots {
        let mutual = boot.nearest(&free_lines).filter(|at| wanted.get(at) == Some(&boot.at));
        if let Some(partner) = partners.get_mut(boot.at) {
            *partner = mutual;
        }
    }
    partners
}

fn agree(a: Option<&str>, b: Option<&str>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a == b,
        (None, _) | (_, None) => true,
    }
}

impl From<ForeignEnd> for BootEnd {
    fn from(end: ForeignEnd) -> Self {
        match end {
            ForeignEnd::Clean => Self::Clean,
            ForeignEnd::Unclean => Self::Unclean,
            ForeignEnd::Unknown => Self::Unknown,
        }
    }
}

impl BootLine {
    fn own(record: &BootRecord) -> Self {
        let BootRecord {
            boot,
            booted_wall_ms,
            last_seen_wall_ms,
            ran,
            slept,
            kernel_release,
            kernel_version: _,
            end,
            evidence,
        } = record;
        Self {
            boot: boot.is_known().then(|| boot.clone()),
            booted_wall_ms: *booted_wall_ms,
            ended_wall_ms: *last_seen_wall_ms,
            ran: *ran,
            ran_by: ran.map(|_| LengthBasis::BootClock),
            slept: *slept,
            kernel_release: kernel_release.clone(),
            soft_reboots: 0,
            end: *end,
            cause: None,
            evidence: evidence.clone(),
            sources: BootSource::Agent.into(),
            clock_steps: 0,
        }
    }

    fn told(memory: BootMemory, boot: ForeignBoot) -> Self {
        let (ran, ran_by) = match (boot.lasted_s, between(&boot)) {
            (Some(seconds), _) => {
                (Some(Duration::from_secs(seconds)), Some(LengthBasis::BootClock))
            }
            (None, Some(length)) => (Some(length), Some(LengthBasis::WallClock)),
            (None, None) => (None, None),
        };
        Self {
            evidence: sentence(memory, &boot),
            boot: boot.boot_id,
            booted_wall_ms: Some(boot.booted_wall_ms),
            ended_wall_ms: boot.ended_wall_ms,
            ran,
            ran_by,
            slept: boot.slept_s.map(Duration::from_secs),
            kernel_release: boot.kernel_release,
            soft_reboots: boot.soft_reboots,
            end: boot.end.into(),
            cause: None,
            sources: BootSource::Memory(memory).into(),
            clock_steps: 0,
        }
    }

    /// Takes in what one more tool says of this boot.
    fn absorb(&mut self, memory: BootMemory, boot: &ForeignBoot) {
        self.sources.push(BootSource::Memory(memory));
        self.boot = self.boot.take().or_else(|| boot.boot_id.clone());
        self.booted_wall_ms = self.booted_wall_ms.or(Some(boot.booted_wall_ms));
        self.kernel_release = self.kernel_release.take().or_else(|| boot.kernel_release.clone());
        self.soft_reboots = self.soft_reboots.max(boot.soft_reboots);
        self.slept = self.slept.or(boot.slept_s.map(Duration::from_secs));
        // A clock that counts from the boot on never tells too much, so the most is the best.
        let lasted = boot.lasted_s.map(Duration::from_secs);
        if let Some(lasted) = lasted.filter(|lasted| {
            self.ran.is_none_or(|ran| ran < *lasted) || self.ran_by == Some(LengthBasis::WallClock)
        }) {
            self.ran = Some(lasted);
            self.ran_by = Some(LengthBasis::BootClock);
            self.ended_wall_ms = boot.ended_wall_ms.or(self.ended_wall_ms);
        }
        if self.ran.is_none()
            && let Some(length) = between(boot)
        {
            self.ran = Some(length);
            self.ran_by = Some(LengthBasis::WallClock);
        }
        self.take_end(memory, boot);
    }

    fn take_end(&mut self, memory: BootMemory, boot: &ForeignBoot) {
        match (self.end, boot.end) {
            (BootEnd::Running, _) | (_, ForeignEnd::Unknown) => {}
            (BootEnd::Unknown, ForeignEnd::Clean | ForeignEnd::Unclean) => {
                self.end = boot.end.into();
                self.evidence = sentence(memory, boot);
                if boot.end == ForeignEnd::Clean {
                    self.extend_to(boot);
                }
            }
            (BootEnd::Clean, ForeignEnd::Unclean) | (BootEnd::Unclean, ForeignEnd::Clean) => {
                let other = sentence(memory, boot);
                self.evidence = format!("{} Otherwise {other}", self.evidence);
            }
            (BootEnd::Clean, ForeignEnd::Clean) | (BootEnd::Unclean, ForeignEnd::Unclean) => {}
        }
        self.ended_wall_ms = self.ended_wall_ms.or(boot.ended_wall_ms);
    }

    /// The boot went on until an orderly end that its last sight did not reach.
    fn extend_to(&mut self, boot: &ForeignBoot) {
        let Some(ended) = boot.ended_wall_ms else { return };
        let Some(seen) = self.ended_wall_ms else {
            self.ended_wall_ms = Some(ended);
            return;
        };
        let (Ok(more), Some(ran)) = (u64::try_from(ended.saturating_sub(seen)), self.ran) else {
            return;
        };
        if more > 0 && self.sources.first() == Some(&BootSource::Agent) {
            self.ran = Some(ran.saturating_add(Duration::from_millis(more)));
            self.ran_by = Some(LengthBasis::WallClock);
            self.ended_wall_ms = Some(ended);
        }
    }
}

/// The length of a boot by two times of the wall clock.
fn between(boot: &ForeignBoot) -> Option<Duration> {
    let length = boot.ended_wall_ms?.checked_sub(boot.booted_wall_ms)?;
    u64::try_from(length).ok().map(Duration::from_millis)
}

fn sentence(memory: BootMemory, boot: &ForeignBoot) -> String {
    // Where nobody asks for words there are none.
    if boot.evidence.is_empty() {
        return String::new();
    }
    [memory.as_str(), ": ", &boot.evidence, "."].concat()
}

#[cfg(test)]
mod tests;
