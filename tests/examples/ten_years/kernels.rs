//! Kernels and live patches of the host: a package about every three weeks, a cumulative live patch for
//! most of what it fixes some days later, microcode about once a year, and reboots that bring all of it.

use crate::chance::Chance;
use scrubjay_model::{
    BootImage, BootImages, BootLoader, ChangeEntry, Changelog, Chosen, CpuSignature, CveId,
    CveLists, DebVersion, InstalledPackage, Kernel, KernelPackage, Livepatch, Microcode,
    MicrocodeVendor, NextBoot, Origin, PackageManager, PackageVersion, Packages, Patch, Reading,
    RunningMicrocode, Snapshot,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Packages that stay installed beside the running one.
const KEPT: usize = 3;
/// Entries that a changelog goes back; those before are of kernels that nobody runs any more.
const ENTRIES: usize = 30;

/// A kernel that is installed.
#[derive(Debug, Clone)]
struct Installed {
    number: u64,
    at_unix_s: i64,
}

/// A live patch that is loaded.
#[derive(Debug, Clone)]
struct Loaded {
    number: u64,
    in_transition: bool,
    covers: BTreeSet<CveId>,
}

pub(crate) struct Kernels {
    installed: VecDeque<Installed>,
    running: u64,
    changelog: VecDeque<ChangeEntry>,
    live_patch: Option<Loaded>,
    named: u64,
    microcode: (u32, u32),
    /// Of the newest package, made when it came.
    newest_changelog: Arc<Changelog>,
}

fn version(number: u64) -> PackageVersion {
    PackageVersion::Deb(DebVersion::parse(&format!("6.12.{number}-1")).unwrap())
}

fn release(number: u64) -> String {
    format!("6.12.0-{number}-amd64")
}

fn absent<T>() -> Reading<T> {
    Reading::Absent(Origin::new("sys/absent"))
}

impl Kernels {
    pub(crate) fn new(now_unix_s: i64) -> Self {
        Self {
            installed: [Installed { number: 1, at_unix_s: now_unix_s }].into(),
            running: 1,
            changelog: VecDeque::new(),
            live_patch: None,
            named: 0,
            microcode: (1, 1),
            newest_changelog: Arc::new(Changelog::default()),
        }
    }

    /// A package comes that was released some days ago.
    pub(crate) fn install(&mut self, now_unix_s: i64, chance: &mut Chance) {
        let number = self.installed.back().unwrap().number + 1;
        let days_ago = i64::try_from(chance.between(1, 8)).unwrap();
        let fixes = chance.between(8, 40);
        let cves = (0..fixes).map(|_| self.name()).collect();
        let released_unix_s = Some(now_unix_s - days_ago * 86_400);
        self.changelog.push_front(ChangeEntry { version: version(number), released_unix_s, cves });
        self.changelog.truncate(ENTRIES);
        self.installed.push_back(Installed { number, at_unix_s: now_unix_s });
        while self.installed.len() > KEPT && self.installed[0].number != self.running {
            self.installed.pop_front();
        }
        if self.installed.len() > KEPT + 1 {
            self.installed.remove(1);
        }
        let entries = self.changelog.iter().cloned().collect();
        self.newest_changelog = Arc::new(Changelog { entries, unversioned: Vec::new() });
        if chance.happens(1.0 / 17.0) {
            self.microcode.1 += 1;
        }
    }

    fn name(&mut self) -> CveId {
        self.named += 1;
        CveId::parse(&format!("CVE-{}-{:04}", 2017 + self.named / 9_000, self.named)).unwrap()
    }

    /// A live patch comes that has most of what is owed, if anything is.
    pub(crate) fn patch(&mut self, chance: &mut Chance) {
        let owed = self.changelog.iter().filter(|entry| entry.version > version(self.running));
        let covers: BTreeSet<CveId> =
            owed.flat_map(|entry| &entry.cves).filter(|_| chance.happens(0.8)).copied().collect();
        if !covers.is_empty() {
            let number = self.installed.back().unwrap().number;
            self.live_patch = Some(Loaded { number, in_transition: true, covers });
        }
    }

    /// Every task has switched.
    pub(crate) fn end_transition(&mut self) {
        if let Some(patch) = &mut self.live_patch {
            patch.in_transition = false;
        }
    }

    pub(crate) fn is_in_transition(&self) -> bool {
        self.live_patch.as_ref().is_some_and(|patch| patch.in_transition)
    }

    /// The newest one is booted, with the microcode that came.
    pub(crate) fn reboot(&mut self) {
        self.running = self.installed.back().unwrap().number;
        self.live_patch = None;
        self.microcode.0 = self.microcode.1;
        while self.installed.len() > KEPT {
            self.installed.pop_front();
        }
    }

    /// What a host with these shows.
    pub(crate) fn show(&self, snapshot: &mut Snapshot) {
        let value = |text: String| Reading::Value(text);
        snapshot.kernel = Some(crate::host::answered(Kernel {
            version: value(format!("#1 SMP PREEMPT_DYNAMIC Debian 6.12.{}-1", self.running)),
            release: value(release(self.running)),
            banner: absent(),
            version_signature: absent(),
            uname: absent(),
            modules_supported: absent(),
            modules_root: absent(),
            modules_directory: absent(),
        }));
        let newest = self.installed.back().unwrap().number;
        let package = |installed: &Installed| KernelPackage {
            package: InstalledPackage {
                name: format!("linux-image-{}", release(installed.number)),
                version: version(installed.number),
                arch: Some("amd64".to_owned()),
                installed_unix_s: Reading::Value(installed.at_unix_s),
                changelog: if installed.number == newest {
                    Reading::Value(Arc::clone(&self.newest_changelog))
                } else {
                    absent()
                },
            },
            release: value(release(installed.number)),
            family: "amd64".to_owned(),
        };
        snapshot.packages = Some(crate::host::answered(Packages {
            manager: PackageManager::Dpkg,
            kernels: self.installed.iter().map(package).collect(),
            live_patches: Vec::new(),
        }));
        let image = |installed: &Installed| BootImage {
            path: format!("boot/vmlinuz-{}", release(installed.number)),
            release: release(installed.number),
            banner: absent(),
        };
        snapshot.boot_images = Some(crate::host::answered(BootImages {
            images: self.installed.iter().map(image).collect(),
            next: Reading::Value(NextBoot {
                loader: BootLoader::Grub,
                entry: "Debian GNU/Linux".to_owned(),
                image: format!("boot/vmlinuz-{}", release(newest)),
                release: Some(release(newest)),
                banner: absent(),
                chosen: Chosen::ByOrder,
            }),
        }));
        let name = |patch: &Loaded| format!("livepatch_{}", patch.number);
        let patch = |patch: &Loaded| Patch {
            name: name(patch),
            enabled: Reading::Value(true),
            transition: Reading::Value(patch.in_transition),
            replace: Reading::Value(true),
            stack_order: Reading::Value(1),
            objects: absent(),
            module_taint: absent(),
        };
        let patches = self.live_patch.iter().map(patch).collect();
        snapshot.livepatch = Some(crate::host::answered(Livepatch { patches, blockers: None }));
        snapshot.cve_lists = Some(crate::host::answered(CveLists {
            files: Vec::new(),
            ranks: BTreeMap::new(),
            live_patches: self.live_patch.iter().map(|p| (name(p), p.covers.clone())).collect(),
        }));
        let revision = self.microcode.0;
        snapshot.microcode = Some(crate::host::answered(Microcode {
            vendor: MicrocodeVendor::Intel,
            signature: CpuSignature { family: 6, model: 106, stepping: 6 },
            platform: None,
            running: Reading::Value(RunningMicrocode {
                lowest: revision,
                highest: revision,
                cpus: 64,
            }),
            available: absent(),
            images: absent(),
        }));
    }
}
