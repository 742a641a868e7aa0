//! Kernels that could be started, and the one that will be.

use crate::Reading;
use serde::Serialize;

/// Kernel images on disk, and what the boot loader is set to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootImages {
    /// The images, in the order of their paths.
    pub images: Vec<BootImage>,
    /// What the next boot starts.
    pub next: Reading<NextBoot>,
}

/// One kernel image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BootImage {
    /// Its path.
    pub path: String,
    /// The kernel release its name gives.
    pub release: String,
    /// What it says of itself: release, builder, and what the running kernel would show in
    /// `/proc/sys/kernel/version`. Absent where the image has no such header (not x86).
    pub banner: Reading<String>,
}

/// What the boot loader is set to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextBoot {
    /// Whose configuration says so.
    pub loader: BootLoader,
    /// The entry, as its title or id.
    pub entry: String,
    /// Path of the image, as the loader has it.
    pub image: String,
    /// The kernel release: from the image's own header where it has one, else from its name.
    pub release: Option<String>,
    /// What the image says of itself.
    pub banner: Reading<String>,
    /// Whether somebody chose it over what would be started by itself.
    pub chosen: Chosen,
}

/// Boot loaders whose configuration is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BootLoader {
    /// GRUB with entries in `grub.cfg`.
    Grub,
    /// GRUB with entries of the Boot Loader Specification.
    GrubBls,
    /// systemd-boot.
    SystemdBoot,
    /// A pin of Proxmox' boot tool, which it writes into either.
    ProxmoxPin,
    /// The links `/vmlinuz` or `/boot/vmlinuz`, which the loader follows.
    Link,
}

/// How an entry came to be the one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Chosen {
    /// It is the first, as the distribution sorts them.
    ByOrder,
    /// It was saved or pinned.
    Pinned,
    /// It was chosen for the next boot only.
    Once,
}

impl BootImage {
    /// What the kernel of this image would show in `/proc/sys/kernel/version`.
    pub fn version(&self) -> Option<&str> {
        banner_version(self.banner.value()?)
    }
}

/// The part of an image's banner that the running kernel shows as its version: from `#` on.
pub fn banner_version(banner: &str) -> Option<&str> {
    banner.find(") #").and_then(|at| banner.get(at + 2..))
}

impl BootLoader {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Grub => "grub",
            Self::GrubBls => "grub (BLS)",
            Self::SystemdBoot => "systemd-boot",
            Self::ProxmoxPin => "proxmox-boot-tool",
            Self::Link => "link to the image",
        }
    }
}

impl Chosen {
    /// The choice as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ByOrder => "by order",
            Self::Pinned => "pinned",
            Self::Once => "for the next boot only",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::banner_version;

    #[test]
    fn a_banner_holds_the_version_behind_the_builder() {
        let banner = "6.1.0-56-amd64 (kernel@example.org) #1 SMP PREEMPT_DYNAMIC \
                      Debian 6.1.192-2 (2026-11-16)";
        assert_eq!(
            banner_version(banner),
            Some("#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)")
        );
        assert_eq!(banner_version("6.9.7-arch1-1"), None);
    }
}
