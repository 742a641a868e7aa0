//! The same lines were given to `ssh-keygen -Y verify` of OpenSSH 9.2, see `tests/end_to_end/signed.rs`.

use super::super::wire::put;
use super::*;
use proptest::prelude::*;

const FOR: &str = "scrubjay-report@v1";
/// 2026-11-01T00:00:00Z.
const NOW: i64 = 1_793_491_200;

fn blob(byte: u8) -> Vec<u8> {
    let mut blob = Vec::new();
    put(&mut blob, b"ssh-ed25519");
    put(&mut blob, &[byte; 32]);
    blob
}

fn key(byte: u8) -> PublicKey {
    PublicKey::from_blob(&blob(byte)).unwrap()
}

fn text(byte: u8) -> String {
    use base64::Engine as _;
    format!("ssh-ed25519 {}", base64::engine::general_purpose::STANDARD.encode(blob(byte)))
}

/// What is made of a line before the key 1, asked about for an identity.
fn judged(line: &str, identity: Option<&str>) -> Result<Allowed, NotAllowed> {
    let file = format!("# who may sign\n\n{line} {} ops\n", text(1));
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    AllowedSigners::parse(&file, &zone).unwrap().judge(&key(1), FOR, identity, NOW)
}

#[track_caller]
fn refused(line: &str, expect: &str) {
    let zone = TimeZone::UTC;
    let told = AllowedSigners::parse(&format!("{line}\n"), &zone).unwrap_err();
    assert_eq!(told, format!("line 1: {expect}"), "{line}");
}

#[test]
fn a_key_may_sign_if_its_line_says_so() {
    let ops = |line| Allowed { identity: "ops@example".to_owned(), line };
    assert_eq!(judged("ops@example", None), Ok(ops(3)));
    assert_eq!(judged("ops@example,eve", Some("ops@example")), Ok(ops(3)));
    assert_eq!(judged("*@example,!eve@example", Some("ops@example")), Ok(ops(3)));
    let named = "ops@example namespaces=\"file,scrubjay-*\"";
    assert_eq!(judged(named, None), Ok(ops(3)));
    assert!(matches!(judged("*@example,!ops@*", Some("ops@example")), Err(NotAllowed::Key(_))));
    assert!(matches!(judged("bob", Some("ops@example")), Err(NotAllowed::Key(_))));
    let Err(NotAllowed::Namespace(what)) = judged("ops namespaces=\"git\"", None) else { panic!() };
    assert_eq!(what, "line 3 allows the key for git, and not for scrubjay-report@v1");
    let signers = AllowedSigners::parse(&format!("ops {}\n", text(1)), &TimeZone::UTC).unwrap();
    assert!(matches!(signers.judge(&key(2), FOR, None, NOW), Err(NotAllowed::Key(_))));
}

#[test]
fn a_key_is_valid_from_a_time_to_a_time_both_included_and_by_the_zone_of_whoever_looks() {
    for line in [
        "ops valid-after=\"20261101Z\"",
        "ops valid-before=\"20261101Z\"",
        "ops valid-after=\"202611010200\"",
        "ops valid-before=\"20261101020000\"",
        "ops valid-after=\"20200101\",valid-before=\"20300101\"",
    ] {
        assert!(judged(line, None).is_ok(), "{line}");
    }
    for line in [
        "ops valid-after=\"20261101000001Z\"",
        "ops valid-before=\"20261031235959Z\"",
        "ops valid-after=\"202611010201\"",
        "ops valid-before=\"20261101\"",
    ] {
        assert!(matches!(judged(line, None), Err(NotAllowed::Time(_))), "{line}");
    }
}

#[test]
fn of_two_lines_for_a_key_the_better_one_counts() {
    let file = format!(
        "ops valid-before=\"20200101\" {key}\nops namespaces=\"git\" {key}\nops cert-authority {key}\n",
        key = text(1)
    );
    let signers = AllowedSigners::parse(&file, &TimeZone::UTC).unwrap();
    assert!(matches!(signers.judge(&key(1), FOR, None, NOW), Err(NotAllowed::Time(_))));
    let more = format!("{file}ops {}\n", text(1));
    let signers = AllowedSigners::parse(&more, &TimeZone::UTC).unwrap();
    assert_eq!(signers.judge(&key(1), FOR, None, NOW).unwrap().line, 4);
}

#[test]
fn a_line_that_is_not_understood_is_an_error_and_no_line_less() {
    let key = text(1);
    refused("ops", "there is no key");
    refused("ops ssh-ed25519", "there is no key");
    refused("ops ssh-ed25519 AAAA", "there is no key that can be read");
    refused(&format!("ops magic {key}"), "the option magic is not known");
    refused(&format!("ops namespaces=git {key}"), "the value of namespaces has no quotes");
    refused(&format!("ops namespaces {key}"), "the option namespaces needs a value in quotes");
    refused(&format!("ops namespaces=\"git {key}"), "a quote does not end");
    refused(
        &format!("ops valid-after=\"2026\" {key}"),
        "\"2026\" is no time: YYYYMMDD[HHMM[SS]][Z] is",
    );
    refused(
        &format!("ops valid-after=\"20260101\",valid-after=\"20260101\" {key}"),
        "the option valid-after is there twice",
    );
    refused(
        &format!("ops valid-after=\"20260101\",valid-before=\"20250101\" {key}"),
        "valid-before is not after valid-after",
    );
}

proptest! {
    #[test]
    fn no_text_is_too_odd_to_look_at(text in any::<String>(), line in "[ -~]{0,60}") {
        let _ = AllowedSigners::parse(&text, &TimeZone::UTC);
        let _ = AllowedSigners::parse(&format!("{line} {}", super::tests::text(1)), &TimeZone::UTC);
    }

    #[test]
    fn a_pattern_matches_what_it_was_made_of(text in "[a-c@.]{0,12}", at in 0_usize..12) {
        prop_assert!(matches(&text, &text));
        prop_assert!(matches("*", &text));
        let at = at.min(text.len());
        let (head, tail) = text.split_at(at);
        let (star, question) = (format!("{head}*{tail}"), format!("{head}?{tail}"));
        prop_assert!(matches(&star, &text));
        prop_assert!(!matches(&question, &text));
    }
}
