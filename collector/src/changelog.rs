//! Changelogs of packages, for what they say was fixed, and since when.
//!
//! Debian's form (deb-changelog(5)): entries, newest first, each with a line `source (version)
//! distribution; …`, lines of what changed, and a line ` -- name <address>  date`.

use scrubjay_model::{CveId, DebVersion};
use std::collections::BTreeSet;

/// What one version of a package changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeEntry {
    /// The version, as the source package has it.
    pub version: DebVersion,
    /// When it was released, seconds since the Unix epoch; `None` where no date can be read.
    pub released_unix_s: Option<i64>,
    /// Vulnerabilities it names.
    pub cves: BTreeSet<CveId>,
}

/// The entries of a changelog in the order of the file, which is newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changelog {
    /// Those that were understood.
    pub entries: Vec<ChangeEntry>,
    /// Lines, counted from 1, at which an entry begins whose version is none. What it names is not
    /// known to be of any version.
    pub not_understood: Vec<usize>,
}

/// What is fixed above a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedSince {
    /// Vulnerabilities named by newer entries and by none up to that version, each with the release
    /// date of the first entry that names it.
    pub cves: Vec<(CveId, Option<i64>)>,
    /// Whether there may be more: the changelog does not reach back to that version, or a part of
    /// it was not understood.
    pub is_lower_bound: bool,
}

impl Changelog {
    /// Reads a changelog of Debian's form.
    pub fn debian(text: &str) -> Self {
        let mut changelog = Self::default();
        // The entry being read: its version, and its lines so far.
        let mut open: Option<(DebVersion, String)> = None;
        for (at, line) in text.lines().enumerate() {
            if let Some((source, version)) = heading(line) {
                changelog.close(open.take(), None);
                match DebVersion::parse(&of_source(source, version)) {
                    Ok(version) => open = Some((version, String::new())),
                    Err(_) => changelog.not_understood.push(at + 1),
                }
            } else if let Some(date) = trailer(line) {
                changelog.close(open.take(), Some(date));
            } else if let Some((_, lines)) = &mut open {
                lines.push_str(line);
                lines.push('\n');
            }
        }
        changelog.close(open, None);
        changelog
    }

    fn close(&mut self, entry: Option<(DebVersion, String)>, date: Option<&str>) {
        let Some((version, lines)) = entry else { return };
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let released_unix_s = date.map(|date| date.timestamp().as_second());
        self.entries.push(ChangeEntry { version, released_unix_s, cves: CveId::all_in(&lines) });
    }

    /// What versions above `running` fix.
    pub fn fixed_since(&self, running: &DebVersion) -> FixedSince {
        let (newer, known): (Vec<&ChangeEntry>, Vec<&ChangeEntry>) =
            self.entries.iter().partition(|entry| entry.version > *running);
        let had: BTreeSet<CveId> = known.iter().flat_map(|entry| &entry.cves).copied().collect();
        let mut cves: Vec<(CveId, Option<i64>)> = Vec::new();
        let mut seen = had;
        // The oldest first: its date is that of the fix, whoever names it again later.
        for entry in newer.iter().rev() {
            let new = entry.cves.iter().filter(|cve| seen.insert(**cve));
            cves.extend(new.map(|cve| (*cve, entry.released_unix_s)));
        }
        cves.sort_unstable();
        let reaches = known.iter().any(|entry| entry.version == *running);
        FixedSince { cves, is_lower_bound: !reaches || !self.not_understood.is_empty() }
    }
}

/// The source and version of a line that begins an entry.
fn heading(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with(|first: char| first.is_ascii_alphanumeric()) {
        return None;
    }
    let (source, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    (!source.contains(' ') && rest.contains(';')).then_some((source, version))
}

/// The date of a line that ends an entry.
fn trailer(line: &str) -> Option<&str> {
    let (_, date) = line.strip_prefix(" -- ")?.split_once('>')?;
    Some(date.trim())
}

/// The version that the source of the kernel has. Debian signs kernels in a package of its own,
/// whose version `6.1.192+2` stands for `6.1.192-2` of `linux`.
fn of_source(source: &str, version: &str) -> String {
    match version.rsplit_once('+') {
        Some((upstream, revision)) if source.starts_with("linux-signed-") => {
            format!("{upstream}-{revision}")
        }
        _ => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "\
linux-signed-amd64 (6.1.192+2) bookworm-security; urgency=high

  * Sign kernel from linux 6.1.192-2

  * ext4: fix a dereference (CVE-2026-0007, CVE-2026-0008)

 -- A Maintainer <a@example.org>  Mon, 16 Nov 2026 11:17:40 +0100

linux (6.1.192-1) bookworm-security; urgency=high

  * New upstream stable update:
    - net: one more fix that is long enough for its line to end here (CVE-2026-
      0005)
    - net: named before (CVE-2026-0001)

 -- A Maintainer <a@example.org>  Sat, 14 Nov 2026 11:29:58 +0100

linux (6.1.170-3) bookworm-security; urgency=high

  * net: a fix (CVE-2026-0001)

 -- A Maintainer <a@example.org>  no date
";

    fn version(text: &str) -> DebVersion {
        DebVersion::parse(text).unwrap()
    }

    fn since(text: &str, running: &str) -> (Vec<String>, bool) {
        let fixed = Changelog::debian(text).fixed_since(&version(running));
        let cves = fixed.cves.iter().map(|(cve, _)| cve.to_string()).collect();
        (cves, fixed.is_lower_bound)
    }

    #[test]
    fn each_entry_has_its_version_date_and_fixes() {
        let log = Changelog::debian(TEXT);
        let entries: Vec<(&str, Option<i64>, usize)> = log
            .entries
            .iter()
            .map(|entry| (entry.version.as_str(), entry.released_unix_s, entry.cves.len()))
            .collect();
        assert_eq!(
            entries,
            [
                ("6.1.192-2", Some(1_794_824_260), 2),
                ("6.1.192-1", Some(1_794_652_198), 2),
                ("6.1.170-3", None, 1)
            ]
        );
        assert!(log.not_understood.is_empty());
    }

    #[test]
    fn what_an_older_version_fixed_is_not_missing() {
        let newest = ["CVE-2026-0007", "CVE-2026-0008"].map(str::to_owned).to_vec();
        let all = ["CVE-2026-0005", "CVE-2026-0007", "CVE-2026-0008"].map(str::to_owned).to_vec();
        assert_eq!(since(TEXT, "6.1.192-2"), (Vec::new(), false));
        assert_eq!(since(TEXT, "6.1.192-1"), (newest, false));
        assert_eq!(since(TEXT, "6.1.170-3"), (all.clone(), false));
        // A version that is not among them: what it had, nobody says.
        assert_eq!(since(TEXT, "6.1.180-1"), (all, true));
    }

    #[test]
    fn the_clock_of_a_fix_begins_with_the_first_entry_that_names_it() {
        let fixed = Changelog::debian(TEXT).fixed_since(&version("6.1.1-1"));
        let dates: Vec<(String, Option<i64>)> =
            fixed.cves.iter().map(|(cve, at)| (cve.to_string(), *at)).collect();
        let expected = [
            ("CVE-2026-0001", None),
            ("CVE-2026-0005", Some(1_794_652_198)),
            ("CVE-2026-0007", Some(1_794_824_260)),
            ("CVE-2026-0008", Some(1_794_824_260)),
        ];
        assert_eq!(dates, expected.map(|(cve, at)| (cve.to_owned(), at)));
        assert!(fixed.is_lower_bound);
    }

    #[test]
    fn a_version_that_is_none_makes_a_lower_bound() {
        let text = format!("linux (6.1 x) sid; urgency=low\n\n  * CVE-2026-9999\n\n{TEXT}");
        let log = Changelog::debian(&text);
        assert_eq!((log.not_understood.as_slice(), log.entries.len()), (&[1][..], 3));
        let (cves, is_lower_bound) = since(&text, "6.1.192-2");
        assert!(cves.is_empty() && is_lower_bound);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(linux \\(|[0-9.+-]|\\) sid; |\n| -- a <b>  |CVE-2024-1234|.){0,40}") {
            let log = Changelog::debian(&text);
            let _ = log.fixed_since(&version("1-1"));
        }
    }
}
