//! Who the host is, for the head of a page. sysinfo reads the running host and nothing else, so it
//! is asked only when that is the host in question, and nothing is ever decided by it.

use crate::watermark;
use scrubjay_collector::HostRoot;
use scrubjay_model::{HostHeader, Origin, Reading};
use std::path::Path;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

/// The header of a host read from `root`.
pub(crate) fn read(host: &HostRoot, root: &Path) -> HostHeader {
    let header = HostHeader {
        root: root.display().to_string(),
        version: env!("CARGO_PKG_VERSION"),
        // A real root beside the history of a simulated one is no more to be trusted than that.
        simulated: host.simulated().or_else(|| watermark::made().cloned()),
        host_name: not_recorded("host name"),
        os: not_recorded("operating system"),
        cpu: not_recorded("CPU"),
        memory_bytes: not_recorded("memory"),
    };
    if let Some(made) = host.simulated() {
        let host_name = Reading::Value(format!("demo-{}", made.scenario()));
        return HostHeader { host_name, ..header };
    }
    if !host.is_this_host() {
        return header;
    }
    let cpu_model = host.cpu_model();
    let plain = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    // Asked for CPUs, it reads all that is shown of every one.
    let wanted = match cpu_model {
        Some(_) => plain,
        None => plain.with_cpu(CpuRefreshKind::nothing()),
    };
    let system = System::new_with_specifics(wanted).ok();
    let first = system.as_ref().and_then(|system| system.cpus().first());
    let cpu_model = cpu_model.or_else(|| Some(first?.brand().trim().to_owned()));
    let memory = system.as_ref().map(System::total_memory).filter(|bytes| *bytes > 0);
    let named = |text: Option<String>, what| match text {
        Some(text) if !text.is_empty() => Reading::Value(text),
        Some(_) | None => not_recorded(what),
    };
    HostHeader {
        host_name: named(System::host_name().ok(), "host name"),
        os: named(System::long_os_version().ok(), "operating system"),
        cpu: named(cpu_model, "CPU"),
        memory_bytes: memory.map_or_else(|| not_recorded("memory"), Reading::Value),
        ..header
    }
}

fn not_recorded<T>(what: &str) -> Reading<T> {
    Reading::Absent(Origin::new(what))
}
