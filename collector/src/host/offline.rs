//! The one place of the project that changes the host: it asks the kernel to take a page out of
//! use before it fails (`/sys/devices/system/memory/soft_offline_page`, 2.6.33, CAP_SYS_ADMIN;
//! Documentation/ABI/testing/sysfs-memory-page-offline).
//!
//! The kernel moves what the page holds elsewhere and kills nobody. It does so only for the
//! running kernel's own root, only under a permit, which exists only where the settings ask for
//! offlining, and one page for each permit. Nothing lasts beyond the boot.

use super::{Backend, Failure, HostRoot};
use scrubjay_model::OfflinePermit;

const SOFT_OFFLINE: &str = "sys/devices/system/memory/soft_offline_page";

/// What came of asking for a page to be offlined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfflineOutcome {
    /// The kernel did it, or had done it before.
    Done,
    /// The kernel would not: an errno. EBUSY where the page could not be moved, EOPNOTSUPP where
    /// `enable_soft_offline` is 0, EPERM without CAP_SYS_ADMIN, ENXIO or EIO where there is no
    /// such page.
    Failed(i32),
    /// It was not asked.
    Refused(OfflineRefused),
}

/// Why the kernel was not asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfflineRefused {
    /// The root belongs to another kernel, a captured tree or nobody.
    NotThisHost,
    /// Address 0 stands for an unknown one.
    NoAddress,
    /// What lies there is no attribute that can be written.
    NotAFile,
}

/// Asks the kernel to soft-offline the page at a physical address.
pub fn soft_offline(
    host: &HostRoot,
    physical_address: u64,
    permit: OfflinePermit,
) -> OfflineOutcome {
    // Used up, whatever comes of it.
    let OfflinePermit { .. } = permit;
    if !host.is_this_host() {
        return OfflineOutcome::Refused(OfflineRefused::NotThisHost);
    }
    if physical_address == 0 {
        return OfflineOutcome::Refused(OfflineRefused::NoAddress);
    }
    let written = match &host.backend {
        Backend::Dir(dir) => dir.write(SOFT_OFFLINE, format!("{physical_address:#x}\n").as_bytes()),
        Backend::Tree(_) => return OfflineOutcome::Refused(OfflineRefused::NotThisHost),
        #[cfg(test)]
        Backend::Changing(_) => return OfflineOutcome::Refused(OfflineRefused::NotThisHost),
    };
    match written {
        Ok(()) => OfflineOutcome::Done,
        Err(Failure::Errno(errno)) => OfflineOutcome::Failed(errno),
        Err(Failure::NotAFile | Failure::TooLong) => {
            OfflineOutcome::Refused(OfflineRefused::NotAFile)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::KernelOf;
    use scrubjay_model::{Clocks, OfflineMode};
    use std::path::Path;
    use std::sync::Arc;

    const ADDRESS: u64 = 0x3000_0000;

    fn permit() -> OfflinePermit {
        OfflineMode::Soft.permit().unwrap()
    }

    /// A root with the attribute, which never belongs to the kernel the tests run on.
    fn root() -> (tempfile::TempDir, HostRoot) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("sys/devices/system/memory")).unwrap();
        std::fs::write(dir.path().join(SOFT_OFFLINE), "").unwrap();
        let host = open(dir.path());
        assert!(!host.is_this_host());
        (dir, host)
    }

    fn open(path: &Path) -> HostRoot {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        HostRoot::open(path, Arc::new(move || clocks)).unwrap()
    }

    fn written(dir: &tempfile::TempDir) -> String {
        std::fs::read_to_string(dir.path().join(SOFT_OFFLINE)).unwrap()
    }

    #[test]
    fn a_root_that_is_not_this_host_is_never_written_to() {
        let (dir, host) = root();
        let refused = OfflineOutcome::Refused(OfflineRefused::NotThisHost);
        assert_eq!(soft_offline(&host, ADDRESS, permit()), refused);
        assert_eq!(written(&dir), "");

        let mut tree = crate::tree::Tree::new();
        tree.insert(SOFT_OFFLINE, crate::tree::Node::File(Vec::new()));
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::from_tree(tree, Arc::new(move || clocks));
        assert_eq!(soft_offline(&host, ADDRESS, permit()), refused);
    }

    #[test]
    fn a_host_of_another_boot_is_not_this_host() {
        let (dir, _host) = root();
        std::fs::create_dir_all(dir.path().join("proc/sys/kernel/random")).unwrap();
        let boot_id = "00000000-0000-0000-0000-000000000000\n";
        std::fs::write(dir.path().join("proc/sys/kernel/random/boot_id"), boot_id).unwrap();
        let host = open(dir.path());
        let refused = OfflineOutcome::Refused(OfflineRefused::NotThisHost);
        assert_eq!(soft_offline(&host, ADDRESS, permit()), refused);
        assert_eq!(written(&dir), "");
    }

    /// As the live host, with the attribute in a directory of the test.
    #[test]
    fn the_address_is_written_as_the_kernel_reads_it() {
        let (dir, mut host) = root();
        host.kernel = KernelOf::ThisHost;
        assert_eq!(soft_offline(&host, ADDRESS, permit()), OfflineOutcome::Done);
        assert_eq!(written(&dir), "0x30000000\n");
        let unknown = OfflineOutcome::Refused(OfflineRefused::NoAddress);
        assert_eq!(soft_offline(&host, 0, permit()), unknown);
        assert_eq!(written(&dir), "0x30000000\n");
    }

    #[test]
    fn what_the_kernel_answers_is_the_outcome_and_nothing_is_made() {
        let (dir, mut host) = root();
        host.kernel = KernelOf::ThisHost;
        let path = dir.path().join(SOFT_OFFLINE);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(soft_offline(&host, ADDRESS, permit()), OfflineOutcome::Failed(2));
        assert!(!path.exists(), "a kernel without the attribute is not given a file");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        // Confined below the test's root, so that the link leads nowhere.
        assert_eq!(soft_offline(&host, ADDRESS, permit()), OfflineOutcome::Failed(2));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert_eq!(soft_offline(&host, ADDRESS, permit()), OfflineOutcome::Failed(21));
    }

    #[test]
    fn without_the_setting_there_is_no_permit() {
        assert!(OfflineMode::Off.permit().is_none());
    }
}
