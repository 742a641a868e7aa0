//! Golden files: what a person or a scraper reads, kept beside the tests and compared to the
//! letter. `UPDATE_GOLDEN=1` rewrites them; the diff is then reviewed like code.

#![expect(
    clippy::disallowed_methods,
    reason = "makes and reads files of the tests, never the host's"
)]

use std::path::PathBuf;

/// Where the golden files are.
pub fn dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Compares `actual` with the golden file of that name.
///
/// # Panics
/// If they differ, with the first difference; unless the golden files are being rewritten.
pub fn compare(name: &str, actual: &str) {
    let path = dir().join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let folder = path.parent().expect("a file in a folder");
        std::fs::create_dir_all(folder).expect("the folder of golden files can be made");
        std::fs::write(&path, actual).expect("a golden file can be written");
        return;
    }
    let golden = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 makes it", path.display()));
    if golden == actual {
        return;
    }
    let mut lines = (1..).zip(golden.lines().zip(actual.lines()));
    match lines.find(|(_, (golden, actual))| golden != actual) {
        Some((number, (golden, actual))) => {
            panic!("{name}, line {number}\n golden: {golden}\n actual: {actual}")
        }
        None => panic!(
            "{name}: golden has {} lines, actual {}",
            golden.lines().count(),
            actual.lines().count()
        ),
    }
}
