//! Live patches that are loaded but not in force: in transition, or disabled; and those that were
//! put in force without waiting until it was safe.

use super::catalogue::Rules;
use crate::PatchPolicy;
use crate::finding::{FindingExt, listed, many};
use scrubjay_model::{
    Accumulated, Blocker, Finding, ForcedPatch, Kgraft, KgraftBlocker, LONG_AFTER, Livepatch,
    Patch, PatchSystem, Reading, Snapshot, TransitionAge, Transitions, span,
};
use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) fn findings(
    snapshot: &Snapshot,
    accumulated: &Accumulated,
    policy: &PatchPolicy,
) -> Vec<Finding> {
    let rules = &policy.rules;
    let mut times: BTreeMap<Option<String>, Vec<Duration>> = BTreeMap::new();
    for ForcedPatch { patch, awake } in accumulated.forced_in_this_boot(snapshot) {
        times.entry(patch).or_default().push(awake);
    }
    let forced = times.iter().map(|(patch, times)| was_forced(patch.as_deref(), times, rules));
    // A patch that is gone was forced all the same.
    let mut found: Vec<Finding> = forced.collect();
    if let Some(livepatch) = Snapshot::found(&snapshot.livepatch) {
        found.extend(not_in_force(livepatch, snapshot, &accumulated.transitions, policy));
    }
    let systems = Snapshot::found(&snapshot.livepatch_systems);
    found
        .extend(systems.and_then(|systems| systems.kgraft.as_ref()).and_then(|k| kgraft(k, rules)));
    found
}

fn not_in_force(
    livepatch: &Livepatch,
    snapshot: &Snapshot,
    seen: &Transitions,
    policy: &PatchPolicy,
) -> Vec<Finding> {
    livepatch
        .patches
        .iter()
        .filter_map(|patch| match (patch.transition.value(), patch.enabled.value()) {
            (Some(true), _) => {
                let age = snapshot.transition_age(&patch.name, seen);
                Some(transition(patch, livepatch, age, policy))
            }
            (Some(false) | None, Some(false)) => Some(disabled(patch, &policy.rules)),
            (Some(false) | None, Some(true) | None) => None,
        })
        .collect()
}

/// Most blockers named in a sentence.
const NAMED: usize = 3;

fn transition(
    patch: &Patch,
    livepatch: &Livepatch,
    age: Option<TransitionAge>,
    policy: &PatchPolicy,
) -> Finding {
    let PatchPolicy { rules, stalled_after, stuck_after, .. } = policy;
    let waiting = match &livepatch.blockers {
        None => "which tasks it waits for is not known".to_owned(),
        Some(blockers) => match blockers.value() {
            Some(blockers) => waits_for(blockers),
            None => "which tasks it waits for could not be read".to_owned(),
        },
    };
    let direction = match patch.enabled.value() {
        Some(true) => "being applied",
        Some(false) => "being removed",
        None => "in transition",
    };
    let path = format!("sys/kernel/livepatch/{}/transition", patch.name);
    let Some(TransitionAge { age, at_least }) = age.filter(|age| age.age >= *stalled_after) else {
        return rules.livepatch_transition.finding(
            format!("the live patch is {direction} and not every task has switched yet: {waiting}"),
            "a transition takes seconds; one that lasts minutes is stuck: stop, restart or wake the \
             tasks named. Until then the old code runs as well, and no other live patch can be loaded",
        )
        .on(patch.name.clone())
        .seen_in(path);
    };
    let since = if at_least { "at least " } else { "" };
    let doing = match patch.enabled.value() {
        Some(true) => "applying the live patch",
        Some(false) => "removing the live patch",
        None => "the transition of the live patch",
    };
    let lasts = format!("{doing} has taken {since}{} so far", span(age));
    let found = if age >= *stuck_after {
        rules.livepatch_stuck.finding(
            format!("{lasts}; the limit is {}: {waiting}", span(*stuck_after)),
            "stop or restart the tasks named; if that cannot be done, plan a reboot into a kernel \
             that holds the fix. Until then the old code runs as well, and no other live patch can \
             be loaded",
        )
    } else {
        let hope = if age >= LONG_AFTER {
            format!(", and after {} it hardly ends by itself", span(LONG_AFTER))
        } else {
            String::new()
        };
        rules.livepatch_stalled.finding(
            format!("{lasts}; the limit is {}{hope}: {waiting}", span(*stalled_after)),
            "stop, restart or wake the tasks named. Until then the old code runs as well, and no \
             other live patch can be loaded",
        )
    };
    found.on(patch.name.clone()).seen_in(path)
}

/// kGraft of SLES 12 tells of no patch which one is in progress, nor since when.
fn kgraft(kgraft: &Kgraft, rules: &Rules) -> Option<Finding> {
    if kgraft.in_progress.value() != Some(&true) {
        return None;
    }
    let blockers = kgraft.blockers.as_ref().and_then(Reading::value);
    let waiting = match blockers {
        Some(blockers) => {
            let name = |task: &KgraftBlocker| {
                let name = task.comm.value().map_or("name unknown", String::as_str);
                format!("{name} (pid {})", task.pid)
            };
            let named: Vec<String> = blockers.iter().map(name).collect();
            let count = match blockers.len() {
                1 => "1 process".to_owned(),
                more => format!("{more} processes"),
            };
            format!("it waits for {count}: {}", listed(&named, NAMED))
        }
        None => "which processes it waits for could not be read".to_owned(),
    };
    Some(
        rules.livepatch_transition.finding(
            format!("kGraft is in progress and not every process has switched yet: {waiting}"),
            "it takes seconds to minutes; if it lasts, wake or restart the processes named (kgr poke, \
             kgr -v blocking). Until then the old code runs as well",
        )
        .on(PatchSystem::Kgraft.as_str())
        .seen_in("sys/kernel/kgraft/in_progress"),
    )
}

fn waits_for(blockers: &[Blocker]) -> String {
    if blockers.is_empty() {
        // The idle tasks, one for each CPU, have no entry in /proc and can hold it up as well.
        return "it waits for no task that /proc shows, so for an idle CPU or for its next check"
            .to_owned();
    }
    let name = |task: &Blocker| {
        let name = task.comm.value().map_or("name unknown", String::as_str);
        format!("{name} (pid {}, tid {})", task.pid, task.tid)
    };
    let named: Vec<String> = blockers.iter().map(name).collect();
    let tasks = many(blockers.len(), "task");
    format!("it waits for {tasks}: {}", listed(&named, NAMED))
}

/// Up to 5.0 a disabled patch stays listed; from 5.1 on it vanishes, so this is never seen there.
fn disabled(patch: &Patch, rules: &Rules) -> Finding {
    rules.livepatch_disabled.finding(
        "the live patch is loaded but disabled: what it fixes is fixed only if another patch \
         fixes it too",
        "find out whether a later patch replaces it; if not, have its vendor's tool apply it again",
    )
    .on(patch.name.clone())
    .seen_in(format!("sys/kernel/livepatch/{}/enabled", patch.name))
}

/// It holds until the next boot, whatever became of the patch since: which tasks were switched in
/// the middle of a function that the patch changes is not recorded anywhere.
fn was_forced(patch: Option<&str>, times: &[Duration], rules: &Rules) -> Finding {
    let times: Vec<String> = times.iter().map(|time| span(*time)).collect();
    rules.livepatch_forced.finding(
        format!(
            "a live patch transition was forced {} after boot, says the kernel log: tasks were \
             switched while they may still have run code that the patch replaces",
            listed(&times, NAMED)
        ),
        "plan a reboot and apply no further live patch before it, as the kernel's documentation \
         asks; find out who wrote to force, and which task had held the transition up",
    )
    .on(patch.unwrap_or("live patch"))
    .seen_in("dev/kmsg")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{absent, but, codes, denied, forced, lose, of, only, patch, set, text};
    use scrubjay_model::{Action, LogTransition, RebootHelps, Verdict};

    fn blocker(tid: u32) -> Blocker {
        Blocker { pid: 100, tid, comm: text(&format!("worker{tid}")), patch_state: 0 }
    }

    fn in_transition(enabled: bool, blockers: Option<Vec<Blocker>>) -> Snapshot {
        but(|s| {
            *of(&mut s.livepatch) = Livepatch {
                patches: vec![patch("lp_2", enabled, true)],
                blockers: blockers.map(Reading::Value),
            };
        })
    }

    fn waiting(blockers: Option<Vec<Blocker>>) -> String {
        let found = only(&in_transition(true, blockers));
        assert_eq!((found.code, found.verdict), ("livepatch-transition", Verdict::Watch));
        assert_eq!(found.subject, "lp_2");
        let start = "the live patch is being applied and not every task has switched yet: ";
        found.because.strip_prefix(start).unwrap().to_owned()
    }

    #[test]
    fn a_patch_in_force_raises_nothing() {
        assert!(codes(&but(|_| ())).is_empty());
    }

    #[test]
    fn blockers_are_named_up_to_three_and_counted_beyond() {
        let tasks = |count| Some((1..=count).map(blocker).collect());
        assert_eq!(
            waiting(tasks(0)),
            "it waits for no task that /proc shows, so for an idle CPU or for its next check"
        );
        assert_eq!(waiting(tasks(1)), "it waits for 1 task: worker1 (pid 100, tid 1)");
        assert_eq!(
            waiting(tasks(3)),
            "it waits for 3 tasks: worker1 (pid 100, tid 1), worker2 (pid 100, tid 2) and worker3 \
             (pid 100, tid 3)"
        );
        let many = waiting(tasks(250));
        assert!(many.starts_with("it waits for 250 tasks: worker1 "), "{many}");
        assert!(many.ends_with("worker3 (pid 100, tid 3) and 247 more"), "{many}");
    }

    #[test]
    fn a_task_without_a_name_is_still_named_by_its_numbers() {
        let nameless = Blocker { comm: absent("proc/100/task/1/comm"), ..blocker(1) };
        assert_eq!(
            waiting(Some(vec![nameless])),
            "it waits for 1 task: name unknown (pid 100, tid 1)"
        );
    }

    #[test]
    fn a_list_that_was_not_made_is_not_an_empty_one() {
        assert_eq!(waiting(None), "which tasks it waits for is not known");
    }

    #[test]
    fn a_list_that_could_not_be_read_is_not_an_empty_one() {
        let mut snapshot = in_transition(true, Some(Vec::new()));
        lose(
            &mut snapshot.livepatch,
            |livepatch| livepatch.blockers.as_mut().unwrap(),
            denied("proc/100/task/1/patch_state"),
        );
        assert_eq!(codes(&snapshot), ["livepatch-transition", "source-unreadable"]);
        let found = crate::testing::first(&snapshot, "livepatch-transition");
        assert!(found.because.ends_with("which tasks it waits for could not be read"));
    }

    #[test]
    fn the_direction_is_told() {
        let removed = only(&in_transition(false, None));
        assert!(removed.because.starts_with("the live patch is being removed"));
        let mut unclear = in_transition(true, None);
        of(&mut unclear.livepatch).patches[0].enabled = absent("enabled");
        assert!(only(&unclear).because.starts_with("the live patch is in transition"));
    }

    fn lasting(seconds: u64) -> Snapshot {
        let mut snapshot = in_transition(true, Some(vec![blocker(1)]));
        let awake = snapshot.at.awake.unwrap() - Duration::from_secs(seconds);
        let transition = LogTransition { patch: "lp_2".to_owned(), awake };
        of(&mut snapshot.kernel_log).transition = Some(transition);
        snapshot
    }

    #[test]
    fn a_transition_grows_from_passing_to_stalled_to_stuck() {
        let told = |seconds| {
            let found = only(&lasting(seconds));
            assert_eq!(found.origin.unwrap().as_str(), "sys/kernel/livepatch/lp_2/transition");
            (found.code, found.verdict, found.because)
        };
        assert_eq!(told(74).0, "livepatch-transition");
        let (code, verdict, because) = told(75);
        assert_eq!((code, verdict), ("livepatch-stalled", Verdict::Watch));
        assert_eq!(
            because,
            "applying the live patch has taken 1 min 15 s so far; the limit is 1 min 15 s: it waits \
             for 1 task: worker1 (pid 100, tid 1)"
        );
        assert!(!told(599).2.contains("hardly"));
        assert!(told(600).2.contains("after 10 min it hardly ends by itself"));
        assert_eq!(told(86_399).1, Verdict::Watch);
        let (code, verdict, because) = told(86_400);
        assert_eq!((code, verdict), ("livepatch-stuck", Verdict::Plan));
        assert!(because.contains("has taken 1 d so far; the limit is 1 d"), "{because}");
    }

    #[test]
    fn an_age_is_not_made_up_from_a_log_that_is_silent() {
        let with_log = |change: fn(&mut scrubjay_model::KernelLog)| {
            let mut snapshot = in_transition(true, None);
            change(of(&mut snapshot.kernel_log));
            only(&snapshot)
        };
        let rolled = |log: &mut scrubjay_model::KernelLog| {
            let (sequence, awake) = (Some(9), Some(Duration::from_secs(60)));
            log.oldest = Some(scrubjay_model::LogMark { sequence, awake });
        };
        // It began before the oldest record there is.
        let found = with_log(rolled);
        assert_eq!(found.code, "livepatch-stuck");
        assert!(found.because.contains("has taken at least 36 d"), "{}", found.because);
        for change in [
            |_: &mut scrubjay_model::KernelLog| {},
            |log: &mut scrubjay_model::KernelLog| {
                log.oldest.as_mut().unwrap().sequence = Some(9);
                log.transition_ended = true;
            },
            |log: &mut scrubjay_model::KernelLog| {
                log.oldest.as_mut().unwrap().sequence = Some(9);
                log.lost = 1;
            },
            |log: &mut scrubjay_model::KernelLog| {
                let (patch, awake) = ("other".to_owned(), Duration::ZERO);
                log.transition = Some(LogTransition { patch, awake });
            },
        ] {
            assert_eq!(with_log(change).code, "livepatch-transition");
        }
    }

    #[test]
    fn kgraft_in_progress_is_told_with_the_processes_in_the_way() {
        let found = |blockers| {
            only(&but(|s| {
                let kgraft = crate::testing::systems::kgraft();
                let in_progress = Reading::Value(true);
                of(&mut s.livepatch_systems).kgraft =
                    Some(Kgraft { in_progress, blockers, ..kgraft });
            }))
        };
        let blocker = |pid| KgraftBlocker { pid, comm: text("java") };
        let some = found(Some(Reading::Value(vec![blocker(7), blocker(8)])));
        assert_eq!((some.code, some.subject.as_str()), ("livepatch-transition", "kgraft"));
        assert!(some.because.ends_with("2 processes: java (pid 7) and java (pid 8)"));
        assert!(found(None).because.ends_with("could not be read"));
    }

    #[test]
    fn the_policy_says_when_a_transition_is_stalled_and_stuck() {
        let told = |stalled, stuck| {
            let policy = PatchPolicy {
                stalled_after: Duration::from_secs(stalled),
                stuck_after: Duration::from_secs(stuck),
                ..PatchPolicy::default()
            };
            let found = findings(&lasting(90), &Accumulated::default(), &policy).remove(0);
            (found.code, found.because)
        };
        assert_eq!(told(91, 92).0, "livepatch-transition");
        let (code, because) = told(90, 91);
        assert_eq!(code, "livepatch-stalled");
        assert!(because.contains("the limit is 1 min 30 s: "), "{because}");
        assert_eq!(told(30, 90).0, "livepatch-stuck");
    }

    #[test]
    fn a_patch_that_is_loaded_but_disabled_is_not_taken_for_applied() {
        let found = only(&but(|s| {
            of(&mut s.livepatch).patches.push(patch("lp_0", false, false));
        }));
        assert_eq!((found.code, found.verdict), ("livepatch-disabled", Verdict::Watch));
        assert_eq!(found.subject, "lp_0");
        assert_eq!(found.origin.unwrap().as_str(), "sys/kernel/livepatch/lp_0/enabled");
    }

    #[test]
    fn a_forced_transition_asks_for_a_reboot_and_says_when_it_was() {
        let found = only(&but(|s| of(&mut s.kernel_log).forced = vec![forced(273_690, "lp_1")]));
        assert_eq!((found.code, found.verdict), ("livepatch-forced", Verdict::Plan));
        assert_eq!((found.action, found.reboot_helps), (Action::Reboot, RebootHelps::Yes));
        assert_eq!(found.subject, "lp_1");
        assert!(found.because.contains("forced 3 d 4 h after boot"), "{}", found.because);
        assert_eq!(found.origin.unwrap().as_str(), "dev/kmsg");
    }

    #[test]
    fn a_patch_forced_twice_is_one_finding() {
        let twice = vec![forced(90, "lp_1"), forced(7200, "lp_1")];
        let found = only(&but(|s| of(&mut s.kernel_log).forced = twice));
        assert!(found.because.contains("1 min 30 s and 2 h after boot"), "{}", found.because);
    }

    fn remembered(snapshot: &Snapshot, forced: Vec<ForcedPatch>) -> Vec<Finding> {
        let accumulated = Accumulated { forced_patches: forced, ..Accumulated::default() };
        let found =
            crate::assess(snapshot, &accumulated, None, None, &crate::PatchPolicy::default())
                .findings;
        found.into_iter().filter(|finding| finding.code == "livepatch-forced").collect()
    }

    #[test]
    fn what_is_remembered_holds_although_the_log_and_the_patch_are_gone() {
        let gone = but(|s| {
            set(&mut s.livepatch, absent("sys/kernel/livepatch"));
            set(&mut s.kernel_log, denied("dev/kmsg"));
        });
        assert_eq!(remembered(&gone, vec![forced(90, "lp_1")]).len(), 1);
    }

    #[test]
    fn what_is_both_remembered_and_in_the_log_is_told_once() {
        let nameless = ForcedPatch { awake: Duration::from_secs(90), patch: None };
        let snapshot = but(|s| of(&mut s.kernel_log).forced = vec![nameless.clone()]);
        let found = remembered(&snapshot, vec![forced(90, "lp_1")]);
        assert_eq!(found.iter().map(|f| f.subject.as_str()).collect::<Vec<_>>(), ["lp_1"]);
        let found = remembered(&snapshot, Vec::new());
        assert_eq!(found.iter().map(|f| f.subject.as_str()).collect::<Vec<_>>(), ["live patch"]);
    }

    #[test]
    fn names_of_patches_and_tasks_pass_through_unchanged() {
        let hostile = "a\"\n{}\u{1b}[2J";
        let task = Blocker { comm: text(hostile), ..blocker(1) };
        let mut snapshot = in_transition(true, Some(vec![task]));
        of(&mut snapshot.livepatch).patches[0].name = hostile.to_owned();
        let found = only(&snapshot);
        assert_eq!(found.subject, hostile);
        assert!(found.because.contains(hostile), "{}", found.because);
    }
}
