//! One record of the log.
//!
//! `/dev/kmsg` prints `priority,sequence,microseconds,flags[,key=value…];text`, then a line with a
//! blank and `KEY=value` for each entry of the record's dictionary. Bytes outside printable ASCII,
//! and the backslash, are written as `\xNN`. Kernel documentation:
//! Documentation/ABI/testing/dev-kmsg.

use scrubjay_model::LogMark;
use std::time::Duration;

/// A record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it is in the log.
    pub at: LogMark,
    /// Who wrote it.
    pub origin: RecordOrigin,
    /// Its text, unescaped, without the dictionary.
    pub text: String,
}

/// Who wrote a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOrigin {
    /// The kernel: facility 0, which it gives to nobody else.
    Kernel,
    /// A program that wrote to `/dev/kmsg`; it can say anything.
    Program,
    /// Not told by this form of the log.
    NotTold,
}

impl Record {
    /// A record as `/dev/kmsg` gives it, with or without its dictionary. `None` if it is not of
    /// the documented form.
    pub fn from_kmsg(bytes: &[u8]) -> Option<Self> {
        let line = bytes.split(|byte| *byte == b'\n').next()?;
        let (head, text) = split_once(line, b';')?;
        let mut fields = std::str::from_utf8(head).ok()?.split(',');
        let priority: u32 = number(fields.next()?)?;
        let sequence = number(fields.next()?)?;
        let micros = number(fields.next()?)?;
        // The flags; since 3.5 there is always at least a dash.
        fields.next()?;
        let origin = if priority >> 3 == 0 { RecordOrigin::Kernel } else { RecordOrigin::Program };
        let at = LogMark { sequence: Some(sequence), awake: Some(Duration::from_micros(micros)) };
        Some(Self { at, origin, text: unescaped(text) })
    }

    /// A line of a log that was saved as text: `[   12.345678] …` as dmesg(1) prints it, with or
    /// without `[ T1]` for the caller, or `Mar  1 04:00:00 host kernel: …` as journalctl(1) and
    /// syslog do. Any other line is a text without a time. There are no record numbers.
    pub fn from_text(line: &str) -> Self {
        let line = line.trim_end_matches(['\r', '\n']);
        let (origin, rest) = match syslog(line) {
            Some(("kernel", rest)) => (RecordOrigin::NotTold, rest),
            Some((_, rest)) => (RecordOrigin::Program, rest),
            None => (RecordOrigin::NotTold, line),
        };
        let (awake, rest) = bracketed(rest);
        let at = LogMark { sequence: None, awake };
        Self { at, origin, text: rest.to_owned() }
    }

    /// Whether the kernel may have written it.
    pub(crate) fn is_of_the_kernel(&self) -> bool {
        match self.origin {
            RecordOrigin::Kernel | RecordOrigin::NotTold => true,
            RecordOrigin::Program => false,
        }
    }
}

/// Program and message of a line of syslog: month, day, time, host, program. A line of the ISO
/// form has one word for the first three.
fn syslog(line: &str) -> Option<(&str, &str)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (head, message) = line.split_once(": ")?;
    let words: Vec<&str> = head.split_whitespace().collect();
    let program = match words.as_slice() {
        [month, day, time, _, program] => {
            let form = MONTHS.contains(month) && number::<u8>(day).is_some() && time.len() == 8;
            form.then_some(program)?
        }
        [time, _, program] => {
            (time.len() > 18 && time.as_bytes().get(10) == Some(&b'T')).then_some(program)?
        }
        _ => return None,
    };
    Some((program.split('[').next()?, message))
}

/// Time and text of `[   12.345678] …`, and `[ T1]` or `[ C3]` passed over.
fn bracketed(line: &str) -> (Option<Duration>, &str) {
    let Some((inside, rest)) = line.trim_start().strip_prefix('[').and_then(|l| l.split_once(']'))
    else {
        return (None, line);
    };
    let inside = inside.trim_start();
    if let Some(caller) = inside.strip_prefix(['T', 'C'])
        && number::<u32>(caller).is_some()
    {
        return (None, rest.strip_prefix(' ').unwrap_or(rest));
    }
    let Some((seconds, micros)) = inside.split_once('.') else { return (None, line) };
    let time = number(seconds).zip(number::<u32>(micros).filter(|_| micros.len() == 6));
    let Some((seconds, micros)) = time else { return (None, line) };
    let awake = Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros.into()));
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match bracketed(rest) {
        // The caller, if there was one.
        (None, after) => (Some(awake), after),
        (Some(_), _) => (Some(awake), rest),
    }
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = bytes.iter().position(|byte| *byte == at)?;
    Some((bytes.get(..position)?, bytes.get(position + 1..)?))
}

/// Digits alone: no sign, no blank.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn unescaped(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        let escape = if *first == b'\\' { hexadecimal(after) } else { None };
        match escape {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that `xNN` stands for.
fn hexadecimal(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.strip_prefix(b"x")?.get(..2)?).ok()?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn kmsg(text: &str) -> Option<Record> {
        Record::from_kmsg(text.as_bytes())
    }

    fn mark(sequence: u64, micros: u64) -> LogMark {
        LogMark { sequence: Some(sequence), awake: Some(Duration::from_micros(micros)) }
    }

    #[test]
    fn a_record_of_the_device_is_taken_apart() {
        let record =
            kmsg("5,1042,90210345,-;livepatch: enabling patch 'lp_1'\n SUBSYSTEM=x").unwrap();
        assert_eq!(record.at, mark(1042, 90_210_345));
        assert_eq!(record.origin, RecordOrigin::Kernel);
        assert_eq!(record.text, "livepatch: enabling patch 'lp_1'");
        assert_eq!(kmsg("6,0,0,-,caller=T1;a;b").unwrap().text, "a;b");
        assert_eq!(kmsg("6,0,0,c;").unwrap().text, "");
    }

    #[test]
    fn what_a_program_wrote_is_not_taken_for_the_kernels() {
        // Facility 1, as the kernel stamps on everything written without one.
        assert!(!kmsg("12,7,1,-;livepatch: forcing").unwrap().is_of_the_kernel());
        assert!(kmsg("7,7,1,-;livepatch: forcing").unwrap().is_of_the_kernel());
    }

    #[test]
    fn escapes_are_undone_and_lone_backslashes_left() {
        let text = |escaped: &str| kmsg(&format!("6,0,0,-;{escaped}")).unwrap().text;
        assert_eq!(text(r"caf\xc3\xa9 \x5c \x0aend"), "café \\ \nend");
        assert_eq!(text(r"\x \xg1 \x4"), r"\x \xg1 \x4");
        assert_eq!(text(r"\xff"), "\u{fffd}");
    }

    #[test]
    fn logs_saved_as_text_are_read() {
        let awake = Some(Duration::from_micros(12_345_678));
        for line in [
            "[   12.345678] EDAC MC: Ver: 3.0.0",
            "[   12.345678][    T1] EDAC MC: Ver: 3.0.0",
            "[   12.345678] [  C13] EDAC MC: Ver: 3.0.0",
            "Mar  1 04:00:00 db1 kernel: [   12.345678] EDAC MC: Ver: 3.0.0",
            "2026-03-01T04:00:00+01:00 db1 kernel: [   12.345678] EDAC MC: Ver: 3.0.0",
        ] {
            let record = Record::from_text(line);
            assert_eq!(record.text, "EDAC MC: Ver: 3.0.0", "{line}");
            assert_eq!(record.at, LogMark { sequence: None, awake }, "{line}");
            assert_eq!(record.origin, RecordOrigin::NotTold);
        }
        for line in ["Mar  1 04:00:00 db1 kernel: RAS: x", "RAS: x", "[    T1] RAS: x"] {
            let record = Record::from_text(line);
            assert_eq!((record.at.awake, record.text.as_str()), (None, "RAS: x"), "{line}");
        }
        let program = Record::from_text("Mar  1 04:00:00 db1 evil[12]: livepatch: x");
        assert!(!program.is_of_the_kernel());
        let odd = Record::from_text("[Hardware Error]: event severity: fatal");
        assert_eq!(odd.text, "[Hardware Error]: event severity: fatal");
    }

    #[test]
    fn other_forms_are_refused() {
        for odd in ["", ";", "6,1;x", "6,1,2;x", "a,1,2,-;x", "6,+1,2,-;x", "6,1, 2,-;x", "6,1,2,-"]
        {
            assert_eq!(kmsg(odd), None, "{odd}");
        }
        assert_eq!(kmsg("6,99999999999999999999,2,-;x"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_record_or_none(bytes: Vec<u8>) {
            if let Some(record) = Record::from_kmsg(&bytes) {
                prop_assert!(record.text.len() <= 3 * bytes.len());
            }
        }

        #[test]
        fn any_line_of_text_is_a_record(line in ".{0,60}", time in "\\[ {0,3}[0-9.]{0,20}\\]?") {
            let _ = Record::from_text(&line);
            let _ = Record::from_text(&format!("{time} {line}"));
        }

        #[test]
        fn what_the_kernel_prints_is_read_back(
            priority in 0_u32..192,
            sequence: u64,
            micros: u64,
            text in "[ -~]{0,80}",
        ) {
            let escaped = text.replace('\\', "\\x5c");
            let record = kmsg(&format!("{priority},{sequence},{micros},-;{escaped}")).unwrap();
            prop_assert_eq!(record.at, mark(sequence, micros));
            prop_assert_eq!(record.is_of_the_kernel(), priority < 8);
            prop_assert_eq!(record.text, text);
        }

        #[test]
        fn a_record_cut_short_never_has_another_time(cut in 0_usize..30) {
            let whole = "5,1042,90210345,-;livepatch: x";
            if let Some(record) = kmsg(whole.get(..cut).unwrap_or(whole)) {
                prop_assert_eq!(record.at, mark(1042, 90_210_345));
            }
        }
    }
}
