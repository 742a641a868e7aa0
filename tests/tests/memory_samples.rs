//! Real logs of corrected errors, of named DIMMs of SmartMem: the engine classifies them as the
//! science note states. `SCRUBJAY_CORPUS` names the folder that holds them, in
//! `ce-history/smartmem`; they are in a format that python3 with pyarrow reads. Without either
//! nothing is compared.

#![expect(
    clippy::disallowed_methods,
    reason = "runs python over files of a collection, not of a host"
)]

use scrubjay_alerts::memory::{
    Advice, Cell, CountsFrom, DimmState, Hit, LOOSE, MemorySettings, Mode, Neighbours, Observation,
    Parity, STRICT, classify, faulty_lines, whole_history_rule, window_rule,
};
use scrubjay_alerts::statistics::LeakyBucket;
use scrubjay_model::Verdict;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One line for each record, in the order of time: time, rank, device, bank, row, column, parity,
/// page; empty where missing. The parity is valid where bit 0 of the log register says so.
const CONVERT: &str = r#"
import sys
import pyarrow.feather as feather
rows = feather.read_table(sys.argv[1]).to_pylist()
def text(value):
    return "" if value is None or value != value or value == -1 else str(int(value))
rows.sort(key=lambda row: row["LogTime"])
for row in rows:
    bank = row["BankgroupId"] * 4 + row["BankId"]
    valid = int(row["RetryRdErrLog"]) & 1
    parity = row["RetryRdErrLogParity"] if valid else None
    page = row["MciAddr"] // 4096
    cells = [row["LogTime"], row["RankId"], row["deviceID"], bank, row["RowId"], row["ColumnId"], parity, page]
    print(",".join(text(cell) for cell in cells))
"#;

fn samples() -> Option<PathBuf> {
    let Some(corpus) = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from) else {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
        return None;
    };
    let folder = corpus.join("ce-history/smartmem");
    if !folder.is_dir() {
        println!("skipped: no ce-history/smartmem in SCRUBJAY_CORPUS");
        return None;
    }
    let asked = Command::new(python()).args(["-c", "import pyarrow"]).output();
    if !asked.is_ok_and(|output| output.status.success()) {
        println!("skipped: no python3 that imports pyarrow; SCRUBJAY_PYTHON may name one");
        return None;
    }
    Some(folder)
}

fn python() -> std::ffi::OsString {
    std::env::var_os("SCRUBJAY_PYTHON").unwrap_or_else(|| "python3".into())
}

fn hits(folder: &Path, name: &str) -> Vec<Hit> {
    let file = folder.join(format!("{name}.feather"));
    let output = Command::new(python()).args(["-c", CONVERT]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(hit).collect()
}

fn hit(line: &str) -> Hit {
    fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
        if text.is_empty() { None } else { Some(text.parse().ok().unwrap()) }
    }
    let fields: Vec<&str> = line.split(',').collect();
    let [at, rank, device, bank, row, column, parity, page] = fields[..] else {
        panic!("{line}");
    };
    Hit {
        at: at.parse().unwrap(),
        errors: 1,
        cell: Cell {
            rank: number(rank),
            device: number(device),
            bank: number(bank),
            row: number(row),
            column: number(column),
        },
        page: number(page),
        parity: number(parity).map(Parity),
        by_scrub: None,
    }
}

fn state(hits: &[Hit]) -> DimmState {
    let mut state = DimmState::new(CountsFrom::Reports);
    for hit in hits {
        state.observe(&Observation::Reported(*hit));
    }
    state
}

#[test]
fn a_failing_bank_is_a_bank_by_every_rule() {
    let Some(folder) = samples() else { return };
    let hits = hits(&folder, "sn_16171");
    let state = state(&hits);
    let last = hits.last().unwrap().at;
    let spots = state.spots(last);
    let (loose, strict) = (classify(&spots, LOOSE), classify(&spots, STRICT));
    assert_eq!((hits.len(), loose, strict), (64, Mode::Bank, Mode::Bank));
    assert_eq!(window_rule(&hits), Some(Mode::Bank));
    assert_eq!(whole_history_rule(&hits).map(|found| found.mode), Some(Mode::Bank));
    let judgement = state.judge(last, &Neighbours::NONE, &MemorySettings::default());
    let fault = &judgement.faults[0];
    assert_eq!((fault.rows, fault.columns, fault.banks, fault.devices), (9, 29, 1, 1));
    assert!(!fault.is_permanent, "all of it within a day");
    assert!(judgement.risk.with_bits);
    println!("{}", judgement.sentence);
    let (rows, columns) = faulty_lines(&hits);
    assert!(rows >= 2 && columns >= 2, "{rows} rows, {columns} columns");
    // mcelog fires at each tenth error of a day: nothing leaks before a day has passed.
    let mut bucket = LeakyBucket::new(10, 86_400, hits[0].at);
    assert_eq!(hits.iter().filter(|hit| bucket.account(1, hit.at)).count(), 6);
    // Storms, three data lines and beats four apart: even the default costs make it worth a swap.
    assert_eq!((judgement.verdict, judgement.advice), (Verdict::Act, Advice::SwapNow));
}

#[test]
fn cells_that_err_again_are_cells_and_no_reason_to_act() {
    let Some(folder) = samples() else { return };
    // sn_2 is told of twice, by two numbers of channel and rank: still one row and column.
    for (name, records) in [("sn_2", 5), ("sn_23", 3)] {
        let hits = hits(&folder, name);
        let state = state(&hits);
        let last = hits.last().unwrap().at;
        assert_eq!(hits.len(), records);
        assert_eq!(window_rule(&hits), Some(Mode::Cell), "{name}");
        let found = state.judge(last, &Neighbours::NONE, &MemorySettings::default());
        println!("{name}: {}", found.sentence);
        assert_eq!(found.mode, Mode::Cell, "{name}");
        assert_eq!(found.verdict, Verdict::Watch, "{name}: {:#?}", found.reasons);
        assert_eq!(found.advice, Advice::OfflinePage, "{name}: it erred over weeks");
        assert!(found.risk.p7.is_some_and(|p7| p7 < 0.001), "{name}");
    }
}
