//! The verdict on one DIMM: shape, trend, risk and cost put together.
//!
//! A verdict steps down by one level only after it was quiet for as long as its shape asks for (7
//! days for a cell, 30 otherwise), and never below watch while a permanent fault is remembered. For
//! that nothing is stored but the loudest evidence since the last long silence: what it would have
//! said then, less a step for each such silence, is the least it says now.

use super::Seconds;
use super::cells::REMEMBERED;
use super::classify::{Fault, LOOSE, STRICT, classify, faults};
use super::costs::{Choice, Decision};
use super::judgement::{Advice, Judgement, LONGEST_HORIZON_DAYS, MemorySettings, Reason};
use super::mode::{DAY, Mode};
use super::neighbours::Neighbours;
use super::reasons;
use super::risk::{Evidence, Risk};
use super::rules_of_others::faulty_columns;
use super::state::DimmState;
use super::trend::{Trend, days, trend};
use super::windows::{Active, window_of};
use scrubjay_model::Verdict;

/// A storm, or a rise, is news for this long.
pub(crate) const RECENT: Seconds = DAY;

/// All that was made of a state, before it is weighed.
pub(crate) struct View<'a> {
    pub(crate) state: &'a DimmState,
    pub(crate) now: Seconds,
    pub(crate) around: &'a Neighbours,
    pub(crate) settings: &'a MemorySettings,
    pub(crate) faults: Vec<Fault>,
    pub(crate) mode: Mode,
    /// The shape that three places prove, where it is a wide one that stormed.
    pub(crate) strict: Mode,
    /// Seconds since the latest error, if there was one.
    pub(crate) quiet: Option<Seconds>,
    pub(crate) trend: Trend,
    pub(crate) evidence: Evidence,
    pub(crate) loudest: Active,
    pub(crate) risk: Risk,
    pub(crate) decision: Decision,
    /// What would have paid at the loudest moment.
    pub(crate) at_peak: Decision,
}

/// What a boot does to a row that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repair {
    /// The firmware repairs it.
    AtBoot,
    /// The firmware may repair rows; this one came back after a boot.
    CameBack,
    /// The firmware repairs no rows.
    Never,
    /// Nobody said what the firmware does.
    Unknown,
}

/// What the costs say.
pub(crate) struct ByCost {
    pub(crate) verdict: Verdict,
    pub(crate) advice: Advice,
    /// Whether it is what was said at the loudest moment, and no more what is said of now.
    pub(crate) is_held: bool,
}

impl DimmState {
    /// What is to be said of the DIMM at `now`, which is not before the latest observation.
    pub fn judge(&self, now: Seconds, around: &Neighbours, settings: &MemorySettings) -> Judgement {
        let view = View::new(self, now, around, settings);
        let mut reasons = reasons::all(&view);
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.verdict));
        let verdict = reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Unknown);
        let advice = view.advice(verdict, &reasons);
        let sentence = reasons::sentence(&view, advice, verdict, &reasons);
        let View { faults, mode, trend, risk, decision, .. } = view;
        Judgement { verdict, advice, mode, faults, trend, risk, decision, reasons, sentence }
    }
}

impl<'a> View<'a> {
    fn new(
        state: &'a DimmState,
        now: Seconds,
        around: &'a Neighbours,
        settings: &'a MemorySettings,
    ) -> Self {
        let spots = state.spots(now);
        let mut found = faults(&spots, LOOSE);
        let mut mode = found.first().map_or(Mode::Unknown, |fault| fault.mode);
        let outside = around.shape().filter(|_| state.last_error.is_some() && !mode.is_confined());
        if let Some(outside) = outside {
            mode = outside;
            if let Some(fault) = found.first_mut() {
                fault.mode = outside;
            }
        }
        // Asked for nothing else, and dear where places are many.
        let is_wide = mode.is_wide() && state.peak.storms > 0;
        let strict = if is_wide { classify(&spots, STRICT) } else { Mode::Unknown };
        let quiet = state.last_error().map(|last| now.saturating_sub(last).max(0));
        let trend = trend(&state.windows, window_of(now.saturating_sub(1)), &state.exposure());
        let loudest = state.busiest();
        let is_permanent = found.iter().any(|fault| fault.is_permanent);
        let evidence = |active: &Active, quiet: Option<Seconds>| Evidence {
            errors_6h: active.errors.min(super::windows::CENSORED),
            storm: active.storms > 0,
            class: mode.risk_class(),
            faulty_columns: faulty_columns(&spots),
            bits: (active.bits.told > 0).then_some(active.bits),
            quiet_days: quiet.map_or(0.0, days),
            closed: match quiet {
                None => true,
                Some(quiet) => {
                    quiet > REMEMBERED || (mode == Mode::Cell && !is_permanent && quiet >= 30 * DAY)
                }
            },
            left: left(state, found.first(), settings),
        };
        let now_evidence = evidence(&loudest, quiet);
        let peak_evidence = Evidence { quiet_days: 0.0, ..evidence(&state.peak, quiet) };
        let risk = |evidence: &Evidence, days: f64| {
            let calibration = settings.calibration.as_ref();
            settings.scorecard.risk(evidence, days, settings.platform, calibration)
        };
        let wait = settings.window.map(|seconds| crate::statistics::real(seconds) / 86_400.0);
        let decide = |evidence: &Evidence| {
            let whole = risk(evidence, settings.horizon_days.min(LONGEST_HORIZON_DAYS));
            let p_wait = wait.map(|wait| risk(evidence, wait).p);
            (whole, settings.costs.decide(&whole, wait, p_wait))
        };
        let (whole, decision) = decide(&now_evidence);
        let at_peak = decide(&peak_evidence).1;
        Self {
            state,
            now,
            around,
            settings,
            faults: found,
            mode,
            strict,
            quiet,
            trend,
            evidence: now_evidence,
            loudest,
            risk: whole,
            decision,
            at_peak,
        }
    }

    /// A level of the loudest moment, as much lower as silence has made it.
    pub(crate) fn stepped(&self, level: Verdict) -> Verdict {
        lowered(level, self.quiet.map_or(0, |quiet| quiet / self.mode.hold()))
    }

    pub(crate) fn is_outside(&self) -> bool {
        matches!(self.mode, Mode::Channel | Mode::Controller)
    }

    /// Whether the shape is known well enough to swap a DIMM for it at once.
    pub(crate) fn is_proven(&self) -> bool {
        self.faults.first().is_some_and(|fault| fault.is_proven)
            || (self.mode == Mode::Unknown && self.settings.costs_are_stated)
    }

    /// The page to take out of use, where that mends it: the page of a single permanent cell, or of
    /// what may be one.
    pub(crate) fn page_to_offline(&self) -> Option<u64> {
        let fault = self.faults.first()?;
        let [page] = fault.pages.as_slice() else { return None };
        let is_in_use = self.state.pages.binary_search(page).is_err();
        let is_one_page = matches!(self.mode, Mode::Cell | Mode::CellOrRow);
        (is_one_page && fault.is_permanent && is_in_use).then_some(*page)
    }

    /// What a boot would do to the fault that decides, if that is a row.
    pub(crate) fn repair(&self) -> Option<Repair> {
        let fault = self.faults.first().filter(|fault| fault.mode == Mode::Row)?;
        let came_back =
            self.state.booted.is_some_and(|boot| fault.first < boot && boot < fault.last);
        Some(match self.settings.repairs_at_boot {
            Some(false) => Repair::Never,
            _ if came_back => Repair::CameBack,
            Some(true) => Repair::AtBoot,
            None => Repair::Unknown,
        })
    }

    /// Whether a boot repairs it, as far as anybody knows.
    pub(crate) fn is_repairable(&self) -> bool {
        self.repair() == Some(Repair::AtBoot)
    }

    /// Level and advice by cost: of now, or held from the loudest moment if that was worse and the
    /// silence since is not long enough.
    pub(crate) fn by_cost(&self) -> ByCost {
        let now = self.of_choice(&self.decision, self.risk.p);
        let (then, advice) = self.of_choice(&self.at_peak, 0.0);
        let held = self.stepped(then);
        let advice = match held {
            _ if held == then => advice,
            Verdict::Plan | Verdict::Act => Advice::PrepareSwap,
            Verdict::Ok | Verdict::Unknown | Verdict::Watch => Advice::Nothing,
        };
        let (verdict, advice) = now.max((held, advice));
        ByCost { verdict, advice, is_held: now < (verdict, advice) }
    }

    /// Level and advice that a choice amounts to, at a probability within the horizon.
    pub(crate) fn of_choice(&self, decision: &Decision, p: f64) -> (Verdict, Advice) {
        if self.evidence.closed || self.is_outside() {
            return (Verdict::Ok, Advice::Nothing);
        }
        match decision.choice {
            Choice::Never if p >= decision.break_even / 3.0 => (Verdict::Plan, Advice::PrepareSwap),
            Choice::Never => (Verdict::Ok, Advice::Nothing),
            // A cell is mended by its page, a row by the firmware: both cost less than a swap.
            _ if self.page_to_offline().is_some() => (Verdict::Plan, Advice::OfflinePage),
            _ if self.mode == Mode::Unknown && !self.settings.costs_are_stated => {
                (Verdict::Plan, Advice::PrepareSwap)
            }
            Choice::AtWindow if self.is_repairable() => (Verdict::Plan, Advice::RebootForRepair),
            Choice::AtWindow => (Verdict::Plan, Advice::SwapAtWindow),
            Choice::Now if self.is_proven() => (Verdict::Act, Advice::SwapNow),
            Choice::Now if self.settings.window.is_some() => (Verdict::Plan, Advice::SwapAtWindow),
            Choice::Now => (Verdict::Plan, Advice::PrepareSwap),
        }
    }

    /// What is worth doing, given how bad it is and why.
    fn advice(&self, verdict: Verdict, reasons: &[Reason]) -> Advice {
        let has = |code: &str| {
            reasons.iter().any(|reason| reason.code == code && reason.verdict == Verdict::Act)
        };
        if has("dimm-uncorrected") {
            return Advice::SwapNow;
        }
        if self.is_outside() {
            return Advice::InvestigateChannelOrCpu;
        }
        if has("dimm-wide-storm") {
            return Advice::SwapNow;
        }
        let by_cost = self.by_cost();
        match verdict {
            Verdict::Act | Verdict::Plan if by_cost.verdict == verdict => by_cost.advice,
            Verdict::Act | Verdict::Plan => Advice::PrepareSwap,
            Verdict::Watch if self.page_to_offline().is_some() => Advice::OfflinePage,
            Verdict::Watch => Advice::Observe,
            Verdict::Unknown => Advice::FixVisibility,
            Verdict::Ok => Advice::Nothing,
        }
    }
}

/// The share of the hazard that pages out of use leave.
fn left(state: &DimmState, fault: Option<&Fault>, settings: &MemorySettings) -> f64 {
    let Some(fault) = fault else { return 1.0 };
    let is_out = |page: &u64| state.pages.binary_search(page).is_ok();
    if fault.pages.is_empty() || !fault.pages.iter().all(is_out) {
        return 1.0;
    }
    match fault.mode {
        Mode::Cell => settings.scorecard.offlined_cell,
        Mode::Row => settings.scorecard.offlined_row,
        // Too many pages for the known ones to matter.
        Mode::Unknown
        | Mode::CellOrRow
        | Mode::FewCells
        | Mode::UnknownMulti
        | Mode::Column
        | Mode::Subarray
        | Mode::Bank
        | Mode::MultiBankColumn
        | Mode::MultiBank
        | Mode::MultiDevice
        | Mode::Channel
        | Mode::Controller => 1.0,
    }
}

/// A level, so many steps lower.
pub(crate) fn lowered(level: Verdict, steps: Seconds) -> Verdict {
    (0..steps.min(4)).fold(level, |level, _| lower(level))
}

/// One level down; what cannot be seen stays so.
fn lower(level: Verdict) -> Verdict {
    match level {
        Verdict::Act => Verdict::Plan,
        Verdict::Plan => Verdict::Watch,
        Verdict::Unknown => Verdict::Unknown,
        Verdict::Watch | Verdict::Ok => Verdict::Ok,
    }
}
