//! `scrubjay fleet`: many hosts, as a Prometheus-compatible API knows them.

use super::{past, print};
use crate::cli::{FleetCommand, FleetPlanArgs, FleetReportArgs, FleetStatusArgs};
use crate::clock;
use crate::config::{FleetSettings, Settings};
use crate::exit::Exit;
use crate::fleet::{self, bundles};
use crate::notify::small_file;
use crate::progress::Progress;
use crate::windows::MaintenanceWindow;
use anyhow::Context;
use scrubjay_alerts::fleet::{PlanPolicy, plan, report, resume, status};
use scrubjay_exporters::report as forms;
use scrubjay_exporters::{csv, json, markdown, text};
use scrubjay_model::{Fleet, FleetPlan, evidence_report};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

pub(crate) fn run(settings: &Settings, command: &FleetCommand) -> anyhow::Result<Exit> {
    if let FleetCommand::Report(args) = command
        && let Some(dir) = &args.bundles
    {
        return evidence(dir, args);
    }
    let now_ms = clock::wall_ms();
    let at_ms = past::moment(command.api().at.as_deref(), "--at", now_ms)?.unwrap_or(now_ms);
    match command {
        FleetCommand::Status(args) => show(&settings.fleet, args, at_ms),
        FleetCommand::Plan(args) => make(settings, args, at_ms),
        FleetCommand::Report(args) => tell(&settings.fleet, args, at_ms),
    }
}

/// Asks, and says so on stderr if nobody is known.
fn known(settings: &FleetSettings, at_ms: i64) -> anyhow::Result<Option<Fleet>> {
    let fleet = fleet::ask(settings, at_ms)?;
    if fleet.hosts.is_empty() {
        writeln!(
            anstream::stderr(),
            "the API knows no host with metrics of scrubjay: see that it scrapes the agents, and \
             that --selector and --host-label are right"
        )?;
        for lack in &fleet.lacks {
            writeln!(anstream::stderr(), "  {lack}")?;
        }
        return Ok(None);
    }
    Ok(Some(fleet))
}

/// What rests on an answer that is not whole is shown, and is no success.
fn exit(fleet: &Fleet) -> Exit {
    if fleet.lacks.is_empty() { Exit::Ok } else { Exit::NoData }
}

fn show(settings: &FleetSettings, args: &FleetStatusArgs, at_ms: i64) -> anyhow::Result<Exit> {
    let Some(fleet) = known(settings, at_ms)? else { return Ok(Exit::NoData) };
    let status = status(&fleet);
    print(&match (args.json, args.csv) {
        (true, _) => json::fleet_status(&status)?,
        (false, true) => csv::fleet_status(&status)?,
        (false, false) => text::fleet_status(&status, &super::style(args.all)),
    })?;
    Ok(exit(&fleet))
}

fn tell(settings: &FleetSettings, args: &FleetReportArgs, at_ms: i64) -> anyhow::Result<Exit> {
    let Some(fleet) = known(settings, at_ms)? else { return Ok(Exit::NoData) };
    let report = report(&fleet, settings.limit_days);
    print(&match (args.json, args.csv, args.markdown) {
        (true, _, _) => json::fleet_report(&report)?,
        (false, true, _) => csv::fleet_report(&report)?,
        (false, false, true) => markdown::fleet_report(&report),
        (false, false, false) => text::fleet_report(&report, &super::style(args.all)),
    })?;
    Ok(exit(&fleet))
}

/// By bundles: whatever is missing is in the report, and in the exit code.
fn evidence(dir: &Path, args: &FleetReportArgs) -> anyhow::Result<Exit> {
    let trust = super::verify::trust(&args.trust)?;
    let expected = args.hosts.as_deref().map(bundles::expected).transpose()?;
    let found = bundles::find(dir)?;
    let progress = Progress::new(args.progress, "looking at bundles".to_owned(), "bundles");
    let looked = bundles::look(&found.bundles, &trust, &progress);
    drop(progress);
    let report = evidence_report(looked, expected.as_ref(), found.others, trust.signers.is_some());
    let document = forms::evidence_document(&report);
    print(&match (args.json, args.csv, args.markdown, args.html) {
        (true, ..) => json::evidence_report(&report)?,
        (_, true, ..) => forms::evidence_csv(&report)?,
        (_, _, true, _) => forms::markdown(&document),
        (_, _, _, true) => forms::html(&document),
        (false, false, false, false) => text::document(&document, &super::style(true)),
    })?;
    let is_whole = report.invalid.is_empty()
        && report.without_bundle.is_empty()
        && report.not_looked_at.is_empty()
        && report.signers_checked
        && !report.rows.is_empty();
    Ok(if is_whole { Exit::Ok } else { Exit::NoData })
}

fn make(settings: &Settings, args: &FleetPlanArgs, at_ms: i64) -> anyhow::Result<Exit> {
    let before = args.resume.as_deref().map(read).transpose()?;
    let fleet_settings = match &before {
        Some((before, _)) => {
            // Whoever was called otherwise would be taken for gone.
            FleetSettings {
                host_labels: before.host_labels.clone(),
                group_by: before.group_by.clone(),
                ..settings.fleet.clone()
            }
        }
        None => settings.fleet.clone(),
    };
    let Some(fleet) = known(&fleet_settings, at_ms)? else { return Ok(Exit::NoData) };
    if !fleet.lacks.is_empty() {
        // A plan that lacks an acknowledgement or a host of a group would break its promises.
        writeln!(anstream::stderr(), "the answer of the API is not whole:")?;
        for lack in &fleet.lacks {
            writeln!(anstream::stderr(), "  {lack}")?;
        }
        if !args.accept_partial {
            writeln!(
                anstream::stderr(),
                "no plan is made from it; --accept-partial makes one all the same"
            )?;
            return Ok(Exit::NoData);
        }
    }
    let (mut made, windows, each) = match before {
        Some((before, windows)) => {
            let each =
                before.each_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
            (resume(&before, &fleet), windows, each)
        }
        None => {
            let windows = match fleet_settings.windows.as_slice() {
                [] => settings.windows.clone(),
                windows => windows.to_vec(),
            };
            let each = fleet_settings.each;
            let policy = PlanPolicy {
                at_once: fleet_settings.at_once,
                windows: windows.iter().map(ToString::to_string).collect(),
                each_ms: each.and_then(|each| i64::try_from(each.as_millis()).ok()),
            };
            (plan(&fleet, &policy), windows, each)
        }
    };
    fleet::give_times(&mut made.waves, &windows, each, at_ms);
    made.notes.extend(fleet.lacks.iter().cloned());
    print(&match (args.json, args.csv, args.markdown) {
        (true, _, _) => json::fleet_plan(&made)?,
        (false, true, _) => csv::fleet_plan(&made)?,
        (false, false, true) => markdown::fleet_plan(&made),
        (false, false, false) => text::fleet_plan(&made, &super::style(true)),
    })?;
    Ok(exit(&fleet))
}

/// A plan that was written before, with its windows.
fn read(path: &Path) -> anyhow::Result<(FleetPlan, Vec<MaintenanceWindow>)> {
    let text = small_file(path)?;
    let plan: FleetPlan = serde_json::from_str(&text).with_context(|| {
        format!("{} is no plan: it must be what \"fleet plan --json\" wrote", path.display())
    })?;
    anyhow::ensure!(
        plan.schema_version == FleetPlan::VERSION,
        "{} is a plan of version {}, and this program knows version {}: make a new plan",
        path.display(),
        plan.schema_version,
        FleetPlan::VERSION
    );
    anyhow::ensure!(
        !plan.host_labels.is_empty(),
        "{} does not say which labels name a host: make a new plan",
        path.display()
    );
    let windows = plan.windows.iter().map(|text| MaintenanceWindow::parse(text));
    let windows = windows.collect::<Result<Vec<_>, String>>();
    let windows = windows
        .map_err(anyhow::Error::msg)
        .with_context(|| format!("{} names a window that is none", path.display()))?;
    Ok((plan, windows))
}
