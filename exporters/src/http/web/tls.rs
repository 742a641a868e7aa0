//! Certificates and keys to what rustls takes.

use super::config::{TlsFragment, WebConfigError, wrong};
use super::sans;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::ring::{cipher_suite, default_provider, kx_group};
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme, SupportedCipherSuite, SupportedProtocolVersion,
};
use sha2::{Digest, Sha256};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What `tls_server_config` amounts to.
pub(super) struct Built {
    pub(super) config: Arc<ServerConfig>,
    /// Whether only those get through whose certificate was verified.
    pub(super) verifies_clients: bool,
    /// And of those only the ones that are named.
    pub(super) names_clients: bool,
    /// A digest of what certificates of clients are held against.
    pub(super) clients: [u8; 32],
}

/// Gives what a file holds.
type Read<'a> = &'a dyn Fn(&Path) -> io::Result<Vec<u8>>;

/// `None` where the section says nothing, which to exporter-toolkit is no TLS.
pub(super) fn build(tls: &TlsFragment, read: Read<'_>) -> Result<Option<Built>, WebConfigError> {
    // First what is missing: to look for a file is no use then.
    let given = |text: &Option<String>, file: &Option<String>| {
        [text, file].into_iter().flatten().any(|value| !value.is_empty())
    };
    let has_certificate = given(&tls.cert, &tls.cert_file);
    let has_key = given(&tls.key, &tls.key_file);
    if tls.says_nothing() {
        return Ok(None);
    }
    for (has, keys) in [(has_certificate, CERT), (has_key, KEY)] {
        if !has {
            return Err(wrong(keys.file, "is missing: TLS takes a certificate and its key"));
        }
    }
    let certificate = pem(read, CERT, &tls.cert, &tls.cert_file)?;
    let key = pem(read, KEY, &tls.key, &tls.key_file)?;
    let client_ca = match given(&tls.client_ca, &tls.client_ca_file) {
        true => Some(pem(read, CLIENT_CA, &tls.client_ca, &tls.client_ca_file)?),
        false => None,
    };
    let chain = certificates(&certificate)?;
    let key_is_wrong = |why: String| wrong(key.key, why);
    let private = PrivateKeyDer::from_pem_slice(&key.bytes)
        .map_err(|error| key_is_wrong(format!("holds no private key (PEM): {error}")))?;

    let provider = Arc::new(provider(tls)?);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions(tls)?)
        .map_err(|error| wrong("tls_server_config.cipher_suites", error.to_string()))?;
    let (verifier, verifies_clients) = clients(tls, client_ca.as_ref(), &provider)?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder
        .with_single_cert(chain, private)
        .map_err(|error| key_is_wrong(format!("does not go with the certificate: {error}")))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let names_clients = tls.client_allowed_sans.as_ref().is_some_and(|names| !names.is_empty());
    let clients = held_against(tls, client_ca.as_ref());
    Ok(Some(Built { config: Arc::new(config), verifies_clients, names_clients, clients }))
}

/// A digest of whom connections are let through for.
fn held_against(tls: &TlsFragment, client_ca: Option<&Pem>) -> [u8; 32] {
    let mut digest = Sha256::new();
    let names = tls.client_allowed_sans.iter().flatten().map(String::as_bytes);
    let kind = tls.client_auth_type.as_deref().unwrap_or_default().as_bytes();
    let ca = client_ca.map_or(&[][..], |pem| &pem.bytes);
    for part in [kind, ca].into_iter().chain(names) {
        // With their lengths, so that no two lists look alike.
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

/// A value that may be written out or in a file.
#[derive(Clone, Copy)]
struct Keys {
    text: &'static str,
    file: &'static str,
}

const CERT: Keys = Keys { text: "tls_server_config.cert", file: "tls_server_config.cert_file" };
const KEY: Keys = Keys { text: "tls_server_config.key", file: "tls_server_config.key_file" };
const CLIENT_CA: Keys =
    Keys { text: "tls_server_config.client_ca", file: "tls_server_config.client_ca_file" };

struct Pem {
    /// The key that told of it.
    key: &'static str,
    bytes: Vec<u8>,
}

fn pem(
    read: Read<'_>,
    keys: Keys,
    text: &Option<String>,
    file: &Option<String>,
) -> Result<Pem, WebConfigError> {
    let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
    match (given(text), given(file)) {
        (Some(_), Some(_)) => {
            let file = keys.file.rsplit('.').next().unwrap_or(keys.file);
            Err(wrong(keys.text, format!("is given beside {file}: leave one of them out")))
        }
        (Some(text), None) => Ok(Pem { key: keys.text, bytes: text.into_bytes() }),
        (None, file) => {
            let path = PathBuf::from(file.unwrap_or_default());
            match read(&path) {
                Ok(bytes) => Ok(Pem { key: keys.file, bytes }),
                Err(source) => Err(WebConfigError::File { key: keys.file, path, source }),
            }
        }
    }
}

fn certificates(pem: &Pem) -> Result<Vec<CertificateDer<'static>>, WebConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err(wrong(pem.key, "holds no certificate (PEM)")),
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(pem.key, format!("is not PEM throughout: {error}"))),
    }
}

fn versions(tls: &TlsFragment) -> Result<Vec<&'static SupportedProtocolVersion>, WebConfigError> {
    let number = |key: &str, value: &Option<String>, default: u8| match value.as_deref() {
        None | Some("") => Ok(default),
        Some("TLS13") => Ok(13),
        Some("TLS12") => Ok(12),
        Some("TLS10" | "TLS11") => {
            Err(wrong(key, "is no longer spoken: the lowest version is TLS12"))
        }
        Some(_) => Err(wrong(key, "must be TLS12 or TLS13")),
    };
    let lowest = number("tls_server_config.min_version", &tls.min_version, 12)?;
    let highest = number("tls_server_config.max_version", &tls.max_version, 13)?;
    let all = [(12, &TLS12), (13, &TLS13)];
    let spoken: Vec<_> = all
        .into_iter()
        .filter(|(version, _)| (lowest..=highest).contains(version))
        .map(|(_, version)| version)
        .collect();
    if spoken.is_empty() {
        let why = "is below min_version, which leaves no version to speak";
        return Err(wrong("tls_server_config.max_version", why));
    }
    Ok(spoken)
}

/// Go's names for what rustls has.
const SUITES: [(&str, SupportedCipherSuite); 9] = [
    ("TLS_AES_128_GCM_SHA256", cipher_suite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", cipher_suite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", cipher_suite::TLS13_CHACHA20_POLY1305_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

fn provider(tls: &TlsFragment) -> Result<CryptoProvider, WebConfigError> {
    let mut provider = default_provider();
    if let Some(names) = tls.cipher_suites.as_ref().filter(|names| !names.is_empty()) {
        let key = "tls_server_config.cipher_suites";
        let suite = |name: &String| -> Result<SupportedCipherSuite, WebConfigError> {
            // Go has an older name for two of them.
            let is_meant =
                |known: &str| known == name || known.strip_suffix("_SHA256") == Some(name);
            let found = SUITES.iter().find(|(known, _)| is_meant(known));
            found.map(|(_, suite)| *suite).ok_or_else(|| {
                let all: Vec<&str> = SUITES.iter().map(|(known, _)| *known).collect();
                wrong(key, format!("{name} is not spoken; {} are", all.join(", ")))
            })
        };
        let mut suites = names.iter().map(suite).collect::<Result<Vec<_>, _>>()?;
        // As in Go, those of TLS 1.3 cannot be chosen.
        let of_13 = provider.cipher_suites.iter().filter(|suite| suite.tls13().is_some());
        suites.retain(|suite| suite.tls13().is_none());
        suites.extend(of_13);
        provider.cipher_suites = suites;
    }
    if let Some(names) = tls.curve_preferences.as_ref().filter(|names| !names.is_empty()) {
        let curve = |name: &String| -> Result<&'static dyn SupportedKxGroup, WebConfigError> {
            match name.as_str() {
                "X25519" => Ok(kx_group::X25519),
                "CurveP256" => Ok(kx_group::SECP256R1),
                "CurveP384" => Ok(kx_group::SECP384R1),
                _ => Err(wrong(
                    "tls_server_config.curve_preferences",
                    format!("{name} is not spoken; X25519, CurveP256, CurveP384 are"),
                )),
            }
        };
        provider.kx_groups = names.iter().map(curve).collect::<Result<_, _>>()?;
    }
    Ok(provider)
}

type Verifier = Arc<dyn ClientCertVerifier>;

/// Who asks clients for certificates, and whether only verified ones get through.
fn clients(
    tls: &TlsFragment,
    client_ca: Option<&Pem>,
    provider: &Arc<CryptoProvider>,
) -> Result<(Option<Verifier>, bool), WebConfigError> {
    const TYPE: &str = "tls_server_config.client_auth_type";
    let verified = |optional: bool| -> Result<Verifier, WebConfigError> {
        let Some(pem) = client_ca else {
            let why = "is missing: it holds the certificates of those who vouch for clients";
            return Err(wrong(CLIENT_CA.file, why));
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots
                .add(certificate)
                .map_err(|error| wrong(pem.key, format!("a certificate is of no use: {error}")))?;
        }
        let builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        builder.build().map_err(|error| wrong(pem.key, error.to_string()))
    };
    let any = |mandatory| -> Verifier {
        Arc::new(Unverified { mandatory, provider: Arc::clone(provider) })
    };
    let (verifier, verifies_clients) = match tls.client_auth_type.as_deref().unwrap_or_default() {
        "" | "NoClientCert" if client_ca.is_some() => {
            let why = "is missing: without it client_ca changes nothing, and everybody is let in; \
                       RequireAndVerifyClientCert is what is meant as a rule";
            return Err(wrong(TYPE, why));
        }
        "" | "NoClientCert" => (None, false),
        "RequestClientCert" => (Some(any(false)), false),
        "RequireAnyClientCert" | "RequireClientCert" => (Some(any(true)), false),
        "VerifyClientCertIfGiven" => (Some(verified(true)?), false),
        "RequireAndVerifyClientCert" => (Some(verified(false)?), true),
        _ => {
            let why = "must be NoClientCert, RequestClientCert, RequireAnyClientCert, \
                       VerifyClientCertIfGiven or RequireAndVerifyClientCert";
            return Err(wrong(TYPE, why));
        }
    };
    let Some(allowed) = tls.client_allowed_sans.as_ref().filter(|names| !names.is_empty()) else {
        return Ok((verifier, verifies_clients));
    };
    let Some(inner) = verifier.filter(|_| verifies_clients) else {
        let why = "says nothing unless client_auth_type is RequireAndVerifyClientCert: who is not \
                   verified may call himself anything";
        return Err(wrong("tls_server_config.client_allowed_sans", why));
    };
    Ok((Some(Arc::new(Named { inner, allowed: allowed.clone() })), verifies_clients))
}

/// Lets through those whom another verifier does, if their certificate has a name that is allowed.
#[derive(Debug)]
struct Named {
    inner: Verifier,
    allowed: Vec<String>,
}

impl ClientCertVerifier for Named {
    fn client_auth_mandatory(&self) -> bool {
        self.inner.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.inner.verify_client_cert(end_entity, intermediates, now)?;
        let names = sans::names(end_entity).ok_or(CertificateError::BadEncoding)?;
        if names.iter().any(|name| self.allowed.contains(name)) {
            Ok(verified)
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Takes any certificate, of whoever has its key. Nobody is let in by it: it says nothing.
#[derive(Debug)]
struct Unverified {
    mandatory: bool,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Unverified {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
