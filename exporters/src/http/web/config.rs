//! `web-config.yml` as written. Every key that exporter-toolkit knows and we can honour is known;
//! any other is an error, so that a slip of the pen leaves nothing open.

use super::passwords::Passwords;
use super::{Setup, tls};
use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a web configuration cannot be used.
#[derive(Debug)]
pub enum WebConfigError {
    /// It is not YAML, or holds an unknown key or a value of the wrong type.
    Syntax {
        /// Line and column, from one, where they are known.
        place: Option<(usize, usize)>,
        /// What is wrong.
        message: String,
    },
    /// A value cannot be.
    Value {
        /// Which.
        key: String,
        /// Why, and what would do.
        why: String,
    },
    /// A file that it names cannot be read.
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for WebConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { place: Some((line, column)), message } => {
                write!(f, "{line}:{column}: {message}")
            }
            Self::Syntax { place: None, message } => f.write_str(message),
            Self::Value { key, why } => write!(f, "{key}: {why}"),
            Self::File { key, path, .. } => write!(f, "{key}: cannot read {}", path.display()),
        }
    }
}

impl std::error::Error for WebConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Syntax { .. } | Self::Value { .. } => None,
        }
    }
}

pub(super) fn wrong(key: &str, why: impl Into<String>) -> WebConfigError {
    WebConfigError::Value { key: key.to_owned(), why: why.into() }
}

/// A web configuration, not yet put to use.
pub struct WebConfig(Fragment);

impl fmt::Debug for WebConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It may hold a key.
        f.debug_struct("WebConfig").finish_non_exhaustive()
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fragment {
    tls_server_config: Option<TlsFragment>,
    #[serde(default)]
    http_server_config: HttpFragment,
    basic_auth_users: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpFragment {
    /// Known and of no effect: we speak HTTP/1.1, and offer no more.
    #[serde(rename = "http2")]
    _http2: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsFragment {
    pub(super) cert: Option<String>,
    pub(super) cert_file: Option<String>,
    pub(super) key: Option<String>,
    pub(super) key_file: Option<String>,
    pub(super) client_ca: Option<String>,
    pub(super) client_ca_file: Option<String>,
    pub(super) client_auth_type: Option<String>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<String>,
    pub(super) max_version: Option<String>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) curve_preferences: Option<Vec<String>>,
    /// Known and of no effect, as in Go since 1.17.
    #[serde(rename = "prefer_server_cipher_suites")]
    _prefer_server_cipher_suites: Option<bool>,
}

impl TlsFragment {
    /// Whether every key is left out or empty. Whoever sets one of them wants TLS.
    pub(super) fn says_nothing(&self) -> bool {
        let Self {
            cert,
            cert_file,
            key,
            key_file,
            client_ca,
            client_ca_file,
            client_auth_type,
            client_allowed_sans,
            min_version,
            max_version,
            cipher_suites,
            curve_preferences,
            _prefer_server_cipher_suites,
        } = self;
        let texts = [
            cert,
            cert_file,
            key,
            key_file,
            client_ca,
            client_ca_file,
            client_auth_type,
            min_version,
            max_version,
        ];
        let lists = [client_allowed_sans, cipher_suites, curve_preferences];
        texts.into_iter().flatten().all(String::is_empty)
            && lists.into_iter().flatten().all(Vec::is_empty)
            && _prefer_server_cipher_suites.is_none()
    }
}

/// Headers that may be set: those of exporter-toolkit.
const HEADERS: [&str; 5] = [
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
];

impl WebConfig {
    /// Reads the text of the file. An empty one is valid, and opens everything.
    pub fn parse(text: &str) -> Result<Self, WebConfigError> {
        let is_empty = |line: &str| line.is_empty() || line.starts_with('#') || line == "---";
        if text.lines().map(str::trim).all(is_empty) {
            return Ok(Self(Fragment::default()));
        }
        match serde_norway::from_str::<Option<Fragment>>(text) {
            Ok(fragment) => Ok(Self(fragment.unwrap_or_default())),
            Err(error) => {
                let place = error.location().map(|at| (at.line(), at.column()));
                let message = error.to_string();
                // The place is told first, as everywhere.
                let message = match message.rsplit_once(" at line ") {
                    Some((before, _)) if place.is_some() => before.to_owned(),
                    Some(_) | None => message,
                };
                Err(WebConfigError::Syntax { place, message })
            }
        }
    }

    /// The files it names, as written.
    pub fn files(&self) -> Vec<&Path> {
        let Some(tls) = &self.0.tls_server_config else { return Vec::new() };
        let named = [&tls.cert_file, &tls.key_file, &tls.client_ca_file].into_iter().flatten();
        named.filter(|name| !name.is_empty()).map(Path::new).collect()
    }

    /// What it amounts to. `read` gives what the files hold that it names.
    pub fn setup(
        &self,
        read: &dyn Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<Setup, WebConfigError> {
        let Fragment { tls_server_config, http_server_config, basic_auth_users } = &self.0;
        let HttpFragment { _http2, headers } = http_server_config;
        let tls = tls_server_config.as_ref().map(|tls| tls::build(tls, read)).transpose()?;
        let (tls, verifies_clients, names_clients, clients) = match tls.flatten() {
            Some(tls::Built { config, verifies_clients, names_clients, clients }) => {
                (Some(config), verifies_clients, names_clients, clients)
            }
            None => (None, false, false, [0; 32]),
        };
        let passwords = match basic_auth_users {
            Some(users) if !users.is_empty() => Some(Passwords::new(users)?.into()),
            Some(_) | None => None,
        };
        let headers = headers.iter().flatten().map(header).collect::<Result<_, _>>()?;
        Ok(Setup { tls, passwords, verifies_clients, names_clients, clients, headers })
    }
}

fn header((name, value): (&String, &String)) -> Result<(HeaderName, HeaderValue), WebConfigError> {
    let key = format!("http_server_config.headers.{name}");
    if !HEADERS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(wrong(&key, format!("may not be set; what may be: {}", HEADERS.join(", "))));
    }
    match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
        (Ok(name), Ok(value)) => Ok((name, value)),
        _ => Err(wrong(&key, "is not a value that a header can have")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a text; "" if it is taken.
    fn said(text: &str) -> String {
        let no_files =
            |path: &Path| Err(io::Error::new(io::ErrorKind::NotFound, path.display().to_string()));
        let setup = WebConfig::parse(text).and_then(|config| config.setup(&no_files));
        setup.map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn what_opens_nothing_by_mistake_is_taken() {
        for text in [
            "",
            "# nothing yet\n---\n",
            "http_server_config:\n  http2: true\n",
            "http_server_config:\n  headers:\n    x-frame-options: deny\n",
            "basic_auth_users:\n  alice: $2y$10$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze\n",
            "tls_server_config:\n",
            "tls_server_config:\n  cert_file: \"\"\n  min_version: \"\"\n  cipher_suites: []\n",
        ] {
            assert_eq!(said(text), "", "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, expected) in [
            ("basic_auth_user:\n  a: b\n", "1:1: unknown field `basic_auth_user`"),
            (
                "http_server_config:\n  http3: true\n",
                "2:3: http_server_config: unknown field `http3`",
            ),
            (
                "tls_server_config:\n  cert_file: []\n",
                "2:14: tls_server_config.cert_file: invalid type",
            ),
            ("\tbasic_auth_users:\n", "1:1: found character that cannot start any token"),
            (
                "basic_auth_users:\n  alice: secret\n",
                "basic_auth_users.alice: is not a bcrypt hash",
            ),
            (
                "basic_auth_users:\n  alice: $2y$20$mDwo.lAisC94iLAyP81MCesa29IzH37oigHC/42V2pdJlUprsJPze\n",
                "basic_auth_users.alice: has a cost of 20",
            ),
            (
                "http_server_config:\n  headers:\n    Server: x\n",
                "http_server_config.headers.Server: may not be set",
            ),
            (
                "http_server_config:\n  headers:\n    X-Frame-Options: \"a\\nb\"\n",
                "http_server_config.headers.X-Frame-Options: is not a value",
            ),
            ("tls_server_config:\n  cert_file: a.pem\n", "tls_server_config.key_file: is missing"),
            ("tls_server_config:\n  key_file: a.pem\n", "tls_server_config.cert_file: is missing"),
            (
                "tls_server_config:\n  client_auth_type: RequireAndVerifyClientCert\n",
                "tls_server_config.cert_file: is missing",
            ),
            (
                "tls_server_config:\n  min_version: TLS13\n",
                "tls_server_config.cert_file: is missing",
            ),
            (
                "tls_server_config:\n  client_allowed_sans: [a]\n",
                "tls_server_config.cert_file: is missing",
            ),
            (
                "tls_server_config:\n  prefer_server_cipher_suites: true\n",
                "tls_server_config.cert_file: is missing",
            ),
            (
                "tls_server_config:\n  cert_file: a.pem\n  cert: x\n  key_file: a.pem\n",
                "tls_server_config.cert: is given beside cert_file",
            ),
            (
                "tls_server_config:\n  cert_file: a.pem\n  key_file: b.pem\n",
                "tls_server_config.cert_file: cannot read a.pem",
            ),
            (
                "tls_server_config:\n  cert: x\n  key: y\n",
                "tls_server_config.cert: holds no certificate",
            ),
        ] {
            let said = said(text);
            assert!(said.starts_with(expected), "{text}{said}\n{expected}");
        }
    }
}
