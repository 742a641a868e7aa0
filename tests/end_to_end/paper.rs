//! Reports as PDF, opened by the programs that people open them with: poppler, qpdf and MuPDF.

use crate::harness::{scrubjay, stdout};
use scrubjay_tests::trees;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether a program is there; says so if it is not.
fn has(program: &str, package: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    let is_there = command.status().is_ok();
    if !is_there {
        println!("skipped: {program} is missing (Debian: {package})");
    }
    is_there
}

/// A history of a day.
fn watched(home: &Path) {
    for text in trees::timeline("reboot") {
        std::fs::write(home.join("host.tree"), text).unwrap();
        let mut command = scrubjay(home);
        command.args(["agent", "--once", "--state-dir"]).arg(home.join("state"));
        stdout(command.arg("--root").arg(home.join("host.tree")));
    }
}

/// A command that reports on it.
fn report(home: &Path, words: &[&str]) -> Command {
    let mut command = scrubjay(home);
    command.args(["report", "--from", "2026-03-01", "--to", "2026-03-01", "--draft"]).args(words);
    command.arg("--root").arg(home.join("host.tree")).arg("--state-dir").arg(home.join("state"));
    command
}

/// The report as a file.
fn paper(home: &Path, name: &str) -> (PathBuf, Vec<u8>) {
    let written = report(home, &["--format", "pdf", "--host-name", name]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&written.stderr), "");
    let path = home.join("report.pdf");
    std::fs::write(&path, &written.stdout).unwrap();
    (path, written.stdout)
}

/// What a program says of a file; it must be content with it and say nothing on the side.
fn opened(command: &mut Command) -> String {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    // Debian's MuPDF is built without colour management, and says so of every archival PDF.
    let said: Vec<&str> =
        said.lines().filter(|line| *line != "warning: ICC support is not available").collect();
    // Each page that is read is told of.
    let said: Vec<&&str> = said.iter().filter(|line| !line.starts_with("page ")).collect();
    assert!(done.status.success() && said.is_empty(), "{command:?}: {said:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

#[test]
fn readers_open_it_without_a_warning_and_its_text_is_that_of_the_report() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    watched(home);
    let (path, _) = paper(home, "db-7 主 \u{202e}é");
    if has("qpdf", "qpdf") {
        let told = opened(Command::new("qpdf").arg("--check").arg(&path));
        assert!(told.contains("No syntax or stream encoding errors found"), "{told}");
    }
    if has("mutool", "mupdf-tools") {
        opened(Command::new("mutool").args(["draw", "-r", "30", "-o", "/dev/null"]).arg(&path));
    }
    if !has("pdftoppm", "poppler-utils") || !has("pdftotext", "poppler-utils") {
        return;
    }
    opened(Command::new("pdftoppm").args(["-r", "30", "-png"]).arg(&path).arg(home.join("page")));
    let text = opened(Command::new("pdftotext").args(["-raw"]).arg(&path).arg("-"));
    // What the font lacks is shown by its number, what acts is escaped, all else is itself.
    assert!(text.contains("Patch and memory report on db-7 [U+4E3B] \\u{202e}é"), "{text}");
    let pages = text.matches('\u{c}').count();
    for page in 1..=pages {
        assert!(text.contains(&format!("Page {page} of {pages}")), "{text}");
    }
    let page = std::fs::read_dir(home).unwrap().flatten().map(|entry| entry.file_name());
    let drawn = page.filter(|name| name.to_string_lossy().starts_with("page-")).count();
    assert_eq!(drawn, pages);
    // It says what the other forms say.
    let json = stdout(&mut report(home, &["--format", "json"]));
    let told: serde_json::Value = serde_json::from_str(&json).unwrap();
    let flowing = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = flowing(&text);
    let summary = &told["summary"];
    let mut sentences = vec![&summary["sentence"]];
    for figure in summary["figures"].as_array().unwrap() {
        sentences.extend([&figure["label"], &figure["value"], &figure["note"]]);
    }
    sentences.extend(summary["unknown"].as_array().unwrap());
    for sentence in sentences {
        let sentence = sentence.as_str().unwrap();
        assert!(text.contains(&flowing(sentence)), "{sentence} is not in {text}");
    }
}

#[test]
fn the_same_history_gives_the_same_bytes_and_the_directory_has_them() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    watched(home);
    let (_, first) = paper(home, "db-7");
    let (_, second) = paper(home, "db-7");
    assert!(first == second, "two reports on the same differ");
    let dir = home.join("out");
    let to = ["--host-name", "db-7", "--output", dir.to_str().unwrap()];
    assert!(report(home, &to).stderr(Stdio::null()).status().unwrap().success());
    assert!(std::fs::read(dir.join("report.pdf")).unwrap() == first);
}
