//! Opening the database: for the one writer, with everything it takes to trust the file, and for
//! readers, who may have no right to write.
//!
//! Every pragma is justified in `docs/design/storage.md`.

use crate::StorageError;
use crate::error::{DatabaseFault, database};
use crate::files;
use crate::ledger;
use crate::salvage::sums;
use crate::schema::{Found, SCHEMA, Schema};
use crate::simulated;
use crate::state::State;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use scrubjay_model::{LedgerHead, Simulated};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for a lock. In WAL mode readers and the writer do not wait for each other;
/// this covers checkpoints, recovery after a crash and a curious database shell.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Up to this size indexes are compared with their tables too. Above, the check of pages and cells
/// has to do: comparing takes several times as long.
const WHOLE_CHECK_UP_TO_BYTES: u64 = 64 << 20;

/// Set once, before the first table exists.
pub(crate) const AT_CREATION: &str = "PRAGMA auto_vacuum = INCREMENTAL;";

/// Set at every opening for writing. The writer stays for as long as the agent runs and asks for the same few
/// pages with each pass; the kernel keeps the file's pages too.
const FOR_WRITING: &str = "
    PRAGMA cache_size = -256;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA foreign_keys = ON;
    PRAGMA journal_size_limit = 4194304;
    PRAGMA temp_store = MEMORY;
";

/// Set at every opening.
const ALWAYS: &str = "
    PRAGMA cache_size = -1024;
    PRAGMA mmap_size = 0;
    PRAGMA trusted_schema = OFF;
    PRAGMA cell_size_check = ON;
";

/// The database, open for its one writer.
#[derive(Debug)]
pub(crate) struct Writer {
    /// The connection. Declared before the lock, so that it is closed first.
    pub(crate) conn: Connection,
    /// The lock file, locked.
    pub(crate) lock: File,
    /// The database.
    pub(crate) path: PathBuf,
    /// What it holds, if it was loaded to look at it.
    pub(crate) state: Option<Box<State>>,
}

/// Whose history is gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whose {
    /// Whatever is there.
    Any,
    /// That of a real host. One that was made is left as it is.
    Real,
}

/// Opens the database for writing; makes, upgrades or replaces it as needed.
pub(crate) fn for_writing(
    dir: &Path,
    now_wall_ms: i64,
    schema: &Schema,
) -> Result<Writer, StorageError> {
    for_writing_of(dir, now_wall_ms, schema, Whose::Any)
}

/// The same, if it is the history of such a host.
pub(crate) fn for_writing_of(
    dir: &Path,
    now_wall_ms: i64,
    schema: &Schema,
    whose: Whose,
) -> Result<Writer, StorageError> {
    files::create_directory(dir)?;
    let lock = files::lock(dir)?;
    let path = files::database_path(dir);
    let mut is_there = files::is_file(&path)?;
    let mut replaced = None;
    if files::is_remnant(&path) {
        replaced = Some(files::move_aside(&path, now_wall_ms)?);
        is_there = false;
    }
    let mut is_begun = !is_there && begin(&path);
    let mut old_head = None;
    let refuse = |made: Option<Simulated>| match (whose, made) {
        (Whose::Real, Some(found)) => Err(StorageError::Simulated { path: path.clone(), found }),
        (Whose::Real, None) | (Whose::Any, _) => Ok(()),
    };
    let (mut conn, found, state) = match connect_checked(&path, schema)? {
        Checked::Sound { conn, found, state } => {
            // Before anything in it is changed. A ledger that cannot be asked is looked at later.
            if whose == Whose::Real && found == Found::Present {
                refuse(simulated::told_by_ledger(&conn).ok().flatten())?;
            }
            (conn, found, state)
        }
        Checked::Damaged(told) => {
            refuse(told.made)?;
            old_head = told.head;
            replaced = Some(files::move_aside(&path, now_wall_ms)?);
            is_begun = begin(&path);
            let conn = connect(&path).map_err(database("open the history", &path))?;
            (conn, Found::Empty, None)
        }
    };
    if found == Found::Empty && replaced.is_none() {
        // Cut off between moving a damaged one aside and beginning anew: it is not forgotten.
        replaced = files::last_aside(&path);
    }

    if found == Found::Empty && !is_begun {
        conn.execute_batch(AT_CREATION).map_err(database("create the history", &path))?;
    }
    conn.execute_batch(ALWAYS)
        .and_then(|()| conn.execute_batch(FOR_WRITING))
        .map_err(database("open the history", &path))?;
    match found {
        Found::Present => {}
        Found::Empty => {
            let replaced = replaced.as_ref().map(|old| (old.as_path(), old_head));
            create(&mut conn, schema, now_wall_ms, replaced)
                .map_err(database("create the history", &path))?;
        }
        Found::Older(from) => schema.upgrade(&mut conn, &path, from, now_wall_ms)?,
    }
    let finish = || -> rusqlite::Result<()> {
        conn.pragma_update(None, "foreign_keys", true)?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
    };
    finish().map_err(database("open the history", &path))?;
    Ok(Writer { conn, lock, path, state })
}

/// Puts an empty database where there is none: under another name first, so that whatever comes between
/// leaves none or a whole one, which is synced once. Returns whether that was done: where it fails, SQLite
/// fails with a better message.
fn begin(path: &Path) -> bool {
    let part = files::free_name(path, ".part");
    let make = || -> Result<(), Box<dyn std::error::Error>> {
        let file = files::create(&part)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&part, flags)?;
        conn.execute_batch("PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF;")?;
        conn.execute_batch(AT_CREATION)?;
        conn.execute_batch("PRAGMA journal_mode = WAL;")?;
        conn.close().map_err(|(_, error)| error)?;
        file.sync_all()?;
        files::put(&part, path)?;
        Ok(())
    };
    let is_made = make().is_ok();
    if !is_made {
        files::discard(&part);
    }
    is_made
}

/// Creates the schema. Where nothing was before there is nothing to lose: what the log has of it is synced
/// with the first transaction that follows, and a log that was cut off begins an empty database anew.
fn create(
    conn: &mut Connection,
    schema: &Schema,
    now_wall_ms: i64,
    replaced: Option<(&Path, Option<LedgerHead>)>,
) -> rusqlite::Result<()> {
    if replaced.is_none() {
        conn.execute_batch("PRAGMA synchronous = OFF;")?;
    }
    schema.create(conn, now_wall_ms, replaced)?;
    conn.execute_batch("PRAGMA synchronous = FULL;")
}

/// A connection to a file, after a check of all of it.
enum Checked {
    Sound {
        conn: Connection,
        found: Found,
        /// What it holds, if it is of the present version.
        state: Option<Box<State>>,
    },
    Damaged(Told),
}

/// What could be read of a damaged file.
#[derive(Debug, Default)]
struct Told {
    /// The last row of its ledger.
    head: Option<LedgerHead>,
    /// What made its host, if it was made.
    made: Option<Simulated>,
}

impl Told {
    /// Now, as this connection leaves the log as it is; another one might not.
    fn by(conn: &Connection) -> Self {
        Self { head: last_head(conn), made: simulated::told_by_ledger(conn).ok().flatten() }
    }
}

/// Connects and checks the whole file.
fn connect_checked(path: &Path, schema: &Schema) -> Result<Checked, StorageError> {
    let is_corrupt = |error: &rusqlite::Error| DatabaseFault::of(error) == DatabaseFault::Corrupt;
    let failed = database("open the history", path);
    let conn = match connect(path) {
        Ok(conn) => conn,
        Err(error) if is_corrupt(&error) => return Ok(Checked::Damaged(Told::default())),
        Err(error) => return Err(failed(error)),
    };
    let is_small = files::size_bytes(path).unwrap_or(0) <= WHOLE_CHECK_UP_TO_BYTES;
    let check = if is_small { "PRAGMA integrity_check(1)" } else { "PRAGMA quick_check(1)" };
    // Reports the first defect as text, if it does not fail on it.
    match conn.query_row(check, [], |row| Ok(row.get_ref(0)?.as_str()? == "ok")) {
        Ok(true) => {}
        Ok(false) => return Ok(Checked::Damaged(Told::by(&conn))),
        Err(error) if is_corrupt(&error) => return Ok(Checked::Damaged(Told::by(&conn))),
        Err(error) => return Err(failed(error)),
    }
    let found = schema.recognise(&conn, path)?;
    // Only what this version wrote is known so well.
    if schema.version() != SCHEMA.version() || found != Found::Present {
        return Ok(Checked::Sound { conn, found, state: None });
    }
    match sums::sound(&conn) {
        Ok(Some(state)) => Ok(Checked::Sound { conn, found, state: Some(Box::new(state)) }),
        Ok(None) => Ok(Checked::Damaged(Told::by(&conn))),
        Err(error) if is_corrupt(&error) => Ok(Checked::Damaged(Told::by(&conn))),
        Err(error) => Err(failed(error)),
    }
}

/// The last row of the ledger in a damaged file; none if its hash is not that of its line.
fn last_head(conn: &Connection) -> Option<LedgerHead> {
    let (head, is_whole) = ledger::rows::last(conn).ok()??;
    is_whole.then_some(head)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Fails with a better message in SQLite's own attempt to open the file.
    drop(files::create(path));
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    // Until the file is known to be sound and ours, closing it must not write the log back.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(conn)
}

/// Opens the database for reading. `None` if there is no history yet.
pub(crate) fn for_reading(
    dir: &Path,
    schema: &Schema,
) -> Result<Option<(Connection, PathBuf)>, StorageError> {
    let path = files::database_path(dir);
    if !files::is_file(&path)? {
        return Ok(None);
    }
    files::check_readable(&path)?;
    let conn = connect_reader(&path)?;
    match schema.recognise(&conn, &path)? {
        Found::Empty => Ok(None),
        Found::Present => Ok(Some((conn, path))),
        Found::Older(found) => Err(StorageError::Older { path, found, known: schema.version() }),
    }
}

/// Reading in WAL mode needs the `-shm` file, which SQLite cannot make where this user may not
/// write. While an agent runs, and after one was killed, the file is there. After an orderly stop
/// it is not, but neither is a log, so the database alone is complete and can be read as immutable.
pub(crate) fn connect_reader(path: &Path) -> Result<Connection, StorageError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let attempt = |path: &Path, flags| -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(path, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.execute_batch(ALWAYS)?;
        conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(conn)
    };
    let refused = match attempt(path, flags) {
        Ok(conn) => return Ok(conn),
        Err(error) => error,
    };
    let fault = DatabaseFault::of(&refused);
    if !matches!(fault, DatabaseFault::CannotOpen | DatabaseFault::ReadOnly) {
        return Err(database("read the history", path)(refused));
    }
    if files::size_bytes(&files::beside(path, "-wal")).unwrap_or(0) > 0 {
        let why = "its log cannot be read without the -shm file, which this user may not make";
        let source = io::Error::new(io::ErrorKind::PermissionDenied, why);
        return Err(StorageError::NotReadable { path: path.to_owned(), source });
    }
    attempt(&immutable(path), flags | OpenFlags::SQLITE_OPEN_URI)
        .map_err(database("read the history", path))
}

/// Rewrites a sound file of the present version without what it does not use. The caller holds the
/// lock.
pub(crate) fn vacuum(path: &Path, schema: &Schema) -> Result<(), StorageError> {
    let Checked::Sound { conn, found, state: _ } = connect_checked(path, schema)? else {
        let why = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        let source = rusqlite::Error::SqliteFailure(why, None);
        return Err(database("vacuum the history", path)(source));
    };
    match found {
        Found::Present | Found::Empty => {}
        Found::Older(found) => {
            let known = schema.version();
            return Err(StorageError::Older { path: path.to_owned(), found, known });
        }
    }
    let rewrite = || -> rusqlite::Result<()> {
        conn.execute_batch(ALWAYS)?;
        conn.execute_batch(FOR_WRITING)?;
        conn.execute_batch("VACUUM")?;
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map(drop)
    };
    rewrite().map_err(database("vacuum the history", path))
}

/// The URI that opens a file as immutable.
pub(crate) fn immutable(path: &Path) -> PathBuf {
    let mut uri = b"file:".to_vec();
    for byte in path.as_os_str().as_bytes() {
        match byte {
            b'%' | b'?' | b'#' => uri.extend(format!("%{byte:02x}").bytes()),
            _ => uri.push(*byte),
        }
    }
    uri.extend(b"?immutable=1");
    PathBuf::from(OsString::from_vec(uri))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_history_is_readable_as_immutable_wherever_it_lies() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["plain", "50% off?mode=rw#top", "Ünïcode &=+"] {
            let dir = parent.path().join(name);
            drop(for_writing(&dir, 1_234, &SCHEMA).unwrap());
            let uri = immutable(&files::database_path(&dir));
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
            let conn = Connection::open_with_flags(uri, flags).unwrap();
            let begun: i64 =
                conn.query_row("SELECT begun_wall_ms FROM history", [], |row| row.get(0)).unwrap();
            assert_eq!(begun, 1_234, "{name}");
        }
    }
}
