//! What becomes of old rows: a plan, made of ages and sizes alone. Pure.
//!
//! Single changes and reports become sums of an hour, these become sums of a day, and those stay.
//! While the file has room, ages alone decide. When it is nearly full, younger rows follow step by
//! step, the oldest first, until there is room again. Sums and the time watched are the same before
//! and after; what is given up is when exactly, and what each report said.

use std::collections::BTreeMap;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

/// How often rows of an age are looked for, at most and at least. In between, by a share of the age.
const LOOK_AGAIN_MS: (i64, i64) = (60_000, 3_600_000);
const SHARE_OF_AGE: i64 = 64;

/// How often rows that were kept are looked at again: the newest change of a counter may have a
/// successor, a finding may be gone.
const SWEEP_AGAIN_MS: i64 = 86_400_000;

/// How large the file may grow unless the settings say otherwise.
pub const DEFAULT_MAX_BYTES: u64 = 64 << 20;

/// A kind of rows that age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum What {
    /// Texts that nothing names any more.
    Texts,
    /// Notes of lost reports, several of an hour.
    Losses,
    /// Changes of counters.
    Changes,
    /// Reports of errors, of places that nothing is wrong with now.
    Reports,
    /// Sums of an hour of changes.
    ChangeHours,
    /// Sums of an hour of reports.
    ReportHours,
    /// Earlier states of sources.
    SourceStates,
    /// Stretches of coverage, if there are too many.
    Stretches,
    /// Reports of places that a finding stands against.
    OpenReports,
    /// Facts that changed to and fro very often: what lies between their first and their last changes.
    Facts,
}

impl What {
    /// In the order in which they are looked at: what costs least to give up comes first.
    const AGEING: [Self; 9] = [
        Self::Losses,
        Self::Changes,
        Self::Reports,
        Self::ChangeHours,
        Self::ReportHours,
        Self::SourceStates,
        Self::Stretches,
        Self::OpenReports,
        Self::Facts,
    ];

    /// A stable word for the database and the metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Texts => "texts",
            Self::Losses => "losses",
            Self::Changes => "changes",
            Self::Reports => "reports",
            Self::ChangeHours => "change_hours",
            Self::ReportHours => "report_hours",
            Self::SourceStates => "source_states",
            Self::Stretches => "stretches",
            Self::OpenReports => "open_reports",
            Self::Facts => "facts",
        }
    }
}

/// From which age on rows are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Single changes, reports and losses.
    pub(crate) single: Duration,
    /// Reports of places that a finding stands against, and facts that change all the time; `None`
    /// for never.
    pub(crate) open: Option<Duration>,
    /// Sums of an hour; also earlier states of sources.
    pub(crate) hours: Duration,
}

const fn step(single: Duration, open: Duration, hours: Duration) -> Step {
    Step { single, open: Some(open), hours }
}

const fn times(unit: Duration, n: u32) -> Duration {
    unit.saturating_mul(n)
}

/// The ages of every day, then those of a file that is nearly full, each step taken when the one
/// before it left too much. The last one gives up all but the last ten minutes: that alone is what a
/// storm can add between two passes, with room to spare.
pub(crate) const LADDER: [Step; 9] = [
    Step { single: times(DAY, 90), open: None, hours: times(DAY, 730) },
    step(times(DAY, 30), times(DAY, 730), times(DAY, 365)),
    step(times(DAY, 7), times(DAY, 365), times(DAY, 180)),
    step(times(DAY, 2), times(DAY, 90), times(DAY, 30)),
    step(times(HOUR, 12), times(DAY, 30), times(DAY, 7)),
    step(times(HOUR, 3), times(DAY, 7), times(DAY, 2)),
    step(HOUR, times(DAY, 2), DAY),
    step(times(HOUR, 1), times(HOUR, 3), DAY),
    step(Duration::from_secs(600), Duration::from_secs(600), DAY),
];

/// How full the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fill {
    /// Bytes in pages that hold something.
    pub(crate) used_bytes: u64,
    /// Bytes in free pages, which new rows fill before the file grows.
    pub(crate) free_bytes: u64,
    /// Bytes it may have.
    pub(crate) max_bytes: u64,
}

impl Fill {
    /// Whether rows that are not old have to go too. A quarter is left, as rows are folded no faster
    /// than a bite a pass, and the log of the database is beside it.
    pub(crate) fn is_pressed(self) -> bool {
        self.used_bytes > self.max_bytes / 4 * 3
    }
}

/// How far what is old was folded by this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Before which moment nothing is left.
    done: BTreeMap<What, i64>,
    /// From which moment the rest of an unfinished kind begins.
    rest: BTreeMap<What, i64>,
    /// When a kind was last looked through from its beginning. In between it is enough to look from
    /// where it is done: what is kept there does not become less every minute.
    swept: BTreeMap<What, i64>,
    /// Whether texts may have lost their last use.
    texts: bool,
    /// The last moment asked for.
    seen: Option<i64>,
}

impl Progress {
    /// Nothing was looked at yet; the process before may have left texts.
    pub(crate) fn new() -> Self {
        Self { texts: true, ..Self::default() }
    }

    /// Begins anew if the clock was set back: what was done by a clock that was ahead says nothing of
    /// rows that come now.
    pub(crate) fn see(&mut self, now_wall_ms: i64) {
        let ahead = self.seen.map_or(0, |seen| seen.saturating_sub(now_wall_ms));
        if ahead > LOOK_AGAIN_MS.1 {
            *self = Self::new();
        }
        self.seen = Some(now_wall_ms);
    }

    /// Sums of an hour may have come that are old already.
    fn begin_anew(&mut self, what: What) {
        self.done.remove(&what);
        self.swept.remove(&what);
        self.rest.remove(&what);
    }

    /// Notes what came of a bite: rows folded, and the moment of the last of them.
    pub(crate) fn note(&mut self, bite: &Bite, rows: usize, last_wall_ms: Option<i64>) {
        let more = rows >= bite.most_rows;
        if bite.from_wall_ms == i64::MIN {
            self.swept.extend(self.seen.map(|now| (bite.what, now)));
        }
        match bite.what {
            What::Texts => self.texts = more,
            What::Reports | What::OpenReports if rows > 0 => {
                self.texts = true;
                self.begin_anew(What::ReportHours);
            }
            What::Changes if rows > 0 => self.begin_anew(What::ChangeHours),
            What::ReportHours => self.texts |= rows > 0,
            What::Losses
            | What::Changes
            | What::Reports
            | What::OpenReports
            | What::ChangeHours
            | What::SourceStates
            | What::Stretches
            | What::Facts => {}
        }
        match last_wall_ms.filter(|_| more) {
            Some(last) => drop(self.rest.insert(bite.what, last)),
            None => {
                self.rest.remove(&bite.what);
                let done = self.done.entry(bite.what).or_insert(i64::MIN);
                *done = bite.before_wall_ms.max(*done);
            }
        }
    }
}

/// What to fold in one transaction: the first rows of a kind between two moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bite {
    pub(crate) what: What,
    pub(crate) from_wall_ms: i64,
    pub(crate) before_wall_ms: i64,
    /// Which step of the ladder asks for it; 0 is that of every day.
    pub(crate) step: usize,
    /// No more rows than these.
    pub(crate) most_rows: usize,
}

/// The next bite, of no more than so many rows, if one is due.
pub(crate) fn plan(
    now_wall_ms: i64,
    fill: Fill,
    progress: &Progress,
    most_rows: usize,
) -> Option<Bite> {
    if progress.texts {
        let (from_wall_ms, before_wall_ms) = (i64::MIN, i64::MAX);
        return Some(Bite { what: What::Texts, from_wall_ms, before_wall_ms, step: 0, most_rows });
    }
    let steps = if fill.is_pressed() { LADDER.len() } else { 1 };
    for (step, ages) in LADDER.iter().enumerate().take(steps) {
        for what in What::AGEING {
            let Some(age) = ages.of(what) else { continue };
            let age_ms = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            let unit = match age_ms {
                // Their number decides.
                0 => LOOK_AGAIN_MS.1,
                age_ms => (age_ms / SHARE_OF_AGE).clamp(LOOK_AGAIN_MS.0, LOOK_AGAIN_MS.1),
            };
            let before = now_wall_ms.saturating_sub(age_ms);
            let before_wall_ms = before.saturating_sub(before.rem_euclid(unit));
            let done = progress.done.get(&what).copied().unwrap_or(i64::MIN);
            if before_wall_ms > done {
                let is_swept = |swept: &i64| now_wall_ms.saturating_sub(*swept) < SWEEP_AGAIN_MS;
                let from_done = progress.swept.get(&what).is_some_and(is_swept).then_some(done);
                let rest = progress.rest.get(&what).copied();
                let from_wall_ms = rest.or(from_done).unwrap_or(i64::MIN);
                return Some(Bite { what, from_wall_ms, before_wall_ms, step, most_rows });
            }
        }
    }
    None
}

impl Step {
    fn of(self, what: What) -> Option<Duration> {
        match what {
            What::Losses | What::Changes | What::Reports => Some(self.single),
            What::ChangeHours | What::ReportHours | What::SourceStates => Some(self.hours),
            What::OpenReports | What::Facts => self.open,
            // Their number decides.
            What::Stretches => Some(Duration::ZERO),
            What::Texts => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000_000;
    const MOST_ROWS: usize = 100;

    fn plan(now_wall_ms: i64, fill: Fill, progress: &Progress) -> Option<Bite> {
        super::plan(now_wall_ms, fill, progress, MOST_ROWS)
    }
    const ROOM: Fill = Fill { used_bytes: 1, free_bytes: 0, max_bytes: DEFAULT_MAX_BYTES };
    const FULL: Fill = Fill { used_bytes: DEFAULT_MAX_BYTES, ..ROOM };

    /// Every bite that is planned until none is, if each finds so many rows.
    fn all(fill: Fill, progress: &mut Progress, rows: usize) -> Vec<Bite> {
        let mut bites = Vec::new();
        while let Some(bite) = plan(NOW, fill, progress) {
            progress.note(&bite, rows, None);
            bites.push(bite);
            assert!(bites.len() < 1_000, "endless");
        }
        bites
    }

    #[test]
    fn ages_only_fall_from_step_to_step() {
        for pair in LADDER.windows(2) {
            let [milder, harder] = pair else { unreachable!() };
            assert!(harder.single <= milder.single && harder.hours <= milder.hours);
            assert!(
                harder.open.is_some() && milder.open.is_none_or(|age| harder.open <= Some(age))
            );
        }
    }

    #[test]
    fn with_room_only_what_is_old_is_folded_and_nothing_of_what_is_open() {
        let bites = all(ROOM, &mut Progress::new(), 0);
        assert_eq!(bites.first().map(|bite| bite.what), Some(What::Texts));
        for bite in &bites[1..] {
            assert_eq!(bite.step, 0);
            assert!(!matches!(bite.what, What::OpenReports | What::Facts), "{bite:?}");
            let single = NOW - 90 * 86_400_000;
            assert!(bite.before_wall_ms <= single || bite.what == What::Stretches, "{bite:?}");
        }
    }

    #[test]
    fn a_full_file_goes_down_the_ladder_oldest_first() {
        let bites = all(FULL, &mut Progress::new(), 0);
        let mut last = BTreeMap::new();
        for bite in &bites[1..] {
            let before = last.insert(bite.what, bite.before_wall_ms);
            assert!(before.is_none_or(|before| before < bite.before_wall_ms), "{bite:?}");
        }
        let ten_minutes = NOW - 600_000;
        assert_eq!(last[&What::OpenReports], ten_minutes - ten_minutes % 60_000);
    }

    #[test]
    fn a_bite_that_was_full_is_followed_by_the_rest() {
        let mut progress = Progress::new();
        let texts = plan(NOW, ROOM, &progress).unwrap();
        progress.note(&texts, 0, None);
        let first = plan(NOW, ROOM, &progress).unwrap();
        progress.note(&first, MOST_ROWS, Some(77));
        assert_eq!(plan(NOW, ROOM, &progress), Some(Bite { from_wall_ms: 77, ..first }));
        progress.note(&first, MOST_ROWS - 1, Some(99));
        assert_ne!(plan(NOW, ROOM, &progress).unwrap().what, first.what);
    }

    #[test]
    fn what_was_looked_through_today_is_not_looked_through_again() {
        let mut progress = Progress::new();
        progress.see(NOW);
        all(ROOM, &mut progress, 0);
        let hours_later = |hours: i64| NOW + hours * LOOK_AGAIN_MS.1;
        progress.see(hours_later(1));
        let next = plan(hours_later(1), ROOM, &progress).unwrap();
        assert_eq!(next.before_wall_ms - next.from_wall_ms, LOOK_AGAIN_MS.1);
        progress.see(hours_later(24));
        assert_eq!(plan(hours_later(24), ROOM, &progress).unwrap().from_wall_ms, i64::MIN);
    }

    #[test]
    fn nothing_is_looked_for_again_within_an_hour_unless_the_clock_was_set_back() {
        let mut progress = Progress::new();
        progress.see(NOW);
        all(ROOM, &mut progress, 0);
        for now in [NOW, NOW + 60_000, NOW - 60_000] {
            progress.see(now);
            assert_eq!(plan(now, ROOM, &progress), None, "{now}");
        }
        assert!(plan(NOW + LOOK_AGAIN_MS.1, ROOM, &progress).is_some());
        progress.see(NOW - 86_400_000);
        assert!(plan(NOW - 86_400_000, ROOM, &progress).is_some());
    }
}
