//! One stick of memory: what is said of it, and everything that rests on.

mod attributes;

use super::error_times::ErrorTimes;
use super::fault_picture::FaultPicture;
use super::findings::{Found, capital, cards, grouped};
use super::memory::Turn;
use super::parts::{
    ago, code, column, command, day, facts, figure_of, finding_link, no_history, nothing, number,
    numbers, section, since, table, text, when,
};
use super::stick::{Stick, called, sticks};
use super::tone::{Tone, badge, verdict};
use super::{Known, Page};
use crate::text::words::{self, count};
use attributes::Attribute;
use maud::{Markup, html};
use scrubjay_model::{
    BadPage, DimmDetail, DimmFault, DimmKind, DimmVerdict, EventPattern, EventRecord, Finding,
    Identity, ModuleKey, PageReason, PageState, PlaceSum, Verdict, shell_word,
};
use serde::Serialize;

/// Reports shown one by one, and pages: the latest ones.
const REPORTS: usize = 20;
const PAGES: usize = 50;

#[derive(Debug, Serialize)]
pub(super) struct DimmPage<'a> {
    dimm: Stick,
    identity: Option<Identity>,
    /// How sure it is that the places are its own, and why.
    confidence: Option<&'static str>,
    evidence: Option<String>,
    /// What the engine says; `None` of what it does not judge.
    judged: Option<&'a DimmVerdict>,
    findings: Vec<Found<'a>>,
    attributes: Vec<Attribute>,
    times: Option<ErrorTimes>,
    picture: Option<FaultPicture>,
    pattern: Option<EventPattern>,
    reports: Option<Vec<EventRecord>>,
    bad_pages: Option<Vec<BadPage>>,
    places: Vec<PlaceSum>,
    turns: Vec<Turn>,
    no_history: Option<String>,
}

/// The stick that is called so.
pub(super) fn page<'a>(known: &Known<'a>, name: &str) -> Option<DimmPage<'a>> {
    let view = known.view;
    let now_ms = known.now_ms();
    // The turns tell which pages were registered in its time; who it is they do not change.
    let mut all = sticks(view, &[]);
    let module = called(&all, name)?.1.module.clone();
    let key = called(&all, name).map(|(line, _)| ModuleKey::from_stored(line.key.as_str()))?;
    let is_stick = called(&all, name)?.1.about != DimmKind::Unattributed;
    let past = if is_stick { Some(known.past.dimm(&key, i64::MIN)) } else { None };
    let past_of = past.as_ref().and_then(|past| past.as_ref().ok());
    let turns = past_of.map_or(&[][..], |past| &past.turns);
    if !turns.is_empty() {
        all = sticks(view, turns);
    }
    let (line, stick) = all.iter().find(|(_, stick)| stick.module == module)?;
    let judged = line.judged(view);
    let reports = past_of.map(|past| (past.trace.reports.clone(), past.pattern.clone()));
    let detail = DimmDetail::new(line.clone(), view, turns, reports);
    let times = past_of.map(|past| {
        let since = stick.since_wall_ms.unwrap_or(now_ms);
        ErrorTimes::of(&past.trace.changes, &past.watches, since, now_ms)
    });
    let findings: Vec<&'a Finding> = about(known, &all, stick);
    let DimmDetail { places, turns, bad_pages, events, pattern, .. } = detail;
    Some(DimmPage {
        identity: line.identity,
        confidence: line.confidence.map(scrubjay_model::Confidence::as_str),
        evidence: line.evidence.clone(),
        findings: findings
            .into_iter()
            .flat_map(|finding| grouped(known, &all, std::slice::from_ref(finding)))
            .collect(),
        attributes: attributes::of(stick, judged, &places, times.as_ref(), now_ms),
        picture: past_of.map(|past| FaultPicture::of(&past.trace.reports, past.trace.cut)),
        times,
        pattern,
        reports: events.map(|mut events| {
            events.drain(..events.len().saturating_sub(REPORTS));
            events.reverse();
            events
        }),
        bad_pages,
        places,
        turns: turns.iter().rev().map(|turn| Turn::of(known, turn)).collect(),
        no_history: past.and_then(Result::err),
        dimm: stick.clone(),
        judged,
    })
}

/// The findings about a stick, worst first.
fn about<'a>(
    known: &Known<'a>,
    all: &[(scrubjay_model::DimmLine, Stick)],
    stick: &Stick,
) -> Vec<&'a Finding> {
    let assessment = &known.view.assessment;
    let findings = assessment.findings.iter().chain(&assessment.coverage.findings);
    let is_about = |finding: &&Finding| {
        let (_, about) = super::stick::subject(known, all, &finding.subject);
        about.is_some_and(|about| about.module == stick.module)
    };
    let mut found: Vec<&Finding> = findings.filter(is_about).collect();
    found.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
    found
}

impl Page for DimmPage<'_> {
    fn title(&self) -> String {
        format!("{} · {}", self.dimm.word(), self.dimm.name)
    }

    fn body(&self, known: &Known<'_>) -> Markup {
        let now_ms = known.now_ms();
        html! {
            p.crumbs { a href="/memory" { "Memory" } " / " (text(&self.dimm.name)) }
            (self.head())
            @if let Some(why) = &self.no_history { (no_history(why)) }
            @if let Some(judged) = self.judged { (section("why", "Why", why(judged, now_ms))) }
            @if self.more_findings().next().is_some() {
                (section("findings", "What else was found of it", cards(self.more_findings())))
            }
            (section("attributes", "Attributes", attributes::table_of(&self.attributes)))
            @if let Some(times) = &self.times {
                (section("times", "Errors over time", html! {
                    (figure_of("Errors counted at its places, while it was there", &times.told(), times.chart("times-chart")))
                    ul.key {
                        li { span.mark.bar aria-hidden="true" {} "corrected" }
                        li { span.mark.t-act aria-hidden="true" {} "uncorrected" }
                        li { span.mark.gap aria-hidden="true" {} "nobody looked" }
                    }
                    @if times.counted_before > 0 {
                        p.soft { (number(times.counted_before)) " more were counted before anybody watched; when is not known." }
                    }
                    (months(times))
                }))
            }
            @if let Some(picture) = &self.picture {
                (section("picture-of-it", "Fault picture", picture.drawn()))
            }
            @if let Some(judged) = self.judged { (section("faults", "Open faults", faults(judged, now_ms))) }
            (section("pages", "Pages taken out of use", self.pages()))
            (section("reports", "Last reports", self.reports()))
            (section("identity", "Identity", self.identity()))
            @if !self.turns.is_empty() { (section("life", "Its life", self.life())) }
            (section("not", "What this does not say", html! {
                p {
                    "When this server fails, or that a stick is healthy. Temperature, load and age are not looked at. In field studies 17 to 30 % "
                    "of uncorrected errors came without any corrected one before (Sridharan 2012, Schroeder 2009)."
                }
                (command(&format!("scrubjay explain {}", shell_word(&self.dimm.name))))
            }))
        }
    }
}

/// Numbers of the chart, for whoever wants them: those that are not zero.
fn months(times: &ErrorTimes) -> Markup {
    let rows: Vec<Vec<Markup>> = times
        .buckets
        .iter()
        .rev()
        .filter(|b| b.correctable.unwrap_or(0) > 0 || b.uncorrectable.unwrap_or(0) > 0)
        .map(|bucket| {
            let n =
                |n: Option<u64>| html! { @match n { Some(n) => (number(n)), None => "not known" } };
            vec![
                html! { (day(bucket.from_wall_ms)) },
                n(bucket.correctable),
                n(bucket.uncorrectable),
            ]
        })
        .collect();
    let unit = match times.days {
        1 => "Day",
        7 => "Week from",
        _ => "30 days from",
    };
    html! {
        @if !rows.is_empty() {
            details {
                summary { "The numbers of the chart" }
                (table("Times in which errors were counted, the latest first",
                    &[column(unit), numbers("Corrected"), numbers("Uncorrected")], &rows))
            }
        }
    }
}

fn why(judged: &DimmVerdict, now_ms: i64) -> Markup {
    html! {
        ul.reasons {
            @for reason in &judged.reasons {
                li {
                    p { (verdict(reason.verdict)) " " (finding_link(reason.code)) }
                    p { (text(&super::findings::sentence(&reason.text))) }
                    p.soft {
                        @if let Some(at) = reason.since_wall_ms { (since(at, now_ms)) }
                        @if reason.since_wall_ms.is_some() && reason.verdict >= Verdict::Watch { "; " }
                        @if reason.verdict >= Verdict::Watch { "a reboot " (words::reboot_helps(reason.reboot_helps)) }
                    }
                }
            }
        }
        p.soft {
            "Judged by the policy " code { (judged.policy.name) } ". Of how likely an uncorrected error is, the figures are "
            (text(&judged.risk.validity)) "."
        }
    }
}

fn faults(judged: &DimmVerdict, now_ms: i64) -> Markup {
    if judged.faults.is_empty() {
        return nothing("none that reports would show");
    }
    let row = |fault: &DimmFault| {
        vec![
            html! { (capital(fault.shape)) @if !fault.proven { ", not proven yet" } },
            html! { @if fault.permanent { "permanent" } @else { "transient so far" } },
            html! { (number(fault.errors)) },
            html! { (fault.places) },
            html! { (fault.banks) " / " (fault.rows) " / " (fault.columns) },
            ago(fault.first_wall_ms, now_ms),
            ago(fault.last_wall_ms, now_ms),
        ]
    };
    let rows: Vec<Vec<Markup>> = judged.faults.iter().map(row).collect();
    let columns = [
        column("What it takes in"),
        column("Lasting"),
        numbers("Errors"),
        numbers("Places"),
        numbers("Banks / rows / columns"),
        column("First"),
        column("Last"),
    ];
    table("By where reports say the errors were", &columns, &rows)
}

impl DimmPage<'_> {
    /// Findings that do not stand among the reasons.
    fn more_findings(&self) -> impl Iterator<Item = &Found<'_>> {
        let reasons = self.judged.map_or(&[][..], |judged| &judged.reasons);
        let stands = |found: &Found<'_>| reasons.iter().any(|reason| reason.code == found.code);
        self.findings.iter().filter(move |found| !stands(found))
    }

    fn head(&self) -> Markup {
        let advice = match (self.judged, self.dimm.verdict) {
            (Some(judged), _) => judged.advice.to_owned(),
            (None, None) => "it is no longer in this host".to_owned(),
            (None, Some(said)) => super::slots::meaning(said).to_owned(),
        };
        html! {
            div.hero.{ "t-" (self.dimm.tone().as_str()) } {
                p.hero-verdict { (super::tone::sign(self.dimm.tone())) span { (self.dimm.word()) } }
                div {
                    h1 {
                        @if self.dimm.about == DimmKind::Unattributed { "Errors of no known DIMM: " }
                        (text(&self.dimm.name))
                    }
                    p.hero-meaning { (text(&capital(&advice))) "." }
                    @if let Some(judged) = self.judged { p { (text(&judged.sentence)) } }
                    @else if self.dimm.verdict == Some(Verdict::Unknown) {
                        p { "Not all of its errors are counted, or some may be hidden: " a href="/visibility" { "what can be seen here" } "." }
                    }
                }
            }
        }
    }

    fn pages(&self) -> Markup {
        let Some(pages) = &self.bad_pages else {
            return nothing("not known: there is no history that would keep a register of them");
        };
        if pages.is_empty() {
            return nothing("no page at its places is registered as bad");
        }
        let row = |page: &BadPage| {
            let (tone, state) = match page.state {
                PageState::OfflineNow => (Tone::Ok, "OUT OF USE"),
                PageState::NotOfflineNow => (Tone::Plan, "IN USE"),
                PageState::Unknown => (Tone::Unknown, "UNKNOWN"),
            };
            vec![
                code(&format!("{:#x}", page.physical_address)),
                badge(tone, state),
                text(&reason(&page.reason)),
                when(page.first_seen_wall_ms),
                html! { (page.boots_survived) },
            ]
        };
        let rows: Vec<Vec<Markup>> = pages.iter().rev().take(PAGES).map(row).collect();
        let columns = [
            column("Physical address"),
            column("Now"),
            column("Why"),
            column("Registered"),
            numbers("Reboots since"),
        ];
        html! {
            (table("Pages at its places that are registered as bad", &columns, &rows))
            @if pages.len() > PAGES { p.soft { "and " (pages.len() - PAGES) " more" } }
            p { "They are used again after a reboot, unless the boot loader is told of them:" }
            (command("scrubjay pages boot-args"))
        }
    }

    fn reports(&self) -> Markup {
        let Some(reports) = &self.reports else {
            return nothing("not known: there is no history that would keep them");
        };
        if reports.is_empty() {
            return nothing("none was heard of");
        }
        let row = |report: &EventRecord| {
            let group = &report.group;
            vec![
                when(report.first_wall_ms),
                html! { (group.class.as_str()) },
                html! { (number(group.errors)) },
                html! { (group.witness.as_str().replace('_', " ")) },
                html! { @match group.address { Some(address) => code { (format!("{address:#x}")) }, None => "not known" } },
                html! { (text(group.message.trim())) @if !group.detail.is_empty() { " " span.soft { (text(group.detail.trim())) } } },
            ]
        };
        let rows: Vec<Vec<Markup>> = reports.iter().map(row).collect();
        let columns = [
            column("When"),
            column("Class"),
            numbers("Errors"),
            column("Told by"),
            column("Address"),
            column("In its words"),
        ];
        html! {
            @if let Some(pattern) = &self.pattern { p { (pattern_in_words(pattern)) } }
            (table("Reports of errors, the latest first", &columns, &rows))
        }
    }

    fn identity(&self) -> Markup {
        let stick = &self.dimm;
        if stick.about == DimmKind::Unattributed {
            return html! {
                p { "Errors that the controller " code { (stick.name) } " could not attribute to a DIMM." }
            };
        }
        let known = |text: &Option<String>| match text {
            Some(known) => super::parts::text(known),
            None => html! { "not known" },
        };
        let list = |names: &[String], none: &'static str| {
            html! {
                @if names.is_empty() { (none) }
                @for (at, name) in names.iter().enumerate() { @if at > 0 { ", " } (code(name)) }
            }
        };
        let mut labels: Vec<&str> = self.places.iter().filter_map(|p| p.label.as_deref()).collect();
        labels.dedup();
        let told = self.identity.map(|identity| identity.as_str().replace('_', " "));
        let blind = self.identity.and_then(Identity::blind_spot);
        facts(&[
            ("slot", known(&stick.slot)),
            ("bank of firmware", known(&stick.bank)),
            ("maker", known(&stick.manufacturer)),
            ("part", known(&stick.part)),
            (
                "size",
                html! { @match stick.size_bytes { Some(bytes) => (words::size(bytes)), None => "not known" } },
            ),
            ("name in metrics", html! { code { (stick.module) } }),
            (
                "serial number",
                html! { code { "scrubjay show " (shell_word(&stick.name)) } " on the host" },
            ),
            (
                "told from others by",
                html! {
                    (known(&told)) @if let Some(blind) = blind { ". " (text(blind)) }
                },
            ),
            ("counted at", list(&stick.counted_at, "nowhere")),
            ("the kernel calls it", list(&stick.edac, "nothing now")),
            (
                "label",
                html! { @if labels.is_empty() { "none" } @else { (text(&labels.join(", "))) } },
            ),
            ("place", known(&stick.location)),
            (
                "these are its places",
                html! {
                    (self.confidence.map_or("not known".to_owned(), |word| word.replace('_', " ")))
                    @if let Some(evidence) = self.evidence.as_ref().filter(|text| !text.is_empty()) { ": " (text(evidence)) }
                },
            ),
        ])
    }

    fn life(&self) -> Markup {
        html! {
            ul.log {
                @for turn in &self.turns {
                    li {
                        (when(turn.at_wall_ms)) " " (capital(&turn.what))
                        @if !turn.detail.is_empty() { " (" (text(&turn.detail)) ")" }
                    }
                }
            }
        }
    }
}

fn pattern_in_words(pattern: &EventPattern) -> String {
    let errors: Vec<String> = pattern
        .errors
        .iter()
        .map(|(class, n)| format!("{} {}", number(*n), class.as_str()))
        .collect();
    let errors = if errors.is_empty() { "no error".to_owned() } else { errors.join(", ") };
    let latest = if pattern.cut { "The latest reports" } else { "All reports" };
    let more = if pattern.folded > 0 { "at least " } else { "" };
    format!(
        "{latest} together: {errors}; {more}{}, {more}{}.",
        count(pattern.pages, "page", "pages"),
        count(pattern.syndromes, "syndrome", "syndromes")
    )
}

fn reason(reason: &PageReason) -> String {
    match reason {
        PageReason::AdminMarked => "an administrator said so".to_owned(),
        PageReason::Imported => "in the history of another tool".to_owned(),
        PageReason::SoftOffline => "to be offlined before it failed".to_owned(),
        PageReason::CorrectedThreshold => "more corrected errors than the policy allows".to_owned(),
        PageReason::CollectedByKernel => "the kernel's collector of corrected errors".to_owned(),
        PageReason::HardOffline => "found marked, or offlined by hand".to_owned(),
        PageReason::MemoryFailure { page_type, result } => {
            format!("failed: {page_type}, {}", result.as_str())
        }
    }
}
