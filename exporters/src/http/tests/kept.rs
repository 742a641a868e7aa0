//! Connections that stay for further requests.

use super::*;

/// Sends a request and reads its answer, which says how long it is; `None` if there is none.
fn ask(stream: &mut TcpStream, path: &str) -> Option<String> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").ok()?;
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap();
    let length = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(head)
}

fn fresh() -> Arc<Board> {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    board
}

fn leaves(head: &str) -> bool {
    head.contains("\r\nconnection: close\r\n")
}

#[test]
fn a_scraper_asks_again_on_the_same_connection() {
    // Less in all than the headers of the requests have together.
    let limits = Limits { request_bytes: 300, ..Limits::DEFAULT };
    serving(fresh(), limits, |address| {
        let mut stream = connect(address);
        for _ in 0..50 {
            let head = ask(&mut stream, "/metrics").unwrap();
            assert!(head.starts_with("http/1.1 200 ") && !leaves(&head), "{head}");
        }
    });
}

#[test]
fn a_connection_that_asks_nothing_more_is_closed() {
    let limits = Limits {
        idle: Duration::from_millis(50),
        request_within: Duration::from_secs(60),
        response_within: Duration::from_secs(60),
        ..Limits::DEFAULT
    };
    serving(fresh(), limits, |address| {
        let mut stream = connect(address);
        assert!(ask(&mut stream, "/metrics").is_some());
        assert_eq!(rest(stream), "");
    });
    // Half of a second request has the time of a request, no more.
    let limits = Limits { request_within: Duration::from_millis(300), ..Limits::DEFAULT };
    serving(fresh(), limits, |address| {
        let mut stream = connect(address);
        assert!(ask(&mut stream, "/metrics").is_some());
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").unwrap();
        assert_eq!(rest(stream), "");
    });
}

#[test]
fn the_beginning_of_a_request_behind_another_has_the_time_of_a_request() {
    let limits = Limits { request_within: Duration::from_millis(300), ..Limits::DEFAULT };
    serving(fresh(), limits, |address| {
        let mut stream = connect(address);
        let both =
            "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: loc";
        stream.write_all(both.as_bytes()).unwrap();
        assert_eq!(rest(stream).matches("HTTP/1.1 200").count(), 1);
    });
}

#[test]
fn a_connection_has_its_time() {
    let limits = Limits { lifetime: Duration::ZERO, ..Limits::DEFAULT };
    serving(fresh(), limits, |address| {
        let mut stream = connect(address);
        assert!(leaves(&ask(&mut stream, "/metrics").unwrap()));
        assert_eq!(rest(stream), "");
    });
}

#[test]
fn those_who_stay_hold_no_more_than_half_of_the_places() {
    serving(fresh(), Limits::DEFAULT, |address| {
        let mut staying = Vec::new();
        let mut left = 0;
        for _ in 0..Limits::DEFAULT.per_client {
            let mut stream = connect(address);
            if leaves(&ask(&mut stream, "/metrics").unwrap()) {
                left += 1;
            } else {
                staying.push(stream);
            }
        }
        assert_eq!((staying.len(), left), (4, 4));
        // Whoever comes is served beside them.
        for _ in 0..20 {
            assert_eq!(get(address, "/healthz").0, 200);
        }
    });
}

#[test]
fn what_holds_for_those_who_connect_now_holds_for_those_who_stayed() {
    let setup = |yaml: &str| {
        let nothing = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
        WebConfig::parse(yaml).unwrap().setup(&nothing).unwrap()
    };
    let yaml = format!("basic_auth_users:\n  a: {}\n", bcrypt::hash("b", 4).unwrap());
    let is_closed = Arc::new(Mutex::new(false));
    let asked = Arc::clone(&is_closed);
    let gate = Gate::new(Setup::open(), move |held| {
        (*asked.lock().unwrap() && !held.authenticates()).then(|| setup(&yaml))
    });
    serving_behind(gate, fresh(), Limits::DEFAULT, move |address| {
        let mut stream = connect(address);
        assert!(ask(&mut stream, "/metrics").unwrap().starts_with("http/1.1 200 "));
        *is_closed.lock().unwrap() = true;
        let head = ask(&mut stream, "/metrics").unwrap();
        assert!(head.starts_with("http/1.1 401 ") && leaves(&head), "{head}");
    });
}
