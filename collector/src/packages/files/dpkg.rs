//! Files of packages that dpkg installed: `/var/lib/dpkg/info/<package>.list` with their paths and
//! `.md5sums` beside it, both with `:<architecture>` in their names where several can be installed
//! (dpkg-query(1), deb-md5sums(5)). A package need not bring sums, and configuration has none.
//!
//! A path may be diverted (dpkg-divert(1)): then another package has put its own file there.

use super::checksum::{Kind, Sum};
use super::{Asked, Claim, Claims, likely_first};
use crate::packages::dpkg::{STATUS, stanzas_of, version_of};
use crate::reader::{Reader, malformed};
use crate::sources::packages::holds_kernel;
use scrubjay_model::{DebVersion, NonValue, NotChecked, PackageVersion, Reading};
use std::collections::{BTreeMap, BTreeSet};

const INFO: &str = "var/lib/dpkg/info";
const DIVERSIONS: &str = "var/lib/dpkg/diversions";

/// What dpkg's database says of the files asked about.
pub(crate) fn claims(reader: &Reader<'_>, asked: &Asked) -> Reading<Claims> {
    let entries = match reader.entries(INFO).into_result() {
        Ok(entries) => entries,
        Err(why) => return why.into(),
    };
    let lists = entries.into_iter().filter(|entry| !entry.is_dir);
    let mut stems: Vec<String> =
        lists.filter_map(|entry| Some(entry.name.strip_suffix(".list")?.to_owned())).collect();
    let mut claims = Claims { fault: likely_first(&mut stems), ..Claims::default() };
    let diverted = diverted(reader, asked);
    let by = |path: &str| diverted.as_ref().ok().and_then(|diverted| diverted.get(path));
    let mut holders: BTreeMap<&str, &str> = BTreeMap::new();
    for stem in &stems {
        if holders.len() == asked.paths.len() {
            break;
        }
        let list = format!("{INFO}/{stem}.list");
        let lines = reader.lines_that(&list, &|line| asked.find(line).is_some());
        match lines.into_result() {
            Ok(lines) => {
                let paths = lines.split(|byte| *byte == b'\n').filter_map(|line| asked.find(line));
                for path in paths.filter(|path| by(path).is_none_or(|by| by == package(stem).0)) {
                    holders.entry(path).or_insert(stem);
                }
            }
            // It was removed since it was listed.
            Err(NonValue::Absent(_)) => {}
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => claims.failed(why),
        }
    }
    if holders.is_empty() {
        return Reading::Value(claims);
    }
    let names: BTreeSet<&str> = holders.values().map(|stem| package(stem).0).collect();
    // Of the same file another source has captured the kernels.
    let stanzas = reader.part(STATUS, |status| {
        stanzas_of(status, &|name| names.contains(name) || holds_kernel(name))
    });
    let stanzas = stanzas.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).into_result();
    for (path, stem) in holders {
        let claim = stanzas.as_ref().map_err(Clone::clone).and_then(|stanzas| {
            let version = version(stanzas, stem)?;
            let sum = match &diverted {
                Ok(_) => sum(reader, asked, path, stem),
                // It may be of another package.
                Err(why) => Err(NotChecked::Unread(why.clone())),
            };
            Ok(Claim { package: package(stem).0.to_owned(), version, sum })
        });
        claims.add(path, claim);
    }
    Reading::Value(claims)
}

/// Name and architecture in the name of a list.
fn package(stem: &str) -> (&str, Option<&str>) {
    stem.split_once(':').map_or((stem, None), |(name, arch)| (name, Some(arch)))
}

fn version(stanzas: &str, stem: &str) -> Result<PackageVersion, NonValue> {
    let (name, arch) = package(stem);
    let version = version_of(stanzas, name, arch).and_then(|text| DebVersion::parse(text).ok());
    let odd = || malformed(STATUS, "a package with a version", stem.as_bytes());
    version.map(PackageVersion::Deb).ok_or_else(odd)
}

/// Paths whose file is of this package instead, or of the admin (`:`).
fn diverted(reader: &Reader<'_>, asked: &Asked) -> Result<BTreeMap<String, String>, NonValue> {
    // Three lines each: the path, where its file went, and who asked for that.
    let part = reader.part(DIVERSIONS, |bytes| {
        let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let asked = lines
            .chunks_exact(3)
            .filter(|three| three.first().is_some_and(|path| asked.find(path).is_some()));
        asked.flatten().flat_map(|line| [line, &b"\n"[..]].concat()).collect()
    });
    let bytes = match part.into_result() {
        Ok(bytes) => bytes,
        Err(NonValue::Absent(_)) => return Ok(BTreeMap::new()),
        Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => return Err(why),
    };
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let three = lines.chunks_exact(3).filter_map(|three| match three {
        [path, _, by] => {
            Some((asked.find(path)?.to_owned(), String::from_utf8_lossy(by).into_owned()))
        }
        _ => None,
    });
    Ok(three.collect())
}

fn sum(reader: &Reader<'_>, asked: &Asked, path: &str, stem: &str) -> Result<Sum, NotChecked> {
    let sums = format!("{INFO}/{stem}.md5sums");
    // `<sum>  <path>`
    let parts = |line: &[u8]| {
        let (sum, path) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')?)?;
        Some((sum.to_owned(), asked.find(path.trim_ascii_start())?.to_owned()))
    };
    let lines = match reader.lines_that(&sums, &|line| parts(line).is_some()).into_result() {
        Ok(lines) => lines,
        Err(NonValue::Absent(_)) => return Err(NotChecked::NoSum),
        Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => {
            return Err(NotChecked::Unread(why));
        }
    };
    let mut lines = lines.split(|byte| *byte == b'\n').filter_map(parts);
    let (digits, _) = lines.find(|(_, of)| of == path).ok_or(NotChecked::NoSum)?;
    let odd = || malformed(&sums, "an MD5 sum of 32 digits", &digits);
    Sum::of_hex(Kind::Md5, &digits).ok_or_else(odd).map_err(NotChecked::Unread)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::packages::files::tests::{PATH, found, read};

    /// A database in which a package holds that file with that sum, and another none.
    pub(crate) fn database(path: &str, sum: &str) -> String {
        format!(
            "//- {STATUS}\nPackage: kpatch-patch\nStatus: install ok installed\n\
             Architecture: amd64\nVersion: 1:2-3\n\n\
             Package: bash\nStatus: install ok installed\nArchitecture: amd64\nVersion: 5.2-1\n\n\
             //- {INFO}/bash.list\n/.\n/bin/bash\n\
             //- {INFO}/kpatch-patch:amd64.list\n/.\n/{path}\n/usr/share/doc/kpatch-patch\n\
             //- {INFO}/kpatch-patch:amd64.md5sums\n\
             d41d8cd98f00b204e9800998ecf8427e  usr/share/doc/kpatch-patch/copyright\n\
             {sum}  {path}\n\
             //- {DIVERSIONS}\n/bin/sh\n/bin/sh.distrib\ndash\n"
        )
    }

    const SUM: &str = "900150983cd24fb0d6963f7d28e17f72";

    fn sum() -> Result<Sum, NotChecked> {
        Ok(Sum::of_hex(Kind::Md5, SUM.as_bytes()).unwrap())
    }

    #[test]
    fn the_package_is_found_with_its_version_and_sum() {
        let usr = format!("usr/{PATH}");
        for path in [PATH, &usr] {
            let found = found(&database(path, SUM), claims);
            assert_eq!(found, ("kpatch-patch 1:2-3".to_owned(), sum()));
        }
        let plain = database(PATH, SUM).replace("kpatch-patch:amd64.", "kpatch-patch.");
        assert_eq!(found(&plain, claims).1, sum());
    }

    #[test]
    fn of_two_architectures_the_one_of_the_list_counts() {
        let other = "//- var/lib/dpkg/status\nPackage: kpatch-patch\nArchitecture: i386\n\
                     Version: 9-9\n\n";
        let text = database(PATH, SUM).replace("//- var/lib/dpkg/status\n", other);
        assert_eq!(found(&text, claims).0, "kpatch-patch 1:2-3");
    }

    #[test]
    fn a_package_without_a_sum_of_the_file_leaves_nothing_to_compare() {
        let text = database(PATH, SUM);
        for lacking in [
            text.replace(".md5sums", ".sums"),
            text.replace(&format!("{SUM}  {PATH}"), &format!("{SUM}  {PATH}.xz")),
        ] {
            assert_eq!(found(&lacking, claims).1, Err(NotChecked::NoSum), "{lacking}");
        }
        for spoilt in [
            text.replace(SUM, "900150983cd24fb0d6963f7d28e17f7"),
            text.replace(
                &format!("//- {INFO}/kpatch-patch:amd64.md5sums"),
                &format!("//- dir {INFO}/kpatch-patch:amd64.md5sums\n//- x"),
            ),
        ] {
            let sum = found(&spoilt, claims).1;
            assert!(matches!(sum, Err(NotChecked::Unread(_))), "{spoilt} {sum:?}");
        }
    }

    #[test]
    fn a_diverted_file_belongs_to_who_diverted_it() {
        let diverted = |by: &str| {
            let three = format!("/usr/{PATH}\n/usr/{PATH}.distrib\n{by}\n/bin/sh\n");
            database(PATH, SUM)
                .replace("/bin/sh\n/bin/sh.distrib", &format!("{three}/bin/sh.distrib"))
        };
        assert_eq!(found(&diverted("kpatch-patch"), claims).1, sum());
        for by in [":", "bash"] {
            let claims = read(&diverted(by), claims).into_result().unwrap();
            assert_eq!(claims, Claims::default(), "{by}");
        }
        let unread = database(PATH, SUM).replace(
            &format!("//- {DIVERSIONS}\n"),
            &format!("//- errno=EACCES {DIVERSIONS}\n//- x\n"),
        );
        assert!(matches!(found(&unread, claims).1, Err(NotChecked::Unread(_))));
    }

    #[test]
    fn what_cannot_be_read_may_hold_the_file() {
        let list = format!("//- {INFO}/kpatch-patch:amd64.list");
        let failing = format!("//- errno=EIO {INFO}/kpatch-patch:amd64.list\n//- x");
        let unread = database(PATH, SUM).replace(&list, &failing);
        let found = read(&unread, claims).into_result().unwrap();
        assert_eq!(found.of(PATH), None);
        assert!(matches!(found.fault, Some(NonValue::Unreadable(..))), "{found:?}");

        for status in
            ["//- errno=EIO var/lib/dpkg/status\n//- x", "//- var/lib/dpkg/status\n\n//- x"]
        {
            let text = database(PATH, SUM).replace("//- var/lib/dpkg/status", status);
            let found = read(&text, claims).into_result().unwrap();
            assert!(found.of(PATH).unwrap().is_err(), "{status}");
        }
        assert!(read("//- var/lib/dpkg/status\n\n", claims).is_absent());
        let closed = read("//- errno=EACCES var/lib/dpkg/info\n", claims);
        assert!(matches!(closed, Reading::Unreadable(..)));
    }
}
