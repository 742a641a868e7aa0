//! The kernel's log: `/dev/kmsg`.
//!
//! Kernel documentation: Documentation/ABI/testing/dev-kmsg (since 3.5). It is the only place where
//! the kernel tells that a live patch was forced. The log is a ring, so what it no longer holds may
//! have happened all the same. Absent where a container is not given the device.

use crate::kernel_log::Digest;
use crate::reader::Reader;
use scrubjay_model::{KernelLog, NonValue, Origin, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::KernelLog,
    reads: &["dev/kmsg"],
    needs: "root or `CAP_SYSLOG` where `kernel.dmesg_restrict` is 1, as it is on Debian",
    absence: "the agent runs in a container or a unit that is not given the device",
    kernel_doc: "Documentation/ABI/testing/dev-kmsg",
};

pub(crate) const PATH: &str = "dev/kmsg";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<KernelLog> {
    let mut digest = Digest::new();
    let read = reader.log(PATH, &mut |part| digest.take(part));
    read.map(|()| {
        let (log, malformed) = digest.finish();
        if let Some(fault) = malformed {
            // One bad record costs itself and nothing beside it.
            let _ = reader.noted::<()>(Err(NonValue::Malformed(Origin::new(PATH), fault)));
        }
        log
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Outcome, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- dev/kmsg
5,0,0,-;Linux version 6.1.0-56-amd64
6,1,1000000,-;pci 0000:00:1f.2: enabled
 SUBSYSTEM=pci
 DEVICE=+pci:0000:00:1f.2
5,2,60000000,-;livepatch: 'lp_1': starting patching transition
4,3,75000000,-;livepatch: forcing remaining tasks to the patched state
5,4,76000000,-;livepatch: 'lp_1': patching complete
";

    #[test]
    fn a_log_is_read_to_its_end_and_dictionaries_are_no_records() {
        let log = found(HEALTHY, read);
        assert_eq!((log.records, log.lost, log.is_complete()), (5, 0, true));
        assert_eq!(log.forced.len(), 1);
        assert_eq!(log.forced[0].patch.as_deref(), Some("lp_1"));
    }

    #[test]
    fn a_host_without_the_device_is_absent() {
        assert!(is_absent("//- dir dev\n", read));
        assert!(is_absent("//- errno=ENODEV dev/kmsg\n", read));
    }

    #[test]
    fn a_log_that_is_forbidden_is_unreadable() {
        for errno in ["EPERM", "EACCES"] {
            let (reading, report) = check::read(&format!("//- errno={errno} dev/kmsg\n"), read);
            assert_eq!(reading, Reading::Unreadable(Origin::new(PATH), ReadFault::Denied));
            assert_eq!(report.faults.len(), 1);
        }
        let (reading, _) = check::read("//- dir dev/kmsg\n", read);
        assert_eq!(reading.outcome(), Outcome::Unreadable);
    }

    #[test]
    fn a_bad_record_leaves_the_others() {
        let (log, faults) = partly_found(&HEALTHY.replace("6,1,1000000,-;", "6,1;"), read);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("dev/kmsg: "), "{faults:?}");
        assert_eq!((log.records, log.forced.len()), (4, 1));
    }

    #[test]
    fn the_laws_hold() {
        // All findings are made of the whole file.
        check::keeps_the_laws(HEALTHY, read, |_, _| true);
    }
}
