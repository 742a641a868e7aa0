//! Scrapes that look before they show.

use super::super::board::Holds;
use super::super::negotiate::{Form, Format};
use super::*;
use crate::testing;
use scrubjay_model::{HostView, Reading};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const PACE: Pace = Pace { as_is: Duration::from_secs(1), pass_again: Duration::from_secs(5) };

/// A host whose counters change when the test says so.
struct Host {
    seconds: Arc<AtomicU64>,
    changed: Arc<AtomicBool>,
    looks: Arc<AtomicU64>,
    board: Arc<Board>,
}

impl Host {
    fn new() -> Self {
        let seconds = Arc::new(AtomicU64::new(1_000));
        let read = Arc::clone(&seconds);
        let now = move || Duration::from_secs(read.load(Ordering::SeqCst));
        let (changed, looks) = (Arc::default(), Arc::default());
        Self { seconds, changed, looks, board: Arc::new(Board::new(Arc::new(now))) }
    }

    /// A pass; the page tells of it by the number.
    fn pass(&self, number: u64) {
        publish(&self.board, &self.changed, &self.looks, number);
    }

    fn later(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }

    /// The number of the pass that a scrape shows.
    fn scrape(&self, looks: &Arc<Looks>) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(looks.refresh());
        let form = Form { format: Format::Classic, gzip: false };
        let page = self.board.metrics(form).unwrap().unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix("scrubjay_agent_passes_total "));
        line.unwrap().parse().unwrap()
    }

    fn looked(&self) -> u64 {
        self.looks.load(Ordering::SeqCst)
    }
}

fn number(view: &mut HostView, number: u64) {
    let Reading::Value(agent) = &mut view.agent else { panic!("an agent") };
    agent.passes = number;
}

fn publish(board: &Board, changed: &Arc<AtomicBool>, looks: &Arc<AtomicU64>, number: u64) {
    let mut view = testing::server();
    self::number(&mut view, number);
    changed.store(false, Ordering::SeqCst);
    let (changed, looks) = (Arc::clone(changed), Arc::clone(looks));
    let holds = move || {
        looks.fetch_add(1, Ordering::SeqCst);
        !changed.load(Ordering::SeqCst)
    };
    board.publish_watched(Arc::new(view), Duration::from_secs(90), Some(asked(holds)));
}

/// What may take its time.
fn asked(holds: impl Fn() -> bool + Send + Sync + 'static) -> Holds {
    Holds { ask: Box::new(holds), is_soon_known: false }
}

#[test]
fn a_page_that_holds_is_served_and_looked_at_no_more_often_than_wanted() {
    let host = Host::new();
    host.pass(1);
    let looks = Looks::start(&host.board, PACE, || panic!("no pass is needed")).unwrap();
    assert_eq!((host.scrape(&looks), host.looked()), (1, 0), "a new page is good as it is");
    host.later(2);
    assert_eq!((host.scrape(&looks), host.looked()), (1, 1));
    assert_eq!((host.scrape(&looks), host.looked()), (1, 1));
    host.later(1);
    assert_eq!((host.scrape(&looks), host.looked()), (1, 2));
}

#[test]
fn a_scrape_shows_the_pass_that_it_asked_for() {
    let host = Host::new();
    host.pass(1);
    let (board, changed, count) =
        (Arc::clone(&host.board), Arc::clone(&host.changed), Arc::clone(&host.looks));
    let looks = Looks::start(&host.board, PACE, move || publish(&board, &changed, &count, 2));
    let looks = looks.unwrap();
    host.later(60);
    host.changed.store(true, Ordering::SeqCst);
    assert_eq!(host.scrape(&looks), 2);
}

#[test]
fn no_scrape_waits_for_a_pass_that_does_not_come_or_must_not_come_yet() {
    let host = Host::new();
    host.pass(1);
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let looks = Looks::start(&host.board, PACE, move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let looks = looks.unwrap();
    host.changed.store(true, Ordering::SeqCst);
    host.later(2);
    for _ in 0..5 {
        assert_eq!(host.scrape(&looks), 1);
    }
    host.later(60);
    assert_eq!(host.scrape(&looks), 1, "after a moment the old page is served");
    assert_eq!(asked.load(Ordering::SeqCst), 1, "a pass is asked for once");
    host.pass(2);
    assert_eq!(host.scrape(&looks), 2);
}

#[test]
fn a_look_that_hangs_costs_a_scrape_a_moment() {
    let host = Host::new();
    let (release, hung) = std::sync::mpsc::channel::<()>();
    let hung = Mutex::new(hung);
    let holds = move || hung.lock().unwrap().recv().is_ok();
    let mut view = testing::server();
    number(&mut view, 1);
    host.board.publish_watched(Arc::new(view), Duration::from_secs(90), Some(asked(holds)));
    let looks = Looks::start(&host.board, PACE, || {}).unwrap();
    host.later(30);
    for _ in 0..3 {
        assert_eq!(host.scrape(&looks), 1);
    }
    release.send(()).unwrap();
    drop(looks);
}

#[test]
fn where_nothing_can_be_looked_at_the_page_is_served_as_it_is() {
    let host = Host::new();
    let looks = Looks::start(&host.board, PACE, || panic!("no pass is needed")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(looks.refresh());
    let mut view = testing::server();
    number(&mut view, 1);
    host.board.publish(view, Duration::from_secs(90));
    host.later(30);
    assert_eq!(host.scrape(&looks), 1);
}

#[test]
fn what_is_soon_known_is_asked_where_the_question_comes_in() {
    let host = Host::new();
    let (changed, asked_by) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let publish = |board: &Board, number: u64| {
        let mut view = testing::server();
        if let Reading::Value(agent) = &mut view.agent {
            agent.passes = number;
        }
        let (changed, asked_by) = (Arc::clone(&changed), Arc::clone(&asked_by));
        let ask = move || {
            asked_by.lock().unwrap().push(std::thread::current().id());
            !changed.load(Ordering::SeqCst)
        };
        let holds = Holds { ask: Box::new(ask), is_soon_known: true };
        board.publish_watched(Arc::new(view), Duration::from_secs(90), Some(holds));
    };
    publish(&host.board, 1);
    let (sender, asked) = std::sync::mpsc::channel();
    let looks = Looks::start(&host.board, PACE, move || sender.send(()).unwrap()).unwrap();
    host.later(2);
    assert_eq!(host.scrape(&looks), 1);
    assert_eq!(*asked_by.lock().unwrap(), [std::thread::current().id()]);
    assert!(asked.try_recv().is_err(), "no pass is needed");
    changed.store(true, Ordering::SeqCst);
    host.later(60);
    assert_eq!(host.scrape(&looks), 1, "the pass does not come, and is not waited for");
    assert_eq!(asked.try_iter().count(), 1);
    publish(&host.board, 2);
    changed.store(false, Ordering::SeqCst);
    host.later(2);
    assert_eq!(host.scrape(&looks), 2);
    assert!(asked.try_recv().is_err());
}
