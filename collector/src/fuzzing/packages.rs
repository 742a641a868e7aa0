//! Databases of package managers, and changelogs.

use super::host_of;
use crate::packages::files::{self, Asked};
use crate::packages::rpm_header::Header;
use crate::packages::{self, DebianChangelog, dpkg as status, needed, rpm};
use crate::reader::Reader;
use jiff::tz::TimeZone;

/// A file that is asked about.
const MODULE: &str = "lib/modules/6.1/extra/lp.ko";

fn asked() -> Asked {
    Asked::new([MODULE])
}

/// The status of dpkg, its log, and each of the files that tell whose a file is.
pub fn dpkg(bytes: &[u8]) {
    let stanzas = status::stanzas_of(bytes, &|name| name.starts_with("linux-"));
    let again = status::stanzas_of(&stanzas, &|name| name.starts_with("linux-"));
    assert_eq!(again, stanzas, "stanzas of stanzas");
    let text = String::from_utf8_lossy(bytes);
    let (packages, _) = status::installed(&text);
    for package in &packages {
        let _ = status::installed_unix_s(&text, package, &TimeZone::UTC);
        let found = status::version_of(&text, &package.name, None);
        assert!(found.is_some(), "a package without a version is installed");
    }
    let list = format!("/{MODULE}\n{MODULE}\n");
    let list_path = "var/lib/dpkg/info/linux.list";
    for path in [
        list_path,
        "var/lib/dpkg/info/linux.md5sums",
        "var/lib/dpkg/status",
        "var/lib/dpkg/diversions",
    ] {
        let host = host_of([(list_path, list.as_bytes()), (path, bytes)]);
        let _ = files::dpkg::claims(&Reader::new(&host), &asked());
    }
}

/// The database of rpm in each of its formats.
pub fn rpm_database(bytes: &[u8]) {
    for path in ["usr/lib/sysimage/rpm/Packages.db", "var/lib/rpm/rpmdb.sqlite"] {
        let host = host_of([(path, bytes)]);
        let reader = Reader::new(&host);
        let _ = rpm::read(&reader, &|_| true);
        let _ = files::rpm::claims(&reader, &asked());
    }
}

/// The header of one package, with its files and its changelog.
pub fn rpm_header(bytes: &[u8]) {
    let cut = Header::beginning(bytes).and_then(|header| header.name());
    if let Ok(header) = Header::parse(bytes) {
        assert_eq!(header.name(), cut, "the name of a whole header is that of its beginning");
        let files = header.files().map_or(0, |files| files.len());
        assert!(files <= bytes.len(), "more files than bytes");
        let _ = header.package("var/lib/rpm/rpmdb.sqlite");
    }
}

/// The database of pacman.
pub fn pacman(bytes: &[u8]) {
    let files_path = "var/lib/pacman/local/linux-1-1/files";
    let list = format!("%FILES%\n{MODULE}\n");
    for path in
        ["var/lib/pacman/local/linux-1-1/desc", files_path, "var/lib/pacman/local/linux-1-1/mtree"]
    {
        let host = host_of([(files_path, list.as_bytes()), (path, bytes)]);
        let reader = Reader::new(&host);
        let _ = packages::pacman::read(&reader, &|_| true);
        let _ = files::pacman::claims(&reader, &asked());
    }
}

/// The database of apk.
pub fn apk(bytes: &[u8]) {
    let host = host_of([("lib/apk/db/installed", bytes)]);
    let reader = Reader::new(&host);
    let _ = packages::apk::read(&reader, &|_| true);
    let _ = files::apk::claims(&reader, &asked());
}

/// The changelog of a Debian package. The lines that a capture keeps say the same as all of them.
pub fn debian_changelog(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let whole = packages::debian_changelog(&text).entries;
    let (mut kept, mut goes_on) = (DebianChangelog::default(), false);
    text.lines().filter(|line| needed(line, &mut goes_on)).for_each(|line| kept.line(line));
    assert_eq!(kept.finish().entries, whole, "the lines that are needed say the same");
}
