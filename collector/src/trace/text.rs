//! The words of a report, made when somebody wants to read them.

use super::report::Text;
use crate::machine_check::Registers;
use std::fmt;

/// Longest text kept of a record: drivers write some hundred bytes, and a group keeps one.
const MAX_TEXT_BYTES: usize = 1024;
/// `MCI_STATUS_OVER`.
const OVERFLOW: u64 = 1 << 62;

impl fmt::Display for Registers {
    /// Those that are not zero; the status always.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, address, misc, syndrome, ipid, mcgstatus } = self;
        write!(f, "status {status:#018x}")?;
        let others = [
            ("addr", address),
            ("misc", misc),
            ("synd", syndrome),
            ("ipid", ipid),
            ("mcgstatus", mcgstatus),
        ];
        for (name, value) in others.into_iter().filter(|(_, value)| **value != 0) {
            write!(f, " {name} {value:#x}")?;
        }
        if status & OVERFLOW != 0 {
            f.write_str("; overflow: earlier errors were lost")
        } else {
            Ok(())
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => Ok(()),
            Self::Bytes(bytes) => {
                let bytes = before_nul(bytes);
                let kept = bytes.get(..MAX_TEXT_BYTES).unwrap_or(bytes);
                f.write_str(&String::from_utf8_lossy(kept))
            }
            Self::Registers(registers) => registers.fmt(f),
            Self::Owned(text) => f.write_str(text),
        }
    }
}

/// Bytes up to the first NUL, at which the kernel's texts end.
pub(super) fn before_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_told_without_those_that_say_nothing() {
        let mut registers = Registers {
            status: 0x8c00_0040_0001_0090,
            address: 0x3500_0000,
            misc: 0x8c,
            syndrome: 0,
            ipid: 0,
            mcgstatus: 0,
        };
        let told = "status 0x8c00004000010090 addr 0x35000000 misc 0x8c";
        assert_eq!(Text::Registers(registers).to_string(), told);
        registers.status |= 1 << 62;
        let lost = "status 0xcc00004000010090 addr 0x35000000 misc 0x8c; overflow: earlier errors were lost";
        assert_eq!(registers.to_string(), lost);
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_such_and_no_text_is_endless() {
        assert_eq!(Text::Bytes(b"mem\xffory").to_string(), "mem\u{fffd}ory");
        assert_eq!(Text::Bytes(&[b'a'; 5000]).to_string().len(), MAX_TEXT_BYTES);
        assert_eq!(Text::Bytes(b"mem\0ory").to_string(), "mem");
        assert_eq!(Text::Nothing.to_string(), "");
    }
}
