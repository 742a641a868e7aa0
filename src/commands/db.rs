//! `scrubjay db`: looking after the file of the history.

use super::{print, reading, style};
use crate::cli::{DbBackupArgs, DbCommand, ReadArgs};
use crate::config::Settings;
use crate::exit::Exit;
use crate::watermark;
use anyhow::Context;
use scrubjay_collector::Collector;
use scrubjay_exporters::{json, text};
use scrubjay_model::MigrationOutcome;
use scrubjay_storage::{
    StorageError, back_up_database, check_database, has_history, simulated, try_migration,
    vacuum_database,
};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, command: &DbCommand) -> anyhow::Result<Exit> {
    let host = reading::host(settings)?;
    let dirs = reading::history_dirs(settings, &host);
    let kept = dirs.iter().find(|dir| has_history(dir)).or(dirs.last());
    let Some(dir) = kept else {
        anyhow::bail!(
            "the root {} is not this host, and no history of it is named: add --state-dir",
            settings.root.display()
        );
    };
    watermark::note(simulated(dir)?.as_ref());
    let exit = match command {
        DbCommand::Check(args) => check(dir, args)?,
        DbCommand::Backup(args) => backup(dir, args)?,
        DbCommand::Migrate(args) => {
            let at = Collector::new(Arc::clone(&host), reading::options(settings)).stamp();
            let Some(tried) = try_migration(dir, &std::env::temp_dir(), &at)? else {
                return nothing(dir);
            };
            show(&args.read, json::database_migration(&tried)?, |style| {
                text::database_migration(&tried, style)
            })?;
            let is_whole = tried.after.as_ref().is_some_and(|after| after.is_whole());
            let succeeds = tried.outcome != MigrationOutcome::Refused && is_whole;
            Some(if succeeds { Exit::Ok } else { Exit::Failed })
        }
        DbCommand::Vacuum(args) => vacuum(dir, args)?,
    };
    exit.map_or_else(|| nothing(dir), Ok)
}

fn check(dir: &Path, args: &ReadArgs) -> anyhow::Result<Option<Exit>> {
    let Some(check) = check_database(dir)? else { return Ok(None) };
    show(args, json::database_check(&check)?, |style| text::database_check(&check, style))?;
    Ok(Some(if check.is_whole() { Exit::Ok } else { Exit::Unverified }))
}

fn backup(dir: &Path, args: &DbBackupArgs) -> anyhow::Result<Option<Exit>> {
    let Some(backup) = back_up_database(dir, &args.file)? else { return Ok(None) };
    let page = json::database_backup(&backup)?;
    show(&args.read, page, |style| text::database_backup(&backup, style))?;
    Ok(Some(if backup.copy.is_whole() { Exit::Ok } else { Exit::Unverified }))
}

fn vacuum(dir: &Path, args: &ReadArgs) -> anyhow::Result<Option<Exit>> {
    let vacuum = match vacuum_database(dir) {
        Err(error @ StorageError::InUse { .. }) => {
            return Err(error).context(
                "take the history for itself, as an agent has it open: stop the agent, vacuum, and \
                 start it again; nothing was changed",
            );
        }
        other => other?,
    };
    let Some(vacuum) = vacuum else { return Ok(None) };
    show(args, json::database_vacuum(&vacuum)?, |style| text::database_vacuum(&vacuum, style))?;
    Ok(Some(Exit::Ok))
}

fn show(
    args: &ReadArgs,
    json: String,
    text: impl FnOnce(&scrubjay_exporters::text::Style) -> String,
) -> anyhow::Result<()> {
    print(&if args.json { json } else { text(&style(true)) })
}

fn nothing(dir: &Path) -> anyhow::Result<Exit> {
    let dir = dir.display();
    writeln!(
        anstream::stderr(),
        "no history in {dir}: start the agent, or name its directory with --state-dir"
    )?;
    Ok(Exit::NoData)
}
