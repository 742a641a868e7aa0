//! `scrubjay replay --fit`: how probabilities fared, and the file that corrects them.

use super::{Done, History, print};
use crate::calibration::{self, Provenance};
use crate::cli::ReplayArgs;
use crate::config::Settings;
use crate::exit::Exit;
use anyhow::bail;
use jiff::Timestamp;
use scrubjay_alerts::memory::{Calibration, LEAST_OUTCOMES, Observation, Seconds};
use scrubjay_alerts::replay::{Bin, Fitted, NoFit, Node, Outcome, Outcomes, Reliability};
use scrubjay_storage::sha256;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;

const DAY: Seconds = 86_400;

pub(super) fn run(
    settings: &Settings,
    args: &ReplayArgs,
    history: &History,
    path: &Path,
) -> anyhow::Result<Exit> {
    let engine = &settings.memory.engine;
    let mut outcomes = Outcomes::default();
    let (name, notes, is_made_up) = match history {
        History::Recorded { nodes, name, notes } => {
            let progress = Done::of(args, nodes.len());
            let until = last(nodes);
            for node in nodes {
                outcomes.add(node, until, engine);
                progress.more(1);
            }
            // A simulated fleet begins on day 0, which is no date.
            (name, notes.clone(), args.simulated.is_some())
        }
        History::Simulated { fleet, name } => {
            let made = fleet.settings();
            let progress = Done::of(args, usize::try_from(made.nodes).unwrap_or(usize::MAX));
            for index in 0..made.nodes {
                let node = Node::from(fleet.node(index));
                outcomes.add(&node, Seconds::from(made.days) * DAY, engine);
                progress.more(1);
            }
            (name, Vec::new(), true)
        }
    };
    let fitted = match outcomes.fit() {
        Ok(fitted) => fitted,
        Err(why) => {
            bail!("{name}: nothing is fitted, and no file written: {}", refusal(&why, &outcomes))
        }
    };
    let when = |at: Seconds| match is_made_up {
        true => format!("day {}", at.div_euclid(DAY)),
        false => Timestamp::from_second(at)
            .map_or_else(|_| format!("{at} s"), |at| at.strftime("%Y-%m-%d").to_string()),
    };
    let (from, until) = outcomes.span().unwrap_or_default();
    let provenance = Provenance {
        source: name.clone(),
        from: when(from),
        until: when(until),
        sticks: outcomes.dimms,
        all_failures: outcomes.failures,
        outcomes_sha256: digest(&outcomes.all),
    };
    calibration::write(path, &calibration::text(&fitted.calibration, &provenance)?)?;
    let told = Told { fitted: &fitted, from: &provenance, notes: &notes, path };
    print(&if args.json { told.json()? } else { told.text() })?;
    Ok(Exit::Ok)
}

/// The last moment that a history tells of.
fn last(nodes: &[Node]) -> Seconds {
    let dimms = || nodes.iter().flat_map(|node| &node.dimms);
    let seen = dimms().flat_map(|dimm| dimm.observations.iter().map(Observation::at));
    let failed = dimms().flat_map(|dimm| dimm.failures.iter().map(|failure| failure.at));
    seen.chain(failed).max().unwrap_or(0)
}

fn refusal(why: &NoFit, outcomes: &Outcomes) -> String {
    match *why {
        NoFit::TooFewFailures(failures) => format!(
            "{failures} of {} failures came within 7 days of something that was foretold, of {} sticks; at \
             least {LEAST_OUTCOMES} are needed, or the correction would be noise",
            outcomes.failures, outcomes.dimms
        ),
        NoFit::NoSurvivors => {
            "each week that was foretold ended in a failure: a history of failures alone tells no rate".to_owned()
        }
        NoFit::NotSettled => "the fit does not settle on these outcomes".to_owned(),
        NoFit::Reversed(stretch) => format!(
            "what was called likelier failed less often (stretch {stretch:.2}): that is no matter of \
             calibration. Are the failures those of these sticks?"
        ),
    }
}

/// A digest of what was foretold and what came, so that a file can be held against its history.
fn digest(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for Outcome { at, foretold, failed } in outcomes {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{at},{:016x},{}", foretold.to_bits(), u8::from(*failed));
    }
    sha256(text.as_bytes()).to_string()
}

struct Told<'a> {
    fitted: &'a Fitted,
    from: &'a Provenance,
    notes: &'a [String],
    path: &'a Path,
}

impl Told<'_> {
    fn text(&self) -> String {
        let Self { fitted: Fitted { calibration, before, after }, from, notes, path } = self;
        let Calibration { shift, stretch, shift_error, stretch_error, outcomes, failures, spread } =
            calibration;
        let Provenance { source, from: first, until, sticks, all_failures, outcomes_sha256: _ } =
            from;
        let mut page = format!("{source}\n");
        for note in *notes {
            let _ = writeln!(page, "  {note}");
        }
        let _ = writeln!(
            page,
            "{sticks} sticks erred between {first} and {until}: {outcomes} weeks were foretold, {failures} of \
             them ended in a failure; {} further failures came without an error in the week before",
            all_failures.saturating_sub(u64::from(*failures)),
        );
        let _ = writeln!(page, "\nP(uncorrected error within 7 days), foretold and observed");
        let _ = writeln!(
            page,
            "  {:<18}{:>9}{:>10}{:>12}{:>12}{:>12}",
            "foretold", "weeks", "failed", "observed", "as fitted", "corrected"
        );
        for bin in &before.bins {
            let corrected = self.corrected(bin);
            let weeks = real(bin.outcomes);
            let _ = writeln!(
                page,
                "  {:<18}{:>9}{:>10}{:>12}{:>12}{:>12}",
                format!("{} to {}", share(bin.from), share(bin.below)),
                bin.outcomes,
                bin.failed,
                share(real(bin.failed) / weeks),
                share(bin.foretold / weeks),
                corrected.map_or("-".to_owned(), share),
            );
        }
        let score = |what: &str, of: &Reliability| {
            format!("  {what:<18}Brier score {:.6}, log loss {:.6}\n", of.brier, of.log_loss)
        };
        page.push_str(&score("as fitted", before));
        page.push_str(&score("corrected", after));
        let _ = writeln!(
            page,
            "  The correction was fitted to these outcomes, which flatters it: hold it against others.\n"
        );
        let _ = writeln!(
            page,
            "logit p' = {shift:.3} (± {shift_error:.3}) + {stretch:.3} (± {stretch_error:.3}) * logit p, with 95 %; \
             P is then printed x/÷ {spread:.2} instead of 3"
        );
        let _ = writeln!(page, "written to {}: name it in [memory] calibration", path.display());
        page
    }

    /// What is foretold on average of a bin with the correction.
    fn corrected(&self, bin: &Bin) -> Option<f64> {
        let mean = bin.foretold / real(bin.outcomes);
        (mean > 0.0 && mean < 1.0).then(|| self.fitted.calibration.correct(mean))
    }

    fn json(&self) -> anyhow::Result<String> {
        let Self { fitted: Fitted { calibration, before, after }, from, notes, path } = self;
        let Calibration { shift, stretch, shift_error, stretch_error, outcomes, failures, spread } =
            calibration;
        let Provenance { source, from: first, until, sticks, all_failures, outcomes_sha256 } = from;
        let scored = |of: &Reliability| -> Value {
            let bins: Vec<Value> = of
                .bins
                .iter()
                .map(|bin| {
                    let Bin { from, below, outcomes, foretold, failed } = bin;
                    json!({
                        "from": from,
                        "below": below,
                        "weeks": outcomes,
                        "foretold_failures": foretold,
                        "failures": failed,
                    })
                })
                .collect();
            json!({ "brier": of.brier, "log_loss": of.log_loss, "bins": bins })
        };
        let told = json!({
            "history": source,
            "notes": notes,
            "from": first,
            "until": until,
            "sticks": sticks,
            "weeks": outcomes,
            "failures": failures,
            "all_failures": all_failures,
            "shift": shift,
            "shift_95": shift_error,
            "stretch": stretch,
            "stretch_95": stretch_error,
            "spread": spread,
            "before": scored(before),
            "after": scored(after),
            "outcomes_sha256": outcomes_sha256,
            "file": path.display().to_string(),
        });
        Ok(format!("{}\n", serde_json::to_string_pretty(&told)?))
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}

/// A share of one as percent, with two digits that tell.
fn share(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        _ if percent <= 0.0 => "0 %".to_owned(),
        _ if percent < 0.1 => format!("{percent:.3} %"),
        _ if percent < 1.0 => format!("{percent:.2} %"),
        _ if percent < 10.0 => format!("{percent:.1} %"),
        _ => format!("{percent:.0} %"),
    }
}
