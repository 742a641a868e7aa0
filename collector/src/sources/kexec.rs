//! Whether a kernel is loaded for kexec or for crash dumps: `/sys/kernel/kexec_*`, moved to
//! `/sys/kernel/kexec/` by newer kernels.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-kernel-kexec-kdump. Absent on kernels
//! built without kexec.

use super::unless_all_absent;
use crate::reader::Reader;
use scrubjay_model::{Kexec, Origin, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Kexec,
    reads: &["sys/kernel/kexec_*", "sys/kernel/kexec/*"],
    needs: "nothing",
    absence: "the kernel was built without kexec: a panic leaves no dump in memory",
    kernel_doc: "Documentation/ABI/testing/sysfs-kernel-kexec-kdump",
};

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Kexec> {
    let found = Kexec {
        loaded: either(|path| reader.switch(path), "loaded"),
        crash_loaded: either(|path| reader.switch(path), "crash_loaded"),
        crash_size_bytes: either(|path| reader.number(path), "crash_size"),
    };
    let absent = [
        found.loaded.is_absent(),
        found.crash_loaded.is_absent(),
        found.crash_size_bytes.is_absent(),
    ];
    unless_all_absent(found, &absent, Reading::Absent(Origin::new("sys/kernel/kexec_loaded")))
}

fn either<T>(read: impl Fn(&str) -> Reading<T>, name: &str) -> Reading<T> {
    let long_known = read(&format!("sys/kernel/kexec_{name}"));
    if !long_known.is_absent() {
        return long_known;
    }
    let newer = read(&format!("sys/kernel/kexec/{name}"));
    if newer.is_absent() { long_known } else { newer }
}
