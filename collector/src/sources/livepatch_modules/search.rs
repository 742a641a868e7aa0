//! The files that a module may have been loaded from: a walk over the places where live patches are
//! kept, the likely ones first and no further than needed.

use super::{file, owners};
use crate::host::Entry;
use crate::reader::Reader;
use scrubjay_model::{
    LoadedModule, ModuleOnDisk, NonValue, Origin, ParseFault, Present, ReadFault, Reading,
};
use std::collections::BTreeMap;

/// Most directories listed for all modules together: `kernel/` has 700 in distributions.
const DIRECTORIES_LIMIT: u32 = 8192;

/// How deep a place is looked into; `kernel/` goes 9 levels down in distributions.
const DEPTH_LIMIT: u32 = 16;

/// Most files of other names looked into for one module, where live patches alone are kept.
const OTHERS_LIMIT: usize = 32;

/// A folder, and what is kept in it.
struct Place {
    path: String,
    /// Live patches alone, whatever their files are called.
    only_live_patches: bool,
}

/// Files of modules that were found, by place.
pub(super) struct Search<'r, 'h> {
    pub(super) reader: &'r Reader<'h>,
    places: Result<Vec<Place>, NonValue>,
    /// What was found in places already walked: paths of modules, or why there are none.
    walked: BTreeMap<usize, Walked>,
    left: u32,
}

#[derive(Default)]
struct Walked {
    paths: Vec<String>,
    fault: Option<NonValue>,
}

impl<'r, 'h> Search<'r, 'h> {
    pub(super) fn new(reader: &'r Reader<'h>, release: Reading<String>) -> Self {
        let places = release.into_result().and_then(|release| {
            // A container is given /sys and /proc of the host, and often not its modules.
            reader.present("lib/modules").into_result()?;
            Ok(places(&release))
        });
        Self { reader, places, walked: BTreeMap::new(), left: DIRECTORIES_LIMIT }
    }

    /// The files that bear the name of a module, up to the first that holds the same code; and
    /// whether all places were searched, if there is none.
    pub(super) fn files_of(
        &mut self,
        name: &str,
        loaded: &LoadedModule,
    ) -> (Vec<ModuleOnDisk>, Reading<Present>) {
        let count = match &self.places {
            Ok(places) => places.len(),
            Err(why) => return (Vec::new(), why.clone().into()),
        };
        let (mut files, mut others, mut fault) = (Vec::new(), Vec::new(), None);
        for place in 0..count {
            let (paths, only_live_patches, incomplete) = self.walked(place);
            fault = fault.or(incomplete);
            let (bearing, foreign): (Vec<String>, Vec<String>) =
                paths.into_iter().partition(|path| module_name(path).as_deref() == Some(name));
            others.extend(foreign.into_iter().filter(|_| only_live_patches));
            for path in bearing {
                if self.take(&path, loaded, &mut files) {
                    return (files, Reading::Value(Present));
                }
            }
        }
        // A file may have been renamed; what it is called inside is not.
        let more = others.len() > OTHERS_LIMIT;
        for path in others.into_iter().take(OTHERS_LIMIT) {
            let contents = file(self.reader, &path);
            let same = contents.value().is_some_and(|file| {
                file.info.name.as_deref() == Some(name) && loaded.is_of(file) == Some(true)
            });
            if same {
                files.push(ModuleOnDisk { path, contents, owner: owners::unknown() });
                return (files, Reading::Value(Present));
            }
        }
        if more {
            let found = ParseFault::new("at most 32 files of other live patches", b"more");
            fault = fault.or(Some(NonValue::Malformed(Origin::new("lib/modules"), found)));
        }
        let searched = fault.map_or(Reading::Value(Present), Reading::from);
        (files, searched)
    }

    /// Reads a file that bears the name of a module; whether it holds the same code. A file that
    /// says it is another module is passed over.
    fn take(&self, path: &str, loaded: &LoadedModule, files: &mut Vec<ModuleOnDisk>) -> bool {
        let contents = file(self.reader, path);
        if contents.is_absent() {
            return false;
        }
        let named = contents.value().and_then(|file| file.info.name.clone());
        if named.is_some_and(|named| module_name(path) != Some(named)) {
            return false;
        }
        let same = contents.value().and_then(|file| loaded.is_of(file)) == Some(true);
        let owner = owners::unknown();
        files.push(ModuleOnDisk { path: path.to_owned(), contents, owner });
        same
    }

    /// Paths of modules in a place, whether live patches alone are kept there, and what could not
    /// be listed. Each place is walked once.
    fn walked(&mut self, index: usize) -> (Vec<String>, bool, Option<NonValue>) {
        let Some(place) = self.places.as_ref().ok().and_then(|places| places.get(index)) else {
            return (Vec::new(), false, None);
        };
        let only_live_patches = place.only_live_patches;
        if !self.walked.contains_key(&index) {
            let mut walked = Walked::default();
            walk(self.reader, &place.path, DEPTH_LIMIT, &mut self.left, &mut walked);
            self.walked.insert(index, walked);
        }
        let walked = self.walked.get(&index);
        let paths = walked.map(|walked| walked.paths.clone()).unwrap_or_default();
        (paths, only_live_patches, walked.and_then(|walked| walked.fault.clone()))
    }
}

/// Where modules of a kernel are kept: live patches first, and the kernel's own last.
fn places(release: &str) -> Vec<Place> {
    let place = |path: String, only_live_patches| Place { path, only_live_patches };
    vec![
        place(format!("lib/modules/{release}/livepatch"), true),
        place(format!("var/lib/kpatch/{release}"), true),
        place(format!("usr/lib/kpatch/{release}"), true),
        place("var/snap/canonical-livepatch".to_owned(), true),
        place(format!("lib/modules/{release}/updates"), false),
        place(format!("lib/modules/{release}/extra"), false),
        place(format!("lib/modules/{release}/weak-updates"), false),
        place(format!("lib/modules/{release}/kernel"), false),
    ]
}

fn walk(reader: &Reader<'_>, path: &str, depth: u32, left: &mut u32, into: &mut Walked) {
    let Some(rest) = left.checked_sub(1).filter(|_| depth > 0) else {
        let late = NonValue::Unreadable(Origin::new(path), ReadFault::Deadline);
        into.fault.get_or_insert(late);
        return;
    };
    *left = rest;
    let entries = match reader.entries(path).into_result() {
        Ok(entries) => entries,
        // Most hosts have two or three of the places.
        Err(NonValue::Absent(_)) => return,
        Err(fault @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => {
            into.fault.get_or_insert(fault);
            return;
        }
    };
    for Entry { name, is_dir } in entries {
        let path = format!("{path}/{name}");
        if is_dir {
            walk(reader, &path, depth - 1, left, into);
        } else if module_name(&path).is_some() {
            into.paths.push(path);
        }
    }
}

/// The name of the module in a file, by its path.
fn module_name(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let stem = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().find_map(|end| file.strip_suffix(end));
    stem.filter(|stem| !stem.is_empty()).map(|stem| stem.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_named_after_its_file() {
        let name = |path| module_name(path);
        assert_eq!(
            name("lib/modules/6.4/livepatch/livepatch-9_1.ko"),
            Some("livepatch_9_1".into())
        );
        assert_eq!(name("x/kpatch-a.ko.zst").as_deref(), Some("kpatch_a"));
        assert_eq!(name("x/a.ko.gz"), name("x/a.ko.xz"));
        assert_eq!(
            (name("x/modules.dep"), name("x/.ko"), name("x/a.ko.debug")),
            (None, None, None)
        );
    }
}
