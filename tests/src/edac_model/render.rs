//! The modelled host as files, byte for byte as the kernel prints them.

use super::controller::{Controller, View};
use super::{Kernel, LABEL_LENGTH};
use crate::trees::{Facts, TreeBuilder};
use scrubjay_model::ErrorClass;

const EDAC: &str = "sys/devices/system/edac/mc";

impl Kernel {
    /// The host as a tree: EDAC, the boot, and the clocks.
    pub fn tree(&self) -> String {
        self.tree_builder().to_text()
    }

    /// [`Self::tree`], to be joined with other files of the host.
    pub fn tree_builder(&self) -> TreeBuilder {
        let (uptime, idle) = (self.clock.boottime(), self.clock.monotonic() * 3 / 2);
        let hundredths =
            |t: std::time::Duration| format!("{}.{:02}", t.as_secs(), t.subsec_millis() / 10);
        let mut tree = TreeBuilder::new()
            .facts(&Facts {
                realtime_ms: self.clock.realtime_ms(),
                boottime: self.clock.boottime(),
                monotonic: self.clock.monotonic(),
                uname_release: self.release.clone(),
                uname_version: self.version.clone(),
                uname_machine: "x86_64".to_owned(),
            })
            .file("proc/uptime", format!("{} {}\n", hundredths(uptime), hundredths(idle)))
            .file("proc/stat", stat(self.clock.btime()))
            .file("proc/sys/kernel/random/boot_id", format!("{}\n", boot_id(self.boots)))
            .file("proc/sys/kernel/osrelease", format!("{}\n", self.release))
            .file("proc/sys/kernel/version", format!("{}\n", self.version))
            .dir(&format!("{EDAC}/power"))
            .file(&format!("{EDAC}/uevent"), "");
        if let Some(log) = self.log.text() {
            tree = tree.file("dev/kmsg", log);
        }
        if !self.loaded {
            return tree;
        }
        for (index, controller) in self.order.iter().enumerate() {
            tree = self.controller_files(tree, index, &self.controllers[*controller]);
        }
        tree
    }

    fn controller_files(
        &self,
        tree: TreeBuilder,
        index: usize,
        controller: &Controller,
    ) -> TreeBuilder {
        let spec = &controller.spec;
        let at = |name: &str| format!("{EDAC}/mc{index}/{name}");
        let size: u32 = spec.slots.iter().map(|slot| slot.size_mib).sum();
        let age = self.clock.seconds_since(controller.started);
        let mut tree = tree
            .file(&at("mc_name"), format!("{}\n", spec.name))
            .file(&at("size_mb"), format!("{size}\n"))
            .file(&at("seconds_since_reset"), format!("{age}\n"))
            .dir(&at("power"))
            .file(&at("uevent"), "");
        for class in ErrorClass::ALL {
            let word = class.kernel_word();
            let (total, noinfo) = (controller.total.get(class), controller.noinfo.get(class));
            tree = tree
                .file(&at(&format!("{word}_count")), format!("{}\n", total.value()))
                .file(&at(&format!("{word}_noinfo_count")), format!("{}\n", noinfo.value()));
        }
        if let Some(rate) = spec.scrub_rate {
            tree = tree.file(&at("sdram_scrub_rate"), format!("{rate}\n"));
        }
        if self.view != View::Csrows {
            // The blank before the newline is the kernel's.
            let sizes = spec.layers.iter().map(|l| format!("{} {} ", l.kind.word(), l.size - 1));
            tree = tree.file(&at("max_location"), sizes.collect::<String>() + "\n");
            for slot in spec.populated() {
                tree = dimm_files(tree, &at(""), controller, slot);
            }
        }
        if self.view != View::Dimms {
            for row in 0..spec.csrows() {
                tree = csrow_files(tree, &at(""), controller, row);
            }
        }
        tree
    }
}

fn dimm_files(
    tree: TreeBuilder,
    parent: &str,
    controller: &Controller,
    slot: usize,
) -> TreeBuilder {
    let spec = &controller.spec;
    let kind = if spec.is_csbased() { "rank" } else { "dimm" };
    let at = |name: &str| format!("{parent}{kind}{slot}/{name}");
    let location = spec.layers.iter().zip(spec.location(slot));
    let location: String = location.map(|(l, n)| format!("{} {n} ", l.kind.word())).collect();
    let memory = &spec.slots[slot];
    let counts = &controller.dimms[slot];
    tree.file(&at("dimm_label"), label(&controller.labels[slot]))
        .file(&at("dimm_location"), location + "\n")
        .file(&at("size"), format!("{}\n", memory.size_mib))
        .file(&at("dimm_mem_type"), format!("{}\n", memory.memory_type))
        .file(&at("dimm_dev_type"), format!("{}\n", memory.device_type))
        .file(&at("dimm_edac_mode"), format!("{}\n", memory.edac_mode))
        .file(&at("dimm_ce_count"), format!("{}\n", counts.ce.value()))
        .file(&at("dimm_ue_count"), format!("{}\n", counts.ue.value()))
}

fn csrow_files(
    tree: TreeBuilder,
    parent: &str,
    controller: &Controller,
    row: usize,
) -> TreeBuilder {
    let spec = &controller.spec;
    let at = |name: &str| format!("{parent}csrow{row}/{name}");
    let mut in_row: Vec<(usize, usize)> = (0..spec.slots.len())
        .filter(|slot| spec.legacy_place(*slot).0 == row)
        .map(|slot| (spec.legacy_place(slot).1, slot))
        .collect();
    in_row.sort_unstable();
    let size: u32 = in_row.iter().map(|(_, slot)| spec.slots[*slot].size_mib).sum();
    // A row without memory is not shown; types are those of its first channel.
    let (Some((_, first)), 1..) = (in_row.first(), size) else { return tree };
    let memory = &spec.slots[*first];
    let mut tree = tree
        .file(&at("ce_count"), format!("{}\n", controller.csrows[row].ce.value()))
        .file(&at("ue_count"), format!("{}\n", controller.csrows[row].ue.value()))
        .file(&at("size_mb"), format!("{size}\n"))
        .file(&at("mem_type"), format!("{}\n", memory.memory_type))
        .file(&at("dev_type"), format!("{}\n", memory.device_type))
        .file(&at("edac_mode"), format!("{}\n", memory.edac_mode));
    for (channel, slot) in in_row.iter().filter(|(_, slot)| spec.slots[*slot].size_mib > 0) {
        let count = controller.channels[row][*channel].value();
        tree = tree
            .file(&at(&format!("ch{channel}_ce_count")), format!("{count}\n"))
            .file(&at(&format!("ch{channel}_dimm_label")), label(&controller.labels[*slot]));
    }
    tree
}

/// A label as its file shows it: nothing at all when there is none.
fn label(label: &str) -> String {
    debug_assert!(label.len() <= LABEL_LENGTH);
    if label.is_empty() { String::new() } else { format!("{label}\n") }
}

/// Everything a parser of `/proc/stat` may insist on.
fn stat(btime: i64) -> String {
    format!(
        "cpu  41237 112 20853 9817734 1402 0 319 0 0 0\n\
         cpu0 41237 112 20853 9817734 1402 0 319 0 0 0\n\
         intr 1203345 9 0 0 0\n\
         ctxt 2913442\n\
         btime {btime}\n\
         processes 40213\n\
         procs_running 1\n\
         procs_blocked 0\n\
         softirq 733210 0 201993 12 5021 31544 0 310 201774 0 292556\n"
    )
}

/// The id of a boot, in the kernel's form; the same for the same number.
fn boot_id(boot: u64) -> String {
    let mixed = |n: u64| {
        let mut x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let (a, b) = (mixed(2 * boot), mixed(2 * boot + 1));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        a >> 32,
        (a >> 16) & 0xffff,
        a & 0xfff,
        0x8000 | ((b >> 48) & 0x3fff),
        b & 0xffff_ffff_ffff
    )
}
