//! A stick of memory as visitors may see it: without its serial number, and without the key that is
//! made of it (ADR 0009).

use super::Known;
use super::parts::{opaque, stick_link};
use super::tone::{Tone, badge, verdict};
use maud::{Markup, html};
use scrubjay_model::{
    Controller, Dimm, DimmKind, DimmLine, ErrorClass, HostView, ModuleTurn, Snapshot, Verdict,
    memory_lines,
};
use serde::Serialize;

/// A stick, or a place that counts errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Stick {
    /// The opaque name that stays with it, and by which its page is found.
    pub(super) module: String,
    /// What people call it.
    pub(super) name: String,
    pub(super) about: DimmKind,
    /// `None` once it is gone.
    pub(super) verdict: Option<Verdict>,
    /// What to do, in a few words, where it was judged.
    pub(super) advice: Option<&'static str>,
    pub(super) slot: Option<String>,
    pub(super) bank: Option<String>,
    pub(super) part: Option<String>,
    pub(super) manufacturer: Option<String>,
    pub(super) size_bytes: Option<u64>,
    pub(super) counted_at: Vec<String>,
    pub(super) edac: Vec<String>,
    /// What the driver calls its controller.
    pub(super) controller: Option<String>,
    /// Where it is there: `channel 0 slot 1`.
    pub(super) location: Option<String>,
    pub(super) correctable: Option<u64>,
    pub(super) uncorrectable: Option<u64>,
    pub(super) lower_bound: bool,
    pub(super) restarts: Option<u64>,
    pub(super) since_wall_ms: Option<i64>,
    pub(super) ended_wall_ms: Option<i64>,
    pub(super) last_error_wall_ms: Option<i64>,
    pub(super) bad_pages: Option<u64>,
}

/// All sticks of a host with the lines they are made of, in the order of `dimms`.
pub(super) fn sticks(view: &HostView, turns: &[ModuleTurn]) -> Vec<(DimmLine, Stick)> {
    memory_lines(view, turns)
        .into_iter()
        .map(|line| {
            let stick = stick(&line, view);
            (line, stick)
        })
        .collect()
}

fn stick(line: &DimmLine, view: &HostView) -> Stick {
    let module = opaque(&line.key);
    let judged = line.judged(view);
    let place = place(line, view);
    // A stick without slot and place is called by its key, which may be its serial number.
    let name = line.name();
    let name = if name == line.key && line.about != DimmKind::Unattributed {
        module.clone()
    } else {
        name
    };
    Stick {
        verdict: line.verdict,
        advice: judged.map(|dimm| dimm.advice),
        module,
        name,
        about: line.about,
        slot: line.slot.clone(),
        bank: line.bank.clone(),
        part: line.part.clone(),
        manufacturer: line.manufacturer.clone(),
        size_bytes: line.size_bytes,
        counted_at: line.counted_at.clone(),
        edac: line.edac.clone(),
        controller: place.map(|(controller, _)| {
            let name = controller.name.value().filter(|name| !name.is_empty());
            name.map_or_else(|| format!("mc{}", controller.index), Clone::clone)
        }),
        location: place.and_then(|(_, dimm)| dimm?.location.value().cloned()),
        correctable: line.correctable,
        uncorrectable: line.uncorrectable,
        lower_bound: line.lower_bound,
        restarts: line.restarts,
        since_wall_ms: line.since_wall_ms,
        ended_wall_ms: line.ended_wall_ms,
        last_error_wall_ms: line.last_error_wall_ms,
        bad_pages: line.bad_pages,
    }
}

/// Where the kernel counts its errors now.
fn place<'v>(line: &DimmLine, view: &'v HostView) -> Option<(&'v Controller, Option<&'v Dimm>)> {
    let edac = Snapshot::found(&view.snapshot.edac)?;
    let name = line.edac.first()?;
    let (controller, place) = name.split_once('/').unwrap_or((name, ""));
    let controller =
        edac.controllers.iter().find(|found| format!("mc{}", found.index) == controller)?;
    let dimm = controller.dimms.iter().find(|dimm| dimm.place.to_string() == place);
    Some((controller, dimm))
}

/// Whom a name in the address means: the sticks of that opaque name, slot or place. Serial numbers and
/// keys are not asked for, so that nobody can try them out.
pub(super) fn called<'s>(
    sticks: &'s [(DimmLine, Stick)],
    name: &str,
) -> Option<&'s (DimmLine, Stick)> {
    let same = |text: &String| text.eq_ignore_ascii_case(name.trim());
    let is_called = |(line, stick): &&(DimmLine, Stick)| {
        same(&stick.module)
            || same(&stick.name)
            || stick.slot.as_ref().is_some_and(same)
            || line.slot_name().as_ref().is_some_and(same)
            || stick.counted_at.iter().chain(&stick.edac).any(same)
    };
    // One that is there comes before those that are gone.
    sticks.iter().filter(is_called).min_by_key(|(_, stick)| stick.ended_wall_ms.is_some())
}

/// What a finding, an alert or a page calls a stick, as visitors may see it: keys are put into their
/// opaque form, and what is no stick stays as it is.
pub(super) fn subject<'s>(
    known: &Known<'_>,
    sticks: &'s [(DimmLine, Stick)],
    subject: &'s str,
) -> (String, Option<&'s Stick>) {
    let about = sticks.iter().find(|(line, stick)| {
        let is_there = stick.ended_wall_ms.is_none();
        let place = || stick.counted_at.iter().chain(&stick.edac).any(|at| at == subject);
        is_there && (line.key == subject || stick.name == subject || place())
    });
    match about {
        Some((line, stick)) if line.key == subject && stick.about != DimmKind::Unattributed => {
            (stick.name.clone(), Some(stick))
        }
        Some((_, stick)) => (subject.to_owned(), Some(stick)),
        None => (masked(&known.view.accumulated.modules, subject), None),
    }
}

/// Text in which the keys of sticks are hidden.
pub(super) fn masked<V>(
    modules: &std::collections::BTreeMap<scrubjay_model::ModuleKey, V>,
    text: &str,
) -> String {
    let key = modules.keys().find(|key| key.as_str() == text);
    key.map_or_else(|| text.to_owned(), scrubjay_model::ModuleKey::opaque)
}

impl Stick {
    pub(super) fn errors(&self, class: ErrorClass) -> String {
        let n = match class {
            ErrorClass::Correctable => self.correctable,
            ErrorClass::Uncorrectable => self.uncorrectable,
        };
        super::parts::errors(n, self.lower_bound && n.is_some())
    }

    /// Whether its errors of both classes are counted.
    pub(super) fn is_counted(&self) -> bool {
        self.correctable.is_some() && self.uncorrectable.is_some()
    }

    pub(super) fn tone(&self) -> Tone {
        self.verdict.map_or(Tone::Off, Tone::from)
    }

    pub(super) fn word(&self) -> String {
        self.verdict.map_or_else(|| "GONE".to_owned(), |said| said.as_str().to_uppercase())
    }

    pub(super) fn badge(&self) -> Markup {
        self.verdict.map_or_else(|| badge(Tone::Off, "GONE"), verdict)
    }

    pub(super) fn link(&self) -> Markup {
        stick_link(&self.module, &self.name)
    }

    /// What is printed on it, as far as visitors may know.
    pub(super) fn label(&self) -> String {
        let size = self.size_bytes.map(crate::text::words::size);
        let parts = [self.manufacturer.clone(), self.part.clone(), size];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "not known".to_owned() } else { parts.join(" ") }
    }
}

/// Since when the counters of a stick count, and what is missing.
pub(super) fn basis(stick: &Stick, now_ms: i64) -> Markup {
    html! {
        @match stick.since_wall_ms {
            Some(since) => { "since " (super::parts::day(since)) ", " (super::parts::distance(since, now_ms)) }
            None => { "shown by the kernel now; there is no history of it" }
        }
        @if let Some(restarts) = stick.restarts.filter(|n| *n > 0) {
            "; counters began anew " (crate::text::words::count(restarts, "time", "times"))
            ", and errors just before may be missing"
        }
    }
}
