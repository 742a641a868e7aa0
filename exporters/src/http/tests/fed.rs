//! A server whose passes come from elsewhere, and one that ends without being told to.

use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A disk that does not answer until it is told to.
#[derive(Debug, Default)]
struct HungFeed {
    lock: Mutex<()>,
    asked: AtomicUsize,
}

impl Feed for HungFeed {
    fn refresh(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        drop(self.lock.lock().unwrap());
    }
}

/// A site with nothing on it but what a gate lets through to it.
fn site(gate: Gate, feed: Option<Arc<dyn Feed>>) -> Site {
    let (_, board) = clock();
    board.publish(testing::server(), Duration::from_secs(90));
    let telemetry_path = TELEMETRY_PATH.to_owned();
    Site { board, looks: None, feed, gate: Arc::new(gate), telemetry_path, pages: None }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn one_thread_waits_for_a_disk_that_does_not_answer_however_many_ask() {
    let feed = Arc::new(HungFeed::default());
    let held = feed.lock.lock().unwrap();
    let runtime = runtime();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (done, stop) = oneshot::channel();
        let client = std::thread::spawn(move || {
            for _ in 0..10 {
                // From what there was.
                assert_eq!(get(address, "/healthz").0, 200);
            }
            done.send(()).unwrap();
        });
        let site = site(Gate::open(), Some(Arc::clone(&feed) as Arc<dyn Feed>));
        let stop = async { stop.await.unwrap_or_default() };
        serve_within(vec![listener], site, stop, Limits::DEFAULT).await.unwrap();
        client.join().unwrap();
    });
    assert_eq!(feed.asked.load(Ordering::SeqCst), 1);
    drop(held);
}

#[test]
fn a_server_that_ends_without_being_told_to_is_noticed() {
    // No thread can have a stack as large as all there is: tokio panics, and with it whoever accepts
    // connections.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .thread_stack_size(1 << 48)
        .build()
        .unwrap();
    let ended = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let client = std::thread::spawn(move || rest(connect(address)));
        let site = site(Gate::new(Setup::open(), |_| None), None);
        let ended = serve(vec![listener], site, std::future::pending()).await;
        client.join().unwrap();
        ended
    });
    assert!(ended.is_err_and(|EndedUnasked(why)| why.is_some_and(|why| why.is_panic())));
}
