//! A simulated node as a host tree: what the collector would read on it at one moment.

use anyhow::Context;
use scrubjay_alerts::memory::Observation;
use scrubjay_alerts::simulation::{Fleet, SimulatedDimm, SimulatedNode};
use scrubjay_collector::{Node, Tree};

/// The moment at which simulations begin, for clocks: 2026-01-01 00:00 UTC.
const BEGAN_UNIX_S: i64 = 1_767_225_600;

/// Seconds from a boot until the EDAC driver is loaded.
const DRIVER_AFTER_S: i64 = 20;

/// Size of a DIMM.
const DIMM_MIB: u32 = 32 * 1024;

const EDAC: &str = "sys/devices/system/edac/mc";

/// What counters of a DIMM show.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counters {
    corrected: u64,
    uncorrected: u64,
}

/// The tree of a node, so many seconds after the beginning.
pub(super) fn tree(
    fleet: &Fleet,
    node: &SimulatedNode,
    at: i64,
    watermark: &str,
) -> anyhow::Result<Tree> {
    let end = fleet.settings().end();
    anyhow::ensure!((0..=end).contains(&at), "--at: the simulation ends after {end} seconds");
    let down = node.boots.iter().find(|boot| (boot.down..boot.up).contains(&at));
    anyhow::ensure!(
        down.is_none(),
        "--at: node {} is down at second {at} of the simulation: name another moment",
        node.index
    );
    let boots: Vec<i64> = node.boots.iter().map(|boot| boot.up).filter(|up| *up <= at).collect();
    let booted = boots.last().copied().unwrap_or(0);
    let mut host = Host::default();
    host.basics(fleet, node, (booted, at), boots.len(), watermark)?;
    if !node.firmware_first {
        host.controllers(fleet, node, booted, at);
    }
    host.sticks(node, at)?;
    Ok(host.tree)
}

/// A tree in the making.
#[derive(Debug, Default)]
struct Host {
    tree: Tree,
}

impl Host {
    fn file(&mut self, path: &str, line: &str) {
        self.tree.insert(path, Node::File(format!("{line}\n").into_bytes()));
    }

    fn basics(
        &mut self,
        fleet: &Fleet,
        node: &SimulatedNode,
        (booted, at): (i64, i64),
        boot: usize,
        watermark: &str,
    ) -> anyhow::Result<()> {
        let up = at - booted;
        let realtime_ms = (BEGAN_UNIX_S + at) * 1000;
        let nanoseconds = up * 1_000_000_000;
        self.file(
            ".scrubjay/facts",
            &format!(
                "realtime_ms {realtime_ms}\nboottime_ns {nanoseconds}\nmonotonic_ns \
                 {nanoseconds}\nuname_release 6.12.0-simulated\nuname_version #1 SMP \
                 SIMULATED\nuname_machine x86_64"
            ),
        );
        self.file("proc/uptime", &format!("{up}.00 {up}.00"));
        self.file("proc/stat", &format!("btime {}", BEGAN_UNIX_S + booted));
        self.file("proc/sys/kernel/osrelease", "6.12.0-simulated");
        self.file("proc/sys/kernel/tainted", "0");
        self.file("proc/sys/kernel/version", "#1 SMP SIMULATED");
        self.file("proc/sys/kernel/hostname", &format!("simulated-{}", node.index));
        let seed = fleet.settings().seed;
        let boot_id = format!(
            "{:08x}-{:04x}-4000-8000-{:012x}",
            seed & 0xFFFF_FFFF,
            boot & 0xFFFF,
            node.index
        );
        self.file("proc/sys/kernel/random/boot_id", &boot_id);
        self.file("proc/cmdline", "BOOT_IMAGE=/vmlinuz-6.12.0-simulated simulated");
        let dimms = u64::try_from(node.dimms.len())?;
        let offlined = node.dimms.iter().flat_map(|dimm| &dimm.observations);
        let offlined = offlined.filter(|step| {
            matches!(step, Observation::Offlined { at: taken, .. } if (booted..=at).contains(taken))
        });
        self.file(
            "proc/meminfo",
            &format!(
                "MemTotal:       {} kB\nHardwareCorrupted: {:5} kB",
                dimms * u64::from(DIMM_MIB) * 1024,
                offlined.count() * 4
            ),
        );
        for (name, text) in [
            ("sys_vendor", "SIMULATED"),
            ("product_name", watermark.trim_start_matches("# ")),
            ("board_vendor", "SIMULATED"),
        ] {
            self.file(&format!("sys/class/dmi/id/{name}"), text);
        }
        for (name, value) in [
            ("check_interval", "300"),
            ("cmci_disabled", "0"),
            ("dont_log_ce", "0"),
            ("ignore_ce", "0"),
        ] {
            let path = format!("sys/devices/system/machinecheck/machinecheck0/{name}");
            self.file(&path, value);
        }
        Ok(())
    }

    /// A controller for each socket, its DIMMs by channel and slot.
    fn controllers(&mut self, fleet: &Fleet, node: &SimulatedNode, booted: i64, at: i64) {
        let per_channel = fleet.settings().dimms_per_channel;
        let since_reset = (at - booted - DRIVER_AFTER_S).max(0);
        for dimms in node.dimms.chunk_by(|one, other| one.socket == other.socket) {
            let Some(first) = dimms.first() else { continue };
            let socket = first.socket;
            let controller = format!("{EDAC}/mc{socket}");
            let mut sum = Counters::default();
            for (index, dimm) in (0_u16..).zip(dimms) {
                let counters = counters(dimm, booted, at);
                sum.corrected += counters.corrected;
                sum.uncorrected += counters.uncorrected;
                let (channel, slot) = (dimm.channel, index % per_channel);
                let path = format!("{controller}/dimm{index}");
                let label = label(dimm);
                for (name, value) in [
                    ("dimm_label", label.as_str()),
                    ("dimm_location", &format!("channel {channel} slot {slot} ")),
                    ("dimm_mem_type", "Registered-DDR4"),
                    ("dimm_dev_type", "x4"),
                    ("dimm_edac_mode", "S4ECD4ED"),
                    ("size", &DIMM_MIB.to_string()),
                    ("dimm_ce_count", &counters.corrected.to_string()),
                    ("dimm_ue_count", &counters.uncorrected.to_string()),
                ] {
                    self.file(&format!("{path}/{name}"), value);
                }
            }
            let channels = dimms.iter().map(|dimm| dimm.channel).max().unwrap_or(0);
            let size = dimms.len().saturating_mul(usize::try_from(DIMM_MIB).unwrap_or(0));
            for (name, value) in [
                ("mc_name", format!("Skylake Socket#{socket} IMC#0")),
                ("size_mb", size.to_string()),
                ("max_location", format!("channel {channels} slot {} ", per_channel - 1)),
                ("seconds_since_reset", since_reset.to_string()),
                ("ce_count", sum.corrected.to_string()),
                ("ue_count", sum.uncorrected.to_string()),
                ("ce_noinfo_count", "0".to_owned()),
                ("ue_noinfo_count", "0".to_owned()),
            ] {
                self.file(&format!("{controller}/{name}"), &value);
            }
        }
    }

    /// SMBIOS tables (DSP0134), so that a replaced DIMM is another one.
    fn sticks(&mut self, node: &SimulatedNode, at: i64) -> anyhow::Result<()> {
        // On the board, system memory, multi-bit ECC, size told elsewhere, no error record.
        let mut array = vec![3, 3, 6, 0, 0, 0, 0x80, 0xfe, 0xff];
        array.extend(u16::try_from(node.dimms.len())?.to_le_bytes());
        array.extend((1_u64 << 42).to_le_bytes());
        let mut table = structure(16, 0x1000, &array, &[])?;
        for (handle, dimm) in (0x1100..).zip(&node.dimms) {
            let life = dimm.truth.swaps.iter().filter(|swap| swap.at <= at).count();
            let serial = format!("SIM{:06}{:03}{life:02}", node.index, dimm.slot);
            let mut fields = vec![0x00, 0x10, 0xfe, 0xff, 72, 0, 64, 0, 0xff, 0x7f];
            // A DIMM without a set: locator, bank, DDR4, synchronous and registered.
            fields.extend([9, 0, 1, 2, 26, 0x80, 0x20]);
            fields.extend(2933_u16.to_le_bytes());
            fields.extend([3, 4, 0, 5, 2]);
            fields.extend(DIMM_MIB.to_le_bytes());
            fields.extend(2933_u16.to_le_bytes());
            fields.extend([0; 6]);
            let bank = format!("NODE {}", dimm.socket);
            let slot = label(dimm);
            let strings = [slot.as_str(), &bank, "SIMULATED", &serial, "SIMULATED-32G"];
            table.extend(structure(17, handle, &fields, &strings)?);
        }
        table.extend(structure(127, 0xfeff, &[], &[])?);
        let mut entry = b"_SM3_\0\x18\x03\x02\0\x01\0".to_vec();
        entry.extend(u32::try_from(table.len())?.to_le_bytes());
        entry.extend(0x000f_0000_u64.to_le_bytes());
        let sum = entry.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        if let Some(checksum) = entry.get_mut(5) {
            *checksum = sum.wrapping_neg();
        }
        self.tree.insert("sys/firmware/dmi/tables/DMI", Node::File(table));
        self.tree.insert("sys/firmware/dmi/tables/smbios_entry_point", Node::File(entry));
        Ok(())
    }
}

/// What is printed beside the slot. Somebody has registered these labels, so that places of EDAC and
/// slots of SMBIOS are joined.
fn label(dimm: &SimulatedDimm) -> String {
    format!("CPU{}-{}", dimm.socket, dimm.slot)
}

/// What the counters of a DIMM show: errors since the boot. Those of a window that is not over are
/// told by the reports in it.
fn counters(dimm: &SimulatedDimm, booted: i64, at: i64) -> Counters {
    let mut counted_until = booted;
    let mut counters = Counters::default();
    for observation in &dimm.observations {
        if let Observation::Counted { from, until, errors, .. } = *observation
            && from >= booted
            && until <= at
        {
            counters.corrected += errors;
            counted_until = counted_until.max(until);
        }
    }
    for observation in &dimm.observations {
        match *observation {
            Observation::Reported(hit) if (counted_until..=at).contains(&hit.at) => {
                counters.corrected += u64::from(hit.errors);
            }
            Observation::Uncorrected { at: seen, .. } if (booted..=at).contains(&seen) => {
                counters.uncorrected += 1;
            }
            Observation::Reported(_)
            | Observation::Uncorrected { .. }
            | Observation::Counted { .. }
            | Observation::Booted { .. }
            | Observation::Offlined { .. }
            | Observation::Replaced { .. } => {}
        }
    }
    counters
}

/// A structure of SMBIOS: its fields, and the strings they count.
fn structure(kind: u8, handle: u16, fields: &[u8], strings: &[&str]) -> anyhow::Result<Vec<u8>> {
    let length = u8::try_from(fields.len() + 4).context("put a structure of SMBIOS together")?;
    let mut out = vec![kind, length];
    out.extend(handle.to_le_bytes());
    out.extend(fields);
    for string in strings {
        out.extend(string.as_bytes());
        out.push(0);
    }
    out.extend(if strings.is_empty() { &[0, 0][..] } else { &[0] });
    Ok(out)
}
