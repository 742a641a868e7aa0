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
            // An installation was cut short.
            Err(NonValue::Absent(_)) => {
                claims.failed(malformed(&files, "the files of a package", b"none"));
            }
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => claims.failed(why),
        }
    }
    Reading::Value(claims)
}

fn claim(reader: &Reader<'_>, asked: &Asked, path: &str, folder: &str) -> Result<Claim, NonValue> {
    let odd = || malformed(LOCAL, "a folder with a name and a version", folder.as_bytes());
    let named = split(folder).and_then(|(name, v)| Some((name, RpmVersion::parse(v).ok()?)));
    let (name, version) = named.ok_or_else(odd)?;
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
            return Err(NotChecked::Unread(why));
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
            return sum.map_err(NotChecked::Unread);
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
        if u64::try_from(text.len()).map_or(true, |length| length > MTREE_LIMIT) {
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::packages::files::tests::{PATH, found, read};
    use proptest::prelude::*;
    use std::io::Write as _;

    /// A database in which a package holds that file with that checksum, and another none.
    pub(crate) fn database(path: &str, sum: &str) -> String {
        let mtree = format!(
            "#mtree\n/set type=file uid=0 gid=0 mode=644\n./.BUILDINFO time=1.0 size=2 \
             sha256digest=00\n./usr/share/a\\040b time=1.0 type=dir\n\
             ./{path} time=1700000000.0 size=3 {sum}\n"
        );
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(mtree.as_bytes()).unwrap();
        let digits: String =
            packed.finish().unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            "//- {LOCAL}/ALPM_DB_VERSION\n9\n\
             //- {LOCAL}/bash-5.2-1/files\n%FILES%\nusr/bin/bash\n\
             //- {LOCAL}/linux-livepatch-1:6.9.7-2/files\n%FILES%\nusr/\n{path}\n\
             //- hex {LOCAL}/linux-livepatch-1:6.9.7-2/mtree\n{digits}\n"
        )
    }

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn the_package_is_found_with_its_version_and_the_better_sum() {
        let sum = |kind, digits: &str| Ok(Sum::of_hex(kind, digits.as_bytes()).unwrap());
        let path = format!("usr/{PATH}");
        for (keys, expected) in [
            (format!("md5digest={MD5} sha256digest={SHA}"), sum(Kind::Sha256, SHA)),
            (format!("md5digest={MD5}"), sum(Kind::Md5, MD5)),
            ("type=link link=../a.ko".to_owned(), Err(NotChecked::NoSum)),
        ] {
            let found = found(&database(&path, &keys), claims);
            assert_eq!(found, ("linux-livepatch 1:6.9.7-2".to_owned(), expected), "{keys}");
        }
    }

    #[test]
    fn a_list_of_sums_that_is_missing_or_broken_leaves_nothing_to_compare() {
        let text = database(PATH, &format!("sha256digest={SHA}"));
        let gone = text.replace("/mtree", "/other");
        assert_eq!(found(&gone, claims).1, Err(NotChecked::NoSum));
        for spoilt in [
            text.replace("mtree\n1f8b", "mtree\n1f8bff"),
            text.replace("//- hex", "//- errno=EIO").replace("mtree\n1f8b", "mtree\n//- x\n"),
            database(PATH, "sha256digest=00"),
        ] {
            let sum = found(&spoilt, claims).1;
            assert!(matches!(sum, Err(NotChecked::Unread(_))), "{spoilt} {sum:?}");
        }
    }

    #[test]
    fn a_package_without_a_list_may_hold_the_file() {
        let text = database(PATH, "").replace("2/files", "2/other");
        let found = read(&text, claims).into_result().unwrap();
        assert_eq!(found.of(PATH), None);
        assert!(matches!(found.fault, Some(NonValue::Malformed(..))));
        assert!(read("//- var/lib/other\n", claims).is_absent());
    }

    #[test]
    fn names_are_read_as_they_are_escaped() {
        assert_eq!(unescaped(br"./a\040b\134"), br"./a b\");
        assert_eq!(unescaped(br"a\9\12"), br"a\9\12");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let asked = Asked::new([PATH]);
            let _ = (lines_of("mtree", &asked, &bytes), unescaped(&bytes));
        }
    }
}
