//! The agent behind a web configuration: TLS, passwords, client certificates, and changes of the
//! files while it runs. Also the other way round: notices over TLS.

use crate::harness::{Agent, output, sample, scrubjay};
use crate::receiver::wait_for;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};
use scrubjay_tests::trees;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Somebody who vouches for others, under a name of his own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate for this host, and its key.
pub(crate) struct Pair {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

impl Authority {
    pub(crate) fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn vouches(&self) -> Pair {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(names).unwrap();
        let certificate = params.signed_by(&key, &*self.0).unwrap();
        Pair { certificate: certificate.der().clone(), key, pem: certificate.pem() }
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    fn trusting(&self) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }
}

impl Pair {
    /// Writes `cert.pem` and `key.pem`, each at once, as tools that renew certificates do.
    pub(crate) fn install(&self, folder: &Path) {
        for (name, text) in [("cert.pem", &self.pem), ("key.pem", &self.key.serialize_pem())] {
            let new = folder.join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(&new, folder.join(name)).unwrap();
        }
    }
}

/// Status and body, or why there was no answer.
fn fetch(
    trust: &Authority,
    agent: &Agent,
    path: &str,
    headers: &str,
) -> Result<(u16, String), String> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(trust.trusting(), name).unwrap();
    let stream = TcpStream::connect(agent.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut text = String::new();
    stream.read_to_string(&mut text).map_err(|error| error.to_string())?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("no answer")?;
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}

/// `alice` with the password `right`.
pub(crate) const USERS: &str = "basic_auth_users:\n  alice: \
                     $2y$04$9Zb0wPUVnTpGnkTBsOuzhenDum3iXUjVOKIRAEvLynvEoJkWA5gT6\n";
/// The base64 of `alice:right`.
const ALICE: &str = "Authorization: Basic YWxpY2U6cmlnaHQ=\r\n";
/// A certificate and its key as [`Pair::install`] puts them beside the file.
pub(crate) const TLS: &str = "tls_server_config:\n  cert_file: cert.pem\n  key_file: key.pem\n";

fn write_config(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("web-config.yml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn certificates_and_passwords_are_followed_and_mistakes_change_nothing() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    let (old, new) = (Authority::called("old"), Authority::called("new"));
    old.vouches().install(home.path());
    let config = write_config(home.path(), TLS);
    let agent = Agent::start_with(home.path(), &root, |command| {
        command.arg("--web.config.file").arg(&config);
    });
    let metrics = |trust: &Authority, headers: &str| fetch(trust, &agent, "/metrics", headers);
    let told = |page: &str, series: &str| sample(page, series).unwrap();
    wait_for("first pass", || {
        let (status, page) = metrics(&old, "").unwrap();
        (status == 200 && told(&page, "scrubjay_web_config_failing") == 0).then_some(())
    });
    assert!(metrics(&new, "").is_err());

    // A renewed certificate is used without a restart.
    new.vouches().install(home.path());
    wait_for("the new certificate", || metrics(&new, "").ok());
    assert!(metrics(&old, "").is_err());

    // A mistake neither opens the door nor closes it, and is told.
    write_config(home.path(), "tls_server_confg:\n");
    wait_for("word of the mistake", || {
        let (_, page) = metrics(&new, "").unwrap();
        (told(&page, "scrubjay_web_config_failing") == 1).then_some(())
    });

    write_config(home.path(), &format!("{TLS}{USERS}"));
    wait_for("the password", || (metrics(&new, "").unwrap().0 == 401).then_some(()));
    let (status, _) = metrics(&new, ALICE).unwrap();
    assert_eq!(status, 200);
    wait_for("word that it is mended", || {
        let (_, page) = metrics(&new, ALICE).unwrap();
        (told(&page, "scrubjay_web_config_failing") == 0).then_some(())
    });
    assert_eq!(fetch(&new, &agent, "/api/v1/snapshot", "").unwrap().0, 401);
    // Nor does a file that was emptied open it.
    write_config(home.path(), "");
    wait_for("word that the file says less", || {
        let (_, page) = metrics(&new, ALICE).unwrap();
        (told(&page, "scrubjay_web_config_failing") == 1).then_some(())
    });
    assert_eq!(metrics(&new, "").unwrap().0, 401);
    assert_eq!(fetch(&new, &agent, "/api/v1/snapshot", ALICE).unwrap().0, 200);
    assert_eq!(agent.stop(), 0);
}

#[test]
fn certificates_in_a_folder_of_their_own_are_followed_and_so_is_a_password_beside_them() {
    for kind in ["agent", "serve"] {
        let home = tempfile::tempdir().unwrap();
        let root = home.path().join("host.tree");
        std::fs::write(&root, trees::host("bare-guest")).unwrap();
        let [web, kept, state] = ["web", "kept", "state"].map(|name| home.path().join(name));
        for folder in [&web, &kept, &state] {
            std::fs::create_dir(folder).unwrap();
        }
        let (old, new) = (Authority::called("old"), Authority::called("new"));
        old.vouches().install(&kept);
        let tls = format!(
            "tls_server_config:\n  cert_file: {0}/cert.pem\n  key_file: ../kept/key.pem\n",
            kept.display()
        );
        let config = write_config(&web, &tls);
        let follow = |command: &mut Command| {
            command.arg("--web.config.file").arg(&config);
        };
        let server = match kind {
            "agent" => Agent::start_with(home.path(), &root, follow),
            _ => Agent::serve(home.path(), follow),
        };
        let metrics = |trust: &Authority| fetch(trust, &server, "/metrics", "");
        assert!(metrics(&old).is_ok() && metrics(&new).is_err());
        new.vouches().install(&kept);
        wait_for("the new certificate", || metrics(&new).ok());
        write_config(&web, &format!("{tls}{USERS}"));
        wait_for("the password", || (metrics(&new).unwrap().0 == 401).then_some(()));
        assert_eq!(server.stop(), 0, "{kind}");
    }
}

#[test]
fn an_agent_does_not_start_with_a_web_configuration_of_no_use() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    for (text, expected) in [
        (
            "tls_server_config:\n  cert: x\n  colour: blue\n",
            "web-config.yml:3:3: tls_server_config: unknown field `colour`",
        ),
        (TLS, "tls_server_config.cert_file: cannot read cert.pem"),
    ] {
        let config = write_config(home.path(), text);
        let state = home.path().join("state");
        let (code, _, stderr) = output(
            scrubjay(home.path())
                .args(["agent", "--web.listen-address", "127.0.0.1:0", "--root"])
                .arg(&root)
                .arg("--state-dir")
                .arg(&state)
                .arg("--web.config.file")
                .arg(&config),
        );
        assert_eq!(code, 1, "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert!(!state.exists(), "a history was begun");
    }
}

#[test]
fn several_addresses_are_served_and_the_metrics_are_where_they_are_wanted() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let agent = Agent::start_with(home.path(), &root, |command| {
        command.args(["--web.listen-address", &free.to_string(), "--web.telemetry-path", "/m"]);
    });
    let status = |path: &str| agent.get(path).0;
    wait_for("first pass", || (status("/m") == 200).then_some(()));
    assert_eq!(status("/metrics"), 404);
    assert!(agent.get("/").2.contains("<a href=\"/m\">"));
    let mut second = TcpStream::connect(free).unwrap();
    second.write_all(b"GET /m HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    second.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
    assert_eq!(agent.stop(), 0);
}

#[test]
fn sockets_that_systemd_hands_over_are_served_and_none_is_said() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("host.tree");
    std::fs::write(&root, trees::host("bare-guest")).unwrap();
    let agent = |script: &str| {
        let mut command = Command::new("sh");
        command.env_clear().env("HOME", home.path()).args(["-c", script, "sh"]);
        // As `$1`, the program, and what follows it.
        command.arg(crate::harness::SCRUBJAY).args(["agent", "--web.systemd-socket", "--root"]);
        command.arg(&root).arg("--state-dir").arg(home.path().join("state"));
        command.args(["--config", "/dev/null"]).stdout(Stdio::null());
        command
    };
    let (code, _, stderr) = output(agent("exec \"$@\"").stdin(Stdio::null()));
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("handed over no socket"), "{stderr}");

    // The socket comes as the first file after the usual three.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script = "exec 3<&0 </dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\"";
    let mut command = agent(script);
    command.stdin(std::os::fd::OwnedFd::from(listener)).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // It waits in the socket until the agent is there.
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
        .write_all(b"GET /assets/site.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .unwrap();
    let mut page = String::new();
    let read = stream.read_to_string(&mut page);
    child.kill().unwrap();
    child.wait().unwrap();
    read.unwrap();
    assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
}

/// A receiver behind TLS: answers one request with 200, and gives back its first line, or `None` if
/// there was no handshake.
fn receive(listener: &TcpListener, pair: &Pair) -> Option<String> {
    let key = PrivateKeyDer::try_from(pair.key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![pair.certificate.clone()], key)
        .unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let connection = ServerConnection::new(Arc::new(config)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    let mut chunk = [0; 4_096];
    // The body is JSON in one object, which ends with the request.
    while !request.ends_with(b"}") {
        let read = stream.read(&mut chunk).ok()?;
        if read == 0 {
            return None;
        }
        request.extend_from_slice(&chunk[..read]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    stream.conn.send_close_notify();
    let _ = stream.flush();
    let text = String::from_utf8(request).unwrap();
    text.lines().next().map(str::to_owned)
}

#[test]
fn notices_go_to_receivers_that_our_authority_vouches_for_and_to_no_other() {
    let home = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::called("ours"), Authority::called("theirs"));
    let ca = home.path().join("ca.pem");
    std::fs::write(&ca, ours.pem()).unwrap();
    for (authority, expected) in [(&ours, 0), (&theirs, 1)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let config = home.path().join("scrubjay.toml");
        let text = format!(
            "[notify]\njournal = false\nca_file = {ca:?}\nwebhook = [\"https://localhost:{}/hook\"]\n",
            listener.local_addr().unwrap().port()
        );
        std::fs::write(&config, text).unwrap();
        let pair = authority.vouches();
        let receiver = std::thread::spawn(move || receive(&listener, &pair));
        let mut command = Command::new(crate::harness::SCRUBJAY);
        command.env_clear().env("HOME", home.path()).arg("--config").arg(&config);
        let (code, stdout, stderr) = output(command.args(["notify", "test", "--to", "webhook"]));
        assert_eq!(code, expected, "{stdout}{stderr}");
        let received = receiver.join().unwrap();
        let is_told = received.is_some_and(|line| line.starts_with("POST /hook "));
        assert_eq!(is_told, expected == 0, "{stdout}{stderr}");
    }
}
