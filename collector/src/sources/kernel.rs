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
        "proc/version",
        "proc/modules",
        "lib/modules/*",
    ],
    needs: "nothing",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/admin-guide/sysctl/kernel.rst",
};

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Kernel> {
    let release = reader.parse("proc/sys/kernel/osrelease", "a kernel release", release);
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
        uname: reader.uname(),
        modules_supported: reader.present("proc/modules"),
        modules_root: reader.present("lib/modules"),
        modules_directory,
        release,
        version,
        banner,
    })
}

/// A release names a directory, so what cannot is refused: from an empty one it would follow that
/// the modules are gone.
fn release(text: &str) -> Option<String> {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '/';
    (!matches!(text, "" | "." | "..") && text.chars().all(plain)).then(|| text.to_owned())
}
