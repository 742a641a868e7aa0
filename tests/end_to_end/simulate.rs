//! `simulate`: what it writes, that it writes the same again, what it refuses, and that its trees are
//! hosts to everything else.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_tests::golden;
use std::collections::BTreeMap;
use std::path::Path;

const FILES: [&str; 4] = ["truth.csv", "counters.csv", "events.csv", "boots.csv"];

fn simulate(home: &Path, to: &Path, args: &[&str]) -> String {
    stdout(scrubjay(home).arg("simulate").args(args).arg("--out").arg(to))
}

fn read(dir: &Path, file: &str) -> String {
    std::fs::read_to_string(dir.join(file)).unwrap()
}

/// The rows of a file as maps from column to cell.
fn rows(text: &str) -> Vec<BTreeMap<&str, &str>> {
    let mut lines = text.lines().skip(1);
    let columns: Vec<&str> = lines.next().unwrap().split(',').collect();
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), columns.len(), "{line}");
            columns.iter().copied().zip(cells).collect()
        })
        .collect()
}

#[test]
fn a_small_fleet_reads_as_the_documentation_says() {
    let home = tempfile::tempdir().unwrap();
    let to = home.path().join("fleet");
    let args = ["--seed", "27", "--nodes", "8", "--dimms", "4", "--days", "60"];
    let page = simulate(home.path(), &to, &args);
    golden::compare("simulate.txt", &page.replace(&to.display().to_string(), "DIR"));
    for file in FILES {
        let text = read(&to, file);
        golden::compare(&format!("simulate.{file}"), &text);
        assert!(text.starts_with("# SIMULATED by scrubjay"), "{file}");
        assert!(!rows(&text).is_empty(), "{file}");
        let document = std::fs::read_to_string("docs/simulation.md").unwrap();
        let columns = text.lines().nth(1).unwrap();
        for column in columns.split(',') {
            assert!(document.contains(&format!("`{column}`")), "{file}: {column}");
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_bytes_on_any_number_of_threads() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--seed", "9", "--nodes", "150", "--days", "200", "--jobs"];
    let run = |name: &str, more: &[&str]| {
        let to = home.path().join(name);
        let page = simulate(home.path(), &to, &[&args[..], more].concat());
        let page = page.replace(&to.display().to_string(), "DIR");
        (page, FILES.map(|file| read(&to, file)))
    };
    let one = run("one", &["1"]);
    assert_eq!(one, run("five", &["5"]));
    let (_, [truth, counters, events, _]) = one;
    let (_, [other, ..]) = run("other", &["2", "--offline-pages"]);
    assert_ne!(truth, other);
    // Each event by itself: more rows, the same counters and truth.
    let (_, [truth_2, counters_2, events_2, _]) = run("events", &["2", "--events"]);
    assert_eq!((truth, counters), (truth_2, counters_2));
    assert!(events_2.len() > events.len());
    let sum = |text: &str| {
        let errors = rows(text).into_iter().map(|row| row["errors"].parse().unwrap_or(0_u64));
        errors.sum::<u64>()
    };
    assert_eq!(sum(&events), sum(&events_2));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let full = home.path().join("full");
    std::fs::create_dir(&full).unwrap();
    std::fs::write(full.join("theirs"), "kept").unwrap();
    let to = full.to_str().unwrap();
    let small = ["--nodes", "2", "--days", "5"];
    let run = |args: &[&str]| output(scrubjay(home.path()).arg("simulate").args(args));
    let (code, _, stderr) = run(&[&["--out", to][..], &small].concat());
    assert_eq!(code, 1);
    assert!(stderr.contains("is not empty") && stderr.contains("--force"), "{stderr}");
    let (code, ..) = run(&[&["--out", to, "--force"][..], &small].concat());
    assert_eq!(code, 0);
    assert_eq!(read(&full, "theirs"), "kept");
    assert!(full.join("truth.csv").exists());

    let fresh = home.path().join("fresh");
    let fresh_name = fresh.to_str().unwrap();
    for (args, code, says) in [
        (&["--nodes", "2"][..], 2, "--out"),
        (&["--out", fresh_name, "--dimms", "0"], 2, "1..=512"),
        (&["--out", fresh_name, "--days", "0"], 2, "1..=36500"),
        (&["--out", fresh_name, "--jobs", "0"], 2, "--jobs"),
        (&["--out", fresh_name, "--ramp-day", "5"], 2, "--study"),
        (&["--out", fresh_name, "--study", "phased", "--ramp-day", "360"], 1, "end before"),
        (&["--validate", "--out", fresh_name], 2, "--validate"),
        (&["--validate", "--nodes", "5"], 2, "--nodes"),
        (&["--trees", fresh_name, "--node", "0"], 2, "--at"),
        (&["--trees", fresh_name, "--node", "0", "--at", "soon"], 1, "30d"),
        (&["--trees", fresh_name, "--node", "0", "--at", "400d"], 1, "ends"),
        (&["--trees", fresh_name, "--node", "10000", "--at", "1d"], 1, "--node"),
    ] {
        let (found, page, stderr) = run(args);
        assert_eq!((found, page.as_str()), (code, ""), "{args:?}: {stderr}");
        assert!(stderr.contains(says), "{args:?}: {stderr}");
    }
    assert!(!fresh.exists(), "what is refused leaves nothing");
}

#[test]
fn trees_of_a_node_are_a_host_with_the_counters_of_that_moment() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (fleet, trees, state) = (home.join("fleet"), home.join("trees"), home.join("state"));
    // The first node of this fleet in which a DIMM with errors is replaced.
    let args = ["--seed", "1", "--nodes", "600", "--events"];
    simulate(home, &fleet, &args);
    let (truth, events) = (read(&fleet, "truth.csv"), read(&fleet, "events.csv"));
    let (events, counters) = (rows(&events), read(&fleet, "counters.csv"));
    let counters = rows(&counters);
    let at = |row: &BTreeMap<&str, &str>, column: &str| row[column].parse::<i64>().unwrap();
    let swap = rows(&truth)
        .into_iter()
        .find(|row| {
            let of = |other: &&BTreeMap<&str, &str>| {
                (other["node"], other["slot"]) == (row["node"], row["slot"])
            };
            let told = |other: &BTreeMap<&str, &str>| at(other, "at_s") < at(row, "onset_s");
            row["record"] == "swap" && events.iter().filter(of).any(told)
        })
        .expect("a DIMM with errors is replaced");
    let (node, slot, swapped) = (swap["node"], swap["slot"], at(&swap, "onset_s"));
    // In the middle of the window before, and a day after.
    let moments = [swapped - 3 * 3600, swapped + 86_400];
    let mut command = scrubjay(home);
    command.args(["simulate", "--seed", "1", "--nodes", "600", "--node", node, "--trees"]);
    command.arg(&trees);
    for moment in moments {
        command.args(["--at", &format!("{moment}s")]);
    }
    stdout(&mut command);
    for (number, moment) in moments.into_iter().enumerate() {
        let tree = trees.join(format!("t{number}.tree"));
        assert!(read(&trees, &format!("t{number}.tree")).contains("//! SIMULATED by scrubjay"));
        let run = |args: &[&str]| {
            let mut command = scrubjay(home);
            command.args(args).arg("--root").arg(&tree).arg("--state-dir").arg(&state);
            stdout(&mut command)
        };
        run(&["agent", "--once"]);
        let dimms = run(&["dimms", "--json"]);
        let serial = format!("SIM{node:0>6}{slot:0>3}{number:02}");
        assert!(dimms.contains(&serial), "{serial}: {dimms}");
        // What the counters show is what was counted since the boot, and no less.
        let boots = read(&fleet, "boots.csv");
        let booted = rows(&boots)
            .iter()
            .filter(|row| row["node"] == node && at(row, "up_s") <= moment)
            .map(|row| at(row, "up_s"))
            .max()
            .unwrap_or(0);
        let of_node = |row: &&BTreeMap<&str, &str>| row["node"] == node;
        let counted: u64 = counters
            .iter()
            .filter(of_node)
            .filter(|row| at(row, "from_s") >= booted && at(row, "until_s") <= moment)
            .map(|row| row["errors"].parse::<u64>().unwrap())
            .sum();
        let text = read(&trees, &format!("t{number}.tree"));
        let shown: u64 = text
            .split("//- ")
            .filter(|entry| entry.lines().next().unwrap().ends_with("dimm_ce_count"))
            .map(|entry| entry.lines().nth(1).unwrap().parse::<u64>().unwrap())
            .sum();
        assert!(shown >= counted, "{shown} {counted}");
        if number == 0 {
            assert!(shown > 0, "a DIMM that fails shows errors before");
        }
    }
}
