//! Rows of a ledger that somebody else has put there.

use super::chain::digest;
use super::checkpoint::Sums;
use super::rows::StoredRow;
use super::verify::Verifier;
use serde::Deserialize;

/// What the columns beside a line repeat.
#[derive(Deserialize)]
struct Columns {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    seq: i64,
    #[serde(default)]
    wall_ms: i64,
}

/// Lines of a ledger, each with the columns and the hash that fit it, so that what is within them is
/// reached. Where nothing is wrong, the rows are numbered without a gap, from the first on.
pub fn ledger_rows(bytes: &[u8]) {
    let mut verifier = Verifier::new(&[]);
    let mut numbers = Vec::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let columns = serde_json::from_slice(line).unwrap_or(Columns {
            kind: String::new(),
            seq: 0,
            wall_ms: 0,
        });
        let hash = digest(line);
        let (kind, hash) = (columns.kind.as_bytes(), &hash.0);
        numbers.push(columns.seq);
        verifier.look(StoredRow { seq: columns.seq, wall_ms: columns.wall_ms, kind, line, hash });
    }
    let report = verifier.finish(&Sums::new());
    assert_eq!(report.rows, u64::try_from(numbers.len()).unwrap_or(u64::MAX), "rows looked at");
    assert!(report.faults.len() <= 100, "more faults than are listed");
    if report.is_intact() {
        assert!((1..).zip(&numbers).all(|(wanted, found)| wanted == *found), "a gap is no fault");
    }
}
