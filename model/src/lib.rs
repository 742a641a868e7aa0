//! The vocabulary every other crate speaks: what a reading is, when it was taken, what a counter
//! means, what a host looks like, and how bad it is.
//!
//! Nothing here does I/O, reads a clock or knows a database; types with rules carry them, and
//! everything else is plain data.

mod agent;
mod alert;
mod alert_notice;
mod availability;
mod bad_pages;
mod boot_args;
mod boot_causes;
mod boot_images;
mod boot_lines;
mod boot_sources;
mod buckets;
mod bundle;
mod carried;
mod catalogue;
mod civil;
mod confinement;
mod counter;
mod cper;
mod cve;
mod cve_lists;
mod database;
mod dimm;
mod dimm_labels;
mod dimm_verdict;
mod dram_place;
mod edac;
mod edac_place;
mod event;
mod events_fact;
mod events_status;
mod exposure;
mod facts;
mod file_owner;
mod fleet;
mod foreign_boots;
mod foreign_errors;
mod history;
mod identity;
mod kernel;
mod kernel_log;
mod kernel_packages;
mod kernel_patches;
mod ledger;
mod livepatch;
mod livepatch_modules;
mod livepatch_systems;
mod log_fact;
mod machine;
mod memory_map;
mod memory_trace;
mod microcode;
mod observation;
mod offline;
mod package_version;
mod packages;
mod page_life;
mod parity;
mod patch_claims;
mod patch_cover;
mod patch_state;
mod patch_support;
mod patch_system;
mod patch_transition;
mod previous_boot;
mod processes;
mod reading;
mod report;
mod scrub;
mod seconds;
mod simulated;
mod smbios;
mod snapshot;
mod source_doc;
mod stamp;
mod stretches;
mod text;
mod verdict;
mod view;

pub use agent::{AgentStats, FoldedRows, OfflineStats, SourceStats, StorageStats, WebStats};
pub use alert::{
    Ack, AckChange, AckEnd, AckRequest, AckUntil, AckedAlert, Alert, AlertBook, AlertClock,
    AlertKey, AlertState, AlertTurn, AlertTurnKind, EndedAck, Firing, Moment, Sight, Told,
};
pub use alert_notice::{AlertNotice, AlertNoticeKind, NotifyStats, Outgoing, ReceiverStats};
pub use availability::{Availability, availability};
pub use bad_pages::{
    BadPage, MOST_BAD_PAGES, PageChanges, PageList, PagePass, PageReason, PageReport, PageState,
    PagesTold, PoisonedPages, follow_pages,
};
pub use boot_args::{
    BootArguments, COMMAND_LINE_LIMIT, PageRefusal, RefusedPage, boot_arguments,
    reserved_by_command_line,
};
pub use boot_causes::{BootCause, BootFact, BootWitnesses};
pub use boot_images::{BootImage, BootImages, BootLoader, Chosen, NextBoot, banner_version};
pub use boot_lines::{
    BootLine, ImportedBoot, LengthBasis, MATCH_WITHIN, merged_boots, same_boot_told,
};
pub use boot_sources::{BootSource, BootSources};
pub use buckets::{
    BootBucket, BootCounts, BucketBy, BucketSum, BucketTime, BucketWindow, CounterSum, CoverageDay,
    MemoryBucket, PageBucket, PageCounts, PatchBucket, PatchCounts, Watched, boot_buckets,
    memory_buckets, page_buckets, patch_buckets,
};
pub use bundle::{BundleCheck, BundleFault, BundleFaultKind, BundleSigner, BundleTimeStamp};
pub use carried::{NotCarried, PassAbout, SharedPass};
pub use catalogue::{Bound, CATALOGUE, MetricDef, MetricKind, Per, metrics};
pub use civil::{day_of_text, text_of_day};
pub use confinement::{Confinement, Landlock, Privilege, Privileges};
pub use counter::{Counter, Epoch, Restart, Step, ZeroedWindow, step};
pub use cper::{
    CperRecord, CperSection, CperSeverity, CperTime, CpuVendor, ErrorBlock, Guid, MceRecord,
    MceUnit, MemoryErrorSection, MemoryErrorType, SectionBody, SectionFlags, SectionKind,
};
pub use cve::CveId;
pub use cve_lists::{CveListContent, CveListFile, CveListForm, CveLists, CveRank, Severity};
pub use database::{
    DatabaseBackup, DatabaseCheck, DatabaseMigration, DatabaseVacuum, MigrationOutcome,
};
pub use dimm::{
    Confidence, DimmDetail, DimmKind, DimmLine, DimmModule, EventPattern, Gone, Identity,
    Inventory, KnownModule, LifeChange, ModuleKey, ModuleLife, ModuleLives, ModulePlace,
    ModuleRecord, ModuleTurn, PATTERN_PAGE_BYTES, PlaceSum, join_dimms, match_modules,
    memory_lines,
};
pub use dimm_labels::{DimmLabels, LabelEntry, LabelPlace};
pub use dimm_verdict::{
    DimmFault, DimmPolicy, DimmReason, DimmRisk, DimmRule, DimmVerdict, Probability, name_apart,
};
pub use dram_place::{Cell, Parity};
pub use edac::{
    Contradiction, Controller, Csrow, Dimm, Edac, ErrorClass, ErrorCounts, Layout, Level, Place,
};
pub use event::{
    EventClass, EventGroup, EventPlace, EventRecord, EventWhat, Folded, LastPass, LossRecord,
    OfflineAsker, PageOutcome, ScrubResults, Sighting, Sightings, Witness,
};
pub use events_fact::EVENTS_PATH;
pub use events_status::{EventPath, EventsStatus, ExtlogSent};
pub use exposure::{ExposureRecord, ExposureTurnKind, ExposureTurnRecord};
pub use facts::{
    COUNTER_READ, FORCED_PATCH, Fact, IN_TRANSITION, INSTALLED_KERNEL, KERNEL_RELATION,
    KERNEL_RELEASE, KEXEC_LOADED, MODULE_PLACES, PANIC_RECORD, REBOOT_REASON, RUNNING_MICROCODE,
    VERDICT, WATCHDOG_STATUS,
};
pub use file_owner::{FileCheck, FileOwner, NotChecked, OwningPackage};
pub use fleet::{
    AtOnce, BlockReason, BlockedVisit, BundleEvidence, CoverageSum, DoneVisit, EvidencePolicy,
    EvidenceReboots, EvidenceReport, EvidenceRow, Fleet, FleetAck, FleetFinding, FleetHost,
    FleetPlan, FleetReport, FleetStatus, FleetStick, FleetTask, GroupSum, HostLine, InvalidBundle,
    LivePatchOnly, Reason, RebootAnswer, ReportRow, Rising, RisingStick, SilentHost, Standing,
    StandingSum, TaskKind, Visit, Wave, WorstExposure, evidence_report,
};
pub use foreign_boots::{
    BootMemory, ForeignBoot, ForeignBoots, ForeignEnd, ImportLine, ImportTaken,
};
pub use foreign_errors::{
    ErrorGroups, ErrorImportLine, ErrorMemory, ErrorRecords, ErrorsTaken, ForeignError,
    ForeignErrors, ForeignReport, ImportedErrors, LeftOut,
};
pub use history::{
    Accumulated, BootEnd, BootRecord, ClockStepRecord, CoverageRecord, FactRecord, MemoryRecord,
    RebootNeed, ReportTotal, RunRecord, SeriesKey, SeriesPlace, SeriesTotal, Witnessed,
};
pub use identity::{ControllerKey, KnownController, SeenController, match_controllers};
pub use kernel::{
    CpuVulnerability, Kernel, KernelHealth, Kexec, Lockdown, Taint, TaintFlag, Uname, Uptime,
    VulnerabilityState,
};
pub use kernel_log::{ForcedPatch, KernelLog, LogCounts, LogMark, LogTransition};
pub use kernel_packages::{KernelPackage, PackageManager, Packages, release_flavour};
pub use kernel_patches::{
    FixState, KernelDebt, KernelRelation, KernelState, MissingFix, NewestKernel, NextKernel,
    PatchTruth, RunningKernel,
};
pub use ledger::{
    Digest, LedgerFault, LedgerFaultKind, LedgerHead, LedgerReport, LedgerState, NoHead,
};
pub use livepatch::{Blocker, Livepatch, Patch, PatchObject};
pub use livepatch_modules::{
    LivepatchModule, LivepatchModules, LoadedModule, ModuleFile, ModuleInfo, ModuleOnDisk,
    ModuleSignature, ModuleSigner, OnDisk, Signed,
};
pub use livepatch_systems::{
    Canonical, CanonicalFix, CanonicalKernel, CanonicalStatus, EffectiveKernel, FailedUpdate,
    InstalledModules, KernelCare, KernelName, Kgraft, KgraftBlocker, Kpatch, Ksplice,
    KspliceUpdate, LegacyPatch, LifecycleRow, LivepatchSystems, Notice, NoticeContent, PatchModule,
    PolicySetting,
};
pub use log_fact::{
    EdacLine, FirmwareRecord, FirmwareSection, LivepatchFact, LogEntry, LogFact, LogFamily,
    LogSeverity, MachineCheckRecord, PageFact, PatchDirection,
};
pub use machine::{
    EdacDriver, MachineCheck, MemoryFailure, NodeMemoryFailure, NodePages, Platform, RebootMarkers,
    SoftOfflined,
};
pub use memory_map::{AddressRange, MemoryMap, PageFlags};
pub use memory_trace::{CounterChange, FoldedReports, MemoryTraces, ModuleTrace, Watch};
pub use microcode::{
    CpuSignature, EarlyImage, ImageOf, Microcode, MicrocodeUpdate, MicrocodeVendor, NextMicrocode,
    RunningMicrocode,
};
pub use observation::{CountsFrom, Hit, Observation, Seconds};
pub use offline::{
    CorrectedPage, OfflineMode, OfflinePermit, PageAnswer, PageRequest, PageRequests,
};
pub use package_version::{DebVersion, RpmVersion, VersionFault};
pub use packages::{
    ChangeEntry, Changelog, Fix, FixedSince, InstalledPackage, Lacking, PackageVersion,
    UnversionedEntry,
};
pub use page_life::{PageEvent, PageLife, PageTurn, page_lives};
pub use patch_cover::{CveSource, LivePatchCover, PatchCover, PatchForce};
pub use patch_state::{LivePatches, PatchState, PatchSystemView};
pub use patch_support::{SupportEnd, SupportWindow};
pub use patch_system::{CanonicalModule, PatchSystem, klp_module, kpatch_module, module_of_file};
pub use patch_transition::{LONG_AFTER, STALLED_AFTER, TransitionAge, Transitions};
pub use previous_boot::{
    Bert, BertRegion, Blames, BootStatus, CrashContent, CrashKind, CrashLog, CrashRecord,
    CrashStore, DumpReason, PreviousBoot, Watchdog, WrittenIn,
};
pub use processes::{Holder, Processes, StaleFile, StaleProcess};
pub use reading::{NonValue, Origin, Outcome, ParseFault, Present, ReadFault, Reading};
pub use report::*;
pub use scrub::{CxlMemory, ErrorCheck, MemoryRepair, Scrub, ScrubControl, ScrubDevice, full_pass};
pub use simulated::Simulated;
pub use smbios::{
    ArrayUse, ErrorCorrection, FormFactor, MemoryArray, MemoryDevice, MemoryTechnology, MemoryType,
    ModuleSize, NO_SERIAL, Smbios, SmbiosVersion, TypeDetail, serial_names_a_stick,
};
pub use snapshot::{Section, Snapshot, SourceId, SourceReport, SourceState, SourceStatus};
pub use source_doc::SourceDoc;
pub use stamp::{BootId, ClockStep, Clocks, Stamp, clock_step};
pub use stretches::share_of_stretch;
pub use text::{count, shell_word, span, write_span};
pub use verdict::{Action, Assessment, Coverage, CoverageState, Finding, RebootHelps, Verdict};
pub use view::{HistorySummary, HostHeader, HostView};
