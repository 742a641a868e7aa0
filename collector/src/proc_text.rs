//! Parsers for the longer files of procfs: bytes in, values out.
//!
//! Kernel documentation: Documentation/filesystems/proc.rst. Where one line of a file is wanted,
//! the others must not stand in its way, so only that line is looked at. The parsers of the procfs
//! crate are used for records that are wanted as a whole, behind checks of their own: they index
//! into text they have not looked at, and so panic on bytes the kernel would not print.

use crate::reader::whole_number;
use procfs::FromRead;
use std::time::Duration;

/// What follows a key at the beginning of a line, without the newline.
pub(crate) fn line<'b>(bytes: &'b [u8], key: &str) -> Option<&'b [u8]> {
    bytes.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(key.as_bytes()))
}

/// A size as `/proc/meminfo` shows it, `    16 kB`, in bytes.
pub(crate) fn kibibytes(text: &[u8]) -> Option<u64> {
    let number = std::str::from_utf8(text).ok()?.trim_end().strip_suffix(" kB")?;
    whole_number(number)?.checked_mul(1024)
}

/// Seconds since the Unix epoch, as the `btime` line of `/proc/stat` shows them.
pub(crate) fn epoch_seconds(text: &[u8]) -> Option<i64> {
    i64::try_from(whole_number(std::str::from_utf8(text).ok()?)?).ok()
}

/// The first number of `/proc/uptime`.
pub(crate) fn uptime(bytes: &[u8]) -> Option<Duration> {
    let parsed = procfs::Uptime::from_read(bytes).ok()?.uptime;
    // That parser takes whatever Rust takes for a number, such as `inf`, `1e9` or `-0`; the
    // kernel's is only what prints back the same.
    let shown = bytes.split(|byte| *byte == b' ').next()?;
    (format!("{parsed:.2}").as_bytes() == shown).then_some(())?;
    Duration::try_from_secs_f64(parsed).ok()
}

/// `/proc/<pid>/stat`: `pid (comm) state …`, where comm may hold blanks, brackets and any byte.
pub(crate) fn process_stat(bytes: &[u8]) -> Option<procfs::process::Stat> {
    let open = bytes.iter().position(|byte| *byte == b'(')?;
    let close = bytes.iter().rposition(|byte| *byte == b')')?;
    let (pid, blank) = bytes.get(..open)?.split_at_checked(open.checked_sub(1)?)?;
    let after = bytes.get(close..)?;
    let shaped = !pid.is_empty()
        && pid.iter().all(u8::is_ascii_digit)
        && blank == b" "
        && open < close
        && after.starts_with(b") ")
        && after.get(2).is_some_and(u8::is_ascii_alphabetic);
    shaped.then(|| procfs::process::Stat::from_read(bytes).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "475071 (a) (b) R 323893 475071 323893 34826 475071 4194304 94 0 0 0 3 4 0 \
                        0 20 0 1 0 201288208 5738496 225 18446744073709551615 1 2 3 0 0 0 0 0 0 0 \
                        0 0 17 4 0 0 0 0 0 5 6 7 8 9 10 11 0\n";

    #[test]
    fn a_line_is_found_whatever_stands_around_it() {
        let bytes = b"\xff\n no btime 1\nbtime 1795429628\nctxt 5\n";
        assert_eq!(line(bytes, "btime ").and_then(epoch_seconds), Some(1_795_429_628));
        assert_eq!(line(bytes, "processes "), None);
    }

    #[test]
    fn sizes_are_whole_kibibytes() {
        assert_eq!(kibibytes(b"     0 kB"), Some(0));
        assert_eq!(kibibytes(b"    12 kB"), Some(12 << 10));
        for bad in ["12", "12 MB", "-1 kB", "kB", " kB", "0x1 kB", "18014398509481984 kB"] {
            assert_eq!(kibibytes(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn uptime_is_only_what_the_kernel_prints() {
        assert_eq!(uptime(b"350735.47 234388.90\n"), Some(Duration::from_millis(350_735_470)));
        assert_eq!(uptime(b"0.00 0.00\n"), Some(Duration::ZERO));
        for bad in [
            "",
            "1.00",
            "1 1",
            "inf 1.00",
            "NaN 1.00",
            "1e9 1.00",
            "+1.00 1.00",
            "-1.00 1.00",
            "1.000 1.00",
            "\u{a0}1.00 1.00",
            "99999999999999999.00 1.00",
        ] {
            assert_eq!(uptime(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_process_may_have_any_name() {
        let stat = process_stat(STAT.as_bytes()).unwrap();
        assert_eq!((stat.comm.as_str(), stat.utime, stat.stime, stat.rss), ("a) (b", 3, 4, 225));
        let odd = STAT.replace("(a) (b)", "(\u{fffd})(");
        assert!(process_stat(odd.as_bytes()).is_none());
        let mut bytes = STAT.as_bytes().to_vec();
        bytes[8] = 0xff;
        assert!(process_stat(&bytes).is_some());
    }

    #[test]
    fn what_no_kernel_prints_is_refused_before_it_can_panic() {
        for bad in [
            "(a) R 1",
            " (a) R 1",
            ")(",
            "1)(a R",
            "\u{e9}(a) R 1",
            "1\u{e9}(a) R",
            "1 (a)",
            "1 (a) ",
            "1 (a)\u{e9}R",
        ] {
            assert!(process_stat(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    fn disturbed(text: &'static str) -> impl Strategy<Value = Vec<u8>> {
        let edit = (
            any::<prop::sample::Index>(),
            0_usize..4,
            proptest::collection::vec(any::<u8>(), 0..4),
        );
        proptest::collection::vec(edit, 1..4).prop_map(move |edits| {
            let mut bytes = text.as_bytes().to_vec();
            for (at, length, new) in edits {
                let start = at.index(bytes.len() + 1);
                let end = bytes.len().min(start + length);
                bytes.splice(start..end, new);
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_parser_panic(
            bytes in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..60),
                "[0-9 ().\u{e9}R]{0,20}".prop_map(String::into_bytes),
                disturbed(STAT),
                disturbed("350735.47 234388.90\n"),
            ]
        ) {
            let _ = process_stat(&bytes);
            let _ = line(&bytes, "R").and_then(kibibytes);
            if let Some(read) = uptime(&bytes) {
                let text = String::from_utf8_lossy(&bytes);
                prop_assert_eq!(text.split(' ').next().unwrap(), format!("{:.2}", read.as_secs_f64()));
            }
        }
    }
}
