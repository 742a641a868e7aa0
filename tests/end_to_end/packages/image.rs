//! The image of a container, as its recipe makes it: by hand, and by buildah where that is there.

use super::making::{EPOCH, Packages, VERSION, repository};
use super::{is_there, read, root};
use crate::harness::output;
use scrubjay_tests::trees;
use std::path::Path;
use std::process::Command;

const RECIPE: &str = "dist/container/Containerfile";

/// What stands in the recipe: a word and its rest.
fn recipe() -> Vec<(String, String)> {
    let text = read(RECIPE).replace("\\\n", " ");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parts = lines.map(|line| line.split_once(' ').unwrap());
    parts.map(|(word, rest)| (word.to_owned(), rest.to_owned())).collect()
}

/// Runs what is in an image as an engine would, with a fixture in the place of the host.
fn check(image: &Path) {
    if std::env::var_os("SCRUBJAY_STATIC").is_none() || !root::is_root() {
        println!("skipped: it takes root and the static binary (SCRUBJAY_STATIC) to start it");
        return;
    }
    std::fs::write(image.join("host"), trees::host("busy-server")).unwrap();
    for (words, answer) in [
        (&["--version"] as &[&str], format!("scrubjay {VERSION}\n")),
        (&["--root", "/host", "status"], "scrubjay: PLAN".to_owned()),
    ] {
        let mut inside = Command::new("chroot");
        inside.arg(image).arg("/usr/bin/scrubjay").args(words).env_clear();
        inside.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let (code, page, stderr) = output(&mut inside);
        assert!(code == 0 && page.starts_with(&answer), "{words:?}: {page}{stderr}");
    }
}

#[test]
fn the_image_has_what_its_recipe_copies_and_its_entry_point_runs() {
    let Some(packages) = Packages::get() else { return };
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tree = packages.tree(scratch.path());
    let image = scratch.path().join("image");
    for (word, rest) in recipe() {
        match word.as_str() {
            "FROM" => assert_eq!(rest, "scratch"),
            "COPY" => {
                let mut paths: Vec<&str> = rest.split(' ').collect();
                let to = paths.pop().unwrap();
                let into = image.join(to.trim_start_matches('/'));
                let folder = if to.ends_with('/') { &into } else { into.parent().unwrap() };
                std::fs::create_dir_all(folder).unwrap();
                for path in paths {
                    let mut copy = Command::new("cp");
                    let copied = copy.arg("--archive").arg(tree.join(path)).arg(&into).status();
                    assert!(copied.unwrap().success(), "{path}");
                }
            }
            "ENTRYPOINT" => assert_eq!(rest, r#"["/usr/bin/scrubjay"]"#),
            "ARG" | "LABEL" | "ENV" | "EXPOSE" | "CMD" => {}
            other => panic!("{other} is not understood"),
        }
    }
    check(&image);
}

#[test]
fn buildah_makes_the_image_of_the_recipe_and_the_same_one_twice() {
    let Some(packages) = Packages::get() else { return };
    if !is_there("buildah") {
        return;
    }
    if !root::is_root() {
        println!("skipped: without root buildah needs ranges of users");
        return;
    }
    let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let tree = packages.tree(scratch.path());
    // Images of this machine are left alone.
    let buildah = |words: &[&str]| {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver", "vfs"]);
        command.arg("--root").arg(scratch.path().join("store"));
        command.arg("--runroot").arg(scratch.path().join("run")).args(words);
        let (code, stdout, stderr) = output(command.env("BUILDAH_ISOLATION", "chroot"));
        assert_eq!(code, 0, "{words:?}: {stdout}{stderr}");
        stdout.trim().to_owned()
    };
    let file = repository().join(RECIPE);
    let (file, tree) = (file.to_str().unwrap(), tree.to_str().unwrap());
    let version = format!("VERSION={VERSION}");
    let build = |tag: &str| {
        let words = ["bud", "--quiet", "--no-cache", "--timestamp", EPOCH, "--build-arg", &version];
        buildah(&[&words[..], &["--tag", tag, "--file", file, tree]].concat())
    };
    assert_eq!(build("first"), build("second"));
    let asked = "{{.OCIv1.Config.Entrypoint}} {{.OCIv1.Config.Cmd}}";
    let told = buildah(&["inspect", "--type", "image", "--format", asked, "first"]);
    assert_eq!(told, "[/usr/bin/scrubjay] [--root /host agent]");
    let container = buildah(&["from", "--pull-never", "first"]);
    check(Path::new(&buildah(&["mount", &container])));
    buildah(&["rm", &container]);
}
