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

use axum::http::{HeaderName, HeaderValue};
use passwords::Passwords;
use rustls::ServerConfig;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// How connections are made and who is let in.
pub struct Setup {
    tls: Option<Arc<ServerConfig>>,
    passwords: Option<Arc<Passwords>>,
    /// Whether only those get through TLS whose certificate was verified.
    verifies_clients: bool,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Setup {
    /// Neither encrypted nor authenticated.
    pub fn open() -> Self {
        Self { tls: None, passwords: None, verifies_clients: false, headers: Vec::new() }
    }

    /// Whether it is `https`.
    pub fn is_encrypted(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether whoever gets an answer has shown who he is.
    pub fn authenticates(&self) -> bool {
        self.passwords.is_some() || self.verifies_clients
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

/// The setup that holds now. Each connection keeps the one it began with.
pub struct Gate {
    current: RwLock<Arc<Setup>>,
    renew: Box<dyn Fn() -> Option<Setup> + Send + Sync>,
}

impl Gate {
    /// Begins with a setup; `renew` is asked with each connection whether there is another. It must
    /// not block.
    pub fn new(setup: Setup, renew: impl Fn() -> Option<Setup> + Send + Sync + 'static) -> Self {
        Self { current: RwLock::new(Arc::new(setup)), renew: Box::new(renew) }
    }

    /// One that is open and stays so.
    pub fn open() -> Self {
        Self::new(Setup::open(), || None)
    }

    pub(super) fn setup(&self) -> Arc<Setup> {
        if let Some(new) = (self.renew)() {
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        }
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").finish_non_exhaustive()
    }
}
