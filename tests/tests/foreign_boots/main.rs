//! Boot histories that other tools wrote, read by us.

#![expect(clippy::disallowed_methods, reason = "runs utmpdump and Python on files of its own")]

use scrubjay_collector::{HostRoot, foreign_boots};
use scrubjay_model::{
    BootMemory, Clocks, ForeignBoots, ImportedBoot, Reading, availability, merged_boots,
};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

fn read(root: &Path, memory: BootMemory) -> Reading<ForeignBoots> {
    let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
    let host = HostRoot::open(root, Arc::new(move || clocks)).unwrap();
    let all = foreign_boots(&host);
    all.into_iter().find(|(found, _)| *found == memory).unwrap().1
}

fn put(root: &Path, path: &str, bytes: &[u8]) -> PathBuf {
    let path = root.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, bytes).unwrap();
    path
}

fn told(found: &ForeignBoots) -> Vec<String> {
    let line = |boot: &scrubjay_model::ForeignBoot| {
        format!(
            "{} {:?} {} {}",
            boot.booted_wall_ms,
            boot.ended_wall_ms,
            boot.kernel_release.as_deref().unwrap_or("-"),
            boot.end.as_str()
        )
    };
    found.boots.iter().map(line).collect()
}

const TEXT: &str = "\
[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-1-amd64       ] [0.0.0.0        ] [2026-01-02T03:04:05,250000+00:00]
[7] [01234] [ts/0] [jane    ] [pts/0       ] [example.org         ] [192.0.2.1      ] [2026-01-02T04:00:00,000000+00:00]
[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-1-amd64       ] [0.0.0.0        ] [2026-02-02T00:00:00,000000+00:00]
[1] [00000] [~~  ] [shutdown] [~           ] [6.1.0-1-amd64       ] [0.0.0.0        ] [2026-03-02T00:00:00,000000+00:00]
[2] [00000] [~~  ] [reboot  ] [~           ] [6.1.0-2-amd64       ] [0.0.0.0        ] [2026-03-02T00:01:00,000000+00:00]
";

#[test]
fn records_that_utmpdump_wrote_are_boots() {
    let started = Command::new("utmpdump")
        .arg("-r")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut utmpdump) = started else {
        println!("skipped: utmpdump is not there");
        return;
    };
    utmpdump.stdin.take().unwrap().write_all(TEXT.as_bytes()).unwrap();
    let bytes = utmpdump.wait_with_output().unwrap().stdout;
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "var/log/wtmp", &bytes);
    let found = read(folder.path(), BootMemory::Wtmp).into_result().unwrap();
    assert_eq!(
        told(&found),
        [
            "1767323045250 None 6.1.0-1-amd64 unclean",
            "1769990400000 Some(1772409600000) 6.1.0-1-amd64 clean",
            "1772409660000 None 6.1.0-2-amd64 unknown",
        ]
    );
    println!("{} bytes of utmpdump, {} boots", bytes.len(), found.boots.len());
}

#[test]
fn tables_that_sqlite_wrote_are_boots() {
    const SCRIPT: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('CREATE TABLE wtmp(ID INTEGER PRIMARY KEY, Type INTEGER, User TEXT NOT NULL, '
           'Login INTEGER, Logout INTEGER, TTY TEXT, RemoteHost TEXT, Service TEXT)')
for row in ((1, 'reboot', 1000000000, None, '~', '6.1'), (1, 'reboot', 2000000000, 2500000000, '~', '6.2')):
    db.execute('INSERT INTO wtmp (Type, User, Login, Logout, TTY, RemoteHost) VALUES (?,?,?,?,?,?)', row)
db.commit()
";
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "var/lib/wtmpdb/wtmp.db", b"");
    let ran = Command::new("python3").args(["-c", SCRIPT]).arg(&path).output();
    if !ran.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 with its module sqlite3 is not there");
        return;
    }
    let found = read(folder.path(), BootMemory::Wtmpdb).into_result().unwrap();
    assert_eq!(told(&found), ["1000000 None 6.1 unclean", "2000000 Some(2500000) 6.2 clean"]);
}

#[test]
fn histories_of_real_hosts_are_read() {
    let Some(root) = std::env::var_os("SCRUBJAY_CORPUS").map(PathBuf::from) else {
        println!("skipped: SCRUBJAY_CORPUS names no folder");
        return;
    };
    let file = |name: &str| std::fs::read(root.join("boot-history").join(name)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "var/lib/tuptime/tuptime.db", &file("tuptime_5.2.2_one_boot.db"));
    put(root, "var/spool/uptimed/records", &file("uptimed_records"));
    put(root, "var/log/wtmp", &file("plaso/utmp"));
    let expected = "1795429628000 None 6.18.44-fc-v669 unknown";
    for memory in [BootMemory::Tuptime, BootMemory::Uptimed] {
        assert_eq!(told(&read(root, memory).into_result().unwrap()), [expected], "{memory:?}");
    }
    let wtmp = read(root, BootMemory::Wtmp).into_result().unwrap();
    assert_eq!(told(&wtmp), ["1386945909688 None 3.8.0-33-generic unknown"]);
    // Two of them tell of one boot, and wtmp is of another host.
    let imported: Vec<ImportedBoot> = BootMemory::ALL
        .into_iter()
        .filter_map(|memory| read(root, memory).into_result().ok())
        .flat_map(|found| {
            let memory = found.memory;
            found.boots.into_iter().map(move |boot| ImportedBoot { memory, boot })
        })
        .collect();
    let count = imported.len();
    let lines = merged_boots(&[], imported, &BTreeMap::new());
    let sources: Vec<Vec<&str>> = lines
        .iter()
        .map(|line| line.sources.iter().map(|source| source.as_str()).collect())
        .collect();
    assert_eq!(sources, [vec!["wtmp"], vec!["tuptime", "uptimed"]]);
    let sum = availability(&lines).unwrap();
    println!("{count} boots in {} lines, {sum:?}", lines.len());
    assert_eq!(Some(sum.up), lines[1].ran);
    // A boot and a shutdown in one second, on lines that no init writes.
    put(root, "var/log/wtmp", &file("plaso/utmp_x86_64"));
    let wtmp = read(root, BootMemory::Wtmp).into_result().unwrap();
    println!("{:?}, {} not understood", told(&wtmp), wtmp.not_understood);
    assert_eq!(wtmp.boots.len(), 1);
    assert_eq!(wtmp.boots[0].kernel_release, None);
}
