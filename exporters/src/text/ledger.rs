//! `ledger verify`: whether the ledger is what was written.

use super::Style;
use super::page::Page;
use super::words::count;
use scrubjay_model::{LedgerFault, LedgerReport};

/// What came of looking at every row.
pub fn ledger(report: &LedgerReport, style: &Style) -> String {
    let LedgerReport { rows, head, faults, more_faults, confirmed, copies } = report;
    let mut page = Page::new(*style);
    let all = count(*rows, "row", "rows");
    if faults.is_empty() {
        page.sentence(0, &format!("The ledger is intact: {all}, each as its hash says."));
    } else {
        let found = more_faults.saturating_add(u64::try_from(faults.len()).unwrap_or(u64::MAX));
        let found = count(found, "fault", "faults");
        page.sentence(0, &format!("THE LEDGER IS NOT WHAT WAS WRITTEN: {found} in {all}."));
        page.blank();
        for LedgerFault { seq, kind, detail } in faults {
            page.field(2, &format!("row {seq}"), &format!("{}: {detail}", kind.as_str()));
        }
        if *more_faults > 0 {
            page.sentence(2, &format!("and {more_faults} more"));
        }
    }
    page.blank();
    if let Some(head) = head {
        page.verbatim(0, &format!("head: {head}"));
    }
    if *copies == 0 {
        page.sentence(
            0,
            "No copy that somebody else holds was compared, and without one a ledger that was cut \
             short or made anew looks the same. The journal and the metrics have copies: give one \
             with --expect.",
        );
    } else {
        let given = count(*copies, "copy", "copies");
        let agreed = u64::try_from(confirmed.len()).unwrap_or(u64::MAX);
        page.sentence(
            0,
            &if agreed == *copies {
                format!("It agrees with {given} that somebody else holds.")
            } else {
                format!("It agrees with {agreed} of {given} that somebody else holds.")
            },
        );
    }
    page.into_text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{Digest, LedgerFaultKind, LedgerHead};

    fn page(report: &LedgerReport) -> String {
        ledger(report, &Style { colour: false, all: true })
    }

    #[test]
    fn without_a_copy_it_says_what_is_not_known() {
        let head = LedgerHead { seq: 3, hash: Digest([0xab; 32]) };
        let mut report = LedgerReport {
            rows: 3,
            head: Some(head),
            faults: Vec::new(),
            more_faults: 0,
            confirmed: Vec::new(),
            copies: 0,
        };
        let text = page(&report);
        assert!(text.starts_with("The ledger is intact: 3 rows"), "{text}");
        assert!(text.contains(&format!("head: {head}\n")) && text.contains("--expect"), "{text}");
        report.confirmed.push(head);
        report.copies = 1;
        let text = page(&report);
        assert!(text.contains("1 copy") && !text.contains("--expect"), "{text}");
        report.confirmed.clear();
        let text = page(&report);
        assert!(text.contains("agrees with 0 of 1 copy") && !text.contains("--expect"), "{text}");
    }

    #[test]
    fn what_is_wrong_comes_first_with_its_row() {
        let fault = LedgerFault {
            seq: 7,
            kind: LedgerFaultKind::Removed,
            detail: "1 row is missing before row 8".to_owned(),
        };
        let report = LedgerReport {
            rows: 9,
            head: None,
            faults: vec![fault],
            more_faults: 2,
            confirmed: Vec::new(),
            copies: 0,
        };
        let text = page(&report);
        assert!(text.starts_with("THE LEDGER IS NOT WHAT WAS WRITTEN: 3 faults"), "{text}");
        assert!(
            text.contains("row 7") && text.contains("removed: 1 row is missing before row 8"),
            "{text}"
        );
    }
}
