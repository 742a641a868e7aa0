//! The first page: what to do, what cannot be seen, and the figures.

mod figures;

use super::findings::{Found, cards, grouped};
use super::four_words::{FourWords, exposure, owed_in_words};
use super::parts::{figures, number, section, text};
use super::places::Place;
use super::slots::{legend, map};
use super::stick::{Stick, sticks};
use super::tone::{Tone, badge, sign, verdict};
use super::{Known, Page};
use crate::text::{headline, words};
use maud::{Markup, html};
use scrubjay_model::{
    AlertState, Controller, Counter, CoverageState, ErrorClass, HostView, LedgerHead, LedgerState,
    Reading, SeriesPlace, SeriesTotal, Snapshot, Verdict,
};
use serde::Serialize;
use std::time::Duration;

/// Slots on the map of the first page.
const MAPPED: usize = 192;

/// What the first page says.
#[derive(Debug, Serialize)]
pub(super) struct Overview<'a> {
    verdict: Verdict,
    headline: String,
    coverage: Coverage<'a>,
    findings: Vec<Found<'a>>,
    errors: HostErrors,
    dimms: Vec<Stick>,
    four_words: FourWords,
    owed: Option<Owed>,
    since_boot_seconds: Option<u64>,
    watched: Option<Watched>,
    alerts: AlertCounts,
    ledger: Ledger<'a>,
}

/// What is seen of each class of errors, and what hides the rest.
#[derive(Debug, Serialize)]
struct Coverage<'a> {
    state: CoverageState,
    correctable: CoverageState,
    uncorrectable: CoverageState,
    findings: Vec<Found<'a>>,
}

/// Errors of the whole host, each counted once.
#[derive(Debug, Serialize)]
struct HostErrors {
    correctable: Option<u64>,
    uncorrectable: Option<u64>,
    lower_bound: bool,
    since_wall_ms: Option<i64>,
    /// Whether counters of each class cannot be read now.
    #[serde(skip)]
    unread: [bool; 2],
}

/// What the newest installed kernel fixes and the running one has not in force.
#[derive(Debug, Serialize)]
struct Owed {
    owed: usize,
    is_lower_bound: bool,
    exposed_released_seconds: Option<i64>,
    exposed_installed_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Watched {
    since_wall_ms: i64,
    covered_seconds: u64,
    covered_without_gap_seconds: u64,
}

/// Alerts by what became of them.
#[derive(Debug, Serialize)]
struct AlertCounts {
    /// `None` where no agent keeps a book.
    firing: Option<usize>,
    acknowledged: usize,
    pending: usize,
}

#[derive(Debug, Serialize)]
struct Ledger<'a> {
    head: Option<LedgerHead>,
    #[serde(flatten)]
    state: &'a LedgerState,
}

/// What the host is called.
pub(super) fn host_name(view: &HostView) -> String {
    let name = view.header.host_name.value();
    name.cloned().unwrap_or_else(|| "unnamed host".to_owned())
}

pub(super) fn page<'a>(known: &Known<'a>) -> Overview<'a> {
    let view = known.view;
    let assessment = &view.assessment;
    let sticks = sticks(view, &[]);
    let live = view.snapshot.live_patches(&view.accumulated.transitions);
    let coverage = &assessment.coverage;
    let history = view.history.value();
    let debt = assessment.patches.as_ref().and_then(|truth| truth.debt.value());
    let now_ms = known.now_ms();
    Overview {
        verdict: known.verdict(),
        headline: match known.stale {
            Some(why) => format!("cannot be told: {why}; seen last: {}", headline(assessment)),
            None => headline(assessment),
        },
        coverage: Coverage {
            state: coverage.state,
            correctable: coverage.correctable,
            uncorrectable: coverage.uncorrectable,
            findings: grouped(known, &sticks, &coverage.findings),
        },
        findings: grouped(known, &sticks, &assessment.findings),
        errors: host_errors(view),
        four_words: FourWords::of(view, &live),
        owed: debt.map(|debt| {
            let [exposed_released_seconds, exposed_installed_seconds] = exposure(debt, now_ms);
            Owed {
                owed: debt.owed().count(),
                is_lower_bound: debt.is_lower_bound,
                exposed_released_seconds,
                exposed_installed_seconds,
            }
        }),
        since_boot_seconds: since_boot(view).map(|up| up.as_secs()),
        watched: history.map(|history| Watched {
            since_wall_ms: history.since_wall_ms,
            covered_seconds: history.covered.as_secs(),
            covered_without_gap_seconds: history.covered_without_gap.as_secs(),
        }),
        alerts: alert_counts(view),
        ledger: Ledger { head: ledger_head(view), state: ledger_state(view) },
        dimms: sticks.into_iter().map(|(_, stick)| stick).collect(),
    }
}

/// What a verdict on the whole host asks for.
fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "Nothing to do.",
        Verdict::Unknown => {
            "Something that matters cannot be seen: this is not a clean bill of health."
        }
        Verdict::Watch => "Nothing to do yet: follow it.",
        Verdict::Plan => "Act at the next window.",
        Verdict::Act => "Act now.",
    }
}

/// Time since boot, by the kernel.
pub(super) fn since_boot(view: &HostView) -> Option<Duration> {
    let uptime = Snapshot::found(&view.snapshot.uptime);
    uptime.and_then(|uptime| uptime.since_boot.value().copied())
}

pub(super) fn ledger_head(view: &HostView) -> Option<LedgerHead> {
    view.history.value().and_then(|history| history.ledger_head)
}

pub(super) fn ledger_state(view: &HostView) -> &LedgerState {
    view.agent.value().map_or(&LedgerState::None, |agent| &agent.storage.ledger)
}

fn alert_counts(view: &HostView) -> AlertCounts {
    let book = &view.alerts;
    let firing = || book.alerts.iter().filter(|(_, alert)| alert.state.firing().is_some());
    let pending =
        book.alerts.values().filter(|alert| matches!(alert.state, AlertState::Pending { .. }));
    AlertCounts {
        firing: book.clock.as_ref().map(|_| firing().count()),
        acknowledged: firing().filter(|(key, _)| book.acks.contains_key(key)).count(),
        pending: pending.count(),
    }
}

/// The sums of all places and of what the kernel could not attribute: what `status` lists, and what
/// the metrics add up to. A counter that cannot be read now is in them with what is remembered of it.
fn host_errors(view: &HostView) -> HostErrors {
    let [corrected, others] = ErrorClass::ALL.map(|class| Sum::of(view, class));
    HostErrors {
        correctable: corrected.total,
        uncorrectable: others.total,
        lower_bound: corrected.lower_bound || others.lower_bound,
        since_wall_ms: [corrected.since_wall_ms, others.since_wall_ms].into_iter().flatten().min(),
        unread: [corrected.unread, others.unread],
    }
}

/// The errors of one class.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    /// `None` where nothing is counted or remembered.
    total: Option<u64>,
    since_wall_ms: Option<i64>,
    /// Whether there may be more than that.
    lower_bound: bool,
    /// Whether a counter cannot be read now.
    unread: bool,
}

impl Sum {
    fn of(view: &HostView, class: ErrorClass) -> Self {
        let edac = Snapshot::found(&view.snapshot.edac);
        let controllers = edac.map_or(&[][..], |edac| &edac.controllers);
        let mut sum = Self::default();
        for controller in controllers {
            sum.add_controller(view, controller, class);
        }
        sum
    }

    fn add_controller(&mut self, view: &HostView, controller: &Controller, class: ErrorClass) {
        let remembered = |place| view.accumulated.total(controller.index, place, class);
        let has_parts = controller.dimms.iter().any(|dimm| !dimm.errors.get(class).is_absent());
        if !has_parts {
            self.add(controller.errors.get(class), remembered(SeriesPlace::Total));
            return;
        }
        for dimm in controller.dimms.iter() {
            self.add(dimm.errors.get(class), remembered(SeriesPlace::Dimm(dimm.place)));
        }
        let rest = remembered(SeriesPlace::Unattributed);
        self.add(controller.unattributed.get(class), rest);
    }

    /// What is remembered of a counter is at least what it counts; without that, what it shows is.
    fn add(&mut self, now: &Reading<Counter>, remembered: Option<&SeriesTotal>) {
        // A place that does not count the class, and never did, hides nothing.
        self.unread |= now.value().is_none() && !(now.is_absent() && remembered.is_none());
        self.lower_bound |= self.unread;
        let total = remembered.map(|sum| sum.total);
        let Some(total) = total.or(now.value().map(|counter| counter.value)) else { return };
        self.lower_bound |= remembered.is_none_or(SeriesTotal::is_lower_bound);
        self.total = Some(self.total.unwrap_or(0).saturating_add(total));
        let since = remembered.map(|sum| sum.since_wall_ms);
        self.since_wall_ms = [self.since_wall_ms, since].into_iter().flatten().min();
    }
}

impl Page for Overview<'_> {
    fn title(&self) -> String {
        self.verdict.as_str().to_uppercase()
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let (asked, quiet): (Vec<&Found<'_>>, Vec<&Found<'_>>) =
            self.findings.iter().partition(|found| found.verdict > Verdict::Ok);
        let there = self.dimms.iter().filter(|stick| stick.ended_wall_ms.is_none()).count();
        html! {
            (self.hero(known))
            div.two {
                div.first { (section("do", "What to do", self.what_to_do(known, &asked, &quiet))) }
                div {
                    (section("blind", "What cannot be seen", self.blind()))
                    (section("figures", "Figures", figures(&self.figures(known))))
                }
            }
            (section("patches", "Patches in four words", html! {
                (self.four_words.steps(known.now_ms()))
                p.more { a href=(Place::Patches.path()) { "Exposure, live patches and what they wait for" } }
            }))
            (section("memory", "Memory, slot by slot", html! {
                @if there == 0 { (self.no_memory(known)) }
                @else {
                    (legend(&self.dimms))
                    (map(&self.dimms, MAPPED))
                }
            }))
        }
    }
}

impl Overview<'_> {
    fn hero(&self, known: &Known<'_>) -> Markup {
        let header = &known.view.header;
        let tone = if known.stale.is_some() { Tone::Unknown } else { self.verdict.into() };
        let about = [&header.os, &header.cpu].into_iter().filter_map(Reading::value);
        let memory = header.memory_bytes.value().map(|bytes| words::size(*bytes));
        let about: Vec<String> = about.cloned().chain(memory).collect();
        html! {
            div.hero.{ "t-" (tone.as_str()) } {
                p.hero-verdict { (sign(self.verdict.into())) span { (self.verdict.as_str().to_uppercase()) } }
                div {
                    h1 { span.visually-hidden { "Verdict: " (self.verdict.as_str()) ". " } (text(&super::findings::sentence(&self.headline))) }
                    p.hero-meaning {
                        @if known.stale.is_none() { (meaning(self.verdict)) }
                        @else {
                            "What is so now cannot be told."
                            // Nothing is known to be well because it was.
                            @if self.verdict > Verdict::Unknown { " Of what was seen last: " (meaning(self.verdict)) }
                        }
                    }
                    p.soft { (text(&about.join(" · "))) }
                }
            }
        }
    }

    fn what_to_do(&self, known: &Known<'_>, asked: &[&Found<'_>], quiet: &[&Found<'_>]) -> Markup {
        html! {
            @if asked.is_empty() && known.stale.is_some() {
                p.nothing { (badge(Tone::Unknown, "NOT KNOWN")) " Nothing that was seen last called for action." }
            } @else if asked.is_empty() {
                p.nothing { (badge(Tone::Ok, "NOTHING")) " Nothing that was seen calls for action." }
            } @else { (cards(asked.iter().copied())) }
            @if !quiet.is_empty() {
                details {
                    summary { (words::count(quiet.len(), "finding asks", "findings ask")) " for nothing" }
                    (cards(quiet.iter().copied()))
                }
            }
        }
    }

    fn blind(&self) -> Markup {
        let Coverage { correctable, uncorrectable, findings, state: _ } = &self.coverage;
        let seen = |state: CoverageState| match state {
            CoverageState::Full => "all are seen",
            CoverageState::Partial => "some may be hidden",
            CoverageState::None => "none can be seen",
            CoverageState::Unknown => "it cannot be told whether they are seen",
        };
        html! {
            ul.seen {
                @for (name, state) in [("Corrected errors", correctable), ("Uncorrected errors", uncorrectable)] {
                    li { (badge((*state).into(), &state.as_str().to_uppercase())) " " (name) ": " (seen(*state)) }
                }
            }
            @if findings.is_empty() {
                p.nothing { "Nothing is known to hide memory errors of this host." }
            } @else {
                ul.gaps {
                    @for found in findings {
                        li {
                            (verdict(found.verdict)) " "
                            @for (at, place) in found.places.iter().take(3).enumerate() {
                                @if at > 0 { "; " }
                                (text(&super::findings::sentence(place.because)))
                            }
                            " " (super::parts::finding_link(found.code))
                        }
                    }
                }
            }
            p.more { a href=(Place::Visibility.path()) { "Every source, and what its silence means" } }
        }
    }

    fn no_memory(&self, known: &Known<'_>) -> Markup {
        let why = known.view.snapshot.edac.as_ref().and_then(|section| section.reading.non_value());
        html! {
            p.nothing {
                (badge(Tone::Unknown, "UNKNOWN"))
                " Neither firmware nor the kernel lists any memory here"
                @if let Some(why) = why { ": " (text(&super::parts::why_missing(&why))) }
                "."
            }
        }
    }
}

pub(super) fn ledger_tone(state: &LedgerState) -> Tone {
    match state {
        LedgerState::None | LedgerState::NotChecked { .. } => Tone::Unknown,
        LedgerState::Intact => Tone::Ok,
        LedgerState::Altered { .. } => Tone::Act,
    }
}

pub(super) fn ledger_words(state: &LedgerState) -> String {
    match state {
        LedgerState::None => "there is no history to have one".to_owned(),
        LedgerState::Intact => "intact as far as can be told from within".to_owned(),
        LedgerState::Altered { because } => format!("altered: {because}"),
        LedgerState::NotChecked { because } => format!("not checked: {because}"),
    }
}

fn number_of(n: usize) -> String {
    number(u64::try_from(n).unwrap_or(u64::MAX))
}

/// What is owed, for the page on patches.
pub(super) fn owed_badge(debt: &scrubjay_model::KernelDebt) -> Markup {
    let (tone, told) = owed_in_words(debt);
    badge(tone, &told)
}
