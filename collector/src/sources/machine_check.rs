//! Switches of the x86 machine-check code: `/sys/devices/system/machinecheck/machinecheck0`.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-mce. The switches are the same on every
//! CPU, so CPU 0 speaks for all. Absent on other architectures and in most guests.

use super::unless_all_absent;
use crate::reader::Reader;
use scrubjay_model::{MachineCheck, Origin, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::MachineCheck,
    reads: &["sys/devices/system/machinecheck/machinecheck0/*"],
    needs: "nothing",
    absence: "not an x86 machine with machine checks, or a guest that is shown none",
    kernel_doc: "Documentation/ABI/testing/sysfs-mce",
};

const DIR: &str = "sys/devices/system/machinecheck/machinecheck0";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<MachineCheck> {
    let switch = |name: &str| reader.switch(&format!("{DIR}/{name}"));
    let found = MachineCheck {
        check_interval_seconds: reader.hexadecimal(&format!("{DIR}/check_interval")),
        ignore_ce: switch("ignore_ce"),
        dont_log_ce: switch("dont_log_ce"),
        cmci_disabled: switch("cmci_disabled"),
    };
    let absent = [
        found.check_interval_seconds.is_absent(),
        found.ignore_ce.is_absent(),
        found.dont_log_ce.is_absent(),
        found.cmci_disabled.is_absent(),
    ];
    unless_all_absent(found, &absent, Reading::Absent(Origin::new(DIR)))
}
