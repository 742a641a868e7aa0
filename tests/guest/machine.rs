//! What a guest is made of: its processor, its memory, and what its firmware says of itself.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What `tests/guest/prepare` made of one kernel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    /// For example `6.1`.
    pub(crate) series: &'static str,
}

impl Kernel {
    /// Whether Debian built it with `RAS_CEC`.
    pub(crate) fn has_corrected_errors_collector(self) -> bool {
        self.series != "6.1"
    }

    pub(crate) fn file(self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("../guest").join(self.series).join(name)
    }
}

/// Which vendor's machine checks the kernel expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Processor {
    Amd,
    Intel,
}

impl Processor {
    fn model(self) -> &'static str {
        match self {
            Self::Amd => "EPYC",
            Self::Intel => "Skylake-Server",
        }
    }
}

/// A memory module as firmware describes it.
#[derive(Debug, Clone)]
pub(crate) struct Dimm {
    pub(crate) locator: String,
    pub(crate) bank: String,
    pub(crate) serial: String,
}

/// Everything about a guest but its kernel and its disk.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) processor: Processor,
    /// How many. Two wait for each other, which without KVM is work for the host: most have one.
    pub(crate) processors: &'static str,
    pub(crate) memory: &'static str,
    /// Modules in SMBIOS, in place of the one that QEMU makes up for the memory there is.
    pub(crate) dimms: Vec<Dimm>,
    /// Whether firmware offers ERST, where a kernel that panics leaves its log.
    pub(crate) keeps_crashes: bool,
    /// Whether firmware reports errors through memory: an ACPI HEST with a polled source.
    pub(crate) firmware_first: bool,
}

/// Where the memory through which firmware reports errors begins; the kernel is told to leave it.
pub(crate) const REPORTS_AT: u64 = 0x3000_0000;

impl Machine {
    /// What most scenarios need.
    pub(crate) fn plain() -> Self {
        Self {
            processor: Processor::Amd,
            processors: "1",
            memory: "1G",
            dimms: Vec::new(),
            keeps_crashes: false,
            firmware_first: false,
        }
    }

    pub(crate) fn with_two(processor: Processor) -> Self {
        Self { processor, processors: "2", ..Self::plain() }
    }

    /// Whether it differs from what most scenarios need in its processors only.
    pub(crate) fn is_usual(&self) -> bool {
        self.memory == Self::plain().memory
            && self.dimms.is_empty()
            && !self.keeps_crashes
            && !self.firmware_first
    }

    /// The command that runs it. `folder` holds the disk, the folder `share`, and what survives
    /// with them.
    pub(crate) fn command(&self, kernel: Kernel, folder: &Path) -> Command {
        // A /dev/kvm that opens may still be unable to run a stock kernel, so it is never tried.
        let kvm = std::env::var("SCRUBJAY_GUEST_KVM").is_ok_and(|wish| wish == "1");
        let (accelerator, cpu) =
            if kvm { ("kvm", "host") } else { ("tcg,thread=multi", self.processor.model()) };
        // Without KVM the kernel does not know that timers may be late, and on a busy machine takes
        // them for broken. Its tests of its own ciphers are a tenth of the boot. QEMU translates a
        // program anew for each address it is loaded at, so it is always loaded at the same. Guards
        // against neighbours that a guest does not have cost it a tenth.
        let mut append = "console=ttyS0 panic=-1 loglevel=4 no_timer_check tsc=reliable \
                          cryptomgr.notests=1 norandmaps mitigations=off init_on_alloc=0"
            .to_owned();
        if self.firmware_first {
            append += &format!(" memmap=128K${REPORTS_AT:#x}");
        }
        // Paths are relative to the folder, as that of a socket must be short.
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.current_dir(folder)
            .args(["-accel", accelerator, "-cpu", cpu, "-m", self.memory, "-smp", self.processors])
            .args(["-nodefaults", "-display", "none", "-no-reboot", "-net", "none"])
            .arg("-kernel")
            .arg(kernel.file("vmlinux"))
            .arg("-initrd")
            .arg(kernel.file("initrd"))
            .args(["-append", &append])
            .args(["-serial", "file:console", "-serial", "stdio"])
            .args(["-monitor", "unix:monitor,server,nowait"])
            .args(["-drive", "file=disk,format=raw,if=virtio"])
            .args(["-virtfs", "local,path=share,mount_tag=host,security_model=none"]);
        for structure in self.smbios(folder) {
            qemu.arg("-smbios").arg(format!("file={structure}"));
        }
        if self.keeps_crashes {
            qemu.args(["-object", "memory-backend-file,id=erst,mem-path=erst,size=64K,share=on"])
                .args(["-device", "acpi-erst,memdev=erst"]);
        }
        if self.firmware_first {
            let path = folder.join("hest");
            std::fs::write(path, hardware_error_sources()).unwrap();
            let memory = format!(
                "memory-backend-file,id=memory,mem-path=memory,size={},share=on",
                self.memory
            );
            qemu.args(["-M", "pc,memory-backend=memory", "-object", &memory])
                .args(["-acpitable", "sig=HEST,rev=1,oem_id=TEST,oem_table_id=TEST,data=hest"]);
        }
        qemu
    }

    /// Writes the SMBIOS structures, each into a file of its own: of a file that holds more, QEMU
    /// counts one.
    fn smbios(&self, folder: &Path) -> Vec<String> {
        const ARRAY: u16 = 0x2000;
        let mut structures = Vec::new();
        if !self.dimms.is_empty() {
            let modules = u16::try_from(self.dimms.len()).unwrap();
            // On the board, system memory, multi-bit ECC, 256 GiB at most, no error known.
            let mut array = vec![3, 3, 6];
            array.extend(0x1000_0000_u32.to_le_bytes());
            array.extend(0xfffe_u16.to_le_bytes());
            array.extend(modules.to_le_bytes());
            array.extend(0_u64.to_le_bytes());
            structures.push(structure(16, ARRAY, &array, &[]));
        }
        for (handle, dimm) in (ARRAY + 0x100..).zip(&self.dimms) {
            let mut module = Vec::new();
            // Its array, no error known, widths with and without ECC, 16 GiB, a DIMM.
            for word in [ARRAY, 0xfffe, 72, 64, 16384] {
                module.extend(word.to_le_bytes());
            }
            module.extend([9, 0, 1, 2, 0x1a]);
            // Registered; MT/s; the numbers of strings; two ranks; the size as above; configured
            // speed; voltages.
            module.extend(0x2000_u16.to_le_bytes());
            module.extend(3200_u16.to_le_bytes());
            module.extend([3, 4, 5, 6, 2]);
            module.extend(0_u32.to_le_bytes());
            for word in [3200_u16, 1200, 1200, 1200] {
                module.extend(word.to_le_bytes());
            }
            let strings =
                [dimm.locator.as_str(), &dimm.bank, "Test Memory", &dimm.serial, "Asset", "TM-16G"];
            structures.push(structure(17, handle, &module, &strings));
        }
        let names = (0..).map(|number| format!("smbios{number}"));
        names
            .zip(structures)
            .map(|(name, bytes)| {
                std::fs::write(folder.join(&name), bytes).unwrap();
                name
            })
            .collect()
    }
}

/// An SMBIOS structure: header, body, strings, an empty string.
fn structure(kind: u8, handle: u16, body: &[u8], strings: &[&str]) -> Vec<u8> {
    let mut bytes = vec![kind, u8::try_from(4 + body.len()).unwrap()];
    bytes.extend(handle.to_le_bytes());
    bytes.extend(body);
    for string in strings {
        bytes.extend(string.bytes());
        bytes.push(0);
    }
    if strings.is_empty() {
        bytes.push(0);
    }
    bytes.push(0);
    bytes
}

/// The body of an ACPI HEST with one generic source, which the kernel polls every 500 ms. ACPI 6.5,
/// 18.3.2.7.
fn hardware_error_sources() -> Vec<u8> {
    let mut source = Vec::new();
    // The type; this source's id; no related one.
    for word in [9_u16, 0, 0xffff] {
        source.extend(word.to_le_bytes());
    }
    // No flags; enabled.
    source.extend([0, 1]);
    // One record, one section, any length.
    for long in [1_u32, 1, 0] {
        source.extend(long.to_le_bytes());
    }
    // The 64 bits in memory that hold the address of the report.
    source.extend([0, 64, 0, 4]);
    source.extend(REPORTS_AT.to_le_bytes());
    // Notification: polled, 28 bytes long, nothing configurable, 500 ms, no vector, no thresholds.
    source.extend([0, 28, 0, 0]);
    for long in [500_u32, 0, 0, 0, 0, 0] {
        source.extend(long.to_le_bytes());
    }
    // The most a report may be long.
    source.extend(4096_u32.to_le_bytes());
    [&1_u32.to_le_bytes()[..], &source].concat()
}
