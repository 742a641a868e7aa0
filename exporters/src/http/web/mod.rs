//! Who may see what, and how it is encrypted: `web-config.yml` in the format of Prometheus'
//! exporter-toolkit, so that one file serves all exporters of a host.
//!
//! | module | what |
//! |---|---|
//! | `config` | the file as written, and what can be wrong with it |
//! | `tls` | certificates and keys to what rustls takes |
//! | `sans` | the names in a client's certificate |
//! | `passwords` | basic authentication |
//!
//! Nothing here opens a file: whoever makes a [`Setup`] brings what the files hold.

mod config;
mod passwords;
mod sans;
mod tls;

pub use config::{WebConfig, WebConfigError};
pub(super) use passwords::Admission;

use axum::http::{HeaderName, HeaderValue};
use passwords::Passwords;
use rustls::ServerConfig;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// How connections are made and who is let in.
pub struct Setup {
    tls: Option<Arc<ServerConfig>>,
    passwords: Option<Arc<Passwords>>,
    /// Whether only those get through TLS whose certificate was verified.
    verifies_clients: bool,
    /// And of those only the ones that are named.
    names_clients: bool,
    /// A digest of what their certificates are held against.
    clients: [u8; 32],
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Setup {
    /// Neither encrypted nor authenticated.
    pub fn open() -> Self {
        Self {
            tls: None,
            passwords: None,
            verifies_clients: false,
            names_clients: false,
            clients: [0; 32],
            headers: Vec::new(),
        }
    }

    /// Whether it is `https`.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether whoever gets an answer has shown who he is.
    pub fn authenticates(&self) -> bool {
        self.passwords.is_some() || self.verifies_clients
    }

    /// Whether it protects less than another: it is not encrypted where that is, or asks for less of
    /// a password, a verified certificate, and a name in it.
    pub fn protects_less_than(&self, other: &Self) -> bool {
        let asked = |setup: &Self| {
            let asked = [setup.passwords.is_some(), setup.verifies_clients, setup.names_clients];
            asked.into_iter().filter(|asked| *asked).count()
        };
        (other.is_encrypted() && !self.is_encrypted()) || asked(self) < asked(other)
    }

    /// Whether whoever has connected under another setup has shown all that this one asks for when
    /// connections are made. Passwords are asked for with each request.
    pub(super) fn holds_for_connection_under(&self, other: &Self) -> bool {
        self.is_encrypted() == other.is_encrypted() && self.clients == other.clients
    }

    /// The same, with what is known of passwords from before.
    fn remembering(mut self, before: &Self) -> Self {
        if let (Some(new), Some(old)) = (&self.passwords, &before.passwords) {
            self.passwords = Some(Arc::new(new.remembering(old)));
        }
        self
    }

    pub(super) fn tls(&self) -> Option<&Arc<ServerConfig>> {
        self.tls.as_ref()
    }

    pub(super) fn passwords(&self) -> Option<&Arc<Passwords>> {
        self.passwords.as_ref()
    }

    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("is_encrypted", &self.is_encrypted())
            .field("authenticates", &self.authenticates())
            .finish_non_exhaustive()
    }
}

/// How long a connection waits for a new setup. Files may be on a disk that does not answer.
const RENEW_WITHIN: Duration = Duration::from_secs(1);

/// Gives another setup than the one that holds, if there is one.
type Renew = dyn Fn(&Setup) -> Option<Setup> + Send + Sync;

/// The setup that holds now. Each connection keeps the one it began with.
pub struct Gate {
    current: RwLock<Arc<Setup>>,
    renew: Option<Box<Renew>>,
    /// One asks at a time.
    turn: Arc<Semaphore>,
}

impl Gate {
    /// Begins with a setup; `renew` is asked with each connection whether there is another than the
    /// one that holds. It may block: it is asked on a thread of its own, and after a second the one
    /// that holds goes on to hold until it has answered.
    pub fn new(
        setup: Setup,
        renew: impl Fn(&Setup) -> Option<Setup> + Send + Sync + 'static,
    ) -> Self {
        Self { renew: Some(Box::new(renew)), ..Self::fixed(setup) }
    }

    /// One that is open and stays so.
    pub fn open() -> Self {
        Self::fixed(Setup::open())
    }

    pub(super) fn fixed(setup: Setup) -> Self {
        let current = RwLock::new(Arc::new(setup));
        Self { current, renew: None, turn: Arc::new(Semaphore::new(1)) }
    }

    pub(super) async fn setup(self: &Arc<Self>) -> Arc<Setup> {
        if self.renew.is_some()
            && let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned()
        {
            let gate = Arc::clone(self);
            let asked = spawn_blocking(move || {
                gate.ask();
                drop(turn);
            });
            // Whatever comes of it, there is a setup that holds.
            let _ = timeout(RENEW_WITHIN, asked).await;
        }
        self.current()
    }

    pub(super) fn current(&self) -> Arc<Setup> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn ask(&self) {
        let held = self.current();
        if let Some(new) = self.renew.as_ref().and_then(|renew| renew(&held)) {
            let new = Arc::new(new.remembering(&held));
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
