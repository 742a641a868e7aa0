//! Aliases, patterns and modprobe's configuration, whatever they hold.

use super::*;
use proptest::prelude::*;

fn matches(pattern: &str, text: &str) -> bool {
    glob(pattern.as_bytes(), text.as_bytes())
}

#[test]
fn patterns_match_as_the_shell_has_them() {
    for (pattern, text) in [
        ("", ""),
        ("*", ""),
        ("*", "anything"),
        ("a*c", "abbc"),
        ("a*b*c", "a-b-b-c"),
        ("?b?", "abc"),
        ("d0000[0-9A-F]1", "d0000C1"),
        ("[ab-]x", "-x"),
        ("pci:v00008086d00003E31sv*sd*bc*sc*i*", "pci:v00008086d00003E31sv00001028sd0bc06sc00i00"),
    ] {
        assert!(matches(pattern, text), "{pattern} {text}");
    }
    for (pattern, text) in [
        ("", "a"),
        ("a", ""),
        ("?", ""),
        ("a*c", "abbcd"),
        ("a*b*c", "a-c-b"),
        ("[0-9]", "a"),
        ("[0-9", "1"),
        ("pci:v00008086d00003E31sv*sd*bc*sc*i*", "pci:v00008086d00003E30sv00001028sd0bc06sc00i00"),
    ] {
        assert!(!matches(pattern, text), "{pattern} {text}");
    }
}

#[test]
fn only_modules_that_count_errors_are_kept() {
    let text =
        b"# edac\nalias a* skx_edac\nalias b snd_hda\nalias c ghes-edac\nalias d edac_core\n\
                 alias e x_edac more\nalias f ../x_edac\nalias g amd64-edac";
    let names: Vec<String> = aliases_of(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["skx_edac", "amd64_edac"]);
}

#[test]
fn a_module_is_kept_out_by_a_blacklist_or_by_a_command_that_does_nothing() {
    for line in ["blacklist skx-edac", " blacklist\tskx_edac", "install skx_edac /bin/true"] {
        assert_eq!(kept_out(line.as_bytes()).as_deref(), Some("skx_edac"), "{line}");
    }
    let loads = "install skx_edac /sbin/modprobe --ignore-install skx_edac";
    for line in [loads, "#blacklist skx_edac", "options skx_edac x=1", "blacklist", ""] {
        assert_eq!(kept_out(line.as_bytes()), None, "{line}");
    }
}

proptest! {
    /// Any bytes: no panic, and an end; a pattern without special characters is equality.
    #[test]
    fn any_pattern_is_answered(pattern in "[ab*?\\[\\]-]{0,12}", text in "[ab-]{0,12}", bytes: Vec<u8>) {
        let _ = (matches(&pattern, &text), glob(&bytes, text.as_bytes()), kept_out(&bytes));
        let _ = aliases_of(&bytes);
        prop_assert!(glob(text.as_bytes(), text.as_bytes()));
        let around = ["*", &text, "*"].concat();
        let inside = [&pattern, text.as_str(), &pattern].concat();
        prop_assert!(matches(&around, &inside));
    }
}
