//! A receiver of notices on the loopback interface: a web server that keeps what it is sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) path: String,
    pub(crate) headers: String,
    pub(crate) body: serde_json::Value,
}

/// It listens until it is dropped.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    sent: Arc<Mutex<Vec<Sent>>>,
    status: Arc<AtomicU16>,
    ends: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Receiver {
    /// On a free port.
    pub(crate) fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    pub(crate) fn at(address: SocketAddr) -> Self {
        // The port of one that was just ended may take a moment to be free.
        let mut tried = 0;
        let listener = loop {
            match TcpListener::bind(address) {
                Ok(listener) => break listener,
                Err(error) if tried == 200 => panic!("{address}: {error}"),
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
            tried += 1;
        };
        let address = listener.local_addr().unwrap();
        let (sent, status) = (Arc::default(), Arc::new(AtomicU16::new(200)));
        let ends = Arc::new(AtomicBool::new(false));
        let (kept, answer, end) = (Arc::clone(&sent), Arc::clone(&status), Arc::clone(&ends));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    break;
                }
                if let Some(request) = stream.ok().and_then(|stream| serve(stream, &answer)) {
                    let kept: &Mutex<Vec<Sent>> = &kept;
                    kept.lock().unwrap().push(request);
                }
            }
        });
        Self { address, sent, status, ends, thread: Some(thread) }
    }

    /// What it answers from now on. What it refuses it does not keep.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// What webhooks were sent, of one kind and code.
    pub(crate) fn notices(&self, kind: &str, code: &str) -> Vec<serde_json::Value> {
        let bodies = self.sent().into_iter().filter(|sent| sent.path == "/hook").map(|s| s.body);
        bodies.filter(|body| body["kind"] == kind && body["code"] == code).collect()
    }

    /// Waits until there are so many of them.
    pub(crate) fn wait(&self, kind: &str, code: &str, count: usize) -> Vec<serde_json::Value> {
        wait_for(&format!("{count} {kind} of {code}"), || {
            let found = self.notices(kind, code);
            (found.len() >= count).then_some(found)
        })
    }
}

/// Asks until there is an answer, and gives up after a bound.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1_500 {
        if let Some(found) = ask() {
            return found;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("no {what} within 30 s");
}

fn serve(stream: TcpStream, status: &AtomicU16) -> Option<Sent> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut headers, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        headers.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let status = status.load(Ordering::SeqCst);
    let mut stream = reader.into_inner();
    write!(stream, "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    let body = serde_json::from_slice(&body).ok()?;
    (status < 300).then_some(Sent { path, headers, body })
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes it, so that it sees that it is to end.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
