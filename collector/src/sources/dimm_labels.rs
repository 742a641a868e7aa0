//! Names of the board's slots from label maps: our own files, those of rasdaemon, and the one of
//! edac-utils. Only what is meant for this machine is kept, chosen by its DMI names.
//!
//! The format is described in docs/dimm-labels.md. Not the kernel's: absent where nobody installed
//! any. A mistake in a map is a fault, with its file and line.

mod grammar;

use crate::reader::{Reader, malformed};
use grammar::{Machine, Name, parse};
use scrubjay_model::{
    DimmLabels, LabelEntry, NonValue, Origin, Reading, SourceDoc, SourceId, Stamp,
};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::DimmLabels,
    reads: &[
        "etc/scrubjay/dimm_labels.d/*",
        "etc/ras/dimm_labels.d/*",
        "etc/ras/dimm_labels.db",
        "etc/edac/labels.db",
        "sys/class/dmi/id/{board_vendor,board_name,sys_vendor,product_name}",
    ],
    needs: "nothing",
    absence: "no label map is installed",
    kernel_doc: "docs/dimm-labels.md, and the comments in the files of rasdaemon",
};

/// Directories with label maps, and single ones, in order of precedence.
const PLACES: [Place; 4] = [
    Place::Directory("etc/scrubjay/dimm_labels.d"),
    Place::Directory("etc/ras/dimm_labels.d"),
    Place::File("etc/ras/dimm_labels.db"),
    Place::File("etc/edac/labels.db"),
];

enum Place {
    Directory(&'static str),
    File(&'static str),
}

/// Files read of one directory. rasdaemon ships one for each of some ten vendors.
const MOST_FILES: usize = 64;

/// Slots kept, and mistakes told: a machine has fewer slots, and a person reads fewer mistakes.
const MOST_ENTRIES: usize = 4096;
const MOST_MISTAKES: usize = 16;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<DimmLabels> {
    let mut files = Vec::new();
    for place in &PLACES {
        match place {
            Place::Directory(path) => match reader.files(path).into_result() {
                Ok(names) => {
                    let maps = names.iter().filter(|name| is_map(name)).take(MOST_FILES);
                    files.extend(maps.map(|name| format!("{path}/{name}")));
                }
                // A directory that cannot be listed is noted, and costs no other.
                Err(_) => continue,
            },
            Place::File(path) => files.push((*path).to_owned()),
        }
    }
    let mut any = false;
    let mut machine = None;
    let mut entries: Vec<LabelEntry> = Vec::new();
    for file in files {
        let text = match reader.attr(&file).into_result() {
            Ok(text) => text,
            Err(NonValue::Absent(_)) => continue,
            Err(NonValue::Unreadable(..) | NonValue::Malformed(..)) => {
                any = true;
                continue;
            }
        };
        any = true;
        let (found, mistakes) = parse(&text, machine.get_or_insert_with(|| identify(reader)));
        for mistake in mistakes.iter().take(MOST_MISTAKES) {
            let at = format!("{file}:{}", mistake.line);
            let fault = malformed(&at, mistake.expected, mistake.found.as_bytes());
            let _: Reading<()> = reader.noted(Err(fault));
        }
        let room = MOST_ENTRIES.saturating_sub(entries.len());
        entries.extend(found.into_iter().take(room).map(|slot| LabelEntry {
            label: slot.label,
            places: slot.places,
            file: file.clone(),
            line: slot.line,
        }));
    }
    if any {
        Reading::Value(DimmLabels { entries })
    } else {
        Reading::Absent(Origin::new("etc/ras/dimm_labels.d"))
    }
}

/// What editors and package managers leave beside a map is none.
fn is_map(name: &str) -> bool {
    let left_over =
        ["~", ".dpkg-old", ".dpkg-new", ".dpkg-dist", ".rpmsave", ".rpmnew", ".rpmorig"];
    !name.starts_with('.') && !left_over.iter().any(|ending| name.ends_with(ending))
}

fn identify(reader: &Reader<'_>) -> Machine {
    let name = |vendor: &str, name: &str| {
        let text = |file: &str| {
            let text = reader.attr(&format!("sys/class/dmi/id/{file}"));
            text.value().map(|text| text.trim().to_owned())
        };
        Some(Name { vendor: text(vendor)?, name: text(name)? })
    };
    Machine {
        board: name("board_vendor", "board_name"),
        product: name("sys_vendor", "product_name"),
    }
}

#[cfg(test)]
pub(crate) mod tests;
