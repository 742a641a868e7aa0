//! Altered, removed, swapped and cut: what is found, and at which row.

use super::super::chain::link;
use super::super::fact::{Fact, Kind};
use super::*;
use proptest::prelude::*;
use scrubjay_model::{BootId, Stamp};
use std::time::Duration;

/// A row as somebody may have left it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    seq: i64,
    wall_ms: i64,
    kind: Vec<u8>,
    line: Vec<u8>,
    hash: Vec<u8>,
}

impl Row {
    fn stored(&self) -> StoredRow<'_> {
        let Self { seq, wall_ms, kind, line, hash } = self;
        StoredRow { seq: *seq, wall_ms: *wall_ms, kind, line, hash }
    }

    fn bits(&self) -> usize {
        2 * 64 + 8 * (self.kind.len() + self.line.len() + self.hash.len())
    }

    /// Turns one bit over, counted over all columns.
    fn flip(&mut self, bit: usize) {
        let Some(bit) = bit.checked_sub(64) else { return self.seq ^= 1 << bit };
        let Some(mut bit) = bit.checked_sub(64) else { return self.wall_ms ^= 1 << bit };
        for column in [&mut self.kind, &mut self.line, &mut self.hash] {
            match bit.checked_sub(8 * column.len()) {
                Some(further) => bit = further,
                None => return column[bit / 8] ^= 1 << (bit % 8),
            }
        }
        panic!("no such bit");
    }
}

fn fact(n: u64, text: &str) -> Fact {
    let at = Stamp {
        boot: BootId::unknown(),
        since_boot: (!n.is_multiple_of(3)).then(|| Duration::from_secs(n)),
        awake: None,
        wall_ms: 1_700_000_000_000 + i64::try_from(n).unwrap(),
    };
    let kind = Kind::ALL[usize::try_from(n).unwrap() % Kind::ALL.len()];
    Fact::new(&at, kind, [("n", n.into()), ("text", text.into())])
}

fn rows(facts: &[Fact]) -> Vec<Row> {
    let mut last = None;
    let mut row = |fact| {
        let link = link(last, fact).unwrap();
        last = Some(link.head);
        Row {
            seq: i64::try_from(link.head.seq).unwrap(),
            wall_ms: link.wall_ms,
            kind: link.kind.into(),
            line: link.line.into(),
            hash: link.head.hash.0.into(),
        }
    };
    facts.iter().map(&mut row).collect()
}

fn numbered(count: u64) -> Vec<Row> {
    rows(&(0..count).map(|n| fact(n, "é \" \u{1}")).collect::<Vec<_>>())
}

/// Looks at rows in the order in which the database gives them.
fn verify(rows: &[Row], held: &[LedgerHead]) -> LedgerReport {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| row.seq);
    let mut verifier = Verifier::new(held);
    rows.into_iter().for_each(|row| verifier.look(row.stored()));
    verifier.finish(&Sums::new())
}

/// The head at a row.
fn head(row: &Row) -> LedgerHead {
    let hash = Digest(row.hash.as_slice().try_into().unwrap());
    LedgerHead { seq: row.seq.unsigned_abs(), hash }
}

#[track_caller]
fn check(rows: &[Row], held: &[LedgerHead], expect: &[(u64, LedgerFaultKind)]) {
    let report = verify(rows, held);
    let found: Vec<_> = report.faults.iter().map(|fault| (fault.seq, fault.kind)).collect();
    assert_eq!(found, expect, "{report:?}");
}

use LedgerFaultKind::{Altered, Removed, Reordered, Rewritten, Unlinked};

#[test]
fn a_ledger_as_it_was_written_is_intact_and_confirms_copies_of_any_row() {
    let rows = numbered(5);
    let held: Vec<LedgerHead> = rows.iter().map(head).collect();
    let report = verify(&rows, &held);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.rows, report.head), (5, held.last().copied()));
    assert_eq!(report.confirmed, held);
}

#[test]
fn the_row_at_fault_is_named() {
    let rows = numbered(5);
    let mut altered = rows.clone();
    altered[2].line[20] ^= 1;
    assert!(verify(&altered, &[]).faults.iter().all(|fault| fault.seq == 3));
    // With a hash that fits, the row after it tells.
    altered = rows.clone();
    let text = String::from_utf8(altered[2].line.clone()).unwrap();
    altered[2].line = text.replace("\"n\":2", "\"n\":9").into();
    altered[2].hash = digest(&altered[2].line).0.into();
    check(&altered, &[], &[(4, Unlinked)]);
    let mut removed = rows.clone();
    removed.remove(2);
    check(&removed, &[], &[(3, Removed)]);
    // The last one with a hash that fits: nothing but a copy tells.
    altered = rows.clone();
    altered[4].line = b"{\"kind\":\"history\",\"prev\":\"\",\"seq\":5,\"wall_ms\":0}".into();
    check(&altered[4..], &[], &[(1, Removed), (5, Altered), (5, Altered)]);
}

#[test]
fn rows_that_changed_places_are_told_however_far_they_were_put_right() {
    let rows = numbered(5);
    let mut swapped = rows.clone();
    swapped.swap(1, 3);
    (swapped[1].seq, swapped[3].seq) = (2, 4);
    let faults: Vec<_> = verify(&swapped, &[]).faults.iter().map(|f| (f.seq, f.kind)).collect();
    assert!(faults.contains(&(2, Reordered)) && faults.contains(&(4, Reordered)), "{faults:?}");
    // Two rows made anew in the other order, each with the number and the hash of its place.
    let mut facts: Vec<Fact> = (0..5).map(|n| fact(n, "é \" \u{1}")).collect();
    facts.swap(1, 3);
    let mut anew = self::rows(&facts);
    anew[4] = rows[4].clone();
    check(&anew, &[], &[(5, Unlinked)]);
}

#[test]
fn a_ledger_cut_short_or_made_anew_is_told_by_a_copy_alone() {
    let rows = numbered(5);
    let last = head(&rows[4]);
    check(&rows[..4], &[], &[]);
    check(&rows[..4], &[last], &[(5, Removed)]);
    check(&[], &[], &[(1, Removed)]);
    check(&rows[1..], &[], &[(1, Removed)]);
    let other: Vec<Fact> = (0..6).map(|n| fact(n, "another story")).collect();
    let anew = self::rows(&other);
    check(&anew, &[], &[]);
    check(&anew, &[last], &[(5, Rewritten)]);
    check(&anew, &[head(&anew[4])], &[]);
}

#[test]
fn every_single_bit_of_a_ledger_matters() {
    let rows = numbered(4);
    for (n, row) in rows.iter().enumerate() {
        for bit in 0..row.bits() {
            let mut changed = rows.clone();
            changed[n].flip(bit);
            assert!(!verify(&changed, &[]).is_intact(), "row {n}, bit {bit}");
        }
    }
}

#[test]
fn a_long_list_of_faults_is_cut_and_counted() {
    let mut rows = numbered(300);
    rows.iter_mut().for_each(|row| row.wall_ms += 1);
    let report = verify(&rows, &[]);
    assert_eq!((report.faults.len(), report.more_faults), (MOST_FAULTS, 200));
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec((0_u64..1_000_000, any::<String>()), 2..30).prop_map(|facts| {
        let facts: Vec<Fact> = facts.iter().map(|(n, text)| fact(*n, text)).collect();
        rows(&facts)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_intact(rows in any_rows()) {
        let held: Vec<LedgerHead> = rows.iter().map(head).collect();
        prop_assert!(verify(&rows, &held).is_intact());
    }

    #[test]
    fn no_change_of_a_bit_goes_unseen(
        rows in any_rows(),
        row in any::<prop::sample::Index>(),
        bit in any::<prop::sample::Index>(),
    ) {
        let mut changed = rows;
        let row = row.index(changed.len());
        let bit = bit.index(changed[row].bits());
        changed[row].flip(bit);
        prop_assert!(!verify(&changed, &[]).is_intact());
    }

    #[test]
    fn no_row_goes_missing_or_changes_its_place_unseen(
        rows in any_rows(),
        one in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        renumber in any::<bool>(),
    ) {
        let (one, other) = (one.index(rows.len()), other.index(rows.len()));
        let last = head(rows.last().unwrap());
        let mut removed = rows.clone();
        removed.remove(one);
        if renumber {
            (1..).zip(&mut removed).for_each(|(seq, row)| row.seq = seq);
        }
        prop_assert!(!verify(&removed, &[last]).is_intact());
        // Without a copy the removal of the last row is not seen, that of any other is.
        prop_assert_eq!(verify(&removed, &[]).is_intact(), one == rows.len() - 1);
        if one != other {
            let mut swapped = rows;
            swapped.swap(one, other);
            let (a, b) = (swapped[one].seq, swapped[other].seq);
            (swapped[one].seq, swapped[other].seq) = (b, a);
            prop_assert!(!verify(&swapped, &[]).is_intact());
        }
    }

    #[test]
    fn a_ledger_cut_short_is_seen_by_whoever_holds_a_later_row(
        rows in any_rows(),
        keep in any::<prop::sample::Index>(),
        held in any::<prop::sample::Index>(),
    ) {
        let (keep, held) = (keep.index(rows.len()), held.index(rows.len()));
        let report = verify(&rows[..keep], &[head(&rows[held])]);
        prop_assert_eq!(report.is_intact(), keep > 0 && held < keep);
    }
}
