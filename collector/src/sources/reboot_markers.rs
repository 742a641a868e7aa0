//! Markers distributions leave to ask for a reboot: `/run/reboot-required`,
//! `/run/reboot-required.pkgs` (Debian, Ubuntu), `/run/reboot-needed` (SUSE).
//!
//! They are unreliable in both directions: Debian writes one for a kernel only if
//! unattended-upgrades is installed, Ubuntu may leave an empty one behind under live patching. So
//! each is evidence and no more, and absence says nothing.

use crate::reader::Reader;
use scrubjay_model::{Reading, RebootMarkers, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::RebootMarkers,
    reads: &["run/reboot-required", "run/reboot-required.pkgs", "run/reboot-needed"],
    needs: "nothing",
    absence: "the root has no /run: mount the host's, or give its parent directory with --root",
    kernel_doc: "none: a convention of distributions",
};

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<RebootMarkers> {
    reader.present("run").map(|_| RebootMarkers {
        required: reader.attr("run/reboot-required").map(|text| text.trim().to_owned()),
        packages: reader.parse("run/reboot-required.pkgs", "package names", |text| {
            let mut names: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
            names.retain(|name| !name.is_empty());
            names.sort_unstable();
            names.dedup();
            Some(names)
        }),
        needed: reader.attr("run/reboot-needed").map(|text| text.trim().to_owned()),
    })
}
