//! Files that other tools and the administrator write.

use super::{halves, host_of, stamp};
use crate::boots::foreign_boots;
use crate::cve_list as lists;
use crate::reader::Reader;
use crate::sources;
use scrubjay_model::BootMemory;

/// `wtmp`, which has at most one boot for each record.
pub fn wtmp(bytes: &[u8]) {
    const SHORTEST: usize = 384;
    let host = host_of([("var/log/wtmp", bytes)]);
    for (memory, boots) in foreign_boots(&host) {
        let Some(found) = boots.value() else { continue };
        assert!(memory == BootMemory::Wtmp, "boots out of a file that is not there");
        assert!(found.boots.len() <= bytes.len() / SHORTEST, "more boots than records");
    }
}

/// A list of vulnerabilities, in either form.
pub fn cve_list(bytes: &[u8]) {
    for name in ["list.json", "list.csv"] {
        if let Ok(list) = lists::parse(name, bytes) {
            assert!(list.ranks.len() <= bytes.len(), "more vulnerabilities than bytes");
        }
    }
}

/// A map of labels, on a machine whose vendor and board stand before it.
pub fn dimm_labels(bytes: &[u8]) {
    let (vendor, rest) = halves(bytes);
    let (board, map) = halves(rest);
    let host = host_of([
        ("sys/class/dmi/id/board_vendor", vendor),
        ("sys/class/dmi/id/board_name", board),
        ("etc/ras/dimm_labels.d/map", map),
    ]);
    let _ = sources::dimm_labels::read(&Reader::new(&host), &stamp(&host));
}

/// What Canonical Livepatch and Ksplice keep of their patches.
pub fn livepatch_systems(bytes: &[u8]) {
    const MODULE: &str = "sys/kernel/livepatch/lkp_Ubuntu_6_8_0_45_45_generic_113/enabled";
    const CACHE: &str = "var/cache/uptrack/Linux/x86_64/6.8.0-45-generic/1";
    let (first, second) = halves(bytes);
    let (status, plan) = (format!("{CACHE}/status"), format!("{CACHE}/upgrade_plan"));
    let results = format!("{CACHE}/results");
    let host = host_of([
        (MODULE, b"1\n".as_slice()),
        ("proc/sys/kernel/osrelease", b"6.8.0-45-generic\n"),
        ("run/scrubjay/canonical-livepatch.json", first),
        ("etc/scrubjay/lists/lsn/LSN-0113-1.json", second),
        ("var/lib/uptrack/effective_kernel", first),
        (&status, first),
        (&plan, second),
        (&results, second),
        ("proc/kcare/cvelist", first),
        ("proc/kcare/effective_version", second),
        ("etc/sysconfig/kcare/kcare.conf", second),
        ("var/lib/lifecycle/data/sle.lifecycle", second),
    ]);
    let _ = sources::livepatch_systems::read(&Reader::new(&host), &stamp(&host));
}
