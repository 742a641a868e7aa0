//! Landlock: the kernel keeps a process to the files it lists, whatever its user may read.
//!
//! Rules are for what is there when they are made; a file that is put in the place of another is none
//! of theirs. Reading is therefore allowed by whole trees, of which a source reads somewhere. What is
//! closed stays closed for root too: home directories, /root, /etc but for what sources read there,
//! /srv, /opt, /tmp, and everything for writing but the history. A source that is kept from a file says
//! so: it is *unreadable*, permission denied.
//!
//! A thread that is bound like this may not look into processes that are not: the source `processes`
//! is read from outside ([`Outside`]), and so is nobody's file but `/proc` and what is mapped.

mod trees;

pub(crate) use trees::Trees;

use crate::config::Settings;
use crate::shared;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, LandlockStatus, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use scrubjay_collector::Outside;
use scrubjay_model::{Landlock, OfflineMode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The newest interface whose refusals were tried against what we do.
const KNOWN: ABI = ABI::V6;

/// Trees below the root that sources read. None of them is anybody's home; what is in them is of the
/// kernel, of packages, or of the system's own records.
const SOURCE_TREES: [&str; 22] = [
    "proc",
    "sys",
    "dev/kmsg",
    "boot",
    "efi",
    "lib",
    "usr",
    "run",
    "var/lib/dpkg",
    "var/lib/rpm",
    "var/lib/pacman",
    "var/lib/kpatch",
    "var/lib/lifecycle",
    "var/lib/systemd/pstore",
    "var/lib/uptrack",
    "var/lib/rasdaemon",
    "var/lib/tuptime",
    "var/lib/wtmpdb",
    "var/spool/uptimed",
    "var/cache/uptrack",
    "var/cache/kcare",
    "var/snap/canonical-livepatch",
];

/// Logs, and what of /etc sources read: labels, lists, pins of the boot loader.
const OTHER_TREES: [&str; 10] = [
    "var/log",
    "etc/scrubjay",
    "etc/ras",
    "etc/edac",
    "etc/kernel",
    "etc/modprobe.d",
    "etc/uptrack",
    "etc/sysconfig/kcare",
    "etc/systemd/system/multi-user.target.wants",
    ".scrubjay",
];

/// Single files of /etc that are read: time zone and names.
const FILES: [&str; 2] = ["etc/localtime", "etc/os-release"];

/// Kernel images that lie in the root itself (Debian's links lead to /boot).
const BESIDE_THE_ROOT: [&str; 1] = ["vmlinuz"];

/// What a process is kept to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Trees and files that it may read.
    pub(crate) read: Vec<PathBuf>,
    /// Trees that it may write to.
    pub(crate) write: Vec<PathBuf>,
    /// Whether it connects to anybody.
    pub(crate) connects: bool,
}

/// What an agent needs after it has opened its listeners. `web_files` are those that say who may see it.
pub(crate) fn of_agent(settings: &Settings, web_files: &[PathBuf]) -> Rules {
    let mut rules = of_server(settings, web_files);
    let trees = SOURCE_TREES.iter().chain(&OTHER_TREES).chain(&FILES).chain(&BESIDE_THE_ROOT);
    rules.read.extend(trees.map(|tree| settings.root.join(tree)));
    // Its own account of itself.
    rules.read.push(PathBuf::from("/proc"));
    rules.write.extend(nearest(&settings.state_dir));
    rules.write.extend(shared::runtime_dir());
    if settings.events.is_some() {
        // Our own instance below it; what is everybody's stays closed.
        rules.write.extend(
            ["sys/kernel/tracing/instances", "sys/kernel/debug/tracing/instances"]
                .map(|folder| settings.root.join(folder)),
        );
    }
    if settings.offline.mode != OfflineMode::Off {
        rules.write.push(settings.root.join("sys/devices/system/memory/soft_offline_page"));
    }
    rules
}

/// What whoever answers strangers needs: the history, what says who may see it, and time zones.
pub(crate) fn of_server(settings: &Settings, web_files: &[PathBuf]) -> Rules {
    let mut read = vec![settings.state_dir.clone(), PathBuf::from("/usr/share/zoneinfo")];
    read.extend(web_files.iter().flat_map(|file| folder_of(file)));
    read.extend(["/etc/localtime", "/proc/sys/kernel/random/boot_id"].map(PathBuf::from));
    // What is not there yet will be, and is nobody's secret before.
    Rules { read: read.iter().filter_map(|path| nearest(path)).collect(), ..Rules::default() }
}

/// A path, or the nearest folder above that is there; not the root.
fn nearest(path: &Path) -> Option<PathBuf> {
    let there = path.ancestors().find(|path| path.exists())?;
    there.parent().is_some().then(|| there.to_owned())
}

/// What `scrubjay serve` needs: the same, and what the agent leaves.
pub(crate) fn of_serve(settings: &Settings, web_files: &[PathBuf], left: &[PathBuf]) -> Rules {
    let mut rules = of_server(settings, web_files);
    let folders = left.iter().filter_map(|file| file.parent());
    rules.read.extend(folders.filter_map(nearest));
    rules
}

/// What the thread needs that tells of alerts: names of hosts, certificates and secrets, wherever
/// somebody laid them.
pub(crate) fn of_notices(settings: &Settings) -> Rules {
    let notify = &settings.notify;
    let mut read: Vec<PathBuf> =
        ["/etc", "/run", "/usr", "/lib", "/lib64", "/proc/sys"].map(PathBuf::from).to_vec();
    read.extend(notify.files().iter().flat_map(|file| folder_of(file)));
    Rules { read, write: Vec::new(), connects: true }
}

/// A folder rather than a file: a new file is put in the place of the old one. The folder that the file
/// is really in as well, where it is a link.
fn folder_of(file: &Path) -> Vec<PathBuf> {
    let real = file.canonicalize().ok();
    let folders = [Some(file.to_owned()), real].into_iter().flatten();
    folders.filter_map(|file| file.parent().map(Path::to_owned)).collect()
}

/// A place that stays outside, for what the kernel refuses to whoever is bound; `None` where nobody
/// will be.
pub(crate) fn outside(settings: &Settings) -> io::Result<Option<Arc<Outside>>> {
    let will_be = settings.sandbox && offered().is_ok();
    if will_be { Outside::open().map(Some) } else { Ok(None) }
}

/// The version of the interface that the kernel offers, or why it offers none.
pub(crate) fn offered() -> Result<u32, String> {
    // The only way to ask is to bind somebody: a thread that ends at once.
    let asked = std::thread::Builder::new().name("asks".to_owned()).spawn(|| {
        let nothing = Rules { connects: true, ..Rules::default() };
        restrict(&nothing)
    });
    match asked.map(std::thread::JoinHandle::join) {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err("asking failed (a defect of scrubjay, please report)".to_owned()),
        Err(error) => Err(format!("no thread to ask with: {error}")),
    }
}

/// What the kernel offers.
pub(crate) fn state() -> Landlock {
    match offered() {
        Ok(abi) => Landlock::Enforced { abi, gaps: gaps(abi), excepted: Vec::new() },
        Err(why) => Landlock::Unavailable { why },
    }
}

/// Binds this thread, and those that it starts from now on.
pub(crate) fn bind(settings: &Settings, rules: &Rules) -> Landlock {
    if !settings.sandbox {
        return Landlock::Off;
    }
    match restrict(rules) {
        Ok(abi) => Landlock::Enforced { abi, gaps: gaps(abi), excepted: Vec::new() },
        Err(why) => Landlock::Unavailable { why },
    }
}

/// Binds this thread as far as the kernel can. Returns the version of its interface, or why it cannot.
fn restrict(rules: &Rules) -> Result<u32, String> {
    let status = ruleset(rules)
        .and_then(|rules| rules.restrict_self())
        .map_err(|error| error.to_string())?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            let known = KERNEL_ABIS.iter().find(|(abi, _)| *abi == effective_abi);
            let number = kernel_abi.and_then(|abi| u32::try_from(abi).ok());
            Ok(number.or(known.map(|(_, number)| *number)).unwrap_or_default())
        }
        LandlockStatus::NotEnabled => Err("it is switched off (lsm= does not name it)".to_owned()),
        LandlockStatus::NotImplemented => {
            Err("the kernel has none: it came with Linux 5.13 (CONFIG_SECURITY_LANDLOCK)"
                .to_owned())
        }
    }
}

const KERNEL_ABIS: [(ABI, u32); 10] = [
    (ABI::V1, 1),
    (ABI::V2, 2),
    (ABI::V3, 3),
    (ABI::V4, 4),
    (ABI::V5, 5),
    (ABI::V6, 6),
    (ABI::V7, 7),
    (ABI::V8, 8),
    (ABI::V9, 9),
    (ABI::V10, 10),
];

fn ruleset(rules: &Rules) -> Result<RulesetCreated, RulesetError> {
    let Rules { read, write, connects } = rules;
    let mut kept = Ruleset::default()
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::BindTcp)?
        .scope(Scope::from_all(KNOWN))?;
    if !connects {
        // The last two are younger than what could be tried. No rule of ours allows them to anybody.
        kept = kept
            .handle_access(AccessNet::ConnectTcp)?
            .handle_access(AccessFs::ResolveUnix)?
            .handle_access(AccessNet::BindUdp | AccessNet::ConnectSendUdp)?;
    }
    let mut kept = kept.create()?;
    for (paths, rights) in [(read, reading()), (write, writing())] {
        // A path that is not there is left out: nothing is below it.
        kept = kept.add_rules(path_beneath_rules(paths, rights))?;
    }
    Ok(kept)
}

fn reading() -> BitFlags<AccessFs> {
    AccessFs::ReadFile | AccessFs::ReadDir
}

/// What a history and a trace instance take: files and folders, and nothing that is run, linked to, or
/// talked to.
fn writing() -> BitFlags<AccessFs> {
    reading()
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::MakeDir
        | AccessFs::RemoveFile
        | AccessFs::RemoveDir
        | AccessFs::Refer
}

/// What older versions of the interface leave unguarded.
fn gaps(abi: u32) -> Vec<String> {
    let missing = [
        (3, "truncating files by path"),
        (4, "connections over TCP and TCP ports to listen on"),
        (5, "commands to devices (ioctl)"),
        (6, "signals and abstract sockets of other processes"),
        (9, "sockets of other processes that have a path"),
        (10, "UDP"),
    ];
    let missing = missing.into_iter().filter(|(since, _)| abi < *since);
    missing.map(|(_, what)| what.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scrubjay_collector::SOURCES;

    /// `a/{b,c}/d` as `a/b/d` and `a/c/d`.
    fn spelled_out(pattern: &str) -> Vec<String> {
        let Some((head, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
        let (choices, tail) = rest.split_once('}').unwrap();
        let each =
            choices.split(',').flat_map(|choice| spelled_out(&format!("{head}{choice}{tail}")));
        each.collect()
    }

    #[test]
    fn whatever_a_source_lists_may_be_read() {
        let trees = SOURCE_TREES.iter().chain(&OTHER_TREES).chain(&FILES).chain(&BESIDE_THE_ROOT);
        let trees: Vec<&Path> = trees.map(Path::new).collect();
        for doc in SOURCES {
            for path in doc.reads.iter().flat_map(|pattern| spelled_out(pattern)) {
                let may = trees.iter().any(|tree| Path::new(&path).starts_with(tree));
                assert!(may, "{}: {path}", doc.id.as_str());
            }
        }
    }

    #[test]
    fn what_is_nobody_elses_business_may_not() {
        let trees = SOURCE_TREES.iter().chain(&OTHER_TREES).chain(&FILES).chain(&BESIDE_THE_ROOT);
        let trees: Vec<&Path> = trees.map(Path::new).collect();
        for path in
            ["etc/shadow", "root/.ssh/id_ed25519", "home/alice/x", "srv/x", "etc/ssl/private/k"]
        {
            let may = trees.iter().any(|tree| Path::new(path).starts_with(tree));
            assert!(!may, "{path}");
        }
    }

    #[test]
    fn an_older_kernel_leaves_more_unguarded() {
        assert_eq!(gaps(10), [""; 0]);
        assert_eq!(gaps(6), ["sockets of other processes that have a path", "UDP"]);
        assert_eq!(gaps(2).len(), 6);
        assert!(gaps(4).iter().all(|gap| !gap.contains("ports")));
    }

    fn settings(state: &Path) -> Settings {
        let flags = crate::config::Flags {
            state_dir: Some(state.to_string_lossy().into_owned()),
            ..crate::config::Flags::default()
        };
        let inputs = crate::config::Inputs::of_text("none.toml", "", &flags).unwrap();
        Settings::validate(&inputs).unwrap()
    }

    /// What each kind of thread can do of these: read its history, /proc and what is nobody else's
    /// business; write to its history and beside it.
    #[expect(clippy::disallowed_methods, reason = "tries what is refused, in files of its own")]
    #[test]
    fn a_thread_that_is_bound_reads_what_it_may_and_nothing_else() {
        if let Err(why) = offered() {
            println!("skipped: the kernel keeps nobody to his files: {why}");
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let (state, shut) = (home.path().join("state"), home.path().join("shut"));
        for folder in [&state, &shut] {
            std::fs::create_dir(folder).unwrap();
            std::fs::write(folder.join("file"), "x").unwrap();
        }
        let settings = settings(&state);
        let can = |rules: Rules| {
            let (state, shut) = (state.clone(), shut.clone());
            let tried = std::thread::spawn(move || {
                restrict(&rules).unwrap();
                let reads = |path: PathBuf| std::fs::read(path).is_ok();
                let writes = |path: PathBuf| std::fs::write(path, "x").is_ok();
                [
                    reads(state.join("file")),
                    reads("/proc/self/status".into()),
                    reads(shut.join("file")) || reads("/etc/shadow".into()),
                    writes(state.join("new")),
                    writes(shut.join("new")) || writes("/proc/self/comm".into()),
                    std::net::TcpListener::bind("127.0.0.1:0").is_ok(),
                ]
            });
            tried.join().unwrap()
        };
        // Ports are kept since the fourth version.
        let port = offered().unwrap() < 4;
        assert_eq!(can(of_agent(&settings, &[])), [true, true, false, true, false, port]);
        assert_eq!(can(of_server(&settings, &[])), [true, false, false, false, false, port]);
        assert_eq!(can(of_serve(&settings, &[], &[])), [true, false, false, false, false, port]);
        // A key may lie in a folder of its own, and is put there anew.
        let key = [shut.join("key.pem")];
        assert_eq!(can(of_agent(&settings, &key)), [true, true, true, true, false, port]);
        assert_eq!(can(of_server(&settings, &key)), [true, false, true, false, false, port]);
        // And without any of this all of it can be done, unless the user may not.
        assert!(std::fs::read(shut.join("file")).is_ok());
        assert!(std::fs::write(shut.join("new"), "x").is_ok());
    }

    #[expect(clippy::disallowed_methods, reason = "tries what is refused, in files of its own")]
    #[test]
    fn where_it_may_write_it_makes_files_and_folders_and_nothing_else() {
        if let Err(why) = offered() {
            println!("skipped: the kernel keeps nobody to his files: {why}");
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("root");
        let instances = root.join("sys/kernel/tracing/instances");
        let page = root.join("sys/devices/system/memory/soft_offline_page");
        let flags = crate::config::Flags {
            root: Some(root.to_string_lossy().into_owned()),
            state_dir: Some(home.path().join("state").to_string_lossy().into_owned()),
            ..crate::config::Flags::default()
        };
        let soft = "[pages]\noffline = \"soft\"\n";
        let inputs = crate::config::Inputs::of_text("soft.toml", soft, &flags).unwrap();
        let settings = Settings::validate(&inputs).unwrap();
        for folder in [settings.state_dir.as_path(), &instances, page.parent().unwrap()] {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(&page, "").unwrap();
        let rules = of_agent(&settings, &[]);
        let state = settings.state_dir.clone();
        let tried = std::thread::spawn(move || {
            restrict(&rules).unwrap();
            std::fs::File::options().write(true).open(&page).unwrap();
            for tree in [&state, &instances] {
                let (folder, file) = (tree.join("folder"), tree.join("folder/file"));
                std::fs::create_dir(&folder).unwrap();
                std::fs::write(&file, "x").unwrap();
                std::fs::write(&file, "").unwrap();
                // Into another folder, which is asked for since the second version.
                let moved = std::fs::rename(&file, tree.join("file"));
                assert!(moved.is_ok() || offered().unwrap() < 2);
                std::fs::remove_dir_all(&folder).unwrap();
            }
            let fifo = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
            [
                std::os::unix::fs::symlink("/etc", state.join("link")).is_ok(),
                rustix::fs::mknodat(rustix::fs::CWD, state.join("fifo"), fifo.0, fifo.1, 0).is_ok(),
                std::os::unix::net::UnixListener::bind(state.join("socket")).is_ok(),
                std::fs::File::options()
                    .write(true)
                    .create(true)
                    .truncate(true)
                    .open(page.with_extension("x"))
                    .is_ok(),
            ]
        });
        assert_eq!(tried.join().unwrap(), [false; 4]);
    }
}
