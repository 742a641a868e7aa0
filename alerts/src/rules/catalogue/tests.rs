//! Rows and findings agree, and the pages made from rows are up to date.

use super::*;
use crate::runbook::{example, pages};
use crate::testing::all;
use crate::memory::REASONS as OF_STICKS;
use crate::{CODES, PatchPolicy, assess};
use scrubjay_model::Accumulated;
use std::fmt::Write as _;
use std::path::Path;

const UPDATE: &str = "UPDATE_DOCS";

/// The finding of a rule on the host that is its example.
fn found(code: &str, rules: Rules) -> Finding {
    let policy = PatchPolicy { uptime_days: Some(30), rules, ..PatchPolicy::default() };
    let snapshot = example(code).unwrap();
    let assessment = assess(&snapshot, &Accumulated::default(), None, None, &policy);
    let found = all(&assessment).into_iter().find(|finding| finding.code == code).cloned();
    found.unwrap_or_else(|| panic!("the example of {code} does not bring it about"))
}

#[test]
fn rows_are_in_order_and_each_has_a_code_with_a_page() {
    let rules = Rules::DEFAULT;
    assert!(rules.all().is_sorted_by(|a, b| a.code < b.code));
    for rule in rules.all() {
        assert!(CODES.contains(&rule.code), "{}", rule.code);
        assert!(pages().contains_key(rule.code), "{}", rule.code);
    }
}

#[test]
fn whatever_asks_for_a_reboot_or_ends_by_one_has_a_row() {
    let rules = Rules::DEFAULT;
    // Whether a boot repairs a stick of memory is told of that stick, not by a row of patches.
    for (code, page) in pages().into_iter().filter(|(code, _)| !OF_STICKS.contains(code)) {
        let head = page.lines().nth(1).unwrap();
        if head.contains("**action:** reboot")
            || head.ends_with("**a reboot helps:** yes")
            || head.contains("**a reboot helps:** if ")
        {
            assert!(rules.all().iter().any(|rule| rule.code == code), "{code}");
        }
    }
}

#[test]
fn a_row_that_is_changed_changes_what_is_found() {
    for index in 0..Rules::DEFAULT.all().len() {
        let mut rules = Rules::DEFAULT;
        let row = rules.all_mut().remove(index);
        row.verdict = if row.verdict == Verdict::Act { Verdict::Watch } else { Verdict::Act };
        let observes = row.action == Action::Observe;
        row.action = if observes { Action::RestartServices } else { Action::Observe };
        let (reboot, helps) = match row.reboot {
            Helps | If(_) => (Not, RebootHelps::No),
            Not => (Helps, RebootHelps::Yes),
        };
        row.reboot = reboot;
        let Rule { code, verdict, action, .. } = *row;
        let found = found(code, rules);
        assert_eq!((found.verdict, found.action, found.reboot_helps), (verdict, action, helps));
    }
}

#[test]
fn modules_whose_rules_have_rows_judge_nothing_themselves() {
    for (file, text) in [
        ("kernel.rs", include_str!("../kernel.rs")),
        ("livepatch.rs", include_str!("../livepatch.rs")),
        ("livepatch_systems.rs", include_str!("../livepatch_systems.rs")),
        ("markers.rs", include_str!("../markers.rs")),
        ("microcode.rs", include_str!("../microcode.rs")),
        ("patches.rs", include_str!("../patches.rs")),
        ("processes.rs", include_str!("../processes.rs")),
        ("provenance.rs", include_str!("../provenance.rs")),
    ] {
        let code = text.split("#[cfg(test)]").next().unwrap();
        for literal in ["Verdict::", "Action::", ".reboot("] {
            assert!(!code.contains(literal), "{file} has {literal}, which belongs to its row");
        }
    }
}

#[test]
fn a_condition_that_was_not_looked_at_leaves_it_open() {
    let rule = Rules::DEFAULT.bad_page;
    assert_eq!(rule.finding("", "").reboot_helps, RebootHelps::Unknown);
    assert_eq!(rule.finding_if(RebootHelps::Yes, "", "").reboot_helps, RebootHelps::Yes);
    let certain = Rules::DEFAULT.kernel_died;
    assert_eq!(certain.finding_if(RebootHelps::No, "", "").reboot_helps, RebootHelps::Yes);
}

const PATCHES: &str = include_str!("../../../../docs/patches.md");
const CONFIGURATION: &str = include_str!("../../../../docs/configuration.md");
const SHIPPED: &str = include_str!("../../../../dist/etc/scrubjay/scrubjay.toml");

/// What speaks for a reboot, as far as patches and the running kernel go, with the rules that say
/// so. `docs/patches.md` has the same table.
const REASONS: [(&str, &[&str]); 17] = [
    ("an exploited vulnerability is owed", &["kernel-exploited"]),
    ("a critical one is owed for too long", &["kernel-overdue"]),
    ("fixes are owed, or a newer kernel is installed", &["kernel-behind", "kernel-rebuilt"]),
    ("live patches cover all that is owed", &["kernel-covered"]),
    ("the running kernel is gone from the disk", &["kernel-orphaned", "modules-removed"]),
    (
        "support of live patches ends, or has ended",
        &["livepatch-support-ending", "livepatch-support-ended"],
    ),
    ("a transition was forced", &["livepatch-forced"]),
    (
        "a transition does not end",
        &["livepatch-transition", "livepatch-stalled", "livepatch-stuck"],
    ),
    ("live patches lie upon each other", &["livepatch-stacked"]),
    ("the kernel can no longer be patched", &["livepatch-unpatchable"]),
    ("a live patch has a defect", &["livepatch-applied-with-bug"]),
    ("the kernel oopsed (taint D)", &["kernel-died"]),
    ("modules were forced (taint F, R)", &["module-forced"]),
    ("microcode is behind", &["microcode-behind"]),
    ("process 1 or the bus runs replaced code", &["user-space-reboot"]),
    ("the distribution asks for it", &["reboot-marker"]),
    ("the kernel has run for long", &["uptime-long"]),
];

#[test]
fn every_reason_for_a_reboot_leads_to_rows() {
    let rules = Rules::DEFAULT;
    for (reason, codes) in REASONS {
        for code in codes {
            assert!(rules.all().iter().any(|rule| rule.code == *code), "{code}");
        }
        let link = |code: &&str| format!("[{code}](findings.md#{code})");
        let links: Vec<String> = codes.iter().map(link).collect();
        let row = format!("| {reason} | {} |", links.join(", "));
        assert!(PATCHES.contains(&row), "docs/patches.md lacks {row}");
    }
}

#[test]
fn every_key_of_a_row_is_a_key_of_the_configuration() {
    for key in Rules::DEFAULT.all().into_iter().filter_map(|rule| rule.policy_key) {
        assert!(CONFIGURATION.contains(&format!("| `{key}` |")), "{key}");
        let name = key.strip_prefix("patches.").unwrap();
        assert!(SHIPPED.contains(&format!("\n{name} = ")), "{key}");
    }
}

/// `docs/rules.md`.
fn rules_markdown() -> String {
    let mut page = "# The rules on patches\n\n\
        Made from the catalogue in `alerts/src/rules/catalogue.rs`; a test compares. Change it \
        there, then run\n`UPDATE_DOCS=1 cargo test -p scrubjay-alerts`.\n\n\
        `scrubjay explain reboot` shows each with what it found on the host. *A reboot helps* is \
        *if …* where it depends\non what is looked at where it can be; the finding then says yes, \
        no or unknown. The last column has the\nkey of the [configuration](configuration.md) that \
        moves the limit.\n\n\
        | finding | holds if | verdict | action | a reboot helps | limit |\n\
        |---|---|---|---|---|---|\n"
        .to_owned();
    for Rule { code, condition, verdict, action, reboot, policy_key } in Rules::DEFAULT.all() {
        let key = policy_key.map(|key| format!("`{key}`")).unwrap_or_default();
        let (verdict, action) = (verdict.as_str(), action.as_str());
        let helps = reboot.words();
        writeln!(
            page,
            "| [{code}](findings.md#{code}) | {condition} | {verdict} | {action} | {helps} | {key} |"
        )
        .unwrap();
    }
    page
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a file of the repository, not of a host")]
fn the_committed_page_is_the_one_made_from_the_catalogue() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/rules.md");
    let page = rules_markdown();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == page, "docs/rules.md is out of date: run the test with {UPDATE}=1");
}
