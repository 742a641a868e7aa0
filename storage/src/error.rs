//! Failures of the history, each with its place and what to do about it.

use rusqlite::ErrorCode;
use scrubjay_model::Simulated;
use std::io;
use std::path::{Path, PathBuf};

/// Why the history could not be opened, read or written.
///
/// Messages fit after "failed to"; the cause is in `source` and not repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// The state directory, or the place of the history in it, could not be made or used.
    #[error(
        "use {path} to keep the state; give this user access to it, or choose another place with \
         --state-dir",
        path = path.display()
    )]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// Another agent writes to the same directory.
    #[error(
        "lock {path}: another scrubjay agent holds it; stop that one, or give this one its own \
         --state-dir",
        path = path.display()
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// A corrupt file could not be moved out of the way.
    #[error(
        "move the corrupt history {path} aside; move it by hand, then start the agent again",
        path = path.display()
    )]
    MoveAside {
        /// The file.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The file was written by a newer version. It is left untouched.
    #[error(
        "open the history {path}: its schema is version {found}, and this scrubjay knows versions \
         up to {known}; install the newer scrubjay again, or choose another --state-dir",
        path = path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The latest version known here.
        known: u32,
    },
    /// The file was written by an older version, and a reader may not upgrade it.
    #[error(
        "read the history {path}: its schema is version {found}, older than {known}; start the \
         agent once, which upgrades it",
        path = path.display()
    )]
    Older {
        /// The database.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The version expected here.
        known: u32,
    },
    /// The file is a database, but of another program. It is left untouched.
    #[error(
        "open the history {path}: it is the database of another program; move it away, or choose \
         another --state-dir",
        path = path.display()
    )]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The history is of a host that was made, and is to be gone on with as of another one.
    #[error(
        "use the history {path}: it is of a simulated host ({found}); choose another --state-dir, or \
         look at it with --root naming that host",
        path = path.display()
    )]
    Simulated {
        /// The database.
        path: PathBuf,
        /// What made the host.
        found: Simulated,
    },
    /// The history is of a real host, and is to be gone on with as of one that was made.
    #[error(
        "use the history {path}: it is of a real host; choose an empty --state-dir for a simulated one",
        path = path.display()
    )]
    Real {
        /// The database.
        path: PathBuf,
    },
    /// This user may not read the history.
    #[error(
        "read the history {path} as this user; run as root, or join the group that owns the file",
        path = path.display()
    )]
    NotReadable {
        /// The database.
        path: PathBuf,
        /// What the system answered.
        #[source]
        source: io::Error,
    },
    /// The copy made before an upgrade failed, so the upgrade was not begun.
    #[error(
        "copy the history to {path} before upgrading it; make room there, then start the agent again",
        path = path.display()
    )]
    Backup {
        /// The copy.
        path: PathBuf,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A copy for somebody who asked for one failed.
    #[error(
        "copy the history to {path}; name a new file in a directory with room that this user may \
         write to",
        path = path.display()
    )]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What failed.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A copy was asked for under a name that is taken.
    #[error("copy the history to {path}, which is there already; name another file", path = path.display())]
    Taken {
        /// What is there.
        path: PathBuf,
    },
    /// The history cannot be copied as a whole.
    #[error(
        "copy the history {path}, which is damaged: scrubjay db check says where, and the agent salvages \
         what is left at its next start",
        path = path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite answered.
        #[source]
        source: rusqlite::Error,
    },
    /// SQLite failed.
    #[error("{doing} {path}; {}", fault.remedy(), path = path.display())]
    Database {
        /// What was being done, in words before the path.
        doing: &'static str,
        /// The database.
        path: PathBuf,
        /// The kind of failure.
        fault: DatabaseFault,
        /// What SQLite answered.
        #[source]
        source: rusqlite::Error,
    },
    /// There is no file at present to write to.
    #[error(
        "write the history {path}: it is kept in memory until the file can be used",
        path = path.display()
    )]
    InMemory {
        /// The database.
        path: PathBuf,
    },
    /// `append` was called without `begin_run`.
    #[error("append to the history before a run was begun; this is a defect, please report it")]
    NoRun,
}

impl StorageError {
    /// Whether only the disk, its mount or a permission is in the way: the agent then goes on from
    /// memory and tries again. What is not is another agent, another program's or a newer file, and
    /// a place that can never hold one; those want a decision by whoever started the agent.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Directory { source, .. } => !matches!(
                source.kind(),
                io::ErrorKind::NotADirectory
                    | io::ErrorKind::IsADirectory
                    | io::ErrorKind::AlreadyExists
                    | io::ErrorKind::InvalidInput
                    | io::ErrorKind::Other
            ),
            Self::MoveAside { .. } | Self::NotReadable { .. } | Self::Backup { .. } => true,
            Self::Database { fault, .. } => *fault != DatabaseFault::Other,
            Self::InUse { .. }
            | Self::Newer { .. }
            | Self::Older { .. }
            | Self::Foreign { .. }
            | Self::Simulated { .. }
            | Self::Real { .. }
            | Self::Copy { .. }
            | Self::Taken { .. }
            | Self::Damaged { .. }
            | Self::InMemory { .. }
            | Self::NoRun => false,
        }
    }
}

/// The kinds of failure of the database that call for different remedies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DatabaseFault {
    /// No space left, or a quota or limit was reached.
    Full,
    /// The file or its file system is read-only.
    ReadOnly,
    /// Another program holds a lock.
    Busy,
    /// The content is damaged.
    Corrupt,
    /// Reading or writing the disk failed.
    Io,
    /// A file could not be opened or made.
    CannotOpen,
    /// Anything else.
    Other,
}

impl DatabaseFault {
    fn remedy(self) -> &'static str {
        match self {
            Self::Full => {
                "free some space there; until then changes wait in memory and none is counted twice"
            }
            Self::ReadOnly => "make it and its directory writable for the agent's user",
            Self::Busy => "close the other program that holds it, such as a database shell",
            Self::Corrupt => {
                "the agent moves the damaged file aside, and begins a new one with what can be had of \
                 it; if this stays, restart it"
            }
            Self::Io => "check the disk and the kernel log; the agent tries again at every pass",
            Self::CannotOpen => "check that it and its directory belong to the agent's user",
            Self::Other => "this is unexpected, please report it",
        }
    }

    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        const FAULTS: [(ErrorCode, DatabaseFault); 8] = [
            (ErrorCode::DiskFull, DatabaseFault::Full),
            (ErrorCode::ReadOnly, DatabaseFault::ReadOnly),
            (ErrorCode::DatabaseBusy, DatabaseFault::Busy),
            (ErrorCode::DatabaseLocked, DatabaseFault::Busy),
            (ErrorCode::DatabaseCorrupt, DatabaseFault::Corrupt),
            (ErrorCode::NotADatabase, DatabaseFault::Corrupt),
            (ErrorCode::SystemIoFailure, DatabaseFault::Io),
            (ErrorCode::CannotOpen, DatabaseFault::CannotOpen),
        ];
        let code = error.sqlite_error_code();
        FAULTS
            .into_iter()
            .find_map(|(known, fault)| (code == Some(known)).then_some(fault))
            .unwrap_or(Self::Other)
    }
}

/// Attaches the place to an error of SQLite, for use with `map_err`.
pub(crate) fn database(
    doing: &'static str,
    path: &Path,
) -> impl FnOnce(rusqlite::Error) -> StorageError {
    move |source| StorageError::Database {
        doing,
        path: path.to_owned(),
        fault: DatabaseFault::of(&source),
        source,
    }
}

/// The message with all its causes on one line.
pub(crate) fn chain(error: &StorageError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
