//! Identity of the running kernel: `/proc/sys/kernel/{osrelease,version}`, `/proc/version`,
//! uname(2), and whether its modules are still on disk.
//!
//! Kernel documentation: Documentation/admin-guide/sysctl/kernel.rst. Vendor live patches may
//! replace uname(2), never the files; so identity comes from the files and the difference is a
//! finding. A modular kernel whose `/lib/modules/<release>` is gone cannot load modules any more.

use crate::reader::Reader;
use scrubjay_model::{Kernel, Origin, Reading, SourceDoc, SourceId, Stamp};

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Kernel,
    reads: &[
        "proc/sys/kernel/osrelease",
        "proc/sys/kernel/version",
        "proc/{version,version_signature}",
        "proc/modules",
        "lib/modules",
        "lib/modules/*",
    ],
    needs: "nothing",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/admin-guide/sysctl/kernel.rst",
};

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Kernel> {
    let release = release(reader);
    let version = reader.attr("proc/sys/kernel/version");
    let banner = reader.attr("proc/version");
    if release.is_absent() && version.is_absent() && banner.is_absent() {
        return Reading::Absent(Origin::new("proc/version"));
    }
    let modules_directory = release
        .as_ref()
        .into_result()
        .map_or_else(Into::into, |release| reader.present(&format!("lib/modules/{release}")));
    Reading::Value(Kernel {
        version_signature: reader.attr("proc/version_signature"),
        uname: reader.uname(),
        modules_supported: reader.present("proc/modules"),
        modules_root: reader.present("lib/modules"),
        modules_directory,
        release,
        version,
        banner,
    })
}

/// `osrelease` of the running kernel.
pub(super) fn release(reader: &Reader<'_>) -> Reading<String> {
    reader.parse("proc/sys/kernel/osrelease", "a kernel release", directory_name)
}

/// A release names a directory, so what cannot is refused: from an empty one it would follow that
/// the modules are gone.
fn directory_name(text: &str) -> Option<String> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '/';
    (!matches!(text, "" | "." | "..") && text.chars().all(plain)).then(|| text.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sources::check::{self, found, is_absent, partly_found};
    use scrubjay_model::{Outcome, Present, ReadFault};

    pub(crate) const HEALTHY: &str = "\
//- .scrubjay/facts
uname_release 6.1.0-56-amd64
uname_version #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
uname_machine x86_64
//- proc/sys/kernel/osrelease
6.1.0-56-amd64
//- proc/sys/kernel/version
#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
//- proc/version
Linux version 6.1.0-56-amd64 (debian-kernel@example.org) #1 SMP Debian 6.1.192-2
//- proc/version_signature
Ubuntu 6.1.0-56.57-generic 6.1.192
//- proc/modules
ext4 1 0 - Live 0x0000000000000000
//- dir lib/modules/6.1.0-56-amd64
//- dir lib/modules/6.1.0-55-amd64
";

    const OSRELEASE: &str = "//- proc/sys/kernel/osrelease\n6.1.0-56-amd64\n";

    #[test]
    fn the_running_kernel_is_identified() {
        let kernel = found(HEALTHY, read);
        assert_eq!(kernel.release.value().unwrap(), "6.1.0-56-amd64");
        assert!(kernel.version.value().unwrap().ends_with("6.1.192-2 (2026-11-16)"));
        assert!(kernel.banner.value().unwrap().starts_with("Linux version 6.1.0"));
        assert!(kernel.version_signature.value().unwrap().starts_with("Ubuntu 6.1.0-56.57"));
        assert_eq!(kernel.uname.value().unwrap().machine, "x86_64");
        assert_eq!(kernel.modules_removed(), Some(false));
    }

    #[test]
    fn a_root_without_proc_is_absent() {
        assert!(is_absent("//- dir lib/modules/6.1.0-56-amd64\n", read));
    }

    #[test]
    fn another_hosts_tree_is_not_told_the_uname_of_this_one() {
        let text = HEALTHY.replace(".scrubjay/facts", "elsewhere");
        assert!(found(&text, read).uname.is_absent());
    }

    #[test]
    fn modules_are_removed_only_where_modules_are_kept() {
        let gone = HEALTHY.replace("//- dir lib/modules/6.1.0-56-amd64\n", "");
        assert_eq!(found(&gone, read).modules_removed(), Some(true));
        let container = gone.replace("//- dir lib/modules/6.1.0-55-amd64\n", "");
        assert_eq!(found(&container, read).modules_removed(), None);
        let built_in = gone.replace("proc/modules", "proc/other");
        assert_eq!(found(&built_in, read).modules_removed(), None);
    }

    #[test]
    fn an_unreadable_release_says_nothing_of_its_modules() {
        for (node, outcome) in [
            ("//- errno=EACCES proc/sys/kernel/osrelease\n", Outcome::Unreadable),
            ("//- dir proc/sys/kernel/osrelease\n", Outcome::Unreadable),
            ("//- noeol proc/sys/kernel/osrelease\n", Outcome::Malformed),
            ("//- proc/sys/kernel/osrelease\n..\n", Outcome::Malformed),
            ("//- proc/sys/kernel/osrelease\n../../etc\n", Outcome::Malformed),
            ("//- proc/sys/kernel/osrelease\n6.1 \n", Outcome::Malformed),
            ("//- hex proc/sys/kernel/osrelease\n36ff0a\n", Outcome::Malformed),
            ("", Outcome::Absent),
        ] {
            let (kernel, _) = partly_found(&HEALTHY.replace(OSRELEASE, node), read);
            assert_eq!(kernel.release.outcome(), outcome, "{node}");
            assert_eq!(kernel.modules_directory.outcome(), outcome, "{node}");
            assert_eq!(kernel.modules_removed(), None, "{node}");
            assert!(kernel.banner.value().is_some());
        }
    }

    #[test]
    fn a_modules_directory_that_is_denied_is_not_taken_for_removed() {
        let denied = HEALTHY.replace(
            "//- dir lib/modules/6.1.0-56-amd64\n",
            "//- errno=EACCES lib/modules/6.1.0-56-amd64\n",
        );
        let kernel = partly_found(&denied, read).0;
        let origin = Origin::new("lib/modules/6.1.0-56-amd64");
        assert_eq!(kernel.modules_directory, Reading::Unreadable(origin, ReadFault::Denied));
        assert_eq!(kernel.modules_removed(), None);
        assert_eq!(kernel.modules_supported, Reading::Value(Present));
    }

    #[test]
    fn the_laws_hold() {
        check::keeps_the_laws(HEALTHY, read, |_, _| false);
    }
}
