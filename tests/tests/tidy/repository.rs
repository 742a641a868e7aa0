//! The files of the repository.

use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// A text file of the repository.
pub(crate) struct File {
    /// Path relative to the repository.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What belongs to the repository: tracked files and new ones that git does not ignore. Without
/// git (an unpacked source archive) everything but the build folder.
fn paths() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(repository())
        .output();
    let mut paths: Vec<PathBuf> = match listed {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8(output.stdout).unwrap();
            text.split_terminator('\0').map(PathBuf::from).collect()
        }
        Ok(_) | Err(_) => {
            let mut found = Vec::new();
            walk(Path::new(""), &mut found);
            found
        }
    };
    // A file that was deleted but not yet staged is still listed.
    paths.retain(|path| repository().join(path).is_file());
    paths.sort();
    paths.dedup();
    assert!(paths.len() > 10, "the repository has only {} files", paths.len());
    paths
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(repository().join(directory)).unwrap() {
        let entry = entry.unwrap();
        let path = directory.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "target" && entry.file_name() != ".git" {
                walk(&path, found);
            }
        } else {
            found.push(path);
        }
    }
}

/// All files that are text.
pub(crate) fn files() -> Vec<File> {
    let read = |path: PathBuf| {
        let bytes = std::fs::read(repository().join(&path)).unwrap();
        String::from_utf8(bytes).ok().map(|text| File { path, text })
    };
    paths().into_iter().filter_map(read).collect()
}

pub(crate) fn rust_files() -> Vec<File> {
    files().into_iter().filter(|file| file.has_extension(&["rs"])).collect()
}

impl File {
    pub(crate) fn has_extension(&self, wanted: &[&str]) -> bool {
        self.path.extension().is_some_and(|ending| wanted.iter().any(|w| ending == *w))
    }

    /// Lines with their numbers.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }

    /// A place in this file, as compilers write it.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// Places of the lines that hold one of the needles.
pub(crate) fn lines_with(file: &File, needles: &[&str]) -> Vec<String> {
    file.lines()
        .filter(|(_, line)| needles.iter().any(|needle| line.contains(needle)))
        .map(|(number, line)| format!("{}: {}", file.at(number), line.trim()))
        .collect()
}

/// A path without `.` and `..`.
pub(crate) fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                out.pop();
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => out.push(component),
        }
    }
    out
}
