//! `dimms`: the memory of the host, one line a stick: which one, since when, how sure, and what was
//! not seen.

use super::Style;
use super::page::{Cell, FAINT, Page, WARN, paint_of, sign_of};
use super::status::coverage_in_words;
use super::words::{count, missing, moment_ago, size, span};
use scrubjay_model::{Confidence, DimmKind, DimmLine, ErrorClass, HostView, Identity, Verdict};
use std::collections::BTreeMap;
use std::time::Duration;

/// The list, after what could not be seen and since when was watched.
pub fn dimms(view: &HostView, lines: &[DimmLine], style: &Style) -> String {
    let mut page = Page::new(*style);
    let now_ms = view.snapshot.at.wall_ms;
    page.field(0, "coverage", &coverage_in_words(&view.assessment.coverage));
    page.field(0, "watched", &watched(view));
    let (there, gone): (Vec<&DimmLine>, Vec<&DimmLine>) =
        lines.iter().partition(|line| line.ended_wall_ms.is_none());
    let sticks = there.iter().filter(|line| line.about != DimmKind::Unattributed).count();
    if sticks == 0 {
        page.field(0, "sticks", "neither firmware nor EDAC shows one: no data");
    }
    if !there.is_empty() {
        list(&mut page, "all", &there, now_ms);
    }
    if !gone.is_empty() {
        page.blank();
        page.heading("no longer there:");
        list(&mut page, "all these", &gone, now_ms);
    }
    notes(&mut page, &there);
    page.into_text()
}

/// Since when errors were watched, and how much of that time.
pub(super) fn watched(view: &HostView) -> String {
    match view.history.as_ref().into_result() {
        Ok(history) => format!(
            "since {}, for {} of that",
            moment_ago(history.since_wall_ms, view.snapshot.at.wall_ms),
            span(history.covered)
        ),
        Err(why) => format!(
            "never: no history ({}); errors are those the kernel now shows, and what it counted \
             before it last began anew is not known",
            missing(&why)
        ),
    }
}

/// Before somebody opens the wrong slot.
pub(super) const BY_POSITION: &str = "Which stick is at which place is told by the order of the \
    lists alone, and a board may be wired in another: make sure before a swap";

/// What there is to know below the table.
fn notes(page: &mut Page, there: &[&DimmLine]) {
    let (mut without_place, mut without_stick, mut loose) = (0_u64, 0_u64, false);
    for line in there {
        match line.about {
            DimmKind::Stick if line.counted_at.is_empty() => without_place += 1,
            DimmKind::Place => without_stick += 1,
            DimmKind::Stick => {}
            DimmKind::Unattributed => loose = true,
        }
    }
    let mut said = Vec::new();
    if without_place > 0 {
        let sticks = count(without_place, "stick has", "sticks have");
        said.push(format!("{sticks} no known place in EDAC: errors there are not known."));
    }
    if without_place > 0 && without_stick > 0 {
        let places = count(without_stick, "place", "places");
        said.push(format!(
            "Which of them is at which of {places} without a stick, a label map can say: see \
             docs/dimm-labels.md."
        ));
    }
    let blamed = |line: &&&DimmLine| {
        line.confidence == Some(Confidence::ByPosition) && line.verdict > Some(Verdict::Unknown)
    };
    if there.iter().any(|line| blamed(&line)) {
        said.push(format!("{BY_POSITION}."));
    }
    if loose {
        said.push("Errors without a DIMM may be of any of them.".to_owned());
    }
    if !said.is_empty() {
        page.blank();
        page.warning(0, &said.join(" "));
    }
}

/// Beside which lines one stands, and when.
struct Seen<'l> {
    /// How many there are of each slot.
    namesakes: BTreeMap<Option<&'l str>, usize>,
    now_ms: i64,
}

/// A column: its head, and its text in each line. One that says the same of all is said once.
struct Column {
    head: &'static str,
    right: bool,
    /// How the head line says that all lines agree; `None` for columns that are always shown.
    once: Option<fn(&str) -> String>,
    text: fn(&DimmLine, &Seen<'_>) -> String,
}

const COLUMNS: [Column; 10] = [
    Column { head: "verdict", right: false, once: None, text: |line, _| verdict(line) },
    Column { head: "slot", right: false, once: None, text: name },
    Column { head: "serial", right: false, once: None, text: |line, _| serial(line) },
    Column {
        head: "part",
        right: false,
        once: Some(|part| format!("part {part}")),
        text: |line, _| known(line.part.clone(), line),
    },
    Column {
        head: "size",
        right: true,
        once: Some(
            |size| if size == UNKNOWN { "size not known".to_owned() } else { size.to_owned() },
        ),
        text: |line, _| known(line.size_bytes.map(size), line),
    },
    Column {
        head: "CE",
        right: true,
        once: None,
        text: |line, _| short(line, ErrorClass::Correctable),
    },
    Column {
        head: "UE",
        right: true,
        once: None,
        text: |line, _| short(line, ErrorClass::Uncorrectable),
    },
    Column {
        head: "last error",
        right: false,
        once: Some(|last| match last {
            "none" => "no error seen".to_owned(),
            last => format!("last error {last}"),
        }),
        text: last,
    },
    Column {
        head: "bad pages",
        right: true,
        once: Some(|pages| match pages {
            "0" => "no bad page registered".to_owned(),
            pages => format!("bad pages {pages}"),
        }),
        text: |line, _| known(line.bad_pages.map(|pages| pages.to_string()), line),
    },
    Column {
        head: "joined",
        right: false,
        once: Some(|joined| match joined {
            "no" => "nothing joins slots and places".to_owned(),
            "verified" => "join verified".to_owned(),
            by => format!("joined by {by}"),
        }),
        text: |line, _| joined(line),
    },
];

const UNKNOWN: &str = "not known";

fn list(page: &mut Page, all: &str, lines: &[&DimmLine], now_ms: i64) {
    let is_stick = |line: &DimmLine| line.about != DimmKind::Unattributed;
    let mut namesakes = BTreeMap::new();
    for line in lines {
        *namesakes.entry(line.slot.as_deref()).or_default() += 1;
    }
    let seen = Seen { namesakes, now_ms };
    let mut once = Vec::new();
    let mut shown = Vec::new();
    for column in &COLUMNS {
        let texts: Vec<String> = lines.iter().map(|line| (column.text)(line, &seen)).collect();
        let of_sticks = lines.iter().zip(&texts).filter(|(line, _)| is_stick(line));
        let mut of_sticks = of_sticks.map(|(_, text)| text);
        let first = of_sticks.next();
        match (column.once, first) {
            (Some(say), Some(text)) if of_sticks.all(|other| other == text) => once.push(say(text)),
            // Nothing but errors without a DIMM: there is nothing to say of sticks.
            (Some(_), None) => {}
            (Some(_) | None, _) => shown.push((column, texts)),
        }
    }
    if !once.is_empty() {
        page.field(0, all, &once.join(", "));
    }
    page.blank();
    let head = |(column, _): &(&Column, _)| {
        let cell = if column.right { Cell::right(column.head) } else { Cell::left(column.head) };
        cell.painted(FAINT)
    };
    let mut rows = vec![shown.iter().map(head).collect::<Vec<Cell>>()];
    let mut shown: Vec<_> =
        shown.into_iter().map(|(column, texts)| (column, texts.into_iter())).collect();
    for line in lines {
        let cell = |(column, texts): &mut (&Column, std::vec::IntoIter<String>)| {
            let text = texts.next()?;
            let paint = match (column.head, line.verdict) {
                ("verdict", Some(verdict)) => Some(paint_of(verdict)),
                ("CE", _) if line.correctable > Some(0) => Some(WARN),
                ("UE", _) if line.uncorrectable > Some(0) => Some(paint_of(Verdict::Act)),
                (_, _) => None,
            };
            let cell = if column.right { Cell::right(text) } else { Cell::left(text) };
            Some(if let Some(paint) = paint { cell.painted(paint) } else { cell })
        };
        rows.push(shown.iter_mut().filter_map(cell).collect());
    }
    page.table(0, &rows);
}

/// Blank where there is nothing to be known: errors without a DIMM have no size.
fn known(text: Option<String>, line: &DimmLine) -> String {
    match line.about {
        DimmKind::Stick | DimmKind::Place => text.unwrap_or_else(|| UNKNOWN.to_owned()),
        DimmKind::Unattributed => text.unwrap_or_default(),
    }
}

/// The verdict with its sign.
pub(super) fn verdict(line: &DimmLine) -> String {
    match line.verdict {
        Some(verdict) => format!("{:<2} {}", sign_of(verdict), verdict.as_str()),
        None => "gone".to_owned(),
    }
}

/// The slot without its bank, unless another one bears the same name: banks are long and seldom
/// printed on the board.
fn name(line: &DimmLine, seen: &Seen<'_>) -> String {
    match line.about {
        DimmKind::Stick | DimmKind::Place => {
            let namesakes = seen.namesakes.get(&line.slot.as_deref());
            let slot = line.slot.clone().filter(|_| namesakes == Some(&1));
            slot.unwrap_or_else(|| line.name())
        }
        DimmKind::Unattributed => format!("{}, no DIMM", line.edac.join(" ")),
    }
}

/// The serial number, and whether it tells.
pub(super) fn serial(line: &DimmLine) -> String {
    match (&line.serial, line.identity, line.about) {
        (Some(serial), Some(Identity::SharedSerial), _) => format!("{serial} (shared)"),
        (Some(serial), _, _) => serial.clone(),
        (None, _, DimmKind::Stick) => "none".to_owned(),
        (None, _, DimmKind::Place) => "not listed".to_owned(),
        (None, _, DimmKind::Unattributed) => String::new(),
    }
}

/// A sum, `≥` where there may have been more.
pub(super) fn errors(line: &DimmLine, class: ErrorClass) -> String {
    match line.errors(class) {
        Some(errors) if line.lower_bound => format!("≥{errors}"),
        Some(errors) => errors.to_string(),
        None => UNKNOWN.to_owned(),
    }
}

/// The same for a narrow column.
fn short(line: &DimmLine, class: ErrorClass) -> String {
    if line.errors(class).is_none() { "?".to_owned() } else { errors(line, class) }
}

fn last(line: &DimmLine, seen: &Seen<'_>) -> String {
    let Some(at) = line.last_error_wall_ms else {
        let none = line.since_wall_ms.is_some()
            && line.correctable.is_some()
            && line.uncorrectable.is_some();
        let none = none && line.about != DimmKind::Unattributed;
        return known(none.then(|| "none".to_owned()), line);
    };
    let distance = span(Duration::from_secs(seen.now_ms.abs_diff(at) / 1000));
    // One unit is enough to see which came last; "show" has the moment.
    let short: Vec<&str> = distance.split(' ').take(2).collect();
    let least = if line.last_error_is_earlier() { "≥" } else { "" };
    format!("{least}{} {}", short.join(" "), if at > seen.now_ms { "ahead" } else { "ago" })
}

/// What joins a stick and its places, in a word.
fn joined(line: &DimmLine) -> String {
    let word = match line.confidence {
        Some(Confidence::Verified) => "verified",
        Some(Confidence::ByLabel) => "label",
        Some(Confidence::ByPosition) => "position",
        Some(Confidence::Unknown) => "no",
        None => "",
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;
    use scrubjay_model::{ModuleKey, ModuleRecord, memory_lines};

    const PLAIN: Style = Style { colour: false, all: false };

    fn record(key: &str, slot: &str) -> ModuleRecord {
        ModuleRecord {
            key: ModuleKey::from_stored(key),
            slot: Some(slot.to_owned()),
            serial: Some(key.to_uppercase()),
            ..testing::remembered().0
        }
    }

    fn page(records: Vec<ModuleRecord>) -> String {
        let mut view = testing::server();
        view.accumulated.modules =
            records.into_iter().map(|record| (record.key.clone(), record)).collect();
        dimms(&view, &memory_lines(&view, &[]), &PLAIN)
    }

    #[test]
    fn slots_are_in_the_order_of_their_numbers_and_those_gone_come_last() {
        let gone = ModuleRecord { ended_wall_ms: Some(testing::NOW_MS), ..record("old", "A1") };
        let text = page(vec![record("aaaa10", "A10"), gone, record("aaaa2", "A2")]);
        let at = |needle: &str| text.find(needle).unwrap();
        assert!(at("AAAA2") < at("AAAA10"), "{text}");
        assert!(
            at("AAAA10") < at("no longer there") && at("no longer there") < at("OLD"),
            "{text}"
        );
    }

    #[test]
    fn a_stick_is_as_bad_as_what_is_said_of_it_under_any_of_its_names() {
        let mut view = testing::server();
        view.assessment.findings.clear();
        let (record, _) = testing::remembered();
        view.accumulated.modules.insert(record.key.clone(), record);
        let line = |view: &HostView| {
            let lines = memory_lines(view, &[]);
            lines.into_iter().find(|line| line.key == "425bb669").unwrap()
        };
        // Of many ailing sticks some have no finding of their own.
        assert_eq!(line(&view).verdict, Some(Verdict::Plan));
        let found = testing::finding("dimm-storm", Verdict::Act, "DIMM_A1");
        view.assessment.findings.push(found);
        assert_eq!(line(&view).verdict, Some(Verdict::Act));
        assert_eq!(line(&view).findings(&view).len(), 1);
        // Nobody judged it: its slot is its name all the same.
        view.assessment.dimms.clear();
        assert_eq!(line(&view).findings(&view).len(), 1);
        view.assessment.findings[0].subject = "DIMM_A2".to_owned();
        assert!(line(&view).findings(&view).is_empty());
    }

    #[test]
    fn a_list_says_what_was_not_seen_and_what_may_be_more() {
        insta::assert_snapshot!(page(vec![
            ModuleRecord {
                places: vec![("skylake-socket-0-imc-0".to_owned(), 1)]
                    .into_iter()
                    .map(|(key, n)| {
                        (scrubjay_model::ControllerKey::from_stored(key), scrubjay_model::Place::Dimm(n))
                    })
                    .collect(),
                ..record("aaaa1", "A1")
            },
            ModuleRecord { places: Vec::new(), correctable: 0, last_error_wall_ms: None, ..record("bbbb2", "A2") },
        ]), @r#"
        coverage     only some corrected errors are seen; all uncorrected errors are
                     seen: firmware-first ("scrubjay doctor" tells more)
        watched      since 2025-10-20T06:02:00Z (400 d ago), for 390 d of that
        all          part M393A4K40DB2-CVF, 32 GiB, no bad page registered, joined by
                     label

        verdict     slot          serial   CE  UE  last error
        !! act      A1            AAAA1   ≥12  ≥0  1 h ago
        ?  unknown  A2            BBBB2     ?   ?  not known
        ?  unknown  mc0, no DIMM           ≥3  ≥0

        ! 1 stick has no known place in EDAC: errors there are not known. Errors without
          a DIMM may be of any of them.
        "#);
    }

    #[test]
    fn without_history_and_sticks_there_is_no_data() {
        let view = testing::guest();
        let text = dimms(&view, &[], &PLAIN);
        assert!(text.contains("no data") && text.contains("never: no history"), "{text}");
    }
}
