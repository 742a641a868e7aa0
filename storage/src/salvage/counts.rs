//! Tables that only sum up others: what they say is worked out anew from the rows that are left.

use rusqlite::Transaction;

/// How often each text is named, which change of a counter is its newest, and how many reports
/// there were, of which the sum that was kept is taken if it is higher: rows may be gone. A text that is named more often than it is known to be would be deleted under
/// what names it.
pub(super) fn anew(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    tx.execute_batch(
        "DELETE FROM wording_use;
         INSERT INTO wording_use
           SELECT wording.id, COUNT(named.id) FROM wording LEFT JOIN (
             SELECT what AS id FROM event UNION ALL SELECT place FROM event
             UNION ALL SELECT message FROM event UNION ALL SELECT detail FROM event
             UNION ALL SELECT what FROM event_rollup UNION ALL SELECT place FROM event_rollup
             UNION ALL SELECT counter FROM event_rollup
             UNION ALL SELECT what FROM imported_error UNION ALL SELECT place FROM imported_error
             UNION ALL SELECT message FROM imported_error
             UNION ALL SELECT detail FROM imported_error
           ) AS named ON named.id = wording.id GROUP BY wording.id;
         DELETE FROM counter_last;
         INSERT INTO counter_last SELECT series, MAX(snapshot) FROM counter_point GROUP BY series;
         INSERT INTO report_total
           SELECT witness, class, SUM(reports), SUM(errors), SUM(counted) FROM (
             SELECT witness, class, reports, errors, counted FROM event
             UNION ALL SELECT witness, class, reports, errors, counted FROM event_rollup
           ) WHERE TRUE GROUP BY witness, class
           ON CONFLICT (witness, class) DO UPDATE SET
             reports = MAX(reports, excluded.reports), errors = MAX(errors, excluded.errors),
             counted = MAX(counted, excluded.counted);",
    )
}
