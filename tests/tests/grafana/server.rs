//! A real Prometheus on a history that was made beforehand.

use crate::run;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// It runs until it is dropped.
pub(crate) struct Prometheus {
    child: Child,
    address: String,
}

impl Prometheus {
    /// Imports samples and starts on them.
    pub(crate) fn start(program: &Path, promtool: &Path, dir: &Path, samples: &Path) -> Self {
        let data = dir.join("data");
        run(Command::new(promtool)
            .args(["tsdb", "create-blocks-from", "--quiet", "--max-block-duration=2400h"])
            .arg("openmetrics")
            .args([samples, &data]));
        let config = dir.join("prometheus.yml");
        std::fs::write(&config, "global: {}\n").unwrap();
        // A port that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let child = Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", data.display()))
            .args(["--storage.tsdb.retention.time=100y", "--log.level=warn"])
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let server = Self { child, address };
        for _ in 0..1_200 {
            if server.get("/-/ready").is_some_and(|(status, _)| status == 200) {
                return server;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("Prometheus is not ready within a minute: {}", crate::read(&dir.join("log")));
    }

    /// Status and body of a page; nothing while it does not answer.
    fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // In the old version an answer is not cut into pieces.
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// The series that a query gives, at a moment or over a time with a step.
    pub(crate) fn ask(&self, expr: &str, asked: Asked) -> Result<Vec<Value>, String> {
        let query = encoded(expr);
        let path = match asked {
            Asked::At(at) => format!("/api/v1/query?query={query}&time={at}"),
            Asked::Over { from, to, step } => {
                format!("/api/v1/query_range?query={query}&start={from}&end={to}&step={step}")
            }
        };
        let (status, body) = self.get(&path).ok_or("no answer")?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        if status != 200 || answer.get("warnings").is_some() {
            return Err(body);
        }
        Ok(answer["data"]["result"].as_array().ok_or("no series")?.clone())
    }
}

/// For which moments.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Asked {
    At(i64),
    Over { from: i64, to: i64, step: i64 },
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
