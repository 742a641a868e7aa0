//! Where the agent listens, and the files that say to whom it answers.

use crate::clock;
use crate::config::ListenAddress;
use anyhow::Context;
use listenfd::ListenFd;
use rustix::fs::{Mode, OFlags};
use scrubjay_exporters::http::{Gate, Setup, WebConfig, WebConfigError};
use scrubjay_model::WebStats;
use socket2::{Domain, Protocol, Socket, Type};
use std::fs::File;
use std::io::{self, Read as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener as StdListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;

/// The files are looked at when somebody connects, and at most this often.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Connections that wait in the kernel's queue, as many as with tokio.
const BACKLOG: i32 = 1_024;

/// Bytes of a file. A bundle of all authorities there are is a quarter of it.
const MOST_BYTES: u64 = 1 << 20;

/// Everything that is listened on: as configured, or as systemd hands it over.
pub(crate) async fn listeners(listen: &[ListenAddress]) -> anyhow::Result<Vec<TcpListener>> {
    if listen.is_empty() {
        return handed_over();
    }
    let mut listeners = Vec::new();
    for address in listen {
        let listener = bind(*address).await.with_context(|| {
            format!(
                "cannot listen on {address}: is another agent or server running? Choose another address \
                 with --web.listen-address"
            )
        })?;
        listeners.push(listener);
    }
    Ok(listeners)
}

async fn bind(address: ListenAddress) -> io::Result<TcpListener> {
    let socket = address.socket();
    let bound = if socket.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        bind_both(socket)
    } else {
        TcpListener::bind(socket).await
    };
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

/// Listens at all addresses of IPv6, and at those of IPv4 too, whatever `net.ipv6.bindv6only` says.
fn bind_both(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_only_v6(false)?;
    // The rest as tokio has it.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Device, inode, size.
    identity: (u64, u64, u64),
    /// `st_mtime`, seconds and nanoseconds.
    written: (i64, i64),
    /// `st_ctime`, likewise.
    changed: (i64, i64),
}

impl Stamp {
    /// When it was written, to be compared.
    pub(crate) fn written(&self) -> (i64, i64) {
        self.written
    }
}

pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    Some(Stamp {
        identity: (found.dev(), found.ino(), found.size()),
        written: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
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

    /// Where it and the files that it names are, of which all are read anew when one has changed.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.state().stamps.iter().map(|(path, _)| path.clone()).collect()
    }

    pub(crate) fn stats(&self) -> WebStats {
        self.state().stats
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new setup, if the files are not what they were. Where they are of no use, or protect less
    /// than what holds, that goes on to hold: a mistake in a file must neither open the door nor
    /// lock everybody out. It may block, and holds no lock meanwhile; one at a time may ask.
    fn renew(&self, held: &Setup) -> Option<Setup> {
        let known = {
            let mut state = self.state();
            let now = clock::monotonic();
            if now < state.looked.saturating_add(LOOK_AGAIN_AFTER) {
                return None;
            }
            state.looked = now;
            state.stamps.clone()
        };
        if known.iter().all(|(path, known)| stamp(path) == *known) {
            return None;
        }
        let Loaded { setup, files } = load(&self.path);
        let setup = setup.and_then(|setup| {
            anyhow::ensure!(
                !setup.protects_less_than(held),
                "{} protects less than what holds (it is {}): restart the agent if that is meant",
                self.path.display(),
                in_words(&setup)
            );
            Ok(setup)
        });
        let mut state = self.state();
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
        Gate::new(setup, move |held| files.renew(held))
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
    let setup = config.setup(&|file| bytes(&folder.join(file), MOST_BYTES));
    Loaded { setup: setup.with_context(|| format!("failed to use {}", path.display())), files }
}

/// Whether the web configuration, or a file that it names, may not be read by this user.
pub(crate) fn is_file_denied(error: &anyhow::Error) -> bool {
    let is_denied = |cause: &io::Error| cause.kind() == io::ErrorKind::PermissionDenied;
    // Addresses may be denied too.
    let of_a_file = error.to_string().starts_with(UNREAD)
        || error.chain().any(|cause| cause.is::<WebConfigError>());
    of_a_file && error.root_cause().downcast_ref().is_some_and(is_denied)
}

/// How it begins that the web configuration itself cannot be read.
const UNREAD: &str = "failed to read ";

fn parse(path: &Path) -> anyhow::Result<WebConfig> {
    let text = bytes(path, MOST_BYTES).with_context(|| format!("{UNREAD}{}", path.display()))?;
    let text = String::from_utf8(text)
        .map_err(|_| anyhow::anyhow!("failed to use {}: it is not UTF-8", path.display()))?;
    WebConfig::parse(&text).map_err(|error| anyhow::anyhow!("{}:{error}", path.display()))
}

/// What a regular file holds. Others may never come to an end, or never begin: it is opened so that
/// nobody waits for the other end of a pipe.
pub(crate) fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > most) {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it is larger than {} MiB", most >> 20),
        ));
    }
    Ok(bytes)
}

/// How a listener is reached, for the log.
pub(crate) fn url(address: SocketAddr, setup: &Setup) -> String {
    format!("{}://{address}/", if setup.is_encrypted() { "https" } else { "http" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_those_of_either_family_whatever_is_set_for_the_host() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let unspecified = ListenAddress::At((Ipv6Addr::UNSPECIFIED, 0).into());
        for address in [ListenAddress::Everywhere(0), unspecified] {
            let listener = runtime.block_on(bind(address)).unwrap();
            let at = listener.local_addr().unwrap();
            // Without IPv6 there is one family.
            if at.is_ipv6() {
                assert!(!socket2::SockRef::from(&listener).only_v6().unwrap());
            }
            let reached = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, at.port()));
            assert!(reached.is_ok(), "{address}");
        }
    }

    #[expect(clippy::disallowed_methods, reason = "files of the test's own")]
    #[test]
    fn only_regular_files_of_some_size_are_read() {
        let home = tempfile::tempdir().unwrap();
        let pipe = home.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
        let large = home.path().join("large");
        std::fs::File::create(&large).unwrap().set_len(MOST_BYTES + 1).unwrap();
        let whole = home.path().join("whole");
        std::fs::File::create(&whole).unwrap().set_len(MOST_BYTES).unwrap();
        for (path, said) in [
            (pipe.as_path(), "no regular file"),
            (Path::new("/dev/zero"), "no regular file"),
            (home.path(), "no regular file"),
            (large.as_path(), "larger than 1 MiB"),
        ] {
            let error = bytes(path, MOST_BYTES).unwrap_err().to_string();
            assert!(error.contains(said), "{}: {error}", path.display());
        }
        assert_eq!(bytes(&whole, MOST_BYTES).unwrap().len(), 1 << 20);
    }

    #[expect(clippy::disallowed_methods, reason = "a file of the test's own")]
    #[test]
    fn a_file_that_protects_less_than_what_holds_is_a_failure() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("web-config.yml");
        let alice = "basic_auth_users:\n  alice: \
                     $2y$04$9Zb0wPUVnTpGnkTBsOuzhenDum3iXUjVOKIRAEvLynvEoJkWA5gT6\n";
        let write = |text: &str| std::fs::write(&path, text).unwrap();
        write(alice);
        let (files, held) = WebFiles::read(&path).unwrap();
        let renewed = |text: &str| {
            write(text);
            // As if the last look was long ago, at other files.
            let mut state = files.state();
            state.looked = Duration::ZERO;
            state.stamps = vec![(path.clone(), None)];
            drop(state);
            (files.renew(&held).is_some(), files.stats().failing)
        };
        for text in ["", "# nothing\n", "basic_auth_users:\n", "basic_auth_users: {}\n"] {
            assert_eq!(renewed(text), (false, true), "{text}");
        }
        let headers = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
        assert_eq!(renewed(&format!("{alice}{headers}")), (true, false));
    }

    #[test]
    fn only_files_of_the_web_configuration_that_are_closed_to_this_user_get_the_hint() {
        let io = |kind| io::Error::from(kind);
        let key = |kind| WebConfigError::File {
            key: "tls_server_config.key_file",
            path: "/etc/server.key".into(),
            source: io(kind),
        };
        let itself = Err::<(), _>(io(io::ErrorKind::PermissionDenied));
        let itself = itself.context(format!("{UNREAD}/etc/web-config.yml")).unwrap_err();
        let named = |kind| Err::<(), _>(key(kind)).context("failed to use it").unwrap_err();
        let address = Err::<(), _>(io(io::ErrorKind::PermissionDenied));
        let address = address.context("cannot listen on 127.0.0.1:80").unwrap_err();
        for (error, expected) in [
            (itself, true),
            (named(io::ErrorKind::PermissionDenied), true),
            (named(io::ErrorKind::NotFound), false),
            (address, false),
        ] {
            assert_eq!(is_file_denied(&error), expected, "{error:#}");
        }
    }
}
