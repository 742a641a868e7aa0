//! `scrubjay notify test`: tells receivers that nothing happened, to see whether they hear it.

use super::{print, reading};
use crate::cli::{NotifyCommand, NotifyTestArgs};
use crate::config::Settings;
use crate::exit::Exit;
use crate::header;
use crate::notify::{Receivers, Sending};
use scrubjay_collector::Collector;
use scrubjay_exporters::json;
use scrubjay_model::{Action, AlertKey, AlertNotice, AlertNoticeKind, RebootHelps, Sight, Verdict};
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;

pub(crate) fn run(settings: &Settings, command: &NotifyCommand) -> anyhow::Result<Exit> {
    match command {
        NotifyCommand::Test(args) => test(settings, args),
    }
}

fn test(settings: &Settings, args: &NotifyTestArgs) -> anyhow::Result<Exit> {
    let all = Receivers::of(&settings.notify);
    let receivers = match &args.to {
        Some(to) => all.called(to),
        None => all.clone(),
    };
    if receivers.by_name.is_empty() {
        let known: Vec<&str> = all.by_name.keys().map(String::as_str).collect();
        let known = if known.is_empty() { "there are none".to_owned() } else { known.join(", ") };
        writeln!(
            anstream::stderr(),
            "nobody of that name is told of alerts; the receivers that [notify] names: {known}"
        )?;
        return Ok(Exit::NoData);
    }
    let host = reading::host(settings)?;
    let at = Collector::new(Arc::clone(&host), reading::options(settings)).stamp();
    let header = header::read(&host, &settings.root);
    let host_name = header.host_name.value().map(String::as_str);
    let sending = Sending::new(settings, host_name);
    let notice = AlertNotice {
        kind: AlertNoticeKind::Test,
        key: AlertKey::new("test", "host"),
        verdict: Verdict::Watch,
        before: None,
        at_wall_ms: at.wall_ms,
        since_wall_ms: at.wall_ms,
        seen: Sight {
            verdict: Verdict::Watch,
            because: "scrubjay notify test was run; nothing happened".to_owned(),
            action: Action::Observe,
            remedy: "nothing, this is a test".to_owned(),
            reboot_helps: RebootHelps::No,
            origin: None,
            count: None,
        },
        why: None,
    };
    let mut page = String::new();
    let mut told = Vec::new();
    for (name, receiver) in &receivers.by_name {
        let failure = sending.tell(receiver, &[&notice]).1.map(|failure| failure.why().to_owned());
        // Writing to a String cannot fail.
        let _ = match &failure {
            None => writeln!(page, "{name}: told"),
            Some(why) => writeln!(page, "{name}: not told: {why}"),
        };
        told.push((name.clone(), failure));
    }
    let failed = told.iter().any(|(_, failure)| failure.is_some());
    print(&if args.read.json { json::notify_test(&told)? } else { page })?;
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}
