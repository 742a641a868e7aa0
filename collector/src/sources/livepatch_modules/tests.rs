//! The source on trees: which file belongs to what is loaded, and what cannot be told.

use super::*;
use crate::module_file::tests::{BUILD_ID, module as ko, note, signed};
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::{OnDisk, Outcome, Signed};

/// A file of bytes, as trees write it.
pub(super) fn binary(path: &str, bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("//- hex {path}\n{digits}\n")
}

/// A loaded module whose code has that seed.
fn loaded(name: &str, taint: &str, seed: u8) -> String {
    let dir = format!("sys/module/{name}");
    let note = binary(&format!("{dir}/notes/.note.gnu.build-id"), &note(seed));
    format!(
        "//- {dir}/taint\n{taint}\n//- {dir}/initstate\nlive\n//- {dir}/coresize\n16384\n\
         //- {dir}/refcnt\n0\n//- {dir}/srcversion\n0123456789ABCDEF0123456\n\
         //- {dir}/version\n1.0\n{note}"
    )
}

const KERNEL: &str = "\
//- proc/sys/kernel/osrelease
6.1.0-56-amd64
//- proc/sys/kernel/tainted
45056
//- sys/module/module/parameters/sig_enforce
N
//- dir sys/module/ext4
//- dir lib/modules/6.1.0-56-amd64
";

const FOLDER: &str = "lib/modules/6.1.0-56-amd64";

/// A patch listed, signed, beside its file; and a leftover.
fn healthy() -> String {
    let file = signed(ko("lp_2", 0), "Example key");
    [
        "//- dir sys/kernel/livepatch/lp_2\n".to_owned(),
        loaded("lp_2", "OK", 0),
        loaded("lp_1", "OEK", 1),
        KERNEL.to_owned(),
        binary(&format!("{FOLDER}/livepatch/lp-2.ko"), &file),
    ]
    .concat()
}

/// A host with a patch `lp_2` and these files.
pub(super) fn tree_with(files: &str) -> String {
    let patch = "//- dir sys/kernel/livepatch/lp_2\n";
    [patch, &loaded("lp_2", "OK", 0), KERNEL, files].concat()
}

/// What is read of a patch `lp_2` with that taint, with other files around.
pub(super) fn with(taint: &str, files: &str) -> (LivepatchModule, Vec<String>) {
    let text = tree_with(files).replace("lp_2/taint\nOK\n", &format!("lp_2/taint\n{taint}\n"));
    let (found, faults) = partly_found(&text, read);
    let [module] = found.modules.as_slice() else { panic!("{found:?}") };
    (module.clone(), faults)
}

fn alone(taint: &str, files: &str) -> LivepatchModule {
    let (module, faults) = with(taint, files);
    assert_eq!(faults, [""; 0]);
    module
}

/// Trees that together hold every path the source may read.
pub(crate) fn everything() -> Vec<String> {
    let ko = ko("lp_2", 0);
    let folders = ["livepatch", "updates", "extra", "weak-updates", "kernel"];
    let mut paths: Vec<String> =
        folders.iter().map(|folder| format!("{FOLDER}/{folder}/deep/down/lp-2.ko")).collect();
    paths.extend(["var", "usr"].map(|at| format!("{at}/lib/kpatch/6.1.0-56-amd64/lp_2.ko")));
    paths.push("var/snap/canonical-livepatch/342/payload/lp_2.ko".to_owned());
    let tree = |path: &String| tree_with(&binary(path, &ko));
    let databases = super::owners::tests::everything();
    let owned = |database: String| tree_with(&database);
    paths.iter().map(tree).chain([healthy()]).chain(databases.into_iter().map(owned)).collect()
}

#[test]
fn a_patch_is_found_on_disk_with_its_signer() {
    let found = found(&healthy(), read);
    assert_eq!(found.signatures_enforced, Some(Reading::Value(false)));
    let [leftover, patch] = found.modules.as_slice() else { panic!("{found:?}") };
    assert_eq!((patch.name.as_str(), patch.listed), ("lp_2", true));
    assert_eq!(patch.loaded.build_id.value().unwrap(), BUILD_ID);
    assert_eq!(patch.loaded.size_bytes, Reading::Value(16384));
    assert_eq!((patch.on_disk(), patch.signed()), (OnDisk::Same, Signed::Yes));
    let (path, file) = patch.file().unwrap();
    assert_eq!(path, format!("{FOLDER}/livepatch/lp-2.ko"));
    assert_eq!(file.signature.signer().unwrap().issuer.as_deref(), Some("Example key"));
    assert_eq!((leftover.name.as_str(), leftover.listed), ("lp_1", false));
    assert_eq!((leftover.on_disk(), leftover.signed()), (OnDisk::Missing, Signed::Refused));
}

#[test]
fn a_kernel_without_live_patching_is_absent() {
    assert!(is_absent(KERNEL, read));
}

#[test]
fn nothing_more_is_read_while_there_is_no_live_patch() {
    let calm = KERNEL.replace("45056", "12288");
    let text = format!("//- dir sys/kernel/livepatch\n{calm}{}", loaded("other", "OE", 1));
    let (reading, report) = check::read(&text, read);
    let none = LivepatchModules { signatures_enforced: None, modules: Vec::new() };
    assert_eq!(reading, Reading::Value(none));
    assert_eq!(report.attributes, 2);
}

#[test]
fn leftovers_are_looked_for_where_it_cannot_be_told_that_there_are_none() {
    let files = loaded("lp_1", "OEK", 1);
    let text = format!("//- dir sys/kernel/livepatch\n{KERNEL}{files}");
    let names = |text: &str| {
        let (found, _) = partly_found(text, read);
        found.modules.into_iter().map(|module| module.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&text), ["lp_1"]);
    let denied = text
        .replace("//- proc/sys/kernel/tainted\n45056", "//- errno=EACCES proc/sys/kernel/tainted");
    assert_eq!(names(&denied), ["lp_1"]);
}

#[test]
fn a_patch_without_a_module_was_removed_while_it_was_read() {
    let text = format!("//- dir sys/kernel/livepatch/lp_2\n{KERNEL}");
    assert_eq!(found(&text, read).modules, []);
}

#[test]
fn every_place_is_searched_and_every_compression_read() {
    for text in everything() {
        let found = found(&text, read);
        let patch = found.modules.iter().find(|module| module.listed).unwrap();
        assert_eq!(patch.on_disk(), OnDisk::Same, "{text}");
    }
}

#[test]
fn a_patch_without_a_file_is_missing_only_if_files_could_be_seen() {
    let module = alone("OK", "");
    assert_eq!((module.on_disk(), module.signed()), (OnDisk::Missing, Signed::Unclear));

    let text = format!("//- dir sys/kernel/livepatch/lp_2\n{KERNEL}{}", loaded("lp_2", "OK", 0));
    let container = text.replace("//- dir lib/modules/6.1.0-56-amd64\n", "");
    let module = &found(&container, read).modules[0];
    assert_eq!(module.on_disk(), OnDisk::Unclear, "its modules are not in this root");

    let (closed, faults) = with("OK", "//- errno=EACCES var/lib/kpatch/6.1.0-56-amd64\n");
    assert_eq!(closed.on_disk(), OnDisk::Unclear);
    assert_eq!(faults, ["var/lib/kpatch/6.1.0-56-amd64: permission denied"]);

    let nameless = text.replace(
        "//- proc/sys/kernel/osrelease\n6.1.0-56-amd64",
        "//- errno=EACCES proc/sys/kernel/osrelease",
    );
    assert_eq!(partly_found(&nameless, read).0.modules[0].on_disk(), OnDisk::Unclear);
}

#[test]
fn a_folder_that_is_closed_does_not_hide_a_file_that_was_found() {
    let files = [
        "//- errno=EACCES var/lib/kpatch/6.1.0-56-amd64\n".to_owned(),
        binary(&format!("{FOLDER}/extra/lp_2.ko"), &ko("lp_2", 0)),
    ];
    let (module, faults) = with("OK", &files.concat());
    assert_eq!((module.on_disk(), module.signed()), (OnDisk::Same, Signed::No));
    assert_eq!(faults.len(), 1);
}

#[test]
fn a_file_with_other_code_is_told_from_the_one_that_runs() {
    let other = binary(&format!("{FOLDER}/extra/lp_2.ko"), &ko("lp_2", 7));
    let module = alone("OK", &other);
    assert_eq!((module.on_disk(), module.signed()), (OnDisk::Differs, Signed::Unclear));
    assert!(module.file().is_none());

    let same = binary(&format!("{FOLDER}/kernel/a/lp_2.ko"), &ko("lp_2", 0));
    let module = alone("OK", &format!("{other}{same}"));
    assert_eq!((module.on_disk(), module.files.len()), (OnDisk::Same, 2));
}

#[test]
fn a_file_that_calls_itself_another_module_is_not_this_one() {
    let other = binary(&format!("{FOLDER}/extra/lp_2.ko"), &ko("lp_9", 0));
    assert_eq!(alone("OK", &other).on_disk(), OnDisk::Missing);
}

#[test]
fn a_renamed_file_is_found_where_only_live_patches_are_kept() {
    let renamed = binary("var/snap/canonical-livepatch/342/livepatch.ko", &ko("lp_2", 0));
    assert_eq!(alone("OK", &renamed).on_disk(), OnDisk::Same);
    let elsewhere = binary(&format!("{FOLDER}/extra/livepatch.ko"), &ko("lp_2", 0));
    assert_eq!(alone("OK", &elsewhere).on_disk(), OnDisk::Missing);
}

#[test]
fn a_file_that_cannot_be_read_or_understood_leaves_the_question_open() {
    let path = format!("{FOLDER}/extra/lp_2.ko");
    for (node, outcome) in [
        (format!("//- errno=EACCES {path}\n"), Outcome::Unreadable),
        (format!("//- {path}\nno module\n"), Outcome::Malformed),
        (format!("//- noeol {path}\n"), Outcome::Malformed),
    ] {
        let (module, faults) = with("OK", &node);
        assert_eq!(module.files[0].contents.outcome(), outcome, "{node}");
        assert_eq!((module.on_disk(), module.signed()), (OnDisk::Unclear, Signed::Unclear));
        assert_eq!(faults.len(), 1, "{faults:?}");
    }
}

#[test]
fn a_note_that_is_denied_or_odd_is_no_build_id() {
    let path = "sys/module/lp_2/notes/.note.gnu.build-id";
    let entry = binary(path, &note(0));
    for (node, outcome) in [
        (format!("//- errno=EACCES {path}\n"), Outcome::Unreadable),
        (format!("//- {path}\nGNU\n"), Outcome::Malformed),
        (format!("//- dir {path}\n"), Outcome::Unreadable),
        (String::new(), Outcome::Absent),
    ] {
        let (found, _) = partly_found(&healthy().replace(&entry, &node), read);
        let patch = &found.modules[1];
        assert_eq!(patch.loaded.build_id.outcome(), outcome, "{node}");
        // Where there is no build id the source's checksum decides.
        let expected = if outcome == Outcome::Absent { OnDisk::Same } else { OnDisk::Unclear };
        assert_eq!(patch.on_disk(), expected, "{node}");
    }
}

#[test]
fn places_are_walked_to_a_bound() {
    let deep: String = (0..20).map(|n| format!("/{n}")).collect();
    let (module, faults) = with("OK", &format!("//- dir {FOLDER}/extra{deep}\n"));
    assert_eq!(module.on_disk(), OnDisk::Unclear);
    assert_eq!(faults, [""; 0], "that is a bound of ours, and no fault of the host");
}

#[test]
fn the_laws_hold() {
    // What a file says is bits, not text; and what it says decides which files are looked for.
    check::keeps_the_laws(&healthy(), read, |path, finding| {
        path.ends_with(".ko") && finding.contains("/files/")
            || path.ends_with("build-id") && finding.contains("\"lp_")
            || path.ends_with("/initstate")
            || path.ends_with("/taint")
            || path.ends_with("srcversion") && finding.contains("/files/")
            || path.starts_with("proc/sys/kernel/")
    });
}
