//! Through the ring buffer of the kernel that runs the tests: what a program of ours sends is what
//! comes out, each report once, and what was overwritten is counted.
//!
//! The sender is a function of this test, with a uprobe that writes the fields of `ras:mc_event`.
//! The probe, its group and the instance bear our name and are removed afterwards.

use super::*;
use crate::trace::instance::Wanted;
use rustix::fs::FlockOperation;
use scrubjay_model::{
    Clocks, EventClass, EventPath, EventPlace, EventWhat, ExtlogSent, Folded, Witness,
};
use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

mod continuity;
mod loss;
mod measure;

const TRACEFS: &str = "/sys/kernel/tracing";

/// Longest wait for anything; far less than the five minutes after which the thread would look by
/// itself.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the probe reads, laid out for it.
#[repr(C)]
struct Sent {
    address: u64,
    syndrome: u64,
    msg: u64,
    label: u64,
    driver_detail: u64,
    error_type: u32,
    error_count: u16,
    mc_index: u8,
    layers: [i8; 3],
    grain_bits: u8,
}

/// The function that the probe is on.
#[inline(never)]
extern "C" fn sender(sent: &Sent) {
    std::hint::black_box(sent);
}

/// The fields of `ras:mc_event`, at the offsets in [`Sent`].
const FIELDS: &str = "error_type=+40(%di):u32 msg=+0(+16(%di)):ustring \
    label=+0(+24(%di)):ustring error_count=+44(%di):u16 mc_index=+46(%di):u8 \
    top_layer=+47(%di):s8 middle_layer=+48(%di):s8 lower_layer=+49(%di):s8 \
    address=+0(%di):u64 grain_bits=+50(%di):u8 syndrome=+8(%di):u64 \
    driver_detail=+0(+32(%di)):ustring";

/// What is sent, before its texts are C strings.
#[derive(Clone)]
struct Error {
    class: u32,
    errors: u16,
    layers: [i8; 3],
    address: u64,
    label: CString,
    message: CString,
    detail: CString,
}

impl Error {
    fn at(address: u64) -> Self {
        let text = |text: &str| CString::new(text).unwrap();
        Self {
            class: 0,
            errors: 1,
            layers: [0, 1, -1],
            address,
            label: text("CPU_SrcID#0_MC#0_Chan#1_DIMM#0"),
            message: text("memory read error"),
            detail: text("err_code:0x0101:0x0090"),
        }
    }

    fn send(&self) {
        sender(&Sent {
            address: self.address,
            syndrome: 0xabc,
            msg: self.message.as_ptr().addr() as u64,
            label: self.label.as_ptr().addr() as u64,
            driver_detail: self.detail.as_ptr().addr() as u64,
            error_type: self.class,
            error_count: self.errors,
            mc_index: 3,
            layers: self.layers,
            grain_bits: 6,
        });
    }
}

/// A probe and the name of an instance, both removed in the end.
struct Bench {
    name: String,
    group: String,
    host: Arc<HostRoot>,
    /// The probe fires for everyone who runs the sender: one test at a time.
    _alone: File,
}

impl Bench {
    /// `None` where there is no ring buffer to test with. Where tracefs is merely not mounted, the
    /// test named so runs once more in a mount namespace in which it is, and `None` is returned
    /// when it has passed.
    fn new(test: &str) -> Option<Self> {
        let skip = |why: &str| println!("skipped: {test}: {why}");
        if !cfg!(target_arch = "x86_64") {
            skip("the probe is written for x86-64");
            return None;
        }
        if !rustix::process::geteuid().is_root() {
            skip("only root makes probes");
            return None;
        }
        if !Path::new(TRACEFS).join("uprobe_events").exists() {
            run_where_tracefs_is_mounted(test, &skip);
            return None;
        }
        if File::options().append(true).open(Path::new(TRACEFS).join("uprobe_events")).is_err() {
            skip("no probes may be made here");
            return None;
        }
        let lock = std::env::temp_dir().join("scrubjaytest.lock");
        let alone = File::options().create(true).append(true).open(lock).unwrap();
        rustix::fs::flock(&alone, FlockOperation::LockExclusive).unwrap();
        let pid = std::process::id();
        let thread = rustix::thread::gettid().as_raw_nonzero();
        let bench = Self {
            name: format!("scrubjaytest-{pid}-{thread}"),
            group: format!("scrubjaytest_{pid}_{thread}"),
            host: host(),
            _alone: alone,
        };
        let exe = std::env::current_exe().unwrap();
        let exe = exe.to_str().unwrap();
        let probe = format!("p:{}/mc_event {exe}:{:#x} {FIELDS}\n", bench.group, sender_offset());
        append_to_uprobes(&probe);
        Some(bench)
    }

    fn start(&self, buffer_kb: Option<u64>, on_stop: OnStop) -> (EventFeed, Receiver<()>) {
        let (told, wakes) = sync_channel(64);
        let options = FeedOptions { instance: self.name.clone(), buffer_kb, on_stop };
        let wanted = Wanted {
            event: format!("{}:mc_event", self.group),
            decoded_as: Some("ras:mc_event".to_owned()),
        };
        let wake = Box::new(move || {
            // A test that fetches without being woken leaves the line full.
            let _ = told.try_send(());
        });
        let feed = EventFeed::listen(&self.host, options, vec![wanted], wake).unwrap();
        (feed, wakes)
    }

    fn instance(&self) -> PathBuf {
        Path::new(TRACEFS).join("instances").join(&self.name)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let enable = self.instance().join("events").join(&self.group).join("mc_event/enable");
        let _ = std::fs::write(enable, "0");
        let _ = std::fs::remove_dir(self.instance());
        append_to_uprobes(&format!("-:{}/mc_event\n", self.group));
    }
}

/// Appends: a write from the beginning would remove the probes of everybody.
fn append_to_uprobes(line: &str) {
    use std::io::Write as _;
    let path = Path::new(TRACEFS).join("uprobe_events");
    let mut file = File::options().append(true).open(path).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

fn run_where_tracefs_is_mounted(test: &str, skip: &dyn Fn(&str)) {
    let mount = "mount -t tracefs nodev /sys/kernel/tracing 2>&1 \
                 && test -e /sys/kernel/tracing/uprobe_events || exit 77; exec \"$@\"";
    let exe = std::env::current_exe().unwrap();
    let run = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", mount, "sh"])
        .arg(exe)
        .args(["--exact", test, "--nocapture"])
        .output();
    match run {
        Err(error) => skip(&format!("tracefs is not mounted, and there is no unshare: {error}")),
        Ok(run) if run.status.success() => {
            println!("{}", String::from_utf8_lossy(&run.stdout));
            assert!(
                String::from_utf8_lossy(&run.stdout).contains("1 passed"),
                "{test} did not run"
            );
        }
        // What the test harness answers to a failed test, or a signal.
        Ok(run) if matches!(run.status.code(), Some(101) | None) => panic!(
            "{}\n{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        ),
        Ok(run) if run.status.code() == Some(77) => skip("this kernel has no uprobe_events"),
        // In a container root may do little.
        Ok(run) => skip(String::from_utf8_lossy(&run.stderr).trim()),
    }
}

fn host() -> Arc<HostRoot> {
    let clocks = || {
        let now = |id| {
            let now = rustix::time::clock_gettime(id);
            Duration::try_from(now).unwrap()
        };
        let realtime_ms = now(rustix::time::ClockId::Realtime).as_millis().try_into().unwrap();
        let boottime = Some(now(rustix::time::ClockId::Boottime));
        Clocks { realtime_ms, boottime, monotonic: Some(now(rustix::time::ClockId::Monotonic)) }
    };
    Arc::new(HostRoot::open(Path::new("/"), Arc::new(clocks)).unwrap())
}

/// Where in the file of this program the sender lies.
fn sender_offset() -> u64 {
    let address = (sender as extern "C" fn(&Sent)) as usize as u64;
    let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut words = line.split_whitespace();
        let (start, end) = words.next().unwrap().split_once('-').unwrap();
        if (hex(start)..hex(end)).contains(&address) {
            return address - hex(start) + hex(words.nth(1).unwrap());
        }
    }
    panic!("the sender is not mapped");
}

/// Fetches until there are as many reports and losses as were sent.
fn drain_until(
    feed: &EventFeed,
    wakes: &Receiver<()>,
    sent: u64,
) -> (Vec<EventGroup>, EventsStatus) {
    let until = Instant::now() + PATIENCE;
    let mut groups = Vec::new();
    loop {
        let batch = feed.drain();
        groups.extend(batch.groups);
        let EventsStatus { reports, lost, .. } = batch.status;
        if reports + lost >= sent {
            return (groups, batch.status);
        }
        let left = until.saturating_duration_since(Instant::now());
        wakes.recv_timeout(left).unwrap_or_else(|_| panic!("of {sent} came {:?}", batch.status));
    }
}

#[test]
fn what_is_sent_comes_out() {
    let Some(bench) = Bench::new("trace::feed::tests::what_is_sent_comes_out") else { return };
    let (feed, wakes) = bench.start(None, OnStop::Remove);
    let before = bench.host.clocks().boottime.unwrap();
    let error = Error { class: 1, errors: 5, ..Error::at(0x12_3456_7840) };
    error.send();
    error.send();
    let nowhere = Error { errors: 0, layers: [-1; 3], ..Error::at(0) };
    nowhere.send();
    let after = bench.host.clocks().boottime.unwrap();
    let (mut groups, status) = drain_until(&feed, &wakes, 3);
    // The two may lie on both sides of a second or of two fetches.
    groups.dedup_by(|next, one| {
        let same = next.address == one.address;
        if same {
            one.reports += next.reports;
            one.errors += next.errors;
            one.last = next.last;
        }
        same
    });
    let [two, one] = groups.as_slice() else { panic!("{groups:?}") };
    assert!(before <= two.first && two.first <= two.last && two.last <= one.first);
    assert!(one.last <= after);
    let expected = EventGroup {
        first: two.first,
        last: two.last,
        witness: Witness::McEvent,
        class: EventClass::Uncorrected,
        what: EventWhat::Memory,
        place: EventPlace::Edac {
            controller: 3,
            layers: [Some(0), Some(1), None],
            label: "CPU_SrcID#0_MC#0_Chan#1_DIMM#0".to_owned(),
        },
        address: Some(0x12_3456_7840),
        grain_bits: Some(6),
        syndrome: Some(0xabc),
        reports: 2,
        errors: 10,
        message: "memory read error".to_owned(),
        detail: "err_code:0x0101:0x0090".to_owned(),
        folded: Folded::Nothing,
    };
    assert_eq!(*two, expected);
    assert_eq!((one.address, one.errors, one.class), (None, 1, EventClass::Corrected));
    let expected = EventsStatus {
        path: EventPath::Trace,
        why: String::new(),
        refused: false,
        listening: vec!["ras:mc_event".to_owned()],
        reports: 3,
        lost: 0,
        waited: 0,
        undecodable: 0,
        last_undecodable: None,
        extlog: ExtlogSent::NotListening,
    };
    assert_eq!(status, expected);
    assert_eq!(feed.stop(), Batch { groups: Vec::new(), status: expected });
    assert!(!bench.instance().exists());
}

/// Voluntary and involuntary switches of a thread of ours.
fn doings(thread: &str) -> Vec<String> {
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let task = task.unwrap().path();
        let read = |file| std::fs::read_to_string(task.join(file)).unwrap_or_default();
        if read("comm").trim() == thread {
            let status = read("status");
            let switches = status.lines().filter(|line| line.contains("ctxt_switches"));
            return switches.map(str::to_owned).collect();
        }
    }
    // A thread that has just begun has not yet told its name.
    Vec::new()
}

#[test]
fn one_error_wakes_the_sleeping_thread_at_once_and_then_it_sleeps_on() {
    let test =
        "trace::feed::tests::one_error_wakes_the_sleeping_thread_at_once_and_then_it_sleeps_on";
    let Some(bench) = Bench::new(test) else { return };
    let (feed, wakes) = bench.start(None, OnStop::Remove);
    for sent in 1..=3 {
        asleep();
        assert!(wakes.try_recv().is_err());
        Error::at(0x1000).send();
        wakes.recv_timeout(PATIENCE).unwrap();
        assert_eq!(feed.drain().status.reports, sent);
    }
    // Asleep means that a second passes without a single switch, and so without a tick.
    let switches = asleep();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(doings("trace-events"), switches);
    feed.stop();
}

/// Waits until the thread has slept for a second.
fn asleep() -> Vec<String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let before = doings("trace-events");
        std::thread::sleep(Duration::from_secs(1));
        if !before.is_empty() && doings("trace-events") == before {
            return before;
        }
        assert!(Instant::now() < until, "the thread never sleeps");
    }
}

#[test]
fn events_of_this_kernel_are_listened_to_and_the_others_named() {
    let test = "trace::feed::tests::events_of_this_kernel_are_listened_to_and_the_others_named";
    let Some(bench) = Bench::new(test) else { return };
    let options =
        FeedOptions { instance: bench.name.clone(), buffer_kb: None, on_stop: OnStop::Remove };
    let wanted = [format!("{}:mc_event", bench.group), "ras:nothing".to_owned(), "no:*".to_owned()];
    let decoded_as = |event: &String| event.contains("mc_event").then(|| "ras:mc_event".to_owned());
    let wanted = wanted.map(|event| Wanted { decoded_as: decoded_as(&event), event });
    let listen = |wanted: &[Wanted]| {
        EventFeed::listen(&bench.host, options.clone(), wanted.to_vec(), Box::new(|| {}))
    };
    let feed = listen(&wanted).unwrap();
    assert_eq!(feed.missing(), ["ras:nothing", "no:*"]);
    assert_eq!(feed.stop().status.listening, ["ras:mc_event"]);

    // What is refused leaves nothing behind.
    let refusal = listen(&wanted[1..]).unwrap_err();
    assert!(matches!(refusal, FeedRefusal::NoEvents), "{refusal:?}");
    assert!(!bench.instance().exists());
    let foreign = FeedOptions { instance: "rasdaemon".to_owned(), ..options.clone() };
    let refusal = EventFeed::start(&bench.host, foreign, || {}).unwrap_err();
    assert!(matches!(refusal, FeedRefusal::Name { .. }), "{refusal:?}");
}

#[test]
fn it_wakes_once_until_what_is_there_is_fetched() {
    let test = "trace::feed::tests::it_wakes_once_until_what_is_there_is_fetched";
    let Some(bench) = Bench::new(test) else { return };
    let (feed, wakes) = bench.start(None, OnStop::Remove);
    Error::at(0x1000).send();
    wakes.recv_timeout(PATIENCE).unwrap();
    (0..100).for_each(|n| Error::at(n << 12).send());
    asleep();
    assert!(wakes.try_recv().is_err());
    assert_eq!(feed.drain().status.reports, 101);
    Error::at(0x1000).send();
    wakes.recv_timeout(PATIENCE).unwrap();
}

#[test]
fn other_users_of_tracing_are_left_alone() {
    let Some(bench) = Bench::new("trace::feed::tests::other_users_of_tracing_are_left_alone")
    else {
        return;
    };
    let other = Path::new(TRACEFS).join("instances").join(format!("{}-other", bench.name));
    std::fs::create_dir(&other).unwrap();
    let global = Path::new(TRACEFS);
    let state = || {
        let mut state = BTreeMap::new();
        for dir in [global, &other] {
            for file in
                ["tracing_on", "trace_clock", "buffer_percent", "buffer_size_kb", "set_event"]
            {
                let text = std::fs::read_to_string(dir.join(file)).unwrap();
                // Other tests listen to other instances; the system's own buffer is everybody's.
                state.insert(dir.join(file), text);
            }
        }
        state
    };
    let before = state();
    let (feed, wakes) = bench.start(Some(64), OnStop::Remove);
    Error::at(0x1000).send();
    let during = state();
    drain_until(&feed, &wakes, 1);
    feed.stop();
    let after = state();
    let entries = std::fs::read_to_string(other.join("per_cpu/cpu0/stats")).unwrap();
    std::fs::remove_dir(&other).unwrap();
    assert_eq!(before, during);
    assert_eq!(before, after);
    assert!(entries.starts_with("entries: 0\n"), "{entries}");
}
