//! Hosts put together from controllers and tables, for the tests of joining and of lives.

use super::*;
use crate::smbios::tests::{device, table};
use crate::{
    Controller, Dimm, DimmLabels, Edac, ErrorCounts, LabelEntry, LabelPlace, Layout, MemoryDevice,
    ModuleSize, Origin, Place, Reading,
};

mod joining;
mod living;

/// The size of the sticks of `smbios::tests::device`.
const GIB16: u64 = 16 << 30;

fn absent<T>() -> Reading<T> {
    Reading::Absent(Origin::new("sys/absent"))
}

fn counts() -> ErrorCounts {
    ErrorCounts { correctable: absent(), uncorrectable: absent() }
}

/// A place with its label, location and size.
fn place(place: Place, label: &str, location: &str, size: u64) -> Dimm {
    Dimm {
        place,
        label: Reading::Value(label.to_owned()),
        location: Reading::Value(location.to_owned()),
        size_bytes: Reading::Value(size),
        memory_type: absent(),
        device_type: absent(),
        edac_mode: absent(),
        errors: counts(),
    }
}

fn controller(index: u32, layout: Layout, dimms: Vec<Dimm>) -> Controller {
    Controller {
        index,
        name: Reading::Value(format!("driver {index}")),
        size_bytes: absent(),
        seconds_since_reset: absent(),
        scrub_rate: absent(),
        errors: counts(),
        unattributed: counts(),
        layout,
        dimms: dimms.into(),
        csrows: Vec::new(),
        steady: true,
    }
}

/// One controller with a `dimmN` for each label.
fn labelled(labels: &[&str]) -> Edac {
    let dimms = (0..)
        .zip(labels)
        .map(|(n, label)| place(Place::Dimm(n), label, &format!("memory {n}"), GIB16))
        .collect();
    Edac { controllers: vec![controller(0, Layout::Dimm, dimms)] }
}

/// A device in a bank.
fn banked(handle: u16, bank: &str, locator: &str, serial: &str) -> MemoryDevice {
    MemoryDevice { bank: Some(bank.to_owned()), ..device(handle, locator, serial) }
}

fn map(entries: &[(&str, &[&[u32]])]) -> DimmLabels {
    let place =
        |numbers: &[u32]| LabelPlace { controller: numbers[0], layers: numbers[1..].to_vec() };
    let entries = (1..).zip(entries).map(|(line, (label, places))| LabelEntry {
        label: (*label).to_owned(),
        places: places.iter().map(|numbers| place(numbers)).collect(),
        file: "etc/ras/dimm_labels.d/acme".to_owned(),
        line,
    });
    DimmLabels { entries: entries.collect() }
}

/// Serial, places and confidence of each module.
fn outline(modules: &[DimmModule]) -> Vec<(String, String, Confidence)> {
    modules
        .iter()
        .map(|module| {
            let places: Vec<String> = module.places.iter().map(ToString::to_string).collect();
            let name = module.serial.clone().or_else(|| module.slot_name()).unwrap_or_default();
            (name, places.join(" "), module.confidence)
        })
        .collect()
}

fn expect(rows: &[(&str, &str, Confidence)]) -> Vec<(String, String, Confidence)> {
    rows.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), *c)).collect()
}

fn sized(mut device: MemoryDevice, bytes: u64) -> MemoryDevice {
    device.size = ModuleSize::Bytes(bytes);
    device
}
