//! All sticks of memory, those that are gone too.

use super::error_times::ErrorTimes;
use super::findings::capital;
use super::parts::{ago, column, day, no_history, nothing, numbers, section, table, text, when};
use super::slots::{legend, map};
use super::stick::{Stick, masked, sticks};
use super::{Known, Page};
use crate::text::words::{count, size};
use maud::{Markup, html};
use scrubjay_model::{DimmKind, ErrorClass, ModuleTurn};
use serde::Serialize;

const DAY_MS: i64 = 86_400_000;

/// How far back the small charts reach.
const DRAWN_DAYS: i64 = 90;

/// Slots on the map, and turns in lives that are listed: the latest ones.
const MAPPED: usize = 2_048;
const TURNS: usize = 20;

#[derive(Debug, Serialize)]
pub(super) struct Memory {
    dimms: Vec<Row>,
    turns: Vec<Turn>,
    /// Why earlier days are not told of.
    no_history: Option<String>,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    stick: Stick,
    /// The last ninety days; `None` without a history.
    times: Option<ErrorTimes>,
}

/// A turn in the life of a stick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Turn {
    pub(super) at_wall_ms: i64,
    pub(super) module: String,
    pub(super) what: String,
    pub(super) detail: String,
}

impl Turn {
    /// The same without keys.
    pub(super) fn of(known: &Known<'_>, turn: &ModuleTurn) -> Self {
        Self {
            at_wall_ms: turn.at_wall_ms,
            module: turn.key.opaque(),
            what: turn.what.replace('_', " "),
            detail: masked(&known.view.accumulated.modules, &turn.detail),
        }
    }
}

pub(super) fn page(known: &Known<'_>) -> Memory {
    let now_ms = known.now_ms();
    let from = now_ms.saturating_sub(DRAWN_DAYS * DAY_MS);
    let past = known.past.memory(from);
    let turns = past.as_ref().map_or(&[][..], |past| &past.turns);
    let row = |(line, stick): (scrubjay_model::DimmLine, Stick)| {
        let traces = past.as_ref().ok().map(|past| &past.traces);
        let key = scrubjay_model::ModuleKey::from_stored(line.key.as_str());
        let times = traces.filter(|_| stick.correctable.is_some()).and_then(|traces| {
            let trace = traces.modules.get(&key)?;
            Some(ErrorTimes::of(&trace.changes, &traces.watches, from, now_ms))
        });
        Row { stick, times }
    };
    Memory {
        dimms: sticks(known.view, turns).into_iter().map(row).collect(),
        turns: {
            // What the first pass of the history found is no turn in any life.
            let first = turns.first().map(|turn| turn.at_wall_ms);
            let later = turns.iter().rev().filter(|turn| Some(turn.at_wall_ms) > first);
            later.map(|turn| Turn::of(known, turn)).collect()
        },
        no_history: past.as_ref().err().cloned(),
    }
}

impl Page for Memory {
    fn title(&self) -> String {
        "Memory".to_owned()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let all = || self.dimms.iter().map(|row| &row.stick);
        let (there, gone): (Vec<&Row>, Vec<&Row>) =
            self.dimms.iter().partition(|row| row.stick.ended_wall_ms.is_none());
        html! {
            h1 { "Memory" }
            @if there.is_empty() {
                (nothing("neither firmware nor the kernel lists any stick of memory here"))
            } @else {
                p.lead {
                    (count(there.len(), "stick or place", "sticks and places"))
                    @if let Some(bytes) = total_size(&there) { ", " (size(bytes)) " in all" }
                }
                (legend(all().collect::<Vec<_>>()))
            }
            @if let Some(why) = &self.no_history { (no_history(why)) }
            @if !there.is_empty() {
                (section("map", "Slot by slot", map(all().collect::<Vec<_>>(), MAPPED)))
                (section("list", "All sticks", rows("Sticks that are there, by slot", &there, known.now_ms())))
            }
            @if !gone.is_empty() {
                (section("gone", "Gone", rows("Sticks that were here", &gone, known.now_ms())))
            }
            @if !self.turns.is_empty() { (section("turns", "What became of sticks", self.turns())) }
            (section("serials", "Serial numbers", html! {
                p {
                    "They stay on the host: " code { "scrubjay dimms" } " lists them there. What stands here in their place, such as "
                    code { "m3f2a91" } ", stays with the stick when it moves, and is the " code { "module" } " of the metrics."
                }
            }))
        }
    }
}

fn total_size(rows: &[&Row]) -> Option<u64> {
    let sizes = rows.iter().filter(|row| row.stick.about == DimmKind::Stick);
    let sizes: Vec<u64> = sizes.filter_map(|row| row.stick.size_bytes).collect();
    (!sizes.is_empty()).then(|| sizes.iter().fold(0, |sum: u64, one| sum.saturating_add(*one)))
}

fn rows(caption: &str, rows: &[&Row], now_ms: i64) -> Markup {
    let has_times = rows.iter().any(|row| row.times.is_some());
    let mut columns = vec![
        column("Slot"),
        column("Verdict"),
        numbers("Corrected"),
        numbers("Uncorrected"),
        column("Last error"),
        numbers("Bad pages"),
        column("Stick"),
    ];
    if has_times {
        columns.insert(4, column("Last 90 days"));
    }
    let cells: Vec<Vec<Markup>> = rows
        .iter()
        .map(|Row { stick, times }| {
            let mut cells = vec![
                stick.link(),
                html! {
                    (stick.badge())
                    @if let Some(advice) = stick.advice { " " (text(advice)) }
                },
                html! { (stick.errors(ErrorClass::Correctable)) },
                html! { (stick.errors(ErrorClass::Uncorrectable)) },
                last_error(stick, now_ms),
                html! { @match stick.bad_pages { Some(n) => (n), None => "not known" } },
                html! {
                    (text(&stick.label())) " " code { (stick.module) }
                    @if let Some(ended) = stick.ended_wall_ms { br; "gone since " (day(ended)) }
                },
            ];
            if has_times {
                let id = format!("spark-{}", stick.module);
                cells.insert(
                    4,
                    match times {
                        Some(times) => times.sparkline(&id),
                        None => html! { "not known" },
                    },
                );
            }
            cells
        })
        .collect();
    table(caption, &columns, &cells)
}

/// When an error of it was counted last.
pub(super) fn last_error(stick: &Stick, now_ms: i64) -> Markup {
    match (stick.last_error_wall_ms, stick.since_wall_ms) {
        (Some(at), Some(since)) if at == since => {
            html! { "before " (day(at)) ", when it was first seen" }
        }
        (Some(at), _) => ago(at, now_ms),
        (None, Some(_)) if stick.is_counted() && stick.about != DimmKind::Unattributed => {
            html! { "none" }
        }
        (None, _) => html! { "not known" },
    }
}

impl Memory {
    fn turns(&self) -> Markup {
        let name = |module: &str| {
            let stick = self.dimms.iter().map(|row| &row.stick).find(|one| one.module == module);
            stick.map_or_else(|| html! { code { (module) } }, Stick::link)
        };
        html! {
            ul.log {
                @for turn in self.turns.iter().take(TURNS) {
                    li { (when(turn.at_wall_ms)) " " (name(&turn.module)) ": " (capital(&turn.what))
                        @if !turn.detail.is_empty() { " (" (text(&turn.detail)) ")" }
                    }
                }
                @if self.turns.len() > TURNS {
                    li.soft { "and " (self.turns.len() - TURNS) " earlier ones, which " code { "scrubjay dimms --json" } " has" }
                }
            }
        }
    }
}
