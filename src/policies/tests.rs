//! The presets are valid, and do what their tests say.

use super::*;
use crate::commands::rules::test_file;

#[test]
fn presets_are_valid_and_named_like_their_files() {
    for preset in PRESETS {
        let policy = preset.policy().unwrap_or_else(|faults| panic!("{}", told(&faults)));
        assert_eq!(policy.name, preset.name);
        assert_eq!(policy.rules.is_empty(), preset.name == "never");
    }
}

#[test]
fn every_preset_does_what_its_tests_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/scrubjay/policies/tests");
    for preset in PRESETS {
        let path = folder.join(format!("{}.toml", preset.name));
        let outcome = test_file(&path).unwrap();
        assert!(outcome.passed > 0, "{}", path.display());
        assert_eq!(outcome.policy, preset.name);
        assert!(outcome.failed.is_empty(), "{}", outcome.failed.join("\n"));
    }
}

#[test]
fn a_name_that_nobody_knows_is_said_with_those_there_are() {
    let error = named("mcelogs").unwrap_err().to_string();
    assert!(
        error.contains("default, mcelog, rasdaemon, kernel-cec, sun, any-ce, never"),
        "{error}"
    );
    assert!(format!("{:#}", named("./no-such.toml").unwrap_err()).contains("cannot read"));
}
