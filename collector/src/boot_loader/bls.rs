//! Entries of the Boot Loader Specification (`loader/entries/*.conf`) and systemd-boot's
//! `loader.conf`.
//!
//! GRUB of Fedora and Red Hat sorts the entries by the name of their files, newest first, and takes
//! `saved_entry` from its environment block. systemd-boot sorts by sort key, machine and version,
//! and puts entries whose boot attempts are used up last.

use scrubjay_model::RpmVersion;
use std::cmp::{Ordering, Reverse};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlsEntry {
    /// The file's name without `.conf` and without the counter of boot attempts.
    pub(crate) id: String,
    pub(crate) title: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) machine: Option<String>,
    pub(crate) sort_key: Option<String>,
    /// Path of the kernel on the file system of the entries.
    pub(crate) linux: Option<String>,
    /// Its boot attempts are used up (`+0` in the name).
    pub(crate) is_bad: bool,
}

/// What `loader.conf` chooses.
pub(crate) fn loader_default(text: &str) -> Option<String> {
    value(text, "default").map(str::to_owned)
}

/// Reads one entry.
pub(crate) fn entry(file: &str, text: &str) -> Option<BlsEntry> {
    let stem = file.strip_suffix(".conf")?;
    // `NAME+LEFT` or `NAME+LEFT-DONE`.
    let counted = stem.rsplit_once('+').and_then(|(name, counter)| {
        let left = counter.split('-').next()?;
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        counter.split('-').all(number).then(|| (name, left.trim_start_matches('0').is_empty()))
    });
    let (id, is_bad) = counted.unwrap_or((stem, false));
    let owned = |key| value(text, key).map(str::to_owned);
    Some(BlsEntry {
        id: id.to_owned(),
        title: owned("title"),
        version: owned("version"),
        machine: owned("machine-id"),
        sort_key: owned("sort-key"),
        linux: owned("linux").or_else(|| owned("efi")),
        is_bad,
    })
}

fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace))
        .filter(|(name, _)| *name == key)
        .map(|(_, value)| value.trim())
        .next_back()
}

/// Versions as both loaders compare them, newest first.
fn newest_first(a: &str, b: &str) -> Ordering {
    match (RpmVersion::parse(a), RpmVersion::parse(b)) {
        (Ok(a), Ok(b)) => b.cmp(&a),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => b.cmp(a),
    }
}

/// The order of GRUB's menu.
pub(crate) fn sort_for_grub(entries: &mut [BlsEntry]) {
    entries.sort_by(|a, b| newest_first(&a.id, &b.id));
}

/// The order of systemd-boot's menu.
pub(crate) fn sort_for_systemd_boot(entries: &mut [BlsEntry]) {
    entries.sort_by(|a, b| {
        let keyed = |entry: &BlsEntry| (entry.is_bad, Reverse(entry.sort_key.is_some()));
        keyed(a).cmp(&keyed(b)).then_with(|| {
            let version = |entry: &BlsEntry| entry.version.clone().unwrap_or_default();
            let by_key = a.sort_key.cmp(&b.sort_key).then_with(|| a.machine.cmp(&b.machine));
            let by_version = match a.sort_key {
                Some(_) => newest_first(&version(a), &version(b)),
                None => Ordering::Equal,
            };
            by_key.then(by_version).then_with(|| newest_first(&a.id, &b.id))
        })
    });
}

/// The entry that a choice of GRUB names: an id, a title or a number; empty for the first.
pub(crate) fn chosen_by_grub<'e>(entries: &'e [BlsEntry], choice: &str) -> Option<&'e BlsEntry> {
    let named = |entry: &&BlsEntry| entry.id == choice || entry.title.as_deref() == Some(choice);
    let number = if choice.is_empty() { Some(0) } else { choice.parse::<usize>().ok() };
    entries.iter().find(named).or_else(|| entries.get(number?))
}

/// The entry that a choice of systemd-boot names: the name of its file, `*` and `?` standing for
/// anything.
pub(crate) fn chosen_by_pattern<'e>(
    entries: &'e [BlsEntry],
    pattern: &str,
) -> Option<&'e BlsEntry> {
    let pattern = pattern.strip_suffix(".conf").unwrap_or(pattern);
    entries.iter().find(|entry| matches(pattern.as_bytes(), entry.id.as_bytes()))
}

/// Longest pattern and name compared, so that neither costs much.
const LONGEST: usize = 512;

fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if pattern.len() > LONGEST || name.len() > LONGEST {
        return false;
    }
    // Which beginnings of the pattern match what was seen of the name.
    let mut reached = vec![false; pattern.len() + 1];
    let follow_stars = |reached: &mut Vec<bool>| {
        for (at, sign) in pattern.iter().enumerate() {
            if *sign == b'*' && reached.get(at) == Some(&true) {
                reached.splice(at + 1..at + 2, [true]);
            }
        }
    };
    reached.splice(0..1, [true]);
    follow_stars(&mut reached);
    for byte in name {
        let mut next = vec![false; pattern.len() + 1];
        for (at, sign) in pattern.iter().enumerate() {
            if reached.get(at) != Some(&true) {
                continue;
            }
            match sign {
                b'*' => drop(next.splice(at..at + 1, [true])),
                b'?' => drop(next.splice(at + 1..at + 2, [true])),
                sign if sign == byte => drop(next.splice(at + 1..at + 2, [true])),
                _ => {}
            }
        }
        follow_stars(&mut next);
        reached = next;
    }
    reached.last() == Some(&true)
}

/// The text of an EFI variable, without the four bytes of attributes before it: UTF-16, little
/// endian, ended by NUL.
pub(crate) fn efi_text(variable: &[u8]) -> Option<String> {
    let (pairs, rest) = variable.get(4..)?.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    let units = pairs.iter().map(|pair| u16::from_le_bytes(*pair));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fedora(version: &str) -> BlsEntry {
        let text = format!(
            "title Fedora Linux ({version})\nversion {version}\nlinux /vmlinuz-{version}\n"
        );
        entry(&format!("0123-{version}.conf"), &text).unwrap()
    }

    #[test]
    fn an_entry_has_its_fields_and_its_boot_counter() {
        let text = "# comment\ntitle  Arch\nlinux\t/vmlinuz-linux\nsort-key arch\noptions a=b\n";
        let arch = entry("arch+3-1.conf", text).unwrap();
        assert_eq!((arch.id.as_str(), arch.is_bad), ("arch", false));
        assert_eq!(arch.title.as_deref(), Some("Arch"));
        assert_eq!(arch.linux.as_deref(), Some("/vmlinuz-linux"));
        assert!(entry("arch+0-3.conf", text).unwrap().is_bad);
        assert_eq!(entry("a+b.conf", text).unwrap().id, "a+b");
        assert_eq!(entry("arch.conf.bak", text), None);
    }

    #[test]
    fn grub_takes_the_newest_first_and_a_rescue_last() {
        let mut entries =
            vec![fedora("0-rescue"), fedora("6.9.7-200.fc40"), fedora("6.10.3-200.fc40")];
        sort_for_grub(&mut entries);
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["0123-6.10.3-200.fc40", "0123-6.9.7-200.fc40", "0123-0-rescue"]);
        let linux = |choice| chosen_by_grub(&entries, choice).unwrap().linux.clone().unwrap();
        assert_eq!(linux(""), "/vmlinuz-6.10.3-200.fc40");
        assert_eq!(linux("1"), "/vmlinuz-6.9.7-200.fc40");
        assert_eq!(linux("0123-6.9.7-200.fc40"), "/vmlinuz-6.9.7-200.fc40");
        assert_eq!(linux("Fedora Linux (6.9.7-200.fc40)"), "/vmlinuz-6.9.7-200.fc40");
        assert_eq!(chosen_by_grub(&entries, "gone"), None);
    }

    #[test]
    fn systemd_boot_sorts_by_key_then_version_and_bad_entries_last() {
        let keyed = |file: &str, key: &str, version: &str| {
            entry(file, &format!("sort-key {key}\nversion {version}\nlinux /x\n")).unwrap()
        };
        let mut entries = vec![
            entry("zz.conf", "linux /x\n").unwrap(),
            keyed("bad+0.conf", "a", "99"),
            keyed("b-old.conf", "debian", "6.1.0-55"),
            keyed("b-new.conf", "debian", "6.1.0-56"),
        ];
        sort_for_systemd_boot(&mut entries);
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(ids, ["b-new", "b-old", "zz", "bad"]);
    }

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, name, expect) in [
            ("debian-*", "debian-6.1", true),
            ("*", "", true),
            ("*-6.1", "debian-6.1", true),
            ("d?b*n", "debian", true),
            ("debian", "debian-6.1", false),
            ("", "x", false),
            ("a*b*c", "aXbYc", true),
            ("a*b*c", "acb", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expect, "{pattern} {name}");
        }
    }

    #[test]
    fn efi_variables_are_utf16_behind_their_attributes() {
        let mut variable = vec![7, 0, 0, 0];
        variable.extend("arch.conf".encode_utf16().flat_map(u16::to_le_bytes));
        variable.extend([0, 0]);
        assert_eq!(efi_text(&variable).unwrap(), "arch.conf");
        assert_eq!(efi_text(&[7, 0, 0, 0]), None);
        assert_eq!(efi_text(&[7, 0, 0, 0, 1]), None);
        assert_eq!(efi_text(&[]), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(file in ".{0,20}(\\.conf)?", text in "(.|\n){0,60}", pattern in "[a*?]{0,8}") {
            let entries: Vec<BlsEntry> = entry(&file, &text).into_iter().collect();
            let _ = (chosen_by_pattern(&entries, &pattern), chosen_by_grub(&entries, &pattern));
        }
    }
}
