//! Microcode: what the CPUs run, what lies on disk for them, and what the next boot would load.
//!
//! Since 5.19 kernels load microcode only at boot, from an uncompressed archive at the beginning of
//! the initramfs. An update in `/lib/firmware` that is in no such archive changes nothing, however
//! often the host is rebooted.

use crate::Reading;
use serde::Serialize;
use std::cmp::Ordering;
use std::fmt;

/// Microcode of a physical x86 host. Guests have none: what `/proc/cpuinfo` shows them is made up by
/// the hypervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Microcode {
    /// Who made the CPUs.
    pub vendor: MicrocodeVendor,
    /// Which CPUs they are, by the first of them.
    pub signature: CpuSignature,
    /// `processor_flags` of the first CPU: one bit, by which Intel tells boards for the same CPU
    /// apart. `None` for other vendors.
    pub platform: Option<Reading<u32>>,
    /// What the CPUs run.
    pub running: Reading<RunningMicrocode>,
    /// The newest update for these CPUs below `/lib/firmware`; `None` if the folder has none.
    pub available: Reading<Option<MicrocodeUpdate>>,
    /// What boots load microcode from.
    pub images: Reading<Vec<EarlyImage>>,
}

/// Whose microcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MicrocodeVendor {
    /// Revisions are signed: negative ones are for debugging and older than all others.
    Intel,
    /// Revisions are unsigned.
    Amd,
}

/// Which CPU, as CPUID leaf 1 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct CpuSignature {
    /// With the extended family added.
    pub family: u32,
    /// With the extended model.
    pub model: u32,
    /// Stepping.
    pub stepping: u32,
}

/// The revisions that the CPUs run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RunningMicrocode {
    /// The oldest.
    pub lowest: u32,
    /// The newest; the same on a healthy host.
    pub highest: u32,
    /// CPUs asked: those that are online.
    pub cpus: u32,
}

/// One update, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MicrocodeUpdate {
    /// What the CPU runs once it is loaded.
    pub revision: u32,
    /// When it was made, `YYYY-MM-DD`; `None` if the header has no date.
    pub date: Option<String>,
    /// The file that holds it, below the host root.
    pub file: String,
}

/// An initramfs, or an archive of microcode that the boot loader puts before one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EarlyImage {
    /// Its path below the host root.
    pub file: String,
    /// Whose image it is.
    pub of: ImageOf,
    /// The newest update for these CPUs in its leading archive; `None` if it has none.
    pub update: Reading<Option<MicrocodeUpdate>>,
}

/// Which boots an image takes part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImageOf {
    /// Those of any kernel.
    AnyKernel,
    /// Those of the kernel that runs now.
    RunningKernel,
    /// Those of another kernel.
    OtherKernel,
}

/// Whether the next boot loads what is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextMicrocode<'m> {
    /// It does, from this image.
    Loads(&'m EarlyImage),
    /// No image has it; this one has been looked at, with what it has instead.
    Lacks(&'m EarlyImage),
    /// The images differ, none was found, or they could not be read.
    Unknown,
}

impl MicrocodeVendor {
    /// Which of two revisions is newer.
    pub fn compare(self, one: u32, other: u32) -> Ordering {
        match self {
            Self::Intel => one.cast_signed().cmp(&other.cast_signed()),
            Self::Amd => one.cmp(&other),
        }
    }

    /// A stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intel => "intel",
            Self::Amd => "amd",
        }
    }
}

impl CpuSignature {
    /// The value of EAX after CPUID leaf 1, by which updates are told apart. `None` for numbers that
    /// no CPU can have.
    pub fn cpuid(self) -> Option<u32> {
        let Self { family, model, stepping } = self;
        let possible = family <= 0xf + 0xff && model <= 0xff && stepping <= 0xf;
        let (base, extended) = if family < 0xf { (family, 0) } else { (0xf, family - 0xf) };
        possible.then_some(
            extended << 20 | model >> 4 << 16 | base << 8 | (model & 0xf) << 4 | stepping,
        )
    }
}

impl fmt::Display for CpuSignature {
    /// As Intel's files are named: `06-8f-08`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}-{:02x}-{:02x}", self.family, self.model, self.stepping)
    }
}

impl Microcode {
    /// Whether every CPU runs something older than what is on disk. `None` where either is not known.
    pub fn is_behind(&self) -> Option<bool> {
        let running = self.running.value()?;
        Some(match self.available.value()? {
            Some(update) => self.vendor.compare(running.highest, update.revision) == Ordering::Less,
            None => false,
        })
    }

    /// Whether the CPUs run different revisions.
    pub fn is_mixed(&self) -> Option<bool> {
        self.running.value().map(|running| running.lowest != running.highest)
    }

    /// Whether the next boot loads what is available. Which kernel boots next is not known: if the
    /// images differ, it is taken to be the one that runs.
    pub fn at_next_boot(&self) -> NextMicrocode<'_> {
        let (Some(Some(available)), Some(images)) = (self.available.value(), self.images.value())
        else {
            return NextMicrocode::Unknown;
        };
        let loads = |image: &EarlyImage| {
            let update = image.update.value()?;
            Some(update.as_ref().is_some_and(|update| {
                self.vendor.compare(update.revision, available.revision) != Ordering::Less
            }))
        };
        let decisive = |image: &&EarlyImage| loads(image) == Some(true);
        let any = images.iter().filter(|image| image.of == ImageOf::AnyKernel).find(decisive);
        let running =
            images.iter().filter(|image| image.of == ImageOf::RunningKernel).find(decisive);
        if let Some(image) = any.or(running) {
            return NextMicrocode::Loads(image);
        }
        let mut of_kernels =
            images.iter().filter(|image| image.of != ImageOf::AnyKernel).peekable();
        let Some(first) = of_kernels.peek().copied().or(images.first()) else {
            return NextMicrocode::Unknown;
        };
        if images.iter().all(|image| loads(image) == Some(false)) {
            return NextMicrocode::Lacks(first);
        }
        let all = of_kernels.peek().is_some() && of_kernels.all(|image| loads(image) == Some(true));
        if all { NextMicrocode::Loads(first) } else { NextMicrocode::Unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Origin, ReadFault};

    fn update(revision: u32) -> MicrocodeUpdate {
        MicrocodeUpdate { revision, date: None, file: "f".to_owned() }
    }

    fn microcode(running: (u32, u32), available: Option<u32>) -> Microcode {
        Microcode {
            vendor: MicrocodeVendor::Intel,
            signature: CpuSignature { family: 6, model: 0x8f, stepping: 8 },
            platform: Some(Reading::Value(1)),
            running: Reading::Value(RunningMicrocode {
                lowest: running.0,
                highest: running.1,
                cpus: 2,
            }),
            available: Reading::Value(available.map(update)),
            images: Reading::Value(Vec::new()),
        }
    }

    fn image(of: ImageOf, update_: Option<u32>) -> EarlyImage {
        EarlyImage { file: format!("boot/{of:?}"), of, update: Reading::Value(update_.map(update)) }
    }

    #[test]
    fn signatures_are_those_of_the_cpuid_instruction() {
        let cpuid = |family, model, stepping| CpuSignature { family, model, stepping }.cpuid();
        assert_eq!(cpuid(6, 0x8f, 8), Some(0x0008_06f8));
        assert_eq!(cpuid(0xf, 4, 0xa), Some(0x0000_0f4a));
        assert_eq!(cpuid(0x19, 0x01, 1), Some(0x00a0_0f11));
        assert_eq!(cpuid(0x17, 0x31, 0), Some(0x0083_0f10));
        assert_eq!(cpuid(0x10f, 0, 0), None);
        assert_eq!(cpuid(6, 0x100, 0), None);
        assert_eq!(cpuid(u32::MAX, u32::MAX, u32::MAX), None);
        assert_eq!(CpuSignature { family: 6, model: 0x8f, stepping: 8 }.to_string(), "06-8f-08");
    }

    #[test]
    fn revisions_of_intel_are_signed_and_those_of_amd_are_not() {
        assert_eq!(MicrocodeVendor::Intel.compare(0x8000_0010, 1), Ordering::Less);
        assert_eq!(MicrocodeVendor::Amd.compare(0x8000_0010, 1), Ordering::Greater);
    }

    #[test]
    fn a_host_is_behind_only_if_no_cpu_runs_what_is_available() {
        assert_eq!(microcode((1, 1), Some(2)).is_behind(), Some(true));
        assert_eq!(microcode((1, 2), Some(2)).is_behind(), Some(false));
        assert_eq!(microcode((1, 2), Some(2)).is_mixed(), Some(true));
        assert_eq!(microcode((3, 3), Some(2)).is_behind(), Some(false));
        assert_eq!(microcode((1, 1), None).is_behind(), Some(false));
        let mut blind = microcode((1, 1), Some(2));
        blind.available = Reading::Unreadable(Origin::new("x"), ReadFault::Denied);
        assert_eq!(blind.is_behind(), None);
        blind.running = Reading::Absent(Origin::new("x"));
        assert_eq!(blind.is_mixed(), None);
    }

    #[test]
    fn the_next_boot_loads_what_its_image_has() {
        use ImageOf::{AnyKernel, OtherKernel, RunningKernel};
        let boot = |images: Vec<EarlyImage>| {
            let mut found = microcode((1, 1), Some(2));
            found.images = Reading::Value(images);
            match found.at_next_boot() {
                NextMicrocode::Loads(image) => format!("loads {}", image.file),
                NextMicrocode::Lacks(image) => format!("lacks {}", image.file),
                NextMicrocode::Unknown => "unknown".to_owned(),
            }
        };
        assert_eq!(boot(vec![]), "unknown");
        assert_eq!(boot(vec![image(RunningKernel, Some(2))]), "loads boot/RunningKernel");
        assert_eq!(boot(vec![image(RunningKernel, Some(3))]), "loads boot/RunningKernel");
        assert_eq!(boot(vec![image(RunningKernel, Some(1))]), "lacks boot/RunningKernel");
        assert_eq!(boot(vec![image(RunningKernel, None)]), "lacks boot/RunningKernel");
        let other = image(OtherKernel, Some(2));
        assert_eq!(boot(vec![image(RunningKernel, None), other.clone()]), "unknown");
        assert_eq!(boot(vec![other]), "loads boot/OtherKernel");
        let separate = image(AnyKernel, Some(2));
        assert_eq!(boot(vec![image(RunningKernel, None), separate]), "loads boot/AnyKernel");
        assert_eq!(boot(vec![image(AnyKernel, Some(1))]), "lacks boot/AnyKernel");
        let mut unread = image(RunningKernel, None);
        unread.update = Reading::Unreadable(Origin::new("x"), ReadFault::Denied);
        assert_eq!(boot(vec![unread.clone()]), "unknown");
        assert_eq!(boot(vec![unread, image(OtherKernel, None)]), "unknown");
    }
}
