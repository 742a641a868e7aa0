//! `import`: what was taken in of other tools' memory of boots, and what they cannot tell.

use super::Style;
use super::page::Page;
use super::words::{count, missing, moment};
use scrubjay_model::{ImportLine, ImportTaken};

/// What came of each tool; `place` is where the history is.
pub fn imports(lines: &[ImportLine], place: &str, style: &Style) -> String {
    let mut page = Page::new(*style);
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
                write_taken(&mut page, taken);
                page.field(2, "cannot tell", line.cannot_tell);
            }
        }
    }
    page.blank();
    page.sentence(0, "\"scrubjay history boots\" shows them among those the agent saw itself.");
    page.into_text()
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
