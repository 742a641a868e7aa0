//! What the packages hold: files, pages for man, completions, and one version.

use super::making::{Packages, VERSION, binary, repository};
use super::{is_there, read};
use crate::harness::output;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

#[test]
fn every_command_has_a_page_and_man_has_nothing_to_say_against_any() {
    let pages = tempfile::tempdir().unwrap();
    let mut man = Command::new(binary());
    assert!(man.args(["man", "--out"]).arg(pages.path()).status().unwrap().success());
    let mut names = BTreeSet::new();
    for page in std::fs::read_dir(pages.path()).unwrap() {
        names.insert(page.unwrap().file_name().into_string().unwrap());
    }
    let (_, help, _) = output(Command::new(binary()).arg("--help"));
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let (commands, _) = commands.split_once("\n\n").unwrap();
    let commands: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty())
        .collect();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands {
        assert!(names.contains(&format!("scrubjay-{command}.1")), "{command}");
    }
    assert!(names.contains("scrubjay.1") && names.contains("scrubjay.toml.5"));
    if !is_there("groff") {
        return;
    }
    for name in &names {
        let mut groff = Command::new("groff");
        // Plain text, without overstriking or colour.
        groff.args(["-man", "-ww", "-Kutf8", "-Tutf8", "-P-cbou"]).arg(pages.path().join(name));
        let (code, text, complaints) = output(&mut groff);
        assert_eq!((code, complaints.as_str()), (0, ""), "{name}");
        let words: Vec<&str> = text.split_whitespace().collect();
        assert!(words.join(" ").contains("SEE ALSO scrubjay"), "{name}: {text}");
    }
}

#[test]
fn completions_are_what_each_shell_reads() {
    let scripts = tempfile::tempdir().unwrap();
    for (shell, mark) in
        [("bash", "complete -F"), ("zsh", "#compdef scrubjay"), ("fish", "complete -c scrubjay")]
    {
        let (code, script, _) = output(Command::new(binary()).args(["completions", shell]));
        assert!(
            code == 0 && script.contains(mark) && script.contains("reboot-required"),
            "{shell}"
        );
        std::fs::write(scripts.path().join(shell), script).unwrap();
    }
    let (code, _, stderr) = output(Command::new("bash").arg("-n").arg(scripts.path().join("bash")));
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn the_version_stands_in_one_place_and_the_others_agree() {
    let manifest = read("Cargo.toml");
    let (_, workspace) = manifest.split_once("[workspace.package]\n").unwrap();
    assert_eq!(workspace.lines().next(), Some(format!("version = \"{VERSION}\"").as_str()));
    let kustomization = read("kubernetes/base/kustomization.yaml");
    assert!(kustomization.contains(&format!("newTag: {VERSION}\n")), "{kustomization}");
    assert!(read("docs/kubernetes.md").contains(&format!("newTag: \"{VERSION}\"")));
    // Whatever looks like a version in these is this one.
    for page in ["docs/install.md", "docs/release.md"] {
        let text = read(page);
        let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
        for number in numbers.map(|number| number.trim_matches('.')) {
            assert!(number.split('.').count() != 3 || number == VERSION, "{page}: {number}");
        }
    }
    let Some(packages) = Packages::get() else { return };
    let (_, deb, _) = output(
        Command::new("dpkg-deb").arg("--field").arg(packages.file(VERSION, ".deb")).arg("Version"),
    );
    assert_eq!(deb.trim(), format!("{VERSION}-1"));
    let mut rpm = Command::new("rpm");
    rpm.args(["--query", "--queryformat", "%{VERSION}", "--package"]);
    assert_eq!(output(rpm.arg(packages.file(VERSION, ".rpm"))).1, VERSION);
}

/// Files below a folder, by their path in it.
fn below(folder: &Path) -> BTreeSet<String> {
    let mut find = Command::new("find");
    let (code, list, stderr) = output(find.arg(folder).args(["-type", "f", "-printf", "%P\n"]));
    assert_eq!(code, 0, "{stderr}");
    list.lines().map(str::to_owned).collect()
}

#[test]
fn both_packages_hold_every_file_of_dist_and_name_every_unit_that_can_be_enabled() {
    let Some(packages) = Packages::get() else { return };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let raw = scratch.path().join("deb");
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--raw-extract").arg(packages.file(VERSION, ".deb")).arg(&raw);
    assert_eq!(output(&mut unpack).0, 0);
    let deb = below(&raw);
    let mut list = Command::new("rpm");
    list.args(["--query", "--list", "--package"]).arg(packages.file(VERSION, ".rpm"));
    let rpm = output(&mut list).1;
    let rpm: BTreeSet<&str> = rpm.lines().map(|path| path.trim_start_matches('/')).collect();
    for folder in ["etc", "usr"] {
        for file in below(&repository().join("dist").join(folder)) {
            let path = format!("{folder}/{file}");
            assert!(deb.contains(&path) && rpm.contains(path.as_str()), "{path}");
        }
    }
    // The two differ in what belongs to one distribution alone.
    let of_one = [
        "DEBIAN/",
        "usr/share/lintian/",
        "usr/share/zsh/",
        "usr/share/doc/scrubjay/changelog.Debian",
    ];
    for path in deb.iter().filter(|path| !of_one.iter().any(|other| path.starts_with(other))) {
        assert!(rpm.contains(path.as_str()), "{path}");
    }
    let units = "dist/usr/lib/systemd/system";
    let mut enabled: Vec<String> = below(&repository().join(units)).into_iter().collect();
    enabled.retain(|unit| read(&format!("{units}/{unit}")).contains("\n[Install]\n"));
    for script in ["postinst", "prerm", "postrm"] {
        let text = std::fs::read_to_string(raw.join("DEBIAN").join(script)).unwrap();
        assert!(text.contains(&format!("\nunits='{}'\n", enabled.join(" "))), "{script}");
        assert!(!text.contains('@'), "{script}");
    }
    let mut scripts = Command::new("rpm");
    scripts.args(["--query", "--scripts", "--package"]).arg(packages.file(VERSION, ".rpm"));
    let scripts = output(&mut scripts).1;
    for verb in ["preset", "disable --now", "try-restart"] {
        assert!(scripts.contains(&format!("{verb} {} ||", enabled.join(" "))), "{verb}: {scripts}");
    }
}
