//! Where the code of live patches comes from.

use super::Samples;
use scrubjay_model::{
    LivepatchModule, LivepatchModules, LoadedModule, ModuleOnDisk, OnDisk, Signed, metrics,
};

pub(super) fn observe(samples: &mut Samples, found: &LivepatchModules) {
    let LivepatchModules { signatures_enforced, modules } = found;
    if let Some(enforced) = signatures_enforced {
        samples.push_reading(&metrics::SIGNATURES_ENFORCED, [], enforced);
    }
    let leftovers = modules.iter().filter(|module| !module.listed).count();
    if let Ok(leftovers) = u64::try_from(leftovers) {
        samples.push(&metrics::LIVEPATCH_LEFTOVERS, [], leftovers);
    }
    for module in modules.iter().filter(|module| module.listed) {
        let LivepatchModule { name, listed: _, loaded, files: _, searched: _ } = module;
        let LoadedModule {
            build_id,
            // Described by the history; on a metrics page they would only make labels longer.
            srcversion: _,
            version: _,
            taint: _,
            size_bytes,
            holders: _,
            state: _,
        } = loaded;
        let signer = module.file().and_then(|(_, file)| file.signature.signer());
        let signer = signer.map(scrubjay_model::ModuleSigner::name);
        let build_id = build_id.value().map_or("", String::as_str);
        let package = module.source().and_then(ModuleOnDisk::package);
        let (package, version) =
            package.map_or(("", ""), |package| (package.name.as_str(), package.version.as_str()));
        let signer = signer.as_deref().unwrap_or("");
        let labels = [name.as_str(), build_id, signer, package, version];
        samples.push(&metrics::LIVEPATCH_MODULE, labels, true);
        let on_disk = module.on_disk();
        let set = &metrics::LIVEPATCH_ON_DISK;
        samples.push_set(set, Some(name), &OnDisk::ALL, OnDisk::as_str, on_disk);
        let signed = match module.signed() {
            Signed::Yes => Some(true),
            Signed::Refused | Signed::No => Some(false),
            Signed::Unclear => None,
        };
        if let Some(signed) = signed {
            samples.push(&metrics::LIVEPATCH_SIGNED, [name], signed);
        }
        if let Some(as_installed) = module.as_installed() {
            samples.push(&metrics::LIVEPATCH_AS_INSTALLED, [name], as_installed);
        }
        samples.push_reading(&metrics::LIVEPATCH_SIZE, [name], size_bytes);
    }
}
