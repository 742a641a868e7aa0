//! A file that stays open and is read by position: a database, of which only some pages are wanted,
//! and which must be the same file from the first page to the last.

use super::{Backend, Failure, HostRoot, Piece, captured, dir};
use crate::tree::Tree;
use std::fmt;
use std::os::fd::OwnedFd;

/// An open file of the host.
pub(crate) struct OpenFile<'h> {
    inner: Inner<'h>,
}

enum Inner<'h> {
    Fd(OwnedFd),
    Captured(&'h Tree, String),
    #[cfg(test)]
    Changing(&'h (dyn Fn() -> Tree + Send + Sync), String),
}

/// What tells whether a file was written or replaced. Nothing in it is a time to reckon with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenStamp {
    /// Its length, bytes.
    pub(crate) length: u64,
    /// Which file it is: device and inode. A captured file has none.
    identity: Option<(u64, u64)>,
    /// When it was written and changed last, seconds and nanoseconds as the filesystem has them.
    written: Option<[(i64, u64); 2]>,
}

impl OpenStamp {
    /// Whether both are of one file, written since or not.
    pub(crate) fn same_file(&self, other: &Self) -> bool {
        self.identity == other.identity
    }
}

impl fmt::Debug for OpenFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFile").finish_non_exhaustive()
    }
}

impl HostRoot {
    /// Opens a plain file to read it by position.
    pub(crate) fn open_file(&self, path: &str) -> Result<OpenFile<'_>, Failure> {
        let inner = match &self.backend {
            Backend::Dir(dir) => Inner::Fd(dir.hold(path)?),
            Backend::Tree(tree) => {
                captured::length(tree, path)?;
                Inner::Captured(tree, path.to_owned())
            }
            #[cfg(test)]
            Backend::Changing(now) => {
                captured::length(&now(), path)?;
                Inner::Changing(now, path.to_owned())
            }
        };
        Ok(OpenFile { inner })
    }
}

impl OpenFile<'_> {
    /// A part of the file, as far as the file goes.
    pub(crate) fn piece(&self, piece: Piece) -> Result<Vec<u8>, Failure> {
        match &self.inner {
            Inner::Fd(fd) => dir::read_piece(fd, piece),
            Inner::Captured(tree, path) => captured::piece(tree, path, piece),
            #[cfg(test)]
            Inner::Changing(now, path) => captured::piece(&now(), path, piece),
        }
    }

    /// Which file it is, how long, and when it was written.
    pub(crate) fn stamp(&self) -> Result<OpenStamp, Failure> {
        match &self.inner {
            Inner::Fd(fd) => dir::stamp(fd, |length, identity, written| OpenStamp {
                length,
                identity: Some(identity),
                written: Some(written),
            }),
            Inner::Captured(tree, path) => captured_stamp(tree, path),
            #[cfg(test)]
            Inner::Changing(now, path) => captured_stamp(&now(), path),
        }
    }
}

fn captured_stamp(tree: &Tree, path: &str) -> Result<OpenStamp, Failure> {
    let length = u64::try_from(captured::length(tree, path)?).unwrap_or(u64::MAX);
    Ok(OpenStamp { length, identity: None, written: None })
}
