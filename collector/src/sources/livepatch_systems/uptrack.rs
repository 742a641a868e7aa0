//! Ksplice: the updates the kernel shows, and the files of its client Uptrack.

use super::yaml::Yaml;
use crate::reader::Reader;
use scrubjay_model::{EffectiveKernel, FailedUpdate, KernelName, Ksplice, KspliceUpdate, Reading};

/// Most directories of the client's cache looked into at each level: it has one for each kernel
/// that the host ran.
const MOST_DIRECTORIES: usize = 32;

/// Levels of the cache above the files: system, architecture, release, version.
const DEEPEST: usize = 4;

const CACHE: &str = "var/cache/uptrack";

/// `None` where Ksplice left no trace. `release` is that of the running kernel.
pub(super) fn read(reader: &Reader<'_>, release: Option<&str>) -> Option<Ksplice> {
    let mut updates = Vec::new();
    let mut is_there = false;
    let alone = reader.directories_with("sys/module", &|name| name.starts_with("ksplice_"));
    for module in alone.value().into_iter().flatten() {
        let directory = format!("sys/module/{module}/ksplice");
        let id = module.trim_start_matches("ksplice_");
        updates.extend(update(reader, id, &directory));
    }
    let integrated = reader.directories("sys/kernel/ksplice");
    is_there |= !integrated.is_absent();
    for id in integrated.value().into_iter().flatten() {
        updates.extend(update(reader, id, &format!("sys/kernel/ksplice/{id}")));
    }
    let effective = reader.parse(
        "var/lib/uptrack/effective_kernel",
        "the effective kernel as Uptrack writes it",
        effective_kernel,
    );
    is_there |= !updates.is_empty() || !effective.is_absent();
    is_there |= !reader.present("etc/uptrack").is_absent();
    if !is_there {
        return None;
    }
    let cache = release.and_then(|release| cache_of(reader, CACHE, release, DEEPEST));
    let file = |name: &str| match &cache {
        Some(cache) => format!("{cache}/{name}"),
        None => format!("{CACHE}/{name}"),
    };
    Some(Ksplice {
        updates,
        effective,
        names: reader.parse(&file("status"), "Uptrack's status", installed_names),
        planned: reader.parse(&file("upgrade_plan"), "Uptrack's upgrade plan", planned_names),
        failed: reader.parse(&file("results"), "Uptrack's results", failed_updates),
        disabled: reader.present("etc/uptrack/disable"),
    })
}

/// `None` for a module of an update that is not the one with its stage.
fn update(reader: &Reader<'_>, id: &str, directory: &str) -> Option<KspliceUpdate> {
    let stage: Reading<String> =
        reader.attr(&format!("{directory}/stage")).map(|stage| stage.trim().to_owned());
    if stage.is_absent() {
        return None;
    }
    let core = reader.attr(&format!("{directory}/core_version"));
    Some(KspliceUpdate {
        name: id.to_owned(),
        stage,
        core_version: core.map(|version| version.trim().to_owned()),
    })
}

/// The directory of the client's cache for a kernel: the one that holds `status`, on a path with
/// the release in it.
fn cache_of(reader: &Reader<'_>, at: &str, release: &str, levels: usize) -> Option<String> {
    let names = reader.directories(at).into_result().ok()?;
    let is_release = at.rsplit('/').next() == Some(release);
    if levels == 0 || (is_release && names.is_empty()) {
        return at.split('/').any(|part| part == release).then(|| at.to_owned());
    }
    // Where the release is among them the others are of other kernels.
    let here: Vec<&String> = names.iter().filter(|name| *name == release).collect();
    let names = if here.is_empty() { names.iter().collect() } else { here };
    let mut below = names.into_iter().take(MOST_DIRECTORIES);
    below.find_map(|name| cache_of(reader, &format!("{at}/{name}"), release, levels - 1))
}

fn effective_kernel(text: &str) -> Option<EffectiveKernel> {
    let yaml = Yaml::parse(text)?;
    let kernel = |key: &str| {
        let kernel = yaml.get(key)?;
        let field = |name: &str| kernel.get(name)?.text().map(str::to_owned);
        Some(KernelName {
            sysname: field("Sysname")?,
            architecture: field("Architecture")?,
            release: field("Release")?,
            version: field("Version")?,
            package_version: field("PackageVersion").filter(|version| !version.is_empty()),
        })
    };
    Some(EffectiveKernel {
        effective: kernel("EffectiveKernel")?,
        original: kernel("OriginalKernel")?,
        installed: yaml.get("Installed")?.texts()?,
    })
}

fn installed_names(text: &str) -> Option<Vec<String>> {
    let yaml = Yaml::parse(text)?;
    names(yaml.get("Updates")?.get("Installed")?)
}

fn planned_names(text: &str) -> Option<Vec<String>> {
    names(Yaml::parse(text)?.get("Plan")?)
}

fn names(list: &Yaml) -> Option<Vec<String>> {
    list.list()?.iter().map(|item| item.get("Name")?.text().map(str::to_owned)).collect()
}

fn failed_updates(text: &str) -> Option<Vec<FailedUpdate>> {
    let yaml = Yaml::parse(text)?;
    let Some(failed) = yaml.get("Result")?.get("Failed") else { return Some(Vec::new()) };
    let each = failed.list()?.iter().map(|item| {
        let field = |name: &str| item.get(name).and_then(Yaml::text).map(str::to_owned);
        let in_the_way = match item.get("Stack Check") {
            Some(list) => list.texts()?,
            None => Vec::new(),
        };
        let name = field("ID").or_else(|| field("Name"));
        Some(FailedUpdate { name, abort: field("Abort"), in_the_way })
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_effective_kernel_without_one_of_its_parts_is_none() {
        let kernel =
            "Kernel:\n  Architecture: x86_64\n  Release: 5\n  Sysname: Linux\n  Version: v\n";
        let whole = format!("Effective{kernel}Installed:\n- a\nOriginal{kernel}");
        let found = effective_kernel(&whole).unwrap();
        assert_eq!(
            (found.installed, found.effective.package_version),
            (vec!["a".to_owned()], None)
        );
        for part in ["  Release: 5\n", "Installed:\n- a\n", "  Version: v\n", "  Sysname: Linux\n"]
        {
            assert_eq!(effective_kernel(&whole.replacen(part, "", 1)), None, "{part}");
        }
    }

    #[test]
    fn results_tell_why_and_who_was_in_the_way() {
        let text =
            "Result:\n  Failed:\n  - ID: a\n    Abort: code_busy\n    Stack Check:\n    - java\n";
        let failed = failed_updates(text).unwrap();
        assert_eq!(failed[0].abort.as_deref(), Some("code_busy"));
        assert_eq!(failed[0].in_the_way, ["java"]);
        assert_eq!(failed_updates("Result:\n  Succeeded:\n  - ID: a\n"), Some(Vec::new()));
        assert_eq!(failed_updates("Other: x\n"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "((Result|Plan|Updates|Installed|Failed): ?\n|[ ]{0,4}- ?Name: [a-z]\n|.){0,10}") {
            let _ = (effective_kernel(&text), installed_names(&text));
            let _ = (planned_names(&text), failed_updates(&text));
        }
    }
}
