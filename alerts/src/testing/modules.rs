//! Modules of live patches: the same code as a signed file, in place and of the distribution.

use super::arbitrary::{present, reading, switch, text as strings, words};
use super::{absent, text};
use proptest::collection::vec;
use proptest::prelude::*;
use scrubjay_model::{
    FileCheck, FileOwner, LivepatchModule, LivepatchModules, LoadedModule, ModuleFile, ModuleInfo,
    ModuleOnDisk, ModuleSignature, ModuleSigner, NotChecked, OwningPackage, PackageManager,
    PackageVersion, Present, Reading, RpmVersion,
};

pub(crate) fn signer() -> ModuleSigner {
    ModuleSigner {
        issuer: Some("Example live patch key".to_owned()),
        serial: "7a5b".to_owned(),
        digest: "sha256".to_owned(),
        algorithm: "rsaEncryption".to_owned(),
        size_bytes: 681,
    }
}

pub(crate) fn file(build_id: &str, signature: ModuleSignature) -> ModuleOnDisk {
    ModuleOnDisk {
        path: "lib/modules/6.1.0-56-amd64/livepatch/lp-1.ko".to_owned(),
        contents: Reading::Value(ModuleFile {
            build_id: Some(build_id.to_owned()),
            info: ModuleInfo::default(),
            signature,
        }),
        owner: absent("var/lib/dpkg"),
    }
}

/// The same file, held by a package.
pub(crate) fn owned(file: ModuleOnDisk, check: FileCheck) -> ModuleOnDisk {
    let owner = FileOwner::Package(OwningPackage {
        manager: PackageManager::Rpm,
        name: "kpatch-patch".to_owned(),
        version: PackageVersion::Rpm(RpmVersion::parse("1-2.el9").unwrap()),
        file: check,
    });
    ModuleOnDisk { owner: Reading::Value(owner), ..file }
}

/// The module of a patch in force.
pub(crate) fn of_patch(name: &str) -> LivepatchModules {
    let module = LivepatchModule {
        name: name.to_owned(),
        listed: true,
        loaded: LoadedModule {
            build_id: text("33d9"),
            srcversion: absent("sys/module/lp_1/srcversion"),
            version: absent("sys/module/lp_1/version"),
            taint: text("OK"),
            size_bytes: Reading::Value(16_384),
            holders: Reading::Value(0),
            state: text("live"),
        },
        files: vec![owned(file("33d9", ModuleSignature::Present(signer())), FileCheck::Same)],
        searched: Reading::Value(Present),
    };
    LivepatchModules { signatures_enforced: Some(Reading::Value(false)), modules: vec![module] }
}

pub(crate) fn arbitrary() -> impl Strategy<Value = LivepatchModules> {
    let signature = prop_oneof![
        Just(ModuleSignature::Missing),
        Just(ModuleSignature::Present(signer())),
        words().prop_map(|found| ModuleSignature::Garbled { expected: "a message", found }),
    ];
    // Few identities, so that some are the same.
    let identity = || proptest::sample::select(vec!["33d9".to_owned(), "4444".to_owned()]);
    let contents = (proptest::option::of(identity()), proptest::option::of(identity()), signature)
        .prop_map(|(build_id, srcversion, signature)| ModuleFile {
            build_id,
            info: ModuleInfo { srcversion, ..ModuleInfo::default() },
            signature,
        });
    let check = prop_oneof![
        Just(FileCheck::Same),
        Just(FileCheck::Differs),
        Just(NotChecked::NoSum.into()),
        words().prop_map(|kind| NotChecked::OtherSum(kind).into()),
    ];
    let owner = proptest::option::of((words(), check)).prop_map(|package| {
        let package = package.map(|(name, file)| OwningPackage {
            manager: PackageManager::Rpm,
            name,
            version: PackageVersion::Rpm(RpmVersion::parse("1-2.el9").unwrap()),
            file,
        });
        package.map_or(FileOwner::Nobody, FileOwner::Package)
    });
    let file = (words(), reading(contents), reading(owner))
        .prop_map(|(path, contents, owner)| ModuleOnDisk { path, contents, owner });
    let loaded = (
        reading(identity()),
        reading(identity()),
        strings(),
        reading(proptest::sample::select(vec!["OK".to_owned(), "OEK".to_owned(), String::new()])),
        reading(any::<u64>()),
        reading(any::<u64>()),
        strings(),
    )
        .prop_map(|(build_id, srcversion, version, taint, size_bytes, holders, state)| {
            LoadedModule { build_id, srcversion, version, taint, size_bytes, holders, state }
        });
    let module = (words(), any::<bool>(), loaded, vec(file, 0..3), present()).prop_map(
        |(name, listed, loaded, files, searched)| LivepatchModule {
            name,
            listed,
            loaded,
            files,
            searched,
        },
    );
    (proptest::option::of(switch()), vec(module, 0..3)).prop_map(
        |(signatures_enforced, modules)| LivepatchModules { signatures_enforced, modules },
    )
}
