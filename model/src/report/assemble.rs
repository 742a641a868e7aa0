//! From what the history holds to a report.

use super::errors::ErrorsKnown;
use super::exposures::{ReportedExposure, classes_of_exposures, reported_exposures};
use super::parts::{
    LedgerRange, Report, ReportPeriod, ReportedAck, ReportedAlert, ReportedAvailability,
    ReportedCoverage, ReportedFact, ReportedGap, ReportedHost, ReportedMonth, ReportedPatches,
    ReportedSource, ReportedStick,
};
use super::policy::PatchDeadlines;
use super::summary::summary;
use super::{clip, errors, open};
use crate::availability::bounds_ppm;
use crate::{
    Ack, AlertBook, AlertTurn, BootLine, BootRecord, BucketBy, BucketWindow, ClockStepRecord,
    CoverageDay, CoverageRecord, CveLists, Digest, DimmVerdict, EndedAck, ErrorClass,
    ExposureRecord, FactRecord, KERNEL_RELATION, MemoryBucket, ModuleRecord, ModuleTurn, PageLife,
    Simulated, Watched, boot_buckets, memory_buckets, patch_buckets,
};
use std::collections::BTreeMap;
use std::time::Duration;

/// Version of the layout of reports.
const SCHEMA_VERSION: u32 = 1;

/// Gaps that are listed.
const MOST_GAPS: usize = 40;

/// What a report is made of: the history as it lies there, unclipped.
#[derive(Debug)]
pub struct ReportInputs<'a> {
    /// What the host is called.
    pub host_name: Option<&'a str>,
    /// What made it, if it is no real machine.
    pub simulated: Option<Simulated>,
    /// Version of the program.
    pub tool_version: &'a str,
    /// Which time.
    pub period: ReportPeriod,
    /// The policy on patches.
    pub policy: &'a PatchDeadlines,
    /// SHA-256 of its file.
    pub policy_sha256: Digest,
    /// What lists say of vulnerabilities, if there are any.
    pub lists: Option<&'a CveLists>,
    /// Every vulnerability that was ever owed.
    pub exposures: &'a [ExposureRecord],
    /// Changes of facts about patches, in order, from the beginning of the history.
    pub facts: &'a [FactRecord],
    /// All boots, by everybody who tells of them.
    pub boot_lines: &'a [BootLine],
    /// Those that the agent saw.
    pub boots: &'a [BootRecord],
    /// Stretches of coverage.
    pub coverage: &'a [CoverageRecord],
    /// Days of coverage.
    pub coverage_days: &'a [CoverageDay],
    /// Steps of the wall clock.
    pub clock_steps: &'a [ClockStepRecord],
    /// What is known of errors.
    pub errors: ErrorsKnown<'a>,
    /// All sticks ever seen.
    pub modules: &'a [ModuleRecord],
    /// What became of them.
    pub module_turns: &'a [ModuleTurn],
    /// Bad pages.
    pub pages: Vec<PageLife>,
    /// What became of alerts, from the beginning of the history on.
    pub alert_turns: Vec<AlertTurn>,
    /// What is said of sticks now, if now is the moment that the report is of.
    pub judged: Option<&'a [DimmVerdict]>,
    /// Acknowledgements that hold.
    pub book: &'a AlertBook,
    /// And those that ended.
    pub ended_acks: &'a [EndedAck],
    /// How each source had fared last before the moment of the report.
    pub sources: Vec<ReportedSource>,
    /// The ledger.
    pub ledger: LedgerRange,
}

/// The report. What came after the moment it is of does not exist for it.
pub fn assemble_report(inputs: ReportInputs<'_>) -> Report {
    let period = inputs.period;
    let lines = clip::boots(inputs.boot_lines, period.at_wall_ms);
    let modules = clip::sticks(inputs.modules, period.at_wall_ms);
    let patches = patches(&inputs);
    let (availability, coverage) = (availability(&inputs, &lines), coverage(&inputs));
    let open_alerts = open::open_alerts(&inputs.alert_turns, period.at_wall_ms);
    let (sticks, months) = (sticks(&inputs, &modules, &open_alerts), months(&inputs, &lines));
    let errors = errors::of_host(inputs.errors, &sticks, period);
    let boots = lines.iter().filter(|line| meets_boot(period, line)).cloned().collect();
    let turns = inputs.module_turns.iter().filter(|turn| period.has(turn.at_wall_ms)).cloned();
    let (acknowledgements, stick_turns) = (acknowledgements(&inputs), turns.collect());
    let lists = inputs.lists.map_or_else(Vec::new, |lists| {
        lists
            .files
            .iter()
            .map(|file| match file.content.value() {
                Some(content) => format!("{}: {} entries", file.path, content.entries),
                None => format!("{}: of no use", file.path),
            })
            .collect()
    });
    let ReportInputs {
        host_name,
        simulated,
        tool_version,
        policy,
        policy_sha256,
        pages,
        alert_turns,
        sources,
        ledger,
        ..
    } = inputs;
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        host: ReportedHost { name: host_name.map(str::to_owned), simulated },
        tool_version: tool_version.to_owned(),
        period,
        summary: super::parts::ReportSummary {
            sentence: String::new(),
            figures: Vec::new(),
            to_do: Vec::new(),
            unknown: Vec::new(),
        },
        policy: policy.clone(),
        policy_sha256,
        lists,
        patches,
        availability,
        boots,
        sticks,
        stick_turns,
        errors,
        pages: clip::pages(pages, period),
        alerts: alert_turns.into_iter().filter(|turn| period.has(turn.at_wall_ms)).collect(),
        open_alerts,
        acknowledgements,
        months,
        coverage,
        sources,
        ledger,
    };
    report.summary = summary(&report);
    report
}

impl ReportPeriod {
    /// The first moment that is beyond it. What is of the moment of the report itself belongs to a period
    /// that reaches up to it.
    pub fn beyond_wall_ms(self) -> i64 {
        let is_up_to_it = self.to_wall_ms == self.at_wall_ms;
        self.to_wall_ms.saturating_add(i64::from(is_up_to_it))
    }

    /// Whether a moment is in it.
    pub fn has(self, wall_ms: i64) -> bool {
        (self.from_wall_ms..self.beyond_wall_ms()).contains(&wall_ms)
    }

    fn length_ms(self) -> u64 {
        u64::try_from(self.to_wall_ms.saturating_sub(self.from_wall_ms)).unwrap_or(0)
    }
}

/// The period from where anything begins to be known of it: there are only so many buckets.
fn window(inputs: &ReportInputs<'_>, by: BucketBy) -> BucketWindow {
    let ReportPeriod { from_wall_ms, to_wall_ms, at_wall_ms: _ } = inputs.period;
    let known = began(inputs).into_iter();
    let known = known.chain(inputs.boot_lines.iter().filter_map(|line| line.booted_wall_ms)).min();
    let begin = known.map_or(to_wall_ms, |known| from_wall_ms.max(known.min(to_wall_ms)));
    BucketWindow { by, from_wall_ms: begin, until_wall_ms: to_wall_ms }
}

/// When the history began.
fn began(inputs: &ReportInputs<'_>) -> Option<i64> {
    let began = inputs.coverage.iter().map(|stretch| stretch.from_wall_ms);
    began.chain(inputs.coverage_days.iter().map(|day| day.from_wall_ms)).min()
}

fn watched<'a>(inputs: &ReportInputs<'a>) -> Watched<'a> {
    Watched { coverage: inputs.coverage, coverage_days: inputs.coverage_days, boots: inputs.boots }
}

/// One of which nobody knows when it was may have been then.
fn meets_boot(period: ReportPeriod, line: &BootLine) -> bool {
    line.booted_wall_ms.is_none_or(|begun| {
        begun < period.to_wall_ms && line.ended_wall_ms.is_none_or(|end| end >= period.from_wall_ms)
    })
}

fn patches(inputs: &ReportInputs<'_>) -> ReportedPatches {
    let at_wall_ms = inputs.period.at_wall_ms;
    let exposures =
        reported_exposures(inputs.exposures, inputs.lists, inputs.policy, inputs.period);
    let mut latest: BTreeMap<(&str, &str), &FactRecord> = BTreeMap::new();
    for fact in inputs.facts.iter().filter(|fact| fact.at_wall_ms <= at_wall_ms) {
        latest.insert((&fact.name, &fact.subject), fact);
    }
    // What is gone is no state.
    let facts = latest.into_values().filter(|fact| fact.state != "gone").map(reported_fact);
    let changes = inputs.facts.iter().filter(|fact| inputs.period.has(fact.at_wall_ms));
    let alone = |exposure: &&ReportedExposure| exposure.live_patch_only;
    ReportedPatches {
        relation_known: is_relation_known(inputs.facts, at_wall_ms),
        facts: facts.collect(),
        changes: changes.map(reported_fact).collect(),
        classes: classes_of_exposures(&exposures, inputs.policy),
        live_patch_only: number(exposures.iter().filter(alone).count()),
        exposures,
    }
}

/// Whether it was known at a moment how the running kernel stood to what is installed.
fn is_relation_known(facts: &[FactRecord], at_wall_ms: i64) -> bool {
    let mut then = facts.iter().rev().filter(|fact| fact.at_wall_ms <= at_wall_ms);
    let relation = then.find(|fact| fact.name == KERNEL_RELATION);
    relation.and_then(|fact| fact.value.as_deref()).is_some_and(|value| value != "unknown")
}

fn reported_fact(fact: &FactRecord) -> ReportedFact {
    let FactRecord { at_wall_ms, boot: _, name, subject, value, state } = fact;
    ReportedFact {
        since_wall_ms: *at_wall_ms,
        name: name.clone(),
        subject: subject.clone(),
        value: value.clone(),
        state: state.clone(),
    }
}

/// Time that nobody accounts for is time of which it is not known, wherever in the period it lies.
fn availability(inputs: &ReportInputs<'_>, lines: &[BootLine]) -> ReportedAvailability {
    let days = boot_buckets(window(inputs, BucketBy::Day), lines, watched(inputs));
    let (mut up, mut down) = (Duration::ZERO, Duration::ZERO);
    let (mut boots, mut clean, mut unclean, mut unknown_ends) = (0, 0, 0, 0);
    for day in &days {
        up = up.saturating_add(day.up);
        down = down.saturating_add(day.down);
        boots += day.counts.begun;
        clean += day.counts.clean;
        unclean += day.counts.unclean();
        unknown_ends += day.counts.unknown_ends;
    }
    let unknown = Duration::from_millis(inputs.period.length_ms());
    let unknown = unknown.saturating_sub(up).saturating_sub(down);
    ReportedAvailability {
        up_ms: milliseconds(up),
        down_ms: milliseconds(down),
        unknown_ms: milliseconds(unknown),
        bounds_ppm: if lines.is_empty() { None } else { bounds_ppm(up, down, unknown) },
        boots,
        clean,
        unclean,
        unknown_ends,
    }
}

fn coverage(inputs: &ReportInputs<'_>) -> ReportedCoverage {
    let days = memory_buckets(window(inputs, BucketBy::Day), &[], watched(inputs));
    let watched_ms = milliseconds(days.iter().map(|day| day.time.watched).sum());
    let watched_ms = watched_ms.min(inputs.period.length_ms());
    let (gaps, more_gaps) = gaps(inputs);
    let steps = inputs.clock_steps.iter().filter(|step| inputs.period.has(step.at_wall_ms));
    let stepped = steps.clone().map(|step| step.by_ms.unsigned_abs());
    ReportedCoverage {
        history_began_wall_ms: began(inputs),
        watched_ms,
        not_watched_ms: inputs.period.length_ms().saturating_sub(watched_ms),
        gaps,
        more_gaps,
        clock_steps: number(steps.count()),
        clock_stepped_ms: stepped.fold(0, u64::saturating_add),
    }
}

/// The longest gaps in the period. Days whose stretches are not kept one by one have no gaps to list;
/// their time counts all the same.
fn gaps(inputs: &ReportInputs<'_>) -> (Vec<ReportedGap>, u64) {
    let ReportPeriod { from_wall_ms, to_wall_ms, at_wall_ms: _ } = inputs.period;
    const DAY_MS: i64 = 86_400_000;
    let stretches =
        inputs.coverage.iter().map(|stretch| (stretch.from_wall_ms, stretch.to_wall_ms));
    let days = inputs.coverage_days.iter();
    let days = days.map(|day| (day.from_wall_ms, day.from_wall_ms.saturating_add(DAY_MS)));
    let mut known: Vec<(i64, i64)> = stretches.chain(days).collect();
    known.sort_unstable();
    let mut gaps = Vec::new();
    let mut until = from_wall_ms;
    for (begin, end) in known.into_iter().filter(|(_, end)| *end > from_wall_ms) {
        let begin = begin.min(to_wall_ms);
        if begin > until {
            gaps.push(ReportedGap { from_wall_ms: until, to_wall_ms: begin });
        }
        until = until.max(end);
    }
    if until < to_wall_ms {
        gaps.push(ReportedGap { from_wall_ms: until, to_wall_ms });
    }
    gaps.sort_by_key(|gap| (gap.from_wall_ms - gap.to_wall_ms, gap.from_wall_ms));
    let more = gaps.len().saturating_sub(MOST_GAPS);
    gaps.truncate(MOST_GAPS);
    gaps.sort_by_key(|gap| gap.from_wall_ms);
    (gaps, number(more))
}

fn sticks(
    inputs: &ReportInputs<'_>,
    modules: &[ModuleRecord],
    open_alerts: &[ReportedAlert],
) -> Vec<ReportedStick> {
    let period = inputs.period;
    let was_there = |module: &&ModuleRecord| {
        module.since_wall_ms < period.to_wall_ms
            && module.ended_wall_ms.is_none_or(|end| end >= period.from_wall_ms)
    };
    let there = modules.iter().filter(was_there);
    let stick = |module: &ModuleRecord| {
        let stick = errors::stick(module, inputs.errors, period);
        let said = open::said(module, &stick, inputs.judged, open_alerts);
        ReportedStick { said, ..stick }
    };
    let mut sticks: Vec<ReportedStick> = there.map(stick).collect();
    let worst = |stick: &ReportedStick| std::cmp::Reverse((stick.uncorrected, stick.corrected));
    sticks.sort_by(|a, b| (worst(a), &a.slot, &a.module).cmp(&(worst(b), &b.slot, &b.module)));
    sticks
}

fn acknowledgements(inputs: &ReportInputs<'_>) -> Vec<ReportedAck> {
    let then = clip::acks(inputs.book.acks.values(), inputs.ended_acks, inputs.period.at_wall_ms);
    let told = then.into_iter().map(|(ack, ended)| {
        let ended = ended.map(|ended| (ended.end.as_str().to_owned(), ended.at_wall_ms));
        reported_ack(ack, ended)
    });
    let period = inputs.period;
    let meets = |ack: &ReportedAck| {
        let over = ack.ended.as_ref().map(|(_, at)| *at);
        ack.given_wall_ms < period.to_wall_ms && over.is_none_or(|at| at >= period.from_wall_ms)
    };
    let mut acks: Vec<ReportedAck> = told.filter(meets).collect();
    acks.sort_by(|a, b| (a.given_wall_ms, &a.alert).cmp(&(b.given_wall_ms, &b.alert)));
    acks
}

fn reported_ack(ack: &Ack, ended: Option<(String, i64)>) -> ReportedAck {
    ReportedAck {
        alert: ack.key.to_string(),
        by: ack.by.clone(),
        reason: ack.reason.clone(),
        given_wall_ms: ack.given.wall_ms,
        until_wall_ms: ack.until_wall_ms(),
        ended,
    }
}

fn months(inputs: &ReportInputs<'_>, lines: &[BootLine]) -> Vec<ReportedMonth> {
    let window = window(inputs, BucketBy::Month);
    let memory = memory_buckets(window, inputs.errors.sums, watched(inputs));
    let boots = boot_buckets(window, lines, watched(inputs));
    let read = |class: ErrorClass, bucket: &MemoryBucket, errors: Option<u64>| {
        let (from_wall_ms, to_wall_ms) = (bucket.time.from_wall_ms, bucket.time.to_wall_ms);
        let month = ReportPeriod { from_wall_ms, to_wall_ms, ..inputs.period };
        errors.filter(|errors| *errors > 0 || inputs.errors.is_read(class, month))
    };
    let patches = patch_buckets(window, inputs.facts, inputs.exposures, watched(inputs));
    let months = memory.iter().zip(&boots).zip(&patches);
    let month = |((memory, boots), patches): ((&MemoryBucket, _), &crate::PatchBucket)| {
        let boots: &crate::BootBucket = boots;
        ReportedMonth {
            from_wall_ms: memory.time.from_wall_ms,
            to_wall_ms: memory.time.to_wall_ms,
            watched_ms: milliseconds(memory.time.watched),
            not_watched_ms: milliseconds(memory.time.not_watched),
            corrected: read(
                ErrorClass::Correctable,
                memory,
                memory.of_host(ErrorClass::Correctable),
            ),
            uncorrected: read(
                ErrorClass::Uncorrectable,
                memory,
                memory.of_host(ErrorClass::Uncorrectable),
            ),
            owed: patches
                .owed()
                .filter(|_| is_relation_known(inputs.facts, patches.time.to_wall_ms)),
            boots: boots.counts().map(|counts| counts.begun),
            unclean: boots.counts().map(crate::BootCounts::unclean),
        }
    };
    months.map(month).collect()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn number(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}
