//! Where the code of live patches comes from: the loaded modules, the files on disk that they may
//! have been loaded from, and who signed those.
//!
//! The kernel does not show the signature of a module that is loaded. What can be said offline is
//! whether a file on disk holds the same code, by its GNU build id, and what that file's signature
//! names; the signature itself is not verified, for that takes the kernel's keys.

use crate::{FileCheck, FileOwner, Outcome, OwningPackage, ParseFault, Present, Reading};
use serde::Serialize;

/// The modules of live patches. Without any, nothing else was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivepatchModules {
    /// `sys/module/module/parameters/sig_enforce`: modules without a signature that the kernel
    /// knows are refused. `None` while there is no module to ask it for.
    pub signatures_enforced: Option<Reading<bool>>,
    /// The modules, by name.
    pub modules: Vec<LivepatchModule>,
}

/// One loaded module with a live patch in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LivepatchModule {
    /// Name of the module.
    pub name: String,
    /// Whether `/sys/kernel/livepatch` lists it. One that is not listed is an inert leftover: its
    /// patch was replaced or disabled, and its code stays in memory.
    pub listed: bool,
    /// What is loaded.
    pub loaded: LoadedModule,
    /// The files that bear its name and do not declare another, in the order they were found.
    pub files: Vec<ModuleOnDisk>,
    /// Whether every place where such files are kept was searched to its end, or the first reason
    /// why not. Only then does it mean something that none was found.
    pub searched: Reading<Present>,
}

/// `/sys/module/<name>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LoadedModule {
    /// GNU build id in hexadecimal digits, from `notes/.note.gnu.build-id`.
    pub build_id: Reading<String>,
    /// `srcversion`, a checksum of the source; only if the module has one.
    pub srcversion: Reading<String>,
    /// `version`; only if the module declares one.
    pub version: Reading<String>,
    /// `taint`, for example `OEK`.
    pub taint: Reading<String>,
    /// `coresize`, bytes.
    pub size_bytes: Reading<u64>,
    /// `refcnt`: how many hold it.
    pub holders: Reading<u64>,
    /// `initstate`: `live`, `coming` or `going`.
    pub state: Reading<String>,
}

/// A file that bears the name of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleOnDisk {
    /// Its path, relative to the host root.
    pub path: String,
    /// What it says of itself.
    pub contents: Reading<ModuleFile>,
    /// Which package it belongs to, and whether it is as that package installed it. Absent where
    /// the host keeps no database of packages.
    pub owner: Reading<FileOwner>,
}

/// The file of a kernel module, decompressed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleFile {
    /// GNU build id in hexadecimal digits; `None` if it was built without.
    pub build_id: Option<String>,
    /// What it declares.
    pub info: ModuleInfo,
    /// Its signature.
    pub signature: ModuleSignature,
}

/// The declarations in the section `.modinfo`, and other marks of what a module is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ModuleInfo {
    /// `name`.
    pub name: Option<String>,
    /// `version`.
    pub version: Option<String>,
    /// `srcversion`.
    pub srcversion: Option<String>,
    /// `vermagic`: the kernel it was built for.
    pub vermagic: Option<String>,
    /// `depends`: modules it needs.
    pub depends: Vec<String>,
    /// `livepatch` is there: it changes functions of others.
    pub livepatch: bool,
    /// `intree` is there: it was built with the kernel's own source.
    pub in_tree: bool,
    /// `klpgitrev`: the revision SUSE built it from.
    pub klp_revision: Option<String>,
    /// `.kpatch.checksum`: the MD5 sum by which kpatch knows it.
    pub kpatch_checksum: Option<String>,
    /// Sections `.klp.*`: relocations that the kernel's live patch core resolves.
    pub klp_sections: u32,
    /// Symbols `.klp.sym.*`: what those refer to.
    pub klp_symbols: u32,
}

/// The signature appended to the file of a module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ModuleSignature {
    /// There is none.
    Missing,
    /// There is one, by this signer. Whether it is valid was not verified.
    Present(ModuleSigner),
    /// There is something, but it could not be understood.
    Garbled {
        /// The documented form.
        expected: &'static str,
        /// What stood there.
        found: String,
    },
}

/// Who signed, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ModuleSigner {
    /// Common name of who issued the signer's certificate; kernel builds sign with certificates
    /// that issued themselves. `None` if the signature names the key only.
    pub issuer: Option<String>,
    /// Serial number of that certificate, in hexadecimal digits. If the signature names the key
    /// only: the key's identifier.
    pub serial: String,
    /// Digest algorithm, such as `sha256`, or its object identifier.
    pub digest: String,
    /// Algorithm of the signature, such as `rsaEncryption`, or its object identifier.
    pub algorithm: String,
    /// Length of the signature with everything in it, bytes.
    pub size_bytes: u32,
}

/// What is on disk of the code that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDisk {
    /// A file holds the same code.
    Same,
    /// There are files of that name, and all hold other code.
    Differs,
    /// No file is of this module.
    Missing,
    /// It could not be told.
    Unclear,
}

/// Whether the code that runs was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Signed {
    /// The file with the same code has a signature, and the kernel did not object to it.
    Yes,
    /// The kernel found no signature with a key it knows: taint `E`.
    Refused,
    /// The file with the same code has none, and the kernel checks none.
    No,
    /// It could not be told.
    Unclear,
}

impl OnDisk {
    /// All of them, in the order they are exported.
    pub const ALL: [Self; 4] = [Self::Same, Self::Differs, Self::Missing, Self::Unclear];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Missing => "missing",
            Self::Unclear => "unclear",
        }
    }
}

impl From<ParseFault> for ModuleSignature {
    fn from(ParseFault { expected, found }: ParseFault) -> Self {
        Self::Garbled { expected, found }
    }
}

impl ModuleSignature {
    /// Who signed, if that could be read.
    pub fn signer(&self) -> Option<&ModuleSigner> {
        match self {
            Self::Present(signer) => Some(signer),
            Self::Missing | Self::Garbled { .. } => None,
        }
    }
}

impl ModuleSigner {
    /// The signer in one phrase: its common name, or its key.
    pub fn name(&self) -> String {
        self.issuer.clone().unwrap_or_else(|| format!("key {}", self.serial))
    }
}

impl ModuleInfo {
    /// Whether anything marks it as a live patch.
    pub fn is_live_patch(&self) -> bool {
        self.livepatch || self.klp_sections > 0 || self.klp_symbols > 0
    }
}

impl LoadedModule {
    /// Whether a file holds the code that is loaded; `None` if neither identifier tells. The build
    /// id is of the code, `srcversion` of its source: it decides only where there is no build id.
    pub fn is_of(&self, file: &ModuleFile) -> Option<bool> {
        let same = |loaded: &Reading<String>, on_disk: Option<&String>| {
            loaded.value().zip(on_disk).map(|(loaded, on_disk)| loaded == on_disk)
        };
        match self.build_id.outcome() {
            Outcome::Ok if file.build_id.is_some() => same(&self.build_id, file.build_id.as_ref()),
            Outcome::Ok | Outcome::Absent => same(&self.srcversion, file.info.srcversion.as_ref()),
            // It has one, and it may be another.
            Outcome::Unreadable | Outcome::Malformed => None,
        }
    }
}

impl ModuleOnDisk {
    /// The package it belongs to, if that is known.
    pub fn package(&self) -> Option<&OwningPackage> {
        self.owner.value().and_then(FileOwner::package)
    }
}

impl LivepatchModule {
    /// The file that holds the same code, with its path.
    pub fn file(&self) -> Option<(&str, &ModuleFile)> {
        let on_disk = self.source()?;
        Some((on_disk.path.as_str(), on_disk.contents.value()?))
    }

    /// The same, with whose it is.
    pub fn source(&self) -> Option<&ModuleOnDisk> {
        let same = |file: &&ModuleOnDisk| {
            file.contents.value().and_then(|contents| self.loaded.is_of(contents)) == Some(true)
        };
        self.files.iter().find(same)
    }

    /// The files that are not what their packages installed, with these packages.
    pub fn altered(&self) -> Vec<(&str, &OwningPackage)> {
        let owned = self.files.iter().filter_map(|f| Some((f.path.as_str(), f.package()?)));
        owned.filter(|(_, package)| package.file == FileCheck::Differs).collect()
    }

    /// Whether the files on disk are as packages installed them, as far as can be told: one that is
    /// not decides, else the one with the code that runs.
    pub fn as_installed(&self) -> Option<bool> {
        if !self.altered().is_empty() {
            return Some(false);
        }
        let package = self.source().and_then(ModuleOnDisk::package)?;
        (package.file == FileCheck::Same).then_some(true)
    }

    /// What is on disk of the code that runs.
    pub fn on_disk(&self) -> OnDisk {
        if self.file().is_some() {
            return OnDisk::Same;
        }
        // What was not read may be the very file.
        let differs = |f: &ModuleOnDisk| {
            f.contents.value().and_then(|file| self.loaded.is_of(file)) == Some(false)
        };
        if self.searched.value().is_none() || !self.files.iter().all(differs) {
            OnDisk::Unclear
        } else if self.files.is_empty() {
            OnDisk::Missing
        } else {
            OnDisk::Differs
        }
    }

    /// Whether the code that runs was signed, as far as can be told.
    pub fn signed(&self) -> Signed {
        let Some(taint) = self.loaded.taint.value() else { return Signed::Unclear };
        if taint.contains('E') {
            return Signed::Refused;
        }
        match self.file().map(|(_, file)| &file.signature) {
            Some(ModuleSignature::Present(_)) => Signed::Yes,
            Some(ModuleSignature::Missing) => Signed::No,
            Some(ModuleSignature::Garbled { .. }) | None => Signed::Unclear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NotChecked, Origin, PackageManager, PackageVersion, ReadFault, RpmVersion};

    fn text(text: &str) -> Reading<String> {
        Reading::Value(text.to_owned())
    }

    fn absent<T>() -> Reading<T> {
        Reading::Absent(Origin::new("sys/module/lp/x"))
    }

    fn file(build_id: Option<&str>, signature: ModuleSignature) -> ModuleOnDisk {
        let build_id = build_id.map(str::to_owned);
        let info = ModuleInfo { srcversion: Some("AB12".to_owned()), ..ModuleInfo::default() };
        let contents = Reading::Value(ModuleFile { build_id, info, signature });
        let owner = absent();
        ModuleOnDisk { path: "lib/modules/6.1/extra/lp.ko".to_owned(), contents, owner }
    }

    fn module(build_id: Reading<String>, files: Vec<ModuleOnDisk>) -> LivepatchModule {
        LivepatchModule {
            name: "lp".to_owned(),
            listed: true,
            loaded: LoadedModule {
                build_id,
                srcversion: text("AB12"),
                version: absent(),
                taint: text("OK"),
                size_bytes: Reading::Value(16384),
                holders: Reading::Value(0),
                state: text("live"),
            },
            files,
            searched: Reading::Value(Present),
        }
    }

    use ModuleSignature::Missing;

    #[test]
    fn the_build_id_decides_where_both_have_one() {
        assert_eq!(module(text("aa"), vec![file(Some("aa"), Missing)]).on_disk(), OnDisk::Same);
        // The source may be the same and the compiler another.
        assert_eq!(module(text("aa"), vec![file(Some("bb"), Missing)]).on_disk(), OnDisk::Differs);
        let both = vec![file(Some("bb"), Missing), file(Some("aa"), Missing)];
        assert_eq!(module(text("aa"), both).on_disk(), OnDisk::Same);
        assert_eq!(module(text("aa"), Vec::new()).on_disk(), OnDisk::Missing);
    }

    #[test]
    fn without_build_ids_the_source_decides() {
        assert_eq!(module(absent(), vec![file(Some("bb"), Missing)]).on_disk(), OnDisk::Same);
        assert_eq!(module(text("aa"), vec![file(None, Missing)]).on_disk(), OnDisk::Same);
        let mut neither = module(absent(), vec![file(None, Missing)]);
        neither.loaded.srcversion = absent();
        assert_eq!(neither.on_disk(), OnDisk::Unclear);
    }

    #[test]
    fn what_could_not_be_read_is_neither_the_same_nor_another() {
        let denied = || Reading::Unreadable(Origin::new("x"), ReadFault::Denied);
        let unread = module(denied(), vec![file(Some("aa"), Missing)]);
        assert_eq!((unread.on_disk(), unread.signed()), (OnDisk::Unclear, Signed::Unclear));
        let closed = ModuleOnDisk {
            path: "lib/modules/6.1/updates/lp.ko".to_owned(),
            contents: Reading::Unreadable(Origin::new("x"), ReadFault::Denied),
            owner: absent(),
        };
        let mixed = module(text("aa"), vec![file(Some("bb"), Missing), closed]);
        assert_eq!(mixed.on_disk(), OnDisk::Unclear);
        for files in [Vec::new(), vec![file(Some("bb"), Missing)]] {
            let mut part = module(text("aa"), files);
            part.searched = Reading::Absent(Origin::new("lib/modules"));
            assert_eq!(part.on_disk(), OnDisk::Unclear);
        }
    }

    #[test]
    fn one_altered_file_decides_and_what_was_not_compared_does_not() {
        let owned = |build_id: &str, check: FileCheck| {
            let owner = FileOwner::Package(OwningPackage {
                manager: PackageManager::Rpm,
                name: "kpatch-patch".to_owned(),
                version: PackageVersion::Rpm(RpmVersion::parse("1-2").unwrap()),
                file: check,
            });
            ModuleOnDisk { owner: Reading::Value(owner), ..file(Some(build_id), Missing) }
        };
        let said = |files: Vec<ModuleOnDisk>| module(text("aa"), files).as_installed();
        let (same, differs) = (FileCheck::Same, FileCheck::Differs);
        assert_eq!(said(vec![owned("aa", same.clone())]), Some(true));
        assert_eq!(said(vec![owned("aa", differs.clone())]), Some(false));
        assert_eq!(said(vec![owned("bb", differs), owned("aa", same.clone())]), Some(false));
        // That the file of other code is in order says nothing of the code that runs.
        assert_eq!(said(vec![owned("bb", same)]), None);
        assert_eq!(said(vec![owned("aa", NotChecked::NoSum.into())]), None);
        let nobodys =
            ModuleOnDisk { owner: Reading::Value(FileOwner::Nobody), ..file(Some("aa"), Missing) };
        assert_eq!(said(vec![nobodys]), None);
        assert_eq!(said(vec![file(Some("aa"), Missing)]), None);
    }

    #[test]
    fn a_signature_counts_only_on_the_same_code_and_only_if_the_kernel_took_it() {
        let signer = ModuleSigner {
            issuer: Some("Build key".to_owned()),
            serial: "01".to_owned(),
            digest: "sha256".to_owned(),
            algorithm: "rsaEncryption".to_owned(),
            size_bytes: 681,
        };
        let present = || ModuleSignature::Present(signer.clone());
        let signed = module(text("aa"), vec![file(Some("aa"), present())]);
        assert_eq!(signed.signed(), Signed::Yes);
        assert_eq!(signed.file().unwrap().1.signature.signer().unwrap().name(), "Build key");
        let other = module(text("aa"), vec![file(Some("bb"), present())]);
        assert_eq!(other.signed(), Signed::Unclear);
        let mut refused = signed.clone();
        refused.loaded.taint = text("OEK");
        assert_eq!(refused.signed(), Signed::Refused);
        refused.loaded.taint = absent();
        assert_eq!(refused.signed(), Signed::Unclear);
        assert_eq!(module(text("aa"), vec![file(Some("aa"), Missing)]).signed(), Signed::No);
    }
}
