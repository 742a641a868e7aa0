//! The kernel's patches: the four words, how long what was waiting, live patches and what they wait
//! for.

mod live;

use super::four_words::{FourWords, exposure};
use super::overview::owed_badge;
use super::parts::{
    Figure, code, column, figure_of, figures, moment, no_history, nothing, number, numbers,
    section, span, table, text, when, why_missing,
};
use super::svg::{Bar, Told, bars};
use super::tone::{Tone, badge};
use super::{Known, Page, PatchPast};
use crate::text::words::count;
use live::Transition;
use maud::{Markup, html};
use scrubjay_model::{
    BucketBy, BucketWindow, ExposureTurnKind, FactRecord, FixState, KernelState, LivePatches,
    MissingFix, NextKernel, Reading, RebootHelps, RebootNeed, Watched, patch_buckets,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Fixes, closed exposures and changes that are listed.
const LISTED: usize = 50;
const CLOSED: usize = 20;
const CHANGES: usize = 30;

#[derive(Debug, Serialize)]
pub(super) struct Patches<'a> {
    four_words: FourWords,
    kernel: Option<&'a KernelState>,
    owed: Option<usize>,
    is_lower_bound: Option<bool>,
    partial_because: Option<&'a str>,
    exposed_released_seconds: Option<i64>,
    exposed_installed_seconds: Option<i64>,
    reboot_required: Option<bool>,
    reboot_needed: Option<&'a RebootNeed>,
    missing: Vec<&'a MissingFix>,
    live_patches: LivePatches,
    transitions: Vec<Transition<'a>>,
    blockers: Option<&'a Reading<Vec<scrubjay_model::Blocker>>>,
    months: Vec<Month>,
    closed: Vec<Closed>,
    changes: Vec<FactRecord>,
    no_history: Option<String>,
}

/// Fixes that waited at the end of a month; `None` where nobody looked.
#[derive(Debug, Serialize)]
struct Month {
    from_wall_ms: i64,
    owed: Option<u64>,
}

/// Vulnerabilities that were owed and are no more, those of one end and one fix together.
#[derive(Debug, Serialize)]
struct Closed {
    cves: usize,
    fix_version: String,
    released_unix_s: Option<i64>,
    installed_unix_s: Option<i64>,
    ended_wall_ms: i64,
    what: ExposureTurnKind,
    by: String,
}

pub(super) fn page<'a>(known: &Known<'a>) -> Patches<'a> {
    let view = known.view;
    let now_ms = known.now_ms();
    let truth = view.assessment.patches.as_ref();
    let debt = truth.and_then(|truth| truth.debt.value());
    let live_patches = view.snapshot.live_patches(&view.accumulated.transitions);
    let [exposed_released_seconds, exposed_installed_seconds] =
        debt.map_or([None, None], |debt| exposure(debt, now_ms));
    let past = known.past.patches();
    let mut missing: Vec<&MissingFix> =
        debt.map_or_else(Vec::new, |debt| debt.missing.iter().collect());
    missing.sort_by_key(|missing| {
        let rank = missing.rank.as_ref();
        (
            matches!(missing.state, FixState::Mitigated(_)),
            std::cmp::Reverse(rank.is_some_and(|rank| rank.exploited)),
            std::cmp::Reverse(rank.and_then(|rank| rank.severity)),
            missing.fix.released_unix_s.unwrap_or(i64::MAX),
        )
    });
    Patches {
        four_words: FourWords::of(view, &live_patches),
        kernel: truth.map(|truth| &truth.kernel),
        owed: debt.map(|debt| debt.owed().count()),
        is_lower_bound: debt.map(|debt| debt.is_lower_bound),
        partial_because: debt.and_then(|debt| debt.partial_because.as_deref()),
        exposed_released_seconds,
        exposed_installed_seconds,
        reboot_required: view.assessment.reboot_required(),
        reboot_needed: view.history.value().and_then(|history| history.reboot_needed.as_ref()),
        missing,
        live_patches,
        transitions: live::transitions(view),
        blockers: live::blockers(view),
        months: past.as_ref().map_or_else(|_| Vec::new(), |past| months(past, now_ms)),
        closed: past.as_ref().map_or_else(|_| Vec::new(), closed),
        changes: past.as_ref().map_or_else(|_| Vec::new(), changed),
        no_history: past.err(),
    }
}

/// What changed since the history began: what its first pass found is no change.
fn changed(past: &PatchPast) -> Vec<FactRecord> {
    let first = past.changes.first().map(|change| change.at_wall_ms);
    past.changes.iter().filter(|change| Some(change.at_wall_ms) > first).cloned().collect()
}

fn months(past: &PatchPast, now_ms: i64) -> Vec<Month> {
    let began = past.coverage.iter().map(|stretch| stretch.from_wall_ms);
    let began = began.chain(past.coverage_days.iter().map(|day| day.from_wall_ms)).min();
    let Some(from_wall_ms) = began else { return Vec::new() };
    let window = BucketWindow { by: BucketBy::Month, from_wall_ms, until_wall_ms: now_ms };
    let watched = Watched {
        coverage: &past.coverage,
        coverage_days: &past.coverage_days,
        boots: &past.boots,
    };
    let buckets = patch_buckets(window, &past.changes, &past.exposures, watched);
    let month = |bucket: &scrubjay_model::PatchBucket| Month {
        from_wall_ms: bucket.time.from_wall_ms,
        owed: bucket.owed(),
    };
    buckets.iter().map(month).collect()
}

fn closed(past: &PatchPast) -> Vec<Closed> {
    let mut groups: BTreeMap<(i64, String, Option<i64>, Option<i64>), Closed> = BTreeMap::new();
    for exposure in &past.exposures {
        let Some(ended_wall_ms) = exposure.ended_wall_ms() else { continue };
        let turn = exposure.turns.iter().rev().find(|turn| turn.at_wall_ms == ended_wall_ms);
        let Some(turn) = turn else { continue };
        let fix_version = exposure.fix_version.as_str().to_owned();
        let (released, installed) = (exposure.released_unix_s, exposure.installed_unix_s);
        let key = (ended_wall_ms, fix_version.clone(), released, installed);
        let group = groups.entry(key).or_insert(Closed {
            cves: 0,
            fix_version,
            released_unix_s: released,
            installed_unix_s: installed,
            ended_wall_ms,
            what: turn.what,
            by: turn.by.clone(),
        });
        group.cves = group.cves.saturating_add(1);
    }
    groups.into_values().rev().collect()
}

impl Page for Patches<'_> {
    fn title(&self) -> String {
        "Patches".to_owned()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let now_ms = known.now_ms();
        html! {
            h1 { "Patches" }
            (section("words", "Four words that are never mixed", self.four_words.steps(now_ms)))
            (section("clocks", "Exposure", html! {
                (figures(&self.clocks()))
                @if let Some(why) = self.partial_because { p.soft { "Only a part is known: " (text(why)) "." } }
                (self.owed_table(known))
            }))
            (section("live", "Live patches", live::systems(&self.live_patches, known)))
            (section("core", "In the kernel", live::core(&self.transitions, self.blockers, known)))
            @if let Some(why) = &self.no_history { (no_history(why)) }
            @if self.months.len() > 1 { (section("months", "Fixes that waited", self.months_chart())) }
            @if !self.closed.is_empty() { (section("closed", "Exposures that ended", self.closed_table())) }
            @if !self.changes.is_empty() { (section("changes", "What changed", self.changes_list())) }
        }
    }
}

impl Patches<'_> {
    fn clocks(&self) -> Vec<Figure> {
        let seconds = |n: Option<i64>| match (n, self.owed, self.is_lower_bound) {
            (Some(n), ..) => span(Duration::from_secs(n.unsigned_abs())),
            (None, Some(0), Some(false)) => "none".to_owned(),
            (None, ..) => "not known".to_owned(),
        };
        let tone = match (self.owed, self.is_lower_bound) {
            (Some(0), Some(false)) => Tone::Ok,
            (Some(n), _) if n > 0 => Tone::Plan,
            _ => Tone::Unknown,
        };
        let bound = if self.is_lower_bound == Some(true) { "at least " } else { "" };
        let waiting = self.owed.map_or_else(|| "not known".to_owned(), |n| format!("{bound}{n}"));
        let reboot = match self.reboot_required {
            Some(true) => (Tone::Plan, "yes"),
            Some(false) => (Tone::Ok, "no"),
            None => (Tone::Unknown, "cannot be told"),
        };
        let figure = |label, tone, value, note| Figure { label, tone, value, note, leads_to: None };
        vec![
            figure(
                "Fixes not in force",
                tone,
                waiting,
                html! { "on the disk, and neither running nor live-patched" },
            ),
            figure(
                "Since the first was released",
                tone,
                seconds(self.exposed_released_seconds),
                html! { "the clock of deadlines" },
            ),
            figure(
                "Since the first was installed",
                tone,
                seconds(self.exposed_installed_seconds),
                html! { "the clock of whoever could have rebooted" },
            ),
            figure(
                "A reboot is asked for",
                reboot.0,
                reboot.1.to_owned(),
                html! {
                    @match self.reboot_needed {
                        Some(need) => { "since " (moment(need.since_wall_ms)) ": " (text(&need.reasons.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>().join(", "))) }
                        None => { @if let Some(kernel) = self.kernel { "the next boot brings " (next(kernel)) } }
                    }
                    @if self.reboot_needed.is_some() {
                        @if let Some(kernel) = self.kernel { "; the next boot brings " (next(kernel)) }
                    }
                },
            ),
        ]
    }

    fn owed_table(&self, known: &Known<'_>) -> Markup {
        let truth = known.view.assessment.patches.as_ref();
        if let Some(why) = truth.and_then(|truth| truth.debt.non_value()) {
            return html! { p.nothing { (badge(Tone::Unknown, "NOT KNOWN")) " Which fixes wait cannot be told: " (text(&why_missing(&why))) "." } };
        }
        let Some(debt) = truth.and_then(|truth| truth.debt.value()) else {
            return nothing("nobody looked for fixes that wait");
        };
        if self.missing.is_empty() {
            return html! { p.nothing { (owed_badge(debt)) } };
        }
        let now_ms = known.now_ms();
        let for_how_long = |at: Option<i64>| match at {
            Some(at_s) => {
                html! { (span(Duration::from_millis(now_ms.abs_diff(at_s.saturating_mul(1000))))) }
            }
            None => html! { "not known" },
        };
        let row = |missing: &&MissingFix| {
            let (tone, state) = match &missing.state {
                FixState::Debt => (Tone::Plan, "not in force".to_owned()),
                FixState::InFlight(by) => (Tone::Watch, format!("in transition: {by}")),
                FixState::Mitigated(by) => (Tone::Ok, format!("live-patched: {by}")),
            };
            let rank = missing.rank.as_ref();
            let severity = match rank {
                None => "no list names it",
                Some(rank) => rank.severity.map_or("severity not known", |known| known.as_str()),
            };
            let exploited = rank.is_some_and(|rank| rank.exploited);
            vec![
                html! { (missing.fix.cve.to_string()) },
                badge(tone, &state),
                html! {
                    @if exploited { (badge(Tone::Act, "exploited")) " " }
                    (severity)
                },
                for_how_long(missing.fix.released_unix_s),
                for_how_long(missing.installed_unix_s),
                code(missing.fix.version.as_str()),
            ]
        };
        let rows: Vec<Vec<Markup>> = self.missing.iter().take(LISTED).map(row).collect();
        let columns = [
            column("Vulnerability"),
            column("State"),
            column("Rank"),
            numbers("Released for"),
            numbers("Installed for"),
            column("Fixed in"),
        ];
        html! {
            (table("What the newest installed kernel fixes, and the running one, as it was started, does not: the worst first", &columns, &rows))
            @if self.missing.len() > LISTED {
                p.soft { "and " (self.missing.len() - LISTED) " more, which " code { "scrubjay explain reboot --json" } " has by name" }
            }
        }
    }

    fn months_chart(&self) -> Markup {
        let month = |at: i64| -> String { super::parts::day(at).chars().take(7).collect() };
        let bar = |m: &Month| Bar { name: month(m.from_wall_ms), n: m.owed, grave: 0 };
        let of: Vec<Bar> = self.months.iter().map(bar).collect();
        let most = of.iter().filter(|bar| bar.n > Some(0)).max_by_key(|bar| bar.n);
        let told = most.map_or_else(
            || "none waited at the end of any month that was watched".to_owned(),
            |bar| format!("at most {} at the end of a month, in {}", bar.n.unwrap_or(0), bar.name),
        );
        let peak = most.and_then(|bar| bar.n).unwrap_or(0);
        let ends = [self.months.first(), self.months.last()].into_iter().flatten();
        let rows: Vec<Vec<Markup>> = self
            .months
            .iter()
            .rev()
            .map(|m| {
                vec![
                    html! { (month(m.from_wall_ms)) },
                    html! { @match m.owed { Some(n) => (number(n)), None => "not known" } },
                ]
            })
            .collect();
        html! {
            (figure_of("Installed and not in force, at the end of each month", &told, html! {
                div.chart {
                    p.peak aria-hidden="true" { "0 to " (number(peak)) }
                    (bars("bars", Told { id: "months-chart", title: "Fixes that waited, by month", told: &told }, &of))
                    p.axis aria-hidden="true" { @for end in ends { span { (month(end.from_wall_ms)) } } }
                }
            }))
            details {
                summary { "The numbers of the chart" }
                (table("Fixes that waited at the end of each month, the latest first", &[column("Month"), numbers("Waiting")], &rows))
            }
        }
    }

    fn closed_table(&self) -> Markup {
        let row = |closed: &Closed| {
            let lasted = |since: Option<i64>| match since {
                Some(since) => {
                    html! { (span(Duration::from_millis(closed.ended_wall_ms.abs_diff(since.saturating_mul(1000))))) }
                }
                None => html! { "not known" },
            };
            let how = match closed.what {
                ExposureTurnKind::Mitigated => "a live patch",
                ExposureTurnKind::Closed => "a boot",
                ExposureTurnKind::Unmitigated => "nothing",
            };
            vec![
                when(closed.ended_wall_ms),
                html! { (count(closed.cves, "CVE", "CVEs")) },
                html! { (how) ": " (code(&closed.by)) },
                lasted(closed.released_unix_s),
                lasted(closed.installed_unix_s),
                code(&closed.fix_version),
            ]
        };
        let rows: Vec<Vec<Markup>> = self.closed.iter().take(CLOSED).map(row).collect();
        let columns = [
            column("Ended"),
            numbers("How many"),
            column("By"),
            numbers("Since release"),
            numbers("Since install"),
            column("Fixed in"),
        ];
        html! {
            (table("Vulnerabilities that were owed and are no more, the latest first", &columns, &rows))
            @if self.closed.len() > CLOSED { p.soft { "Earlier ones: " code { "scrubjay history patches" } } }
        }
    }

    fn changes_list(&self) -> Markup {
        html! {
            ul.log {
                @for change in self.changes.iter().rev().take(CHANGES) {
                    li {
                        (when(change.at_wall_ms)) " " (change.name)
                        @if !change.subject.is_empty() { " " (code(&change.subject)) }
                        ": " (text(change.value.as_deref().unwrap_or(&change.state)))
                    }
                }
            }
            @if self.changes.len() > CHANGES {
                p.soft { "Earlier ones: " code { "scrubjay history patches" } }
            }
        }
    }
}

/// What the next boot brings, as a clause.
fn next(kernel: &KernelState) -> String {
    let release = kernel.next_release.as_deref().unwrap_or("a kernel whose release is not known");
    match (kernel.next, kernel.reboot_helps) {
        (NextKernel::Unknown, _) => "what cannot be told".to_owned(),
        (NextKernel::Newest, _) => format!("{release}, the newest that is installed"),
        (NextKernel::Newer, _) => format!("{release}, which is newer and not the newest"),
        (NextKernel::NotNewer, RebootHelps::Yes) => format!("{release}, whole again"),
        (NextKernel::NotNewer, _) => format!("{release}, which is not newer"),
    }
}
