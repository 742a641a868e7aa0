//! A live patch whose transition hangs: named tasks keep the old code.

use crate::demo::draws::Draws;
use crate::demo::story::{Beat, Deed, PAST_DAYS, Story, time};
use std::time::Duration;

/// The patch, and where the kernel shows it.
const PATCH: &str = "livepatch_demo_7";

/// Threads of the host: process, thread, name, and whether it holds the old code.
const TASKS: [(u32, u32, &str, bool); 9] = [
    (1, 1, "systemd", false),
    (2, 2, "kthreadd", false),
    (17, 17, "ksoftirqd/0", false),
    (811, 811, "sshd", false),
    (1204, 1204, "nfsd", true),
    (2311, 2311, "java", false),
    (2311, 2319, "GC Thread#0", false),
    (2311, 2340, "pool-3-thread-1", true),
    (3077, 3077, "postgres", false),
];

fn line(path: impl Into<String>, text: &str) -> Deed {
    Deed::text(path, format!("{text}\n"))
}

/// `patch_state` of all tasks: -1 while nothing goes on, else 1 for those that have switched.
fn states(in_transition: bool) -> impl Iterator<Item = Deed> {
    TASKS.into_iter().map(move |(pid, tid, _, holds)| {
        let state = match (in_transition, holds) {
            (false, _) => "-1",
            (true, true) => "0",
            (true, false) => "1",
        };
        line(format!("proc/{pid}/task/{tid}/patch_state"), state)
    })
}

fn tasks() -> Vec<Deed> {
    let named = TASKS
        .into_iter()
        .map(|(pid, tid, name, _)| line(format!("proc/{pid}/task/{tid}/comm"), name));
    named.chain(states(false)).collect()
}

fn enabled(draws: &mut Draws) -> Vec<Deed> {
    let dir = format!("sys/kernel/livepatch/{PATCH}");
    // A GNU build id as sysfs shows it: the header of the note, then twenty bytes.
    let mut note = "\u{4}\0\0\0\u{14}\0\0\0\u{3}\0\0\0GNU\0".to_owned();
    note.extend((0..20).map(|_| char::from(u8::try_from(draws.below(0x7f)).unwrap_or(0))));
    let mut deeds = vec![
        line(format!("{dir}/transition"), "1"),
        line("proc/1204/task/1204/patch_state", "0"),
        line("proc/2311/task/2340/patch_state", "0"),
        line(format!("{dir}/enabled"), "1"),
        Deed::Log(5, format!("{PATCH}: tainting kernel with TAINT_LIVEPATCH")),
        Deed::Log(5, format!("livepatch: enabling patch '{PATCH}'")),
        Deed::Log(5, format!("livepatch: '{PATCH}': starting patching transition")),
        line(format!("{dir}/nfsd/patched"), "1"),
        Deed::Directory(format!("{dir}/nfsd/nfsd4_lock,1")),
        line(format!("{dir}/vmlinux/patched"), "1"),
        Deed::Directory(format!("{dir}/vmlinux/do_sys_openat2,1")),
        Deed::Directory(format!("{dir}/vmlinux/unix_gc,1")),
        line(format!("sys/module/{PATCH}/coresize"), "16384"),
        line(format!("sys/module/{PATCH}/initstate"), "live"),
        line(format!("sys/module/{PATCH}/refcnt"), "0"),
        line(format!("sys/module/{PATCH}/taint"), "K"),
        Deed::text(format!("sys/module/{PATCH}/notes/.note.gnu.build-id"), note),
        // K: the kernel was live patched.
        line("proc/sys/kernel/tainted", "32768"),
    ];
    deeds.extend(states(true));
    deeds
}

pub(super) fn story(seed: u64) -> Story {
    let mut draws = Draws::new(seed ^ 0x11fe);
    let begin = time(PAST_DAYS, 2);
    let after = |seconds: u64| begin + Duration::from_secs(seconds);
    let mut beats = vec![
        Beat::untold(Duration::ZERO, tasks()),
        Beat::told(
            begin,
            format!(
                "an engineer loads a live patch with insmod, from their home. Every task has to leave the \
                 functions that it replaces; two of {} have not.",
                TASKS.len()
            ),
            enabled(&mut draws),
        ),
        Beat::told(
            after(15),
            "the kernel sends fake signals to those that sleep, so that they leave.",
            vec![Deed::Log(5, "livepatch: signaling remaining tasks".to_owned())],
        ),
    ];
    // Every quarter of a minute from then on; the log has the first ones.
    beats.extend((2..6).map(|nth| {
        let deed = Deed::Log(5, "livepatch: signaling remaining tasks".to_owned());
        Beat::untold(after(nth * 15), vec![deed])
    }));
    beats.push(Beat::told(
        after(90),
        "nfsd sleeps in the function that is to be replaced, and a thread of a Java program never \
         leaves the kernel.",
        Vec::new(),
    ));
    beats.extend([300, 3_600].map(|seconds| Beat::untold(after(seconds), Vec::new())));
    beats.push(Beat::told(
        after(26 * 3_600),
        "a day later they still do. No other live patch can be loaded meanwhile.",
        Vec::new(),
    ));
    Story {
        about: "A live patch is loaded, and its transition does not end: two tasks keep running the \
                old code. Until they leave it the hole is open, whatever the module list says.",
        past: time(PAST_DAYS, 0),
        lasts: time(1, 6),
        step: time(0, 6),
        beats,
        moral: "Restart or wake the tasks that are named: \"systemctl restart nfs-server\", then the \
                unit of process 2311. To force the transition (1 into the file force) leaves them in \
                old code for good, and asks for a reboot anyway."
            .to_owned(),
        look_at: vec![
            ("explain livepatch-stuck".to_owned(), "what it means, and what to do"),
            ("history patches".to_owned(), "when it was loaded, and that it never took effect"),
            ("doctor".to_owned(), "what was read to know this"),
        ],
    }
}
