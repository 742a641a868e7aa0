//! `show`: everything about one stick of memory, wherever it was.

use super::dimms::{BY_POSITION, errors, serial, verdict, watched};
use super::page::{Cell, FAINT, Page};
use super::words::{count, moment, moment_ago, size};
use super::{Style, events, status};
use scrubjay_model::{
    BadPage, Confidence, DimmDetail, DimmKind, DimmLine, DimmVerdict, ErrorClass, EventPattern,
    EventRecord, HostView, ModuleTurn, PATTERN_PAGE_BYTES, PlaceSum, shell_word,
};

/// What a verdict rests on.
fn judgement(judged: &DimmVerdict) -> String {
    let decides = judged.reasons.iter().filter(|reason| reason.verdict == judged.verdict);
    let decides: Vec<&str> = decides.map(|reason| reason.text.as_str()).collect();
    format!("judged {}: {}", judged.verdict.as_str(), decides.join("; "))
}

/// One stick.
pub fn dimm(view: &HostView, detail: &DimmDetail, style: &Style) -> String {
    let DimmDetail { dimm, places, turns, findings, judged, bad_pages, events, pattern } = detail;
    let mut page = Page::new(*style);
    let now_ms = view.snapshot.at.wall_ms;
    let said = verdict(dimm);
    page.heading(&format!("{}: {}", dimm.name(), said.split_whitespace().last().unwrap_or("gone")));
    identity(&mut page, dimm, places);
    page.blank();
    page.heading("errors:");
    sums(&mut page, dimm, now_ms);
    page.field(2, "watched", &watched(view));
    place_table(&mut page, places, dimm);
    page.blank();
    page.heading("findings:");
    if findings.is_empty() {
        page.sentence(2, "none about it");
    }
    status::grouped(&mut page, findings, &view.alerts);
    // What a finding says already is not said again.
    let is_unsaid =
        |judged: &&DimmVerdict| findings.iter().all(|finding| finding.verdict != judged.verdict);
    if let Some(judged) = judged.as_ref().filter(is_unsaid) {
        page.sentence(2, &judgement(judged));
        // On a line of its own, to be copied.
        let name = shell_word(&judged.name);
        page.sentence(2, &format!("scrubjay explain {name} tells all of it"));
    }
    page.blank();
    page.heading("reports:");
    reports(&mut page, events.as_deref(), pattern.as_ref(), now_ms);
    page.blank();
    page.heading("bad pages:");
    pages(&mut page, bad_pages.as_deref(), now_ms);
    if dimm.about != DimmKind::Unattributed {
        page.blank();
        page.heading("life:");
        life(&mut page, dimm, turns, now_ms);
    }
    page.blank();
    status::cannot_see(&mut page, &view.assessment, &view.alerts);
    page.into_text()
}

fn known(text: Option<String>) -> String {
    text.unwrap_or_else(|| "not known".to_owned())
}

fn identity(page: &mut Page, dimm: &DimmLine, places: &[PlaceSum]) {
    if dimm.about == DimmKind::Unattributed {
        page.sentence(2, "errors that the controller could not attribute to a DIMM");
        page.field(2, "controller", &dimm.key);
        return;
    }
    page.field(2, "slot", &known(dimm.slot_name()));
    page.field(2, "serial", &serial(dimm));
    page.field(2, "part", &known(dimm.part.clone()));
    page.field(2, "maker", &known(dimm.manufacturer.clone()));
    page.field(2, "size", &known(dimm.size_bytes.map(size)));
    page.field(2, "key", &dimm.key);
    if !dimm.listed {
        page.field(2, "firmware", "does not list it, or its list could not be read");
    }
    let identity = dimm.identity.map(|identity| identity.as_str().replace('_', " "));
    page.field(2, "told by", &known(identity));
    if let Some(blind_spot) = dimm.identity.and_then(scrubjay_model::Identity::blind_spot) {
        page.warning(4, blind_spot);
    }
    let counted_at =
        if dimm.counted_at.is_empty() { "nowhere".to_owned() } else { dimm.counted_at.join(", ") };
    page.field(2, "counted at", &counted_at);
    let mut labels: Vec<&str> = places.iter().filter_map(|sum| sum.label.as_deref()).collect();
    labels.dedup();
    if !labels.is_empty() {
        page.field(2, "label", &labels.join(", "));
    }
    let confidence = dimm.confidence.map(|confidence| confidence.as_str().replace('_', " "));
    let evidence = dimm.evidence.clone().unwrap_or_default();
    page.field(2, "joined", &format!("{}: {evidence}", known(confidence)));
    if dimm.confidence == Some(Confidence::ByPosition) {
        page.warning(4, BY_POSITION);
    }
}

fn sums(page: &mut Page, dimm: &DimmLine, now_ms: i64) {
    for (label, class) in
        [("corrected", ErrorClass::Correctable), ("other", ErrorClass::Uncorrectable)]
    {
        let since = match dimm.since_wall_ms {
            Some(since) => format!(" since {}", moment(since)),
            None => " shown by the kernel now".to_owned(),
        };
        let known = dimm.errors(class).is_some();
        page.field(2, label, &(errors(dimm, class) + if known { &since } else { "" }));
    }
    match dimm.restarts {
        Some(restarts) if restarts > 0 => {
            let times = count(restarts, "time", "times");
            page.more(
                2,
                &format!("≥: counters began anew {times}; errors just before that were not seen"),
            );
        }
        Some(_) | None => {}
    }
    let last = match (dimm.last_error_wall_ms, dimm.since_wall_ms, dimm.correctable) {
        (Some(at), _, _) if dimm.last_error_is_earlier() => {
            format!("before {}, when it was first seen", moment_ago(at, now_ms))
        }
        (Some(at), _, _) => moment_ago(at, now_ms),
        (None, Some(_), Some(_))
            if dimm.about != DimmKind::Unattributed && dimm.uncorrectable.is_some() =>
        {
            "none".to_owned()
        }
        (None, _, _) => "not known".to_owned(),
    };
    page.field(2, "last", &last);
}

fn place_table(page: &mut Page, places: &[PlaceSum], dimm: &DimmLine) {
    if places.is_empty() {
        return;
    }
    page.blank();
    let left = ["place", "class"].map(Cell::left);
    let right = ["now", "sum", "since", "reported", "unheard", "unreported"].map(Cell::right);
    let mut rows: Vec<Vec<Cell>> =
        vec![left.into_iter().chain(right).map(|cell| cell.painted(FAINT)).collect()];
    let number = |n: Option<String>| Cell::right(n.unwrap_or_else(|| "?".to_owned()));
    let day = |at: i64| moment(at).split('T').next().map(str::to_owned);
    let whole = |n: Option<u64>| number(n.map(|n| n.to_string()));
    for sum in places {
        let bound = if sum.lower_bound { "≥" } else { "" };
        rows.push(vec![
            Cell::left(sum.edac.clone().unwrap_or_else(|| sum.place.clone())),
            Cell::left(match sum.class {
                ErrorClass::Correctable => "corrected",
                ErrorClass::Uncorrectable => "other",
            }),
            whole(sum.shown),
            number(sum.total.map(|total| format!("{bound}{total}"))),
            number(sum.since_wall_ms.and_then(day)),
            whole(sum.reported),
            whole(sum.unheard),
            number(sum.unreported.map(|unreported| unreported.to_string())),
        ]);
    }
    page.table(2, &rows);
    if dimm.ended_wall_ms.is_some() {
        page.warning(
            2,
            "These counters are no longer this stick's: they count what came after it.",
        );
    } else if places.iter().any(|sum| sum.older_than_stick) {
        page.warning(
            2,
            "These counters were known before this stick was there: their sums hold errors of \
             another one.",
        );
    }
}

fn reports(
    page: &mut Page,
    events: Option<&[EventRecord]>,
    pattern: Option<&EventPattern>,
    now_ms: i64,
) {
    let (Some(events), Some(pattern)) = (events, pattern) else {
        page.sentence(2, "not known: there is no history");
        return;
    };
    if events.is_empty() {
        page.sentence(2, "none: none came, or nobody listened");
        return;
    }
    let EventPattern {
        groups,
        cut,
        first_wall_ms,
        last_wall_ms,
        errors,
        pages,
        syndromes,
        without_address,
        folded,
    } = pattern;
    let told: Vec<String> =
        errors.iter().map(|(class, errors)| format!("{errors} {}", class.as_str())).collect();
    page.field(2, "told", &format!("{} in {}", told.join(", "), count(*groups, "group", "groups")));
    if let (Some(first), Some(last)) = (first_wall_ms, last_wall_ms) {
        let from = if *cut { "the latest, from" } else { "from" };
        page.more(2, &format!("{from} {} to {}", moment(*first), moment_ago(*last, now_ms)));
    }
    let more = if *folded > 0 || *cut { "at least " } else { "" };
    let mut shape = format!(
        "{more}{} of {}, {}",
        count(*pages, "page", "different pages"),
        size(PATTERN_PAGE_BYTES),
        count(*syndromes, "syndrome", "different syndromes"),
    );
    if *without_address > 0 {
        shape.push_str(&format!(
            "; {} without an address",
            count(*without_address, "group", "groups")
        ));
    }
    page.field(2, "shape", &shape);
    page.blank();
    page.sentence(2, &format!("the last {}:", events.len()));
    events::of_one(page, events);
}

fn pages(page: &mut Page, pages: Option<&[BadPage]>, now_ms: i64) {
    match pages {
        None => page.sentence(2, "not known: there is no history"),
        Some([]) => page.sentence(2, "none registered"),
        Some(pages) => {
            for bad in pages {
                let since = moment_ago(bad.first_seen_wall_ms, now_ms);
                let now = bad.state.as_str().replace('_', " ");
                page.sentence(
                    2,
                    &format!("{:#x}: {}, {now}, since {since}", bad.physical_address, bad.reason),
                );
            }
        }
    }
}

fn life(page: &mut Page, dimm: &DimmLine, turns: &[ModuleTurn], now_ms: i64) {
    page.field(
        2,
        "since",
        &dimm.since_wall_ms.map_or_else(
            || "not known: there is no history".to_owned(),
            |at| moment_ago(at, now_ms),
        ),
    );
    if let Some(ended) = dimm.ended_wall_ms {
        page.field(2, "until", &moment_ago(ended, now_ms));
    }
    for turn in turns {
        page.sentence(2, &format!("{}: {}", moment(turn.at_wall_ms), words(turn)));
    }
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
    use scrubjay_model::{Identity, ModuleRecord, memory_lines};

    const PLAIN: Style = Style { colour: false, all: false };

    #[test]
    fn one_stick_is_told_with_its_turns_reports_and_what_cannot_be_seen() {
        let (record, turn) = testing::remembered();
        let twin = ModuleRecord { identity: Identity::SharedSerial, ..record };
        let mut view = testing::server();
        view.accumulated.modules = [(twin.key.clone(), twin)].into();
        let turns = [turn];
        let line = memory_lines(&view, &turns).remove(0);
        let reports = (testing::events(), testing::pattern());
        let detail = DimmDetail::new(line, &view, &turns, Some(reports));
        let text = dimm(&view, &detail, &PLAIN);
        let from = text.find("reports:").unwrap();
        let until = text.find("bad pages:").unwrap();
        insta::assert_snapshot!(&text[from..until], @r"
        reports:
          told         70 corrected in 2 groups
                       from 2026-11-24T06:00:30Z to 2026-11-24T06:02:00Z (0 s ago)
          shape        at least 3 different pages of 4 KiB, 1 syndrome; 1 group without
                       an address

          the last 3:
          first seen            class           errors  address        what
          2026-11-24T06:02:00Z  corrected           70  0x12345680, …  memory read error
          2026-11-24T06:02:00Z  corrected    as before  0x12345680     memory read, channel 1
          2026-11-24T06:02:00Z  uncorrected          –  ?              free buddy page: recovered
        ");
        for needle in [
            "425BB669 (shared)",
            "imc-0/dimm0",
            "moved here from DIMM_B1",
            "a swap for its like",
            "≥12 since",
            "at least 3 different pages of 4 KiB, 1 syndrome",
            "cannot see:",
        ] {
            assert!(text.contains(needle), "{needle} in {text}");
        }
    }
}
