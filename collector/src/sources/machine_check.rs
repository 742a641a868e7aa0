//! Switches of the x86 machine-check code: `/sys/devices/system/machinecheck/machinecheck0`.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-mce. It calls `check_interval` hexadecimal,
//! which has not been true since the attribute is shown by `device_show_int` (drivers/base/core.c,
//! `%d`): 300 means five minutes. The switches are the same on every CPU, so CPU 0 speaks for all.
//! Absent on other architectures and in most guests.

use super::unless_all_absent;
use crate::reader::Reader;
use scrubjay_model::{MachineCheck, Origin, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::MachineCheck,
    reads: &[
        "sys/devices/system/machinecheck/machinecheck0/{check_interval,ignore_ce,dont_log_ce,cmci_disabled}",
    ],
    needs: "nothing",
    absence: "not an x86 machine with machine checks, or a guest that is shown none",
    kernel_doc: "Documentation/ABI/testing/sysfs-mce",
};

const DIR: &str = "sys/devices/system/machinecheck/machinecheck0";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<MachineCheck> {
    let switch = |name: &str| reader.switch(&format!("{DIR}/{name}"));
    let found = MachineCheck {
        check_interval_seconds: reader.number(&format!("{DIR}/check_interval")),
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

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Outcome, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- sys/devices/system/machinecheck/machinecheck0/check_interval
300
//- sys/devices/system/machinecheck/machinecheck0/ignore_ce
0
//- sys/devices/system/machinecheck/machinecheck0/dont_log_ce
1
//- sys/devices/system/machinecheck/machinecheck0/cmci_disabled
0
//- sys/devices/system/machinecheck/machinecheck1/check_interval
5
";

    #[test]
    fn the_interval_is_decimal_whatever_the_documentation_says_and_cpu_0_speaks_for_all() {
        let found = found(HEALTHY, read);
        assert_eq!(found.check_interval_seconds, Reading::Value(300));
        assert_eq!(found.ignore_ce, Reading::Value(false));
        assert_eq!(found.dont_log_ce, Reading::Value(true));
    }

    #[test]
    fn other_architectures_are_absent() {
        assert!(is_absent("//- dir sys/devices/system/machinecheck\n", read));
        assert!(is_absent("//- dir sys/devices/system/machinecheck/machinecheck0\n", read));
    }

    #[test]
    fn one_bad_switch_leaves_the_others() {
        let path = format!("{DIR}/ignore_ce");
        for (node, outcome) in [
            (format!("//- errno=EIO {path}\n"), Outcome::Unreadable),
            (format!("//- dir {path}\n"), Outcome::Unreadable),
            (format!("//- {path}\n2\n"), Outcome::Malformed),
            (format!("//- {path}\n\n"), Outcome::Malformed),
            (String::new(), Outcome::Absent),
        ] {
            let (found, faults) =
                partly_found(&HEALTHY.replace(&format!("//- {path}\n0\n"), &node), read);
            assert_eq!(found.ignore_ce.outcome(), outcome, "{node}");
            assert_eq!(found.check_interval_seconds, Reading::Value(300));
            assert_eq!(faults.len(), usize::from(outcome != Outcome::Absent));
        }
        let text = HEALTHY.replace(&format!("//- {path}\n0"), &format!("//- errno=EACCES {path}"));
        let denied = Reading::Unreadable(Origin::new(path), ReadFault::Denied);
        assert_eq!(partly_found(&text, read).0.ignore_ce, denied);
    }

    #[test]
    fn an_interval_that_is_no_number_is_malformed() {
        for odd in ["12c", "0x12c", "", "-1", "+1", "300 5", "99999999999999999999"] {
            let (found, _) = partly_found(&HEALTHY.replace("300", odd), read);
            assert_eq!(found.check_interval_seconds.outcome(), Outcome::Malformed, "{odd}");
        }
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
