//! Which EDAC drivers of the running kernel fit this machine, by the aliases its modules declare.
//!
//! Format: depmod(8), `modules.alias`; the machine's side is `modalias` of the CPU and of each PCI
//! device (Documentation/ABI/testing/sysfs-bus-pci). What keeps a module from being loaded is in
//! modprobe.d(5). Read only where no controller is registered, for it costs some milliseconds.

use crate::reader::Reader;
use crate::sources::kernel::release;
use scrubjay_model::{EdacDriver, Reading};
use std::collections::{BTreeMap, BTreeSet};

/// PCI devices looked at. The largest servers have some hundreds.
const DEVICES: usize = 4096;
/// Configuration files of modprobe looked at, in each directory.
const FILES: usize = 256;
/// Aliases of EDAC modules kept. A kernel of today has some two hundred.
const ALIASES: usize = 4096;
/// Where modprobe looks for its configuration.
const MODPROBE_D: [&str; 4] =
    ["etc/modprobe.d", "run/modprobe.d", "usr/lib/modprobe.d", "lib/modprobe.d"];

pub(super) fn fitting(reader: &Reader<'_>) -> Reading<Vec<EdacDriver>> {
    let aliases = release(reader).into_result().and_then(|release| {
        reader.lines_with(&format!("lib/modules/{release}/modules.alias"), b"edac").into_result()
    });
    Reading::from(aliases).map(|text| {
        let machine = modaliases(reader);
        let names: BTreeSet<String> = aliases_of(&text)
            .into_iter()
            .filter(|(pattern, _)| machine.iter().any(|text| glob(pattern, text.as_bytes())))
            .map(|(_, module)| module)
            .collect();
        let forbidden = if names.is_empty() { BTreeMap::new() } else { forbidden(reader) };
        names
            .into_iter()
            .map(|name| EdacDriver {
                loaded: reader.present(&format!("sys/module/{name}")),
                forbidden_by: forbidden.get(&name).cloned(),
                name,
            })
            .collect()
    })
}

/// What the machine has, in the words that modules are looked up by. A device without one is a
/// device without one; a fault is noted.
fn modaliases(reader: &Reader<'_>) -> Vec<String> {
    let cpu = reader.attr("sys/devices/system/cpu/modalias");
    let devices = reader.directories("sys/bus/pci/devices");
    let devices = devices.value().into_iter().flatten().take(DEVICES);
    let of_device = |name: &String| reader.attr(&format!("sys/bus/pci/devices/{name}/modalias"));
    devices
        .map(of_device)
        .chain(std::iter::once(cpu))
        .filter_map(|alias| alias.into_result().ok())
        .collect()
}

/// Patterns with the modules that declare them; only modules that count memory errors.
fn aliases_of(text: &[u8]) -> Vec<(Vec<u8>, String)> {
    let alias = |line: &[u8]| {
        let mut words = words(line);
        let is = (words.next()?, words.next()?, words.next()?);
        let ((b"alias", pattern, module), None) = (is, words.next()) else { return None };
        Some((pattern.to_vec(), edac_module(module)?))
    };
    text.split(|byte| *byte == b'\n').filter_map(alias).take(ALIASES).collect()
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// The name of a module that counts memory errors, as the kernel writes it.
fn edac_module(name: &[u8]) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let name = std::str::from_utf8(name).ok().filter(|name| name.bytes().all(|b| plain(&b)))?;
    let name = name.replace('-', "_");
    (name.ends_with("_edac") && name != "ghes_edac").then_some(name)
}

/// Modules that modprobe's configuration keeps from being loaded, with the file that says so.
fn forbidden(reader: &Reader<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for dir in MODPROBE_D {
        let files = reader.files(dir);
        let configuration = |name: &&String| name.ends_with(".conf");
        for name in files.value().into_iter().flatten().filter(configuration).take(FILES) {
            let path = format!("{dir}/{name}");
            let lines = reader.lines_with(&path, b"edac");
            for line in lines.value().into_iter().flat_map(|text| text.split(|b| *b == b'\n')) {
                if let Some(module) = kept_out(line) {
                    found.entry(module).or_insert_with(|| path.clone());
                }
            }
        }
    }
    found
}

/// The module that a line of modprobe's configuration keeps out: by `blacklist`, or by a command in
/// place of loading that does nothing.
fn kept_out(line: &[u8]) -> Option<String> {
    let mut words = words(line);
    match words.next()? {
        b"blacklist" => edac_module(words.next()?),
        b"install" => {
            let module = edac_module(words.next()?)?;
            let command = words.next()?;
            let nothing = [&b"/true"[..], b"/false", b":"];
            nothing.iter().any(|end| command.ends_with(end)).then_some(module)
        }
        _ => None,
    }
}

/// Whether a pattern of fnmatch(3) matches a text: `*`, `?` and `[…]` with ranges.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when what follows the last star does not match: one byte later.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (pattern.split_first(), text.split_first()) {
            (None, None) => return true,
            (Some((b'*', rest)), _) => {
                retry = Some((rest, text));
                Some((rest, text))
            }
            (Some((b'?', rest)), Some((_, text))) => Some((rest, text)),
            (Some((b'[', rest)), Some((byte, text))) => {
                class(rest, *byte).filter(|(within, _)| *within).map(|(_, rest)| (rest, text))
            }
            (Some((want, rest)), Some((byte, text))) if want == byte => Some((rest, text)),
            (Some(_), Some(_)) | (None, Some(_)) | (Some(_), None) => None,
        };
        (pattern, text) = match (step, retry) {
            (Some(step), _) => step,
            (None, Some((after_star, from))) => {
                let Some((_, later)) = from.split_first() else { return false };
                retry = Some((after_star, later));
                (after_star, later)
            }
            (None, None) => return false,
        };
    }
}

/// Whether a byte is in the class whose content begins here, and what follows the class. `None`
/// for one that does not end.
fn class(content: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let end = content.iter().position(|byte| *byte == b']')?;
    let (mut set, rest) = (content.get(..end)?, content.get(end + 1..)?);
    let mut within = false;
    while let Some((first, others)) = set.split_first() {
        set = match others {
            [b'-', last, others @ ..] => {
                within |= (*first..=*last).contains(&byte);
                others
            }
            others => {
                within |= *first == byte;
                others
            }
        };
    }
    Some((within, rest))
}

#[cfg(test)]
mod tests;
