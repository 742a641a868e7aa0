//! Bundles of many hosts in a directory: found, looked at on all processors, and kept as little as the
//! report on them needs.

use crate::bundle::{self, Depth, REPORT, SIGNATURE, SUMS, Trust};
use crate::progress::Progress;
use anyhow::Context as _;
use scrubjay_model::{BundleCheck, BundleEvidence, BundleFault, BundleFaultKind};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Folders within folders: a bundle may lie in one for its host, and that in one for its group.
const DEPTH: usize = 3;

/// Threads that look at bundles: each holds one report at a time, which bounds the memory.
const MOST_THREADS: usize = 8;

/// What lies in a directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Directories that are bundles, or should be.
    pub(crate) bundles: Vec<PathBuf>,
    /// What is neither that nor a folder of them.
    pub(crate) others: Vec<String>,
}

/// Looks for bundles.
pub(crate) fn find(dir: &Path) -> anyhow::Result<Found> {
    let mut found = Found::default();
    find_below(dir, DEPTH, &mut found)?;
    found.bundles.sort();
    found.others.sort();
    Ok(found)
}

fn find_below(dir: &Path, depth: usize, found: &mut Found) -> anyhow::Result<()> {
    let names = bundle::names(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    for name in names {
        let path = dir.join(&name);
        // A link may lead round in a circle, or out of here.
        if !std::fs::symlink_metadata(&path).is_ok_and(|path| path.is_dir()) {
            found.others.push(path.display().to_string());
            continue;
        }
        let inside = bundle::names(&path).unwrap_or_default();
        let is_bundle =
            [SUMS, SIGNATURE, REPORT].iter().any(|part| inside.iter().any(|name| name == part));
        let has_folders = || inside.iter().any(|name| path.join(name).is_dir());
        if is_bundle || depth <= 1 || !has_folders() {
            // One that lost every part is still told of.
            found.bundles.push(path);
        } else {
            find_below(&path, depth.saturating_sub(1), found)?;
        }
    }
    Ok(())
}

/// Looks at all of them.
pub(crate) fn look(bundles: &[PathBuf], trust: &Trust, progress: &Progress) -> Vec<BundleEvidence> {
    let all = u64::try_from(bundles.len()).ok();
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let (done, results) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, MOST_THREADS) {
            let (done, next) = (done.clone(), &next);
            scope.spawn(move || {
                while let Some(path) = bundles.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if done.send(one(path, trust)).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        let mut found = Vec::with_capacity(bundles.len());
        for bundle in results {
            found.push(bundle);
            progress.show(u64::try_from(found.len()).unwrap_or(u64::MAX), all);
        }
        found
    })
}

fn one(path: &Path, trust: &Trust) -> BundleEvidence {
    // Whatever stands in one must not cost the report on all others.
    let looked = catch_unwind(AssertUnwindSafe(|| bundle::check(path, trust, Depth::Figures)));
    let looked = looked.unwrap_or_else(|_| Err(anyhow::anyhow!("it cannot be looked at")));
    match looked {
        Ok(mut opened) => {
            // The first is told once of all of them; what the second is about is not read here.
            let is_for_all = |kind| {
                (kind == BundleFaultKind::SignerNotChecked && trust.signers.is_none())
                    || kind == BundleFaultKind::OtherVersion
            };
            opened.check.faults.retain(|fault| !is_for_all(fault.kind));
            BundleEvidence::of(&opened.check, opened.report.as_ref())
        }
        Err(error) => {
            let fault = BundleFault {
                kind: BundleFaultKind::Unreadable,
                part: ".".to_owned(),
                detail: format!("{error:#}"),
            };
            let mut check = BundleCheck::new(path.display().to_string());
            check.faults.push(fault);
            BundleEvidence::of(&check, None)
        }
    }
}

/// The hosts that there should be: a name a line.
pub(crate) fn expected(path: &Path) -> anyhow::Result<BTreeSet<String>> {
    let text = bundle::small(path).context("--hosts")?;
    let lines = text.lines().map(str::trim);
    let hosts: BTreeSet<String> = lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    anyhow::ensure!(!hosts.is_empty(), "--hosts {}: it names no host", path.display());
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "makes files of the test")]
    fn bundles_are_found_in_folders_and_nothing_is_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path();
        for path in ["a", "rack-1/b", "rack-1/c", "empty", "x/y/z/deep"] {
            std::fs::create_dir_all(dir.join(path)).unwrap();
        }
        for path in ["a/SHA256SUMS", "rack-1/b/report.json", "rack-1/c/notes.txt", "d.tar"] {
            std::fs::write(dir.join(path), "").unwrap();
        }
        std::os::unix::fs::symlink(dir, dir.join("a-circle")).unwrap();
        let found = find(dir).unwrap();
        let named =
            |paths: &[&str]| -> Vec<PathBuf> { paths.iter().map(|path| dir.join(path)).collect() };
        assert_eq!(found.bundles, named(&["a", "empty", "rack-1/b", "rack-1/c", "x/y/z"]));
        let others: Vec<PathBuf> = found.others.iter().map(PathBuf::from).collect();
        assert_eq!(others, named(&["a-circle", "d.tar"]));
        assert!(find(&dir.join("nowhere")).is_err());
    }
}
