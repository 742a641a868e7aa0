//! The header of an RPM package, as an rpmdb keeps it: which package it is, what it holds, and its
//! changelog.
//!
//! It is big-endian: the number of entries and the length of the data, four bytes each; an entry of
//! 16 bytes for each tag (tag, type, offset, count); the data (rpm's `lib/header.cc`).

use super::found::{FoundPackage, KernelFiles};
use super::rpm_changelog::{Texts, changelog};
use scrubjay_model::{
    InstalledPackage, NonValue, Origin, PackageVersion, ParseFault, Reading, RpmVersion,
};
use std::collections::BTreeSet;

/// Most entries that rpm takes.
const ENTRIES_LIMIT: usize = 0xffff;
const ENTRY: usize = 16;
/// Bytes before the entries.
const INTRO: usize = 8;

/// Numbers of tags, as in rpm's `rpmtag.h`.
pub(super) mod tag {
    pub(in crate::packages) const NAME: u32 = 1000;
    pub(in crate::packages) const VERSION: u32 = 1001;
    pub(in crate::packages) const RELEASE: u32 = 1002;
    pub(in crate::packages) const EPOCH: u32 = 1003;
    pub(in crate::packages) const BUILD_TIME: u32 = 1006;
    pub(in crate::packages) const INSTALL_TIME: u32 = 1008;
    pub(in crate::packages) const ARCH: u32 = 1022;
    pub(in crate::packages) const FILE_STATES: u32 = 1029;
    pub(in crate::packages) const FILE_DIGESTS: u32 = 1035;
    pub(in crate::packages) const FILE_FLAGS: u32 = 1037;
    pub(in crate::packages) const SOURCE_RPM: u32 = 1044;
    pub(in crate::packages) const FILE_VERIFY_FLAGS: u32 = 1045;
    pub(in crate::packages) const PROVIDE_NAME: u32 = 1047;
    pub(in crate::packages) const CHANGELOG_TIME: u32 = 1080;
    pub(in crate::packages) const CHANGELOG_NAME: u32 = 1081;
    pub(in crate::packages) const CHANGELOG_TEXT: u32 = 1082;
    pub(in crate::packages) const DIR_INDEXES: u32 = 1116;
    pub(in crate::packages) const BASE_NAMES: u32 = 1117;
    pub(in crate::packages) const DIR_NAMES: u32 = 1118;
    pub(in crate::packages) const FILE_DIGEST_ALGORITHM: u32 = 5011;
}

const CHAR: u32 = 1;
const INT8: u32 = 2;
const INT32: u32 = 4;
const STRING: u32 = 6;
const STRING_ARRAY: u32 = 8;
const I18N_STRING: u32 = 9;

/// A header of which the entries were found to be whole. The data may be cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Header<'b> {
    entries: &'b [u8],
    data: &'b [u8],
}

/// Folder and name of a file. Both are bytes; those of kernels are ASCII.
pub(crate) type FilePath<'b> = (&'b [u8], &'b [u8]);

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Odd(pub(super) &'static str);

impl Odd {
    /// As the reading of the package in that file.
    pub(super) fn of(self, path: &str, found: &str) -> NonValue {
        NonValue::Malformed(Origin::new(path), ParseFault::new(self.0, found.as_bytes()))
    }
}

/// How long the header is that begins with these bytes.
pub(super) fn length(beginning: &[u8]) -> Option<usize> {
    let (entries, data) = (u32_at(beginning, 0)?, u32_at(beginning, 4)?);
    let entries = usize::try_from(entries).ok().filter(|entries| *entries <= ENTRIES_LIMIT)?;
    let data = usize::try_from(data).ok().filter(|data| *data <= 256 << 20)?;
    Some(INTRO + entries * ENTRY + data)
}

impl<'b> Header<'b> {
    /// Takes a header that may be cut, though not in its entries.
    pub(crate) fn beginning(bytes: &'b [u8]) -> Option<Self> {
        let entries = usize::try_from(u32_at(bytes, 0)?).ok()?;
        let entries = entries.checked_mul(ENTRY).filter(|n| *n <= ENTRIES_LIMIT * ENTRY)?;
        let (entries, data) = bytes.get(INTRO..)?.split_at_checked(entries)?;
        Some(Self { entries, data })
    }

    /// Takes a whole header, and nothing else.
    pub(crate) fn parse(bytes: &'b [u8]) -> Result<Self, Odd> {
        let odd = Odd("the header of a package, as long as it says it is");
        if length(bytes) != Some(bytes.len()) {
            return Err(odd);
        }
        Self::beginning(bytes).ok_or(odd)
    }

    /// Type, count and data of a tag. Where it is there twice, a later addition replaces what the
    /// package came with.
    fn find(&self, tag: u32) -> Option<(u32, usize, &'b [u8])> {
        let mut entries = self.entries.chunks_exact(ENTRY).rev();
        let entry = entries.find(|entry| u32_at(entry, 0) == Some(tag))?;
        let offset = usize::try_from(u32_at(entry, 8)?).ok()?;
        let count = usize::try_from(u32_at(entry, 12)?).ok()?;
        Some((u32_at(entry, 4)?, count, self.data.get(offset..)?))
    }

    /// A text; of those in several languages the first.
    pub(super) fn text(&self, tag: u32) -> Option<&'b str> {
        let (kind, count, data) = self.find(tag)?;
        let is_text = matches!(kind, STRING | STRING_ARRAY | I18N_STRING) && count > 0;
        let end = data.iter().position(|byte| *byte == 0).filter(|_| is_text)?;
        std::str::from_utf8(data.get(..end)?).ok()
    }

    /// The name of the package.
    pub(crate) fn name(&self) -> Option<&'b str> {
        self.text(tag::NAME)
    }

    /// Texts one after the other; `None` if the tag is not there.
    pub(super) fn texts(&self, tag: u32) -> Result<Option<Vec<&'b [u8]>>, Odd> {
        let Some((kind, count, data)) = self.find(tag) else { return Ok(None) };
        let odd = Odd("as many texts as a header says");
        if !matches!(kind, STRING | STRING_ARRAY | I18N_STRING) {
            return Err(odd);
        }
        // Each has at least its NUL.
        if count > data.len() {
            return Err(odd);
        }
        let mut texts = Vec::with_capacity(count);
        let mut rest = data;
        for _ in 0..count {
            let end = rest.iter().position(|byte| *byte == 0).ok_or(odd)?;
            let (text, after) = rest.split_at_checked(end).ok_or(odd)?;
            texts.push(text);
            rest = after.get(1..).ok_or(odd)?;
        }
        Ok(Some(texts))
    }

    pub(super) fn numbers(&self, tag: u32) -> Result<Option<Vec<u32>>, Odd> {
        let Some((kind, count, data)) = self.find(tag) else { return Ok(None) };
        let odd = Odd("as many numbers as a header says");
        let length = count.checked_mul(4).filter(|_| kind == INT32).ok_or(odd)?;
        let numbers = data.get(..length).ok_or(odd)?.chunks_exact(4);
        Ok(Some(numbers.filter_map(|number| u32_at(number, 0)).collect()))
    }

    pub(super) fn number(&self, tag: u32) -> Result<Option<u32>, Odd> {
        Ok(self.numbers(tag)?.and_then(|numbers| numbers.first().copied()))
    }

    /// A list of single bytes.
    pub(super) fn bytes(&self, tag: u32) -> Result<Option<&'b [u8]>, Odd> {
        let Some((kind, count, data)) = self.find(tag) else { return Ok(None) };
        let odd = Odd("as many bytes as a header says");
        data.get(..count).filter(|_| matches!(kind, CHAR | INT8)).map(Some).ok_or(odd)
    }

    /// The folder and the name of each file, in the order of the other lists of files.
    pub(crate) fn files(&self) -> Result<Vec<FilePath<'b>>, Odd> {
        let (names, folders, indexes) = (
            self.texts(tag::BASE_NAMES)?.unwrap_or_default(),
            self.texts(tag::DIR_NAMES)?.unwrap_or_default(),
            self.numbers(tag::DIR_INDEXES)?.unwrap_or_default(),
        );
        let odd = Odd("a folder for each file");
        if names.len() != indexes.len() {
            return Err(odd);
        }
        let folder = |index| usize::try_from(index).ok().and_then(|at| folders.get(at).copied());
        let files = names.into_iter().zip(indexes);
        files.map(|(name, index)| Ok((folder(index).ok_or(odd)?, name))).collect()
    }

    /// The version with its epoch, if there is one, and its release.
    pub(super) fn version(&self, epoch: Option<u32>) -> Result<RpmVersion, Odd> {
        let odd = Odd("a package with a version and a release");
        let (version, release) = (self.text(tag::VERSION), self.text(tag::RELEASE));
        let (version, release) = version.zip(release).ok_or(odd)?;
        let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
        RpmVersion::parse(&format!("{epoch}{version}-{release}")).map_err(|_| odd)
    }

    /// What it says of kernels.
    fn kernels(&self) -> Result<KernelFiles, Odd> {
        let mut files = KernelFiles::default();
        for (folder, name) in self.files()? {
            if let (Ok(folder), Ok(name)) = (std::str::from_utf8(folder), std::str::from_utf8(name))
            {
                files.path(folder, name);
            }
        }
        Ok(files)
    }

    /// The package, found in the database at `path`. One whose name, version or files are not
    /// understood is malformed; a changelog that is not costs only itself.
    pub(crate) fn package(&self, path: &str) -> Result<FoundPackage, NonValue> {
        let name = self.name().ok_or(Odd("a package with a name").of(path, "a header without"))?;
        let odd = |odd: Odd| odd.of(path, name);
        let epoch = self.number(tag::EPOCH).map_err(odd)?;
        let version = self.version(epoch).map_err(odd)?;
        let installed = self.number(tag::INSTALL_TIME).map_err(odd)?;
        let absent = |what: &str| Origin::new(format!("{path} ({what} of {name})"));
        let files = self.kernels().map_err(odd)?;
        let provides = self.texts(tag::PROVIDE_NAME).map_err(odd)?.unwrap_or_default();
        let provides: BTreeSet<String> =
            provides.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
        Ok(FoundPackage {
            package: InstalledPackage {
                name: name.to_owned(),
                version: PackageVersion::Rpm(version),
                arch: self.text(tag::ARCH).map(str::to_owned),
                installed_unix_s: installed.map_or_else(
                    || Reading::Absent(absent("the time of installation")),
                    |time| Reading::Value(i64::from(time)),
                ),
                changelog: match self.changelog_texts() {
                    Ok(Some(texts)) => Reading::Value(changelog(&texts, epoch).into()),
                    Ok(None) => Reading::Absent(absent("the changelog")),
                    Err(fault) => odd(fault).into(),
                },
            },
            source: self.text(tag::SOURCE_RPM).map(str::to_owned),
            built_unix_s: self.number(tag::BUILD_TIME).map_err(odd)?.map(i64::from),
            provides,
            images: files.images,
            module_folders: files.module_folders,
        })
    }

    fn changelog_texts(&self) -> Result<Option<Texts<'b>>, Odd> {
        let times = self.numbers(tag::CHANGELOG_TIME)?;
        let names = self.texts(tag::CHANGELOG_NAME)?;
        let texts = self.texts(tag::CHANGELOG_TEXT)?;
        match (times, names, texts) {
            (None, None, None) => Ok(None),
            (Some(times), Some(names), Some(texts))
                if times.len() == names.len() && times.len() == texts.len() =>
            {
                let entries = times.into_iter().zip(names).zip(texts);
                Ok(Some(entries.map(|((time, name), text)| (time, name, text)).collect()))
            }
            _ => Err(Odd("a time, a name and a text for each entry of the changelog")),
        }
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let part = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(part.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests;
