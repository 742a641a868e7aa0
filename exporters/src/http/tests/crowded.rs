//! Many connections, many listeners, and files that do not answer.

use super::*;

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
