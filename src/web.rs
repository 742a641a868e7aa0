//! Where the agent listens, and the files that say to whom it answers.

use crate::clock;
use crate::config::{ListenAddress, WebSettings};
use anyhow::Context;
use listenfd::ListenFd;
use scrubjay_exporters::http::{Gate, Setup, WebConfig};
use scrubjay_model::WebStats;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener as StdListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// The files are looked at when somebody connects, and at most this often.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Everything that is listened on: as configured, or as systemd hands it over.
pub(crate) async fn listeners(settings: &WebSettings) -> anyhow::Result<Vec<TcpListener>> {
    if settings.listen.is_empty() {
        return handed_over();
    }
    let mut listeners = Vec::new();
    for address in &settings.listen {
        let listener = bind(*address).await.with_context(|| {
            format!(
                "cannot listen on {address}: is another agent running? Choose another address \
                 with --web.listen-address"
            )
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn bind(address: ListenAddress) -> io::Result<TcpListener> {
    let bound = TcpListener::bind(address.socket()).await;
    match (&bound, address) {
        // A kernel without IPv6: then all addresses are those of IPv4.
        (Err(error), ListenAddress::Everywhere(port))
            if error.kind() != io::ErrorKind::AddrInUse =>
        {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        (Ok(_) | Err(_), _) => bound,
    }
}

/// The sockets of `LISTEN_FDS`.
fn handed_over() -> anyhow::Result<Vec<TcpListener>> {
    let mut sockets = ListenFd::from_env();
    let mut listeners = Vec::new();
    for number in 0..sockets.len() {
        let taken: io::Result<Option<StdListener>> = sockets.take_tcp_listener(number);
        let socket = taken.with_context(|| {
            format!("socket {number} that systemd handed over is none of TCP (ListenStream=)")
        })?;
        if let Some(socket) = socket {
            socket.set_nonblocking(true)?;
            listeners.push(TcpListener::from_std(socket)?);
        }
    }
    anyhow::ensure!(
        !listeners.is_empty(),
        "systemd handed over no socket: start the .socket unit rather than the service (docs/web.md), \
         or leave --web.systemd-socket out"
    );
    Ok(listeners)
}

/// The web configuration, and how its files fare.
#[derive(Debug)]
pub(crate) struct WebFiles {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The files as they were when they were last taken, or refused.
    stamps: Vec<(PathBuf, Option<Stamp>)>,
    looked: Duration,
    stats: WebStats,
}

/// What tells a file from one that was changed or put in its place.
type Stamp = (u64, u64, u64, i64, i64, i64, i64);

fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    let (changed, changed_ns) = (found.ctime(), found.ctime_nsec());
    let (written, written_ns) = (found.mtime(), found.mtime_nsec());
    Some((found.dev(), found.ino(), found.size(), written, written_ns, changed, changed_ns))
}

fn stamps(paths: Vec<PathBuf>) -> Vec<(PathBuf, Option<Stamp>)> {
    paths.into_iter().map(|path| (path.clone(), stamp(&path))).collect()
}

impl WebFiles {
    /// Reads the files. At the start a mistake is fatal: nobody would notice that everything is open.
    pub(crate) fn read(path: &Path) -> anyhow::Result<(Arc<Self>, Setup)> {
        let Loaded { setup, files } = load(path);
        let setup = setup?;
        let stats = WebStats { failing: false, loaded_wall_ms: clock::wall_ms() };
        let state = State { stamps: files, looked: clock::monotonic(), stats };
        let files = Self { path: path.to_owned(), state: Mutex::new(state) };
        Ok((Arc::new(files), setup))
    }

    pub(crate) fn stats(&self) -> WebStats {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stats
    }

    /// A new setup, if the files are not what they were. Where they are of no use what holds goes on
    /// to hold: a mistake in a file must neither open the door nor lock everybody out.
    fn renew(&self) -> Option<Setup> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::monotonic();
        if now < state.looked.saturating_add(LOOK_AGAIN_AFTER) {
            return None;
        }
        state.looked = now;
        if state.stamps.iter().all(|(path, known)| stamp(path) == *known) {
            return None;
        }
        let Loaded { setup, files } = load(&self.path);
        state.stamps = files;
        match setup {
            Ok(setup) => {
                tracing::info!("read {} anew; {}", self.path.display(), in_words(&setup));
                state.stats = WebStats { failing: false, loaded_wall_ms: clock::wall_ms() };
                Some(setup)
            }
            Err(error) => {
                tracing::error!("what held before goes on to hold: {error:#}");
                state.stats.failing = true;
                None
            }
        }
    }

    /// A gate that follows the files.
    pub(crate) fn gate(self: &Arc<Self>, setup: Setup) -> Gate {
        let files = Arc::clone(self);
        Gate::new(setup, move || files.renew())
    }
}

/// What a setup does, for the log.
pub(crate) fn in_words(setup: &Setup) -> &'static str {
    match (setup.is_encrypted(), setup.authenticates()) {
        (true, true) => "encrypted, and clients are authenticated",
        (true, false) => "encrypted; other hosts see the metrics and no more",
        (false, true) => "not encrypted, and clients are authenticated: passwords can be overheard",
        (false, false) => {
            "neither encrypted nor authenticated; other hosts see the metrics and no more"
        }
    }
}

/// What came of reading the files, and what they were just before: what is written meanwhile is read
/// again.
struct Loaded {
    setup: anyhow::Result<Setup>,
    files: Vec<(PathBuf, Option<Stamp>)>,
}

/// Reads the configuration and what it names. Names of files are relative to its folder, as they
/// are to exporter-toolkit.
fn load(path: &Path) -> Loaded {
    let mut files = stamps(vec![path.to_owned()]);
    let config = match parse(path) {
        Ok(config) => config,
        Err(error) => return Loaded { setup: Err(error), files },
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    files.extend(stamps(config.files().into_iter().map(|file| folder.join(file)).collect()));
    let setup = config.setup(&|file| bytes(&folder.join(file)));
    Loaded { setup: setup.with_context(|| format!("failed to use {}", path.display())), files }
}

fn parse(path: &Path) -> anyhow::Result<WebConfig> {
    let text = bytes(path).with_context(|| format!("failed to read {}", path.display()))?;
    let text = String::from_utf8(text)
        .map_err(|_| anyhow::anyhow!("failed to use {}: it is not UTF-8", path.display()))?;
    WebConfig::parse(&text).map_err(|error| anyhow::anyhow!("{}:{error}", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "configuration is no kernel file")]
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    std::fs::read(path)
}

/// How a listener is reached, for the log.
pub(crate) fn url(address: SocketAddr, setup: &Setup) -> String {
    format!("{}://{address}/", if setup.is_encrypted() { "https" } else { "http" })
}
