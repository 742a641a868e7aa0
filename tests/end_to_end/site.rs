//! The status page as people and programs meet it: in a real Chromium, and beside what else tells the same
//! figures.

mod hosts;

use crate::harness::{Agent, corrected, scrubjay, stdout};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program by the variable that names it, else where Debian has it.
fn program(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let found = named.into_iter().chain([usual.into()]).find(|path| path.is_file());
    if found.is_none() {
        println!("skipped: {usual} is missing, and {variable} names none");
    }
    found
}

/// Hosts to look at: what they are called, and an agent on each.
fn looked_at() -> Vec<(&'static str, tempfile::TempDir, Agent)> {
    let (home, agent) = hosts::aged();
    let (guest_home, guest) = hosts::fixture("bare-guest");
    let mut looked_at = vec![("aged", home, agent), ("blind-guest", guest_home, guest)];
    for scenario in
        ["dying-dimm", "row-fault", "cosmic", "firmware-first", "patch-lag", "stalled-livepatch"]
    {
        let home = tempfile::tempdir().unwrap();
        let agent = Agent::demo(home.path(), scenario);
        looked_at.push((scenario, home, agent));
    }
    looked_at
}

/// Pages of an agent that no link leads to, and those among them that are not there.
fn beyond(agent: &Agent) -> (Vec<String>, Vec<&'static str>) {
    let memory: Value = serde_json::from_str(&agent.get("/api/v1/memory").2).unwrap();
    let dimms = memory["dimms"].as_array().unwrap();
    // The stick with the most errors is worth a look before the others.
    let worst = dimms.iter().max_by_key(|dimm| dimm["correctable"].as_u64());
    let worst = worst.map(|dimm| format!("/memory/{}", dimm["module"].as_str().unwrap()));
    let missing = vec!["/nothing", "/memory/none"];
    (worst.into_iter().chain(missing.iter().map(|path| (*path).to_owned())).collect(), missing)
}

/// Every page at three widths, in light and dark, with a keyboard and by axe-core: `tests/browser/check.mjs`
/// says what must hold. Screenshots are left in `target/screenshots`.
#[test]
fn a_browser_finds_no_fault_with_any_page() {
    let (Some(chromium), Some(node)) =
        (program("CHROMIUM", "/usr/bin/chromium"), program("NODE", "/usr/bin/node"))
    else {
        return;
    };
    let axe = std::env::var_os("SCRUBJAY_AXE").map(PathBuf::from).filter(|path| path.is_file());
    if axe.is_none() {
        println!(
            "skipped: SCRUBJAY_AXE names no axe.min.js, so accessibility is not checked by axe-core"
        );
    }
    let hosts = looked_at();
    let asked: Vec<Value> = hosts
        .iter()
        .map(|(name, _, agent)| {
            agent.metrics_after(1);
            let (beyond, missing) = beyond(agent);
            let url = format!("http://{}", agent.address());
            serde_json::json!({ "name": name, "url": url, "beyond": beyond, "missing": missing })
        })
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let pictures = target.join("screenshots");
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("asked.json");
    let asked = serde_json::json!({
        "chromium": chromium, "axe": axe, "pictures": pictures, "hosts": asked
    });
    std::fs::write(&file, asked.to_string()).unwrap();
    let mut command = Command::new(node);
    let output = command.arg(root.join("tests/browser/check.mjs")).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}");
    for kind in ["overview", "memory", "dimm", "patches", "uptime", "alerts", "visibility", "about"]
    {
        for look in ["360.light", "1280.dark", "2560.light"] {
            let picture = pictures.join(format!("aged.{kind}.{look}.png"));
            assert!(picture.metadata().unwrap().len() > 5_000, "{}", picture.display());
        }
    }
    for (name, _, agent) in hosts {
        assert_eq!(agent.stop(), 0, "{name}");
    }
    // The pictures of the documentation, where somebody wants them made again.
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        let shown = root.join("docs/pictures");
        std::fs::create_dir_all(&shown).unwrap();
        for name in SHOWN {
            std::fs::copy(pictures.join(name), shown.join(name)).unwrap();
        }
    }
}

/// Pictures that the documentation shows.
const SHOWN: [&str; 4] = [
    "dying-dimm.overview.1280.light.png",
    "dying-dimm.dimm.1280.light.png",
    "stalled-livepatch.patches.1280.dark.png",
    "firmware-first.overview.360.light.png",
];

/// The text of a page, without its tags.
fn text(page: &str) -> String {
    let mut text = String::new();
    for piece in page.split('<') {
        let (_, rest) = piece.split_once('>').unwrap_or(("", piece));
        text.push_str(rest);
        text.push(' ');
    }
    // Numbers are set in groups.
    let text = text.replace('\u{202f}', "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn page_status_metrics_and_json_tell_the_same_figures() {
    let (home, agent) = hosts::aged();
    let metrics = agent.metrics_after(2);
    let page = text(&agent.get("/").2);
    let twin: Value = serde_json::from_str(&agent.get("/api/v1/overview").2).unwrap();
    let mut command = scrubjay(home.path());
    command.args(["status", "--json", "--root"]).arg(home.path().join("host.tree"));
    let status = stdout(command.arg("--state-dir").arg(home.path().join("state")));
    let status: Value = serde_json::from_str(&status).unwrap();

    // The verdict.
    let verdict = twin["verdict"].as_str().unwrap();
    assert_eq!(verdict, status["assessment"]["verdict"]);
    let told =
        metrics.lines().find(|line| line.starts_with("scrubjay_verdict{") && line.ends_with(" 1"));
    assert!(told.unwrap().contains(&format!("verdict=\"{verdict}\"")), "{told:?}");
    assert!(page.contains(&format!("Verdict: {verdict}.")), "{page}");

    // Corrected errors.
    let errors = twin["errors"]["correctable"].as_u64().unwrap();
    assert!(errors > 700);
    assert_eq!(errors, corrected(&metrics));
    let totals = status["accumulated"].as_array().unwrap().iter();
    let of_places = totals.filter(|t| t["class"] == "correctable" && t["place"] != "total");
    let sum: u64 = of_places.map(|total| total["total"].as_u64().unwrap()).sum();
    assert_eq!(errors, sum);
    assert!(page.contains(&format!("Corrected errors ≥ {errors}")), "{page}");

    // The report on all the time there is, at the moment of the host.
    let mut command = scrubjay(home.path());
    command.args(["report", "--draft", "--format", "json", "--host-name", "aged"]);
    command.args(["--from", "2026-01-01", "--to", "2026-09-07", "--root"]);
    command.arg(home.path().join("host.tree"));
    let report = stdout(command.arg("--state-dir").arg(home.path().join("state")));
    let report: Value = serde_json::from_str(&report).unwrap();
    let of_report = |key: &str| report["errors"][key].as_u64().unwrap();
    assert_eq!(errors, of_report("corrected") + of_report("corrected_on_none"));
    let waiting = report["patches"]["exposures"].as_array().unwrap().iter();
    let waiting = waiting.filter(|exposure| exposure["in_force_wall_ms"].is_null()).count();
    assert_eq!(twin["owed"]["owed"].as_u64(), u64::try_from(waiting).ok());
    assert_eq!(report["ledger"]["last"]["seq"], twin["ledger"]["head"]["seq"]);

    // Exposure, to the second, and the days of it on the page.
    for (label, clock) in [("release", "released"), ("install", "installed")] {
        let line = metrics.lines().find(|line| {
            let is_it = line.starts_with("scrubjay_kernel_exposure_seconds{");
            is_it && line.contains(&format!("clock=\"{label}\""))
        });
        let of_metrics: u64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        let of_json = twin["owed"][format!("exposed_{clock}_seconds")].as_u64();
        assert_eq!(of_json, Some(of_metrics), "{clock}");
        let days = of_metrics / 86_400;
        assert!(days > 30 && page.contains(&format!("{days} d ")), "{clock}: {days} in {page}");
    }
    assert_eq!(twin["owed"]["owed"], status["patches"]["debt"]["value"]["owed"]);

    // Uptime.
    let up = twin["since_boot_seconds"].as_u64().unwrap();
    let line = metrics.lines().find(|line| line.starts_with("scrubjay_uptime_seconds ")).unwrap();
    let whole = line.rsplit(' ').next().and_then(|value| value.split('.').next());
    assert_eq!(Some(up), whole.and_then(|whole| whole.parse().ok()));
    assert!(page.contains(&format!("Uptime {} d", up / 86_400)), "{page}");

    // Each stick: its errors and its verdict.
    let memory: Value = serde_json::from_str(&agent.get("/api/v1/memory").2).unwrap();
    for dimm in memory["dimms"].as_array().unwrap().iter().filter(|d| d["ended_wall_ms"].is_null())
    {
        let module = dimm["module"].as_str().unwrap();
        let of = |family: &str| {
            let line = metrics.lines().find(|line| {
                line.starts_with(&format!("{family}{{"))
                    && line.contains(&format!("module=\"{module}\""))
            });
            line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
        };
        assert_eq!(
            dimm["correctable"].as_u64(),
            of("scrubjay_module_correctable_errors_total"),
            "{module}"
        );
        let judged = status["assessment"]["dimms"].as_array().unwrap().iter();
        let judged = judged.clone().find(|judged| judged["module"] == module).unwrap();
        assert_eq!(dimm["verdict"], judged["verdict"], "{module}");
    }
    let seq = twin["ledger"]["head"]["seq"].as_u64().unwrap();
    assert!(page.contains(&format!("row {seq}")), "{page}");
    for form in [&metrics, &page, &twin.to_string(), &memory.to_string()] {
        assert!(!form.to_uppercase().contains(hosts::SERIALS), "a serial number");
    }
    assert_eq!(agent.stop(), 0);
}
