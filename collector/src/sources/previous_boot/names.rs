//! Names of crash records: `<kind>-<backend>-<number>`, with `.enc.z` at the end where the kernel
//! could not unpack it (fs/pstore/inode.c).
//!
//! The number tells the time with two backends. EFI: seconds since the Unix epoch, two digits for
//! the part of the log, three for the count of crashes (`generic_id()` in
//! drivers/firmware/efi/efi-pstore.c). ERST: a number that starts with the seconds when that boot
//! made its first record, in the upper half, or 24 bits up with the top bit set from 2038 on
//! (`cper_next_record_id()` in drivers/firmware/efi/cper.c). With others it only counts.

use scrubjay_model::CrashKind;

/// What systemd puts the parts of a log together to.
pub(super) const TOGETHER: &str = "dmesg.txt";

/// pstore came with Linux 2.6.39, in 2011. A number that tells an earlier time is no time.
const EARLIEST_S: i64 = 1_293_840_000;
/// Nor is one that does not fit into 32 bits.
const LATEST_S: i64 = 1 << 32;

pub(super) struct Name {
    pub(super) kind: CrashKind,
    pub(super) backend: Option<String>,
    pub(super) wall_s: Option<i64>,
    pub(super) compressed: bool,
}

impl Name {
    pub(super) fn of(name: &str) -> Self {
        let (stem, compressed) = match name.strip_suffix(".enc.z") {
            Some(stem) => (stem, true),
            None => (name, false),
        };
        let kind = match stem.split(['-', '.']).next() {
            Some("dmesg") => CrashKind::Dmesg,
            Some("mce") => CrashKind::Mce,
            Some("console") => CrashKind::Console,
            Some("ftrace") => CrashKind::Ftrace,
            Some("pmsg") => CrashKind::Pmsg,
            Some(_) | None => CrashKind::Other,
        };
        let parts = stem.split_once('-').and_then(|(_, rest)| rest.rsplit_once('-'));
        let backend = parts.map(|(backend, _)| backend.to_owned());
        let wall_s = parts.and_then(|(backend, number)| written_s(backend, number));
        Self { kind, backend, wall_s, compressed }
    }
}

fn written_s(backend: &str, number: &str) -> Option<i64> {
    let number: u64 = number.parse().ok()?;
    let seconds = match backend {
        "efi" | "efi_pstore" => number / 100_000,
        "erst" if number >> 63 == 1 => (number & !(1 << 63)) >> 24,
        "erst" => number >> 32,
        _ => return None,
    };
    i64::try_from(seconds).ok().filter(|seconds| (EARLIEST_S..LATEST_S).contains(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> (CrashKind, Option<String>, Option<i64>) {
        let Name { kind, backend, wall_s, compressed: _ } = Name::of(name);
        (kind, backend, wall_s)
    }

    #[test]
    fn efi_and_erst_tell_the_time_and_others_do_not() {
        let backend = |name: &str| Some(name.to_owned());
        for (name, expected) in [
            ("dmesg-efi-179542962801001", (CrashKind::Dmesg, backend("efi"), Some(1_795_429_628))),
            (
                "dmesg-efi_pstore-179542962812003",
                (CrashKind::Dmesg, backend("efi_pstore"), Some(1_795_429_628)),
            ),
            // 1_795_429_628 << 32, and three more.
            (
                "mce-erst-7711311534763966467",
                (CrashKind::Mce, backend("erst"), Some(1_795_429_628)),
            ),
            ("dmesg-ramoops-0", (CrashKind::Dmesg, backend("ramoops"), None)),
            ("console-ramoops-0", (CrashKind::Console, backend("ramoops"), None)),
            ("dmesg-efi-17", (CrashKind::Dmesg, backend("efi"), None)),
            ("dmesg-erst-99999999999999999999", (CrashKind::Dmesg, backend("erst"), None)),
            ("powerpc-ofw-nvram-5", (CrashKind::Other, backend("ofw-nvram"), None)),
            ("dmesg.txt", (CrashKind::Dmesg, None, None)),
            ("", (CrashKind::Other, None, None)),
        ] {
            assert_eq!(named(name), expected, "{name}");
        }
        assert!(Name::of("dmesg-efi-179542962801001.enc.z").compressed);
    }

    #[test]
    fn after_2038_erst_sets_the_top_bit() {
        let number = 1 << 63 | 2_500_000_000_u64 << 24 | 7;
        assert_eq!(named(&format!("dmesg-erst-{number}")).2, Some(2_500_000_000));
    }
}
