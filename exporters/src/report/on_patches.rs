//! What a report says of the kernel's patches.

use super::document::{Block, lasted, number, table, text, when};
use crate::text::words::moment;
use scrubjay_model::{ClassOfExposures, Deadline, Report, ReportedExposure, ReportedFact};

pub(super) fn patches(report: &Report, blocks: &mut Vec<Block>) {
    let patches = &report.patches;
    blocks.push(Block::Heading("Patches of the kernel".to_owned()));
    blocks.push(Block::Text(
        "Four words are kept apart. Available: a fix is released. Installed: it is on the disk. \
         Live-patched: the running kernel has it without a boot. Running: a boot brought it. Only the \
         last two protect anybody."
            .to_owned(),
    ));
    if patches.classes.is_empty() {
        let none = if patches.relation_known {
            "No vulnerability was seen in the period whose fix was installed and not in force."
        } else {
            "Whether any installed fix was not in force is not known: how the running kernel stands to what is \
             installed could not be told."
        };
        blocks.push(Block::Text(none.to_owned()));
    } else {
        blocks.push(classes(&patches.classes));
        if patches.live_patch_only > 0 {
            blocks.push(Block::Text(format!(
                "{} of them are kept from being open by live patches alone: a boot into a kernel without \
                 them, or the end of the vendor's support, would open them again.",
                patches.live_patch_only
            )));
        }
        blocks.push(exposures(&patches.exposures));
    }
    let state =
        ["kernel.", "packages.kernel", "boot.next", "livepatch", "microcode.", "reboot.", "cpu."];
    let told = |fact: &&ReportedFact| {
        state.iter().any(|begin| fact.name.starts_with(begin)) && fact.name != "kernel.banner"
    };
    let rows = patches.facts.iter().filter(told).map(fact_row).collect();
    blocks.push(table(
        "How the kernel stood at the moment of the report",
        vec![text("what"), text("of"), text("is"), text("since")],
        rows,
    ));
    let conclusions =
        ["kernel.relation", "kernel.release", "packages.kernel", "livepatch.enabled", "verdict"];
    let told = |fact: &&ReportedFact| conclusions.contains(&fact.name.as_str());
    let rows = patches.changes.iter().filter(told).map(|fact| {
        let [name, subject, value, since] = fact_cells(fact);
        vec![since, name, subject, value]
    });
    blocks.push(table(
        "What changed in the period",
        vec![text("when"), text("what"), text("of"), text("became")],
        rows.collect(),
    ));
}

fn fact_cells(fact: &ReportedFact) -> [String; 4] {
    let value = fact.value.clone().unwrap_or_else(|| format!("({})", fact.state));
    [fact.name.clone(), fact.subject.clone(), value, moment(fact.since_wall_ms)]
}

fn fact_row(fact: &ReportedFact) -> Vec<String> {
    fact_cells(fact).into()
}

fn classes(classes: &[ClassOfExposures]) -> Block {
    let row = |class: &ClassOfExposures| {
        let of =
            |deadline: Deadline| class.deadlines.get(&deadline).copied().unwrap_or(0).to_string();
        vec![
            class.class.as_str().to_owned(),
            class.limit_days.map_or_else(|| "none".to_owned(), |days| format!("{days} d")),
            class.vulnerabilities.to_string(),
            of(Deadline::Met),
            of(Deadline::Late),
            of(Deadline::Overdue),
            of(Deadline::Running),
            of(Deadline::Excepted),
            of(Deadline::Unknown),
            lasted(class.median_released_for_ms),
            lasted(class.longest_released_for_ms),
            lasted(class.longest_installed_for_ms),
        ]
    };
    table(
        "Vulnerabilities by class, and what became of their deadlines",
        vec![
            text("class"),
            number("limit"),
            number("all"),
            number("in time"),
            number("late"),
            number("overdue"),
            number("not due"),
            number("excepted"),
            number("unknown"),
            number("median of those in force"),
            number("longest wait"),
            number("longest on disk"),
        ],
        classes.iter().map(row).collect(),
    )
}

/// Vulnerabilities of which everything is the same are one row: stable kernels name hundreds at once.
fn exposures(exposures: &[ReportedExposure]) -> Block {
    let urgency = |exposure: &ReportedExposure| match exposure.deadline {
        Deadline::Overdue => 0,
        Deadline::Late => 1,
        Deadline::Excepted => 2,
        Deadline::Running => 3,
        Deadline::Unknown => 4,
        Deadline::Met | Deadline::None => 5,
    };
    let mut order: Vec<&ReportedExposure> = exposures.iter().collect();
    order.sort_by_key(|exposure| {
        (
            urgency(exposure),
            exposure.class,
            std::cmp::Reverse(exposure.released_for_ms),
            &exposure.fix_version,
            &exposure.cve,
        )
    });
    let cells = |exposure: &ReportedExposure| {
        [
            exposure.class.as_str().to_owned(),
            exposure.fix_version.clone(),
            when(exposure.released_wall_ms),
            when(exposure.installed_wall_ms),
            when(exposure.live_patched_wall_ms),
            when(exposure.running_wall_ms),
            when(exposure.due_wall_ms),
            match &exposure.exception {
                Some(id) => format!("excepted by {id}"),
                None => exposure.deadline.as_str().to_owned(),
            },
            lasted(exposure.released_for_ms),
        ]
    };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for like in order.chunk_by(|one, other| cells(one) == cells(other)) {
        let (Some(first), Some(last)) = (like.first(), like.last()) else { continue };
        let names = match like.len() {
            1 => first.cve.clone(),
            2 => format!("{}, {}", first.cve, last.cve),
            n => format!("{n}, such as {}", first.cve),
        };
        rows.push(std::iter::once(names).chain(cells(first)).collect());
    }
    table(
        "Vulnerabilities, those that are overdue or were late first",
        vec![
            text("vulnerabilities"),
            text("class"),
            text("fixed in"),
            text("available"),
            text("installed"),
            text("live-patched"),
            text("running"),
            text("due"),
            text("deadline"),
            number("wait"),
        ],
        rows,
    )
}
