//! Memory errors of a period: of each stick, and of the host, which has those on no stick too.

use super::parts::{ReportPeriod, ReportedErrors, ReportedStick};
use crate::{
    CounterChange, CounterSum, ErrorClass, FactRecord, MemoryTraces, ModuleRecord, SeriesKey,
    SeriesPlace, SeriesTotal,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the history knows of errors.
#[derive(Debug, Clone, Copy)]
pub struct ErrorsKnown<'a> {
    /// Changes of the counters of each stick, from the beginning of the period on.
    pub traces: &'a MemoryTraces,
    /// Changes of all counters that overlap the period.
    pub sums: &'a [CounterSum],
    /// Every counter that was ever read.
    pub series: &'a BTreeMap<SeriesKey, SeriesTotal>,
    /// Which of them were not read later, and again, in order ([`crate::COUNTER_READ`]).
    pub read: &'a [FactRecord],
}

/// For how much of a period a counter was read, as far as anybody watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Read {
    /// At no time.
    Never,
    /// For some of it.
    Partly,
    /// Whenever somebody looked.
    Wholly,
}

impl ErrorsKnown<'_> {
    /// Whether a counter of a class was read at any place of a stick.
    fn is_counted(&self, module: &ModuleRecord, class: ErrorClass, period: ReportPeriod) -> Read {
        let places = module.places.iter().map(|(controller, place)| {
            let place = SeriesPlace::Dimm(*place);
            let key = SeriesKey { controller: controller.clone(), place, class };
            self.of_counter(&key, period)
        });
        places.max().unwrap_or(Read::Never)
    }

    /// Whether any counter of a class was read.
    pub(super) fn is_read(&self, class: ErrorClass, period: ReportPeriod) -> bool {
        self.of_class(class, period).any(|read| read > Read::Never)
    }

    fn of_class(&self, class: ErrorClass, period: ReportPeriod) -> impl Iterator<Item = Read> {
        let of_class = self.series.keys().filter(move |key| key.class == class);
        of_class.map(move |key| self.of_counter(key, period))
    }

    fn of_counter(&self, key: &SeriesKey, period: ReportPeriod) -> Read {
        let ReportPeriod { from_wall_ms, to_wall_ms, at_wall_ms: _ } = period;
        let Some(series) = self.series.get(key) else { return Read::Never };
        let watched = |from: i64| {
            let mut watches = self.traces.watches.iter();
            watches.any(|w| w.from_wall_ms < to_wall_ms && w.to_wall_ms >= from)
        };
        let begin = from_wall_ms.max(series.since_wall_ms);
        if series.since_wall_ms >= to_wall_ms || !watched(begin) {
            return Read::Never;
        }
        if self.read.is_empty() {
            return Read::Wholly;
        }
        let subject = key.to_string();
        let of_it =
            self.read.iter().filter(|fact| fact.subject.is_empty() || fact.subject == subject);
        // Both that of all counters and its own.
        let (mut all, mut own) = (true, true);
        let (mut is_read, mut ever, mut always) = (true, false, true);
        for fact in of_it.take_while(|fact| fact.at_wall_ms < to_wall_ms) {
            // What held until then counts, if it did in the period.
            if fact.at_wall_ms > begin {
                ever |= is_read;
                always &= is_read;
            }
            let now = fact.value.as_deref() == Some("true");
            if fact.subject.is_empty() {
                all = now
            } else {
                own = now
            }
            is_read = all && own;
        }
        match (ever || is_read, always && is_read) {
            (false, _) => Read::Never,
            (true, false) => Read::Partly,
            (true, true) => Read::Wholly,
        }
    }
}

/// A sum over the part of a record that lies in the period. A sum of an hour or a day that reaches
/// over an end of it is left out, and told by there having been more.
fn within(changes: &[CounterChange], class: ErrorClass, period: ReportPeriod) -> (u64, bool) {
    let (mut sum, mut at_least) = (0_u64, false);
    for change in changes.iter().filter(|change| change.class == class && !change.first) {
        let (from, to) = (change.from_wall_ms, change.to_wall_ms);
        if to < period.from_wall_ms || from >= period.beyond_wall_ms() {
            continue;
        }
        if from < period.from_wall_ms || to > period.to_wall_ms {
            at_least |= change.errors > 0;
            continue;
        }
        sum = sum.saturating_add(change.errors);
        at_least |= change.restarted;
    }
    (sum, at_least)
}

/// A stick with its errors.
pub(super) fn stick(
    module: &ModuleRecord,
    known: ErrorsKnown<'_>,
    period: ReportPeriod,
) -> ReportedStick {
    let changes = known.traces.modules.get(&module.key).map_or(&[][..], |trace| &trace.changes);
    let of = |class| {
        let (errors, at_least) = within(changes, class, period);
        let read = known.is_counted(module, class, period);
        let told = read > Read::Never || errors > 0;
        (told.then_some(errors), at_least || (told && read < Read::Wholly))
    };
    let (corrected, a) = of(ErrorClass::Correctable);
    let (uncorrected, b) = of(ErrorClass::Uncorrectable);
    ReportedStick {
        module: module.key.opaque(),
        slot: module.slot_name().or_else(|| module.place_names().into_iter().next()),
        counted_at: module.place_names(),
        part: module.part.clone(),
        size_bytes: module.size_bytes,
        since_wall_ms: module.since_wall_ms,
        ended_wall_ms: module.ended_wall_ms,
        corrected,
        uncorrected,
        at_least: a || b,
        said: None,
    }
}

/// Errors of the host: of each controller the larger of its total and of its parts, as a controller
/// counts again what its places count, and may count more.
pub(super) fn of_host(
    known: ErrorsKnown<'_>,
    sticks: &[ReportedStick],
    period: ReportPeriod,
) -> ReportedErrors {
    let mut at_least = false;
    let mut before = (0_u64, 0_u64);
    let mut of = |class: ErrorClass| {
        let (mut totals, mut parts) = (BTreeMap::new(), BTreeMap::new());
        let mut first = (BTreeMap::new(), BTreeMap::new());
        let mut controllers = BTreeSet::new();
        for sum in known.sums.iter().filter(|sum| sum.series.class == class) {
            let (from, to) = (sum.from_wall_ms, sum.to_wall_ms);
            if to < period.from_wall_ms || from >= period.beyond_wall_ms() {
                continue;
            }
            let controller = &sum.series.controller;
            controllers.insert(controller);
            let is_total = sum.series.place == SeriesPlace::Total;
            let into = match (is_total, sum.is_first) {
                (true, false) => &mut totals,
                (false, false) => &mut parts,
                (true, true) => &mut first.0,
                (false, true) => &mut first.1,
            };
            let into: &mut u64 = into.entry(controller).or_default();
            *into = into.saturating_add(sum.by);
            at_least |= sum.restarts > 0;
        }
        let larger = |one: &BTreeMap<_, u64>, other: &BTreeMap<_, u64>| {
            let each = controllers.iter().map(|controller| {
                let of = |map: &BTreeMap<_, u64>| map.get(controller).copied().unwrap_or(0);
                of(one).max(of(other))
            });
            each.fold(0, u64::saturating_add)
        };
        let earlier = larger(&first.0, &first.1);
        match class {
            ErrorClass::Correctable => before.0 = earlier,
            ErrorClass::Uncorrectable => before.1 = earlier,
        }
        let errors = larger(&totals, &parts);
        (known.is_read(class, period) || errors > 0).then_some(errors)
    };
    let (corrected, uncorrected) = (of(ErrorClass::Correctable), of(ErrorClass::Uncorrectable));
    let on_sticks = |of: fn(&ReportedStick) -> Option<u64>| {
        sticks.iter().filter_map(of).fold(0, u64::saturating_add)
    };
    let mut of_classes =
        ErrorClass::ALL.into_iter().flat_map(|class| known.of_class(class, period));
    let partly_read = of_classes.any(|read| read == Read::Partly);
    let rest = |all: Option<u64>, on: u64| all.map(|all| all.saturating_sub(on));
    ReportedErrors {
        corrected,
        uncorrected,
        uncorrected_on_none: rest(uncorrected, on_sticks(|stick| stick.uncorrected)),
        corrected_on_none: rest(corrected, on_sticks(|stick| stick.corrected)),
        at_least: at_least || partly_read || sticks.iter().any(|stick| stick.at_least),
        partly_read,
        counted_before: before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        BootId, Confidence, ControllerKey, Identity, ModuleKey, ModuleTrace, Place, Watch,
    };
    use std::time::Duration;

    const PERIOD: ReportPeriod =
        ReportPeriod { from_wall_ms: 1_000, to_wall_ms: 2_000, at_wall_ms: 2_000 };

    fn change(class: ErrorClass, from: i64, to: i64, errors: u64) -> CounterChange {
        CounterChange {
            class,
            from_wall_ms: from,
            to_wall_ms: to,
            errors,
            interval: Duration::ZERO,
            restarted: false,
            first: false,
        }
    }

    fn key(place: SeriesPlace, class: ErrorClass) -> SeriesKey {
        SeriesKey { controller: ControllerKey::from_stored("mc"), place, class }
    }

    fn sum(place: SeriesPlace, by: u64, is_first: bool) -> CounterSum {
        CounterSum {
            from_wall_ms: 1_200,
            to_wall_ms: 1_300,
            boot: BootId::unknown(),
            series: key(place, ErrorClass::Uncorrectable),
            by,
            points: 1,
            restarts: 0,
            max_by: by,
            is_first,
        }
    }

    fn module() -> ModuleRecord {
        ModuleRecord {
            key: ModuleKey::from_stored("serial-1"),
            slot: Some("A1".to_owned()),
            bank: None,
            serial: None,
            part: None,
            manufacturer: None,
            size_bytes: None,
            places: vec![(ControllerKey::from_stored("mc"), Place::Dimm(0))],
            listed: true,
            identity: Identity::Serial,
            confidence: Confidence::Verified,
            evidence: String::new(),
            since_wall_ms: 0,
            ended_wall_ms: None,
            correctable: 0,
            uncorrectable: 0,
            restarts: 0,
            last_error_wall_ms: None,
        }
    }

    fn traces(changes: Vec<CounterChange>) -> MemoryTraces {
        let trace = ModuleTrace { changes, ..ModuleTrace::default() };
        MemoryTraces {
            from_wall_ms: 0,
            watches: vec![Watch {
                from_wall_ms: 0,
                to_wall_ms: 5_000,
                watched: Duration::from_secs(5),
            }],
            boots_wall_ms: Vec::new(),
            modules: [(ModuleKey::from_stored("serial-1"), trace)].into(),
        }
    }

    fn series(class: ErrorClass) -> BTreeMap<SeriesKey, SeriesTotal> {
        let total = SeriesTotal { total: 0, since_wall_ms: 500, restarts: 0 };
        [(key(SeriesPlace::Dimm(Place::Dimm(0)), class), total)].into()
    }

    #[test]
    fn a_stick_has_the_errors_that_the_history_gives_it_and_no_zero_of_what_nobody_read() {
        use ErrorClass::Correctable;
        let traces = traces(vec![
            change(Correctable, 900, 900, 7),
            change(Correctable, 1_000, 1_000, 1),
            change(Correctable, 1_500, 1_600, 2),
            change(Correctable, 2_000, 2_000, 9),
        ]);
        let series = series(Correctable);
        let known = ErrorsKnown { traces: &traces, sums: &[], series: &series, read: &[] };
        let told = stick(&module(), known, PERIOD);
        assert_eq!((told.corrected, told.uncorrected, told.at_least), (Some(12), None, false));
        // What is seen at the very end belongs to a period only where the report is of that moment.
        let told = stick(&module(), known, ReportPeriod { at_wall_ms: 3_000, ..PERIOD });
        assert_eq!((told.corrected, told.at_least), (Some(3), false));
        let empty = super::tests::traces(Vec::new());
        let known = ErrorsKnown { traces: &empty, sums: &[], series: &series, read: &[] };
        assert_eq!(stick(&module(), known, PERIOD).corrected, Some(0));
        // Read for the first time after the period.
        let earlier = ReportPeriod { from_wall_ms: 100, to_wall_ms: 400, at_wall_ms: 400 };
        assert_eq!(stick(&module(), known, earlier).corrected, None);
    }

    #[test]
    fn a_sum_that_reaches_over_an_end_is_told_by_there_having_been_more() {
        use ErrorClass::Correctable;
        let traces =
            traces(vec![change(Correctable, 900, 1_100, 7), change(Correctable, 1_900, 2_100, 1)]);
        let series = series(Correctable);
        let known = ErrorsKnown { traces: &traces, sums: &[], series: &series, read: &[] };
        let told = stick(&module(), known, PERIOD);
        assert_eq!((told.corrected, told.at_least), (Some(0), true));
    }

    #[test]
    fn errors_on_no_stick_are_errors_of_the_host() {
        let traces = traces(Vec::new());
        let series = series(ErrorClass::Uncorrectable);
        let sums = [
            sum(SeriesPlace::Total, 9, false),
            sum(SeriesPlace::Unattributed, 7, false),
            sum(SeriesPlace::Unattributed, 3, true),
        ];
        let known = ErrorsKnown { traces: &traces, sums: &sums, series: &series, read: &[] };
        let sticks = [stick(&module(), known, PERIOD)];
        let told = of_host(known, &sticks, PERIOD);
        assert_eq!((told.uncorrected, told.uncorrected_on_none), (Some(9), Some(9)));
        assert_eq!(told.corrected_on_none, None);
        assert_eq!((told.corrected, told.counted_before), (None, (0, 3)));
        // Nobody ever read such a counter.
        let unread =
            ErrorsKnown { traces: &traces, sums: &[], series: &BTreeMap::new(), read: &[] };
        assert_eq!(of_host(unread, &[], PERIOD).uncorrected, None);
    }

    fn read(at_wall_ms: i64, subject: &str, value: bool) -> FactRecord {
        FactRecord {
            at_wall_ms,
            boot: BootId::unknown(),
            name: crate::COUNTER_READ.to_owned(),
            subject: subject.to_owned(),
            value: Some(value.to_string()),
            state: "ok".to_owned(),
        }
    }

    #[test]
    fn a_counter_that_could_not_be_read_any_more_counted_nothing() {
        use ErrorClass::Correctable;
        let (traces, series) = (traces(Vec::new()), series(Correctable));
        let own = key(SeriesPlace::Dimm(Place::Dimm(0)), Correctable).to_string();
        let told = |facts: &[FactRecord]| {
            let known = ErrorsKnown { traces: &traces, sums: &[], series: &series, read: facts };
            let stick = stick(&module(), known, PERIOD);
            let host = of_host(known, std::slice::from_ref(&stick), PERIOD);
            assert_eq!((stick.corrected, stick.at_least), (host.corrected, host.at_least));
            assert_eq!(host.partly_read, host.at_least);
            (stick.corrected, stick.at_least)
        };
        assert_eq!(told(&[]), (Some(0), false));
        // Since before the period, by itself or with all others.
        assert_eq!(told(&[read(900, &own, false)]), (None, false));
        assert_eq!(told(&[read(900, "", false)]), (None, false));
        // It was again, before the period, within it, and after it.
        assert_eq!(told(&[read(800, &own, false), read(900, &own, true)]), (Some(0), false));
        assert_eq!(told(&[read(800, &own, false), read(1_500, &own, true)]), (Some(0), true));
        assert_eq!(told(&[read(800, "", false), read(2_500, "", true)]), (None, false));
        // For a part of the period.
        assert_eq!(told(&[read(1_500, &own, false)]), (Some(0), true));
        assert_eq!(told(&[read(900, &own, false), read(1_000, "", false)]), (None, false));
        // That another was not says nothing of it.
        assert_eq!(told(&[read(900, "mc/dimm9 correctable", false)]), (Some(0), false));
    }

    #[test]
    fn where_nobody_watched_nothing_was_read() {
        let series = series(ErrorClass::Correctable);
        let corrected = |traces: &MemoryTraces| {
            let known = ErrorsKnown { traces, sums: &[], series: &series, read: &[] };
            of_host(known, &[], PERIOD).corrected
        };
        let watched = traces(Vec::new());
        assert_eq!(corrected(&watched), Some(0));
        assert_eq!(corrected(&MemoryTraces { watches: Vec::new(), ..watched }), None);
    }
}
