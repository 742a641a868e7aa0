//! SMBIOS tables of real machines, read as two other projects read them. They are not part of this
//! repository: `SCRUBJAY_CORPUS` names the folder that holds them, and without it nothing is
//! compared.

use scrubjay_collector::{CaptureOptions, Collector, HostRoot, Node, Options, Tree, capture};
use scrubjay_model::{Clocks, MemoryDevice, ModuleSize, Smbios, Snapshot, join_dimms};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// In a dump of dmidecode the entry point comes first, and the table at this offset.
const DUMP_OFFSET: usize = 0x20;

fn corpus() -> Option<PathBuf> {
    let named = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from);
    if named.is_none() {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
    }
    named.map(|root| root.join("smbios"))
}

fn host(bytes: &[u8]) -> HostRoot {
    let mut tree = Tree::new();
    let is_dump = bytes.starts_with(b"_SM");
    let table = if is_dump { &bytes[DUMP_OFFSET..] } else { bytes };
    tree.insert("sys/firmware/dmi/tables/DMI", Node::File(table.to_vec()));
    if is_dump {
        // What is behind the entry point's own length is the dump's, not the firmware's.
        let length = usize::from(if bytes.starts_with(b"_SM3_") { bytes[6] } else { bytes[5] });
        let path = "sys/firmware/dmi/tables/smbios_entry_point";
        tree.insert(path, Node::File(bytes[..length.min(DUMP_OFFSET)].to_vec()));
    }
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    HostRoot::from_tree(tree, Arc::new(move || clocks))
}

fn options() -> Options {
    Options { deadline: Duration::from_secs(60), disabled: BTreeSet::new() }
}

fn read(host: HostRoot) -> (Smbios, Vec<String>) {
    let snapshot = Collector::new(Arc::new(host), options()).snapshot();
    let faults = &snapshot.smbios.as_ref().unwrap().report.faults;
    let faults = faults.iter().map(ToString::to_string).collect();
    (Snapshot::found(&snapshot.smbios).unwrap().clone(), faults)
}

#[expect(clippy::disallowed_methods, reason = "files of the corpus, not of a host")]
fn files(root: &Path, endings: &[&str]) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push((path.clone(), std::fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[expect(clippy::disallowed_methods, reason = "a file of the corpus, not of a host")]
fn text(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

/// Also cut anywhere, no table fails the reader; whole, it is understood, redacted it reads the
/// same but for what names the machine, and its sticks can be listed.
#[test]
fn every_table_is_read_and_its_redacted_capture_reads_alike() {
    let Some(root) = corpus() else { return };
    let files = files(&root, &[".dmi", ".bin", ".dmidump"]);
    assert!(files.len() >= 20, "{} tables", files.len());
    for (path, bytes) in files {
        let name = path.display();
        let (smbios, faults) = read(host(&bytes));
        println!("{name}: {} devices, {faults:?}", smbios.devices.len());
        assert!(smbios.devices.iter().all(|device| device.locator.is_some()) || !faults.is_empty());
        let modules = join_dimms(None, Some(&smbios), None);
        assert_eq!(modules.len(), smbios.sticks().count(), "{name}");

        let redacted = capture(&host(&bytes), &options(), CaptureOptions { redact: true });
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let (again, _) = read(HostRoot::from_tree(redacted, Arc::new(move || clocks)));
        assert_eq!(again.arrays, smbios.arrays, "{name}");
        let named: BTreeSet<&str> =
            smbios.devices.iter().filter_map(MemoryDevice::stick_serial).collect();
        let anew: BTreeSet<&str> =
            again.devices.iter().filter_map(MemoryDevice::stick_serial).collect();
        assert!(named.is_disjoint(&anew), "{name}: {named:?}");
        assert_eq!(named.len(), anew.len(), "{name}: {named:?} {anew:?}");
        for cut in (0..bytes.len()).step_by(97) {
            let _ = read(host(&bytes[..cut.max(DUMP_OFFSET).min(bytes.len())]));
        }
    }
}

/// The fields of each `Memory Device` of a text of dmidecode.
fn expected(text: &str) -> Vec<Vec<(String, String)>> {
    let mut devices: Vec<Vec<(String, String)>> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if !line.starts_with('\t') {
            inside = line == "Memory Device";
            if inside {
                devices.push(Vec::new());
            }
        } else if inside && let Some((key, value)) = line.trim().split_once(':') {
            devices.last_mut().unwrap().push((key.to_owned(), value.trim().to_owned()));
        }
    }
    devices
}

/// What dmidecode prints for a string; it keeps the blanks that fill a field.
fn shown(text: Option<&String>) -> &str {
    text.map_or("Not Specified", String::as_str)
}

#[test]
fn dmidecode_sees_the_same_devices() {
    let Some(root) = corpus() else { return };
    let mut compared = 0;
    for (path, bytes) in files(&root.join("."), &[".bin"]) {
        let expected = expected(&text(&path.with_extension("orig.txt")));
        let (smbios, _) = read(host(&bytes));
        assert_eq!(smbios.devices.len(), expected.len(), "{}", path.display());
        for (device, fields) in smbios.devices.iter().zip(&expected) {
            let field = |name: &str| {
                let found = fields.iter().find(|(key, _)| key == name);
                found.map(|(_, value)| value.as_str())
            };
            let size = match device.size {
                ModuleSize::Empty => "No Module Installed".to_owned(),
                ModuleSize::Unknown => "Unknown".to_owned(),
                ModuleSize::Bytes(bytes) if bytes % (1 << 30) == 0 => format!("{} GB", bytes >> 30),
                ModuleSize::Bytes(bytes) => format!("{} MB", bytes >> 20),
            };
            let at = format!("{} {:?}", path.display(), device.locator);
            assert_eq!(field("Size"), Some(size.as_str()), "{at}");
            // A blank string is printed as one; we call it nothing.
            for (name, ours) in [
                ("Locator", &device.locator),
                ("Bank Locator", &device.bank),
                ("Manufacturer", &device.manufacturer),
                ("Serial Number", &device.serial),
                ("Part Number", &device.part),
                ("Asset Tag", &device.asset_tag),
            ] {
                let theirs = field(name).filter(|text| !text.is_empty());
                // An older form of the structure has no maker; dmidecode then prints no line.
                let theirs = theirs.unwrap_or("Not Specified");
                assert_eq!(shown(ours.as_ref()), theirs, "{at} {name}");
            }
            compared += 1;
        }
    }
    assert!(compared >= 10, "{compared} devices");
}

#[test]
fn another_parser_sees_the_same_devices() {
    let Some(root) = corpus() else { return };
    let mut compared = 0;
    for (path, bytes) in files(&root, &[".dmi"]) {
        let json: Value = serde_json::from_str(&text(&path.with_extension("json"))).unwrap();
        let (smbios, _) = read(host(&bytes));
        let theirs = json["MemoryDevices"].as_array().unwrap();
        assert_eq!(smbios.devices.len(), theirs.len(), "{}", path.display());
        for (device, theirs) in smbios.devices.iter().zip(theirs) {
            let text = |name: &str| {
                let text = theirs[name].as_str().unwrap_or_default().trim().to_owned();
                Some(text).filter(|text| !text.is_empty())
            };
            assert_eq!(device.locator, text("DeviceLocator"));
            assert_eq!(device.bank, text("BankLocator"));
            assert_eq!(device.serial, text("SerialNumber"));
            assert_eq!(device.part, text("PartNumber"));
            compared += 1;
        }
    }
    assert!(compared >= 4, "{compared} devices");
}
