//! The memory of the generated host: what its firmware lists, what its EDAC driver shows and logs.
//!
//! Two sockets of a Skylake server with a controller and three sticks each, in the files that skx_edac
//! makes (drivers/edac/skx_common.c, edac_mc_sysfs.c), and SMBIOS tables (DSP0134) that name the sticks.

use super::draws::Draws;

/// Sticks, three on each controller.
pub(super) const STICKS: usize = 6;

/// Their slots as they are printed on the board.
const SLOTS: [&str; STICKS] = ["A1", "A2", "A3", "B1", "B2", "B3"];

const SIZE_GIB: u32 = 32;

/// A place in a DRAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) rank: u8,
    pub(super) bank_group: u8,
    pub(super) bank: u8,
    pub(super) row: u32,
    pub(super) column: u32,
}

impl Spot {
    /// Anywhere.
    pub(super) fn drawn(draws: &mut Draws) -> Self {
        let small = |draws: &mut Draws, bound| u8::try_from(draws.below(bound)).unwrap_or(0);
        Self {
            rank: small(draws, 2),
            bank_group: small(draws, 4),
            bank: small(draws, 4),
            row: draws.below(1 << 16),
            column: draws.below(1 << 10) & !7,
        }
    }
}

/// Errors that the memory controller corrected, all at one spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Corrected {
    /// Which stick, of [`STICKS`].
    pub(super) stick: usize,
    pub(super) spot: Spot,
    pub(super) count: u32,
}

/// A stick and its counter.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stick {
    controller: u32,
    channel: u32,
    serial: String,
    corrected: u64,
}

/// All of it.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    sticks: Vec<Stick>,
}

/// A file and what is to be in it.
pub(super) type File = (String, Vec<u8>);

fn text(path: impl Into<String>, content: impl Into<String>) -> File {
    (path.into(), format!("{}\n", content.into()).into_bytes())
}

/// The slot of a stick.
pub(super) fn slot(stick: usize) -> &'static str {
    SLOTS.get(stick).copied().unwrap_or("?")
}

impl Memory {
    pub(super) fn new(seed: u64) -> Self {
        let mut draws = Draws::new(seed ^ 0x5e_71a1);
        let sticks = (0..2)
            .flat_map(|controller| (0..3).map(move |channel| (controller, channel)))
            .map(|(controller, channel)| Stick {
                controller,
                channel,
                serial: format!("{:08X}", draws.below(u32::MAX)),
                corrected: 0,
            })
            .collect();
        Self { sticks }
    }

    /// The folder of the controller and that of the stick in it.
    pub(super) fn folder(&self, stick: usize) -> String {
        self.sticks.get(stick).map_or_else(String::new, |stick| {
            format!("sys/devices/system/edac/mc/mc{}/dimm{}", stick.controller, stick.channel * 2)
        })
    }

    pub(super) fn corrected(&self, stick: usize) -> u64 {
        self.sticks.get(stick).map_or(0, |stick| stick.corrected)
    }

    /// Counts errors: what the counters show then, and the line that the EDAC core writes.
    pub(super) fn correct(&mut self, errors: &Corrected) -> (Vec<File>, String) {
        let Some(stick) = self.sticks.get_mut(errors.stick) else {
            return (Vec::new(), String::new());
        };
        stick.corrected = stick.corrected.saturating_add(u64::from(errors.count));
        let line = line(stick, errors);
        (self.counters(), line)
    }

    /// The host was booted: counters begin anew.
    pub(super) fn zero(&mut self) {
        for stick in &mut self.sticks {
            stick.corrected = 0;
        }
    }

    /// All counters.
    pub(super) fn counters(&self) -> Vec<File> {
        let mut files = Vec::new();
        for controller in 0..2 {
            let dir = format!("sys/devices/system/edac/mc/mc{controller}");
            let sticks = self.sticks.iter().filter(|stick| stick.controller == controller);
            let mut sum = 0_u64;
            for stick in sticks {
                sum = sum.saturating_add(stick.corrected);
                let path = format!("{dir}/dimm{}/dimm_ce_count", stick.channel * 2);
                files.push(text(path, stick.corrected.to_string()));
            }
            files.push(text(format!("{dir}/ce_count"), sum.to_string()));
        }
        files
    }

    /// Everything else that the EDAC driver shows.
    pub(super) fn shown(&self) -> Vec<File> {
        let mut files = self.counters();
        for controller in 0..2 {
            let dir = format!("sys/devices/system/edac/mc/mc{controller}");
            for (name, content) in [
                ("mc_name", format!("Skylake Socket#{controller} IMC#0")),
                ("size_mb", (SIZE_GIB * 3 * 1024).to_string()),
                ("max_location", "channel 2 slot 1 ".to_owned()),
                ("ce_noinfo_count", "0".to_owned()),
                ("ue_count", "0".to_owned()),
                ("ue_noinfo_count", "0".to_owned()),
            ] {
                files.push(text(format!("{dir}/{name}"), content));
            }
            for stick in self.sticks.iter().filter(|stick| stick.controller == controller) {
                let dir = format!("{dir}/dimm{}", stick.channel * 2);
                for (name, content) in [
                    ("dimm_dev_type", "x4".to_owned()),
                    ("dimm_edac_mode", "S4ECD4ED".to_owned()),
                    ("dimm_label", label(stick)),
                    ("dimm_location", format!("channel {} slot 0 ", stick.channel)),
                    ("dimm_mem_type", "Registered-DDR4".to_owned()),
                    ("dimm_ue_count", "0".to_owned()),
                    ("size", (SIZE_GIB * 1024).to_string()),
                ] {
                    files.push(text(format!("{dir}/{name}"), content));
                }
            }
        }
        files
    }

    /// How long the counters have counted.
    pub(super) fn ages(seconds: u64) -> Vec<File> {
        let path = |n| format!("sys/devices/system/edac/mc/mc{n}/seconds_since_reset");
        (0..2).map(|n| text(path(n), seconds.to_string())).collect()
    }

    /// The tables of the firmware.
    pub(super) fn listed(&self) -> Vec<File> {
        let mut array = vec![3, 3, 6];
        array.extend(0x4000_0000_u32.to_le_bytes());
        array.extend([0xfe, 0xff]);
        array.extend(6_u16.to_le_bytes());
        let mut table = structure(16, 0x1000, &array, &[]);
        for ((handle, stick), slot) in (0x1100..).zip(&self.sticks).zip(SLOTS) {
            table.extend(device(handle, stick, slot));
        }
        table.extend(structure(127, 0xfeff, &[], &[]));
        let entry_point = entry_point(table.len());
        vec![
            ("sys/firmware/dmi/tables/DMI".to_owned(), table),
            ("sys/firmware/dmi/tables/smbios_entry_point".to_owned(), entry_point),
        ]
    }
}

/// Somebody has registered the names on the board, as `ras-mc-ctl --register-labels` does.
fn label(stick: &Stick) -> String {
    let at = usize::try_from(stick.controller * 3 + stick.channel).unwrap_or(STICKS);
    slot(at).to_owned()
}

/// `edac_raw_mc_handle_error` with the words of skx_common.c.
fn line(stick: &Stick, errors: &Corrected) -> String {
    let Corrected { stick: _, spot, count } = errors;
    let (controller, channel) = (stick.controller, stick.channel);
    let page = page(stick, spot);
    let offset = (spot.column & 0x1ff) << 3;
    format!(
        "EDAC MC{controller}: {count} CE memory read error on {} (channel:{channel} slot:0 page:{page:#x} \
         offset:{offset:#x} grain:32 syndrome:0x0 -  err_code:0x0101:0x0090 \
         ProcessorSocketId:{controller:#x} MemoryControllerId:0x0 PhysicalRankId:{:#x} Row:{:#x} \
         Column:{:#x} Bank:{:#x} BankGroup:{:#x})",
        label(stick),
        spot.rank,
        spot.row,
        spot.column,
        spot.bank,
        spot.bank_group,
    )
}

/// The page that holds a spot: two for each row of a bank, every stick in a range of its own.
pub(super) fn page_of(memory: &Memory, errors: &Corrected) -> Option<u64> {
    memory.sticks.get(errors.stick).map(|stick| page(stick, &errors.spot))
}

fn page(stick: &Stick, spot: &Spot) -> u64 {
    let range = u64::from(stick.controller * 3 + stick.channel) << 23;
    let bank = u64::from(spot.rank) << 4 | u64::from(spot.bank_group) << 2 | u64::from(spot.bank);
    let in_row = u64::from(spot.column >> 9);
    range | (u64::from(spot.row & 0xffff) << 6) | (bank << 1) | in_row
}

/// A memory device, type 17.
fn device(handle: u16, stick: &Stick, slot: &str) -> Vec<u8> {
    let mut fields = vec![0x00, 0x10, 0xfe, 0xff, 72, 0, 64, 0];
    // Size: in the extended field.
    fields.extend(0x7fff_u16.to_le_bytes());
    // DIMM, no set, locator, no bank, DDR4, synchronous and registered.
    fields.extend([9, 0, 1, 0, 26, 0x80, 0x20]);
    fields.extend(2666_u16.to_le_bytes());
    fields.extend([2, 3, 0, 4, 2]);
    fields.extend((SIZE_GIB << 10).to_le_bytes());
    fields.extend(2666_u16.to_le_bytes());
    fields.extend([0; 6]);
    structure(17, handle, &fields, &[slot, "Simulated", &stick.serial, "SIM32G4R2666"])
}

fn structure(kind: u8, handle: u16, fields: &[u8], strings: &[&str]) -> Vec<u8> {
    let length = u8::try_from(fields.len().saturating_add(4)).unwrap_or(u8::MAX);
    let mut out = vec![kind, length];
    out.extend(handle.to_le_bytes());
    out.extend(fields);
    for string in strings {
        out.extend(string.as_bytes());
        out.push(0);
    }
    out.extend(if strings.is_empty() { &[0, 0][..] } else { &[0] });
    out
}

/// The 64-bit entry point, whose bytes sum up to zero.
fn entry_point(length: usize) -> Vec<u8> {
    let before = b"_SM3_";
    let mut after = b"\x18\x03\x02\0\x01\0".to_vec();
    after.extend(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    after.extend(0x000f_0000_u64.to_le_bytes());
    let sum = before.iter().chain(&after).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [&before[..], &[sum.wrapping_neg()], &after].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_driver_and_its_counters_tell_the_same() {
        let mut memory = Memory::new(1);
        let spot = Spot { rank: 1, bank_group: 2, bank: 1, row: 0x1a2f, column: 0x3f8 };
        let (files, line) = memory.correct(&Corrected { stick: 4, spot, count: 3 });
        assert!(line.starts_with("EDAC MC1: 3 CE memory read error on B2 (channel:1"));
        assert!(line.contains("Row:0x1a2f Column:0x3f8 Bank:0x1 BankGroup:0x2)"), "{line}");
        let of =
            |path: &str| files.iter().find(|(name, _)| name.ends_with(path)).unwrap().1.clone();
        assert_eq!(of("mc1/dimm2/dimm_ce_count"), b"3\n");
        assert_eq!((of("mc1/ce_count"), of("mc0/ce_count")), (b"3\n".to_vec(), b"0\n".to_vec()));
        memory.zero();
        assert_eq!(memory.corrected(4), 0);
    }

    #[test]
    fn spots_of_one_row_share_two_pages_and_others_have_their_own() {
        let memory = Memory::new(1);
        let spot = Spot { rank: 0, bank_group: 0, bank: 3, row: 9, column: 8 };
        let at = |stick, spot| page_of(&memory, &Corrected { stick, spot, count: 1 }).unwrap();
        assert_eq!(at(0, spot), at(0, Spot { column: 0x1f8, ..spot }));
        let all = [
            at(0, spot),
            at(0, Spot { column: 0x3f8, ..spot }),
            at(0, Spot { row: 10, ..spot }),
            at(0, Spot { bank: 2, ..spot }),
            at(1, spot),
        ];
        let distinct: std::collections::BTreeSet<u64> = all.into();
        assert_eq!(distinct.len(), all.len());
    }
}
