//! Names and meanings of error records.

use super::*;

fn mce(vendor: CpuVendor, bank: u8, status: u64, ipid: Option<u64>) -> MceRecord {
    MceRecord {
        status,
        address: Some(0x1000),
        misc: None,
        mcg_status: 0,
        wall_s: None,
        vendor,
        bank,
        cpu: 0,
        socket: 0,
        syndrome: None,
        ipid,
        microcode: None,
    }
}

#[test]
fn a_guid_is_written_as_the_specification_writes_it() {
    let guid =
        Guid::new(0xA5BC_1114, 0x6F64, 0x4EDE, [0xB8, 0x63, 0x3E, 0x83, 0xED, 0x7C, 0x83, 0xB1]);
    assert_eq!(guid.to_string(), "a5bc1114-6f64-4ede-b863-3e83ed7c83b1");
    assert_eq!(guid.0[..4], [0x14, 0x11, 0xbc, 0xa5]);
}

#[test]
fn times_are_counted_over_leap_years() {
    let time = |year, month, day, hour| CperTime {
        year,
        month,
        day,
        hour,
        minute: 0,
        second: 0,
        precise: true,
    };
    for (when, seconds) in [
        (time(1970, 1, 1, 0), 0),
        (time(1970, 3, 1, 0), 5_097_600),
        (time(2000, 2, 29, 0), 951_782_400),
        (time(2024, 12, 31, 23), 1_735_686_000),
        (time(2100, 3, 1, 0), 4_107_542_400),
    ] {
        assert_eq!(when.as_utc_s(), seconds, "{when:?}");
    }
}

#[test]
fn severities_and_types_have_the_names_of_the_specification() {
    let names: Vec<&str> = (0..5).map(|number| CperSeverity::of(number).as_str()).collect();
    assert_eq!(names, ["recoverable", "fatal", "corrected", "informational", "undefined"]);
    assert_eq!(MemoryErrorType(3).name(), "multi-bit ECC");
    assert_eq!(MemoryErrorType(200).name(), "undefined");
    assert_eq!(SectionFlags(0b1001).names(), ["primary", "threshold exceeded"]);
    assert!(SectionFlags(8).threshold_exceeded() && !SectionFlags(4).threshold_exceeded());
}

#[test]
fn a_machine_check_is_a_memory_error_only_where_its_bank_says_so() {
    let uncorrected = 1 << 63 | 1 << 61 | 0x9f;
    assert_eq!(mce(CpuVendor::Intel, 7, uncorrected, None).unit(), MceUnit::Memory);
    assert_eq!(mce(CpuVendor::Intel, 7, 1 << 63 | 0x136, None).unit(), MceUnit::NotMemory);
    assert_eq!(mce(CpuVendor::Other, 255, 0, None).unit(), MceUnit::Memory);
    assert_eq!(mce(CpuVendor::Amd, 17, 0, Some(0x96_0000_0000)).unit(), MceUnit::Memory);
    assert_eq!(mce(CpuVendor::Amd, 0, 0, Some(0xb0_0000_0000)).unit(), MceUnit::NotMemory);
    assert_eq!(mce(CpuVendor::Amd, 4, 0x9f, None).unit(), MceUnit::Unknown);
    assert_eq!(mce(CpuVendor::Other, 4, 0x9f, None).unit(), MceUnit::Unknown);
}

#[test]
fn a_deferred_error_is_not_a_corrected_one() {
    assert!(!mce(CpuVendor::Amd, 17, 1 << 63 | 1 << 44, None).corrected());
    // Bit 44 is part of Intel's count of corrected errors.
    assert!(mce(CpuVendor::Intel, 7, 1 << 63 | 1 << 44, None).corrected());
    assert!(!mce(CpuVendor::Intel, 7, 1 << 61, None).corrected());
}

#[test]
fn only_a_physical_address_is_called_one() {
    assert_eq!(mce(CpuVendor::Intel, 7, 0, None).physical_address(), Some(0x1000));
    assert_eq!(mce(CpuVendor::Amd, 17, 0, None).physical_address(), None);
    assert_eq!(mce(CpuVendor::Amd, 255, 0, None).physical_address(), Some(0x1000));
}
