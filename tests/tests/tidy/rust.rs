//! Looks into Rust files: which of them, and which of their lines, become part of the product, and
//! which finding codes they raise. Text search, not parsing: enough for rules that hold or fail on
//! whole lines.

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

/// The codes of the findings a piece of source text raises: the first literal in lower case and
/// dashes among the arguments of a call that makes a finding, and what stands after `code:`.
pub(crate) fn finding_codes(source: &str) -> BTreeSet<String> {
    const MAKERS: [&str; 5] = ["finding", "gap", "flagged", "push", "switched"];
    let mut codes = BTreeSet::new();
    for maker in MAKERS {
        for (start, call) in source.match_indices(&format!("{maker}(")) {
            // `gaps.push(` and `other_gap(` are other things.
            let before = source[..start].chars().next_back();
            if before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '.') {
                let arguments = balanced(&source[start + call.len()..]);
                codes.extend(
                    literals(arguments).into_iter().find(|l| is_code(l)).map(str::to_owned),
                );
            }
        }
    }
    for (start, field) in source.match_indices("code: ") {
        let value = source[start + field.len()..].split(',').next().unwrap_or_default();
        codes.extend(literals(value).into_iter().filter(|l| is_code(l)).map(str::to_owned));
    }
    codes
}

fn is_code(literal: &str) -> bool {
    literal.starts_with(|c: char| c.is_ascii_lowercase())
        && literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// What stands before the bracket that closes an open one.
fn balanced(text: &str) -> &str {
    let mut depth = 1_usize;
    let mut quoted = false;
    let mut escaped = false;
    for (index, c) in text.char_indices() {
        if quoted {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match c {
            '"' => quoted = true,
            '(' => depth += 1,
            ')' => {
                depth -= 1;
                if depth == 0 {
                    return &text[..index];
                }
            }
            _ => {}
        }
    }
    text
}

/// The string literals in a piece of source text, as written.
fn literals(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('"') {
        let inside = &rest[open + 1..];
        let mut escaped = false;
        let close = inside.char_indices().find(|(_, c)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        });
        let Some((close, _)) = close else { break };
        found.push(&inside[..close]);
        rest = &inside[close + 1..];
    }
    found
}

#[test]
fn codes_are_recognised_in_source_text() {
    let source = r#"
        gaps.push(gap(Hides::All, "no-core", "the kernel \"has\" (no) core", "load it").on("x"));
        push(Hides::Some, "not-attributed", "text".to_owned(), "more");
        switched(&check.ignore_ce, "ignore_ce", "errors-ignored", "because".to_owned(), "r");
        other.push("not-a-code"); finding(code, verdict, action, because, remedy);
        Finding { code: "by-field", subject: "host".to_owned() }
    "#;
    let found: Vec<String> = finding_codes(source).into_iter().collect();
    assert_eq!(found, ["by-field", "errors-ignored", "no-core", "not-attributed"]);
}
