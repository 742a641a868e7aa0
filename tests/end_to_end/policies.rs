//! One history, judged by each preset: what the real binary says of sticks, moment by moment.

use crate::harness::{output, scrubjay, stdout};
use scrubjay_tests::edac_model::{ControllerSpec, Kernel, View};
use scrubjay_tests::firmware::{filled, tables};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

const SLOTS: [&str; 2] = ["NODE 1 P1-DIMMA1", "NODE 1 P1-DIMMB1"];

/// A server of two sticks that is looked at now and then.
struct Server {
    home: tempfile::TempDir,
    kernel: Kernel,
}

impl Server {
    fn new() -> Self {
        let mut kernel = Kernel::boot(vec![ControllerSpec::skx(0, 0, 2, 1)], View::Dimms);
        kernel.wait(HOUR);
        let server = Self { home: tempfile::tempdir().unwrap(), kernel };
        server.look();
        server
    }

    fn tree(&self) -> PathBuf {
        self.home.path().join("host.tree")
    }

    fn command(&self, policy: &str, words: &[&str]) -> Command {
        let mut command = scrubjay(self.home.path());
        let config = format!("[memory]\npolicy = \"{policy}\"\n");
        std::fs::write(self.home.path().join("empty.toml"), config).unwrap();
        command.args(words).arg("--root").arg(self.tree());
        command.arg("--state-dir").arg(self.home.path().join("state"));
        command
    }

    /// A pass of the agent over the host as it is.
    fn look(&self) {
        let board = tables(&[filled("P1-DIMMA1", "425BB669"), filled("P1-DIMMB1", "425BB66A")]);
        std::fs::write(self.tree(), self.kernel.tree_builder().and(board).to_text()).unwrap();
        stdout(&mut self.command("default", &["agent", "--once"]));
    }

    fn err(&mut self, after: Duration, slot: usize, corrected: u16, uncorrected: u16) {
        self.kernel.wait(after);
        self.kernel.corrected(0, slot, corrected);
        self.kernel.uncorrected(0, slot, uncorrected);
        self.look();
    }

    /// The verdicts on both sticks, each with the worst reasons for it.
    fn said(&self, policy: &str) -> [String; 2] {
        let status = self.json(policy);
        SLOTS.map(|slot| {
            let dimms = status["assessment"]["dimms"].as_array().unwrap();
            let dimm = dimms.iter().find(|dimm| dimm["name"] == slot).unwrap();
            let reasons = dimm["reasons"].as_array().unwrap().iter();
            let worst = reasons.filter(|reason| reason["verdict"] == dimm["verdict"]);
            let mut codes: Vec<&str> =
                worst.map(|reason| reason["code"].as_str().unwrap()).collect();
            codes.sort_unstable();
            format!("{} {}", dimm["verdict"].as_str().unwrap(), codes.join(" "))
        })
    }

    fn json(&self, policy: &str) -> Value {
        let text = stdout(&mut self.command(policy, &["status", "--json"]));
        serde_json::from_str(&text).unwrap()
    }
}

const BLIND: &str = "unknown dimm-not-watched";
const NO_PLACE: &str = "unknown dimm-not-watched dimm-policy-place";
const PLAN: &str = "plan dimm-policy";
const ACT: &str = "act dimm-uncorrected";
/// By a policy that has no rule on such.
const SHOWN: &str = "watch dimm-uncorrected";

#[test]
fn each_preset_judges_the_same_history_by_its_own_rules() {
    let mut server = Server::new();
    let told = |server: &Server| -> Vec<(&'static str, [String; 2])> {
        let presets = ["default", "mcelog", "rasdaemon", "kernel-cec", "sun", "any-ce", "never"];
        presets.map(|policy| (policy, server.said(policy))).into()
    };
    let expect = |lines: [(&'static str, [&str; 2]); 7]| -> Vec<(&'static str, [String; 2])> {
        lines.map(|(policy, said)| (policy, said.map(str::to_owned))).into()
    };
    let place = "unknown dimm-not-watched dimm-place-unknown";

    // Nine errors: enough for a dashboard alone.
    server.err(HOUR, 0, 9, 0);
    assert_eq!(
        told(&server),
        expect([
            ("default", [place, BLIND]),
            ("mcelog", [BLIND, BLIND]),
            ("rasdaemon", [NO_PLACE, BLIND]),
            ("kernel-cec", [NO_PLACE, BLIND]),
            ("sun", [BLIND, BLIND]),
            ("any-ce", [PLAN, BLIND]),
            ("never", [BLIND, BLIND]),
        ])
    );

    // The tenth within a day fills the bucket of mcelog, and fourteen more those of Sun.
    server.err(HOUR, 0, 1, 0);
    assert_eq!(server.said("mcelog"), [PLAN, BLIND]);
    assert_eq!(server.said("sun"), [BLIND, BLIND]);
    server.err(HOUR, 0, 14, 0);
    assert_eq!(server.said("sun"), [PLAN, BLIND]);

    // The other stick has an error that was not corrected.
    server.err(HOUR, 1, 0, 1);
    assert_eq!(
        told(&server),
        expect([
            ("default", [place, ACT]),
            ("mcelog", [PLAN, ACT]),
            ("rasdaemon", [NO_PLACE, SHOWN]),
            ("kernel-cec", [NO_PLACE, SHOWN]),
            ("sun", [PLAN, ACT]),
            ("any-ce", [PLAN, ACT]),
            ("never", [BLIND, SHOWN]),
        ])
    );

    // Whatever the policy says of sticks, the host's own rules say what they see.
    for policy in ["never", "rasdaemon"] {
        let status = server.json(policy);
        let findings = status["assessment"]["findings"].as_array().unwrap();
        let found = findings.iter().find(|finding| finding["code"] == "uncorrected-errors");
        assert_eq!(found.unwrap()["verdict"], "plan", "{policy}");
        assert_eq!(status["assessment"]["verdict"], "plan", "{policy}");
        // What stands beside it looks as far ahead as the default policy.
        assert_eq!(status["assessment"]["dimms"][0]["risk"]["horizon_days"], 45, "{policy}");
    }

    // An alarm steps down when it is not repeated.
    server.err(31 * DAY, 0, 0, 0);
    assert_eq!(server.said("mcelog"), ["watch dimm-policy", "plan dimm-uncorrected"]);
    server.err(31 * DAY, 0, 0, 0);
    assert_eq!(server.said("mcelog")[0], BLIND);
}

#[test]
fn the_rule_that_fired_is_named_with_its_numbers_wherever_one_looks() {
    let mut server = Server::new();
    server.err(HOUR, 0, 12, 0);
    server.err(HOUR, 0, 3, 0);
    let page = stdout(&mut server.command("mcelog", &["explain", "P1-DIMMA1"]));
    for wanted in [
        "NODE 1 P1-DIMMA1: PLAN — swap it in the next window",
        "policy mcelog, rule dimm-corrected decides here",
        "by policy mcelog:",
        "holds 3 of 10; reached 1 time,",
        "evidence, unknown by the default policy: errors were counted, but no report says where",
    ] {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&page).contains(wanted), "no \"{wanted}\" in:\n{page}");
    }
    let list = stdout(&mut server.command("mcelog", &["rules", "list"]));
    assert!(list.contains("In force on this host: policy mcelog"), "{list}");
    assert!(list.contains("dimm-corrected     holds 3 of 10, reached once in 120 d"), "{list}");
    let list = stdout(&mut server.command("mcelog", &["rules", "list", "--json"]));
    let list: Value = serde_json::from_str(&list).unwrap();
    assert_eq!(list["in_force"]["policy"]["name"], "mcelog");
    assert_eq!(list["in_force"]["sticks"][0]["rules"][0]["reached"], 1);

    // A finding says the same, and one's own file is a policy like another.
    let mine = server.home.path().join("mine.toml");
    std::fs::write(&mine, MINE).unwrap();
    let status = server.json(mine.to_str().unwrap());
    let findings = status["assessment"]["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["code"] == "dimm-policy").unwrap();
    let because = found["because"].as_str().unwrap();
    assert!(
        because.starts_with("policy mine, rule fourteen: the window holds 15 now"),
        "{because}"
    );
    assert!(because.contains("limit 14 in 1 d; it was reached once"), "{because}");
    // Its raw count gave way to it.
    assert!(findings.iter().all(|finding| finding["code"] != "corrected-errors"));
}

const MINE: &str = "\
name = \"mine\"
meaning = \"m\"
source = \"s\"
[[rule]]
code = \"fourteen\"
meaning = \"m\"
source = \"s\"
when = \"corrected\"
per = \"dimm\"
errors = 14
within = \"24h\"
counting = \"window\"
";

/// A log of 400 sticks that err on ten days, and tickets. One half has a cell each, of which few fail;
/// the other one has a bank, of which many do.
fn log(home: &Path) -> [PathBuf; 2] {
    let mut errors = "sn,time,rankid,deviceid,bankid,rowid,columnid\n".to_owned();
    let mut tickets = "sn,failure_time\n".to_owned();
    let begin = 1_735_689_600_u64;
    for stick in 0..400_u64 {
        let is_bank = stick % 2 == 1;
        let start = begin + stick * 7_200;
        for error in 0..100 {
            let at = start + error / 10 * 86_400 + error % 10 * 60;
            let (row, column) = if is_bank { (error * 1_237 % 9_001, error * 37) } else { (7, 9) };
            errors.push_str(&format!("s{stick},{at},0,1,2,{row},{column}\n"));
        }
        let fails = if is_bank { stick % 10 == 1 } else { stick % 50 == 0 };
        if fails {
            tickets.push_str(&format!("s{stick},{}\n", start + 9 * 86_400));
        }
    }
    let put = |name: &str, text: &str| {
        let path = home.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    [put("ce.csv", &errors), put("tickets.csv", &tickets)]
}

/// Fits to a log.
fn fit(home: &Path, [errors, tickets]: &[PathBuf; 2], file: &Path) -> (i32, String, String) {
    let mut command = scrubjay(home);
    command.arg("replay").arg("--errors").arg(errors).arg("--failures").arg(tickets);
    output(command.arg("--fit").arg(file))
}

#[test]
fn outcomes_of_ones_own_correct_what_is_foretold_and_it_is_said() {
    let mut server = Server::new();
    let home = server.home.path().to_owned();
    let file = home.join("own.toml");
    let few = ["replay", "--simulate", "31", "--nodes", "50", "--fit"];
    let (code, _, stderr) = output(scrubjay(&home).args(few).arg(&file));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("at least 20 are needed") && !file.exists(), "{stderr}");

    let log = log(&home);
    let (code, told, stderr) = fit(&home, &log, &file);
    assert_eq!(code, 0, "{stderr}");
    for wanted in [
        "400 sticks erred between 2025-01-01 and 2025-02-",
        "48 of them ended in a failure; 0 further failures",
        "Brier score",
        "logit p' = ",
        "written to ",
    ] {
        assert!(told.contains(wanted), "no \"{wanted}\" in:\n{told}");
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("ce.csv: 40000 rows") && text.contains("failures = 48"), "{text}");
    // The same outcomes make the same file.
    let again = home.join("again.toml");
    fit(&home, &log, &again);
    assert_eq!(std::fs::read_to_string(&again).unwrap(), text);

    server.err(HOUR, 0, 12, 0);
    let explain = |calibration: &str| {
        let mut command = server.command("default", &["explain", "P1-DIMMA1"]);
        let config = format!("[memory]\ncalibration = \"{calibration}\"\n");
        std::fs::write(home.join("empty.toml"), config).unwrap();
        output(&mut command)
    };
    let (_, page, _) = explain("");
    assert!(page.contains("transferred from another platform"), "{page}");
    let (code, page, stderr) = explain(file.to_str().unwrap());
    assert_eq!(code, 0, "{stderr}");
    assert!(page.contains("calibrated on ") && !page.contains("transferred"), "{page}");

    // What was edited is refused, with its place.
    std::fs::write(&file, text.replace("version = 1", "version = 7")).unwrap();
    let (code, _, stderr) = explain(file.to_str().unwrap());
    assert_eq!(code, 1);
    assert!(stderr.contains("memory.calibration") && stderr.contains("own.toml:3:11"), "{stderr}");
}

#[test]
fn a_replay_of_ones_own_history_knows_the_channels() {
    let mut server = Server::new();
    server.err(HOUR, 0, 12, 0);
    let words = ["replay", "--own", "--policy", "mcelog"];
    let told = stdout(&mut server.command("default", &words));
    assert!(!told.contains("tells their channel"), "{told}");
    // Without the driver nobody knows.
    server.kernel.unload_driver();
    server.kernel.wait(HOUR);
    server.look();
    let told = stdout(&mut server.command("default", &words));
    assert!(told.contains("2 of 2 sticks: neither EDAC nor SMBIOS tells their channel"), "{told}");
}
