//! A file of the running kernel that has an effect while it is open: `daemon_active` of debugfs.

use super::{Backend, Failure, HostRoot};
use rustix::io::Errno;
use std::os::fd::OwnedFd;

/// While somebody has it open, the kernel sends `ras:extlog_mem_event` (drivers/ras/debugfs.c, 3.17).
/// There is nothing in it.
pub(crate) const DAEMON_ACTIVE: &str = "sys/kernel/debug/ras/daemon_active";

/// The file held open; dropping it lets go.
#[derive(Debug)]
pub(crate) struct DaemonActive {
    _open: OwnedFd,
}

impl HostRoot {
    /// Opens `daemon_active` of the running kernel. Of no other host: it is not the one that would
    /// send events to us.
    pub(crate) fn hold_daemon_active(&self) -> Result<DaemonActive, Failure> {
        let elsewhere = Failure::Errno(Errno::XDEV.raw_os_error());
        match &self.backend {
            Backend::Dir(dir) if self.is_this_host() => {
                Ok(DaemonActive { _open: dir.hold(DAEMON_ACTIVE)? })
            }
            Backend::Dir(_) | Backend::Tree(_) => Err(elsewhere),
            #[cfg(test)]
            Backend::Changing(_) => Err(elsewhere),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::KernelOf;
    use super::*;
    use scrubjay_model::Clocks;
    use std::path::Path;
    use std::sync::Arc;

    fn open(path: &Path) -> HostRoot {
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        HostRoot::open(path, Arc::new(move || clocks)).unwrap()
    }

    /// Which of our open files it is.
    fn is_open(path: &Path) -> bool {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap();
        fds.filter_map(|fd| std::fs::read_link(fd.unwrap().path()).ok()).any(|file| file == path)
    }

    #[test]
    fn the_file_is_open_until_it_is_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join(DAEMON_ACTIVE);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut host = open(dir.path());
        host.kernel = KernelOf::ThisHost;
        assert_eq!(host.hold_daemon_active().unwrap_err(), Failure::Errno(2));
        assert!(!path.exists(), "nothing is made");
        std::fs::write(&path, "").unwrap();
        let held = host.hold_daemon_active().unwrap();
        assert!(is_open(&path));
        drop(held);
        assert!(!is_open(&path));
    }

    #[test]
    fn of_another_host_nothing_is_held() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DAEMON_ACTIVE);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        assert_eq!(open(dir.path()).hold_daemon_active().unwrap_err(), Failure::Errno(18));
    }
}
