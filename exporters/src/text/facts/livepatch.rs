//! Live patches: what the kernel's core shows of each, and what the vendors' systems say of them.

use super::{NAMED, source};
use crate::text::page::Page;
use crate::text::words::{self, count, reading, span};
use scrubjay_model::{
    Blocker, LivePatches, Livepatch, Patch, PatchForce, PatchState, PatchSystem, PatchSystemView,
    Reading, Snapshot, SupportEnd, TransitionAge, Transitions,
};

/// What the kernel's core shows.
pub(in super::super) fn livepatch(page: &mut Page, snapshot: &Snapshot, seen: &Transitions) {
    source(page, "live patch", &snapshot.livepatch, |page, livepatch| {
        let Livepatch { patches, blockers } = livepatch;
        if patches.is_empty() {
            page.field(2, "live patch", "none applied");
        }
        for patch in patches {
            page.field(2, "live patch", &patch_line(patch, snapshot, seen));
        }
        match blockers {
            None => {}
            Some(Reading::Value(blockers)) => write_blockers(page, blockers),
            Some(missing) => {
                let text = reading(missing, |_| String::new());
                page.more(2, &format!("tasks the transition waits for: {text}"));
            }
        }
    });
}

fn patch_line(patch: &Patch, snapshot: &Snapshot, seen: &Transitions) -> String {
    let Patch { name, enabled, transition, replace, stack_order, objects, module_taint } = patch;
    let mut parts = vec![reading(enabled, |enabled| {
        if *enabled { "enabled" } else { "being removed (enabled 0)" }.to_owned()
    })];
    match transition.as_ref().into_result() {
        Ok(true) => {
            let age = age(name, snapshot, seen);
            parts.push(format!("in transition{age}: not every task runs it yet"));
        }
        Ok(false) => parts.push("transition complete".to_owned()),
        Err(reason) => parts.push(format!("transition {}", words::missing(&reason))),
    }
    let functions = patch
        .function_count()
        .map_or_else(|| "functions not known".to_owned(), |n| count(n, "function", "functions"));
    parts.push(match objects.as_ref().into_result() {
        Ok(objects) => {
            let idle: Vec<&str> = objects
                .iter()
                .filter(|object| object.patched.value() == Some(&false))
                .map(|object| object.name.as_str())
                .collect();
            let idle = if idle.is_empty() {
                String::new()
            } else {
                format!(" (not patched: {})", idle.join(", "))
            };
            format!("{functions} in {}{idle}", count(objects.len(), "object", "objects"))
        }
        Err(reason) => format!("objects {}", words::missing(&reason)),
    });
    if replace.value() == Some(&true) {
        parts.push("replaces all others".to_owned());
    }
    if let Some(order) = stack_order.value() {
        parts.push(format!("stack order {order}"));
    }
    if let Some(taint) = module_taint.value() {
        let taint = if taint.is_empty() { "none" } else { taint };
        parts.push(format!("module taint {taint}"));
    }
    format!("{name}: {}", parts.join(", "))
}

fn write_blockers(page: &mut Page, blockers: &[Blocker]) {
    if blockers.is_empty() {
        page.more(2, "the transition runs, but no task was found that it waits for");
        return;
    }
    page.more(2, &format!("the transition waits for {}:", count(blockers.len(), "task", "tasks")));
    let shown = if page.style.all { blockers.len() } else { NAMED };
    for Blocker { pid, tid, comm, patch_state } in blockers.iter().take(shown) {
        let runs = match patch_state {
            0 => "runs the old code".to_owned(),
            1 => "runs the new code".to_owned(),
            other => format!("patch_state {other}"),
        };
        let thread = if pid == tid { String::new() } else { format!(" thread {tid}") };
        let comm = reading(comm, |comm| format!("\"{comm}\""));
        page.more(2, &format!("- pid {pid}{thread} {comm} {runs}"));
    }
    if let Some(more) = blockers.len().checked_sub(shown).filter(|more| *more > 0) {
        page.more(2, &format!("- and {more} more (--all lists them)"));
    }
}

/// How long the transition has run, as far as anything tells.
fn age(patch: &str, snapshot: &Snapshot, seen: &Transitions) -> String {
    match snapshot.transition_age(patch, seen) {
        Some(TransitionAge { age, at_least: false }) => format!(" for {}", span(age)),
        Some(TransitionAge { age, at_least: true }) => format!(" for at least {}", span(age)),
        None => String::new(),
    }
}

/// A paragraph for each system, what all of them cover, and what is left over of modules.
pub(in super::super) fn live_patches(page: &mut Page, snapshot: &Snapshot, seen: &Transitions) {
    let LivePatches { cover, systems } = snapshot.live_patches(seen);
    if let Some(section) = &snapshot.livepatch_systems
        && let Some(missing) = section.reading.non_value()
        && !section.reading.is_absent()
    {
        page.field(2, "patching", &words::missing(&missing));
    }
    for view in &systems {
        page.field(2, "patching", &format!("{}: {}", view.system.title(), state(view)));
        for line in details(view, snapshot) {
            page.more(2, &line);
        }
    }
    if !cover.patches.is_empty() {
        let (now, soon) = (cover.covered().len(), cover.in_flight().len());
        let bound = if cover.is_lower_bound() { "at least " } else { "" };
        let soon = if soon > 0 { format!("; {soon} more once in force") } else { String::new() };
        let unlisted: Vec<&str> = cover
            .patches
            .iter()
            .filter(|patch| patch.cves.value().is_none() && patch.force != PatchForce::NotInForce)
            .map(|patch| patch.patch.as_str())
            .collect();
        let known = match unlisted.as_slice() {
            [] => String::new(),
            names if names.len() == cover.patches.len() => {
                page.field(2, "covers", "not known: nothing here lists what the patches fix");
                return inert(page, snapshot);
            }
            names => format!("; nothing here lists what {} fixes", names.join(", ")),
        };
        page.field(2, "covers", &format!("{bound}{}{soon}{known}", count(now, "CVE", "CVEs")));
    }
    inert(page, snapshot);
}

fn inert(page: &mut Page, snapshot: &Snapshot) {
    let inert = snapshot.inert_patch_modules();
    if !inert.is_empty() {
        let modules = count(inert.len(), "module", "modules");
        let named: Vec<&str> = inert.iter().take(NAMED).copied().collect();
        let text = format!(
            "{modules} of replaced patches still loaded, doing nothing until the next boot: {}",
            named.join(", ")
        );
        page.field(2, "left over", &text);
    }
}

fn state(view: &PatchSystemView) -> String {
    let level = view.level.as_ref().map_or_else(String::new, |level| format!("level {level}, "));
    let word = match view.state {
        PatchState::Patched if view.cves.is_some() => "patched",
        PatchState::Patched => "loaded and in force; what that fixes is not known",
        PatchState::NothingApplied => "nothing applied",
        PatchState::SeedOnly => "only the empty first patch, which fixes nothing",
        PatchState::InTransition => "in transition, not in force yet",
        PatchState::Stalled => "STALLED in transition, not in force",
        PatchState::NotInForce => "loaded, NOT in force",
        PatchState::Failed => "FAILED to apply",
        PatchState::AppliedWithBug => "applied, and its vendor says that it has a defect",
        PatchState::Unpatchable => "this kernel can NO LONGER be patched",
        PatchState::NotKnown => "not known: what would tell could not be read",
    };
    format!("{level}{word}")
}

fn details(view: &PatchSystemView, snapshot: &Snapshot) -> Vec<String> {
    let PatchSystemView {
        system,
        state: _,
        level: _,
        effective_kernel,
        loaded,
        installed,
        lost_at_reboot,
        not_loaded,
        cves,
        sources,
        support_end,
        held_back,
    } = view;
    let mut lines = Vec::new();
    if let Some(kernel) = effective_kernel {
        lines.push(format!("amounts to the kernel {kernel}, says its client"));
    }
    if let Some(cves) = cves.as_ref().filter(|_| !sources.is_empty()) {
        let fixes = count(cves.len(), "CVE", "CVEs");
        lines.push(format!("lists {fixes} ({})", sources.join("; ")));
    }
    if let Some(end) = support_end.as_ref().filter(|_| !loaded.is_empty()) {
        lines.push(support(end, snapshot.at.wall_ms));
    }
    if !lost_at_reboot.is_empty() {
        lines.push(format!("LOST at the next reboot: {}", lost_at_reboot.join(", ")));
    } else if installed.as_ref().is_some_and(|modules| !modules.is_empty()) && !loaded.is_empty() {
        lines.push("installed for the next boot as well".to_owned());
    } else if installed.is_none() && !loaded.is_empty() && is_loaded_by_file(*system) {
        lines.push("whether the next boot loads it again is not known".to_owned());
    }
    if !not_loaded.is_empty() {
        lines.push(format!("installed and NOT loaded: {}", not_loaded.join(", ")));
    }
    lines.extend(held_back.iter().map(|what| format!("held back: {what}")));
    lines
}

/// Whether a file on disk is what the next boot loads. Others have a daemon that applies patches
/// after boot.
fn is_loaded_by_file(system: PatchSystem) -> bool {
    match system {
        PatchSystem::Kpatch
        | PatchSystem::Klp
        | PatchSystem::Amazon
        | PatchSystem::Unrecognised => true,
        PatchSystem::Kgraft
        | PatchSystem::Ksplice
        | PatchSystem::Kernelcare
        | PatchSystem::Canonical => false,
    }
}

fn support(end: &SupportEnd, now_ms: i64) -> String {
    let SupportEnd { last_day: _, date, is_dated, basis } = end;
    let left = end.days_left(now_ms);
    let days = count(left.unsigned_abs(), "day", "days");
    let about = if *is_dated { "" } else { "about " };
    if left < 0 {
        format!("support ENDED {about}{date}, {days} ago ({basis})")
    } else if *is_dated {
        format!("support until {date}, {days} left ({basis})")
    } else {
        format!("support until {about}{date} at the latest, {days} left ({basis})")
    }
}
