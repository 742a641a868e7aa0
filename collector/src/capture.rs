//! Writes down exactly what the sources read, so that a bug report becomes a fixture.

use crate::collector::Options;
use crate::host::{FACTS, HostRoot, SIMULATED};
use crate::kernel_log;
use crate::reader::Reader;
use crate::sources::{
    self,
    kernel_log::PATH as LOG,
    livepatch::WITNESS,
    livepatch_systems::{KERNELCARE, TOLD},
    previous_boot, smbios,
    uptime::boot_id,
};
use crate::tree::{Node, Tree};
use rustix::io::Errno;
use scrubjay_model::{BootId, SourceId, Stamp};
use std::cell::RefCell;
use std::fmt::Write as _;

/// How to capture.
#[derive(Debug, Clone, Copy, Default)]
pub struct CaptureOptions {
    /// Replace what names the machine, its users or its workload.
    pub redact: bool,
}

/// Reads all sources that are not switched off, one after the other and without a deadline, and
/// returns every attribute they asked for as a tree.
pub fn capture(host: &HostRoot, options: &Options, capture: CaptureOptions) -> Tree {
    let tree = RefCell::new(Tree::new());
    let reader = Reader::recording(host, &tree);
    let boot = boot_id(&reader).value().cloned().unwrap_or_else(BootId::unknown);
    let at = Stamp::new(boot, host.clocks());
    for id in SourceId::ALL {
        if !options.disabled.contains(&id) {
            read(id, &reader, &at);
        }
    }
    let mut tree = tree.into_inner();
    tree.insert(FACTS, Node::File(facts(host, &at).into_bytes()));
    if capture.redact { redacted(&tree) } else { tree }
}

/// Runs one source for what it reads; its findings are not wanted here.
fn read(id: SourceId, reader: &Reader<'_>, at: &Stamp) {
    match id {
        SourceId::Edac => drop(sources::edac::read(reader, at)),
        SourceId::MemoryFailure => drop(sources::memory_failure::read(reader, at)),
        SourceId::Uptime => drop(sources::uptime::read(reader, at)),
        SourceId::Kernel => drop(sources::kernel::read(reader, at)),
        SourceId::KernelHealth => drop(sources::kernel_health::read(reader, at)),
        SourceId::CpuVulnerabilities => drop(sources::cpu_vulnerabilities::read(reader, at)),
        SourceId::Kexec => drop(sources::kexec::read(reader, at)),
        SourceId::Lockdown => drop(sources::lockdown::read(reader, at)),
        SourceId::Livepatch => drop(sources::livepatch::read(reader, at)),
        SourceId::RebootMarkers => drop(sources::reboot_markers::read(reader, at)),
        SourceId::MachineCheck => drop(sources::machine_check::read(reader, at)),
        SourceId::Platform => drop(sources::platform::read(reader, at)),
        SourceId::KernelLog => drop(sources::kernel_log::read(reader, at)),
        SourceId::Scrub => drop(sources::scrub::read(reader, at)),
        SourceId::PreviousBoot => drop(sources::previous_boot::read(reader, at)),
        SourceId::Smbios => drop(sources::smbios::read(reader, at)),
        SourceId::DimmLabels => drop(sources::dimm_labels::read(reader, at)),
        SourceId::Packages => drop(sources::packages::read(reader, at)),
        SourceId::BootImages => drop(sources::boot_images::read(reader, at)),
        SourceId::CveLists => drop(sources::cve_lists::read(reader, at)),
        SourceId::Microcode => drop(sources::microcode::read(reader, at)),
        SourceId::LivepatchModules => drop(sources::livepatch_modules::read(reader, at)),
        SourceId::LivepatchSystems => drop(sources::livepatch_systems::read(reader, at)),
        SourceId::Processes => drop(sources::processes::read(reader, at)),
    }
}

fn facts(host: &HostRoot, at: &Stamp) -> String {
    let mut text = format!("realtime_ms {}\n", at.wall_ms);
    // Writing to a String cannot fail.
    let mut line = |key: &str, value: String| {
        let _ = writeln!(text, "{key} {value}");
    };
    if let Some(since_boot) = at.since_boot {
        line("boottime_ns", since_boot.as_nanos().to_string());
    }
    if let Some(awake) = at.awake {
        line("monotonic_ns", awake.as_nanos().to_string());
    }
    if let Some(uname) = host.uname() {
        line("uname_release", uname.release);
        line("uname_version", uname.version);
        line("uname_machine", uname.machine);
    }
    if let Some(made) = host.simulated() {
        line(SIMULATED, made.to_string());
    }
    if let Some(size) = host.page_size_bytes() {
        line("page_size_bytes", size.to_string());
    }
    text
}

/// What stands in place of what was taken out.
const REDACTED: &str = "redacted";

/// Kernel parameters that bear on what scrubjay reads; all others may name disks, hosts or secrets.
const TELLING: [&str; 13] = [
    "mce=",
    "ras=",
    "edac",
    "ghes",
    "hest_disable",
    "bert_disable",
    "erst_disable",
    "acpi=",
    "livepatch",
    "kpatch.enable=",
    "nouptrack",
    "crashkernel=",
    "lockdown=",
];

fn redacted(tree: &Tree) -> Tree {
    let mut out = Tree::new();
    let mut tables = smbios::Redactor::default();
    for (path, node) in tree.nodes().filter(|(path, _)| !tells_of_a_process(path)) {
        let node = match node {
            // The kernel's own; it shows that the host's tasks were all there to be read.
            Node::File(bytes) if path == WITNESS && bytes == b"kthreadd\n" => node.clone(),
            Node::File(bytes) if path == LOG => Node::File(kernel_log::telling(bytes)),
            Node::File(bytes) if is_crash_record(path) => Node::File(crash_record(path, bytes)),
            // It names who built it and where; whoever reads the capture learns that it was there.
            Node::File(_) if is_module_file(path) => Node::Fails(Errno::ACCESS.raw_os_error()),
            Node::File(bytes) if is_firmware_table(path) => Node::File(tables.table(bytes)),
            Node::File(bytes) if path == KERNELCARE => Node::File(policy(bytes)),
            Node::File(bytes) if names_something(path) => Node::File(replacement(path, bytes)),
            Node::File(_) | Node::Dir | Node::Fails(_) => node.clone(),
        };
        out.insert(path, node);
    }
    out
}

fn is_module_file(path: &str) -> bool {
    !path.starts_with("sys/")
        && [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().any(|end| path.ends_with(end))
}

/// What a process maps, and which service it is: the host's workload.
fn tells_of_a_process(path: &str) -> bool {
    let name = path.strip_prefix("proc/").and_then(|path| path.rsplit_once('/'));
    name.is_some_and(|(of, name)| {
        of.starts_with(|c: char| c.is_ascii_digit()) && ["maps", "stat", "cgroup"].contains(&name)
    })
}

fn is_crash_record(path: &str) -> bool {
    ["sys/fs/pstore/", "var/lib/systemd/pstore/"].iter().any(|store| path.starts_with(store))
}

/// Where the serial number of the CPU (PPIN) stands in a saved machine check.
const CPU_SERIAL: std::ops::Range<usize> = 104..112;

/// A kernel log names hosts, users and programs; a machine check, its CPU.
fn crash_record(path: &str, bytes: &[u8]) -> Vec<u8> {
    if !path.rsplit('/').next().is_some_and(|name| name.starts_with("mce-")) {
        return previous_boot::telling(bytes).into_bytes();
    }
    let mut bytes = bytes.to_vec();
    if let Some(serial) = bytes.get_mut(CPU_SERIAL) {
        serial.fill(0);
    }
    bytes
}

/// Tables that hold serial numbers of the machine and its parts.
fn is_firmware_table(path: &str) -> bool {
    path == smbios::TABLE || path.starts_with(smbios::ENTRIES)
}

/// Serial numbers, asset tags, host names, command names, and the kernel command line.
fn names_something(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["serial", "asset_tag", "uuid", "hostname"].iter().any(|word| name.contains(word))
        || name == "comm"
        || path == "proc/cmdline"
        // Uptrack's last run, with the processes that were in the way.
        || (name == "results" && path.starts_with("var/cache/uptrack/"))
}

/// Of KernelCare's configuration what is read; it also holds servers and keys.
fn policy(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let told = text.lines().filter(|line| {
        let name = line.split('=').next().unwrap_or_default().trim();
        TOLD.contains(&name)
    });
    told.flat_map(|line| format!("{line}\n").into_bytes()).collect()
}

fn replacement(path: &str, bytes: &[u8]) -> Vec<u8> {
    if path != "proc/cmdline" {
        return format!("{REDACTED}\n").into_bytes();
    }
    let line = String::from_utf8_lossy(bytes);
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| if TELLING.iter().any(|t| word.starts_with(t)) { word } else { REDACTED })
        .collect();
    format!("{}\n", words.join(" ")).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collector::Collector;
    use scrubjay_model::Clocks;
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::Duration;

    const HOST: &str = "//! scrubjay host tree 1
//- .scrubjay/facts
realtime_ms 1795429628000
boottime_ns 100000000000
monotonic_ns 90000000000
uname_release 6.1.0
uname_version #1
uname_machine x86_64
//- proc/cmdline
root=UUID=5a5a crypt=secret mce=ignore_ce
//- proc/sys/kernel/random/boot_id
5a6b7c8d-1234-5678-9abc-def012345678
//- proc/1/task/1/comm
init
//- proc/1/task/1/patch_state
0
//- proc/2/task/2/comm
kthreadd
//- proc/2/task/2/patch_state
1
//- errno=EACCES sys/devices/system/edac/mc/mc0/ce_count
//- sys/devices/system/edac/mc/mc0/ue_count
2
//- errno=ENODEV sys/devices/system/edac/mc/mc0/sdram_scrub_rate
//- sys/devices/system/edac/mc/mc0/unrelated
1
//- sys/kernel/livepatch/fix/enabled
1
//- sys/kernel/livepatch/fix/transition
1
//- dir sys/kernel/livepatch/fix/vmlinux/tcp_v4_rcv,1
//- sys/module/fix/initstate
live
//- proc/sys/kernel/osrelease
6.1.0
//- lib/modules/6.1.0/extra/fix.ko
built by admin@example.org in /home/admin
//- lib/modules/6.1.0/extra/other.ko
";

    fn options() -> Options {
        Options { deadline: Duration::from_secs(10), disabled: BTreeSet::new() }
    }

    fn host(tree: Tree) -> HostRoot {
        let clocks = Clocks { realtime_ms: 1, boottime: None, monotonic: None };
        HostRoot::from_tree(tree, Arc::new(move || clocks))
    }

    #[test]
    fn a_capture_reads_like_the_host_it_was_taken_from() {
        let original = host(Tree::parse(HOST).unwrap());
        let captured = capture(&original, &options(), CaptureOptions { redact: false });
        assert_eq!(captured.get("sys/devices/system/edac/mc/mc0/unrelated"), None);
        let again = Tree::parse(&captured.to_text()).unwrap();
        let snapshot = |host| Collector::new(Arc::new(host), options()).snapshot();
        assert_eq!(snapshot(host(again)), snapshot(original));
    }

    #[test]
    fn a_controller_that_cannot_be_listed_is_still_there_in_the_capture() {
        let dir = tempfile::tempdir().unwrap();
        let mc = dir.path().join("sys/devices/system/edac/mc");
        std::fs::create_dir_all(mc.join("mc0")).unwrap();
        std::fs::write(mc.join("mc0/ce_count"), "1\n").unwrap();
        let mut tree = capture(
            &HostRoot::open(
                dir.path(),
                Arc::new(|| Clocks { realtime_ms: 1, boottime: None, monotonic: None }),
            )
            .unwrap(),
            &options(),
            CaptureOptions::default(),
        );
        // As `capture` writes it where a directory is closed to the user: the listing fails, and
        // so does everything below.
        tree.insert("sys/devices/system/edac/mc/mc0", Node::Fails(13));
        tree.insert("sys/devices/system/edac/mc/mc0/ce_count", Node::Fails(13));
        let again = Tree::parse(&tree.to_text()).unwrap();
        let snapshot = Collector::new(Arc::new(host(again)), options()).snapshot();
        let edac = scrubjay_model::Snapshot::found(&snapshot.edac).unwrap();
        assert_eq!(edac.controllers.len(), 1);
        let count = &edac.controllers[0].errors.correctable;
        assert_eq!(count.outcome(), scrubjay_model::Outcome::Unreadable);
    }

    #[test]
    fn redaction_takes_out_names_and_secrets_and_nothing_else() {
        let original = host(Tree::parse(HOST).unwrap());
        let text = capture(&original, &options(), CaptureOptions { redact: true }).to_text();
        assert!(text.contains("//- proc/cmdline\nredacted redacted mce=ignore_ce\n"), "{text}");
        assert!(text.contains("//- proc/1/task/1/comm\nredacted\n"), "{text}");
        assert!(text.contains("//- proc/2/task/2/comm\nkthreadd\n"), "{text}");
        for secret in ["secret", "5a5a", "\ninit\n", "admin", "other.ko"] {
            assert!(!text.contains(secret), "{text}");
        }
        // It is there, and what is in it is not told.
        assert!(text.contains("//- errno=EACCES lib/modules/6.1.0/extra/fix.ko\n"), "{text}");
    }

    #[test]
    fn of_a_crash_record_only_what_tells_the_crash_is_left() {
        let log = "Panic#1 Part1\n<4>[1.0] systemd[1]: Hostname set to <secret>.\n\
                   <0>[2.0] Kernel panic - not syncing: Fatal machine check\n";
        let tree = format!("{HOST}//- sys/fs/pstore/dmesg-ramoops-0\n{log}");
        let original = host(Tree::parse(&tree).unwrap());
        let redacted = capture(&original, &options(), CaptureOptions { redact: true });
        let text = redacted.to_text();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("not syncing: Fatal machine check"), "{text}");
        let found = |host| Collector::new(Arc::new(host), options()).snapshot().previous_boot;
        assert_eq!(found(host(redacted)), found(original));
        let mce = crash_record("sys/fs/pstore/mce-erst-1", &[7; 128]);
        assert_eq!((mce[103], mce[104], mce[111], mce[112]), (7, 0, 0, 7));
    }

    #[test]
    fn of_kernelcares_configuration_only_what_holds_patches_back_is_left() {
        let tree = format!("{HOST}//- {KERNELCARE}\nPROXY=http://secret@x\nPREFIX=48h\n");
        let original = host(Tree::parse(&tree).unwrap());
        let text = capture(&original, &options(), CaptureOptions { redact: true }).to_text();
        assert!(text.contains("kcare.conf\nPREFIX=48h\n") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_process_of_the_user_is_redacted_under_whatever_number() {
        let container = HOST.replace("kthreadd", "secret");
        let original = host(Tree::parse(&container).unwrap());
        let text = capture(&original, &options(), CaptureOptions { redact: true }).to_text();
        assert!(text.contains("//- proc/2/task/2/comm\nredacted\n"), "{text}");
    }
}
