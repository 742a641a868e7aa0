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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent};
    use scrubjay_model::{Origin, Outcome, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- sys/kernel/security/lockdown
none [integrity] confidentiality
";

    #[test]
    fn the_mode_is_the_one_in_brackets() {
        assert_eq!(found(HEALTHY, read), Lockdown::Integrity);
        let off = HEALTHY.replace("none [integrity]", "[none] integrity");
        assert_eq!(found(&off, read), Lockdown::None);
    }

    #[test]
    fn without_securityfs_it_is_absent() {
        assert!(is_absent("//- dir sys/kernel/security\n", read));
    }

    #[test]
    fn no_bad_file_passes_for_a_mode() {
        for (node, outcome) in [
            (
                "//- sys/kernel/security/lockdown\nnone integrity confidentiality\n",
                Outcome::Malformed,
            ),
            ("//- sys/kernel/security/lockdown\n[secrecy]\n", Outcome::Malformed),
            ("//- noeol sys/kernel/security/lockdown\n", Outcome::Malformed),
            ("//- hex sys/kernel/security/lockdown\n5bff5d\n", Outcome::Malformed),
            ("//- dir sys/kernel/security/lockdown\n", Outcome::Unreadable),
        ] {
            let (reading, report) = check::read(node, read);
            assert_eq!((reading.outcome(), report.faults.len()), (outcome, 1), "{node}");
        }
        let (denied, _) = check::read("//- errno=EACCES sys/kernel/security/lockdown\n", read);
        let origin = Origin::new("sys/kernel/security/lockdown");
        assert_eq!(denied, Reading::Unreadable(origin, ReadFault::Denied));
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
