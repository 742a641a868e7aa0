//! What observers see of the DIMMs in a slot: counters while the host is up, reports as far as
//! they are made and as the log has room for them.

use super::activity::{ActiveWindow, PLACES};
use super::fault::Fault;
use super::mode::{Mode, Region, page};
use super::random::{Draws, floor, real};
use super::settings::{FleetSettings, Resolution, WINDOW};
use crate::memory::{Cell, Hit, Observation, Parity, Seconds};

/// What of a node bears on what is seen of its DIMMs.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) settings: &'a FleetSettings,
    pub(super) slot: u16,
    /// Whether errors are counted.
    pub(super) counters: bool,
    /// Whether they are reported.
    pub(super) reports: bool,
    /// Whether reports tell bits.
    pub(super) bits: bool,
    /// The times at which the host was up.
    pub(super) runs: &'a [Run],
}

/// A time in which the host was up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) from: Seconds,
    pub(super) until: Seconds,
    /// Whether counters could be read at its end.
    pub(super) ends_clean: bool,
    /// Whether what was counted before it may be incomplete.
    pub(super) after_loss: bool,
}

/// A fault while what it shows is written down.
#[derive(Debug)]
pub(super) struct Showing {
    pub(super) fault: Fault,
    /// When its DIMM was put in, and taken out.
    pub(super) life: (Seconds, Seconds),
    /// Cells that were hit, in order.
    pub(super) cells: Vec<Cell>,
    /// Errors so far.
    pub(super) errors: u64,
    region: Region,
    draws: Draws,
    /// For each cell and kind of report: in which piece it was last reported, and by which entry.
    reported: Vec<((usize, usize), usize)>,
}

impl Showing {
    pub(super) fn new(fault: Fault, life: (Seconds, Seconds)) -> Self {
        let mut draws = Draws::new(fault.seed).of(PLACES);
        let region = Region::draw(fault.mode, fault.permanent, fault.places, &mut draws);
        Self { fault, life, cells: Vec::new(), errors: 0, region, draws, reported: Vec::new() }
    }

    /// The part of a window in which it can show.
    fn span(&self, window: i64) -> (Seconds, Seconds) {
        let (from, until) = (window * WINDOW, (window + 1) * WINDOW);
        let fault = &self.fault;
        let from = from.max(fault.onset).max(self.life.0);
        let fails = fault.fails.iter().find(|at| (from..until).contains(at));
        let until = until.min(fault.until).min(self.life.1);
        let until = until.min(fault.offlined.unwrap_or(until)).min(fails.copied().unwrap_or(until));
        (from, until)
    }

    /// The place of the next error, as an index of `cells`.
    fn place(&mut self, new_cell: f64) -> usize {
        let known = self.cells.len();
        let full = known >= usize::try_from(self.region.size).unwrap_or(usize::MAX);
        if known == 0 || (!full && self.draws.chance(new_cell)) {
            let cell = self.region.cell(known, &mut self.draws);
            if let Some(place) = self.cells.iter().position(|other| *other == cell) {
                return place;
            }
            self.cells.push(cell);
            return known;
        }
        let below = u32::try_from(known).unwrap_or(u32::MAX);
        if below == 1 { 0 } else { usize::try_from(self.draws.below(below)).unwrap_or(0) }
    }

    /// A place of it, for an uncorrected error.
    pub(super) fn worst_cell(&self) -> Cell {
        self.cells
            .first()
            .copied()
            .unwrap_or_else(|| self.region.cell(0, &mut Draws::new(self.fault.seed)))
    }
}

/// Which of several kinds of report there are of a cell.
const KINDS: usize = 4;

/// A part of a window in which the host was up.
#[derive(Debug, Clone, Copy)]
struct Piece {
    from: Seconds,
    until: Seconds,
    /// Until when counters were read.
    counted_until: Seconds,
    errors: u64,
    /// Whether the hardware flagged that there may have been more.
    overflow: bool,
}

/// Writes down what is seen of faults. `plan` holds windows, each with the index of its fault in
/// `showing`, in the order of windows.
pub(super) fn record(
    seen: &Seen<'_>,
    showing: &mut [Showing],
    plan: &[(ActiveWindow, usize)],
    observations: &mut Vec<Observation>,
) {
    let mut counted: Vec<Piece> = Vec::new();
    for (number, chunk) in
        plan.chunk_by(|(one, _), (other, _)| one.window == other.window).enumerate()
    {
        let Some((first, _)) = chunk.first() else { continue };
        let begin = counted.len();
        counted.extend(pieces(seen, first.window));
        let Some(pieces) = counted.get_mut(begin..) else { continue };
        for (active, index) in chunk {
            let Some(fault) = showing.get_mut(*index) else { continue };
            errors(seen, fault, active, number, pieces, observations);
        }
        // Where none was counted, it is as quiet as the time around it.
        let mut kept = begin;
        while let Some(piece) = counted.get(kept) {
            if piece.errors == 0 {
                counted.remove(kept);
            } else {
                kept += 1;
            }
        }
    }
    if seen.counters {
        counters(seen, &counted, observations);
    }
}

/// The parts of a window in which the host was up.
fn pieces(seen: &Seen<'_>, window: i64) -> impl Iterator<Item = Piece> {
    let (begin, end) = (window * WINDOW, (window + 1) * WINDOW);
    let of = move |run: &Run| Piece {
        from: run.from.max(begin),
        until: run.until.min(end),
        counted_until: if run.until > end { end } else { last_look(seen, run) },
        errors: 0,
        overflow: false,
    };
    // A node has few runs: to look for the first costs more than it saves.
    seen.runs.iter().map(of).filter(|piece| piece.from < piece.until)
}

/// When counters were read for the last time in a run.
fn last_look(seen: &Seen<'_>, run: &Run) -> Seconds {
    let poll = i64::from(seen.settings.observers.poll_seconds);
    if run.ends_clean { run.until } else { (run.until - run.until.rem_euclid(poll)).max(run.from) }
}

/// Makes the errors of a fault in a window: counts them in the pieces, and reports them.
fn errors(
    seen: &Seen<'_>,
    showing: &mut Showing,
    active: &ActiveWindow,
    number: usize,
    pieces: &mut [Piece],
    observations: &mut Vec<Observation>,
) {
    let settings = seen.settings;
    let (from, until) = showing.span(active.window);
    if from >= until {
        return;
    }
    let count = i64::from(active.errors);
    let (mut begins, mut lasts) = (from, until - from);
    if active.storm {
        let (short, long) = settings.bits.storm_seconds;
        let storm = floor(real(count) * showing.draws.log_even(short, long)).clamp(1, lasts);
        begins += floor(showing.draws.unit() * real(lasts - storm));
        lasts = storm;
    }
    let offset = showing.draws.unit();
    let polls = (real(lasts) / f64::from(settings.observers.poll_seconds)).max(1.0);
    let overflow = real(count) / polls > settings.observers.overflow_beyond;
    let scrubbed = if showing.fault.permanent { 0 } else { count - 1 };
    let special = active.lines || active.interval;
    let special_parity = special.then(|| special_parity(&showing.fault, active));
    let mut logged_second = i64::MIN;
    for index in 0..count {
        let at = begins + floor((real(index) + offset) * real(lasts) / real(count));
        let place = showing.place(settings.activity.new_cell);
        let mut within = pieces.iter_mut().enumerate();
        let found = within.find(|(_, piece)| (piece.from..piece.until).contains(&at));
        // Memory that is not in use has no errors.
        let Some((piece_number, piece)) = found else { continue };
        showing.errors += 1;
        if at < piece.counted_until {
            piece.errors += 1;
            piece.overflow |= overflow;
        }
        if !seen.reports || (settings.observers.one_record_per_second && at == logged_second) {
            continue;
        }
        logged_second = at;
        let by_scrub = active.scrub && index == scrubbed;
        // Not all errors of such a window look like that.
        let special = special_parity.filter(|_| index % 4 == 0);
        let kind = place * KINDS + usize::from(by_scrub) * 2 + usize::from(special.is_some());
        let stamp = (number, piece_number);
        if settings.observers.resolution == Resolution::Windows {
            if showing.reported.len() <= kind {
                showing.reported.resize(kind + 1, ((usize::MAX, 0), 0));
            }
            let Some(last) = showing.reported.get_mut(kind) else { continue };
            if last.0 == stamp
                && let Some(Observation::Reported(hit)) = observations.get_mut(last.1)
            {
                hit.errors += 1;
                continue;
            }
            *last = (stamp, observations.len());
        }
        let cell = showing.cells.get(place).copied().unwrap_or_default();
        observations.push(Observation::Reported(Hit {
            at,
            errors: 1,
            cell,
            page: page(seen.slot, cell),
            parity: seen.bits.then(|| special.unwrap_or_else(|| parity(&showing.fault, cell))),
            by_scrub: Some(by_scrub),
        }));
    }
}

/// The wrong bit of an ordinary error: one data line in one beat, the same for a cell each time.
fn parity(fault: &Fault, cell: Cell) -> Parity {
    let row = cell.row.unwrap_or(0);
    let column = cell.column.unwrap_or(0);
    let mix = row.wrapping_mul(0x9E37_79B1) ^ column.wrapping_mul(0x85EB_CA77);
    // A pin is one data line wherever it is hit.
    let line = match fault.mode {
        Mode::MultiRank => u32::from(cell.device.unwrap_or(0)) % 4,
        Mode::Cell | Mode::Row | Mode::Column | Mode::Bank | Mode::MultiBank | Mode::Channel => {
            (mix >> 8) % 4
        }
    };
    Parity(bit((mix >> 16) % 8, line))
}

/// Wrong bits of a window that has more of them: two or three data lines, two beats four apart, or
/// both.
fn special_parity(fault: &Fault, active: &ActiveWindow) -> Parity {
    // The lower and the upper half of the device, and one more for some faults.
    let lines: &[u32] = match (active.lines, fault.seed % 4) {
        (false, _) => &[1],
        (true, 0) => &[0, 1, 2],
        (true, 1) => &[1, 3],
        (true, _) => &[0, 2],
    };
    let beat = u32::try_from(fault.seed >> 8 & 3).unwrap_or(0);
    let beats: &[u32] = if active.interval { &[0, 4] } else { &[0] };
    let bits = lines.iter().flat_map(|line| beats.iter().map(move |add| bit(beat + add, *line)));
    Parity(bits.fold(0, |all, one| all | one))
}

/// The bit of a beat and a data line, the first beat in the most significant four bits.
fn bit(beat: u32, line: u32) -> u32 {
    (1 << 31) >> (4 * beat + line)
}

/// What the counters told: a piece for each window with errors, and one for the time between.
fn counters(seen: &Seen<'_>, counted: &[Piece], observations: &mut Vec<Observation>) {
    let mut rest = counted.iter().peekable();
    for run in seen.runs {
        let mut cursor = run.from;
        let mut loss = run.after_loss;
        let mut tell = |from: Seconds, until: Seconds, errors: u64, overflow: bool| {
            if from < until {
                let watched = u32::try_from(until - from).unwrap_or(u32::MAX);
                let at_least = overflow || loss;
                observations.push(Observation::Counted { from, until, watched, errors, at_least });
                loss = false;
            }
        };
        while let Some(piece) = rest.next_if(|piece| piece.from < run.until) {
            tell(cursor, piece.from, 0, false);
            tell(piece.from, piece.counted_until, piece.errors, piece.overflow);
            cursor = piece.counted_until;
        }
        tell(cursor, last_look(seen, run), 0, false);
    }
}
