//! Names that act where they are shown: on a terminal, in a page, in a table, in a line of metrics. They
//! come from whoever may name a DIMM, a live patch or a process, and must be shown as what they are.

use crate::harness::{Agent, output, scrubjay, stdout};
use scrubjay_tests::{directory, trees};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A host on which whatever can be named has such a name. `LURE` is in each.
struct Host {
    home: tempfile::TempDir,
}

const LURE: &str = "lure";

/// Each acts somewhere: a formula, a sequence of a terminal, an element, a label's end, a table's cell, a link,
/// performance data of a plugin, a command in what is to be copied.
const NAMES: [&str; 8] = [
    "=cmd|'/C lure'!A0",
    "\u{1b}[2J\u{1b}]0;lure\u{7}",
    "<script>lure()</script>",
    "\"} 1 lure{a=\"",
    "lure | b | c",
    "[lure](javascript:alert(1))",
    "a|lure=1;2;3",
    "lure$(id)`id`;'\u{202e}\u{200b}",
];

impl Host {
    fn new() -> Self {
        let host = Self { home: tempfile::tempdir().unwrap() };
        let mut tree = trees::host("busy-server");
        let mut names = NAMES.iter().cycle();
        let mut name = |tree: &mut String, path: &str| {
            let name = names.next().unwrap();
            let digits: String =
                name.bytes().chain(*b"\n").map(|byte| format!("{byte:02x}")).collect();
            tree.push_str(&format!("//- hex {path}\n{digits}\n"));
        };
        // More than once, so that each name is in each place in one of the hosts or another.
        for dimm in 0..4 {
            name(&mut tree, &format!("sys/devices/system/edac/mc/mc0/dimm{dimm}/dimm_label"));
            name(&mut tree, &format!("sys/devices/system/edac/mc/mc1/dimm{dimm}/dimm_label"));
        }
        for path in [
            "sys/devices/system/edac/mc/mc0/mc_name",
            "sys/devices/system/edac/mc/mc1/mc_name",
            "sys/class/dmi/id/sys_vendor",
            "sys/class/dmi/id/product_name",
            "sys/class/dmi/id/board_name",
            "sys/class/dmi/id/bios_version",
            "proc/sys/kernel/hostname",
            "proc/sys/kernel/osrelease",
            "proc/sys/kernel/version",
            "run/reboot-required.pkgs",
        ] {
            name(&mut tree, path);
        }
        for task in 3_000..3_008 {
            name(&mut tree, &format!("proc/{task}/comm"));
            name(&mut tree, &format!("proc/{task}/task/{task}/comm"));
            tree.push_str(&format!("//- proc/{task}/task/{task}/patch_state\n0\n"));
            tree.push_str(&format!("//- proc/{task}/stat\n{task} (x) S 1 1 1 0\n"));
        }
        for (number, name) in NAMES.iter().enumerate().filter(|(_, name)| !name.contains('/')) {
            let folder = format!("sys/kernel/livepatch/{name}{number}");
            if !name.contains('\u{1b}') {
                tree.push_str(&format!("//- {folder}/enabled\n1\n//- {folder}/transition\n1\n"));
            }
        }
        directory::show(&host.root(), &tree);
        host
    }

    fn root(&self) -> PathBuf {
        self.home.path().join("root")
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("state")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = scrubjay(self.home.path());
        command.arg("--root").arg(self.root()).arg("--state-dir").arg(self.state()).args(args);
        command
    }

    fn says(&self, args: &[&str]) -> String {
        output(&mut self.command(args)).1
    }

    /// Two passes, so that there is a history, with a change between them.
    fn with_a_past(self) -> Self {
        for count in ["7", "9"] {
            let path = self.root().join("sys/devices/system/edac/mc/mc0/dimm0/dimm_ce_count");
            std::fs::write(path, format!("{count}\n")).unwrap();
            stdout(&mut self.command(&["agent", "--once"]));
        }
        self
    }

    fn report(&self, form: &str) -> Vec<u8> {
        let args = ["report", "--from", "2020-01-01", "--to", "2030-01-01", "--draft", "--format"];
        let made = self.command(&args).arg(form).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        made.stdout
    }
}

/// Nothing in it acts on a terminal.
fn is_inert(text: &str, what: &str) {
    for line in text.lines() {
        assert_eq!(scrubjay_exporters::printable(line), line, "{what}");
    }
    assert!(!text.contains('\r'), "{what}");
}

const PAGES: [&[&str]; 16] = [
    &["status"],
    &["status", "--all"],
    &["doctor"],
    &["explain", "reboot"],
    &["dimms"],
    &["check"],
    &["check", "-v"],
    &["check", "--npd"],
    &["reboot-required"],
    &["events"],
    &["history", "memory"],
    &["history", "boots"],
    &["history", "patches"],
    &["history", "alerts"],
    &["pages", "list"],
    &["ledger", "verify"],
];

#[test]
fn names_that_act_on_a_terminal_are_shown_and_do_nothing() {
    let host = Host::new().with_a_past();
    let mut shown = 0;
    for args in PAGES {
        let (_, page, said) = output(&mut host.command(args));
        is_inert(&page, &format!("{args:?}: {page}"));
        is_inert(&said, &format!("{args:?}: {said}"));
        shown += page.matches(LURE).count();
    }
    assert!(shown > 20, "the names are not shown at all: {shown}");
    for args in [&["check"][..], &["check", "--npd"]] {
        let answer = host.says(args);
        assert!(answer.matches('|').count() <= 1, "data that nobody measured: {answer}");
    }
}

#[test]
fn names_that_act_in_json_are_strings_of_json() {
    let host = Host::new().with_a_past();
    let mut shown = 0;
    for args in PAGES.iter().filter(|args| !args.contains(&"check") && !args.contains(&"--all")) {
        let page = host.says(&[*args, &["--json"]].concat());
        let json: serde_json::Value = serde_json::from_str(&page).unwrap_or_else(|error| {
            panic!("{args:?}: {error}: {page}");
        });
        is_inert(&page, &format!("{args:?}"));
        shown += json.to_string().matches(LURE).count();
    }
    assert!(shown > 20, "the names are not there at all: {shown}");
}

/// Families that we write.
fn is_ours(sample: &str) -> bool {
    sample.starts_with("scrubjay_") || sample.starts_with("process_")
}

/// Every line is a comment or a sample of ours, with quotes that end where they should.
fn is_a_page_of_metrics(page: &str, what: &str) {
    is_inert(page, what);
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        assert!(is_ours(line), "{what}: {line}");
        let (mut quoted, mut escaped, mut after) = (false, false, String::new());
        for c in line.chars() {
            match (quoted, escaped, c) {
                (true, false, '\\') => escaped = true,
                (_, false, '"') => quoted = !quoted,
                (false, _, c) => after.push(c),
                (true, _, _) => escaped = false,
            }
        }
        assert!(!quoted, "{what}: {line}");
        // What is left has one pair of braces, and a number behind it.
        assert!(after.matches('{').count() <= 1, "{what}: {line}");
        let value = after.rsplit(['}', ' ']).next().unwrap();
        assert!(value.parse::<f64>().is_ok(), "{what}: {line}");
    }
}

#[test]
fn names_that_act_in_metrics_stay_in_their_label() {
    let host = Host::new().with_a_past();
    let page = stdout(&mut host.command(&["agent", "--once"]));
    is_a_page_of_metrics(&page, "agent --once");
    assert!(page.matches(LURE).count() > 8, "the names are not there at all");
    let folder = host.home.path().join("textfiles");
    std::fs::create_dir(&folder).unwrap();
    stdout(host.command(&["export", "textfile"]).arg(&folder));
    for (name, text) in files(&folder, "prom") {
        is_a_page_of_metrics(&text, &name);
    }

    let agent = Agent::start(host.home.path(), &host.root());
    agent.metrics_after(1);
    is_a_page_of_metrics(&agent.get("/metrics").2, "/metrics");
    let accept = "Accept: application/openmetrics-text\r\n";
    let page = agent.ask("/metrics", accept).2;
    assert!(page.ends_with("# EOF\n"), "{page}");
    is_a_page_of_metrics(&page, "openmetrics");
}

#[test]
fn names_that_act_in_a_page_are_text_in_it() {
    let host = Host::new().with_a_past();
    let agent = Agent::start(host.home.path(), &host.root());
    agent.metrics_after(1);
    let mut shown = 0;
    for path in ["/", "/memory", "/patches", "/uptime", "/alerts", "/visibility", "/about"] {
        let (status, _, page) = agent.get(path);
        assert_eq!(status, 200, "{path}");
        shown += page.matches(LURE).count();
        is_a_page(&page, path);
    }
    assert!(shown > 8, "the names are not shown at all: {shown}");
    // An address that nobody made up is shown, and is text as well.
    for path in ["/memory/%3Cscript%3Elure()", "/findings/%22%3E%3Cscript%3E", "/%3Cscript%3E"] {
        let (_, head, page) = agent.ask(path, "Accept: text/html\r\n");
        let head = head.to_lowercase();
        if head.contains("content-type: text/html") {
            is_a_page(&page, path);
        } else {
            assert!(head.contains("x-content-type-options: nosniff"), "{path}: {head}");
            is_inert(&page, path);
        }
    }
    is_a_page(&String::from_utf8(host.report("html")).unwrap(), "report");
}

/// No element that a name made.
fn is_a_page(page: &str, what: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"), "{what}");
    let lower = page.to_lowercase();
    assert!(!lower.contains("<script"), "{what}");
    assert!(!lower.contains("href=\"javascript:"), "{what}");
    is_inert(page, what);
}

#[test]
fn names_that_act_in_tables_and_reports_are_cells_and_words() {
    let host = Host::new().with_a_past();
    for history in ["memory", "boots", "patches", "alerts", "pages"] {
        is_a_table(&host.says(&["history", history, "--csv"]), history);
    }
    let folder = host.home.path().join("report");
    let args = ["report", "--from", "2020-01-01", "--to", "2030-01-01", "--draft", "--output"];
    stdout(host.command(&args).arg(&folder));
    for (name, text) in files(&folder, "csv") {
        is_a_table(&text, &name);
    }
    let markdown = String::from_utf8(host.report("markdown")).unwrap();
    is_inert(&markdown, "markdown");
    let mut columns = 0;
    for line in markdown.lines() {
        if !line.starts_with('|') {
            columns = 0;
            continue;
        }
        let bars = line.replace("\\|", "").matches('|').count();
        assert!(columns == 0 || bars == columns, "a name adds a column: {line}");
        columns = bars;
        let links = line.replace("\\]", "");
        assert!(!links.contains("](javascript:"), "a name is a link: {line}");
        assert!(!line.contains("<script"), "a name is an element: {line}");
    }
    let pdf = host.report("pdf");
    assert!(pdf.starts_with(b"%PDF-"));
    for act in [b"/JavaScript".as_slice(), b"/JS", b"/Launch", b"/URI (javascript"] {
        assert!(!pdf.windows(act.len()).any(|part| part == act), "a report on paper acts");
    }
    let words = words_of(&pdf, host.home.path());
    is_inert(&words.unwrap_or_default().replace('\u{c}', "\n"), "pdf");
}

/// The words of a PDF, where there is somebody who reads them.
fn words_of(pdf: &[u8], home: &Path) -> Option<String> {
    let path = home.join("report.pdf");
    std::fs::write(&path, pdf).unwrap();
    let read = Command::new("pdftotext").arg(&path).arg("-").output().ok();
    if read.is_none() {
        println!("skipped: pdftotext is not there to read the words of a PDF");
    }
    Some(String::from_utf8_lossy(&read?.stdout).into_owned())
}

fn files(folder: &Path, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|is| is == extension) {
            let name = path.display().to_string();
            found.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    assert!(!found.is_empty(), "no {extension} in {}", folder.display());
    found
}

/// As many cells in each row, and none that a spreadsheet would reckon with.
fn is_a_table(text: &str, what: &str) {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    for row in reader.records() {
        for cell in row.unwrap_or_else(|error| panic!("{what}: {error}")).iter() {
            let reckons = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
            assert!(!reckons || cell.parse::<f64>().is_ok(), "{what}: {cell}");
            is_inert(cell, what);
        }
    }
}
