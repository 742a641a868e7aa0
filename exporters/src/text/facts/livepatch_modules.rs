//! Where the code of live patches comes from, as `status` shows it.

use crate::text::page::Page;
use crate::text::words::{missing, reading, size};
use scrubjay_model::{
    FileCheck, FileOwner, LivepatchModule, LivepatchModules, ModuleOnDisk, ModuleSignature,
    NonValue, NotChecked, OnDisk, Reading, Section,
};

/// Nothing where there is nothing to tell: that no patch is applied is said elsewhere.
pub(in crate::text) fn livepatch_modules(
    page: &mut Page,
    section: &Option<Section<LivepatchModules>>,
) {
    if section.as_ref().is_some_and(|section| section.reading.is_absent()) {
        return;
    }
    super::source(page, "origin", section, |page, found| {
        let LivepatchModules { signatures_enforced, modules } = found;
        for module in modules {
            page.field(2, "origin", &line(module));
        }
        match signatures_enforced {
            None => {}
            Some(Reading::Value(true)) => {
                page.more(2, "modules without a signature that the kernel knows are refused");
            }
            Some(Reading::Value(false)) => {
                page.more(2, "modules without a signature that the kernel knows are accepted");
            }
            Some(Reading::Absent(_)) => {
                page.more(2, "this kernel checks no signatures of modules");
            }
            Some(unread @ (Reading::Unreadable(..) | Reading::Malformed(..))) => {
                let why = reading(unread, |_| String::new());
                page.more(2, &format!("whether modules must be signed: {why}"));
            }
        }
    });
}

fn line(module: &LivepatchModule) -> String {
    let LivepatchModule { name, listed, loaded, files, searched } = module;
    let mut parts = Vec::new();
    if !listed {
        parts.push("a leftover, loaded and not in force".to_owned());
    }
    parts.push(match module.on_disk() {
        OnDisk::Same => same(module),
        OnDisk::Differs => {
            let named = |file: &ModuleOnDisk| format!("{} ({})", file.path, owner(file));
            let files: Vec<String> = files.iter().map(named).collect();
            format!("not the code of {}", files.join(", nor of "))
        }
        OnDisk::Missing => "no file of this module is on disk".to_owned(),
        OnDisk::Unclear => {
            let unread = files.iter().find_map(|file| file.contents.non_value());
            let why = searched.non_value().or(unread).or_else(|| loaded.build_id.non_value());
            let why = why.map_or_else(|| "no build id to go by".to_owned(), |why| missing(&why));
            format!("the file it came from cannot be told: {why}")
        }
    });
    match (module.source(), module.on_disk()) {
        (Some(file), _) => parts.push(owner(file)),
        // That the patch came from one of them is not certain; whose they are may still help.
        (None, OnDisk::Unclear) => {
            parts.extend(files.iter().map(|file| format!("{}: {}", file.path, owner(file))));
        }
        (None, OnDisk::Same | OnDisk::Differs | OnDisk::Missing) => {}
    }
    if loaded.taint.value().is_some_and(|taint| taint.contains('E')) {
        parts.push("the kernel knew no signature of it (taint E)".to_owned());
    }
    parts.push(match loaded.build_id.as_ref().into_result() {
        Ok(id) => format!("build id {id}"),
        Err(why) => format!("build id {}", missing(&why)),
    });
    if let Some(bytes) = loaded.size_bytes.value() {
        parts.push(size(*bytes));
    }
    format!("{name}: {}", parts.join("; "))
}

/// Whose a file is, and what came of comparing the two.
fn owner(file: &ModuleOnDisk) -> String {
    let package = match file.owner.as_ref().into_result() {
        Ok(FileOwner::Package(package)) => package,
        Ok(FileOwner::Nobody) => return "no package holds it".to_owned(),
        Err(NonValue::Absent(_)) => return "no database of packages tells whose it is".to_owned(),
        Err(why) => return format!("whose it is cannot be told: {}", missing(&why)),
    };
    let compared = match &package.file {
        FileCheck::Same => "as installed".to_owned(),
        FileCheck::Differs => "not as installed".to_owned(),
        FileCheck::NotChecked { why } => format!("not compared: {}", not_checked(why)),
    };
    format!("of package {}, {compared}", package.named())
}

fn not_checked(why: &NotChecked) -> String {
    match why {
        NotChecked::NoSum => "the package keeps no checksum of it".to_owned(),
        NotChecked::Exempt => "the package asks not to".to_owned(),
        NotChecked::OtherSum(kind) => format!("a checksum of a kind not computed here ({kind})"),
        NotChecked::Unread(why) => missing(why),
    }
}

fn same(module: &LivepatchModule) -> String {
    let Some((path, file)) = module.file() else { return String::new() };
    match &file.signature {
        ModuleSignature::Present(signer) => format!(
            "the code of {path}, which is signed by \"{}\" (serial {}, {}, {})",
            signer.name(),
            signer.serial,
            signer.digest,
            signer.algorithm
        ),
        ModuleSignature::Missing => format!("the code of {path}, which has no signature"),
        ModuleSignature::Garbled { expected, found } => format!(
            "the code of {path}, whose signature is not understood: expected {expected}, found \
             {found}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_model::{
        Origin, OwningPackage, PackageManager, PackageVersion, ReadFault, RpmVersion,
    };

    fn said(owner: Reading<FileOwner>) -> String {
        let contents = Reading::Absent(Origin::new("a.ko"));
        super::owner(&ModuleOnDisk { path: "a.ko".to_owned(), contents, owner })
    }

    #[test]
    fn nobody_no_database_and_one_that_failed_are_told_apart() {
        assert_eq!(said(Reading::Value(FileOwner::Nobody)), "no package holds it");
        let origin = || Origin::new("var/lib/dpkg");
        let none = said(Reading::Absent(origin()));
        assert_eq!(none, "no database of packages tells whose it is");
        let denied = said(Reading::Unreadable(origin(), ReadFault::Denied));
        assert!(denied.starts_with("whose it is cannot be told: unreadable"), "{denied}");
    }

    #[test]
    fn what_was_not_compared_is_never_called_as_installed() {
        let said = |file| {
            said(Reading::Value(FileOwner::Package(OwningPackage {
                manager: PackageManager::Apk,
                name: "p".to_owned(),
                version: PackageVersion::Rpm(RpmVersion::parse("1-r0").unwrap()),
                file,
            })))
        };
        assert_eq!(said(FileCheck::Same), "of package p 1-r0 (apk), as installed");
        assert_eq!(said(FileCheck::Differs), "of package p 1-r0 (apk), not as installed");
        let unread = NonValue::Unreadable(Origin::new("a.ko"), ReadFault::Denied);
        for why in [
            NotChecked::NoSum,
            NotChecked::Exempt,
            NotChecked::OtherSum("algorithm 12".to_owned()),
            NotChecked::Unread(unread),
        ] {
            let said = said(why.into());
            assert!(said.starts_with("of package p 1-r0 (apk), not compared: "), "{said}");
        }
    }
}
