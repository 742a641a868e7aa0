//! Takes out of raw tables what names the machine, and leaves what scrubjay reads.
//!
//! Nothing changes its length, so that a capture reads like the host. A serial number becomes a
//! number of its own, the same wherever it stands: that two slots share one, or that a stick
//! moved, is what captures are wanted for.

use super::structures::{Bounds, Structure, walk};
use scrubjay_model::serial_names_a_stick;
use std::collections::BTreeMap;

/// Fields of a memory device that hold serial number and asset tag.
const NAMING: [usize; 2] = [0x18, 0x19];

/// Fields of a memory device whose strings name no single stick: locator, bank, maker, part and
/// firmware.
const HARMLESS: [usize; 5] = [0x10, 0x11, 0x17, 0x1a, 0x2b];

/// What this module knows of a memory device ends here.
const KNOWN_LENGTH: usize = 0x5c;

/// Remembers what it put in place of what.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    numbers: BTreeMap<Vec<u8>, usize>,
}

impl Redactor {
    /// The table, with only the outline left of what is no memory array and no memory device.
    pub(crate) fn table(&mut self, table: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(table.len());
        // The end marker does not end every table; structures behind it lose their content, too.
        let bounds = Bounds { ends_with_marker: false, ..Bounds::UNKNOWN };
        let _ = walk(table, &bounds, &mut |structure| {
            // Zeros end each structure, two where it has no strings.
            out.resize(structure.offset, 0);
            self.structure(&structure, &mut out);
        });
        // What could not be walked may hold anything.
        out.resize(table.len(), 0);
        out
    }

    fn structure(&mut self, structure: &Structure<'_>, out: &mut Vec<u8>) {
        let known = match structure.kind {
            16 | 17 => KNOWN_LENGTH,
            _ => 4,
        };
        out.extend(structure.body.iter().enumerate().map(
            |(at, byte)| {
                if at < known { *byte } else { 0 }
            },
        ));
        let mut strings: Vec<u8> =
            structure.strings.iter().map(|byte| if *byte == 0 { 0 } else { b'x' }).collect();
        if structure.kind == 17 {
            self.strings(structure, &mut strings);
        }
        out.append(&mut strings);
    }

    fn strings(&mut self, structure: &Structure<'_>, strings: &mut [u8]) {
        let range = |field: &usize| structure.string_range(structure.byte(*field)?);
        for range in HARMLESS.iter().filter_map(range) {
            if let (Some(new), Some(old)) =
                (strings.get_mut(range.clone()), structure.strings.get(range))
            {
                new.copy_from_slice(old);
            }
        }
        // Later, so that a string that serves both purposes is taken out.
        for range in NAMING.iter().filter_map(range) {
            let Some(old) = structure.strings.get(range.clone()) else { continue };
            let replacement = self.serial(old);
            if let Some(new) = strings.get_mut(range) {
                new.copy_from_slice(&replacement);
            }
        }
    }

    /// As many bytes. A placeholder stays: it names nothing, and how scrubjay takes it matters.
    fn serial(&mut self, old: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(old);
        if !serial_names_a_stick(&text) {
            return old.iter().map(|byte| if byte.is_ascii() { *byte } else { b'x' }).collect();
        }
        let next = self.numbers.len() + 1;
        let key = old.trim_ascii();
        let number = *self.numbers.entry(key.to_vec()).or_insert(next);
        let blanks = old.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let digits = number.to_string();
        // The last digits, where a short number leaves no room for all.
        let room = key.len().saturating_sub(1);
        let digits = digits.get(digits.len().saturating_sub(room)..).unwrap_or_default();
        let mut new = vec![b' '; blanks];
        new.push(b'R');
        new.resize(blanks + 1 + room - digits.len(), b'0');
        new.extend_from_slice(digits.as_bytes());
        new.resize(old.len(), b' ');
        new
    }
}
