//! Where the code of live patches comes from: who signed it, and whether it is still on disk.
//!
//! Leftovers are passed over: their code is in memory and in no function's way.

use super::catalogue::Rules;
use crate::finding::{FindingExt, listed};
use scrubjay_model::{
    Finding, LivepatchModule, LivepatchModules, OnDisk, Reading, Signed, Snapshot,
};

pub(crate) fn findings(snapshot: &Snapshot, rules: &Rules) -> Vec<Finding> {
    let Some(found) = Snapshot::found(&snapshot.livepatch_modules) else { return Vec::new() };
    let listed = found.modules.iter().filter(|module| module.listed);
    listed
        .flat_map(|module| {
            let signature = match module.signed() {
                Signed::Refused => Some(unsigned(module, found, &unknown_key(module), rules)),
                Signed::No => Some(unsigned(module, found, &no_signature(module), rules)),
                // What cannot be told is told by `status`, and faults are by the source's own.
                Signed::Yes | Signed::Unclear => None,
            };
            let file = match module.on_disk() {
                OnDisk::Differs => Some(differs(module, rules)),
                OnDisk::Missing => Some(missing(module, rules)),
                OnDisk::Same | OnDisk::Unclear => None,
            };
            signature.into_iter().chain(file)
        })
        .collect()
}

/// Most files named in a sentence.
const NAMED: usize = 3;

fn unknown_key(module: &LivepatchModule) -> String {
    let signer = module.file().and_then(|(_, file)| file.signature.signer());
    let signer = signer.map(|signer| format!("; its file is signed by \"{}\"", signer.name()));
    format!(
        "the kernel found no signature on it with a key it knows (taint E){}",
        signer.unwrap_or_default()
    )
}

fn no_signature(module: &LivepatchModule) -> String {
    let path = module.file().map_or("its file", |(path, _)| path);
    format!("{path} holds the code that runs and has no signature, and this kernel asked for none")
}

fn unsigned(
    module: &LivepatchModule,
    found: &LivepatchModules,
    seen: &str,
    rules: &Rules,
) -> Finding {
    let enforced = match found.signatures_enforced.as_ref().and_then(Reading::value) {
        Some(true) => "; such modules are refused by now (sig_enforce)",
        Some(false) => "; the kernel accepts such modules (sig_enforce is off)",
        None => "",
    };
    rules.livepatch_unsigned.finding(
        format!("nobody the kernel knows vouches for the code of the live patch: {seen}{enforced}"),
        "if the patch was built here, note who built it and from what; if it is a vendor's, find \
         out why its signature is missing or its key is not in the kernel, before trusting it",
    )
    .on(module.name.clone())
    .seen_in(format!("sys/module/{}/taint", module.name))
}

fn id(module: &LivepatchModule) -> String {
    module.loaded.build_id.value().map_or_else(String::new, |id| format!(" (build id {id})"))
}

fn differs(module: &LivepatchModule, rules: &Rules) -> Finding {
    let name = |file: &scrubjay_model::ModuleOnDisk| {
        let id = file.contents.value().and_then(|contents| contents.build_id.as_deref());
        format!("{} (build id {})", file.path, id.unwrap_or("none"))
    };
    let files: Vec<String> = module.files.iter().map(name).collect();
    rules.livepatch_file_differs.finding(
        format!(
            "the code that runs{} is not that of the file of its name: {}",
            id(module),
            listed(&files, NAMED)
        ),
        "find out who replaced the file, and when: a package that was updated says so in its log, \
         and its new code takes effect when it is loaded; if nobody did, take it for tampering",
    )
    .on(module.name.clone())
    .seen_in(format!("sys/module/{}/notes/.note.gnu.build-id", module.name))
}

fn missing(module: &LivepatchModule, rules: &Rules) -> Finding {
    rules.livepatch_no_file.finding(
        format!(
            "no file for the code that runs{} is where live patches are kept: it is lost at the \
             next boot unless something brings it back, and who made it cannot be looked up",
            id(module)
        ),
        "find out what loaded it; if it is to stay, install it so that it is loaded at boot, or \
         have the fix in the kernel that is booted next",
    )
    .on(module.name.clone())
    .seen_in(format!("sys/module/{}", module.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{but, codes, denied, modules, of, only, text};
    use scrubjay_model::{ModuleSignature, RebootHelps, Verdict};

    /// The healthy server with its one module changed.
    fn with(change: impl FnOnce(&mut LivepatchModule)) -> Snapshot {
        but(|s| change(&mut of(&mut s.livepatch_modules).modules[0]))
    }

    #[test]
    fn a_signed_patch_beside_its_file_raises_nothing() {
        assert!(codes(&with(|_| ())).is_empty());
    }

    #[test]
    fn a_patch_that_the_kernel_knew_no_signature_of_is_told_with_who_signed_the_file() {
        let found = only(&with(|m| m.loaded.taint = text("OEK")));
        assert_eq!((found.code, found.verdict), ("livepatch-unsigned", Verdict::Watch));
        assert_eq!((found.subject.as_str(), found.reboot_helps), ("lp_1", RebootHelps::No));
        assert!(found.because.contains("taint E"), "{}", found.because);
        assert!(found.because.contains("signed by \"Example live patch key\""));
        assert!(found.because.ends_with("(sig_enforce is off)"), "{}", found.because);
        assert_eq!(found.origin.unwrap().as_str(), "sys/module/lp_1/taint");
    }

    #[test]
    fn a_file_without_a_signature_is_told_although_the_kernel_asks_for_none() {
        let found = only(&but(|s| {
            let found = of(&mut s.livepatch_modules);
            found.signatures_enforced = Some(denied("sys/module/module/parameters/sig_enforce"));
            found.modules[0].files = vec![modules::file("33d9", ModuleSignature::Missing)];
        }));
        assert_eq!(found.code, "livepatch-unsigned");
        assert!(found.because.contains("livepatch/lp-1.ko holds the code"), "{}", found.because);
        assert!(found.because.ends_with("this kernel asked for none"), "{}", found.because);
    }

    #[test]
    fn code_that_is_not_the_files_is_told_with_both_identities() {
        let other = modules::file("4444", ModuleSignature::Present(modules::signer()));
        let found = only(&with(|m| m.files = vec![other]));
        assert_eq!((found.code, found.verdict), ("livepatch-file-differs", Verdict::Watch));
        assert!(found.because.contains("(build id 33d9)"), "{}", found.because);
        assert!(found.because.ends_with("livepatch/lp-1.ko (build id 4444)"), "{}", found.because);
    }

    #[test]
    fn code_without_a_file_is_told_unless_files_could_not_be_seen() {
        let found = only(&with(|m| m.files = Vec::new()));
        assert_eq!((found.code, found.reboot_helps), ("livepatch-no-file", RebootHelps::No));
        let unseen = with(|m| {
            m.files = Vec::new();
            m.searched = crate::testing::absent("lib/modules");
        });
        assert!(codes(&unseen).is_empty());
    }

    #[test]
    fn a_leftover_is_not_judged() {
        let leftover = with(|m| {
            (m.listed, m.files) = (false, Vec::new());
            m.loaded.taint = text("OEK");
        });
        assert!(codes(&leftover).is_empty());
    }
}
