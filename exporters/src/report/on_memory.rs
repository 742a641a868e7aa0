//! What a report says of memory.

use super::document::{Block, day, number, table, text};
use crate::text::words::{moment, size};
use scrubjay_model::{Report, ReportedStick, SaidBy, Verdict};

pub(super) fn memory(report: &Report, blocks: &mut Vec<Block>) {
    blocks.push(Block::Heading("Memory".to_owned()));
    blocks.push(Block::Text(
        "A corrected error was healed before anybody read it, and does no harm by itself; many at one \
         place, or at more and more places, say that a module is failing. An uncorrected error lost data."
            .to_owned(),
    ));
    let errors = |errors: Option<u64>, at_least: bool| match errors {
        None => "not counted".to_owned(),
        Some(n) if at_least => format!("at least {n}"),
        Some(n) => n.to_string(),
    };
    let row = |stick: &ReportedStick| {
        vec![
            stick.slot.clone().unwrap_or_else(|| "not known".to_owned()),
            stick.part.clone().unwrap_or_else(|| "not known".to_owned()),
            stick.size_bytes.map_or_else(|| "not known".to_owned(), size),
            errors(stick.corrected, stick.at_least),
            errors(stick.uncorrected, stick.at_least),
            verdict(stick),
            day(stick.since_wall_ms),
            stick.ended_wall_ms.map_or_else(|| "still there".to_owned(), day),
        ]
    };
    blocks.push(table(
        "Memory modules, with the errors of the period",
        vec![
            text("slot"),
            text("part"),
            number("size"),
            number("corrected"),
            number("uncorrected"),
            text("said of it"),
            text("known since"),
            text("until"),
        ],
        report.sticks.iter().map(row).collect(),
    ));
    said(report, blocks);
    let errors = &report.errors;
    let rest = (errors.corrected_on_none, errors.uncorrected_on_none);
    if rest.0 > Some(0) || rest.1 > Some(0) {
        let told =
            |n: Option<u64>| n.map_or_else(|| "an unknown number of".to_owned(), |n| n.to_string());
        blocks.push(Block::Text(format!(
            "{} corrected and {} uncorrected errors of the period are of no module that is known: the \
             controller could not tell where they were, or they are older than what is kept one by one.",
            told(rest.0),
            told(rest.1)
        )));
    }
    if !report.stick_turns.is_empty() {
        let rows = report.stick_turns.iter();
        let rows = rows.map(|turn| {
            vec![moment(turn.at_wall_ms), turn.key.opaque(), turn.what.clone(), turn.detail.clone()]
        });
        blocks.push(table(
            "What became of modules",
            vec![text("when"), text("module"), text("what"), text("detail")],
            rows.collect(),
        ));
    }
    if !report.pages.is_empty() {
        let rows = report.pages.iter().map(|page| {
            vec![
                format!("{:#x}", page.physical_address),
                page.place.clone().unwrap_or_else(|| "not known".to_owned()),
                moment(page.since_wall_ms),
                page.turns.len().to_string(),
            ]
        });
        blocks.push(table(
            "Pages that are held to be bad",
            vec![text("address"), text("place"), text("known since"), number("events")],
            rows.collect(),
        ));
    }
}

/// How bad a stick was said to be, in a word or two.
fn verdict(stick: &ReportedStick) -> String {
    match &stick.said {
        None => "–".to_owned(),
        Some(said) => match said.verdict {
            Some(verdict) => verdict.as_str().to_owned(),
            None => "no alert".to_owned(),
        },
    }
}

/// On what that rests, and what is to be done with those that are not well.
fn said(report: &Report, blocks: &mut Vec<Block>) {
    let said = || report.sticks.iter().filter_map(|stick| Some((stick, stick.said.as_ref()?)));
    let Some((_, first)) = said().next() else { return };
    blocks.push(Block::Text(
        match first.by {
            SaidBy::Judgement => {
                "What is said of a module is what scrubjay concludes at the moment of the report from all that is known of \
                 it. \"ok\" is not to say that it is sound: a part of all failures comes without a sign."
            }
            SaidBy::Alerts => {
                "What is said of a module is what alerts said that were open at the moment of the report. Modules are judged \
                 at present only: that no alert was open is not to say that one was sound."
            }
        }
        .to_owned(),
    ));
    let ailing = said().filter(|(_, said)| said.verdict >= Some(Verdict::Watch));
    let rows: Vec<Vec<String>> = ailing
        .map(|(stick, said)| {
            vec![
                stick.slot.clone().unwrap_or_else(|| stick.module.clone()),
                said.verdict.map_or("", Verdict::as_str).to_owned(),
                said.advice.clone().unwrap_or_default(),
                said.because.clone(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        blocks.push(table(
            "Modules that are not well",
            vec![text("slot"), text("how bad"), text("to do"), text("why")],
            rows,
        ));
    }
}
