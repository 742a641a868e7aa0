//! A host tree as a directory of real files, for an agent that watches it change.

#![expect(
    clippy::disallowed_methods,
    reason = "makes and reads files of the tests, never the host's"
)]

use scrubjay_collector::{Node, Tree};
use std::path::Path;

/// Makes the directory show the tree, file by file, each at once. What the tree does not have is
/// removed. Failing attributes become directories, which cannot be read as files either.
///
/// # Panics
/// If the text is no tree or the files cannot be written.
pub fn show(root: &Path, text: &str) {
    let tree = Tree::parse(text).expect("a host tree");
    for (path, node) in tree.nodes() {
        let target = root.join(path);
        match node {
            Node::File(bytes) => replace(&target, bytes),
            Node::Dir | Node::Fails(_) => {
                std::fs::create_dir_all(&target).expect("a directory can be made");
            }
        }
    }
    remove_others(root, root, &tree);
}

/// A reader sees the old content or the new, never a part.
fn replace(target: &Path, bytes: &[u8]) {
    let folder = target.parent().expect("a file below the root");
    std::fs::create_dir_all(folder).expect("a directory can be made");
    let new = folder.join(".new");
    std::fs::write(&new, bytes).expect("a file can be written");
    std::fs::rename(&new, target).expect("a file can be renamed");
}

fn remove_others(root: &Path, dir: &Path, tree: &Tree) {
    for entry in std::fs::read_dir(dir).expect("a directory can be listed") {
        let path = entry.expect("an entry can be read").path();
        let relative = path.strip_prefix(root).expect("below the root");
        if tree.get(&relative.to_string_lossy()).is_none() {
            if path.is_dir() {
                std::fs::remove_dir_all(&path).expect("a directory can be removed");
            } else {
                std::fs::remove_file(&path).expect("a file can be removed");
            }
        } else if path.is_dir() {
            remove_others(root, &path, tree);
        }
    }
}
