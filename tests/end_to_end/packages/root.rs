//! A clean Debian in a folder, and what is run inside it. Mounts are made in a namespace of their own,
//! so that none outlives the command it was made for.

use crate::harness::output;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whether this process may make such a root its own.
pub(crate) fn is_root() -> bool {
    let uid = Command::new("id").arg("-u").output();
    let uid = uid.is_ok_and(|uid| uid.stdout == b"0\n");
    let mut namespaces = Command::new("unshare");
    let made = namespaces.args(["--mount", "true"]).stderr(Stdio::null()).status();
    uid && made.is_ok_and(|status| status.success())
}

/// A copy of a Debian that debootstrap made.
pub(crate) struct Root {
    dir: tempfile::TempDir,
}

impl Root {
    /// The smallest one, in which no systemd has been installed.
    pub(crate) fn new() -> Option<Self> {
        Self::of("SCRUBJAY_DEBIAN_ROOT")
    }

    /// One that boots.
    pub(crate) fn with_systemd() -> Option<Self> {
        Self::of("SCRUBJAY_SYSTEMD_ROOT")
    }

    /// Without one it says so, and there is nothing to run on.
    fn of(variable: &str) -> Option<Self> {
        let Some(base) = std::env::var_os(variable) else {
            println!("skipped: {variable} names no root that debootstrap made");
            return None;
        };
        if !is_root() {
            println!(
                "skipped: only root, with namespaces of mounts, can install packages in a root"
            );
            return None;
        }
        // Below the build folder: it is large, and may be on another disk than /tmp.
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut copy = Command::new("cp");
        copy.args(["--archive", "--reflink=auto", "--no-target-directory"]).arg(base);
        assert!(copy.arg(dir.path()).status().unwrap().success());
        // What apt downloaded to make it, and what of this host's got in.
        for name in ["etc/resolv.conf", "etc/hostname"] {
            let _ = std::fs::remove_file(dir.path().join(name));
        }
        Some(Self { dir })
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below.trim_start_matches('/'))
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A command inside, as it would be run by a service manager or an admin. No process of the host
    /// is seen there, and none of the host's variables.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "chroot"]).arg(self.dir.path()).args(words);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        command
    }

    /// Runs a line of shell inside, with a /proc of its own: exit code, stdout and stderr.
    pub(crate) fn shell(&self, line: &str) -> (i32, String, String) {
        let inside = "mount -t proc proc /proc && eval \"$1\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--", "chroot"]);
        command.arg(self.dir.path()).args(["sh", "-c", inside, "sh", line]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C");
        command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
        output(&mut command)
    }

    /// The same, of what must succeed: what it wrote. It is part of the transcript.
    pub(crate) fn run(&self, line: &str) -> String {
        let (code, stdout, stderr) = self.shell(line);
        println!("# {line}\n{stdout}{stderr}");
        assert_eq!(code, 0, "{line}: {stdout}{stderr}");
        stdout
    }

    /// Every file and folder, with its kind, mode and owner.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let mut find = Command::new("find");
        find.arg(self.dir.path()).args(["-mindepth", "1", "-printf", "%P\t%y %m %U:%G\n"]);
        let (code, list, stderr) = output(&mut find);
        assert_eq!(code, 0, "{stderr}");
        let entry = |line: &str| {
            let (path, rest) = line.split_once('\t').unwrap();
            (path.to_owned(), rest.to_owned())
        };
        list.lines().map(entry).collect()
    }

    /// Boots it with its own systemd, without a network, until it powers itself off or the time is
    /// over. What it wrote to its console is returned; nothing of the host is told of it.
    pub(crate) fn boot(&self) -> String {
        let mut nspawn = Command::new("timeout");
        nspawn.args(["--signal=KILL", "900", "systemd-nspawn", "--quiet", "--boot"]);
        nspawn.args(["--private-network", "--register=no", "--keep-unit", "--link-journal=no"]);
        nspawn.arg("--directory").arg(self.dir.path()).stdin(Stdio::null());
        let console = nspawn.output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        format!("{}{}", text(&console.stdout), text(&console.stderr))
    }

    pub(crate) fn as_path(&self) -> &Path {
        self.dir.path()
    }
}
