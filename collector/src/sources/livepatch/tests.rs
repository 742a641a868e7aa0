//! The live patch source on trees: stacks, transitions, and the tasks that hold them up.

use super::*;
use crate::host::HostRoot;
use crate::sources::check::{self, found, is_absent, partly_found};
use scrubjay_model::Clocks;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Two patches, the second being applied; one thread still runs the old code.
pub(crate) const HEALTHY: &str = "\
//- sys/kernel/livepatch/fix_1/enabled
1
//- sys/kernel/livepatch/fix_1/transition
0
//- sys/kernel/livepatch/fix_1/replace
0
//- sys/kernel/livepatch/fix_1/stack_order
1
//- sys/kernel/livepatch/fix_1/vmlinux/patched
1
//- dir sys/kernel/livepatch/fix_1/vmlinux/tcp_v4_rcv,1
//- dir sys/kernel/livepatch/fix_1/vmlinux/udp_rcv,1
//- sys/kernel/livepatch/fix_1/nfsd/patched
0
//- dir sys/kernel/livepatch/fix_1/nfsd/nfsd_open,1
//- sys/kernel/livepatch/fix_2/enabled
1
//- sys/kernel/livepatch/fix_2/transition
1
//- sys/kernel/livepatch/fix_2/replace
1
//- sys/kernel/livepatch/fix_2/stack_order
2
//- dir sys/kernel/livepatch/fix_2/vmlinux/tcp_v4_rcv,1
//- sys/module/fix_1/taint
OEK
//- dir sys/module/nfsd
//- sys/module/fix_2/taint
OK
//- proc/2/task/2/comm
kthreadd
//- proc/2/task/2/patch_state
1
//- proc/70/task/70/comm
busy
//- proc/70/task/70/patch_state
1
//- proc/70/task/71/comm
busy worker
//- proc/70/task/71/patch_state
0
//- proc/80/task/80/comm
fresh
//- proc/80/task/80/patch_state
-1
//- proc/uptime
1.00 1.00
";

fn without(text: &str, entry: &str) -> String {
    let (before, after) = text.split_once(entry).unwrap();
    let rest = after.find("//- ").map_or("", |next| &after[next..]);
    format!("{before}{rest}")
}

fn blockers_of(text: &str) -> (Option<Reading<Vec<Blocker>>>, Vec<String>) {
    let (livepatch, faults) = partly_found(text, read);
    (livepatch.blockers, faults)
}

fn tids(text: &str) -> Vec<u32> {
    let livepatch = found(text, read);
    let blockers = livepatch.blockers.unwrap().into_result().unwrap();
    blockers.iter().map(|blocker| blocker.tid).collect()
}

fn denied(path: &str) -> Option<Reading<Vec<Blocker>>> {
    Some(Reading::Unreadable(Origin::new(path), ReadFault::Denied))
}

#[test]
fn every_patch_is_read_with_its_objects_and_functions() {
    let patches = found(HEALTHY, read).patches;
    let [first, second] = patches.as_slice() else { panic!("{patches:?}") };
    assert_eq!((first.name.as_str(), first.function_count()), ("fix_1", Some(3)));
    assert_eq!(
        (&first.enabled, &first.transition),
        (&Reading::Value(true), &Reading::Value(false))
    );
    assert_eq!(first.module_taint.value().unwrap(), "OEK");
    let objects = first.objects.value().unwrap();
    let nfsd = objects.iter().find(|object| object.name == "nfsd").unwrap();
    assert!(nfsd.loaded.as_ref().unwrap().value().is_some(), "loaded, and not patched");
    let loaded: Vec<(&str, Option<&bool>)> =
        objects.iter().map(|object| (object.name.as_str(), object.patched.value())).collect();
    assert_eq!(loaded, [("nfsd", Some(&false)), ("vmlinux", Some(&true))]);
    assert_eq!(second.stack_order, Reading::Value(2));
    assert!(second.objects.value().unwrap()[0].patched.is_absent(), "absent before 6.1");
}

#[test]
fn a_kernel_without_live_patching_is_absent_and_one_without_patches_is_not() {
    assert!(is_absent("//- proc/2/task/2/comm\nkthreadd\n", read));
    let none = found("//- dir sys/kernel/livepatch\n", read);
    assert_eq!(none, Livepatch { patches: Vec::new(), blockers: None });
}

#[test]
fn a_patch_directory_that_is_denied_leaves_the_other_patches_alone() {
    let text = "\
//- errno=EACCES sys/kernel/livepatch/closed
//- sys/kernel/livepatch/fix/enabled
1
//- errno=EIO sys/kernel/livepatch/fix/transition
//- dir sys/kernel/livepatch/fix/replace
//- sys/kernel/livepatch/fix/stack_order
first
//- dir sys/kernel/livepatch/fix/vmlinux/f,1
";
    let (livepatch, faults) = partly_found(text, read);
    let [fix] = livepatch.patches.as_slice() else { panic!("{livepatch:?}") };
    assert_eq!(fix.enabled, Reading::Value(true));
    assert_eq!(fix.function_count(), Some(1));
    assert_eq!(faults.len(), 3, "{faults:?}");
}

#[test]
fn no_thread_is_asked_while_no_transition_runs() {
    let calm = HEALTHY.replace("fix_2/transition\n1", "fix_2/transition\n0");
    let denied = calm.replace(
        "//- proc/70/task/71/patch_state\n0",
        "//- errno=EACCES proc/70/task/71/patch_state",
    );
    assert_eq!(found(&denied, read).blockers, None);
}

#[test]
fn threads_that_still_run_the_old_code_block_a_patch_being_applied() {
    let blockers = found(HEALTHY, read).blockers.unwrap().into_result().unwrap();
    let comm = Reading::Value("busy worker".to_owned());
    assert_eq!(blockers, [Blocker { pid: 70, tid: 71, comm, patch_state: 0 }]);
}

#[test]
fn threads_that_still_run_the_new_code_block_a_patch_being_removed() {
    let removing = HEALTHY.replace("fix_2/enabled\n1", "fix_2/enabled\n0");
    assert_eq!(tids(&removing), [2, 70]);
}

#[test]
fn a_thread_that_ended_meanwhile_blocks_nothing() {
    let path = "proc/70/task/71/patch_state\n0";
    for errno in ["ESRCH", "ENOENT"] {
        let number = if errno == "ESRCH" { "3" } else { "2" };
        let ended = format!("//- errno={number} proc/70/task/71/patch_state");
        assert_eq!(tids(&HEALTHY.replace(&format!("//- {path}"), &ended)), [0_u32; 0], "{errno}");
    }
    let process = without(HEALTHY, "//- proc/80/task/80/comm\nfresh\n");
    let process = without(&process, "//- proc/80/task/80/patch_state\n-1\n");
    assert_eq!(tids(&format!("{process}//- dir proc/80\n")), [71]);
}

#[test]
fn a_name_lost_with_its_thread_does_not_lose_the_blocker() {
    let text = HEALTHY
        .replace("//- proc/70/task/71/comm\nbusy worker", "//- errno=3 proc/70/task/71/comm");
    let blockers = found(&text, read).blockers.unwrap().into_result().unwrap();
    assert!(blockers[0].comm.is_absent());
}

#[test]
fn a_list_of_blockers_that_may_lack_one_is_no_list() {
    let path = "proc/70/task/70/patch_state";
    let text = HEALTHY.replace(&format!("//- {path}\n1"), &format!("//- errno=EACCES {path}"));
    assert_eq!(blockers_of(&text), (denied(path), vec![format!("{path}: permission denied")]));

    let odd = HEALTHY.replace(&format!("{path}\n1"), &format!("{path}\n2"));
    let (blockers, faults) = blockers_of(&odd);
    assert_eq!(blockers.unwrap().outcome(), Outcome::Malformed);
    assert_eq!(faults, [format!("{path}: expected -1, 0 or 1, found \"2\"")]);

    let hidden = HEALTHY.replace("//- proc/uptime\n1.00 1.00", "//- errno=EACCES proc/90/task");
    let hidden = format!("{hidden}//- dir proc/90\n");
    assert_eq!(blockers_of(&hidden).0, denied("proc/90/task"));
}

/// In a container's own PID namespace, or with hidepid, the others are simply not listed.
#[test]
fn a_view_without_the_kernels_threads_is_no_full_view() {
    let gone = without(HEALTHY, "//- proc/2/task/2/comm\nkthreadd\n");
    let gone = without(&gone, "//- proc/2/task/2/patch_state\n1\n");
    let other = HEALTHY.replace("kthreadd", "bash");
    for text in [gone, other] {
        let fault = format!("{WITNESS}: permission denied");
        assert_eq!(blockers_of(&text), (denied(WITNESS), vec![fault]));
    }
}

#[test]
fn more_threads_than_can_be_asked_in_time_are_no_short_list() {
    let host = check::host(check::tree(HEALTHY));
    let reader = Reader::new(&host);
    assert_eq!(blockers(&reader, true, 4).map(|found| found.len()), Ok(1));
    let late = NonValue::Unreadable(Origin::new("proc/*/task"), ReadFault::Deadline);
    assert_eq!(blockers(&reader, true, 3), Err(late));
}

#[test]
fn where_it_cannot_be_told_whether_a_transition_runs_that_is_said() {
    let path = "sys/kernel/livepatch/fix_2/transition";
    let text = HEALTHY.replace(&format!("//- {path}\n1"), &format!("//- errno=EACCES {path}"));
    assert_eq!(blockers_of(&text).0, denied(path));

    let path = "sys/kernel/livepatch/fix_2/enabled";
    let text = HEALTHY.replace(&format!("//- {path}\n1"), &format!("//- errno=EACCES {path}"));
    assert_eq!(blockers_of(&text).0, denied(path));

    // 3.19 to 4.11 patch without a transition.
    let old = without(HEALTHY, "//- sys/kernel/livepatch/fix_1/transition\n0\n");
    let old = without(&old, "//- sys/kernel/livepatch/fix_2/transition\n1\n");
    assert_eq!(blockers_of(&old), (None, Vec::new()));
}

#[test]
fn a_patch_removed_while_it_is_read_is_left_out() {
    let accesses_of = |removed: u64| {
        let accesses = Arc::new(AtomicU64::new(0));
        let counting = Arc::clone(&accesses);
        let now = move || {
            let n = counting.fetch_add(1, Ordering::Relaxed);
            let left = "//- dir sys/kernel/livepatch\n//- sys/kernel/livepatch/a/enabled\n1\n";
            let fix = "//- sys/kernel/livepatch/fix/enabled\n0\n//- dir sys/kernel/livepatch/fix/vmlinux\n";
            check::tree(&if n < removed { format!("{left}{fix}") } else { left.to_owned() })
        };
        let clocks = Clocks { realtime_ms: 0, boottime: None, monotonic: None };
        let host = HostRoot::changing(now, Arc::new(move || clocks));
        let (reading, report) = check::read_host(&host, read);
        assert_eq!(report.faults, []);
        (reading.into_result().unwrap().patches.len(), accesses.load(Ordering::Relaxed))
    };
    let (patches, accesses) = accesses_of(u64::MAX);
    assert_eq!(patches, 2);
    // Boot id, its reading by the stamp, and the list come before the patches.
    let left: Vec<usize> = (0..accesses).map(|removed| accesses_of(removed).0).collect();
    assert!(left.starts_with(&[1]) && left.ends_with(&[2]), "{left:?}");
}

#[test]
fn the_laws_hold() {
    check::keeps_the_laws(HEALTHY, read, |path, finding| {
        // Who blocks depends on what the transition changes to.
        let decides =
            ["/enabled", "/transition", "/patch_state"].iter().any(|end| path.ends_with(end));
        // Whether a module is loaded is asked only where it is not patched.
        let asked = path.ends_with("/patched") && finding.contains("/loaded");
        asked || (decides && finding.starts_with("/value/blockers"))
    });
}
