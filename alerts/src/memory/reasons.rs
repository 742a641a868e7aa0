//! The reasons for a verdict on a DIMM, each with its numbers, its limit and its exposure, and the
//! sentence that says what pays.

use super::Seconds;
use super::costs::Choice;
use super::host::LOOK_BACK_DAYS;
use super::judge::{RECENT, Repair, View, lowered};
use super::judgement::{Advice, Reason};
use super::mode::{DAY, Mode};
use super::windows::CENSORED;
use super::words::{amount, many, number, percent, span};
use scrubjay_model::{RebootHelps, Verdict};

/// Pages out of use from which on they are many.
const MANY_PAGES: usize = 64;

/// A share of the last days below which silence proves nothing.
const LEAST_SHARE: f64 = 0.5;

/// All reasons, in no order.
pub(crate) fn all(view: &View<'_>) -> Vec<Reason> {
    let mut reasons = Vec::with_capacity(4);
    reasons.extend(not_watched(view));
    if view.quiet.is_none() {
        reasons.extend(quiet(view));
    } else {
        reasons.push(errors(view));
        reasons.extend(uncorrected(view));
        reasons.extend(outside(view));
        reasons.extend(wide_storm(view));
        reasons.extend(fault(view));
        reasons.extend(storm(view));
        reasons.extend(rising(view));
        reasons.extend(place_unknown(view));
        reasons.extend(risk(view));
    }
    reasons.extend(pages(view));
    reasons.extend(several(&reasons));
    reasons
}

fn reason(code: &'static str, verdict: Verdict, since: Option<Seconds>, text: String) -> Reason {
    Reason { code, verdict, since, text, reboot: RebootHelps::No }
}

/// How well the last days were watched, in words.
fn exposure(view: &View<'_>) -> String {
    let state = view.state;
    let share =
        state.watched_share(view.now).map_or("nothing of the last 7 d".to_owned(), |share| {
            format!("{} of the last 7 d", percent(share))
        });
    if state.exposure().assumed_from.is_some() {
        return "watched by a log that is taken for kept throughout".to_owned();
    }
    let watched = i64::try_from(state.watched).unwrap_or(i64::MAX);
    format!("watched for {} in all, {share}", span(watched))
}

fn not_watched(view: &View<'_>) -> Option<Reason> {
    let share = view.state.watched_share(view.now);
    if share.is_some_and(|share| share >= LEAST_SHARE) {
        return None;
    }
    let text = match share {
        None => "nothing was seen of this DIMM yet".to_owned(),
        Some(_) => {
            format!("{}; at least half is needed before silence says anything", exposure(view))
        }
    };
    Some(reason("dimm-not-watched", Verdict::Unknown, None, text))
}

fn quiet(view: &View<'_>) -> Option<Reason> {
    let first = view.state.first?;
    let text = format!("no error in the last {}; {}", span(view.now - first), exposure(view));
    Some(reason("dimm-quiet", Verdict::Ok, Some(first), text))
}

/// What was counted, as information.
fn errors(view: &View<'_>) -> Reason {
    let state = view.state;
    let least = if state.at_least { "at least " } else { "" };
    let quiet = view.quiet.unwrap_or(0);
    let text = format!(
        "{least}{} in {} of 6 h and on {}; the last one {} ago; {}",
        many(state.errors, "corrected error"),
        many(state.active_windows, "window"),
        many(state.active_days, "day"),
        span(quiet),
        exposure(view),
    );
    reason("dimm-errors", Verdict::Ok, state.first_error, text)
}

fn uncorrected(view: &View<'_>) -> Option<Reason> {
    let state = view.state;
    let last = state.last_uncorrected?;
    // Another failure follows within a month, if it does; what goes on erring after one is to be
    // dealt with at the window at least, however long ago it was.
    let since = view.now.saturating_sub(last).max(0);
    let goes_on = state.last_error.is_some_and(|error| error.saturating_sub(last) > DAY)
        && view.quiet.is_some_and(|quiet| quiet < 30 * DAY);
    let least = if goes_on { Verdict::Plan } else { Verdict::Watch };
    let verdict = lowered(Verdict::Act, since / (30 * DAY)).max(least);
    // What nobody saw happen is dated by what is known for certain, which is not when it was.
    let when = if since >= i64::from(LOOK_BACK_DAYS) * DAY {
        "and nobody saw when".to_owned()
    } else if state.uncorrected > 1 {
        format!("the last one {} ago", span(since))
    } else {
        format!("{} ago", span(since))
    };
    let text = format!(
        "{}, {when}; after such a failure 31 % of the nodes at Los Alamos had another within 30 d",
        many(state.uncorrected, "uncorrected error"),
    );
    Some(reason("dimm-uncorrected", verdict, state.first_uncorrected, text))
}

fn outside(view: &View<'_>) -> Option<Reason> {
    if !view.is_outside() {
        return None;
    }
    let around = view.around;
    let text = if view.mode == Mode::Controller {
        format!(
            "all {} of the controller err within the same 24 h at scattered places: no fault of one DIMM",
            many(around.channels.into(), "channel")
        )
    } else if around.on_channel == 1 {
        "the other DIMM of the channel errs within the same 24 h, at scattered places like this one: no fault of one DIMM".to_owned()
    } else {
        format!(
            "{} of the {} other DIMMs of the channel err within the same 24 h, at scattered places like this one: no fault of one DIMM",
            around.on_channel_erring, around.on_channel,
        )
    };
    let verdict = view.stepped(Verdict::Plan);
    let found = reason("dimm-channel", verdict, view.state.first_error, text);
    // Links are trained anew at boot; whether that was the trouble shows afterwards.
    Some(Reason { reboot: RebootHelps::Unknown, ..found })
}

fn wide_storm(view: &View<'_>) -> Option<Reason> {
    if !view.strict.is_wide() || view.is_outside() || view.state.peak.storms == 0 {
        return None;
    }
    let storm = view.state.last_storm?;
    let verdict = view.stepped(Verdict::Act);
    let text = format!(
        "{} err, which at least 3 places prove on each side, with a storm of reports of distinct places {} ago",
        view.strict.words(),
        span(view.now - storm),
    );
    (verdict > Verdict::Ok).then(|| reason("dimm-wide-storm", verdict, Some(storm), text))
}

fn fault(view: &View<'_>) -> Option<Reason> {
    let dominant = view.faults.first()?;
    let is_permanent = view.faults.iter().any(|fault| fault.is_permanent);
    let is_more = dominant.mode.is_more_than_a_cell() || view.faults.len() > 1;
    let verdict = if is_permanent {
        Verdict::Watch
    } else if is_more {
        view.stepped(Verdict::Watch)
    } else {
        Verdict::Ok
    };
    let duration = if dominant.is_permanent { "permanent" } else { "transient so far" };
    let mut text = format!(
        "{}, {duration}: {} at {} ({}, {}, {}) over {}, the last {} ago",
        dominant.mode.words(),
        many(dominant.errors, "reported error"),
        many(dominant.places.into(), "place"),
        many(dominant.rows.into(), "row"),
        many(dominant.columns.into(), "column"),
        many(dominant.banks.into(), "bank"),
        span(dominant.last - dominant.first),
        span(view.now - dominant.last),
    );
    if !dominant.is_proven {
        text.push_str("; two places, where three are needed to act on the shape");
    }
    let further = view.faults.len() - 1;
    if further > 0 {
        text.push_str(&format!("; {} beside it", many(further as u64, "further fault")));
    }
    if view.state.places_dropped() > 0 {
        let dropped = many(view.state.places_dropped(), "place");
        text.push_str(&format!("; {dropped} more than are kept"));
    }
    let (reboot, repair) = repair(view);
    text.push_str(repair);
    Some(Reason { reboot, ..reason("dimm-fault", verdict, Some(dominant.first), text) })
}

/// Whether a boot helps against the fault that decides, and why.
fn repair(view: &View<'_>) -> (RebootHelps, &'static str) {
    match view.repair() {
        None => (RebootHelps::No, ""),
        Some(Repair::AtBoot) => (RebootHelps::Yes, "; this firmware repairs rows at boot"),
        Some(Repair::CameBack) => {
            (RebootHelps::No, "; it came back after a boot, which did not repair it")
        }
        Some(Repair::Never) => (RebootHelps::No, "; this firmware repairs no rows at boot"),
        Some(Repair::Unknown) => (
            RebootHelps::Unknown,
            "; whether this firmware repairs rows at boot is not known: memory.repairs_at_boot says it",
        ),
    }
}

fn storm(view: &View<'_>) -> Option<Reason> {
    let last = view.state.last_storm?;
    let is_recent = view.now.saturating_sub(last) <= RECENT;
    if !is_recent && view.state.peak.storms == 0 {
        return None;
    }
    let verdict = if is_recent { Verdict::Watch } else { view.stepped(Verdict::Watch) };
    let text = format!(
        "a storm {} ago: more than 10 reports of distinct places, each within 60 s of the one before",
        span(view.now - last)
    );
    (verdict > Verdict::Ok).then(|| reason("dimm-storm", verdict, Some(last), text))
}

fn rising(view: &View<'_>) -> Option<Reason> {
    let trend = &view.trend;
    let verdict = match view.state.rose {
        _ if trend.is_rising => Verdict::Watch,
        Some(_) => view.stepped(Verdict::Watch),
        None => Verdict::Ok,
    };
    if verdict == Verdict::Ok {
        return None;
    }
    let mut text = if trend.is_rising {
        "errors per day rise".to_owned()
    } else {
        let rose = view.state.rose.map_or(0, |rose| view.now - rose);
        format!("errors per day rose until {} ago, and it was not quiet since", span(rose))
    };
    if let Some(rise) = trend.rise {
        text.push_str(&format!(
            "; Mann–Kendall over {} with {}: p = {:.1e}, limit 1e-3",
            many(trend.watched_days.into(), "watched day"),
            many(trend.active_days.into(), "day of errors")
                .replace("day of errorss", "days of errors"),
            rise.p_rising,
        ));
    }
    if let Some(days) = trend.doubling_days {
        text.push_str(&format!("; doubling in {days:.1} d (Theil–Sen)"));
    }
    if let Some(louder) = trend.louder {
        let times = louder.exp();
        text.push_str(&format!("; the last 7 d are {times:.1} times as loud as the 30 d before"));
    }
    text.push_str("; a rise alone is no reason to act");
    Some(reason("dimm-rising", verdict, view.state.rose.or(Some(view.now)), text))
}

fn place_unknown(view: &View<'_>) -> Option<Reason> {
    if view.mode != Mode::Unknown || view.evidence.closed || view.state.errors == 0 {
        return None;
    }
    let text = "errors were counted, but no report says where: one harmless cell and a dying bank look alike".to_owned();
    Some(reason("dimm-place-unknown", Verdict::Unknown, view.state.first_error, text))
}

fn risk(view: &View<'_>) -> Option<Reason> {
    if view.evidence.closed || view.is_outside() {
        return None;
    }
    let by_cost = view.by_cost();
    let verdict = by_cost.verdict;
    let p7 = view.risk.p7?;
    let loudest = u64::from(view.loudest.errors);
    let errors = if view.loudest.errors >= CENSORED {
        format!("at least {} corrected errors", number(CENSORED.into()))
    } else {
        many(loudest, "corrected error")
    };
    let break_even = view.decision.break_even;
    // A third of what would make a swap pay is enough for a spare.
    let is_spare = verdict == Verdict::Plan
        && view.decision.choice == Choice::Never
        && view.risk.p >= break_even / 3.0;
    let limit = if is_spare {
        format!("{}, a third of where a swap pays", percent(break_even / 3.0))
    } else {
        // A new stick may fail as well.
        percent(break_even + view.risk.p_new)
    };
    let mut text = format!(
        "P(uncorrected error within {:.0} d) = {} ({} to {}), limit {limit}; within 7 d of the evidence {}; from {errors} in the busiest 6 h, {} storm, {}, {}; {}",
        view.risk.days,
        percent(view.risk.p),
        percent(view.risk.low),
        percent(view.risk.high),
        percent(p7),
        if view.evidence.storm { "a" } else { "no" },
        view.mode.words(),
        if view.risk.with_bits { "with the wrong bits" } else { "without bits" },
        view.risk.words(),
    );
    if by_cost.is_held {
        let quiet = view.quiet.unwrap_or(0);
        text.push_str(&format!(
            "; held at {} from its loudest time: quiet for {}, and a step down takes {}",
            verdict.as_str(),
            span(quiet),
            span(view.mode.hold()),
        ));
    }
    // What is advised then is the reboot.
    let is_repaired = by_cost.advice == Advice::RebootForRepair;
    let reboot = if is_repaired { RebootHelps::Yes } else { RebootHelps::No };
    Some(Reason { reboot, ..reason("dimm-risk", verdict, view.state.first_error, text) })
}

fn pages(view: &View<'_>) -> Option<Reason> {
    let out = view.state.pages.len();
    if out <= MANY_PAGES {
        return None;
    }
    let text = format!(
        "{} of this DIMM are out of use, limit {MANY_PAGES}: a row or a bank is being mistaken for cells; all of them are in use again after a reboot",
        many(out as u64, "page")
    );
    Some(reason("dimm-pages", Verdict::Watch, None, text))
}

/// Two signs that do not follow from each other weigh more than each.
fn several(reasons: &[Reason]) -> Option<Reason> {
    let signs: Vec<&str> = reasons
        .iter()
        .filter(|reason| reason.verdict >= Verdict::Watch)
        .filter_map(|reason| match reason.code {
            "dimm-fault" => Some("its shape"),
            "dimm-storm" => Some("a storm"),
            "dimm-rising" => Some("a rise"),
            _ => None,
        })
        .collect();
    if signs.len() < 2 {
        return None;
    }
    let text = format!("{} signs at once: {}", signs.len(), signs.join(", "));
    Some(reason("dimm-several-signs", Verdict::Plan, None, text))
}

/// Reasons that costs are not weighed against.
fn whatever_it_costs(reasons: &[Reason], verdict: Verdict) -> Option<&'static str> {
    let decides =
        |code: &str| reasons.iter().any(|reason| reason.code == code && reason.verdict == verdict);
    if verdict >= Verdict::Watch && decides("dimm-uncorrected") {
        Some("it had an uncorrected error, and after one no cost is weighed")
    } else if decides("dimm-channel") {
        Some("the fault is not in this DIMM, and a new one in its slot would err too")
    } else if decides("dimm-wide-storm") {
        Some("several parts of it fail at once, and no cost makes that wait")
    } else {
        None
    }
}

/// What to do, why it pays, and the numbers that follows from.
pub(crate) fn sentence(
    view: &View<'_>,
    advice: Advice,
    verdict: Verdict,
    reasons: &[Reason],
) -> String {
    let risk = &view.risk;
    let action = sentence_case(advice.words());
    if let Some(why) = whatever_it_costs(reasons, verdict) {
        return format!("{action}: {why}.");
    }
    if view.evidence.closed {
        let p = percent(risk.p);
        return format!(
            "Nothing is open: P(uncorrected error within {:.0} d) = {p}, as of any DIMM; {}.",
            risk.days,
            advice.words(),
        );
    }
    let spread = format!("x/÷ {}", amount(risk.spread));
    let p = format!(
        "P(uncorrected error within {:.0} d) = {} ({spread}: {} to {}{})",
        risk.days,
        percent(risk.p),
        percent(risk.low),
        percent(risk.high),
        match (view.risk.calibrated, view.settings.platform) {
            (Some(_), _) => ", calibrated",
            (None, super::risk::Validity::Transferred) => ", transferred",
            (None, _) => "",
        },
    );
    format!("{action}: {}. {p}. {}.", choice(view, advice), sentence_case(&pays(view)))
}

/// What was chosen by cost, in words.
fn choice(view: &View<'_>, advice: Advice) -> String {
    let when = match view.decision.choice {
        Choice::Never => None,
        Choice::AtWindow => Some("at the window"),
        Choice::Now => Some("now"),
    };
    let mut said = match when {
        None => "a swap is not worth its cost".to_owned(),
        Some(when) if advice.is_swap() => format!("a swap pays {when}"),
        Some(when) => {
            let is_unplaced = view.mode == Mode::Unknown && !view.settings.costs_are_stated;
            let but = if advice == Advice::OfflinePage {
                "taking the page of the cell out of use costs less"
            } else if advice == Advice::RebootForRepair {
                "the repair costs less"
            } else if is_unplaced {
                "a count alone is no case for one while nobody stated the costs"
            } else {
                "two places do not prove the shape yet"
            };
            format!("a swap would pay {when}, but {but}")
        }
    };
    if view.by_cost().is_held {
        let quiet = span(view.quiet.unwrap_or(0));
        let hold = span(view.mode.hold());
        said.push_str(&format!(
            " by now, but it was at its loudest time, and of {hold} of silence that a step down takes {quiet} have passed"
        ));
    }
    said
}

/// What a failure and a swap cost.
fn costs(view: &View<'_>) -> String {
    let decision = &view.decision;
    let at_hour = amount(view.settings.costs.service_hour);
    let by_hand = if view.settings.costs_are_stated { "" } else { " (assumed)" };
    format!(
        "at {at_hour} per hour of service{by_hand} a failure costs {}, a swap now {}",
        amount(decision.failure),
        amount(decision.now),
    )
}

/// From which probability on a swap pays, and from which on it does not wait.
fn pays(view: &View<'_>) -> String {
    let (risk, decision) = (&view.risk, &view.decision);
    let costs = costs(view);
    match (decision.wait_days, decision.p_wait, decision.now_above) {
        (Some(wait), Some(p_wait), Some(above)) => format!(
            "{costs} and in the window in {} d {}, so a swap pays from {} on, and waiting for the window up to {} of failing before it, where it is {}",
            amount(wait),
            amount(decision.at_window),
            percent(decision.break_even + risk.p_new),
            percent(above),
            percent(p_wait),
        ),
        _ => {
            format!("{costs}, so a swap pays from {} on", percent(decision.break_even + risk.p_new))
        }
    }
}

pub(crate) fn sentence_case(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}
