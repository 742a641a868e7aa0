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
    reads: &[
        "sys/kernel/kexec_{loaded,crash_loaded,crash_size}",
        "sys/kernel/kexec/{loaded,crash_loaded,crash_size}",
    ],
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Outcome, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- sys/kernel/kexec_loaded
0
//- sys/kernel/kexec_crash_loaded
1
//- sys/kernel/kexec_crash_size
268435456
";

    /// The same in the place newer kernels have.
    pub(crate) const MOVED: &str = "\
//- sys/kernel/kexec/loaded
0
//- sys/kernel/kexec/crash_loaded
1
//- sys/kernel/kexec/crash_size
268435456
";

    #[test]
    fn both_places_are_known() {
        let kexec = found(HEALTHY, read);
        assert_eq!(
            (&kexec.loaded, &kexec.crash_loaded),
            (&Reading::Value(false), &Reading::Value(true))
        );
        assert_eq!(kexec.crash_size_bytes, Reading::Value(256 << 20));
        assert_eq!(found(MOVED, read), kexec);
        assert_eq!(found(&format!("{HEALTHY}{MOVED}"), read), kexec);
    }

    #[test]
    fn a_kernel_without_kexec_is_absent_by_its_long_known_name() {
        assert!(is_absent("//- dir sys/kernel\n", read));
        let loaded = found("//- sys/kernel/kexec/crash_loaded\n0\n", read).loaded;
        assert_eq!(loaded, Reading::Absent(Origin::new("sys/kernel/kexec_loaded")));
    }

    #[test]
    fn an_answer_in_the_old_place_counts_even_if_it_is_no_value() {
        let text = format!("//- errno=EACCES sys/kernel/kexec_crash_loaded\n{MOVED}");
        let (kexec, faults) = partly_found(&text, read);
        let origin = Origin::new("sys/kernel/kexec_crash_loaded");
        assert_eq!(kexec.crash_loaded, Reading::Unreadable(origin, ReadFault::Denied));
        assert_eq!((kexec.loaded, faults.len()), (Reading::Value(false), 1));
    }

    #[test]
    fn one_bad_file_leaves_the_others() {
        for (from, to, outcome) in [
            // EBUSY: somebody is loading a crash kernel right now.
            (
                "//- sys/kernel/kexec_crash_size\n268435456",
                "//- errno=EBUSY sys/kernel/kexec_crash_size",
                Outcome::Unreadable,
            ),
            (
                "//- sys/kernel/kexec_crash_size\n268435456",
                "//- dir sys/kernel/kexec_crash_size",
                Outcome::Unreadable,
            ),
            ("268435456", "256M", Outcome::Malformed),
            ("268435456", "-1", Outcome::Malformed),
        ] {
            let (kexec, faults) = partly_found(&HEALTHY.replace(from, to), read);
            assert_eq!(kexec.crash_size_bytes.outcome(), outcome, "{to}");
            assert_eq!((kexec.crash_loaded, faults.len()), (Reading::Value(true), 1), "{to}");
        }
    }

    #[test]
    fn the_laws_hold_in_both_places() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
        check::keeps_the_laws(MOVED, read, |_, _| false);
    }
}
