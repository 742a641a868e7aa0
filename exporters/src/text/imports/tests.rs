//! What was taken in, what was known, and what nobody can tell.

use super::*;
use scrubjay_model::{BootMemory, ErrorMemory, Origin, ParseFault, Reading};

#[test]
fn each_tool_is_accounted_for() {
    let line =
        |memory: BootMemory, taken| ImportLine { memory, taken, cannot_tell: memory.cannot_tell() };
    let taken = ImportTaken {
        paths: vec!["var/log/wtmp.1".to_owned(), "var/log/wtmp".to_owned()],
        told: 12,
        added: 3,
        completed: 1,
        seen_by_agent: 2,
        not_understood: 1,
        first_wall_ms: Some(1_700_000_000_000),
        last_wall_ms: Some(1_790_000_000_000),
    };
    let none = ImportTaken {
        told: 0,
        added: 0,
        completed: 0,
        not_understood: 0,
        first_wall_ms: None,
        last_wall_ms: None,
        ..taken.clone()
    };
    let malformed = Reading::Malformed(
        Origin::new("var/lib/tuptime/tuptime.db"),
        ParseFault::new("a table with boots and times", b"evil\x1b[2J"),
    );
    let lines = [
        line(BootMemory::Wtmp, Reading::Value(taken)),
        line(BootMemory::Wtmpdb, Reading::Value(none)),
        line(BootMemory::Tuptime, malformed),
        line(BootMemory::Uptimed, Reading::Absent(Origin::new("var/spool/uptimed/records"))),
    ];
    let page = imports(&lines, &[], "/var/lib/scrubjay", &Style { colour: false, all: true });
    insta::assert_snapshot!(page, @r#"
    12 boots told, 3 of them new to the history in /var/lib/scrubjay.

    wtmp:
      files        var/log/wtmp.1, var/log/wtmp
      boots        12, from 2023-11-14T22:13:20Z to 2026-09-21T14:13:20Z
      new          3
      completed    1 that were known, and of which more is told now
      known        8
      seen         2 of those in the history were seen by the agent as well
      not read     1 record was not understood
      cannot tell  How long a boot lasted is only known by the wall clock, sleep is
                   not told, and a soft reboot looks like a boot.

    wtmpdb:
      files        var/log/wtmp.1, var/log/wtmp
      boots        none
      new          0
      completed    0 that were known, and of which more is told now
      known        0
      seen         2 of those in the history were seen by the agent as well
      cannot tell  How long a boot lasted is only known by the wall clock, and sleep
                   is not told.

    tuptime:
      nothing taken: malformed: expected a table with boots and times, found
      "evil\u{1b}[2J" (var/lib/tuptime/tuptime.db)

    uptimed:
      nothing taken: not offered (var/spool/uptimed/records)

    "scrubjay history boots" shows them among those the agent saw itself.
    "#);
}

#[test]
fn what_was_left_out_of_recorded_errors_is_told_with_the_reason() {
    let left = |records, what: &str, because| LeftOut {
        what: what.to_owned(),
        records: Some(records),
        because,
    };
    let taken = ErrorsTaken {
        paths: vec!["var/lib/rasdaemon/ras-mc_event.db".to_owned()],
        records: 12,
        errors: 4_711,
        records_added: 1,
        errors_added: 100,
        without_time: 1,
        first_wall_ms: Some(1_700_000_000_000),
        last_wall_ms: Some(1_790_000_000_000),
        left_out: vec![
            left(2, "rows of aer_event", "they are not about memory"),
            left(1, "rows of mc_event", "they lack what tells an error"),
        ],
    };
    let absent = Reading::Absent(Origin::new("var/log/mcelog"));
    let lines = [
        ErrorImportLine { memory: ErrorMemory::Rasdaemon, taken: Reading::Value(taken) },
        ErrorImportLine { memory: ErrorMemory::Mcelog, taken: absent },
    ];
    let page = imports(&[], &lines, "/var/lib/scrubjay", &Style { colour: false, all: true });
    insta::assert_snapshot!(page, @r#"
    4711 errors told, 100 of them new to the history in /var/lib/scrubjay.

    rasdaemon:
      files        var/lib/rasdaemon/ras-mc_event.db
      told         4711 errors in 12 records
      from         2023-11-14T22:13:20Z to 2026-09-21T14:13:20Z
      new          100 errors in 1 record
      no time      1 record tells no time that can be; their errors count
      left out     2 rows of aer_event: they are not about memory
      left out     1 rows of mc_event: they lack what tells an error

    mcelog:
      nothing taken: not offered (var/log/mcelog)

    "scrubjay history imported" shows them. They are kept apart and enter no sum of
    the agent, which may have seen some of them itself.
    "#);
}
