//! `import`: what was taken in of what other tools remember, and what they cannot tell.

use super::Style;
use super::page::Page;
use super::words::{count, missing, moment};
use scrubjay_model::{ErrorImportLine, ErrorsTaken, ImportLine, ImportTaken, LeftOut};

/// What came of each tool that remembers boots and of each that records errors; `place` is where the
/// history is.
pub fn imports(
    boots: &[ImportLine],
    errors: &[ErrorImportLine],
    place: &str,
    style: &Style,
) -> String {
    let mut page = Page::new(*style);
    if !boots.is_empty() {
        write_boots(&mut page, boots, place);
    }
    if !errors.is_empty() {
        if !boots.is_empty() {
            page.blank();
        }
        write_errors(&mut page, errors, place);
    }
    page.into_text()
}

fn write_boots(page: &mut Page, lines: &[ImportLine], place: &str) {
    let (mut told, mut added) = (0_u64, 0_u64);
    for taken in lines.iter().filter_map(|line| line.taken.value()) {
        told = told.saturating_add(taken.told);
        added = added.saturating_add(taken.added);
    }
    page.sentence(
        0,
        &format!(
            "{} told, {added} of them new to the history in {place}.",
            count(told, "boot", "boots")
        ),
    );
    for line in lines {
        page.blank();
        page.heading(&format!("{}:", line.memory.as_str()));
        match line.taken.as_ref().into_result() {
            Err(why) => page.sentence(2, &format!("nothing taken: {}", missing(&why))),
            Ok(taken) => {
                write_taken(page, taken);
                page.field(2, "cannot tell", line.cannot_tell);
            }
        }
    }
    page.blank();
    page.sentence(0, "\"scrubjay history boots\" shows them among those the agent saw itself.");
}

fn write_errors(page: &mut Page, lines: &[ErrorImportLine], place: &str) {
    let taken = || lines.iter().filter_map(|line| line.taken.value());
    let sum = |part: fn(&ErrorsTaken) -> u64| taken().map(part).fold(0, u64::saturating_add);
    page.sentence(
        0,
        &format!(
            "{} told, {} of them new to the history in {place}.",
            count(sum(|taken| taken.errors), "error", "errors"),
            sum(|taken| taken.errors_added)
        ),
    );
    for line in lines {
        page.blank();
        page.heading(&format!("{}:", line.memory.as_str()));
        match line.taken.as_ref().into_result() {
            Err(why) => page.sentence(2, &format!("nothing taken: {}", missing(&why))),
            Ok(taken) => write_errors_taken(page, taken),
        }
    }
    page.blank();
    page.sentence(
        0,
        "\"scrubjay history imported\" shows them. They are kept apart and enter no sum of the \
         agent, which may have seen some of them itself.",
    );
}

fn write_errors_taken(page: &mut Page, taken: &ErrorsTaken) {
    let ErrorsTaken {
        paths,
        records,
        errors,
        records_added,
        errors_added,
        without_time,
        first_wall_ms,
        last_wall_ms,
        left_out,
    } = taken;
    let of = |errors: u64, records: u64| {
        format!("{} in {}", count(errors, "error", "errors"), count(records, "record", "records"))
    };
    page.field(2, "files", &paths.join(", "));
    page.field(2, "told", &of(*errors, *records));
    if let (Some(first), Some(last)) = (first_wall_ms, last_wall_ms) {
        page.field(2, "from", &format!("{} to {}", moment(*first), moment(*last)));
    }
    page.field(2, "new", &of(*errors_added, *records_added));
    if *without_time > 0 {
        let records = count(*without_time, "record tells", "records tell");
        page.field(2, "no time", &format!("{records} no time that can be; their errors count"));
    }
    for left in left_out {
        let LeftOut { what, records, because } = left;
        let many = records.map_or_else(String::new, |records| format!("{records} "));
        page.field(2, "left out", &format!("{many}{what}: {because}"));
    }
}

fn write_taken(page: &mut Page, taken: &ImportTaken) {
    page.field(2, "files", &taken.paths.join(", "));
    if let (Some(first), Some(last)) = (taken.first_wall_ms, taken.last_wall_ms) {
        page.field(
            2,
            "boots",
            &format!("{}, from {} to {}", taken.told, moment(first), moment(last)),
        );
    } else {
        page.field(2, "boots", "none");
    }
    page.field(2, "new", &taken.added.to_string());
    page.field(
        2,
        "completed",
        &format!("{} that were known, and of which more is told now", taken.completed),
    );
    page.field(2, "known", &taken.known().to_string());
    page.field(
        2,
        "seen",
        &format!("{} of those in the history were seen by the agent as well", taken.seen_by_agent),
    );
    if taken.not_understood > 0 {
        page.field(
            2,
            "not read",
            &count(
                taken.not_understood,
                "record was not understood",
                "records were not understood",
            ),
        );
    }
}

#[cfg(test)]
mod tests;
