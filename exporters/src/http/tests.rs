//! The server over real loopback sockets, spoken to by plain blocking clients.

use super::*;
use crate::testing;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use tokio::sync::oneshot;

mod crowded;
mod encrypted;
mod fed;
mod kept;
mod looked_at;

/// A clock the test sets.
fn clock() -> (Arc<Mutex<Duration>>, Arc<Board>) {
    let time = Arc::new(Mutex::new(Duration::from_secs(1_000)));
    let read = Arc::clone(&time);
    (time, Arc::new(Board::new(Arc::new(move || *read.lock().unwrap()))))
}

/// Serves `board` while `client` runs on a thread of its own.
fn serving<T: Send + 'static>(
    board: Arc<Board>,
    limits: Limits,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    serving_behind(Gate::open(), board, limits, client)
}

/// The same for those whom a gate lets through.
fn serving_behind<T: Send + 'static>(
    gate: Gate,
    board: Arc<Board>,
    limits: Limits,
    client: impl FnOnce(SocketAddr) -> T + Send + 'static,
) -> T {
    serving_on(1, gate, board, limits, |addresses| client(addresses[0]))
}

/// The same on several listeners.
fn serving_on<T: Send + 'static>(
    listeners: usize,
    gate: Gate,
    board: Arc<Board>,
    limits: Limits,
    client: impl FnOnce(Vec<SocketAddr>) -> T + Send + 'static,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let (mut all, mut addresses) = (Vec::new(), Vec::new());
        for _ in 0..listeners {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            all.push(listener);
        }
        let (done, stop) = oneshot::channel();
        let client = std::thread::spawn(move || {
            let result = client(addresses);
            done.send(()).unwrap();
            result
        });
        let telemetry_path = TELEMETRY_PATH.to_owned();
        let pages = testing::pages();
        let pages = Some(pages);
        let site =
            Site { board, looks: None, feed: None, gate: Arc::new(gate), telemetry_path, pages };
        let stop = async { stop.await.unwrap_or_default() };
        serve_within(all, site, stop, limits).await.unwrap();
        client.join().unwrap()
    })
}

/// Asks until there is an answer: where the time for a request is short, a busy machine may miss it.
fn is_answered(address: SocketAddr) -> bool {
    (0..100).any(|_| try_request(address, "GET", "/healthz").is_some_and(|(s, _, _)| s == 200))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    // A test that would hang fails instead.
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(8))).unwrap();
    stream
}

/// Everything the server sends until it closes; what a reset cuts off is not missed.
fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    String::from_utf8(bytes).unwrap()
}

/// Status, head and body of the answer; `None` if there was none.
fn try_request(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String, String)> {
    let mut stream = connect(address);
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let text = rest(stream);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head.to_ascii_lowercase(), body.to_owned()))
}

fn request(address: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    try_request(address, method, path).unwrap()
}

fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    request(address, "GET", path)
}

#[test]
fn before_the_first_pass_nothing_is_told_of_the_host() {
    let (_, board) = clock();
    serving(board, Limits::DEFAULT, |address| {
        for path in ["/metrics", "/healthz", "/-/healthy", "/readyz", "/-/ready"] {
            let (status, _, body) = get(address, path);
            assert_eq!((status, body.as_str()), (503, "no pass over the host has completed yet\n"));
        }
        let (status, head, body) = get(address, "/api/v1/snapshot");
        assert_eq!(status, 503);
        assert!(head.contains("content-type: application/json"));
        assert_eq!(
            body,
            "{\"schema_version\":1,\"error\":\"no pass over the host has completed yet\"}\n"
        );
        let (status, head, body) = get(address, "/");
        assert_eq!(status, 503);
        assert!(
            head.contains("refresh: 2") && body.contains("Nothing is known yet"),
            "{head}{body}"
        );
        assert_eq!(get(address, "/api/v1/overview").0, 503);
    });
}

#[test]
fn a_fresh_pass_is_served_on_every_route() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    serving(board, Limits::DEFAULT, |address| {
        let (status, head, body) = get(address, "/metrics");
        assert_eq!(status, 200);
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        assert_eq!(body, crate::prometheus::render(&testing::server(), false).unwrap());

        let (status, head, body) = get(address, "/api/v1/snapshot");
        assert_eq!(status, 200);
        assert!(head.contains("content-type: application/json"), "{head}");
        assert_eq!(body, crate::json::public_snapshot(&testing::server()).unwrap());

        for path in ["/healthz", "/-/healthy"] {
            assert_eq!(get(address, path).2, "healthy\n");
        }
        for path in ["/readyz", "/-/ready"] {
            assert_eq!(get(address, path).2, "ready\n");
        }
        let (_, head, body) = get(address, "/");
        assert!(head.contains("content-type: text/html"), "{head}");
        assert!(body.contains(env!("CARGO_PKG_VERSION")));
        for linked in ["/metrics", "/api/v1/overview", "/healthz", "/memory", "/about"] {
            assert!(body.contains(&format!("href=\"{linked}\"")), "{linked}");
        }
    });
}

#[test]
fn a_pass_that_is_too_old_is_not_passed_off_as_the_present() {
    let (time, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    serving(board, Limits::DEFAULT, move |address| {
        *time.lock().unwrap() += Duration::from_secs(90);
        assert_eq!(get(address, "/healthz").0, 200);
        *time.lock().unwrap() += Duration::from_secs(1);
        let (status, _, body) = get(address, "/healthz");
        assert_eq!(
            (status, body.as_str()),
            (503, "the last pass is 91 s old and was good for 90 s\n")
        );
        let (status, _, body) = get(address, "/metrics");
        assert_eq!(status, 200);
        assert_eq!(body, crate::prometheus::render(&testing::server(), true).unwrap());
        assert_eq!(get(address, "/api/v1/snapshot").0, 503);
        // A pass has completed, and the agent answers.
        assert_eq!(get(address, "/readyz").0, 200);
    });
}

#[test]
fn a_new_pass_replaces_the_old_pages() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    let publisher = Arc::clone(&board);
    serving(board, Limits::DEFAULT, move |address| {
        assert!(get(address, "/metrics").2.contains("skylake"));
        publisher.publish(testing::guest(), Duration::from_secs(90));
        assert!(!get(address, "/metrics").2.contains("skylake"));
    });
}

#[test]
fn other_paths_and_methods_are_refused_in_words() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    serving(board, Limits::DEFAULT, |address| {
        assert_eq!(get(address, "/etc/passwd").0, 404);
        assert_eq!(get(address, "/metrics/../metrics").0, 404);
        let (status, _, body) = request(address, "DELETE", "/metrics");
        assert_eq!((status, body.as_str()), (405, "only GET and HEAD are answered\n"));
        let (status, head, body) = request(address, "HEAD", "/metrics");
        assert_eq!((status, body.as_str()), (200, ""));
        assert!(head.contains("content-length: "), "{head}");
    });
}

#[test]
fn clients_that_send_nothing_or_too_much_do_not_keep_others_out() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    let limits = Limits {
        connections: 2,
        request_within: Duration::from_millis(50),
        request_bytes: 4_096,
        ..Limits::DEFAULT
    };
    serving(board, limits, |address| {
        // More than there are places for, each with half a request.
        let idle: Vec<TcpStream> = (0..6)
            .map(|_| {
                let mut stream = connect(address);
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").unwrap();
                stream
            })
            .collect();
        assert!(is_answered(address));
        for stream in idle {
            assert_eq!(rest(stream), "", "closed without an answer");
        }

        let mut endless = connect(address);
        endless.write_all(b"GET / HTTP/1.1\r\n").unwrap();
        let header = [b"x: ", [b'y'; 4_000].as_slice(), b"\r\n"].concat();
        // The server closes in the middle of this.
        while endless.write_all(&header).is_ok() {}
        assert!(is_answered(address));

        let mut garbage = connect(address);
        garbage.write_all(&[0xff; 512]).unwrap();
        let _ = rest(garbage);
        assert!(is_answered(address));
    });
}

#[test]
fn a_client_that_does_not_read_its_answer_is_dropped() {
    let (_, board) = clock();
    board.publish(testing::large(), Duration::from_secs(90));
    let limits =
        Limits { connections: 1, response_within: Duration::from_millis(50), ..Limits::DEFAULT };
    serving(board, limits, |address| {
        let mut lazy = connect(address);
        lazy.write_all(
            b"GET /api/v1/snapshot HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        )
        .unwrap();
        // There is one place, and it becomes free.
        assert_eq!(get(address, "/healthz").0, 200);
        assert!(rest(lazy).len() < 32 << 20);
    });
}

#[test]
fn stopping_does_not_wait_for_idle_clients() {
    let (_, board) = clock();
    let idle = serving(board, Limits::DEFAULT, |address| {
        let idle = connect(address);
        assert_eq!(get(address, "/assets/icon.svg").0, 200);
        idle
    });
    assert_eq!(rest(idle), "");
}

/// Status, head and the bytes of the body.
fn asking(address: SocketAddr, path: &str, headers: &str) -> (u16, String, Vec<u8>) {
    let mut stream = connect(address);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n")
        .unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), head, bytes[end + 4..].to_vec())
}

#[test]
fn a_scraper_gets_the_format_it_likes_best_compressed_if_it_may_be() {
    let (time, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    serving(board, Limits::DEFAULT, move |address| {
        for stale in [false, true] {
            if stale {
                *time.lock().unwrap() += Duration::from_secs(91);
            }
            let classic = crate::prometheus::render(&testing::server(), stale).unwrap();
            let open = crate::openmetrics::render(&testing::server(), stale);
            for (accept, content_type, expected) in [
                ("", crate::prometheus::CONTENT_TYPE, &classic),
                (
                    "Accept: application/openmetrics-text\r\n",
                    crate::openmetrics::CONTENT_TYPE,
                    &open,
                ),
            ] {
                let (status, head, body) = asking(address, "/metrics", accept);
                assert_eq!(status, 200);
                assert!(head.contains(&format!("content-type: {content_type}\r\n")), "{head}");
                assert!(head.contains("vary: accept, accept-encoding"), "{head}");
                assert!(!head.contains("content-encoding"), "{head}");
                assert_eq!(body, expected.as_bytes());

                let accept = format!("{accept}Accept-Encoding: gzip\r\n");
                let (_, head, body) = asking(address, "/metrics", &accept);
                assert!(head.contains("content-encoding: gzip"), "{head}");
                let mut unpacked = String::new();
                flate2::read::GzDecoder::new(body.as_slice())
                    .read_to_string(&mut unpacked)
                    .unwrap();
                assert_eq!(&unpacked, expected);
                assert!(body.len() * 4 < expected.len(), "{} of {}", body.len(), expected.len());
            }
        }
    });
}

#[test]
fn pages_are_made_once_for_all_who_ask() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    for format in [Format::Classic, Format::OpenMetrics] {
        for gzip in [false, true] {
            let page = || board.metrics(negotiate::Form { format, gzip }).unwrap().unwrap();
            assert_eq!(page().as_ptr(), page().as_ptr(), "{format:?} {gzip}");
        }
    }
}

#[test]
fn a_form_that_somebody_asked_for_is_made_before_the_next_page_is_posted() {
    let (_, board) = clock();
    let asked = negotiate::Form { format: Format::OpenMetrics, gzip: true };
    let post = || board.publish(testing::server(), Duration::from_secs(90));
    let made = || negotiate::Form::ALL.map(|form| board.is_made(form));
    post();
    assert_eq!(made(), [false; 4]);
    board.metrics(asked).unwrap().unwrap();
    // What is compressed is made of what is not.
    let both = negotiate::Form::ALL.map(|form| form.format == Format::OpenMetrics);
    assert_eq!(made(), both);
    post();
    assert_eq!(made(), both);
    // Nobody has asked since.
    post();
    assert_eq!(made(), [false; 4]);
}

#[test]
fn the_metrics_page_is_where_somebody_wants_it() {
    assert!(is_telemetry_path("/metrics") && is_telemetry_path("/node-1/scrub.jay_~"));
    for path in ["", "/", "metrics", "/readyz", "/api/v1/snapshot", "/a b", "/{a}", "/ü", "/a?b"] {
        assert!(!is_telemetry_path(path), "{path}");
    }
    let site = |telemetry_path: &str| {
        let (_, board) = clock();
        Site {
            board,
            looks: None,
            feed: None,
            gate: Arc::new(Gate::open()),
            telemetry_path: telemetry_path.to_owned(),
            pages: Some(testing::pages()),
        }
    };
    // Whatever is taken can be routed.
    for path in ["/m", "/m/", "//", "/a/b/../c", "/-/x"] {
        assert!(is_telemetry_path(path), "{path}");
        let _ = router(&site(path));
    }
}

/// What somebody at `peer` is answered, behind a setup.
fn asked_from(peer: &str, setup: Setup, paths: &'static [&'static str]) -> Vec<(u16, String)> {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    let telemetry_path = TELEMETRY_PATH.to_owned();
    let gate = Arc::new(Gate::fixed(setup));
    let peer: SocketAddr = peer.parse().unwrap();
    let visitor = Visitor {
        peer,
        setup: gate.current(),
        ticket: Arc::new(Places::new(Limits::DEFAULT).admit(peer.ip()).unwrap()),
        leaves_at: tokio::time::Instant::now() + Duration::from_secs(60),
    };
    let pages = Some(testing::pages());
    let site = Site { board, looks: None, feed: None, gate, telemetry_path, pages };
    let pretended = router(&site).layer(axum::extract::connect_info::MockConnectInfo(visitor));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (done, stop) = oneshot::channel();
        let client = std::thread::spawn(move || {
            let answers = paths.iter().map(|path| get(address, path)).map(|(s, _, b)| (s, b));
            let answers = answers.collect();
            done.send(()).unwrap();
            answers
        });
        let stop = async { stop.await.unwrap_or_default() };
        axum::serve(listener, pretended).with_graceful_shutdown(stop).await.unwrap();
        client.join().unwrap()
    })
}

#[test]
fn other_hosts_are_told_what_opens_the_rest() {
    const PATHS: &[&str] =
        &["/metrics", "/healthz", "/-/ready", "/", "/api/v1/snapshot", "/nothing"];
    let status = |answers: &[(u16, String)]| answers.iter().map(|(s, _)| *s).collect::<Vec<_>>();
    let answers = asked_from("192.0.2.1:1", Setup::open(), PATHS);
    assert_eq!(status(&answers), [200, 200, 200, 403, 403, 403]);
    assert!(
        answers[4].1.contains("basic_auth_users") && answers[4].1.contains("--web.config.file")
    );
    assert!(!answers[4].1.contains("skylake"), "{}", answers[4].1);
    assert_eq!(
        status(&asked_from("[::1]:1", Setup::open(), PATHS)),
        [200, 200, 200, 200, 200, 404]
    );
    // Who had to show who he is may see it all.
    let yaml = format!("basic_auth_users:\n  a: {}\n", bcrypt::hash("b", 4).unwrap());
    let setup = || {
        let nothing = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        WebConfig::parse(&yaml).unwrap().setup(&nothing).unwrap()
    };
    assert_eq!(status(&asked_from("192.0.2.1:1", setup(), PATHS)), [401; 6]);
}
