//! The runbook and the rules say the same: every code has a page, every page a code, and what the
//! page promises at its head is what the rule answers.

use crate::Rules;
use crate::memory::REASONS;
use crate::memory::tests::{limits::any_judgement, rules};
use crate::testing::{
    absent, agent, all, but, counts, crashes, denied, forced, kernels, lose, modules, node, of,
    patch, set, stale, systems, text, virtual_machine,
};
use crate::{CODES, EXPLAINED, PatchPolicy, assess};
use proptest::prelude::*;
use scrubjay_model::{
    Accumulated, ControllerKey, CperSeverity, EventsStatus, FileCheck, Holder, Layout, LedgerState,
    LogTransition, Patch, Present, Reading, RunningMicrocode, Snapshot, Taint, Verdict,
};
use std::collections::BTreeMap;
use std::time::Duration;

const RUNBOOK: &str = include_str!("../../docs/findings.md");

const PARTS: [&str; 6] =
    ["Means.", "Recognised by.", "Why this verdict.", "What to do.", "A reboot.", "Not known."];

/// The pages by their codes.
pub(crate) fn pages() -> BTreeMap<&'static str, &'static str> {
    let pages = RUNBOOK.split("\n## ").skip(1);
    pages.map(|page| page.split_once('\n').unwrap()).collect()
}

fn tainted(bit: u32) -> Snapshot {
    but(|s| of(&mut s.kernel_health).taint = Reading::Value(Taint(1 << bit)))
}

fn runs(lowest: u32, highest: u32) -> Reading<RunningMicrocode> {
    Reading::Value(RunningMicrocode { lowest, highest, cpus: 64 })
}

/// What Canonical's client says of a kernel whose patch is loaded.
fn canonical(state: &str) -> Snapshot {
    but(|s| {
        let name = "lkp_Ubuntu_6_1_0_56_60_amd64_113";
        of(&mut s.livepatch).patches = vec![patch(name, true, false)];
        let canonical = systems::canonical(state, "supported");
        of(&mut s.livepatch_systems).canonical = Some(canonical);
    })
}

fn in_transition_for(seconds: u64) -> Snapshot {
    but(|s| {
        of(&mut s.livepatch).patches = vec![patch("lp_1", true, true)];
        let begun = s.at.awake.unwrap() - Duration::from_secs(seconds);
        let transition = LogTransition { patch: "lp_1".to_owned(), awake: begun };
        of(&mut s.kernel_log).transition = Some(transition);
    })
}

fn supported_for(days: i64) -> Snapshot {
    but(|s| {
        of(&mut s.livepatch).patches = vec![patch("livepatch_9_1", true, false)];
        let last_day = s.at.wall_ms / 86_400_000 + days;
        let row = systems::lifecycle(last_day);
        of(&mut s.livepatch_systems).lifecycle = Reading::Value(vec![row]);
    })
}

fn runs_old(holder: Holder, unit: &str) -> Snapshot {
    but(|s| of(&mut s.processes).stale = vec![stale(300, holder, unit)])
}

/// A host on which the rule speaks, for each code that does not need an ailing history.
pub(crate) fn example(code: &str) -> Option<Snapshot> {
    let switched = |switch: fn(&mut scrubjay_model::MachineCheck) -> &mut Reading<bool>| {
        but(|s| *switch(of(&mut s.machine_check)) = Reading::Value(true))
    };
    let no_edac = || but(|s| set(&mut s.edac, absent("sys/devices/system/edac/mc")));
    Some(match code {
        "bad-page" => tainted(5),
        "controller-gone" | "reports-not-heard" | "uptime-long" => but(|_| ()),
        "boot-error-record" => {
            crashes::with_block(crashes::block(CperSeverity::Fatal, vec![crashes::pcie()]))
        }
        "boot-memory-error" => {
            crashes::with_block(crashes::block(CperSeverity::Fatal, vec![crashes::memory()]))
        }
        "corrected-errors" => {
            but(|s| of(&mut s.edac).controllers[0].dimms_mut()[0].errors = counts(1, 0))
        }
        "corrected-errors-collector" => but(|s| of(&mut s.platform).cec = Reading::Value(Present)),
        "corrected-errors-ignored" => switched(|check| &mut check.ignore_ce),
        "corrected-errors-not-logged" => switched(|check| &mut check.dont_log_ce),
        "corrected-errors-polled" => switched(|check| &mut check.cmci_disabled),
        "corrected-errors-not-polled" => {
            but(|s| of(&mut s.machine_check).check_interval_seconds = Reading::Value(0))
        }
        "counters-contradict" => {
            but(|s| of(&mut s.edac).controllers[0].unattributed = counts(1, 0))
        }
        "counters-unreadable" => {
            let mut snapshot = but(|_| ());
            let path = "sys/devices/system/edac/mc/mc0/ce_count";
            lose(&mut snapshot.edac, |e| &mut e.controllers[0].errors.correctable, denied(path));
            snapshot
        }
        "crash-by-hardware" => crashes::with_records(vec![crashes::mce()]),
        "crash-record" => {
            crashes::with_records(vec![crashes::panic("sysrq triggered crash", None)])
        }
        "ecc-off" => {
            but(|s| of(&mut s.edac).controllers[0].dimms_mut()[0].edac_mode = text("None"))
        }
        "edac-switched-off" => but(|s| s.edac = None),
        "edac-unreadable" => but(|s| set(&mut s.edac, denied("sys/devices/system/edac/mc"))),
        "firmware-default" => but(|s| of(&mut s.platform).bios_date = text("11/16/2026")),
        "firmware-first" => but(|s| of(&mut s.edac).controllers[0].name = text("ghes_edac")),
        "guest" => virtual_machine(),
        "kernel-behind" => kernels::behind(),
        "kernel-covered" => kernels::covered(),
        "live-patch-only" => kernels::covered_beyond(),
        "kernel-died" => tainted(7),
        "kernel-exploited" => kernels::exploited(),
        "kernel-overdue" => kernels::overdue(),
        "kernel-orphaned" => kernels::orphaned(),
        "kernel-rebuilt" => kernels::rebuilt(),
        "kernel-unknown" => kernels::from_outside(),
        "next-boot-not-newest" => kernels::pinned(),
        "livepatch-applied-with-bug" => canonical("applied-with-bug"),
        "livepatch-claim-contradicted" => but(|s| {
            let canonical = systems::canonical("applied", "supported");
            of(&mut s.livepatch_systems).canonical = Some(canonical);
        }),
        "livepatch-failed" => canonical("apply-failed"),
        "livepatch-not-installed" => but(|s| {
            let own = systems::own();
            *of(&mut s.livepatch_systems) = scrubjay_model::LivepatchSystems {
                installed: vec![systems::installed(&[])],
                ..own
            };
        }),
        "livepatch-not-loaded" => but(|s| {
            let own = systems::own();
            *of(&mut s.livepatch_systems) = scrubjay_model::LivepatchSystems {
                installed: vec![systems::installed(&["lp_1", "lp_2"])],
                ..own
            };
        }),
        "livepatch-seed-only" => {
            but(|s| of(&mut s.livepatch).patches = vec![patch("livepatch_1_1", true, false)])
        }
        "livepatch-stacked" => but(|s| {
            let layer = |n| Patch {
                replace: Reading::Value(false),
                ..patch(&format!("lp_{n}"), true, false)
            };
            of(&mut s.livepatch).patches = (1..5).map(layer).collect();
        }),
        "livepatch-stalled" => in_transition_for(75),
        "livepatch-stuck" => in_transition_for(86_400),
        "livepatch-support-ended" => supported_for(-1),
        "livepatch-support-ending" => supported_for(30),
        "livepatch-unpatchable" => canonical("kernel-upgrade-required"),
        "livepatch-disabled" => {
            but(|s| of(&mut s.livepatch).patches = vec![patch("lp_1", false, false)])
        }
        "livepatch-file-altered" => but(|s| {
            let file = &mut of(&mut s.livepatch_modules).modules[0].files[0];
            *file = modules::owned(file.clone(), FileCheck::Differs);
        }),
        "livepatch-file-differs" => but(|s| {
            of(&mut s.livepatch_modules).modules[0].loaded.build_id = text("4444");
        }),
        "livepatch-no-file" => but(|s| of(&mut s.livepatch_modules).modules[0].files.clear()),
        "livepatch-unsigned" => {
            but(|s| of(&mut s.livepatch_modules).modules[0].loaded.taint = text("OEK"))
        }
        "livepatch-forced" => but(|s| of(&mut s.kernel_log).forced = vec![forced(90, "lp_1")]),
        "livepatch-transition" => {
            but(|s| of(&mut s.livepatch).patches = vec![patch("lp_1", true, true)])
        }
        "machine-check" => tainted(4),
        "machine-check-off" => but(|s| {
            of(&mut s.platform).command_line = Reading::Value(vec!["mce=off".to_owned()]);
        }),
        "memory-failure" => but(|s| {
            of(&mut s.memory_failure).nodes = Reading::Value(vec![node(0, [0, 0, 0, 1])]);
        }),
        "microcode-behind" => but(|s| of(&mut s.microcode).running = runs(1, 1)),
        "microcode-mixed" => but(|s| of(&mut s.microcode).running = runs(1, 0x2b00_0650)),
        "module-forced" => tainted(1),
        "modules-removed" => {
            but(|s| of(&mut s.kernel).modules_directory = absent("lib/modules/6.1.0-56-amd64"))
        }
        "no-edac-controller" => no_edac(),
        "no-edac-core" => {
            let mut snapshot = no_edac();
            of(&mut snapshot.platform).edac_core = absent("sys/devices/system/edac");
            snapshot
        }
        "not-attributed" => but(|s| {
            let controller = &mut of(&mut s.edac).controllers[0];
            (controller.layout, controller.dimms) = (Layout::Controller, [].into());
        }),
        "pages-growing" => {
            but(|s| of(&mut s.memory_failure).hardware_corrupted_bytes = Reading::Value(1 << 30))
        }
        "pages-offlined" => {
            but(|s| of(&mut s.memory_failure).hardware_corrupted_bytes = Reading::Value(4096))
        }
        "proc-incomplete" => but(|s| set(&mut s.uptime, absent("proc/uptime"))),
        "processes-stale" => runs_old(Holder::Service, "nginx.service"),
        "user-space-reboot" => runs_old(Holder::Bus, "dbus.service"),
        "reboot-marker" => but(|s| of(&mut s.reboot_markers).required = text("")),
        "scrubbing-off" => but(|s| of(&mut s.edac).controllers[0].scrub_rate = Reading::Value(0)),
        "scrubbing-slow" => but(|s| of(&mut s.edac).controllers[0].scrub_rate = Reading::Value(1)),
        "scrubbing-masked" => but(|s| {
            of(&mut s.scrub).devices[0].error_checks[0].threshold = Reading::Value(4096);
        }),
        "soft-lockup" => tainted(14),
        "soft-offline-off" => but(|s| of(&mut s.memory_failure).soft_offline = Reading::Value(0)),
        "source-unreadable" => but(|s| set(&mut s.kexec, denied("sys/kernel/kexec_loaded"))),
        "uncorrected-errors" => {
            but(|s| of(&mut s.edac).controllers[0].dimms_mut()[0].errors = counts(0, 1))
        }
        "uncorrected-errors-panic" => {
            but(|s| of(&mut s.memory_failure).recovery = Reading::Value(false))
        }
        "visibility-unclear" => but(|s| s.platform = None),
        "watchdog-reset" => but(|s| {
            of(&mut s.previous_boot).watchdogs = Reading::Value(vec![crashes::watchdog(0, 0x20)]);
        }),
        _ => return None,
    })
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let pages = pages();
    let headings: Vec<&str> = pages.keys().copied().collect();
    let mut codes = [CODES.as_slice(), &EXPLAINED].concat();
    codes.sort_unstable();
    assert_eq!(headings, codes);
    let in_order: Vec<&str> = RUNBOOK.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    assert_eq!(in_order, codes, "pages are in the order of their codes");
}

#[test]
fn every_page_answers_the_same_questions_in_the_same_order() {
    for (code, page) in pages() {
        let mut rest = page;
        for part in PARTS {
            let found = rest.split_once(&format!("- **{part}** "));
            let Some((_, after)) = found else { panic!("{code} lacks {part} or has it too early") };
            rest = after;
        }
    }
}

#[test]
fn what_a_page_promises_is_what_the_rule_answers() {
    let mut ailing = agent().storage;
    ailing.unreadable = Some("file is not a database".to_owned());
    ailing.last_error = Some("no space left on device".to_owned());
    ailing.ledger = LedgerState::Altered { because: "row 4".to_owned() };
    ailing.replaced = Some("/var/lib/scrubjay/history.corrupt".to_owned());
    for (code, page) in pages().into_iter().filter(|(code, _)| !REASONS.contains(code)) {
        let snapshot = example(code);
        let agent = if snapshot.is_none() { Some(&ailing) } else { None };
        let snapshot = snapshot.unwrap_or_else(|| but(|_| ()));
        let policy = PatchPolicy { uptime_days: Some(30), ..PatchPolicy::default() };
        let mut accumulated = Accumulated::default();
        if code == "controller-gone" {
            accumulated.seen_this_boot.insert(ControllerKey::from_stored("imc-1"));
        }
        let unheard = (code == "reports-not-heard").then(|| EventsStatus {
            refused: true,
            ..EventsStatus::counters_only("tracefs is not mounted")
        });
        let assessment = assess(&snapshot, &accumulated, agent, unheard.as_ref(), &policy);
        // The only finding that rests on the history's records rather than on a snapshot.
        let suspected = crate::suspected::tests::example();
        let mut found = all(&assessment).into_iter().chain(&suspected);
        let found = found.find(|finding| finding.code == code);
        let Some(found) = found else { panic!("the example of {code} does not bring it about") };
        // Where it depends on something, the page says on what, and the finding whether it is so.
        let rules = Rules::DEFAULT;
        let row = rules.all().into_iter().find(|row| row.code == code);
        let head = format!(
            "**Verdict:** {} · **action:** {} · **a reboot helps:** {}",
            found.verdict.as_str(),
            found.action.as_str(),
            row.map_or_else(|| found.reboot_helps.as_str().to_owned(), |row| row.reboot.words())
        );
        assert_eq!(page.lines().nth(1), Some(head.as_str()), "{code}");
        let line = format!("| [{code}](#{code}) | {} | ", found.verdict.as_str());
        assert!(RUNBOOK.contains(&line), "the table has no row {line}");
    }
}

#[test]
fn references_between_pages_lead_somewhere() {
    for target in RUNBOOK.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(CODES.contains(&target) || EXPLAINED.contains(&target), "{target}");
    }
}

/// Where a reason is shown by `explain` alone, its page says so.
const EXPLAINED_ALONE: &str = "**shown by** `explain` of a stick alone";

#[test]
fn reasons_are_findings_or_shown_by_explain_alone() {
    for code in REASONS {
        assert_ne!(CODES.contains(&code), EXPLAINED.contains(&code), "{code}");
    }
    for case in rules::cases() {
        let is_wrong = case.fires.iter().any(|(verdict, _)| *verdict >= Verdict::Watch);
        assert_eq!(CODES.contains(&case.code), is_wrong, "{}", case.code);
    }
}

/// The head of the page of a reason, of what its rule says of its records.
fn head_of(case: &rules::Case) -> String {
    let mut verdicts: Vec<&str> = Vec::new();
    let mut fires: Vec<_> = case.fires.iter().collect();
    fires.sort_by_key(|(verdict, _)| *verdict);
    for (verdict, _) in fires {
        if !verdicts.contains(&verdict.as_str()) {
            verdicts.push(verdict.as_str());
        }
    }
    let range = words_or(&verdicts);
    if EXPLAINED.contains(&case.code) {
        return format!("**Verdict:** {range} · {EXPLAINED_ALONE}");
    }
    let mut helps: Vec<&str> = Vec::new();
    for (_, judgement) in &case.fires {
        let reasons = judgement.reasons.iter().filter(|reason| reason.code == case.code);
        helps.extend(reasons.map(|reason| reason.reboot.as_str()));
    }
    helps.sort_unstable();
    helps.dedup();
    let helps = match helps.as_slice() {
        [one] => (*one).to_owned(),
        // A row is the only shape that firmware can repair at boot.
        _ => "if the fault is a row and the firmware repairs it".to_owned(),
    };
    format!("**Verdict:** {range} · **action:** as the finding says · **a reboot helps:** {helps}")
}

fn words_or(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[test]
fn the_page_of_a_rule_on_a_stick_has_the_levels_that_the_rule_has() {
    let pages = pages();
    for case in rules::cases() {
        let head = head_of(&case);
        assert_eq!(pages[case.code].lines().nth(1), Some(head.as_str()), "{}", case.code);
        let verdicts = head.split(" · ").next().unwrap().strip_prefix("**Verdict:** ").unwrap();
        let row = format!("| [{0}](#{0}) | {verdicts} | ", case.code);
        assert!(RUNBOOK.contains(&row), "the table has no row {row}");
    }
}

proptest! {
    /// What the pages promise holds for any record, not only for those the rules are shown by.
    #[test]
    fn no_rule_on_a_stick_leaves_the_levels_of_its_page(judgement in any_judgement()) {
        let pages = pages();
        for reason in &judgement.reasons {
            let head = pages[reason.code].lines().nth(1).unwrap().split(" · ").next().unwrap();
            let is_shown = reason.verdict >= Verdict::Watch || EXPLAINED.contains(&reason.code);
            prop_assert!(!is_shown || head.contains(reason.verdict.as_str()), "{reason:?}: {head}");
        }
    }
}
