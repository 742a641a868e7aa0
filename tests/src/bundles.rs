//! Bundles of many hosts, as `report --output DIR --sign KEY` makes them: each with a report of its own, all
//! forms of it, a ledger, and a signature by `ssh-keygen`.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "makes files of the tests and runs ssh-keygen; a failure is a failed test"
)]

use scrubjay_exporters::report as forms;
use scrubjay_model::{
    AlertBook, BootEnd, BootId, BootLine, BootSource, CoverageRecord, CveId, DebVersion, Digest,
    ErrorsKnown, ExposureRecord, ExposureTurnKind, ExposureTurnRecord, FactRecord, KERNEL_RELATION,
    LedgerHead, LedgerRange, MemoryTraces, PackageVersion, Report, ReportInputs, ReportPeriod,
    assemble_report,
};
use scrubjay_storage::sha256;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
/// 2025-01-01.
const BEGIN: i64 = 1_735_689_600_000;
const DAYS: i64 = 365;
/// Vulnerabilities of a host in a year, and rows of its ledger.
const CVES: u32 = 60;
const ROWS: u64 = 200;
/// Files that one call of ssh-keygen signs.
const BATCH: usize = 250;
/// One host of so many is overdue, or has a bundle that was altered.
const OVERDUE: u32 = 20;
const ALTERED: u32 = 100;

/// What is true of the bundles that were made.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// Bundles in all.
    pub bundles: u32,
    /// Of them, those that somebody altered afterwards.
    pub altered: u32,
    /// Of the others, those of hosts that missed their policy.
    pub outside: u32,
}

/// Makes so many below a directory, in folders of a hundred. `template` is a bundle that the binary made,
/// whose policy and version are taken over; `namespace` and `key` are what they are signed with.
pub fn make(dir: &Path, count: u32, template: &Path, namespace: &str, key: &Path) -> Made {
    let text = fs::read_to_string(template.join("report.json")).expect("a report");
    let template_report: Report = serde_json::from_str(&text).expect("a report");
    let policy = fs::read(template.join("policy.toml")).expect("a policy");
    let ledger = ledger();
    let mut made = Made { bundles: count, ..Made::default() };
    let mut lists = Vec::new();
    for n in 0..count {
        let report = report(n, &template_report, &ledger);
        let bundle = dir.join(format!("rack-{:03}", n / 100)).join(name(n));
        lists.push(write(&bundle, &report, &policy, &ledger.text));
        let is_altered = n % ALTERED == ALTERED / 2;
        made.altered += u32::from(is_altered);
        made.outside += u32::from(n % OVERDUE == 0 && !is_altered);
    }
    for lists in lists.chunks(BATCH) {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-Y", "sign", "-n", namespace, "-f"]).arg(key).args(lists);
        let done = keygen.stdin(Stdio::null()).stderr(Stdio::null()).status().expect("ssh-keygen");
        assert!(done.success(), "ssh-keygen signs");
    }
    for n in (0..count).filter(|n| n % ALTERED == ALTERED / 2) {
        let bundle = dir.join(format!("rack-{:03}", n / 100)).join(name(n));
        fs::write(bundle.join("months.csv"), "nothing happened\n").expect("it can be altered");
    }
    made
}

/// What the host of a number is called.
pub fn name(n: u32) -> String {
    format!("host-{n:05}")
}

struct Ledger {
    text: String,
    range: LedgerRange,
}

/// A chain as long as a quiet year makes it. All hosts have the same, which nobody looks at.
fn ledger() -> Ledger {
    let (mut text, mut prev, mut first) = (String::new(), Digest::NONE, None);
    for seq in 1..=ROWS {
        let at = BEGIN + DAY_MS * i64::try_from(seq).expect("a small number");
        let line = format!(
            "{{\"body\":{{\"counters\":[],\"dimms\":[],\"sums_sha256\":\"{}\"}},\"boot\":\"unknown\",\"kind\":\"checkpoint\",\
             \"prev\":\"{prev}\",\"seq\":{seq},\"since_boot_ms\":null,\"wall_ms\":{at}}}",
            Digest::NONE
        );
        prev = sha256(line.as_bytes());
        first.get_or_insert(LedgerHead { seq, hash: prev });
        writeln!(text, "{{\"hash\":\"{prev}\",\"line\":{line}}}").expect("a text grows");
    }
    let last = Some(LedgerHead { seq: ROWS, hash: prev });
    Ledger { text, range: LedgerRange { first, last, fault: None } }
}

fn report(n: u32, template: &Report, ledger: &Ledger) -> Report {
    let end = BEGIN + DAYS * DAY_MS;
    let exposures: Vec<ExposureRecord> = (0..CVES).map(|cve| exposure(n, cve)).collect();
    let length = Duration::from_millis(u64::try_from(DAYS * DAY_MS).expect("a year"));
    let boot = BootLine {
        boot: None,
        booted_wall_ms: Some(BEGIN - DAY_MS),
        ended_wall_ms: Some(end),
        ran: Some(length + Duration::from_secs(86_400)),
        ran_by: Some(scrubjay_model::LengthBasis::BootClock),
        slept: None,
        kernel_release: Some("6.1.0-40-amd64".to_owned()),
        soft_reboots: 0,
        end: BootEnd::Running,
        cause: None,
        evidence: "seen running".to_owned(),
        sources: BootSource::Agent.into(),
        clock_steps: 0,
    };
    let stretch =
        CoverageRecord { boot: BootId::unknown(), from_wall_ms: BEGIN, to_wall_ms: end, length };
    let fact = FactRecord {
        at_wall_ms: BEGIN,
        boot: BootId::unknown(),
        name: KERNEL_RELATION.to_owned(),
        subject: String::new(),
        value: Some("current".to_owned()),
        state: "ok".to_owned(),
    };
    let traces = MemoryTraces {
        from_wall_ms: BEGIN,
        watches: Vec::new(),
        boots_wall_ms: Vec::new(),
        modules: BTreeMap::new(),
    };
    assemble_report(ReportInputs {
        host_name: Some(&name(n)),
        simulated: None,
        tool_version: &template.tool_version,
        period: ReportPeriod { from_wall_ms: BEGIN, to_wall_ms: end, at_wall_ms: end },
        policy: &template.policy,
        policy_sha256: template.policy_sha256,
        lists: None,
        exposures: &exposures,
        facts: &[fact],
        boot_lines: &[boot],
        boots: &[],
        coverage: &[stretch],
        coverage_days: &[],
        clock_steps: &[],
        errors: ErrorsKnown { traces: &traces, sums: &[], series: &BTreeMap::new(), read: &[] },
        judged: None,
        sources: Vec::new(),
        modules: &[],
        module_turns: &[],
        pages: Vec::new(),
        alert_turns: Vec::new(),
        book: &AlertBook::default(),
        ended_acks: &[],
        ledger: ledger.range.clone(),
    })
}

/// In force within days, but for one of hosts that are overdue.
fn exposure(host: u32, number: u32) -> ExposureRecord {
    let begin = BEGIN + DAY_MS * i64::from(number * 3);
    let is_open = host.is_multiple_of(OVERDUE) && number == 0;
    let closed = ExposureTurnRecord {
        at_wall_ms: begin + DAY_MS * i64::from(2 + (host + number) % 9),
        what: ExposureTurnKind::Closed,
        by: "6.1.192-2".to_owned(),
    };
    ExposureRecord {
        cve: CveId::parse(&format!("CVE-2026-{number:04}")).expect("an identifier"),
        fix_version: PackageVersion::Deb(DebVersion::parse("6.1.192-2").expect("a version")),
        released_unix_s: Some(begin / 1_000),
        installed_unix_s: Some(begin / 1_000 + 86_400),
        first_wall_ms: begin + DAY_MS,
        turns: if is_open { Vec::new() } else { vec![closed] },
        clock_adjusted_ms: None,
    }
}

/// Writes a bundle; returns where its list is.
fn write(bundle: &Path, report: &Report, policy: &[u8], ledger: &str) -> PathBuf {
    fs::create_dir_all(bundle).expect("a directory can be made");
    let json = forms::json(report).expect("a report is JSON");
    let document = forms::document(report, &sha256(json.as_bytes()).to_string());
    let mut parts: BTreeMap<&str, Vec<u8>> = BTreeMap::from([
        ("report.json", json.into_bytes()),
        ("report.md", forms::markdown(&document).into_bytes()),
        ("report.html", forms::html(&document).into_bytes()),
        ("policy.toml", policy.to_vec()),
        ("ledger.jsonl", ledger.as_bytes().to_vec()),
    ]);
    let tables = forms::csv_tables(report).expect("tables");
    parts.extend(tables.into_iter().map(|(name, text)| (name, text.into_bytes())));
    let mut sums = String::new();
    for (name, content) in parts {
        writeln!(sums, "{}  {name}", sha256(&content)).expect("a text grows");
        fs::write(bundle.join(name), content).expect("a part can be written");
    }
    let list = bundle.join("SHA256SUMS");
    fs::write(&list, sums).expect("a list can be written");
    list
}
