//! The HTTP client of a Prometheus-compatible API: one instant query after another.

use crate::config::FleetSettings;
use crate::notify::{certificates, secret, small_file};
use anyhow::Context;
use std::io::Read;
use std::net::IpAddr;
use std::sync::Arc;
use ureq::Agent;
use ureq::tls::{ClientCert, PrivateKey, RootCerts, TlsConfig};

/// What holds the token, where no file does.
const TOKEN_VARIABLE: &str = "SCRUBJAY_FLEET_TOKEN";
/// What holds the password, where no file does.
const PASSWORD_VARIABLE: &str = "SCRUBJAY_FLEET_PASSWORD";

/// The largest answer that is taken: a family of a hundred thousand hosts.
const MOST_BYTES: u64 = 256 << 20;
/// Of an error, as much as a sentence has.
const MOST_ERROR_BYTES: u64 = 64 << 10;

/// The API.
#[derive(Debug)]
pub(super) struct Api {
    agent: Agent,
    url: String,
    authorization: Option<String>,
    tenant: Option<String>,
    timeout_s: u64,
}

/// Why a query has no answer.
#[derive(Debug)]
pub(super) struct Refused(pub(super) String);

impl Api {
    pub(super) fn new(settings: &FleetSettings) -> anyhow::Result<Self> {
        let url = settings.url.as_ref().context(
            "no address of an API is known: give --url, or set fleet.url in the configuration",
        )?;
        let authorization = authorization(settings)?;
        if authorization.is_some() && is_open(url) {
            tracing::warn!(
                "the token or password is sent unencrypted: fleet.url begins with http://"
            );
        }
        let mut tls = TlsConfig::builder();
        if let Some(path) = &settings.ca_file {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(certificates(path)?)));
        }
        if let Some((certificate, key)) = &settings.certificate {
            let chain = certificates(certificate)?;
            let key = PrivateKey::from_pem(small_file(key)?.as_bytes())
                .with_context(|| format!("{} holds no private key", key.display()))?;
            tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
        }
        // A redirect would carry the authorization elsewhere.
        let config = Agent::config_builder()
            .timeout_global(Some(settings.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("scrubjay/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        Ok(Self {
            agent: config.into(),
            url: format!("{url}/api/v1/query"),
            authorization,
            tenant: settings.tenant.clone(),
            timeout_s: settings.timeout.as_secs(),
        })
    }

    /// Asks, and puts the text of the answer into `text`.
    pub(super) fn ask(&self, query: &str, at_ms: i64, text: &mut Vec<u8>) -> Result<(), Refused> {
        let mut request = self
            .agent
            .get(&self.url)
            .header("Accept", "application/json")
            .query("query", query)
            .query("time", format!("{}.{:03}", at_ms.div_euclid(1000), at_ms.rem_euclid(1000)))
            .query("timeout", format!("{}s", self.timeout_s));
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("X-Scope-OrgID", tenant);
        }
        let answer = request.call().map_err(|error| Refused(in_words(&error)))?;
        let status = answer.status().as_u16();
        let is_ok = (200..300).contains(&status);
        let location = answer.headers().get("location").and_then(|to| to.to_str().ok());
        let moved = location.filter(|_| (300..400).contains(&status)).map(str::to_owned);
        let limit = if is_ok { MOST_BYTES } else { MOST_ERROR_BYTES };
        text.clear();
        let mut body = answer.into_body().into_with_config().limit(limit).reader();
        match body.read_to_end(text) {
            Ok(_) => {}
            // What an error says beyond that is not needed.
            Err(_) if !is_ok => {}
            Err(error) if error.kind() == std::io::ErrorKind::TimedOut => {
                return Err(Refused(TIMED_OUT.to_owned()));
            }
            Err(error) => return Err(Refused(format!("its answer could not be read: {error}"))),
        }
        if is_ok { Ok(()) } else { Err(Refused(refusal(status, moved.as_deref(), text))) }
    }
}

/// Whether others on the way can read what is sent there: it is neither encrypted nor to this host.
fn is_open(url: &str) -> bool {
    let Ok(uri) = url.parse::<ureq::http::Uri>() else { return true };
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_near = host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback());
    uri.scheme_str() != Some("https") && !is_near
}

/// What is sent as `Authorization`.
fn authorization(settings: &FleetSettings) -> anyhow::Result<Option<String>> {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let held = |file: &Option<std::path::PathBuf>, name| match file {
        Some(path) => secret(path).map(Some),
        None => Ok(variable(name)),
    };
    if let Some(user) = &settings.user {
        let password = held(&settings.password_file, PASSWORD_VARIABLE)?.with_context(|| {
            format!("no password of {user}: set fleet.password_file, or {PASSWORD_VARIABLE}")
        })?;
        return Ok(Some(format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))));
    }
    let token = held(&settings.bearer_token_file, TOKEN_VARIABLE)?;
    Ok(token.map(|token| format!("Bearer {token}")))
}

/// RFC 4648, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |n: usize| u32::from(chunk.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4_usize {
            let six = usize::try_from(bits >> (18 - 6 * n) & 63).unwrap_or(0);
            let letter = LETTERS.get(six).map_or('=', |letter| char::from(*letter));
            text.push(if n <= chunk.len() { letter } else { '=' });
        }
    }
    text
}

const TIMED_OUT: &str =
    "it did not answer in time: raise --timeout, or ask for fewer with --selector";

/// What an error of the server says.
fn refusal(status: u16, moved: Option<&str>, text: &[u8]) -> String {
    if let Some(moved) = moved {
        // Whoever else answers there must not be given the token.
        let to: String = moved.split('?').next().unwrap_or_default().chars().take(200).collect();
        return format!("it answered {status}: it is now at {to}; set the URL to that");
    }
    let said = super::answer::read(text, &mut |_, _| ()).ok().and_then(|answer| answer.error);
    let remedy = match status {
        401 => "; it wants a token or a name with a password, or does not know those it was given",
        403 => "; whoever asks may not: it may want another token or a tenant",
        404 => "; is the path of the URL right?",
        429 => "; it is asked too often or for too much",
        _ => "",
    };
    match said {
        Some(said) => format!("it answered {status}: {said}{remedy}"),
        None => format!("it answered {status}{remedy}"),
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what else may fail is up to ureq")]
fn in_words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Timeout(_) => TIMED_OUT.to_owned(),
        ureq::Error::HostNotFound => "its host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "it cannot be reached".to_owned(),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => {
            TIMED_OUT.to_owned()
        }
        ureq::Error::Io(error) => format!("it cannot be reached: {error}"),
        other => format!("it could not be asked: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("~~~\u{ff}", "fn5+w78="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn only_what_stays_on_this_host_or_is_encrypted_is_not_open() {
        for (url, open) in [
            ("http://127.0.0.1:9090", false),
            ("http://127.8.9.10/prometheus", false),
            ("http://localhost:9090", false),
            ("http://LOCALHOST", false),
            ("http://[::1]:9090/x", false),
            ("https://prometheus.example", false),
            ("http://prometheus.example", true),
            ("http://127.evil.example", true),
            ("http://127.0.0.1.evil.example", true),
            ("http://localhost.example:9090", true),
            ("http://[2001:db8::1]:9090", true),
            ("http://10.0.0.7", true),
        ] {
            assert_eq!(is_open(url), open, "{url}");
        }
    }

    #[test]
    fn what_the_server_says_of_an_error_is_told() {
        let body = br#"{"status":"error","errorType":"bad_data","error":"1:3: parse error"}"#;
        assert_eq!(refusal(400, None, body), "it answered 400: 1:3: parse error");
        assert_eq!(refusal(502, None, b"<html>"), "it answered 502");
        assert!(refusal(401, None, b"").contains("token"));
        assert!(
            refusal(302, Some("https://login/?next=x"), b"")
                .ends_with("https://login/; set the URL to that")
        );
    }
}
