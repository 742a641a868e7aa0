//! `fleet plan`: who is visited when, who is not, and why.

use super::super::Style;
use super::super::page::{BOLD, Cell, FAINT, Page, paint_of, sign_of};
use super::super::words::{moment, moment_ago};
use super::{block_in_words, group_in_words, hosts, tasks_in_words};
use scrubjay_model::{BlockedVisit, FleetPlan, Wave};

/// A plan.
pub fn fleet_plan(plan: &FleetPlan, style: &Style) -> String {
    let mut page = Page::new(*style);
    let visits = u64::try_from(plan.visits().count()).unwrap_or(u64::MAX);
    let waves = plan.waves.len();
    let head = format!(
        "plan: {} in {waves} {}, {} blocked, {} done",
        hosts(visits),
        if waves == 1 { "wave" } else { "waves" },
        plan.blocked.len(),
        plan.done.len()
    );
    page.line(&[(&head, BOLD)]);
    page.blank();
    let of = match &plan.group_by {
        Some(label) => format!("of each {label}"),
        None => "of the whole fleet, as hosts are in no groups".to_owned(),
    };
    page.field(0, "at once", &format!("at most {} {of}", plan.at_once));
    let windows = match plan.windows.as_slice() {
        [] => "none configured, so that waves have an order and no time".to_owned(),
        windows => windows.join("; "),
    };
    page.field(0, "windows", &windows);
    page.field(0, "made", &made(plan));
    for note in &plan.notes {
        page.warning(0, &format!("{note}."));
    }
    blocked(&mut page, &plan.blocked);
    for one in &plan.waves {
        wave(&mut page, one);
    }
    done(&mut page, plan);
    page.into_text()
}

fn made(plan: &FleetPlan) -> String {
    match plan.resumed_ms {
        Some(resumed_ms) => {
            format!("{}, gone on with {}", moment_ago(plan.made_ms, resumed_ms), moment(resumed_ms))
        }
        None => moment(plan.made_ms),
    }
}

fn wave(page: &mut Page, wave: &Wave) {
    page.blank();
    let when = match (&wave.begins, &wave.ends) {
        (Some(begins), Some(ends)) => format!(", {begins} to {ends}"),
        (_, _) => String::new(),
    };
    page.heading(&format!("wave {}{when}:", wave.number));
    let head = ["group", "host", "verdict", "do"];
    let mut rows = vec![head.map(|text| Cell::left(text).painted(FAINT)).to_vec()];
    for visit in &wave.visits {
        let verdict = format!("{:<2} {}", sign_of(visit.verdict), visit.verdict.as_str());
        rows.push(vec![
            Cell::left(group_in_words(visit.group.as_deref())),
            Cell::left(&visit.host),
            Cell::left(verdict).painted(paint_of(visit.verdict)),
            Cell::left(tasks_in_words(&visit.tasks)),
        ]);
    }
    page.table(2, &rows);
}

fn blocked(page: &mut Page, blocked: &[BlockedVisit]) {
    if blocked.is_empty() {
        return;
    }
    page.blank();
    page.heading("blocked:");
    for one in blocked {
        let would = match one.tasks.as_slice() {
            [] => String::new(),
            tasks => format!(", would {}", tasks_in_words(tasks)),
        };
        page.sentence(2, &format!("{}{would}", one.host));
        for reason in &one.because {
            page.warning(4, &block_in_words(reason));
        }
    }
}

fn done(page: &mut Page, plan: &FleetPlan) {
    if !plan.done.is_empty() {
        page.blank();
        page.heading("done:");
        let row = |done: &scrubjay_model::DoneVisit| {
            vec![Cell::left(&done.host), Cell::left(&done.because).painted(FAINT)]
        };
        page.table(2, &plan.done.iter().map(row).collect::<Vec<_>>());
    }
    if !plan.new_since.is_empty() {
        page.blank();
        let new = u64::try_from(plan.new_since.len()).unwrap_or(u64::MAX);
        page.warning(
            0,
            &format!(
                "{} came to need a visit since the plan was made and {} no part of it: make a new plan \
                 when this one is done. {}",
                hosts(new),
                if new == 1 { "is" } else { "are" },
                plan.new_since.join(", ")
            ),
        );
    }
}
