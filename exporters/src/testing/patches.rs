//! Where live patches come from: one in force from a signed file, one left over without a file.

use super::{absent, value};
use scrubjay_model::{
    FileCheck, FileOwner, LivepatchModule, LivepatchModules, LoadedModule, ModuleFile, ModuleInfo,
    ModuleOnDisk, ModuleSignature, ModuleSigner, OwningPackage, PackageManager, PackageVersion,
    Present, Reading, RpmVersion,
};

fn module(name: &str, taint: &str) -> LivepatchModule {
    let text = |text: &str| value(text.to_owned());
    LivepatchModule {
        name: name.to_owned(),
        listed: true,
        loaded: LoadedModule {
            build_id: text("33d9028953aa4f1fb3c1d2e3f4a5b6c7d8e9f297"),
            srcversion: absent("srcversion"),
            version: absent("version"),
            taint: text(taint),
            size_bytes: value(24_576),
            holders: value(0),
            state: text("live"),
        },
        files: Vec::new(),
        searched: Reading::Value(Present),
    }
}

pub(crate) fn patch_modules() -> LivepatchModules {
    let mut signed = module("kpatch_2026_11", "OK");
    let signer = ModuleSigner {
        issuer: Some("Example live patch\nsigning key".to_owned()),
        serial: "7a5b".to_owned(),
        digest: "sha256".to_owned(),
        algorithm: "rsaEncryption".to_owned(),
        size_bytes: 681,
    };
    signed.files.push(ModuleOnDisk {
        path: "usr/lib/kpatch/6.1.0-56-amd64/kpatch-2026-11.ko".to_owned(),
        contents: value(ModuleFile {
            build_id: signed.loaded.build_id.value().cloned(),
            info: ModuleInfo::default(),
            signature: ModuleSignature::Present(signer),
        }),
        owner: value(FileOwner::Package(OwningPackage {
            manager: PackageManager::Rpm,
            name: "kpatch-patch-6_1_0".to_owned(),
            version: PackageVersion::Rpm(RpmVersion::parse("1-2.el9").unwrap()),
            file: FileCheck::Same,
        })),
    });
    let leftover = LivepatchModule { listed: false, ..module("kpatch_2026_10", "OEK") };
    LivepatchModules { signatures_enforced: Some(value(false)), modules: vec![leftover, signed] }
}
