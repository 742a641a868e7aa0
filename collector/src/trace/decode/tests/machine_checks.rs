//! `mce:mce_record`.

use super::*;
use crate::trace::format::Format;

const LINUX_6_1: &str = "u64 mcgcap; u64 mcgstatus; u64 status; u64 addr; u64 misc; u64 synd; \
    u64 ipid; u64 ip; u64 tsc; u64 walltime; u32 cpu; u32 cpuid; u32 apicid; u32 socketid; u8 cs; \
    u8 bank; u8 cpuvendor;";
const LINUX_6_12: &str = "u64 mcgcap; u64 mcgstatus; u64 status; u64 addr; u64 misc; u64 synd; \
    u64 ipid; u64 ip; u64 tsc; u64 ppin; u64 walltime; u32 cpu; u32 cpuid; u32 apicid; \
    u32 socketid; u8 cs; u8 bank; u8 cpuvendor; u32 microcode;";
/// Without `synd` and `ipid`.
const LINUX_4_9: &str = "u64 mcgcap; u64 mcgstatus; u64 status; u64 addr; u64 misc; u64 ip; \
    u64 tsc; u64 walltime; u32 cpu; u32 cpuid; u32 apicid; u32 socketid; u8 cs; u8 bank; \
    u8 cpuvendor;";

const INTEL: i128 = 0;
const AMD: i128 = 2;
const HYGON: i128 = 9;

pub(super) fn format(id: u16) -> String {
    writer::format("mce_record", id, 8, LINUX_6_12, "\"\"")
}

/// What a machine check says; the rest of the record is as in a guest.
#[derive(Clone, Copy)]
struct Check {
    vendor: i128,
    bank: u8,
    status: u64,
    addr: u64,
    misc: u64,
    ipid: u64,
    mcgstatus: u64,
}

/// Corrected, found while reading, with an address known to a page.
const USUAL: Check = Check {
    vendor: INTEL,
    bank: 7,
    status: 0x8c00_0040_0001_0090,
    addr: 0x3500_0000,
    misc: 0x8c,
    ipid: 0,
    mcgstatus: 0,
};

/// A memory controller of AMD's.
const UMC: Check =
    Check { vendor: AMD, status: 0x9c00_0000_0000_011b, ipid: 0x96_0000_0000, ..USUAL };

fn checked_by(fields: &str, check: Check, assert: impl FnOnce(Report<'_>)) {
    let text = writer::format("mce_record", 113, 8, fields, "\"\"");
    let format = Format::parse(&text).unwrap();
    let record = Fields::of(&format)
        .number("mcgcap", 0x100_0c0a)
        .number("mcgstatus", check.mcgstatus.into())
        .number("status", check.status.into())
        .number("addr", check.addr.into())
        .number("misc", check.misc.into())
        .number_if_any("synd", 0x77)
        .number_if_any("ipid", check.ipid.into())
        .number("walltime", 1_795_893_254)
        .number("cpu", 12)
        .number("socketid", 1)
        .number("bank", check.bank.into())
        .number("cpuvendor", check.vendor)
        .done();
    reported("mce:mce_record", &text, &record, assert);
}

fn checked(check: Check, assert: impl FnOnce(Report<'_>)) {
    checked_by(LINUX_6_12, check, assert);
}

#[test]
fn three_layouts_decode_alike() {
    let mut seen = Vec::new();
    for fields in [LINUX_6_1, LINUX_6_12] {
        checked_by(fields, USUAL, |report| seen.push(format!("{report:?}")));
    }
    assert_eq!(seen[0], seen[1]);
    for fields in [LINUX_4_9, LINUX_6_1, LINUX_6_12] {
        checked_by(fields, USUAL, |report| {
            assert_eq!(report.witness, Witness::MceRecord);
            assert_eq!((report.class, report.errors), (EventClass::Corrected, 1));
            assert_eq!(report.place, Place::Bank { cpu: 12, socket: 1, bank: 7 });
            assert_eq!(report.what, What::Memory);
            assert_eq!((report.address, report.grain_bits), (Some(0x3500_0000), Some(12)));
            assert_eq!(report.syndrome, None);
            assert_eq!(report.message.to_string(), "memory read error");
            let detail = report.detail.to_string();
            assert!(detail.starts_with("status 0x8c00004000010090 addr 0x35000000 misc 0x8c"));
        });
    }
}

/// Bits 52:38, which are other things to AMD and to firmware; bit 62.
#[test]
fn intel_counts_corrected_errors_and_says_when_it_lost_some() {
    let counted = |check: Check, errors: u32| {
        checked(check, |report| assert_eq!(report.errors, errors, "{:#x}", check.status));
    };
    let with_count = |count: u64| USUAL.status & !(0x7fff << 38) | count << 38;
    for (count, errors) in [(0, 1), (1, 1), (500, 500), (0x7fff, 0x7fff)] {
        counted(Check { status: with_count(count), ..USUAL }, errors);
        counted(Check { status: with_count(count), vendor: AMD, ..USUAL }, 1);
        counted(Check { status: with_count(count), bank: 255, ..USUAL }, 1);
        // Only corrected errors are counted there.
        counted(Check { status: with_count(count) | 1 << 61, ..USUAL }, 1);
    }
    checked(Check { status: USUAL.status | 1 << 62, ..USUAL }, |report| {
        let detail = report.detail.to_string();
        assert!(detail.ends_with("; overflow: earlier errors were lost"), "{detail}");
    });
}

#[test]
fn bank_255_is_what_firmware_reports() {
    let status = 0x9c00_0000_0000_009f;
    for vendor in [INTEL, AMD] {
        let apei = Check { vendor, bank: 255, status, misc: 0x8c, ..USUAL };
        checked(apei, |report| {
            assert_eq!(report.witness, Witness::ApeiRecord);
            assert_eq!((report.class, report.errors), (EventClass::Corrected, 1));
            assert_eq!(report.what, What::Memory);
            assert_eq!((report.address, report.grain_bits), (Some(0x3500_0000), Some(12)));
        });
        checked(Check { status: status | 1 << 61, ..apei }, |report| {
            assert_eq!(report.class, EventClass::Uncorrected);
        });
        checked(Check { status: status | 3 << 57 | 1 << 61, ..apei }, |report| {
            assert_eq!(report.class, EventClass::Fatal);
        });
    }
}

#[test]
fn classes_follow_the_bits() {
    let uncorrected = USUAL.status | 1 << 61;
    let deferred = 1 << 44;
    let cases = [
        (INTEL, USUAL.status, 0, EventClass::Corrected),
        (INTEL, uncorrected, 0, EventClass::Uncorrected),
        (INTEL, uncorrected | 1 << 57, 0, EventClass::Fatal),
        // In a machine check: with and without a place to resume at.
        (INTEL, uncorrected, 5, EventClass::Uncorrected),
        (INTEL, uncorrected, 4, EventClass::Fatal),
        (INTEL, USUAL.status, 4, EventClass::Corrected),
        // With Intel this bit is part of the count.
        (INTEL, USUAL.status | deferred, 0, EventClass::Corrected),
        (AMD, USUAL.status | deferred, 0, EventClass::Deferred),
        (HYGON, USUAL.status | deferred, 0, EventClass::Deferred),
        (AMD, uncorrected | deferred, 0, EventClass::Uncorrected),
        (AMD, USUAL.status & !(1 << 63), 0, EventClass::Info),
    ];
    for (vendor, status, mcgstatus, class) in cases {
        checked(Check { vendor, status, mcgstatus, ..USUAL }, |report| {
            assert_eq!(report.class, class, "{vendor} {status:#x} {mcgstatus}");
        });
    }
}

#[test]
fn an_address_is_one_only_if_the_bits_say_so() {
    let located = |check: Check, address: Option<u64>, grain: Option<u8>| {
        checked(check, |report| {
            assert_eq!((report.address, report.grain_bits), (address, grain));
        });
    };
    located(Check { status: USUAL.status & !(1 << 58), ..USUAL }, None, None);
    located(Check { addr: 0, ..USUAL }, None, None);
    // Bits below the granularity are not known.
    located(Check { addr: 0x3500_0fff, ..USUAL }, Some(0x3500_0000), Some(12));
    located(Check { addr: 0x3500_0fff, misc: 0x86, ..USUAL }, Some(0x3500_0fc0), Some(6));
    // A linear address, and one of the memory itself.
    located(Check { misc: 0x4c, ..USUAL }, None, None);
    located(Check { misc: 0xcc, ..USUAL }, None, None);
    // Without the miscellaneous register nothing is told of it.
    let status = USUAL.status & !(1 << 59);
    located(Check { status, addr: 0x3500_0fff, misc: 0, ..USUAL }, Some(0x3500_0fff), None);
    // An address of a channel is none of the system.
    located(UMC, None, None);
}

#[test]
fn memory_is_told_from_the_rest() {
    let about = |check: Check, memory: bool, message: &str| {
        checked(check, |report| {
            assert_eq!(report.what == What::Memory, memory, "{:#x}", check.status);
            assert_eq!(report.message.to_string(), message, "{:#x}", check.status);
        });
    };
    let code = |code: u64| Check { status: USUAL.status & !0xffff | code, ..USUAL };
    about(code(0x80), true, "memory error");
    about(code(0x90), true, "memory read error");
    about(code(0xa3), true, "memory write error");
    about(code(0xb0), true, "memory address or command error");
    about(code(0xcf), true, "memory scrubbing error");
    // Bit 12 says that reports are filtered.
    about(code(0x1090), true, "memory read error");
    about(code(0x290), true, "error of memory used as a cache");
    // A cache, a bus.
    about(code(0x17a), false, "machine check");
    about(code(0xe0b), false, "machine check");
    about(UMC, true, "DRAM ECC error");
    about(
        Check { status: UMC.status | 1 << 40, ..UMC },
        true,
        "DRAM ECC error found by the scrubber",
    );
    about(Check { status: UMC.status | 1 << 16, ..UMC }, false, "machine check");
    about(Check { ipid: 0xb0_0000_0000, ..UMC }, false, "machine check");
    about(Check { ipid: 0, bank: 4, status: UMC.status | 8 << 16, ..UMC }, true, "DRAM ECC error");
    about(
        Check { ipid: 0xb0_0000_0000, status: UMC.status | 1 << 43, ..UMC },
        false,
        "poisoned data was used",
    );
    checked(code(0x17a), |report| {
        let about = "machine check, code 0x017a".to_owned();
        assert_eq!(report.what, What::Other(EventWhat::Other { about }));
    });
}

#[test]
fn a_syndrome_counts_only_where_it_is_valid() {
    for (vendor, status, syndrome) in [
        (AMD, USUAL.status | 1 << 53, Some(0x77)),
        (AMD, USUAL.status, None),
        // Part of another field with Intel.
        (INTEL, USUAL.status | 1 << 53, None),
    ] {
        checked(Check { vendor, status, ..USUAL }, |report| assert_eq!(report.syndrome, syndrome));
    }
}
