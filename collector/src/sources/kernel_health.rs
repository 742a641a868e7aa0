//! Signs of an ailing kernel: `/proc/sys/kernel/tainted`, `/sys/kernel/oops_count` and
//! `warn_count` (6.2).
//!
//! Kernel documentation: Documentation/admin-guide/tainted-kernels.rst,
//! Documentation/ABI/testing/sysfs-kernel-oops_count. On older kernels the counts are absent and
//! only the taint flags D and W tell.

use super::unless_all_absent;
use crate::reader::Reader;
use scrubjay_model::{KernelHealth, Origin, Reading, SourceDoc, SourceId, Stamp, Taint};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::KernelHealth,
    reads: &["proc/sys/kernel/tainted", "sys/kernel/oops_count", "sys/kernel/warn_count"],
    needs: "nothing",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/admin-guide/tainted-kernels.rst",
};

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<KernelHealth> {
    let found = KernelHealth {
        taint: reader.number("proc/sys/kernel/tainted").map(Taint),
        oops_count: reader.number("sys/kernel/oops_count"),
        warn_count: reader.number("sys/kernel/warn_count"),
    };
    let absent =
        [found.taint.is_absent(), found.oops_count.is_absent(), found.warn_count.is_absent()];
    unless_all_absent(found, &absent, Reading::Absent(Origin::new("proc/sys/kernel/tainted")))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::Outcome;

    pub(crate) const HEALTHY: &str = "\
//- proc/sys/kernel/tainted
45056
//- sys/kernel/oops_count
1
//- sys/kernel/warn_count
12
";

    #[test]
    fn taint_and_counts_are_read() {
        let health = found(HEALTHY, read);
        assert_eq!(health.taint, Reading::Value(Taint(45_056)));
        assert_eq!(health.oops_count, Reading::Value(1));
        assert_eq!(health.warn_count, Reading::Value(12));
    }

    #[test]
    fn kernels_before_6_2_count_neither_oopses_nor_warnings() {
        let health = found("//- proc/sys/kernel/tainted\n0\n", read);
        assert_eq!(health.taint, Reading::Value(Taint(0)));
        assert!(health.oops_count.is_absent() && health.warn_count.is_absent());
    }

    #[test]
    fn a_root_without_proc_and_sys_is_absent() {
        assert!(is_absent("", read));
    }

    #[test]
    fn no_bad_file_passes_for_a_healthy_kernel() {
        for (from, to, outcome) in [
            (
                "//- proc/sys/kernel/tainted\n45056",
                "//- errno=EACCES proc/sys/kernel/tainted",
                Outcome::Unreadable,
            ),
            (
                "//- proc/sys/kernel/tainted\n45056",
                "//- dir proc/sys/kernel/tainted",
                Outcome::Unreadable,
            ),
            ("45056", "-1", Outcome::Malformed),
            ("45056", "G", Outcome::Malformed),
            ("45056", "18446744073709551616", Outcome::Malformed),
            ("45056", "", Outcome::Malformed),
        ] {
            let (health, faults) = partly_found(&HEALTHY.replace(from, to), read);
            assert_eq!(health.taint.outcome(), outcome, "{to}");
            assert_eq!(health.oops_count, Reading::Value(1));
            assert_eq!(faults.len(), 1, "{faults:?}");
        }
    }

    #[test]
    fn a_reboot_takes_the_kernels_counts_back_to_zero() {
        let rebooted = HEALTHY.replace("\n1\n", "\n0\n").replace("\n12\n", "\n0\n");
        let health = found(&rebooted, read);
        assert_eq!((health.oops_count, health.warn_count), (Reading::Value(0), Reading::Value(0)));
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
