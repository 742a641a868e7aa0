//! Making packages as `dist/package` makes them, and a history as an older version would have left it.

use crate::harness::{SCRUBJAY, output};
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// What the packages of these tests say of their time.
pub(crate) const EPOCH: &str = "1767225600";

/// The version to upgrade from.
pub(crate) const OLDER: &str = "0.0.9";

/// The version of this one.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The binary that is packaged: the static one, if it was built.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("SCRUBJAY_STATIC").map_or_else(|| PathBuf::from(SCRUBJAY), PathBuf::from)
}

/// Makes the packages of one version into a folder. Without the programs it says so.
pub(crate) fn make(version: &str, out: &Path) -> bool {
    for tool in ["dpkg-deb", "rpmbuild"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        if found.is_err() {
            println!("skipped: {tool} is missing");
            return false;
        }
    }
    let mut package = Command::new(repository().join("dist/package"));
    package.arg("--fast").arg("--binary").arg(binary()).arg("--out").arg(out);
    package.args(["--epoch", EPOCH, "--package-version", version]).stdin(Stdio::null());
    let (code, stdout, stderr) = output(&mut package);
    assert_eq!(code, 0, "{stdout}{stderr}");
    true
}

/// The packages of an older version and of this one; made once for all tests of a process.
pub(crate) struct Packages {
    dir: tempfile::TempDir,
    made: bool,
}

impl Packages {
    pub(crate) fn get() -> Option<&'static Self> {
        static MADE: OnceLock<Packages> = OnceLock::new();
        let packages = MADE.get_or_init(|| {
            let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let made = [OLDER, VERSION].iter().all(|version| make(version, dir.path()));
            Packages { dir, made }
        });
        if !packages.made {
            println!("skipped: the packages cannot be made here");
        }
        packages.made.then_some(packages)
    }

    /// The package of a version that ends like this.
    pub(crate) fn file(&self, version: &str, ending: &str) -> PathBuf {
        let mut found = Vec::new();
        for file in std::fs::read_dir(self.dir.path()).unwrap() {
            let name = file.unwrap().file_name().into_string().unwrap();
            if name.contains(version) && name.ends_with(ending) {
                found.push(self.dir.path().join(name));
            }
        }
        assert_eq!(found.len(), 1, "{version}, {ending}: {found:?}");
        found.remove(0)
    }

    /// The tree of files, unpacked.
    pub(crate) fn tree(&self, into: &Path) -> PathBuf {
        let archive = self.file(VERSION, ".tar.gz");
        let mut tar = Command::new("tar");
        assert!(tar.arg("-xzf").arg(&archive).arg("-C").arg(into).status().unwrap().success());
        let name = archive.file_name().unwrap().to_str().unwrap();
        into.join(name.strip_suffix(".tar.gz").unwrap())
    }
}

fn sha256(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("line");
    std::fs::write(&file, text).unwrap();
    let (code, sum, _) = output(Command::new("sha256sum").arg(file));
    assert_eq!(code, 0);
    sum.split(' ').next().unwrap().to_owned()
}

/// What an agent of schema version 4 left of a host: 40 errors of a stick, and a ledger of two rows.
/// Returns the head of that ledger, as somebody may have noted it.
pub(crate) fn history_of_version_4(file: &Path) -> String {
    let schema = repository().join("storage/sql/create_v4.sql");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let conn = Connection::open(file).unwrap();
    conn.execute_batch(&std::fs::read_to_string(schema).unwrap()).unwrap();
    conn.execute_batch(
        "INSERT INTO history VALUES (1, 1700000000000);
         INSERT INTO boot (id, boot_id, booted_wall_ms, last_wall_ms, ended, evidence)
           VALUES (1, '00000001-0000-4000-8000-000000000000', 1699990000000, 1700000000000, 'running', '');
         INSERT INTO controller (id, key) VALUES (1, 'mc-x');
         INSERT INTO series (id, controller, place, class, since_wall_ms)
           VALUES (1, 1, 'dimm0', 'correctable', 1);
         INSERT INTO counter_state (series, boot, value, total, restarts) VALUES (1, 1, 7, 40, 3);
         PRAGMA application_id = 0x6a617931;
         PRAGMA user_version = 4;",
    )
    .unwrap();
    let mut head = "0".repeat(64);
    let rows =
        [("history", r#"{"detail":"","what":"begun"}"#), ("clock_step", r#"{"by_ms":100000}"#)];
    for (seq, (kind, body)) in (1..).zip(rows) {
        let line = format!(
            r#"{{"body":{body},"boot":"unknown","kind":"{kind}","prev":"{head}","seq":{seq},"since_boot_ms":null,"wall_ms":1700000000000}}"#
        );
        head = sha256(&line);
        conn.execute(
            &format!("INSERT INTO ledger VALUES (?1, 1700000000000, ?2, ?3, x'{head}')"),
            (seq, kind, &line),
        )
        .unwrap();
    }
    // As the unit's UMask= has it.
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o640)).unwrap();
    format!("2:{head}")
}
