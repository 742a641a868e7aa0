//! KernelCare: what its module shows in `/proc/kcare`, and what its configuration holds back.

use crate::reader::Reader;
use scrubjay_model::{CveId, KernelCare, PolicySetting, Reading};

pub(crate) const CONF: &str = "etc/sysconfig/kcare/kcare.conf";

/// Settings that decide when a patch is applied.
pub(crate) const TOLD: [&str; 4] = ["AUTO_UPDATE", "PREFIX", "STICKY_PATCH", "UPDATE_POLICY"];

/// Most vulnerabilities in a list; the longest kernel changelogs name some thousands.
const MOST: usize = 50_000;

/// `None` where KernelCare left no trace.
pub(super) fn read(reader: &Reader<'_>) -> Option<KernelCare> {
    let loaded = reader.present("proc/kcare");
    let policy = reader.parse(CONF, "lines NAME=VALUE", |text| Some(settings(text)));
    if loaded.is_absent() && policy.is_absent() {
        return None;
    }
    Some(KernelCare {
        loaded,
        effective_version: reader
            .attr("proc/kcare/effective_version")
            .map(|text| text.trim().to_owned()),
        cves: list(reader, "proc/kcare/cvelist"),
        userspace_cves: list(reader, "var/cache/kcare/libcare_cvelist"),
        policy,
    })
}

fn list(reader: &Reader<'_>, path: &str) -> Reading<Vec<CveId>> {
    reader.text_document(path, "one CVE on each line", cves)
}

/// One on each line and nothing else: a list that is only half understood is none.
fn cves(text: &str) -> Option<Vec<CveId>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let found: Option<Vec<CveId>> =
        lines.map(|line| CveId::parse(line).filter(|cve| cve.to_string() == line)).collect();
    found.filter(|cves| cves.len() <= MOST)
}

/// The settings that matter here; the last of a name counts, as in a shell.
fn settings(text: &str) -> Vec<PolicySetting> {
    let mut found: Vec<PolicySetting> = Vec::new();
    for line in text.lines() {
        let Some((name, value)) = line.trim().split_once('=') else { continue };
        let (name, value) = (name.trim(), value.trim().trim_matches(['"', '\'']));
        if TOLD.contains(&name) {
            found.retain(|setting| setting.name != name);
            found.push(PolicySetting { name: name.to_owned(), value: value.to_owned() });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_with_anything_else_in_it_is_none() {
        let list = |text: &str| cves(text).map(|found| found.len());
        assert_eq!(list("CVE-2024-26581\n\nCVE-2024-0001 \n"), Some(2));
        assert_eq!(list(""), Some(0));
        for odd in ["none", "CVE-2024-26581, CVE-2024-0001", "CVE-2024-0000026581", "cve-2024-1234"]
        {
            assert_eq!(list(odd), None, "{odd}");
        }
    }

    #[test]
    fn settings_that_hold_patches_back_are_kept_and_servers_are_not() {
        let text = "# AUTO_UPDATE=no\nAUTO_UPDATE=True\nPREFIX=\"24h\"\nPATCH_SERVER=https://x\n\
                    STICKY_PATCH=\nPREFIX=48h\n";
        let found = settings(text);
        let told: Vec<(&str, &str)> =
            found.iter().map(|s| (s.name.as_str(), s.value.as_str())).collect();
        assert_eq!(told, [("AUTO_UPDATE", "True"), ("STICKY_PATCH", ""), ("PREFIX", "48h")]);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "(CVE-[0-9]{0,6}-[0-9]{0,6}|PREFIX=|\n|.){0,20}") {
            let _ = (cves(&text), settings(&text));
        }
    }
}
