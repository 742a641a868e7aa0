//! Machine checks: the three lines of `print_mce()` (arch/x86/kernel/cpu/mce/core.c) and the lines
//! of AMD's decoder (drivers/edac/mce_amd.c), each joined into one fact.

use super::words::{decimal, hexadecimal, leading_decimal, prefixed};
use scrubjay_model::{LogFact, MachineCheckRecord};

/// Most words of a decoder kept.
const WORDS_LIMIT: usize = 512;

/// The bank whose lines are being read.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    open: Option<MachineCheckRecord>,
    /// The decoder's words before it names the bank.
    words: String,
}

/// What became of a line.
pub(super) enum Taken {
    /// It belongs to the bank being read; a bank read before is complete.
    Joined(Option<MachineCheckRecord>),
    /// It is a fact of its own.
    Fact(LogFact),
    /// It looks like ours and is not understood.
    NotUnderstood,
}

impl Joiner {
    /// Takes the text after `[Hardware Error]: `.
    pub(super) fn take(&mut self, text: &str) -> Taken {
        let text = text.trim();
        if text.starts_with("Machine check events logged") {
            return Taken::Fact(LogFact::MachineChecksLogged);
        }
        if text.starts_with("CPU ") && text.contains("Machine Check") {
            return match printed(text) {
                Some(record) => Taken::Joined(self.open.replace(record)),
                None => Taken::NotUnderstood,
            };
        }
        if text.starts_with("CPU:") && text.contains("_STATUS[") {
            return match decoded(text) {
                Some(mut record) => {
                    record.words = std::mem::take(&mut self.words);
                    Taken::Joined(self.open.replace(record))
                }
                None => Taken::NotUnderstood,
            };
        }
        if text.ends_with("error, no action required.") || text.contains("error, CPU should be") {
            // The decoder's first line.
            self.words = LogFact::quoted(text);
            return Taken::Joined(self.open.take());
        }
        let Some(open) = &mut self.open else {
            return if is_detail(text) { Taken::Joined(None) } else { Taken::NotUnderstood };
        };
        if text.starts_with("TSC ") {
            registers(open, text);
        } else if text.starts_with("PROCESSOR ") {
            registers(open, text);
            return Taken::Joined(self.open.take());
        } else if let Some(address) = text.strip_prefix("Error Addr: ") {
            open.address = prefixed(address).filter(|address| *address != 0);
        } else if let Some((_, syndrome)) = text.split_once("Syndrome: ") {
            open.syndrome = prefixed(syndrome.split([',', ' ']).next().unwrap_or_default());
        } else if is_detail(text) || text.contains("Ext. Error Code") || text.contains(" level: ") {
            if open.words.len() + text.len() < WORDS_LIMIT {
                open.words.push_str(if open.words.is_empty() { "" } else { "; " });
                open.words.push_str(text);
            }
        } else {
            return Taken::NotUnderstood;
        }
        Taken::Joined(None)
    }

    /// The bank being read, when nothing more of it will come.
    pub(super) fn flush(&mut self) -> Option<MachineCheckRecord> {
        self.words.clear();
        self.open.take()
    }
}

/// Lines that say something beside a bank, or remain of one whose beginning was lost.
fn is_detail(text: &str) -> bool {
    const DETAILS: [&str; 10] = [
        "TSC ",
        "PROCESSOR ",
        "RIP ",
        "RIP!",
        "PPIN: ",
        "IPID: ",
        "Run the above through",
        "Machine check: ",
        "Error Addr: ",
        "cache level: ",
    ];
    DETAILS.iter().any(|detail| text.starts_with(detail))
        || text.contains("Ext. Error Code")
        || text.contains("is reserved.")
}

/// `CPU <n>: Machine Check[ Exception]: <mcgstatus> Bank <n>: <status>`.
fn printed(text: &str) -> Option<MachineCheckRecord> {
    let (cpu, rest) = leading_decimal(text.strip_prefix("CPU ")?)?;
    let rest = rest.strip_prefix(": Machine Check")?;
    let (exception, rest) = match rest.strip_prefix(" Exception") {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let (global, rest) = rest.strip_prefix(": ")?.split_once(" Bank ")?;
    hexadecimal(global)?;
    let (bank, rest) = leading_decimal(rest)?;
    let status = rest.strip_prefix(": ")?;
    // Always printed with sixteen digits, so one cut short is known as such.
    let status = hexadecimal(status).filter(|_| status.len() == 16)?;
    Some(record(cpu, bank, status, exception))
}

/// `CPU:<n> (<family>:<model>:<stepping>) MC<n>_STATUS[<flags>]: 0x<status>`.
fn decoded(text: &str) -> Option<MachineCheckRecord> {
    let (cpu, rest) = leading_decimal(text.strip_prefix("CPU:")?)?;
    let (_, rest) = rest.split_once(") MC")?;
    let (bank, rest) = leading_decimal(rest)?;
    let (_, status) = rest.strip_prefix("_STATUS[")?.split_once("]: ")?;
    let status = prefixed(status).filter(|_| status.len() == 18)?;
    Some(record(cpu, bank, status, false))
}

fn record(cpu: u32, bank: u32, status: u64, exception: bool) -> MachineCheckRecord {
    MachineCheckRecord {
        cpu,
        bank,
        status,
        exception,
        address: None,
        misc: None,
        syndrome: None,
        socket: None,
        time_s: None,
        words: String::new(),
    }
}

/// Pairs of a name and a number, hexadecimal but for the time and the socket.
fn registers(record: &mut MachineCheckRecord, text: &str) {
    let words: Vec<&str> = text.split_whitespace().collect();
    for pair in words.windows(2) {
        let [name, value] = pair else { continue };
        match *name {
            "ADDR" => record.address = hexadecimal(value).filter(|address| *address != 0),
            "MISC" => record.misc = hexadecimal(value),
            "SYND" => record.syndrome = hexadecimal(value),
            "SOCKET" => record.socket = decimal(value),
            "TIME" => record.time_s = decimal(value),
            _ => {}
        }
    }
}
