//! `scrubjay db`: what came of looking after the file of the history.

use super::Style;
use super::page::Page;
use super::words::{count, size};
use scrubjay_model::{
    DatabaseBackup, DatabaseCheck, DatabaseMigration, DatabaseVacuum, MigrationOutcome,
};

/// What came of checking it.
pub fn database_check(check: &DatabaseCheck, style: &Style) -> String {
    let mut page = Page::new(*style);
    show(&mut page, check);
    page.into_text()
}

fn show(page: &mut Page, check: &DatabaseCheck) {
    let DatabaseCheck {
        path,
        size_bytes,
        log_bytes,
        free_bytes,
        schema,
        schema_known,
        defects,
        dangling,
        sums_agree,
        ledger,
        aside,
    } = check;
    page.sentence(
        0,
        if check.is_whole() { "The history is whole." } else { "THE HISTORY IS DAMAGED." },
    );
    page.blank();
    let known = |bytes: &Option<u64>| bytes.map_or_else(|| "not known".to_owned(), size);
    page.field(2, "file", path);
    let log = log_bytes.map_or_else(String::new, |bytes| format!(", log {}", size(bytes)));
    page.field(2, "size", &format!("{}{log}, unused {}", known(size_bytes), known(free_bytes)));
    page.field(
        2,
        "schema",
        &match schema {
            Some(found) if found == schema_known => format!("version {found}, the present one"),
            Some(found) => format!("version {found}; this scrubjay writes {schema_known}"),
            None => "not known".to_owned(),
        },
    );
    match defects.as_slice() {
        [] => page.field(2, "integrity", "no defect"),
        defects => {
            page.field(2, "integrity", &count(defects.len(), "defect", "defects"));
            for defect in defects {
                page.sentence(4, defect);
            }
        }
    }
    page.field(
        2,
        "references",
        &match dangling {
            Some(0) => "all lead to a row".to_owned(),
            Some(rows) => format!("{} to a row that is not there", count(*rows, "leads", "lead")),
            None => "not looked at".to_owned(),
        },
    );
    page.field(
        2,
        "sums",
        match sums_agree {
            Some(true) => "those of their last changes",
            Some(false) => "NOT those of their last changes, or not readable",
            None => "not looked at",
        },
    );
    page.field(
        2,
        "ledger",
        &match ledger {
            Some(report) if report.is_intact() => {
                format!("intact, {}", count(report.rows, "row", "rows"))
            }
            Some(_) => "NOT what was written: see scrubjay ledger verify".to_owned(),
            None => "not looked at".to_owned(),
        },
    );
    if let Some(head) = ledger.as_ref().and_then(|report| report.head) {
        page.verbatim(2, &format!("head: {head}"));
    }
    for name in aside {
        page.field(2, "kept", &format!("{name}, a damaged file that was moved aside"));
    }
    if !check.is_whole() && !defects.is_empty() {
        page.blank();
        page.sentence(
            0,
            "When the agent starts it moves the file aside and begins anew with what can be had of \
             it. To see what that would be: scrubjay db migrate --dry-run. A backup that is whole \
             may be better: stop the agent, and put it in the place of the file.",
        );
    }
}

/// What came of copying it.
pub fn database_backup(backup: &DatabaseBackup, style: &Style) -> String {
    let DatabaseBackup { source, copy } = backup;
    let mut page = Page::new(*style);
    page.sentence(0, &format!("{source} was copied, and the copy checked."));
    page.blank();
    show(&mut page, copy);
    page.into_text()
}

/// What an upgrade would do to it.
pub fn database_migration(migration: &DatabaseMigration, style: &Style) -> String {
    let DatabaseMigration { path, from, to, outcome, detail, after } = migration;
    let mut page = Page::new(*style);
    page.sentence(0, &match (outcome, from) {
        (MigrationOutcome::Nothing, _) => {
            format!("Nothing would be done: {path} has schema version {to}.")
        }
        (MigrationOutcome::Upgraded, Some(from)) => {
            format!("{path} would be upgraded from schema version {from} to {to}, and a copy kept.")
        }
        (MigrationOutcome::Upgraded, None) => format!("{path} would be upgraded, and a copy kept."),
        (MigrationOutcome::Salvaged, _) => format!(
            "{path} is damaged. It would be moved aside, and a new one begun with what can be had \
             of it."
        ),
        (MigrationOutcome::Refused, _) => format!("The agent would not start with {path}."),
    });
    page.blank();
    page.sentence(2, detail);
    page.blank();
    if let Some(after) = after {
        let is_whole = if after.is_whole() { "whole" } else { "NOT whole" };
        page.sentence(2, &format!("Tried on a copy: the outcome is {is_whole}."));
    }
    page.sentence(2, "The file itself was left as it is.");
    page.into_text()
}

/// What came of giving space back.
pub fn database_vacuum(vacuum: &DatabaseVacuum, style: &Style) -> String {
    let DatabaseVacuum { path, before_bytes, after_bytes } = vacuum;
    let mut page = Page::new(*style);
    let (before, after) = (size(*before_bytes), size(*after_bytes));
    page.sentence(
        0,
        &format!(
            "{path}: {before} before ({before_bytes} bytes), {after} after ({after_bytes} bytes)."
        ),
    );
    page.into_text()
}
