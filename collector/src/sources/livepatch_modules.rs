//! Where the code of live patches comes from: `/sys/module/<name>` of each, and the files on disk
//! that bear its name; whose these are, and whether they are as they were installed.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-module, Documentation/admin-guide/
//! module-signing.rst. The kernel tells the build id of a loaded module (2.6.23), and nothing of its
//! signature; that is in the file, if it is still there. Nothing but the list of patches and the
//! taint is read while there is no live patch: the walk over files, and the databases of packages,
//! are for those who have one.
//!
//! A module is named after its file, with `_` for `-`. Files of other names are looked into only
//! where live patches alone are kept.

mod owners;
mod search;

use crate::module_file;
use crate::reader::{Reader, malformed};
use scrubjay_model::{
    LivepatchModule, LivepatchModules, LoadedModule, ModuleFile, NonValue, Origin, Reading,
    SourceDoc, SourceId, Stamp,
};
use search::Search;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::LivepatchModules,
    reads: &[
        "sys/kernel/livepatch",
        "proc/sys/kernel/tainted",
        "proc/sys/kernel/osrelease",
        "sys/module/module/parameters/sig_enforce",
        "sys/module/*/{taint,initstate,coresize,refcnt,version,srcversion}",
        "sys/module/*/notes/.note.gnu.build-id",
        "lib/modules/*/{livepatch,updates,extra,weak-updates,kernel}/**",
        "{var,usr}/lib/kpatch/*/**",
        "var/snap/canonical-livepatch/**",
        "var/lib/dpkg/{status,diversions}",
        "var/lib/dpkg/info/{*.list,*.md5sums}",
        "{usr/lib/sysimage,var/lib}/rpm/{rpmdb.sqlite,rpmdb.sqlite-wal,Packages.db,Packages}",
        "var/lib/pacman/local/*/{files,mtree}",
        "{lib,usr/lib}/apk/db/installed",
    ],
    needs: "nothing; root where files of live patches are kept from others",
    absence: "the kernel was built without CONFIG_LIVEPATCH: there is no live patch whose origin \
              could be asked for",
    kernel_doc: "Documentation/admin-guide/module-signing.rst",
};

const DIR: &str = "sys/kernel/livepatch";
const MODULES: &str = "sys/module";

/// The bit of the taint that stays set once a live patch was loaded (`TAINT_LIVEPATCH`).
const LIVE_PATCHED: u64 = 1 << 15;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<LivepatchModules> {
    let listed = match reader.entries(DIR).into_result() {
        Ok(entries) => entries,
        Err(why) => return why.into(),
    };
    let mut listed: Vec<String> =
        listed.into_iter().filter(|entry| entry.is_dir).map(|entry| entry.name).collect();
    // Where the taint cannot be read there may be leftovers, so they are looked for.
    let tainted = reader.number("proc/sys/kernel/tainted");
    let ever = tainted.value().is_none_or(|taint| taint & LIVE_PATCHED != 0);
    let leftovers = if ever { leftovers(reader, &listed) } else { Vec::new() };
    // It would only have spared the look; that the taint is unreadable another source says.
    reader.forget("proc/sys/kernel/tainted");
    if listed.is_empty() && leftovers.is_empty() {
        return Reading::Value(LivepatchModules { signatures_enforced: None, modules: Vec::new() });
    }
    let mut search = Search::new(reader, super::kernel::release(reader));
    listed.sort();
    let named = listed.into_iter().map(|name| (name, true));
    let mut modules: Vec<LivepatchModule> = named
        .chain(leftovers.into_iter().map(|name| (name, false)))
        .filter_map(|(name, listed)| module(&mut search, name, listed))
        .collect();
    modules.sort_by(|a, b| a.name.cmp(&b.name));
    owners::find(reader, &mut modules);
    let any = !modules.is_empty();
    let signatures_enforced =
        any.then(|| reader.switch("sys/module/module/parameters/sig_enforce"));
    Reading::Value(LivepatchModules { signatures_enforced, modules })
}

/// Modules that are live patches by their taint, and that the core does not list any more.
fn leftovers(reader: &Reader<'_>, listed: &[String]) -> Vec<String> {
    // If the modules cannot be listed that is a fault of the source, noted by the reader; those of
    // the patches listed are read all the same.
    let entries = reader.entries(MODULES).into_result().into_iter().flatten();
    let others = entries.filter(|entry| entry.is_dir && !listed.contains(&entry.name));
    others
        .filter(|entry| {
            let taint = reader.attr(&format!("{MODULES}/{}/taint", entry.name));
            taint.value().is_some_and(|taint| taint.contains('K'))
        })
        .map(|entry| entry.name)
        .collect()
}

/// `None` if the module is not there: it was removed since it was listed.
fn module(search: &mut Search<'_, '_>, name: String, listed: bool) -> Option<LivepatchModule> {
    let reader = search.reader;
    let dir = format!("{MODULES}/{name}");
    let state = reader.attr(&format!("{dir}/initstate"));
    if state.is_absent() {
        return None;
    }
    let note = format!("{dir}/notes/.note.gnu.build-id");
    let build_id = reader.note(&note).into_result().and_then(|bytes| {
        let id = module_file::build_id_of_notes(&bytes);
        id.ok_or_else(|| malformed(&note, "a note with a GNU build id", &bytes))
    });
    let loaded = LoadedModule {
        build_id: reader.noted(build_id),
        srcversion: reader.attr(&format!("{dir}/srcversion")),
        version: reader.attr(&format!("{dir}/version")),
        taint: reader.attr(&format!("{dir}/taint")),
        size_bytes: reader.number(&format!("{dir}/coresize")),
        holders: reader.number(&format!("{dir}/refcnt")),
        state,
    };
    let (files, searched) = search.files_of(&name, &loaded);
    Some(LivepatchModule { name, listed, loaded, files, searched })
}

/// The file of a module.
fn file(reader: &Reader<'_>, path: &str) -> Reading<ModuleFile> {
    let parsed = reader.module_file(path).into_result().and_then(|bytes| {
        module_file::parse(&bytes).map_err(|why| NonValue::Malformed(Origin::new(path), why))
    });
    reader.noted(parsed)
}

#[cfg(test)]
pub(crate) mod tests;
