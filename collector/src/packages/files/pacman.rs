//! Files of packages that pacman installed: `files` with their paths and `mtree` with their
//! checksums (mtree(5), packed by gzip), in the folder of each package below `var/lib/pacman/local`.

use super::checksum::{Kind, Sum};
use super::{Asked, Claim, Claims, likely_first};
use crate::packages::pacman::{LOCAL, split};
use crate::reader::{Reader, malformed};
use flate2::read::MultiGzDecoder;
use scrubjay_model::{NonValue, NotChecked, PackageVersion, Reading, RpmVersion};
use std::io::Read as _;

/// Longest mtree, inflated. That of a kernel has some 1 MB.
const MTREE_LIMIT: u64 = 64 << 20;

/// What another source takes of the same lists.
const IMAGE: &[u8] = b"/vmlinuz";

/// What pacman's database says of the files asked about.
pub(crate) fn claims(reader: &Reader<'_>, asked: &Asked) -> Reading<Claims> {
    let entries = match reader.entries(LOCAL).into_result() {
        Ok(entries) => entries,
        Err(why) => return why.into(),
    };
    let folders = entries.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name);
    let mut folders: Vec<String> = folders.filter(|folder| split(folder).is_some()).collect();
    let mut claims = Claims { fault: likely_first(&mut folders), ..Claims::default() };
    for folder in &folders {
        if claims.has_all(asked) {
            break;
        }
        let files = format!("{LOCAL}/{folder}/files");
        let lines = reader.lines_that(&files, &|line| {
            asked.find(line).is_some() || line.windows(IMAGE.len()).any(|part| part == IMAGE)
        });
        match lines.into_result() {
            Ok(lines) => {
                let paths = lines.split(|byte| *byte == b'\n').filter_map(|line| asked.find(line));
                for path in paths {
                    claims.add(path, claim(reader, asked, path, folder));
                }
            }
            // An installation that was cut short, or a package that has just been removed.
            Err(why) => claims.failed(why),
        }
    }
    Reading::Value(claims)
}

fn claim(reader: &Reader<'_>, asked: &Asked, path: &str, folder: &str) -> Result<Claim, NonValue> {
    let odd = || malformed(LOCAL, "a folder with a name and a version", folder.as_bytes());
    let named = split(folder).and_then(|(name, v)| Some((name, RpmVersion::parse(v).ok()?)));
    let (name, version) = reader.noted(named.ok_or_else(odd)).into_result()?;
    Ok(Claim {
        package: name.to_owned(),
        version: PackageVersion::Rpm(version),
        sum: sum(reader, asked, path, &format!("{LOCAL}/{folder}/mtree")),
    })
}

fn sum(reader: &Reader<'_>, asked: &Asked, path: &str, mtree: &str) -> Result<Sum, NotChecked> {
    let mut fault = None;
    let lines = reader.part(mtree, |bytes| {
        lines_of(mtree, asked, bytes).unwrap_or_else(|why| {
            fault = Some(why);
            Vec::new()
        })
    });
    let lines = match (lines.into_result(), fault) {
        (Ok(_), Some(why))
        | (Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))), _) => {
            let why = reader.noted::<()>(Err(why)).non_value();
            return Err(why.map_or(NotChecked::NoSum, NotChecked::Unread));
        }
        (Err(NonValue::Absent(_)), _) => return Err(NotChecked::NoSum),
        (Ok(lines), None) => lines,
    };
    let text = String::from_utf8_lossy(&lines);
    let mut lines = text.lines().filter(|line| of_line(asked, line.as_bytes()) == Some(path));
    let line = lines.next().ok_or(NotChecked::NoSum)?;
    for (keys, kind) in
        [(["sha256digest=", "sha256="], Kind::Sha256), (["md5digest=", "md5="], Kind::Md5)]
    {
        let digits =
            line.split(' ').find_map(|word| keys.iter().find_map(|key| word.strip_prefix(key)));
        if let Some(digits) = digits {
            let odd = || malformed(mtree, "a checksum in hexadecimal digits", digits.as_bytes());
            let sum = Sum::of_hex(kind, digits.as_bytes()).ok_or_else(odd);
            return reader.noted(sum).into_result().map_err(NotChecked::Unread);
        }
    }
    Err(NotChecked::NoSum)
}

/// The lines on files that are asked about.
fn lines_of(path: &str, asked: &Asked, bytes: &[u8]) -> Result<Vec<u8>, NonValue> {
    let mut text = Vec::new();
    // In a capture it is plain, whatever its name.
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let read = MultiGzDecoder::new(bytes).take(MTREE_LIMIT + 1).read_to_end(&mut text);
        read.map_err(|error| {
            malformed(path, "an mtree packed by gzip", error.to_string().as_bytes())
        })?;
        if text.len() as u64 > MTREE_LIMIT {
            return Err(malformed(path, "an mtree of at most 64 MiB", b"more"));
        }
    } else {
        text.extend_from_slice(bytes);
    }
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    Ok(lines.filter(|line| of_line(asked, line).is_some()).flatten().copied().collect())
}

/// The file that a line is on, if it is asked about: `./usr/lib/a.ko time=1.0 size=2 …`.
fn of_line<'a>(asked: &'a Asked, line: &[u8]) -> Option<&'a str> {
    let word = line.split(|byte| byte.is_ascii_whitespace()).next()?;
    asked.find(&unescaped(word))
}

/// A name without the escapes of vis(3) that mtree has: `\040` for a blank.
fn unescaped(word: &[u8]) -> Vec<u8> {
    let (mut name, mut rest) = (Vec::with_capacity(word.len()), word);
    while let Some((first, after)) = rest.split_first() {
        let octal = |digits: &[u8]| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
        let byte = (*first == b'\\').then(|| after.get(..3).and_then(octal)).flatten();
        name.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { after.get(3..).unwrap_or_default() } else { after };
    }
    name
}
