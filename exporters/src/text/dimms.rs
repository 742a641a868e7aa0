//! `dimms` and `show`: the sticks of memory, with the errors each of them had, wherever it was.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN};
use super::words::{moment, moment_ago, size};
use scrubjay_model::{Confidence, Identity, ModuleRecord, ModuleTurn};

/// The sticks, one a line: those that are there in the order of their slots, then those gone.
pub fn dimms(records: &[&ModuleRecord], now_ms: i64, style: &Style) -> String {
    let mut page = Page::new(*style);
    if records.is_empty() {
        page.sentence(0, "The history knows no stick of memory yet: no data.");
        return page.into_text();
    }
    let (there, gone): (Vec<&ModuleRecord>, Vec<&ModuleRecord>) =
        records.iter().partition(|record| record.ended_wall_ms.is_none());
    list(&mut page, &there, now_ms);
    if !gone.is_empty() {
        page.blank();
        page.heading("no longer there:");
        list(&mut page, &gone, now_ms);
    }
    let unjoined = there.iter().filter(|r| r.confidence == Confidence::Unknown).count();
    if unjoined > 0 {
        page.blank();
        page.warning(
            0,
            "Of some it is not known which stick is counted where: \"scrubjay show\" with the name \
             of one says why, and docs/dimm-labels.md how to name the slots of a board.",
        );
    }
    page.into_text()
}

fn list(page: &mut Page, records: &[&ModuleRecord], now_ms: i64) {
    let left = ["dimm", "slot", "serial"].map(|text| Cell::left(text).painted(FAINT));
    let right = ["size", "corrected", "other"].map(|text| Cell::right(text).painted(FAINT));
    let last = ["last error", "counted at", "joined"].map(|text| Cell::left(text).painted(FAINT));
    let mut rows = vec![left.into_iter().chain(right).chain(last).collect()];
    let mut sorted: Vec<&&ModuleRecord> = records.iter().collect();
    sorted.sort_by_key(|record| (record.slot_name().is_none(), natural(record)));
    for record in sorted {
        let failed = |errors: u64| {
            let cell = Cell::right(errors.to_string());
            if errors > 0 { cell.painted(WARN) } else { cell }
        };
        let places: Vec<String> = record.place_names();
        rows.push(vec![
            Cell::left(record.key.as_str()),
            Cell::left(record.slot_name().unwrap_or_else(|| "not known".to_owned())),
            Cell::left(serial(record)),
            Cell::right(record.size_bytes.map_or_else(|| "not known".to_owned(), size)),
            failed(record.correctable),
            failed(record.uncorrectable),
            Cell::left(match record.last_error_wall_ms {
                Some(at) => moment_ago(at, now_ms),
                None => "none seen".to_owned(),
            }),
            Cell::left(if places.is_empty() { "nowhere".to_owned() } else { places.join(", ") }),
            Cell::left(record.confidence.as_str()),
        ]);
    }
    page.table(0, &rows);
}

/// Numbers in a slot's name count as numbers: A2 before A10.
fn natural(record: &ModuleRecord) -> Vec<(String, u64)> {
    let name = record.slot_name().unwrap_or_else(|| record.key.as_str().to_owned());
    let mut parts = Vec::new();
    let mut rest = name.as_str();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, after) = rest.split_at(digits);
        let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
        let (number, after) = after.split_at(end);
        parts.push((word.to_lowercase(), number.parse().unwrap_or(u64::MAX)));
        rest = after;
    }
    parts
}

fn serial(record: &ModuleRecord) -> String {
    match (&record.serial, record.identity) {
        (Some(serial), Identity::SharedSerial) => format!("{serial} (shared)"),
        (Some(serial), Identity::Serial | Identity::Slot | Identity::Place) => serial.clone(),
        (None, _) => "none".to_owned(),
    }
}

/// Everything about one stick.
pub fn dimm(record: &ModuleRecord, turns: &[&ModuleTurn], now_ms: i64, style: &Style) -> String {
    let mut page = Page::new(*style);
    let ModuleRecord {
        key,
        slot: _,
        bank: _,
        serial: _,
        part,
        manufacturer,
        size_bytes,
        places: _,
        listed,
        identity,
        confidence,
        evidence,
        since_wall_ms,
        ended_wall_ms,
        correctable,
        uncorrectable,
        restarts: _,
        last_error_wall_ms,
    } = record;
    let known = |text: Option<String>| text.unwrap_or_else(|| "not known".to_owned());
    page.heading(&format!("dimm {key}:"));
    page.field(2, "slot", &known(record.slot_name()));
    page.field(2, "serial", &serial(record));
    page.field(2, "part", &known(part.clone()));
    page.field(2, "maker", &known(manufacturer.clone()));
    page.field(2, "size", &known(size_bytes.map(size)));
    if !listed {
        page.field(2, "firmware", "does not list it, or its list could not be read");
    }
    page.blank();
    page.heading("errors:");
    page.field(2, "corrected", &correctable.to_string());
    page.field(2, "other", &uncorrectable.to_string());
    let last = last_error_wall_ms
        .map_or_else(|| "none since it was first seen".to_owned(), |at| moment_ago(at, now_ms));
    page.field(2, "last", &last);
    let places = record.place_names();
    let places = if places.is_empty() { "nowhere".to_owned() } else { places.join(", ") };
    page.field(2, "counted at", &places);
    page.field(2, "joined", &format!("{}: {evidence}", confidence.as_str()));
    page.blank();
    page.heading("life:");
    page.field(2, "since", &moment(*since_wall_ms));
    if let Some(ended) = ended_wall_ms {
        page.field(2, "until", &moment(*ended));
    }
    page.field(2, "told by", &identity.as_str().replace('_', " "));
    if let Some(blind_spot) = identity.blind_spot() {
        page.warning(4, blind_spot);
    }
    for turn in turns {
        page.sentence(2, &format!("{}: {}", moment(turn.at_wall_ms), words(turn)));
    }
    page.into_text()
}

fn words(turn: &ModuleTurn) -> String {
    let ModuleTurn { at_wall_ms: _, key: _, what, detail } = turn;
    match (what.as_str(), detail.as_str()) {
        ("new", _) => "first seen".to_owned(),
        ("identified", _) => "became better known".to_owned(),
        ("moved", from) => format!("moved here from {from}"),
        ("returned", _) => "was put back".to_owned(),
        ("swapped_in", old) => format!("took the place of {old}"),
        ("replaced", by) => format!("was replaced by {by}"),
        ("removed", _) => "was taken out".to_owned(),
        ("regrouped", into) => format!("turned out to be part of {into}"),
        (what, _) => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use scrubjay_model::ModuleKey;

    const PLAIN: Style = Style { colour: false, all: false };
    const NOW_MS: i64 = 1_795_500_120_000;

    fn record(key: &str, slot: &str) -> ModuleRecord {
        ModuleRecord {
            key: ModuleKey::from_stored(key),
            slot: Some(slot.to_owned()),
            serial: Some(key.to_uppercase()),
            ..testing::remembered().0
        }
    }

    #[test]
    fn slots_are_in_the_order_of_their_numbers_and_those_gone_come_last() {
        let (a2, a10) = (record("aaaa2", "A2"), record("aaaa10", "A10"));
        let gone = ModuleRecord { ended_wall_ms: Some(NOW_MS), ..record("old", "A1") };
        let text = dimms(&[&a10, &gone, &a2], NOW_MS, &PLAIN);
        let at = |needle: &str| text.find(needle).unwrap();
        assert!(at("aaaa2") < at("aaaa10"), "{text}");
        assert!(at("aaaa10") < at("no longer there") && at("no longer there") < at("old "));
    }

    #[test]
    fn an_empty_history_has_no_data_rather_than_no_sticks() {
        assert!(dimms(&[], NOW_MS, &PLAIN).contains("no data"));
    }

    #[test]
    fn one_stick_is_told_with_its_turns_and_what_cannot_be_seen() {
        let twin = ModuleRecord { identity: Identity::SharedSerial, ..record("aaaa2", "A2") };
        let turn = ModuleTurn {
            at_wall_ms: NOW_MS,
            key: twin.key.clone(),
            what: "moved".to_owned(),
            detail: "B1".to_owned(),
        };
        let text = dimm(&twin, &[&turn], NOW_MS, &PLAIN);
        for needle in ["AAAA2 (shared)", "imc-0/dimm0", "moved here from B1", "a swap for its like"]
        {
            assert!(text.contains(needle), "{needle} in {text}");
        }
    }
}
