//! Which installed package holds a file, and with what checksum: the lists of files that package
//! managers keep.
//!
//! They are long, some hundred thousand lines on a large host, and a few files are asked about. So
//! all of these are looked for at once, in packages with likely names first, and nothing else is
//! kept. `/lib` may be a link to `/usr/lib`, and packages write either name: both are the same file
//! here.

pub(crate) mod apk;
pub(crate) mod checksum;
pub(crate) mod dpkg;
pub(crate) mod pacman;
pub(crate) mod rpm;

use checksum::Sum;
use scrubjay_model::{NonValue, NotChecked, PackageVersion};
use std::collections::{BTreeMap, BTreeSet};

/// Most packages whose lists are opened one by one. Distributions as a whole have some 60,000.
const PACKAGES_LIMIT: usize = 1 << 16;

/// The files that are asked about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Asked {
    /// In the form that [`name`] gives.
    paths: BTreeSet<String>,
}

/// What a package says of a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Name of the package.
    pub(crate) package: String,
    /// Version of the package.
    pub(crate) version: PackageVersion,
    /// The checksum of the file, or why there is nothing to compare.
    pub(crate) sum: Result<Sum, NotChecked>,
}

/// What a database says of the files asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    found: BTreeMap<String, Result<Claim, NonValue>>,
    /// What could not be read. While there is something, no file can be said to belong to nobody.
    pub(crate) fault: Option<NonValue>,
}

/// One name for a file, however it is written.
fn name(path: &str) -> &str {
    let path = path.strip_prefix("./").unwrap_or(path).trim_start_matches('/');
    path.strip_prefix("usr/").filter(|rest| rest.starts_with("lib/")).unwrap_or(path)
}

/// Whether a package of that name may well hold modules of the kernel.
fn is_likely(package: &str) -> bool {
    ["linux", "kernel", "patch", "module", "kmod", "dkms"].iter().any(|word| package.contains(word))
}

/// Packages with likely names first, and otherwise in their order.
fn likely_first(packages: &mut Vec<String>) -> Option<NonValue> {
    packages.sort_by(|a, b| (!is_likely(a), a).cmp(&(!is_likely(b), b)));
    let too_many = packages.len() > PACKAGES_LIMIT;
    packages.truncate(PACKAGES_LIMIT);
    let fault = || crate::reader::malformed("var/lib", "at most 65536 packages", b"more");
    too_many.then(fault)
}

impl Asked {
    pub(crate) fn new<'p>(paths: impl IntoIterator<Item = &'p str>) -> Self {
        Self { paths: paths.into_iter().map(|path| name(path).to_owned()).collect() }
    }

    /// The file of that path, if it is asked about.
    fn find(&self, path: &[u8]) -> Option<&str> {
        // Names of files are bytes; those that are asked about are text.
        let path = name(std::str::from_utf8(path).ok()?);
        self.paths.get(path).map(String::as_str)
    }

    /// The last parts of all paths.
    fn last_parts(&self) -> BTreeSet<&str> {
        self.paths.iter().filter_map(|path| path.rsplit('/').next()).collect()
    }
}

impl Claims {
    /// What was found of a file.
    pub(crate) fn of(&self, path: &str) -> Option<&Result<Claim, NonValue>> {
        self.found.get(name(path))
    }

    /// Takes in what a package says of a file. The first one holds it.
    fn add(&mut self, file: &str, claim: Result<Claim, NonValue>) {
        self.found.entry(file.to_owned()).or_insert(claim);
    }

    fn has_all(&self, asked: &Asked) -> bool {
        asked.paths.iter().all(|path| self.found.contains_key(path))
    }

    fn failed(&mut self, why: NonValue) {
        self.fault.get_or_insert(why);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::reader::Reader;
    use crate::sources::check;
    use scrubjay_model::Reading;

    /// The file that the tests of all readers ask about, and one that no package of theirs holds.
    pub(crate) const PATH: &str = "lib/modules/6.1.0-56-amd64/extra/lp_2.ko";
    pub(super) const OTHER: &str = "lib/modules/6.1.0-56-amd64/extra/other.ko";

    /// What a reader finds in a tree.
    pub(super) fn read(
        text: &str,
        claims: fn(&Reader<'_>, &Asked) -> Reading<Claims>,
    ) -> Reading<Claims> {
        claims(&Reader::new(&check::host(check::tree(text))), &Asked::new([PATH, OTHER]))
    }

    /// The package with its version, and the checksum, that a reader finds for [`PATH`]; nothing is
    /// found for [`OTHER`].
    pub(super) fn found(
        text: &str,
        claims: fn(&Reader<'_>, &Asked) -> Reading<Claims>,
    ) -> (String, Result<Sum, NotChecked>) {
        let claims = read(text, claims).into_result().unwrap();
        assert_eq!((claims.of(OTHER), &claims.fault), (None, &None), "{text}");
        let claim = claims.of(PATH).unwrap().as_ref().unwrap();
        (format!("{} {}", claim.package, claim.version), claim.sum.clone())
    }

    #[test]
    fn a_file_has_one_name_however_it_is_written() {
        let asked = Asked::new(["lib/modules/6.1/a.ko", "/usr/lib/kpatch/b.ko", "var/lib/c.ko"]);
        for (path, found) in [
            ("/usr/lib/modules/6.1/a.ko", Some("lib/modules/6.1/a.ko")),
            ("./lib/modules/6.1/a.ko", Some("lib/modules/6.1/a.ko")),
            ("lib/kpatch/b.ko", Some("lib/kpatch/b.ko")),
            ("/var/lib/c.ko", Some("var/lib/c.ko")),
            ("usr/var/lib/c.ko", None),
            ("lib/modules/6.1/a.ko.xz", None),
        ] {
            assert_eq!(asked.find(path.as_bytes()), found, "{path}");
        }
        assert_eq!(asked.find(b"lib/\xff"), None);
        assert_eq!(asked.last_parts(), ["a.ko", "b.ko", "c.ko"].into());
    }

    #[test]
    fn likely_packages_are_looked_into_first_and_never_too_many() {
        let mut few = ["bash", "zlib", "linux-image-6.1", "kpatch-patch"].map(str::to_owned).into();
        assert_eq!(likely_first(&mut few), None);
        assert_eq!(few, ["kpatch-patch", "linux-image-6.1", "bash", "zlib"]);
        let mut many: Vec<String> = (0..=PACKAGES_LIMIT).map(|n| n.to_string()).collect();
        assert!(matches!(likely_first(&mut many), Some(NonValue::Malformed(..))));
        assert_eq!(many.len(), PACKAGES_LIMIT);
    }
}
