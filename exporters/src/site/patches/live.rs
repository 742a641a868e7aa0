//! Live patches: the systems that bring them, what the kernel's core holds, and the tasks that a
//! transition waits for.

use crate::site::Known;
use crate::site::four_words::state_in_words;
use crate::site::parts::{
    code, column, facts, nothing, numbers, reading, short_reading, span, table, text, why_missing,
};
use crate::site::tone::{Tone, badge};
use crate::text::words::count;
use maud::{Markup, html};
use scrubjay_model::{
    Blocker, HostView, LivePatches, Patch, PatchSystemView, Reading, STALLED_AFTER, Snapshot,
    SupportEnd, TransitionAge,
};
use serde::Serialize;

/// Tasks that are listed.
const TASKS: usize = 50;

/// A patch of the kernel's core, and how long its transition has run.
#[derive(Debug, Serialize)]
pub(super) struct Transition<'a> {
    patch: &'a Patch,
    functions: Option<usize>,
    /// `None` where none runs, or nothing tells since when.
    age: Option<TransitionAge>,
}

pub(super) fn transitions(view: &HostView) -> Vec<Transition<'_>> {
    let core = Snapshot::found(&view.snapshot.livepatch);
    let patches = core.map_or(&[][..], |core| &core.patches);
    let transition = |patch: &'_ Patch| {
        let runs = patch.transition.value() == Some(&true);
        let age =
            runs.then(|| view.snapshot.transition_age(&patch.name, &view.accumulated.transitions));
        age.flatten()
    };
    patches
        .iter()
        .map(|patch| Transition {
            functions: patch.function_count(),
            age: transition(patch),
            patch,
        })
        .collect()
}

pub(super) fn blockers(view: &HostView) -> Option<&Reading<Vec<Blocker>>> {
    Snapshot::found(&view.snapshot.livepatch)?.blockers.as_ref()
}

/// A card for each system that left a trace.
pub(super) fn systems(live: &LivePatches, known: &Known<'_>) -> Markup {
    let section = known.view.snapshot.livepatch_systems.as_ref();
    let missing = section.filter(|s| !s.reading.is_absent()).and_then(|s| s.reading.non_value());
    html! {
        @if let Some(why) = missing { p.missing { (text(&why_missing(&why))) } }
        @if live.systems.is_empty() { (nothing("no live-patching system left a trace here")) }
        @else {
            ul.cards { @for system in &live.systems { li { (card(system, known.now_ms())) } } }
        }
    }
}

fn card(system: &PatchSystemView, now_ms: i64) -> Markup {
    let (tone, word) = state_in_words(system.state);
    let list = |names: &[String]| {
        html! { @for (at, name) in names.iter().enumerate() { @if at > 0 { ", " } (code(name)) } }
    };
    let mut rows = vec![
        (
            "loaded",
            if system.loaded.is_empty() {
                html! { "nothing" }
            } else {
                list(&system.loaded)
            },
        ),
        (
            "fixes",
            html! {
                @match &system.cves {
                    Some(cves) => { (count(cves.len(), "CVE", "CVEs")) @if !system.sources.is_empty() { ", as listed in " (text(&system.sources.join("; "))) } }
                    None => "not known: nothing here lists what it fixes",
                }
            },
        ),
    ];
    if let Some(level) = &system.level {
        rows.insert(0, ("level", code(level)));
    }
    if let Some(kernel) = &system.effective_kernel {
        rows.push(("amounts to", html! { (code(kernel)) ", says its client" }));
    }
    if !system.lost_at_reboot.is_empty() {
        rows.push(("lost at the next boot", list(&system.lost_at_reboot)));
    }
    if !system.not_loaded.is_empty() {
        rows.push(("installed, not loaded", list(&system.not_loaded)));
    }
    if let Some(end) = &system.support_end {
        rows.push(("support", support(end, now_ms)));
    }
    for why in &system.held_back {
        rows.push(("held back", text(why)));
    }
    html! {
        article.card.{ "t-" (tone.as_str()) } {
            header { (badge(tone, &word.to_uppercase())) h3 { (system.system.title()) } }
            (facts(&rows))
        }
    }
}

fn support(end: &SupportEnd, now_ms: i64) -> Markup {
    let left = end.days_left(now_ms);
    let days = count(left.unsigned_abs(), "day", "days");
    let about = if end.is_dated { "" } else { "about " };
    html! {
        @if left < 0 { (badge(Tone::Plan, "ENDED")) " " (about) (end.date) ", " (days) " ago" }
        @else { "until " (about) (end.date) @if !end.is_dated { " at the latest" } ", " (days) " left" }
        " (" (text(&end.basis)) ")"
    }
}

/// What the kernel's core holds, and whom a transition waits for.
pub(super) fn core(
    transitions: &[Transition<'_>],
    blockers: Option<&Reading<Vec<Blocker>>>,
    known: &Known<'_>,
) -> Markup {
    let section = known.view.snapshot.livepatch.as_ref();
    if let Some(why) = section.and_then(|section| section.reading.non_value()) {
        return html! { p.missing { (text(&why_missing(&why))) } };
    }
    if transitions.is_empty() {
        return nothing(if section.is_some() {
            "no live patch is applied by the kernel's own core"
        } else {
            "not asked: the source is switched off"
        });
    }
    let rows: Vec<Vec<Markup>> = transitions.iter().map(row).collect();
    let columns = [
        column("Patch"),
        column("State"),
        numbers("Functions"),
        column("Objects"),
        numbers("Stack order"),
        column("Taint"),
    ];
    html! {
        (table("Patches that the kernel's core lists", &columns, &rows))
        @match blockers {
            None => {}
            Some(Reading::Value(tasks)) => { (waits_for(tasks)) }
            Some(other) => { p.missing { "Tasks that the transition waits for: " (reading(other, |_| String::new())) } }
        }
    }
}

fn row(transition: &Transition<'_>) -> Vec<Markup> {
    let patch = transition.patch;
    let stalled = transition.age.is_some_and(|age| age.age >= STALLED_AFTER);
    let (tone, word) = match (patch.enabled.value(), patch.transition.value()) {
        (_, Some(true)) if stalled => (Tone::Plan, "STALLED"),
        (Some(true), Some(true)) => (Tone::Watch, "IN TRANSITION"),
        (Some(true), Some(false)) => (Tone::Ok, "APPLIED"),
        (Some(false), _) => (Tone::Plan, "BEING REMOVED"),
        (_, None) | (None, _) => (Tone::Unknown, "UNKNOWN"),
    };
    let idle = |objects: &Vec<scrubjay_model::PatchObject>| {
        let idle = objects.iter().filter(|object| object.patched.value() == Some(&false));
        let idle: Vec<&str> = idle.map(|object| object.name.as_str()).collect();
        let all: Vec<&str> = objects.iter().map(|object| object.name.as_str()).collect();
        let more = if idle.is_empty() {
            String::new()
        } else {
            format!(" (not patched: {})", idle.join(", "))
        };
        format!("{}{more}", all.join(", "))
    };
    vec![
        html! { (code(&patch.name)) @if patch.replace.value() == Some(&true) { br; span.soft { "replaces all others" } } },
        html! {
            (badge(tone, word))
            @if let Some(TransitionAge { age, at_least }) = transition.age {
                " for " @if at_least { "at least " } (span(age))
            }
        },
        html! { @match transition.functions { Some(n) => (n), None => "not known" } },
        reading(&patch.objects, idle),
        short_reading(&patch.stack_order, ToString::to_string),
        short_reading(&patch.module_taint, |taint| {
            if taint.is_empty() { "none".to_owned() } else { taint.clone() }
        }),
    ]
}

fn waits_for(tasks: &[Blocker]) -> Markup {
    if tasks.is_empty() {
        return nothing("a transition runs, and no task was found that it waits for");
    }
    let row = |task: &Blocker| {
        let runs = match task.patch_state {
            0 => "the old code".to_owned(),
            1 => "the new code".to_owned(),
            other => format!("patch_state {other}"),
        };
        vec![
            reading(&task.comm, Clone::clone),
            html! { (task.pid) },
            html! { (task.tid) },
            html! { (runs) },
        ]
    };
    let rows: Vec<Vec<Markup>> = tasks.iter().take(TASKS).map(row).collect();
    html! {
        h3 { "The transition waits for " (count(tasks.len(), "task", "tasks")) }
        p.soft { "Each has to leave the functions that are changed, or to be woken by a signal that it ignores." }
        (table("Tasks that still run the other code", &[column("Task"), numbers("Process"), numbers("Thread"), column("Runs")], &rows))
        @if tasks.len() > TASKS { p.soft { "and " (tasks.len() - TASKS) " more" } }
    }
}
