//! Documentation made from code.

use crate::sources::SOURCES;
use scrubjay_model::SourceDoc;
use std::fmt::Write as _;

const INTRODUCTION: &str = "# Sources

Made from the `SourceDoc` of each module in `collector/src/sources/`; a test compares it, and another
holds the paths to what the source reads. Change it there, then run
`UPDATE_DOCS=1 cargo test -p scrubjay-collector`.

- **Paths** are relative to the host root: `/`, or what `--root` names. `*` stands for one number or
  name, `{a,b}` for either, `**` for
  everything below. Nothing is written there, and no program is run.
- **Every attribute has one of four outcomes.** *Value*: read, and of the documented form. *Absent*:
  this kernel does not offer it (ENOENT, ENODEV, ENXIO, EOPNOTSUPP, ENOTDIR, ESRCH). *Unreadable*: it
  is offered, but not to us or not now: a privilege is missing, the read failed, or there was no
  answer in time. *Malformed*: it was read, and holds something undocumented. Only a value is ever
  used as one.
- **One attribute that fails leaves the others alone.** Its source is then *partial*. The states of a
  source are `ok`, `partial`, `absent`, `unreadable`, `malformed`, and `off` for one that the
  configuration switches off; `scrubjay doctor` and `scrubjay_source_state` show them.
- **A source that hangs**, in a driver or in firmware, is reported after the deadline and not asked
  again until it returns. The others are not delayed by it.
- **Privileges**: what any user may read needs nothing. Without the rest the agent runs as well, and
  says what it could not read.
";

/// `docs/sources.md`.
pub fn sources_markdown() -> String {
    let mut out = INTRODUCTION.to_owned();
    for SourceDoc { id, reads, needs, absence, kernel_doc } in SOURCES {
        let paths: Vec<String> = reads.iter().map(|path| format!("  - `{path}`\n")).collect();
        // Writing to a `String` does not fail.
        let _ = write!(
            out,
            "\n## {}\n\n- Reads:\n{}- Needs: {needs}.\n- Absent: {absence}.\n- See: {kernel_doc}.\n",
            id.as_str(),
            paths.concat(),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::{CaptureOptions, capture};
    use crate::collector::Options;
    use crate::sources::check;
    use crate::sources::{
        cpu_vulnerabilities, dimm_labels, edac, kernel, kernel_health, kernel_log, kexec,
        livepatch, livepatch_modules, livepatch_systems, lockdown, machine_check, memory_failure,
        microcode, platform, previous_boot, processes, reboot_markers, scrub, smbios, uptime,
    };
    use crate::tree::Node;
    use scrubjay_model::SourceId;
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::time::Duration;

    const UPDATE: &str = "UPDATE_DOCS";

    #[test]
    fn the_committed_page_is_the_one_made_from_the_sources() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/sources.md");
        let page = sources_markdown();
        if std::env::var_os(UPDATE).is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap();
        assert!(committed == page, "docs/sources.md is out of date: run the test with {UPDATE}=1");
    }

    /// Trees that together hold everything a source reads.
    fn trees(id: SourceId) -> Vec<String> {
        let texts: &[&str] = match id {
            SourceId::Edac => &[edac::tests::HEALTHY, edac::tests::ROWS],
            SourceId::MemoryFailure => &[memory_failure::tests::HEALTHY],
            SourceId::Uptime => &[uptime::tests::HEALTHY],
            SourceId::Kernel => &[kernel::tests::HEALTHY],
            SourceId::KernelHealth => &[kernel_health::tests::HEALTHY],
            SourceId::CpuVulnerabilities => &[cpu_vulnerabilities::tests::HEALTHY],
            SourceId::Kexec => &[kexec::tests::HEALTHY, kexec::tests::MOVED],
            SourceId::Lockdown => &[lockdown::tests::HEALTHY],
            SourceId::Livepatch => &[livepatch::tests::HEALTHY],
            SourceId::RebootMarkers => &[reboot_markers::tests::HEALTHY],
            SourceId::MachineCheck => &[machine_check::tests::HEALTHY],
            SourceId::KernelLog => &[kernel_log::tests::HEALTHY],
            SourceId::Platform => &[platform::tests::HEALTHY, platform::tests::NO_DRIVER],
            SourceId::Scrub => &[scrub::tests::HEALTHY],
            SourceId::PreviousBoot => return vec![previous_boot::tests::everything()],
            SourceId::Smbios => &[smbios::tests::HEALTHY, smbios::tests::ENTRIES_TREE],
            SourceId::DimmLabels => &[dimm_labels::tests::HEALTHY],
            SourceId::Packages => return crate::sources::packages::tests::everything(),
            SourceId::CveLists => &[crate::sources::cve_lists::tests::HEALTHY],
            SourceId::BootImages => return crate::sources::boot_images::tests::everything(),
            SourceId::Processes => &[processes::tests::HEALTHY],
            SourceId::Microcode => return microcode::tests::everywhere(),
            SourceId::LivepatchModules => return livepatch_modules::tests::everything(),
            SourceId::LivepatchSystems => &[livepatch_systems::tests::EVERYTHING],
        };
        let mut trees: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        if id == SourceId::Platform {
            let elsewhere = "//- lib/modules/6.1.0-56-amd64/config";
            let dirs =
                platform::tests::NO_DRIVER.replace("//- boot/config-6.1.0-56-amd64", elsewhere);
            let run = dirs.replace("//- etc/modprobe.d", "//- run/modprobe.d");
            trees.push(run.replace("//- usr/lib/modprobe.d", "//- lib/modprobe.d"));
        }
        if id == SourceId::LivepatchSystems {
            // A status that was saved for this boot goes before one that lies with the lists.
            let all = livepatch_systems::tests::EVERYTHING;
            trees.push(all.replace("//- run/scrubjay/", "//- run/elsewhere/"));
        }
        if id == SourceId::Edac {
            trees.push(edac::tests::HEALTHY.replace("/dimm0/", "/rank0/"));
            trees.push(edac::tests::ROWS.replace("_dimm_label\n", "_ue_count\n0 "));
        }
        trees
    }

    /// What a source reads of its trees, with what it finds there.
    fn reads(id: SourceId) -> Vec<(String, Node)> {
        let disabled: BTreeSet<SourceId> =
            SourceId::ALL.into_iter().filter(|other| *other != id).collect();
        let options = Options { deadline: Duration::from_secs(10), disabled };
        let mut read = Vec::new();
        for text in trees(id) {
            let host = check::host(check::tree(&text));
            let captured = capture(&host, &options, CaptureOptions { redact: false });
            let nodes = captured.nodes().map(|(path, node)| (path.to_owned(), node.clone()));
            // Every pass is stamped with the boot.
            let stamp = "proc/sys/kernel/random/boot_id";
            read.extend(nodes.filter(|(path, _)| {
                !path.starts_with(".scrubjay") && (path != stamp || id == SourceId::Uptime)
            }));
        }
        read
    }

    /// Databases of packages, of which a source reads some pages and a capture holds none. The tests
    /// of the readers hold what is read of them.
    const NEVER_CAPTURED: [&str; 2] = ["rpm/", "lib/apk/db"];

    /// `a{b,c}d` as `abd` and `acd`.
    fn expanded(pattern: &str) -> Vec<String> {
        let Some((before, rest)) = pattern.split_once('{') else {
            return vec![pattern.to_owned()];
        };
        let (choices, after) = rest.split_once('}').unwrap();
        choices
            .split(',')
            .flat_map(|choice| expanded(&format!("{before}{choice}{after}")))
            .collect()
    }

    /// `*` stands for one or more characters other than a slash, `**` at the end for all of them.
    fn matches(pattern: &str, path: &str) -> bool {
        if let Some(before) = pattern.strip_suffix("**") {
            let parts = |at: &usize| path.is_char_boundary(*at) && path.as_bytes()[at - 1] == b'/';
            let mut starts = (1..path.len()).filter(parts);
            return starts.any(|at| matches(before, &path[..at]));
        }
        let Some((before, after)) = pattern.split_once('*') else { return pattern == path };
        path.strip_prefix(before).is_some_and(|rest| {
            let end = rest.find('/').unwrap_or(rest.len());
            (1..=end).filter_map(|at| rest.get(at..)).any(|rest| matches(after, rest))
        })
    }

    #[test]
    fn every_file_that_is_read_is_documented_and_every_documented_path_is_read() {
        for SourceDoc { id, reads: documented, .. } in SOURCES {
            let patterns: Vec<String> = documented.iter().flat_map(|p| expanded(p)).collect();
            let read = reads(id);
            for (path, node) in &read {
                let known = patterns.iter().any(|pattern| matches(pattern, path));
                assert!(known || *node == Node::Dir, "{id:?} reads {path}");
            }
            for pattern in patterns {
                let used = read.iter().any(|(path, _)| matches(&pattern, path));
                let database = NEVER_CAPTURED.iter().any(|part| pattern.contains(part));
                assert!(used != database, "{id:?} does not read {pattern}");
            }
        }
    }

    #[test]
    fn patterns_match_by_part() {
        assert_eq!(expanded("a{b,c}{d,e}"), ["abd", "abe", "acd", "ace"]);
        assert!(matches("mc*/ch*_count", "mc10/ch0_ce_count"));
        assert!(!matches("mc*", "mc0/ce_count") && !matches("mc*", "mc"));
        assert!(matches("a/*/**", "a/b/c/d") && !matches("a/*/**", "a/b"));
    }

    #[test]
    fn descriptions_are_phrases_that_fit_the_page() {
        for doc in SOURCES {
            for text in [doc.needs, doc.absence, doc.kernel_doc] {
                assert!(!text.is_empty() && !text.ends_with('.') && !text.contains("  "), "{text}");
            }
        }
    }
}
