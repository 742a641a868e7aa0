//! Looks into Rust files: which of them, and which of their lines, become part of the product. Text
//! search, not parsing: enough for rules that hold or fail on whole lines.

use crate::repository::{File, rust_files};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// The lines of a Rust file that are built into the product: everything before its tests. A module
/// that is declared for tests only does not end them, as it stands in a file of its own.
pub(crate) fn code(file: &File) -> Vec<(usize, &str)> {
    let lines: Vec<(usize, &str)> = file.lines().collect();
    let mut code = Vec::new();
    let mut skip_next = false;
    for (index, (number, line)) in lines.iter().enumerate() {
        if skip_next {
            skip_next = false;
            continue;
        }
        if line.trim() == "#[cfg(test)]" {
            if test_module(lines.get(index + 1).map_or("", |(_, next)| next)).is_none() {
                break;
            }
            skip_next = true;
            continue;
        }
        code.push((*number, *line));
    }
    code
}

/// `name` of a line `mod name;`.
fn test_module(line: &str) -> Option<&str> {
    line.trim().trim_start_matches("pub(crate) ").strip_prefix("mod ")?.strip_suffix(';')
}

/// Rust files of the product: outside `tests/`, and not a module that exists in tests only.
pub(crate) fn product() -> Vec<File> {
    let files = rust_files();
    let mut test_only: BTreeSet<PathBuf> = BTreeSet::new();
    for file in &files {
        let lines: Vec<&str> = file.text.lines().collect();
        for pair in lines.windows(2) {
            let [attribute, module] = pair else { continue };
            if attribute.trim() != "#[cfg(test)]" {
                continue;
            }
            let Some(name) = test_module(module) else { continue };
            let directory = file.path.parent().unwrap();
            let stem = file.path.file_stem().unwrap().to_str().unwrap();
            let home = match stem {
                "lib" | "main" | "mod" => directory.to_owned(),
                _ => directory.join(stem),
            };
            test_only.insert(home.join(format!("{name}.rs")));
            test_only.insert(home.join(name));
        }
    }
    let in_product = |file: &File| {
        !file.path.starts_with("tests") && !file.path.ancestors().any(|a| test_only.contains(a))
    };
    files.into_iter().filter(in_product).collect()
}
