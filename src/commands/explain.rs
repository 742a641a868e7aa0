//! `scrubjay explain` and `scrubjay reboot-required`: what speaks for a reboot, what does not, and
//! what a finding means.

use super::{is_broken_pipe, print, reading, style};
use crate::cli::{ExplainArgs, ReadArgs};
use crate::config::Settings;
use crate::exit::{Exit, NotThere, Reboot};
use scrubjay_alerts::{CODES, Rule, Rules};
use scrubjay_exporters::text::ExplainedRule;
use scrubjay_exporters::{json, text};
use scrubjay_model::{DimmVerdict, HostView};

/// What is explained where no finding is named.
const REBOOT: &str = "reboot";

/// The pages of all findings, so that they are at hand where there is no network.
pub(crate) const RUNBOOK: &str = include_str!("../../docs/findings.md");

pub(crate) fn run(settings: &Settings, args: &ExplainArgs) -> anyhow::Result<Exit> {
    if matches!(args.what.as_str(), "mttf" | "uptime") {
        return super::estimates::run(settings, args);
    }
    anyhow::ensure!(
        args.gigabytes.is_none() && args.ecc.is_none(),
        "--gigabytes and --ecc go with \"explain mttf\" and \"explain uptime\""
    );
    if args.what == REBOOT {
        let view = reading::view(settings)?;
        let rules = explained(&settings.patches.rules, &view);
        print(&if args.read.json {
            json::patch_truth(&view, &rules)?
        } else {
            text::explain_reboot(&view, &rules, &style(true))
        })?;
        return Ok(Exit::Ok);
    }
    let code = args.what.as_str();
    let Some(page) = page(code) else { return dimm(settings, args) };
    anyhow::ensure!(
        !args.read.json,
        "a finding is explained in words only; status --json has its facts"
    );
    let view = reading::view(settings)?;
    print(&text::explain_finding(&view, code, page, &style(true)))?;
    Ok(Exit::Ok)
}

/// The stick of memory that is meant.
fn dimm(settings: &Settings, args: &ExplainArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    let dimms = &view.assessment.dimms;
    let is_meant = |dimm: &&DimmVerdict| {
        let record = view.accumulated.modules.get(&dimm.key);
        dimm.name.eq_ignore_ascii_case(args.what.trim())
            || dimm.module == args.what
            || record.is_some_and(|record| record.is_called(&args.what))
    };
    let meant: Vec<&DimmVerdict> = dimms.iter().filter(is_meant).collect();
    match meant[..] {
        [dimm] => print(&if args.read.json {
            json::dimm_verdict(dimm)?
        } else {
            text::explain_dimm(&view, dimm, &style(true))
        })?,
        [] => {
            let known = if dimms.is_empty() {
                "no stick of memory is judged, as no history knows any".to_owned()
            } else {
                let names: Vec<&str> = dimms.iter().map(|dimm| dimm.name.as_str()).collect();
                format!("the sticks of memory are {}", names.join(", "))
            };
            return Err(NotThere(format!(
                "\"{}\" is neither \"{REBOOT}\", \"mttf\" or \"uptime\", nor a stick of memory, nor a finding; {known}; the \
                 findings are {}",
                args.what,
                CODES.join(", ")
            ))
            .into());
        }
        _ => {
            let keys: Vec<&str> = meant.iter().map(|dimm| dimm.key.as_str()).collect();
            anyhow::bail!("\"{}\" may be any of {}: give one of these", args.what, keys.join(", "))
        }
    }
    Ok(Exit::Ok)
}

/// The page of a code, without its heading.
fn page(code: &str) -> Option<&'static str> {
    let pages = RUNBOOK.split("\n## ").skip(1);
    let page = pages.filter_map(|page| page.split_once('\n')).find(|(heading, _)| *heading == code);
    page.map(|(_, text)| text.trim_start_matches('\n'))
}

fn explained<'a>(rules: &Rules, view: &'a HostView) -> Vec<ExplainedRule<'a>> {
    let explain = |rule: &Rule| {
        let Rule { code, condition, verdict, action, reboot, policy_key } = *rule;
        let findings = view.assessment.findings.iter().filter(|finding| finding.code == code);
        ExplainedRule {
            code,
            condition,
            verdict,
            action,
            reboot_helps: reboot.words(),
            policy_key,
            findings: findings.collect(),
        }
    };
    rules.all().into_iter().map(explain).collect()
}

pub(crate) fn reboot_required(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    let page = if args.json {
        json::patch_truth(&view, &explained(&settings.patches.rules, &view))?
    } else {
        text::reboot_required(&view)
    };
    match print(&page) {
        // Who asks for the code may not care for the page; and whoever stopped reading must not get
        // the code of that, which would be "reboot".
        Err(error) if !is_broken_pipe(&error) => return Err(error),
        Ok(()) | Err(_) => {}
    }
    Ok(Exit::Reboot(match view.assessment.reboot_required() {
        Some(true) => Reboot::Yes,
        Some(false) => Reboot::No,
        None => Reboot::Unknown,
    }))
}
