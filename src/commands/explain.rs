//! `scrubjay explain` and `scrubjay reboot-required`: what speaks for a reboot, what does not, and
//! what a finding means.

use super::{print, reading, style};
use crate::cli::{ExplainArgs, ReadArgs};
use crate::config::Settings;
use crate::exit::{Exit, Reboot};
use scrubjay_alerts::{CODES, PATCH_RULES};
use scrubjay_exporters::text::ExplainedRule;
use scrubjay_exporters::{json, text};
use scrubjay_model::HostView;

/// What is explained where no finding is named.
const REBOOT: &str = "reboot";

/// The pages of all findings, so that they are at hand where there is no network.
const RUNBOOK: &str = include_str!("../../docs/findings.md");

pub(crate) fn run(settings: &Settings, args: &ExplainArgs) -> anyhow::Result<Exit> {
    if args.what == REBOOT {
        let view = reading::view(settings)?;
        let rules = rules(&view);
        print(&if args.read.json {
            json::patch_truth(&view, &rules)?
        } else {
            text::explain_reboot(&view, &rules, &style(true))
        })?;
        return Ok(Exit::Ok);
    }
    let code = args.what.as_str();
    let Some(page) = page(code) else {
        anyhow::bail!(
            "\"{code}\" is neither \"{REBOOT}\" nor a finding; the findings are {}",
            CODES.join(", ")
        );
    };
    anyhow::ensure!(
        !args.read.json,
        "a finding is explained in words only; status --json has its facts"
    );
    let view = reading::view(settings)?;
    print(&text::explain_finding(&view, code, page, &style(true)))?;
    Ok(Exit::Ok)
}

/// The page of a code, without its heading.
fn page(code: &str) -> Option<&'static str> {
    let pages = RUNBOOK.split("\n## ").skip(1);
    let page = pages.filter_map(|page| page.split_once('\n')).find(|(heading, _)| *heading == code);
    page.map(|(_, text)| text.trim_start_matches('\n'))
}

fn rules(view: &HostView) -> Vec<ExplainedRule<'_>> {
    PATCH_RULES
        .iter()
        .map(|rule| ExplainedRule {
            code: rule.code,
            condition: rule.condition,
            verdict: rule.verdict,
            finding: view.assessment.findings.iter().find(|finding| finding.code == rule.code),
        })
        .collect()
}

pub(crate) fn reboot_required(settings: &Settings, args: &ReadArgs) -> anyhow::Result<Exit> {
    let view = reading::view(settings)?;
    print(&if args.json {
        json::patch_truth(&view, &rules(&view))?
    } else {
        text::reboot_required(&view)
    })?;
    Ok(Exit::Reboot(match view.assessment.reboot_required() {
        Some(true) => Reboot::Yes,
        Some(false) => Reboot::No,
        None => Reboot::Unknown,
    }))
}
