//! `fleet` beside a server that answers as a Prometheus-compatible API does.

use super::harness::{output, scrubjay, stdout};
use scrubjay_tests::fleet_answers::{AT_S, Fate, FleetAnswers, name, rack};
use scrubjay_tests::fleet_api::{Asked, FleetApi, Reply};
use scrubjay_tests::golden;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// Of this size no list is longer than a page.
const HOSTS: u32 = 240;

fn fleet_api(hosts: u32) -> FleetApi {
    let answers = FleetAnswers { hosts };
    FleetApi::start(move |asked| Reply::ok(answers.answer(asked.query())))
}

fn fleet(home: &Path, api: &FleetApi, arguments: &[&str]) -> Command {
    let mut command = scrubjay(home);
    command.arg("fleet").args(arguments).args([
        "--url",
        &api.url(),
        "--at",
        "2026-11-24T06:02:00Z",
    ]);
    command
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn texts(list: &serde_json::Value, key: &str) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap().to_owned()).collect()
}

fn names(numbers: &[u32]) -> BTreeSet<String> {
    numbers.iter().map(|number| name(*number)).collect()
}

#[test]
fn golden_pages_about_a_fleet() {
    let home = tempfile::tempdir().unwrap();
    let api = fleet_api(HOSTS);
    let windows = ["--window", "sunday 02:00 for 3h Europe/Berlin", "--each", "90m"];
    let plan =
        |more: &[&'static str]| [&["plan", "--group-by", "rack"][..], &windows[..], more].concat();
    for (file, arguments) in [
        ("fleet.status.txt", vec!["status", "--group-by", "rack"]),
        ("fleet.status.csv", vec!["status", "--csv"]),
        ("fleet.plan.txt", plan(&[])),
        ("fleet.plan.md", plan(&["--markdown"])),
        ("fleet.plan.csv", plan(&["--csv"])),
        ("fleet.report.txt", vec!["report", "--group-by", "rack"]),
        ("fleet.report.md", vec!["report", "--group-by", "rack", "--markdown"]),
        ("fleet.report.csv", vec!["report", "--csv"]),
    ] {
        golden::compare(file, &stdout(&mut fleet(home.path(), &api, &arguments)));
    }
}

#[test]
fn a_status_says_what_is_true_of_a_thousand_hosts() {
    let home = tempfile::tempdir().unwrap();
    let truth = FleetAnswers { hosts: 1_000 };
    let api = fleet_api(1_000);
    let status = json(&stdout(&mut fleet(home.path(), &api, &["status", "--json"])));
    assert_eq!((&status["hosts"], &status["reporting"]), (&1000.into(), &990.into()));
    assert_eq!(texts(&status["silent"], "host"), names(&truth.of(Fate::Silent)));
    let of = |verdict: &str| -> BTreeSet<String> {
        let lines = status["worst"].as_array().unwrap().iter();
        let of = lines.filter(|line| line["verdict"] == verdict);
        of.map(|line| line["host"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("act"), names(&truth.of(Fate::Swap)));
    assert_eq!(of("plan"), names(&truth.of(Fate::Reboot)));
    assert_eq!(of("unknown"), names(&truth.of(Fate::Blind)));
    assert_eq!(status["worst"][0]["verdict"], "act");
    let rising = &status["rising"];
    assert_eq!(texts(&rising["sticks"], "host"), names(&truth.of(Fate::Swap)));
    assert_eq!(rising["tested"], 30);
    // Each family was asked for once, all at the same moment; what was said last, of ten hosts.
    let asked = api.asked();
    let queries: BTreeSet<&str> = asked.iter().map(Asked::query).collect();
    assert_eq!(queries.len(), asked.len());
    assert!(asked.len() <= 20, "{} queries", asked.len());
    assert!(asked.iter().all(|asked| asked.parameter("time") == Some("1795500120.000")));
}

#[test]
fn a_plan_visits_whom_it_must_within_the_limit_of_each_rack_and_goes_on_after_reboots() {
    let home = tempfile::tempdir().unwrap();
    let truth = FleetAnswers { hosts: 1_000 };
    let api = fleet_api(1_000);
    let arguments = ["plan", "--group-by", "rack", "--at-once", "5%", "--json"];
    let text = stdout(&mut fleet(home.path(), &api, &arguments));
    let plan = json(&text);
    let mut visited = BTreeSet::new();
    for wave in plan["waves"].as_array().unwrap() {
        let mut away: BTreeMap<&str, u32> = BTreeMap::new();
        for visit in wave["visits"].as_array().unwrap() {
            *away.entry(visit["group"].as_str().unwrap()).or_default() += 1;
            assert!(visited.insert(visit["host"].as_str().unwrap().to_owned()));
        }
        assert!(away.values().all(|away| *away <= 2), "{away:?}");
    }
    let mut wanted = names(&truth.of(Fate::Swap));
    wanted.extend(names(&truth.of(Fate::Reboot)));
    assert_eq!(visited, wanted);
    assert_eq!(texts(&plan["blocked"], "host"), names(&truth.of(Fate::Silent)));
    // The first reboot happened: its boot is another one.
    let file = home.path().join("plan.json");
    std::fs::write(&file, &text).unwrap();
    let booted = truth.of(Fate::Reboot)[0];
    let later = FleetApi::start(move |asked| {
        let mut body = truth.answer(asked.query());
        if asked.query() == "scrubjay_boot_timestamp_seconds" {
            let then = (AT_S - 86_400 * 400 - i64::from(booted)).to_string();
            let line =
                format!("{}\",\"job\":\"scrubjay\",\"rack\":\"{}", name(booted), rack(booted));
            let (before, after) = body.split_once(&line).unwrap();
            let after = after.replacen(&then, &(AT_S + 600).to_string(), 1);
            body = format!("{before}{line}{after}");
        }
        if asked.query() == "scrubjay_reboot_required == 1" {
            let answer = |answer: &str| {
                let of = format!("{}\",\"job\":\"scrubjay\"", name(booted));
                format!("{of},\"rack\":\"{}\",\"answer\":\"{answer}\"", rack(booted))
            };
            assert!(body.contains(&answer("yes")));
            body = body.replace(&answer("yes"), &answer("no"));
        }
        Reply::ok(body)
    });
    let resume = ["plan", "--json", "--resume", file.to_str().unwrap()];
    let mut command = scrubjay(home.path());
    command.arg("fleet").args(resume).args(["--url", &later.url(), "--at", "2026-11-24T06:25:00Z"]);
    let after = json(&stdout(&mut command));
    assert_eq!(texts(&after["done"], "host"), names(&[booted]));
    let left: usize = after["waves"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wave| wave["visits"].as_array().unwrap().len())
        .sum();
    assert_eq!(left, wanted.len() - 1);
    assert_eq!(after["group_by"], "rack");
    assert_eq!(after["at_once"], "5%");
}

#[test]
fn what_is_given_to_the_api_is_what_was_asked_for_and_secrets_are_in_files() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let answers = FleetAnswers { hosts: 20 };
    let start = || FleetApi::start(move |asked| Reply::ok(answers.answer(asked.query())));
    let api = start();
    let token = file("token", "s3cret\n");
    let mut command = scrubjay(home.path());
    let url = format!("{}/prometheus/", api.url());
    command.args([
        "fleet",
        "status",
        "--url",
        &url,
        "--bearer-token-file",
        &token,
        "--tenant",
        "ops",
    ]);
    stdout(&mut command);
    let first = &api.asked()[0];
    assert_eq!(first.path, "/prometheus/api/v1/query");
    assert_eq!(first.header("authorization"), Some("Bearer s3cret"));
    assert_eq!(first.header("x-scope-orgid"), Some("ops"));
    // A name with a password, out of a configuration and the environment.
    let api = start();
    let text = format!("[fleet]\nurl = \"{}\"\nuser = \"ops\"\n", api.url());
    let config = file("fleet.toml", &text);
    let mut command = Command::new(super::harness::SCRUBJAY);
    command.env_clear().env("HOME", home.path()).args(["--config", &config, "fleet", "status"]);
    let (code, _, stderr) = output(&mut command);
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("SCRUBJAY_FLEET_PASSWORD"), "{stderr}");
    command.env("SCRUBJAY_FLEET_PASSWORD", "pass word");
    stdout(&mut command);
    assert_eq!(api.asked()[0].header("authorization"), Some("Basic b3BzOnBhc3Mgd29yZA=="));
}

/// Runs `status` beside a server that answers all queries of a metric in another way.
fn with(
    metric: &'static str,
    reply: impl Fn(String) -> Reply + Send + 'static,
) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let answers = FleetAnswers { hosts: 120 };
    let api = FleetApi::start(move |asked| {
        let whole = answers.answer(asked.query());
        if asked.query().contains(metric) { reply(whole) } else { Reply::ok(whole) }
    });
    output(&mut fleet(home.path(), &api, &["status", "--timeout", "1s"]))
}

#[test]
fn what_goes_wrong_is_said_and_never_taken_for_good_news() {
    type Make = fn(String) -> Reply;
    let faults: [(Make, &str); 8] = [
        (|_| Reply::status(503, "busy"), "answered 503"),
        (|_| Reply::status(401, ""), "wants a token"),
        (
            |_| {
                Reply::status(
                    422,
                    r#"{"status":"error","errorType":"execution","error":"too many samples"}"#,
                )
            },
            "too many samples",
        ),
        (|_| Reply::ok("<html><title>Sign in</title>"), "Sign in"),
        (
            |_| Reply::ok(r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#),
            "matrix",
        ),
        (|whole| Reply { is_cut: true, ..Reply::ok(whole) }, "could not be read"),
        (|whole| Reply { hangs: true, ..Reply::ok(whole) }, "did not answer in time"),
        (
            |_| Reply {
                header: Some(("Location", "https://login.example/?next=1".to_owned())),
                ..Reply::status(302, "")
            },
            "now at https://login.example/",
        ),
    ];
    for (make, why) in faults {
        // Without the verdicts nothing can be said.
        let (code, stdout, stderr) = with("scrubjay_verdict", make);
        assert_eq!((code, stdout.as_str()), (1, ""), "{why}: {stderr}");
        assert!(stderr.contains(why), "{why}: {stderr}");
        // Without the coverage less can be said, and that it is.
        let (code, stdout, _) = with("scrubjay_monitoring_coverage ==", make);
        assert_eq!(code, 3, "{why}: {stdout}");
        assert!(stdout.contains("cannot be told") && stdout.contains("not told at"), "{stdout}");
    }
}

#[test]
fn a_partial_answer_is_shown_as_one_and_no_plan_is_made_from_it() {
    let warned = |whole: String| {
        Reply::ok(whole.replacen('{', "{\"warnings\":[\"store 10.0.0.7:10901 is gone\"],", 1))
    };
    let (code, stdout, _) = with("scrubjay_finding", warned);
    assert_eq!(code, 3);
    let said = stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("scrubjay_finding: the API warns: store 10.0.0.7:10901 is gone"),
        "{said}"
    );
    let home = tempfile::tempdir().unwrap();
    let answers = FleetAnswers { hosts: 120 };
    let api = FleetApi::start(move |asked| {
        let whole = answers.answer(asked.query());
        Reply::ok(whole.replacen('{', "{\"isPartial\":true,", 1))
    });
    let (code, stdout, stderr) = output(&mut fleet(home.path(), &api, &["plan"]));
    assert_eq!((code, stdout.as_str()), (3, ""), "{stderr}");
    assert!(stderr.contains("--accept-partial"), "{stderr}");
    let (code, stdout, _) = output(&mut fleet(home.path(), &api, &["plan", "--accept-partial"]));
    assert_eq!(code, 3);
    assert!(stdout.contains("wave 1") && stdout.contains("partial"), "{stdout}");
}

#[test]
fn what_silent_hosts_said_last_is_asked_of_them_alone_and_nothing_rests_on_it() {
    let busy = |_: String| Reply::status(422, r#"{"status":"error","error":"too many samples"}"#);
    let (code, page, stderr) = with("last_over_time(scrubjay_verdict", busy);
    assert_eq!(code, 0, "{stderr}");
    let said = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("said last could not be asked for"), "{said}");
    assert!(said.contains("n00010:10072"), "{said}");
    let (code, page, _) = with("last_over_time(scrubjay_verdict", Reply::ok);
    assert!(code == 0 && page.contains("watch"), "{page}");
    let home = tempfile::tempdir().unwrap();
    // Nobody is silent among the first ten.
    for (hosts, times) in [(10, 0), (20, 1)] {
        let api = fleet_api(hosts);
        stdout(&mut fleet(home.path(), &api, &["status"]));
        let asked = api.asked();
        let past: Vec<&str> = asked
            .iter()
            .map(Asked::query)
            .filter(|query| query.contains("last_over_time(scrubjay_verdict"))
            .collect();
        assert_eq!(past.len(), times, "{past:?}");
        assert!(past.iter().all(|query| query.contains("{instance=~\"n00010:10072\"}")));
    }
}

#[test]
fn a_plan_is_gone_on_with_by_the_labels_it_was_made_with() {
    let home = tempfile::tempdir().unwrap();
    let api = fleet_api(20);
    let labels = ["--host-label", "rack", "--host-label", "instance"];
    let text = stdout(&mut fleet(home.path(), &api, &[&["plan", "--json"], &labels[..]].concat()));
    let before = json(&text);
    assert_eq!(before["host_labels"], serde_json::json!(["rack", "instance"]));
    let first = &before["waves"][0]["visits"][0]["host"];
    assert!(first.as_str().unwrap().starts_with("r000/n0000"), "{first}");
    let file = home.path().join("plan.json");
    std::fs::write(&file, &text).unwrap();
    let arguments = ["plan", "--json", "--resume", file.to_str().unwrap()];
    let after = json(&stdout(&mut fleet(home.path(), &api, &arguments)));
    for key in ["waves", "host_labels", "blocked", "done", "new_since"] {
        assert_eq!(before[key], after[key], "{key}");
    }
}

#[test]
fn an_api_that_knows_no_host_and_a_file_that_is_no_plan_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let api = fleet_api(0);
    let (code, stdout, stderr) = output(&mut fleet(home.path(), &api, &["status"]));
    assert_eq!((code, stdout.as_str()), (3, ""));
    assert!(stderr.contains("knows no host"), "{stderr}");
    let file = home.path().join("plan.json");
    std::fs::write(&file, "{\"schema_version\": 1}").unwrap();
    let arguments = ["plan", "--resume", file.to_str().unwrap()];
    let (code, _, stderr) = output(&mut fleet(home.path(), &api, &arguments));
    assert_eq!(code, 1);
    assert!(stderr.contains("fleet plan --json"), "{stderr}");
    // Nobody listens there any more.
    let url = api.url();
    drop(api);
    let (code, _, stderr) = output(scrubjay(home.path()).args(["fleet", "report", "--url", &url]));
    assert_eq!(code, 1);
    assert!(stderr.contains("cannot be reached"), "{stderr}");
    let (code, _, stderr) = output(scrubjay(home.path()).args(["fleet", "report"]));
    assert_eq!(code, 1);
    assert!(stderr.contains("fleet.url"), "{stderr}");
}
