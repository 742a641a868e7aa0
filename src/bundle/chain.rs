//! Whether rows of a ledger, as they are exported, are a part of one chain. Pure but for the reading.

use super::files::sum_of;
use scrubjay_model::{Digest, LedgerHead};
use serde::Deserialize;
use std::io::{self, BufRead, Read};

/// Most bytes of a row. Texts in it are cut at a thousand.
const LONGEST: u64 = 1 << 20;

/// What a line says of itself and the row before.
#[derive(Deserialize)]
struct Line {
    seq: u64,
    prev: Digest,
}

/// A chain that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) rows: u64,
    pub(super) first: Option<LedgerHead>,
    pub(super) last: Option<LedgerHead>,
}

/// Why there is none.
#[derive(Debug)]
pub(super) enum Broken {
    Read(io::Error),
    /// With the row by its number, or by its line where it has none.
    At(String),
}

/// Looks at every row.
pub(super) fn look(mut rows: impl BufRead) -> Result<Chain, Broken> {
    let mut chain = Chain { rows: 0, first: None, last: None };
    let mut text = Vec::new();
    loop {
        text.clear();
        let read = rows.by_ref().take(LONGEST).read_until(b'\n', &mut text);
        if read.map_err(Broken::Read)? == 0 {
            return Ok(chain);
        }
        let number = chain.rows.saturating_add(1);
        let bad = |what: String| Broken::At(format!("line {number} is no row: {what}"));
        let row = text.strip_suffix(b"\n").ok_or_else(|| bad("it does not end".to_owned()))?;
        let (hash, line) = parts(row).ok_or_else(|| bad("it has no hash and line".to_owned()))?;
        let told: Line = serde_json::from_slice(line).map_err(|error| bad(error.to_string()))?;
        let at = |what: String| Broken::At(format!("row {}: {what}", told.seq));
        let found = sum_of(line);
        if found != hash {
            return Err(at(format!("its line has the hash {found}, and with it stands {hash}")));
        }
        if let Some(last) = chain.last {
            if told.seq != last.seq.saturating_add(1) {
                return Err(at(format!("it comes after row {}", last.seq)));
            }
            if told.prev != last.hash {
                return Err(at(format!(
                    "it was written after a row with the hash {}, and row {} has {}",
                    told.prev, last.seq, last.hash
                )));
            }
        } else if told.seq == 1 && told.prev != Digest::NONE {
            return Err(at("it is the first, and names one before it".to_owned()));
        }
        let head = LedgerHead { seq: told.seq, hash };
        chain.first.get_or_insert(head);
        chain.last = Some(head);
        chain.rows = number;
    }
}

/// The hash, and the bytes that it is of.
fn parts(row: &[u8]) -> Option<(Digest, &[u8])> {
    let rest = row.strip_prefix(b"{\"hash\":\"")?;
    let (hash, rest) = rest.split_at_checked(64)?;
    let line = rest.strip_prefix(b"\",\"line\":")?.strip_suffix(b"}")?;
    Some((Digest::parse(std::str::from_utf8(hash).ok()?)?, line))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rows(count: u64) -> Vec<String> {
        let mut prev = Digest::NONE;
        (1..=count)
            .map(|seq| {
                let line =
                    format!(r#"{{"body":{{}},"prev":"{prev}","seq":{seq},"wall_ms":{}}}"#, seq * 5);
                prev = sum_of(line.as_bytes());
                format!("{{\"hash\":\"{prev}\",\"line\":{line}}}\n")
            })
            .collect()
    }

    fn told(rows: &[String]) -> String {
        match look(rows.concat().as_bytes()) {
            Ok(chain) => format!("{} rows", chain.rows),
            Err(Broken::At(what)) => what,
            Err(Broken::Read(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn a_part_of_a_chain_holds_and_the_row_that_does_not_is_named() {
        let good = rows(6);
        assert_eq!(told(&good), "6 rows");
        assert_eq!(told(&good[2..]), "4 rows");
        assert_eq!(told(&[]), "0 rows");
        let mut altered = good.clone();
        altered[3] = altered[3].replace("\"wall_ms\":20", "\"wall_ms\":21");
        assert!(told(&altered).starts_with("row 4: its line has the hash "), "{}", told(&altered));
        let mut removed = good.clone();
        removed.remove(3);
        assert_eq!(told(&removed), "row 5: it comes after row 3");
        let mut swapped = good.clone();
        swapped.swap(2, 3);
        assert_eq!(told(&swapped), "row 4: it comes after row 2");
        let mut cut = good.clone();
        cut[5].pop();
        assert_eq!(told(&cut), "line 6 is no row: it does not end");
        // Made anew with its hash: the next one tells.
        let mut anew = good;
        let line = anew[3].split_once("\"line\":").unwrap().1;
        let line =
            line.trim_end().strip_suffix('}').unwrap().replace("wall_ms\":20", "wall_ms\":9");
        anew[3] = format!("{{\"hash\":\"{}\",\"line\":{line}}}\n", sum_of(line.as_bytes()));
        assert!(told(&anew).starts_with("row 5: it was written after a row with the hash"));
    }

    proptest! {
        #[test]
        fn no_changed_byte_is_passed_over(at in 0_usize..600, bit in 0_u8..8) {
            let good = rows(6).concat().into_bytes();
            let mut bad = good.clone();
            let at = at % bad.len();
            bad[at] ^= 1 << bit;
            let (good, bad) = (look(&good[..]).unwrap(), look(&bad[..]));
            // The first and the last one are held against the report besides.
            prop_assert!(bad.map_or(true, |bad| bad != good), "{at}");
        }

        #[test]
        fn no_bytes_are_too_odd_to_look_at(bytes: Vec<u8>) {
            let _ = look(&bytes[..]);
        }
    }
}
