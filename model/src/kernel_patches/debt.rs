//! Vulnerabilities that the newest installed kernel fixes and the running one has.

use super::KernelState;
use crate::{
    CveId, CveRank, Fix, KernelPackage, Lacking, NonValue, Origin, PackageVersion, PatchForce,
    Reading, Snapshot,
};
use serde::Serialize;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What the newest installed kernel fixes, and what is left of that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KernelDebt {
    /// What the newest one fixes and the running one, as it was started, does not, in order.
    pub missing: Vec<MissingFix>,
    /// Whether there may be more: the list of what was fixed is cut, or missing in part.
    pub is_lower_bound: bool,
    /// Why, as a sentence without its full stop.
    pub partial_because: Option<String>,
    /// Fixed by a live patch now, and by no installed kernel: lost by rebooting without it.
    pub live_patch_only: Vec<CveId>,
}

/// A vulnerability that the newest installed kernel fixes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissingFix {
    /// The fix.
    #[serde(flatten)]
    pub fix: Fix,
    /// When a version with the fix was first installed of those that are there now, seconds since
    /// the Unix epoch; `None` where no time is known.
    pub installed_unix_s: Option<i64>,
    /// Whether a live patch has it.
    pub state: FixState,
    /// What lists say of the vulnerability; `None` if none names it.
    pub rank: Option<CveRank>,
}

/// How far a fix has come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "by")]
pub enum FixState {
    /// It is installed and not in force.
    Debt,
    /// A live patch of that name that is in transition brings it.
    InFlight(String),
    /// A live patch of that name has it in force.
    Mitigated(String),
}

impl FixState {
    /// The kinds, in the order they are exported.
    pub const KINDS: [&'static str; 3] = ["debt", "mitigated", "in_flight"];

    /// Its kind as a stable word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Debt => "debt",
            Self::Mitigated(_) => "mitigated",
            Self::InFlight(_) => "in_flight",
        }
    }
}

impl KernelDebt {
    /// How many fixes are of a kind.
    pub fn count(&self, kind: &str) -> usize {
        self.missing.iter().filter(|missing| missing.state.kind() == kind).count()
    }

    /// The fixes that are installed and not in force.
    pub fn owed(&self) -> impl Iterator<Item = &MissingFix> {
        self.missing.iter().filter(|missing| !matches!(missing.state, FixState::Mitigated(_)))
    }
}

impl Snapshot {
    /// What the newest installed kernel fixes that the running one does not.
    ///
    /// Not a value where the list of fixes cannot be had at all: then nothing is known, which is
    /// not the same as nothing being fixed.
    pub fn kernel_debt(&self, state: &KernelState) -> Reading<KernelDebt> {
        let absent = |what: &str| Reading::Absent(Origin::new(what));
        let (Some(running), Some(newest)) = (&state.running, &state.newest) else {
            return absent("the running and the newest installed kernel");
        };
        let Some(runs) = &running.package_version else {
            return absent("the package version of the running kernel");
        };
        let packages = Self::found(&self.packages);
        let kernels = packages.map_or(&[][..], |packages| &packages.kernels);
        let named = |kernel: &&KernelPackage| {
            Some(&kernel.package.name) == newest.package.as_ref()
                && Some(&kernel.package.version) == newest.version.as_ref()
        };
        let Some(package) = kernels.iter().find(named).map(|kernel| &kernel.package) else {
            return absent("the package of the newest installed kernel");
        };
        let changelog = match package.changelog.as_ref().into_result() {
            Ok(changelog) => changelog,
            Err(NonValue::Absent(origin)) => return Reading::Absent(origin),
            Err(why) => return why.into(),
        };
        let of_family =
            || kernels.iter().filter(|kernel| kernel.family == running.family).map(|k| &k.package);
        let own = of_family()
            .filter(|kernel| kernel.version == *runs)
            .find_map(|kernel| kernel.changelog.value());
        let since = changelog.fixed_since(runs, own.map(|own| &**own));
        let mut fixes = since.fixes;
        // The first of the installed versions that names one has it.
        let mut newer: Vec<(&PackageVersion, BTreeSet<CveId>)> = of_family()
            .filter(|kernel| !since.of_some_version.is_empty() && kernel.version > *runs)
            .filter_map(|kernel| Some((&kernel.version, kernel.changelog.value()?.cves())))
            .collect();
        newer.sort_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        fixes.extend(since.of_some_version.iter().map(|(cve, released_unix_s)| {
            let first = newer.iter().find(|(_, cves)| cves.contains(cve));
            let version = first.map_or(&package.version, |(version, _)| version).clone();
            Fix { cve: *cve, version, released_unix_s: *released_unix_s }
        }));
        fixes.sort_unstable_by_key(|fix| fix.cve);

        let cover = self.cover();
        let lists = Self::found(&self.cve_lists);
        let missing = fixes
            .into_iter()
            .map(|fix| MissingFix {
                installed_unix_s: first_installed(kernels, &running.family, &fix.version),
                state: cover.state(fix.cve),
                rank: lists.and_then(|lists| lists.rank(fix.cve)).copied(),
                fix,
            })
            .collect();
        let named = changelog.cves();
        let partial_because = since.may_lack.map(|lacking| match lacking {
            Lacking::Cut => {
                format!("the changelog of {} does not reach back to {runs}", package.name)
            }
            Lacking::Unversioned(entries) => format!(
                "{entries} entries of the changelog of {} have no version, and the changelog of \
                 {runs} is not there to tell which of them are new",
                package.name
            ),
        });
        Reading::Value(KernelDebt {
            missing,
            is_lower_bound: since.may_lack.is_some(),
            partial_because,
            live_patch_only: cover
                .in_force
                .keys()
                .filter(|cve| !named.contains(cve))
                .copied()
                .collect(),
        })
    }
}

/// The earliest installation, of those known, of a kernel of the family that has a version's fixes.
fn first_installed(
    kernels: &[KernelPackage],
    family: &str,
    version: &PackageVersion,
) -> Option<i64> {
    kernels
        .iter()
        .filter(|kernel| kernel.family == family && kernel.package.version >= *version)
        .filter_map(|kernel| kernel.package.installed_unix_s.value().copied())
        .min()
}

impl Snapshot {
    fn cover(&self) -> Cover {
        let mut cover = Cover::default();
        let packages = Self::found(&self.packages);
        let packages = packages.map_or(&[][..], |packages| &packages.live_patches);
        for patch in self.live_patch_cover(packages).patches {
            cover.take(patch.force, &patch.patch, patch.cves.value().into_iter().flatten());
        }
        // What the administrator's lists say of patches, beside what their vendors do.
        let lists = Self::found(&self.cve_lists);
        for patch in Self::found(&self.livepatch).into_iter().flat_map(|found| &found.patches) {
            let listed = lists.and_then(|lists| lists.live_patches.get(&patch.name));
            cover.take(patch.force(), &patch.name, listed.into_iter().flatten());
        }
        cover
    }
}

/// What live patches fix, as far as it is known, with the patch that does.
#[derive(Debug, Default)]
struct Cover {
    in_force: BTreeMap<CveId, String>,
    in_flight: BTreeMap<CveId, String>,
}

impl Cover {
    fn take<'c>(&mut self, force: PatchForce, by: &str, cves: impl Iterator<Item = &'c CveId>) {
        let to = match force {
            PatchForce::InForce => &mut self.in_force,
            PatchForce::InFlight => &mut self.in_flight,
            PatchForce::NotInForce | PatchForce::NotKnown => return,
        };
        for cve in cves {
            to.entry(*cve).or_insert_with(|| by.to_owned());
        }
    }

    fn state(&self, cve: CveId) -> FixState {
        match (self.in_force.get(&cve), self.in_flight.get(&cve)) {
            (Some(by), _) => FixState::Mitigated(by.clone()),
            (None, Some(by)) => FixState::InFlight(by.clone()),
            (None, None) => FixState::Debt,
        }
    }
}
