//! Changelogs of Debian packages, for what they say was fixed, and since when.
//!
//! Their form (deb-changelog(5)): entries, newest first, each with a line `source (version)
//! distribution; …`, lines of what changed, and a line ` -- name <address>  date`.

use scrubjay_model::{ChangeEntry, Changelog, CveId, DebVersion, PackageVersion, UnversionedEntry};
use std::collections::BTreeSet;

/// An entry being read.
#[derive(Debug)]
struct Open {
    at: usize,
    /// `None` if what stands for one is none.
    version: Option<DebVersion>,
    cves: BTreeSet<CveId>,
    /// Lines that are looked at together, as a name goes on in the next one.
    together: String,
    goes_on: bool,
}

impl Open {
    /// Of an entry only the names are kept, however long it is.
    fn line(&mut self, line: &str) {
        if needed(line, &mut self.goes_on) {
            self.together.push_str(line);
            self.together.push('\n');
        }
        if !self.goes_on {
            self.look();
        }
    }

    fn look(&mut self) {
        if !self.together.is_empty() {
            self.cves.extend(CveId::all_in(&self.together));
            self.together.clear();
        }
    }
}

/// Takes in a changelog line by line, so that a long one is never in memory as a whole.
#[derive(Debug, Default)]
pub struct DebianChangelog {
    read: Changelog,
    /// The entry being read.
    open: Option<Open>,
    /// Lines taken in.
    lines: usize,
}

impl DebianChangelog {
    /// Takes in the next line, without its line feed.
    pub fn line(&mut self, line: &str) {
        self.lines += 1;
        if let Some((source, version)) = heading(line) {
            self.close(None);
            let version = DebVersion::parse(&of_source(source, version)).ok();
            let (cves, together) = (BTreeSet::new(), String::new());
            self.open = Some(Open { at: self.lines, version, cves, together, goes_on: false });
        } else if let Some(date) = trailer(line) {
            self.close(Some(date));
        } else if let Some(open) = &mut self.open {
            open.line(line);
        }
    }

    /// What was read.
    pub fn finish(mut self) -> Changelog {
        self.close(None);
        self.read
    }

    fn close(&mut self, date: Option<&str>) {
        let Some(mut open) = self.open.take() else { return };
        open.look();
        let Open { at, version, cves, .. } = open;
        let date = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok());
        let released_unix_s = date.map(|date| date.timestamp().as_second());
        match version {
            Some(version) => {
                let version = PackageVersion::Deb(version);
                self.read.entries.push(ChangeEntry { version, released_unix_s, cves });
            }
            None => self.read.unversioned.push(UnversionedEntry { at, released_unix_s, cves }),
        }
    }
}

/// Whether an entry of a changelog needs this line, if all that is wanted are versions, dates and
/// vulnerabilities. Each line is asked about in turn: what follows a line that breaks off in the
/// middle of a name is needed with it.
pub(crate) fn needed(line: &str, goes_on: &mut bool) -> bool {
    let needed = *goes_on || line.contains("CVE-");
    *goes_on = needed && line.trim_end().ends_with('-');
    needed || heading(line).is_some() || trailer(line).is_some()
}

/// Reads a whole changelog.
pub fn debian_changelog(text: &str) -> Changelog {
    let mut changelog = DebianChangelog::default();
    text.lines().for_each(|line| changelog.line(line));
    changelog.finish()
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
    use scrubjay_model::Lacking;

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

    fn version(text: &str) -> PackageVersion {
        PackageVersion::Deb(DebVersion::parse(text).unwrap())
    }

    fn since(text: &str, running: &str) -> (Vec<String>, Option<Lacking>) {
        let fixed = debian_changelog(text).fixed_since(&version(running), None);
        let cves = fixed.fixes.iter().map(|fix| fix.cve.to_string()).collect();
        (cves, fixed.may_lack)
    }

    #[test]
    fn each_entry_has_its_version_date_and_fixes() {
        let log = debian_changelog(TEXT);
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
        assert!(log.unversioned.is_empty());
    }

    #[test]
    fn what_an_older_version_fixed_is_not_missing() {
        let newest = ["CVE-2026-0007", "CVE-2026-0008"].map(str::to_owned).to_vec();
        let all = ["CVE-2026-0005", "CVE-2026-0007", "CVE-2026-0008"].map(str::to_owned).to_vec();
        assert_eq!(since(TEXT, "6.1.192-2"), (Vec::new(), None));
        assert_eq!(since(TEXT, "6.1.192-1"), (newest, None));
        assert_eq!(since(TEXT, "6.1.170-3"), (all.clone(), None));
        // A version that is not among them: what it had, nobody says.
        assert_eq!(since(TEXT, "6.1.180-1"), (all, Some(Lacking::Cut)));
    }

    #[test]
    fn the_clock_of_a_fix_begins_with_the_first_entry_that_names_it() {
        let fixed = debian_changelog(TEXT).fixed_since(&version("6.1.1-1"), None);
        let dates: Vec<(String, Option<i64>)> =
            fixed.fixes.iter().map(|fix| (fix.cve.to_string(), fix.released_unix_s)).collect();
        let expected = [
            ("CVE-2026-0001", None),
            ("CVE-2026-0005", Some(1_794_652_198)),
            ("CVE-2026-0007", Some(1_794_824_260)),
            ("CVE-2026-0008", Some(1_794_824_260)),
        ];
        assert_eq!(dates, expected.map(|(cve, at)| (cve.to_owned(), at)));
        assert_eq!(fixed.may_lack, Some(Lacking::Cut));
    }

    #[test]
    fn a_version_that_is_none_makes_a_lower_bound() {
        let text = format!("linux (6.1 x) sid; urgency=low\n\n  * CVE-2026-9999\n\n{TEXT}");
        let log = debian_changelog(&text);
        let cves = CveId::all_in("CVE-2026-9999");
        let unversioned = UnversionedEntry { at: 1, released_unix_s: None, cves };
        assert_eq!((log.unversioned.as_slice(), log.entries.len()), (&[unversioned][..], 3));
        let (cves, may_lack) = since(&text, "6.1.192-2");
        assert!(cves.is_empty());
        assert_eq!(may_lack, Some(Lacking::Unversioned(1)));
    }

    #[test]
    fn the_lines_that_are_needed_say_the_same() {
        let mut goes_on = false;
        let kept: Vec<&str> = TEXT.lines().filter(|line| needed(line, &mut goes_on)).collect();
        assert!(kept.len() < TEXT.lines().count());
        assert_eq!(debian_changelog(&kept.join("\n")), debian_changelog(TEXT));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(linux \\(|[0-9.+-]|\\) sid; |\n| -- a <b>  |CVE-2024-1234|.){0,40}") {
            let log = debian_changelog(&text);
            let _ = log.fixed_since(&version("1-1"), None);
        }
    }
}
