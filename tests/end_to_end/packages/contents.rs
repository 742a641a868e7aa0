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

/// The tree of files as it lies on a host, in a folder that goes with the first value.
fn installed(packages: &Packages) -> (tempfile::TempDir, std::path::PathBuf) {
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let root = scratch.path().join("root");
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--extract").arg(packages.file(VERSION, ".deb")).arg(&root);
    assert_eq!(output(&mut unpack).0, 0);
    (scratch, root)
}

/// What a link of a page leads to, less where in that page. Fenced blocks have none.
fn relative_links(page: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut links = Vec::new();
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let targets = line.split("](").skip(1).filter(|_| !fenced);
        links.extend(targets.filter_map(|rest| rest.split([')', ' ', '#']).next()));
    }
    links.retain(|link| !link.is_empty() && !link.contains("://") && !link.starts_with("mailto:"));
    links
}

#[test]
fn links_of_packaged_pages_lead_to_what_is_packaged() {
    let Some(packages) = Packages::get() else { return };
    let (_scratch, root) = installed(packages);
    let (mut pages, mut dead) = (0, Vec::new());
    for path in below(&root).iter().filter(|path| path.ends_with(".md")) {
        let text = std::fs::read_to_string(root.join(path)).unwrap();
        pages += 1;
        for link in relative_links(&text) {
            if !root.join(path).parent().unwrap().join(link).exists() {
                dead.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(pages > 90, "{pages}");
    assert_eq!(dead, [] as [&str; 0]);
}

/// The paths of ours below /usr/share that a text names. Where a name is to be put in, there is a star.
fn shared_paths(text: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (at, _) in text.match_indices("/usr/share/") {
        let end = |c: char| c.is_whitespace() || "\"'`,;()|{".contains(c);
        let path = text[at..].split(end).next().unwrap();
        let path = path.trim_end_matches(['.', ':', '/']).replace("%s", "*");
        let ours = ["/usr/share/scrubjay", "/usr/share/doc/scrubjay"];
        if ours.iter().any(|folder| path.starts_with(folder)) {
            paths.insert(path);
        }
    }
    paths
}

#[test]
fn paths_that_rules_examples_and_pages_name_are_there_once_the_package_is_installed() {
    let Some(packages) = Packages::get() else { return };
    let (_scratch, root) = installed(packages);
    let (mut missing, mut runbooks) = (BTreeSet::new(), BTreeSet::new());
    for folder in ["grafana", "kubernetes", "docs", "dist/debian", "dist/etc"] {
        for file in below(&repository().join(folder)) {
            // Pictures and the like name nothing.
            let Ok(text) = std::fs::read_to_string(repository().join(folder).join(&file)) else {
                continue;
            };
            for path in shared_paths(&text) {
                let (parent, name) = path.rsplit_once('/').unwrap();
                let there = root.join(parent.trim_start_matches('/'));
                let there = match name.split_once('*') {
                    Some((_, ending)) => {
                        there.is_dir() && below(&there).iter().any(|name| name.ends_with(ending))
                    }
                    None => there.join(name).exists(),
                };
                if !there {
                    missing.insert(format!("{folder}/{file}: {path}"));
                }
                if path.contains("/runbooks/Scrubjay") {
                    runbooks.insert(path);
                }
            }
        }
    }
    assert_eq!(missing, BTreeSet::new());
    // Each of them is named by an alert.
    let pages = below(&root.join("usr/share/doc/scrubjay/runbooks"));
    assert_eq!(runbooks.len(), pages.len() - 1, "{runbooks:?}: {pages:?}");
}
