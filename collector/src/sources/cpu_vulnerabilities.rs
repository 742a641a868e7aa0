//! What the kernel says of its CPUs' vulnerabilities: `/sys/devices/system/cpu/vulnerabilities`.
//!
//! Kernel documentation: Documentation/ABI/testing/sysfs-devices-system-cpu. The set of files
//! grows with every kernel, so the directory is listed and no name is built in. Absent before
//! 4.15 and on architectures that do not report.

use crate::reader::{Reader, malformed};
use scrubjay_model::{CpuVulnerability, Reading, SourceDoc, SourceId, Stamp, VulnerabilityState};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::CpuVulnerabilities,
    reads: &["sys/devices/system/cpu/vulnerabilities/*"],
    needs: "nothing",
    absence: "the kernel is older than 4.15 or does not report on this architecture",
    kernel_doc: "Documentation/ABI/testing/sysfs-devices-system-cpu",
};

const DIR: &str = "sys/devices/system/cpu/vulnerabilities";

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Vec<CpuVulnerability>> {
    reader.files(DIR).map(|names| {
        let at = |name: String| {
            let path = format!("{DIR}/{name}");
            let text = reader.attr(&path);
            let state = text.as_ref().into_result().and_then(|text| {
                VulnerabilityState::classify(text).ok_or_else(|| {
                    malformed(&path, "a documented vulnerability state", text.as_bytes())
                })
            });
            CpuVulnerability { name, state: reader.noted(state), text }
        };
        names.into_iter().map(at).collect()
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Origin, Outcome, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- sys/devices/system/cpu/vulnerabilities/itlb_multihit
KVM: Mitigation: VMX disabled
//- sys/devices/system/cpu/vulnerabilities/meltdown
Not affected
//- sys/devices/system/cpu/vulnerabilities/mmio_stale_data
Unknown: No mitigations
//- sys/devices/system/cpu/vulnerabilities/spec_rstack_overflow
Vulnerable: Safe RET, no microcode
//- sys/devices/system/cpu/vulnerabilities/spectre_v2
Mitigation: Retpolines; IBPB: conditional; STIBP: disabled
";

    #[test]
    fn whatever_the_kernel_lists_is_read_by_name() {
        let found = found(HEALTHY, read);
        let states: Vec<(&str, VulnerabilityState)> =
            found.iter().map(|v| (v.name.as_str(), *v.state.value().unwrap())).collect();
        assert_eq!(
            states,
            [
                ("itlb_multihit", VulnerabilityState::Mitigated),
                ("meltdown", VulnerabilityState::NotAffected),
                ("mmio_stale_data", VulnerabilityState::Unknown),
                ("spec_rstack_overflow", VulnerabilityState::Vulnerable),
                ("spectre_v2", VulnerabilityState::Mitigated),
            ]
        );
        assert_eq!(found[1].text.value().unwrap(), "Not affected");
    }

    #[test]
    fn a_kernel_that_does_not_report_is_absent() {
        assert!(is_absent("//- dir sys/devices/system/cpu\n", read));
    }

    #[test]
    fn an_undocumented_answer_keeps_its_text_and_has_no_state() {
        let text = HEALTHY.replace("Not affected", "Perhaps");
        let (found, faults) = partly_found(&text, read);
        assert_eq!(found[1].text.value().unwrap(), "Perhaps");
        assert_eq!(found[1].state.outcome(), Outcome::Malformed);
        let fault = "meltdown: expected a documented vulnerability state, found \"Perhaps\"";
        assert_eq!(faults, [format!("{DIR}/{fault}")]);
        assert!(found[2].state.value().is_some());
    }

    #[test]
    fn a_file_that_cannot_be_read_keeps_its_place() {
        let path = format!("{DIR}/meltdown");
        let text = HEALTHY
            .replace(&format!("//- {path}\nNot affected"), &format!("//- errno=EACCES {path}"));
        let (found, faults) = partly_found(&text, read);
        let denied = Reading::Unreadable(Origin::new(path), ReadFault::Denied);
        assert_eq!((found.len(), found[1].state.clone(), faults.len()), (5, denied, 1));
    }

    #[test]
    fn a_directory_that_may_not_be_listed_is_unreadable() {
        let (reading, report) = check::read(&format!("//- errno=EACCES {DIR}\n"), read);
        assert_eq!(reading, Reading::Unreadable(Origin::new(DIR), ReadFault::Denied));
        assert_eq!(report.faults.len(), 1);
    }

    #[test]
    fn the_laws_hold() {
        // A directory is no vulnerability, whatever its name.
        check::keeps_the_laws(HEALTHY, read, |path, finding| {
            path.rsplit('/').next().is_some_and(|name| finding == format!("/value/\"{name}\"/name"))
        });
    }
}
