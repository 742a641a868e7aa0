//! What `status` says of the kernel's patches: installed, next boot, and what is owed.

use super::page::Page;
use super::words::{self, count, moment_ago, reading};
use scrubjay_model::{
    BootImages, Chosen, KernelDebt, KernelPackage, KernelState, MissingFix, NextBoot, Packages,
    PatchTruth, RebootHelps, Section,
};

/// Kernels and vulnerabilities named before they are only counted.
const NAMED: usize = 4;

pub(super) fn packages(page: &mut Page, section: &Option<Section<Packages>>) {
    match words::findings(section) {
        Err(missing) => page.field(2, "installed", &missing),
        Ok(Packages { manager, kernels, live_patches: _ }) => {
            if kernels.is_empty() {
                let text = format!("no kernel, says {}", manager.as_str());
                page.field(2, "installed", &text);
            }
            let label = std::iter::once("installed").chain(std::iter::repeat(""));
            for (kernel, label) in kernels.iter().take(NAMED).zip(label) {
                let KernelPackage { package, release: _, family: _ } = kernel;
                page.field(2, label, &format!("{} {}", package.name, package.version));
            }
            if kernels.len() > NAMED {
                page.field(2, "", &format!("and {} more", kernels.len() - NAMED));
            }
        }
    }
}

pub(super) fn next_boot(page: &mut Page, section: &Option<Section<BootImages>>) {
    match words::findings(section) {
        Err(missing) => page.field(2, "next boot", &missing),
        Ok(images) => page.field(2, "next boot", &reading(&images.next, next)),
    }
}

fn next(next: &NextBoot) -> String {
    let NextBoot { loader, entry, image, release, banner: _, chosen } = next;
    let release = release.as_deref().unwrap_or(image);
    let chosen = match chosen {
        Chosen::ByOrder => "",
        Chosen::Pinned | Chosen::Once => &format!(", {}", chosen.as_str()),
    };
    format!("{release} ({}: {entry}{chosen})", loader.as_str())
}

pub(super) fn truth(page: &mut Page, truth: Option<&PatchTruth>, now_ms: i64) {
    let Some(PatchTruth { kernel, debt }) = truth else { return };
    let KernelState { relation, because, newest, reboot_helps, .. } = kernel;
    page.field(2, "patches", &format!("{}: {because}", relation.as_str()));
    if let Some(at) = newest.as_ref().and_then(|newest| newest.installed_unix_s) {
        page.more(2, &format!("installed {}", moment_ago(at.saturating_mul(1000), now_ms)));
    }
    match debt.as_ref().into_result() {
        Ok(debt) => owed(page, debt, now_ms),
        Err(why) => page.field(2, "CVEs", &words::missing(&why)),
    }
    let reboot = match reboot_helps {
        RebootHelps::Yes => "brings the newest kernel",
        RebootHelps::No => "brings no newer kernel",
        RebootHelps::Unknown => "it cannot be told which kernel it brings",
    };
    page.field(2, "a reboot", reboot);
}

fn owed(page: &mut Page, debt: &KernelDebt, now_ms: i64) {
    let bound = if debt.is_lower_bound { "at least " } else { "" };
    let owed: Vec<&MissingFix> = debt.owed().collect();
    let mut text = format!("{bound}{} fixed on disk and not running", owed.len());
    for (kind, words) in [("mitigated", "live-patched"), ("in_flight", "in transition")] {
        let count = debt.count(kind);
        if count > 0 {
            text.push_str(&format!(", {count} {words}"));
        }
    }
    page.field(2, "CVEs", &text);
    if let Some(why) = &debt.partial_because {
        page.more(2, &format!("a part of them: {why}"));
    }
    let since = |at_s: i64| words::since(at_s, now_ms);
    let released = owed.iter().filter_map(|missing| missing.fix.released_unix_s).min();
    let installed = owed.iter().filter_map(|missing| missing.installed_unix_s).min();
    let clocks: Vec<String> = [("released", released), ("installed", installed)]
        .into_iter()
        .filter_map(|(word, at)| Some(format!("{word} {} ago", since(at?))))
        .collect();
    if !clocks.is_empty() {
        page.more(2, &format!("the oldest fix was {}", clocks.join(", ")));
    }
    if !debt.live_patch_only.is_empty() {
        let text = count(debt.live_patch_only.len(), "is", "are");
        page.more(2, &format!("{text} fixed by live patches alone, and lost by a reboot"));
    }
}
