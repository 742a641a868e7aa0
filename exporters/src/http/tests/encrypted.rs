//! The server behind TLS, passwords and client certificates, spoken to by a client that verifies.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, SanType, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Somebody who vouches for others.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, as files have them.
struct Pair {
    certificate: String,
    key: String,
    der: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Authority {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // No two have one name, or one would be taken for the other.
        let name = format!("authority {}", COUNT.fetch_add(1, Ordering::Relaxed));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn vouches_for(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &*self.0).unwrap();
        Pair {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    fn pem(&self) -> String {
        self.0.pem()
    }
}

/// What a configuration and the files it names amount to.
fn setup(yaml: &str, files: &BTreeMap<&str, String>) -> Result<Setup, WebConfigError> {
    let read = |path: &Path| {
        let found = files.get(path.to_str().unwrap()).cloned().map(String::into_bytes);
        found.ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let config = WebConfig::parse(yaml).unwrap();
    // All that is read is named, so that it is looked at again.
    let named: Vec<PathBuf> = config.files().into_iter().map(Path::to_owned).collect();
    config.setup(&|path| {
        assert!(named.iter().any(|known| known == path), "{path:?}");
        read(path)
    })
}

/// A client that trusts these, and shows this certificate.
fn client(trusted: &Authority, own: Option<&Pair>) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.0.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    Arc::new(match own {
        Some(pair) => {
            let key = PrivateKeyDer::try_from(pair.key_der.clone()).unwrap();
            builder.with_client_auth_cert(vec![pair.der.clone()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    })
}

/// Status and body, or why there was no answer.
fn fetch(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    path: &str,
    headers: &str,
) -> Result<(u16, String), String> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, connect(address));
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    // An end without the farewell of TLS would be an error here.
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or(format!("no answer: {text}"))?;
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

const TLS: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";

/// A server of an authority, with more lines in its section on TLS.
fn encrypted(authority: &Authority, more: &str, files: &[(&'static str, String)]) -> Setup {
    let pair = authority.vouches_for("localhost", |_| ());
    let own = [("cert.pem", pair.certificate), ("key.pem", pair.key)];
    let files = own.into_iter().chain(files.iter().cloned()).collect();
    setup(&format!("{TLS}{more}"), &files).unwrap()
}

fn fresh() -> Arc<Board> {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    board
}

fn behind<T: Send + 'static>(
    setup: Setup,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    serving_behind(Gate::new(setup, |_| None), fresh(), Limits::DEFAULT, client)
}

#[test]
fn whoever_trusts_the_authority_is_answered_and_whoever_does_not_turns_away() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let setup = encrypted(&ours, "", &[]);
    assert!(setup.is_encrypted() && !setup.authenticates());
    behind(setup, move |address| {
        let (status, body) = fetch(&client(&ours, None), address, "/metrics", "").unwrap();
        assert_eq!(status, 200);
        assert_eq!(body, crate::prometheus::render(&testing::server(), false).unwrap());
        let refused = fetch(&client(&theirs, None), address, "/metrics", "").unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
        // Plain text is no handshake, and costs nobody else anything.
        assert!(try_request(address, "GET", "/metrics").is_none());
        assert_eq!(fetch(&client(&ours, None), address, "/healthz", "").unwrap().0, 200);
    });
}

#[test]
fn a_server_whose_certificate_has_expired_is_not_believed() {
    let ours = Authority::new();
    let pair = ours.vouches_for("localhost", |params| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    });
    let files = [("cert.pem", pair.certificate), ("key.pem", pair.key)].into();
    behind(setup(TLS, &files).unwrap(), move |address| {
        let refused = fetch(&client(&ours, None), address, "/metrics", "").unwrap_err();
        assert!(refused.contains("xpired"), "{refused}");
    });
}

#[test]
fn only_clients_that_somebody_vouches_for_are_let_in() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n";
    let setup = encrypted(&ours, more, &[("ca.pem", ours.pem())]);
    assert!(setup.authenticates());
    behind(setup, move |address| {
        let known = ours.vouches_for("scraper", |_| ());
        let ask = |own: Option<&Pair>| fetch(&client(&ours, own), address, "/api/v1/snapshot", "");
        assert_eq!(ask(Some(&known)).unwrap().0, 200);
        let none = ask(None).unwrap_err();
        assert!(none.contains("CertificateRequired"), "{none}");
        let foreign = ask(Some(&theirs.vouches_for("scraper", |_| ()))).unwrap_err();
        assert!(foreign.contains("UnknownCA") || foreign.contains("DecryptError"), "{foreign}");
        let expired = ours.vouches_for("scraper", |params| {
            params.not_before = date_time_ymd(2001, 1, 1);
            params.not_after = date_time_ymd(2002, 1, 1);
        });
        let expired = ask(Some(&expired)).unwrap_err();
        assert!(expired.contains("CertificateExpired"), "{expired}");
        assert_eq!(ask(Some(&known)).unwrap().0, 200);
    });
}

#[test]
fn only_names_that_are_allowed_are_let_in() {
    let ours = Authority::new();
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n  \
                client_allowed_sans: [scraper.example, 192.0.2.7]\n";
    let setup = encrypted(&ours, more, &[("ca.pem", ours.pem())]);
    behind(setup, move |address| {
        let ask = |name: &str, ip: Option<&str>| {
            let pair = ours.vouches_for(name, |params| {
                let ip = ip.map(|ip| SanType::IpAddress(ip.parse().unwrap()));
                params.subject_alt_names.extend(ip);
            });
            fetch(&client(&ours, Some(&pair)), address, "/metrics", "").map(|(status, _)| status)
        };
        assert_eq!(ask("scraper.example", None), Ok(200));
        assert_eq!(ask("other.example", Some("192.0.2.7")), Ok(200));
        assert!(ask("other.example", Some("192.0.2.8")).is_err());
        assert!(ask("scraper.example.org", None).is_err());
    });
}

#[test]
fn who_is_not_verified_is_let_in_by_a_certificate_no_further_than_without() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (kind, none, foreign) in [
        ("RequestClientCert", true, true),
        ("RequireAnyClientCert", false, true),
        ("VerifyClientCertIfGiven", true, false),
    ] {
        let more = format!("  client_auth_type: {kind}\n  client_ca_file: ca.pem\n");
        let setup = encrypted(&ours, &more, &[("ca.pem", ours.pem())]);
        assert!(!setup.authenticates(), "{kind}");
        let trusting = [client(&ours, None), client(&ours, Some(&theirs.vouches_for("x", |_| ())))];
        behind(setup, move |address| {
            let [without, with] = trusting;
            assert_eq!(fetch(&without, address, "/metrics", "").is_ok(), none, "{kind}");
            assert_eq!(fetch(&with, address, "/metrics", "").is_ok(), foreign, "{kind}");
        });
    }
}

fn basic(user: &str, password: &str) -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{user}:{password}")))
}

fn users() -> String {
    format!("basic_auth_users:\n  alice: {}\n", bcrypt::hash("right", 4).unwrap())
}

#[test]
fn passwords_are_asked_for_on_every_page() {
    let ours = Authority::new();
    let yaml = format!("{}http_server_config:\n  headers:\n    X-Frame-Options: deny\n", users());
    let setup = encrypted(&ours, &yaml, &[]);
    assert!(setup.authenticates());
    behind(setup, move |address| {
        let client = client(&ours, None);
        for path in ["/", "/metrics", "/healthz", "/api/v1/snapshot", "/nothing"] {
            let expected = if path == "/nothing" { 404 } else { 200 };
            for _ in 0..2 {
                let right = fetch(&client, address, path, &basic("alice", "right")).unwrap();
                assert_eq!(right.0, expected, "{path}");
                for headers in ["".to_owned(), basic("alice", "wrong"), basic("bob", "right")] {
                    let (status, body) = fetch(&client, address, path, &headers).unwrap();
                    assert_eq!((status, body.as_str()), (401, "Unauthorized\n"), "{path}");
                }
            }
        }
    });
}

#[test]
fn without_tls_passwords_and_headers_work_as_well() {
    let yaml = format!("{}http_server_config:\n  headers:\n    X-Frame-Options: deny\n", users());
    behind(setup(&yaml, &BTreeMap::new()).unwrap(), |address| {
        let (status, head, _) = asking(address, "/metrics", "");
        assert_eq!(status, 401);
        assert!(head.contains("www-authenticate: basic"), "{head}");
        assert!(head.contains("x-frame-options: deny"), "{head}");
        let (status, head, _) = asking(address, "/metrics", &basic("alice", "right"));
        assert_eq!(status, 200);
        assert!(head.contains("x-frame-options: deny"), "{head}");
    });
}

#[test]
fn a_new_setup_holds_from_the_next_connection_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let next = Arc::new(Mutex::new(None));
    let renewed = Arc::clone(&next);
    let gate = Gate::new(encrypted(&old, "", &[]), move |_| renewed.lock().unwrap().take());
    serving_behind(gate, fresh(), Limits::DEFAULT, move |address| {
        let status = |trusted: &Authority, headers: &str| {
            fetch(&client(trusted, None), address, "/metrics", headers).map(|(status, _)| status)
        };
        assert_eq!(status(&old, ""), Ok(200));
        assert!(status(&new, "").is_err());
        *next.lock().unwrap() = Some(encrypted(&new, &users(), &[]));
        assert!(status(&old, "").is_err());
        assert_eq!(status(&new, ""), Ok(401));
        assert_eq!(status(&new, &basic("alice", "right")), Ok(200));
    });
}

#[test]
fn a_handshake_that_is_not_finished_in_time_frees_its_place() {
    let ours = Authority::new();
    let limits =
        Limits { connections: 2, request_within: Duration::from_millis(300), ..Limits::DEFAULT };
    let gate = Gate::new(encrypted(&ours, "", &[]), |_| None);
    serving_behind(gate, fresh(), limits, move |address| {
        let silent: Vec<TcpStream> = (0..4).map(|_| connect(address)).collect();
        let halfway: Vec<TcpStream> = (0..4)
            .map(|_| {
                let mut stream = connect(address);
                // The head of a record, and the first bytes of a greeting.
                stream.write_all(&[22, 3, 1, 2, 0, 1, 0, 1]).unwrap();
                stream
            })
            .collect();
        let client = client(&ours, None);
        let answered = (0..100).any(|_| fetch(&client, address, "/healthz", "").is_ok());
        assert!(answered);
        for stream in silent.into_iter().chain(halfway) {
            let mut rest = Vec::new();
            let mut stream = stream;
            let _ = stream.read_to_end(&mut rest);
            assert!(rest.len() < 64, "closed without an answer");
        }
    });
}

#[test]
fn what_is_no_handshake_costs_no_place_and_gets_no_answer() {
    let ours = Authority::new();
    let limits = Limits { connections: 2, ..Limits::DEFAULT };
    let gate = Gate::new(encrypted(&ours, "", &[]), |_| None);
    serving_behind(gate, fresh(), limits, move |address| {
        let greeting = greeting(&ours);
        let cut = &greeting[..greeting.len() / 2];
        let mut longer = greeting.clone();
        // A record that is longer than any may be, and one that holds less than it says.
        longer[3..5].copy_from_slice(&[0xff, 0xff]);
        let mut inner = greeting.clone();
        inner[6..9].copy_from_slice(&[0xff, 0xff, 0xff]);
        let other_version = [&[22, 9, 9], &greeting[3..]].concat();
        let alerts = [21, 3, 3, 0, 2, 2, 40].repeat(1_000);
        let plain = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec();
        let wrong: [Vec<u8>; 8] = [
            vec![0xff; 512],
            vec![0; 4096],
            cut.to_vec(),
            longer,
            inner,
            other_version,
            alerts,
            plain,
        ];
        for bytes in wrong {
            let mut stream = connect(address);
            stream.write_all(&bytes).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            // An alert of TLS at most.
            assert!(answer.len() < 64, "{bytes:.20?}: {answer:?}");
            assert!(!answer.starts_with(b"HTTP"), "{bytes:.20?}: {answer:?}");
        }
        // Each bit of the first ones changed, one at a time.
        for at in 0..greeting.len().min(64) {
            let mut changed = greeting.clone();
            changed[at] ^= 1 << (at % 8);
            let mut stream = connect(address);
            stream.write_all(&changed).unwrap();
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            assert!(!answer.starts_with(b"HTTP"), "{at}");
        }
        assert_eq!(fetch(&client(&ours, None), address, "/healthz", "").unwrap().0, 200);
    });
}

/// The first bytes a client sends.
fn greeting(ours: &Authority) -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut connection = ClientConnection::new(client(ours, None), name).unwrap();
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).unwrap();
    }
    bytes
}

#[test]
fn versions_suites_and_curves_can_be_chosen() {
    let ours = Authority::new();
    let more = "  min_version: TLS13\n  curve_preferences: [CurveP256]\n  cipher_suites:\n  - \
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\n";
    behind(encrypted(&ours, more, &[]), move |address| {
        let mut roots = RootCertStore::empty();
        roots.add(ours.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let old = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        assert!(fetch(&Arc::new(old), address, "/metrics", "").is_err());
        assert_eq!(fetch(&client(&ours, None), address, "/metrics", "").unwrap().0, 200);
    });
    let said = |more: &str| {
        let pair = ours_again();
        let files = [("cert.pem", pair.certificate), ("key.pem", pair.key)].into();
        setup(&format!("{TLS}{more}"), &files).unwrap_err().to_string()
    };
    for (more, expected) in [
        ("  min_version: TLS10\n", "tls_server_config.min_version: is no longer spoken"),
        ("  min_version: TLS13\n  max_version: TLS12\n", "tls_server_config.max_version: is below"),
        (
            "  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n",
            "tls_server_config.cipher_suites: TLS_RSA",
        ),
        ("  curve_preferences: [CurveP521]\n", "tls_server_config.curve_preferences: CurveP521"),
        ("  client_auth_type: Sometimes\n", "tls_server_config.client_auth_type: must be"),
        (
            "  client_auth_type: RequireAndVerifyClientCert\n",
            "tls_server_config.client_ca_file: is missing",
        ),
        ("  client_ca_file: cert.pem\n", "tls_server_config.client_auth_type: is missing"),
        (
            "  client_auth_type: RequestClientCert\n  client_allowed_sans: [a]\n",
            "tls_server_config.client_allowed_sans: says nothing",
        ),
    ] {
        let said = said(more);
        assert!(said.starts_with(expected), "{said}");
    }
}

fn ours_again() -> Pair {
    Authority::new().vouches_for("localhost", |_| ())
}

#[test]
fn a_key_that_is_not_of_the_certificate_is_refused() {
    let (one, other) = (ours_again(), ours_again());
    let files = [("cert.pem", one.certificate), ("key.pem", other.key)].into();
    let said = setup(TLS, &files).unwrap_err().to_string();
    assert!(said.starts_with("tls_server_config.key_file: does not go with"), "{said}");
}
