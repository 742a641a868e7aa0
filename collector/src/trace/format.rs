//! How this kernel lays out its trace events: `events/GROUP/EVENT/format`.
//!
//! Kernel documentation: Documentation/trace/events.rst. Numbers of events, offsets of fields and
//! the numbers of enumerations differ from kernel to kernel, so none of them is built in.

mod print;

use std::fmt;

/// An event has some dozens of fields; more are no format.
const MAX_FIELDS: usize = 256;
/// The longest format of Linux 6.12 has 6 kB; the kernel itself offers no more than a few pages.
const MAX_BYTES: usize = 256 * 1024;

/// Where a text is not what the kernel writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FormatError {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) expected: &'static str,
    /// What stands there, cut short.
    pub(crate) found: String,
}

/// The layout of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub(crate) name: String,
    /// `common_type` of its records.
    pub(crate) id: u16,
    pub(crate) fields: Vec<Field>,
    pub(crate) words: Vec<Words>,
}

/// One field of an event, or of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// The type in C, without what `storage` says.
    pub(crate) c_type: String,
    pub(crate) name: String,
    /// Bytes from the start of the record.
    pub(crate) offset: usize,
    /// Bytes it takes there. 0 is possible: an array at the end.
    pub(crate) size: usize,
    pub(crate) signed: bool,
    pub(crate) storage: Storage,
}

/// Where the bytes of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// At its offset.
    Value,
    /// At its offset, one behind the other.
    Array,
    /// `__data_loc`: at its offset is a word, length and offset from the start of the record.
    FromRecord,
    /// `__rel_loc` (5.17): the same, but from the end of that word.
    FromField,
}

/// The words of a field, by number, from `print fmt`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) field: String,
    pub(crate) kind: WordKind,
    pub(crate) words: Vec<(u64, String)>,
}

/// What the numbers of `Words` are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WordKind {
    /// `__print_symbolic`: one of them.
    Symbols,
    /// `__print_flags`: the bits of a mask.
    Flags,
}

impl Format {
    /// Parses the text of a `format` file.
    pub(crate) fn parse(text: &str) -> Result<Self, FormatError> {
        if text.len() > MAX_BYTES {
            return Err(FormatError::at(1, "no more than 256 KiB", text));
        }
        let mut lines = text.split('\n').enumerate().map(|(at, line)| (at + 1, line));
        let name = after(lines.next(), "name: ", "`name: ` and a name")?.to_owned();
        let id = after(lines.next(), "ID: ", "`ID: ` and a number up to 65535")?;
        let id = id.parse().map_err(|_| FormatError::at(2, "a number up to 65535", id))?;
        after(lines.next(), "format:", "`format:`")?;
        let mut fields: Vec<Field> = Vec::new();
        let mut print = None;
        let mut last = 3;
        for (at, line) in lines.by_ref() {
            last = at;
            if let Some(begun) = line.strip_prefix("print fmt: ") {
                print = Some(begun);
                break;
            }
            if line.trim().is_empty() {
                continue;
            }
            if fields.len() == MAX_FIELDS {
                return Err(FormatError::at(at, "no more than 256 fields", line));
            }
            fields
                .push(Field::parse(line).map_err(|expected| FormatError::at(at, expected, line))?);
        }
        // It closes the file, so without it the file is cut off, and fields may be missing.
        let Some(begun) = print else {
            return Err(FormatError::at(last, "`print fmt: ` at the end", ""));
        };
        // The text of some events has a newline in it.
        let rest: Vec<&str> = lines.map(|(_, line)| line).collect();
        let words = print::words(&format!("{begun}\n{}", rest.join("\n")));
        Ok(Self { name, id, fields, words })
    }

    /// The field of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The word for one value of a field, or the words for the bits of it; the first of what
    /// `print fmt` has for the field.
    pub(crate) fn words_of(&self, field: &str) -> Option<&Words> {
        self.words.iter().find(|words| words.field == field)
    }
}

impl Words {
    /// The value in words; `None` if a part of it has none.
    pub(crate) fn tell(&self, value: u64) -> Option<String> {
        match self.kind {
            WordKind::Symbols => {
                self.words.iter().find(|(number, _)| *number == value).map(|(_, word)| word.clone())
            }
            WordKind::Flags => {
                let set = self.words.iter().filter(|(bits, _)| *bits != 0 && value & bits == *bits);
                let (bits, words): (Vec<u64>, Vec<&str>) =
                    set.map(|(bits, word)| (*bits, word.as_str())).unzip();
                let told = bits.into_iter().fold(0, |all, bits| all | bits);
                (value != 0 && told == value).then(|| words.join("|"))
            }
        }
    }
}

impl Field {
    /// Parses `field:TYPE NAME; offset:N; size:N; signed:N;`, as events and pages have it.
    pub(crate) fn parse(line: &str) -> Result<Self, &'static str> {
        let mut parts = line.split(';').map(str::trim);
        let mut part = |key: &str| parts.next().and_then(|part| part.strip_prefix(key));
        let declared = part("field:").ok_or("`field:TYPE NAME;`")?;
        let number = |part: Option<&str>| part.and_then(|digits| digits.parse::<usize>().ok());
        // Sizes are bounded by the page a record lies in; a sum of two must not overflow.
        let small = |number: &usize| *number <= MAX_BYTES;
        let offset = number(part("offset:")).filter(small).ok_or("`offset:` and a number")?;
        let size = number(part("size:")).filter(small).ok_or("`size:` and a number")?;
        let signed = match part("signed:") {
            Some("1") => true,
            Some("0") => false,
            _ => return Err("`signed:0;` or `signed:1;`"),
        };
        if !line.trim_end().ends_with(';') {
            return Err("`;` at the end");
        }
        let (mut c_type, mut name) =
            declared.rsplit_once(char::is_whitespace).ok_or("a type and a name")?;
        let mut storage = Storage::Value;
        if let Some((before, _)) = name.split_once('[') {
            (name, storage) = (before, Storage::Array);
        }
        for (word, location) in
            [("__data_loc ", Storage::FromRecord), ("__rel_loc ", Storage::FromField)]
        {
            if let Some(rest) = c_type.strip_prefix(word) {
                (c_type, storage) = (rest, location);
            }
        }
        let c_type = c_type.trim().to_owned();
        if name.is_empty() || c_type.is_empty() {
            return Err("a type and a name");
        }
        Ok(Self { c_type, name: name.to_owned(), offset, size, signed, storage })
    }
}

impl FormatError {
    pub(crate) fn at(line: usize, expected: &'static str, found: &str) -> Self {
        Self { line, expected, found: found.trim().chars().take(60).collect() }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}, found {:?}", self.line, self.expected, self.found)
    }
}

/// What follows a key at the start of a line.
fn after<'t>(
    line: Option<(usize, &'t str)>,
    key: &str,
    expected: &'static str,
) -> Result<&'t str, FormatError> {
    let (at, line) = line.unwrap_or((1, ""));
    line.strip_prefix(key).ok_or_else(|| FormatError::at(at, expected, line))
}

#[cfg(test)]
mod tests;
