//! Processes that run what is no longer on disk, by whose they are.

use super::source;
use crate::text::page::Page;
use crate::text::words::count;
use scrubjay_model::{Holder, Processes, Section, StaleProcess};

/// Units named before they are only counted.
const NAMED: usize = 8;

pub(in crate::text) fn processes(page: &mut Page, section: &Option<Section<Processes>>) {
    source(page, "old code", section, |page, processes| {
        let Processes { read, unread, complete, stale, left_out } = processes;
        let looked = count(*read, "process", "processes");
        let summary = match (stale.is_empty(), processes.is_whole()) {
            (true, true) => format!("no process runs deleted or replaced files ({looked})"),
            (true, false) => format!("found in none of {looked}"),
            (false, _) => {
                let stale =
                    stale.len().saturating_add(usize::try_from(*left_out).unwrap_or(usize::MAX));
                format!("deleted or replaced files run in {stale} of {looked}")
            }
        };
        page.field(2, "old code", &summary);
        for holder in Holder::ALL {
            let groups = processes.grouped(holder);
            let shown: Vec<String> =
                groups.iter().take(NAMED).map(|(name, group)| named(name, group)).collect();
            if shown.is_empty() {
                continue;
            }
            let more = match groups.len().checked_sub(shown.len()) {
                Some(0) | None => String::new(),
                Some(more) => format!(" and {more} more"),
            };
            page.more(2, &format!("- {}: {}{more}", of(holder), shown.join(", ")));
        }
        if *unread > 0 {
            let unread = count(*unread, "process", "processes");
            page.more(2, &format!("{unread} may not be looked at"));
        }
        if !complete {
            page.more(2, "not all processes of the host are seen");
        }
    });
}

fn of(holder: Holder) -> &'static str {
    match holder {
        Holder::Init => "process 1",
        Holder::Bus => "message bus",
        Holder::Service => "services",
        Holder::Session => "sessions",
        Holder::Container => "containers and other roots",
        Holder::Other => "others",
    }
}

fn named(name: &str, group: &[&StaleProcess]) -> String {
    let program =
        if group.iter().any(|process| process.program) { ", the program itself" } else { "" };
    match group {
        [only] => format!("{name} (pid {}{program})", only.pid),
        several => format!("{name} ({}{program})", count(several.len(), "process", "processes")),
    }
}
