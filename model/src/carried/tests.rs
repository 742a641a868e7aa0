//! Tests of what is carried from process to process.

use super::*;
use crate::{
    Accumulated, AlertBook, Assessment, Coverage, CoverageState, HostHeader, NonValue, Origin,
    ParseFault, ReadFault, Reading, Snapshot, Stamp, Verdict,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

const VERSION: &str = "0.1.0";

fn stamp() -> Stamp {
    Stamp {
        boot: BootId::parse("5a6b7c8d-1234-5678-9abc-def012345678").unwrap(),
        since_boot: Some(Duration::from_nanos(1_234_567_890_123)),
        awake: None,
        wall_ms: 1_795_500_120_000,
    }
}

fn pass() -> SharedPass {
    let header = HostHeader {
        root: "/".to_owned(),
        version: "0.1.0",
        simulated: None,
        host_name: Reading::Value("ünïcode".to_owned()),
        os: Reading::Absent(Origin::new("etc/os-release")),
        cpu: Reading::Unreadable(Origin::new("proc/cpuinfo"), ReadFault::Io(5)),
        memory_bytes: Reading::Malformed(
            Origin::new("proc/meminfo"),
            ParseFault::new("a number", b"none"),
        ),
    };
    let assessment = Assessment {
        verdict: Verdict::Unknown,
        coverage: Coverage {
            state: CoverageState::None,
            correctable: CoverageState::Partial,
            uncorrectable: CoverageState::Unknown,
            findings: Vec::new(),
        },
        findings: Vec::new(),
        dimms: Vec::new(),
        patches: None,
    };
    let view = HostView {
        header,
        snapshot: Snapshot::of_nothing(stamp()),
        accumulated: Accumulated::default(),
        history: Reading::Absent(Origin::new("history")),
        assessment,
        alerts: AlertBook { clock: None, alerts: BTreeMap::new(), acks: BTreeMap::new() },
        agent: Reading::Absent(Origin::new("none")),
    };
    let about = PassAbout {
        state_dir: "/var/lib/scrubjay".to_owned(),
        boot: stamp().boot,
        settings: Digest([7; 32]),
        ended_since_boot: Duration::new(1_234, 5),
        good_for: Duration::from_secs(180),
        stopped_wall_ms: Some(-1),
    };
    SharedPass { about, view }
}

fn bytes() -> Vec<u8> {
    let SharedPass { about, view } = pass();
    about.with(&view, VERSION)
}

/// Bytes that carry the right sum.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut all = MAGIC.to_vec();
    all.extend(layout(VERSION).to_le_bytes());
    all.extend(bytes);
    let sum = sum(&all);
    all.extend(sum.to_le_bytes());
    all
}

#[test]
fn a_pass_arrives_as_it_was_sent() {
    assert_eq!(SharedPass::from_bytes(&bytes(), VERSION), Ok(pass()));
}

#[test]
fn another_version_and_another_file_are_refused() {
    assert_eq!(SharedPass::from_bytes(&bytes(), "0.1.1"), Err(NotCarried::OtherVersion));
    for foreign in [b"".as_slice(), b"SQLite format 3\0", &[0; 4096]] {
        assert_eq!(SharedPass::from_bytes(foreign, VERSION), Err(NotCarried::Foreign));
    }
}

#[test]
fn what_is_cut_off_or_altered_anywhere_is_refused() {
    let whole = bytes();
    for length in MAGIC.len() + 8..whole.len() {
        assert_eq!(SharedPass::from_bytes(&whole[..length], VERSION), Err(NotCarried::Damaged));
    }
    for at in MAGIC.len() + 8..whole.len() {
        let mut altered = whole.clone();
        altered[at] ^= 0x10;
        assert_eq!(SharedPass::from_bytes(&altered, VERSION), Err(NotCarried::Damaged), "{at}");
    }
}

#[test]
fn a_non_value_keeps_its_reason() {
    for reading in [
        Reading::<u64>::Absent(Origin::new("a")),
        Reading::Unreadable(Origin::new("b"), ReadFault::Deadline),
        Reading::Malformed(Origin::new("c"), ParseFault::new("a number", b"x")),
        Reading::Value(0),
    ] {
        let mut bytes = Vec::new();
        reading.put(&mut bytes);
        assert_eq!(Reading::take(&mut Cursor(&bytes)), Some(reading));
    }
    assert_eq!(NonValue::take(&mut Cursor(&[0])), None);
}

proptest! {
    #[test]
    fn any_bytes_give_a_pass_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = SharedPass::from_bytes(&bytes, VERSION);
        let _ = SharedPass::from_bytes(&summed(&bytes), VERSION);
    }

    /// Bytes that go on as ours do for a while.
    #[test]
    fn nearly_right_bytes_do_no_harm(
        at in 0_usize..600,
        other in proptest::collection::vec(any::<u8>(), 1..16),
    ) {
        let whole = bytes();
        let mut inner = whole[MAGIC.len() + 8..whole.len() - 8].to_vec();
        let at = at.min(inner.len().saturating_sub(other.len()));
        inner.splice(at..at + other.len().min(inner.len() - at), other);
        let _ = SharedPass::from_bytes(&summed(&inner), VERSION);
    }

    #[test]
    fn numbers_and_text_arrive_as_they_were(
        number in any::<i64>(),
        float in any::<f64>().prop_filter("a number", |float| !float.is_nan()),
        text in ".*",
        many in proptest::collection::btree_map(any::<u32>(), any::<Option<bool>>(), 0..20),
    ) {
        let all = ((number, float), (text, many));
        let mut bytes = Vec::new();
        all.put(&mut bytes);
        prop_assert_eq!(Carried::take(&mut Cursor(&bytes)), Some(all));
    }
}
