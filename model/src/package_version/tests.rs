//! The order of versions, by examples and by law.

use super::*;
use proptest::prelude::*;

fn deb(text: &str) -> DebVersion {
    DebVersion::parse(text).unwrap()
}

fn rpm(text: &str) -> RpmVersion {
    RpmVersion::parse(text).unwrap()
}

/// Each is older than the next.
fn ascend<V: Ord + fmt::Debug>(versions: &[V]) {
    for (at, older) in versions.iter().enumerate() {
        assert_eq!(older.cmp(older), Ordering::Equal);
        for newer in &versions[at + 1..] {
            assert!(older < newer, "{older:?} {newer:?}");
            assert!(newer > older, "{newer:?} {older:?}");
        }
    }
}

#[test]
fn debian_kernels_ascend() {
    ascend(
        &[
            "6.1.170-3",
            "6.1.190-1",
            "6.1.192-1~bpo11+1",
            "6.1.192-1",
            "6.1.192-2",
            "6.12.90+deb13-1",
            "6.12.90+deb13.1-1",
            "6.12.117-1~deb12u1",
            "6.12.117-1",
            "1:2.6.32-1",
        ]
        .map(deb),
    );
}

#[test]
fn a_tilde_is_before_the_end_and_letters_are_before_other_signs() {
    ascend(&["1~~", "1~~a", "1~", "1~1", "1", "1a", "1b", "1+", "1."].map(deb));
    for (one, other) in [("1.0", "1.00"), ("1-0", "1"), ("0:1", "1"), ("1.a0", "1.a"), ("01", "1")]
    {
        assert_eq!(deb(one), deb(other));
    }
}

#[test]
fn red_hat_kernels_ascend() {
    ascend(
        &[
            "4.18.0-553.9.1.el8_10",
            "4.18.0-553.11.1.el8_10",
            "5.14.0-70.el9",
            "5.14.0-70.13.1.el9_0",
            "5.14.0-503.9.1.el9_5",
            "5.14.0-503.11.1.el9_5",
            "6.12.0-55.el10",
            "1:2.6.32-1",
        ]
        .map(rpm),
    );
}

#[test]
fn a_caret_is_after_its_base_and_before_all_that_follows() {
    ascend(&["1.0~rc1", "1.0~rc1^git1", "1.0", "1.0^git1", "1.0^git2", "1.0.1", "1.1"].map(rpm));
    // A number is after a word, and what has a release is after what has none.
    ascend(&["1.a", "1.1"].map(rpm));
    ascend(&["1", "1-1"].map(rpm));
    for (one, other) in [("1.0", "1_0"), ("1.01", "1.1"), ("0:1-1", "1-1"), ("1.", "1")] {
        assert_eq!(rpm(one), rpm(other));
    }
}

#[test]
fn numbers_have_no_largest_value() {
    let large = "9".repeat(100);
    assert!(deb(&large) < deb(&format!("1{large}")));
    assert!(rpm(&large) < rpm(&format!("1{large}")));
}

#[test]
fn what_is_no_version_is_refused() {
    for (text, fault) in [
        ("", VersionFault::Empty),
        ("1:", VersionFault::Empty),
        ("-1", VersionFault::Empty),
        (":1", VersionFault::Epoch),
        ("a:1", VersionFault::Epoch),
        ("+1:1", VersionFault::Epoch),
        ("99999999999999999999:1", VersionFault::Epoch),
        ("1 0", VersionFault::Character),
        ("1.0\u{e9}", VersionFault::Character),
    ] {
        assert_eq!(DebVersion::parse(text).unwrap_err(), fault, "{text}");
        assert_eq!(RpmVersion::parse(text).unwrap_err(), fault, "{text}");
    }
    assert_eq!(RpmVersion::parse("1:2:3").unwrap_err(), VersionFault::Character);
    assert_eq!(deb("1:2:3").parts(), ("2:3", ""));
    assert_eq!(DebVersion::parse("1_0").unwrap_err(), VersionFault::Character);
}

fn text(signs: &'static str) -> impl Strategy<Value = String> {
    let sign = proptest::sample::select(signs.chars().collect::<Vec<_>>());
    let rest = proptest::collection::vec(sign, 0..8).prop_map(|signs| signs.into_iter().collect());
    ("[0-9]", rest).prop_map(|(first, rest): (String, String)| first + &rest)
}

proptest! {
    #[test]
    fn they_are_in_order(
        debs in proptest::collection::vec(text("0012ab~+.-"), 3),
        rpms in proptest::collection::vec(text("0012ab~^._-"), 3),
    ) {
        let debs: Vec<DebVersion> = debs.iter().filter_map(|v| DebVersion::parse(v).ok()).collect();
        let rpms: Vec<RpmVersion> = rpms.iter().filter_map(|v| RpmVersion::parse(v).ok()).collect();
        in_order(&debs)?;
        in_order(&rpms)?;
    }

    #[test]
    fn no_text_panics(text in ".{0,20}") {
        let _ = DebVersion::parse(&text);
        let _ = RpmVersion::parse(&text);
    }
}

fn in_order<V: Ord + fmt::Debug>(versions: &[V]) -> Result<(), TestCaseError> {
    for a in versions {
        for b in versions {
            prop_assert_eq!(a.cmp(b), b.cmp(a).reverse());
            for c in versions {
                prop_assert!(!(a <= b && b <= c) || a <= c, "{:?} {:?} {:?}", a, b, c);
            }
        }
    }
    Ok(())
}
