//! `dimms` and `show`, as they read on a healthy host, after swaps, and where little is known.

use crate::harness::{output, pretty_json, scrubjay, stdout};
use scrubjay_tests::firmware::{BoardSlot, filled, tables};
use scrubjay_tests::{golden, trees};
use std::path::{Path, PathBuf};

/// A host at successive moments, each seen by an agent, and what the commands say afterwards.
struct Watched {
    home: tempfile::TempDir,
    tree: PathBuf,
}

impl Watched {
    fn through(moments: &[String]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("host.tree");
        let watched = Self { home, tree };
        for moment in moments {
            std::fs::write(&watched.tree, moment).unwrap();
            watched.run(&["agent", "--once"]);
        }
        watched
    }

    fn run(&self, args: &[&str]) -> String {
        self.run_in("state", args)
    }

    fn run_in(&self, state: &str, args: &[&str]) -> String {
        let home = self.home.path();
        let page = stdout(
            scrubjay(home)
                .args(args)
                .arg("--root")
                .arg(&self.tree)
                .arg("--state-dir")
                .arg(home.join(state)),
        );
        page.replace(&path(home), "HOME")
    }

    fn compare(&self, name: &str, dimm: &str) {
        golden::compare(&format!("{name}.dimms.txt"), &self.run(&["dimms"]));
        golden::compare(
            &format!("{name}.dimms.json"),
            &pretty_json(&self.run(&["dimms", "--json"])),
        );
        golden::compare(&format!("{name}.show.txt"), &self.run(&["show", dimm]));
        let json = self.run(&["show", dimm, "--json"]);
        golden::compare(&format!("{name}.show.json"), &pretty_json(&json));
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// A server whose firmware lists four sticks, and one slot that is empty.
fn healthy() -> String {
    let mut slots: Vec<BoardSlot> = [
        ("P1-DIMMA1", "425BB669"),
        ("P1-DIMMB1", "425BB66A"),
        ("P2-DIMMA1", "425BB66B"),
        ("P2-DIMMB1", "425BB66C"),
    ]
    .map(|(slot, serial)| filled(slot, serial))
    .into();
    slots.push(BoardSlot { locator: "P2-DIMMB2".into(), stick: None });
    trees::host("healthy-server") + &tables(&slots).sections()
}

#[test]
fn a_healthy_host_reads_as_it_did() {
    Watched::through(&[healthy()]).compare("healthy-sticks", "P1-DIMMB1");
}

#[test]
fn of_two_slots_of_one_name_each_is_shown_by_the_name_that_is_printed_for_it() {
    let slots = [filled("DIMM_A1", "425BB669"), filled("DIMM_A1", "425BB66A")];
    let watched = Watched::through(&[trees::host("healthy-server") + &tables(&slots).sections()]);
    for key in ["425bb669", "425bb66a"] {
        let explained = watched.run(&["explain", key]);
        let (_, rest) = explained.split_once("scrubjay show '").unwrap();
        let name = rest.split('\'').next().unwrap();
        assert!(name.starts_with("NODE 1 DIMM_A1 (m"), "{explained}");
        assert_eq!(watched.run(&["show", name]), watched.run(&["show", key]));
        assert_eq!(watched.run(&["explain", name]), explained);
    }
}

#[test]
fn a_swapped_stick_reads_as_it_did_and_so_does_its_successor() {
    let watched = Watched::through(&trees::timeline("dimm-swapped"));
    watched.compare("dimm-swapped", "P1-DIMMA1");
    let gone = watched.run(&["show", "425bb669"]);
    golden::compare("dimm-swapped.gone.txt", &gone);
    // By its serial number in whatever case, and by what the kernel calls its place.
    assert_eq!(watched.run(&["show", "425BB669"]), gone);
    assert_eq!(watched.run(&["show", "mc0/dimm0"]), watched.run(&["show", "P1-DIMMA1"]));
}

#[test]
fn a_stick_keeps_its_errors_and_its_name_on_the_metrics_page_when_it_moves() {
    const FAMILY: &str = "scrubjay_module_correctable_errors_total{";
    let moments = trees::timeline("dimm-moved");
    let sums = |moments: &[String]| -> Vec<String> {
        let page = Watched::through(moments).run(&["agent", "--once"]);
        assert!(!page.to_lowercase().contains("425bb66"), "a serial number in {page}");
        page.lines().filter_map(|line| line.strip_prefix(FAMILY)).map(str::to_owned).collect()
    };
    let name = scrubjay_model::ModuleKey::from_stored("425bb669").opaque();
    for (moments, slot, errors) in [(&moments[..1], "A1", 5), (&moments[..], "B1", 8)] {
        let line = format!("module=\"{name}\",slot=\"NODE 1 P1-DIMM{slot}\"}} {errors}");
        let sums = sums(moments);
        assert!(sums.len() == 2 && sums.contains(&line), "{line}: {sums:?}");
    }
}

#[test]
fn without_a_history_the_sticks_that_are_there_are_listed_all_the_same() {
    let watched = Watched::through(&[]);
    std::fs::write(&watched.tree, trees::timeline("dimm-swapped").remove(0)).unwrap();
    golden::compare("no-history.dimms.txt", &watched.run_in("none", &["dimms"]));
    golden::compare("no-history.show.txt", &watched.run_in("none", &["show", "P1-DIMMA1"]));
}

#[test]
fn places_without_sticks_and_errors_without_a_dimm_have_their_lines() {
    for name in ["busy-server", "real-6.12-ranks", "old-csrow"] {
        let watched = Watched::through(&[trees::host(name)]);
        golden::compare(&format!("{name}.dimms.txt"), &watched.run(&["dimms"]));
    }
}

#[test]
fn where_no_memory_is_shown_and_none_was_there_is_no_data() {
    let watched = Watched::through(&[]);
    std::fs::write(&watched.tree, trees::host("bare-guest")).unwrap();
    for command in [&["dimms"][..], &["show", "A1"]] {
        let mut run = scrubjay(watched.home.path());
        let (code, out, err) = output(run.args(command).arg("--root").arg(&watched.tree));
        assert_eq!((code, out.as_str()), (3, ""), "{err}");
        assert!(err.contains("no stick of memory is shown"), "{err}");
    }
}
