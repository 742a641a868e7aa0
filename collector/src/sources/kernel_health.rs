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
