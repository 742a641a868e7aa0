//! What is there: single files and directories, and the names in them.

use super::{NAMES, Reader, index, non_value};
use crate::host::Entry;
use crate::tree::Node;
use scrubjay_model::{Present, Reading};

impl Reader<'_> {
    /// Whether something is there; it need not be readable.
    pub(crate) fn present(&self, path: &str) -> Reading<Present> {
        self.count();
        let found = self.host.exists(path);
        self.record_listed(path, found);
        self.noted(found.map(|()| Present).map_err(|failure| non_value(path, failure, NAMES)))
    }

    /// The indexes `N` of the directories `<prefix>N`, in order. Only the form the kernel writes
    /// counts: no leading zeros, nothing after the digits.
    pub(crate) fn indexed(&self, path: &str, prefix: &str) -> Reading<Vec<u32>> {
        let index_of = |name: &str| index(name.strip_prefix(prefix)?);
        self.list(path, &|name| index_of(name).is_some()).map(|entries| {
            let directories = entries.iter().filter(|entry| entry.is_dir);
            let mut indexes: Vec<u32> =
                directories.filter_map(|entry| index_of(&entry.name)).collect();
            indexes.sort_unstable();
            for index in &indexes {
                self.record_directory(path, &format!("{prefix}{index}"));
            }
            indexes
        })
    }

    /// The names of the plain files in a directory.
    pub(crate) fn files(&self, path: &str) -> Reading<Vec<String>> {
        self.list(path, &|_| true).map(|entries| {
            entries.into_iter().filter(|entry| !entry.is_dir).map(|entry| entry.name).collect()
        })
    }

    /// The names of the plain files in a directory, also for those that are not read.
    pub(crate) fn named_files(&self, path: &str) -> Reading<Vec<String>> {
        self.files(path).map(|names| {
            if let Some(tree) = self.recording {
                for name in &names {
                    let file = Node::File(Vec::new());
                    tree.borrow_mut().insert(format!("{path}/{name}"), file);
                }
            }
            names
        })
    }

    /// The names of the directories in a directory.
    pub(crate) fn directories(&self, path: &str) -> Reading<Vec<String>> {
        self.directories_with(path, &|_| true)
    }

    /// The names of those directories in a directory that are wanted. Only they are captured.
    pub(crate) fn directories_with(
        &self,
        path: &str,
        wants: &dyn Fn(&str) -> bool,
    ) -> Reading<Vec<String>> {
        self.list(path, wants).map(|entries| {
            let names: Vec<String> =
                entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect();
            for name in &names {
                self.record_directory(path, name);
            }
            names
        })
    }

    /// What is in a directory of which only a few files may be wanted; the others, and the
    /// directories below, are not part of a capture.
    pub(crate) fn entries(&self, path: &str) -> Reading<Vec<Entry>> {
        self.list(path, &|_| true)
    }
}
