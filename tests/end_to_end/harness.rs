//! Starting the binary, talking to it, and ending it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// The binary under test.
pub(crate) const SCRUBJAY: &str = env!("CARGO_BIN_EXE_scrubjay");

/// A command that sees no configuration and no state of the machine it runs on.
pub(crate) fn scrubjay(home: &Path) -> Command {
    let mut command = Command::new(SCRUBJAY);
    let empty = home.join("empty.toml");
    std::fs::write(&empty, "").unwrap();
    command.env_clear().env("HOME", home).arg("--config").arg(empty).stdin(Stdio::null());
    command
}

/// Runs a command to its end.
pub(crate) fn output(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// Runs a command that must succeed, and returns what it wrote to stdout.
pub(crate) fn stdout(command: &mut Command) -> String {
    let (code, stdout, stderr) = output(command);
    assert_eq!(code, 0, "stderr: {stderr}");
    stdout
}

/// A running agent. Dropping it kills it, as a crash would.
pub(crate) struct Agent {
    child: Child,
    address: String,
}

impl Agent {
    /// Starts an agent on a free port and waits until it serves.
    pub(crate) fn start(home: &Path, root: &Path) -> Self {
        Self::start_with(home, root, |_| ())
    }

    /// The same, of a command that is changed before.
    pub(crate) fn start_with(home: &Path, root: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::start_every("1s", home, root, change)
    }

    /// The same, with so long between its passes.
    pub(crate) fn start_every(
        interval: &str,
        home: &Path,
        root: &Path,
        change: impl FnOnce(&mut Command),
    ) -> Self {
        let mut command = scrubjay(home);
        command
            .args(["agent", "--web.listen-address", "127.0.0.1:0", "--interval", interval])
            .arg("--root")
            .arg(root)
            .arg("--state-dir")
            .arg(home.join("state"));
        change(&mut command);
        Self::launch(&mut command)
    }

    /// Starts `serve` on a free port, with the state directory of the agents above.
    pub(crate) fn serve(home: &Path, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = scrubjay(home);
        command
            .args(["serve", "--web.listen-address", "127.0.0.1:0", "--state-dir"])
            .arg(home.join("state"));
        change(&mut command);
        Self::launch(&mut command)
    }

    /// Starts what serves, and waits until it does.
    pub(crate) fn launch(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut seen = String::new();
        let address = loop {
            let line = lines.next().unwrap_or_else(|| panic!("it ended: {seen}")).unwrap();
            if let Some((_, url)) = line.split_once("serving http")
                && let Some((_, rest)) = url.split_once("://")
            {
                break rest.trim_end_matches('/').to_owned();
            }
            seen.push_str(&line);
        };
        // Whatever else it logs must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// A demo whose story is told to its end, and goes on to be served.
    pub(crate) fn demo(home: &Path, scenario: &str) -> Self {
        let mut command = Command::new(SCRUBJAY);
        command
            .env_clear()
            .env("HOME", home)
            .env("TMPDIR", home)
            .args(["demo", "--web.listen-address", "127.0.0.1:0", "--speed", "0"])
            .args(["--scenario", scenario])
            .stdin(Stdio::null());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = None;
        loop {
            let line = lines.next().unwrap_or_else(|| panic!("{scenario} ended")).unwrap();
            if let Some(url) = line.strip_prefix("  page     http://") {
                address = Some(url.trim_end_matches('/').to_owned());
            }
            if line.starts_with("Try now") {
                break;
            }
        }
        // Whatever else it tells must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.unwrap() }
    }

    /// The number of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Memory that it has in use, KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Status line, headers and body of a page.
    pub(crate) fn get(&self, path: &str) -> (u16, String, String) {
        self.ask(path, "")
    }

    /// The same, asked for with more headers, each with the end of its line.
    pub(crate) fn ask(&self, path: &str, headers: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head.to_owned(), body.to_owned())
    }

    /// The metrics page, once the agent has completed at least `passes` passes.
    pub(crate) fn metrics_after(&self, passes: u64) -> String {
        for _ in 0..1_000 {
            let (status, _, page) = self.get("/metrics");
            let done = sample(&page, "scrubjay_agent_passes_total");
            if status == 200 && done.is_some_and(|done| done >= passes) {
                return page;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no {passes} passes within 20 s");
    }

    /// Completed passes.
    pub(crate) fn passes(&self) -> u64 {
        sample(&self.metrics_after(1), "scrubjay_agent_passes_total").unwrap()
    }

    /// kill -9.
    pub(crate) fn crash(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and the exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Already ended is as good as ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The value of the first sample whose name and labels begin with `series`.
pub(crate) fn sample(page: &str, series: &str) -> Option<u64> {
    page.lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with([' ', '{'])))
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

/// JSON for a golden text, less the hash of the ledger's head, which is of the version and the
/// settings too.
pub(crate) fn pretty_json(text: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
    if let Some(hash) = json.pointer_mut("/history/value/ledger_head/hash") {
        *hash = "…".into();
    }
    serde_json::to_string_pretty(&json).unwrap() + "\n"
}

/// The head of the ledger, as `--expect` takes it.
pub(crate) fn ledger_head(page: &str) -> String {
    let line = page.lines().find(|line| line.starts_with("scrubjay_ledger_head_info{")).unwrap();
    let label = |name: &str| {
        let (_, rest) = line.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    format!("{}:{}", label("seq"), label("hash"))
}

/// The sum over all samples of a family.
pub(crate) fn sum(page: &str, family: &str) -> u64 {
    page.lines()
        .filter(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with('{')))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum()
}

/// Families that together hold each corrected error once.
const CORRECTED: [&str; 2] = [
    "scrubjay_dimm_correctable_errors_total",
    "scrubjay_controller_unattributed_correctable_errors_total",
];

/// Corrected errors, over everything.
pub(crate) fn corrected(page: &str) -> u64 {
    CORRECTED.iter().map(|family| sum(page, family)).sum()
}
