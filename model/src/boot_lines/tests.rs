//! Who tells of which boot, and that nobody is told of twice.

use super::*;
use proptest::prelude::*;

const START_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;

fn id(n: u32) -> BootId {
    BootId::parse(&format!("{n:08x}-0000-4000-8000-000000000000")).unwrap()
}

fn own(n: u32, after_ms: i64, end: BootEnd) -> BootRecord {
    BootRecord {
        boot: id(n),
        booted_wall_ms: Some(START_MS + after_ms),
        last_seen_wall_ms: Some(START_MS + after_ms + HOUR_MS),
        ran: Some(Duration::from_secs(3_600)),
        slept: Some(Duration::ZERO),
        kernel_release: Some("6.1".to_owned()),
        kernel_version: None,
        end,
        evidence: "The agent saw it.".to_owned(),
    }
}

fn told(memory: BootMemory, after_ms: i64, end: ForeignEnd) -> ImportedBoot {
    let begun = ForeignBoot::begun(START_MS + after_ms);
    let ended = (end == ForeignEnd::Clean).then_some(START_MS + after_ms + 2 * HOUR_MS);
    ImportedBoot { memory, boot: begun.ended(ended, end, "it is recorded") }
}

fn merged(own: &[BootRecord], imported: &[ImportedBoot]) -> Vec<BootLine> {
    merged_boots(own, imported.to_vec(), &BTreeMap::new())
}

fn sources(line: &BootLine) -> Vec<&'static str> {
    line.sources.iter().map(|source| source.as_str()).collect()
}

#[test]
fn tools_that_put_a_boot_within_ten_minutes_tell_of_one_and_the_same() {
    let limit = i64::try_from(MATCH_WITHIN.as_millis()).unwrap();
    for (offset, count) in [(0, 1), (20_000, 1), (-limit, 1), (limit, 1), (limit + 1, 2)] {
        let lines = merged(
            &[own(1, 0, BootEnd::Running)],
            &[told(BootMemory::Wtmp, offset, ForeignEnd::Unknown)],
        );
        assert_eq!(lines.len(), count, "{offset}");
    }
}

#[test]
fn a_boot_id_joins_whatever_the_clocks_say_and_another_one_parts() {
    let with_id = |n, after_ms| {
        let mut told = told(BootMemory::Tuptime, after_ms, ForeignEnd::Unknown);
        told.boot.boot_id = Some(id(n));
        told
    };
    let far = merged(&[own(1, 0, BootEnd::Running)], &[with_id(1, 900 * HOUR_MS)]);
    assert_eq!((far.len(), sources(&far[0])), (1, vec!["agent", "tuptime"]));
    assert_eq!(far[0].booted_wall_ms, Some(START_MS));
    let near = merged(&[own(1, 0, BootEnd::Running)], &[with_id(2, 0)]);
    assert_eq!(near.len(), 2);
}

#[test]
fn other_kernels_are_other_boots() {
    let mut other = told(BootMemory::Wtmp, 1_000, ForeignEnd::Unknown);
    other.boot.kernel_release = Some("6.2".to_owned());
    assert_eq!(merged(&[own(1, 0, BootEnd::Running)], &[other]).len(), 2);
}

#[test]
fn of_a_host_that_boots_every_three_minutes_each_boot_finds_its_own_telling() {
    let boots: Vec<BootRecord> =
        (0..5).map(|n| own(n, i64::from(n) * 180_000, BootEnd::Unclean)).collect();
    // The tool missed the second, and puts each 20 s later.
    let tellings =
        [0, 2, 3, 4].map(|n| told(BootMemory::Wtmp, n * 180_000 + 20_000, ForeignEnd::Unclean));
    let lines = merged(&boots, &tellings);
    let by: Vec<Vec<&str>> = lines.iter().map(sources).collect();
    let both = || vec!["agent", "wtmp"];
    assert_eq!(by, [both(), vec!["agent"], both(), both(), both()]);
}

#[test]
fn what_the_agent_saw_stays_and_what_it_does_not_know_is_filled_in() {
    let lines = merged(
        &[own(1, 0, BootEnd::Unclean), own(2, 10 * HOUR_MS, BootEnd::Unknown)],
        &[
            told(BootMemory::Wtmp, 0, ForeignEnd::Clean),
            told(BootMemory::Wtmp, 10 * HOUR_MS, ForeignEnd::Clean),
        ],
    );
    assert_eq!(lines[0].end, BootEnd::Unclean);
    assert_eq!(lines[0].evidence, "The agent saw it. Otherwise wtmp: it is recorded.");
    assert_eq!(lines[0].ended_wall_ms, Some(START_MS + HOUR_MS));
    assert_eq!(lines[1].end, BootEnd::Clean);
    assert_eq!(lines[1].evidence, "wtmp: it is recorded.");
    // It went on for an hour after the agent saw it last.
    assert_eq!(lines[1].ran, Some(Duration::from_secs(7_200)));
    assert_eq!(lines[1].ran_by, Some(LengthBasis::WallClock));
}

#[test]
fn a_measured_length_goes_before_one_of_two_wall_clocks() {
    let mut measured = told(BootMemory::Uptimed, 5_000, ForeignEnd::Unknown);
    measured.boot.lasted_s = Some(4_000);
    let lines = merged(&[], &[told(BootMemory::Wtmp, 0, ForeignEnd::Clean), measured]);
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].ran, Some(Duration::from_secs(4_000)));
    assert_eq!(lines[0].ran_by, Some(LengthBasis::BootClock));
    assert_eq!(lines[0].ended_wall_ms, Some(START_MS + 2 * HOUR_MS));
}

#[test]
fn steps_of_the_clock_are_told_of_the_boot_they_were_seen_in() {
    let boots = [own(1, 0, BootEnd::Clean), own(2, 10 * HOUR_MS, BootEnd::Running)];
    let lines = merged_boots(&boots, Vec::new(), &BTreeMap::from([(id(2), 3)]));
    assert_eq!((lines[0].clock_steps, lines[1].clock_steps), (0, 3));
}

fn any_memory() -> impl Strategy<Value = BootMemory> {
    proptest::sample::select(BootMemory::ALL.to_vec())
}

fn any_told() -> impl Strategy<Value = ImportedBoot> {
    let id = proptest::option::of((0_u32..12).prop_map(id));
    let kernel = proptest::option::of(proptest::sample::select(vec!["6.1", "6.2"]));
    let end = proptest::sample::select(ForeignEnd::ALL.to_vec());
    (any_memory(), 0_i64..20, 0_i64..400_000, id, kernel, end, proptest::option::of(0_u64..90_000))
        .prop_map(|(memory, hour, offset, id, kernel, end, lasted_s)| {
            let mut told = told(memory, hour * HOUR_MS + offset, end);
            // Only one of them tells ids.
            told.boot.boot_id = id.filter(|_| memory == BootMemory::Tuptime);
            told.boot.kernel_release = kernel.map(str::to_owned);
            told.boot.lasted_s = lasted_s;
            told
        })
}

fn any_own() -> impl Strategy<Value = Vec<BootRecord>> {
    proptest::collection::vec(0_i64..20, 0..8).prop_map(|mut hours| {
        hours.sort_unstable();
        hours.dedup();
        let number = |hour: &i64| u32::try_from(*hour).unwrap();
        hours.iter().map(|hour| own(number(hour), hour * HOUR_MS, BootEnd::Unclean)).collect()
    })
}

proptest! {
    /// Each boot of each teller is in one line, and no line has two boots of one teller.
    #[test]
    fn nobody_is_told_of_twice_and_nobody_is_lost(
        own in any_own(),
        imported in proptest::collection::vec(any_told(), 0..40),
    ) {
        let lines = merged(&own, &imported);
        for line in &lines {
            let mut sources = line.sources.to_vec();
            sources.sort_unstable();
            sources.dedup();
            prop_assert_eq!(sources.len(), line.sources.len());
        }
        for memory in BootMemory::ALL {
            let boots = distinct(
                imported.iter().filter(|t| t.memory == memory).map(|t| t.boot.clone()).collect(),
            );
            let in_lines = lines
                .iter()
                .filter(|line| line.sources.contains(&BootSource::Memory(memory)))
                .count();
            prop_assert_eq!(in_lines, boots.len());
        }
    }

    /// What the agent saw comes out as it went in, save for what it did not know.
    #[test]
    fn nothing_that_the_agent_saw_is_changed(
        own in any_own(),
        imported in proptest::collection::vec(any_told(), 0..40),
    ) {
        let lines = merged(&own, &imported);
        let of_agent: Vec<&BootLine> =
            lines.iter().filter(|l| l.sources.first() == Some(&BootSource::Agent)).collect();
        prop_assert_eq!(of_agent.len(), own.len());
        for (line, record) in of_agent.iter().zip(&own) {
            prop_assert_eq!(line.boot.as_ref(), Some(&record.boot));
            prop_assert_eq!(line.booted_wall_ms, record.booted_wall_ms);
            prop_assert_eq!(&line.kernel_release, &record.kernel_release);
            prop_assert_eq!(line.end, record.end);
            prop_assert!(line.ran >= record.ran);
            prop_assert!(line.evidence.starts_with(&record.evidence));
        }
    }

    #[test]
    fn telling_everything_again_adds_nothing_and_the_order_does_not_matter(
        own in any_own(),
        imported in proptest::collection::vec(any_told(), 0..30),
    ) {
        let once = merged(&own, &imported);
        prop_assert!(once.is_sorted_by_key(|line| line.booted_wall_ms));
        let twice: Vec<ImportedBoot> = imported.iter().chain(&imported).cloned().collect();
        prop_assert_eq!(merged(&own, &twice).len(), once.len());
    }
}

/// A boot of which a damaged file told no more than the id.
fn untimed(n: u32) -> BootRecord {
    BootRecord {
        booted_wall_ms: None,
        last_seen_wall_ms: None,
        ran: None,
        slept: None,
        ..own(n, 0, BootEnd::Unknown)
    }
}

#[test]
fn a_boot_without_a_time_comes_behind_the_one_before_it() {
    let records = [
        untimed(1),
        own(2, 0, BootEnd::Clean),
        untimed(3),
        untimed(4),
        own(5, 30 * HOUR_MS, BootEnd::Running),
    ];
    let lines = merged(&records, &[told(BootMemory::Wtmp, 10 * HOUR_MS, ForeignEnd::Unknown)]);
    let ids: Vec<Option<&BootId>> = lines.iter().map(|line| line.boot.as_ref()).collect();
    let expect: Vec<BootId> = (1..=5).map(id).collect();
    let [first, second, third, fourth, fifth] = [0, 1, 2, 3, 4].map(|at| Some(&expect[at]));
    assert_eq!(ids, [first, second, third, fourth, None, fifth]);
    let times: Vec<bool> = lines.iter().map(|line| line.booted_wall_ms.is_some()).collect();
    assert_eq!(times, [false, true, false, false, true, true]);
    assert_eq!((lines[2].ran, lines[2].ran_by, lines[2].ended_wall_ms), (None, None, None));
}

#[test]
fn another_tool_that_knows_the_id_tells_when_it_was() {
    let mut told = told(BootMemory::Tuptime, 20 * HOUR_MS, ForeignEnd::Clean);
    told.boot.boot_id = Some(id(2));
    let records = [own(1, 0, BootEnd::Clean), untimed(2), own(3, 10 * HOUR_MS, BootEnd::Running)];
    let lines = merged(&records, &[told]);
    // The clock may have been set: it is placed by what is told.
    assert_eq!(lines[2].boot, Some(id(2)));
    assert_eq!(lines[2].booted_wall_ms, Some(START_MS + 20 * HOUR_MS));
    assert_eq!(lines[2].ended_wall_ms, Some(START_MS + 22 * HOUR_MS));
    assert_eq!(sources(&lines[2]), ["agent", "tuptime"]);
}
