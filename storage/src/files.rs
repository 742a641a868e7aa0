//! The files of the state directory: names, modes, the lock, and moving a corrupt database aside.
//!
//! Nothing here deletes. The history is evidence, also when it is damaged.

use crate::StorageError;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const DATABASE: &str = "history.db";
const LOCK: &str = "history.lock";

/// What SQLite keeps beside a database in WAL mode.
const SIDECARS: [&str; 2] = ["-wal", "-shm"];

/// The path of the database in a state directory.
pub(crate) fn database_path(dir: &Path) -> PathBuf {
    dir.join(DATABASE)
}

/// Whether a state directory holds a history, as far as this user can tell.
pub fn has_history(dir: &Path) -> bool {
    database_path(dir).is_file()
}

/// Whether nothing in a state directory, which need not be there, tells of a history that was begun before. A
/// directory that cannot be looked into may hold one.
pub fn is_new(dir: &Path) -> bool {
    let path = database_path(dir);
    let is_missing = |path: &Path| match fs::symlink_metadata(path) {
        Ok(_) => false,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    is_missing(&path) && is_missing(&beside(&path, "-wal")) && last_aside(&path).is_none()
}

/// `path` with `suffix` added to its name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the directory, with its parents, if it is missing.
pub fn create_directory(dir: &Path) -> Result<(), StorageError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o750)
        .create(dir)
        .map_err(|source| StorageError::Directory { path: dir.to_owned(), source })
}

/// Takes the lock that only one writer can hold. It lasts as long as the returned file, and the
/// kernel releases it when the process dies, so that a lock is never stale.
pub(crate) fn lock(dir: &Path) -> Result<File, StorageError> {
    let path = dir.join(LOCK);
    let unusable = |source| StorageError::Directory { path: dir.to_owned(), source };
    let file = create(&path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse { path }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

/// Makes the file, if it is missing, readable for its group. SQLite gives its other files the
/// same mode.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    refuse_link(path)?;
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o640).open(path)
}

/// Whoever may write into the directory could lead us to a file elsewhere. SQLite follows no link to the
/// files beside the database.
fn refuse_link(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Err(io::Error::other(
            "it is a link, which somebody else may have put there: name the directory it leads to instead",
        ));
    }
    Ok(())
}

/// Whether everybody on the host may write into the directory.
pub fn is_open_to_all(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|found| found.mode() & 0o002 != 0)
}

/// Gives a file that is whole the name under which it is looked for, for good.
pub(crate) fn put(part: &Path, path: &Path) -> io::Result<()> {
    fs::rename(part, path)?;
    match path.parent() {
        Some(dir) => OpenOptions::new().read(true).open(dir)?.sync_all(),
        None => Ok(()),
    }
}

/// Removes a copy that we began and that is of no use, with what SQLite left beside it. What cannot
/// be removed stays.
pub(crate) fn discard(copy: &Path) {
    for suffix in ["", "-journal", "-wal", "-shm"] {
        let _ = fs::remove_file(beside(copy, suffix));
    }
}

/// Whether there is a file of that name; an error if it is something else, or cannot be told.
pub(crate) fn is_file(path: &Path) -> Result<bool, StorageError> {
    let unusable = |source| StorageError::Directory { path: path.to_owned(), source };
    refuse_link(path).map_err(unusable)?;
    match fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(true),
        Ok(_) => Err(unusable(io::Error::other("there is something else than a file"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(StorageError::NotReadable { path: path.to_owned(), source: error })
        }
        Err(error) => Err(unusable(error)),
    }
}

/// Fails if this user may not read the file.
pub(crate) fn check_readable(path: &Path) -> Result<(), StorageError> {
    match OpenOptions::new().read(true).open(path) {
        Ok(_) => Ok(()),
        Err(source) => Err(StorageError::NotReadable { path: path.to_owned(), source }),
    }
}

/// Which file is under a path: its device and inode. `None` if there is none, or it cannot be told.
pub(crate) fn place(path: &Path) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// Whether that file is still under its path. What cannot be told is taken to be so.
pub(crate) fn is_in_place(path: &Path, place: Option<(u64, u64)>) -> bool {
    match fs::metadata(path) {
        Ok(found) => place.is_none_or(|place| place == (found.dev(), found.ino())),
        Err(error) => {
            !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        }
    }
}

/// The path with `suffix`, or with a number too if that is taken.
pub(crate) fn free_name(path: &Path, suffix: &str) -> PathBuf {
    let plain = beside(path, suffix);
    let numbered = (1_u32..).map(|n| beside(&plain, &format!("-{n}")));
    let mut names = std::iter::once(plain.clone()).chain(numbered);
    names.find(|candidate| is_free(candidate)).unwrap_or(plain)
}

/// Size of a file in bytes; `None` if it is missing or cannot be told.
pub(crate) fn size_bytes(path: &Path) -> Option<u64> {
    Some(fs::metadata(path).ok()?.len())
}

/// Whether SQLite would take what is there for an empty database and so destroy it: a log whose
/// database is missing or empty, or a file too short to hold the smallest page.
pub(crate) fn is_remnant(path: &Path) -> bool {
    const SMALLEST_PAGE_BYTES: u64 = 512;
    match size_bytes(path).unwrap_or(0) {
        0 => size_bytes(&beside(path, "-wal")).unwrap_or(0) > 0,
        size => size < SMALLEST_PAGE_BYTES,
    }
}

/// Moves a database and what belongs to it to `<name>.corrupt-<wall_ms>`, or to a numbered name if
/// that is taken. Returns the new path of the database.
pub(crate) fn move_aside(path: &Path, wall_ms: i64) -> Result<PathBuf, StorageError> {
    let failed = |source| StorageError::MoveAside { path: path.to_owned(), source };
    let plain = beside(path, &format!(".corrupt-{wall_ms}"));
    let numbered = (1_u32..).map(|n| beside(&plain, &format!("-{n}")));
    let target = std::iter::once(plain.clone())
        .chain(numbered)
        .find(|candidate| is_free(candidate))
        .ok_or_else(|| failed(io::Error::other("no free name")))?;
    // The log goes first: should we be cut off in between, a log must never meet a new database,
    // into which SQLite would replay it.
    let names = SIDECARS.map(|suffix| (beside(path, suffix), beside(&target, suffix)));
    for (from, to) in names.into_iter().chain([(path.to_owned(), target.clone())]) {
        match fs::rename(&from, &to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(target)
}

/// The names of all that were moved aside.
pub(crate) fn all_aside(path: &Path) -> Vec<String> {
    let prefix = format!("{DATABASE}.corrupt-");
    let Some(parent) = path.parent() else { return Vec::new() };
    #[expect(clippy::disallowed_methods, reason = "the state directory is ours")]
    let Ok(entries) = fs::read_dir(parent) else { return Vec::new() };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let is_sidecar = |name: &str| SIDECARS.iter().any(|suffix| name.ends_with(suffix));
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with(&prefix) && !is_sidecar(name)).collect();
    names.sort();
    names
}

/// The damaged database that was moved aside last, if there is one.
pub(crate) fn last_aside(path: &Path) -> Option<PathBuf> {
    let prefix = format!("{DATABASE}.corrupt-");
    let number = |entry: &fs::DirEntry| -> Option<(i64, u32)> {
        let name = entry.file_name().into_string().ok()?;
        let rest = name.strip_prefix(&prefix)?;
        match rest.rsplit_once('-') {
            Some((wall_ms, n)) if !wall_ms.is_empty() => {
                Some((wall_ms.parse().ok()?, n.parse().ok()?))
            }
            Some(_) | None => Some((rest.parse().ok()?, 0)),
        }
    };
    #[expect(clippy::disallowed_methods, reason = "the state directory is ours")]
    let entries = fs::read_dir(path.parent()?).ok()?.flatten();
    entries.filter_map(|entry| Some((number(&entry)?, entry.path()))).max().map(|(_, path)| path)
}

/// The first free name for a copy made before an upgrade from `version`.
pub(crate) fn backup_path(path: &Path, version: u32) -> PathBuf {
    free_name(path, &format!(".v{version}"))
}

/// Whether nothing bears that name, nor one of the names that belong to it.
fn is_free(candidate: &Path) -> bool {
    let taken = |path: &Path| fs::symlink_metadata(path).is_ok();
    !taken(candidate) && !SIDECARS.iter().any(|suffix| taken(&beside(candidate, suffix)))
}
