//! `struct mce` of Linux on x86 (arch/x86/include/uapi/asm/mce.h): the body of the machine checks
//! that the kernel saves in ERST before it goes down, and all there is in a `mce-erst-…` file of
//! pstore.
//!
//! The structure has grown at its end only, so its length tells which fields it has.

use super::{Bytes, Valid};
use scrubjay_model::{CpuVendor, MceRecord};

/// Its length since Linux 2.6.31, before anything was added.
const SHORTEST: usize = 88;

/// Numbers the kernel gives to makers of x86 CPUs (asm/processor.h).
const INTEL: u8 = 0;
const AMD: u8 = 2;
const HYGON: u8 = 9;

/// Bits of `MCi_STATUS`: the register holds something, so do `MCi_MISC` and `MCi_ADDR`, and AMD's
/// `MCA_SYND`.
const VALID: u32 = 63;
const MISC_VALID: u32 = 59;
const ADDRESS_VALID: u32 = 58;
const SYNDROME_VALID: u32 = 53;

/// A saved machine check; `None` if it is too short, or does not hold an error.
pub fn struct_mce(bytes: &[u8]) -> Option<MceRecord> {
    let mce = Bytes(bytes.get(..SHORTEST).map(|_| bytes)?);
    let status = mce.u64(0)?;
    let has = Valid(status);
    if !has.has(VALID) {
        return None;
    }
    let vendor = match mce.u8(56)? {
        INTEL => CpuVendor::Intel,
        AMD | HYGON => CpuVendor::Amd,
        _ => CpuVendor::Other,
    };
    let ipid = mce.u64(96).filter(|ipid| vendor == CpuVendor::Amd && *ipid != 0);
    Some(MceRecord {
        status,
        address: has.field(ADDRESS_VALID, mce.u64(16)).filter(|address| *address != 0),
        misc: has.field(MISC_VALID, mce.u64(8)),
        mcg_status: mce.u64(24)?,
        wall_s: i64::try_from(mce.u64(48)?).ok().filter(|wall_s| *wall_s != 0),
        vendor,
        bank: mce.u8(65)?,
        cpu: mce.u32(68)?,
        socket: mce.u32(72)?,
        syndrome: has.field(SYNDROME_VALID, mce.u64(88)).filter(|_| vendor == CpuVendor::Amd),
        ipid,
        microcode: mce.u32(112).filter(|microcode| *microcode != 0),
    })
}
