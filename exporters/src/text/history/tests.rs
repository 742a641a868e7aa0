//! Tables of the history, and what they say of the time nobody was looking.

use super::*;
use crate::testing::{self, NOW_MS};
use scrubjay_model::{BootId, SeriesKey, Snapshot};

const PLAIN: Style = Style { colour: false, all: false };
const DAY_MS: i64 = 86_400_000;

fn boot_id(n: u32) -> BootId {
    BootId::parse(&format!("{n:08x}-0000-0000-0000-000000000000")).unwrap()
}

fn all_kept() -> Kept<'static> {
    static NOTHING: FoldedRows = FoldedRows {
        rows: BTreeMap::new(),
        single_changes_from_wall_ms: None,
        hours_from_wall_ms: None,
    };
    Kept { is_cut: false, folded: &NOTHING, days: &[] }
}

fn stretch(n: u32, from_day: i64, days: i64) -> CoverageRecord {
    CoverageRecord {
        boot: boot_id(n),
        from_wall_ms: NOW_MS + from_day * DAY_MS,
        to_wall_ms: NOW_MS + (from_day + days) * DAY_MS,
        length: Duration::from_secs(u64::try_from(days).unwrap() * 86_400),
    }
}

fn change(day: i64, place: SeriesPlace, by: u64, total: u64, step: &str) -> MemoryRecord {
    MemoryRecord {
        at_wall_ms: NOW_MS + day * DAY_MS,
        series: SeriesKey {
            controller: ControllerKey::from_stored("skylake-socket-0-imc-0"),
            place,
            class: ErrorClass::Correctable,
        },
        by,
        total,
        step: step.to_owned(),
    }
}

#[test]
fn memory_errors_are_told_with_their_exposure() {
    let dimm = SeriesPlace::Dimm(scrubjay_model::Place::Dimm(1));
    let changes = [
        change(-100, dimm, 41, 41, "first"),
        change(-50, dimm, 1, 42, "advanced"),
        change(-38, dimm, 81, 123, "reboot"),
        change(-37, SeriesPlace::Unattributed, 0, 3, "fell"),
        change(-36, SeriesPlace::Total, 3, 126, "zeroed"),
    ];
    let coverage = [stretch(1, -100, 60), stretch(2, -38, 20), stretch(3, -10, 10)];
    let accumulated = testing::server().accumulated;
    insta::assert_snapshot!(memory(&changes, &accumulated, &coverage, all_kept(), &PLAIN), @r"
    exposure:
      watched      90 d in 3 stretches
      between      2026-08-16T06:02:00Z and 2026-11-24T06:02:00Z
      no data      10 d in 2 gaps; what was counted in them shows at the next
                   reading, unless the counter began anew
                   - 2026-10-15T06:02:00Z to 2026-10-17T06:02:00Z (2 d)
                   - 2026-11-06T06:02:00Z to 2026-11-14T06:02:00Z (8 d)

    sums:
      id                                CE   UE  first read
      skylake-socket-0-imc-0/total   ≥ 126  ≥ 9  2025-10-20T06:02:00Z  began anew 2 times
      skylake-socket-0-imc-0/noinfo    ≥ 3  ≥ 0  2025-10-20T06:02:00Z  began anew 2 times
      skylake-socket-0-imc-0/dimm1   ≥ 123  ≥ 9  2025-10-20T06:02:00Z  began anew 2 times
      5 places without a recorded error (--all lists them)
      ≥: errors between our last reading and a restart of the counter are lost

    changes:
      seen                  id                                  by  sum  how
      2026-08-16T06:02:00Z  skylake-socket-0-imc-0/dimm1   CE  +41   41  first reading: counted before
      2026-10-05T06:02:00Z  skylake-socket-0-imc-0/dimm1   CE   +1   42
      2026-10-17T06:02:00Z  skylake-socket-0-imc-0/dimm1   CE  +81  123  at least; since a reboot
      2026-10-18T06:02:00Z  skylake-socket-0-imc-0/noinfo  CE   +0    3  not counted: fell without a reset
      2026-10-19T06:02:00Z  skylake-socket-0-imc-0/total   CE   +3  126  at least; since a reset
    ");
}

#[test]
fn no_data_is_not_no_errors() {
    insta::assert_snapshot!(memory(&[], &Accumulated::default(), &[], all_kept(), &PLAIN), @r"
    exposure:
      watched      never: there is no data, which is not the same as no errors

    sums:
      no error counter was ever seen: no data

    changes:
      no data
    ");
}

#[test]
fn watched_and_quiet_is_told_as_such() {
    let mut view = testing::large();
    let edac = view.snapshot.edac.take().unwrap();
    let edac = edac.reading.value().unwrap();
    let mut quiet = testing::accumulate(edac, 0);
    for total in quiet.totals.values_mut() {
        total.total = 0;
    }
    view.snapshot = Snapshot { edac: None, ..view.snapshot };
    insta::assert_snapshot!(memory(&[], &quiet, &[stretch(1, -10, 10)], all_kept(), &PLAIN), @r"
    exposure:
      watched      10 d in 1 stretch
      between      2026-11-14T06:02:00Z and 2026-11-24T06:02:00Z
      no data      no gap between those

    sums:
      2176 places without a recorded error (--all lists them)

    changes:
      none in the time watched
    ");
}

#[test]
fn overlapping_stretches_have_no_gap_between_them() {
    let stretches = [stretch(1, -10, 5), stretch(1, -7, 1), stretch(1, -5, 5), stretch(2, 1, 1)];
    let stretches: Vec<&CoverageRecord> = stretches.iter().collect();
    assert_eq!(gaps(&stretches), [(NOW_MS, NOW_MS + DAY_MS)]);
}
