//! Many connections, many listeners, and files that do not answer.

use super::*;
use std::io::ErrorKind::WouldBlock;

/// A connection from one of the addresses that this host has on its loopback interface.
fn connect_from(source: [u8; 4], address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        socket.connect(address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
    stream
}

fn fresh() -> Arc<Board> {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    board
}

#[test]
fn half_requests_of_one_client_keep_no_other_client_out() {
    // Nobody's time is over while this runs, so that no place becomes free.
    let limits = Limits { request_within: Duration::from_secs(60), ..Limits::DEFAULT };
    serving(fresh(), limits, |address| {
        let halves: Vec<TcpStream> = (0..40)
            .map(|_| {
                let mut stream = connect_from([127, 0, 0, 9], address);
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: loc").unwrap();
                stream
            })
            .collect();
        for _ in 0..3 {
            let mut other = connect_from([127, 0, 0, 8], address);
            other
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .unwrap();
            assert!(rest(other).starts_with("HTTP/1.1 200 "));
        }
        drop(halves);
    });
}

/// Slow headers (slowloris): the time for a request is that for all of it.
#[test]
fn a_request_a_byte_at_a_time_has_no_more_time_than_another() {
    let limits =
        Limits { connections: 1, request_within: Duration::from_millis(200), ..Limits::DEFAULT };
    serving(fresh(), limits, |address| {
        let mut slow = connect(address);
        slow.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        slow.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
        let is_closed = (0..1_000).any(|_| {
            let sent = slow.write_all(b"x");
            let read = slow.read(&mut [0]);
            sent.is_err() || read.is_ok() || read.is_err_and(|e| e.kind() != WouldBlock)
        });
        assert!(is_closed, "a byte now and then holds a place for ever");
        assert!(is_answered(address));
    });
}

/// The same at the other end.
#[test]
fn an_answer_that_is_read_a_byte_at_a_time_has_no_more_time_than_another() {
    let (_, board) = clock();
    board.publish(testing::large(), Duration::from_secs(90));
    let limits =
        Limits { connections: 1, response_within: Duration::from_millis(200), ..Limits::DEFAULT };
    serving(board, limits, |address| {
        let mut slow = connect(address);
        slow.write_all(b"GET /api/v1/snapshot HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let reading = std::thread::spawn(move || {
            let more = || stopped.recv_timeout(Duration::from_millis(5)).is_err();
            (0..2_000).all(|_| more() && slow.read(&mut [0]).is_ok())
        });
        // There is one place, and it becomes free while that one reads.
        assert!(is_answered(address));
        stop.send(()).unwrap_or_default();
        assert!(!reading.join().unwrap(), "it was told to stop");
    });
}

#[test]
fn floods_of_headers_are_refused_in_each_form_they_have() {
    serving(fresh(), Limits::DEFAULT, |address| {
        let many = b"a: b\r\n".repeat(10_000);
        let long = [b"a: ".as_slice(), &[b'b'; 1 << 20], b"\r\n"].concat();
        let named = [[b'a'; 1 << 20].as_slice(), b": b\r\n"].concat();
        let empty = b"\r".repeat(1 << 20);
        let folded = [b"a: b\r\n".as_slice(), &b" c\r\n".repeat(100_000)].concat();
        for flood in [many, long, named, empty, folded] {
            let mut stream = connect(address);
            stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n").unwrap();
            // The server closes in the middle of this.
            let _ = stream.write_all(&flood).and_then(|()| stream.write_all(b"\r\n\r\n"));
            let answer = rest(stream);
            assert!(!answer.starts_with("HTTP/1.1 200 "), "{:.100}", answer);
            assert!(is_answered(address));
        }
        let target = "/x".repeat(40_000);
        let mut stream = connect(address);
        let _ = write!(stream, "GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(!rest(stream).starts_with("HTTP/1.1 200 "));
        assert!(is_answered(address));
    });
}

#[test]
fn more_listeners_than_places_are_all_served() {
    let listeners = Limits::DEFAULT.connections + 8;
    serving_on(listeners, Gate::open(), fresh(), Limits::DEFAULT, |addresses| {
        for address in addresses {
            assert_eq!(get(address, "/healthz").0, 200);
        }
    });
}

#[test]
fn files_that_do_not_answer_stop_nobody() {
    let (answer, hung) = std::sync::mpsc::channel::<()>();
    let hung = Mutex::new(hung);
    let gate = Gate::new(Setup::open(), move |_| {
        let _ = hung.lock().unwrap().recv();
        None
    });
    serving_behind(gate, fresh(), Limits::DEFAULT, move |address| {
        for _ in 0..3 {
            assert_eq!(get(address, "/healthz").0, 200);
        }
        drop(answer);
    });
}

#[test]
fn a_browser_that_was_led_here_by_a_strangers_name_is_told_no_more_than_the_metrics() {
    serving(fresh(), Limits::DEFAULT, |address| {
        let status = |host: &str, path: &str| {
            let mut stream = connect(address);
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
                .unwrap();
            let text = rest(stream);
            let status: u16 = text.split(' ').nth(1).unwrap().parse().unwrap();
            (status, text)
        };
        let (refused, text) = status("rebound.example:10072", "/api/v1/snapshot");
        assert_eq!(refused, 403);
        assert!(text.contains("a host of another name") && !text.contains("skylake"), "{text}");
        assert_eq!(status("rebound.example", "/metrics").0, 200);
        let own = testing::server().header.host_name.value().unwrap().clone();
        for host in ["localhost", "127.0.0.1:10072", &own] {
            assert_eq!(status(host, "/api/v1/snapshot").0, 200, "{host}");
        }
    });
}
