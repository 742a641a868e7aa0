//! The database of Alpine's apk: one text, a paragraph for each package, of lines that begin with a
//! letter and a colon (`P:` name, `V:` version, `A:` architecture, `o:` origin, `t:` time of its
//! build, `F:` a folder, `R:` a file in it).
//!
//! It does not say when a package was installed, and there is no changelog. apk replaces it as a
//! whole, so what is open stays one state of it.

use super::found::{FoundPackage, FoundPackages, KernelFiles};
use super::lines::each_line;
use super::rpm::Wanted;
use crate::host::HostRoot;
use crate::reader::{Reader, malformed};
use scrubjay_model::{InstalledPackage, NonValue, Origin, PackageVersion, Reading, RpmVersion};
use std::collections::BTreeSet;

/// apk 3 moved it.
pub(super) const PATHS: [&str; 2] = ["lib/apk/db/installed", "usr/lib/apk/db/installed"];

/// The packages with names that are wanted.
pub fn apk_packages(host: &HostRoot, wanted: &dyn Fn(&str) -> bool) -> Reading<FoundPackages> {
    read(&Reader::new(host), wanted)
}

/// The same, for a source.
pub(crate) fn read(reader: &Reader<'_>, wanted: &Wanted<'_>) -> Reading<FoundPackages> {
    for path in PATHS {
        let file = match reader.open(path).into_result() {
            Ok(file) => file,
            Err(NonValue::Absent(_)) => continue,
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => return why.into(),
        };
        let mut database = Database { found: FoundPackages::new(path), open: None, wanted };
        let read = each_line(&file, &mut |line| database.line(line));
        return reader.noted(read.map(|()| database.finish(reader)));
    }
    Reading::Absent(Origin::new(PATHS.join(", ")))
}

struct Database<'w> {
    found: FoundPackages,
    open: Option<Paragraph>,
    wanted: &'w Wanted<'w>,
}

#[derive(Default)]
struct Paragraph {
    name: Option<String>,
    version: Option<String>,
    arch: Option<String>,
    source: Option<String>,
    built: Option<i64>,
    provides: BTreeSet<String>,
    folder: String,
    files: KernelFiles,
    /// An image by its flavour: `boot/vmlinuz-lts`.
    has_image: bool,
}

impl Database<'_> {
    fn line(&mut self, line: &[u8]) {
        if line.is_empty() {
            return self.close();
        }
        let paragraph = self.open.get_or_insert_default();
        // Names of files are bytes; what is asked about is ASCII.
        let line = String::from_utf8_lossy(line);
        let Some((key, value)) = line.split_once(':') else { return };
        let text = || Some(value.to_owned());
        match key {
            "P" => paragraph.name = text(),
            "V" => paragraph.version = text(),
            "A" => paragraph.arch = text(),
            "o" => paragraph.source = text(),
            "t" => paragraph.built = value.parse().ok(),
            "p" => {
                let names = value.split_ascii_whitespace();
                let names = names.filter_map(|name| name.split(['=', '<', '>', '~']).next());
                paragraph.provides.extend(names.map(str::to_owned));
            }
            "F" => {
                value.clone_into(&mut paragraph.folder);
                paragraph.files.path(value, "");
            }
            "R" => {
                let folder = paragraph.folder.as_str();
                paragraph.has_image |= folder == "boot" && value.starts_with("vmlinuz-");
                paragraph.files.path(folder, value);
            }
            _ => {}
        }
    }

    fn close(&mut self) {
        let Some(paragraph) = self.open.take() else { return };
        self.found.total += 1;
        let is_wanted = paragraph.name.as_ref().is_none_or(|name| (self.wanted)(name));
        if is_wanted {
            let path = self.found.path.clone();
            self.found.add(paragraph.package(&path));
        }
    }

    fn finish(mut self, reader: &Reader<'_>) -> FoundPackages {
        self.close();
        for fault in &self.found.faults {
            let _ = reader.noted::<()>(Err(fault.clone()));
        }
        self.found
    }
}

impl Paragraph {
    fn package(self, path: &str) -> Result<FoundPackage, NonValue> {
        let named = self.name.clone().unwrap_or_default();
        let odd = || malformed(path, "a package with a name and a version", named.as_bytes());
        let (name, version) = self.name.zip(self.version).ok_or_else(odd)?;
        let version = RpmVersion::parse(&version).map_err(|_| odd())?;
        let absent = |what: &str| Origin::new(format!("{path} ({what} of {name})"));
        let mut images = self.files.images;
        // The image says no release, but its modules do.
        if self.has_image && images.is_empty() {
            images.clone_from(&self.files.module_folders);
        }
        Ok(FoundPackage {
            package: InstalledPackage {
                version: PackageVersion::Rpm(version),
                arch: self.arch,
                installed_unix_s: Reading::Absent(absent("the time of installation")),
                changelog: Reading::Absent(absent("the changelog")),
                name,
            },
            source: self.source,
            built_unix_s: self.built,
            provides: self.provides,
            images,
            module_folders: self.files.module_folders,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::{Node, Tree};
    use proptest::prelude::*;
    use scrubjay_model::Clocks;
    use std::sync::Arc;

    const INSTALLED: &str = "\
C:Q1abc=
P:busybox
V:1.36.1-r29
A:x86_64
F:bin
R:busybox

P:linux-lts
V:6.6.58-r0
A:x86_64
o:linux-lts
t:1729600000
p:linux-lts-any cmd:x=6.6
F:boot
R:vmlinuz-lts
a:0:0:644
F:lib/modules/6.6.58-0-lts
F:lib/modules/6.6.58-0-lts/kernel
R:a.ko.gz
";

    fn read_text(path: &str, text: &[u8]) -> Reading<FoundPackages> {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let mut tree = Tree::new();
        tree.insert(path, Node::File(text.to_vec()));
        let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
        apk_packages(&host, &|name| name.starts_with("linux"))
    }

    #[test]
    fn a_kernel_is_read_with_the_release_of_its_modules() {
        for path in PATHS {
            let found = read_text(path, INSTALLED.as_bytes()).into_result().unwrap();
            assert_eq!((found.total, found.packages.len(), found.faults.len()), (2, 1, 0));
            let kernel = &found.packages[0];
            assert_eq!(kernel.package.version.as_str(), "6.6.58-r0");
            assert!(kernel.package.installed_unix_s.is_absent());
            assert!(kernel.package.changelog.is_absent());
            assert_eq!(kernel.built_unix_s, Some(1_729_600_000));
            let release: BTreeSet<String> = ["6.6.58-0-lts".to_owned()].into();
            assert_eq!((&kernel.images, &kernel.module_folders), (&release, &release));
        }
    }

    #[test]
    fn a_package_that_is_not_understood_is_a_fault_beside_the_others() {
        let text = format!("P:linux-virt\nA:x86_64\n\nV:1\n\n{INSTALLED}");
        let found = read_text(PATHS[0], text.as_bytes()).into_result().unwrap();
        assert_eq!((found.total, found.packages.len(), found.faults.len()), (4, 1, 2));
    }

    #[test]
    fn lines_longer_than_what_is_read_at_once_are_whole() {
        let text = format!("P:bash\nD:{}\n\n{INSTALLED}", "x ".repeat(100_000));
        let found = read_text(PATHS[0], text.as_bytes()).into_result().unwrap();
        assert_eq!((found.total, found.packages.len()), (3, 1));
        let endless = read_text(PATHS[0], &vec![b'x'; 3 << 20]);
        assert!(matches!(endless, Reading::Malformed(..)), "{endless:?}");
    }

    #[test]
    fn a_host_without_apk_has_none() {
        assert!(read_text("lib/other", b"").is_absent());
        assert_eq!(read_text(PATHS[0], b"").into_result().unwrap().total, 0);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(text in "([PVAotpFR]:|linux|boot|lib/modules/6.1|\n|.){0,60}") {
            let _ = read_text(PATHS[0], text.as_bytes());
        }
    }
}
