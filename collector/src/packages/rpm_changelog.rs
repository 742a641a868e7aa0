//! The changelog of an RPM package, for what it says was fixed in which version.
//!
//! Each entry has a time, a text, and a name, behind which custom puts the version: `Jane Doe
//! <jane@example.org> - 5.14.0-70.el9`, `… [5.14.0-70.el9]`. SUSE puts none there, and Amazon the
//! name of a branch.

use scrubjay_model::{ChangeEntry, Changelog, CveId, PackageVersion, RpmVersion, UnversionedEntry};

/// Time, name and text of each entry.
pub(super) type Texts<'b> = Vec<(u32, &'b [u8], &'b [u8])>;

/// Understands the entries of a package with that epoch.
pub(super) fn changelog(texts: &Texts<'_>, epoch: Option<u32>) -> Changelog {
    let mut read = Changelog::default();
    for (at, (time, name, text)) in (1..).zip(texts) {
        let released_unix_s = Some(i64::from(*time));
        let cves = CveId::all_in(&String::from_utf8_lossy(text));
        match version(&String::from_utf8_lossy(name), epoch) {
            Some(version) => {
                let version = PackageVersion::Rpm(version);
                read.entries.push(ChangeEntry { version, released_unix_s, cves });
            }
            None => read.unversioned.push(UnversionedEntry { at, released_unix_s, cves }),
        }
    }
    read
}

/// The version that a name ends in. One without an epoch is of the epoch of its package: few write
/// it here.
pub(super) fn version(name: &str, epoch: Option<u32>) -> Option<RpmVersion> {
    let name = name.trim();
    // Addresses end in `>`, and what some of them hold looks like a version.
    let told = match name.rsplit_once('>') {
        Some((_, told)) => told,
        None => name.rsplit_once(" - ").map(|(_, told)| told).or_else(|| {
            let (_, told) = name.rsplit_once(" [")?;
            told.strip_suffix(']')
        })?,
    };
    let told = told.trim().trim_start_matches('-').trim();
    let told = told.strip_prefix('[').map_or(Some(told), |told| told.strip_suffix(']'))?.trim();
    if !told.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match epoch.filter(|epoch| *epoch > 0 && !told.contains(':')) {
        Some(epoch) => RpmVersion::parse(&format!("{epoch}:{told}")).ok(),
        None => RpmVersion::parse(told).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use scrubjay_model::Lacking;

    fn read(name: &str) -> Option<String> {
        version(name, None).map(|version| version.as_str().to_owned())
    }

    #[test]
    fn the_version_stands_behind_the_name() {
        for (name, expected) in [
            ("Jane Doe <j@example.org> - 5.14.0-70.el9", Some("5.14.0-70.el9")),
            ("Jane Doe <j@example.org> [5.14.0-70.13.1.el9_0]", Some("5.14.0-70.13.1.el9_0")),
            ("Jane Doe <j@example.org> - 1:2.3-4", Some("1:2.3-4")),
            ("Jane Doe <j@example.org> 2.3-4", Some("2.3-4")),
            ("Jane Doe <j@example.org> -2.3-4 ", Some("2.3-4")),
            ("Jane Doe <j@example.org> - [2.3-4]", Some("2.3-4")),
            ("Jane Doe - 6.5~rc1-1", Some("6.5~rc1-1")),
            ("Jane Doe [6.5^git1-1]", Some("6.5^git1-1")),
            ("j@example.org", None),
            ("Jane Doe <j@example.org>", None),
            ("Builder <b@example.org> - builder/0a1b2c", None),
            ("Jane Doe <j@example.org> - rebuilt", None),
            ("Jane Doe <j@example.org> [2.3-4", None),
            ("Jane Doe <j@example.org> - 2.3-4 again", None),
            ("", None),
        ] {
            assert_eq!(read(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn an_entry_without_an_epoch_has_that_of_its_package() {
        let name = "Jane Doe <j@example.org> - 2.3-4";
        let of = |epoch| version(name, epoch).unwrap().as_str().to_owned();
        assert_eq!(of(Some(2)), "2:2.3-4");
        assert_eq!(of(Some(0)), "2.3-4");
        assert_eq!(version("J <j@example.org> 1:2.3", Some(2)).unwrap().as_str(), "1:2.3");
    }

    #[test]
    fn an_entry_whose_version_is_not_told_is_kept_apart() {
        let texts: Texts<'_> = vec![
            (30, b"J <j@example.org> [3-1]", b"- a fix {CVE-2024-0003}"),
            (20, b"j@example.org", b"- a fix {CVE-2024-0002}"),
            (10, b"J <j@example.org> [1-1]", b"- \xff CVE-2024-0001, CVE-2024-\n  0004"),
        ];
        let log = changelog(&texts, None);
        let entries: Vec<(&str, Option<i64>, usize)> = log
            .entries
            .iter()
            .map(|entry| (entry.version.as_str(), entry.released_unix_s, entry.cves.len()))
            .collect();
        assert_eq!(entries, [("3-1", Some(30), 1), ("1-1", Some(10), 2)]);
        let cves = CveId::all_in("CVE-2024-0002");
        let unversioned = UnversionedEntry { at: 2, released_unix_s: Some(20), cves };
        assert_eq!(log.unversioned, [unversioned]);
        assert_eq!(log.cves().len(), 4);
        let running = PackageVersion::Rpm(RpmVersion::parse("1-1").unwrap());
        assert_eq!(log.fixed_since(&running, None).may_lack, Some(Lacking::Unversioned(1)));
    }

    proptest! {
        #[test]
        fn no_name_panics(name in "([<>\\[\\] :.-]|[a-z0-9]|.){0,30}", epoch in any::<Option<u32>>()) {
            let _ = version(&name, epoch);
        }
    }
}
