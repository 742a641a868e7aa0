//! The agent as a server.

use crate::harness::{Agent, output, sample, scrubjay};
use scrubjay_tests::trees;

#[test]
fn the_agent_serves_metrics_health_and_json_and_stops_in_order() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("busy-server")).unwrap();
    let agent = Agent::start(home.path(), &root);
    let page = agent.metrics_after(1);
    assert!(sample(&page, "scrubjay_build_info").is_some(), "{page}");

    let (status, head, _) = agent.get("/metrics");
    assert_eq!(status, 200);
    let head = head.to_ascii_lowercase();
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
    for path in ["/", "/healthz", "/readyz", "/-/healthy", "/-/ready"] {
        assert_eq!(agent.get(path).0, 200, "{path}");
    }
    let (status, _, body) = agent.get("/api/v1/snapshot");
    assert_eq!(status, 200);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(agent.get("/nothing").0, 404);

    assert_eq!(agent.stop(), 0);
}

#[test]
fn a_second_agent_on_the_same_history_is_refused_with_the_remedy() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    let agent = Agent::start(home.path(), &root);
    agent.metrics_after(1);
    let (code, _, stderr) = output(
        scrubjay(home.path())
            .args(["agent", "--once", "--root"])
            .arg(&root)
            .arg("--state-dir")
            .arg(home.path().join("state")),
    );
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("another"), "{stderr}");
    assert_eq!(agent.stop(), 0);
}

#[test]
fn an_address_in_use_is_said_with_the_remedy_and_leaves_no_run_behind() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let state = home.path().join("state");
    let (code, _, stderr) = output(
        scrubjay(home.path())
            .args(["agent", "--web.listen-address", &taken.local_addr().unwrap().to_string()])
            .arg("--root")
            .arg(&root)
            .arg("--state-dir")
            .arg(&state),
    );
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("--web.listen-address"), "{stderr}");
    assert!(!state.exists(), "a history was begun");
}

#[test]
fn a_scrape_shows_what_the_kernel_counts_now_and_not_what_the_last_pass_saw() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host");
    let mc = root.join("sys/devices/system/edac/mc/mc0");
    std::fs::create_dir_all(mc.join("dimm0")).unwrap();
    let count = |errors: u64| {
        for (file, number) in [
            ("dimm0/dimm_ce_count", errors),
            ("dimm0/dimm_ue_count", 0),
            ("ce_count", errors),
            ("ue_count", 0),
            ("ce_noinfo_count", 0),
            ("ue_noinfo_count", 0),
            ("seconds_since_reset", 1_000),
        ] {
            std::fs::write(mc.join(file), format!("{number}\n")).unwrap();
        }
    };
    count(3);
    // No pass is planned after the first.
    let agent = Agent::start_every("24h", home.path(), &root, |_| ());
    let errors = |page: &str| sample(page, "scrubjay_dimm_correctable_errors_total").unwrap();
    let before = errors(&agent.metrics_after(1));
    count(5);
    for _ in 0..400 {
        let (_, _, page) = agent.get("/metrics");
        if errors(&page) == before + 2 {
            assert_eq!(sample(&page, "scrubjay_agent_passes_total"), Some(2));
            assert_eq!(agent.stop(), 0);
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("two errors were counted, and no scrape showed them within 20 s");
}
