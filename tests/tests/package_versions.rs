//! Versions of packages beside the programs that define their order.

#![expect(clippy::disallowed_methods, reason = "asks dpkg and rpm, which only compare two words")]

use scrubjay_model::{DebVersion, RpmVersion};
use std::cmp::Ordering;
use std::process::Command;

/// Each is compared with each.
const DEB: [&str; 31] = [
    "0",
    "1",
    "01",
    "1.0",
    "1.00",
    "1.",
    "1.a",
    "1.a0",
    "1a",
    "1~",
    "1~~",
    "1~a",
    "1~1",
    "1+",
    "1-0",
    "1-1",
    "1-1~bpo1",
    "1-1+b1",
    "1-1-1",
    "0:1",
    "1:0",
    "10",
    "9",
    "1.10",
    "1.9",
    "6.1.192-1",
    "6.1.192-2",
    "6.12.90+deb13-1",
    "6.12.90+deb13.1-1",
    "6.12.117-1~deb12u1",
    "1:2.6.32-48squeeze1",
];

const RPM: [&str; 32] = [
    "0",
    "1",
    "01",
    "1.0",
    "1_0",
    "1.",
    "1..0",
    "1.a",
    "1.1",
    "1a",
    "1a1",
    "1~",
    "1~~",
    "1~rc1",
    "1~rc1^git1",
    "1^",
    "1^git1",
    "1^git2",
    "1^^",
    "1.0^a",
    "1-1",
    "1-1.el9",
    "1-1.el9_5.1",
    "0:1",
    "1:0",
    "10",
    "9",
    "5.14.0-70.el9",
    "5.14.0-70.13.1.el9_0",
    "4.18.0-553.11.1.el8_10",
    "4.18.0-553.9.1.el8_10",
    "18446744073709551616",
];

/// The pairs of different places.
fn pairs<'v>(versions: &'v [&'v str]) -> impl Iterator<Item = (&'v str, &'v str)> {
    let all = versions.iter().enumerate();
    all.flat_map(|(at, a)| {
        let others = versions.iter().enumerate().filter(move |(other, _)| *other != at);
        others.map(|(_, b)| (*a, *b))
    })
}

#[test]
fn debian_versions_are_ordered_as_dpkg_orders_them() {
    if Command::new("dpkg").arg("--version").output().is_err() {
        println!("skipped: dpkg is not there");
        return;
    }
    let holds = |a: &str, relation: &str, b: &str| {
        let asked = Command::new("dpkg").args(["--compare-versions", a, relation, b]).output();
        asked.unwrap().status.success()
    };
    let mut compared = 0;
    for (a, b) in pairs(&DEB) {
        let ours = DebVersion::parse(a).unwrap().cmp(&DebVersion::parse(b).unwrap());
        let relation = match ours {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        };
        assert!(holds(a, relation, b), "{a} {relation} {b}: dpkg says otherwise");
        compared += 1;
    }
    println!("{compared} pairs as dpkg has them");
    assert!(compared >= 900);
}

#[test]
fn rpm_versions_are_ordered_as_rpm_orders_them() {
    let quoted: Vec<String> = RPM.iter().map(|version| format!("\"{version}\"")).collect();
    let program = format!(
        "%{{lua: local v = {{{}}} for i, a in ipairs(v) do for j, b in ipairs(v) do if i ~= j then \
         print(rpm.vercmp(a, b) .. \" \") end end end}}",
        quoted.join(", ")
    );
    let Ok(asked) = Command::new("rpm").args(["--eval", &program]).output() else {
        println!("skipped: rpm is not there");
        return;
    };
    let answers = String::from_utf8(asked.stdout).unwrap();
    let answers: Vec<i32> = answers.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert_eq!(answers.len(), pairs(&RPM).count(), "{}", String::from_utf8_lossy(&asked.stderr));
    for ((a, b), theirs) in pairs(&RPM).zip(&answers) {
        let ours = RpmVersion::parse(a).unwrap().cmp(&RpmVersion::parse(b).unwrap());
        assert_eq!(ours, theirs.cmp(&0), "{a} {b}");
    }
    println!("{} pairs as rpm has them", answers.len());
    assert!(answers.len() >= 900);
}
