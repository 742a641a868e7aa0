//! A directory that is held open while what is in it is read: the kernel then looks for one name instead of
//! the eight of a module's attribute, and openat2(2) need not watch the way.

use super::dir::{Directory, LOOK_DIRECTORY, open_below};
use rustix::fs::OFlags;
use std::cell::OnceCell;
use std::ffi::OsStr;
use std::os::fd::{AsFd as _, OwnedFd};

/// A directory of the host, opened when the first of its entries is.
#[derive(Debug)]
pub(crate) struct Folder {
    path: String,
    /// One that this may be an entry of.
    around: Option<Box<Self>>,
    opened: OnceCell<Option<OwnedFd>>,
}

impl Folder {
    /// A directory by its path, perhaps in another that is open.
    pub(crate) fn new(path: &str, around: Option<Self>) -> Self {
        Self { path: path.to_owned(), around: around.map(Box::new), opened: OnceCell::new() }
    }

    /// The one around it, back.
    pub(crate) fn into_around(self) -> Option<Self> {
        self.around.map(|around| *around)
    }

    /// Opens what a path names, if that is an entry of this directory and no link. `None` says that it is
    /// to be opened in the common way, from the root, which also says what is the matter.
    ///
    /// The directory was found below the root, and a single name that is no link leads no further than
    /// into it. A link may lead anywhere, and is resolved where the root is known.
    pub(super) fn open(&self, root: &Directory, path: &str, flags: OFlags) -> Option<OwnedFd> {
        let name = path.strip_prefix(self.path.as_str())?.strip_prefix('/')?;
        if name.contains('/') || ["", ".", ".."].contains(&name) {
            return None;
        }
        let directory = self.opened.get_or_init(|| {
            let near = self.around.as_ref().and_then(|o| o.open(root, &self.path, LOOK_DIRECTORY));
            near.or_else(|| root.directory(&self.path).ok())
        });
        let flags = flags.union(OFlags::NOFOLLOW);
        open_below(directory.as_ref()?.as_fd(), OsStr::new(name), flags).ok()
    }
}
