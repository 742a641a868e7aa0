//! `events`: what was reported of errors, one line for each group of reports, and what was lost.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN, paint_of};
use super::words::{count, moment, span};
use anstyle::Style as Paint;
use scrubjay_model::{
    Confidence, EventClass, EventGroup, EventPlace, EventRecord, EventWhat, Folded, FoldedRows,
    LastPass, LossRecord, ModuleRecord, OfflineAsker, ScrubResults, Verdict,
};
use std::collections::BTreeMap;

/// The slot of each place, by the id that the history gave the place: a slot stays where it is,
/// whichever stick is in it.
pub type Slots = BTreeMap<String, String>;

/// The slots that the history knows, those of sticks that are there first.
pub fn slots(modules: &[ModuleRecord]) -> Slots {
    let mut slots = Slots::new();
    let (there, gone): (Vec<&ModuleRecord>, Vec<&ModuleRecord>) =
        modules.iter().partition(|module| module.ended_wall_ms.is_none());
    for module in there.into_iter().chain(gone) {
        let Some(slot) = module.slot_name() else { continue };
        if module.confidence > Confidence::Unknown {
            for place in module.place_names() {
                slots.entry(place).or_insert_with(|| slot.clone());
            }
        }
    }
    slots
}

/// The reports given, oldest first, with their sum and what was lost meanwhile.
pub fn events(
    records: &[EventRecord],
    losses: &[LossRecord],
    scrub: &ScrubResults,
    cut: bool,
    slots: &Slots,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    summary(&mut page, records, losses, cut);
    scrubbing(&mut page, scrub);
    if !records.is_empty() {
        page.blank();
        let mut rows = vec![head()];
        rows.extend(records.iter().map(|record| row(record, slots)));
        page.table(0, &rows);
    }
    page.into_text()
}

/// What became of earlier reports, if anything did: below the page.
pub fn earlier_events(folded: &FoldedRows, style: &Style) -> String {
    let mut page = Page::new(*style);
    let kinds = ["reports", "open_reports"];
    let rows = kinds.iter().filter_map(|kind| folded.rows.get(*kind)).sum::<u64>();
    if rows > 0 {
        let groups = count(rows, "earlier group of reports is", "earlier groups of reports are");
        page.sentence(
            0,
            &format!("{groups} kept as sums; none of them is of an uncorrected error"),
        );
    }
    page.into_text()
}

/// Reports alone, for a page that goes on.
pub fn more_events(records: &[EventRecord], slots: &Slots, style: &Style) -> String {
    let mut page = Page::new(*style);
    for record in records {
        page.table(0, &[row(record, slots)]);
    }
    page.into_text()
}

/// Reports of one stick, for a page about it: narrow, since all were told of the same place.
pub(super) fn of_one(page: &mut Page, records: &[EventRecord]) {
    let left = |text: &str| Cell::left(text).painted(FAINT);
    let right = |text: &str| Cell::right(text).painted(FAINT);
    let has_syndromes = records.iter().any(|record| record.group.syndrome.is_some());
    let syndrome = |cell: Cell| has_syndromes.then_some(cell);
    let head = [left("first seen"), left("class"), right("errors"), left("address")];
    let mut rows: Vec<Vec<Cell>> =
        vec![head.into_iter().chain(syndrome(right("syndrome"))).chain([left("what")]).collect()];
    rows.extend(records.iter().map(|record| {
        let group = &record.group;
        let address = match (group.address, group.folded) {
            (Some(address), Folded::Pages) => format!("{address:#x}, …"),
            (Some(address), Folded::Nothing | Folded::Syndromes) => format!("{address:#x}"),
            (None, _) => "?".to_owned(),
        };
        let cells = [
            Cell::left(moment(record.first_wall_ms)),
            Cell::left(group.class.as_str()).painted(paint(group.class)),
            Cell::right(errors(record)),
            Cell::left(address),
        ];
        let bits = group.syndrome.map_or_else(String::new, |bits| format!("{bits:#x}"));
        cells
            .into_iter()
            .chain(syndrome(Cell::right(bits)))
            .chain([Cell::left(told(&group.what, &group.message))])
            .collect()
    }));
    page.table(2, &rows);
}

fn summary(page: &mut Page, records: &[EventRecord], losses: &[LossRecord], cut: bool) {
    let reports = sum(records.iter().map(|record| record.group.reports));
    let errors = sum(records.iter().map(|record| record.counted));
    let lost = sum(losses.iter().map(|loss| loss.lost));
    let undecodable = sum(losses.iter().map(|loss| loss.undecodable));
    if records.is_empty() {
        page.sentence(0, "No reports of errors in that time: none came, or nobody listened.");
    } else {
        let shown = if cut { "These are the last ones: " } else { "" };
        page.sentence(
            0,
            &format!(
                "{shown}{} of {}, each error counted once.",
                count(reports, "report", "reports"),
                count(errors, "error", "errors"),
            ),
        );
    }
    match (lost, undecodable) {
        (0, 0) => {}
        (lost, 0) => page.warning(
            0,
            &format!(
                "{} overwritten before they could be read. The counters hold their errors: see \
                 scrubjay history memory.",
                count(lost, "report was", "reports were"),
            ),
        ),
        (lost, undecodable) => page.warning(
            0,
            &format!(
                "{} overwritten before they could be read, and {} not be decoded.",
                count(lost, "report was", "reports were"),
                count(undecodable, "could", "could"),
            ),
        ),
    }
}

fn scrubbing(page: &mut Page, scrub: &ScrubResults) {
    let ScrubResults { found, all, last_pass } = scrub;
    if *all == 0 {
        return;
    }
    page.sentence(
        0,
        &format!(
            "Scrubbing found {found} of {}; the others were met by an access, or their reports do \
             not say.",
            count(*all, "error", "errors")
        ),
    );
    for LastPass { edac, took, errors } in last_pass {
        let errors = count(*errors, "corrected error", "corrected errors");
        page.sentence(0, &format!("{edac}: {errors} in the last full pass, {} long.", span(*took)));
    }
}

fn sum(parts: impl Iterator<Item = u64>) -> u64 {
    parts.fold(0, u64::saturating_add)
}

fn head() -> Vec<Cell> {
    let left = |text: &str| Cell::left(text).painted(FAINT);
    vec![
        left("first seen"),
        left("class"),
        Cell::right("errors").painted(FAINT),
        left("where"),
        left("address"),
        left("told by"),
        left("what"),
    ]
}

/// How many errors it adds to those told before.
fn errors(record: &EventRecord) -> String {
    match (record.same_as, record.counted) {
        (Some(_), 0) => "as before".to_owned(),
        (_, 0) => "–".to_owned(),
        (_, counted) => counted.to_string(),
    }
}

fn row(record: &EventRecord, slots: &Slots) -> Vec<Cell> {
    let EventRecord { id: _, boot: _, first_wall_ms, group, dimm, same_as: _, counted: _ } = record;
    vec![
        Cell::left(moment(*first_wall_ms)),
        Cell::left(group.class.as_str()).painted(paint(group.class)),
        Cell::right(errors(record)),
        Cell::left(place(group, dimm.as_deref(), slots)),
        Cell::left(address(group)),
        Cell::left(group.witness.as_str()),
        Cell::left(what(group)),
    ]
}

/// How severe it looks.
pub(in crate::text) fn paint(class: EventClass) -> Paint {
    match class {
        EventClass::Info => FAINT,
        EventClass::Corrected => Paint::new(),
        EventClass::Deferred => WARN,
        EventClass::Uncorrected | EventClass::Fatal => paint_of(Verdict::Act),
    }
}

/// Where it was: the slot first, where it is known, since that is what is printed on the board.
fn place(group: &EventGroup, dimm: Option<&str>, slots: &Slots) -> String {
    let place = counted_place(group, dimm);
    match dimm.and_then(|dimm| slots.get(dimm)) {
        Some(slot) => format!("{slot}: {place}"),
        None => place,
    }
}

fn counted_place(group: &EventGroup, dimm: Option<&str>) -> String {
    match (&group.place, dimm) {
        (EventPlace::Edac { label, .. }, Some(dimm)) if label.is_empty() => dimm.to_owned(),
        (EventPlace::Edac { label, .. }, Some(dimm)) => format!("{dimm} {label}"),
        (place, Some(dimm)) => format!("{dimm} {place}"),
        (place, None) => place.to_string(),
    }
}

fn address(group: &EventGroup) -> String {
    match (group.address, group.folded) {
        (Some(address), Folded::Pages) => format!("{address:#x} and others"),
        (Some(address), Folded::Nothing | Folded::Syndromes) => format!("{address:#x}"),
        (None, _) => "not known".to_owned(),
    }
}

/// That the kernel was asked to take a page out of use, and by whom, if it told.
pub(in crate::text) fn soft_offline(asked_by: OfflineAsker, came: &str) -> String {
    let by = match asked_by {
        OfflineAsker::Collector => " by the kernel's corrected-errors collector",
        OfflineAsker::Unknown => "",
    };
    if came.is_empty() { format!("soft offline{by}") } else { format!("soft offline{by}: {came}") }
}

/// What a report says, in the witness's words.
pub(in crate::text) fn told(what: &EventWhat, message: &str) -> String {
    match what {
        EventWhat::Memory => message.to_owned(),
        EventWhat::Page { page_type, outcome } => format!("{page_type}: {}", outcome.as_str()),
        // Its words tell more than what is made of them.
        EventWhat::SoftOffline { asked_by, outcome: _ } => soft_offline(*asked_by, message),
        EventWhat::Other { about } if message.is_empty() => about.clone(),
        EventWhat::Other { about } => format!("{about}: {message}"),
        EventWhat::Overflow { lost } => format!("the device itself lost {lost} records"),
    }
}

fn what(group: &EventGroup) -> String {
    let lasted = group.last.saturating_sub(group.first);
    let told = told(&group.what, &group.message);
    if group.reports > 1 {
        format!("{told} ({} reports in {})", group.reports, span(lasted))
    } else {
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{events as three, loss, scrub_results};

    const PLAIN: Style = Style { colour: false, all: false };

    #[test]
    fn that_earlier_reports_became_sums_is_said() {
        let mut folded = FoldedRows::default();
        assert_eq!(earlier_events(&folded, &PLAIN), "");
        folded.rows = [("reports".to_owned(), 40), ("open_reports".to_owned(), 2)].into();
        let told = earlier_events(&folded, &PLAIN);
        assert!(told.starts_with("42 earlier groups of reports are kept as sums"), "{told}");
    }

    #[test]
    fn each_report_has_a_line_and_what_is_told_again_counts_nothing() {
        insta::assert_snapshot!(events(&three(), &[loss()], &scrub_results(), false, &Slots::new(), &PLAIN), @r"
        72 reports of 70 errors, each error counted once.
        ! 4 reports were overwritten before they could be read. The counters hold their
          errors: see scrubjay history memory.
        Scrubbing found 23 of 70 errors; the others were met by an access, or their
        reports do not say.
        mc0: 2 corrected errors in the last full pass, 10 h long.

        first seen            class           errors  where                  address                told by         what
        2026-11-24T06:02:00Z  corrected           70  mc0/dimm1 DIMM_B2      0x12345680 and others  mc_event        memory read error (70 reports in 900 ms)
        2026-11-24T06:02:00Z  corrected    as before  socket 0 cpu 3 bank 7  0x12345680             mce_record      memory read, channel 1
        2026-11-24T06:02:00Z  uncorrected          –  by address             not known              memory_failure  free buddy page: recovered
        ");
    }

    #[test]
    fn no_reports_are_not_said_to_be_no_errors() {
        insta::assert_snapshot!(
            events(&[], &[], &ScrubResults::default(), false, &Slots::new(), &PLAIN),
            @"No reports of errors in that time: none came, or nobody listened."
        );
    }

    #[test]
    fn a_slot_is_told_where_a_stick_is_joined_to_the_place() {
        let (joined, _) = crate::testing::remembered();
        let place = joined.places.first().unwrap().clone();
        let gone = ModuleRecord {
            key: scrubjay_model::ModuleKey::from_stored("old"),
            slot: Some("OLD NAME".to_owned()),
            ended_wall_ms: Some(0),
            ..joined.clone()
        };
        let loose = ModuleRecord {
            confidence: Confidence::Unknown,
            places: vec![(place.0.clone(), scrubjay_model::Place::Dimm(9))],
            ..joined.clone()
        };
        let slots = slots(&[gone, joined, loose]);
        assert_eq!(slots, [("imc-0/dimm0".to_owned(), "DIMM_A1".to_owned())].into());
        let event = EventRecord { dimm: Some("imc-0/dimm0".to_owned()), ..three().remove(0) };
        let text = more_events(&[event], &slots, &PLAIN);
        assert!(text.contains("DIMM_A1: imc-0/dimm0 DIMM_B2"), "{text}");
    }
}
