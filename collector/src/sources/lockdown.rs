//! The lockdown mode: `/sys/kernel/security/lockdown` (5.4).
//!
//! Kernel documentation: man 7 kernel_lockdown. Absent where the kernel was built without the
//! lockdown LSM or securityfs is not mounted.

use crate::reader::Reader;
use scrubjay_model::{Lockdown, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Lockdown,
    reads: &["sys/kernel/security/lockdown"],
    needs: "nothing",
    absence: "the kernel has no lockdown, or securityfs is not mounted",
    kernel_doc: "man 7 kernel_lockdown",
};

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Lockdown> {
    reader.parse("sys/kernel/security/lockdown", "a mode in brackets", Lockdown::parse)
}
