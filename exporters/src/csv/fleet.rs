//! A fleet as comma-separated values.

use super::{moment, write};
use crate::PageError;
use crate::text::fleet::{block_in_words, task_in_words};
use scrubjay_model::{FleetPlan, FleetReport, FleetStatus, FleetTask, RebootAnswer, Verdict};

/// Every host: `fleet status --csv`. Those that do not report come last.
pub fn fleet_status(status: &FleetStatus) -> Result<String, PageError> {
    let reporting = status.worst.iter().map(|line| {
        let because = line.because.as_ref();
        [
            line.host.clone(),
            line.group.clone().unwrap_or_default(),
            "yes".to_owned(),
            line.verdict.as_str().to_owned(),
            because.map(|finding| finding.code.clone()).unwrap_or_default(),
            because.map(|finding| finding.subject.clone()).unwrap_or_default(),
            because.map(|finding| finding.action.clone()).unwrap_or_default(),
            line.reboot.map(RebootAnswer::as_str).unwrap_or_default().to_owned(),
            line.risk.map(|risk| risk.to_string()).unwrap_or_default(),
            line.coverage.map(|state| state.as_str()).unwrap_or_default().to_owned(),
            line.up_s.map(|up| up.to_string()).unwrap_or_default(),
            String::new(),
        ]
    });
    let silent = status.silent.iter().map(|host| {
        let mut row: [String; 12] = Default::default();
        let [name, group, reports, verdict, .., seen] = &mut row;
        name.clone_from(&host.host);
        *group = host.group.clone().unwrap_or_default();
        *reports = "no".to_owned();
        // What it last said is not how it is.
        *verdict = Verdict::Unknown.as_str().to_owned();
        *seen = host.last_seen_ms.map(moment).unwrap_or_default();
        row
    });
    write(
        [
            "host",
            "group",
            "reports",
            "verdict",
            "code",
            "subject",
            "action",
            "reboot",
            "risk",
            "coverage",
            "up_seconds",
            "last_seen",
        ],
        reporting.chain(silent),
    )
}

/// Visits, then blocked hosts, then those done: `fleet plan --csv`.
pub fn fleet_plan(plan: &FleetPlan) -> Result<String, PageError> {
    let words =
        |tasks: &[FleetTask]| tasks.iter().map(task_in_words).collect::<Vec<String>>().join("; ");
    let visits = plan.waves.iter().flat_map(|wave| {
        wave.visits.iter().map(move |visit| {
            [
                "visit".to_owned(),
                wave.number.to_string(),
                wave.from_ms.map(moment).unwrap_or_default(),
                wave.until_ms.map(moment).unwrap_or_default(),
                visit.group.clone().unwrap_or_default(),
                visit.host.clone(),
                words(&visit.tasks),
                String::new(),
            ]
        })
    });
    let other = |state: &str, group: &Option<String>, host: &str, tasks: String, why: String| {
        let (wave, from, until) = (String::new(), String::new(), String::new());
        let group = group.clone().unwrap_or_default();
        [state.to_owned(), wave, from, until, group, host.to_owned(), tasks, why]
    };
    let blocked = plan.blocked.iter().map(|one| {
        let why: Vec<String> = one.because.iter().map(block_in_words).collect();
        other("blocked", &one.group, &one.host, words(&one.tasks), why.join("; "))
    });
    let done = plan
        .done
        .iter()
        .map(|one| other("done", &one.group, &one.host, String::new(), one.because.clone()));
    let new = plan.new_since.iter().map(|host| {
        other("not_in_plan", &None, host, String::new(), "since the plan was made".to_owned())
    });
    write(
        ["state", "wave", "from", "until", "group", "host", "tasks", "why"],
        visits.chain(blocked).chain(done).chain(new),
    )
}

/// Every host: `fleet report --csv`.
pub fn fleet_report(report: &FleetReport) -> Result<String, PageError> {
    let number = |n: Option<u64>| n.map(|n| n.to_string()).unwrap_or_default();
    let rows = report.rows.iter().map(|row| {
        [
            row.host.clone(),
            row.group.clone().unwrap_or_default(),
            row.standing.as_str().to_owned(),
            row.because.join("; "),
            row.verdict.map(Verdict::as_str).unwrap_or_default().to_owned(),
            row.last_seen_ms.map(moment).unwrap_or_default(),
            number(row.exposed_s),
            number(row.cves_owed),
            number(row.cves_mitigated),
            row.reboot.map(RebootAnswer::as_str).unwrap_or_default().to_owned(),
            row.swaps.join("; "),
            row.coverage.map(|state| state.as_str()).unwrap_or_default().to_owned(),
            row.support_end_ms.map(moment).unwrap_or_default(),
        ]
    });
    write(
        [
            "host",
            "group",
            "limit",
            "because",
            "verdict",
            "last_seen",
            "exposed_seconds",
            "cves_owed",
            "cves_mitigated",
            "reboot",
            "swaps",
            "coverage",
            "support_end",
        ],
        rows,
    )
}
