//! The committed fixtures are well formed, and the timelines are what the model plays.

use crate::edac_model::Claim;
use crate::histories::Agent as _;
use crate::reference_agent::{Care, ReferenceAgent, counter_at, files};
use crate::{timelines, trees};
use scrubjay_model::{ErrorClass, Place, SeriesPlace};
use std::collections::BTreeSet;
use std::path::Path;

/// The most a tree may measure: it is to be read by people.
const LIMIT_BYTES: usize = 16 * 1024;

#[test]
fn committed_timelines_are_what_the_model_plays() {
    let update = std::env::var_os("UPDATE_FIXTURES").is_some();
    for (name, play) in timelines::ALL {
        let moments = play().moments;
        if update {
            write_timeline(&trees::timelines_dir().join(name), &moments);
        }
        let committed = trees::timeline(name);
        assert_eq!(committed.len(), moments.len(), "{name}");
        for (moment, (committed, played)) in committed.iter().zip(&moments).enumerate() {
            assert!(committed == played, "{name}/t{moment}.tree: run with UPDATE_FIXTURES=1");
        }
    }
    let known: Vec<&str> = timelines::ALL.iter().map(|(name, _)| *name).collect();
    assert_eq!(trees::names_in(&trees::timelines_dir()), known);
}

#[test]
fn a_careful_agent_is_right_about_every_timeline() {
    for (name, play) in timelines::ALL {
        let timeline = play();
        let mut agent = ReferenceAgent::new(Care::Full);
        timeline.moments.iter().for_each(|moment| agent.sample(moment));
        assert_eq!(agent.check(&timeline.kernel), Ok(()), "{name}");
    }
}

/// The corrected errors of the DIMM a timeline is about: how many there were, and how many an
/// agent must know of.
#[test]
fn timelines_tell_what_their_descriptions_say() {
    let told = |name: &str, controller: usize, dimm: u32| {
        let (_, play) = timelines::ALL.into_iter().find(|(n, _)| *n == name).unwrap();
        let place = SeriesPlace::Dimm(Place::Dimm(dimm));
        let accounts = play().kernel.accounts();
        let account = accounts.into_iter().find(|a| {
            (a.controller, a.place, a.class) == (controller, place, ErrorClass::Correctable)
        });
        let account = account.unwrap();
        assert!(!account.silent_loss, "{name}");
        let Claim::Exactly(total) = account.claim else { panic!("{name}: {:?}", account.claim) };
        (account.truth, total, *account.restarts.end())
    };
    assert_eq!(told("reboot", 0, 0), (8, 5, 1));
    assert_eq!(told("driver-reload", 0, 0), (13, 11, 1));
    assert_eq!(told("reset-and-overtake", 0, 0), (14, 14, 1));
    assert_eq!(told("u32-wrap", 0, 0), ((1 << 32) + 5, (1 << 32) + 5, 0));
    assert_eq!(told("clock-step-forward", 0, 0), (3, 3, 0));
    assert_eq!(told("clock-step-back", 0, 0), (3, 3, 0));
    assert_eq!(told("controller-renumbering", 1, 1), (11, 11, 1));
    assert_eq!(told("suspend", 0, 0), (4, 4, 0));
    assert_eq!(told("dimm-label-rewritten", 0, 0), (4, 4, 0));
}

#[test]
fn every_tree_is_well_formed_and_short_enough_to_read() {
    let moments = timelines::ALL.iter().flat_map(|(name, _)| {
        let moments = trees::timeline(name).into_iter().enumerate();
        moments.map(move |(moment, text)| (format!("{name}/t{moment}"), text))
    });
    for (name, text) in trees::hosts().into_iter().chain(moments) {
        assert!(text.len() <= LIMIT_BYTES, "{name} has {} bytes", text.len());
        if let Err(fault) = check_form(&text) {
            panic!("{name}: {fault}");
        }
    }
}

#[test]
fn in_every_plain_host_a_total_is_the_sum_of_its_parts() {
    let mut controllers = 0;
    for (name, text) in trees::hosts() {
        if ["hostile", "partial", "unreadable"].contains(&&*name) {
            continue;
        }
        let files = files(&text);
        for index in 0..2 {
            let mc = format!("sys/devices/system/edac/mc/mc{index}/");
            let below = files.iter().filter_map(|(path, n)| Some((path.strip_prefix(&*mc)?, n)));
            let below: Vec<(&str, &String)> = below.collect();
            controllers += usize::from(!below.is_empty());
            let by_dimm = below.iter().any(|(path, _)| path.ends_with("/dimm_ce_count"));
            for class in ErrorClass::ALL {
                let (mut total, mut parts) = (0, 0);
                for (path, number) in &below {
                    let number = || number.trim_end().parse::<u64>().unwrap();
                    match counter_at(path, by_dimm) {
                        Some((SeriesPlace::Total, c)) if c == class => total = number(),
                        Some((_, c)) if c == class => parts += number(),
                        Some(_) | None => {}
                    }
                }
                assert_eq!(total, parts, "{name} mc{index} {}", class.as_str());
            }
        }
    }
    assert_eq!(controllers, 19);
}

#[test]
fn the_readme_names_every_fixture_and_no_other() {
    let readme = trees::read(&trees::hosts_dir().with_file_name("README.md"));
    // The first table; those after it are of other fixtures.
    let table = readme.split_once("\n| tree | ").unwrap().1.split("\n\n").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let hosts: Vec<String> = trees::hosts().into_iter().map(|(name, _)| name).collect();
    assert!(rows.eq(hosts.iter().map(String::as_str)), "{hosts:?}");
    for (name, _) in timelines::ALL {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_hostile_host_can_grow_beyond_any_read_limit() {
    let text = trees::hostile_with_a_mebibyte();
    assert!(text.len() > 1 << 20);
    assert_eq!(check_form(&text), Ok(()));
}

/// The form of a tree, so far as it can be told without reading its files.
fn check_form(text: &str) -> Result<(), String> {
    let mut lines = text.lines();
    if lines.next() != Some(trees::HEADER) || !text.ends_with('\n') {
        return Err("header or final newline missing".to_owned());
    }
    let mut paths = BTreeSet::new();
    let (mut in_hex, mut takes_content) = (false, false);
    for line in lines {
        let Some(entry) = line.strip_prefix("//- ") else {
            if paths.is_empty() && line.starts_with("//! ") {
                continue;
            }
            let is_hex = line.len() % 2 == 0 && line.bytes().all(|b| b.is_ascii_hexdigit());
            if !takes_content || line.starts_with("//") || (in_hex && !is_hex) {
                return Err(format!("line out of place: {line}"));
            }
            continue;
        };
        let words: Vec<&str> = entry.split(' ').collect();
        let (path, flags) = match words.as_slice() {
            [path] => (*path, None),
            [flag, path] => (*path, Some(*flag)),
            _ => return Err(format!("not an entry: {line}")),
        };
        in_hex = flags == Some("hex");
        takes_content = match flags {
            None | Some("noeol" | "hex") => true,
            Some("dir") => false,
            Some(flag) if flag.starts_with("errno=E") => false,
            Some(flag) => return Err(format!("unknown flag {flag}")),
        };
        if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(format!("not a relative path: {path}"));
        }
        if !paths.insert(path) {
            return Err(format!("twice: {path}"));
        }
    }
    let is_below = |path: &&&str, file: &str| {
        path.strip_prefix(file).is_some_and(|rest| rest.starts_with('/'))
    };
    match paths
        .iter()
        .find_map(|file| Some((file, paths.iter().find(|path| is_below(path, file))?)))
    {
        Some((file, path)) if !text.contains(&format!("//- dir {file}\n")) => {
            Err(format!("{file} is no directory, yet {path} is below it"))
        }
        _ if !paths.contains(trees::FACTS) => Err(format!("{} is missing", trees::FACTS)),
        _ => Ok(()),
    }
}

#[expect(clippy::disallowed_methods, reason = "rewrites our own fixtures on request")]
fn write_timeline(directory: &Path, moments: &[String]) {
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir_all(directory).unwrap();
    for (moment, text) in moments.iter().enumerate() {
        std::fs::write(directory.join(format!("t{moment}.tree")), text).unwrap();
    }
}
