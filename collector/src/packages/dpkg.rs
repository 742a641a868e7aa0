//! dpkg's database: `/var/lib/dpkg/status`, and when a package was installed by its log.
//!
//! The status is a list of stanzas (deb822(5)), one a package, also for those that are only half
//! installed or of which nothing but configuration is left.

use crate::lines;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use memchr::memmem;
use scrubjay_model::DebVersion;

/// Where the database is.
pub(crate) const STATUS: &str = "var/lib/dpkg/status";

/// A package that is installed as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DebPackage {
    pub(crate) name: String,
    pub(crate) arch: String,
    pub(crate) version: DebVersion,
}

/// The stanzas of packages with wanted names, as they stand there.
pub(crate) fn stanzas_of(status: &[u8], wants: &dyn Fn(&str) -> bool) -> Vec<u8> {
    let mut kept = String::new();
    let mut from = 0;
    let ends = memmem::find_iter(status, b"\n\n").chain(std::iter::once(status.len()));
    for end in ends {
        let stanza = status.get(from..end).unwrap_or_default();
        from = end.saturating_add(2);
        // A server has thousands, of which a few are wanted; only these are made text.
        if package(stanza).is_some_and(|name| wants(String::from_utf8_lossy(name).trim())) {
            kept.push_str(String::from_utf8_lossy(stanza).trim_matches('\n'));
            kept.push_str("\n\n");
        }
    }
    kept.into_bytes()
}

/// The name of a package, with what stands around it.
fn package(stanza: &[u8]) -> Option<&[u8]> {
    stanza.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Package:"))
}

/// The packages among stanzas that are installed. What says it is and has no version that is one is
/// returned beside them, by name.
pub(crate) fn installed(stanzas: &str) -> (Vec<DebPackage>, Vec<String>) {
    let (mut packages, mut broken) = (Vec::new(), Vec::new());
    for stanza in stanzas.split("\n\n") {
        // The first word is what the admin wants (`hold` too), the last what is.
        let status: Vec<&str> = field(stanza, "Status").unwrap_or("").split(' ').collect();
        let (Some(name), [_, "ok", "installed"]) = (field(stanza, "Package"), status.as_slice())
        else {
            continue;
        };
        let version = field(stanza, "Version").and_then(|text| DebVersion::parse(text).ok());
        let arch = field(stanza, "Architecture").unwrap_or("").to_owned();
        match version {
            Some(version) => packages.push(DebPackage { name: name.to_owned(), arch, version }),
            None => broken.push(name.to_owned()),
        }
    }
    (packages, broken)
}

/// The version of a package of that name, and of that architecture if one is given, in whatever
/// state its installation is.
pub(crate) fn version_of<'t>(stanzas: &'t str, name: &str, arch: Option<&str>) -> Option<&'t str> {
    let is_it = |stanza: &&str| {
        field(stanza, "Package") == Some(name)
            && (arch.is_none() || field(stanza, "Architecture") == arch)
    };
    // Of two stanzas of one package, as a damaged file may have them, the one that has a version counts.
    stanzas.split("\n\n").filter(is_it).find_map(|stanza| field(stanza, "Version"))
}

fn field<'t>(stanza: &'t str, name: &str) -> Option<&'t str> {
    let mut lines = stanza.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

/// What stands between a moment and a package in a line of dpkg's log.
const INSTALLED: &str = " status installed ";

/// The lines of dpkg's log that say when packages with wanted names were installed, as they stand there.
pub(crate) fn lines_of(log: &[u8], wants: &dyn Fn(&str) -> bool) -> Vec<u8> {
    // A busy server has tens of thousands in a month, of which a few are wanted; only these are made text.
    let is_wanted = |(line, at): &(&[u8], usize)| {
        let package = line.get(at.saturating_add(INSTALLED.len())..).unwrap_or_default();
        let name = package.split(|byte| matches!(byte, b':' | b'\n')).next().unwrap_or_default();
        wants(&String::from_utf8_lossy(name))
    };
    let told = lines::with(log, INSTALLED.as_bytes());
    told.filter(is_wanted).flat_map(|(line, _)| line).copied().collect()
}

/// When dpkg's log says that this version of a package was last installed, seconds since the Unix
/// epoch. The log has local time, so it takes the host's zone.
pub(crate) fn installed_unix_s(log: &str, package: &DebPackage, zone: &TimeZone) -> Option<i64> {
    let DebPackage { name, arch, version } = package;
    let told = format!("{INSTALLED}{name}:{arch} {version}");
    let when = log.lines().rev().find_map(|line| line.strip_suffix(&told))?;
    let civil: DateTime = when.parse().ok()?;
    Some(civil.to_zoned(zone.clone()).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STATUS_TEXT: &str = "\
Package: adduser
Status: install ok installed
Version: 3.134
Description: add users
 Package: not this

Package: linux-image-6.1.0-56-amd64
Status: hold ok installed
Source: linux-signed-amd64 (6.1.192+2)
Version: 6.1.192-2
Architecture: amd64

Package: linux-image-6.1.0-55-amd64
Status: deinstall ok config-files
Version: 6.1.190-1
Architecture: amd64

Package: linux-image-6.1.0-54-amd64
Status: install ok half-installed
Version: 6.1.188-1
Architecture: amd64

Package: linux-image-6.1.0-53-amd64
Status: install ok installed
Version: 6.1 188
Architecture: amd64
";

    fn kernels() -> (Vec<DebPackage>, Vec<String>) {
        let kept = stanzas_of(STATUS_TEXT.as_bytes(), &|name| name.starts_with("linux-image-"));
        installed(std::str::from_utf8(&kept).unwrap())
    }

    /// As it would be done if there were time.
    fn slowly(status: &[u8], wants: &dyn Fn(&str) -> bool) -> Vec<u8> {
        let text = String::from_utf8_lossy(status);
        let wanted =
            text.split("\n\n").filter(|stanza| field(stanza, "Package").is_some_and(wants));
        wanted
            .flat_map(|stanza| [stanza.trim_matches('\n'), "\n\n"])
            .collect::<String>()
            .into_bytes()
    }

    proptest! {
        #[test]
        fn stanzas_are_those_of_the_text(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(&b"Package: linux-image-6.1\n"[..]), Just(&b"Package:\tlinux\n"[..]),
                    Just(&b"Package: linux\r\n"[..]), Just(&b" Package: linux\n"[..]),
                    Just(&b"Version: 1\n"[..]), Just(&b"\n"[..]), Just(&b"\xff\xc3\n"[..]),
                    Just(&b"\xc3\xa9"[..]), Just(&b"Package: l\xffnux\n"[..]),
                ],
                0..24,
            ),
        ) {
            let status = parts.concat();
            for wants in [(|name| name.starts_with("linux")) as fn(&str) -> bool, |_| true] {
                prop_assert_eq!(stanzas_of(&status, &wants), slowly(&status, &wants));
            }
        }
    }

    #[test]
    fn a_stanza_without_a_version_hides_none_that_has_one() {
        let status = "Package: linux\nStatus: install ok installed\nVersf\n\n\
                      Package: linux\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n";
        let (packages, broken) = installed(status);
        assert_eq!((packages.len(), broken.len()), (1, 1));
        assert_eq!(version_of(status, "linux", None), Some("1"));
        assert_eq!(version_of(status, "linux", Some("amd64")), None);
    }

    #[test]
    fn only_what_is_installed_as_a_whole_is_installed() {
        let (packages, broken) = kernels();
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["linux-image-6.1.0-56-amd64"]);
        assert_eq!(packages[0].version.as_str(), "6.1.192-2");
        assert_eq!(packages[0].arch, "amd64");
        assert_eq!(broken, ["linux-image-6.1.0-53-amd64"]);
    }

    #[test]
    fn stanzas_of_stanzas_are_the_same() {
        let wants = |name: &str| name.starts_with("linux-image-");
        let once = stanzas_of(STATUS_TEXT.as_bytes(), &wants);
        assert_eq!(stanzas_of(&once, &wants), once);
        assert!(!String::from_utf8(once).unwrap().contains("adduser"));
    }

    #[test]
    fn the_log_has_local_time_and_the_last_installation_counts() {
        let log = "\
2026-11-01 10:00:00 status installed linux-image-6.1.0-56-amd64:amd64 6.1.192-2
2026-11-02 10:00:00 status half-installed linux-image-6.1.0-56-amd64:amd64 6.1.192-2
2026-11-20 08:30:00 status installed linux-image-6.1.0-56-amd64:amd64 6.1.192-2
2026-11-21 08:30:00 status installed linux-image-6.1.0-56-amd64:amd64 6.1.192-2+b1
";
        let package = &kernels().0[0];
        let utc = 1_795_163_400;
        assert_eq!(installed_unix_s(log, package, &TimeZone::UTC), Some(utc));
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(installed_unix_s(log, package, &east), Some(utc - 7200));
        assert_eq!(installed_unix_s("", package, &TimeZone::UTC), None);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_text(
            parts in prop::collection::vec(
                prop_oneof![
                    Just(&b"2026-11-01 10:00:00"[..]), Just(&b" status installed "[..]), Just(&b"linux-image"[..]),
                    Just(&b":amd64 1\n"[..]), Just(&b"\n"[..]), Just(&b" status installed linux-image:a 1\n"[..]),
                    Just(&b" status half-installed linux-image:a 1\n"[..]), Just(&b":"[..]), Just(&b"\xff"[..]),
                ],
                0..24,
            ),
        ) {
            let log = parts.concat();
            let is_told = |line: &&[u8]| {
                let line = String::from_utf8_lossy(line);
                let package = line.split_once(" status installed ").map(|(_, rest)| rest);
                package.is_some_and(|rest| rest.trim_end_matches('\n').split(':').next() == Some("linux-image"))
            };
            let slowly: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').filter(is_told).collect();
            prop_assert_eq!(lines_of(&log, &|name| name == "linux-image"), slowly.concat());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let kept = stanzas_of(&bytes, &|_| true);
            let _ = installed(&String::from_utf8_lossy(&kept));
            let _ = lines_of(&bytes, &|_| true);
        }
    }
}
