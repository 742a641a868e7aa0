//! The pages that people look at, over HTTP.

use super::*;
use crate::site::{DimmPast, MemoryPast, Past, PatchPast, Told, UptimePast};
use scrubjay_model::{AlertTurn, ModuleKey};
use std::time::Instant;

/// A history on a disk that does not answer until it is told to.
#[derive(Debug, Default)]
struct Hung(Arc<Mutex<()>>);

impl Hung {
    fn wait<T>(&self) -> Told<T> {
        drop(self.0.lock().unwrap());
        Err("it answered at last".to_owned())
    }
}

impl Past for Hung {
    fn memory(&self, _: i64) -> Told<MemoryPast> {
        self.wait()
    }

    fn dimm(&self, _: &ModuleKey, _: i64) -> Told<DimmPast> {
        self.wait()
    }

    fn patches(&self) -> Told<PatchPast> {
        self.wait()
    }

    fn uptime(&self) -> Told<UptimePast> {
        self.wait()
    }

    fn alerts(&self, _: i64) -> Told<Vec<AlertTurn>> {
        self.wait()
    }
}

#[test]
fn every_page_has_a_twin_and_the_headers_that_protect_whoever_looks() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    serving(board, Limits::DEFAULT, |address| {
        for path in [
            "",
            "memory",
            "patches",
            "uptime",
            "alerts",
            "visibility",
            "about",
            "findings/kernel-behind",
        ] {
            let (status, head, body) = get(address, &format!("/{path}"));
            assert_eq!(status, 200, "{path}");
            for header in [
                "content-type: text/html; charset=utf-8",
                "content-security-policy: default-src 'none'; style-src 'self'; img-src 'self'",
                "frame-ancestors 'none'",
                "x-content-type-options: nosniff",
                "referrer-policy: no-referrer",
                "x-frame-options: deny",
                "cache-control: no-store",
            ] {
                assert!(head.contains(header), "{path}: {header} is not in {head}");
            }
            let twin = format!("/api/v1/{}", if path.is_empty() { "overview" } else { path });
            assert!(body.contains(&format!("href=\"{twin}\"")), "{path}");
            let (status, head, body) = get(address, &twin);
            assert!(status == 200 && head.contains("content-type: application/json"), "{head}");
            serde_json::from_str::<serde_json::Value>(&body).unwrap();
        }
        let (status, head, _) = get(address, "/assets/site.css?0.1.0");
        assert!(status == 200 && head.contains("content-type: text/css"), "{head}");
        assert!(get(address, "/assets/icon.svg").1.contains("content-type: image/svg+xml"));
        assert!(get(address, "/?refresh").1.contains("refresh: 60"));
        assert!(!get(address, "/").1.contains("refresh:"));
        assert_eq!(request(address, "POST", "/memory").0, 405);
    });
}

#[test]
fn what_is_not_there_is_told_in_the_form_that_was_asked_for() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    serving(board, Limits::DEFAULT, |address| {
        assert_eq!(get(address, "/nothing").2, "no such page; / lists them\n");
        let (status, head, body) = get(address, "/api/v1/nothing");
        assert!(status == 404 && head.contains("application/json"), "{head}");
        assert!(body.contains("\"error\":\"no such page"), "{body}");
        let mut stream = connect(address);
        write!(stream, "GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: text/html\r\n\r\n")
            .unwrap();
        let page = rest(stream);
        assert!(page.starts_with("HTTP/1.1 404") && page.contains("href=\"/memory\""), "{page}");
        for path in ["/memory/none", "/findings/none"] {
            let (status, head, body) = get(address, path);
            assert!(status == 404 && head.contains("text/html"), "{path}: {head}");
            assert!(body.contains("<h1>No such"), "{body}");
            assert_eq!(get(address, &format!("/api/v1{path}")).0, 404);
        }
        // No name in an address is too odd.
        for path in ["/memory/%00%ff", "/memory/..%2f..%2fetc", "/findings/%3Cb%3E"] {
            assert!(matches!(get(address, path).0, 400 | 404), "{path}");
        }
    });
}

#[test]
fn a_history_that_hangs_holds_up_no_page_and_no_scrape() {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    let lock = Arc::new(Mutex::new(()));
    let past = Arc::new(Hung(Arc::clone(&lock)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let held = lock.lock().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (done, stop) = oneshot::channel();
        let client = std::thread::spawn(move || {
            #[expect(clippy::disallowed_methods, reason = "measures the test itself")]
            let began = Instant::now();
            // The first two wait for it, the others for them.
            for path in ["/memory", "/uptime", "/patches", "/alerts", "/memory"] {
                let (status, _, body) = get(address, path);
                assert_eq!(status, 200, "{path}");
                let why = body.contains("did not answer within") || body.contains("others wait");
                assert!(why, "{path}: {body}");
                assert_eq!(get(address, "/metrics").0, 200);
                assert_eq!(get(address, "/").0, 200);
            }
            done.send(()).unwrap();
            began.elapsed()
        });
        let pages = Some(Pages { past, ..testing::pages() });
        let gate = Arc::new(Gate::open());
        let telemetry_path = TELEMETRY_PATH.to_owned();
        let site = Site { board, looks: None, feed: None, gate, telemetry_path, pages };
        let stop = async { stop.await.unwrap_or_default() };
        serve_within(vec![listener], site, stop, Limits::DEFAULT).await.unwrap();
        assert!(client.join().unwrap() < Duration::from_secs(10));
    });
    drop(held);
}
