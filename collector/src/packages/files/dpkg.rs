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
            let version = reader.noted(version(stanzas, stem)).into_result()?;
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
    let sum = Sum::of_hex(Kind::Md5, &digits).ok_or_else(odd);
    reader.noted(sum).into_result().map_err(NotChecked::Unread)
}
