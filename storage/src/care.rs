//! Looking after the file by hand: checking, copying, trying an upgrade, giving space back.

use crate::convert;
use crate::error::{DatabaseFault, database};
use crate::ledger;
use crate::salvage::sums;
use crate::schema::{self, SCHEMA};
use crate::{StorageError, files, open, query};
use rusqlite::{Connection, OpenFlags};
use scrubjay_model::{
    DatabaseBackup, DatabaseCheck, DatabaseMigration, DatabaseVacuum, MigrationOutcome, Stamp,
};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Defects that are listed.
const MOST_DEFECTS: usize = 20;

/// Checks the history in the state directory `dir`, beside a running agent or without one; `None`
/// if there is none. What is wrong with the content is in the answer.
///
/// # Errors
/// If the file cannot be opened or read for another reason than its content.
pub fn check_database(dir: &Path) -> Result<Option<DatabaseCheck>, StorageError> {
    let path = files::database_path(dir);
    if !files::is_file(&path)? {
        return Ok(None);
    }
    files::check_readable(&path)?;
    check(&path).map(Some)
}

fn check(path: &Path) -> Result<DatabaseCheck, StorageError> {
    let mut report = DatabaseCheck {
        path: path.display().to_string(),
        size_bytes: files::size_bytes(path),
        log_bytes: files::size_bytes(&files::beside(path, "-wal")),
        free_bytes: None,
        schema: None,
        schema_known: SCHEMA.version(),
        defects: Vec::new(),
        dangling: None,
        sums_agree: None,
        ledger: None,
        aside: files::all_aside(path),
    };
    if files::is_remnant(path) {
        report
            .defects
            .push("the database itself is gone; only its log is left, if that".to_owned());
        return Ok(report);
    }
    let conn = match open::connect_reader(path) {
        Ok(conn) => conn,
        Err(StorageError::Database { source, .. }) if sums::is_content(&source) => {
            report.defects.push(source.to_string());
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let looked = look(&conn, path, &mut report);
    match looked {
        Err(source) if sums::is_content(&source) => {
            report.defects.push(source.to_string());
            Ok(report)
        }
        other => other.map(|()| report).map_err(database("check the history", path)),
    }
}

/// One transaction, so that a running agent changes nothing between two answers.
fn look(conn: &Connection, path: &Path, report: &mut DatabaseCheck) -> rusqlite::Result<()> {
    let tx = conn.unchecked_transaction()?;
    let number = |pragma: &str| tx.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
    report.free_bytes =
        Some(convert::uncount(number("freelist_count")?.saturating_mul(number("page_size")?))?);
    let found: u32 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    report.schema = match SCHEMA.recognise(&tx, path) {
        Err(StorageError::Foreign { .. }) => {
            report.defects.push("it is the database of another program".to_owned());
            return Ok(());
        }
        Ok(_) | Err(_) => Some(found),
    };
    let mut check = tx.prepare(&format!("PRAGMA integrity_check({MOST_DEFECTS})"))?;
    let defects = check.query_map([], |row| row.get::<_, String>(0))?;
    let defects: Vec<String> = defects.collect::<rusqlite::Result<_>>()?;
    // "*** in database main ***" is a heading, and several defects may be in one row.
    let lines = defects.iter().flat_map(|text| text.lines());
    let is_defect = |line: &&str| *line != "ok" && !line.starts_with("***");
    report.defects = lines.filter(is_defect).take(MOST_DEFECTS).map(str::to_owned).collect();
    let mut dangling = tx.prepare("PRAGMA foreign_key_check")?;
    let mut rows = dangling.query([])?;
    let mut count = 0_u64;
    while rows.next()?.is_some() {
        count = count.saturating_add(1);
    }
    report.dangling = Some(count);
    if found == SCHEMA.version() {
        let state = sums::sound(&tx)?;
        report.sums_agree = Some(state.is_some());
        report.ledger = Some(match state {
            Some(state) => ledger::rows::verify_by(&tx, &[], &state)?,
            None => ledger::rows::verify(&tx, &[])?,
        });
    }
    Ok(())
}

/// Copies the history to a new file, beside a running agent or without one, and checks the copy;
/// `None` if there is none.
///
/// # Errors
/// If the file is there already, or copying fails; then no file is left.
pub fn back_up_database(dir: &Path, to: &Path) -> Result<Option<DatabaseBackup>, StorageError> {
    let path = files::database_path(dir);
    if !files::is_file(&path)? {
        return Ok(None);
    }
    files::check_readable(&path)?;
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| {
        // What is wrong may be with the history and not with the copy.
        match source.downcast::<rusqlite::Error>() {
            Ok(error) if DatabaseFault::of(&error) == DatabaseFault::Corrupt => {
                StorageError::Damaged { path: path.clone(), source: *error }
            }
            Ok(error) => StorageError::Copy { path: to.to_owned(), source: error },
            Err(source) => StorageError::Copy { path: to.to_owned(), source },
        }
    };
    if std::fs::symlink_metadata(to).is_ok() {
        return Err(StorageError::Taken { path: to.to_owned() });
    }
    // Never over another file, whoever makes it meanwhile.
    let file = OpenOptions::new().write(true).create_new(true).mode(0o640).open(to);
    drop(file.map_err(|error| failed(error.into()))?);
    let copied = open::connect_reader(&path)
        .and_then(|conn| schema::copy_into(&conn, to).map_err(failed))
        .and_then(|()| sync(to).map_err(|error| failed(error.into())));
    if let Err(error) = copied {
        // It is ours, and half a copy is none.
        files::discard(to);
        return Err(error);
    }
    Ok(Some(DatabaseBackup { source: path.display().to_string(), copy: check(to)? }))
}

/// Onto the disk, with the name.
fn sync(path: &Path) -> io::Result<()> {
    OpenOptions::new().read(true).open(path)?.sync_all()?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    OpenOptions::new().read(true).open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Tries on a copy, in a new directory below `scratch` that is removed again, what an agent of this
/// version would do to the history when it starts; `None` if there is none.
///
/// # Errors
/// If the copy cannot be made.
pub fn try_migration(
    dir: &Path,
    scratch: &Path,
    now: &Stamp,
) -> Result<Option<DatabaseMigration>, StorageError> {
    let path = files::database_path(dir);
    if !files::is_file(&path)? {
        return Ok(None);
    }
    files::check_readable(&path)?;
    let copy = Scratch::new(scratch)?;
    let target = files::database_path(&copy.0);
    copy_whatever_it_is(&path, &target)?;
    let mut migration = DatabaseMigration {
        path: path.display().to_string(),
        from: version(&target),
        to: SCHEMA.version(),
        outcome: MigrationOutcome::Nothing,
        detail: "it has the present version".to_owned(),
        after: None,
    };
    let writer = match open::for_writing(&copy.0, now.wall_ms, &SCHEMA) {
        Ok(writer) => writer,
        Err(error) => {
            migration.outcome = MigrationOutcome::Refused;
            migration.detail = format!("failed to {}", crate::error::chain(&error));
            return Ok(Some(migration));
        }
    };
    let told = |kind| {
        query::told_at(&writer.conn, kind, now.wall_ms)
            .map_err(database("read the history", &target))
    };
    let done = [("upgraded", MigrationOutcome::Upgraded), ("salvaged", MigrationOutcome::Salvaged)];
    for (kind, outcome) in done {
        if let Some(detail) = told(kind)? {
            (migration.outcome, migration.detail) = (outcome, detail);
        }
    }
    drop(writer);
    migration.after = Some(check(&target)?);
    Ok(Some(migration))
}

/// A sound file as one, with its log; a damaged one with the log beside it, as it is.
fn copy_whatever_it_is(path: &Path, target: &Path) -> Result<(), StorageError> {
    let failed = |source| StorageError::Copy { path: target.to_owned(), source };
    let whole = open::connect_reader(path).ok().map(|conn| schema::copy(&conn, target));
    if matches!(whole, Some(Ok(()))) {
        return Ok(());
    }
    for suffix in ["", "-wal"] {
        let (from, to) = (files::beside(path, suffix), files::beside(target, suffix));
        match fs::copy(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed(error.into()));
            }
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}

fn version(path: &Path) -> Option<u32> {
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).ok()
}

/// A directory of ours for as long as it is looked at.
struct Scratch(PathBuf);

impl Scratch {
    fn new(below: &Path) -> Result<Self, StorageError> {
        let name = format!("scrubjay-migrate-{}", std::process::id());
        let path = below.join(name);
        DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|source| StorageError::Directory { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing else can be done about what stays in a directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Rewrites the history without the space that it does not use. No agent may run meanwhile; `None`
/// if there is none.
///
/// # Errors
/// If an agent runs, the file is damaged or of another version, or there is not as much room again.
pub fn vacuum_database(dir: &Path) -> Result<Option<DatabaseVacuum>, StorageError> {
    let path = files::database_path(dir);
    if !files::is_file(&path)? {
        return Ok(None);
    }
    let lock: File = files::lock(dir)?;
    let size = || {
        let log = files::size_bytes(&files::beside(&path, "-wal")).unwrap_or(0);
        files::size_bytes(&path).unwrap_or(0).saturating_add(log)
    };
    let before_bytes = size();
    open::vacuum(&path, &SCHEMA)?;
    drop(lock);
    Ok(Some(DatabaseVacuum { path: path.display().to_string(), before_bytes, after_bytes: size() }))
}
