//! Trees that are others now than when the rules were made.
//!
//! A rule is for the folder that was there. One that is put in its place (`rpm --rebuilddb` makes
//! /var/lib/rpm anew), a file system that is mounted on it, and one that did not exist are none of its, and
//! stay closed until the agent is started again. To whoever asks without being bound (`scrubjay doctor`)
//! they are open, so that only the agent can say why.

use super::Rules;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Device and inode; `None` where there is nothing.
type Identity = Option<(u64, u64)>;

/// The trees of rules, as they were.
#[derive(Debug)]
pub(crate) struct Trees {
    root: PathBuf,
    were: Vec<(PathBuf, Identity)>,
}

impl Trees {
    /// Those of the rules that are about to be made, for a host below `root`.
    pub(crate) fn of(root: &Path, rules: &Rules) -> Self {
        let trees = rules.read.iter().chain(&rules.write);
        let were = trees.map(|tree| (tree.clone(), identity(tree))).collect();
        Self { root: root.to_owned(), were }
    }

    /// The trees of files that were refused, named from the root, if they are others now. Each is told
    /// once, and again when it is yet another.
    pub(crate) fn replaced<'a>(&mut self, refused: impl Iterator<Item = &'a str>) -> Vec<PathBuf> {
        let mut replaced = Vec::new();
        for path in refused.map(|path| self.root.join(path)).collect::<Vec<_>>() {
            for (tree, was) in self.were.iter_mut().filter(|(tree, _)| path.starts_with(tree)) {
                let is = identity(tree);
                if is.is_some() && is != *was {
                    *was = is;
                    replaced.push(tree.clone());
                }
            }
        }
        replaced
    }
}

fn identity(path: &Path) -> Identity {
    let found = std::fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_was_replaced_or_came_later_is_told_once() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name);
        for name in ["rpm", "dpkg"] {
            std::fs::create_dir(folder(name)).unwrap();
        }
        let read = ["rpm", "dpkg", "kpatch"].map(folder).to_vec();
        let rules = Rules { read, ..Rules::default() };
        let mut trees = Trees::of(root.path(), &rules);
        let refused = ["rpm/a", "rpm/b", "dpkg/status", "kpatch/x", "elsewhere"];
        let mut told = || trees.replaced(refused.into_iter());
        // What is refused for another reason is none of ours.
        assert_eq!(told(), [""; 0].map(folder));
        std::fs::create_dir(folder("new")).unwrap();
        std::fs::rename(folder("rpm"), folder("old")).unwrap();
        std::fs::rename(folder("new"), folder("rpm")).unwrap();
        std::fs::create_dir(folder("kpatch")).unwrap();
        assert_eq!(told(), ["rpm", "kpatch"].map(folder));
        assert_eq!(told(), [""; 0].map(folder));
        std::fs::rename(folder("rpm"), folder("new")).unwrap();
        std::fs::rename(folder("old"), folder("rpm")).unwrap();
        assert_eq!(told(), ["rpm"].map(folder));
    }
}
