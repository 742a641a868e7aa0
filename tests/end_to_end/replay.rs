//! Policies set beside each other, checked and tested by the real binary.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_tests::trees;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&stdout(command)).unwrap()
}

fn put(home: &Path, name: &str, text: &str) -> PathBuf {
    let path = home.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

/// The figures of a policy in the JSON of a replay.
fn of<'v>(replayed: &'v Value, policy: &str) -> &'v Value {
    let all = replayed["policies"].as_array().unwrap();
    all.iter().find(|line| line["policy"] == policy).unwrap()
}

#[test]
fn a_simulated_fleet_is_the_same_on_any_number_of_threads_and_from_files() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let fleet = ["replay", "--simulate", "11", "--nodes", "150", "--json"];
    let one = stdout(scrubjay(home).args(fleet).args(["--jobs", "1"]));
    let three = stdout(scrubjay(home).args(fleet).args(["--jobs", "3"]));
    assert_eq!(one, three);
    let streamed: Value = serde_json::from_str(&one).unwrap();
    assert_eq!(streamed["dimms"].as_u64().unwrap() / 100, 24, "150 nodes have 2,400 DIMMs");
    assert!(
        of(&streamed, "any-ce")["alarms"].as_u64() > of(&streamed, "mcelog")["alarms"].as_u64()
    );
    assert!(of(&streamed, "mcelog")["alarms"].as_u64() > Some(0));
    assert_eq!(of(&streamed, "never")["alarms"], 0);

    let dir = home.join("fleet");
    let written = ["simulate", "--seed", "11", "--nodes", "150", "--out"];
    stdout(scrubjay(home).args(written).arg(&dir));
    let read = json(scrubjay(home).args(["replay", "--json", "--simulated"]).arg(&dir));
    for key in ["failures", "sudden_failures", "announced_failures"] {
        assert_eq!(read[key], streamed[key], "{key}");
    }
    for line in streamed["policies"].as_array().unwrap() {
        let name = line["policy"].as_str().unwrap();
        // Slots without anything to tell are not in the files.
        if name != "always" {
            let told = &line["told_ratio"];
            let lines = read["policies"].as_array().unwrap().iter();
            let mut same =
                lines.filter(|other| other["policy"] == name && other["told_ratio"] == *told);
            let figures = |line: &Value| {
                let mut line = line.clone();
                line.as_object_mut().unwrap().remove("alarmed_dimms_per_year");
                line
            };
            assert_eq!(same.next().map(figures), Some(figures(line)), "{name}");
        }
    }
}

const LOG: &str = "\
serial_number,log_time,rankid,deviceid,bankgroupid,bankid,rowid,columnid
";

#[test]
fn a_log_with_tickets_is_scored_by_hand_made_figures() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let mut log = LOG.to_owned();
    // Twelve errors two days before the failure, twelve of one that stays well, one of a third.
    for minute in 0..12 {
        let at = 8 * 86_400 + minute * 60;
        log.push_str(&format!("sick,{at},0,1,0,2,7,{minute}\nwell,{at},0,1,0,2,7,9\n"));
    }
    log.push_str("quiet,1000,,,,,,\n");
    let errors = put(home, "ce.csv", &log);
    let tickets = put(home, "t.csv", "serial_number,failure_time\nsick,864000\nsudden,864000\n");
    let mut command = scrubjay(home);
    command.args(["replay", "--json", "--policy", "mcelog", "--policy", "any-ce", "--errors"]);
    command.arg(&errors).arg("--failures").arg(&tickets);
    let replayed = json(&mut command);
    assert_eq!((&replayed["dimms"], &replayed["failures"]), (&json!(4), &json!(2)));
    assert_eq!(
        (&replayed["sudden_failures"], &replayed["announced_failures"]),
        (&json!(1), &json!(1))
    );
    let mcelog = of(&replayed, "mcelog");
    assert_eq!((&mcelog["alarmed_dimms"], &mcelog["caught"]), (&json!(2), &json!(1)));
    assert_eq!((&mcelog["precision"], &mcelog["recall"]), (&json!(0.5), &json!(0.5)));
    assert_eq!(mcelog["lead_seconds_median"], json!(864_000 - 8 * 86_400 - 9 * 60));
    // Two mitigations and a failure of ten against two of ten.
    assert_eq!(mcelog["costs"][0], json!({ "ratio": 10.0, "total": 12.0, "net_saving": 0.4 }));
    assert_eq!(of(&replayed, "any-ce")["alarmed_dimms"], 3);
    assert_eq!(of(&replayed, "oracle")["costs"][0]["net_saving"], json!(0.9));

    let broken = put(home, "broken.csv", &format!("{LOG}a,yesterday,,,,,,\n"));
    let (code, page, stderr) = output(scrubjay(home).args(["replay", "--errors"]).arg(&broken));
    assert_eq!((code, page.as_str()), (1, ""));
    assert!(stderr.contains("broken.csv:2: \"yesterday\" is not a time"), "{stderr}");
}

#[test]
fn the_own_history_is_replayed_and_one_that_is_not_there_is_said() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let state = home.join("state");
    let mut counted = 0;
    for (number, text) in trees::timeline("reboot").iter().enumerate() {
        let root = put(home, &format!("t{number}.tree"), text);
        let mut agent = scrubjay(home);
        stdout(agent.args(["agent", "--once", "--root"]).arg(&root).arg("--state-dir").arg(&state));
        counted += 1;
    }
    assert!(counted > 1);
    let root = home.join("t0.tree");
    let on = |dir: &Path| {
        let mut command = scrubjay(home);
        command
            .args(["replay", "--own", "--json", "--root"])
            .arg(&root)
            .arg("--state-dir")
            .arg(dir);
        command
    };
    let replayed = json(&mut on(&state));
    assert!(replayed["dimms"].as_u64() > Some(0));
    assert!(of(&replayed, "any-ce")["alarms"].as_u64() > Some(0), "{replayed:#}");
    assert_eq!(replayed["failures"], 0);
    // Where nothing failed there is nothing to be saved, and no number says otherwise.
    assert_eq!(of(&replayed, "any-ce")["costs"][0]["net_saving"], Value::Null);

    let (code, page, stderr) = output(&mut on(&home.join("none")));
    assert_eq!((code, page.as_str()), (3, ""));
    assert!(stderr.contains("no history in"), "{stderr}");
}

const RASDAEMON: &str = "
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute('CREATE TABLE mc_event (id INTEGER PRIMARY KEY, timestamp TEXT, err_count INTEGER, '
           'err_type TEXT, err_msg TEXT, label TEXT, mc INTEGER, top_layer INTEGER, '
           'middle_layer INTEGER, lower_layer INTEGER, address INTEGER, grain INTEGER, '
           'syndrome INTEGER, driver_detail TEXT)')
row = 'INSERT INTO mc_event VALUES (NULL, ?, ?, ?, \"memory read error\", \"DIMM_A1\", 0, 0, 0, -1, ?, 7, 0, ?)'
for minute in range(60):
    db.execute(row, ('2026-02-01 06:%02d:00 +0000' % minute, 1, 'Corrected', 0x12345678, 'row:0x1f col:0x8'))
db.execute(row, ('2026-02-03 06:00:00 +0000', 1, 'Uncorrected', 0x12345678, ''))
db.commit()
";

#[test]
fn each_record_of_rasdaemon_has_its_own_time_and_page() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let database = home.join("ras.db");
    let made = Command::new("python3").args(["-c", RASDAEMON]).arg(&database).status();
    if !made.is_ok_and(|status| status.success()) {
        println!("skipped: python3 with its module sqlite3 is not there");
        return;
    }
    let mut command = scrubjay(home);
    let replayed = json(command.args(["replay", "--json", "--rasdaemon"]).arg(&database));
    assert_eq!((&replayed["dimms"], &replayed["failures"]), (&json!(1), &json!(1)));
    let lead = |policy: &str| of(&replayed, policy)["lead_seconds_median"].as_i64();
    let first = 2 * 86_400;
    assert_eq!(lead("any-ce"), Some(first));
    assert_eq!(lead("mcelog"), Some(first - 9 * 60));
    assert_eq!(lead("sun"), Some(first - 23 * 60));
    assert_eq!(lead("rasdaemon"), Some(first - 49 * 60));
    assert_eq!(of(&replayed, "kernel-cec")["caught"], 0);
    let (code, _, stderr) =
        output(scrubjay(home).args(["replay", "--rasdaemon"]).arg(home.join("none.db")));
    assert_eq!(code, 1);
    assert!(stderr.contains("none.db"), "{stderr}");
}

#[test]
fn rules_are_listed_checked_and_tested() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let page = stdout(scrubjay(home).args(["rules", "list"]));
    for word in
        ["default", "kernel-cec", "10 per dimm / 1 d, bucket", "mcelog.conf", "kernel-exploited"]
    {
        assert!(page.contains(word), "{word}: {page}");
    }
    let all = json(scrubjay(home).args(["rules", "list", "--json"]));
    assert_eq!(all["policies"].as_array().unwrap().len(), 7);

    let preset = Path::new(env!("CARGO_MANIFEST_DIR")).join("dist/usr/lib/scrubjay/policies");
    let text = std::fs::read_to_string(preset.join("sun.toml")).unwrap();
    let own = put(home, "own.toml", &text.replace("\"sun\"", "\"own\""));
    let page = stdout(scrubjay(home).args(["rules", "check"]).arg(&own));
    assert!(page.contains("policy own is valid, 2 rules"), "{page}");
    let broken = put(home, "broken.toml", &text.replace("errors = 24", "errors = 0"));
    let (code, page, _) = output(scrubjay(home).args(["rules", "check"]).arg(&broken));
    assert_eq!(code, 1);
    assert!(page.contains("broken.toml:11:10: must be at least 1"), "{page}");
    assert!(page.contains("11 | errors = 0\n   |          ^\n"), "{page}");

    let cases = preset.join("tests/mcelog.toml");
    let page = stdout(scrubjay(home).args(["rules", "test"]).arg(&cases));
    assert!(page.ends_with("8 passed, 0 failed\n"), "{page}");
    let wrong = "policy = \"own.toml\"\n[[test]]\nname = \"t\"\nrecord = \"0d 00:00 ce errors=24\"\n\
                 expect = \"0d 00:00 quiet\"\n";
    let wrong = put(home, "wrong.toml", wrong);
    let (code, page, _) = output(scrubjay(home).args(["rules", "test"]).arg(&wrong));
    assert_eq!(code, 1);
    assert!(page.contains("wrong.toml:5:11: t: there is an alarm"), "{page}");
    assert!(page.ends_with("0 passed, 1 failed\n"), "{page}");

    // The policy of one's own takes part like any other, and by its name.
    let mut command = scrubjay(home);
    command.args(["replay", "--simulate", "1", "--nodes", "20", "--json", "--policy"]).arg(&own);
    assert_eq!(of(&json(&mut command), "own")["told_ratio"], Value::Null);
}
