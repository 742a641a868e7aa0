//! The figures of the first page.

use super::{AlertCounts, Ledger, Overview, ledger_tone, ledger_words, number_of, since_boot};
use crate::site::Known;
use crate::site::parts::{Figure, errors, moment, number, span};
use crate::site::places::Place;
use crate::site::slots::worst;
use crate::site::tone::Tone;
use crate::text::words;
use maud::html;
use scrubjay_model::{CoverageState, Verdict};
use std::time::Duration;

impl Overview<'_> {
    pub(super) fn figures(&self, known: &Known<'_>) -> Vec<Figure> {
        let now_ms = known.now_ms();
        let [corrected, others] = self.errors.unread;
        let mut figures = vec![
            self.errors_of(
                "Corrected errors",
                self.errors.correctable,
                self.coverage.correctable,
                corrected,
            ),
            self.errors_of(
                "Uncorrected errors",
                self.errors.uncorrectable,
                self.coverage.uncorrectable,
                others,
            ),
            self.sticks_figure(),
        ];
        figures.extend([
            self.exposure(),
            self.uptime(known, now_ms),
            self.alerts(),
            self.watching(now_ms),
            self.ledger(),
        ]);
        figures
    }

    fn errors_of(
        &self,
        label: &'static str,
        n: Option<u64>,
        seen: CoverageState,
        is_unread: bool,
    ) -> Figure {
        let tone = match (n, seen) {
            (None, _) => Tone::Unknown,
            (Some(0), CoverageState::Full) if !is_unread => Tone::Ok,
            (Some(0), _) => Tone::Unknown,
            (Some(_), _) => Tone::Watch,
        };
        let note = html! {
            @match self.errors.since_wall_ms.filter(|since| *since < i64::MAX) {
                Some(since) => { "since " (crate::site::parts::day(since)) ", all places together" }
                None => { "nothing counts them" }
            }
            @if is_unread { "; not every counter can be read now" }
            @if seen != CoverageState::Full { "; " (seen.as_str()) " coverage" }
        };
        let value = errors(n, self.errors.lower_bound && n.is_some());
        Figure { label, tone, value, note, leads_to: Some(Place::Memory) }
    }

    fn sticks_figure(&self) -> Figure {
        let there = || self.dimms.iter().filter(|stick| stick.ended_wall_ms.is_none());
        let ailing = there().filter(|s| s.verdict.is_some_and(|v| v >= Verdict::Watch)).count();
        Figure {
            label: "DIMMs",
            tone: worst(there()),
            value: if there().count() == 0 {
                "not known".to_owned()
            } else {
                number_of(there().count())
            },
            note: html! {
                @if there().count() == 0 { "neither firmware nor the kernel lists any" }
                @else { (number_of(ailing)) " of them on watch or worse" }
            },
            leads_to: Some(Place::Memory),
        }
    }

    fn exposure(&self) -> Figure {
        let label = "Longest exposure";
        let leads_to = Some(Place::Patches);
        let Some(owed) = &self.owed else {
            let note = html! { "what is installed and not running cannot be told" };
            return Figure {
                label,
                tone: Tone::Unknown,
                value: "not known".to_owned(),
                note,
                leads_to,
            };
        };
        let for_seconds = |seconds: i64| span(Duration::from_secs(seconds.unsigned_abs()));
        let value = match owed.exposed_released_seconds.or(owed.exposed_installed_seconds) {
            Some(seconds) => for_seconds(seconds),
            None if owed.owed == 0 && !owed.is_lower_bound => "none".to_owned(),
            None => "not known".to_owned(),
        };
        let tone = match (owed.owed, owed.is_lower_bound) {
            (0, false) => Tone::Ok,
            (0, true) => Tone::Unknown,
            _ => Tone::Plan,
        };
        let note = html! {
            @match (owed.exposed_released_seconds, owed.exposed_installed_seconds) {
                (Some(_), Some(seconds)) => { "since its release; " (for_seconds(seconds)) " since it was installed; " }
                (Some(_), None) => "since its release; ",
                (None, Some(_)) => "since it was installed; ",
                (None, None) => {}
            }
            @if owed.is_lower_bound { "at least " }
            (words::count(owed.owed, "fix", "fixes")) " not in force"
        };
        Figure { label, tone, value, note, leads_to }
    }

    fn uptime(&self, known: &Known<'_>, now_ms: i64) -> Figure {
        let value = since_boot(known.view).map_or_else(|| "not known".to_owned(), span);
        let booted = self
            .since_boot_seconds
            .and_then(|up| now_ms.checked_sub(i64::try_from(up).ok()?.checked_mul(1000)?));
        Figure {
            label: "Uptime",
            tone: if booted.is_some() { Tone::Off } else { Tone::Unknown },
            value,
            note: html! { @if let Some(booted) = booted { "booted " (moment(booted)) } @else { "the kernel does not tell" } },
            leads_to: Some(Place::Uptime),
        }
    }

    fn alerts(&self) -> Figure {
        let AlertCounts { firing, acknowledged, pending } = &self.alerts;
        let open = firing.map(|firing| firing.saturating_sub(*acknowledged));
        Figure {
            label: "Alerts firing",
            tone: match open {
                None => Tone::Unknown,
                Some(0) => Tone::Ok,
                Some(_) => Tone::Watch,
            },
            value: firing.map_or_else(|| "not known".to_owned(), number_of),
            note: html! { (number_of(*acknowledged)) " of them acknowledged, " (number_of(*pending)) " pending" },
            leads_to: Some(Place::Alerts),
        }
    }

    fn watching(&self, now_ms: i64) -> Figure {
        let label = "Watched";
        let Some(watched) = &self.watched else {
            let note = html! { "there is no history: the counters are the kernel's own" };
            return Figure {
                label,
                tone: Tone::Unknown,
                value: "not known".to_owned(),
                note,
                leads_to: Some(Place::About),
            };
        };
        let seconds = |n: u64| span(Duration::from_secs(n));
        Figure {
            label,
            tone: Tone::Off,
            value: seconds(watched.covered_seconds),
            note: html! {
                "of " (span(Duration::from_millis(now_ms.abs_diff(watched.since_wall_ms))))
                " since the history began; without a gap for " (seconds(watched.covered_without_gap_seconds))
            },
            leads_to: Some(Place::About),
        }
    }

    fn ledger(&self) -> Figure {
        let Ledger { head, state } = &self.ledger;
        Figure {
            label: "Ledger",
            tone: ledger_tone(state),
            value: head
                .map_or_else(|| "none".to_owned(), |head| format!("row {}", number(head.seq))),
            note: html! {
                (ledger_words(state))
                @if let Some(head) = head { ", hash " code { (head.hash.to_string().chars().take(16).collect::<String>()) "…" } }
            },
            leads_to: Some(Place::About),
        }
    }
}
