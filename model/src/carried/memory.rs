//! How what is known of memory is carried from process to process: see [`super`].

use super::{choices, records, wrappers};
use crate::{
    Accumulated, ArrayUse, BadPage, Bert, BertRegion, Blames, BootStatus, Confidence, Controller,
    CperSection, CperSeverity, CperTime, CpuVendor, CrashContent, CrashKind, CrashLog, CrashRecord,
    CrashStore, Csrow, CxlMemory, Dimm, DimmFault, DimmLabels, DimmPolicy, DimmReason, DimmRisk,
    DimmRule, DimmVerdict, DumpReason, Edac, ErrorBlock, ErrorCheck, ErrorClass, ErrorCorrection,
    ErrorCounts, EventClass, FormFactor, Guid, Identity, LabelEntry, LabelPlace, Layout, MceRecord,
    MemoryArray, MemoryDevice, MemoryErrorSection, MemoryErrorType, MemoryRepair, MemoryTechnology,
    MemoryType, ModuleRecord, ModuleSize, PageOutcome, PageReason, PageState, Place, PreviousBoot,
    RebootNeed, ReportTotal, Scrub, ScrubControl, ScrubDevice, SectionBody, SectionFlags,
    SectionKind, SeriesKey, SeriesPlace, SeriesTotal, Smbios, SmbiosVersion, TypeDetail, Watchdog,
    Witness, Witnessed, WrittenIn,
};

records! {
    Controller {
        index, name, size_bytes, seconds_since_reset, scrub_rate, errors, unattributed, layout,
        dimms, csrows, steady,
    }
    Csrow { index, errors }
    Dimm { place, label, location, size_bytes, memory_type, device_type, edac_mode, errors }
    Edac { controllers }
    ErrorCounts { correctable, uncorrectable }
    Accumulated {
        controllers, totals, witnessed, reports, lost_reports, undecodable_reports, transitions,
        forced_patches, seen_this_boot, bad_pages, modules,
    }
    RebootNeed { since_wall_ms, reasons }
    ReportTotal { reports, errors, counted }
    SeriesKey { controller, place, class }
    SeriesTotal { total, since_wall_ms, restarts }
    Witnessed { errors, unheard }
    BadPage {
        pfn, physical_address, page_size_bytes, reason, dimm, first_seen_wall_ms, last_seen_wall_ms,
        boots_survived, boot, state,
    }
    CxlMemory { name, serial, firmware_version, numa_node, ram_bytes, pmem_bytes }
    ErrorCheck { index, log_entry_type, mode, threshold }
    MemoryRepair { index, repair_type, persist_mode, safe_when_in_use }
    Scrub { devices, cxl }
    ScrubControl {
        index, background, cycle_seconds, min_cycle_seconds, max_cycle_seconds, on_demand_address,
        on_demand_bytes,
    }
    ScrubDevice { name, scrubs, error_checks, repairs }
    ModuleRecord {
        key, slot, bank, serial, part, manufacturer, size_bytes, places, listed, identity,
        confidence, evidence, since_wall_ms, ended_wall_ms, correctable, uncorrectable, restarts,
        last_error_wall_ms,
    }
    DimmLabels { entries }
    LabelEntry { label, places, file, line }
    LabelPlace { controller, layers }
    MemoryArray { handle, usage, error_correction, max_capacity_bytes, slots }
    MemoryDevice {
        handle, array_handle, total_width_bits, data_width_bits, size, form_factor, set, locator,
        bank, memory_type, type_detail, speed_mts, manufacturer, serial, asset_tag, part, ranks,
        configured_speed_mts, technology, firmware, module_manufacturer_id, module_product_id,
    }
    Smbios { version, arrays, devices, complete }
    SmbiosVersion { major, minor }
    CperSection { kind, guid, severity, flags, fru_id, fru_text, timestamp, body }
    CperTime { year, month, day, hour, minute, second, precise }
    ErrorBlock { severity, cleared, more_than_described, sections }
    MceRecord {
        status, address, misc, mcg_status, wall_s, vendor, bank, cpu, socket, syndrome, ipid,
        microcode,
    }
    MemoryErrorSection {
        error_status, physical_address, physical_address_mask, node, card, module, bank, bank_group,
        bank_address, device, row, column, bit_position, rank, chip_id, requestor_id, responder_id,
        target_id, error_type, uncorrected, card_handle, module_handle,
    }
    Bert { table, disabled, region }
    BertRegion { blocks, more }
    CrashLog { reason, part, line, blames }
    CrashRecord { path, kind, backend, wall_s, written, content }
    CrashStore { records, left_out }
    PreviousBoot { bert, pstore, archive, watchdogs }
    Watchdog { index, identity, boot_status }
    DimmFault {
        shape, proven, permanent, errors, places, rows, columns, banks, first_wall_ms, last_wall_ms,
    }
    DimmPolicy { name, rules }
    DimmReason { code, verdict, since_wall_ms, text, reboot_helps }
    DimmRisk { within_7_days, within_horizon, low, high, horizon_days, swap_pays_from, validity }
    DimmRule { code, then, holds, limit, reached, last_reached_wall_ms }
    DimmVerdict {
        key, module, name, counted_at, errors, verdict, action, advice, shape, faults, risk,
        sentence, reasons, cut, policy, trend_p,
    }
}

choices! {
    ErrorClass { 0 Correctable, 1 Uncorrectable }
    Layout { 0 Dimm, 1 Rank, 2 Csrow, 3 Controller }
    Place { 0 Dimm(a), 1 Rank(a), 2 Channel { csrow, channel }, 3 Csrow(a) }
    EventClass { 0 Corrected, 1 Deferred, 2 Uncorrected, 3 Fatal, 4 Info }
    PageOutcome { 0 Ignored, 1 Failed, 2 Delayed, 3 Recovered, 4 Unknown }
    Witness {
        0 McEvent, 1 MceRecord, 2 ApeiRecord, 3 MemoryFailure, 4 Extlog, 5 ArmEvent, 6 NonStandard,
        7 Cxl, 8 LogGhes, 9 LogEdac, 10 LogMemoryFailure, 11 LogMce,
    }
    SeriesPlace { 0 Total, 1 Unattributed, 2 Dimm(a) }
    PageReason {
        0 AdminMarked, 1 Imported, 2 SoftOffline, 3 CorrectedThreshold, 4 CollectedByKernel,
        5 HardOffline, 6 MemoryFailure { page_type, result },
    }
    PageState { 0 OfflineNow, 1 NotOfflineNow, 2 Unknown }
    Confidence { 0 Unknown, 1 ByPosition, 2 ByLabel, 3 Verified }
    Identity { 0 Serial, 1 SharedSerial, 2 Slot, 3 Place }
    ModuleSize { 0 Empty, 1 Unknown, 2 Bytes(a) }
    CperSeverity { 0 Recoverable, 1 Fatal, 2 Corrected, 3 Informational, 4 Undefined(a) }
    CpuVendor { 0 Intel, 1 Amd, 2 Other }
    SectionBody { 0 Memory(a), 1 MachineCheck(a), 2 Undecoded { size_bytes } }
    SectionKind {
        0 Memory, 1 Memory2, 2 ProcessorGeneric, 3 ProcessorX86, 4 ProcessorIpf, 5 ProcessorArm,
        6 Pcie, 7 PciBus, 8 PciDevice, 9 Firmware, 10 DmarGeneric, 11 DmarVtd, 12 DmarIommu,
        13 CxlProtocol, 14 CxlGeneralMedia, 15 CxlDram, 16 CxlMemoryModule, 17 LinuxMachineCheck,
        18 LinuxDmesg, 19 Unknown,
    }
    Blames { 0 MachineCheck, 1 Memory }
    CrashContent { 0 Log(a), 1 MachineCheck(a) }
    CrashKind { 0 Dmesg, 1 Mce, 2 Console, 3 Ftrace, 4 Pmsg, 5 Other }
    DumpReason { 0 Panic, 1 Oops, 2 Emergency, 3 Shutdown, 4 Other }
    WrittenIn { 0 EarlierBoot, 1 ThisBoot, 2 Unknown }
}

wrappers! { ArrayUse ErrorCorrection FormFactor MemoryTechnology MemoryType TypeDetail Guid MemoryErrorType SectionFlags BootStatus }
