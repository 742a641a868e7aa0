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
