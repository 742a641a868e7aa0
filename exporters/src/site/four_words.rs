//! Available, installed, live-patched, running: four words that are never mixed
//! (docs/patches.md).

use super::parts::{distance, moment};
use super::tone::{Tone, badge};
use crate::printable;
use crate::text::words::{count, missing};
use maud::{Markup, html};
use scrubjay_model::{
    HostView, KernelDebt, KernelRelation, LivePatches, PatchState, PatchTruth, Reading, Snapshot,
};
use serde::Serialize;

/// How the host stands by each of the words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FourWords {
    pub(super) available: Word,
    pub(super) installed: Word,
    pub(super) live_patched: Word,
    pub(super) running: Word,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Word {
    pub(super) tone: Tone,
    /// The answer in a few words.
    pub(super) short: String,
    /// What it rests on.
    pub(super) because: String,
    /// Since when, milliseconds since the Unix epoch.
    pub(super) since_wall_ms: Option<i64>,
}

impl FourWords {
    pub(super) fn of(view: &HostView, live: &LivePatches) -> Self {
        let truth = view.assessment.patches.as_ref();
        Self {
            available: available(truth),
            installed: installed(truth),
            live_patched: live_patched(view, live),
            running: running(view, truth),
        }
    }

    fn each(&self) -> [(&'static str, &'static str, &Word); 4] {
        let Self { available, installed, live_patched, running } = self;
        [
            ("Available", "a fix is released", available),
            ("Installed", "it is on the disk", installed),
            ("Live-patched", "it is in force without a boot", live_patched),
            ("Running", "a boot brought it", running),
        ]
    }

    /// The words as steps, from left to right.
    pub(super) fn steps(&self, now_ms: i64) -> Markup {
        html! {
            ol.words {
                @for (name, meaning, word) in self.each() {
                    li class={ "word t-" (word.tone.as_str()) } {
                        p.word-name { strong { (name) } " " span.soft { (meaning) } }
                        p { (badge(word.tone, &printable(&word.short))) }
                        p.because { (printable(&super::findings::sentence(&word.because))) }
                        @if let Some(since) = word.since_wall_ms {
                            p.soft { "since " (moment(since)) ", " (distance(since, now_ms)) }
                        }
                    }
                }
            }
        }
    }
}

fn word(tone: Tone, short: impl Into<String>, because: impl Into<String>) -> Word {
    Word { tone, short: short.into(), because: because.into(), since_wall_ms: None }
}

/// Only a network could tell what is released and not installed; what is known are the dates of the
/// fixes in the changelogs of what is installed.
fn available(truth: Option<&PatchTruth>) -> Word {
    let fixes = truth.and_then(|truth| truth.debt.value()).map(|debt| &debt.missing);
    let latest =
        fixes.into_iter().flatten().filter_map(|missing| missing.fix.released_unix_s).max();
    let known = latest.map_or_else(String::new, |at| {
        let day = super::parts::day(at.saturating_mul(1000));
        format!("; the latest fix that is installed and not running was released on {day}")
    });
    word(
        Tone::Unknown,
        "not known",
        format!("the agent asks no network for what is released and not installed{known}"),
    )
}

fn installed(truth: Option<&PatchTruth>) -> Word {
    let Some(PatchTruth { kernel, .. }) = truth else {
        return word(Tone::Unknown, "not known", "nobody looked");
    };
    let newest = kernel.newest.as_ref();
    let name = newest.and_then(|newest| {
        let version = newest.version.as_ref().map(|version| version.as_str().to_owned());
        version.or_else(|| newest.release.clone())
    });
    let tone = match kernel.relation {
        KernelRelation::Current | KernelRelation::Ahead => Tone::Ok,
        KernelRelation::Behind | KernelRelation::Rebuilt | KernelRelation::Orphaned => Tone::Plan,
        KernelRelation::Unknown => Tone::Unknown,
    };
    Word {
        since_wall_ms: newest
            .and_then(|newest| newest.installed_unix_s)
            .map(|at| at.saturating_mul(1000)),
        ..word(
            tone,
            name.unwrap_or_else(|| "not known".to_owned()),
            format!("{}: {}", kernel.relation.as_str(), kernel.because),
        )
    }
}

fn live_patched(view: &HostView, live: &LivePatches) -> Word {
    if let Some(section) = &view.snapshot.livepatch
        && let Some(why) = section.reading.non_value()
        && !section.reading.is_absent()
    {
        return word(Tone::Unknown, "not known", missing(&why));
    }
    let Some(worst) = live.systems.iter().max_by_key(|system| system.state) else {
        let unsupported = view.snapshot.livepatch.as_ref().is_some_and(|s| s.reading.is_absent());
        let because = if unsupported {
            "this kernel has no live patching"
        } else {
            "no live patch is loaded, and no system that would load one is installed"
        };
        return word(Tone::Off, "none", because);
    };
    let (covered, in_flight) = (live.cover.covered().len(), live.cover.in_flight().len());
    let at_least = if live.cover.is_lower_bound() { "at least " } else { "" };
    let mut because = format!("{at_least}{} covered", count(covered, "CVE", "CVEs"));
    if in_flight > 0 {
        because.push_str(&format!(", {in_flight} more once a transition is complete"));
    }
    let names: Vec<&str> = live.systems.iter().map(|system| system.system.title()).collect();
    because.push_str(&format!(" ({})", names.join(", ")));
    let (tone, short) = state_in_words(worst.state);
    word(tone, short, because)
}

/// What a system amounts to.
pub(super) fn state_in_words(state: PatchState) -> (Tone, &'static str) {
    match state {
        PatchState::Patched => (Tone::Ok, "in force"),
        PatchState::NothingApplied => (Tone::Off, "nothing applied"),
        PatchState::SeedOnly => (Tone::Off, "only the empty first patch"),
        PatchState::InTransition => (Tone::Watch, "in transition, not in force yet"),
        PatchState::Stalled => (Tone::Plan, "stalled in transition"),
        PatchState::NotInForce => (Tone::Plan, "loaded, not in force"),
        PatchState::Failed => (Tone::Plan, "failed to apply"),
        PatchState::AppliedWithBug => (Tone::Act, "applied, with a defect"),
        PatchState::Unpatchable => (Tone::Plan, "can no longer be patched"),
        PatchState::NotKnown => (Tone::Unknown, "not known"),
    }
}

fn running(view: &HostView, truth: Option<&PatchTruth>) -> Word {
    let at = &view.snapshot.at;
    let booted =
        at.since_boot.and_then(|up| at.wall_ms.checked_sub(i64::try_from(up.as_millis()).ok()?));
    let kernel = Snapshot::found(&view.snapshot.kernel);
    let release = kernel.and_then(|kernel| kernel.release.value());
    let package = truth
        .and_then(|truth| truth.kernel.running.as_ref())
        .and_then(|running| running.package_version.as_ref())
        .map(|version| version.as_str().to_owned());
    let short = package.or_else(|| release.cloned()).unwrap_or_else(|| "not known".to_owned());
    let (tone, because) = match truth.map(|truth| truth.debt.as_ref()) {
        None => (Tone::Unknown, "nobody looked for what it lacks".to_owned()),
        Some(Reading::Value(debt)) => owed_in_words(debt),
        Some(other) => {
            let why = other.non_value().map_or_else(String::new, |why| missing(&why));
            let because = format!("what it lacks is not known: {why}");
            // Where nothing newer is installed, nothing installed waits.
            let current = truth.is_some_and(|t| t.kernel.relation == KernelRelation::Current);
            (if current { Tone::Ok } else { Tone::Unknown }, because)
        }
    };
    let release = release.map_or_else(String::new, |release| format!("{release}; "));
    Word { since_wall_ms: booted, ..word(tone, short, format!("{release}{because}")) }
}

/// How many fixes are on the disk and not in force.
pub(super) fn owed_in_words(debt: &KernelDebt) -> (Tone, String) {
    let owed = debt.owed().count();
    let at_least = if debt.is_lower_bound { "at least " } else { "" };
    let tone = match owed {
        0 if debt.is_lower_bound => Tone::Unknown,
        0 => Tone::Ok,
        _ => Tone::Plan,
    };
    (tone, format!("{at_least}{} on the disk and not in force", count(owed, "fix", "fixes")))
}

/// How long the worst vulnerability that is owed has been so: since its fix was released, and since it
/// was installed, seconds. As `/metrics` has it.
pub(super) fn exposure(debt: &KernelDebt, now_ms: i64) -> [Option<i64>; 2] {
    let since = |clock: fn(&scrubjay_model::MissingFix) -> Option<i64>| {
        let first = debt.owed().filter_map(clock).min()?;
        Some(now_ms.div_euclid(1000).saturating_sub(first).max(0))
    };
    [since(|missing| missing.fix.released_unix_s), since(|missing| missing.installed_unix_s)]
}
