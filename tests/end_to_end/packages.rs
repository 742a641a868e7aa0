//! The packages: installed, upgraded, removed and purged in clean roots, and what they hold. The
//! package of Debian is tried in a Debian that `debootstrap` made: once without a service manager, with
//! the unit's own command line started by the test, and once booted, with systemd in charge. The one
//! of rpm is installed into such a root by rpm's own means.

mod contents;
mod image;
mod making;
mod root;

use crate::harness::{Agent, output};
use making::{OLDER, Packages, VERSION, history_of_version_4, make, repository};
use root::Root;
use scrubjay_tests::trees;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Stdio};

const UNIT: &str = "usr/lib/systemd/system/scrubjay.service";
const ENABLED: &str = "etc/systemd/system/multi-user.target.wants/scrubjay.service";
/// Where the socket of `scrubjay serve` is once somebody enabled it.
const SERVES: &str = "etc/systemd/system/sockets.target.wants/scrubjay-serve.socket";
const DATABASE: &str = "var/lib/scrubjay/history.db";

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap()
}

/// The command line of the unit that is installed.
fn exec_start(root: &Root) -> Vec<String> {
    let unit = std::fs::read_to_string(root.path(UNIT)).unwrap();
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
    line.split(' ').map(str::to_owned).collect()
}

/// Says which host is looked at, as an admin would: in a file beside the configuration.
fn watch_a_host(root: &Root, port: &str) {
    root.write("usr/local/share/host.tree", &trees::host("busy-server"));
    let config = format!(
        "[collector]\nroot = \"/usr/local/share/host.tree\"\n[agent]\nstate_dir = \"/var/lib/scrubjay\"\n\
         [web]\nlisten_address = \"127.0.0.1:{port}\"\n"
    );
    root.write("etc/scrubjay/config.d/host.toml", &config);
}

/// Starts what the unit starts, until it has made a pass, and ends it in order.
fn run_the_service(root: &Root) -> String {
    let line = exec_start(root);
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    assert_eq!(words, ["/usr/bin/scrubjay", "agent"]);
    let mut command = root.command(&words);
    command.env("STATE_DIRECTORY", "/var/lib/scrubjay");
    let agent = Agent::launch(&mut command);
    let page = agent.metrics_after(1);
    assert_eq!(agent.get("/readyz").0, 200);
    assert_eq!(agent.stop(), 0, "the unit's SIGTERM is an end in order");
    page
}

/// What differs between two lists, less what every installation of any package leaves.
fn left_over(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    // Notes of apt and dpkg, caches that programs of theirs make, copies that useradd makes of
    // its files, and the locks of both.
    let of_others = [
        "var/lib/dpkg/",
        "var/lib/apt/",
        "var/cache/",
        "var/log/",
        "etc/passwd-",
        "etc/group-",
        "etc/shadow-",
        "etc/gshadow-",
        "etc/subuid-",
        "etc/subgid-",
        "etc/.pwd.lock",
        "var/lib/systemd/deb-systemd-helper-",
    ];
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    paths
        .into_iter()
        .filter(|path| !of_others.iter().any(|other| path.starts_with(other)))
        .filter(|path| before.get(*path) != after.get(*path))
        .map(|path| format!("{path}: {:?}, {:?}", before.get(path), after.get(path)))
        .collect()
}

#[test]
fn the_debian_package_is_installed_run_upgraded_removed_and_purged() {
    let (Some(packages), Some(root)) = (Packages::get(), Root::new()) else { return };
    for version in [OLDER, VERSION] {
        let to = root.path(&format!("srv/scrubjay-{version}.deb"));
        std::fs::copy(packages.file(version, ".deb"), to).unwrap();
    }
    watch_a_host(&root, "0");
    let before = {
        // What the test itself put there is there before and after.
        let mut files = root.files();
        files.retain(|path, _| !path.starts_with("etc/scrubjay"));
        files
    };

    root.run(&format!("apt-get install --yes /srv/scrubjay-{OLDER}.deb"));
    assert!(root.path(ENABLED).symlink_metadata().unwrap().is_symlink(), "it is enabled");
    assert_eq!(root.run("dpkg --verify scrubjay"), "", "files are as they were packaged");
    assert_eq!(root.run("scrubjay --version"), format!("scrubjay {VERSION}\n"));
    for user in ["scrubjay", "scrubjay-agent"] {
        assert!(root.run(&format!("getent passwd {user}")).ends_with(":/usr/sbin/nologin\n"));
    }
    assert_eq!(root.run("id --groups --name scrubjay-agent"), "scrubjay-agent scrubjay\n");
    let listed = root.run("dpkg-query --show --showformat='${Conffiles}' scrubjay");
    assert_eq!(listed.split_whitespace().next(), Some("/etc/scrubjay/scrubjay.toml"));

    // An older version ran here for years.
    let head = history_of_version_4(&root.path(DATABASE));
    // An admin set something, and disabled nothing.
    let edited =
        read("dist/etc/scrubjay/scrubjay.toml").replace("uptime_days = 0", "uptime_days = 900");
    root.write("etc/scrubjay/scrubjay.toml", &edited);

    root.run(&format!("apt-get install --yes /srv/scrubjay-{VERSION}.deb"));
    assert_eq!(
        root.run("dpkg-query --show --showformat='${Version}' scrubjay"),
        format!("{VERSION}-1")
    );
    assert_eq!(std::fs::read_to_string(root.path("etc/scrubjay/scrubjay.toml")).unwrap(), edited);
    assert!(root.path(ENABLED).exists() || root.path(ENABLED).symlink_metadata().is_ok());
    assert!(root.run("scrubjay db migrate --dry-run").contains("4"), "it would be upgraded");

    let page = run_the_service(&root);
    assert!(page.contains(&format!("scrubjay_build_info{{version=\"{VERSION}\"}}")), "{page}");
    assert!(root.run("scrubjay status").starts_with("scrubjay: "));
    assert!(root.run("scrubjay db check").contains("whole"));
    // Who noted the head before the upgrade finds it in the ledger afterwards.
    root.run(&format!("scrubjay ledger verify --expect {head}"));
    let export = root.run("scrubjay ledger export");
    assert!(export.contains("from schema version 4 to "), "{export}");
    assert!(export.contains(r#"{"of":"mc-x/dimm0 correctable","sum":40}"#), "{export}");

    // Removed: the history and the configuration stay, and nothing starts any more.
    root.run("apt-get remove --yes scrubjay");
    assert!(root.path(DATABASE).exists());
    assert!(root.path("etc/scrubjay/scrubjay.toml").exists());
    assert!(!root.path("usr/bin/scrubjay").exists());
    let masked = root.path("etc/systemd/system/scrubjay.service");
    assert_eq!(std::fs::read_link(masked).unwrap(), Path::new("/dev/null"));

    // Installed again it goes on with what was there.
    root.run(&format!("apt-get install --yes /srv/scrubjay-{VERSION}.deb"));
    assert!(root.path(ENABLED).symlink_metadata().is_ok(), "enabled again");
    root.run(&format!("scrubjay ledger verify --expect {head}"));

    root.run("apt-get purge --yes scrubjay");
    assert_eq!(left_over(&before, &root.files()), [] as [&str; 0]);
    // The accounts alone are left, as files elsewhere may be theirs.
    root.run("getent passwd scrubjay scrubjay-agent");
    assert_eq!(root.run("dpkg --audit"), "");
}

#[test]
fn purging_empties_a_disk_that_is_mounted_where_the_history_is() {
    let (Some(packages), Some(root)) = (Packages::get(), Root::new()) else { return };
    let to = root.path("srv/scrubjay.deb");
    std::fs::copy(packages.file(VERSION, ".deb"), to).unwrap();
    root.run("dpkg --install /srv/scrubjay.deb");
    let left = root.run(
        "mkdir /var/lib/scrubjay && mount -t tmpfs none /var/lib/scrubjay && mkdir /var/lib/scrubjay/kept && \
         touch /var/lib/scrubjay/history.db /var/lib/scrubjay/kept/.old && \
         apt-get purge --yes scrubjay >/dev/null && find /var/lib/scrubjay /etc/scrubjay 2>/dev/null; \
         dpkg --audit",
    );
    assert_eq!(left, "/var/lib/scrubjay\n");
}

/// Runs a script as the last thing of the boot, and then powers off.
const TRIAL: &str = "[Unit]
After=multi-user.target
SuccessAction=poweroff
FailureAction=poweroff
[Service]
Type=oneshot
Environment=DEBIAN_FRONTEND=noninteractive LC_ALL=C
ExecStartPre=/usr/bin/touch /srv/booted
ExecStart=/bin/bash /srv/under-systemd
StandardOutput=file:/srv/transcript
StandardError=inherit
";

#[test]
fn systemd_starts_restarts_and_stops_what_the_debian_package_brings() {
    let (Some(packages), Some(root)) = (Packages::get(), Root::with_systemd()) else { return };
    if !is_there("systemd-nspawn") {
        return;
    }
    for (version, name) in [(OLDER, "older"), (VERSION, "newer")] {
        std::fs::copy(packages.file(version, ".deb"), root.path(&format!("srv/{name}.deb")))
            .unwrap();
    }
    watch_a_host(&root, "10072");
    let head = history_of_version_4(&root.path(DATABASE));
    root.write("srv/head", &head);
    // What the page has for an agent that is not root.
    let page = read("docs/configuration.md");
    let (_, user) =
        page.split_once("# /etc/systemd/system/scrubjay.service.d/user.conf\n").unwrap();
    root.write("srv/user.conf", user.split_once("```").unwrap().0);
    root.write("srv/under-systemd", &read("tests/end_to_end/packages/under-systemd"));
    root.write("etc/systemd/system/trial.service", TRIAL);
    let wants = root.path("etc/systemd/system/default.target.wants");
    std::fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("../trial.service", wants.join("trial.service")).unwrap();
    let console = root.boot();
    if !root.path("srv/booted").exists() {
        let last = console.lines().rev().take(3).collect::<Vec<_>>().join(" | ");
        println!("skipped: systemd cannot be booted in a container here: {last}");
        return;
    }
    let transcript = std::fs::read_to_string(root.path("srv/transcript")).unwrap();
    println!("{transcript}");
    assert_eq!(transcript.lines().last(), Some("done"), "{transcript}\n{console}");
    // What the script asked, in the order in which it asked; some of it is to be different later.
    let unit = read(&format!("dist/{UNIT}"));
    let group = unit.lines().find_map(|line| line.strip_prefix("Group=")).unwrap_or("root");
    let mut rest = transcript.as_str();
    for wanted in [
        "# systemctl is-enabled scrubjay\nenabled\n",
        "# systemctl is-active scrubjay\nactive\n",
        "# systemctl is-enabled scrubjay-serve.socket\ndisabled\n",
        "# systemctl is-active scrubjay-serve.socket\ninactive\n",
        "# systemctl is-enabled scrubjay-serve.socket\ndisabled\n",
        &format!("750 root:{group} /var/lib/scrubjay\n"),
        &format!("640 root:{group} /var/lib/scrubjay/history.db\n"),
        "The ledger is intact",
        "# served\nHTTP/1.0 200 OK\n",
        "# apt-get install --yes /srv/newer.deb\n",
        "# systemctl is-active scrubjay\nactive\n",
        "restarted\n",
        "# systemctl is-enabled scrubjay-serve.socket\nenabled\n",
        "# systemctl is-active scrubjay-serve.socket\nactive\n",
        "# served\nHTTP/1.0 200 OK\n",
        "The ledger is intact",
        "User=scrubjay-agent\n",
        "750 scrubjay-agent:scrubjay /var/lib/scrubjay\n",
        "640 scrubjay-agent:scrubjay /var/lib/scrubjay/history.db\n",
        "750 scrubjay-agent:scrubjay /run/scrubjay/agent\n",
        "# served\nHTTP/1.0 200 OK\n",
        "750 root:scrubjay /var/lib/scrubjay\n",
        "640 root:scrubjay /var/lib/scrubjay/history.db\n",
        "# served\nHTTP/1.0 200 OK\n",
        "# apt-get install --yes --reinstall /srv/newer.deb\n",
        "# systemctl is-active scrubjay\ninactive\n",
        "# apt-get remove --yes scrubjay\n",
        "# systemctl is-active scrubjay\ninactive\n",
        "# apt-get purge --yes scrubjay\n",
    ] {
        let (_, after) =
            rest.split_once(wanted).unwrap_or_else(|| panic!("{wanted}: {transcript}"));
        rest = after;
    }
}

#[test]
fn a_unit_that_was_disabled_stays_disabled_over_an_upgrade() {
    let (Some(packages), Some(root)) = (Packages::get(), Root::new()) else { return };
    for version in [OLDER, VERSION] {
        let to = root.path(&format!("srv/scrubjay-{version}.deb"));
        std::fs::copy(packages.file(version, ".deb"), to).unwrap();
    }
    root.run(&format!("dpkg --install /srv/scrubjay-{OLDER}.deb"));
    // What `systemctl disable` does.
    std::fs::remove_file(root.path(ENABLED)).unwrap();
    root.run(&format!("dpkg --install /srv/scrubjay-{VERSION}.deb"));
    assert!(root.path(ENABLED).symlink_metadata().is_err());
}

#[test]
fn the_socket_of_serve_is_enabled_by_the_admin_alone_and_stays_so_over_upgrades() {
    let (Some(packages), Some(root)) = (Packages::get(), Root::new()) else { return };
    for version in [OLDER, VERSION] {
        let to = root.path(&format!("srv/scrubjay-{version}.deb"));
        std::fs::copy(packages.file(version, ".deb"), to).unwrap();
    }
    let is_enabled = || root.path(SERVES).symlink_metadata().is_ok();
    root.run(&format!("dpkg --install /srv/scrubjay-{OLDER}.deb"));
    assert!(!is_enabled() && root.path(ENABLED).symlink_metadata().is_ok());
    root.run(&format!("dpkg --install /srv/scrubjay-{VERSION}.deb"));
    assert!(!is_enabled(), "not by an upgrade either");
    // What `systemctl enable` does.
    let link = root.path(SERVES);
    std::fs::create_dir_all(link.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/usr/lib/systemd/system/scrubjay-serve.socket", link).unwrap();
    root.run(&format!("dpkg --install /srv/scrubjay-{VERSION}.deb"));
    assert!(is_enabled());
    // And nothing of it outlives the package.
    root.run("dpkg --purge scrubjay");
    assert!(!is_enabled());
}

#[test]
fn the_package_of_rpm_is_installed_upgraded_verified_and_erased() {
    let (Some(packages), Some(root)) = (Packages::get(), Root::new()) else { return };
    for (version, name) in [(OLDER, "older"), (VERSION, "newer")] {
        let to = root.path(&format!("srv/{name}.rpm"));
        std::fs::copy(packages.file(version, ".rpm"), to).unwrap();
    }
    watch_a_host(&root, "0");
    let mut before = root.files();
    before.retain(|path, _| !path.starts_with("etc/scrubjay"));
    let rpm = |words: &[&str]| {
        let mut command = Command::new("rpm");
        command.arg("--root").arg(root.as_path()).args(["--dbpath", "/var/lib/rpm"]).args(words);
        command.stdin(Stdio::null());
        let (code, stdout, stderr) = output(&mut command);
        println!("# rpm --root … {}\n{stdout}{stderr}", words.join(" "));
        assert_eq!(code, 0, "rpm {words:?}: {stdout}{stderr}");
        stdout
    };
    let (older, newer) = (root.path("srv/older.rpm"), root.path("srv/newer.rpm"));
    let (older, newer) = (older.to_str().unwrap(), newer.to_str().unwrap());
    rpm(&["--initdb"]);
    // The shell that the scripts need is there, though no package of rpm brought it.
    rpm(&["--install", "--nodeps", older]);
    let requires = rpm(&["--query", "--requires", "scrubjay"]);
    let unmet: Vec<&str> = requires
        .lines()
        .filter(|line| !line.starts_with("rpmlib(") && !line.starts_with("config("))
        .collect();
    assert!(unmet.iter().all(|line| *line == "/bin/sh"), "{unmet:?}");
    let head = history_of_version_4(&root.path(DATABASE));
    let edited =
        read("dist/etc/scrubjay/scrubjay.toml").replace("uptime_days = 0", "uptime_days = 900");
    root.write("etc/scrubjay/scrubjay.toml", &edited);

    rpm(&["--upgrade", "--nodeps", newer]);
    assert_eq!(std::fs::read_to_string(root.path("etc/scrubjay/scrubjay.toml")).unwrap(), edited);
    root.write("etc/scrubjay/scrubjay.toml", &read("dist/etc/scrubjay/scrubjay.toml"));
    run_the_service(&root);
    root.run(&format!("scrubjay ledger verify --expect {head}"));
    // Times of the one file that was edited above.
    assert_eq!(rpm(&["--verify", "--nodeps", "--nomtime", "scrubjay"]), "");
    assert_eq!(rpm(&["--query", "--configfiles", "scrubjay"]), "/etc/scrubjay/scrubjay.toml\n");

    rpm(&["--erase", "scrubjay"]);
    assert!(root.path(DATABASE).exists(), "the history outlives the package");
    for folder in ["var/lib/scrubjay", "etc/scrubjay", "var/lib/rpm", "srv"] {
        std::fs::remove_dir_all(root.path(folder)).unwrap();
    }
    let left = left_over(&before, &root.files());
    // Here no package owns the folders that systemd brings everywhere else.
    let ours = |path: &&String| {
        !["srv", "var/lib/rpm", "usr/lib/sysusers.d:", "usr/lib/systemd/system-preset:"]
            .iter()
            .any(|o| path.starts_with(o))
    };
    assert_eq!(left.iter().filter(ours).collect::<Vec<_>>(), [] as [&String; 0]);
}

#[test]
fn the_same_binary_and_epoch_make_the_same_bytes() {
    let Some(packages) = Packages::get() else { return };
    let again = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    // Another folder, another time.
    assert!(make(VERSION, again.path()));
    for ending in [".deb", ".rpm", ".tar.gz"] {
        let first = packages.file(VERSION, ending);
        let second = again.path().join(first.file_name().unwrap());
        assert!(std::fs::read(first).unwrap() == std::fs::read(second).unwrap(), "{ending}");
    }
}

/// Whether a program can be run at all.
fn is_there(program: &str) -> bool {
    let mut asked = Command::new(program);
    let there = asked.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !there {
        println!("skipped: {program} is missing");
    }
    there
}

#[test]
fn lintian_finds_no_error_in_the_debian_package() {
    let Some(packages) = Packages::get() else { return };
    if !is_there("lintian") {
        return;
    }
    let mut lintian = Command::new("lintian");
    lintian.args(["--fail-on", "error", "--no-tag-display-limit", "--allow-root"]);
    let (code, tags, stderr) = output(lintian.arg(packages.file(VERSION, ".deb")));
    println!("{tags}");
    assert_eq!(code, 0, "{tags}{stderr}");
}
