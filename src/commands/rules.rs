//! `scrubjay rules`: policies on memory errors and the catalogue of rules on patches; whether a file
//! is a policy; and whether a policy does what its tests say.

use super::{print, reading};
use crate::cli::RulesCommand;
use crate::config::Settings;
use crate::exit::Exit;
use crate::policies::fault::Source;
use crate::policies::{self, cases, file};
use anyhow::Context;
use scrubjay_alerts::Rules as PatchRules;
use scrubjay_alerts::memory::{LOOK_BACK_DAYS, MemorySettings};
use scrubjay_alerts::replay::{Policy, PolicyRule, Then, When, run_case, span};
use scrubjay_model::{DimmRule, DimmVerdict};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

pub(crate) fn run(settings: &Settings, command: &RulesCommand) -> anyhow::Result<Exit> {
    match command {
        RulesCommand::List(args) => list(settings, args.json),
        RulesCommand::Check(args) => check(&args.file),
        RulesCommand::Test(args) => test(&args.files),
    }
}

fn list(settings: &Settings, as_json: bool) -> anyhow::Result<Exit> {
    let presets = policies::presets()?;
    let chosen = &settings.memory.policy;
    let view = reading::view(settings)?;
    let sticks = &view.assessment.dimms;
    let catalogue = PatchRules::DEFAULT;
    if as_json {
        let policies: Vec<_> = presets.iter().map(policy_json).collect();
        let patches: Vec<_> = catalogue
            .all()
            .into_iter()
            .map(|rule| {
                json!({
                    "code": rule.code,
                    "condition": rule.condition,
                    "verdict": rule.verdict.as_str(),
                    "action": rule.action.as_str(),
                    "reboot_helps": rule.reboot.words(),
                    "policy_key": rule.policy_key,
                })
            })
            .collect();
        let judged = |dimm: &DimmVerdict| {
            let DimmVerdict { name, module, verdict, policy, .. } = dimm;
            json!({ "name": name, "module": module, "verdict": verdict, "rules": policy.rules })
        };
        let sticks: Vec<_> = sticks.iter().map(judged).collect();
        let in_force = json!({ "policy": policy_json(chosen), "sticks": sticks });
        let all = json!({ "policies": policies, "in_force": in_force, "patch_rules": patches });
        print(&format!("{}\n", serde_json::to_string_pretty(&all)?))?;
        return Ok(Exit::Ok);
    }
    let mut page = String::from("Policies on memory errors\n\n");
    for policy in &presets {
        page.push_str(&policy_text(policy));
    }
    page.push_str(&in_force(chosen, sticks));
    page.push_str("Rules on patches and the running kernel\n\n");
    for rule in catalogue.all() {
        // Writing to a String cannot fail.
        let _ =
            writeln!(page, "  {:<30} {:<8} {}", rule.code, rule.verdict.as_str(), rule.condition);
    }
    page.push_str(
        "\nA policy is chosen with [memory] policy in the configuration, and compared with others by \
         `scrubjay replay`.\n",
    );
    print(&page)?;
    Ok(Exit::Ok)
}

/// Which policy is in force, and how its rules stand with the sticks of this host.
fn in_force(chosen: &Policy, sticks: &[DimmVerdict]) -> String {
    let mut text = format!("In force on this host: policy {}\n\n", chosen.name);
    if policies::Preset::named(&chosen.name).is_none() {
        text.push_str(&policy_text(chosen));
    }
    for DimmVerdict { name, verdict, policy, .. } in sticks {
        let _ = writeln!(text, "  {name}: {}", verdict.as_str());
        for rule in &policy.rules {
            let DimmRule { code, then: _, holds, limit, reached, last_reached_wall_ms: _ } = rule;
            let holds = match (holds, limit) {
                (Some(holds), Some(limit)) => format!("holds {holds} of {limit}, "),
                (Some(_) | None, _) => String::new(),
            };
            let stands = match reached {
                Some(0) => format!("{holds}not reached in {LOOK_BACK_DAYS} d"),
                Some(1) => format!("{holds}reached once in {LOOK_BACK_DAYS} d"),
                Some(times) => format!("{holds}reached {times} times in {LOOK_BACK_DAYS} d"),
                None => "weighs costs".to_owned(),
            };
            let _ = writeln!(text, "    {code:<18} {stands}");
        }
    }
    if sticks.is_empty() {
        text.push_str("  no stick of memory is judged: no history knows any\n");
    }
    text.push('\n');
    text
}

fn policy_text(policy: &Policy) -> String {
    let Policy { name, meaning, source, rules } = policy;
    let mut text = format!("  {name}: {meaning}\n    from: {source}\n");
    for rule in rules {
        let then = match rule.then {
            Then::Alarm => "alarm",
            Then::Offline => "page out of use, no alarm",
        };
        let _ = writeln!(text, "    {:<18} {} -> {then}", rule.code, rule.meaning);
        let _ = writeln!(text, "    {:<18} {}; {}", "", condition(rule), rule.source);
    }
    if rules.is_empty() {
        text.push_str("    no rules\n");
    }
    text.push('\n');
    text
}

/// The condition of a rule, as it is reckoned.
fn condition(rule: &PolicyRule) -> String {
    match rule.when {
        When::Corrected { per, errors, counting, alone } => {
            let alone = if alone { ", no other DIMM" } else { "" };
            let within = span(i64::from(counting.within()));
            format!("{errors} per {} / {within}, {}{alone}", per.as_str(), counting.as_str())
        }
        When::Uncorrected => "1 uncorrected".to_owned(),
        When::Worth(worth) => format!("cost, over {} d", worth.horizon_days),
    }
}

fn policy_json(policy: &Policy) -> serde_json::Value {
    let rules: Vec<_> = policy
        .rules
        .iter()
        .map(|rule| {
            json!({
                "code": rule.code,
                "meaning": rule.meaning,
                "source": rule.source,
                "condition": condition(rule),
                "then": rule.then.as_str(),
            })
        })
        .collect();
    json!({
        "name": policy.name,
        "meaning": policy.meaning,
        "source": policy.source,
        "rules": rules,
    })
}

fn check(path: &Path) -> anyhow::Result<Exit> {
    let text = policies::read(path)?;
    match file::parse(Source { path, text: &text }) {
        Ok(policy) => {
            let rules = policy.rules.len();
            print(&format!(
                "{}: policy {} is valid, {rules} rules\n",
                path.display(),
                policy.name
            ))?;
            Ok(Exit::Ok)
        }
        Err(faults) => {
            let mut page = String::new();
            for fault in &faults {
                let _ = writeln!(page, "{fault}\n");
            }
            let _ = writeln!(page, "{} mistakes in {}", faults.len(), path.display());
            print(&page)?;
            Ok(Exit::Failed)
        }
    }
}

/// What came of the tests in a file.
pub(crate) struct Outcome {
    /// The policy that was tested.
    pub(crate) policy: String,
    pub(crate) passed: usize,
    /// What is not as expected, each with its place.
    pub(crate) failed: Vec<String>,
    /// A line for each test.
    pub(crate) lines: Vec<String>,
}

fn test(paths: &[std::path::PathBuf]) -> anyhow::Result<Exit> {
    let mut page = String::new();
    let (mut passed, mut failed) = (0, 0);
    for path in paths {
        let outcome = test_file(path)?;
        let _ = writeln!(page, "{}: policy {}", path.display(), outcome.policy);
        for line in &outcome.lines {
            let _ = writeln!(page, "  {line}");
        }
        for wrong in &outcome.failed {
            let _ = writeln!(page, "\n{wrong}");
        }
        passed += outcome.passed;
        failed += outcome.lines.len() - outcome.passed;
    }
    let _ = writeln!(page, "{passed} passed, {failed} failed");
    print(&page)?;
    Ok(if failed == 0 { Exit::Ok } else { Exit::Failed })
}

/// Runs the tests in a file.
pub(crate) fn test_file(path: &Path) -> anyhow::Result<Outcome> {
    let text = policies::read(path)?;
    let source = Source { path, text: &text };
    let cases = cases::parse(source).map_err(|faults| policies::told(&faults))?;
    let policy = if policies::is_path(&cases.policy) {
        let file = policies::beside(path, &cases.policy);
        policies::named(&file.to_string_lossy())
    } else {
        policies::named(&cases.policy)
    };
    let policy = policy.with_context(|| {
        source.fault(cases.policy_span.clone(), "this policy cannot be used").to_string()
    })?;
    let settings = MemorySettings::default();
    let mut outcome =
        Outcome { policy: policy.name.clone(), passed: 0, failed: Vec::new(), lines: Vec::new() };
    for test in &cases.tests {
        let wrong = if policy.knows_costs() && test.case.ratio.is_none() {
            vec![(0, "the policy goes by costs: give the test a ratio".to_owned())]
        } else {
            run_case(&policy, &test.case, &settings)
        };
        outcome.passed += usize::from(wrong.is_empty());
        let word = if wrong.is_empty() { "passed" } else { "FAILED" };
        outcome.lines.push(format!("{word}  {}", test.case.name));
        for (index, why) in wrong {
            let span = test.expected.get(index).cloned().unwrap_or(0..0);
            let why = format!("{}: {why}", test.case.name);
            outcome.failed.push(source.fault(span, why).to_string());
        }
    }
    Ok(outcome)
}
