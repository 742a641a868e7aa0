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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Origin, Outcome, ReadFault};

    /// All three at once; no distribution leaves all of them.
    pub(crate) const HEALTHY: &str = "\
//- run/reboot-required
*** System restart required ***
//- run/reboot-required.pkgs
linux-image-6.8.0-47-generic
linux-base
linux-base
//- run/reboot-needed
soft-reboot
";

    #[test]
    fn markers_are_read_with_the_packages_that_asked() {
        let markers = found(HEALTHY, read);
        assert_eq!(markers.required.value().unwrap(), "*** System restart required ***");
        let packages = markers.packages.into_result().unwrap();
        assert_eq!(packages, ["linux-base", "linux-image-6.8.0-47-generic"]);
        assert_eq!(markers.needed.value().unwrap(), "soft-reboot");
    }

    #[test]
    fn an_empty_marker_is_a_marker() {
        let markers =
            found("//- noeol run/reboot-required\n//- noeol run/reboot-required.pkgs\n", read);
        assert_eq!(markers.required.value().unwrap(), "");
        assert_eq!(markers.packages, Reading::Value(Vec::new()));
    }

    #[test]
    fn a_run_without_markers_is_not_an_absent_run() {
        let markers = found("//- dir run\n", read);
        assert!(markers.required.is_absent() && markers.packages.is_absent());
        assert!(is_absent("//- dir proc\n", read));
    }

    #[test]
    fn a_run_that_may_not_be_entered_is_unreadable() {
        let (reading, report) = check::read("//- errno=EACCES run\n", read);
        assert_eq!(reading, Reading::Unreadable(Origin::new("run"), ReadFault::Denied));
        assert_eq!(report.faults.len(), 1);
    }

    #[test]
    fn one_bad_marker_leaves_the_others() {
        for (from, to, outcome) in [
            (
                "//- run/reboot-required.pkgs\nlinux-image-6.8.0-47-generic\nlinux-base\nlinux-base",
                "//- dir run/reboot-required.pkgs",
                Outcome::Unreadable,
            ),
            (
                "//- run/reboot-required.pkgs\nlinux-image-6.8.0-47-generic\nlinux-base\nlinux-base",
                "//- hex run/reboot-required.pkgs\nff0a",
                Outcome::Malformed,
            ),
        ] {
            let (markers, faults) = partly_found(&HEALTHY.replace(from, to), read);
            assert_eq!(markers.packages.outcome(), outcome, "{to}");
            assert_eq!(markers.needed.value().unwrap(), "soft-reboot");
            assert_eq!(faults.len(), 1);
        }
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
