//! Canonical Livepatch: the status that somebody saved, and notices (LSN) that say which module
//! fixes what.
//!
//! A notice is joined to a loaded module by its number first, which the file's name and the
//! module's name both carry, so that of some hundred notices only those that matter are read; then
//! by the pattern it gives for the module's name. Patterns are matched by a machine that takes
//! linear time, from text of bounded length.

use crate::reader::Reader;
use regex_lite::RegexBuilder;
use scrubjay_model::{
    Canonical, CanonicalFix, CanonicalKernel, CanonicalModule, CanonicalStatus, CveId, Notice,
    NoticeContent, Reading,
};
use serde_json::Value;
use std::collections::BTreeSet;

const NOTICES: &str = "etc/scrubjay/lists/lsn";

/// Where a saved status may lie, the fresher kind first.
const STATUS: [&str; 2] = [
    "run/scrubjay/canonical-livepatch.json",
    "etc/scrubjay/lists/livepatch/canonical-livepatch.json",
];

const CLIENT: &str = "var/snap/canonical-livepatch";

/// Key of the status that names the machine.
const MACHINE: &str = "Machine-Id";

/// Most rows of kernels and of fixes kept, and most patterns tried of a notice.
const MOST_KERNELS: usize = 16;
const MOST_FIXES: usize = 4096;
const MOST_PATTERNS: usize = 4096;

/// Longest pattern accepted, and most memory for one, bytes.
const LONGEST_PATTERN: usize = 512;
const PATTERN_BYTES: usize = 1 << 16;

/// Most notices of one number read: each is published anew when it changes (`-1`, `-2`).
const MOST_NOTICES: usize = 16;

/// `None` where there is no trace of it. `patches` are the modules in the kernel's core.
pub(super) fn read(reader: &Reader<'_>, patches: &[String]) -> Option<Canonical> {
    let loaded: Vec<(&str, u32)> = patches
        .iter()
        .filter_map(|name| Some((name.as_str(), CanonicalModule::parse(name)?.number)))
        .collect();
    let client = reader.present(CLIENT);
    let mut status = read_status(reader, STATUS[0]);
    if status.is_absent() {
        status = read_status(reader, STATUS[1]);
    }
    if loaded.is_empty() && client.is_absent() && status.is_absent() {
        return None;
    }
    let mut notices = Vec::new();
    if !loaded.is_empty() {
        let names = reader.files(NOTICES);
        let names = names.value().into_iter().flatten();
        let wanted = names.filter(|name| {
            notice_number(name).is_some_and(|number| loaded.iter().any(|(_, n)| *n == number))
        });
        for name in wanted.take(MOST_NOTICES) {
            let path = format!("{NOTICES}/{name}");
            let content = reader.text_document(&path, "a notice in OSV's or USN's form", |text| {
                content(&serde_json::from_str(text).ok()?, &loaded)
            });
            notices.push(Notice { name: path, content });
        }
    }
    Some(Canonical { client, notices, status })
}

/// `113` of `LSN-0113-1.json`; some are written without zeros.
fn notice_number(file: &str) -> Option<u32> {
    let rest = file.strip_prefix("LSN-")?.strip_suffix(".json")?;
    rest.split(['-', '.']).next()?.parse().ok()
}

fn content(notice: &Value, loaded: &[(&str, u32)]) -> Option<NoticeContent> {
    let (patterns, cves) = match notice.get("affected") {
        Some(affected) => osv(notice, affected)?,
        None => usn(notice)?,
    };
    let is_meant = |(name, number): &(&str, u32)| {
        let of_number = |(_, version): &&(String, String)| version.parse() == Ok(*number);
        patterns.iter().filter(of_number).any(|(pattern, _)| names(pattern, name, *number))
    };
    let modules = loaded.iter().filter(|module| is_meant(module));
    Some(NoticeContent {
        modules: modules.map(|(name, _)| (*name).to_owned()).collect(),
        cves: cves.into_iter().collect(),
    })
}

/// Patterns with the number of the module, and what is fixed.
type Told = (BTreeSet<(String, String)>, BTreeSet<CveId>);

/// The form of `osv/lsn` in canonical/ubuntu-security-notices.
fn osv(notice: &Value, affected: &Value) -> Option<Told> {
    let mut patterns = BTreeSet::new();
    for entry in affected.as_array()?.iter().take(MOST_PATTERNS) {
        let specific = entry.get("ecosystem_specific")?;
        let text = |key: &str| specific.get(key).and_then(Value::as_str).map(str::to_owned);
        // Entries about a kernel for which no module was made have neither.
        patterns.extend(text("module_name_regex").zip(text("module_version")));
    }
    let mut cves = BTreeSet::new();
    for key in ["upstream", "related", "aliases"] {
        let names = notice.get(key).and_then(Value::as_array).into_iter().flatten();
        cves.extend(names.filter_map(Value::as_str).flat_map(CveId::all_in));
    }
    Some((patterns, cves))
}

/// The older form: releases with binaries, each with `module` and `version`.
fn usn(notice: &Value) -> Option<Told> {
    let mut patterns = BTreeSet::new();
    for release in notice.get("releases")?.as_object()?.values() {
        let binaries = release.get("allbinaries").and_then(Value::as_object);
        for binary in binaries.into_iter().flat_map(serde_json::Map::values).take(MOST_PATTERNS) {
            let text = |key: &str| binary.get(key).and_then(Value::as_str).map(str::to_owned);
            patterns.extend(text("module").zip(text("version")));
        }
    }
    let names = notice.get("cves")?.as_array()?.iter();
    Some((patterns, names.filter_map(Value::as_str).flat_map(CveId::all_in).collect()))
}

/// Whether a pattern is for that name as a whole, and what it captures is the number.
fn names(pattern: &str, name: &str, number: u32) -> bool {
    if pattern.len() > LONGEST_PATTERN {
        return false;
    }
    let whole = format!("^(?:{pattern})$");
    let Ok(regex) = RegexBuilder::new(&whole).size_limit(PATTERN_BYTES).build() else {
        return false;
    };
    let Some(found) = regex.captures(name) else { return false };
    let captured = found.iter().skip(1).flatten().last();
    captured.is_none_or(|group| group.as_str().parse() == Ok(number))
}

fn read_status(reader: &Reader<'_>, path: &str) -> Reading<CanonicalStatus> {
    reader.json_without(path, MACHINE, "a status of canonical-livepatch", |json| {
        let rows = json.get("Status")?.as_array()?;
        let kernels: Option<Vec<CanonicalKernel>> =
            rows.iter().take(MOST_KERNELS).map(kernel).collect();
        Some(CanonicalStatus {
            file: path.to_owned(),
            last_check_unix_s: json
                .get("Last-Check")
                .and_then(Value::as_str)
                .and_then(|text| text.parse::<jiff::Timestamp>().ok())
                .map(jiff::Timestamp::as_second),
            tier: word(json, "tier"),
            kernels: kernels?,
        })
    })
}

fn word(json: &Value, key: &str) -> Option<String> {
    json.get(key)?.as_str().map(str::to_owned)
}

/// `None` for what is no object.
fn kernel(row: &Value) -> Option<CanonicalKernel> {
    row.as_object()?;
    let nothing = Value::Null;
    let patch = row.get("Livepatch").unwrap_or(&nothing);
    let fixes = patch.get("Fixes").and_then(Value::as_array).map(|fixes| {
        let fix = |fix: &Value| {
            Some(CanonicalFix { name: word(fix, "Name")?, patched: fix.get("Patched")?.as_bool()? })
        };
        fixes.iter().take(MOST_FIXES).filter_map(fix).collect()
    });
    Some(CanonicalKernel {
        kernel: word(row, "Kernel"),
        running: row.get("Running").and_then(Value::as_bool),
        state: word(patch, "State"),
        check_state: word(patch, "CheckState"),
        supported: word(row, "Supported"),
        version: word(patch, "Version"),
        fixes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PATTERN: &str = r"lkp_Ubuntu_4_15_0[_|\d]+_aws_(\d+)";

    #[test]
    fn a_pattern_is_for_the_whole_name_and_captures_the_number() {
        let name = "lkp_Ubuntu_4_15_0_1159_172_aws_108";
        assert!(names(PATTERN, name, 108));
        assert!(!names(PATTERN, name, 109));
        assert!(!names(PATTERN, &format!("{name}_more"), 108));
        assert!(!names(PATTERN, "lkp_Ubuntu_4_15_0_1159_172_generic_108", 108));
        for odd in ["(", &"a?".repeat(400), "(x{1000}){1000}"] {
            assert!(!names(odd, name, 108), "{odd}");
        }
    }

    #[test]
    fn files_are_known_by_their_number() {
        assert_eq!(notice_number("LSN-0113-1.json"), Some(113));
        assert_eq!(notice_number("LSN-120-1.json"), Some(120));
        for odd in ["LSN-x-1.json", "USN-0113-1.json", "LSN-0113-1.json~", "LSN-.json"] {
            assert_eq!(notice_number(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_notice_in_osvs_form_gives_what_it_fixes_for_the_modules_it_means() {
        let notice = serde_json::json!({
            "upstream": ["UBUNTU-CVE-2024-50047", "UBUNTU-CVE-2024-0001"],
            "affected": [
                {"ecosystem_specific": {"module_name_regex": PATTERN, "module_version": "113"}},
                {"ecosystem_specific": {}},
            ],
        });
        let ours = "lkp_Ubuntu_4_15_0_1159_172_aws_113";
        let loaded = [(ours, 113), ("lkp_Ubuntu_4_15_0_1159_172_aws_112", 112)];
        let found = content(&notice, &loaded).unwrap();
        assert_eq!(found.modules, [ours]);
        assert_eq!(found.cves.len(), 2);
        assert_eq!(content(&serde_json::json!({"affected": 1}), &loaded), None);
        assert_eq!(content(&serde_json::json!([]), &loaded), None);
    }

    proptest! {
        #[test]
        fn no_pattern_and_no_name_panics(pattern in ".{0,40}", name in ".{0,40}") {
            let _ = (names(&pattern, &name, 1), notice_number(&name));
        }
    }
}
