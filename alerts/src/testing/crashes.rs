//! What earlier boots may leave behind: as they do, and of no sense at all.

use super::arbitrary::{present, reading, switch, text, words};
use super::{but, of};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use scrubjay_model::{
    Bert, BertRegion, Blames, BootStatus, CperSection, CperSeverity, CpuVendor, CrashContent,
    CrashKind, CrashLog, CrashRecord, CrashStore, DumpReason, ErrorBlock, Guid, MceRecord,
    MemoryErrorSection, MemoryErrorType, PreviousBoot, Reading, SectionBody, SectionFlags,
    SectionKind, Snapshot, Watchdog, WrittenIn,
};
use std::time::Duration;

/// A day before the healthy server is looked at.
pub(crate) const CRASHED_S: i64 = 1_795_429_628 - 86_400;

/// A multi-bit error of a module with a handle and a name.
pub(crate) fn memory() -> CperSection {
    let memory = MemoryErrorSection {
        error_status: None,
        physical_address: Some(0x3_f7a1_2340),
        physical_address_mask: None,
        node: Some(0),
        card: Some(2),
        module: Some(1),
        bank: None,
        bank_group: None,
        bank_address: None,
        device: None,
        row: Some(40_948),
        column: None,
        bit_position: None,
        rank: Some(1),
        chip_id: None,
        requestor_id: None,
        responder_id: None,
        target_id: None,
        error_type: Some(MemoryErrorType(3)),
        uncorrected: None,
        card_handle: None,
        module_handle: Some(0x1102),
    };
    let fru_text = Some("DIMM_B2".to_owned());
    let body = SectionBody::Memory(memory);
    CperSection { kind: SectionKind::Memory, fru_text, body, ..pcie() }
}

/// An error that is not of memory, in no more detail than that.
pub(crate) fn pcie() -> CperSection {
    CperSection {
        kind: SectionKind::Pcie,
        guid: Guid([1; 16]),
        severity: CperSeverity::Undefined(9),
        flags: SectionFlags(0),
        fru_id: None,
        fru_text: None,
        timestamp: None,
        body: SectionBody::Undecoded { size_bytes: 208 },
    }
}

pub(crate) fn block(severity: CperSeverity, sections: Vec<CperSection>) -> ErrorBlock {
    ErrorBlock { severity, cleared: true, more_than_described: false, sections }
}

pub(crate) fn with_block(block: ErrorBlock) -> Snapshot {
    but(|s| {
        let region = BertRegion { blocks: vec![block], more: false };
        of(&mut s.previous_boot).bert.region = Some(Reading::Value(region));
    })
}

/// The server came up again an hour later.
pub(crate) fn with_records(records: Vec<CrashRecord>) -> Snapshot {
    but(|s| {
        s.at.since_boot = Some(Duration::from_secs(23 * 3600));
        of(&mut s.previous_boot).pstore = store(records);
    })
}

pub(crate) fn store(records: Vec<CrashRecord>) -> Reading<CrashStore> {
    Reading::Value(CrashStore { records, left_out: 0 })
}

pub(crate) fn watchdog(index: u32, status: u64) -> Watchdog {
    let identity = Reading::Value("iTCO_wdt".to_owned());
    Watchdog { index, identity, boot_status: Reading::Value(BootStatus(status)) }
}

/// A record of that crash.
fn record(kind: CrashKind, content: CrashContent) -> CrashRecord {
    CrashRecord {
        path: format!("sys/fs/pstore/{}-efi-{CRASHED_S}01001", kind.as_str()),
        kind,
        backend: Some("efi".to_owned()),
        wall_s: Some(CRASHED_S),
        written: WrittenIn::EarlierBoot,
        content: Some(Reading::Value(content)),
    }
}

fn log(reason: DumpReason, line: Option<String>, blames: Option<Blames>) -> CrashRecord {
    let log = CrashLog { reason: Some(reason), part: Some(1), line, blames };
    record(CrashKind::Dmesg, CrashContent::Log(log))
}

pub(crate) fn panic(why: &str, blames: Option<Blames>) -> CrashRecord {
    log(DumpReason::Panic, Some(format!("Kernel panic - not syncing: {why}")), blames)
}

pub(crate) fn shutdown() -> CrashRecord {
    log(DumpReason::Shutdown, None, None)
}

/// An uncorrected memory error that Linux saved in ERST.
pub(crate) fn mce() -> CrashRecord {
    let mce = MceRecord {
        status: 0xbe00_0000_0101_0091,
        address: Some(0x3_f7a1_2340),
        misc: None,
        mcg_status: 5,
        wall_s: Some(CRASHED_S),
        vendor: CpuVendor::Intel,
        bank: 7,
        cpu: 17,
        socket: 1,
        syndrome: None,
        ipid: None,
        microcode: None,
    };
    record(CrashKind::Mce, CrashContent::MachineCheck(mce))
}

fn severity() -> impl Strategy<Value = CperSeverity> {
    (0_u32..6).prop_map(CperSeverity::of)
}

fn section() -> impl Strategy<Value = CperSection> {
    (any::<bool>(), severity(), any::<u32>(), option::of(words()), any::<u64>()).prop_map(
        |(about_memory, severity, flags, fru_text, number)| {
            let base = if about_memory { memory() } else { pcie() };
            let body = match base.body {
                SectionBody::Memory(memory) if number % 2 == 0 => {
                    SectionBody::Memory(MemoryErrorSection {
                        physical_address: Some(number),
                        ..memory
                    })
                }
                other @ (SectionBody::Memory(_)
                | SectionBody::MachineCheck(_)
                | SectionBody::Undecoded { .. }) => other,
            };
            CperSection { severity, flags: SectionFlags(flags), fru_text, body, ..base }
        },
    )
}

fn content() -> impl Strategy<Value = CrashContent> {
    let reasons = [
        DumpReason::Panic,
        DumpReason::Oops,
        DumpReason::Emergency,
        DumpReason::Shutdown,
        DumpReason::Other,
    ];
    let reason = option::of(proptest::sample::select(reasons.to_vec()));
    let blames = option::of(prop_oneof![Just(Blames::MachineCheck), Just(Blames::Memory)]);
    let log = (reason, option::of(any::<u32>()), option::of(words()), blames)
        .prop_map(|(reason, part, line, blames)| CrashLog { reason, part, line, blames });
    let mce =
        (any::<u64>(), any::<u8>(), option::of(any::<u64>())).prop_map(|(status, bank, ipid)| {
            let Some(CrashContent::MachineCheck(base)) = mce().said().cloned() else {
                panic!("it is one");
            };
            let vendor = if bank % 2 == 0 { CpuVendor::Amd } else { CpuVendor::Intel };
            MceRecord { status, bank, ipid, vendor, ..base }
        });
    prop_oneof![log.prop_map(CrashContent::Log), mce.prop_map(CrashContent::MachineCheck)]
}

fn crash_record() -> impl Strategy<Value = CrashRecord> {
    let kind = proptest::sample::select(CrashKind::ALL.to_vec());
    let time = option::of(prop_oneof![any::<i64>(), Just(CRASHED_S)]);
    let written = prop_oneof![
        Just(WrittenIn::EarlierBoot),
        Just(WrittenIn::ThisBoot),
        Just(WrittenIn::Unknown)
    ];
    (words(), kind, option::of(words()), time, written, option::of(reading(content()))).prop_map(
        |(path, kind, backend, wall_s, written, content)| CrashRecord {
            path,
            kind,
            backend,
            wall_s,
            written,
            content,
        },
    )
}

/// Any evidence of earlier boots.
pub(super) fn previous_boot() -> impl Strategy<Value = PreviousBoot> {
    let block = (severity(), any::<bool>(), any::<bool>(), vec(section(), 0..3)).prop_map(
        |(severity, cleared, more_than_described, sections)| ErrorBlock {
            severity,
            cleared,
            more_than_described,
            sections,
        },
    );
    let region =
        (vec(block, 0..3), any::<bool>()).prop_map(|(blocks, more)| BertRegion { blocks, more });
    let bert = (present(), switch(), option::of(reading(region)))
        .prop_map(|(table, disabled, region)| Bert { table, disabled, region });
    let store = || {
        let store = (vec(crash_record(), 0..3), any::<u64>());
        reading(store.prop_map(|(records, left_out)| CrashStore { records, left_out }))
    };
    let status = reading(any::<u64>().prop_map(BootStatus));
    let watchdog = (any::<u32>(), text(), status)
        .prop_map(|(index, identity, boot_status)| Watchdog { index, identity, boot_status });
    (bert, store(), store(), reading(vec(watchdog, 0..3))).prop_map(
        |(bert, pstore, archive, watchdogs)| PreviousBoot { bert, pstore, archive, watchdogs },
    )
}
