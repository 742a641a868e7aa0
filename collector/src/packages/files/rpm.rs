//! Files of packages that rpm installed: in the header of each package, which also has their
//! checksums. In SQLite a table of names tells which headers to look into; elsewhere all are.
//!
//! What rpm leaves out of `rpm --verify` is left out here: a file that another package has replaced,
//! or that was not installed, is not this package's; one may ask not to be compared.

use super::checksum::{Kind, Sum};
use super::{Asked, Claim, Claims, is_likely};
use crate::packages::rpm::{from_either, missing, ndb};
use crate::packages::rpm_header::{Header, Odd, tag};
use crate::packages::sqlite::{Database, Fault, SqliteValue, text_of};
use crate::reader::Reader;
use scrubjay_model::{NonValue, NotChecked, PackageVersion, Reading};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// `RPMFILE_STATE_NORMAL`.
const NORMAL: u8 = 0;
/// `RPMFILE_GHOST`: it is not in the package.
const GHOST: u32 = 1 << 6;
/// `RPMVERIFY_FILEDIGEST`.
const BY_SUM: u32 = 1;

/// What rpm's database says of the files asked about.
pub(crate) fn claims(reader: &Reader<'_>, asked: &Asked) -> Reading<Claims> {
    from_either(
        reader,
        &mut |database, path| of_sqlite(database, path, asked),
        &mut |file, before| {
            let mut claims = Claims::default();
            for likely in [true, false] {
                if claims.has_all(asked) {
                    break;
                }
                ndb::each_package(
                    file,
                    before,
                    &|name| is_likely(name) == likely,
                    &mut |header| {
                        let found =
                            header.and_then(|header| of_header(&header, file.path(), asked));
                        claims.take(found);
                    },
                )?;
            }
            Ok(claims)
        },
    )
}

impl Claims {
    fn take(&mut self, found: Result<Vec<(String, Claim)>, NonValue>) {
        match found {
            Ok(found) => found.into_iter().for_each(|(path, claim)| self.add(&path, Ok(claim))),
            Err(why) => self.failed(why),
        }
    }
}

fn of_sqlite(database: &Database<'_>, path: &str, asked: &Asked) -> Result<Claims, Fault> {
    let names = database.table("Basenames")?.ok_or_else(|| missing("table Basenames"))?;
    let packages = database.table("Packages")?.ok_or_else(|| missing("table Packages"))?;
    let (key, number) = (names.column("key"), names.column("hnum"));
    let blob = packages.column("blob").ok_or_else(|| missing("column blob"))?;
    let last_parts = asked.last_parts();
    let mut numbers: BTreeSet<i64> = BTreeSet::new();
    database.scan(&names, &mut |row| {
        let number = number.and_then(|at| row.get(at)?.integer());
        let Some((name, number)) = text_of(&row, key).zip(number) else {
            return Err(Fault::Damaged("a name and a number for each file", format!("{row:?}")));
        };
        if last_parts.contains(name) {
            numbers.insert(number);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut claims = Claims::default();
    for number in numbers {
        let row = database.row(&packages, number)?;
        let bytes = row.as_ref().and_then(|row| row.get(blob)).and_then(SqliteValue::blob);
        let Some(bytes) = bytes else {
            return Err(Fault::Damaged("the header of each package", format!("none of {number}")));
        };
        let header = Header::parse(bytes).map_err(|odd| odd.of(path, &format!("package {number}")));
        claims.take(header.and_then(|header| of_header(&header, path, asked)));
    }
    Ok(claims)
}

/// The files of a package that are asked about.
fn of_header(
    header: &Header<'_>,
    path: &str,
    asked: &Asked,
) -> Result<Vec<(String, Claim)>, NonValue> {
    let name = header.name().ok_or(Odd("a package with a name").of(path, "a header without"))?;
    files(header, name, asked).map_err(|odd| odd.of(path, name))
}

fn files(header: &Header<'_>, name: &str, asked: &Asked) -> Result<Vec<(String, Claim)>, Odd> {
    let mut claims = Vec::new();
    let mut sums = None;
    for (at, (folder, file)) in header.files()?.into_iter().enumerate() {
        let Some(path) = asked.find(&[folder, file].concat()) else { continue };
        let sums = match &sums {
            Some(sums) => sums,
            None => sums.insert(Sums::of(header)?),
        };
        if !sums.is_installed(at)? {
            continue;
        }
        let version = header.version(header.number(tag::EPOCH)?)?;
        let version = PackageVersion::Rpm(version);
        let claim = Claim { package: name.to_owned(), version, sum: sums.of_file(at)? };
        claims.push((path.to_owned(), claim));
    }
    Ok(claims)
}

/// What a header says of all its files, each a list with one entry a file; a list may be missing.
struct Sums<'b> {
    states: Option<&'b [u8]>,
    flags: Option<Vec<u32>>,
    verify: Option<Vec<u32>>,
    digests: Option<Vec<&'b [u8]>>,
    algorithm: u32,
}

impl<'b> Sums<'b> {
    fn of(header: &Header<'b>) -> Result<Self, Odd> {
        Ok(Self {
            states: header.bytes(tag::FILE_STATES)?,
            flags: header.numbers(tag::FILE_FLAGS)?,
            verify: header.numbers(tag::FILE_VERIFY_FLAGS)?,
            digests: header.texts(tag::FILE_DIGESTS)?,
            // It was MD5 before there was a choice.
            algorithm: header.number(tag::FILE_DIGEST_ALGORITHM)?.unwrap_or(1),
        })
    }

    fn is_installed(&self, at: usize) -> Result<bool, Odd> {
        let Some(states) = self.states else { return Ok(true) };
        states.get(at).map(|state| *state == NORMAL).ok_or(Odd("a state for each file"))
    }

    fn of_file(&self, at: usize) -> Result<Result<Sum, NotChecked>, Odd> {
        let number = |list: &Option<Vec<u32>>| list.as_ref().and_then(|list| list.get(at).copied());
        let ghost = number(&self.flags).is_some_and(|flags| flags & GHOST != 0);
        if ghost || number(&self.verify).is_some_and(|verify| verify & BY_SUM == 0) {
            return Ok(Err(NotChecked::Exempt));
        }
        let digits = self.digests.as_ref().and_then(|digests| digests.get(at).copied());
        // Links and folders have none.
        let Some(digits) = digits.filter(|digits| !digits.is_empty()) else {
            return Ok(Err(NotChecked::NoSum));
        };
        // Numbers of RFC 4880, section 9.4.
        let kind = match self.algorithm {
            1 => Kind::Md5,
            2 => Kind::Sha1,
            8 => Kind::Sha256,
            9 => Kind::Sha384,
            10 => Kind::Sha512,
            11 => Kind::Sha224,
            other => return Ok(Err(NotChecked::OtherSum(format!("algorithm {other}")))),
        };
        let sum = Sum::of_hex(kind, digits).ok_or(Odd("a checksum as long as its kind"))?;
        Ok(Ok(sum))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::packages::files::checksum::Kind;
    use crate::packages::files::tests::{OTHER, PATH, found, read};
    use crate::packages::rpm_header::tests::{Tagged, header, kernel};
    use proptest::prelude::*;

    const SHA: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    /// A package with two files: one at that path, and a changelog.
    fn package(name: &str, path: &str, more: Vec<(u32, Tagged<'_>)>) -> Vec<u8> {
        let (folder, file) = path.rsplit_once('/').unwrap();
        let folder = format!("/{folder}/");
        let (folders, files) = ([folder.as_str(), "/usr/share/"], [file, "ChangeLog"]);
        let mut tags = vec![
            (tag::NAME, Tagged::Text(name)),
            (tag::VERSION, Tagged::Text("1")),
            (tag::RELEASE, Tagged::Text("2.el9")),
            (tag::DIR_INDEXES, Tagged::Numbers(&[0, 1])),
            (tag::BASE_NAMES, Tagged::Texts(&files)),
            (tag::DIR_NAMES, Tagged::Texts(&folders)),
        ];
        tags.extend(more);
        header(&tags)
    }

    fn tree(packages: &[Vec<u8>]) -> String {
        let bytes = ndb::tests::database(1, packages);
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("//- hex usr/lib/sysimage/rpm/Packages.db\n{digits}\n")
    }

    /// A database in which a package holds that file with that SHA-256, and another none.
    pub(crate) fn database(path: &str, sum: &str) -> String {
        let sums = [sum, ""];
        let tags = vec![
            (tag::FILE_DIGEST_ALGORITHM, Tagged::Numbers(&[8])),
            (tag::FILE_DIGESTS, Tagged::Texts(&sums)),
        ];
        tree(&[kernel("kernel-core"), package("kpatch-patch", path, tags)])
    }

    fn sum_of(more: Vec<(u32, Tagged<'_>)>) -> Result<Sum, NotChecked> {
        let text = tree(&[package("kpatch-patch", PATH, more), kernel("bash")]);
        let (package, sum) = found(&text, claims);
        assert_eq!(package, "kpatch-patch 1-2.el9");
        sum
    }

    #[test]
    fn the_package_is_found_with_its_version_and_sum() {
        let sum = |kind, digits: &str| Ok(Sum::of_hex(kind, digits.as_bytes()).unwrap());
        let usr = format!("usr/{PATH}");
        for path in [PATH, &usr] {
            let expected = ("kpatch-patch 1-2.el9".to_owned(), sum(Kind::Sha256, SHA));
            assert_eq!(found(&database(path, SHA), claims), expected);
        }
        // Before there was a choice it was MD5, and nothing said so.
        let md5 = sum_of(vec![(tag::FILE_DIGESTS, Tagged::Texts(&[MD5, MD5]))]);
        assert_eq!(md5, sum(Kind::Md5, MD5));
    }

    #[test]
    fn what_rpm_would_not_compare_is_not_compared() {
        let digests = || (tag::FILE_DIGESTS, Tagged::Texts(&[SHA, SHA]));
        let algorithm =
            |number: &'static [u32]| (tag::FILE_DIGEST_ALGORITHM, Tagged::Numbers(number));
        let all = |more| vec![digests(), algorithm(&[8]), more];
        for (tags, why) in [
            (Vec::new(), NotChecked::NoSum),
            (vec![(tag::FILE_DIGESTS, Tagged::Texts(&["", SHA]))], NotChecked::NoSum),
            (vec![digests(), algorithm(&[12])], NotChecked::OtherSum("algorithm 12".to_owned())),
            (all((tag::FILE_FLAGS, Tagged::Numbers(&[64, 0]))), NotChecked::Exempt),
            (all((tag::FILE_VERIFY_FLAGS, Tagged::Numbers(&[!1, !0]))), NotChecked::Exempt),
        ] {
            assert_eq!(sum_of(tags), Err(why));
        }
        assert!(sum_of(all((tag::FILE_FLAGS, Tagged::Numbers(&[1, 64])))).is_ok());
        assert!(sum_of(all((tag::FILE_VERIFY_FLAGS, Tagged::Numbers(&[1, 0])))).is_ok());
        assert!(sum_of(all((tag::FILE_STATES, Tagged::Bytes(&[0, 1])))).is_ok());
    }

    #[test]
    fn a_file_that_another_package_replaced_is_that_ones() {
        let of = |name, state: &'static [u8]| {
            package(name, PATH, vec![(tag::FILE_STATES, Tagged::Bytes(state))])
        };
        let both = tree(&[of("kpatch-old", &[1, 0]), of("kpatch-new", &[0, 0])]);
        assert_eq!(found(&both, claims).0, "kpatch-new 1-2.el9");
        let neither = tree(&[of("kpatch-old", &[1, 0]), of("kpatch-none", &[2, 0])]);
        assert_eq!(read(&neither, claims).into_result().unwrap(), Claims::default());
    }

    #[test]
    fn a_header_that_is_not_understood_may_hold_the_file() {
        let spoilt = vec![(tag::DIR_INDEXES, Tagged::Numbers(&[0, 7]))];
        let text = tree(&[package("kernel-a", OTHER, spoilt), package("bash", PATH, Vec::new())]);
        let claims = read(&text, claims).into_result().unwrap();
        assert!(claims.of(PATH).is_some() && claims.of(OTHER).is_none());
        assert!(matches!(claims.fault, Some(NonValue::Malformed(..))), "{claims:?}");
    }

    proptest! {
        #[test]
        fn no_flipped_bits_panic(
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..6),
        ) {
            let sums = [SHA, ""];
            let mut bytes = package("kpatch-patch", PATH, vec![
                (tag::FILE_DIGEST_ALGORITHM, Tagged::Numbers(&[8])),
                (tag::FILE_DIGESTS, Tagged::Texts(&sums)),
                (tag::FILE_STATES, Tagged::Bytes(&[0, 0])),
            ]);
            for (at, bit) in flips {
                let length = bytes.len();
                bytes[at.index(length)] ^= 1 << bit;
            }
            if let Ok(header) = Header::parse(&bytes) {
                let _ = of_header(&header, "db", &Asked::new([PATH]));
            }
        }
    }

    #[test]
    fn a_database_that_cannot_be_read_is_not_taken_for_none() {
        assert!(read("//- var/lib/other\n", claims).is_absent());
        let berkeley = read("//- var/lib/rpm/Packages\nsome\n", claims);
        assert!(matches!(berkeley, Reading::Malformed(..)), "{berkeley:?}");
    }
}
