//! Processes that run code which is no longer on disk: executable mappings of files that were
//! deleted or replaced, in `/proc/<pid>/maps`.
//!
//! Kernel documentation: Documentation/filesystems/proc.rst. All processes are looked at when a
//! package database has changed, and once a day; in between only those that were found, since a
//! process that begins later maps what is there. A file that is under its name has the inode that is
//! mapped; one lookup serves all processes that map it. Whatever differs is looked at again through
//! the root of the process, for it may see other files than we do. Nothing of a process is run or
//! interpreted; scripts are not looked at.

use crate::host::{FileStamp, MappingReader};
use crate::proc_text::process_stat;
use crate::reader::{Reader, malformed};
use crate::remember::Remember;
use crate::sources::livepatch::every_task_is_shown;
use scrubjay_model::{
    Holder, NonValue, Origin, Processes, ReadFault, Reading, SourceDoc, SourceId, StaleFile,
    StaleProcess, Stamp,
};
use std::cell::Cell;
use std::collections::HashMap;
use std::time::Duration;

pub(crate) const DOC: SourceDoc = SourceDoc {
    id: SourceId::Processes,
    reads: &["proc/*/{maps,comm,stat,cgroup}", "proc/*/task/*/{maps,comm}"],
    needs: "root with CAP_SYS_PTRACE, and the host's PID namespace",
    absence: "the root has no /proc: mount the host's, or give its parent directory with --root",
    kernel_doc: "Documentation/filesystems/proc.rst",
};

/// What changes when a package is installed: the databases of dpkg, rpm (of three forms, in two
/// places), pacman and apk.
const PACKAGES: [&str; 8] = [
    "var/lib/dpkg/status",
    "var/lib/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "var/lib/pacman/local",
    "lib/apk/db/installed",
];

/// Files are replaced without a package manager as well.
const AT_LEAST_EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a look at all processes may last. 10,000 of them take a second.
const LONGEST: Duration = Duration::from_secs(20);

/// Processes between two looks at the clock.
const BETWEEN_CLOCKS: usize = 64;

const ALL_MAPS: &str = "proc/*/maps";

/// The mark of a name that is gone. A name may end in it all the same.
const DELETED: &[u8] = b" (deleted)";

/// Where nothing that is mapped comes from a package: memory with a name, devices, System V memory,
/// and what programs make for themselves, such as code translated at run time.
const OWN_MAKE: [&[u8]; 11] = [
    b"/memfd:",
    b"/dev/",
    b"/SYSV",
    b"/[aio]",
    b"/tmp/",
    b"/var/tmp/",
    b"/run/",
    b"/var/run/",
    b"/i915",
    b"/drm",
    b"/anon_hugepage",
];

/// What one look at all processes found.
struct Scan {
    read: u32,
    unread: u32,
    complete: bool,
    /// Why not all processes are shown.
    hidden: Option<NonValue>,
    stale: Vec<StaleProcess>,
    left_out: u32,
}

pub(crate) fn read(reader: &Reader<'_>, _at: &Stamp) -> Reading<Processes> {
    let anew = Cell::new(false);
    let what = Remember { key: "processes/all", files: &PACKAGES, at_most: Some(AT_LEAST_EVERY) };
    let scan = reader.remembered(&what, |reader| {
        anew.set(true);
        scan(reader)
    });
    let Scan { read, unread, complete, hidden, stale, left_out } = match scan.as_ref() {
        Ok(scan) => scan,
        Err(why) => return why.clone().into(),
    };
    // Told here, and not where they were found: the next pass needs not find them again.
    if *unread > 0 {
        let denied = NonValue::Unreadable(Origin::new(ALL_MAPS), ReadFault::Denied);
        let _: Reading<()> = reader.noted(Err(denied));
    }
    if let Some(why) = hidden {
        let _: Reading<()> = reader.noted(Err(why.clone()));
    }
    let stale = if anew.get() { stale.clone() } else { still_stale(reader, stale) };
    Reading::Value(Processes {
        read: *read,
        unread: *unread,
        complete: *complete && hidden.is_none(),
        stale,
        left_out: *left_out,
    })
}

fn scan(reader: &Reader<'_>) -> Result<Scan, NonValue> {
    let pids = reader.indexed("proc", "").into_result()?;
    if pids.is_empty() {
        return Err(NonValue::Absent(Origin::new("proc/1/maps")));
    }
    let hidden = every_task_is_shown(reader).err();
    let (mut read, mut unread, mut left_out) = (0_u32, 0_u32, 0_u32);
    let mut stale = Vec::new();
    let mut complete = true;
    let mut eyes = Eyes::new(reader);
    let began = reader.clocks().monotonic;
    for (position, pid) in pids.into_iter().enumerate() {
        if position % BETWEEN_CLOCKS == 0 && has_passed(reader, began, LONGEST) {
            complete = false;
            let late = NonValue::Unreadable(Origin::new(ALL_MAPS), ReadFault::Deadline);
            let _: Reading<()> = reader.noted(Err(late));
            break;
        }
        match eyes.look(pid) {
            Ok(Looked::Nothing) => {}
            Ok(Looked::Current) => read = read.saturating_add(1),
            Ok(Looked::Stale(process)) => {
                read = read.saturating_add(1);
                if stale.len() < Processes::MOST {
                    stale.push(*process);
                } else {
                    left_out = left_out.saturating_add(1);
                }
            }
            Err(NonValue::Unreadable(_, ReadFault::Denied)) => unread = unread.saturating_add(1),
            Err(
                why @ (NonValue::Absent(_) | NonValue::Unreadable(..) | NonValue::Malformed(..)),
            ) => {
                complete = false;
                let _: Reading<()> = reader.noted(Err(why));
            }
        }
    }
    Ok(Scan { read, unread, complete, hidden, stale, left_out })
}

fn has_passed(reader: &Reader<'_>, began: Option<Duration>, longest: Duration) -> bool {
    let passed = reader.clocks().monotonic.zip(began);
    passed.and_then(|(now, began)| now.checked_sub(began)).is_some_and(|passed| passed > longest)
}

/// Those of before that have neither ended nor been started anew.
fn still_stale(reader: &Reader<'_>, before: &[StaleProcess]) -> Vec<StaleProcess> {
    let mut eyes = Eyes::new(reader);
    let still = before.iter().filter_map(|old| match eyes.look(old.pid) {
        Ok(Looked::Stale(now)) => (now.started.value() == old.started.value()).then_some(*now),
        Ok(Looked::Nothing | Looked::Current) | Err(NonValue::Absent(_)) => None,
        // What cannot be read now was stale a moment ago.
        Err(NonValue::Unreadable(..) | NonValue::Malformed(..)) => Some(old.clone()),
    });
    still.collect()
}

/// What the mappings of a process say.
enum Looked {
    /// It has none: a thread of the kernel, or a process that is ending.
    Nothing,
    Current,
    Stale(Box<StaleProcess>),
}

/// Looks at one process after the other, and remembers the files it has seen.
struct Eyes<'r, 'h> {
    reader: &'r Reader<'h>,
    mappings: MappingReader,
    /// Inodes by name, as we see them ourselves; `None` where that is not known or nothing is there.
    known: HashMap<Vec<u8>, Option<u64>>,
    /// What the process maps that is not what we see under that name.
    suspects: Vec<(Vec<u8>, u64)>,
    /// The root of process 1.
    root: Option<FileStamp>,
}

impl<'r, 'h> Eyes<'r, 'h> {
    fn new(reader: &'r Reader<'h>) -> Self {
        Self {
            reader,
            mappings: MappingReader::default(),
            known: HashMap::new(),
            suspects: Vec::new(),
            root: reader.stamp("proc/1/root"),
        }
    }

    fn look(&mut self, pid: u32) -> Result<Looked, NonValue> {
        let path = format!("proc/{pid}/maps");
        let (path, count) = match self.map(&path) {
            Ok(0) | Err(NonValue::Absent(_)) => match self.map_another_thread(pid)? {
                Some(found) => found,
                None => return Ok(Looked::Nothing),
            },
            count => (path, count?),
        };
        if count == 0 {
            return Ok(Looked::Nothing);
        }
        let suspects = std::mem::take(&mut self.suspects);
        let mut stale: Vec<(StaleFile, u64)> = Vec::new();
        let mut lines = String::new();
        for (name, inode) in &suspects {
            if let Some(file) = self.judge(pid, name, *inode) {
                lines.push_str(&line(name, *inode));
                if !stale.iter().any(|(other, _)| *other == file) {
                    stale.push((file, *inode));
                }
            }
        }
        if stale.is_empty() {
            return Ok(Looked::Current);
        }
        self.reader.stands_for(&path, lines.as_bytes());
        Ok(Looked::Stale(Box::new(self.describe(pid, stale))))
    }

    /// Gathers what a process maps and what is not known to be there.
    fn map(&mut self, path: &str) -> Result<u32, NonValue> {
        let Self { reader, mappings, known, suspects, .. } = self;
        suspects.clear();
        reader.mappings(path, mappings, &mut |mapped| {
            // Code is never mapped to be written back; what is shared is memory with a name.
            if mapped.shared {
                return;
            }
            let seen = match known.get(mapped.name) {
                Some(seen) => *seen,
                None => {
                    let seen = inode(reader, mapped.name);
                    known.insert(mapped.name.to_vec(), seen);
                    seen
                }
            };
            if seen != Some(mapped.inode) {
                suspects.push((mapped.name.to_vec(), mapped.inode));
            }
        })
    }

    /// Of a process whose first thread has ended, `maps` is empty, while the others run on. A thread
    /// of the kernel has no other.
    fn map_another_thread(&mut self, pid: u32) -> Result<Option<(String, u32)>, NonValue> {
        let tids = match self.reader.indexed(&format!("proc/{pid}/task"), "").into_result() {
            Err(NonValue::Absent(_)) => return Ok(None),
            tids => tids?,
        };
        for tid in tids.into_iter().filter(|tid| *tid != pid) {
            let path = format!("proc/{pid}/task/{tid}/maps");
            match self.map(&path) {
                Ok(0) | Err(NonValue::Absent(_)) => {}
                count => return Ok(Some((path, count?))),
            }
        }
        Ok(None)
    }

    /// Whether a mapped file is gone from under its name, and if so, what it was.
    fn judge(&self, pid: u32, name: &[u8], inode: u64) -> Option<StaleFile> {
        let (plain, marked) = match name.strip_suffix(DELETED) {
            Some(plain) => (plain, true),
            None => (name, false),
        };
        if OWN_MAKE.iter().any(|own| plain.starts_with(own)) || plain.ends_with(b".tmp") {
            return None;
        }
        let path = String::from_utf8_lossy(plain).into_owned();
        let seen = |name: &[u8]| self.seen(pid, name);
        // What it sees under the very name, which may end in the mark.
        let there = seen(name);
        if inode_of(there) == Some(inode) {
            return None;
        }
        let replaced = if marked {
            // The kernel says so itself; under the plain name there may be something else now, or
            // the same file again.
            let there = seen(plain).or_else(|| self.reader.stamp(relative(plain)?));
            if inode_of(there) == Some(inode) {
                return None;
            }
            matches!(there, Some(FileStamp::There { .. }))
        } else {
            // A name that leads nowhere is one of a file system that we do not see.
            matches!(there, Some(FileStamp::There { .. })).then_some(true)?
        };
        Some(StaleFile { path, replaced })
    }

    /// What a process sees under a name.
    fn seen(&self, pid: u32, name: &[u8]) -> Option<FileStamp> {
        let root = format!("proc/{pid}/root");
        self.reader.stamp(&format!("{root}/{}", relative(name)?))
    }

    fn describe(&self, pid: u32, stale: Vec<(StaleFile, u64)>) -> StaleProcess {
        let reader = self.reader;
        let comm = reader.statistics(&format!("proc/{pid}/comm")).map(|bytes| {
            let name = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            String::from_utf8_lossy(name).into_owned()
        });
        let stat = format!("proc/{pid}/stat");
        let started = reader.statistics(&stat).into_result().and_then(|bytes| {
            let expected = "the state of a process as the kernel prints it";
            let parsed = process_stat(&bytes).ok_or_else(|| malformed(&stat, expected, &bytes))?;
            Ok(parsed.starttime)
        });
        let started = reader.noted(started);
        let groups = reader.statistics(&format!("proc/{pid}/cgroup"));
        let groups = groups.value().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let group = groups.as_deref().and_then(control_group);
        let (holder, unit) = self.holder(pid, group);
        let program = inode_of(reader.stamp(&format!("proc/{pid}/exe")));
        let program = program.is_some_and(|own| stale.iter().any(|(_, inode)| *inode == own));
        let more = stale.len().saturating_sub(StaleProcess::MOST_FILES);
        let files = stale.into_iter().map(|(file, _)| file).take(StaleProcess::MOST_FILES);
        StaleProcess {
            pid,
            comm,
            started,
            holder,
            unit,
            program,
            files: files.collect(),
            more_files: u32::try_from(more).unwrap_or(u32::MAX),
        }
    }

    fn holder(&self, pid: u32, group: Option<&str>) -> (Holder, Option<String>) {
        let unit = group.and_then(unit);
        let root = self.reader.stamp(&format!("proc/{pid}/root"));
        let elsewhere =
            self.root.zip(root).is_some_and(|(ours, its)| identity(ours) != identity(its));
        let of_users = group.is_some_and(|group| group.starts_with("/user.slice/"));
        let holder = match unit {
            _ if elsewhere => Holder::Container,
            _ if pid == 1 => Holder::Init,
            _ if of_users => Holder::Session,
            Some("dbus.service" | "dbus-broker.service") => Holder::Bus,
            Some(_) => Holder::Service,
            None => Holder::Other,
        };
        (holder, unit.map(str::to_owned))
    }
}

/// What we see under a name.
fn inode(reader: &Reader<'_>, name: &[u8]) -> Option<u64> {
    inode_of(reader.stamp(relative(name)?))
}

fn relative(name: &[u8]) -> Option<&str> {
    std::str::from_utf8(name.strip_prefix(b"/")?).ok()
}

fn inode_of(stamp: Option<FileStamp>) -> Option<u64> {
    identity(stamp?).map(|(_, inode)| inode)
}

/// Device and inode. File systems that show another device for a file than for its mapping (btrfs,
/// overlayfs) show the same inode.
fn identity(stamp: FileStamp) -> Option<(u64, u64)> {
    match stamp {
        FileStamp::There { identity, .. } => Some(identity),
        FileStamp::Missing => None,
    }
}

/// The control group that systemd made: that of the unified hierarchy, or the one of its name.
fn control_group(text: &str) -> Option<&str> {
    let of = |hierarchy: &str| {
        text.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            (controllers == hierarchy && path != "/").then_some(path)
        })
    };
    of("name=systemd").or_else(|| of(""))
}

/// The innermost unit of processes in a control group.
fn unit(group: &str) -> Option<&str> {
    group.rsplit('/').find(|part| part.ends_with(".service") || part.ends_with(".scope"))
}

/// A mapping as a capture keeps it.
fn line(name: &[u8], inode: u64) -> String {
    let name = String::from_utf8_lossy(name).replace('\n', "\\012");
    format!("0-1000 r-xp 00000000 00:00 {inode} {name}\n")
}

#[cfg(test)]
pub(crate) mod tests;
