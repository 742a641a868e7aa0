//! The log of mcelog: records of machine checks, a line for each few of their fields.
//!
//! A record begins with `CPU`; fields are names in capitals, each with a value, and whatever is not
//! understood is to be passed over (mcelog.org/logfile.html). Registers and
//! the number of the socket are hexadecimal, with or without `0x`. `TIME` is in seconds since the Unix epoch, and the date after it is for people.

use super::plausible;
use crate::machine_check::{MachineCheck, Registers};
use scrubjay_model::{
    ErrorGroups, EventPlace, EventWhat, ForeignError, ForeignErrors, ForeignReport, LeftOut,
    Witness,
};

/// The kernel's numbers of makers of processors.
const VENDORS: [(&str, u64); 3] = [("Intel", 0), ("AMD", 2), ("Hygon", 9)];

/// Most words of a record kept, in bytes.
const WORDS_LIMIT: usize = 512;

/// Logs that follow each other.
#[derive(Debug)]
pub(super) struct Log {
    now_wall_ms: i64,
    open: Option<Record>,
    groups: ErrorGroups,
    rows: i64,
    without_status: u64,
}

/// What a record says.
#[derive(Debug, Default)]
struct Record {
    cpu: u32,
    bank: Option<u8>,
    /// Older versions do not tell it.
    socket: Option<u32>,
    status: Option<u64>,
    mcgstatus: u64,
    mcgcap: u64,
    address: u64,
    misc: u64,
    time_s: Option<i64>,
    vendor: Option<u64>,
    words: String,
}

impl Log {
    pub(super) fn new(now_wall_ms: i64) -> Self {
        let groups = ErrorGroups::default();
        Self { now_wall_ms, open: None, groups, rows: 0, without_status: 0 }
    }

    /// Takes in a file. A record does not go on in the next one.
    pub(super) fn file(&mut self, text: &str) {
        for line in text.lines() {
            self.line(without_stamp(line).trim());
        }
        self.close();
    }

    fn line(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("CPU ") {
            self.close();
            self.open = Record::begun(rest);
            return;
        }
        if line.starts_with("Hardware event") || line.starts_with("MCE ") {
            self.close();
            return;
        }
        if let Some(open) = &mut self.open {
            open.line(line);
        }
    }

    fn close(&mut self) {
        let Some(record) = self.open.take() else { return };
        self.rows = self.rows.saturating_add(1);
        match record.error(self.rows, self.now_wall_ms) {
            Some(error) => self.groups.add(error),
            None => self.without_status = self.without_status.saturating_add(1),
        }
    }

    /// How many records there were, understood or not.
    pub(super) fn records(&self) -> i64 {
        self.rows
    }

    /// All records, in groups, and what was left out.
    pub(super) fn finish(self) -> (Vec<ForeignErrors>, Vec<LeftOut>) {
        let left_out = (self.without_status > 0).then(|| LeftOut {
            what: "records of the log".to_owned(),
            records: Some(self.without_status),
            because: "they have no bank or no status, which tells what happened",
        });
        (self.groups.finish(), left_out.into_iter().collect())
    }
}

/// The line as mcelog wrote it, if syslog put its own words before it.
fn without_stamp(line: &str) -> &str {
    let after = |mark| line.split_once(mark).map(|(_, rest)| rest);
    match after("mcelog: ") {
        Some(rest) => rest,
        None => {
            after("mcelog[").and_then(|rest| rest.split_once("]: ")).map_or(line, |(_, rest)| rest)
        }
    }
}

fn register(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}

/// Takes a value, if there is one.
fn set<T>(field: &mut T, value: Option<T>) -> bool {
    value.is_some_and(|value| {
        *field = value;
        true
    })
}

impl Record {
    /// From what follows `CPU`: a number and, in old versions, that of the bank; then fields.
    fn begun(rest: &str) -> Option<Self> {
        let mut words = rest.split_whitespace();
        let mut record = Self { cpu: words.next()?.parse().ok()?, ..Self::default() };
        let rest: Vec<&str> = words.collect();
        match rest.split_first() {
            Some((bank, fields)) if bank.bytes().all(|byte| byte.is_ascii_digit()) => {
                record.bank = bank.parse().ok();
                record.fields(fields);
            }
            _ => {
                record.fields(&rest);
            }
        }
        Some(record)
    }

    fn line(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if !self.fields(&words)
            && !line.is_empty()
            && self.words.len() + line.len() < WORDS_LIMIT
            // Headings of what follows.
            && !line.ends_with(':')
        {
            self.words.push_str(if self.words.is_empty() { "" } else { "; " });
            self.words.push_str(line);
        }
    }

    /// Takes the fields of a line; whether there was any.
    fn fields(&mut self, words: &[&str]) -> bool {
        let mut any = false;
        for pair in words.windows(2) {
            let &[name, value] = pair else { continue };
            let taken = match name {
                "STATUS" => set(&mut self.status, register(value).map(Some)),
                "MCGSTATUS" => set(&mut self.mcgstatus, register(value)),
                "MCGCAP" => set(&mut self.mcgcap, register(value)),
                "ADDR" => set(&mut self.address, register(value)),
                "MISC" => set(&mut self.misc, register(value)),
                "BANK" => set(&mut self.bank, value.parse().ok().map(Some)),
                "SOCKETID" => {
                    set(&mut self.socket, register(value).map(|id| u32::try_from(id).ok()))
                }
                "TIME" => set(&mut self.time_s, value.parse().ok().map(Some)),
                "Vendor" => {
                    let known = VENDORS.iter().find(|(vendor, _)| *vendor == value);
                    set(&mut self.vendor, known.map(|(_, number)| Some(*number)))
                }
                _ => false,
            };
            any |= taken;
        }
        any
    }

    fn error(self, row: i64, now_wall_ms: i64) -> Option<ForeignError> {
        let registers = Registers {
            status: self.status?,
            address: self.address,
            misc: self.misc,
            syndrome: 0,
            ipid: 0,
            mcgstatus: self.mcgstatus,
        };
        let bank = self.bank?;
        // Where the maker is not told no bits are read that only one of them has.
        let vendor = self.vendor.unwrap_or(u64::MAX);
        let check = MachineCheck::new(registers, bank, vendor, self.mcgcap);
        let class = check.class();
        let (address, grain_bits) = check.address();
        let what = if check.is_memory() { EventWhat::Memory } else { check.other() };
        // Without its socket it is not known whose bank it is.
        let (place, found_by) = match self.socket {
            Some(socket) => (EventPlace::Bank { cpu: self.cpu, socket, bank }, String::new()),
            None => (EventPlace::Address, format!("cpu {} bank {bank}; ", self.cpu)),
        };
        Some(ForeignError {
            at_wall_ms: plausible(self.time_s.and_then(|s| s.checked_mul(1000)), now_wall_ms),
            row,
            errors: u64::from(check.errors(class)),
            report: ForeignReport {
                origin: "mcelog",
                witness: Witness::MceRecord,
                class,
                what,
                place,
                address,
                grain_bits,
                syndrome: None,
                message: String::from_utf8_lossy(check.message()).into_owned(),
                detail: found_by + &self.words,
            },
        })
    }
}
