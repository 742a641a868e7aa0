//! The attributes of a stick: value, limit and how that stands, as a page on a disk has them.

use crate::site::error_times::ErrorTimes;
use crate::site::parts::{column, number, table, text};
use crate::site::stick::{Stick, basis};
use crate::site::tone::{Tone, badge};
use crate::text::percent;
use maud::{Markup, html};
use scrubjay_model::{DimmRule, DimmVerdict, ErrorClass, PlaceSum};
use serde::Serialize;

/// One row.
#[derive(Debug, Clone, Serialize)]
pub(in crate::site) struct Attribute {
    pub(in crate::site) name: String,
    pub(in crate::site) value: String,
    /// From when on it matters; `None` where nothing is set.
    pub(in crate::site) limit: Option<String>,
    pub(in crate::site) tone: Tone,
    /// How it stands, in a word or two.
    pub(in crate::site) standing: String,
    /// What it was before.
    #[serde(skip)]
    history: Markup,
}

pub(super) fn of(
    stick: &Stick,
    judged: Option<&DimmVerdict>,
    places: &[PlaceSum],
    times: Option<&ErrorTimes>,
    now_ms: i64,
) -> Vec<Attribute> {
    let mut rows = vec![
        counter(stick, ErrorClass::Correctable, times, now_ms),
        Attribute {
            tone: uncorrected(stick, judged),
            ..counter(stick, ErrorClass::Uncorrectable, times, now_ms)
        },
        last(stick, now_ms),
        heard(places),
    ];
    if let Some(judged) = judged {
        rows.extend(judged.policy.rules.iter().map(|rule| by_rule(rule, now_ms)));
        rows.extend(risk(judged));
    }
    rows.push(pages(stick));
    rows
}

fn row(name: impl Into<String>, value: impl Into<String>, tone: Tone, standing: &str) -> Attribute {
    Attribute {
        name: name.into(),
        value: value.into(),
        limit: None,
        tone,
        standing: standing.to_owned(),
        history: html! {},
    }
}

fn counter(stick: &Stick, class: ErrorClass, times: Option<&ErrorTimes>, now_ms: i64) -> Attribute {
    let (name, n, limit) = match class {
        ErrorClass::Correctable => ("Corrected errors", stick.correctable, None),
        ErrorClass::Uncorrectable => ("Uncorrected errors", stick.uncorrectable, Some("0")),
    };
    let (tone, standing) = match (n, class) {
        (None, _) => (Tone::Unknown, "not counted"),
        (Some(0), _) if stick.lower_bound => (Tone::Unknown, "none seen"),
        (Some(0), _) => (Tone::Ok, "none"),
        (Some(_), ErrorClass::Correctable) => (Tone::Watch, "some"),
        (Some(_), ErrorClass::Uncorrectable) => (Tone::Plan, "some"),
    };
    let spark = match (class, times) {
        (ErrorClass::Correctable, Some(times)) => times.sparkline("spark-all"),
        _ => html! {},
    };
    let history = html! { (spark) span.soft { (basis(stick, now_ms)) } };
    Attribute {
        limit: limit.map(str::to_owned),
        history,
        ..row(name, stick.errors(class), tone, standing)
    }
}

/// As bad as the engine says, where it does.
fn uncorrected(stick: &Stick, judged: Option<&DimmVerdict>) -> Tone {
    let reasons = judged.map_or(&[][..], |judged| &judged.reasons);
    let reason = reasons.iter().find(|reason| reason.code == "dimm-uncorrected");
    match (stick.uncorrectable, reason) {
        (None, _) => Tone::Unknown,
        (Some(0), _) if stick.lower_bound => Tone::Unknown,
        (Some(0), _) => Tone::Ok,
        (Some(_), Some(reason)) => reason.verdict.into(),
        (Some(_), None) => Tone::Plan,
    }
}

fn last(stick: &Stick, now_ms: i64) -> Attribute {
    let history = crate::site::memory::last_error(stick, now_ms);
    let (value, tone, standing) = match stick.last_error_wall_ms {
        Some(at) => (crate::site::parts::moment(at), Tone::Off, "as seen"),
        None if stick.is_counted() && stick.since_wall_ms.is_some() => {
            ("none".to_owned(), Tone::Ok, "none")
        }
        None => ("not known".to_owned(), Tone::Unknown, "not known"),
    };
    Attribute { history, ..row("Last error", value, tone, standing) }
}

/// How many errors were also reported one by one, as far as anybody listened.
fn heard(places: &[PlaceSum]) -> Attribute {
    type Count = fn(&PlaceSum) -> Option<u64>;
    let sum = |of: Count| places.iter().filter_map(of).reduce(u64::saturating_add);
    // Where nobody ever listened, nothing of what is counted was heard.
    let unheard = |place: &PlaceSum| place.reported.map_or(place.total, |_| place.unheard);
    let (reported, unheard) = (sum(|place| place.reported), sum(unheard).unwrap_or(0));
    let missed = places.iter().filter_map(|place| place.unreported).filter(|n| *n > 0);
    let missed = missed.fold(0, i64::saturating_add);
    match reported {
        None => row("Errors reported one by one", "not known", Tone::Unknown, "nobody listened"),
        Some(reported) => {
            let (tone, standing) = match (missed, unheard, reported) {
                (1.., ..) => (Tone::Watch, "some missed"),
                (_, 1.., 0) => (Tone::Unknown, "nobody listened"),
                (_, 1.., _) => (Tone::Unknown, "partly listened"),
                (_, 0, _) => (Tone::Ok, "all heard"),
            };
            let history = html! {
                (number(unheard)) " counted while nobody listened, " (missed) " missed"
            };
            let name = "Errors reported one by one";
            Attribute { history, ..row(name, number(reported), tone, standing) }
        }
    }
}

fn by_rule(rule: &DimmRule, now_ms: i64) -> Attribute {
    let DimmRule { code, then, holds, limit, reached, last_reached_wall_ms } = rule;
    let (tone, standing) = match (reached, holds.zip(*limit)) {
        (None, _) => (Tone::Off, "weighs costs"),
        (Some(0), _) => (Tone::Ok, "not reached"),
        (Some(_), Some((holds, limit))) if holds >= u64::from(limit) => (Tone::Plan, "reached"),
        (Some(_), _) => (Tone::Watch, "was reached"),
    };
    let times = reached.filter(|n| *n > 0).map_or_else(String::new, |n| {
        let last = last_reached_wall_ms.map_or_else(String::new, |at| {
            format!(", the last one {}", crate::site::parts::distance(at, now_ms))
        });
        format!("reached {}{last}", crate::text::words::count(n, "time", "times"))
    });
    let pages = if *then == "offline" { "about pages, no alarm; " } else { "" };
    Attribute {
        limit: limit.map(|limit| limit.to_string()),
        history: html! { (pages) (text(&times)) },
        ..row(format!("Rule {code}"), holds.map_or_else(|| "–".to_owned(), number), tone, standing)
    }
}

fn risk(judged: &DimmVerdict) -> Vec<Attribute> {
    let risk = &judged.risk;
    let pays = risk.swap_pays_from;
    let is_reached = pays.is_some_and(|from| risk.within_horizon >= from);
    let within = Attribute {
        limit: Some(pays.map_or_else(
            || "a swap never pays".to_owned(),
            |from| format!("a swap pays from {}", percent(from)),
        )),
        history: html! { "between " (percent(risk.low)) " and " (percent(risk.high)) },
        ..row(
            format!("P(uncorrected within {} d)", risk.horizon_days),
            percent(risk.within_horizon),
            if is_reached { Tone::Plan } else { Tone::Ok },
            if is_reached { "a swap pays" } else { "below the limit" },
        )
    };
    let week = risk
        .within_7_days
        .map(|week| row("P(uncorrected within 7 d)", percent(week), Tone::Off, "as reckoned"));
    let trend = judged.trend_p.map(|p| Attribute {
        history: html! { "how likely such a rise of errors per day is, or a steeper one, if there is no trend" },
        ..row("Trend", format!("p = {}", percent(p)), Tone::Off, "as reckoned")
    });
    std::iter::once(within).chain(week).chain(trend).collect()
}

fn pages(stick: &Stick) -> Attribute {
    match stick.bad_pages {
        None => row("Bad pages", "not known", Tone::Unknown, "not known"),
        Some(0) => row("Bad pages", "0", Tone::Ok, "none"),
        Some(n) => row("Bad pages", number(n), Tone::Watch, "some"),
    }
}

pub(super) fn table_of(rows: &[Attribute]) -> Markup {
    let cells: Vec<Vec<Markup>> = rows
        .iter()
        .map(|row| {
            vec![
                text(&row.name),
                html! { strong { (row.value) } },
                html! { @match &row.limit { Some(limit) => (limit), None => "–" } },
                badge(row.tone, &row.standing),
                row.history.clone(),
            ]
        })
        .collect();
    let columns = [
        column("Attribute"),
        column("Value"),
        column("Limit"),
        column("Status"),
        column("History"),
    ];
    table("What is known of it, with limits", &columns, &cells)
}
