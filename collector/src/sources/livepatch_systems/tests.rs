//! The source on trees: each system as it is found, and as it is found broken.

use super::*;
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::{Outcome, ReadFault};

/// A host with a trace of every system at once; no real one has more than one or two.
pub(crate) const EVERYTHING: &str = "\
//- proc/sys/kernel/osrelease
6.4.0-150600.21-default
//- proc/sys/kernel/tainted
32768
//- dir sys/kernel/livepatch/lkp_Ubuntu_6_8_0_1047_50_aws_121
//- sys/module/livepatch_8_1/taint
OEK
//- sys/module/ext4/taint

//- sys/kernel/kpatch/kpatch_old/enabled
1
//- sys/kernel/kpatch/patches/kpatch_older/enabled
0
//- noeol var/lib/kpatch/6.4.0-150600.21-default/kpatch-own.ko
//- noeol usr/lib/kpatch/6.4.0-150600.21-default/kpatch-rpm.ko.xz
//- noeol lib/modules/6.4.0-150600.21-default/livepatch/livepatch-9_1.ko
//- noeol etc/systemd/system/multi-user.target.wants/kpatch.service
//- sys/kernel/kgraft/in_progress
1
//- dir sys/kernel/kgraft/kgraft_patch_2
//- proc/70/kgr_in_progress
1
//- proc/70/comm
busy
//- proc/71/kgr_in_progress
0
//- proc/72/comm
gone
//- usr/share/lifecycle/data/sle-module-live-patching.lifecycle
# SUSE
kernel-livepatch-6_4_0-150600_21-default,*,2026-12-31
kernel-livepatch-6_4_0-150600_22-default,*,2027-12-31
//- var/lib/lifecycle/data/sle-live-patching.lifecycle
kgraft-patch-6_4_0-150600_21-default,*,2016-01-16
//- sys/kernel/ksplice/cp9dzcbl/stage
applied
//- sys/kernel/ksplice/cp9dzcbl/core_version
5.0
//- sys/module/ksplice_r9hrmw28/ksplice/stage
applied
//- sys/module/ksplice_r9hrmw28/ksplice/core_version
5.0
//- dir sys/module/ksplice_r9hrmw28_vmlinux_new
//- noeol etc/uptrack/disable
//- var/lib/uptrack/effective_kernel
EffectiveKernel:
  Architecture: x86_64
  PackageVersion: 5.15.0-89.99
  Release: 5.15.0-89-generic
  Sysname: Linux
  Version: '#99-Ubuntu SMP Mon Oct 30 20:42:41 UTC 2023'
Installed:
- cp9dzcbl
- r9hrmw28
OriginalKernel:
  Architecture: x86_64
  Release: 5.15.0-25-generic
  Sysname: Linux
  Version: '#25-Ubuntu SMP Wed Mar 30 15:54:22 UTC 2022'
//- var/cache/uptrack/Linux/x86_64/6.4.0-150600.21-default/v1/status
Updates:
  Installed:
  - ID: cp9dzcbl
    Name: '[cp9dzcbl] CVE-2023-0001: a hole.'
//- var/cache/uptrack/Linux/x86_64/6.4.0-150600.21-default/v1/upgrade_plan
Plan:
- Command: Install
  ID: qeibbp29
  Name: CVE-2023-0002
//- var/cache/uptrack/Linux/x86_64/6.4.0-150600.21-default/v1/results
Result:
  Failed:
  - ID: 5r11iivt
    Abort: code_busy
    Stack Check:
    - java
//- proc/kcare/effective_version
5.8.0-63.7120.04.1
//- proc/kcare/cvelist
CVE-2024-26581
CVE-2024-0001
//- var/cache/kcare/libcare_cvelist
CVE-2023-4911
//- etc/sysconfig/kcare/kcare.conf
AUTO_UPDATE=no
PREFIX=48h
//- dir var/snap/canonical-livepatch
//- etc/scrubjay/lists/lsn/LSN-0121-1.json
{\"upstream\":[\"UBUNTU-CVE-2025-0001\"],\"affected\":[{\"ecosystem_specific\":
{\"module_name_regex\":\"lkp_Ubuntu_6_8_0[_|\\\\d]+_aws_(\\\\d+)\",\"module_version\":\"121\"}}]}
//- etc/scrubjay/lists/lsn/LSN-0120-1.json
never read
//- run/scrubjay/canonical-livepatch.json
{\"Machine-Id\":\"secretid\",\"Last-Check\":\"2022-07-05T18:29:00Z\",\"Status\":[{\"Kernel\":
\"6.8.0-1047.50-aws\",\"Running\":true,\"Livepatch\":{\"CheckState\":\"checked\",\"State\":\"applied\",
\"Version\":\"121.1\",\"Fixes\":[{\"Name\":\"CVE-2025-0002\",\"Patched\":true}]},
\"Supported\":\"supported\"}],\"tier\":\"stable\"}
//- etc/scrubjay/lists/livepatch/canonical-livepatch.json
{\"Status\":[]}
";

/// The docs test wants the second place of the status read as well.
const WITHOUT_RUN: &str = "run/scrubjay/canonical-livepatch.json";

fn without(text: &str, path: &str) -> String {
    let nodes = text.split("//- ").filter(|node| {
        let name = node.lines().next().unwrap_or_default();
        !name.split(' ').any(|word| word.starts_with(path))
    });
    nodes.map(|node| if node.is_empty() { String::new() } else { format!("//- {node}") }).collect()
}

#[test]
fn every_system_is_found_with_what_it_says() {
    let all = found(EVERYTHING, read);
    let kpatch = all.kpatch.unwrap();
    let legacy: Vec<(String, bool)> = kpatch
        .legacy
        .into_result()
        .unwrap()
        .into_iter()
        .map(|patch| (patch.name, *patch.enabled.value().unwrap()))
        .collect();
    assert_eq!(legacy, [("kpatch_old".to_owned(), true), ("kpatch_older".to_owned(), false)]);
    let installed: Vec<&str> =
        all.installed.iter().flat_map(|d| d.modules.value().unwrap()).map(String::as_str).collect();
    assert_eq!(installed, ["kpatch_own", "kpatch_rpm", "livepatch_9_1"]);
    let kgraft = all.kgraft.unwrap();
    assert_eq!(kgraft.patches, Reading::Value(vec!["kgraft_patch_2".to_owned()]));
    let blockers = kgraft.blockers.unwrap().into_result().unwrap();
    assert_eq!(blockers.iter().map(|blocker| blocker.pid).collect::<Vec<_>>(), [70]);
    let rows = all.lifecycle.into_result().unwrap();
    assert_eq!(rows.iter().map(|row| row.last_day).collect::<Vec<_>>(), [16_816, 20_818]);
    let modules = all.modules.unwrap().into_result().unwrap();
    assert_eq!(modules.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["livepatch_8_1"]);
}

#[test]
fn ksplice_is_read_from_both_of_its_places_and_from_its_client() {
    let ksplice = found(EVERYTHING, read).ksplice.unwrap();
    let ids: Vec<&str> = ksplice.updates.iter().map(|update| update.name.as_str()).collect();
    assert_eq!(ids, ["r9hrmw28", "cp9dzcbl"]);
    let effective = ksplice.effective.into_result().unwrap();
    assert_eq!(effective.effective.package_version.as_deref(), Some("5.15.0-89.99"));
    assert_eq!(effective.original.release, "5.15.0-25-generic");
    assert_eq!(ksplice.names.value().unwrap().len(), 1);
    assert_eq!(ksplice.planned.value().unwrap(), &["CVE-2023-0002"]);
    assert_eq!(ksplice.failed.value().unwrap()[0].abort.as_deref(), Some("code_busy"));
    assert!(ksplice.disabled.value().is_some());
}

#[test]
fn kernelcare_is_read_with_what_holds_patches_back() {
    let kernelcare = found(EVERYTHING, read).kernelcare.unwrap();
    assert_eq!(kernelcare.cves.value().unwrap().len(), 2);
    assert_eq!(kernelcare.userspace_cves.value().unwrap().len(), 1);
    assert_eq!(kernelcare.policy.value().unwrap()[0].name, "AUTO_UPDATE");
}

#[test]
fn of_notices_only_those_of_a_loaded_module_are_read() {
    let canonical = found(EVERYTHING, read).canonical.unwrap();
    let [notice] = canonical.notices.as_slice() else { panic!("{:?}", canonical.notices) };
    let content = notice.content.value().unwrap();
    assert_eq!(content.modules, ["lkp_Ubuntu_6_8_0_1047_50_aws_121"]);
    assert_eq!(content.cves.len(), 1);
    let status = canonical.status.into_result().unwrap();
    assert_eq!(status.last_check_unix_s, Some(1_657_045_740));
    assert_eq!(status.kernels[0].state.as_deref(), Some("applied"));
    let other = found(&without(EVERYTHING, WITHOUT_RUN), read).canonical.unwrap();
    assert_eq!(other.status.into_result().unwrap().kernels, []);
}

#[test]
fn the_machines_id_is_in_no_capture_and_in_no_complaint() {
    use crate::capture::{CaptureOptions, capture};
    use crate::collector::Options;
    let captured = |text: &str| {
        let options = Options {
            deadline: std::time::Duration::from_secs(10),
            disabled: std::collections::BTreeSet::new(),
        };
        let host = check::host(check::tree(text));
        capture(&host, &options, CaptureOptions { redact: false }).to_text()
    };
    let whole = captured(EVERYTHING);
    assert!(whole.contains("2022-07-05T18:29:00Z"), "{whole}");
    assert!(!whole.contains("secretid"), "{whole}");
    let broken = EVERYTHING.replace("\"tier\":\"stable\"}", "");
    assert!(!captured(&broken).contains("secretid"));
    let (_, faults) = partly_found(&broken, read);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].starts_with(WITHOUT_RUN) && !faults[0].contains("secretid"), "{faults:?}");
}

#[test]
fn a_host_without_any_of_it_is_absent() {
    assert!(is_absent("//- proc/sys/kernel/osrelease\n6.1.0-56-amd64\n", read));
    let tainted = "//- proc/sys/kernel/osrelease\n6.1.0\n//- proc/sys/kernel/tainted\n12288\n";
    assert!(is_absent(tainted, read), "no bit for live patches");
}

#[test]
fn a_trace_that_cannot_be_read_is_a_trace() {
    for (path, errno) in [
        ("sys/kernel/kgraft", "EACCES"),
        ("proc/kcare", "EACCES"),
        ("var/lib/uptrack/effective_kernel", "EIO"),
        ("var/lib/kpatch", "EACCES"),
    ] {
        let (reading, report) = check::read(&format!("//- errno={errno} {path}\n"), read);
        assert_eq!(reading.outcome(), Outcome::Ok, "{path}");
        assert!(!report.faults.is_empty(), "{path}");
    }
}

#[test]
fn a_process_whose_state_cannot_be_read_costs_the_list_of_blockers() {
    let text = EVERYTHING
        .replace("//- proc/71/kgr_in_progress\n0", "//- errno=EACCES proc/71/kgr_in_progress");
    let (all, faults) = partly_found(&text, read);
    let blockers = all.kgraft.unwrap().blockers.unwrap();
    let path = Origin::new("proc/71/kgr_in_progress");
    assert_eq!(blockers, Reading::Unreadable(path, ReadFault::Denied));
    assert_eq!(faults.len(), 1);
}

#[test]
fn what_is_not_of_the_documented_form_is_malformed_and_costs_itself_alone() {
    for (path, right, wrong) in [
        ("var/lib/uptrack/effective_kernel", "Installed:\n- cp9dzcbl", "Installed: &a\n- cp9dzcbl"),
        ("proc/kcare/cvelist", "CVE-2024-0001\n", "CVE-2024-0001 and more\n"),
        ("etc/scrubjay/lists/lsn/LSN-0121-1.json", "\"affected\":[", "\"affected\":[1,"),
        ("run/scrubjay/canonical-livepatch.json", "\"Status\":[{", "\"Status\":[1,{"),
        ("sys/kernel/kgraft/in_progress", "in_progress\n1\n", "in_progress\nperhaps\n"),
    ] {
        let text = EVERYTHING.replacen(right, wrong, 1);
        assert_ne!(text, EVERYTHING, "{path}");
        let (all, faults) = partly_found(&text, read);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(path), "{faults:?}");
        assert!(all.kpatch.is_some() && all.ksplice.is_some() && all.kernelcare.is_some());
    }
}

#[test]
fn support_ends_that_cannot_be_read_are_not_none() {
    let path = "usr/share/lifecycle/data/sle-module-live-patching.lifecycle";
    let closed = format!(
        "{}//- errno=EACCES {path}\n",
        without(&without(EVERYTHING, path), "var/lib/lifecycle")
    );
    let (all, _) = partly_found(&closed, read);
    assert_eq!(all.lifecycle, Reading::Unreadable(Origin::new(path), ReadFault::Denied));
    let mistaken = EVERYTHING.replace("2026-12-31", "2026-12-32");
    let (_, faults) = partly_found(&mistaken, read);
    assert!(faults[0].starts_with(&format!("{path}:2: ")), "{faults:?}");
}

#[test]
fn a_release_that_is_no_name_leads_nowhere() {
    for odd in ["../../etc", "..", ""] {
        let text = format!("//- proc/sys/kernel/osrelease\n{odd}\n//- dir proc/kcare\n");
        assert!(found(&text, read).installed.is_empty());
    }
}

#[test]
fn the_laws_hold() {
    // Which directories are meant follows from the release, whether modules are looked through from
    // the taint, and both are derived, as is all that stands in files with a syntax of their own.
    check::keeps_the_laws(EVERYTHING, read, |path, finding| {
        let derived = ["proc/sys/kernel/osrelease", "proc/sys/kernel/tainted"];
        let syntax = [".json", "effective_kernel", "status", "upgrade_plan", "results", ".conf"];
        derived.contains(&path)
            || syntax.iter().any(|ending| path.ends_with(ending))
            || (path.ends_with(".lifecycle") && finding.contains("lifecycle"))
            || (path.ends_with("in_progress") && finding.contains("kgraft"))
            // Without its stage a module is none of an update.
            || (path.ends_with("/stage") && finding.contains("ksplice"))
    });
}
