//! Machines that have booted, kept so that others begin where they stand: without KVM a boot costs
//! six seconds of a CPU, and beginning with the memory of one that did costs half a second.
//!
//! Only the first boot of a usual machine is had this way. Each boot after it is a real one: it
//! needs a boot id, a clock and a disk of its own.

use crate::guest::{Begun, Guest};
use crate::machine::{Kernel, Machine, Processor};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

/// Each copy is made once, by whoever is first to want it; the others wait for it.
type Copies = HashMap<(&'static str, Processor, &'static str), Arc<OnceLock<PathBuf>>>;

static COPIES: LazyLock<Mutex<Copies>> = LazyLock::new(Mutex::default);

/// The memory and devices of `machine` with that kernel, where they stand when it has booted and
/// waits to be told the time; `None` for a machine that is not the usual one.
pub(crate) fn copy_of(kernel: Kernel, machine: &Machine) -> Option<PathBuf> {
    let Machine { processor, processors, .. } = *machine;
    let key = machine.is_usual().then_some((kernel.series, processor, processors))?;
    let copy = Arc::clone(COPIES.lock().unwrap().entry(key).or_default());
    Some(copy.get_or_init(|| make(kernel, machine)).clone())
}

fn make(kernel: Kernel, machine: &Machine) -> PathBuf {
    let folder = Guest::folder_with_empty_disk(kernel);
    let guest = Guest::power_up(kernel, machine.clone(), folder, Begun::Booting);
    // No limit to its speed; the default is that of a network.
    guest.monitor("migrate_set_parameter max-bandwidth 10G");
    guest.monitor("migrate \"exec:cat >memory\"");
    let state = guest.monitor("info migrate");
    assert!(state.contains("Migration status: completed"), "{state}");
    // Another run of these tests may be about to use its own; one that is in use stays whole.
    let path = kernel.file(&format!("booted.{:?}.{}", machine.processor, machine.processors));
    std::fs::rename(guest.folder.path().join("memory"), &path).unwrap();
    path
}
