//! Microcode of the CPUs: what they run, what lies on disk for them, what a boot would load.
//!
//! Kernel documentation: Documentation/arch/x86/microcode.rst. Absent in guests, whose hypervisor
//! makes up what they are shown, and on CPUs that are neither Intel's nor AMD's. Only the files for
//! this CPU are read, and those only when they have changed; of an initramfs, only the archive it
//! begins with.

use crate::host::Piece;
use crate::microcode::{Archive, Wanted, amd_updates, intel_updates};
use crate::reader::{Reader, malformed, whole_number};
use crate::remember::Remember;
use crate::sources::kernel::release;
use scrubjay_model::{
    CpuSignature, EarlyImage, ImageOf, Microcode, MicrocodeUpdate, MicrocodeVendor, NonValue,
    Origin, Reading, RunningMicrocode, SourceDoc, SourceId, Stamp,
};
use std::cmp::Ordering;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Microcode,
    reads: &[
        "proc/cpuinfo",
        "proc/sys/kernel/osrelease",
        "sys/devices/system/cpu/cpu*/microcode/{version,processor_flags}",
        "lib/firmware/intel-ucode/*",
        "lib/firmware/amd-ucode/*",
        "boot/{initrd,initramfs,intel-ucode,amd-ucode}*",
    ],
    needs: "root, where initramfs images are private",
    absence: "a guest, whose microcode is the hypervisor's affair, or a CPU of neither Intel nor AMD",
    kernel_doc: "Documentation/arch/x86/microcode.rst",
};

const CPUINFO: &str = "proc/cpuinfo";
/// The first CPU's paragraph fits; producing the whole file wakes every CPU of a large machine.
const CPUINFO_HEAD: usize = 8 << 10;
const CPUS: &str = "sys/devices/system/cpu";
/// Images looked into: a host keeps two or three kernels.
const MOST_IMAGES: usize = 16;

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Microcode> {
    let (vendor, signature) = match processor(reader).into_result() {
        Ok(processor) => processor,
        Err(why) => return why.into(),
    };
    let platform = (vendor == MicrocodeVendor::Intel).then(|| platform(reader));
    let cpu = Cpu { vendor, signature, platform: platform.as_ref() };
    Reading::Value(Microcode {
        running: running(reader, vendor),
        available: available(reader, &cpu),
        images: images(reader, &cpu),
        vendor,
        signature,
        platform,
    })
}

/// By what an update is chosen.
struct Cpu<'p> {
    vendor: MicrocodeVendor,
    signature: CpuSignature,
    platform: Option<&'p Reading<u32>>,
}

fn processor(reader: &Reader<'_>) -> Reading<(MicrocodeVendor, CpuSignature)> {
    let found = reader.head(CPUINFO, CPUINFO_HEAD).into_result().and_then(|head| {
        let field = |key: &str| field(&head.bytes, key);
        let absent = |what: &str| NonValue::Absent(Origin::new(format!("{CPUINFO} {what}")));
        let vendor = match field("vendor_id") {
            Some(b"GenuineIntel") => MicrocodeVendor::Intel,
            Some(b"AuthenticAMD") => MicrocodeVendor::Amd,
            Some(_) | None => return Err(absent("vendor_id")),
        };
        let flags = field("flags").ok_or_else(|| {
            malformed(
                CPUINFO,
                "flags within the first 8 KiB",
                head.bytes.get(..40).unwrap_or_default(),
            )
        })?;
        if flags.split(u8::is_ascii_whitespace).any(|flag| flag == b"hypervisor") {
            return Err(absent("flags hypervisor"));
        }
        let number = |key: &str| {
            let text = field(key).and_then(|text| std::str::from_utf8(text).ok());
            text.and_then(whole_number).and_then(|number| u32::try_from(number).ok())
        };
        let signature = (number("cpu family"), number("model"), number("stepping"));
        let (Some(family), Some(model), Some(stepping)) = signature else {
            let expected = "cpu family, model and stepping as numbers";
            return Err(malformed(CPUINFO, expected, head.bytes.get(..120).unwrap_or(&head.bytes)));
        };
        let signature = CpuSignature { family, model, stepping };
        match signature.cpuid() {
            Some(_) => Ok((vendor, signature)),
            None => Err(malformed(
                CPUINFO,
                "a family, model and stepping that a CPU can have",
                signature.to_string().as_bytes(),
            )),
        }
    });
    reader.noted(found)
}

/// What follows a key and its colon on the first line that has it. A line that was cut off is no
/// line.
fn field<'b>(bytes: &'b [u8], key: &str) -> Option<&'b [u8]> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let rest = line.strip_suffix(b"\n")?.strip_prefix(key.as_bytes())?;
        Some(rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii())
    })
}

/// A number as `0x%x` prints it: `0x2b000650`.
fn hexadecimal(text: &str) -> Option<u32> {
    let text = text.trim();
    let number = u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
    (format!("0x{number:x}") == text).then_some(number)
}

fn attribute(reader: &Reader<'_>, cpu: u32, name: &str) -> Reading<u32> {
    let path = format!("{CPUS}/cpu{cpu}/microcode/{name}");
    reader.parse(&path, "a hexadecimal number below 2^32", hexadecimal)
}

/// Which platform the first CPU says it is on.
fn platform(reader: &Reader<'_>) -> Reading<u32> {
    let cpus = match reader.indexed(CPUS, "cpu").into_result() {
        Ok(cpus) => cpus,
        Err(why) => return why.into(),
    };
    let mut found = cpus.into_iter().map(|cpu| attribute(reader, cpu, "processor_flags"));
    let absent = || Reading::Absent(Origin::new(format!("{CPUS}/cpu0/microcode/processor_flags")));
    found.find(|flags| !flags.is_absent()).unwrap_or_else(absent)
}

/// What the CPUs run. One that is offline has no attribute; one that cannot be read might be the
/// one that differs.
fn running(reader: &Reader<'_>, vendor: MicrocodeVendor) -> Reading<RunningMicrocode> {
    let mut revisions = Vec::new();
    let cpus = reader.indexed(CPUS, "cpu");
    for cpu in cpus.value().into_iter().flatten() {
        match attribute(reader, *cpu, "version").into_result() {
            Ok(revision) => revisions.push(revision),
            Err(NonValue::Absent(_)) => {}
            Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => return why.into(),
        }
    }
    match summary(vendor, &revisions) {
        Some(running) => Reading::Value(running),
        None => running_by_cpuinfo(reader, vendor),
    }
}

fn summary(vendor: MicrocodeVendor, revisions: &[u32]) -> Option<RunningMicrocode> {
    let by_age = |one: &&u32, other: &&u32| vendor.compare(**one, **other);
    Some(RunningMicrocode {
        lowest: *revisions.iter().min_by(by_age)?,
        highest: *revisions.iter().max_by(by_age)?,
        cpus: u32::try_from(revisions.len()).ok()?,
    })
}

/// Kernels without the microcode driver still show the revision.
fn running_by_cpuinfo(reader: &Reader<'_>, vendor: MicrocodeVendor) -> Reading<RunningMicrocode> {
    let found = reader.statistics(CPUINFO).into_result().and_then(|bytes| {
        let mut revisions = Vec::new();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Some(rest) = line.strip_prefix(b"microcode") else { continue };
            let Some(text) = rest.trim_ascii_start().strip_prefix(b":") else { continue };
            let revision = std::str::from_utf8(text).ok().and_then(hexadecimal);
            let expected = "a microcode revision such as 0x2b000650";
            revisions.push(revision.ok_or_else(|| malformed(CPUINFO, expected, line))?);
        }
        let absent = || NonValue::Absent(Origin::new(format!("{CPUINFO} microcode")));
        summary(vendor, &revisions).ok_or_else(absent)
    });
    reader.noted(found)
}

impl Cpu<'_> {
    /// The newest update for this CPU in the content of a file.
    fn newest(&self, path: &str, bytes: &[u8]) -> Result<Option<MicrocodeUpdate>, NonValue> {
        let broken = |(offset, expected): (usize, &'static str)| {
            let found = bytes.get(offset..).unwrap_or_default();
            let origin = format!("{path} at 0x{offset:x}");
            malformed(&origin, expected, found.get(..16).unwrap_or(found))
        };
        let Some(signature) = self.signature.cpuid() else { return Ok(None) };
        let updates: Vec<(u32, Option<String>)> = match self.vendor {
            MicrocodeVendor::Intel => {
                // Without the platform, an update for another board could be taken for ours.
                let platform = match self.platform {
                    Some(platform) => *platform.as_ref().into_result()?,
                    None => return Ok(None),
                };
                let updates = intel_updates(bytes).map_err(broken)?.into_iter();
                let fitting = updates.filter(|update| update.fits(signature, platform));
                fitting.map(|update| (update.revision, update.date)).collect()
            }
            MicrocodeVendor::Amd => {
                let updates = amd_updates(bytes).map_err(broken)?.into_iter();
                let fitting = updates.filter(|update| update.processors.contains(&signature));
                fitting.map(|update| (update.revision, update.date)).collect()
            }
        };
        let newest = updates.into_iter().max_by(|one, other| self.vendor.compare(one.0, other.0));
        Ok(newest.map(|(revision, date)| MicrocodeUpdate { revision, date, file: path.to_owned() }))
    }

    fn newer(
        &self,
        one: Option<MicrocodeUpdate>,
        other: Option<MicrocodeUpdate>,
    ) -> Option<MicrocodeUpdate> {
        match (one, other) {
            (Some(one), Some(other)) => {
                let is_newer =
                    self.vendor.compare(other.revision, one.revision) == Ordering::Greater;
                Some(if is_newer { other } else { one })
            }
            (one, other) => one.or(other),
        }
    }

    fn folder(&self) -> &'static str {
        match self.vendor {
            MicrocodeVendor::Intel => "lib/firmware/intel-ucode",
            MicrocodeVendor::Amd => "lib/firmware/amd-ucode",
        }
    }

    /// The files that can hold updates for this CPU. Debian keeps those that must be loaded early
    /// under a name that the kernel does not ask for later.
    fn files(&self) -> Vec<String> {
        let (folder, signature) = (self.folder(), self.signature);
        match self.vendor {
            MicrocodeVendor::Intel => {
                vec![format!("{folder}/{signature}"), format!("{folder}/{signature}.initramfs")]
            }
            MicrocodeVendor::Amd if signature.family < 0x15 => {
                vec![format!("{folder}/microcode_amd.bin")]
            }
            MicrocodeVendor::Amd => {
                vec![format!("{folder}/microcode_amd_fam{:02x}h.bin", signature.family)]
            }
        }
    }

    /// What a value depends on beside files.
    fn key(&self, of: &str) -> String {
        let platform = self.platform.and_then(Reading::value);
        format!("microcode/{of}/{}/{}/{platform:?}", self.vendor.as_str(), self.signature)
    }
}

fn available(reader: &Reader<'_>, cpu: &Cpu<'_>) -> Reading<Option<MicrocodeUpdate>> {
    let files = cpu.files();
    let mut watched: Vec<&str> = files.iter().map(String::as_str).collect();
    watched.push(cpu.folder());
    let what = Remember { key: &cpu.key("disk"), files: &watched, at_most: None };
    let found = reader.remembered(&what, |reader| {
        let folder = reader.present(cpu.folder()).into_result();
        let newest = folder.and_then(|_| {
            files.iter().try_fold(None, |newest, path| {
                let bytes = match reader.firmware_file(path).into_result() {
                    Ok(bytes) => bytes,
                    Err(NonValue::Absent(_)) => return Ok(newest),
                    Err(why @ (NonValue::Unreadable(..) | NonValue::Malformed(..))) => {
                        return Err(why);
                    }
                };
                Ok(cpu.newer(newest, cpu.newest(path, &bytes)?))
            })
        });
        reader.noted(newest)
    });
    Reading::clone(&found)
}

/// What distributions call an initramfs, before and after the release of the kernel.
const IMAGE_NAMES: [(&str, &str); 3] =
    [("initrd.img-", ""), ("initramfs-", ".img"), ("initrd-", "")];

fn images(reader: &Reader<'_>, cpu: &Cpu<'_>) -> Reading<Vec<EarlyImage>> {
    let running = release(reader);
    let names = match reader.files("boot").into_result() {
        Ok(names) => names,
        Err(why) => return why.into(),
    };
    let of = |name: &str| {
        if name == "intel-ucode.img" || name == "amd-ucode.img" {
            return Some(ImageOf::AnyKernel);
        }
        let release = IMAGE_NAMES.iter().find_map(|(before, after)| {
            name.strip_prefix(before)?.strip_suffix(after).filter(|release| !release.is_empty())
        })?;
        // The image of a crash kernel boots nobody's next kernel; backups are no images.
        let aside = ["kdump", "rescue", "fallback", ".bak", ".old", ".dpkg-", ".tmp"];
        let of_running = running.value().is_some_and(|running| running == release);
        let of = if of_running { ImageOf::RunningKernel } else { ImageOf::OtherKernel };
        (!aside.iter().any(|word| release.contains(word))).then_some(of)
    };
    let mut found: Vec<(ImageOf, String)> =
        names.into_iter().filter_map(|name| Some((of(&name)?, name))).collect();
    // The sort is stable: what takes part in the running kernel's boots comes first.
    found.sort_by_key(|(of, _)| match of {
        ImageOf::AnyKernel => 0,
        ImageOf::RunningKernel => 1,
        ImageOf::OtherKernel => 2,
    });
    found.truncate(MOST_IMAGES);
    let image = |(of, name): (ImageOf, String)| {
        let file = format!("boot/{name}");
        let update = in_image(reader, cpu, &file);
        EarlyImage { file, of, update }
    };
    Reading::Value(found.into_iter().map(image).collect())
}

fn in_image(reader: &Reader<'_>, cpu: &Cpu<'_>, path: &str) -> Reading<Option<MicrocodeUpdate>> {
    let what = Remember { key: &cpu.key(path), files: &[path], at_most: None };
    let found = reader.remembered(&what, |reader| {
        let newest = early_microcode(reader, cpu, path).and_then(|bytes| match bytes {
            Some(bytes) => cpu.newest(path, &bytes),
            None => Ok(None),
        });
        reader.noted(newest)
    });
    Reading::clone(&found)
}

/// The file of microcode in the archive that an image begins with.
fn early_microcode(
    reader: &Reader<'_>,
    cpu: &Cpu<'_>,
    path: &str,
) -> Result<Option<Vec<u8>>, NonValue> {
    let name = match cpu.vendor {
        MicrocodeVendor::Intel => "kernel/x86/microcode/GenuineIntel.bin",
        MicrocodeVendor::Amd => "kernel/x86/microcode/AuthenticAMD.bin",
    };
    let piece = |offset: u64, length: usize| {
        let pieces = reader.pieces(path, &[Piece { offset, length }]).into_result()?;
        Ok(pieces.into_iter().next().unwrap_or_default())
    };
    let broken = |offset: u64, expected: &'static str| {
        malformed(&format!("{path} at 0x{offset:x}"), expected, b"")
    };
    let mut archive = Archive::new(name);
    let mut wanted = archive.first();
    loop {
        match wanted {
            Wanted::Bytes(offset, length) => wanted = archive.next(&piece(offset, length)?),
            Wanted::Missing => return Ok(None),
            Wanted::Broken(offset, expected) => return Err(broken(offset, expected)),
            Wanted::Found(offset, length) => {
                let bytes = piece(offset, length)?;
                let whole = bytes.len() == length;
                let cut = || broken(offset, "microcode that ends within the image");
                return if whole { Ok(Some(bytes)) } else { Err(cut()) };
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
