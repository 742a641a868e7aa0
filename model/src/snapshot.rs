//! Everything one pass over the host found.
//!
//! [`Snapshot`] is destructured without `..` by everything that consumes it, so that the compiler
//! lists each place a new source still needs.

use crate::seconds;
use crate::{
    BootImages, CpuVulnerability, CveLists, DimmLabels, Edac, Kernel, KernelHealth, KernelLog,
    Kexec, Livepatch, LivepatchModules, LivepatchSystems, Lockdown, MachineCheck, MemoryFailure,
    Microcode, NonValue, Outcome, Packages, Platform, PreviousBoot, Processes, Reading,
    RebootMarkers, Scrub, Smbios, Stamp, Uptime,
};
use serde::Serialize;
use std::time::Duration;

/// One pass over all sources. A source switched off by configuration is `None`: not asked is not
/// the same as no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// When the pass began.
    pub at: Stamp,
    /// Error counters.
    pub edac: Option<Section<Edac>>,
    /// Pages taken out of use.
    pub memory_failure: Option<Section<MemoryFailure>>,
    /// Boot identity and uptime.
    pub uptime: Option<Section<Uptime>>,
    /// Kernel identity.
    pub kernel: Option<Section<Kernel>>,
    /// Taint, oops and warning counts.
    pub kernel_health: Option<Section<KernelHealth>>,
    /// CPU vulnerabilities.
    pub cpu_vulnerabilities: Option<Section<Vec<CpuVulnerability>>>,
    /// Crash kernel.
    pub kexec: Option<Section<Kexec>>,
    /// Lockdown mode.
    pub lockdown: Option<Section<Lockdown>>,
    /// Live patches.
    pub livepatch: Option<Section<Livepatch>>,
    /// Reboot markers of the distribution.
    pub reboot_markers: Option<Section<RebootMarkers>>,
    /// Machine-check switches.
    pub machine_check: Option<Section<MachineCheck>>,
    /// Platform facts.
    pub platform: Option<Section<Platform>>,
    /// The kernel log.
    pub kernel_log: Option<Section<KernelLog>>,
    /// Scrub controls of memory devices.
    pub scrub: Option<Section<Scrub>>,
    /// What earlier boots left behind.
    pub previous_boot: Option<Section<PreviousBoot>>,
    /// Memory sticks as firmware lists them.
    pub smbios: Option<Section<Smbios>>,
    /// Names of slots from label maps.
    pub dimm_labels: Option<Section<DimmLabels>>,
    /// Installed kernels.
    pub packages: Option<Section<Packages>>,
    /// Kernel images, and the one that is started next.
    pub boot_images: Option<Section<BootImages>>,
    /// Lists of vulnerabilities.
    pub cve_lists: Option<Section<CveLists>>,
    /// Microcode of the CPUs.
    pub microcode: Option<Section<Microcode>>,
    /// Where the code of live patches comes from.
    pub livepatch_modules: Option<Section<LivepatchModules>>,
    /// What live-patching systems left on the host.
    pub livepatch_systems: Option<Section<LivepatchSystems>>,
    /// Processes that run what is no longer on disk.
    pub processes: Option<Section<Processes>>,
}

/// What one source found, and how reading it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Section<T> {
    /// The findings.
    pub reading: Reading<T>,
    /// The circumstances.
    pub report: SourceReport,
}

/// How reading a source went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Time it took, waiting included.
    #[serde(rename = "took_seconds", serialize_with = "seconds::of")]
    pub took: Duration,
    /// Attributes asked for.
    pub attributes: u32,
    /// Attributes that are offered but could not be read or understood. Absent ones are not
    /// faults.
    pub faults: Vec<NonValue>,
}

/// The sources, named as in configuration, labels and the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceId {
    /// [`Snapshot::edac`].
    Edac,
    /// [`Snapshot::memory_failure`].
    MemoryFailure,
    /// [`Snapshot::uptime`].
    Uptime,
    /// [`Snapshot::kernel`].
    Kernel,
    /// [`Snapshot::kernel_health`].
    KernelHealth,
    /// [`Snapshot::cpu_vulnerabilities`].
    CpuVulnerabilities,
    /// [`Snapshot::kexec`].
    Kexec,
    /// [`Snapshot::lockdown`].
    Lockdown,
    /// [`Snapshot::livepatch`].
    Livepatch,
    /// [`Snapshot::reboot_markers`].
    RebootMarkers,
    /// [`Snapshot::machine_check`].
    MachineCheck,
    /// [`Snapshot::platform`].
    Platform,
    /// [`Snapshot::kernel_log`].
    KernelLog,
    /// [`Snapshot::scrub`].
    Scrub,
    /// [`Snapshot::previous_boot`].
    PreviousBoot,
    /// [`Snapshot::smbios`].
    Smbios,
    /// [`Snapshot::dimm_labels`].
    DimmLabels,
    /// [`Snapshot::packages`].
    Packages,
    /// [`Snapshot::boot_images`].
    BootImages,
    /// [`Snapshot::cve_lists`].
    CveLists,
    /// [`Snapshot::microcode`].
    Microcode,
    /// [`Snapshot::livepatch_modules`].
    LivepatchModules,
    /// [`Snapshot::livepatch_systems`].
    LivepatchSystems,
    /// [`Snapshot::processes`].
    Processes,
}

/// The state of a source as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceState {
    /// Everything it offers was read.
    Ok,
    /// Something it offers was not.
    Partial,
    /// The kernel does not offer it.
    Absent,
    /// It is offered, but not to us or not now.
    Unreadable,
    /// It answered with something undocumented.
    Malformed,
    /// Switched off by configuration.
    Off,
}

/// A source's state with the reason, without its findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// Which source.
    pub source: SourceId,
    /// Its state.
    pub state: SourceState,
    /// Why it is not [`SourceState::Ok`]: for a partial source its first fault.
    pub reason: Option<NonValue>,
    /// How reading went; `None` when switched off.
    pub report: Option<SourceReport>,
}

impl SourceId {
    /// All sources, in the order of [`Snapshot`].
    pub const ALL: [Self; 24] = [
        Self::Edac,
        Self::MemoryFailure,
        Self::Uptime,
        Self::Kernel,
        Self::KernelHealth,
        Self::CpuVulnerabilities,
        Self::Kexec,
        Self::Lockdown,
        Self::Livepatch,
        Self::RebootMarkers,
        Self::MachineCheck,
        Self::Platform,
        Self::KernelLog,
        Self::PreviousBoot,
        Self::Scrub,
        Self::Smbios,
        Self::DimmLabels,
        Self::Packages,
        Self::BootImages,
        Self::CveLists,
        Self::Microcode,
        Self::LivepatchModules,
        Self::LivepatchSystems,
        Self::Processes,
    ];

    /// The name used in configuration, labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Edac => "edac",
            Self::MemoryFailure => "memory_failure",
            Self::Uptime => "uptime",
            Self::Kernel => "kernel",
            Self::KernelHealth => "kernel_health",
            Self::CpuVulnerabilities => "cpu_vulnerabilities",
            Self::Kexec => "kexec",
            Self::Lockdown => "lockdown",
            Self::Livepatch => "livepatch",
            Self::RebootMarkers => "reboot_markers",
            Self::MachineCheck => "machine_check",
            Self::Platform => "platform",
            Self::KernelLog => "kernel_log",
            Self::Scrub => "scrub",
            Self::PreviousBoot => "previous_boot",
            Self::Smbios => "smbios",
            Self::DimmLabels => "dimm_labels",
            Self::Packages => "packages",
            Self::BootImages => "boot_images",
            Self::CveLists => "cve_lists",
            Self::Microcode => "microcode",
            Self::LivepatchModules => "livepatch_modules",
            Self::LivepatchSystems => "livepatch_systems",
            Self::Processes => "processes",
        }
    }

    /// The source of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|id| id.as_str() == name)
    }
}

impl SourceState {
    /// All states, in the order they are exported.
    pub const ALL: [Self; 6] =
        [Self::Ok, Self::Partial, Self::Absent, Self::Unreadable, Self::Malformed, Self::Off];

    /// A stable word for labels and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Absent => "absent",
            Self::Unreadable => "unreadable",
            Self::Malformed => "malformed",
            Self::Off => "off",
        }
    }
}

impl<T> Section<T> {
    fn status(section: Option<&Self>, source: SourceId) -> SourceStatus {
        let Some(Self { reading, report }) = section else {
            return SourceStatus { source, state: SourceState::Off, reason: None, report: None };
        };
        let state = match reading.outcome() {
            Outcome::Ok if report.faults.is_empty() => SourceState::Ok,
            Outcome::Ok => SourceState::Partial,
            Outcome::Absent => SourceState::Absent,
            Outcome::Unreadable => SourceState::Unreadable,
            Outcome::Malformed => SourceState::Malformed,
        };
        let reason = reading.non_value().or_else(|| report.faults.first().cloned());
        SourceStatus { source, state, reason, report: Some(report.clone()) }
    }
}

impl Snapshot {
    /// A snapshot of a host of which no source was asked.
    pub fn of_nothing(at: Stamp) -> Self {
        Self {
            at,
            edac: None,
            memory_failure: None,
            uptime: None,
            kernel: None,
            kernel_health: None,
            cpu_vulnerabilities: None,
            kexec: None,
            lockdown: None,
            livepatch: None,
            reboot_markers: None,
            machine_check: None,
            platform: None,
            kernel_log: None,
            scrub: None,
            previous_boot: None,
            smbios: None,
            dimm_labels: None,
            packages: None,
            boot_images: None,
            cve_lists: None,
            microcode: None,
            livepatch_modules: None,
            livepatch_systems: None,
            processes: None,
        }
    }

    /// The state of every source, in the order of [`SourceId::ALL`].
    pub fn sources(&self) -> Vec<SourceStatus> {
        let Self {
            at: _,
            edac,
            memory_failure,
            uptime,
            kernel,
            kernel_health,
            cpu_vulnerabilities,
            kexec,
            lockdown,
            livepatch,
            reboot_markers,
            machine_check,
            platform,
            dimm_labels,
            packages,
            boot_images,
            cve_lists,
            kernel_log,
            previous_boot,
            scrub,
            smbios,
            microcode,
            livepatch_modules,
            livepatch_systems,
            processes,
        } = self;
        vec![
            Section::status(edac.as_ref(), SourceId::Edac),
            Section::status(memory_failure.as_ref(), SourceId::MemoryFailure),
            Section::status(uptime.as_ref(), SourceId::Uptime),
            Section::status(kernel.as_ref(), SourceId::Kernel),
            Section::status(kernel_health.as_ref(), SourceId::KernelHealth),
            Section::status(cpu_vulnerabilities.as_ref(), SourceId::CpuVulnerabilities),
            Section::status(kexec.as_ref(), SourceId::Kexec),
            Section::status(lockdown.as_ref(), SourceId::Lockdown),
            Section::status(livepatch.as_ref(), SourceId::Livepatch),
            Section::status(reboot_markers.as_ref(), SourceId::RebootMarkers),
            Section::status(machine_check.as_ref(), SourceId::MachineCheck),
            Section::status(platform.as_ref(), SourceId::Platform),
            Section::status(kernel_log.as_ref(), SourceId::KernelLog),
            Section::status(scrub.as_ref(), SourceId::Scrub),
            Section::status(previous_boot.as_ref(), SourceId::PreviousBoot),
            Section::status(smbios.as_ref(), SourceId::Smbios),
            Section::status(dimm_labels.as_ref(), SourceId::DimmLabels),
            Section::status(packages.as_ref(), SourceId::Packages),
            Section::status(boot_images.as_ref(), SourceId::BootImages),
            Section::status(cve_lists.as_ref(), SourceId::CveLists),
            Section::status(microcode.as_ref(), SourceId::Microcode),
            Section::status(livepatch_modules.as_ref(), SourceId::LivepatchModules),
            Section::status(livepatch_systems.as_ref(), SourceId::LivepatchSystems),
            Section::status(processes.as_ref(), SourceId::Processes),
        ]
    }

    /// The findings of a source that was asked and answered.
    pub fn found<T>(section: &Option<Section<T>>) -> Option<&T> {
        section.as_ref()?.reading.value()
    }
}
