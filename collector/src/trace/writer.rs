//! Writes what the kernel writes: formats, records and pages, for tests of those who read them.

use super::format::{Format, Storage};
use super::page::{Layout, Lost};

pub(crate) const HEADER_PAGE: &str = "\
\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;
\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;
\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;
\tfield: char data;\toffset:16;\tsize:4080;\tsigned:1;
";

pub(crate) const HEADER_EVENT: &str = "\
# compressed entry header
\ttype_len    :    5 bits
\ttime_delta  :   27 bits
\tarray       :   32 bits

\tpadding     : type == 29
\ttime_extend : type == 30
\ttime_stamp : type == 31
\tdata max type_len  == 28
";

pub(crate) fn layout() -> Layout {
    Layout::parse(HEADER_PAGE, HEADER_EVENT).unwrap()
}

/// A page in the making.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    bytes: Vec<u8>,
    now_ns: u64,
    long: usize,
}

impl Pages {
    /// Of a kernel whose `long` has this many bytes.
    pub(crate) fn new(start_ns: u64, long: usize) -> Self {
        Self { bytes: Vec::new(), now_ns: start_ns, long }.begun(start_ns)
    }

    fn begun(mut self, start_ns: u64) -> Self {
        self.bytes.extend(start_ns.to_ne_bytes());
        self.bytes.extend(std::iter::repeat_n(0, self.long));
        self
    }

    fn word(&mut self, kind: u32, delta: u32) {
        let word = if cfg!(target_endian = "big") { kind << 27 | delta } else { delta << 5 | kind };
        self.bytes.extend(word.to_ne_bytes());
    }

    /// The low 27 bits of a time; the others are written into a record of their own.
    fn delta(&mut self, at_ns: u64) -> u32 {
        let delta = at_ns.checked_sub(self.now_ns).unwrap();
        self.now_ns = at_ns;
        if delta >> 27 != 0 {
            self.word(30, u32::try_from(delta & 0x7ff_ffff).unwrap());
            self.bytes.extend(u32::try_from(delta >> 27).unwrap().to_ne_bytes());
            return 0;
        }
        u32::try_from(delta).unwrap()
    }

    pub(crate) fn record(mut self, at_ns: u64, record: &[u8]) -> Self {
        let delta = self.delta(at_ns);
        let padded = record.len().next_multiple_of(4);
        if padded > 112 || padded == 0 {
            self.word(0, delta);
            self.bytes.extend(u32::try_from(padded + 4).unwrap().to_ne_bytes());
        } else {
            self.word(u32::try_from(padded / 4).unwrap(), delta);
        }
        self.bytes.extend(record);
        self.bytes.extend(std::iter::repeat_n(0, padded - record.len()));
        self
    }

    /// A record that was given up.
    pub(crate) fn discarded(mut self, at_ns: u64, length: usize) -> Self {
        let delta = self.delta(at_ns);
        // The kernel does so too, as 0 would end the page.
        self.word(29, delta.max(1));
        self.now_ns += u64::from(delta == 0);
        self.bytes.extend(u32::try_from(length + 4).unwrap().to_ne_bytes());
        self.bytes.extend(std::iter::repeat_n(0xaa, length));
        self
    }

    /// A time that follows from none before it.
    pub(crate) fn absolute(mut self, at_ns: u64) -> Self {
        self.now_ns = at_ns;
        self.word(31, u32::try_from(at_ns & 0x7ff_ffff).unwrap());
        self.bytes.extend(u32::try_from(at_ns >> 27 & 0xffff_ffff).unwrap().to_ne_bytes());
        self
    }

    /// The page, filled up to `size`.
    pub(crate) fn page(mut self, lost: Lost, size: usize) -> Vec<u8> {
        let header = 8 + self.long;
        let length = u64::try_from(self.bytes.len() - header).unwrap();
        let mut put = |value: u64, at: usize| {
            let value = if self.long == 8 {
                value.to_ne_bytes().to_vec()
            } else {
                u32::try_from(value).unwrap().to_ne_bytes().to_vec()
            };
            if self.bytes.len() < at + self.long {
                self.bytes.resize(at + self.long, 0);
            }
            self.bytes[at..at + self.long].copy_from_slice(&value);
        };
        let flags = match lost {
            Lost::None => 0,
            Lost::AtLeastSome => 1 << 31,
            // Some kernels leave the upper half as it is, others fill it.
            Lost::Exactly(count) => {
                put(count, header + usize::try_from(length).unwrap());
                if self.long == 8 && count % 2 == 0 { u64::MAX << 30 } else { 3 << 30 }
            }
        };
        put(length | flags, 8);
        assert!(self.bytes.len() <= size, "too much for a page");
        self.bytes.resize(size, 0);
        self.bytes
    }
}

/// A record in the making, by the offsets of its format.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'f> {
    format: &'f Format,
    bytes: Vec<u8>,
}

impl<'f> Fields<'f> {
    pub(crate) fn of(format: &'f Format) -> Self {
        let end = format.fields.iter().map(|field| field.offset + field.size).max().unwrap();
        let fields = Self { format, bytes: vec![0; end.next_multiple_of(4)] };
        fields.number("common_type", i128::from(format.id)).number("common_pid", 4711)
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(crate) fn number(mut self, name: &str, value: i128) -> Self {
        let field = self.format.field(name).unwrap_or_else(|| panic!("no field {name}"));
        let bytes = u64::try_from(value & i128::from(u64::MAX)).unwrap();
        let bytes = if cfg!(target_endian = "big") {
            bytes.to_be_bytes()[8 - field.size..].to_vec()
        } else {
            bytes.to_le_bytes()[..field.size].to_vec()
        };
        self.put(field.offset, &bytes);
        self
    }

    /// If this format has the field.
    pub(crate) fn number_if_any(self, name: &str, value: i128) -> Self {
        if self.format.field(name).is_some() { self.number(name, value) } else { self }
    }

    pub(crate) fn block(mut self, name: &str, bytes: &[u8]) -> Self {
        let field = self.format.field(name).unwrap_or_else(|| panic!("no field {name}"));
        assert!(bytes.len() <= field.size);
        self.put(field.offset, bytes);
        self
    }

    /// Behind the fields, as `__data_loc` or `__rel_loc` has it.
    pub(crate) fn bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        let field = self.format.field(name).unwrap_or_else(|| panic!("no field {name}"));
        let from_field = field.storage == Storage::FromField;
        let base = if from_field { field.offset + 4 } else { 0 };
        let at = u32::try_from(self.bytes.len() - base).unwrap();
        let word = u32::try_from(bytes.len()).unwrap() << 16 | at;
        self.put(field.offset, &word.to_ne_bytes());
        self.bytes.extend(bytes);
        self
    }

    pub(crate) fn text(self, name: &str, text: &str) -> Self {
        self.bytes(name, format!("{text}\0").as_bytes())
    }

    pub(crate) fn done(self) -> Vec<u8> {
        self.bytes
    }
}

/// The text of a `format` file. `fields` is C, as in `u32 status; u8 bank; u8 id[16];`; offsets are
/// those a compiler chooses.
pub(crate) fn format(name: &str, id: u16, long: usize, fields: &str, print: &str) -> String {
    let mut text = format!("name: {name}\nID: {id}\nformat:\n");
    let mut at = 0;
    let common = "unsigned short common_type; unsigned char common_flags; \
                  unsigned char common_preempt_count; int common_pid; ";
    for (index, field) in format!("{common}{fields}").split_terminator(';').enumerate() {
        let (c_type, declared) = field.trim().rsplit_once(' ').unwrap();
        let (each, align) = match c_type {
            "struct cper_mem_err_compact" => (55, 1),
            "guid_t" | "uuid_t" => (16, 1),
            c if c.starts_with("__") || c.ends_with("int") || c.ends_with("32") => (4, 4),
            c if c.ends_with("long") => (long, long),
            c if c.ends_with("64") => (8, 8),
            c if c.ends_with("short") || c.ends_with("16") => (2, 2),
            _ => (1, 1),
        };
        let count = declared
            .split_once('[')
            .map_or(1, |(_, count)| count.trim_end_matches(']').parse::<usize>().unwrap());
        at = usize::next_multiple_of(at, align);
        let signed = ["int", "s8", "s16", "long"].contains(&c_type);
        let (size, signed) = (each * count, i32::from(signed));
        text += &format!(
            "\tfield:{c_type} {declared};\toffset:{at};\tsize:{size};\tsigned:{signed};\n"
        );
        at += size;
        if index == 3 {
            text.push('\n');
        }
    }
    text + &format!("\nprint fmt: {print}\n")
}
