//! From what the history holds to a report.

use super::exposures::{ReportedExposure, classes_of_exposures, reported_exposures};
use super::parts::{
    LedgerRange, Report, ReportPeriod, ReportedAck, ReportedAvailability, ReportedCoverage,
    ReportedFact, ReportedGap, ReportedHost, ReportedMonth, ReportedPatches, ReportedStick,
};
use super::policy::PatchDeadlines;
use super::summary::summary;
use crate::availability::bounds_ppm;
use crate::{
    Ack, AlertBook, AlertTurn, BootLine, BootRecord, BucketBy, BucketWindow, ClockStepRecord,
    CounterSum, CoverageDay, CoverageRecord, CveLists, Digest, EndedAck, ErrorClass,
    ExposureRecord, FactRecord, MemoryBucket, ModuleRecord, ModuleTurn, PageLife, SeriesKey,
    SeriesPlace, Watched, boot_buckets, memory_buckets, patch_buckets,
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
    /// Changes of counters in the period.
    pub counters: &'a [CounterSum],
    /// All sticks ever seen.
    pub modules: &'a [ModuleRecord],
    /// What became of them.
    pub module_turns: &'a [ModuleTurn],
    /// Bad pages.
    pub pages: Vec<PageLife>,
    /// What became of alerts in the period.
    pub alert_turns: Vec<AlertTurn>,
    /// Acknowledgements that hold.
    pub book: &'a AlertBook,
    /// And those that ended.
    pub ended_acks: &'a [EndedAck],
    /// The ledger.
    pub ledger: LedgerRange,
}

/// The report.
pub fn assemble_report(inputs: ReportInputs<'_>) -> Report {
    let period = inputs.period;
    let patches = patches(&inputs);
    let (availability, coverage) = (availability(&inputs), coverage(&inputs));
    let (sticks, months) = (sticks(&inputs, &coverage), months(&inputs));
    let boots = inputs.boot_lines.iter().filter(|line| meets_boot(period, line)).cloned();
    let turns = inputs.module_turns.iter().filter(|turn| period.has(turn.at_wall_ms)).cloned();
    let acknowledgements = acknowledgements(&inputs);
    let (boots, stick_turns) = (boots.collect(), turns.collect());
    let ReportInputs {
        host_name,
        tool_version,
        policy,
        policy_sha256,
        pages,
        alert_turns,
        ledger,
        ..
    } = inputs;
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        host: ReportedHost { name: host_name.map(str::to_owned) },
        tool_version: tool_version.to_owned(),
        period,
        summary: super::parts::ReportSummary {
            sentence: String::new(),
            figures: Vec::new(),
            unknown: Vec::new(),
        },
        policy: policy.clone(),
        policy_sha256,
        patches,
        availability,
        boots,
        sticks,
        stick_turns,
        pages: pages
            .into_iter()
            .filter(|life| life.page.first_seen_wall_ms < period.to_wall_ms)
            .collect(),
        alerts: alert_turns,
        acknowledgements,
        months,
        coverage,
        ledger,
    };
    report.summary = summary(&report);
    report
}

impl ReportPeriod {
    /// Whether a moment is in it.
    pub fn has(self, wall_ms: i64) -> bool {
        (self.from_wall_ms..self.to_wall_ms).contains(&wall_ms)
    }

    fn by(self, by: BucketBy) -> BucketWindow {
        BucketWindow { by, from_wall_ms: self.from_wall_ms, until_wall_ms: self.to_wall_ms }
    }
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
    let ReportPeriod { from_wall_ms, to_wall_ms: _, at_wall_ms } = inputs.period;
    let exposures =
        reported_exposures(inputs.exposures, inputs.lists, inputs.policy, from_wall_ms, at_wall_ms);
    let mut latest: BTreeMap<(&str, &str), &FactRecord> = BTreeMap::new();
    for fact in inputs.facts.iter().filter(|fact| fact.at_wall_ms <= at_wall_ms) {
        latest.insert((&fact.name, &fact.subject), fact);
    }
    // What is gone is no state.
    let facts = latest.into_values().filter(|fact| fact.state != "gone").map(reported_fact);
    let changes = inputs.facts.iter().filter(|fact| inputs.period.has(fact.at_wall_ms));
    let alone = |exposure: &&ReportedExposure| exposure.live_patch_only;
    ReportedPatches {
        facts: facts.collect(),
        changes: changes.map(reported_fact).collect(),
        classes: classes_of_exposures(&exposures, inputs.policy),
        live_patch_only: number(exposures.iter().filter(alone).count()),
        exposures,
    }
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

fn availability(inputs: &ReportInputs<'_>) -> ReportedAvailability {
    let days = boot_buckets(inputs.period.by(BucketBy::Day), inputs.boot_lines, watched(inputs));
    let (mut up, mut down, mut unknown) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let (mut boots, mut clean, mut unclean, mut unknown_ends) = (0, 0, 0, 0);
    for day in &days {
        up = up.saturating_add(day.up);
        down = down.saturating_add(day.down);
        unknown = unknown.saturating_add(day.unknown);
        boots += day.counts.begun;
        clean += day.counts.clean;
        unclean += day.counts.unclean();
        unknown_ends += day.counts.unknown_ends;
    }
    ReportedAvailability {
        up_ms: milliseconds(up),
        down_ms: milliseconds(down),
        unknown_ms: milliseconds(unknown),
        bounds_ppm: bounds_ppm(up, down, unknown),
        boots,
        clean,
        unclean,
        unknown_ends,
    }
}

fn coverage(inputs: &ReportInputs<'_>) -> ReportedCoverage {
    let began = inputs.coverage.iter().map(|stretch| stretch.from_wall_ms);
    let began = began.chain(inputs.coverage_days.iter().map(|day| day.from_wall_ms)).min();
    let days = memory_buckets(inputs.period.by(BucketBy::Day), &[], watched(inputs));
    let sum = |of: fn(&MemoryBucket) -> Duration| milliseconds(days.iter().map(of).sum());
    let (gaps, more_gaps) = gaps(inputs);
    let steps = inputs.clock_steps.iter().filter(|step| inputs.period.has(step.at_wall_ms));
    let stepped = steps.clone().map(|step| step.by_ms.unsigned_abs());
    ReportedCoverage {
        history_began_wall_ms: began,
        watched_ms: sum(|day| day.time.watched),
        not_watched_ms: sum(|day| day.time.not_watched),
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

fn sticks(inputs: &ReportInputs<'_>, coverage: &ReportedCoverage) -> Vec<ReportedStick> {
    let period = inputs.period;
    let was_there = |module: &&ModuleRecord| {
        module.since_wall_ms < period.to_wall_ms
            && module.ended_wall_ms.is_none_or(|end| end >= period.from_wall_ms)
    };
    let mut sums: BTreeMap<&SeriesKey, Vec<&CounterSum>> = BTreeMap::new();
    for sum in inputs.counters {
        sums.entry(&sum.series).or_default().push(sum);
    }
    let errors = |module: &ModuleRecord, class: ErrorClass| {
        let mut found = (0_u64, false);
        for (controller, place) in &module.places {
            let place = SeriesPlace::Dimm(*place);
            let key = SeriesKey { controller: controller.clone(), place, class };
            for sum in sums.get(&key).into_iter().flatten() {
                // Before it came, and after it went, they are another's.
                let is_its = sum.to_wall_ms >= module.since_wall_ms
                    && module.ended_wall_ms.is_none_or(|end| sum.from_wall_ms <= end)
                    && sum.from_wall_ms < period.to_wall_ms
                    && sum.to_wall_ms >= period.from_wall_ms;
                if is_its && !sum.is_first {
                    found.0 = found.0.saturating_add(sum.by);
                    found.1 |= sum.restarts > 0;
                }
            }
        }
        found
    };
    let stick = |module: &ModuleRecord| {
        let (corrected, a) = errors(module, ErrorClass::Correctable);
        let (uncorrected, b) = errors(module, ErrorClass::Uncorrectable);
        // A stick that nobody counts for has no errors that anybody knows of, which is not none.
        let is_counted = coverage.watched_ms > 0 && !module.places.is_empty();
        let seen = |errors: u64| (is_counted || errors > 0).then_some(errors);
        ReportedStick {
            module: module.key.opaque(),
            slot: module.slot_name().or_else(|| module.place_names().into_iter().next()),
            part: module.part.clone(),
            size_bytes: module.size_bytes,
            since_wall_ms: module.since_wall_ms,
            ended_wall_ms: module.ended_wall_ms,
            corrected: seen(corrected),
            uncorrected: seen(uncorrected),
            at_least: a || b,
        }
    };
    let mut sticks: Vec<ReportedStick> =
        inputs.modules.iter().filter(was_there).map(stick).collect();
    let worst = |stick: &ReportedStick| std::cmp::Reverse((stick.uncorrected, stick.corrected));
    sticks.sort_by(|a, b| (worst(a), &a.slot, &a.module).cmp(&(worst(b), &b.slot, &b.module)));
    sticks
}

fn acknowledgements(inputs: &ReportInputs<'_>) -> Vec<ReportedAck> {
    let held = inputs.book.acks.values().map(|ack| reported_ack(ack, None));
    let ended = inputs.ended_acks.iter();
    let ended = ended.map(|ended| {
        reported_ack(&ended.ack, Some((ended.end.as_str().to_owned(), ended.at_wall_ms)))
    });
    let period = inputs.period;
    let meets = |ack: &ReportedAck| {
        let over = ack.ended.as_ref().map(|(_, at)| *at);
        ack.given_wall_ms < period.to_wall_ms && over.is_none_or(|at| at >= period.from_wall_ms)
    };
    let mut acks: Vec<ReportedAck> = held.chain(ended).filter(meets).collect();
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

fn months(inputs: &ReportInputs<'_>) -> Vec<ReportedMonth> {
    let window = inputs.period.by(BucketBy::Month);
    let memory = memory_buckets(window, inputs.counters, watched(inputs));
    let boots = boot_buckets(window, inputs.boot_lines, watched(inputs));
    let patches = patch_buckets(window, inputs.facts, inputs.exposures, watched(inputs));
    let months = memory.iter().zip(&boots).zip(&patches);
    let month = |((memory, boots), patches): ((&MemoryBucket, _), &crate::PatchBucket)| {
        let boots: &crate::BootBucket = boots;
        ReportedMonth {
            from_wall_ms: memory.time.from_wall_ms,
            to_wall_ms: memory.time.to_wall_ms,
            watched_ms: milliseconds(memory.time.watched),
            not_watched_ms: milliseconds(memory.time.not_watched),
            corrected: memory.of_host(ErrorClass::Correctable),
            uncorrected: memory.of_host(ErrorClass::Uncorrectable),
            owed: patches.owed(),
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
