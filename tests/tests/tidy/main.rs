//! Rules about the repository that no lint knows. Each is a test of its own, and names every place
//! that breaks it.
//!
//! The words searched for are put together when the test runs, so that this file does not hold
//! them.

#![expect(
    clippy::disallowed_methods,
    reason = "reads the repository and asks git about it, never the host"
)]

mod markdown;
mod repository;
mod rust;

use markdown::{anchor, headings, link_targets, prose};
use repository::{files, lines_with, normal, repository, rust_files};
use rust::{code, product};
use std::collections::BTreeSet;
use std::path::Path;

/// Most lines of one Rust file outside its tests. A file longer than this is two rooms.
const CODE_LINES: usize = 500;

/// Most lines of any Rust file, its tests included.
const FILE_LINES: usize = 600;

/// The one file that may have such a block: docs/adr/0016-one-crate-with-unsafe-code.md.
const FENCED: &str = "procmap/src/lib.rs";

/// Fails with the rule and every place that breaks it.
fn none(offenders: Vec<String>, rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn every_rust_file_opens_by_saying_what_it_is() {
    let offenders = rust_files()
        .iter()
        .filter(|file| {
            let first = file.text.lines().next().unwrap_or_default();
            first.strip_prefix("//! ").is_none_or(|said| said.trim().len() < 10)
        })
        .map(|file| file.at(1))
        .collect();
    none(offenders, "the first line is a sentence that begins with //!");
}

#[test]
fn no_rust_file_is_longer_than_one_room() {
    let whole = rust_files().into_iter().filter_map(|file| {
        let lines = file.text.lines().count();
        (lines > FILE_LINES).then(|| format!("{}: {lines} lines", file.path.display()))
    });
    let code = product().into_iter().filter_map(|file| {
        let lines = code(&file).len();
        (lines > CODE_LINES).then(|| format!("{}: {lines} outside tests", file.path.display()))
    });
    none(
        whole.chain(code).collect(),
        &format!("a Rust file has at most {FILE_LINES} lines, {CODE_LINES} of them outside tests"),
    );
}

#[test]
fn no_test_is_switched_off() {
    let needle = ["#[", "ignore"].concat();
    let offenders = rust_files().iter().flat_map(|file| lines_with(file, &[&needle])).collect();
    none(offenders, "a test runs or is not there");
}

#[test]
fn nothing_is_left_unfinished() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["X", "XX"].concat(),
        ["HA", "CK"].concat(),
    ];
    let macros = [["to", "do!("].concat(), ["unimpl", "emented!("].concat()];
    let mut offenders = Vec::new();
    for file in files() {
        // Words only: a checksum may hold these letters by chance.
        for (number, line) in file.lines() {
            let mut words = line.split(|c: char| !c.is_alphanumeric());
            let marked = words.any(|word| marks.iter().any(|mark| word == mark));
            if marked || macros.iter().any(|needle| line.contains(needle.as_str())) {
                offenders.push(file.at(number));
            }
        }
    }
    none(offenders, "finish it, or file an issue; a mark in a file helps nobody");
}

#[test]
fn the_product_does_not_panic_on_a_missing_value() {
    let needles = [[".unw", "rap("].concat(), [".exp", "ect("].concat()];
    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
    let mut offenders = Vec::new();
    for file in product() {
        for (number, line) in code(&file) {
            let statement = line.split("//").next().unwrap_or_default();
            if needles.iter().any(|needle| statement.contains(needle)) {
                offenders.push(file.at(number));
            }
        }
    }
    none(offenders, "outside tests a missing value is handled, not assumed away");
}

#[test]
fn no_code_asks_the_compiler_to_look_away() {
    let keyword = ["un", "safe"].concat();
    let needles = [format!("{keyword} {{"), format!("{keyword} fn"), format!("{keyword} impl")];
    let needles: Vec<&str> = needles.iter().map(String::as_str).collect();
    let (fenced, others): (Vec<_>, Vec<_>) =
        rust_files().into_iter().partition(|file| file.path == Path::new(FENCED));
    let offenders = others.iter().flat_map(|file| lines_with(file, &needles)).collect();
    none(offenders, "memory is handled by safe code only");
    let blocks: Vec<String> = fenced.iter().flat_map(|file| lines_with(file, &needles)).collect();
    assert_eq!(blocks.len(), 1, "{FENCED} has exactly one such block: {blocks:?}");
}

#[test]
fn nothing_names_a_registry_host_or_a_path_of_some_machine() {
    let hosts = [
        ["crates", ".io"].concat(),
        ["debian", ".org"].concat(),
        ["pypi", ".org"].concat(),
        ["python", "hosted"].concat(),
        ["npmjs", "."].concat(),
    ];
    let places = [["/wo", "rk/"].concat(), ["/ro", "ot/"].concat(), ["../sha", "red"].concat()];
    let needles: Vec<&str> = hosts.iter().chain(&places).map(String::as_str).collect();
    let offenders = files()
        .iter()
        .filter(|file| file.path.file_name().is_none_or(|name| name != "Cargo.lock"))
        .flat_map(|file| lines_with(file, &needles))
        .collect();
    none(offenders, "a clone works elsewhere too: no registry hosts, no paths of one machine");
}

#[test]
fn lines_end_cleanly() {
    // The kernel does write blanks at the end of lines, so what was captured from it keeps them.
    let exempt = ["tree", "prom", "snap", "bin", "kmsg"];
    let mut offenders = Vec::new();
    for file in files().iter().filter(|file| !file.has_extension(&exempt)) {
        for (number, line) in (1..).zip(file.text.split('\n')) {
            if line.ends_with([' ', '\t', '\r']) {
                offenders.push(file.at(number));
            }
        }
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            offenders.push(format!("{}: no newline at the end", file.path.display()));
        }
    }
    none(offenders, "lines end in a line feed alone, without blanks before it");
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut offenders = Vec::new();
    for file in files().iter().filter(|file| file.has_extension(&["md"])) {
        for (number, line) in prose(&file.text) {
            for target in link_targets(line) {
                let (path, heading) = target.split_once('#').unwrap_or((target, ""));
                let linked = if path.is_empty() {
                    file.path.clone()
                } else {
                    normal(&file.path.parent().unwrap().join(path))
                };
                let there = repository().join(&linked);
                if !there.exists() {
                    offenders.push(format!("{}: {target}", file.at(number)));
                } else if !heading.is_empty() {
                    let text = std::fs::read_to_string(&there).unwrap();
                    if !headings(&text).iter().any(|title| anchor(title) == heading) {
                        offenders.push(format!("{}: {target}, no such heading", file.at(number)));
                    }
                }
            }
        }
    }
    none(offenders, "a relative link names a file, and a heading in it");
}

#[test]
fn the_readme_sets_up_with_exactly_two_commands() {
    let text = std::fs::read_to_string(repository().join("README.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Set-up\n"));
    let section = section.expect("README.md has a section \"## Set-up\"");
    let mut fenced = false;
    let mut commands = Vec::new();
    for line in section.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            commands.push(line);
        }
    }
    assert_eq!(commands, ["cargo run --release -- agent", "tests/run"]);
}

#[test]
fn every_exit_code_is_documented() {
    let source = std::fs::read_to_string(repository().join("src/exit.rs")).unwrap();
    let codes: BTreeSet<u8> = source
        .lines()
        .filter_map(|line| line.rsplit_once("=> ")?.1.trim_end_matches(',').parse().ok())
        .collect();
    assert!(!codes.is_empty(), "src/exit.rs has no arm that ends in \"=> number,\"");
    let document = std::fs::read_to_string(repository().join("docs/exit-codes.md")).unwrap();
    let offenders = codes
        .into_iter()
        .filter(|code| !document.lines().any(|line| line.starts_with(&format!("| {code} |"))))
        .map(|code| code.to_string())
        .collect();
    none(offenders, "docs/exit-codes.md has a row \"| code |\" for each code in src/exit.rs");
}

#[test]
fn decisions_are_numbered_without_gaps() {
    let mut numbers: Vec<usize> = Vec::new();
    let mut offenders = Vec::new();
    for file in files().iter().filter(|file| file.path.starts_with("docs/adr")) {
        let name = file.path.file_name().unwrap().to_str().unwrap();
        if name == "README.md" {
            continue;
        }
        let number = name.split('-').next().filter(|digits| digits.len() == 4);
        match number.and_then(|digits| digits.parse().ok()) {
            Some(number) => {
                numbers.push(number);
                let title = file.text.lines().next().unwrap_or_default();
                if !title.starts_with(&format!("# {number:04} ")) {
                    offenders.push(format!("{}: \"{title}\"", file.at(1)));
                }
            }
            None => offenders.push(file.path.display().to_string()),
        }
    }
    none(offenders, "an ADR is docs/adr/NNNN-words.md and opens with \"# NNNN \"");
    let expected: Vec<usize> = (1..=numbers.len()).collect();
    assert!(numbers.len() >= 6, "only {} decisions are recorded", numbers.len());
    assert_eq!(numbers, expected, "numbers of docs/adr");
}

/// docs/traps.md names tests; one that is renamed or removed must not stay there.
#[test]
fn every_trap_of_the_kernels_interfaces_has_its_tests() {
    every_row_names_tests_that_are_there("docs/traps.md", 15);
}

/// So does docs/attacks.md.
#[test]
fn every_attack_and_fault_has_its_tests() {
    every_row_names_tests_that_are_there("docs/attacks.md", 26);
}

/// The rows of a table are numbered, and the last cell of each names its tests.
fn every_row_names_tests_that_are_there(path: &str, rows: usize) {
    let document = std::fs::read_to_string(repository().join(path)).unwrap();
    let rust = rust_files();
    let is_test = |name: &str| {
        let heading = format!("fn {name}(");
        rust.iter().any(|file| {
            let lines: Vec<&str> = file.text.lines().map(str::trim).collect();
            lines.windows(2).any(|pair| pair[0] == "#[test]" && pair[1].starts_with(&heading))
        })
    };
    let mut offenders = Vec::new();
    let mut numbers = Vec::new();
    for row in document.lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, number, _, _, tests, _] = cells[..] else { continue };
        let Ok(number) = number.parse::<usize>() else { continue };
        numbers.push(number);
        let names: Vec<&str> = tests.split(", ").map(|name| name.trim_matches('`')).collect();
        for name in names {
            if !is_test(name) {
                offenders.push(format!("{number}: {name}"));
            }
        }
    }
    none(offenders, "what a table of tests names is there");
    assert_eq!(numbers, (1..=rows).collect::<Vec<_>>(), "numbers of {path}");
}
